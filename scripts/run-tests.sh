#!/bin/bash
# run-tests.sh [--live]: builds and tests this checkout as it lies here, unprivileged.
# check.sh calls it inside the workshop. Prints one line a test file, the whole
# output of those that fail, and at the end the closing line.
# --live: only the acceptance against the Twenty at $TWENTY_URL with $TWENTY_KEY.
set -uo pipefail
cd "$(dirname "$0")/.." || exit
. scripts/environment.sh

passed=0 failed=0 skipped=0 front=
logs=$workshop/tmp/logs
mkdir -p "$logs"

# A test that is under way is ended by its process id, then the servers that we started.
# shellcheck disable=SC2317
stop_all() {
	local file
	for file in "$logs"/*.pid; do
		[ ! -e "$file" ] || kill -TERM "$(cat "$file")" 2>/dev/null
	done
	[ -z "$front" ] || kill -TERM "$front" 2>/dev/null
	stop_servers
}
trap stop_all EXIT
trap 'exit 130' INT TERM

# ---- counting ----

# count NAME PASSED FAILED SKIPPED SECONDS LOG: adds to the sums; shows the log of a failure.
count() {
	local name=$1 result=ok
	passed=$((passed + $2)) failed=$((failed + $3)) skipped=$((skipped + $4))
	[ "$3" = 0 ] || result=FAIL
	printf '%-4s %-44s %4d passed %3d failed %3d skipped %4d s\n' "$result" "$name" "$2" "$3" "$4" "$5"
	[ "$4" = 0 ] || sed -nE 's/.*# *[Ss][Kk][Ii][Pp][A-Za-z]*:? *(.+)/     skipped: \1/p' "$6" | sort -u | head -5
	if [ "$3" != 0 ]; then
		# The failures first (and what a Perl test died of), then the end of what was said.
		grep -A12 -E '^not ok|^Bail out|\.p[lm] line [0-9]+\.?$' "$6" | head -150
		printf '%s\n' "---- the last lines of $name"
		tail -60 "$6"
		printf '%s\n' "----"
	fi
}

finish() {
	say "All that took $SECONDS s."
	[ "$skipped" = 0 ] || say "$skipped skipped, for want of what is named above."
	say "$passed passed, $failed failed"
	[ "$failed" = 0 ]
	exit
}

# ---- programs that print TAP ----

# start_tap NAME COMMAND…: runs it in the background; what it said is in its log, how it went in its result.
# An exit code other than 0 without a failed test is one failure.
start_tap() {
	local name=$1 log=$logs/${1//\//_}
	shift
	(
		limit=${TEST_TIMEOUT:-400} start=$SECONDS
		timeout -k 10 "$limit" "$@" >"$log" 2>&1 </dev/null &
		group=$!	# timeout leads a process group of its own
		echo "$group" >"$log.pid"
		wait "$group"
		code=$?
		# What a test that died has left behind of it.
		kill -KILL -- "-$group" 2>/dev/null
		rm -f "$log.pid"
		read -r p f s < <(awk -f scripts/count-tap.awk "$log")
		[ "$code" = 0 ] || [ "$f" != 0 ] || f=1
		[ "$code" != 124 ] || echo "stopped after $limit seconds" >>"$log"
		# PostgreSQL's Perl tests tell a file of their own what happened.
		told=$(find "$workshop/tmp/tap" -path "*/$(echo "$name" | sed -E 's:^.*/([^/ ]*\.pl)( ([0-9]+)/.*)?$:\1.\3:; s:\.$::')/*" -name 'regress_log_*' 2>/dev/null | head -1)
		[ "$f" = 0 ] || [ -z "$told" ] || tail -40 "$told" | cut -c1-600 >>"$log"
		echo "$p $f $s $((SECONDS - start))" >"$log.new" && mv "$log.new" "$log.result"
	) &
}

# take_tap [--all] NAME…: counts those that are done; with --all waits for the rest.
take_tap() {
	local all='' name log p f s t
	[ "$1" != --all ] || { all=1; shift; }
	for name in "$@"; do
		log=$logs/${name//\//_}
		[ ! -e "$log.taken" ] || continue
		while [ -n "$all" ] && [ ! -e "$log.result" ]; do sleep 0.2; done
		[ -e "$log.result" ] || continue
		read -r p f s t <"$log.result"
		touch "$log.taken"
		count "$name" "$p" "$f" "$s" "$t" "$log"
	done
}

run_tap() {
	start_tap "$@"
	take_tap --all "$1"
}

# ---- the kinds of tests ----

run_build() {
	local log=$logs/build start=$SECONDS f=0
	make -s -j"$(nproc)" PG_CONFIG="$PG_CONFIG" >"$log" 2>&1 && make -s PG_CONFIG="$PG_CONFIG" install >>"$log" 2>&1 || f=1
	# A warning is an error, whichever of the compilers (C, C++, bitcode) it comes from.
	! grep -q 'warning:' "$log" || f=1
	count build $((1 - f)) $f 0 $((SECONDS - start)) "$log"
	[ "$f" = 0 ]
}

run_node() {
	local file
	for file in test/*/*.test.js; do
		[ ! -e "$file" ] || run_tap "$file" node "$file"
	done
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
	# Synthea's published files, where they stand beside the checkout.
	[ -n "${SYNTHEA_CSV:-}" ] || [ ! -e ../shared/data/synthea-csv-27/patients.csv ] || export SYNTHEA_CSV=$PWD/../shared/data/synthea-csv-27
	psql -XAtq -c 'CREATE DATABASE pgtap' -c '\c pgtap' -c 'CREATE EXTENSION pgtap' >"$logs/pgtap" 2>&1 ||
		{ count pgtap 0 1 0 0 "$logs/pgtap"; return; }
	for file in test/pgtap/*.sql; do
		[ -e "$file" ] || continue
		[[ $file != *stand-in* ]] || has_twenty || continue
		psql -XAtq -c 'DROP DATABASE IF EXISTS pgtap_file' -c 'CREATE DATABASE pgtap_file TEMPLATE pgtap' >/dev/null 2>&1
		run_tap "$file" psql -XAtq -v ON_ERROR_STOP=1 -d pgtap_file -f "$file"
	done
}

# The same acceptance that a live Twenty gets.
start_live() {
	start_twenty live --model 2.19
	TWENTY_URL=$twenty_url TWENTY_KEY=$twenty_key start_tap test/live/check-live.js node test/live/check-live.js
}

# The longest tests, which begin first, so that none is left alone at the end; the others follow by number.
longest=(020_synthea 085_private 010_generic 080_faults 110_adopt 145_hostile 150_dump_restore 140_identity 045_throttled)
perl_tests() {
	local name
	{
		for name in "${longest[@]}"; do printf '%s\n' "test/t/$name.pl"; done
		printf '%s\n' test/t/*.pl
	} | awk '!seen[$0]++'
}

# Tests of many cases are cut, so that the cases are done side by side: "file piece/pieces". Where all of the long ones are asked for
# (make check-long), into more pieces.
perl_jobs() {
	local file pieces i
	for file in $(perl_tests); do
		[ -e "$file" ] || continue
		pieces=1
		case ${FLITMIG_LONG:+long }$file in
			long*/080_faults.pl) pieces=14 ;;
			long*/100_random_kills.pl) pieces=5 ;;
			long*/105_kill_points.pl) pieces=3 ;;
			*/080_faults.pl) pieces=3 ;;
		esac
		for i in $(seq "$pieces"); do
			[ "$pieces" = 1 ] && echo "$file" || echo "$file $i/$pieces"
		done
	done
}

