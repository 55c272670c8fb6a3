#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Checks that no function has more than 60 lines and no C file more than 600.
set -euo pipefail
skip() { echo "# SKIP universal-ctags is not installed"; exit 77; }
command -v ctags > /dev/null || skip
status=0
while read -r lines file; do
  if [ "$file" != total ] && [ "$lines" -gt 600 ]; then
    echo "$file has $lines lines"
    status=1
  fi
done < <(find proto daemon client tests -name '*.[ch]' -exec wc -l {} +)
ctags --version | grep -q Universal || skip
long=$(find proto daemon client tests -name '*.c' | ctags -L - --languages=C --kinds-C=f \
  --fields=+ne -f - | awk -F '\t' '{
    for (i = 4; i <= NF; i++) { if ($i ~ /^line:/) l = substr($i, 6); if ($i ~ /^end:/) e = substr($i, 5) }
    if (e - l + 1 > 60) printf "%s:%d %s has %d lines\n", $2, l, $1, e - l + 1 }')
[ -z "$long" ] || { echo "$long"; status=1; }
exit $status
