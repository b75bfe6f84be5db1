-- Voting: once, entitled, while the question is open; sealed, and linked to nobody.
\set ON_ERROR_ROLLBACK off
\ir common.psql
SELECT no_plan();

SELECT pg_temp.person('ada', '{"birth_year": 1980, "country": "DE", "region": "DE-BY", "gender": "female", "extra": {"shirt": "M"}}') AS ada,
  pg_temp.person('bob') AS bob, pg_temp.person('cem', '{"extra": {"party": "sixteen letters!"}}') AS cem, pg_temp.person('new', '{}', NULL) AS new \gset
SELECT roughly_add_dimension('tap_shirt', 'extra.shirt', '{S,M,L}'), roughly_add_dimension('tap_party', 'extra.party') \g /dev/null
SELECT roughly_create_question('tap: drink', '{tea,coffee}', '{age_band,country,region,gender,tap_shirt,tap_party}') AS drink,
  roughly_create_question('tap: many', (SELECT array_agg(repeat('x', n) || n) FROM generate_series(1, 64) n), '{country}') AS many,
  roughly_create_question('tap: everybody', '{yes,no,YES}', require_confirmed => false) AS everybody,
  roughly_create_question('tap: old', '{yes,no}', min_account_age => '1 day') AS old,
  roughly_create_question('tap: later', '{yes,no}', opens_at => 'tomorrow') AS later,
  roughly_create_question('tap: over', '{yes,no}', closes_at => 'tomorrow') AS over,
  roughly_create_question('tap: closed', '{yes,no}') AS closed,
  roughly_create_question('tap: unasked', '{yes,no}') AS fresh \gset
UPDATE roughly.questions SET closes_at = clock_timestamp() WHERE id = :'over';
SELECT roughly_close_question(:'closed') \g /dev/null
SET SESSION AUTHORIZATION tap_app;

-- One vote. Each statement below is a transaction of its own.
SELECT is((SELECT state FROM pg_temp.outcome(format('SELECT pg_temp.vote(''ada'', %L, ''tea'')', :'drink'))), '00000', 'ada votes');
SELECT is((state, message, hint, detail, "constraint")::text, '(23505,"this account has answered this question already","A vote is final.","",votes_pkey)', 'a second vote is a unique violation of votes_pkey that shows no row')
  FROM pg_temp.outcome(format('SELECT pg_temp.vote(''ada'', %L, ''coffee'')', :'drink'));
SELECT is(state, '23505', 'so is the same again') FROM pg_temp.outcome(format('SELECT pg_temp.vote(''ada'', %L, ''tea'')', :'drink'));
SELECT is(state, '00000', 'another question is another vote') FROM pg_temp.outcome(format('SELECT pg_temp.vote(''ada'', %L, %L)', :'many', repeat('x', 64) || '64'));
SELECT is(state, '00000', 'bob votes too') FROM pg_temp.outcome(format('SELECT pg_temp.vote(''bob'', %L, ''coffee'')', :'drink'));
SELECT is(state, '00000', 'and cem') FROM pg_temp.outcome(format('SELECT pg_temp.vote(''cem'', %L, ''tea'')', :'drink'));
SELECT is(state, '00000', 'and bob the shortest choice of many') FROM pg_temp.outcome(format('SELECT pg_temp.vote(''bob'', %L, ''x1'')', :'many'));

-- Own answers.
BEGIN;
SELECT pg_temp.act('ada') \g /dev/null
SELECT results_eq('SELECT prompt, choice FROM roughly_my_answers() ORDER BY 1', $$VALUES ('tap: drink', 'tea'), ('tap: many', repeat('x', 64) || '64')$$, 'ada sees her own answers');
SELECT is((SELECT voted_on FROM roughly_my_answers(ARRAY[:'drink']::uuid[])), (clock_timestamp() AT TIME ZONE 'UTC')::date, 'with the day, UTC');
SELECT is_empty(format('SELECT * FROM roughly_my_answers(ARRAY[%L, %L]::uuid[])', :'everybody', '00000000-0000-0000-0000-000000000000'), 'and none she has not given');
SELECT pg_temp.act('bob') \g /dev/null
SELECT results_eq('SELECT prompt, choice FROM roughly_my_answers() ORDER BY 1', $$VALUES ('tap: drink', 'coffee'), ('tap: many', 'x1')$$, 'bob sees his');
SELECT pg_temp.act('new') \g /dev/null
SELECT is_empty('SELECT * FROM roughly_my_answers()', 'who has not voted sees none');
COMMIT;

