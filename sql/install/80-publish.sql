-- Counting. Procedures that commit cannot have a search_path of their own; they pin it inside.
CREATE PROCEDURE roughly_publish(question uuid)
  AS 'MODULE_PATHNAME' LANGUAGE C;
COMMENT ON PROCEDURE roughly_publish(uuid) IS
  'Counts the question''s waiting ballots if that is due: freeze, commit, release, commit. Errors: 25001 inside a transaction block, 42704 unknown question, XX001 a sealed row does not open (named).';

CREATE PROCEDURE roughly_publish_due()
  AS 'MODULE_PATHNAME' LANGUAGE C;
COMMENT ON PROCEDURE roughly_publish_due() IS
  'roughly_publish for every question, one after the other; one that fails is named in a warning and does not keep the next from being counted. For a scheduler. Errors: 25001; at the end that of the first question that failed, such as XX001.';

CREATE FUNCTION roughly_recount(question uuid) RETURNS boolean
  AS 'MODULE_PATHNAME' LANGUAGE C VOLATILE PARALLEL UNSAFE
  SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION roughly_recount(uuid) IS
  'Whether the tally equals a fresh count of all released batches. Errors: 42704, 55000 batches were forgotten, XX001 one does not open.';

CREATE FUNCTION roughly_forget_batches(question uuid) RETURNS void
  AS 'MODULE_PATHNAME' LANGUAGE C VOLATILE PARALLEL UNSAFE
  SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION roughly_forget_batches(uuid) IS
  'Deletes the question''s released batches: it can then not be recounted, and a counted ballot put back by hand is no longer noticed. Errors: 42704.';
