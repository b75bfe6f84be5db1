-- Counting: when a batch is due, that the numbers are the votes, what is destroyed, and what stops one question only.
\set ON_ERROR_ROLLBACK off
\ir common.psql
SELECT no_plan();
SET roughly_auth.min_k = 2;
\set psql 'psql -XAtq -h ' :HOST ' -p ' :PORT ' -U ' :USER ' -d ' :DBNAME
\setenv TAP_PSQL :psql

-- Twelve people; what each would answer.
CREATE TABLE tap.voters AS SELECT n, 'v' || n AS name, CASE WHEN n % 4 = 0 THEN 'b' ELSE 'a' END AS choice, CASE WHEN n <= 7 THEN 'female' ELSE 'male' END AS gender FROM generate_series(1, 12) n;
GRANT SELECT ON tap.voters TO PUBLIC;
SELECT pg_temp.person(name, jsonb_build_object('gender', gender)) FROM tap.voters ORDER BY n \g /dev/null
CREATE PROCEDURE tap.vote(question uuid, first int, last int) LANGUAGE plpgsql AS $$
DECLARE
  voter record;
BEGIN
  FOR voter IN SELECT * FROM tap.voters WHERE n BETWEEN first AND last ORDER BY n LOOP
    PERFORM pg_temp.act(voter.name);
    PERFORM roughly_cast_vote(question, voter.choice);
    COMMIT;
  END LOOP;
END $$;
-- The published total as one text, and the numbers of its releases.
CREATE FUNCTION pg_temp.total(question uuid) RETURNS text LANGUAGE sql AS $$
  SELECT string_agg(choice || ' ' || votes || '/' || respondents || ' @' || as_of, ', ') FROM roughly_aggregate(question) $$;
CREATE FUNCTION pg_temp.truth(first int, last int, as_of int) RETURNS text LANGUAGE sql AS $$
  SELECT string_agg(c || ' ' || (SELECT count(*) FROM tap.voters WHERE n BETWEEN first AND last AND choice = c) || '/' || last - first + 1 || ' @' || as_of, ', ') FROM unnest('{a,b,c}'::text[]) c $$;
CREATE FUNCTION pg_temp.kept(question uuid) RETURNS text LANGUAGE sql AS $$
  SELECT state || ', batch ' || batch || ', release ' || release || ', ' || (SELECT count(*) FROM roughly.votes WHERE question_id = id) || ' votes, '
    || (SELECT count(*) FROM roughly.ballots b WHERE b.question_id = q.id) || ' ballots, ' || (SELECT count(DISTINCT batch_no) FROM roughly.batches b WHERE b.question_id = q.id) || ' batches'
    FROM roughly.questions q WHERE id = question $$;

-- Nothing before min_batch; then everything, and nothing is due again.
SELECT roughly_create_question('tap: growth', '{a,b,c}', '{gender}', k => 2, min_batch => 4, growth => 1, max_wait => NULL) AS growth \gset
CALL roughly_publish(:'growth');
SELECT is(pg_temp.kept(:'growth'), 'open, batch 0, release 0, 0 votes, 0 ballots, 0 batches', 'nobody has voted, nothing happens');
CALL tap.vote(:'growth', 1, 3);
CALL roughly_publish(:'growth');
SELECT is(pg_temp.total(:'growth'), NULL, 'three of four: nothing is published');
SELECT is_empty(format('SELECT * FROM roughly_release(%L)', :'growth'), 'nothing is told');
SELECT is(pg_temp.kept(:'growth'), 'open, batch 0, release 0, 3 votes, 3 ballots, 0 batches', 'the ballots wait');
CALL tap.vote(:'growth', 4, 4);
CALL roughly_publish(:'growth');
SELECT is(pg_temp.total(:'growth'), pg_temp.truth(1, 4, 1), 'four: the numbers are the votes, and the choice nobody took is 0');
SELECT is(pg_temp.kept(:'growth'), 'open, batch 1, release 1, 4 votes, 0 ballots, 1 batches', 'the ballots are in a batch');
SELECT md5(string_agg(r::text, '|' ORDER BY view)) AS first_release FROM roughly.releases r WHERE question_id = :'growth' \gset
CALL roughly_publish(:'growth');
SELECT is(md5(string_agg(r::text, '|' ORDER BY view)), :'first_release', 'counting again does nothing') FROM roughly.releases r WHERE question_id = :'growth';
-- Growth 1: as many again as were counted.
CALL tap.vote(:'growth', 5, 7);
CALL roughly_publish(:'growth');
SELECT is(pg_temp.total(:'growth'), pg_temp.truth(1, 4, 1), 'three more than four are not enough');
CALL tap.vote(:'growth', 8, 8);
CALL roughly_publish(:'growth');
SELECT is(pg_temp.total(:'growth'), pg_temp.truth(1, 8, 2), 'four more are, and as_of says which release this is');
CALL tap.vote(:'growth', 9, 12);
CALL roughly_publish(:'growth');
SELECT is(pg_temp.total(:'growth'), pg_temp.truth(1, 8, 2), 'now it is eight');
SELECT is(md5(string_agg(r::text, '|' ORDER BY view)), :'first_release', 'what was published stays as it was, row by row') FROM roughly.releases r WHERE question_id = :'growth' AND release_no <= 1;
SELECT is((SELECT array_agg(release_no ORDER BY release_no) FROM roughly.releases WHERE question_id = :'growth' AND view = '{}'), '{0,1,2}'::int[], 'rows are only added');
SELECT results_eq(format('SELECT slice, choice, votes, as_of FROM roughly_aggregate(%L, ''{gender}'')', :'growth'),
  $$SELECT '{"gender": "female"}'::jsonb, c, (SELECT count(*) FROM tap.voters WHERE n <= 4 AND choice = c), 1 FROM unnest('{a,b,c}'::text[]) c$$,
  'one man among seven women: neither he nor the women who came with him are shown, the women of before still are');
