#!/usr/bin/env bash
# A physical standby reads published numbers without a key, refuses to write, and takes over with the key file.
set -u
source "$(dirname "$0")/lib.sh"

start_poll one
make_people 14
q=$(ask_question "'{gender}'") other=$(ask_question)
vote "$q" 1 6 tea
publish "$q"

as_server mkdir "$work/two"
clusters+=(two)
ok "base backup" as_server "$bindir/pg_basebackup" -h "$work/one" -U postgres -D "$work/two/data" -R -c fast
is "$(grep -rlF "$(sed -n 's/^key 1 //p' "$key_file")" "$work/two" | wc -l)" 0 "does not carry the key"
echo "unix_socket_directories = '$work/two'" | as_server tee -a "$work/two/data/postgresql.conf" > /dev/null
start_cluster two
export PGDATABASE=poll
# caught_up: the standby has replayed what the primary has written.
caught_up() {
  local lsn
  use one; lsn=$(sql -c 'SELECT pg_current_wal_flush_lsn()')
  use two; until_true "SELECT pg_last_wal_replay_lsn() >= '$lsn'"
}
both() { # both DESCRIPTION SQL: equal answers
  local first
  use one; first=$(sql -U app -c "$2")
  use two; is "$(sql -U app -c "$2")" "$first" "$1"
}
caught_up
is "$(sql -c 'SELECT pg_is_in_recovery()')" t "control: this is a standby"

# --- without the key file
like "$(published "$q")" '\{\}\|tea\|6\|6\|1' "published numbers"
both "the same as on the primary" "SELECT * FROM roughly_aggregate('$q', '{gender}')"
both "releases" "SELECT * FROM roughly_release('$q')"
both "questions" "SELECT * FROM roughly_questions()"
like "$(error -U app -c "SELECT * FROM roughly_authenticate('${token[1]}')")" '^ERROR:  58P01: the key file ".*/two/data\.roughly_auth\.key" does not exist' "no identity"
like "$(error -U admin -c "SELECT roughly_add_dimension('pet', 'extra.pet')")" '^ERROR:  25006' "no new dimension"
ok "no key file is made" test ! -e "$key_file"
use one
vote "$q" 7 12 coffee
vote "$other" 1 6 tea
publish "$q"
caught_up
is "$(published "$q")" $'{}|coffee|6|12|2\n{}|tea|6|12|2\n{}|water|0|12|2' "a release of the primary's arrives"

# --- with it
as_server cp -p "$work/one/data.roughly_auth.key" "$key_file"
as="SELECT user_id IS NOT NULL FROM roughly_authenticate('${token[13]}')"
is "$(sql -U app -c BEGIN -c "SELECT FROM roughly_authenticate('${token[1]}')" -c "SELECT choice FROM roughly_my_answers()" -c COMMIT | grep .)" $'tea\ntea' \
  "identity and own answers"
like "$(error -U app -c BEGIN -c "$as" -c "SELECT roughly_cast_vote('$q', 'tea')")" '^ERROR:  25006' "no vote"
like "$(error -U app -c BEGIN -c "$as" -c "SELECT roughly_set_profile('{\"gender\": \"other\"}')")" '^ERROR:  25006' "no profile"
like "$(error -U app -c "SELECT * FROM roughly_log_in('person1@example.org', '$password')")" '^ERROR:  25006' "no new session"
like "$(error -U app -c "SELECT roughly_log_out('${token[1]}')")" '^ERROR:  25006' "no logging out"
like "$(error -U admin -c "SELECT roughly_admin_import_user('new@example.org')")" '^ERROR:  25006' "no new account"
like "$(error -U admin -c "SELECT roughly_create_question('?', '{a,b}')")" '^ERROR:  25006' "no new question"
like "$(error -U admin -c "SELECT roughly_close_question('$q')")" '^ERROR:  25006' "no closing"
like "$(error -U admin -c "CALL roughly_publish('$other')")" '^ERROR:  25006' "no publishing"
isnt "$(error -U admin -c "CALL roughly_publish_due()")" '' "no publishing of what is due"
like "$(error -U admin -c "SELECT roughly_forget_batches('$q')")" '^ERROR:  25006' "no forgetting"
is "$(sql -U admin -c "SELECT roughly_recount('$q')")" t "but recounting"
ok "the server lives" sql -c 'SELECT 1'

# --- it takes over
stop_cluster one immediate
use two
ok "promote" as_server "$bindir/pg_ctl" -D "$data" -w promote
vote "$q" 13 14 water
like "$(error -U app -c "$(ballot "$q" 1 water)")" '^ERROR:  23505' "votes stay unique"
publish "$other"
is "$(respondents "$other"),$(sql -U admin -c "SELECT roughly_recount('$other')")" '6,t' "publishing goes on"

done_testing
