-- What an administrator does to accounts: ban, unlock, revoke, purge, read the log.
BEGIN;
\ir accounts_setup.psql
SELECT * FROM no_plan();
DELETE FROM roughly.login_failures;
SELECT acct.account('bert@admin.example') AS bert, acct.account('other@admin.example') AS other \gset

:as_admin
SELECT throws_ok('SELECT ' || call, code, NULL, call)
  FROM (VALUES ('roughly_admin_ban(gen_random_uuid())', '42704'), ('roughly_admin_ban(NULL)', '22004'), ('roughly_admin_ban(gen_random_uuid(), NULL)', '22004'),
               ('roughly_admin_unban(gen_random_uuid())', '42704'), ('roughly_admin_unban(NULL)', '22004'),
               ('roughly_admin_revoke_sessions(gen_random_uuid())', '42704'), ('roughly_admin_revoke_sessions(NULL)', '22004'),
               ('roughly_admin_unlock(gen_random_uuid())', '42704'), ('roughly_admin_unlock(NULL)', '22004'),
               ('roughly_admin_block_passwords(NULL)', '22004'), ('roughly_admin_block_passwords(ARRAY[NULL]::text[])', '22004'),
               ('roughly_purge_expired(0)', '22023'), ('roughly_purge_expired(-1)', '22023'), ('roughly_purge_expired(NULL)', '22004')) v (call, code);

-- --- ban: told after a right password only
:as_app
SELECT acct.log_in('bert@admin.example') AS token \gset
SELECT acct.log_in('other@admin.example') AS other_token \gset
SELECT roughly_request_magic_link('bert@admin.example'), roughly_request_password_reset('bert@admin.example') \gset unused_
:deliver
SELECT acct.token('magic_link') AS magic_link, acct.token('reset_password') AS reset_link \gset
SELECT roughly_request_magic_link('bert@admin.example') \gset unused_
:as_admin
SELECT is(roughly_admin_ban(:'bert')::text, '', 'a ban');
:as_app
SELECT ok(NOT acct.lives(:'token') AND acct.lives(:'other_token'), 'ends the sessions of the account, and no other');
SELECT results_eq(format('SELECT status, session_token, session_id, user_id, expires_at, retry_after FROM roughly_log_in(%L, %L)', 'bert@admin.example', password),
                  format('VALUES (%L, NULL, NULL::uuid, NULL::uuid, NULL::timestamptz, NULL::interval)', status), 'log-in with ' || password || ': ' || status)
  FROM (VALUES ('wrong', 'invalid_credentials'), (:password, 'banned')) v (password, status);
SELECT is(status, 'invalid_credentials', 'links mailed before do not log in') FROM roughly_log_in_with_magic_link(:'magic_link');
SELECT is(status, 'invalid', 'or set a password') FROM roughly_reset_password(:'reset_link', :other_password);
SELECT roughly_request_password_reset('bert@admin.example') \gset unused_
:deliver
SELECT is(acct.mails(), '{}', 'and no other is mailed');
SELECT is(status, 'check_email', 'a registration answers as ever') FROM roughly_register_user('bert@admin.example', :password);
:deliver
SELECT is(acct.mails(), '{someone_tried bert@admin.example}', 'and does what it does for every known address');
:as_admin
SELECT is(roughly_admin_unban(:'bert')::text, '', 'lifting the ban');
:as_app
SELECT is(status, 'ok', 'lets the account in again') FROM roughly_log_in('bert@admin.example', :password);
:as_admin
SELECT roughly_admin_ban(:'bert', now() - interval '1 second') \gset unused_
:as_app
SELECT is(status, 'ok', 'a ban that is over is none') FROM roughly_log_in('bert@admin.example', :password);
:as_admin
SELECT roughly_admin_ban(:'bert', now() + interval '1 day') \gset unused_
:as_app
SELECT is(status, 'banned', 'one until tomorrow is') FROM roughly_log_in('bert@admin.example', :password);
:as_admin
SELECT roughly_admin_unban(:'bert') \gset unused_

-- --- revoking
:as_app
SELECT acct.log_in('bert@admin.example') AS one \gset
SELECT acct.log_in('bert@admin.example') AS two \gset
SELECT roughly_request_magic_link('bert@admin.example') \gset unused_
:deliver
SELECT acct.token('magic_link') AS magic_link \gset
:as_admin
SELECT is(roughly_admin_revoke_sessions(:'bert'), 2, 'revoking counts the sessions');
SELECT is(roughly_admin_revoke_sessions(:'bert'), 0, 'of which none is left');
:as_app
SELECT ok(NOT acct.lives(:'one') AND NOT acct.lives(:'two') AND acct.lives(:'other_token'), 'all of this account have ended');
SELECT is(status, 'invalid_credentials', 'links too') FROM roughly_log_in_with_magic_link(:'magic_link');
SELECT is(status, 'ok', 'a new log-in is welcome') FROM roughly_log_in('bert@admin.example', :password);

