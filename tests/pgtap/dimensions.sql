-- From profiles to snapshots: the dimensions that are there, the edges of bands, codes, what is not stated.
BEGIN;
\ir common.psql
SELECT no_plan();
SET LOCAL roughly_auth.isolate_votes = off;
SELECT pg_temp.person('ada') AS ada \gset

SELECT results_eq('SELECT name, source, kind, categories FROM roughly_dimensions() WHERE name !~ ''^tap_''', $$VALUES
  ('age_band', 'age', 'bands', '{under 18,18-24,25-34,35-44,45-54,55-64,65+}'::text[]),
  ('answer_quality', 'answers', 'categories', '{low,medium,high}'),
  ('country', 'country', 'codes', NULL),
  ('education_level', 'education_level', 'categories', '{none,primary,lower_secondary,upper_secondary,post_secondary,bachelor,master,doctorate}'),
  ('gender', 'gender', 'categories', '{female,male,non_binary,other}'),
  ('income_bracket', 'income_bracket', 'categories', '{lowest,low,middle,high,highest}'),
  ('region', 'region', 'codes', NULL)$$, 'seven dimensions are there from the start');
SELECT lives_ok($$SELECT roughly_add_dimension('tap_birth', 'birth_year', edges => '{1970,1980}'),
  roughly_add_dimension('tap_children', 'extra.children', edges => '{0,1,3}'), roughly_add_dimension('tap_balance', 'extra.balance', edges => '{-100,0}'),
  roughly_add_dimension('tap_shirt', 'extra.shirt', '{S,M,L}', label => 'size of shirt'), roughly_add_dimension('tap_party', 'extra.party')$$, 'more are added');
SELECT results_eq('SELECT name, categories, label FROM roughly_dimensions() WHERE name ~ ''^tap_'' ORDER BY name', $$VALUES
  ('tap_balance', '{under -100,-100--1,0+}'::text[], 'tap_balance'), ('tap_birth', '{under 1970,1970-1979,1980+}', 'tap_birth'), ('tap_children', '{under 0,0,1-2,3+}', 'tap_children'),
  ('tap_party', NULL, 'tap_party'), ('tap_shirt', '{S,M,L}', 'size of shirt')$$, 'bands are named by their edges, a band of one number by it');
SELECT roughly_create_question('tap: built in', '{a,b}', '{age_band,country,region,gender,education_level,income_bracket}') AS built_in \gset
SELECT roughly_create_question('tap: added', '{a,b}', '{tap_birth,tap_children,tap_balance,tap_shirt,tap_party}') AS added \gset

SET LOCAL SESSION AUTHORIZATION tap_app;
SELECT pg_temp.act('ada') \g /dev/null
-- What a profile comes to in one dimension.
CREATE FUNCTION pg_temp.category(question uuid, dimension text, profile jsonb) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
  PERFORM roughly_set_profile(profile);
  RETURN (SELECT s.category FROM roughly_my_snapshot(question) s WHERE s.dimension = category.dimension);
END $$;

SELECT results_eq(format('SELECT * FROM roughly_my_snapshot(%L)', :'built_in'), $$VALUES ('age_band', 'not stated'), ('country', 'not stated'), ('region', 'not stated'),
  ('gender', 'not stated'), ('education_level', 'not stated'), ('income_bracket', 'not stated')$$, 'an empty profile states nothing, in the question''s order');
-- Age is counted in calendar years, UTC.
SELECT is(pg_temp.category(:'built_in', 'age_band', jsonb_build_object('birth_year', extract(year FROM clock_timestamp() AT TIME ZONE 'UTC')::int - age)), band, age || ' is ' || band)
  FROM (VALUES (0, 'under 18'), (17, 'under 18'), (18, '18-24'), (24, '18-24'), (25, '25-34'), (34, '25-34'), (35, '35-44'), (44, '35-44'), (45, '45-54'), (54, '45-54'), (55, '55-64'),
    (64, '55-64'), (65, '65+'), (100, '65+')) v (age, band);
