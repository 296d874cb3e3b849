#!/bin/bash
# demo.sh: flitmig from beginning to end, on any Debian, with nothing but this checkout.
#
#   ./demo.sh          as root or with sudo
#
# It installs the packages that are missing, builds flitmig, starts a throw-away
# PostgreSQL and a stand-in for Twenty, invents a clinic of 300 patients, and
# moves it: import, audit, sample, diff, sign-off, run, a delta, and back again.
# Takes two to three minutes, most of them waiting for Twenty's call limit.
# Leaves flitmig-report.html in the directory that you called it from.
set -euo pipefail
. "$(dirname "$0")/scripts/environment.sh"

# ---- outside: packages, a copy to work in, and the rest as an unprivileged user ----

if [ -z "${workshop:-}" ]; then
	called_from=$PWD
	[ -w "$called_from" ] || { called_from=$(mktemp -d); say "$PWD is not to be written to: the report will be in $called_from."; }
	trap remove_workshop EXIT
	trap 'exit 130' INT TERM
	# shellcheck disable=SC2119
	install_packages
	make_workshop
	in_workshop bash demo.sh
	cp "$workshop/tmp/flitmig-report.html" "$called_from/flitmig-report.html"
	say "The report is $called_from/flitmig-report.html: open it in a browser."
	exit
fi

# ---- inside ----

trap stop_servers EXIT
trap 'exit 130' INT TERM

step() { printf '\n\033[1m%s\033[0m (%s s)\n' "$*" "$SECONDS"; }
# show SQL: types it into psql for you.
show() {
	printf '\n\033[2mclinic=>\033[0m %s\n' "$1"
	psql -Xq -v ON_ERROR_STOP=1 -P pager=off -P footer=off -P null=- -c "$1"
}
value() { psql -XAtq -v ON_ERROR_STOP=1 -c "$1"; }
dump() { node -e 'fetch(process.argv[1]).then(r => r.text()).then(t => process.stdout.write(t))' "$twenty_url/__dump" >"$1"; }

step "Building"
# Without bitcode for the JIT, which a demo does not need.
make -s -j"$(nproc)" PG_CONFIG="$PG_CONFIG" with_llvm=no >/dev/null
make -s PG_CONFIG="$PG_CONFIG" with_llvm=no install >/dev/null

