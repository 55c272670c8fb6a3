# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
#
# Sourced by engines.sh: how each engine does what cases.sh wants.

# Ten at once take over 100 s on a machine that is busy.
limit() { # COMMAND...
	timeout 400 "$@"
}

# ---- podman, as root and as a user ----

# The runtime keeps its name, so podman knows what it can do, and containers outlive the change.
write_containers_conf() { # FILE
	cat > "$1" << END
[engine]
runtime = "runc"
[engine.runtimes]
runc = ["$runtime"]
END
}

podman_as=() # of whom the containers are
podman_before() {
	podman_as=(env)
	write_containers_conf "$folder/containers.conf"
	hooks_d=$folder/hooks
	[ "$variant" != hooks.d ] || delegate_hooks_d
}

# With the runtime as it is: the files of hooks.d are those that hookd runs.
delegate_hooks_d() {
	local set

	hooks_d=$folder/delegated
	mkdir "$hooks_d"
	for set in all fail hang; do
		hookctl delegate --hooks-dir="$folder/hooks/$set.d" --output="$hooks_d/$set.d" \
			>> "$folder/delegated.log" 2>&1
	done
}

podman_call() { # ARGUMENT...
	"${podman_as[@]}" CONTAINERS_CONF="$folder/containers.conf" STORAGE_DRIVER=vfs timeout 400 podman "$@"
}

podman_run() { # NAME HOOKS [OPTION...]
	podman_call --hooks-dir="$hooks_d/$2.d" run --detach --name="$1" --network=none "${@:3}" \
		localhost/test sleep 1000
}

podman_user_namespace() { podman_run "$@" --uidmap=0:100000:65536 --gidmap=0:100000:65536; }
podman_exec() { podman_call exec "$@"; }
podman_restart() { podman_call --hooks-dir="$hooks_d/all.d" restart --time=0 "$1"; }
podman_stop() { podman_call --hooks-dir="$hooks_d/all.d" stop --time=0 "$1"; }
podman_remove() { podman_call --hooks-dir="$hooks_d/all.d" rm --force --time=0 "$@"; }

# In a cgroup of the user's, where a login would be.
in_session() { # VARIABLE=VALUE... COMMAND...
	(
		echo "$BASHPID" > "$session/cgroup.procs"
		cd "$home"
		as_user DBUS_SESSION_BUS_ADDRESS=unix:path=$runtime_dir/bus "$@"
	)
}

rootless_before() {
	podman_before
	podman_as=(in_session)
	chown -R $user "$folder"
}

rootless_run() { podman_run "$@"; }
rootless_user_namespace() { podman_run "$@" --uidmap=0:1:1000 --gidmap=0:1:1000; }
rootless_exec() { podman_exec "$@"; }
rootless_restart() { podman_restart "$@"; }
rootless_stop() { podman_stop "$@"; }
rootless_remove() { podman_remove "$@"; }

# ---- docker ----

# It has no hooks of the user: a program of the test adds them to the bundle, by a variable in the
# container's environment.
docker_before() { :; }

docker_run() { # NAME HOOKS [OPTION...]
	limit docker "${docker_host[@]}" run --detach --name="$1" --network=none --runtime="test-$variant" \
		--env=HOOKS="$folder/hooks/$2.json" --security-opt=apparmor=unconfined "${@:3}" \
		test sleep 1000
}

docker_host=()
docker_user_namespace() {
	docker_host=(--host="unix:///run/docker-mapped.sock")
	docker_run "$@"
}

docker_exec() { limit docker exec "$@"; }
docker_restart() { limit docker restart --time=0 "$1"; }
docker_stop() { limit docker stop --time=0 "$1"; }
docker_remove() {
	limit docker "${docker_host[@]}" rm --force "$@"
	docker_host=()
}

# ---- containerd's ctr ----

ctr_before() {
	(cd "$folder" && runc spec && mv config.json spec.json)
}

ctr_run() { # NAME HOOKS [JQ]
	jq --slurpfile hooks "$folder/hooks/$2.json" '.hooks = $hooks[0] | .process.terminal = false
		| .process.args = ["sleep", "1000"] | .root = {path: "/srv/image"}
		| '"${3:-.}" "$folder/spec.json" > "$folder/$1.json"
	limit ctr run --detach --runc-binary="$runtime" --config="$folder/$1.json" "$1"
}

ctr_user_namespace() {
	ctr_run "$@" '.linux.namespaces += [{type: "user"}]
		| .linux.uidMappings = [{containerID: 0, hostID: 100000, size: 65536}]
		| .linux.gidMappings = .linux.uidMappings | .root.path = "/srv/image-mapped"
		| del(.mounts[] | select(.destination == "/sys" or .type == "cgroup"))'
}

ctr_exec() { limit ctr task exec --exec-id=x "$@"; }
ctr_stop() { # containerd has no more than these
	limit ctr task kill --signal=KILL "$1" && until_true ctr_has_task "$1" STOPPED &&
		limit ctr task delete "$1"
}
ctr_has_task() { # NAME [STATUS]
	ctr task list > "$folder/tasks"
	grep -q "^$1 .*${2:-}" "$folder/tasks"
}
ctr_restart() { ctr_stop "$1" && limit ctr task start --detach "$1"; }
ctr_remove() {
	local name

	for name; do
		! ctr_has_task "$name" || ctr_stop "$name"
		limit ctr container delete "$name"
	done
}

# ---- buildah ----

buildah_before() { :; }

# A container of buildah has no life of its own: the hooks are those of a build's step.
buildah_run() { # NAME HOOKS [OPTION...]
	printf 'FROM localhost/test\nRUN cat /tmp/ran\n' |
		limit buildah build --hooks-dir="$folder/hooks/$2.d" --runtime="$runtime" --network=none \
			--isolation=oci --pull-never "${@:3}" -
}
buildah_user_namespace() {
	buildah_run "$@" --userns-uid-map=0:100000:65536 --userns-gid-map=0:100000:65536
}
buildah_remove() { :; }
