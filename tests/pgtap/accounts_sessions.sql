-- Sessions: authenticate, list, end, re-issue, limits.
BEGIN;
\ir accounts_setup.psql
SELECT * FROM no_plan();
SELECT acct.account('sara@session.example') AS sara, acct.account('otto@session.example') AS otto \gset

-- --- logging in
:as_app
SELECT status, session_token AS one, session_id AS one_id, user_id, expires_at, retry_after FROM roughly_log_in('Sara@Session.example', :password, 'browser one', '192.0.2.200') \gset
SELECT is(:'status'::text, 'ok', 'the password logs in');
\if :{?retry_after}
SELECT fail('there is nothing to wait for');
\endif
SELECT is(:'user_id'::uuid, :'sara'::uuid, 'its owner');
SELECT is(:'expires_at'::timestamptz, now() + interval '14 days', 'for 14 days');
SELECT matches(:'one'::text, '^[A-Za-z0-9_-]{64}$', 'with a token of 64 characters');
:as_superuser
SELECT ok(acct.traces(:'one') = '{}' AND acct.traces(encode(decode(translate(:'one', '-_', '+/'), 'base64'), 'hex')) = '{}', 'the token is kept nowhere');
SELECT is((SELECT aal FROM roughly.user_tokens WHERE id = :'one_id'), 1::smallint, 'a password alone is assurance level 1');
:as_app
SELECT results_eq(format('SELECT status, session_token, session_id, user_id, expires_at, retry_after FROM roughly_log_in(%L, %L)', email, password),
                  $$VALUES ('invalid_credentials', NULL, NULL::uuid, NULL::uuid, NULL::timestamptz, NULL::interval)$$, 'not ' || what)
  FROM (VALUES ('sara@session.example', 'wrong', 'with a wrong password'), ('sara@session.example', '', 'with none'), ('sara@session.example', ' correct horse battery staple', 'with a blank before it'),
               ('sara@session.example', 'Correct horse battery staple', 'in another case'), ('nobody@session.example', 'correct horse battery staple', 'under another address'),
               ('', 'correct horse battery staple', 'without one'), ('sara@session.example', repeat('x', 1025), 'with a very long one')) v (email, password, what);
SELECT throws_ok(statement, '22004') FROM unnest('{"SELECT roughly_log_in(NULL, $$x$$)","SELECT roughly_log_in($$x$$, NULL)"}'::text[]) statement;

-- --- authenticating
SELECT results_eq(format('SELECT user_id, session_id, authenticated_at, expires_at, aal, reissue FROM roughly_authenticate(%L)', :'one'),
                  format('VALUES (%L::uuid, %L::uuid, now(), now() + interval %L, 1::smallint, false)', :'sara', :'one_id'::uuid, '14 days'), 'the token authenticates');
SELECT is(roughly_current_user(), :'sara'::uuid, 'its owner is acting');
SELECT is(roughly_current_session(), :'one_id'::uuid, 'in this session');
SELECT is(roughly_require_user(), :'sara'::uuid, 'which may be required');
SELECT acct.log_in('otto@session.example') AS otto_token \gset
SELECT throws_ok(format('SELECT roughly_authenticate(%L)', :'otto_token'), 'RA002', NULL, 'a second person in one transaction is refused');
SELECT throws_ok('SELECT roughly_authenticate($$nonsense$$)', 'RA002', NULL, 'so is nobody');
SELECT is((SELECT user_id FROM roughly_authenticate(:'one')), :'sara'::uuid, 'the same one is not');
SELECT is(roughly_sign_out_of_transaction()::text, '', 'signing out of the transaction');
SELECT is(roughly_current_user(), NULL, 'leaves nobody acting');
SELECT throws_ok('SELECT roughly_require_user()', 'RA001');
SELECT ok(acct.lives(:'one'), 'while the session goes on');
SELECT results_eq(format('SELECT user_id, session_id, authenticated_at, expires_at, aal, reissue FROM roughly_authenticate(%L)', token),
                  'VALUES (NULL::uuid, NULL::uuid, NULL::timestamptz, NULL::timestamptz, NULL::smallint, NULL::boolean)', 'not with a token that is ' || what)
  FROM (VALUES ('', 'empty'), (left(:'one', 63), 'cut'), (:'one' || 'A', 'longer'), (left(:'one', 60) || 'AAAA', 'changed'), (left(:'one', 21) || substr(:'otto_token', 22), 'one person''s id with another''s secret'),
               ('=' || left(:'one', 63), 'no base64url'), (repeat('x', 10000000), 'huge')) v (token, what);
