-- What every measurement shares: schema bench holds the results, schema plain the baselines.
CREATE SCHEMA bench;
CREATE SCHEMA plain;
CREATE EXTENSION pgcrypto;
ALTER DEFAULT PRIVILEGES IN SCHEMA bench, plain GRANT ALL ON TABLES TO PUBLIC;
GRANT USAGE ON SCHEMA bench, plain TO PUBLIC;

CREATE TABLE bench.results (
  id       integer GENERATED ALWAYS AS IDENTITY,
  work     text NOT NULL,
  baseline text NOT NULL,
  goal     text NOT NULL, -- '<= 1.1x' of the baseline, or '>= 2x' cheaper than it; '' where there is none
  base     float8 NOT NULL,
  ours     float8 NOT NULL,
  unit     text NOT NULL
);
CREATE FUNCTION bench.record(work text, baseline text, goal text, base float8, ours float8, unit text DEFAULT 's') RETURNS void
  LANGUAGE sql SECURITY DEFINER
  AS 'INSERT INTO bench.results (work, baseline, goal, base, ours, unit) VALUES (work, baseline, goal, base, ours, unit)';

-- CPU seconds of this backend so far. The kernel brings the number up to date when a process rests, hence the pause.
CREATE FUNCTION bench.cpu() RETURNS float8 LANGUAGE sql VOLATILE SECURITY DEFINER
  AS $$SELECT pg_sleep(0.0001); SELECT split_part(pg_read_file('/proc/self/schedstat', 0, 100), ' ', 1)::float8 / 1e9$$;
-- MiB of this backend: VmHWM, RssAnon, ...
CREATE FUNCTION bench.memory(field text) RETURNS float8 LANGUAGE sql VOLATILE SECURITY DEFINER
  AS $$SELECT substring(pg_read_file('/proc/self/status', 0, 10000) FROM field || ':\s*(\d+)')::float8 / 1024$$;
-- This backend has seen every page of these schemas, of which each costs it a page fault.
CREATE EXTENSION pageinspect;
CREATE FUNCTION bench.touch_pages() RETURNS void LANGUAGE sql VOLATILE SECURITY DEFINER AS $$
  SELECT count(get_raw_page(c.oid::regclass::text, block::integer))
    FROM pg_class c, generate_series(0, pg_relation_size(c.oid) / current_setting('block_size')::integer - 1) block
   WHERE c.relnamespace IN ('roughly'::regnamespace, 'plain'::regnamespace, 'bench'::regnamespace) AND c.relkind IN ('r', 'i')
$$;
CREATE FUNCTION bench.size(full_size numeric) RETURNS integer LANGUAGE sql STABLE
  AS $$SELECT greatest(1, full_size * current_setting('bench.scale')::numeric)::integer$$;

-- The rounds of one row of the table, as statements for \gexec: each runs the baseline, then ours, in the same loop, whose
-- overhead both carry; the first round warms up. `over` gives the loop its rows (v); it may use `round` and `times`.
CREATE FUNCTION bench.compare(work text, baseline text, goal text, base text, ours text, times integer, our_times integer DEFAULT NULL,
    over text DEFAULT 'SELECT 1 FROM generate_series(1, times)') RETURNS SETOF text LANGUAGE sql AS $body$
  SELECT format($do$DO $round$
    DECLARE round integer := %s; times integer := %s; v record; w record; start float8; middle float8;
    BEGIN
      start := bench.cpu();
      FOR v IN %s LOOP %s; END LOOP;
      middle := (bench.cpu() - start) / times;
      times := %s; start := bench.cpu();
      FOR v IN %3$s LOOP %6$s; END LOOP;
      IF round > 0 THEN
        PERFORM bench.record(%7$L, %8$L, %9$L, middle, (bench.cpu() - start) / times);
      END IF;
    END $round$$do$, round, bench.size(times), over, base, bench.size(COALESCE(our_times, times)), ours, work, baseline, goal)
  FROM generate_series(0, current_setting('bench.rounds')::integer) round
$body$;

CREATE FUNCTION bench.show(x float8, unit text) RETURNS text LANGUAGE sql AS $$
  SELECT CASE WHEN unit <> 's' THEN round(x::numeric) || ' ' || unit
              WHEN x < 1e-3 THEN round((x * 1e6)::numeric, 1) || ' us'
              WHEN x < 1 THEN round((x * 1e3)::numeric, 1) || ' ms'
              ELSE round(x::numeric, 2) || ' s' END
$$;
CREATE FUNCTION bench.show(ratio float8) RETURNS text LANGUAGE sql AS
  $$SELECT CASE WHEN ratio >= 100 THEN to_char(ratio, 'FM999,999,999') ELSE to_char(ratio, 'FM90.00') END$$;
-- The table, a line each. Where the goal is "cheaper", the ratio is baseline to ours.
CREATE VIEW bench.lines AS
  WITH ratios AS (
    SELECT *, CASE WHEN goal LIKE '>=%' THEN base / ours ELSE ours / base END AS ratio FROM bench.results
  ), medians AS (
    SELECT min(id) AS id, work, baseline, goal, unit, min(ratio) AS low, max(ratio) AS high,
           percentile_cont(0.5) WITHIN GROUP (ORDER BY base) AS base,
           percentile_cont(0.5) WITHIN GROUP (ORDER BY ours) AS ours,
           percentile_cont(0.5) WITHIN GROUP (ORDER BY ratio) AS ratio,
           replace(substring(goal FROM '[0-9.,]+'), ',', '')::float8 AS bound
      FROM ratios GROUP BY work, baseline, goal, unit
  )
  SELECT id, concat('| ', concat_ws(' | ', work, baseline || ': ' || bench.show(base, unit), bench.show(ours, unit),
           bench.show(ratio) || ' (' || bench.show(low) || '-' || bench.show(high) || ')', goal,
           CASE WHEN goal = '' THEN '' WHEN CASE WHEN goal LIKE '>=%' THEN ratio >= bound ELSE ratio <= bound END THEN 'yes' ELSE '**no**' END), ' |') AS line
    FROM medians ORDER BY id;
