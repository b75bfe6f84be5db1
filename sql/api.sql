-- The whole interface, from the catalogs: what there is, how it is declared, who owns it and who may use it.
\set VERBOSITY default
\set SHOW_CONTEXT never
SET client_min_messages = warning;
CREATE EXTENSION roughly_auth;
\pset null '(none)'
\pset format unaligned

CREATE TEMP VIEW members AS
  SELECT d.classid, d.objid AS oid FROM pg_depend d
   WHERE d.deptype = 'e' AND d.refclassid = 'pg_extension'::regclass
     AND d.refobjid = (SELECT oid FROM pg_extension WHERE extname = 'roughly_auth');
CREATE TEMP VIEW routines AS
  SELECT p.*, p.oid::regprocedure::text COLLATE "C" AS signature FROM pg_proc p JOIN members m ON m.oid = p.oid AND m.classid = 'pg_proc'::regclass;
CREATE TEMP VIEW relations AS
  SELECT c.*, c.oid::regclass::text COLLATE "C" AS name FROM pg_class c JOIN members m ON m.oid = c.oid AND m.classid = 'pg_class'::regclass
   WHERE c.relkind <> 'S';

-- Functions.
SELECT proname COLLATE "C" AS name, pronamespace::regnamespace AS schema,
       regexp_replace(pg_get_function_arguments(oid), '\mIN ', '', 'g') AS arguments, -- PostgreSQL 13 does not say IN
       pg_get_function_result(oid) AS result
  FROM routines ORDER BY signature;
SELECT signature,
       CASE prokind WHEN 'f' THEN 'function' WHEN 'p' THEN 'procedure' ELSE prokind::text END AS kind,
       CASE provolatile WHEN 'v' THEN 'volatile' WHEN 's' THEN 'stable' ELSE 'immutable' END AS volatility,
       proisstrict AS strict,
       CASE proparallel WHEN 's' THEN 'safe' WHEN 'r' THEN 'restricted' ELSE 'unsafe' END AS parallel,
       prosecdef AS definer, proleakproof AS leakproof, prorows AS rows,
       (SELECT lanname FROM pg_language WHERE oid = prolang) AS language,
       pg_get_userbyid(proowner) AS owner, proconfig AS config
  FROM routines ORDER BY signature;
-- Who may execute them; roughly_mailer and everybody else may what PUBLIC may.
SELECT signature,
       has_function_privilege('public', oid, 'EXECUTE') AS public,
       has_function_privilege('roughly_app', oid, 'EXECUTE') AS app,
       has_function_privilege('roughly_admin', oid, 'EXECUTE') AS admin,
       has_function_privilege('roughly_mailer', oid, 'EXECUTE') AS mailer
  FROM routines ORDER BY signature;
SELECT signature, pg_get_userbyid(a.grantor) AS grantor,
       CASE a.grantee WHEN 0 THEN 'PUBLIC' ELSE pg_get_userbyid(a.grantee)::text END COLLATE "C" AS grantee, a.is_grantable
  FROM routines, aclexplode(coalesce(proacl, acldefault('f', proowner))) a
 WHERE a.is_grantable OR a.grantor <> proowner
 ORDER BY 1, 3;
SELECT signature, obj_description(oid, 'pg_proc') AS comment FROM routines ORDER BY signature;

-- Tables.
SELECT name, pg_get_userbyid(relowner) AS owner, relrowsecurity AS rls, relforcerowsecurity AS forced, relkind AS kind,
       relpersistence AS persistence, obj_description(oid, 'pg_class') AS comment
  FROM relations ORDER BY name;
SELECT name, attname, format_type(atttypid, atttypmod) AS type, attnotnull AS required,
       pg_get_expr(adbin, adrelid) AS "default", attstattarget IS NOT DISTINCT FROM 0 AS "no statistics", attstorage AS storage
  FROM relations r JOIN pg_attribute a ON attrelid = r.oid AND attnum > 0 AND NOT attisdropped
  LEFT JOIN pg_attrdef d ON adrelid = attrelid AND adnum = attnum
 ORDER BY name, attnum;
SELECT name, CASE a.grantee WHEN 0 THEN 'PUBLIC' ELSE pg_get_userbyid(a.grantee)::text END COLLATE "C" AS grantee,
       string_agg(lower(a.privilege_type), ', ' ORDER BY a.privilege_type COLLATE "C") AS privileges
  FROM relations, aclexplode(coalesce(relacl, acldefault('r', relowner))) a WHERE a.grantee <> relowner
 GROUP BY 1, 2 ORDER BY 1, 2;
