/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What every change that a decoder gives out is put through: the text of each cell and the whole
 * CloudEvent, with what consumers rely on asserted.
 */
#ifndef MILLRACE_TESTS_FUZZ_CHANGES_INT_H
#define MILLRACE_TESTS_FUZZ_CHANGES_INT_H

#include "fuzz_int.h"
#include "sinks/stream_load/json_check_int.h"

struct fuzz_changes {
    struct cloudevent_writer writer;
    struct buf line;
    struct buf scratch;
};

static inline void fuzz_changes_init(struct fuzz_changes *changes)
{
    struct error err;
    ASSERT(cloudevent_writer_init(&changes->writer, SLICE("fuzz"), &err) == RC_OK);
    buf_init(&changes->line, (size_t)64 << 20);
    buf_init(&changes->scratch, (size_t)64 << 20);
}

static inline void fuzz_changes_deinit(struct fuzz_changes *changes)
{
    cloudevent_writer_deinit(&changes->writer);
    buf_deinit(&changes->line);
    buf_deinit(&changes->scratch);
}

static inline bool fuzz_is_text_kind(enum column_kind kind)
{
    return kind != COLUMN_BYTES && kind != COLUMN_GEOMETRY;
}

static inline void fuzz_row(struct fuzz_changes *changes, const struct table *table,
                            const struct row *row)
{
    if (!row_exists(row))
        return;
    ASSERT(row->count == table->column_count);
    for (uint32_t i = 0; i < row->count; i++) {
        struct error err;
        struct slice text;
        const struct column *column = &table->columns[i];
        if (row->cells[i].state != CELL_VALUE)
            continue;
        buf_reset(&changes->scratch);
        error_clear(&err);
        enum rc rc = cell_text(column, &row->cells[i], &changes->scratch, &text, &err);
        fuzz_told(rc, &err);
        if (rc != RC_OK)
            continue;
        ASSERT(text.len <= (size_t)64 << 20);
        if (fuzz_is_text_kind(column->kind))
            ASSERT(text_is_utf8(text));
    }
}

/* An event is one line that is one JSON value, and nothing is left behind when it cannot be made. */
static inline void fuzz_change(struct fuzz_changes *changes, const struct change *change)
{
    struct error err;
    if (change->table != NULL) {
        fuzz_row(changes, change->table, &change->before);
        fuzz_row(changes, change->table, &change->after);
    }
    buf_reset(&changes->line);
    error_clear(&err);
    enum rc rc = cloudevent_add(&changes->writer, &changes->line, change, &err);
    fuzz_told(rc, &err);
    struct slice line = buf_slice(&changes->line);
    if (rc != RC_OK || line.len == 0) {
        ASSERT(line.len == 0);
        return;
    }
    ASSERT(line.ptr[line.len - 1] == '\n' && memchr(line.ptr, '\n', line.len - 1) == NULL);
    line.len--;
    ASSERT(text_is_utf8(line));
    ASSERT(json_check_value(line));
}

#endif
