/* SPDX-License-Identifier: Apache-2.0 */

/* The log: what is written to a terminal and to the journal, and that neither blocks. */

#include "tests/daemon/support/support.h"

#include <endian.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include "daemon/base/log.h"

#define LINE(text) "hookd: " text "\n"

static char *logged(int priority, const char *message)
{
	struct grab grab;

	grab_stderr(&grab);
	log_write(priority, NULL, 0, "%s", message);
	return grab_end(&grab);
}

static void expect_line(const char *message, const char *expected)
{
	char *line = logged(LOG_ERR, message);

	assert_string_equal(line, expected);
	free(line);
}

static void control_characters_do_not_reach_a_terminal(void **state)
{
	char message[2] = "", expected[16];

	(void)state;
	log_open(LOG_TARGET_STDERR);
	expect_line("container größe", LINE("container größe"));
	expect_line("a\nhookd: forged", LINE("a?hookd: forged"));
	expect_line("\x1b[31mred\x1b[0m\x7f", LINE("?[31mred?[0m?"));
	for (int byte = 1; byte < ' '; byte++) {
		message[0] = (char)byte;
		expect_line(message, LINE("?"));
	}
	for (int byte = ' '; byte < 0x7f; byte++) {
		message[0] = (char)byte;
		snprintf(expected, sizeof(expected), LINE("%s"), message);
		expect_line(message, expected);
	}
}

/* U+009B is a terminal's CSI, the same as ESC [. */
static void c1_characters_do_not_reach_a_terminal(void **state)
{
	char *line = logged(LOG_ERR, "\xc2\x9b"
				     "31mred");

	(void)state;
	assert_null(strstr(line, "\xc2\x9b"));
	free(line);
}

static void a_long_line_is_cut_and_ends(void **state)
{
	char message[5000];
	char *line;

	(void)state;
	memset(message, 'x', sizeof(message) - 1);
	message[sizeof(message) - 1] = '\0';
	line = logged(LOG_ERR, message);
	assert_in_range(strlen(line), 1000, 1100);
	assert_ptr_equal(strchr(line, '\n'), line + strlen(line) - 1);
	free(line);
}

static void levels_filter(void **state)
{
	static const int levels[] = {LOG_ERR, LOG_WARNING, LOG_INFO, LOG_DEBUG};
	static const int priorities[] = {LOG_EMERG,  LOG_ERR,  LOG_WARNING,
					 LOG_NOTICE, LOG_INFO, LOG_DEBUG};

	(void)state;
	for (size_t i = 0; i < ELEMENTS(levels); i++) {
		log_set_level(levels[i]);
		for (size_t j = 0; j < ELEMENTS(priorities); j++) {
			bool is_on = priorities[j] <= levels[i];
			char *line = logged(priorities[j], "x");

			assert_int_equal(log_is_on(priorities[j]), is_on);
			assert_string_equal(line, is_on ? LINE("x") : "");
			free(line);
		}
	}
	log_set_level(LOG_INFO);
}

static int count_evaluation(int *count)
{
	return ++*count;
}

static void a_line_that_is_off_is_not_even_built(void **state)
{
	struct grab grab;
	int count = 0;
	char *line;

	(void)state;
	grab_stderr(&grab);
	log_debug("%d", count_evaluation(&count));
	log_info("%d", count_evaluation(&count));
	line = grab_end(&grab);
	assert_int_equal(count, 1);
	assert_string_equal(line, LINE("1"));
	free(line);
}

static void errno_survives(void **state)
{
	char *line;

	(void)state;
	errno = EXDEV;
	line = logged(LOG_ERR, "x");
	free(line);
	errno = EXDEV;
	log_write(LOG_DEBUG, NULL, 0, "x");
	assert_int_equal(errno, EXDEV);
}

static char *logged_with(const struct log_field *fields, int count, const char *message)
{
	struct grab grab;

	grab_stderr(&grab);
	log_write(LOG_WARNING, fields, count, "%s", message);
	return grab_end(&grab);
}

