#!/bin/bash
# run.sh [PRODUCT…]: the benchmark itself, in the database that psql reaches, where it leaves nothing. VERBOSE=1 prints every mistake, 2 also those by names alone; SHORT=1 leaves out the turn by names alone.
set -euo pipefail
cd "$(dirname "$0")/../../.."
shared=${SHARED:-../shared}/data
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# directory_of PRODUCT: where its rows are; empty when only its headers are known, "-" when the data are not here.
directory_of() {
	case $1 in
		synthea) [ -d "$shared/synthea-csv-27" ] && echo "$shared/synthea-csv-27" || echo - ;;
		fhir) [ -d "$shared/fhir-r4-bulk-ndjson-10" ] && echo "$shared/fhir-r4-bulk-ndjson-10" || echo - ;;
		clinic) [ -e "$work/clinic/patients.csv" ] || test/clinic/generate --out "$work/clinic" --patients 300 >/dev/null; echo "$work/clinic" ;;
	esac
}

# stage PRODUCT: SQL that imports it and proposes without what it taught; with values also maps by the proposal.
stage() {
	local directory mode taught=$1 modes='values names' out
	[ -z "${SHORT:-}" ] || modes=values
	# the same house
	[ "$1" != ischedule ] || taught=vetdata
	directory=$(directory_of "$1")
	[ "$directory" != - ] || { printf '%s\n' "\\echo $1: skipped, its rows are not beside this checkout"; return; }
	for mode in $modes; do
		out=$work/$1.$mode
		mkdir "$out"
		printf '%s\n' "BEGIN;" "\\set product $1" "\\set mode $mode" "\\set taught $taught" "\\set export $out"
		node test/bench/propose/load.js "$1" "$mode" "$out" ${directory:+"$directory"}
		cat test/bench/propose/turn.sql
		echo "COMMIT;"
	done
}

products=("$@")
[ ${#products[@]} -gt 0 ] || mapfile -t products < <(cd test/bench/propose && printf '%s\n' answers/*.tsv seen/*.tsv heldout/*.tsv | sed 's/.*\///; s/\.tsv$//')
chmod 755 "$work"
{
	echo "SET client_min_messages = warning; CREATE SERVER bench_propose FOREIGN DATA WRAPPER flitmig_twenty OPTIONS (url 'https://crm.example.com');"
	cat <<-'SQL'
		CREATE TEMP TABLE answer (product text, mode text, staging_table text, header text, answer text, kind text);
		CREATE TEMP TABLE proposed (product text, mode text, staging_table text, column_name text, field text, expression text, confidence numeric, why text);
		CREATE TEMP TABLE staged (product text, mode text, staging_table text, column_name text, header text, filled bigint);
		CREATE TEMP TABLE arrived (product text, field text, records bigint);
		CREATE TEMP TABLE linked (product text, field text, resolved bigint, unresolved bigint);
		CREATE TEMP TABLE unmapped (product text, message text);
		CREATE TEMP TABLE kind_of (product text, kind text);
	SQL
	(cd test/bench/propose && for kind in answers seen heldout; do for f in "$kind"/*.tsv; do f=${f##*/}; echo "INSERT INTO kind_of VALUES ('${f%.tsv}', '$kind');"; done; done)
	for product in "${products[@]}"; do stage "$product"; done
	cat test/bench/propose/score.sql
	echo "DROP SERVER bench_propose;"
} | psql -XAtq -v ON_ERROR_STOP=1 -v verbose="${VERBOSE:-0}" | grep -v '^$'
