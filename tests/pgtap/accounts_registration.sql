-- Registration: what an anonymous caller asks for becomes an account only when the mailer takes it, and belongs to whoever
-- proves the address.
BEGIN;
\ir accounts_setup.psql
SELECT * FROM no_plan();

-- --- a new address
:as_app
SELECT results_eq($$SELECT status, reasons FROM roughly_register_user('Nina@new.example', 'correct horse battery staple')$$,
                  $$VALUES ('check_email', '{}'::text[])$$, 'a registration answers check_email');
:as_superuser
SELECT is((SELECT count(*) FROM roughly.mail_outbox), 1::bigint, 'it writes one order');
SELECT is(acct.traces('nina@new.example'), '{}', 'and nothing of the address in plain, and no account');
:deliver
SELECT is(acct.mails(), '{confirm Nina@new.example}', 'the mailer gets the link for the address as typed');
SELECT is((SELECT expires_at FROM acct.mail), now() + interval '7 days', 'of seven days');
SELECT matches(acct.token('confirm'), '^[A-Za-z0-9_-]{64}$', 'as 64 characters of base64url');
SELECT acct.token('confirm') AS nina_link \gset
:as_superuser
SELECT results_eq($$SELECT email, email_normalized, confirmed_at FROM roughly.users WHERE email_normalized = 'nina@new.example'$$,
                  $$VALUES ('Nina@new.example', 'nina@new.example', NULL::timestamptz)$$, 'now there is an account, not confirmed');
SELECT is((SELECT count(*) FROM roughly.mail_outbox), 0::bigint, 'and the outbox is empty');

-- --- confirming with the password
:as_app
SELECT acct.log_in('nina@new.example') AS nina \gset
SELECT ok(acct.lives(:'nina'), 'an account that is not confirmed may log in');
SELECT results_eq($$SELECT status, user_id FROM roughly_confirm_user('$$ || :'nina_link' || $$', 'not the right password')$$,
                  $$VALUES ('invalid_credentials', NULL::uuid)$$, 'a wrong password does not confirm');
SELECT ok(acct.lives(:'nina'), 'nor end anything');
SELECT is(status, 'ok', 'the link stays good for the right one') FROM roughly_confirm_user(:'nina_link', :password);
SELECT ok(NOT acct.lives(:'nina'), 'confirming ends every token of the account');
SELECT acct.log_in('NINA@NEW.example') AS nina \gset
SELECT isnt(acct.become(:'nina'), NULL, 'the password given again is kept, in any case of the address');
SELECT ok(confirmed_at IS NOT NULL AND has_password, 'the account is confirmed') FROM roughly_my_account();
SELECT is(status, 'invalid', 'a link confirms once') FROM roughly_confirm_user(:'nina_link', :password);

-- --- confirming without it: whoever registered the address may have been somebody else
SELECT is(status, 'check_email', 'somebody registers a victim''s address') FROM roughly_register_user('victim@stuffed.example', 'the password of a stranger');
:deliver
SELECT acct.token('confirm') AS victim_link \gset
SELECT acct.log_in('victim@stuffed.example', 'the password of a stranger') AS stranger \gset
SELECT ok(acct.lives(:'stranger'), 'and waits inside');
SELECT is(status, 'ok', 'the victim follows the link') FROM roughly_confirm_user(:'victim_link');
SELECT ok(NOT acct.lives(:'stranger'), 'which throws the stranger out');
SELECT is(status, 'invalid_credentials', 'and drops the stranger''s password') FROM roughly_log_in('victim@stuffed.example', 'the password of a stranger');
:as_superuser
SELECT is((SELECT hashed_password FROM roughly.users WHERE email = 'victim@stuffed.example'), NULL, 'there is none left');

-- What else a stranger may have left behind in an account that is not theirs.
:as_app
SELECT is(status, 'check_email', 'a stranger registers another victim') FROM roughly_register_user('second@stuffed.example', 'the password of a stranger');
:deliver
SELECT acct.token('confirm') AS victim_link \gset
SELECT acct.log_in('second@stuffed.example', 'the password of a stranger') AS stranger \gset
SELECT isnt(acct.become(:'stranger'), NULL, 'logs in');
SELECT lives_ok($$SELECT roughly_set_profile('{"birth_year": 1901}')$$, 'fills in a profile');
SELECT is(roughly_request_email_change('stranger@stuffed.example'), 'check_email', 'and asks for another address');
:sign_out
:as_mailer
INSERT INTO acct.mail SELECT * FROM roughly_dequeue_mail(1000); -- the stranger's mail server does not take it yet: not reported as sent
:as_app
SELECT is(status, 'ok', 'the victim confirms') FROM roughly_confirm_user(:'victim_link');
:as_superuser
UPDATE roughly.mail_outbox SET locked_until = now(); -- a minute later
:deliver
SELECT is(roughly_change_email(COALESCE((SELECT token FROM acct.mail WHERE recipient = 'stranger@stuffed.example'), '')), 'invalid',
          'no later mail gives the stranger the confirmed account');
