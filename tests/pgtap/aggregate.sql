-- Reading published numbers: by anybody, anywhere, in any order, and only what is published.
\set ON_ERROR_ROLLBACK off
\ir common.psql
SELECT no_plan();
SET roughly_auth.min_k = 2;

-- Sixteen people: 10 women, 6 men; 9 in DE, 6 in FR, one not stated; two bands of age.
CREATE TABLE tap.voters AS SELECT n, 'v' || n AS name, CASE WHEN n % 3 = 0 THEN 'tea' ELSE 'coffee' END AS choice,
    CASE WHEN n <= 10 THEN 'female' ELSE 'male' END AS gender,
    CASE WHEN n = 10 THEN 'not stated' WHEN n <= 5 OR n BETWEEN 11 AND 14 THEN 'DE' ELSE 'FR' END AS country,
    CASE WHEN n % 2 = 0 THEN '65+' ELSE 'under 18' END AS age_band
  FROM generate_series(1, 16) n;
GRANT SELECT ON tap.voters TO PUBLIC;
SELECT pg_temp.person(name, jsonb_strip_nulls(jsonb_build_object('gender', gender, 'country', nullif(country, 'not stated'), 'birth_year', CASE age_band WHEN '65+' THEN 1900 ELSE 2100 END)))
  FROM tap.voters ORDER BY n \g /dev/null
CREATE PROCEDURE tap.everybody_votes(question uuid) LANGUAGE plpgsql AS $$
DECLARE
  voter record;
BEGIN
  FOR voter IN SELECT * FROM tap.voters ORDER BY n LOOP
    PERFORM pg_temp.act(voter.name);
    PERFORM roughly_cast_vote(question, voter.choice);
    COMMIT;
  END LOOP;
END $$;
-- The last choice is as long as one may be.
SELECT roughly_create_question('tap: drink', ARRAY['tea', 'coffee', repeat('neither.', 25)], '{gender,country,age_band}', k => 2, min_batch => 16) AS question,
       roughly_create_question('tap: narrow', '{tea,coffee}', '{gender,country}', k => 2, max_dims => 1) AS narrow,
       roughly_create_question('tap: totals', '{tea,coffee}', '{gender}', k => 2, max_dims => 0) AS totals,
       roughly_create_question('tap: plain', '{tea,coffee}') AS plain \gset
SET SESSION AUTHORIZATION tap_app;
CALL tap.everybody_votes(:'question');
RESET SESSION AUTHORIZATION;
CALL roughly_publish(:'question');

-- A role with nothing but CONNECT and USAGE.
SET SESSION AUTHORIZATION tap_plain;
-- Everything published is true: for every view and cell, recomputed from the people themselves.
CREATE FUNCTION pg_temp.truth(slice jsonb, chosen text) RETURNS bigint LANGUAGE sql AS $$
  SELECT count(*) FROM tap.voters v WHERE (chosen IS NULL OR v.choice = chosen) AND to_jsonb(v) @> slice $$;
CREATE TEMP TABLE published AS SELECT r."by", a.* FROM roughly_release(:'question') r, roughly_aggregate(:'question', r."by") a;
SELECT cmp_ok((SELECT count(DISTINCT "by") FROM published), '>=', 5::bigint, 'several views are published');
SELECT is_empty('SELECT * FROM published WHERE votes <> pg_temp.truth(slice, choice) OR respondents <> pg_temp.truth(slice, NULL)', 'all counts are the people''s answers');
SELECT is_empty('SELECT slice FROM published GROUP BY slice HAVING array_agg(choice) <> ARRAY[''tea'', ''coffee'', repeat(''neither.'', 25)] OR sum(votes) <> max(respondents) OR abs(sum(share) - 1) > 1e-9',
  'a cell has a row for each choice, in the question''s order, which add up');
SELECT is_empty('SELECT * FROM published WHERE NOT (0 <= low AND low <= share AND share <= high AND high <= 1 AND as_of = 1)', 'shares lie in their intervals');
SELECT is_empty('SELECT * FROM published WHERE respondents < 2', 'no cell is smaller than k');
SELECT is_empty('SELECT "by", slice FROM published WHERE ARRAY(SELECT jsonb_object_keys(slice) ORDER BY 1) <> "by"', 'a slice names the view''s dimensions');
-- Rows are formed without PostgreSQL's help, slices too: byte by byte they are what it would have made.
SELECT is_empty($$SELECT * FROM published WHERE NOT (SELECT a FROM (SELECT slice, choice, votes, respondents, share, low, high, as_of) a)
    *= (SELECT b FROM (SELECT slice::text::jsonb, choice || '', votes + 0, respondents + 0, share + 0, low + 0, high + 0, as_of + 0) b)$$, 'in the server''s own form');
