-- Row-level security from the application's side: own rows, of users, profiles and the application's own tables.
BEGIN;
\ir common.psql
SELECT no_plan();
SET LOCAL roughly_auth.isolate_votes = off;
SELECT pg_temp.person('ada', '{"birth_year": 1980, "country": "DE"}') AS ada, pg_temp.person('bob', '{"country": "FR"}') AS bob \gset
SELECT roughly_admin_import_user('cem@tap.example.org') AS cem \gset
SELECT roughly_create_question('tap: Tea or coffee?', '{tea,coffee}') AS question \gset
CREATE TABLE tap.posts (author uuid NOT NULL DEFAULT roughly_current_user() REFERENCES roughly.users (id) ON DELETE CASCADE, body text);
ALTER TABLE tap.posts ENABLE ROW LEVEL SECURITY;
CREATE POLICY own ON tap.posts USING (author = roughly_current_user());
GRANT SELECT, INSERT, UPDATE, DELETE ON tap.posts TO tap_app;
INSERT INTO tap.posts VALUES (:'ada', 'by ada'), (:'bob', 'by bob');

SET LOCAL SESSION AUTHORIZATION tap_app;
-- Nobody.
SELECT is_empty('SELECT id FROM roughly.users', 'nobody sees no account');
SELECT is_empty('SELECT id FROM roughly.user_profiles', 'and no profile');
SELECT is_empty('SELECT author FROM tap.posts', 'and no row of a table with such a policy');
SELECT throws_ok('INSERT INTO roughly.user_profiles (country) VALUES (''DE'')', '42501', NULL, 'nobody makes no profile');
SELECT throws_ok('INSERT INTO tap.posts (body) VALUES (''by nobody'')', '42501', NULL, 'and writes no row');
SELECT is_empty('UPDATE roughly.user_profiles SET country = ''XX'' RETURNING 1', 'nobody changes nothing');

-- Ada.
SELECT is(pg_temp.act('ada'), :'ada', 'ada acts');
SELECT results_eq('SELECT id, email FROM roughly.users', format('SELECT %L::uuid, %L', :'ada', 'ada@tap.example.org'), 'ada sees her account alone');
SELECT results_eq('SELECT user_id, country FROM roughly.user_profiles', format('SELECT %L::uuid, %L', :'ada', 'DE'), 'and her profile alone');
SELECT results_eq('SELECT body FROM tap.posts', ARRAY['by ada'], 'and her rows');
SELECT is_empty(format('SELECT id FROM roughly.users WHERE id = %L', :'bob'), 'not bob''s by id');
SELECT is_empty('SELECT id FROM roughly.users WHERE email = ''bob@tap.example.org''', 'nor by address');
SELECT is((SELECT count(*) FROM roughly.users u JOIN roughly.user_profiles p ON p.user_id = u.id), 1::bigint, 'nor by a join');
SELECT throws_ok('SELECT email_normalized FROM roughly.users', '42501', NULL, 'not what is hers inside: the normalized address');
SELECT throws_ok('SELECT hashed_password FROM roughly.users', '42501', NULL, 'the hash');
SELECT throws_ok('SELECT vote_secret FROM roughly.users', '42501', NULL, 'the secret');
SELECT throws_ok('SELECT u FROM roughly.users u', '42501', NULL, 'the whole row');
SELECT results_eq('UPDATE roughly.user_profiles SET country = ''AT'' RETURNING country', ARRAY['AT'], 'ada changes her profile, and no other, without a condition');
SELECT is_empty(format('UPDATE roughly.user_profiles SET country = ''XX'' WHERE user_id = %L RETURNING 1', :'bob'), 'not bob''s');
SELECT throws_ok(format('UPDATE roughly.user_profiles SET user_id = %L', :'bob'), '42501', NULL, 'she gives it to nobody');
SELECT throws_ok(format('INSERT INTO roughly.user_profiles (user_id, country) VALUES (%L, ''XX'')', :'cem'), '42501', NULL, 'and makes none for cem, who has none');
SELECT throws_ok('INSERT INTO roughly.user_profiles (country) VALUES (''DE'')', '23505', NULL, 'nor a second one');
SELECT throws_ok('DELETE FROM roughly.user_profiles', '42501', NULL, 'nor deletes it');
SELECT throws_ok('UPDATE roughly.user_profiles SET birth_year = 1899', '23514', NULL, 'nor writes an impossible year');
SELECT is((SELECT detail FROM pg_temp.outcome('UPDATE roughly.user_profiles SET birth_year = 1899')), '', 'the refusal shows no row');
SELECT throws_ok('UPDATE roughly.users SET email = ''eve@tap.example.org''', '42501', NULL, 'an address is not changed that way');
SELECT throws_ok('UPDATE roughly.users SET confirmed_at = now()', '42501', NULL, 'nor proved');
SELECT lives_ok('INSERT INTO tap.posts (body) VALUES (''again by ada'')', 'a table of one''s own fills in who acts');
SELECT throws_ok(format('INSERT INTO tap.posts VALUES (%L, ''as if by bob'')', :'bob'), '42501', NULL, 'and believes no other');
SELECT throws_ok(format('UPDATE tap.posts SET author = %L', :'bob'), '42501', NULL, 'nor a change to another');
SELECT throws_ok('SELECT roughly_set_profile(''{"user_id": null}'')', '22023', NULL, 'the function does not either');

