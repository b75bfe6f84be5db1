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
