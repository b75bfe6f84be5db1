-- Moving an account to another address.
BEGIN;
\ir accounts_setup.psql
SELECT * FROM no_plan();
SELECT acct.account('Eva@before.example') AS eva, acct.account('taken@before.example') AS taken \gset

:as_app
SELECT acct.log_in('eva@before.example') AS token \gset
SELECT acct.become(:'token') \gset unused_
SELECT is(roughly_request_email_change(address), 'invalid_email', 'no address: ' || left(address, 10))
  FROM unnest(ARRAY['', '@', 'a@', 'a b@c', 'a@b@c', repeat('a', 200) || '@b.c', repeat('a', 10000000) || '@b']) address;
SELECT throws_ok('SELECT roughly_request_email_change(NULL)', '22004');
:as_superuser
SELECT is((SELECT count(*) FROM roughly.mail_outbox), 0::bigint, 'nothing is mailed for those');

-- --- the link goes to the new address, a notice to the old one
:as_app
SELECT is(roughly_request_email_change('Eva@After.example'), 'check_email', 'a new address');
:as_superuser
SELECT is((SELECT email FROM roughly.users WHERE id = :'eva'), 'Eva@before.example', 'the account stays where it is');
:deliver
SELECT is(acct.mails(), '{change_email Eva@After.example,email_change_requested Eva@before.example}', 'gets the link, the old one a notice');
SELECT is((SELECT token FROM acct.mail WHERE kind = 'email_change_requested'), NULL, 'without a token');
SELECT is((SELECT expires_at FROM acct.mail WHERE kind = 'change_email'), now() + interval '1 day', 'it serves a day');
SELECT acct.token('change_email') AS link \gset
:sign_out
SELECT roughly_request_magic_link('eva@before.example'), roughly_request_password_reset('eva@before.example') \gset unused_
:deliver
SELECT acct.token('magic_link') AS magic_link, acct.token('reset_password') AS reset_link \gset
SELECT is(roughly_change_email(token), 'invalid', 'the account is not moved by ' || what)
  FROM (VALUES ('', 'nothing'), (:'magic_link', 'a link that logs in'), (:'token', 'a session''s token'), (left(:'link', 60) || 'AAAA', 'a changed link'), (repeat('x', 10000000), 'a very long text')) v (token, what);
SELECT throws_ok('SELECT roughly_change_email(NULL)', '22004');
:as_superuser
UPDATE roughly.user_tokens SET expires_at = clock_timestamp() WHERE context = 'change_email';
:as_app
SELECT is(roughly_change_email(:'link'), 'invalid', 'nor by a link that has expired');
:as_superuser
UPDATE roughly.user_tokens SET expires_at = clock_timestamp() + interval '1 hour' WHERE context = 'change_email';
:as_app
SELECT is(roughly_change_email(:'link'), 'ok', 'the link moves it, whoever is acting');
SELECT is(roughly_change_email(:'link'), 'invalid', 'once');
SELECT is(status, 'invalid_credentials', 'the old address does not log in') FROM roughly_log_in('eva@before.example', :password);
SELECT is(status, 'ok', 'the new one does, in any case') FROM roughly_log_in('EVA@after.EXAMPLE', :password);
SELECT is(status, 'invalid_credentials', 'links mailed to the old one do not log in') FROM roughly_log_in_with_magic_link(:'magic_link');
SELECT is(status, 'invalid', 'or set a password') FROM roughly_reset_password(:'reset_link', :other_password);
SELECT is(acct.become(:'token'), :'eva'::uuid, 'sessions go on');
SELECT results_eq('SELECT user_id, email, confirmed_at IS NOT NULL FROM roughly_my_account()', format('VALUES (%L::uuid, %L, true)', :'eva', 'Eva@After.example'), 'it is the same account, confirmed');
:deliver
SELECT is(acct.mails(), '{email_changed Eva@before.example}', 'the old address is told that it has happened');
SELECT roughly_request_magic_link('eva@before.example') \gset unused_
:deliver
SELECT is(acct.mails(), '{}', 'nothing else goes there any more');

