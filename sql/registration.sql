-- Accounts made by their owners: registration, mailed links, passwords changed and reset, addresses changed.
\set VERBOSITY default
\set SHOW_CONTEXT never
\set state '\\echo SQLSTATE :SQLSTATE'
SET client_min_messages = warning;
CREATE EXTENSION roughly_auth;
CREATE ROLE regress_app LOGIN IN ROLE roughly_app;
CREATE ROLE regress_admin LOGIN IN ROLE roughly_admin;
CREATE ROLE regress_mailer LOGIN IN ROLE roughly_mailer;
CREATE ROLE regress_plain LOGIN;
\pset null '(null)'
-- What the mailer has fetched; and what it looks like without its tokens.
CREATE TABLE mails (n int GENERATED ALWAYS AS IDENTITY, id uuid, kind text, recipient text, token text, expires_at timestamptz);
GRANT SELECT ON mails TO regress_app;
GRANT ALL ON mails TO regress_mailer;
\set fetch 'WITH m AS (INSERT INTO mails (id, kind, recipient, token, expires_at) SELECT * FROM roughly_dequeue_mail(100) ORDER BY kind, recipient RETURNING *), s AS (SELECT count(roughly_mail_sent(id)) FROM m) SELECT kind, recipient, token ~ \'^[A-Za-z0-9_-]{64}$\' AS token, date_trunc(\'minute\', expires_at - now() + interval \'30 s\') AS lasts FROM m, s ORDER BY kind, recipient;'
\set tokens 'SELECT (SELECT token FROM mails WHERE kind = \'confirm\' ORDER BY n DESC LIMIT 1) AS confirm, (SELECT token FROM mails WHERE kind = \'magic_link\' ORDER BY n DESC LIMIT 1) AS magic, (SELECT token FROM mails WHERE kind = \'reset_password\' ORDER BY n DESC LIMIT 1) AS reset, (SELECT token FROM mails WHERE kind = \'change_email\' ORDER BY n DESC LIMIT 1) AS change, (SELECT token FROM mails WHERE kind = \'reauthenticate\' ORDER BY n DESC LIMIT 1) AS code'

-- Addresses share the clocks of the throttle, by chance; this sets them all back.
\set refill 'SELECT count(setval((\'roughly.throttle_\' || n)::regclass, 1)) AS clocks FROM generate_series(0, 255) n \\gset'

-- What no account can be asked for with.
SET SESSION AUTHORIZATION regress_app;
SELECT * FROM roughly_register_user(NULL); :state
SELECT * FROM roughly_register_user('');
SELECT * FROM roughly_register_user('ada');
SELECT * FROM roughly_register_user('@example.org');
SELECT * FROM roughly_register_user('a@b@example.org');
SELECT * FROM roughly_register_user('a b@example.org');
SELECT * FROM roughly_register_user(repeat('l', 149) || '@example.org');
SELECT * FROM roughly_register_user(repeat('l', 1000000));
SELECT * FROM roughly_register_user('ada', 'a good and long password');
SELECT * FROM roughly_register_user('ada@example.org', '');
SELECT * FROM roughly_register_user('ada@example.org', 'short');
SELECT * FROM roughly_register_user('ada@example.org', repeat('x', 1025));
SELECT * FROM roughly_register_user('ada@example.org', 'ada@example.org1');
SELECT * FROM roughly_register_user('ada@example.org', 'Roughly Example.org');
SELECT * FROM roughly_register_user('ada@example.org', 'fourteen chars');
SELECT * FROM roughly_register_user('ada@example.org', repeat(E'\u00e9', 14));
BEGIN READ ONLY;
SELECT * FROM roughly_register_user('ada@example.org'); :state
ROLLBACK;
RESET SESSION AUTHORIZATION;
:refill
SELECT (SELECT count(*) FROM roughly.mail_outbox) AS orders, (SELECT count(*) FROM roughly.users) AS accounts;

