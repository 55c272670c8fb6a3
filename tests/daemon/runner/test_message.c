/* SPDX-License-Identifier: Apache-2.0 */

/* The bounds of messages between hookd and a runner: the last valid and the first invalid value. */

#include <signal.h>
#include <syslog.h>

#include "daemon/runner/message.h"
#include "proto/base/limits.h"
#include "tests/daemon/runner/other_side.h"

/* With the first value in the place the message is valid, with the second it is not. */
#define expect_limit(message, place, inside, outside)                                              \
	do {                                                                                       \
		typeof(place) kept_ = (place);                                                     \
		(place) = (inside);                                                                \
		assert_int_equal(message_check(&(message)), 0);                                    \
		(place) = (outside);                                                               \
		assert_int_equal(message_check(&(message)), -EBADMSG);                             \
		(place) = kept_;                                                                   \
	} while (0)

/* ---- headers ---- */

static void types_have_bounds(void **state)
{
	struct message message = plain_message(MESSAGE_CANCEL);

	(void)state;
	expect_limit(message, message.header.type, MESSAGE_ACKNOWLEDGE, 0);
	/* A type of a later version is ignored. */
	message.header.type = MESSAGE_TYPE_COUNT;
	assert_int_equal(message_check(&message), -ENOMSG);
	message.header.type = UINT32_MAX;
	assert_int_equal(message_check(&message), -ENOMSG);
}

static void every_body_has_its_size(void **state)
{
	static const size_t sizes[MESSAGE_TYPE_COUNT] = {
	    [MESSAGE_HELLO] = sizeof(struct hello_body),
	    [MESSAGE_CONFIGURE] = sizeof(struct configure_body),
	    [MESSAGE_PAUSE] = sizeof(struct pause_body),
	    [MESSAGE_STOP] = sizeof(struct stop_body),
	    [MESSAGE_STARTED] = sizeof(struct started_body),
	    [MESSAGE_MOVED] = sizeof(struct started_body),
	    [MESSAGE_OUTPUT] = sizeof(struct output_body),
	    [MESSAGE_FINISHED] = sizeof(struct finished_body),
	    [MESSAGE_ENDED] = sizeof(struct ended_body),
	};
	/* In bounds as a HELLO, an OUTPUT and a FINISHED. */
	_Alignas(
	    16) unsigned char body[sizeof(struct start_body) + sizeof(struct finished_body)] = {0};

	(void)state;
	for (enum message_type type = MESSAGE_HELLO; type < MESSAGE_TYPE_COUNT; type++) {
		bool has_no_run = type == MESSAGE_HELLO || type == MESSAGE_CONFIGURE ||
				  type == MESSAGE_STOP || type == MESSAGE_SYNCED ||
				  (type >= MESSAGE_SEVERAL && type != MESSAGE_RECALL);
		bool has_fd =
		    type == MESSAGE_HELLO || type == MESSAGE_STARTED || type == MESSAGE_MOVED;
		struct message message =
		    message_make(type, has_no_run ? NULL : "r", 0, body, sizes[type], NULL, 0);

		memset(body, 0, sizeof(body));
		if (type == MESSAGE_HELLO)
			((struct hello_body *)body)->pid = 1;
		if (type == MESSAGE_OUTPUT)
			((struct output_body *)body)->stream = 1;
		if (type == MESSAGE_START)
			continue; /* below: its payload is not empty */
		if (type == MESSAGE_SOCKET || type == MESSAGE_COUNTER ||
		    type == MESSAGE_DIRECTORY) {
			expect_limit(message, message.fd_count, 1, 0);
			expect_limit(message, message.fd_count, 1, 2);
			continue;
		}
		expect_limit(message, message.header.body_length, sizes[type], sizes[type] + 1);
		if (sizes[type] > 0)
			expect_limit(message, message.header.body_length, sizes[type],
				     sizes[type] - 1);
		expect_limit(message, message.header.run[0], has_no_run ? '\0' : 'x',
			     has_no_run ? 'x' : '\0');
		expect_limit(message, message.fd_count, has_fd ? 1 : 0, has_fd ? 2 : 1);
		if (type != MESSAGE_OUTPUT && type != MESSAGE_ENDED && type != MESSAGE_SEVERAL)
			expect_limit(message, message.header.payload_length, 0, 1);
	}
}

