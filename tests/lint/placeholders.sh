#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Checks that there are no TODOs in the tree, and that every source has its SPDX line.
set -euo pipefail
status=0
if grep -rnE '\b(TODO|FIXME|XXX)\b' proto daemon client systemd tests docs --include='*.[chS]' \
  --include='*.md' --include='*.txt'; then
  status=1
fi
missing=$(find proto daemon client tests -name '*.[chS]' -exec grep -L 'SPDX-License-Identifier: Apache-2.0' {} +)
[ -z "$missing" ] || { echo "no SPDX line: $missing"; status=1; }
exit $status
