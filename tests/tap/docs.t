#!/usr/bin/env bash
# The documentation against the code: functions, settings, error codes, and the tour of the README.
source "$(dirname "$0")/../../script/lib.sh"
[ -n "${bindir:-}" ] || build_and_install >&2
PATH=$bindir:$PATH

tests=0 failures=0
is_empty() { # is_empty TEXT DESCRIPTION: TEXT is what is wrong
  tests=$((tests + 1))
  if [ -z "$1" ]; then printf 'ok %d - %s\n' "$tests" "$2"; return; fi
  failures=$((failures + 1))
  printf 'not ok %d - %s\n' "$tests" "$2"
  head -n 40 <<< "$1" | sed 's/^/#   /' >&2
}
sql() { psql -XqAt -v ON_ERROR_STOP=1 "$@"; }
# missing_from TEXT: the lines of standard input that TEXT lacks.
missing_from() { while IFS= read -r line; do grep -qF -- "$line" <<< "$1" || printf '%s\n' "$line"; done; }

start_cluster docs "shared_preload_libraries = 'roughly_auth'"
sql -c 'CREATE EXTENSION roughly_auth'
documents=(README.md docs/*.md)

# --- functions
wrong=$(script/functions-doc | diff docs/functions.md - || [ $? = 1 ])
is_empty "$wrong" "docs/functions.md is what script/functions-doc prints"

functions=$(sql -c "SELECT proname || '(' FROM pg_proc WHERE proname LIKE 'roughly\_%'")
wrong=$(grep -ohE '\broughly_[a-z_]+\(' "${documents[@]}" | sort -u | missing_from "$functions")
is_empty "$wrong" "every function the documents call exists"

wrong=$(sql -c "SELECT oid::regprocedure FROM pg_proc WHERE proname LIKE 'roughly\_%' AND obj_description(oid, 'pg_proc') IS NULL")
is_empty "$wrong" "every function has a COMMENT"

# --- error codes
codes=$(sed -n '/^## Error codes/,$p' docs/functions.md)
wrong=$(sql -c "SELECT DISTINCT '| \`' || found[1] || '\` |'
                  FROM pg_proc, regexp_matches(obj_description(oid, 'pg_proc'), '\m([0-9]{2}[0-9A-Z]{3}|XX0..|RA0..)\M', 'g') AS found
                 WHERE proname LIKE 'roughly\_%'" | missing_from "$codes")
is_empty "$wrong" "every SQLSTATE the COMMENTs name is explained"

# --- settings
settings=$(sql -c "LOAD 'roughly_auth'" -c "
  SELECT format('| \`%s\` | %s | %s | %s |', name,
                CASE WHEN boot_val = '' THEN 'empty' ELSE concat_ws(' ', boot_val, unit) END,
                CASE vartype WHEN 'bool' THEN 'on, off' WHEN 'string' THEN 'text' ELSE min_val || ' to ' || max_val END,
                CASE context WHEN 'sighup' THEN 'configuration file' WHEN 'postmaster' THEN 'server start' ELSE context END)
    FROM pg_settings WHERE name LIKE 'roughly\_auth.%' ORDER BY name")
wrong=$(missing_from "$(< docs/settings.md)" <<< "$settings")
is_empty "$wrong" "every setting stands in docs/settings.md with its default, range and context"
wrong=$(grep -ohE '`roughly_auth\.[a-z0-9_]+`' "${documents[@]}" | sort -u | missing_from "$settings")
is_empty "$wrong" "and the documents name no other"

# --- links
wrong=$(for document in *.md docs/*.md; do
  { grep -oE '\]\([^)#]+[)#]' "$document" || true; } | tr -d '])(#' | while read -r link; do
    [[ $link == http* || -e $(dirname "$document")/$link ]] || printf '%s: %s\n' "$document" "$link"
  done
done)
is_empty "$wrong" "no link is broken"

# --- the tour: it runs as it stands, and prints what it says
awk '/^## /{tour = /Five minutes/} !tour{next} /^```sql$/{sql = 1; next} /^```/{sql = 0} sql' README.md > "$work/tour.sql"
wrong=$(psql -X -v ON_ERROR_STOP=1 -f "$work/tour.sql" > "$work/tour.out" 2>&1 || tail -n 3 "$work/tour.out")
is_empty "$wrong" "the tour of the README runs"
wrong=$(perl -e '
  sub text { local (@ARGV, $/) = shift; my $text = <>; $text =~ s/[ \t]+$//mg; $text }
  my ($readme, $output) = map text($_), @ARGV;
  $readme =~ s/.*^## Five minutes$(.*?)^## .*/$1/ms or die "there is no tour";
  my $blocks = 0;
  while ($readme =~ /^```(\w*)\n(.*?)^```$/msg) {
    next if $1;
    ++$blocks;
    print "not printed:\n$2" if index($output, $2) < 0;
  }
  $blocks or die "the tour shows nothing";
' README.md "$work/tour.out")
is_empty "$wrong" "and prints what the README shows"

printf '1..%d\n' "$tests"
[ "$failures" = 0 ]
