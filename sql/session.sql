-- Logging in, acting as somebody, logging out.
\set VERBOSITY default
\set SHOW_CONTEXT never
\set state '\\echo SQLSTATE :SQLSTATE'
SET client_min_messages = warning;
CREATE EXTENSION roughly_auth;
CREATE ROLE regress_app LOGIN IN ROLE roughly_app;
CREATE ROLE regress_admin LOGIN IN ROLE roughly_admin;
CREATE ROLE regress_plain LOGIN;
SELECT roughly_hash_password('correct horse') AS hash \gset
SELECT roughly_admin_import_user('Ada@Example.org', :'hash') AS ada \gset
SELECT roughly_admin_import_user('bob@example.org', :'hash', NULL) AS bob \gset
SELECT roughly_admin_import_user('nopassword@example.org') IS NOT NULL AS made;

SET SESSION AUTHORIZATION regress_app;
-- One status for whatever is wrong, and nothing else.
\pset null '(null)'
SELECT * FROM roughly_log_in('ada@example.org', 'wrong');
SELECT * FROM roughly_log_in('ada@example.org', '');
SELECT * FROM roughly_log_in('ada@example.org', repeat('x', 1025));
SELECT * FROM roughly_log_in('unknown@example.org', 'correct horse');
SELECT * FROM roughly_log_in('nopassword@example.org', 'correct horse');
SELECT * FROM roughly_log_in('nopassword@example.org', '');
SELECT * FROM roughly_log_in('', '');
SELECT * FROM roughly_log_in('no address', 'correct horse');
SELECT * FROM roughly_log_in(repeat('x', 1000000), 'correct horse');
-- A missing argument, or one of another type, is the caller's mistake.
SELECT * FROM roughly_log_in(NULL, 'correct horse'); :state
SELECT * FROM roughly_log_in('ada@example.org', NULL); :state

-- A session of 14 days. The address counts however it is written; confirmation is not asked for.
SELECT status, session_token AS token, session_id AS session, user_id AS who, expires_at AS expiry
  FROM roughly_log_in('aDA@EXAMPLE.org', 'correct horse', 'psql', '2001:db8:1234:5678::1') \gset
SELECT :'status' AS status, :'who' = :'ada' AS ada, :'token' ~ '^[A-Za-z0-9_-]{64}$' AS base64url,
       :'session' ~ '^........-....-4...-[89ab]...-............$' AS "version 4",
       :'expiry'::timestamptz - now() BETWEEN interval '14 days' - interval '1 minute' AND interval '14 days' AS "14 days";
SELECT session_token AS token2, session_id AS session2 FROM roughly_log_in('ada@example.org', 'correct horse', NULL, '192.0.2.77') \gset
SELECT :'session' <> :'session2' AS "another session", :'token' <> :'token2' AS "another token";
-- What the browser says of itself is cut to 256 bytes, between characters.
SELECT status, session_token AS bob_token FROM roughly_log_in('bob@example.org', 'correct horse', repeat('x', 300)) \gset
\echo :status
SELECT status FROM roughly_log_in('bob@example.org', 'correct horse', 'x' || repeat(E'\u00e9', 300));

-- Digests and networks are kept; no token, no address.
RESET SESSION AUTHORIZATION;
SELECT context, key_id, octet_length(token_digest) AS digest, ip_prefix, left(user_agent, 4) AS agent, octet_length(user_agent) AS bytes,
       convert_from(textsend(user_agent), 'UTF8') = user_agent AS "valid text"
  FROM roughly.user_tokens ORDER BY ip_prefix, 6;
SELECT count(*) AS "tokens in plain" FROM roughly.user_tokens t WHERE t::text ~ :'token' OR t::text ~ :'bob_token';

-- Nobody acts outside a transaction that has authenticated.
SET SESSION AUTHORIZATION regress_app;
SELECT roughly_current_user();
SELECT roughly_require_user(); :state
-- A token is good for the transaction it is shown to.
SELECT user_id = :'ada' AS ada, session_id = :'session' AS session, expires_at = :'expiry' AS expiry, authenticated_at < now() AS authenticated
  FROM roughly_authenticate(:'token');
