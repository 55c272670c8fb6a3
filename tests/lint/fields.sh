#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Each member of runtime-spec's config.json and of runc's Config (tests/data/fields.txt) is named in
# docs/PROTOCOL.md, "settings", in code or as a word of a table.
set -euo pipefail
status=0
settings=$(sed -n '/^### settings/,/^### HookResult/p' docs/PROTOCOL.md)
for field in $(grep -v '^#' tests/data/fields.txt); do
  if ! grep -qP "(?<![A-Za-z_.])\Q$field\E(?![A-Za-z_])" <<< "$settings"; then
    echo "docs/PROTOCOL.md says nothing of $field"
    status=1
  fi
done
exit $status
