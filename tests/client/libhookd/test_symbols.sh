#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The library exports the functions of its header, all of them, and nothing else, in its one
# version node. usage: test_symbols.sh CC HEADER LIBRARY
set -eu
declared=$("$1" -E -P "$2" | grep -o 'hookd_[a-z0-9_]*(' | tr -d '(' | sort -u)
exported=$(nm -D --defined-only "$3" | awk '$2 == "T" { sub(/@.*/, "", $3); print $3 }' | sort -u)
all=$(nm -D --defined-only "$3" | awk '$2 != "A" { print $3 }' | sort -u)
versioned=$(printf '%s\n' "$declared" | sed 's/$/@@HOOKD_0/')
if [ "$declared" != "$exported" ] || [ "$versioned" != "$all" ]; then
  printf 'declared in %s:\n%s\nexported by %s:\n%s\n' "$2" "$declared" "$3" "$all"
  exit 1
fi
readelf -d "$3" | grep -q 'SONAME.*\[libhookd\.so\.0\]'
