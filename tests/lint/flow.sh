#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Every `function (file)` that docs/ARCHITECTURE.md names is in that file: the map cannot rot.
set -euo pipefail
status=0 count=0
while read -r function file; do
  count=$((count + 1))
  grep -qE "\b$function\(" "$file" || { echo "no $function in $file"; status=1; }
done < <(sed -nE 's/^ *[0-9]+ ([a-z_]+) \(([a-z_/]+\.c)\).*/\1 \2/p' docs/ARCHITECTURE.md)
[ "$count" -ge 15 ] || { echo "only $count steps found"; status=1; }
exit $status
