#!/usr/bin/env bash
# Nobody learns whether an address has an account: not by answers, by what is written, or by how long it takes.
set -u
source "$(dirname "$0")/lib.sh"
start_poll one 'autovacuum = off'

phc=$(sql -U admin -v password="$password" <<< "SELECT roughly_hash_password(:'password')")
bcrypt='$2b$04$cVWp4XaNU8a4v1uMRum2SO026BWLIoQMD/TXg5uZV.0P.uO8m3YEm'
unthrottle="DO \$\$BEGIN PERFORM setval(format('roughly.throttle_%s', n)::regclass, 1) FROM generate_series(0, 255) n; END\$\$"

# --- answers, and what is written
kinds='known unconfirmed banned deleted locked passwordless factor bcrypt unknown'
sql -U admin -v phc="$phc" -v bcrypt="$bcrypt" > /dev/null <<'SQL'
SELECT roughly_admin_import_user(kind || '@oracle.example', CASE kind WHEN 'bcrypt' THEN :'bcrypt' WHEN 'passwordless' THEN NULL ELSE :'phc' END,
                                 CASE WHEN kind <> 'unconfirmed' THEN now() END)
  FROM unnest('{known,unconfirmed,locked,passwordless,factor,bcrypt}'::text[]) kind;
SELECT roughly_admin_ban(roughly_admin_import_user('banned@oracle.example', :'phc'));
SELECT roughly_admin_delete_user(roughly_admin_import_user('deleted@oracle.example', :'phc'));
SQL
sql > /dev/null <<'SQL'
INSERT INTO roughly.mfa_factors (id, user_id, sealed, verified) SELECT gen_random_uuid(), id, '\x00', true FROM roughly.users WHERE email = 'factor@oracle.example';
-- What this transaction has written to our tables, as anybody may ask.
CREATE FUNCTION written(OUT line text) RETURNS SETOF text LANGUAGE sql VOLATILE AS $$
  SELECT format('%s: %s inserted, %s updated, %s deleted', relname, n_tup_ins, n_tup_upd, n_tup_del) FROM pg_stat_xact_all_tables
   WHERE schemaname = 'roughly' AND n_tup_ins + n_tup_upd + n_tup_del > 0 ORDER BY 1 $$;
CREATE FUNCTION looked_at(OUT line text) RETURNS SETOF text LANGUAGE sql VOLATILE AS $$
  SELECT format('%s: %s', relname, (seq_scan, seq_tup_read, idx_scan, idx_tup_fetch)) FROM pg_stat_xact_all_tables
   WHERE schemaname = 'roughly' AND seq_scan + COALESCE(idx_scan, 0) > 0 ORDER BY 1 $$;
