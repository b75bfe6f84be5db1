-- Who is acting: until the transaction ends or the savepoint is rolled back, and never longer.
\set ON_ERROR_ROLLBACK off
\ir common.psql
SELECT no_plan();

CREATE TABLE tap.notes (author uuid DEFAULT roughly_current_user(), note int);
ALTER TABLE tap.notes ENABLE ROW LEVEL SECURITY;
GRANT SELECT ON tap.notes TO tap_app;
SELECT pg_temp.person('ada') AS ada, pg_temp.person('bob') AS bob \gset
SELECT token AS ada_token FROM people WHERE name = 'ada' \gset
SELECT token AS bob_token FROM people WHERE name = 'bob' \gset
INSERT INTO tap.notes SELECT CASE n % 1000 WHEN 7 THEN :'ada' WHEN 8 THEN :'bob' ELSE gen_random_uuid() END, n FROM generate_series(1, 20000) n;
ANALYZE tap.notes;
SET SESSION AUTHORIZATION tap_app;

-- Autocommit.
SELECT is(roughly_current_user(), NULL, 'nobody acts at first');
SELECT is((SELECT user_id FROM roughly_authenticate(:'ada_token')), :'ada', 'a token tells whose it is');
SELECT is(roughly_current_user(), NULL, 'and is forgotten with its statement');

-- COMMIT, ROLLBACK, AND CHAIN.
BEGIN;
SELECT FROM roughly_authenticate(:'ada_token');
SELECT is(roughly_current_user(), :'ada', 'ada acts in the transaction');
SELECT is(roughly_require_user(), :'ada', 'also for who asks more sternly');
COMMIT;
SELECT is(roughly_current_user(), NULL, 'nobody does after COMMIT');
BEGIN;
SELECT FROM roughly_authenticate(:'ada_token');
ROLLBACK;
SELECT is(roughly_current_user(), NULL, 'nor after ROLLBACK');
BEGIN;
SELECT FROM roughly_authenticate(:'ada_token');
COMMIT AND CHAIN;
SELECT is(roughly_current_user(), NULL, 'nor after COMMIT AND CHAIN');
SELECT FROM roughly_authenticate(:'bob_token');
ROLLBACK AND CHAIN;
SELECT is(roughly_current_user(), NULL, 'nor after ROLLBACK AND CHAIN');
COMMIT;

-- Savepoints.
BEGIN;
SAVEPOINT a;
SELECT FROM roughly_authenticate(:'ada_token');
SELECT is(roughly_current_user(), :'ada', 'ada acts in the savepoint');
ROLLBACK TO a;
SELECT is(roughly_current_user(), NULL, 'nobody after ROLLBACK TO');
SELECT FROM roughly_authenticate(:'bob_token');
SELECT is(roughly_current_user(), :'bob', 'then it may be bob');
RELEASE a;
SELECT is(roughly_current_user(), :'bob', 'who stays after RELEASE');
SAVEPOINT b;
ROLLBACK TO b;
SELECT is(roughly_current_user(), :'bob', 'and after a later savepoint has failed');
COMMIT;

BEGIN;
SAVEPOINT outer_one;
SAVEPOINT inner_one;
SELECT FROM roughly_authenticate(:'ada_token');
RELEASE inner_one;
SELECT is(roughly_current_user(), :'ada', 'released into the outer savepoint');
ROLLBACK TO outer_one;
SELECT is(roughly_current_user(), NULL, 'and gone with it');
COMMIT;

BEGIN;
SELECT FROM roughly_authenticate(:'ada_token');
SAVEPOINT a;
SELECT roughly_sign_out_of_transaction();
SELECT is(roughly_current_user(), NULL, 'signed out in a savepoint');
SELECT FROM roughly_authenticate(:'bob_token');
SELECT is(roughly_current_user(), :'bob', 'and somebody else signed in');
ROLLBACK TO a;
SELECT is(roughly_current_user(), :'ada', 'ROLLBACK TO brings the first one back');
SAVEPOINT b;
SELECT roughly_sign_out_of_transaction();
RELEASE b;
SELECT is(roughly_current_user(), NULL, 'RELEASE keeps the signing out');
ROLLBACK TO a;
SELECT is(roughly_current_user(), :'ada', 'which the outer ROLLBACK TO undoes');
COMMIT;

BEGIN;
DO $$ BEGIN
  PERFORM pg_temp.act('ada');
  RAISE division_by_zero;
EXCEPTION WHEN division_by_zero THEN NULL;
END $$;
SELECT is(roughly_current_user(), NULL, 'an exception handler undoes what its block did');
DO $$ BEGIN
  PERFORM pg_temp.act('ada');
  PERFORM 1/0;
EXCEPTION WHEN division_by_zero THEN PERFORM pg_temp.act('bob');
END $$;
SELECT is(roughly_current_user(), :'bob', 'what the handler itself does stays');
COMMIT;

