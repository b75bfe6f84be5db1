#!/usr/bin/env bash
# Ready for Citus, without Citus: what the statements of the C++ must keep, and what roughly_distribute asks for, in which order.
# The extension "citus" of this test is a STAND-IN: it distributes nothing, it writes down how it is called, and it refuses what the
# real one is known to refuse (docs/scaling.md). With the real one: tests/citus/run.
set -u
source "$(dirname "$0")/lib.sh"
need python3 gcc >&2

# --- statements: each names its question, for each table of the group, so that one node has all it needs
cat > "$work/statements" <<'PY'
#!/usr/bin/env python3
# statements FILE...: a line per statement of C++ that touches the question group and breaks a rule: what, "file:name", which.
import os, re, sys
group = 'questions|votes|ballots|batches|tallies|releases'
literals = r'(?:(\w+)\{)?\s*((?:(?://[^\n]*\n\s*)|"(?:[^"\\]|\\.)*"\s*)+)'
modifies = re.compile('INSERT|UPDATE|DELETE')
for file in sys.argv[1:]:
    for name, text in re.findall(literals, open(file).read()):
        sql = ''.join(re.findall(r'"((?:[^"\\]|\\.)*)"', re.sub(r'^\s*//[^\n]*$', '', text, flags=re.M)))
        if not re.match('SELECT|INSERT|UPDATE|DELETE|WITH|LOCK|MERGE|TRUNCATE', sql):
            continue
        tables = re.findall(r'roughly\.(?:%s)\b' % group, sql)
        if not tables:
            continue
        label = os.path.basename(file) + ':' + (name or sql)
        if '--list' in os.environ.get('STATEMENTS', ''):
            print(label, len(tables))
            continue
        keyed = re.findall(r'\b(?:question_id|id) = (?:\$1\b|\w+\.question_id\b)', sql) \
            + re.findall(r'INSERT INTO roughly\.(?:%s) \((?:question_id|id), [^)]*\) VALUES \(\$1,' % group, sql)
        if len(keyed) < len(tables):
            print('across' if not modifies.match(sql) else 'modifies across', label)
        if modifies.search(sql) and re.search(r'clock_timestamp|random|timeofday|nextval', sql):
            print('volatile', label)
        if re.search(r'DO UPDATE SET.*\bnow\(', sql):
            print('not immutable', label)
