#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# hookctl's verbs about runs with a real hookd: tables in terminals of 80 and 40 columns and in pipes,
# exit codes, what is followed over a restart of hookd. Usage: test_hookctl.sh HOOKD HOOKCTL
. "$(dirname "$0")/lib.sh"

configure
start_hookd || exit 1

# ---- what another hookd has ----

exits "a second hookd at the socket" 1 timeout 20 "$hookd" --socket="$work/hookd.sock" --log-target=stderr
contains "is told who has it, and what to do" "$work/err" \
	"$work/hookd.sock is in use by hookd, pid $daemon: stop that one, or choose another --socket"
exits "a second hookd in the state directory" 1 timeout 20 "$hookd" --socket="$work/other.sock" \
	--state-dir="$work/state" --log-target=stderr
contains "is told so, too" "$work/err" \
	"$work/state is in use by hookd, pid $daemon: stop that hookd, or choose another --state-dir"
touch "$work/file"
exits "a file at the socket's path" 1 timeout 20 "$hookd" --socket="$work/file" --log-target=stderr
contains "is no socket" "$work/err" "cannot listen on $work/file: the file there is no socket; remove it"
is "and is left alone" "$(stat -c %F "$work/file")" 'regular empty file'

# ---- a history ----

request web createRuntime 30 'exit 0' 'echo no address left >&2; exit 3' 'exit 0'
exits "a hook fails" 1 hookctl run $(options web createRuntime)
contains "the failing hook is named" "$work/out" 'failed (3) #1/3 sh'
contains "with what it has written" "$work/out" 'no address left'
request db poststop 1 'sleep 60'
exits "a hook times out" 124 hookctl run $(options db poststop)
request none poststop 30 'exit 0'
sed -i 's,/bin/sh,/no/such,' "$work/none-hooks.json"
exits "a hook is not started" 126 hookctl run $(options none poststop)
request container-with-a-long-name poststop 30 'echo fine'
exits "a hook succeeds" 0 hookctl run $(options container-with-a-long-name poststop)
mkfifo "$work/go"
request slow poststart 300 "echo waiting for lock; read -r line < $work/go; echo done waiting"
"$hookctl" run $(options slow poststart) > "$work/slow.out" 2> "$work/slow.err" &
slow=$!
until_true is_running slow

# ---- ps ----

hookctl ps > "$work/out"
is "ps shows what runs" "$(sed 1d "$work/out" | awk '{ print $2, $3, $6, $7, $8 }')" 'slow poststart running #0/1 sh'
hookctl ps -a --no-legend | sed -E 's/^[0-9a-f]{12}  //; s/ +[0-9]+(s|min) +[^ ]+  / | /; s/  +/ /' > "$work/out"
is "ps -a tells how each run is" "$(cat "$work/out")" "\
slow poststart | running #0/1 sh
container-with-a-long-name poststop | succeeded, 1 hook
none poststop | failed (ENOENT: not started) #0/1 such
db poststop | timed out #0/1 sh
web createRuntime | failed (3) #1/3 sh"
containers() { hookctl ps "$@" --format='{{.container}}' | paste -sd ' '; }
is "failed ones" "$(containers --failed)" 'none db web'
is "timed out ones" "$(containers --outcome=timed_out)" 'db'
is "by path" "$(containers -a --path=such)" 'none'
is "by state" "$(containers --state=running)" 'slow'
is "by a prefix of the container" "$(containers -a --container=contain)" 'container-with-a-long-name'
is "until a time" "$(containers --until=1h)" ''
is "since a time" "$(containers --since=1h --stage=poststart)" 'slow'
is "a list in JSON is an array" "$(hookctl -j ps -a | jq -r 'map(.container) | length')" 5
is "ids alone" "$(hookctl ps -aq | grep -cE '^[0-9a-f]{12}$')" 5
hookctl ps -an 2 > "$work/out" 2> "$work/err"
is "a limit" "$(wc -l < "$work/out")" 3
contains "says that there are more" "$work/err" 'The newest 2 of more; -n 0 shows all'

