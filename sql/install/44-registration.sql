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
