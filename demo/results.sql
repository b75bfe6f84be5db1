-- Every published slice.
SELECT format('%-44s%-22s%27s%8s%9s', '', 'Clinton', '95 % interval', 'people', 'release');

WITH cell AS (
  SELECT v.by, a.*
    FROM roughly_release(:'question') v, roughly_aggregate(:'question', v.by) WITH ORDINALITY AS a
   WHERE a.choice = 'Clinton'
), line AS (
  SELECT by, ordinality AS n,
         format('  %-42s%s%s%9s%18s%8s%9s',
           (SELECT coalesce(string_agg(slice ->> dimension, ', ' ORDER BY n), 'everybody')
              FROM unnest(by) WITH ORDINALITY AS u (dimension, n)),
           repeat('█', round(20 * share)::int), repeat('░', 20 - round(20 * share)::int), to_char(100 * share, '990.0 %'),
           to_char(100 * low, '990.0') || ' - ' || to_char(100 * high, 'FM990.0 %'), respondents, as_of) AS text
    FROM cell
  UNION ALL
  SELECT by, 0,
         format(E'\nby %s: %s of %s people shown (%s %%)', array_to_string(by, ' and '), sum(respondents), everybody,
           round(100 * sum(respondents) / everybody, 1))
    FROM cell, (SELECT respondents AS everybody FROM cell WHERE by = '{}') total
   WHERE by <> '{}'
   GROUP BY by, everybody
)
SELECT text FROM line ORDER BY cardinality(by), by, n;

SELECT format(E'\nnothing yet by %s', string_agg(a || ' × ' || b, ', ' ORDER BY a, b))
  FROM roughly_questions(), unnest(dimensions) a, unnest(dimensions) b
 WHERE a < b AND ARRAY[a, b] NOT IN (SELECT by FROM roughly_release(:'question'));
