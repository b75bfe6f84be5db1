-- Administration: bans, sessions, locks, common passwords, clearing up, the log of events, the security check.
\set VERBOSITY default
\set SHOW_CONTEXT never
\set state '\\echo SQLSTATE :SQLSTATE'
SET client_min_messages = warning;
CREATE EXTENSION roughly_auth;
CREATE ROLE regress_app LOGIN IN ROLE roughly_app;
CREATE ROLE regress_admin LOGIN IN ROLE roughly_admin;
CREATE ROLE regress_mailer LOGIN IN ROLE roughly_mailer;
CREATE ROLE regress_plain LOGIN;
SELECT roughly_hash_password('correct horse') AS hash \gset
SELECT roughly_admin_import_user('ada@example.org', :'hash') AS ada \gset
SELECT roughly_admin_import_user('bob@example.org', :'hash') AS bob \gset
SELECT session_token AS token FROM roughly_log_in('ada@example.org', 'correct horse') \gset
SELECT session_token AS token2 FROM roughly_log_in('ada@example.org', 'correct horse') \gset
\set nothing '00000000-0000-0000-0000-000000000000'
\pset null '(null)'

-- No account, no number.
SET SESSION AUTHORIZATION regress_admin;
SELECT roughly_admin_ban(NULL); :state
SELECT roughly_admin_ban(:'nothing'); :state
SELECT roughly_admin_ban(:'ada', NULL); :state
SELECT roughly_admin_unban(NULL); :state
SELECT roughly_admin_unban(:'nothing'); :state
SELECT roughly_admin_revoke_sessions(NULL); :state
SELECT roughly_admin_revoke_sessions(:'nothing'); :state
SELECT roughly_admin_unlock(NULL); :state
SELECT roughly_admin_unlock(:'nothing'); :state
SELECT roughly_admin_delete_user(NULL); :state
SELECT roughly_admin_delete_user(:'nothing'); :state
SELECT roughly_admin_block_passwords(NULL); :state
SELECT roughly_admin_block_passwords('{NULL}'); :state
SELECT roughly_purge_expired(NULL); :state
SELECT roughly_purge_expired(0); :state
SELECT roughly_purge_expired(-1); :state

-- Ending sessions.
SELECT roughly_admin_revoke_sessions(:'ada');
SELECT roughly_admin_revoke_sessions(:'ada');
SET SESSION AUTHORIZATION regress_app;
SELECT user_id FROM roughly_authenticate(:'token');

-- A ban ends sessions and refuses new ones; only a right password is told so.
SELECT session_token AS token FROM roughly_log_in('ada@example.org', 'correct horse') \gset
SET SESSION AUTHORIZATION regress_admin;
SELECT roughly_admin_ban(:'ada');
SET SESSION AUTHORIZATION regress_app;
SELECT user_id FROM roughly_authenticate(:'token');
SELECT * FROM roughly_log_in('ada@example.org', 'correct horse');
SELECT * FROM roughly_log_in('ada@example.org', 'wrong');
SELECT roughly_request_magic_link('ada@example.org'), roughly_request_password_reset('ada@example.org');
SET SESSION AUTHORIZATION regress_mailer;
SELECT kind FROM roughly_dequeue_mail();
SET SESSION AUTHORIZATION regress_admin;
SELECT roughly_admin_ban(:'ada', now() - interval '1 second') AS "till a moment ago";
SET SESSION AUTHORIZATION regress_app;
SELECT status FROM roughly_log_in('ada@example.org', 'correct horse');
SET SESSION AUTHORIZATION regress_admin;
SELECT roughly_admin_ban(:'ada', now() + interval '1 day');
SELECT roughly_admin_unban(:'ada');
SELECT roughly_admin_unban(:'ada') AS again;
SET SESSION AUTHORIZATION regress_app;
SELECT status FROM roughly_log_in('ada@example.org', 'correct horse');

-- A hundred failures disable the password, which stays so until it is reset or unlocked.
RESET SESSION AUTHORIZATION;
SELECT count(*) AS "one failure" FROM roughly_log_in('bob@example.org', 'wrong');
UPDATE roughly.login_failures SET failures = 100;
SET SESSION AUTHORIZATION regress_app;
SELECT status FROM roughly_log_in('bob@example.org', 'correct horse');
SET SESSION AUTHORIZATION regress_admin;
SELECT roughly_admin_unlock(:'bob');
SELECT roughly_admin_unlock(:'bob') AS again;
SET SESSION AUTHORIZATION regress_app;
SELECT status FROM roughly_log_in('bob@example.org', 'correct horse');

