/* SPDX-License-Identifier: Apache-2.0 */
/* One flag and the waiting on it; see halt_int.h. */
#include "halt_int.h"

#include <errno.h>
#include <time.h>

enum rc halt_cond_init(pthread_cond_t *cond, struct error *err)
{
    pthread_condattr_t attr;
    int code = pthread_condattr_init(&attr);
    if (code == 0) {
        pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
        code = pthread_cond_init(cond, &attr);
        pthread_condattr_destroy(&attr);
    }
    if (code != 0)
        return error_set_os(err, RC_MEMORY, code, "A condition variable cannot be made");
    return RC_OK;
}

struct timespec halt_deadline(unsigned wait_ms)
{
    uint64_t until_us = clock_monotonic_us() + (uint64_t)wait_ms * 1000u;
    return (struct timespec){.tv_sec = (time_t)(until_us / 1000000u),
                             .tv_nsec = (long)(until_us % 1000000u) * 1000L};
}

enum rc halt_init(struct halt *halt, struct error *err)
{
    int code = pthread_mutex_init(&halt->lock, NULL);
    if (code != 0)
        return error_set_os(err, RC_MEMORY, code, "A lock cannot be made");
    enum rc rc = halt_cond_init(&halt->changed, err);
    if (rc != RC_OK)
        pthread_mutex_destroy(&halt->lock);
    atomic_init(&halt->stopped, false);
    return rc;
}

void halt_deinit(struct halt *halt)
{
    pthread_cond_destroy(&halt->changed);
    pthread_mutex_destroy(&halt->lock);
}

void halt_stop(struct halt *halt)
{
    pthread_mutex_lock(&halt->lock);
    atomic_store_explicit(&halt->stopped, true, memory_order_release);
    pthread_cond_broadcast(&halt->changed);
    pthread_mutex_unlock(&halt->lock);
}

bool halt_wait(struct halt *halt, unsigned wait_ms)
{
    struct timespec deadline = halt_deadline(wait_ms);
    pthread_mutex_lock(&halt->lock);
    int code = 0;
    while (!halt_stopped(halt) && code != ETIMEDOUT)
        code = pthread_cond_timedwait(&halt->changed, &halt->lock, &deadline);
    bool going = !halt_stopped(halt);
    pthread_mutex_unlock(&halt->lock);
    return going;
}
