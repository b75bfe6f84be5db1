\echo Use "CREATE EXTENSION roughly_bridge_test" to load this file. \quit
-- What is proved, one function a claim.
CREATE FUNCTION bridge_throw(kind text) RETURNS text AS 'MODULE_PATHNAME' LANGUAGE C STRICT;
CREATE FUNCTION bridge_execute(command text) RETURNS bigint AS 'MODULE_PATHNAME' LANGUAGE C STRICT;
CREATE FUNCTION bridge_read(command text, latest boolean) RETURNS bigint AS 'MODULE_PATHNAME' LANGUAGE C STRICT;
CREATE FUNCTION bridge_scribble(command text) RETURNS bigint AS 'MODULE_PATHNAME' LANGUAGE C STRICT;
CREATE FUNCTION bridge_try(command text) RETURNS text AS 'MODULE_PATHNAME' LANGUAGE C STRICT;
CREATE FUNCTION bridge_as_owner(command text) RETURNS text AS 'MODULE_PATHNAME' LANGUAGE C STRICT;
CREATE FUNCTION bridge_stream(command text, at bigint, nested boolean) RETURNS bigint AS 'MODULE_PATHNAME' LANGUAGE C STRICT;
CREATE FUNCTION bridge_rows(count integer, fail_at integer, OUT n integer, OUT label text) RETURNS SETOF record
  AS 'MODULE_PATHNAME' LANGUAGE C STRICT;
CREATE FUNCTION bridge_texts(texts text[]) RETURNS text AS 'MODULE_PATHNAME' LANGUAGE C STRICT;
CREATE FUNCTION bridge_spin() RETURNS void AS 'MODULE_PATHNAME' LANGUAGE C;
CREATE FUNCTION bridge_unprotected() RETURNS void AS 'MODULE_PATHNAME' LANGUAGE C;
CREATE FUNCTION bridge_plant(kind text) RETURNS void AS 'MODULE_PATHNAME' LANGUAGE C STRICT;
-- The meters.
CREATE FUNCTION bridge_live() RETURNS bigint AS 'MODULE_PATHNAME' LANGUAGE C;
CREATE FUNCTION bridge_in_flight() RETURNS bigint AS 'MODULE_PATHNAME' LANGUAGE C;
CREATE FUNCTION bridge_holdoff() RETURNS bigint AS 'MODULE_PATHNAME' LANGUAGE C;
CREATE FUNCTION bridge_heap() RETURNS bigint AS 'MODULE_PATHNAME' LANGUAGE C;

CREATE FUNCTION outcome(statement text, OUT code text, OUT message text, OUT detail text, OUT hint text, OUT "constraint" text)
  LANGUAGE plpgsql AS $$
BEGIN
  EXECUTE statement;
EXCEPTION WHEN OTHERS THEN
  GET STACKED DIAGNOSTICS code = RETURNED_SQLSTATE, message = MESSAGE_TEXT, detail = PG_EXCEPTION_DETAIL,
    hint = PG_EXCEPTION_HINT, "constraint" = CONSTRAINT_NAME;
END $$;

CREATE FUNCTION hammer(statement text, rounds integer, OUT failures bigint) LANGUAGE plpgsql AS $$
BEGIN
  failures := 0;
  FOR i IN 1..rounds LOOP
    BEGIN
      EXECUTE statement;
    EXCEPTION WHEN OTHERS THEN
      failures := failures + 1;
    END;
  END LOOP;
END $$;

CREATE FUNCTION contexts() RETURNS bigint LANGUAGE plpgsql AS $$
BEGIN
  IF to_regclass('pg_catalog.pg_backend_memory_contexts') IS NULL THEN -- PostgreSQL 13
    RETURN 0;
  END IF;
  RETURN (SELECT sum(total_bytes)::bigint FROM pg_backend_memory_contexts);
END $$;

-- `rounds` calls, and as many again: what the second half adds is a leak. The first half fills caches.
CREATE PROCEDURE measure(statement text, rounds integer, INOUT failures bigint DEFAULT 0, INOUT heap bigint DEFAULT 0,
    INOUT contexts bigint DEFAULT 0, INOUT live bigint DEFAULT 0, INOUT holdoff bigint DEFAULT 0, INOUT in_flight bigint DEFAULT 0)
  LANGUAGE plpgsql AS $$
DECLARE
  heap_before bigint;
  contexts_before bigint;
BEGIN
  FOR half IN 1..2 LOOP
    contexts_before := contexts(); COMMIT;
    heap_before := bridge_heap(); COMMIT;
    failures := failures + hammer(statement, rounds); COMMIT;
    heap := bridge_heap() - heap_before; COMMIT;
    contexts := contexts() - contexts_before; COMMIT;
  END LOOP;
  live := bridge_live();
  holdoff := bridge_holdoff();
  in_flight := bridge_in_flight();
END $$;
