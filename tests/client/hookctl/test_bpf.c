/* SPDX-License-Identifier: Apache-2.0 */

/* The listing of seccomp programs. */

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <linux/audit.h>
#include <linux/seccomp.h>

#include "client/hookctl/bpf.h"
#include "tests/group/group.h"

static void expect_listing(const struct sock_filter *program, size_t count, const char *expected)
{
	struct hp_buf buf = HP_BUF_INIT;

	assert_int_equal(bpf_list(program, count, &buf), 0);
	hp_buf_append(&buf, "", 1);
	assert_string_equal(buf.data, expected);
	hp_buf_free(&buf);
}

#define EXPECT(program, expected)                                                                  \
	expect_listing(program, sizeof(program) / sizeof((program)[0]), expected)

static void test_a_program(void **state)
{
	static const struct sock_filter program[] = {
	    BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 4),
	    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, AUDIT_ARCH_X86_64, 1, 0),
	    BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
	    BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 0),
	    BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, 0x40000000, 0, 1),
	    BPF_STMT(BPF_JMP | BPF_JA, 4),
	    BPF_JUMP(BPF_JMP | BPF_JGT | BPF_K, 41, 3, 0),
	    BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 28),
	    BPF_STMT(BPF_ALU | BPF_AND | BPF_K, 0xff00),
	    BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, 16, 0, 1),
	    BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | 38),
	    BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};

	(void)state;
	EXPECT(program, "    0  ld   [4]                             ; architecture\n"
			"    1  jeq  0xc000003e ? 3 : 2              ; x86-64, x32\n"
			"    2  ret  0x80000000                      ; kill the process\n"
			"    3  ld   [0]                             ; number of the call\n"
			"    4  jset 0x40000000 ? 5 : 6\n"
			"    5  ja   10\n"
			"    6  jgt  41 ? 10 : 7\n"
			"    7  ld   [28]                            ; argument 1, upper half\n"
			"    8  and  0xff00\n"
			"    9  jge  0x10 ? 10 : 11\n"
			"   10  ret  0x50026                         ; fail with ENOSYS\n"
			"   11  ret  0x7fff0000                      ; allow\n");
}

static void test_every_answer(void **state)
{
	static const struct sock_filter program[] = {
	    BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_THREAD),
	    BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_TRAP),
	    BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_USER_NOTIF),
	    BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_TRACE | 7),
	    BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_LOG),
	    BPF_STMT(BPF_RET | BPF_K, 0x12340000),
	};

	(void)state;
	EXPECT(program, "    0  ret  0x0                             ; kill the thread\n"
			"    1  ret  0x30000                         ; send SIGSYS\n"
			"    2  ret  0x7fc00000                      ; ask the listener\n"
			"    3  ret  0x7ff00007                      ; tell the tracer, 7\n"
			"    4  ret  0x7ffc0000                      ; allow and log\n"
			"    5  ret  0x12340000\n");
}

/* Any instructions of a peer are shown, and nothing is read beyond the end. */
static void test_what_is_no_seccomp_program(void **state)
{
	static const struct sock_filter program[] = {
	    {0xffff, 255, 255, 0xffffffff},
	    BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 0xfffffffc),
	    BPF_STMT(BPF_JMP | BPF_JA, 0xffffffff),
	};

	(void)state;
	EXPECT(program,
	       "    0  0xffff 255 255 0xffffffff\n"
	       "    1  ld   [4294967292]                    ; argument 536870909, upper half\n"
	       "    2  ja   4294967298\n");
	expect_listing(program, 0, "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_a_program),
	    cmocka_unit_test(test_every_answer),
	    cmocka_unit_test(test_what_is_no_seccomp_program),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
