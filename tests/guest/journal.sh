# SPDX-License-Identifier: Apache-2.0
# In the guest: hookd's messages in systemd's journal, and a service with a wrong configuration.
. "$(dirname "$0")/setup.sh"
. "$here/hooks.sh"

runners=1
configure
install_hookd
journalctl --update-catalog

# The value of FIELD in the newest entry that matches.
field() { # FIELD MATCH...
	journalctl -q -o json -n 1 "${@:2}" | jq -r --arg field "$1" '.[$field]'
}

entries() { # MATCH...
	journalctl -q -o json "$@" | wc -l
}

# ---- messages ----

test_failure() {
	container=web
	exits_with "a hook that fails" 1 run_hook 'echo the secret; echo the secret >&2; exit 3'
	journalctl --sync
	is "its entry is found by the container" \
		"$(journalctl -q -o json -n 1 HOOKD_CONTAINER=web | jq -r '[.PRIORITY, .HOOKD_STAGE,
			.HOOKD_OUTCOME, .HOOKD_EXIT_STATUS, .HOOKD_HOOK, .HOOKD_PATH, .HOOKD_UID,
			._SYSTEMD_UNIT, .SYSLOG_IDENTIFIER] | join(" ")')" \
		'3 poststop failed 3 0 /bin/sh 0 hookd.service hookd'
	is "with a duration" "$(($(field HOOKD_DURATION_USEC HOOKD_CONTAINER=web) > 0))" 1
	is "and a message" \
		"$(field MESSAGE HOOKD_CONTAINER=web | sed -E 's/[0-9.]+m?s \(run [^)]*\)/T (run R)/')" \
		'web poststop: failed (3) #0/1 /bin/sh, T (run R)'
	journalctl -q -x HOOKD_CONTAINER=web > "$work/journal"
	contains "journalctl -x says what has happened" "$work/journal" 'A hook of a container has failed'
	contains "to which container" "$work/journal" 'of container web has failed'
	contains "and what to do" "$work/journal" 'hookctl inspect'
	is "podman logs finds nothing of it" "$(entries CONTAINER_ID_FULL=web)" 0
	is "and what the hook has printed is nowhere" \
		"$(journalctl -q -o export | grep -c 'the secret' || true)" 0
}

test_success_and_timeout() {
	container=fine
	check "a hook that succeeds" run_hook true
	journalctl --sync
	is "is one entry" "$(entries HOOKD_CONTAINER=fine)" 1
	is "at info" "$(field PRIORITY HOOKD_CONTAINER=fine)" 6
	container=slow
	exits_with "a hook that hangs" 124 run_hook 'sleep 1000' 1
	journalctl --sync
	is "has timed out" "$(field HOOKD_OUTCOME HOOKD_CONTAINER=slow)" timed_out
	is "with an id of its own" "$(field MESSAGE_ID HOOKD_CONTAINER=slow)" \
		5dc74b6bbcd84636991a4692e1f04ae1
}

test_refusal() {
	exits_with "a root that lacks a capability is refused" 125 \
		setpriv --bounding-set=-sys_time hookctl ping
	journalctl --sync
	is "which the journal tells" "$(field MESSAGE HOOKD_METHOD=io.hookd.control.Ping | cut -d: -f1)" \
		'refused io.hookd.control.Ping, uid 0'
}

test_keys() {
	container=quiet
	configure '[Log]' Runs=no HookOutput=yes
	check "a reload" systemctl reload hookd.service
	check "takes the keys" until_true output_is_logged
	is "the output is an entry of the hook" \
		"$(field MESSAGE HOOKD_CONTAINER=quiet SYSLOG_IDENTIFIER=sh HOOKD_STREAM=stdout)" 'first line'
	is "each line one" "$(field MESSAGE HOOKD_CONTAINER=quiet HOOKD_STREAM=stderr)" second
	run_hook true > "$work/out"
	journalctl --sync
	is "and a run that succeeds none" \
		"$(journalctl -q -o json HOOKD_CONTAINER=quiet | jq -r .HOOKD_OUTCOME | tail -n 1)" null
}

