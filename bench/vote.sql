-- As app: votes, each a statement and a transaction of its own.
SELECT bench.compare('cast a vote, authentication included: CPU', 'two INSERTs in one function', '<= 1.0x',
  'PERFORM plain.vote(v.question, v.user_id, 1::smallint); COMMIT',
  'PERFORM roughly_cast_vote(v.question, ''tea'') FROM roughly_authenticate(v.token); COMMIT', 2500,
  over => 'SELECT * FROM bench.pairs(0, round, times)') \gexec
SELECT bench.compare('cast a vote, authentication included: CPU', 'two INSERTs in one function that reads session, question, user and profile by their keys', '',
  'PERFORM plain.checked_vote(v.session_id, v.question, 1::smallint); COMMIT',
  'PERFORM roughly_cast_vote(v.question, ''tea'') FROM roughly_authenticate(v.token); COMMIT', 2500,
  over => 'SELECT * FROM bench.pairs(1, round, times)') \gexec
SELECT bench.compare('cast a vote, authentication included: CPU', 'one INSERT with two foreign keys', '<= 1.8x',
  'INSERT INTO plain.single_votes VALUES (v.question, v.user_id, 1); COMMIT',
  'PERFORM roughly_cast_vote(v.question, ''tea'') FROM roughly_authenticate(v.token); COMMIT', 2500,
  over => 'SELECT * FROM bench.pairs(2, round, times)') \gexec