step "A clinic, a database, a Twenty"
test/clinic/generate --out "$workshop/tmp/export" --patients 300 >/dev/null
test/clinic/generate --out "$workshop/tmp/export-later" --patients 300 --delta >/dev/null
members=$(node -p 'require(process.argv[1]).members.join(",")' "$workshop/tmp/export.manifest.json")
(cd "$workshop/tmp/export" && echo ./*)
start_cluster demo
psql -Xq -c "CREATE DATABASE clinic"
export PGDATABASE=clinic
start_twenty twenty --model 2.19 --calls-per-minute 200 --members "$members"
say "Twenty answers at $twenty_url and allows 200 calls a minute."
dump "$workshop/tmp/before"

step "1. Connect"
show "CREATE EXTENSION flitmig"
show "CREATE SERVER crm FOREIGN DATA WRAPPER flitmig_twenty OPTIONS (url '$twenty_url')"
psql -Xq -c "CREATE USER MAPPING FOR CURRENT_USER SERVER crm OPTIONS (api_key '$twenty_key')"
say "(and the API key, in a USER MAPPING)"

step "2. Import"
show "SELECT flitmig_create('clinic', 'crm', time_zone => 'America/New_York', country => 'US', currency => 'USD', default_owner => '${members%%,*}')"
show "SELECT file, rows, rejected, encoding, delimiter FROM flitmig_import('clinic', '$workshop/tmp/export') WHERE rows > 0"

step "3. Look at the data"
show "SELECT severity, code, object, sum(count) AS count FROM flitmig_audit('clinic') GROUP BY 1, 2, 3 ORDER BY array_position('{error,warning,info}', severity), 4 DESC LIMIT 15"

step "4. Confirm the mapping, see what would happen"
show "SELECT flitmig_confirm('clinic')"
show "SELECT step, split_part(object, '.', 1) AS object, action, count(*) FROM flitmig_plan('clinic') WHERE step = 'schema' AND action <> 'reuse' GROUP BY 1, 2, 3 ORDER BY 2, 3 DESC"
show "SELECT email, records, status FROM flitmig_owners('clinic')"

step "5. Prepare Twenty, send a sample"
show "SELECT object, count(*) FILTER (WHERE state = 'made') AS made, count(*) AS needed FROM flitmig_prepare('clinic') GROUP BY object ORDER BY object"
show "SELECT object, planned, created, quarantined, calls, seconds FROM flitmig_sample('clinic', 100)"

step "6. Compare what was stored, sign off"
show "SELECT verdict, count(*) FROM flitmig_diff('clinic', all_fields => true) GROUP BY verdict"
patient=$(value "SELECT min(source_key) FROM flitmig_diff('clinic', all_fields => true) WHERE field = 'dateOfBirth'")
show "SELECT field, left(source_value, 24) AS source, left(sent_value, 40) AS sent, left(stored_value, 40) AS stored, verdict FROM flitmig_diff('clinic', all_fields => true) WHERE object = 'person' AND source_key = '$patient'"
show "SELECT flitmig_sign_off('clinic', 'looked at a hundred records')"

step "7. Move everything"
show "SELECT step, object, action, records, calls, seconds FROM flitmig_plan('clinic') WHERE step <> 'schema' AND records IS DISTINCT FROM 0"
show "SELECT object, planned, created, unchanged, quarantined, calls, seconds FROM flitmig_run('clinic')"
show "SELECT object_map, rows_read, mapped, excluded, stored, unchanged, quarantined, difference FROM flitmig.balance"

step "8. Two days later: somebody changed a patient in Twenty, and there is a newer export"
show "SELECT file, rows, rejected FROM flitmig_import('clinic', '$workshop/tmp/export-later') WHERE rows > 0 LIMIT 4"
show "SELECT patient_id, o.last_name AS exported_before, n.last_name AS exported_now FROM clinic_staging.patients o JOIN clinic_staging.patients n USING (patient_id) WHERE o._file < n._file AND o.last_name <> n.last_name"
patient=$(value "SELECT r.id FROM clinic_staging.patients o JOIN clinic_staging.patients n USING (patient_id) JOIN flitmig.record r ON r.object = 'person' AND r.source_key = patient_id WHERE o._file < n._file AND o.last_name <> n.last_name")
say "The front desk has corrected that name in Twenty meanwhile, to \"By Hand\"."
# shellcheck disable=SC2016
node -e '
const [url, key, id] = process.argv.slice(1);
const query = "mutation($id: UUID!) { updatePerson(id: $id, data: {name: {firstName: \"Corrected\", lastName: \"By Hand\"}}) { id } }";
fetch(url + "/graphql", { method: "POST", headers: { "content-type": "application/json", authorization: "Bearer " + key },
  body: JSON.stringify({ query, variables: { id } }) }).then(r => r.json()).then(a => { if (a.errors) throw new Error(JSON.stringify(a.errors)); });
' "$twenty_url" "$twenty_key" "$patient"
show "SELECT object, planned, created, updated, unchanged, conflicts, calls, seconds FROM flitmig_run('clinic')"
show "SELECT object, field, kind, base_value, target_value FROM flitmig.conflict"
show "SELECT object_map, mapped, stored, unchanged, conflict, gone, difference FROM flitmig.balance"

step "9. The report"
value "SELECT flitmig_report('clinic')" >"$workshop/tmp/flitmig-report.html"
say "flitmig-report.html, $(wc -c <"$workshop/tmp/flitmig-report.html") bytes"

step "10. And all of it back"
show "SELECT object, destroyed, kept, why FROM flitmig_rollback('clinic', dry_run => true) WHERE kept > 0"
show "SELECT object, destroyed, restored, kept FROM flitmig_rollback('clinic', force => true)"
dump "$workshop/tmp/after"
cmp "$workshop/tmp/before" "$workshop/tmp/after"
say "Twenty is, byte for byte, what it was before."
show "SELECT min(seq) AS entry, actor, event, count(*) FROM flitmig.audit GROUP BY actor, event ORDER BY 1"
show "SELECT * FROM flitmig_audit_verify('clinic')"

step "Done"
