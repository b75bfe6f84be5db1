-- Accounts. Every id is a random UUID of version 4; version 7 would tell the time.
CREATE TABLE roughly.users (
  id               uuid PRIMARY KEY DEFAULT pg_catalog.gen_random_uuid(),
  email            text NOT NULL,
  email_normalized text NOT NULL UNIQUE,
  hashed_password  bytea,
  confirmed_at     timestamptz,
  vote_secret      bytea NOT NULL,
  inserted_at      timestamptz NOT NULL DEFAULT pg_catalog.now(),
  updated_at       timestamptz NOT NULL DEFAULT pg_catalog.now()
);
COMMENT ON TABLE roughly.users IS 'accounts; a person reads their own row';
COMMENT ON COLUMN roughly.users.email IS 'as typed';
COMMENT ON COLUMN roughly.users.email_normalized IS 'lower case, NFC';
COMMENT ON COLUMN roughly.users.hashed_password IS 'argon2id PHC string, sealed and bound to the user id; null: no password';
COMMENT ON COLUMN roughly.users.vote_secret IS 'sealed; makes the person''s voter tags and opens their receipts';
ALTER TABLE roughly.users
  ALTER email SET STATISTICS 0, ALTER email_normalized SET STATISTICS 0,
  ALTER hashed_password SET STATISTICS 0, ALTER vote_secret SET STATISTICS 0;
SELECT pg_catalog.pg_extension_config_dump('roughly.users', '');

CREATE FUNCTION roughly_admin_import_user(email text, hashed_password text DEFAULT NULL, confirmed_at timestamptz DEFAULT now())
  RETURNS uuid
  AS 'MODULE_PATHNAME' LANGUAGE C VOLATILE PARALLEL UNSAFE
  SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION roughly_admin_import_user(text, text, timestamptz) IS
  'Makes an account from another system; returns its id. hashed_password: an argon2id PHC string, or null for none. confirmed_at: when the address was proved, or null. Errors: 22023 malformed address or hash, 22001 address over 160 bytes, 23505 address taken.';
