/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One image of one row, not decoded: a cell per column, each a view of the bytes it came in.
 */
#ifndef MILLRACE_MODEL_ROW_H
#define MILLRACE_MODEL_ROW_H

#include "table.h"

enum cell_state {
    CELL_ABSENT = 0, /* the image does not carry this column: not the same as NULL */
    CELL_NULL,
    CELL_VALUE
};

struct cell {
    const uint8_t *ptr; /* borrowed, as the row */
    uint32_t len;
    enum cell_state state;
};

/* Borrowed until the source's next call. cells[i] belongs to table->columns[i]. */
struct row {
    const struct cell *cells; /* NULL: there is no such image */
    uint32_t count;           /* = table->column_count */
};

static inline bool row_exists(const struct row *row)
{
    return row->cells != NULL;
}

/* The canonical text of a cell that holds a value; see column_text_fn. */
static inline enum rc MUST_CHECK cell_text(const struct column *column, const struct cell *cell,
                                           struct buf *scratch, struct slice *text,
                                           struct error *err)
{
    return column->text(column, slice_of(cell->ptr, cell->len), scratch, text, err);
}

#endif
