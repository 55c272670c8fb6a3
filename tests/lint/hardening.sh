#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Checks that the hardening options are effective in the programs, and absent from the code that must
# not have them. usage: hardening.sh FEATURES OBJECTS HOOKD HOOKCTL LIBHOOKD HOOKD-RUN SHIM
# FEATURES: the list that `hookd --version` shows, without FORTIFY. OBJECTS: the folder with the object
# files of the code that runs between clone and exec in hookd's memory.
set -euo pipefail
shown=$("$3" --version | sed -n 2p)
features=" $shown "
objects=$2 hookd=$3 dynamic=("${@:3:3}") static=("${@:6}")
status=0
complain() { echo "$1"; status=1; }
has() { [[ $features == *" +$1 "* ]]; }

# Succeeds if a line of stdin matches. Reads to the end: with grep -q the writer could get SIGPIPE.
shows() { # PATTERN
  grep -E "$1" > /dev/null
}

# In the list, "+" means that the option is on.
[[ $shown =~ ^(.*)\ (-FORTIFY|\+FORTIFY[123])$ && ${BASH_REMATCH[1]} = "$1" ]] || complain "hookd --version shows other features"
"$hookd" --version | shows '^libevent [0-9].*, SQLite [0-9].*, libseccomp [0-9].*, libsystemd [0-9].*, inih [0-9]' ||
  complain "hookd --version does not show the libraries"
for file in "${dynamic[@]}"; do
  readelf -hW "$file" | shows 'Type: +DYN' || complain "$file is not position independent"
  readelf -dW "$file" | shows 'BIND_NOW|FLAGS_1.*NOW' || complain "$file has no immediate binding (-z now)"
  readelf -lW "$file" | shows GNU_RELRO || complain "$file has no RELRO"
  ! has STACKPROTECTOR || readelf -sW "$file" | shows __stack_chk_fail ||
    complain "$file has no stack protector"
  ! [[ $features =~ \ \+FORTIFY ]] || readelf -sW "$file" | shows '__[a-z]+_chk@' ||
    complain "$file has no function of FORTIFY_SOURCE"
done
for file in "${dynamic[@]}" "${static[@]}"; do
  readelf -lW "$file" | shows 'GNU_STACK .*RWE' && complain "$file has an executable stack"
done
# These programs run in containers or start hooks there, and must not load the container's libraries.
for file in "${static[@]}"; do
  [ "$(readelf -dW "$file" | grep -c NEEDED || true)" = 0 ] || complain "$file loads libraries"
done
# This code must not call libc, not even by calls that the compiler inserts: malloc's locks, errno and
# the stack canary are shared with hookd.
for name in spawn_child interpreter program_check; do
  calls=$(nm -u "$objects/$name.c.o" | grep -vE ' (program_check|interpreter_read)$' || true)
  [ -z "$calls" ] || complain "$name calls $calls"
done
exit $status
