-- A test of an application's own table, in pgTAP, as docs/clients/pgtap.md shows it. Run by tests/tap/clients.t.
-- [note]
CREATE TABLE note (
  user_id uuid NOT NULL DEFAULT roughly_current_user() REFERENCES roughly.users (id) ON DELETE CASCADE,
  body    text NOT NULL
);
ALTER TABLE note ENABLE ROW LEVEL SECURITY;
CREATE POLICY own ON note USING (user_id = roughly_current_user());
GRANT SELECT, INSERT ON note TO roughly_app;
-- [end]

-- [test]
BEGIN;
SELECT plan(7);
SELECT roughly_test_user('ada@example.org', '{"country": "NL"}') AS ada \gset
SELECT roughly_test_user('bob@example.org') AS bob \gset

SET LOCAL ROLE roughly_app; -- a superuser would see every row
SELECT throws_ok($$INSERT INTO note (body) VALUES ('who am I?')$$, '42501', NULL, 'nobody writes anonymously');
RESET ROLE;

SELECT is(roughly_test_act_as('ada@example.org'), :'ada', 'Ada acts');
SET LOCAL ROLE roughly_app;
INSERT INTO note (body) VALUES ('mine');
SELECT results_eq('SELECT body FROM note', $$VALUES ('mine')$$, 'and reads what she wrote');
RESET ROLE;

SELECT roughly_test_act_as('bob@example.org');
SET LOCAL ROLE roughly_app;
SELECT is_empty('SELECT * FROM note', 'Bob does not');
SELECT throws_ok(format('INSERT INTO note VALUES (%L, %L)', :'ada', 'forged'), '42501', NULL, 'nor writes in her name');
RESET ROLE;
-- [end]

-- [votes]
SET LOCAL roughly_auth.isolate_votes = off; -- log-ins and votes share this transaction; it is rolled back
SELECT roughly_create_question('Tea or coffee?', '{tea,coffee}') AS question \gset
SELECT count(roughly_test_user('voter' || n || '@example.org')) FROM generate_series(1, 3) AS n;
SELECT count(roughly_test_vote('voter' || n || '@example.org', :'question', 'tea')) FROM generate_series(1, 3) AS n;
SELECT roughly_test_act_as('voter1@example.org');
SELECT results_eq('SELECT choice FROM roughly_my_answers()', $$VALUES ('tea')$$, 'a voter sees the own answer');
SELECT is_empty(format('SELECT * FROM roughly_aggregate(%L)', :'question'), 'and nobody sees three votes');
-- [end]

-- [finish]
SELECT * FROM finish();
ROLLBACK;
-- [end]
