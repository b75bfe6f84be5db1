#!/usr/bin/env bash
# Clients of applications: node-postgres, psycopg and psql through a real PgBouncer in transaction mode, the example mailer,
# the fixtures of test_extension, and the snippets and transcripts of docs/clients and docs/accounts.md.
source "$(dirname "$0")/../../script/lib.sh"
need pgbouncer python3-psycopg python3-nacl postgresql-PGMAJOR-pgtap libtap-parser-sourcehandler-pgtap-perl john-data oathtool >&2
command -v npm >/dev/null || need nodejs npm >&2 # other packages of Node.js bring npm along
[ -n "${bindir:-}" ] || build_and_install >&2
make -s -C test_extension install PG_CONFIG="${PG_CONFIG:-pg_config}" > "$work/fixtures.log" 2>&1 || die "$(< "$work/fixtures.log")"
PATH=$bindir:$PATH:/usr/sbin

tests=0 failures=0
is() { # is GOT WANTED DESCRIPTION
  tests=$((tests + 1))
  if [ "$1" = "$2" ]; then printf 'ok %d - %s\n' "$tests" "$3"; return; fi
  failures=$((failures + 1))
  printf 'not ok %d - %s\n' "$tests" "$3"
  diff <(echo "$2") <(echo "$1") | head -n 40 | sed 's/^/#   /' >&2 || true
}
sql() { psql -XqAt -v ON_ERROR_STOP=1 "$@"; }
direct() { (PGHOST=$server PGPORT=5432 sql "$@"); }

# Preloaded: of 256 sequences two people's could be one, and the throttle would show where the page has none.
start_cluster clients "shared_preload_libraries = 'roughly_auth'"
server=$PGHOST
sql -c 'CREATE DATABASE accounts' -c 'CREATE DATABASE app' -c 'CREATE DATABASE polls'

# --- the transcripts of docs/accounts.md, in one session as the page says; it also makes the roles used below
sql -d accounts -c 'CREATE EXTENSION roughly_auth'
wrong=$(PGDATABASE=accounts /usr/bin/python3 - 2>&1 <<'PY' || true
import re, subprocess
page = open("docs/accounts.md").read()
blocks = re.findall(r"^```sql\n(.*?)^```\n(?:^```\n(.*?)^```\n)?", page, re.S | re.M)
script = "".join(f"{block}\\echo\n\\echo [{n}]\n" for n, (block, _) in enumerate(blocks))
seen = subprocess.run(["psql", "-Xq"], input=script, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True).stdout
seen = [re.sub(r"[ \t]+$", "", part, flags=re.M).strip() for part in re.split(r"^\[\d+\]$", seen, flags=re.M)]
for (block, shown), got in zip(blocks, seen, strict=False):
    if shown.strip() != got:
        print(f"{block}--- shown:\n{shown}--- got:\n{got}")
if len(blocks) < 10 or len(seen) != len(blocks) + 1:
    print(f"{len(blocks)} blocks, {len(seen)} outputs")
PY
)
is "$wrong" "" "the transcripts of docs/accounts.md run and print what they show"

# --- a poll with nine voters; those who come through the pooler are the tenth
export PGDATABASE=polls
sql -o /dev/null <<'SQL'
CREATE EXTENSION roughly_auth;
CREATE EXTENSION roughly_auth_test;
SELECT roughly_create_question('Tabs or spaces?', '{tabs,spaces}', min_batch => 10) FROM generate_series(1, 2);
SELECT roughly_test_user('voter' || n || '@example.org') FROM generate_series(1, 9) AS n;
DO $$
DECLARE
  token text;
  q uuid;
BEGIN
  FOR n IN 1..9 LOOP
    token := (SELECT session_token FROM roughly_log_in('voter' || n || '@example.org', 'for tests, not for production'));
    COMMIT;
    FOR q IN SELECT question FROM roughly_questions() LOOP
      PERFORM roughly_authenticate(token);
      PERFORM roughly_cast_vote(q, CASE WHEN n % 3 = 0 THEN 'tabs' ELSE 'spaces' END);
      COMMIT;
    END LOOP;
  END LOOP;
