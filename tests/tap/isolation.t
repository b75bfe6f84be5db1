#!/usr/bin/env bash
# Every command at once, at every isolation level (tests/drivers/mix.py says what must hold), locks that come in another order,
# and two hundred connections. A longer run: COMMANDS=2000 SEED=7 prove -v tests/tap/isolation.t
set -u
source "$(dirname "$0")/lib.sh"
need python3-psycopg >&2
export PYTHONDONTWRITEBYTECODE=1
start_poll one 'max_connections = 220' 'deadlock_timeout = 50ms' "shared_preload_libraries = 'roughly_auth'"

is "$(/usr/bin/python3 tests/drivers/mix.py || echo "it ends with $?")" '' "no deadlock, no error but those known, every vote counted once"

# --- a mailer with two mails for somebody who is being deleted
user=$(sql -c "SELECT roughly_admin_import_user('deleted@example.org')")
ask_for_mail() { sql -U app -c "SELECT roughly_request_$1('$2@example.org')"; }
take='SELECT kind FROM roughly_dequeue_mail(1);'
sql -c 'DELETE FROM roughly.mail_outbox'
ask_for_mail password_reset deleted
isnt "$(mailed reset_password)" '' "a token that the next one replaces"
ask_for_mail password_reset deleted; ask_for_mail magic_link deleted
open_session mailer -U mailer; open_session deleter -U admin; open_session other -U mailer
first=$(ask mailer "BEGIN; $take")
tell deleter "SELECT roughly_admin_delete_user('$user');"
waits deleter
second=$(ask mailer "$take")
is "$(sort <<< "$first"$'\n'"$second" | sed '/^$/d')" $'magic_link\nreset_password' "the mailer takes both"
: "$(ask mailer 'COMMIT;')"
is "$(answer deleter)" '' "the account is deleted after that"
# Two mailers, each with a mail for the other's person.
sql -c 'DELETE FROM roughly.mail_outbox' -c "SELECT roughly_admin_import_user(name || '@example.org') FROM unnest('{one,two}'::text[]) name" >/dev/null
for kind in magic_link password_reset; do for name in one two; do ask_for_mail $kind $name; done; done
: "$(ask mailer "BEGIN; $take")"
: "$(ask other "BEGIN; $take")"
is "$(ask mailer "SELECT count(*) FROM roughly_dequeue_mail(2);")" 1 "a mailer leaves the mail for somebody another one writes to"
is "$(ask other "SELECT count(*) FROM roughly_dequeue_mail(2);")" 0 "nor does that one wait"
: "$(ask mailer 'COMMIT;')"
is "$(ask other "SELECT count(*) FROM roughly_dequeue_mail(2);")" 1 "and takes it when that one has finished"
: "$(ask other 'COMMIT;')"

# --- two hundred connections
sql -c 'DELETE FROM roughly.mail_outbox' >/dev/null
crowd=200
# A few more are asked: some share a clock of the throttle with somebody above who has no mails left.
sql -v crowd=$crowd -v asked=$((crowd + 20)) <<'SQL'
SELECT roughly_admin_import_user('crowd' || n || '@example.org'), roughly_request_magic_link('crowd' || n || '@example.org') FROM generate_series(1, :asked) n \g /dev/null
CREATE TABLE crowd AS
  SELECT row_number() OVER () AS n, (roughly_log_in_with_magic_link(token)).session_token AS token FROM roughly_dequeue_mail(:asked) WHERE token IS NOT NULL LIMIT :crowd;
GRANT SELECT ON crowd TO PUBLIC;
SQL
questions=()
for ((i = 0; i < 3; i++)); do questions+=("$(ask_question)"); done
for q in "${questions[@]}"; do
  printf '%s\n' 'BEGIN;' 'SELECT user_id IS NOT NULL FROM roughly_authenticate((SELECT token FROM crowd WHERE n = :client_id + 1));' \
    "SELECT roughly_cast_vote('$q', CASE :client_id % 2 WHEN 0 THEN 'tea' ELSE 'coffee' END);" 'COMMIT;'
done > "$work/crowd.sql"
printf "CALL roughly_publish('%s');\n" "${questions[@]}" > "$work/publish.sql"
pgbench -n -U admin -c 4 -j 1 -t 10 -f "$work/publish.sql" > "$work/publish.out" 2>&1 & publishers=$!
ok "two hundred vote at once" pgbench -n -U app -c $crowd -j 2 -t 1 -f "$work/crowd.sql"
ok "while four publish" wait $publishers
for q in "${questions[@]}"; do sql -U admin -c "SELECT roughly_close_question('$q')"; publish "$q"; done
is "$(for q in "${questions[@]}"; do sql -c "SELECT roughly_recount('$q'), string_agg(choice || ' ' || votes, ', ' ORDER BY choice) FROM roughly_aggregate('$q')"; done | sort | uniq -c | tr -s ' ')" \
  " 3 t|coffee $((crowd / 2)), tea $((crowd / 2)), water 0" "every vote is counted exactly once"

is "$(grep -aE 'deadlock detected|TRAP|PANIC|terminated by signal|XX000' "$log" || true)" '' "the log tells of no deadlock and of nothing worse"

done_testing
