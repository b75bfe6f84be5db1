-- Beyond one machine: questions, and everything counted for them, on the nodes of a Citus cluster. Nothing here needs Citus
-- before it is called. Superusers only: it makes a role that can log in.
CREATE FUNCTION roughly_distribute(shards integer DEFAULT 32, OUT relation regclass, OUT distributed_by text) RETURNS SETOF record
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
COMMENT ON FUNCTION roughly_distribute(integer) IS
  'Distributes questions, votes, ballots, batches, tallies and releases over a Citus cluster, by question; accounts stay on the coordinator. One transaction; a row for every table that it has distributed, none for those that were. Lets roughly_owner log in, as Citus connects to the nodes with it. Superusers only. Errors: 25006 on a standby, 55000 citus is missing or not the first of shared_preload_libraries, 22004, 22023.';
