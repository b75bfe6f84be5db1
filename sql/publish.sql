-- Counting: when, what, and what stops it.
\set VERBOSITY default
\set SHOW_CONTEXT never
\set state '\\echo SQLSTATE :SQLSTATE'
SET client_min_messages = warning;
CREATE EXTENSION roughly_auth;
CREATE ROLE regress_app LOGIN IN ROLE roughly_app;
CREATE ROLE regress_admin LOGIN IN ROLE roughly_admin;
CREATE ROLE regress_plain LOGIN;
SET roughly_auth.min_k = 2;
\set nothing '00000000-0000-0000-0000-000000000000'
\pset null '(null)'

-- Nine people with a session; a procedure in which they vote one after the other, each in a transaction of their own.
SELECT roughly_hash_password('correct horse') AS hash \gset
CREATE TABLE people (n int, token text);
GRANT SELECT ON people TO regress_app;
SELECT count(roughly_admin_import_user('p' || n || '@example.org', :'hash')) FROM generate_series(1, 9) n;
INSERT INTO people SELECT n, session_token FROM generate_series(1, 9) n, roughly_log_in('p' || n || '@example.org', 'correct horse');
CREATE PROCEDURE cast_votes(question uuid, people int[], choices text[]) LANGUAGE plpgsql AS $$
BEGIN
  FOR i IN 1 .. cardinality(people) LOOP
    PERFORM FROM public.people p, roughly_authenticate(p.token) WHERE p.n = people[i];
    PERFORM roughly_cast_vote(question, choices[i]);
    COMMIT;
  END LOOP;
END $$;
CREATE VIEW state AS
  SELECT q.state, q.batch, q.release, (SELECT count(*) FROM roughly.votes v WHERE v.question_id = q.id) AS votes,
         (SELECT count(*) FROM roughly.ballots b WHERE b.question_id = q.id) AS ballots,
         (SELECT count(*) FROM roughly.batches b WHERE b.question_id = q.id) AS batches,
         (SELECT count(*) FROM roughly.tallies t WHERE t.question_id = q.id) AS tallies,
         (SELECT string_agg(r.release_no::text, ',' ORDER BY r.release_no) FROM roughly.releases r WHERE r.question_id = q.id AND view = '{}') AS releases,
         q.id
    FROM roughly.questions q;
\set look 'SELECT state, batch, release, votes, ballots, batches, tallies, releases FROM state WHERE id'

-- Refused.
SET SESSION AUTHORIZATION regress_admin;
CALL roughly_publish(NULL); :state
CALL roughly_publish(:'nothing'); :state
BEGIN;
CALL roughly_publish(:'nothing'); :state
ROLLBACK;
BEGIN;
CALL roughly_publish_due(); :state
ROLLBACK;
SELECT roughly_recount(NULL); :state
SELECT roughly_recount(:'nothing'); :state
SELECT roughly_forget_batches(NULL); :state
SELECT roughly_forget_batches(:'nothing'); :state
RESET SESSION AUTHORIZATION;
CREATE FUNCTION publish_in_a_function() RETURNS void LANGUAGE plpgsql AS 'BEGIN CALL roughly_publish_due(); END';
SELECT publish_in_a_function(); :state
DROP FUNCTION publish_in_a_function();
SET SESSION AUTHORIZATION regress_app;
CALL roughly_publish(:'nothing'); :state
CALL roughly_publish_due(); :state
SELECT roughly_recount(:'nothing'); :state
SELECT roughly_forget_batches(:'nothing'); :state
SET SESSION AUTHORIZATION regress_plain;
CALL roughly_publish(:'nothing'); :state
CALL roughly_publish_due(); :state
SELECT roughly_recount(:'nothing'); :state
SELECT roughly_forget_batches(:'nothing'); :state

