#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# In the guest: hookd whose runners are units of systemd, which go on when hookd ends.
. "$(dirname "$0")/setup.sh"
. "$here/hooks.sh"
. "$here/user.sh"

restarts=20 hooks=40   # at least

mkdir -p /run/systemd/system/hookd.service.d
printf '%s\n' '[Service]' WatchdogSec=5s TimeoutStopSec=2s \
	> /run/systemd/system/hookd.service.d/test.conf
runners=2
configure
install_hookd

# ---- helpers ----

# The units of runners, one a line.
units() {
	systemctl list-units --plain --no-legend 'hookd-runner@*' | awk '{ print $1 }'
}

unit_of() { # PID of a hook
	grep -o 'hookd-runner@[^/]*' "/proc/$1/cgroup"
}

pid_of_unit() { # UNIT
	systemctl show --value -p MainPID "$1"
}

has_units() { # COUNT
	[ "$(units | wc -l)" -eq "$1" ]
}

# The pid of the hook that start_hook() has started.
pid_of_hook() {
	cat "$work/began"
}

has_outcome() { # FILE; of an empty one jq -e says yes
	[ -s "$1" ] && jq -e .outcome "$1" > "$work/outcome-$container" 2>&1
}

# As a client does that attaches again by its request's id until it has a result: hookctl does so
# itself, for a minute.
insist_on_hook() { # REQUEST-ID SCRIPT; the result is in $work/result-$container.json
	local status result=$work/result-$container.json

	while true; do
		status=0
		run_hook "$2" 300 "--request-id=$1" > "$result" 2> "$result.err" || status=$?
		! has_outcome "$result" || return "$status"
	done
}

start_hook_with_pid() { # SCRIPT
	insist_on_hook "$container-$RANDOM" "echo \$\$ > $begun; $1" &
	hook=$!
	timeout 60 cat "$begun" > "$work/began"
}

# The hook that reads $go.
let_end() {
	timeout 60 sh -c "echo > $go"
}

result_of() { # CONTAINER JQ
	jq -r "$2" "$work/result-$1.json" | xargs
}

# ---- where runners are ----

