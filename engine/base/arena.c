/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Blocks of at least 16 KiB, linked newest first; a piece is never larger than its block. See
 * arena.h.
 */
#include "arena.h"

#include <stdalign.h>
#include <stdlib.h>

enum { BLOCK_BYTES = 16 << 10 };

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

void arena_reset(struct arena *arena)
{
    if (arena->blocks == NULL)
        return;
    /* Blocks are linked newest first; the first one made is the last in the list. */
    struct arena_block *block = arena->blocks;
    while (block->next != NULL) {
        struct arena_block *next = block->next;
        free(block);
        block = next;
    }
    block->used = 0;
    arena->blocks = block;
    arena->used_bytes = 0;
}

static struct arena_block *block_add(struct arena *arena, size_t size)
{
    size_t cap = size > BLOCK_BYTES ? size : BLOCK_BYTES;
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