static void fields_are_after_the_message(void **state)
{
	const struct log_field fields[] = {{"HOOKD_RUN", "3f9a"},
					   {"HOOKD_REQUEST_ID", NULL},
					   {"HOOKD_CONTAINER", ""},
					   {"HOOKD_PATH", "/bin/größe \"x\" \\ \n\t\x1b\xff"}};
	char *line;

	(void)state;
	log_open(LOG_TARGET_STDERR);
	line = logged_with(fields, ELEMENTS(fields), "plain");
	assert_string_equal(line,
			    LINE("MESSAGE=plain PRIORITY=4 HOOKD_RUN=3f9a HOOKD_CONTAINER=\"\""
				 " HOOKD_PATH=\"/bin/größe \\\"x\\\" \\\\ "
				 "\\x0a\\x09\\x1b\\xff\""));
	free(line);
}

/* A pipe takes PIPE_BUF bytes at once. What is cut is still a line with whole fields. */
static void a_line_with_long_fields_ends(void **state)
{
	char message[1000], path[4000], *line;
	const struct log_field fields[] = {
	    {"HOOKD_A", "1"}, {"HOOKD_PATH", path}, {"HOOKD_B", "2"}};

	(void)state;
	memset(message, '"', sizeof(message) - 1);
	message[sizeof(message) - 1] = '\0';
	memset(path, '\n', sizeof(path) - 1);
	path[sizeof(path) - 1] = '\0';
	line = logged_with(fields, ELEMENTS(fields), message);
	assert_true(strlen(line) <= 4096 && strlen(line) > 1900);
	assert_ptr_equal(strchr(line, '\n'), line + strlen(line) - 1);
	assert_non_null(strstr(line, "\"\" PRIORITY=4 HOOKD_A=1 HOOKD_B=2\n"));
	free(line);
}

/* ---- a reader that does not read ---- */

static int log_into_full_pipe(void *userdata)
{
	char filling[4096] = {0};
	int ends[2];

	(void)userdata;
	CHECK(pipe(ends) == 0);
	CHECK(fcntl(ends[1], F_SETFL, O_NONBLOCK) == 0);
	while (write(ends[1], filling, sizeof(filling)) > 0)
		continue;
	CHECK(fcntl(ends[1], F_SETFL, 0) == 0);
	CHECK(dup2(ends[1], STDERR_FILENO) == STDERR_FILENO);
	alarm(1);
	log_error("somebody must read this, but nobody does");
	return 0;
}

/* Takes the place of poll(2) in this program: see CMakeLists.txt. */
int __real_poll(struct pollfd *fds, nfds_t count, int timeout_ms);
int __wrap_poll(struct pollfd *fds, nfds_t count, int timeout_ms);

static int filler = -1; /* writes until nothing more can be written, once poll(2) was called */

int __wrap_poll(struct pollfd *fds, nfds_t count, int timeout_ms)
{
	static const char filling[4096];
	int r = __real_poll(fds, count, timeout_ms);

	while (filler >= 0 && (send(filler, filling, sizeof(filling), MSG_DONTWAIT) > 0 ||
			       (errno == ENOTSOCK && write(filler, filling, sizeof(filling)) > 0)))
		continue;
	return r;
}

/* As the runners do, which have the same stderr: between poll(2) and write(2). */
static int log_while_another_fills(int read_end, int others_end)
{
	char line[16] = "";

	log_open(LOG_TARGET_STDERR);
	log_error("one");
	CHECK(read(read_end, line, sizeof(line) - 1) == (ssize_t)strlen(LINE("one")));
	CHECK(strcmp(line, LINE("one")) == 0);
	CHECK(log_lost() == 0);
	alarm(1);
	filler = others_end;
	log_error("two");
	CHECK(log_lost() == 1);
	/* The others' open file is as it was. */
	CHECK((fcntl(STDERR_FILENO, F_GETFL) & O_NONBLOCK) == 0);
	return 0;
}

static int log_into_shared_pipe(void *userdata)
{
	char path[32];
	int ends[2], other;

	(void)userdata;
	CHECK(pipe(ends) == 0);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", ends[1]);
	other = open(path, O_WRONLY | O_NONBLOCK | O_CLOEXEC);
	CHECK(other >= 0 && dup2(ends[1], STDERR_FILENO) == STDERR_FILENO);
	return log_while_another_fills(ends[0], other);
}

