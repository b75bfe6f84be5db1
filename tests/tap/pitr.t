#!/usr/bin/env bash
# Set back in time: readers have seen releases that the database no longer knows. Which of them come again as they were,
# which would not and what they would tell, and how a question is ended instead. And how none is lost: a synchronous standby.
set -u
source "$(dirname "$0")/lib.sh"

as_server mkdir "$work/archive"
start_poll one "archive_mode = on" "archive_command = 'cp %p $work/archive/%f'"
as_server mkdir "$work/two"
ok "base backup" as_server "$bindir/pg_basebackup" -h "$work/one" -U postgres -D "$work/two/data" -c fast
make_people 8
frozen=$(ask_question) same=$(ask_question) more=$(ask_question) lost=$(ask_question)
for q in "$frozen" "$same" "$more"; do vote "$q" 1 6 tea; done
vote "$lost" 1 4 tea
freeze "$frozen"
sql -c "SELECT pg_create_restore_point('before')" > /dev/null

# --- after that moment, and read by everybody
for q in "$frozen" "$same" "$more"; do publish "$q"; done
vote "$lost" 5 6 water
publish "$lost"
releases() { sql -c "SELECT view, release_no, md5(cells) FROM roughly.releases WHERE question_id = '$1' ORDER BY 1, 2"; }
seen_frozen=$(releases "$frozen") seen_same=$(releases "$same") seen_lost=$(published "$lost") seen_more=$(published "$more")
sql -c "COPY (SELECT * FROM roughly.releases WHERE question_id = '$lost' AND release_no > 0) TO STDOUT" > "$work/seen"
is "$(wc -l <<< "$seen_frozen"),$(wc -l <<< "$seen_same"),$seen_more" $'2,2,{}|coffee|0|6|1\n{}|tea|6|6|1\n{}|water|0|6|1' "control: releases that will be lost"
last=$(sql -c 'SELECT pg_walfile_name(pg_switch_wal())')
until_true "SELECT last_archived_wal >= '$last' FROM pg_stat_archiver"
stop_cluster one immediate

# --- back to that moment
{ echo "unix_socket_directories = '$work/two'"; echo "archive_mode = off"; echo "restore_command = 'cp $work/archive/%f %p'"
  echo "recovery_target_name = 'before'"; echo "recovery_target_action = 'promote'"; } | as_server tee -a "$work/two/data/postgresql.conf" > /dev/null
as_server touch "$work/two/data/recovery.signal"
clusters+=(two)
start_cluster two; use two
export PGDATABASE=poll
ok "recovery to a restore point" alive
is "$(sql -c "SELECT string_agg(batch || '/' || release, ' ' ORDER BY batch) FROM roughly.questions")" '0/0 0/0 0/0 1/0' "no release is known here, one batch is frozen"
is "$(published "$frozen")$(published "$same")" '' "nor read"
like "$(error -U admin -c "CALL roughly_publish('$frozen')")" '^ERROR:  58P01: the key file' "the archive does not hold the key"
as_server cp -p "$work/one/data.roughly_auth.key" "$key_file"
publish "$frozen"
is "$(releases "$frozen")" "$seen_frozen" "a frozen batch makes the same release, to the byte"
publish "$same"
is "$(releases "$same")" "$seen_same" "so do the same ballots, frozen again"
is "$(sql -U admin -c "SELECT roughly_recount('$frozen'), roughly_recount('$same')")" 't|t' "tallies equal batches"

# What the operator's guide warns of. Whoever kept the release that was lost subtracts it.
vote "$more" 7 7 water
publish "$more"
is "$(diff <(echo "$seen_more") <(published "$more") | grep -c '^> {}|water|1|7|1')" 1 "one ballot more, and two versions of a release tell how one person voted"

# --- so a question with lost ballots is ended
like "$(error -U app -c "$(ballot "$lost" 5 water)")" '^$' "who voted after that moment can vote again"
sql -v question="$lost" > /dev/null <<'SQL'
BEGIN;
SELECT roughly_close_question(:'question');
UPDATE roughly.questions SET state = 'counted', batch = release WHERE id = :'question';
DELETE FROM roughly.ballots WHERE question_id = :'question';
DELETE FROM roughly.batches USING roughly.questions WHERE id = :'question' AND question_id = id AND batch_no > release;
COMMIT;
SQL
ok "publishing what is due" sql -U admin -c 'CALL roughly_publish_due()'
is "$(published "$lost")" '' "publishes nothing more of it"
like "$(error -U app -c "$(ballot "$lost" 6 water)")" '^ERROR:  55000' "nobody votes"
is "$(sql -U app -c "SELECT state FROM roughly_questions() WHERE question = '$lost'")" closed "it is closed"
sql -c 'COPY roughly.releases FROM STDIN' < "$work/seen"
is "$(published "$lost")" "$seen_lost" "what was read can be put back from a copy"
is "$(sql -U app -c BEGIN -c "SELECT FROM roughly_authenticate('${token[1]}')" -c "SELECT choice FROM roughly_my_answers(ARRAY['$lost'::uuid])" -c COMMIT | grep .)" tea "own answers stay"

# --- a synchronous standby: nobody reads what it does not have
q=$(ask_question)
vote "$q" 1 6 tea
freeze "$q"
as_server mkdir "$work/three"
clusters+=(three)
ok "a standby" as_server "$bindir/pg_basebackup" -h "$work/two" -U postgres -D "$work/three/data" -R -c fast
{ echo "unix_socket_directories = '$work/three'"; echo "restore_command = ''"; echo "recovery_target_name = ''"; } | as_server tee -a "$work/three/data/postgresql.conf" > /dev/null
as_server cp -p "$key_file" "$work/three/data.roughly_auth.key"
sql -c "ALTER SYSTEM SET synchronous_standby_names = '*'" -c 'SELECT pg_reload_conf()' > /dev/null
until_true "SELECT current_setting('synchronous_standby_names') = '*'"
PGOPTIONS='-c synchronous_commit=off' PGAPPNAME=publisher sql -U admin -c "CALL roughly_publish('$q')" > /dev/null 2>&1 &
until_true "EXISTS (SELECT FROM pg_stat_activity WHERE application_name = 'publisher' AND wait_event = 'SyncRep')"
is "$(published "$q")" '' "a release waits for the standby, whatever the session's synchronous_commit, and is not read"
stop_cluster two immediate
wait $! || true
start_cluster three; use three
export PGDATABASE=poll
ok "promote" as_server "$bindir/pg_ctl" -D "$data" -w promote
publish "$q"
is "$(respondents "$q")" 6 "the standby counts it"

done_testing
