/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Numbers, dates and times: one text function over the writers that their columns have, and the words
 * for cells that a writer refuses. No state; any thread.
 */
#include "value_codec_int.h"

/* What is wrong with a cell of the right size. */
static const char *why_refused(enum column_kind kind)
{
    switch (kind) {
    case COLUMN_BIT:
        return "more bits are set than the column has";
    case COLUMN_DECIMAL:
        return "a group of its digits is too large";
    case COLUMN_FLOAT:
    case COLUMN_DOUBLE:
        return "it is not a finite number";
    case COLUMN_TIME:
        return "a part of the time is out of range";
    case COLUMN_TIMESTAMP:
        return "the fraction is a second or more";
    default:
        return "a part of the date is out of range";
    }
}

enum rc value_text_short(const struct column *column, struct slice cell, struct buf *scratch,
                         struct slice *text, struct error *err)
{
    uint8_t *out = buf_reserve(scratch, COLUMN_PUT_MAX);
    if (out == NULL)
        return value_scratch(column, scratch, err);
    unsigned len = column->put(column, cell, out);
    if (len > 0) {
        scratch->len += len;
        *text = slice_of(out, len);
        return RC_OK;
    }
    uint32_t size = value_codec(column)->size;
    return cell.len != size ? value_bad_size(column, cell, size, err)
                            : value_bad_bytes(column, cell, why_refused(column->kind), err);
}
