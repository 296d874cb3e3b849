#!/bin/bash
# push.sh: what the push makes of the limit, of the server and of the machine.
# ROWS= (records of the larger memory run, default 100,000) or SHORT=1; MINUTES= (of the ceiling, default 3);
# PARTS="ceiling server engine whole" chooses.
#
#   ceiling   100 calls a minute, each request 20 to 60 ms under way: calls accepted, calls refused
#   server    no limit, 230 ms a batch, two at a time: records/s beside a bare loop that posts the same bodies
#   engine    answers at once: records/s with the journal's commits, and the worker's memory at two sizes
#   whole     10,000 patients and 20,000 appointments at the default limit: seconds from file to end
#
# Ends with "push ceiling N": calls accepted a minute after the first burst, over those allowed.
set -euo pipefail
cd "$(dirname "$0")/../.."
. test/bench/workshop.bash
enter_workshop "$0"

value() { psql -XAtq -v ON_ERROR_STOP=1 -c "$1"; }
chosen() { [[ " ${PARTS:-ceiling server engine whole} " == *" $1 "* ]]; }
post() { node -e 'fetch(process.argv[1], {method: "POST", body: process.argv[2]})' "$twenty_url$1" "${2:-}"; }

# start_relay NAME OPTION…: sets relay_url.
start_relay() {
	local log=$workshop/tmp/$1.relay
	shift
	node test/bench/relay.js --to "$twenty_url" "$@" >"$log" 2>&1 &
	started+=($!)
	until grep -q '^ready' "$log"; do sleep 0.1; done
	read -r _ relay_url <"$log"
}

# sign_clinic NAME URL PATIENTS APPOINTMENTS: a database with a clinic that is ready for its full run.
sign_clinic() {
	local export=$workshop/tmp/$1
	mkdir "$export"
	export PGDATABASE=postgres
	value "CREATE DATABASE $1"
	export PGDATABASE=$1
	psql -XAtq -v ON_ERROR_STOP=1 -v url="$2" -v key="$twenty_key" -v export="$export" -v patients="$3" -v appointments="$4" \
		-f test/bench/push.sql
}

# the seconds in which a run's creates went out, and how many records they stored
push_seconds="SELECT sum(stored), round(extract(epoch FROM max(answered_at) - min(opened_at))::numeric, 3)
	FROM flitmig.batch WHERE kind = 'create' AND run_id = (SELECT max(id) FROM flitmig.run)"
full_run() { value "SELECT * FROM flitmig_run('bench')" >/dev/null 2>>"$workshop/tmp/run.log" || { tail -5 "$workshop/tmp/run.log"; die "a run failed"; }; }
median() { sort -n | awk '{v[NR] = $1} END {print NR % 2 ? v[(NR + 1) / 2] : (v[NR / 2] + v[NR / 2 + 1]) / 2}'; }
per_second() { awk -v r="$1" -v s="$2" 'BEGIN {printf "%.1f", r / s}'; }

measure_ceiling() {
	local minutes=${MINUTES:-3}
	[ -z "${SHORT:-}" ] || minutes=1
	start_twenty ceiling --model 2.19 --calls-per-minute 100 --no-timeline
	start_relay ceiling --jitter 20-60
	# The limit counts calls, so five records a call will do.
	sign_clinic ceiling "$relay_url" $((500 * minutes + 450)) 0
	value "INSERT INTO flitmig.server_limit VALUES ('crm', 100, 60000, 5) ON CONFLICT (server) DO UPDATE SET batch_size = 5"
	post /__limit '{"perMinute": 100, "perSecond": 100}'
	post /__log-clear
	full_run
	# shellcheck disable=SC2016	# JavaScript's own ${}
	node -e '
		fetch(process.argv[1] + "/__log?ids=0").then((r) => r.json()).then((log) => {
			const calls = log.calls.filter((c) => !c.free).map((c) => c.ms);
			let last = calls.length - 1;	// the last call of the last whole burst
			while (last > 100 && calls[last] - calls[last - 1] < 1000) last--;
			last--;
			const rate = (last - 99) / (calls[last] - calls[99]) * 60000;
			console.error(`limit: ${calls.length} calls accepted, ${log.refused} refused; ${rate.toFixed(1)} a minute after the first 100`);
			console.log((rate / 100).toFixed(3));
		});' "$twenty_url" >"$workshop/tmp/ceiling.result" 2>"$workshop/tmp/ceiling.text"
	cat "$workshop/tmp/ceiling.text"
	stop_relays
}

