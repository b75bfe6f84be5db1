-- Ready to be distributed by question, always, whether Citus is there or not: each rule is a query that finds nothing, and
-- finds the fault that is planted next to it. What the statements of the C++ must keep is in tests/tap/distribute.t.
BEGIN;
\ir common.psql
SELECT no_plan();

-- The question group: what is kept by question, and so in the shard of its question. Not roughly.contradictions, of which each
-- row speaks of two questions: it stays on the coordinator, as accounts and dimensions do.
CREATE TEMP TABLE question_group AS SELECT ('roughly.' || name)::regclass::oid AS oid, CASE name WHEN 'questions' THEN 'id'::name ELSE 'question_id' END AS key
  FROM unnest('{questions,votes,ballots,batches,tallies,releases}'::text[]) name;
CREATE TEMP VIEW extension AS SELECT classid, objid AS oid FROM pg_depend
  WHERE deptype = 'e' AND refclassid = 'pg_extension'::regclass AND refobjid = (SELECT oid FROM pg_extension WHERE extname = 'roughly_auth');
-- Who was granted what: as it is now, and as the script left it.
CREATE TEMP VIEW granted AS
  SELECT c.oid::regclass::text AS name, c.relacl AS acl, 'pg_class'::regclass AS classid, c.oid, 0 AS column FROM pg_class c
   UNION ALL SELECT attrelid::regclass || '.' || attname, attacl, 'pg_class'::regclass, attrelid, attnum FROM pg_attribute WHERE NOT attisdropped
   UNION ALL SELECT p.oid::regprocedure::text, p.proacl, 'pg_proc'::regclass, p.oid, 0 FROM pg_proc p
   UNION ALL SELECT n.nspname, n.nspacl, 'pg_namespace'::regclass, n.oid, 0 FROM pg_namespace n;
CREATE FUNCTION pg_temp.sorted(acl aclitem[]) RETURNS text LANGUAGE sql AS $$ SELECT string_agg(a::text, ' ' ORDER BY a::text) FROM unnest(acl) a $$;

