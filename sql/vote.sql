-- Voting, and one's own answers.
\set VERBOSITY default
\set SHOW_CONTEXT never
\set state '\\echo SQLSTATE :SQLSTATE'
SET client_min_messages = warning;
CREATE EXTENSION roughly_auth;
CREATE ROLE regress_app LOGIN IN ROLE roughly_app;
CREATE ROLE regress_admin LOGIN IN ROLE roughly_admin;
CREATE ROLE regress_plain LOGIN;
SELECT roughly_hash_password('correct horse') AS hash \gset
SELECT roughly_admin_import_user('ada@example.org', :'hash') AS ada \gset
SELECT roughly_admin_import_user('new@example.org', :'hash', NULL) AS new \gset
SELECT session_token AS token FROM roughly_log_in('ada@example.org', 'correct horse') \gset
SELECT session_token AS new_token FROM roughly_log_in('new@example.org', 'correct horse') \gset
SELECT roughly_create_question('Tea or coffee?', '{tea,coffee}', '{gender}') AS drink \gset
SELECT roughly_create_question('Cats or dogs?', '{cats,dogs}', require_confirmed => false) AS pets \gset
SELECT roughly_create_question('Later?', '{yes,no}', opens_at => '2999-01-01') AS later \gset
SELECT roughly_create_question('Over?', '{yes,no}') AS over \gset
SELECT roughly_create_question('Closed?', '{yes,no}') AS closed \gset
SELECT roughly_create_question('Old enough?', '{yes,no}', min_account_age => '1 day') AS age \gset
SELECT roughly_close_question(:'closed');
UPDATE roughly.questions SET closes_at = now() WHERE id = :'over';
\set nothing '00000000-0000-0000-0000-000000000000'
CREATE TABLE notes (note text);
GRANT INSERT ON notes TO regress_app;
CREATE FUNCTION vote(token text, question uuid, choice text) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  PERFORM roughly_authenticate(token);
  PERFORM roughly_cast_vote(question, choice);
END $$;

SET SESSION AUTHORIZATION regress_app;
-- Nobody.
SELECT roughly_cast_vote(:'drink', 'tea'); :state
SELECT * FROM roughly_my_answers(); :state
SELECT * FROM roughly_my_answers('{}'); :state
-- No question, or none that is open; no choice.
SELECT vote(:'token', NULL, 'tea'); :state
SELECT vote(:'token', :'nothing', 'tea'); :state
SELECT vote(:'token', :'later', 'yes'); :state
SELECT vote(:'token', :'over', 'yes'); :state
SELECT vote(:'token', :'closed', 'yes'); :state
SELECT vote(:'token', :'drink', NULL); :state
SELECT vote(:'token', :'drink', ''); :state
SELECT vote(:'token', :'drink', 'Tea'); :state
SELECT vote(:'token', :'drink', 'tea '); :state
SELECT vote(:'token', :'drink', 'water'); :state
SELECT vote(:'token', :'drink', repeat('tea', 1000000)); :state
SELECT vote(:'token', :'closed', 'water'); :state
-- Not entitled.
SELECT vote(:'new_token', :'drink', 'tea'); :state
SELECT vote(:'token', :'age', 'yes'); :state

-- Not beside another write, which could be linked to it.
BEGIN;
INSERT INTO notes VALUES ('ada is voting');
SELECT vote(:'token', :'drink', 'tea'); :state
ROLLBACK;
BEGIN;
SELECT user_id = :'ada' AS ada FROM roughly_authenticate(:'token');
SELECT roughly_set_profile('{"gender": "female"}');
SELECT roughly_cast_vote(:'drink', 'tea'); :state
ROLLBACK;
BEGIN;
SELECT status FROM roughly_log_in('ada@example.org', 'correct horse');
SELECT roughly_cast_vote(:'drink', 'tea'); :state
ROLLBACK;
-- Nor in a read-only transaction.
BEGIN READ ONLY;
SELECT vote(:'token', :'drink', 'tea'); :state
ROLLBACK;

-- Nothing of all that has been counted.
RESET SESSION AUTHORIZATION;
SELECT (SELECT count(*) FROM roughly.votes) AS votes, (SELECT count(*) FROM roughly.ballots) AS ballots;
SET SESSION AUTHORIZATION regress_app;

