#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# hookd-runtime with a script as the real runtime: which one it is, and that it is executed as if
# hookd-runtime were not there.
# usage: test_program.sh HOOKD_RUNTIME HOOKD SANITIZERS
set -euo pipefail

if [ "${HOOKD_TEST_MOUNTS:-}" != own ] && [ "$(id -u)" = 0 ]; then
	HOOKD_TEST_MOUNTS=own exec unshare --mount --propagation private "$0" "$@"
fi
here=$(cd "$(dirname "$0")" && pwd)
program=$1 hookd=$2
sanitizers=${3:-} # which need /proc and shared libraries
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
. "$here/../../containers/tap.sh"
unset HOOKD_ADDRESS
export ASAN_OPTIONS=detect_leaks=0

# Own configuration, and no syslog: messages are on stderr.
configuration=
if [ "${HOOKD_TEST_MOUNTS:-}" = own ]; then
	mount -t tmpfs none /run
	mkdir -p /run/hookd/hookd.conf.d
	configuration=/run/hookd/hookd.conf.d/zz-test.conf
	[ ! -e /dev/log ] || mount --bind /dev/null /dev/log
fi

# ---- the programs ----

# A runtime that tells all that it was started with.
mkdir "$work/bin" "$work/other" "$work/links" "$work/bundle"
cat > "$work/bin/fake" << 'END'
#!/bin/bash
[ "${TELL:-}" != config ] || { cat config.json; exit; }
[ "${TELL:-}" != depth ] || { echo "$HOOKD_RUNTIME_DEPTH"; exit; }
[ "${TELL:-}" != name ] || { echo "$0"; exit; }
[ "${TELL:-}" != signal ] || { kill -KILL $$; }
[ "${TELL:-}" != status ] || exit "$2"
for word; do printf '[%s]\n' "$word"; done
echo "pid $$ cwd $PWD umask $(umask) limit $(ulimit -n) nice $(nice)"
env | grep -v -e '^_=' -e '^HOOKD_RUNTIME_DEPTH=' -e '^TELL=' -e '^SHLVL=' | sort
grep -E '^Sig(Blk|Ign)' /proc/self/status # of a child, which bash gives what it was given
for fd in 0 1 2 3 4 5 6 7 8 9; do
	[ ! -e /proc/$$/fd/$fd ] || echo "fd $fd $(stat -L -c '%d %i' /proc/$$/fd/$fd)"
done
END
chmod +x "$work/bin/fake"
for name in runc other; do
	sed 's/^\[/: '$name'; [/' "$work/bin/fake" > "$work/other/$name"
	chmod +x "$work/other/$name"
done
for name in hookd-fake hookd-other hookd-nothing fake runtime; do
	ln -s "$program" "$work/links/$name"
done
PATH=$work/bin:$work/other:$PATH
fake=$work/links/hookd-fake

cat > "$work/bundle/original" << 'END'
{"ociVersion": "1.0.2", "hooks": {"createRuntime": [{"path": "/bin/true"}],
	"startContainer": [{"path": "/bin/true"}]}}
END
cd "$work/bundle"
cp original config.json

status_of() { # COMMAND...: its exit status; its output is in $work/said
	local status=0

	"$@" > "$work/said" 2>&1 || status=$?
	echo "$status"
}

# ---- as if it were not there ----

# Compares what the runtime tells, with the same files as its streams.
same() { # NAME PREPARATION ARGUMENT...
	local which pid
	for which in "$work/bin/fake" "$fake"; do
		: > "$work/out"
		: > "$work/err"
		bash -c "$2"'; exec "$0" "$@"' "$which" "${@:3}" > "$work/out" 2> "$work/err" < /dev/null &
		pid=$!
		wait "$pid" || true
		sed "s/^pid $pid /pid OWN /" "$work/out" > "$work/out.${which##*/}"
		cp "$work/err" "$work/err.${which##*/}"
	done
	is "$1" "$(< "$work/out.hookd-fake")" "$(< "$work/out.fake")"
	is "$1: stderr" "$(< "$work/err.hookd-fake")" "$(< "$work/err.fake")"
}

