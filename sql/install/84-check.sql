-- Whether all is there and opens.
CREATE FUNCTION roughly_check(OUT object text, OUT problem text) RETURNS SETOF record
  AS 'MODULE_PATHNAME' LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE
  SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION roughly_check() IS
  'Opens everything that is sealed with a key of the server, counts every question again and compares what is published with it. A row for every problem, none when all is well; of one kind of value at most ten are named. Reads it all: as long as a backup, roughly.';
