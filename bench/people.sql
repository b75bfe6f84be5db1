-- People and questions, and the same in tables of an application without us. From stdin: n and token of each person.
\set ON_ERROR_STOP on
CREATE TABLE bench.people (n integer PRIMARY KEY, token text);
\copy bench.people FROM pstdin CSV
CREATE TABLE bench.questions AS
  SELECT n, roughly_create_question('Tea or coffee?', '{tea,coffee,water}', '{age_band,gender,education_level,income_bracket}', max_wait => NULL) AS id
    FROM generate_series(1, bench.size(1000)) n;
ALTER TABLE bench.questions ADD PRIMARY KEY (n);
ALTER TABLE bench.people ADD user_id uuid, ADD session_id uuid;
DO $$
DECLARE v record; a record;
BEGIN
  FOR v IN SELECT * FROM bench.people LOOP
    SELECT INTO a * FROM roughly_authenticate(v.token);
    PERFORM roughly_set_profile('{"birth_year": 1980, "gender": "female", "education_level": "bachelor", "income_bracket": "middle"}');
    UPDATE bench.people SET user_id = a.user_id, session_id = a.session_id WHERE n = v.n;
    COMMIT;
  END LOOP;
END $$;

-- 100,000 accounts more, with a vote each below, so that both sides read by index; nobody can use them.
CREATE TEMPORARY TABLE others AS SELECT gen_random_uuid() AS id, n FROM generate_series(1, 100000) n;
INSERT INTO roughly.users (id, email, email_normalized, email_seal, vote_secret)
  SELECT o.id, n, n, email_seal, vote_secret FROM others o, (SELECT * FROM roughly.users LIMIT 1) u;
INSERT INTO roughly.user_tokens (user_id, context, key_id, token_digest, expires_at)
  SELECT o.id, context, key_id, token_digest, expires_at FROM others o, (SELECT * FROM roughly.user_tokens LIMIT 1) t;
INSERT INTO roughly.user_profiles (user_id, birth_year, gender, education_level, income_bracket)
  SELECT o.id, birth_year, gender, education_level, income_bracket FROM others o, (SELECT * FROM roughly.user_profiles LIMIT 1) p;

CREATE TABLE plain.questions AS SELECT id, prompt, choices FROM roughly.questions;
ALTER TABLE plain.questions ADD PRIMARY KEY (id);
CREATE TABLE plain.users AS SELECT id, email, inserted_at FROM roughly.users;
ALTER TABLE plain.users ADD PRIMARY KEY (id);
CREATE TABLE plain.sessions AS SELECT id, user_id, authenticated_at, expires_at, aal FROM roughly.user_tokens;
ALTER TABLE plain.sessions ADD PRIMARY KEY (id);
CREATE TABLE plain.profiles AS SELECT * FROM roughly.user_profiles;
ALTER TABLE plain.profiles ADD PRIMARY KEY (id), ADD UNIQUE (user_id);
CREATE TABLE plain.guarded_profiles (LIKE plain.profiles INCLUDING ALL);
INSERT INTO plain.guarded_profiles SELECT * FROM plain.profiles;
ALTER TABLE plain.guarded_profiles ENABLE ROW LEVEL SECURITY;
CREATE POLICY own ON plain.guarded_profiles USING (user_id = current_setting('bench.user_id')::uuid);
CREATE TABLE plain.votes (
  question uuid REFERENCES plain.questions,
  voter    uuid REFERENCES plain.users,
  choice   smallint NOT NULL,
  voted_on date NOT NULL DEFAULT CURRENT_DATE,
  PRIMARY KEY (question, voter)
);
CREATE TABLE plain.single_votes (LIKE plain.votes INCLUDING ALL,
  FOREIGN KEY (question) REFERENCES plain.questions, FOREIGN KEY (voter) REFERENCES plain.users);
CREATE TABLE plain.cast_ballots (
  question uuid REFERENCES plain.questions,
  id       uuid DEFAULT gen_random_uuid(),
  choice   smallint NOT NULL,
  age_band smallint, gender smallint, education_level smallint, income_bracket smallint,
  PRIMARY KEY (question, id)
);
CREATE FUNCTION plain.vote(question uuid, voter uuid, choice smallint) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO plain.votes (question, voter, choice) VALUES (question, voter, choice);
  INSERT INTO plain.cast_ballots (question, choice, age_band, gender, education_level, income_bracket) VALUES (question, choice, 5, 1, 6, 3);
END $$;
-- The same as ours does, unsealed: who it is, whether they may, and their profile in the ballot.
CREATE FUNCTION plain.checked_vote(session uuid, question uuid, choice smallint) RETURNS void LANGUAGE plpgsql AS $$
DECLARE s plain.sessions; q plain.questions; u plain.users; p plain.profiles;
BEGIN
  SELECT * INTO s FROM plain.sessions WHERE id = session AND expires_at > clock_timestamp();
  SELECT * INTO q FROM plain.questions WHERE id = question;
  SELECT * INTO u FROM plain.users WHERE id = s.user_id;
  SELECT * INTO p FROM plain.profiles WHERE user_id = s.user_id;
  IF q.id IS NOT NULL AND u.inserted_at < now() THEN
    PERFORM plain.vote(question, u.id, choice);
  END IF;
END $$;
INSERT INTO plain.votes SELECT q.id, o.id, 1 FROM others o JOIN bench.questions q ON q.n = 1 + o.n % bench.size(1000);
INSERT INTO plain.single_votes SELECT * FROM plain.votes;
INSERT INTO roughly.votes SELECT question, gen_random_uuid(), decode(repeat('00', 49), 'hex') FROM plain.votes;

-- Who votes where in a round: every pair of person and question once. The last person is left out.
CREATE FUNCTION bench.pairs(series integer, round integer, times integer, OUT token text, OUT user_id uuid, OUT session_id uuid, OUT question uuid)
  RETURNS SETOF record LANGUAGE sql AS $$
  SELECT p.token, p.user_id, p.session_id, q.id
    FROM generate_series(0, times - 1) i, LATERAL (SELECT (series * (1 + current_setting('bench.rounds')::integer) + round) * times + i) pair (n)
    JOIN bench.people p ON p.n = 1 + pair.n % 200 JOIN bench.questions q ON q.n = 1 + pair.n / 200
$$;
VACUUM ANALYZE;
