-- Questions: what they may be, listing and closing them.
\set VERBOSITY default
\set SHOW_CONTEXT never
\set state '\\echo SQLSTATE :SQLSTATE'
SET client_min_messages = warning;
CREATE EXTENSION roughly_auth;
CREATE ROLE regress_app LOGIN IN ROLE roughly_app;
CREATE ROLE regress_admin LOGIN IN ROLE roughly_admin;
CREATE ROLE regress_plain LOGIN;
\set nothing '00000000-0000-0000-0000-000000000000'
\pset null '(null)'

SET SESSION AUTHORIZATION regress_admin;
SELECT roughly_create_question('Which?', '{a,b}') AS simple \gset
SELECT roughly_create_question(prompt => E'Qu\u00e9?', choices => ARRAY[E's\u00ed', 'no', ' ', E'a "quoted"\none'], dimensions => '{gender,age_band,country}', k => 7, min_batch => 8,
  growth => 'Infinity', max_wait => NULL, max_dims => 3, max_rank => 4096, require_confirmed => false, min_account_age => '1 hour',
  opens_at => '2999-01-01', closes_at => '3000-01-01') AS full \gset
SELECT roughly_create_question('Once?', '{a,b}', '{gender}', opens_at => '2001-01-01') AS early \gset
SELECT :'simple' ~ '^........-....-4...-[89ab]...-............$' AS "version 4", :'simple' <> :'full' AS differ;
-- What is frozen.
RESET SESSION AUTHORIZATION;
SELECT prompt, choices, k, max_rank, min_batch, growth, max_wait, max_dims, require_confirmed, min_account_age, state, batch, release, released_at
  FROM roughly.questions ORDER BY prompt COLLATE "C";
SELECT opens_at = inserted_at AS "opens at once", closes_at FROM roughly.questions WHERE id = :'simple';
SELECT count(*), max(release_no), min(cardinality(view)) FROM roughly.releases;
-- A dimension that changes, or goes, does not change the question.
BEGIN;
UPDATE roughly.dimensions SET categories = '{x}' WHERE name = 'gender';
DELETE FROM roughly.dimensions WHERE name = 'country';
SELECT dimensions FROM roughly_questions() WHERE question = :'full';
ROLLBACK;

-- Anybody may list them.
SET SESSION AUTHORIZATION regress_plain;
SELECT prompt, choices, dimensions, k, max_dims, state, opens_at > now() AS later, closes_at > now() AS "not over" FROM roughly_questions() ORDER BY prompt COLLATE "C";
SELECT roughly_create_question('Which?', '{a,b}'); :state
SELECT roughly_close_question(:'simple'); :state
SELECT FROM roughly.questions; :state
SET SESSION AUTHORIZATION regress_app;
SELECT count(*) FROM roughly_questions();
SELECT roughly_create_question('Which?', '{a,b}'); :state
SELECT roughly_close_question(:'simple'); :state
SELECT FROM roughly.questions; :state
SET SESSION AUTHORIZATION regress_admin;
SELECT FROM roughly.questions; :state