CREATE TEMP TABLE lint (rule text, query text, fault text, finds text);
INSERT INTO lint VALUES
  ('whatever has a question''s id belongs to the group, but for contradictions',
   $$SELECT attrelid::regclass FROM pg_attribute JOIN extension e ON e.oid = attrelid WHERE attname = 'question_id'
     AND attrelid NOT IN (SELECT oid FROM question_group) AND attrelid <> 'roughly.contradictions'::regclass$$,
   'CREATE TABLE roughly.fault (question_id uuid); ALTER EXTENSION roughly_auth ADD TABLE roughly.fault', 'roughly.fault'),
  ('the question''s id is a uuid and never null: no node numbers questions',
   $$SELECT q.oid::regclass FROM question_group q LEFT JOIN pg_attribute ON attrelid = q.oid AND attname = q.key AND attnotnull AND atttypid = 'uuid'::regtype WHERE attname IS NULL$$,
   'ALTER TABLE roughly.tallies ALTER question_id TYPE text, DROP CONSTRAINT tallies_question_id_fkey', 'roughly.tallies'),
  ('every table has a primary key',
   $$SELECT q.oid::regclass FROM question_group q WHERE NOT EXISTS (SELECT FROM pg_index WHERE indrelid = q.oid AND indisprimary)$$,
   'ALTER TABLE roughly.ballots DROP CONSTRAINT ballots_pkey', 'roughly.ballots'),
  ('every unique index holds the question''s id',
   $$SELECT i.indexrelid::regclass FROM pg_index i JOIN question_group q ON q.oid = i.indrelid WHERE (i.indisunique OR i.indisexclusion) AND NOT EXISTS
     (SELECT FROM pg_attribute WHERE attrelid = i.indrelid AND attnum = ANY (i.indkey[0:i.indnkeyatts - 1]) AND attname = q.key)$$,
   'CREATE UNIQUE INDEX fault ON roughly.ballots (id)', 'roughly.fault'),
  ('an included column does not do',
   $$SELECT i.indexrelid::regclass FROM pg_index i JOIN question_group q ON q.oid = i.indrelid WHERE (i.indisunique OR i.indisexclusion) AND NOT EXISTS
     (SELECT FROM pg_attribute WHERE attrelid = i.indrelid AND attnum = ANY (i.indkey[0:i.indnkeyatts - 1]) AND attname = q.key)$$,
   'CREATE UNIQUE INDEX fault ON roughly.ballots (id) INCLUDE (question_id)', 'roughly.fault'),
  ('no exclusion constraint without it',
   $$SELECT i.indexrelid::regclass FROM pg_index i JOIN question_group q ON q.oid = i.indrelid WHERE (i.indisunique OR i.indisexclusion) AND NOT EXISTS
     (SELECT FROM pg_attribute WHERE attrelid = i.indrelid AND attnum = ANY (i.indkey[0:i.indnkeyatts - 1]) AND attname = q.key)$$,
   'ALTER TABLE roughly.ballots ADD CONSTRAINT fault EXCLUDE (id WITH =)', 'roughly.fault'),
  ('no sequence but the throttle''s, and so no number that counts votes',
   $$SELECT oid::regclass FROM pg_class WHERE relnamespace = 'roughly'::regnamespace AND relkind = 'S' AND relname !~ '^throttle_[0-9]+$'$$,
   'CREATE SEQUENCE roughly.fault', 'roughly.fault'),
  ('no default of a sequence elsewhere',
   $$SELECT adrelid::regclass FROM pg_attrdef JOIN question_group q ON q.oid = adrelid WHERE EXISTS (SELECT FROM pg_depend d JOIN pg_class s ON s.oid = d.refobjid AND s.relkind = 'S'
     WHERE d.classid = 'pg_attrdef'::regclass AND d.objid = pg_attrdef.oid AND d.refclassid = 'pg_class'::regclass)$$,
   $$CREATE SEQUENCE tap.numbers; ALTER TABLE roughly.votes ADD fault bigint DEFAULT nextval('tap.numbers')$$, 'roughly.votes'),
  ('no identity column',
   $$SELECT attrelid::regclass FROM pg_attribute JOIN question_group q ON q.oid = attrelid WHERE attidentity <> ''$$,
   'ALTER TABLE roughly.votes ADD fault bigint GENERATED ALWAYS AS IDENTITY', 'roughly.votes'),
  ('no trigger',
   $$SELECT tgname FROM pg_trigger JOIN question_group q ON q.oid = tgrelid WHERE NOT tgisinternal$$,
   'CREATE TRIGGER fault BEFORE UPDATE ON roughly.releases FOR EACH ROW EXECUTE FUNCTION suppress_redundant_updates_trigger()', 'fault'),
  ('no rule on any table',
   $$SELECT rulename FROM pg_rewrite JOIN extension e ON e.oid = ev_class$$,
   'CREATE RULE fault AS ON INSERT TO roughly.votes DO ALSO NOTHING', 'fault'),
  ('no reference leaves the group or enters it',
   $$SELECT conname FROM pg_constraint WHERE contype = 'f' AND (conrelid IN (SELECT oid FROM extension) OR confrelid IN (SELECT oid FROM extension))
     AND (conrelid IN (SELECT oid FROM question_group)) <> (confrelid IN (SELECT oid FROM question_group))$$,
   'ALTER TABLE roughly.votes ADD voter uuid CONSTRAINT fault REFERENCES roughly.users', 'fault'),
  ('also of a table that is not ours',
   $$SELECT conname FROM pg_constraint WHERE contype = 'f' AND (conrelid IN (SELECT oid FROM extension) OR confrelid IN (SELECT oid FROM extension))
     AND (conrelid IN (SELECT oid FROM question_group)) <> (confrelid IN (SELECT oid FROM question_group))$$,
   'CREATE TABLE tap.comments (question uuid CONSTRAINT fault REFERENCES roughly.questions)', 'fault'),
  ('and within it each is by the question''s id, to questions',
   $$SELECT conname FROM pg_constraint JOIN question_group q ON q.oid = conrelid WHERE contype = 'f' AND (confrelid <> 'roughly.questions'::regclass
     OR NOT EXISTS (SELECT FROM pg_attribute WHERE attrelid = conrelid AND conkey = ARRAY[attnum] AND attname = q.key))$$,
   'ALTER TABLE roughly.votes ADD ballot uuid, ADD CONSTRAINT fault FOREIGN KEY (question_id, ballot) REFERENCES roughly.ballots', 'fault'),
  ('no policy: access is by functions alone',
   $$SELECT polname FROM pg_policy JOIN question_group q ON q.oid = polrelid$$,
   'CREATE POLICY fault ON roughly.votes USING (true)', 'fault'),
  ('nothing in the tables calls a function of ours, which would keep the shards from being dropped',
   $$SELECT conname FROM pg_constraint c JOIN question_group q ON q.oid = c.conrelid JOIN pg_depend d ON d.classid = 'pg_constraint'::regclass AND d.objid = c.oid
     WHERE d.refclassid = 'pg_proc'::regclass AND d.refobjid IN (SELECT oid FROM extension)
     UNION ALL SELECT attname FROM pg_attrdef a JOIN question_group q ON q.oid = a.adrelid JOIN pg_attribute ON attrelid = a.adrelid AND attnum = a.adnum
       JOIN pg_depend d ON d.classid = 'pg_attrdef'::regclass AND d.objid = a.oid
     WHERE d.refclassid = 'pg_proc'::regclass AND d.refobjid IN (SELECT oid FROM extension)$$,
   'ALTER TABLE roughly.votes ADD CONSTRAINT fault CHECK (roughly_current_user() IS NULL), ADD voter uuid DEFAULT roughly_current_user()', 'fault voter'),
  ('all are plain tables, of which nothing inherits',
   $$SELECT q.oid::regclass FROM question_group q JOIN pg_class USING (oid) WHERE relkind <> 'r' OR relpersistence <> 'p' OR relhassubclass OR relispartition$$,
   'CREATE TABLE tap.more_votes () INHERITS (roughly.votes)', 'roughly.votes'),
  ('forced row-level security on every table',
   $$SELECT oid::regclass FROM pg_class JOIN extension e USING (oid) WHERE relkind = 'r' AND NOT (relrowsecurity AND relforcerowsecurity)$$,
   'ALTER TABLE roughly.tallies NO FORCE ROW LEVEL SECURITY', 'roughly.tallies'),
  ('the owner is roughly_owner, of all of it',
   $$SELECT oid::regclass::text FROM pg_class JOIN extension e USING (oid) WHERE pg_get_userbyid(relowner) <> 'roughly_owner'
     UNION ALL SELECT oid::regprocedure::text FROM pg_proc JOIN extension e USING (oid) WHERE pg_get_userbyid(proowner) <> 'roughly_owner'$$,
   'ALTER TABLE roughly.keys OWNER TO tap_plain', 'roughly.keys'),
  ('PUBLIC runs what reads published numbers and the list of questions, and what policies call, nothing else',
   $$SELECT proname FROM pg_proc JOIN extension e USING (oid) WHERE has_function_privilege('public', oid, 'EXECUTE')
     AND proname NOT IN ('roughly_aggregate', 'roughly_release', 'roughly_questions', 'roughly_current_user')$$,
   'GRANT EXECUTE ON FUNCTION roughly_dimensions() TO PUBLIC', 'roughly_dimensions'),
  ('PUBLIC has no right to a table, nor to the schema',
   $$SELECT name FROM granted g JOIN extension e USING (classid, oid), aclexplode(acl) a WHERE a.grantee = 0 AND classid <> 'pg_proc'::regclass$$,
   'GRANT SELECT ON roughly.releases TO PUBLIC; GRANT USAGE ON SCHEMA roughly TO PUBLIC', 'roughly.releases roughly'),
  ('every privilege is the script''s: a node that is added later has the script and nothing else',
   $$SELECT name FROM granted g JOIN extension e USING (classid, oid) LEFT JOIN pg_init_privs i ON i.classoid = g.classid AND i.objoid = g.oid AND i.objsubid = g.column
     WHERE pg_temp.sorted(acl) IS DISTINCT FROM pg_temp.sorted(initprivs) ORDER BY name COLLATE "C"$$,
   'GRANT SELECT ON roughly.releases TO tap_plain; GRANT SELECT (id) ON roughly.questions TO tap_plain; GRANT EXECUTE ON FUNCTION roughly_recount(uuid) TO tap_plain; REVOKE EXECUTE ON FUNCTION roughly_questions() FROM PUBLIC; GRANT USAGE ON SCHEMA roughly TO tap_plain',
   'roughly roughly.questions.id roughly.releases roughly_questions() roughly_recount(uuid)'),
  ('no function is SQL text with arguments',
   $$SELECT proname FROM pg_proc JOIN extension e USING (oid) WHERE prolang = (SELECT oid FROM pg_language WHERE lanname = 'sql') AND pronargs > 0$$,
   $$CREATE FUNCTION roughly.fault(int) RETURNS int LANGUAGE sql AS 'SELECT 1'; ALTER EXTENSION roughly_auth ADD FUNCTION roughly.fault(int)$$, 'fault'),
  ('roughly_aggregate can be sent to its question: it has the id as an argument, and only reads',
   $$SELECT wanted FROM (VALUES ('roughly_aggregate(uuid, text[])')) v (wanted) WHERE NOT EXISTS
     (SELECT FROM pg_proc JOIN extension e USING (oid) WHERE oid = to_regprocedure(wanted) AND proargnames[1] = 'question' AND provolatile = 's' AND proparallel = 's')$$,
   'ALTER FUNCTION roughly_aggregate(uuid, text[]) VOLATILE', 'roughly_aggregate(uuid, text[])'),
  ('pg_dump takes every table along, so that a dump is the way back to one machine',
   $$SELECT oid::regclass FROM pg_class JOIN extension e USING (oid) WHERE relkind = 'r'
     AND NOT oid = ANY (coalesce((SELECT extconfig FROM pg_extension WHERE extname = 'roughly_auth'), '{}'))$$,
   'CREATE TABLE roughly.fault (); ALTER EXTENSION roughly_auth ADD TABLE roughly.fault', 'roughly.fault');

