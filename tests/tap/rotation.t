#!/usr/bin/env bash
# A newer key: everything is sealed anew beside the traffic, an interrupted rotation goes on, and the old key can then go.
set -u
source "$(dirname "$0")/lib.sh"
need oathtool >&2

start_poll one
make_people 30
rotate() { psql -Xq -U admin -c 'CALL roughly_rotate_key()' 2>&1 || true; }
status() { sql -U admin -c "SELECT key_id, status, in_file FROM roughly_key_status() ORDER BY key_id"; }
check() { sql -U admin -c 'SELECT * FROM roughly_check()'; }
# sealed_with: how many values are sealed with which key, of all kinds.
sealed_with() {
  sql -c "SELECT get_byte(v, 1) * 256 + get_byte(v, 2) AS key, count(*) > 0 FROM (
    SELECT email_seal FROM roughly.users UNION ALL SELECT vote_secret FROM roughly.users UNION ALL SELECT hashed_password FROM roughly.users
    UNION ALL SELECT sealed FROM roughly.mfa_factors UNION ALL SELECT sealed FROM roughly.mail_outbox UNION ALL SELECT policy_seal FROM roughly.questions
    UNION ALL SELECT sealed FROM roughly.ballots UNION ALL SELECT sealed FROM roughly.batches UNION ALL SELECT sealed FROM roughly.tallies) s (v)
    WHERE v IS NOT NULL GROUP BY 1 ORDER BY 1"
}
# edit_keyring SED-SCRIPT: edits the key file as docs/operations.md says.
edit_keyring() {
  sed '/^checksum /d' "$key_file" | sed "$1" > "$work/new.key"
  printf 'checksum %s\n' "$(b2sum -l 128 < "$work/new.key" | cut -d ' ' -f 1)" >> "$work/new.key"
  chmod 600 "$work/new.key" && chown "$server_user" "$work/new.key" && mv "$work/new.key" "$key_file"
}

# --- something of every kind
q=$(ask_question)
vote "$q" 1 8 tea; publish "$q"; vote "$q" 9 12 coffee
frozen=$(ask_question); vote "$frozen" 1 7 tea; freeze "$frozen"
sql -U app -c "SELECT roughly_register_user('new@example.org')" > /dev/null
totp() { oathtool --totp --base32 "$1" --now "now + $2 seconds"; }
secret=$(sql -U app -c "SELECT secret FROM roughly_authenticate('${token[1]}'), roughly_enroll_totp()")
mapfile -t code < <(sql -U app -c "SELECT unnest(recovery_codes) FROM roughly_authenticate('${token[1]}'), roughly_verify_totp('$(totp "$secret" 0)')")
is "${#code[@]}" 10 "(a second factor with ten recovery codes)"
sql -U app -c "SELECT roughly_delete_account('$password') FROM roughly_authenticate('${token[30]}')" > /dev/null
numbers=$(published "$q")
before=$(sql -c "SELECT string_agg(encode(sealed, 'hex'), '' ORDER BY id) FROM roughly.ballots")
is "$(sealed_with)" '1|t' "all with the first key"
for table in mail_outbox ballots batches tallies mfa_factors tombstones; do
  is "$(sql -c "SELECT count(*) > 0 FROM roughly.$table")" t "(there are $table)"
done

# --- who may, and when
like "$(error -U app -c 'CALL roughly_rotate_key()')" '^ERROR:  42501' "the application may not"
like "$(error -U app -c 'SELECT * FROM roughly_key_status()')" '^ERROR:  42501' "nor see the keys"
like "$(error -U admin -c 'BEGIN' -c 'CALL roughly_rotate_key()')" '^ERROR:  25001' "not inside a transaction block"
open_session other
: "$(ask other "BEGIN; SELECT FROM roughly_authenticate('${token[2]}'); SELECT roughly_cast_vote('$(ask_question)', 'tea');")"
open_session rotator -U admin
tell rotator 'CALL roughly_rotate_key();'
waits rotator
like "$(rotate)" 'being rotated already' "one at a time"
sql -U app -c "SELECT status FROM roughly_log_in('person3@example.org', '$password')" > "$work/comer" &
: "$(ask other 'COMMIT;')"
like "$(answer rotator)" 'NOTICE:.*the key file has a new key.*standby' "a vote under way comes first, then a key is added to the file"
wait $!
is "$(cat "$work/comer")" ok "who comes meanwhile waits for a moment, and goes on"
close_session other; close_session rotator

