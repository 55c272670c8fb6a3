# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
#
# Sourced by scripts in the guest after setup.sh: a user and the user's systemd.

user=4242
home=/home/mine
runtime_dir=/run/user/$user
cgroups=/sys/fs/cgroup/user.slice/user-$user.slice/user@$user.service/app.slice/hookd.service

as_user() { # COMMAND...
	setpriv --reuid=$user --regid=$user --clear-groups \
		env -i "PATH=$PATH" HOME=$home XDG_RUNTIME_DIR=$runtime_dir "$@"
}

# The guest has neither PAM nor logind, which creates the directory on other systems.
start_users_systemd() {
	echo "mine:x:$user:$user::$home:/bin/sh" >> /etc/passwd
	echo "mine:x:$user:" >> /etc/group
	echo "mine:100000:65536" | tee /etc/subuid > /etc/subgid
	install -d -o $user -g $user -m 700 $home $runtime_dir
	mkdir -p /run/systemd/system/user@$user.service.d
	printf '%s\n' '[Service]' PAMName= Environment=XDG_RUNTIME_DIR=$runtime_dir \
		> /run/systemd/system/user@$user.service.d/test.conf
	printf '%s\n' '[Service]' Type=oneshot ExecStart=/bin/true \
		> /run/systemd/system/user-runtime-dir@$user.service
	systemctl daemon-reload
	systemctl start user@$user.service
}

show_user() { # PROPERTY of the service
	as_user systemctl --user show --value -p "$1" hookd.service
}

# Runs a hook by the user's hookd, outside of containers; prints JQ of its result.
run_as_user() { # JQ SCRIPT
	jq -n --arg script "$2" '{poststop: [{path: "/bin/sh", args: ["sh", "-c", $script]}]}' \
		> "$work/user-hooks.json"
	echo '{"ociVersion":"1.0.2","id":"c1","status":"stopped","bundle":"/"}' > "$work/user-state.json"
	as_user hookctl --json=short run --stage=poststop --state="$work/user-state.json" \
		--hooks="$work/user-hooks.json" | jq -r ".hooks[0] | $1"
}