-- Not before min_batch ballots wait.
SET SESSION AUTHORIZATION regress_admin;
SELECT roughly_create_question('Tea or coffee?', '{tea,coffee,water}', k => 3, min_batch => 4, max_wait => NULL) AS drink \gset
CALL roughly_publish(:'drink');
SELECT roughly_recount(:'drink');
SET SESSION AUTHORIZATION regress_app;
CALL cast_votes(:'drink', '{1,2,3}', '{tea,tea,coffee}');
SET SESSION AUTHORIZATION regress_admin;
CALL roughly_publish(:'drink');
SELECT count(*) AS "nothing yet" FROM roughly_aggregate(:'drink');
SELECT count(*) AS "nothing yet" FROM roughly_release(:'drink');
RESET SESSION AUTHORIZATION;
:look = :'drink';
-- Then they are counted, and a choice that nobody took with them.
SET SESSION AUTHORIZATION regress_app;
CALL cast_votes(:'drink', '{4}', '{tea}');
SET SESSION AUTHORIZATION regress_admin;
CALL roughly_publish(:'drink');
SELECT choice, votes, respondents, as_of FROM roughly_aggregate(:'drink');
SELECT "by", release, published_at IS NOT NULL AS published, cells, k, rule FROM roughly_release(:'drink');
SELECT roughly_recount(:'drink');
CALL roughly_publish(:'drink'); -- nothing is due
RESET SESSION AUTHORIZATION;
:look = :'drink';
-- min_batch again, which is more than half of those counted.
SET SESSION AUTHORIZATION regress_app;
CALL cast_votes(:'drink', '{5,6,7}', '{coffee,coffee,tea}');
SET SESSION AUTHORIZATION regress_admin;
CALL roughly_publish(:'drink');
SELECT choice, votes, respondents, as_of FROM roughly_aggregate(:'drink');
-- Closing counts the rest, if they are k.
SELECT roughly_close_question(:'drink');
SELECT choice, votes, respondents, as_of FROM roughly_aggregate(:'drink');
CALL roughly_publish(:'drink');
SELECT choice, votes, respondents, as_of FROM roughly_aggregate(:'drink');
SELECT roughly_recount(:'drink');
CALL roughly_publish(:'drink');
RESET SESSION AUTHORIZATION;
:look = :'drink';
-- Votes and own answers stay.
SET SESSION AUTHORIZATION regress_app;
BEGIN;
SELECT user_id IS NOT NULL AS "person 3" FROM people, roughly_authenticate(token) WHERE n = 3;
SELECT choice FROM roughly_my_answers();
COMMIT;
CALL cast_votes(:'drink', '{8}', '{tea}'); :state

-- Fewer than k at the closing are destroyed.
SET SESSION AUTHORIZATION regress_admin;
SELECT roughly_create_question('Cats or dogs?', '{cats,dogs}', k => 3, growth => 'Infinity', max_wait => NULL) AS pets \gset
SET SESSION AUTHORIZATION regress_app;
CALL cast_votes(:'pets', '{1,2}', '{cats,cats}');
SET SESSION AUTHORIZATION regress_admin;
CALL roughly_publish(:'pets');
SELECT roughly_close_question(:'pets');
CALL roughly_publish(:'pets');
SELECT count(*) AS nothing FROM roughly_aggregate(:'pets');
SELECT roughly_recount(:'pets');
RESET SESSION AUTHORIZATION;
:look = :'pets';

-- By time: max_wait after the opening, or after the last release.
SET SESSION AUTHORIZATION regress_admin;
SELECT roughly_create_question('Now?', '{yes,no}', k => 2, min_batch => 2, growth => 10, max_wait => '1 hour') AS now \gset
SET SESSION AUTHORIZATION regress_app;
CALL cast_votes(:'now', '{1,2}', '{yes,no}');
SET SESSION AUTHORIZATION regress_admin;
CALL roughly_publish(:'now');
SELECT choice, votes, as_of FROM roughly_aggregate(:'now');
SET SESSION AUTHORIZATION regress_app;
CALL cast_votes(:'now', '{3,4,5}', '{yes,yes,yes}');
SET SESSION AUTHORIZATION regress_admin;
CALL roughly_publish(:'now'); -- growth asks for 20
SELECT choice, votes, as_of FROM roughly_aggregate(:'now');
RESET SESSION AUTHORIZATION;
UPDATE roughly.questions SET released_at = now() - interval '1 hour' WHERE id = :'now';
SET SESSION AUTHORIZATION regress_admin;
CALL roughly_publish(:'now');
SELECT choice, votes, as_of FROM roughly_aggregate(:'now');
-- Past its end a question is closed by the next call.
RESET SESSION AUTHORIZATION;
UPDATE roughly.questions SET closes_at = now() WHERE id = :'now';
SET SESSION AUTHORIZATION regress_admin;
CALL roughly_publish_due();
RESET SESSION AUTHORIZATION;
:look = :'now';

-- Batches that are forgotten cannot be counted again; what is published stays.
SET SESSION AUTHORIZATION regress_admin;
SELECT roughly_forget_batches(:'drink');
SELECT roughly_recount(:'drink'); :state
SELECT choice, votes, as_of FROM roughly_aggregate(:'drink');
SELECT roughly_forget_batches(:'drink');

