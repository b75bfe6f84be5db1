-- The tables as designed. That they can be distributed: distributable.sql.
BEGIN;
\ir common.psql
SELECT no_plan();

-- Columns, types, what may be null.
CREATE TEMP TABLE designed (name text, columns text);
INSERT INTO designed VALUES
  ('keys', 'key_id integer!, fingerprint text!, active boolean!, created timestamp with time zone!, resealed timestamp with time zone, digest_keys bytea'),
  ('users', 'id uuid!, email text!, email_normalized text!, email_seal bytea!, hashed_password bytea, password_changed_at timestamp with time zone, confirmed_at timestamp with time zone, banned_until timestamp with time zone, votes_from timestamp with time zone!, vote_secret bytea!, inserted_at timestamp with time zone!, updated_at timestamp with time zone!'),
  ('tombstones', 'email_digest bytea!'),
  ('audit_log', 'id uuid!, on_date date!, action text!, user_id uuid'),
  ('user_tokens', 'id uuid!, user_id uuid!, context text!, key_id integer!, token_digest bytea!, previous_digest bytea, rotated_at timestamp with time zone, authenticated_at timestamp with time zone!, aal smallint!, sent_to text, inserted_at timestamp with time zone!, last_used_on date, expires_at timestamp with time zone!, not_after timestamp with time zone, user_agent text, ip_prefix cidr'),
  ('login_failures', 'email_digest bytea!, failures integer!, throttled_until timestamp with time zone, inserted_at timestamp with time zone!'),
  ('mail_outbox', 'id uuid!, sealed bytea!, attempts integer!, locked_until timestamp with time zone!'),
  ('password_blocklist', 'digest bytea!'),
  ('mfa_factors', 'id uuid!, user_id uuid!, sealed bytea!, verified boolean!, last_used_step bigint!, inserted_at timestamp with time zone!'),
  ('recovery_codes', 'user_id uuid!, code_digest bytea!'),
  ('user_profiles', 'id uuid!, user_id uuid!, birth_year integer, country text, region text, gender text, education_level text, income_bracket text, extra jsonb!, inserted_at timestamp with time zone!, updated_at timestamp with time zone!'),
  ('dimensions', 'name text!, source text!, kind text!, categories text[], edges bigint[], label text!, builtin boolean!'),
  ('questions', 'id uuid!, prompt text!, choices text[]!, dimensions bytea!, k integer!, max_rank integer!, min_batch integer!, growth double precision!, max_wait interval, max_dims integer!, require_confirmed boolean!, min_account_age interval!, epsilon double precision, receipts text!, witness_account_age interval!, witness_daily_votes integer, opens_at timestamp with time zone!, closes_at timestamp with time zone, state text!, batch integer!, release integer!, released_at timestamp with time zone, policy_seal bytea!, inserted_at timestamp with time zone!'),
  ('contradictions', 'question_id uuid!, choice text!, other_id uuid!, other_choice text!'),
  ('votes', 'question_id uuid!, voter_tag uuid!, receipt bytea!'),
  ('ballots', 'question_id uuid!, id uuid!, sealed bytea!'),
  ('batches', 'question_id uuid!, batch_no integer!, block_no integer!, blocks integer!, sealed bytea!'),
  ('tallies', 'question_id uuid!, sealed bytea!'),
  ('releases', 'question_id uuid!, view text[]!, release_no integer!, cells bytea!, published_at timestamp with time zone!');
SELECT tables_are('roughly', ARRAY(SELECT name::name FROM designed), 'the tables');
SELECT is((SELECT string_agg(attname || ' ' || format_type(atttypid, atttypmod) || CASE WHEN attnotnull THEN '!' ELSE '' END, ', ' ORDER BY attnum)
             FROM pg_attribute WHERE attrelid = ('roughly.' || name)::regclass AND attnum > 0 AND NOT attisdropped), columns, 'the columns of ' || name)
  FROM designed;
SELECT views_are('roughly', '{}'::name[], 'no view');
SELECT sequences_are('roughly', ARRAY(SELECT 'throttle_' || n FROM generate_series(0, 255) n)::name[], 'no sequence but the clocks of the throttle');
SELECT functions_are('roughly', '{ensure_key_file,export_my_data,may_write_account,
  node_number,node_status,node_add_vote,node_find_receipts,node_enough_ballots,node_following_ballots,node_discard_ballots,node_replace_ballot,node_taken_votes}'::name[], 'the functions in the closed schema');

-- Keys.
SELECT col_is_pk('roughly', name, keys, 'the key of ' || name)
  FROM (VALUES ('keys'::name, '{key_id}'::name[]), ('users', '{id}'), ('user_tokens', '{id}'), ('user_profiles', '{id}'), ('dimensions', '{name}'), ('questions', '{id}'),
    ('votes', '{question_id,voter_tag}'), ('ballots', '{question_id,id}'), ('batches', '{question_id,batch_no,block_no}'), ('tallies', '{question_id}'), ('releases', '{question_id,view,release_no}'),
    ('tombstones', '{email_digest}'), ('audit_log', '{id}'), ('login_failures', '{email_digest}'), ('mail_outbox', '{id}'), ('password_blocklist', '{digest}'), ('mfa_factors', '{id}'), ('recovery_codes', '{user_id,code_digest}')) v (name, keys);