static void ids_of_runs_are_terminated(void **state)
{
	struct message message = plain_message(MESSAGE_CANCEL);

	(void)state;
	memset(message.header.run, 'x', sizeof(message.header.run));
	expect_limit(message, message.header.run[MESSAGE_RUN_SIZE - 1], '\0', 'x');
}

static void payloads_and_indices_have_bounds(void **state)
{
	struct output_body body = {.stream = 1};
	struct message message = message_make(MESSAGE_OUTPUT, "r", 0, &body, sizeof(body), NULL, 0);
	struct message owned = plain_message(MESSAGE_OWNED), started = started_message(0),
		       finished = finished_message(0);

	(void)state;
	expect_limit(message, message.header.payload_length, MESSAGE_PAYLOAD_MAX,
		     MESSAGE_PAYLOAD_MAX + 1);
	expect_limit(message, message.header.index, HP_HOOKS_MAX - 1, HP_HOOKS_MAX);
	expect_limit(message, body.stream, 1, 0);
	expect_limit(message, body.stream, 2, 3);
	expect_limit(started, started.header.index, HP_HOOKS_MAX - 1, HP_HOOKS_MAX);
	expect_limit(finished, finished.header.index, HP_HOOKS_MAX - 1, UINT32_MAX);
	expect_limit(owned, owned.header.index, HP_HOOKS_MAX, HP_HOOKS_MAX + 1);
}

/* ---- bodies ---- */

static void hello_and_configure_have_bounds(void **state)
{
	struct hello_body hello = {.pid = 1};
	struct configure_body body = {0};
	struct message message =
	    message_make(MESSAGE_HELLO, NULL, 0, &hello, sizeof(hello), NULL, 0);

	(void)state;
	expect_limit(message, hello.pid, 1, 0);
	expect_limit(message, hello.pid, INT32_MAX, -1);
	message = message_make(MESSAGE_CONFIGURE, NULL, 0, &body, sizeof(body), NULL, 0);
	expect_limit(message, body.umask, -1, -2);
	expect_limit(message, body.umask, 0777, 01000);
	expect_limit(message, body.nice, -20, -21);
	expect_limit(message, body.nice, 19, 20);
	expect_limit(message, body.log_level, 0, -1);
	expect_limit(message, body.log_level, LOG_DEBUG, LOG_DEBUG + 1);
}

static void start_has_bounds(void **state)
{
	struct start_body body;
	struct message message = start_message("r", 1, 0, &body);
	char *payload = (char *)message.payload;
	int fds[MESSAGE_FDS_MAX] = {-1, -1, -1, -1, -1, -1};

	(void)state;
	message.fds = fds;
	assert_int_equal(message_check(&message), 0);
	expect_limit(message, message.header.payload_length, message.header.payload_length,
		     message.header.payload_length + 1);
	expect_limit(message, body.request_length, body.request_length, body.request_length - 1);
	expect_limit(message, body.request_length, body.request_length, UINT32_MAX);
	expect_limit(message, body.path_length, body.path_length, body.path_length + 1);
	expect_limit(message, payload[message.header.payload_length - 1], '\0', 'x');
	expect_limit(message, body.first, HP_HOOKS_MAX, HP_HOOKS_MAX + 1);
	expect_limit(message, body.waited_ns, 0, -1);
	expect_limit(message, body.caller, 0, -1);
	expect_limit(message, body.container, 0, -1);
	expect_limit(message, body.failed_step, SPAWN_STEP_COUNT - 1, SPAWN_STEP_COUNT);
	expect_limit(message, body.failed_step, 0, -1);
	expect_limit(message, body.failed_errno, INT32_MAX, -1);
	memset(body.failed_detail, 'x', sizeof(body.failed_detail));
	expect_limit(message, body.failed_detail[SPAWN_DETAIL_SIZE - 1], '\0', 'x');
	free(payload);
}

