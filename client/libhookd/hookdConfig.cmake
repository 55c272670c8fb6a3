# SPDX-License-Identifier: Apache-2.0
# find_package(hookd) gives the target hookd::hookd.
include(${CMAKE_CURRENT_LIST_DIR}/hookdTargets.cmake)
