-- Run by a superuser in a fresh database: the extension, three log-in roles, the survey, the question.
CREATE EXTENSION roughly_auth;

CREATE ROLE demo_admin LOGIN IN ROLE roughly_admin;
CREATE ROLE demo_app LOGIN IN ROLE roughly_app;
CREATE ROLE demo_reader LOGIN; -- gets CONNECT and USAGE and nothing else
REVOKE ALL ON DATABASE demo FROM PUBLIC;
REVOKE ALL ON SCHEMA public FROM PUBLIC;
GRANT CONNECT ON DATABASE demo TO demo_admin, demo_app, demo_reader;
GRANT USAGE ON SCHEMA public TO demo_admin, demo_app, demo_reader;

-- American National Election Study 1996, public domain. The note that comes with the CSV calls the education levels 5
-- to 7 college, master's and PhD. A doctorate for one American in seven cannot be; these are the levels of the study's seven-step scale.
\set education '{8 grades or less,some high school,high school,some college,community college,bachelor,more than bachelor}'
\set income '{under $15k,$15k-30k,$30k-50k,$50k-75k,$75k and more}'
\set party '{strong Democrat,weak Democrat,leans Democrat,independent,leans Republican,weak Republican,strong Republican}'
\set tv_news '{never,1-6 days a week,every day}'

-- The survey in the clear, closed to all but superusers: it says what each person does in the poll, and it is the truth
-- for the comparison at the end. A real poll has no such thing.
CREATE SCHEMA scratch;
CREATE TABLE scratch.survey (id serial, popul int, tvnews int, selflr int, clinlr int, dolelr int, pid int, age int,
  educ int, income int, vote int);
\copy scratch.survey (popul,tvnews,selflr,clinlr,dolelr,pid,age,educ,income,vote) FROM 'build/surveys/anes96.csv' CSV HEADER

CREATE TABLE scratch.people AS
SELECT row_number() OVER (ORDER BY md5('seed 1, person ' || id)) AS arrival,
       format('voter%s@example.org', id) AS email,
       date_part('year', now() AT TIME ZONE 'UTC') - age AS birth_year,
       ('{under 18,18-24,25-34,35-44,45-54,55-64,65+}'::text[])[1 + width_bucket(age, '{18,25,35,45,55,65}'::int[])]
         AS age_band,
       (:'education'::text[])[educ] AS education,
       (:'income'::text[])[1 + width_bucket(income, '{11,16,20,22}'::int[])] AS income,
       (:'party'::text[])[1 + pid] AS party,
       (:'tv_news'::text[])[1 + width_bucket(tvnews, '{1,7}'::int[])] AS tv_news,
       ('{Clinton,Dole}'::text[])[1 + vote] AS choice
  FROM scratch.survey;
-- What the reader has seen after each release.
CREATE TABLE scratch.read (slice jsonb, release int, people int, clinton int);

GRANT USAGE ON SCHEMA scratch TO demo_admin;
GRANT SELECT (email) ON scratch.people TO demo_admin;

\connect - demo_admin
\o /dev/null
SELECT roughly_add_dimension('education', 'extra.education', :'education'),
       roughly_add_dimension('income', 'extra.income', :'income'),
       roughly_add_dimension('party', 'extra.party', :'party'),
       roughly_add_dimension('tv_news', 'extra.tv_news', :'tv_news');
-- One hash for all, so that the import does not spend a minute on hashing; each log-in checks it in full.
SELECT roughly_hash_password(:'password') AS hash \gset
SELECT roughly_admin_import_user(email, :'hash') FROM scratch.people;
SELECT roughly_create_question('Clinton or Dole?', '{Clinton,Dole}', '{age_band,education,income,party,tv_news}',
         k => 10, growth => 1);
