#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The verbs against a hookd that says what a script tells it to: what is asked, what is printed, and
# with which status hookctl exits. Usage: test_verbs.sh HOOKCTL ANSWER
set -u

hookctl=$1
answer=$2
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir" || exit 1
unset NO_COLOR HOOKD_ADDRESS
export TZ=UTC LC_ALL=C.UTF-8 PAGER=cat
failures=0

fail() {
	echo "FAIL: $name: $*" >&2
	failures=$((failures + 1))
}

# Plays stdin to hookctl with the given arguments; then `out`, `err`, `calls` and $status are there.
play() {
	name=$1
	shift
	cat >script
	"$answer" script calls "$hookctl" "$@" >out 2>err </dev/null
	status=$?
}

# Without a daemon.
alone() {
	name=$1
	shift
	: >calls
	HOOKD_ADDRESS=unix:$dir/nobody "$hookctl" "$@" >out 2>err </dev/null
	status=$?
}

expect_status() {
	[ "$status" -eq "$1" ] || fail "exit $status instead of $1: $(cat err)"
}

expect_file() {
	cat >expected
	cmp -s expected "$1" || fail "$1 is not as expected: $(diff expected "$1")"
}

expect_in() {
	grep -qF -e "$2" "$1" || fail "no '$2' in $1: $(cat "$1")"
}

expect_empty() {
	[ ! -s "$1" ] || fail "$1 is not empty: $(cat "$1")"
}

hook() { # INDEX OUTCOME SUCCESS MORE
	printf '{"index":%d,"path":"/h%d","outcome":"%s","success":%s,%s"stdoutBytes":0,' "$1" "$1" "$2" "$3" "$4"
	printf '"stdoutTruncated":false,"stderrBytes":0,"stderrTruncated":false,"lingering":false}'
}

result() { # OUTCOME ERROR HOOKS
	printf '{"run":"0123456789ab","container":"c1","stage":"createRuntime","outcome":"%s",%s"hooks":[%s],' "$1" "$2" "$3"
	printf '"queuedUSec":1,"durationUSec":2}'
}

row() { # RUN STATE OUTCOME SUBMITTED [MORE]
	printf '{"run":"%s","container":"c\\u001b","stage":"poststop","state":"%s",%s"uid":0,"hook":0,' "$1" "$2" "$3"
	printf '"hooks":2,"path":"/h0",%s"submittedUSec":%s,"durationUSec":2500000}' "${5:-}" "$4"
}

# What hookd says of a run that is done: to Run or Wait, then to Get.
ended() { # RESULT OUTCOME [MORE]
	printf '> {"parameters":{"result":%s}}\n' "$1"
	details "$@"
}
details() {
	printf '<\n> {"parameters":{"run":%s,"result":%s}}\n' \
		"$(row 0123456789ab done "\"outcome\":\"$2\"," 1769860800000000 "${3:-}")" "$1"
}

# The run that a word means.
found() {
	printf '<\n> {"parameters":{"runs":[{"run":"0123456789ab"}]}}\n'
}

good=$(result succeeded '' "$(hook 0 exited true '"exitStatus":0,"pid":5,"durationUSec":1500,')")
failed=$(result failed '"error":"error running hook: \u001b[31m",' \
	"$(hook 0 exited false '"exitStatus":3,"pid":5,"durationUSec":1500,"stderr":"o\u0007ops",')")
late=$(result failed '"error":"ran past",' "$(hook 0 timed_out false '"pid":5,"durationUSec":1500,')")
unborn=$(result failed '"error":"no such file",' \
	"$(hook 0 spawn_failed false '"failedStep":"exec","errnoName":"ENOENT",')")

echo '{"ociVersion":"1.0.2","id":"c1","status":"creating","pid":0,"bundle":"/b"}' >state.json
printf '{"ociVersion":"1.0.2","x":18446744073709551615,"hooks": {"poststop" : [] }}\n' >config.json
run_options='--stage=poststop --state=state.json --hooks=config.json --request-id=q'

# ---- run ----

play "run sends the bytes of the files" run $run_options --on-disconnect=cancel <<END
<
$(ended "$good" succeeded)
END
expect_status 0
expect_empty err
head -n 1 calls >call
expect_file call <<'END'
{"method":"io.hookd.hooks.Run","more":true,"parameters":{"stage":"poststop","state":{"ociVersion":"1.0.2","id":"c1","status":"creating","pid":0,"bundle":"/b"},"hooks":{"poststop" : [] },"requestId":"q","onDisconnect":"cancel"}}
END
expect_file out <<'END'
      Run: 0123456789ab
Container: c\x1b
    Stage: poststop
   Status: succeeded, 2 hooks, 2.5s
Submitted: Sat 2026-01-31 12:00:00 UTC by uid 0

#  PATH  STATUS      TIME  STDOUT  STDERR
0  /h0   succeeded  1.5ms      0B      0B
END

echo '{"id":"c1","init_process_pid":7,"config":{"umask": 18}}' >runc-state.json
play "run takes the settings out of a state.json" run $run_options --dialect=libcontainer \
	--settings=runc-state.json <<END
<
$(ended "$good" succeeded)
END
expect_status 0
expect_in calls '"settings":{"umask": 18},'

play "run makes up a request id" run --stage=poststop --state=state.json --hooks=config.json <<END
<
$(ended "$good" succeeded)
END
grep -qE '"requestId":"[0-9a-f]{32}"' calls || fail "no id: $(cat calls)"

play "a failed hook" run $run_options <<END
<
$(ended "$failed" failed '"hookOutcome":"exited","exitStatus":3,')
END
expect_status 1
expect_in out 'o\x07ops'
expect_in out 'Status: failed (3) #0/2 h0, 2.5s'
expect_file err <<'END'
hookctl: 0123456789ab: failed (3) #0/2 h0
END

play "a hook that timed out" run $run_options <<END
<
$(ended "$late" failed '"hookOutcome":"timed_out",')
END
expect_status 124

play "a hook that could not be spawned" run $run_options <<END
<
$(ended "$unborn" failed '"hookOutcome":"spawn_failed","errnoName":"ENOENT",')
END
expect_status 126
expect_in out ENOENT

play "a lost run" wait 0123456789ab <<END
$(found)
<
$(ended "$(result lost '' '')" lost)
END
expect_status 125

play "a cancelled run" wait 0123456789ab <<END
$(found)
<
$(ended "$(result cancelled '' '')" cancelled)
END
expect_status 1
expect_file err <<'END'
hookctl: 0123456789ab: cancelled #0/2 h0
END

play "a hookd that is busy" run $run_options <<END
<
> {"error":"io.hookd.hooks.Busy","parameters":{"retryAfterUSec":5,"reason":"too many"}}
END
expect_status 125
expect_file err <<'END'
hookctl: hookd is busy and refuses it: too many
Hint: hookctl status
END

play "json is the result as it came" --json=short run $run_options <<END
<
> {"parameters":{"result":$failed}}
END
expect_status 1
printf '%s\n' "$failed" >want
expect_file out <want

play "wait in json asks nothing more" --json=short wait 0123456789ab <<END
$(found)
<
> {"parameters":{"result":$failed}}
END
expect_status 1
printf '%s\n' "$failed" >want
expect_file out <want

