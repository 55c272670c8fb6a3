#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Containers whose image and processes are hostile: a hook in them must not access anything of the host,
# and must not have more privileges than they have. Usage:
#	test_escape.sh SPY HUNTER ASK PRELOAD and the arguments of lib.sh
# spy.c, hunter.c, ask.c and preload.c describe the programs.
spy=$1 hunter=$2 ask=$3 preload=$4
shift 4
. "$(dirname "$0")/lib.sh"

# ---- files of the host ----

# What no hook may reach: a file of root, one that all can read, a directory that all can write to.
host=$work/host
secret=SECRET-$$-$RANDOM
marker=hookd-escape-$$
mkdir "$host"
(umask 077 && echo "$secret" > "$host/secret")
echo "$secret" > "$host/note"
cp "$spy" "$host/spy"
cp "$spy" "$work/spy" # a hook of the runtime's, in a directory that nobody else can write to
chmod 0711 "$work"
chmod 0777 "$host"

# Files that a hook may have created outside of the image.
strays() {
	find "$work" "/$marker" "/tmp/$marker" "$PWD/$marker" -path "$bundle/rootfs" -prune -o \
		-name "$marker" -print 2> "$work/find.err" || true
}

look=(spy look "$host" $$ "$marker")
(cd "$host" && "$spy" "${look[@]:1}") > "$work/look.out"
is "the spy finds the host's files where it may" \
	"$(grep -c "^READ secret: $secret" "$work/look.out") $(strays)" "1 $host/$marker"
rm -f "$host/$marker"

# ---- the image ----

rootfs=$bundle/rootfs
evil=$rootfs/evil
mkdir "$evil" "$rootfs/honest" "$bundle/scripts"
cp "$spy" "$rootfs/spy"
cp "$hunter" "$rootfs/hunter"
cp "$preload" "$rootfs/preload.so"
mkdir -p "$rootfs/scripts" "$rootfs$bundle/scripts"
chmod 0777 "$rootfs/tmp"
chmod 0666 "$rootfs/running"

# Links to directories of the host, by name. Each also gets a link to the spy in that directory.
up=../../../../../../../../../../../../../../../..
declare -A links=(
	[exe]=/proc/self/exe
	[cwd]=/proc/self/cwd
	[cwd-up]=/proc/self/cwd/$up$host
	[root]=/proc/self/root
	[root-host]=/proc/self/root$host
	[root-up]=/proc/self/root/$up$host
	[thread-root]=/proc/thread-self/root$host
	[1-root]=/proc/1/root
	[1-root-host]=/proc/1/root$host
	[1-cwd-up]=/proc/1/cwd/$up$host
	[pid-root-host]=/proc/$$/root$host
	[pid-cwd]=/proc/$$/cwd
	[task]=/proc/self/task/1/root$host
	[up]=$up$host
	[up-absolute]=/$up$host
	[up-proc]=$up/proc/1/root$host
	[chain]=chain-2
	[chain-2]=/proc/self/fd/8/$$/root$host
)
for fd in {0..20}; do
	links[fd-$fd]=/proc/self/fd/$fd
	links[fd-$fd-1]=/proc/self/fd/$fd/1/root$host
	links[fd-$fd-pid]=/proc/self/fd/$fd/$$/root$host
	links[fd-$fd-host]=/proc/self/fd/$fd$host
	links[fd-$fd-up]=/proc/self/fd/$fd/$up$host
	links[thread-$fd]=/proc/thread-self/fd/$fd
	links[thread-$fd-pid]=/proc/thread-self/fd/$fd/$$/root$host
done
names=()
for name in "${!links[@]}"; do
	names+=("$name")
	ln -s "${links[$name]}" "$evil/$name"
	# A program in that directory, or the descriptor itself as the program.
	target=${links[$name]}/spy
	[[ $name =~ ^(exe|fd-[0-9]+|thread-[0-9]+)$ ]] && target=${links[$name]}
	ln -s "$target" "$evil/$name.program"
	for scripts in "$rootfs/scripts" "$bundle/scripts"; do
		printf '#!/evil/%s.program\n' "$name" > "$scripts/$name"
		chmod 0755 "$scripts/$name"
	done