-- One identity in a transaction.
BEGIN;
SELECT FROM roughly_authenticate(:'ada_token');
SELECT throws_ok(format('SELECT roughly_authenticate(%L)', :'bob_token'), 'RA002', 'another session is authenticated in this transaction',
  'a second, different token is refused');
SELECT is(roughly_current_user(), :'ada', 'and changes nothing');
SELECT throws_ok($$SELECT roughly_authenticate('nonsense')$$, 'RA002', NULL, 'so is one that is none');
SELECT lives_ok(format('SELECT roughly_authenticate(%L)', :'ada_token'), 'the same again is fine');
SELECT is((SELECT hint FROM pg_temp.outcome($$SELECT roughly_authenticate('nonsense')$$)),
  'End the transaction first, or call roughly_sign_out_of_transaction().', 'both refusals say what to do');
COMMIT;
SELECT is((SELECT state FROM pg_temp.outcome('SELECT roughly_require_user()')), 'RA001', 'nobody is RA001');

-- COMMIT inside DO and procedures.
CREATE TEMP TABLE seen (n serial, who uuid);
DO $$ BEGIN
  PERFORM pg_temp.act('ada');
  INSERT INTO seen (who) VALUES (roughly_current_user());
  COMMIT;
  PERFORM pg_temp.act('bob');
  ROLLBACK;
  INSERT INTO seen (who) VALUES (roughly_current_user());
  COMMIT;
END $$;
SELECT results_eq('SELECT who FROM seen ORDER BY n', ARRAY[:'ada', NULL]::uuid[], 'COMMIT and ROLLBACK inside DO end it');
CREATE PROCEDURE pg_temp.two_steps() LANGUAGE plpgsql AS $$ BEGIN
  PERFORM pg_temp.act('ada');
  COMMIT AND CHAIN;
  INSERT INTO seen (n, who) VALUES (100, roughly_current_user());
END $$;
CALL pg_temp.two_steps();
SELECT is((SELECT who FROM seen WHERE n = 100), NULL, 'and inside a procedure');
RESET SESSION AUTHORIZATION;

-- PREPARE TRANSACTION, in sessions of their own.
\setenv TAP_ADA :ada_token
\set psql 'psql -XAtq -h ' :HOST ' -p ' :PORT ' -U ' :USER ' -d ' :DBNAME
\setenv TAP_PSQL :psql
\set refused `printf '%s\n' '\set VERBOSITY verbose' "BEGIN;" "SELECT FROM roughly_authenticate('$TAP_ADA');" "PREPARE TRANSACTION 'tap_identity';" | $TAP_PSQL 2>&1`
SELECT matches(:'refused'::text, 'ERROR: +0A000: a transaction with an authenticated user cannot be prepared\nHINT: +An identity ends with its transaction; commit instead.',
  'PREPARE TRANSACTION is refused with an identity');
\set allowed `printf '%s\n' "BEGIN;" "SELECT FROM roughly_authenticate('$TAP_ADA');" "SELECT roughly_sign_out_of_transaction() IS NULL;" "PREPARE TRANSACTION 'tap_identity';" "SELECT 'now ' || coalesce(roughly_current_user()::text, 'nobody');" "ROLLBACK PREPARED 'tap_identity';" | $TAP_PSQL 2>&1`
SELECT matches(:'allowed'::text, 'now nobody', 'and possible without');
SELECT is((SELECT count(*) FROM pg_prepared_xacts WHERE gid = 'tap_identity'), 0::bigint, 'none is left behind');
\set discarded `printf '%s\n' '\set VERBOSITY sqlstate' "BEGIN;" "SELECT FROM roughly_authenticate('$TAP_ADA');" "DISCARD ALL;" "ROLLBACK;" "DISCARD ALL;" "SELECT 'now ' || coalesce(roughly_current_user()::text, 'nobody');" | $TAP_PSQL 2>&1`
SELECT matches(:'discarded'::text, 'ERROR: +25001\nnow nobody', 'DISCARD ALL is refused in the transaction and finds nothing outside');

-- The identity is not the role of the database.
BEGIN;
SET LOCAL ROLE tap_app;
SELECT FROM roughly_authenticate(:'ada_token');
RESET ROLE;
SELECT is(roughly_current_user(), :'ada', 'RESET ROLE keeps it');
SET LOCAL SESSION AUTHORIZATION tap_app;
SELECT is(roughly_current_user(), :'ada', 'so does another session user');
SET LOCAL SESSION AUTHORIZATION tap_plain;
SELECT is(roughly_current_user(), :'ada', 'and any role, as policies call it with the rights of whoever reads');
SELECT throws_ok('SELECT roughly_current_session()', '42501', NULL, 'who may not ask for more is not told');
ROLLBACK;

-- Nor a setting.
BEGIN;
SET LOCAL SESSION AUTHORIZATION tap_app;
SELECT pg_temp.outcome(format('SELECT set_config(%L, %L, true)', name, :'ada'))
  FROM unnest('{roughly_auth.user_id,roughly_auth.user,roughly.user_id,request.jwt.claims,role.user}'::text[]) name \g /dev/null
