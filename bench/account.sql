-- As app: who somebody is, their profile, their answers.
SELECT bench.compare('authenticate', 'one row by primary key, prepared', '<= 1.5x',
  'PERFORM * FROM plain.sessions WHERE id = v.session_id',
  'PERFORM * FROM roughly_authenticate(v.token)', 20000,
  over => 'SELECT p.* FROM bench.people p, generate_series(1, times) WHERE n = 1') \gexec
SELECT bench.compare('authenticate', 'roughly_authenticate(NULL): what calling it costs', '',
  'PERFORM * FROM roughly_authenticate(NULL)',
  'PERFORM * FROM roughly_authenticate(v.token)', 20000,
  over => 'SELECT p.* FROM bench.people p, generate_series(1, times) WHERE n = 1') \gexec
SELECT bench.compare('authenticate', 'the limit: that row, and roughly_authenticate(NULL)', '',
  'PERFORM * FROM plain.sessions WHERE id = v.session_id; PERFORM * FROM roughly_authenticate(NULL)',
  'PERFORM * FROM roughly_authenticate(v.token)', 20000,
  over => 'SELECT p.* FROM bench.people p, generate_series(1, times) WHERE n = 1') \gexec
SELECT bench.compare('own profile, which row-level security finds', 'the same by its key, without', '<= 1.1x',
  'PERFORM * FROM plain.profiles WHERE user_id = v.user_id',
  'PERFORM * FROM roughly.user_profiles', 20000,
  over => 'SELECT a.user_id FROM bench.people p, roughly_authenticate(p.token) a, generate_series(1, times) WHERE n = 1') \gexec
SELECT bench.compare('the limit: under a policy whose function, for everybody, only returns an id', 'the same by its key, without', '',
  'PERFORM * FROM plain.profiles WHERE user_id = v.user_id',
  'PERFORM * FROM plain.own_profiles', 20000,
  over => 'SELECT user_id, be_somebody(user_id) FROM bench.people, generate_series(1, times) WHERE n = 1') \gexec
SELECT bench.compare('own profile by its key, under row-level security', 'under a policy with current_setting()', '<= 1.1x',
  'PERFORM * FROM plain.guarded_profiles WHERE user_id = v.user_id',
  'PERFORM * FROM roughly.user_profiles WHERE user_id = v.user_id', 20000,
  over => $$SELECT a.user_id FROM bench.people p, roughly_authenticate(p.token) a, set_config('bench.user_id', a.user_id::text, true), generate_series(1, times) WHERE n = 1$$) \gexec

-- The last person has answered everything.
DO $$
DECLARE v record;
BEGIN
  FOR v IN SELECT q.id, p.token, p.user_id FROM bench.questions q, (SELECT * FROM bench.people ORDER BY n DESC LIMIT 1) p LOOP
    PERFORM roughly_cast_vote(v.id, 'tea') FROM roughly_authenticate(v.token);
    COMMIT;
    INSERT INTO plain.votes VALUES (v.id, v.user_id, 1);
    COMMIT;
  END LOOP;
END $$;
SELECT bench.compare('own answers to 1,000 questions', '1,000 reads by primary key', '<= 1.5x',
  'FOR w IN SELECT id FROM bench.questions LOOP PERFORM choice, voted_on FROM plain.votes WHERE question = w.id AND voter = v.user_id; END LOOP',
  'PERFORM * FROM roughly_my_answers()', 50,
  over => 'SELECT a.user_id FROM (SELECT * FROM bench.people ORDER BY n DESC LIMIT 1) p, roughly_authenticate(p.token) a, generate_series(1, times)') \gexec
