CREATE FUNCTION roughly_cast_vote(question uuid, choice text) RETURNS void
  AS 'MODULE_PATHNAME' LANGUAGE C VOLATILE PARALLEL UNSAFE
  SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION roughly_cast_vote(uuid, text) IS
  'Casts the authenticated person''s vote, sealed; it is final. In a transaction that writes nothing else (25001). Errors: RA001, 42704 unknown question, 22023 unknown choice, 55000 not open, 42501 account not confirmed or too young, 23505 (votes_pkey) voted before.';

CREATE FUNCTION roughly_my_answers(questions uuid[] DEFAULT NULL, OUT question uuid, OUT prompt text, OUT choice text, OUT voted_on date)
  RETURNS SETOF record
  AS 'MODULE_PATHNAME' LANGUAGE C STABLE PARALLEL RESTRICTED
  SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION roughly_my_answers(uuid[]) IS
  'The authenticated person''s own answers, to these questions or to all. Errors: RA001.';