PY
chmod 755 "$work/statements"
sources=("$top"/src/*/*.cpp)
# Those that go to all nodes, on purpose; they only read.
across="past_answers.cpp:select_questions
past_answers.cpp:count_asked
check.cpp:select_questions
check.cpp:select_waiting
publish.cpp:select_uncounted
question.cpp:select_questions
sealed_values.cpp:next_question
vote_store.cpp:select_receipts"
why=("own answers are told over all questions" "a grade compares answers with all that was asked"
  "the check goes through all of them" "monitoring tells of any" "the scheduler goes through all" "the list for everybody" "rotation and check go through all"
  "own answers are opened by a tag for each")
is "${#why[@]}" "$(wc -l <<< "$across")" "each has a reason"
is "$(STATEMENTS=--list "$work/statements" "${sources[@]}" | awk '{ n += $NF } END { print (n > 35), n }')" \
  "1 $(grep -hoE '\b(FROM|INTO|UPDATE|JOIN|USING|TABLE|TRUNCATE|LOCK) roughly\.(questions|votes|ballots|batches|tallies|releases)\b' "${sources[@]}" | wc -l)" \
  "control: every table that the code names is named in one of the statements"
is "$("$work/statements" "${sources[@]}" | sort)" "$(sed 's/^/across /' <<< "$across" | sort)" "every other statement names its question, and computes nothing volatile"
cat > "$work/faults.cpp" <<'CPP'
constinit Statement one{"SELECT count(*) FROM roughly.votes", {}};
constinit Statement two{ // with a comment
    "SELECT (SELECT count(*) FROM roughly.votes v WHERE v.voter_tag = $2)"
    " FROM roughly.questions WHERE id = $1",
    {UUIDOID}};
constinit Statement three{"UPDATE roughly.questions SET closes_at = pg_catalog.clock_timestamp() WHERE id = $1", {UUIDOID}};
constinit Statement four{"DELETE FROM roughly.ballots WHERE id = ANY ($1)", {UUIDOID}};
constinit Statement five{"INSERT INTO roughly.tallies (question_id, sealed) VALUES ($1, $2) ON CONFLICT (question_id) DO UPDATE SET at = pg_catalog.now()", {UUIDOID}};
constinit Statement six{"SELECT t.sealed FROM roughly.tallies t JOIN roughly.questions q ON q.id = t.question_id WHERE q.id = $1", {UUIDOID}};
Kind kinds[] = {{{"UPDATE roughly.batches SET sealed = $2 WHERE batch_no = $1", {UUIDOID}}}};
CPP
is "$("$work/statements" "$work/faults.cpp")" "across faults.cpp:one
across faults.cpp:two
volatile faults.cpp:three
modifies across faults.cpp:four
not immutable faults.cpp:five
modifies across faults.cpp:UPDATE roughly.batches SET sealed = \$2 WHERE batch_no = \$1" "(faults are found)"

# From 1.0.0 on an update may meet distributed tables: there DDL on them must be one guarded statement for each EXECUTE.
bare() { grep -nE '^(ALTER TABLE|CREATE (UNIQUE )?INDEX|CREATE POLICY|CREATE TRIGGER|DROP|COMMENT ON COLUMN)\b.*\broughly\.(questions|votes|ballots|batches|tallies|releases)\b' "$@"; }
is "$(bare "$top"/sql/upgrade/*.sql)" '' "no update changes a table of the group in the plain way"
is "$(bare <<< 'ALTER TABLE roughly.votes ADD fault int;')" '1:ALTER TABLE roughly.votes ADD fault int;' "(it would be found)"

# --- the stand-in, as a library: empty, so that its name can be in shared_preload_libraries
mkdir "$work/lib"
printf '#include "postgres.h"\n#include "fmgr.h"\nPG_MODULE_MAGIC;\n' > "$work/citus.c"
gcc -shared -fPIC "-I$("$PG_CONFIG" --includedir-server)" -o "$work/lib/citus.so" "$work/citus.c"
cp "$work/lib/citus.so" "$work/lib/citus_other.so"
preload() { # preload LIBRARIES: the server, started with them
  stop_cluster one
  echo "shared_preload_libraries = '$1'" | as_server tee -a "$data/postgresql.conf" > /dev/null
  start_cluster one
  export PGDATABASE=poll
}
start_poll one "dynamic_library_path = '$work/lib:\$libdir'"
make_people 14
q=$(ask_question "'{gender}'") other=$(ask_question)
vote "$q" 1 6 tea
publish "$q"
vote "$q" 7 8 coffee # they wait
vote "$other" 1 3 water
before=$(contents) numbers=$(published "$q" gender)
can_log_in() { sql -c "SELECT rolcanlogin FROM pg_roles WHERE rolname = 'roughly_owner'"; }
policies() { sql -c "SELECT tablename, roles, cmd, qual, with_check FROM pg_policies WHERE policyname = 'nodes' ORDER BY 1"; }

like "$(error -c 'SELECT roughly_distribute()')" '^ERROR:  55000: this database does not have the extension citus.HINT:  Put citus first in shared_preload_libraries on every node' \
  "without the extension: an error and what to do"
is "$(can_log_in),$(policies)" 'f,' "nothing has been done"

# --- the stand-in, as an extension. Written into the catalogs of this cluster, so that no file is left in the server's directories.
calls='CREATE TABLE public.calls (n serial, call text)'
stand_in() { # stand_in DATABASE
  sql -d "$1" -c "$calls" -f - <<'SQL'
SET allow_system_table_mods = on;
INSERT INTO pg_extension (oid, extname, extowner, extnamespace, extrelocatable, extversion) VALUES (987654, 'citus', 10, 'pg_catalog'::regnamespace, false, 'stand-in');
CREATE TABLE pg_catalog.pg_dist_partition (logicalrelid regclass PRIMARY KEY);
CREATE FUNCTION pg_catalog.create_distributed_table(table_name regclass, distribution_column text, distribution_type text DEFAULT 'hash',
    colocate_with text DEFAULT 'default', shard_count integer DEFAULT NULL) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  IF EXISTS (SELECT FROM pg_index WHERE indrelid = table_name AND indisunique AND NOT (SELECT attnum FROM pg_attribute WHERE attrelid = table_name AND attname = distribution_column) = ANY (indkey)) THEN
    RAISE 'stand-in: Distributed relations cannot have UNIQUE constraints that do not include the partition column';
  ELSIF EXISTS (SELECT FROM pg_trigger WHERE tgrelid = table_name AND NOT tgisinternal) THEN
    RAISE 'stand-in: triggers are not supported on distributed tables';
  ELSIF EXISTS (SELECT FROM pg_constraint WHERE conrelid = table_name AND contype = 'f' AND confrelid NOT IN (SELECT logicalrelid FROM pg_dist_partition)) THEN
    RAISE 'stand-in: referenced table must be a distributed table or a reference table';
  ELSIF NOT colocate_with IN ('none', 'default') AND NOT EXISTS (SELECT FROM pg_dist_partition WHERE logicalrelid = colocate_with::regclass) THEN
    RAISE 'stand-in: relation % is not distributed', colocate_with;
  ELSIF EXISTS (SELECT FROM pg_dist_partition WHERE logicalrelid = table_name) THEN
    RAISE 'stand-in: table % is already distributed', table_name;
  END IF;
  INSERT INTO pg_dist_partition VALUES (table_name);
  INSERT INTO public.calls (call) VALUES (format('create_distributed_table(%s, %s, %s, %s) with %s shards, %s, policies %s, owner logs in %s', table_name, distribution_column,
    distribution_type, colocate_with, current_setting('citus.shard_count'), current_setting('citus.multi_shard_modify_mode'),
    (SELECT count(*) FROM pg_policy WHERE polrelid = table_name), (SELECT rolcanlogin FROM pg_roles WHERE rolname = 'roughly_owner')));
END $$;
CREATE FUNCTION pg_catalog.create_distributed_function(function_name regprocedure, distribution_arg_name text, colocate_with text DEFAULT 'default',
    force_delegation boolean DEFAULT NULL) RETURNS void LANGUAGE sql AS $$
  INSERT INTO public.calls (call) VALUES (format('create_distributed_function(%s, %s, %s, forced %s), %s', function_name, distribution_arg_name, colocate_with,
    COALESCE(force_delegation::text, 'no'), current_setting('citus.multi_shard_modify_mode')))
$$;
CREATE FUNCTION pg_catalog.truncate_local_data_after_distributing_table(function_name regclass) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  IF EXISTS (SELECT FROM pg_constraint WHERE confrelid = function_name AND conrelid NOT IN (SELECT logicalrelid FROM pg_dist_partition)) THEN
    RAISE 'stand-in: cannot truncate a table referenced in a foreign key constraint by a local table';
  END IF;
  INSERT INTO public.calls (call) VALUES (format('truncate_local_data_after_distributing_table(%s)', function_name));
END $$;
SQL
}
stand_in poll
before=$(contents)

# --- where the library stands in shared_preload_libraries
for wrong in '' 'roughly_auth, citus' 'citus_other, citus' '"citus_other"'; do
  preload "$wrong"
  like "$(error -c 'SELECT roughly_distribute()')" '^ERROR:  55000: citus is not the first of shared_preload_libraries.HINT:  Put it first' "refused: shared_preload_libraries = '$wrong'"
done
is "$(can_log_in),$(policies)$(sql -c 'SELECT count(*) FROM calls')" 'f,0' "nothing has been done"
for right in 'citus' "$work/lib/citus" '"citus",roughly_auth' 'citus, roughly_auth'; do
  preload "$right"
  is "$(sql -c BEGIN -c 'SELECT FROM roughly_distribute()' -c 'SELECT max(n) > 0 FROM calls' -c ROLLBACK 2>&1 | grep -E '^t$|ERROR')" t "taken: shared_preload_libraries = '$right'"
done
is "$(can_log_in),$(policies)$(sql -c 'SELECT count(*) FROM calls')" 'f,0' "and rolled back nothing is left"

# --- an error on the way leaves nothing either
sql -c 'CREATE TRIGGER fault BEFORE UPDATE ON roughly.tallies FOR EACH ROW EXECUTE FUNCTION suppress_redundant_updates_trigger()'
like "$(error -c 'SELECT roughly_distribute()')" '^ERROR:  P0001: stand-in: triggers are not supported' "a table that cannot be distributed"
is "$(can_log_in),$(policies)$(sql -c 'SELECT count(*) FROM calls, pg_dist_partition')" 'f,0' "leaves everything as it was"
sql -c 'DROP TRIGGER fault ON roughly.tallies'

# --- what the owner would be held back by on a node: forced row-level security
as_owner() { psql -XqAt -U roughly_owner -v VERBOSITY=sqlstate 2>&1; }
row="INSERT INTO roughly.votes VALUES ('$q', gen_random_uuid(), '')"
sql -c 'ALTER ROLE roughly_owner LOGIN'
is "$(as_owner <<< "BEGIN; $row; ROLLBACK; SELECT count(*) FROM roughly.releases")" $'ERROR:  42501\n0' "control: without a policy the owner can neither write nor read"
sql -c 'ALTER ROLE roughly_owner NOLOGIN'

# --- it is called
answer=$(sql -c "SELECT * FROM roughly_distribute(48)" 2>&1)
is "$answer" 'NOTICE:  role "roughly_owner" may log in from now on
HINT:  Citus connects to the nodes as this role. In pg_hba.conf let it in from the nodes alone.
roughly.questions|id
roughly.votes|question_id
roughly.ballots|question_id
roughly.batches|question_id
roughly.tallies|question_id
roughly.releases|question_id' "it tells what it distributes, and that the owner may log in"
as='with 48 shards, sequential, policies 1, owner logs in t'
is "$(sql -c 'SELECT call FROM calls ORDER BY n')" "create_distributed_table(roughly.questions, id, hash, none) $as
create_distributed_table(roughly.votes, question_id, hash, roughly.questions) $as
create_distributed_table(roughly.ballots, question_id, hash, roughly.questions) $as
create_distributed_table(roughly.batches, question_id, hash, roughly.questions) $as
create_distributed_table(roughly.tallies, question_id, hash, roughly.questions) $as
create_distributed_table(roughly.releases, question_id, hash, roughly.questions) $as
create_distributed_function(public.roughly_aggregate(uuid,text[]), question, roughly.questions, forced no), sequential
truncate_local_data_after_distributing_table(roughly.questions)
truncate_local_data_after_distributing_table(roughly.votes)
truncate_local_data_after_distributing_table(roughly.ballots)" "what it asks Citus for, in this order"
is "$(can_log_in)" t "the owner may log in"
is "$(policies)" 'ballots|{roughly_owner}|ALL|true|true
batches|{roughly_owner}|ALL|true|true
questions|{roughly_owner}|ALL|true|true
releases|{roughly_owner}|ALL|true|true
tallies|{roughly_owner}|ALL|true|true
votes|{roughly_owner}|ALL|true|true' "with a policy on each of these tables, for it alone"
is "$(as_owner <<< "BEGIN; $row; ROLLBACK; SELECT count(*) > 0 FROM roughly.releases; SELECT count(*) FROM roughly.users; SELECT count(*) FROM roughly.keys")" $'t\n0\n0' \
  "so it writes and reads there, and sees no account"
like "$(error -U app -c 'SELECT FROM roughly.releases')" '^ERROR:  42501' "nobody else does"
is "$(sql -c 'SHOW citus.multi_shard_modify_mode' -c 'SHOW citus.shard_count' 2>&1 | tr '\n' ' ')" 'ERROR:  unrecognized configuration parameter "citus.multi_shard_modify_mode" ' "no setting outlives it"
is "$(sql -c BEGIN -c "SET citus.multi_shard_modify_mode = 'mine'" -c 'SELECT FROM roughly_distribute()' -c 'SHOW citus.multi_shard_modify_mode' -c ROLLBACK)" mine "that of the caller is put back"

# --- again, and when it had been done in part
sql -c 'DELETE FROM calls'
is "$(sql -c 'SELECT * FROM roughly_distribute()' 2>&1)" '' "again: nothing to distribute, nothing to say"
is "$(sql -c 'SELECT call FROM calls')" 'create_distributed_function(public.roughly_aggregate(uuid,text[]), question, roughly.questions, forced no), sequential' "but for the function, which an update may have made anew"
sql -c 'DELETE FROM calls' -c "DELETE FROM pg_dist_partition WHERE logicalrelid IN ('roughly.votes'::regclass, 'roughly.releases'::regclass)" -c 'DROP POLICY nodes ON roughly.votes'
is "$(sql -c 'SELECT relation FROM roughly_distribute()')" $'roughly.votes\nroughly.releases' "what is lacking is done"
is "$(sql -c "SELECT call FROM calls WHERE call ~ 'truncate'"),$(policies | wc -l)" 'truncate_local_data_after_distributing_table(roughly.votes),6' "and nothing else is emptied"

# --- a poll that has been prepared so goes on
is "$(contents)" "$before" "no row has changed"
vote "$q" 9 14 coffee
publish "$q"
is "$(published "$q")" $'{}|coffee|8|14|2\n{}|tea|6|14|2\n{}|water|0|14|2' "votes and counting go on"
sql -c 'CALL roughly_rotate_key()' 2> /dev/null
is "$(sql -U admin -c 'SELECT * FROM roughly_check()')" '' "and rotation"
numbers=$(published "$q" gender)
findings() { sql -c "SELECT severity, item, current FROM roughly_security_check() WHERE item !~ '^setting' AND (item ~ 'roughly' OR severity = 'critical') ORDER BY 1, 2, 3"; }
is "$(findings)" 'warning|role roughly_owner|LOGIN' "roughly_security_check warns of the owner, and of nothing else"
is "$(sql -c BEGIN -c 'ALTER POLICY nodes ON roughly.votes TO PUBLIC' -c "SELECT item, current FROM roughly_security_check() WHERE item ~ '^policy'" -c ROLLBACK)" 'policy on roughly.votes|nodes' "(but of a policy for everybody)"
is "$(sql -c BEGIN -c 'ALTER ROLE roughly_owner CREATEROLE' -c "SELECT severity, current FROM roughly_security_check() WHERE item ~ 'roughly_owner'" -c ROLLBACK | sort)" \
  $'critical|has attributes\nwarning|LOGIN' "(and of every other attribute)"

# --- another node, and another schema
sql -d postgres -c 'CREATE DATABASE node' -c 'CREATE DATABASE single'
like "$(error -d single -c 'CREATE EXTENSION roughly_auth')" '^ERROR:  0P000: role "roughly_owner" exists and cannot be used: it has attributes' "where there is no Citus the owner must not log in"
stand_in node
ok "on a node it may" sql -d node -c 'CREATE SCHEMA "Else where"' -c 'CREATE EXTENSION roughly_auth SCHEMA "Else where"'
sql -d node -c 'SELECT FROM "Else where".roughly_distribute()'
is "$(sql -d node -c "SELECT call FROM calls WHERE call ~ 'function'")" \
  'create_distributed_function("Else where".roughly_aggregate(uuid,text[]), question, roughly.questions, forced no), sequential' "whatever the schema of the functions"

# --- the way back: a dump of the coordinator restores undistributed, by the commands of docs/scaling.md
rows=$(contents)
awk '/^### The way back/{way = 1} /^### Uninstalling/{way = 0} /^```/{inside = 0} way && inside; way && /^```sh/{inside = 1}' "$top/docs/scaling.md" > "$work/way_back"
ok "the way back" bash -ec "cd '$work'; unset PGDATABASE; . ./way_back"
export PGDATABASE=poll_again
is "$(grep -v '^roughly.keys' <<< "$(contents)")" "$(grep -v '^roughly.keys' <<< "$rows")" "every row is there"
is "$(can_log_in),$(policies),$(sql -c "SELECT count(*) FROM pg_extension WHERE extname = 'citus'")" 'f,,0' "no log-in, no policy, no Citus"
is "$(published "$q" gender)" "$numbers" "published numbers"
is "$(sql -U admin -c 'SELECT * FROM roughly_check()')$(findings)" '' "and all is well"

# --- removing it, by the statements of docs/scaling.md
awk '/^##/{way = /^### Uninstalling/} /^```/{inside = 0} way && inside; way && /^```sql/{inside = 1}' "$top/docs/scaling.md" > "$work/uninstall.sql"
for PGDATABASE in poll node; do
  ok "uninstalling ($PGDATABASE)" sql -f "$work/uninstall.sql"
  is "$(sql -c "SELECT count(*) FROM pg_class WHERE relnamespace = to_regnamespace('roughly')" -c "SELECT count(*) FROM pg_proc WHERE proname LIKE 'roughly\_%'" \
    -c "SELECT count(*) FROM pg_namespace WHERE nspname = 'roughly'" | tr '\n' ' ')" '0 0 0 ' "leaves nothing ($PGDATABASE)"
done

done_testing
