#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# How each verb looks on terminals of 80 and of 40 columns and in a pipe, with a real hookd that has a
# history; ps --watch; and the pager. Usage: test_terminal.sh HOOKD HOOKCTL
. "$(dirname "$0")/lib.sh"
export PATH=$work/bin:$PATH
mkdir "$work/bin"
ln -s "$(realpath "$hookctl")" "$work/bin/hookctl"
unset -f hookctl
configure
start_hookd || exit 1
cd "$work" || exit 1

request web createRuntime 30 'exit 0' 'echo no address left >&2; exit 3' 'exit 0'
request db poststop 30 'echo a line that is longer than a terminal of forty columns'
request later poststop 30 'exit 0'
hookctl run $(options web createRuntime) > out 2> err
hookctl run $(options db poststop) > out 2> err
web=$(hookctl ps -aq --container=web)
jq -n '{ociVersion: "1.0.2", process: {args: ["sh"], cwd: "/"}, root: {path: "rootfs"}, linux: {},
	hooks: {createRuntime: [{path: "/bin/true"}]}}' > config.json
echo '{"defaultAction": "SCMP_ACT_ALLOW"}' > profile.json
echo '{"process": {"oomScoreAdj": 100}}' > settings.json
sleep 600 &
others=$!
until=$(($(date +%s) + 1))
is_over() { [ "$(date +%s)" -gt "$until" ]; }
until_true is_over

# Whether the terminal has broken a line that was too long for it.
is_broken() { # COLUMNS
	[ "$(shown -J | wc -L)" -gt "$1" ]
}

looks_at() { # COLUMNS STATUS FITS COMMAND PATTERN
	open_terminal "$1" 60 "$4"
	await_command
	if [ "$(cat status)" != "$2" ]; then
		not_ok "$1 columns: $4" "exit $(cat status)" "$(shown)"
	elif ! shows "$5"; then
		not_ok "$1 columns: $4" "no '$5' in:" "$(shown)"
	elif [[ $3 = fits || $3$1 = wide80 ]] && is_broken "$1"; then
		not_ok "$1 columns: $4" "a line is too long:" "$(shown)"
	else
		ok "$1 columns: $4"
	fi
	close_terminal
}

# fits: no line is longer than the terminal; wide: of 80 columns; an id of 32 letters is not broken in 40.
# flows: text that is for pipes, too, or of others.
looks() { # STATUS fits|wide|flows COMMAND PATTERN-80 PATTERN-40 PATTERN-PIPE
	local status=0

	tried+=("$3")
	looks_at 80 "$1" "$2" "$3" "$4"
	looks_at 40 "$1" "$2" "$3" "$5"
	bash -c "$3" > out 2>&1 < /dev/null || status=$?
	if [ "$status" != "${in_pipe:-$1}" ]; then
		not_ok "pipe: $3" "exit $status" "$(cat out)"
	elif grep -qE $'\e|…' out; then
		not_ok "pipe: $3" "not for a pipe:" "$(cat -v out)"
	else
		matches "pipe: $3" out "$6"
	fi
}

tried=()
looks 0 fits 'hookctl ps -a' '^RUN +CONTAINER +STAGE +AGE +TIME +STATUS$' '^RUN +CONTA' \
	'^[0-9a-f]{12}  web +createRuntime .* failed \(3\) #1/3 sh$'
looks 0 wide "hookctl inspect web" 'Status: failed \(3\) #1/3 sh' 'Status: failed \(3\) #1/3 sh' "^ +Run: $web$"
looks 0 flows 'hookctl logs db' '^a line that is .* forty columns$' '^a line that is' '^a line that is .* columns$'
looks 0 flows "hookctl events --since=1h --until=$until" 'web createRuntime #1 sh failed \(3\), ' \
	'^ateRuntime #1 sh failed' 'db poststop done: succeeded, 1 hook, '
looks 0 fits 'hookctl summary' '^PATH +STAGE +RUNS +FAILED' '^PATH' '^/bin/sh +createRuntime +2 +1 '
in_pipe=0 looks 2 flows 'hookctl plot web' 'plot: stdout is a terminal' 'plot: stdout is a terminal' '^</svg>$'
looks 0 fits "hookctl run $(options later poststop) --request-id=same" 'Status: succeeded' 'Status: succeeded' \
	'Status: succeeded'
looks 1 wide "hookctl wait $web" 'Status: failed \(3\)' 'Status: failed \(3\)' 'Status: failed \(3\)'
looks 0 flows "hookctl cancel $web" "$web was done already" "$web was done" "^$web was done already$"
looks 0 flows 'hookctl validate config.json' '^config.json: OK' '^config.json: OK' '^config.json: OK$'
looks 0 flows 'hookctl explain config.json' '#0 /bin/true' '#0 /bin/true' '#0 /bin/true'
looks 0 flows 'hookctl policy explain --uid=0 io.hookd.control.Ping' '^allowed' '^allowed' '^allowed'
looks 0 flows 'hookctl seccomp profile.json | wc -c' '^[1-9]' '^[1-9]' '^[1-9]'
looks 0 flows 'hookctl delegate < config.json' 'hookd-oci-hook' 'hookd-oci-hook' '"/.*hookd-oci-hook"'
box="hookctl apply --container=box --pid=$others --settings=settings.json"
free='hookctl release --container=box'
looks 0 fits "$box; $free" '^Process: oomScoreAdj$' '^Process: oomScoreAdj$' '^Process: oomScoreAdj$'
looks 0 fits "$box > /dev/null; hookctl holdings; $free" '^box .* oomScoreAdj$' '^box .* oomS' '^box .* oomScoreAdj$'
looks 0 fits "$box > /dev/null; hookctl update --container=box --settings=settings.json; $free" \
	'^Process: oomScoreAdj$' '^Process: oomScoreAdj$' '^Process: oomScoreAdj$'