done
printf '#!/proc/self/exe\n' > "$evil/exe-script"
printf '#!/bin/sh\nexec /spy "$@"\n' > "$rootfs/scripts/honest"
cp "$rootfs/scripts/honest" "$bundle/scripts/honest"
chmod 0755 "$evil/exe-script" "$rootfs/scripts/honest" "$bundle/scripts/honest"

# ---- containers ----

# The four kinds: with a user namespace or without, with a pid namespace or without.
kinds=(pid user-pid host user)
base_id=$id
containers=()

# The user and the capability sets for `process`.
sets() { # CAPABILITY...
	jq -cn '[$ARGS.positional[]] as $all | {bounding: $all, permitted: $all, effective: $all}' \
		--args "$@"
}
ordinary=(CAP_CHOWN CAP_DAC_OVERRIDE CAP_FSETID CAP_FOWNER CAP_MKNOD CAP_NET_RAW CAP_SETGID
	CAP_SETUID CAP_SETFCAP CAP_SETPCAP CAP_NET_BIND_SERVICE CAP_SYS_CHROOT CAP_KILL
	CAP_AUDIT_WRITE)

# Only the owner of a pid namespace may mount its proc; else that of the host is used. A script that is a
# createContainer hook has the same path inside, where its interpreter opens it.
config_of() { # KIND PROCESS
	jq -n --arg kind "$1" --argjson process "$2" --arg scripts "$bundle/scripts" '
		def has(name): $kind | split("-") | index(name) != null;
		{ociVersion: "1.0.2", root: {path: "rootfs"},
		process: ({user: {uid: 0, gid: 0}, cwd: "/", env: ["PATH=/bin"]} + $process),
		mounts: [
			if has("pid") or (has("user") | not)
			then {destination: "/proc", type: "proc", source: "proc"}
			else {destination: "/proc", type: "bind", source: "/proc", options: ["rbind"]} end,
			{destination: "/dev", type: "tmpfs", source: "tmpfs",
				options: ["nosuid", "mode=755"]},
			{destination: $scripts, type: "bind", source: $scripts, options: ["bind"]}],
		linux: ({namespaces: ([{type: "mount"}, {type: "ipc"}, {type: "uts"}]
				+ if has("pid") then [{type: "pid"}] else [] end
				+ if has("user") then [{type: "user"}] else [] end)}
			+ if has("user") then
				{uidMappings: [{containerID: 0, hostID: 100000, size: 65536}],
				gidMappings: [{containerID: 0, hostID: 100000, size: 65536}]}
			else {} end)}' > "$bundle/config.json"
}

# Returns when the process has written its attributes; its state is then in $work/NAME.json.
container() { # NAME KIND PROCESS
	config_of "$2" "$3"
	containers+=("$1")
	(cd "$bundle" && run run -d "$id-$1") > "$work/run.out" 2>&1 < /dev/null ||
		{ not_ok "$1: starts" "$(< "$work/run.out")"; return 1; }
	timeout 60 cat "$rootfs/running" || { not_ok "$1: says that it runs"; return 1; }
	run state "$id-$1" | jq -c '{ociVersion, id, status: "created", pid, bundle}' \
		> "$work/$1.json"
}

remove() { # NAME
	run delete --force "$id-$1" > "$work/delete.out" 2>&1 || true
}

clean_up_all() {
	local name

	id=$base_id
	for name in "${containers[@]}"; do
		remove "$name"
	done
	strays | xargs -r rm -f
	id=$base_id-preload
	# Hooks are expected to fail.
	if [ -f "$work/hookd.log" ]; then
		{ grep -v ': failed: ' "$work/hookd.log" || true; } > "$work/hookd.short"
		mv "$work/hookd.short" "$work/hookd.log"
	fi
	clean_up
}
trap clean_up_all EXIT

# ---- runs ----

