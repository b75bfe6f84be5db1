#!/usr/bin/env bash
# The boundary between C++ and PostgreSQL: what errors look like on the other side, and 50,000 failing calls on every
# path without a leak. Runs alone too: prove tests/bridge/leaks.t
set -u
source "$(dirname "$0")/lib.sh"
rounds=${ROUGHLY_LEAK_ROUNDS:-25000} # twice

start_cluster main "shared_preload_libraries = ''" "max_stack_depth = 1MB"
sql <<'SQL'
CREATE ROLE roughly_owner NOLOGIN;
CREATE EXTENSION roughly_bridge_test;
CREATE TABLE coins (owner text PRIMARY KEY, amount int CHECK (amount > 0));
INSERT INTO coins VALUES ('Quokka77', 1);
SQL
outcome() { sql -v q="$1" <<< "SELECT outcome(:'q')"; }

# --- C++ exceptions
is "$(outcome "SELECT bridge_throw('error')")" '(22023,"this is wrong","","Try something else.","")' "Error: SQLSTATE, message, hint"
is "$(outcome "SELECT bridge_throw('voted')")" '(23505,"one vote each","","",votes_pkey)' "Error: the constraint's name"
is "$(outcome "SELECT bridge_throw('unauthenticated')")" '(RA001,"who are you","","","")' "Error: a SQLSTATE of our own"
is "$(outcome "SELECT bridge_throw('percent')")" '(22023,"%s%n is not a format","",%s%n%d,"")' "Error: no format in message or hint"
is "$(outcome "SELECT bridge_throw('std')")" '(XX000,"a standard exception, %s%n","","","")' "std::exception, no format"
is "$(outcome "SELECT bridge_throw('bad_alloc')")" '(53200,"out of memory","","","")' "bad_alloc"
is "$(outcome "SELECT bridge_throw('int')")" '(XX000,"unknown C++ exception","","","")' "what is no exception"
is "$(sql -c "SELECT length(message) FROM outcome('SELECT bridge_throw(''long'')')")" 65536 "a message of any length is cut"
todo='cut between bytes'
ok "and between characters" bash -o pipefail -c "psql -Xq -c \"SELECT bridge_throw('wide')\" 2>&1 | iconv -f UTF-8 -t UTF-16 > /dev/null"
todo=''
is "$(sql -c "SELECT bridge_throw('nothing')")" nothing "nothing thrown"
like "$(error -c "SELECT bridge_throw('error')")" $'^ERROR:  22023: this is wrong\nHINT:  Try something else.$' "the same at top level"

# --- PostgreSQL's errors
is "$(outcome "SELECT bridge_execute('SELECT 1/0')")" '(22012,"division by zero","","","")' "PostgreSQL's error through SPI"
is "$(outcome "SELECT bridge_execute('SELECT * FROM nowhere')")" '(42P01,"relation ""nowhere"" does not exist","","","")' "a statement that cannot be prepared"
is "$(outcome "SELECT bridge_execute(\$\$DO 'BEGIN RAISE division_by_zero USING MESSAGE = ''m %s'', DETAIL = ''d %n'', HINT = ''h %d'', CONSTRAINT = ''c''; END'\$\$)")" \
  '(22012,"m %s","d %n","h %d",c)' "message, detail, hint, constraint survive"
like "$(error -c "SELECT bridge_execute('SELECT * FROM nowhere')")" 'LINE 1: SELECT \* FROM nowhere' "and the position"
is "$(sql -c "SELECT bridge_execute('SELECT generate_series(1, 5)')")" 5 "no error"
is "$(outcome "SELECT bridge_execute('SELECT bridge_throw(''error'')')")" '(22023,"this is wrong","","Try something else.","")' "C++ below SPI below C++"
is "$(outcome "SELECT bridge_execute('SELECT bridge_throw(''int'')')")" '(XX000,"unknown C++ exception","","","")' "C++ below SPI below C++, no exception"
is "$(outcome "SELECT bridge_execute(\$\$DO 'BEGIN PERFORM bridge_execute(''SELECT 1/0''); END'\$\$)")" '(22012,"division by zero","","","")' "PL/pgSQL in between"
is "$(outcome "SELECT bridge_execute(\$\$DO 'BEGIN PERFORM bridge_execute(''SELECT 1/0''); EXCEPTION WHEN OTHERS THEN PERFORM bridge_execute(''SELECT 1''); END'\$\$)")" \
  '(,,,,)' "PL/pgSQL in between, which handles it"
long=$(printf '%20000s' '' | tr ' ' z)
is "$(sql -c "SELECT bridge_scribble(\$\$DO 'BEGIN RAISE ''$long''; END'\$\$)" 2>&1 | head -n 1 | md5sum)" "$(echo "ERROR:  $long" | md5sum)" \
  "an error outlives the memory it was raised in"