SELECT is(pg_temp.category(:'built_in', 'age_band', '{"birth_year": 1900}'), '65+', 'the first year');
SELECT is(pg_temp.category(:'built_in', 'age_band', '{"birth_year": 2100}'), 'under 18', 'the last year');
SELECT is(pg_temp.category(:'built_in', 'age_band', '{"birth_year": "1950"}'), '65+', 'a year as text');
SELECT is(pg_temp.category(:'built_in', 'age_band', '{"birth_year": null}'), 'not stated', 'no year');
SELECT is(pg_temp.category(:'added', 'tap_birth', jsonb_build_object('birth_year', year)), band, year || ' is ' || band)
  FROM (VALUES (1969, 'under 1970'), (1970, '1970-1979'), (1979, '1970-1979'), (1980, '1980+')) v (year, band);
-- Bands of other numbers, also negative ones.
SELECT is(pg_temp.category(:'added', 'tap_children', jsonb_build_object('extra', jsonb_build_object('children', n))), band, n || ' children are ' || band)
  FROM (VALUES (-1, 'under 0'), (0, '0'), (1, '1-2'), (2, '1-2'), (3, '3+')) v (n, band);
SELECT is(pg_temp.category(:'added', 'tap_balance', jsonb_build_object('extra', jsonb_build_object('balance', n))), band, n || ' is ' || band)
  FROM (VALUES (-9223372036854775808, 'under -100'), (-101, 'under -100'), (-100, '-100--1'), (-1, '-100--1'), (0, '0+'), (9223372036854775807, '0+')) v (n, band);
SELECT is(pg_temp.category(:'added', 'tap_balance', '{"extra": {"balance": "-100"}}'), '-100--1', 'a number as text');
-- Categories and codes.
SELECT is(pg_temp.category(:'built_in', 'gender', jsonb_build_object('gender', g)), g, g || ' is a gender') FROM unnest('{female,male,non_binary,other}'::text[]) g;
SELECT is(pg_temp.category(:'added', 'tap_shirt', '{"extra": {"shirt": "M"}}'), 'M', 'a value of extra');
SELECT is(pg_temp.category(:'added', 'tap_shirt', '{"extra": {"other": 1}}'), 'M', 'which stays when others are set');
SELECT is(pg_temp.category(:'added', 'tap_shirt', '{"extra": {"shirt": null}}'), 'not stated', 'and goes with null');
SELECT is(pg_temp.category(:'added', 'tap_party', jsonb_build_object('extra', jsonb_build_object('party', c))), c, format('%L is a code', c))
  FROM unnest(ARRAY['D', 'DE', 'sixteen letters!', 'Côte d''Ivoire', '日本', 'a b']) c;
SELECT is(pg_temp.category(:'built_in', 'country', jsonb_build_object('country', c)), c, c || ' is a country') FROM unnest(ARRAY['DE', 'CI', 'JP', 'ZW']) c;
SELECT is(pg_temp.category(:'built_in', 'region', jsonb_build_object('region', r)), r, r || ' is a region') FROM unnest(ARRAY['DE-BY', 'US-NY', 'GB-ENG']) r;
SELECT is(pg_temp.category(:'added', 'tap_party', '{"extra": {"party": 7}}'), '7', 'a number can be one');
SELECT is(pg_temp.category(:'added', 'tap_party', '{"extra": {"party": true}}'), 'true', 'and a boolean');

-- What is unknown is refused, and the hint lists what is known.
CREATE FUNCTION pg_temp.refusal(profile text) RETURNS text LANGUAGE sql AS $$
  SELECT state || ' ' || message || ' / ' || hint FROM pg_temp.outcome(format('SELECT roughly_set_profile(%L)', profile)) $$;
