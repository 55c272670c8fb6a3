#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The same system calls under the same profile, by a process in runc's container and by a hook. The last
# argument before those of lib.sh is the program that makes the calls.
probe=$1
shift
. "$(dirname "$0")/lib.sh"
cp "$probe" "$bundle/rootfs/probe"
echo '{"ociVersion":"1.0.2","id":"c1","status":"stopped","bundle":"/tmp"}' > "$work/state.json"

# System calls as NUMBER:ARGUMENTS, of x86-64.
calls=(
	39:0                       # getpid
	186:0                      # gettid
	83:0                       # mkdir of nothing
	21:0,0                     # access
	33:-1                      # dup
	157:38                     # prctl PR_SET_NO_NEW_PRIVS, refused for its arguments
	135:0xffffffff             # personality
	135:8
	140:0,0                    # getpriority
	141:0,0,0x100000005        # setpriority, more than 32 bits
	141:0,0,5
	16:-1,0x5412               # ioctl TIOCSTI
	16:-1,0x100005412
	16:-1,0x5413
	41:16,3,0                  # socket AF_NETLINK
	41:1,1,0                   # socket AF_UNIX
	165:0,0,0,0,0              # mount
	461:0                      # lsm_list_modules of newer kernels
	1000:0                     # no system call of today
)

rule() { # NAMES ACTION [REST]
	echo "{\"names\":[$1],\"action\":\"SCMP_ACT_$2\"${3:-}}"
}
arg() { # INDEX OP VALUE [VALUE-TWO]
	echo "{\"index\":$1,\"op\":\"SCMP_CMP_$2\",\"value\":$3${4:+,\"valueTwo\":$4}}"
}
profile() { # DEFAULT RULES [REST]
	echo "{\"defaultAction\":\"SCMP_ACT_$1\",\"syscalls\":[$2]${3:-}}"
}

kill_mkdir=$(rule '"mkdir"' KILL)
profiles=(
	"$(profile ALLOW "$(rule '"mkdir","dup"' ERRNO)")"
	"$(profile ALLOW "$(rule '"mkdir"' ERRNO ',"errnoRet":38'),$(rule '"dup"' ERRNO ',"errnoRet":1')")"
	"$(profile ALLOW "$(rule '"no_such_call","dup"' ERRNO)")"
	"$(profile ALLOW "$(rule '"dup"' LOG),$(rule '"getpriority"' ERRNO)")"
	"$(profile ALLOW "$(rule '"personality"' ERRNO ",\"args\":[$(arg 0 EQ 8)]")")"
	"$(profile ALLOW "$(rule '"personality"' ERRNO ",\"args\":[$(arg 0 NE 8)]")")"
	"$(profile ALLOW "$(rule '"setpriority"' ERRNO ",\"args\":[$(arg 2 EQ 4294967301)]")")"
	"$(profile ALLOW "$(rule '"setpriority"' ERRNO ",\"args\":[$(arg 2 GT 4294967295)]")")"
	"$(profile ALLOW "$(rule '"setpriority"' ERRNO ",\"args\":[$(arg 2 LE 5)]")")"
	"$(profile ALLOW "$(rule '"ioctl"' ERRNO ",\"args\":[$(arg 1 MASKED_EQ 4294967295 21522)]")")"
	"$(profile ALLOW "$(rule '"ioctl"' ERRNO ",\"args\":[$(arg 1 EQ 21522),$(arg 1 EQ 21523)]")")"
	"$(profile ALLOW "$(rule '"socket"' ERRNO ",\"args\":[$(arg 0 EQ 16),$(arg 1 EQ 3)]")")"
	"$(profile ALLOW "$(rule '"mkdir"' ALLOW),$(rule '"dup"' ERRNO)")"
	"$(profile ALLOW "$(rule '"socket"' ERRNO)" ',"architectures":["SCMP_ARCH_X86","SCMP_ARCH_X32"]')"
	"$(profile ALLOW "$(rule '"dup"' TRACE)")"
	"$(profile ALLOW "$kill_mkdir")"
	"$(profile ALLOW "$(rule '"mkdir"' KILL_PROCESS)")"
	"$(profile ALLOW "$(rule '"mkdir"' KILL_THREAD)")"
	"$(profile ALLOW "$(rule '"mkdir"' TRAP)")"
)
# (Flags are left out: runc 1.1 refuses them.)
# Allows only what a small static program and the runtime need; the default action is tested.
base='"execve","execveat","exit","exit_group","write","writev","ioctl","arch_prctl","set_tid_address",
	"brk","mmap","munmap","mprotect","rt_sigaction","rt_sigprocmask","rt_sigreturn","capset","prctl",
	"setresuid","setresgid","setgroups","setuid","setgid","getppid","openat","close","fstat","fstatfs",
	"newfstatat","read","futex","getdents64","sigaltstack","getpid","gettid","fcntl","epoll_ctl",
	"epoll_pwait","nanosleep","chdir","getcwd","tgkill","clone","clone3","madvise","sched_yield",
	"getuid","getgid","geteuid","getegid","faccessat2","faccessat","access","statx","readlinkat",
	"rseq","set_robust_list","prlimit64","uname","sched_getaffinity","pipe2","stat","lstat","dup3"'
