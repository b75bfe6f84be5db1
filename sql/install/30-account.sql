-- Accounts. Every id is a random UUID of version 4; version 7 would tell the time.
CREATE TABLE roughly.users (
  id               uuid PRIMARY KEY DEFAULT pg_catalog.gen_random_uuid(),
  email            text NOT NULL,
  email_normalized text NOT NULL UNIQUE,
  email_seal       bytea NOT NULL,
  hashed_password  bytea,
  password_changed_at timestamptz,
  confirmed_at     timestamptz,
  banned_until     timestamptz,
  votes_from       timestamptz NOT NULL DEFAULT '-infinity',
  vote_secret      bytea NOT NULL,
  inserted_at      timestamptz NOT NULL DEFAULT pg_catalog.now(),
  updated_at       timestamptz NOT NULL DEFAULT pg_catalog.now()
);
COMMENT ON TABLE roughly.users IS 'accounts; a person reads their own row';
COMMENT ON COLUMN roughly.users.email IS 'as typed';
COMMENT ON COLUMN roughly.users.email_normalized IS 'lower case, NFC';
COMMENT ON COLUMN roughly.users.email_seal IS 'binds the address to the account under the server''s key: an address changed by hand gets no mail';
COMMENT ON COLUMN roughly.users.hashed_password IS 'argon2id PHC string, sealed and bound to the user id; null: no password';
COMMENT ON COLUMN roughly.users.votes_from IS 'questions that opened before are barred: an earlier account of this address may have answered them';
COMMENT ON COLUMN roughly.users.vote_secret IS 'sealed; makes the person''s voter tags and opens their receipts';
SELECT pg_catalog.pg_extension_config_dump('roughly.users', '');

CREATE TABLE roughly.tombstones (
  email_digest bytea PRIMARY KEY
);
COMMENT ON TABLE roughly.tombstones IS 'keyed digests of addresses that accounts have left, so that nobody votes twice by registering again';
SELECT pg_catalog.pg_extension_config_dump('roughly.tombstones', '');

CREATE TABLE roughly.audit_log (
  id      uuid PRIMARY KEY DEFAULT pg_catalog.gen_random_uuid(),
  on_date date NOT NULL DEFAULT CURRENT_DATE,
  action  text NOT NULL,
  user_id uuid
);
COMMENT ON TABLE roughly.audit_log IS 'account events, dated by day so that they cannot time a vote';
CREATE INDEX audit_log_user_id ON roughly.audit_log (user_id);
SELECT pg_catalog.pg_extension_config_dump('roughly.audit_log', '');

CREATE FUNCTION roughly_admin_import_user(email text, hashed_password text DEFAULT NULL, confirmed_at timestamptz DEFAULT now())
  RETURNS uuid
  AS 'MODULE_PATHNAME' LANGUAGE C VOLATILE PARALLEL UNSAFE
  SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION roughly_admin_import_user(text, text, timestamptz) IS
  'Makes an account from another system; returns its id. hashed_password: argon2id (PHC), bcrypt or PBKDF2-SHA-2, renewed at the next log-in, or null for none. confirmed_at: when the address was proved, or null. Errors: 22023 malformed address or hash, 22001 address over 160 bytes, 23505 address taken.';

CREATE FUNCTION roughly_my_account(OUT user_id uuid, OUT email text, OUT confirmed_at timestamptz, OUT inserted_at timestamptz,
    OUT has_password boolean, OUT second_factor boolean)
  AS 'MODULE_PATHNAME' LANGUAGE C STABLE STRICT PARALLEL RESTRICTED
  SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION roughly_my_account() IS
  'The authenticated person''s account. Errors: RA001.';

CREATE FUNCTION roughly_delete_account(password text DEFAULT NULL) RETURNS text
  AS 'MODULE_PATHNAME' LANGUAGE C VOLATILE PARALLEL UNSAFE
  SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION roughly_delete_account(text) IS
  'Deletes the authenticated person''s account, sessions and profile for good. Their votes stay and nobody can link them any more; a keyed digest of the address keeps a later account of it from answering the questions of before. Returns ok, invalid_credentials, throttled or busy. Errors: RA001, RA003.';

CREATE FUNCTION roughly_admin_delete_user("user" uuid) RETURNS void
  AS 'MODULE_PATHNAME' LANGUAGE C VOLATILE PARALLEL UNSAFE
  SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION roughly_admin_delete_user(uuid) IS
  'roughly_delete_account for somebody else. Errors: 42704 unknown account.';

CREATE FUNCTION roughly_request_email_change(new_email text) RETURNS text
  AS 'MODULE_PATHNAME' LANGUAGE C VOLATILE PARALLEL UNSAFE
  SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION roughly_request_email_change(text) IS
  'Mails a link of 24 hours to the new address and a notice to the old one. Returns check_email or invalid_email. Errors: RA001, RA003 not proved within 10 minutes.';

CREATE FUNCTION roughly_change_email(token text) RETURNS text
  AS 'MODULE_PATHNAME' LANGUAGE C VOLATILE PARALLEL UNSAFE
  SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION roughly_change_email(text) IS
  'Moves the account to the address the link was mailed to; every other mailed token of the account ends. Returns ok or invalid.';