-- No prompt.
SELECT roughly_create_question(NULL, '{a,b}'); :state
SELECT roughly_create_question('', '{a,b}'); :state
SELECT roughly_create_question(repeat('x', 10001), '{a,b}'); :state
-- No choices.
SELECT roughly_create_question('Which?', NULL); :state
SELECT roughly_create_question('Which?', '{}'); :state
SELECT roughly_create_question('Which?', '{a}'); :state
SELECT roughly_create_question('Which?', '{a,NULL}'); :state
SELECT roughly_create_question('Which?', '{a,""}'); :state
SELECT roughly_create_question('Which?', '{a,b,a}'); :state
SELECT roughly_create_question('Which?', ARRAY['a', repeat('x', 201)]); :state
SELECT roughly_create_question('Which?', (SELECT array_agg(n::text) FROM generate_series(1, 65) n)); :state
-- No dimensions.
SELECT roughly_create_question('Which?', '{a,b}', NULL); :state
SELECT roughly_create_question('Which?', '{a,b}', '{shoe_size}'); :state
SELECT roughly_create_question('Which?', '{a,b}', '{""}'); :state
SELECT roughly_create_question('Which?', '{a,b}', '{gender,NULL}'); :state
SELECT roughly_create_question('Which?', '{a,b}', '{gender,country,gender}'); :state
SELECT roughly_create_question('Which?', '{a,b}', '{Gender}'); :state
SELECT roughly_create_question('Which?', '{a,b}', '{a,b,c,d,e,f,g,h,i}'); :state
-- No k, no schedule.
SELECT roughly_create_question('Which?', '{a,b}', k => NULL); :state
SELECT roughly_create_question('Which?', '{a,b}', k => 0); :state
SELECT roughly_create_question('Which?', '{a,b}', k => -10); :state
SELECT roughly_create_question('Which?', '{a,b}', k => 4); :state
SELECT roughly_create_question('Which?', '{a,b}', k => 1000001); :state
SELECT roughly_create_question('Which?', '{a,b}', min_batch => 9); :state
SELECT roughly_create_question('Which?', '{a,b}', min_batch => 0); :state
SELECT roughly_create_question('Which?', '{a,b}', min_batch => -1); :state
SELECT roughly_create_question('Which?', '{a,b}', min_batch => 1000000001); :state
SELECT roughly_create_question('Which?', '{a,b}', growth => NULL); :state
SELECT roughly_create_question('Which?', '{a,b}', growth => 0); :state
SELECT roughly_create_question('Which?', '{a,b}', growth => 0.09); :state
SELECT roughly_create_question('Which?', '{a,b}', growth => -1); :state
SELECT roughly_create_question('Which?', '{a,b}', growth => 'NaN'); :state
SELECT roughly_create_question('Which?', '{a,b}', growth => '-Infinity'); :state
SELECT roughly_create_question('Which?', '{a,b}', max_wait => '0'); :state
SELECT roughly_create_question('Which?', '{a,b}', max_wait => '-1 day'); :state
SELECT roughly_create_question('Which?', '{a,b}', max_dims => NULL); :state
SELECT roughly_create_question('Which?', '{a,b}', max_dims => -1); :state
SELECT roughly_create_question('Which?', '{a,b}', max_dims => 9); :state
SELECT roughly_create_question('Which?', '{a,b}', max_rank => NULL); :state
SELECT roughly_create_question('Which?', '{a,b}', max_rank => 0); :state
SELECT roughly_create_question('Which?', '{a,b}', max_rank => 4097); :state
SELECT roughly_create_question('Which?', '{a,b}', require_confirmed => NULL); :state
SELECT roughly_create_question('Which?', '{a,b}', min_account_age => NULL); :state
SELECT roughly_create_question('Which?', '{a,b}', min_account_age => '-1 second'); :state
SELECT roughly_create_question('Which?', '{a,b}', closes_at => '2001-01-01'); :state
SELECT roughly_create_question('Which?', '{a,b}', closes_at => now()); :state
SELECT roughly_create_question('Which?', '{a,b}', opens_at => '2999-01-02', closes_at => '2999-01-01'); :state
SELECT roughly_create_question('Which?', '{a,b}', opens_at => '2999-01-01', closes_at => '2999-01-01'); :state
SELECT count(*) AS "still three" FROM roughly_questions();
-- The least k is a superuser's decision.
SET roughly_auth.min_k = 2; :state
RESET SESSION AUTHORIZATION;
SET roughly_auth.min_k = 20;
SELECT roughly_create_question('Which?', '{a,b}'); :state
SET roughly_auth.min_k = 2;
BEGIN;
SELECT roughly_create_question('Which?', '{a,b}', k => 2) IS NOT NULL AS made;
-- As much as there may be.
SELECT roughly_create_question(repeat('x', 10000), (SELECT array_agg(repeat('x', 197) || n) FROM generate_series(100, 163) n), '{age_band,country,region,gender,education_level,income_bracket}',
  1000000, 1000000000, 1e300, '1 microsecond', 8, 4096, true, '0', '-infinity', 'infinity') IS NOT NULL AS made;
SELECT roughly_create_question('Never?', '{a,b}', opens_at => 'infinity') IS NOT NULL AS made;
SELECT left(prompt, 10) AS prompt, cardinality(choices) AS choices, dimensions, k, max_dims, state, opens_at, closes_at FROM roughly_questions()
 WHERE opens_at IN ('-infinity', 'infinity') ORDER BY opens_at;
ROLLBACK;
RESET roughly_auth.min_k;
BEGIN READ ONLY;
SELECT roughly_create_question('Which?', '{a,b}'); :state
ROLLBACK;

-- Closing.
SET SESSION AUTHORIZATION regress_admin;
SELECT roughly_close_question(NULL); :state
SELECT roughly_close_question(:'nothing'); :state
SELECT roughly_close_question(:'simple'); :state
SELECT roughly_close_question(:'simple'); :state
SELECT state, closes_at <= clock_timestamp() AS "has an end" FROM roughly_questions() WHERE question = :'simple';
SELECT roughly_close_question(:'full'); :state
SELECT state, closes_at < opens_at AS "before it opened" FROM roughly_questions() WHERE question = :'full';
RESET SESSION AUTHORIZATION;
UPDATE roughly.questions SET closes_at = now() WHERE id = :'early';
SELECT state FROM roughly_questions() WHERE question = :'early'; -- over by the clock
BEGIN READ ONLY;
SELECT roughly_close_question(:'early'); :state
ROLLBACK;
BEGIN;
SELECT roughly_close_question(:'early'); :state
ROLLBACK;

-- Arguments of another type, too few or too many, and settings out of range are PostgreSQL's to refuse.
\set VERBOSITY sqlstate
SELECT roughly_questions(1);
SELECT roughly_create_question('Which?');
SELECT roughly_create_question(1, '{a,b}');
SELECT roughly_create_question('Which?', 'a');
SELECT roughly_create_question('Which?', '{1,2}'::int[]);
SELECT roughly_create_question('Which?', '{a,b}', k => 2147483648);
SELECT roughly_create_question('Which?', '{a,b}', max_wait => 'soon');
SELECT roughly_create_question('Which?', '{a,b}', require_confirmed => 'perhaps');
SELECT roughly_create_question('Which?', '{a,b}', opens_at => 'some day');
SELECT roughly_create_question();
SET roughly_auth.min_k = 1;
SELECT roughly_close_question('x');
SELECT roughly_close_question();
\set VERBOSITY default

DROP ROLE regress_app, regress_admin, regress_plain;
DROP EXTENSION roughly_auth;
