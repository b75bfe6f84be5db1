-- Who may what: exactly this, and the owner is nobody.
BEGIN;
\ir common.psql
SELECT no_plan();

-- EXECUTE: one row per function, everybody who may. Whoever adds a function says here who may run it.
CREATE TEMP TABLE may (signature text, who text);
INSERT INTO may VALUES
  ('roughly.ensure_key_file()', ''),
  ('roughly.export_my_data(jsonb)', 'app'),
  ('roughly.may_write_account()', 'app'),
  ('roughly_add_dimension(text,text,text[],bigint[],text)', 'admin'),
  ('roughly_admin_ban(uuid,timestamp with time zone)', 'admin'),
  ('roughly_admin_block_passwords(text[])', 'admin'),
  ('roughly_admin_delete_user(uuid)', 'admin'),
  ('roughly_admin_import_user(text,text,timestamp with time zone)', 'admin'),
  ('roughly_admin_revoke_sessions(uuid)', 'admin'),
  ('roughly_admin_unban(uuid)', 'admin'),
  ('roughly_admin_unlock(uuid)', 'admin'),
  ('roughly_aggregate(uuid,text[])', 'PUBLIC'),
  ('roughly_audit(uuid)', 'admin'),
  ('roughly_authenticate(text)', 'app'),
  ('roughly_cast_vote(uuid,text)', 'app'),
  ('roughly_change_email(text)', 'app'),
  ('roughly_change_password(text,text)', 'app'),
  ('roughly_check()', 'admin'),
  ('roughly_close_question(uuid)', 'admin'),
  ('roughly_confirm_user(text,text)', 'app'),
  ('roughly_create_question(text,text[],text[],integer,integer,double precision,interval,integer,integer,boolean,interval,timestamp with time zone,timestamp with time zone,double precision,text,interval,integer)', 'admin'),
  ('roughly_add_contradiction(uuid,text,uuid,text)', 'admin'),
  ('roughly_current_session()', 'app'),
  ('roughly_current_user()', 'PUBLIC'),
  ('roughly_delete_account(text)', 'app'),
  ('roughly_dequeue_mail(integer)', 'mailer'),
  ('roughly_dimensions()', 'app admin'),
  ('roughly_distribute(integer)', ''),
  ('roughly_partition(name)', ''),
  ('roughly.node_add_vote(uuid,uuid,bytea,uuid,bytea)', ''),
  ('roughly.node_discard_ballots(uuid,uuid[])', ''),
  ('roughly.node_enough_ballots(uuid,bigint)', ''),
  ('roughly.node_find_receipts(uuid[],uuid[])', ''),
  ('roughly.node_following_ballots(uuid,uuid)', ''),
  ('roughly.node_number(uuid)', ''),
  ('roughly.node_replace_ballot(uuid,uuid,bytea,bytea)', ''),
  ('roughly.node_status()', ''),
  ('roughly.node_taken_votes(uuid)', ''),
  ('roughly_enroll_totp()', 'app'),
  ('roughly_export_my_data()', 'app'),
  ('roughly_forget_batches(uuid)', 'admin'),
  ('roughly_hash_password(text)', 'app admin'),
  ('roughly_key_status()', 'admin'),
  ('roughly_log_in(text,text,text,inet)', 'app'),
  ('roughly_log_in_committed(text,text,text,inet,text,text,uuid,uuid,timestamp with time zone,interval)', 'app'),
  ('roughly_log_in_with_code(text,text,text,inet)', 'app'),
  ('roughly_log_in_with_magic_link(text,text,inet)', 'app'),
  ('roughly_log_out(text)', 'app'),
  ('roughly_log_out_everywhere(boolean)', 'app'),
  ('roughly_mail_sent(uuid)', 'mailer'),
  ('roughly_my_account()', 'app'),
  ('roughly_my_answers(uuid[])', 'app'),
  ('roughly_my_sessions()', 'app'),
  ('roughly_my_snapshot(uuid)', 'app'),
  ('roughly_password_needs_rehash(text)', 'app admin'),
  ('roughly_publish(uuid)', 'admin'),
  ('roughly_publish_due()', 'admin'),
  ('roughly_purge_expired(integer)', 'admin'),
  ('roughly_questions()', 'PUBLIC'),
  ('roughly_reauthenticate(text)', 'app'),
  ('roughly_reauthenticate_with_code(text)', 'app'),
  ('roughly_recount(uuid)', 'admin'),
  ('roughly_register_user(text,text)', 'app'),
  ('roughly_reissue_session(text)', 'app'),
  ('roughly_release(uuid)', 'PUBLIC'),
  ('roughly_remove_totp()', 'app'),
  ('roughly_request_email_change(text)', 'app'),
  ('roughly_request_magic_link(text)', 'app'),
  ('roughly_request_password_reset(text)', 'app'),
  ('roughly_request_reauthentication()', 'app'),
  ('roughly_require_sudo(interval)', 'app'),
  ('roughly_require_user()', 'app'),
  ('roughly_reset_password(text,text)', 'app'),
  ('roughly_revoke_session(uuid)', 'app'),
  ('roughly_rotate_key()', 'admin'),
  ('roughly_security_check()', 'admin'),
  ('roughly_set_profile(jsonb)', 'app'),
  ('roughly_sign_out_of_transaction()', 'app'),
  ('roughly_status()', 'admin'),
  ('roughly_verify_password(text,text)', 'app admin'),
  ('roughly_verify_totp(text)', 'app');
