#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# delegate on the configs that runtimes write: `runc spec` and `crun spec`, with hooks put in.
# Usage: test_delegate.sh HOOKCTL
set -u

hookctl=$1
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir" || exit 1
failures=0
seen=0
unset HOOKD_ADDRESS

fail() {
	echo "FAIL: $runtime: $*" >&2
	failures=$((failures + 1))
}

# The value of the first --hooks-json= in a config, as the shim would get it.
carried() {
	sed -n 's/.*"--hooks-json=\(.*\)"\].*/\1/p' "$1" | head -n 1 | sed 's/\\"/"/g'
}

for runtime in runc crun; do
	command -v $runtime >/dev/null || continue
	seen=$((seen + 1))
	rm -f config.json
	$runtime spec || { fail "spec"; continue; }
	# RLIM_INFINITY as docker and podman write it, and hooks as the first member.
	sed -e 's/"hard": [0-9]*/"hard": 18446744073709551615/' -e '1c\
{\
	"hooks": {\
		"createRuntime": [\
			{"path": "/usr/bin/env", "args": ["env", "A=\\u0041 \\"q\\""], "timeout": 5},\
			{"path": "/bin/true", "env": [], "timeout": 7}\
		],\
		"startContainer": [ {"path": "/in/the/container"} ],\
		"poststop": [ {"path": "/bin/true"} ]\
	},' config.json >with-hooks.json
	grep -q 18446744073709551615 with-hooks.json || fail "no large number to keep"

	"$hookctl" delegate --shim=/opt/shim <with-hooks.json >new.json || fail "exit $?"
	"$hookctl" delegate --shim=/opt/shim <new.json >again.json || fail "again: exit $?"
	cmp new.json again.json || fail "twice is not once"
	"$hookctl" delegate <config.json | cmp - config.json || fail "a config without hooks changed"

	# The address that hookctl uses is the shim's in every stage.
	HOOKD_ADDRESS=unix:/tmp/e "$hookctl" delegate <with-hooks.json >address.json ||
		fail "with HOOKD_ADDRESS: exit $?"
	[ "$(grep -c '"--address=unix:/tmp/e"' address.json)" -eq 2 ] ||
		fail "HOOKD_ADDRESS is not written: $(cat address.json)"
	HOOKD_ADDRESS=unix:/tmp/e "$hookctl" --address=unix:/tmp/o delegate <with-hooks.json |
		grep -q -e '--address=unix:/tmp/o' || fail "--address does not win"
	HOOKD_ADDRESS=tcp:x "$hookctl" delegate <with-hooks.json >/dev/null 2>&1 &&
		fail "a bad HOOKD_ADDRESS is taken"

	expected='{"createRuntime":[{"path":"/usr/bin/env","args":["env","A=\\u0041 \\"q\\""],"timeout":5},{"path":"/bin/true","env":[],"timeout":7}]}'
	[ "$(carried new.json | sed 's/\\\\/\\/g')" = "$(printf '%s' "$expected" | sed 's/\\\\/\\/g')" ] ||
		fail "carried: $(carried new.json)"
	grep -q '"timeout":42}\]' new.json || fail "no outer timeout of 5+7+30"

	# What differs are the two lists and nothing else.
	diff with-hooks.json new.json | grep '^[<>]' >changed
	grep '^<' changed | grep -qv -e createRuntime -e /usr/bin/env -e /bin/true -e '^<[[:space:]]*\]' &&
		fail "lost: $(cat changed)"
	[ "$(grep -c '^>' changed)" -eq 2 ] || fail "more than two lists changed: $(cat changed)"
done

[ "$seen" -gt 0 ] || { echo "# SKIP there is no runc and no crun"; exit 77; }
[ "$failures" -eq 0 ] && echo "all passed"
exit $((failures > 0))