SELECT roughly_current_user();
BEGIN;
SELECT user_id = :'ada' AS ada FROM roughly_authenticate(:'token');
SELECT roughly_current_user() = :'ada' AS ada, roughly_require_user() = :'ada' AS required;
SELECT user_id = :'ada' AS "again is fine" FROM roughly_authenticate(:'token');
COMMIT;
SELECT roughly_current_user();
-- It works in a read-only transaction: nothing is written.
BEGIN READ ONLY;
SELECT user_id = :'ada' AS ada FROM roughly_authenticate(:'token');
SELECT roughly_current_user() = :'ada' AS ada;
COMMIT;

-- What is not a live session is nobody, not an error.
SELECT * FROM roughly_authenticate(NULL);
SELECT * FROM roughly_authenticate('');
SELECT * FROM roughly_authenticate('x');
SELECT * FROM roughly_authenticate(repeat('A', 64));
SELECT * FROM roughly_authenticate(repeat('*', 64));
SELECT * FROM roughly_authenticate(left(:'token', 63));
SELECT * FROM roughly_authenticate(:'token' || 'A');
SELECT * FROM roughly_authenticate(' ' || :'token');
SELECT * FROM roughly_authenticate(overlay(:'token' PLACING CASE right(:'token', 1) WHEN 'A' THEN 'B' ELSE 'A' END FROM 64));
SELECT * FROM roughly_authenticate(left(:'bob_token', 21) || substr(:'token', 22)); -- bob's id, ada's secret
SELECT * FROM roughly_authenticate(repeat('A', 10000000));
SELECT * FROM roughly_authenticate(:'session');

-- One session in a transaction.
BEGIN;
SELECT user_id = :'ada' AS ada FROM roughly_authenticate(:'token');
SELECT user_id FROM roughly_authenticate(:'bob_token'); :state
ROLLBACK;
BEGIN;
SELECT user_id = :'ada' AS ada FROM roughly_authenticate(:'token');
SELECT user_id FROM roughly_authenticate(:'token2'); :state
ROLLBACK;
BEGIN;
SELECT user_id = :'ada' AS ada FROM roughly_authenticate(:'token');
SELECT user_id FROM roughly_authenticate('x'); :state
ROLLBACK;
BEGIN;
SELECT user_id = :'ada' AS ada FROM roughly_authenticate(:'token');
SELECT user_id FROM roughly_authenticate(NULL); :state
ROLLBACK;
-- After signing out, another one.
BEGIN;
SELECT user_id = :'ada' AS ada FROM roughly_authenticate(:'token');
SELECT roughly_sign_out_of_transaction();
SELECT roughly_current_user();
SELECT user_id = :'bob' AS bob FROM roughly_authenticate(:'bob_token');
SELECT roughly_current_user() = :'bob' AS bob;
COMMIT;
SELECT roughly_sign_out_of_transaction(); -- with nobody signed in

-- A transaction with an identity cannot be prepared; one without can.
BEGIN;
SELECT user_id = :'ada' AS ada FROM roughly_authenticate(:'token');
PREPARE TRANSACTION 'regress_roughly'; :state
BEGIN;
SELECT user_id = :'ada' AS ada FROM roughly_authenticate(:'token');
SELECT roughly_sign_out_of_transaction();
PREPARE TRANSACTION 'regress_roughly'; :state
ROLLBACK PREPARED 'regress_roughly';

-- A session ends with its time, with its account, and with log-out.
RESET SESSION AUTHORIZATION;
UPDATE roughly.user_tokens SET expires_at = now() WHERE id = :'session';
SET SESSION AUTHORIZATION regress_app;
SELECT * FROM roughly_authenticate(:'token');
SELECT user_id = :'ada' AS ada FROM roughly_authenticate(:'token2');
SELECT roughly_log_out(:'token2');
SELECT * FROM roughly_authenticate(:'token2');
SELECT roughly_log_out(:'token2');
SELECT roughly_log_out('x'), roughly_log_out(''), roughly_log_out(repeat('A', 64)), roughly_log_out(repeat('A', 10000000));
SELECT roughly_log_out(NULL);
-- Logging out one's own session signs out of the transaction too; another's does not.
SELECT session_token AS token3 FROM roughly_log_in('ada@example.org', 'correct horse') \gset
SELECT session_token AS token4 FROM roughly_log_in('ada@example.org', 'correct horse') \gset
BEGIN;
SELECT user_id = :'ada' AS ada FROM roughly_authenticate(:'token3');
SELECT roughly_log_out(:'token4');
SELECT roughly_current_user() = :'ada' AS "still ada";
SELECT roughly_log_out(:'token3');
SELECT roughly_current_user();
COMMIT;
SELECT * FROM roughly_authenticate(:'token3');
\set VERBOSITY sqlstate
BEGIN READ ONLY;
SELECT status FROM roughly_log_in('ada@example.org', 'correct horse');
ROLLBACK;
\set VERBOSITY default
BEGIN READ ONLY;
SELECT roughly_log_out(:'bob_token'); :state
ROLLBACK;
SELECT user_id = :'bob' AS bob FROM roughly_authenticate(:'bob_token');

