#!/bin/bash
# reference.sh: makes the README's reference anew from the comments, in a throw-away database of the PostgreSQL that psql finds.
# Install the extension first (make install).
set -euo pipefail
cd "$(dirname "$0")/.."
database=flitmig_reference_$$
trap 'rm -f "$new"; psql -XAtq -d postgres -c "DROP DATABASE IF EXISTS $database"' EXIT
new=$(mktemp)
psql -XAtq -d postgres -c "CREATE DATABASE $database"
psql -XAtq -d "$database" -v ON_ERROR_STOP=1 -c 'CREATE EXTENSION flitmig'
{
	sed '/^<!-- reference: begin/q' README.md
	psql -XAtq -d "$database" -v ON_ERROR_STOP=1 -f scripts/reference.sql
	sed -n '/^<!-- reference: end/,$p' README.md
} >"$new"
cat "$new" >README.md
