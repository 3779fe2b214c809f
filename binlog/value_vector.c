/* SPDX-License-Identifier: Apache-2.0 */
/*
 * VECTOR of MySQL 9 and MariaDB 11.7: little-endian floats one behind the other, told as a JSON
 * array of numbers (facts/binlog.md 6.13, 6.14). No state; any thread.
 */
#include "value_codec_int.h"

enum rc value_text_vector(const struct column *column, struct slice cell, struct buf *scratch,
                          struct slice *text, struct error *err)
{
    enum { NUMBER_TEXT_MAX = 32 };
    if (cell.len % sizeof(float) != 0)
        return value_bad_bytes(column, cell, "its length is not a multiple of four", err);
    size_t start = scratch->len;
    buf_add_byte(scratch, '[');
    for (size_t offset = 0; offset < cell.len; offset += sizeof(float)) {
        uint32_t bits = load_u32le(cell.ptr + offset);
        float number;
        memcpy(&number, &bits, sizeof(number));
        uint8_t *out = buf_reserve(scratch, NUMBER_TEXT_MAX + 1);
        if (out == NULL)
            break;
        unsigned comma = offset > 0;
        out[0] = ',';
        unsigned len = text_float(out + comma, number);
        if (len == 0)
            return value_bad_bytes(column, cell, "one of its numbers is not finite", err);
        scratch->len += comma + len;
    }
    buf_add_byte(scratch, ']');
    if (scratch->rc != RC_OK)
        return value_scratch(column, scratch, err);
    *text = slice_of(scratch->ptr + start, scratch->len - start);
    return RC_OK;
}