:as_superuser
SELECT is((SELECT count(*) FROM roughly.user_profiles p JOIN roughly.users u ON u.id = p.user_id
            WHERE u.email IN ('second@stuffed.example', 'stranger@stuffed.example')), 0::bigint, 'what a stranger said of the victim is dropped');

-- --- an address that is registered but not confirmed
:as_app
SELECT is(status, 'check_email', 'a first registration') FROM roughly_register_user('twice@new.example', :password);
:deliver
SELECT acct.token('confirm') AS first_link \gset
SELECT is(status, 'check_email', 'a second one answers the same') FROM roughly_register_user('Twice@new.example', :other_password);
:deliver
SELECT is(acct.mails(), '{confirm Twice@new.example}', 'and mails another link');
SELECT acct.token('confirm') AS second_link \gset
SELECT is(status, 'invalid', 'the first link is void') FROM roughly_confirm_user(:'first_link', :password);
SELECT is(status, 'invalid_credentials', 'with the first password') FROM roughly_confirm_user(:'second_link', :password);
SELECT is(status, 'ok', 'the second link and password confirm') FROM roughly_confirm_user(:'second_link', :other_password);
:as_superuser
SELECT is((SELECT count(*) FROM roughly.users WHERE email_normalized = 'twice@new.example'), 1::bigint, 'there is one account');

-- --- an address that is known
SELECT acct.account('Known@old.example') AS known \gset
SELECT hashed_password AS before FROM roughly.users WHERE id = :'known' \gset
:as_app
SELECT results_eq($$SELECT status, reasons FROM roughly_register_user('known@OLD.example', 'quite another pass phrase')$$,
                  $$VALUES ('check_email', '{}'::text[])$$, 'a known address answers the same');
:deliver
SELECT results_eq('SELECT kind, recipient, token, expires_at FROM acct.mail',
                  $$VALUES ('someone_tried', 'Known@old.example', NULL, NULL::timestamptz)$$, 'its owner is told, without a token');
:as_superuser
SELECT is((SELECT hashed_password FROM roughly.users WHERE id = :'known'), :'before'::bytea, 'the account is as it was');
:as_app
SELECT is(status, 'invalid_credentials', 'the password of the attempt does not log in') FROM roughly_log_in('known@old.example', :other_password);
SELECT is(status, 'ok', 'that of the owner does') FROM roughly_log_in('known@old.example', :password);
SELECT is(status, 'check_email', 'without a password too') FROM roughly_register_user('known@old.example');
:deliver
SELECT is(acct.mails(), '{someone_tried Known@old.example}', 'the owner is told');

-- --- one address, however it is typed
SELECT is(status, 'check_email', 'an address with a composed letter') FROM roughly_register_user(U&'Ren\00E9@new.example');
:deliver
SELECT is(status, 'ok', 'is confirmed') FROM roughly_confirm_user(acct.token('confirm'));
SELECT is(status, 'check_email', 'the same address decomposed') FROM roughly_register_user(U&'REN\0045\0301@new.example');
:deliver
SELECT is(acct.mails(), ARRAY[U&'someone_tried Ren\00E9@new.example'], 'is known');

-- --- without a password
SELECT is(status, 'check_email', 'a password is not needed') FROM roughly_register_user('mailonly@new.example');
:deliver
SELECT is(status, 'ok', 'to confirm') FROM roughly_confirm_user(acct.token('confirm'));
SELECT is(status, 'invalid_credentials', 'then no password logs in') FROM roughly_log_in('mailonly@new.example', '');

