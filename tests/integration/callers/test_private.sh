#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# A private hookd, started by hookd-oci-hook and by hookctl run: beside another hookd, with the
# configuration of every hookd, of an ordinary user, and where much is missing.
# usage: test_private.sh HOOKD HOOKCTL LIBHOOKD SHIM
set -uo pipefail
hookd=$1 hookctl=$2 libhookd=$3 shim=$4
command -v jq > /dev/null || { echo "1..0 # SKIP jq is not installed"; exit 77; }
. "$(dirname "$0")/../metrics/lib.sh"
unset LISTEN_FDS LISTEN_PID NOTIFY_SOCKET
state='{"ociVersion":"1.0.2","id":"c1","status":"stopped","bundle":"/"}'
private=(--address=unix:/nonexistent/s --if-down=run-local "--hookd=$hookd")

# Runs SCRIPT as a hook; its stderr is in $work/out.
run_shim() { # SCRIPT [OPTION...]
	echo "$state" | "$shim" --stage=poststop "${private[@]}" "${@:2}" --hook=/bin/sh -- -c "$1" \
		> "$work/out" 2>&1
}

status_of() { # COMMAND...
	"$@"
	echo $?
}

has() { # NAME TEXT
	contains "$1" "$work/out" "$2"
}

# hookd with options of its own, as a program for --hookd.
hookd_with() { # OPTION...
	printf '#!/bin/sh\nexec "%s" "$@" %s\n' "$hookd" "$*" > "$work/other-hookd"
	chmod 755 "$work/other-hookd"
}

# ---- what it has of its caller ----

is "a hook runs" "$(status_of run_shim 'echo ran >&2; exit 3')" 3
has "with its output" ran
is "descriptors of the caller are closed" \
	"$(status_of run_shim '! ls -l /proc/$PPID/fd | grep held' 77> "$work/held")" 0
is "and none of them is a hook's" \
	"$(status_of run_shim '[ ! -e /proc/self/fd/77 ] && [ ! -e /proc/self/fd/3 ]' 77> "$work/held")" 0
is "it has no environment" "$(status_of run_shim 'tr "\0" "\n" < /proc/$PPID/environ | grep . >&2; [ $? = 1 ]')" 0
is "it is alone in its session" \
	"$(status_of run_shim '[ "$(ps -o sess= -p $PPID | tr -d " ")" = $PPID ]')" 0
is "a hook is in another one" \
	"$(status_of run_shim '[ "$(ps -o sess= -p $$ | tr -d " ")" = $$ ]')" 0
NOTIFY_SOCKET=$work/notify WATCHDOG_USEC=1000000 run_shim 'exit 0'
is "it is not taken for the caller's service" $? 0

# It has ended before the shim has: no process is left, nothing is reaped by others.
run_shim 'echo $PPID >&2'
is "it has ended with the shim" "$(status_of test ! -e "/proc/$(cat "$work/out")")" 0

# ---- the configuration ----

printf '[Hooks]\nDefaultTimeoutSec=1\nUMask=0027\nDefaultPath=/bin:/usr/bin\n' > "$work/own.conf"
hookd_with --config="$work/own.conf"
is "the default of a timeout holds" "$(status_of run_shim 'sleep 1000' --hookd="$work/other-hookd")" 124
is "so does the umask" \
	"$(status_of run_shim '[ $(umask) = 0027 ]' --hookd="$work/other-hookd")" 0
printf '[Hooks]\nDefaultTimeoutSec=never\n' > "$work/own.conf"
is "a wrong configuration is an error" \
	"$(status_of run_shim 'echo ran >&2' --hookd="$work/other-hookd")" 125
has "which names the file" "$work/own.conf:2"
has "and says who has ended" "other-hookd has ended with exit status 6"
is "nothing was run" "$(grep -c ^ran "$work/out")" 0
printf '[Metrics]\nListen=127.0.0.1:%s\n[History]\nDirectory=%s/history\n' "$(free_port)" "$work" \
	> "$work/own.conf"
mkdir "$work/history"
is "metrics and history are off" "$(status_of run_shim \
	'ls -l /proc/$PPID/fd | grep -c socket: | grep -qx 1' --hookd="$work/other-hookd")" 0
is "no history was made" "$(ls "$work/history")" ""
install -m 777 /bin/true "$work/open-hook"
is "who owns the file of a hook is checked" "$(echo "$state" | "$shim" --stage=poststop "${private[@]}" \
	--hook="$work/open-hook" > "$work/out" 2>&1; echo $?)" 126

# ---- beside another hookd ----

configure
start_hookd || exit 1
before=$(cd "$work/state" && find . -type f ! -name '*.db*' -exec cksum {} + | sort)
cgroups=$(find /sys/fs/cgroup -path "*hookd-$daemon*" -type d 2> /dev/null | sort)
is "it runs beside another one" "$(status_of run_shim 'cat /proc/self/cgroup >&2')" 0
is "in the cgroup of its caller" "$(cat "$work/out")" "$(cat /proc/self/cgroup)"
"$hookctl" ps --all --json=short > "$work/out" 2>&1
is "which has no run of it" "$(grep -c c1 "$work/out")" 0
is "its files are as they were" \
	"$(cd "$work/state" && find . -type f ! -name '*.db*' -exec cksum {} + | sort)" "$before"