play "a run that hookd has forgotten since" run $run_options <<END
<
> {"parameters":{"result":$failed}}
<
> {"error":"io.hookd.status.NoSuchRun","parameters":{"run":"0123456789ab"}}
END
expect_status 1
expect_empty out
expect_file err <<'END'
hookctl: 0123456789ab: failed (3) #0/1 h0
END

for refusal in Busy Draining Refused; do
	play "refused: $refusal" run $run_options <<END
<
> {"error":"io.hookd.hooks.$refusal","parameters":{"reason":"no"}}
END
	expect_status 125
	expect_empty out
	grep -qE 'full|down|refused: no|refuses it: no' err || fail "$(cat err)"
done

play "the reason of a wrong value is hookd's" run $run_options <<'END'
<
> {"error":"io.hookd.hooks.Invalid","parameters":{"path":"state.pid","detail":"is in no \u001bcontainer"}}
END
expect_status 2
expect_empty out
expect_file err <<'END'
hookctl: state.json:1:59: pid: is in no \x1bcontainer
END

play "an invalid parameter" run $run_options <<'END'
<
> {"error":"org.varlink.service.InvalidParameter","parameters":{"parameter":"traceparent"}}
END
expect_status 2
expect_file err <<'END'
hookctl: invalid parameter traceparent
END

play "a lost reply is asked for again, with the same id" run $run_options <<END
<
close
<
$(ended "$good" succeeded)
END
expect_status 0
[ "$(grep hooks.Run calls | sort -u | wc -l)" -eq 1 ] && [ "$(grep -c hooks.Run calls)" -eq 2 ] || fail "calls: $(cat calls)"

play "an answer that is no result" run $run_options <<'END'
<
> {"parameters":{"result":{"run":"0123456789ab"}}}
END
expect_status 125
expect_in err "hookd's result: "

play "follow passes output through, stream by stream" run $run_options --follow <<END
<
> {"parameters":{"event":"accepted","run":"0123456789ab"},"continues":true}
> {"parameters":{"event":"started","run":"0123456789ab","index":0},"continues":true}
> {"parameters":{"event":"output","run":"0123456789ab","index":0,"stream":"stdout","data":"one\u001b\n"},"continues":true}
> {"parameters":{"event":"output","run":"0123456789ab","index":0,"stream":"stdout","dataBase64":"//7/"},"continues":true}
> {"parameters":{"event":"output","run":"0123456789ab","index":0,"stream":"stderr","data":"two\n"},"continues":true}
> {"parameters":{"event":"finished","run":"0123456789ab","index":0,"hook":$(hook 0 exited true '"exitStatus":0,"pid":5,"durationUSec":1500,')},"continues":true}
> {"parameters":{"run":"0123456789ab","result":$good}}
$(details "$good" succeeded)
END
expect_status 0
expect_in calls '"more":true'
printf 'one\033\n\377\376\377' >want
expect_file out <want
expect_file err <<'END'
run 0123456789ab
#0: started
two
#0 h0: succeeded, 1.5ms
END

play "follow says how many bytes are missing" run $run_options --follow <<END
<
> {"parameters":{"event":"accepted","run":"0123456789ab"},"continues":true}
> {"parameters":{"event":"started","run":"0123456789ab","index":0},"continues":true}
> {"parameters":{"event":"output","run":"0123456789ab","index":0,"stream":"stdout","offset":0,"data":"one\n"},"continues":true}
close
<
> {"parameters":{"event":"accepted","run":"0123456789ab"},"continues":true}
> {"parameters":{"event":"started","run":"0123456789ab","index":0},"continues":true}
> {"parameters":{"event":"output","run":"0123456789ab","index":0,"stream":"stdout","offset":0,"data":"one\n"},"continues":true}
> {"parameters":{"event":"output","run":"0123456789ab","index":0,"stream":"stdout","offset":104,"data":"two\n"},"continues":true}
> {"parameters":{"run":"0123456789ab","result":$good}}
$(details "$good" succeeded)
END
expect_status 0
printf 'one\n[100B left out]\ntwo\n' >want
expect_file out <want

play "follow in json is one line an event" --json=short run $run_options -f <<END
<
> {"parameters":{"event":"accepted","run":"0123456789ab"},"continues":true}
> {"parameters":{"run":"0123456789ab","result":$good}}
END
expect_status 0
printf '{"event":"accepted","run":"0123456789ab"}\n%s\n' "$good" >want
expect_file out <want

play "follow shows each event once, on however many connections" run $run_options --follow <<END
<
> {"parameters":{"event":"accepted","run":"0123456789ab"},"continues":true}
> {"parameters":{"event":"started","run":"0123456789ab","index":0},"continues":true}
> {"parameters":{"event":"output","run":"0123456789ab","index":0,"stream":"stdout","offset":0,"data":"one "},"continues":true}
close
<
> {"error":"io.hookd.hooks.Busy"}
close
<
> {"parameters":{"event":"accepted","run":"0123456789ab"},"continues":true}
> {"parameters":{"event":"started","run":"0123456789ab","index":0},"continues":true}
> {"parameters":{"event":"output","run":"0123456789ab","index":0,"stream":"stdout","offset":0,"data":"one two"},"continues":true}
> {"parameters":{"event":"finished","run":"0123456789ab","index":0,"hook":$(hook 0 exited true '"exitStatus":0,"pid":5,"durationUSec":1500,')},"continues":true}
> {"parameters":{"run":"0123456789ab","result":$good}}
$(details "$good" succeeded)
END
expect_status 0
printf 'one two' >want
expect_file out <want
expect_file err <<'END'
run 0123456789ab
#0: started
#0 h0: succeeded, 1.5ms
END
[ "$(grep hooks.Run calls | sort -u | wc -l)" -eq 1 ] && [ "$(grep -c hooks.Run calls)" -eq 3 ] || fail "calls: $(cat calls)"

play "in json too, with the rest of the data" --json=short run $run_options -f <<END
<
> {"parameters":{"event":"accepted","run":"0123456789ab"},"continues":true}
> {"parameters":{"event":"output","run":"0123456789ab","index":0,"stream":"stdout","offset":0,"data":"a\u00e9"},"continues":true}
> {"parameters":{"event":"output","run":"0123456789ab","index":0,"stream":"stderr","offset":0,"dataBase64":"ww=="},"continues":true}
close
<
> {"parameters":{"event":"accepted","run":"0123456789ab"},"continues":true}
> {"parameters":{"event":"output","run":"0123456789ab","index":0,"stream":"stdout","offset":0,"data":"a\u00e9b"},"continues":true}
> {"parameters":{"event":"output","run":"0123456789ab","index":0,"stream":"stderr","offset":0,"data":"\u00e9"},"continues":true}
> {"parameters":{"run":"0123456789ab","result":$good}}
END
expect_status 0
cat >want <<END
{"event":"accepted","run":"0123456789ab"}
{"run":"0123456789ab","stage":"poststop","index":0,"stream":"stdout","offset":0,"data":"aé"}
{"run":"0123456789ab","stage":"poststop","index":0,"stream":"stderr","offset":0,"dataBase64":"ww=="}
{"run":"0123456789ab","stage":"poststop","index":0,"stream":"stdout","offset":3,"data":"b"}
{"run":"0123456789ab","stage":"poststop","index":0,"stream":"stderr","offset":1,"dataBase64":"qQ=="}
$good
END
expect_file out <want

