#!/usr/bin/env bash
# Many at once: one vote per person and question, and every vote counted exactly once, whoever dies in between.
set -u
source "$(dirname "$0")/lib.sh"

start_poll one 'max_connections = 60' "restart_after_crash = on"
make_people 57 # 55 to 57 have their own troubles
open_session A -U app; open_session B -U app; open_session C -U admin
as() { printf "SELECT user_id IS NOT NULL FROM roughly_authenticate('%s');" "${token[$1]}"; }
cast() { printf "SELECT roughly_cast_vote('%s', '%s');" "$1" "$2"; }
rows() { sql -c "SELECT (SELECT count(*) FROM roughly.votes WHERE question_id = '$1'), (SELECT count(*) FROM roughly.ballots WHERE question_id = '$1')"; }
numbers() { sql -c "SELECT roughly_recount('$1'), (SELECT string_agg(choice || ' ' || votes, ', ' ORDER BY choice) FROM roughly_aggregate('$1'))"; }

# --- two connections, one person
for level in 'read committed' 'repeatable read' serializable; do
  q=$(ask_question)
  for session in A B; do : "$(ask $session "BEGIN ISOLATION LEVEL $level; SELECT count(*) FROM roughly_questions(); $(as 1)")"; done
  : "$(ask A "$(cast "$q" tea)")"
  tell B "$(cast "$q" coffee)"
  waits B
  is "$(ask A 'COMMIT;')" '' "$level: the first vote is cast"
  like "$(answer B)" '^ERROR:  23505: .*CONSTRAINT NAME:  votes_pkey' "$level: the second, which waited for it, is not"
  : "$(ask B 'ROLLBACK;')"
  like "$(ask B "BEGIN ISOLATION LEVEL $level; $(as 1) $(cast "$q" coffee)")" '23505' "$level: nor is a third"
  : "$(ask B 'ROLLBACK;')"
  is "$(rows "$q")" '1|1' "$level: one vote, one ballot"

  q=$(ask_question)
  for session in A B; do : "$(ask $session "BEGIN ISOLATION LEVEL $level; $(as 1)")"; done
  : "$(ask A "$(cast "$q" tea)")"
  tell B "$(cast "$q" coffee)"
  waits B
  : "$(ask A 'ROLLBACK;')"
  is "$(answer B)$(ask B 'COMMIT;')" '' "$level: when the first is rolled back the second is cast"
  is "$(rows "$q")" '1|1' "$level: one vote, one ballot"

  q=$(ask_question)
  : "$(ask A "BEGIN ISOLATION LEVEL $level; SELECT count(*) FROM roughly_questions();")" # has its snapshot
  vote "$q" 1 1 tea
  like "$(ask A "$(as 1) $(cast "$q" coffee)")" '23505' "$level: a vote that the snapshot does not see counts too"
  : "$(ask A 'ROLLBACK;')"
done
race=()
for ((i = 0; i < 10; i++)); do race+=("$(ask_question)"); done
for level in 'read committed' serializable; do
  person=$([ "$level" = serializable ] && echo 3 || echo 2)
  racers=()
  for side in tea coffee; do
    for q in "${race[@]}"; do ballot "$q" "$person" $side; done > "$work/race.$side.sql"
    PGOPTIONS="-c default_transaction_isolation=${level/ /\\ }" psql -XqAt -U app -v VERBOSITY=verbose < "$work/race.$side.sql" > "$work/race.$side" 2>&1 &
    racers+=($!)
  done
  wait "${racers[@]}" || true
  is "$(cat "$work/race.tea" "$work/race.coffee" | grep '^ERROR' | cut -c 1-13 | sort | uniq -c | tr -s ' ')" ' 10 ERROR: 23505' "$level: ten races, ten losers"
done
is "$(sql -c "SELECT count(DISTINCT question_id), count(*) FROM roughly.votes WHERE question_id = ANY ('{$(IFS=,; echo "${race[*]}")}')")" '10|20' "and one winner each"

# --- four who cast, four who publish, at once
questions=()
for ((i = 0; i < 6; i++)); do questions+=("$(ask_question "'{gender}'")"); done
levels=('read\ committed' 'repeatable\ read' serializable 'read\ committed')
choices=(tea coffee water)
for c in 0 1 2 3; do
  for q in "${questions[@]}"; do for ((n = c + 1; n <= 48; n += 4)); do echo "$q $n"; done; done | shuf |
    while read -r q n; do ballot "$q" "$n" "${choices[n % 3]}" 'SELECT pg_sleep(0.01 * random());'; done > "$work/cast.$c"
  PGOPTIONS="-c default_transaction_isolation=${levels[c]}" psql -XqAt -v VERBOSITY=verbose -U app -f "$work/cast.$c" > "$work/cast.$c.out" 2>&1 &
  casters[c]=$!
