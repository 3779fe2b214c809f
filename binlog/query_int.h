/* SPDX-License-Identifier: Apache-2.0 */
/*
 * QUERY events, MariaDB's compressed ones and EXECUTE_LOAD_QUERY (facts/binlog.md 4.1, 5.5).
 *
 *   thread 4 | seconds 4 | db length 1 | error 2 | status length 2 | [load: 13] | status | db NUL |
 * text
 */
#ifndef MILLRACE_BINLOG_QUERY_INT_H
#define MILLRACE_BINLOG_QUERY_INT_H

#include "event_int.h"

struct query {
    struct slice db;   /* the default database */
    struct slice text; /* in the client's charset; borrowed from the body or from `inflated` */
    uint16_t error_code;
};

/* Status variables are passed over as a block: the text never depends on knowing them (#81). */
enum rc query_parse(struct slice body, uint8_t event_type, struct buf *inflated,
                    struct query *query, struct error *err) MUST_CHECK;

#endif
