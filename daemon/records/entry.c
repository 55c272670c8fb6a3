/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Entries to bytes and back. No state.
 *
 * An entry is a header, the id of the run, the request id and a text. The header begins with a
 * mark, by which the next entry is found after damage. The mark has bytes that are in no UTF-8, so
 * no text contains it: what a caller sends can never be taken for an entry. The checksum covers all
 * that comes after it.
 */
#include "daemon/records/entry.h"

#include <assert.h>
#include <string.h>
#include <xxhash.h>

#define VERSION	   1
#define HEAD_MAGIC "hookdrun"
#define MARK	   "\xff\xfehookd\xff"
#define MARK_SIZE  8

/* In the machine's own byte order: the file does not outlive the boot. Every version has it. */
struct head {
	char magic[8];
	uint32_t version;
	char boot_id[ENTRY_BOOT_ID_MAX + 1];
	uint32_t unused;
	uint64_t checksum; /* of all before */
};

/* The sizes of strings are with their NUL; 0: there is none. */
struct header {
	char mark[MARK_SIZE];
	uint64_t checksum; /* of all that follows, with the strings and the text */
	uint32_t text_length;
	uint32_t uid;
	int64_t submitted_us, at_ns;
	uint16_t run_size, request_id_size;
	uint8_t type, stage;
	uint8_t unused[2];
};

#define CHECKED_FROM offsetof(struct header, text_length)

static_assert(sizeof(struct head) == ENTRY_HEAD_SIZE, "no padding");
static_assert(sizeof(struct header) == ENTRY_LAST_SIZE, "no padding");
static_assert(sizeof(MARK) - 1 == MARK_SIZE, "the mark fills its place");

/* ---- the head ---- */

static uint64_t head_checksum(const struct head *head)
{
	return XXH3_64bits(head, offsetof(struct head, checksum));
}

static struct head make_head(const char *boot_id)
{
	struct head head = {.magic = HEAD_MAGIC, .version = VERSION};

	memcpy(head.boot_id, boot_id, strnlen(boot_id, ENTRY_BOOT_ID_MAX));
	head.checksum = head_checksum(&head);
	return head;
}

void entry_write_head(struct hp_buf *buf, const char *boot_id)
{
	struct head head = make_head(boot_id);

	hp_buf_append(buf, &head, sizeof(head));
}

enum entry_head entry_read_head(const void *bytes, size_t length, const char *boot_id)
{
	const struct head ours = make_head(boot_id);
	struct head head;

	if (length < sizeof(head))
		return ENTRY_HEAD_DAMAGED;
	memcpy(&head, bytes, sizeof(head));
	if (memcmp(head.magic, ours.magic, sizeof(head.magic)) != 0 ||
	    head.checksum != head_checksum(&head))
		return ENTRY_HEAD_DAMAGED;
	if (head.version != VERSION)
		return ENTRY_HEAD_OTHER_VERSION;
	return head.checksum == ours.checksum ? ENTRY_HEAD_OURS : ENTRY_HEAD_OTHER_BOOT;
}

uint64_t entry_seed(const char *boot_id)
{
	return make_head(boot_id).checksum;
}

/* ---- writing ---- */

static uint64_t checksum(const void *entry, size_t length, uint64_t seed)
{
	return XXH3_64bits_withSeed((const char *)entry + CHECKED_FROM, length - CHECKED_FROM,
				    seed);
}

static size_t string_size(const char *text)
{
	return text ? strlen(text) + 1 : 0;
}

