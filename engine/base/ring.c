/* SPDX-License-Identifier: Apache-2.0 */
/*
 * See ring.h. One condition serves both ends: there is one waiter at most on each.
 */
#include "ring.h"

#include <stdlib.h>
#include <time.h>

enum rc ring_init(struct ring *ring, unsigned capacity, struct error *err)
{
    ASSERT(capacity > 0);
    *ring = (struct ring){.capacity = capacity};
    ring->slots = calloc(capacity, sizeof(*ring->slots));
    if (ring->slots == NULL)
        return error_set(err, RC_MEMORY, "There is no memory for a queue of %u items.", capacity);
    pthread_mutex_init(&ring->lock, NULL);
    pthread_condattr_t attr;
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(&ring->changed, &attr);
    pthread_condattr_destroy(&attr);
    return RC_OK;
}

void ring_deinit(struct ring *ring)
{
    if (ring->slots == NULL)
        return;
    pthread_cond_destroy(&ring->changed);
    pthread_mutex_destroy(&ring->lock);
    free(ring->slots);
    ring->slots = NULL;
}

enum rc ring_push(struct ring *ring, void *item)
{
    pthread_mutex_lock(&ring->lock);
    while (!ring->closed && ring->count == ring->capacity)
        pthread_cond_wait(&ring->changed, &ring->lock);
    enum rc rc = RC_CANCELLED;
    if (!ring->closed) {
        ring->slots[(ring->head + ring->count) % ring->capacity] = item;
        ring->count++;
        rc = RC_OK;
        pthread_cond_broadcast(&ring->changed);
    }
    pthread_mutex_unlock(&ring->lock);
    return rc;
}

static struct timespec deadline_in(unsigned wait_ms)
{
    struct timespec at;
    clock_gettime(CLOCK_MONOTONIC, &at);
    at.tv_sec += wait_ms / 1000;
    at.tv_nsec += (long)(wait_ms % 1000) * 1000000L;
    if (at.tv_nsec >= 1000000000L) {
        at.tv_sec++;
        at.tv_nsec -= 1000000000L;
    }
    return at;
}

enum rc ring_pop(struct ring *ring, void **item_out, unsigned wait_ms)
{
    enum rc rc = RC_OK;
    pthread_mutex_lock(&ring->lock);
    if (ring->count == 0 && !ring->closed && wait_ms > 0) {
        struct timespec at = deadline_in(wait_ms);
        while (ring->count == 0 && !ring->closed)
            if (pthread_cond_timedwait(&ring->changed, &ring->lock, &at) != 0)
                break;
    }
    if (ring->count > 0) {
        *item_out = ring->slots[ring->head];
        ring->head = (ring->head + 1) % ring->capacity;
        ring->count--;
        pthread_cond_broadcast(&ring->changed);
    } else {
        rc = ring->closed ? RC_EOF : RC_AGAIN;
    }
    pthread_mutex_unlock(&ring->lock);
    return rc;
}

void ring_close(struct ring *ring)
{
    pthread_mutex_lock(&ring->lock);
    ring->closed = true;
    pthread_cond_broadcast(&ring->changed);
    pthread_mutex_unlock(&ring->lock);
}

void ring_reopen(struct ring *ring)
{
    pthread_mutex_lock(&ring->lock);
    ring->closed = false;
    ring->head = 0;
    ring->count = 0;
    pthread_mutex_unlock(&ring->lock);
}
