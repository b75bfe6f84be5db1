-- Accounts of other systems, and their password hashes, renewed at the first log-in.
BEGIN;
\ir accounts_setup.psql
SELECT * FROM no_plan();

-- The hashes are those of tests/unit/legacy_hash_test.cpp and password_hash_test.cpp.
CREATE TABLE acct.hashes (kind text PRIMARY KEY, password text, hash text);
INSERT INTO acct.hashes VALUES
  ('bcrypt 2a', 'U*U', '$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW'),
  ('bcrypt 2b', 'Kk4DQuMMfZL9o', '$2b$04$cVWp4XaNU8a4v1uMRum2SO026BWLIoQMD/TXg5uZV.0P.uO8m3YEm'),
  ('bcrypt 2y', 'U*U*U', '$2y$05$XXXXXXXXXXXXXXXXXXXXXOAcXxm9kjPGEMsLznoKqmqw7tc8WCx4a'),
  ('PBKDF2-SHA-256', 'password', '$pbkdf2-sha256$8000$XAuBMIYQQogxRg$tRRlz8hYn63B9LYiCd6PRo6FMiunY9ozmMMI3srxeRE'),
  ('PBKDF2-SHA-512', 'password', '$pbkdf2-sha512$1000$c2FsdFNBTFRzYWx0U0FMVA$L.vjhfY5mqKiCpkm0YIuL0mdqnbOXhYw/v74SUJEEwd4SPdh7srb8v5uXaGkjMc/LwzXWI4VCj9tRfIFZqlllw'),
  ('argon2id, cheap', 'correct horse', '$argon2id$v=19$m=256,t=2,p=1$c2FsdHNhbHRzYWx0$pwZ7sGME81TL89Hs/ia4qXIxzecJdXvdtALit/lGF0w'),
  ('argon2id, two lanes', 'correct horse', '$argon2id$v=19$m=64,t=1,p=2$c2FsdHNhbHRzYWx0$RKV1wDWZAqeB+OPU7FjEyJhaygoxF0zckwuENhofGsw');
GRANT SELECT ON acct.hashes TO PUBLIC;
CREATE FUNCTION acct.address(kind text) RETURNS text LANGUAGE sql AS $$SELECT translate(kind, ' ,', '-') || '@import.example'$$;
CREATE TABLE acct.stored (round integer, kind text, sealed bytea);
CREATE FUNCTION acct.note(round integer) RETURNS bigint LANGUAGE sql AS $$
  WITH noted AS (INSERT INTO acct.stored SELECT $1, kind, hashed_password FROM acct.hashes JOIN roughly.users ON email = acct.address(kind) RETURNING 1)
  SELECT count(*) FROM noted $$;

:as_admin
SELECT isnt(roughly_admin_import_user(acct.address(kind), hash), NULL, kind || ' is imported') FROM acct.hashes;
SELECT is(roughly_password_needs_rehash(hash), true, kind || ' needs to be renewed') FROM acct.hashes;
:as_superuser
SELECT acct.note(0) \gset unused_
SELECT is((SELECT count(*) FROM acct.stored JOIN acct.hashes USING (kind) WHERE position(convert_to(hash, 'UTF8') IN sealed) > 0), 0::bigint, 'none is kept in plain');
SELECT is(acct.traces('$pbkdf2') || acct.traces('$2b$') || acct.traces('$argon2id'), '{}', 'anywhere');
:as_app
CALL acct.unthrottle();
SELECT is(status, 'invalid_credentials', kind || ': a wrong password does not log in') FROM acct.hashes, roughly_log_in(acct.address(kind), password || 'x');
:as_superuser
SELECT acct.note(1) \gset unused_
SELECT is((SELECT array_agg(kind) FROM acct.stored o JOIN acct.stored n USING (kind) WHERE o.round = 0 AND n.round = 1 AND o.sealed <> n.sealed), NULL, 'and renews nothing');
:as_app
SELECT is(status, 'ok', kind || ': the right one does') FROM acct.hashes, roughly_log_in(acct.address(kind), password);
:as_superuser
SELECT acct.note(2) \gset unused_
SELECT ok(o.sealed <> n.sealed, n.kind || ' is renewed') FROM acct.stored o JOIN acct.stored n USING (kind) WHERE o.round = 1 AND n.round = 2;
:as_app
CALL acct.unthrottle();
SELECT is(status, 'ok', kind || ': it logs in again') FROM acct.hashes, roughly_log_in(acct.address(kind), password);
SELECT is(status, 'invalid_credentials', kind || ': another still does not') FROM acct.hashes, roughly_log_in(acct.address(kind), password || 'x');
:as_superuser
SELECT acct.note(3) \gset unused_
SELECT ok(o.sealed = n.sealed, n.kind || ' is not renewed again') FROM acct.stored o JOIN acct.stored n USING (kind) WHERE o.round = 2 AND n.round = 3;
SELECT is((SELECT count(*) FROM acct.stored WHERE round = 3), (SELECT count(*) FROM acct.hashes), 'of all kinds');

