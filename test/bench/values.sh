#!/bin/bash
# values.sh: calls a second of the value functions on one core, beside what one
# would write with the server's own functions. ROWS= (default 1,000,000) or SHORT=1.
# Runs in a workshop of its own; ends with "values ratio N" (geometric mean, ours over theirs).
set -euo pipefail
cd "$(dirname "$0")/../.."
. test/bench/workshop.bash
enter_workshop "$0"

start_bench values
psql -XAtq -v rows="$(rows_wanted 1000000 100000)" -f test/bench/values.sql
