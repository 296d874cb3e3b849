#!/bin/bash
# import-memory.sh: by how much importing a long file makes its backend grow. Four
# files of invented patients: CSV, JSON (one array), the CSV in a zip archive, and a tenth
# of the CSV with bytes in nearly every cell that are no UTF-8.
# BYTES= of each (default 5,000,000,000: 25 GB of disk while it runs) or SHORT=1 (300,000,000).
# The growth is that of the process's own memory (RssAnon: not the shared buffers),
# looked at ten times a second, over what it is before the import.
# Ends with "import-memory growth N MB", the largest of the four.
set -euo pipefail
cd "$(dirname "$0")/../.."
. test/bench/workshop.bash
enter_workshop "$0"

bytes=${BYTES:-$([ -n "${SHORT:-}" ] && echo 300000000 || echo 5000000000)}
start_bench import_memory
psql -XAtq -c "CREATE SERVER bench FOREIGN DATA WRAPPER flitmig_twenty OPTIONS (url 'https://crm.example.com')"
files=$workshop/tmp/memory
mkdir -p "$files"

# patients KIND BYTES: at least that many bytes of invented patients, the same 50 MB of rows again and again.
patients() {
	local part=$files/part.$1 i
	perl -e '
		my ($kind, $bytes) = @ARGV;
		my ($n, $done) = (0, 0);
		my @first = qw(Ann Ben Cleo Dmitri Eve Farouk Gisela Henry);
		my @names = qw(patient_id first_name last_name born email phone address status);
		while ($done < $bytes) {
			$n++;
			my @cells = ("P$n", $first[$n % 8], "Moss" . $n % 5000, sprintf("%02d/%02d/%d", 1 + $n % 12, 1 + $n % 28, 1930 + $n % 90),
				"person$n\@example.com", sprintf("(617) 555-%04d", $n % 10000), $n % 997 . " Long Pond Road, Apt. " . $n % 31, $n % 3 ? "Active" : "");
			my $row = $kind eq "json"
				? "{" . join(",", map { "\"$names[$_]\":\"$cells[$_]\"" } 0..7) . "},\n"
				: join(",", map { /,/ ? "\"$_\"" : $_ } @cells) . "\n";
			$done += length $row;
			print $row;
		}' "$1" 50000000 >"$part"
	[ "$1" = csv ] && echo patient_id,first_name,last_name,born,email,phone,address,status || echo '['
	for ((i = 0; i < $2; i += 50000000)); do cat "$part"; done
	[ "$1" = csv ] || echo '{"patient_id":"last"}]'
	rm -f "$part"
}

zipped() {
	perl -MIO::Compress::Zip=:all -e 'zip(\*STDIN => \*STDOUT, Name => "patients.csv", Zip64 => 1, Stream => 1, -Level => 1) or die $ZipError'
}

own_memory() { sed -nE 's/^RssAnon:\s+([0-9]+) kB/\1/p' "/proc/$1/status" 2>/dev/null || true; }

# grown FILE: imports it; prints by how many MB the backend grows, how long it took, and how many rows there were.
grown() {
	local pid base most=0 now start result
	coproc PSQL { psql -XAtq -v ON_ERROR_STOP=1 2>&1; }
	# shellcheck disable=SC2153
	exec 5>&"${PSQL[1]}" 6<&"${PSQL[0]}"
	echo "SET client_min_messages = warning; SELECT flitmig_create('m$RANDOM$RANDOM', 'bench') AS name \\gset
SELECT 'pid ' || pg_backend_pid();" >&5
	while read -r result <&6; do
		case $result in "pid "*) pid=${result#pid }; break ;; *rror*) die "$result" ;; esac
	done
	base=$(own_memory "$pid")
	start=$SECONDS
	echo "SELECT 'rows ' || sum(rows) FROM flitmig_import(:'name', '$1');" >&5
	while ! read -r -t 0.1 result <&6; do
		now=$(own_memory "$pid")
		[ "${now:-0}" -le "$most" ] || most=$now
	done
	exec 5>&- 6<&-
	eval "exec ${PSQL[1]}>&-"
	wait "$PSQL_PID" 2>/dev/null || true
	echo "$(((most - base) / 1024)) $((SECONDS - start)) ${result#rows }"
}

worst=0
for kind in csv json zip damaged; do
	long=$files/patients.$kind
	case $kind in
		zip) patients csv "$bytes" | zipped >"$long" ;;
		damaged)
			long=$long.csv
			patients csv $((bytes / 10)) | LC_ALL=C sed '2,$s/[aeo]/\xC3\xA9\xC3\xA9\xFF/g' >"$long" ;;
		*) patients $kind "$bytes" >"$long" ;;
	esac
	read -r growth seconds rows < <(grown "$long")
	[ "$kind" != damaged ] || [ "$(psql -XAtqc 'SELECT count(*) > 3 * max(s.rows_loaded) FROM flitmig.original o JOIN flitmig.source_file s ON s.id = o.file_id')" = t ] ||
		die "damaged cells are not kept"
	say "$kind of $(($(stat -c %s "$long") / 1000000)) MB: $rows rows in $seconds s, the backend grew by $growth MB"
	[ "$growth" -le "$worst" ] || worst=$growth
	rm -f "$long"
	psql -XAtq -c "SET client_min_messages = warning" -c "DO \$\$ BEGIN EXECUTE (SELECT string_agg(format('DROP SCHEMA %I CASCADE', staging_schema), ';') FROM flitmig.migration); END \$\$" \
		-c 'DELETE FROM flitmig.migration' -c CHECKPOINT
done
say "import-memory growth $worst MB"
