-- Profiles and dimensions.
\set VERBOSITY default
\set SHOW_CONTEXT never
\set state '\\echo SQLSTATE :SQLSTATE'
SET client_min_messages = warning;
CREATE EXTENSION roughly_auth;
CREATE ROLE regress_app LOGIN IN ROLE roughly_app;
CREATE ROLE regress_admin LOGIN IN ROLE roughly_admin;
CREATE ROLE regress_plain LOGIN;
SELECT roughly_hash_password('correct horse') AS hash \gset
SELECT roughly_admin_import_user('ada@example.org', :'hash') AS ada \gset
SELECT roughly_admin_import_user('bob@example.org', :'hash') AS bob \gset
SELECT session_token AS token FROM roughly_log_in('ada@example.org', 'correct horse') \gset
SELECT session_token AS bob_token FROM roughly_log_in('bob@example.org', 'correct horse') \gset
CREATE FUNCTION try_profile(token text, profile jsonb) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  PERFORM roughly_authenticate(token);
  PERFORM roughly_set_profile(profile);
END $$;
\set nothing '00000000-0000-0000-0000-000000000000'
\pset null '(null)'

-- Dimensions that are always there, and further ones.
SET SESSION AUTHORIZATION regress_admin;
SELECT roughly_add_dimension('cohort', 'birth_year', edges => '{1960,1980,1981,2000}', label => 'year of birth');
SELECT roughly_add_dimension('shirt', 'extra.shirt', '{S,M,L}');
SELECT roughly_add_dimension('party', 'extra.party');
SELECT roughly_add_dimension('children', 'extra.children', edges => '{1,3}');
SELECT roughly_add_dimension('newsletter', 'extra.newsletter', '{true,false}');
SELECT * FROM roughly_dimensions();

-- What is no dimension.
SELECT roughly_add_dimension(NULL, 'country'); :state
SELECT roughly_add_dimension('x', NULL); :state
SELECT roughly_add_dimension('', 'country'); :state
SELECT roughly_add_dimension('Land', 'country'); :state
SELECT roughly_add_dimension('1st', 'country'); :state
SELECT roughly_add_dimension('a b', 'country'); :state
SELECT roughly_add_dimension(repeat('x', 64), 'country'); :state
SELECT roughly_add_dimension(repeat('x', 1000000), 'country'); :state
SELECT roughly_add_dimension('shirt', 'extra.shirt'); :state
SELECT roughly_add_dimension('age_band', 'age', edges => '{50}'); :state
SELECT roughly_add_dimension('x', ''); :state
SELECT roughly_add_dimension('x', 'email'); :state
SELECT roughly_add_dimension('x', 'user_id'); :state
SELECT roughly_add_dimension('x', 'extra'); :state
SELECT roughly_add_dimension('x', 'extra.'); :state
SELECT roughly_add_dimension('x', 'extra.' || repeat('x', 59)); :state
SELECT roughly_add_dimension('x', 'extra.x', '{}'); :state
SELECT roughly_add_dimension('x', 'extra.x', '{a,NULL}'); :state
SELECT roughly_add_dimension('x', 'extra.x', '{a,""}'); :state
SELECT roughly_add_dimension('x', 'extra.x', '{a,b,a}'); :state
SELECT roughly_add_dimension('x', 'extra.x', '{a,not stated}'); :state
SELECT roughly_add_dimension('x', 'extra.x', ARRAY[repeat('x', 101)]); :state
SELECT roughly_add_dimension('x', 'extra.x', ARRAY[E'a\nb']); :state
SELECT roughly_add_dimension('x', 'extra.x', (SELECT array_agg(n::text) FROM generate_series(1, 255) n)); :state
SELECT roughly_add_dimension('x', 'extra.x', '{a}', '{1}'); :state
SELECT roughly_add_dimension('x', 'extra.x', edges => '{}'); :state
SELECT roughly_add_dimension('x', 'extra.x', edges => '{1,NULL}'); :state
SELECT roughly_add_dimension('x', 'extra.x', edges => '{1,1}'); :state
SELECT roughly_add_dimension('x', 'extra.x', edges => '{2,1}'); :state
SELECT roughly_add_dimension('x', 'extra.x', edges => (SELECT array_agg(n) FROM generate_series(1, 254) n)); :state
SELECT roughly_add_dimension('x', 'extra.x', label => repeat('x', 101)); :state
SELECT roughly_add_dimension('x', 'extra.x', label => E'a\nb'); :state
-- As many as there may be, and the extreme edges.
BEGIN;
SELECT roughly_add_dimension('many', 'extra.many', (SELECT array_agg(n::text) FROM generate_series(1, 254) n));
SELECT roughly_add_dimension('bands', 'extra.bands', edges => (SELECT array_agg(n) FROM generate_series(1, 253) n));
SELECT roughly_add_dimension('far', 'extra.far', edges => '{-9223372036854775808,-1,0,9223372036854775807}');
SELECT name, cardinality(categories), categories[1], categories[2], categories[cardinality(categories)]
  FROM roughly_dimensions() WHERE name IN ('many', 'bands', 'far');
