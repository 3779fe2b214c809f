/* SPDX-License-Identifier: Apache-2.0 */
#include "compress_int.h"

#define ZLIB_CONST /* next_in points to const */
#include <lz4frame.h>
#include <stdlib.h>
#include <zlib.h>
#include <zstd.h>

enum { STEP = 64 << 10, GZIP_WINDOW = MAX_WBITS + 16, ZSTD_LEVEL = 1 };

/* A library behind three calls. `bytes` of begin: of the whole part. The last step has no rows. */
struct codec {
    bool (*begin)(void **state_out, uint64_t bytes, struct buf *out);
    bool (*step)(void *state, const uint8_t *rows, size_t len, struct buf *out);
    void (*end)(void *state); /* NULL is fine */
};

static bool gzip_begin(void **state_out, uint64_t bytes UNUSED, struct buf *out UNUSED)
{
    z_stream *stream = calloc(1, sizeof(*stream));
    if (stream == NULL || deflateInit2(stream, Z_BEST_SPEED, Z_DEFLATED, GZIP_WINDOW, MAX_MEM_LEVEL,
                                       Z_DEFAULT_STRATEGY) != Z_OK) {
        free(stream);
        return false;
    }
    *state_out = stream;
    return true;
}

static bool gzip_step(void *state, const uint8_t *rows, size_t len, struct buf *out)
{
    z_stream *stream = state;
    int code;
    stream->next_in = rows;
    stream->avail_in = (uInt)len;
    do {
        stream->next_out = buf_reserve(out, STEP);
        if (stream->next_out == NULL)
            return false;
        stream->avail_out = STEP;
        code = deflate(stream, len == 0 ? Z_FINISH : Z_NO_FLUSH);
        out->len += STEP - stream->avail_out;
    } while (code == Z_OK && stream->avail_out == 0);
    /* Z_BUF_ERROR: the step before had filled the room to the last byte, and nothing is left to write. */
    return len == 0 ? code == Z_STREAM_END : code == Z_OK || code == Z_BUF_ERROR;
}

static void gzip_end(void *state)
{
    if (state != NULL)
        deflateEnd(state);
    free(state);
}

static bool lz4_add(size_t written, struct buf *out)
{
    if (LZ4F_isError(written))
        return false;
    out->len += written;
    return true;
}

static bool lz4_begin(void **state_out, uint64_t bytes UNUSED, struct buf *out)
{
    LZ4F_cctx *stream;
    if (LZ4F_isError(LZ4F_createCompressionContext(&stream, LZ4F_VERSION)))
        return false;
    *state_out = stream;
    uint8_t *room = buf_reserve(out, LZ4F_HEADER_SIZE_MAX);
    return room != NULL &&
           lz4_add(LZ4F_compressBegin(stream, room, LZ4F_HEADER_SIZE_MAX, NULL), out);
}

static bool lz4_step(void *state, const uint8_t *rows, size_t len, struct buf *out)
{
    size_t most = LZ4F_compressBound(len, NULL);
    uint8_t *room = buf_reserve(out, most);
    if (room == NULL)
        return false;
    return lz4_add(len == 0 ? LZ4F_compressEnd(state, room, most, NULL)
                            : LZ4F_compressUpdate(state, room, most, rows, len, NULL),
                   out);
}

static void lz4_end(void *state)
{
    LZ4F_freeCompressionContext(state);
}

/* With the size known, what is kept of a small body is as small. */
static bool zstd_begin(void **state_out, uint64_t bytes, struct buf *out UNUSED)
{
    ZSTD_CCtx *stream = ZSTD_createCCtx();
    *state_out = stream;
    return stream != NULL &&
           !ZSTD_isError(ZSTD_CCtx_setParameter(stream, ZSTD_c_compressionLevel, ZSTD_LEVEL)) &&
           !ZSTD_isError(ZSTD_CCtx_setPledgedSrcSize(stream, bytes));
}

static bool zstd_step(void *state, const uint8_t *rows, size_t len, struct buf *out)
{
    ZSTD_inBuffer in = {.src = rows, .size = len};
    size_t left;
    do {
        uint8_t *room = buf_reserve(out, STEP);
        if (room == NULL)
            return false;
        ZSTD_outBuffer to = {.dst = room, .size = STEP};
        left = ZSTD_compressStream2(state, &to, &in, len == 0 ? ZSTD_e_end : ZSTD_e_continue);
        out->len += to.pos;
    } while (!ZSTD_isError(left) && (len == 0 ? left > 0 : in.pos < in.size));
    return !ZSTD_isError(left);
}

static void zstd_end(void *state)
{
    ZSTD_freeCCtx(state);
}

static const struct codec codecs[LOAD_COMPRESSIONS] = {
    [LOAD_COMPRESSION_GZIP] = {gzip_begin, gzip_step, gzip_end},
    [LOAD_COMPRESSION_LZ4] = {lz4_begin, lz4_step, lz4_end},
    [LOAD_COMPRESSION_ZSTD] = {zstd_begin, zstd_step, zstd_end},
};

bool compress_part(enum load_compression how, const struct body *body, uint32_t set,
                   struct buf *out)
{
    ASSERT(how != LOAD_COMPRESSION_NONE);
    const struct codec *codec = &codecs[how];
    uint8_t rows[STEP];
    struct body_cursor cursor;
    void *state = NULL;
    buf_reset(out);
    body_cursor_init(&cursor, body, set);
    bool ok = codec->begin(&state, body->parts[set].bytes, out);
    for (size_t len = STEP; ok && len > 0;) {
        len = body_cursor_read(&cursor, rows, sizeof(rows));
        ok = codec->step(state, rows, len, out);
    }
    codec->end(state);
    return ok;
}
