/* SPDX-License-Identifier: Apache-2.0 */

/* How many hooks of a list fit into one request, and the text of these. No state. */

#include "client/oci-hook/part.h"

#include <assert.h>
#include <string.h>

#include "client/libhookd/hook_list.h"
#include "client/oci-hook/oci-hook.h"
#include "proto/base/limits.h"

/* Of a request without its state and hooks: the names of the call and of its parameters. */
#define ENVELOPE_BYTES	1024
#define ENVELOPE_VALUES 64
/* Of a hook in libcontainer's dialect without its strings: itself and five names with values. */
#define HOOK_VALUES 11
#define HOOK_BYTES  64

struct size {
	size_t bytes, values;
};

/* With quotes and a comma each. */
static void add_strings(struct size *size, char *const *strings)
{
	for (; strings && *strings; strings++) {
		size->bytes += strlen(*strings) + 3;
		size->values++;
	}
}

static void add_hook(struct size *size, const struct hp_hook *hook)
{
	size->bytes += HOOK_BYTES + strlen(hook->path);
	size->values += HOOK_VALUES;
	if (hook->dir)
		size->bytes += strlen(hook->dir);
	add_strings(size, hook->args);
	add_strings(size, hook->env);
}

static bool is_too_much(const struct size *size)
{
	return size->bytes > HP_MESSAGE_BYTES_MAX || size->values > HP_JSON_TOKENS_MAX;
}

/* How many of the next hooks fit into one request, without the escapes of JSON; at least one. */
static size_t count_part(const struct shim_run *run, size_t first)
{
	struct size size = {run->state_length + ENVELOPE_BYTES,
			    run->known->values + ENVELOPE_VALUES};
	size_t i = first;

	assert(i < run->list->count);
	for (; i < run->list->count; i++) {
		add_hook(&size, &run->list->hooks[i]);
		if (is_too_much(&size) && i > first)
			break;
	}
	return i - first;
}

int shim_part_write(const struct shim_run *run, size_t first, struct hp_buf *text)
{
	const size_t room = HP_MESSAGE_BYTES_MAX - ENVELOPE_BYTES;

	for (size_t count = count_part(run, first);; count = (count + 1) / 2) {
		struct hp_err err = {0};
		int r;

		hp_buf_clear(text);
		/* libcontainer's dialect can express every hook that oci's can. */
		r = hook_list_write(text, run->stage, run->list->hooks + first, count,
				    HP_DIALECT_LIBCONTAINER, &err);
		if (r < 0) {
			(void)shim_complain("hooks: %s %s", err.path, err.reason);
			return r;
		}
		if (count == 1 || text->length + run->state_length <= room)
			return (int)count;
	}
}
