#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The verbs that look into files, validate, explain and policy, with a real hookd: what they print, as
# text, as JSON and on a terminal, and with which status they exit. Usage: test_files.sh HOOKCTL HOOKD
set -u

hookctl=$1
hookd=$2
work=$(mktemp -d)
. "$(dirname "$0")/../../containers/daemon.sh"
trap '[ -z "$daemon" ] || kill "$daemon"; wait; rm -rf "$work"' EXIT
cd "$work" || exit 1
# Installed, since hookctl looks for its hookd.
mkdir bin sbin
cp "$hookctl" bin/hookctl
ln -s "$hookd" sbin/hookd
hookctl=$work/bin/hookctl
export TZ=UTC LC_ALL=C.UTF-8 TERM=xterm
unset NO_COLOR HOOKD_ADDRESS
failures=0

fail() {
  echo "FAIL: $name: $*" >&2
  failures=$((failures + 1))
}

# try NAME STATUS ARGUMENT...: the output is in out and err.
try() {
  name=$1
  expected=$2
  shift 2
  "$hookctl" "$@" > out 2> err < /dev/null
  status=$?
  [ "$status" -eq "$expected" ] || fail "exit $status instead of $expected: $(cat out err)"
}

# Compares a file with stdin.
expect() {
  cat > expected
  cmp -s expected "$1" || fail "$1 is not as expected: $(diff expected "$1")"
}

expect_in() {
  grep -qF -e "$2" "$1" || fail "no '$2' in $1: $(cat "$1")"
}

# ---- validate ----

cat > config.json << 'END'
{
  "ociVersion": "1.0.2",
  "hooks": {
    "poststop": [ { "path": "rel" }, { "path": "/bin/x", "timeout": "soon" } ]
  },
  "linux": { "resources": { "memory": { "limt": 1 } } }
}
END
try "all mistakes of a config" 1 validate config.json
expect out << 'END'
config.json:4:29: hooks.poststop[0].path: must be an absolute path
config.json:4:69: hooks.poststop[1].timeout: must be an integer
config.json:6:49: linux.resources.memory.limt: unknown; did you mean "limit"?
END
expect err < /dev/null
try "the same as JSON" 1 validate --json=short config.json
expect out << 'END'
[{"file":"config.json","errors":[{"path":"hooks.poststop[0].path","line":4,"column":29,"message":"must be an absolute path"},{"path":"hooks.poststop[1].timeout","line":4,"column":69,"message":"must be an integer"},{"path":"linux.resources.memory.limt","line":6,"column":49,"message":"unknown; did you mean \"limit\"?"}]}]
END
name="the same on a terminal"
script -qec "'$hookctl' validate config.json" /dev/null < /dev/null | tr -d '\r' > out
expect_in out 'config.json:4:29: hooks.poststop[0].path: must be an absolute path'

echo '{"ociVersion": "1.0.2", "process": {"oomScoreAdj": 5}}' > good.json
try "a right file" 0 validate good.json
echo 'good.json: OK' | expect out
try "a right file as JSON" 0 validate --json=short good.json
echo '[{"file":"good.json","errors":[]}]' | expect out
try "several files, one of which is wrong" 1 validate good.json config.json
expect_in out 'good.json: OK'
expect_in out 'config.json:4:29'
try "a file that cannot be read" 2 validate good.json missing.json
expect_in out 'good.json: OK'
expect_in err 'hookctl: missing.json: No such file or directory'
try "no file" 2 validate
expect_in err 'needs FILE...'
echo '{"a" 1}' > broken.json
try "no JSON" 1 validate broken.json
echo 'broken.json:1:6: a colon is expected' | expect out
echo '{"a": 1}' > other.json
try "of no known type" 2 validate other.json
expect_in err 'other.json: what kind of file this is cannot be told; give --type='
try "a type that is said" 1 validate --type=hooks other.json
echo 'other.json:1:7: a: is not known here' | expect out
try "an unknown type" 2 validate --type=yaml other.json
printf '{"version": "1.0.0", "hook": {"path": "/x"}, "when": {"always": 1}, "stages": ["foo"]}' > hd.json
try "a file of hooks.d" 1 validate hd.json
expect_in out 'hd.json:1:65: when.always: must be true or false'
expect_in out 'hd.json:1:80: stages[0]: must be one of prestart'
printf '{"default_action": 5, "syscalls": []}' > go.json
try "a profile of libcontainer, found out by itself" 0 validate go.json
try "help" 0 validate --help
expect_in out '--type=config|hooks|hooksd|settings|seccomp|conf'