# ---- settings ----

printf '{"ociVersion":"1.3.0", "linux": {"resources" : {"pids":{"limit":18446744073709551615}}}}\n' >settings.json
apply_options='--container=c1 --pid=4711 --settings=settings.json'
applied='{"cgroupPath":"/web\u001b","cgroupCreated":true,"rdtGroup":"gold","rdtCreated":false,"schemata":["L3:0=f","MB:0=20"],"process":["rlimits","oomScoreAdj"],"ignored":["linux.resources.rdma: no\u0007"]}'

play "apply sends the bytes of the file" apply $apply_options --dialect=oci --cgroup-manager=systemd <<END
<
> {"parameters":{"applied":$applied}}
END
expect_status 0
expect_file calls <<'END'
{"method":"io.hookd.settings.Apply","parameters":{"container":"c1","pid":4711,"settings":{"ociVersion":"1.3.0", "linux": {"resources" : {"pids":{"limit":18446744073709551615}}}},"cgroupManager":"systemd"}}
END
expect_file out <<'END'
   Cgroup: /web\x1b
RDT group: gold
 Schemata: L3:0=f
 Schemata: MB:0=20
     Made: cgroup
  Process: rlimits, oomScoreAdj
END
expect_file err <<'END'
not applied: linux.resources.rdma: no\x07
END

play "apply in json is what was applied as it came" --json=short apply $apply_options <<END
<
> {"parameters":{"applied":$applied}}
END
expect_status 0
expect_empty err
printf '%s\n' "$applied" >want
expect_file out <want

printf '{"id":"c1","config":{"rlimits" : []}}' >container.json
play "update sends no process, and takes a container's state" update --container=c1 --settings=container.json --dialect=libcontainer <<'END'
<
> {"parameters":{"applied":{}}}
END
expect_status 0
expect_empty out
expect_empty err
expect_file calls <<'END'
{"method":"io.hookd.settings.Update","parameters":{"container":"c1","settings":{"rlimits" : []},"dialect":"libcontainer"}}
END

play "a container's state is known by its members" update --container=c1 --settings=container.json <<'END'
<
> {"parameters":{"applied":{}}}
END
expect_status 0
expect_in calls '"settings":{"rlimits" : []},"dialect":"libcontainer"'

printf '{"capabilities":null,"rlimits" : []}' >config-of-runc.json
play "a Config is known by its members" update --container=c1 --settings=config-of-runc.json <<'END'
<
> {"parameters":{"applied":{}}}
END
expect_in calls '"rlimits" : []},"dialect":"libcontainer"'

alone "hooks and settings in two dialects" run $run_options --settings=container.json
expect_status 2
expect_in err "one file is oci's, the other libcontainer's"

# What hookd tried and had to give up is a failure, what it did not take is a refusal.
while read -r wanted error parameters words; do
	play "apply is answered $error" apply $apply_options <<END
<
> {"error":"io.hookd.settings.$error","parameters":$parameters}
END
	expect_status "$wanted"
	expect_empty out
	expect_in err "$words"
done <<'END'
1 SettingFailed {"path":"settings.x","step":"rdt","errnoName":"EINVAL","detail":"mask\u001b"} settings.x in step rdt: EINVAL: mask\x1b
1 NotSupported {"path":"settings.x","detail":"none"} settings.x: none
125 NoSuchProcess {"pid":4711} no such process: 4711
125 NoSuchContainer {"container":"c1"} no such container: c1
1 Exhausted {"resource":"CLOSIDs","limit":4} limit reached for CLOSIDs: 4
125 Refused {"reason":"no"} refused: no
125 SomethingElse {} SomethingElse
END

for verb in "apply --pid=4711" update; do
	play "the reason of a wrong setting is hookd's: $verb" $verb --container=c1 --settings=settings.json <<'END'
<
> {"error":"io.hookd.settings.Invalid","parameters":{"path":"settings.linux.seccomp","detail":"cannot be put on another process"}}
END
	expect_status 2
	expect_file err <<'END'
hookctl: settings.json:1:33: linux.seccomp: cannot be put on another process
END
done

play "an invalid parameter of apply" apply $apply_options <<'END'
<
> {"error":"org.varlink.service.InvalidParameter","parameters":{"parameter":"container"}}
END
expect_status 2
expect_file err <<'END'
hookctl: invalid parameter container
END

play "apply is not sent again" apply $apply_options <<'END'
<
close
END
expect_status 125
expect_in err 'hookctl: hookd closed the connection'
expect_in err 'Hint: journalctl'

play "an answer that is nothing applied" apply $apply_options <<'END'
<
> {"parameters":{"applied":{"cgroupPath":1}}}
END
expect_status 125
expect_in err "hookd's reply: "

play "release" release --container=c1 <<'END'
<
> {"parameters":{"removed":["/web\u001b","rdt:gold"]}}
END
expect_status 0
expect_in calls '"io.hookd.settings.Release","parameters":{"container":"c1"}'
expect_file out <<'END'
removed /web\x1b
removed rdt:gold
END

play "release in json" --json=short release --container=c1 <<'END'
<
> {"parameters":{"removed":["a\u001b"]}}
END
expect_file out <<'END'
["a\u001b"]
END

play "release of what is not held" release --container=c9 <<'END'
<
> {"error":"io.hookd.settings.NoSuchContainer","parameters":{"container":"c9"}}
END
expect_status 125
expect_file err <<'END'
hookctl: no such container: c9
END

held='{"c1":{"cgroupPath":"/web","cgroupCreated":true,"rdtGroup":"/","rdtCreated":false},"c\u001b2":{"process":["rlimits","scheduler"]}}'
play "holdings" holdings <<END
<
> {"parameters":{"containers":$held}}
END
expect_status 0
expect_file calls <<'END'
{"method":"io.hookd.settings.Holdings"}
END
expect_file out <<'END'
CONTAINER  CGROUP  RDT GROUP  MADE    PROCESS
c1         /web    /          cgroup  -
c\x1b2     -       -          -       rlimits, scheduler
END

play "holdings in json" --json=short holdings <<END
<
> {"parameters":{"containers":$held}}
END
cat >want <<'END'
[{"container":"c1","cgroupPath":"/web","cgroupCreated":true,"rdtGroup":"/","rdtCreated":false},{"container":"c\u001b2","process":["rlimits","scheduler"]}]
END
expect_file out <want

play "the ids of holdings" -q holdings <<END
<
> {"parameters":{"containers":$held}}
END
printf 'c1\nc\\x1b2\n' >want
expect_file out <want

play "holdings by a template" holdings --format='{{.container}} {{.rdtGroup}}' <<END
<
> {"parameters":{"containers":$held}}
END
printf 'c1 /\nc\0332 \n' >want
expect_file out <want

play "no holdings" holdings <<END
<
> {"parameters":{"containers":{}}}
END
expect_status 0
expect_empty out
expect_in err 'hookd holds nothing'