# Most of their time these wait for a call limit or a late window: on two cores, six of them keep one busy.
run_perl() {
	local job file slice data bin pgxs jobs extra
	mapfile -t jobs < <(perl_jobs)
	bin=$(dirname "$PG_CONFIG")
	pgxs=$(dirname "$("$PG_CONFIG" --pgxs)")/../..
	mkdir -p "$workshop/tmp/ports"
	for job in "${jobs[@]}"; do
		while [ "$(compgen -G "$logs/*.pid" | wc -l)" -gt $((2 * $(nproc) + 1)) ]; do
			sleep 0.5
			take_tap "${jobs[@]}"
		done
		file=${job% *} slice="" extra=()
		data=$workshop/tmp/tap/${file##*/}
		if [ "$job" != "$file" ]; then
			slice=${job#* }
			data+=.${slice%/*}
			# a piece has clusters of its own, and of the random kills its share
			extra=("FLITMIG_SLICE=$slice" "FLITMIG_SEED=$(($(date +%s) + ${slice%/*}))" "FLITMIG_KILLS=$((${FLITMIG_KILLS:-200} / ${slice#*/}))")
		fi
		mkdir -p "$data/log"
		# As PGXS's prove_installcheck does; the cluster of the regression tests is not theirs.
		start_tap "$job" env -u PGHOST -u PGUSER -u PGDATABASE "PGPORT=65432" "PG_TEST_PORT_DIR=$workshop/tmp/ports" "PATH=$bin:$PATH" \
			"PG_REGRESS=$pgxs/src/test/regress/pg_regress" "top_builddir=$pgxs/.." \
			"TESTDIR=$data" "TESTDATADIR=$data" "TESTLOGDIR=$data/log" "${extra[@]}" \
			perl -I "$pgxs/src/test/perl" -I test/t "$file"
		sleep 0.2
	done
	take_tap --all "${jobs[@]}"
}

# Debian 11's node is too old for the stand-in, and without the stand-in there is nobody to talk to.
has_twenty() {
	if [ -z "${twenty_runs:-}" ]; then
		twenty_runs=no
		! { node -e 'require("./test/twenty/graphql")' && (for file in test/twenty/*.js; do node --check "$file" || exit; done); } >/dev/null 2>&1 ||
			twenty_runs=yes
	fi
	[ "$twenty_runs" = yes ]
}
skip_twenty() {
	echo "# SKIP node-graphql is not there, or node is too old" >"$logs/no_twenty"
	count 'whatever talks to a stand-in Twenty' 0 0 1 0 "$logs/no_twenty"
}

run_build || finish
start_cluster check
if [ "${1:-}" = --live ]; then
	TEST_TIMEOUT=3600 run_tap test/live/check-live.js node test/live/check-live.js
	finish
fi
# In a process of its own, beside the tests that wait: what it prints and its sums are taken at the end.
start_front() {
	(
		! has_twenty || run_node
		run_regress
		run_pgtap
		echo "$passed $failed $skipped" >"$logs/front.sums"
	) >"$logs/front" 2>&1 &
	front=$!
}
take_front() {
	local p f s
	wait "$front"
	cat "$logs/front"
	read -r p f s <"$logs/front.sums" || { p=0 f=1 s=0; }
	passed=$((passed + p)) failed=$((failed + f)) skipped=$((skipped + s))
}
start_front
if has_twenty; then
	start_live
	run_perl
	take_tap --all test/live/check-live.js
	take_front
else
	take_front
	skip_twenty
fi
finish