SELECT is(roughly_current_user(), NULL, 'no setting makes an identity');
ROLLBACK;

-- Cached plans follow the person.
CREATE POLICY tap_own ON tap.notes FOR SELECT TO tap_app USING (author = (SELECT roughly_current_user()));
SET SESSION AUTHORIZATION tap_app;
SET plan_cache_mode = force_generic_plan;
PREPARE mine AS SELECT count(*), min(note) FROM tap.notes;
CREATE FUNCTION pg_temp.mine() RETURNS bigint LANGUAGE plpgsql AS 'BEGIN RETURN (SELECT min(note) FROM tap.notes); END';
BEGIN;
SELECT results_eq('EXECUTE mine', 'SELECT 0::bigint, NULL::int', 'a prepared statement shows nobody nothing');
SELECT is(pg_temp.mine(), NULL, 'nor does a function');
SELECT pg_temp.act('ada') \g /dev/null
SELECT results_eq('EXECUTE mine', 'SELECT 20::bigint, 7', 'ada her rows');
SELECT is(pg_temp.mine(), 7::bigint, 'a function too');
SELECT pg_temp.act('bob') \g /dev/null
SELECT results_eq('EXECUTE mine', 'SELECT 20::bigint, 8', 'bob his, in the same transaction');
SELECT is(pg_temp.mine(), 8::bigint, 'a function too');
COMMIT;
RESET plan_cache_mode;

-- A parallel plan shows the same rows.
SET min_parallel_table_scan_size = 0;
SET parallel_setup_cost = 0;
SET parallel_tuple_cost = 0;
SET max_parallel_workers_per_gather = 2;
SET parallel_leader_participation = off;
CREATE FUNCTION pg_temp.plan_of(query text) RETURNS SETOF text LANGUAGE plpgsql AS $$ BEGIN RETURN QUERY EXECUTE 'EXPLAIN (ANALYZE, COSTS off, TIMING off, SUMMARY off) ' || query; END $$;
BEGIN;
SELECT pg_temp.act('ada') \g /dev/null
SELECT matches(string_agg(line, E'\n'), 'Workers Launched: [12]', 'a plan with (SELECT roughly_current_user()) uses workers')
  FROM pg_temp.plan_of('SELECT note FROM tap.notes') AS line;
SELECT results_eq('SELECT note FROM tap.notes ORDER BY note', 'SELECT 7 + 1000 * n FROM generate_series(0, 19) n', 'and shows all of ada''s rows');
COMMIT;
RESET SESSION AUTHORIZATION;
ALTER POLICY tap_own ON tap.notes USING (author = roughly_current_user());
SET SESSION AUTHORIZATION tap_app;
BEGIN;
SELECT pg_temp.act('ada') \g /dev/null
SELECT doesnt_match(string_agg(line, E'\n'), 'Workers', 'one with a bare call does not')
  FROM pg_temp.plan_of('SELECT note FROM tap.notes') AS line;
SELECT results_eq('SELECT note FROM tap.notes ORDER BY note', 'SELECT 7 + 1000 * n FROM generate_series(0, 19) n', 'and shows them too');
-- Nor is what the leader reads for us disturbed by workers: "cannot update SecondarySnapshot during a parallel operation".
RESET SESSION AUTHORIZATION;
CREATE TABLE tap.many AS SELECT n FROM generate_series(1, 1000) n;
GRANT SELECT ON tap.many TO PUBLIC;
SET SESSION AUTHORIZATION tap_app;
SELECT pg_temp.act('ada') \g /dev/null
SELECT matches(string_agg(line, E'\n'), 'Workers Launched: [12]', 'functions beside a parallel scan')
  FROM pg_temp.plan_of('SELECT count(*), roughly_export_my_data() FROM tap.many') AS line;
SELECT lives_ok('SELECT count(*), ' || call || ' FROM tap.many', call)
  FROM unnest('{roughly_dimensions(),roughly_questions(),roughly_my_answers(),roughly_my_account(),roughly_my_sessions(),roughly_export_my_data()}'::text[]) call;
COMMIT;

-- After a vote nothing is prepared either, whoever acts.
RESET SESSION AUTHORIZATION;
SELECT roughly_create_question('tap: Tea or coffee?', '{tea,coffee}') AS question \gset
\setenv TAP_QUESTION :question
\set voted `printf '%s\n' '\set VERBOSITY sqlstate' "BEGIN;" "SELECT FROM roughly_authenticate('$TAP_ADA');" "SELECT roughly_cast_vote('$TAP_QUESTION', 'tea') IS NULL;" "SELECT roughly_sign_out_of_transaction() IS NULL;" "PREPARE TRANSACTION 'tap_identity';" | $TAP_PSQL 2>&1`
SELECT matches(:'voted'::text, 'ERROR: +0A000', 'PREPARE TRANSACTION is refused after a vote');

SELECT * FROM finish();
\ir clean.psql