done
for c in 0 1 2 3; do
  (
    while [ ! -e "$work/stop" ]; do
      if [ $c -lt 2 ]; then echo 'CALL roughly_publish_due();'; else printf "CALL roughly_publish('%s');\n" "${questions[@]}"; fi |
        PGOPTIONS="-c default_transaction_isolation=${levels[c]}" psql -XqAt -v VERBOSITY=verbose -U admin
      sleep 0.1
    done > "$work/publish.$c.out" 2>&1
  ) &
  publishers[c]=$!
done
wait "${casters[@]}" || true
touch "$work/stop"
wait "${publishers[@]}" || true
is "$(cat "$work"/cast.?.out | grep -c '^psql.*ERROR\|^ERROR')" 0 "nobody's vote fails because others vote or publish"
is "$(cat "$work"/publish.?.out | grep -v '^$' | head -n 3)" '' "no publisher fails because of another"
released=$(sql -c "SELECT count(*), min(n), max(n) FROM (SELECT count(*) n FROM roughly.releases WHERE view = '{}' AND release_no > 0 GROUP BY question_id) r")
like "$released" '^6\|' "control: all six were published meanwhile (${released})"
for q in "${questions[@]}"; do vote "$q" 49 54 water; sql -U admin -c "SELECT roughly_close_question('$q')"; done
sql -U admin -c 'CALL roughly_publish_due()'
for q in "${questions[@]}"; do numbers "$q"; rows "$q"; done > "$work/numbers"
is "$(sort "$work/numbers" | uniq -c | tr -s ' ')" $' 6 54|0\n 6 t|coffee 16, tea 16, water 22' "every vote is counted exactly once"
is "$(sql -c "SELECT count(*) FROM (SELECT question_id FROM roughly.releases WHERE view = '{}' GROUP BY question_id HAVING array_agg(release_no ORDER BY release_no) <> ARRAY(SELECT generate_series(0, max(release_no)))) gap")" 0 \
  "release numbers have no gap"
is "$(sql -c "SELECT count(*) FROM roughly.questions WHERE batch <> release")" 0 "no batch is left frozen"

# --- a vote that takes its time
q=$(ask_question)
: "$(ask A "BEGIN; $(as 1) $(cast "$q" coffee)")"
vote "$q" 2 7 tea
publish "$q"
is "$(respondents "$q")" 6 "publishing does not wait for a vote under way"
is "$(ask A 'COMMIT;')" '' "which is cast later"
vote "$q" 8 12 tea
publish "$q"
is "$(numbers "$q")" 't|coffee 1, tea 11, water 0' "and counted with the next batch"

# --- closing
# One question is over after a while, with a vote under way.
soon=$(sql -U admin -c "SELECT roughly_create_question('Soon over?', ARRAY['tea', 'coffee', 'water'], k => 5, min_batch => 5, max_wait => NULL, closes_at => clock_timestamp() + interval '4 seconds')")
vote "$soon" 2 7 tea
open_session D -U app
: "$(ask D "BEGIN; $(as 1) $(cast "$soon" coffee)")"
q=$(ask_question)
vote "$q" 2 7 tea
: "$(ask A "BEGIN; $(as 1) $(cast "$q" coffee)")"
tell C "SELECT roughly_close_question('$q');"
waits C
: "$(ask B "BEGIN; $(as 8)")"
tell B "$(cast "$q" tea)"
waits B
is "$(ask A 'COMMIT;')" '' "closing waits for a vote under way"
is "$(answer C)" '' "and then closes"
like "$(answer B)" '^ERROR:  55000: the question is closed' "who came after it is late"
: "$(ask B 'ROLLBACK;')"
publish "$q"
is "$(numbers "$q")" 't|coffee 1, tea 6, water 0' "the last batch holds the vote that was waited for"

