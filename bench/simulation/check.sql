-- Every vote is in a batch or waits, and what is published is what the batches hold.
\set ON_ERROR_STOP on
DO $$
DECLARE votes bigint; waiting bigint; counted bigint; wrong bigint;
BEGIN
  SELECT count(*) INTO votes FROM roughly.votes;
  SELECT count(*) INTO waiting FROM roughly.ballots;
  SELECT COALESCE(sum((SELECT max(respondents) FROM roughly_aggregate(id))), 0), count(*) FILTER (WHERE NOT roughly_recount(id))
    INTO counted, wrong FROM roughly.questions WHERE release > 0;
  IF votes = 0 OR counted = 0 OR votes <> waiting + counted OR wrong > 0 THEN
    RAISE '% votes, % counted, % waiting, % questions recount wrong', votes, counted, waiting, wrong;
  END IF;
  RAISE NOTICE '% votes: % counted, % waiting', votes, counted, waiting;
END $$;
