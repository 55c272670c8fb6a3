/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Requests of Run. Each file of tests/data/ok must be accepted; each of tests/data/bad must be
 * refused with the path in its name before the "--".
 */

#include "tests/proto/base/unit.h"

#include <dirent.h>
#include <stdio.h>

#include "proto/messages/request.h"

static struct hp_buf read_file(const char *folder, const char *name)
{
	struct hp_buf buf = HP_BUF_INIT;
	char path[4096];
	FILE *file;
	char *room;

	snprintf(path, sizeof(path), TEST_DATA "/%s/%s", folder, name);
	file = fopen(path, "r");
	assert_non_null(file);
	do {
		room = hp_buf_reserve(&buf, 4096);
		assert_non_null(room);
		buf.length += fread(room, 1, 4096, file);
	} while (!feof(file) && !ferror(file));
	assert_false(ferror(file));
	fclose(file);
	return buf;
}

typedef void (*file_fn)(const char *name, struct document *document);

static void for_each_file(const char *folder, file_fn check)
{
	char path[4096];
	struct dirent *entry;
	size_t count = 0;
	DIR *directory;

	snprintf(path, sizeof(path), TEST_DATA "/%s", folder);
	directory = opendir(path);
	assert_non_null(directory);
	while ((entry = readdir(directory))) {
		struct document document;
		struct hp_buf buf;

		if (entry->d_name[0] == '.')
			continue;
		buf = read_file(folder, entry->d_name);
		if (document_parse(&document, buf.data, buf.length) < 0)
			fail_msg("%s: %s", entry->d_name, document.err.reason);
		check(entry->d_name, &document);
		document_close(&document);
		hp_buf_free(&buf);
		count++;
	}
	closedir(directory);
	assert_true(count >= 10);
}

static void check_ok(const char *name, struct document *document)
{
	struct hp_request request;
	struct hp_json_value root = hp_json_root(&document->json);
	size_t length;
	const char *state;

	if (hp_request_read(root, &request, &document->err) < 0)
		fail_msg("%s: %s %s", name, document->err.path, document->err.reason);
	state = hp_json_text(hp_json_member(root, "state"), &length);
	assert_int_equal(request.state_length, length);
	assert_memory_equal(request.state, state, length);
	assert_true(request.state >= request.text &&
		    request.state + request.state_length <= request.text + request.text_length);
	assert_string_not_equal(request.container, "");
	hp_request_free(&request);
}

static void right_requests_are_taken(void **state)
{
	(void)state;
	for_each_file("ok", check_ok);
}

static void expect_refusal(const char *name, struct document *document, enum hp_err_code code)
{
	struct hp_request request = {.text_length = 4711};
	const char *end = strstr(name, "--");
	char path[HP_ERR_PATH_SIZE];

	assert_non_null(end);
	snprintf(path, sizeof(path), "%.*s", (int)(end - name), name);
	if (hp_request_read(hp_json_root(&document->json), &request, &document->err) != -EINVAL)
		fail_msg("%s was taken", name);
	if (document->err.code != code)
		fail_msg("%s: error %d", name, document->err.code);
	if (strcmp(document->err.path, path) != 0)
		fail_msg("%s: %s", name, document->err.path);
	assert_string_not_equal(document->err.reason, "");
	assert_int_equal(request.text_length, 4711);
}

static void check_bad(const char *name, struct document *document)
{
	expect_refusal(name, document, HP_ERR_INVALID);
}

static void wrong_requests_are_refused_by_the_name_of_the_field(void **state)
{
	(void)state;
	for_each_file("bad", check_bad);
}

static void check_no_parameter(const char *name, struct document *document)
{
	expect_refusal(name, document, HP_ERR_NO_PARAMETER);
}

static void missing_and_undeclared_parameters_are_another_error(void **state)
{
	(void)state;
	for_each_file("no_parameter", check_no_parameter);
}

static int read_text(struct document *document, const char *text, struct hp_request *request)
{
	return hp_request_read(document_open(document, text), request, &document->err);
}

static void request_has_all_its_fields(void **state)
{
	static const char text[] =
	    "{\"stage\":\"poststop\",\"state\": {\"id\":\"w\\u00e9b\", \"pid\":12,"
	    "\"bundle\":\"/b\"} ,\"hooks\":{\"prestart\":[{\"path\":\"/no\"}],"
	    "\"poststop\":[{\"path\":\"/a\",\"timeout\":1}]},\"dialect\":\"libcontainer\","
	    "\"namespaces\":\"container\",\"onDisconnect\":\"cancel\",\"requestId\":\"r 1\","
	    "\"traceparent\":\"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01\"}";
	struct document document;
	struct hp_request request;

	(void)state;
	assert_int_equal(read_text(&document, text, &request), 0);
	/* The request outlives the message. */
	memset(document.text, 'x', strlen(text));
	document_close(&document);
	assert_int_equal(request.text_length, strlen(text));
	assert_memory_equal(request.text, text, strlen(text));
	assert_int_equal(request.stage, HP_STAGE_POSTSTOP);
	assert_int_equal(request.state_length, 41);
	assert_memory_equal(request.state, "{\"id\":\"w\\u00e9b\", \"pid\":12,\"bundle\":\"/b\"}",
			    request.state_length);
	assert_int_equal(request.hooks.count, 1);
	assert_string_equal(request.hooks.hooks[0].path, "/a");
	assert_int_equal(request.hooks.hooks[0].timeout_ns, 1);
	assert_int_equal(request.dialect, HP_DIALECT_LIBCONTAINER);
	assert_int_equal(request.namespaces, HP_NAMESPACES_CONTAINER);
	assert_int_equal(request.on_disconnect, HP_ON_DISCONNECT_CANCEL);
	assert_string_equal(request.request_id, "r 1");
	assert_string_equal(request.traceparent,
			    "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01");
	assert_string_equal(request.container, "w\xc3\xa9"
					       "b");
	assert_string_equal(request.bundle, "/b");
	assert_int_equal(request.pid, 12);
	hp_request_free(&request);
}

