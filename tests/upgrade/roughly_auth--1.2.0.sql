\echo Use "CREATE EXTENSION roughly_auth" to load this file. \quit

-- Where we may live, and who we are.
DO $$
DECLARE
  problem text;
BEGIN
  IF '@extschema@' = 'roughly' THEN
    RAISE EXCEPTION 'roughly_auth cannot be installed in schema "roughly"'
      USING ERRCODE = 'invalid_schema_name',
            HINT = 'That schema holds the closed tables and is made by the extension. Choose another for its functions, such as public.';
  END IF;
  IF pg_catalog.getdatabaseencoding() <> 'UTF8' THEN
    RAISE EXCEPTION 'roughly_auth needs a database with encoding UTF8, not %', pg_catalog.getdatabaseencoding()
      USING ERRCODE = 'feature_not_supported';
  END IF;

  SELECT CASE
      WHEN r.rolsuper OR r.rolbypassrls OR r.rolcreaterole OR r.rolcreatedb OR r.rolreplication
        OR (r.rolcanlogin AND NOT EXISTS (SELECT FROM pg_catalog.pg_extension WHERE extname = 'citus')) -- a node of a cluster: roughly_distribute
        THEN 'it has attributes that an owner of sealed tables must not have'
      WHEN EXISTS (SELECT FROM pg_catalog.pg_auth_members m WHERE m.roleid = r.oid)
        THEN 'it has members, who could act as the owner'
      WHEN EXISTS (SELECT FROM pg_catalog.pg_auth_members m WHERE m.member = r.oid)
        THEN 'it is a member of another role'
    END INTO problem
    FROM pg_catalog.pg_roles r WHERE r.rolname = 'roughly_owner';
  IF problem IS NOT NULL THEN
    RAISE EXCEPTION 'role "roughly_owner" exists and cannot be used: %', problem
      USING ERRCODE = 'invalid_role_specification',
            HINT = 'It must be NOLOGIN, without any attribute, member or membership. Rename the existing role or mend it.';
  END IF;
END $$;

-- Roles belong to the whole cluster: made when missing, never dropped.
DO $$
DECLARE
  name text;
BEGIN
  FOREACH name IN ARRAY ARRAY['roughly_owner', 'roughly_app', 'roughly_admin', 'roughly_mailer'] LOOP
    IF NOT EXISTS (SELECT FROM pg_catalog.pg_roles WHERE rolname = name) THEN
      EXECUTE pg_catalog.format('CREATE ROLE %I NOLOGIN', name);
    END IF;
  END LOOP;
END $$;

-- Ours alone, hence no IF NOT EXISTS.
CREATE SCHEMA roughly AUTHORIZATION roughly_owner;
REVOKE ALL ON SCHEMA roughly FROM PUBLIC;
GRANT USAGE ON SCHEMA roughly TO roughly_app;
COMMENT ON SCHEMA roughly IS 'roughly_auth: accounts and sealed votes, closed; use the functions';
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
-- Sessions, and who is acting in a transaction.
CREATE TABLE roughly.user_tokens (
  id               uuid PRIMARY KEY DEFAULT pg_catalog.gen_random_uuid(),
  user_id          uuid NOT NULL REFERENCES roughly.users ON DELETE CASCADE,
  context          text NOT NULL
    CHECK (context IN ('session', 'confirm', 'login', 'reset_password', 'change_email', 'reauthenticate', 'second_factor')),
  key_id           integer NOT NULL,
  token_digest     bytea NOT NULL,
  previous_digest  bytea,
  rotated_at       timestamptz,
  authenticated_at timestamptz NOT NULL DEFAULT pg_catalog.now(),
  aal              smallint NOT NULL DEFAULT 1 CHECK (aal IN (1, 2)),
  sent_to          text,
  inserted_at      timestamptz NOT NULL DEFAULT pg_catalog.now(),
  last_used_on     date,
  expires_at       timestamptz NOT NULL,
  not_after        timestamptz,
  user_agent       text,
  ip_prefix        cidr
);
CREATE INDEX user_tokens_user_id ON roughly.user_tokens (user_id, context);
CREATE UNIQUE INDEX user_tokens_one_per_context ON roughly.user_tokens (user_id, context) WHERE context <> 'session';
COMMENT ON COLUMN roughly.user_tokens.previous_digest IS 'session: the token before the last re-issue, accepted for a minute';
COMMENT ON COLUMN roughly.user_tokens.sent_to IS 'mailed tokens: the address they were sent to';
COMMENT ON TABLE roughly.user_tokens IS 'keyed digests of tokens, bound to user and context; the tokens themselves are nowhere';
COMMENT ON COLUMN roughly.user_tokens.ip_prefix IS 'network of the log-in: /24 or /48';
SELECT pg_catalog.pg_extension_config_dump('roughly.user_tokens', '');

CREATE TABLE roughly.login_failures (
  email_digest    bytea PRIMARY KEY,
  failures        integer NOT NULL,
  throttled_until timestamptz,
  inserted_at     timestamptz NOT NULL DEFAULT pg_catalog.now()
);
COMMENT ON TABLE roughly.login_failures IS 'failed log-ins in a row by keyed digest of the address, whether it has an account or not';
SELECT pg_catalog.pg_extension_config_dump('roughly.login_failures', '');

-- Clocks of the throttle: sequences, because a rolled back attempt must count. Not dumped on purpose. Made by their owner,
-- since giving all of them away afterwards takes longer.
DO $$
BEGIN
  SET LOCAL ROLE roughly_owner;
  FOR n IN 0..255 LOOP
    EXECUTE pg_catalog.format('CREATE SEQUENCE roughly.throttle_%s', n);
  END LOOP;
  RESET ROLE;
END $$;

CREATE FUNCTION roughly_log_in(email text, password text, user_agent text DEFAULT NULL, ip inet DEFAULT NULL,
    OUT status text, OUT session_token text, OUT session_id uuid, OUT user_id uuid, OUT expires_at timestamptz, OUT retry_after interval)
  AS 'MODULE_PATHNAME' LANGUAGE C VOLATILE PARALLEL UNSAFE
  SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION roughly_log_in(text, text, text, inet) IS
  'Opens a session of 14 days. status: ok; mfa_required (session_token then is for roughly_log_in_with_code, 5 minutes); banned; invalid_credentials, the same and after the same work whether the address is unknown, the password is wrong or there is none; throttled (retry_after); busy. The token is shown once. Never raises for bad credentials.';

-- A procedure that commits cannot have a search_path of its own; it pins it inside.
CREATE PROCEDURE roughly_log_in_committed(email text, password text, user_agent text DEFAULT NULL, ip inet DEFAULT NULL,
    INOUT status text DEFAULT NULL, INOUT session_token text DEFAULT NULL, INOUT session_id uuid DEFAULT NULL, INOUT user_id uuid DEFAULT NULL,
    INOUT expires_at timestamptz DEFAULT NULL, INOUT retry_after interval DEFAULT NULL)
  AS 'MODULE_PATHNAME' LANGUAGE C;
COMMENT ON PROCEDURE roughly_log_in_committed(text, text, text, inet, text, text, uuid, uuid, timestamptz, interval) IS
  'roughly_log_in for callers who might roll back: the attempt is committed before the password is looked at. Errors: 25001 inside a transaction block.';

-- Called all the time, so they do without SET search_path: they look nothing up by it (docs/architecture.md).
CREATE FUNCTION roughly_authenticate(session_token text, OUT user_id uuid, OUT session_id uuid, OUT authenticated_at timestamptz,
    OUT expires_at timestamptz, OUT aal smallint, OUT reissue boolean)
  AS 'MODULE_PATHNAME' LANGUAGE C VOLATILE PARALLEL UNSAFE;
COMMENT ON FUNCTION roughly_authenticate(text) IS
  'Makes the session''s user the one who acts, until the transaction ends or the savepoint is rolled back. Nulls when the token is not a live session. reissue: time to call roughly_reissue_session. Writes nothing. Errors: RA002 when another session is authenticated in this transaction, 0A000 in a connection between Citus nodes.';

CREATE FUNCTION roughly_reissue_session(session_token text, OUT new_token text, OUT expires_at timestamptz)
  AS 'MODULE_PATHNAME' LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE
  SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION roughly_reissue_session(text) IS
  'A new token for the session, prolonged up to 30 days from log-in; the old one serves one minute more. Nulls when the token is not the session''s newest; a replaced token used after its minute ends the session.';

CREATE FUNCTION roughly_current_user() RETURNS uuid
  AS 'MODULE_PATHNAME' LANGUAGE C STABLE STRICT PARALLEL RESTRICTED;
COMMENT ON FUNCTION roughly_current_user() IS
  'Who is authenticated in this transaction, or null. In a policy compare with it as it is: EXPLAIN would tell other rows from a (SELECT roughly_current_user()).';

CREATE FUNCTION roughly_current_session() RETURNS uuid
  AS 'MODULE_PATHNAME' LANGUAGE C STABLE STRICT PARALLEL RESTRICTED;
COMMENT ON FUNCTION roughly_current_session() IS
  'Id of the session that is authenticated in this transaction, or null.';

CREATE FUNCTION roughly_require_sudo(max_age interval DEFAULT '10 minutes') RETURNS uuid
  AS 'MODULE_PATHNAME' LANGUAGE C STABLE PARALLEL RESTRICTED
  SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION roughly_require_sudo(interval) IS
  'Who is authenticated, if they proved themselves at most that long ago. Errors: RA001, RA003.';

CREATE FUNCTION roughly_require_user() RETURNS uuid
  AS 'MODULE_PATHNAME' LANGUAGE C STABLE STRICT PARALLEL RESTRICTED;
COMMENT ON FUNCTION roughly_require_user() IS
  'Who is authenticated in this transaction. Errors: RA001 nobody is.';

CREATE FUNCTION roughly_sign_out_of_transaction() RETURNS void
  AS 'MODULE_PATHNAME' LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE
  SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION roughly_sign_out_of_transaction() IS
  'From here on nobody is authenticated in this transaction. The session goes on.';