-- --- failures in a row
:as_superuser
CREATE FUNCTION acct.failures() RETURNS integer LANGUAGE sql SECURITY DEFINER AS 'SELECT COALESCE(max(failures), 0) FROM roughly.login_failures';
CREATE PROCEDURE acct.fail(failures integer, throttled_until timestamptz) LANGUAGE sql SECURITY DEFINER AS 'UPDATE roughly.login_failures SET failures = $1, throttled_until = $2; CALL acct.unthrottle()';
:as_app
CALL acct.unthrottle();
SELECT is((SELECT array_agg(status) FROM generate_series(1, 6) n, roughly_log_in('bert@admin.example', 'wrong' || n)), array_fill('invalid_credentials'::text, ARRAY[6]), 'six failures: five are free, the sixth is counted');
SELECT is(acct.failures(), 6, 'all six are');
SELECT results_eq($$SELECT status, session_token, session_id, user_id, expires_at, retry_after > '0' AND retry_after <= '30 seconds' FROM roughly_log_in('bert@admin.example', 'correct horse battery staple')$$,
                  $$VALUES ('throttled', NULL, NULL::uuid, NULL::uuid, NULL::timestamptz, true)$$, 'then even the right password has to wait');
SELECT is(acct.failures(), 6, 'which is no failure');
CALL acct.fail(6, clock_timestamp());
SELECT is(status, 'invalid_credentials', 'a seventh after the wait') FROM roughly_log_in('bert@admin.example', 'wrong');
SELECT cmp_ok(retry_after, '>', interval '30 seconds', 'doubles it') FROM roughly_log_in('bert@admin.example', 'wrong');
CALL acct.fail(50, clock_timestamp());
SELECT is(status, 'invalid_credentials', 'a fifty-first') FROM roughly_log_in('bert@admin.example', 'wrong');
SELECT ok(retry_after > interval '50 minutes' AND retry_after <= interval '1 hour', 'makes it an hour at most') FROM roughly_log_in('bert@admin.example', 'wrong');
CALL acct.fail(99, NULL);
SELECT is(status, 'ok', 'after 99 the right password still logs in') FROM roughly_log_in('bert@admin.example', :password);
SELECT is(acct.failures(), 0, 'and all is forgotten');

-- a hundred disable the password, not the account
SELECT is(status, 'invalid_credentials', 'a failure') FROM roughly_log_in('bert@admin.example', 'wrong');
CALL acct.fail(99, NULL);
SELECT is(status, 'invalid_credentials', 'the hundredth') FROM roughly_log_in('bert@admin.example', 'wrong');
CALL acct.fail(100, NULL);
SELECT results_eq(format('SELECT status, session_token, session_id, user_id, expires_at, retry_after FROM roughly_log_in(%L, %L)', 'bert@admin.example', :password),
                  $$VALUES ('invalid_credentials', NULL, NULL::uuid, NULL::uuid, NULL::timestamptz, NULL::interval)$$, 'then the right password is no longer accepted');
SELECT is(acct.failures(), 101, 'and counts as another');
CALL acct.fail(101, NULL);
SELECT is(status, 'ok', 'other accounts are not concerned') FROM roughly_log_in('other@admin.example', :password);
SELECT roughly_request_magic_link('bert@admin.example') \gset unused_
:deliver
SELECT is(status, 'ok', 'a link still logs in') FROM roughly_log_in_with_magic_link(acct.token('magic_link'));
SELECT is(status, 'invalid_credentials', 'which does not lift the lock') FROM roughly_log_in('bert@admin.example', :password);
:as_admin
SELECT is(roughly_admin_unlock(:'other')::text, '', 'unlocking another account');
:as_app
CALL acct.fail(101, NULL);
SELECT is(status, 'invalid_credentials', 'does not either') FROM roughly_log_in('bert@admin.example', :password);
:as_admin
SELECT is(roughly_admin_unlock(:'bert')::text, '', 'unlocking this one');
:as_app
SELECT is(acct.failures(), 0, 'forgets its failures');
SELECT is(status, 'ok', 'and the password logs in') FROM roughly_log_in('bert@admin.example', :password);
SELECT is((SELECT array_agg(status) FROM generate_series(1, 3) n, roughly_log_in('nobody@admin.example', 'wrong' || n)), array_fill('invalid_credentials'::text, ARRAY[3]), 'an address without an account');
SELECT is(acct.failures(), 3, 'is counted all the same');
:as_superuser
SELECT is(acct.traces('nobody@admin.example') || acct.traces('bert@admin.example'), '{users}', 'under a digest');

