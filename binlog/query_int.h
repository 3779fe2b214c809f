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
    struct slice db;     /* the default database */
    struct slice text;   /* in UTF-8; borrowed from the body or from `inflated` */
    struct slice status; /* the status variables, for query_status_parse */
    uint16_t error_code;
};

/* The text is in the client's charset, which status variable 4 names; what is not UTF-8 is
 * converted, so that names in it are those of the tables and it can be shown. Text that does not
 * fit its charset is read as UTF-8 where it is that, else as latin1, which always gives something. */
enum rc query_parse(struct slice body, uint8_t event_type, struct buf *inflated,
                    struct query *query, struct error *err) MUST_CHECK;

#endif