CREATE FUNCTION roughly_log_out(session_token text) RETURNS void
  AS 'MODULE_PATHNAME' LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE
  SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION roughly_log_out(text) IS
  'Ends the session. Says nothing about whether there was one.';

CREATE FUNCTION roughly_log_out_everywhere(keep_current boolean DEFAULT false) RETURNS uuid[]
  AS 'MODULE_PATHNAME' LANGUAGE C VOLATILE PARALLEL UNSAFE
  SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION roughly_log_out_everywhere(boolean) IS
  'Ends all sessions of the authenticated person, or all but this one, and every mailed token. Returns the ended sessions. Errors: RA001.';

CREATE FUNCTION roughly_my_sessions(OUT session_id uuid, OUT current boolean, OUT aal smallint, OUT started_on date, OUT last_used_on date,
    OUT expires_at timestamptz, OUT user_agent text, OUT network text) RETURNS SETOF record
  AS 'MODULE_PATHNAME' LANGUAGE C STABLE STRICT PARALLEL RESTRICTED
  SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION roughly_my_sessions() IS
  'The authenticated person''s live sessions. Errors: RA001.';

CREATE FUNCTION roughly_revoke_session(session_id uuid) RETURNS boolean
  AS 'MODULE_PATHNAME' LANGUAGE C VOLATILE PARALLEL UNSAFE
  SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION roughly_revoke_session(uuid) IS
  'Ends one of the authenticated person''s sessions; false when it is not theirs or gone. Errors: RA001.';
-- Mail leaves through a sealed outbox: the application never sees a token, nor learns whether an address has an account.
CREATE TABLE roughly.mail_outbox (
  id           uuid PRIMARY KEY,
  sealed       bytea NOT NULL,
  attempts     integer NOT NULL DEFAULT 0,
  locked_until timestamptz NOT NULL DEFAULT pg_catalog.now()
);
COMMENT ON TABLE roughly.mail_outbox IS 'sealed mail orders, all of one length; accounts and tokens come into being when they are dequeued';
CREATE INDEX mail_outbox_locked_until ON roughly.mail_outbox (locked_until);
ALTER TABLE roughly.mail_outbox ALTER sealed SET STORAGE EXTERNAL;
SELECT pg_catalog.pg_extension_config_dump('roughly.mail_outbox', '');

CREATE FUNCTION roughly_dequeue_mail(batch integer DEFAULT 10, OUT id uuid, OUT kind text, OUT recipient text, OUT token text, OUT expires_at timestamptz)
  RETURNS SETOF record
  AS 'MODULE_PATHNAME' LANGUAGE C VOLATILE PARALLEL UNSAFE
  SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION roughly_dequeue_mail(integer) IS
  'The next mails to send, at least once each: what is not reported by roughly_mail_sent comes again after 1, 2, 4 ... 64 minutes with a fresh token, ten times. kind: confirm, someone_tried, magic_link, reset_password, change_email, reauthenticate with a token; email_change_requested, email_changed, password_changed are notices. Where the file <key_file>.mailer holds the mailer''s public key (64 hexadecimal digits), the token is a crypto_box_seal for it, as base64url, so that nobody else can use it. Errors: 22023 batch not from 1 to 1000.';

CREATE FUNCTION roughly_mail_sent(id uuid) RETURNS void
  AS 'MODULE_PATHNAME' LANGUAGE C VOLATILE PARALLEL UNSAFE
  SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION roughly_mail_sent(uuid) IS
  'Takes a mail out of the outbox.';
CREATE FUNCTION roughly_register_user(email text, password text DEFAULT NULL, OUT status text, OUT reasons text[])
  AS 'MODULE_PATHNAME' LANGUAGE C VOLATILE PARALLEL UNSAFE
  SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION roughly_register_user(text, text) IS
  'Asks for an account; the mailer makes it and sends the link of 7 days that confirms it. status: check_email, whether the address is new or known (its owner is told that someone tried); weak_password with reasons too_short, too_long, too_obvious, common; invalid_email; busy.';

CREATE FUNCTION roughly_confirm_user(token text, password text DEFAULT NULL, OUT status text, OUT user_id uuid)
  AS 'MODULE_PATHNAME' LANGUAGE C VOLATILE PARALLEL UNSAFE
  SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION roughly_confirm_user(text, text) IS
  'Proves the address. A password chosen at registration is kept only when it is given again, since somebody else may have registered the address; without it a second factor and a profile set up before go too. All tokens of the account end. status: ok, invalid, invalid_credentials (the link stays good), throttled, busy.';

CREATE FUNCTION roughly_request_magic_link(email text) RETURNS void
  AS 'MODULE_PATHNAME' LANGUAGE C VOLATILE PARALLEL UNSAFE
  SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION roughly_request_magic_link(text) IS
  'Asks for a link of 15 minutes that logs in. The same for every address.';

CREATE FUNCTION roughly_log_in_with_magic_link(token text, user_agent text DEFAULT NULL, ip inet DEFAULT NULL,
    OUT status text, OUT session_token text, OUT session_id uuid, OUT user_id uuid, OUT expires_at timestamptz, OUT retry_after interval)
  AS 'MODULE_PATHNAME' LANGUAGE C VOLATILE PARALLEL UNSAFE
  SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION roughly_log_in_with_magic_link(text, text, inet) IS
  'Opens a session, once per link; it also confirms an address that was not, dropping a password nobody has proved. status as roughly_log_in.';
CREATE TABLE roughly.password_blocklist (digest bytea PRIMARY KEY);
COMMENT ON TABLE roughly.password_blocklist IS 'digests of common passwords that are not accepted';
SELECT pg_catalog.pg_extension_config_dump('roughly.password_blocklist', '');

CREATE FUNCTION roughly_change_password(current_password text, new_password text,
    OUT status text, OUT reasons text[], OUT session_token text, OUT revoked uuid[])
  AS 'MODULE_PATHNAME' LANGUAGE C VOLATILE PARALLEL UNSAFE
  SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION roughly_change_password(text, text) IS
  'Sets a new password, ends every other session and token of the person and gives this one a new token. current_password may be null for an account without one. status: ok, invalid_credentials, weak_password with reasons, throttled, busy. Errors: RA001, RA003.';

CREATE FUNCTION roughly_request_password_reset(email text) RETURNS void
  AS 'MODULE_PATHNAME' LANGUAGE C VOLATILE PARALLEL UNSAFE
  SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION roughly_request_password_reset(text) IS
  'Asks for a link of one hour that sets a new password. The same for every address.';

CREATE FUNCTION roughly_reset_password(token text, new_password text, OUT status text, OUT reasons text[], OUT session_token text, OUT revoked uuid[])
  AS 'MODULE_PATHNAME' LANGUAGE C VOLATILE PARALLEL UNSAFE
  SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION roughly_reset_password(text, text) IS
  'Sets a new password by the mailed link, confirms the address, ends all sessions and tokens and lifts the lock after too many failures. A second factor stays; nobody is logged in (session_token is null). status: ok, invalid, weak_password with reasons, busy (the link stays good after both).';

CREATE FUNCTION roughly_reauthenticate(password text, OUT status text, OUT session_token text)
  AS 'MODULE_PATHNAME' LANGUAGE C VOLATILE PARALLEL UNSAFE
  SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION roughly_reauthenticate(text) IS
  'Proves the authenticated person once more ("sudo", 10 minutes) and gives the session a new token; authenticate with that from here on. status: ok, invalid_credentials, throttled, busy. Errors: RA001.';

CREATE FUNCTION roughly_request_reauthentication() RETURNS void
  AS 'MODULE_PATHNAME' LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE
  SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION roughly_request_reauthentication() IS
  'Mails the authenticated person a code of 10 minutes for roughly_reauthenticate_with_code. Errors: RA001.';

CREATE FUNCTION roughly_reauthenticate_with_code(code text, OUT status text, OUT session_token text)
  AS 'MODULE_PATHNAME' LANGUAGE C VOLATILE PARALLEL UNSAFE
  SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION roughly_reauthenticate_with_code(text) IS
  'roughly_reauthenticate by a mailed code, once. Errors: RA001.';
-- One-time codes (RFC 6238) as a second factor, and codes to get in without the device.
CREATE TABLE roughly.mfa_factors (
  id             uuid PRIMARY KEY,
  user_id        uuid NOT NULL UNIQUE REFERENCES roughly.users ON DELETE CASCADE,
  sealed         bytea NOT NULL,
  verified       boolean NOT NULL DEFAULT false,
  last_used_step bigint NOT NULL DEFAULT 0,
  inserted_at    timestamptz NOT NULL DEFAULT pg_catalog.now()
);
COMMENT ON TABLE roughly.mfa_factors IS 'sealed secrets of authenticator apps';
COMMENT ON COLUMN roughly.mfa_factors.last_used_step IS 'a code serves once';
SELECT pg_catalog.pg_extension_config_dump('roughly.mfa_factors', '');

CREATE TABLE roughly.recovery_codes (
  user_id     uuid NOT NULL REFERENCES roughly.users ON DELETE CASCADE,
  code_digest bytea NOT NULL,
  PRIMARY KEY (user_id, code_digest)
);
COMMENT ON TABLE roughly.recovery_codes IS 'keyed digests of unused recovery codes';
SELECT pg_catalog.pg_extension_config_dump('roughly.recovery_codes', '');

CREATE FUNCTION roughly_enroll_totp(OUT secret text, OUT uri text)
  AS 'MODULE_PATHNAME' LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE
  SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION roughly_enroll_totp() IS
  'A new secret for an authenticator app, shown once, as base32 and as an address for a QR code; it counts after roughly_verify_totp. Errors: RA001, RA003, 23505 there is a second factor already.';

CREATE FUNCTION roughly_verify_totp(code text, OUT status text, OUT recovery_codes text[])
  AS 'MODULE_PATHNAME' LANGUAGE C VOLATILE PARALLEL UNSAFE
  SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION roughly_verify_totp(text) IS
  'Completes the enrolment with the app''s first code; returns ten recovery codes, shown once. From here on log-ins need a code. status: ok, invalid_credentials. Errors: RA001.';

