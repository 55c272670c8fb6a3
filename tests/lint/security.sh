#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Checks that every test that docs/SECURITY.md names for a defence exists: in the last column,
# "kind/noun" is the file test_NOUN.c below tests/KIND; the names after a colon are functions in it.
set -euo pipefail
status=0 count=0
complain() { echo "docs/SECURITY.md: $1"; status=1; }

while IFS='|' read -r _ number _ tests _; do
  while read -r part; do
    [[ $part =~ (proto|daemon|client|integration|hookctl)/([a-z_]+)(:\ (.*))?$ ]] || continue
    file=$(find tests -path "tests/*${BASH_REMATCH[1]}/*test_${BASH_REMATCH[2]}.c")
    [ -f "$file" ] || { complain "$number: no ${BASH_REMATCH[1]}/${BASH_REMATCH[2]}"; continue; }
    count=$((count + 1))
    for name in $(grep -oE '\b[a-zC]+(_[a-zC0-9]+)+\b' <<< "${BASH_REMATCH[4]:-}"); do
      grep -qE "\b(test_)?$name\b" "$file" || complain "$number: no $name in $file"
    done
  done < <(sed -E 's/\*Not yet\*.*//; s/[;.,] (proto|daemon|client|integration|hookctl)\//\n\1\//g; s/; /\n/g' <<< "$tests")
done < <(grep -E '^\| [0-9]+ \|' docs/SECURITY.md)
[ "$count" -ge 50 ] || complain "only $count files of tests found"
exit $status