-- A hash made cheaper than now is renewed at log-in.
RESET SESSION AUTHORIZATION;
SET roughly_auth.argon2_passes = 3;
SELECT hashed_password AS before FROM roughly.users WHERE id = :'bob' \gset
SELECT status FROM roughly_log_in('bob@example.org', 'wrong');
SELECT hashed_password = :'before' AS "the same" FROM roughly.users WHERE id = :'bob';
SELECT status FROM roughly_log_in('bob@example.org', 'correct horse');
SELECT hashed_password = :'before' AS "the same", octet_length(hashed_password) = octet_length(:'before'::bytea) AS "as long" FROM roughly.users WHERE id = :'bob';
SELECT hashed_password AS before FROM roughly.users WHERE id = :'bob' \gset
SELECT status FROM roughly_log_in('bob@example.org', 'correct horse');
SELECT hashed_password = :'before' AS "the same" FROM roughly.users WHERE id = :'bob';
RESET roughly_auth.argon2_passes;
DELETE FROM roughly.users WHERE id = :'bob';
SET SESSION AUTHORIZATION regress_app;
SELECT * FROM roughly_authenticate(:'bob_token');


-- One's own sessions.
SELECT session_token AS token, session_id AS session FROM roughly_log_in('ada@example.org', 'correct horse', 'here', '2001:db8::1') \gset
SELECT session_token AS token2, session_id AS session2 FROM roughly_log_in('ada@example.org', 'correct horse', 'there', '192.0.2.77') \gset
RESET SESSION AUTHORIZATION;
DELETE FROM roughly.user_tokens WHERE id NOT IN (:'session', :'session2');
SELECT roughly_admin_import_user('cem@example.org', :'hash') AS cem \gset
SET SESSION AUTHORIZATION regress_app;
SELECT session_token AS cem_token, session_id AS cem_session FROM roughly_log_in('cem@example.org', 'correct horse') \gset
SELECT roughly_current_session();
SELECT * FROM roughly_my_sessions(); :state
SELECT roughly_revoke_session(:'session'); :state
SELECT roughly_log_out_everywhere(); :state
SELECT roughly_require_sudo(); :state
BEGIN;
SELECT user_id = :'ada' AS ada, aal, reissue FROM roughly_authenticate(:'token');
SELECT roughly_current_session() = :'session' AS "this session";
SELECT session_id = :'session' AS this, current, aal, started_on = current_date AS today, last_used_on = current_date AS today, expires_at > now() AS live, user_agent, network
  FROM roughly_my_sessions() ORDER BY user_agent;
SELECT roughly_revoke_session(NULL); :state
ROLLBACK;
BEGIN;
SELECT user_id = :'ada' AS ada FROM roughly_authenticate(:'token');
SELECT roughly_revoke_session('00000000-0000-0000-0000-000000000000') AS unknown, roughly_revoke_session(:'cem_session') AS "another's",
       roughly_revoke_session(:'session2') AS own, roughly_revoke_session(:'session2') AS again;