printf '[Hooks]\nRunners=x\nnothing\n[Log]\nLevel=loud\n' > hookd.conf
try "all mistakes of a hookd.conf" 1 validate hookd.conf
expect_in out 'hookd.conf:2:9: Runners: '
expect_in out 'hookd.conf:3:1: neither a section nor a key'
expect_in out 'hookd.conf:5:7: Level: '
printf '[Hooks]\nNonsense=1\n' > drop.conf
try "what hookd only warns of is no mistake" 0 validate drop.conf
echo 'drop.conf: OK' | expect out
expect_in err 'warning: drop.conf:2:1: unknown key Nonsense in section [Hooks]'
try "no such hookd.conf" 2 validate none.conf
expect_in err 'none.conf: No such file or directory'

mv sbin/hookd sbin/hookd.away
try "without a hookd" 2 validate hookd.conf
expect_in err 'hookd.conf: the program hookd, which checks it, is not installed'
mv sbin/hookd.away sbin/hookd

echo '{"hooks":{"poststop":[{"path":"/bin/true","timeout":"5","timeOut":3,"Path":"/x"}]}}' > types.json
try "types and names of a hook" 1 validate types.json
expect out << 'END'
types.json:1:53: hooks.poststop[0].timeout: must be an integer
types.json:1:67: hooks.poststop[0].timeOut: unknown; did you mean "timeout"?
types.json:1:76: hooks.poststop[0].Path: unknown; did you mean "path"?
END
printf '{"hooks":{"a":[],\n"poststop":[{"path":"/x"},{"path":"/x","path":"/y"}]}}' > twice.json
try "a key that is there twice" 1 validate twice.json
expect out << 'END'
twice.json:2:40: hooks.poststop[1].path: duplicate key
END
mkfifo fifo
for type in config conf; do
  name="a FIFO that nobody writes to, $type"
  timeout 20 "$hookctl" validate --type=$type fifo > out 2> err
  [ $? = 2 ] || fail "not refused: $(cat err)"
  expect_in err 'hookctl: fifo: a FIFO that nobody writes to'
done
try "JSON is no hookd.conf" 1 validate --type=conf types.json
expect_in out 'types.json:1:1: this is JSON'
printf '[Hooks]\nUMask=9\n' > stdin
name="hookd.conf on stdin"
"$hookctl" validate --type=conf - < stdin > out 2> err
[ $? = 1 ] || fail "status: $(cat err)"
expect_in out '-:2:7: UMask: '
for type in config hooks hooksd settings seccomp; do
  name="stdin, $type"
  echo '{"defaultAction": 1, "poststop": 1, "hooks": {"poststop": 1}, "process": 1}' | "$hookctl" validate --type=$type - > out 2> err
  [ $? = 1 ] || fail "status: $(cat err)"
  expect_in out '-:1:'
done

# ---- explain ----

printf '[Hooks]\nDefaultTimeoutSec=120\nUMask=0027\n' > own.conf
launch_hookd log "$hookd" --socket="$work/socket" --state-dir="$work/state" --config="$work/own.conf" ||
  fail "hookd does not start: $(cat log)"
export HOOKD_ADDRESS=unix:$work/socket

cat > config.json << 'END'
{ "ociVersion": "1.0.2", "process": {"args": ["/usr/bin/web"]}, "annotations": {"gpu": "all"},
  "hooks": { "createContainer": [ { "path": "/bin/sh" } ],
             "poststop": [ { "path": "/bin/cat", "timeout": 5 } ] } }
END
me="uid $(id -u), gid $(id -g)"
try "each stage that has hooks" 0 explain config.json
expect out << END
createContainer #0 /bin/sh; a failure ends the stage
  where:    the container's mnt user pid net uts ipc cgroup time (stage)
  as:       $me, hookd's capabilities (stage)
  settings: UMask=0027 ($work/own.conf:3)
  timeout:  2min (DefaultTimeoutSec=, $work/own.conf:2)
poststop #0 /bin/cat; a failure does not stop the others
  where:    the caller's namespaces (stage)
  as:       $me, hookd's capabilities (stage)
  settings: UMask=0027 ($work/own.conf:3)
  timeout:  5s (of the hook)