-- Entitled: confirmed, old enough.
SELECT is((state, message, hint)::text, '(42501,"only confirmed accounts may answer this question","Confirm the e-mail address first.")', 'an unconfirmed account may not')
  FROM pg_temp.outcome(format('SELECT pg_temp.vote(''new'', %L, ''tea'')', :'drink'));
SELECT is(state, '00000', 'unless the question takes everybody') FROM pg_temp.outcome(format('SELECT pg_temp.vote(''new'', %L, ''YES'')', :'everybody'));
SELECT is((state, message)::text, '(42501,"this account is too young to answer this question")', 'an account younger than a day may not')
  FROM pg_temp.outcome(format('SELECT pg_temp.vote(''ada'', %L, ''yes'')', :'old'));
RESET SESSION AUTHORIZATION;
UPDATE roughly.users SET inserted_at = now() - interval '23:59:00' WHERE id = :'ada';
UPDATE roughly.users SET inserted_at = now() - interval '1 day' WHERE id = :'bob';
UPDATE roughly.users SET confirmed_at = now() WHERE id = :'new';
SET SESSION AUTHORIZATION tap_app;
SELECT is(state, '42501', 'a minute too young') FROM pg_temp.outcome(format('SELECT pg_temp.vote(''ada'', %L, ''yes'')', :'old'));
SELECT is(state, '00000', 'a day old is old enough') FROM pg_temp.outcome(format('SELECT pg_temp.vote(''bob'', %L, ''yes'')', :'old'));
SELECT is(state, '00000', 'once confirmed, new may') FROM pg_temp.outcome(format('SELECT pg_temp.vote(''new'', %L, ''tea'')', :'drink'));

