#!/usr/bin/env bash
# ALTER EXTENSION UPDATE from every version so far, with people and votes in it: nothing is lost, and the result is what a
# fresh installation would be. Until then the new library serves the old SQL. tests/upgrade has the install scripts of
# those versions, as they were released.
set -u
source "$(dirname "$0")/lib.sh"
need python3 >&2

versions=$(basename -a "$top"/tests/upgrade/roughly_auth--*.sql | sed 's/roughly_auth--\(.*\)\.sql/\1/')
current=$(sed -n "s/^default_version = '\(.*\)'/\1/p" "$top/roughly_auth.control")

# Their install scripts, lent to the server: nobody installs them by default.
lent=()
trap 'rm -f "${lent[@]}"; clean_up' EXIT
lend() { # lend SCRIPT
  local file
  file=$("$PG_CONFIG" --sharedir)/extension/$(basename "$1")
  if [ -e "$file" ]; then
    cmp "$1" "$file" >&2 || die "$file is not what was released" # left by somebody else
  else
    install -m 644 "$1" "$file"; lent+=("$file")
  fi
}
for version in $versions; do lend "$top/tests/upgrade/roughly_auth--$version.sql"; done

cat > "$work/totp" <<'PY'
#!/usr/bin/env python3
import base64, hmac, os, struct, time
mac = hmac.new(base64.b32decode(os.environ['SECRET']), struct.pack('>Q', int(time.time()) // 30), 'sha1').digest()
print('%06d' % ((struct.unpack_from('>I', mac, mac[19] & 15)[0] & 0x7fffffff) % 10**6))
PY
chmod 755 "$work/totp"
# flow TAG VERSION: what that version and those before it brought, by every function of theirs; flow.out is what that prints.
flow() {
  local version
  : > "$work/flow.out"
  for version in $(sort -V <<< "$versions"); do
    TOTP=$work/totp sql -v tag="$1" -f "$top/tests/upgrade/flow-$version.sql" 2>&1
    cat "$top/tests/upgrade/flow-$version.out" >> "$work/flow.out"
    [ "$version" != "$2" ] || break
  done
}
newest=$(sort -V <<< "$versions" | tail -n 1)

# The routines of the extension.
members="SELECT p.* FROM pg_proc p JOIN pg_depend d ON d.classid = 'pg_proc'::regclass AND d.objid = p.oid AND d.deptype = 'e'
  JOIN pg_extension e ON d.refclassid = 'pg_extension'::regclass AND d.refobjid = e.oid AND e.extname = 'roughly_auth'"

start_cluster one "track_functions = 'all'"; use one
sql -c 'CREATE DATABASE fresh' -d postgres
sql -d fresh -c 'CREATE EXTENSION roughly_auth'
make_roles
catalog fresh > "$work/fresh"
like "$(< "$work/fresh")" "create_empty_extension\\('roughly_auth', 'public', false, '$current'" "control: a fresh installation"

is "$(nm -D --defined-only "$("$PG_CONFIG" --pkglibdir)/roughly_auth.so" | awk '$3 !~ /^(_PG_init|Pg_magic_func|(pg_finfo_)?roughly_.*)$/')" '' "the library exports what PostgreSQL calls, and nothing else"

for version in $versions; do
  export PGDATABASE=$version
  sql -d postgres -c "CREATE DATABASE \"$version\""
  ok "$version installs" sql -c "CREATE EXTENSION roughly_auth VERSION '$version'"
  ok "$version: the library has every function it names" sql -c "SELECT fmgr_c_validator(m.oid) FROM ($members) m JOIN pg_language l ON l.oid = m.prolang AND lanname = 'c'"

  # --- the old SQL, served by the new library
  is "$(flow old "$version")" "$(< "$work/flow.out")" "$version: from an account to a number"
  is "$(sql -c "SELECT m.oid::regprocedure FROM ($members) m WHERE m.proname !~ '^(roughly_distribute|roughly_partition|node_(?!number).*)$' AND m.oid NOT IN (SELECT funcid FROM pg_stat_user_functions WHERE calls > 0)")" '' \
    "$version: all its functions were called (but those that need more databases)"
  make_people 20
  q=$(ask_question "'{gender}'") frozen=$(ask_question)
  vote "$q" 1 10 tea
  publish "$q"
  vote "$q" 11 14 coffee # these wait
  vote "$frozen" 1 6 water
  freeze "$frozen"
  sql -U app -c "SELECT roughly_register_user('new@example.org', 'a new and long password')" > /dev/null
  open_session S -U app
  ask S "$(ballot "$q" 15 water)" > /dev/null
  # Columns by name, since an update may add others.
  rows=$(sql <<'SQL'
SELECT format('SELECT %L, count(*), md5(string_agg(t::text, E''\n'' ORDER BY t::text)) FROM (SELECT %s FROM %s) t', c.oid::regclass,
         string_agg(quote_ident(attname), ', ' ORDER BY attnum), c.oid::regclass)
  FROM pg_class c JOIN pg_attribute ON attrelid = c.oid AND attnum > 0 AND NOT attisdropped
 WHERE relnamespace = 'roughly'::regnamespace AND relkind = 'r' GROUP BY c.oid, relname ORDER BY relname
SQL
  )
  before=$(sql <<< "${rows//$'\n'/;$'\n'}") numbers=$(published "$q" gender)
  like "$before" 'roughly.ballots\|[1-9].*roughly.releases\|.*roughly.users\|2[0-9]\|' "control: there is something to lose"

  # --- a dump of it restores into the current version
  pg_dump -f "$work/old.sql"
  sql -d postgres -c "CREATE DATABASE \"$version restored\""
  ok "$version: a dump restores into $current" sql -d "$version restored" -o /dev/null -f "$work/old.sql"
  is "$(sql -d "$version restored" <<< "${rows//$'\n'/;$'\n'}")" "$before" "$version: with every row"

  # --- the update
  ok "$version: ALTER EXTENSION UPDATE" sql -c 'ALTER EXTENSION roughly_auth UPDATE'
  is "$(sql -c "SELECT extversion FROM pg_extension WHERE extname = 'roughly_auth'")" "$current" "$version: leads to $current"
  is "$(sql <<< "${rows//$'\n'/;$'\n'}")" "$before" "$version: every row is as it was"
  catalog "$version" > "$work/updated"
  is "$(diff "$work/fresh" "$work/updated")" '' "$version: the catalog is that of a fresh installation"
  is "$(published "$q" gender)" "$numbers" "$version: published numbers"
  is "$(ask S "BEGIN; SELECT user_id IS NOT NULL FROM roughly_authenticate('${token[15]}'); SELECT choice FROM roughly_my_answers(); COMMIT;")" $'t\nwater' \
    "$version: an open session goes on, own answers open"
  close_session S
  like "$(error -U app -c "$(ballot "$q" 1 tea)")" '^ERROR:  23505' "$version: counted votes stay unique"
  like "$(error -U app -c "$(ballot "$q" 11 tea)")" '^ERROR:  23505' "$version: waiting votes too"
  vote "$q" 16 20 water
  publish "$q"
  is "$(published "$q")" $'{}|coffee|4|20|2\n{}|tea|10|20|2\n{}|water|6|20|2' "$version: counting goes on"
  publish "$frozen"
  is "$(respondents "$frozen"),$(sql -U admin -c "SELECT roughly_recount('$q')")" '6,t' "$version: a frozen batch is released, tallies equal batches"
  is "$(sql -U mailer -c 'SELECT kind, recipient FROM roughly_dequeue_mail()')" 'confirm|new@example.org' "$version: the outbox opens"
  sql -c "DELETE FROM roughly.mail_outbox"
  is "$(flow new "$newest")" "$(< "$work/flow.out")" "$version: all of it again"
done

# --- what the comparison sees: each of these changes, by a line of the difference
seen=(
  'COMMENT ON COLUMN roughly.votes.receipt IS $$another$$' "> COMMENT ON COLUMN roughly.votes.receipt IS 'another'"
  'ALTER FUNCTION roughly_release(uuid) COST 2' '> .* COST 2'
  'ALTER FUNCTION roughly_aggregate(uuid, text[]) VOLATILE' '< .* STABLE.* PARALLEL SAFE'
  'GRANT EXECUTE ON FUNCTION roughly_recount(uuid) TO roughly_app' '> GRANT ALL ON FUNCTION public.roughly_recount.* TO roughly_app'
  'ALTER FUNCTION roughly_recount(uuid) OWNER TO postgres' '> ALTER FUNCTION public.roughly_recount.* OWNER TO postgres'
  'ALTER FUNCTION roughly_my_account() RESET search_path' "< *SET search_path TO 'pg_catalog', 'pg_temp'"
  'ALTER TABLE roughly.votes NO FORCE ROW LEVEL SECURITY' '< ALTER TABLE ONLY roughly.votes FORCE ROW LEVEL SECURITY'
  'ALTER TABLE roughly.votes ALTER voter_tag SET STATISTICS -1' '< ALTER TABLE ONLY roughly.votes ALTER COLUMN voter_tag SET STATISTICS 0'
  'ALTER TABLE roughly.votes ALTER receipt SET STORAGE EXTENDED' '< ALTER TABLE ONLY roughly.votes ALTER COLUMN receipt SET STORAGE PLAIN'
  'ALTER TABLE roughly.keys ALTER active SET DEFAULT true' '> *active boolean DEFAULT true NOT NULL'
  'ALTER TABLE roughly.questions DROP CONSTRAINT questions_k_check' '< *CONSTRAINT questions_k_check'
  'CREATE INDEX ON roughly.votes (voter_tag)' '> CREATE INDEX votes_voter_tag_idx'
  'ALTER POLICY own_user ON roughly.users USING (true)' '> CREATE POLICY own_user .* USING \(true\)'
  'ALTER EXTENSION roughly_auth DROP TABLE roughly.tombstones' '< ALTER EXTENSION roughly_auth ADD TABLE roughly.tombstones'
  "UPDATE pg_extension SET extcondition[1] = 'WHERE false' WHERE extname = 'roughly_auth'" '> .*\|WHERE false'
)
for ((i = 0; i < ${#seen[@]}; i += 2)); do echo "${seen[i]};"; done | sql -d fresh
catalog fresh > "$work/changed"
difference=$(diff "$work/fresh" "$work/changed" || true)
for ((i = 0; i < ${#seen[@]}; i += 2)); do
  like "$difference" "${seen[i + 1]}" "control: the comparison sees ${seen[i]}"
done

done_testing
