#!/usr/bin/env bash
# sqlsmith: random queries around our functions, as each role. Nothing may end the server, and no error may be internal
# where a function of ours is called. A longer run: QUERIES=20000 SEED=7 prove -v tests/tap/smith.t
set -u
source "$(dirname "$0")/lib.sh"
need sqlsmith >&2
queries=${QUERIES:-150} seed=${SEED:-1}

start_poll smith 'log_destination = csvlog' 'logging_collector = on' "log_filename = 'smith.log'" 'log_rotation_size = 0' 'log_rotation_age = 0' \
  'log_error_verbosity = verbose'
csv=$data/log/smith.csv
make_people 12
q=$(ask_question "'{gender}'")
vote "$q" 1 6 tea
publish "$q"
vote "$q" 7 8 coffee

# What sqlsmith sees. Of the routines: ours, and a few to combine them with, by a view that stands before pg_catalog. As
# material for arguments: rows of what exists and what does not. Our sets as views, one of which makes somebody act.
sql -v token="${token[9]}" -v q="$q" <<'SQL'
CREATE SCHEMA smith;
GRANT USAGE ON SCHEMA smith TO PUBLIC;
CREATE VIEW smith.pg_proc AS SELECT * FROM pg_catalog.pg_proc
  WHERE (prokind IN ('a', 'w') OR pronamespace = 'roughly'::regnamespace OR proname LIKE 'roughly\_%'
         OR proname IN ('upper', 'md5', 'length', 'array_append', 'now', 'jsonb_set', 'gen_random_uuid'))
    AND prokind <> 'p' AND pg_catalog.has_function_privilege(oid, 'EXECUTE');
CREATE TABLE smith.material (id uuid, ids uuid[], t text, ts text[], n integer, ns bigint[], f double precision, i interval, at timestamptz, j jsonb, net inet, b boolean, y bytea);
INSERT INTO smith.material VALUES
  (:'q', ARRAY[:'q', NULL]::uuid[], 'tea', '{tea,coffee}', 5, '{18,65}', 0.5, '1 day', 'infinity', '{"gender": "x"}', '192.0.2.1', true, '\x00'),
  (NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL),
  (gen_random_uuid(), '{}', 'person9@example.org', '{gender}', -2147483648, '{}', 'NaN', '-178000000 years', '4713-01-01 BC', '[{}]', '::/0', false, '\xff'),
  ('00000000-0000-0000-0000-000000000000', array_fill(:'q'::uuid, '{2,2}'), :'token', array_fill('x'::text, '{2}', '{-5}'), 2147483647, '{9223372036854775807}', 'Infinity', '178000000 years', '-infinity', 'null', '10.0.0.0/8', NULL, '');
CREATE VIEW smith.somebody AS SELECT a.* FROM roughly_authenticate((SELECT max(t) FROM smith.material WHERE length(t) = 64)) a;
CREATE VIEW smith.questions AS SELECT * FROM roughly_questions();
CREATE VIEW smith.results AS SELECT m.id, r.* FROM smith.material m, roughly_aggregate(m.id, m.ts) r;
CREATE VIEW smith.answers AS SELECT a.* FROM smith.somebody, roughly_my_answers() a;
GRANT SELECT ON ALL TABLES IN SCHEMA smith TO PUBLIC;
CREATE ROLE anybody LOGIN;
CREATE ROLE super LOGIN SUPERUSER;
ALTER DATABASE poll SET search_path = smith, pg_catalog, public;
SQL
started=$(sql -c 'SELECT pg_postmaster_start_time()')

# smith ROLE: its queries into $work/ROLE. It gives up when a connection is lost; the server's log judges.
smith() {
  sqlsmith --target="host=$PGHOST port=$PGPORT user=$1 dbname=poll" --exclude-catalog --seed="$seed" --max-queries="$queries" \
    --dump-all-queries > "$work/$1" 2> "$work/$1.report" || true
}
# answered: role, SQLSTATE and how often, from the log. internal: errors of ours, which hide their query, and around ours.
answered() {
  /usr/bin/python3 - "$csv" "$1" <<'PY'
import collections, csv, sys
csv.field_size_limit(1 << 30)
counts = collections.Counter()
for row in csv.reader(open(sys.argv[1], errors="replace")):
    role, severity, sqlstate, message, query, location = row[1], row[11], row[12], row[13], row[19], row[21]
    if sys.argv[2] == "internal":
        if severity == "PANIC" or "terminated by signal" in message or sqlstate.startswith("XX") and (not query or "roughly" in query):
            print(severity, sqlstate, message[:200], location)
    elif severity == "ERROR":
        counts[role, sqlstate] += 1
for role in sorted({role for role, _ in counts}):
    print(role, ", ".join(f"{sqlstate} {count}" for (r, sqlstate), count in counts.most_common() if r == role))
PY
}
for role in anybody app admin mailer super; do smith $role; done

for role in anybody app admin mailer super; do
  made=$(grep -c ';$' "$work/$role" || true)
  calls=$(grep -aoE '\broughly(_|\.export|\.may)[a-z_]+\(' "$work/$role" | wc -l || true)
  printf '# %s: %d statements with %d calls of ours\n' $role "$made" "$calls" >&2
  ok "$role: sqlsmith made its queries" [ "$made" -ge "$queries" ]
  case $role in app | admin | super) ok "$role: with calls of ours among them" [ "$calls" -ge 10 ] ;; esac
done
: "$(error -U app -c 'SELECT roughly_require_user()')" # whether any of those calls got as far depends on plans
answered all | sed 's/^/# SQLSTATEs of /' >&2
unlike "$(answered all)" 'XX001' "nothing is corrupted"
is "$(answered internal)" '' "no crash and no internal error of ours"
is "$(sql -c 'SELECT pg_postmaster_start_time()')" "$started" "the server is the one that was started"
like "$(answered all)" 'RA001' "control: an error of ours would be among them"
sql -c "CREATE FUNCTION pg_temp.internal() RETURNS void LANGUAGE plpgsql AS 'BEGIN RAISE EXCEPTION SQLSTATE ''XX000''; END'" -c "SELECT 'roughly', pg_temp.internal()" > "$work/control" 2>&1 || true
like "$(answered internal)" 'XX000' "control: an internal error would be seen"

done_testing