printf '{"defaultAction":"SCMP_ACT_ALLOW"}' >profile.json
printf '{"ociVersion":"1.2.0","linux":{"seccomp":{"defaultAction":"SCMP_ACT_ALLOW"}}}' >with-profile.json
program='"bpfBase64":"IAAAAAAAAAAGAAAAAAD/fw==","instructions":2,"flags":4,"needsListener":true'
program="{$program,\"unknownSyscalls\":[\"a\\u001bb\"]}"
play "a profile is listed" seccomp profile.json <<END
<
> {"parameters":$program}
END
expect_status 0
expect_file calls <<'END'
{"method":"io.hookd.settings.CompileSeccomp","parameters":{"seccomp":{"defaultAction":"SCMP_ACT_ALLOW"}}}
END
expect_file out <<'END'
; 2 instructions, flags 0x4
; a rule asks a listener: add SECCOMP_FILTER_FLAG_NEW_LISTENER
    0  ld   [0]                             ; number of the call
    1  ret  0x7fff0000                      ; allow
END
expect_in err "a\x1bb: a system call that hookd's machine does not know"

play "a profile's bytes" --no-legend seccomp with-profile.json --dialect=oci --output=bytes <<END
<
> {"parameters":$program}
END
expect_status 0
expect_in calls '"seccomp":{"defaultAction":"SCMP_ACT_ALLOW"}'
expect_file out <<'END'
    0  ld   [0]                             ; number of the call
    1  ret  0x7fff0000                      ; allow
END
printf '\040\0\0\0\0\0\0\0\006\0\0\0\0\0\377\177' >want
cmp -s bytes want || fail "the bytes are others"

printf '{"default_action":4}' >profile-of-runc.json
play "a profile of runc is known by its members" seccomp profile-of-runc.json <<END
<
> {"parameters":$program}
END
expect_in calls '"seccomp":{"default_action":4},"dialect":"libcontainer"'

play "capabilities for a profile's conditions" seccomp profile.json --caps=CAP_CHOWN,CAP_KILL <<END
<
> {"parameters":$program}
END
expect_in calls '"capabilities":["CAP_CHOWN","CAP_KILL"]'

play "no capabilities" seccomp profile.json --caps=none <<END
<
> {"parameters":$program}
END
expect_in calls '"capabilities":[]'

cat >with-capabilities.json <<END
{"process":{"capabilities":{"bounding": ["CAP_BPF"]}},"linux":{"seccomp":{"defaultAction":"SCMP_ACT_ALLOW"}}}
END
play "capabilities of a config.json" seccomp with-capabilities.json <<END
<
> {"parameters":$program}
END
expect_in calls '"capabilities":["CAP_BPF"]'

play "bytes on stdout" seccomp profile.json --output=- <<END
<
> {"parameters":$program}
END
expect_status 0
cmp -s out want || fail "the bytes are others"

play "bytes for nowhere" seccomp profile.json --output=nowhere/bytes <<END
<
> {"parameters":$program}
END
expect_status 2
expect_in err '--output=nowhere/bytes: No such file'

play "a program in json" --json=short seccomp profile.json <<END
<
> {"parameters":$program}
END
expect_status 0
printf '%s\n' "$program" >want
expect_file out <want

play "a profile that cannot be compiled" seccomp profile.json <<'END'
<
> {"error":"io.hookd.settings.SettingFailed","parameters":{"path":"seccomp","step":"seccomp","errnoName":"E2BIG","detail":"too long"}}
END
expect_status 1
expect_in err 'too long'

play "a profile that is wrong" seccomp profile.json <<'END'
<
> {"error":"io.hookd.settings.Invalid","parameters":{"path":"seccomp.defaultAction","detail":"must be one of these"}}
END
expect_status 2
expect_file err <<'END'
hookctl: profile.json:1:18: defaultAction: must be one of these
END

play "a program that is none" seccomp profile.json <<'END'
<
> {"parameters":{"bpfBase64":"AAAA","instructions":1,"flags":0,"needsListener":false,"unknownSyscalls":[]}}
END
expect_status 125
expect_empty out
expect_in err "hookd's reply: "

play "holdings that are none" -j holdings <<'END'
<
> {"parameters":{"containers":[]}}
END
expect_status 125
expect_empty out
expect_in err "hookd's reply: "

# ---- on a terminal ----

# As play, but stdout and stderr are one terminal; what it shows is in `out`.
play_on_terminal() {
	name=$1
	shift
	cat >script
	TERM=xterm script -qec "'$answer' script calls '$hookctl' $*" /dev/null >tty </dev/null
	status=$?
	tr -d '\r' <tty >out
}

if command -v script >/dev/null; then
	play_on_terminal "what hooks write live does not steer the terminal" run $run_options -f <<END
<
> {"parameters":{"event":"output","run":"0123456789ab","index":0,"stream":"stdout","data":"\u001b[2J"},"continues":true}
> {"parameters":{"event":"output","run":"0123456789ab","index":0,"stream":"stdout","dataBase64":"ww=="},"continues":true}
> {"parameters":{"event":"output","run":"0123456789ab","index":0,"stream":"stdout","dataBase64":"tgov/w=="},"continues":true}
> {"parameters":{"event":"output","run":"0123456789ab","index":0,"stream":"stderr","data":"\u009b1m"},"continues":true}
> {"parameters":{"event":"finished","run":"0123456789ab","index":0,"hook":$(hook 0 exited true '"exitStatus":0,"pid":5,"durationUSec":1500,')},"continues":true}
> {"parameters":{"run":"0123456789ab","result":$good}}
$(details "$good" succeeded)
END
	expect_status 0
	expect_file out <<'END'
