#!/usr/bin/env bash
# Votes in other databases, by PL/Proxy: a poll with two nodes beside a twin without, the same answers to everything; what there is
# no distributed transaction for; nodes that fail, publishers that die.
set -u
source "$(dirname "$0")/lib.sh"
need postgresql-PGMAJOR-plproxy >&2

start_poll one
sql -c 'CREATE DATABASE twin' -c 'CREATE DATABASE node0' -c 'CREATE DATABASE node1' -c 'CREATE ROLE proxy LOGIN' -c 'CREATE ROLE stranger LOGIN'
sql -d twin -c 'CREATE EXTENSION roughly_auth'
served='roughly.node_status, roughly.node_add_vote, roughly.node_find_receipts, roughly.node_enough_ballots, roughly.node_following_ballots,
  roughly.node_discard_ballots, roughly.node_replace_ballot, roughly.node_taken_votes'
make_node() { sql -d "$1" -c 'CREATE EXTENSION roughly_auth' -c 'GRANT USAGE ON SCHEMA roughly TO proxy' -c "GRANT EXECUTE ON FUNCTION $served TO proxy"; }
on_nodes() { for node in 0 1; do sql -d "node$node" "$@"; done; }
for node in 0 1; do make_node "node$node"; done

# --- what it refuses
partition() { error -c "SELECT roughly_partition($1)"; }
like "$(partition "'votes'")" '^ERROR:  55000: this database does not have the extension plproxy.HINT:  CREATE EXTENSION plproxy' "without PL/Proxy"
sql -c 'CREATE EXTENSION plproxy'
like "$(partition NULL)" '^ERROR:  22004' "without a name"
like "$(partition "'votes'")" '^ERROR:  42704: there is no cluster "votes".HINT:  CREATE SERVER' "without a cluster"
sql -c 'CREATE FOREIGN DATA WRAPPER other' -c 'CREATE SERVER other FOREIGN DATA WRAPPER other'
like "$(partition "'other'")" '^ERROR:  42704' "with another kind of server"
sql -c "CREATE SERVER votes FOREIGN DATA WRAPPER plproxy OPTIONS (p0 'dbname=node0 host=$PGHOST', p1 'dbname=node1 host=$PGHOST')"
like "$(partition "'votes'")" '^ERROR:  42704: user mapping not found' "without a user mapping for the owner"
sql -c "CREATE USER MAPPING FOR roughly_owner SERVER votes OPTIONS (user 'proxy')"
like "$(error -U admin -c "SELECT roughly_partition('votes')")" '^ERROR:  42501' "for the administration of the poll"
sql -c 'GRANT EXECUTE ON FUNCTION roughly_partition(name) TO roughly_admin'
like "$(error -U admin -c "SELECT roughly_partition('votes')")" '^ERROR:  42501: only a superuser' "even if somebody lets it"
sql -c 'REVOKE EXECUTE ON FUNCTION roughly_partition(name) FROM roughly_admin'
sql -d node1 -c "UPDATE pg_extension SET extversion = '0' WHERE extname = 'roughly_auth'"
like "$(partition "'votes'")" '^ERROR:  55000: a node has another version' "with a node of another version"
sql -d node1 -c "UPDATE pg_extension e SET extversion = v.default_version FROM pg_available_extensions v WHERE v.name = e.extname AND extname = 'roughly_auth'"
sql -d node1 -c "INSERT INTO roughly.keys (key_id, fingerprint, active) VALUES (1, repeat('0', 32), true)"
like "$(partition "'votes'")" '^ERROR:  55000: .*this database has a key of its own' "with a node that has accounts"
sql -d node1 -c 'DELETE FROM roughly.keys'
sql -c "INSERT INTO roughly.votes VALUES (gen_random_uuid(), gen_random_uuid(), '')"
like "$(partition "'votes'")" '^ERROR:  55000: this database keeps votes itself already' "after somebody has voted"
sql -c 'DELETE FROM roughly.votes'
is "$(sql -c "SELECT has_table_privilege('roughly_owner', 'roughly.votes', 'INSERT')" -c "SELECT count(*) FROM pg_proc WHERE proname ~ '^proxy_'")" $'t\n0' "nothing of it was left"
is "$(sql -c "SELECT roughly_partition('votes')")" 2 "two nodes"
is "$(sql -c "SELECT roughly_partition('votes')")" 2 "again: the same"
sql -c "CREATE SERVER elsewhere FOREIGN DATA WRAPPER plproxy OPTIONS (p0 'dbname=node0 host=$PGHOST')"
like "$(partition "'elsewhere'")" '^ERROR:  55000: another cluster keeps the votes' "votes are not moved"
sql -c 'DROP SERVER elsewhere'