# --- afterwards
is "$(sealed_with)" '2|t' "everything is sealed with the second key"
isnt "$(sql -c "SELECT string_agg(encode(sealed, 'hex'), '' ORDER BY id) FROM roughly.ballots")" "$before" "and looks different"
is "$(status)" $'1|tokens|t\n2|active|t' "only sessions still need the first"
is "$(stat -c '%U %a' "$key_file")" "$server_user 600" "the file is still the server's alone"
is "$(ls "$work/one" | grep -c key)" 1 "and there is no draft beside it"
is "$(check)" '' "all is well"
is "$(published "$q")" "$numbers" "published numbers are as before"
publish "$frozen"
is "$(respondents "$frozen")" 7 "what was frozen is released"
is "$(sql -U app -c "SELECT user_id IS NOT NULL FROM roughly_authenticate('${token[4]}')")" t "sessions go on"
is "$(sql -U app -c 'BEGIN' -c "SELECT FROM roughly_authenticate('${token[9]}')" -c "SELECT choice FROM roughly_my_answers(ARRAY['$q'::uuid])" | tail -n 1)" coffee "own answers are there"
like "$(vote "$q" 9 9 tea 2>&1)" 'answered this question already' "nobody votes twice"
is "$(sql -U app -c "SELECT status FROM roughly_log_in('person5@example.org', '$password')")" ok "passwords are as before"
mfa() { sql -U app -c "SELECT session_token FROM roughly_log_in('person1@example.org', '$password')"; }
is "$(sql -U app -c "SELECT status FROM roughly_log_in_with_code('$(mfa)', '${code[0]}')")" ok "a recovery code of before"
is "$(sql -U app -c "SELECT status FROM roughly_log_in_with_code('$(mfa)', '${code[0]}')")" invalid_credentials "once"
is "$(sql -U app -c "SELECT status FROM roughly_log_in_with_code('$(mfa)', '$(totp "$secret" 30)')")" ok "and the authenticator app"
is "$(mailed confirm | wc -c)" 65 "mail ordered before is sent"
again=$(sql -U admin -c "SELECT roughly_admin_import_user('person30@example.org', '$phc')")
is "$(sql -c "SELECT votes_from > '-infinity' FROM roughly.users WHERE id = '$again'")" t "and who left is known by their address: no second vote"

# --- interrupted half-way
open_session lock; open_session rotator -U admin
: "$(ask lock "BEGIN; SELECT FROM roughly.questions WHERE id = '$q' FOR UPDATE;")"
tell rotator 'CALL roughly_rotate_key();'
waits rotator
is "$(status)" $'1|tokens|t\n2|in rotation|t\n3|active|t' "while it runs"
sql -c "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'rotator'" > /dev/null
: "$(ask lock 'COMMIT;')"
close_session lock; close_session rotator
is "$(sealed_with)" $'2|t\n3|t' "interrupted: some values have the newer key"
is "$(check)" '' "all is well all the same"
vote "$q" 13 14 water
is "$(rotate)" '' "called again it goes on, without another key"
is "$(status),$(sealed_with)" $'1|tokens|t\n2|tokens|t\n3|active|t,3|t' "to the end"

# --- a value that does not open
damaged=$(sql -c "UPDATE roughly.users u SET vote_secret = o.vote_secret FROM roughly.users o WHERE u.email = 'person20@example.org' AND o.email = 'person21@example.org' RETURNING u.id")
text=$(rotate)
like "$text" "WARNING:  the vote secret of account $damaged cannot be sealed anew" "a value that does not open is named"
like "$text" 'ERROR:  not every value could be sealed anew' "and the call fails at the end"
like "$(status)" '3[|]in rotation' "the older key stays needed"
like "$(check)" "^the vote secret of account $damaged[|]" "the check names it too"
sql -c "DELETE FROM roughly.users WHERE id = '$damaged'"
is "$(rotate),$(check)" ',' "mended, it goes on"
is "$(sealed_with)" '4|t' "(the fourth key)"

# --- the old keys go
cp -p "$key_file" "$work/all.key"
edit_keyring '/^key [123] /d'
is "$(status)" $'1|tokens|f\n2|tokens|f\n3|retired|f\n4|active|t' "they can be taken out of the file"
is "$(check)" '' "nothing but sessions needed them"
is "$(sql -U app -c "SELECT user_id IS NULL FROM roughly_authenticate('${token[4]}')")" t "which end with them"
is "$(sql -U app -c "SELECT status FROM roughly_log_in_with_code('$(mfa)', '${code[1]}')")" ok "recovery codes do not"
sql -U admin -c "SELECT roughly_admin_delete_user('$again')" > /dev/null
is "$(sql -c "SELECT votes_from > '-infinity' FROM roughly.users WHERE id = '$(sql -U admin -c "SELECT roughly_admin_import_user('person30@example.org')")'")" t "nor do addresses of those who left"