\x1b[2Jö
/\xff\u009b1m

#0 h0: succeeded, 1.5ms
END

	play_on_terminal "colours on a terminal" run $run_options <<END
<
$(ended "$failed" failed '"hookOutcome":"exited","exitStatus":3,')
END
	expect_in out "$(printf '\033[31mfailed (3)\033[0m')"

	export NO_COLOR=1
	play_on_terminal "no colours where none are wanted" run $run_options <<END
<
$(ended "$good" succeeded)
END
	unset NO_COLOR
	expect_in out '0  /h0   succeeded'

	play_on_terminal "-j is pretty on a terminal" -j run $run_options <<END
<
$(ended "$good" succeeded)
END
	expect_in out '    "run": "0123456789ab",'
fi

# ---- ps ----

play "ps asks for queued and running runs" ps --container=c1 --no-legend <<END
<
> {"parameters":{"runs":[{"run":"r1","container":"c1"}]}}
<
> {"parameters":{"runs":[$(row r1 queued '' 1000000),$(row r3 queued '' 3000000)]}}
<
> {"parameters":{"runs":[$(row r1 running '' 1000000),$(row r2 running '' 2000000)]}}
END
expect_status 0
expect_file calls <<'END'
{"method":"io.hookd.status.List","parameters":{"container":"c1","limit":1}}
{"method":"io.hookd.status.List","parameters":{"container":"c1","state":"queued","limit":100}}
{"method":"io.hookd.status.List","parameters":{"container":"c1","state":"running","limit":100}}
END
sed -E 's/ +[0-9]+d / AGE /' out >out.aged
expect_file out.aged <<'END'
r3  c\x1b  poststop AGE     -  queued
r2  c\x1b  poststop AGE  2.5s  running #0/2 h0
r1  c\x1b  poststop AGE  2.5s  running #0/2 h0
END

play "a prefix of a container becomes its id" ps --container=c <<END
<
> {"parameters":{"runs":[]}}
<
> {"parameters":{"runs":[{"run":"r1","container":"c1"}]}}
<
> {}
<
> {}
END
expect_status 0
expect_empty out
expect_in calls '{"containerPrefix":"c"}'
expect_in calls '{"container":"c1","state":"running","limit":100}'
expect_file err <<'END'
No run matches
END

play "a prefix of two containers" ps --container=c <<END
<
> {"parameters":{"runs":[]}}
<
> {"parameters":{"runs":[{"run":"r1","container":"c1"},{"run":"r2","container":"c2"}]}}
END
expect_status 2
expect_file err <<'END'
hookctl: 'c': more than one container: c1, c2
END

play "ps -a asks once" ps -a --stage=poststop --since=2026-01-31 <<'END'
<
> {"parameters":{}}
END
expect_status 0
expect_file calls <<'END'
{"method":"io.hookd.status.List","parameters":{"stage":"poststop","sinceUSec":1769817600000000,"limit":100}}
END
expect_empty out
expect_file err <<'END'
No run matches
END

play "nothing runs" ls <<'END'
<
> {"parameters":{}}
<
> {"parameters":{}}
END
expect_status 0
expect_empty out
expect_file err <<'END'
Nothing runs; try hookctl ps -a
END

play "and --quiet does not say so" ps -q <<'END'
<
> {"parameters":{}}
<
> {"parameters":{}}
END
expect_status 0
expect_empty out
expect_empty err

play "ps says that there are more" ps -n 1 <<END
<
> {"parameters":{"runs":[$(row r1 done '"outcome":"lost",' 1000000)],"hasMore":true}}
END
expect_in calls '"limit":1}'
expect_in out 'lost #0/2 h0'
expect_file err <<'END'
The newest 1 of more; -n 0 shows all
END

play "lists for programs are whole" ps -aq <<END
<
> {"parameters":{"runs":[$(row r2 done '' 2000000)],"hasMore":true}}
<
> {"parameters":{"runs":[$(row r1 done '' 1000000)]}}
END
expect_status 0
expect_file calls <<'END'
{"method":"io.hookd.status.List"}
{"method":"io.hookd.status.List","parameters":{"before":"r2"}}
END
printf 'r2\nr1\n' >want
expect_file out <want

play "a page whose first run was forgotten is the end" ps -aq <<END
<
> {"parameters":{"runs":[$(row r2 done '' 2000000)],"hasMore":true}}
<
> {"error":"io.hookd.status.NoSuchRun","parameters":{"run":"r2"}}
END
expect_status 0
printf 'r2\n' >want
expect_file out <want

play "ps by a template" ps -a --format='{{.run}}\t{{.STATUS}}\t{{.time}}\t{{.container}}' <<END
<
> {"parameters":{"runs":[$(row r1 done '"outcome":"failed","hookOutcome":"timed_out",' 1000000)]}}
END
printf 'r1\ttimed out #0/2 h0\t2.5s\tc\033\n' >want
expect_file out <want

play "ps of an outcome, in json" -j ps --outcome=failed <<END
<
> {"parameters":{"runs":[$(row r1 done '"outcome":"failed",' 1000000)]}}
END
expect_status 0
expect_in calls '"outcome":"failed"'
printf '%s\n' "[$(row r1 done '"outcome":"failed",' 1000000)]" >want
expect_file out <want

play "no runs are an empty array" --json=pretty ps -a <<'END'
<
> {"parameters":{}}
END
echo '[]' >want
expect_file out <want
expect_empty err

# Beyond 2^63-1, which hookd writes as a string, the largest number is shown.
big='{"run":"0123456789ab","state":"done","uid":18446744073709551615,"hook":18446744073709551613,"hooks":"18446744073709551615","pid":18446744073709551615,"submittedUSec":18446744073709551615,"durationUSec":18446744073709551615}'
play "ps shows numbers up to 2^64-1" --no-legend ps -a <<END
<
> {"parameters":{"runs":[$(row r2 done '' 1000000),$big]}}
END
expect_status 0
expect_in out '106751991d 4h  done #9223372036854775807/18446744073709551615'

play "ps prints numbers up to 2^64-1 in json" --json=short ps -a <<END
<
> {"parameters":{"runs":[$(row r2 done '' 1000000),$big]}}
END
expect_status 0
printf '%s\n' "[$big,$(row r2 done '' 1000000)]" >want
expect_file out <want

# ---- without the usual descriptors ----

# A socket that got the number of stderr would be sent the message.
for closed in '<&-' '>&-' '2>&-' '<&- >&- 2>&-'; do
	name="started with $closed"
	cat >script <<'END'
<
> {"error":"io.hookd.hooks.NoSuchRun","parameters":{"run":"0123456789ab"}}
end
END
	"$answer" script calls sh -c "exec \"\$0\" \"\$@\" $closed" "$hookctl" cancel 0123456789ab >out 2>err
	status=$?
	[ "$status" -ne 99 ] && [ "$status" -ne 0 ] || fail "exit $status: $(cat err)"
done

# ---- the others ----

play "inspect" inspect 0123 <<END
$(found)
<
> {"parameters":{"runs":[]}}
<
> {"parameters":{"run":$(row 0123456789ab done '"outcome":"failed",' 1769860800000000),"result":$failed,"request":{"x":18446744073709551615}}}
END
expect_status 0
expect_in calls '{"runPrefix":"0123","limit":2}'
expect_in calls '"io.hookd.status.Get","parameters":{"run":"0123456789ab"}'
expect_in out 'Submitted: Sat 2026-01-31 12:00:00 UTC'
expect_in out 'Container: c\x1b'
expect_in out 'o\x07ops'

play "inspect in json keeps numbers of any size" --json=short show 0123456789ab <<END
$(found)
<
> {"parameters":{"run":$(row 0123456789ab done '' 1),"request":{"x":18446744073709551615}}}
END
expect_in out '"request":{"x":18446744073709551615}'

play "inspect shows numbers up to 2^64-1" inspect 0123456789ab <<END
$(found)
<
> {"parameters":{"run":$big,"result":$(result failed '' "$(hook 0 exited true '"exitStatus":0,"pid":7,' | sed 's/"stdoutBytes":0/"stdoutBytes":"18446744073709551615"/')")}}
END
expect_status 0
expect_in out '294247-01-10 04:00:54 UTC by uid 9223372036854775807'
expect_in out ', 106751991d 4h'
expect_in out '15E      0B'

play "a prefix of two runs" inspect 0123 <<'END'
<
> {"parameters":{"runs":[{"run":"0123456789ab"},{"run":"0123456789ff"}]}}
END
expect_status 2
expect_file err <<'END'
hookctl: '0123': more than one run: 0123456789ab, 0123456789ff
END

play "the run of a container that is not done" inspect web --stage=poststop <<END
<
> {"parameters":{"runs":[{"run":"r1","container":"web"}]}}
<
> {"parameters":{"runs":[{"run":"r2","container":"web"}]}}
<
> {}
<
> {"parameters":{"run":$(row r2 running '' 1)}}
END
expect_status 0
expect_in calls '{"container":"web","stage":"poststop","state":"running","limit":2}'
expect_in calls '{"run":"r2"}'

play "a container of several runs, to be waited for" wait web <<'END'
<
> {"parameters":{"runs":[{"run":"r1","container":"web"}]}}
<
> {}
<
> {}
<
> {"parameters":{"runs":[{"run":"r1","container":"web"},{"run":"r2","container":"web"}]}}
END
expect_status 2
expect_file err <<'END'
hookctl: web: the container has several runs
Hint: hookctl ps -a --container=web
END

play "a container of several runs" inspect web <<END
<
> {"parameters":{"runs":[{"run":"r1","container":"web"}]}}
<
> {}
<
> {}
<
> {"parameters":{"runs":[{"run":"r2","container":"web"},{"run":"r1","container":"web"}]}}
<
> {"parameters":{"run":$(row r2 done '' 1)}}
END
expect_status 0
expect_in out 'Run: r2'
expect_file err <<'END'
r2: the newest of several runs of web
Hint: hookctl ps -a --container=web
END

for verb in cancel wait inspect logs plot; do
	play "$verb of what is a container and a prefix of a run" $verb 0123 <<END
$(found)
<
> {"parameters":{"runs":[{"run":"fedcba987654","container":"0123"}]}}
END
	expect_status 2
	expect_file err <<'END'
hookctl: '0123': both the container 0123 and the run 0123456789ab
Hint: hookctl ps -a --container=0123
END
done

play "cancel takes no prefix of a container" cancel we <<'END'
<
> {"parameters":{"runs":[]}}
END
expect_status 125
expect_in err 'no such run or container: we'

play "cancel" kill 0123456789ab <<END
$(found)
<
> {"parameters":{"run":$(row 0123456789ab running '' 1)}}
<
> {}
END
expect_status 0
expect_file out <<'END'
Cancelled 0123456789ab
END
expect_in calls '"io.hookd.hooks.Cancel","parameters":{"run":"0123456789ab"}'

play "cancel of what is done" cancel 0123456789ab <<END
$(found)
<
> {"parameters":{"run":$(row 0123456789ab done '"outcome":"failed",' 1)}}
<
> {}
END
expect_status 0
expect_file out <<'END'
0123456789ab was done already
END

play "a run that is not there" inspect 9999 <<'END'
<
> {}
<
> {}
<
> {}
END
expect_status 125
expect_file err <<'END'
hookctl: no such run or container: 9999
Hint: hookctl ps -a
END

play "wait for a time" wait 0123456789ab --timeout=0.05 <<END
$(found)
<
end
END
expect_status 124
expect_file err <<'END'
hookctl: 0123456789ab: not done after 0.05 s
Hint: hookctl inspect 0123456789ab
END

play "ping" ping <<'END'
<
> {}
END
expect_status 0
expect_empty out
expect_file calls <<'END'
{"method":"io.hookd.control.Ping"}
END

# There is no such process to wait for.
play "drain" drain <<'END'
<
> {"parameters":{"version":"0.1.0","pid":2147483647,"uptimeUSec":6,"state":"running","running":1,"queued":2,"connections":3,"stored":4,"features":[],"kernelFeatures":{}}}
<
> {"continues":true,"parameters":{"running":3}}
> {"continues":true,"parameters":{"running":1}}
> {"parameters":{"running":0}}
END
expect_status 0
expect_in calls '"io.hookd.control.Drain","more":true'
expect_file out <<'END'
hookd ends after 3 runs
END
expect_empty err

play "drain, but hookd is killed" drain <<'END'
<
> {"parameters":{"version":"0.1.0","pid":2147483647,"uptimeUSec":6,"state":"running","running":1,"queued":2,"connections":3,"stored":4,"features":[],"kernelFeatures":{}}}
<
> {"continues":true,"parameters":{"running":3}}
> {"continues":true,"parameters":{"running":2}}
close
END
expect_status 125
expect_file err <<'END'
hookctl: hookd has ended before 2 runs were done
Hint: hookctl ps, when there is a hookd again
END

play "reload" reload <<'END'
<
> {"parameters":{"files":["/etc/hookd/hookd.conf"]}}
END
expect_status 0
expect_file out <<'END'
Reloaded /etc/hookd/hookd.conf
END

play "a configuration that is wrong" reload <<'END'
<
> {"error":"io.hookd.control.ConfigError","parameters":{"file":"/etc/hookd/hookd.conf","line":12,"key":"MaxRuns","reason":"not a number"}}
END
expect_status 1
expect_empty out
expect_file err <<'END'
hookctl: /etc/hookd/hookd.conf:12: MaxRuns: not a number; the old configuration is kept
END

play "the log level is set" log-level debug <<'END'
<
> {}
END
expect_status 0
expect_in calls '"level":"debug"'
expect_in out 'Log level debug'

play "metrics" metrics --format=openmetrics <<'END'
<
> {"parameters":{"text":"a 1\n# EOF\n"}}
END
expect_status 0
expect_in calls '"format":"openmetrics"'
printf 'a 1\n# EOF\n' >want
expect_file out <want

play "summary, slowest first" --no-legend summary --path='net-*' <<'END'
<
> {"parameters":{"runs":3,"paths":[{"path":"/a","stage":"poststop","runs":9,"failures":0,"timeouts":1,"p50USec":4000,"p90USec":5,"p99USec":6,"maxUSec":7},{"path":"/b\u001b","stage":"poststop","runs":1,"failures":1,"timeouts":0,"p50USec":4,"p90USec":5,"p99USec":2100000,"maxUSec":7}]}}
END
expect_status 0
expect_in calls '"path":"net-*"'
expect_file out <<'END'
/b\x1b  poststop  1  1  0  4us  5us  2.1s
/a      poststop  9  0  1  4ms  5us   6us
END

play "status" status <<'END'
<
> {"parameters":{"version":"0.1.0","pid":7,"uptimeUSec":65000000,"startedUSec":1769860800000000,"state":"running","running":1,"queued":2,"connections":3,"stored":4,"logLevel":"info","configFiles":["/etc/hookd/hookd.conf"],"configError":{"file":"/etc/hookd/hookd.conf","line":3,"reason":"no\u001b"},"lastHour":{"runs":9,"failed":1,"timedOut":2,"lost":0,"refused":0},"features":["seccomp","rdt"],"dropped":{"history":3},"history":{"state":"failing","error":"it is locked by process 5"},"kernelRelease":"6.1","kernelFeatures":{"cgroup2":true,"resctrl":false}}}
END
expect_status 0
expect_file out <<'END'
* hookd 0.1.0 running, pid 7, since Sat 2026-01-31 12:00:00 UTC
   Config: /etc/hookd/hookd.conf, log level info
  Mistake: /etc/hookd/hookd.conf:3: no\x1b; the old configuration holds
     Runs: 1 running, 2 queued, 4 kept, 3 connections
Last hour: 1 failed, 2 timed out, 0 lost, 0 refused, since the start
 Features: seccomp, rdt
   Kernel: 6.1 +cgroup2 -resctrl
  History: failing: it is locked by process 5, 3 runs are missing
END

play "status of a hookd that runs for longer" status <<'END'
<
> {"parameters":{"version":"0.1.0","pid":7,"uptimeUSec":3600000000,"state":"running","running":1,"queued":2,"connections":3,"stored":4,"lastHour":{"runs":9,"failed":1,"timedOut":2,"lost":0,"refused":0},"features":[],"kernelFeatures":{}}}
END
grep -q '^Last hour: 1 failed, 2 timed out, 0 lost, 0 refused$' out || fail "not the last hour: $(cat out)"

# ---- logs, events ----

output() { # INDEX STREAM OFFSET DATA
	printf '> {"parameters":{"event":"output","timeUSec":1769860800000000,"run":%s,' "$(row 0123456789ab running '' 1)"
	printf '"detail":{"index":%d,"stream":"%s","offset":%d,"data":"%s"}},"continues":true}\n' "$@"
}
two=$(result failed '' "$(hook 0 exited true '"exitStatus":0,"pid":5,"stdout":"a\nb\u001b\n","stderr":"err\n",' | sed 's/"stdoutBytes":0/"stdoutBytes":5/; s/"stderrBytes":0/"stderrBytes":4/'),$(hook 1 timed_out false '"pid":6,"stdout":"c",' | sed 's/"stdoutBytes":0/"stdoutBytes":1/')")

play "logs keep the streams apart" logs 0123456789ab <<END
$(found)
$(details "$two" failed)
END
expect_status 0
printf '==> poststop #0 h0, succeeded <==\na\nb\033\n\n==> poststop #1 h1, timed out <==\nc' >want
expect_file out <want
printf 'err\n' >want
expect_file err <want

play "one stream, without headings, the last line" -q logs 0123456789ab --stream=stdout -n 1 <<END
$(found)
$(details "$two" failed)
END
printf 'b\033\nc' >want
expect_file out <want
expect_empty err

play "logs as json" -j logs 0123456789ab --stream=stdout <<END
$(found)
$(details "$two" failed)
END
expect_file out <<'END'
{"run":"0123456789ab","stage":"poststop","index":0,"stream":"stdout","offset":0,"data":"a\nb\u001b\n"}
{"run":"0123456789ab","stage":"poststop","index":1,"stream":"stdout","offset":0,"data":"c"}
END

play "logs that are not there" logs 0123456789ab <<END
$(found)
$(details "$(result succeeded '' "$(hook 0 exited true '"exitStatus":0,"pid":5,')")" succeeded)
END
expect_status 0
expect_empty out
expect_file err <<'END'
No output
END

# What Get has shown is not shown again, and what is missing is said.
play "logs -f goes on where the output was" logs -f 0123456789ab <<END
$(found)
<
> {"parameters":{"run":$(row 0123456789ab running '' 1 | sed 's/"hooks":2/"hooks":1/'),"progress":{"hooks":[$(hook 0 running false '"pid":5,"stdout":"one ",' | sed 's/"stdoutBytes":0/"stdoutBytes":4/')]}}}
<
$(output 0 stdout 0 'one ')
$(output 0 stdout 2 'e two')
$(output 0 stdout 1031 '\nthree')
> {"parameters":{"event":"done","timeUSec":1769860800000000,"run":$(row 0123456789ab done '"outcome":"succeeded",' 1)}}
END
expect_status 0
expect_in calls '"output":true'
printf 'one two\n[1.0K left out]\n\nthree' >want
expect_file out <want

play "events" events --since=2026-01-31 --failed <<END
<
> {"parameters":{"event":"submitted","timeUSec":1769860800000000,"run":$(row 0123456789ab queued '' 1)},"continues":true}
> {"parameters":{"event":"started","timeUSec":1769860800001000,"run":$(row 0123456789ab running '' 1),"detail":{"index":0,"pid":7}},"continues":true}
> {"parameters":{"event":"finished","timeUSec":1769860800002000,"run":$(row 0123456789ab running '' 1),"detail":{"index":0,"hook":$(hook 0 exited false '"exitStatus":3,"pid":7,"durationUSec":5000,')}},"continues":true}
> {"parameters":{"event":"done","timeUSec":1769860800002000,"run":$(row 0123456789ab done '"outcome":"failed","hookOutcome":"exited","exitStatus":3,' 1 | sed 's,/h0,/h\\u001b0,')},"continues":true}
> {"parameters":{"event":"dropped","timeUSec":1769860800002000,"detail":{"dropped":5}},"continues":true}
> {"error":"io.hookd.hooks.Refused","parameters":{"reason":"no"}}
END
expect_status 125
expect_in calls '{"failed":true,"sinceUSec":1769817600000000}'
expect_file out <<'END'
Jan 31 12:00:00.000 0123456789ab c\x1b poststop submitted, 2 hooks
Jan 31 12:00:00.001 0123456789ab c\x1b poststop #0 h0 started, pid 7
Jan 31 12:00:00.002 0123456789ab c\x1b poststop #0 h0 failed (3), 5ms
Jan 31 12:00:00.002 0123456789ab c\x1b poststop done: failed (3) #0/2 h\x1b0, 2.5s
Jan 31 12:00:00.002 dropped, 5 events
END

play "events until a time in the past" events --since=2026-01-31 --until='2026-01-31 12:00' <<END
<
> {"parameters":{"event":"submitted","timeUSec":1769860800000000,"run":$(row 0123456789ab queued '' 1)},"continues":true}
> {"parameters":{"event":"end","timeUSec":1769860800000000}}
END
expect_status 0
expect_in calls '{"sinceUSec":1769817600000000,"untilUSec":1769860800000000}'
expect_file out <<'END'
Jan 31 12:00:00.000 0123456789ab c\x1b poststop submitted, 2 hooks
END
expect_empty err

alone "events until before they begin" events --until=2026-01-31
expect_status 2
expect_file err <<'END'
hookctl: events: --until=2026-01-31: is in the past, and without --since they begin now
Hint: hookctl events --since=yesterday --until=2026-01-31
END
alone "events until before since" events --since=2026-02-01 --until=2026-01-31
expect_status 2
expect_file err <<'END'
hookctl: events: --until=2026-01-31 is before --since=2026-02-01
END

play "events by a template" events --format='{{.event}} {{.run.run}}' --stage=poststop <<END
<
> {"parameters":{"event":"submitted","timeUSec":1769860800000000,"run":$(row 0123456789ab queued '' 1)},"continues":true}
> {"error":"io.hookd.hooks.Refused","parameters":{"reason":"no"}}
END
expect_file out <<'END'
submitted 0123456789ab
END

# ---- plot ----

# Ten pages of runs, and an older one that is not asked for.
one_run=$(row 0123456789ab done '"outcome":"succeeded",' 1769860800000000)
page=$(for _ in $(seq 100); do printf ',%s' "$one_run"; done)
gets=$(for _ in $(seq 100); do printf '<\n> {"parameters":{"run":%s,"result":%s}}\n' "$one_run" "$good"; done)
play "plot draws the newest runs of many" plot c1 -o many.svg <<END
<
> {"parameters":{"runs":[{"run":"0123456789ab","container":"c1"}]}}
$(for _ in $(seq 10); do printf '<\n> {"parameters":{"runs":[%s],"hasMore":true}}\n%s\n' "${page#,}" "$gets"; done)
<
> {"parameters":{"runs":[$one_run]}}
<
> {"parameters":{"version":"0.1.0","pid":7,"uptimeUSec":6,"state":"running","running":1,"queued":2,"connections":3,"stored":4,"features":[],"kernelFeatures":{}}}
END
expect_status 0
expect_file err <<'END'
The newest 1000 runs of more
END
[ "$(grep -c io.hookd.status.Get\" calls)" -eq 1000 ] || fail "not 1000 calls of Get"

# ---- a full disk ----

# More than stdio keeps, so that the write fails while the reply is shown, and less.
many=$(for i in $(seq 100); do printf ',%s' "$(row "r$i" done '"outcome":"failed",' 1000000)"; done)
for words in "ps -a" "--json=short ps -a" "--json=short holdings" "inspect 0123456789ab" status; do
	name="stdout is full: $words"
	found=
	case $words in
	*ps*) reply="\"runs\":[${many#,}]" ;;
	*holdings) reply="\"containers\":{\"c\":{\"x\":\"$(printf '%9000s' x)\"}}" ;;
	inspect*)
		found=$(found)
		reply="\"run\":$(row 0123456789ab done '"outcome":"failed",' 1000000)"
		;;
	status) reply='"version":"0.1.0","pid":7,"uptimeUSec":6,"state":"running","running":1,"queued":2,"connections":3,"stored":4,"features":[],"kernelFeatures":{}' ;;
	esac
	printf '%s%s<\n> {"parameters":{%s}}\n' "$found" "${found:+
}" "$reply" >script
	"$answer" script calls "$hookctl" $words >/dev/full 2>err </dev/null
	status=$?
	expect_status 125
	echo 'hookctl: write error: No space left on device' >want
	expect_file err <want
