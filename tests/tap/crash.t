#!/usr/bin/env bash
# Crashes under load: few rounds of what tests/crash/run does a hundred times.
source "$(dirname "$0")/../../script/lib.sh"
need python3-psycopg strace >&2
tests/crash/run 6 1