SELECT col_is_unique('roughly', 'users', 'email_normalized', 'one account for an address');
SELECT col_is_unique('roughly', 'user_profiles', 'user_id', 'one profile for an account');
SELECT col_is_unique('roughly', 'mfa_factors', 'user_id', 'one second factor for an account');
SELECT index_is_unique('roughly', 'user_tokens', 'user_tokens_one_per_context', 'one mailed token for an account and purpose');

-- References.
SELECT results_eq($$SELECT conrelid::regclass::text, confrelid::regclass::text, confdeltype FROM pg_constraint
    WHERE contype = 'f' AND connamespace = 'roughly'::regnamespace ORDER BY 1$$,
  $$VALUES ('roughly.batches', 'roughly.questions', 'a'::"char"), ('roughly.mfa_factors', 'roughly.users', 'c'), ('roughly.recovery_codes', 'roughly.users', 'c'),
           ('roughly.releases', 'roughly.questions', 'a'), ('roughly.tallies', 'roughly.questions', 'a'),
           ('roughly.user_profiles', 'roughly.users', 'c'), ('roughly.user_tokens', 'roughly.users', 'c')$$,
  'sessions, factors and profiles go with their account; nothing else points at accounts, and nothing at votes or ballots');
SELECT is_empty($$SELECT attrelid::regclass, attname FROM pg_attribute WHERE attrelid::regclass::text IN ('roughly.votes', 'roughly.ballots', 'roughly.batches', 'roughly.tallies', 'roughly.releases', 'roughly.questions')
  AND attname ~ 'user|email|token'$$, 'no column of theirs names a person');
-- Ids tell no time, and nothing in votes and ballots does.
SELECT is_empty($$SELECT adrelid::regclass, pg_get_expr(adbin, adrelid) FROM pg_attrdef JOIN pg_attribute ON attrelid = adrelid AND attnum = adnum
  WHERE atttypid = 'uuid'::regtype AND adrelid IN (SELECT oid FROM pg_class WHERE relnamespace = 'roughly'::regnamespace)
    AND pg_get_expr(adbin, adrelid) NOT IN ('gen_random_uuid()', 'roughly_current_user()')$$, 'ids are random');
SELECT is_empty($$SELECT attrelid::regclass, attname FROM pg_attribute WHERE attrelid::regclass::text IN ('roughly.votes', 'roughly.ballots', 'roughly.batches')
  AND format_type(atttypid, NULL) ~ 'time|date|interval'$$, 'no row of a vote has a time');
-- Statistics would be copies of rows, for whoever reads catalogs.
SELECT is_empty($$SELECT attrelid::regclass, attname FROM pg_attribute JOIN pg_class c ON c.oid = attrelid
  WHERE relnamespace = 'roughly'::regnamespace AND relkind = 'r' AND attnum > 0 AND NOT attisdropped AND attstattarget IS DISTINCT FROM 0$$, 'ANALYZE keeps nothing of any column');
SET LOCAL roughly_auth.isolate_votes = off;
SELECT pg_temp.person('ada', '{"birth_year": 1980, "country": "DE", "extra": {"shirt": "M"}}') \g /dev/null
SELECT pg_temp.vote('ada', roughly_create_question('tap: Tea or coffee?', '{tea,coffee}'), 'tea') \g /dev/null
ANALYZE roughly.users, roughly.user_profiles, roughly.user_tokens, roughly.votes, roughly.ballots;
SELECT is_empty($$SELECT tablename, attname FROM pg_stats WHERE schemaname = 'roughly'$$, 'and has not');
SELECT is(pg_temp.mutated('ALTER TABLE roughly.users ALTER email SET STATISTICS 10; ANALYZE roughly.users',
  $$SELECT most_common_vals IS NOT NULL OR n_distinct = -1 FROM pg_stats WHERE schemaname = 'roughly' AND tablename = 'users' AND attname = 'email'$$), 'true', '(it would)');

-- What times an account would time its votes: the log of events knows days only.
SELECT is_empty($$SELECT attname FROM pg_attribute WHERE attrelid = 'roughly.audit_log'::regclass AND attnum > 0 AND format_type(atttypid, NULL) ~ 'time'$$, 'events have a date, no time');

-- The rest.
CREATE TEMP VIEW extension AS SELECT classid, objid AS oid FROM pg_depend
  WHERE deptype = 'e' AND refclassid = 'pg_extension'::regclass AND refobjid = (SELECT oid FROM pg_extension WHERE extname = 'roughly_auth');
SELECT is_empty($$SELECT pg_describe_object(classid, oid, 0) FROM extension WHERE obj_description(oid, classid::regclass::name) IS NULL
  AND oid NOT IN (SELECT oid FROM pg_class WHERE relkind = 'S') AND classid <> 'pg_type'::regclass$$, 'a comment on everything'); -- from PostgreSQL 17 on a table's types are members
SELECT is(pg_temp.mutated('COMMENT ON TABLE roughly.votes IS NULL', $$SELECT obj_description('roughly.votes'::regclass)$$), '', '(it could be lacking)');
SELECT is_empty($$SELECT schemaname, tablename FROM pg_publication_tables WHERE schemaname = 'roughly'$$, 'no publication carries a table of ours away');
-- What the dump leaves out: the dimensions that the script makes again.
SELECT results_eq($$SELECT c.oid::regclass::text FROM pg_extension, unnest(extconfig, extcondition) AS e (oid, condition) JOIN pg_class c ON c.oid = e.oid
  WHERE extname = 'roughly_auth' AND condition <> ''$$, ARRAY['roughly.dimensions'], 'only dimensions are dumped in part');

SELECT * FROM finish();
ROLLBACK;
