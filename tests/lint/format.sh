#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Checks that the code is formatted by clang-format.
set -euo pipefail
command -v clang-format > /dev/null || { echo "# SKIP clang-format is not installed"; exit 77; }
find proto daemon client tests -name '*.[ch]' -print0 | xargs -0 clang-format --dry-run -Werror
