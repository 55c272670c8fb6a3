/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Configs and what delegate_config() makes of them. */

#include <stdlib.h>
#include <string.h>

#include "client/delegate/delegate.h"
#include "tests/group/group.h"

static const struct delegate plain = {.shim = "/usr/libexec/hookd/hookd-oci-hook"};

/* Rewrites a config. Returns the new text, which the caller frees. */
static inline char *rewrite(const char *text, const struct delegate *delegate)
{
	struct hp_buf buf = HP_BUF_INIT;
	struct hp_err err = {0};

	assert_int_equal(delegate_config(text, strlen(text), delegate, &buf, &err), 0);
	hp_buf_append(&buf, "", 1);
	return buf.data;
}

/* Also that another rewrite changes nothing. */
static inline void expect(const char *text, const struct delegate *delegate, const char *expected)
{
	char *got = rewrite(text, delegate), *again;

	assert_string_equal(got, expected);
	again = rewrite(got, delegate);
	assert_string_equal(again, expected);
	free(again);
	free(got);
}