ROLLBACK;
BEGIN READ ONLY;
SELECT roughly_add_dimension('x', 'extra.x'); :state
ROLLBACK;

-- One's own profile.
SELECT roughly_create_question('Which?', '{a,b}', '{age_band,country,gender,cohort,shirt,party,children,newsletter}') AS question \gset
SET SESSION AUTHORIZATION regress_app;
SELECT roughly_set_profile('{}'); :state
BEGIN;
SELECT user_id = :'ada' AS ada FROM roughly_authenticate(:'token');
SELECT * FROM roughly_my_snapshot(:'question');
SELECT roughly_set_profile('{}');
SELECT roughly_set_profile('{"birth_year": 1980, "country": "DE", "gender": "female",
  "extra": {"shirt": "M", "party": "x", "children": 2, "newsletter": true, "unread": "by no dimension"}}');
SELECT * FROM roughly_my_snapshot(:'question') WHERE dimension <> 'age_band';
COMMIT;
BEGIN;
SELECT user_id = :'ada' AS ada FROM roughly_authenticate(:'token');
-- A key that is absent stays, a null is cleared, also inside extra.
SELECT roughly_set_profile('{"country": "AT", "gender": null, "extra": {"shirt": null, "children": 0}}');
SELECT birth_year, country, region, gender, education_level, income_bracket, extra FROM roughly.user_profiles;
SELECT * FROM roughly_my_snapshot(:'question') WHERE dimension <> 'age_band';
SELECT roughly_set_profile('{"extra": null}');
SELECT birth_year, country, extra, updated_at = now() AS updated FROM roughly.user_profiles;
COMMIT;

-- What no profile holds.
SELECT try_profile(:'token', NULL); :state
SELECT try_profile(:'token', 'null'); :state
SELECT try_profile(:'token', '[]'); :state
SELECT try_profile(:'token', '[{"birth_year": 1980}]'); :state
SELECT try_profile(:'token', '"DE"'); :state
SELECT try_profile(:'token', '1980'); :state
SELECT try_profile(:'token', '{"birthday": 1980}'); :state
SELECT try_profile(:'token', '{"age": 30}'); :state
SELECT try_profile(:'token', '{"user_id": "00000000-0000-0000-0000-000000000000"}'); :state
SELECT try_profile(:'token', '{"id": null}'); :state
SELECT try_profile(:'token', '{"inserted_at": "2020-01-01"}'); :state
SELECT try_profile(:'token', '{"": 1}'); :state
SELECT try_profile(:'token', '{"birth_year": 1899}'); :state
SELECT try_profile(:'token', '{"birth_year": 2101}'); :state
SELECT try_profile(:'token', '{"birth_year": 1980.5}'); :state
SELECT try_profile(:'token', '{"birth_year": -1980}'); :state
SELECT try_profile(:'token', '{"birth_year": "old"}'); :state
SELECT try_profile(:'token', '{"birth_year": true}'); :state
SELECT try_profile(:'token', '{"birth_year": 1e400}'); :state
SELECT try_profile(:'token', '{"birth_year": []}'); :state
SELECT try_profile(:'token', '{"gender": "f"}'); :state
SELECT try_profile(:'token', '{"gender": "Female"}'); :state
SELECT try_profile(:'token', '{"gender": {"now": "female"}}'); :state
SELECT try_profile(:'token', '{"gender": ""}'); :state
SELECT try_profile(:'token', '{"education_level": "phd"}'); :state
SELECT try_profile(:'token', '{"income_bracket": 5}'); :state
SELECT try_profile(:'token', '{"country": "the very far country"}'); :state
SELECT try_profile(:'token', '{"country": " DE"}'); :state
SELECT try_profile(:'token', '{"country": "de"}'); :state
SELECT try_profile(:'token', '{"country": "XX"}'); :state
SELECT try_profile(:'token', '{"country": "DEU"}'); :state
SELECT try_profile(:'token', '{"country": 276}'); :state
SELECT try_profile(:'token', '{"region": "DE"}'); :state
SELECT try_profile(:'token', '{"region": "DE-XX"}'); :state
SELECT try_profile(:'token', '{"extra": {"party": "not stated"}}'); :state
SELECT try_profile(:'token', '{"extra": {"party": " x"}}'); :state
SELECT try_profile(:'token', '{"extra": {"party": "x\ny"}}'); :state
SELECT try_profile(:'token', '{"region": ""}'); :state
SELECT try_profile(:'token', '{"extra": []}'); :state
SELECT try_profile(:'token', '{"extra": "x"}'); :state
SELECT try_profile(:'token', '{"extra": {"shirt": "XXL"}}'); :state
SELECT try_profile(:'token', '{"extra": {"shirt": ["M"]}}'); :state
SELECT try_profile(:'token', '{"extra": {"party": "seventeen letters"}}'); :state
SELECT try_profile(:'token', '{"extra": {"children": "two"}}'); :state
SELECT try_profile(:'token', '{"extra": {"children": 1.5}}'); :state
SELECT try_profile(:'token', '{"extra": {"children": 9223372036854775808}}'); :state
SELECT try_profile(:'token', '{"extra": {"newsletter": "maybe"}}'); :state
SELECT try_profile(:'token', '{"extra": {"deep": {"er": 1}}}'); :state
SELECT try_profile(:'token', '{"extra": {"empty": ""}}'); :state
SELECT try_profile(:'token', jsonb_build_object('extra', jsonb_build_object('long', repeat('x', 9000)))); :state
SELECT try_profile(:'token', jsonb_build_object(repeat('x', 100), 1)); :state
BEGIN;
SELECT user_id = :'ada' AS ada FROM roughly_authenticate(:'token');
SELECT birth_year, country, gender, extra FROM roughly.user_profiles; -- as before
COMMIT;
BEGIN READ ONLY;
SELECT try_profile(:'token', '{"birth_year": 1981}'); :state
ROLLBACK;

