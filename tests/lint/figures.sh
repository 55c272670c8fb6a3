#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Prints the table of docs/ARCHITECTURE.md "Figures", with a row for each source folder: the number of
# files and lines; the longest file; the number of functions, the length that 9 of 10 do not exceed, and
# how many have more than 60 lines; assertions per 1,000 lines; and copies: blocks of at least 6 lines
# that also exist elsewhere in proto, daemon or client. For copies, empty lines, comments, includes and
# lines of braces are ignored.
set -euo pipefail
cd "$(dirname "$0")/../.."
ctags --version 2> /dev/null | grep -q Universal || { echo "needs universal-ctags" >&2; exit 1; }

sources() { # FOLDER
  find "$1" -maxdepth 1 -name '*.[chS]' | sort
}

# "FOLDER LINES" for each function.
functions() {
  find proto daemon client -name '*.c' | ctags -L - --languages=C --kinds-C=f --fields=+ne -f - |
    awk -F '\t' '{
      for (i = 4; i <= NF; i++) { if ($i ~ /^line:/) l = substr($i, 6); if ($i ~ /^end:/) e = substr($i, 5) }
      folder = $2; sub(/\/[^\/]*$/, "", folder); print folder, e - l + 1 }' | sort -k1,1 -k2,2n
}

# "FOLDER COPIES" for each folder that has one.
copies() {
  find proto daemon client -name '*.c' | sort | xargs awk -v window=6 '
    FNR == 1 { count = 0; end_of_copy = 0; folder = FILENAME; sub(/\/[^\/]*$/, "", folder) }
    {
      gsub(/[ \t]+/, " "); sub(/^ /, "")
      if ($0 == "" || $0 ~ /^[{}();]*$/ || $0 ~ /^(#include|\/\*|\*)/) next
      line[++count % window] = $0
      if (count < window) next
      block = ""
      for (i = 1; i <= window; i++) block = block "\n" line[(count + i) % window]
      if (block in seen) {
        if (count > end_of_copy) copies[folder]++
        end_of_copy = count + window - 1
      }
      seen[block] = 1
    }
    END { for (f in copies) print f, copies[f] }'
}

declare -A copies_of
while read -r folder count; do
  copies_of[$folder]=$count
done < <(copies)
lengths=$(functions)

row='| %s | %s | %s | %s | %s | %s | %s | %s | %s |\n'
printf "$row" folder files lines 'longest file' functions '9 of 10 within' 'over 60' 'assertions per 1,000 lines' copies
printf "$row" --- --- --- --- --- --- --- --- ---
print_row() { # NAME LENGTHS COPIES FILE...
  local lines longest count within over asserts
  lines=$(cat "${@:4}" | wc -l)
  longest=$(wc -l "${@:4}" | awk '$2 != "total" && $1 > n { n = $1; f = $2 } END { sub(/.*\//, "", f); print f ", " n }')
  read -r count within over < <(sort -n <<< "$2" | awk '
    { length_of[NR] = $1; if ($1 > 60) over++ }
    END { print NR, length_of[int(NR * 0.9 + 0.999)], over + 0 }')
  asserts=$(cat "${@:4}" | grep -cE '\b(static_assert|_Static_assert|assert)\(' || true)
  printf "$row" "$1" $(($# - 3)) "$lines" "$longest" "$count" "$within" "$over" \
    "$(awk -v a="$asserts" -v l="$lines" 'BEGIN { printf "%.1f", a * 1000 / l }')" "$3"
}
all=() total_copies=0
while read -r folder; do
  mapfile -t files < <(sources "$folder")
  all+=("${files[@]}")
  total_copies=$((total_copies + ${copies_of[$folder]:-0}))
  print_row "$folder" "$(awk -v f="$folder" '$1 == f { print $2 }' <<< "$lengths")" \
    "${copies_of[$folder]:-0}" "${files[@]}"
done < <(find proto daemon client -name '*.[ch]' -printf '%h\n' | sort -u)
print_row 'all' "$(awk '{ print $2 }' <<< "$lengths")" "$total_copies" "${all[@]}"