CREATE FUNCTION roughly_remove_totp() RETURNS boolean
  AS 'MODULE_PATHNAME' LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE
  SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION roughly_remove_totp() IS
  'Removes the second factor and the recovery codes. Errors: RA001, RA003.';

CREATE FUNCTION roughly_log_in_with_code(token text, code text, user_agent text DEFAULT NULL, ip inet DEFAULT NULL,
    OUT status text, OUT session_token text, OUT session_id uuid, OUT user_id uuid, OUT expires_at timestamptz, OUT retry_after interval)
  AS 'MODULE_PATHNAME' LANGUAGE C VOLATILE PARALLEL UNSAFE
  SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION roughly_log_in_with_code(text, text, text, inet) IS
  'Completes a log-in that answered mfa_required, with a code of the app or a recovery code, each good once. The session lasts a day and has aal 2. status: ok, invalid_credentials, throttled.';
CREATE FUNCTION roughly_admin_ban("user" uuid, until timestamptz DEFAULT 'infinity') RETURNS void
  AS 'MODULE_PATHNAME' LANGUAGE C VOLATILE PARALLEL UNSAFE
  SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION roughly_admin_ban(uuid, timestamptz) IS
  'Ends the account''s sessions and refuses new ones until then; told only after a right password. Errors: 42704 unknown account.';

CREATE FUNCTION roughly_admin_unban("user" uuid) RETURNS void
  AS 'MODULE_PATHNAME' LANGUAGE C VOLATILE PARALLEL UNSAFE
  SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION roughly_admin_unban(uuid) IS 'Lifts a ban. Errors: 42704.';

CREATE FUNCTION roughly_admin_revoke_sessions("user" uuid) RETURNS integer
  AS 'MODULE_PATHNAME' LANGUAGE C VOLATILE PARALLEL UNSAFE
  SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION roughly_admin_revoke_sessions(uuid) IS 'Ends all sessions and tokens of an account; how many sessions. Errors: 42704.';

CREATE FUNCTION roughly_admin_unlock("user" uuid) RETURNS void
  AS 'MODULE_PATHNAME' LANGUAGE C VOLATILE PARALLEL UNSAFE
  SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION roughly_admin_unlock(uuid) IS 'Forgets the account''s failed log-ins. Errors: 42704.';

CREATE FUNCTION roughly_admin_block_passwords(passwords text[]) RETURNS bigint
  AS 'MODULE_PATHNAME' LANGUAGE C VOLATILE PARALLEL UNSAFE
  SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION roughly_admin_block_passwords(text[]) IS
  'Adds to the list of common passwords that are not accepted, whatever the case of their ASCII letters; how many were new.';

CREATE FUNCTION roughly_purge_expired(batch integer DEFAULT 1000) RETURNS bigint
  AS 'MODULE_PATHNAME' LANGUAGE C VOLATILE PARALLEL UNSAFE
  SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION roughly_purge_expired(integer) IS
  'Deletes expired tokens, old failure counters and accounts whose address was never proved in 7 days, up to that many each; how many in all. For a scheduler: repeat until 0. Errors: 22023.';

CREATE FUNCTION roughly_audit("user" uuid DEFAULT NULL, OUT on_date date, OUT action text, OUT user_id uuid) RETURNS SETOF record
  AS 'MODULE_PATHNAME' LANGUAGE C STABLE PARALLEL RESTRICTED
  SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION roughly_audit(uuid) IS 'Account events, of one account or of all, by day.';
-- Profiles, and the dimensions made from them.
CREATE TABLE roughly.user_profiles (
  id              uuid PRIMARY KEY DEFAULT pg_catalog.gen_random_uuid(),
  user_id         uuid NOT NULL UNIQUE DEFAULT @extschema@.roughly_current_user() REFERENCES roughly.users ON DELETE CASCADE,
  birth_year      integer CHECK (birth_year BETWEEN 1900 AND 2100),
  country         text CHECK (pg_catalog.octet_length(country) BETWEEN 1 AND 100),
  region          text CHECK (pg_catalog.octet_length(region) BETWEEN 1 AND 100),
  gender          text CHECK (pg_catalog.octet_length(gender) BETWEEN 1 AND 100),
  education_level text CHECK (pg_catalog.octet_length(education_level) BETWEEN 1 AND 100),
  income_bracket  text CHECK (pg_catalog.octet_length(income_bracket) BETWEEN 1 AND 100),
  extra           jsonb NOT NULL DEFAULT '{}'
    CHECK (pg_catalog.jsonb_typeof(extra) = 'object' AND pg_catalog.octet_length(extra::text) <= 8192),
  inserted_at     timestamptz NOT NULL DEFAULT pg_catalog.now(),
  updated_at      timestamptz NOT NULL DEFAULT pg_catalog.now()
);
COMMENT ON TABLE roughly.user_profiles IS 'demographics; a person reads and writes their own row';
COMMENT ON COLUMN roughly.user_profiles.extra IS 'further values by key, for dimensions with source extra.KEY';
SELECT pg_catalog.pg_extension_config_dump('roughly.user_profiles', '');

CREATE TABLE roughly.dimensions (
  name       text PRIMARY KEY,
  source     text NOT NULL,
  kind       text NOT NULL CHECK (kind IN ('categories', 'bands', 'codes')),
  categories text[] CHECK ((categories IS NOT NULL) = (kind = 'categories')),
  edges      bigint[] CHECK ((edges IS NOT NULL) = (kind = 'bands')),
  label      text NOT NULL,
  builtin    boolean NOT NULL DEFAULT false
);
COMMENT ON TABLE roughly.dimensions IS 'coarse demographics; a question freezes the ones it uses';
COMMENT ON COLUMN roughly.dimensions.edges IS 'bands: lower bounds of all bands but the first, ascending';
SELECT pg_catalog.pg_extension_config_dump('roughly.dimensions', 'WHERE NOT builtin');

INSERT INTO roughly.dimensions (name, source, kind, categories, edges, label, builtin) VALUES
  ('age_band', 'age', 'bands', NULL, '{18,25,35,45,55,65}', 'age', true),
  ('country', 'country', 'codes', NULL, NULL, 'country (ISO 3166-1 alpha-2)', true),
  ('region', 'region', 'codes', NULL, NULL, 'region (ISO 3166-2)', true),
  ('gender', 'gender', 'categories', '{female,male,non_binary,other}', NULL, 'gender', true),
  ('education_level', 'education_level', 'categories',
    '{none,primary,lower_secondary,upper_secondary,post_secondary,bachelor,master,doctorate}', NULL, 'highest education', true),
  ('income_bracket', 'income_bracket', 'categories', '{lowest,low,middle,high,highest}', NULL, 'income, fifths of the population', true),
  ('answer_quality', 'answers', 'categories', '{low,medium,high}', NULL, 'pattern of earlier answers', true);

CREATE FUNCTION roughly_set_profile(profile jsonb) RETURNS void
  AS 'MODULE_PATHNAME' LANGUAGE C VOLATILE PARALLEL UNSAFE
  SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION roughly_set_profile(jsonb) IS
  'Changes one''s own profile. A key that is absent stays, a null is cleared; keys: birth_year, country, region, gender, education_level, income_bracket, extra (an object). Errors: RA001, 22023 unknown key, or a value that is not a category (the hint lists them), 25001 after a vote in the same transaction.';

CREATE FUNCTION roughly.may_write_account() RETURNS boolean
  AS 'MODULE_PATHNAME', 'roughly_may_write_account' LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE
  SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION roughly.may_write_account() IS
  'True, unless this transaction has cast a vote (25001): rows written together could be linked. For policies.';

CREATE FUNCTION roughly_add_dimension(name text, source text, categories text[] DEFAULT NULL, edges bigint[] DEFAULT NULL, label text DEFAULT NULL)
  RETURNS void
  AS 'MODULE_PATHNAME' LANGUAGE C VOLATILE PARALLEL UNSAFE
  SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION roughly_add_dimension(text, text, text[], bigint[], text) IS
  'Defines a dimension for later questions. source: age, a profile column, or extra.KEY. categories: 1 to 254 of up to 100 bytes; or edges: bands of a whole number; or neither: short codes of up to 16 bytes. Errors: 22023, 23505 the name is taken.';

CREATE FUNCTION roughly_dimensions(OUT name text, OUT source text, OUT kind text, OUT categories text[], OUT label text) RETURNS SETOF record
  AS 'MODULE_PATHNAME' LANGUAGE C STABLE STRICT PARALLEL RESTRICTED
  SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION roughly_dimensions() IS
  'The dimensions questions can use, with their categories (null for codes). Everybody may also be "not stated".';

CREATE FUNCTION roughly_my_snapshot(question uuid, OUT dimension text, OUT category text) RETURNS SETOF record
  AS 'MODULE_PATHNAME' LANGUAGE C STABLE PARALLEL RESTRICTED
  SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION roughly_my_snapshot(uuid) IS
  'The categories that a vote cast now would carry. Errors: RA001, 42704 unknown question, 22023 a profile value the question does not know.';
-- Questions and everything counted for them. One group by question: every key holds the question's id, no sequence, no
-- trigger, no reference to accounts.
CREATE TABLE roughly.questions (
  id                uuid PRIMARY KEY,
  prompt            text NOT NULL,
  choices           text[] NOT NULL,
  dimensions        bytea NOT NULL,
  k                 integer NOT NULL CHECK (k >= 2),
  max_rank          integer NOT NULL,
  min_batch         integer NOT NULL CHECK (min_batch >= k),
  growth            double precision NOT NULL,
  max_wait          interval,
  max_dims          integer NOT NULL,
  require_confirmed boolean NOT NULL,
  min_account_age   interval NOT NULL,
  epsilon           double precision CHECK (epsilon BETWEEN 0.1 AND 10),
  receipts          text NOT NULL CHECK (receipts IN ('truth', 'sent', 'none')),
  witness_account_age interval NOT NULL,
  witness_daily_votes integer,
  opens_at          timestamptz NOT NULL,
  closes_at         timestamptz,
  state             text NOT NULL DEFAULT 'open' CHECK (state IN ('open', 'closed', 'counted')),
  batch             integer NOT NULL DEFAULT 0,
  release           integer NOT NULL DEFAULT 0 CHECK (release BETWEEN 0 AND batch),
  released_at       timestamptz,
  policy_seal       bytea NOT NULL,
  inserted_at       timestamptz NOT NULL DEFAULT pg_catalog.now()
);
COMMENT ON TABLE roughly.questions IS 'questions; their policy and definitions never change';
COMMENT ON COLUMN roughly.questions.dimensions IS 'packed definitions, frozen when the question was created';
COMMENT ON COLUMN roughly.questions.policy_seal IS 'choices, dimensions and policy under the question key, so that nobody can change them';
COMMENT ON COLUMN roughly.questions.batch IS 'the last frozen batch';
COMMENT ON COLUMN roughly.questions.release IS 'the last released batch';
SELECT pg_catalog.pg_extension_config_dump('roughly.questions', '');

