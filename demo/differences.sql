-- Who is exposed by one subtraction? The same attack on two ways of publishing the same poll at the same moments:
-- GROUP BY ... HAVING count(*) >= 10, and what roughly_aggregate showed.
CREATE TEMP TABLE moment AS
SELECT DISTINCT release, people FROM scratch.read WHERE slice = '{}';

CREATE TEMP TABLE person AS
SELECT *, to_jsonb(p) - '{arrival,email,birth_year,choice}'::text[] AS slice,
       (SELECT min(release) FROM moment WHERE arrival <= people) AS release -- the one that counted this person
  FROM scratch.people p;

-- Every number ever shown: the people of a slice counted up to a release, and their votes for Clinton.
CREATE TEMP TABLE published AS
WITH threshold AS (
  SELECT m.release, age_band, education, income, party, tv_news,
         count(*) AS people, count(*) FILTER (WHERE choice = 'Clinton') AS clinton
    FROM moment m JOIN person p ON p.release <= m.release
   GROUP BY m.release, CUBE (age_band, education, income, party, tv_news)
  HAVING count(*) >= 10 AND num_nonnulls(age_band, education, income, party, tv_news) <= 2
), shown AS (
  SELECT 'roughly_auth' AS source, slice, release, people, clinton FROM scratch.read
  UNION ALL
  SELECT 'threshold', jsonb_strip_nulls(to_jsonb(t)) - '{release,people,clinton}'::text[], release, people, clinton
    FROM threshold t
)
SELECT source, slice, min(release) AS release, people, clinton FROM shown GROUP BY source, slice, people, clinton;

CREATE TEMP TABLE difference AS
WITH part AS ( -- a slice is part of the whole that lacks one of its dimensions
  SELECT source, slice - dimension AS whole, dimension, slice, release, people, clinton
    FROM published, jsonb_object_keys(slice) AS dimension
), latest_part AS (
  SELECT DISTINCT ON (w.source, w.slice, w.release, p.dimension, p.slice)
         p.*, w.release AS whole_release, w.people AS whole_people, w.clinton AS whole_clinton
    FROM published w JOIN part p ON p.source = w.source AND p.whole = w.slice AND p.release <= w.release
   ORDER BY w.source, w.slice, w.release, p.dimension, p.slice, p.release DESC
)
SELECT source, 'after - before' AS kind, slice, release,
       people - lag(people) OVER w AS people, clinton - lag(clinton) OVER w AS clinton,
       ARRAY[slice] AS minus, ARRAY[lag(release) OVER w] AS minus_release
  FROM published WINDOW w AS (PARTITION BY source, slice ORDER BY release)
UNION ALL
SELECT source, 'whole - parts', whole, whole_release,
       whole_people - sum(people), whole_clinton - sum(clinton), array_agg(slice), array_agg(release)
  FROM latest_part
 GROUP BY source, whole, whole_release, whole_people, whole_clinton, dimension;

-- What an attacker holds: groups of people and how they voted, as published and by subtraction.
CREATE TEMP TABLE held AS
SELECT row_number() OVER () AS id, *
  FROM (TABLE difference
        UNION ALL
        SELECT source, 'published', slice, release, people, clinton, '{}', '{}' FROM published) h
 WHERE people > 0;

-- Who these people are, by profile and time of arrival alone.
CREATE TEMP TABLE member AS
SELECT h.*, p.email, p.choice
  FROM held h JOIN person p ON p.slice @> h.slice AND p.release <= h.release
 WHERE NOT EXISTS (SELECT FROM unnest(h.minus, h.minus_release) AS m (slice, release)
                    WHERE p.slice @> m.slice AND p.release <= m.release);

-- So far published numbers have been subtracted and nothing else. Here they meet the truth.
DO $$
BEGIN
  ASSERT NOT EXISTS (
    SELECT FROM member GROUP BY id, people, clinton
    HAVING count(*) <> people OR count(*) FILTER (WHERE choice = 'Clinton') <> clinton), 'a number is wrong';
END $$;

CREATE TEMP VIEW people_shown AS -- in the end, of all people, on average of the tables
SELECT source, dimensions, tables, round(100.0 * sum(people) / (SELECT count(*) FROM person) / tables, 1) || ' %' AS share
  FROM (SELECT DISTINCT ON (source, slice) * FROM published ORDER BY source, slice, release DESC) latest
  JOIN (VALUES (1, 5), (2, 10)) AS v (dimensions, tables) ON dimensions = (SELECT count(*) FROM jsonb_object_keys(slice))
 GROUP BY source, dimensions, tables;

CREATE TEMP VIEW finding AS
SELECT source, dimensions AS n, share AS value,
       format('people shown in the end, mean of the %s %s-way tables', tables, ('{one,two}'::text[])[dimensions]) AS what
  FROM people_shown
UNION ALL
SELECT source, f.*
  FROM (SELECT source,
               count(DISTINCT id) FILTER (WHERE kind = 'published') AS published,
               count(DISTINCT id) FILTER (WHERE kind <> 'published') AS differences,
               min(people) AS smallest,
               count(DISTINCT id) FILTER (WHERE people < 10) AS small,
               count(DISTINCT email) FILTER (WHERE people < 10) AS exposed,
               count(DISTINCT email) FILTER (WHERE people = 1) AS alone,
               count(DISTINCT email) FILTER (WHERE people < 10 AND clinton IN (0, people)) AS alike,
               count(DISTINCT email) FILTER (WHERE people >= 10 AND clinton IN (0, people)) AS unanimous
          FROM member GROUP BY source) s
 CROSS JOIN LATERAL (VALUES
   (3, published::text, 'numbers published, over all releases'),
   (4, differences::text, 'differences'),
   (5, smallest::text, 'people in the smallest group'),
   (6, small::text, 'groups of fewer than 10 people'),
   (7, exposed::text, 'people in a group of fewer than 10'),
   (8, alone::text, '- whose own vote is known: they are the group'),
   (9, alike::text, '- whose own vote is known: they are the group, or it voted alike'),
   (10, unanimous::text, 'people in a group of 10 or more that voted alike')) AS f (n, value, what);

SELECT format('  %-66s%12s%16s', '', 'threshold', 'roughly_auth');
SELECT format('  %-66s%12s%16s', what,
         coalesce(max(value) FILTER (WHERE source = 'threshold'), '0'),
         coalesce(max(value) FILTER (WHERE source = 'roughly_auth'), '0'))
  FROM finding GROUP BY n, what ORDER BY n;

CREATE TEMP VIEW example AS
SELECT *, format('%s, release %s minus %s', (SELECT string_agg(value, ', ') FROM jsonb_each_text(slice)), release,
            minus_release[1]) AS what
  FROM member WHERE kind = 'after - before';

SELECT format(E'\nExample: %s, is one person: %s, for %s.', what, email, choice)
  FROM example WHERE people = 1 ORDER BY release DESC, slice LIMIT 1;
SELECT format('What neither hides is unanimity: %s, is %s people, all for %s.', what, people, choice)
  FROM example WHERE source = 'roughly_auth' AND clinton IN (0, people) ORDER BY people DESC LIMIT 1;
