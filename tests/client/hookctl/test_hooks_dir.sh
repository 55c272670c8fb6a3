#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# `hookctl delegate --hooks-dir=DIR... --output=DIR`: which files it writes, replaces, removes and leaves
# alone, and that it writes nothing if a file is wrong. Usage: test_hooks_dir.sh HOOKCTL
set -u

hookctl=$1
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir" || exit 1
unset HOOKD_ADDRESS
umask 022
failures=0

fail() {
  echo "FAIL: $name: $*" >&2
  failures=$((failures + 1))
}

# try NAME STATUS ARGUMENT...: the output is in out.txt and err.txt.
try() {
  name=$1
  expected=$2
  shift 2
  "$hookctl" delegate --shim=/bin/true "$@" > out.txt 2> err.txt < /dev/null
  status=$?
  [ "$status" -eq "$expected" ] || fail "exit $status instead of $expected: $(cat out.txt err.txt)"
}

# Compares a file with stdin.
expect() {
  cat > expected.txt
  cmp -s expected.txt "$1" || fail "$1 is not as expected: $(diff expected.txt "$1")"
}

expect_in() {
  grep -qF -e "$2" "$1" || fail "no '$2' in $1: $(cat "$1")"
}

# Names, contents and times of all files.
state_of() {
  find "$1" -mindepth 1 -printf '%p %T@ %i\n' | sort
  find "$1" -type f -exec md5sum {} + | sort
}

hook() { # STAGES
  printf '{"version":"1.0.0","hook":{"path":"/bin/true"},"when":{"always":true},"stages":[%s]}\n' "$1"
}

mkdir src more
hook '"createRuntime","poststop","precreate"' > src/a.json
hook '"poststart"' > src/b.json
hook '"startContainer"' > src/c.json
echo '{"hook":"/bin/true","stage":["prestart"]}' > src/old.json
sed 's,/bin/true,/no/such/program,' src/b.json > src/missing.json
echo 'no JSON' > src/README
chmod 0600 src/b.json

try "the first time" 0 --hooks-dir=src --output=out
expect out.txt << 'END'
created out/a.json
created out/a.json-createRuntime.json
created out/a.json-poststop.json
created out/b.json
created out/c.json
created out/missing.json
created out/old.json
END
expect err.txt << 'END'
hookctl: src/a.json: precreate is not delegated and stays as it is: its hooks change the config before there is a container
hookctl: src/c.json: startContainer is not delegated and stays as it is: its programs are the container's, where hookd-oci-hook is not
hookctl: src/missing.json: is not delegated and stays as it is: its program does not exist on this machine
hookctl: src/old.json: is not delegated and stays as it is: it is of version 0.1.0
END
for file in c missing old; do
  cmp -s src/$file.json out/$file.json || fail "$file.json is not the same"
