#!/usr/bin/env bash
# Every function, called until it would show: no failing call leaves memory or an open file behind, with a subtransaction
# around it or without, nor does one that succeeds. ROUGHLY_GROWTH_CALLS of each, 1000 by default. Runs alone too:
# prove tests/bridge/growth.t
set -u
source "$(dirname "$0")/lib.sh"
calls=${ROUGHLY_GROWTH_CALLS:-1000}

start_poll main "shared_preload_libraries = ''" 'autovacuum = off' 'log_min_messages = fatal'
make_people 2
sql -v token="${token[1]}" -v attacker="${token[2]}" -v phc="$phc" -v question="$(ask_question)" \
  -v victim="$(sql -c "SELECT id FROM roughly.users LIMIT 1")" -f "$top/tests/tap/hostile.sql" -f - <<'SQL'
CREATE EXTENSION roughly_bridge_test;
CREATE TABLE calls AS -- without those that carry a megabyte
  SELECT role, name, statement FROM attack WHERE statement !~ 'repeat\(|array_fill|generate_series';
INSERT INTO calls VALUES ('admin', 'bridge_unprotected', 'SELECT bridge_unprotected()'),
  ('postgres', 'public.roughly_distribute', 'SELECT roughly_distribute()'), ('postgres', 'public.roughly_distribute', 'SELECT roughly_distribute(0)'),
  ('postgres', 'public.roughly_partition', $$SELECT roughly_partition('none')$$),
  ('postgres', 'roughly.node_number', 'SELECT roughly.node_number(gen_random_uuid())'), ('postgres', 'roughly.node_status', 'SELECT roughly.node_status()'),
  ('postgres', 'roughly.node_add_vote', $$SELECT roughly.node_add_vote(gen_random_uuid(), gen_random_uuid(), '', gen_random_uuid(), '')$$),
  ('postgres', 'roughly.node_find_receipts', $$SELECT roughly.node_find_receipts('{}', '{}')$$),
  ('postgres', 'roughly.node_enough_ballots', 'SELECT roughly.node_enough_ballots(gen_random_uuid(), 1)'),
  ('postgres', 'roughly.node_following_ballots', 'SELECT roughly.node_following_ballots(gen_random_uuid(), gen_random_uuid())'),
  ('postgres', 'roughly.node_discard_ballots', $$SELECT roughly.node_discard_ballots(gen_random_uuid(), '{}')$$),
  ('postgres', 'roughly.node_replace_ballot', $$SELECT roughly.node_replace_ballot(gen_random_uuid(), gen_random_uuid(), '', '')$$),
  ('postgres', 'roughly.node_taken_votes', 'SELECT roughly.node_taken_votes(NULL)'),
  ('postgres', 'roughly.ensure_key_file', 'SELECT roughly.ensure_key_file()'); -- of CREATE EXTENSION; nobody else may call it
GRANT SELECT ON calls TO PUBLIC;

CREATE FUNCTION fails(call text) RETURNS boolean LANGUAGE plpgsql AS $$
BEGIN
  EXECUTE call;
  RAISE 'undo it' USING ERRCODE = 'RA999';
EXCEPTION WHEN OTHERS THEN
  RETURN SQLSTATE <> 'RA999';
END $$;
CREATE FUNCTION failures(calls text[], rounds integer, OUT failures bigint) LANGUAGE plpgsql AS $$
BEGIN
  failures := 0;
  IF calls <> '{}' THEN
    FOR i IN 1..rounds LOOP
      failures := failures + fails(calls[1 + i % cardinality(calls)])::integer;
    END LOOP;
  END IF;
END $$;
CREATE FUNCTION turns(calls text[], rounds integer) RETURNS SETOF text LANGUAGE SQL STABLE AS $$ -- streams
  SELECT calls[1 + i % cardinality(calls)] FROM (SELECT generate_series(1, rounds) AS i) n WHERE calls <> '{}'
$$;
CREATE TYPE reading AS (heap bigint, contexts bigint, resident bigint, files bigint); -- bytes in use; files open
CREATE FUNCTION meter() RETURNS reading SECURITY DEFINER LANGUAGE SQL AS $$
  SELECT bridge_heap(), contexts(), 1024 * substring(pg_read_file('/proc/self/status', 0, 10000) FROM 'RssAnon:\s*(\d+) kB')::bigint,
         (SELECT count(*) FROM pg_ls_dir('/proc/self/fd'))
$$;
CREATE FUNCTION growth(a reading, b reading) RETURNS text LANGUAGE SQL AS $$
  SELECT concat_ws('|', b.heap - a.heap, b.contexts - a.contexts, b.resident - a.resident, b.files - a.files)
$$;
SQL

