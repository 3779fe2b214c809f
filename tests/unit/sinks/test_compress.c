/* SPDX-License-Identifier: Apache-2.0 */
/* Compressed bodies: what comes out again is what would have been sent, whatever their size and kind. */
#include "load_fixture.h"
#include "sinks/stream_load/compress_int.h"

#include <setjmp.h>
#include <lz4frame.h>
#include <stdarg.h>
#include <zlib.h>
#include <zstd.h>

#include <cmocka.h>

enum { MAX = 1 << 20 };

/* One line of `len` bytes that has nothing to shorten, or the same letter again and again. */
static void add_line(struct body *body, size_t len, bool shrinks)
{
    static uint64_t random = 0x6d696c6c;
    struct body_draft draft;
    struct error err;
    body_draft_begin(body, &draft);
    body_line_begin(body, &draft);
    body_line_key_end(body, &draft);
    for (size_t i = 0; i < len; i++) {
        random = random * UINT64_C(6364136223846793005) + 1442695040888963407;
        buf_add_byte(&body->data, shrinks ? 'x' : (uint8_t)(random >> 56));
    }
    body_line_end(body, &draft, BODY_WHOLE);
    assert_int_equal(body_draft_keep(body, &draft, false, &err), RC_OK);
}

/* Each opens one whole stream, and gives the bytes that came out of it. */
static size_t open_gzip(const struct buf *packed, uint8_t *lines, size_t cap)
{
    z_stream stream = {.next_in = packed->ptr,
                       .avail_in = (uInt)packed->len,
                       .next_out = lines,
                       .avail_out = (uInt)cap};
    assert_int_equal(inflateInit2(&stream, MAX_WBITS + 16), Z_OK);
    assert_int_equal(inflate(&stream, Z_FINISH), Z_STREAM_END);
    assert_int_equal(stream.avail_in, 0);
    inflateEnd(&stream);
    return stream.total_out;
}

static size_t open_lz4(const struct buf *packed, uint8_t *lines, size_t cap)
{
    LZ4F_dctx *stream;
    assert_false(LZ4F_isError(LZ4F_createDecompressionContext(&stream, LZ4F_VERSION)));
    size_t done = 0;
    size_t len = 0;
    for (size_t wanted = 1; wanted > 0;) {
        size_t in = packed->len - done;
        size_t out = cap - len;
        wanted = LZ4F_decompress(stream, lines + len, &out, packed->ptr + done, &in, NULL);
        assert_false(LZ4F_isError(wanted));
        assert_true(wanted == 0 || in > 0 || out > 0); /* it goes on, or has ended */
        done += in;
        len += out;
    }
    assert_int_equal(done, packed->len);
    LZ4F_freeDecompressionContext(stream);
    return len;
}

static size_t open_zstd(const struct buf *packed, uint8_t *lines, size_t cap)
{
    size_t len = ZSTD_decompress(lines, cap, packed->ptr, packed->len);
    assert_false(ZSTD_isError(len));
    assert_int_equal(ZSTD_findFrameCompressedSize(packed->ptr, packed->len), packed->len);
    return len;
}

static size_t (*const open_as[LOAD_COMPRESSIONS])(const struct buf *packed, uint8_t *lines,
                                                  size_t cap) = {
    [LOAD_COMPRESSION_GZIP] = open_gzip,
    [LOAD_COMPRESSION_LZ4] = open_lz4,
    [LOAD_COMPRESSION_ZSTD] = open_zstd,
};

static void expect_back(enum load_compression how, const struct body *body, bool shrinks)
{
    struct buf packed;
    buf_init(&packed, 2 * MAX);
    assert_true(compress_part(how, body, BODY_WHOLE, &packed));
    size_t len = body->data.len;
    uint8_t *lines = malloc(len + 1);
    assert_int_equal(open_as[how](&packed, lines, len + 1), len);
    assert_memory_equal(lines, body->data.ptr, len);
    if (shrinks && len > 1000)
        assert_true(packed.len < len / 50);
    free(lines);
    buf_deinit(&packed);
}

static void sizes_around_the_steps(void **state UNUSED)
{
    static const size_t lens[] = {1, 65535, 65536, 65537, 65536 - 23, 131072, 200000};
    for (unsigned how = LOAD_COMPRESSION_GZIP; how < LOAD_COMPRESSIONS; how++)
        for (unsigned shrinks = 0; shrinks < 2; shrinks++)
            for (size_t i = 0; i < COUNT_OF(lens); i++) {
                struct body body;
                body_init(&body, MAX);
                add_line(&body, lens[i], shrinks);
                expect_back(how, &body, shrinks);
                add_line(&body, 7, shrinks);
                expect_back(how, &body, shrinks);
                body_deinit(&body);
            }
}

/* At the first byte, and when some is written. */
static void no_room(void **state UNUSED)
{
    static const size_t rooms[] = {1, 1000, 100000};
    struct body body;
    body_init(&body, MAX);
    add_line(&body, 200000, false);
    for (unsigned how = LOAD_COMPRESSION_GZIP; how < LOAD_COMPRESSIONS; how++)
        for (size_t i = 0; i < COUNT_OF(rooms); i++) {
            struct buf packed;
            buf_init(&packed, rooms[i]);
            assert_false(compress_part(how, &body, BODY_WHOLE, &packed));
            buf_deinit(&packed);
        }
    body_deinit(&body);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sizes_around_the_steps),
        cmocka_unit_test(no_room),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