SELECT ok(roughly_recount(:'growth'), 'a fresh count of the batches is the tally');

-- Waiting: long enough after the last release, min_batch is enough.
SELECT roughly_create_question('tap: wait', '{a,b,c}', k => 2, min_batch => 2, growth => 5, max_wait => '1 hour') AS wait \gset
CALL tap.vote(:'wait', 1, 2);
CALL roughly_publish(:'wait');
SELECT is(pg_temp.total(:'wait'), pg_temp.truth(1, 2, 1), 'the first batch waits for min_batch only');
CALL tap.vote(:'wait', 3, 4);
UPDATE roughly.questions SET released_at = now() - interval '59 minutes' WHERE id = :'wait';
CALL roughly_publish(:'wait');
SELECT is(pg_temp.total(:'wait'), pg_temp.truth(1, 2, 1), 'not after 59 minutes');
UPDATE roughly.questions SET released_at = now() - interval '1 hour' WHERE id = :'wait';
CALL roughly_publish(:'wait');
SELECT is(pg_temp.total(:'wait'), pg_temp.truth(1, 4, 2), 'after an hour');
CALL tap.vote(:'wait', 5, 5);
UPDATE roughly.questions SET released_at = now() - interval '1 day' WHERE id = :'wait';
CALL roughly_publish(:'wait');
SELECT is(pg_temp.total(:'wait'), pg_temp.truth(1, 4, 2), 'but never fewer than min_batch');

-- Once, at the closing.
SELECT roughly_create_question('tap: once', '{a,b,c}', k => 2, min_batch => 2, growth => 'Infinity', max_wait => NULL) AS once,
       roughly_create_question('tap: vast', '{a,b,c}', k => 2, min_batch => 2, growth => 1e300, max_wait => NULL) AS vast \gset
CALL tap.vote(:'once', 1, 6);
CALL tap.vote(:'vast', 1, 2);
CALL roughly_publish(:'vast');
CALL tap.vote(:'vast', 3, 6);
CALL roughly_publish_due();
SELECT is(pg_temp.total(:'once'), NULL, 'growth Infinity publishes nothing before the closing');
SELECT is(pg_temp.total(:'vast'), pg_temp.truth(1, 2, 1), 'growth 1e300 publishes nothing after the first');
SELECT roughly_close_question(:'once') \g /dev/null
SELECT is(pg_temp.total(:'once'), NULL, 'closing itself counts nothing');
CALL roughly_publish(:'once');
SELECT is(pg_temp.total(:'once'), pg_temp.truth(1, 6, 1), 'the next call does');
SELECT is(pg_temp.kept(:'once'), 'counted, batch 1, release 1, 6 votes, 0 ballots, 1 batches', 'and the question is done');
-- The last batch: k is enough, fewer are destroyed.
SELECT roughly_create_question('tap: last', '{a,b,c}', k => 3, min_batch => 4, max_wait => NULL) AS last,
       roughly_create_question('tap: few', '{a,b,c}', k => 3, min_batch => 4, max_wait => NULL) AS few,
       roughly_create_question('tap: none', '{a,b,c}', k => 3) AS none,
       roughly_create_question('tap: over', '{a,b,c}', k => 3, closes_at => now() + interval '1 day') AS over \gset