test_start() {
	local unit pid cgroup runs

	check "a call starts hookd" hookctl ping
	is "with a unit for each runner" "$(units | wc -l)" 2
	is "which is not a part of hookd's" "$(systemctl show --value -p RequiredBy -p BoundBy \
		"$(units | head -n 1)" | xargs)" ''
	is "the socket of runners is there, for root alone" \
		"$(stat -c '%U %a %F' /run/hookd/runners.sock)" 'root 600 socket'
	pid=$(stdout_of_hook 'echo $PPID; cat /proc/self/cgroup' > "$work/said"; head -n 1 "$work/said")
	unit=$(unit_of "$pid")
	cgroup=$(grep ^0:: "$work/said")
	is "a hook is started by one of them" "$pid" "$(pid_of_unit "$unit")"
	runs=${cgroup%/*}
	is "in a run of its cgroup" "$runs" \
		"0::$(systemctl show --value -p ControlGroup "$unit")/runs"
	contains "with controllers" "/sys/fs/cgroup${runs#0::}/cgroup.subtree_control" memory
	contains "with controllers" "/sys/fs/cgroup${runs#0::}/cgroup.subtree_control" pids
	is "the runner is beside them" "$(grep ^0:: "/proc/$pid/cgroup")" "${runs%/runs}/daemon"
	exits_with "nobody starts one by hand" 4 systemctl start hookd-runner@1.service
}

test_surroundings() {
	local script='ulimit -Sn; ulimit -Hn; cat /proc/self/oom_score_adj; umask; nice'

	is "a hook has the usual limits" "$(stdout_of_hook "$script" | xargs)" \
		'1024 524288 0 0022 0'
	is "and nothing of the unit's environment" \
		"$(stdout_of_hook 'env | cut -d= -f1 | sort' | xargs)" 'PATH PWD'
	is "and no descriptor of the runner's" \
		"$(stdout_of_hook 'ls /proc/self/fd' | xargs)" '0 1 2 3'
}

# ---- hookd ends, hooks go on ----

# One hook after another until there is a file; each line of $work/ran is a hook that ran, and each of
# $work/ended one whose caller got its result.
run_hooks() { # CONTAINER
	local container=$1 i status

	for ((i = 0; ; i++)); do
		[ ! -e "$work/enough" ] || return 0
		status=0
		insist_on_hook "$1-$i" "echo $1-$i >> $work/ran; sleep 0.$((i % 4))" || status=$?
		echo "$1-$i $status" >> "$work/ended"
		[ "$status" -eq 0 ] || cat "$work/result-$1.json" >> "$work/wrong"
	done
}

# Fault 30.
test_restarts() {
	local i pids=() before

	before=$(units)
	# Children that hooks leave: one has their pipe and would get SIGPIPE, one has not.
	check "a hook leaves a child that writes to its output" run_hook \
		"setsid -f sh -c 'echo \$\$ > $work/writer; while echo alive; do sleep 0.1; done'"
	check "another one leaves one that does not" run_hook \
		"setsid -f sh -c 'echo \$\$ > $work/silent; exec sleep 1000' > /dev/null 2>&1"
	container=long start_hook_with_pid "cat $go; echo whole"
	touch "$work/wrong"
	for i in 1 2 3; do
		run_hooks "client-$i" &
		pids+=($!)
	done
	for ((i = 0; i < restarts || $(cat "$work/ran" 2> /dev/null | wc -l) < hooks; i++)); do
		systemctl restart hookd.service || not_ok "restart $i"
	done
	touch "$work/enough"
	wait "${pids[@]}"
	is "no hook fails while hookd is restarted again and again" "$(< "$work/wrong")" ''
	is "each of them has ended well" "$(awk '$2 != 0' "$work/ended")" ''
	is "each ran once" "$(sort "$work/ran" | xargs)" "$(cut -d' ' -f1 "$work/ended" | sort | xargs)"
	echo "# $(wc -l < "$work/ran") hooks, $i restarts"
	is "the runners are the same" "$(units)" "$before"
	let_end
	check "a hook that ran all the time ends well" wait "$hook"
	is "and its caller gets its output" "$(result_of long '.hooks[0].stdout')" whole
	check "a child that a hook has left lives" kill -0 "$(< "$work/silent")"
	check "one that writes to the hook's output lives too" kill -0 "$(< "$work/writer")"
	is "nothing of hookd's complains" "$(journalctl -q -o cat -p err _COMM=hookd)" ''
}

# With nothing to do runners end after a while; not those that would take children of hooks with them.
test_children_stay() {
	local unit

	unit=$(unit_of "$(< "$work/silent")")
	systemctl stop hookd.socket hookd.service
	check "without hookd runners end" until_true has_units \
		"$(printf '%s\n' "$unit" "$(unit_of "$(< "$work/writer")")" | sort -u | wc -l)"
	check "but for those with children of hooks" kill -0 "$(< "$work/silent")"
	check "one that writes lives too" kill -0 "$(< "$work/writer")"
	is "which are in it" "$(systemctl is-active "$unit")" active
	systemctl start hookd.socket
	check "hookd finds them again" hookctl ping
	is "and starts the others" "$(units | wc -l)" 2
	kill "$(< "$work/silent")" "$(< "$work/writer")"
}

# Fault 4.
test_killed_hookd() {
	local pid

	rm -f "$work/once"
	container=killed start_hook_with_pid "echo ran >> $work/once; cat $go; echo whole; exit 7"
	kill -KILL "$(main_pid)"
	check "another hookd answers" timeout 60 hookctl ping
	pid=$(pid_of_hook)
	check "a hook lives on when hookd is killed" kill -0 "$pid"
	let_end
	exits_with "its caller gets the result" 1 wait "$hook"
	is "as if nothing had been" "$(result_of killed '.hooks[0] | "\(.exitStatus) \(.stdout)"')" \
		'7 whole'
	is "it ran once" "$(< "$work/once")" ran
}

# Fault 22.
test_watchdog() {
	local pid

	container=hung start_hook_with_pid "cat $go; echo whole"
	pid=$(main_pid)
	kill -STOP "$pid"
	check "a call to a hookd that hangs is answered" timeout 60 hookctl ping
	is "by another one" "$(($(main_pid) != pid))" 1
	let_end
	check "a hook lives through that" wait "$hook"
	is "and its caller gets the result" "$(result_of hung '.hooks[0].stdout')" whole
	journalctl --sync
	journalctl -u hookd.service > "$work/journal"
	contains "it was the watchdog" "$work/journal" 'Watchdog timeout'
}

# Fault 32. No hookd can start for a while; the runner waits for one as long as its hook runs.
test_failing_starts() {
	local restarts

	container=patient start_hook_with_pid "cat $go; echo whole"
	restarts=$(show NRestarts)
	chmod 777 /run/hookd/state
	kill -KILL "$(main_pid)"
	check "hookd fails to start again and again" until_true has_restarted $((restarts + 8))
	let_end
	chmod 700 /run/hookd/state
	check "a hook has its result when hookd can start" wait "$hook"
	is "and its caller gets it" "$(result_of patient '.hooks[0].stdout')" whole
}

has_restarted() { # TIMES
	[ "$(show NRestarts)" -ge "$1" ]
}

test_drain() {
	local drain

	container=drained start_hook_with_pid "cat $go; echo whole"
	hookctl drain > "$work/drain" 2>&1 &
	drain=$!
	until_true is_draining
	exits_with "hookctl drain takes no new hooks" 125 run_hook true
	let_end
	check "and waits for those that run" wait "$hook"
	check "then it ends" wait "$drain"
	wait_while 'active|deactivating'
	is "and the service with it" "$(show Result)" success
	is "but not its runners" "$(units | wc -l)" 2
	check "a call starts it again" hookctl ping
}

is_draining() {
	[[ $(show StatusText) == Draining* ]]
}

# ---- a runner ends ----

# Fault 9.
test_killed_runner() {
	local lost other unit

	wait_for_holders > "$work/holders" &
	container=lost start_hook_with_pid "echo ran >> $work/doomed; exec 9> $held
		setsid -f sleep 1000; trap '' TERM; while :; do sleep 1000; done"
	lost=$hook unit=$(unit_of "$(pid_of_hook)")
	container=other start_hook_with_pid "cat $go; echo whole"
	other=$hook
	is "the next hook is in another runner" \
		"$([ "$(unit_of "$(pid_of_hook)")" != "$unit" ] && echo other)" other
	kill -KILL "$(pid_of_unit "$unit")"
	exits_with "the run of a runner that is killed has no result" 125 wait "$lost"
	is "it is lost" "$(result_of lost .outcome)" lost
	check "all that it has started is dead" wait %?wait_for_holders
	is "it is not run again" "$(< "$work/doomed")" ran
	check "another runner takes its place" until_true has_units 2
	check "hooks are run" run_hook true
	let_end
	check "nobody else's run has noticed" wait "$other"
	is "and has its result" "$(result_of other '.hooks[0].stdout')" whole
}

# ---- no process can be made ----

slice='/sys/fs/cgroup/system.slice/system-hookd\x2drunner.slice'

# Fault 18.
test_no_process() {
	cat "$slice/pids.current" > "$slice/pids.max"
	exits_with "a hook for which no process can be made" 125 run_hook "echo ran >> $work/none"
	contains "is refused, and can be requested again" "$work/out" 'temporarily unavailable'
	is "nothing has run" "$(cat "$work/none" 2>&1)" "cat: $work/none: No such file or directory"
	echo max > "$slice/pids.max"
	check "the next one is run" run_hook true
}

# Fault 38. Its processes are as many as it may have, and each makes others all the time.
test_fork_bomb() {
	local bomb

	configure PidsMax=30
	systemctl reload hookd.service
	wait_for_holders > "$work/holders" &
	container=bomb run_hook "exec 9> $held; echo > $begun; exec perl -e 'fork while 1'" 10 \
		--request-id=bomb > "$work/bomb" 2>&1 &
	bomb=$!
	timeout 60 cat "$begun" > "$work/out"
	kill -KILL "$(main_pid)"
	check "hooks are run beside a fork bomb, by the next hookd" run_hook true
	exits_with "the bomb times out" 124 wait "$bomb"
	check "with all its processes" wait %?wait_for_holders
	configure
	systemctl reload hookd.service
}

# ---- versions ----

# hookd of another version of what is said to runners, and the one that is installed.
other_hookd=$here/../bin/hookd_other
this_hookd=$work/hookd

replace_hookd() { # PROGRAM
	install -m 755 "$1" /usr/local/sbin/hookd
}

none_of() { # UNIT...
	! units | grep -qFx "$(printf '%s\n' "$@")"
}

# Fault 34. What runs goes on in the runners of before, which end when it has ended. New ones get what
# is new.
test_another_version() { # NAME PROGRAM
	local before busy idle child

	container=$1 start_hook_with_pid "setsid -f sh -c 'echo \$\$ > $work/child; exec sleep 1000'
		cat $go; echo whole"
	before=$(units) busy=$(unit_of "$(pid_of_hook)")
	idle=$(units | grep -vFx "$busy")
	replace_hookd "$2"
	check "$1: hookd is restarted" systemctl restart hookd.service
	check "$1: the runner without hooks ends" until_true none_of "$idle"
	is "$1: the other one does not" "$(systemctl is-active "$busy")" active
	is "$1: new hooks are run in another one" "$(run_hook 'cat /proc/self/cgroup' |
		jq -r '.hooks[0].stdout' | grep -cF -e "$busy" -e "$idle")" 0
	let_end
	check "$1: a hook that has begun before ends well" wait "$hook"
	is "$1: and its caller gets the result" "$(result_of "$1" '.hooks[0].stdout')" whole
	child=$(< "$work/child")
	check "$1: a child that it has left lives" kill -0 "$child"
	is "$1: so its runner does not end" "$(systemctl is-active "$busy")" active
	kill "$child"
	check "$1: until the child has" until_true none_of "$busy"
	is "$1: two are left" "$(units | wc -l)" 2
	is "$1: neither is one of before" "$(units | grep -Fxc "$before")" 0
}

# The program was replaced, and hookd not restarted yet.
test_not_restarted() {
	local pid

	replace_hookd "$other_hookd"
	kill -KILL "$(pid_of_unit "$(units | head -n 1)")" "$(pid_of_unit "$(units | tail -n 1)")"
	check "hooks are run when units are of another version than hookd" until_true run_hook true
	pid=$(stdout_of_hook 'echo $PPID')
	is "by a child of hookd's" "$(awk '{ print $4 }' "/proc/$pid/stat")" "$(main_pid)"
	check "and those units end" until_true has_units 0
	replace_hookd "$this_hookd"
	check "the next start" systemctl restart hookd.service
	check "has units again" until_true has_units 2
}

# ---- a user's ----

test_user() {
	local unit pid

	start_users_systemd
	as_user systemctl --user --quiet start hookd.socket
	unit=$(run_as_user .stdout 'cat /proc/self/cgroup' | grep -o 'hookd-runner@[^/]*/runs')
	is "a user's hook is run in a unit of the user's systemd" "${unit%%@*} ${unit##*/}" \
		'hookd-runner runs'
	run_as_user '"\(.exitStatus) \(.stdout)"' "echo > $begun; cat $go; echo whole" \
		> "$work/users-result" &
	timeout 60 cat "$begun" > "$work/out"
	check "a user's hookd is restarted" as_user systemctl --user restart hookd.service
	let_end
	wait $!
	is "a hook goes on" "$(xargs < "$work/users-result")" '0 whole'
	wait_for_holders > "$work/holders" &
	run_as_user .outcome "exec 9> $held; echo \$PPID > $begun; setsid -f sleep 1000; sleep 1000" \
		> "$work/users-result" 2>&1 &
	pid=$(timeout 60 cat "$begun")
	kill -KILL "$pid"
	check "all that a runner has started ends with it" wait %?wait_for_holders
	wait $! || true
	check "the user's hookd runs hooks" until_true run_as_user .outcome true
	as_user systemctl --user stop hookd.service hookd.socket hookd-runner.socket
	is "all of it ends" "$(pgrep -u $user hookd)" ''
}

# hookd does without the socket, and takes it again.
test_no_socket() {
	local pid

	systemctl stop hookd-runner.socket
	check "without the socket of runners hooks are run" until_true run_hook true
	pid=$(stdout_of_hook 'echo $PPID')
	is "by a child of hookd's" "$(awk '{ print $4 }' "/proc/$pid/stat")" "$(main_pid)"
	is "no runner is a unit then" "$(units)" ''
	journalctl --sync
	journalctl -u hookd.service > "$work/journal"
	contains "the journal says so" "$work/journal" 'runners.sock: No such file or directory'
	contains "and what it means" "$work/journal" 'hookd starts the runner itself'
	start_hook "cat $go; echo whole"
	systemctl stop hookd.service 2> "$work/out" &
	wait_while active
	let_end
	check "then a stop waits for hooks" wait "$hook"
	wait %?systemctl
	check "the next start" hookctl ping
	is "has the socket again" "$(systemctl is-active hookd-runner.socket)" active
	is "and units" "$(units | wc -l)" 2
}

# Fault 31.
test_stop() {
	wait_for_holders > "$work/holders" &
	container=stopped start_hook_with_pid "exec 9> $held; setsid -f sleep 1000; sleep 1000"
	check "all three units are stopped" \
		systemctl stop hookd.service hookd.socket hookd-runner.socket
	check "hooks end with that" wait %?wait_for_holders
	is "and runners" "$(units)" ''
	is "nothing of hookd's is left" "$(pgrep -l hookd)" ''
	is "nor its cgroups" "$(find /sys/fs/cgroup -name 'hookd*' -o -name '*hookd*service' | xargs)" ''
	is "nor the sockets" "$(find /run/hookd -maxdepth 1 -type s | xargs)" ''
	check "the next start" systemctl start hookd.socket
	exits_with "tells the caller of a hook that was stopped" 125 wait "$hook"
	is "that it was lost" "$(result_of stopped .outcome)" lost
	systemctl stop hookd.service hookd.socket hookd-runner.socket
}

test_start
test_surroundings
test_restarts
test_children_stay
test_killed_hookd
test_watchdog
test_failing_starts
test_drain
test_killed_runner
test_no_process
test_fork_bomb
cp /usr/local/sbin/hookd "$this_hookd"
test_another_version upgrade "$other_hookd"
test_another_version downgrade "$this_hookd"
test_not_restarted
chmod 666 "$begun" "$go" "$held"
test_user
test_no_socket
test_stop
tap_end