done

# ---- without a daemon ----

alone "nobody answers" ping
expect_status 125
expect_empty out
expect_file err <<END
hookctl: cannot connect to $dir/nobody: No such file or directory
Hint: hookd --socket=$dir/nobody
END

alone "a verb that is mistyped" -q pss
expect_status 2
expect_file err <<'END'
hookctl: unknown verb 'pss', did you mean 'ps'?
END

alone "an option before its verb" --stage=birth ps
expect_status 2
expect_in err "ps: --stage=birth: not one of prestart|"

alone "a word too many" release web
expect_status 2
expect_in err "release: 'web': did you mean --container=web?"

alone "nobody runs it" run $run_options
expect_status 125

alone "help" --help
expect_status 0
expect_in out delegate
expect_empty err

alone "help of a verb" run --help
expect_status 0
expect_in out --on-disconnect

alone "version" --version
expect_status 0
expect_in out hookctl

for words in "" "fly" "run" "wait" "wait a b" "ps --since=soon" "ps --stage=birth" "ping --all" \
	"--address=tcp:x ping" "delegate --shim=rel" "ps -n x" "ps --watch=x" "log-level loud" "events --until=1h" "summary --sort=name" "logs" "logs a b" "wait a --timeout=soon" "delegate --timeout=0" "delegate --timeout=1x" \
	"run --stage=poststop --state=none.json --hooks=config.json" \
	"run --stage=poststop --state=- --hooks=-" \
	"apply --pid=1 --settings=settings.json" "apply --container=c --settings=settings.json" \
	"apply --container=c --pid=1" "apply --container=c --pid=0 --settings=settings.json" \
	"apply --container=c --pid=1x --settings=settings.json" \
	"apply --container=c --pid=-1 --settings=settings.json" \
	"apply --container=c --pid=2147483648 --settings=settings.json" \
	"apply --container=c --pid=1 --settings=none.json" \
	"apply --container=c --pid=1 --settings=settings.json --cgroup-manager=me" \
	"apply --container=$(printf '\377') --pid=1 --settings=settings.json" \
	"update --container=c" "update --settings=settings.json" \
	"update --container=c --pid=1 --settings=settings.json" \
	"release" "release c" "release --container=$(printf '\377')" "holdings c" \
	"seccomp" "seccomp none.json" "seccomp profile.json more" "seccomp config.json"; do
	alone "usage: $words" $words
	expect_status 2
	expect_empty out
	expect_in err 'hookctl: '
