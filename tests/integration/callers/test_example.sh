#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The program of docs/examples, with a real hookd: the profile applies to its command.
# usage: test_example.sh HOOKD EXAMPLE
set -euo pipefail

hookd=$1
example=$2
dir=$(mktemp -d)
trap 'kill "$pid" 2>/dev/null || true; wait; rm -rf "$dir"' EXIT
export HOOKD_ADDRESS=unix:$dir/socket

# Waits for the line; reads what follows until hookd exits.
mkfifo "$dir/log"
"$hookd" --socket="$dir/socket" --log-target=stderr 2> "$dir/log" &
pid=$!
exec 3< "$dir/log"
while read -r line <&3; do
  [ "$line" != "hookd: ready" ] || break
done
cat <&3 > /dev/null &

fail() {
  echo "FAIL: $*" >&2
  exit 1
}

cat > "$dir/profile" << 'END'
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
"$example" "$dir/profile" true 2> "$dir/err" || fail "true did not work: $(cat "$dir/err")"
grep -q 'no_such_call: no such' "$dir/err" || fail "the unknown call is not told of"
if "$example" "$dir/profile" mkdir "$dir/made" 2> "$dir/err"; then fail "mkdir worked"; fi
grep -q 'Disk quota exceeded' "$dir/err" || fail "another error: $(cat "$dir/err")"
# The profile refuses one signal and allows another.
"$example" "$dir/profile" bash -c 'kill -USR1 $$; exit 5' 2> "$dir/err" && fail "no exit status"
[ $? -eq 5 ] || fail "the signal was sent: $(cat "$dir/err")"
status=0
"$example" "$dir/profile" bash -c 'kill -USR2 $$; exit 5' 2> "$dir/err" || status=$?
[ $status -eq 140 ] || fail "exit $status instead of 128 and SIGUSR2"

echo '{ "defaultAction": "SCMP_ACT_MAYBE" }' > "$dir/profile"
if "$example" "$dir/profile" true 2> "$dir/err"; then fail "a wrong profile was taken"; fi
grep -q 'seccomp.defaultAction' "$dir/err" || fail "the field is not named: $(cat "$dir/err")"

kill "$pid"
wait "$pid" || fail "hookd ended with $?"