done
[ "$(stat -c %a out/b.json)" = 600 ] || fail "b.json can be read by others"
"$hookctl" validate --type=hooksd out/*.json > validated.txt || fail "$(cat validated.txt)"

state_of out > before.txt
try "again" 0 --hooks-dir=src --output=out
expect out.txt < /dev/null
expect_in err.txt 'Nothing changes'
state_of out > now.txt
expect now.txt < before.txt
try "its own output" 0 --hooks-dir=out --output=out2
diff -r out out2 > diff.txt || fail "$(cat diff.txt)"

# Files of others that have the same text stay theirs.
cp -a out theirs
rm theirs/.hookctl-delegate
try "the same files of others" 0 --hooks-dir=src --output=theirs
expect out.txt < /dev/null
expect_in err.txt 'theirs/b.json: is not from hookctl delegate, has the same text, and stays'
mv src/b.json b.json
try "and their source is gone" 0 --hooks-dir=src --output=theirs
[ -e theirs/b.json ] || fail "it was removed"
mv b.json src/b.json

cp -a out changed
echo >> changed/b.json
state_of changed > before.txt
try "a file of ours that was changed" 2 --hooks-dir=src --output=changed --address=unix:/y
expect_in err.txt 'changed/b.json: has changed since hookctl delegate wrote it, and is not replaced'
state_of changed > now.txt
expect now.txt < before.txt
mv src/b.json b.json
try "and its source is gone" 0 --hooks-dir=src --output=changed
expect_in err.txt 'changed/b.json: has changed since hookctl delegate wrote it, and is not removed'
[ -e changed/b.json ] || fail "it was removed"
mv b.json src/b.json

# A call that was cut off: the list has the texts of before and of after.
cp -a out cut
hook '"createRuntime"' > src/cut.json
try "another file" 0 --hooks-dir=src --output=cut --address=unix:/y
jq -c --slurpfile old out/.hookctl-delegate '.files += $old[0].files' cut/.hookctl-delegate > list
mv list cut/.hookctl-delegate
cp out/b.json cut/b.json
rm cut/cut.json src/cut.json
try "after one that was cut off" 0 --hooks-dir=src --output=cut
cmp -s out/b.json cut/b.json || fail "b.json is not as it was"
cmp -s out/a.json cut/a.json || fail "a.json is not as it was"

chmod 0640 src/b.json
try "other permissions" 0 --hooks-dir=src --output=out
expect out.txt <<< 'changed out/b.json'
[ "$(stat -c %a out/b.json)" = 640 ] || fail "b.json has $(stat -c %a out/b.json)"

mkdir -p out/.hookctl-delegate-0/x other
ln -s nowhere src/dangling.json
echo '{"Version":"1.0.0","Hook":{"path":"/bin/true"},"WHEN":{"Always":true},"Stages":["poststop","precreate"]}' \
  > other/letters.json
try "names in other letters" 0 --hooks-dir=other --output=letters
expect_in letters/letters.json '{"Version":"1.0.0","Hook":{"path":"/bin/true"},"WHEN":{"Always":true},"Stages":["precreate"]}'
expect_in letters/letters.json-poststop.json '"--stage=poststop"'
echo '{"version":"1.0.0","hook":{"path":"/bin/true"},"when":{"always":true},"stages":[],"Stages":["poststop"]}' \
  > other/both.json
try "names in both" 2 --hooks-dir=other --output=letters
expect_in err.txt 'other/both.json:1:80: stages: is there in other letters, too'
hook '"poststart"' > src/$'x\n\e[31m.json'
try "a name that harms a terminal, and a directory in the way" 0 --hooks-dir=src --output=out
expect_in out.txt 'created out/x\n\x1b[31m.json'
rm src/x*
try "it goes" 0 --hooks-dir=src --output=out
expect_in out.txt 'removed out/x\n\x1b[31m.json'
rm -r out/.hookctl-delegate-0

name="files that others have put there"
echo foreign > out/foreign.json
echo note > out/NOTE
hook '"poststop"' > src/a.json
rm src/c.json
try "what changes" 0 --hooks-dir=src --output=out
expect out.txt << 'END'
changed out/a.json
removed out/a.json-createRuntime.json
removed out/a.json-poststop.json
removed out/c.json
END
[ "$(cat out/foreign.json out/NOTE)" = "foreign
note" ] || fail "a foreign file has changed"
[ "$(find out -name '.*' -type f)" = out/.hookctl-delegate ] || fail "files are left: $(ls -A out)"

hook '"poststop"' > src/foreign.json
hook '"poststart","poststop"' > src/new.json
state_of out > before.txt
try "a foreign file of that name" 2 --hooks-dir=src --output=out
expect_in err.txt 'out/foreign.json: is not from hookctl delegate, and is not replaced'
state_of out > now.txt
expect now.txt < before.txt
rm src/foreign.json
ln -s ../outside out/new.json-poststop.json
try "a link of that name" 2 --hooks-dir=src --output=out
[ ! -e outside ] || fail "the link was followed"
rm out/new.json-poststop.json

echo '{"version":"1.0.0","hook":{"path":"/bin/true"},
  "when":{"commands":["a("]},"stages":[]}' > src/wrong.json
echo '{"version" 1}' > src/broken.json
hook '"poststop", "made-up"' > src/stage.json
state_of out > before.txt
try "files that are wrong" 2 --hooks-dir=src --output=out
expect_in err.txt "hookctl: src/wrong.json:2:23: when.commands[0]: 'a(' is not a regular expression"
expect_in err.txt 'hookctl: src/broken.json:1:12: a colon is expected'
expect_in err.txt 'hookctl: src/stage.json:1:93: stages[1]: must be one of'
state_of out > now.txt
expect now.txt < before.txt
rm src/wrong.json src/broken.json src/stage.json

hook '"createRuntime"' > more/b.json
hook '"createRuntime"' > more/z.json
try "several directories" 0 --hooks-dir=src --hooks-dir=more --output=both
expect_in both/b.json '--stage=createRuntime'
[ -e both/z.json ] || fail "no z.json"
try "in the other order" 0 --hooks-dir=more --hooks-dir=src --output=both
expect_in both/b.json '--stage=poststart'
try "with another address" 0 --hooks-dir=more --hooks-dir=src --output=both --address=unix:/x
expect_in both/b.json '--address=unix:/x'

hook '"createRuntime"' > 'more/z.json+.json'
hook '"createRuntime","poststop"' > more/z.json
try "names whose order would change" 2 --hooks-dir=more --output=third
expect_in err.txt 'z.json and z.json+.json would be run in another order at createRuntime'
[ ! -e third ] || fail "third was made"

try "no output" 2 --hooks-dir=src
expect_in err.txt '--hooks-dir: needs --output=DIR'
try "no source" 2 --output=out
try "no such source" 2 --hooks-dir=none --output=out
expect_in err.txt '--hooks-dir=none: No such file or directory'
try "into itself" 2 --hooks-dir=src --output=./src
expect_in err.txt '--output=./src: is also a --hooks-dir'
try "to where no directory can be" 2 --hooks-dir=src --output=src/README/x
echo '{"files":["../../etc/x.json"]}' > out/.hookctl-delegate
try "a list of files that is damaged" 2 --hooks-dir=src --output=out
expect_in err.txt 'out/.hookctl-delegate: is damaged'
rm out/.hookctl-delegate

try "a directory to be locked" 0 --hooks-dir=src --output=locked
exec 3< locked
flock 3
try "while another one writes" 2 --hooks-dir=src --output=locked
expect_in err.txt 'another hookctl is writing there'
exec 3<&-

# The shim takes this list, but no rewrite writes such a one.
mkdir shims
cat > shims/own.json << 'EOF'
{"version":"1.0.0","hook":{"path":"/bin/true","args":["x","--stage=poststop",
"--hooks-json={\"ociVersion\":\"1\",\"hooks\":{\"poststop\":[{\"path\":\"/bin/true\"}]}}"]},
"when":{"always":true},"stages":["poststop"]}
EOF
try "a shim hook that is not understood" 0 --hooks-dir=shims --output=kept
cmp -s shims/own.json kept/own.json || fail "it has changed: $(cat kept/own.json)"

# No room for the last of the files: those before are not there either. A file is longer than the limit.
name="a disk that is full"
mkdir long
cp src/a.json long/a.json
printf '{"version":"1.0.0","x":"%5000s","hook":{"path":"/bin/true"},"when":{},"stages":["poststop"]}' '' > long/b.json
bash -c 'trap "" XFSZ; ulimit -f 2; exec "$@"' limit "$hookctl" delegate --hooks-dir=long --output=full \
  > out.txt 2> err.txt < /dev/null
[ $? -eq 2 ] || fail "it is taken: $(cat out.txt err.txt)"
expect_in err.txt 'full/b.json: File too large'
[ -z "$(ls -A full)" ] || fail "files are left: $(ls -A full)"

exit $((failures > 0))