SELECT is((SELECT string_agg(left(choice, 7) || ' ' || votes, ', ') FROM roughly_aggregate(:'question')), 'tea 5, coffee 11, neither 0', 'the total');
SELECT results_eq(format('SELECT round(share::numeric, 6), round(low::numeric, 6), round(high::numeric, 6) FROM roughly_aggregate(%L)', :'question'),
  $$SELECT round(p, 6), round((p + z * z / 32 - z * sqrt(p * (1 - p) / 16 + z * z / 1024)) / (1 + z * z / 16), 6), round((p + z * z / 32 + z * sqrt(p * (1 - p) / 16 + z * z / 1024)) / (1 + z * z / 16), 6)
    FROM (VALUES (5 / 16.0), (11 / 16.0), (0)) v (p), (SELECT 1.959963984540054) c (z)$$, 'with Wilson''s interval');
-- What may not be shown is absent: one person states no country, so who lives in FR is a secret too.
SELECT set_eq(format('SELECT DISTINCT slice ->> ''country'' FROM roughly_aggregate(%L, ''{country}'')', :'question'), ARRAY['DE'], 'the cell of one person is absent, and the one that would give it away');
SELECT is_empty(format('SELECT * FROM roughly_aggregate(%L, ''{country,gender}'') WHERE slice ->> ''country'' <> ''DE''', :'question'), 'so are their parts');
SELECT is((SELECT count(*) FROM roughly_aggregate(:'question', '{gender}')), 6::bigint, 'women and men are all shown');
-- The order of "by" is no matter.
SELECT results_eq(format('SELECT * FROM roughly_aggregate(%L, ''{gender,country}'')', :'question'), format('SELECT * FROM roughly_aggregate(%L, ''{country,gender}'')', :'question'), 'by gender and country is by country and gender');
SELECT results_eq(format('SELECT * FROM roughly_aggregate(%L, ''{gender,age_band}'')', :'question'), format('SELECT * FROM roughly_aggregate(%L, ''{age_band,gender}'')', :'question'), 'and so on');
SELECT isnt_empty(format('SELECT * FROM roughly_aggregate(%L, ''{age_band,gender}'')', :'question'), '(two dimensions have rows)');

-- Refusals, equal whether something is published or not.
CREATE FUNCTION pg_temp.refusal(question uuid, by text) RETURNS text LANGUAGE sql AS $$
  SELECT state || ' ' || message || ' / ' || hint FROM pg_temp.outcome(format('SELECT roughly_aggregate(%L, %L)', question, by)) $$;
\set nothing '00000000-0000-0000-0000-000000000000'
SELECT is(pg_temp.refusal(:'nothing', by), '42704 there is no question 00000000-0000-0000-0000-000000000000 / roughly_questions() lists them.', 'an unknown question, by ' || by) FROM unnest('{"{}","{gender}","{a,b,c}"}'::text[]) by;
SELECT is((SELECT state FROM pg_temp.outcome(format('SELECT roughly_release(%L)', :'nothing'))), '42704', 'roughly_release says so too');
SELECT is(pg_temp.refusal(:'question', '{shoe_size}'), '42704 the question has no dimension "shoe_size" / It has gender, country, age_band.', 'an unknown dimension');
SELECT is(pg_temp.refusal(:'question', '{gender,shoe_size}'), '42704 the question has no dimension "shoe_size" / It has gender, country, age_band.', 'beside a known one');
SELECT is(pg_temp.refusal(:'narrow', '{shoe_size}'), '42704 the question has no dimension "shoe_size" / It has gender, country.', 'of a question with nothing published');
SELECT is(pg_temp.refusal(:'plain', '{gender}'), '42704 the question has no dimension "gender" / It has none.', 'of one without dimensions');
SELECT is(pg_temp.refusal(:'question', '{region}'), '42704 the question has no dimension "region" / It has gender, country, age_band.', 'a dimension the question does not use');
SELECT matches(pg_temp.refusal(:'question', '{gender,country,age_band}'), '^22023 the question is published by at most 2 dimensions at a time', 'more dimensions than max_dims');
SELECT matches(pg_temp.refusal(:'narrow', '{gender,country}'), '^22023 the question is published by at most 1 dimension', 'than one');
SELECT matches(pg_temp.refusal(:'totals', '{gender}'), '^22023 the question is published by at most 0 dimension', 'than none');
SELECT matches(pg_temp.refusal(:'question', '{gender,gender}'), '^22023 "by" names a dimension twice', 'a dimension twice');
SELECT matches(pg_temp.refusal(:'question', '{NULL}'), '^22004 ', 'a null among them');
SELECT is((SELECT state FROM pg_temp.outcome('SELECT roughly_aggregate(NULL)')), '22004', 'no question');
SELECT is_empty(format('SELECT * FROM roughly_aggregate(%L, %L)', q, by), 'nothing published is no rows, by ' || by)
  FROM (VALUES (:'narrow', '{}'), (:'narrow', '{gender}'), (:'narrow', '{country}'), (:'totals', '{}'), (:'plain', '{}')) v (q, by);
