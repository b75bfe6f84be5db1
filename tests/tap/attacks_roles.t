#!/usr/bin/env bash
# Attacks with SQL alone, by roles that are no superuser: what they read between the lines, and what they plant.
set -u
source "$(dirname "$0")/lib.sh"

start_poll one 'wal_level = logical' 'autovacuum = off' 'track_commit_timestamp = on' 'track_functions = all' "shared_preload_libraries = 'pg_stat_statements'"
# Everybody may plant in the schema "stall", which no attacker needs a superuser for.
sql -c 'CREATE ROLE ordinary LOGIN' -c 'CREATE ROLE reader LOGIN IN ROLE pg_read_all_data' -c 'CREATE ROLE replica LOGIN REPLICATION' \
  -c 'CREATE SCHEMA stall' -c 'GRANT ALL ON SCHEMA stall TO PUBLIC' -c 'CREATE EXTENSION pg_stat_statements'
make_people 14
as() { # as PERSON SQL: what it prints, run by the application while that person acts; 0 is nobody
  printf '%s\n' 'BEGIN;' "${token[$1]:+SELECT FROM roughly_authenticate('${token[$1]}') \\g /dev/null}" "$2" 'COMMIT;' | psql -XqAt -v VERBOSITY=verbose -U app 2>&1 | sed '/^LOCATION: /d'
}
email() { echo "person$1@example.org"; }
as 1 "SELECT roughly_set_profile('{\"country\": \"NL\", \"region\": \"NL-UT\", \"gender\": \"non_binary\", \"birth_year\": 1931}');" > /dev/null
as 2 "SELECT roughly_set_profile('{\"country\": \"BE\"}');" > /dev/null
q=$(ask_question "'{country,region,gender,age_band}'")
vote "$q" 3 4 tea
state() { sed -n 's/^ERROR:  \([0-9A-Z]*\): .*/\1/p' <<< "$1" | head -n 1; }
# outcomes WHO PERSON STATEMENT...: the SQLSTATE of each, in a transaction of its own in which that person acts; all on one connection.
outcomes() {
  local who=$1 act=${token[$2]:+"SELECT FROM roughly_authenticate('${token[$2]}');"} statement; shift 2
  for statement; do printf '%s\n' 'BEGIN;' "$act" "$statement;" '\echo :SQLSTATE' 'ROLLBACK;'; done | cat <(echo '\o /dev/null') - | psql -Xq -U "$who" 2>/dev/null
}
# refused WHO STATE STATEMENT...: nothing, unless this role gets another answer than that error; then what it got.
refused() {
  local who=$1 wanted=$2 i=0 got; shift 2
  while read -r got; do
    i=$((i + 1))
    [ "$got" = "$wanted" ] || printf '%s: %s: %s\n' "$who" "$got" "${!i}"
  done < <(outcomes "$who" 0 "$@")
  [ "$i" = $# ] || echo "$who: only $i of $# answers"
}

# --- EXPLAIN
plan() { as "$1" "SET LOCAL enable_indexscan = off; SET LOCAL enable_bitmapscan = off; SET LOCAL enable_indexonlyscan = off;
  EXPLAIN (ANALYZE, VERBOSE, WAL, COSTS off, TIMING off, SUMMARY off) $2;"; }
tea=$(plan 1 "SELECT roughly_cast_vote('$q', 'tea')")
vote "$q" 2 2 water
unlike "$tea" 'Insert|Scan|votes|ballots|Query Text' "EXPLAIN ANALYZE of a vote shows a call and nothing of what it does"
like "$tea" 'WAL: records=[0-9]+ .*bytes=' "control: it counts the write-ahead log"
wal() { sed -n 's/.*WAL: //p' <<< "$1"; }
is "$(wal "$(plan 5 "SELECT roughly_cast_vote('$q', 'tea')")")" "$(wal "$(plan 6 "SELECT roughly_cast_vote('$q', 'coffee')")")" "two votes log the same amount, whatever choice"
unlike "$(plan 1 'SELECT * FROM roughly_my_answers()')$(plan 1 'SELECT roughly_export_my_data()')" 'Scan on roughly|votes' "nor does it show how answers are read"
like "$(plan 0 'SELECT count(*) FROM roughly.users')" 'Rows Removed by Filter: 14' "EXPLAIN ANALYZE of one's own row tells how many accounts there are (documented: so does pg_stat_user_tables)"
# A policy that has not been asked yet is a trace of the condition asked before it.
is "$(as 1 "SELECT count(*) FROM roughly.users WHERE email BETWEEN '$(email 2)' AND '$(email 2)'; SELECT count(*) FROM roughly.user_profiles WHERE country BETWEEN 'BE' AND 'BE';")" $'0\n0' "control: no row of another is found by its address or profile"
sql -U app -c 'CREATE TABLE stall.notes (author uuid, body text)' -c 'ALTER TABLE stall.notes ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY' \
  -c 'CREATE POLICY fill ON stall.notes FOR INSERT WITH CHECK (true)' -c "INSERT INTO stall.notes VALUES (gen_random_uuid(), 'hidden')" \
  -c 'CREATE POLICY own ON stall.notes FOR SELECT USING (author = (SELECT roughly_current_user()))'
guess() { plan 0 "SELECT 1 FROM $1 WHERE $2 BETWEEN '$3' AND '$3'" | grep -c 'never executed'; }
is "$(guess stall.notes body hidden) $(guess stall.notes body other)" '0 1' "EXPLAIN ANALYZE finds hidden values of a table whose policy asks in a sub-select: the condition of the query may run first (documented)"
sql -U app -c 'ALTER POLICY own ON stall.notes USING (author = roughly_current_user())'
is "$(guess stall.notes body hidden) $(guess stall.notes body other)" '0 0' "but not with the policy of the README"
is "$(guess roughly.users email "$(email 2)")" "$(guess roughly.users email nobody@example.org)" "EXPLAIN ANALYZE does not tell the application whether an address has an account"
is "$(guess roughly.user_profiles country BE)" "$(guess roughly.user_profiles country FR)" "nor whether anybody's profile has a value"

# --- statistics
sql -c ANALYZE
stats() { sql -U "$1" -c "SELECT count(*) FROM pg_stats WHERE schemaname = 'roughly'"; }
is "$(stats app) $(stats admin) $(stats ordinary) $(stats reader)" '0 0 0 0' "pg_stats shows the application, the administration, a reader of all data and everybody else nothing of our tables"
is "$(sql -c "SELECT count(*) FROM pg_stats WHERE tablename = 'notes'")" 2 "control: a superuser is shown a table with such policies"
is "$(for who in app admin ordinary; do refused $who 42501 'SELECT FROM pg_statistic'; done)" '' "pg_statistic is closed to application, administration and everybody else"
sampled="SELECT count(DISTINCT staattnum) FROM pg_statistic WHERE starelid IN (SELECT oid FROM pg_class WHERE relnamespace = 'roughly'::regnamespace AND relname NOT IN ('dimensions', 'questions', 'releases'))
  AND (stavalues1::text ~ '[0-9a-f]{8}-[0-9a-f]{4}-4' OR stavalues2::text ~ '[0-9a-f]{8}-[0-9a-f]{4}-4')"
is "$(sql -U reader -c "SELECT count(*) FROM roughly.users")" 0 "control: a reader of all data sees no account"
is "$(sql -U reader -c "$sampled")" 0 "nor the ids of accounts, sessions or events among the samples in pg_statistic"

# --- counters, clocks and locks
# What a backend counted is sure to show once it is gone.
gone() { until_true "SELECT count(*) = 1 FROM pg_stat_activity WHERE backend_type = 'client backend'"; }
counts() { gone; sql -U ordinary -c "SELECT string_agg(relname || ' ' || n_tup_ins, ', ' ORDER BY relname) FROM pg_stat_user_tables WHERE schemaname = 'roughly' AND relname = ANY ('{$1}')"; }
calls() { gone; sql -U ordinary -c "SELECT calls FROM pg_stat_user_functions WHERE funcname = 'roughly_cast_vote'"; }
last_commit() { sql -U ordinary -c 'SELECT xid FROM pg_last_committed_xact()'; }
before=$(calls) commit=$(last_commit)
is "$(counts ballots,votes)" 'ballots 6, votes 6' "everybody sees how many rows votes and ballots have (documented)"
vote "$q" 7 7 tea; vote "$q" 8 8 water
is "$(counts ballots,votes)" 'ballots 8, votes 8' "as they grow, alike for any choice (documented)"
is "$(calls)" $((before + 2)) "with track_functions on, how often votes were cast (documented)"
is "$(last_commit)" $((commit + 2)) "with track_commit_timestamp on, the number and time of the last commit (documented)"
is "$(sql -U ordinary -c "SELECT count(last_value) || ' of ' || count(*) FROM pg_sequences WHERE schemaname = 'roughly'")" '0 of 256' "but not the clocks of the throttle"
looked_up() { sql -U app -c 'SET enable_seqscan = off' -c BEGIN -c "SELECT FROM roughly_log_in('$1', 'wrong')" -c "SELECT idx_tup_fetch FROM pg_stat_xact_user_tables WHERE relid = 'roughly.users'::regclass" | tail -n 1; }
is "$(looked_up nobody@example.org) $(looked_up "$(email 9)")" '0 1' "the application sees in its counters whether a log-in found an account (documented)"
tokens() { counts user_tokens; sql -U app -c "SELECT roughly_request_magic_link('$1')" > /dev/null; sql -U mailer -c 'SELECT FROM roughly_dequeue_mail()' > /dev/null; }
is "$(tokens nobody@example.org; tokens "$(email 9)"; counts user_tokens)" $'user_tokens 14\nuser_tokens 14\nuser_tokens 15' "everybody sees in the counters whether the mail just sent was for an account (documented)"

open_session voter -U app
ask voter "$(ballot "$q" 9 coffee "SELECT 'PlainSecretWord';" | sed 's/ COMMIT;//')" > /dev/null
is "$(sql -U ordinary -c "SELECT lpad(to_hex(classid::bigint), 8, '0') || lpad(to_hex(objid::bigint), 8, '0'), mode FROM pg_locks WHERE locktype = 'advisory' AND objsubid = 21057")" \
  "${q:6:2}${q:4:2}${q:2:2}${q:0:2}${q:16:2}${q:14:2}${q:11:2}${q:9:2}|ShareLock" "while a vote is under way everybody sees its question in pg_locks (documented)"
is "$(sql -U ordinary -c "SELECT usename FROM pg_locks JOIN pg_stat_activity USING (pid) WHERE locktype = 'advisory' AND objsubid = 21057")" app "and the role that casts it"
activity() { sql -U "$1" -c "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'voter' AND query ~ 'PlainSecretWord'"; }
is "$(activity ordinary) $(activity admin) $(activity reader)" '0 0 0' "no other role sees its statement in pg_stat_activity"
is "$(activity app) $(activity postgres)" '1 1' "the same role and a superuser do (documented)"
ask voter 'COMMIT;' > /dev/null
is "$(sql -U ordinary -c "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'")" 0 "the lock ends with the vote"

# --- pg_stat_statements
kept() { sql -U "$1" -c "SELECT count(*) FROM pg_stat_statements WHERE query ~ '$2'"; }
sql -c 'SELECT pg_stat_statements_reset()' > /dev/null
sql -U app > /dev/null <<SQL
$(ballot "$q" 10 water)
PREPARE v AS SELECT roughly_log_in('kept-prepare', 'x');
EXECUTE v;
CALL roughly_log_in_committed('kept-call', 'x');
DO \$\$ BEGIN PERFORM roughly_log_in('kept-do', 'x'); END \$\$;
EXPLAIN SELECT roughly_log_in('kept-explain', 'x');
COPY (SELECT roughly_log_in('kept-copy', 'x')) TO STDOUT;
BEGIN; DECLARE c CURSOR FOR SELECT roughly_log_in('kept-declare', 'x'); COMMIT;
SQL
is "$(kept postgres 'roughly_cast_vote\(\$')" 1 "control: pg_stat_statements keeps a vote, without its literals"
is "$(kept postgres "water|${token[10]}")" 0 "no choice and no token of a SELECT"
is "$(sql -c "SELECT string_agg(DISTINCT m[1], ' ' ORDER BY m[1]) FROM pg_stat_statements, regexp_matches(query, 'kept-([a-z]+)', 'g') m")" 'call copy declare do explain' \
  "it keeps the literals of CALL, COPY, DECLARE, DO and EXPLAIN (documented)"
is "$(kept ordinary kept-) $(kept admin kept-) $(kept reader kept-)" '0 0 0' "and shows them to no other role"

# --- plans in the log
q2=$(ask_question)
plans=$(printf '%s\n' 'SET debug_print_plan = on; SET client_min_messages = log;' "$(ballot "$q2" 3 coffee)" | psql -Xq -U app 2>&1 | tr -d ' \n\t')
decimal() { sql -c "SELECT '[' || string_agg((CASE WHEN b > 127 THEN b - 256 ELSE b END)::text, '' ORDER BY i) || ']' FROM (SELECT i, get_byte(uuid_send('$1'), i) b FROM generate_series(0, 15) i) s"; }
traced=$(decimal "$(sql -c "SELECT voter_tag FROM roughly.votes WHERE question_id = '$q2'")")
is "$(grep -cF -- "$traced" <<< "$plans") $(tr -d ' \n\t' < "$log" | grep -cF -- "$traced") $(grep -c PLANNEDSTMT <<< "$plans")" '0 0 1' "debug_print_plan, which any role may set, prints plans, but not the tag of a vote: there is no plan for it"
like "$plans" 99111102102101101 "and literals, such as the bytes of the choice (documented)"

# --- errors as oracles: a division by zero or a failing cast tells whether a condition met a row
leaks() { # leaks PERSON ADDRESS COUNTRY: the errors that conditions about this address give to that person
  local d="1 / (CASE WHEN email = '$2' THEN 0 ELSE 1 END)" c="1 / (CASE WHEN country = '$3' THEN 0 ELSE 1 END)" statements=() statement path
  for statement in "SELECT 1 FROM roughly.users WHERE $d > 0" "SELECT 1 FROM roughly.users WHERE $d > 0 OR email > ''" "SELECT $d FROM roughly.users" \
    "SELECT count(*) FROM roughly.users GROUP BY $d" "SELECT 1 FROM roughly.users ORDER BY $d" "SELECT 1 FROM roughly.users HAVING sum($d) > 0" \
    "SELECT sum($d) OVER () FROM roughly.users" "SELECT (SELECT min($d) FROM roughly.users)" "SELECT 1 FROM roughly.users a JOIN roughly.user_profiles p ON p.user_id = a.id AND $d > 0" \
    "SELECT 1 FROM generate_series(1, 2) g JOIN roughly.users ON $d = g" "SELECT x.d FROM generate_series(1, 2) g, LATERAL (SELECT $d AS d FROM roughly.users OFFSET 0) x" \
    "SELECT 1 FROM roughly.users TABLESAMPLE SYSTEM (100) WHERE $d > 0" "SELECT 1 WHERE EXISTS (SELECT FROM roughly.users WHERE $d > 0)" \
    "WITH u AS MATERIALIZED (SELECT $d AS d FROM roughly.users) SELECT d FROM u" "UPDATE roughly.user_profiles SET birth_year = birth_year WHERE $c > 0" \
    "INSERT INTO roughly.user_profiles (country) SELECT 'XX' FROM roughly.user_profiles WHERE $c > 1" \
    "SELECT 1 FROM roughly.users WHERE email = '$2' AND email::int > 0" "SELECT email::int FROM roughly.users WHERE email = '$2'" "SELECT (country || '{')::jsonb FROM roughly.user_profiles WHERE country = '$3'"; do
    for path in indexscan seqscan; do statements+=("SET LOCAL enable_$path = off; SET LOCAL enable_bitmapscan = off; $statement"); done
  done
  outcomes app "$1" "${statements[@]}" | sort | uniq -c | tr -s ' \n' ' '
}
is "$(leaks 2 "$(email 2)" BE)" ' 32 22012 6 22P02 ' "control: every such question about one's own row fails"
is "$(leaks 2 "$(email 1)" NL)" ' 38 00000 ' "none about another's: policies come before conditions that can fail"
is "$(leaks 0 "$(email 1)" NL)" ' 38 00000 ' "nor when nobody acts"

# --- planted functions, operators, tables and types come first in the search_path
sql -U app <<'SQL'
CREATE FUNCTION stall.caught() RETURNS boolean LANGUAGE plpgsql AS $$ BEGIN RAISE NOTICE 'caught as %', current_user; RETURN true; END $$;
CREATE FUNCTION stall.same(text, text) RETURNS boolean LANGUAGE sql VOLATILE AS 'SELECT stall.caught()';
CREATE FUNCTION stall.same(uuid, uuid) RETURNS boolean LANGUAGE sql VOLATILE AS 'SELECT stall.caught()';
CREATE FUNCTION stall.same(timestamptz, timestamptz) RETURNS boolean LANGUAGE sql VOLATILE AS 'SELECT stall.caught()';
CREATE FUNCTION stall.same(oid, oid) RETURNS boolean LANGUAGE sql VOLATILE AS 'SELECT stall.caught()';
DO $$
DECLARE
  n text;
BEGIN
  FOREACH n IN ARRAY '{=,<>,<,>,<=,>=}'::text[] LOOP
    EXECUTE format('CREATE OPERATOR stall.%1$s (LEFTARG = text, RIGHTARG = text, FUNCTION = stall.same); CREATE OPERATOR stall.%1$s (LEFTARG = uuid, RIGHTARG = uuid, FUNCTION = stall.same);
      CREATE OPERATOR stall.%1$s (LEFTARG = timestamptz, RIGHTARG = timestamptz, FUNCTION = stall.same); CREATE OPERATOR stall.%1$s (LEFTARG = oid, RIGHTARG = oid, FUNCTION = stall.same)', n);
  END LOOP;
  FOREACH n IN ARRAY '{now(),gen_random_uuid(),octet_length(text),concat_ws(text VARIADIC text[]),jsonb_typeof(jsonb),to_jsonb(anyelement),aclexplode(aclitem[]),current_database(),pg_get_userbyid(oid),roughly_current_user(),may_write_account(),format(text VARIADIC text[]),lower(text),count(anyelement)}'::text[] LOOP
    EXECUTE format('CREATE FUNCTION stall.%s RETURNS text LANGUAGE sql AS ''SELECT stall.caught()::text''', replace(n, 'text VARIADIC text[]', 'text, VARIADIC text[]'));
  END LOOP;
  FOREACH n IN ARRAY '{users,user_profiles,user_tokens,votes,ballots,questions,releases,keys,pg_settings,pg_roles,pg_proc}'::text[] LOOP
    EXECUTE format('CREATE VIEW stall.%s AS SELECT stall.caught()', n);
  END LOOP;
END $$;
CREATE DOMAIN stall.citext AS text CHECK (stall.caught());
CREATE TYPE stall.sly AS (t text);
CREATE FUNCTION stall.sly_uuid(stall.sly) RETURNS uuid LANGUAGE plpgsql AS $$ BEGIN PERFORM stall.caught(); RETURN $1.t::uuid; END $$;
CREATE CAST (stall.sly AS uuid) WITH FUNCTION stall.sly_uuid AS IMPLICIT;
GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA stall TO PUBLIC;
GRANT SELECT ON ALL TABLES IN SCHEMA stall TO PUBLIC;
SQL
caught() { # caught WHO SQL: who ran what was planted while this role ran that
  printf '%s\n' '\set QUIET on' "SET client_min_messages = error; CREATE TEMP TABLE users (id uuid); CREATE TEMP TABLE votes (id uuid); CREATE TEMP TABLE questions (id uuid); RESET client_min_messages;" \
    'SET search_path = stall, pg_temp, public, pg_catalog;' "$2" | psql -XqAt -U "$1" -o /dev/null 2>&1 | sed 's/^NOTICE:  *//' | sort -u
}
is "$(caught app "SELECT now(); SELECT 'a'::text = 'b'::text;")" 'caught as app' "control: what is planted first in the search_path is called"
is "$(caught app "SELECT FROM roughly_register_user('planted@example.org', '$password'); SELECT FROM roughly_log_in('$(email 2)', '$password'); CALL roughly_log_in_committed('$(email 2)', '$password');
  SELECT roughly_request_magic_link('$(email 2)'); SELECT roughly_request_password_reset('$(email 2)');
  BEGIN; SELECT FROM roughly_authenticate('${token[11]}'); SELECT roughly_set_profile('{\"country\": \"BE\", \"extra\": {\"pet\": \"cat\"}}'); UPDATE roughly.user_profiles SET country = 'NL'; COMMIT;
  BEGIN; SELECT FROM roughly_authenticate('${token[12]}'); INSERT INTO roughly.user_profiles (country) VALUES ('BE'); COMMIT;
  BEGIN; SELECT FROM roughly_authenticate('${token[11]}'); SELECT roughly_cast_vote('$q', 'tea'); SELECT roughly_my_answers(), roughly_export_my_data(), roughly_my_account(), roughly_my_sessions(), roughly_my_snapshot('$q'),
    roughly_dimensions(), public.roughly_current_user(); SELECT id FROM roughly.users; SELECT count(*) FROM roughly.user_profiles; COMMIT; SELECT roughly_aggregate('$q'), roughly_release('$q'), roughly_questions();")" '' \
  "the application's functions and policies call nothing planted in search_path or pg_temp"
is "$(caught admin "SELECT roughly_create_question('Planted?', '{a,b}', '{country}') \\gset planted_
  SELECT roughly_security_check(), roughly_dimensions(), roughly_audit(); SELECT roughly_admin_import_user('planted@example.com'); SELECT roughly_purge_expired(); SELECT roughly_admin_block_passwords('{planted-password}');
  CALL roughly_publish('$q'); CALL roughly_publish_due(); SELECT roughly_recount('$q');")" '' "nor do the administration's, the procedures that commit among them"
is "$(caught ordinary "SELECT roughly_aggregate('$q', '{country}'), roughly_release('$q'), roughly_questions();")" '' "nor everybody's"
is "$(caught ordinary "DO \$\$ BEGIN PERFORM roughly_aggregate('00000000-0000-4000-8000-000000000000'); EXCEPTION WHEN undefined_object THEN END \$\$;")" '' \
  "nor the statement for what the index does not have, of a function without SET search_path"
is "$(caught mailer "SELECT roughly_dequeue_mail(); SELECT roughly_mail_sent('$q');")" '' "nor the mailer's"
is "$(caught app "SELECT roughly_aggregate(ROW('$q')::stall.sly);")" 'caught as app' "a planted cast of an argument runs as its caller, never as the owner"
is "$(caught app "BEGIN; SELECT FROM roughly_authenticate('${token[12]}'); SELECT roughly_cast_vote(ROW('$q')::stall.sly, 'tea'::stall.citext); COMMIT;")" 'caught as app' "also inside a vote"
is "$(sql -c "SELECT count(*) FROM roughly_aggregate('$q')" -c "SELECT count(*) FROM roughly.votes WHERE question_id = '$q'")" $'3\n12' "control: all that was done"
as 2 "CREATE FUNCTION stall.tell(text) RETURNS boolean LANGUAGE plpgsql COST 0.0001 AS 'BEGIN RAISE NOTICE ''told %'', \$1; RETURN true; END'; CREATE OPERATOR stall.~~~ (RIGHTARG = text, FUNCTION = stall.tell);"
is "$(as 2 "SELECT count(*) FROM roughly.users WHERE OPERATOR(stall.~~~) email;" | sed 's/NOTICE:  00000: //')" "told $(email 2)"$'\n1' "a cheap planted operator is shown one's own row only"

# --- roles
for who in app admin ordinary reader replica; do
  is "$(refused $who 42501 'SET ROLE roughly_owner' 'SET ROLE postgres' 'SET ROLE mailer' 'SET SESSION AUTHORIZATION roughly_owner' 'SET SESSION AUTHORIZATION mailer' "GRANT roughly_owner TO $who")" '' "$who becomes neither the owner nor a superuser nor the mailer"
done
is "$(as 2 "SET ROLE roughly_app; SELECT email FROM roughly.users; RESET ROLE; SELECT email FROM roughly.users; SET LOCAL SESSION AUTHORIZATION DEFAULT; SELECT email FROM roughly.users; SAVEPOINT a; SET ROLE none; ROLLBACK TO a; SELECT email FROM roughly.users;")" \
  "$(printf '%s\n' "$(email 2)"{,,,})" "the person stays the same through SET ROLE, RESET ROLE and SET SESSION AUTHORIZATION"
# Settings that change how values are read and written, all of which any role may set.
hostile="SET extra_float_digits = -15; SET IntervalStyle = iso_8601; SET DateStyle = German; SET TimeZone = 'Pacific/Kiritimati'; SET bytea_output = escape; SET array_nulls = off; SET transform_null_equals = on; SET standard_conforming_strings = off; SET row_security = off;"
q3=$(ask_question)
{ echo "$hostile"; ballots "$q3" 4 8 tea; } | sql -U app > /dev/null
printf '%s\n' "$hostile" "CALL roughly_publish('$q3');" | sql -U admin
is "$(sql -c "SELECT votes FROM roughly_aggregate('$q3') WHERE choice = 'tea'" -c "SELECT roughly_recount('$q3')")" $'5\nt' "settings of format and row security disturb no vote and no count"
open_session early -U app
ask early 'BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT count(*) FROM roughly_questions();' > /dev/null
sql -U app -c "SELECT roughly_log_out('${token[10]}')" > /dev/null
is "$(ask early "SELECT count(user_id) FROM roughly_authenticate('${token[10]}'); COMMIT;")" 0 "a snapshot from before a log-out does not bring the session back"
close_session early

# --- two clients on one pooled connection
sql -U app -c "CREATE FUNCTION stall.me() RETURNS uuid LANGUAGE sql STABLE AS 'SELECT public.roughly_current_user()'" -c "CREATE FUNCTION stall.forever() RETURNS uuid LANGUAGE sql IMMUTABLE AS 'SELECT public.roughly_current_user()'"
open_session pool -U app
ask pool "CREATE TEMP TABLE left_behind (email text); BEGIN; SELECT FROM roughly_authenticate('${token[1]}') \\g /dev/null
  PREPARE mine AS SELECT email FROM roughly.users; PREPARE answers AS SELECT choice FROM roughly_my_answers(); PREPARE own AS SELECT FROM roughly_authenticate('${token[1]}');
  SET plan_cache_mode = force_generic_plan; PREPARE me AS SELECT stall.me() IS NULL; PREPARE forever AS SELECT stall.forever() IS NULL;
  EXECUTE mine \\g /dev/null
  EXECUTE me \\g /dev/null
  EXECUTE forever \\g /dev/null
  DECLARE open CURSOR FOR SELECT email FROM roughly.users; DECLARE held CURSOR WITH HOLD FOR SELECT choice FROM roughly_my_answers(); INSERT INTO left_behind SELECT email FROM roughly.users; COMMIT;" > /dev/null
is "$(ask pool 'EXECUTE mine; EXECUTE answers;' | head -n 1)" "$(printf 'ERROR:  RA001: nobody is authenticated in this transaction')" "the next client of a connection is nobody: prepared statements show no row and no answer"
is "$(ask pool "BEGIN; SELECT FROM roughly_authenticate('${token[2]}') \\g /dev/null
EXECUTE mine; EXECUTE answers; COMMIT;")" "$(email 2)"$'\n'"water" "authenticated, it sees its own by the first one's prepared statements"
like "$(ask pool 'FETCH ALL FROM open;')" '34000' "a cursor ends with its transaction"
is "$(ask pool 'EXECUTE me; EXECUTE forever;')" $'t\nf' "a wrapper marked IMMUTABLE keeps the first person in a cached plan, one marked STABLE does not (documented)"
like "$(ask pool 'SELECT lastval();')" '(55000|42501)' "lastval() tells nothing of the clocks a log-in set"
is "$(ask pool 'FETCH ALL FROM held; SELECT email FROM left_behind;')" $'tea\n'"$(email 1)" "a cursor WITH HOLD and a temporary table stay for the next client (documented)"
is "$(ask pool "SELECT count(*) FROM pg_prepared_statements WHERE statement ~ '${token[1]}';")" 1 "and so does the text of a prepared statement, with its literals (documented)"
ask pool 'DISCARD ALL;' > /dev/null
is "$(ask pool 'SELECT count(*) FROM pg_prepared_statements; SELECT count(*) FROM pg_cursors;')$(state "$(ask pool 'TABLE left_behind;')")" $'0\n042P01' "DISCARD ALL ends all three (documented)"

# --- COPY
is "$(sql -U app -c "COPY roughly.users (email) TO STDOUT")" '' "COPY of accounts shows nobody nothing"
is "$(as 1 'COPY roughly.users (email) TO STDOUT; COPY (SELECT choice FROM roughly_my_answers()) TO STDOUT;')" "$(email 1)"$'\ntea' "and a person their own"
copy() { state "$(as 1 "COPY (SELECT 1 / (CASE WHEN email = '$1' THEN 0 ELSE 1 END) FROM roughly.users) TO STDOUT;")"; }
is "$(copy "$(email 1)") $(copy "$(email 2)")" '22012 ' "a copied query divides by zero for one's own row only"
is "$(refused app 42501 'COPY roughly.users TO STDOUT' "COPY (SELECT email FROM roughly.users) TO PROGRAM 'true'" "COPY roughly.user_profiles TO '/tmp/x'"; state "$(error -U app -c 'COPY roughly.user_profiles (country) FROM STDIN')")" 0A000 \
  "COPY of whole accounts, to programs and files, and into profiles is refused"
is "$(sql -U reader -c 'COPY roughly.users TO STDOUT' -c 'COPY roughly.votes TO STDOUT' -c 'COPY roughly.ballots TO STDOUT' -c 'COPY roughly.mail_outbox TO STDOUT')" '' "COPY shows a reader of all data no row"
is "$(sql -c 'COPY roughly.users (email) TO STDOUT' | grep -c person)" 14 "control: it would show a superuser all"

# --- objects of others on our tables, and the extension taken apart
sql -c "CREATE TABLE stall.base (id uuid)" -c "CREATE FUNCTION stall.on_row() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END'" -c "CREATE FUNCTION stall.on_ddl() RETURNS event_trigger LANGUAGE plpgsql AS 'BEGIN END'"
intrusions() { # intrusions WHO
  local t statement statements=()
  for t in users user_profiles votes ballots; do
    for statement in "CREATE TRIGGER t BEFORE INSERT ON %s FOR EACH ROW EXECUTE FUNCTION stall.on_row()" "CREATE RULE r AS ON INSERT TO %s DO ALSO NOTHING" "CREATE POLICY p ON %s USING (true)" "ALTER TABLE %s NO FORCE ROW LEVEL SECURITY" \
      "ALTER TABLE %s ADD CHECK (stall.caught())" "CREATE INDEX ON %s (stall.caught())" "CREATE STATISTICS stall.s ON id, email FROM %s" "CREATE TABLE stall.child () INHERITS (%s)" "ALTER TABLE %s INHERIT stall.base" \
      "CREATE PUBLICATION p FOR TABLE %s" "ALTER EXTENSION roughly_auth DROP TABLE %s"; do
      statements+=("${statement//%s/roughly.$t}")
    done
  done
  refused "$1" 42501 "${statements[@]}" "ALTER EXTENSION roughly_auth DROP FUNCTION roughly_cast_vote(uuid, text)" "ALTER EXTENSION roughly_auth ADD TABLE stall.base" "DROP EXTENSION roughly_auth" \
    "CREATE EVENT TRIGGER e ON ddl_command_end EXECUTE FUNCTION stall.on_ddl()" "CREATE OR REPLACE FUNCTION public.roughly_cast_vote(question uuid, choice text) RETURNS void LANGUAGE sql AS ''" \
    "CREATE FUNCTION public.roughly_cast_vote(question text, choice text) RETURNS void LANGUAGE sql AS ''" "ALTER FUNCTION roughly_cast_vote(uuid, text) OWNER TO $1" "ALTER FUNCTION roughly_cast_vote(uuid, text) RESET search_path" \
    "CREATE CAST (text AS uuid) WITH INOUT AS IMPLICIT" "ALTER ROLE $1 SET roughly_auth.key_file = '/tmp/x'" "CREATE FUNCTION stall.c() RETURNS void LANGUAGE c AS 'roughly_auth', 'roughly_cast_vote'" "CREATE FUNCTION roughly.f() RETURNS void LANGUAGE sql AS ''"
}
for who in app admin ordinary reader; do
  is "$(intrusions $who)" '' "$who puts no trigger, rule, policy, constraint, index, statistics, child, publication or event trigger on our tables, and takes nothing out of the extension"
done

# --- views and functions around the API, lent to another role
sql -U app <<'SQL'
CREATE VIEW stall.accounts AS SELECT id, email FROM roughly.users;
CREATE VIEW stall.answers AS SELECT * FROM roughly_my_answers();
CREATE FUNCTION stall.peek() RETURNS SETOF text LANGUAGE sql STABLE AS 'SELECT email FROM roughly.users';
CREATE FUNCTION stall.lent() RETURNS SETOF text LANGUAGE sql STABLE SECURITY DEFINER AS 'SELECT email FROM roughly.users';
GRANT SELECT ON stall.accounts, stall.answers TO ordinary, reader;
SQL
is "$(for who in ordinary reader; do refused $who 42501 'TABLE stall.answers'; refused $who 00000 'TABLE stall.accounts'; sql -U $who -c 'TABLE stall.accounts'; done; refused ordinary 42501 'SELECT stall.peek()')" '' "a view or an inlined function of the application lends its functions to no other role, and shows nobody's account"
is "$(sql -U ordinary -c 'SELECT stall.lent()')" '' "a definer's function does, and shows nobody nothing"
is "$(as 1 'SELECT email FROM stall.accounts; SELECT choice FROM stall.answers; SELECT stall.peek(); SELECT stall.lent();')" "$(printf '%s\n' "$(email 1)" tea "$(email 1)" "$(email 1)")" "control: a person sees their own through all four"

# --- logical replication
is "$(refused ordinary 42501 "SELECT pg_create_logical_replication_slot('theirs', 'test_decoding')"; refused app 42501 "SELECT pg_create_logical_replication_slot('theirs', 'test_decoding')")" '' "a slot needs REPLICATION"
sql -c 'CREATE PUBLICATION whole FOR ALL TABLES'
sql -U replica -c "SELECT pg_create_logical_replication_slot('text', 'test_decoding'), pg_create_logical_replication_slot('binary', 'pgoutput')" > /dev/null
as 2 "SELECT roughly_set_profile('{\"country\": \"LU\"}');" > /dev/null
sql -U app -c "SELECT FROM roughly_log_in('$(email 13)', '$password')" > /dev/null
vote "$q" 13 14 coffee
sql -U admin -c "SELECT roughly_admin_import_user('late@example.org')" > /dev/null
stream=$(sql -U replica -c "SELECT data FROM pg_logical_slot_peek_changes('text', NULL, NULL)")
tables=$(awk '/^BEGIN/ {t = ""} /^table/ {t = t " " $2 $3} /^COMMIT/ {print t}' <<< "$stream")
is "$(grep -c votes <<< "$tables") $(grep -cx ' roughly.votes:INSERT: roughly.ballots:INSERT:' <<< "$tables")" '2 2' "a REPLICATION role sees each vote as a transaction of its own with a tag and a ballot, in order (documented), and nothing that names a person"
voted=$(awk '/^BEGIN/ {t = ""} {t = t "\n" $0} /^COMMIT/ && t ~ /roughly.votes/ {print t}' <<< "$stream")
is "$(sql -c "SELECT count(*) FROM roughly.users WHERE strpos('${voted//\'/}', id::text) + strpos('${voted//\'/}', email) > 0")$(grep -c coffee <<< "$voted")" 00 "no id, address or choice is in these transactions"
like "$stream" "roughly.users: INSERT: .*'late@example.org'.*" "addresses are plain elsewhere in the stream (documented)"
like "$stream" "roughly.user_profiles: UPDATE: .*country\[text\]:'LU'" "so are profiles (documented)"
is "$(error -U replica -c "SELECT pg_logical_slot_peek_binary_changes('binary', NULL, NULL, 'proto_version', '1', 'publication_names', 'none')" | head -n 1)$(refused replica 42501 'CREATE PUBLICATION none FOR TABLE roughly.users')" \
  'ERROR:  42704: publication "none" does not exist' "by pgoutput it sees nothing without a publication, which it cannot make"
binary="SELECT string_agg(data, '' ORDER BY lsn) FROM pg_logical_slot_%s_binary_changes('binary', NULL, NULL, 'proto_version', '1', 'publication_names', 'whole')"
sql -U replica -c "${binary//%s/get}" > /dev/null
as 2 "SELECT roughly_set_profile('{\"country\": \"FR\"}');" > /dev/null
vote "$q2" 1 1 coffee
has() { sql -U replica -c "SELECT position(convert_to('$1', 'UTF8') in b) > 0 FROM (${binary//%s/peek}) s (b)"; }
is "$(has FR)$(has "$(sql -c "SELECT voter_tag FROM roughly.votes WHERE question_id = '$q2' ORDER BY ctid DESC LIMIT 1")")$(has coffee)" ttf "with one it sees profiles and tags, and no choice"

done_testing