-- Common passwords.
SET SESSION AUTHORIZATION regress_admin;
SELECT roughly_admin_block_passwords('{}');
SELECT roughly_admin_block_passwords('{Correct Horse Battery,password1234567,password1234567,""}');
SELECT roughly_admin_block_passwords('{PASSWORD1234567,another common one}');
SET SESSION AUTHORIZATION regress_app;
SELECT * FROM roughly_register_user('cem@example.org', 'correct horse battery');
SELECT * FROM roughly_register_user('cem@example.org', 'Password1234567');
SELECT * FROM roughly_register_user('cem@example.org', 'password12345678');
RESET SESSION AUTHORIZATION;
SELECT count(*) AS digests, max(octet_length(digest)) AS bytes FROM roughly.password_blocklist;

-- Clearing up: what has expired, and accounts whose address was never proved.
SELECT roughly_admin_import_user('never@example.org', NULL, NULL) AS never \gset
SELECT roughly_admin_import_user('later@example.org', NULL, NULL) AS later \gset
DELETE FROM roughly.user_tokens;
SET SESSION AUTHORIZATION regress_app;
SELECT count(*) FROM generate_series(1, 3) n, LATERAL roughly_log_in('ada@example.org', 'correct horse', 'psql ' || n);
RESET SESSION AUTHORIZATION;
SET SESSION AUTHORIZATION regress_admin;
SELECT roughly_purge_expired();
RESET SESSION AUTHORIZATION;
UPDATE roughly.user_tokens SET expires_at = now() - interval '1 second';
UPDATE roughly.users SET inserted_at = now() - interval '8 days' WHERE id = :'never';
SET SESSION AUTHORIZATION regress_admin;
SELECT roughly_purge_expired(2) AS "two tokens and an account", roughly_purge_expired(2) AS "the last token", roughly_purge_expired(2) AS "no more";
RESET SESSION AUTHORIZATION;
SELECT email FROM roughly.users ORDER BY email COLLATE "C";

-- Events, by day and without more.
SET SESSION AUTHORIZATION regress_admin;
SELECT on_date = current_date AS today, action, user_id = :'ada' AS ada, count(*) FROM roughly_audit(:'ada') GROUP BY 1, 2, 3 ORDER BY action;
SELECT count(*) > 5 AS "of all" FROM roughly_audit();
SELECT count(*) AS nobody FROM roughly_audit(:'nothing');
-- An account that is deleted goes; what remains of it is a date.
SELECT roughly_admin_delete_user(:'ada');
SELECT roughly_admin_delete_user(:'nothing'); :state
SELECT action, user_id FROM roughly_audit() WHERE action ~ 'delete';
SELECT count(*) AS "of the deleted account" FROM roughly_audit(:'ada');
SET SESSION AUTHORIZATION regress_app;
SELECT status FROM roughly_log_in('ada@example.org', 'correct horse');
RESET SESSION AUTHORIZATION;
-- Registering the address again opens no question that was open before.
SELECT roughly_create_question('Before?', '{yes,no}', require_confirmed => false, opens_at => now() - interval '1 hour') AS before \gset
SET SESSION AUTHORIZATION regress_app;
SELECT * FROM roughly_register_user('ADA@example.org', 'a good and long password');
SET SESSION AUTHORIZATION regress_mailer;
SELECT kind, recipient FROM roughly_dequeue_mail() WHERE recipient ~* 'ada';
RESET SESSION AUTHORIZATION;
SELECT roughly_create_question('After?', '{yes,no}', require_confirmed => false) AS after \gset
SET SESSION AUTHORIZATION regress_app;
SELECT session_token AS token FROM roughly_log_in('ada@example.org', 'a good and long password') \gset
BEGIN;
SELECT user_id IS NOT NULL AS ada FROM roughly_authenticate(:'token');
SAVEPOINT s;
SELECT roughly_cast_vote(:'before', 'yes'); :state
ROLLBACK TO s;
SELECT roughly_cast_vote(:'after', 'yes');
COMMIT;

-- The security check: who runs it sees what it sees. Planted faults are named.
RESET SESSION AUTHORIZATION;
CREATE FUNCTION findings() RETURNS TABLE (severity text, item text, "now" text, remedy boolean) LANGUAGE sql AS $$
  SELECT severity, item, current, remedy <> '' FROM roughly_security_check()
   WHERE item || current ~ 'regress|roughly' ORDER BY item COLLATE "C", current COLLATE "C" $$;