base=$(tr -d '\n\t' <<< "$base")
# If a profile lists no architecture, runc 1.1 does not return ENOSYS for calls newer than the profile;
# newer versions do, and so does hookd.
native=',"architectures":["SCMP_ARCH_X86_64"]'
profiles+=(
	"$(profile ERRNO "$(rule "$base" ALLOW)" "$native")"
	"$(profile ERRNO "$(rule "$base" ALLOW)" "$native"',"defaultErrnoRet":13')"
	"$(profile KILL "$(rule "$base" ALLOW)" "$native")"
)

verbs=()
for call in "${calls[@]}"; do
	verbs+=(syscall "$call")
done

# Prints the output of the probe and how it ended: "signal 31", "exit 0". A signal ends the list.
under_runc() { # PROFILE VERBS...
	local status=0

	jq --argjson seccomp "$1" '.process.terminal = false | .process.args = $ARGS.positional
		| .process.noNewPrivileges = true | .linux.seccomp = $seccomp
		| .root.readonly = false' "$work/spec.json" --args /probe "${@:2}" > "$bundle/config.json"
	(cd "$bundle" && run run "$id") > "$work/runc.out" 2> "$work/runc.err" || status=$?
	grep -a ^syscall "$work/runc.out" || true
	if [ "$status" -gt 128 ]; then echo "signal $((status - 128))"; else echo "exit $status"; fi
}

under_hookd() { # PROFILE VERBS...
	jq '{process: {noNewPrivileges: true, capabilities: .process.capabilities},
		linux: {seccomp: $seccomp}}' --argjson seccomp "$1" "$work/spec.json" \
		> "$work/settings.json"
	jq -n '{poststop: [{path: $path, args: (["probe"] + $ARGS.positional)}]}' \
		--arg path "$probe" --args "${@:2}" > "$work/hooks.json"
	"$hookctl" --address="$address" --json=short run --stage=poststop \
		--state="$work/state.json" --hooks="$work/hooks.json" \
		--settings="$work/settings.json" > "$work/hookd.out" 2> "$work/hookd.err" || true
	jq -r '.hooks[0] | (.stdout // ""), if .outcome == "signaled" then .signal
		elif .outcome == "exited" then "exit \(.exitStatus)"
		else "\(.outcome) \(.error)" end' "$work/hookd.out" |
		sed '/^$/d; s/^SIGSYS$/signal 31/; s/^SIGKILL$/signal 9/; s/^SIGTRAP$/signal 5/'
}

for profile in "${profiles[@]}"; do
	under_runc "$profile" "${verbs[@]}" > "$work/theirs"
	under_hookd "$profile" "${verbs[@]}" > "$work/ours"
	is "$(cut -c-160 <<< "$profile")" "$(cat "$work/ours")" "$(cat "$work/theirs")"
	if [ "$(wc -l < "$work/theirs")" -lt 3 ]; then
		not_ok "the probe ran under it" "$(cat "$work/runc.err")"
	fi
done
finish
