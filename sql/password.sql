-- Passwords: hashing, verifying, and what is refused.
\set VERBOSITY default
\set SHOW_CONTEXT never
\set state '\\echo SQLSTATE :SQLSTATE'
SET client_min_messages = warning;
CREATE EXTENSION roughly_auth;

-- A PHC string, fresh every time; it tells its cost.
SELECT roughly_hash_password('correct horse') AS hash, roughly_hash_password('correct horse') AS other \gset
SELECT :'hash' <> :'other' AS "has a salt", :'hash' ~ '^\$argon2id\$v=19\$m=19456,t=2,p=1\$[A-Za-z0-9+/]{22}\$[A-Za-z0-9+/]{43}$' AS "is a PHC string";
SELECT roughly_verify_password('correct horse', :'hash'), roughly_verify_password('Correct horse', :'hash'),
       roughly_verify_password('', :'hash'), roughly_verify_password(repeat('x', 1025), :'hash');
SELECT roughly_verify_password('correct horse', roughly_hash_password('correct horse '));
-- Bytes count, nothing is normalized or cut: é is not e and an accent.
SELECT roughly_verify_password(E'caf\u00e9', roughly_hash_password(E'caf\u00e9')), roughly_verify_password(E'cafe\u0301', roughly_hash_password(E'caf\u00e9'));
SELECT roughly_verify_password(repeat('p', 1024), roughly_hash_password(repeat('p', 1024))),
       roughly_verify_password(repeat('p', 1023) || 'q', roughly_hash_password(repeat('p', 1024)));

-- Null in, null out.
SELECT roughly_hash_password(NULL) IS NULL, roughly_verify_password(NULL, :'hash') IS NULL, roughly_verify_password('x', NULL) IS NULL,
       roughly_password_needs_rehash(NULL) IS NULL;

-- Empty, too long, of another type.
SELECT roughly_hash_password(''); :state
SELECT roughly_hash_password(repeat('p', 1025)); :state
SELECT roughly_hash_password(repeat(E'\u00e9', 513)); :state
SELECT roughly_hash_password(repeat('p', 10000000)); :state

-- What is no argon2id string is not computed: malformed, other algorithms, trailing bytes, zero or padded numbers.
\set good '$argon2id$v=19$m=19456,t=2,p=1$c29tZXNhbHRzb21lc2FsdA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA'
SELECT roughly_verify_password('x', :'good');
SELECT roughly_verify_password('x', ''); :state
SELECT roughly_verify_password('x', 'x'); :state
SELECT roughly_verify_password('x', replace(:'good', 'argon2id', 'argon2i')); :state
SELECT roughly_verify_password('x', replace(:'good', 'v=19', 'v=16')); :state
SELECT roughly_verify_password('x', replace(:'good', 'm=19456', 'm=019456')); :state
SELECT roughly_verify_password('x', replace(:'good', 'm=19456', 'm=0')); :state
SELECT roughly_verify_password('x', replace(:'good', 'm=19456', 'm=-1')); :state
SELECT roughly_verify_password('x', replace(:'good', 'm=19456', 'm=99999999999999999999')); :state
SELECT roughly_verify_password('x', replace(:'good', 'm=19456', 'm=7')); :state
SELECT roughly_verify_password('x', replace(:'good', 't=2', 't=0')); :state
SELECT roughly_verify_password('x', replace(:'good', 'p=1', 'p=0')); :state
SELECT roughly_verify_password('x', :'good' || '$x'); :state
SELECT roughly_verify_password('x', :'good' || ' '); :state
SELECT roughly_verify_password('x', replace(:'good', 'c29tZXNhbHRzb21lc2FsdA', 'short')); :state
SELECT roughly_verify_password('x', left(:'good', -30)); :state
SELECT roughly_verify_password('x', :'good' || repeat('A', 100000)); :state
SELECT roughly_password_needs_rehash('x'); :state
SELECT roughly_password_needs_rehash(''); :state
-- Nor what asks for more than 256 MiB, 10 passes or 16 lanes.
SELECT roughly_verify_password('x', replace(:'good', 'm=19456', 'm=262145')); :state
SELECT roughly_verify_password('x', replace(:'good', 't=2', 't=11')); :state
SELECT roughly_verify_password('x', replace(:'good', 'p=1', 'p=17')); :state
SELECT roughly_password_needs_rehash(replace(:'good', 'm=19456', 'm=262145')); :state

