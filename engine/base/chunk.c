/* SPDX-License-Identifier: Apache-2.0 */
/*
 * See chunk.h. The free list is last in, first out, so that the chunk in the cache is used again.
 */
#include "chunk.h"

#include <stdlib.h>

struct chunk_pool {
    pthread_mutex_t lock;
    pthread_cond_t returned;
    struct chunk *free_list;
    unsigned count;
    unsigned free_count;
    bool stopped;
    struct chunk chunks[];
};

enum rc chunk_pool_new(size_t chunk_bytes, unsigned count, struct chunk_pool **pool_out,
                       struct error *err)
{
    ASSERT(chunk_bytes > 0 && count > 0);
    struct chunk_pool *pool = calloc(1, sizeof(*pool) + count * sizeof(pool->chunks[0]));
    if (pool == NULL)
        return error_set(err, RC_MEMORY, "There is no memory for a chunk pool.");
    pthread_mutex_init(&pool->lock, NULL);
    pthread_cond_init(&pool->returned, NULL);
    for (unsigned i = 0; i < count; i++) {
        struct chunk *chunk = &pool->chunks[i];
        chunk->ptr = malloc(chunk_bytes);
        if (chunk->ptr == NULL) {
            chunk_pool_free(pool);
            return error_set(err, RC_MEMORY, "There is no memory for %u chunks of %zu bytes.",
                             count, chunk_bytes);
        }
        chunk->cap = chunk_bytes;
        chunk->pool = pool;
        chunk->next_free = pool->free_list;
        pool->free_list = chunk;
        pool->count++;
        pool->free_count++;
    }
    *pool_out = pool;
    return RC_OK;
}

void chunk_pool_free(struct chunk_pool *pool)
{
    if (pool == NULL)
        return;
    ASSERT(pool->free_count == pool->count);
    for (unsigned i = 0; i < pool->count; i++)
        free(pool->chunks[i].ptr);
    pthread_cond_destroy(&pool->returned);
    pthread_mutex_destroy(&pool->lock);
    free(pool);
}

struct chunk *chunk_take(struct chunk_pool *pool)
{
    pthread_mutex_lock(&pool->lock);
    while (pool->free_list == NULL && !pool->stopped)
        pthread_cond_wait(&pool->returned, &pool->lock);
    struct chunk *chunk = pool->stopped ? NULL : pool->free_list;
    if (chunk != NULL) {
        pool->free_list = chunk->next_free;
        pool->free_count--;
        chunk->len = 0;
        chunk->generation++;
        atomic_store(&chunk->refs, 1);
    }
    pthread_mutex_unlock(&pool->lock);
    return chunk;
}

void chunk_retain(struct chunk *chunk)
{
    unsigned before = atomic_fetch_add(&chunk->refs, 1);
    ASSERT(before > 0);
}

void chunk_release(struct chunk *chunk)
{
    unsigned before = atomic_fetch_sub(&chunk->refs, 1);
    ASSERT(before > 0);
    if (before > 1)
        return;
    struct chunk_pool *pool = chunk->pool;
    pthread_mutex_lock(&pool->lock);
    chunk->next_free = pool->free_list;
    pool->free_list = chunk;
    pool->free_count++;
    pthread_cond_signal(&pool->returned);
    pthread_mutex_unlock(&pool->lock);
}

static void set_stopped(struct chunk_pool *pool, bool stopped)
{
    pthread_mutex_lock(&pool->lock);
    pool->stopped = stopped;
    pthread_cond_broadcast(&pool->returned);
    pthread_mutex_unlock(&pool->lock);
}

void chunk_pool_stop(struct chunk_pool *pool)
{
    set_stopped(pool, true);
}

void chunk_pool_restart(struct chunk_pool *pool)
{
    set_stopped(pool, false);
}
