#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# clang-format decides how the code is laid out.
set -euo pipefail
command -v clang-format > /dev/null || { echo "# SKIP there is no clang-format"; exit 77; }
find proto daemon client tests -name '*.[ch]' -print0 | xargs -0 clang-format --dry-run -Werror
