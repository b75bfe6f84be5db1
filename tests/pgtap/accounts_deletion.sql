-- Leaving for good: what is forgotten, what stays, and that nobody votes twice by coming back. And what one may take along.
BEGIN;
\ir accounts_setup.psql
SELECT * FROM no_plan();
SET LOCAL roughly_auth.isolate_votes = off; -- this test votes in its one transaction
SELECT acct.account('Dora@leave.example') AS dora, acct.account('stays@leave.example') AS stays, acct.account('linkonly@leave.example', NULL) AS linkonly \gset
:as_admin
SELECT roughly_create_question('Before?', '{yes,no}', opens_at => now() - interval '1 hour') AS before, roughly_create_question('And this?', '{yes,no}', opens_at => now() - interval '2 hours') AS unanswered \gset

-- --- a life: profile, second factor, votes, mails, failures
:as_app
SELECT session_token AS token, session_id FROM roughly_log_in('dora@leave.example', :password, 'dora''s browser', '192.0.2.1') \gset
SELECT acct.become(:'token') \gset unused_
SELECT lives_ok($$SELECT roughly_set_profile('{"birth_year": 1977, "country": "DE", "region": "DE-BY", "extra": {"hobby": "chess"}}')$$, 'a profile');
SELECT lives_ok($$SELECT roughly_enroll_totp()$$, 'a second factor, begun');
SELECT lives_ok(format('SELECT roughly_cast_vote(%L, %L)', :'before', 'yes'), 'a vote');
-- What follows would be refused after a vote outside of tests.
SELECT is(status, 'invalid_credentials', 'a failed log-in') FROM roughly_log_in('dora@leave.example', 'wrong');
SELECT roughly_request_magic_link('dora@leave.example') \gset unused_
:deliver
SELECT acct.token('magic_link') AS magic_link \gset

-- --- what one may take along
SELECT acct.become(:'token') \gset unused_
SELECT roughly_export_my_data() AS export \gset
SELECT set_eq(format('SELECT jsonb_object_keys(%L::jsonb)', :'export'), '{account,profile,sessions,events,answers}'::text[], 'the export has account, profile, sessions, events and answers');
SELECT is(:'export'::jsonb -> 'account', jsonb_build_object('id', :'dora', 'email', 'Dora@leave.example', 'confirmed_at', now(), 'inserted_at', now()), 'the account');
SELECT is((:'export'::jsonb -> 'profile') - 'inserted_at' - 'updated_at', '{"birth_year": 1977, "country": "DE", "region": "DE-BY", "gender": null, "education_level": null, "income_bracket": null, "extra": {"hobby": "chess"}}', 'the profile');
SELECT is(:'export'::jsonb -> 'sessions', jsonb_build_array(jsonb_build_object('id', :'session_id', 'started_on', current_date, 'last_used_on', current_date, 'expires_at', now() + interval '14 days',
                                                                               'user_agent', 'dora''s browser', 'network', '192.0.2.0/24')), 'the session');
SELECT is(:'export'::jsonb -> 'events', jsonb_build_array(jsonb_build_object('on', current_date, 'action', 'log_in')), 'the events, by day');
SELECT is(:'export'::jsonb -> 'answers', jsonb_build_array(jsonb_build_object('question', :'before', 'prompt', 'Before?', 'choice', 'yes', 'voted_on', current_date)), 'the answers');
SELECT is(roughly_export_my_data()::text, :'export', 'twice the same');
:as_superuser
CREATE FUNCTION pg_temp.secrets(who uuid) RETURNS SETOF bytea LANGUAGE sql AS $$ -- of the account and its tokens
  SELECT v FROM roughly.users, LATERAL (VALUES (hashed_password), (vote_secret)) s (v) WHERE id = who
  UNION ALL SELECT token_digest FROM roughly.user_tokens WHERE user_id = who UNION ALL SELECT sealed FROM roughly.mfa_factors WHERE user_id = who $$;
