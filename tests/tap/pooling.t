#!/usr/bin/env bash
# PgBouncer in transaction and in session mode: many clients, few connections to the server, and nobody is taken for somebody
# else. tests/tap/clients.t has one application's way through it, and what named statements of the protocol do.
set -u
source "$(dirname "$0")/lib.sh"
need pgbouncer python3-psycopg >&2
PATH=$PATH:/usr/sbin PYTHONDONTWRITEBYTECODE=1
export PYTHONDONTWRITEBYTECODE
start_poll one "shared_preload_libraries = 'roughly_auth'" 'max_connections = 40'
make_people 8

pooler=$work/pooler
as_server mkdir "$pooler"
as_server tee "$pooler/ini" >/dev/null <<INI
[databases]
many = host=$PGHOST port=$PGPORT dbname=poll pool_mode=transaction pool_size=4
one = host=$PGHOST port=$PGPORT dbname=poll pool_mode=transaction pool_size=1
session = host=$PGHOST port=$PGPORT dbname=poll pool_mode=session pool_size=1
[pgbouncer]
auth_type = trust
auth_file = $pooler/users
listen_addr =
unix_socket_dir = $pooler
listen_port = 6432
max_client_conn = 100
logfile = $pooler/log
pidfile = $pooler/pid
INI
echo '"app" ""' | as_server tee "$pooler/users" >/dev/null
as_server "$(command -v pgbouncer)" -q -d "$pooler/ini" || die "pgbouncer does not start"
trap 'kill $(cat "$pooler/pid") 2>/dev/null; clean_up' EXIT

# In transaction mode the server's session is shared: prepared statements follow whoever acts, but what somebody copied out
# of a transaction is found by the next. In session mode DISCARD ALL comes between.
is "$(PGHOST=$pooler PGPORT=6432 /usr/bin/python3 tests/drivers/pool.py "${token[@]}" 2>&1)" "many: 24 clients, identity right
session: 12 clients, identity right
one: what was prepared: [], as somebody else: own row; a held cursor: the other's row; a temporary table: the other's row
session: what was prepared: 26000, as somebody else: 26000; a held cursor: 34000; a temporary table: 42P01
many: cancelled: 57014 then [(1,)] and [(2,)]" "PgBouncer: nobody is taken for somebody else"
at_most() { if [ "$1" -le "$2" ]; then report ok "$3"; else report 'not ok' "$3" "got: $1"; fi; }
at_most "$(sql -c "SELECT count(*) FROM pg_stat_activity WHERE usename = 'app'")" 6 "control: they shared six connections"

done_testing
