-- What every kind of role is refused: the sealed tables, the functions of others, the owner's place. The words are
-- PostgreSQL's: only states are shown.
\set SHOW_CONTEXT never
\set VERBOSITY sqlstate
SET client_min_messages = warning;
CREATE EXTENSION roughly_auth;
CREATE ROLE regress_app LOGIN IN ROLE roughly_app;
CREATE ROLE regress_admin LOGIN IN ROLE roughly_admin;
CREATE ROLE regress_mailer LOGIN IN ROLE roughly_mailer;
CREATE ROLE regress_plain LOGIN;
CREATE ROLE regress_reader LOGIN;
CREATE ROLE regress_writer LOGIN;
DO $$
BEGIN
  IF to_regrole('pg_read_all_data') IS NOT NULL THEN
    GRANT pg_read_all_data TO regress_reader;
    GRANT pg_write_all_data TO regress_writer;
  ELSE -- PostgreSQL 13
    GRANT USAGE ON SCHEMA roughly TO regress_reader, regress_writer;
    GRANT SELECT ON ALL TABLES IN SCHEMA roughly TO regress_reader;
    GRANT INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA roughly TO regress_writer;
  END IF;
END $$;
CREATE ROLE regress_creator LOGIN CREATEROLE CREATEDB;
SET roughly_auth.min_k = 2;
\set nothing '00000000-0000-0000-0000-000000000000'

-- A row in every table.
SELECT roughly_hash_password('correct horse') AS hash \gset
SELECT count(roughly_admin_import_user(name || '@example.org', :'hash')) FROM unnest('{ada,bob,cem}'::text[]) name;
CREATE TABLE sessions AS SELECT name, session_token AS token FROM unnest('{ada,bob,cem}'::text[]) name, roughly_log_in(name || '@example.org', 'correct horse');
GRANT SELECT ON sessions TO regress_app;
INSERT INTO roughly.user_profiles (user_id) SELECT id FROM roughly.users;
SELECT roughly_create_question('Tea or coffee?', '{tea,coffee}', k => 2, min_batch => 2) AS question \gset
CREATE PROCEDURE cast_votes(question uuid, names text[]) LANGUAGE plpgsql AS $$
BEGIN
  FOR i IN 1 .. cardinality(names) LOOP
    PERFORM FROM public.sessions, roughly_authenticate(token) WHERE name = names[i];
    PERFORM roughly_cast_vote(question, 'tea');
    COMMIT;
  END LOOP;
END $$;
SET SESSION AUTHORIZATION regress_app;
CALL cast_votes(:'question', '{ada,bob}');
RESET SESSION AUTHORIZATION;
CALL roughly_publish(:'question');
SET SESSION AUTHORIZATION regress_app;
CALL cast_votes(:'question', '{cem}');
SELECT roughly_register_user('dan@example.org');
SELECT status FROM roughly_log_in('ada@example.org', 'wrong');
RESET SESSION AUTHORIZATION;
SELECT roughly_admin_block_passwords('{password1234567}');
INSERT INTO roughly.tombstones VALUES ('\x00');
INSERT INTO roughly.mfa_factors (id, user_id, sealed) SELECT gen_random_uuid(), id, '\x00' FROM roughly.users;
INSERT INTO roughly.recovery_codes SELECT id, '\x00' FROM roughly.users;
CREATE FUNCTION rows_seen() RETURNS TABLE (name text, rows bigint) LANGUAGE plpgsql SET search_path = pg_catalog, roughly AS $$
BEGIN
  FOR name IN SELECT relname FROM pg_class WHERE relnamespace = 'roughly'::regnamespace AND relkind = 'r' ORDER BY relname COLLATE "C" LOOP
    EXECUTE format('SELECT count(*) FROM roughly.%I', name) INTO rows;
    RETURN NEXT;
  END LOOP;
END $$;
SELECT * FROM rows_seen();