CREATE FUNCTION pg_temp.found(query text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
  all_of_it text;
BEGIN
  EXECUTE 'SELECT string_agg(found::text, '' '') FROM (' || query || ') AS q (found)' INTO all_of_it;
  RETURN all_of_it;
END $$;
SELECT is(pg_temp.found(query), NULL, rule) FROM lint;
SELECT is(pg_temp.mutated('SET LOCAL client_min_messages = error; ' || fault, format('SELECT pg_temp.found(%L)', query)), finds, '(' || fault || ': found)') FROM lint;

-- roughly_distribute distributes this group, no more and no less.
SELECT set_eq($$SELECT unnest(substring(prosrc FROM 'unnest\(''({[a-z,]*})''')::text[]) FROM pg_proc WHERE proname = 'roughly_distribute'$$,
  $$SELECT relname::text FROM pg_class JOIN question_group USING (oid)$$, 'roughly_distribute names the tables of the group');
SELECT throws_ok('SELECT roughly_distribute()', '55000', 'this database does not have the extension citus', 'without Citus it says so');
SELECT throws_ok('SELECT roughly_distribute(NULL)', '22004', 'shards must not be null', 'no number of shards');
SELECT throws_ok('SELECT roughly_distribute(0)', '22023', 'shards must be from 1 to 64000, not 0', 'no shard');
SELECT throws_ok('SELECT roughly_distribute(64001)', '22023', 'shards must be from 1 to 64000, not 64001', 'too many');
SET LOCAL SESSION AUTHORIZATION tap_admin;
SELECT throws_ok('SELECT roughly_distribute()', '42501', 'permission denied for function roughly_distribute', 'the administration may not');
RESET SESSION AUTHORIZATION;
GRANT EXECUTE ON FUNCTION roughly_distribute(integer) TO tap_admin;
SET LOCAL SESSION AUTHORIZATION tap_admin;
SELECT throws_ok('SELECT roughly_distribute()', '42501', 'only a superuser may distribute the questions', 'not even when somebody lets it');
RESET SESSION AUTHORIZATION;
SELECT ok(NOT rolcanlogin, 'and the owner still may not log in') FROM pg_roles WHERE rolname = 'roughly_owner';

-- Between nodes nobody acts, whatever the token.
SELECT pg_temp.person('ada') \g /dev/null
SET LOCAL application_name = 'citus_internal gpid=10000000123';
SELECT throws_ok('SELECT pg_temp.act(''ada'')', '0A000', 'nobody can be authenticated in a connection between Citus nodes', 'no identity in a connection between nodes');
SELECT matches((pg_temp.outcome('SELECT roughly_authenticate(NULL)')).hint, '^Call roughly_authenticate\(\) in a statement of its own', 'a hint says what to do');
SELECT is(roughly_current_user(), NULL, 'nobody acts there');
SET LOCAL application_name = 'citus';
SELECT lives_ok('SELECT pg_temp.act(''ada'')', 'an application may be called what it likes');

SELECT * FROM finish();
ROLLBACK;
