#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# A hookd of an ordinary user: the default socket of hookd and its clients, and the default state
# directory.
# usage: test_user.sh HOOKD HOOKCTL LIBHOOKD SHIM, as root; /run is a new tmpfs.
set -euo pipefail

if [ "$(id -u)" != 0 ]; then
	echo "1..0 # SKIP becoming other users needs root"
	exit 77
fi
if [ "${1:-}" != --inside ]; then
	exec unshare --mount "$0" --inside "$@"
fi
shift
mount -t tmpfs -o mode=755 tmpfs /run
user=4242
work=$(mktemp -d)
chmod 755 "$work"
. "$(dirname "$0")/../../containers/tap.sh"
. "$(dirname "$0")/../../containers/daemon.sh"
clean_up() {
	[ -z "${daemon:-}" ] || kill -KILL "$daemon" 2> /dev/null || true
	rm -rf "$work"
}
trap clean_up EXIT

# The build folder may be one that only root can enter.
install -m 755 "$1" "$work/hookd"
install -m 755 "$2" "$work/hookctl"
install -m 755 "$3" "$work/libhookd.so.0"
install -m 755 "$4" "$work/hookd-oci-hook"
export LD_LIBRARY_PATH=$work
unset HOOKD_ADDRESS XDG_RUNTIME_DIR RUNTIME_DIRECTORY
echo '{"ociVersion":"1.0.2","id":"c1","status":"stopped","bundle":"/"}' > "$work/state.json"
echo '{"poststop":[{"path":"/bin/cat","args":["cat","/proc/self/oom_score_adj"]}]}' \
	> "$work/hooks.json"
as_user=(setpriv --reuid=$user --regid=$user --clear-groups)

# Starts COMMAND, which becomes hookd; returns when that is ready or has exited.
start() { # COMMAND...
	rm -f "$work/log"
	if launch_hookd "$work/log" "$@"; then
		ok "hookd starts: ${*/#$work\//}"
	else
		not_ok "hookd starts: ${*/#$work\//}" "$(< "$work/log")"
	fi
}

stop() {
	local status=0

	kill "$daemon"
	wait "$daemon" || status=$?
	daemon=
	is "and ends with 0" "$status" 0
}

# Runs a hook by the user's hookd; prints JQ of the hook's result.
run() { # JQ [OPTION...]
	"${as_user[@]}" env XDG_RUNTIME_DIR=/run/mine "$work/hookctl" --json=short run --stage=poststop \
		--state="$work/state.json" --hooks="$work/hooks.json" "${@:2}" 2> "$work/said" |
		jq -r ".hooks[0] | $1"
}

# ---- oom_score_adj ----

# Without CAP_SYS_RESOURCE a user cannot go below the score that root has set.
has_resource() {
	setpriv --dump | grep -q 'Capability bounding set:.*sys_resource'
}

test_oom_score() { # INHERITED EXPECTED
	start choom -n "$1" -- "${as_user[@]}" env XDG_RUNTIME_DIR=/run/mine "$work/hookd"
	is "a hook runs, and has its user's score" "$(run .stdout)" "$2"
	echo '{"process":{"noNewPrivileges":true}}' > "$work/settings.json"
	is "with settings of another kind too" "$(run .stdout --settings="$work/settings.json")" "$2"
	echo '{"process":{"oomScoreAdj":600}}' > "$work/settings.json"
	is "a higher score is set" "$(run .stdout --settings="$work/settings.json")" 600
	stop
}

test_oom_score_that_is_too_low() {
	echo '{"process":{"oomScoreAdj":-1}}' > "$work/settings.json"
	start "${as_user[@]}" env XDG_RUNTIME_DIR=/run/mine "$work/hookd"
	is "a score that a user cannot have is an error" \
		"$(run '"\(.outcome) \(.failedStep) \(.errnoName)"' --settings="$work/settings.json")" \
		'spawn_failed oomScoreAdj EACCES'
	stop
}

# ---- the default address ----

ping_as() { # COMMAND...
	"$@" "$work/hookctl" ping
}