-- Row-level security is forced: neither the owner nor a reader of all data sees a row of any table.
SET ROLE roughly_owner;
SELECT * FROM rows_seen();
SET row_security = off;
SELECT FROM roughly.votes;
RESET row_security;
RESET ROLE;
SET SESSION AUTHORIZATION regress_reader;
SELECT * FROM rows_seen();
SET row_security = off;
SELECT FROM roughly.votes;
COPY roughly.votes TO STDOUT;
SELECT email FROM roughly.users;
RESET row_security;
COPY roughly.ballots TO STDOUT;
SELECT count(*) FROM roughly.users;
SELECT count(*) FROM roughly.audit_log;
SELECT tablename, attname FROM pg_stats WHERE schemaname = 'roughly';
-- Nor does a writer of all data write one.
SET SESSION AUTHORIZATION regress_writer;
DELETE FROM roughly.votes;
UPDATE roughly.questions SET k = 2;
INSERT INTO roughly.ballots VALUES (:'nothing', :'nothing', '\x00');
INSERT INTO roughly.releases (question_id, view, release_no, cells) VALUES (:'question', '{}', 99, '\x00');
INSERT INTO roughly.keys (key_id, fingerprint, active) VALUES (2, repeat('0', 32), false);
TRUNCATE roughly.votes;
RESET SESSION AUTHORIZATION;
SELECT * FROM rows_seen();

-- The application: two tables, own rows; nothing of the rest.
SET SESSION AUTHORIZATION regress_app;
SELECT FROM roughly.audit_log;
SELECT FROM roughly.ballots;
SELECT FROM roughly.batches;
SELECT FROM roughly.dimensions;
SELECT FROM roughly.keys;
SELECT FROM roughly.login_failures;
SELECT FROM roughly.mail_outbox;
SELECT FROM roughly.mfa_factors;
SELECT FROM roughly.password_blocklist;
SELECT FROM roughly.questions;
SELECT FROM roughly.recovery_codes;
SELECT FROM roughly.releases;
SELECT FROM roughly.tallies;
SELECT FROM roughly.tombstones;
SELECT FROM roughly.user_tokens;
SELECT FROM roughly.votes;
SELECT last_value FROM roughly.throttle_0;
SELECT setval('roughly.throttle_0', 1);
SELECT nextval('roughly.throttle_0');
SELECT count(*) FROM roughly.votes;
COPY roughly.votes TO STDOUT;
BEGIN;
LOCK roughly.votes;
ROLLBACK;
TRUNCATE roughly.votes;
DELETE FROM roughly.votes;
INSERT INTO roughly.votes VALUES (:'nothing', :'nothing', '\x00');
EXPLAIN SELECT FROM roughly.votes WHERE voter_tag = :'nothing';
SELECT FROM roughly.users FOR UPDATE;
SELECT roughly.ensure_key_file();
-- It makes nothing there, and hangs nothing on it; its own tables may point at accounts.
CREATE TABLE roughly.mine ();
CREATE FUNCTION roughly.mine() RETURNS void LANGUAGE sql AS '';
CREATE TRIGGER mine BEFORE INSERT ON roughly.votes FOR EACH ROW EXECUTE FUNCTION suppress_redundant_updates_trigger();
CREATE POLICY mine ON roughly.users USING (true);
CREATE RULE mine AS ON INSERT TO roughly.votes DO INSTEAD NOTHING;
CREATE INDEX ON roughly.votes (voter_tag);
CREATE STATISTICS mine ON id, email FROM roughly.users;
ALTER TABLE roughly.users DISABLE ROW LEVEL SECURITY;
ALTER TABLE roughly.votes ADD COLUMN who text;
COMMENT ON TABLE roughly.votes IS 'mine';
GRANT SELECT ON roughly.votes TO PUBLIC;
ALTER FUNCTION roughly_current_user() OWNER TO regress_app;
CREATE OR REPLACE FUNCTION public.roughly_current_user() RETURNS uuid LANGUAGE sql AS 'SELECT gen_random_uuid()';
ALTER FUNCTION roughly_aggregate(uuid, text[]) RESET search_path;
DROP FUNCTION roughly_current_user();
DROP SCHEMA roughly CASCADE;
DROP EXTENSION roughly_auth;
ALTER EXTENSION roughly_auth SET SCHEMA pg_catalog;
SET ROLE roughly_owner;
SET ROLE roughly_admin;
SHOW roughly_auth.key_file;
SELECT current_setting('roughly_auth.key_file');
SET roughly_auth.key_file = '/tmp/mine';
RESET SESSION AUTHORIZATION;
CREATE SCHEMA regress_app AUTHORIZATION regress_app;
SET SESSION AUTHORIZATION regress_app;
CREATE TABLE regress_app.posts (author uuid REFERENCES roughly.users (id));
CREATE TABLE regress_app.emails (author text REFERENCES roughly.users (email_normalized));
CREATE TABLE regress_app.answers (question uuid REFERENCES roughly.questions (id));
INSERT INTO regress_app.posts VALUES (:'nothing');
CREATE VIEW regress_app.everybody AS SELECT id, email FROM roughly.users;
SELECT count(*) FROM regress_app.everybody;
CREATE FUNCTION regress_app.everybody() RETURNS bigint LANGUAGE sql SECURITY DEFINER AS 'SELECT count(*) FROM roughly.users';
SELECT regress_app.everybody();
-- A leaky condition sees no other row; row_security = off is an error, not a way out.
CREATE FUNCTION regress_app.leak(anyelement) RETURNS boolean LANGUAGE plpgsql COST 0.0000001 AS $$ BEGIN RAISE WARNING 'saw %', $1; RETURN true; END $$;
BEGIN;
SELECT user_id IS NOT NULL AS ada FROM sessions, roughly_authenticate(token) WHERE name = 'ada';
SELECT count(*) FROM roughly.users WHERE regress_app.leak(email);
SELECT email FROM regress_app.everybody;
COMMIT;
SET row_security = off;
SELECT count(*) FROM roughly.users;
RESET row_security;
RESET SESSION AUTHORIZATION;
DROP SCHEMA regress_app CASCADE;