END $$;
SQL
mapfile -t questions < <(direct -c 'SELECT question FROM roughly_questions()')

# --- PgBouncer with one connection to the server for each role
pooler=$work/pooler
as_server mkdir "$pooler"
version=$(pgbouncer --version | sed -n 's/^PgBouncer //p')
named=$([ "$(printf '1.21\n%s\n' "$version" | sort -V | head -n 1)" = 1.21 ] && echo yes || echo no) # keeps prepared statements apart
as_server tee "$pooler/ini" >/dev/null <<INI
[databases]
polls = host=$server port=5432
[pgbouncer]
pool_mode = transaction
default_pool_size = 1
auth_type = trust
auth_file = $pooler/users
listen_addr =
unix_socket_dir = $pooler
listen_port = 6432
logfile = $pooler/log
pidfile = $pooler/pid
$([ $named = no ] || echo 'max_prepared_statements = 100')
INI
printf '"%s" ""\n' web postman pollster | as_server tee "$pooler/users" >/dev/null
as_server "$(command -v pgbouncer)" -q -d "$pooler/ini" || die "pgbouncer does not start"
trap 'kill $mailer $(cat "$pooler/pid") 2>/dev/null; clean_up' EXIT
export PGHOST=$pooler PGPORT=6432 PGUSER=postman

# --- the mailer, running, with tokens sealed for it alone; and both clients from registration to the result
export MAIL_DIR=$work/mails PYTHONDONTWRITEBYTECODE=1
mkdir "$MAIL_DIR"
umask 077
/usr/bin/python3 -c 'from nacl.public import PrivateKey; k = PrivateKey.generate(); print(bytes(k).hex(), bytes(k.public_key).hex())' > "$work/pair"
cut -d ' ' -f 1 "$work/pair" > "$work/mailer.key"
cut -d ' ' -f 2 "$work/pair" | as_server tee "$server/data.roughly_auth.key.mailer" >/dev/null
umask 022
PGHOST=$server PGPORT=5432 examples/mailer.py --key "$work/mailer.key" --every 0.1 --link-base https://polls.example.org "$MAIL_DIR" 2> "$work/mailer.log" &
mailer=$!
cp -r tests/clients "$work/node"
(cd "$work/node" && npm ci --no-audit --no-fund --ignore-scripts) > "$work/npm.log" 2>&1 || die "$(< "$work/npm.log")"

wanted='register: weak_password: too_short
register: check_email
confirm: ok
wrong password: invalid_credentials
renewed: not yet
profile: 1990 NL
vote: counted soon
second vote: answered before
answers: Tabs or spaces? spaces
results: 0
results: tabs 3/10, spaces 7/10
logged out: yes'
is "$(EMAIL=ada@example.org QUESTION=${questions[0]} node "$work/node/flow.mjs" 2>&1)" "$wanted" "node-postgres: from registration to the result"
is "$(EMAIL=bob@example.org QUESTION=${questions[1]} /usr/bin/python3 tests/clients/flow.py 2>&1)" "$wanted" "psycopg: the same"
kill $mailer
is "$(find "$MAIL_DIR" -name '*.eml' -perm 0600 | wc -l) $(cat "$work/mailer.log")" "2 " "the mailer wrote one mail for each, readable by itself only"

# --- an address that would read as another one is refused before there is a mail; the others go out
export PGUSER=web
sql -o /dev/null -c "SELECT roughly_register_user('x<victim@example.org>'), roughly_register_user('cleo@example.org')" \
  -c "SELECT roughly_request_magic_link('ada@example.org'), roughly_request_magic_link('nobody@example.org')"
