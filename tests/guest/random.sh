#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# In the guest: hookd beside a model of it. Usage: random.sh [SECONDS [SEED...]]
# The seeds below have found a fault once; then come new ones until the time is over.
#   1  systemd did not know a limit of a file that is named
#   2  a hookd that was killed in a Release that it would have refused released it at its next start
#   4  a process stayed in the closID's group of an Apply that was cut short
. "$(dirname "$0")/setup.sh"

seconds=${1:-120}
seeds=(1 2 4)
[ $# -lt 2 ] || seeds=("${@:2}")

# hookd is killed and the bus started again as often as the test likes.
for unit in hookd.service hookd.socket dbus.service dbus.socket; do
	mkdir -p "/etc/systemd/system/$unit.d"
	printf '[Unit]\nStartLimitIntervalSec=0\n' > "/etc/systemd/system/$unit.d/often.conf"
done
printf '[Socket]\nTriggerLimitIntervalSec=0\n' >> /etc/systemd/system/hookd.socket.d/often.conf
install_hookd
# The sanitizers' libraries, if it is that hookd, lie with hookd's own.
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