/* The request is empty, and the payload only the path. */
static void a_request_can_be_empty_and_a_path_not(void **state)
{
	struct start_body body = {.path_length = 1};
	struct message message = message_make(MESSAGE_START, "r", 0, &body, sizeof(body), "", 1);

	(void)state;
	assert_int_equal(message_check(&message), 0); /* parsing the request fails later */
	body.path_length = 0;
	message.header.payload_length = 0;
	assert_int_equal(message_check(&message), -EBADMSG);
}

static void filters_have_bounds(void **state)
{
	struct start_body body = {.path_length = 1};
	size_t size = (BPF_MAXINSNS + 1) * sizeof(struct sock_filter) + 1;
	char *payload = calloc(1, size);
	struct message message =
	    message_make(MESSAGE_START, "r", 0, &body, sizeof(body), payload, size);

	(void)state;
	body.filter_count = BPF_MAXINSNS + 1;
	assert_int_equal(message_check(&message), -EBADMSG);
	body.filter_count = BPF_MAXINSNS;
	message.header.payload_length -= sizeof(struct sock_filter);
	assert_int_equal(message_check(&message), 0);
	/* The sum equals the payload's length only if it overflows. */
	body.filter_count = UINT32_MAX;
	assert_int_equal(message_check(&message), -EBADMSG);
	free(payload);
}

static void descriptors_of_start_are_counted(void **state)
{
	struct start_body body;
	struct message message = start_message("r", 1, 0, &body);
	size_t count = 0;

	(void)state;
	for (int mask = 0; mask < 16; mask++) {
		body.caller = mask & 1 ? 1 : 0;
		body.container = mask & 2 ? INT32_MAX : 0;
		body.has_rdt = mask & 4 ? 1 : 0;
		body.has_rdt_mon = mask & 8 ? 255 : 0;
		count = (size_t)__builtin_popcount((unsigned int)mask);
		expect_limit(message, message.fd_count, count, count + 1);
		if (count > 0)
			expect_limit(message, message.fd_count, count, count - 1);
	}
	free((char *)message.payload);
}

static void finished_has_bounds(void **state)
{
	static char payload[2 * (HP_CAPTURE_HEAD_BYTES + HP_CAPTURE_TAIL_BYTES) + 8];
	const uint32_t most = HP_CAPTURE_HEAD_BYTES + HP_CAPTURE_TAIL_BYTES;
	struct finished_body body = {
	    .step_length = UINT32_MAX, .detail_length = UINT32_MAX, .outcome = HP_HOOK_EXITED};
	struct message message =
	    message_make(MESSAGE_FINISHED, "r", 0, &body, sizeof(body), payload, 0);

	(void)state;
	expect_limit(message, body.outcome, HP_HOOK_EXITED, HP_HOOK_OUTCOME_COUNT);
	expect_limit(message, body.outcome, HP_HOOK_EXITED, HP_HOOK_SKIPPED);
	expect_limit(message, body.outcome, HP_HOOK_EXITED, -1);
	body.signal = 255; /* an exit status, which is in both places */
	assert_int_equal(message_check(&message), 0);
	body.signal = 0;
	body.outcome = HP_HOOK_SIGNALED;
	expect_limit(message, body.signal, 0, -1);
	expect_limit(message, body.signal, NSIG - 1, NSIG);
	body.outcome = HP_HOOK_EXITED;
	expect_limit(message, body.pid, 0, -1);
	expect_limit(message, body.step_length, 0, 1);
	expect_limit(message, body.step_length, 0, UINT32_MAX - 1);
	expect_limit(message, body.detail_length, 0, 1);
	for (int i = 0; i < 2; i++) {
		expect_limit(message, body.output_length[i], 0, 1);
		/* This is a length, not NO_TEXT. */
		expect_limit(message, body.output_length[i], 0, UINT32_MAX);
		body.output_total[i] = most + 1;
		body.output_length[i] = message.header.payload_length = most + 1;
		assert_int_equal(message_check(&message), -EBADMSG);
		body.output_length[i] = message.header.payload_length = most;
		expect_limit(message, body.output_total[i], most, most - 1);
		expect_limit(message, body.output_head[i], most, most + 1);
		body.output_head[i] = 0;
		body.output_length[i] = 0;
		message.header.payload_length = 0;
	}
}