# --- people in both polls
declare -A tokens_of
in_poll() { export PGDATABASE=$1; mapfile -t -O 1 token <<< "${tokens_of[$1]}"; }
for poll in poll twin; do
  export PGDATABASE=$poll
  make_people 24
  tokens_of[$poll]=$(printf '%s\n' "${token[@]}")
  sql <<'SQL'
INSERT INTO roughly.user_profiles (user_id, gender, birth_year)
SELECT id, CASE WHEN n % 3 = 0 THEN 'female' ELSE 'male' END, 1950 + 3 * n FROM (SELECT id, substring(email, '\d+')::int n FROM roughly.users) u
SQL
done
# Six questions each; those of the poll on both nodes.
declare -A question
in_poll poll
for ((i = 1; i <= 6; i++)); do
  while question[poll$i]=$(ask_question "'{gender,age_band}'"); do
    [ "$(($(sql -c "SELECT roughly.node_number('${question[poll$i]}') & 1")))" = $((i % 2)) ] && break
    sql -U admin -c "SELECT roughly_close_question('${question[poll$i]}')" > /dev/null
  done
done
in_poll twin
for ((i = 1; i <= 6; i++)); do question[twin$i]=$(ask_question "'{gender,age_band}'"); done

# both COMMAND...: what it prints in the poll; the same must come from the twin. @1 stands for the first question, and so on.
both() {
  local poll i arguments=()
  for poll in twin poll; do
    in_poll "$poll"
    arguments=("$@")
    for i in 1 2 3 4 5 6; do arguments=("${arguments[@]//@$i/${question[$poll$i]}}"); done
    "${arguments[@]}" > "$work/$poll.out" 2>&1 || true
  done
  cat "$work/poll.out"
}
same() { # same DESCRIPTION COMMAND...
  local what=$1; shift
  local got; got=$(both "$@")
  is "$got" "$(< "$work/twin.out")" "$what"
}
everything() { # what can be read of a question
  published "$1"; published "$1" gender; published "$1" age_band; published "$1" gender age_band
  sql -c "SELECT view, release_no, cells, k, guarantee FROM roughly_release('$1') ORDER BY 1"
}
answers() { sql -U app -c "BEGIN; SELECT FROM roughly_authenticate('${token[$1]}'); SELECT choice, voted_on FROM roughly_my_answers() ORDER BY 1, 2; COMMIT;"; }

for i in 1 2 3 4 5 6; do
  both vote "@$i" 1 $((4 + i)) tea
  both vote "@$i" $((5 + i)) 17 coffee
done > "$work/votes.out"
is "$(< "$work/votes.out")" '' "everybody votes"
same "and is told that once is enough" error -U app -c "SELECT user_id IS NOT NULL FROM roughly_authenticate('none')" -c "SELECT roughly_cast_vote('00000000-0000-0000-0000-000000000000', 'tea')"
twice() { ballot "$1" "$2" water | psql -XqAt -v VERBOSITY=verbose -U app 2>&1 | grep -v LOCATION; }
same "a second vote is refused alike" twice @1 3
like "$(< "$work/poll.out")" '23505.*CONSTRAINT NAME:  votes_pkey' "by the name of the constraint"
is "$(sql -d poll -c 'SELECT count(*) FROM roughly.votes' -c 'SELECT count(*) FROM roughly.ballots')" $'0\n0' "no vote and no ballot is here"
is "$(on_nodes -c 'SELECT count(DISTINCT question_id), count(*) FROM roughly.votes' -c 'SELECT count(*) FROM roughly.ballots')" $'3|51\n51\n3|51\n51' "they are on the nodes, by question"
is "$(on_nodes -c 'SELECT (SELECT count(*) FROM roughly.keys), (SELECT count(*) FROM roughly.users), (SELECT count(*) FROM roughly.questions)')" $'0|0|0\n0|0|0' \
  "which have no key, no account and no question"
