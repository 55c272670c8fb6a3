/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* One line of hookd-oci-hook on stderr, which the runtime shows; -EINVAL to return. */
int shim_complain(const char *format, ...) __attribute__((format(printf, 1, 2)));