/* ---- results ---- */

static void fill(struct hp_output *output, size_t length, char with)
{
	output->bytes = malloc(length);
	assert_non_null(output->bytes);
	memset(output->bytes, with, length);
	output->length = length;
	output->total = length * 1000;
	output->head = length / 3;
}

static void the_largest_result_comes_back(void **state)
{
	struct hp_hook_result result = {
	    .index = 255,
	    .outcome = HP_HOOK_SPAWN_FAILED,
	    .exit_status = 3,
	    .signal = 9,
	    .oom_killed = 1,
	    .failed_errno = EMFILE,
	    .failed_step = strdup("cgroup"),
	    .failed_detail = strdup(""),
	    .pid = INT32_MAX,
	    .started_us = INT64_MAX,
	    .drain_us = INT64_MAX,
	    .lingering = true,
	};
	struct hp_hook_result again;
	struct finished_body body;
	struct message message;
	char *payload;
	size_t length;

	(void)state;
	fill(&result.output[0], HP_CAPTURE_HEAD_BYTES + HP_CAPTURE_TAIL_BYTES, 'o');
	fill(&result.output[1], HP_CAPTURE_HEAD_BYTES + HP_CAPTURE_TAIL_BYTES, 'e');
	assert_int_equal(message_from_result(&result, &body, &payload, &length), 0);
	message = message_make(MESSAGE_FINISHED, "r", 255, &body, sizeof(body), payload, length);
	assert_int_equal(message_check(&message), 0);
	assert_int_equal(message_to_result(&message, &again), 0);
	assert_string_equal(again.failed_step, "cgroup");
	assert_string_equal(again.failed_detail, "");
	for (int i = 0; i < 2; i++) {
		assert_int_equal(again.output[i].length, result.output[i].length);
		assert_int_equal(again.output[i].total, result.output[i].total);
		assert_int_equal(again.output[i].head, result.output[i].head);
		assert_memory_equal(again.output[i].bytes, result.output[i].bytes,
				    result.output[i].length);
	}
	assert_int_equal(again.failed_errno, EMFILE);
	assert_int_equal(again.started_us, INT64_MAX);
	assert_int_equal(again.drain_us, UINT32_MAX);
	assert_true(again.lingering && !again.success && again.oom_killed == 1);
	free(payload);
	hp_hook_result_clear(&result);
	hp_hook_result_clear(&again);
}

static void a_result_without_memory_is_in_bounds(void **state)
{
	struct hp_hook_result result = {.outcome = HP_HOOK_EXITED, .oom_killed = -1};
	struct finished_body body;
	struct message message;

	(void)state;
	fill(&result.output[0], 10, 'o');
	message_from_outcome(&result, &body);
	message = message_make(MESSAGE_FINISHED, "r", 0, &body, sizeof(body), NULL, 0);
	assert_int_equal(message_check(&message), 0);
	hp_hook_result_clear(&result);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(types_have_bounds),
	    cmocka_unit_test(every_body_has_its_size),
	    cmocka_unit_test(ids_of_runs_are_terminated),
	    cmocka_unit_test(payloads_and_indices_have_bounds),
	    cmocka_unit_test(hello_and_configure_have_bounds),
	    cmocka_unit_test(start_has_bounds),
	    cmocka_unit_test(a_request_can_be_empty_and_a_path_not),
	    cmocka_unit_test(filters_have_bounds),
	    cmocka_unit_test(descriptors_of_start_are_counted),
	    cmocka_unit_test(finished_has_bounds),
	    cmocka_unit_test(the_largest_result_comes_back),
	    cmocka_unit_test(a_result_without_memory_is_in_bounds),
	};

	bound_time();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