SQL
# observed CALL FUNCTION KIND...: for each kind of address a line: the answer, and everything written. All is rolled back; in
# a connection each, for the counters are the connection's until they are flushed.
observed() {
  local call=$1 function=$2 kind; shift 2
  for kind; do
    printf "\\\\c\n%s; SET SESSION AUTHORIZATION app; BEGIN; SELECT to_jsonb(r) FROM %s r; SELECT * FROM %s(); ROLLBACK;\n\\\\echo ==\n" \
      "$unthrottle" "${call//ADDRESS/$kind@oracle.example}" "$function"
  done | sql | tr '\n' ' ' | sed 's/ == /\n/g'
}
# the_same DESCRIPTION CALL WANTED [FUNCTION]: for every kind of address, as for the known one, which fits WANTED. CALL has ADDRESS in it.
the_same() {
  local lines
  # shellcheck disable=SC2086 # a list of words
  lines=$(observed "$2" "${4:-written}" $kinds)
  is "$(wc -l <<< "$lines")" "$(wc -w <<< "$kinds")" "$1: all kinds of addresses have been tried"
  like "${lines%%$'\n'*}" "$3" "$1: what it answers and writes"
  is "$(sort -u <<< "$lines")" "${lines%%$'\n'*}" "$1: the same for every kind of address"
}
answer='^\{"status": "invalid_credentials", "user_id": null, "expires_at": null, "session_id": null, "retry_after": null, "session_token": null\} login_failures: '
the_same "a wrong password" "roughly_log_in('ADDRESS', 'not the password')" "${answer}1 inserted, 0 updated, 0 deleted\$"
the_same "a wrong password from somewhere" "roughly_log_in('ADDRESS', 'not the password', 'browser', '192.0.2.1')" "${answer}1 inserted, 0 updated, 0 deleted\$"
the_same "no password" "roughly_log_in('ADDRESS', '')" "${answer}1 inserted, 0 updated, 0 deleted\$"
the_same "a registration" "roughly_register_user('ADDRESS', '$password')" '^\{"status": "check_email", "reasons": \[\]\} mail_outbox: 1 inserted, 0 updated, 0 deleted$'
the_same "a registration without a password" "roughly_register_user('ADDRESS')" '^\{"status": "check_email", "reasons": \[\]\} mail_outbox: 1 inserted, 0 updated, 0 deleted$'
the_same "a registration with a weak password" "roughly_register_user('ADDRESS', 'weak')" '^\{"status": "weak_password", "reasons": \["too_short"\]\}$'
the_same "a link that logs in" "roughly_request_magic_link('ADDRESS')" '^"" mail_outbox: 1 inserted, 0 updated, 0 deleted$'
the_same "a link that resets" "roughly_request_password_reset('ADDRESS')" '^"" mail_outbox: 1 inserted, 0 updated, 0 deleted$'
for call in "roughly_register_user('ADDRESS', '$password')" "roughly_request_magic_link('ADDRESS')" "roughly_request_password_reset('ADDRESS')"; do
  the_same "${call%%(*}" "$call" '' looked_at
done
orders() { sql -c "SELECT count(*), count(DISTINCT octet_length(sealed)), count(DISTINCT sealed) FROM roughly.mail_outbox"; }
for kind in $kinds; do
  echo "$unthrottle; SELECT roughly_register_user('$kind@oracle.example', '$password'), roughly_request_magic_link('$kind@oracle.example'), roughly_request_password_reset('$kind@oracle.example');"
done | sql >/dev/null
is "$(orders)" '27|1|27' "all orders have one length, whatever they are for"

# After one failure each, and a hundred of one address.
sql -c "$unthrottle" -c "SELECT roughly_log_in('locked@oracle.example', 'not the password')" -c "UPDATE roughly.login_failures SET failures = 100" >/dev/null
fail() { local kind; for kind; do echo "$unthrottle; SELECT roughly_log_in('$kind@oracle.example', 'not the password');"; done | sql >/dev/null; }
# shellcheck disable=SC2086
fail ${kinds/locked /}
the_same "another wrong password" "roughly_log_in('ADDRESS', 'not the password')" "${answer}0 inserted, 1 updated, 0 deleted\$"
got=$(observed "roughly_log_in('ADDRESS', '$password')" written locked)
like "$got" "${answer}0 inserted, 1 updated, 0 deleted\$" "the right password of a locked account is as wrong as any"
sql -c "$unthrottle" -c "UPDATE roughly.login_failures SET failures = 5" >/dev/null
# shellcheck disable=SC2086
fail $kinds
the_same "having to wait" "(SELECT status, session_token, session_id, user_id, expires_at, retry_after > '0' AS wait FROM roughly_log_in('ADDRESS', 'not the password'))" \
  '^\{"wait": true, "status": "throttled", "user_id": null, "expires_at": null, "session_id": null, "session_token": null\}$'
