/* SPDX-License-Identifier: Apache-2.0 */
/*
 * GEOMETRY: four bytes SRID, little-endian, then the WKB: the canonical bytes are what lies on the
 * wire (facts/binlog.md 6.8). No state; any thread.
 */
#include "value_codec_int.h"

enum rc value_text_geometry(const struct column *column, struct slice cell,
                            struct buf *scratch UNUSED, struct slice *text, struct error *err)
{
    /* SRID, then byte order and type of the WKB. The server can hold an empty value too: what a NOT
     * NULL column gets when it is filled without one. */
    enum { GEOMETRY_BYTES_MIN = 4 + 1 + 4 };
    if (cell.len > 0 && cell.len < GEOMETRY_BYTES_MIN)
        return value_bad_bytes(column, cell, "it is too short", err);
    *text = cell;
    return RC_OK;
}
