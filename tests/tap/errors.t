#!/usr/bin/env bash
# No error tells an address, a hash, a token or a row, neither to the caller nor in the log: every function with hostile
# arguments, every constraint, and what only two at once can violate.
set -u
source "$(dirname "$0")/lib.sh"
start_poll one 'autovacuum = off' 'log_min_messages = info' 'log_min_error_statement = error' 'log_error_verbosity = verbose'

phc=$(sql -U admin -v password="$password" <<< "SELECT roughly_hash_password(:'password')")
bcrypt='$2b$04$cVWp4XaNU8a4v1uMRum2SO026BWLIoQMD/TXg5uZV.0P.uO8m3YEm'
unthrottle="DO \$\$BEGIN PERFORM setval(format('roughly.throttle_%s', n)::regclass, 1) FROM generate_series(0, 255) n; END\$\$"

# Two people with recognizable secrets; whoever attacks is a third, logged in.
secret=hidden.marker
sql -c "$unthrottle" >/dev/null
sql -U admin -v phc="$phc" >/dev/null <<SQL
SELECT roughly_admin_import_user('$secret@secret.example', :'phc');
SELECT roughly_admin_import_user('taken.marker@secret.example', :'phc');
SELECT roughly_admin_import_user('attacker@secret.example', :'phc');
SELECT roughly_create_question('Attacked?', '{yes,no}', k => 5, min_batch => 5);
SELECT roughly_add_dimension('attacked', 'extra.attacked');
SQL
log_in_as() { sql -U app -v password="$password" <<< "SELECT session_token FROM roughly_log_in('$1@secret.example', :'password')"; }
victim_token=$(log_in_as $secret) attacker_token=$(log_in_as attacker)
user_id() { sql -c "SELECT id FROM roughly.users WHERE email = '$1@secret.example'"; }
victim_id=$(user_id $secret)
question=$(sql -c "SELECT id FROM roughly.questions")
secret_hash=${phc##*\$}
secret_bytes=$(printf %s "$victim_token" | tr -- -_ +/ | base64 -d | tail -c 32 | od -An -v -tx1 | tr -d ' \n')
: > "$work/told"
from=$(($(wc -c < "$log") + 1))
# leaks FILE: lines that hold an address, a hash, a token or a row.
leaks() {
  grep -aEn "marker|@secret\.example|$secret_hash|$victim_token|${secret_bytes:0:20}|${attacker_token:22:20}|Failing row|Key \(|\\\$argon2id\\\$v=19\\\$m=[0-9]|\\\$2[aby]\\\$[0-9]|\\\$pbkdf2" "$1" | cut -c1-300
}
for line in "DETAIL:  Failing row contains (1, 2)." "DETAIL:  Key (email)=(a) already exists." "x $secret y" "HINT: $phc" "ERROR: $victim_token" "$bcrypt"; do
  printf '%s\n' "$line" > "$work/control"
  [ -n "$(leaks "$work/control")" ] || die "leaks() does not see: $line"
done

# What is done is rolled back. Lines "role statement".
sql -v token="$victim_token" -v phc="$phc" -v victim="$victim_id" -v question="$question" -v attacker="$attacker_token" \
  -f "$here/hostile.sql" -c "SELECT role || ' ' || statement FROM attack ORDER BY role, 1" > "$work/attacks"
at_least() { if [ "$1" -ge "$2" ]; then report ok "$3"; else report 'not ok' "$3" "got:      $1" "at least: $2"; fi; }
at_least "$(wc -l < "$work/attacks")" 500 "everything that can be called is attacked"
is "$(sed -n 's/^[a-z]* [A-Z* ]* \([a-z_.]*\)(.*/\1/p' "$work/attacks" | sort -u | wc -l)" \
  "$(sql -c "SELECT count(DISTINCT (pronamespace, proname)) FROM pg_proc WHERE (proname LIKE 'roughly\_%' OR pronamespace = 'roughly'::regnamespace) AND proname !~ '^(ensure_key_file|roughly_distribute|roughly_partition|node_.*)\$'")" "every function"
# attack ROLE: reads statements, one a line; each runs in a transaction of its own that is rolled back, the application's as the attacker.
attack() {
  local statement
  while IFS= read -r statement; do
    case $1:$statement in
      *:CALL*) printf '%s;\n' "$statement" ;;
      app:*) printf "BEGIN; SELECT FROM roughly_authenticate(:'attacker'); %s; ROLLBACK;\n" "$statement" ;;
      *) printf 'BEGIN; %s; ROLLBACK;\n' "$statement" ;;
    esac
  done | psql -Xq -U "$1" -v VERBOSITY=verbose -v attacker="$attacker_token" -o /dev/null 2>> "$work/told"
}
for role in app admin mailer; do
  sql -c "$unthrottle" >/dev/null
  sed -n "s/^$role //p" "$work/attacks" | attack $role
