#!/usr/bin/env bash
# Guessing is slow whatever the caller does with the transaction, and hashing never takes more than its slots.
set -u
source "$(dirname "$0")/lib.sh"
start_poll one "shared_preload_libraries = ''" 'autovacuum = off'
phc=$(sql -U admin -v password="$password" <<< "SELECT roughly_hash_password(:'password')")
sql -U admin -v phc="$phc" <<< "SELECT roughly_admin_import_user('known' || n || '@slow.example', :'phc') FROM generate_series(1, 9) n" >/dev/null

between() { # between GOT LEAST MOST DESCRIPTION
  if [ "$1" -ge "$2" ] && [ "$1" -le "$3" ]; then report ok "$4"; else report 'not ok' "$4" "got:    $1" "wanted: $2 to $3"; fi
}
now() { sql -c 'SELECT extract(epoch FROM clock_timestamp())::bigint'; }
# tries COUNT ADDRESS PASSWORD [BEFORE AFTER]: the statuses, one a line; every attempt between the statements BEFORE and AFTER.
tries() {
  local i
  for ((i = 0; i < $1; i++)); do printf "%s SELECT status FROM roughly_log_in('%s', '%s'); %s\n" "${4:-}" "$2" "$3" "${5:-}"; done | sql -U app
}
# bites DESCRIPTION ADDRESS [BEFORE AFTER]: attempts with a wrong password until the throttle says no. One attempt costs ten
# seconds, of which twenty may come at once: how many get through depends on how long it all takes, and is bounded by it.
bites() {
  local what=$1 started through
  started=$(now)
  tries 25 "$2" wrong "${3:-}" "${4:-}" > "$work/statuses"
  through=$(grep -c '^invalid_credentials$' "$work/statuses")
  between "$through" 20 $((20 + ($(now) - started) / 10 + 1)) "$what: twenty attempts get through, then one in ten seconds"
  [ "$through" -lt 25 ] || printf '# so slow a machine that the throttle does not bite in 25 attempts\n'
}
fresh() { :; } # clocks as after installing

# all_of_it MODE: what must hold however the clocks are kept.
all_of_it() {
  fresh
  is "$(tries 8 known1@slow.example wrong | uniq -c | tr -s ' ')" $' 6 invalid_credentials\n 2 throttled' "$1: committed: five failures are free, the sixth makes one wait"
  fresh
  bites "$1: rolled back" known2@slow.example 'BEGIN;' 'ROLLBACK;'
  is "$(sql -c "SELECT array_agg(failures) FROM roughly.login_failures")" '{6}' "$1: rolled back: what is written down does not show it"
  fresh
  bites "$1: rolled back to a savepoint" known3@slow.example 'BEGIN; SAVEPOINT s;' 'ROLLBACK TO s; COMMIT;'
  fresh
  bites "$1: of an address without an account" nobody@slow.example 'BEGIN;' 'ROLLBACK;'
  tries 1 nobody@slow.example wrong >/dev/null # if ten seconds have passed, the next is ten seconds away
  like "$(sql -U app -c "SELECT status, session_token, session_id, user_id, expires_at, retry_after BETWEEN '1 microsecond' AND '10 seconds' FROM roughly_log_in('NOBODY@slow.example', 'wrong')")" \
    '^throttled\|\|\|\|\|t$' "$1: who comes too often is told how long to wait, and nothing else"
  is "$(tries 3 nobody@slow.example "$password" | sort -u)" throttled "$1: asking is no attempt, and goes on being refused"
  sql -c 'DELETE FROM roughly.login_failures'
  like "$(for n in 4 5 6 7; do tries 1 "known$n@slow.example" "$password"; done)" ok "$1: other addresses are not concerned" # but for one bucket in 256
  fresh
  is "$(tries 30 known8@slow.example "$password" | sort | uniq -c | tr -s ' ')" ' 30 ok' "$1: success costs nothing"
  # Many at once, each rolling back.
  fresh
  local started n
  started=$(now)
  for ((n = 0; n < 8; n++)); do tries 10 known9@slow.example wrong 'BEGIN;' 'ROLLBACK;' > "$work/statuses.$n" & done
  wait $(jobs -pr)
  between "$(cat "$work"/statuses.? | grep -cE '^(invalid_credentials|busy)$')" 20 $((20 + ($(now) - started) / 10 + 1)) "$1: eight clients at once get no more"
  is "$(cat "$work"/statuses.? | wc -l)" 80 "$1: all of them were answered"
  rm "$work"/statuses.?
  sql -c 'DELETE FROM roughly.login_failures'
}

