/* SPDX-License-Identifier: Apache-2.0 */
/*
 * "Stop now", told once to all threads of a sink: waits end at once, transfers are broken off.
 * @thread any.
 */
#ifndef MILLRACE_SINKS_STREAM_LOAD_HALT_INT_H
#define MILLRACE_SINKS_STREAM_LOAD_HALT_INT_H

#include <pthread.h>
#include <stdatomic.h>

#include "engine/engine.h"

struct halt {
    pthread_mutex_t lock;
    pthread_cond_t changed; /* on CLOCK_MONOTONIC */
    atomic_bool stopped;
};

enum rc halt_init(struct halt *halt, struct error *err) MUST_CHECK;
void halt_deinit(struct halt *halt);
void halt_stop(struct halt *halt);

static inline bool halt_stopped(struct halt *halt)
{
    return atomic_load_explicit(&halt->stopped, memory_order_acquire);
}

/* Waits; false when stopped, before or meanwhile. */
bool halt_wait(struct halt *halt, unsigned wait_ms);

/* A condition variable whose waits are counted on the monotonic clock. */
enum rc halt_cond_init(pthread_cond_t *cond, struct error *err) MUST_CHECK;
/* The moment `wait_ms` from now, for pthread_cond_timedwait. */
struct timespec halt_deadline(unsigned wait_ms);

#endif
