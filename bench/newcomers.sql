-- As app, in a new backend: votes of 100 people whom it has not served yet, after those of 100 others.
SELECT bench.touch_pages();
SELECT set_config('bench.question', :'question', false), set_config('bench.round', :'round', false) \g /dev/null
DO $$
DECLARE
  question uuid := current_setting('bench.question');
  v record;
  start float8;
  times float8[];
BEGIN
  FOR half IN 0..1 LOOP
    start := bench.cpu();
    FOR v IN SELECT * FROM bench.people WHERE n BETWEEN 1 + 100 * half AND 100 + 100 * half LOOP
      PERFORM plain.vote(question, v.user_id, 1::smallint); COMMIT;
    END LOOP;
    times[1] := bench.cpu() - start;
    start := bench.cpu();
    FOR v IN SELECT * FROM bench.people WHERE n BETWEEN 1 + 100 * half AND 100 + 100 * half LOOP
      PERFORM roughly_cast_vote(question, 'tea') FROM roughly_authenticate(v.token); COMMIT;
    END LOOP;
    times[2] := bench.cpu() - start;
  END LOOP;
  IF current_setting('bench.round')::integer > 0 THEN
    PERFORM bench.record('cast a vote as somebody whom the backend has not served, authentication included: CPU', 'two INSERTs in one function', '',
                         times[1] / 100, times[2] / 100);
  END IF;
END $$;