CREATE TABLE roughly.votes (
  question_id uuid NOT NULL,
  voter_tag   uuid NOT NULL,
  receipt     bytea NOT NULL,
  PRIMARY KEY (question_id, voter_tag)
);
COMMENT ON TABLE roughly.votes IS 'who has voted, as tags only their own secret can make, with receipts only it can open';
ALTER TABLE roughly.votes ALTER receipt SET STORAGE PLAIN;
SELECT pg_catalog.pg_extension_config_dump('roughly.votes', '');

CREATE TABLE roughly.ballots (
  question_id uuid NOT NULL,
  id          uuid NOT NULL,
  sealed      bytea NOT NULL,
  PRIMARY KEY (question_id, id)
);
COMMENT ON TABLE roughly.ballots IS 'sealed choice and snapshot, without any link to the voter, waiting to be counted';
ALTER TABLE roughly.ballots ALTER sealed SET STORAGE PLAIN;
SELECT pg_catalog.pg_extension_config_dump('roughly.ballots', '');

CREATE TABLE roughly.batches (
  question_id uuid NOT NULL REFERENCES roughly.questions,
  batch_no    integer NOT NULL,
  block_no    integer NOT NULL,
  blocks      integer NOT NULL,
  sealed      bytea NOT NULL,
  PRIMARY KEY (question_id, batch_no, block_no)
);
COMMENT ON TABLE roughly.batches IS 'ballots frozen together: shuffled, sealed again in blocks; kept for roughly_recount';
ALTER TABLE roughly.batches ALTER sealed SET STORAGE EXTERNAL;
SELECT pg_catalog.pg_extension_config_dump('roughly.batches', '');

CREATE TABLE roughly.tallies (
  question_id uuid PRIMARY KEY REFERENCES roughly.questions,
  sealed      bytea NOT NULL
);
COMMENT ON TABLE roughly.tallies IS 'sealed cumulative counts, bound to the release number';
ALTER TABLE roughly.tallies ALTER sealed SET STORAGE EXTERNAL;
SELECT pg_catalog.pg_extension_config_dump('roughly.tallies', '');

CREATE TABLE roughly.releases (
  question_id  uuid NOT NULL REFERENCES roughly.questions,
  view         text[] NOT NULL,
  release_no   integer NOT NULL,
  cells        bytea NOT NULL,
  published_at timestamptz NOT NULL DEFAULT pg_catalog.now(),
  PRIMARY KEY (question_id, view, release_no)
) WITH (toast_tuple_target = 8160);
COMMENT ON TABLE roughly.releases IS 'what has been published, and all that reading needs; rows are only ever added';
COMMENT ON COLUMN roughly.releases.view IS 'names of the view''s dimensions, sorted bytewise';
COMMENT ON COLUMN roughly.releases.cells IS 'packed; release 0 of the total says what the question is and publishes nothing';
ALTER TABLE roughly.releases ALTER cells SET STORAGE EXTERNAL;
SELECT pg_catalog.pg_extension_config_dump('roughly.releases', '');

CREATE FUNCTION roughly_create_question(prompt text, choices text[], dimensions text[] DEFAULT '{}', k integer DEFAULT 10,
    min_batch integer DEFAULT NULL, growth double precision DEFAULT 0.5, max_wait interval DEFAULT '1 day',
    max_dims integer DEFAULT 2, max_rank integer DEFAULT 512, require_confirmed boolean DEFAULT true,
    min_account_age interval DEFAULT '0', opens_at timestamptz DEFAULT NULL, closes_at timestamptz DEFAULT NULL,
    epsilon double precision DEFAULT NULL, receipts text DEFAULT 'truth',
    witness_account_age interval DEFAULT '0', witness_daily_votes integer DEFAULT NULL)
  RETURNS uuid
  AS 'MODULE_PATHNAME' LANGUAGE C VOLATILE PARALLEL UNSAFE
  SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION roughly_create_question(text, text[], text[], integer, integer, double precision, interval, integer, integer, boolean, interval, timestamptz, timestamptz, double precision, text, interval, integer) IS
  'Makes a question and returns its id. 2 to 64 choices; up to 8 dimensions by name; k at least roughly_auth.min_k; a batch is counted when min_batch (default 2 k) ballots wait and they are growth times those counted before, or max_wait has passed (null: never by time; growth Infinity: never by growth). epsilon, from 0.1 to 10: randomised response, so that what is counted is the choice cast with probability e^epsilon / (e^epsilon + choices - 1), any other else; receipts keep the truth, what was sent, or none. Witnesses, on whom the release rule rests, are confirmed accounts at least witness_account_age old that have answered fewer than witness_daily_votes questions that day. Nothing of it can be changed later. Errors: 22023, 22001, 22004, 42704 unknown dimension.';

CREATE TABLE roughly.contradictions (
  question_id  uuid NOT NULL,
  choice       text NOT NULL,
  other_id     uuid NOT NULL,
  other_choice text NOT NULL,
  PRIMARY KEY (question_id, choice, other_id, other_choice)
);
COMMENT ON TABLE roughly.contradictions IS 'pairs of answers that exclude each other, as authors of questions declare; for the dimension answer_quality';
SELECT pg_catalog.pg_extension_config_dump('roughly.contradictions', '');

CREATE FUNCTION roughly_add_contradiction(question uuid, choice text, other_question uuid, other_choice text) RETURNS void
  AS 'MODULE_PATHNAME' LANGUAGE C VOLATILE PARALLEL UNSAFE
  SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION roughly_add_contradiction(uuid, text, uuid, text) IS
  'Declares that nobody who answers carefully gives both answers. Whoever has given both has a low answer_quality from then on. Errors: 42704 unknown question, 22023 unknown choice, 22004.';

CREATE FUNCTION roughly_close_question(question uuid) RETURNS void
  AS 'MODULE_PATHNAME' LANGUAGE C VOLATILE PARALLEL UNSAFE
  SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION roughly_close_question(uuid) IS
  'Ends voting, after waiting for votes under way. The next roughly_publish counts the last batch. Errors: 42704, 55000 closed already.';

CREATE FUNCTION roughly_questions(OUT question uuid, OUT prompt text, OUT choices text[], OUT dimensions text[], OUT k integer,
    OUT max_dims integer, OUT state text, OUT opens_at timestamptz, OUT closes_at timestamptz,
    OUT epsilon double precision, OUT receipts text) RETURNS SETOF record
  AS 'MODULE_PATHNAME' LANGUAGE C STABLE STRICT PARALLEL RESTRICTED
  SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION roughly_questions() IS
  'All questions; state: scheduled, open or closed. Nothing about how many have voted.';
-- Called all the time, and seldom runs a statement: it pins search_path where it does.
CREATE FUNCTION roughly_cast_vote(question uuid, choice text) RETURNS void
  AS 'MODULE_PATHNAME' LANGUAGE C VOLATILE PARALLEL UNSAFE;
COMMENT ON FUNCTION roughly_cast_vote(uuid, text) IS
  'Casts the authenticated person''s vote, sealed; it is final. In a transaction that has written nothing else before (25001). Errors: RA001, 42704 unknown question, 22023 unknown choice, 55000 not open, 42501 account not confirmed or too young, 23505 (votes_pkey) voted before.';

CREATE FUNCTION roughly_my_answers(questions uuid[] DEFAULT NULL, OUT question uuid, OUT prompt text, OUT choice text, OUT voted_on date)
  RETURNS SETOF record
  AS 'MODULE_PATHNAME' LANGUAGE C STABLE PARALLEL RESTRICTED
  SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION roughly_my_answers(uuid[]) IS
  'The authenticated person''s own answers, to these questions or to all. Errors: RA001.';

CREATE FUNCTION roughly.export_my_data(answers jsonb) RETURNS jsonb
  AS 'MODULE_PATHNAME', 'roughly_export_my_data' LANGUAGE C STABLE STRICT PARALLEL RESTRICTED
  SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION roughly.export_my_data(jsonb) IS 'What roughly_export_my_data puts around the answers. Errors: RA001.';

CREATE FUNCTION roughly_export_my_data() RETURNS jsonb
  LANGUAGE sql STABLE STRICT PARALLEL RESTRICTED
  SET search_path = pg_catalog, pg_temp
  AS $$SELECT roughly.export_my_data(COALESCE(pg_catalog.jsonb_agg(pg_catalog.to_jsonb(a)), '[]')) FROM @extschema@.roughly_my_answers() a$$;
COMMENT ON FUNCTION roughly_export_my_data() IS
  'Everything kept about the authenticated person, but secrets: account, profile, sessions, events, answers. Errors: RA001.';
-- Counting. Procedures that commit cannot have a search_path of their own; they pin it inside.
CREATE PROCEDURE roughly_publish(question uuid)
  AS 'MODULE_PATHNAME' LANGUAGE C;
COMMENT ON PROCEDURE roughly_publish(uuid) IS
  'Counts the question''s waiting ballots if that is due: freeze, commit, release, commit. Errors: 25001 inside a transaction block, 42704 unknown question, XX001 a sealed row does not open (named).';

CREATE PROCEDURE roughly_publish_due()
  AS 'MODULE_PATHNAME' LANGUAGE C;
