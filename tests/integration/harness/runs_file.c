/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/integration/harness/runs_file.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "daemon/base/file.h"
#include "daemon/records/entry.h"

#define NAME "state/runs"

/* Calls the function for each valid entry. */
static void for_each(const struct harness *harness,
		     void (*function)(const struct entry *entry, void *userdata), void *userdata)
{
	struct entry_reader reader = {.offset = ENTRY_HEAD_SIZE};
	enum entry_found found;
	struct entry entry;
	char boot[64];
	char *bytes = harness_read_file(harness, NAME, &reader.length);
	size_t offset;

	assert_non_null(bytes);
	assert_int_equal(file_boot_id(boot), 0);
	reader.bytes = bytes;
	reader.seed = entry_seed(boot);
	while ((found = entry_next(&reader, &entry, &offset)) != ENTRY_NONE)
		if (found == ENTRY_FOUND)
			function(&entry, userdata);
	free(bytes);
}

struct counting {
	int type;
	const char *request_id;
	size_t count;
};

static void count(const struct entry *entry, void *userdata)
{
	struct counting *counting = userdata;

	if (counting->request_id)
		counting->count += entry->type == ENTRY_BEGAN && entry->request_id &&
				   strcmp(entry->request_id, counting->request_id) == 0;
	else
		counting->count += (int)entry->type == counting->type;
}

size_t runs_file_count(const struct harness *harness, int type)
{
	struct counting counting = {.type = type};

	for_each(harness, count, &counting);
	return counting.count;
}

bool runs_file_has(const struct harness *harness, const char *request_id)
{
	struct counting counting = {.request_id = request_id};

	for_each(harness, count, &counting);
	return counting.count > 0;
}

struct copying {
	struct hp_buf buf;
	uint64_t seed;
	int without;
};

static void copy(const struct entry *entry, void *userdata)
{
	struct copying *copying = userdata;

	if ((int)entry->type != copying->without)
		assert_int_equal(entry_write(&copying->buf, copying->seed, entry), 0);
}

static void rewrite(const struct harness *harness, const char *boot, int without)
{
	struct copying copying = {.seed = entry_seed(boot), .without = without};
	int fd;

	entry_write_head(&copying.buf, boot);
	for_each(harness, copy, &copying);
	fd = open(harness_path(harness, NAME), O_WRONLY | O_TRUNC | O_CLOEXEC);
	assert_int_equal(write(fd, copying.buf.data, copying.buf.length), copying.buf.length);
	close(fd);
	hp_buf_free(&copying.buf);
}

void runs_file_remove(const struct harness *harness, int type)
{
	char boot[64];

	assert_int_equal(file_boot_id(boot), 0);
	rewrite(harness, boot, type);
}

void runs_file_of_another_boot(const struct harness *harness)
{
	rewrite(harness, "99999999-2222-3333-4444-555555555555", -1);
}

size_t runs_file_size(const struct harness *harness)
{
	struct stat st;

	assert_int_equal(stat(harness_path(harness, NAME), &st), 0);
	return (size_t)st.st_size;
}

void runs_file_flip(const struct harness *harness, size_t offset, unsigned char bits)
{
	int fd = open(harness_path(harness, NAME), O_RDWR | O_CLOEXEC);
	unsigned char byte;

	assert_int_equal(pread(fd, &byte, 1, (off_t)offset), 1);
	byte ^= bits;
	assert_int_equal(pwrite(fd, &byte, 1, (off_t)offset), 1);
	close(fd);
}
