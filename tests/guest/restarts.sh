#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# In the guest: runc, crun and podman start and remove containers while hookd is restarted again and
# again.
. "$(dirname "$0")/setup.sh"

restarts=15 containers=3   # at least; containers of each engine
rootfs=$work/rootfs
ran=$work/ran              # a line of each hook: STAGE ID
stages=(createRuntime poststart poststop)

mkdir -p /etc/hookd
printf '[Hooks]\nRunners=2\n' > /etc/hookd/hookd.conf
install_hookd
mkdir -p "$rootfs"/{bin,dev,etc,proc,run,sys,tmp,var}
cp /bin/busybox "$rootfs/bin/true"

# ---- containers ----

# The hook of a stage: a script that reads the container's state.
script() { # STAGE
	echo "echo $1 \$(jq -r .id) >> $ran"
}

# The config.json of each container, with delegated hooks.
write_bundle() { # FOLDER
	local stage hooks='{}'

	for stage in "${stages[@]}"; do
		hooks=$(jq --arg stage "$stage" --arg script "$(script "$stage")" \
			'.[$stage] = [{path: "/bin/sh", args: ["sh", "-c", $script]}]' <<< "$hooks")
	done
	mkdir -p "$1"
	(cd "$1" && runc spec)
	jq --argjson hooks "$hooks" --arg rootfs "$rootfs" '.process.terminal = false
		| .process.args = ["/bin/true"] | .root.path = $rootfs | .hooks = $hooks' \
		"$1/config.json" | hookctl delegate > "$1/new.json"
	mv "$1/new.json" "$1/config.json"
}

# For podman, one file for each stage.
write_podman_hooks() {
	local stage

	mkdir "$work/hooks.d"
	for stage in "${stages[@]}"; do
		jq -n --arg stage "$stage" --arg shim "$(find /usr -name hookd-oci-hook)" \
			--arg script "$(script "$stage")" '{
			version: "1.0.0", when: {always: true}, stages: [$stage],
			hook: {path: $shim, args: ["hookd-oci-hook", "--stage=" + $stage,
				"--hook=/bin/sh", "--", "-c", $script]}}' > "$work/hooks.d/$stage.json"
	done
}

start_container() { # ENGINE ID
	case $1 in
	podman)
		podman --runtime=crun --cgroup-manager=cgroupfs --storage-driver=vfs \
			--hooks-dir="$work/hooks.d" run --rm --cidfile="$work/$2.cid" --network=none \
			--security-opt=seccomp=unconfined --log-driver=none --rootfs "$rootfs" /bin/true &&
			echo "$(< "$work/$2.cid")" >> "$work/ids"
		;;
	*)
		"$1" run --bundle "$work/bundle" "$2" < /dev/null && echo "$2" >> "$work/ids"
		;;
	esac
}

# One container after another until there is a file.
start_containers() { # ENGINE
	local i

	for ((i = 0; ; i++)); do
		[ ! -e "$work/enough" ] || return 0
		start_container "$1" "$1-$i" > "$work/said-$1" 2>&1 ||
			{ echo "$1-$i"; cat "$work/said-$1"; } >> "$work/wrong"
		echo "$i" > "$work/count-$1"
	done
}

have_started_enough() {
	local engine

	for engine in "$@"; do
		[ "$(cat "$work/count-$engine" 2> /dev/null || echo 0)" -ge $containers ] || return 1
	done
}

# ---- the test ----

# A child that holds the hook's pipes, as a monitor of a container would.
leave_child() {
	jq -n --arg script "setsid -f sh -c 'echo \$\$ > $work/child; while echo alive; do sleep 0.1; done'" \
		'{createRuntime: [{path: "/bin/sh", args: ["sh", "-c", $script]}]}' > "$work/hooks.json"
	echo '{"ociVersion":"1.0.2","id":"served","status":"creating","bundle":"/tmp"}' > "$work/state.json"
	hookctl run --stage=createRuntime --state="$work/state.json" --hooks="$work/hooks.json"
}

# Fault 30.
test_restarts() {
	local engine engines=(runc crun podman) i pids=()

	check "a hook leaves a child" leave_child
	touch "$work/wrong" "$work/ids" "$ran"
	for engine in "${engines[@]}"; do
		start_containers "$engine" &
		pids+=($!)
	done
	for ((i = 0; i < restarts || SECONDS < end; i++)); do
		systemctl restart hookd.service || not_ok "restart $i"
		! have_started_enough "${engines[@]}" || end=0
	done
	touch "$work/enough"
	wait "${pids[@]}"
	echo "# $i restarts, $(wc -l < "$work/ids") containers"
	check "each engine has started some" have_started_enough "${engines[@]}"
	is "no container fails" "$(< "$work/wrong")" ''
	is "each hook of each container ran once" "$(sort "$ran")" \
		"$(for i in "${stages[@]}"; do sed "s/^/$i /" "$work/ids"; done | sort)"
	check "the child lives" kill -0 "$(< "$work/child")"
	is "nothing of hookd's complains" "$(journalctl -q -o cat -p err _COMM=hookd)" ''
	kill "$(< "$work/child")"
}

write_bundle "$work/bundle"
write_podman_hooks
end=$((SECONDS + 600))   # by then the test has failed
test_restarts
tap_end
