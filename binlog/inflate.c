/* SPDX-License-Identifier: Apache-2.0 */
#include "inflate_int.h"

#include <zlib.h>

#include "cursor_int.h"

enum rc inflate_record(struct slice record, struct buf *out, struct error *err)
{
    struct cursor cursor = cursor_of(record);
    uint8_t head = cursor_u8(&cursor);
    unsigned size_bytes = head & 0x07;
    struct slice size = cursor_slice(&cursor, size_bytes);
    struct slice packed = cursor_rest(&cursor);
    buf_reset(out);
    if (cursor.failed || (head & 0x80) == 0 || size_bytes < 1 || size_bytes > 4)
        return error_set(err, RC_CORRUPT, "The compressed record cannot be read.");
    if ((head & 0x70) != 0)
        return error_set(err, RC_UNSUPPORTED,
                         "The record is compressed by method %u; only zlib (0) is known.",
                         head >> 4 & 7u);
    uint64_t len = load_uint_be(size.ptr, size_bytes);
    if (!inflate_can_be(len, packed.len))
        return error_set(err, RC_CORRUPT, "The compressed record claims %llu bytes out of %zu.",
                         (unsigned long long)len, packed.len);
    uint8_t *to = buf_reserve(out, (size_t)len + 1);
    if (to == NULL)
        return buf_check(out, "A compressed record of the binlog", err);
    uLongf inflated = (uLongf)len;
    int result = uncompress(to, &inflated, packed.ptr, (uLong)packed.len);
    if (result != Z_OK || inflated != len)
        return error_set(err, RC_CORRUPT, "The compressed record does not inflate to %llu bytes.",
                         (unsigned long long)len);
    out->len = (size_t)len;
    return RC_OK;
}
