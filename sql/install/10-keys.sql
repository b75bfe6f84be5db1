-- Which keys this database has been sealed with. The keys themselves are in the key file, never here.
CREATE TABLE roughly.keys (
  key_id      integer PRIMARY KEY CHECK (key_id BETWEEN 1 AND 65535),
  fingerprint text NOT NULL CHECK (fingerprint ~ '^[0-9a-f]{32}$'),
  active      boolean NOT NULL,
  created     timestamptz NOT NULL DEFAULT pg_catalog.now(),
  resealed    timestamptz,
  digest_keys bytea
);
CREATE UNIQUE INDEX keys_one_active ON roughly.keys (active) WHERE active;
COMMENT ON TABLE roughly.keys IS 'numbers and fingerprints of the keys this database has been sealed with';
COMMENT ON COLUMN roughly.keys.resealed IS 'since when nothing is sealed with this key any more; null: active, or its rotation has not finished';
COMMENT ON COLUMN roughly.keys.digest_keys IS 'what digests of its time were made with, sealed with the active key: they outlive it';
SELECT pg_catalog.pg_extension_config_dump('roughly.keys', '');

CREATE FUNCTION roughly.ensure_key_file() RETURNS void
  AS 'MODULE_PATHNAME', 'roughly_ensure_key_file' LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE
  SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION roughly.ensure_key_file() IS
  'Makes the key file when there is none and this database knows no key yet, and checks the one that is there. Superusers only. Errors: 58P01 missing, F0000 unusable.';
REVOKE ALL ON FUNCTION roughly.ensure_key_file() FROM PUBLIC;
SELECT roughly.ensure_key_file();

CREATE FUNCTION roughly_key_status(OUT key_id integer, OUT fingerprint text, OUT status text, OUT in_file boolean, OUT created timestamptz,
    OUT tokens_until timestamptz) RETURNS SETOF record
  AS 'MODULE_PATHNAME' LANGUAGE C STABLE STRICT PARALLEL UNSAFE
  SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION roughly_key_status() IS
  'Which keys this database and its key file have, by number and fingerprint, never more. status: active (new values are sealed with it); in rotation (values may still need it: roughly_rotate_key has not finished); tokens (only sessions and mailed links that end at tokens_until need it); retired (nothing needs it, but backups of its time do); unknown (the file has it, the database has never used it). in_file is null, with a warning, when the file cannot be used.';