# Runs the shim with the hooks of one stage, whose files do not exist; 126: hookd has run them.
shim_status() { # STAGE COMMAND...
	local status=0 is=stopped

	[ "$1" = poststop ] || is=creating
	sed "s/stopped/$is/" "$work/state.json" |
		"${@:2}" "$work/hookd-oci-hook" --stage="$1" --hook=/nonexistent > "$work/said" 2>&1 ||
		status=$?
	echo "$status"
}

test_default_of_root() {
	start "$work/hookd"
	is "root's hookd is in /run/hookd" "$(stat -c '%a %F' /run/hookd/hookd.sock)" '600 socket'
	check "where root looks" ping_as env
	check "with XDG_RUNTIME_DIR too" ping_as env XDG_RUNTIME_DIR=/run/mine
	stop
}

test_default_of_a_user() {
	local xdg=(env XDG_RUNTIME_DIR=/run/mine)

	start "${as_user[@]}" "${xdg[@]}" "$work/hookd"
	is "a user's hookd is in XDG_RUNTIME_DIR" \
		"$(stat -c '%a %u %F' /run/mine/hookd/hookd.sock)" "600 $user socket"
	is "in a directory of the user's alone" "$(stat -c '%a %u' /run/mine/hookd)" "700 $user"
	check "where the user looks" ping_as "${as_user[@]}" "${xdg[@]}"
	check "as root of a user namespace too" ping_as "${as_user[@]}" "${xdg[@]}" unshare -Ur
	is "and a runtime's hook" "$(shim_status poststop "${as_user[@]}" "${xdg[@]}")" 126
	is "and that of a rootless engine" "$(shim_status poststop "${as_user[@]}" "${xdg[@]}" unshare -Ur)" \
		126
	is "an image's word is not taken" "$(shim_status createContainer "${as_user[@]}" "${xdg[@]}")" 125
	contains "the system's is tried where a user has no directory" "$work/said" /run/hookd/hookd.sock
	stop
}

# Without XDG_RUNTIME_DIR it is /run/user/UID.
test_default_by_number() {
	install -d -o $user -g $user -m 700 /run/user/$user
	start "${as_user[@]}" "$work/hookd"
	is "without XDG_RUNTIME_DIR it is in /run/user" \
		"$(stat -c '%a %u %F' /run/user/$user/hookd/hookd.sock)" "600 $user socket"
	check "where the user looks" ping_as "${as_user[@]}"
	is "in a container stage hookd asks for the container's process, so it was reached" \
		"$(shim_status createContainer "${as_user[@]}" env XDG_RUNTIME_DIR=/nowhere)" 125
	contains "as its answer shows" "$work/said" state.pid
	is "and for a rootless engine" \
		"$(shim_status createContainer "${as_user[@]}" unshare -Ur)" 125
	contains "as its answer shows" "$work/said" state.pid
	stop
}

# ---- the state ----

test_state_directory() {
	start "$work/hookd"
	is "state is apart from the socket, for root alone" "$(stat -c '%a %u' /run/hookd/state)" '700 0'
	is "whose directory others may enter" "$(stat -c %a /run/hookd)" 755
	stop
	install -d /run/made/hookd
	start env RUNTIME_DIRECTORY=/run/made/hookd:/run/other "$work/hookd" --socket="$work/socket"
	is "below the directory that a service manager has made" \
		"$(stat -c %a /run/made/hookd/state/holdings.db)" 600
	stop
}

# Older versions kept these files in the directory of the socket.
test_upgrade() {
	local files=() name

	rm -r /run/hookd/state
	start "$work/hookd" --state-dir=/run/hookd
	"$work/hookctl" run --stage=poststop --state="$work/state.json" \
		--hooks="$work/hooks.json" > "$work/said"
	stop
	for name in holdings.db holdings.db-journal history.db history.db-journal runs resctrl-groups; do
		[ ! -e /run/hookd/$name ] || files+=("$name")
	done
	start "$work/hookd"
	is "what an earlier hookd kept beside the socket is known" \
		"$("$work/hookctl" --json=short ps -a | jq -r '.[].stage')" poststop
	is "it is moved" "$(cd /run/hookd && ls)" "$(printf '%s\n' hookd.sock lock spool state)"
	is "all of it" "$(cd /run/hookd/state && ls "${files[@]}" | wc -l)" "${#files[@]}"
	contains "and the log tells" "$work/log" \
		"moved ${#files[@]} files of an earlier hookd from /run/hookd to /run/hookd/state"
	stop
	touch /run/hookd/holdings.db
	start "$work/hookd"
	contains "one that is not needed any more is told of" "$work/log" \
		'1 files of an earlier hookd in /run/hookd are ignored'
	stop
}