q=$soon
until_true "SELECT clock_timestamp() > closes_at FROM roughly_questions() WHERE question = '$q'"
tell C "CALL roughly_publish('$q');"
waits C
tell B "BEGIN; $(as 8) $(cast "$q" tea)"
waits B
: "$(ask D 'COMMIT;')"
like "$(answer B)" '^t.ERROR:  55000: the question is closed' "after its time nobody votes"
: "$(ask B 'ROLLBACK;')"
is "$(answer C)" '' "publishing what is over waits for a vote under way too"
is "$(numbers "$q")" 't|coffee 1, tea 6, water 0' "and counts it"

for level in 'repeatable read' serializable; do
  q=$(ask_question)
  vote "$q" 2 7 tea
  is "$(ask A "BEGIN ISOLATION LEVEL $level; SELECT state FROM roughly_questions() WHERE question = '$q';")" open "$level: a snapshot in which the question is open"
  sql -U admin -c "SELECT roughly_close_question('$q')"
  is "$(ask A "SELECT state FROM roughly_questions() WHERE question = '$q';")" open "$level: still is"
  like "$(ask A "SAVEPOINT s; $(as 1) $(cast "$q" tea)")" '^t.ERROR:  55000: the question is closed' "$level: no vote after closing"
  publish "$q"
  like "$(ask A "ROLLBACK TO s; $(as 1) $(cast "$q" tea)")" '^t.ERROR:  55000: the question is closed' "$level: nor after counting"
  : "$(ask A 'ROLLBACK;')"
  is "$(numbers "$q"),$(rows "$q")" 't|coffee 0, tea 6, water 0,6|0' "$level: nothing was added"
done

# --- what is good once
q=$(ask_question)
race_once() { # race_once SQL: two connections at once; both answers
  : "$(ask A BEGIN\;)"
  local first
  first=$(ask A "$1;")
  tell B "$1;"
  waits B
  : "$(ask A 'COMMIT;')"
  echo "$first, $(answer B)"
}
sql -U app -c "SELECT roughly_request_magic_link('person55@example.org')"
like "$(race_once "SELECT status FROM roughly_log_in_with_magic_link('$(mailed magic_link)')")" '^ok, (invalid_credentials|ERROR)' "a link logs in once"
sql -U app -c "SELECT roughly_request_password_reset('person55@example.org')"
like "$(race_once "SELECT status FROM roughly_reset_password('$(mailed reset_password)', 'a password of many letters')")" '^ok, (invalid|ERROR)' "a link resets the password once"
is "$(race_once "SELECT new_token IS NOT NULL FROM roughly_reissue_session('${token[56]}')")" 't, f' "a session is re-issued once"
: "$(ask A 'BEGIN; SELECT now();')"
q=$(ask_question)
vote "$q" 57 57 tea
is "$(ask A "$(as 57) SELECT roughly_delete_account('$password'); COMMIT;")" $'t\nok' "somebody votes, and deletes the account in a transaction older than the question"
register() { # register EMAIL: as person 57
  sql -U app -c "SELECT roughly_register_user('$1', '$password')" > /dev/null
  sql -U app -c "SELECT roughly_confirm_user('$(mailed confirm)', '$password')" > /dev/null
  token[57]=$(sql -U app -c "SELECT session_token FROM roughly_log_in('$1', '$password')")
}
register person57@example.org
like "$(error -U app -c "$(ballot "$q" 57 coffee)")" '^ERROR:  42501' "and cannot vote again with a new account of the same address"
register wanderer@example.org
vote "$q" 57 57 tea
sql -U app -c BEGIN -c "$(as 57)" -c "SELECT roughly_request_email_change('elsewhere@example.org')" -c COMMIT > /dev/null
sql -U app -c "SELECT roughly_change_email('$(mailed change_email)')" > /dev/null
is "$(sql -U app -c BEGIN -c "$(as 57)" -c "SELECT roughly_delete_account('$password')" -c COMMIT)" $'t\nok' "somebody votes, moves to another address and deletes the account"
register wanderer@example.org
like "$(error -U app -c "$(ballot "$q" 57 coffee)")" '^ERROR:  42501' "and cannot vote again with the first address"

# --- publishing from a session with settings of its own
for setting in 'default_transaction_isolation=serializable' 'default_transaction_isolation=repeatable\ read' 'search_path=pg_temp -c synchronous_commit=off'; do
  q=$(ask_question)
  vote "$q" 1 6 tea
  open_session lock; PGOPTIONS="-c $setting" open_session P; PGOPTIONS="-c $setting" open_session P2
  : "$(ask lock "BEGIN; SELECT FROM roughly.questions WHERE id = '$q' FOR UPDATE;")"
  tell P "CALL public.roughly_publish('$q');"; tell P2 "CALL public.roughly_publish('$q');"
  waits P; waits P2
  vote "$q" 7 12 coffee # committed while they wait
  : "$(ask lock 'COMMIT;')"
  is "$(answer P)$(answer P2)" '' "two at once with $setting"
  publish "$q"
  is "$(numbers "$q"),$(rows "$q")" 't|coffee 6, tea 6, water 0,12|0' "count every vote once"
  close_session lock; close_session P; close_session P2