looks 0 flows 'hookctl ping; echo answers' '^answers' '^answers' '^answers$'
looks 0 flows 'hookctl status' '^\* hookd .* running, pid' '^\* hookd .* running' '^ +Kernel: .* [+-]seccomp .*'
looks 0 flows 'hookctl metrics | grep ^hookd_build_info' '^hookd_build_info' '^hookd_build_info' '^hookd_build_info'
looks 0 flows 'hookctl reload' '^Reloaded /' '^Reloaded /' "^Reloaded $work/hookd.conf$"
looks 0 flows 'hookctl log-level' '^info$' '^info$' '^info$'

# Every verb was looked at.
for verb in $(hookctl --help | sed -nE 's/^  ([a-z][a-z-]+) .*/\1/p'); do
	[ "$verb" = drain ] || printf '%s\n' "${tried[@]}" "$box; $free" | grep -qE "hookctl $verb( |;|$)" ||
		not_ok "each verb is tried" "$verb is not"
done

# ---- long lines ----

for columns in 80 40; do
	open_terminal $columns 60 'hookctl status'
	await_command
	shown -J | grep -v '^\*' > out
	# A word that is longer than a line stays whole.
	is "status at $columns columns fits" "$(grep -E ".{$((columns + 1))}" out | grep -vE '^.{9}[ :] [^ ]+$')" ''
	is "and names each feature once, as in a pipe" \
		"$(sed -n '/^ *Kernel: /,$p' out | sed '/^ *History: /,$d; s/^ *Kernel: //' | xargs)" \
		"$(hookctl status | sed -nE 's/^ *Kernel: //p')"
	close_terminal
done

# ---- ps --watch ----

for columns in 80 40; do
	open_terminal $columns 24 'hookctl ps -a --watch=0.1'
	until_true shows '^[0-9a-f]{12}  web' || not_ok "ps --watch shows the list" "$(shown)"
	request "new-$columns" poststop 30 'exit 0'
	hookctl run $(options "new-$columns" poststop) > out 2> err
	until_true shows "^[0-9a-f]{12}  new-" || not_ok "ps --watch shows what comes" "$(shown)"
	is "ps --watch at $columns columns begins again at the top" \
		"$(shown | head -n 1 | cut -d ' ' -f 1) $(shown | grep -c '^RUN')" 'RUN 1'
	if is_broken $columns; then not_ok "and cuts lines" "$(shown)"; else ok "and cuts lines"; fi
	in_terminal send-keys C-c
	await_command
	is "and ends with Ctrl-C" "$(cat status)" 130
	close_terminal
done
hookctl ps -a --watch=0.1 > out &
watching=$!
has_two_lists() { [ "$(grep -c '^RUN' out)" -gt 1 ]; }
check "in a pipe there is one list after the other" until_true has_two_lists
kill $watching
wait $watching
is "without colours" "$(grep -c $'\e' out)" 0

# ---- the pager ----

paged() { # NAME ENVIRONMENT-AND-COMMAND ROWS PATTERN
	open_terminal 80 "$3" "$2"
	await_command
	if [ "$(cat status)" = 0 ] && shows "$4"; then
		ok "$1"
	else
		not_ok "$1" "exit $(cat status), no '$4' in:" "$(shown)"
	fi
	close_terminal
}

rows=$(hookctl ps -a | wc -l)
paged "\$PAGER gets what is longer than the screen" "PAGER='sed s/^/paged:/' hookctl ps -a" $((rows - 1)) '^paged:'
paged "and not what fits" "PAGER='echo paged; false' hookctl ps -a" $((rows + 5)) '^RUN +CONTAINER'
paged "an empty \$PAGER is none" "PAGER= hookctl ps -a" 4 '^[0-9a-f]{12}  web'
paged "a missing one is none" "PAGER=no-such-pager hookctl ps -a" 6 '^[0-9a-f]{12}  web'
paged "one that cannot be executed is none" "PAGER=./hookd.conf hookctl ps -a" 6 '^[0-9a-f]{12}  web'
paged "one that ends early is no error" "PAGER='head -n 1' hookctl metrics" 10 '^# HELP'
paged "-n that fits needs none" "PAGER='echo paged' hookctl ps -a -n 1" 6 '^[0-9a-f]{12}  '
paged "--no-pager" "PAGER='echo paged' hookctl --no-pager ps -a" 4 '^[0-9a-f]{12}  web'
paged "less is secure under sudo" "SUDO_UID=1000 PAGER='env | grep LESS' hookctl ps -a" 5 '^LESSSECURE=1$'
if command -v less > /dev/null; then
	unset LESS
	open_terminal 80 10 'hookctl metrics; echo behind less'
	until_true shows '^lines 1-9' && ok "less shows the first page" || not_ok "less shows the first page" "$(shown)"
	in_terminal send-keys q
	await_command
	is "and leaves it there" "$(cat status) $(shown | tail -n 1)" '0 behind less'
	close_terminal
else
	echo "# less is not installed: its flags are not tested"
fi

# ---- drain ----

request slow poststart 300 "mkfifo $work/go; read -r line < $work/go"
hookctl run $(options slow poststart) > out 2> err &
slow=$!
until_true test -p "$work/go"
open_terminal 80 24 'hookctl drain'
until_true shows '^1 run left$' || not_ok "drain shows what still runs" "$(shown)"
is "drain says for how many runs it waits" "$(shown | head -n 1)" 'hookd ends after 1 run'
echo > "$work/go"
await_command
is "and ends with hookd" "$(cat status) $(shown | tail -n 1)" '0 hookd has ended'
close_terminal
wait "$daemon"
is "which ends as asked" $? 0
daemon=
wait $slow
tap_end