-- --- bcrypt sees 72 bytes; what is renewed sees all of them
:as_admin
SELECT acct.account('long@import.example', '$2a$05$abcdefghijklmnopqrstuu5s2v8.iXieOjg/.AySBTTZIIVFJeBui') AS long \gset
:as_app
SELECT is(status, 'ok', 'a password of 72 bytes and more') FROM roughly_log_in('long@import.example', '0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789chars after 72 are ignored');
SELECT is(status, 'invalid_credentials', 'then counts as a whole') FROM roughly_log_in('long@import.example', '0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789');

-- --- settings that ask for more renew; ones that ask for less do not
:as_superuser
SELECT acct.account('cost@import.example') AS cost \gset
SELECT hashed_password AS before FROM roughly.users WHERE id = :'cost' \gset
:as_app
SELECT is(status, 'ok', 'a hash that costs what the settings ask for') FROM roughly_log_in('cost@import.example', :password);
:as_superuser
SELECT is((SELECT hashed_password FROM roughly.users WHERE id = :'cost'), :'before'::bytea, 'stays');
SET LOCAL roughly_auth.argon2_passes = 3;
:as_app
SELECT is(status, 'ok', 'one that costs less') FROM roughly_log_in('cost@import.example', :password);
:as_superuser
SELECT isnt((SELECT hashed_password FROM roughly.users WHERE id = :'cost'), :'before'::bytea, 'is renewed');
SELECT hashed_password AS before FROM roughly.users WHERE id = :'cost' \gset
SET LOCAL roughly_auth.argon2_passes = 2;
:as_app
SELECT is(status, 'ok', 'one that costs more') FROM roughly_log_in('cost@import.example', :password);
:as_superuser
SELECT is((SELECT hashed_password FROM roughly.users WHERE id = :'cost'), :'before'::bytea, 'stays');

-- --- a password another system has hashed as it was typed, decomposed
:as_admin
SELECT roughly_admin_import_user('typed@import.example', roughly_hash_password(U&'passe\0301 compose\0301 long')) AS typed \gset
:as_app
SELECT is(status, 'ok', 'logs in as it was typed') FROM roughly_log_in('typed@import.example', U&'passe\0301 compose\0301 long');

-- --- what is imported, and what is not
:as_admin
SELECT isnt(roughly_admin_import_user('plain@import.example'), NULL, 'an imported account is confirmed now');
SELECT isnt(roughly_admin_import_user('unproved@import.example', NULL, NULL), NULL, 'or not');
SELECT isnt(roughly_admin_import_user('early@import.example', NULL, '2001-02-03'), NULL, 'or when it was');
:as_superuser
SELECT results_eq($$SELECT email, confirmed_at, hashed_password IS NULL FROM roughly.users WHERE email IN ('plain@import.example', 'unproved@import.example', 'early@import.example') ORDER BY email$$,
                  $$VALUES ('early@import.example', '2001-02-03'::timestamptz, true), ('plain@import.example', now(), true), ('unproved@import.example', NULL, true)$$, 'as told');
:as_admin
SELECT throws_ok(format('SELECT roughly_admin_import_user(%L)', email), '23505', NULL, 'a taken address: ' || email) FROM unnest('{plain@import.example,PLAIN@import.EXAMPLE}'::text[]) email;
SELECT throws_ok(format('SELECT roughly_admin_import_user(%L)', email), code, NULL, 'no address: ' || left(COALESCE(email, 'null'), 20))
  FROM (VALUES (NULL, '22004'), ('', '22023'), ('x', '22023'), ('a b@c', '22023'), (repeat('a', 157) || '@b.c', '22001'), (repeat('a', 10000000) || '@b', '22001')) v (email, code);
SELECT throws_ok(format('SELECT roughly_admin_import_user(%L, %L)', 'bad@import.example', hash), '22023', NULL, 'no hash: ' || left(hash, 40))
  FROM unnest(ARRAY['', 'plain text', '$1$salt$qJH7.N4xYta3aEG/dfqo/0', '$6$salt$hash', '$2x$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW', '$2b$15$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW',
                    '$pbkdf2-sha256$2000001$c2FsdFNBTFQ$YWBYxHfImwWFCKk8gt.FBGklog8FDpfjF9wAYR07g94', '$pbkdf2-sha1$1$c2FsdFNBTFQ$YWBYxHfImwWFCKk8gt', '$argon2i$v=19$m=64,t=1,p=1$c2FsdHNhbHRzYWx0$RKV1wDWZAqeB+OPU7FjEyJhaygoxF0zckwuENhofGsw',
                    '$argon2id$v=19$m=1048576,t=1,p=1$c2FsdHNhbHRzYWx0$RKV1wDWZAqeB+OPU7FjEyJhaygoxF0zckwuENhofGsw', repeat('$', 10000000)]) hash;
:as_superuser
SELECT is(acct.traces('bad@import.example'), '{}', 'nothing is left of those');

-- --- an address whose account was deleted does not come back to vote twice
:as_admin
SELECT roughly_admin_import_user('again@import.example') AS again \gset
SELECT roughly_admin_delete_user(:'again') \gset unused_
SELECT roughly_admin_import_user('again@import.example') AS again \gset
:as_superuser
SELECT ok(votes_from BETWEEN now() AND clock_timestamp(), 'an import after a deletion may answer later questions only') FROM roughly.users WHERE id = :'again';

SELECT * FROM finish();
ROLLBACK;
