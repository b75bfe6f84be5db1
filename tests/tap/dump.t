#!/usr/bin/env bash
# Dump and restore: nothing is lost with the key file, and without it everything but published numbers refuses.
set -u
source "$(dirname "$0")/lib.sh"

start_poll one
make_people 24
for n in 1 2 3 4 5 6 7 8 9 10; do
  printf "BEGIN; SELECT FROM roughly_authenticate('%s'); SELECT roughly_set_profile('{\"gender\": \"%s\", \"birth_year\": 1980}'); COMMIT;\n" \
    "${token[n]}" "$([ $((n % 2)) = 0 ] && echo female || echo male)"
done | sql -U app > /dev/null
sql -U admin -c "SELECT roughly_admin_block_passwords('{password1234567}')" -c "SELECT roughly_admin_delete_user('$(sql -c "SELECT id FROM roughly.users WHERE email LIKE 'person23@%'")')" > /dev/null
sql -U app -c "SELECT roughly_register_user('new@example.org', 'a new and long password')" -c "SELECT roughly_log_in('person22@example.org', 'wrong')" \
  -c BEGIN -c "SELECT roughly_authenticate('${token[21]}')" -c 'SELECT roughly_enroll_totp()' -c COMMIT > /dev/null
sql -U admin -c "SELECT roughly_add_dimension('pet', 'extra.pet', '{cat,dog}')"
q=$(ask_question "'{gender,pet}'") frozen=$(ask_question)
ask_question > /dev/null # never touched
sql -U admin -c "SELECT roughly_add_contradiction('$q', 'tea', '$frozen', 'coffee')"
vote "$q" 1 10 tea
publish "$q"
vote "$q" 11 14 coffee # these wait
vote "$frozen" 1 6 water
freeze "$frozen"
is "$(sql -c "SELECT string_agg(batch || '/' || release, ' ' ORDER BY batch, release) FROM roughly.questions")" '0/0 1/0 1/1' \
  "three questions: untouched, frozen, released"

before=$(contents)
# Recovery codes come with the first code of a second factor, which nobody here types.
is "$(grep '|0|' <<< "$before" | grep -v recovery_codes)" '' "control: every table has rows"
like "$(cut -d '|' -f 1 <<< "$before" | tr '\n' ' ')" 'ballots roughly.batches .*keys .*questions .*releases .*tallies .*users roughly.votes' "control: and they are the tables we mean"
numbers() { published "$q"; published "$q" gender; published "$q" gender pet; published "$frozen"; sql -c "SELECT * FROM roughly_release('$q')"; }
numbers_before=$(numbers)
like "$numbers_before" '\{\}\|tea\|10\|10\|1' "control: numbers are published"

# --- who may not read everything must not believe they have
sql -c 'CREATE ROLE reader LOGIN' -c 'CREATE ROLE dumper LOGIN BYPASSRLS'
may_select reader
refused() { # refused ARGUMENT MESSAGE
  local status=0
  # shellcheck disable=SC2086
  pg_dump $1 -d poll -f "$work/refused.sql" > "$work/refused.out" 2>&1 || status=$?
  isnt "$status" 0 "pg_dump $1 fails"
  like "$(< "$work/refused.out")" "$2" "and says why"
}
refused '-U reader' 'query would be affected by row-level security policy'
refused '--role=roughly_owner' 'query would be affected by row-level security policy'
refused '-U dumper' 'permission denied for'
ok "with --enable-row-security it dumps" pg_dump -U reader --enable-row-security -d poll -f "$work/reader.sql"
is "$(awk '/^COPY roughly\./ { inside = 1; next } /^\\\.$/ { inside = 0 } inside' "$work/reader.sql" | wc -l)" 0 "not one row of ours"