measure_server() {
	local patients=6000 records seconds bodies=$workshop/tmp/bodies
	[ -z "${SHORT:-}" ] || patients=2000
	start_twenty server --model 2.19 --latency 230 --workers 2 --no-timeline
	start_relay server --keep "$bodies"
	sign_clinic server "$relay_url" "$patients" 0
	: >"$bodies"
	full_run
	value "ALTER SERVER crm OPTIONS (SET url '$twenty_url')"
	for _ in 1 2 3; do
		forget "$bodies"
		full_run
		IFS='|' read -r records seconds < <(value "$push_seconds")
		per_second "$records" "$seconds" >>"$workshop/tmp/engine.rates"; echo >>"$workshop/tmp/engine.rates"
		forget "$bodies"
		read -r records seconds < <(node test/bench/relay.js --replay "$bodies" --to "$twenty_url" --key "$twenty_key" --in-flight 2)
		per_second "$records" "$seconds" >>"$workshop/tmp/bare.rates"; echo >>"$workshop/tmp/bare.rates"
	done
	awk -v e="$(median <"$workshop/tmp/engine.rates")" -v b="$(median <"$workshop/tmp/bare.rates")" \
		'BEGIN {printf "server of 230 ms a batch: %s records/s, a bare loop with two calls under way %s: ratio %.3f\n", e, b, e / b}'
	stop_relays
}

# Takes the run's records back on both sides without counting them.
forget() {
	node test/bench/relay.js --clear "$1" --to "$twenty_url" --key "$twenty_key"
	value "DELETE FROM flitmig.base b WHERE NOT EXISTS (SELECT FROM flitmig.sample_record s WHERE s.id = b.id);
		   DELETE FROM flitmig.undo u WHERE u.action = 'create' AND u.run_id = (SELECT max(id) FROM flitmig.run)"
}

measure_engine() {
	local large=${ROWS:-100000} size records seconds rate
	[ -z "${SHORT:-}" ] || large=30000
	start_twenty engine --model 2.19 --no-timeline
	start_relay engine --sink
	for size in $((large / 10)) "$large"; do
		sign_clinic "engine_$size" "$relay_url" "$size" 0
		value "SELECT flitmig_run('bench', wait => false)" >/dev/null
		watch_memory >"$workshop/tmp/memory"
		[ "$(value "SELECT state FROM flitmig.run ORDER BY id DESC LIMIT 1")" = "done" ] || die "a run failed"
		IFS='|' read -r records seconds < <(value "$push_seconds")
		rate=$(per_second "$records" "$seconds")
		say "engine alone: $records records, $rate records/s; worker's own memory $(cat "$workshop/tmp/memory")"
	done
	stop_relays
}

# Follows the newest run's worker to its end; prints how much memory of its own it had when the records began to go out, the most
# while they went, and the most before (mapping sorts in maintenance_work_mem).
watch_memory() {
	local pid
	until pid=$(value "SELECT worker_pid FROM flitmig.run WHERE state = 'running' ORDER BY id DESC LIMIT 1") && [ -n "$pid" ]; do sleep 0.1; done
	while [ -r "/proc/$pid/status" ]; do
		awk '/^RssAnon/ {printf "%s ", $2}' "/proc/$pid/status" 2>/dev/null || true
		value "SELECT phase FROM flitmig.run ORDER BY id DESC LIMIT 1"
		sleep 0.2
	done | awk '$1 + 0 == 0 {next}
		$2 ~ /^create/ {if (!first) first = $1; if ($1 > most) most = $1; next}
		$1 > before {before = $1}
		END {printf "%.1f MB when they began to go out, %.1f MB at most while they went, %.1f MB at most before\n", first / 1024, most / 1024, before / 1024}'
}

measure_whole() {
	local patients=10000 start
	[ -z "${SHORT:-}" ] || patients=2000
	start_twenty whole --model 2.19 --calls-per-minute 100
	start=$(date +%s.%N)
	sign_clinic whole "$twenty_url" "$patients" $((2 * patients))
	full_run
	awk -v a="$start" -v b="$(date +%s.%N)" -v n=$((3 * patients)) -v r="$(value "SELECT count(*) FROM flitmig.base")" \
		'BEGIN {printf "from file to end: %d rows, %d records, 100 calls a minute: %.0f seconds\n", n, r, b - a}'
}

stop_relays() {	# and the stand-in; the cluster stays
	local pid
	for pid in "${started[@]:1}"; do kill -INT "$pid" 2>/dev/null || true; done
	started=("${started[0]}")
}

start_bench push
# A journal that need not reach the disk would flatter the engine.
value "ALTER SYSTEM SET fsync = on" >/dev/null; value "SELECT pg_reload_conf()" >/dev/null
! chosen engine || measure_engine
! chosen server || measure_server
! chosen whole || measure_whole
! chosen ceiling || { measure_ceiling; say "push ceiling $(cat "$workshop/tmp/ceiling.result")"; }