-- Asking for an account makes none: the mailer does, when it fetches the link. Orders are sealed, of one length.
SET SESSION AUTHORIZATION regress_app;
SELECT * FROM roughly_register_user('Ada@Example.org', 'a good and long password');
SELECT * FROM roughly_register_user('bob@example.org', repeat(E'\u00e9', 15));
SELECT * FROM roughly_register_user('cem@example.org');
RESET SESSION AUTHORIZATION;
:refill
SELECT (SELECT count(*) FROM roughly.users) AS accounts, count(*) AS orders, count(DISTINCT octet_length(sealed)) AS lengths FROM roughly.mail_outbox;
SET SESSION AUTHORIZATION regress_mailer;
SELECT roughly_dequeue_mail(NULL); :state
SELECT roughly_dequeue_mail(0); :state
SELECT roughly_dequeue_mail(-1); :state
SELECT roughly_dequeue_mail(1001); :state
SELECT roughly_mail_sent(NULL); :state
SELECT roughly_mail_sent('00000000-0000-0000-0000-000000000000');
BEGIN READ ONLY;
SELECT roughly_dequeue_mail(); :state
ROLLBACK;
-- At least once: what is fetched and not reported comes again later, with another token; the newest one counts.
CREATE TEMP TABLE first AS SELECT * FROM roughly_dequeue_mail();
SELECT kind, recipient, token IS NOT NULL AS token FROM first ORDER BY recipient;
SELECT count(*) AS "not yet again" FROM roughly_dequeue_mail();
RESET SESSION AUTHORIZATION;
:refill
SELECT attempts, locked_until - now() <= interval '1 minute' AS "in a minute" FROM roughly.mail_outbox;
SELECT email, hashed_password IS NOT NULL AS password, confirmed_at FROM roughly.users ORDER BY email COLLATE "C";
UPDATE roughly.mail_outbox SET locked_until = now();
SET SESSION AUTHORIZATION regress_mailer;
:fetch
:fetch
SELECT count(*) AS "the same tokens" FROM mails JOIN first USING (token);
:tokens \gset
SELECT token AS earlier FROM first WHERE recipient = 'Ada@Example.org' \gset
SELECT token AS ada_confirm FROM mails WHERE recipient = 'Ada@Example.org' \gset
SELECT token AS bob_confirm FROM mails WHERE recipient = 'bob@example.org' \gset
SELECT token AS cem_confirm FROM mails WHERE recipient = 'cem@example.org' \gset
GRANT SELECT ON first TO regress_app;

-- Confirming. The password counts only if its owner gives it again.
SET SESSION AUTHORIZATION regress_app;
SELECT * FROM roughly_confirm_user(NULL); :state
SELECT * FROM roughly_confirm_user('');
SELECT * FROM roughly_confirm_user('x');
SELECT * FROM roughly_confirm_user(repeat('A', 64));
SELECT * FROM roughly_confirm_user(repeat('A', 1000000));
SELECT * FROM roughly_confirm_user(:'earlier');
SELECT * FROM roughly_confirm_user(:'ada_confirm', 'another password');
SELECT * FROM roughly_confirm_user(:'ada_confirm', '');
SELECT status, user_id IS NOT NULL AS "user" FROM roughly_confirm_user(:'ada_confirm', 'a good and long password');
SELECT * FROM roughly_confirm_user(:'ada_confirm', 'a good and long password');
SELECT status FROM roughly_log_in('ada@example.org', 'a good and long password');
SELECT status FROM roughly_log_in('bob@example.org', repeat(E'\u00e9', 15)) AS "before confirming";
SELECT status FROM roughly_confirm_user(:'bob_confirm');
SELECT status FROM roughly_log_in('bob@example.org', repeat(E'\u00e9', 15)) AS "dropped";
RESET SESSION AUTHORIZATION;
:refill
UPDATE roughly.user_tokens SET expires_at = now() WHERE context = 'confirm';
SET SESSION AUTHORIZATION regress_app;
SELECT * FROM roughly_confirm_user(:'cem_confirm');
RESET SESSION AUTHORIZATION;
:refill
SET SESSION AUTHORIZATION regress_app;
-- A known address hears that someone tried; who asks hears the same as ever.
SELECT * FROM roughly_register_user('ADA@example.org', 'yet another good password');
SET SESSION AUTHORIZATION regress_mailer;
:fetch
SET SESSION AUTHORIZATION regress_app;
SELECT status FROM roughly_log_in('ada@example.org', 'yet another good password');