# --- who may; the application's own: a table that refers to accounts.
sql -c 'CREATE TABLE orders (buyer uuid REFERENCES roughly.users)' -c 'GRANT SELECT ON orders TO app' -c 'INSERT INTO orders SELECT id FROM roughly.users'
ok "directory dump" pg_dump -d poll -Fd -j 2 -f "$work/poll.dir"
ok "custom dump" pg_dump -d poll -Fc -f "$work/poll.custom"
ok "plain dump" pg_dump -d poll -f "$work/poll.sql"
may_select dumper
ok "a dump by a role with BYPASSRLS that may select" pg_dump -U dumper -d poll -f "$work/dumper.sql"
unrestricted() { grep -vE '^\\(un)?restrict ' "$1"; } # the key is random
without_grants() { unrestricted "$1" | grep -v " TO dumper;$"; } # PostgreSQL 13 has no pg_read_all_data
is "$(diff <(without_grants "$work/poll.sql") <(without_grants "$work/dumper.sql"))" '' "is that of a superuser"
is "$(grep -E '^(CREATE|ALTER) .*roughly' "$work/poll.sql")" 'CREATE EXTENSION IF NOT EXISTS roughly_auth WITH SCHEMA public;' "of ours it holds rows, no definitions"
ok "roles" pg_dumpall --roles-only -f "$work/roles.sql"

# --- a fresh database of the same cluster
sql -d postgres -c 'CREATE DATABASE again'
like "$(error -d again -U admin -f "$work/poll.sql")" '^ERROR:  42501: permission denied to create extension' "only a superuser restores"
sql -d postgres -c 'DROP DATABASE again' -c 'CREATE DATABASE again'
ok "custom restore in the same cluster" pg_restore --exit-on-error -d again "$work/poll.custom"
PGDATABASE=again
is "$(contents)" "$before" "all rows of all tables"
is "$(sql -U app -c BEGIN -c "SELECT FROM roughly_authenticate('${token[12]}')" -c "SELECT prompt, choice FROM roughly_my_answers()" -c COMMIT | grep .)" \
  'Tea or coffee?|coffee' "own answers open"

# --- a fresh cluster with the key file and the roles
start_cluster two; use two
as_server cp -p "$work/one/data.roughly_auth.key" "$key_file"
restore_roles() { psql -Xq -d postgres -f "$work/roles.sql" 2>&1 | grep -v 'role "postgres" already exists' || true; }
is "$(restore_roles)" '' "roles come first"
for database in plain sections directory; do sql -d postgres -c "CREATE DATABASE $database"; done
ok "plain restore" psql -Xq -v ON_ERROR_STOP=1 -d plain -f "$work/poll.sql"
for section in pre-data data post-data; do
  ok "custom restore, $section" pg_restore --exit-on-error -d sections --section="$section" "$work/poll.custom"
done
# In parallel a table may come before the one it refers to: an archive does not order an extension's tables. So they come alone.
ok "parallel restore: definitions" pg_restore --exit-on-error -d directory --section=pre-data "$work/poll.dir"
ok "our tables, one after the other" pg_restore --exit-on-error -d directory --section=data -n roughly "$work/poll.dir"
ok "all others" pg_restore --exit-on-error -d directory --section=data -N roughly -j 2 "$work/poll.dir"
ok "and the rest" pg_restore --exit-on-error -d directory --section=post-data -j 2 "$work/poll.dir"
ok "the key file is as it was" cmp "$work/one/data.roughly_auth.key" "$key_file"
for database in plain sections directory; do
  export PGDATABASE=$database
  is "$(contents)" "$before" "$database: all rows of all tables"
  is "$(numbers)" "$numbers_before" "$database: published numbers"
  is "$(sql -U app -c 'SELECT count(*) FROM orders'),$(sql -c "SELECT convalidated FROM pg_constraint WHERE conname = 'orders_buyer_fkey'")" 23,t "$database: the application's own"
done
is "$(sql -c "SELECT count(*) FROM pg_class WHERE relnamespace = 'roughly'::regnamespace AND relkind = 'r' AND NOT (relrowsecurity AND relforcerowsecurity)")" 0 \
  "row-level security is forced everywhere"
like "$(error -U app -c "$(ballot "$q" 1 tea)")" '^ERROR:  23505:.*CONSTRAINT NAME:  votes_pkey' "counted votes stay unique"
like "$(error -U app -c "$(ballot "$q" 12 tea)")" '^ERROR:  23505:' "waiting votes too"
is "$(sql -U app -c "BEGIN" -c "SELECT FROM roughly_authenticate('${token[12]}')" -c "SELECT prompt, choice FROM roughly_my_answers()" -c "COMMIT")" \
  'Tea or coffee?|coffee' "own answers open"
