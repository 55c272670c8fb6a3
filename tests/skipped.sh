#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Lists what the last run of ctest in each build folder has skipped, and why: whole programs, and single
# tests of programs that passed, which ctest does not show. usage: skipped.sh BUILD-FOLDER...
# Programs print "# SKIP [TEST: ]REASON" for each (tests/group/group.h), scripts as TAP defines it:
# "1..0 # SKIP REASON" and "ok N - TEST # SKIP REASON".
set -euo pipefail
skipped=0
for build in "$@"; do
  log=$build/Testing/Temporary/LastTest.log
  [ -f "$log" ] || { echo "$build: no tests were run"; continue; }
  lines=$(awk -v build="${build##*/}" '
    function tell(what) { print build ": " name ": " what }
    { sub(/\r$/, "") } # the serial console of the guest writes CR LF
    match($0, /^[0-9]+\/[0-9]+ Testing: /) { name = substr($0, RLENGTH + 1) }
    /^(1\.\.0 )?# SKIP / { sub(/^(1\.\.0 )?# SKIP /, ""); tell($0) }
    /^ok [0-9]+ - .* # SKIP / { sub(/^ok [0-9]+ - /, ""); sub(/ # SKIP /, ": "); tell($0) }
  ' "$log")
  [ -z "$lines" ] || { printf '%s\n' "$lines"; skipped=$((skipped + $(wc -l <<< "$lines"))); }
done
[ "$skipped" -gt 0 ] || echo 'nothing'
