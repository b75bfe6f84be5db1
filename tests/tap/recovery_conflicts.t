#!/usr/bin/env bash
# What readers of a standby meet while the primary publishes and vacuums. A conflict with recovery is by database and age of the
# snapshot, not by table: that rows of roughly.releases are only ever added saves short readers, not an old snapshot.
set -u
source "$(dirname "$0")/lib.sh"

start_poll one 'autovacuum = off' 'wal_receiver_status_interval = 1s'
make_people 16
q=$(ask_question "'{gender}'")
vote "$q" 1 6 tea
publish "$q"
other=$(ask_question) third=$(ask_question)
sql -c 'CREATE TABLE public.doomed AS SELECT generate_series(1, 100) n'

as_server mkdir "$work/two"
clusters+=(two)
as_server "$bindir/pg_basebackup" -h "$work/one" -U postgres -D "$work/two/data" -R -c fast
echo "unix_socket_directories = '$work/two'" | as_server tee -a "$work/two/data/postgresql.conf" > /dev/null
start_cluster two
export PGDATABASE=poll
caught_up one two

configure() { # configure SETTING VALUE: of the standby
  use two
  sql -c "ALTER SYSTEM SET $1 = $2" -c 'SELECT FROM pg_reload_conf()'
  until_true "SELECT current_setting('$1') = trim('$2', '''')"
}
# snapshot NAME SQL: a session on the standby that has run it and keeps its snapshot.
snapshot() { use two; open_session "$1"; ask "$1" "BEGIN ISOLATION LEVEL REPEATABLE READ; $2;" > /dev/null; }
goes_on() { use two; sql -c "SELECT count(*) FROM pg_stat_activity WHERE application_name = '$1'"; }
ended() { use two; until_true "SELECT count(*) = 0 FROM pg_stat_activity WHERE application_name = '$1'"; }
# after SQL: on the primary, replayed.
after() { use one; sql <<< "$1"; caught_up one two; }
numbers="SELECT sum(votes) FROM roughly_aggregate('$q', '{gender}')"

# --- short readers, with PostgreSQL's default delay
vacuums='VACUUM roughly.ballots; VACUUM roughly.releases; VACUUM roughly.questions; VACUUM roughly.tallies; VACUUM roughly.batches'
use two
while [ ! -e "$work/enough" ]; do echo "SELECT max(as_of) FROM roughly_aggregate('$q');"; done | sql -U app > "$work/reads" 2> "$work/reads.err" &
reader=$!
until_true "SELECT count(*) > 0 FROM pg_stat_activity WHERE usename = 'app'"
for first in 7 12; do
  use one
  vote "$q" $first $((first + 4)) water
  publish "$q"
  sql <<< "$vacuums"
  caught_up one two
done
touch "$work/enough"
ok "who reads in a loop while the primary publishes and vacuums meets no error" wait $reader
is "$(cat "$work/reads.err")" '' "nor a warning"
is "$(uniq "$work/reads" | paste -sd ,)" 1,2,3 "and every release, in order"

# --- an old snapshot, where replay waits for nobody
configure max_standby_streaming_delay 0
snapshot control 'SELECT count(*) FROM doomed'
after 'DELETE FROM doomed'
is "$(goes_on control)" 1 "control: deleting rows does not end a reader of a snapshot"
after 'VACUUM doomed'
ok "control: vacuuming them does" ended control

snapshot reader "$numbers"
use one
vote "$other" 1 6 tea
publish "$other"
caught_up one two
is "$(goes_on reader),$(ask reader "$numbers;")" '1,16' "publishing, which deletes ballots and adds releases, ends nobody"
after 'VACUUM roughly.ballots'
ok "vacuuming ballots ends an old snapshot that has read releases only" ended reader
close_session reader
snapshot reader "$numbers"
after 'VACUUM roughly.releases'
is "$(goes_on reader)" 1 "vacuuming releases ends no snapshot that sees all of them"
use one
vote "$third" 1 6 tea
publish "$third"
after 'VACUUM roughly.releases'
ok "but an older one, although no row of them is removed: the page is then known to be visible to all" ended reader
ok "the log says why" grep -q 'terminating connection due to conflict with recovery' "$log"

# --- with hot_standby_feedback the primary keeps what a snapshot of the standby may need
configure hot_standby_feedback on
snapshot kept 'SELECT count(*) FROM doomed'
xmin=$(ask kept 'SELECT txid_snapshot_xmin(txid_current_snapshot());')
use one
until_true "(SELECT backend_xmin::text::bigint <= $xmin FROM pg_stat_replication)"
sql -c 'INSERT INTO doomed VALUES (1)' -c 'DELETE FROM doomed'
after "VACUUM doomed; $vacuums"
is "$(goes_on kept),$(ask kept 'SELECT count(*) FROM doomed;')" 1,0 "an old snapshot outlives them all"

done_testing