-- Links that log in, once, for a quarter of an hour.
SELECT roughly_request_magic_link(NULL); :state
SELECT roughly_request_magic_link(''), roughly_request_magic_link('no address'), roughly_request_magic_link('unknown@example.org'),
       roughly_request_magic_link('ada@example.org'), roughly_request_magic_link('cem@example.org');
SET SESSION AUTHORIZATION regress_mailer;
:fetch
SELECT token AS ada_magic FROM mails WHERE kind = 'magic_link' AND recipient = 'Ada@Example.org' \gset
SELECT token AS cem_magic FROM mails WHERE kind = 'magic_link' AND recipient = 'cem@example.org' \gset
SET SESSION AUTHORIZATION regress_app;
SELECT * FROM roughly_log_in_with_magic_link(NULL); :state
SELECT * FROM roughly_log_in_with_magic_link('');
SELECT * FROM roughly_log_in_with_magic_link('x');
SELECT * FROM roughly_log_in_with_magic_link(repeat('A', 1000000));
SELECT * FROM roughly_log_in_with_magic_link(:'ada_confirm');
SELECT * FROM roughly_confirm_user(:'ada_magic');
SELECT * FROM roughly_authenticate(:'ada_magic');
SELECT status, session_token AS ada_token, user_id AS ada FROM roughly_log_in_with_magic_link(:'ada_magic', 'psql', '192.0.2.1') \gset
SELECT :'status' AS status;
SELECT user_id = :'ada' AS ada FROM roughly_authenticate(:'ada_token');
SELECT * FROM roughly_log_in_with_magic_link(:'ada_magic');
SELECT status, session_token AS cem_token FROM roughly_log_in_with_magic_link(:'cem_magic') \gset
SELECT :'status' AS status;
BEGIN;
SELECT user_id IS NOT NULL AS cem FROM roughly_authenticate(:'cem_token');
SELECT email, confirmed_at IS NOT NULL AS "the link has confirmed it", has_password FROM roughly_my_account();
COMMIT;