# --- as CREATE EXTENSION leaves it: the clocks are sequences
fresh() { sql -c "SELECT setval(format('roughly.throttle_%s', n)::regclass, 1) FROM generate_series(0, 255) n" >/dev/null; }
all_of_it sequences
isnt "$(sql -c "SELECT count(*) FROM pg_sequences WHERE schemaname = 'roughly' AND last_value > 1")" 0 "sequences: they have moved"

# --- preloaded: the clocks are in shared memory
stop_cluster one
echo "shared_preload_libraries = 'roughly_auth'" | as_server tee -a "$data/postgresql.conf" >/dev/null
start_cluster one; export PGDATABASE=poll
is "$(sql -c 'SHOW shared_preload_libraries')" roughly_auth "the library is preloaded"
fresh
fresh() { stop_cluster one; start_cluster one; export PGDATABASE=poll; }
sql -c 'DELETE FROM roughly.login_failures'
all_of_it 'shared memory'
is "$(sql -c "SELECT count(*) FROM pg_sequences WHERE schemaname = 'roughly' AND last_value > 1")" 0 "shared memory: the sequences have not moved"
# A network: a hundred at once, one a second.
fresh
started=$(now)
through=$(for ((n = 1; n <= 120; n++)); do echo "SELECT status FROM roughly_log_in('network$n@slow.example', 'wrong', NULL, '192.0.2.1');"; done | sql -U app | grep -c invalid_credentials)
between "$through" 100 $((100 + $(now) - started + 1)) "a network may try many addresses, but not without end"
is "$(sql -U app -c "SELECT status FROM generate_series(1, 200) n, roughly_log_in('other' || n || '@slow.example', 'wrong', NULL, '192.0.2.1') LIMIT 400" | grep -c throttled | sed 's/^[1-9].*/some/')" some "which holds for all of them"
is "$(sql -U app -c "SELECT status FROM roughly_log_in('elsewhere@slow.example', 'wrong', NULL, '192.0.2.2')")" invalid_credentials "another network may go on"
is "$(sql -U app -c "SELECT status FROM roughly_log_in('elsewhere2@slow.example', 'wrong', NULL, '2001:db8::1')")" invalid_credentials "so may IPv6"

