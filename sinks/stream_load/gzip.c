/* SPDX-License-Identifier: Apache-2.0 */
#include "gzip_int.h"

#include <zlib.h>

enum { STEP = 64 << 10, GZIP_WINDOW = MAX_WBITS + 16 };

/* Takes a step's rows to `out`; Z_STREAM_END when they were the last. */
static int deflate_step(z_stream *stream, bool last, struct buf *out)
{
    int code;
    do {
        stream->next_out = buf_reserve(out, STEP);
        if (stream->next_out == NULL)
            return Z_MEM_ERROR;
        stream->avail_out = STEP;
        code = deflate(stream, last ? Z_FINISH : Z_NO_FLUSH);
        out->len += STEP - stream->avail_out;
    } while (code == Z_OK && stream->avail_out == 0);
    /* The step before had filled the room to the last byte, and there is nothing more to write. */
    return code == Z_BUF_ERROR && !last ? Z_OK : code;
}

bool gzip_part(const struct body *body, uint32_t set, struct buf *out)
{
    uint8_t rows[STEP];
    struct body_cursor cursor;
    z_stream stream = {0};
    if (deflateInit2(&stream, Z_BEST_SPEED, Z_DEFLATED, GZIP_WINDOW, MAX_MEM_LEVEL,
                     Z_DEFAULT_STRATEGY) != Z_OK)
        return false;
    buf_reset(out);
    body_cursor_init(&cursor, body, set);
    int code = Z_OK;
    for (size_t len = STEP; code == Z_OK && len > 0;) {
        len = body_cursor_read(&cursor, rows, sizeof(rows));
        stream.next_in = rows;
        stream.avail_in = (uInt)len;
        code = deflate_step(&stream, len == 0, out);
    }
    deflateEnd(&stream);
    return code == Z_STREAM_END;
}