screen 80 24 "$hookctl ps -a" > "$work/screen"
is "80 columns: a row each" "$(wc -l < "$work/screen")" 6
matches "80 columns: long names are cut" "$work/screen" 'container-w… *poststop .*succeeded, 1 hook'
screen 40 24 "$hookctl ps -a" > "$work/screen"
is "40 columns: a row each" "$(wc -l < "$work/screen")" 6
is "40 columns: columns are left out" "$(head -n 1 "$work/screen")" 'RUN           CONTAI…  STAGE    STATUS'
on_terminal "$hookctl ps -a" > "$work/out"
contains "colours on a terminal" "$work/out" $'\e[31mtimed out'
on_terminal "env NO_COLOR=1 $hookctl ps -a" > "$work/out"
is "and not with NO_COLOR" "$(grep -c $'\e' "$work/out")" 0
on_terminal "stty rows 4; PAGER='sed s/^/paged:/' $hookctl ps -a" > "$work/out"
is "long output is paged" "$(grep -c '^paged:' "$work/out")" 6
on_terminal "stty rows 4; PAGER='sed s/^/paged:/' $hookctl --no-pager ps -a" > "$work/out"
is "but not with --no-pager" "$(grep -c '^paged:' "$work/out")" 0

# ---- one run ----

run=$(hookctl ps -q --container=slow)
hookctl inspect slow > "$work/out"
matches "inspect of a running hook" "$work/out" "Status: running #0/1 sh, pid [0-9]*, .* of 5min"
contains "with its output so far" "$work/out" 'waiting for lock'
is "by a prefix of its id" "$(hookctl inspect "${run:0:6}" --format='{{.run.container}}')" slow
exits "what is not there" 125 hookctl inspect nobody
contains "is said with what to do" "$work/err" 'Hint: hookctl ps -a'
exits "wait gives up after a time" 124 hookctl wait slow --timeout=0.1
(hookctl logs web --stage=createRuntime) > "$work/out" 2> "$work/err"
is "logs: headings" "$(sed -E 's/; [0-9a-f]{12}, ... 20..-..-.. ..:..:.. UTC / /' "$work/out")" '==> createRuntime #1 sh, failed (3) <=='
matches "logs: headings of a container name the run" "$work/out" "; $(hookctl ps -aq --container=web --stage=createRuntime), ... 20"
is "logs: stderr stays there" "$(cat "$work/err")" 'no address left'
is "logs: as JSON" "$(hookctl -j logs web | jq -r '"\(.stage) \(.index) \(.stream) \(.data)"')" \
	"createRuntime 1 stderr no address left"
exits "nothing was written" 0 hookctl logs none
contains "which is said" "$work/err" 'No output'

script -qec "$hookctl wait slow" /dev/null < /dev/null > "$work/tty" &
waiter=$!
until_true grep -qs 'slow poststart #0/1 sh, .* of 5min: waiting for lock' "$work/tty"
ok "wait shows the progress on a terminal"

# ---- followed over a restart of hookd ----

"$hookctl" events --since=1h > "$work/events" &
events=$!
"$hookctl" logs -f "$run" > "$work/logs" 2> "$work/err" &
logs=$!
others="$events $logs $waiter"
until_true grep -q 'waiting for lock' "$work/logs"
until_true grep -q 'slow poststart #0 sh started' "$work/events"
kill -KILL "$daemon"
wait "$daemon" 2> /dev/null
start_hookd || exit 1
echo > "$work/go"
wait $logs
is "logs -f ends with the run" $? 0
is "and has each line once" "$(cat "$work/logs")" $'waiting for lock\ndone waiting'
wait $slow
is "run ends as well" $? 0
wait $waiter
is "and wait" $? 0
until_true grep -q 'slow poststart done: succeeded, 1 hook' "$work/events"
is "events have each event once" "$(grep -c 'slow poststart' "$work/events")" 4
matches "and failures" "$work/events" 'web createRuntime #1 sh failed \(3\), '
kill $events
wait $events
others=

until=$(hookctl -j inspect db | jq -r '(.run.submittedUSec + .run.durationUSec) / 1000000 + 0.5 | floor + 1')
timeout 20 "$hookctl" events --since=1h --until="$until" > "$work/out"
is "events until a time in the past end" $? 0
matches "with what was before" "$work/out" 'db poststop #0 sh timed out'
is "and not what came later" "$(grep -c 'slow poststart done' "$work/out")" 0
# With --since, since a machine that is busy may come to it only when the time has passed.
until=$(($(date +%s) + 1))
timeout 20 "$hookctl" events --since=1h --until=$until > "$work/out"
is "and until a time that comes" $? 0
is "which has come then" $(($(date +%s) >= until)) 1

# ---- a container is followed ----

