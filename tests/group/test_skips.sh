#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Tests that ctest sees skipped tests, and that skipped.sh lists them. usage: test_skips.sh SKIPS CTEST
set -euo pipefail
skips=$1 ctest=$2
here=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
. "$here/../containers/tap.sh"

mkdir "$work/build"
for name in all some none failed groups; do
  printf 'add_test(%s "%s" "%s")\n' $name "$skips" $name
done > "$work/build/CTestTestfile.cmake"
cat >> "$work/build/CTestTestfile.cmake" << 'END'
add_test(tap "/bin/sh" "-c" "echo '1..0 # SKIP no tap'; exit 77")
add_test(part "/bin/sh" "-c" "echo 'ok 3 - the part # SKIP no part'")
set_tests_properties(all some none failed groups tap part PROPERTIES SKIP_RETURN_CODE 77)
END
"$ctest" --test-dir "$work/build" > "$work/output" || true
status_of() { sed -nE "s/.* Test +#[0-9]+: $1 \.+ *([*A-Za-z]+).*/\1/p" "$work/output"; }

is "a program that skips all is skipped" "$(status_of all)" '***Skipped'
is "one that skips some is not" "$(status_of some)" 'Passed'
is "nor one that skips none" "$(status_of none)" 'Passed'
is "a failed test makes the program fail" "$(status_of failed)" '***Failed'
is "the groups of a program are counted together" "$(status_of groups)" 'Passed'
is "each skip is listed with its reason" "$("$here/../skipped.sh" "$work/build")" \
  'build: all: takes_a_moon: there is no moon
build: all: takes_its_set_up: it was set up
build: some: takes_a_moon: there is no moon
build: failed: takes_a_moon: there is no moon
build: failed: takes_its_set_up: it was set up
build: groups: 2 tests: there is no sun
build: tap: no tap
build: part: the part: no part'
is "a folder without a run is named" "$("$here/../skipped.sh" "$work/none")" \
  "$work/none: no tests were run
nothing"
tap_end
