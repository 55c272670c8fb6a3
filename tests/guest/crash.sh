#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# In the guest: kills hookd between any two steps of Apply and Release.
. "$(dirname "$0")/setup.sh"

LD_LIBRARY_PATH=$here/../bin CMOCKA_MESSAGE_OUTPUT=TAP "$here"/../bin/guest_apply_crash
