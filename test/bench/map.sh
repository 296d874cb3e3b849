#!/bin/bash
# map.sh: rows a second of the mapping (staged patients to flitmig.record), beside
# the INSERT ... SELECT jsonb_build_object(...) that one would write by hand with
# the same fields; and the same of a map with relations, in a database of its own. ROWS= (default 1,000,000) or SHORT=1 (100,000).
# Ends with "map ratio N" (the mapping over the statement by hand).
set -euo pipefail
cd "$(dirname "$0")/../.."
. test/bench/workshop.bash
enter_workshop "$0"

rows=$(rows_wanted 1000000 100000)
start_bench map
psql -XAtq -c 'CREATE DATABASE relations' -c '\c relations' -c 'CREATE EXTENSION flitmig'
psql -XAtq -d relations -v rows="$rows" -f test/bench/map-relations.sql
psql -XAtq -v rows="$rows" -f test/bench/map.sql
