# Shared by the .t files: TAP, sessions, people and their votes. Source it. Each file runs alone too: prove tests/tap/dump.t
# shellcheck shell=bash disable=SC2154,SC2034
source "$(dirname "${BASH_SOURCE[0]}")/../../script/lib.sh"
[ -n "${bindir:-}" ] || build_and_install >&2
PATH=$bindir:$PATH
unset PGOPTIONS PGSERVICE PGCLIENTENCODING PGAPPNAME
here=$top/tests/tap

# --- TAP
tests=0 failures=0 todo=''
# While todo holds a reason, what follows is known to fail: prove tells when it no longer does.
report() { # report OUTCOME DESCRIPTION [DIAGNOSIS...]
  tests=$((tests + 1))
  printf '%s %d - %s%s\n' "$1" "$tests" "$2" "${todo:+ # TODO $todo}"
  if [ "$1" = ok ] || [ -n "$todo" ]; then return; fi
  failures=$((failures + 1))
  shift 2
  printf '%s\n' "$@" | sed 's/^/#   /' >&2
}
is() { # is GOT WANTED DESCRIPTION
  if [ "$1" = "$2" ]; then report ok "$3"; else report 'not ok' "$3" "got:    $1" "wanted: $2"; fi
}
isnt() { # isnt GOT UNWANTED DESCRIPTION
  if [ "$1" != "$2" ]; then report ok "$3"; else report 'not ok' "$3" "got: $1"; fi
}
like() { # like GOT REGEX DESCRIPTION
  if [[ $1 =~ $2 ]]; then report ok "$3"; else report 'not ok' "$3" "got:    $1" "wanted: $2"; fi
}
unlike() { # unlike GOT REGEX DESCRIPTION
  if [[ $1 =~ $2 ]]; then report 'not ok' "$3" "got:      $1" "unwanted: $2"; else report ok "$3"; fi
}
ok() { # ok DESCRIPTION COMMAND...
  local what=$1; shift
  if "$@" > "$work/ok.out" 2>&1; then report ok "$what"; else report 'not ok' "$what" "failed: $*" "$(head -n 20 "$work/ok.out")"; fi
}
skip() { # skip COUNT REASON
  local i
  for ((i = 0; i < $1; i++)); do tests=$((tests + 1)); printf 'ok %d # SKIP %s\n' "$tests" "$2"; done
}
done_testing() { printf '1..%d\n' "$tests"; [ "$failures" = 0 ]; }

# --- SQL
sql() { psql -XqAt -v ON_ERROR_STOP=1 "$@"; }
# error ARGUMENT...: the first error and its hint as psql tells them ("ERROR:  23505: ..."); nothing when there is none.
error() { psql -XqAt -v VERBOSITY=verbose "$@" 2>&1 >/dev/null </dev/null | sed -n 's/^psql:[^ ]*: //; /^ERROR: \|^FATAL: /,/^LOCATION: /p' | sed '/^LOCATION: /,$d' || true; }
# until_true SQL: waits for it inside the server, half a minute at most.
until_true() {
  sql > /dev/null <<SQL
DO \$\$
BEGIN
  FOR i IN 1..3000 LOOP
    IF ($1) THEN RETURN; END IF;
    PERFORM pg_sleep(0.01);
    PERFORM pg_stat_clear_snapshot();
  END LOOP;
  RAISE 'never came true';
END \$\$
SQL
}
# alive: waits until the server has recovered from a crash.
alive() {
  local i
  for ((i = 0; i < 300; i++)); do
    [ "$(sql -c 'SELECT NOT pg_is_in_recovery()' 2>/dev/null)" = t ] && return
    sleep 0.1
  done
  return 1
}

