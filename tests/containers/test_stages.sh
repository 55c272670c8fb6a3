#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# A container with hooks in all six stages, run once by the runtime and once by hookd: the hooks must not
# see a difference. Arguments: see lib.sh.
. "$(dirname "$0")/lib.sh"

default_path=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
stages=(prestart createRuntime createContainer startContainer poststart poststop)
recorder=$(dirname "$(realpath "$0")")/record_hook.sh
cp "$recorder" "$bundle/record_hook"
cp "$recorder" "$bundle/rootfs/record_hook"
chmod +x "$bundle/record_hook" "$bundle/rootfs/record_hook"

# Each stage has three hooks: a script with its own variables, a program that inherits its environment,
# and a script without variables.
hooks_of_stage() { # STAGE
	local script=$bundle/record_hook folder=$bundle/rootfs/record

	[ "$1" != startContainer ] || script=/record_hook folder=/record
	jq -n --arg stage "$1" --arg script "$script" --arg folder "$folder" '{($stage): [
		{path: $script, args: ["hook", $folder, $stage, "0"], env: ["A=1 \"2\"", "B="]},
		{path: "/bin/sh", args: ["sh", $script, $folder, $stage, "1"], timeout: 60},
		{path: $script, args: ["hook", $folder, $stage, "2"], env: []}]}'
}

namespaces() { # PID
	stat -L -c '%i' "/proc/$1"/ns/*
}

# Replaces what differs between two runs by placeholders.
normalise() { # FOLDER PID CONTAINER-NAMESPACE...
	local script='' inode

	for inode in $(namespaces self); do
		script+="s/ $inode\$/ host/;"
	done
	for inode in "${@:3}"; do
		script+="s/ $inode\$/ container/;"
	done
	sed -i "$script" "$1"/*.world
	sed -i -E "s/(\"pid\": ?)$2\b/\1\"INIT\"/" "$1"/*.state
	# The shell adds these variables.
	sed -i -E '/^(PWD|OLDPWD|SHLVL|_)=/d' "$1"/*.env
}

# From create to delete; what the hooks recorded is then in $work/NAME.
live() { # NAME
	local record=$bundle/rootfs/record pid inodes

	mkdir "$record"
	check "$1: create" create
	pid=$(run state "$id" | jq .pid)
	inodes=$(namespaces "$pid")
	cp "$record/order" "$work/$1.created"
	check "$1: start" start
	cp "$record/order" "$work/$1.started"
	check "$1: delete" delete
	mv "$record" "$work/$1"
	# shellcheck disable=SC2086
	normalise "$work/$1" "$pid" $inodes
}

# runc 1.1 gives a createContainer hook without env the environment of the container, later ones an
# empty one; hookd gives it PATH alone.
expected_of() { # STAGE KIND
	(cd "$work/native" && grep . "$1".?."$2" |
		if [ "$1.$2" = createContainer.env ]; then grep -v "^$1.1.$2:"; else cat; fi)
	[ "$1.$2" != createContainer.env ] || echo "$1.1.$2:PATH=$default_path"
}

same() { # STAGE KIND: of all its hooks
	diff <(expected_of "$1" "$2" | sort) <(cd "$work/delegated" && grep . "$1".?."$2" | sort)
}

namespaces_of() { # HOOK
	sed -n 's,.*/\(.*\) container$,\1,p' "$work/delegated/$1.world" | paste -sd ' '
}

member() { # HOOK NAME of the state
	jq -r ".$2" "$work/delegated/$1.state"
}

names() { # STAGE...: their hooks
	printf '%s\n' "$@" | sed 'h; s/$/.0/p; g; s/$/.1/p; g; s/$/.2/'
}

write_config "$(for stage in "${stages[@]}"; do hooks_of_stage "$stage"; done | jq -s add)"
live native
delegate
live delegated

# Which command runs which stage depends on the runtime: runc has run poststart before start.
for phase in created started; do
	is "what has run is what runs natively: $phase" \
		"$(sort "$work/delegated.$phase")" "$(sort "$work/native.$phase")"
done
for stage in "${stages[@]}"; do
	is "$stage hooks ran once, in order" "$(grep "^$stage" "$work/delegated/order")" \
		"$(names "$stage")"
done
for stage in "${stages[@]}"; do
	for kind in state env world; do
		check "$stage hooks get the same $kind" same "$stage" $kind
	done
done
for stage in prestart createRuntime poststart poststop; do
	is "$stage runs in the runtime's namespaces" "$(namespaces_of $stage.0)" ''
done
is "createContainer runs in the container's namespaces" "$(namespaces_of createContainer.0)" \
	"$(jq -r '[.linux.namespaces[].type | sub("network"; "net") | sub("mount"; "mnt")
		| ., (select(. == "pid") + "_for_children")] | sort | join(" ")' "$work/native.json")"
is "createRuntime gets the id" "$(member createRuntime.0 id)" "$id"
is "createRuntime gets the pid" "$(member createRuntime.0 pid)" INIT
is "poststop gets the status" "$(member poststop.0 status)" stopped
is "hookd ran one list for each stage" \
	"$(runs 'sort_by(.submittedUSec)[] | .stage + " " + .outcome')" \
	"$(printf '%s succeeded\n' prestart createRuntime createContainer poststart poststop)"
finish
