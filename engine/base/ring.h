/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A bounded queue of pointers from one thread to one other, with waiting. It carries chunks and
 * batches, a few thousand a second at most, so a mutex is the whole mechanism: the hot path is
 * inside a chunk.
 */
#ifndef MILLRACE_BASE_RING_H
#define MILLRACE_BASE_RING_H

#include <pthread.h>

#include "error.h"

struct ring {
    pthread_mutex_t lock;
    pthread_cond_t changed; /* on CLOCK_MONOTONIC */
    void **slots;           /* owned */
    unsigned capacity;
    unsigned head; /* index of the oldest item */
    unsigned count;
    bool closed;
};

enum rc ring_init(struct ring *ring, unsigned capacity, struct error *err) MUST_CHECK;
/* The ring must be empty or its items be owned elsewhere. */
void ring_deinit(struct ring *ring);

/* Waits for room. RC_OK, or RC_CANCELLED once the ring is closed (the item stays the caller's). */
enum rc ring_push(struct ring *ring, void *item) MUST_CHECK;
/* Waits at most `wait_ms` for an item. RC_OK, RC_AGAIN (none in time), RC_EOF (closed and empty).
 */
enum rc ring_pop(struct ring *ring, void **item_out, unsigned wait_ms) MUST_CHECK;
/* No more pushes; pops drain what is there. */
void ring_close(struct ring *ring);
/* Open and empty again, for the next connection. Both threads must be out of it. */
void ring_reopen(struct ring *ring);

#endif