CALL tap.vote(:'last', 1, 7);
CALL roughly_publish(:'last');
CALL tap.vote(:'last', 8, 10);
CALL tap.vote(:'few', 1, 4);
CALL roughly_publish(:'few');
CALL tap.vote(:'few', 5, 6);
CALL tap.vote(:'over', 1, 3);
UPDATE roughly.questions SET closes_at = now() WHERE id = :'over';
SELECT roughly_close_question(id) FROM unnest(ARRAY[:'last', :'few', :'none']::uuid[]) id \g /dev/null
CALL roughly_publish_due();
SELECT is(pg_temp.total(:'last'), pg_temp.truth(1, 10, 2), 'k at the closing are counted, though fewer than min_batch');
SELECT is(pg_temp.kept(:'last'), 'counted, batch 2, release 2, 10 votes, 0 ballots, 2 batches', 'and that was that');
SELECT is(pg_temp.total(:'few'), pg_temp.truth(1, 4, 1), 'fewer than k at the closing are never published');
SELECT is(pg_temp.kept(:'few'), 'counted, batch 1, release 1, 6 votes, 0 ballots, 1 batches', 'and destroyed');
SELECT is(pg_temp.kept(:'none'), 'counted, batch 0, release 0, 0 votes, 0 ballots, 0 batches', 'a question nobody answered is done');
SELECT is(pg_temp.kept(:'over'), 'counted, batch 1, release 1, 3 votes, 0 ballots, 1 batches', 'one past its end is closed and counted');
SELECT is(pg_temp.total(:'over'), pg_temp.truth(1, 3, 1), 'in full');
SELECT ok(roughly_recount(id), 'recounted: ' || prompt) FROM roughly.questions WHERE prompt ~ '^tap: ' ORDER BY prompt;
-- Own answers outlive all that.
BEGIN;
SELECT pg_temp.act('v5') \g /dev/null
SELECT is((SELECT string_agg(prompt, ', ' ORDER BY prompt) FROM roughly_my_answers() WHERE choice = 'a'), 'tap: few, tap: growth, tap: last, tap: once, tap: vast, tap: wait', 'the destroyed one too, to its voter');
COMMIT;

-- A ballot that does not open stops its question and no other, is named, and is still there.
SELECT roughly_create_question('tap: bad', '{a,b,c}', k => 2, min_batch => 2, max_wait => NULL) AS bad,
       roughly_create_question('tap: good', '{a,b,c}', k => 2, min_batch => 2, max_wait => NULL) AS good,
       roughly_create_question('tap: better', '{a,b,c}', k => 2, min_batch => 2, max_wait => NULL) AS better \gset
