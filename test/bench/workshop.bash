# shellcheck shell=bash
# workshop.bash: what the benchmarks share. Source it from the repository's root, then:
#
#   enter_workshop "$0"      runs the script again in a workshop of its own (as an ordinary user), unless it is in one
#   rows_wanted FULL SHORT   how many rows: ROWS=, else SHORT with SHORT=1, else FULL
#   start_bench NAME         builds, installs, starts a throw-away cluster with the extension
. scripts/environment.sh

enter_workshop() {
	[ -z "${workshop:-}" ] || return 0
	# The Makefile's default is no PostgreSQL of one's own.
	[ "${PG_CONFIG:-pg_config}" != pg_config ] || unset PG_CONFIG
	# shellcheck disable=SC2119
	install_packages
	trap remove_workshop EXIT
	make_workshop
	in_workshop env "ROWS=${ROWS:-}" "SHORT=${SHORT:-}" "VERBOSE=${VERBOSE:-}" "PARTS=${PARTS:-}" "MINUTES=${MINUTES:-}" "GROWTH=${GROWTH:-}" "BYTES=${BYTES:-}" bash "test/bench/${1##*/}"
	exit
}

rows_wanted() {
	if [ -n "${ROWS:-}" ]; then echo "$ROWS"; elif [ -n "${SHORT:-}" ]; then echo "$2"; else echo "$1"; fi
}

start_bench() {
	trap stop_servers EXIT
	make -s PG_CONFIG="$PG_CONFIG" install >"$workshop/tmp/build" 2>&1 || { cat "$workshop/tmp/build"; die "the build failed"; }
	start_cluster "$1"
	# Checkpoints would fall on one side or the other by chance.
	psql -XAtq -c 'ALTER SYSTEM SET max_wal_size = '\''8GB'\' -c 'ALTER SYSTEM SET checkpoint_timeout = '\''1h'\' \
		-c 'SELECT pg_reload_conf()' -c 'CREATE EXTENSION flitmig' >/dev/null
}