COMMENT ON PROCEDURE roughly_publish_due() IS
  'roughly_publish for every question, one after the other; one that fails is named in a warning and does not keep the next from being counted. For a scheduler. Errors: 25001; at the end that of the first question that failed, such as XX001.';

CREATE FUNCTION roughly_recount(question uuid) RETURNS boolean
  AS 'MODULE_PATHNAME' LANGUAGE C VOLATILE PARALLEL UNSAFE
  SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION roughly_recount(uuid) IS
  'Whether the tally equals a fresh count of all released batches. Errors: 42704, 55000 batches were forgotten, XX001 one does not open.';

CREATE FUNCTION roughly_forget_batches(question uuid) RETURNS void
  AS 'MODULE_PATHNAME' LANGUAGE C VOLATILE PARALLEL UNSAFE
  SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION roughly_forget_batches(uuid) IS
  'Deletes the question''s released batches: it can then not be recounted, and a counted ballot put back by hand is no longer noticed. Errors: 42704.';
-- A newer key. The procedure commits, so it pins its search_path inside.
CREATE PROCEDURE roughly_rotate_key()
  AS 'MODULE_PATHNAME' LANGUAGE C;
COMMENT ON PROCEDURE roughly_rotate_key() IS
  'Makes the key file''s newest key the active one, adding one to the file when it has none newer, and seals anew what was sealed with an older key, in small transactions beside the traffic. A call that was interrupted is continued by the next. Sessions and mailed links keep their key until they end. Errors: 25001 inside a transaction block, 55P03 another call is under way, 58P01 and F0000 key file, XX001 some values do not open and still need an older key.';
-- Whether all is there and opens.
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
-- Reading: releases and nothing else.
CREATE FUNCTION roughly_aggregate(question uuid, by text[] DEFAULT '{}', OUT slice jsonb, OUT choice text, OUT votes bigint, OUT respondents bigint,
    OUT share double precision, OUT low double precision, OUT high double precision, OUT as_of integer) RETURNS SETOF record
  AS 'MODULE_PATHNAME' LANGUAGE C STABLE PARALLEL SAFE ROWS 50;
COMMENT ON FUNCTION roughly_aggregate(uuid, text[]) IS
  'What has been published of a question by these dimensions: a row for every published cell and choice, with its share and a 95 % Wilson interval (0 to 1), and the release that published it. With randomised response votes are those counted, and share estimates the true share without bias, so it may lie outside of its interval and of 0 to 1. Cells that may not be shown are absent. Errors: 42704 unknown question or dimension, 22023 more dimensions than the question is published by.';

CREATE FUNCTION roughly_release(question uuid, OUT by text[], OUT release integer, OUT published_at timestamptz, OUT cells integer, OUT k integer,
    OUT rule text, OUT mechanism text, OUT epsilon double precision) RETURNS SETOF record
  AS 'MODULE_PATHNAME' LANGUAGE C STABLE PARALLEL SAFE ROWS 20
  SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION roughly_release(uuid) IS
  'Which views have been published, in which release last, when, with how many cells, under which rule, and how choices were counted: exact counts, or randomised response with its epsilon. Errors: 42704 unknown question.';
-- Beyond one machine: questions, and everything counted for them, on the nodes of a Citus cluster. Nothing here needs Citus
-- before it is called. Superusers only: it makes a role that can log in.
CREATE FUNCTION roughly_distribute(shards integer DEFAULT 32, OUT relation regclass, OUT distributed_by text) RETURNS SETOF record
  LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
  SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  mode text;
  to_empty regclass[] := '{}';
BEGIN
  IF pg_is_in_recovery() THEN
    RAISE EXCEPTION 'a standby cannot distribute its questions'
      USING ERRCODE = 'read_only_sql_transaction', HINT = 'Call roughly_distribute() on the primary of the coordinator.';
  END IF;
  IF NOT (SELECT rolsuper FROM pg_roles WHERE rolname = current_user) THEN
    RAISE EXCEPTION 'only a superuser may distribute the questions' USING ERRCODE = 'insufficient_privilege';
  END IF;
  IF shards IS NULL THEN
    RAISE EXCEPTION 'shards must not be null' USING ERRCODE = 'null_value_not_allowed';
  END IF;
  IF shards NOT BETWEEN 1 AND 64000 THEN
    RAISE EXCEPTION 'shards must be from 1 to 64000, not %', shards USING ERRCODE = 'invalid_parameter_value';
  END IF;
  IF NOT EXISTS (SELECT FROM pg_extension WHERE extname = 'citus') THEN
    RAISE EXCEPTION 'this database does not have the extension citus'
      USING ERRCODE = 'object_not_in_prerequisite_state',
            HINT = 'Put citus first in shared_preload_libraries on every node, restart, and CREATE EXTENSION citus. On one machine there is nothing to distribute.';
  END IF;
  IF NOT has_table_privilege('roughly_owner', 'roughly.votes', 'INSERT') THEN
    RAISE EXCEPTION 'the votes of this database are kept by the nodes of PL/Proxy already'
      USING ERRCODE = 'object_not_in_prerequisite_state', HINT = 'Votes are not moved.';
  END IF;
  IF current_setting('shared_preload_libraries') !~ '^\s*"?([^,"]*/)?citus(\.so)?"?\s*(,|$)' THEN
    RAISE EXCEPTION 'citus is not the first of shared_preload_libraries'
      USING ERRCODE = 'object_not_in_prerequisite_state', HINT = 'Put it first on every node, and restart.';
  END IF;

  -- One connection to a node, so that each step sees what the one before it did.
  mode := COALESCE(current_setting('citus.multi_shard_modify_mode', true), 'parallel');
  PERFORM set_config('citus.multi_shard_modify_mode', 'sequential', true);
  PERFORM set_config('citus.shard_count', shards::text, true);

  -- Citus connects to a node as the role that runs the statement, which is the owner. There the row-level security of the
  -- shards holds it back, since our C++ lifts it in its own backend only: hence the policies.
  IF NOT (SELECT rolcanlogin FROM pg_roles WHERE rolname = 'roughly_owner') THEN
    ALTER ROLE roughly_owner LOGIN;
    RAISE NOTICE 'role "roughly_owner" may log in from now on'
      USING HINT = 'Citus connects to the nodes as this role. In pg_hba.conf let it in from the nodes alone.';
  END IF;
  FOR relation IN SELECT ('roughly.' || name)::regclass FROM unnest('{questions,votes,ballots,batches,tallies,releases}'::text[]) WITH ORDINALITY t (name, n) ORDER BY n LOOP
    CONTINUE WHEN EXISTS (SELECT FROM pg_dist_partition WHERE logicalrelid = relation);
    IF NOT EXISTS (SELECT FROM pg_policy WHERE polrelid = relation AND polname = 'nodes') THEN
      EXECUTE format('CREATE POLICY nodes ON %s TO roughly_owner USING (true) WITH CHECK (true)', relation);
    END IF;
    IF relation = 'roughly.questions'::regclass THEN
      distributed_by := 'id';
      PERFORM create_distributed_table(relation, distributed_by, colocate_with => 'none');
    ELSE
      distributed_by := 'question_id';
      PERFORM create_distributed_table(relation, distributed_by, colocate_with => 'roughly.questions');
    END IF;
    to_empty := to_empty || relation;
    RETURN NEXT;
  END LOOP;
  -- Only reading is sent to where the question is: what needs a key or an identity stays on the coordinator.
  PERFORM create_distributed_function('@extschema@.roughly_aggregate(uuid, text[])'::regprocedure, 'question', colocate_with => 'roughly.questions');
  PERFORM set_config('citus.multi_shard_modify_mode', mode, true);
  -- The rows are in the shards now, and still on the coordinator's disk. What refers to questions is emptied with them.
  FOREACH relation IN ARRAY to_empty LOOP
    IF relation IN ('roughly.questions'::regclass, 'roughly.votes'::regclass, 'roughly.ballots'::regclass) THEN
      PERFORM truncate_local_data_after_distributing_table(relation);
    END IF;
  END LOOP;
END $$;
COMMENT ON FUNCTION roughly_distribute(integer) IS
  'Distributes questions, votes, ballots, batches, tallies and releases over a Citus cluster, by question; accounts stay on the coordinator. One transaction; a row for every table that it has distributed, none for those that were. Lets roughly_owner log in, as Citus connects to the nodes with it. Superusers only. Errors: 25006 on a standby, 55000 citus is missing or not the first of shared_preload_libraries, 22004, 22023.';
-- Beyond one machine without Citus: votes and waiting ballots in other databases, reached through PL/Proxy. Everything else
-- stays here, the key above all. A node is a database with this extension where nobody has an account; these functions of
-- it are called by the database that it keeps votes for, and by nobody else.
CREATE FUNCTION roughly.node_number(question uuid) RETURNS integer
  AS 'MODULE_PATHNAME', 'roughly_node_number' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
  SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION roughly.node_number(uuid) IS
  'The first four bytes of the id; the node of a question is that modulo their number, which is a power of two.';

CREATE FUNCTION roughly.node_status() RETURNS text
  AS 'MODULE_PATHNAME', 'roughly_node_status' LANGUAGE C STABLE STRICT PARALLEL UNSAFE
  SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION roughly.node_status() IS 'Of a node: its version of the extension. Errors: 55000 the database has a key of its own.';

CREATE FUNCTION roughly.node_add_vote(question uuid, voter_tag uuid, receipt bytea, ballot uuid, sealed bytea) RETURNS void
  AS 'MODULE_PATHNAME', 'roughly_node_add_vote' LANGUAGE C VOLATILE PARALLEL UNSAFE
  SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION roughly.node_add_vote(uuid, uuid, bytea, uuid, bytea) IS
  'Of a node: keeps a vote and its ballot, or neither. Errors: 23505 (votes_pkey) voted before, 22004, 55000.';

CREATE FUNCTION roughly.node_find_receipts(questions uuid[], voter_tags uuid[], OUT question uuid, OUT receipt bytea) RETURNS SETOF record
  AS 'MODULE_PATHNAME', 'roughly_node_find_receipts' LANGUAGE C STABLE PARALLEL UNSAFE
  SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION roughly.node_find_receipts(uuid[], uuid[]) IS
  'Of a node: the receipts of these votes, one tag for each question. Errors: 22023 they are not as many, 22004, 55000.';