sql -c "DELETE FROM roughly.login_failures" >/dev/null
got=$(for kind in $kinds; do echo "$unthrottle; SET SESSION AUTHORIZATION app; CALL roughly_log_in_committed('$kind@oracle.example', 'not the password'); RESET SESSION AUTHORIZATION;"; done | sql | sort | uniq -c)
is "$(tr -s ' ' <<< "$got")" ' 9 invalid_credentials|||||' "roughly_log_in_committed answers the same for every kind of address"
is "$(sql -c "SELECT count(*), sum(failures) FROM roughly.login_failures")" '9|9' "and writes the same"
# The instrument can tell: with the right password an account shows.
sql -c "DELETE FROM roughly.login_failures" >/dev/null
is "$(observed "(SELECT status FROM roughly_log_in('ADDRESS', '$password'))" written known unknown banned)" \
  '{"status": "ok"} audit_log: 1 inserted, 0 updated, 0 deleted user_tokens: 1 inserted, 0 updated, 0 deleted
{"status": "invalid_credentials"} login_failures: 1 inserted, 0 updated, 0 deleted
{"status": "banned"}' "control: with the right password the difference shows"

# --- how long it takes
# Three arms by turns, in random order: known; unknown; and planted, unknown and made a tenth slower, as if known addresses took
# a tenth more work.
arms='known unknown planted'
address() { printf '%s-%s@timing.example' "$(printf '%-9s' "$1" | tr ' ' -)" "$2"; }
for n in 1 2 3 4 5; do sql -U admin -v phc="$phc" -v address="$(address known "$n")" <<< "SELECT roughly_admin_import_user(:'address', :'phc')"; done >/dev/null
fresh_start="$unthrottle; DELETE FROM roughly.login_failures; DELETE FROM roughly.mail_outbox;"

# log_in ROUNDS CALLS TYPED: lines "arm,turn,us" of the processor's time, as the server counts it for every statement. The
# planted tenth is a tenth more memory to hash in.
log_in() {
  local round call arm
  { for ((round = 1; round <= $1; round++)); do
      printf -- "-,0 %s\n" "${fresh_start//$'\n'/ }"
      for ((call = 1; call <= $2; call++)); do
        for arm in $(shuf -e $arms); do
          [ "$arm" != planted ] || echo '-,0 SET roughly_auth.argon2_memory = 21402;'
          printf "%s,%d.%d SELECT status FROM roughly_log_in('%s', '%s');\n" "$arm" "$round" "$call" "$(address "$arm" "$call")" "$3"
          [ "$arm" != planted ] || echo '-,0 RESET roughly_auth.argon2_memory;'
        done
      done
    done; } > "$work/calls"
  sed -i "s/^-,0 \(DO.*END\\$\\$\); \(DELETE.*;\) \(DELETE.*;\)/-,0 \1;\n-,0 \2\n-,0 \3/" "$work/calls" # one statement a line
  { echo 'SET client_min_messages = log; SET log_statement_stats = on;'; cut -d' ' -f2- "$work/calls"; } | psql -XqAt -v ON_ERROR_STOP=1 2>&1 > "$work/answers" |
    sed -n 's/^.*[[:space:]]\([0-9.]*\) s user, \([0-9.]*\) s system.*/\1 \2/p' | paste -d' ' <(cut -d' ' -f1 "$work/calls") - |
    awk '$1 != "-,0" { printf "%s,%.0f\n", $1, ($2 + $3) * 1e6 }'
  [ "$(sort "$work/answers" | uniq -c | tr -s ' ')" = " $((3 * $1 * $2)) invalid_credentials" ] || die "not every log-in was tried: $(sort "$work/answers" | uniq -c)"
}
# magic_link ROUNDS CALLS: the same by the clock on the wall, for it is too short for the other.
sql > /dev/null <<'SQL'
CREATE TABLE sample (arm text, turn text, us double precision);
CREATE PROCEDURE take_samples(rounds integer, calls integer) LANGUAGE plpgsql AS $$
DECLARE
  one record;
  started timestamptz;
  us double precision;
