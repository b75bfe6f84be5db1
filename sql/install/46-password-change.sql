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
