#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The program of docs/examples, with a real hookd: the profile applies to its command.
# usage: test_example.sh HOOKD EXAMPLE
set -euo pipefail

hookd=$1
example=$2
work=$(mktemp -d)
. "$(dirname "$0")/../../containers/daemon.sh"
trap 'kill "$daemon" 2>/dev/null || true; wait; rm -rf "$work"' EXIT
export HOOKD_ADDRESS=unix:$work/socket

fail() {
  echo "FAIL: $*" >&2
  exit 1
}

launch_hookd "$work/log" "$hookd" --socket="$work/socket" || fail "hookd does not start: $(cat "$work/log")"

cat > "$work/profile" << 'END'
{
  "defaultAction": "SCMP_ACT_ALLOW",
  "syscalls": [
    { "names": ["mkdir", "mkdirat"], "action": "SCMP_ACT_ERRNO", "errnoRet": 122 },
    { "names": ["kill"], "action": "SCMP_ACT_ERRNO", "errnoRet": 77,
      "args": [{ "index": 1, "value": 10, "op": "SCMP_CMP_EQ" }] },
    { "names": ["no_such_call"], "action": "SCMP_ACT_ALLOW" }
  ]
}
END
"$example" "$work/profile" true 2> "$work/err" || fail "true did not work: $(cat "$work/err")"
grep -q 'no_such_call: no such' "$work/err" || fail "the unknown call is not told of"
if "$example" "$work/profile" mkdir "$work/made" 2> "$work/err"; then fail "mkdir worked"; fi
grep -q 'Disk quota exceeded' "$work/err" || fail "another error: $(cat "$work/err")"
# The profile refuses one signal and allows another.
"$example" "$work/profile" bash -c 'kill -USR1 $$; exit 5' 2> "$work/err" && fail "no exit status"
[ $? -eq 5 ] || fail "the signal was sent: $(cat "$work/err")"
status=0
"$example" "$work/profile" bash -c 'kill -USR2 $$; exit 5' 2> "$work/err" || status=$?
[ $status -eq 140 ] || fail "exit $status instead of 128 and SIGUSR2"

echo '{ "defaultAction": "SCMP_ACT_MAYBE" }' > "$work/profile"
if "$example" "$work/profile" true 2> "$work/err"; then fail "a wrong profile was taken"; fi
grep -q 'seccomp.defaultAction' "$work/err" || fail "the field is not named: $(cat "$work/err")"

kill "$daemon"
wait "$daemon" || fail "hookd ended with $?"
