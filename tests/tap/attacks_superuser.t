#!/usr/bin/env bash
# Attacks by a superuser with SQL alone: what pages, row headers, statistics and the log still tell, and what he can hang on our tables.
set -u
source "$(dirname "$0")/lib.sh"

start_poll one 'autovacuum = off' 'track_commit_timestamp = on' 'max_wal_size = 1GB'
sql -c 'CREATE EXTENSION pageinspect' -c 'CREATE EXTENSION pg_walinspect'
make_people 16
as() { # as PERSON SQL: what it prints, run by the application while that person acts
  printf '%s\n' 'BEGIN;' "SELECT FROM roughly_authenticate('${token[$1]}') \\g /dev/null" "$2" 'COMMIT;' | psql -XqAt -v VERBOSITY=verbose -U app 2>&1 | sed '/^LOCATION: /d'
}
choice=ZebraCrossingPurple
q=$(sql -U admin -c "SELECT roughly_create_question('Which?', ARRAY['$choice', 'tea'], '{country,region,gender}', k => 5, min_batch => 5, growth => 0.1, max_wait => NULL)")
as 1 "SELECT roughly_set_profile('{\"country\": \"NL\", \"region\": \"NL-UT\", \"gender\": \"non_binary\"}');" > /dev/null
vote "$q" 4 4 tea
lsn=$(sql -c 'SELECT pg_current_wal_insert_lsn()')
vote "$q" 1 1 $choice
middle=$(sql -c 'SELECT pg_current_wal_insert_lsn()')
vote "$q" 2 2 tea
end=$(sql -c 'SELECT pg_current_wal_insert_lsn()')
vote "$q" 5 12 tea

# --- lengths
is "$(sql -c "SELECT count(DISTINCT octet_length(receipt)) FROM roughly.votes" -c "SELECT count(DISTINCT octet_length(sealed)) FROM roughly.ballots")" $'1\n1' "all receipts of a question have one length and all ballots, whatever choice and profile"
records() { sql -c "SELECT string_agg(resource_manager || ' ' || record_type || ' ' || record_length - fpi_length, ', ' ORDER BY start_lsn) FROM pg_get_wal_records_info('$1', '$2') WHERE resource_manager IN ('Heap', 'Btree', 'Transaction')"; }
like "$(records "$lsn" "$middle")" '^Heap INSERT [0-9]+, Btree INSERT_LEAF [0-9]+, Heap INSERT [0-9]+, Btree INSERT_LEAF [0-9]+, Transaction COMMIT [0-9]+$' "control: the write-ahead log has the records of a vote"
is "$(records "$lsn" "$middle")" "$(records "$middle" "$end")" "those of two votes are of the same kinds and lengths, whatever choice and profile"

