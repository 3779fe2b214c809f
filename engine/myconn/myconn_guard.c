/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a call of the library may take in all. Its own read timeout begins again with each byte, and
 * it keeps an answer in memory whatever its size, so a peer that sends a byte now and then, or
 * without end, would have us for ever. Connector/C tells of every read by a callback, on the thread
 * that reads; there the guard of the call in hand counts, and shuts the socket when it is enough.
 *
 * Threads: a guard belongs to the thread that began it.
 */
#include "myconn_int.h"

#include <pthread.h>
#include <sys/socket.h>

#include "../base/clock.h"

/* Exported by the library (libmariadb_3), but declared only in a header that is not installed. */
int ma_pvio_register_callback(my_bool is_on,
                              void (*callback)(int mode, MYSQL *mysql, const unsigned char *bytes,
                                               size_t len));

struct guard {
    uint64_t until_us;   /* 0: no limit */
    uint64_t bytes_left; /* 0 with `counts`: used up */
    bool counts;
    enum myconn_excess excess;
};

static _Thread_local struct guard guard;
static pthread_once_t guard_once = PTHREAD_ONCE_INIT;

static void look_at_read(int mode, MYSQL *mysql, const unsigned char *bytes, size_t len)
{
    (void)bytes;
    bool is_read = mode == 0;
    if (!is_read || len > PTRDIFF_MAX) /* a failed read tells -1 */
        return;
    if (guard.counts && len >= guard.bytes_left)
        guard.excess = MYCONN_TOO_MUCH;
    else if (guard.until_us != 0 && clock_monotonic_us() >= guard.until_us)
        guard.excess = MYCONN_TOO_LATE;
    else if (guard.counts)
        guard.bytes_left -= len;
    if (guard.excess != MYCONN_IN_BOUNDS)
        shutdown((int)mysql_get_socket(mysql), SHUT_RDWR);
}

static void listen_to_reads(void)
{
    ma_pvio_register_callback(1, look_at_read);
}

void myconn_guard_begin(uint64_t limit_ms, uint64_t bytes_max)
{
    pthread_once(&guard_once, listen_to_reads);
    guard = (struct guard){.until_us = limit_ms == 0 ? 0 : clock_monotonic_us() + limit_ms * 1000,
                           .bytes_left = bytes_max,
                           .counts = bytes_max != 0};
}

enum myconn_excess myconn_guard_end(void)
{
    enum myconn_excess excess = guard.excess;
    guard = (struct guard){0};
    return excess;
}
