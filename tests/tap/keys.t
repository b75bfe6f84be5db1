#!/usr/bin/env bash
# The key file: made once, checked before every use, and never guessed at. What is put right works without reconnecting.
set -u
source "$(dirname "$0")/lib.sh"

start_poll one
is "$(stat -c '%U %a %F' "$key_file")" "$server_user 600 regular file" "CREATE EXTENSION makes the key file, readable by the server alone"
is "$(dirname "$key_file")" "$(dirname "$data")" "beside the data directory"
is "$(sql -c 'SELECT count(*) FROM roughly.keys')" 0 "the database knows no key before it has sealed anything"
made=$(md5sum < "$key_file")
make_people 8
is "$(sql -c "SELECT key_id, active, fingerprint ~ '^[0-9a-f]{32}\$' FROM roughly.keys")" '1|t|t' "and one after it has"
fingerprint=$(sql -c 'SELECT fingerprint FROM roughly.keys')
unlike "$(< "$key_file")" "$fingerprint" "the fingerprint is not the key"

# --- a second database of the cluster
sql -d postgres -c 'CREATE DATABASE second'
sql -d second -c 'CREATE EXTENSION roughly_auth'
is "$(md5sum < "$key_file")" "$made" "a second database leaves the key file as it is"
sql -d second -c "SELECT roughly_admin_import_user('a@example.org')" > /dev/null
is "$(sql -d second -c 'SELECT key_id, fingerprint FROM roughly.keys')" "1|$fingerprint" "and is sealed with the same key"
sql -c 'CREATE ROLE nobody_special LOGIN'
for role in app admin nobody_special; do
  like "$(error -U $role -c 'SELECT roughly.ensure_key_file()')" '^ERROR:  42501' "$role cannot make a key file"
done

# --- what can be wrong with it
q=$(ask_question)
vote "$q" 1 6 tea
publish "$q"
numbers=$(published "$q")
good=$work/good.key
cp -p "$key_file" "$good"
# put FILE: makes it the key file. A program, since psql runs it in between.
cat > "$work/put" <<'SH'
rm -rf "$key_file" && cp "$1" "$key_file" && chmod 600 "$key_file" && if [ "$(id -u)" = 0 ]; then chown "$server_user" "$key_file"; fi
SH
put() { sh "$work/put" "$1"; }
# keyring FILE ID HEX [ID HEX...]: writes a key file.
keyring() {
  local file=$1; shift
  { echo 'roughly_auth keyring 1'; echo '# made by keys.t'; printf 'key %s %s\n' "$@"; } > "$file"
  printf 'checksum %s\n' "$(b2sum -l 128 < "$file" | cut -d ' ' -f 1)" >> "$file"
}
master=$(sed -n 's/^key 1 //p' "$good")
keyring "$work/same.key" 1 "$master"
keyring "$work/foreign.key" 1 "$(printf '%064d' 7)"
head -n 4 "$good" > "$work/no_checksum.key"
head -c 200 "$good" > "$work/cut.key"
: > "$work/empty.key"
awk '/^key 1 /{ sub(/.$/, /0$/ ? "1" : "0") } { print }' "$good" > "$work/edited.key"
sed 's/^key 1 ..../key 1 xyzt/' "$good" > "$work/nonsense.key"
{ cat "$good"; echo '# more'; } > "$work/longer.key"
{ cat "$good"; head -c 70000 /dev/zero | tr '\0' '#'; } > "$work/huge.key"
export key_file server_user work good

