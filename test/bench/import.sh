#!/bin/bash
# import.sh: rows a second of flitmig_import, beside COPY of the same file into a
# table with the same columns. ROWS= (default 1,000,000) or SHORT=1 (100,000).
# Also the growth of the time from a hundredth of the rows on; GROWTH=1 goes on to ten
# times the rows (10,000,000: 4 GB of disk), measured once, and prints rows/s of each size.
# Ends with "import ratio N" (flitmig_import over COPY).
set -euo pipefail
cd "$(dirname "$0")/../.."
. test/bench/workshop.bash
enter_workshop "$0"

rows=$(rows_wanted 1000000 100000)
start_bench import
psql -XAtq -v rows="$rows" -v growth="${GROWTH:-0}" -v directory="$workshop/tmp" -f test/bench/import.sql