# --- slots for hashing
# setting NAME VALUE: for all sessions from here on.
setting() {
  local i
  sql -c "ALTER SYSTEM SET roughly_auth.$1 = '$2'" -c 'SELECT pg_reload_conf()' >/dev/null
  for ((i = 0; i < 300; i++)); do [ "$(sql -c "SHOW roughly_auth.$1")" = "$2" ] && return; sleep 0.1; done
  die "roughly_auth.$1 is not $2"
}
setting hash_slots 1
fresh
sql -c 'DELETE FROM roughly.login_failures'
token=$(sql -U app -c "SELECT session_token FROM roughly_log_in('known1@slow.example', '$password')")
sql -U app -c "SELECT roughly_register_user('new@slow.example', '$password')" -c "SELECT roughly_request_password_reset('known2@slow.example')" >/dev/null
mails=$(sql -U mailer -c 'SELECT kind, token FROM (SELECT kind, token, roughly_mail_sent(id) FROM roughly_dequeue_mail()) m')
confirm_token=$(sed -n 's/^confirm|//p' <<< "$mails") reset_token=$(sed -n 's/^reset_password|//p' <<< "$mails")
# hashes: a backend in the middle of a hash, stopped so that it stays there: its process id in $hashing.
in_the_slot="FROM pg_locks JOIN pg_database d ON d.oid = database WHERE locktype = 'advisory' AND objsubid = x'5243'::int AND granted AND datname = 'poll'"
hashes() {
  local i
  for ((i = 0; i < 20; i++)); do
    open_session hashing
    hashing=$(ask hashing "SET roughly_auth.argon2_memory = '256MB'; SET roughly_auth.argon2_passes = 4; SELECT pg_backend_pid();")
    tell hashing "SELECT left(roughly_hash_password('slow'), 31);"
    until_true "SELECT count(*) > 0 $in_the_slot AND pid = $hashing"
    as_server kill -STOP "$hashing"
    [ "$(sql -c "SELECT count(*) $in_the_slot AND pid = $hashing")" = 1 ] && return
    as_server kill -CONT "$hashing" # it was quicker
    close_session hashing
  done
  return 1
}
hashes || die "no backend could be caught hashing"
# All of these wait for the slot at once. later NAME ROLE SQL...: says in the background what it answers.
waiting=''
later() { local name=$1 role=$2 command arguments=(); shift 2; for command; do arguments+=(-c "$command"); done
  (sql -U "$role" "${arguments[@]}" || true) > "$work/later.$name" 2>&1 & waiting+=" $!"; }
as_known() { later "$1" app BEGIN "SELECT FROM roughly_authenticate('$token')" "$2" COMMIT; }
started=$(now)
later known app "SELECT status, session_token, session_id, user_id, expires_at, retry_after FROM roughly_log_in('known3@slow.example', '$password')"
later unknown app "SELECT status, session_token, session_id, user_id, expires_at, retry_after FROM roughly_log_in('nobody3@slow.example', 'wrong')"
later hash app "SELECT roughly_hash_password('x')"
later verify app "SELECT roughly_verify_password('x', '$phc')"
as_known reauthenticate "SELECT status FROM roughly_reauthenticate('$password')"
as_known change_password "SELECT status FROM roughly_change_password('$password', 'quite another pass phrase')"
as_known delete_account "SELECT roughly_delete_account('$password')"
later confirm_user app "SELECT status FROM roughly_confirm_user('$confirm_token', '$password')"
later reset_password app "SELECT status FROM roughly_reset_password('$reset_token', 'quite another pass phrase')"
later register_user app "SELECT status FROM roughly_register_user('other@slow.example', '$password')"
# shellcheck disable=SC2086
wait $waiting
between $(($(now) - started)) 1 1000000 "who finds no slot waits a second"
is "$(< "$work/later.known")" 'busy|||||' "then a log-in says busy"
is "$(< "$work/later.unknown")" 'busy|||||' "so does one of an unknown address"
is "$(sql -c 'SELECT count(*) FROM roughly.login_failures')" 0 "which is no failure"
for name in hash verify; do
  like "$(< "$work/later.$name")" '^ERROR:  too many passwords are being hashed' "roughly_${name}_password fails"
