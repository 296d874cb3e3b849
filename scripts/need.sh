#!/bin/bash
# need.sh [--build] PACKAGE…: installs the Debian packages that a make target needs, where they are missing; with --build also
# all that building and testing flitmig need.
set -euo pipefail
# shellcheck source=scripts/environment.sh
. "$(dirname "$0")/environment.sh"

if [ "${1:-}" = --build ]; then
	shift
	# The Makefile's default is no PostgreSQL of one's own.
	[ "${PG_CONFIG:-pg_config}" != pg_config ] || unset PG_CONFIG
	install_packages "$@"
else
	install_missing "$@"
fi