# broken WHAT REGEX BREAK [MEND]: in one connection, which has not used a key yet: what is refused, and how it goes on.
broken() {
  local what=$1 regex=$2 break=$3 mend=${4:-sh "$work/put" "$good"} answer fresh
  fresh=$(ask_question)
  answer=$(psql -XqAt -v VERBOSITY=verbose <<SQL 2>&1
\! $break
\echo [authenticate]
SELECT user_id IS NOT NULL FROM roughly_authenticate('${token[1]}');
\echo [log_in]
SELECT status FROM roughly_log_in('person1@example.org', '$password');
\echo [import]
SELECT roughly_admin_import_user('new@example.org');
\echo [recount]
SELECT roughly_recount('$q');
\echo [question]
SELECT roughly_create_question('Which?', '{tea,coffee}');
\echo [numbers]
SELECT slice, choice, votes, respondents, as_of FROM roughly_aggregate('$q') ORDER BY 1, 2;
\! $mend
\echo [mended]
SELECT user_id IS NOT NULL FROM roughly_authenticate('${token[1]}');
SELECT status FROM roughly_log_in('person1@example.org', '$password');
BEGIN; SELECT FROM roughly_authenticate('${token[8]}'); SELECT roughly_cast_vote('$fresh', 'coffee'); COMMIT;
BEGIN; SELECT FROM roughly_authenticate('${token[8]}'); SELECT choice FROM roughly_my_answers(ARRAY['$fresh'::uuid]); COMMIT;
SELECT roughly_recount('$q');
SQL
  )
  local part
  for part in authenticate log_in import recount question; do
    like "$(part_of "$answer" $part)" "^ERROR:  $regex" "$what: $part"
  done
  unlike "$answer" "${master:0:16}|${master:48:16}" "$what: nothing of a key is shown"
  is "$(part_of "$answer" numbers)" "$numbers" "$what: published numbers are read"
  is "$(part_of "$answer" mended)" $'t\nok\n\ncoffee\nt' "$what: put back, all goes on in the same connection"
}
part_of() { awk -v start="[$2]" '$0 == start { on = 1; next } /^\[[a-z_]+\]$/ { on = 0 } on' <<< "$1"; }

path=$(printf %s "$key_file" | sed 's/[.]/\\./g')
broken missing "58P01: the key file \"$path\" does not exist.*HINT" 'mv "$key_file" "$work/away"' 'mv "$work/away" "$key_file"'
broken unreadable "F0000: the key file \"$path\" cannot be opened: Permission denied" 'chmod 000 "$key_file"' 'chmod 600 "$key_file"'
broken 'readable by all' "F0000: the key file \"$path\" can be read by others.*HINT" 'chmod 644 "$key_file"' 'chmod 600 "$key_file"'
broken 'readable by the group' "F0000: the key file \"$path\" can be read by others" 'chmod 640 "$key_file"' 'chmod 600 "$key_file"'
broken 'a directory' "F0000: the key file \"$path\" is not a regular file" 'rm "$key_file"; mkdir "$key_file"'
broken 'cut in a line' 'F0000: the key file is malformed at line [0-9]+: .*cut short.*HINT' 'sh "$work/put" "$work/cut.key"'
broken 'cut between lines' 'F0000: the key file is incomplete' 'sh "$work/put" "$work/no_checksum.key"'
broken empty 'F0000: the key file is incomplete' 'sh "$work/put" "$work/empty.key"'
broken 'edited by hand' 'F0000: the key file is malformed at line 5: the checksum does not fit' 'sh "$work/put" "$work/edited.key"'
broken 'not hexadecimal' 'F0000: the key file is malformed at line 4: 64 hexadecimal digits' 'sh "$work/put" "$work/nonsense.key"'
broken 'longer than it was' 'F0000: the key file is malformed at line 6: nothing may follow the checksum' 'sh "$work/put" "$work/longer.key"'
broken huge "F0000: the key file \"$path\" is too large" 'sh "$work/put" "$work/huge.key"'
broken foreign "55000: the key file \"$path\" belongs to another installation: its key 1 has fingerprint [0-9a-f]{32}, this database needs $fingerprint.*HINT" \
  'sh "$work/put" "$work/foreign.key"'
ok "no key file was made up on the way" cmp "$key_file" "$good"
put "$work/same.key"
is "$(sql -c "SELECT user_id IS NOT NULL FROM roughly_authenticate('${token[1]}')")" t "control: a key file written by this test is accepted"
put "$good"
if [ "$(id -u)" = 0 ]; then
  chown root:"$(id -gn "$server_user")" "$key_file"; chmod 640 "$key_file"
  is "$(sql -c "SELECT user_id IS NOT NULL FROM roughly_authenticate('${token[1]}')")" t "root's file, readable by the server's group, is accepted"
  chmod 644 "$key_file"
  like "$(error -c "SELECT * FROM roughly_authenticate('${token[1]}')")" '^ERROR:  F0000' "root's file, readable by all, is not"
  chown nobody "$key_file"; chmod 600 "$key_file"
  like "$(error -c "SELECT * FROM roughly_authenticate('${token[1]}')")" '^ERROR:  F0000' "nor a stranger's"
  put "$good"
else
  skip 3 "needs root"
fi

