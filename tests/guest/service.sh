#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# In the guest: hookd as a service of systemd, with cgroup2 only. It runs hooks itself; runners.sh has
# it with runners.
. "$(dirname "$0")/setup.sh"
. "$here/hooks.sh"

cgroups=/sys/fs/cgroup/system.slice/hookd.service

# Short, so that the test can wait for them.
mkdir -p /run/systemd/system/hookd.service.d
printf '%s\n' '[Service]' WatchdogSec=5s TimeoutStopSec=2s \
	> /run/systemd/system/hookd.service.d/test.conf
configure
install_hookd

# ---- helpers ----

uptime_ms() {
	awk '{ print int($1 * 1000) }' /proc/uptime
}

# ---- activation ----

test_activation() {
	exits_with "the service does not run yet" 3 systemctl is-active --quiet hookd.service
	is "the socket exists, for root only" "$(stat -c '%U %a %F' $socket)" 'root 600 socket'
	is "its folder can be entered" "$(stat -c %a /run/hookd)" 755
	check "the first connection is answered" hookctl ping
	is "because it started the service" "$(show ActiveState)" active
	is "which has reported that it is ready" "$(show StatusText)" Ready
	check "hookctl status" hookctl status
}

# ---- processes and cgroups of hooks ----

test_cgroups() {
	local cgroup

	is "hookd is in a cgroup of its own" "$(cat "/proc/$(show MainPID)/cgroup")" \
		0::/system.slice/hookd.service/daemon
	cgroup=$(stdout_of_hook 'cat /proc/self/cgroup')
	is "a hook is in one of the runs" "${cgroup%/*}" 0::/system.slice/hookd.service/runs
	contains "with controllers" "$cgroups/runs/cgroup.subtree_control" memory
	contains "with controllers" "$cgroups/runs/cgroup.subtree_control" pids
}

test_surroundings() {
	local script='ulimit -Sn; ulimit -Hn; cat /proc/self/oom_score_adj; umask'

	is "a hook has the usual limits" "$(stdout_of_hook "$script" | xargs)" \
		'1024 524288 0 0022'
	is "and nothing of the service's environment" \
		"$(stdout_of_hook 'env | cut -d= -f1 | sort' | xargs)" 'PATH PWD'
}

# ---- timeouts ----

test_timeout() {
	local begin took

	wait_for_holders &
	begin=$(uptime_ms)
	exits_with "a hook that hangs times out" 124 \
		run_hook "exec 9> $held; setsid -f sleep 1000; sleep 1000" 1
	took=$(($(uptime_ms) - begin))
	is "on time" "$((took >= 1000 && took < 10000)) ($took ms)" "1 ($took ms)"
	check "with all that it has started, wherever it hid" wait $!
}

# Fault 23.
test_clock_steps() {
	local real begin took

	real=$(($(date +%s) - $(uptime_ms) / 1000))
	start_hook 'sleep 2' 20
	date -s "@$(($(date +%s) + 7200))" > "$work/out"
	check "a clock that jumps two hours ahead ends no hook" wait "$hook"

	begin=$(uptime_ms)
	start_hook 'sleep 1000' 3
	date -s "@$(($(date +%s) - 7200))" > "$work/out"
	exits_with "a clock set back delays no hook" 124 wait "$hook"
	took=$(($(uptime_ms) - begin))
	is "beyond its timeout of 3 s" "$((took >= 3000 && took < 15000)) ($took ms)" "1 ($took ms)"
	took=$(jq '.hooks[0].durationUSec / 1000 | floor' "$work/result.json")
	is "and its duration is right" "$((took >= 3000 && took < 15000)) ($took ms)" "1 ($took ms)"
	date -s "@$((real + $(uptime_ms) / 1000))" > "$work/out"
}

# ---- reload ----

test_reload() {
	local pid

	pid=$(show MainPID)
	configure DefaultTimeoutSec=1
	check "reload" systemctl reload hookd.service
	exits_with "the new default timeout counts" 124 run_hook 'sleep 1000' null
	is "the daemon is the same" "$(show MainPID)" "$pid"
	configure
	check "reload again" systemctl reload hookd.service
}

# ---- stop ----

# The hook runs longer than TimeoutStopSec=, for which hookd sends EXTEND_TIMEOUT_USEC.
test_stop_drains() {
	local stop

	start_hook "cat $go; sleep 4; echo whole; exit 7"
	systemctl stop hookd.service 2> "$work/out" &
	stop=$!
	wait_while active
	exits_with "while it stops it takes no new hooks" 125 run_hook true
	contains "and says so" "$work/out" 'shutting down'
	echo > "$go"
	exits_with "the hook that runs is awaited" 1 wait "$hook"
	is "and its caller gets the result" \
		"$(jq -r '.hooks[0] | "\(.exitStatus) \(.stdout)"' "$work/result.json" | xargs)" '7 whole'
	check "systemctl stop" wait "$stop"
	is "the service has ended well" "$(show Result) $(show ActiveState)" 'success inactive'
	exits_with "its cgroups are gone" 1 test -e $cgroups
	is "the socket is still there" "$(systemctl is-active hookd.socket)" active
	check "a call starts it again" hookctl ping
}