done

# --- recounting while another publisher releases: between its look at the question and its look at the tally
q=$(ask_question)
as_of() { printf "UPDATE roughly.questions SET batch = %s, release = %s WHERE id = '%s'; UPDATE roughly.tallies SET sealed = '%s' WHERE question_id = '%s';" "$1" "$1" "$q" "$2" "$q"; }
for last in 6 12; do
  vote "$q" $((last - 5)) $last tea
  publish "$q"
  tally[last]=$(sql -c "SELECT sealed FROM roughly.tallies WHERE question_id = '$q'")
done
sql -c "$(as_of 1 "${tally[6]}")"
open_session lock; open_session recounter
: "$(ask lock "BEGIN; LOCK TABLE roughly.keys; $(as_of 2 "${tally[12]}")")"
tell recounter "SELECT roughly_recount('$q');"
waits recounter # the question is read, and the key that its policy was sealed with is looked up
: "$(ask lock 'COMMIT;')"
is "$(answer recounter)" t "recounting tells a release meanwhile from corruption"
close_session lock; close_session recounter

# --- a publisher that dies
die_at() { # die_at HOW TABLE: publishes $q up to where it writes to TABLE, and dies there
  open_session lock; open_session publisher -U admin
  : "$(ask lock "BEGIN; LOCK TABLE roughly.$2 IN SHARE MODE;")"
  tell publisher "CALL roughly_publish('$q');"
  waits publisher
  if [ "$1" = kill ]; then
    local bystander
    bystander=$(ask lock 'SELECT pg_backend_pid();')
    kill -9 "$(sql -c "SELECT pid FROM pg_stat_activity WHERE application_name = 'publisher'")"
    while kill -0 "$bystander" 2>/dev/null; do sleep 0.02; done # until the postmaster has noticed
    alive
  else
    sql -c "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'publisher'" > /dev/null
    until_true "SELECT count(*) = 0 FROM pg_stat_activity WHERE application_name = 'publisher'"
  fi
  close_session lock; close_session publisher
}
state() { # batch, release, waiting ballots, published views
  sql -c "SELECT batch, release, (SELECT count(*) FROM roughly.ballots b WHERE b.question_id = q.id),
    (SELECT count(*) FROM roughly.releases r WHERE r.question_id = q.id AND release_no > 0) FROM roughly.questions q WHERE q.id = '$q'"
}
for how in terminate kill; do
  q=$(ask_question)
  vote "$q" 1 6 tea
  die_at $how batches
  is "$(state)" '0|0|6|0' "$how while freezing: nothing has happened"
  die_at $how releases
  is "$(state)" '1|0|0|0' "$how between freezing and releasing: frozen"
  is "$(published "$q")" '' "$how: nothing of it can be seen"
  vote "$q" 7 12 coffee
  die_at $how tallies
  is "$(state)" '1|0|6|0' "$how while releasing: still frozen, nothing else taken"
  publish "$q"
  is "$(state)" '2|2|0|2' "$how: the next publish finishes that batch and counts the next"
  is "$(numbers "$q")" 't|coffee 6, tea 6, water 0' "$how: every vote counted once"
done
q=$(ask_question)
open_session killer
for ((i = 1; i <= 8; i++)); do
  open_session victim -U admin
  ask victim 'SELECT;' > /dev/null
  vote "$q" $((6 * i - 5)) $((6 * i)) tea
  tell victim "CALL roughly_publish('$q');"
  sleep "0.0$(printf '%02d' $((RANDOM % 20)))"
  ask killer "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE application_name = 'victim' AND state = 'active';" > "$work/killed.$i"
  close_session victim
done
vote "$q" 49 54 coffee
sql -U admin -c "SELECT roughly_close_question('$q')"
publish "$q"
is "$(numbers "$q")" 't|coffee 6, tea 48, water 0' "publishers killed at random moments ($(cat "$work"/killed.* | grep -cx 1) of 8 in time) lose and double nothing"

done_testing