-- Hashes of other systems, to be imported: bcrypt (a vector of crypt_blowfish) and PBKDF2. They always need another hash.
\set bcrypt '$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW'
\set pbkdf2 '$pbkdf2-sha256$1000$MDEyMzQ1Njc4OWFiY2RlZg$cBg8D2DungRB9k76szThf5ehfyBz991ay6PT8Srwk4M'
\set pbkdf2_512 '$pbkdf2-sha512$1000$MDEyMzQ1Njc4OWFiY2RlZg$OM0FAoIqCVK1sWtxDiffVlBejtLa.ks4TP71JiecwuSZCG8iLbnlIEPOMoVX.i2B2wkSxjQ8CRGR9OkNGuIPMQ'
SELECT roughly_verify_password('U*U', :'bcrypt') AS bcrypt, roughly_verify_password('u*U', :'bcrypt') AS wrong,
       roughly_verify_password('correct horse', :'pbkdf2') AS pbkdf2, roughly_verify_password('Correct horse', :'pbkdf2') AS wrong,
       roughly_verify_password('correct horse', :'pbkdf2_512') AS "SHA-512", roughly_verify_password('', :'pbkdf2_512') AS wrong;
SELECT roughly_password_needs_rehash(:'bcrypt'), roughly_password_needs_rehash(:'pbkdf2');
SELECT roughly_verify_password('x', replace(:'bcrypt', '$05$', '$15$')); :state
SELECT roughly_verify_password('x', replace(:'bcrypt', '$05$', '$03$')); :state
SELECT roughly_verify_password('x', left(:'bcrypt', 59)); :state
SELECT roughly_verify_password('x', :'bcrypt' || 'x'); :state
SELECT roughly_verify_password('x', replace(:'bcrypt', '2a', '2x')); :state
SELECT roughly_verify_password('x', replace(:'bcrypt', 'CCCC', 'C!CC')); :state
SELECT roughly_verify_password('x', replace(:'pbkdf2', '$1000$', '$2000001$')); :state
SELECT roughly_verify_password('x', replace(:'pbkdf2', '$1000$', '$0$')); :state
SELECT roughly_verify_password('x', replace(:'pbkdf2', 'sha256', 'sha1')); :state
SELECT roughly_verify_password('x', left(:'pbkdf2', 40)); :state
SELECT roughly_verify_password('x', :'pbkdf2' || '*'); :state
SELECT roughly_verify_password('x', '$pbkdf2-sha256$'); :state
SELECT roughly_verify_password('x', '$1$abcdefgh$abcdefghijklmnopqrstuv'); :state
SELECT roughly_verify_password('x', 'abcdefghijklm'); :state

-- The cost follows the settings, which only a superuser changes, upwards from a floor.
SELECT roughly_password_needs_rehash(:'hash'), roughly_password_needs_rehash(replace(:'hash', 'm=19456', 'm=8192')),
       roughly_password_needs_rehash(replace(:'hash', 't=2', 't=1'));
SET roughly_auth.argon2_passes = 3;
SELECT roughly_password_needs_rehash(:'hash'), roughly_hash_password('x') ~ ',t=3,' AS "three passes";
SET roughly_auth.argon2_passes = 2;
SET roughly_auth.argon2_memory = '20MB';
SELECT roughly_password_needs_rehash(:'hash'), roughly_hash_password('x') ~ '\$m=20480,' AS "20 MiB";
RESET roughly_auth.argon2_memory;
RESET roughly_auth.argon2_passes;

-- For the application and the administration.
CREATE ROLE regress_app LOGIN IN ROLE roughly_app;
CREATE ROLE regress_admin LOGIN IN ROLE roughly_admin;
CREATE ROLE regress_plain LOGIN;
SET SESSION AUTHORIZATION regress_app;
SELECT roughly_verify_password('correct horse', :'hash'), roughly_password_needs_rehash(:'hash'), roughly_hash_password('x') IS NOT NULL;
SET roughly_auth.argon2_passes = 3; :state
SET SESSION AUTHORIZATION regress_admin;
SELECT roughly_verify_password('correct horse', :'hash'), roughly_password_needs_rehash(:'hash'), roughly_hash_password('x') IS NOT NULL;
SET SESSION AUTHORIZATION regress_plain;
SELECT roughly_hash_password('x'); :state
SELECT roughly_verify_password('x', 'y'); :state
SELECT roughly_password_needs_rehash('y'); :state
RESET SESSION AUTHORIZATION;

-- Arguments of another type, too few or too many, and settings out of range are PostgreSQL's to refuse.
\set VERBOSITY sqlstate
SELECT roughly_hash_password(42);
SELECT roughly_hash_password('\x70'::bytea);
SELECT roughly_hash_password();
SELECT roughly_password_needs_rehash(42);
SELECT roughly_verify_password('x', 42);
SET roughly_auth.argon2_memory = '8MB';
SET roughly_auth.argon2_memory = '257MB';
SET roughly_auth.argon2_passes = 1;
SET roughly_auth.argon2_passes = 11;
SET roughly_auth.argon2_memory = 'much';
\set VERBOSITY default

DROP ROLE regress_app, regress_admin, regress_plain;
DROP EXTENSION roughly_auth;
