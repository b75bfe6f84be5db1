# Shared by the .t files: TAP, and the test extension as long as they run. Source it.
source "$(dirname "${BASH_SOURCE[0]}")/../tap/lib.sh"

build=(make -s -C "$top/tests/bridge" PG_CONFIG="${PG_CONFIG:-pg_config}")
"${build[@]}" > "$work/bridge.log" 2>&1 && "${build[@]}" install >> "$work/bridge.log" 2>&1 ||
  { cat "$work/bridge.log" >&2; die "roughly_bridge_test does not build"; }
trap '"${build[@]}" uninstall >/dev/null 2>&1; clean_up' EXIT