# Prints a request for each name, one per line: JQ makes {state, hook} for $name. $more is JSON with
# additional parameters for all.
requests() { # CONTAINER STAGE DIALECT JQ NAME...
	jq -cn --slurpfile state "$work/$1.json" --arg stage "$2" --arg dialect "$3" \
		--argjson more "${more:-null}" '
		def timeout: if $dialect == "oci" then 10 else 10000000000 end;
		$ARGS.positional[] as $name | {state: $state[0], hook: {}} | '"$4"'
		| .hook.timeout = timeout | {stage: $stage, dialect: $dialect, state,
			hooks: ((if $dialect == "oci" then {} else {prestart: null, createRuntime: null,
				createContainer: null, startContainer: null, poststart: null,
				poststop: null} end) + {($stage): [.hook]})} + ($more // {})' \
		--args "${@:5}"
}

replies() { # of requests on stdin
	timeout 300 "$ask" "$address"
}

# Prints a line for each reply: OUTCOME STEP and the hook's output.
summary='def text: (.stdout // "") + (.stderr // "");
	if .error then "refused \(.error) \(.parameter) \(.sentence)"
	else .result.hooks[0] | "\(.outcome) \(.failedStep // "-") \(text)" end'

# ---- no way out ----

# Each link is either refused, or the hook runs and finds nothing of the host.
no_way_out() { # KIND STAGE ROLE DIALECT JQ
	requests "$1" "$2" "$4" "$5" "${names[@]}" | replies > "$work/replies"
	jq -rn --arg secret "$secret" '[inputs | '"$summary"'] as $all
		| $all | to_entries[] | select(.value
			| (test("^(exited -|spawn_failed (cwd|exec)) ") | not)
			or contains($secret) or contains("OUTSIDE"))
		| "\($ARGS.positional[.key]): \(.value | gsub("\n"; " | ") | .[:400])"' \
		--args "${names[@]}" < "$work/replies" > "$work/ways"
	is "$1: $2, $3: all links were tried" "$(wc -l < "$work/replies")" "${#names[@]}"
	if [ -s "$work/ways" ] || [ -n "$(strays)" ]; then
		not_ok "$1: $2, $3: no link leads out of the container" \
			"$(wc -l < "$work/ways") of ${#names[@]} do" \
			"$(sort -V "$work/ways" | head -n 12 | cut -c -160)" "created: $(strays)"
	else
		ok "$1: $2, $3: no link leads out of the container"
	fi
	rm -f "$rootfs/$marker" "$rootfs"/*/"$marker"
	strays | xargs -r rm -f
}

# The same without a link, to show that hooks do run.
honest() { # KIND STAGE ROLE DIALECT JQ
	requests "$1" "$2" "$4" "$5" honest | replies > "$work/replies"
	is "$1: $2, $3: an honest image's hook runs" \
		"$(jq -r "$summary"' | split("\n")[0]' "$work/replies")" "exited - cwd /honest"
	rm -f "$rootfs/honest/$marker"
	strays | xargs -r rm -f
}

look_json=$(jq -cn '$ARGS.positional' --args "${look[@]}")
here_json=${look_json/\"look\"/\"look-here\"}

# The program of a startContainer hook is in the image and has the container's privileges. That of a
# createContainer hook is on the host and keeps its privileges, so it searches only from its directory.
roles() { # KIND
	local stage spy scripts args
	local honest='.state.bundle = "/honest"' env='.hook += {env: ["PATH=/bin"]}'

	for stage in startContainer createContainer; do
		spy=/spy scripts=/scripts args=$look_json
		if [ $stage = createContainer ]; then
			spy=$work/spy scripts=$bundle/scripts args=$here_json
		fi
		spy='.hook += {path: "'$spy'", args: '$args'}'
		honest "$1" $stage bundle oci "$spy | $honest"
		no_way_out "$1" $stage bundle oci "$spy | "'.state.bundle = "/evil/\($name)"'
		honest "$1" $stage dir libcontainer "$spy | $env | "'.hook.dir = "/honest"'
		no_way_out "$1" $stage dir libcontainer "$spy | $env | "'.hook.dir = "/evil/\($name)"'
		scripts='.hook += {path: "'$scripts'/\($name)", args: '$args'}'
		honest "$1" $stage interpreter oci "$scripts | $honest"
		no_way_out "$1" $stage interpreter oci "$scripts | $honest"
	done
	no_way_out "$1" startContainer program oci \
		'.hook += {path: "/evil/\($name).program", args: '"$look_json} | $honest"
}

# ---- only the container's privileges ----

# Four users and their capabilities. `drop` has a bounding set that is larger than the permitted set of
# its process.
declare -A processes=(
	[root]=$(jq -cn --argjson sets "$(sets CAP_KILL)" '{args: ["/spy", "wait"], capabilities: $sets}')
	[user]='{"args": ["/spy", "wait"], "user": {"uid": 1000, "gid": 1000}, "noNewPrivileges": true}'
	[groups]='{"args": ["/spy", "wait"],
		"user": {"uid": 1000, "gid": 1001, "additionalGids": [5, 1002]}}'
	[drop]=$(jq -cn --argjson sets "$(sets "${ordinary[@]}")" \
		'{args: ["/spy", "drop"], capabilities: $sets}')
)
process() { # NAME CONTAINER
	jq -c --arg name "$2" '.args += [$name]' <<< "${processes[$1]}"
}

# Prints the attributes of the hook, or that it was refused.
rights() { # CONTAINER [SETTINGS]
	more=${2:+{\"settings\": $2\}} requests "$1" startContainer oci \
		'.hook += {path: "/spy", args: ["spy", "rights"]}' hook | replies > "$work/replies"
	jq -r 'if .error then "refused \(.error) \(.parameter)"
		else .result.hooks[0] | .stdout // "refused \(.outcome) \(.error)" end' "$work/replies"
}

field() { # RIGHTS NAME
	sed -n "s/^$2:[[:space:]]*//p" <<< "$1"
}

# Prints what the one has that the other does not.
more_than() { # RIGHTS OTHER
	local name

	[[ $1 != refused* ]] || return 0
	for name in CapInh CapPrm CapEff CapBnd CapAmb; do
		[ $((0x$(field "$1" $name) & ~0x$(field "$2" $name))) -eq 0 ] ||
			echo "$name $(field "$1" $name) $(field "$2" $name)"
	done
	for name in Uid Gid Groups; do
		[ "$(field "$1" $name)" = "$(field "$2" $name)" ] ||
			echo "$name $(field "$1" $name), not $(field "$2" $name)"
	done
	[ "$(field "$1" NoNewPrivs)" -ge "$(field "$2" NoNewPrivs)" ] || echo "no_new_privs is off"
}

all='["CAP_SYS_ADMIN", "CAP_KILL", "CAP_SYS_PTRACE"]'
ask_for_more='{"process": {"user": {"uid": 0, "gid": 0}, "noNewPrivileges": false,
	"capabilities": {"bounding": '$all', "permitted": '$all', "effective": '$all',
		"inheritable": '$all', "ambient": '$all'}}}'
