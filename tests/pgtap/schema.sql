-- The tables as designed, and the lint that keeps them ready to be distributed.
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
SELECT functions_are('roughly', '{ensure_key_file,export_my_data,may_write_account}'::name[], 'the functions in the closed schema');

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

-- The lint: no query answers, and each finds a planted fault. The question group: everything that is kept by question.
CREATE TEMP VIEW extension AS SELECT classid, objid AS oid FROM pg_depend
  WHERE deptype = 'e' AND refclassid = 'pg_extension'::regclass AND refobjid = (SELECT oid FROM pg_extension WHERE extname = 'roughly_auth');
CREATE TEMP TABLE question_group AS SELECT ('roughly.' || name)::regclass::oid AS oid, CASE name WHEN 'questions' THEN 'id'::name ELSE 'question_id' END AS key
  FROM unnest('{questions,votes,ballots,batches,tallies,releases}'::text[]) name;
CREATE TEMP TABLE lint (rule text, query text, fault text, finds text);
INSERT INTO lint VALUES
  ('every unique index holds the question''s id',
   $$SELECT i.indexrelid::regclass FROM pg_index i JOIN question_group q ON q.oid = i.indrelid WHERE i.indisunique AND NOT EXISTS
     (SELECT FROM pg_attribute WHERE attrelid = i.indrelid AND attnum = ANY (i.indkey) AND attname = q.key)$$,
   'CREATE UNIQUE INDEX fault ON roughly.ballots (id)', 'roughly.fault'),
  ('no sequence but the throttle''s, and so no number that counts votes',
   $$SELECT oid::regclass FROM pg_class WHERE relnamespace = 'roughly'::regnamespace AND relkind = 'S' AND relname !~ '^throttle_[0-9]+$'$$,
   'CREATE SEQUENCE roughly.fault', 'roughly.fault'),
  ('no identity column',
   $$SELECT attrelid::regclass FROM pg_attribute JOIN question_group q ON q.oid = attrelid WHERE attidentity <> ''$$,
   'ALTER TABLE roughly.votes ADD fault bigint GENERATED ALWAYS AS IDENTITY', 'roughly.votes'),
  ('no trigger on the question group',
   $$SELECT tgname FROM pg_trigger JOIN question_group q ON q.oid = tgrelid WHERE NOT tgisinternal$$,
   'CREATE TRIGGER fault BEFORE UPDATE ON roughly.releases FOR EACH ROW EXECUTE FUNCTION suppress_redundant_updates_trigger()', 'fault'),
  ('no rule on any table',
   $$SELECT rulename FROM pg_rewrite JOIN extension e ON e.oid = ev_class$$,
   'CREATE RULE fault AS ON INSERT TO roughly.votes DO ALSO NOTHING', 'fault'),
  ('no reference leaves the question group or enters it',
   $$SELECT conname FROM pg_constraint WHERE contype = 'f' AND (conrelid IN (SELECT oid FROM extension) OR confrelid IN (SELECT oid FROM extension))
     AND (conrelid IN (SELECT oid FROM question_group)) <> (confrelid IN (SELECT oid FROM question_group))$$,
   'ALTER TABLE roughly.votes ADD voter uuid CONSTRAINT fault REFERENCES roughly.users', 'fault'),
  ('no function is SQL text with arguments',
   $$SELECT proname FROM pg_proc JOIN extension e USING (oid) WHERE prolang = (SELECT oid FROM pg_language WHERE lanname = 'sql') AND pronargs > 0$$,
   $$CREATE FUNCTION roughly.fault(int) RETURNS int LANGUAGE sql AS 'SELECT 1'; ALTER EXTENSION roughly_auth ADD FUNCTION roughly.fault(int)$$, 'fault'),
  ('PUBLIC runs what reads published numbers and the list of questions, nothing else',
   $$SELECT proname FROM pg_proc JOIN extension e USING (oid) WHERE has_function_privilege('public', oid, 'EXECUTE')
     AND proname NOT IN ('roughly_aggregate', 'roughly_release', 'roughly_questions')$$,
   'GRANT EXECUTE ON FUNCTION roughly_dimensions() TO PUBLIC', 'roughly_dimensions'),
  ('pg_dump takes every table along',
   $$SELECT oid::regclass FROM pg_class JOIN extension e USING (oid) WHERE relkind = 'r'
     AND NOT oid = ANY (coalesce((SELECT extconfig FROM pg_extension WHERE extname = 'roughly_auth'), '{}'))$$,
   'CREATE TABLE roughly.fault (); ALTER EXTENSION roughly_auth ADD TABLE roughly.fault', 'roughly.fault'),
  ('no policy on the question group: access is by functions alone',
   $$SELECT polname FROM pg_policy JOIN question_group q ON q.oid = polrelid$$,
   'CREATE POLICY fault ON roughly.votes USING (true)', 'fault'),
  ('forced row-level security on every table',
   $$SELECT oid::regclass FROM pg_class JOIN extension e USING (oid) WHERE relkind = 'r' AND NOT (relrowsecurity AND relforcerowsecurity)$$,
   'ALTER TABLE roughly.tallies NO FORCE ROW LEVEL SECURITY', 'roughly.tallies'),
  ('the owner is roughly_owner, of all of it',
   $$SELECT oid::regclass::text FROM pg_class JOIN extension e USING (oid) WHERE pg_get_userbyid(relowner) <> 'roughly_owner'
     UNION ALL SELECT oid::regprocedure::text FROM pg_proc JOIN extension e USING (oid) WHERE pg_get_userbyid(proowner) <> 'roughly_owner'$$,
   'ALTER TABLE roughly.keys OWNER TO tap_plain', 'roughly.keys'),
  ('a comment on everything',
   $$SELECT pg_describe_object(classid, oid, 0) FROM extension WHERE obj_description(oid, classid::regclass::name) IS NULL
     AND oid NOT IN (SELECT oid FROM pg_class WHERE relkind = 'S') AND classid <> 'pg_type'::regclass$$, -- from PostgreSQL 17 on a table's types are members
   'COMMENT ON TABLE roughly.votes IS NULL', 'table roughly.votes'),
  ('no publication carries a table of ours away',
   $$SELECT schemaname || '.' || tablename FROM pg_publication_tables WHERE schemaname = 'roughly'$$,
   'CREATE PUBLICATION fault FOR TABLE roughly.users', 'roughly.users');
CREATE FUNCTION pg_temp.found(query text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
  all_of_it text;
BEGIN
  EXECUTE 'SELECT string_agg(found::text, '' '') FROM (' || query || ') AS q (found)' INTO all_of_it;
  RETURN all_of_it;
END $$;
SELECT is(pg_temp.found(query), NULL, rule) FROM lint;
SELECT is(pg_temp.mutated('SET LOCAL client_min_messages = error; ' || fault, format('SELECT pg_temp.found(%L)', query)), finds, '(' || fault || ': found)') FROM lint;

-- What the dump leaves out: the dimensions that the script makes again.
SELECT results_eq($$SELECT c.oid::regclass::text FROM pg_extension, unnest(extconfig, extcondition) AS e (oid, condition) JOIN pg_class c ON c.oid = e.oid
  WHERE extname = 'roughly_auth' AND condition <> ''$$, ARRAY['roughly.dimensions'], 'only dimensions are dumped in part');

SELECT * FROM finish();
ROLLBACK;
