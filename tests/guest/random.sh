#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# In the guest: compares hookd with a model. Usage: random.sh [SECONDS [SEED...]]
# Runs the seeds below, each of which has found a bug, then new ones until the time is over.
#   1  systemd was not told a limit that was given by its file name ("unified")
#   2  hookd was killed in a Release that it would have refused, and did the release at its next start
#   4  a process stayed in the closID's group of an Apply that was interrupted
#   1130426347  an Update that failed left the CPUs that systemd had set in a scope without any before
. "$(dirname "$0")/setup.sh"

seconds=${1:-120}
seeds=(1 2 4 1130426347)
[ $# -lt 2 ] || seeds=("${@:2}")

# No limit for how often systemd restarts hookd and the bus.
for unit in hookd.service hookd.socket dbus.service dbus.socket; do
	mkdir -p "/etc/systemd/system/$unit.d"
	printf '[Unit]\nStartLimitIntervalSec=0\n' > "/etc/systemd/system/$unit.d/often.conf"
done
printf '[Socket]\nTriggerLimitIntervalSec=0\n' >> /etc/systemd/system/hookd.socket.d/often.conf
install_hookd
# Libraries of the sanitizers, if hookd is built with them, are in the folder of hookd's libraries.
ldconfig
systemctl daemon-reload
mountpoint -q /sys/fs/resctrl || mount -t resctrl resctrl /sys/fs/resctrl

status=0
"$here"/../bin/guest_random "$seconds" "${seeds[@]}" || status=$?
if [ $status -ne 0 ]; then
	journalctl --sync
	journalctl -q -o cat -u hookd.service -n "${JOURNAL_LINES:-200}" | sed 's/^/# hookd: /'
fi
exit $status
