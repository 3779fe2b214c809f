/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How fast N connections can take the rows of tables from a server, and do nothing with them: what a
 * snapshot's rate is measured against. Rows are read packet by packet, without a copy.
 *
 *   bench_select_drain HOST PORT USER PASSWORD CONNECTIONS STATEMENT...
 *
 * The statements are given to the connections in turn. Prints rows, bytes, seconds.
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "engine/engine.h"

enum { CONNECTIONS_MAX = 64 };

struct drain {
    pthread_t thread;
    const struct myconn_options *options;
    char **statements;
    int statement_count;
    int first;
    int step;
    uint64_t rows;
    uint64_t bytes;
    struct error err;
};

static enum rc drain_one(struct drain *drain, struct myconn *conn, const char *sql)
{
    unsigned column_count;
    struct slice packet;
    enum rc rc = myconn_stream_open(conn, slice_str(sql), &column_count, &drain->err);
    while (rc == RC_OK) {
        rc = myconn_stream_row(conn, &packet, &drain->err);
        drain->rows += rc == RC_OK;
        drain->bytes += rc == RC_OK ? packet.len : 0;
    }
    return rc == RC_EOF ? RC_OK : rc;
}

static void *run(void *arg)
{
    struct drain *drain = arg;
    struct myconn *conn = NULL;
    enum rc rc = myconn_open(drain->options, &conn, &drain->err);
    for (int i = drain->first; i < drain->statement_count && rc == RC_OK; i += drain->step)
        rc = drain_one(drain, conn, drain->statements[i]);
    myconn_close(conn);
    return NULL;
}

int main(int argc, char **argv)
{
    enum { STATEMENTS_AT = 6 };
    static struct drain drains[CONNECTIONS_MAX];
    uint64_t port = 0;
    uint64_t count = 0;
    if (argc <= STATEMENTS_AT || !text_parse_u64(slice_str(argv[2]), &port) ||
        !text_parse_u64(slice_str(argv[5]), &count) || count == 0 || count > CONNECTIONS_MAX) {
        fprintf(stderr, "Usage: bench_select_drain HOST PORT USER PASSWORD CONNECTIONS "
                        "STATEMENT...\n");
        return 2;
    }
    struct myconn_options options = {.host = argv[1],
                                     .port = (uint16_t)port,
                                     .user = argv[3],
                                     .password = {argv[4]},
                                     .connect_timeout_ms = 10000,
                                     .purpose = "bench"};
    uint64_t started_us = clock_monotonic_us();
    uint64_t rows = 0;
    uint64_t bytes = 0;
    int failed = 0;
    for (uint64_t i = 0; i < count; i++) {
        drains[i] = (struct drain){.options = &options,
                                   .statements = argv + STATEMENTS_AT,
                                   .statement_count = argc - STATEMENTS_AT,
                                   .first = (int)i,
                                   .step = (int)count};
        if (pthread_create(&drains[i].thread, NULL, run, &drains[i]) != 0)
            return 1;
    }
    for (uint64_t i = 0; i < count; i++) {
        pthread_join(drains[i].thread, NULL);
        rows += drains[i].rows;
        bytes += drains[i].bytes;
        if (drains[i].err.rc != RC_OK) {
            fprintf(stderr, "bench_select_drain: %s\n", drains[i].err.text);
            failed = 1;
        }
    }
    printf("%llu rows %llu bytes %.3f s\n", (unsigned long long)rows, (unsigned long long)bytes,
           (double)(clock_monotonic_us() - started_us) / 1e6);
    return failed;
}
