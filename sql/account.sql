-- Accounts from another system, and what is refused of them.
\set VERBOSITY default
\set SHOW_CONTEXT never
\set state '\\echo SQLSTATE :SQLSTATE'
SET client_min_messages = warning;
CREATE EXTENSION roughly_auth;
CREATE ROLE regress_app LOGIN IN ROLE roughly_app;
CREATE ROLE regress_admin LOGIN IN ROLE roughly_admin;
CREATE ROLE regress_plain LOGIN;
SELECT roughly_hash_password('correct horse') AS hash \gset
\set malformed '$argon2id$v=19$m=19456,t=2,p=1$short$hash'

SET SESSION AUTHORIZATION regress_admin;
SELECT roughly_admin_import_user('Ada@Example.org', :'hash') AS ada \gset
SELECT roughly_admin_import_user('bob@example.org', confirmed_at => NULL) AS bob \gset
SELECT roughly_admin_import_user(E'Zoe\u0301@example.org', NULL, '2001-02-03 04:05:06+00') AS zoe \gset
SELECT roughly_admin_import_user(repeat('l', 147) || '@example.org', :'hash') IS NOT NULL AS "159 bytes";
-- Ids are random UUIDs of version 4, which tell nothing.
SELECT :'ada' ~ '^........-....-4...-[89ab]...-............$' AS "version 4", :'ada' <> :'bob' AS differ;

-- What stands in the table: the address as typed and normalized, sealed secrets only.
RESET SESSION AUTHORIZATION;
SELECT email, email_normalized, hashed_password IS NOT NULL AS password, confirmed_at IS NOT NULL AS confirmed, updated_at = inserted_at AS fresh
  FROM roughly.users WHERE email !~ '^llll' ORDER BY email COLLATE "C";
SELECT confirmed_at = '2001-02-03 04:05:06+00' AS "as given" FROM roughly.users WHERE id = :'zoe';
SELECT get_byte(vote_secret, 0) AS format, octet_length(vote_secret) AS bytes, count(DISTINCT vote_secret) FROM roughly.users GROUP BY 1, 2;
SELECT get_byte(hashed_password, 0) AS format, position('\x246172676f6e'::bytea IN hashed_password) AS "argon2 in plain" FROM roughly.users WHERE id = :'ada';

SET SESSION AUTHORIZATION regress_admin;
-- The same address, however it is written.
SELECT roughly_admin_import_user('ada@example.org'); :state
SELECT roughly_admin_import_user('ADA@EXAMPLE.ORG', :'hash'); :state
SELECT roughly_admin_import_user(E'ZO\u00c9@example.org'); :state
-- No address.
SELECT roughly_admin_import_user(NULL); :state
SELECT roughly_admin_import_user(''); :state
SELECT roughly_admin_import_user('ada'); :state
SELECT roughly_admin_import_user('@example.org'); :state
SELECT roughly_admin_import_user('ada@'); :state
SELECT roughly_admin_import_user('@'); :state
SELECT roughly_admin_import_user('a@b@example.org'); :state
SELECT roughly_admin_import_user('a b@example.org'); :state
SELECT roughly_admin_import_user(' ada2@example.org'); :state
SELECT roughly_admin_import_user(E'ada2@example.org\n'); :state
SELECT roughly_admin_import_user(E'ada2\t@example.org'); :state
SELECT roughly_admin_import_user('ada,bob@example.org'); :state
SELECT roughly_admin_import_user('ada;bob@example.org'); :state
SELECT roughly_admin_import_user(repeat('l', 149) || '@example.org'); :state
SELECT roughly_admin_import_user(repeat('l', 10000000)); :state
-- No hash.
SELECT roughly_admin_import_user('carol@example.org', ''); :state
SELECT roughly_admin_import_user('carol@example.org', 'correct horse'); :state
SELECT roughly_admin_import_user('carol@example.org', :'malformed'); :state
SELECT roughly_admin_import_user('carol@example.org', replace(:'hash', 'm=19456', 'm=1048576')); :state
SELECT roughly_admin_import_user('carol@example.org', '$2b$15$abcdefghijklmnopqrstuuABCDEFGHIJKLMNOPQRSTUVWXYZabcde'); :state
RESET SESSION AUTHORIZATION;
SELECT count(*) AS "still four" FROM roughly.users;

-- Only the administration makes accounts this way, and it cannot read them.
SET SESSION AUTHORIZATION regress_admin;
SELECT count(*) FROM roughly.users; :state
SET SESSION AUTHORIZATION regress_app;
SELECT roughly_admin_import_user('eve@example.org'); :state
INSERT INTO roughly.users (email, email_normalized, vote_secret) VALUES ('eve@example.org', 'eve@example.org', '\x'); :state
UPDATE roughly.users SET confirmed_at = now(); :state
DELETE FROM roughly.users; :state
SET SESSION AUTHORIZATION regress_plain;
SELECT roughly_admin_import_user('eve@example.org'); :state
SELECT FROM roughly.users; :state
RESET SESSION AUTHORIZATION;

-- A read-only transaction makes no account; one that rolls back leaves none.
BEGIN READ ONLY;
SELECT roughly_admin_import_user('dan@example.org'); :state
ROLLBACK;
BEGIN;
SELECT roughly_admin_import_user('dan@example.org') IS NOT NULL AS made;
ROLLBACK;
SELECT count(*) AS none FROM roughly.users WHERE email ~ 'dan';

