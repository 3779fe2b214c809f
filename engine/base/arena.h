/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Memory with one end of life: everything taken from an arena goes at once, at reset or deinit.
 * Each has a name and a byte limit; going over it gives NULL, and the caller says RC_LIMIT or
 * RC_MEMORY. Not for several threads at once.
 */
#ifndef MILLRACE_BASE_ARENA_H
#define MILLRACE_BASE_ARENA_H

#include "slice.h"

struct arena_block;

struct arena {
    const char *name; /* a literal, for messages */
    size_t limit_bytes;
    size_t used_bytes;
    struct arena_block *blocks; /* owned */
};

void arena_init(struct arena *arena, const char *name, size_t limit_bytes);
void arena_deinit(struct arena *arena);
/* Everything handed out is gone; one block is kept for the next round. */
void arena_reset(struct arena *arena);

/* Zeroed, aligned for any type; NULL when over the limit or out of memory. Size 0 gives a valid
 * pointer. */
void *arena_alloc(struct arena *arena, size_t size);
/* A copy of the bytes, with a NUL behind them outside the length. ptr == NULL on failure. */
struct slice arena_copy(struct arena *arena, struct slice s);
/* The same as a C string, for C libraries. NULL on failure. */
char *arena_cstr(struct arena *arena, struct slice s);

#endif
