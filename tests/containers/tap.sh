# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
#
# Functions that print results in TAP. To be sourced; $work is a folder for temporary files.
tests=0 failures=0

ok() { # NAME
	tests=$((tests + 1))
	echo "ok $tests - $1"
}

not_ok() { # NAME [WHY...]
	tests=$((tests + 1)) failures=$((failures + 1))
	echo "not ok $tests - $1"
	[ $# -eq 1 ] || printf '%s\n' "${@:2}" | sed 's/^/# /'
}

# Passes if COMMAND succeeds, else prints its output.
check() { # NAME COMMAND...
	local status=0

	"${@:2}" > "$work/check" 2>&1 || status=$?
	if [ "$status" -eq 0 ]; then
		ok "$1"
	else
		not_ok "$1" "$(printf '%q ' "${@:2}"): exit $status" "$(< "$work/check")"
	fi
}

is() { # NAME GOT EXPECTED
	if [ "$2" = "$3" ]; then
		ok "$1"
	else
		not_ok "$1" "got:      $2" "expected: $3"
	fi
}

contains() { # NAME FILE TEXT
	if grep -sqF -e "$3" "$2"; then
		ok "$1"
	else
		not_ok "$1" "no '$3' in $2:" "$(cat "$2" 2>&1 || true)"
	fi
}

# The plan, and the status of the test.
tap_end() {
	echo "1..$tests"
	[ "$failures" -eq 0 ]
}
