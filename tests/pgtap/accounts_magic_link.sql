-- Links that log in, and how the mailer's outbox works.
BEGIN;
\ir accounts_setup.psql
SELECT * FROM no_plan();
SELECT acct.account('Linda@link.example') AS linda \gset

-- --- once
:as_app
SELECT is(roughly_request_magic_link('linda@LINK.example')::text, '', 'asking answers nothing');
:deliver
SELECT is(acct.mails(), '{magic_link Linda@link.example}', 'the link goes to the address of the account');
SELECT is((SELECT expires_at FROM acct.mail), now() + interval '15 minutes', 'for a quarter of an hour');
SELECT acct.token('magic_link') AS link \gset
SELECT status, session_token, session_id, user_id, expires_at, retry_after FROM roughly_log_in_with_magic_link(:'link', 'a browser', '192.0.2.77') \gset
SELECT is(:'status'::text, 'ok', 'the link logs in');
SELECT is(:'user_id'::uuid, :'linda', 'its owner');
SELECT is(:'expires_at'::timestamptz, now() + interval '14 days', 'for 14 days');
SELECT is(acct.become(:'session_token'), :'linda'::uuid, 'with a session that works');
SELECT results_eq('SELECT session_id, current, aal, user_agent, network FROM roughly_my_sessions()',
                  format('VALUES (%L::uuid, true, 1::smallint, %L, %L)', :'session_id', 'a browser', '192.0.2.0/24'), 'and is listed with its browser and network');
:sign_out
SELECT results_eq(format('SELECT status, session_token, session_id, user_id, expires_at, retry_after FROM roughly_log_in_with_magic_link(%L)', :'link'),
                  $$VALUES ('invalid_credentials', NULL, NULL::uuid, NULL::uuid, NULL::timestamptz, NULL::interval)$$, 'but once');

-- --- the newest only
SELECT roughly_request_magic_link('linda@link.example') \gset unused_
:deliver
SELECT acct.token('magic_link') AS older \gset
SELECT roughly_request_magic_link('linda@link.example') \gset unused_
:deliver
SELECT acct.token('magic_link') AS newer \gset
SELECT is(status, 'invalid_credentials', 'a newer link voids the one before') FROM roughly_log_in_with_magic_link(:'older');
SELECT is(status, 'ok', 'and works itself') FROM roughly_log_in_with_magic_link(:'newer');

-- --- expired, forged, of another kind
SELECT roughly_request_magic_link('linda@link.example') \gset unused_
SELECT roughly_request_password_reset('linda@link.example') \gset unused_
:deliver
SELECT acct.token('magic_link') AS link, acct.token('reset_password') AS reset \gset
SELECT is(status, 'invalid_credentials', 'a reset link does not log in') FROM roughly_log_in_with_magic_link(:'reset');
SELECT is(status, 'invalid_credentials', 'a session token is no link') FROM roughly_log_in_with_magic_link(acct.log_in('linda@link.example'));
SELECT is(acct.lives(:'link'), false, 'a link is no session token');
SELECT is(status, 'invalid_credentials', 'nor is a changed link: ' || what)
  FROM (VALUES ('', 'nothing'), (left(:'link', 63), 'shorter'), (:'link' || 'A', 'longer'), (left(:'link', 21) || repeat('A', 43), 'of nobody''s making'),
               (repeat('A', 21) || substr(:'link', 22), 'of another account'), (repeat('x', 10000000), 'very long')) v (token, what), roughly_log_in_with_magic_link(token);
SELECT throws_ok('SELECT roughly_log_in_with_magic_link(NULL)', '22004');
:as_superuser
UPDATE roughly.user_tokens SET expires_at = clock_timestamp() WHERE context = 'login';
:as_app
SELECT is(status, 'invalid_credentials', 'a link that has expired does not log in') FROM roughly_log_in_with_magic_link(:'link');
:as_superuser
UPDATE roughly.user_tokens SET expires_at = clock_timestamp() + interval '1 minute' WHERE context = 'login';
:as_app
SELECT is(status, 'ok', 'it was good before') FROM roughly_log_in_with_magic_link(:'link');

-- --- it proves the address, and nothing else
SELECT is(status, 'check_email', 'somebody registers an address') FROM roughly_register_user('mine@link.example', 'the password of a stranger');
:deliver
SELECT acct.token('confirm') AS confirm_link \gset
SELECT acct.log_in('mine@link.example', 'the password of a stranger') AS stranger \gset
SELECT roughly_request_magic_link('mine@link.example') \gset unused_
:deliver
SELECT session_token AS mine FROM roughly_log_in_with_magic_link(acct.token('magic_link')) \gset
SELECT isnt(acct.become(:'mine'), NULL, 'its owner logs in by link');
SELECT ok(confirmed_at IS NOT NULL AND NOT has_password, 'which confirms the account and drops the password') FROM roughly_my_account();
SELECT ok(NOT acct.lives(:'stranger'), 'and ends the stranger''s session');
SELECT is(status, 'invalid_credentials', 'the password is gone') FROM roughly_log_in('mine@link.example', 'the password of a stranger');
SELECT is(status, 'invalid', 'and so is the link of the registration') FROM roughly_confirm_user(:'confirm_link', 'the password of a stranger');
SELECT roughly_request_magic_link('linda@link.example') \gset unused_
:deliver
SELECT is(status, 'ok', 'an account that was confirmed') FROM roughly_log_in_with_magic_link(acct.token('magic_link'));
SELECT is(status, 'ok', 'keeps its password') FROM roughly_log_in('linda@link.example', :password);

