# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# Completion of hookctl for bash. `hookctl __complete WORD...` prints what may stand for the last word, a
# value and a description on each line; ":files" and ":directories" leave it to the shell.
_hookctl() {
	local line=${COMP_LINE:0:COMP_POINT} word value rest written
	local -a words

	read -ra words <<< "$line"
	[[ $line == *[[:space:]] ]] && words+=('')
	word=${words[-1]}
	# readline replaces only what is behind the last "=" or ":".
	written=${COMP_WORDS[COMP_CWORD]}
	[[ $written == [=:] ]] && written=
	rest=${word%"$written"}
	COMPREPLY=()
	while IFS=$'\t' read -r value _; do
		case $value in
		:files | :directories)
			compopt -o filenames 2> /dev/null
			mapfile -t -O ${#COMPREPLY[@]} COMPREPLY < <(compgen "-${value:1:1}" -- "$written")
			;;
		*)
			[[ $value == *= ]] && compopt -o nospace 2> /dev/null
			# Names come from containers: they are quoted, and never expanded.
			COMPREPLY+=("$(printf %q "${value#"$rest"}")")
			;;
		esac
	done < <("${words[0]}" __complete "${words[@]:1}" 2> /dev/null)
}
complete -F _hookctl hookctl
