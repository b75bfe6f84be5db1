-- A superuser without the key: whatever is written into the tables makes no session and opens nothing.
\set ON_ERROR_ROLLBACK off
\ir common.psql
SELECT no_plan();
SET roughly_auth.min_k = 2;
\set psql 'psql -XAtq -h ' :HOST ' -p ' :PORT ' -U ' :USER ' -d ' :DBNAME
\setenv TAP_PSQL :psql
SELECT pg_temp.person('ada') AS ada, pg_temp.person('bob') AS bob, pg_temp.person('cem') AS cem \gset
SELECT token AS ada_token FROM people WHERE name = 'ada' \gset
SELECT token AS bob_token FROM people WHERE name = 'bob' \gset
SELECT roughly_create_question('tap: one', '{a,b}', k => 2, min_batch => 2, max_wait => NULL) AS one, roughly_create_question('tap: two', '{a,b}', k => 2, min_batch => 2, max_wait => NULL) AS two \gset
CREATE PROCEDURE tap.vote(question uuid, choice text) LANGUAGE plpgsql AS $$
DECLARE
  who text;
BEGIN
  FOREACH who IN ARRAY ARRAY['ada', 'bob', 'cem'] LOOP
    PERFORM pg_temp.vote(who, question, choice);
    COMMIT;
  END LOOP;
END $$;
CALL tap.vote(:'one', 'a');
CALL tap.vote(:'two', 'b');

-- The token: user id and secret, base64url. Its digest is keyed, and bound to user and context.
CREATE FUNCTION pg_temp.bytes(token text) RETURNS bytea LANGUAGE sql AS $$ SELECT decode(translate(token, '-_', '+/'), 'base64') $$;
CREATE FUNCTION pg_temp.token(bytes bytea) RETURNS text LANGUAGE sql AS $$ SELECT translate(encode(bytes, 'base64'), E'+/\n', '-_') $$;
CREATE FUNCTION pg_temp.session_of(token text) RETURNS uuid LANGUAGE plpgsql AS $$
DECLARE
  who uuid := (SELECT user_id FROM roughly_authenticate(token));
BEGIN
  PERFORM roughly_sign_out_of_transaction();
  RETURN who;
END $$;
BEGIN;
SELECT is(pg_temp.session_of(:'ada_token'), :'ada', 'the token works');
SELECT is(substr(pg_temp.bytes(:'ada_token'), 1, 16), uuid_send(:'ada'), 'and begins with the user''s id');
SELECT is(pg_temp.token(pg_temp.bytes(:'ada_token')), :'ada_token', '(taken apart and put together)');
SELECT pg_temp.token(uuid_send(:'bob') || substr(pg_temp.bytes(:'ada_token'), 17)) AS forged \gset
SELECT is(pg_temp.session_of(:'forged'), NULL, 'ada''s secret under bob''s id is nothing');
-- A row of one's own, with any digest that can be made without the key.
SAVEPOINT before;
INSERT INTO roughly.user_tokens (user_id, context, key_id, token_digest, expires_at)
  SELECT :'bob', 'session', 1, digest, now() + interval '1 day' FROM (VALUES (sha256(pg_temp.bytes(:'forged'))), (sha256(convert_to(:'forged', 'UTF8'))), (sha256(substr(pg_temp.bytes(:'forged'), 17))),
    (substr(pg_temp.bytes(:'forged'), 17)), (pg_temp.bytes(:'forged')), (convert_to(:'forged', 'UTF8')), (''), (decode(repeat('00', 32), 'hex'))) v (digest);