-- Open, by the clock and not by the transaction's start.
SELECT is((state, message, hint)::text, '(55000,"the question is not open yet","roughly_questions() says when it opens.")', 'not before it opens') FROM pg_temp.outcome(format('SELECT pg_temp.vote(''ada'', %L, ''yes'')', :'later'));
SELECT is((state, message)::text, '(55000,"the question is closed")', 'not after its end') FROM pg_temp.outcome(format('SELECT pg_temp.vote(''ada'', %L, ''yes'')', :'over'));
SELECT is((state, message)::text, '(55000,"the question is closed")', 'not after it was closed') FROM pg_temp.outcome(format('SELECT pg_temp.vote(''ada'', %L, ''yes'')', :'closed'));
RESET SESSION AUTHORIZATION;
SELECT roughly_create_question('tap: soon', '{yes,no}', opens_at => clock_timestamp() + interval '0.5 s') AS soon \gset
SET SESSION AUTHORIZATION tap_app;
BEGIN;
SELECT state AS too_early FROM pg_temp.outcome(format('SELECT pg_temp.vote(''ada'', %L, ''yes'')', :'soon')) \gset
SELECT pg_sleep(0.6) \g /dev/null
SELECT is(state, '00000', 'the question opens while the transaction is under way') FROM pg_temp.outcome(format('SELECT pg_temp.vote(''ada'', %L, ''yes'')', :'soon'));
SELECT is(:'too_early'::text, '55000', '(a moment before it was too early)');
COMMIT;
RESET SESSION AUTHORIZATION;
UPDATE roughly.questions SET closes_at = clock_timestamp() + interval '0.5 s' WHERE id = :'soon';
SET SESSION AUTHORIZATION tap_app;
BEGIN ISOLATION LEVEL REPEATABLE READ;
SELECT is(state, '00000', 'a moment before its end') FROM pg_temp.outcome(format('SELECT pg_temp.vote(''bob'', %L, ''yes'')', :'soon'));
SELECT pg_sleep(0.6) \g /dev/null
SELECT is(state, '55000', 'it closes while the transaction is under way') FROM pg_temp.outcome(format('SELECT pg_temp.vote(''cem'', %L, ''yes'')', :'soon'));
COMMIT;
-- Closed by somebody else after the snapshot was taken.
\set close 'SELECT roughly_close_question(' :'everybody' ')'
\setenv TAP_SQL :close
\set psql 'psql -XAtq -h ' :HOST ' -p ' :PORT ' -U ' :USER ' -d ' :DBNAME
\setenv TAP_PSQL :psql
BEGIN ISOLATION LEVEL REPEATABLE READ;
SELECT state AS before FROM roughly_questions() WHERE question = :'everybody' \gset
\set closed_there `echo "$TAP_SQL" | $TAP_PSQL && echo yes`
SELECT state AS after FROM roughly_questions() WHERE question = :'everybody' \gset
SELECT is((state, message)::text, '(55000,"the question is closed")', 'a vote sees that somebody else has just closed the question') FROM pg_temp.outcome(format('SELECT pg_temp.vote(''ada'', %L, ''yes'')', :'everybody'));
SELECT is((:'before', btrim(:'closed_there', E'\n'), :'after')::text, '(open,yes,open)', '(which its snapshot does not show)');
COMMIT;
SELECT is(state, '22023', 'choices are case sensitive') FROM pg_temp.outcome(format('SELECT pg_temp.vote(''cem'', %L, ''TEA'')', :'many'));
SELECT is((SELECT state FROM pg_temp.outcome(format('SELECT pg_temp.vote(''cem'', %L, ''tea'')', '00000000-0000-0000-0000-000000000000'))), '42704', 'an unknown question');

-- Alone in its transaction.
BEGIN;
CREATE TEMP TABLE something ();
SELECT is((state, message, hint)::text, '(25001,"a vote must not share its transaction with other writes","Rows written together can be linked to each other. Authenticate and vote in a transaction of its own.")', 'not after another write')
  FROM pg_temp.outcome(format('SELECT pg_temp.vote(''cem'', %L, ''x1'')', :'many'));
ROLLBACK;
BEGIN;
SELECT pg_temp.act('cem') \g /dev/null
SAVEPOINT s;
SELECT roughly_set_profile('{"gender": "male"}') \g /dev/null
ROLLBACK TO s;
SELECT is(state, '25001', 'not even one that was rolled back') FROM pg_temp.outcome(format('SELECT roughly_cast_vote(%L, ''x1'')', :'many'));
ROLLBACK;
BEGIN;
SAVEPOINT s;
SELECT pg_temp.vote('cem', :'many', 'x1') \g /dev/null
ROLLBACK TO s;
SELECT pg_temp.act('cem') \g /dev/null
SELECT is_empty('SELECT * FROM roughly_my_answers() WHERE prompt = ''tap: many''', 'a vote rolled back is none');
SELECT is(state, '25001', 'but its transaction stays a voting one') FROM pg_temp.outcome('SELECT roughly_set_profile(''{}'')');
SELECT is(state, '00000', 'and may vote') FROM pg_temp.outcome(format('SELECT roughly_cast_vote(%L, ''xx2'')', :'many'));
COMMIT;
SELECT is(state, '25006', 'not in a read-only transaction') FROM pg_temp.outcome(format('SET LOCAL transaction_read_only = on; SELECT pg_temp.vote(''bob'', %L, ''yes'')', :'fresh'));
RESET SESSION AUTHORIZATION;

