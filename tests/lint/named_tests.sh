#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Checks that every test that docs/SECURITY.md and docs/FAULTS.md name exists: in the last column of
# their tables, "kind/noun" is the file test_NOUN.c or test_NOUN.sh below tests/KIND (in the guest
# NOUN.sh); the names after a colon are functions in it. A test of a fault has the fault's number in its comment.
set -euo pipefail
status=0 count=0
complain() { echo "$document: $number: $1"; status=1; }

find_file() { # KIND NOUN
	case $1 in
	guest) find tests/guest -maxdepth 1 -name "$2.sh" ;;
	*) find tests -path "tests/*$1/*test_$2.c" -o -path "tests/*$1/*test_$2.sh" ;;
	esac
}

# The comment directly above a function, or for a file without names anywhere.
has_number() { # FILE [FUNCTION]
	local comment

	comment=$([ $# = 1 ] && cat "$1" || awk -v name="$2" '
		/^$/ { comment = ""; next }
		$0 ~ "(^|[ _])" name "\\(" && /^[a-z]/ { print comment; exit }
		{ comment = comment $0 " " }' "$1")
	grep -qE "Fault ${number// /}\b" <<< "$comment"
}

check_test() { # KIND NOUN NAMES
	local file name names

	file=$(find_file "$1" "$2")
	[ -f "$file" ] || { complain "no $1/$2"; return; }
	count=$((count + 1))
	names=$(sed 's/"[^"]*"//g' <<< "$3" | grep -oE '\b[a-zA-Z]+(_[a-zA-Z0-9]+)*\b' | grep -E "${is_name[$document]}" || true)
	for name in $names; do
		grep -qE "\b(test_)?$name\b" "$file" || complain "no $name in $file"
	done
	[ "$document" = docs/FAULTS.md ] || return 0
	for name in ${names:-''}; do
		has_number "$file" ${name:+"$name"} || complain "$file: no 'Fault ${number// /}' above ${name:-anything}"
	done
}

# Defences are in prose, in which a name has an underscore.
declare -A is_name=([docs/SECURITY.md]=_ [docs/FAULTS.md]=.)
kinds='proto|daemon|client|integration|hookctl|guest'
for document in "${!is_name[@]}"; do
	while IFS='|' read -r _ number rest; do
		tests=${rest%|*} tests=${tests##*|}
		while read -r part; do
			[[ $part =~ ($kinds)/([a-z_]+)(:\ (.*))?$ ]] || continue
			check_test "${BASH_REMATCH[1]}" "${BASH_REMATCH[2]}" "${BASH_REMATCH[4]:-}"
		done < <(sed -E "s/\*Not yet\*.*//; s/[;.,] ($kinds)\//\n\1\//g; s/; /\n/g" <<< "$tests")
	done < <(grep -E '^\| [0-9]+ \|' "$document")
done
[ "$count" -ge 100 ] || { echo "only $count files of tests found"; status=1; }
exit $status
