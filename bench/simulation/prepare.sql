-- People with a real session each, by a mailed link, so that no password is hashed; questions; and who votes where.
\set ON_ERROR_STOP on
SET synchronous_commit = off;
CREATE TABLE bench.people (n integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY, token text NOT NULL);
SELECT roughly_admin_import_user('person' || n || '@example.org', NULL, now()), roughly_request_magic_link('person' || n || '@example.org')
  FROM generate_series(1, current_setting('bench.people')::integer) n \g /dev/null
DO $$
DECLARE mail record; person record;
BEGIN
  LOOP
    FOR mail IN SELECT * FROM roughly_dequeue_mail(1000) LOOP
      INSERT INTO bench.people (token) SELECT session_token FROM roughly_log_in_with_magic_link(mail.token);
      PERFORM roughly_mail_sent(mail.id);
    END LOOP;
    EXIT WHEN NOT FOUND;
    COMMIT;
  END LOOP;
  FOR person IN SELECT token FROM bench.people LOOP
    PERFORM FROM roughly_authenticate(person.token);
    PERFORM roughly_set_profile(jsonb_build_object('birth_year', 1940 + (random() * 65)::integer,
      'gender', (ARRAY['female', 'male'])[1 + (random() * 1)::integer],
      'education_level', d.education[1 + floor(random() * cardinality(d.education))::integer],
      'income_bracket', (ARRAY['lowest', 'low', 'middle', 'high', 'highest'])[1 + floor(random() * 5)::integer]))
      FROM (SELECT categories AS education FROM roughly.dimensions WHERE name = 'education_level') d;
    COMMIT;
  END LOOP;
END $$;

CREATE TABLE bench.questions AS
  SELECT n, roughly_create_question('Tea or coffee?', '{tea,coffee,water}', '{age_band,gender,education_level,income_bracket}') AS id
    FROM generate_series(1, current_setting('bench.questions')::integer) n;
ALTER TABLE bench.questions ADD PRIMARY KEY (n);
-- Question n gets a share of 1/n of the votes, but no more than there are people; nobody votes twice.
CREATE TABLE bench.votes AS
  SELECT row_number() OVER (ORDER BY random()) - 1 AS n, question, (first + i) % people + 1 AS person
    FROM (SELECT n AS question, floor(random() * people)::integer AS first, people,
                 least(people, ceil(current_setting('bench.votes')::integer / n / sum(1.0 / n) OVER ()))::integer AS votes
            FROM bench.questions, (SELECT count(*)::integer AS people FROM bench.people) p) q,
         generate_series(0, votes - 1) i;
ALTER TABLE bench.votes ADD PRIMARY KEY (n);

-- What tables have come to, after every round of the publisher.
CREATE TABLE bench.sweeps (began timestamptz, ended timestamptz, cpu float8, memory float8);
CREATE TABLE bench.sizes AS SELECT now() AS at, relname, 0::bigint AS live, 0::bigint AS dead, 0::bigint AS vacuums, 0::bigint AS heap, 0::bigint AS indexes
  FROM pg_stat_user_tables WHERE false;
CREATE FUNCTION bench.swept(began float8, cpu float8) RETURNS void LANGUAGE sql SECURITY DEFINER AS $$
  INSERT INTO bench.sweeps SELECT to_timestamp(began), clock_timestamp(), cpu, bench.memory('VmHWM') - bench.memory('RssShmem');
  INSERT INTO bench.sizes SELECT now(), relname, n_live_tup, n_dead_tup, autovacuum_count, pg_table_size(relid), pg_indexes_size(relid)
    FROM pg_stat_user_tables WHERE schemaname = 'roughly' AND relname IN ('questions', 'votes', 'ballots', 'batches', 'tallies', 'releases');
$$;
GRANT SELECT ON ALL TABLES IN SCHEMA bench TO PUBLIC;
VACUUM ANALYZE;