is "$(outcome "SELECT bridge_read('SELECT 1/0::bigint', true)"),$(outcome "SELECT bridge_read('SELECT 1/0::bigint', false)")" \
  '(22012,"division by zero","","",""),(22012,"division by zero","","","")' "reading fails"
is "$(outcome "SELECT bridge_read('SELECT NULL::bigint', true)")" '(XX001,"a stored value is missing","","","")' "a null where none may be"
is "$(sql -c "SELECT bridge_read('SELECT 7::bigint', true)")" 7 "reading"

# --- handled in C++
is "$(sql -c "SELECT bridge_try('SELECT 1/0')")" '22012: division by zero' "a subtransaction swallows an error"
is "$(sql -c "SELECT bridge_try('SELECT 1')")" ok "a subtransaction commits"
is "$(sql -c "SELECT bridge_try('SELECT bridge_try(''SELECT 1/0'')')")" ok "and nests"
is "$(sql -c "SELECT bridge_try(\$\$DO 'BEGIN PERFORM bridge_execute(''SELECT 1/0''); END'\$\$)")" '22012: division by zero' "below PL/pgSQL"
is "$(sql -c "SELECT bridge_try('INSERT INTO coins VALUES (''gone'', 1), (''gone2'', 0)')" -c "SELECT bridge_try('INSERT INTO coins VALUES (''kept'', 1)')" \
  -c "SELECT string_agg(owner, ',' ORDER BY owner) FROM coins")" $'23514: new row for relation "coins" violates check constraint "coins_amount_check"\nok\nQuokka77,kept' \
  "it undoes what failed, and keeps what did not"
is "$(sql -c "SELECT bridge_as_owner('SELECT 1/0')")" 'postgres, roughly_owner, postgres: 22012' "the user switch ends with its scope, after an error too"
is "$(sql -c "SELECT bridge_as_owner('SELECT 1')")" 'postgres, roughly_owner, postgres: ok' "and without one"
is "$(outcome "SELECT bridge_as_owner('CREATE TEMP TABLE t ()')")" '(,,,,)' "a failing scope does not end the caller's transaction"

# --- cursors, rows, values
is "$(outcome "SELECT bridge_stream('SELECT n::text FROM generate_series(1, 2500) n', 1700, false)")" '(22023,"row 1700","","","")' "an exception out of an open cursor"
is "$(outcome "SELECT bridge_stream('SELECT n::text FROM generate_series(1, 2500) n', 1700, true)")" '(22012,"division by zero","","","")' "an error below an open cursor"
is "$(outcome "SELECT bridge_stream('SELECT (1/(1500 - n))::text FROM generate_series(1, 2500) n', 0, false)")" '(22012,"division by zero","","","")' "an error of the cursor"
is "$(sql -c "SELECT bridge_stream('SELECT n::text FROM generate_series(1, 2500) n', 0, false)")" 2500 "a cursor to its end"
is "$(sql -c "SELECT count(*), count(label), max(label) FROM bridge_rows(10000, 0)")" '10000|6667|row 9998' "rows"
is "$(sql -c "SELECT n FROM bridge_rows(10000, 0) LIMIT 2")" $'1\n2' "rows nobody wants"
is "$(outcome "SELECT * FROM bridge_rows(10, 5)")" '(22023,"row 5","","","")' "an exception between rows"
like "$(error -c "SELECT bridge_rows(3, 0)")" '^$' "rows in the select list"
is "$(sql -c "SELECT bridge_texts(array_agg(repeat('x', 3000 + n))) FROM generate_series(1, 100) n")" '100 texts, 305050 bytes' "an array of texts"
is "$(sql -c 'CREATE TABLE toasted (t text[])' -c "INSERT INTO toasted SELECT array_agg(md5(n::text)) FROM generate_series(1, 5000) n" \
  -c 'SELECT bridge_texts(t) FROM toasted')" '5000 texts, 160000 bytes' "a toasted array"
is "$(outcome "SELECT bridge_texts(ARRAY['a', NULL])")" '(22004,"an array must not contain nulls","","","")' "an array with a null"

# --- nothing that was stored comes out with an error
like "$(error -c "INSERT INTO coins VALUES ('Quokka77', 2)")" 'DETAIL: .*Quokka77' "control: a violated constraint shows the row"
for insert in "('Quokka77', 2)" "('Quokka77', 0)"; do
  text=$(error -c "SELECT bridge_execute(\$\$INSERT INTO coins VALUES $insert\$\$)")
  like "$text" '^ERROR:  235' "a violated constraint through the bridge: $(head -n 1 <<< "$text")"
  unlike "${text/INSERT INTO coins VALUES/}" 'DETAIL' "and no detail"
