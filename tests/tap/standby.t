#!/usr/bin/env bash
# A physical standby reads published numbers without a key, refuses every writer, and takes over with the key file.
set -u
source "$(dirname "$0")/lib.sh"

start_poll one
make_people 14
q=$(ask_question "'{gender}'") other=$(ask_question) frozen=$(ask_question) fresh=$(ask_question)
vote "$q" 1 6 tea
publish "$q"
vote "$frozen" 1 6 tea
freeze "$frozen"

as_server mkdir "$work/two"
clusters+=(two)
ok "base backup" as_server "$bindir/pg_basebackup" -h "$work/one" -U postgres -D "$work/two/data" -R -c fast
is "$(grep -rlF "$(sed -n 's/^key 1 //p' "$key_file")" "$work/two" | wc -l)" 0 "does not carry the key"
echo "unix_socket_directories = '$work/two'" | as_server tee -a "$work/two/data/postgresql.conf" > /dev/null
start_cluster two
export PGDATABASE=poll
both() { # both DESCRIPTION SQL: equal answers
  local first
  use one; first=$(sql -U app -c "$2")
  use two; is "$(sql -U app -c "$2")" "$first" "$1"
}
caught_up one two
is "$(sql -c 'SELECT pg_is_in_recovery()')" t "control: this is a standby"

# --- without the key file
like "$(published "$q")" '\{\}\|tea\|6\|6\|1' "published numbers"
both "the same as on the primary" "SELECT * FROM roughly_aggregate('$q', '{gender}')"
both "releases" "SELECT * FROM roughly_release('$q')"
both "questions" "SELECT * FROM roughly_questions()"
like "$(error -U app -c "SELECT * FROM roughly_authenticate('${token[1]}')")" '^ERROR:  58P01: the key file ".*/two/data\.roughly_auth\.key" does not exist' "no identity"
ok "no key file is made" test ! -e "$key_file"
use one
vote "$q" 7 12 coffee
vote "$other" 1 6 tea
publish "$q"
caught_up one two
is "$(published "$q")" $'{}|coffee|6|12|2\n{}|tea|6|12|2\n{}|water|0|12|2' "a release of the primary's arrives"

# --- every writer, with a token it would accept
use one
as() { printf "BEGIN; SELECT FROM roughly_authenticate('%s'); %s; COMMIT;" "${token[$1]}" "$2"; } # as PERSON SQL
sql -c "$(as 4 "SELECT roughly_request_email_change('new@example.org')")" -c "$(as 1 'SELECT roughly_request_reauthentication()')" \
  -c "$(as 5 'SELECT roughly_enroll_totp()')" -c 'UPDATE roughly.mfa_factors SET verified = true' \
  -c "SELECT roughly_register_user('other@example.org'), roughly_request_magic_link('person2@example.org'), roughly_request_password_reset('person3@example.org')" > /dev/null
declare -A mail
while IFS='|' read -r kind token_; do mail[$kind]=$token_; done < <(sql -c 'SELECT kind, token FROM roughly_dequeue_mail()')
step=$(sql -c "SELECT session_token FROM roughly_log_in('person5@example.org', '$password')")
person=$(sql -c "SELECT id FROM roughly.users WHERE email = 'person6@example.org'") new_password='quite another pass phrase'
session=$(sql -c "SELECT id FROM roughly.user_tokens WHERE context = 'session' LIMIT 1")
order=$(sql -c 'SELECT id FROM roughly.mail_outbox LIMIT 1')
writers="SELECT roughly_admin_import_user('third@example.org')
SELECT roughly_delete_account('$password')
SELECT roughly_admin_delete_user('$person')
SELECT roughly_request_email_change('third@example.org')
SELECT roughly_change_email('${mail[change_email]}')
SELECT roughly_log_in('person1@example.org', '$password')
CALL roughly_log_in_committed('person1@example.org', '$password')
SELECT roughly_reissue_session('${token[1]}')
SELECT roughly_log_out('${token[2]}')
SELECT roughly_log_out_everywhere()
SELECT roughly_revoke_session('$session')
SELECT roughly_dequeue_mail()
SELECT roughly_mail_sent('$order')
SELECT roughly_register_user('third@example.org', '$new_password')
SELECT roughly_confirm_user('${mail[confirm]}')
SELECT roughly_request_magic_link('person2@example.org')
SELECT roughly_log_in_with_magic_link('${mail[magic_link]}')
SELECT roughly_change_password('$password', '$new_password')
SELECT roughly_request_password_reset('person1@example.org')
SELECT roughly_reset_password('${mail[reset_password]}', '$new_password')
SELECT roughly_reauthenticate('$password')
SELECT roughly_request_reauthentication()
SELECT roughly_reauthenticate_with_code('${mail[reauthenticate]}')
SELECT roughly_enroll_totp()
SELECT roughly_verify_totp('123456')
SELECT roughly_remove_totp()
SELECT roughly_log_in_with_code('$step', '123456')
SELECT roughly_admin_ban('$person')
SELECT roughly_admin_unban('$person')
SELECT roughly_admin_unlock('$person')
SELECT roughly_admin_revoke_sessions('$person')
SELECT roughly_admin_block_passwords('{password1234567}')
SELECT roughly_purge_expired()
SELECT roughly_set_profile('{\"gender\": \"male\"}')
SELECT roughly_add_dimension('pet', 'extra.pet')
SELECT roughly_create_question('Which?', '{tea,coffee}')
SELECT roughly_add_contradiction('$q', 'tea', '$other', 'tea')
SELECT roughly_close_question('$q')
SELECT roughly_cast_vote('$fresh', 'tea')
SELECT roughly_forget_batches('$q')
CALL roughly_publish('$other')
CALL roughly_publish_due()
CALL roughly_rotate_key()"
# What is VOLATILE for another reason than writing; what needs Citus (distribute.t) or PL/Proxy (partition.t).
others='roughly_authenticate roughly_sign_out_of_transaction may_write_account roughly_hash_password roughly_verify_password roughly_recount ensure_key_file roughly_distribute roughly_partition node_add_vote node_discard_ballots node_replace_ballot'
is "$(sql -c "SELECT proname FROM pg_proc JOIN pg_depend ON classid = 'pg_proc'::regclass AND objid = pg_proc.oid AND deptype = 'e'
  JOIN pg_extension e ON refobjid = e.oid AND extname = 'roughly_auth' WHERE provolatile = 'v'" | sort)" \
  "$({ sed 's/[A-Z]* \([a-z_]*\)(.*/\1/' <<< "$writers"; tr ' ' '\n' <<< "$others"; } | sort)" "control: no writer is forgotten"
