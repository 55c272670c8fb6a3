#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Runs each command of docs/operators.md, in its order, with a hookd that has a history, which it has kept
# over a crash. systemctl and ssh are replaced: the first checks that the unit is one of hookd's, the second
# runs the command here. journalctl is the real one, with an empty journal.
# usage: test_guide.sh HOOKD HOOKCTL SHIM
. "$(dirname "$0")/lib.sh"

guide=$here/../../../docs/operators.md
units=$here/../../../systemd
# A time zone in which it is about noon, so that today does not end while this runs.
TZ=X$((10#$(date -u +%H) - 12))
mkdir "$work/bin" "$work/sbin" "$work/hooks" "$work/hooks2" "$work/journal" "$work/node"
cp "$hookctl" "$work/bin/hookctl"
ln -s "$(realpath "$hookd")" "$work/sbin/hookd"
export PATH=$work/bin:$PATH units work
cat > "$work/bin/systemctl" <<'EOF'
#!/bin/sh
for unit; do :; done
case "$1 $2" in "enable --now" | "restart "*) [ -e "$units/$unit.in" ] ;; *) exit 1 ;; esac
EOF
cat > "$work/bin/ssh" <<'EOF'
#!/bin/sh
shift
exec sh -c "$*"
EOF
printf '#!/bin/sh\nexec %s --directory="$work/journal" "$@"\n' "$(command -v journalctl || echo true)" > "$work/bin/journalctl"
printf '#!/bin/sh\necho no address left >&2\nexit 3\n' > "$work/hooks/net-add"
printf '#!/bin/sh\nsleep 0.3\n' > "$work/hooks/slow-hook"
printf '#!/bin/sh\nsleep 9\n' > "$work/hooks2/slow-hook"
printf '#!/bin/sh\necho waiting for lock\nread -r line < "%s"\n' "$work/lock" > "$work/hooks/notify"
mkfifo "$work/lock"
chmod +x "$work/bin"/* "$work/hooks"/* "$work/hooks2"/*
cd "$work/node"
ln -s "$work/hookd.sock" node1.sock
jq -n --arg path "$work/hooks/net-add" '{ociVersion: "1.0.2", process: {args: ["sh"], cwd: "/"}, root: {path: "rootfs"},
	linux: {}, hooks: {createRuntime: [{path: "/bin/true"}, {path: $path}], poststop: [{path: "/bin/true"}]}}' > config.json
echo '[Hooks]' > hookd.conf

hang() { # db hangs from here on
	run_hooks db poststart "[{\"path\": \"$work/hooks/notify\"}]" 2> "$work/err" &
	for _ in {1..200}; do [ -z "$(hookctl ps -q --container=db)" ] || break; sleep 0.05; done
}

start_hookd
run_hooks web createRuntime "[{\"path\": \"/bin/true\"}, {\"path\": \"$work/hooks/net-add\"}, {\"path\": \"/bin/true\"}]" 2> "$work/err" || true
run_hooks web poststart "[{\"path\": \"$work/hooks/slow-hook\", \"timeout\": 5}]"
run_hooks old poststop "$(jq -nc --arg path "$work/hooks/notify" '[{path: $path, timeout: 1}]')" 2> "$work/err" || true
run_hooks old poststart "$(jq -nc --arg path "$work/hooks2/slow-hook" '[{path: $path, timeout: 1}]')" 2> "$work/err" || true
hang
kill -KILL "$daemon"
wait "$daemon" 2> /dev/null || true
start_hookd

# What a command has to print, or "-" if nothing is right, too; and with which status it ends. Those that go
# on until something ends are stopped.
declare -A prints=(
	['systemctl enable --now hookd.socket']='-'
	['hookctl ping']='-'
	['hookctl status']='hookd .* running'
	['hookctl validate config.json']='config.json: OK'
	['hookctl delegate < config.json > config.new.json']='-'
	['hookctl explain --stage=createRuntime config.new.json']='#0 .*hookd-oci-hook'
	['hookctl ps']='db +poststart .*running #0/1 notify'
	['hookctl ps -a --since=1h']='web +createRuntime .*failed \(3\) #1/3 net-add'
	['hookctl inspect web --stage=createRuntime']='failed \(3\) #1/3'
	['hookctl logs web']='no address left'
	['hookctl events']='-'
	['hookctl events --since=1h --until=10m']='-'
	['hookctl ps -a --failed --json=short']='^\[\{.*"container":"web"'
	["hookctl ps -a --format='{{.container}}\\t{{.stage}}\\t{{.status}}'"]=$'^web\tcreateRuntime\tfailed \\(3\\)'
	['hookctl ps --failed --since=yesterday']='web +createRuntime .*failed \(3\) #1/3 net-add'
	['hookctl logs web --stage=createRuntime --stream=stderr']='no address left'
	['hookctl logs -f db']='waiting for lock'
	['hookctl ps -a --container=web']='web +poststart .*succeeded'
	['hookctl summary --sort=p99']='slow-hook +poststart'
	['hookctl plot web -o web.svg']='-' # a file, see below
	['hookctl ps --path=slow-hook --outcome=timed_out --since=today']='old +poststart .*timed out'
	['hookctl policy explain --uid=1000 io.hookd.hooks.Run']='(refused|allowed)'
	['hookctl summary --since=1d']='net-add +createRuntime +1 +1'
	['hookctl summary --path=slow-hook']='slow-hook +poststart'
	['hookctl plot web --format=trace -o web.json']='-'
	['hookctl inspect db']='Status: running #0/1 notify, pid'
	['hookctl wait db --timeout=1']='-'
	['hookctl cancel db']='-'
	['hookctl ps --failed --container=web']='failed \(3\)'
	['journalctl -x HOOKD_CONTAINER=web']='-'
	['hookctl ps --outcome=lost']='-'
	['journalctl -u hookd.service -p err']='-'
	['hookctl validate --type=conf hookd.conf']='hookd.conf: OK'
	['hookctl reload']='-'
	['journalctl -b -1 -u hookd.service']='-'
	['hookctl ps -a']='old +poststop .*timed out #0/1 notify'
	['hookctl holdings']='-'
	['hookctl drain']='-'
	['hookctl metrics --format=prometheus']='^hookd_hook_runs_total'
	['hookctl log-level debug']='-'
	['for node in node1 node2; do ssh "$node" hookctl ps --failed --since=1h --json=short; done | jq -s add']='"container": "web"'
	['hookctl --address=unix:$PWD/node1.sock ps']='-'
)
declare -A ends_with=(['hookctl policy explain --uid=1000 io.hookd.hooks.Run']=1 ['hookctl wait db --timeout=1']=124
	['hookctl logs -f db']=124 ['hookctl events']=124 ['journalctl -b -1 -u hookd.service']=1)

# In the order of the document: those of blocks, and those of the table.
mapfile -t commands < <(sed -nE 's/^    \$ (.*)$/\1/p; s/^\| .*\? \| `(.*)` \|$/\1/p' "$guide")
[ "${#commands[@]}" -gt 30 ] || not_ok "the guide has commands" "${#commands[@]}"
is "ten questions have a command" "$(grep -cE '^\| .*\? \| `hookctl .*` \|$' "$guide")" 10
for command in "${commands[@]}"; do
	status=0
	[[ $command != *db* || -n $(hookctl ps -q --container=db) ]] || hang
	limit=60
	[ "${ends_with[$command]:-0}" != 124 ] || limit=5 # it goes on until it is ended
	timeout $limit bash -o pipefail -c "$command" > "$work/out" 2>&1 < /dev/null || status=$?
	if [ -z "${prints[$command]:-}" ]; then
		not_ok "$command" "not known to this test"
	elif [ "$status" != "${ends_with[$command]:-0}" ]; then
		not_ok "$command" "exit $status" "$(< "$work/out")"
	elif [ "${prints[$command]}" != - ] && ! grep -qE -e "${prints[$command]}" "$work/out"; then
		not_ok "$command" "does not print ${prints[$command]}" "$(< "$work/out")"
	else
		ok "$command"
	fi
	if [ "$command" = 'hookctl drain' ]; then
		wait "$daemon" || true
		start_hookd
	fi
done
contains "plot has drawn the hook that failed" web.svg 'net-add'
contains "and written a trace" web.json 'net-add'
for command in "${!prints[@]}"; do
	grep -qF -e "$command" "$guide" || not_ok "$command" "is not in the guide any more"
done
tap_end
