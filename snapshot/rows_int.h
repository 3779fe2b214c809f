/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The rows of one chunk in memory: the packets as the server sent them, one behind the other in
 * blocks. Blocks go back to a pool as the rows are given, so that reading the next chunks can begin
 * while this one is still on its way.
 */
#ifndef MILLRACE_SNAPSHOT_ROWS_INT_H
#define MILLRACE_SNAPSHOT_ROWS_INT_H

#include "engine/engine.h"

struct row_block {
    struct row_block *next;
    size_t cap;
    size_t len;
    uint8_t bytes[]; /* rows: 4 bytes length, the packet */
};

/* Blocks of one size that wait for their next use. Any thread. */
struct row_pool {
    pthread_mutex_t lock;
    struct row_block *free;
    unsigned free_count;
    unsigned keep; /* free blocks beyond this go back to the system */
};

void row_pool_init(struct row_pool *pool, unsigned keep);
void row_pool_deinit(struct row_pool *pool);

/* Of one thread at a time. */
struct rows {
    struct row_block *first; /* owned */
    struct row_block *last;
    size_t offset;  /* of the next row in `first` */
    uint64_t count; /* rows added */
    uint64_t bytes; /* of packets added */
    uint64_t held;  /* bytes of the blocks that are still held */
};

enum rc rows_add(struct rows *rows, struct row_pool *pool, struct slice packet,
                 struct error *err) MUST_CHECK;
/* The next row, borrowed until the next call; false: there is none. */
bool rows_next(struct rows *rows, struct row_pool *pool, struct slice *packet_out);
void rows_clear(struct rows *rows, struct row_pool *pool);

#endif