SELECT throws_ok(format('SELECT %s', call), 'RA001', NULL, call || ' needs somebody')
  FROM unnest(ARRAY['roughly_my_sessions()', 'roughly_revoke_session(gen_random_uuid())', 'roughly_log_out_everywhere()', 'roughly_require_sudo()',
                    'roughly_my_account()', 'roughly_reauthenticate($$x$$)', 'roughly_request_reauthentication()', 'roughly_reauthenticate_with_code($$x$$)',
                    'roughly_change_password($$x$$, $$y$$)', 'roughly_request_email_change($$a@b$$)', 'roughly_delete_account()', 'roughly_enroll_totp()',
                    'roughly_verify_totp($$1$$)', 'roughly_remove_totp()', 'roughly_export_my_data()', 'roughly_set_profile($${}$$)']) call;

-- --- the list, and ending one's own only
SELECT session_token AS two, session_id AS two_id FROM roughly_log_in('sara@session.example', :password, 'browser two', '2001:db8:1:2:3::4') \gset
SELECT session_token AS three, session_id AS three_id FROM roughly_log_in('sara@session.example', :password) \gset
SELECT session_id AS otto_id FROM roughly_authenticate(:'otto_token') \gset
:sign_out
SELECT is(acct.become(:'one'), :'sara'::uuid, 'in the first of three sessions');
SELECT set_eq('SELECT session_id, current, aal, started_on, last_used_on, expires_at, user_agent, network FROM roughly_my_sessions()',
  format($$VALUES (%L::uuid, true, 1::smallint, current_date, current_date, now() + interval '14 days', 'browser one', '192.0.2.0/24'),
                  (%L, false, 1, current_date, current_date, now() + interval '14 days', 'browser two', '2001:db8:1::/48'),
                  (%L, false, 1, current_date, current_date, now() + interval '14 days', NULL, NULL)$$, :'one_id', :'two_id', :'three_id'), 'the list shows the three');
SELECT is(roughly_revoke_session(:'otto_id'), false, 'another person''s session cannot be ended');
SELECT is(roughly_revoke_session(gen_random_uuid()), false, 'nor one that does not exist');
SELECT is(roughly_revoke_session(:'two_id'), true, 'one''s own can');
SELECT is(roughly_revoke_session(:'two_id'), false, 'once');
SELECT ok(acct.lives(:'one') AND NOT acct.lives(:'two') AND acct.lives(:'three') AND acct.lives(:'otto_token'), 'and only that one has ended');

-- --- logging out
SELECT is(acct.become(:'three'), :'sara'::uuid, 'acting in the third');
SELECT is(roughly_log_out(:'one')::text, '', 'logging out of the first');
SELECT is(roughly_current_user(), :'sara'::uuid, 'leaves the acting session alone');
SELECT is(roughly_log_out(:'three')::text, '', 'logging out of the acting one');
SELECT is(roughly_current_user(), NULL, 'leaves nobody acting');
SELECT ok(NOT acct.lives(:'one') AND NOT acct.lives(:'three') AND acct.lives(:'otto_token'), 'both have ended');
SELECT is(roughly_log_out(token)::text, '', 'logging out says nothing of a token that is none') FROM unnest(ARRAY[:'one', '', 'x', :'otto_token' || 'x']) token;
SELECT acct.log_in('sara@session.example') AS one \gset
SELECT acct.log_in('sara@session.example') AS two \gset
SELECT acct.log_in('sara@session.example') AS three \gset
SELECT acct.become(:'one') \gset unused_
SELECT is(cardinality(roughly_log_out_everywhere(true)), 2, 'all but this one');
SELECT is(roughly_current_user(), :'sara'::uuid, 'which goes on');
SELECT ok(acct.lives(:'one') AND NOT acct.lives(:'two') AND NOT acct.lives(:'three') AND acct.lives(:'otto_token'), 'have ended');
SELECT acct.log_in('sara@session.example') AS two \gset
SELECT roughly_request_magic_link('sara@session.example') \gset unused_
:deliver
SELECT acct.become(:'one') \gset unused_
SELECT is(cardinality(roughly_log_out_everywhere()), 2, 'all of them');
SELECT is(roughly_current_user(), NULL, 'leave nobody acting');
SELECT ok(NOT acct.lives(:'one') AND NOT acct.lives(:'two') AND acct.lives(:'otto_token'), 'have ended');
SELECT is(status, 'invalid_credentials', 'with the links under way') FROM roughly_log_in_with_magic_link(acct.token('magic_link'));

