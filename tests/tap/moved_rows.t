#!/usr/bin/env bash
# A backend remembers where it has found a question, a session, an account, a profile. It notices that a row is no longer there,
# that it has another one in its place, and that a table has become shorter.
set -u
source "$(dirname "$0")/lib.sh"

start_poll one 'autovacuum = off'
make_people 10
open_session voter -U app
who() { ask voter "SELECT user_id FROM roughly_authenticate('$1');"; }
user_of() { sql -c "SELECT id FROM roughly.users WHERE email = 'person$1@example.org'"; }
place_of() { sql -c "SELECT ctid FROM roughly.$1 WHERE user_id = '$2'"; }
log_in() { sql -U app -c "SELECT session_token FROM roughly_log_in('person$1@example.org', '$password')"; }

# --- a question
# --- a backend that knows a question meanwhile notices that its row has moved, and that the table has become shorter
q=$(ask_question)
is "$(ask voter "$(ballot "$q" 1 tea)")" t "control: a vote"
sql -c 'VACUUM FULL roughly.questions'
is "$(ask voter "$(ballot "$q" 2 tea)")" t "the table has been rewritten: the next vote"
for ((i = 0; i < 60; i++)); do last=$(ask_question); done
page=$(sql -c "SELECT (ctid::text::point)[0] FROM roughly.questions WHERE id = '$last'")
is "$(ask voter "$(ballot "$last" 1 tea)")" t "control: a vote on it"
sql -c BEGIN -c "DELETE FROM roughly.releases r WHERE release_no = 0 AND NOT EXISTS (SELECT FROM roughly.batches b WHERE b.question_id = r.question_id) AND question_id <> '$q'" \
  -c "DELETE FROM roughly.questions q WHERE NOT EXISTS (SELECT FROM roughly.releases r WHERE r.question_id = q.id)" -c COMMIT
sql -c 'VACUUM (TRUNCATE) roughly.questions'
is "$(sql -c "SELECT pg_relation_size('roughly.questions') <= $page * current_setting('block_size')::int")" t "control: its page is gone"
like "$(ask voter "$(ballot "$last" 2 tea)")" '42704' "a question that is gone, with its page: it is unknown"
gone=$(ask_question)
is "$(ask voter "$(ballot "$gone" 1 tea)")" t "control: a vote"
place=$(sql -c "SELECT ctid FROM roughly.questions WHERE id = '$gone'")
sql -c BEGIN -c "DELETE FROM roughly.releases WHERE question_id = '$gone'" -c "DELETE FROM roughly.questions WHERE id = '$gone'" -c COMMIT
sql -c 'VACUUM (TRUNCATE false) roughly.questions'
for ((i = 0; i < 60; i++)); do
  other=$(ask_question)
  [ "$(sql -c "SELECT ctid FROM roughly.questions WHERE id = '$other'")" != "$place" ] || break
done
is "$(sql -c "SELECT ctid FROM roughly.questions WHERE id = '$other'")" "$place" "control: another question has its place"
like "$(ask voter "$(ballot "$gone" 2 tea)")" '42704' "which is not taken for it"

# --- a session
one=$(user_of 1) two=$(user_of 2)
is "$(who "${token[1]}")$(who "${token[1]}")" "$one$one" "a session is found twice"
sql -c 'UPDATE roughly.user_tokens SET last_used_on = CURRENT_DATE'
is "$(who "${token[1]}")" "$one" "and where it has moved"
sql -c 'VACUUM FULL roughly.user_tokens'
is "$(who "${token[1]}")" "$one" "and in a table that has been rewritten"
sql -c "UPDATE roughly.user_tokens SET expires_at = now() WHERE user_id = '$one'"
is "$(who "${token[1]}")" '' "once it has expired it is none"
sql -c "UPDATE roughly.user_tokens SET expires_at = now() + interval '1 hour' WHERE user_id = '$one'"
is "$(who "${token[1]}")" "$one" "control: it has not"
for person in 2 1; do
  place=$(place_of user_tokens "$one")
  sql -c "DELETE FROM roughly.user_tokens WHERE user_id IN ('$one', '$two')" -c 'VACUUM (TRUNCATE false) roughly.user_tokens'
  is "$(who "${token[1]}")" '' "a session that is gone is none"
  for ((i = 0; i < 10; i++)); do
    sql -c "DELETE FROM roughly.user_tokens WHERE user_id IN ('$one', '$two')"
    new=$(log_in $person)
    [ "$(place_of user_tokens "$(user_of $person)")" != "$place" ] || break
  done
  is "$(place_of user_tokens "$(user_of $person)")" "$place" "control: one of person $person has its place"
  is "$(who "${token[1]}")" '' "which is not taken for it"
  is "$(who "$new")$(who "$new")" "$(user_of $person)$(user_of $person)" "and is found"
  token[person]=$new
  [ $person = 1 ] || { token[1]=$(log_in 1); : "$(who "${token[1]}")"; }
done

# --- an account and a profile
profile() { for ((i = $1; i <= $2; i++)); do printf "BEGIN; SELECT FROM roughly_authenticate('%s'); SELECT roughly_set_profile('{\"gender\": \"%s\"}'); COMMIT;\n" "${token[i]}" "$3"; done | sql -U app > /dev/null; }
token[2]=$(log_in 2)
# genders: what five people, voting in the backend that knows them, are counted as.
genders() {
  local q
  q=$(ask_question "'{gender}'")
  : "$(ask voter "$(ballots "$q" 1 5 tea)")"
  publish "$q"
  sql -c "SELECT string_agg(slice->>'gender' || ' ' || respondents, ', ') FROM roughly_aggregate('$q', '{gender}') WHERE choice = 'tea' AND respondents > 0"
}
profile 1 5 female
is "$(genders)" 'female 5' "five votes"
is "$(genders)" 'female 5' "five more by the same backend"
profile 1 5 male
is "$(genders)" 'male 5' "a changed profile counts from the next vote on"
sql -c 'VACUUM FULL roughly.user_profiles' -c 'VACUUM FULL roughly.users'
is "$(genders)" 'male 5' "as does one in a table that has been rewritten"
places=$(sql -c 'SELECT array_agg(ctid ORDER BY ctid) FROM roughly.user_profiles')
sql -c 'DELETE FROM roughly.user_profiles' -c 'VACUUM (TRUNCATE false) roughly.user_profiles'
profile 6 10 female
is "$(sql -c 'SELECT array_agg(ctid ORDER BY ctid) FROM roughly.user_profiles')" "$places" "control: five other people's profiles have their places"
is "$(genders)" 'not stated 5' "which are not taken for theirs"
q=$(ask_question "require_confirmed => true")
like "$(ask voter "$(ballot "$q" 1 tea)")" t "control: a confirmed account may vote"
sql -c 'UPDATE roughly.users SET confirmed_at = NULL'
like "$(ask voter "$(ballot "$q" 2 tea)")" 'only confirmed accounts' "one that is no longer confirmed may not"
close_session voter

done_testing