done
at_least "$(grep -c 'ERROR: ' "$work/told")" 200 "control: they make errors"
ok "the server lives" alive
is "$(sql -c "SELECT count(*) FROM roughly.users WHERE email = 'attacker@secret.example'")" 1 "and nothing has been done"
is "$(leaks "$work/told")" '' "no error tells the caller an address, a hash, a token or a row"
tail -c +"$from" "$log" > "$work/log"
is "$(leaks "$work/log")" '' "nor the log"

# --- every constraint, as far as the functions let anybody come near it
: > "$work/told"
from=$(($(wc -c < "$log") + 1))
met=''
# meets CONSTRAINT... : the next call comes near them.
meets() { met+=" $*"; }
# try ROLE SQL: its errors are kept. Secrets are passed as settings, for what is not ours may print its statement.
try() {
  { echo "SET my.address = '$secret@secret.example'; SET my.long = '$(printf '%0.s'$secret {1..20})';"; echo "$2"; } |
    psql -XqAt -U "$1" -v VERBOSITY=verbose -v attacker="$attacker_token" -v password="$password" -v phc="$phc" 2>> "$work/told" || true
}
as_attacker="BEGIN; SELECT FROM roughly_authenticate(:'attacker');"

meets users_email_normalized_key
try admin "SELECT roughly_admin_import_user(current_setting('my.address')); SELECT roughly_admin_import_user(upper(current_setting('my.address')), :'phc');"
meets login_failures_pkey
try app "SELECT status FROM roughly_log_in(current_setting('my.address'), 'wrong'); SELECT status FROM roughly_log_in(current_setting('my.address'), 'wrong');" >/dev/null
meets password_blocklist_pkey
is "$(try admin "SELECT roughly_admin_block_passwords(ARRAY[current_setting('my.address'), current_setting('my.address')])")" 1 "a password blocked twice in one call is blocked once"
meets tombstones_pkey
is "$(try admin "SELECT roughly_admin_delete_user(roughly_admin_import_user('tomb.marker@secret.example')); SELECT roughly_admin_delete_user(roughly_admin_import_user('tomb.marker@secret.example')); SELECT 'deleted';" | tail -n 1)" \
  deleted "an account deleted twice"
