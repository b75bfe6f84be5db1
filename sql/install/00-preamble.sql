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
