#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Checks that each function that docs/ARCHITECTURE.md names with a file is in that file, that all other
# functions and all files that it names exist, and that what CONTRIBUTING.md names exists.
set -euo pipefail
status=0 count=0
page=$(tr '\n' ' ' < docs/ARCHITECTURE.md | tr -s ' ')
miss() {
  echo "docs/ARCHITECTURE.md: $*"
  status=1
}
# "5 handle_run (daemon/ipc/hooks.c)", "`handle_run` (daemon/ipc/hooks.c)", "`f()`, daemon/x.c"
with_file() {
  grep -oE ' [0-9]+ [a-z_]+ \([a-z_/-]+\.c\)' <<< "$page" | sed -E 's/^ [0-9]+ //; s/[()]//g'
  grep -oE '`[a-z_]+(\(\))?`( \(|, )[a-z_/-]+\.c' <<< "$page" | sed -E 's/`|\(\)//g; s/( \(|, )/ /'
}
while read -r function file; do
  count=$((count + 1))
  grep -qE "\b$function\(" "$file" || miss "no $function in $file"
done < <(with_file)
[ "$count" -ge 22 ] || miss "only $count functions with a file found"
while read -r function; do
  grep -rqE "\b$function\(" daemon proto client || miss "no $function"
done < <(grep -oE '`[a-z_]+\(\)`' <<< "$page" | tr -d '`()' | sort -u)
while read -r file; do
  find . -path ./build -prune -o -path "*/$file" -print -quit | grep -q . || miss "no $file"
done < <(grep -oE '`[a-z_/*-]+\.[chS]`' <<< "$page" | tr -d '`' | sort -u)
page=$(tr '\n' ' ' < CONTRIBUTING.md)
miss() {
  echo "CONTRIBUTING.md: $*"
  status=1
}
count=0
while read -r path; do
  count=$((count + 1))
  compgen -G "$path" > /dev/null || miss "no $path"
done < <(grep -oE '`(proto|daemon|client|tests|docs)/[A-Za-z0-9_./*-]+`' <<< "$page" | tr -d '`' | sort -u)
[ "$count" -ge 35 ] || miss "only $count paths found"
while read -r name; do
  grep -rqE "\b$name\b" daemon proto client tests || miss "no $name"
done < <(grep -oE '`(struct |enum )?[a-z_]+(\(\))?`' <<< "$page" | grep _ |
  sed -E 's/`|\(\)|struct |enum //g' | sort -u)
exit $status
