#!/bin/bash
# forecast.sh: what flitmig_plan foretells beside what the run then takes, by the clock, at 100 calls a minute.
# ROWS= (patients, default 6,000; about nine records each) or SHORT=1. A batch takes 230 ms, two at a time, as at a real server (TWENTY.md 3).
#
# Ends with "forecast ratio N": seconds foretold over seconds taken.
set -euo pipefail
cd "$(dirname "$0")/../.."
. test/bench/workshop.bash
enter_workshop "$0"

value() { psql -XAtq -v ON_ERROR_STOP=1 -c "$1"; }

start_bench forecast
patients=$(rows_wanted 6000 3500)
export=$workshop/tmp/export
test/clinic/generate --out "$export" --patients "$patients" --seed 3 --no-documents >/dev/null 2>&1 || test/clinic/generate --out "$export" --patients "$patients" --seed 3 >/dev/null
start_twenty forecast --model 2.19 --calls-per-minute 100 --latency 230 --workers 2
value "CREATE SERVER crm FOREIGN DATA WRAPPER flitmig_twenty OPTIONS (url '$twenty_url')"
value "CREATE USER MAPPING FOR CURRENT_USER SERVER crm OPTIONS (api_key '$twenty_key')"
{
	value "SELECT flitmig_create('bench', 'crm', time_zone => 'America/New_York', date_order => 'MDY')"
	value "SELECT count(*) FROM flitmig_import('bench', '$export')"
	value "SELECT flitmig_confirm('bench')"
	value "SELECT count(*) FROM flitmig_sample('bench', 100)"
	value "SELECT flitmig_sign_off('bench', 'bench')"
} >"$workshop/tmp/forecast.out" 2>&1 || { tail -5 "$workshop/tmp/forecast.out"; die "no sample"; }

IFS='|' read -r records calls seconds < <(value "SELECT records, calls, seconds FROM flitmig_plan('bench') WHERE step = 'TOTAL'")
# Whoever reads the plan gives the bucket the time to fill.
node -e 'fetch(process.argv[1] + "/__limit", {method: "POST", body: JSON.stringify({perMinute: 100})})' "$twenty_url"
value "SELECT count(*) FROM flitmig_run('bench')" >"$workshop/tmp/run.out" 2>&1 || { tail -5 "$workshop/tmp/run.out"; die "the run failed"; }
IFS='|' read -r sent called taken < <(value "
	SELECT (SELECT sum(b.stored) FROM flitmig.batch b WHERE b.run_id = r.id AND b.kind IN ('create', 'update')),
		(SELECT count(*) FROM flitmig.batch b WHERE b.run_id = r.id AND b.kind IN ('create', 'update', 'read')),
		round(extract(epoch FROM r.finished_at - r.started_at)::numeric, 1)
	FROM flitmig.run r ORDER BY r.id DESC LIMIT 1")
say "foretold: $records records, $calls calls, $seconds s"
say "taken:    $sent records, $called calls, $taken s"
value "SELECT phase || '  ' || round(extract(epoch FROM max(answered_at) - min(opened_at))::numeric, 1) || ' s, ' || count(*) || ' calls'
	FROM flitmig.batch WHERE run_id = (SELECT max(id) FROM flitmig.run) GROUP BY phase ORDER BY min(opened_at)"
awk -v f="$seconds" -v t="$taken" 'BEGIN {printf "forecast ratio %.3f\n", f / t}'