done

alone "help" help
expect_status 0
expect_in out 'hookctl [OPTIONS] VERB'
alone "help of a verb" help ps
expect_status 0
expect_in out 'hookctl ps [OPTIONS]: '
alone "a number that belongs to --watch" ps --watch 1
expect_status 2
expect_in err "did you mean --watch=1?"
for verb in inspect wait cancel logs plot; do
	alone "no name: $verb" $verb ''
	expect_status 2
	expect_in err "hookctl: '': not a run or a container"
done

alone "stdout is full" --help
HOOKD_ADDRESS=unix:$dir/nobody "$hookctl" --help >/dev/full 2>err
status=$?
expect_status 125

# It may be there on the machine of the container.
touch no-program
mkdir -p directory
list='{"hooks":{"prestart":[{"path":"/a"}]}}'
for shim in "$dir/none/shim" "$dir/no-program" "$dir/directory"; do
	name="delegate with the shim $shim"
	echo "$list" | "$hookctl" delegate --shim="$shim" >out 2>err
	status=$?
	expect_status 0
	expect_in out "\"path\":\"$shim\""
	expect_in err "hookctl: warning: the shim $shim cannot be executed on this machine"
	"$hookctl" delegate --shim="$shim" <out >again 2>err
	expect_in err "hookctl: warning"
	expect_file again <out
	echo '{"hooks":{"startContainer":[]}}' | "$hookctl" delegate --shim="$shim" >out 2>err
	expect_empty err