COMMIT;
SELECT user_id FROM roughly_authenticate(:'token2');
SELECT user_id = :'cem' AS cem FROM roughly_authenticate(:'cem_token');
BEGIN;
SELECT user_id = :'ada' AS ada FROM roughly_authenticate(:'token');
SELECT roughly_log_out_everywhere(NULL); :state
ROLLBACK;
SELECT session_token AS token2, session_id AS session2 FROM roughly_log_in('ada@example.org', 'correct horse') \gset
BEGIN;
SELECT user_id = :'ada' AS ada FROM roughly_authenticate(:'token');
SELECT roughly_log_out_everywhere(keep_current => true) = ARRAY[:'session2']::uuid[] AS "the other one";
SELECT roughly_current_user() = :'ada' AS "still ada";
SELECT roughly_log_out_everywhere() = ARRAY[:'session']::uuid[] AS "this one";
SELECT roughly_current_user();
COMMIT;
SELECT user_id FROM roughly_authenticate(:'token');

-- How long ago somebody proved who they are.
SELECT session_token AS token, session_id AS session FROM roughly_log_in('ada@example.org', 'correct horse') \gset
BEGIN;
SELECT user_id = :'ada' AS ada FROM roughly_authenticate(:'token');
SELECT roughly_require_sudo() = :'ada' AS ada, roughly_require_sudo('1 day') = :'ada' AS ada, roughly_require_sudo('1 month') = :'ada' AS ada;
SAVEPOINT s;
SELECT roughly_require_sudo('0'); :state
ROLLBACK TO s;
SELECT roughly_require_sudo('-1 day'); :state
ROLLBACK TO s;
SELECT roughly_require_sudo(NULL); :state
ROLLBACK;
RESET SESSION AUTHORIZATION;
UPDATE roughly.user_tokens SET authenticated_at = now() - interval '11 minutes' WHERE id = :'session';
SET SESSION AUTHORIZATION regress_app;
BEGIN;
SELECT user_id = :'ada' AS ada FROM roughly_authenticate(:'token');
SELECT roughly_require_sudo('12 minutes') = :'ada' AS ada;
SELECT roughly_require_sudo(); :state
ROLLBACK;

-- A new token for the session. The old one serves a minute; after that, whoever shows it ends the session.
SELECT * FROM roughly_reissue_session(NULL);
SELECT * FROM roughly_reissue_session('x');
SELECT * FROM roughly_reissue_session(repeat('A', 64));
BEGIN READ ONLY;
SELECT * FROM roughly_reissue_session(:'token'); :state
ROLLBACK;
SELECT new_token AS newer, expires_at > now() + interval '13 days' AS prolonged FROM roughly_reissue_session(:'token') \gset
SELECT :'newer' <> :'token' AS another, :'prolonged' AS prolonged;
SELECT user_id = :'ada' AS new, session_id = :'session' AS "the same session" FROM roughly_authenticate(:'newer');
SELECT user_id = :'ada' AS old FROM roughly_authenticate(:'token');
SELECT * FROM roughly_reissue_session(:'token');
SELECT user_id = :'ada' AS new FROM roughly_authenticate(:'newer');
RESET SESSION AUTHORIZATION;
UPDATE roughly.user_tokens SET rotated_at = now() - interval '61 seconds' WHERE id = :'session';
SET SESSION AUTHORIZATION regress_app;
SELECT user_id AS old FROM roughly_authenticate(:'token');
SELECT user_id = :'ada' AS new, reissue FROM roughly_authenticate(:'newer');
SELECT * FROM roughly_reissue_session(:'token');
SELECT user_id AS new FROM roughly_authenticate(:'newer');
-- Seven days old, it asks for one; thirty days after the log-in it ends all the same.
SELECT session_token AS token, session_id AS session FROM roughly_log_in('ada@example.org', 'correct horse') \gset
RESET SESSION AUTHORIZATION;
UPDATE roughly.user_tokens SET inserted_at = now() - interval '8 days', not_after = now() + interval '1 day' WHERE id = :'session';
SET SESSION AUTHORIZATION regress_app;
SELECT user_id = :'ada' AS ada, reissue FROM roughly_authenticate(:'token');
SELECT expires_at <= now() + interval '1 day' AS "not for long" FROM roughly_reissue_session(:'token');

-- Log-in as a procedure: the attempt is committed before the password is looked at.
CALL roughly_log_in_committed(NULL, 'correct horse'); :state
CALL roughly_log_in_committed('ada@example.org', NULL); :state
BEGIN;
CALL roughly_log_in_committed('ada@example.org', 'correct horse'); :state
ROLLBACK;
CALL roughly_log_in_committed('ada@example.org', 'wrong');
CALL roughly_log_in_committed('unknown@example.org', 'correct horse');
CALL roughly_log_in_committed('ada@example.org', 'correct horse', 'psql', '192.0.2.1') \gset
SELECT :'status' AS status, :'user_id' = :'ada' AS ada;
SELECT user_id = :'ada' AS ada FROM roughly_authenticate(:'session_token');