is "and so are its cgroups" \
	"$(find /sys/fs/cgroup -path "*hookd-$daemon*" -type d 2> /dev/null | sort)" "$cgroups"
run_hook 'exit 0'
is "it works as before" $? 0
kill -STOP "$daemon"
is "one that is stopped holds nothing up" "$(status_of run_shim 'exit 4')" 4
kill -CONT "$daemon"
stop_hookd

# ---- hookctl run --private ----

hooks() { # SCRIPT
	jq -n --arg script "$1" '{poststop: [{path: "/bin/sh", args: ["sh", "-c", $script]}]}' \
		> "$work/hooks.json"
}
echo "$state" > "$work/state.json"
run_ctl() { # OPTION...
	"$hookctl" run "--private=$hookd" --stage=poststop --state="$work/state.json" \
		--hooks="$work/hooks.json" "$@" > "$work/out" 2>&1
}
hooks 'echo said'
is "hookctl needs no daemon" "$(status_of run_ctl)" 0
has "and shows the run" "succeeded, 1 hook"
is "without advice that needs a daemon" "$(grep -c 'hookctl ' "$work/out")" 0
is "as JSON, too" "$(status_of run_ctl --json=short)" 0
is "with its outcome" "$(jq -r .outcome "$work/out")" succeeded
is "what hooks write is followed" "$(status_of run_ctl --follow --quiet)" 0
is "byte by byte" "$(cat "$work/out")" said
hooks 'exit 3'
is "a hook fails" "$(status_of run_ctl)" 1
is "settings hold" "$(hooks '[ $(id -u) = 4711 ]'
	echo '{"process":{"user":{"uid":4711,"gid":4711}}}' > "$work/settings.json"
	status_of run_ctl --settings="$work/settings.json")" 0
echo '{"linux":{"seccomp":{"defaultAction":"SCMP_ACT_ALLOW","syscalls":[{"names":["mkdirat"],"action":"SCMP_ACT_ERRNO"}]}}}' \
	> "$work/settings.json"
hooks 'grep -qx "Seccomp:	2" /proc/self/status'
is "a filter is compiled and installed" "$(status_of run_ctl --settings="$work/settings.json")" 0
for option in --address=unix:/x --request-id=1 --on-disconnect=continue; do
	is "$option is refused" "$(status_of run_ctl "$option")" 2
	has "by its name" "--private and ${option%%=[1u]*} exclude each other"
done
is "a relative path is refused" "$(status_of run_ctl --private=hookd)" 2
is "hookd is missing" "$(status_of run_ctl --private=/nonexistent/hookd)" 125
has "which is said" "there is no such program here"
printf '#!/bin/sh\nsleep 1000\n' > "$work/no-hookd"
chmod 755 "$work/no-hookd"
is "a program that is no hookd" "$(status_of run_ctl "--private=$work/no-hookd")" 125
has "which is said" "no-hookd has not started as a private hookd within 10 s, and was killed"
hooks 'kill -9 $PPID; sleep 5'
is "hookd is killed" "$(status_of run_ctl)" 125
has "which is said, too" "was killed by signal 9"
mkfifo "$work/fifo"
hooks "echo up > $work/fifo; exec sleep 1000 > $work/fifo"
"$hookctl" run "--private=$hookd" --stage=poststop --state="$work/state.json" \
	--hooks="$work/hooks.json" > "$work/out" 2>&1 &
client=$!
read -r _ < "$work/fifo"
exec 8< "$work/fifo"
kill -KILL $client
wait $client 2> /dev/null
cat <&8 > /dev/null
exec 8<&-
ok "a hook ends with hookctl"

# ---- wrong use of --private ----

for option in --socket=/x --state-dir=/x --cgroup-root=/x --runner-socket=/x --check-config; do
	"$hookd" --private "$option" > "$work/out" 2>&1
	is "hookd refuses $option" $? 2
	has "by its name" "--private and ${option%%=*} exclude each other"
done
"$hookd" --private 3<&- > "$work/out" 2>&1
is "it needs a connection" $? 2
"$hookd" --private 3< /dev/null > "$work/out" 2>&1
is "a socket" $? 2

# ---- little to be had ----

is "few descriptors" "$(ulimit -n 64; status_of run_shim 'exit 5')" 5
is "too few of them" "$(ulimit -n 40; status_of run_shim 'echo ran >&2')" 125
has "which is said" "RLIMIT_NOFILE"
has "without running anything" "has ended with exit status 1"
is "no directory for temporary files" "$(TMPDIR=/nonexistent status_of run_shim 'exit 5')" 5

if [ "$(id -u)" != 0 ] || ! unshare --mount true; then
	echo "# SKIP other users and mount namespaces need root"
	tap_end
	exit
fi