done
name="delegate with a shim"
echo "$list" | "$hookctl" delegate --shim=/bin/sh >out 2>err
expect_empty err

# What a config is too large for, with its bound.
expect_too_large() { # WORDS, the config on stdin
	name="too large: $1"
	"$hookctl" delegate --shim=/bin/sh >out 2>err
	status=$?
	expect_status 2
	expect_empty out
	expect_in err "$1"
}
printf '{"x":"%4194304s"}' y | expect_too_large "more than 4194304 bytes"
printf '[%s0]' "$(printf '0,%.0s' $(seq 65536))" | expect_too_large "more than 65536 JSON values"
printf '{"annotations":{%s}}' "$(seq -f '"%g":""' -s , 4097)" |
	expect_too_large "more than 4096 members in an object"

# Line and column, and the name that other verbs give stdin.
expect_wrong() { # PLACE-AND-REASON, the config on stdin
	name="delegate of what is wrong: $1"
	"$hookctl" delegate --shim=/bin/sh >out 2>err
	status=$?
	expect_status 2
	expect_empty out
	expect_file err <<END
hookctl: -:$1
END
}
printf '{"a"\n 1}' | expect_wrong "2:2: a colon is expected"
printf '{"hooks":{\n"prestart":[{"path":"x"}]}}' | expect_wrong "2:21: hooks.prestart[0].path: must be an absolute path"

for words in --help --version 'ps --help' 'validate config.json'; do
	alone "stdout is closed: $words" $words
	[ "$status" -le 1 ] || fail "exit $status: $(cat err)"
	"$hookctl" $words >&- 2>err </dev/null
	status=$?
	expect_status 125
	expect_file err <<END
hookctl: write error: Bad file descriptor
END
done
name="stdout is closed: ps"
printf '<\n> {"parameters":{"runs":[%s]}}\n' "${many#,}" >script
"$answer" script calls sh -c 'exec "$0" ps -a >&-' "$hookctl" 2>err </dev/null
status=$?
expect_status 125
expect_in err 'hookctl: write error: Bad file descriptor'

name="stdout is full: delegate"
printf '{"x":"%9000s"}' y | "$hookctl" delegate --shim=/bin/sh >/dev/full 2>err
status=$?
expect_status 125
expect_in err 'hookctl: write error: No space left on device'

[ "$failures" -eq 0 ] && echo "all passed"
exit $((failures > 0))