-- The administration and the mailer read no table at all.
SET SESSION AUTHORIZATION regress_admin;
SELECT FROM roughly.votes;
SELECT roughly.ensure_key_file();
SELECT roughly_log_in('ada@example.org', 'correct horse');
SET ROLE roughly_owner;
SET ROLE roughly_app;
SHOW roughly_auth.key_file;
SET SESSION AUTHORIZATION regress_mailer;
SELECT FROM roughly.users;
SELECT roughly_current_user();
SELECT roughly_dimensions();
SELECT count(*) FROM roughly_questions();
SELECT choice, votes FROM roughly_aggregate(:'question');
-- Nor does somebody else, who may read what is published.
SET SESSION AUTHORIZATION regress_plain;
SELECT FROM roughly.users;
SELECT roughly.ensure_key_file();
SELECT count(*) FROM roughly_questions();
SELECT choice, votes FROM roughly_aggregate(:'question');
SELECT release FROM roughly_release(:'question');
-- A role that may create roles does not become the owner, nor gives itself away.
SET SESSION AUTHORIZATION regress_creator;
SET ROLE roughly_owner;
ALTER FUNCTION roughly_current_user() OWNER TO regress_creator;
SELECT FROM roughly.votes;
RESET SESSION AUTHORIZATION;

-- Elevation does not reach what the caller brings along: the caller's search_path, temporary tables, operators.
GRANT CREATE ON DATABASE :"DBNAME" TO regress_app;
SET SESSION AUTHORIZATION regress_app;
CREATE SCHEMA regress_evil;
CREATE FUNCTION regress_evil.text_eq(text, text) RETURNS boolean LANGUAGE plpgsql AS $$ BEGIN RAISE WARNING 'ran as %', current_user; RETURN true; END $$;
CREATE OPERATOR regress_evil.= (LEFTARG = text, RIGHTARG = text, FUNCTION = regress_evil.text_eq);
CREATE FUNCTION regress_evil.now() RETURNS timestamptz LANGUAGE plpgsql AS $$ BEGIN RAISE WARNING 'ran as %', current_user; RETURN 'infinity'; END $$;
CREATE TEMP TABLE users (id uuid, email text, email_normalized text, hashed_password bytea, vote_secret bytea);
CREATE TEMP TABLE questions (id uuid);
SET search_path = pg_temp, regress_evil, pg_catalog, public;
SELECT status FROM roughly_log_in('ada@example.org', 'correct horse');
SELECT status FROM roughly_log_in('unknown@example.org', 'correct horse');
SELECT count(*) FROM roughly_questions();
SELECT count(*) FROM roughly_aggregate(:'question', '{}');
RESET search_path;
DROP SCHEMA regress_evil CASCADE;
DROP TABLE pg_temp.users, pg_temp.questions;
RESET SESSION AUTHORIZATION;
REVOKE CREATE ON DATABASE :"DBNAME" FROM regress_app;

DROP FUNCTION rows_seen;
DROP PROCEDURE cast_votes;
DROP TABLE sessions;
DROP OWNED BY regress_reader, regress_writer;
DROP ROLE regress_app, regress_admin, regress_mailer, regress_plain, regress_reader, regress_writer, regress_creator;
DROP EXTENSION roughly_auth;
