# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
#
# Sourced by engines.sh after cases.sh: what docs/engines.md says to type for an engine, and how to undo
# it. With crun, which Debian's podman and buildah take if there are both.

# Prints how many runs hookd has of the folder's hook.
count_runs() {
	"${own[@]}" hookctl --json=short ps -a --path="$folder/hook" | jq length
}

# Runs a container with the hooks of all stages, of the engine's own configuration. Prints how many runs
# hookd has had of it.
runs_of_container() { # COMMAND...
	local before

	before=$(count_runs)
	"$@" > "$work/check" 2>&1 || { cat "$work/check" >&2; return 1; }
	echo $(($(count_runs) - before))
}

run_podman() {
	"${podman_as[@]}" STORAGE_DRIVER=vfs timeout 100 podman --hooks-dir="$folder/hooks/all.d" \
		run --rm --network=none localhost/test cat /tmp/ran
}

run_buildah() {
	printf 'FROM localhost/test\nRUN cat /tmp/ran\n' |
		timeout 100 buildah build --hooks-dir="$folder/hooks/all.d" --network=none --isolation=oci \
			--no-cache --pull-never -
}

# createRuntime, createContainer and poststart; for buildah poststop, too.
one_file() { # NAME RUNS COMMAND DIRECTORY
	local conf=$4/hookd.conf

	is "$1 alone: no hook is hookd's" "$(runs_of_container "$3")" 0
	mkdir -p "$4"
	ln -s /usr/local/share/hookd/containers.conf "$conf"
	is "$1 with the file: hooks are hookd's" "$(runs_of_container "$3")" "$2"
	rm "$conf"
	is "$1 without the file: no hook is hookd's" "$(runs_of_container "$3")" 0
}

# Docker has a hook of its own for each container.
docker_alone() {
	check "docker runs a container with the runtime hookd" limit docker run --name=own \
		--network=none --runtime=hookd --security-opt=apparmor=unconfined test sleep 0
	is "hookd has run docker's own hook" "$(hookctl --json=short ps -a \
		--container="$(docker inspect --format='{{.Id}}' own)" |
		jq -r '.[] | "\(.stage) \(.outcome)"')" 'prestart succeeded'
	limit docker rm own > "$work/out"
}

# With the hooks of a recording.
test_commands() { # ENGINE
	engine=$1 folder=$work/$1-hookd-runtime own=() podman_as=(env)
	case $1 in
	podman) one_file podman 3 run_podman /etc/containers/containers.conf.d ;;
	rootless)
		own=(as_user) podman_as=(in_session)
		one_file "a user's podman" 3 run_podman $home/.config/containers/containers.conf.d
		;;
	buildah) one_file buildah 4 run_buildah /etc/containers/containers.conf.d ;;
	docker) docker_alone ;;
	esac
}