CREATE FUNCTION roughly.node_enough_ballots(question uuid, at_least bigint) RETURNS boolean
  AS 'MODULE_PATHNAME', 'roughly_node_enough_ballots' LANGUAGE C STABLE PARALLEL UNSAFE
  SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION roughly.node_enough_ballots(uuid, bigint) IS 'Of a node: whether so many ballots wait. Errors: 22004, 55000.';

CREATE FUNCTION roughly.node_following_ballots(question uuid, after uuid, OUT id uuid, OUT sealed bytea) RETURNS SETOF record
  AS 'MODULE_PATHNAME', 'roughly_node_following_ballots' LANGUAGE C STABLE PARALLEL UNSAFE
  SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION roughly.node_following_ballots(uuid, uuid) IS 'Of a node: the next 1,000 waiting ballots by id. Errors: 22004, 55000.';

CREATE FUNCTION roughly.node_discard_ballots(question uuid, ballots uuid[]) RETURNS void
  AS 'MODULE_PATHNAME', 'roughly_node_discard_ballots' LANGUAGE C VOLATILE PARALLEL UNSAFE
  SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION roughly.node_discard_ballots(uuid, uuid[]) IS 'Of a node: deletes ballots that are in a frozen batch. Errors: 22004, 55000.';

CREATE FUNCTION roughly.node_replace_ballot(question uuid, ballot uuid, sealed bytea, fresh bytea) RETURNS void
  AS 'MODULE_PATHNAME', 'roughly_node_replace_ballot' LANGUAGE C VOLATILE PARALLEL UNSAFE
  SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION roughly.node_replace_ballot(uuid, uuid, bytea, bytea) IS
  'Of a node: a ballot sealed anew, unless it has been counted or changed meanwhile. Errors: 22004, 55000.';

CREATE FUNCTION roughly.node_taken_votes(question uuid) RETURNS bigint
  AS 'MODULE_PATHNAME', 'roughly_node_taken_votes' LANGUAGE C STABLE PARALLEL UNSAFE
  SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION roughly.node_taken_votes(uuid) IS 'Of a node: how many votes have no ballot waiting. Errors: 22004, 55000.';

-- Nothing here needs PL/Proxy before it is called. Superusers only: its functions may connect to anywhere.
CREATE FUNCTION roughly_partition(cluster name) RETURNS integer
  LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
  SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  here text := (SELECT extversion FROM pg_extension WHERE extname = 'roughly_auth');
  stub record;
  versions text[];
BEGIN
  IF pg_is_in_recovery() THEN
    RAISE EXCEPTION 'a standby cannot give its votes to nodes' USING ERRCODE = 'read_only_sql_transaction', HINT = 'Call roughly_partition() on the primary.';
  END IF;
  IF NOT (SELECT rolsuper FROM pg_roles WHERE rolname = current_user) THEN
    RAISE EXCEPTION 'only a superuser may give votes to nodes' USING ERRCODE = 'insufficient_privilege';
  END IF;
  IF cluster IS NULL THEN
    RAISE EXCEPTION 'cluster must not be null' USING ERRCODE = 'null_value_not_allowed';
  END IF;
  IF NOT EXISTS (SELECT FROM pg_extension WHERE extname = 'plproxy') THEN
    RAISE EXCEPTION 'this database does not have the extension plproxy'
      USING ERRCODE = 'object_not_in_prerequisite_state', HINT = 'CREATE EXTENSION plproxy. On one machine there is nothing to give to nodes.';
  END IF;
  IF EXISTS (SELECT FROM pg_extension WHERE extname = 'citus') THEN
    RAISE EXCEPTION 'this database belongs to a Citus cluster'
      USING ERRCODE = 'object_not_in_prerequisite_state', HINT = 'There roughly_distribute() does it.';
  END IF;
  IF NOT EXISTS (SELECT FROM pg_foreign_server s JOIN pg_foreign_data_wrapper w ON w.oid = s.srvfdw WHERE s.srvname = cluster AND w.fdwname = 'plproxy') THEN
    RAISE EXCEPTION 'there is no cluster "%"', cluster
      USING ERRCODE = 'undefined_object', HINT = 'CREATE SERVER ... FOREIGN DATA WRAPPER plproxy OPTIONS (p0 ''dbname=... host=...'', p1 ...), and a user mapping for roughly_owner.';
  END IF;

  -- Voters wait from here on; whoever comes after us sees that nobody may add votes here, by which they are known to be elsewhere.
  LOCK TABLE roughly.votes, roughly.ballots IN ACCESS EXCLUSIVE MODE;
  IF EXISTS (SELECT FROM roughly.votes) OR EXISTS (SELECT FROM roughly.ballots) THEN
    RAISE EXCEPTION 'this database keeps votes itself already'
      USING ERRCODE = 'object_not_in_prerequisite_state', HINT = 'Votes are not moved. Begin with a database where nobody has voted.';
  END IF;
  IF EXISTS (SELECT FROM pg_proc WHERE proname = 'proxy_add_vote' AND pronamespace = 'roughly'::regnamespace AND strpos(prosrc, format('CLUSTER %L;', cluster)) = 0) THEN
    RAISE EXCEPTION 'another cluster keeps the votes of this database already'
      USING ERRCODE = 'object_not_in_prerequisite_state', HINT = 'Votes are not moved.';
  END IF;
  EXECUTE format('GRANT USAGE ON FOREIGN SERVER %I TO roughly_owner', cluster);
  FOR stub IN
    SELECT * FROM (VALUES
      ('proxy_add_vote(question uuid, voter_tag uuid, receipt bytea, ballot uuid, sealed bytea)', 'void', 'roughly.node_number(question)', 'node_add_vote'),
      ('proxy_find_receipts(questions uuid[], voter_tags uuid[], OUT question uuid, OUT receipt bytea)', 'SETOF record', 'roughly.node_number(questions)', 'node_find_receipts'),
      ('proxy_enough_ballots(question uuid, at_least bigint)', 'boolean', 'roughly.node_number(question)', 'node_enough_ballots'),
      ('proxy_following_ballots(question uuid, after uuid, OUT id uuid, OUT sealed bytea)', 'SETOF record', 'roughly.node_number(question)', 'node_following_ballots'),
      ('proxy_discard_ballots(question uuid, ballots uuid[])', 'void', 'roughly.node_number(question)', 'node_discard_ballots'),
      ('proxy_replace_ballot(question uuid, ballot uuid, sealed bytea, fresh bytea)', 'void', 'roughly.node_number(question)', 'node_replace_ballot'),
      ('proxy_taken_votes(question uuid)', 'bigint', 'roughly.node_number(question)', 'node_taken_votes'),
      ('proxy_status()', 'SETOF text', 'ALL', 'node_status')) s (signature, result, run_on, target)
  LOOP
    EXECUTE format('CREATE OR REPLACE FUNCTION roughly.%s RETURNS %s LANGUAGE plproxy VOLATILE PARALLEL UNSAFE AS %L', stub.signature, stub.result,
                   format('CLUSTER %L; %sRUN ON %s; TARGET roughly.%s;', cluster, CASE stub.target WHEN 'node_find_receipts' THEN 'SPLIT questions, voter_tags; ' END,
                          stub.run_on, stub.target));
    EXECUTE format('ALTER FUNCTION roughly.%s DEPENDS ON EXTENSION roughly_auth', stub.signature);
    EXECUTE format('REVOKE ALL ON FUNCTION roughly.%s FROM PUBLIC', stub.signature);
    EXECUTE format('GRANT EXECUTE ON FUNCTION roughly.%s TO roughly_owner', stub.signature);
  END LOOP;

  PERFORM set_config('role', 'roughly_owner', true); -- with whose user mapping all will be called
  versions := ARRAY(SELECT s FROM roughly.proxy_status() s);
  PERFORM set_config('role', 'none', true);
  IF here <> ANY (versions) THEN
    RAISE EXCEPTION 'a node has another version of roughly_auth than %', here
      USING ERRCODE = 'object_not_in_prerequisite_state', HINT = 'ALTER EXTENSION roughly_auth UPDATE there, or here.';
  END IF;
  REVOKE INSERT ON roughly.votes, roughly.ballots FROM roughly_owner;
  RETURN cardinality(versions);
END $$;
COMMENT ON FUNCTION roughly_partition(name) IS
  'Has votes and waiting ballots kept by other databases, shared out by question: the nodes of a PL/Proxy cluster, a foreign server for which roughly_owner has a user mapping. Returns how many there are. Again after an update of the extension, or a change of the server. Superusers only. Errors: 25006 on a standby, 55000 plproxy is missing, there are votes here already or a node has another version, 42704 unknown cluster, 22004, and what connecting to a node fails with.';
-- What in this server's settings, roles and grants puts the promise at risk. Catalogs only, with the caller's eyes.
CREATE FUNCTION roughly_security_check(OUT severity text, OUT item text, OUT current text, OUT remedy text) RETURNS SETOF record
  LANGUAGE sql STABLE STRICT PARALLEL SAFE
  SET search_path = pg_catalog, pg_temp