-- A new password, known to whoever knows the old one and has proved it just now.
SELECT * FROM roughly_change_password('a good and long password', 'my second good password'); :state
BEGIN;
SELECT user_id = :'ada' AS ada FROM roughly_authenticate(:'ada_token');
SELECT * FROM roughly_change_password('wrong', 'my second good password');
SELECT * FROM roughly_change_password(NULL, 'my second good password');
SELECT * FROM roughly_change_password('a good and long password', 'short');
SELECT * FROM roughly_change_password('a good and long password', 'a good and long password');
SELECT * FROM roughly_change_password('a good and long password', repeat('x', 2000));
SELECT * FROM roughly_change_password('a good and long password', NULL); :state
ROLLBACK;
SELECT session_token AS other_token, session_id AS other FROM roughly_log_in('ada@example.org', 'a good and long password') \gset
BEGIN;
SELECT user_id = :'ada' AS ada FROM roughly_authenticate(:'ada_token');
SELECT status, reasons, session_token AS fresh_token, revoked FROM roughly_change_password('a good and long password', 'my second good password') \gset
SELECT :'status' AS status, ARRAY[:'other']::uuid[] <@ :'revoked' AS "the others end", roughly_current_user() AS "nobody acts";
COMMIT;
SELECT user_id AS old FROM roughly_authenticate(:'ada_token');
SELECT user_id AS other FROM roughly_authenticate(:'other_token');
SELECT user_id = :'ada' AS fresh FROM roughly_authenticate(:'fresh_token');
SELECT status FROM roughly_log_in('ada@example.org', 'a good and long password');
SELECT status FROM roughly_log_in('ada@example.org', 'my second good password');
-- An account without a password gets its first.
BEGIN;
SELECT user_id IS NOT NULL AS cem FROM roughly_authenticate(:'cem_token');
SELECT status FROM roughly_change_password(NULL, 'the first good password of cem');
COMMIT;
SELECT status, session_id IS NOT NULL AS session FROM roughly_log_in('cem@example.org', 'the first good password of cem');
RESET SESSION AUTHORIZATION;
:refill
UPDATE roughly.user_tokens SET authenticated_at = now() - interval '11 minutes' WHERE user_id = :'ada';
SET SESSION AUTHORIZATION regress_app;
BEGIN;
SELECT user_id = :'ada' AS ada FROM roughly_authenticate(:'fresh_token');
SELECT * FROM roughly_change_password('my second good password', 'my third good password'); :state
ROLLBACK;
BEGIN;
SELECT user_id = :'ada' AS ada FROM roughly_authenticate(:'fresh_token');
SELECT roughly_request_email_change('ada@new.example.org'); :state
ROLLBACK;

RESET SESSION AUTHORIZATION;
:refill
SET SESSION AUTHORIZATION regress_app;
-- Proving it again: by password or by a mailed code. The session goes on with another token.
SELECT * FROM roughly_reauthenticate('my second good password'); :state
SELECT roughly_request_reauthentication(); :state
SELECT * FROM roughly_reauthenticate_with_code('x'); :state
BEGIN;
SELECT user_id = :'ada' AS ada FROM roughly_authenticate(:'fresh_token');
SELECT * FROM roughly_reauthenticate('wrong');
SELECT * FROM roughly_reauthenticate('');
SELECT * FROM roughly_reauthenticate_with_code('x');
SELECT * FROM roughly_reauthenticate_with_code(:'cem_magic');
SELECT roughly_request_reauthentication();
SAVEPOINT s;
SELECT * FROM roughly_reauthenticate(NULL); :state
ROLLBACK TO s;
SELECT * FROM roughly_reauthenticate_with_code(NULL); :state
ROLLBACK TO s;
COMMIT;
-- Guessing with a stolen session is throttled as guessing at the log-in is.
BEGIN;
SELECT user_id = :'ada' AS ada FROM roughly_authenticate(:'fresh_token');
SELECT DISTINCT status FROM generate_series(1, 30) n, LATERAL roughly_reauthenticate('wrong' || n) ORDER BY status;
SELECT * FROM roughly_reauthenticate('my second good password');
ROLLBACK;
RESET SESSION AUTHORIZATION;
:refill
SET SESSION AUTHORIZATION regress_mailer;
:fetch
:tokens \gset
SET SESSION AUTHORIZATION regress_app;
BEGIN;
SELECT a.user_id IS NOT NULL AS cem FROM roughly_log_in('cem@example.org', 'the first good password of cem') l, roughly_authenticate(l.session_token) a;
SELECT * FROM roughly_reauthenticate_with_code(:'code');
ROLLBACK;
BEGIN;
SELECT user_id = :'ada' AS ada FROM roughly_authenticate(:'fresh_token');
SELECT status, session_token AS proved_token FROM roughly_reauthenticate_with_code(:'code') \gset
SELECT :'status' AS status, roughly_current_user() AS "nobody acts";
SELECT user_id = :'ada' AS ada FROM roughly_authenticate(:'proved_token');
SELECT roughly_require_sudo() = :'ada' AS proved;
SELECT * FROM roughly_reauthenticate_with_code(:'code');
SELECT status, session_token AS proved_token FROM roughly_reauthenticate('my second good password') \gset
SELECT :'status' AS status;
COMMIT;
SELECT user_id AS old FROM roughly_authenticate(:'fresh_token');
SELECT user_id = :'ada' AS ada FROM roughly_authenticate(:'proved_token');

