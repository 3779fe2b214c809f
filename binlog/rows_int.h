/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ROWS events, all kinds (facts/binlog.md 5.2, 5.4, 5.5), as a walk over row images: each cell
 * becomes a view of the bytes it came in, and no value is looked at.
 *
 *   table id 6 | flags 2 | v2: extra length 2, extra data | width | present bits [twice for UPDATE]
 *   | rows
 *   row image: null bits of the present columns | values of the present columns that are not NULL
 *
 * PARTIAL_UPDATE_ROWS has something before each second image: options, and if they say so a bit for
 * each JSON column of the table, present or not, NULL or not. Where it is set the value is a list of
 * changes to the one in the first image; rows_partial_int.h makes them whole.
 */
#ifndef MILLRACE_BINLOG_ROWS_INT_H
#define MILLRACE_BINLOG_ROWS_INT_H

#include "tables_int.h"

enum rows_kind { ROWS_NONE = 0, ROWS_INSERT, ROWS_UPDATE, ROWS_DELETE };

/* What an event type says. */
struct rows_type {
    enum rows_kind kind; /* ROWS_NONE: not a rows event */
    bool v2;
    bool compressed; /* MariaDB: the rows are one compressed record */
    bool partial;    /* PARTIAL_UPDATE_ROWS */
};

struct rows_type rows_type_of(uint8_t event_type);

/* The head of a rows event; slices are borrowed from its body. */
struct rows_head {
    struct rows_type type;
    uint64_t table_id;
    uint32_t width;            /* columns, as the table map's */
    const uint8_t *present[2]; /* bits of the first and, for UPDATE, of the second image */
    struct slice rows;         /* still compressed where type.compressed says so */
};

/* Of an event with the dummy's table id only the id is needed; then width may be 0. */
enum rc rows_head_parse(struct slice body, uint8_t event_type, const struct event_format *format,
                        struct rows_head *head, struct error *err) MUST_CHECK;

/* Whether the event only ends a statement. Its table id is that of a table as well, once a server has opened so
 * many: what tells them apart is that a dummy has no rows. `shape`: the table of that id, or NULL. */
bool rows_head_is_dummy(const struct rows_head *head, const struct table_shape *shape);

/* A walk over the rows of one event. */
struct rows_walk {
    struct table_shape *shape;
    struct rows_head head;
    uint32_t present_count[2];
    struct cursor cursor;
    bool empty_row;      /* no image has a column: the event is one row without bytes */
    uint32_t json_count; /* PARTIAL_UPDATE_ROWS: JSON columns of the table */
    const uint8_t
        *diff_bits; /* of the row in hand, one a JSON column; NULL: all values are whole */
};

static inline bool rows_bit(const uint8_t *bits, uint32_t index)
{
    return (bits[index / 8] >> (index % 8) & 1) != 0;
}

/* RC_CORRUPT when the event does not fit its table map. `rows`: decompressed. */
enum rc rows_walk_begin(struct rows_walk *walk, const struct rows_head *head, struct slice rows,
                        struct table_shape *shape, struct error *err) MUST_CHECK;
/* The next row into shape->before and shape->after: an INSERT has only `after`, a DELETE only
 * `before`. RC_EOF behind the last. RC_CORRUPT: a row goes over the end of the event. */
enum rc rows_walk_next(struct rows_walk *walk, struct error *err) MUST_CHECK;
/* Passes over the next row without looking. Same results. */
enum rc rows_walk_skip(struct rows_walk *walk, struct error *err) MUST_CHECK;

#endif