timeout 20 "$hookctl" logs -f db > "$work/out" 2> "$work/err"
is "logs -f of a container whose poststop is done ends" $? 0
contains "and says why" "$work/err" 'db: poststop is done, nothing else is to come'
exits "of one of which nothing is known" 125 timeout 20 "$hookctl" logs -f nobody
contains "that is said" "$work/err" 'no such run or container: nobody'
# One that was made again under its name.
request pod poststop 30 'echo before'
hookctl run $(options pod poststop) > "$work/out"
request pod createRuntime 30 'echo one'
hookctl run $(options pod createRuntime) > "$work/out"
timeout 120 "$hookctl" logs -f pod > "$work/logs" 2> "$work/err" &
logs=$!
timeout 120 "$hookctl" logs -f pod --stage=poststart > "$work/of-stage" 2> "$work/err2" &
of_stage=$!
others="$logs $of_stage"
until_true grep -qx one "$work/logs"
request pod poststart 30 'echo two'
hookctl run $(options pod poststart) > "$work/out"
until_true grep -qx two "$work/of-stage"
until_true grep -qx two "$work/logs"
is "it goes on after a run" "$(kill -0 $logs && kill -0 $of_stage && echo yes)" yes
request pod poststop 30 'echo three'
hookctl run $(options pod poststop) > "$work/out"
wait $logs
is "until poststop is done" $? 0
is "with all that was written" "$(grep -v '^==>\|^$' "$work/logs" | paste -sd ' ')" 'before one two three'
wait $of_stage
is "that of one stage, too" "$? $(grep -v '^==>\|^$' "$work/of-stage" | paste -sd ' ')" '0 two'
others=

# ---- Ctrl-C, cancel ----

request slow poststart 300 'sleep 300'
"$hookctl" run $(options slow poststart) > "$work/out" 2> "$work/err" &
slow=$!
until_true is_running slow
run=$(hookctl ps -q)
# A job in the background ignores SIGINT until hookctl handles it.
until_true grep -q 'SigCgt:.*[2367abef]$' "/proc/$slow/status"
kill -INT $slow
wait $slow
contains "Ctrl-C says that the run goes on" "$work/err" "goes on: hookctl wait $run"
is "which it does" "$(hookctl ps -q)" "$run"
is "cancel" "$(hookctl kill slow)" "Cancelled $run"
exits "a cancelled run is a failure" 1 hookctl wait "$run"
is "cancel of what is done" "$(hookctl cancel "$run")" "$run was done already"

# ---- the daemon ----

hookctl summary --sort=failed --no-legend > "$work/out"
is "summary" "$(awk '{ print $1, $2, $3, $4, $5 }' "$work/out" | head -n 1)" '/bin/sh createRuntime 3 1 0'
hookctl status > "$work/out"
matches "status" "$work/out" "^\* hookd .* running, pid $daemon, since"
hookctl metrics > "$work/out"
matches "metrics" "$work/out" '^hookd_build_info'
is "log level" "$(hookctl log-level debug; hookctl log-level)" $'Log level debug until the next reload\ndebug'
is "reload" "$(hookctl reload)" "Reloaded $work/hookd.conf"
printf '[Hooks]\nDefaultTimeoutSec=x\n' >> "$work/hookd.conf"
exits "a configuration that is wrong" 1 hookctl reload
matches "is named with its line" "$work/err" "hookctl: $work/hookd.conf:[0-9]*: .*; the old configuration is kept"
request late poststart 300 "echo > $work/late; sleep 300"
hookctl run $(options late poststart) > "$work/late.out" 2> "$work/late.err" &
late=$!
until_true test -e "$work/late"
hookctl drain > "$work/out" 2> "$work/err" &
drain=$!
until_true grep -q 'hookd ends after 1 run' "$work/out"
kill -KILL "$daemon"
wait "$daemon"
wait $drain
is "drain of a hookd that is killed fails" $? 125
contains "and says how much was left" "$work/err" 'hookctl: hookd has ended before 1 run was done'
configure
start_hookd || exit 1
is "its run goes on, and can be cancelled" "$(hookctl cancel late)" "Cancelled $(hookctl ps -aq --container=late)"
wait $late
is "which ends hookctl run" $? 1
exits "hookd ends" 0 hookctl drain
wait "$daemon"
daemon=
exits "and is not there" 125 hookctl ps
matches "with a hint" "$work/err" '^Hint: hookd --socket='
tap_end