RESET SESSION AUTHORIZATION;
:refill
SET SESSION AUTHORIZATION regress_app;
-- A forgotten password: a link of an hour. It ends every session.
SELECT roughly_request_password_reset(NULL); :state
SELECT roughly_request_password_reset(''), roughly_request_password_reset('no address'), roughly_request_password_reset('unknown@example.org'), roughly_request_password_reset('ada@example.org');
SET SESSION AUTHORIZATION regress_mailer;
:fetch
:tokens \gset
SET SESSION AUTHORIZATION regress_app;
SELECT * FROM roughly_reset_password(NULL, 'my third good password'); :state
SELECT * FROM roughly_reset_password(:'reset', NULL); :state
SELECT * FROM roughly_reset_password('', 'my third good password');
SELECT * FROM roughly_reset_password('x', 'my third good password');
SELECT * FROM roughly_reset_password(:'code', 'my third good password');
SELECT * FROM roughly_reset_password(:'reset', 'short');
SELECT status, reasons, session_token, cardinality(revoked) > 0 AS "sessions ended" FROM roughly_reset_password(:'reset', 'my third good password');
SELECT * FROM roughly_reset_password(:'reset', 'my fourth good password');
SELECT user_id AS old FROM roughly_authenticate(:'proved_token');
SELECT status FROM roughly_log_in('ada@example.org', 'my second good password');
SELECT status, session_token AS ada_token FROM roughly_log_in('ada@example.org', 'my third good password') \gset
SELECT :'status' AS status;

RESET SESSION AUTHORIZATION;
:refill
SET SESSION AUTHORIZATION regress_app;
-- Answers of several calls in one row are each their own.
SELECT roughly_register_user('x'), roughly_register_user('ada@example.org', 'short'), roughly_confirm_user('x'), roughly_change_email('x'), roughly_reset_password('x', 'y'),
       roughly_log_in_with_magic_link('x');

-- Another address: a link to it, a notice to the old one.
SELECT roughly_request_email_change('ada@new.example.org'); :state
SELECT roughly_change_email(NULL); :state
SELECT roughly_change_email(''), roughly_change_email('x'), roughly_change_email(:'reset');
BEGIN;
SELECT user_id = :'ada' AS ada FROM roughly_authenticate(:'ada_token');
SELECT count(roughly_request_magic_link('ada@example.org')) AS "ada's mailbox is full" FROM generate_series(1, 5);
SELECT roughly_request_email_change('no address'), roughly_request_email_change('ada@new.example.org');
SAVEPOINT s;
SELECT roughly_request_email_change(NULL); :state
ROLLBACK TO s;
COMMIT;
SET SESSION AUTHORIZATION regress_mailer;
:fetch
:tokens \gset
SET SESSION AUTHORIZATION regress_app;
SELECT status FROM roughly_log_in('ada@new.example.org', 'my third good password');
SELECT roughly_change_email(:'change');
SELECT roughly_change_email(:'change');
SELECT status FROM roughly_log_in('ada@new.example.org', 'my third good password');
SELECT status FROM roughly_log_in('ada@example.org', 'my third good password');
RESET SESSION AUTHORIZATION;
:refill
SET SESSION AUTHORIZATION regress_app;
-- One that somebody else has taken meanwhile.
BEGIN;
SELECT user_id = :'ada' AS ada FROM roughly_authenticate(:'ada_token');
SELECT roughly_request_email_change('cem@example.org');
COMMIT;
SET SESSION AUTHORIZATION regress_mailer;
:fetch
:tokens \gset
SET SESSION AUTHORIZATION regress_app;
SELECT roughly_change_email(:'change');

