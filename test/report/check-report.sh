#!/bin/bash
# check-report.sh: moves a generated clinic to a stand-in, with quarantine, conflicts and a delta, and looks at the report in
# headless Chromium: light, dark, on a phone, on paper. Pictures go to OUT= (default: report-pictures beside this checkout's README).
set -euo pipefail
cd "$(dirname "$0")/../.."
. scripts/environment.sh

if [ -z "${workshop:-}" ]; then
	[ -n "${PG_CONFIG:-}" ] || unset PG_CONFIG
	out=${OUT:-$PWD/report-pictures}
	trap remove_workshop EXIT
	install_packages chromium
	make_workshop
	mkdir -p "$out" "$workshop/pictures"
	chmod 777 "$workshop/pictures"
	code=0
	in_workshop bash test/report/check-report.sh || code=$?
	cp "$workshop"/pictures/* "$out/" 2>/dev/null || true
	say "pictures: $out"
	exit "$code"
fi

trap stop_servers EXIT
value() { psql -XAtq -v ON_ERROR_STOP=1 -c "$1"; }
api() { node -e 'fetch(process.argv[1] + "/graphql", {method: "POST", headers: {"content-type": "application/json", authorization: "Bearer " + process.argv[2]}, body: JSON.stringify({query: process.argv[3]})})' "$twenty_url" "$twenty_key" "$1"; }

make -s PG_CONFIG="$PG_CONFIG" install >"$workshop/tmp/build" 2>&1 || { tail "$workshop/tmp/build"; die "the build failed"; }
start_cluster report
test/clinic/generate --out "$workshop/tmp/export" --patients 300 --seed 11 >/dev/null
test/clinic/generate --out "$workshop/tmp/later" --patients 300 --seed 11 --delta >/dev/null
start_twenty report --model 2.19 --calls-per-minute 600 --members "$(node -p 'require(process.argv[1]).members.slice(0, 4).join()' "$workshop/tmp/export.manifest.json")"
{
	value 'CREATE EXTENSION flitmig'
	value "CREATE SERVER crm FOREIGN DATA WRAPPER flitmig_twenty OPTIONS (url '$twenty_url')"
	value "CREATE USER MAPPING FOR CURRENT_USER SERVER crm OPTIONS (api_key '$twenty_key')"
	value "SELECT flitmig_create('clinic', 'crm', time_zone => 'America/New_York', date_order => 'MDY')"
	value "SELECT count(*) FROM flitmig_import('clinic', '$workshop/tmp/export')"
	value "SELECT count(*) FROM flitmig_audit('clinic')"
	value "SELECT flitmig_confirm('clinic')"
	value "SELECT count(*) FROM flitmig_sample('clinic', 200)"
	value "SELECT flitmig_sign_off('clinic', 'looked at it')"
	# Somebody in Twenty has an e-mail of the export; later somebody changes a phone that the delta changes too.
	email=$(value "SELECT payload #>> '{emails,primaryEmail}' FROM flitmig.record r WHERE object = 'person' AND payload #>> '{emails,primaryEmail}' <> '' AND NOT EXISTS (SELECT FROM flitmig.base b WHERE b.id = r.id) ORDER BY sequence DESC LIMIT 1")
	api "mutation { createPerson(data: { emails: { primaryEmail: \"$email\" } }) { id } }"
	value "SELECT count(*) FROM flitmig_run('clinic')"
	ids=$(value "SELECT string_agg(format('%I', b.id), ',') FROM (SELECT b.id FROM flitmig.base b JOIN flitmig.record r USING (migration_id, id) WHERE b.object = 'person' ORDER BY r.sequence LIMIT 180) b")
	api "mutation { updatePeople(filter: { id: { in: [$ids] } }, data: { phones: { primaryPhoneNumber: \"2125550199\", primaryPhoneCallingCode: \"+1\", primaryPhoneCountryCode: \"US\" } }) { id } }"
	value "SELECT count(*) FROM flitmig_import('clinic', '$workshop/tmp/later')"
	value "SELECT count(*) FROM flitmig_run('clinic')"
} >"$workshop/tmp/moved" 2>&1 || { tail -5 "$workshop/tmp/moved"; die "the clinic did not move"; }
value "SELECT flitmig_report('clinic')" >"$workshop/pictures/report.html"
HOME=$workshop/tmp node test/report/look.js "$workshop/pictures/report.html" "$workshop/pictures"
