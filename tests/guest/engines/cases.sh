# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
#
# Sourced by engines.sh: what is done with each engine, first with runc alone and then with hookd. What
# the engine does without hookd is the expectation: both are recorded and compared.
#
# An engine is a set of functions: ENGINE_run NAME HOOKS, which starts a container that lives on,
# ENGINE_user_namespace NAME HOOKS, ENGINE_exec NAME COMMAND..., ENGINE_restart NAME,
# ENGINE_stop NAME and ENGINE_remove NAME...; ENGINE_before is called before. They have these variables:
engine=''  # its name
variant='' # runc, or how hookd comes in: hookd-runtime, hooks.d
runtime='' # the path of the OCI runtime
folder=''  # of the recording: hooks, and a file for each step
log=''     # what the hooks write

# ---- hooks ----

# Each hook writes its name, and which user of the host is root in its user namespace. Each recording has
# a program of its own, by which hookctl finds its runs.
write_hooks() {
	cat > "$folder/hook" << 'END'
#!/bin/sh
# hook LOG NAME [fail|hang]
read -r inside outside rest < /proc/self/uid_map
/bin/busybox cat > /dev/null # crun fails if the hook has gone before it has written the state
echo "$2, root is $outside" >> "$1"
case ${3:-} in
fail) echo "words of the hook" >&2; exit 3 ;;
hang) exec /bin/busybox sleep 1000 ;;
esac
END
	chmod 755 "$folder/hook"
	mkdir -p "$folder"/hooks/{all,fail,hang}.d
	# A file for each set, and for podman and buildah one for each hook; by one jq, since it takes long.
	jq -nr --arg path "$folder/hook" --arg log "$log" \
		'def hook($name): {path: $path, args: (["hook", $log] + ($name / " "))};
		{
			all: {
				createRuntime: [hook("first"), hook("createRuntime")],
				createContainer: [hook("createContainer")],
				startContainer: [{path: "/bin/sh", args: ["sh", "-c", "echo startContainer > /tmp/ran"]}],
				poststart: [hook("poststart")],
				poststop: [hook("poststop")]
			},
			fail: {createRuntime: [hook("createRuntime fail")], poststop: [hook("poststop")]},
			hang: {createRuntime: [hook("createRuntime hang") + {timeout: 1}],
				poststop: [hook("poststop")]}
		} | to_entries[] | .key as $set | "\($set).json \(.value | tojson)",
		(.value | to_entries[] | .key as $stage | .value | to_entries[]
			| "\($set).d/\(.key)-\($stage).json " + ({version: "1.0.0", when: {always: true},
				stages: [$stage], hook: .value} | tojson))' |
		while read -r file json; do
			echo "$json" > "$folder/hooks/$file"
		done
}

# ---- recordings ----

# What differs between two runs of the same: ids, times and temporary names.
normalize() {
	sed -E -e 's/\b[0-9a-f]{64}\b/ID/g' -e 's/\b[0-9a-f]{12}\b/ID/g' -e 's/buildah[0-9]+/buildahN/g' \
		-e 's/--> [0-9a-f]{11}$/--> ID/' -e "s,$folder,FOLDER,g" -e "s/$engine-$variant/NAME/g" \
		-e 's/time="[^"]*"/time/' -e 's/\x1b\[[0-9;]*m//g' -e 's/(ERRO|WARN)\[[0-9]+\]/\1/'
}

restart_hookd() {
	if [ "$engine" = rootless ]; then
		as_user systemctl --user restart hookd.service
	else
		systemctl restart hookd.service
	fi
}

has() { # ACTION
	declare -F "${engine}_$1" > "$folder/declared"
}

has_run() { # HOOK
	grep -q "^$1," "$log"
}

