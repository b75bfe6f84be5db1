-- What 0.2.0 added; :tag as in the flow of 0.1.0, after which this runs.
\set ON_ERROR_STOP 1
SET client_min_messages = warning; -- a new key is said
SET SESSION AUTHORIZATION admin;
\echo [keys]
CALL roughly_rotate_key();
SELECT count(*) FILTER (WHERE status = 'active'), bool_and(in_file) FROM roughly_key_status();
\echo [monitoring]
SELECT * FROM roughly_check();
SELECT item, status FROM roughly_status() WHERE item = 'key file';