meets user_tokens_one_per_context
sql -c "$unthrottle" >/dev/null
try app "SELECT roughly_request_magic_link(current_setting('my.address')), roughly_request_magic_link(current_setting('my.address'))" >/dev/null
try mailer "SELECT count(roughly_mail_sent(id)) FROM roughly_dequeue_mail(100)" >/dev/null
is "$(sql -c "SELECT count(*) FROM roughly.user_tokens WHERE user_id = '$victim_id' AND context = 'login'")" 1 "two links for one person become one token"
meets user_tokens_context_check user_tokens_aal_check # the functions write constants
meets mfa_factors_user_id_key
is "$(try app "$as_attacker SELECT length(secret) FROM roughly_enroll_totp(); SELECT length(secret) FROM roughly_enroll_totp(); COMMIT;" | tr '\n' ' ')" '32 32 ' "a second factor enrolled twice"
meets dimensions_pkey dimensions_kind_check dimensions_check dimensions_check1
try admin "SELECT roughly_add_dimension('attacked', 'extra.attacked'); SELECT roughly_add_dimension('both', 'age', '{a}', '{1}'); SELECT roughly_add_dimension('empty', 'age', '{}'); SELECT roughly_add_dimension('none', 'age', NULL, '{}');"
meets questions_k_check questions_check questions_check1 questions_state_check questions_epsilon_check questions_receipts_check contradictions_pkey
try admin "SELECT roughly_create_question('Hostile?', '{a,b}', k => 1); SELECT roughly_create_question('Hostile?', '{a,b}', epsilon => 0); SELECT roughly_create_question('Hostile?', '{a,b}', receipts => current_setting('my.address')); SELECT roughly_create_question('Hostile?', '{a,b}', k => 10, min_batch => 9); SELECT roughly_close_question('$question'); SELECT roughly_close_question('$question');" >/dev/null
question=$(sql -U admin -c "SELECT roughly_create_question('Again?', '{yes,no}', k => 5, min_batch => 5)")
meets votes_pkey
try app "$as_attacker SELECT roughly_cast_vote('$question', 'yes'); COMMIT; $as_attacker SELECT roughly_cast_vote('$question', 'no'); COMMIT;" >/dev/null
like "$(tail -n 8 "$work/told")" 'ERROR:  23505: this account has answered this question already' "a second vote"
meets batches_pkey batches_question_id_fkey tallies_pkey tallies_question_id_fkey releases_pkey releases_question_id_fkey
try admin "CALL roughly_publish('$question'); CALL roughly_publish('$question'); CALL roughly_publish(gen_random_uuid()); CALL roughly_publish_due(); SELECT roughly_recount('$question'); SELECT roughly_forget_batches('$question'); SELECT roughly_recount('$question');" >/dev/null
# Profiles, by the function and by the table itself.
meets user_profiles_birth_year_check user_profiles_country_check user_profiles_region_check user_profiles_gender_check user_profiles_education_level_check user_profiles_income_bracket_check
meets user_profiles_extra_check user_profiles_user_id_key
for column in country region gender education_level income_bracket; do
  try app "$as_attacker SELECT roughly_set_profile(jsonb_build_object('$column', current_setting('my.long'))); COMMIT;
           $as_attacker INSERT INTO roughly.user_profiles ($column) SELECT current_setting('my.long'); COMMIT;
           $as_attacker INSERT INTO roughly.user_profiles ($column) SELECT current_setting('my.address'); INSERT INTO roughly.user_profiles ($column) SELECT current_setting('my.address'); COMMIT;
           $as_attacker INSERT INTO roughly.user_profiles ($column) SELECT current_setting('my.address'); UPDATE roughly.user_profiles SET $column = current_setting('my.long'); COMMIT;"
done
try app "$as_attacker SELECT roughly_set_profile(jsonb_build_object('extra', jsonb_build_object('x', repeat(current_setting('my.address'), 1000)))); COMMIT;
         $as_attacker INSERT INTO roughly.user_profiles (extra, gender) SELECT to_jsonb(current_setting('my.address')), current_setting('my.address'); COMMIT;
         $as_attacker INSERT INTO roughly.user_profiles (birth_year, gender) SELECT 1, current_setting('my.address'); COMMIT;
         INSERT INTO roughly.user_profiles (gender) SELECT current_setting('my.address');"
at_least "$(grep -c 'ERROR:  23514: ' "$work/told")" 12 "control: profiles do violate constraints"

# What only two at once can violate. The first holds its transaction open, the second runs into it.
# race DESCRIPTION FIRST_ROLE FIRST SECOND_ROLE SECOND: SECOND's answer, after FIRST has committed.
race() {
  open_session race_first -U "$1"; open_session race_second -U "$3"
  ask race_first "BEGIN; $2" >/dev/null
  tell race_second "$4"
  until_true "SELECT state = 'idle' AND query <> '' OR wait_event_type = 'Lock' FROM pg_stat_activity WHERE application_name = 'race_second'"
  ask race_first 'COMMIT;' >/dev/null
  answer race_second | tee -a "$work/told"
  close_session race_first; close_session race_second
}
sql -c "$unthrottle" >/dev/null
people='roughly_admin_import_user(name || $$.marker@secret.example$$, current_setting($$my.phc$$))'
sql -U admin -v phc="$phc" >/dev/null <<SQL
SET my.phc = :'phc';
SELECT $people FROM unnest('{one,two,three,four,five,six,seven,eight}'::text[]) name;
SQL
one=$(log_in_as one.marker) two=$(log_in_as two.marker)

sql -U app -c "SELECT roughly_register_user('racing.marker@secret.example'), roughly_register_user('RACING.marker@secret.example')" >/dev/null
got=$(race mailer 'SELECT count(*) FROM roughly_dequeue_mail(1);' mailer 'SELECT kind FROM roughly_dequeue_mail(1);')
is "$got" confirm "two mailers make one account of two registrations of an address"
sql -c 'DELETE FROM roughly.mail_outbox'