ask_for_less='{"process": {"noNewPrivileges": true, "capabilities": {}}}'

no_more_rights() { # KIND
	local name own hook

	for name in root user groups drop; do
		container "$1-$name" "$1" "$(process $name "$1-$name")" || continue
		own=$(< "$rootfs/tmp/$1-$name.rights")
		hook=$(rights "$1-$name")
		if [ $name = drop ]; then
			is "$1: the hook of a process that has dropped rights has no more" \
				"$(more_than "$hook" "$own")$(grep ^refused <<< "$hook")" ''
		else
			is "$1: the hook has the rights of the container's process: $name" "$hook" "$own"
		fi
		is "$1: settings that ask for more get no more: $name" \
			"$(more_than "$(rights "$1-$name" "$ask_for_more")" "$own")" ''
		hook=$(rights "$1-$name" "$ask_for_less")
		is "$1: settings that ask for less get less: $name" \
			"$(field "$hook" CapPrm) $(field "$hook" CapEff) $(field "$hook" NoNewPrivs)" \
			"0000000000000000 0000000000000000 1"
		is "$1: and as the same user: $name" "$(field "$hook" Uid) $(field "$hook" Groups)" \
			"$(field "$own" Uid) $(field "$own" Groups)"
		remove "$1-$name"
	done
}

# ---- hunters ----

# Writes to $work/report what the hunter has got while hooks were run in its container.
hunt() { # NAME KIND CAPABILITY...
	local name=$1 spy='.hook += {path: "/spy", args: ["spy", "true"]}'

	container "$name" "$2" "$(jq -cn --arg name "$name" --argjson sets "$(sets "${@:3}")" \
		'{args: ["/hunter", $name], capabilities: $sets}')" || return 1
	requests "$name" startContainer oci "$spy" {1..100} | replies > "$work/replies"
	# Between processes without capabilities only the dumpable flag prevents tracing.
	more='{"settings": '$ask_for_less'}' requests "$name" startContainer oci "$spy" {1..200} |
		replies > "$work/replies-less"
	# CVE-2019-5736: programs that are links to the program of the process that executes them.
	requests "$name" startContainer oci '.hook += {path: "/evil/\($name)"}' \
		{exe-script,exe.program}{,,,,,,,,,} | replies > "$work/replies-exe"
	touch "$rootfs/tmp/$name.stop"
	timeout 60 cat "$rootfs/running"
	cp "$rootfs/tmp/$name.report" "$work/report"
	remove "$name"
}

