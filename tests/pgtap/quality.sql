-- Quality signals: who may be a witness, and the grade of earlier answers as a dimension.
-- Counting commits: what this file makes is removed by clean.psql.
\ir common.psql
SELECT no_plan();
SET roughly_auth.isolate_votes = off;
CREATE FUNCTION pg_temp.question(prompt text, dimensions text[] DEFAULT '{}', age interval DEFAULT '0', daily int DEFAULT NULL) RETURNS uuid LANGUAGE sql AS $$
  SELECT roughly_create_question('tap: ' || prompt, '{a,b,c}', dimensions, k => 5, min_batch => 5, witness_account_age => age, witness_daily_votes => daily) $$;
-- Twelve accounts, six of them a year old.
SELECT count(pg_temp.person('v' || n)) FROM generate_series(1, 12) n \g /dev/null
UPDATE roughly.users SET inserted_at = now() - interval '1 year' WHERE id IN (SELECT id FROM people WHERE name ~ '^v[1-6]$');

-- --- witnesses
SELECT pg_temp.question('anybody') AS anybody, pg_temp.question('old accounts', age => '1 month') AS old, pg_temp.question('older', age => '2 years') AS older \gset
SELECT count(pg_temp.vote('v' || n, q, 'b')) FROM generate_series(1, 12) n, unnest(ARRAY[:'anybody', :'old', :'older']::uuid[]) q \g /dev/null
SELECT is((SELECT count(DISTINCT octet_length(sealed)) FROM roughly.ballots WHERE question_id IN (:'anybody', :'old', :'older')), 1::bigint, 'a witness''s ballot looks like any');
CALL roughly_publish(:'anybody');
CALL roughly_publish(:'old');
CALL roughly_publish(:'older');
CREATE FUNCTION pg_temp.published(question uuid) RETURNS numeric LANGUAGE sql AS $$ SELECT coalesce(sum(votes), 0) FROM roughly_aggregate(question) $$;
SELECT is(pg_temp.published(:'anybody'), 12::numeric, 'with witnesses all votes are counted and shown');
SELECT is(pg_temp.published(:'old'), 12::numeric, 'votes of young accounts count, on the proof of six old ones');
SELECT is(pg_temp.published(:'older'), 0::numeric, 'without k witnesses nothing is shown');

SELECT array_agg(pg_temp.question('filler' || n) ORDER BY n) AS fillers FROM generate_series(1, 12) n \gset
SELECT pg_temp.question('hasty', daily => 10) AS hasty, pg_temp.question('calm', daily => 20) AS calm \gset
SELECT count(pg_temp.vote('v' || n, q, 'b')) FROM generate_series(1, 12) n, unnest(:'fillers'::uuid[]) WITH ORDINALITY f (q, place) WHERE place <= 7 \g /dev/null
SELECT count(pg_temp.vote('v' || n, q, 'a')) FROM generate_series(1, 12) n, unnest(ARRAY[:'hasty', :'calm']::uuid[]) q \g /dev/null
CALL roughly_publish(:'hasty');
CALL roughly_publish(:'calm');
SELECT is(pg_temp.published(:'hasty'), 0::numeric, 'who has answered ten questions that day is no witness');
SELECT is(pg_temp.published(:'calm'), 12::numeric, 'who has answered eleven is, where twenty are allowed');
SELECT is((SELECT array_agg(DISTINCT table_name) FROM information_schema.columns WHERE table_schema = 'roughly' AND column_name ~ 'witness'), '{questions}', 'no row about a person is kept for it');

-- --- the grade of answers
SELECT pg_temp.question('graded', '{answer_quality}') AS graded \gset
CREATE FUNCTION pg_temp.grade(name text, question uuid) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
  PERFORM pg_temp.act(name);
  RETURN (SELECT category FROM roughly_my_snapshot(question));
END $$;
SELECT pg_temp.person('new') \g /dev/null
UPDATE roughly.users SET inserted_at = now() - interval '1 hour' WHERE id = (SELECT id FROM people WHERE name = 'new');
BEGIN;
SELECT is(pg_temp.grade('new', :'graded'), 'not stated', 'who has hardly answered has no grade');
SELECT is(pg_temp.grade('v1', :'graded'), 'high', 'who has answered twelve of eighteen questions, not all alike, has a high one');
ROLLBACK;
SELECT count(pg_temp.vote('new', q, 'c')) FROM unnest(:'fillers'::uuid[]) WITH ORDINALITY f (q, place) WHERE place <= 7 \g /dev/null
BEGIN;
SELECT is(pg_temp.grade('new', :'graded'), 'medium', 'who has answered seven, a medium one');
ROLLBACK;
SELECT pg_temp.vote('new', :'older', 'c') \g /dev/null
BEGIN;
SELECT is(pg_temp.grade('new', :'graded'), 'low', 'eight answers at one place are low');
ROLLBACK;
SET SESSION AUTHORIZATION tap_admin;
SELECT roughly_add_contradiction(:'anybody', 'b', :'hasty', 'a') \g /dev/null
SELECT roughly_add_contradiction(:'anybody', 'b', :'hasty', 'a') \g /dev/null
SELECT throws_ok(format('SELECT roughly_add_contradiction(%L, %L, %L, %L)', one, a, other, b), code, NULL, why)
  FROM (VALUES (:'anybody', 'z', :'hasty', 'a', '22023', 'a contradiction needs choices that are there'), (:'anybody', 'a', :'hasty', 'z', '22023', 'both'), (gen_random_uuid()::text, 'a', :'hasty', 'a', '42704', 'and questions'),
               (:'anybody', 'a', :'anybody', 'b', '22023', 'two of them'), (NULL, 'a', :'hasty', 'a', '22004', 'and no null')) v (one, a, other, b, code, why);
RESET SESSION AUTHORIZATION;
BEGIN;
SELECT is(pg_temp.grade('v1', :'graded'), 'low', 'so are answers that the author of a question has declared to exclude each other');
ROLLBACK;
-- A dimension like any other: counted, and published under the same rule.
SELECT count(pg_temp.vote('v' || n, :'graded', 'a')) FROM generate_series(1, 12) n \g /dev/null
CALL roughly_publish(:'graded');
SELECT is((SELECT string_agg(slice ->> 'answer_quality' || ' ' || respondents, ', ') FROM roughly_aggregate(:'graded', '{answer_quality}') WHERE choice = 'a'), 'low 12', 'a slice by answer_quality');
SELECT is((SELECT state FROM pg_temp.outcome(format('UPDATE roughly.questions SET %s WHERE id = %L; SELECT roughly_recount(%L)', change, :'old', :'old'))), 'XX001', change || ' by hand is found')
  FROM unnest('{witness_account_age = ''0'',witness_daily_votes = 5}'::text[]) change;
SELECT throws_ok('SELECT roughly_create_question(''tap: bad'', ''{a,b}'', ' || argument || ')', code, NULL, argument)
  FROM (VALUES ('witness_account_age => ''-1 day''', '22023'), ('witness_account_age => NULL', '22004'), ('witness_account_age => ''101 years''', '22023'), ('witness_daily_votes => 0', '22023')) v (argument, code);
SELECT throws_ok($$SELECT roughly_add_dimension('tap_mine', 'answers', '{low,medium,high}')$$, '22023', 'the dimension of "answers" is answer_quality');

SELECT * FROM finish();
\ir clean.psql