END
try "one stage, with settings" 0 explain --stage=poststop --settings=good.json config.json
expect_in out 'settings: good.json, UMask=0027'
try "a stage without hooks" 0 explain --stage=prestart config.json
expect out < /dev/null
echo 'No hooks' | expect err
try "JSON" 0 explain --json=short --stage=poststop config.json
expect_in out '{"stages":[{"stage":"poststop","explanation":{"hooks":[{"index":0,"path":"/bin/cat"'
name="on a terminal"
script -qec "'$hookctl' --no-pager explain --stage=poststop config.json" /dev/null < /dev/null | tr -d '\r' > out
expect_in out 'poststop #0 /bin/cat; a failure does not stop the others'
echo '{"poststop": [ { "path": "rel" } ] }' > wrong.json
try "a mistake has its place" 2 explain wrong.json
expect_in err 'hookctl: wrong.json:1:26: poststop[0].path: must be an absolute path'
expect out < /dev/null
try "a mistake in the settings" 2 explain --settings=wrong.json config.json
expect_in err 'hookctl: wrong.json:1:'
try "no JSON in explain" 2 explain broken.json
expect_in err 'hookctl: broken.json:1:6: a colon is expected'

mkdir hooks.d more.d
echo '{"version":"1.0.0","hook":{"path":"/bin/ls"},"when":{"always":false},"stages":["prestart"]}' > hooks.d/x.json
echo '{"version":"1.0.0","hook":{"path":"/bin/ls","timeout":7},"when":{"annotations":{"gpu":"all"}},"stages":["prestart","poststop","precreate"]}' > hooks.d/a.json
try "which files of hooks.d match" 0 explain --stage=prestart --hooks-dir=hooks.d config.json
expect out << 'END'
hooks.d/a.json: match: annotation 'gpu' matches; at prestart poststop precreate
hooks.d/x.json: no match: always is false
END
try "which files of hooks.d match, as JSON" 0 explain --stage=prestart --hooks-dir=hooks.d -j config.json
expect_in out '{"file":"x.json","path":"hooks.d/x.json","match":false,"reason":"always is false","stages":["prestart"]}'
try "what hookd does with them, behind the container's own" 0 explain --hooks-dir=hooks.d config.json
grep -v '^  \(where\|as\|settings\)' out > short
expect short << END
hooks.d/a.json: match: annotation 'gpu' matches; at prestart poststop precreate
hooks.d/x.json: no match: always is false
createRuntime #0 /bin/ls; a failure ends the stage
  timeout:  7s (of the hook)
createContainer #0 /bin/sh; a failure ends the stage
  timeout:  2min (DefaultTimeoutSec=, $work/own.conf:2)
poststop #0 /bin/cat; a failure does not stop the others
  timeout:  5s (of the hook)
poststop #1 /bin/ls; a failure does not stop the others
  timeout:  7s (of the hook)
END
echo '{"hook":"/bin/cp","cmd":["web$"],"hasbindmounts":true,"stage":["poststart"]}' > more.d/X.json
echo '{"hook":"/bin/cp","cmd":["sh$"],"stage":["poststart"]}' > more.d/x.json
mkdir bundle
cp config.json bundle
try "several directories, version 0.1.0, and a bundle" 0 explain --hooks-dir=hooks.d --hooks-dir=more.d bundle
grep -v '^ ' out > short
expect short << 'END'
hooks.d/a.json: match: annotation 'gpu' matches; at prestart poststop precreate
more.d/X.json: match: the command matches 'web$'; at poststart
hooks.d/x.json: no match: replaced by that in more.d
more.d/x.json: no match: none of its conditions holds
createRuntime #0 /bin/ls; a failure ends the stage
createContainer #0 /bin/sh; a failure ends the stage
poststart #0 /bin/cp; a failure ends the stage
poststop #0 /bin/cat; a failure does not stop the others
poststop #1 /bin/ls; a failure does not stop the others
END
echo '{"version":"1.0.0","hook":{"path":"/bin/ls"},"when":{"always":1},"stages":[]}' > more.d/z.json
try "a file of hooks.d that is wrong" 2 explain --hooks-dir=more.d bundle
expect_in err 'hookctl: more.d/z.json:1:63: when.always: must be true or false'
expect_in out 'more.d/x.json: no match'
rm more.d/z.json
try "matches without a hookd" 125 --address=unix:/none explain --hooks-dir=hooks.d bundle
expect out << 'END'
hooks.d/a.json: match: annotation 'gpu' matches; at prestart poststop precreate
hooks.d/x.json: no match: always is false
END
try "and as JSON" 125 --address=unix:/none explain --hooks-dir=hooks.d -j bundle
expect_in out '{"file":"a.json","path":"hooks.d/a.json","match":true,'

