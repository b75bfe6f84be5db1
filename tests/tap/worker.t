#!/usr/bin/env bash
# The background worker: publishes what is due where the library is preloaded, in the databases it is told.
set -u
source "$(dirname "$0")/lib.sh"

start_poll one "shared_preload_libraries = 'roughly_auth'" "roughly_auth.worker_databases = 'poll, other'" "roughly_auth.worker_interval = 1"
make_people 12
workers="SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'roughly_auth publisher'"

q=$(ask_question); bad=$(ask_question)
vote "$bad" 1 6 coffee; publish "$bad"
numbers=$(published "$bad")
vote "$q" 1 8 tea
ok "published without a call" until_true "(SELECT max(respondents) FROM roughly_aggregate('$q')) = 8"
is "$(sql -c "$workers")" 1 "one worker: the other database does not exist yet"
sql -c 'CREATE DATABASE other'
ok "and gets one when it does, also without the extension" until_true "($workers) = 2"

# --- a question that cannot be published
sql -c "UPDATE roughly.tallies SET sealed = set_byte(sealed, length(sealed) - 1, get_byte(sealed, length(sealed) - 1) # 1) WHERE question_id = '$bad'"
vote "$bad" 7 12 tea
fine=$(ask_question); vote "$fine" 1 8 tea
ok "a question that cannot be published does not keep the next" until_true "(SELECT max(respondents) FROM roughly_aggregate('$fine')) = 8"
is "$(published "$bad")" "$numbers" "and is not published"
until grep -q 'questions could not be published' "$log"; do sleep 0.1; done
like "$(grep "question $bad could not be published" "$log" | head -n 1)" 'the tally of question .* does not open' "the log names it"
sql -c "UPDATE roughly.tallies SET sealed = set_byte(sealed, length(sealed) - 1, get_byte(sealed, length(sealed) - 1) # 1) WHERE question_id = '$bad'"
ok "mended, it is published by the worker's next life" until_true "(SELECT max(respondents) FROM roughly_aggregate('$bad')) = 12"
is "$(grep -cE "$bad.*(tea|coffee)" "$log" || true)" 0 "the log says nothing of choices"

# --- how long it waits; how it ends
sql -c "ALTER SYSTEM SET roughly_auth.worker_interval = '1 h'" -c 'SELECT pg_reload_conf()' > /dev/null
until_true "current_setting('roughly_auth.worker_interval') = '1h'"
vote "$fine" 9 12 coffee
slow=$(ask_question); vote "$slow" 1 8 tea
sql -c 'SELECT pg_sleep(2.5)' > /dev/null
is "$(respondents "$slow")" 0 "a longer interval counts at once"
sql -c 'DROP EXTENSION roughly_auth CASCADE' 2> /dev/null
sql -c "ALTER SYSTEM SET roughly_auth.worker_interval = '1 s'" -c 'SELECT pg_reload_conf()' -c 'SELECT pg_sleep(2.5)' > /dev/null
is "$(sql -c "$workers")" 2 "where the extension has been dropped the worker waits for another"
ok "a smart shutdown does not wait for it" as_server "$bindir/pg_ctl" -D "$data" -m smart -t 30 -w stop

done_testing
