\echo Use "ALTER EXTENSION roughly_auth UPDATE" to load this file. \quit

-- Key rotation.
ALTER TABLE roughly.keys ADD resealed timestamptz, ADD digest_keys bytea;
ALTER TABLE roughly.keys ALTER resealed SET STATISTICS 0, ALTER digest_keys SET STATISTICS 0;
COMMENT ON COLUMN roughly.keys.resealed IS 'since when nothing is sealed with this key any more; null: active, or its rotation has not finished';
COMMENT ON COLUMN roughly.keys.digest_keys IS 'what digests of its time were made with, sealed with the active key: they outlive it';

CREATE FUNCTION roughly_key_status(OUT key_id integer, OUT fingerprint text, OUT status text, OUT in_file boolean, OUT created timestamptz,
    OUT tokens_until timestamptz) RETURNS SETOF record
  AS 'MODULE_PATHNAME' LANGUAGE C STABLE STRICT PARALLEL UNSAFE
  SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION roughly_key_status() IS
  'Which keys this database and its key file have, by number and fingerprint, never more. status: active (new values are sealed with it); in rotation (values may still need it: roughly_rotate_key has not finished); tokens (only sessions and mailed links that end at tokens_until need it); retired (nothing needs it, but backups of its time do); unknown (the file has it, the database has never used it). in_file is null, with a warning, when the file cannot be used.';

CREATE PROCEDURE roughly_rotate_key()
  AS 'MODULE_PATHNAME' LANGUAGE C;
COMMENT ON PROCEDURE roughly_rotate_key() IS
  'Makes the key file''s newest key the active one, adding one to the file when it has none newer, and seals anew what was sealed with an older key, in small transactions beside the traffic. A call that was interrupted is continued by the next. Sessions and mailed links keep their key until they end. Errors: 25001 inside a transaction block, 55P03 another call is under way, 58P01 and F0000 key file, XX001 some values do not open and still need an older key.';

CREATE FUNCTION roughly_check(OUT object text, OUT problem text) RETURNS SETOF record
  AS 'MODULE_PATHNAME' LANGUAGE C STABLE STRICT PARALLEL UNSAFE
  SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION roughly_check() IS
  'Opens everything that is sealed with a key of the server, counts every question again and compares what is published with it. A row for every problem, none when all is well; of one kind of value at most ten are named.';

CREATE FUNCTION roughly_status(OUT item text, OUT status text, OUT since timestamptz) RETURNS SETOF record
  AS 'MODULE_PATHNAME' LANGUAGE C STABLE STRICT PARALLEL UNSAFE
  SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION roughly_status() IS
  'For monitoring, every minute if you like: key file (ok, or what is wrong with it), rotation (ok, or not finished), mail (ok, or waiting, since when a mailer could have had it), and each question that the scheduler should have seen to: over, not closed; closed, not counted; frozen, not released. Tells nothing about ballots.';

ALTER FUNCTION roughly_key_status() OWNER TO roughly_owner;
ALTER PROCEDURE roughly_rotate_key() OWNER TO roughly_owner;
ALTER FUNCTION roughly_check() OWNER TO roughly_owner;
ALTER FUNCTION roughly_status() OWNER TO roughly_owner;
REVOKE ALL ON FUNCTION roughly_key_status(), roughly_check(), roughly_status() FROM PUBLIC;
REVOKE ALL ON PROCEDURE roughly_rotate_key() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION roughly_key_status(), roughly_check(), roughly_status() TO roughly_admin;
GRANT EXECUTE ON PROCEDURE roughly_rotate_key() TO roughly_admin;

-- Better words.
COMMENT ON FUNCTION roughly.export_my_data(jsonb) IS 'What roughly_export_my_data puts around the answers. Errors: RA001.';
COMMENT ON PROCEDURE roughly_publish_due() IS
  'roughly_publish for every question, one after the other; one that fails is named in a warning and does not keep the next from being counted. For a scheduler. Errors: 25001; at the end that of the first question that failed, such as XX001.';