# --- in the middle of a session and of a transaction
as_server mkdir "$work/elsewhere"
set_file() { sql -c "LOAD 'roughly_auth'" -c "ALTER SYSTEM SET roughly_auth.key_file = '$1'" -c 'SELECT pg_reload_conf()' >/dev/null; }
# reloaded SESSION PATH: waits until the session has seen the setting.
reloaded() { local i; for ((i = 0; i < 300; i++)); do [ "$(ask "$1" 'SHOW roughly_auth.key_file;')" = "$2" ] && return; sleep 0.02; done; return 1; }
fresh=$(ask_question)
open_session S
ask S "BEGIN; SELECT user_id IS NOT NULL FROM roughly_authenticate('${token[1]}'); COMMIT;" > "$work/out"
is "$(< "$work/out")" t "a session that has read the key file"
rm "$key_file"
is "$(ask S "SELECT user_id IS NOT NULL FROM roughly_authenticate('${token[1]}');")" t "goes on without it"
put "$good"
: "$(ask S "BEGIN; SELECT FROM roughly_authenticate('${token[7]}');")"
set_file "$work/elsewhere/none.key"
ok "the setting has reached it" reloaded S "$work/elsewhere/none.key"
like "$(ask S "SAVEPOINT s; SELECT roughly_cast_vote('$fresh', 'tea');")" '^ERROR:  58P01: the key file ".*/elsewhere/none.key" does not exist' "casting refuses without a key"
like "$(ask S "ROLLBACK TO s; SELECT * FROM roughly_my_answers();")" '^ERROR:  58P01' "own answers refuse without a key"
: "$(ask S 'ROLLBACK;')"
like "$(ask S "SELECT roughly_recount('$q');")" '^ERROR:  58P01' "recounting refuses without a key"
like "$(ask S "SELECT roughly_log_out('${token[7]}');")" '^ERROR:  58P01' "logging out refuses without a key"
is "$(sql -c "SELECT count(*) FROM roughly.ballots WHERE question_id = '$fresh'")" 0 "nothing was cast"
is "$(published "$q")" "$numbers" "numbers are read"
as_server cp -p "$key_file" "$work/elsewhere/none.key"
is "$(ask S "BEGIN; SELECT user_id IS NOT NULL FROM roughly_authenticate('${token[7]}'); SELECT roughly_cast_vote('$fresh', 'tea'); COMMIT;")" $'t' \
  "and it all goes on where the setting points"

# --- inside the data directory
as_server cp -p "$key_file" "$data/inside.key"
for inside in "$data/inside.key" inside.key "$data/../data/inside.key" "$data/base/../inside.key"; do
  set_file "$inside"
  ok "the setting has reached it" reloaded S "$inside"
  like "$(ask S "SELECT * FROM roughly_authenticate('${token[1]}');")" '^ERROR:  F0000: the key file ".*" lies inside the data directory.*base backup' "refused: ${inside/"$work"/}"
done
like "$(error -c 'CREATE DATABASE third' -c '\c third' -c 'CREATE EXTENSION roughly_auth')" '^ERROR:  F0000: the key file ".*" lies inside the data directory' "CREATE EXTENSION refuses too"
sql -c "LOAD 'roughly_auth'" -c 'ALTER SYSTEM SET roughly_auth.allow_key_in_data_directory = on' -c 'SELECT pg_reload_conf()' > /dev/null
until_true "SELECT current_setting('roughly_auth.allow_key_in_data_directory')::boolean FROM roughly_questions() LIMIT 1"
like "$(ask S "SHOW roughly_auth.allow_key_in_data_directory; SELECT user_id IS NOT NULL FROM roughly_authenticate('${token[1]}');")" $'^on\nt$' "accepted when forced"
like "$(error -U app -c 'SELECT FROM roughly_questions()' -c "SET roughly_auth.key_file = '/tmp/x'")" '^ERROR:  55P02' "no session chooses its key file"
like "$(sql -U app -c "SET roughly_auth.key_file = '$work/foreign.key'" -c "SELECT user_id IS NOT NULL FROM roughly_authenticate('${token[1]}')" 2>&1)" \
  $'WARNING:.*\nt$' "not even before the module is loaded"
