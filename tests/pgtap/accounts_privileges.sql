-- Who may call what, who may read what, and what a superuser gains by writing to the tables.
BEGIN;
\ir accounts_setup.psql
SELECT * FROM no_plan();
SELECT acct.account('rita@right.example') AS rita, acct.account('admin@right.example') AS boss \gset

-- --- who may call the functions of accounts: a(pplication), d(ministration), m(ailer); nobody else (but roughly_current_user())
CREATE TABLE acct.callers (function text PRIMARY KEY, callers text);
INSERT INTO acct.callers VALUES
  ('roughly_register_user(text,text)', 'a'), ('roughly_confirm_user(text,text)', 'a'), ('roughly_log_in(text,text,text,inet)', 'a'),
  ('roughly_request_magic_link(text)', 'a'), ('roughly_log_in_with_magic_link(text,text,inet)', 'a'), ('roughly_log_in_with_code(text,text,text,inet)', 'a'),
  ('roughly_log_out(text)', 'a'), ('roughly_log_out_everywhere(boolean)', 'a'), ('roughly_my_sessions()', 'a'), ('roughly_revoke_session(uuid)', 'a'),
  ('roughly_reissue_session(text)', 'a'), ('roughly_authenticate(text)', 'a'), ('roughly_current_session()', 'a'),
  ('roughly_require_user()', 'a'), ('roughly_require_sudo(interval)', 'a'), ('roughly_sign_out_of_transaction()', 'a'),
  ('roughly_reauthenticate(text)', 'a'), ('roughly_request_reauthentication()', 'a'), ('roughly_reauthenticate_with_code(text)', 'a'),
  ('roughly_change_password(text,text)', 'a'), ('roughly_request_password_reset(text)', 'a'), ('roughly_reset_password(text,text)', 'a'),
  ('roughly_request_email_change(text)', 'a'), ('roughly_change_email(text)', 'a'), ('roughly_delete_account(text)', 'a'),
  ('roughly_enroll_totp()', 'a'), ('roughly_verify_totp(text)', 'a'), ('roughly_remove_totp()', 'a'), ('roughly_my_account()', 'a'), ('roughly_export_my_data()', 'a'),
  ('roughly_hash_password(text)', 'ad'), ('roughly_verify_password(text,text)', 'ad'), ('roughly_password_needs_rehash(text)', 'ad'),
  ('roughly_admin_import_user(text,text,timestamp with time zone)', 'd'), ('roughly_admin_delete_user(uuid)', 'd'), ('roughly_admin_ban(uuid,timestamp with time zone)', 'd'),
  ('roughly_admin_unban(uuid)', 'd'), ('roughly_admin_revoke_sessions(uuid)', 'd'), ('roughly_admin_unlock(uuid)', 'd'), ('roughly_admin_block_passwords(text[])', 'd'),
  ('roughly_purge_expired(integer)', 'd'), ('roughly_audit(uuid)', 'd'),
  ('roughly_dequeue_mail(integer)', 'm'), ('roughly_mail_sent(uuid)', 'm');
SELECT is((SELECT concat(CASE WHEN has_function_privilege('acct_app', function, 'EXECUTE') THEN 'a' END, CASE WHEN has_function_privilege('acct_admin', function, 'EXECUTE') THEN 'd' END,
                         CASE WHEN has_function_privilege('acct_mailer', function, 'EXECUTE') THEN 'm' END, CASE WHEN has_function_privilege('acct_nobody', function, 'EXECUTE') THEN ' everybody' END)),
          callers, function) FROM (SELECT * FROM acct.callers ORDER BY function) c;
SELECT is((SELECT array_agg(p.oid::regprocedure::text) FROM pg_proc p JOIN acct.callers ON p.oid = function::regprocedure WHERE p.proowner <> 'roughly_owner'::regrole OR p.prosecdef), NULL,
          'all belong to roughly_owner and raise themselves in C++ only');
SELECT is((SELECT array_agg(p.oid::regprocedure::text) FROM pg_proc p JOIN acct.callers ON p.oid = function::regprocedure
            WHERE p.proparallel = 's' AND p.proname !~ 'password'), NULL, 'and never run in a parallel worker');

-- --- who may read what: nobody anything but their own account
SELECT is((SELECT array_agg(format('%s %s', r, c.relname)) FROM pg_class c, unnest('{acct_app,acct_admin,acct_mailer,acct_nobody}'::text[]) r
            WHERE relnamespace = 'roughly'::regnamespace AND relkind IN ('r', 'v', 'm', 'p')
              AND relname IN ('user_tokens', 'login_failures', 'mail_outbox', 'tombstones', 'audit_log', 'mfa_factors', 'recovery_codes', 'password_blocklist')
              AND (has_table_privilege(r, c.oid, 'SELECT, INSERT, UPDATE, DELETE, TRUNCATE, REFERENCES, TRIGGER') OR has_any_column_privilege(r, c.oid, 'SELECT, INSERT, UPDATE, REFERENCES'))), NULL,
          'no privilege on any of the tables of accounts');
