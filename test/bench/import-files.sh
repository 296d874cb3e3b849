#!/bin/bash
# import-files.sh: files a second of flitmig_import on a directory of many small ones: a folder
# a patient, a file of 20 visits in each. ROWS= files (default 4,000) or SHORT=1 (1,000), after a
# quarter of them: the time should grow as their number does.
# Ends with "import-files growth N" (the time of all over that of a quarter; 4 is linear).
set -euo pipefail
cd "$(dirname "$0")/../.."
. test/bench/workshop.bash
enter_workshop "$0"

files=$(rows_wanted 4000 1000)
start_bench import_files
psql -XAtq -c "CREATE SERVER bench FOREIGN DATA WRAPPER flitmig_twenty OPTIONS (url 'https://crm.example.com')"

# folders NAME COUNT: that many folders with a file each.
folders() {
	perl -e '
		my ($directory, $count) = @ARGV;
		mkdir $directory;
		for my $patient (1 .. $count) {
			my $folder = sprintf("%s/PT%06d", $directory, $patient);
			mkdir $folder;
			open(my $file, ">", "$folder/Visits_.csv") or die "$folder: $!";
			print $file "Visit ID,Patient ID,Date,Provider,Status,Reason,Note\n",
				map { sprintf("V%d_%d,%d,%02d/%02d/2023,Dr %d,Kept,Pain,\"note, %d\"\n", $patient, $_, $patient, 1 + $_ % 12, 1 + $_ % 28, $_ % 5, $_) } 1 .. 20;
		}' "$workshop/tmp/$1" "$2"
}

# seconds NAME TURN: how long the import of its folders takes, with its commit.
seconds() {
	psql -XAtq -v ON_ERROR_STOP=1 -c "SET client_min_messages = warning" -c "SELECT FROM flitmig_create('$1_$2', 'bench')" -c CHECKPOINT -c '\timing on' \
		-c "SELECT count(*) FROM flitmig_import('$1_$2', '$workshop/tmp/$1')" | sed -nE 's/^Time: ([0-9.]+) ms.*/\1/p' | tail -1
}

folders few $((files / 4))
folders many "$files"
for turn in 1 2 3; do
	for name in few many; do echo "$name $(seconds $name $turn)"; done
done | sort | awk -v files="$files" '
	!($1 in best) || $2 < best[$1] { best[$1] = $2 }
	END {
		printf "%d files: %.2f s, %.0f files/s; %d files: %.2f s, %.0f files/s\n",
			files / 4, best["few"] / 1000, files / 4 / best["few"] * 1000, files, best["many"] / 1000, files / best["many"] * 1000
		printf "import-files growth %.2f\n", best["many"] / best["few"]
	}'