SELECT is(pg_temp.refusal('{"gender": "f"}'), '22023 the value for dimension "gender" is not one of its categories / Allowed are "female", "male", "non_binary", "other", or nothing at all.', 'a category');
SELECT is(pg_temp.refusal('{"extra": {"shirt": "s"}}'), '22023 the value for dimension "tap_shirt" is not one of its categories / Allowed are "S", "M", "L", or nothing at all.', 'one of extra');
SELECT is(pg_temp.refusal('{"extra": {"party": "seventeen letters"}}'), '22023 the value for dimension "tap_party" is not a code / A code has 1 to 16 bytes, without control characters or outer spaces.', 'a long code');
SELECT matches(pg_temp.refusal(jsonb_build_object('extra', jsonb_build_object('party', c))::text), '^22023 the value for dimension "tap_party" is not a code', format('%L is no code', c))
  FROM unnest(ARRAY[' DE', 'DE ', E'D\tE', 'not stated', 'ééééééééé']) c;
SELECT is(pg_temp.refusal(jsonb_build_object('country', c)::text), '22023 "country" is not a code of ISO 3166-1 alpha-2 / For example DE.', format('%L is no country', c)) FROM unnest(ARRAY['de', 'XX', 'DEU', 'Germany', ' DE', 'not stated']) c;
SELECT is(pg_temp.refusal(jsonb_build_object('region', r)::text), '22023 "region" is not a code of ISO 3166-2 / For example DE-BY.', format('%L is no region', r)) FROM unnest(ARRAY['DE', 'BY', 'DE-XX', 'de-by']) r;
SELECT matches(pg_temp.refusal(profile), '^22023 ', profile || ' is refused')
  FROM unnest(ARRAY['{"extra": {"children": "many"}}', '{"extra": {"children": 1.5}}', '{"extra": {"children": "1 "}}', '{"extra": {"children": "+1"}}', '{"extra": {"children": "0x1"}}',
    '{"extra": {"children": 9223372036854775808}}', '{"extra": {"children": true}}', '{"extra": {"children": [1]}}', '{"extra": {"children": {}}}', '{"birth_year": 1980.0}', '{"birth_year": " 1980"}',
    '{"birth_year": "198"}', '{"birth_year": false}', '{"sex": "f"}', '{"education_level": ""}', '[]', '1', 'null', '{"extra": 1}']) profile;
SELECT is((SELECT state FROM pg_temp.outcome($$SELECT roughly_set_profile('{"gender": "male", "country": "seventeen letters"}')$$)), '22023', 'one wrong value');
SELECT is((SELECT gender FROM roughly.user_profiles), 'other', 'and nothing is changed');

-- Past the function a profile can hold what no dimension knows; it is found before the vote.
SELECT lives_ok($$UPDATE roughly.user_profiles SET gender = 'unheard of'$$, 'the table itself takes any text');
SELECT throws_ok(format('SELECT roughly_my_snapshot(%L)', :'built_in'), '22023', 'the value for dimension "gender" is not one of its categories', 'the snapshot does not');
SELECT lives_ok($$UPDATE roughly.user_profiles SET gender = NULL, country = 'XX'$$, 'also for a country');
SELECT throws_ok(format('SELECT roughly_my_snapshot(%L)', :'built_in'), '22023', '"country" is not a code of ISO 3166-1 alpha-2', 'which the snapshot refuses too');
SELECT lives_ok($$UPDATE roughly.user_profiles SET gender = 'unheard of', country = 'DE'$$, '(and back)');
SELECT throws_ok(format('SELECT roughly_cast_vote(%L, %L)', :'built_in', 'a'), '22023', NULL, 'nor does a vote');
SELECT lives_ok(format('SELECT roughly_my_snapshot(%L)', :'added'), 'a question without that dimension is not disturbed');
UPDATE roughly.user_profiles SET gender = NULL, extra = '{"shirt": ["M"], "children": {"n": 1}}';
SELECT throws_ok(format('SELECT roughly_my_snapshot(%L)', :'added'), '22023', NULL, 'nor anything but plain values');
UPDATE roughly.user_profiles SET extra = '{"shirt": ""}';
SELECT is((SELECT category FROM roughly_my_snapshot(:'added') WHERE dimension = 'tap_shirt'), 'not stated', 'an empty text states nothing');
RESET SESSION AUTHORIZATION;
DELETE FROM roughly.user_profiles WHERE user_id = :'ada';
SET LOCAL SESSION AUTHORIZATION tap_app;
SELECT is((SELECT count(*) FROM roughly_my_snapshot(:'built_in') WHERE category = 'not stated'), 6::bigint, 'without a profile all is not stated');
SELECT lives_ok(format('SELECT roughly_cast_vote(%L, %L)', :'built_in', 'a'), 'and a vote is cast');
RESET SESSION AUTHORIZATION;