BEGIN
  FOR r IN 1..rounds LOOP
    DELETE FROM roughly.mail_outbox;
    PERFORM setval(format('roughly.throttle_%s', n)::regclass, 1) FROM generate_series(0, 255) n;
    COMMIT;
    FOR one IN SELECT arm, format('%s.%s', r, call) AS turn, format('%s-%s@timing.example', rpad(arm, 9, '-'), call) AS address
                 FROM unnest('{known,unknown,planted}'::text[]) arm, generate_series(1, calls) call ORDER BY call, random() LOOP
      started := clock_timestamp();
      PERFORM roughly_request_magic_link(one.address);
      us := extract(epoch FROM clock_timestamp() - started) * 1e6;
      WHILE one.arm = 'planted' AND extract(epoch FROM clock_timestamp() - started) * 1e6 < 1.1 * us LOOP
      END LOOP;
      INSERT INTO sample VALUES (one.arm, one.turn, extract(epoch FROM clock_timestamp() - started) * 1e6);
    END LOOP;
    ASSERT (SELECT count(*) FROM roughly.mail_outbox) = 3 * calls, 'not every link was asked for';
    COMMIT;
  END LOOP;
END $$;
SQL
magic_link() { sql -c 'TRUNCATE sample' -c "CALL take_samples($1, $2)" -c 'COPY sample TO STDOUT (FORMAT csv)'; }

# Reads such lines. Wilcoxon's signed-rank test with the normal approximation, two-sided, on the ratios within a turn, where
# whatever else the machine does is the same for all. Prints "flagged detected", each 0 or 1: whether known and unknown differ, and
# whether planted and unknown do, at 0.001.
cat > "$work/ranks.py" <<'PY'
import collections, itertools, math, statistics, sys
turns = collections.defaultdict(dict)
for line in sys.stdin:
    arm, turn, us = line.split(",")
    turns[turn][arm] = float(us)
def compare(arm):
    logs = [math.log(turn[arm] / turn["unknown"]) for turn in turns.values()]
    changed = sorted((x for x in logs if x), key=abs)
    balance, variance, first = 0.0, 0.0, 1
    for _, tied in itertools.groupby(changed, key=abs):
        tied = list(tied)
        rank = first + (len(tied) - 1) / 2
        balance += rank * sum(math.copysign(1, x) for x in tied)
        variance += rank**2 * len(tied)
        first += len(tied)
    p = math.erfc(abs(balance) / math.sqrt(2 * variance)) if changed else 1.0
    return p, "%+.1f %% (p = %.2g)" % (100 * math.expm1(statistics.median(logs)), p)
(known, known_shown), (planted, planted_shown) = compare("known"), compare("planted")
print("%d %d" % (known < 0.001, planted < 0.001))
unknown = statistics.median(turn["unknown"] for turn in turns.values())
print("# %d turns: unknown %.0f us, known %s, planted %s" % (len(turns), unknown, known_shown, planted_shown), file=sys.stderr)
PY
# judge SAMPLER ROUNDS ARGUMENT...: the verdict on as many samples as the planted tenth takes to show, ten times ROUNDS at most.
judge() {
  local i verdict='0 0'
  : > "$work/samples"
  for ((i = 1; i <= 10; i++)); do
    "$@" | awk -F, -v OFS=, -v i="$i" '{ $2 = i "." $2; print }' >> "$work/samples"
    verdict=$(/usr/bin/python3 "$work/ranks.py" < "$work/samples")
    [ "${verdict#* }" = 0 ] || break
  done
  echo "$verdict"
}
# indistinguishable WHAT SAMPLER ROUNDS ARGUMENT...: only what differs in two sets of samples does. Resampling 400 measured turns
# of log_in 12 2: one set in 2000 differs by chance, 98 in 100 do when known addresses take a tenth longer.
indistinguishable() {
  local what=$1 first second='0 1'; shift
  first=$(judge "$@")
  [ "${first% *}" = 0 ] || second=$(judge "$@")
  is "${first#* }${second#* }" 11 "$what: a planted difference of 10 % is detected"
  isnt "${first% *}${second% *}" 11 "$what: known and unknown addresses are not told apart"
}
indistinguishable "log-in with a wrong password" log_in 12 2 'not the password'
indistinguishable "magic link" magic_link 150 5
indistinguishable "log-in with a wrong password that is not NFC" log_in 12 2 $'pas le mot de passe: e\u0301'

done_testing
