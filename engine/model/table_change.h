/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a DDL did to one captured table: how it looked before, how it looks now, and which column
 * continues which. Everything else (columns added, dropped, renamed, widened) follows from these.
 */
#ifndef MILLRACE_MODEL_TABLE_CHANGE_H
#define MILLRACE_MODEL_TABLE_CHANGE_H

#include "table.h"

#define TABLE_CHANGE_NEW_COLUMN UINT32_MAX

enum table_change_kind {
    TABLE_CREATED, /* `after`; or a table that came under the name of a captured one */
    TABLE_ALTERED, /* `before` and `after`; their names differ when the table was renamed as well */
    TABLE_DROPPED  /* `before`; or it was renamed to a name that is not captured */
};

/* Borrowed as the change that carries it; the tables live until the source is closed. */
struct table_change {
    enum table_change_kind kind;
    struct table *before; /* NULL: TABLE_CREATED */
    struct table *after;  /* NULL: TABLE_DROPPED */
    /* TABLE_ALTERED: for each column of `after` the index of the column of `before` that it
     * continues, or TABLE_CHANGE_NEW_COLUMN. */
    const uint32_t *origin;
    /* The rows may be others than those that the stream has given (a partition was dropped, a
     * table with rows came under this name): only a new snapshot makes the target equal. */
    bool rows_unknown;
    bool lives_on; /* TABLE_DROPPED: under a name that is not captured */
};

#endif
