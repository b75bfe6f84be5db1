\echo Use "ALTER EXTENSION roughly_auth UPDATE" to load this file. \quit

-- It seldom runs a statement, and pins search_path itself where it does.
ALTER FUNCTION @extschema@.roughly_cast_vote(uuid, text) RESET search_path;

-- Citus and PL/Proxy exclude each other.
CREATE OR REPLACE FUNCTION roughly_distribute(shards integer DEFAULT 32, OUT relation regclass, OUT distributed_by text) RETURNS SETOF record
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

ALTER FUNCTION roughly.node_number(uuid) OWNER TO roughly_owner;
REVOKE ALL ON FUNCTION roughly.node_number(uuid) FROM PUBLIC;
ALTER FUNCTION roughly.node_status() OWNER TO roughly_owner;
REVOKE ALL ON FUNCTION roughly.node_status() FROM PUBLIC;
ALTER FUNCTION roughly.node_add_vote(uuid, uuid, bytea, uuid, bytea) OWNER TO roughly_owner;
REVOKE ALL ON FUNCTION roughly.node_add_vote(uuid, uuid, bytea, uuid, bytea) FROM PUBLIC;
ALTER FUNCTION roughly.node_find_receipts(uuid[], uuid[]) OWNER TO roughly_owner;
REVOKE ALL ON FUNCTION roughly.node_find_receipts(uuid[], uuid[]) FROM PUBLIC;
ALTER FUNCTION roughly.node_enough_ballots(uuid, bigint) OWNER TO roughly_owner;
REVOKE ALL ON FUNCTION roughly.node_enough_ballots(uuid, bigint) FROM PUBLIC;
ALTER FUNCTION roughly.node_following_ballots(uuid, uuid) OWNER TO roughly_owner;
REVOKE ALL ON FUNCTION roughly.node_following_ballots(uuid, uuid) FROM PUBLIC;
ALTER FUNCTION roughly.node_discard_ballots(uuid, uuid[]) OWNER TO roughly_owner;
REVOKE ALL ON FUNCTION roughly.node_discard_ballots(uuid, uuid[]) FROM PUBLIC;
ALTER FUNCTION roughly.node_replace_ballot(uuid, uuid, bytea, bytea) OWNER TO roughly_owner;
REVOKE ALL ON FUNCTION roughly.node_replace_ballot(uuid, uuid, bytea, bytea) FROM PUBLIC;
ALTER FUNCTION roughly.node_taken_votes(uuid) OWNER TO roughly_owner;
REVOKE ALL ON FUNCTION roughly.node_taken_votes(uuid) FROM PUBLIC;
ALTER FUNCTION roughly_partition(name) OWNER TO roughly_owner;
REVOKE ALL ON FUNCTION roughly_partition(name) FROM PUBLIC;

-- What is new is no finding.
CREATE OR REPLACE FUNCTION roughly_security_check(OUT severity text, OUT item text, OUT current text, OUT remedy text) RETURNS SETOF record
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
  FROM routines WHERE has_function_privilege('public', oid, 'execute') AND proname NOT IN ('roughly_aggregate', 'roughly_release', 'roughly_questions')
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
