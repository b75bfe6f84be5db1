#!/usr/bin/env bash
# A reading node: another cluster gets what is published, by logical replication of roughly.releases, and holds no key.
set -u
source "$(dirname "$0")/lib.sh"

start_poll one "wal_level = logical"
make_people 14
q=$(ask_question "'{gender}'")
vote "$q" 1 6 tea
publish "$q"
sql -c 'CREATE ROLE reading_node LOGIN REPLICATION' -c "CREATE PUBLICATION published FOR TABLE roughly.releases WITH (publish = 'insert')"
may_select reading_node

start_cluster two "wal_retrieve_retry_interval = 100ms"; use two
sql -d postgres -c 'CREATE DATABASE poll'
export PGDATABASE=poll
sql -c 'CREATE EXTENSION roughly_auth'
make_roles
ok "CREATE EXTENSION has made a key, which nothing is sealed with" test -e "$key_file"
rm "$key_file"
# As the owner of the tables, PostgreSQL 16 would stop at their row-level security.
[ "$(sql -c "SELECT current_setting('server_version_num')::integer >= 160000")" = f ] && as_superuser='' || as_superuser='WITH (run_as_owner = true)'
sql -c "CREATE SUBSCRIPTION published CONNECTION 'host=$work/one user=reading_node dbname=poll options=-crow_security=off' PUBLICATION published $as_superuser" 2> /dev/null
# log_says CLUSTER REGEX: waits for it.
log_says() { local i; for ((i = 0; i < 300; i++)); do grep -qE "$2" "$work/$1/log" && return; sleep 0.1; done; return 1; }
ok "a role that row-level security holds back is refused, not given an empty copy" log_says two 'query would be affected by row-level security policy for table "releases"'
sql -h "$work/one" -c 'ALTER ROLE reading_node BYPASSRLS'
# replicated: waits until the node has what the first has published.
replicated() {
  until_true "NOT EXISTS (SELECT FROM pg_subscription_rel WHERE srsubstate <> 'r')"
  local lsn
  lsn=$(sql -h "$work/one" -c 'SELECT pg_current_wal_flush_lsn()')
  PGHOST=$work/one until_true "(SELECT replay_lsn >= '$lsn' FROM pg_stat_replication WHERE application_name = 'published')"
}
same() { is "$(sql -U app -c "$2")" "$(sql -U app -h "$work/one" -c "$2")" "$1"; } # same DESCRIPTION SQL
replicated
like "$(published "$q")" '\{\}\|tea\|6\|6\|1' "what was published before arrives"
same "by dimension, as on the first" "SELECT * FROM roughly_aggregate('$q', '{gender}')"
open_session snapshot -U app
ask snapshot "BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT max(respondents) FROM roughly_aggregate('$q');" > /dev/null
use one
vote "$q" 7 14 coffee
publish "$q"
sql -c 'VACUUM'
use two
replicated
sql -c 'VACUUM'
is "$(ask snapshot "SELECT max(respondents) FROM roughly_aggregate('$q'); COMMIT;")" 6 "an old snapshot outlives publishing and vacuuming here and there"
close_session snapshot
is "$(published "$q")" $'{}|coffee|8|14|2\n{}|tea|6|14|2\n{}|water|0|14|2' "and what is published later"
same "releases" "SELECT * FROM roughly_release('$q')"
like "$(error -U app -c "SELECT * FROM roughly_aggregate('$q', '{age}')")" '^ERROR:  42704: the question has no dimension' "errors too are those of the first"
is "$(sql <<'SQL'
SELECT format('SELECT %L FROM %s HAVING count(*) > 0', relname, oid::regclass) FROM pg_class
 WHERE relnamespace = 'roughly'::regnamespace AND relkind = 'r' AND relname NOT IN ('releases', 'dimensions')
\gexec
SQL
)" '' "no row of any other table is here"

# --- who writes here is told that there is no key
for call in "SELECT roughly_log_in('person1@example.org', '$password')" \
  "SELECT roughly_register_user('new@example.org', '$password')" "SELECT roughly_request_magic_link('person1@example.org')" \
  "CALL roughly_log_in_committed('person1@example.org', '$password')"; do
  like "$(error -U app -c "$call")" '^ERROR:  58P01: the key file ".*/two/data\.roughly_auth\.key" does not exist' "no ${call%%(*}"
done
for call in "SELECT roughly_admin_import_user('new@example.org')" "SELECT roughly_create_question('Which?', '{tea,coffee}')"; do
  like "$(error -U admin -c "$call")" '^ERROR:  58P01: the key file' "no ${call%%(*}"
done
like "$(error -U admin -c "CALL roughly_publish('$q')")" '^ERROR:  42704' "a question whose numbers are here cannot be counted here"
ok "no key file is made" test ! -e "$key_file"

# --- the list of questions, if wanted
is "$(sql -U app -c 'SELECT count(*) FROM roughly_questions()')" 0 "the list of questions is another table"
sql -h "$work/one" -c "ALTER PUBLICATION published SET (publish = 'insert, update')" -c 'ALTER PUBLICATION published ADD TABLE roughly.questions'
sql -c 'ALTER SUBSCRIPTION published REFRESH PUBLICATION'
replicated
same "which can be replicated as well" 'SELECT * FROM roughly_questions()'
sql -h "$work/one" -U admin -c "SELECT roughly_close_question('$q')"
replicated
is "$(sql -U app -c 'SELECT state FROM roughly_questions()')" closed "with its changes"
like "$(error -U admin -c "CALL roughly_publish('$q')")" '^ERROR:  58P01: the key file' "and no more can be counted here"

# --- the first goes away: nothing changes here
stop_cluster one immediate
is "$(respondents "$q")" 14 "numbers are read without the first"
sql -c 'ALTER SUBSCRIPTION published DISABLE' -c 'ALTER SUBSCRIPTION published SET (slot_name = NONE)' -c 'DROP SUBSCRIPTION published'

done_testing
