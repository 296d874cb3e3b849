#!/bin/bash
# propose.sh: precision and recall of flitmig_propose on exports it was not taught.
# Each product of test/bench/propose/answers is proposed without the synonyms learned from it.
# Runs in a workshop of its own; VERBOSE=1 lists the mistakes, SHORT=1 is faster; ends with "propose precision P recall R".
set -euo pipefail
cd "$(dirname "$0")/../.."
. test/bench/workshop.bash
enter_workshop "$0"

start_bench propose
bash test/bench/propose/run.sh
