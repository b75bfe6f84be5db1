-- Everything that can be called, with everything that fits, one hostile value at a time: the view "attack".
-- psql variables: token and victim of somebody with recognizable secrets, attacker's token, phc, question. Not run alone.
CREATE TEMP TABLE hostile (type regtype, value text);
INSERT INTO hostile SELECT 'text', v FROM unnest(ARRAY[
  $$NULL$$, $$''$$, $$'hidden.marker@secret.example'$$, quote_literal(:'token'), quote_literal(:'attacker'), quote_literal(:'phc'),
  $$repeat('hidden.marker@secret.example ', 40000)$$, $$repeat('x', 1000000)$$, $$repeat(U&'\+01F600', 1000)$$, $$repeat(U&'\+01F600', 160)$$, $$repeat(U&'\+01D160', 20)$$,
  $$E'hidden.marker\n\r\t\x01\x1b[31m\x7f@secret.example'$$, $v$'hidden.marker''"\%s%n$1{}();--'$v$, $$U&'\0301\FEFF\202E\FFFF'$$, $$chr(1114111)$$,
  $v$'$argon2id$v=19$m=4294967295,t=1,p=1$hiddenmarker$hiddenmarkerhiddenmarker'$v$, $v$'$2b$31$hiddenmarker'$v$, $v$'$pbkdf2-sha256$2000001$hiddenmarker$hiddenmarker'$v$,
  $v$'$2b$04$cVWp4XaNU8a4v1uMRum2SO026BWLIoQMD/TXg5uZV.0P.uO8m3YEm'$v$]) v;
INSERT INTO hostile SELECT 'text[]', v FROM unnest(ARRAY[
  $$NULL$$, $$'{}'::text[]$$, $$ARRAY[NULL]::text[]$$, $$ARRAY['hidden.marker', NULL]$$, $$array_fill('hidden.marker@secret.example'::text, ARRAY[3])$$, $$array_fill(''::text, ARRAY[2, 2])$$,
  $$array_fill('hidden.marker'::text, ARRAY[300])$$, $$ARRAY[repeat('hidden.marker ', 80000), 'x']$$, $$(SELECT array_agg('hidden.marker' || n) FROM generate_series(1, 300) n)$$]) v;
INSERT INTO hostile SELECT 'uuid', v FROM unnest(ARRAY['NULL', quote_literal(:'victim') || '::uuid', quote_literal(:'question') || '::uuid', $$'00000000-0000-0000-0000-000000000000'::uuid$$]) v;
INSERT INTO hostile SELECT 'uuid[]', v FROM unnest(ARRAY['NULL', $$'{}'::uuid[]$$, $$'{NULL}'::uuid[]$$, format('ARRAY[%L, %L]::uuid[]', :'question', :'victim')]) v;
INSERT INTO hostile SELECT 'integer', v FROM unnest(ARRAY['NULL', '-2147483648', '-1', '0', '1', '5', '2147483647']) v;
INSERT INTO hostile SELECT 'bigint[]', v FROM unnest(ARRAY['NULL', $$'{}'::bigint[]$$, $$'{NULL}'::bigint[]$$, $$'{2,1}'::bigint[]$$, $$'{-9223372036854775808,9223372036854775807}'::bigint[]$$,
  $$(SELECT array_agg(n) FROM generate_series(1, 300) n)$$]) v;