SELECT is_empty(format('SELECT * FROM roughly_release(%L)', :'narrow'), 'and no release');

-- Anywhere: read-only, in a snapshot of old, in a cursor, in a parallel worker, joined and limited.
BEGIN READ ONLY;
SELECT count(*) AS read_only FROM roughly_aggregate(:'question') \gset
COMMIT;
SELECT is(:read_only, 3, 'in a read-only transaction');
BEGIN ISOLATION LEVEL SERIALIZABLE READ ONLY DEFERRABLE;
SELECT count(*) AS deferrable FROM roughly_aggregate(:'question', '{gender}') \gset
COMMIT;
SELECT is(:deferrable, 6, 'in a serializable, deferrable one');
SELECT is((SELECT count(*) FROM unnest(ARRAY[:'question', :'narrow', :'plain']::uuid[]) q, roughly_aggregate(q)), 3::bigint, 'for several questions in one query');
SELECT is((SELECT choice FROM roughly_aggregate(:'question') OFFSET 1 LIMIT 1), 'coffee', 'with a limit');
SELECT is((SELECT count(*) FROM (SELECT (roughly_aggregate(:'question')).*) a), 3::bigint, 'in a select list');
SELECT set_config(name, 'on', false) FROM pg_settings WHERE name IN ('force_parallel_mode', 'debug_parallel_query') \g /dev/null
CREATE FUNCTION pg_temp.plan_of(query text) RETURNS SETOF text LANGUAGE plpgsql AS $$ BEGIN RETURN QUERY EXECUTE 'EXPLAIN (ANALYZE, COSTS off, TIMING off, SUMMARY off) ' || query; END $$;
SELECT matches((SELECT string_agg(line, E'\n') FROM pg_temp.plan_of(format('SELECT * FROM roughly_aggregate(%L, ''{gender}'')', :'question')) line), 'Workers Launched: 1', 'a worker reads');
SELECT results_eq(format('SELECT slice, choice, votes, respondents, share, low, high, as_of FROM roughly_aggregate(%L, ''{gender}'')', :'question'),
  'SELECT slice, choice, votes, respondents, share, low, high, as_of FROM published WHERE "by" = ''{gender}''', 'and sees what everybody sees');
SELECT is((SELECT state FROM pg_temp.outcome(format('SELECT * FROM roughly_aggregate(%L, ''{shoe_size}'')', :'question'))), '42704', 'and is refused what everybody is');
SELECT is((SELECT hint FROM pg_temp.outcome(format('SELECT * FROM roughly_aggregate(%L, ''{shoe_size}'')', :'question'))), 'It has gender, country, age_band.', 'with the hint');
RESET ALL;

-- Only what the snapshot saw: no number changes inside a transaction that asks for one.
RESET SESSION AUTHORIZATION;
\set psql 'psql -XAtq -h ' :HOST ' -p ' :PORT ' -U ' :USER ' -d ' :DBNAME
\setenv TAP_PSQL :psql
\set again 'INSERT INTO roughly.releases SELECT question_id, view, 99, cells FROM roughly.releases WHERE question_id = ' :'question' ' AND view = ' '\'{}\'' ' AND release_no = 0'
\setenv TAP_SQL :again
SET SESSION AUTHORIZATION tap_plain;
BEGIN ISOLATION LEVEL REPEATABLE READ;
SELECT count(*) AS before FROM roughly_aggregate(:'question') \gset
\set added `echo "$TAP_SQL" | $TAP_PSQL && echo yes`
SELECT count(*) AS after FROM roughly_aggregate(:'question') \gset
COMMIT;
SELECT count(*) AS later FROM roughly_aggregate(:'question') \gset
SELECT is((:before, :after, :later), (3, 3, 0), 'a repeatable read repeats what it has read');
RESET SESSION AUTHORIZATION;
-- Without the right to the functions nobody reads.
SELECT is(pg_temp.mutated('REVOKE EXECUTE ON FUNCTION roughly_aggregate(uuid, text[]) FROM PUBLIC; SET LOCAL SESSION AUTHORIZATION tap_plain',
  format('SELECT state FROM pg_temp.outcome(%L)', format('SELECT roughly_aggregate(%L)', :'question'))), '42501', '(the right is what lets them read)');

SELECT * FROM finish();
\ir clean.psql
