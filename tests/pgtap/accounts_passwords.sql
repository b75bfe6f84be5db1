-- Proving oneself again ("sudo"), changing the password, resetting it by mail.
BEGIN;
\ir accounts_setup.psql
SELECT * FROM no_plan();
SELECT acct.account('paul@password.example') AS paul, acct.account('olga@password.example') AS olga, acct.account('link@password.example', NULL) AS link \gset

-- --- sudo
:as_app
SELECT session_token AS token, session_id FROM roughly_log_in('paul@password.example', :password) \gset
SELECT is(acct.become(:'token'), :'paul'::uuid, 'logged in just now');
SELECT is(roughly_require_sudo(), :'paul'::uuid, 'that is recent enough');
:sign_out
:as_superuser
UPDATE roughly.user_tokens SET authenticated_at = clock_timestamp() - interval '10 minutes 1 second' WHERE id = :'session_id';
:as_app
SELECT is(acct.become(:'token'), :'paul'::uuid, 'more than ten minutes later');
SELECT throws_ok('SELECT ' || call, 'RA003', NULL, call || ' asks for proof')
  FROM unnest(ARRAY['roughly_require_sudo()', 'roughly_change_password($$correct horse battery staple$$, $$quite another pass phrase$$)', 'roughly_request_email_change($$a@b$$)',
                    'roughly_delete_account($$correct horse battery staple$$)', 'roughly_enroll_totp()', 'roughly_remove_totp()']) call;
SELECT is(roughly_require_sudo('11 minutes'), :'paul'::uuid, 'an application may be content with less');
SELECT throws_ok('SELECT roughly_require_sudo($$5 minutes$$)', 'RA003', NULL, 'or want more');
SELECT throws_ok('SELECT roughly_require_sudo(NULL)', '22004');
SELECT is(roughly_require_user(), :'paul'::uuid, 'everything else goes on');

-- by password
SELECT results_eq('SELECT status, session_token FROM roughly_reauthenticate($$wrong$$)', $$VALUES ('invalid_credentials', NULL)$$, 'a wrong password is no proof');
SELECT is(roughly_current_user(), :'paul'::uuid, 'and changes nothing');
SELECT throws_ok('SELECT roughly_reauthenticate(NULL)', '22004');
SELECT status, session_token AS proved FROM roughly_reauthenticate(:password) \gset
SELECT is(:'status'::text, 'ok', 'the right one is');
SELECT is(roughly_current_user(), NULL, 'from here on the new token counts');
SELECT ok(NOT acct.lives(:'token'), 'the old one has ended at once');
SELECT results_eq(format('SELECT user_id, session_id, authenticated_at > now() - interval %L FROM roughly_authenticate(%L)', '1 second', :'proved'),
                  format('VALUES (%L::uuid, %L::uuid, true)', :'paul', :'session_id'), 'the new one is of the same session, proved now');
SELECT is(roughly_require_sudo(), :'paul'::uuid, 'which is recent enough');

-- by mail
:sign_out
:as_superuser
UPDATE roughly.user_tokens SET authenticated_at = now() - interval '1 day' WHERE id = :'session_id';
:as_app
SELECT acct.become(:'proved') \gset unused_
SELECT is(roughly_request_reauthentication()::text, '', 'a code is asked for');
:deliver
SELECT is(acct.mails(), '{reauthenticate paul@password.example}', 'and mailed');
SELECT is((SELECT expires_at FROM acct.mail), now() + interval '10 minutes', 'for ten minutes');
SELECT acct.token('reauthenticate') AS code \gset
SELECT acct.log_in('olga@password.example') AS olga_token \gset
SELECT acct.become(:'olga_token') \gset unused_
SELECT is(status, 'invalid_credentials', 'another person''s code is no proof') FROM roughly_reauthenticate_with_code(:'code');
SELECT acct.become(:'proved') \gset unused_
SELECT results_eq(format('SELECT status, session_token FROM roughly_reauthenticate_with_code(%L)', code), $$VALUES ('invalid_credentials', NULL)$$, 'nor is another one')
  FROM unnest(ARRAY['', 'x', :'proved', left(:'code', 60) || 'AAAA']) code;