# catalog DATABASE: the extension as pg_upgrade would rebuild it, column by column and grant by grant, but for what is
# physical. In which order something was granted, or tables were marked for dumps, makes no difference.
catalog() {
  pg_dump --binary-upgrade --schema-only -d "$1" |
    sed -E '/binary_upgrade_set_next_|pg_catalog\.setval\(|^SET relfrozenxid |^WHERE oid = |^\\(un)?restrict /d; s/(create_empty_extension\([^{]*).*/\1/' |
    python3 -c 'import itertools, sys
for grants, lines in itertools.groupby(sys.stdin, lambda line: line.startswith(("GRANT ", "REVOKE "))):
    sys.stdout.writelines(sorted(lines) if grants else lines)'
  sql -d "$1" -c "SELECT c::regclass, condition FROM pg_extension, unnest(extconfig, extcondition) u (c, condition) WHERE extname = 'roughly_auth' ORDER BY 1"
}

# --- sessions that stay open, for what needs two at once
declare -A session_in=() session_out=()
open_session() { # open_session NAME [psql argument...]
  local name=$1 in out; shift
  rm -f "$work/$name.in" "$work/$name.out"
  mkfifo "$work/$name.in" "$work/$name.out"
  echo 0 > "$work/$name.told" # a file, since ask() often runs in a subshell
  PGAPPNAME=$name stdbuf -oL psql -XqAt -v VERBOSITY=verbose "$@" < "$work/$name.in" > "$work/$name.out" 2>&1 &
  exec {in}> "$work/$name.in" {out}< "$work/$name.out"
  session_in[$name]=$in session_out[$name]=$out
}
# tell NAME SQL: sends it and does not wait.
tell() {
  local n=$(($(< "$work/$1.told") + 1))
  echo "$n" > "$work/$1.told"
  printf '%s\n\\echo == %d\n' "$2" "$n" >&"${session_in[$1]}"
}
# answer NAME: waits until all it was told is done; what the last told gave, errors included.
answer() {
  local n line text=''
  n=$(< "$work/$1.told")
  while IFS= read -r -t 60 line <&"${session_out[$1]}"; do
    case $line in
      "== $n") printf %s "$text"; return ;;
      '== '*) text='' ;;
      'LOCATION: '*) ;;
      *) text+=$line$'\n' ;;
    esac
  done
  printf '# session %s does not answer: %s\n' "$1" "$text" >&2
  return 1
}
ask() { tell "$1" "$2"; answer "$1"; }
# waits NAME: returns once the session waits for a lock.
waits() { until_true "SELECT count(*) > 0 FROM pg_stat_activity WHERE application_name = '$1' AND wait_event_type = 'Lock'"; }
close_session() { # ends the connection, and its transaction with it
  local in=${session_in[$1]} out=${session_out[$1]}
  (printf '\\q\n' >&"$in") 2>/dev/null || true # it may be gone already
  exec {in}>&- {out}<&-
  unset "session_in[$1]" "session_out[$1]"
}

