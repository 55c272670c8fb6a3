#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The manuals (docs/man) name what there is, and nothing else: verbs and options as --help shows them, keys
# that hookd reads, functions of the public headers; and they are written without mistakes of format.
# usage: manuals.sh BUILD HOOKD HOOKCTL SHIM RUNTIME
set -euo pipefail
build=$1 hookd=$2 hookctl=$3 shim=$4 runtime=$5
man=docs/man
status=0
complain() {
  echo "$*"
  status=1
}

# Compares two lists of words; the first is what the manual has.
compare() { # WHERE WHAT MANUAL REAL
  local word

  while read -r word; do complain "$1: the manual names the $2 $word, which does not exist"; done \
    < <(comm -23 <(sort -u <<< "$3") <(sort -u <<< "$4") | sed '/^$/d')
  while read -r word; do complain "$1: the manual lacks the $2 $word"; done \
    < <(comm -13 <(sort -u <<< "$3") <(sort -u <<< "$4") | sed '/^$/d')
}

# Options are at the beginning of a line of the manual: "*-f*, *--follow*", "*--stage*=_STAGE_, *--tail*=_N_".
options_of_page() { # FROM TO
  sed -nE "/$1/,/$2/p" "$page" | sed '1d' | grep -E '^'$'\t''*\*-' | tr -d '*\\' | sed 's/, -/\n-/g' |
    sed -E 's/^\t*//; s/ .*//' | normalize
}
options_of_help() {
  sed -E 's/^ +//; /^-/!d; s/^(-[a-zA-Z]), /\1\n/; s/ .*//; s/\[=/=/' | normalize
}
# "--name=a|b" for a choice, else "--name" or "-x". Manuals name the stages in one place.
normalize() {
  sed -E 's/=prestart\|.*//; /=[a-z0-9_-]+(\|[a-z0-9_-]+)+$/!s/(\[|=).*//' | sort -u
}

# ---- hookctl ----

verbs=$("$hookctl" --help | sed -n '/^Anywhere:/q; s/^  \([a-z][a-z-]*\).*/\1/p')
[ "$(wc -w <<< "$verbs")" -gt 10 ] || complain "hookctl --help lists no verbs"
compare hookctl verb "$(sed -nE 's/^## ([a-z-]+)( .*)?$/\1/p' "$man"/hookctl*.scd)" "$verbs"
global=$("$hookctl" ping --help | options_of_help | sort -u)
page=$man/hookctl.1.scd
compare hookctl.1 option "$(options_of_page '^# OPTIONS' '^# VERBS')" "$global"
for verb in $verbs; do
  page=$(grep -lE "^## $verb( |$)" "$man"/hookctl*.scd) || continue
  compare "${page##*/}, $verb" option "$(options_of_page "^## $verb( |$)" '^#')" \
    "$(comm -23 <("$hookctl" "$verb" --help | options_of_help | sort -u) <(echo "$global"))"
done

# ---- the other programs ----

page=$man/hookd.8.scd
# Its help has the choices of two options in words.
compare hookd.8 option "$(options_of_page '^# OPTIONS' '^# ' | sed 's/=.*//')" "$("$hookd" --help | options_of_help | sed 's/=.*//')"
page=$man/hookd-oci-hook.1.scd
# Its help has a line for each choice.
compare hookd-oci-hook.1 option "$(options_of_page '^# OPTIONS' '^# ' | sed 's/=.*//')" \
  "$("$shim" --help | grep -oE '(^  |usage.* )--[a-z-]+' | grep -oE -e '--[a-z-]+'; printf '%s\n' --help --version)"

page=$man/hookd-runtime.8.scd
compare hookd-runtime.8 option "$(options_of_page '^# OPTIONS' '^# ' | sed 's/=.*//')" \
  "$("$runtime" --hookd-help | grep -oE '^  --.*' | grep -oE -e '--hookd-[a-z-]+')"

# ---- hookd.conf ----

in_manual=$(sed -nE 's/^# (\[.*\])$/\1/p; s/^\*([A-Za-z]+=)\*$/\1/p' "$man/hookd.conf.5.scd" |
  awk '/^\[/ { section = $0; next } { print section $0 }')
in_code=$(sed -nE 's/^[[:space:]]*(CHECKED_)?KEY\("([^"]+)", "([^"]+)".*/[\2]\3=/p' daemon/base/config.c)
[ "$(wc -l <<< "$in_code")" -gt 10 ] || complain "no keys found in daemon/base/config.c"
compare hookd.conf.5 key "$in_manual" "$in_code"

# ---- libhookd ----

in_headers=$(cat client/libhookd/hookd.h client/libhookd/hookd_calls.h | sed 's://.*::' |
  sed -e ':a' -e 's:/\*[^*]*\*\+\([^/*][^*]*\*\+\)*/::g' -e '/\/\*/{N;ba' -e '}' |
  grep -oE '\bhookd_[a-z_]+\(' | grep -v '_fn(' | sort -u)
in_map=$(grep -oE '\bhookd_[a-z_]+;' client/libhookd/libhookd.map | tr ';' '(' | sort -u)
compare libhookd.3 function "$(grep -oE '\*hookd_[a-z_]+\*\(' "$man/libhookd.3.scd" | tr -d '*' | sort -u)" \
  "$(comm -12 <(echo "$in_headers") <(echo "$in_map"))"
compare libhookd.map function "$in_map" "$in_headers"

# ---- format ----

if [ -e "$build/docs/man/hookctl.1" ]; then
  for page in "$build"/docs/man/*.[1-9]; do
    [ "$(head -c 3 "$page")" != .so ] || continue
    wrong=$(LC_ALL=C.UTF-8 man --warnings -E UTF-8 -l -Tutf8 -Z "$page" 2>&1 > /dev/null)
    # scdoc writes empty paragraphs, which do no harm.
    wrong+=$(! command -v mandoc > /dev/null || mandoc -Tlint -Wwarning "$page" |
      grep -v 'skipping paragraph macro' || true)
    [ -z "$wrong" ] || complain "${page##*/}: $wrong"
  done
  # Each page that a page refers to is one of ours, or of another package.
  for name in $(grep -ohE '\b(hookd|hookctl|libhookd)[a-z.-]*\([0-9]\)' "$man"/*.scd | sort -u | tr '()' '. '); do
    [ -e "$build/docs/man/$name" ] || complain "a manual refers to $name, which is not there"
  done
else
  echo "# SKIP the format of manuals: scdoc is not installed"
fi
exit $status