# --- transaction numbers, commit times, places
sql -c 'CREATE TABLE seen_votes AS SELECT voter_tag, xmin AS xact, ctid AS place FROM roughly.votes' -c 'CREATE TABLE seen_ballots AS SELECT id, sealed, xmin AS xact, ctid AS place FROM roughly.ballots'
beside() { sql -c "SELECT string_agg(format('SELECT %L WHERE EXISTS (SELECT FROM roughly.%I r JOIN seen_votes v ON v.xact = r.xmin OR v.xact = r.xmax)', relname, relname), ' UNION ALL ' ORDER BY relname) FROM pg_class
  WHERE relnamespace = 'roughly'::regnamespace AND relkind = 'r'" | sql | paste -sd' '; }
is "$(beside)" 'ballots votes' "no row of any table but votes and ballots was written or locked in the transaction of a vote"
is "$(sql -c "SELECT count(*) FROM seen_votes v JOIN seen_ballots b ON b.xact = v.xact")" 11 "one vote's tag and ballot have the same transaction number until they are counted (documented)"
is "$(sql -c "SELECT count(*) FROM (SELECT row_number() OVER (ORDER BY place) n, xact FROM seen_votes) v JOIN (SELECT row_number() OVER (ORDER BY place) n, xact FROM seen_ballots) b USING (n, xact)")" 11 "they lie in the order of insertion, both (documented)"
is "$(sql -c "SELECT count(DISTINCT pg_xact_commit_timestamp(xmin)) FROM roughly.votes")" 11 "with track_commit_timestamp on, each vote has its time (documented)"
sql -c 'CREATE TABLE note (user_id uuid REFERENCES roughly.users, body text)' -c 'GRANT INSERT ON note TO app'
as 13 "SELECT roughly_cast_vote('$q', 'tea') \\g /dev/null
INSERT INTO note VALUES (roughly_current_user(), 'written after the vote');" > /dev/null
is "$(sql -c "SELECT count(*) FROM roughly.users u JOIN roughly.votes v ON v.xmin = u.xmax")" 1 "control: a row of the application that refers to the person, written after the vote, gives the tag a name (documented)"

# --- what is left of ballots that were counted
votes_then=$(sql -c 'SELECT md5(string_agg(voter_tag::text || xmin::text || ctid::text, $$,$$ ORDER BY voter_tag)) FROM roughly.votes')
sql -c 'DROP TABLE note' -c 'DELETE FROM seen_ballots' -c 'INSERT INTO seen_ballots SELECT id, sealed, xmin, ctid FROM roughly.ballots'
publish "$q"
is "$(sql -c "SELECT count(*) FROM roughly.ballots") $(sql -c "SELECT count(*), sum(votes) FROM roughly_aggregate('$q')")" '0 2|12' "control: 12 votes were counted"
is "$(sql -c "SELECT count(*) FROM roughly.batches")|$(sql -c "SELECT count(*) FROM roughly.batches b JOIN roughly.votes v ON v.xmin = b.xmin OR pg_xact_commit_timestamp(v.xmin) = pg_xact_commit_timestamp(b.xmin)")" '1|0' \
  "the ballots of a batch are one row of the publisher's transaction: no place, number or time is a vote's"
is "$(sql -c "SELECT count(*) FROM roughly.batches, seen_ballots s WHERE position(s.sealed in batches.sealed) + position(substr(s.sealed, 4, 24) in batches.sealed) + position(uuid_send(s.id) in batches.sealed) > 0")" 0 "no ballot is in it as it was: it was sealed anew"
is "$(sql -c 'SELECT md5(string_agg(voter_tag::text || xmin::text || ctid::text, $$,$$ ORDER BY voter_tag)) FROM roughly.votes')" "$votes_then" "counting does not touch votes"
dead="SELECT count(*) FROM heap_page_items(get_raw_page('roughly.ballots', 0)) h JOIN seen_ballots s ON s.xact = h.t_xmin AND position(s.sealed in h.t_data) > 0"
raw="SELECT count(*) FROM seen_ballots WHERE position(sealed in get_raw_page('roughly.ballots', 0)) > 0"
linked="SELECT count(*) FROM seen_ballots s JOIN roughly.votes v ON v.xmin = s.xact, get_raw_page('roughly.ballots', 0) p
  WHERE int4send(v.xmin::text::int) = (SELECT string_agg(substr(p, position(s.sealed in p) - 57 + i, 1), '') FROM generate_series(3, 0, -1) i)"
is "$(sql -c "$dead")|$(sql -c "$linked")" '12|12' "pageinspect shows the deleted ballots, sealed, with the transaction numbers of the tags (documented: until vacuum)"
is "$(sql -c "SELECT count(*) > 1 FROM heap_page_items(get_raw_page('roughly.questions', 0)) WHERE position(convert_to('$choice', 'UTF8') in t_data) > 0")" t "control: it shows the question's choice in the dead versions of its row too"
is "$(for t in votes ballots batches tallies; do sql -c "SELECT count(*) FROM generate_series(0, pg_relation_size('roughly.$t') / 8192 - 1) n WHERE position(convert_to('$choice', 'UTF8') in get_raw_page('roughly.$t', n::int)) > 0"; done | paste -sd' ')" '0 0 0 0' "and no choice in a page of votes, ballots, batches or tallies, dead rows and all"
vote "$q" 14 14 tea
sql -c 'VACUUM roughly.ballots'
is "$(sql -c "$dead")" 0 "after VACUUM no row version is left"
isnt "$(sql -c "$raw")|$(sql -c "$linked")" '0|0' "but most of the bytes are, with those numbers, in the free space of the page (documented)"
isnt "$(sql -c "SELECT count(*) FROM generate_series(1, pg_relation_size('roughly.ballots_pkey') / 8192 - 1) n, seen_ballots s WHERE position(uuid_send(s.id) in get_raw_page('roughly.ballots_pkey', n::int)) > 0")" 0 "and ids of ballots in the index"
sql -c 'VACUUM FULL roughly.ballots'
is "$(sql -c "$raw")|$(sql -c "SELECT count(*) FROM generate_series(1, pg_relation_size('roughly.ballots_pkey') / 8192 - 1) n, seen_ballots s WHERE position(uuid_send(s.id) in get_raw_page('roughly.ballots_pkey', n::int)) > 0")" '0|0' "VACUUM FULL leaves neither (documented)"

# --- statistics
sql -c ANALYZE
secret="SELECT string_agg(DISTINCT starelid::regclass || '.' || attname, ' ') FROM pg_statistic JOIN pg_attribute ON attrelid = starelid AND attnum = staattnum, unnest(ARRAY[stavalues1::text, stavalues2::text, stavalues3::text]) s, (@) n (needle)
  WHERE starelid IN (SELECT oid FROM pg_class WHERE relnamespace = 'NAMESPACE'::regnamespace) AND strpos(s, needle) > 0"
sampled() { local query=${secret/NAMESPACE/"$1"}; sql -c "${query/@/"$2"}"; } # sampled SCHEMA NEEDLES: where they are
is "$(sampled public 'SELECT id::text FROM seen_ballots UNION ALL SELECT encode(sealed, $$hex$$) FROM seen_ballots UNION ALL SELECT voter_tag::text FROM roughly.votes')" 'seen_ballots.id seen_ballots.sealed seen_votes.voter_tag' "control: pg_statistic has samples of copied tags and ballots"
is "$(sampled roughly 'SELECT voter_tag::text FROM roughly.votes UNION ALL SELECT encode(receipt, $$hex$$) FROM roughly.votes UNION ALL SELECT id::text FROM roughly.ballots UNION ALL SELECT encode(sealed, $$hex$$) FROM roughly.ballots')" '' "but of our tables it has no tag, receipt or ballot"
is "$(sampled roughly 'SELECT encode(sealed, $$hex$$) FROM roughly.batches UNION ALL SELECT encode(sealed, $$hex$$) FROM roughly.tallies UNION ALL SELECT encode(vote_secret, $$hex$$) FROM roughly.users UNION ALL SELECT encode(hashed_password, $$hex$$) FROM roughly.users UNION ALL SELECT email FROM roughly.users')" '' "no batch, tally, password or vote's secret, sealed as they are, and no address"

# --- triggers, rules and event triggers
sql <<'SQL'
CREATE TABLE heard (n serial, of text, role name, person uuid, row_text text, statement text, answers text);
GRANT ALL ON heard, heard_n_seq TO PUBLIC;
CREATE FUNCTION listen() RETURNS trigger LANGUAGE plpgsql SET search_path = public AS $$
BEGIN
  INSERT INTO heard (of, role, person, row_text, statement, answers)
    VALUES (TG_TABLE_NAME, current_user, roughly_current_user(), NEW::text, current_query(), CASE WHEN roughly_current_user() IS NOT NULL THEN (SELECT string_agg(choice, ' ') FROM roughly_my_answers(ARRAY[(to_jsonb(NEW) ->> 'question_id')::uuid])) END);
  RETURN NEW;
END $$;
CREATE FUNCTION on_ddl() RETURNS event_trigger LANGUAGE plpgsql AS $$ BEGIN INSERT INTO public.heard (of) VALUES (TG_TAG); END $$;
SQL
rows() { sql -c "SELECT $1 FROM heard ORDER BY n" -c 'TRUNCATE heard'; }
sql -c 'CREATE EVENT TRIGGER ours ON ddl_command_end EXECUTE FUNCTION on_ddl()' -c 'CREATE TABLE anything ()'
is "$(rows of)" 'CREATE TABLE' "control: an event trigger hears of tables made"
q2=$(ask_question); vote "$q2" 1 6 tea; publish "$q2"
sql -U app -c "SELECT FROM roughly_log_in('person1@example.org', '$password')" > /dev/null
is "$(sql -c "SELECT sum(votes) FROM roughly_aggregate('$q2')")|$(rows of)" '6|' "but of nothing in a question, log-in, vote or publication: we run no DDL"
sql -c 'DROP EVENT TRIGGER ours' -c 'CREATE TRIGGER ear AFTER INSERT ON roughly.ballots FOR EACH ROW EXECUTE FUNCTION listen()'
id3=$(sql -c "SELECT id FROM roughly.users WHERE email = 'person3@example.org'")
as 3 "SELECT roughly_cast_vote('$q', '$choice');" > /dev/null
is "$(sql -c "SELECT of, role, row_text ~ '$choice' FROM heard")" 'ballots|roughly_owner|f' "a superuser's trigger on ballots runs as roughly_owner and gets a sealed row"
is "$(sql -c "SELECT person, answers, statement ~ '$choice' FROM heard")" "$id3|$choice|t" "but inside somebody's transaction it can ask who acts, what they answered, and for the statement (documented)"
is "$(sql -U admin -c "SELECT severity, item FROM roughly_security_check() WHERE item ~ 'trigger'")" 'critical|trigger on roughly.ballots' "roughly_security_check names it"
sql -c 'DROP TRIGGER ear ON roughly.ballots' -c 'TRUNCATE heard'
for t in batches tallies user_tokens; do sql -c "CREATE TRIGGER ear BEFORE INSERT OR UPDATE ON roughly.$t FOR EACH ROW EXECUTE FUNCTION listen()"; done
q3=$(sql -U admin -c "SELECT roughly_create_question('Again?', ARRAY['$choice', 'tea'], k => 5, min_batch => 5)")
vote "$q3" 1 6 $choice; publish "$q3"
session=$(sql -U app -c "SELECT session_token FROM roughly_log_in('person2@example.org', '$password')")
is "$(rows "of, role, person, row_text ~ '$choice' OR strpos(row_text, '$session') > 0")" $'batches|roughly_owner||f\ntallies|roughly_owner||f\nuser_tokens|roughly_owner||f' "triggers on batches, tallies and sessions get sealed rows and a digest, and nobody acts there"
for t in batches tallies user_tokens; do sql -c "DROP TRIGGER ear ON roughly.$t"; done
sql -c "CREATE RULE ear AS ON INSERT TO roughly.votes DO ALSO INSERT INTO heard (of, role, row_text) VALUES ('votes', current_user, NEW::text)"
vote "$q3" 7 7 $choice
is "$(rows "of, role, row_text ~ '$choice'")" 'votes|roughly_owner|f' "a superuser's rule on votes gets a sealed row"
is "$(sql -U admin -c "SELECT severity, item FROM roughly_security_check() WHERE item ~ 'rule'")" 'critical|rule on roughly.votes' "roughly_security_check names it"
sql -c 'DROP RULE ear ON roughly.votes'

# --- functions of his own in the place of ours
critical() { sql -c "SELECT string_agg(item, ', ' ORDER BY item) FROM roughly_security_check() WHERE severity = 'critical' AND item !~ '^setting'"; }
is "$(critical)" '' "control: without them roughly_security_check finds nothing"
sql <<'SQL'
CREATE OR REPLACE FUNCTION roughly_cast_vote(question uuid, choice text) RETURNS void LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
  AS $$ BEGIN INSERT INTO public.heard (person, row_text) VALUES (public.roughly_current_user(), choice); END $$;
SQL
as 8 "SELECT roughly_cast_vote('$q3', '$choice');" > /dev/null
is "$(rows "row_text, person = (SELECT id FROM roughly.users WHERE email = 'person8@example.org')")" "$choice|t" "a function of a superuser's in the place of roughly_cast_vote hears votes (documented)"
like "$(critical)" roughly_cast_vote "roughly_security_check names a replaced function"
sql -c "CREATE OR REPLACE FUNCTION roughly_cast_vote(question uuid, choice text) RETURNS void AS 'roughly_auth' LANGUAGE C VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp"
sql -c "CREATE FUNCTION spy(uuid) RETURNS boolean LANGUAGE plpgsql SET search_path = public AS 'BEGIN INSERT INTO heard (of, person) VALUES (\$1::text, roughly_current_user()); RETURN true; END'" \
  -c 'ALTER TABLE roughly.votes ADD CONSTRAINT spy CHECK (public.spy(voter_tag)) NOT VALID'
vote "$q3" 9 9 tea
is "$(rows "EXISTS (SELECT FROM roughly.votes WHERE voter_tag::text = of), person = (SELECT id FROM roughly.users WHERE email = 'person9@example.org')")" 't|t' "a constraint that calls a superuser's function tells whose a tag is (documented)"
like "$(critical)" 'roughly.votes' "roughly_security_check names a constraint that is not ours"
sql -c 'ALTER TABLE roughly.votes DROP CONSTRAINT spy'

# --- a ballot twice, without the key that forbids it
twice=$(ask_question)
vote "$twice" 1 10 tea
sql -c 'ALTER TABLE roughly.ballots DROP CONSTRAINT ballots_pkey' -c "INSERT INTO roughly.ballots SELECT * FROM roughly.ballots WHERE question_id = '$twice' LIMIT 1"
like "$(error -U admin -c "CALL roughly_publish('$twice')")" 'XX001: ballot .* has been counted before' "a ballot that is there twice is refused"
sql -c "DELETE FROM roughly.ballots WHERE question_id = '$twice'" -c 'ALTER TABLE roughly.ballots ADD CONSTRAINT ballots_pkey PRIMARY KEY (question_id, id)'

# --- a question set back
q4=$(ask_question)
vote "$q4" 1 9 tea; vote "$q4" 10 10 coffee
sql -c 'CREATE TABLE saved AS SELECT * FROM roughly.ballots' -c "DELETE FROM saved WHERE question_id <> '$q4'"
publish "$q4"
numbers() { sql -c "SELECT string_agg(choice || ' ' || votes, ', ' ORDER BY choice) FROM roughly_aggregate('$q4')"; }
is "$(numbers)" 'coffee 1, tea 9, water 0' "control: ten ballots are counted"
sql -c "INSERT INTO roughly.ballots SELECT * FROM saved LIMIT 5"
like "$(error -U admin -c "CALL roughly_publish('$q4')")" 'XX001: ballot .* has been counted before' "ballots put back are refused"
sql -c 'DELETE FROM roughly.ballots' -c "UPDATE roughly.questions SET batch = 0, release = 0 WHERE id = '$q4'" -c "DELETE FROM roughly.batches WHERE question_id = '$q4'" \
  -c "DELETE FROM roughly.tallies WHERE question_id = '$q4'" -c "DELETE FROM roughly.releases WHERE question_id = '$q4' AND release_no > 0" \
  -c 'INSERT INTO roughly.ballots SELECT * FROM saved LIMIT 9'
publish "$q4"
like "$(numbers)" 'coffee [01], tea [89],' "but a question set back in time is counted again, without one of them (documented)"

# --- the extension taken apart
dumped() { pg_dump -d poll -s | grep -c 'CREATE TABLE roughly.votes'; }
is "$(dumped)" 0 "control: a dump leaves the definition of votes to the extension"
sql -c 'ALTER EXTENSION roughly_auth DROP TABLE roughly.votes' -c 'ALTER EXTENSION roughly_auth DROP FUNCTION roughly_cast_vote(uuid, text)'
vote "$q3" 10 10 tea
is "$(as 10 "SELECT choice FROM roughly_my_answers(ARRAY['$q3'::uuid]);")" tea "a table and a function taken out of the extension work on"
is "$(dumped)" 1 "but a dump defines the table a second time (documented)"
sql -c 'ALTER TABLE roughly.votes NO FORCE ROW LEVEL SECURITY'
is "$(critical)" '' "and roughly_security_check does not look at it any more (documented)"
sql -c 'ALTER EXTENSION roughly_auth ADD TABLE roughly.votes' -c 'ALTER EXTENSION roughly_auth ADD FUNCTION roughly_cast_vote(uuid, text)'
is "$(critical)" 'table roughly.votes' "control: put back, it does"

done_testing