-- What is kept. Nothing tells ballots apart, or whose they are.
CREATE TEMP VIEW kept_votes AS SELECT v.*, v.xmin AS xact, prompt FROM roughly.votes v JOIN roughly.questions q ON q.id = question_id WHERE prompt ~ '^tap: ';
CREATE TEMP VIEW kept_ballots AS SELECT b.*, b.xmin AS xact, prompt FROM roughly.ballots b JOIN roughly.questions q ON q.id = question_id WHERE prompt ~ '^tap: ';
SELECT results_eq('SELECT prompt, count(*) FROM kept_votes GROUP BY 1 ORDER BY 1', 'SELECT prompt, count(*) FROM kept_ballots GROUP BY 1 ORDER BY 1', 'as many ballots as votes');
SELECT results_eq('SELECT prompt, count(*) FROM kept_votes GROUP BY 1 ORDER BY 1', $$VALUES ('tap: drink', 4::bigint), ('tap: everybody', 1), ('tap: many', 3), ('tap: old', 1), ('tap: soon', 2)$$, 'those that were accepted');
SELECT is((SELECT count(DISTINCT octet_length(receipt)) FROM kept_votes), 1::bigint, 'all receipts have one length, of any question');
SELECT is_empty('SELECT prompt FROM kept_ballots GROUP BY 1 HAVING count(DISTINCT octet_length(sealed)) > 1', 'all ballots of a question have one length, whatever choice and profile');
SELECT ok(bool_and(voter_tag::text ~ '^.{14}8.{4}[89ab]' ), 'tags are UUIDs of version 8') FROM kept_votes;
SELECT ok(bool_and(id::text ~ '^.{14}4.{4}[89ab]' ), 'ballots have random ones of version 4') FROM kept_ballots;
SELECT is((SELECT count(DISTINCT voter_tag) FROM kept_votes), (SELECT count(*) FROM kept_votes), 'a person has another tag in every question');
SELECT is_empty('SELECT 1 FROM kept_votes v, kept_ballots b WHERE v.voter_tag = b.id', 'which is not the ballot''s');
SELECT is_empty('SELECT 1 FROM kept_votes v, roughly.users u WHERE v.voter_tag = u.id', 'nor the account''s');
SELECT is((SELECT count(DISTINCT receipt) FROM kept_votes), (SELECT count(*) FROM kept_votes), 'equal choices make different receipts');
SELECT is((SELECT count(DISTINCT sealed) FROM kept_ballots), (SELECT count(*) FROM kept_ballots), 'and different ballots');
SELECT is_empty($$SELECT 1 FROM kept_votes WHERE position('tea'::bytea IN receipt) > 0 UNION ALL SELECT 1 FROM kept_ballots WHERE position('tea'::bytea IN sealed) > 0 OR position('sixteen'::bytea IN sealed) > 0$$, 'nothing is legible');
-- No row that names a person was written in the transaction of a vote.
SELECT is_empty('SELECT u.email FROM roughly.users u JOIN kept_votes v ON v.xact = u.xmin', 'no account was written together with a vote');
SELECT is_empty('SELECT p.id FROM roughly.user_profiles p JOIN kept_votes v ON v.xact = p.xmin', 'no profile');
SELECT is_empty('SELECT t.id FROM roughly.user_tokens t JOIN kept_votes v ON v.xact = t.xmin', 'no session');
SELECT is_empty('SELECT u.email FROM roughly.users u JOIN kept_votes v ON v.xact::text::bigint = u.xmax::text::bigint', 'and none was locked');
SELECT isnt_empty('SELECT 1 FROM kept_votes v JOIN kept_ballots b ON b.xact = v.xact', '(the comparison works: a vote and its ballot are written together)');

-- An account that goes leaves its votes, and no way to them: made again, it is somebody else.
DELETE FROM roughly.users WHERE id = :'ada';
DELETE FROM people WHERE name = 'ada';
SELECT is((SELECT count(*) FROM kept_votes WHERE prompt = 'tap: drink'), 4::bigint, 'votes stay when an account goes');
SELECT pg_temp.person('ada') \g /dev/null
SET SESSION AUTHORIZATION tap_app;
BEGIN;
SELECT pg_temp.act('ada') \g /dev/null
SELECT is(state, '00000', 'a new account with the old address has a vote of its own') FROM pg_temp.outcome(format('SELECT roughly_cast_vote(%L, ''coffee'')', :'drink'));
SELECT results_eq('SELECT prompt, choice FROM roughly_my_answers()', $$VALUES ('tap: drink', 'coffee')$$, 'and sees no older answers');
COMMIT;
RESET SESSION AUTHORIZATION;

