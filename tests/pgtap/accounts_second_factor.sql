-- A second factor: codes of an authenticator app, and codes to get in without it.
BEGIN;
\ir accounts_setup.psql
SELECT * FROM no_plan();
CREATE EXTENSION IF NOT EXISTS pgcrypto; -- HMAC-SHA-1, to be the app

-- The code an authenticator app shows, some steps of 30 seconds from now.
CREATE FUNCTION acct.code(secret text, steps integer DEFAULT 0) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
  bits text := '';
  key bytea := '';
  mac bytea;
  at integer;
BEGIN
  FOR i IN 1..length(secret) LOOP
    bits := bits || (position(substr(secret, i, 1) IN 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567') - 1)::bit(5)::text;
  END LOOP;
  FOR i IN 0..length(bits) / 8 - 1 LOOP
    key := key || set_byte('\x00', 0, substr(bits, 8 * i + 1, 8)::bit(8)::integer);
  END LOOP;
  mac := hmac(int8send(floor(extract(epoch FROM clock_timestamp()) / 30)::bigint + steps), key, 'sha1');
  at := get_byte(mac, 19) & 15;
  RETURN lpad(((((get_byte(mac, at) & 127)::bigint << 24) | (get_byte(mac, at + 1) << 16) | (get_byte(mac, at + 2) << 8) | get_byte(mac, at + 3))
               % 1000000)::text, 6, '0');
END $$;

SELECT acct.account('Tina@factor.example') AS tina, acct.account('other@factor.example') AS other \gset

-- --- enrolling
:as_app
SELECT acct.log_in('tina@factor.example') AS token \gset
SELECT acct.become(:'token') \gset unused_
SELECT results_eq('SELECT status, recovery_codes FROM roughly_verify_totp($$123456$$)', $$VALUES ('invalid_credentials', NULL::text[])$$, 'nothing is verified before there is a secret');
SELECT secret, uri FROM roughly_enroll_totp() \gset
SELECT matches(:'secret'::text, '^[A-Z2-7]{32}$', 'a secret of 20 bytes in base32');
SELECT is(:'uri'::text, 'otpauth://totp/Roughly:Tina%40factor.example?secret=' || :'secret' || '&issuer=Roughly', 'and an address for a QR code');
:as_superuser
SELECT is(acct.traces(:'secret'), '{}', 'it is kept nowhere in plain');
:as_app
SELECT is(second_factor, false, 'it does not count yet') FROM roughly_my_account();
SELECT is(status, 'ok', 'a log-in needs no code') FROM roughly_log_in('tina@factor.example', :password);
SELECT secret AS newer FROM roughly_enroll_totp() \gset
SELECT isnt(:'newer'::text, :'secret', 'enrolling again gives another secret');
SELECT results_eq(format('SELECT status, recovery_codes FROM roughly_verify_totp(%L)', code), $$VALUES ('invalid_credentials', NULL::text[])$$, 'which is not verified by ' || what)
  FROM (VALUES (acct.code(:'secret'), 'a code of the older one'), ('', 'nothing'), (acct.code(:'newer', -3), 'a code of before'), (acct.code(:'newer', 4), 'one to come'), (repeat('1', 10000000), 'a very long text')) v (code, what);
SELECT throws_ok('SELECT roughly_verify_totp(NULL)', '22004');
SELECT acct.code(:'newer') AS code \gset
SELECT status, recovery_codes FROM roughly_verify_totp(:'code') \gset
SELECT is(:'status'::text, 'ok', 'the app''s code verifies it');
SELECT is((SELECT count(DISTINCT code) FROM unnest(:'recovery_codes'::text[]) code WHERE code ~ '^[A-Z2-7]{16}$'), 10::bigint, 'and gives ten codes of 80 bits');
SELECT is(second_factor, true, 'from here on it counts') FROM roughly_my_account();
SELECT results_eq(format('SELECT status, recovery_codes FROM roughly_verify_totp(%L)', acct.code(:'newer', 1)), $$VALUES ('invalid_credentials', NULL::text[])$$, 'it is verified once');
SELECT throws_ok('SELECT roughly_enroll_totp()', '23505', NULL, 'and not replaced');
:as_superuser
SELECT is((SELECT count(*) FROM unnest(:'recovery_codes'::text[]) code WHERE acct.traces(code) <> '{}'), 0::bigint, 'recovery codes are kept nowhere in plain');
\set secret :newer

-- --- logging in takes two steps
:as_app
SELECT status, session_token AS step, user_id, expires_at FROM roughly_log_in('tina@factor.example', :password) \gset
SELECT is(:'status'::text, 'mfa_required', 'the password alone no longer logs in');
SELECT is(:'user_id'::uuid, :'tina'::uuid, 'it says who');
SELECT is(:'expires_at'::timestamptz, now() + interval '5 minutes', 'and gives five minutes');
\if :{?session_id}
SELECT fail('there is no session yet');
\endif
SELECT ok(NOT acct.lives(:'step'), 'the token of the step is none of a session');
SELECT is(status, 'invalid_credentials', 'a wrong password is told as ever') FROM roughly_log_in('tina@factor.example', 'wrong');
CALL acct.unthrottle();
SELECT results_eq(format('SELECT status, session_token, session_id, user_id, expires_at, retry_after FROM roughly_log_in_with_code(%L, %L)', :'step', :'code'),
                  $$VALUES ('invalid_credentials', NULL, NULL::uuid, NULL::uuid, NULL::timestamptz, NULL::interval)$$, 'the code that verified the secret is used up');
SELECT is(status, 'invalid_credentials', 'a step of nobody''s making: ' || what)
  FROM (VALUES ('', 'nothing'), (:'token', 'a session''s token'), (left(:'step', 60) || 'AAAA', 'changed'), (repeat('x', 10000000), 'very long')) v (step, what), roughly_log_in_with_code(step, acct.code(:'secret', 1));
SELECT throws_ok(statement, '22004') FROM unnest(ARRAY['SELECT roughly_log_in_with_code(NULL, $$1$$)', 'SELECT roughly_log_in_with_code($$x$$, NULL)']) statement;
-- A code of the next step is good in this one and the two after: however long this takes, up to half a minute.
SELECT acct.code(:'secret', 1) AS code \gset
SELECT status, session_token AS session, session_id, user_id, expires_at FROM roughly_log_in_with_code(:'step', :'code', 'browser', '192.0.2.9') \gset
SELECT is(:'status'::text, 'ok', 'the next code logs in');
SELECT is(:'expires_at'::timestamptz, now() + interval '1 day', 'for a day');
SELECT results_eq(format('SELECT user_id, session_id, aal FROM roughly_authenticate(%L)', :'session'), format('VALUES (%L::uuid, %L::uuid, 2::smallint)', :'tina', :'session_id'), 'at assurance level 2');
SELECT is(status, 'invalid_credentials', 'the step serves once') FROM roughly_log_in_with_code(:'step', (:'recovery_codes'::text[])[1]);
SELECT session_token AS step FROM roughly_log_in('tina@factor.example', :password) \gset
SELECT is(status, 'invalid_credentials', 'the code serves once') FROM roughly_log_in_with_code(:'step', :'code');
:as_superuser
SELECT cmp_ok(last_used_step, '>', 0::bigint, 'its step is remembered') FROM roughly.mfa_factors WHERE user_id = :'tina';
UPDATE roughly.user_tokens SET expires_at = clock_timestamp() WHERE context = 'second_factor';
UPDATE roughly.mfa_factors SET last_used_step = 0;
:as_app
SELECT is(status, 'invalid_credentials', 'a step that has expired is none') FROM roughly_log_in_with_code(:'step', acct.code(:'secret'));

-- a session with a second factor does not outlive its day
SELECT session_id FROM roughly_authenticate(:'session') \gset
:as_superuser
UPDATE roughly.user_tokens SET inserted_at = inserted_at - interval '23 hours', expires_at = expires_at - interval '23 hours', not_after = not_after - interval '23 hours' WHERE id = :'session_id';
SELECT expires_at FROM roughly.user_tokens WHERE id = :'session_id' \gset
:as_app
SELECT cmp_ok((SELECT max(expires_at) FROM roughly_reissue_session(:'session')), '<=', :'expires_at'::timestamptz, 're-issue does not prolong it');

-- --- by link too
SELECT roughly_request_magic_link('tina@factor.example') \gset unused_
:deliver
SELECT status, session_token AS step FROM roughly_log_in_with_magic_link(acct.token('magic_link')) \gset
SELECT is(:'status'::text, 'mfa_required', 'a link alone does not log in either');
SELECT is(status, 'ok', 'with a code it does') FROM roughly_log_in_with_code(:'step', acct.code(:'secret'));

-- --- recovery codes
SELECT (:'recovery_codes'::text[])[1] AS one, (:'recovery_codes'::text[])[2] AS two, (:'recovery_codes'::text[])[3] AS three \gset
SELECT acct.log_in('tina@factor.example') AS step \gset
SELECT is(status, 'ok', 'a recovery code logs in') FROM roughly_log_in_with_code(:'step', :'one');
SELECT acct.log_in('tina@factor.example') AS step \gset
SELECT is(status, 'invalid_credentials', 'once') FROM roughly_log_in_with_code(:'step', :'one');
SELECT is(status, 'ok', 'another may be typed in any case, with blanks and dashes') FROM roughly_log_in_with_code(:'step', lower(left(:'two', 4)) || '-' || substr(:'two', 5, 4) || ' ' || substr(:'two', 9));
:as_superuser
SELECT is((SELECT count(*) FROM roughly.recovery_codes WHERE user_id = :'tina'), 8::bigint, 'eight are left');
:as_app
SELECT acct.log_in('other@factor.example') AS other_token \gset
SELECT acct.become(:'other_token') \gset unused_
SELECT secret AS other_secret FROM roughly_enroll_totp() \gset
SELECT recovery_codes AS other_codes FROM roughly_verify_totp(acct.code(:'other_secret')) \gset
SELECT acct.log_in('tina@factor.example') AS step \gset
SELECT is(status, 'invalid_credentials', what || ' of another person does not log in')
  FROM (VALUES (acct.code(:'other_secret', 1), 'a code'), ((:'other_codes'::text[])[1], 'a recovery code')) v (code, what), roughly_log_in_with_code(:'step', code);

-- --- guessing is throttled
CALL acct.unthrottle();
SELECT array_agg(status ORDER BY n) AS statuses FROM generate_series(0, 11) n, roughly_log_in_with_code(:'step', lpad(n::text, 7, '0')) \gset
SELECT is((:'statuses'::text[])[1:5], array_fill('invalid_credentials'::text, ARRAY[5]), 'five codes may be tried');
SELECT is((:'statuses'::text[])[12], 'throttled', 'then guessing has to wait');
SELECT results_eq(format('SELECT status, session_token, session_id, user_id, expires_at, retry_after > %L FROM roughly_log_in_with_code(%L, %L)', '0', :'step', :'three'),
                  $$VALUES ('throttled', NULL, NULL::uuid, NULL::uuid, NULL::timestamptz, true)$$, 'the right code too');
CALL acct.unthrottle();
SELECT is(status, 'ok', 'after which it is good') FROM roughly_log_in_with_code(:'step', :'three');

-- --- a banned account
SELECT acct.log_in('tina@factor.example') AS step \gset
:as_superuser
UPDATE roughly.users SET banned_until = 'infinity' WHERE id = :'tina';
:as_app
SELECT is(status, 'invalid_credentials', 'is not let in by its code') FROM roughly_log_in_with_code(:'step', (:'recovery_codes'::text[])[4]);
:as_superuser
UPDATE roughly.users SET banned_until = NULL WHERE id = :'tina';

-- --- resetting the password keeps the factor; with it eight characters are enough
:as_app
SELECT roughly_request_password_reset('tina@factor.example') \gset unused_
:deliver
SELECT is(reasons, '{too_short}', 'seven characters are not enough') FROM roughly_reset_password(acct.token('reset_password'), 'kxqwvzj');
SELECT is(status, 'ok', 'eight are') FROM roughly_reset_password(acct.token('reset_password'), 'kxqwvzjm');
SELECT ok(NOT acct.lives(:'session'), 'the sessions have ended');
SELECT is(status, 'mfa_required', 'a reset does not get around the code') FROM roughly_log_in('tina@factor.example', 'kxqwvzjm');
:as_superuser
SELECT is((SELECT count(*) FROM roughly.recovery_codes WHERE user_id = :'tina'), 7::bigint, 'recovery codes stay');

-- --- removing it
:as_app
SELECT acct.log_in('tina@factor.example', 'kxqwvzjm') AS step \gset
SELECT session_token AS session, session_id FROM roughly_log_in_with_code(:'step', (:'recovery_codes'::text[])[4]) \gset
SELECT acct.become(:'session') \gset unused_
SELECT is(roughly_remove_totp(), true, 'the factor is removed');
SELECT is(roughly_remove_totp(), false, 'once');
SELECT is(second_factor, false, 'and counts no more') FROM roughly_my_account();
SELECT is(status, 'ok', 'the password alone logs in') FROM roughly_log_in('tina@factor.example', 'kxqwvzjm');
:as_superuser
SELECT is((SELECT count(*) FROM roughly.recovery_codes WHERE user_id = :'tina'), 0::bigint, 'recovery codes are gone');
:as_app
SELECT secret FROM roughly_enroll_totp() \gset
SELECT is(status, 'ok', 'another may be enrolled') FROM roughly_verify_totp(acct.code(:'secret'));
:as_admin
SELECT set_has(format('SELECT action FROM roughly_audit(%L)', :'tina'), $$VALUES ('enroll_totp'), ('remove_totp'), ('log_in'), ('reset_password')$$, 'the log says so');

-- --- a factor in an account that is not its enroller's
:as_app
SELECT is(status, 'check_email', 'a stranger registers a victim''s address') FROM roughly_register_user('victim@factor.example', 'the password of a stranger');
:deliver
SELECT acct.token('confirm') AS link \gset
SELECT acct.log_in('victim@factor.example', 'the password of a stranger') AS stranger \gset
SELECT acct.become(:'stranger') \gset unused_
SELECT secret FROM roughly_enroll_totp() \gset
SELECT is(status, 'ok', 'and enrols an app') FROM roughly_verify_totp(acct.code(:'secret'));
SELECT is(status, 'ok', 'the victim confirms') FROM roughly_confirm_user(:'link');
SELECT roughly_request_magic_link('victim@factor.example') \gset unused_
:deliver
SELECT is(status, 'ok', 'and logs in') FROM roughly_log_in_with_magic_link(acct.token('magic_link'));

-- the same, when the victim had registered too
SELECT is(status, 'check_email', 'a stranger registers another victim''s address') FROM roughly_register_user('second@factor.example', 'the password of a stranger');
:deliver
SELECT acct.log_in('second@factor.example', 'the password of a stranger') AS stranger \gset
SELECT acct.become(:'stranger') \gset unused_
SELECT secret FROM roughly_enroll_totp() \gset
SELECT is(status, 'ok', 'and enrols an app') FROM roughly_verify_totp(acct.code(:'secret'));
SELECT lives_ok($$SELECT roughly_set_profile('{"birth_year": 1901}')$$, 'and fills in a profile');
SELECT is(status, 'check_email', 'then the victim registers') FROM roughly_register_user('second@factor.example', :password);
:deliver
SELECT is(status, 'ok', 'and confirms with the password') FROM roughly_confirm_user(acct.token('confirm'), :password);
SELECT is(status, 'ok', 'that password alone logs in') FROM roughly_log_in('second@factor.example', :password);
:as_superuser
SELECT is((SELECT count(*) FROM roughly.user_profiles p JOIN roughly.users u ON u.id = p.user_id WHERE u.email = 'second@factor.example'), 0::bigint, 'the stranger''s profile is gone');

-- the same, when the victim sets a password by mail
:as_app
SELECT is(status, 'check_email', 'a stranger registers a third victim''s address') FROM roughly_register_user('third@factor.example', 'the password of a stranger');
:deliver
SELECT acct.log_in('third@factor.example', 'the password of a stranger') AS stranger \gset
SELECT acct.become(:'stranger') \gset unused_
SELECT secret FROM roughly_enroll_totp() \gset
SELECT is(status, 'ok', 'and enrols an app') FROM roughly_verify_totp(acct.code(:'secret'));
:sign_out
SELECT roughly_request_password_reset('third@factor.example') \gset unused_
:deliver
SELECT is(status, 'ok', 'the victim sets a password by mail, which confirms the account') FROM roughly_reset_password(acct.token('reset_password'), :password);
SELECT is(status, 'ok', 'that password alone logs in') FROM roughly_log_in('third@factor.example', :password);

SELECT * FROM finish();
ROLLBACK;
