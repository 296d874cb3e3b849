#!/bin/bash
# check-sanitize.sh undefined|valgrind: the regression and the pgTAP tests, watched by a tool that finds what C allows and nobody means.
#
# TESTS="import values" names regression tests, which are all then.
#
#   undefined   flitmig built with GCC's undefined-behaviour sanitizer; what it finds ends the server, so the test fails
#   valgrind    the server under valgrind's memcheck, ten to thirty times slower.
#               Debian's server shows uninitialised values and blocks of malloc; one built for it shows every palloc chunk and
#               checks its own assertions: configure --enable-cassert CPPFLAGS=-DUSE_VALGRIND, then PG_CONFIG=…
#
# The address sanitizer has no part in it, because Debian's postgres does not start under it; make fuzz has it for the readers.
# The last line is "N passed, N failed"; findings are shown before it.
set -euo pipefail
cd "$(dirname "$0")/../.."
. scripts/environment.sh

tool=${1:-undefined}
if [ -z "${workshop:-}" ]; then
	[ "${PG_CONFIG:-pg_config}" != pg_config ] || unset PG_CONFIG
	trap remove_workshop EXIT
	trap 'exit 130' INT TERM
	if [ "$tool" = valgrind ]; then install_packages valgrind; else install_packages; fi
	make_workshop
	in_workshop bash test/sanitize/check-sanitize.sh "$tool" "${TESTS:-}"
	exit
fi

trap stop_servers EXIT
trap 'exit 130' INT TERM
tests=${2:-}
passed=0 failed=0
finding="$workshop/tmp/findings"
mkdir "$finding"

say "Building"
flags='-O1 -g -fno-omit-frame-pointer'
[ "$tool" = valgrind ] || flags+=' -fsanitize=undefined -fno-sanitize-recover=undefined'
build() { make -s PG_CONFIG="$PG_CONFIG" with_llvm=no COPT="$flags" CXX="g++ $flags" "$@"; }
{ build -j"$(nproc)" && build install; } >"$workshop/tmp/build" 2>&1 || { tail -40 "$workshop/tmp/build"; die "the build failed"; }

if [ "$tool" = valgrind ]; then
	# Not the server's own: what initdb reads, and what exit() leaves to the system.
	start_cluster sanitize valgrind --quiet --trace-children=yes --leak-check=no --error-markers=VALGRINDERROR-BEGIN,VALGRINDERROR-END \
		--suppressions=test/sanitize/valgrind.supp --log-file="$finding/%p"
else
	UBSAN_OPTIONS=print_stacktrace=1:log_path=$finding/undefined start_cluster sanitize
fi

say "Regression tests"
regress() { make -s PG_CONFIG="$PG_CONFIG" with_llvm=no installcheck ${tests:+REGRESS="$tests"} >"$workshop/tmp/regress" 2>&1 </dev/null; }
regress || tail -40 "$workshop/tmp/regress"
# "test name ... ok" up to PostgreSQL 15, "ok 1 - name" after.
passed=$(grep -cE '^((test|    ) +[a-z0-9_-]+ +\.\.\. ok|ok [0-9])' "$workshop/tmp/regress" || true)
failed=$(grep -cE '^((test|    ) +[a-z0-9_-]+ +\.\.\. FAILED|not ok)' "$workshop/tmp/regress" || true)
[ $((passed + failed)) -gt 0 ] || failed=1
[ ! -s regression.diffs ] || head -100 regression.diffs

# Named regression tests are all that was asked for.
if [ -z "$tests" ]; then
	say "pgTAP tests"
	psql -XAtq -c 'CREATE DATABASE pgtap' -c '\c pgtap' -c 'CREATE EXTENSION pgtap' >/dev/null
	for file in test/pgtap/*.sql; do
		# A server that a finding has ended starts again by itself.
		for _ in $(seq 100); do pg_isready -q && break; sleep 0.1; done
		psql -XAtq -c 'DROP DATABASE IF EXISTS pgtap_file' -c 'CREATE DATABASE pgtap_file TEMPLATE pgtap' >/dev/null 2>&1 || true
		code=0
		psql -XAtq -v ON_ERROR_STOP=1 -d pgtap_file -f "$file" >"$workshop/tmp/said" 2>&1 </dev/null || code=$?
		read -r p f _ < <(awk -f scripts/count-tap.awk "$workshop/tmp/said")
		[ "$code" = 0 ] || [ "$f" != 0 ] || f=1
		passed=$((passed + p)) failed=$((failed + f))
		[ "$f" = 0 ] || { say "$file"; grep -A8 -E '^not ok|ERROR|FATAL|server closed' "$workshop/tmp/said" | head -40 || true; }
	done
fi
stop_servers

for file in "$finding"/*; do
	[ -s "$file" ] || continue
	failed=$((failed + 1))
	head -60 "$file" || true
done
! grep -E 'TRAP:|terminated by signal|runtime error:|detected write past' "$workshop/tmp/sanitize.log" || failed=$((failed + 1))
say "$passed passed, $failed failed"
[ "$failed" = 0 ]