CREATE TEMP VIEW routines AS
  SELECT p.*, p.oid::regprocedure::text AS signature FROM pg_proc p JOIN pg_depend d ON d.classid = 'pg_proc'::regclass AND d.objid = p.oid
   WHERE d.deptype = 'e' AND d.refclassid = 'pg_extension'::regclass AND d.refobjid = (SELECT oid FROM pg_extension WHERE extname = 'roughly_auth');
CREATE TEMP VIEW tables AS
  SELECT c.*, c.oid::regclass::text AS name FROM pg_class c JOIN pg_depend d ON d.classid = 'pg_class'::regclass AND d.objid = c.oid
   WHERE d.deptype = 'e' AND d.refclassid = 'pg_extension'::regclass AND d.refobjid = (SELECT oid FROM pg_extension WHERE extname = 'roughly_auth')
     AND c.relkind = 'r';
CREATE FUNCTION pg_temp.who_may(acl aclitem[]) RETURNS text LANGUAGE sql AS $$
  SELECT coalesce(string_agg(DISTINCT CASE grantee WHEN 0 THEN 'PUBLIC' ELSE replace(pg_get_userbyid(grantee), 'roughly_', '') END
    || CASE WHEN is_grantable THEN '*' ELSE '' END, ' '), '')
    FROM aclexplode(acl) WHERE grantee <> 'roughly_owner'::regrole;
$$;
CREATE FUNCTION pg_temp.sorted(words text) RETURNS text LANGUAGE sql AS $$ SELECT coalesce(string_agg(w, ' ' ORDER BY w), '') FROM regexp_split_to_table(words, ' ') w $$;

SELECT set_eq('SELECT signature FROM routines', 'SELECT signature FROM may', 'the table above names every function');
SELECT is(pg_temp.sorted(pg_temp.who_may(coalesce(proacl, acldefault('f', proowner)))), pg_temp.sorted(who), signature || ' may be run by ' || coalesce(nullif(who, ''), 'nobody'))
  FROM routines JOIN may USING (signature) ORDER BY signature;
SELECT is(has_function_privilege('tap_app', oid, 'EXECUTE'), who ~ 'PUBLIC|app', 'so a member of roughly_app ' || CASE WHEN who ~ 'PUBLIC|app' THEN 'may' ELSE 'may not' END || ' run ' || proname)
  FROM routines JOIN may USING (signature) ORDER BY signature;
SELECT is(pg_get_userbyid(proowner), 'roughly_owner'::name, 'roughly_owner owns ' || signature) FROM routines ORDER BY signature;
SELECT is_empty($$SELECT signature FROM routines WHERE prosecdef$$, 'no function is a definer''s: elevation is in C++ alone');
SELECT set_eq($$SELECT proname FROM routines WHERE prokind = 'f' AND proconfig IS DISTINCT FROM '{"search_path=pg_catalog, pg_temp"}'$$,
  '{roughly_aggregate,roughly_authenticate,roughly_current_user,roughly_current_session,roughly_require_user,roughly_cast_vote}'::name[], 'every function pins its search_path, but those that look nothing up by it');
SELECT is_empty($$SELECT signature FROM routines WHERE proleakproof$$, 'none is leakproof');
SELECT is((provolatile, proparallel), ('s'::"char", 'r'::"char"), 'roughly_current_user is STABLE and PARALLEL RESTRICTED: a worker does not know who acts')
  FROM routines WHERE proname = 'roughly_current_user';