# Only the first lines: there can be thousands.
caught() { # KIND-OF-LINE
	sed -n "s/^$1 [0-9]* //p" "$work/report" | sort | uniq -c | sort -rn | head -n 12
}

programs() {
	[[ $hookd == unix:* ]] || sha256sum "$hookd"
	sha256sum "$hookctl"
	[ "$shim" = - ] || sha256sum "$shim"
}

hunted() { # KIND
	local before

	before=$(programs)
	hunt "$1-hunter" "$1" "${ordinary[@]}" || return 0
	# Only of hookd: without a pid namespace the hunter sees all processes of the machine.
	is "$1: no program of the host can be opened for writing" \
		"$(caught writable | grep -e "$work" -e "$hookd" -e "${shim/#-/hookd-oci-hook}" -e memfd: || true)" ''
	is "$1: the programs are what they were" "$(programs)" "$before"
	check "$1: hookd still works" "$hookctl" --address="$address" ping
	[[ $1 == *pid ]] || return 0
	check "$1: the hunter has seen hooks" grep -E '^(hook|seen) ' "$work/report"
	is "$1: a hunter gets nothing of a process before its exec" "$(caught before-exec)" ''
	hunt "$1-tracer" "$1" "${ordinary[@]}" CAP_SYS_PTRACE || return 0
	check "$1: the hunter with CAP_SYS_PTRACE has seen hooks" grep -E '^(hook|seen) ' "$work/report"
	is "$1: a hunter with CAP_SYS_PTRACE finds no way out" "$(caught outside)" ''
	is "$1: and no process with capabilities that it has not" "$(caught capabilities)" ''
}

for kind in "${kinds[@]}"; do
	container "$kind" "$kind" "$(process root "$kind")" && roles "$kind"
	remove "$kind"
	no_more_rights "$kind"
	hunted "$kind"
done

# ---- the loader's variables ----

# A createContainer hook without env, and a container whose environment loads the image's library
# into it (CVE-2025-23266). runc 1.1 starts the shim with that environment; one that is built with a
# sanitizer is not static, and the library is loaded into itself.
is_static() { # PROGRAM
	[ "$1" = - ] || ! ldd "$1" > "$work/ldd.out" 2>&1
}

loader_variables() {
	local run_id said

	config_of pid '{"args": ["/spy", "true"], "env": ["PATH=/bin", "OF=container",
		"LD_PRELOAD=/proc/self/cwd/preload.so", "LD_LIBRARY_PATH=/proc/self/cwd"]}'
	jq '.hooks = {createContainer: [{path: "/usr/bin/env", args: ["env"]}]}' \
		"$bundle/config.json" > "$work/native.json"
	delegate
	check "a container with loader variables is created" create
	run_id=$(runs '.[] | select(.stage == "createContainer") | .run')
	"$hookctl" --address="$address" --json=short inspect "$run_id" > "$work/inspect.out" 2>&1 || true
	said=$(jq -r '.. | objects | select(.path? == "/usr/bin/env")
		| (.stdout // "") + (.stderr // "")' "$work/inspect.out" 2>&1 || true)
	is "its createContainer hook without env has PATH alone, and has loaded nothing" \
		"$(sed '/^$/d; s/^PATH=.*/PATH/' <<< "$said")" PATH
}

id=$base_id-preload
if is_static "$shim"; then
	loader_variables
else
	ok "loader variables # SKIP hookd-oci-hook is not static"
fi

# ---- no container at all ----

for pid in $$ 1 ${daemon:-}; do
	jq -nc --argjson pid "$pid" '{ociVersion: "1.0.2", id: "c", status: "created", $pid,
		bundle: "/"}' > "$work/host-pid.json"
	for stage in createContainer startContainer; do
		requests host-pid $stage oci '.hook += {path: "'"$work/spy"'", args: ["spy", "true"]}' \
			hook | replies > "$work/replies"
		is "$stage with the pid of a process of the host is refused: $pid" \
			"$(jq -r "$summary"' | split(" ")[:3] | join(" ")' "$work/replies")" \
			"refused io.hookd.hooks.Invalid state.pid"
	done
done
finish
