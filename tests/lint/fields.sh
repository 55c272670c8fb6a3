#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Each member of runtime-spec's config.json and of runc's Config (tests/data/fields.txt) is named in
# docs/PROTOCOL.md, "settings", in code or as a word of a table; and each member of each of their types
# (tests/data/members.txt) is in the row of the type.
set -euo pipefail
status=0
settings=$(sed -n '/^### settings/,/^### HookResult/p' docs/PROTOCOL.md)
for field in $(grep -v '^#' tests/data/fields.txt); do
  if ! grep -qP "(?<![A-Za-z_.])\Q$field\E(?![A-Za-z_])" <<< "$settings"; then
    echo "docs/PROTOCOL.md says nothing of $field"
    status=1
  fi
done
while read -r document type members; do
  rows=$(sed -n "/^| $document | read/,/^\$/s/^| $type | //p" <<< "$settings")
  for member in $members; do
    if [[ $rows != *"\`$member\`"* ]]; then
      echo "docs/PROTOCOL.md has no row for $member of $type ($document)"
      status=1
    fi
  done
done < <(grep -v '^#' tests/data/members.txt)
exit $status
