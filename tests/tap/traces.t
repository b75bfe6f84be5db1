#!/usr/bin/env bash
# A vote leaves no readable trace: not in a dump, a logical slot, the write-ahead log, any file, or the server's log.
set -u
source "$(dirname "$0")/lib.sh"

choice=ZebraCrossingPurple pet=MarkerQuokka password=PasswordWombat-91-Meadow
start_poll one 'wal_level = logical' 'wal_recycle = off' 'autovacuum = off' 'log_statement = none' 'log_min_error_statement = error' \
  'log_error_verbosity = verbose'
sql -c "SELECT pg_create_logical_replication_slot('traces', 'test_decoding')" >/dev/null
make_people 16
# Other secrets: a new account's password and mailed token, a second factor.
newer_password=RegisterWombat-77-Thicket
sql -U app -c "SELECT roughly_register_user('new@example.org', '$newer_password')" > /dev/null
mailed_token=$(mailed confirm)
is "$(sql -U app -c "SELECT status FROM roughly_confirm_user('$mailed_token', '$newer_password')")" ok "control: an account by mail"
totp=$(sql -U app -c BEGIN -c "SELECT FROM roughly_authenticate('${token[2]}')" -c 'SELECT secret FROM roughly_enroll_totp()' -c COMMIT)
totp=${totp##*$'\n'}
like "$totp" '^[A-Z2-7]{32}$' "control: a second factor"

# --- the meters. Secrets are searched for as hexadecimal, so that raw bytes can be too.
hex() { printf %s "$1" | od -An -v -tx1 | tr -d ' \n'; }
raw_token() { # the token's own bytes, without its framing: base64url, of which the last 32 bytes are the secret
  printf '%s==' "$1" | tr -- -_ +/ | base64 -di 2>/dev/null | tail -c 32 | od -An -v -tx1 | tr -d ' \n'
}
{ echo "choice $(hex $choice)"; echo "pet $(hex $pet)"
  echo "password $(hex $password)"; echo "hash $(hex "${phc##*\$}")"
  echo "password $(hex $newer_password)"; echo "token $(hex "$mailed_token")"; echo "rawtoken $(raw_token "$mailed_token")"
  echo "factor $(hex "$totp")"; echo "factor $(printf %s "$totp" | base32 -d | od -An -v -tx1 | tr -d ' \n')"
  for n in 1 2 16; do echo "token $(hex "${token[n]}")"; echo "rawtoken $(raw_token "${token[n]}")"; done; } > "$work/needles"
# found FILE...: a line "name of needle, file, how often" for each that occurs.
found() {
  perl -e '
    open my $list, "<", shift or die; my @needles = map { chomp; my ($name, $hex) = split / /; [$name, pack "H*", $hex] } <$list>;
    for my $file (@ARGV) {
      local $/; open my $in, "<:raw", $file or next; my $bytes = <$in> // "";
      for my $needle (@needles) {
        my ($count, $at) = (0, -1);
        $count++ while ($at = index $bytes, $needle->[1], $at + 1) >= 0;
        print "$needle->[0] $file $count\n" if $count;
      }
    }' "$work/needles" "$@"
}
files() { # everything in the data directory but the write-ahead log
  sql -c CHECKPOINT
  find "$data" -path "$data/pg_wal" -prune -o -type f -print0 | sort -z | xargs -0 "$BASH" -c 'found "$@"' files
}
export -f found; export work
segments() { # segments LSN: the write-ahead log from there on
  local first last
  first=$(sql -c "SELECT pg_walfile_name('$1')") last=$(sql -c 'SELECT pg_walfile_name(pg_current_wal_insert_lsn())')
  find "$data/pg_wal" -type f -name '????????????????????????' | sort | awk -F/ -v first="$first" -v last="$last" '$NF >= first && $NF <= last'
}
new_segment() { sql -c CHECKPOINT -c 'SELECT pg_switch_wal()' >/dev/null; sql -c 'SELECT pg_current_wal_insert_lsn()'; }
stream() { sql -c "SELECT data FROM pg_logical_slot_get_changes('traces', NULL, NULL)" > "$work/stream.$1"; }
dump() { pg_dump -d poll -f "$work/dump.$1"; }
path_of() { sql -c "SELECT string_agg(pg_relation_filepath(c.oid), '|') FROM pg_class c WHERE c.oid IN (SELECT unnest(ARRAY[t.oid, t.reltoastrelid] || ARRAY(SELECT indexrelid FROM pg_index WHERE indrelid IN (t.oid, t.reltoastrelid))) FROM pg_class t WHERE t.oid = ANY ('{$1}'::regclass[]))"; }

# --- before anybody votes: the choice stands in the question and its first release, the pet in a profile
q=$(sql -U admin -c "SELECT roughly_add_dimension('pet', 'extra.pet')" -c "SELECT roughly_create_question('Which?', ARRAY['$choice', 'tea'], '{pet}', k => 5, min_batch => 5, growth => 0.1)")
q=${q##*$'\n'}
for n in {1..14}; do # 13 and 14 do not vote: statistics list rare values from two on
  printf "BEGIN; SELECT FROM roughly_authenticate('%s'); SELECT roughly_set_profile('{\"extra\": {\"pet\": \"%s\"}}'); COMMIT;\n" \
    "${token[n]}" "$(case $n in 1) echo $pet ;; 13) echo newt ;; 14) echo hamster ;; [2-6]) echo dog ;; *) echo cat ;; esac)"
done | sql -U app >/dev/null
stream 0; dump 0; files > "$work/files.0"
# The needles can be found at all.
for what in stream dump; do
  like "$(found "$work/$what.0" | sed 's/ .*//' | tr '\n' ' ')" '^choice pet $' "control: the $what tells the question's choice and the profile, no more"
done
public=$(path_of roughly.questions,roughly.releases) profile=$(path_of roughly.user_profiles)
is "$(awk '{print $1}' "$work/files.0" | sort -u | tr '\n' ' ')" 'choice pet ' "control: the files do, no more"
is "$(awk '$1 == "choice"' "$work/files.0" | grep -vcE "($public) [0-9]+$")" 0 "the choice stands in questions and releases only"
is "$(awk '$1 == "pet"' "$work/files.0" | grep -vcE "($profile) [0-9]+$")" 0 "the pet stands in user_profiles only"

# --- votes
lsn=$(new_segment)
vote "$q" 1 1 $choice
vote "$q" 2 12 tea
dump 1; stream 1; files > "$work/files.1"
lines() { grep -aE "$choice|$pet" "$work/$1"; }
is "$(sql -c 'SELECT count(*) FROM roughly.ballots')" 12 "control: votes were cast"
is "$(lines dump.1)" "$(lines dump.0)" "a dump after the votes tells what one before them did"
like "$(< "$work/stream.1")" 'table roughly\.ballots: INSERT' "control: the slot sees the ballots"
is "$(found "$work/stream.1")" '' "and nothing of them"
is "$(diff "$work/files.0" "$work/files.1")" '' "no file has the choice or the pet more often than before"
# shellcheck disable=SC2046
is "$(found $(segments "$lsn"))" '' "the write-ahead log of the votes has neither"

# --- counting
lsn=$(new_segment)
publish "$q"
is "$(published "$q" pet)" $'{"pet": "cat"}|ZebraCrossingPurple|0|6|1\n{"pet": "cat"}|tea|6|6|1' "control: a release, without those that tell one person's"
dump 2; stream 2; files > "$work/files.2"
is "$(lines dump.2 | grep -a $pet)" "$(lines dump.0 | grep -a $pet)" "the pet of one person is published nowhere"
is "$(found "$work/stream.2" | grep -c pet)" 0 "nor in the slot"
is "$(grep -a $choice "$work/stream.2" | grep -vcE '^table roughly\.(questions|releases): ')" 0 "the choice only as a question's"
is "$(diff <(grep ^pet "$work/files.0") <(grep ^pet "$work/files.2"))" '' "nor in a file"
is "$(diff <(grep -vE "($public) [0-9]+$" "$work/files.0") <(grep -vE "($public) [0-9]+$" "$work/files.2"))" '' "and no other file changed"
# shellcheck disable=SC2046
is "$(found $(segments "$lsn") | grep -c '^pet')" 0 "nor in the write-ahead log"
sql -c 'ANALYZE'
files > "$work/files.3"
is "$(diff <(grep ^pet "$work/files.0") <(grep ^pet "$work/files.3"))" '' "statistics do not copy a profile"

# --- errors: the log tells what went wrong, not what was said
closed=$(sql -U admin -c "SELECT roughly_create_question('Over?', ARRAY['$choice', 'tea'])")
sql -U admin -c "SELECT roughly_close_question('$closed')"
open=$(sql -U admin -c "SELECT roughly_create_question('Open?', ARRAY['$choice', 'tea'])")
as_person="BEGIN; SELECT FROM roughly_authenticate('${token[16]}');"
fails() { # fails SQLSTATE ROLE SQL...
  local state=$1 role=$2 statement arguments=(); shift 2
  for statement; do arguments+=(-c "$statement"); done
  like "$(error -U "$role" "${arguments[@]}")" "^ERROR:  $state: " "fails with $state: ${*: -1}"
}
fails RA001 app "SELECT roughly_cast_vote('$open', '$choice')"
fails 23505 app "BEGIN; SELECT FROM roughly_authenticate('${token[1]}');" "SELECT roughly_cast_vote('$q', '$choice')"
fails 55000 app "$as_person" "SELECT roughly_cast_vote('$closed', '$choice')"
fails 42704 app "$as_person" "SELECT roughly_cast_vote(gen_random_uuid(), '$choice')"
fails 22004 app "$as_person" "SELECT roughly_cast_vote(NULL, '$choice')"
fails 25001 app "CREATE TEMP TABLE t (); BEGIN; CREATE TEMP TABLE u (); SELECT FROM roughly_authenticate('${token[16]}');" "SELECT roughly_cast_vote('$open', '$choice')"
fails 25006 app "BEGIN READ ONLY; SELECT FROM roughly_authenticate('${token[16]}');" "SELECT roughly_cast_vote('$open', '$choice')"
fails RA001 app "DO \$\$ BEGIN PERFORM roughly_cast_vote('$open', '$choice'); END \$\$"
fails RA001 app "PREPARE p AS SELECT roughly_cast_vote('$open', \$1)" "EXECUTE p('$choice')"
fails RA002 app "$as_person" "SELECT FROM roughly_authenticate('${token[2]}')"
fails 22023 app "$as_person" "SELECT roughly_set_profile('{\"gender\": \"$pet\"}')"
fails 22023 app "$as_person" "SELECT roughly_set_profile('{\"birth_year\": \"$pet\"}')"
fails 22001 app "$as_person" "SELECT roughly_set_profile(jsonb_build_object('extra', jsonb_build_object('name', repeat('$pet', 800))))"
fails 22001 app "SELECT roughly_hash_password(repeat('$password', 100))"
fails 22023 app "SELECT roughly_verify_password('$password', '\$argon2id\$nonsense')"
fails 25006 app "BEGIN READ ONLY" "SELECT roughly_log_in('person1@example.org', '$password')"
fails 22004 app "SELECT roughly_log_in(NULL, '$password')"
fails 25001 app "BEGIN" "CALL roughly_log_in_committed('person1@example.org', '$password')"
fails RA001 app "SELECT roughly_change_password('$password', '$newer_password')"
fails RA001 app "SELECT roughly_reauthenticate('$password')"
fails RA001 app "SELECT roughly_delete_account('$password')"
fails 22023 admin "SELECT roughly_admin_import_user('no address', '$phc')"
fails 22023 admin "SELECT roughly_admin_import_user('new@example.org', '$phc!')"
fails 23505 admin "SELECT roughly_admin_import_user('person1@example.org', '$phc')"
open_session lock
ask lock 'BEGIN; LOCK TABLE roughly.votes, roughly.user_tokens IN SHARE MODE;'
fails 55P03 app "SET lock_timeout = '20ms'" "$as_person" "SELECT roughly_cast_vote('$open', '$choice')"
fails 55P03 app "SET lock_timeout = '20ms'" "SELECT roughly_log_in('person1@example.org', '$password')"
fails 57014 app "SET statement_timeout = '100ms'" "SELECT roughly_log_in('person1@example.org', '$password')"
close_session lock
is "$(sql -U app -c "SELECT status FROM roughly_log_in('person1@example.org', '$password!')")" invalid_credentials "control: the wrong password"
is "$(found "$log")" '' "the server's log has none of it"
fails 22023 app "$as_person" "SELECT roughly_cast_vote('$open', '${choice,,}')"
is "$(grep -c "${choice,,}" "$log")" 0 "nor a choice that does not exist"
fails 22012 app "SELECT 1/0 AS \"$pet\""
is "$(grep -c "STATEMENT: .*$pet" "$log")" 1 "control: it has the statement of any other error"

# --- the end: a shutdown writes what was in memory
is "$(cat "$work"/dump.? "$work"/stream.? | grep -acF '$argon2id$v=')" 0 "no password hash in a dump or the slot"
stop_cluster one
find "$data" -type f -print0 | xargs -0 "$BASH" -c 'found "$@"' files > "$work/files.4"
is "$(grep -cE '^(password|hash|token|rawtoken|factor)' "$work/files.4")" 0 "no password, hash or token in any file after a shutdown"
is "$(diff <(grep ^pet "$work/files.0") <(grep ^pet "$work/files.4" | grep -v /pg_wal/))" '' "no more profile than before"
is "$(grep -lrF '$argon2id$v=' "$data" | wc -l)" 0 "no password hash of anybody"

# --- the meters would have seen it
start_cluster one; export PGDATABASE=poll
secrets=$(awk '{print $2}' "$work/needles" | sort -u | paste -sd ' ')
lsn=$(new_segment)
# Three times, since the log's page headers may cut one in two.
sql -c 'CREATE TABLE planted (secret bytea)'
sql -c "ALTER TABLE planted ALTER secret SET STORAGE PLAIN" -c "INSERT INTO planted SELECT decode(s, 'hex') FROM unnest(string_to_array('$secrets', ' ')) s, generate_series(1, 3)" \
  -c "CREATE TABLE planted_text AS SELECT '$choice $pet $password'::text AS words"
dump 5; stream 5; files > "$work/files.5"
names() { awk '{print $1}' | sort -u | tr '\n' ' '; }
all='choice factor hash password pet rawtoken token '
is "$(grep -E "$(path_of planted)" "$work/files.5" | names)" "$all" "control: planted rows are found in their file"
# shellcheck disable=SC2046
is "$(found $(segments "$lsn") | names)" "$all" "control: and in the write-ahead log"
is "$(found "$work/dump.5" | grep -cE '^(choice|pet|password)')" 3 "control: in the dump"
is "$(found "$work/stream.5" | grep -cE '^(choice|pet|password)')" 3 "control: in the slot"

done_testing
