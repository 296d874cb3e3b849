#!/bin/bash
# forecast.sh: the seconds that flitmig_plan foretells beside those that the run then takes, by the clock.
# ROWS= (patients of the large clinic, default 6,000; about nine records each) or SHORT=1; PARTS="limited unlimited files delta fresh" chooses.
# A batch takes 230 ms, two at a time (TWENTY.md 3).
#
#   limited     100 calls a minute, run at once after sample and plan: what the sample took is still missing from the bucket
#   unlimited   no limit
#   files       900 files of 4 kB to 200 kB, no limit
#   delta       a newer export over the limited one
#   fresh       100 calls a minute, a bucket that is full again, a limit that earlier runs have learned
#
# Ends with "forecast ratio N": seconds foretold over seconds taken, of the part that is farthest from 1.
set -euo pipefail
cd "$(dirname "$0")/../.."
. test/bench/workshop.bash
enter_workshop "$0"

value() { psql -XAtq -v ON_ERROR_STOP=1 -c "$1"; }
chosen() { [[ " ${PARTS:-limited delta unlimited files fresh} " == *" $1 "* ]]; }

# prepare NAME EXPORT OPTION…: a database whose clinic is signed off, and a stand-in of its own.
prepare() {
	local name=$1 export=$2
	shift 2
	PGDATABASE=postgres value "CREATE DATABASE $name"
	export PGDATABASE=$name
	start_twenty "$name" --model 2.19 --latency 230 --workers 2 "$@"
	value "CREATE EXTENSION flitmig; CREATE SERVER crm FOREIGN DATA WRAPPER flitmig_twenty OPTIONS (url '$twenty_url');
		CREATE USER MAPPING FOR CURRENT_USER SERVER crm OPTIONS (api_key '$twenty_key')"
	{
		value "SELECT flitmig_create('bench', 'crm', time_zone => 'America/New_York', date_order => 'MDY')"
		value "SELECT count(*) FROM flitmig_import('bench', '$export')"
		value "SELECT flitmig_confirm('bench')"
		value "SELECT count(*) FROM flitmig_sample('bench')"
		value "SELECT flitmig_sign_off('bench', 'bench')"
	} >"$workshop/tmp/$name.out" 2>&1 || { tail -5 "$workshop/tmp/$name.out"; die "no sample"; }
}

# measure NAME STEP: foretells (the row STEP of the plan), runs, compares.
measure() {
	local records calls seconds sent called taken
	IFS='|' read -r records calls seconds < <(value "
		SELECT t.records, t.calls, p.seconds FROM flitmig_plan('bench') p, LATERAL (SELECT p.records, p.calls) t WHERE p.step = '$2' AND p.seconds IS NOT NULL")
	psql -Xq -c "SELECT t.kind, round(t.call_ms) AS call_ms, round(t.record_ms::numeric, 2) AS record_ms, t.measured, round(flitmig._workers(m.id)::numeric, 2) AS at_once
		FROM flitmig.migration m, flitmig._call_times(m.id) t" >>"$workshop/tmp/phases"
	value "SELECT count(*) FROM flitmig_run('bench')" >"$workshop/tmp/run.out" 2>&1 || { tail -5 "$workshop/tmp/run.out"; die "the run failed"; }
	IFS='|' read -r sent called taken < <(value "
		SELECT (SELECT sum(b.stored) FROM flitmig.batch b WHERE b.run_id = r.id AND b.kind IN ('create', 'update')),
			(SELECT count(*) FROM flitmig.batch b WHERE b.run_id = r.id AND b.kind IN ('create', 'update', 'read', 'timeline', 'trash')),
			round(extract(epoch FROM r.finished_at - r.started_at)::numeric, 1)
		FROM flitmig.run r ORDER BY r.id DESC LIMIT 1")
	awk -v name="$1" -v records="${records:--}" -v calls="${calls:--}" -v f="$seconds" -v sent="$sent" -v called="$called" -v t="$taken" 'BEGIN {
		printf "%-10s foretold %6s records %4s calls %6.1f s   taken %6s records %4s calls %6.1f s   %.3f\n", name, records, calls, f, sent, called, t, f / t}' | tee -a "$workshop/tmp/parts"
	psql -Xq -c "SELECT phase, count(*) AS calls, sum(cardinality(ids)) AS records, round(extract(epoch FROM max(answered_at) - min(opened_at))::numeric, 1) AS seconds
		FROM flitmig.batch WHERE run_id = (SELECT max(id) FROM flitmig.run) GROUP BY phase ORDER BY min(opened_at)" >>"$workshop/tmp/phases" 2>&1
}

# add_files EXPORT N: that many documents more in an export, of many sizes.
add_files() {
	awk -F, 'NR > 1 {print $1}' "$1/patients.csv" | head -600 >"$workshop/tmp/patients"
	mkdir -p "$1/documents/more"
	for i in $(seq "$2"); do
		head -c $((4096 + (i * 7919) % 200000)) /dev/urandom >"$1/documents/more/scan-$i.bin"
		printf 'X-%06d,%s,,scan-%d.bin,documents/more/scan-%d.bin,Scan %d,application/octet-stream,2025-06-11 11:10:36\n' \
			"$i" "$(sed -n "$((1 + i % $(wc -l <"$workshop/tmp/patients")))p" "$workshop/tmp/patients")" "$i" "$i" "$i"
	done >>"$1/documents.csv"
}

start_bench forecast
patients=$(rows_wanted 6000 3500)
large=$workshop/tmp/export
test/clinic/generate --out "$large" --patients "$patients" --seed 3 >/dev/null
if chosen limited || chosen delta; then
	prepare limited "$large" --calls-per-minute 100
	measure limited TOTAL
fi
if chosen delta; then
	test/clinic/generate --out "$large.later" --patients "$patients" --seed 3 --delta >/dev/null
	value "SELECT count(*) FROM flitmig_import('bench', '$large.later')" >"$workshop/tmp/later.out" 2>&1
	measure delta TOTAL
fi
if chosen fresh; then
	prepare fresh "$large" --calls-per-minute 100
	# whoever thinks about a plan for a minute gives the bucket the time to fill
	node -e 'fetch(process.argv[1] + "/__limit", {method: "POST", body: JSON.stringify({perMinute: 100})})' "$twenty_url"
	value "UPDATE flitmig.batch SET answered_at = answered_at - interval '1 hour', opened_at = opened_at - interval '1 hour';
		INSERT INTO flitmig.server_limit (server, max_tokens, window_ms) VALUES ('crm', 100, 60000) ON CONFLICT (server) DO UPDATE SET max_tokens = 100, window_ms = 60000"
	measure fresh TOTAL
fi
if chosen unlimited; then
	prepare unlimited "$large" --calls-per-minute 0
	# nobody can know yet that there is no limit: the plan gives both
	measure unlimited assumed
fi
if chosen files; then
	test/clinic/generate --out "$workshop/tmp/small" --patients 600 --seed 3 >/dev/null
	add_files "$workshop/tmp/small" 900
	prepare files "$workshop/tmp/small" --calls-per-minute 0
	measure files assumed
fi
awk '{r = $NF; d = r > 1 ? r - 1 : 1 - r; if (d >= worst) {worst = d; ratio = r}} END {printf "forecast ratio %.3f\n", ratio}' "$workshop/tmp/parts"