same "own answers" answers 7
for i in 1 2 3 4; do same "question $i is published" publish "@$i"; same "and reads alike" everything "@$i"; done
like "$(< "$work/poll.out")" 'tea\|8\|17' "(it has numbers)"
is "$(on_nodes -c 'SELECT count(DISTINCT question_id), count(*) FROM roughly.ballots')" $'1|17\n1|17' "the ballots counted are gone from the nodes"
for i in 1 2 3 4 5 6; do both vote "@$i" 18 24 water; done > /dev/null
same "roughly_check finds nothing" sql -U admin -c 'SELECT * FROM roughly_check()'
is "$(< "$work/poll.out")" '' "(nothing)"
rotate() { sql -U admin -c 'CALL roughly_rotate_key()' 2> /dev/null; sql -U admin -c "SELECT status FROM roughly_key_status() ORDER BY key_id"; }
sealed_before=$(on_nodes -c 'SELECT md5(string_agg(sealed::text, $$$$ ORDER BY id)), min(length(sealed)) FROM roughly.ballots')
both rotate > /dev/null
isnt "$(on_nodes -c 'SELECT md5(string_agg(sealed::text, $$$$ ORDER BY id)), min(length(sealed)) FROM roughly.ballots')" "$sealed_before" "a rotation seals waiting ballots anew, on the nodes"
same "after which all opens" sql -U admin -c 'SELECT * FROM roughly_check()'
close() { sql -U admin -c "SELECT roughly_close_question('$1')"; publish "$1"; everything "$1"; sql -U admin -c "SELECT roughly_recount('$1')"; }
for i in 1 2 3 4 5 6; do same "question $i is closed, counted and recounted" close "@$i"; done
same "own answers of who came late" answers 20
is "$(on_nodes -c 'SELECT count(*) FROM roughly.ballots')" $'0\n0' "no ballot is left"
in_poll poll

# --- the missing distributed rollback, shown
q=$(ask_question)
is "$(sql -U app -c "BEGIN; SELECT user_id IS NOT NULL FROM roughly_authenticate('${token[1]}'); SELECT roughly_cast_vote('$q', 'tea'); ROLLBACK;")" t "a vote is rolled back"
is "$(on_nodes -c "SELECT count(*) FROM roughly.votes WHERE question_id = '$q'" | sort)" $'0\n1' "and is kept on its node all the same"
like "$(twice "$q" 1)" '23505' "so it is final"
is "$(sql -U app -c "BEGIN; SELECT FROM roughly_authenticate('${token[1]}'); SELECT choice FROM roughly_my_answers('{$q}'); COMMIT;")" tea "which its owner can see"
open_session A -U app; open_session B -U app
ask A "BEGIN; SELECT user_id IS NOT NULL FROM roughly_authenticate('${token[2]}'); SELECT roughly_cast_vote('$q', 'tea');" > /dev/null
like "$(ask B "$(ballot "$q" 2 coffee)")" '23505' "another session of the same person need not wait: the vote is there before the commit"
ask A COMMIT > /dev/null
close_session A; close_session B

# --- publishers that die: nothing is lost, nothing is counted twice
vote "$q" 3 8 coffee
open_session batches_lock; open_session publisher -U admin
ask batches_lock 'BEGIN; LOCK TABLE roughly.batches IN SHARE MODE;' > /dev/null
tell publisher "CALL roughly_publish('$q');"
waits publisher
sql -c "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'publisher'" > /dev/null
close_session batches_lock; close_session publisher
until_true "SELECT count(*) = 0 FROM pg_stat_activity WHERE application_name IN ('publisher', 'batches_lock')"
is "$(respondents "$q"),$(on_nodes -c 'SELECT count(*) FROM roughly.ballots' | paste -sd+ | bc)" 0,8 "killed while freezing: the ballots wait as before"
freeze "$q"
is "$(respondents "$q"),$(sql -c "SELECT batch, release FROM roughly.questions WHERE id = '$q'"),$(on_nodes -c 'SELECT count(*) FROM roughly.ballots' | paste -sd+ | bc)" '0,1|0,0' \
  "killed while releasing, after the node has discarded them"
