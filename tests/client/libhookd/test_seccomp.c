/* SPDX-License-Identifier: Apache-2.0 */

/* hookd_compile_seccomp(): the call, and the result of the reply. */

#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <string.h>
#include <unistd.h>

#include "tests/client/client_test.h"

/* "ld [0]", "ret ALLOW" */
#define BPF	"\"bpfBase64\":\"IAAAAAAAAAAGAAAAAAD/fw==\",\"instructions\":2"
#define REST	",\"flags\":4,\"needsListener\":true,\"unknownSyscalls\":[\"a\",\"b\"]"
#define PROFILE " {\"defaultAction\":\"SCMP_ACT_ALLOW\"}\n"

static void test_a_program(void **state)
{
	struct fake_server *server = fake_server_answer("{\"parameters\":{" BPF REST "}}");
	struct hookd_client *client = test_client(server);
	const struct hookd_seccomp *seccomp;
	struct hookd_reply *reply;

	(void)state;
	assert_int_equal(hookd_compile_seccomp(client, PROFILE, "oci", &reply), 0);
	hookd_client_free(client);
	seccomp = hookd_reply_seccomp(reply);
	assert_int_equal(seccomp->count, 2);
	assert_int_equal(seccomp->filter[0].code, BPF_LD | BPF_W | BPF_ABS);
	assert_int_equal(seccomp->filter[0].k, 0);
	assert_int_equal(seccomp->filter[1].code, BPF_RET | BPF_K);
	assert_int_equal(seccomp->filter[1].k, SECCOMP_RET_ALLOW);
	assert_int_equal(seccomp->flags, 4);
	assert_true(seccomp->needs_listener);
	assert_string_equal(seccomp->unknown_syscalls[0], "a");
	assert_string_equal(seccomp->unknown_syscalls[1], "b");
	assert_null(seccomp->unknown_syscalls[2]);
	hookd_reply_free(reply);
	fake_server_join(server);
	assert_string_equal(fake_server_message(server, 0),
			    "{\"method\":\"io.hookd.settings.CompileSeccomp\",\"parameters\":{"
			    "\"seccomp\":" PROFILE ",\"dialect\":\"oci\"}}");
	fake_server_free(server);
}

static void test_answers_that_are_none(void **state)
{
	static const struct {
		const char *answer, *in_sentence;
	} rows[] = {
	    {"{}", "instructions is required"},
	    {"{\"parameters\":{\"instructions\":2" REST "}}", "bpfBase64 is required"},
	    {"{\"parameters\":{\"bpfBase64\":\"AAAA\",\"instructions\":1" REST "}}", "bpfBase64"},
	    {"{\"parameters\":{\"bpfBase64\":\"IAAAAAAAAAAGAAAAAAD/fw==\",\"instructions\":1" REST
	     "}}",
	     "bpfBase64"},
	    {"{\"parameters\":{\"bpfBase64\":\"*\",\"instructions\":1" REST "}}", "bpfBase64"},
	    {"{\"parameters\":{\"bpfBase64\":\"\",\"instructions\":0" REST "}}", "instructions"},
	    {"{\"parameters\":{\"bpfBase64\":\"\",\"instructions\":4097" REST "}}", "instructions"},
	    {"{\"parameters\":{" BPF "}}", "flags is required"},
	    {"{\"parameters\":{" BPF ",\"flags\":4294967296}}", "flags"},
	    {"{\"parameters\":{" BPF ",\"flags\":0}}", "needsListener is required"},
	    {"{\"parameters\":{" BPF ",\"flags\":0,\"needsListener\":false}}",
	     "unknownSyscalls is required"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct fake_server *server = fake_server_answer(rows[i].answer);
		struct hookd_client *client = test_client(server);
		struct hookd_reply *reply = NULL;

		assert_int_equal(hookd_compile_seccomp(client, "{}", NULL, &reply), -EBADMSG);
		assert_null(reply);
		if (!strstr(hookd_client_error(client), rows[i].in_sentence))
			fail_msg("%s: %s", rows[i].answer, hookd_client_error(client));
		test_end(client, server);
	}
}

static void test_failures(void **state)
{
	static const struct fake_step steps[] = {
	    {FAKE_ACCEPT},
	    {FAKE_READ},
	    {FAKE_SEND, "{\"error\":\"io.hookd.settings.SettingFailed\",\"parameters\":{\"path\":"
			"\"seccomp\",\"step\":\"seccomp\",\"errnoName\":\"E2BIG\",\"detail\":\"too "
			"long\"}}"},
	    {FAKE_READ},
	    {FAKE_SEND, "{\"error\":\"io.hookd.settings.NotSupported\",\"parameters\":{\"path\":"
			"\"seccomp\",\"detail\":\"not here\"}}"},
	    {FAKE_EOF},
	    {FAKE_END},
	};
	struct fake_server *server = fake_server_start(steps);
	struct hookd_client *client = test_client(server);
	struct hookd_reply *reply;

	(void)state;
	assert_int_equal(hookd_compile_seccomp(client, NULL, NULL, &reply), -EINVAL);
	assert_string_equal(hookd_client_error_parameter(client), "seccomp");
	assert_int_equal(hookd_compile_seccomp(client, "[]", NULL, &reply), -EINVAL);
	assert_string_equal(hookd_client_error_parameter(client), "seccomp");
	assert_int_equal(hookd_compile_seccomp(client, "{}", NULL, &reply), -EIO);
	assert_non_null(strstr(hookd_client_error(client), "too long"));
	assert_int_equal(hookd_compile_seccomp(client, "{}", NULL, &reply), -EOPNOTSUPP);
	assert_non_null(strstr(hookd_client_error(client), "not here"));
	test_end(client, server);
}

/* hookd has closed the connection meanwhile: compiling twice does no harm. */
static void test_it_is_asked_again(void **state)
{
	static const struct fake_step steps[] = {
	    {FAKE_ACCEPT},     {FAKE_READ},
	    {FAKE_SEND, "{}"}, {FAKE_READ},
	    {FAKE_CLOSE},      {FAKE_ACCEPT},
	    {FAKE_READ},       {FAKE_SEND, "{\"parameters\":{" BPF REST "}}"},
	    {FAKE_EOF},	       {FAKE_END}};
	struct fake_server *server = fake_server_start(steps);
	struct hookd_client *client = test_client(server);
	struct hookd_reply *reply;

	(void)state;
	assert_int_equal(hookd_call(client, "a.b.C", NULL, false, NULL, NULL), 0);
	assert_int_equal(hookd_compile_seccomp(client, "{}", NULL, &reply), 0);
	hookd_reply_free(reply);
	test_end(client, server);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_a_program),
	    cmocka_unit_test(test_answers_that_are_none),
	    cmocka_unit_test(test_failures),
	    cmocka_unit_test(test_it_is_asked_again),
	};

	alarm(60);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