# ---- hookd.conf ----

# Returns hookd's exit status; its output is in $work/said.
check_config() { # COMMAND...
	local status=0

	"$@" --check-config > "$work/said" 2>&1 || status=$?
	echo "$status"
}

# Both name the file.
test_links_to_nothing() {
	local file

	install -d /run/hookd/hookd.conf.d
	for file in /run/hookd/hookd.conf /run/hookd/hookd.conf.d/a.conf; do
		ln -s /nowhere $file
		is "a link to nothing is a mistake: $file" "$(check_config "$work/hookd")" 6
		contains "and named" "$work/said" "$file: dangling symbolic link"
		ln -sf /dev/null $file
		is "one to /dev/null is none" "$(check_config "$work/hookd") $(< "$work/said")" '0 '
		rm $file
	done
	rmdir /run/hookd/hookd.conf.d
	ln -s /nowhere /run/hookd/hookd.conf.d
	is "a link to no folder is a mistake" "$(check_config "$work/hookd")" 6
	contains "and named" "$work/said" '/run/hookd/hookd.conf.d: dangling symbolic link'
	rm /run/hookd/hookd.conf.d
}

# Files that must not be read are invalid, so that reading one is an error.
test_what_a_user_may_not_read() {
	local kept

	install -d /run/hookd/hookd.conf.d
	echo '[Hooks' | tee /run/hookd/hookd.conf > /run/hookd/hookd.conf.d/a.conf
	is "a user's hookd reads what root's does" "$(check_config "${as_user[@]}" "$work/hookd")" 6
	chmod 600 /run/hookd/hookd.conf /run/hookd/hookd.conf.d/a.conf
	is "but for what the user may not read" "$(check_config "${as_user[@]}" "$work/hookd")" 0
	for kept in hookd.conf hookd.conf.d/a.conf; do
		contains "which is named" "$work/said" "/run/hookd/$kept: Permission denied: ignored"
	done
	is "root may" "$(check_config "$work/hookd")" 6
	chmod 700 /run/hookd
	is "nor a folder" "$(check_config "${as_user[@]}" "$work/hookd")" 0
	for kept in hookd.conf hookd.conf.d; do
		contains "which is named too" "$work/said" "/run/hookd/$kept: Permission denied: ignored"
	done
	is "a file of --config= has to be read" \
		"$(check_config "${as_user[@]}" "$work/hookd" --config=/run/hookd/hookd.conf)" 6
	chmod 755 /run/hookd
	rm -r /run/hookd/hookd.conf /run/hookd/hookd.conf.d
}

# hookd applies what it may set, and runs hooks in any case.
test_nice() { # NICE EXPECTED WARNINGS
	local log="ignoring Nice=$1: Permission denied"

	printf '[Hooks]\nNice=%s\n' "$1" > /run/hookd/hookd.conf
	echo '{"poststop":[{"path":"/usr/bin/nice"}]}' > "$work/hooks.json"
	start "${as_user[@]}" env XDG_RUNTIME_DIR=/run/mine "$work/hookd"
	is "Nice=$1: a hook runs" "$(run '"\(.outcome) \(.stdout)"' | head -n 1)" "exited $2"
	is "Nice=$1: and the log tells of what is ignored" "$(grep -c "$log" "$work/log" || true)" "$3"
	stop
	rm /run/hookd/hookd.conf
}

install -d -o $user -g $user -m 700 /run/mine
if has_resource; then
	test_oom_score 500 500
	test_oom_score -500 0
else
	test_oom_score 500 0
fi
test_oom_score_that_is_too_low
test_default_of_root
test_default_of_a_user
test_default_by_number
test_state_directory
test_upgrade
test_links_to_nothing
test_what_a_user_may_not_read
test_nice -20 "$(nice)" 1
test_nice 19 19 0
tap_end