-- Five failures are free, whether there is an account or not; then one waits, 30 seconds and longer. Rolling back does not help a procedure's caller.
SELECT n, status, retry_after BETWEEN interval '20 s' AND interval '30 s' AS wait FROM generate_series(1, 8) n, LATERAL roughly_log_in('nobody@example.org', 'wrong' || n) ORDER BY n;
SELECT n, status, retry_after BETWEEN interval '20 s' AND interval '30 s' AS wait FROM generate_series(1, 8) n, LATERAL roughly_log_in('cem@example.org', 'wrong' || n) ORDER BY n;
SELECT status, session_token, retry_after > '0' AS wait FROM roughly_log_in('cem@example.org', 'correct horse');
RESET SESSION AUTHORIZATION;
UPDATE roughly.login_failures SET throttled_until = now();
SET SESSION AUTHORIZATION regress_app;
SELECT status FROM roughly_log_in('cem@example.org', 'correct horse');
SELECT status FROM roughly_log_in('cem@example.org', 'wrong');

-- For the application only.
SET SESSION AUTHORIZATION regress_admin;
SELECT roughly_current_session(); :state
SELECT roughly_require_sudo(); :state
SELECT roughly_my_sessions(); :state
SELECT roughly_revoke_session(:'session'); :state
SELECT roughly_log_out_everywhere(); :state
SELECT roughly_reissue_session('x'); :state
CALL roughly_log_in_committed('ada@example.org', 'correct horse'); :state
SELECT * FROM roughly_log_in('ada@example.org', 'correct horse'); :state
SELECT * FROM roughly_authenticate('x'); :state
SELECT roughly_current_user(); :state
SELECT roughly_require_user(); :state
SELECT roughly_sign_out_of_transaction(); :state
SELECT roughly_log_out('x'); :state
SET SESSION AUTHORIZATION regress_plain;
SELECT roughly_current_session(); :state
SELECT roughly_require_sudo(); :state
SELECT roughly_my_sessions(); :state
SELECT roughly_revoke_session(:'session'); :state
SELECT roughly_log_out_everywhere(); :state
SELECT roughly_reissue_session('x'); :state
CALL roughly_log_in_committed('ada@example.org', 'correct horse'); :state
SELECT * FROM roughly_log_in('ada@example.org', 'correct horse'); :state
SELECT * FROM roughly_authenticate('x'); :state
SELECT roughly_current_user(); :state
SELECT roughly_require_user(); :state
SELECT roughly_sign_out_of_transaction(); :state
SELECT roughly_log_out('x'); :state
RESET SESSION AUTHORIZATION;

-- Arguments of another type, too few or too many, are PostgreSQL's to refuse.
\set VERBOSITY sqlstate
SELECT * FROM roughly_log_in('ada@example.org');
SELECT * FROM roughly_log_in('ada@example.org', 'wrong', 'psql', 'nowhere');
SELECT * FROM roughly_authenticate(42);
SELECT * FROM roughly_authenticate('\x00'::bytea);
SELECT * FROM roughly_authenticate();
SELECT roughly_sign_out_of_transaction('x');
SELECT roughly_log_out(42);
SELECT roughly_log_out();
SELECT roughly_current_session(1);
SELECT roughly_require_sudo('soon');
SELECT roughly_my_sessions(1);
SELECT roughly_revoke_session('x');
SELECT roughly_revoke_session();
SELECT roughly_log_out_everywhere('perhaps');
SELECT roughly_reissue_session(1);
SELECT roughly_reissue_session();
CALL roughly_log_in_committed('ada@example.org');
CALL roughly_log_in_committed('ada@example.org', 'wrong', 'psql', 'nowhere');
SELECT roughly_log_in_committed('ada@example.org', 'wrong');
\set VERBOSITY default

DROP ROLE regress_app, regress_admin, regress_plain;
DROP EXTENSION roughly_auth;
