#!/usr/bin/env bash
# What an earlier version's own library has sealed: a dump of 1.1.1, whose ballots had another form, with its key file.
set -u
source "$(dirname "$0")/lib.sh"

start_cluster one; use one
install -o "$server_user" -m 600 "$top/tests/upgrade/poll-1.1.1.key" "$key_file"
sql -c 'CREATE DATABASE poll'; export PGDATABASE=poll
ok "the dump restores" sql -o /dev/null -f "$top/tests/upgrade/poll-1.1.1.sql"
make_roles
forms() { sql -c "SELECT DISTINCT get_byte(sealed, 0), question_id = '$1' FROM roughly.ballots ORDER BY 2"; }
q=$(sql -c "SELECT question_id FROM roughly.ballots GROUP BY 1 HAVING count(*) = 10") again=$(sql -c "SELECT question_id FROM roughly.ballots GROUP BY 1 HAVING count(*) = 12")
is "$(forms "$q")" $'1|f\n1|t' "control: ballots of the old form"
is "$(sql -U admin -c 'SELECT * FROM roughly_check()')" '' "all of it opens"

publish "$q"
is "$(published "$q")" $'{}|coffee|0|10|1\n{}|tea|10|10|1\n{}|water|0|10|1' "old ballots are counted"
sql -U admin -c 'CALL roughly_rotate_key()' 2> /dev/null
is "$(forms "$again")" '2|t' "a rotation seals them in the new form"
token[1]=$(sql -U app -c "SELECT session_token FROM roughly_log_in('person1@example.org', '$password')")
is "$(sql -U app -c 'BEGIN' -c "SELECT user_id IS NOT NULL FROM roughly_authenticate('${token[1]}')" -c 'SELECT choice FROM roughly_my_answers()' -c COMMIT)" $'t\ntea\ntea' \
  "a password, a vote secret and receipts open"
publish "$again"
is "$(published "$again")" $'{}|coffee|6|12|1\n{}|tea|6|12|1\n{}|water|0|12|1' "and they are counted too"
is "$(sql -U admin -c "SELECT roughly_recount('$q') AND roughly_recount('$again')" -c 'SELECT * FROM roughly_check()')" t "tallies equal batches"

done_testing