publish "$q"
is "$(respondents "$q")" 10 "four waiting ballots are not due"
vote "$q" 15 20 water
ok "publishing goes on" publish "$q"
is "$(published "$q")" $'{}|coffee|4|20|2\n{}|tea|10|20|2\n{}|water|6|20|2' "with the next release, which counts them"
publish "$frozen"
is "$(published "$frozen")" $'{}|coffee|0|6|1\n{}|tea|0|6|1\n{}|water|6|6|1' "the frozen batch is released"
is "$(sql -U admin -c "SELECT roughly_recount('$q'), roughly_recount('$frozen')")" 't|t' "tallies equal batches"
is "$(sql -U app -v password="$password" <<< "SELECT status FROM roughly_log_in('person24@example.org', :'password')")" ok "passwords"
is "$(sql -U mailer -c "SELECT kind, recipient, token IS NOT NULL FROM roughly_dequeue_mail()")" 'confirm|new@example.org|t' "the outbox opens"

# --- a fresh cluster that makes a key of its own
start_cluster three; use three
export PGDATABASE=poll
sql -d postgres -c 'CREATE DATABASE poll'
restore_roles
ok "restore without the key file" psql -Xq -v ON_ERROR_STOP=1 -f "$work/poll.sql"
is "$(contents)" "$before" "all rows are there"
is "$(numbers)" "$numbers_before" "published numbers can be read"
ok "questions too" sql -U app -c 'SELECT * FROM roughly_questions()'
refusal='^ERROR:  55000: the key file ".*/three/data\.roughly_auth\.key" belongs to another installation: its key 1 has fingerprint [0-9a-f]{32}, this database needs '$(sql -c 'SELECT fingerprint FROM roughly.keys')
like "$(error -U app -c "SELECT * FROM roughly_log_in('person1@example.org', '$password')")" "$refusal" "roughly_log_in refuses"
like "$(error -U app -c "SELECT * FROM roughly_authenticate('${token[1]}')")" "$refusal" "roughly_authenticate refuses"
for call in "roughly_log_out('${token[1]}')" "roughly_reissue_session('${token[1]}')" "roughly_register_user('b@example.org', 'a password of many letters')" \
  "roughly_request_magic_link('person1@example.org')" "roughly_request_password_reset('person1@example.org')"; do
  like "$(error -U app -c "SELECT $call")" "$refusal" "${call%%(*} refuses"
done
like "$(error -U app -c "CALL roughly_log_in_committed('person1@example.org', '$password')")" "$refusal" "roughly_log_in_committed refuses"
like "$(error -U admin -c "SELECT roughly_admin_delete_user(id) FROM roughly_audit() a, LATERAL (SELECT a.user_id) u (id) WHERE action = 'log_in' LIMIT 1")" "$refusal" "roughly_admin_delete_user refuses"
like "$(error -U admin -c "SELECT roughly_admin_import_user('new@example.org')")" "$refusal" "roughly_admin_import_user refuses"
like "$(error -U admin -c "CALL roughly_publish('$q')")" "$refusal" "roughly_publish refuses"
like "$(error -U admin -c "CALL roughly_publish('$frozen')")" "$refusal" "roughly_publish refuses a frozen batch"
like "$(error -U admin -c "CALL roughly_publish_due()")" "^ERROR:  55000: [1-3] of 3 questions could not be published" "roughly_publish_due refuses"
like "$(sql -U admin -c "CALL roughly_publish_due()" 2>&1 || true)" "WARNING:  question $frozen could not be published: the key file" "and names the question and the file"
like "$(error -U admin -c "SELECT roughly_recount('$q')")" "$refusal" "roughly_recount refuses"
is "$(contents)" "$before" "nothing was changed by trying"
as_server cp -p "$work/one/data.roughly_auth.key" "$key_file"
publish "$frozen"
is "$(sql -U admin -c "SELECT roughly_recount('$q')"),$(respondents "$frozen")" 't,6' "with the right file everything goes on"

done_testing
