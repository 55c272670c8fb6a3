/* SPDX-License-Identifier: Apache-2.0 */
/* Makes runs for the tests of daemon/run. */
#include "tests/daemon/support/requests.h"

#include "tests/daemon/support/support.h"

static const char state_text[] = "{\"ociVersion\":\"1.0.2\",\"id\":\"c\",\"status\":\"created\"}";

static char *copy(struct hp_arena *arena, const char *text)
{
	char *copied = hp_arena_copy(arena, text, strlen(text));

	assert_non_null(copied);
	return copied;
}

static char **copy_vector(struct hp_arena *arena, char *const *vector)
{
	size_t count = 0;
	char **copied;

	if (!vector)
		return NULL;
	while (vector[count])
		count++;
	copied = hp_arena_calloc(arena, count + 1, sizeof(*copied));
	assert_non_null(copied);
	for (size_t i = 0; i < count; i++)
		copied[i] = copy(arena, vector[i]);
	return copied;
}

struct hp_request request_make(const char *container, enum hp_stage stage,
			       const struct hp_hook *hooks, size_t count)
{
	struct hp_request request = {.stage = stage};
	struct hp_hook *copies = hp_arena_calloc(&request.arena, count + 1, sizeof(*copies));

	assert_non_null(copies);
	for (size_t i = 0; i < count; i++)
		copies[i] = (struct hp_hook){
		    .path = copy(&request.arena, hooks[i].path),
		    .args = copy_vector(&request.arena, hooks[i].args),
		    .env = copy_vector(&request.arena, hooks[i].env),
		    .dir = hooks[i].dir ? copy(&request.arena, hooks[i].dir) : NULL,
		    .timeout_ns = hooks[i].timeout_ns,
		};
	request.hooks = (struct hp_hook_list){copies, count};
	request.container = copy(&request.arena, container);
	request.text = request.state = copy(&request.arena, state_text);
	request.text_length = request.state_length = sizeof(state_text) - 1;
	return request;
}

struct run *run_make(const struct run_context *context, const char *id, struct hp_request request)
{
	const struct hook_target nobody = HOOK_TARGET_NONE;
	struct run *run;

	assert_int_equal(run_new(context, id, 0, &request, &nobody, &run), 0);
	return run;
}

struct hp_hook shell_hook(char *args[static 4], const char *script)
{
	args[0] = (char *)"sh";
	args[1] = (char *)"-c";
	args[2] = (char *)script;
	args[3] = NULL;
	return (struct hp_hook){.path = (char *)"/bin/sh", .args = args};
}