-- A ballot put there by hand stops the counting of its question, and of no other; nothing is lost.
RESET SESSION AUTHORIZATION;
\set stray '00000000-0000-4000-8000-000000000002'
\set told 'SELECT regexp_replace(:\'LAST_ERROR_MESSAGE\', \'question [0-9a-f-]{36}\', \'question ...\') AS told, :\'LAST_ERROR_SQLSTATE\' AS state;'
SELECT roughly_create_question('Bad?', '{yes,no}', k => 2, min_batch => 2, max_wait => NULL) AS bad \gset
SELECT roughly_create_question('Good?', '{yes,no}', k => 2, min_batch => 2, max_wait => NULL) AS good \gset
SET SESSION AUTHORIZATION regress_app;
CALL cast_votes(:'bad', '{1,2}', '{yes,yes}');
CALL cast_votes(:'good', '{1,2}', '{no,no}');
RESET SESSION AUTHORIZATION;
INSERT INTO roughly.ballots VALUES (:'bad', :'stray', '\x00');
SET SESSION AUTHORIZATION regress_admin;
-- The warnings of roughly_publish_due name questions, whose ids are random.
SET client_min_messages = error;
CALL roughly_publish_due(); :state
SET client_min_messages = warning;
SELECT choice, votes FROM roughly_aggregate(:'good');
SELECT count(*) AS nothing FROM roughly_aggregate(:'bad');
RESET SESSION AUTHORIZATION;
:look = :'bad';
\set VERBOSITY sqlstate
CALL roughly_publish(:'bad');
:told
-- Nor does one taken from another row, or another question, open.
UPDATE roughly.ballots SET sealed = (SELECT sealed FROM roughly.ballots o WHERE o.question_id = :'bad' AND o.id <> :'stray' LIMIT 1) WHERE id = :'stray';
CALL roughly_publish(:'bad');
:told
DELETE FROM roughly.ballots WHERE id = :'stray';
-- A ballot that was counted and is put back is noticed.
CREATE TABLE kept AS SELECT * FROM roughly.ballots WHERE question_id = :'bad';
CALL roughly_publish_due();
SELECT choice, votes FROM roughly_aggregate(:'bad');
INSERT INTO roughly.ballots SELECT * FROM kept;
CALL roughly_publish(:'bad');
SELECT regexp_replace(:'LAST_ERROR_MESSAGE', '[0-9a-f-]{36}', '...', 'g') AS told, :'LAST_ERROR_SQLSTATE' AS state;
DELETE FROM roughly.ballots WHERE question_id = :'bad';
SELECT roughly_recount(:'bad');
-- A batch that is changed, or lacks a block, or a tally that is missing, is said to be.
BEGIN;
UPDATE roughly.batches SET sealed = overlay(sealed PLACING '\x00' FROM 60) WHERE question_id = :'bad';
SELECT roughly_recount(:'bad');
ROLLBACK;
:told
BEGIN;
UPDATE roughly.batches SET blocks = 2 WHERE question_id = :'bad';
SELECT roughly_recount(:'bad');
ROLLBACK;
:told
BEGIN;
UPDATE roughly.batches SET block_no = 1 WHERE question_id = :'bad';
SELECT roughly_recount(:'bad');
ROLLBACK;
:told
BEGIN;
DELETE FROM roughly.tallies WHERE question_id = :'bad';
SELECT roughly_recount(:'bad');
ROLLBACK;
:told
BEGIN;
UPDATE roughly.tallies SET sealed = '\x01' WHERE question_id = :'bad';
SELECT roughly_recount(:'bad');
ROLLBACK;
:told
BEGIN;
UPDATE roughly.batches SET sealed = '\x' WHERE question_id = :'bad';
SELECT roughly_recount(:'bad');
ROLLBACK;
:told
-- So is a policy that was changed by hand.
BEGIN;
UPDATE roughly.questions SET min_batch = 3 WHERE id = :'bad';
SELECT roughly_recount(:'bad');
ROLLBACK;
:told
\set VERBOSITY default

-- Called from a procedure or a DO block it commits as it goes.
SET SESSION AUTHORIZATION regress_app;
CALL cast_votes(:'bad', '{3,4}', '{no,no}');
SET SESSION AUTHORIZATION regress_admin;
DO $$
DECLARE
  bad uuid := (SELECT question FROM roughly_questions() WHERE prompt = 'Bad?');
BEGIN
  CALL roughly_publish(bad);
END $$;
SELECT choice, votes, as_of FROM roughly_aggregate(:'bad');
-- What a session has set does not matter.
SET default_transaction_isolation = 'serializable';
SET synchronous_commit = off;
SET search_path = '';
CALL public.roughly_publish_due();
SHOW default_transaction_isolation;
SHOW synchronous_commit;
SHOW search_path;
RESET ALL;
SET default_transaction_read_only = on;
CALL roughly_publish(:'bad'); :state
RESET default_transaction_read_only;
RESET SESSION AUTHORIZATION;

-- Arguments of another type, too few or too many, are PostgreSQL's to refuse.
\set VERBOSITY sqlstate
CALL roughly_publish('x');
CALL roughly_publish();
CALL roughly_publish_due(1);
SELECT roughly_publish(:'nothing');
SELECT roughly_recount('x');
SELECT roughly_recount();
SELECT roughly_forget_batches('x');
SELECT roughly_forget_batches();
\set VERBOSITY default

DROP VIEW state;
DROP TABLE people, kept;
DROP PROCEDURE cast_votes;
DROP ROLE regress_app, regress_admin, regress_plain;
DROP EXTENSION roughly_auth;