vote "$q" 9 15 water
is "$(sql -U admin -c 'SELECT * FROM roughly_check()')" '' "roughly_check knows that state"
publish "$q"
is "$(published "$q"),$(sql -U admin -c "SELECT roughly_recount('$q')")" $'{}|coffee|6|15|2\n{}|tea|2|15|2\n{}|water|7|15|2,t' "the next publisher finishes: each is counted once"

# --- a ballot that a node was set back to is not counted again
sql -c "SELECT roughly.node_number('$q') & 1" > "$work/node"
node=node$(< "$work/node")
few=$(ask_question); while [ "$(sql -c "SELECT roughly.node_number('$few') & 1")" != "$(< "$work/node")" ]; do few=$(ask_question); done
vote "$few" 1 5 tea
pg_dump -d "$node" --data-only -t roughly.ballots > "$work/ballots.sql"
publish "$few"
sql -d "$node" -f "$work/ballots.sql" > /dev/null
vote "$few" 6 12 tea
like "$(error -U admin -c "CALL roughly_publish('$few')")" '^ERROR:  XX001: ballot .* has been counted before' "ballots that came back with a node's backup are noticed"
like "$(sql -U admin -c 'SELECT object, problem FROM roughly_check()')" "question $few.it has more ballots than votes|question $few" "by roughly_check too"
sql -d "$node" -c "DELETE FROM roughly.ballots WHERE question_id = '$few'"

# --- a node that is down
other=$(ask_question); while [ "$(sql -c "SELECT roughly.node_number('$other') & 1")" = "$(< "$work/node")" ]; do other=$(ask_question); done
down() { sql -d postgres -c "ALTER DATABASE $node ALLOW_CONNECTIONS false" -c "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '$node'" > /dev/null; }
down
late=$(ask_question); while [ "$(sql -c "SELECT roughly.node_number('$late') & 1")" != "$(< "$work/node")" ]; do late=$(ask_question); done
answer=$(ballot "$late" 1 tea | psql -XqAt -v VERBOSITY=verbose -U app 2>&1)
like "$answer" 'ERROR:  08006: the database that keeps these votes has failed.HINT:  Try again' "a vote for a node that is down: an error and what to do"
unlike "$answer" 'node[01]|proxy' "which tells nothing about nodes"
ok "the log does" grep -q "a node failed: .*$node" "$log"
vote "$other" 1 6 coffee
ok "questions of the other node go on" publish "$other"
is "$(respondents "$other")" 6 "and are counted"
like "$(psql -XqAt -v VERBOSITY=verbose -U admin -c 'CALL roughly_publish_due()' 2>&1)" "WARNING:  .*question $late could not be published" "the scheduler names those that cannot be"
is "$(respondents "$q")" 15 "reading needs no node"
sql -d postgres -c "ALTER DATABASE $node ALLOW_CONNECTIONS true"
vote "$late" 1 6 tea
publish "$late"
is "$(respondents "$late")" 6 "when it is back, all goes on"

# --- who may do what
like "$(error -U stranger -d node0 -c "SELECT * FROM roughly.node_following_ballots('$q', '$q')")" '^ERROR:  42501' "a node serves whom it was told to"
like "$(error -U proxy -d node0 -c 'SELECT * FROM roughly.ballots')" '^ERROR:  42501' "by functions only"
like "$(error -U app -c "SELECT roughly.proxy_enough_ballots('$q', 1)")" '^ERROR:  42501' "nobody asks a node past us"
like "$(error -c "SELECT roughly.node_taken_votes('$q')")" '^ERROR:  55000: this database has a key of its own' "a database that counts for itself is no node"
is "$(sql -c "SELECT item, current FROM roughly_security_check() WHERE item ~ 'policy|node_|proxy|schema roughly|language'")" '' "roughly_security_check finds nothing in it"
is "$(sql -d node0 -c "SELECT severity, item, current FROM roughly_security_check() WHERE item ~ 'policy|node_|proxy|schema roughly|language'")" \
  'warning|grant on function roughly.node_*|proxy' "and on a node, whom it serves"