INSERT INTO hostile SELECT 'double precision', v FROM unnest(ARRAY['NULL', $$'NaN'$$, $$'Infinity'$$, $$'-Infinity'$$, '0', '1e308', '-1']) v;
INSERT INTO hostile SELECT 'interval', v FROM unnest(ARRAY['NULL', $$'-1 day'$$, $$'0'$$, $$'178000000 years'$$, $$'-178000000 years'$$]) v;
INSERT INTO hostile SELECT 'timestamptz', v FROM unnest(ARRAY['NULL', $$'infinity'$$, $$'-infinity'$$, $$'294276-12-31'$$, $$'4713-01-01 BC'$$]) v;
INSERT INTO hostile SELECT 'boolean', v FROM unnest(ARRAY['NULL', 'true']) v;
INSERT INTO hostile SELECT 'inet', v FROM unnest(ARRAY['NULL', $$'::/0'$$, $$'0.0.0.0/0'$$, $$'10.1.2.3/8'$$, $$'fe80::1'$$]) v;
INSERT INTO hostile SELECT 'jsonb', v FROM unnest(ARRAY[
  $$NULL$$, $$'[]'$$, $$'"hidden.marker"'$$, $$'null'$$, $$'{"birth_year": "hidden.marker"}'$$, $$'{"birth_year": 99999999999999999999}'$$, $$'{"birth_year": 1899}'$$, $$'{"country": "hidden.marker"}'$$,
  $$'{"region": ["hidden.marker"]}'$$, $$'{"gender": "hidden.marker"}'$$, $$'{"education_level": {"hidden": "hidden.marker"}}'$$, $$'{"income_bracket": "", "country": true}'$$, $$'{"extra": "hidden.marker"}'$$,
  $$'{"extra": {"attacked": "hidden.marker is longer than sixteen bytes"}}'$$, $$'{"extra": {"deep": {"hidden": "hidden.marker"}}}'$$,
  $$jsonb_build_object('extra', jsonb_build_object('x', repeat('hidden.marker ', 1000)))$$, $$jsonb_build_object('extra', jsonb_build_object('x', repeat('hidden.marker ', 80000)))$$,
  $$(SELECT jsonb_build_object('extra', jsonb_object_agg(n::text, 'hidden.marker')) FROM generate_series(1, 1000) n)$$, $$jsonb_build_object('gender', repeat('hidden.marker ', 80000))$$]) v;
ALTER TABLE hostile ADD secret boolean;
UPDATE hostile SET secret = value ~ 'marker|secret|\$(2b|argon2|pbkdf2)' OR value LIKE ANY (ARRAY['%' || :'token' || '%', '%' || :'attacker' || '%']);
-- What stands for the other arguments.
CREATE TEMP TABLE harmless (type regtype, value text);
INSERT INTO harmless VALUES ('text', $$'anything'$$), ('text[]', $$'{yes,no}'$$), ('uuid', 'gen_random_uuid()'), ('jsonb', $$'{}'$$);
CREATE TEMP VIEW callable AS
  SELECT p.oid, p.prokind, format('%I.%I', n.nspname, p.proname) AS name, role
    FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace,
         LATERAL (SELECT r FROM unnest('{app,admin,mailer}'::text[]) WITH ORDINALITY r (r, n) WHERE has_function_privilege(r, p.oid, 'EXECUTE') ORDER BY n LIMIT 1) r (role)
   WHERE p.proname LIKE 'roughly\_%' OR n.nspname = 'roughly';
CREATE TEMP VIEW argument AS
  SELECT c.oid, n, p.proargnames[n] AS name, p.proargtypes[n - 1]::regtype AS type, n <= p.pronargs - p.pronargdefaults AS required
    FROM callable c JOIN pg_proc p USING (oid), generate_series(1, p.pronargs) n
   WHERE p.proargmodes IS NULL OR p.proargmodes[n] = 'i';
CREATE TEMP VIEW attack AS
SELECT role, c.name,
       CASE prokind WHEN 'p' THEN 'CALL ' ELSE 'SELECT * FROM ' END || c.name || '(' || COALESCE(arguments, '') || ')' AS statement
  FROM callable c LEFT JOIN LATERAL (
    SELECT string_agg(format('%I => %s', o.name, CASE WHEN o.n = a.n THEN h.value ELSE s.value END), ', ' ORDER BY o.n) AS arguments
      FROM argument a JOIN hostile h USING (type), argument o LEFT JOIN harmless s USING (type)
     WHERE a.oid = c.oid AND o.oid = c.oid AND (o.n = a.n OR o.required)
       AND NOT (h.secret AND a.name = ANY ('{prompt,choices,dimensions,name,source,categories,label,by}')) -- they define what everybody may see
     GROUP BY a.n, h.value) v ON true;
