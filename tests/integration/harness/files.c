/* SPDX-License-Identifier: Apache-2.0 */
/* Reads and writes files and FIFOs in the directory of a test. */
#include "tests/integration/harness/files.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/integration/harness/harness.h"

#define PATHS 4

const char *harness_path(const struct harness *harness, const char *name)
{
	static char paths[PATHS][512];
	static unsigned int turn;
	char *path = paths[turn++ % PATHS];

	snprintf(path, sizeof(paths[0]), "%s/%s", harness->directory, name);
	return path;
}

static void write_file(const char *path, const char *mode, const char *text)
{
	FILE *file = fopen(path, mode);

	assert_non_null(file);
	assert_true(fputs(text, file) >= 0);
	assert_int_equal(fclose(file), 0);
}

void harness_write_file(const struct harness *harness, const char *name, const char *text)
{
	write_file(harness_path(harness, name), "we", text);
}

void harness_append_file(const struct harness *harness, const char *name, const char *text)
{
	write_file(harness_path(harness, name), "ae", text);
}

char *file_read(const char *path, size_t *ret_length)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct hp_buf buf = HP_BUF_INIT;
	ssize_t length;

	if (fd < 0)
		return NULL;
	do {
		char *space = hp_buf_reserve(&buf, 65536);

		assert_non_null(space);
		length = read(fd, space, 65536);
		assert_true(length >= 0);
		buf.length += (size_t)length;
	} while (length > 0);
	close(fd);
	hp_buf_append(&buf, "", 1);
	assert_false(buf.failed);
	if (ret_length)
		*ret_length = buf.length - 1;
	return buf.data;
}

char *harness_read_file(const struct harness *harness, const char *name, size_t *ret_length)
{
	return file_read(harness_path(harness, name), ret_length);
}

size_t harness_count_lines(const struct harness *harness, const char *name)
{
	char *text = harness_read_file(harness, name, NULL);
	size_t lines = 0;

	for (const char *at = text; at && *at; at++)
		lines += *at == '\n';
	free(text);
	return lines;
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st, (void)type, (void)ftw;
	(void)remove(path);
	return 0;
}

void files_remove(const char *directory)
{
	(void)nftw(directory, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

/* ---- FIFOs ---- */

/* The test has both ends open (fifo(7)), so a hook's open(2) does not block, nor its write get
 * EPIPE. */
int fifo_open(const struct harness *harness, const char *name)
{
	const char *path = harness_path(harness, name);
	int fd;

	assert_int_equal(mkfifo(path, 0666), 0);
	fd = open(path, O_RDWR | O_NONBLOCK | O_CLOEXEC);
	assert_true(fd >= 0);
	return fd;
}

bool fifo_has_told(int fifo)
{
	struct pollfd poll_fd = {.fd = fifo, .events = POLLIN};

	return poll(&poll_fd, 1, 0) > 0;
}

void fifo_await(int fifo)
{
	struct pollfd poll_fd = {.fd = fifo, .events = POLLIN};
	char byte;

	if (poll(&poll_fd, 1, DEADLINE_MS) <= 0)
		fail_msg("the hook did not come so far");
	assert_int_equal(read(fifo, &byte, 1), 1);
}

void fifo_release(int fifo)
{
	assert_int_equal(write(fifo, "!", 1), 1);
}