# Two people move to one address.
request_move() { sql -U app -v token="$1" <<< "BEGIN; SELECT FROM roughly_authenticate(:'token'); SELECT roughly_request_email_change('goal.marker@secret.example'); COMMIT;" >/dev/null
  sql -U mailer -c "SELECT token FROM (SELECT token, kind, roughly_mail_sent(id) FROM roughly_dequeue_mail(100)) m WHERE kind = 'change_email'"; }
move_one=$(request_move "$one") move_two=$(request_move "$two")
got=$(race app "SELECT roughly_change_email('$move_one');" app "SELECT roughly_change_email('$move_two');")
is "$got" invalid "two people move to one address: the second is told invalid"

# While an account is deleted.
delete_account() { echo "SELECT roughly_admin_delete_user('$(user_id "$1.marker")');"; }
meets user_tokens_user_id_fkey
got=$(race admin "$(delete_account three)" app "SELECT status FROM roughly_log_in('three.marker@secret.example', '$password');")
is "$got" invalid_credentials "logging in while the account is deleted"
meets mfa_factors_user_id_fkey
four=$(log_in_as four.marker)
got=$(race admin "$(delete_account four)" app "BEGIN; SELECT FROM roughly_authenticate('$four'); SELECT length(secret) FROM roughly_enroll_totp(); COMMIT;")
like "$got" RA001 "enrolling a second factor while the account is deleted"
meets user_profiles_user_id_fkey
five=$(log_in_as five.marker)
got=$(race admin "$(delete_account five)" app "BEGIN; SELECT FROM roughly_authenticate('$five'); SELECT roughly_set_profile('{\"birth_year\": 1980}'); COMMIT;")
like "$got" RA001 "setting a profile while the account is deleted"
meets recovery_codes_user_id_fkey
six=$(log_in_as six.marker)
sql -U app -c BEGIN -c "SELECT FROM roughly_authenticate('$six')" -c 'SELECT roughly_enroll_totp()' -c COMMIT >/dev/null
race admin "$(delete_account six)" app "BEGIN; SELECT FROM roughly_authenticate('$six'); SELECT status FROM roughly_verify_totp('000000'); COMMIT;" >/dev/null

# A session opened while all sessions of the account are being ended does not outlive that.
lives() { sql -U app -c "SELECT user_id IS NOT NULL FROM roughly_authenticate('$1')"; }
seven_id=$(user_id seven.marker)
got=$(race admin "SELECT roughly_admin_ban('$seven_id');" app "SELECT session_token FROM roughly_log_in('seven.marker@secret.example', '$password');")
is "$(lives "$got")" f "a log-in that races a ban opens no session that lives on"
sql -U app -c "SELECT roughly_request_password_reset('eight.marker@secret.example')" >/dev/null
reset=$(mailed reset_password)
got=$(race app "SELECT status FROM roughly_reset_password('$reset', 'quite another pass phrase');" app "SELECT session_token FROM roughly_log_in('eight.marker@secret.example', '$password');")
is "$(lives "$got")" f "a log-in with the old password that races a reset opens no session that lives on"

# Numbers drawn by chance, and what only C++ writes, cannot be met.
meets audit_log_pkey ballots_pkey mail_outbox_pkey mfa_factors_pkey questions_pkey recovery_codes_pkey user_profiles_pkey user_tokens_pkey users_pkey
meets keys_fingerprint_check keys_key_id_check keys_one_active keys_pkey
is "$(sql -c "SELECT conname FROM pg_constraint WHERE connamespace = 'roughly'::regnamespace AND contype <> 'n' UNION
              SELECT c.relname FROM pg_index x JOIN pg_class c ON c.oid = indexrelid WHERE indisunique AND relnamespace = 'roughly'::regnamespace ORDER BY 1")" \
  "$(tr ' ' '\n' <<< "$met" | sed '/^$/d' | LC_ALL=C.UTF-8 sort -u)" "every constraint of the schema is on this list"
is "$(leaks "$work/told")" '' "no violation tells the caller an address, a hash, a token or a row"
tail -c +"$from" "$log" > "$work/log"
is "$(leaks "$work/log")" '' "nor the log"

done_testing
