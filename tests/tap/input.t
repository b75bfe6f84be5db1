#!/usr/bin/env bash
# Bad input: a grammar fuzzer calls everything, in sequences, as each role (tests/drivers/grammar.py says what must hold).
# A longer run: SEQUENCES=20000 SEED=7 prove -v tests/tap/input.t
set -u
source "$(dirname "$0")/lib.sh"
need python3-psycopg >&2
export PYTHONDONTWRITEBYTECODE=1
start_poll one 'autovacuum = off' 'statement_timeout = 60s' 'max_stack_depth = 2MB'
sql -c 'CREATE ROLE anybody LOGIN' -c 'CREATE ROLE super LOGIN SUPERUSER' -c 'CREATE SCHEMA fuzz' -c 'GRANT USAGE ON SCHEMA fuzz TO PUBLIC' \
  -c 'CREATE TABLE fuzz.many AS SELECT n FROM generate_series(1, 1000) n' -c 'GRANT SELECT ON fuzz.many TO PUBLIC' -c "ALTER TABLE fuzz.many SET (parallel_workers = 2)"
started=$(sql -c 'SELECT pg_postmaster_start_time()')

fuzz() { /usr/bin/python3 tests/drivers/grammar.py || echo "it ends with $?"; }
is "$(fuzz)" '' "no call breaks a promise"
is "$(sql -c 'SELECT pg_postmaster_start_time()')" "$started" "the server is the one that was started"
is "$(grep -aE 'TRAP|PANIC|terminated by signal|XX000' "$log" || true)" '' "nor does its log tell of anything worse"

# --- control: what breaks them is found
sql <<'SQL'
GRANT USAGE ON SCHEMA roughly TO PUBLIC;
GRANT INSERT ON roughly.audit_log TO PUBLIC;
ALTER TABLE roughly.audit_log NO FORCE ROW LEVEL SECURITY, DISABLE ROW LEVEL SECURITY;
CREATE FUNCTION roughly_planted_internal(question uuid) RETURNS void LANGUAGE plpgsql AS $$BEGIN RAISE EXCEPTION SQLSTATE 'XX000'; END$$;
CREATE FUNCTION roughly_planted_refusal(OUT status text) LANGUAGE sql AS $$INSERT INTO roughly.audit_log (action) VALUES ('planted'); SELECT 'invalid'$$;
CREATE PROCEDURE roughly_planted_partial() LANGUAGE plpgsql AS $$BEGIN INSERT INTO roughly.audit_log (action) VALUES ('planted'); COMMIT; RAISE EXCEPTION SQLSTATE '22004'; END$$;
ALTER EXTENSION roughly_auth ADD FUNCTION roughly_planted_internal;
ALTER EXTENSION roughly_auth ADD FUNCTION roughly_planted_refusal;
ALTER EXTENSION roughly_auth ADD PROCEDURE roughly_planted_partial;
SQL
found=$(SEQUENCES=40 ROUTINES='roughly_planted%' fuzz 2>"$work/fuzz.table"); cat "$work/fuzz.table" >&2
like "$found" 'roughly_planted_internal: XX000 is not among its errors' "control: an error that is not documented"
like "$found" 'roughly_planted_partial: an error \(22004\) left rows changed' "control: rows left behind by an error"
like "$found" 'roughly_planted_refusal: it answers invalid, and has changed rows' "control: rows changed by a refusal"

done_testing
