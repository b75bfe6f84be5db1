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