done
is "$(outcome "SELECT bridge_execute(\$\$INSERT INTO coins VALUES ('Quokka77', 2)\$\$)")" \
  '(23505,"duplicate key value violates unique constraint ""coins_pkey""","","",coins_pkey)' "nor in PL/pgSQL; the constraint's name stays"
log=$work/main/log
is "$(grep -c 'DETAIL:.*Quokka77' "$log")" 1 "control: the log shows the row once, and never ours"
: "$(error -c "SELECT bridge_throw('error') /* Heron */")" "$(error -c "SELECT bridge_execute('SELECT 1/0 /* Heron */')")" "$(error -c "SELECT 1/0 /* Egret */")"
is "$(grep -c 'STATEMENT:.*Egret' "$log"),$(grep -c Heron "$log")" 1,0 "an error through the bridge logs no statement and no context, others do"

# --- cancellation
open_session spin
tell spin "SELECT bridge_spin();"
until_true "SELECT count(*) = 1 FROM pg_stat_activity WHERE application_name = 'spin' AND state = 'active'"
sql -c "SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE application_name = 'spin'" >/dev/null
like "$(answer spin)" '^ERROR:  57014: canceling statement due to user request' "a C++ loop can be cancelled"
is "$(ask spin "SELECT bridge_live(), bridge_holdoff(), bridge_in_flight();")" '0|0|0' "and unwinds"
: "$(ask spin "SELECT bridge_execute('SELECT 1/0'); SELECT bridge_try('SELECT 1/0');")"
is "$(ask spin "SELECT bridge_holdoff();")" 0 "interrupts are not held off after an error"
like "$(ask spin "SET statement_timeout = '100ms'; SELECT pg_sleep(20);")" '57014' "so the backend can still be cancelled"
close_session spin

# --- leaks: two backends at a time
measure() { # measure NAME STATEMENT: failures|heap|contexts|live|holdoff|in_flight
  sql -v q="$2" -v rounds="$rounds" > "$work/leak.$1" <<< "CALL measure(:'q', :rounds)" 2>&1 || true
}
paths=(
  "SELECT bridge_throw('error')"
  "SELECT bridge_throw((ARRAY['std', 'bad_alloc', 'int'])[1 + floor(3 * random())::int])"
  "SELECT bridge_execute('SELECT 1/0')"
  "SELECT bridge_execute('SELECT * FROM nowhere')"
  "SELECT bridge_execute(\$\$INSERT INTO coins VALUES ('Quokka77', 2)\$\$)"
  "SELECT bridge_read('SELECT 1/0::bigint', true)"
  "SELECT bridge_execute('SELECT bridge_throw(''error'')')"
  "SELECT bridge_execute(\$\$DO 'BEGIN PERFORM 1/0; END'\$\$)"
  "SELECT bridge_stream('SELECT 1::text', 1, false)"
  "SELECT bridge_stream('SELECT 1::text', 1, true)"
  "SELECT * FROM bridge_rows(5, 3)"
  "SELECT bridge_texts(ARRAY['a', NULL])"
  "SELECT bridge_try('SELECT 1/0')"
  "SELECT bridge_as_owner('SELECT 1/0')"
)
handled=2 # the last ones handle their error: no failure to count
for ((i = 0; i < ${#paths[@]}; i += 2)); do
  measure "$i" "${paths[i]}" & first=$!
  [ $((i + 1)) -lt ${#paths[@]} ] && measure $((i + 1)) "${paths[i + 1]}"
  wait $first || true
done
for i in "${!paths[@]}"; do
  IFS='|' read -r failures_seen heap contexts live holdoff in_flight < "$work/leak.$i"
  expected=$((2 * rounds)); [ "$i" -ge $((${#paths[@]} - handled)) ] && expected=0
  is "$failures_seen|$live|$holdoff|$in_flight" "$expected|0|0|0" "${paths[i]}: all fail, no object lives, nothing held off"
  ok "${paths[i]}: the second half adds no memory (heap $heap, contexts $contexts)" test "$heap" -lt 65536 -a "$contexts" -lt 65536
done

# The meter can show a leak: ereport without call().
measure control "SELECT bridge_unprotected()"
IFS='|' read -r failures_seen heap contexts live holdoff in_flight < "$work/leak.control"
is "$failures_seen|$live" "$((2 * rounds))|$((2 * rounds))" "negative control: without call() every object stays"
ok "negative control: and its memory (heap $heap)" test "$heap" -gt $((rounds * 256))

done_testing
