/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the files of this folder share: the connection itself, and how a failure of the library
 * becomes an error of ours. Not for other folders.
 */
#ifndef MILLRACE_MYCONN_MYCONN_INT_H
#define MILLRACE_MYCONN_MYCONN_INT_H

#include <mysql.h>

#include "myconn.h"

#define MYCONN_LABEL_MAX 512

struct myconn {
    MYSQL *mysql; /* owned */
    /* A second descriptor of the same socket, so that myconn_interrupt never meets a number that
     * the library has closed and the system has given to somebody else. -1: none. */
    int interrupt_fd;
    uint64_t read_timeout_ms;
    MYSQL_RES *streaming; /* owned; the rows that myconn_stream_row reads. NULL: none */
    char label[MYCONN_LABEL_MAX];
};

enum myconn_excess { MYCONN_IN_BOUNDS = 0, MYCONN_TOO_LATE, MYCONN_TOO_MUCH };

/* From begin to end, what this thread reads through the library may take so long and be so much in
 * all; 0: no limit. Beyond that the connection is shut, and the call fails. myconn_guard.c. */
void myconn_guard_begin(uint64_t limit_ms, uint64_t bytes_max);
enum myconn_excess myconn_guard_end(void);

/* The library's last error on `conn`, told as "<what>: <the server's words> (error n)".
 * `started_us` is when the failed call began: a loss of the connection after the read timeout is
 * RC_TIMEOUT; 0 where no waiting was involved. */
enum rc myconn_failed(struct myconn *conn, const char *what, uint64_t started_us,
                      struct error *err);

#endif
