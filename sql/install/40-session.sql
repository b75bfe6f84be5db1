-- Sessions, and who is acting in a transaction.
CREATE TABLE roughly.user_tokens (
  id               uuid PRIMARY KEY DEFAULT pg_catalog.gen_random_uuid(),
  user_id          uuid NOT NULL REFERENCES roughly.users ON DELETE CASCADE,
  context          text NOT NULL CHECK (context IN ('session')),
  key_id           integer NOT NULL,
  token_digest     bytea NOT NULL,
  authenticated_at timestamptz NOT NULL DEFAULT pg_catalog.now(),
  expires_at       timestamptz NOT NULL,
  user_agent       text,
  ip_prefix        cidr,
  UNIQUE (user_id, context, token_digest)
);
COMMENT ON TABLE roughly.user_tokens IS 'keyed digests of tokens, bound to user and context; the tokens themselves are nowhere';
COMMENT ON COLUMN roughly.user_tokens.ip_prefix IS 'network of the log-in: /24 or /48';
ALTER TABLE roughly.user_tokens ALTER token_digest SET STATISTICS 0;
SELECT pg_catalog.pg_extension_config_dump('roughly.user_tokens', '');

CREATE FUNCTION roughly_log_in(email text, password text, user_agent text DEFAULT NULL, ip inet DEFAULT NULL,
    OUT status text, OUT session_token text, OUT session_id uuid, OUT user_id uuid, OUT expires_at timestamptz)
  AS 'MODULE_PATHNAME' LANGUAGE C VOLATILE PARALLEL UNSAFE
  SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION roughly_log_in(text, text, text, inet) IS
  'Opens a session of 14 days. status: ok, or invalid_credentials and nothing else, after the same work, whether the address is unknown, the password is wrong or there is none. The token is shown once. Never raises for bad credentials.';

CREATE FUNCTION roughly_authenticate(session_token text,
    OUT user_id uuid, OUT session_id uuid, OUT authenticated_at timestamptz, OUT expires_at timestamptz)
  AS 'MODULE_PATHNAME' LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE
  SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION roughly_authenticate(text) IS
  'Makes the session''s user the one who acts, until the transaction ends or the savepoint is rolled back. Nulls when the token is not a live session. Writes nothing. Errors: RA002 when another session is authenticated in this transaction.';

CREATE FUNCTION roughly_current_user() RETURNS uuid
  AS 'MODULE_PATHNAME' LANGUAGE C STABLE STRICT PARALLEL RESTRICTED
  SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION roughly_current_user() IS
  'Who is authenticated in this transaction, or null. In a policy write (SELECT roughly_current_user()), so that it runs once.';

CREATE FUNCTION roughly_require_user() RETURNS uuid
  AS 'MODULE_PATHNAME' LANGUAGE C STABLE STRICT PARALLEL RESTRICTED
  SET search_path = pg_catalog, pg_temp;
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
