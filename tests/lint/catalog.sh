#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Checks that the journal's catalog explains each message id of the daemon and no other, and that
# journalctl can read it.
set -euo pipefail
ids=$(sed -n 's/^#define MESSAGE_.*"\([0-9a-f]\{32\}\)"$/\1/p' daemon/journal/message_id.h | sort)
explained=$(sed -n 's/^-- \([0-9a-f]\{32\}\)$/\1/p' systemd/hookd.catalog | sort)
[ "$(wc -l <<< "$ids")" -ge 8 ] || { echo "message_id.h: too few ids found"; exit 1; }
diff <(echo "$ids") <(echo "$explained") || { echo "systemd/hookd.catalog explains other ids"; exit 1; }
fields=$(grep -o '@HOOKD_[A-Z_]*@' systemd/hookd.catalog | tr -d @ | sort -u)
for field in $fields; do
  grep -q "\"$field\"" daemon/journal/*.c || { echo "hookd.catalog: no message has $field"; exit 1; }
done
command -v journalctl > /dev/null || exit 0
root=$(mktemp -d)
trap 'rm -rf "$root"' EXIT
install -D -m 644 systemd/hookd.catalog "$root/usr/lib/systemd/catalog/hookd.catalog"
mkdir -p "$root/var/lib/systemd/catalog"
journalctl --root="$root" --update-catalog
[ "$(journalctl --root="$root" --list-catalog | wc -l)" -eq "$(wc -l <<< "$ids")" ] ||
  { journalctl --root="$root" --list-catalog; exit 1; }