-- --- for nobody: the same answer, and no mail
SELECT is(roughly_request_magic_link(address)::text, '', 'the same answer for ' || address)
  FROM unnest('{nobody@link.example,no address}'::text[]) address;
SELECT throws_ok('SELECT roughly_request_magic_link(NULL)', '22004');
:as_superuser
SELECT is((SELECT count(*) FROM roughly.mail_outbox), 1::bigint, 'an address without an account is written down all the same');
:deliver
SELECT is(acct.mails(), '{}', 'there is nobody to write to');
:as_superuser
SELECT is((SELECT count(*) FROM roughly.mail_outbox), 0::bigint, 'and the order is gone');

-- --- what is not reported as sent comes again, with a fresh token
:as_app
SELECT roughly_request_magic_link('linda@link.example') \gset unused_
:as_mailer
CREATE FUNCTION pg_temp.take() RETURNS text LANGUAGE sql AS 'SELECT token FROM roughly_dequeue_mail()';
SELECT pg_temp.take() AS link \gset
SELECT is(pg_temp.take(), NULL, 'a mail being sent is not handed out again');
:as_superuser
SELECT is((SELECT locked_until FROM roughly.mail_outbox), now() + interval '1 minute', 'for a minute');
UPDATE roughly.mail_outbox SET locked_until = now();
:as_mailer
SELECT pg_temp.take() AS again \gset
SELECT isnt(:'again'::text, :'link', 'then it comes with another token');
:as_app
SELECT is(status, 'invalid_credentials', 'which voids the first') FROM roughly_log_in_with_magic_link(:'link');
SELECT is(status, 'ok', 'and works') FROM roughly_log_in_with_magic_link(:'again');
:as_superuser
SELECT is((SELECT array_agg(locked_until - now()) FROM
             (SELECT locked_until FROM roughly.mail_outbox) o), ARRAY[interval '2 minutes'], 'after two minutes the next time');
UPDATE roughly.mail_outbox SET attempts = 9, locked_until = now();
:as_mailer
SELECT isnt(pg_temp.take(), NULL, 'a tenth time');
:as_superuser
SELECT is((SELECT locked_until FROM roughly.mail_outbox), now() + interval '64 minutes', 'after an hour and four minutes at most');
UPDATE roughly.mail_outbox SET locked_until = now();
:as_mailer
SELECT is(pg_temp.take(), NULL, 'but not an eleventh');
:as_superuser
SELECT is((SELECT count(*) FROM roughly.mail_outbox), 0::bigint, 'the order is given up');
SELECT is((SELECT count(*) FROM roughly.audit_log WHERE action = 'mail_given_up' AND user_id IS NULL), 1::bigint, 'which the log says');

-- --- orders cannot be made up, moved or changed
:as_app
SELECT roughly_request_magic_link('linda@link.example') \gset unused_
SELECT roughly_request_magic_link('mine@link.example') \gset unused_
:as_superuser
INSERT INTO roughly.mail_outbox (id, sealed) SELECT gen_random_uuid(), sealed FROM roughly.mail_outbox LIMIT 1;
UPDATE roughly.mail_outbox SET sealed = set_byte(sealed, 200, get_byte(sealed, 200) # 1) WHERE ctid = (SELECT min(ctid) FROM roughly.mail_outbox);
INSERT INTO roughly.mail_outbox (id, sealed) VALUES (gen_random_uuid(), '\x'), (gen_random_uuid(), decode(repeat('ab', 700), 'hex'));
:as_mailer
SET client_min_messages = error;
SELECT is((SELECT count(*) FROM roughly_dequeue_mail()), 1::bigint, 'one bad order does not keep the others');
SELECT is((SELECT count(*) FROM roughly_dequeue_mail()), 0::bigint, 'and is not tried at once again');
RESET client_min_messages;
SELECT throws_ok(format('SELECT roughly_dequeue_mail(%s)', batch), code) FROM (VALUES ('0', '22023'), ('-1', '22023'), ('1001', '22023'), ('NULL', '22004')) v (batch, code);
SELECT is(roughly_mail_sent(gen_random_uuid())::text, '', 'an unknown mail may be reported');
SELECT throws_ok('SELECT roughly_mail_sent(NULL)', '22004');

SELECT * FROM finish();
ROLLBACK;
