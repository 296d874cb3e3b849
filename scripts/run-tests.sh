#!/bin/bash
# run-tests.sh [--live]: builds and tests this checkout as it lies here, unprivileged.
# check.sh calls it inside the workshop. Prints one line a test file, the whole
# output of those that fail, and at the end the closing line.
# --live: only the acceptance against the Twenty at $TWENTY_URL with $TWENTY_KEY.
set -uo pipefail
cd "$(dirname "$0")/.." || exit
. scripts/environment.sh

passed=0 failed=0 skipped=0
logs=$workshop/tmp/logs
mkdir -p "$logs"
trap 'stop_servers' EXIT
trap 'exit 130' INT TERM

# count NAME PASSED FAILED SKIPPED SECONDS LOG: adds to the sums; shows the log of a failure.
count() {
	local name=$1 result=ok
	passed=$((passed + $2)) failed=$((failed + $3)) skipped=$((skipped + $4))
	[ "$3" = 0 ] || result=FAIL
	printf '%-4s %-44s %4d passed %3d failed %3d skipped %4d s\n' "$result" "$name" "$2" "$3" "$4" "$5"
	[ "$4" = 0 ] || sed -nE 's/.*# *[Ss][Kk][Ii][Pp][A-Za-z]*:? *(.+)/     skipped: \1/p' "$6" | sort | uniq -c | sed -E 's/^ *[0-9]+ //' | head -5
	if [ "$3" != 0 ]; then
		# The failures first, then the end of what was said.
		grep -A12 -E '^not ok|^Bail out' "$6" | head -150
		printf '%s\n' "---- the last lines of $name"
		tail -60 "$6"
		printf '%s\n' "----"
	fi
}

# run_tap NAME COMMAND…: runs a program that prints TAP; an exit code other than 0 without a failed test is one failure.
run_tap() {
	local name=$1 log start=$SECONDS code p f s told
	shift
	log=$logs/${name//\//_}
	timeout -k 10 "${TEST_TIMEOUT:-300}" "$@" >"$log" 2>&1 </dev/null
	code=$?
	read -r p f s < <(awk -f scripts/count-tap.awk "$log")
	[ "$code" = 0 ] || [ "$f" != 0 ] || f=1
	[ "$code" != 124 ] || echo "stopped after ${TEST_TIMEOUT:-300} seconds" >>"$log"
	# PostgreSQL's Perl tests tell a file of their own what happened.
	told=$(find tmp_check "$workshop/tmp/tap" -name "regress_log_$(basename "$name" .pl)" 2>/dev/null | head -1)
	[ "$f" = 0 ] || [ -z "$told" ] || tail -40 "$told" | cut -c1-600 >>"$log"
	count "$name" "$p" "$f" "$s" $((SECONDS - start)) "$log"
}

run_build() {
	local log=$logs/build start=$SECONDS f=0
	make -s -j"$(nproc)" PG_CONFIG="$PG_CONFIG" >"$log" 2>&1 && make -s PG_CONFIG="$PG_CONFIG" install >>"$log" 2>&1 || f=1
	# A warning is an error, whichever of the compilers (C, C++, bitcode) it comes from.
	! grep -q 'warning:' "$log" || f=1
	count build $((1 - f)) $f 0 $((SECONDS - start)) "$log"
	[ "$f" = 0 ]
}

run_regress() {
	local log=$logs/pg_regress start=$SECONDS p f
	compgen -G 'sql/*.sql' >/dev/null || return
	make -s PG_CONFIG="$PG_CONFIG" installcheck >"$log" 2>&1 </dev/null
	# "test name ... ok" up to PostgreSQL 15, "ok 1 - name" after.
	p=$(grep -cE '^((test|    ) +[a-z0-9_-]+ +\.\.\. ok|ok [0-9])' "$log")
	f=$(grep -cE '^((test|    ) +[a-z0-9_-]+ +\.\.\. FAILED|not ok)' "$log")
	[ $((p + f)) -gt 0 ] || f=1
	[ ! -s regression.diffs ] || head -300 regression.diffs >>"$log"
	count pg_regress "$p" "$f" 0 $((SECONDS - start)) "$log"
}

run_pgtap() {
	local file
	psql -XAtq -c 'CREATE DATABASE pgtap' -c '\c pgtap' -c 'CREATE EXTENSION pgtap' >"$logs/pgtap" 2>&1 ||
		{ count pgtap 0 1 0 0 "$logs/pgtap"; return; }
	for file in test/pgtap/*.sql; do
		[ -e "$file" ] || continue
		psql -XAtq -c 'DROP DATABASE IF EXISTS pgtap_file' -c 'CREATE DATABASE pgtap_file TEMPLATE pgtap' >/dev/null 2>&1
		run_tap "$file" psql -XAtq -v ON_ERROR_STOP=1 -d pgtap_file -f "$file"
	done
}

run_perl() {
	local file bin pgxs
	bin=$(dirname "$PG_CONFIG")
	pgxs=$(dirname "$("$PG_CONFIG" --pgxs)")/../..
	for file in test/t/*.pl; do
		[ -e "$file" ] || continue
		mkdir -p "$workshop/tmp/tap/${file##*/}/log"
		# As PGXS's prove_installcheck does; the cluster of the regression tests is not theirs.
		run_tap "$file" env -u PGHOST -u PGUSER -u PGDATABASE "PGPORT=65432" "PATH=$bin:$PATH" \
			"PG_REGRESS=$pgxs/src/test/regress/pg_regress" "top_builddir=$pgxs/.." \
			"TESTDIR=$PWD" "TESTDATADIR=$workshop/tmp/tap/${file##*/}" "TESTLOGDIR=$workshop/tmp/tap/${file##*/}/log" \
			perl -I "$pgxs/src/test/perl" -I test/t "$file"
	done
}

# The same acceptance that a live Twenty gets.
run_live() {
	start_twenty live --model 2.19
	TWENTY_URL=$twenty_url TWENTY_KEY=$twenty_key run_tap test/live/check-live.js node test/live/check-live.js
}

finish() {
	say "$passed passed, $failed failed$([ "$skipped" = 0 ] || echo ", $skipped skipped")"
	[ "$failed" = 0 ]
	exit
}

run_build || finish
if [ "${1:-}" = --live ]; then
	start_cluster live
	TEST_TIMEOUT=3600 run_tap test/live/check-live.js node test/live/check-live.js
	finish
fi
for file in test/*/*.test.js; do
	[ -e "$file" ] && run_tap "$file" node "$file"
done
start_cluster regress
run_regress
run_pgtap
run_live
stop_servers
run_perl
finish