SELECT is_empty($$SELECT signature FROM routines WHERE proparallel = 's' AND proname NOT IN ('roughly_aggregate', 'roughly_release', 'roughly_hash_password', 'roughly_verify_password', 'roughly_password_needs_rehash', 'roughly_security_check', 'node_number')$$,
  'only what needs neither identity nor key runs in workers');

-- Tables: nobody, but for two.
SELECT set_eq('SELECT name FROM tables', ARRAY['roughly.audit_log', 'roughly.ballots', 'roughly.batches', 'roughly.contradictions', 'roughly.dimensions', 'roughly.keys', 'roughly.login_failures', 'roughly.mail_outbox',
  'roughly.mfa_factors', 'roughly.password_blocklist', 'roughly.questions', 'roughly.recovery_codes', 'roughly.releases', 'roughly.tallies', 'roughly.tombstones',
  'roughly.user_profiles', 'roughly.user_tokens', 'roughly.users', 'roughly.votes'], 'these are the tables');
SELECT is(pg_get_userbyid(relowner), 'roughly_owner'::name, 'roughly_owner owns ' || name) FROM tables ORDER BY name;
SELECT is(pg_temp.who_may(coalesce(relacl, acldefault('r', relowner))), CASE name WHEN 'roughly.user_profiles' THEN 'app' ELSE '' END,
          'a right to the whole of ' || name || ' has ' || CASE name WHEN 'roughly.user_profiles' THEN 'roughly_app' ELSE 'nobody' END)
  FROM tables ORDER BY name;
SELECT is_empty($$SELECT a.attrelid::regclass, a.attname FROM pg_attribute a JOIN tables t ON t.oid = a.attrelid
  WHERE a.attacl IS NOT NULL AND t.name NOT IN ('roughly.users', 'roughly.user_profiles')$$, 'nor to a column of the others');
SELECT is_empty($$SELECT name, r.rolname, p FROM tables, pg_roles r, unnest('{SELECT,INSERT,UPDATE,DELETE,TRUNCATE,REFERENCES,TRIGGER}'::text[]) p
  WHERE r.rolname IN ('roughly_app', 'roughly_admin', 'roughly_mailer', 'tap_app', 'tap_admin', 'tap_plain') AND name NOT IN ('roughly.users', 'roughly.user_profiles')
    AND (has_table_privilege(r.oid, tables.oid, p) OR (p IN ('SELECT', 'INSERT', 'UPDATE', 'REFERENCES') AND has_any_column_privilege(r.oid, tables.oid, p)))$$,
  'no role has any privilege on any other table');
SELECT set_eq($$SELECT attname::text FROM pg_attribute WHERE attrelid = 'roughly.users'::regclass AND attnum > 0 AND has_column_privilege('tap_app', attrelid, attnum, 'SELECT')$$,
  ARRAY['id', 'email', 'confirmed_at', 'inserted_at', 'updated_at'], 'of users the application reads these columns: no hash, no secret, no normalized address');
SELECT set_eq($$SELECT attname::text FROM pg_attribute WHERE attrelid = 'roughly.users'::regclass AND attnum > 0 AND has_column_privilege('tap_app', attrelid, attnum, 'REFERENCES')$$,
  ARRAY['id'], 'and points at the id alone');
SELECT is_empty($$SELECT attname, p FROM pg_attribute, unnest('{INSERT,UPDATE}'::text[]) p WHERE attrelid = 'roughly.users'::regclass AND attnum > 0 AND has_column_privilege('tap_app', attrelid, attnum, p)$$,
  'it writes no column of users');
SELECT set_eq(format($$SELECT attname::text FROM pg_attribute WHERE attrelid = 'roughly.user_profiles'::regclass AND attnum > 0 AND has_column_privilege('tap_app', attrelid, attnum, %L)$$, p),
  ARRAY['birth_year', 'country', 'region', 'gender', 'education_level', 'income_bracket', 'extra'], 'of user_profiles it may ' || p || ' these columns: not whose it is')
  FROM unnest('{INSERT,UPDATE}'::text[]) p;
