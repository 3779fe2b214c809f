/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Blocks linked newest first; a piece is never larger than its block. Each is twice as large as the one
 * before it, from 1 to 16 KiB: there are arenas for each of ten thousand tables, and ones that are
 * filled again and again. See arena.h.
 */
#include "arena.h"

#include <stdalign.h>
#include <stdlib.h>

enum { BLOCK_BYTES_FIRST = 1 << 10, BLOCK_BYTES = 16 << 10 };

struct arena_block {
    struct arena_block *next;
    size_t cap;
    size_t used;
    alignas(16) uint8_t bytes[];
};

void arena_init(struct arena *arena, const char *name, size_t limit_bytes)
{
    *arena = (struct arena){.name = name, .limit_bytes = limit_bytes};
}

void arena_deinit(struct arena *arena)
{
    struct arena_block *block = arena->blocks;
    while (block != NULL) {
        struct arena_block *next = block->next;
        free(block);
        block = next;
    }
    arena->blocks = NULL;
    arena->used_bytes = 0;
}

/* The largest block of those that are not made for one piece; where there is none, the first one. */
static struct arena_block *block_to_keep(struct arena_block *newest)
{
    struct arena_block *kept = NULL;
    for (struct arena_block *block = newest; block != NULL; block = block->next)
        if (kept == NULL || kept->cap > BLOCK_BYTES ||
            (block->cap > kept->cap && block->cap <= BLOCK_BYTES))
            kept = block;
    return kept;
}

void arena_reset(struct arena *arena)
{
    struct arena_block *kept = block_to_keep(arena->blocks);
    struct arena_block *block = arena->blocks;
    if (kept == NULL)
        return;
    while (block != NULL) {
        struct arena_block *next = block->next;
        if (block != kept)
            free(block);
        block = next;
    }
    kept->next = NULL;
    kept->used = 0;
    arena->blocks = kept;
    arena->used_bytes = 0;
}

static size_t next_block_bytes(const struct arena *arena)
{
    if (arena->blocks == NULL)
        return BLOCK_BYTES_FIRST;
    return arena->blocks->cap < BLOCK_BYTES / 2 ? 2 * arena->blocks->cap : BLOCK_BYTES;
}

static struct arena_block *block_add(struct arena *arena, size_t size)
{
    size_t next = next_block_bytes(arena);
    size_t cap = size > next ? size : next;
    if (cap > SIZE_MAX - sizeof(struct arena_block))
        return NULL;
    struct arena_block *block = malloc(sizeof(*block) + cap);
    if (block == NULL)
        return NULL;
    *block = (struct arena_block){.next = arena->blocks, .cap = cap};
    arena->blocks = block;
    return block;
}

void *arena_alloc(struct arena *arena, size_t size)
{
    if (size > SIZE_MAX - 15)
        return NULL;
    size = size == 0 ? 16 : (size + 15) & ~(size_t)15;
    if (size > arena->limit_bytes - arena->used_bytes)
        return NULL;
    struct arena_block *block = arena->blocks;
    if (block == NULL || block->cap - block->used < size) {
        block = block_add(arena, size);
        if (block == NULL)
            return NULL;
    }
    void *ptr = block->bytes + block->used;
    block->used += size;
    arena->used_bytes += size;
    memset(ptr, 0, size);
    return ptr;
}

struct slice arena_copy(struct arena *arena, struct slice s)
{
    uint8_t *ptr = s.len == SIZE_MAX ? NULL : arena_alloc(arena, s.len + 1);
    if (ptr == NULL)
        return SLICE_EMPTY;
    if (s.len > 0)
        memcpy(ptr, s.ptr, s.len);
    return slice_of(ptr, s.len);
}

char *arena_cstr(struct arena *arena, struct slice s)
{
    char *ptr = s.len == SIZE_MAX ? NULL : arena_alloc(arena, s.len + 1);
    if (ptr != NULL && s.len > 0)
        memcpy(ptr, s.ptr, s.len);
    return ptr;
}
