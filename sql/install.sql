-- Creating and dropping the extension: where, as whom, and what is refused.
\set VERBOSITY default
\set SHOW_CONTEXT never
\set state '\\echo SQLSTATE :SQLSTATE'
\set database :DBNAME
SET client_min_messages = warning;
CREATE ROLE regress_plain LOGIN;
CREATE ROLE regress_app LOGIN;

-- Not in the schema of its own tables, nor where that schema is taken.
CREATE EXTENSION roughly_auth SCHEMA roughly; :state
CREATE SCHEMA roughly;
CREATE EXTENSION roughly_auth SCHEMA roughly; :state
CREATE EXTENSION roughly_auth; :state
DROP SCHEMA roughly;
CREATE EXTENSION roughly_auth VERSION '0.0.0'; :state
-- Not over a function that is there already, which could be somebody's trap.
CREATE FUNCTION roughly_current_user() RETURNS uuid LANGUAGE sql AS 'SELECT NULL::uuid';
CREATE EXTENSION roughly_auth; :state
DROP FUNCTION roughly_current_user();
-- By superusers only.
GRANT CREATE ON DATABASE :"DBNAME" TO regress_plain;
SET SESSION AUTHORIZATION regress_plain;
CREATE EXTENSION roughly_auth; :state
RESET SESSION AUTHORIZATION;
REVOKE CREATE ON DATABASE :"DBNAME" FROM regress_plain;
-- Nothing of all that is left.
SELECT count(*) FROM pg_namespace WHERE nspname = 'roughly';
SELECT count(*) FROM pg_proc WHERE proname ~ '^roughly_';

-- Not in another encoding.
CREATE DATABASE regress_roughly_ascii TEMPLATE template0 ENCODING 'SQL_ASCII' LOCALE 'C';
\c regress_roughly_ascii
SET client_min_messages = warning;
SET lc_messages = 'C';
CREATE EXTENSION roughly_auth; :state
\c :database
SET client_min_messages = warning;
DROP DATABASE regress_roughly_ascii;

-- The owner of the tables must be nobody: no attribute, no member, no membership.
CREATE EXTENSION roughly_auth;
DROP EXTENSION roughly_auth;
SELECT rolname FROM pg_roles WHERE rolname ~ '^roughly_' ORDER BY rolname COLLATE "C"; -- roles stay
ALTER ROLE roughly_owner LOGIN;
CREATE EXTENSION roughly_auth; :state
ALTER ROLE roughly_owner NOLOGIN SUPERUSER;
CREATE EXTENSION roughly_auth; :state
ALTER ROLE roughly_owner NOSUPERUSER BYPASSRLS;
CREATE EXTENSION roughly_auth; :state
ALTER ROLE roughly_owner NOBYPASSRLS CREATEROLE;
CREATE EXTENSION roughly_auth; :state
ALTER ROLE roughly_owner NOCREATEROLE CREATEDB;
CREATE EXTENSION roughly_auth; :state
ALTER ROLE roughly_owner NOCREATEDB REPLICATION;
CREATE EXTENSION roughly_auth; :state
ALTER ROLE roughly_owner NOREPLICATION;
GRANT roughly_owner TO regress_plain;
CREATE EXTENSION roughly_auth; :state
REVOKE roughly_owner FROM regress_plain;
GRANT regress_plain TO roughly_owner;
CREATE EXTENSION roughly_auth; :state
REVOKE regress_plain FROM roughly_owner;

-- In another schema everything works, with whatever search_path.
CREATE SCHEMA "Else where";
GRANT USAGE ON SCHEMA "Else where" TO PUBLIC;
CREATE EXTENSION roughly_auth SCHEMA "Else where";
GRANT roughly_app TO regress_app;
SELECT extname, extnamespace::regnamespace, extrelocatable FROM pg_extension WHERE extname = 'roughly_auth';
SELECT pronamespace::regnamespace AS schema, count(*) > 20 AS many FROM pg_proc WHERE proname ~ '^roughly_' GROUP BY 1;
ALTER EXTENSION roughly_auth SET SCHEMA public; :state
SELECT "Else where".roughly_admin_import_user('ada@example.org', "Else where".roughly_hash_password('correct horse')) AS ada \gset
SELECT "Else where".roughly_create_question('Which?', '{a,b}', '{gender}') AS question \gset
SET SESSION AUTHORIZATION regress_app;
SELECT session_token AS token FROM "Else where".roughly_log_in('ada@example.org', 'correct horse') \gset
BEGIN;
SELECT user_id = :'ada' AS ada FROM "Else where".roughly_authenticate(:'token');
INSERT INTO roughly.user_profiles (country) VALUES ('DE') RETURNING user_id = :'ada' AS ada;
SELECT "Else where".roughly_set_profile('{"gender": "female"}');
SELECT email FROM roughly.users;
COMMIT;
BEGIN;
SELECT user_id = :'ada' AS ada FROM "Else where".roughly_authenticate(:'token');
SELECT * FROM "Else where".roughly_my_snapshot(:'question');
SELECT "Else where".roughly_cast_vote(:'question', 'a');
SELECT choice FROM "Else where".roughly_my_answers();
COMMIT;
SELECT count(*) FROM "Else where".roughly_aggregate(:'question', '{gender}');
RESET SESSION AUTHORIZATION;
SELECT "Else where".roughly_close_question(:'question');
CALL "Else where".roughly_publish(:'question');
CALL "Else where".roughly_publish_due();

-- Dropping takes tables and schema along, but not what others hang on them.
CREATE TABLE posts (author uuid);
ALTER TABLE posts ENABLE ROW LEVEL SECURITY;
CREATE POLICY own ON posts USING (author = (SELECT "Else where".roughly_current_user()));
DROP EXTENSION roughly_auth; :state
DROP TABLE posts;
DROP EXTENSION roughly_auth;
DROP SCHEMA "Else where";
SELECT count(*) FROM pg_namespace WHERE nspname = 'roughly';
SELECT count(*) FROM pg_proc WHERE proname ~ '^roughly_';

-- Made again in the same session, it starts anew and works: prepared statements and the key follow.
CREATE EXTENSION roughly_auth;
SELECT count(*) FROM roughly_questions();
SELECT roughly_admin_import_user('ada@example.org', roughly_hash_password('correct horse')) AS ada \gset
SELECT session_token AS token FROM roughly_log_in('ada@example.org', 'correct horse') \gset
SELECT user_id = :'ada' AS ada FROM roughly_authenticate(:'token');
SELECT count(*) AS keys, bool_and(active) AS active FROM roughly.keys;
DROP EXTENSION roughly_auth;
BEGIN;
CREATE EXTENSION roughly_auth;
SELECT status FROM roughly_log_in('ada@example.org', 'correct horse');
SELECT roughly_admin_import_user('ada@example.org', roughly_hash_password('correct horse')) = :'ada' AS "the same";
ROLLBACK;
SELECT count(*) FROM pg_namespace WHERE nspname = 'roughly';
CREATE EXTENSION roughly_auth;
SELECT count(*) AS keys FROM roughly.keys;
SELECT status FROM roughly_log_in('ada@example.org', 'correct horse');
SELECT roughly_admin_import_user('ada@example.org') IS NOT NULL AS made;
SELECT roughly.ensure_key_file(); -- again is fine
SELECT count(*) AS keys FROM roughly.keys;

DROP EXTENSION roughly_auth;
DROP ROLE regress_plain, regress_app;
