#!/bin/bash
# values.sh: calls a second of the value functions on one core, beside what one
# would write with the server's own functions. ROWS= (default 1,000,000) or SHORT=1.
# Runs in a workshop of its own; ends with "values ratio N" (geometric mean, ours over theirs).
set -euo pipefail
cd "$(dirname "$0")/../.."
. scripts/environment.sh

if [ -z "${workshop:-}" ]; then
	[ "${PG_CONFIG:-pg_config}" != pg_config ] || unset PG_CONFIG
	major=$(postgres_major) || die "no PostgreSQL with its server headers is installed"
	trap remove_workshop EXIT
	make_workshop
	in_workshop env "ROWS=${ROWS:-}" "SHORT=${SHORT:-}" bash test/bench/values.sh
	exit
fi

rows=${ROWS:-1000000}
[ -z "${SHORT:-}" ] || rows=100000
trap stop_servers EXIT
make -s PG_CONFIG="$PG_CONFIG" install >"$workshop/tmp/build" 2>&1 || { cat "$workshop/tmp/build"; die "the build failed"; }
start_cluster bench
psql -XAtq -v rows="$rows" -f test/bench/values.sql