-- Bob, in the same transaction.
SELECT is(pg_temp.act('bob'), :'bob', 'bob acts');
SELECT results_eq('SELECT email FROM roughly.users', ARRAY['bob@tap.example.org'], 'and sees his account');
SELECT results_eq('SELECT country FROM roughly.user_profiles', ARRAY['FR'], 'his profile, unchanged');
SELECT results_eq('SELECT body FROM tap.posts', ARRAY['by bob'], 'his rows');

-- The walls hold whatever the application builds before them.
CREATE TEMP VIEW everybody AS SELECT id, email FROM roughly.users;
SELECT is((SELECT count(*) FROM everybody), 1::bigint, 'a view shows no more');
CREATE FUNCTION pg_temp.everybody() RETURNS bigint LANGUAGE sql SECURITY DEFINER AS 'SELECT count(*) FROM roughly.users';
SELECT is(pg_temp.everybody(), 1::bigint, 'nor a definer''s function');
SELECT throws_ok('SET LOCAL row_security = off; SELECT count(*) FROM roughly.users', '42501', NULL, 'row_security = off is an error');
CREATE TEMP TABLE leaks (saw text);
CREATE FUNCTION pg_temp.leak(text) RETURNS boolean LANGUAGE plpgsql COST 0.0000001 AS 'BEGIN INSERT INTO leaks VALUES ($1); RETURN true; END';
SELECT count(*) FROM roughly.users WHERE pg_temp.leak(email) \g /dev/null
SELECT results_eq('SELECT saw FROM leaks', ARRAY['bob@tap.example.org'], 'a cheap, talkative condition is asked about own rows only');
RESET SESSION AUTHORIZATION;
SELECT is(pg_temp.mutated('CREATE POLICY more ON roughly.users FOR SELECT TO roughly_app USING (true); SET LOCAL SESSION AUTHORIZATION tap_app',
  'SELECT count(*) > 1 FROM roughly.users'), 'true', '(a second policy would widen it: policies are an OR)');

-- A role in several of ours, and one that only owns a policy's table.
SET LOCAL SESSION AUTHORIZATION tap_plain;
SELECT throws_ok('SELECT id FROM roughly.users', '42501', NULL, 'another role sees nothing, whoever acts');
RESET SESSION AUTHORIZATION;

-- Deleting an account deletes what hangs on it.
DELETE FROM roughly.users WHERE id = :'bob';
SELECT is((SELECT count(*) FROM roughly.user_profiles WHERE user_id = :'bob') + (SELECT count(*) FROM roughly.user_tokens WHERE user_id = :'bob')
  + (SELECT count(*) FROM tap.posts WHERE author = :'bob'), 0::bigint, 'profile, sessions and the application''s rows go with the account');

-- After a vote no account is written in the same transaction: rows written together could be linked.
SELECT pg_temp.vote('ada', :'question', 'tea') \g /dev/null
SET LOCAL roughly_auth.isolate_votes = on;
SET LOCAL SESSION AUTHORIZATION tap_app;
SELECT pg_temp.act('ada') \g /dev/null
SELECT throws_ok('UPDATE roughly.user_profiles SET country = ''CH''', '25001', 'this transaction has cast a vote and must not write to accounts', 'no profile is changed after a vote');
SELECT throws_ok('INSERT INTO roughly.user_profiles (country) VALUES (''CH'')', '25001', NULL, 'nor made');
SELECT throws_ok('SELECT roughly_set_profile(''{"country": "CH"}'')', '25001', NULL, 'nor set by the function');
SELECT throws_ok('SELECT roughly_log_in(''ada@tap.example.org'', ''correct horse'')', '25001', NULL, 'no session is opened');
SELECT throws_ok(format('SELECT roughly_log_out(%L)', token), '25001', NULL, 'nor closed') FROM people WHERE name = 'ada';
RESET SESSION AUTHORIZATION;
SELECT throws_ok('SELECT roughly_admin_import_user(''dan@tap.example.org'')', '25001', NULL, 'no account is made');
SELECT is((SELECT hint FROM pg_temp.outcome('SELECT roughly_admin_import_user(''dan@tap.example.org'')')), 'Rows written together can be linked to each other. Commit first.', 'the hint says why');
SELECT results_eq('SELECT country FROM roughly.user_profiles', ARRAY['AT'], 'nothing has changed');

SELECT * FROM finish();
ROLLBACK;
