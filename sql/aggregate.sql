-- Reading what has been published.
\set VERBOSITY default
\set SHOW_CONTEXT never
\set state '\\echo SQLSTATE :SQLSTATE'
SET client_min_messages = warning;
CREATE EXTENSION roughly_auth;
CREATE ROLE regress_app LOGIN IN ROLE roughly_app;
CREATE ROLE regress_plain LOGIN;
SET roughly_auth.min_k = 2;
\set nothing '00000000-0000-0000-0000-000000000000'
\pset null '(null)'

-- Twelve people: eight women and four men in two countries; one woman does not state hers, and so hides her country's.
SELECT roughly_hash_password('correct horse') AS hash \gset
CREATE TABLE people (n int, profile jsonb, choice text, token text);
GRANT SELECT ON people TO regress_app;
INSERT INTO people (n, profile, choice) SELECT n,
    jsonb_strip_nulls(jsonb_build_object('gender', CASE WHEN n <= 8 THEN 'female' ELSE 'male' END,
      'country', CASE WHEN n <= 4 OR n BETWEEN 9 AND 10 THEN 'DE' WHEN n = 8 THEN NULL ELSE 'FR' END, 'birth_year', 1900)),
    CASE WHEN n % 3 = 0 THEN 'coffee' ELSE 'tea' END
  FROM generate_series(1, 12) n;
SELECT count(roughly_admin_import_user('p' || n || '@example.org', :'hash')) FROM people;
UPDATE people SET token = (SELECT session_token FROM roughly_log_in('p' || n || '@example.org', 'correct horse'));
CREATE PROCEDURE everybody_votes(question uuid) LANGUAGE plpgsql AS $$
DECLARE
  person record;
BEGIN
  FOR person IN SELECT * FROM public.people ORDER BY n LOOP
    PERFORM roughly_authenticate(person.token);
    PERFORM roughly_set_profile(person.profile);
    COMMIT;
    PERFORM roughly_authenticate(person.token);
    PERFORM roughly_cast_vote(question, person.choice);
    COMMIT;
  END LOOP;
END $$;
SELECT roughly_create_question('Tea or coffee?', '{tea,coffee,neither}', '{gender,country,age_band}', k => 2, min_batch => 12) AS question \gset
SELECT roughly_create_question('Nothing yet?', '{yes,no}', '{gender,country}', max_dims => 1) AS fresh \gset
SELECT roughly_create_question('No dimensions?', '{yes,no}') AS plain \gset
SET SESSION AUTHORIZATION regress_app;
CALL everybody_votes(:'question');
RESET SESSION AUTHORIZATION;
CALL roughly_publish(:'question');

-- Everybody reads.
SET SESSION AUTHORIZATION regress_plain;
SELECT slice, choice, votes, respondents, round(share::numeric, 4) AS share, round(low::numeric, 4) AS low, round(high::numeric, 4) AS high, as_of
  FROM roughly_aggregate(:'question');
SELECT slice, choice, votes, respondents, as_of FROM roughly_aggregate(:'question', '{gender}');
SELECT slice, choice, votes, respondents, as_of FROM roughly_aggregate(:'question', '{country}');
SELECT slice, choice, votes, respondents, as_of FROM roughly_aggregate(:'question', '{age_band}');
SELECT slice, choice, votes, respondents, as_of FROM roughly_aggregate(:'question', '{gender,country}');
-- The order in which dimensions are named makes no difference.
SELECT count(*) AS different FROM (
  (SELECT * FROM roughly_aggregate(:'question', '{gender,country}') EXCEPT SELECT * FROM roughly_aggregate(:'question', '{country,gender}'))
  UNION ALL
  (SELECT * FROM roughly_aggregate(:'question', '{country,gender}') EXCEPT SELECT * FROM roughly_aggregate(:'question', '{gender,country}'))) d;
SELECT "by", release, cells, k FROM roughly_release(:'question') ORDER BY cardinality("by"), "by" COLLATE "C";
-- Nothing published is no rows, by whatever dimensions there are.
SELECT * FROM roughly_aggregate(:'fresh');
SELECT * FROM roughly_aggregate(:'fresh', '{gender}');
SELECT * FROM roughly_aggregate(:'plain');
SELECT * FROM roughly_release(:'fresh');

-- Refused, the same before and after publishing.
SELECT * FROM roughly_aggregate(NULL); :state
SELECT * FROM roughly_aggregate(:'nothing'); :state
SELECT * FROM roughly_aggregate(:'nothing', '{gender}'); :state
SELECT * FROM roughly_aggregate(:'question', NULL); :state
SELECT * FROM roughly_aggregate(:'question', '{NULL}'); :state
SELECT * FROM roughly_aggregate(:'question', '{gender,NULL}'); :state
SELECT * FROM roughly_aggregate(:'question', '{shoe_size}'); :state
SELECT * FROM roughly_aggregate(:'fresh', '{shoe_size}'); :state
SELECT * FROM roughly_aggregate(:'plain', '{gender}'); :state
SELECT * FROM roughly_aggregate(:'question', '{""}'); :state
SELECT * FROM roughly_aggregate(:'question', '{Gender}'); :state
SELECT * FROM roughly_aggregate(:'question', '{region}'); :state
SELECT * FROM roughly_aggregate(:'question', ARRAY[repeat('x', 100)]); :state
SELECT * FROM roughly_aggregate(:'question', '{gender,gender}'); :state
SELECT * FROM roughly_aggregate(:'question', '{gender,country,age_band}'); :state
SELECT * FROM roughly_aggregate(:'fresh', '{gender,country}'); :state
SELECT * FROM roughly_aggregate(:'question', (SELECT array_agg('d' || n) FROM generate_series(1, 100000) n)); :state
SELECT * FROM roughly_release(NULL); :state
SELECT * FROM roughly_release(:'nothing'); :state
SELECT FROM roughly.releases; :state
RESET SESSION AUTHORIZATION;

-- A published view that was damaged by hand.
BEGIN;
UPDATE roughly.releases SET cells = '\x02' WHERE question_id = :'question' AND view = '{}';
SELECT * FROM roughly_aggregate(:'question'); :state
ROLLBACK;
BEGIN;
UPDATE roughly.releases SET cells = substr(cells, 1, 12) WHERE question_id = :'question' AND view = '{}';
SELECT * FROM roughly_aggregate(:'question'); :state
ROLLBACK;
BEGIN;
UPDATE roughly.releases SET cells = '' WHERE question_id = :'question' AND view = '{}';
SELECT * FROM roughly_release(:'question'); :state
ROLLBACK;

-- Arguments of another type, too few or too many, are PostgreSQL's to refuse.
\set VERBOSITY sqlstate
SELECT * FROM roughly_aggregate('x');
SELECT * FROM roughly_aggregate(:'nothing', 'gender');
SELECT * FROM roughly_aggregate();
SELECT * FROM roughly_aggregate(:'nothing', '{gender}', 1);
SELECT * FROM roughly_release('x');
SELECT * FROM roughly_release();
\set VERBOSITY default

DROP TABLE people;
DROP PROCEDURE everybody_votes;
DROP ROLE regress_app, regress_plain;
DROP EXTENSION roughly_auth;