RESET SESSION AUTHORIZATION;
:refill
SET SESSION AUTHORIZATION regress_app;
-- Five mails at once for an address, then one in a minute: more are dropped without a word.
SELECT count(roughly_request_magic_link('ada@new.example.org')) AS asked FROM generate_series(1, 9);
RESET SESSION AUTHORIZATION;
:refill
SELECT count(*) AS orders FROM roughly.mail_outbox;
-- Mail that cannot be sent is given up; an order that does not open is named and keeps no other.
UPDATE roughly.mail_outbox SET attempts = 10;
INSERT INTO roughly.mail_outbox (id, sealed) VALUES ('00000000-0000-4000-8000-000000000001', '\x00');
SET SESSION AUTHORIZATION regress_mailer;
SELECT kind, recipient FROM roughly_dequeue_mail();
RESET SESSION AUTHORIZATION;
:refill
SELECT id, attempts FROM roughly.mail_outbox;
DELETE FROM roughly.mail_outbox;
SELECT action, count(*) FROM roughly.audit_log GROUP BY 1 ORDER BY action COLLATE "C";

-- Not for others.
SET SESSION AUTHORIZATION regress_app;
SELECT roughly_dequeue_mail(); :state
SELECT roughly_mail_sent('00000000-0000-0000-0000-000000000000'); :state
SET SESSION AUTHORIZATION regress_admin;
SELECT roughly_dequeue_mail(); :state
SELECT roughly_mail_sent('00000000-0000-0000-0000-000000000000'); :state
SET SESSION AUTHORIZATION regress_mailer;
SELECT roughly_register_user('dan@example.org'); :state
SELECT roughly_confirm_user('x'); :state
SELECT roughly_request_magic_link('ada@example.org'); :state
SELECT roughly_log_in_with_magic_link('x'); :state
SELECT roughly_change_password('x', 'y'); :state
SELECT roughly_request_password_reset('ada@example.org'); :state
SELECT roughly_reset_password('x', 'y'); :state
SELECT roughly_reauthenticate('x'); :state
SELECT roughly_request_reauthentication(); :state
SELECT roughly_reauthenticate_with_code('x'); :state
SELECT roughly_request_email_change('ada@example.org'); :state
SELECT roughly_change_email('x'); :state
SET SESSION AUTHORIZATION regress_plain;
SELECT roughly_register_user('dan@example.org'); :state
SELECT roughly_dequeue_mail(); :state
RESET SESSION AUTHORIZATION;
:refill

-- Arguments of another type, too few or too many, are PostgreSQL's to refuse.
\set VERBOSITY sqlstate
SELECT roughly_register_user();
SELECT roughly_register_user(1);
SELECT roughly_confirm_user();
SELECT roughly_confirm_user('\x00'::bytea);
SELECT roughly_request_magic_link();
SELECT roughly_request_magic_link(1);
SELECT roughly_log_in_with_magic_link();
SELECT roughly_log_in_with_magic_link('x', 'psql', 'nowhere');
SELECT roughly_dequeue_mail('x');
SELECT roughly_mail_sent('x');
SELECT roughly_mail_sent();
SELECT roughly_change_password('x');
SELECT roughly_change_password(1, 'x');
SELECT roughly_request_password_reset();
SELECT roughly_reset_password('x');
SELECT roughly_reset_password('x', 1);
SELECT roughly_reauthenticate();
SELECT roughly_reauthenticate(1);
SELECT roughly_request_reauthentication(1);
SELECT roughly_reauthenticate_with_code();
SELECT roughly_reauthenticate_with_code(1);
SELECT roughly_request_email_change();
SELECT roughly_request_email_change(1);
SELECT roughly_change_email();
SELECT roughly_change_email(1);
\set VERBOSITY default

DROP TABLE mails, first;
DROP ROLE regress_app, regress_admin, regress_mailer, regress_plain;
DROP EXTENSION roughly_auth;