SELECT ok(NOT has_table_privilege('tap_app', 'roughly.user_profiles', p), 'and no ' || p) FROM unnest('{DELETE,TRUNCATE,REFERENCES,TRIGGER}'::text[]) p;
SELECT ok(has_schema_privilege('tap_app', 'roughly', 'USAGE'), 'the application looks into the schema');
SELECT ok(NOT has_schema_privilege(r, 'roughly', p), r || ' has no ' || p || ' there')
  FROM (VALUES ('tap_app', 'CREATE'), ('tap_admin', 'USAGE'), ('tap_admin', 'CREATE'), ('roughly_mailer', 'USAGE'), ('tap_plain', 'USAGE'), ('public', 'USAGE'), ('public', 'CREATE')) v (r, p);

SELECT is_empty($$SELECT c.oid::regclass, r.rolname FROM pg_class c, pg_roles r, unnest('{SELECT,USAGE,UPDATE}'::text[]) p
  WHERE c.relkind = 'S' AND c.relnamespace = 'roughly'::regnamespace AND r.rolname IN ('roughly_app', 'roughly_admin', 'roughly_mailer', 'tap_plain') AND has_sequence_privilege(r.oid, c.oid, p)$$,
  'no role has any privilege on the clocks of the throttle');

-- Row-level security, forced, on every table; the owner is nobody.
SELECT ok(relrowsecurity AND relforcerowsecurity, name || ' has forced row-level security') FROM tables ORDER BY name;
SELECT policies_are('roughly', 'users', ARRAY['own_user'], 'users has one policy');
SELECT policies_are('roughly', 'user_profiles', ARRAY['own_profile', 'insert_own_profile', 'update_own_profile'], 'user_profiles has three');
SELECT is_empty($$SELECT tablename, policyname FROM pg_policies WHERE schemaname = 'roughly' AND (tablename NOT IN ('users', 'user_profiles') OR roles <> '{roughly_app}')$$,
  'nothing else has one, and none is for anybody but roughly_app');
SELECT is_empty($$SELECT policyname FROM pg_policies WHERE schemaname = 'roughly' AND coalesce(qual, with_check) !~ 'id = [^ ]*roughly_current_user\(\)' OR concat(qual, with_check) ~ 'SELECT'$$,
  'each asks who acts, and not in a sub-select, of which EXPLAIN tells');
SELECT is_empty($$SELECT rolname FROM pg_roles WHERE rolname ~ '^roughly_' AND (rolsuper OR rolbypassrls OR rolcanlogin OR rolcreaterole OR rolcreatedb OR rolreplication)$$,
  'no role of ours logs in or has an attribute');
SELECT is_empty($$SELECT member::regrole FROM pg_auth_members WHERE roleid = 'roughly_owner'::regrole$$, 'roughly_owner has no member');
SELECT is_empty($$SELECT roleid::regrole FROM pg_auth_members WHERE member = 'roughly_owner'::regrole$$, 'and is a member of nothing');

-- Rows in every table, and who sees them.
SET LOCAL roughly_auth.isolate_votes = off;
SET LOCAL roughly_auth.min_k = 2;
SELECT pg_temp.person('ada'), pg_temp.person('bob') \g /dev/null
SELECT roughly_create_question('tap: Tea or coffee?', '{tea,coffee}', k => 2) AS question \gset
SELECT pg_temp.vote('ada', :'question', 'tea') \g /dev/null
INSERT INTO roughly.batches VALUES (:'question', 1, 0, 1, '\x01');
INSERT INTO roughly.tallies VALUES (:'question', '\x01');
SELECT roughly_register_user('cem@tap.example.org') \g /dev/null
SELECT roughly_log_in('ada@tap.example.org', 'wrong') \g /dev/null
SELECT roughly_admin_block_passwords('{password1234567}') \g /dev/null
INSERT INTO roughly.tombstones VALUES ('\x00');
INSERT INTO roughly.contradictions VALUES (:'question', 'tea', :'question', 'coffee');
INSERT INTO roughly.mfa_factors (id, user_id, sealed) SELECT gen_random_uuid(), id, '\x00' FROM people;
INSERT INTO roughly.recovery_codes SELECT id, '\x00' FROM people;
CREATE FUNCTION pg_temp.rows_seen() RETURNS TABLE (name text, rows bigint) LANGUAGE plpgsql AS $$
BEGIN
  FOR name IN SELECT c.oid::regclass FROM pg_class c WHERE relnamespace = 'roughly'::regnamespace AND relkind = 'r' LOOP
    EXECUTE 'SELECT count(*) FROM ' || name INTO rows;
    RETURN NEXT;
  END LOOP;