-- What reads one source allows the same values, and fits it.
SET LOCAL SESSION AUTHORIZATION tap_admin;
SELECT throws_ok(call, '22023', message, message) FROM (VALUES
  ($$SELECT roughly_add_dimension('tap_gender', 'gender', '{f,m}')$$, 'dimension "gender" reads "gender" too and allows other values'),
  ($$SELECT roughly_add_dimension('tap_gender', 'gender')$$, 'dimension "gender" reads "gender" too and allows other values'),
  ($$SELECT roughly_add_dimension('tap_shirts', 'extra.shirt', NULL, '{1}')$$, 'dimension "tap_shirt" reads "extra.shirt" too and allows other values'),
  ($$SELECT roughly_add_dimension('tap_age', 'age', '{young,old}')$$, 'a dimension of "age" must have band edges'),
  ($$SELECT roughly_add_dimension('tap_year', 'birth_year')$$, 'a dimension of "birth_year" must have band edges'),
  ($$SELECT roughly_add_dimension('tap_land', 'country', '{DE,ZZ}')$$, '"country" is not a code of ISO 3166-1 alpha-2')) v (call, message);
SELECT lives_ok($$SELECT roughly_add_dimension('tap_decade', 'birth_year', NULL, '{1950,1960}'), roughly_add_dimension('tap_half', 'birth_year', NULL, '{1970}'),
                         roughly_add_dimension('tap_sex', 'gender', '{other,non_binary,male,female}')$$, 'bands may differ, categories only in their order');
RESET SESSION AUTHORIZATION;

-- A profile has room for 8192 bytes of what is not a column, however they came together.
SET LOCAL SESSION AUTHORIZATION tap_app;
SELECT pg_temp.act('ada') \g /dev/null
SELECT lives_ok($$SELECT roughly_set_profile(jsonb_build_object('extra', jsonb_build_object('a', repeat('x', 5000))))$$, 'a long text');
SELECT throws_ok($$SELECT roughly_set_profile(jsonb_build_object('extra', jsonb_build_object('b', repeat('x', 5000))))$$, '22001', '"extra" is longer than 8192 bytes', 'but not two');
SELECT pg_temp.act('ada') \g /dev/null
SELECT throws_ok(format('SELECT roughly_set_profile(jsonb_build_object(%L, repeat(''x'', 101)))', key), '22001', format('"%s" is longer than 100 bytes', key), key || ' is short')
  FROM unnest('{gender,education_level,income_bracket,country,region}'::text[]) key;
RESET SESSION AUTHORIZATION;

-- A question keeps the definitions it was made with.
UPDATE roughly.dimensions SET categories = '{X}' WHERE name = 'tap_shirt';
SELECT pg_temp.person('bob', '{"extra": {"shirt": "L"}}') \g /dev/null
SELECT pg_temp.act('bob') \g /dev/null
SELECT is((SELECT category FROM roughly_my_snapshot(:'added') WHERE dimension = 'tap_shirt'), 'L', 'frozen when it was made');
SELECT is((SELECT hint FROM pg_temp.outcome($$SELECT roughly_set_profile('{"extra": {"shirt": "L"}}')$$)), 'Allowed are "X", or nothing at all.', 'new profiles follow the new definition');
-- What is no definition any more is found when it is read.
UPDATE roughly.dimensions SET kind = 'bands', categories = NULL, edges = '{3,2}' WHERE name = 'tap_shirt';
SELECT throws_ok('SELECT roughly_dimensions()', '22023', NULL, 'a definition damaged by hand is refused');

SELECT * FROM finish();
ROLLBACK;
