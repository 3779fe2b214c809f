/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The warehouse's MySQL-protocol port, for DDL: opened on first use, kept, opened again when it
 * broke. The first connection must succeed, for then the address and the password are proven; later
 * ones are tried until it works or a stop comes.
 *
 * Threads: one, but for query_interrupt.
 */
#ifndef MILLRACE_SINKS_STREAM_LOAD_QUERY_INT_H
#define MILLRACE_SINKS_STREAM_LOAD_QUERY_INT_H

#include "halt_int.h"

struct query {
    struct myconn_options options; /* its strings are in the arena of query_init */
    struct halt *halt;             /* borrowed */
    const char *product;           /* "Apache Doris" */
    int64_t max_retries;           /* -1: for ever */
    struct myconn *conn;           /* NULL: not open. @locks lock, for query_interrupt */
    pthread_mutex_t lock;
    bool proven; /* a connection was open once */
};

enum rc query_init(struct query *query, const struct myconn_options *options, struct halt *halt,
                   const char *product, int64_t max_retries, struct arena *arena,
                   struct error *err) MUST_CHECK;
void query_deinit(struct query *query);
/* Any thread: breaks off a statement that waits for its answer. Halt first. */
void query_interrupt(struct query *query);

typedef enum rc (*query_fn)(void *ctx, struct myconn *conn, struct error *err);
/* Runs `run` with an open connection, again from its beginning when the connection broke; so what
 * it does must bear being done twice. `err` must not be NULL: its class decides. */
enum rc query_run(struct query *query, query_fn run, void *ctx, struct error *err) MUST_CHECK;

#endif