SELECT throws_ok('SELECT roughly_require_sudo()', 'RA003', NULL, 'proof is still wanting');
SELECT status, session_token AS again FROM roughly_reauthenticate_with_code(:'code') \gset
SELECT is(:'status'::text, 'ok', 'the code is');
SELECT ok(NOT acct.lives(:'proved'), 'the old token has ended');
SELECT is(acct.become(:'again'), :'paul'::uuid, 'the new one serves');
SELECT is(roughly_require_sudo(), :'paul'::uuid, 'and is recent enough');
SELECT is(status, 'invalid_credentials', 'the code serves once') FROM roughly_reauthenticate_with_code(:'code');
SELECT roughly_request_reauthentication() \gset unused_
:deliver
:as_superuser
UPDATE roughly.user_tokens SET expires_at = clock_timestamp() WHERE context = 'reauthenticate';
:as_app
SELECT is(status, 'invalid_credentials', 'and not for ever') FROM roughly_reauthenticate_with_code(acct.token('reauthenticate'));
CALL acct.unthrottle();
SELECT ok('throttled' = ANY (array_agg(status)), 'who guesses inside a session is throttled like who guesses outside')
  FROM generate_series(1, 25) n, roughly_reauthenticate('a wrong password' || n);

-- --- a new password
CALL acct.unthrottle();
:sign_out
SELECT session_token AS token, session_id FROM roughly_log_in('paul@password.example', :password) \gset
SELECT roughly_request_magic_link('paul@password.example'), roughly_request_password_reset('paul@password.example') \gset unused_
:deliver
SELECT acct.token('magic_link') AS magic_link, acct.token('reset_password') AS reset_link \gset
:as_admin
SELECT roughly_admin_block_passwords('{sunshinesunshine}') \gset unused_
:as_superuser
SELECT hashed_password AS before FROM roughly.users WHERE id = :'paul' \gset
:as_app
SELECT acct.become(:'token') \gset unused_
SELECT results_eq(format('SELECT status, reasons, session_token, revoked FROM roughly_change_password(%L, %L)', current, fresh),
                  format('VALUES (%L, %L::text[], NULL, %L::uuid[])', status, reasons, '{}'), COALESCE(current, 'nothing') || ' and ' || left(fresh, 30) || ': ' || status || ' ' || reasons)
  FROM (VALUES ('wrong', 'quite another pass phrase', 'invalid_credentials', '{}'), (NULL, 'quite another pass phrase', 'invalid_credentials', '{}'), ('', 'short', 'invalid_credentials', '{}'),
               (:password, :password, 'weak_password', '{unchanged}'), (:password, 'too short', 'weak_password', '{too_short}'), (:password, '', 'weak_password', '{too_short}'),
               (:password, repeat('x', 1025), 'weak_password', '{too_long}'), (:password, 'paul@password.example', 'weak_password', '{too_obvious}'),
               (:password, 'SunshineSunshine', 'weak_password', '{common}'), (:password, 'sunshinesunshine', 'weak_password', '{common}')) v (current, fresh, status, reasons);
SELECT throws_ok('SELECT roughly_change_password($$correct horse battery staple$$, NULL)', '22004');
SELECT is(roughly_current_user(), :'paul'::uuid, 'none of which ends the session');
:as_superuser
SELECT is((SELECT hashed_password FROM roughly.users WHERE id = :'paul'), :'before'::bytea, 'or changes the password');
SELECT array_agg(id ORDER BY id) AS others FROM roughly.user_tokens WHERE user_id = :'paul' AND context = 'session' AND id <> :'session_id' \gset
SELECT ok(cardinality(:'others'::uuid[]) > 0, 'there are other sessions');
:as_app
SELECT status, reasons, session_token AS fresh, revoked FROM roughly_change_password(:password, :other_password) \gset
SELECT is(:'status'::text, 'ok', 'a good one is taken');
SELECT is(:'reasons'::text[], '{}', 'without reasons');
SELECT is((SELECT array_agg(id ORDER BY id) FROM unnest(:'revoked'::uuid[]) id), :'others'::uuid[], 'the other sessions are named');
SELECT is(roughly_current_user(), NULL, 'from here on the new token counts');
SELECT ok(NOT acct.lives(:'token') AND NOT acct.lives(:'again'), 'the old token and the other sessions have ended');
SELECT is((SELECT session_id FROM roughly_authenticate(:'fresh')), :'session_id'::uuid, 'the new token is of the same session');
:sign_out
SELECT ok(acct.lives(:'olga_token'), 'other people''s go on');
SELECT is(status, 'invalid_credentials', 'a link mailed before does not log in') FROM roughly_log_in_with_magic_link(:'magic_link');
SELECT is(status, 'invalid', 'or set a password') FROM roughly_reset_password(:'reset_link', 'yet another pass phrase');
SELECT is(status, 'invalid_credentials', 'the old password does not log in') FROM roughly_log_in('paul@password.example', :password);
SELECT is(status, 'ok', 'the new one does') FROM roughly_log_in('paul@password.example', :other_password);
:deliver
SELECT results_eq('SELECT kind, recipient, token, expires_at FROM acct.mail', $$VALUES ('password_changed', 'paul@password.example', NULL, NULL::timestamptz)$$, 'the owner is told');
:as_superuser
SELECT ok((SELECT password_changed_at = now() FROM roughly.users WHERE id = :'paul'), 'and when is noted');

