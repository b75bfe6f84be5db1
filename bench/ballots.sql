-- A poll with six dimensions and its 22 views, and the same as rows of a plain table.
SELECT roughly_add_dimension('d' || n, 'extra.d' || n, ARRAY(SELECT 'c' || i FROM generate_series(1, size) i))
  FROM unnest('{3,7,16,5,6,7}'::int[]) WITH ORDINALITY u (size, n);
CREATE TABLE bench.views AS
  SELECT ARRAY(SELECT 'd' || d FROM generate_series(1, 6) d WHERE bits & (1 << d - 1) > 0) AS view FROM generate_series(0, 63) bits
   WHERE length(replace(bits::bit(6)::text, '0', '')) <= 2;
ALTER TABLE bench.views ADD columns text;
UPDATE bench.views SET columns = array_to_string(view || 'choice'::text, ', ');

CREATE TABLE plain.ballots (
  question uuid,
  id       uuid,
  choice   smallint NOT NULL,
  d1 smallint, d2 smallint, d3 smallint, d4 smallint, d5 smallint, d6 smallint,
  PRIMARY KEY (question, id)
);
CREATE FUNCTION plain.fill(ballots numeric) RETURNS void LANGUAGE sql AS $$
  TRUNCATE plain.ballots;
  INSERT INTO plain.ballots
    SELECT '00000000-0000-4000-8000-000000000000', gen_random_uuid(), random() * 5 - 0.5, 1 + floor(random() * 3), 1 + floor(random() * 7),
           1 + floor(random() * 16), 1 + floor(random() * 5), 1 + floor(random() * 6), 1 + floor(random() * 7)
      FROM generate_series(1, bench.size(ballots));
$$;
SELECT string_agg('(' || columns || ')', ', ') AS sets FROM bench.views \gset
CREATE MATERIALIZED VIEW plain.views AS
  SELECT d1, d2, d3, d4, d5, d6, choice, count(*) FROM plain.ballots GROUP BY GROUPING SETS (:sets);