rm "$MAIL_DIR"/*
PGHOST=$server PGPORT=5432 PGUSER=postman examples/mailer.py --key "$work/mailer.key" --once --batch 1 "$MAIL_DIR" 2> "$work/mailer.log"
is "$(grep -h '^To: ' "$MAIL_DIR"/*.eml | sort | tr -d '\r' | tr '\n' ' ')" "To: ada@example.org To: cleo@example.org " "the other mails go out"
is "$(sed -E 's/[0-9a-f-]{36}/ID/' "$work/mailer.log")" "" "an address in angle brackets gets no mail"
is "$(direct -U postgres -c 'SELECT count(*) FROM roughly.mail_outbox')" 0 "nothing stays in the outbox"

# --- one connection to the server, two clients: nobody inherits an identity
token=$(direct -U postgres -c "SELECT session_token FROM roughly_log_in('voter1@example.org', 'for tests, not for production')")
is "$(/usr/bin/python3 tests/clients/pooling.py "$token" 2>&1)" "after COMMIT: A was somebody, B is nobody, same connection
after an error: A was somebody, B is nobody, same connection
in line for it: A was somebody, B is nobody, same connection, after waiting
A was killed while acting: A was somebody, B is nobody, after waiting
statements without a name: ok
named statements: $([ $named = yes ] && echo ok || echo refused)" "PgBouncer $version: nobody inherits an identity"

# --- fixtures in a transaction that is rolled back
export PGHOST=$server PGPORT=5432 PGUSER=postgres
sql -d app -c 'CREATE EXTENSION roughly_auth_test CASCADE' -c 'CREATE EXTENSION pgtap' 2>/dev/null
is "$(pg_prove -d app tests/clients/app_test.sql 2>&1 | tail -n 1), $(sql -d app -c 'SELECT count(*) FROM roughly.users')" "Result: PASS, 0" \
  "the application's own pgTAP test passes and leaves nobody behind"
wrong=$(sql -d app -c "SELECT oid::regprocedure FROM pg_proc WHERE proname LIKE 'roughly\_test\_%'
  AND (has_function_privilege('roughly_app', oid, 'EXECUTE') OR has_function_privilege('roughly_admin', oid, 'EXECUTE') OR prosecdef)")
is "$wrong" "" "the fixtures are for superusers"
is "$(sql -d app -c "SELECT roughly_admin_import_user('eve@example.org', roughly_hash_password('a password of her own'))" -o /dev/null \
  -c "SELECT roughly_test_act_as('eve@example.org')" 2>&1 | head -n 1)" \
  "ERROR:  roughly_test_act_as: log-in answered invalid_credentials" "and no back door to other accounts"

# --- what the pages show is what ran
wrong=$(/usr/bin/python3 - 2>&1 <<'PY' || true
import re
for page, source, language in [("node-postgres.md", "flow.mjs", "js"), ("psycopg.md", "flow.py", "py"), ("pgtap.md", "app_test.sql", "sql")]:
    page, source = open(f"docs/clients/{page}").read(), open(f"tests/clients/{source}").read()
    shown = re.findall(rf"^```{language}\n(.*?)^```$", page, re.S | re.M)
    marked = re.findall(r"^\S+ \[\w+\]\n(.*?)^\S+ \[end\]$", source, re.S | re.M)
    print(*[f"not in the file:\n{block}" for block in shown if "\n" + block not in source], sep="", end="")
    print(*[f"not on the page:\n{region}" for region in marked if region.strip() not in page], sep="", end="")
PY
)
is "$wrong" "" "the snippets of docs/clients are marked parts of the files that ran, all of them"

wrong=$(for page in docs/accounts.md docs/clients/*.md; do
  { grep -oP '(\]\(|^\[\w+\]: )\K[^)#: ]+(?=[)#]|$)' "$page" || true; } | while read -r link; do
    [ -e "$(dirname "$page")/$link" ] || printf '%s: %s\n' "$page" "$link"
  done
done)
is "$wrong" "" "no link of theirs is broken, those to tests included"

printf '1..%d\n' "$tests"
[ "$failures" = 0 ]
