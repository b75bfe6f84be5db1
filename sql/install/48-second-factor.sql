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
