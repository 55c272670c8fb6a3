# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
#
# Sourced by containers.sh: a user's hookd with the user's systemd, and rootless podman with runc and
# with crun.

. "$here/user.sh"

test_users_service() {
	local cgroup runs

	check "a user's socket is enabled" as_user systemctl --user enable --now hookd.socket
	is "it is where the user's clients look" \
		"$(stat -c '%a %u %F' $runtime_dir/hookd/hookd.sock)" "600 $user socket"
	check "the first call starts the user's hookd" as_user hookctl ping
	is "which is the user's" "$(awk '/^Uid:/ { print $2 }' "/proc/$(show_user MainPID)/status")" \
		$user
	is "as the service that was asked for" "$(show_user ActiveState)" active
	is "it uses the cgroup that was delegated to it" \
		"$(cat "/proc/$(show_user MainPID)/cgroup")" "0::${cgroups#/sys/fs/cgroup}/daemon"
	cgroup=$(run_as_user .stdout 'cat /proc/self/cgroup')
	is "a hook is in one of the runs of a runner" \
		"$(sed 's,.*/hookd-runner@[^/]*/runs/[0-9]*$,yes,' <<< "$cgroup")" yes
	cgroup=${cgroup#0::} runs=/sys/fs/cgroup${cgroup%/*}
	contains "with controllers" "$runs/cgroup.subtree_control" memory
	contains "with controllers" "$runs/cgroup.subtree_control" pids
	is "a user's service has a score that it cannot lower" \
		"$(cat "/proc/$(show_user MainPID)/oom_score_adj")" 200
	is "and so have its hooks" "$(run_as_user .stdout 'cat /proc/self/oom_score_adj')" 200
	is "its directory is the user's alone" "$(stat -c '%a %u' $runtime_dir/hookd)" "700 $user"
}

# One file for each stage, except startContainer, whose programs are in the image.
write_podman_hooks() {
	local stage

	mkdir "$work/hooks.d"
	for stage in createRuntime createContainer poststart poststop; do
		jq -n --arg stage $stage --arg shim "$(find /usr -name hookd-oci-hook)" '{
			version: "1.0.0", when: {always: true}, stages: [$stage],
			hook: {path: $shim, args: ["hookd-oci-hook", "--stage=" + $stage, "--hook=/bin/sh",
				"--", "-c", "echo \($stage) of $(wc -c) bytes, ids $(id -u) $(id -g)"]}}' \
			> "$work/hooks.d/$stage.json"
	done
}

make_rootfs() {
	local rootfs=$home/rootfs

	mkdir -p $rootfs/{bin,dev,etc,proc,run,sys,tmp,var}
	cp /bin/busybox $rootfs/bin/
	ln -s busybox $rootfs/bin/sh
	chown -R $user:$user $rootfs
}

podman() { # RUNTIME ARGUMENT...
	(cd $home && as_user timeout 120 podman --runtime="$1" --cgroup-manager=cgroupfs \
		--storage-driver=vfs --hooks-dir="$work/hooks.d" "${@:2}")
}

test_podman() { # RUNTIME
	local id=$home/$1.id stage

	check "podman runs a container without root: $1" podman "$1" run --name="$1" \
		--cidfile="$id" --network=none --security-opt=seccomp=unconfined --log-driver=none \
		--rootfs $home/rootfs /bin/sh -c 'echo > /tmp/ran'
	check "it ran" rm $home/rootfs/tmp/ran
	as_user hookctl --json=short ps -a --container="$(< "$id")" > "$work/ps"
	for stage in createRuntime createContainer poststart poststop; do
		is "its $stage hook ran through the user's hookd" \
			"$(jq -r --arg stage $stage '.. | objects | select(.stage? == $stage) | .outcome' \
				"$work/ps" | xargs)" succeeded
	done
	check "and is removed" podman "$1" rm --force "$1"
}

start_users_systemd
test_users_service
write_podman_hooks
make_rootfs
chmod 755 "$work/hooks.d"
for runtime in runc crun; do
	test_podman $runtime
done
