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