# ---- an ordinary user ----

chmod 755 "$work"
install -m 755 "$hookd" "$work/hookd"
install -m 755 "$hookctl" "$work/hookctl"
install -m 755 "$libhookd" "$work/libhookd.so.0"
install -m 755 "$shim" "$work/shim"
as_user=(setpriv --reuid=4242 --regid=4242 --clear-groups --bounding-set=-all)
user_shim() { # SCRIPT
	echo "$state" | "${as_user[@]}" "$work/shim" --stage=poststop "${private[@]}" \
		--hookd="$work/hookd" --hook=/bin/sh -- -c "$1" > "$work/out" 2>&1
}
is "as an ordinary user" "$(status_of user_shim '[ $(id -u) = 4242 ] && exit 6')" 6
without_processes() { # a leak check at the exit would need one
	echo "$state" | ASAN_OPTIONS=${ASAN_OPTIONS:-}:detect_leaks=0 timeout 20 "${as_user[@]}" \
		prlimit --nproc=1:1 "$work/shim" --stage=poststop "${private[@]}" --hookd="$work/hookd" \
		--hook=/bin/true > "$work/out" 2>&1
}
is "no more processes are allowed" "$(status_of without_processes)" 125
has "which is said" "cannot be executed: no more processes are allowed here"
hooks 'exit 3'
is "hookctl, too" "$(LD_LIBRARY_PATH=$work "${as_user[@]}" "$work/hookctl" run "--private=$work/hookd" \
	--stage=poststop --state="$work/state.json" --hooks="$work/hooks.json" > "$work/out" 2>&1; echo $?)" 1
is "in a user namespace" "$(echo "$state" | "${as_user[@]}" unshare --user --map-root-user "$work/shim" \
	--stage=poststop "${private[@]}" --hookd="$work/hookd" --hook=/bin/sh -- -c 'exit $(id -u)' \
	> "$work/out" 2>&1; echo $?)" 0

# ---- other mounts ----

export work state shim hookd
inside() { # SCRIPT: in a mount namespace of its own
	unshare --mount bash -c "$1" > "$work/out" 2>&1
	echo $?
}
printf '[Hooks]\nDefaultTimeoutSec=1\n' > "$work/own.conf"
run='echo "$state" | "$shim" --stage=poststop --address=unix:/nonexistent/s --if-down=run-local --hookd=$hookd \
	--hook=/bin/sh -- -c'
is "without /run" "$(inside "mount -t tmpfs none /run && mount -o remount,ro /run && $run 'exit 5'")" 5
# As a createContainer hook of runc: the pid namespace is the container's, /proc is that of the host.
# LeakSanitizer finds another process there, or none.
leaks=${ASAN_OPTIONS:-}
export ASAN_OPTIONS=$leaks:detect_leaks=0
is "with another pid namespace's /proc" \
	"$(unshare --pid --fork bash -c "$run 'exit 5'" > "$work/out" 2>&1; echo $?)" 5
is "where a timeout kills no other process" "$(unshare --pid --fork bash -c "sleep 60 & bystander=\$!
	hookd=$work/other-hookd
	$run 'sleep 1000 & sleep 1000'; status=\$?
	kill \$bystander && exit \$status" > "$work/out" 2>&1; echo $?)" 124
export ASAN_OPTIONS=$leaks

if ldd "$shim" > /dev/null 2>&1; then
	echo "# SKIP with a sanitizer programs need /proc and many libraries"
	tap_end
	exit
fi
is "on a file system that cannot be written to" \
	"$(inside "mount --bind / /mnt && mount -o remount,bind,ro /mnt && chroot /mnt bash -c '$run \"exit 5\"'")" 5
is "without /proc" "$(inside "mount -t tmpfs none /proc && $run 'exit 5'")" 5
is "where a timeout holds, too" "$(inside "mount -t tmpfs none /proc
	hookd=$work/other-hookd
	$run 'sleep 1000 & sleep 1000'")" 124

# In an image hookd is not there, or its libraries are not.
mkdir -p "$work/image/bin" "$work/image/dev"
cp "$shim" "$work/image/shim"
in_image() {
	echo "$state" | chroot "$work/image" /shim --stage=poststop --address=unix:/nonexistent/s \
		--if-down=run-local --hookd=/hookd --hook=/hookd > "$work/out" 2>&1
	echo $?
}
is "without hookd" "$(in_image)" 125
has "which is said" "/hookd cannot be executed: there is no such program here"
cp "$hookd" "$work/image/hookd"
is "without a dynamic loader" "$(in_image)" 125
has "which is said, too" "or not its dynamic loader"
loader=$(ldd "$hookd" | sed -nE 's,^\s*(/\S*ld-\S*) .*,\1,p')
mkdir -p "$work/image$(dirname "$loader")"
cp -L "$loader" "$work/image$loader"
is "without its libraries" "$(in_image)" 125
has "one is named" "/hookd cannot be executed here: lib"
is "not in words that podman looks for" "$(grep -ci 'no such file or directory' "$work/out")" 0
tap_end