SELECT is(pg_temp.session_of(:'forged'), NULL, 'no digest without the key makes a session');
ROLLBACK TO before;
INSERT INTO roughly.user_tokens (user_id, context, key_id, token_digest, expires_at) SELECT :'bob', context, key_id, token_digest, expires_at FROM roughly.user_tokens WHERE user_id = :'ada';
SELECT is(pg_temp.session_of(:'forged'), NULL, 'nor does ada''s digest copied to bob');
ROLLBACK TO before;
UPDATE roughly.user_tokens SET user_id = :'bob' WHERE user_id = :'ada';
SELECT is(pg_temp.session_of(:'ada_token'), NULL, 'moved to bob, it is not even ada''s');
ROLLBACK TO before;
UPDATE roughly.user_tokens SET token_digest = set_byte(token_digest, 31, get_byte(token_digest, 31) # 1) WHERE user_id = :'ada';
SELECT is(pg_temp.session_of(:'ada_token'), NULL, 'nor with a bit changed');
ROLLBACK TO before;
UPDATE roughly.user_tokens SET token_digest = substr(token_digest, 1, 16) WHERE user_id = :'ada';
SELECT is(pg_temp.session_of(:'ada_token'), NULL, 'nor cut');
ROLLBACK TO before;
UPDATE roughly.user_tokens SET key_id = 9 WHERE user_id = :'ada';
SELECT is((SELECT count(*) FROM pg_temp.outcome(format('SELECT pg_temp.session_of(%L)', :'ada_token')) WHERE state = '00000' AND pg_temp.session_of(:'ada_token') IS NOT NULL), 0::bigint, 'nor made with a key that is not there');
ROLLBACK TO before;
INSERT INTO roughly.user_tokens (user_id, context, key_id, token_digest, expires_at) SELECT :'ada', 'session', 9, decode(lpad(to_hex(n), 2, '0'), 'hex'), now() + interval '1 day' FROM generate_series(0, 255) n;
CREATE TEMP TABLE hers AS SELECT * FROM roughly.user_tokens WHERE user_id = :'ada' AND key_id = 1;
DELETE FROM roughly.user_tokens WHERE user_id = :'ada' AND key_id = 1;
INSERT INTO roughly.user_tokens SELECT * FROM hers; -- whichever way they are read, some come before it
SELECT is((SELECT state FROM pg_temp.outcome(format('SELECT pg_temp.session_of(%L)', :'ada_token'))), '00000', 'other sessions, made with a key that is not there, do not lock ada out of hers');
ROLLBACK TO before;
SELECT throws_ok(format('INSERT INTO roughly.user_tokens (user_id, context, key_id, token_digest, expires_at) VALUES (%L, ''other'', 1, '''', now())', :'bob'), '23514', NULL, 'no other context');
SELECT is(pg_temp.session_of(:'ada_token'), :'ada', '(untouched, it still works)');
COMMIT;

-- Passwords: a hash put there in plain, or moved from another account, opens nothing.
BEGIN;
SAVEPOINT before;
CREATE FUNCTION pg_temp.log_in(name text) RETURNS text LANGUAGE sql AS $$ SELECT status || coalesce(' ' || session_token, '') FROM roughly_log_in(name || '@tap.example.org', 'correct horse') $$;
CREATE FUNCTION pg_temp.no_session(name text) RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE
  n bigint := (SELECT count(*) FROM roughly.user_tokens);
  answer record;
BEGIN
  SELECT * INTO answer FROM pg_temp.outcome(format('SELECT pg_temp.log_in(%L)', name));
  RETURN (answer.state = 'XX001' OR (answer.state = '00000' AND pg_temp.log_in(name) = 'invalid_credentials')) AND n = (SELECT count(*) FROM roughly.user_tokens);
END $$;
SELECT is(left(pg_temp.log_in('ada'), 3), 'ok ', 'the password works');
UPDATE roughly.users SET hashed_password = convert_to((SELECT hash FROM secret), 'UTF8') WHERE id = :'ada';
SELECT ok(pg_temp.no_session('ada'), 'a PHC string in plain does not');
UPDATE roughly.users SET hashed_password = (SELECT hashed_password FROM roughly.users WHERE id = :'bob') WHERE id = :'ada';
SELECT ok(pg_temp.no_session('ada'), 'nor bob''s, whose password is the same');
SELECT is(left(pg_temp.log_in('bob'), 3), 'ok ', '(which is his)');
UPDATE roughly.users SET hashed_password = (SELECT vote_secret FROM roughly.users WHERE id = :'ada') WHERE id = :'ada';
SELECT ok(pg_temp.no_session('ada'), 'nor another sealed value of ada''s own');
UPDATE roughly.users SET hashed_password = '' WHERE id = :'ada';
SELECT ok(pg_temp.no_session('ada'), 'nor nothing');
UPDATE roughly.users SET hashed_password = NULL WHERE id = :'ada';
SELECT is(pg_temp.log_in('ada'), 'invalid_credentials', 'nor none');
ROLLBACK;

-- Secrets of votes: exchanged, they open neither receipts nor vote.
SET roughly_auth.isolate_votes = off;
BEGIN;
SELECT roughly_create_question('tap: three', '{a,b}') AS three \gset
SELECT pg_temp.act('ada') \g /dev/null
SELECT is((SELECT count(*) FROM roughly_my_answers()), 2::bigint, 'ada sees her answers');
SAVEPOINT before;
UPDATE roughly.users u SET vote_secret = o.vote_secret FROM roughly.users o WHERE u.id IN (:'ada', :'bob') AND o.id IN (:'ada', :'bob') AND o.id <> u.id;
SELECT is((state, message)::text, '(XX001,"a sealed value does not open")', 'with bob''s secret she sees no answer, not even his') FROM pg_temp.outcome('SELECT roughly_my_answers()');
SELECT is(state, 'XX001', 'and does not vote') FROM pg_temp.outcome(format('SELECT roughly_cast_vote(%L, ''a'')', :'three'));
ROLLBACK TO before;
-- Receipts: under another tag or question they do not open.
UPDATE roughly.votes v SET receipt = o.receipt FROM roughly.votes o WHERE v.question_id = :'one' AND o.question_id = :'one' AND o.voter_tag = (SELECT min(voter_tag::text)::uuid FROM roughly.votes w WHERE w.question_id = :'one' AND w.voter_tag <> v.voter_tag);
SELECT is(state, 'XX001', 'another''s receipt does not open') FROM pg_temp.outcome('SELECT roughly_my_answers()');
ROLLBACK TO before;
UPDATE roughly.votes SET question_id = CASE question_id WHEN :'one' THEN :'two'::uuid ELSE :'one'::uuid END WHERE question_id IN (:'one', :'two');
SELECT is_empty('SELECT * FROM roughly_my_answers()', 'in another question nobody has voted');
ROLLBACK TO before;
DELETE FROM roughly.votes WHERE question_id = :'two';
INSERT INTO roughly.votes SELECT :'two', voter_tag, receipt FROM roughly.votes WHERE question_id = :'one';
SELECT is((SELECT string_agg(prompt, ', ') FROM roughly_my_answers()), 'tap: one', 'a copied row is nobody''s: tags differ by question');
ROLLBACK;
RESET roughly_auth.isolate_votes;

-- Ballots: exchanged, doubled or brought into another question, they do not open, and nothing is counted.
CREATE TABLE tap.ballots AS SELECT * FROM roughly.ballots WHERE question_id IN (:'one', :'two');
CREATE PROCEDURE tap.restore() LANGUAGE sql AS $$ DELETE FROM roughly.ballots b USING tap.ballots t WHERE b.question_id = t.question_id; INSERT INTO roughly.ballots SELECT * FROM tap.ballots $$;
\set publish 'CALL roughly_publish(' :'one' ')'
\setenv TAP_PUBLISH :publish
UPDATE roughly.ballots b SET sealed = (SELECT o.sealed FROM tap.ballots o WHERE o.question_id = b.question_id AND o.id <> b.id ORDER BY o.id LIMIT 1) WHERE b.question_id = :'one';
\set out `echo "$TAP_PUBLISH" | $TAP_PSQL -v VERBOSITY=verbose 2>&1`
SELECT matches(:'out'::text, 'ERROR: +XX001: ballot [0-9a-f-]{36} of question ' || :'one' || ' does not open', 'exchanged between rows of a question, ballots do not open');
CALL tap.restore();
UPDATE roughly.ballots SET id = gen_random_uuid() WHERE question_id = :'one' AND id = (SELECT id FROM tap.ballots WHERE question_id = :'one' LIMIT 1);
\set out `echo "$TAP_PUBLISH" | $TAP_PSQL -v VERBOSITY=verbose 2>&1`
SELECT matches(:'out'::text, 'ERROR: +XX001: ballot [0-9a-f-]{36} of question ' || :'one' || ' does not open', 'nor under another id');
CALL tap.restore();
INSERT INTO roughly.ballots SELECT question_id, gen_random_uuid(), sealed FROM tap.ballots WHERE question_id = :'one' LIMIT 1;
\set out `echo "$TAP_PUBLISH" | $TAP_PSQL -v VERBOSITY=verbose 2>&1`
SELECT matches(:'out'::text, 'ERROR: +XX001: ballot [0-9a-f-]{36} of question ' || :'one' || ' does not open', 'nor counted twice');
CALL tap.restore();
INSERT INTO roughly.ballots SELECT :'one', id, sealed FROM tap.ballots WHERE question_id = :'two';
\set out `echo "$TAP_PUBLISH" | $TAP_PSQL -v VERBOSITY=verbose 2>&1`
SELECT matches(:'out'::text, 'ERROR: +XX001: ballot [0-9a-f-]{36} of question ' || :'one' || ' does not open', 'nor in another question');
CALL tap.restore();
UPDATE roughly.ballots SET sealed = (SELECT receipt FROM roughly.votes WHERE question_id = :'one' LIMIT 1) WHERE id = (SELECT id FROM tap.ballots WHERE question_id = :'one' LIMIT 1);
\set out `echo "$TAP_PUBLISH" | $TAP_PSQL -v VERBOSITY=verbose 2>&1`
SELECT matches(:'out'::text, 'ERROR: +XX001: ballot [0-9a-f-]{36} of question ' || :'one' || ' does not open', 'a receipt is no ballot');
CALL tap.restore();
SELECT is_empty(format('SELECT * FROM roughly_aggregate(%L)', :'one'), 'nothing of all that was counted');
CALL roughly_publish(:'one');
CALL roughly_publish(:'two');
SELECT is((SELECT string_agg(choice || ' ' || votes, ', ') FROM roughly_aggregate(:'one')), 'a 3, b 0', 'put right, it is');
-- Batches and tallies: bound to their question, batch, place and release.
BEGIN;
SAVEPOINT before;
UPDATE roughly.batches b SET sealed = o.sealed FROM roughly.batches o WHERE b.question_id = :'one' AND o.question_id = :'two';
SELECT is((state, message)::text, format('(XX001,"batch 1 of question %s does not open")', :'one'), 'a batch of another question') FROM pg_temp.outcome(format('SELECT roughly_recount(%L)', :'one'));
ROLLBACK TO before;
UPDATE roughly.tallies b SET sealed = o.sealed FROM roughly.tallies o WHERE b.question_id = :'one' AND o.question_id = :'two';
SELECT is((state, message)::text, format('(XX001,"the tally of question %s does not open")', :'one'), 'a tally of another question') FROM pg_temp.outcome(format('SELECT roughly_recount(%L)', :'one'));
ROLLBACK TO before;
UPDATE roughly.questions SET batch = 2, release = 2 WHERE id = :'one';
UPDATE roughly.batches SET batch_no = 2 WHERE question_id = :'one';
SELECT is(state, '55000', 'another number: the first is missing') FROM pg_temp.outcome(format('SELECT roughly_recount(%L)', :'one'));
INSERT INTO roughly.batches SELECT question_id, 1, block_no, blocks, sealed FROM roughly.batches WHERE question_id = :'one';
SELECT is(state, 'XX001', 'a batch counted twice') FROM pg_temp.outcome(format('SELECT roughly_recount(%L)', :'one'));
ROLLBACK TO before;
UPDATE roughly.batches SET sealed = (SELECT sealed FROM roughly.tallies WHERE question_id = :'one') WHERE question_id = :'one';
SELECT is(state, 'XX001', 'a tally is no batch') FROM pg_temp.outcome(format('SELECT roughly_recount(%L)', :'one'));
ROLLBACK TO before;
SELECT ok(roughly_recount(:'one'), '(untouched, the count is right)');
COMMIT;
-- The policy of a question is sealed too: nobody without the key lowers k, adds a choice, refines a dimension or hurries a batch.
SELECT is(state || ' ' || regexp_replace(message, '[0-9a-f-]{36}', 'ID'), 'XX001 the policy of question ID was changed by hand', change || ' is noticed')
  FROM unnest(ARRAY['k = 3, min_batch = 3', 'min_batch = 1000', 'growth = 0.1', 'max_wait = ''1 second''', 'max_dims = 8', 'max_rank = 1', 'require_confirmed = false', 'min_account_age = ''1 day''',
    'choices = ''{b,a}''', 'choices = ''{a,b,c}''', 'opens_at = ''2001-01-01''', 'policy_seal = (SELECT policy_seal FROM roughly.questions WHERE id <> ' || quote_literal(:'two') || ' LIMIT 1)']) change,
    LATERAL pg_temp.outcome(format('UPDATE roughly.questions SET %s WHERE id = %L; SELECT roughly_close_question(%L)', change, :'two', :'two'));
BEGIN;
SELECT is(state, '00000', '(unchanged it is closed)') FROM pg_temp.outcome(format('UPDATE roughly.questions SET k = k WHERE id = %L; SELECT roughly_close_question(%L)', :'two', :'two'));
ROLLBACK;
-- So is the address of an account: whoever changes it gets no mail for it.
BEGIN;
UPDATE roughly.users SET email = 'eve@tap.example.org', email_normalized = 'eve@tap.example.org' WHERE id = :'ada';
SELECT ok(pg_temp.outcome('SELECT roughly_log_in(''eve@tap.example.org'', ''correct horse'')')::text ~ 'XX001|invalid_credentials', 'nor does the account log in by it');
SELECT roughly_request_password_reset('eve@tap.example.org') \g /dev/null
SET LOCAL client_min_messages = error;
SELECT is_empty('SELECT kind, token FROM roughly_dequeue_mail(1000) WHERE recipient ~ ''eve''', 'no link goes to an address put there by hand');
ROLLBACK;
-- roughly.keys: a foreign fingerprint is noticed, nothing is sealed with a key the database does not know.
\set foreign 'BEGIN; UPDATE roughly.keys SET fingerprint = reverse(fingerprint); SELECT roughly_admin_import_user(' '\'dan@tap.example.org\'' ');'
\setenv TAP_FOREIGN :foreign
\set out `echo "$TAP_FOREIGN" | $TAP_PSQL -v VERBOSITY=verbose 2>&1`
SELECT matches(:'out'::text, 'ERROR: +55000: the key file ".*" belongs to another installation: its key 1 has fingerprint [0-9a-f]{32}, this database needs [0-9a-f]{32}\nHINT: +Put back the key file', 'a foreign key file is noticed');
-- The setting that names the key file is for superusers' eyes.
SET SESSION AUTHORIZATION tap_app;
SELECT throws_ok('SHOW roughly_auth.key_file', '42501', NULL, 'the application is not told where the key is');
SELECT is_empty('SELECT setting FROM pg_settings WHERE name ~ ''roughly_auth.key_file''', 'nor by pg_settings');
RESET SESSION AUTHORIZATION;

SELECT * FROM finish();
\ir clean.psql
