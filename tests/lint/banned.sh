#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Forbids functions that have a safer replacement: those that write without a bound, report no error,
# keep static state, run a shell, or open files without close-on-exec.
set -euo pipefail
status=0
forbid() { # CALLS INSTEAD FOLDER...
  local found

  # Not in comments.
  found=$(grep -rnE "(^|[^_a-zA-Z0-9.>])($1)\(" "${@:3}" --include='*.[ch]' |
    grep -vE '^[^:]*:[0-9]*:\s*(/\*|\*|//)' || true)
  [ -z "$found" ] || { printf '%s\n%s\n' "$found" "  instead: $2"; status=1; }
}
shipped=(proto daemon client)

forbid 'gets|strcpy|stpcpy|strcat|sprintf|vsprintf' 'snprintf, memcpy' "${shipped[@]}" docs
forbid 'tmpnam|tempnam|mktemp' 'mkstemp, mkdtemp' "${shipped[@]}" docs
forbid 'alloca|strdupa|strndupa' 'an array of fixed size, malloc' "${shipped[@]}" docs
forbid 'strtok|asctime|ctime|localtime|gmtime|readdir_r' 'the one with _r, or readdir' "${shipped[@]}" docs
forbid 'strncpy|strncat' 'snprintf, memcpy' "${shipped[@]}"
forbid 'atoi|atol|atoll|atof' 'strtol and similar, checking the end and errno' "${shipped[@]}"
forbid 'system|popen|execlp|execvp|execvpe|posix_spawnp' 'a program by its path' "${shipped[@]}"
forbid 'rand|srand|random|rand_r|drand48' 'getrandom' "${shipped[@]}"
forbid 'vfork|usleep|setjmp|longjmp' 'clone3, nanosleep, return values' "${shipped[@]}"
forbid 'getpw[a-z]*|getgr[a-z]*|getaddrinfo|gethostby[a-z]*|dlopen' 'numeric ids and addresses, which need no plug-ins and no network' "${shipped[@]}"
forbid 'accept|pipe|creat|epoll_create|inotify_init' 'the one that takes flags, with CLOEXEC' "${shipped[@]}"

# Skipped tests must be visible to ctest; cmocka's skip() is not.
if grep -rn '#include <cmocka.h>' tests --include='*.[ch]' | grep -v '^tests/group/group\.h:'; then
  echo '  instead: tests/group/group.h'
  status=1
fi
silent=$(find tests -name '*.sh' ! -path tests/lint/banned.sh -exec awk '
  /exit 77/ && (before $0) !~ /# SKIP / { print FILENAME ":" FNR ": " $0 } { before = $0 }' {} +)
[ -z "$silent" ] || { printf '%s\n' "$silent" '  instead: # SKIP and the reason, before it'; status=1; }

# The semantics of a handler set by signal(2) vary; ignoring and resetting a signal do not.
if grep -rnE '(^|[^_a-zA-Z0-9.>])signal\(' "${shipped[@]}" --include='*.[ch]' |
  grep -vE 'SIG_(DFL|IGN)\)'; then
  echo '  instead: sigaction'
  status=1
fi
if grep -rnE 'fopen\([^,]*, "[^"e]*"\)' proto daemon client --include='*.[ch]'; then
  echo '  instead: a mode with "e", close on exec'
  status=1
fi
exit $status