SELECT * FROM findings();
BEGIN;
SET LOCAL roughly_auth.isolate_votes = off;
SET LOCAL roughly_auth.min_k = 2;
ALTER ROLE regress_plain BYPASSRLS REPLICATION;
GRANT pg_read_server_files TO regress_plain;
GRANT pg_read_all_stats TO regress_app;
GRANT roughly_owner TO regress_plain;
ALTER TABLE roughly.votes NO FORCE ROW LEVEL SECURITY;
ALTER TABLE roughly.keys OWNER TO regress_plain;
ALTER FUNCTION roughly_my_answers(uuid[]) OWNER TO regress_plain;
GRANT EXECUTE ON FUNCTION roughly_my_snapshot(uuid) TO PUBLIC;
CREATE TRIGGER regress AFTER INSERT ON roughly.ballots FOR EACH ROW EXECUTE FUNCTION suppress_redundant_updates_trigger();
CREATE RULE regress AS ON INSERT TO roughly.tallies DO ALSO NOTHING;
CREATE POLICY regress ON roughly.users USING (true);
GRANT SELECT ON roughly.questions TO regress_plain;
GRANT INSERT ON roughly.users TO PUBLIC;
SET LOCAL client_min_messages = error;
CREATE PUBLICATION regress FOR TABLE roughly.users, roughly.releases;
ALTER ROLE roughly_owner LOGIN;
SELECT * FROM findings();
ROLLBACK;
-- Grants of columns, and of the whole of users, are grants too.
BEGIN;
GRANT SELECT (vote_secret) ON roughly.users TO regress_plain;
SELECT count(*) > 0 AS "a column of secrets" FROM roughly_security_check() WHERE item ~ 'users' AND current ~ 'regress_plain';
ROLLBACK;
BEGIN;
GRANT SELECT ON roughly.users TO roughly_app;
SELECT count(*) > 0 AS "every column" FROM roughly_security_check() WHERE item ~ 'users' AND current ~ 'roughly_app';
ROLLBACK;
BEGIN;
GRANT CREATE ON SCHEMA roughly TO regress_plain;
SELECT count(*) > 0 AS "the schema" FROM roughly_security_check() WHERE current ~ 'regress_plain';
ROLLBACK;
BEGIN;
ALTER FUNCTION roughly_cast_vote(uuid, text) RESET search_path;
SELECT count(*) > 0 AS "a search_path" FROM roughly_security_check() WHERE item ~ 'roughly_cast_vote';
ROLLBACK;
SELECT DISTINCT severity FROM roughly_security_check() WHERE severity NOT IN ('critical', 'warning', 'notice');

-- For the administration only.
SET SESSION AUTHORIZATION regress_admin;
SELECT count(*) >= 0 AS "has an answer" FROM roughly_security_check();
SET SESSION AUTHORIZATION regress_app;
SELECT roughly_admin_ban(:'bob'); :state
SELECT roughly_admin_unban(:'bob'); :state
SELECT roughly_admin_revoke_sessions(:'bob'); :state
SELECT roughly_admin_unlock(:'bob'); :state
SELECT roughly_admin_delete_user(:'bob'); :state
SELECT roughly_admin_block_passwords('{x}'); :state
SELECT roughly_purge_expired(); :state
SELECT roughly_audit(); :state
SELECT roughly_security_check(); :state
SET SESSION AUTHORIZATION regress_plain;
SELECT roughly_admin_ban(:'bob'); :state
SELECT roughly_audit(); :state
SELECT roughly_security_check(); :state
RESET SESSION AUTHORIZATION;

-- Arguments of another type, too few or too many, are PostgreSQL's to refuse.
\set VERBOSITY sqlstate
SELECT roughly_admin_ban('x');
SELECT roughly_admin_ban(:'bob', 'soon');
SELECT roughly_admin_ban();
SELECT roughly_admin_unban('x');
SELECT roughly_admin_unban();
SELECT roughly_admin_revoke_sessions('x');
SELECT roughly_admin_revoke_sessions();
SELECT roughly_admin_unlock('x');
SELECT roughly_admin_unlock();
SELECT roughly_admin_delete_user('x');
SELECT roughly_admin_delete_user();
SELECT roughly_admin_block_passwords('x');
SELECT roughly_admin_block_passwords();
SELECT roughly_purge_expired('x');
SELECT roughly_audit('x');
SELECT roughly_security_check(1);
\set VERBOSITY default

DROP FUNCTION findings;
DROP ROLE regress_app, regress_admin, regress_mailer, regress_plain;
DROP EXTENSION roughly_auth;