# Records the exit status of an action, the hooks that have run and what was said. Waits for the hook
# LAST, which the engine may run after it has returned; - for none.
step() { # NAME LAST ACTION ARGUMENT...
	local status=0

	has "$3" || return 0
	: > "$log"
	"${engine}_$3" "${@:4}" > "$folder/said" 2>&1 || status=$?
	[ $status -ne 0 ] || [ "$2" = - ] || until_true has_run "$2" || echo "$2 has not run" >> "$folder/said"
	{
		echo "exit status $status"
		sed 's/^/hook: /' "$log"
		normalize < "$folder/said" | sed 's/^/said: /'
	} > "$folder/$1.step"
	steps+=("$1")
}

remove() { # NAME...
	"${engine}_remove" "$@" > "$folder/removed" 2>&1 || true
}

# Starts ten containers at once, and restarts hookd when the first hooks have run.
ten_at_once() {
	local name=$engine-$variant n pids=() failed=0

	: > "$log"
	for n in {1..10}; do
		"${engine}_run" "$name-$n" all > "$folder/said-$n" 2>&1 &
		pids+=($!)
	done
	until has_run first || ! kill -0 "${pids[@]}" 2> "$folder/ended"; do
		sleep 0.2 # each process of a loop costs much here
	done
	restart_hookd
	for n in {1..10}; do
		wait "${pids[n - 1]}" || failed=$((failed + 1))
	done
	remove "$name"-{1..10}
	{
		echo "$failed of 10 have failed"
		[ $failed -eq 0 ] || cat "$folder"/said-*
		sort "$log" | uniq -c
	} > "$folder/ten"
}

record() { # ENGINE VARIANT RUNTIME
	local name=$1-$2

	engine=$1 variant=$2 runtime=$3 folder=$work/$name log=$work/$name/log steps=()
	mkdir "$folder"
	: > "$log"
	chmod 666 "$log"
	write_hooks
	"${engine}_before"
	step start poststart run "$name" all
	step exec - exec "$name" cat /tmp/ran
	step restart poststart restart "$name"
	step stop poststop stop "$name"
	step remove - remove "$name"
	step failing-hook - run "$name-f" fail
	remove "$name-f"
	step hanging-hook - run "$name-h" hang
	remove "$name-h"
	step user-namespace poststart user_namespace "$name-u" all
	remove "$name-u"
	[ "$variant" != hookd-runtime ] || ten_at_once
	printf '%s\n' "${steps[@]}" > "$folder/steps"
	echo "# $SECONDS s: $engine with $variant"
}

# ---- comparisons ----

# What hookd-oci-hook says is in the message of the runtime, or in its place.
same_step() { # ENGINE VARIANT STEP
	local alone=$work/$1-runc/$3.step with=$work/$1-$2/$3.step words

	case $3 in
	failing-hook) words='stderr: words of the hook' ;;
	hanging-hook) words='hook ran past specified timeout of 1.0s' ;;
	*) check "$1: $3 with $2 is as with runc" diff "$alone" "$with"; return ;;
	esac
	check "$1: $3 with $2 is as with runc" \
		diff <(grep -v ^said: "$alone") <(grep -v ^said: "$with")
	contains "$1: runc says what was wrong" "$alone" "$words"
	contains "$1: and so it does with $2" "$with" "$words"
}

# Prints how many runs of a recording hookd has had for each stage and outcome.
runs_of() { # ENGINE VARIANT
	local as=()

	[ "$1" != rootless ] || as=(as_user)
	"${as[@]}" hookctl --json=short ps -a --path="$work/$1-$2/hook" |
		jq -r '.[] | "\(.stage) \(.outcome)"' | sort | uniq -c | awk '{ print $1, $2, $3 }'
}

# VARIANT's recording with that of runc; steps that SKIPPED matches are not compared.
compare() { # ENGINE VARIANT [SKIPPED]
	local step

	while read -r step; do
		[[ $step == "${3:-}" ]] || same_step "$1" "$2" "$step"
	done < "$work/$1-runc/steps"
}

show_ten() { # ENGINE VARIANT
	sed -E 's/^ +//; s/, root is.*//' "$work/$1-$2/ten"
}