done
for name in reauthenticate change_password delete_account confirm_user; do is "$(< "$work/later.$name")" busy "roughly_$name says busy"; done
for name in reset_password register_user; do is "$(< "$work/later.$name")" busy "roughly_$name says busy"; done
is "$(sql -U app -c "SELECT roughly_request_magic_link('known4@slow.example')")" '' "what hashes nothing needs no slot"
# An attempt is counted before its password is looked at.
open_session guessing -U app
tell guessing "CALL roughly_log_in_committed('known9@slow.example', 'wrong');"
until_true "SELECT count(*) = 1 FROM roughly.login_failures WHERE failures = 1"
sql -c "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'guessing'" >/dev/null
until_true "SELECT count(*) = 0 FROM pg_stat_activity WHERE application_name = 'guessing'"
close_session guessing
is "$(sql -c 'SELECT array_agg(failures) FROM roughly.login_failures')" '{1}' "roughly_log_in_committed counts an attempt whose client goes away before it is told"
is "$(sql -U app -c "CALL roughly_log_in_committed('known8@slow.example', '$password')")" 'busy|||||' "it says busy too"
is "$(sql -c 'SELECT count(*) FROM roughly.login_failures')" 1 "and that is no failure"
sql -c 'DELETE FROM roughly.login_failures'
as_server kill -CONT "$hashing"
is "$(answer hashing)" '$argon2id$v=19$m=262144,t=4,p=1' "the hash that took the slot is done in the end"
close_session hashing
is "$(sql -U app -c "SELECT status FROM roughly_log_in('known3@slow.example', '$password')")" ok "then there is a slot again"
is "$(sql -U app -c "SELECT status FROM roughly_confirm_user('$confirm_token', '$password')")" ok "and what was busy is done"
# The slot goes with its backend, and with its transaction.
hashes || die "no backend could be caught hashing"
sql -c "SELECT pg_terminate_backend($hashing)" >/dev/null
as_server kill -CONT "$hashing"
until_true "SELECT count(*) = 0 FROM pg_stat_activity WHERE pid = $hashing"
close_session hashing
is "$(sql -c "SELECT count(*) $in_the_slot")" 0 "a terminated backend leaves no slot taken"
is "$(sql -U app -c BEGIN -c "SELECT status FROM roughly_log_in('known5@slow.example', 'wrong')" -c 'SELECT 1/0' -c ROLLBACK -c "SELECT status FROM roughly_log_in('known5@slow.example', '$password')" 2>/dev/null | tail -n 1; sql -c "SELECT count(*) $in_the_slot")" \
  $'invalid_credentials\n0' "nor does a failed transaction"
# Two slots.
setting hash_slots 2
hashes || die "no backend could be caught hashing"
is "$(sql -U app -c "SELECT status FROM roughly_log_in('known6@slow.example', '$password')")" ok "with two slots one is free while the other is taken"
sql -c "SELECT pg_terminate_backend($hashing)" >/dev/null
as_server kill -CONT "$hashing"; close_session hashing

# --- memory: sums of what all backends hold at a time, in MiB
cat > "$work/memory.py" <<'PY'
import os, sys, time
postmaster, stop = sys.argv[1], sys.argv[2]
most = 0
while not os.path.exists(stop):
    total = 0
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            status = dict(line.split(":", 1) for line in open("/proc/%s/status" % pid))
            if status["PPid"].strip() == postmaster:
                total += int(status["RssAnon"].split()[0])
        except (OSError, KeyError, ValueError):
            pass
    most = max(most, total)
    time.sleep(0.002)
print(most // 1024)
PY
clients=12 memory=64
# peak SLOTS: the most that the server's processes held while twelve clients tried to log in twice each.
peak() {
  local n sampler jobs=''
  setting hash_slots "$1"
  setting argon2_memory "${memory}MB"
  sql -c 'DELETE FROM roughly.login_failures'
  fresh
  rm -f "$work/stop"
  /usr/bin/python3 "$work/memory.py" "$(head -n 1 "$data/postmaster.pid")" "$work/stop" > "$work/peak" & sampler=$!
  for ((n = 0; n < clients; n++)); do tries 2 "memory$n@slow.example" wrong > "$work/statuses.$n" & jobs+=" $!"; done
  # shellcheck disable=SC2086
  wait $jobs
  touch "$work/stop"; wait $sampler
  is "$(cat "$work"/statuses.* | grep -cE '^(invalid_credentials|busy)$')" $((2 * clients)) "$1 slots: all clients were answered"
  rm "$work"/statuses.*
  peak=$(< "$work/peak")
  printf '# %d clients, %d slots of %d MiB: at most %d MiB at a time\n' "$clients" "$1" "$memory" "$peak"
}
peak 2
between "$peak" "$memory" $((2 * memory + clients * 12)) "two slots: memory is bounded by the slots, not by the clients"
peak 64
between "$peak" $((2 * memory + clients * 12 + 1)) 1000000 "control: with a slot for everybody it is not"

done_testing
