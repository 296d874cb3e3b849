#!/bin/bash
# check-sanitize.sh: builds flitmig with GCC's address and undefined-behaviour sanitizers and runs the regression tests and the
# pgTAP tests on it. The server is Debian's own: what it has allocated with malloc is watched (its big chunks one by one, the small
# ones of a memory context as a block), and so are the stack, the globals and all arithmetic of flitmig.
# The last line is "N passed, N failed"; a finding of a sanitizer is a failure, and is shown.
set -euo pipefail
cd "$(dirname "$0")/../.."
. scripts/environment.sh

if [ -z "${workshop:-}" ]; then
	[ "${PG_CONFIG:-pg_config}" != pg_config ] || unset PG_CONFIG
	trap remove_workshop EXIT
	# shellcheck disable=SC2119
	install_packages
	make_workshop
	in_workshop bash test/sanitize/check-sanitize.sh
	exit
fi

trap stop_servers EXIT
findings=$workshop/tmp/findings
mkdir "$findings"
passed=0 failed=0
say "Building"
# The sanitizers' own report of an overflow in arithmetic is followed by abort, so that no test passes in spite of it.
build() {
	make -s -j"$(nproc)" PG_CONFIG="$PG_CONFIG" with_llvm=no COPT='-O1 -g -fno-omit-frame-pointer -fsanitize=address,undefined -fno-sanitize-recover=undefined' &&
		make -s PG_CONFIG="$PG_CONFIG" with_llvm=no install
}
build >"$workshop/tmp/build" 2>&1 || { tail -40 "$workshop/tmp/build"; die "the build failed"; }

# The server itself knows nothing of the sanitizers, so their libraries come first. What it leaves to exit() is no leak of ours.
export ASAN_OPTIONS=detect_leaks=0:abort_on_error=1:log_path=$findings/address UBSAN_OPTIONS=print_stacktrace=1:log_path=$findings/undefined
preload="$(gcc -print-file-name=libasan.so) $(gcc -print-file-name=libubsan.so)"
LD_PRELOAD=$preload start_cluster sanitize

say "Regression tests"
make -s PG_CONFIG="$PG_CONFIG" with_llvm=no installcheck >"$workshop/tmp/regress" 2>&1 </dev/null || tail -40 "$workshop/tmp/regress"
passed=$(grep -cE '^((test|    ) +[a-z0-9_-]+ +\.\.\. ok|ok [0-9])' "$workshop/tmp/regress" || true)
failed=$(grep -cE '^((test|    ) +[a-z0-9_-]+ +\.\.\. FAILED|not ok)' "$workshop/tmp/regress" || true)
[ $((passed + failed)) -gt 0 ] || failed=1
[ ! -s regression.diffs ] || head -100 regression.diffs

say "pgTAP tests"
psql -XAtq -c 'CREATE DATABASE pgtap' -c '\c pgtap' -c 'CREATE EXTENSION pgtap' >/dev/null
for file in test/pgtap/*.sql; do
	psql -XAtq -c 'DROP DATABASE IF EXISTS pgtap_file' -c 'CREATE DATABASE pgtap_file TEMPLATE pgtap' >/dev/null 2>&1
	code=0
	psql -XAtq -v ON_ERROR_STOP=1 -d pgtap_file -f "$file" >"$workshop/tmp/said" 2>&1 </dev/null || code=$?
	read -r p f _ < <(awk -f scripts/count-tap.awk "$workshop/tmp/said")
	[ "$code" = 0 ] || [ "$f" != 0 ] || f=1
	passed=$((passed + p)) failed=$((failed + f))
	[ "$f" = 0 ] || { say "$file"; grep -A8 -E '^not ok|ERROR|FATAL|server closed' "$workshop/tmp/said" | head -40; }
done
stop_servers

for file in "$findings"/*; do
	[ -e "$file" ] || continue
	failed=$((failed + 1))
	head -40 "$file"
done
say "$passed passed, $failed failed"
[ "$failed" = 0 ]