same "arguments" : --root '' 'a b' $'two\nlines' $'\xff\xfe' '*' state -- --hookd-runtime=x
contains "in the same process" "$work/out.hookd-fake" 'pid OWN '
contains "with an argument of binary bytes" "$work/out.hookd-fake" $'[\xff\xfe]'
same "no arguments" :
same "descriptors" 'exec 3< /etc/passwd 4> /dev/null 7<> /dev/zero' list
same "a closed stdin" 'exec <&-' list
same "a closed stderr" 'exec 2>&-' list
same "a create with a closed stderr" 'exec 2>&- <&-' create c1
same "ignored signals" "trap '' INT HUP USR1" state c1
same "umask and limits" 'umask 027; ulimit -n 100; renice -n 3 -p $$ > /dev/null' state c1
same "environment" 'export ODD=$'\''a\nb'\'' EMPTY= LD_PRELOAD_X=1' state c1
same "a working directory" 'cd /' state c1

for status in 0 1 7 125 127 255; do
	is "exit status $status" "$(TELL=status status_of "$fake" state $status)" $status
done
is "an end by a signal" "$(TELL=signal status_of "$fake" state)" 137

# ---- which runtime ----

name_of() { # COMMAND...
	TELL=name status_of "$@" state > /dev/null
	cat "$work/said"
}

is "its own name" "$(name_of "$work/links/hookd-other")" "$work/other/other"
is "by PATH" "$(PATH=$work/links:$PATH name_of hookd-other)" "$work/other/other"
is "runc" "$(name_of "$program")" "$work/other/runc"
is "runc, by another name" "$(name_of "$work/links/fake")" "$work/other/runc"
is "an option with a name" "$(name_of "$program" --hookd-runtime=other)" "$work/other/other"
is "an option with a path" "$(name_of "$program" --hookd-runtime="$work/bin/fake")" "$work/bin/fake"
is "an option before its own name" "$(name_of "$fake" --hookd-runtime=other)" "$work/other/other"
is "hookd-runtime is passed over in PATH" "$(PATH=$work/links:$PATH name_of "$fake")" "$work/bin/fake"
is "folders of PATH that are not absolute are passed over" \
	"$(cd "$work" && PATH=:other:./other:bin:$PATH name_of "$program")" "$work/other/runc"