-- --- re-issue: sliding, the token before serves a minute
SELECT session_token AS old, session_id FROM roughly_log_in('sara@session.example', :password) \gset
:as_superuser
UPDATE roughly.user_tokens SET inserted_at = now() - interval '7 days', authenticated_at = now() - interval '7 days',
       expires_at = now() + interval '7 days', not_after = now() + interval '23 days', last_used_on = current_date - 7 WHERE id = :'session_id';
:as_app
SELECT ok(reissue, 'a session is due after 7 days') FROM roughly_authenticate(:'old');
:sign_out
SELECT new_token AS new, expires_at FROM roughly_reissue_session(:'old') \gset
SELECT matches(:'new'::text, '^[A-Za-z0-9_-]{64}$', 're-issue gives a new token');
SELECT isnt(:'new'::text, :'old', 'that is another');
SELECT is(:'expires_at'::timestamptz, now() + interval '14 days', 'for 14 days from now');
:as_superuser
UPDATE roughly.user_tokens SET rotated_at = clock_timestamp() + interval '30 seconds' WHERE id = :'session_id'; -- however slow this machine
:as_app
SELECT results_eq(format('SELECT user_id, session_id, authenticated_at, expires_at, reissue FROM roughly_authenticate(%L)', :'new'),
                  format('VALUES (%L::uuid, %L::uuid, now() - interval %L, now() + interval %L, false)', :'sara', :'session_id', '7 days', '14 days'),
                  'the same session, proved when it was, and no longer due');
:sign_out
SELECT results_eq(format('SELECT user_id, session_id FROM roughly_authenticate(%L)', :'old'), format('VALUES (%L::uuid, %L::uuid)', :'sara', :'session_id'),
                  'the old token serves a minute more');
:sign_out
SELECT results_eq(format('SELECT new_token, expires_at FROM roughly_reissue_session(%L)', :'old'), 'VALUES (NULL, NULL::timestamptz)', 'but is not re-issued again');
SELECT ok(acct.lives(:'new'), 'which ends nothing within that minute');
:as_superuser
SELECT is((SELECT last_used_on FROM roughly.user_tokens WHERE id = :'session_id'), current_date, 'the day of use is noted');
UPDATE roughly.user_tokens SET rotated_at = clock_timestamp() - interval '61 seconds' WHERE id = :'session_id';
:as_app
SELECT ok(NOT acct.lives(:'old'), 'after the minute the old token is none');
SELECT ok(acct.lives(:'new'), 'the new one goes on');
SELECT results_eq(format('SELECT new_token, expires_at FROM roughly_reissue_session(%L)', :'old'), 'VALUES (NULL, NULL::timestamptz)', 'whoever re-issues with the old one now');
SELECT ok(NOT acct.lives(:'new') AND NOT acct.lives(:'old'), 'ends the session');
:as_superuser
SELECT is((SELECT count(*) FROM roughly.audit_log WHERE action = 'token_reuse' AND user_id = :'sara'), 1::bigint, 'which the log says');
:as_app
SELECT results_eq(format('SELECT new_token, expires_at FROM roughly_reissue_session(%L)', token), 'VALUES (NULL, NULL::timestamptz)', 'nothing is re-issued for what is no token')
  FROM unnest(ARRAY['', 'x', :'old', :'new']) token;

