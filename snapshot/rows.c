/* SPDX-License-Identifier: Apache-2.0 */
/*
 * See rows_int.h. A row that is larger than a block gets a block of its own, which is never kept.
 */
#include "rows_int.h"

#include <stdlib.h>

#define BLOCK_BYTES ((size_t)256 << 10)

void row_pool_init(struct row_pool *pool, unsigned keep)
{
    *pool = (struct row_pool){.keep = keep};
    pthread_mutex_init(&pool->lock, NULL);
}

void row_pool_deinit(struct row_pool *pool)
{
    while (pool->free != NULL) {
        struct row_block *block = pool->free;
        pool->free = block->next;
        free(block);
    }
    pthread_mutex_destroy(&pool->lock);
}

static struct row_block *take_block(struct row_pool *pool, size_t bytes)
{
    if (bytes <= BLOCK_BYTES) {
        pthread_mutex_lock(&pool->lock);
        struct row_block *block = pool->free;
        if (block != NULL) {
            pool->free = block->next;
            pool->free_count--;
        }
        pthread_mutex_unlock(&pool->lock);
        if (block != NULL) {
            block->next = NULL;
            block->len = 0;
            return block;
        }
        bytes = BLOCK_BYTES;
    }
    struct row_block *block = malloc(sizeof(*block) + bytes);
    if (block != NULL)
        *block = (struct row_block){.cap = bytes};
    return block;
}

static void give_block(struct row_pool *pool, struct row_block *block)
{
    if (block->cap == BLOCK_BYTES) {
        pthread_mutex_lock(&pool->lock);
        bool kept = pool->free_count < pool->keep;
        if (kept) {
            block->next = pool->free;
            pool->free = block;
            pool->free_count++;
        }
        pthread_mutex_unlock(&pool->lock);
        if (kept)
            return;
    }
    free(block);
}

enum rc rows_add(struct rows *rows, struct row_pool *pool, struct slice packet, struct error *err)
{
    size_t need = sizeof(uint32_t) + packet.len;
    ASSERT(packet.len <= UINT32_MAX);
    if (rows->last == NULL || rows->last->cap - rows->last->len < need) {
        struct row_block *block = take_block(pool, need);
        if (block == NULL)
            return error_set(err, RC_MEMORY, "There is no memory for the rows of a chunk.");
        if (rows->last == NULL)
            rows->first = block;
        else
            rows->last->next = block;
        rows->last = block;
        rows->held += block->cap;
    }
    uint8_t *to = rows->last->bytes + rows->last->len;
    store_u32le(to, (uint32_t)packet.len);
    memcpy(to + sizeof(uint32_t), packet.ptr, packet.len);
    rows->last->len += need;
    rows->count++;
    rows->bytes += packet.len;
    return RC_OK;
}

static void drop_first(struct rows *rows, struct row_pool *pool)
{
    struct row_block *block = rows->first;
    rows->first = block->next;
    if (rows->first == NULL)
        rows->last = NULL;
    rows->offset = 0;
    rows->held -= block->cap;
    give_block(pool, block);
}

bool rows_next(struct rows *rows, struct row_pool *pool, struct slice *packet_out)
{
    while (rows->first != NULL && rows->offset == rows->first->len)
        drop_first(rows, pool);
    if (rows->first == NULL)
        return false;
    const uint8_t *at = rows->first->bytes + rows->offset;
    uint32_t len = load_u32le(at);
    *packet_out = slice_of(at + sizeof(len), len);
    rows->offset += sizeof(len) + len;
    return true;
}

void rows_clear(struct rows *rows, struct row_pool *pool)
{
    while (rows->first != NULL)
        drop_first(rows, pool);
    *rows = (struct rows){0};
}