# measure NAME ROLE: lines "how|failures|heap|contexts|resident|files", the last four as added by the second half of the
# calls; the first half fills caches. Who is logged in cannot make every function fail, nobody can. Calls that succeed are
# undone, and fewer, as some hash a password.
measure() {
  local login=''
  [ "$2" != app ] || login="SELECT FROM roughly_authenticate('${token[2]}');"
  psql -XqAt -U "$2" -v name="$1" -v login="$login" -v half=$((calls / 2)) -v few=$((calls / 40)) -v VERBOSITY=sqlstate \
    > "$work/growth.$1" 2> "$work/growth.$1.errors" <<'SQL'
BEGIN; :login
SELECT COALESCE(array_agg(statement) FILTER (WHERE fails), '{}') AS failing,
       COALESCE(array_agg(statement) FILTER (WHERE fails AND name !~ 'rotate_key'), '{}') AS failing_alone, -- it would add a key each time
       COALESCE(array_agg(statement) FILTER (WHERE NOT fails), '{}') AS passing
  FROM (SELECT name, statement, fails(statement) FROM calls WHERE name = :'name' OFFSET 0) c \gset
COMMIT;
SELECT :'failing' = '{}' AS never_fails \gset
\set caller :login
\if :never_fails
  \set caller ''
  SELECT COALESCE(array_agg(statement) FILTER (WHERE fails(statement)), '{}') AS failing FROM calls WHERE name = :'name' \gset
\set failing_alone :failing
\endif
SELECT CASE :'failing' WHEN '{}' THEN :half ELSE :few END AS few, growth(meter(), meter()) \gset

BEGIN; :caller
SELECT failures(:'failing', :half) AS first \gset
COMMIT;
SELECT meter() AS halfway \gset
BEGIN; :caller
SELECT :first + failures(:'failing', :half) AS failures \gset
COMMIT;
SELECT growth(:'halfway', meter()) \gset
\echo subtransaction|:failures|:growth

\o /dev/null
SELECT :'caller' || t FROM turns(:'failing_alone', :half) t \gexec
SELECT meter() AS halfway \gset
SELECT :'caller' || t FROM turns(:'failing_alone', :half) t \gexec
SELECT growth(:'halfway', meter()) \gset
\o
\echo statement||:growth

BEGIN; :login
SELECT failures(:'passing', :few) AS first \gset
COMMIT;
SELECT meter() AS halfway \gset
BEGIN; :login
SELECT :first + failures(:'passing', :few) AS failures \gset
COMMIT;
SELECT growth(:'halfway', meter()) \gset
\echo passing|:failures|:growth
SQL
}

is "$(sql -c "SELECT p.oid::regprocedure FROM pg_depend d JOIN pg_proc p ON d.classid = 'pg_proc'::regclass AND p.oid = d.objid
  WHERE d.deptype = 'e' AND d.refobjid = (SELECT oid FROM pg_extension WHERE extname = 'roughly_auth')
    AND NOT EXISTS (SELECT FROM calls WHERE name = format('%I.%I', p.pronamespace::regnamespace, p.proname))")" '' "no function is left out"

never_fail=''
judge() { # judge NAME
  local name=$1 how failed heap contexts resident files seen='' grown='' most=0
  while IFS='|' read -r how failed heap contexts resident files; do
    seen+="${failed:+$how $failed, }"
    grown+="${grown:+; }$how: heap $heap, contexts $contexts, resident $resident, files $files"
    # A leak of any size shows in enough calls. What is resident is counted in pages.
    if [ "$heap" -ge 65536 ] || [ "$contexts" -ge 65536 ] || [ "$resident" -ge 1048576 ] || [ "$files" -ge 10 ]; then most=1; fi
  done < "$work/growth.$name"
  seen+="statement $(grep -c '^ERROR: ' "$work/growth.$name.errors" || true)"
  case $name:$seen in
    bridge_unprotected:*) is "$most" 1 "negative control: without call() memory is lost ($grown)"; return ;;
    *:'subtransaction 0, passing 0, statement 0') never_fail+="${name#public.} " ;;
    *.roughly_publish*:* | *.roughly_rotate_key:*) like "$seen" "^subtransaction $((calls / 2 * 2))," "$name fails inside a transaction" ;;
    *) is "$seen" "subtransaction $((calls / 2 * 2)), passing 0, statement $((calls / 2 * 2))" "$name: all calls that should fail do" ;;
  esac
  ok "$name: no growth ($grown)" test "$most" = 0
}
mapfile -t functions < <(sql -c "SELECT DISTINCT name || ' ' || role FROM calls ORDER BY 1")
for ((i = 0; i < ${#functions[@]}; i += 2)); do # two backends at a time
  for pair in "${functions[@]:i:2}"; do measure "${pair% *}" "${pair#* }" & done
  wait
  for pair in "${functions[@]:i:2}"; do judge "${pair% *}"; done
done
is "$never_fail" "roughly_audit roughly_check roughly_current_session roughly_current_user roughly_dimensions roughly_key_status roughly_log_out roughly_questions roughly_reissue_session roughly_security_check roughly_sign_out_of_transaction roughly_status roughly.ensure_key_file roughly.may_write_account roughly.node_number " "what cannot fail"

done_testing