-- Rows are one's own. Bob sees and changes nothing of ada's, and nobody sees anything.
BEGIN;
SELECT user_id = :'bob' AS bob FROM roughly_authenticate(:'bob_token');
SELECT email FROM roughly.users;
SELECT count(*) FROM roughly.user_profiles;
UPDATE roughly.user_profiles SET country = 'XX' RETURNING 1;
INSERT INTO roughly.user_profiles (birth_year, country) VALUES (1990, 'FR') RETURNING user_id = :'bob' AS bob;
UPDATE roughly.user_profiles SET country = 'CH' RETURNING birth_year, country;
INSERT INTO roughly.user_profiles (birth_year) VALUES (1990); :state
ROLLBACK;
SELECT count(*) FROM roughly.users;
SELECT count(*) FROM roughly.user_profiles;
INSERT INTO roughly.user_profiles (birth_year) VALUES (1990); :state
INSERT INTO roughly.user_profiles (user_id, birth_year) VALUES (:'nothing', 1990); :state
UPDATE roughly.user_profiles SET user_id = :'nothing'; :state
UPDATE roughly.user_profiles SET birth_year = 1990 RETURNING 1;
DELETE FROM roughly.user_profiles; :state
SELECT hashed_password FROM roughly.users; :state
SELECT vote_secret FROM roughly.users; :state
SELECT * FROM roughly.users; :state
-- The table refuses what could never be counted.
BEGIN;
SELECT user_id = :'bob' AS bob FROM roughly_authenticate(:'bob_token');
INSERT INTO roughly.user_profiles (birth_year) VALUES (19800); :state
ROLLBACK;
BEGIN;
SELECT user_id = :'bob' AS bob FROM roughly_authenticate(:'bob_token');
INSERT INTO roughly.user_profiles (extra) VALUES ('[]'); :state
ROLLBACK;

-- A snapshot.
SELECT * FROM roughly_my_snapshot(:'question'); :state
BEGIN;
SELECT user_id = :'ada' AS ada FROM roughly_authenticate(:'token');
SELECT * FROM roughly_my_snapshot(NULL); :state
ROLLBACK;
BEGIN;
SELECT user_id = :'ada' AS ada FROM roughly_authenticate(:'token');
SELECT * FROM roughly_my_snapshot(:'nothing'); :state
ROLLBACK;
-- Somebody who wrote past the function finds out before voting.
BEGIN;
SELECT user_id = :'bob' AS bob FROM roughly_authenticate(:'bob_token');
INSERT INTO roughly.user_profiles (gender) VALUES ('unheard of');
SELECT * FROM roughly_my_snapshot(:'question'); :state
ROLLBACK;

-- Who may.
SELECT count(*) > 5 AS "dimensions" FROM roughly_dimensions();
SELECT roughly_add_dimension('x', 'extra.x'); :state
SELECT roughly.may_write_account();
SET SESSION AUTHORIZATION regress_admin;
SELECT roughly_set_profile('{}'); :state
SELECT roughly_my_snapshot(:'question'); :state
SELECT roughly.may_write_account(); :state
SELECT FROM roughly.user_profiles; :state
SET SESSION AUTHORIZATION regress_plain;
SELECT roughly_set_profile('{}'); :state
SELECT roughly_my_snapshot(:'question'); :state
SELECT roughly_dimensions(); :state
SELECT roughly_add_dimension('x', 'extra.x'); :state
SELECT roughly.may_write_account(); :state
RESET SESSION AUTHORIZATION;

-- Arguments of another type, too few or too many, are PostgreSQL's to refuse.
\set VERBOSITY sqlstate
SELECT roughly_add_dimension('x', 'extra.x', edges => '{1.5}');
SELECT roughly_add_dimension('x', 'extra.x', edges => '{9223372036854775808}');
SELECT roughly_add_dimension('x');
SELECT roughly_add_dimension('x', 'extra.x', 'a');
SELECT roughly_set_profile('{"birth_year": 1980');
SELECT roughly_set_profile(42);
SELECT roughly_set_profile();
SELECT roughly_my_snapshot('x');
SELECT roughly_my_snapshot();
SELECT roughly_dimensions(1);
\set VERBOSITY default

DROP FUNCTION try_profile;
DROP ROLE regress_app, regress_admin, regress_plain;
DROP EXTENSION roughly_auth;