int entry_write(struct hp_buf *buf, uint64_t seed, const struct entry *entry)
{
	struct header header = {
	    .mark = MARK,
	    .text_length = (uint32_t)entry->text_length,
	    .uid = entry->uid,
	    .submitted_us = entry->submitted_us,
	    .at_ns = entry->at_ns,
	    .run_size = (uint16_t)string_size(entry->run),
	    .request_id_size = (uint16_t)string_size(entry->request_id),
	    .type = (uint8_t)entry->type,
	    .stage = (uint8_t)entry->stage,
	};
	size_t size = sizeof(header) + header.run_size + header.request_id_size;
	char *start, *end;

	assert(entry->type > 0 && entry->type < ENTRY_TYPE_COUNT);
	if (entry->text_length > UINT32_MAX)
		return -EMSGSIZE;
	size += entry->text_length;
	start = hp_buf_reserve(buf, size);
	if (!start) {
		buf->failed = false;
		return -ENOMEM;
	}
	end = mempcpy(start, &header, sizeof(header));
	end = mempcpy(end, entry->run ? entry->run : "", header.run_size);
	end = mempcpy(end, entry->request_id ? entry->request_id : "", header.request_id_size);
	if (entry->text_length > 0)
		memcpy(end, entry->text, entry->text_length);
	header.checksum = checksum(start, size, seed);
	memcpy(start, &header, sizeof(header));
	buf->length += size;
	return 0;
}

/* ---- reading ---- */

/* Takes a string of `size` bytes. False: it does not end with its only NUL. */
static bool take_string(const char **from, size_t size, const char **ret_text)
{
	*ret_text = size > 0 ? *from : NULL;
	*from += size;
	return size == 0 || strnlen(*ret_text, size) == size - 1;
}

/* Whether an entry of that type has what it must have. */
static bool is_complete(const struct entry *entry)
{
	bool is_of_run = entry->type != ENTRY_RUNNERS && entry->type != ENTRY_LAST;

	return entry->type > 0 && entry->type < ENTRY_TYPE_COUNT && entry->stage < HP_STAGE_COUNT &&
	       is_of_run == (entry->run != NULL);
}

static size_t entry_size(const struct header *header)
{
	return sizeof(*header) + header->run_size + header->request_id_size + header->text_length;
}

bool entry_is_unfinished(const char *bytes, size_t length)
{
	struct header header;

	if (length < sizeof(header))
		return memcmp(bytes, MARK, length < MARK_SIZE ? length : MARK_SIZE) == 0;
	memcpy(&header, bytes, sizeof(header));
	return memcmp(bytes, MARK, MARK_SIZE) == 0 && entry_size(&header) > length;
}

/* The length of the entry that begins there; 0: none does. */
static size_t read_entry(const char *bytes, size_t length, uint64_t seed, struct entry *ret)
{
	struct header header;
	const char *at = bytes + sizeof(header);
	size_t size;

	if (length < sizeof(header) || memcmp(bytes, MARK, MARK_SIZE) != 0)
		return 0;
	memcpy(&header, bytes, sizeof(header));
	size = entry_size(&header);
	if (size > length || header.checksum != checksum(bytes, size, seed))
		return 0;
	*ret = (struct entry){
	    .type = (enum entry_type)header.type,
	    .stage = (enum hp_stage)header.stage,
	    .uid = header.uid,
	    .submitted_us = header.submitted_us,
	    .at_ns = header.at_ns,
	    .text_length = header.text_length,
	};
	if (!take_string(&at, header.run_size, &ret->run) ||
	    !take_string(&at, header.request_id_size, &ret->request_id))
		return 0;
	ret->text = at;
	return is_complete(ret) ? size : 0;
}

enum entry_found entry_next(struct entry_reader *reader, struct entry *ret_entry,
			    size_t *ret_offset)
{
	const char *at = reader->bytes + reader->offset, *end = reader->bytes + reader->length;
	size_t size;

	*ret_offset = reader->offset;
	if (reader->offset >= reader->length)
		return ENTRY_NONE;
	size = read_entry(at, (size_t)(end - at), reader->seed, ret_entry);
	if (size > 0) {
		reader->offset += size;
		return ENTRY_FOUND;
	}
	do {
		at = memmem(at + 1, (size_t)(end - at - 1), MARK, MARK_SIZE);
	} while (at && !read_entry(at, (size_t)(end - at), reader->seed, ret_entry));
	reader->offset = at ? (size_t)(at - reader->bytes) : reader->length;
	return ENTRY_NOT_VALID;
}
