/* SPDX-License-Identifier: Apache-2.0 */
/*
 * After start-up the way of a row takes no memory from the allocator: counted, from the raw event to the
 * finished CloudEvent. malloc and its kin are replaced for this program; under a sanitizer they are the
 * sanitizer's, and the test is skipped there.
 */
#include <stdbool.h>

#include "stream_fixture.h"

#include "engine/engine.h"

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define COUNTED false
static unsigned long taken;
#else
#define COUNTED true
static unsigned long taken;

void *__libc_malloc(size_t size);
void *__libc_calloc(size_t count, size_t size);
void *__libc_realloc(void *ptr, size_t size);

void *malloc(size_t size)
{
    taken++;
    return __libc_malloc(size);
}

void *calloc(size_t count, size_t size)
{
    taken++;
    return __libc_calloc(count, size);
}

void *realloc(void *ptr, size_t size)
{
    taken++;
    return __libc_realloc(ptr, size);
}
#endif

enum { TXNS = 600, WARM_TXNS = 50, ROWS = 3 };

/* Events where they lie, unlike the fixture's feed, which copies each one. */
struct plain_feed {
    struct binlog_feed base;
    const struct writer *w;
    size_t at;
};

static enum rc plain_next(struct binlog_feed *base, struct binlog_raw_event *event,
                          unsigned wait_ms UNUSED, struct error *err UNUSED)
{
    struct plain_feed *feed = (struct plain_feed *)base;
    if (feed->at == feed->w->len)
        return RC_EOF;
    size_t len = load_u32le(feed->w->bytes + feed->at + 9);
    *event = (struct binlog_raw_event){.bytes = slice_of(feed->w->bytes + feed->at, len),
                                       .file = SLICE("binlog.000001"),
                                       .offset = feed->w->base + feed->at,
                                       .first_in_file = feed->at == 0};
    feed->at += len;
    return RC_OK;
}

static const struct binlog_feed_ops plain_ops = {.next = plain_next, .stats = memory_stats};

static void a_row_takes_no_memory(void **state UNUSED)
{
    static struct writer w;
    if (!COUNTED) {
        skip();
        return;
    }
    begin_file(&w, true);
    for (unsigned i = 0; i < TXNS; i++)
        put_transaction(&w, i + 1, i * ROWS, ROWS);
    struct plain_feed feed = {.base.ops = &plain_ops, .w = &w};
    struct binlog_stream_options options = {
        .offline = true, .server = "", .wants = wants_not_u, .verify_checksums = true};
    struct binlog_stream *stream;
    struct cloudevent_writer writer;
    struct change change;
    struct error err;
    struct buf out;
    buf_init(&out, 1 << 20);
    assert_int_equal(binlog_stream_new(&options, &feed.base, &stream, &err), RC_OK);
    assert_int_equal(cloudevent_writer_init(&writer, SLICE("shop"), &err), RC_OK);
    unsigned txns = 0, rows = 0;
    unsigned long at_start = 0;
    enum rc rc;
    while ((rc = binlog_stream_next(stream, &change, 0, &err)) == RC_OK) {
        if (change.kind == CHANGE_COMMIT && ++txns == WARM_TXNS)
            at_start = taken;
        rows += change.kind == CHANGE_INSERT;
        buf_reset(&out);
        assert_int_equal(cloudevent_add(&writer, &out, &change, &err), RC_OK);
    }
    unsigned long during = taken - at_start;
    assert_int_equal(rc, RC_EOF);
    assert_int_equal(rows, TXNS * ROWS);
    assert_true(at_start > 0); /* the counter counts */
    assert_int_equal(during, 0);
    cloudevent_writer_deinit(&writer);
    binlog_stream_free(stream);
    buf_deinit(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(a_row_takes_no_memory)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