-- twice: the token before the last one only
SELECT session_token AS first, session_id FROM roughly_log_in('sara@session.example', :password) \gset
SELECT new_token AS second FROM roughly_reissue_session(:'first') \gset
SELECT new_token AS third FROM roughly_reissue_session(:'second') \gset
:as_superuser
UPDATE roughly.user_tokens SET rotated_at = clock_timestamp() WHERE id = :'session_id';
:as_app
SELECT ok(NOT acct.lives(:'first') AND acct.lives(:'second') AND acct.lives(:'third'), 'after two re-issues the first token is none');

-- --- the absolute limit
:as_superuser
UPDATE roughly.user_tokens SET inserted_at = now() - interval '28 days', rotated_at = now() - interval '7 days', expires_at = now() + interval '1 day', not_after = now() + interval '2 days'
 WHERE id = :'session_id';
:as_app
SELECT new_token AS fourth, expires_at FROM roughly_reissue_session(:'third') \gset
SELECT is(:'expires_at'::timestamptz, now() + interval '2 days', 're-issue ends at 30 days from log-in');
:as_superuser
UPDATE roughly.user_tokens SET expires_at = clock_timestamp() WHERE id = :'session_id';
:as_app
SELECT ok(NOT acct.lives(:'fourth'), 'an expired session is none');
SELECT is((SELECT new_token FROM roughly_reissue_session(:'fourth')), NULL, 'and not re-issued');
SELECT acct.log_in('sara@session.example') AS one \gset
:as_superuser
SELECT is((SELECT not_after FROM roughly.user_tokens WHERE user_id = :'sara' AND context = 'session' AND expires_at > clock_timestamp()), now() + interval '30 days', 'every session has its limit from the start');

-- proving oneself again does not shorten what is left
:as_app
SELECT session_token AS token, session_id FROM roughly_log_in('sara@session.example', :password) \gset
:as_superuser
UPDATE roughly.user_tokens SET inserted_at = now() - interval '10 days', expires_at = now() + interval '4 days', not_after = now() + interval '20 days' WHERE id = :'session_id';
:as_app
SELECT acct.become(:'token') \gset unused_
SELECT session_token AS token FROM roughly_reauthenticate(:password) \gset
SELECT ok(expires_at > now() + interval '7 days' OR reissue, 'a session proved on day 10 is prolonged or due before it ends on day 14') FROM roughly_authenticate(:'token');
:sign_out
SELECT is((SELECT expires_at FROM roughly_reissue_session(:'token')), now() + interval '14 days', 're-issue prolongs by 14 days all the same');

-- --- what clients say of themselves
SELECT session_id FROM roughly_log_in('sara@session.example', :password, repeat('x', 10000000)) \gset
:as_superuser
SELECT is((SELECT octet_length(user_agent) FROM roughly.user_tokens WHERE id = :'session_id'), 256, 'a browser''s name is cut to 256 bytes');
:as_app
SELECT session_id FROM roughly_log_in('sara@session.example', :password, repeat('x', 255) || U&'\+01F600') \gset
:as_superuser
SELECT lives_ok(format('SELECT convert_from(convert_to(user_agent, %L), %L) FROM roughly.user_tokens WHERE id = %L', 'UTF8', 'UTF8', :'session_id'), 'and remains text');
DELETE FROM roughly.user_tokens WHERE id = :'session_id';

-- --- nothing is written by authenticating
:as_app
SELECT session_token AS token, session_id FROM roughly_log_in('sara@session.example', :password) \gset
:as_superuser
SELECT xmin AS before FROM roughly.user_tokens WHERE id = :'session_id' \gset
:as_app
SELECT acct.become(:'token') \gset unused_
:as_superuser
SELECT is((SELECT xmin::text FROM roughly.user_tokens WHERE id = :'session_id'), :'before', 'authenticating writes nothing');

-- --- an identity ends with its savepoint
:as_app
:sign_out
SAVEPOINT before;
SELECT is((SELECT user_id FROM roughly_authenticate(:'token')), :'sara'::uuid, 'within a savepoint');
ROLLBACK TO before;
SELECT is(roughly_current_user(), NULL, 'nobody is left when it is rolled back');

SELECT * FROM finish();
ROLLBACK;