SELECT cmp_ok((SELECT count(*) FROM pg_temp.secrets(:'dora')), '>=', 5::bigint, 'there are secrets');
SELECT is((SELECT count(*) FROM pg_temp.secrets(:'dora') s (v), LATERAL (VALUES (encode(v, 'hex')), (rtrim(encode(substr(v, 1, 30), 'base64'), '='))) t (shown) WHERE position(shown IN :'export') > 0), 0::bigint,
          'none of them is in the export');
SELECT ok(position(:'token' IN :'export') = 0 AND position('stays@' IN :'export') = 0 AND position(:'stays' IN :'export') = 0, 'no token, and nothing of others');

-- --- leaving
:as_app
SELECT acct.become(:'token') \gset unused_
SELECT is(roughly_delete_account(password), 'invalid_credentials', COALESCE('"' || password || '"', 'nothing') || ' deletes nothing') FROM unnest(ARRAY[NULL, '', 'wrong']) password;
SELECT is(roughly_current_user(), :'dora'::uuid, 'and ends nothing');
:as_superuser
SELECT is(acct.traces('dora@leave.example'), '{user_tokens,users}', 'the address stands in two tables');
SELECT is(acct.traces(:'dora'), '{audit_log,mfa_factors,user_profiles,user_tokens,users}', 'the id in five');
SELECT count(*) AS votes FROM roughly.votes \gset
SELECT count(*) AS ballots FROM roughly.ballots \gset
:as_app
SELECT is(roughly_delete_account(:password), 'ok', 'the password does');
SELECT is(roughly_current_user(), NULL, 'nobody is acting any more');
SELECT ok(NOT acct.lives(:'token'), 'the session has ended');
SELECT is(status, 'invalid_credentials', 'the password does not log in') FROM roughly_log_in('dora@leave.example', :password);
SELECT is(status, 'invalid_credentials', 'nor does a link') FROM roughly_log_in_with_magic_link(:'magic_link');
:as_superuser
SELECT is(acct.traces('dora@leave.example'), '{}', 'the address is gone from every table');
SELECT is(acct.traces('dora'), '{}', 'in any form');
SELECT is(acct.traces('chess') || acct.traces('192.0.2.0'), '{}', 'and so are profile and network');
SELECT is(acct.traces(:'dora'), '{}', 'the id is gone from every table');
SELECT is((SELECT array_agg(action || COALESCE(' ' || user_id::text, '')) FROM roughly.audit_log WHERE action = 'delete_account'), '{delete_account}', 'the log says that somebody has left');
SELECT is((SELECT count(*) FROM roughly.votes), :votes::bigint, 'the vote stays');
SELECT is((SELECT count(*) FROM roughly.ballots), :ballots::bigint, 'and its ballot');
SELECT is((SELECT count(*) FROM roughly.tombstones WHERE octet_length(email_digest) = 32), 1::bigint, 'a digest stands for the address');

-- --- coming back
SELECT is(status, 'check_email', 'the address registers again') FROM roughly_register_user('DORA@leave.example', :password);
:deliver
SELECT is(status, 'ok', 'and confirms') FROM roughly_confirm_user(acct.token('confirm'), :password);
SELECT acct.log_in('dora@leave.example') AS token \gset
:as_admin
SELECT roughly_create_question('After?', '{yes,no}', opens_at => clock_timestamp()) AS later \gset
:as_app
SELECT isnt(acct.become(:'token'), NULL, 'and logs in');
SELECT isnt(roughly_current_user(), :'dora'::uuid, 'as a new account');
SELECT is((SELECT count(*) FROM roughly_my_answers()), 0::bigint, 'that knows nothing of the answers');
SELECT is(roughly_export_my_data() -> 'profile', 'null', 'or the profile of before');
SELECT throws_ok(format('SELECT roughly_cast_vote(%L, %L)', question, 'no'), '42501', NULL, 'it cannot answer ' || what)
  FROM (VALUES (:'before', 'a question it has answered'), (:'unanswered', 'nor one it might have answered')) v (question, what);
SELECT lives_ok(format('SELECT roughly_cast_vote(%L, %L)', :'later', 'no'), 'but one that opened later');
SELECT results_eq('SELECT prompt, choice FROM roughly_my_answers()', $$VALUES ('After?', 'no')$$, 'which is its answer');