SELECT is((SELECT count(*) FROM pg_class WHERE relnamespace = 'roughly'::regnamespace
              AND relname IN ('user_tokens', 'login_failures', 'mail_outbox', 'tombstones', 'audit_log', 'mfa_factors', 'recovery_codes', 'password_blocklist', 'users')
              AND relrowsecurity AND relforcerowsecurity AND relowner = 'roughly_owner'::regrole), 9::bigint, 'row-level security is forced on all of them');
SELECT is((SELECT array_agg(format('%s %s', r, relname)) FROM pg_class, unnest('{acct_app,acct_admin,acct_mailer,acct_nobody}'::text[]) r
            WHERE relnamespace = 'roughly'::regnamespace AND relkind = 'S' AND has_sequence_privilege(r, oid, 'USAGE, SELECT, UPDATE')), NULL, 'nor on the clocks of the throttle');
:as_app
SELECT acct.log_in('rita@right.example') AS token \gset
SELECT acct.become(:'token') \gset unused_
SELECT is((SELECT array_agg(email) FROM roughly.users), '{rita@right.example}', 'a person sees their own account');
SELECT throws_ok('SELECT ' || what, '42501', NULL, 'the application cannot: ' || what)
  FROM unnest(ARRAY['hashed_password FROM roughly.users', 'vote_secret FROM roughly.users', 'email_normalized FROM roughly.users', '* FROM roughly.users', 'FROM roughly.user_tokens', 'FROM roughly.login_failures',
                    'FROM roughly.mail_outbox', 'FROM roughly.tombstones', 'FROM roughly.audit_log', 'FROM roughly.mfa_factors', 'FROM roughly.recovery_codes', 'FROM roughly.password_blocklist',
                    'roughly_dequeue_mail()', 'roughly_mail_sent(gen_random_uuid())', 'roughly_admin_import_user($$a@b$$)', 'roughly_admin_ban(gen_random_uuid())', 'roughly_audit()',
                    'setval($$roughly.throttle_0$$, 1)', 'roughly_purge_expired()']) what;
SELECT throws_ok(what, '42501', NULL, 'the application cannot: ' || what)
  FROM unnest(ARRAY['UPDATE roughly.users SET confirmed_at = now()', 'DELETE FROM roughly.users', 'INSERT INTO roughly.users DEFAULT VALUES', 'DELETE FROM roughly.user_tokens', 'DELETE FROM roughly.mail_outbox',
                    'TRUNCATE roughly.login_failures', 'LOCK roughly.users', 'CREATE TABLE roughly.mine ()', 'SET ROLE roughly_owner', 'SET ROLE roughly_mailer', 'SET ROLE roughly_admin']) what;
:sign_out
SELECT is((SELECT count(*) FROM roughly.users), 0::bigint, 'nobody sees any');
:as_admin
SELECT throws_ok('SELECT ' || what, '42501', NULL, 'the administration cannot: ' || what)
  FROM unnest(ARRAY['FROM roughly.users', 'FROM roughly.user_tokens', 'roughly_dequeue_mail()', 'roughly_log_in($$a@b$$, $$x$$)', 'roughly_authenticate($$x$$)', 'roughly_register_user($$a@b$$)']) what;
:as_mailer
SELECT throws_ok('SELECT ' || what, '42501', NULL, 'the mailer cannot: ' || what)
  FROM unnest(ARRAY['FROM roughly.users', 'FROM roughly.mail_outbox', 'roughly_log_in($$a@b$$, $$x$$)', 'roughly_authenticate($$x$$)', 'roughly_request_magic_link($$a@b$$)', 'roughly_audit()', 'roughly_admin_ban(gen_random_uuid())']) what;

-- --- a table of the caller's own does not stand for one of ours
:as_app
CREATE TEMP TABLE users (id uuid DEFAULT gen_random_uuid(), email text, email_normalized text, hashed_password bytea);
CREATE TEMP TABLE user_tokens (LIKE users);
GRANT ALL ON users, user_tokens TO PUBLIC;
INSERT INTO users (email, email_normalized) VALUES ('fake@right.example', 'fake@right.example');
SELECT is(status, 'invalid_credentials', 'with tables of the same name in pg_temp') FROM roughly_log_in('fake@right.example', :password);
SELECT is(acct.become(:'token'), :'rita'::uuid, 'all is as ever');
:sign_out