# --- the file cannot be written, is a link, has been given a key by hand
if [ "$(id -u)" = 0 ]; then
  chown root "$work/one" && chmod 755 "$work/one"
  like "$(rotate)" 'ERROR:  the key file .* cannot be written: ' "a place that the server may not write to"
  is "$(status | tail -n 1)" '4|active|t' "changes nothing"
  chown "$server_user" "$work/one"
else
  skip 2 "only root can take a folder from the server"
fi
as_server mkdir "$work/one/vault"; as_server mv "$key_file" "$work/one/vault/keys"; as_server ln -s "$work/one/vault/keys" "$key_file"
like "$(rotate)" NOTICE "through a link"
is "$(stat -c %F "$key_file"),$(grep -c '^key' "$work/one/vault/keys")" 'symbolic link,2' "what it leads to gets the new key"
rm "$key_file"; mv "$work/one/vault/keys" "$key_file"
edit_keyring "\$a key 9 $(printf '%064d' 9)"
is "$(rotate),$(status | tail -n 1)" ',9|active|t' "a key that was put into the file by hand becomes the active one"

# --- two databases of one cluster
sql -c 'CREATE DATABASE second'
sql -d second -c 'CREATE EXTENSION roughly_auth' -c "SELECT roughly_admin_import_user('a@example.org')" > /dev/null
edit_keyring "\$a key 10 $(printf '%064d' 10)"
is "$(rotate),$(status | tail -n 1)" ',10|active|t' "one rotates"
is "$(sql -d second -c 'SELECT key_id, status FROM roughly_key_status()')" $'9|active\n4|unknown\n5|unknown\n10|unknown' "the other does not"
is "$(PGDATABASE=second rotate; sql -d second -c 'SELECT key_id FROM roughly.keys WHERE active')" 10 "until it is asked to: with the same key"
rotate > "$work/r1" & PGDATABASE=second rotate > "$work/r2"; wait $!
is "$(sql -c 'SELECT fingerprint FROM roughly.keys WHERE active')" "$(sql -d second -c 'SELECT fingerprint FROM roughly.keys WHERE active')" "both at once: one key for both"
is "$(cat "$work/r1" "$work/r2" | grep -c NOTICE)" 1 "added once"
is "$(check)$(PGDATABASE=second check)" '' "and all is well"

# --- live traffic
w=$(ask_question); v=$(ask_question)
mapfile -t fresh < <(sql -U app -c "SELECT l.session_token FROM generate_series(2, 29) n, roughly_log_in('person' || n || '@example.org', '$password') l WHERE n <> 20 ORDER BY n")
for question in "$w" "$v"; do
  (for one in "${fresh[@]}"; do
    printf "BEGIN; SELECT FROM roughly_authenticate('%s'); SELECT roughly_cast_vote('%s', 'tea'); COMMIT; SELECT pg_sleep(0.02);\n" "$one" "$question"
  done) | sql -U app -v ON_ERROR_STOP=1 > /dev/null 2> "$work/voters.$question" &
done
(for _ in 1 2 3 4 5 6; do sql -U admin -c 'CALL roughly_publish_due()' 2>&1; done) > "$work/publisher" &
(for _ in 1 2 3 4 5 6; do sql -U app -c "SELECT status FROM roughly_log_in('person6@example.org', '$password')" 2>&1; done) > "$work/comers" &
for _ in 1 2 3 4; do rotate; done > "$work/rotator" 2>&1
wait
is "$(cat "$work"/voters.* "$work/publisher")" '' "nobody who votes or publishes meanwhile notices"
is "$(sort -u "$work/comers")" ok "nor who logs in"
is "$(grep -c NOTICE "$work/rotator"),$(grep -c ERROR "$work/rotator")" 4,0 "(four new keys)"
for question in "$w" "$v"; do sql -U admin -c "SELECT roughly_close_question('$question')" > /dev/null; publish "$question"; done
is "$(sql -c "SELECT count(DISTINCT question_id), count(*) FROM roughly.votes WHERE question_id IN ('$w', '$v')")" "2|$((2 * ${#fresh[@]}))" "every vote is there"
is "$(check)" '' "every ballot was counted, and everything opens"
is "$(sealed_with | wc -l)" 1 "with one key"

done_testing