-- A vote, final.
BEGIN;
SELECT user_id = :'ada' AS ada FROM roughly_authenticate(:'token');
SELECT * FROM roughly_my_answers();
SELECT roughly_cast_vote(:'drink', 'coffee');
SELECT prompt, choice, voted_on = (now() AT TIME ZONE 'UTC')::date AS "today, UTC" FROM roughly_my_answers();
-- In the same transaction no account is written, nor a session.
SAVEPOINT s;
SELECT roughly_set_profile('{"gender": "female"}'); :state
ROLLBACK TO s;
INSERT INTO roughly.user_profiles (gender) VALUES ('female'); :state
ROLLBACK TO s;
SELECT status FROM roughly_log_in('ada@example.org', 'correct horse'); :state
ROLLBACK TO s;
SELECT roughly_log_out(:'token'); :state
ROLLBACK TO s;
SELECT roughly_cast_vote(:'drink', 'coffee'); :state
ROLLBACK TO s;
-- Another vote is.
SELECT roughly_cast_vote(:'pets', 'dogs');
COMMIT;
SELECT vote(:'token', :'drink', 'coffee'); :state
SELECT vote(:'token', :'drink', 'tea'); :state
SELECT vote(:'token', :'drink', 'water'); :state
-- One that is rolled back has not happened.
BEGIN;
SELECT vote(:'new_token', :'pets', 'cats');
ROLLBACK;
BEGIN;
SELECT user_id = :'new' AS new FROM roughly_authenticate(:'new_token');
SAVEPOINT s;
SELECT roughly_cast_vote(:'pets', 'cats');
ROLLBACK TO s;
SELECT roughly_cast_vote(:'pets', 'dogs');
COMMIT;

-- One's own answers, and nobody else's.
BEGIN READ ONLY;
SELECT user_id = :'ada' AS ada FROM roughly_authenticate(:'token');
SELECT prompt, choice FROM roughly_my_answers() ORDER BY 1;
SELECT prompt, choice FROM roughly_my_answers(NULL) ORDER BY 1;
SELECT prompt, choice FROM roughly_my_answers(ARRAY[:'drink', :'drink', :'later', :'nothing', NULL]::uuid[]);
SELECT prompt, choice FROM roughly_my_answers('{}');
COMMIT;
BEGIN;
SELECT user_id = :'new' AS new FROM roughly_authenticate(:'new_token');
SELECT prompt, choice FROM roughly_my_answers();
COMMIT;

-- The tables hold a tag, a receipt and a ballot, all sealed, all of one length.
RESET SESSION AUTHORIZATION;
SELECT q.prompt, count(*), count(DISTINCT voter_tag) AS tags, min(octet_length(receipt)) AS receipt, max(octet_length(receipt)) AS same,
       bool_and(voter_tag::text ~ '^........-....-8...-[89ab]...-............$') AS "version 8"
  FROM roughly.votes JOIN roughly.questions q ON q.id = question_id GROUP BY 1 ORDER BY 1;
SELECT q.prompt, count(*), count(DISTINCT b.id) AS ids, min(octet_length(sealed)) AS sealed, max(octet_length(sealed)) AS same
  FROM roughly.ballots b JOIN roughly.questions q ON q.id = question_id GROUP BY 1 ORDER BY 1;
SELECT count(*) AS "tags that are users" FROM roughly.votes JOIN roughly.users u ON u.id = voter_tag;
-- The account's deletion leaves the votes, and nothing that leads to them.
DELETE FROM roughly.users WHERE id = :'ada';
SELECT (SELECT count(*) FROM roughly.votes) AS votes, (SELECT count(*) FROM roughly.ballots) AS ballots;
SET SESSION AUTHORIZATION regress_app;
SELECT user_id FROM roughly_authenticate(:'token');

-- An account that is deleted while it acts.
BEGIN;
SELECT user_id = :'new' AS new FROM roughly_authenticate(:'new_token');
RESET SESSION AUTHORIZATION;
SET roughly_auth.isolate_votes = off;
DELETE FROM roughly.users WHERE id = :'new';
SET SESSION AUTHORIZATION regress_app;
SAVEPOINT s;
SELECT roughly_cast_vote(:'drink', 'tea'); :state
ROLLBACK TO s;
SELECT * FROM roughly_my_answers(); :state
ROLLBACK TO s;
SELECT * FROM roughly_my_snapshot(:'drink'); :state
ROLLBACK TO s;
SELECT roughly_set_profile('{"gender": "female"}'); :state
ROLLBACK;
RESET SESSION AUTHORIZATION;
RESET roughly_auth.isolate_votes;

-- Who may.
SET SESSION AUTHORIZATION regress_app;
SET roughly_auth.isolate_votes = off; :state
SET SESSION AUTHORIZATION regress_admin;
SELECT roughly_cast_vote(:'drink', 'tea'); :state
SELECT roughly_my_answers(); :state
SET SESSION AUTHORIZATION regress_plain;
SELECT roughly_cast_vote(:'drink', 'tea'); :state
SELECT roughly_my_answers(); :state
RESET SESSION AUTHORIZATION;

-- Arguments of another type, too few or too many, are PostgreSQL's to refuse.
\set VERBOSITY sqlstate
SELECT roughly_cast_vote('x', 'tea');
SELECT roughly_cast_vote(:'nothing', 1);
SELECT roughly_cast_vote(:'nothing');
SELECT roughly_my_answers('x');
SELECT roughly_my_answers('{x}');
SELECT roughly_my_answers(:'nothing');
\set VERBOSITY default

DROP TABLE notes;
DROP FUNCTION vote;
DROP ROLE regress_app, regress_admin, regress_plain;
DROP EXTENSION roughly_auth;