-- --- what a superuser gains by writing tokens: nothing, without the key
:as_superuser
CREATE FUNCTION acct.token_of(who uuid, secret bytea) RETURNS text LANGUAGE sql AS
  $$SELECT translate(encode(uuid_send(who) || secret, 'base64'), E'+/=\n', '-_')$$;
SELECT acct.token_of(:'boss', decode(repeat('ab', 32), 'hex')) AS forged, decode(translate(:'token', '-_', '+/'), 'base64') AS raw \gset
SELECT acct.token_of(:'boss', substr(:'raw'::bytea, 17)) AS borrowed \gset
SELECT is(acct.token_of(:'rita', substr(:'raw'::bytea, 17)), :'token', 'this is how tokens are made');
SELECT token_digest AS own FROM roughly.user_tokens WHERE user_id = :'rita' AND context = 'session' \gset
PREPARE plant AS
  INSERT INTO roughly.user_tokens (user_id, context, key_id, token_digest, previous_digest, rotated_at, aal, expires_at, not_after)
  SELECT $1, $2, (SELECT key_id FROM roughly.keys WHERE active), $3, $3, now(), 2, 'infinity', 'infinity';
EXECUTE plant(:'boss', 'session', sha256(decode(repeat('ab', 32), 'hex')));
EXECUTE plant(:'boss', 'session', sha256(convert_to('session', 'UTF8') || uuid_send(:'boss') || decode(repeat('ab', 32), 'hex')));
EXECUTE plant(:'boss', 'session', decode(repeat('ab', 32), 'hex'));
EXECUTE plant(:'boss', 'session', '\x');
EXECUTE plant(:'boss', 'session', convert_to(:'forged', 'UTF8'));
EXECUTE plant(:'boss', 'session', :'own');
SELECT is((SELECT count(*) FROM roughly.user_tokens WHERE user_id = :'boss'), 6::bigint, 'a superuser may write what they like');
:as_app
SELECT ok(NOT acct.lives(:'forged'), 'a token of their own making is none');
SELECT ok(NOT acct.lives(:'borrowed'), 'nor is the secret of their own session under another''s id');
SELECT ok(acct.lives(:'token'), 'their own is theirs still');
SELECT is((SELECT user_id FROM roughly_authenticate(:'token')), :'rita'::uuid, 'and nobody else''s');
:sign_out
:as_superuser
UPDATE roughly.user_tokens SET user_id = :'boss' WHERE user_id = :'rita';
:as_app
SELECT ok(NOT acct.lives(:'token') AND NOT acct.lives(:'borrowed'), 'moved to another account it is none');
:as_superuser
-- One kind of token does not serve as another.
SELECT roughly_request_magic_link('rita@right.example') \gset unused_
:deliver
SELECT acct.token('magic_link') AS link \gset
:as_superuser
UPDATE roughly.user_tokens SET context = 'session', expires_at = 'infinity' WHERE user_id = :'rita' AND context = 'login';
:as_app
SELECT ok(NOT acct.lives(:'link'), 'a link made a session is none');
:as_superuser
UPDATE roughly.user_tokens SET context = 'reset_password' WHERE user_id = :'rita' AND context = 'session';
:as_app
SELECT is(status, 'invalid', 'and sets no password') FROM roughly_reset_password(:'link', :other_password);
:as_superuser
UPDATE roughly.user_tokens SET context = 'login' WHERE user_id = :'rita' AND context = 'reset_password';
:as_app
SELECT is(status, 'ok', 'as a link it is good') FROM roughly_log_in_with_magic_link(:'link');

-- --- or passwords
:as_superuser
CREATE FUNCTION pg_temp.outcome(call text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
  status text;
BEGIN
  EXECUTE call INTO status;
  RETURN status;
EXCEPTION WHEN data_corrupted THEN
  RETURN 'corrupted';
END $$;
GRANT EXECUTE ON FUNCTION pg_temp.outcome(text) TO PUBLIC;
SELECT set_config('acct.plain', roughly_hash_password('a password of a superuser'), true) \gset unused_
UPDATE roughly.users SET hashed_password = convert_to(current_setting('acct.plain'), 'UTF8') WHERE id = :'boss';
:as_app
SELECT is(pg_temp.outcome($$SELECT status FROM roughly_log_in('admin@right.example', 'a password of a superuser')$$), 'corrupted', 'a hash that is not sealed is no password');
:as_superuser
UPDATE roughly.users SET hashed_password = (SELECT hashed_password FROM roughly.users WHERE id = :'rita') WHERE id = :'boss';
:as_app
SELECT is(pg_temp.outcome($$SELECT status FROM roughly_log_in('admin@right.example', 'correct horse battery staple')$$), 'corrupted', 'nor is another account''s');

SELECT * FROM finish();
ROLLBACK;
