/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Rewrites the file of runs.
 *
 *	NONE --begin--> COPYING --all is copied--> FREEING --the old file is empty--> NONE
 *	                   `-------an error------> NONE, with the old file
 *
 * Bytes are copied, so nothing has to be converted. Each piece takes some milliseconds at most: the
 * kernel takes tens of them to free a large file at once, so that is done in pieces too. All that
 * was appended meanwhile is copied too, whether its run is still known or not: an entry that a run
 * is forgotten must not be missing where its begin was copied. A damaged file is kept aside.
 */
#include "daemon/records/rewrite.h"

#include <stdio.h>
#include <sys/mman.h>

#define PIECE_BYTES	  (512u * 1024)
#define PIECE_FREED_BYTES (4u * 1024 * 1024)

void rewrite_abort(struct rewrite *rewrite)
{
	if (rewrite->to.fd >= 0)
		(void)unlinkat(rewrite->to.directory, RECORD_FILE_NEW, 0);
	record_file_close(&rewrite->to);
	close_fd(&rewrite->old_fd);
	hp_buf_free(&rewrite->buf);
}

int rewrite_begin(struct rewrite *rewrite, struct record_file *from, const char *boot_id,
		  struct hp_buf *first)
{
	int r;

	*rewrite = REWRITE_NONE;
	r = record_file_create(from->directory, RECORD_FILE_NEW, boot_id, &rewrite->to);
	if (r < 0)
		return r;
	rewrite->from = from;
	rewrite->offset = ENTRY_HEAD_SIZE;
	rewrite->start = from->length;
	r = record_file_append(&rewrite->to, first);
	if (r < 0)
		rewrite_abort(rewrite);
	return r;
}

static bool is_needed(const struct rewrite *rewrite, struct store *store, const struct entry *entry,
		      size_t offset)
{
	if (entry->type == ENTRY_LAST)
		return false;
	return offset >= rewrite->start || (entry->run && store_find(store, entry->run));
}

/* Fills rewrite->buf. */
static void copy_piece(struct rewrite *rewrite, struct store *store, const char *bytes)
{
	struct entry_reader reader = {bytes, rewrite->from->length, rewrite->offset,
				      rewrite->from->seed};
	enum entry_found found = ENTRY_FOUND;
	struct entry entry;
	size_t offset;

	hp_buf_clear(&rewrite->buf);
	while (reader.offset - rewrite->offset < PIECE_BYTES &&
	       (found = entry_next(&reader, &entry, &offset)) != ENTRY_NONE) {
		if (found == ENTRY_NOT_VALID)
			rewrite->damaged_bytes += reader.offset - offset;
		else if (is_needed(rewrite, store, &entry, offset))
			hp_buf_append(&rewrite->buf, bytes + offset, reader.offset - offset);
	}
	rewrite->offset = reader.offset;
}

/*
 * If hookd is killed between the two renames, the next one renames the new file before it looks for
 * the old one.
 */
static int replace(struct rewrite *rewrite)
{
	bool is_kept = rewrite->damaged_bytes > 0;
	int directory = rewrite->to.directory;
	int r = 0;

	if (is_kept)
		r = file_set_aside(directory, RECORD_FILE_NAME, RECORD_FILE_BAD, rewrite->kept_as);
	if (r == 0 && renameat(directory, RECORD_FILE_NEW, directory, RECORD_FILE_NAME) < 0)
		r = -errno;
	if (r < 0)
		return r;
	rewrite->old_length = rewrite->from->length;
	rewrite->old_fd = take_fd(&rewrite->from->fd);
	*rewrite->from = rewrite->to;
	rewrite->to = RECORD_FILE_NONE;
	if (is_kept)
		close_fd(&rewrite->old_fd);
	return 0;
}

static void free_piece(struct rewrite *rewrite)
{
	size_t left = rewrite->old_length;

	left = left > PIECE_FREED_BYTES ? left - PIECE_FREED_BYTES : 0;
	if (left == 0 || ftruncate(rewrite->old_fd, (off_t)left) < 0)
		close_fd(&rewrite->old_fd);
	rewrite->old_length = left;
}

static int copy_some(struct rewrite *rewrite, struct store *store)
{
	size_t length = rewrite->from->length;
	char *bytes;
	int r = record_file_map(rewrite->from, length, &bytes);

	if (r < 0)
		return r;
	copy_piece(rewrite, store, bytes);
	munmap(bytes, length);
	r = record_file_append(&rewrite->to, &rewrite->buf);
	return r == 0 && rewrite->offset >= length ? replace(rewrite) : r;
}

int rewrite_some(struct rewrite *rewrite, struct store *store)
{
	int r = 0;

	if (rewrite->to.fd >= 0)
		r = copy_some(rewrite, store);
	else
		free_piece(rewrite);
	if (r == 0 && rewrite_is_active(rewrite))
		return 0;
	rewrite_abort(rewrite);
	return r < 0 ? r : 1;
}
