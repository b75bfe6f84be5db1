-- Randomised response: what is counted, what receipts keep, what readers are told. Its arithmetic is tested in tests/unit.
-- Counting commits: what this file makes is removed by clean.psql.
\ir common.psql
SELECT no_plan();
SET roughly_auth.isolate_votes = off;
SELECT roughly_create_question('tap: truth', '{a,b,c,d}', k => 5, min_batch => 5, epsilon => 1) AS truth,
       roughly_create_question('tap: sent', '{a,b,c,d}', k => 5, min_batch => 5, epsilon => 1, receipts => 'sent') AS sent,
       roughly_create_question('tap: none', '{a,b,c,d}', k => 5, min_batch => 5, epsilon => 1, receipts => 'none') AS none,
       roughly_create_question('tap: certain', '{a,b}', k => 5, min_batch => 5, epsilon => 10, receipts => 'none') AS certain,
       roughly_create_question('tap: exact', '{a,b}', k => 5, min_batch => 5) AS exact \gset
SELECT count(pg_temp.person('person' || n)) FROM generate_series(1, 40) n \g /dev/null
SELECT count(pg_temp.vote('person' || n, q, 'b')) FROM generate_series(1, 40) n, unnest(ARRAY[:'truth', :'sent', :'none', :'certain', :'exact']::uuid[]) q \g /dev/null

SELECT is((SELECT array_agg(DISTINCT octet_length(receipt)) FROM roughly.votes WHERE question_id IN (:'truth', :'sent', :'none')), (SELECT array_agg(DISTINCT octet_length(receipt)) FROM roughly.votes WHERE question_id = :'exact'), 'all receipts have one length');

-- --- what one's own answers say
CREATE TEMP TABLE answers AS SELECT NULL::text AS name, * FROM roughly_my_answers() LIMIT 0;
CREATE FUNCTION pg_temp.answers(person text) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  PERFORM pg_temp.act(person);
  INSERT INTO answers SELECT person, * FROM roughly_my_answers();
END $$;
BEGIN;
SELECT count(pg_temp.answers('person' || n)) FROM generate_series(1, 40) n \g /dev/null
COMMIT;
SELECT is((SELECT array_agg(DISTINCT choice) FROM answers WHERE question = :'truth'), '{b}', 'a receipt of the truth');
SELECT ok((SELECT count(DISTINCT choice) > 1 FROM answers WHERE question = :'sent'), 'one of what was sent');
SELECT is((SELECT count(*) FROM answers WHERE question IN (:'none', :'certain') AND choice IS NULL), 80::bigint, 'one that says only that one has answered');

-- --- the draw is the person's: who takes the vote back and casts it again sends the same
BEGIN;
SELECT pg_temp.person('again') \g /dev/null
CREATE FUNCTION pg_temp.sends(question uuid, choice text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
  sent text;
BEGIN
  PERFORM roughly_cast_vote(question, choice);
  SELECT a.choice INTO sent FROM roughly_my_answers(ARRAY[question]) a;
  RAISE EXCEPTION USING ERRCODE = 'TAP00', MESSAGE = sent;
EXCEPTION WHEN SQLSTATE 'TAP00' THEN
  RETURN SQLERRM;
END $$;
SELECT pg_temp.act('again') \g /dev/null
SELECT is((SELECT count(DISTINCT pg_temp.sends(:'sent', 'b')) FROM generate_series(1, 20)), 1::bigint, 'trying again does not draw again');
SELECT is((SELECT count(DISTINCT pg_temp.sends(q, 'b')) FROM (SELECT roughly_create_question('tap: ' || n, '{a,b,c,d}', epsilon => 0.1, receipts => 'sent') q FROM generate_series(1, 40) n) qs), 4::bigint, 'another question does');
ROLLBACK;

-- --- what is published
CALL roughly_publish(:'truth');
CALL roughly_publish(:'sent');
CALL roughly_publish(:'certain');
CALL roughly_publish(:'exact');
SET SESSION AUTHORIZATION tap_plain;
SELECT is((SELECT string_agg(choice || votes, ' ' ORDER BY choice) FROM roughly_aggregate(:'exact')), 'a0 b40', 'exact counts');
SELECT isnt((SELECT string_agg(choice || votes, ' ' ORDER BY choice) FROM roughly_aggregate(:'truth')), 'a0 b40 c0 d0', 'with randomised response not all are what they were');
SELECT is((SELECT sum(votes) FROM roughly_aggregate(:'truth')), 40::numeric, 'but all are counted');
SELECT ok(bool_and(abs(share - (votes / 40.0 - 1 / (exp(1) + 3)) / ((exp(1) - 1) / (exp(1) + 3))) < 1e-12), 'a share is the estimate of the truth') FROM roughly_aggregate(:'truth');
SELECT ok(abs(sum(share) - 1) < 1e-12, 'shares add up to one') FROM roughly_aggregate(:'truth');
SELECT ok(bool_and(low BETWEEN 0 AND high AND high <= 1), 'intervals lie in 0 to 1') FROM roughly_aggregate(:'truth');
SELECT is((SELECT array_agg(DISTINCT mechanism || ' ' || coalesce(epsilon::text, '-')) FROM roughly_release(:'truth')), '{randomised response 1}', 'a release names the mechanism');
SELECT is((SELECT array_agg(DISTINCT mechanism || ' ' || coalesce(epsilon::text, '-')) FROM roughly_release(:'exact')), '{exact counts -}', 'or that there is none');
SELECT results_eq($$SELECT prompt, epsilon, receipts FROM roughly_questions() WHERE prompt IN ('tap: truth', 'tap: none', 'tap: exact') ORDER BY 1$$,
  $$VALUES ('tap: exact', NULL, 'truth'), ('tap: none', 1::float8, 'none'), ('tap: truth', 1, 'truth')$$, 'whoever answers can know before');
RESET SESSION AUTHORIZATION;
SELECT is((SELECT sum(votes) FROM roughly_aggregate(:'sent') a), 40::numeric, 'receipts of what was sent');
SELECT results_eq(format('SELECT choice, votes FROM roughly_aggregate(%L) WHERE votes > 0 ORDER BY choice', :'sent'),
  format('SELECT choice, count(*) FROM answers WHERE question = %L GROUP BY 1 ORDER BY 1', :'sent'), 'are what was counted');

-- --- nobody changes it later
SELECT is((SELECT state FROM pg_temp.outcome(format('UPDATE roughly.questions SET %s WHERE id = %L; SELECT roughly_recount(%L)', change, :'truth', :'truth'))), 'XX001', change || ' by hand is found')
  FROM unnest('{epsilon = 10,epsilon = NULL,receipts = ''sent''}'::text[]) change;
UPDATE roughly.questions SET epsilon = 1, receipts = 'truth' WHERE id = :'truth';
SELECT throws_ok(format('SELECT roughly_create_question(%L, %L, epsilon => %L)', 'tap: bad', '{a,b}', epsilon), '22023', 'epsilon must be from 0.1 to 10', 'epsilon ' || epsilon) FROM unnest('{0,-1,0.09,10.1,NaN,Infinity}'::text[]) epsilon;
SELECT throws_ok($$SELECT roughly_create_question('tap: bad', '{a,b}', receipts => 'lies')$$, '22023', 'receipts must be truth, sent or none');
SELECT throws_ok($$SELECT roughly_create_question('tap: bad', '{a,b}', receipts => NULL)$$, '22004');

SELECT * FROM finish();
\ir clean.psql