AS $$
WITH ours AS (
  SELECT d.classid, d.objid FROM pg_depend d JOIN pg_extension e ON e.oid = d.refobjid
   WHERE d.refclassid = 'pg_extension'::regclass AND d.deptype = 'e' AND e.extname = 'roughly_auth'
), tables AS (
  SELECT c.* FROM pg_class c JOIN ours o ON o.classid = 'pg_class'::regclass AND o.objid = c.oid WHERE c.relkind = 'r'
), routines AS (
  SELECT p.* FROM pg_proc p JOIN ours o ON o.classid = 'pg_proc'::regclass AND o.objid = p.oid
), citus AS ( -- a node of a cluster, see roughly_distribute
  SELECT FROM pg_extension WHERE extname = 'citus'
), served AS ( -- by a node, see roughly_partition
  SELECT DISTINCT a.grantee FROM routines p, pg_catalog.aclexplode(p.proacl) a
   WHERE p.pronamespace = 'roughly'::regnamespace AND p.proname ~ '^node_' AND a.grantee NOT IN (0, p.proowner)
), risky_setting (severity, name, safe, remedy) AS (VALUES
  ('warning', 'log_statement', '{none}', 'Literal passwords, tokens and choices reach the log. ALTER SYSTEM SET log_statement = none, or bind parameters.'),
  ('warning', 'log_min_duration_statement', '{-1}', 'Slow statements reach the log with their parameters. Set -1.'),
  ('warning', 'log_min_duration_sample', '{-1}', 'Sampled statements reach the log with their parameters. Set -1.'),
  ('warning', 'log_transaction_sample_rate', '{0}', 'Sampled transactions reach the log. Set 0.'),
  ('warning', 'log_parameter_max_length', '{0}', 'Bound values are logged with every logged statement. Set 0.'),
  ('critical', 'log_parameter_max_length_on_error', '{0}', 'Bound values are logged and sent with errors. Set 0.'),
  ('warning', 'auto_explain.log_min_duration', '{-1}', 'Plans are logged with their statements. Set -1.'),
  ('warning', 'pg_stat_statements.track_utility', '{off}', 'CALL statements are kept with their literals. Set off.'),
  ('warning', 'debug_print_parse', '{off}', 'Statements reach client and log with tags and sealed values. Set off.'),
  ('warning', 'debug_print_rewritten', '{off}', 'Statements reach client and log with tags and sealed values. Set off.'),
  ('warning', 'debug_print_plan', '{off}', 'Statements reach client and log with tags and sealed values. Set off.'),
  ('warning', 'ssl', '{on}', 'Passwords, tokens and choices travel readable unless clients use a Unix socket. Set up TLS.'),
  ('critical', 'fsync', '{on}', 'A crash may lose acknowledged votes. Set on.'),
  ('critical', 'full_page_writes', '{on}', 'A crash may corrupt tables. Set on.'),
  ('critical', 'roughly_auth.isolate_votes', '{on}', 'Votes can be linked to rows written with them. Only for tests that roll back.'),
  ('critical', 'roughly_auth.allow_key_in_data_directory', '{off}', 'Base backups may carry the keys with what they seal. Move the key file.')
)
SELECT r.severity, 'setting ' || r.name, s.setting, r.remedy
  FROM risky_setting r JOIN pg_settings s USING (name) WHERE NOT s.setting = ANY (r.safe::text[])
UNION ALL
SELECT 'warning', 'setting roughly_auth.min_k', s.setting, 'Published numbers may concern fewer than 5 people.'
  FROM pg_settings s WHERE s.name = 'roughly_auth.min_k' AND s.setting::integer < 5
UNION ALL
SELECT 'warning', 'role ' || r.rolname, pg_catalog.concat_ws(', ', CASE WHEN r.rolsuper THEN 'SUPERUSER' END, CASE WHEN r.rolbypassrls THEN 'BYPASSRLS' END,
    CASE WHEN r.rolreplication THEN 'REPLICATION' END),
    'Reads accounts and sealed rows in full, by SELECT or a replication slot. Keep such roles few.'
  FROM pg_roles r WHERE (r.rolsuper OR r.rolbypassrls OR r.rolreplication) AND r.oid <> 10
UNION ALL
SELECT CASE WHEN g.rolname IN ('pg_execute_server_program', 'pg_read_server_files', 'pg_write_server_files') THEN 'critical' ELSE 'warning' END,
    'member of ' || g.rolname, m.rolname, 'Can read the key file, other sessions'' statements or every table. Revoke what is not needed.'
  FROM pg_auth_members a JOIN pg_roles g ON g.oid = a.roleid JOIN pg_roles m ON m.oid = a.member
 WHERE g.rolname IN ('pg_execute_server_program', 'pg_read_server_files', 'pg_write_server_files', 'pg_read_all_data', 'pg_write_all_data',
                     'pg_read_all_stats')
   AND m.rolname !~ '^pg_'
UNION ALL
SELECT 'critical', 'member of roughly_owner', m.rolname, 'Can act as the owner of the sealed tables. REVOKE roughly_owner FROM it.'
  FROM pg_auth_members a JOIN pg_roles m ON m.oid = a.member WHERE a.roleid = (SELECT oid FROM pg_roles WHERE rolname = 'roughly_owner')
UNION ALL
SELECT 'critical', 'role roughly_owner', 'has attributes', 'ALTER ROLE roughly_owner NOLOGIN NOSUPERUSER NOBYPASSRLS NOCREATEROLE NOCREATEDB NOREPLICATION.'
  FROM pg_roles WHERE rolname = 'roughly_owner'
   AND (rolsuper OR rolbypassrls OR rolcreaterole OR rolcreatedb OR rolreplication OR (rolcanlogin AND NOT EXISTS (TABLE citus)))
UNION ALL
SELECT 'warning', 'role roughly_owner', 'LOGIN', 'Citus connects to the nodes as this role. In pg_hba.conf let it in from the nodes alone; on one machine ALTER ROLE roughly_owner NOLOGIN.'
  FROM pg_roles, citus WHERE rolname = 'roughly_owner' AND rolcanlogin
UNION ALL
SELECT 'critical', 'table ' || oid::regclass::text, 'row-level security is not forced, or the owner is another', 'Restore what the extension''s script set; somebody changed it.'
  FROM tables WHERE NOT (relrowsecurity AND relforcerowsecurity) OR relowner <> (SELECT oid FROM pg_roles WHERE rolname = 'roughly_owner')
UNION ALL
SELECT 'critical', 'routine ' || oid::regprocedure::text, 'the owner is another', 'ALTER ROUTINE ... OWNER TO roughly_owner.'
  FROM routines WHERE proowner <> (SELECT oid FROM pg_roles WHERE rolname = 'roughly_owner')
UNION ALL
SELECT 'critical', 'routine ' || oid::regprocedure::text, 'executable by PUBLIC', 'REVOKE EXECUTE ... FROM PUBLIC.'
  FROM routines WHERE has_function_privilege('public', oid, 'execute') AND proname NOT IN ('roughly_aggregate', 'roughly_release', 'roughly_questions', 'roughly_current_user')
UNION ALL
SELECT 'critical', 'routine ' || r.oid::regprocedure::text, 'its language is ' || l.lanname, 'Somebody replaced it. DROP EXTENSION and restore, or put back what the extension''s script made.'
  FROM routines r JOIN pg_language l ON l.oid = r.prolang WHERE l.lanname <> 'c' AND r.proname NOT IN ('roughly_security_check', 'roughly_export_my_data', 'roughly_distribute', 'roughly_partition')
UNION ALL
SELECT 'critical', pg_catalog.format('%s on %s', CASE d.classid WHEN 'pg_constraint'::regclass THEN 'constraint' WHEN 'pg_attrdef'::regclass THEN 'default' ELSE 'index' END, t.oid::regclass),
    p.oid::regprocedure::text, 'Runs in our transactions and sees our rows. Drop it.'
  FROM pg_depend d
  JOIN pg_proc p ON d.refclassid = 'pg_proc'::regclass AND p.oid = d.refobjid
  JOIN tables t ON t.oid = COALESCE((SELECT conrelid FROM pg_constraint WHERE d.classid = 'pg_constraint'::regclass AND oid = d.objid),
                                    (SELECT adrelid FROM pg_attrdef WHERE d.classid = 'pg_attrdef'::regclass AND oid = d.objid),
                                    (SELECT indrelid FROM pg_index WHERE d.classid = 'pg_class'::regclass AND indexrelid = d.objid))
 WHERE d.deptype = 'n' AND NOT EXISTS (SELECT FROM routines r WHERE r.oid = p.oid)
UNION ALL
SELECT 'critical', 'trigger on ' || tgrelid::regclass::text, tgname::text, 'Runs in our transactions and sees our rows. Drop it.'
  FROM pg_trigger JOIN tables ON tables.oid = tgrelid WHERE NOT tgisinternal
UNION ALL
SELECT 'critical', 'rule on ' || ev_class::regclass::text, rulename::text, 'Rewrites our statements. Drop it.'
  FROM pg_rewrite JOIN tables ON tables.oid = ev_class
UNION ALL
SELECT 'critical', 'policy on ' || polrelid::regclass::text, polname::text, 'Opens rows to others. Drop it.'
  FROM pg_policy JOIN tables ON tables.oid = polrelid
 WHERE polname NOT IN ('own_user', 'own_profile', 'insert_own_profile', 'update_own_profile')
   AND NOT (polname = 'nodes' AND polroles = ARRAY(SELECT oid FROM pg_roles WHERE rolname = 'roughly_owner') AND EXISTS (TABLE citus))
UNION ALL
SELECT 'critical', 'grant on ' || tables.oid::regclass::text, pg_catalog.format('%s to %s', a.privilege_type,
    CASE a.grantee WHEN 0 THEN 'PUBLIC' ELSE pg_catalog.pg_get_userbyid(a.grantee) END), 'REVOKE it.'
  FROM tables, pg_catalog.aclexplode(relacl) a
 WHERE a.grantee <> relowner AND NOT (relname = 'user_profiles' AND pg_catalog.pg_get_userbyid(a.grantee) = 'roughly_app' AND a.privilege_type = 'SELECT')
UNION ALL
SELECT 'critical', pg_catalog.format('grant on %s (%s)', t.oid::regclass, c.attname), pg_catalog.format('%s to %s', a.privilege_type,
    CASE a.grantee WHEN 0 THEN 'PUBLIC' ELSE pg_catalog.pg_get_userbyid(a.grantee) END), 'REVOKE it.'
  FROM tables t JOIN pg_attribute c ON c.attrelid = t.oid, pg_catalog.aclexplode(c.attacl) a
 WHERE a.grantee <> t.relowner AND NOT (pg_catalog.pg_get_userbyid(a.grantee) = 'roughly_app' AND (
   t.relname = 'users' AND c.attname IN ('id', 'email', 'confirmed_at', 'inserted_at', 'updated_at')
     AND (a.privilege_type = 'SELECT' OR (a.privilege_type = 'REFERENCES' AND c.attname = 'id'))
   OR t.relname = 'user_profiles' AND c.attname NOT IN ('id', 'user_id', 'inserted_at', 'updated_at') AND a.privilege_type IN ('INSERT', 'UPDATE')))
