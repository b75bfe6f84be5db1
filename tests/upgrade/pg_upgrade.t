#!/usr/bin/env bash
# pg_upgrade to another major version, with people and votes in it: nothing is lost, what waits there is counted here, and
# the result is what a fresh installation would be. It needs both servers, so script/matrix runs it:
#   OLD_PG_CONFIG=/usr/lib/postgresql/15/bin/pg_config PG_CONFIG=/usr/lib/postgresql/17/bin/pg_config prove tests/upgrade/pg_upgrade.t
set -u
source "$(dirname "$0")/../tap/lib.sh"
need python3 >&2
new_bindir=$bindir new_path=$PATH

# The old server's module is built in a copy: objects of two servers do not mix.
mkdir "$work/tree"
cp -r Makefile roughly_auth.control script sql src "$work/tree/"
for target in clean all install; do
  make -s -j2 -C "$work/tree" PG_CONFIG="$OLD_PG_CONFIG" $target > "$work/old.log" 2>&1 || { cat "$work/old.log" >&2; die "the module does not build for the old server"; }
done
bindir=$("$OLD_PG_CONFIG" --bindir) PATH=$bindir:$PATH

start_poll old
make_people 24
for n in 1 2 3 4 5 6; do
  printf "BEGIN; SELECT FROM roughly_authenticate('%s'); SELECT roughly_set_profile('{\"gender\": \"female\", \"birth_year\": 1980}'); COMMIT;\n" "${token[n]}"
done | sql -U app > /dev/null
q=$(ask_question "'{gender}'") frozen=$(ask_question)
vote "$q" 1 10 tea
publish "$q"
vote "$q" 11 14 coffee # these wait
vote "$frozen" 1 6 water
freeze "$frozen"
sql -U app -c "SELECT roughly_register_user('new@example.org', 'a new and long password')" > /dev/null
is "$(sql -c "SELECT string_agg(batch || '/' || release, ' ' ORDER BY release) FROM roughly.questions")" '1/0 1/1' "control: one question frozen, one released"

# contents: a line per table with its rows and their digest.
contents() {
  sql <<'SQL'
SELECT format('SELECT %L, count(*), md5(string_agg(t::text, E''\n'' ORDER BY t::text)) FROM %s t', oid::regclass, oid::regclass)
  FROM pg_class WHERE relnamespace = 'roughly'::regnamespace AND relkind = 'r' ORDER BY relname
\gexec
SQL
}
numbers() { published "$q"; published "$q" gender; published "$frozen"; sql -c "SELECT * FROM roughly_release('$q')"; }
findings() { sql -c "SELECT severity, item, current FROM roughly_security_check() WHERE severity = 'critical' OR item ~ 'roughly'"; }
old_version=$(sql -c 'SHOW server_version') rows=$(contents) old_numbers=$(numbers) old_findings=$(findings)
like "$old_numbers" '\{\}\|tea\|10\|10\|1' "control: numbers are published"
stop_cluster old

bindir=$new_bindir PATH=$new_path
start_cluster new
stop_cluster new
upgraded() { (cd "$work" && as_server "$new_bindir/pg_upgrade" -U postgres -b "$("$OLD_PG_CONFIG" --bindir)" -B "$new_bindir" -d old/data -D new/data -s "$work"); }
ok "pg_upgrade" upgraded
ok "makes no key file" test ! -e "$work/new/data.roughly_auth.key"
as_server mv "$work/old/data.roughly_auth.key" "$work/new/"
start_cluster new; use new
export PGDATABASE=poll
isnt "$(sql -c 'SHOW server_version')" "$old_version" "control: another server"

is "$(contents)" "$rows" "every row of every table is as it was"
is "$(numbers)" "$old_numbers" "published numbers"
is "$(findings)" "$old_findings" "roughly_security_check finds nothing new"
is "$(sql -U app -c BEGIN -c "SELECT FROM roughly_authenticate('${token[12]}')" -c 'SELECT prompt, choice FROM roughly_my_answers()' -c COMMIT)" \
  'Tea or coffee?|coffee' "a session goes on, own answers open"
is "$(sql -U app -v password="$password" <<< "SELECT status FROM roughly_log_in('person24@example.org', :'password')")" ok "passwords"
like "$(error -U app -c "$(ballot "$q" 1 tea)")" '^ERROR:  23505' "counted votes stay unique"
like "$(error -U app -c "$(ballot "$q" 12 tea)")" '^ERROR:  23505' "waiting votes too"
publish "$q"
is "$(respondents "$q")" 10 "four waiting ballots are not due"
vote "$q" 15 20 water
publish "$q"
is "$(published "$q")" $'{}|coffee|4|20|2\n{}|tea|10|20|2\n{}|water|6|20|2' "counting goes on"
publish "$frozen"
is "$(published "$frozen")" $'{}|coffee|0|6|1\n{}|tea|0|6|1\n{}|water|6|6|1' "the frozen batch is released"
is "$(sql -U admin -c "SELECT roughly_recount('$q'), roughly_recount('$frozen')")" 't|t' "tallies equal batches"
is "$(sql -U mailer -c 'SELECT kind, recipient, token IS NOT NULL FROM roughly_dequeue_mail()')" 'confirm|new@example.org|t' "the outbox opens"

sql -d postgres -c 'CREATE DATABASE fresh'
sql -d fresh -c 'CREATE EXTENSION roughly_auth'
# Where an ACL equals the default, pg_upgrade restores the default: a fresh installation has an entry without a grant there.
for database in fresh poll; do catalog $database | grep -vE '^(--.*)?$|binary_upgrade_set_record_init_privs' > "$work/catalog.$database"; done
is "$(diff "$work/catalog.fresh" "$work/catalog.poll")" '' "the catalog is that of a fresh installation"

done_testing