CALL tap.vote(:'bad', 1, 3);
CALL tap.vote(:'good', 1, 3);
CALL tap.vote(:'better', 1, 3);
SELECT id AS ballot, sealed FROM roughly.ballots WHERE question_id = :'bad' LIMIT 1 \gset
UPDATE roughly.ballots SET sealed = set_byte(sealed, 20, get_byte(sealed, 20) # 1) WHERE question_id = :'bad' AND id = :'ballot';
\set due `echo 'CALL roughly_publish_due()' | $TAP_PSQL -v VERBOSITY=verbose 2>&1`
SELECT matches(:'due'::text, 'WARNING: .*question ' || :'bad' || ' could not be published: ballot ' || :'ballot' || ' of question ' || :'bad' || ' does not open', 'publish_due names the question and the ballot');
SELECT is((SELECT count(*) FROM regexp_matches(:'due'::text, 'WARNING', 'g')), 1::bigint, 'and no other');
SELECT matches(:'due'::text, 'ERROR: +XX001: 1 of \d+ questions could not be published', 'fails at the end with XX001');
SELECT matches(:'due'::text, 'HINT: +The warnings name them; the others are published', 'and says so');
SELECT is(pg_temp.total(:'good'), pg_temp.truth(1, 3, 1), 'the others are published');
SELECT is(pg_temp.total(:'better'), pg_temp.truth(1, 3, 1), 'all of them');
SELECT is(pg_temp.kept(:'bad'), 'open, batch 0, release 0, 3 votes, 3 ballots, 0 batches', 'of the bad one nothing has changed');
\setenv TAP_BAD :bad
\set one `echo "CALL roughly_publish('$TAP_BAD')" | $TAP_PSQL -v VERBOSITY=verbose 2>&1`
SELECT matches(:'one'::text, 'ERROR: +XX001: ballot ' || :'ballot' || ' of question ' || :'bad' || ' does not open', 'roughly_publish says the same');
UPDATE roughly.ballots SET sealed = :'sealed' WHERE question_id = :'bad' AND id = :'ballot';
CALL roughly_publish(:'bad');
SELECT is(pg_temp.total(:'bad'), pg_temp.truth(1, 3, 1), 'put right, it is counted');

-- Interrupted between freezing and releasing: nothing of the batch shows, and the next call goes on.
CALL tap.vote(:'bad', 4, 8);
CREATE TABLE tap.tally AS SELECT * FROM roughly.tallies WHERE question_id = :'bad';
UPDATE roughly.tallies SET sealed = set_byte(sealed, 30, get_byte(sealed, 30) # 1) WHERE question_id = :'bad';
\set broken `echo "CALL roughly_publish('$TAP_BAD')" | $TAP_PSQL -v VERBOSITY=verbose 2>&1`
SELECT matches(:'broken'::text, 'ERROR: +XX001: ', 'a tally that does not open stops the release');
SELECT is(pg_temp.total(:'bad'), pg_temp.truth(1, 3, 1), 'nothing more is published');
UPDATE roughly.tallies SET sealed = (SELECT sealed FROM tap.tally) WHERE question_id = :'bad';
CALL roughly_publish(:'bad');
SELECT is(pg_temp.total(:'bad'), pg_temp.truth(1, 8, 2), 'with the tally restored it goes on');
-- A frozen batch that is not released is not forgotten.
UPDATE roughly.questions SET release = 1 WHERE id = :'bad';
SELECT roughly_forget_batches(:'bad') \g /dev/null
SELECT is((SELECT array_agg(batch_no) FROM roughly.batches WHERE question_id = :'bad'), '{2}'::int[], 'forgetting takes released batches only');
UPDATE roughly.questions SET release = 2 WHERE id = :'bad';

-- A ballot counted before is refused when it comes back.
CALL tap.vote(:'good', 4, 7);
CREATE TABLE tap.ballots AS SELECT * FROM roughly.ballots WHERE question_id = :'good';
CALL roughly_publish(:'good');
SELECT is(pg_temp.total(:'good'), pg_temp.truth(1, 7, 2), 'counted');
INSERT INTO roughly.ballots SELECT * FROM tap.ballots;
\setenv TAP_GOOD :good
\set replay `echo "CALL roughly_publish('$TAP_GOOD')" | $TAP_PSQL -v VERBOSITY=verbose 2>&1`
SELECT matches(:'replay'::text, 'ERROR: +XX001: ballot [0-9a-f-]{36} of question ' || :'good' || ' has been counted before\nHINT: +It was put back', 'ballots put back are named');
SELECT is(pg_temp.total(:'good'), pg_temp.truth(1, 7, 2), 'and not counted');
DELETE FROM roughly.ballots WHERE question_id = :'good';
-- Forgotten batches cannot be recounted; numbers stay.
SELECT roughly_forget_batches(:'good') \g /dev/null
SELECT is(state || ' ' || message, '55000 batch 1 of the question has been forgotten and cannot be counted again', 'no recount without batches') FROM pg_temp.outcome(format('SELECT roughly_recount(%L)', :'good'));
SELECT is(pg_temp.total(:'good'), pg_temp.truth(1, 7, 2), 'the numbers stay');
CALL tap.vote(:'good', 8, 11);
CALL roughly_publish(:'good');
SELECT is(pg_temp.total(:'good'), pg_temp.truth(1, 11, 3), 'and counting goes on');

-- Only on its own, whoever calls.
SELECT is(state, '25001', 'not inside a function') FROM pg_temp.outcome('CALL roughly_publish_due()');
BEGIN;
SELECT is(state, '25001', 'nor in a transaction block') FROM pg_temp.outcome(format('CALL roughly_publish(%L)', :'good'));
COMMIT;
-- Whatever the session has set.
CALL tap.vote(:'better', 4, 8);
SET SESSION AUTHORIZATION tap_admin;
SET default_transaction_isolation = 'serializable';
SET synchronous_commit = off;
SET row_security = off;
SET search_path = '';
CALL public.roughly_publish(:'better');
RESET ALL;
RESET SESSION AUTHORIZATION;
SELECT is(pg_temp.total(:'better'), pg_temp.truth(1, 8, 2), 'isolation, durability, row_security and search_path of the caller do not matter');

-- A question that could be made can be counted, or could not be made.
SELECT ok(made.state ~ '^22' OR closed.state = '00000', what || ': ' || made.state || ', ' || closed.state || coalesce(' ' || closed.message, ''))
  FROM (VALUES ('min_account_age of a million years', 'min_account_age => ''1000000 years'''), ('max_wait of 292000 years', 'max_wait => ''292000 years'''),
    ('max_wait of a hundred million years', 'max_wait => ''100000000 years''')) v (what, argument),
    LATERAL pg_temp.outcome(format('SELECT roughly_create_question(''tap: aeon'', ''{a,b}'', %s)', argument)) made,
    LATERAL pg_temp.outcome(format('SELECT roughly_close_question(roughly_create_question(''tap: aeon'', ''{a,b}'', %s))', argument)) closed;

SELECT * FROM finish();
\ir clean.psql
