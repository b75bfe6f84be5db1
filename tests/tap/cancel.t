#!/usr/bin/env bash
# Commands that are stopped at every table they come to, and at random moments (tests/drivers/interrupt.py says what must hold).
# A longer run: TRIALS=500 SEED=7 prove -v tests/tap/cancel.t
set -u
source "$(dirname "$0")/lib.sh"
need python3-psycopg >&2
export PYTHONDONTWRITEBYTECODE=1
start_poll one 'autovacuum = off' 'max_connections = 40' "shared_preload_libraries = 'roughly_auth'"
started=$(sql -c 'SELECT pg_postmaster_start_time()')

is "$(/usr/bin/python3 tests/drivers/interrupt.py || echo "it ends with $?")" '' "what is stopped has done nothing, and goes on"
is "$(sql -c 'SELECT pg_postmaster_start_time()')" "$started" "the server is the one that was started"
is "$(grep -aE 'TRAP|PANIC|terminated by signal|XX000' "$log" || true)" '' "nor does its log tell of anything worse"

done_testing