# --- a poll: roles, people, questions, votes
password='correct horse battery staple'
# start_poll NAME [postgresql.conf line...]: a cluster with database "poll" and the login roles app, admin and mailer.
start_poll() {
  start_cluster "$@"
  sql -c 'CREATE DATABASE poll'
  export PGDATABASE=poll
  sql -c 'CREATE EXTENSION roughly_auth'
  make_roles
  use "$1"
}
make_roles() { sql -c 'CREATE ROLE app LOGIN IN ROLE roughly_app' -c 'CREATE ROLE admin LOGIN IN ROLE roughly_admin' -c 'CREATE ROLE mailer LOGIN IN ROLE roughly_mailer'; }
# may_select ROLE: every table, as far as row-level security lets it.
may_select() {
  sql -c "GRANT pg_read_all_data TO $1" 2> /dev/null ||
    sql -c "GRANT USAGE ON SCHEMA roughly TO $1" -c "GRANT SELECT ON ALL TABLES IN SCHEMA roughly, public TO $1" # before PostgreSQL 14
}
# use NAME: from here on that cluster is meant.
use() { export PGHOST=$work/$1; data=$work/$1/data key_file=$work/$1/data.roughly_auth.key log=$work/$1/log; }
# make_people N: person1@example.org and so on, all with one password; logs each in. Their tokens: ${token[1]}...
token=()
make_people() {
  phc=$(sql -U admin -v password="$password" <<< "SELECT roughly_hash_password(:'password')")
  sql -U admin -v phc="$phc" >/dev/null <<< "SELECT roughly_admin_import_user('person' || n || '@example.org', :'phc') FROM generate_series(1, $1) n"
  mapfile -t -O 1 token < <(sql -U app -v password="$password" <<< \
    "SELECT l.session_token FROM generate_series(1, $1) n, roughly_log_in('person' || n || '@example.org', :'password') l ORDER BY n")
  [ "${#token[@]}" = "$1" ] || die "not everybody could log in"
}
# ask_question ARGUMENT: its id. ARGUMENT: what roughly_create_question takes after the choices; small numbers by default.
ask_question() {
  sql -U admin -c "SELECT roughly_create_question('Tea or coffee?', ARRAY['tea', 'coffee', 'water']${1:+, $1}, k => 5, min_batch => 5, growth => 0.1, max_wait => NULL)"
}
# ballot QUESTION PERSON CHOICE [SQL]: the statements of one vote; SQL comes before its commit.
ballot() {
  printf "BEGIN; SELECT user_id IS NOT NULL FROM roughly_authenticate('%s'); SELECT roughly_cast_vote('%s', '%s'); %s COMMIT;\n" "${token[$2]}" "$1" "$3" "${4:-}"
}
# ballots QUESTION FROM TO CHOICE: those of several people.
ballots() { local n; for ((n = $2; n <= $3; n++)); do ballot "$1" "$n" "$4"; done; }
# vote QUESTION FROM TO CHOICE: they vote; any error ends the test.
vote() { ballots "$@" | sql -U app > /dev/null; }
publish() { sql -U admin -c "CALL roughly_publish('$1')"; }
# published QUESTION [DIMENSION...]: what everybody can read, a line per cell and choice.
published() {
  local question=$1; shift
  sql -U app -c "SELECT slice, choice, votes, respondents, as_of FROM roughly_aggregate('$question', ARRAY[$(printf "'%s'," "$@" | sed "s/'',//; s/,\$//")]::text[]) ORDER BY 1, 2"
}
# freeze QUESTION: publishes up to the moment between freezing and releasing, where the publisher dies.
freeze() {
  open_session freeze_lock; open_session freeze_publisher -U admin
  ask freeze_lock 'BEGIN; LOCK TABLE roughly.releases IN SHARE MODE;'
  tell freeze_publisher "CALL roughly_publish('$1');"
  waits freeze_publisher
  sql -c "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'freeze_publisher'" >/dev/null
  until_true "SELECT count(*) = 0 FROM pg_stat_activity WHERE application_name = 'freeze_publisher'"
  close_session freeze_lock; close_session freeze_publisher
}
# caught_up ONE TWO: the standby TWO has replayed what ONE has written, and is meant from here on.
caught_up() {
  local lsn
  use "$1"; lsn=$(sql -c 'SELECT pg_current_wal_flush_lsn()')
  use "$2"; until_true "SELECT pg_last_wal_replay_lsn() >= '$lsn'"
}
# mailed KIND: the token of the one mail of that kind in the outbox, which is sent.
mailed() { sql -U mailer -c "SELECT token, roughly_mail_sent(id) FROM roughly_dequeue_mail() WHERE kind = '$1'" | sed 's/|$//'; }
respondents() { sql -c "SELECT COALESCE(max(respondents), 0) FROM roughly_aggregate('$1')"; }
# contents: a line per table with its rows and their digest.
contents() {
  sql <<'SQL'
SELECT format('SELECT %L, count(*), md5(string_agg(t::text, E''\n'' ORDER BY t::text)) FROM %s t', oid::regclass, oid::regclass)
  FROM pg_class WHERE relnamespace = 'roughly'::regnamespace AND relkind IN ('r', 'p') ORDER BY relname
\gexec
SQL
}
