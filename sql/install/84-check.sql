-- Whether all is there and opens.
CREATE FUNCTION roughly_check(OUT object text, OUT problem text) RETURNS SETOF record
  AS 'MODULE_PATHNAME' LANGUAGE C STABLE STRICT PARALLEL UNSAFE
  SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION roughly_check() IS
  'Opens everything that is sealed with a key of the server, counts every question again and compares what is published with it. A row for every problem, none when all is well; of one kind of value at most ten are named.';

CREATE FUNCTION roughly_status(OUT item text, OUT status text, OUT since timestamptz) RETURNS SETOF record
  AS 'MODULE_PATHNAME' LANGUAGE C STABLE STRICT PARALLEL UNSAFE
  SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION roughly_status() IS
  'For monitoring, every minute if you like: key file (ok, or what is wrong with it), rotation (ok, or not finished), mail (ok, or waiting, since when a mailer could have had it), and each question that the scheduler should have seen to: over, not closed; closed, not counted; frozen, not released. Tells nothing about ballots.';