static int log_into_shared_socket(void *userdata)
{
	int ends[2];

	(void)userdata;
	CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, ends) == 0);
	CHECK(dup2(ends[1], STDERR_FILENO) == STDERR_FILENO);
	return log_while_another_fills(ends[0], ends[1]);
}

static void nor_is_one_that_another_fills(void **state)
{
	(void)state;
	assert_int_equal(in_child(log_into_shared_pipe, NULL), 0);
	assert_int_equal(in_child(log_into_shared_socket, NULL), 0);
}

/* Fault 21. */
static void a_stderr_that_nobody_reads_is_not_waited_for(void **state)
{
	(void)state;
	assert_int_equal(in_child(log_into_full_pipe, NULL), 0);
}

/* ---- the journal, in mounts of the child's own ---- */

/* A socket in place of journald's. */
static int make_journal(void)
{
	const struct sockaddr_un address = {AF_UNIX, "/run/systemd/journal/socket"};
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (fd < 0 || !own_mounts() || mount("none", "/run", "tmpfs", 0, NULL) < 0 ||
	    mkdir("/run/systemd", 0755) < 0 || mkdir("/run/systemd/journal", 0755) < 0 ||
	    bind(fd, (const struct sockaddr *)&address, sizeof(address)) < 0)
		return -1;
	return fd;
}

static int datagram_has_fields(void *userdata)
{
	static const char expected[] = "PRIORITY=4\nSYSLOG_IDENTIFIER=hookd\n"
				       "MESSAGE\n\x0a\0\0\0\0\0\0\0two\nlines.\n"
				       "HOOKD_RUN\n\x04\0\0\0\0\0\0\0a\nb=\n"
				       "HOOKD_STAGE\n\0\0\0\0\0\0\0\0\n";
	const struct log_field fields[] = {
	    {"HOOKD_RUN", "a\nb="}, {"HOOKD_REQUEST_ID", NULL}, {"HOOKD_STAGE", ""}};
	int journal = make_journal();
	char datagram[1024];

	(void)userdata;
	CHECK(journal >= 0);
	log_open(LOG_TARGET_JOURNAL);
	log_write(LOG_WARNING, fields, ELEMENTS(fields), "two\nlines.");
	CHECK(recv(journal, datagram, sizeof(datagram), 0) == (ssize_t)sizeof(expected) - 1);
	CHECK(memcmp(datagram, expected, sizeof(expected) - 1) == 0);
	log_write(LOG_DEBUG, NULL, 0, "not on");
	CHECK(recv(journal, datagram, sizeof(datagram), 0) < 0 && errno == EAGAIN);
	return 0;
}

/* True where the field in the datagram has this value. */
static bool has_field(const char *datagram, size_t length, const char *name, const char *value)
{
	char expected[2048];
	uint64_t value_length = htole64(strlen(value));
	size_t at = (size_t)snprintf(expected, sizeof(expected), "%s\n", name);

	memcpy(expected + at, &value_length, sizeof(value_length));
	at += sizeof(value_length);
	at += (size_t)snprintf(expected + at, sizeof(expected) - at, "%s\n", value);
	return memmem(datagram, length, expected, at) != NULL;
}

/* journalctl shows "[32B blob data]" for a message with a character that cannot be printed. */
static int unprintable_characters_are_escaped(void *userdata)
{
	static const struct {
		const char *text, *expected;
	} rows[] = {
	    {"a\rb", "a\\x0db"},
	    {"bell \a, \x1b[31m, \x7f", "bell \\x07, \\x1b[31m, \\x7f"},
	    {"csi \xc2\x9b.", "csi \\xc2\\x9b."},
	    {"tab\tand\nline", "tab\tand\nline"},
	    {"größe \xe2\x82\xac \xf0\x9f\x99\x82 \xc2\xa0",
	     "größe \xe2\x82\xac \xf0\x9f\x99\x82 \xc2\xa0"},
	    {"half \xe2\x82", "half \\xe2\\x82"},
	    {"bad \xff\xc0\x80x", "bad \\xff\\xc0\\x80x"},
	};
	int journal = make_journal();
	char datagram[4096];

	(void)userdata;
	CHECK(journal >= 0);
	log_open(LOG_TARGET_JOURNAL);
	for (size_t i = 0; i < ELEMENTS(rows); i++) {
		const struct log_field fields[] = {{"HOOKD_RUN", rows[i].text}};
		ssize_t length;

		log_write(LOG_WARNING, fields, ELEMENTS(fields), "%s", rows[i].text);
		length = recv(journal, datagram, sizeof(datagram), 0);
		CHECK(length > 0);
		CHECK(has_field(datagram, (size_t)length, "MESSAGE", rows[i].expected));
		CHECK(has_field(datagram, (size_t)length, "HOOKD_RUN", rows[i].expected));
	}
	return 0;
}

