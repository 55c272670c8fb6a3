/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Requests of Run: an error names a field and becomes a valid reply. An accepted request keeps the
 * caller's bytes, and its hooks are the same after they were written and read again.
 */

#include <string.h>

#include "proto/base/limits.h"
#include "proto/messages/request.h"
#include "tests/fuzz/fuzz.h"

static struct hp_json json, again;

static void check_answer(const struct hp_err *err)
{
	struct hp_buf buf = HP_BUF_INIT;
	struct hp_reply reply;
	struct hp_err ignored;

	must(err->code == HP_ERR_INVALID || err->code == HP_ERR_NO_PARAMETER,
	     "a wrong request has a wrong value or lacks a parameter");
	must(err->reason[0] != '\0', "a refusal has a reason");
	hp_reply_err(&buf, err, "io.hookd.hooks.Invalid");
	must(hp_json_parse(&again, buf.data, buf.length - 1, &ignored) == 0 &&
		 hp_reply_read(&again, &reply, &ignored) == 0,
	     "the answer is a message");
	hp_buf_free(&buf);
}

static void check_strings(char *const *strings)
{
	for (; strings && *strings; strings++)
		must(hp_json_is_text(*strings, strlen(*strings)), "strings are text");
}

static void check_hooks(const struct hp_hook_list *list)
{
	must(list->count <= HP_HOOKS_MAX, "hooks are bounded");
	for (size_t i = 0; i < list->count; i++) {
		must(list->hooks[i].path[0] == '/', "a path is absolute");
		must(list->hooks[i].timeout_ns <= HP_TIMEOUT_SECONDS_MAX * 1000000000ull,
		     "a timeout is bounded");
		check_strings(list->hooks[i].args);
		check_strings(list->hooks[i].env);
	}
}

/*
 * Writes the hooks in libcontainer's dialect, which can express all, reads and writes them again.
 */
static void check_round_trip(const struct hp_request *request)
{
	struct hp_hooks hooks = {0}, read;
	struct hp_buf first = HP_BUF_INIT, second = HP_BUF_INIT;
	struct hp_json_writer writer = HP_JSON_WRITER_INIT(&first);
	struct hp_arena arena = HP_ARENA_INIT;
	struct hp_err err;

	hooks.stages[request->stage] = request->hooks;
	must(hp_hooks_write(&writer, &hooks, HP_DIALECT_LIBCONTAINER, &err) == 0,
	     "hooks are written");
	must(hp_json_parse(&again, first.data, first.length, &err) == 0 &&
		 hp_hooks_read(hp_json_root(&again), HP_DIALECT_LIBCONTAINER, &arena, &read,
			       &err) == 0,
	     "written hooks are read");
	writer = HP_JSON_WRITER_INIT(&second);
	must(hp_hooks_write(&writer, &read, HP_DIALECT_LIBCONTAINER, &err) == 0 &&
		 second.length == first.length &&
		 memcmp(second.data, first.data, first.length) == 0,
	     "hooks come back as they were");
	hp_arena_free(&arena);
	hp_buf_free(&first);
	hp_buf_free(&second);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct hp_request request;
	struct hp_err err;
	size_t length;
	const char *state;

	if (hp_json_parse(&json, (const char *)data, size, &err) < 0)
		return 0;
	if (hp_request_read(hp_json_root(&json), &request, &err) < 0) {
		check_answer(&err);
		return 0;
	}
	state = hp_json_text(hp_json_member(hp_json_root(&json), "state"), &length);
	must(request.state_length == length && memcmp(request.state, state, length) == 0,
	     "the state is the caller's bytes");
	must(strlen(request.container) >= 1 && strlen(request.container) <= HP_ID_BYTES_MAX,
	     "a container has a name");
	must(request.pid >= 0, "a pid is not negative");
	check_hooks(&request.hooks);
	check_round_trip(&request);
	hp_request_free(&request);
	return 0;
}
