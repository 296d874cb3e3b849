#!/bin/bash
# run.sh [PRODUCT…]: the benchmark itself, in the database that psql reaches. VERBOSE=1 prints every mistake, SHORT=1 leaves out the turn by names alone.
set -euo pipefail
cd "$(dirname "$0")/../../.."
shared=${SHARED:-../shared}/data
clinic=$(mktemp -d)
trap 'rm -rf "$clinic"' EXIT

# directory_of PRODUCT: where its rows are; empty when only its headers are known, "-" when the data are not here.
directory_of() {
	case $1 in
		synthea) [ -d "$shared/synthea-csv-27" ] && echo "$shared/synthea-csv-27" || echo - ;;
		fhir) [ -d "$shared/fhir-r4-bulk-ndjson-10" ] && echo "$shared/fhir-r4-bulk-ndjson-10" || echo - ;;
		clinic) [ -e "$clinic/export/patients.csv" ] || test/clinic/generate --out "$clinic/export" --patients 300 >/dev/null; echo "$clinic/export" ;;
	esac
}

# stage PRODUCT: SQL that stages it under its own name, and the proposal made without what it taught.
stage() {
	local directory mode taught=$1 modes='values names'
	[ -z "${SHORT:-}" ] || modes=values
	# the same house
	[ "$1" != ischedule ] || taught=vetdata
	directory=$(directory_of "$1")
	[ "$directory" != - ] || { printf '%s\n' "\\echo $1: skipped, its rows are not beside this checkout"; return; }
	for mode in $modes; do
		id=$((id + 1))
		echo "SAVEPOINT $mode;"
		node test/bench/propose/load.js "$1" "$id" "$mode" ${directory:+"$directory"}
		cat <<-SQL
			INSERT INTO pg_temp.proposed SELECT '$1', '$mode', r.source_table, r.source_column, r.object || '.' || r.field, r.confidence, r.why FROM flitmig._propose_rows($id, '$taught') r;
			INSERT INTO pg_temp.staged SELECT '$1', '$mode', c.staging_table, c.column_name, c.header FROM flitmig.column_census c WHERE c.migration_id = $id;
			DELETE FROM flitmig.migration WHERE id = $id;
			DROP SCHEMA bench_$1_staging CASCADE;
			RELEASE $mode;
		SQL
	done
}

id=910000
products=("$@")
[ ${#products[@]} -gt 0 ] || mapfile -t products < <(cd test/bench/propose && printf '%s\n' answers/*.tsv heldout/*.tsv | sed 's/.*\///; s/\.tsv$//')
{
	echo "SET client_min_messages = warning; BEGIN;"
	cat test/bench/propose/census.sql
	cat <<-'SQL'
		CREATE TEMP TABLE proposed (product text, mode text, staging_table text, column_name text, field text, confidence numeric, why text);
		CREATE TEMP TABLE staged (product text, mode text, staging_table text, column_name text, header text);
	SQL
	printf 'CREATE TEMP TABLE held_out (product text); COPY held_out FROM stdin;\n%s\n\\.\n' "$(cd test/bench/propose/heldout && printf '%s\n' *.tsv | sed 's/\.tsv$//')"
	for product in "${products[@]}"; do stage "$product"; done
	cat test/bench/propose/score.sql
	echo "ROLLBACK;"
} | psql -XAtq -v ON_ERROR_STOP=1 -v verbose="${VERBOSE:-0}" | grep -v '^$'