/* The line is sent, however many characters have to be escaped. */
static int much_to_escape_is_cut(void *userdata)
{
	char message[3000], datagram[32768];
	struct log_field fields[8];
	int journal = make_journal();
	ssize_t length;

	(void)userdata;
	memset(message, '\a', sizeof(message) - 1);
	message[sizeof(message) - 1] = '\0';
	for (size_t i = 0; i < ELEMENTS(fields); i++)
		fields[i] = (struct log_field){"HOOKD_RUN", message};
	CHECK(journal >= 0);
	log_open(LOG_TARGET_JOURNAL);
	log_write(LOG_WARNING, fields, ELEMENTS(fields), "%s", message);
	length = recv(journal, datagram, sizeof(datagram), 0);
	CHECK(length > 4000 && !memchr(datagram, '\a', (size_t)length));
	return 0;
}

static int another_identifier_replaces_ours(void *userdata)
{
	const struct log_field fields[] = {{"SYSLOG_IDENTIFIER", "net-add"}};
	int journal = make_journal();
	char datagram[1024];
	ssize_t length;

	(void)userdata;
	CHECK(journal >= 0);
	log_open(LOG_TARGET_JOURNAL);
	log_write(LOG_WARNING, fields, ELEMENTS(fields), "x");
	length = recv(journal, datagram, sizeof(datagram), 0);
	CHECK(length > 0 && has_field(datagram, (size_t)length, "SYSLOG_IDENTIFIER", "net-add"));
	CHECK(!memmem(datagram, (size_t)length, "IDENTIFIER=hookd", 16));
	return 0;
}

/* The connection to a socket that was removed refuses everything. */
static int a_new_socket_of_the_journal_is_found(void *userdata)
{
	const struct sockaddr_un address = {AF_UNIX, "/run/systemd/journal/socket"};
	int journal = make_journal();
	char datagram[1024];

	(void)userdata;
	CHECK(journal >= 0);
	log_open(LOG_TARGET_JOURNAL);
	CHECK(close(journal) == 0 && unlink(address.sun_path) == 0);
	journal = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	CHECK(bind(journal, (const struct sockaddr *)&address, sizeof(address)) == 0);
	log_error("found");
	CHECK(recv(journal, datagram, sizeof(datagram), 0) > 0);
	CHECK(log_lost() == 0);
	return 0;
}

static void count_loss(void *userdata)
{
	++*(int *)userdata;
}

static int lost_lines_are_counted(void *userdata)
{
	int journal = make_journal(), losses = 0;
	char datagram[1024], expected[64];
	size_t sent = 3000, received = 0;

	(void)userdata;
	CHECK(journal >= 0);
	log_open(LOG_TARGET_JOURNAL);
	CHECK(log_tell_lost());
	log_on_lost(count_loss, &losses);
	for (size_t i = 0; i < sent; i++)
		log_error("line %zu", i);
	CHECK(losses == 1 && !log_tell_lost());
	while (recv(journal, datagram, sizeof(datagram), 0) > 0)
		received++;
	CHECK(received > 0 && received < sent);
	CHECK(log_lost() == sent - received);
	log_error("and on");
	CHECK(recv(journal, datagram, sizeof(datagram), 0) > 0);
	snprintf(expected, sizeof(expected), "%zu log lines were lost", sent - received);
	CHECK(memmem(datagram, sizeof(datagram), expected, strlen(expected)));
	CHECK(recv(journal, datagram, sizeof(datagram), 0) > 0);
	CHECK(memmem(datagram, sizeof(datagram), "and on", 6));
	CHECK(log_tell_lost());
	log_error("told once");
	CHECK(recv(journal, datagram, sizeof(datagram), 0) > 0);
	CHECK(memmem(datagram, sizeof(datagram), "told once", 9));
	CHECK(recv(journal, datagram, sizeof(datagram), 0) < 0);
	return 0;
}