-- More answers than are looked for at once.
CREATE TEMP TABLE asked AS SELECT roughly_create_question('tap: ' || n, '{a,b,c}') AS id, 'tap: ' || n AS prompt, ('{a,b,c}'::text[])[1 + n % 3] AS choice FROM generate_series(1, 130) n;
GRANT SELECT ON asked TO PUBLIC;
SET SESSION AUTHORIZATION tap_app;
BEGIN;
SELECT pg_temp.act('cem') \g /dev/null
SELECT roughly_cast_vote(id, choice) FROM asked \g /dev/null
SELECT results_eq('SELECT question, prompt, choice FROM roughly_my_answers(ARRAY(SELECT id FROM asked)) ORDER BY 1', 'TABLE asked ORDER BY 1', 'each of 130 answers is that question''s');
SELECT results_eq('SELECT question, prompt, choice FROM roughly_my_answers() WHERE question IN (SELECT id FROM asked) ORDER BY 1', 'TABLE asked ORDER BY 1', 'also among all');
COMMIT;
RESET SESSION AUTHORIZATION;

-- Choices are counted from the first, whatever the bounds and dimensions of their array.
CREATE TEMP TABLE odd AS SELECT roughly_create_question('tap: odd', choices) AS id FROM unnest(ARRAY['[0:2]={a,b,c}', '[5:7]={a,b,c}', '{{a,b},{c,d}}']::text[]) t, LATERAL (SELECT t::text[]) c (choices);
GRANT SELECT ON odd TO PUBLIC;
SET SESSION AUTHORIZATION tap_app;
BEGIN;
SELECT pg_temp.act('cem') \g /dev/null
SELECT roughly_cast_vote(id, 'b') FROM odd \g /dev/null
SELECT is((SELECT array_agg(choice) FROM roughly_my_answers(ARRAY(SELECT id FROM odd))), '{b,b,b}', 'so an answer is what was chosen');
COMMIT;
RESET SESSION AUTHORIZATION;

-- A row changed by hand is an error, whether it is read below SPI or by a statement.
\set no_prompt 'ALTER TABLE roughly.questions ALTER prompt DROP NOT NULL; UPDATE roughly.questions SET prompt = NULL WHERE prompt = ''tap: 7'''
\set by_statement 'CREATE TRIGGER by_statement AFTER INSERT ON roughly.votes EXECUTE FUNCTION suppress_redundant_updates_trigger()'
BEGIN;
SELECT pg_temp.act('cem') \g /dev/null
SELECT is(pg_temp.mutated(:'no_prompt', 'SELECT (state, message)::text FROM pg_temp.outcome(''SELECT roughly_my_answers()'')'), '(XX001,"a stored value is missing")', 'a prompt that is missing is corruption');
SELECT is(pg_temp.mutated(:'by_statement' || ';' || :'no_prompt', 'SELECT state FROM pg_temp.outcome(''SELECT roughly_my_answers()'')'), 'XX001', 'also read by a statement');
SELECT is(pg_temp.mutated('UPDATE roughly.questions SET choices = ''{a}'' WHERE prompt = ''tap: 7''', 'SELECT (state, message)::text FROM pg_temp.outcome(''SELECT roughly_my_answers()'')'), '(XX001,"a receipt names a choice that the question does not have")', 'so is a choice that is missing');
SELECT is(pg_temp.mutated(:'by_statement', 'SELECT count(*)::text FROM roughly_my_answers() WHERE question IN (SELECT id FROM asked)'), '130', 'which finds all of them too');
COMMIT;

SELECT * FROM finish();
\ir clean.psql