END $$;
CREATE FUNCTION pg_temp.tables_seen() RETURNS text LANGUAGE sql AS $$ SELECT string_agg(name, ' ' ORDER BY name) FROM pg_temp.rows_seen() WHERE rows > 0 $$;
SELECT is_empty('SELECT name FROM pg_temp.rows_seen() WHERE rows = 0', 'every table has rows');
SET LOCAL ROLE roughly_owner;
SELECT is(pg_temp.tables_seen(), NULL, 'even as roughly_owner none is seen');
SELECT throws_ok($$INSERT INTO roughly.releases VALUES (gen_random_uuid(), '{}', 1, '\x')$$, '42501', NULL, 'nor written');
RESET ROLE;
-- The walls do hold this up: without one of them the owner would see.
SELECT is(pg_temp.mutated('ALTER TABLE roughly.votes NO FORCE ROW LEVEL SECURITY; SET LOCAL ROLE roughly_owner', 'SELECT pg_temp.tables_seen()'),
  'roughly.votes', '(unforced, votes would be)');
CREATE ROLE tap_reader LOGIN;
GRANT USAGE ON SCHEMA roughly TO tap_reader;
GRANT SELECT ON ALL TABLES IN SCHEMA roughly TO tap_reader;
SET LOCAL SESSION AUTHORIZATION tap_reader;
SELECT is(pg_temp.tables_seen(), NULL, 'a reader of all data sees no row of any table');
RESET SESSION AUTHORIZATION;
SELECT is(pg_temp.mutated('ALTER TABLE roughly.users DISABLE ROW LEVEL SECURITY; SET LOCAL SESSION AUTHORIZATION tap_reader', 'SELECT pg_temp.tables_seen()'),
  'roughly.users', '(unprotected, users would be)');

CREATE FUNCTION pg_temp.attempts(who text, actor text) RETURNS SETOF text LANGUAGE plpgsql AS $$
DECLARE
  target text;
  statement text;
  attempt record;
BEGIN
  EXECUTE format('SET LOCAL SESSION AUTHORIZATION %I', who);
  IF actor IS NOT NULL THEN PERFORM pg_temp.act(actor); END IF;
  FOREACH target IN ARRAY ARRAY['ballots', 'batches', 'contradictions', 'keys', 'questions', 'releases', 'tallies', 'user_tokens', 'votes',
      'audit_log', 'login_failures', 'mail_outbox', 'mfa_factors', 'password_blocklist', 'recovery_codes', 'tombstones'] LOOP
    FOREACH statement IN ARRAY ARRAY['SELECT FROM %s', 'SELECT count(*) FROM %s', 'DELETE FROM %s', 'TRUNCATE %s', 'COPY %s TO PROGRAM ''true''',
        'LOCK %s IN ACCESS SHARE MODE', 'INSERT INTO %s DEFAULT VALUES', 'CREATE TEMP VIEW mine AS SELECT * FROM %s; SELECT * FROM mine',
        'CREATE TRIGGER mine AFTER INSERT ON %s EXECUTE FUNCTION suppress_redundant_updates_trigger()', 'SELECT * FROM %s FOR SHARE',
        'ALTER TABLE %s DISABLE ROW LEVEL SECURITY', 'DROP TABLE %s', 'GRANT SELECT ON %s TO PUBLIC'] LOOP
      attempt := pg_temp.outcome(format(statement, 'roughly.' || target));
      IF attempt.state <> '42501' THEN
        RETURN NEXT format(statement, target) || ': ' || attempt.state;
      END IF;
    END LOOP;
  END LOOP;
  SET LOCAL SESSION AUTHORIZATION DEFAULT;
END $$;
SELECT is_empty($$SELECT * FROM pg_temp.attempts('tap_app', NULL)$$, 'the application is refused every sealed table, in every way');
SELECT is_empty($$SELECT * FROM pg_temp.attempts('tap_app', 'ada')$$, 'also when ada acts');
SELECT is_empty($$SELECT * FROM pg_temp.attempts('tap_admin', NULL)$$, 'so is the administration');
SELECT is_empty($$SELECT * FROM pg_temp.attempts('tap_plain', NULL)$$, 'so is everybody else');
SELECT matches(pg_temp.mutated('GRANT SELECT ON roughly.votes TO roughly_app; SET LOCAL client_min_messages = error', $$SELECT string_agg(a, ', ') FROM pg_temp.attempts('tap_app', NULL) a$$),
  '^SELECT FROM votes: 00000, ', '(a grant would be noticed)');

SELECT * FROM finish();
ROLLBACK;
