#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Runs a command in a new mount namespace with cgroup2 on /sys/fs/cgroup: crun 1.8.1 refuses the hybrid
# layout. Usage: with_cgroup2.sh COMMAND...
command -v crun > /dev/null || { echo '1..0 # SKIP there is no crun'; exit 77; }
[ "$(id -u)" = 0 ] || { echo '1..0 # SKIP containers take root'; exit 77; }
# shellcheck disable=SC2016
exec unshare --mount --propagation private sh -c '
	umount -R /sys/fs/cgroup 2> /dev/null
	mount -t cgroup2 none /sys/fs/cgroup || { echo "1..0 # SKIP no cgroup2"; exit 77; }
	exec "$@"' with_cgroup2 "$@"