/* JOURNAL_STREAM may be inherited by a process that has another stderr. */
static int automatic_target_looks_at_stderr(void *userdata)
{
	int journal = make_journal(), ends[2];
	char datagram[256], stream[64];
	struct stat st;

	(void)userdata;
	CHECK(journal >= 0 && pipe2(ends, O_NONBLOCK) == 0);
	CHECK(dup2(ends[1], STDERR_FILENO) == STDERR_FILENO && fstat(STDERR_FILENO, &st) == 0);
	unsetenv("JOURNAL_STREAM");
	log_open(LOG_TARGET_AUTO);
	log_error("1");
	snprintf(stream, sizeof(stream), "%lu:%lu", st.st_dev, st.st_ino + 1);
	setenv("JOURNAL_STREAM", stream, 1);
	log_open(LOG_TARGET_AUTO);
	log_error("2");
	snprintf(stream, sizeof(stream), "%lu:%lu", st.st_dev, st.st_ino);
	setenv("JOURNAL_STREAM", stream, 1);
	log_open(LOG_TARGET_STDERR);
	log_error("3");
	if (recv(journal, datagram, sizeof(datagram), 0) >= 0)
		return 2;
	log_open(LOG_TARGET_AUTO);
	log_error("4");
	if (recv(journal, datagram, sizeof(datagram), 0) <= 0)
		return 3;
	return read(ends[0], datagram, sizeof(datagram)) == 27 &&
		       memcmp(datagram, "hookd: 1\nhookd: 2\nhookd: 3\n", 27) == 0
		   ? 0
		   : 4;
}

static int without_journal_stderr_serves(void *userdata)
{
	int ends[2];
	char line[64];

	(void)userdata;
	CHECK(own_mounts() && mount("none", "/run", "tmpfs", 0, NULL) == 0);
	CHECK(pipe2(ends, O_NONBLOCK) == 0 && dup2(ends[1], STDERR_FILENO) == STDERR_FILENO);
	log_open(LOG_TARGET_JOURNAL);
	log_error("x");
	return read(ends[0], line, sizeof(line)) == 9 && memcmp(line, "hookd: x\n", 9) == 0 ? 0 : 2;
}

static void journal(void **state)
{
	(void)state;
	if (geteuid() != 0)
		skip("needs root");
	assert_int_equal(in_child(datagram_has_fields, NULL), 0);
	assert_int_equal(in_child(unprintable_characters_are_escaped, NULL), 0);
	assert_int_equal(in_child(much_to_escape_is_cut, NULL), 0);
	assert_int_equal(in_child(another_identifier_replaces_ours, NULL), 0);
	assert_int_equal(in_child(a_new_socket_of_the_journal_is_found, NULL), 0);
	assert_int_equal(in_child(lost_lines_are_counted, NULL), 0);
	assert_int_equal(in_child(automatic_target_looks_at_stderr, NULL), 0);
	assert_int_equal(in_child(without_journal_stderr_serves, NULL), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(control_characters_do_not_reach_a_terminal),
	    cmocka_unit_test(c1_characters_do_not_reach_a_terminal),
	    cmocka_unit_test(a_long_line_is_cut_and_ends),
	    cmocka_unit_test(fields_are_after_the_message),
	    cmocka_unit_test(a_line_with_long_fields_ends),
	    cmocka_unit_test(levels_filter),
	    cmocka_unit_test(a_line_that_is_off_is_not_even_built),
	    cmocka_unit_test(errno_survives),
	    cmocka_unit_test(a_stderr_that_nobody_reads_is_not_waited_for),
	    cmocka_unit_test(nor_is_one_that_another_fills),
	    cmocka_unit_test(journal),
	};

	bound_time();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
