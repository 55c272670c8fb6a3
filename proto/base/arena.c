/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Arenas: memory that is allocated in pieces and freed as a whole.
 *
 * Pieces are cut from the newest chunk. If a piece does not fit, a chunk twice as large is added. A
 * piece that would use most of a chunk gets a chunk of its own, which is inserted behind the newest
 * one, so that the free part of the newest chunk remains usable. No locking: an arena has one
 * owner.
 */

#include "proto/base/arena.h"

#include <stdalign.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* The first chunk is small, as most requests are: they stay in memory long after they ran. */
#define CHUNK_BYTES_MIN 512
#define CHUNK_BYTES_MAX 4096

struct hp_arena_chunk {
	struct hp_arena_chunk *next;
	alignas(max_align_t) char bytes[];
};

static char *chunk_new(struct hp_arena *arena, size_t size, bool is_own)
{
	struct hp_arena_chunk *chunk;

	if (size > SIZE_MAX - sizeof(*chunk))
		return NULL;
	chunk = malloc(sizeof(*chunk) + size);
	if (!chunk)
		return NULL;
	arena->total_bytes += sizeof(*chunk) + size;
	if (is_own && arena->chunks) {
		chunk->next = arena->chunks->next;
		arena->chunks->next = chunk;
	} else {
		chunk->next = arena->chunks;
		arena->chunks = chunk;
	}
	return chunk->bytes;
}

static size_t next_chunk_bytes(const struct hp_arena *arena)
{
	if (arena->chunk_bytes == 0)
		return CHUNK_BYTES_MIN;
	return arena->chunk_bytes < CHUNK_BYTES_MAX ? 2 * arena->chunk_bytes : CHUNK_BYTES_MAX;
}

static bool add_chunk(struct hp_arena *arena, size_t bytes)
{
	size_t room = bytes - sizeof(struct hp_arena_chunk);
	char *begin = chunk_new(arena, room, false);

	if (!begin)
		return false;
	arena->cursor = begin;
	arena->left = room;
	arena->chunk_bytes = bytes;
	return true;
}

static char *arena_take(struct hp_arena *arena, size_t size, size_t alignment)
{
	size_t pad = -(uintptr_t)arena->cursor & (alignment - 1);
	char *piece;

	if (!arena->cursor || pad > arena->left || size > arena->left - pad) {
		size_t bytes = next_chunk_bytes(arena);

		if (size > bytes / 4)
			return chunk_new(arena, size, true);
		if (!add_chunk(arena, bytes))
			return NULL;
		pad = 0;
	}
	piece = arena->cursor + pad;
	arena->cursor = piece + size;
	arena->left -= pad + size;
	return piece;
}

void *hp_arena_alloc(struct hp_arena *arena, size_t size)
{
	return arena_take(arena, size, alignof(max_align_t));
}

void *hp_arena_calloc(struct hp_arena *arena, size_t count, size_t size)
{
	size_t bytes;
	void *piece;

	if (__builtin_mul_overflow(count, size, &bytes))
		return NULL;
	piece = hp_arena_alloc(arena, bytes);
	return piece ? memset(piece, 0, bytes) : NULL;
}

char *hp_arena_copy(struct hp_arena *arena, const char *bytes, size_t length)
{
	char *copy;

	if (length == SIZE_MAX)
		return NULL;
	copy = arena_take(arena, length + 1, 1);
	if (!copy)
		return NULL;
	if (length > 0)
		memcpy(copy, bytes, length);
	copy[length] = '\0';
	return copy;
}

void hp_arena_free(struct hp_arena *arena)
{
	while (arena->chunks) {
		struct hp_arena_chunk *next = arena->chunks->next;

		free(arena->chunks);
		arena->chunks = next;
	}
	*arena = HP_ARENA_INIT;
}