-- Deleting an account deletes its profile and sessions.
SELECT status FROM roughly_log_in('ada@example.org', 'correct horse');
INSERT INTO roughly.user_profiles (user_id) VALUES (:'ada');
DELETE FROM roughly.users WHERE id = :'ada';
SELECT (SELECT count(*) FROM roughly.user_tokens) AS tokens, (SELECT count(*) FROM roughly.user_profiles) AS profiles;
SELECT status FROM roughly_log_in('ada@example.org', 'correct horse');

-- One's own account: what is kept, and the end of it.
SELECT roughly_admin_import_user('bcrypt@example.org', '$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW') AS dan \gset
SELECT session_token AS token, session_id AS session FROM roughly_log_in('bcrypt@example.org', 'U*U', 'psql', '192.0.2.1') \gset
SELECT session_token AS bob_token FROM roughly_admin_import_user('eve@example.org', :'hash'), roughly_log_in('eve@example.org', 'correct horse') \gset
SET SESSION AUTHORIZATION regress_app;
SELECT * FROM roughly_my_account(); :state
SELECT roughly_export_my_data(); :state
SELECT roughly.export_my_data('[]'); :state
SELECT roughly_delete_account(); :state
SELECT roughly_delete_account('U*U'); :state
BEGIN;
SELECT user_id = :'dan' AS dan FROM roughly_authenticate(:'token');
SELECT user_id = :'dan' AS dan, email, confirmed_at IS NOT NULL AS confirmed, inserted_at IS NOT NULL AS inserted, has_password, second_factor FROM roughly_my_account();
SELECT roughly_set_profile('{"country": "DE"}');
SELECT key, CASE jsonb_typeof(value) WHEN 'array' THEN jsonb_array_length(value)::text ELSE (SELECT string_agg(k, ', ' ORDER BY k COLLATE "C") FROM jsonb_object_keys(value) k) END AS holds
  FROM jsonb_each(roughly_export_my_data()) ORDER BY key;
SELECT data -> 'account' ->> 'email' AS email, data -> 'profile' ->> 'country' AS country, data -> 'sessions' -> 0 ->> 'network' AS network,
       data -> 'sessions' -> 0 ->> 'user_agent' AS agent, data::text ~ :'token' AS "a token", data::text ~ 'argon2' AS "a hash"
  FROM roughly_export_my_data() AS data;
SELECT roughly_delete_account() AS "no password";
SELECT roughly_delete_account('') AS "empty password";
SELECT roughly_delete_account('u*U') AS "wrong password";
COMMIT;
RESET SESSION AUTHORIZATION;
UPDATE roughly.user_tokens SET authenticated_at = now() - interval '11 minutes' WHERE id = :'session';
SET SESSION AUTHORIZATION regress_app;
BEGIN;
SELECT user_id = :'dan' AS dan FROM roughly_authenticate(:'token');
SELECT roughly_delete_account('U*U'); :state
ROLLBACK;
RESET SESSION AUTHORIZATION;
UPDATE roughly.user_tokens SET authenticated_at = now() WHERE id = :'session';
SET SESSION AUTHORIZATION regress_app;
\set VERBOSITY sqlstate
BEGIN READ ONLY;
SELECT user_id = :'dan' AS dan FROM roughly_authenticate(:'token');
SELECT roughly_delete_account('U*U');
ROLLBACK;
\set VERBOSITY default
BEGIN;
SELECT user_id = :'dan' AS dan FROM roughly_authenticate(:'token');
SELECT roughly_delete_account('U*U');
SELECT roughly_current_user() IS NULL AS "nobody acts";
COMMIT;
SELECT user_id FROM roughly_authenticate(:'token');
RESET SESSION AUTHORIZATION;
SELECT (SELECT count(*) FROM roughly.users WHERE id = :'dan') AS accounts, (SELECT count(*) FROM roughly.user_profiles WHERE user_id = :'dan') AS profiles,
       (SELECT count(*) FROM roughly.user_tokens WHERE user_id = :'dan') AS tokens, (SELECT count(*) FROM roughly.tombstones) AS tombstones;
-- Whoever acts while the account is deleted by somebody else.
SET SESSION AUTHORIZATION regress_app;
BEGIN;
SELECT user_id IS NOT NULL AS eve FROM roughly_authenticate(:'bob_token');
RESET SESSION AUTHORIZATION;
DELETE FROM roughly.users WHERE email = 'eve@example.org';
SET SESSION AUTHORIZATION regress_app;
SAVEPOINT s;
SELECT * FROM roughly_my_account(); :state
ROLLBACK TO s;
SELECT roughly_delete_account('correct horse'); :state
ROLLBACK TO s;
SELECT roughly_change_password('correct horse', 'another correct horse'); :state
ROLLBACK TO s;
SELECT roughly_reauthenticate('correct horse'); :state
ROLLBACK;
SET SESSION AUTHORIZATION regress_admin;
SELECT roughly_my_account(); :state
SELECT roughly_export_my_data(); :state
SELECT roughly_delete_account(); :state
RESET SESSION AUTHORIZATION;

-- Arguments of another type, too few or too many, are PostgreSQL's to refuse.
\set VERBOSITY sqlstate
SELECT roughly_admin_import_user(42);
SELECT roughly_admin_import_user();
SELECT roughly_my_account(1);
SELECT roughly_delete_account(1);
SELECT roughly_export_my_data('x');
SELECT roughly_admin_import_user('carol@example.org', NULL, 'yesterday evening');
\set VERBOSITY default

DROP ROLE regress_app, regress_admin, regress_plain;
DROP EXTENSION roughly_auth;
