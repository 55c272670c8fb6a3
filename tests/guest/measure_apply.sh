#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# In the guest: the time of Apply, compared with the bare file accesses. The guest is emulated, so only
# the ratio is meaningful. Run by hand, see docs/PERFORMANCE.md:
#   tests/guest/test_in_guest.sh cmake build/release measure_apply.sh build/release/tests/bench/bench-apply
. "$(dirname "$0")/setup.sh"

install_hookd
printf '# %-50s %12s %12s %8s %11s  %s\n' what hookd bare ratio target verdict
LD_LIBRARY_PATH=$here/../bin "$here/../bin/bench-apply" --address="unix:$socket" \
	--what="Apply of docker-like limits" --rounds="${ROUNDS:-20}" > "$work/rows" 2> "$work/said" ||
	cat "$work/said"
sed 's/^/# /' "$work/rows"
check "both sides were measured" grep -q 'us .* x' "$work/rows"
tap_end