is "nothing but hookd-runtime: 126" "$(PATH=$work/links status_of "$fake" state)" 126
contains "it says so" "$work/said" 'fake is hookd-runtime itself'
is "itself by a path: 126" "$(status_of "$fake" --hookd-runtime="$work/links/runtime" state)" 126
is "itself by another path: 126" "$(status_of "$fake" --hookd-runtime="$work/../${work##*/}/links/fake" state)" 126

# Runtimes that start hookd-runtime again.
mkdir "$work"/loops{,/one,/two,/script,/child,/noproc}
cp "$program" "$work/loops/one/runc"
cp "$program" "$work/loops/two/runc"
printf '#!/bin/sh\nexec "%s" "$@"\n' "$program" > "$work/loops/script/runc"
printf '#!/bin/sh\n"%s" "$@"\nexit $?\n' "$program" > "$work/loops/child/runc"
chmod +x "$work"/loops/*/runc
looping() { # PATH: the exit status
	status_of env PATH="$1:/usr/bin:/bin" timeout 60 "$program" --hookd-runtime=runc state
}
for loop in one:$work/loops/two script child; do
	is "a loop: ${loop%%:*}: 126" "$(looping "$work/loops/$loop")" 126
	contains "it says so" "$work/said" 'runc starts hookd-runtime again'
done
if [ "$(id -u)" = 0 ] && [ -z "$sanitizers" ]; then
	ln -s "$program" "$work/loops/noproc/fake"
	# shellcheck disable=SC2016
	is "without /proc it knows itself: 126" "$(status_of unshare --mount sh -c \
		'mount -t tmpfs none /proc && PATH="$0" && exec "$@"' "$work/loops/noproc" "$program" --hookd-runtime=fake state)" 126
	contains "it says so" "$work/said" 'fake is hookd-runtime itself'
else
	ok "without /proc # SKIP needs root, and no sanitizers"
fi
is "the runtime is told the depth" "$(HOOKD_RUNTIME_DEPTH=3 TELL=depth "$fake")" 4
is "not there: 127" "$(status_of "$work/links/hookd-nothing" state)" 127
contains "it says so" "$work/said" 'the runtime nothing cannot be executed'
is "no such path: 127" "$(status_of "$program" --hookd-runtime=/nonexistent state)" 127
is "no program: 126" "$(status_of "$program" --hookd-runtime=/etc/passwd state)" 126
is "a wrong option: 125" "$(status_of "$program" --hookd-new state)" 125
contains "it says which" "$work/said" '--hookd-new'
is "the version" "$(status_of "$program" --hookd-version && grep -c '^hookd-runtime [0-9]' "$work/said")" $'0\n1'
is "help" "$(status_of "$program" --hookd-help && head -c 20 "$work/said")" $'0\nusage: hookd-runtime'

# ---- delegating ----

config_of() { # COMMAND...: as the runtime finds it
	cp original config.json
	TELL=config status_of "$@" > /dev/null
	cat "$work/said"
}
delegated() { jq -r '.hooks.createRuntime[0].args[1:] | join(" ")' config.json; }
list='--stage=createRuntime --hooks-json={"createRuntime":[{"path":"/bin/true"}]}'
shim=--hookd-shim=/bin/sh

config_of "$fake" $shim create c1 > /dev/null
is "create delegates" "$(delegated)" "$list"
is "what is left is told only to syslog" "$(grep -c 'not delegated' "$work/said" || true)" 0
config_of "$fake" $shim --root /r run c1 > /dev/null
is "run delegates" "$(delegated)" "$list"
config_of "$fake" $shim --hookd-address=unix:/s --hookd-if-down=run-local create c1 > /dev/null
is "with an address and if-down" "$(delegated)" "$list --address=unix:/s --if-down=run-local"
config_of "$fake" $shim create --bundle '' c1 > /dev/null
is "an empty bundle is the working directory" "$(delegated)" "$list"
HOOKD_ADDRESS=unix:/env config_of "$fake" $shim create c1 > /dev/null
is "with the address of the environment" "$(delegated)" "$list --address=unix:/env"
for command in start state delete kill exec list ps spec; do
	config_of "$fake" $shim "$command" c1 > /dev/null
	check "$command does not" cmp original config.json
done

echo '{"hooks"' > config.json
is "a config that is no JSON: the runtime is executed" "$(status_of "$fake" $shim create c1)" 0
contains "a line says why" "$work/said" 'hookd-runtime: config.json: its hooks are not delegated'
cp original config.json
is "without a shim, too" "$(status_of "$fake" --hookd-shim=/nonexistent create --bundle . c1)" 0
contains "a line says why" "$work/said" 'hookd-runtime: ./config.json: its hooks are not delegated'
is "an option that is not known" "$(status_of "$fake" $shim run --new c1)" 0
contains "a line says so" "$work/said" 'config.json: its hooks are not delegated, the runtime runs them: the option --new is'
check "and the config is as it was" cmp original config.json

# Limits of the caller: what fails is the runtime's affair.
limited() { # LIMIT COMMAND...: its output is in $work/said
	local limit=$1

	shift
	bash -c "ulimit $limit"'; exec "$@"' limit "$@" 2>&1 | cat > "$work/said" || true
}
limited '-f 0' "$fake" $shim create c1
contains "with a limit of file sizes the runtime is executed" "$work/said" '[create]'
contains "a line says why" "$work/said" 'it cannot be replaced: File too large'
is "SIGXFSZ is as it was" "$(grep ^SigIgn "$work/said")" "$("$work/bin/fake" create c1 | grep ^SigIgn)"
limited '-f 0' bash -c '"$@" 2> "$0"' "$work/err" "$fake" $shim create c1
contains "also if the line cannot be written" "$work/said" '[create]'
check "and the config is as it was" cmp original config.json
is "there is no other file" "$(find . -name '.config*')" ''
if [ -z "$sanitizers" ] && busybox=$(command -v busybox) && ! ldd "$busybox" > /dev/null 2>&1; then
	for command in state create; do
		limited '-n 3' "$program" --hookd-runtime="$busybox" $shim "$command" c1
		contains "without descriptors the runtime is executed: $command" "$work/said" "$command: applet not found"
	done
else
	ok "without descriptors # SKIP there is no static busybox, or sanitizers"
fi
if script --version > /dev/null 2>&1; then
	script -qec "'$fake' $shim create c1" /dev/null > "$work/said"
	contains "a terminal is told what is left" "$work/said" 'hooks.startContainer is not delegated'
else
	ok "a terminal is told what is left # SKIP script is not installed"
fi

# ---- keys ----

keys() { printf '%s\n' "$@" > "$work/keys"; }
if [ -n "$configuration" ]; then
	cp original config.json
	keys '[Runtime]' "  Path = $work/other/other  ; the other one" 'Address=unix:/key' '# no' \
		'Unknown=1' 'IfDown=ignore' '[Hooks]' 'Path=/nowhere' 'Address=wrong'
	cp "$work/keys" "$configuration"
	is "Path=" "$(name_of "$program")" "$work/other/other"
	is "its own name comes before" "$(name_of "$fake")" "$work/bin/fake"
	is "an option, too" "$(name_of "$program" --hookd-runtime=fake)" "$work/bin/fake"
	config_of "$fake" $shim create c1 > /dev/null
	is "Address= and IfDown=" "$(delegated)" "$list --address=unix:/key --if-down=ignore"
	HOOKD_ADDRESS=unix:/env config_of "$fake" $shim --hookd-if-down=fail create c1 > /dev/null
	is "the environment and options come before" "$(delegated)" "$list --address=unix:/env --if-down=fail"
	echo 'IfDown=run-local' | cat <(echo '[Runtime]') - > /run/hookd/hookd.conf.d/zzz.conf
	config_of "$fake" $shim create c1 > /dev/null
	is "a later file" "$(delegated)" "$list --address=unix:/key --if-down=run-local"
	rm /run/hookd/hookd.conf.d/zzz.conf

	for line in Path=runc Path= Address=/s IfDown=never; do
		keys '' '[Runtime]' "$line"
		cp "$work/keys" "$configuration"
		is "$line: 125" "$(status_of "$fake" create c1)" 125
		contains "it says where" "$work/said" "$configuration:3: ${line%%=*}: it takes"
		is "other commands run by its own name: $line" "$(status_of "$fake" state c1)" 0
		is "or by an option: $line" "$(status_of "$program" --hookd-runtime=fake delete c1)" 0
		expected=$([[ $line == Path=* ]] && echo 125 || echo 0)
		is "else they need Path= alone: $line" "$(status_of "$program" kill c1)" "$expected"
	done
	rm "$configuration"
	mkfifo "$configuration"
	is "a FIFO: 125" "$(status_of "$fake" create c1)" 125
	rm "$configuration"
else
	ok "keys # SKIP needs root"
fi
for line in Path=runc Address=/s IfDown=never; do
	keys '[Runtime]' "$line"
	is "hookd refuses $line" "$(status_of "$hookd" --config="$work/keys" --check-config | sed 's/[1-9].*/wrong/')" wrong
	contains "and says what it takes" "$work/said" "${line%%=*}: '${line#*=}' is invalid: it takes"
done
keys '[Runtime]' Path=/usr/bin/crun Address=unix:/s IfDown=spool
is "hookd takes right ones" "$(status_of "$hookd" --config="$work/keys" --check-config)" 0
is "without a warning" "$(grep -c unknown "$work/said" || true)" 0
tap_end
