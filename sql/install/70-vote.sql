-- Called all the time, and seldom runs a statement: it pins search_path where it does.
CREATE FUNCTION roughly_cast_vote(question uuid, choice text) RETURNS void
  AS 'MODULE_PATHNAME' LANGUAGE C VOLATILE PARALLEL UNSAFE;
COMMENT ON FUNCTION roughly_cast_vote(uuid, text) IS
  'Casts the authenticated person''s vote, sealed; it is final. In a transaction that has written nothing else before (25001). Errors: RA001, 42704 unknown question, 22023 unknown choice, 55000 not open, 42501 account not confirmed or too young, 23505 (votes_pkey) voted before.';

CREATE FUNCTION roughly_my_answers(questions uuid[] DEFAULT NULL, OUT question uuid, OUT prompt text, OUT choice text, OUT voted_on date)
  RETURNS SETOF record
  AS 'MODULE_PATHNAME' LANGUAGE C STABLE PARALLEL RESTRICTED
  SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION roughly_my_answers(uuid[]) IS
  'The authenticated person''s own answers, to these questions or to all. Errors: RA001.';

CREATE FUNCTION roughly.export_my_data(answers jsonb) RETURNS jsonb
  AS 'MODULE_PATHNAME', 'roughly_export_my_data' LANGUAGE C STABLE STRICT PARALLEL RESTRICTED
  SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION roughly.export_my_data(jsonb) IS 'What roughly_export_my_data puts around the answers. Errors: RA001.';

CREATE FUNCTION roughly_export_my_data() RETURNS jsonb
  LANGUAGE sql STABLE STRICT PARALLEL RESTRICTED
  SET search_path = pg_catalog, pg_temp
  AS $$SELECT roughly.export_my_data(COALESCE(pg_catalog.jsonb_agg(pg_catalog.to_jsonb(a)), '[]')) FROM @extschema@.roughly_my_answers() a$$;
COMMENT ON FUNCTION roughly_export_my_data() IS
  'Everything kept about the authenticated person, but secrets: account, profile, sessions, events, answers. Errors: RA001.';