# --- what a node is given may be anything
for call in "add_vote(NULL, NULL, NULL, NULL, NULL)" "add_vote('$q', '$q', '', '$q', NULL)" "find_receipts(NULL, '{}')" "find_receipts('{$q,NULL}', '{$q,$q}')" "enough_ballots(NULL, 1)" \
  "enough_ballots('$q', NULL)" "following_ballots('$q', NULL)" "discard_ballots('$q', NULL)" "discard_ballots('$q', '{NULL}')" "replace_ballot('$q', '$q', NULL, '')" "taken_votes(NULL)"; do
  like "$(error -U proxy -d node0 -c "SELECT roughly.node_$call")" '^ERROR:  22004: [a-z_" ]+ must not' "node_$call"
done
like "$(error -U proxy -d node0 -c "SELECT roughly.node_find_receipts('{$q}', '{}')")" '^ERROR:  22023' "not as many tags as questions"
is "$(sql -U proxy -d node0 -c "SELECT roughly.node_enough_ballots('$q', 0), roughly.node_taken_votes('00000000-0000-0000-0000-000000000000')" -c "SELECT roughly.node_discard_ballots('$q', '{}')" \
  -c "SELECT count(*) FROM roughly.node_find_receipts('{}', '{}')")" $'t|0\n\n0' "nothing is nothing"

# --- somebody votes while the votes are given to nodes
export PGDATABASE=race
sql -d postgres -c 'CREATE DATABASE race'
sql -c 'CREATE EXTENSION roughly_auth' -c 'CREATE EXTENSION plproxy' -c "CREATE SERVER votes FOREIGN DATA WRAPPER plproxy OPTIONS (p0 'dbname=node0 host=$PGHOST', p1 'dbname=node1 host=$PGHOST')" \
  -c "CREATE USER MAPPING FOR roughly_owner SERVER votes OPTIONS (user 'proxy')"
token=(); make_people 1
q1=$(ask_question) q2=$(ask_question)
open_session A -U app; open_session B
ask A "BEGIN; SELECT user_id IS NOT NULL FROM roughly_authenticate('${token[1]}'); SELECT roughly_cast_vote('$q1', 'tea');" > /dev/null
tell B "SELECT roughly_partition('votes');"
waits B
ask A 'ROLLBACK;' > /dev/null
is "$(answer B)" 2 "it waits for a vote under way"
ask B "GRANT INSERT ON roughly.votes TO roughly_owner; BEGIN; SELECT roughly_partition('votes');" > /dev/null
tell A "$(ballot "$q2" 1 tea)"
waits A
ask B 'COMMIT;' > /dev/null
answer A > /dev/null
is "$(sql -c 'SELECT count(*) FROM roughly.votes'),$(on_nodes -c "SELECT count(*) FROM roughly.votes WHERE question_id = '$q2'" | sort | paste -sd,)" 0,0,1 "a vote that waited for it goes to a node"
close_session A; close_session B

# --- a dump has all of it; dropping the extension takes it along
in_poll poll
pg_dump -d poll -f "$work/poll.sql"
sql -d postgres -c 'CREATE DATABASE again'
ok "a dump restores" sql -d again -o /dev/null -f "$work/poll.sql"
is "$(sql -d again -c "SELECT roughly_recount('$q')" -U admin)" t "with batches and tallies"
export PGDATABASE=again
is "$(sql -U app -c "BEGIN; SELECT FROM roughly_authenticate('${token[2]}'); SELECT choice FROM roughly_my_answers('{$q}'); COMMIT;")" tea "and it finds its votes on the nodes"
ok "DROP EXTENSION needs no CASCADE" sql -c 'DROP EXTENSION roughly_auth'
is "$(sql -c "SELECT count(*) FROM pg_proc WHERE proname ~ '^proxy_'")" 0 "and leaves no function behind"
done_testing
