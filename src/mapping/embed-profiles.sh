#!/bin/sh
# Writes one INSERT per profile: the file name is the profile's name, its text the document.
for file in "$@"; do
	name=$(basename "$file" .json)
	printf "INSERT INTO flitmig.profile (name, doc, builtin) VALUES ('%s', \$profile\$" "$name"
	cat "$file"
	printf "\$profile\$, true);\n"
done