-- --- links
SELECT is(status, 'check_email', 'one more account') FROM roughly_register_user('links@new.example', :password);
:deliver
SELECT acct.token('confirm') AS link \gset
SELECT roughly_request_magic_link('known@old.example') \gset unused_
:deliver
SELECT is(status, 'invalid', 'a link of another kind does not confirm') FROM roughly_confirm_user(acct.token('magic_link'));
SELECT is(status, 'invalid', repr || ' is no link')
  FROM (VALUES ('', 'nothing'), ('x', 'one letter'), (repeat('A', 64), 'a token of nobody'), (:'link' || 'A', 'a link with a letter more'),
               (left(:'link', 63), 'one less'), (translate(:'link', 'ABCDEFabcdef', 'BCDEFAbcdefa'), 'another one'), (repeat('x', 10000000), 'a very long text')) AS v (token, repr),
       roughly_confirm_user(token);
SELECT throws_ok($$SELECT roughly_confirm_user(NULL)$$, '22004');
:as_superuser
UPDATE roughly.user_tokens SET expires_at = clock_timestamp() WHERE context = 'confirm';
:as_app
SELECT is(status, 'invalid', 'an expired link does not confirm') FROM roughly_confirm_user(:'link');

-- --- passwords that are refused, with reasons, for every address alike
:as_admin
SELECT is(roughly_admin_block_passwords('{monkeymonkeymonkey}'), 1::bigint, 'a common password is put on the list');
:as_app
SELECT results_eq(format('SELECT status, reasons FROM roughly_register_user(%L, %L)', email, password), format('VALUES (%L, %L::text[])', 'weak_password', reasons),
                  email || ': ' || reasons)
  FROM (VALUES ('weak@new.example'), ('known@old.example')) e (email),
       (VALUES ('', '{too_short}'), ('fourteen chars', '{too_short}'), (repeat('x', 1025), '{too_long}'), (repeat('x', 10000000), '{too_long}'),
               (repeat(U&'\00e9', 600), '{too_long}'), ('roughlyroughlyroughly', '{too_obvious}'),
               ('MonkeyMonkeyMonkey', '{common}')) p (password, reasons);
SELECT is(reasons, '{too_obvious}', 'the address is no password') FROM roughly_register_user('weak@new.example', 'Weak@new.example12');
SELECT is(status, 'check_email', 'a long one of any letters is fine') FROM roughly_register_user('strong@new.example', repeat(U&'\+01F600', 15));
:as_superuser
SELECT is((SELECT count(*) FROM roughly.mail_outbox), 1::bigint, 'only the good one has been written down');
SELECT is(acct.traces('weak@new.example'), '{}', 'nothing is left of the others');
:deliver

-- --- addresses that are none
SELECT results_eq(format('SELECT status, reasons FROM roughly_register_user(%L, %L)', email, :password), $$VALUES ('invalid_email', '{}'::text[])$$,
                  'no address: ' || translate(left(email, 20), E'\n\r\t\x7f', '____'))
  FROM unnest(ARRAY['', '@', 'a', 'a@', '@b', 'a@b@c', 'a b@c', E'a\n@b', E'a\t@b', E'a@b\r\nBcc: c@d', 'a,b@c', 'a;b@c', E'a@b\x7f', repeat('a', 157) || '@b.c', repeat('a', 10000000) || '@b']) email;
SELECT is(status, 'check_email', '160 bytes are an address') FROM roughly_register_user(repeat('a', 156) || '@b.c', :password);
SELECT throws_ok($$SELECT roughly_register_user(NULL, 'correct horse battery staple')$$, '22004');
:as_superuser
SELECT is((SELECT count(*) FROM roughly.mail_outbox), 1::bigint, 'only that one has been written down');

-- --- the longest and the shortest order look the same
:as_app
SELECT is(status, 'check_email', 'the shortest') FROM roughly_register_user('a@b');
SELECT roughly_request_password_reset('c@d') \gset unused_
:as_superuser
SELECT is((SELECT array_agg(DISTINCT octet_length(sealed)) FROM roughly.mail_outbox), (SELECT array_agg(octet_length(sealed)) FROM (SELECT sealed FROM roughly.mail_outbox LIMIT 1) s),
          'all orders have one length');

-- --- an address gets so many mails, and then quietly no more
:as_superuser
DELETE FROM roughly.mail_outbox;
CALL acct.unthrottle();
:as_app
SELECT is((SELECT array_agg(DISTINCT status) FROM generate_series(1, 10) n, roughly_register_user('flood@new.example' || left(n::text, 0))), '{check_email}', 'ten registrations all answer check_email');
:as_superuser
SELECT cmp_ok((SELECT count(*) FROM roughly.mail_outbox), '>=', 5::bigint, 'five of them are written down');
SELECT cmp_ok((SELECT count(*) FROM roughly.mail_outbox), '<', 10::bigint, 'not all');

SELECT * FROM finish();
ROLLBACK;
