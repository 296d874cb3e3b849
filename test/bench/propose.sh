#!/bin/bash
# propose.sh: precision and recall of flitmig_propose on exports it was not taught.
# Each product of test/bench/propose/answers is proposed without the synonyms learned from it.
# Runs in a workshop of its own; VERBOSE=1 lists the mistakes, SHORT=1 is faster; ends with "propose precision P recall R".
set -euo pipefail
cd "$(dirname "$0")/../.."
. scripts/environment.sh

if [ -z "${workshop:-}" ]; then
	[ "${PG_CONFIG:-pg_config}" != pg_config ] || unset PG_CONFIG
	major=$(postgres_major) || die "no PostgreSQL with its server headers is installed"
	trap remove_workshop EXIT
	make_workshop
	in_workshop env "VERBOSE=${VERBOSE:-}" "SHORT=${SHORT:-}" bash test/bench/propose.sh
	exit
fi

trap stop_servers EXIT
make -s PG_CONFIG="$PG_CONFIG" install >"$workshop/tmp/build" 2>&1 || { cat "$workshop/tmp/build"; die "the build failed"; }
start_cluster bench
psql -XAtqc 'CREATE EXTENSION flitmig'
bash test/bench/propose/run.sh