static void absent_fields_have_their_defaults(void **state)
{
	struct document document;
	struct hp_request request;

	(void)state;
	assert_int_equal(read_text(&document,
				   "{\"stage\":\"prestart\",\"state\":{\"id\":\"a\"},\"hooks\":{}}",
				   &request),
			 0);
	assert_int_equal(request.hooks.count, 0);
	assert_int_equal(request.dialect, HP_DIALECT_OCI);
	assert_int_equal(request.namespaces, HP_NAMESPACES_AUTO);
	assert_int_equal(request.on_disconnect, HP_ON_DISCONNECT_CONTINUE);
	assert_null(request.request_id);
	assert_null(request.traceparent);
	assert_null(request.bundle);
	assert_int_equal(request.pid, 0);
	hp_request_free(&request);
	assert_null(request.text);
	document_close(&document);
}

static void call_without_parameters_lacks_a_stage(void **state)
{
	struct hp_request request;
	struct hp_err err;

	(void)state;
	assert_int_equal(hp_request_read((struct hp_json_value){0}, &request, &err), -EINVAL);
	assert_int_equal(err.code, HP_ERR_NO_PARAMETER);
	assert_string_equal(err.path, "stage");
	assert_string_equal(err.reason, "is required");
}

static void unknown_parameter_may_have_any_name(void **state)
{
	struct document document;
	struct hp_request request;

	(void)state;
	assert_int_equal(read_text(&document,
				   "{\"gr\\u00f6\xc3\x9f"
				   "e\":1}",
				   &request),
			 -EINVAL);
	assert_string_equal(document.err.path, "gr\xc3\xb6\xc3\x9f"
					       "e");
	document_close(&document);
}

/* ---- writing ---- */

static void draft_is_written_as_a_call(void **state)
{
	static const struct hp_request_draft draft = {
	    .stage = "poststop",
	    .state = "{ \"id\": \"a\" }",
	    .hooks = "{}",
	    .dialect = "oci",
	    .settings = "{}",
	    .namespaces = "auto",
	    .request_id = "\"1\"",
	    .on_disconnect = "cancel",
	    .traceparent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
	};
	struct hp_buf buf = HP_BUF_INIT;

	(void)state;
	hp_request_write(&buf, &draft, true, false);
	assert_string_equal(
	    buf.data,
	    "{\"method\":\"io.hookd.hooks.Run\",\"more\":true,\"parameters\":{"
	    "\"stage\":\"poststop\",\"state\":{ \"id\": \"a\" },\"hooks\":{},\"dialect\":\"oci\","
	    "\"settings\":{},\"namespaces\":\"auto\",\"requestId\":\"\\\"1\\\"\","
	    "\"onDisconnect\":\"cancel\","
	    "\"traceparent\":\"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01\"}}");
	assert_int_equal(buf.length, strlen(buf.data) + 1);
	hp_buf_clear(&buf);
	hp_request_write(&buf, &(struct hp_request_draft){.stage = "poststop"}, false, true);
	assert_string_equal(buf.data, "{\"method\":\"io.hookd.hooks.Run\",\"oneway\":true,"
				      "\"parameters\":{\"stage\":\"poststop\"}}");
	hp_buf_free(&buf);
}

static void written_call_is_read_again(void **state)
{
	static const struct hp_request_draft draft = {
	    .stage = "poststart",
	    .state = "{\"id\":\"a\",\"n\":18446744073709551615}",
	    .hooks = "{\"poststart\":[{\"path\":\"/h\"}]}",
	    .request_id = "1",
	};
	struct hp_buf buf = HP_BUF_INIT;
	struct hp_json json = {0};
	struct hp_request request;
	struct hp_call call;
	struct hp_err err;

	(void)state;
	hp_request_write(&buf, &draft, false, false);
	assert_int_equal(hp_json_parse(&json, buf.data, buf.length - 1, &err), 0);
	assert_int_equal(hp_call_read(&json, &call, &err), 0);
	assert_int_equal(hp_request_read(call.parameters, &request, &err), 0);
	assert_int_equal(request.state_length, strlen(draft.state));
	assert_memory_equal(request.state, draft.state, request.state_length);
	assert_int_equal(request.hooks.count, 1);
	hp_request_free(&request);
	hp_json_free(&json);
	hp_buf_free(&buf);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(right_requests_are_taken),
	    cmocka_unit_test(wrong_requests_are_refused_by_the_name_of_the_field),
	    cmocka_unit_test(missing_and_undeclared_parameters_are_another_error),
	    cmocka_unit_test(request_has_all_its_fields),
	    cmocka_unit_test(absent_fields_have_their_defaults),
	    cmocka_unit_test(call_without_parameters_lacks_a_stage),
	    cmocka_unit_test(unknown_parameter_may_have_any_name),
	    cmocka_unit_test(draft_is_written_as_a_call),
	    cmocka_unit_test(written_call_is_read_again),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
