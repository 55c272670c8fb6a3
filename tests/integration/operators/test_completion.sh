#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Completion in bash, zsh and fish, with ids from a hookd. A container's name is never executed.
# usage: test_completion.sh HOOKD HOOKCTL SHIM
. "$(dirname "$0")/lib.sh"

scripts=$here/../../../client/hookctl/completion
mkdir "$work/bin" "$work/home" "$work/files"
ln -s "$(realpath "$hookctl")" "$work/bin/hookctl"
touch "$work/files/config.json"
export PATH=$work/bin:$PATH HOME=$work/home
cd "$work/files"

start_hookd
run_hooks web poststart '[{"path": "/bin/true"}]'
run_hooks "x\$(touch $work/executed)\`touch $work/executed\`; y" poststop '[{"path": "/bin/true"}]'
done_id=$(hookctl ps -aq --container=web)
run_hooks database poststart '[{"path": "/bin/sleep", "args": ["sleep", "60"]}]' 2> "$work/err" &
for _ in {1..200}; do [ -z "$(hookctl ps -q)" ] || break; sleep 0.05; done
going_id=$(hookctl ps -q)

# ---- bash ----

cat > "$work/bash" <<'EOF'
source "$1/hookctl.bash"
COMP_LINE=$2 COMP_POINT=${#2}
# As readline: words end at "=" and ":", which are words themselves.
read -ra COMP_WORDS <<< "$(sed 's/[=:]/ & /g' <<< "$2")"
[[ $2 == *[[:space:]=:] && ${COMP_WORDS[-1]} != [=:] ]] && COMP_WORDS+=('')
COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
_hookctl
printf '%s\n' "${COMPREPLY[@]}"
complete -p hookctl
EOF
in_bash() { # LINE
	bash --norc "$work/bash" "$scripts" "$1" | sed '$d' | sort | paste -sd' '
}
is "bash: complete is set" "$(bash --norc "$work/bash" "$scripts" 'hookctl p' | tail -n 1)" 'complete -F _hookctl hookctl'
is "bash: verbs" "$(in_bash 'hookctl p')" 'ping plot policy ps'
is "bash: options of a verb" "$(in_bash 'hookctl plot --fo')" '--format='
is "bash: values behind =" "$(in_bash 'hookctl plot web --format=s')" 'svg'
is "bash: all values behind =" "$(in_bash 'hookctl plot web --format=')" 'svg trace'
is "bash: values as a word" "$(in_bash 'hookctl ps --state ')" 'done queued running'
is "bash: containers" "$(in_bash 'hookctl logs w')" 'web'
is "bash: containers behind =" "$(in_bash 'hookctl events --container=data')" 'database'
is "bash: runs" "$(in_bash "hookctl inspect ${done_id:0:6}")" "$done_id"
is "bash: runs that can be cancelled" "$(in_bash "hookctl cancel ${going_id:0:6}")" "$going_id"
is "bash: and no others" "$(in_bash "hookctl cancel ${done_id:0:6}")" ""
is "bash: files" "$(in_bash 'hookctl seccomp conf')" 'config.json'
is "bash: files behind =" "$(in_bash 'hookctl run --state=conf')" 'config.json'
is "bash: a hostile name is quoted" "$(eval "printf %s $(in_bash 'hookctl plot x')")" \
	"x\$(touch $work/executed)\`touch $work/executed\`; y"
is "bash: no hookd, no ids" "$(in_bash "hookctl --address=unix:$work/none plot w")" ""
is "bash: levels" "$(in_bash 'hookctl log-level w')" 'warning'

# ---- fish ----

if command -v fish > /dev/null; then
	check "fish: the script is right" fish --no-execute "$scripts/hookctl.fish"
	in_fish() { # LINE
		fish --no-config -c 'source $argv[1]; complete -C $argv[2]' "$scripts/hookctl.fish" "$1" |
			cut -f1 | sort | paste -sd' '
	}
	is "fish: verbs" "$(in_fish 'hookctl p')" 'ping plot policy ps'
	is "fish: options" "$(in_fish 'hookctl plot --fo')" '--format='
	is "fish: values" "$(in_fish 'hookctl plot --format=')" '--format=svg --format=trace'
	is "fish: containers" "$(in_fish 'hookctl logs w')" 'web'
	is "fish: runs" "$(in_fish "hookctl inspect ${done_id:0:6}")" "$done_id"
	is "fish: files" "$(in_fish 'hookctl run --state=conf')" '--state=config.json'
else
	ok "fish # SKIP is not installed"
fi

# ---- zsh ----

if command -v zsh > /dev/null; then
	check "zsh: the script is right" zsh -n "$scripts/_hookctl"
	# Types the line and a tab into a real zsh, and prints what is on the line then.
	cat > "$work/zsh" <<'EOF'
zmodload zsh/zpty
zpty -b shell zsh -f -i
zpty -w shell "PS1=; stty -echo; unsetopt zle_bracketed_paste; fpath=($1 \$fpath); autoload -U compinit; compinit -u -D"
zpty -w shell "bindkey '^I' complete-word; show() { print -r -- \"<<\$BUFFER>>\" > $3; zle kill-buffer }"
zpty -w shell "zle -N show; bindkey '^X' show; print READY"
while zpty -r shell line; do [[ $line == *READY* ]] && break; done
zpty -w -n shell $2$'\t\x18'
for i in {1..100}; do [[ -s $3 ]] && break; sleep 0.1; zpty -r -t shell line; done
zpty -d shell
EOF
	in_zsh() { # LINE
		rm -f "$work/zsh.out"
		timeout 60 zsh -f "$work/zsh" "$(realpath "$scripts")" "$1" "$work/zsh.out" > "$work/zsh.log" 2>&1
		sed 's/^<<//; s/>>$//' "$work/zsh.out"
	}
	is "zsh: verbs" "$(in_zsh 'hookctl plo')" 'hookctl plot '
	is "zsh: options" "$(in_zsh 'hookctl plot --fo')" 'hookctl plot --format='
	is "zsh: values" "$(in_zsh 'hookctl plot --format=t')" 'hookctl plot --format=trace '
	is "zsh: containers" "$(in_zsh 'hookctl logs we')" 'hookctl logs web '
	is "zsh: runs" "$(in_zsh "hookctl inspect ${done_id:0:8}")" "hookctl inspect $done_id "
	is "zsh: files" "$(in_zsh 'hookctl run --state=conf')" 'hookctl run --state=config.json '
	is "zsh: a hostile name is quoted" "$(eval "printf %s $(in_zsh 'hookctl plot x' | cut -d' ' -f3-)")" \
		"x\$(touch $work/executed)\`touch $work/executed\`; y"
else
	ok "zsh # SKIP is not installed"
fi

check "nothing of a name was executed" [ ! -e "$work/executed" ]
tap_end
