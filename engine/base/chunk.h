/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Fixed-size, reference-counted blocks of stream bytes from a fixed pool: what the reader thread
 * fills and the decoder thread looks into. The pool is the bound on read-ahead: when all chunks are
 * out, the reader waits, and the source server feels it through TCP.
 *
 * @thread take: one thread; retain and release: any thread.
 */
#ifndef MILLRACE_BASE_CHUNK_H
#define MILLRACE_BASE_CHUNK_H

#include <pthread.h>
#include <stdatomic.h>

#include "error.h"
#include "slice.h"

struct chunk_pool;

struct chunk {
    uint8_t *ptr;        /* owned by the pool */
    size_t cap;          /* bytes */
    size_t len;          /* bytes filled; set by the filler before the chunk is handed on */
    uint32_t generation; /* how often this chunk was taken: a stale view can be told */
    atomic_uint refs;
    struct chunk_pool *pool;
    struct chunk *next_free;
};

/* `count` chunks of `chunk_bytes` each, allocated now. Owned by the caller. */
enum rc chunk_pool_new(size_t chunk_bytes, unsigned count, struct chunk_pool **pool_out,
                       struct error *err) MUST_CHECK;
/* All chunks must be back. NULL is fine. */
void chunk_pool_free(struct chunk_pool *pool);

/* A chunk with one reference, len 0. Waits until one is free; NULL after chunk_pool_stop. */
struct chunk *chunk_take(struct chunk_pool *pool);
void chunk_retain(struct chunk *chunk);
/* The last release gives the chunk back to its pool. */
void chunk_release(struct chunk *chunk);
/* Wakes a waiting chunk_take, which then gives NULL from now on; chunk_pool_restart undoes it. */
void chunk_pool_stop(struct chunk_pool *pool);
void chunk_pool_restart(struct chunk_pool *pool);

#endif