-- --- common passwords
:as_admin
SELECT is(roughly_admin_block_passwords('{}'), 0::bigint, 'no common password');
SELECT is(roughly_admin_block_passwords('{letmeinletmein1,LETMEINletmein1,princessprincess}'), 2::bigint, 'two, one of them in two cases');
SELECT is(roughly_admin_block_passwords('{letmeinletmein1}'), 0::bigint, 'known already');
SELECT is(roughly_admin_block_passwords(ARRAY[U&'cafe\0301 creme brulee']), 1::bigint, 'one with an accent');
:as_superuser
SELECT is(acct.traces('letmein'), '{}', 'only digests are kept');
:as_app
SELECT is(reasons, '{common}', 'refused however it is composed') FROM roughly_register_user('common@admin.example', U&'Caf\00E9 creme brulee');

-- --- purging
:as_superuser
DELETE FROM roughly.login_failures;
DELETE FROM roughly.user_tokens;
INSERT INTO roughly.login_failures (email_digest, failures, throttled_until, inserted_at)
  VALUES ('old', 3, NULL, now() - interval '2 days'), ('recent', 3, NULL, now()), ('waiting', 9, now() + interval '1 hour', now() - interval '9 days'),
         ('waited', 9, now() - interval '2 days', now() - interval '9 days'), ('locked', 100, now() - interval '9 days', now() - interval '9 days');
:as_app
SELECT acct.log_in('bert@admin.example') AS token \gset
SELECT acct.log_in('bert@admin.example') AS expired \gset
SELECT is((SELECT array_agg(status) FROM unnest('{stale,fresh,linked}'::text[]) name, roughly_register_user(name || '@admin.example')), '{check_email,check_email,check_email}', 'three new accounts');
:deliver
:as_superuser
UPDATE roughly.user_tokens SET expires_at = now() - interval '1 second' WHERE id = (SELECT max(id::text)::uuid FROM roughly.user_tokens WHERE user_id = :'bert');
UPDATE roughly.users SET inserted_at = now() - interval '8 days' WHERE email IN ('stale@admin.example', 'linked@admin.example', 'bert@admin.example');
UPDATE roughly.user_tokens t SET expires_at = now() - interval '1 day' FROM roughly.users u WHERE u.id = t.user_id AND u.email = 'stale@admin.example';
:as_admin
SELECT is(roughly_purge_expired(1), 3::bigint, 'purging in small batches: a token, an account or a counter each');
SELECT ok(roughly_purge_expired() IN (1, 2), 'then the rest'); -- a token may have gone with its account
SELECT is(roughly_purge_expired(), 0::bigint, 'then nothing');
:as_superuser
SELECT is((SELECT array_agg(convert_from(email_digest, 'UTF8') ORDER BY 1) FROM (SELECT email_digest FROM roughly.login_failures ORDER BY email_digest) f), '{locked,recent,waiting}', 'locks, waits and recent failures stay');
SELECT is((SELECT array_agg(email ORDER BY email) FROM roughly.users WHERE email ~ '@admin.example$'), '{bert@admin.example,fresh@admin.example,linked@admin.example,other@admin.example}', 'only the account whose link has expired is gone');
SELECT is((SELECT count(*) FROM roughly.user_tokens WHERE expires_at < now()), 0::bigint, 'no expired token is left');
SELECT is((SELECT count(*) FROM roughly.user_tokens WHERE user_id = :'bert'), 1::bigint, 'the living one is');

-- --- the log: what, who, on which day
:as_admin
SELECT set_eq(format('SELECT action FROM roughly_audit(%L)', :'bert'), '{ban,unban,revoke_sessions,unlock,log_in}'::text[], 'what has happened to an account');
SELECT is((SELECT array_agg(DISTINCT on_date) FROM roughly_audit(:'bert')), ARRAY[current_date], 'by day');
SELECT is((SELECT array_agg(DISTINCT user_id) FROM roughly_audit(:'bert')), ARRAY[:'bert'::uuid], 'of this account only');
SELECT is((SELECT count(*) FROM roughly_audit(gen_random_uuid())), 0::bigint, 'nothing of an unknown one');
SELECT ok((SELECT count(DISTINCT user_id) FROM roughly_audit()) >= 2, 'or of all');
:as_superuser
SELECT is((SELECT array_agg(attname || ' ' || format_type(atttypid, atttypmod) ORDER BY attnum) FROM pg_attribute WHERE attrelid = 'roughly.audit_log'::regclass AND attnum > 0 AND NOT attisdropped),
          '{id uuid,on_date date,action text,user_id uuid}', 'there is no place for a time, an address or a secret');
SELECT is((SELECT count(*) FROM roughly.audit_log WHERE action !~ '^[a-z_]+$'), 0::bigint, 'actions are words of ours');

SELECT * FROM finish();
ROLLBACK;