-- an account without a password
:as_app
SELECT roughly_request_magic_link('link@password.example') \gset unused_
:deliver
SELECT session_token AS token FROM roughly_log_in_with_magic_link(acct.token('magic_link')) \gset
SELECT acct.become(:'token') \gset unused_
SELECT is(status, 'invalid_credentials', 'who has no password cannot prove themselves by one') FROM roughly_reauthenticate('');
SELECT is(status, 'ok', 'but choose one') FROM roughly_change_password(NULL, :password);
SELECT is(status, 'ok', 'that logs in') FROM roughly_log_in('link@password.example', :password);

-- a password is the same however its letters are composed, and as long as it looks
SELECT session_token AS token FROM roughly_log_in('link@password.example', :password) \gset
SELECT acct.become(:'token') \gset unused_
SELECT is(reasons, '{too_short}', 'fourteen composed letters are fourteen') FROM roughly_change_password(:password, repeat(U&'e\0301', 14));
SELECT is(status, 'ok', 'fifteen are enough') FROM roughly_change_password(:password, repeat(U&'e\0301', 15));
SELECT is(status, 'ok', 'typed decomposed') FROM roughly_log_in('link@password.example', repeat(U&'e\0301', 15));
SELECT session_token AS token FROM roughly_log_in('link@password.example', repeat(U&'\00e9', 15)) \gset
SELECT isnt(acct.become(:'token'), NULL, 'or composed');
SELECT is(reasons, '{unchanged}', 'and is not a new one') FROM roughly_change_password(repeat(U&'e\0301', 15), repeat(U&'\00e9', 15));
:deliver
:sign_out

-- --- a forgotten password
SELECT acct.log_in('olga@password.example') AS one \gset
SELECT acct.log_in('olga@password.example') AS two \gset
:as_superuser
SELECT array_agg(id ORDER BY id) AS sessions FROM roughly.user_tokens WHERE user_id = :'olga' AND context = 'session' \gset
INSERT INTO roughly.login_failures (email_digest, failures) SELECT '\x00', 7; -- somebody else's
:as_app
SELECT is(status, 'invalid_credentials', 'a first failure') FROM roughly_log_in('olga@password.example', 'wrong');
:as_superuser
UPDATE roughly.login_failures SET failures = 100 WHERE email_digest <> '\x00';
:as_app
SELECT is(status, 'invalid_credentials', 'after a hundred of them the password is locked') FROM roughly_log_in('olga@password.example', :password);
:as_superuser
DELETE FROM roughly.login_failures WHERE failures < 100;
UPDATE roughly.login_failures SET throttled_until = NULL;
:as_app
SELECT is(roughly_request_password_reset('Olga@password.example')::text, '', 'asking for a link answers nothing');
SELECT is(roughly_request_password_reset(address)::text, '', 'the same for ' || address) FROM unnest('{nobody@password.example,no address}'::text[]) address;
SELECT throws_ok('SELECT roughly_request_password_reset(NULL)', '22004');
SELECT roughly_request_magic_link('olga@password.example') \gset unused_
:deliver
SELECT is(acct.mails(), '{magic_link olga@password.example,reset_password olga@password.example}', 'only who has an account gets it');
SELECT is((SELECT expires_at FROM acct.mail WHERE kind = 'reset_password'), now() + interval '1 hour', 'for an hour');
SELECT acct.token('reset_password') AS link, acct.token('magic_link') AS magic_link \gset
SELECT results_eq(format('SELECT status, reasons, session_token, revoked FROM roughly_reset_password(%L, %L)', token, :other_password),
                  $$VALUES ('invalid', '{}'::text[], NULL, '{}'::uuid[])$$, 'no password is set by ' || what)
  FROM (VALUES ('', 'nothing'), (:'magic_link', 'a link that logs in'), (:'one', 'a session''s token'), (left(:'link', 60) || 'AAAA', 'a changed link'), (repeat('A', 21) || substr(:'link', 22), 'another account''s'),
               (repeat('x', 10000000), 'a very long text')) v (token, what);