echo '{"version":"1.0.0","hook":{"path":"/bin/nonexistent"},"when":{"always":true},"stages":["poststop"]}' > more.d/gone.json
try "a file of hooks.d without its program" 1 explain --stage=poststop --hooks-dir=more.d config.json
expect_in out 'more.d/gone.json: match: always, but podman leaves it out without its program /bin/nonexistent; at poststop'

printf '#!/bin/sh\n' > "$work/open"
chmod 777 "$work/open"
echo "{\"poststop\":[{\"path\":\"$work/open\"},{\"path\":\"/nonexistent\"},{\"path\":\"/etc/passwd\"},{\"path\":\"/bin/ls\"}]}" > bad.json
try "files that Run refuses" 1 explain bad.json
grep 'poststop\|fails' out > short
expect_in short "fails:    "
expect_in short "fails:    No such file or directory"
expect_in short "fails:    the file is not executable"
[ "$(grep -c fails: short)" = 3 ] || fail "not three that fail: $(cat short)"
try "and as JSON" 1 explain -j bad.json
expect_in out '"fails":"No such file or directory"'

cat > delegated.json << 'END'
{"hooks":{"createRuntime":[{"path":"/bin/true"},
  {"path":"/bin/hookd-oci-hook","args":["hookd-oci-hook","--stage=createRuntime","--hooks-json={\"createRuntime\":[{\"path\":\"/bin/ls\",\"timeout\":4},","--hooks-json={\"path\":\"/bin/cat\"}]}"]}]}}
END
try "a delegated config" 0 explain delegated.json
grep -v '^  \(where\|as\|settings\)' out > short
expect short << END
createRuntime #0 /bin/true; a failure ends the stage
  timeout:  2min (DefaultTimeoutSec=, $work/own.conf:2)
createRuntime #1 /bin/hookd-oci-hook has hookd run:
  fails:    No such file or directory
createRuntime #0 /bin/ls; a failure ends the stage
  timeout:  4s (of the hook)
createRuntime #1 /bin/cat; a failure ends the stage
  timeout:  2min (DefaultTimeoutSec=, $work/own.conf:2)
END
try "a delegated config as JSON" 0 explain -j delegated.json
expect_in out '"delegated":[{"hook":1,"explanation":{"hooks":[{"index":0,"path":"/bin/ls"'

try "no such hooks.d" 2 explain --hooks-dir=none config.json
expect_in err '--hooks-dir=none: No such file or directory'

# ---- policy ----

try "a user may call" 0 policy explain Ping
echo "allowed: io.hookd.control.Ping, uid $(id -u)" | expect out
try "a user may not" 1 policy explain --uid=4711 io.hookd.settings.Apply
expect_in out 'refused: io.hookd.settings.Apply, uid 4711: '
try "as JSON" 1 policy explain --json=short --uid=4711 Apply
expect_in out '{"allowed":false,"rule":"permission","reason":"uid 4711'
try "the mode of the socket" 1 policy explain --uid=4711 --groups=4711,4712 Run
expect_in out 'may not connect'
try "no such method" 2 policy explain Nothing
expect_in err 'hookctl: no such method: Nothing'
try "no number" 2 policy explain --uid=me Run
try "no numbers" 2 policy explain --groups=1,,2 Run
try "another word" 2 policy show Run

# ---- the place of mistakes in other verbs ----

echo '{"id": "c"}' > state.json
try "run" 2 run --stage=poststop --state=state.json --hooks=wrong.json
expect_in err 'hookctl: wrong.json:1:26: poststop[0].path: must be an absolute path'
try "run with a broken file" 2 run --stage=poststop --state=broken.json --hooks=config.json
expect_in err 'hookctl: broken.json:1:6: a colon is expected'
try "run with settings that are wrong" 2 run --stage=poststop --state=state.json --hooks=config.json --settings=other.json
expect_in err 'hookctl: other.json:1:1: nothing in it is settings'
printf '{"defaultAction": "SCMP_ACT_ALLOW",\n "syscalls": [{"names": ["read"], "action": "X"}]}' > profile.json
try "seccomp" 2 seccomp profile.json
expect_in err 'hookctl: profile.json:2:45: syscalls[0].action: must be one of'

exit $((failures > 0))