UNION ALL
SELECT 'critical', 'grant on schema roughly', pg_catalog.format('%s to %s', a.privilege_type,
    CASE a.grantee WHEN 0 THEN 'PUBLIC' ELSE pg_catalog.pg_get_userbyid(a.grantee) END), 'REVOKE it.'
  FROM pg_namespace n, pg_catalog.aclexplode(n.nspacl) a
 WHERE n.nspname = 'roughly' AND a.grantee <> n.nspowner
   AND NOT (pg_catalog.pg_get_userbyid(a.grantee) = 'roughly_app' AND a.privilege_type = 'USAGE')
   AND NOT (a.privilege_type = 'USAGE' AND a.grantee IN (TABLE served))
UNION ALL
SELECT 'warning', 'grant on function roughly.node_*', pg_catalog.pg_get_userbyid(role), 'Of a node: can read and delete waiting ballots, which are sealed. Where no other database keeps its votes here, REVOKE it.'
  FROM served s (role)
UNION ALL
SELECT 'critical', 'routine ' || oid::regprocedure::text, pg_catalog.concat_ws(', ', 'search_path is not pinned', CASE WHEN prosecdef THEN 'SECURITY DEFINER' END),
    'ALTER FUNCTION ... SET search_path = pg_catalog, pg_temp, and SECURITY INVOKER.'
  FROM routines WHERE prosecdef OR (prokind = 'f' AND NOT COALESCE('search_path=pg_catalog, pg_temp' = ANY (proconfig), false)
    AND proname NOT IN ('roughly_aggregate', 'roughly_authenticate', 'roughly_current_user', 'roughly_current_session', 'roughly_require_user', 'roughly_cast_vote')) -- which do without
UNION ALL
SELECT 'warning', 'publication ' || p.pubname::text, p.schemaname || '.' || p.tablename, 'Replicates accounts or sealed rows. Publish roughly.releases alone.'
  FROM pg_publication_tables p WHERE p.schemaname = 'roughly' AND p.tablename <> 'releases'
UNION ALL
SELECT 'notice', 'TEMP on database ' || pg_catalog.current_database(), 'PUBLIC', 'A pooled client may leave rows in a temporary table for the next. REVOKE TEMP ON DATABASE ... FROM PUBLIC.'
 WHERE has_database_privilege('public', pg_catalog.current_database(), 'TEMP')
UNION ALL
SELECT 'warning', 'CREATE on schema ' || n.nspname, 'PUBLIC', 'Anybody can plant functions beside ours. REVOKE CREATE ON SCHEMA ... FROM PUBLIC.'
  FROM pg_namespace n WHERE n.oid IN (SELECT extnamespace FROM pg_extension WHERE extname = 'roughly_auth') AND has_schema_privilege('public', n.oid, 'CREATE')
ORDER BY 1, 2, 3
$$;
COMMENT ON FUNCTION roughly_security_check() IS
  'Every server setting, role, grant and foreign object that puts the promise at risk: severity (critical, warning, notice), what it is now, and the remedy. Sees what its caller sees; run it as a superuser for the whole picture.';
-- Who owns and who may. Everything belongs to roughly_owner; every table has FORCEd row-level security, so that even
-- the owner sees nothing outside our C++. No statistics: pg_statistic keeps samples of rows for whoever reads catalogs.
DO $$
DECLARE
  member record;
BEGIN
  FOR member IN
    SELECT c.oid::regclass AS relation, c.relkind, p.oid::regprocedure AS routine, p.proacl IS NULL AS everybody_may_run,
           p.oid IN ('@extschema@.roughly_aggregate(uuid, text[])'::regprocedure, '@extschema@.roughly_release(uuid)'::regprocedure,
                     '@extschema@.roughly_questions()'::regprocedure, '@extschema@.roughly_current_user()'::regprocedure) AS is_for_everybody
      FROM pg_catalog.pg_depend d
      LEFT JOIN pg_catalog.pg_class c ON d.classid = 'pg_catalog.pg_class'::regclass AND c.oid = d.objid
      LEFT JOIN pg_catalog.pg_proc p ON d.classid = 'pg_catalog.pg_proc'::regclass AND p.oid = d.objid
     WHERE d.deptype = 'e' AND d.refclassid = 'pg_catalog.pg_extension'::regclass
       AND d.refobjid = (SELECT oid FROM pg_catalog.pg_extension WHERE extname = 'roughly_auth')
       AND (c.relkind = 'r' OR p.oid IS NOT NULL)
  LOOP
    IF member.relkind = 'r' THEN
      EXECUTE pg_catalog.format('ALTER TABLE %s OWNER TO roughly_owner, ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY', member.relation);
      -- ALTER COLUMN SET STATISTICS does the same, but reads the whole table's description anew for every column.
      UPDATE pg_catalog.pg_attribute SET attstattarget = 0 WHERE attrelid = member.relation AND attnum > 0;
    ELSE
      EXECUTE pg_catalog.format('ALTER ROUTINE %s OWNER TO roughly_owner', member.routine);
      IF NOT member.is_for_everybody THEN
        EXECUTE pg_catalog.format('REVOKE ALL ON ROUTINE %s FROM PUBLIC', member.routine);
      ELSIF NOT member.everybody_may_run THEN -- by default privileges. Else there is no list, which every call would look into
        EXECUTE pg_catalog.format('GRANT EXECUTE ON ROUTINE %s TO PUBLIC', member.routine);
      END IF;
    END IF;
  END LOOP;
END $$;

-- Own rows. Not "(SELECT roughly_current_user())", which EXPLAIN shows as never executed where a leakproof condition of the
-- caller's, which runs first, has found no row: that would tell which addresses and profiles there are.
CREATE POLICY own_user ON roughly.users FOR SELECT TO roughly_app
  USING (id = @extschema@.roughly_current_user());
CREATE POLICY own_profile ON roughly.user_profiles FOR SELECT TO roughly_app
  USING (user_id = @extschema@.roughly_current_user());
CREATE POLICY insert_own_profile ON roughly.user_profiles FOR INSERT TO roughly_app
  WITH CHECK (user_id = @extschema@.roughly_current_user() AND roughly.may_write_account());
CREATE POLICY update_own_profile ON roughly.user_profiles FOR UPDATE TO roughly_app
  USING (user_id = @extschema@.roughly_current_user())
  WITH CHECK (user_id = @extschema@.roughly_current_user() AND roughly.may_write_account());

GRANT SELECT (id, email, confirmed_at, inserted_at, updated_at), REFERENCES (id) ON roughly.users TO roughly_app;
GRANT SELECT,
      INSERT (birth_year, country, region, gender, education_level, income_bracket, extra),
      UPDATE (birth_year, country, region, gender, education_level, income_bracket, extra)
  ON roughly.user_profiles TO roughly_app;

-- The application.
GRANT EXECUTE ON FUNCTION
  roughly_register_user(text, text), roughly_confirm_user(text, text),
  roughly_log_in(text, text, text, inet), roughly_request_magic_link(text), roughly_log_in_with_magic_link(text, text, inet),
  roughly_log_in_with_code(text, text, text, inet), roughly_log_out(text), roughly_log_out_everywhere(boolean),
  roughly_my_sessions(), roughly_revoke_session(uuid), roughly_reissue_session(text),
  roughly_authenticate(text), roughly_current_session(),
  roughly_require_user(), roughly_require_sudo(interval), roughly_sign_out_of_transaction(), roughly.may_write_account(),
  roughly_reauthenticate(text), roughly_request_reauthentication(), roughly_reauthenticate_with_code(text),
  roughly_change_password(text, text), roughly_request_password_reset(text), roughly_reset_password(text, text),
  roughly_request_email_change(text), roughly_change_email(text), roughly_delete_account(text),
  roughly_enroll_totp(), roughly_verify_totp(text), roughly_remove_totp(),
  roughly_my_account(), roughly_export_my_data(), roughly.export_my_data(jsonb),
  roughly_set_profile(jsonb), roughly_my_snapshot(uuid), roughly_cast_vote(uuid, text), roughly_my_answers(uuid[])
  TO roughly_app;
GRANT EXECUTE ON PROCEDURE roughly_log_in_committed(text, text, text, inet, text, text, uuid, uuid, timestamptz, interval) TO roughly_app;
GRANT EXECUTE ON FUNCTION
  roughly_dimensions(), roughly_hash_password(text), roughly_verify_password(text, text), roughly_password_needs_rehash(text)
  TO roughly_app, roughly_admin;

-- The administration.
GRANT EXECUTE ON FUNCTION
  roughly_admin_import_user(text, text, timestamptz), roughly_admin_delete_user(uuid), roughly_admin_ban(uuid, timestamptz),
  roughly_admin_unban(uuid), roughly_admin_revoke_sessions(uuid), roughly_admin_unlock(uuid), roughly_admin_block_passwords(text[]),
  roughly_purge_expired(integer), roughly_audit(uuid), roughly_security_check(), roughly_add_dimension(text, text, text[], bigint[], text),
  roughly_create_question(text, text[], text[], integer, integer, double precision, interval, integer, integer, boolean, interval, timestamptz, timestamptz,
    double precision, text, interval, integer), roughly_add_contradiction(uuid, text, uuid, text),
  roughly_close_question(uuid), roughly_recount(uuid), roughly_forget_batches(uuid), roughly_key_status(), roughly_check(), roughly_status()
  TO roughly_admin;
GRANT EXECUTE ON PROCEDURE roughly_publish(uuid), roughly_publish_due(), roughly_rotate_key() TO roughly_admin;

-- Nobody: roughly_distribute and roughly_partition, which do what only superusers may; and what a node does for the
-- database whose votes it keeps, until its administrator says for whom.

-- The mailer.
GRANT EXECUTE ON FUNCTION roughly_dequeue_mail(integer), roughly_mail_sent(uuid) TO roughly_mailer;
