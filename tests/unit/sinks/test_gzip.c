/* SPDX-License-Identifier: Apache-2.0 */
/* Bodies as gzip: what comes out again is what would have been sent, whatever their size and kind. */
#include "load_fixture.h"
#include "sinks/stream_load/gzip_int.h"

#include <setjmp.h>
#include <stdarg.h>
#include <zlib.h>

#include <cmocka.h>

enum { MAX = 1 << 20 };

/* One line of `len` bytes that zlib finds nothing to shorten in, or the same letter again and again. */
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

static void expect_back(const struct body *body)
{
    struct buf packed;
    buf_init(&packed, 2 * MAX);
    assert_true(gzip_part(body, BODY_WHOLE, &packed));
    size_t len = body->data.len;
    uint8_t *lines = malloc(len + 1);
    z_stream stream = {.next_in = packed.ptr,
                       .avail_in = (uInt)packed.len,
                       .next_out = lines,
                       .avail_out = (uInt)len + 1};
    assert_int_equal(inflateInit2(&stream, MAX_WBITS + 16), Z_OK);
    assert_int_equal(inflate(&stream, Z_FINISH), Z_STREAM_END);
    assert_int_equal(stream.avail_in, 0);
    inflateEnd(&stream);
    assert_int_equal(stream.total_out, len);
    assert_memory_equal(lines, body->data.ptr, len);
    free(lines);
    buf_deinit(&packed);
}

static void sizes_around_the_steps(void **state UNUSED)
{
    static const size_t lens[] = {1, 65535, 65536, 65537, 65536 - 23, 131072, 200000};
    for (unsigned shrinks = 0; shrinks < 2; shrinks++)
        for (size_t i = 0; i < COUNT_OF(lens); i++) {
            struct body body;
            body_init(&body, MAX);
            add_line(&body, lens[i], shrinks);
            expect_back(&body);
            add_line(&body, 7, shrinks);
            expect_back(&body);
            body_deinit(&body);
        }
}

static void no_room(void **state UNUSED)
{
    struct body body;
    struct buf packed;
    body_init(&body, MAX);
    buf_init(&packed, 1000);
    add_line(&body, 200000, false);
    assert_false(gzip_part(&body, BODY_WHOLE, &packed));
    body_deinit(&body);
    buf_deinit(&packed);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sizes_around_the_steps),
        cmocka_unit_test(no_room),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