-- back and forth, and another spelling of the same address
SELECT acct.become(:'token') \gset unused_
SELECT is(roughly_request_email_change('EVA@after.example'), 'check_email', 'another spelling');
:deliver
SELECT is(roughly_change_email(acct.token('change_email')), 'ok', 'of one''s own address is not taken');
:deliver
:as_superuser
SELECT is((SELECT email || ' ' || email_normalized FROM roughly.users WHERE id = :'eva'), 'EVA@after.example eva@after.example', 'and is kept as typed');

-- --- an address that is taken
:as_app
SELECT acct.become(:'token') \gset unused_
SELECT is(roughly_request_email_change('Taken@Before.example'), 'check_email', 'a taken address answers the same');
:deliver
SELECT is(acct.mails(), '{change_email Taken@Before.example,email_change_requested EVA@after.example}', 'and gets the same mails');
SELECT is(roughly_change_email(acct.token('change_email')), 'invalid', 'but cannot be taken over');
:as_superuser
SELECT is((SELECT array_agg(email_normalized ORDER BY email_normalized) FROM roughly.users WHERE id IN (:'eva', :'taken')), '{eva@after.example,taken@before.example}', 'both accounts stay where they are');

-- taken meanwhile
:as_app
SELECT acct.become(:'token') \gset unused_
SELECT roughly_request_email_change('free@before.example') \gset unused_
:deliver
SELECT acct.token('change_email') AS link \gset
SELECT is(status, 'check_email', 'somebody registers the address') FROM roughly_register_user('free@before.example', :password);
:deliver
SELECT is(roughly_change_email(:'link'), 'invalid', 'before the link is followed');

-- --- the last request counts
SELECT acct.become(:'token') \gset unused_
SELECT roughly_request_email_change('one@before.example') \gset unused_
:deliver
SELECT acct.token('change_email') AS one \gset
SELECT roughly_request_email_change('two@before.example') \gset unused_
:deliver
SELECT acct.token('change_email') AS two \gset
SELECT is(roughly_change_email(:'one'), 'invalid', 'a second request voids the link of the first');
SELECT is(roughly_change_email(:'two'), 'ok', 'and has one of its own');
:as_superuser
SELECT is((SELECT email FROM roughly.users WHERE id = :'eva'), 'two@before.example', 'to its own address');

-- --- the notice to the old address arrives even when somebody has used up its mails
:deliver
DELETE FROM acct.mail;
SELECT acct.become(:'token') \gset unused_
SELECT count(roughly_request_magic_link('two@before.example' || left(n::text, 0))) FROM generate_series(1, 10) n \gset unused_
SELECT is(roughly_request_email_change('thief@before.example'), 'check_email', 'whoever stole a session asks for another address');
:deliver
SELECT ok('email_change_requested two@before.example' = ANY (acct.mails()), 'the owner is told');

-- --- ends with the password
SELECT acct.token('change_email') AS link \gset
SELECT acct.become(:'token') \gset unused_
SELECT is(status, 'ok', 'the owner changes the password') FROM roughly_change_password(:password, :other_password);
SELECT is(roughly_change_email(:'link'), 'invalid', 'which voids the thief''s link');

-- --- an account that was not confirmed
SELECT is(status, 'check_email', 'a new account') FROM roughly_register_user('new@before.example', :password);
:deliver
SELECT acct.log_in('new@before.example') AS token \gset
SELECT acct.become(:'token') \gset unused_
SELECT roughly_request_email_change('proved@after.example') \gset unused_
:deliver
SELECT is(roughly_change_email(acct.token('change_email')), 'ok', 'moves to an address by a link mailed there');
SELECT acct.become(:'token') \gset unused_
SELECT ok(confirmed_at IS NOT NULL, 'which is proved by that') FROM roughly_my_account();

SELECT * FROM finish();
ROLLBACK;