SELECT is(reasons, reason::text[], 'a bad password leaves the link good: ' || reason)
  FROM (VALUES ('short', '{too_short}'), ('olga@password.example', '{too_obvious}'), ('sunshineSUNSHINE', '{common}'), ('', '{too_short}')) v (password, reason), roughly_reset_password(:'link', password);
SELECT throws_ok(statement, '22004') FROM unnest(ARRAY['SELECT roughly_reset_password(NULL, $$x$$)', 'SELECT roughly_reset_password($$x$$, NULL)']) statement;
:as_superuser
UPDATE roughly.user_tokens SET expires_at = clock_timestamp() WHERE context = 'reset_password';
:as_app
SELECT is(status, 'invalid', 'an expired link sets no password') FROM roughly_reset_password(:'link', :other_password);
:as_superuser
UPDATE roughly.user_tokens SET expires_at = clock_timestamp() + interval '1 hour' WHERE context = 'reset_password';
:as_app
SELECT status, revoked FROM roughly_reset_password(:'link', :other_password) \gset
SELECT is(:'status'::text, 'ok', 'the link sets a password');
SELECT is((SELECT array_agg(id ORDER BY id) FROM unnest(:'revoked'::uuid[]) id), :'sessions'::uuid[], 'names every session');
SELECT ok(NOT acct.lives(:'one') AND NOT acct.lives(:'two') AND NOT acct.lives(:'olga_token'), 'all of which have ended');
SELECT is(status, 'invalid', 'it serves once') FROM roughly_reset_password(:'link', 'yet another pass phrase');
SELECT is(status, 'invalid_credentials', 'other links have ended too') FROM roughly_log_in_with_magic_link(:'magic_link');
SELECT is(status, 'ok', 'the lock is lifted and the new password logs in') FROM roughly_log_in('olga@password.example', :other_password);
SELECT is(status, 'invalid_credentials', 'the old one does not') FROM roughly_log_in('olga@password.example', :password);
:deliver
SELECT is(acct.mails(), '{password_changed olga@password.example}', 'the owner is told');

-- orders are mailed in their order, by whatever plan: an account is there when the link to it is asked for
SET LOCAL enable_hashjoin = off;
SET LOCAL enable_seqscan = off;
DISCARD PLANS;
DO $$
BEGIN
  FOR n IN 1..20 LOOP
    CALL acct.unthrottle(); -- three addresses may share a bucket
    PERFORM roughly_register_user(n || '@many.example', 'a new and long password'), roughly_request_password_reset(n || '@many.example');
  END LOOP;
END $$;
:deliver
SELECT is(count(*), 20::bigint, 'whoever registers and asks for a link at once gets both') FROM acct.mail WHERE kind = 'reset_password';
RESET enable_hashjoin;
RESET enable_seqscan;
DISCARD PLANS;

-- it proves the address
SELECT is(status, 'check_email', 'somebody registers an address') FROM roughly_register_user('late@password.example', 'the password of a stranger');
SELECT roughly_request_password_reset('late@password.example') \gset unused_
:deliver
SELECT acct.log_in('late@password.example', 'the password of a stranger') AS stranger \gset
SELECT is(status, 'ok', 'its owner sets another password') FROM roughly_reset_password(acct.token('reset_password'), :password);
SELECT ok(NOT acct.lives(:'stranger'), 'which ends the stranger''s session');
SELECT acct.log_in('late@password.example') AS late \gset
SELECT acct.become(:'late') \gset unused_
SELECT ok(confirmed_at IS NOT NULL, 'and confirms the account') FROM roughly_my_account();

SELECT * FROM finish();
ROLLBACK;