sql -c "LOAD 'roughly_auth'" -c 'ALTER SYSTEM RESET ALL' -c 'SELECT pg_reload_conf()' >/dev/null
ok "back to the default" reloaded S ''
is "$(ask S "SELECT user_id IS NOT NULL FROM roughly_authenticate('${token[1]}');")" t "which works in the same connection"

mv "$data/inside.key" "$data/linked.key"
as_server ln -s "$data/linked.key" "$work/elsewhere/link.key"
set_file "$work/elsewhere/link.key"
ok "the setting has reached it" reloaded S "$work/elsewhere/link.key"
like "$(ask S "SELECT * FROM roughly_authenticate('${token[1]}');")" '^ERROR:  F0000: the key file ".*" lies inside the data directory' "a link into the data directory is refused"
sql -c "LOAD 'roughly_auth'" -c 'ALTER SYSTEM RESET ALL' -c 'SELECT pg_reload_conf()' > /dev/null
ok "back to the default again" reloaded S ''

# --- nobody makes another key where one is known
rm "$key_file"
isnt "$(error -c 'SELECT roughly.ensure_key_file()')" '' "a database that knows a key gets no new file"
ok "and there is none" test ! -e "$key_file"
rm -f "$key_file"; as_server mkfifo -m 600 "$key_file"
PGAPPNAME=fifo PGOPTIONS='-c statement_timeout=500ms' sql -c "SELECT * FROM roughly_authenticate('${token[1]}')" > "$work/fifo.answer" 2>&1 &
sleep 3
is "$(sql -c "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'fifo'")" 0 "a pipe instead of a file does not block the backend"
exec {writer}<> "$key_file"; exec {writer}>&-; wait $! || true
put "$good"

# --- a newer key: a file that lacks it is older than the database
keyring "$work/both.key" 1 "$master" 2 "$(printf '%064d' 42)"
keyring "$work/second.key" 2 "$(printf '%064d' 42)"
sql -c 'UPDATE roughly.keys SET active = false' -c "INSERT INTO roughly.keys (key_id, fingerprint, active) VALUES (2, repeat('0', 32), true)"
put "$work/both.key"
text=$(error -c "SELECT * FROM roughly_authenticate('${token[1]}')")
like "$text" '^ERROR:  55000: .* its key 2 has fingerprint [0-9a-f]{32}, this database needs 0{32}' "the wrong second key"
newer=$(sed -n 's/.*its key 2 has fingerprint \([0-9a-f]*\).*/\1/p' <<< "$text")
sql -c "UPDATE roughly.keys SET fingerprint = '$newer' WHERE key_id = 2"
is "$(sql -c "SELECT user_id IS NOT NULL FROM roughly_authenticate('${token[1]}')")" t "with both keys old sessions go on"
sql -c "SELECT roughly_log_out('${token[2]}')"
token[2]=$(sql -c "SELECT session_token FROM roughly_log_in('person2@example.org', '$password')")
# Persons 3 to 8 have an older session as well.
mapfile -t newer_token < <(sql -c "SELECT session_token FROM generate_series(3, 8) n, roughly_log_in('person' || n || '@example.org', '$password')")
is "$(sql -c 'SELECT key_id, count(*) > 0 FROM roughly.user_tokens GROUP BY key_id ORDER BY key_id')" $'1|t\n2|t' "new ones are sealed with the newer key"
broken 'older than the database' "55000: the key file \"$path\" is older than the database: it holds key 1, the database needs key 2 with fingerprint $newer.*HINT" \
  'sh "$work/put" "$good"' 'sh "$work/put" "$work/both.key"'
put "$work/second.key"
like "$(error -c "SELECT roughly_recount('$q')")" '^ERROR:  55000: a sealed value needs key 1, but the key file holds only 2' "a file without the old key cannot open old values"
is "$(sql -c "SELECT user_id IS NULL FROM roughly_authenticate('${token[1]}')")" t "nor knows old sessions"
is "$(sql -c "SELECT user_id IS NOT NULL FROM roughly_authenticate('${token[2]}')")" t "but what the newer key sealed"
is "$(for one in "${newer_token[@]}"; do sql -c "SELECT user_id IS NOT NULL FROM roughly_authenticate('$one')" 2>/dev/null || true; done | grep -c t)" 6 \
  "also for people who have older sessions"
put "$work/both.key"
is "$(sql -c "SELECT user_id IS NOT NULL FROM roughly_authenticate('${token[1]}')"),$(published "$q")" "t,$numbers" "with both everything works again"

done_testing
