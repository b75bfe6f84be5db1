-- roughly_check: nothing to say of a sound database; and of every damage what and where, but not how much is uncounted.
\set ON_ERROR_ROLLBACK off
\ir common.psql
SELECT no_plan();
SET roughly_auth.min_k = 2;
SELECT pg_temp.person('ada') AS ada, pg_temp.person('bob') AS bob, pg_temp.person('cem') AS cem, pg_temp.person('dee') AS dee \gset
SELECT roughly_create_question('tap: check', '{a,b}', '{gender}', k => 2, min_batch => 2, max_wait => NULL) AS q, roughly_create_question('tap: frozen', '{a,b}', k => 2, min_batch => 2, max_wait => NULL) AS other \gset
CREATE PROCEDURE tap.vote(question uuid, choice text, VARIADIC who text[]) LANGUAGE plpgsql AS $$
DECLARE
  one text;
BEGIN
  FOREACH one IN ARRAY who LOOP
    PERFORM pg_temp.vote(one, question, choice);
    COMMIT;
  END LOOP;
END $$;
CALL tap.vote(:'q', 'a', 'ada', 'bob', 'cem');
CALL roughly_publish(:'q');
CALL tap.vote(:'q', 'b', 'dee');
CALL tap.vote(:'other', 'a', 'ada', 'bob');
SELECT roughly_register_user('eve@tap.example.org');
BEGIN;
SELECT FROM roughly_authenticate((SELECT token FROM people WHERE name = 'ada'));
SELECT roughly_enroll_totp();
COMMIT;

SELECT is_empty('SELECT * FROM roughly_check()', 'a sound database');
SELECT id AS ballot FROM roughly.ballots WHERE question_id = :'q' \gset
SELECT id AS order FROM roughly.mail_outbox \gset
SELECT id AS factor FROM roughly.mfa_factors WHERE user_id = :'ada' \gset

