-- Passwords: argon2id PHC strings, for what keeps passwords outside roughly.users or imports them.
CREATE FUNCTION roughly_hash_password(password text) RETURNS text
  AS 'MODULE_PATHNAME' LANGUAGE C VOLATILE STRICT PARALLEL SAFE
  SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION roughly_hash_password(text) IS
  'argon2id hash of a password of 1 to 1024 bytes, as a PHC string with a fresh salt. Cost: roughly_auth.argon2_memory and argon2_passes. Errors: 22023 empty, 22001 too long.';

CREATE FUNCTION roughly_verify_password(password text, hash text) RETURNS boolean
  AS 'MODULE_PATHNAME' LANGUAGE C VOLATILE STRICT PARALLEL SAFE
  SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION roughly_verify_password(text, text) IS
  'Whether a hash (argon2id PHC, bcrypt, PBKDF2-SHA-2) was made from this password. Errors: 22023 when the hash is malformed or asks for more than 256 MiB, 10 passes, 16 lanes, bcrypt cost 14 or 2000000 rounds; nothing is computed then.';

CREATE FUNCTION roughly_password_needs_rehash(hash text) RETURNS boolean
  AS 'MODULE_PATHNAME' LANGUAGE C STABLE STRICT PARALLEL SAFE
  SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION roughly_password_needs_rehash(text) IS
  'Whether a hash is not argon2id, or was made with less memory or fewer passes than the settings ask for. Errors: 22023 as roughly_verify_password.';