test_drain_verb() {
	check "hookctl drain" hookctl drain
	wait_while 'active|deactivating'
	is "ends the service well" "$(show Result)" success
	check "and a call starts it again" hookctl ping
}

# ---- failures ----

test_watchdog() {
	local pid restarts

	restarts=$(show NRestarts)
	pid=$(main_pid)
	kill -STOP "$pid"
	check "a call to a daemon that hangs is answered" timeout 60 hookctl ping
	is "by another one" "$(($(show MainPID) != pid))" 1
	is "which systemd has started" "$(($(show NRestarts) - restarts))" 1
	journalctl --sync
	journalctl -u hookd.service > "$work/journal"
	contains "because of the watchdog" "$work/journal" 'Watchdog timeout'
}

# Fault 1. Each start fails, and a connection that is queued on the socket would start it again at
# once.
test_failing_starts() {
	local ping

	systemctl stop hookd.service
	chmod 777 /run/hookd/state
	timeout 120 hookctl ping > "$work/out" 2>&1 &
	ping=$!
	check "hookd fails again and again" until_true has_restarted 8
	is "the socket is still there" "$(systemctl is-active hookd.socket)" active
	is "and the service is still tried" "$(show ActiveState)" activating
	chmod 700 /run/hookd/state
	check "the call that waited all the time is answered when it can be" wait "$ping"
	journalctl --sync
	journalctl -u hookd.service > "$work/journal"
	contains "and the journal says what was wrong" "$work/journal" 'nobody but its owner may write to it'
}

has_restarted() { # TIMES
	[ "$(show NRestarts)" -ge "$1" ]
}

# After setsid a process cannot be found by its session or process group. The caller requests the
# result of its run from the next daemon.
test_crash() {
	local pid

	wait_for_holders &
	start_hook "echo ran >> $work/ran; exec 9> $held; setsid -f sleep 1000; sleep 1000"
	pid=$(main_pid)
	kill -KILL "$pid"
	check "the hooks of a daemon that crashed end with it" wait %?wait_for_holders
	exits_with "the caller is told that the run was lost" 125 wait "$hook"
	is "its outcome is lost" "$(jq -r .outcome "$work/result.json")" lost
	is "the hook ran once" "$(< "$work/ran")" ran
	check "another daemon answers" timeout 60 hookctl ping
	is "in a fresh cgroup" "$(cat "/proc/$(show MainPID)/cgroup")" \
		0::/system.slice/hookd.service/daemon
	check "and runs hooks" run_hook true
}

test_journal() {
	exits_with "a hook that fails" 1 run_hook 'echo out of luck >&2; exit 3'
	journalctl --sync
	journalctl -u hookd.service > "$work/journal"
	contains "is in the journal" "$work/journal" 'c1 poststop: failed (3) #0/1 /bin/sh'
	is "without what it said" "$(grep -c 'out of luck' "$work/journal" || true)" 0
	is "and hookd has logged no emergency" \
		"$(journalctl -q -o cat -u hookd.service -p crit _COMM=hookd)" ''
}

# ---- another user's hookd ----

as_user() { # UID COMMAND...
	setpriv --reuid="$1" --regid="$1" --clear-groups --no-new-privs "${@:2}"
}

test_user() {
	local address=unix:$work/user/hookd.sock line=

	echo '{"ociVersion":"1.0.2","id":"c1","status":"stopped","bundle":"/tmp"}' > "$work/state.json"
	install -d -o 1234 -g 1234 -m 755 "$work/user"
	mkfifo "$work/says"
	as_user 1234 hookd --socket="${address#unix:}" --log-target=stderr 2> "$work/says" &
	until [ "$line" = 'hookd: ready' ]; do
		read -r line || break
	done < "$work/says"
	is "a user's own hookd starts" "$line" 'hookd: ready'
	echo '{"poststop":[{"path":"/usr/bin/id","args":["id","-u"]}]}' > "$work/id.json"
	is "and runs hooks as the user" "$(as_user 1234 hookctl --address="$address" --json=short \
		run --stage=poststop --state="$work/state.json" --hooks="$work/id.json" |
		jq -r '.hooks[0].stdout')" 1234
	exits_with "for the user alone" 125 as_user 1235 hookctl --address="$address" \
		run --stage=poststop --state="$work/state.json" --hooks="$work/id.json"
	check "until it is drained" as_user 1234 hookctl --address="$address" drain
	check "and ends well" wait $!
}

test_socket_stops() {
	systemctl stop hookd.socket hookd.service
	exits_with "the socket goes with its unit" 1 test -e $socket
}

test_activation
test_cgroups
test_surroundings
test_timeout
test_clock_steps
test_reload
test_stop_drains
test_drain_verb
test_watchdog
test_failing_starts
test_crash
test_journal
test_user
test_socket_stops
tap_end
