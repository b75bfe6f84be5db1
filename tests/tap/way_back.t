#!/usr/bin/env bash
# What docs/operations.md says to do when something is damaged or lost, done: publishing refuses by name, and goes on afterwards.
set -u
source "$(dirname "$0")/lib.sh"

start_poll one
make_people 20
flip="set_byte(sealed, length(sealed) - 1, get_byte(sealed, length(sealed) - 1) # 1)"
check() { sql -U admin -c 'SELECT * FROM roughly_check()'; }
refused() { error -U admin -c "CALL roughly_publish('$1')"; }

# --- a ballot
q=$(ask_question)
vote "$q" 1 8 tea
ballot=$(sql -c "UPDATE roughly.ballots SET sealed = $flip WHERE id = (SELECT min(id::text)::uuid FROM roughly.ballots) RETURNING id")
like "$(refused "$q")" "^ERROR:  XX001: ballot $ballot of question $q does not open" "a damaged ballot: publishing refuses by its name"
is "$(sql -c "SELECT count(*) FROM roughly.ballots"),$(published "$q")" '8,' "no ballot is taken, nothing published"
like "$(check)" "^ballot $ballot of question $q[|]" "the check names it"
sql -c "UPDATE roughly.ballots SET sealed = $flip WHERE id = '$ballot'"
is "$(check)" '' "put back from a backup, all is well"
sql -c "DELETE FROM roughly.ballots WHERE question_id = '$q' AND id = '$ballot'"
publish "$q"
is "$(respondents "$q")" 7 "or given up: the others are counted"
is "$(check)" "question $q|ballots are missing: they were deleted by hand" "which the check goes on saying"

# --- a frozen batch
q=$(ask_question)
vote "$q" 1 6 tea; publish "$q"; numbers=$(published "$q")
vote "$q" 7 14 coffee; freeze "$q"
sql -c "UPDATE roughly.batches SET sealed = $flip WHERE question_id = '$q' AND batch_no = 2"
like "$(refused "$q")" "^ERROR:  XX001: batch 2 of question $q does not open" "a damaged batch"
is "$(published "$q")" "$numbers" "published numbers stay"
like "$(sql -U admin -c 'SELECT item, status FROM roughly_status()')" "question $q[|]frozen, not released" "monitoring sees that it hangs"
sql -c "DELETE FROM roughly.batches b USING roughly.questions q WHERE b.question_id = q.id AND q.id = '$q' AND b.batch_no > q.release" \
    -c "UPDATE roughly.questions SET batch = release WHERE id = '$q'"
vote "$q" 15 20 water; publish "$q"
is "$(respondents "$q")" 12 "given up: later votes are counted"

# --- a tally
q=$(ask_question)
vote "$q" 1 6 tea; publish "$q"; numbers=$(published "$q")
sql -c "UPDATE roughly.tallies SET sealed = $flip WHERE question_id = '$q'"
vote "$q" 7 14 coffee
like "$(refused "$q")" "^ERROR:  XX001: the tally of question $q does not open" "a damaged tally"
sql -c "UPDATE roughly.questions SET state = 'counted', batch = release WHERE id = '$q'"
is "$(sql -U admin -c 'CALL roughly_publish_due()' 2>&1)" '' "given up: the question is over"
is "$(published "$q")" "$numbers" "and its numbers stay"

# --- a published row
sql -c "UPDATE roughly.releases SET cells = substr(cells, 1, 30) WHERE question_id = '$q' AND release_no = 1"
like "$(error -U app -c "SELECT * FROM roughly_aggregate('$q')")" '^ERROR:  XX001' "a damaged published row is not guessed at"
sql -c "DELETE FROM roughly.releases WHERE question_id = '$q' AND release_no = 1"
is "$(published "$q")" '' "taken away: what was published before it is shown, here nothing"

# --- the key file is lost for good
q=$(ask_question); vote "$q" 1 8 tea; publish "$q"; numbers=$(published "$q")
rm "$key_file"
like "$(sql -U admin -c "SELECT status FROM roughly_status() WHERE item = 'key file'")" 'does not exist' "monitoring says so"
like "$(check)" '^the key file[|].*does not exist' "and the check"
like "$(refused "$q")" '^ERROR:  58P01' "nothing is counted without it"
is "$(published "$q")" "$numbers" "published numbers are read as before"
sql -q <<'SQL'
CREATE TABLE saved_accounts AS SELECT id, email, confirmed_at FROM roughly.users;
CREATE TABLE saved_questions AS TABLE roughly.questions;
CREATE TABLE saved_releases AS TABLE roughly.releases;
DROP EXTENSION roughly_auth CASCADE;
CREATE EXTENSION roughly_auth;
UPDATE saved_questions SET state = 'counted', batch = release;
INSERT INTO roughly.questions TABLE saved_questions;
INSERT INTO roughly.releases TABLE saved_releases;
ALTER TABLE saved_accounts ADD new_id uuid;
UPDATE saved_accounts SET new_id = roughly_admin_import_user(email, NULL, confirmed_at);
SQL
is "$(stat -c '%U %a' "$key_file")" "$server_user 600" "a new extension makes a new key file"
is "$(published "$q")" "$numbers" "the numbers that were saved are published again"
sql -U app -c "SELECT roughly_request_magic_link('person1@example.org')" > /dev/null
is "$(sql -U app -c "SELECT status FROM roughly_log_in_with_magic_link('$(mailed magic_link)')")" ok "people come back by a mailed link"
is "$(sql -U app -c "SELECT state FROM roughly_questions() WHERE question = '$q'")" closed "their questions are over"
again=$(ask_question); token[1]=$(sql -c "SELECT session_token FROM roughly_log_in_with_magic_link('$(sql -U app -c "SELECT roughly_request_magic_link('person1@example.org')" > /dev/null; mailed magic_link)')")
vote "$again" 1 1 tea
unlike "$(check)" "$again|account" "and what is new is well"

done_testing
