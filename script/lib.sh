# Shared by the scripts: what they need, and a private cluster that leaves nothing behind. Source it.
set -euo pipefail
top=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cd "$top"
export LC_ALL=C.UTF-8

# What building the module takes.
build_packages="build-essential pkg-config libsodium-dev libssl-dev libcrypt-dev iso-codes postgresql-PGMAJOR postgresql-server-dev-PGMAJOR"

say() { printf '\n== %s\n' "$*"; }
die() { printf '%s\n' "$*" >&2; exit 1; }

# PostgreSQL refuses to run as root: everything of the server's runs as this user.
if [ "$(id -u)" = 0 ]; then server_user=postgres; else server_user=$(id -un); fi
as_server() { if [ "$(id -u)" = 0 ]; then runuser -u "$server_user" -- "$@"; else "$@"; fi; }

# need PACKAGE...: installs what is missing. PGMAJOR stands for the major version.
need() {
  local missing=() package
  if [ -z "${pg_major:-}" ]; then
    if command -v "${PG_CONFIG:-pg_config}" >/dev/null 2>&1; then
      pg_major=$("${PG_CONFIG:-pg_config}" --version | sed 's/[^0-9]*\([0-9]*\).*/\1/')
    else
      [ "$(id -u)" = 0 ] && apt-get -qq update
      pg_major=$(apt-cache policy postgresql | sed -n 's/ *Candidate: \([0-9]*\).*/\1/p')
    fi
  fi
  for package in "${@//PGMAJOR/$pg_major}"; do
    dpkg -s "$package" 2>/dev/null | grep -q '^Status: install ok installed' || missing+=("$package")
  done
  [ ${#missing[@]} = 0 ] && return
  [ "$(id -u)" = 0 ] || die "Please run: apt-get install ${missing[*]}"
  say "installing ${missing[*]}"
  if [ ! -e /etc/postgresql-common/createcluster.conf ]; then # no cluster besides our own
    mkdir -p /etc/postgresql-common
    echo 'create_main_cluster = false' > /etc/postgresql-common/createcluster.conf
  fi
  apt-get -qq update
  DEBIAN_FRONTEND=noninteractive apt-get -qq install -y --no-install-recommends "${missing[@]}" >/dev/null
}

# build_and_install: the module, into the server's own directories.
build_and_install() {
  say "building"
  PG_CONFIG=${PG_CONFIG:-pg_config}
  bindir=$("$PG_CONFIG" --bindir)
  make -s -j2 PG_CONFIG="$PG_CONFIG" > "$work/build.log" 2>&1 || { cat "$work/build.log" >&2; die "the build failed"; }
  make -s install PG_CONFIG="$PG_CONFIG" > "$work/install.log" 2>&1 || { cat "$work/install.log" >&2; die "make install failed (does it need root?)"; }
}

# A scratch folder, removed at exit together with whatever runs in it.
clusters=()
work=$(mktemp -d "${TMPDIR:-/tmp}/roughly_auth.XXXXXX")
chmod 755 "$work"
[ "$(id -u)" = 0 ] && { id "$server_user" >/dev/null 2>&1 && chown "$server_user" "$work"; }
clean_up() {
  local name
  for name in "${clusters[@]}"; do stop_cluster "$name" immediate >/dev/null 2>&1 || true; done
  rm -rf "$work"
}
trap clean_up EXIT
trap 'exit 130' INT TERM

# init_data FOLDER. start_cluster copies the folder INITDB_TEMPLATE instead, where there is one: that is three times as fast.
init_data() {
  as_server "$bindir/initdb" -D "$1" -U postgres -A trust -E UTF8 --locale=C.UTF-8 --no-sync > "$work/initdb.log" 2>&1 ||
    { cat "$work/initdb.log" >&2; die "initdb failed"; }
}
# start_cluster NAME [postgresql.conf line...]: a new cluster on a Unix socket only; sets PGHOST and the rest for clients.
start_cluster() {
  local name=$1; shift
  local dir=$work/$name
  if [ ! -d "$dir/data" ]; then
    chown "$server_user" "$work"
    as_server mkdir -p "$dir"
    if [ -d "${INITDB_TEMPLATE:-}" ]; then as_server cp -a "$INITDB_TEMPLATE" "$dir/data"; else init_data "$dir/data"; fi
    { echo "listen_addresses = ''"; echo "unix_socket_directories = '$dir'"; echo "fsync = off"; echo "max_prepared_transactions = 5"
      printf '%s\n' "$@"; } | as_server tee -a "$dir/data/postgresql.conf" >/dev/null
    clusters+=("$name")
  fi
  as_server "$bindir/pg_ctl" -D "$dir/data" -l "$dir/log" -w start > "$work/start.log" 2>&1 || { cat "$dir/log" >&2; die "the server does not start"; }
  export PGHOST=$dir PGPORT=5432 PGUSER=postgres PGDATABASE=postgres
}

stop_cluster() { as_server "$bindir/pg_ctl" -D "$work/$1/data" -m "${2:-fast}" -w stop >/dev/null; }
