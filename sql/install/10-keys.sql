-- Which keys this database has been sealed with. The keys themselves are in the key file, never here.
CREATE TABLE roughly.keys (
  key_id      integer PRIMARY KEY CHECK (key_id BETWEEN 1 AND 65535),
  fingerprint text NOT NULL CHECK (fingerprint ~ '^[0-9a-f]{32}$'),
  active      boolean NOT NULL,
  created     timestamptz NOT NULL DEFAULT pg_catalog.now()
);
CREATE UNIQUE INDEX keys_one_active ON roughly.keys (active) WHERE active;
COMMENT ON TABLE roughly.keys IS 'numbers and fingerprints of the keys this database has been sealed with';
SELECT pg_catalog.pg_extension_config_dump('roughly.keys', '');

CREATE FUNCTION roughly.ensure_key_file() RETURNS void
  AS 'MODULE_PATHNAME', 'roughly_ensure_key_file' LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE
  SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION roughly.ensure_key_file() IS
  'Makes the key file when there is none and this database knows no key yet, and checks the one that is there. Superusers only. Errors: 58P01 missing, F0000 unusable.';
REVOKE ALL ON FUNCTION roughly.ensure_key_file() FROM PUBLIC;
SELECT roughly.ensure_key_file();
