#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Each folder says in the first comment of its main header (run/run.h) which folders and libraries it
# may use. Checks that it includes headers of each of them and of no other, that there are no cycles,
# and that no folder has over 30 files. daemon/ itself, where main() is, may use everything.
set -euo pipefail
status=0
complain() {
  echo "$*"
  status=1
}
libraries='s/^event2\/.*/libevent/; s/^systemd\/.*/libsystemd/; s/^seccomp\.h/libseccomp/
  s/^sqlite3\.h/sqlite/; s/^xxhash\.h/libxxhash/; s/^ini\.h/inih/; s/^jansson\.h/jansson/; s/^pcre2\.h/pcre2/'

declare -A may_use
mapfile -t folders < <(find proto daemon client -name '*.h' -printf '%h\n' | sort -u | grep -vx daemon)
for folder in "${folders[@]}"; do
  header=$folder/${folder##*/}.h
  [ -f "$header" ] || { complain "$folder has no main header $header"; continue; }
  comment=$(sed -n '2,/\*\//p' "$header" | sed 's/^[ /]*\*\/*//' | tr '\n' ' ' | tr -s ' ')
  [[ $comment == " $folder: "* ]] || complain "$header does not begin with \"$folder: what it owns\""
  [[ $comment =~ May\ use:\ ([^.]*)\. ]] || { complain "$header does not say \"May use: ...\""; continue; }
  may_use[$folder]=" $(tr ',;' '  ' <<< "${BASH_REMATCH[1]}" | tr -s ' ') "
  [ -f "$folder/CMakeLists.txt" ] || complain "$folder has no CMakeLists.txt"
done

cycle=$(for folder in "${!may_use[@]}"; do
  printf "$folder %s\n" ${may_use[$folder]}
done | tsort 2>&1 > /dev/null) || complain "folders include each other in a cycle: $cycle"

for folder in "${!may_use[@]}"; do
  # Folders by their path, libraries by their header.
  used=$(grep -hoE '#include ["<][^">]+' "$folder"/*.[ch] | sed -E 's/#include ["<]//' | sed -E "$libraries" |
    sed -nE 's/^((proto|daemon|client)\/.*)\/[^/]+$/\1/p; /^(lib(event|systemd|seccomp|xxhash)|sqlite|inih|jansson|pcre2)$/p' |
    sort -u)
  for other in $used; do
    if [ "$other" != "$folder" ] && [[ ${may_use[$folder]} != *" $other "* ]]; then
      complain "$folder uses $other, which ${folder##*/}.h does not allow"
    fi
  done
  for other in ${may_use[$folder]}; do
    [[ $other == nothing || $'\n'$used$'\n' == *$'\n'"$other"$'\n'* ]] ||
      complain "$folder does not use $other, which ${folder##*/}.h allows"
  done
done

while read -r count folder; do
  if [ "$count" -gt 30 ]; then
    complain "$folder has $count files"
  fi
done < <(find proto daemon client tests -name '*.[chS]' -printf '%h\n' | sort | uniq -c)
[ "${#may_use[@]}" -ge 19 ] || complain "only ${#may_use[@]} folders found"
exit $status
