#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# podman runs the hooks of a hooks.d, and those that `hookctl delegate --hooks-dir` makes of it, in the
# same order and at the same stages. Arguments: see lib.sh.
command -v podman > /dev/null || { echo '1..0 # SKIP podman is not installed'; exit 77; }
. "$(dirname "$0")/lib.sh"

ran=$work/ran
source=$work/hooks.d
output=$work/delegated.d
mkdir "$source"

# Hooks read all of stdin, without which crun fails now and then.
put() { # NAME STAGES [WHEN [SCRIPT]]
	jq -n --argjson stages "$2" --argjson when "${3:-{\"always\":true\}}" \
		--arg script "${4:-cat > /dev/null; echo $1 >> $ran}" '{version: "1.0.0", stages: $stages, when: $when,
			hook: {path: "/bin/sh", args: ["sh", "-c", $script], timeout: 20}}' > "$source/$1"
}

put 9-b.json '["prestart", "poststart"]'
put 10-a.json '["createRuntime", "poststop"]'
put a-d.json '["createContainer", "poststop"]'
put a.json '["poststop", "createRuntime", "poststart", "createContainer"]'
put B.json '["createRuntime"]' '{"annotations": {"^io\\.test$": "^(yes|on)$"}}'
put C.json '["createRuntime", "poststop"]' '{"commands": ["/true$"], "hasBindMounts": true}'
put never.json '["createRuntime", "poststop"]' '{"commands": ["/false$"]}'
put pre.json '["precreate", "poststart"]' '{"always": true}' "echo pre >> $ran; cat"
put start.json '["startContainer", "poststop"]' '{"always": true}' \
	"cat > /dev/null; [ ! -e $ran ] || echo start.json >> $ran; [ -e $ran ] || echo inside >> /inside"

run_podman() { # DIRECTORY
	: > "$ran"
	rm -f "$bundle/rootfs/inside"
	podman --root "$work/storage" --runroot "$work/podman" --storage-driver=vfs \
		--runtime "$(command -v "${runtime[0]}")" --cgroup-manager=cgroupfs --hooks-dir="$1" \
		run --rm --network=none --cgroups="$cgroups" --security-opt=seccomp=unconfined \
		--ulimit=nofile=1024:1024 --ulimit=nproc=1024:1024 --log-driver=none \
		--annotation=io.test=on --volume="$source:/etc" --rootfs "$bundle/rootfs" /bin/true
}

ln -s busybox "$bundle/rootfs/bin/true"
# crun is tested without the cgroups of this machine.
cgroups=$([[ ${runtime[0]} == *crun* ]] && echo disabled || echo enabled)

check "podman runs a container with the hooks" run_podman "$source"
cp "$ran" "$work/native"
is "all of them" "$(sort "$work/native" | uniq -c | awk '{ print $2, $1 }')" \
	"$(printf '%s\n' '10-a.json 2' '9-b.json 2' 'a-d.json 2' 'a.json 4' 'B.json 1' 'C.json 2' \
		'pre 2' 'start.json 1' | sort)"
is "and one in the container" "$(cat "$bundle/rootfs/inside")" inside

delegate_directory() {
	"$hookctl" --address="$address" delegate --shim="$shim" --hooks-dir="$source" \
		--output="$output" 2> "$work/delegate.err"
}
check "hookctl delegate takes them" delegate_directory
contains "precreate stays" "$work/delegate.err" 'pre.json: precreate is not delegated'
contains "startContainer stays" "$work/delegate.err" 'start.json: startContainer is not delegated'
is "and nothing else" "$(wc -l < "$work/delegate.err")" 2
check "podman runs a container with those" run_podman "$output"
is "in the same order" "$(< "$ran")" "$(< "$work/native")"
is "and one in the container" "$(cat "$bundle/rootfs/inside")" inside
is "hookd has run them, at these stages" "$("$hookctl" --address="$address" --json=short ps -a |
	jq -r '.[].stage' | sort | uniq -c | awk '{ print $2, $1 }')" \
	"$(printf '%s\n' 'createContainer 2' 'createRuntime 4' 'poststart 3' 'poststop 5' 'prestart 1')"

stop_hookd
check "without hookd no container starts" eval '! run_podman "$output" 2> "$work/said"'
contains "which names hookd" "$work/said" 'hookd'

# podman's conmon removes what is left of a container after podman itself has ended.
while pgrep -f "conmon .*$work" > /dev/null; do sleep 0.1; done
tap_end