-- What is done by hand, and what the check then says.
CREATE FUNCTION pg_temp.flipped(bytes bytea, place integer DEFAULT -1) RETURNS bytea LANGUAGE sql AS
  $$ SELECT set_byte(bytes, n, get_byte(bytes, n) # 1) FROM (SELECT CASE WHEN place < 0 THEN length(bytes) + place ELSE place END) p (n) $$;
CREATE TEMP TABLE damage (change text, object text, problem text);
INSERT INTO damage
SELECT format(change, column_of, table_of, format(place, id)), format(name, id), problem
  FROM (VALUES
    ('email_seal', 'users', 'id = %L', :'ada', 'the address of account %s'),
    ('vote_secret', 'users', 'id = %L', :'ada', 'the vote secret of account %s'),
    ('hashed_password', 'users', 'id = %L', :'ada', 'the password of account %s'),
    ('sealed', 'mfa_factors', 'id = %L', :'factor', 'second factor %s'),
    ('sealed', 'mail_outbox', 'id = %L', :'order', 'mail order %s'),
    ('policy_seal', 'questions', 'id = %L', :'q', 'the policy of question %s'),
    ('sealed', 'tallies', 'question_id = %L', :'q', 'the tally of question %s'),
    ('sealed', 'ballots', 'id = %L', :'ballot', 'ballot %s of question ' || :'q'),
    ('sealed', 'batches', 'question_id = %L', :'q', 'block 0 of batch 1 of question %s')) v (column_of, table_of, place, id, name),
  (VALUES ('UPDATE roughly.%2$s SET %1$I = pg_temp.flipped(%1$I) WHERE %3$s', 'a sealed value does not open. It was changed, moved to another row, or sealed with another key.'),
    ('UPDATE roughly.%2$s SET %1$I = pg_temp.flipped(%1$I, 0) WHERE %3$s', 'this is not a sealed value'),
    ('UPDATE roughly.%2$s SET %1$I = ''\x'' WHERE %3$s', 'this is not a sealed value'),
    ('UPDATE roughly.%2$s SET %1$I = set_byte(%1$I, 2, 9) WHERE %3$s', 'a sealed value needs key 9, but the key file holds only %')) d (change, problem);
SELECT ok(pg_temp.mutated(change, format('SELECT 1 FROM roughly_check() WHERE object = %L AND problem LIKE %L', object, problem)) = '1', format('%s: %s', object, left(change, 60))) FROM damage ORDER BY object, change;

CREATE FUNCTION pg_temp.found(change text) RETURNS text LANGUAGE sql AS
  $$ SELECT pg_temp.mutated(change, 'SELECT string_agg(object || '': '' || problem, ''; '' ORDER BY object, problem) FROM roughly_check()') $$;
SELECT is(pg_temp.found(format('DELETE FROM roughly.ballots WHERE question_id = %L', :'q')), format('question %s: ballots are missing: they were deleted by hand', :'q'), 'a ballot taken away');
SELECT is(pg_temp.found(format('DELETE FROM roughly.votes WHERE question_id = %L AND ctid = (SELECT max(ctid) FROM roughly.votes)', :'other')),
  format('question %s: it has more ballots than votes: some were added by hand', :'other'), 'a vote taken away');
SELECT is(pg_temp.found(format('DELETE FROM roughly.batches WHERE question_id = %L', :'q')), '', 'forgotten batches are no damage');
SELECT is(pg_temp.found(format('DELETE FROM roughly.tallies WHERE question_id = %L', :'q')), format('question %s: the tally of question %1$s is missing', :'q'), 'a tally taken away');
SELECT is(pg_temp.found(format('UPDATE roughly.batches SET block_no = 1 WHERE question_id = %L', :'q')),
  format('block 1 of batch 1 of question %1$s: a sealed value does not open. It was changed, moved to another row, or sealed with another key.; question %1$s: batch 1 of question %1$s lacks a block', :'q'), 'a block in another place');
SELECT is(pg_temp.found(format('UPDATE roughly.questions SET batch = 1 WHERE id = %L', :'other')), format('question %1$s: batch 1 of question %1$s is missing', :'other'), 'a batch that is not there');
SELECT is(pg_temp.found(format('UPDATE roughly.releases SET cells = pg_temp.flipped(cells) WHERE question_id = %L AND release_no = 1 AND view = ''{}''', :'q')),
  format('release 1 of question %s by (): it differs from the tally', :'q'), 'a published number changed');
SELECT is(pg_temp.found(format('UPDATE roughly.releases SET cells = substr(cells, 1, 20) WHERE question_id = %L AND release_no = 1 AND view = ''{}''', :'q')),
  format('release 1 of question %s by (): a packed value ends early', :'q'), 'and cut short');
SELECT is(pg_temp.found(format('UPDATE roughly.releases SET view = ''{weight}'' WHERE question_id = %L AND release_no = 1 AND view = ''{}''', :'q')),
  format('release 1 of question %s by (weight): the question is not published by these dimensions', :'q'), 'and under another name');

-- Law 2: of what waits to be counted it names no more than ten.
CREATE FUNCTION pg_temp.crowd(n integer) RETURNS text LANGUAGE sql AS
  $$ SELECT pg_temp.mutated(format('INSERT INTO roughly.ballots SELECT question_id, gen_random_uuid(), sealed FROM roughly.ballots, generate_series(1, %s) WHERE question_id = %L', n, (SELECT id FROM roughly.questions WHERE prompt = 'tap: check')),
    'SELECT count(*) FROM roughly_check() WHERE object LIKE ''ballot %''') $$;
SELECT is(pg_temp.crowd(9), '9', 'nine bad ballots are named');
SELECT is(pg_temp.crowd(40), '10', 'of forty ten');

-- What monitoring asks for.
SELECT results_eq('SELECT item, status, since IS NULL FROM roughly_status()', $$VALUES ('key file', 'ok', true), ('rotation', 'ok', true), ('mail', 'waiting', false)$$, 'what waits: the mail');
SELECT is(pg_temp.mutated('DELETE FROM roughly.mail_outbox', 'SELECT status FROM roughly_status() WHERE item = ''mail'''), 'ok', 'sent, it does not');
SELECT is(pg_temp.mutated(format('UPDATE roughly.questions SET batch = 1 WHERE id = %L', :'other'), 'SELECT item || '' '' || status FROM roughly_status() WHERE item ~ ''question'''),
  format('question %s frozen, not released', :'other'), 'a publisher that died');
SELECT is(pg_temp.mutated(format('SELECT roughly_close_question(%L)', :'other'), 'SELECT item || '' '' || status FROM roughly_status() WHERE item ~ ''question'''),
  format('question %s closed, not counted', :'other'), 'a closed question');
SELECT is(pg_temp.mutated(format('UPDATE roughly.questions SET closes_at = now() - interval ''1 hour'' WHERE id = %L', :'other'), 'SELECT item || '' '' || status || '' '' || (since = now() - interval ''1 hour'') FROM roughly_status() WHERE item ~ ''question'''),
  format('question %s over, not closed true', :'other'), 'and one that nobody has closed');
SELECT is(pg_temp.mutated('INSERT INTO roughly.keys (key_id, fingerprint, active) VALUES (999, repeat(''0'', 32), false)', 'SELECT status FROM roughly_status() WHERE item = ''rotation'''), 'not finished', 'a rotation under way');

SET ROLE tap_admin;
SELECT isnt_empty('SELECT * FROM roughly_status()', 'an administrator may see the status');
SELECT is_empty('SELECT * FROM roughly_check()', 'an administrator may look');
RESET ROLE;
SELECT * FROM finish();
\ir clean.psql
