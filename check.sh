#!/bin/bash
# check.sh: everything that tests flitmig, on any Debian, from a bare checkout.
#
#   ./check.sh                          as root or with sudo; installs the packages that are missing
#   PG_CONFIG=/path/pg_config ./check.sh     another PostgreSQL (make install goes into it)
#   TWENTY_URL=… TWENTY_KEY=… [FOREIGN=yes] ./check.sh --live
#                                       only the acceptance, against a Twenty that you offer for it
#
# Works in a temporary copy with a private copy of PostgreSQL; leaves nothing
# behind. The last line is "N passed, N failed"; exit code 0 only when none failed.
set -euo pipefail
. "$(dirname "$0")/scripts/environment.sh"

trap remove_workshop EXIT
trap 'exit 130' INT TERM

# shellcheck disable=SC2119
install_packages
make_workshop
in_workshop bash scripts/run-tests.sh "$@"