# accepted REGEX [SQL]: the writers that raise no error of such a SQLSTATE, each called after that SQL and rolled back, if it can be.
accepted() {
  local writer
  while read -r writer; do
    printf "\\warn '%s'\n" "${writer//\'/\'\'}"
    if [[ $writer = CALL* ]]; then echo "$writer;"; else printf '%s\n' "BEGIN; ${2:-}" "$writer;" 'ROLLBACK;'; fi
  done <<< "$writers" | psql -XqAt -v VERBOSITY=sqlstate 2>&1 >/dev/null |
    awk -v refusal="^ERROR:  $1\$" 'function tell() { if (writer != "" && !refused) print writer }
      /^(SELECT|CALL) /{ tell(); writer = $0; refused = 0 } $0 ~ refusal { refused = 1 } END { tell() }'
}
caught_up one two
is "$(accepted '(25006|58P01|RA001)')" '' "without the key file no writer does anything"
as_server cp -p "$work/one/data.roughly_auth.key" "$key_file"
as_person="SELECT FROM roughly_authenticate('${token[1]}');"
is "$(accepted 25006 "$as_person")" '' "with it every writer says that this is a standby"
like "$(error -c 'SELECT roughly_distribute()')" '^ERROR:  25006: a standby cannot distribute its questions.HINT:  Call roughly_distribute\(\) on the primary' "nor are questions distributed"
like "$(error -c "SELECT roughly_partition('none')")" '^ERROR:  25006: a standby cannot give its votes to nodes.HINT:  Call roughly_partition\(\) on the primary' "or votes given away"
is "$(sql -U app -c BEGIN -c "SELECT FROM roughly_authenticate('${token[1]}')" -c "SELECT choice FROM roughly_my_answers()" -c COMMIT | grep .)" $'tea\ntea\ntea' \
  "identity and own answers are told"
is "$(sql -U admin -c "SELECT roughly_recount('$q')")" t "and recounting works"
rm "$key_file"

# --- it takes over, first without the key file
stop_cluster one immediate
ok "promote" as_server "$bindir/pg_ctl" -D "$data" -w promote
like "$(published "$q")" '\{\}\|tea\|6\|12\|2' "published numbers"
refusal='^ERROR:  58P01: the key file ".*/two/data\.roughly_auth\.key" does not exist.*HINT:  Restore it'
like "$(error -U app -c "$(ballot "$fresh" 1 water)")" "$refusal" "nobody votes without the key file"
like "$(error -U admin -c "CALL roughly_publish('$frozen')")" "$refusal" "nothing is counted"
ok "no key file is made" test ! -e "$key_file"
as_server cp -p "$work/one/data.roughly_auth.key" "$key_file"
vote "$q" 13 14 water
like "$(error -U app -c "$(ballot "$q" 1 water)")" '^ERROR:  23505' "with it votes go on, and stay unique"
publish "$frozen"
is "$(respondents "$frozen"),$(sql -U admin -c "SELECT roughly_recount('$frozen')")" '6,t' "what the primary froze is released"
is "$(accepted '.*' "$as_person")" "$writers" "every writer is accepted"
is "$(respondents "$other")" 6 "publishing goes on"

done_testing
