#!/bin/sh
# Sends every kind of call that the extension builds to the stand-in Twenty, both models. TAP on standard output.
#   test/pgtap/graphql-stand-in.sh [psql options]
# The database must be able to run curl on this machine (superuser, COPY TO PROGRAM).
cd "$(dirname "$0")/../.." || exit 1
status=0
for model in 1.17 2.19; do
	out=$(mktemp)
	node test/twenty/server.js --port 0 --model "$model" > "$out" 2>&1 &
	server=$!
	tries=0
	while ! grep -q '^ready' "$out" && [ "$tries" -lt 100 ]; do sleep 0.1; tries=$((tries + 1)); done
	read -r _ url key < "$out"
	psql -X "$@" -v model="$model" -v url="$url" -v key="$key" -f test/pgtap/graphql-stand-in.psql || status=1
	kill "$server"
	rm -f "$out"
done
exit $status