-- others are not concerned
SELECT acct.log_in('stays@leave.example') AS stays_token \gset
SELECT is(acct.become(:'stays_token'), :'stays'::uuid, 'another account');
SELECT lives_ok(format('SELECT roughly_cast_vote(%L, %L)', :'before', 'no'), 'answers as ever');

-- --- leaving with another address than one came with
SELECT is(status, 'check_email', 'a person with two addresses') FROM roughly_register_user('first@leave.example', :password);
:deliver
SELECT is(status, 'ok', 'joins with the first') FROM roughly_confirm_user(acct.token('confirm'), :password);
SELECT acct.log_in('first@leave.example') AS token \gset
SELECT acct.become(:'token') \gset unused_
SELECT lives_ok(format('SELECT roughly_cast_vote(%L, %L)', :'before', 'yes'), 'answers');
SELECT roughly_request_email_change('second@leave.example') \gset unused_
:deliver
SELECT is(roughly_change_email(acct.token('change_email')), 'ok', 'moves to the second');
SELECT acct.become(:'token') \gset unused_
SELECT is(roughly_delete_account(:password), 'ok', 'leaves');
SELECT is(status, 'check_email', 'and comes back with the first') FROM roughly_register_user('first@leave.example', :password);
:deliver
SELECT is(status, 'ok', 'which is confirmed') FROM roughly_confirm_user(acct.token('confirm'), :password);
SELECT acct.log_in('first@leave.example') AS token \gset
SELECT acct.become(:'token') \gset unused_
SELECT throws_ok(format('SELECT roughly_cast_vote(%L, %L)', :'before', 'yes'), '42501', NULL, 'but cannot answer again');

-- --- without a password, and by an administrator
SELECT roughly_request_magic_link('linkonly@leave.example') \gset unused_
:deliver
SELECT session_token AS token FROM roughly_log_in_with_magic_link(acct.token('magic_link')) \gset
SELECT acct.become(:'token') \gset unused_
SELECT is(roughly_delete_account(), 'ok', 'who has no password needs none');
:as_admin
SELECT throws_ok('SELECT roughly_admin_delete_user(gen_random_uuid())', '42704');
SELECT throws_ok('SELECT roughly_admin_delete_user(NULL)', '22004');
SELECT is(roughly_admin_delete_user(:'stays')::text, '', 'an administrator deletes an account');
SELECT throws_ok(format('SELECT roughly_admin_delete_user(%L)', :'stays'), '42704', NULL, 'once');
:as_app
SELECT ok(NOT acct.lives(:'stays_token'), 'its session has ended');
SELECT is(status, 'check_email', 'its address registers again') FROM roughly_register_user('stays@leave.example', :password);
:deliver
SELECT is(status, 'ok', 'confirms') FROM roughly_confirm_user(acct.token('confirm'), :password);
SELECT acct.log_in('stays@leave.example') AS token \gset
SELECT acct.become(:'token') \gset unused_
SELECT throws_ok(format('SELECT roughly_cast_vote(%L, %L)', :'before', 'yes'), '42501', NULL, 'and cannot answer again');

-- an account in whose transaction the deletion happens is unknown to its own token
:as_admin
SELECT acct.account('gone@leave.example') AS gone \gset
:as_app
SELECT acct.log_in('gone@leave.example') AS token \gset
SELECT acct.become(:'token') \gset unused_
:as_admin
SELECT roughly_admin_delete_user(:'gone') \gset unused_
:as_app
SELECT throws_ok('SELECT ' || call, 'RA001', NULL, call || ' of a deleted account')
  FROM unnest(ARRAY['roughly_my_account()', 'roughly_my_answers()', 'roughly_delete_account()', 'roughly_change_password(NULL, $$quite another pass phrase$$)', 'roughly_request_email_change($$a@b$$)',
                    'roughly_reauthenticate($$x$$)', 'roughly_request_reauthentication()']) call;

SELECT * FROM finish();
ROLLBACK;
