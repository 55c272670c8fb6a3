/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stddef.h>

/*
 * The memory of one message: everything decoded from it is allocated in one arena and freed with
 * the arena, so no field is freed by itself.
 */
struct hp_arena {
	struct hp_arena_chunk *chunks;
	char *cursor;
	size_t left;
	size_t chunk_bytes; /* of the newest chunk that pieces share; 0: none yet */
	size_t total_bytes; /* of memory, with what is still free in the chunks */
};

#define HP_ARENA_INIT ((struct hp_arena){0})

/* NULL when out of memory. Aligned for any type, not zeroed. size 0 gives a valid pointer. */
void *hp_arena_alloc(struct hp_arena *arena, size_t size) __attribute__((malloc));
/* A zeroed array; NULL on overflow too. */
void *hp_arena_calloc(struct hp_arena *arena, size_t count, size_t size) __attribute__((malloc));
/* A copy of `length` bytes with a NUL after it. */
char *hp_arena_copy(struct hp_arena *arena, const char *bytes, size_t length)
    __attribute__((malloc));
void hp_arena_free(struct hp_arena *arena);
