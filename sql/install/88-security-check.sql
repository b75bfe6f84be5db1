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