SELECT name, CASE a.grantee WHEN 0 THEN 'PUBLIC' ELSE pg_get_userbyid(a.grantee)::text END COLLATE "C" AS grantee,
       lower(a.privilege_type) COLLATE "C" AS privilege, string_agg(attname, ', ' ORDER BY attnum) AS columns
  FROM relations r JOIN pg_attribute ON attrelid = r.oid, aclexplode(attacl) a
 GROUP BY 1, 2, 3 ORDER BY 1, 2, 3;
SELECT tablename, policyname, permissive, roles, cmd, qual, with_check FROM pg_policies WHERE schemaname = 'roughly'
 ORDER BY tablename COLLATE "C", policyname COLLATE "C";
SELECT conrelid::regclass AS "table", pg_get_constraintdef(c.oid) AS "constraint"
  FROM pg_constraint c JOIN relations r ON r.oid = conrelid WHERE contype IN ('p', 'u', 'c', 'f')
 ORDER BY r.name, contype, conname COLLATE "C";
SELECT tablename, indexdef FROM pg_indexes WHERE schemaname = 'roughly' ORDER BY tablename COLLATE "C", indexname COLLATE "C";

-- The schema, and whatever else belongs to the extension.
SELECT nspname, pg_get_userbyid(nspowner) AS owner, pg_get_userbyid(a.grantee) AS grantee, lower(a.privilege_type) AS privilege
  FROM pg_namespace, aclexplode(nspacl) a WHERE nspname = 'roughly' ORDER BY 3, 4;
SELECT pg_describe_object(classid, oid, 0) FROM members
 WHERE classid NOT IN ('pg_proc'::regclass, 'pg_class'::regclass, 'pg_type'::regclass) -- from PostgreSQL 17 on a table's types are members
 ORDER BY pg_describe_object(classid, oid, 0) COLLATE "C";
SELECT c.oid::regclass AS dumped, condition
  FROM pg_extension, unnest(extconfig, extcondition) AS e (oid, condition) JOIN pg_class c ON c.oid = e.oid
 WHERE extname = 'roughly_auth' ORDER BY c.oid::regclass::text COLLATE "C";

-- The clocks of the throttle: for nobody, and left out of the dump.
SELECT regexp_replace(c.relname, '[0-9]+$', 'N') AS sequence, count(*), pg_get_userbyid(relowner) AS owner, relacl AS privileges,
       bool_or(c.oid = ANY (extconfig)) AS dumped
  FROM pg_class c JOIN members m ON m.oid = c.oid, pg_extension WHERE relkind = 'S' AND extname = 'roughly_auth' GROUP BY 1, 3, 4;

-- Roles: nothing but names for privileges. Settings.
SELECT rolname, rolsuper, rolinherit, rolcreaterole, rolcreatedb, rolcanlogin, rolreplication, rolbypassrls, rolconnlimit, rolvaliduntil
  FROM pg_roles WHERE rolname ~ '^roughly_' ORDER BY rolname COLLATE "C";
SELECT pg_get_userbyid(roleid) AS role, pg_get_userbyid(member) AS member FROM pg_auth_members
 WHERE 'roughly_owner'::regrole IN (roleid, member);
SELECT roughly_current_user(); -- loads the module
SELECT name, unit, context, vartype, min_val, max_val, boot_val, short_desc, extra_desc
  FROM pg_settings WHERE name ~ '^roughly_auth\.' ORDER BY name COLLATE "C";

-- Nothing without a comment, a pinned search_path (procedures that commit cannot have one) or a row-level wall.
SELECT signature FROM routines WHERE obj_description(oid, 'pg_proc') IS NULL;
SELECT name FROM relations WHERE obj_description(oid, 'pg_class') IS NULL OR NOT relrowsecurity OR NOT relforcerowsecurity;
SELECT signature FROM routines WHERE proconfig IS DISTINCT FROM '{"search_path=pg_catalog, pg_temp"}' AND prokind = 'f';
SELECT signature FROM routines WHERE pg_get_userbyid(proowner) <> 'roughly_owner';

DROP VIEW relations, routines, members;
DROP EXTENSION roughly_auth;