# systemctl reload returns when the signal was sent.
output_is_logged() {
	run_hook 'echo first line; echo second >&2' > "$work/out"
	journalctl --sync
	[ "$(entries HOOKD_CONTAINER=quiet HOOKD_STREAM=stdout)" -gt 0 ]
}

# ---- a journal that does not read ----

# While it is stopped, every run has to end as usual.
test_stopped_journal() {
	local journald begin runs=0 failed=0 longest=0 took

	container=load
	journald=$(systemctl show --value -p MainPID systemd-journald.service)
	kill -STOP "$journald"
	begin=$SECONDS
	while [ $((SECONDS - begin)) -lt 60 ]; do
		took=$(date +%s)
		timeout 60 hookctl run --stage=poststop --state="$work/load-state.json" \
			--hooks="$work/load-hooks.json" > "$work/out" 2>&1 || failed=$((failed + 1))
		took=$(($(date +%s) - took)) runs=$((runs + 1))
		[ $took -le $longest ] || longest=$took
	done
	kill -CONT "$journald"
	echo "# $runs runs while journald was stopped, the longest $longest s"
	is "all runs succeed while the journal is stopped" "$failed" 0
	is "and none waits for it" "$((longest < 30))" 1
	check "afterwards a run" run_hook true
	journalctl --sync
	is "is logged" "$(field HOOKD_STREAM HOOKD_CONTAINER=load SYSLOG_IDENTIFIER=sh)" stdout
	check "with the number of lines that were lost" until_true loss_is_told
}

loss_is_told() {
	journalctl --sync
	journalctl -q -o cat -u hookd.service | grep -q '^[0-9]* log lines were lost'
}

prepare_load() {
	echo '{"ociVersion":"1.0.2","id":"load","status":"stopped","bundle":"/tmp"}' \
		> "$work/load-state.json"
	jq -n '{poststop: [{path: "/bin/sh", args: ["sh", "-c", "seq 500"]}]}' > "$work/load-hooks.json"
}

# ---- a wrong configuration ----

test_wrong_reload() {
	local pid

	container=reload
	pid=$(main_pid)
	configure '[Log]' Level=loud
	exits_with "a reload with a wrong file fails" 1 systemctl reload hookd.service
	is "the daemon is the same" "$(show MainPID)" "$pid"
	is "and ready" "$(show StatusText) $(show ActiveState)" 'Ready active'
	check "and runs hooks" run_hook true
}

test_wrong_start() {
	local pid

	systemctl restart hookd.service
	is "a start with a wrong file keeps the service" "$(show ActiveState)" active
	pid=$(main_pid)
	contains "whose status says why" <(show StatusText) \
		'Wrong configuration: /etc/hookd/hookd.conf:4:7: Level:'
	exits_with "a call gets an error at once" 125 timeout 20 hookctl ping
	contains "that names the mistake" "$work/out" '/etc/hookd/hookd.conf:4: Level: '
	exits_with "a hook too" 125 timeout 20 hookctl run --stage=poststop \
		--state="$work/load-state.json" --hooks="$work/load-hooks.json"
	touch /etc/hookd/else.conf
	is "the socket is still there" "$(systemctl is-active hookd.socket)" active
	configure
	check "it goes on when the file is mended" until_true hookctl ping
	is "as the same process" "$(show MainPID)" "$pid"
	check "and runs hooks" run_hook true
	journalctl --sync
	is "it was said once" \
		"$(entries MESSAGE_ID=53f4972a42b54ad1882650264e685744)" 1
	echo nonsense > "$work/wrong.conf"
	exits_with "started by hand it ends" 6 hookd --socket="$work/sock" --config="$work/wrong.conf"
}

test_failure
test_success_and_timeout
test_refusal
test_keys
prepare_load
test_stopped_journal
test_wrong_reload
test_wrong_start
tap_end
