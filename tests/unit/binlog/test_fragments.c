/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Rows events in fragments (MariaDB 12.3, event 172), made by hand: cut at every byte into every number of
 * pieces, with and without a checksum of the whole, and everything that is not as it has to be.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#include "stream_fixture.h"

enum { WHOLE_MAX = 4096 };

/* How a fragment is wrong. */
struct fault {
    unsigned fragment; /* from 1; 0: none */
    uint32_t total;    /* 0: right */
    uint32_t number;
    uint64_t size; /* 0: right */
    int flags;     /* 0: right */
};

/* The rows event as it would have been written whole. */
static size_t make_whole(uint8_t whole[WHOLE_MAX], bool crc32, unsigned rows)
{
    static struct writer w;
    w = (struct writer){.crc32 = crc32};
    put_insert(&w, 90, 7, rows);
    assert_true(w.len < WHOLE_MAX);
    memcpy(whole, w.bytes, w.len);
    return w.len;
}

static void put_fragments(struct writer *w, const uint8_t *whole, size_t len, unsigned count,
                          const struct fault *fault)
{
    for (unsigned i = 1; i <= count; i++) {
        size_t from = len * (i - 1) / count;
        size_t to = len * i / count;
        bool wrong = fault != NULL && fault->fragment == i;
        int flags = wrong && fault->flags != 0 ? fault->flags : i == 1 ? 1 : 0;
        event_begin(w, EVENT_MARIADB_PARTIAL_ROW_DATA);
        put(w, wrong && fault->total != 0 ? fault->total : count, 4);
        put(w, wrong && fault->number != 0 ? fault->number : i, 4);
        put(w, (uint64_t)flags & 0xff, 1);
        if ((flags & 1) != 0)
            put(w, wrong && fault->size != 0 ? fault->size : len, 8);
        put_bytes(w, whole + from, to - from);
        event_end(w);
    }
}

static void put_begin(struct writer *w)
{
    put_gtid(w, 1);
    put_query(w, "shop", "BEGIN");
    put_table_map(w, 90, "t", true);
}

static void expect_rows(struct fixture *f, unsigned rows)
{
    for (unsigned i = 0; i < rows; i++) {
        expect(f, CHANGE_INSERT);
        assert_int_equal(id_of(&f->change.after), 7 + i);
        assert_int_equal(f->change.ordinal, i);
    }
}

static void test_put_together(void **state)
{
    static struct writer w;
    static uint8_t whole[WHOLE_MAX];
    struct fixture f;
    (void)state;
    for (unsigned kind = 0; kind < 4; kind++) {
        size_t len = make_whole(whole, kind % 2 == 1, 5);
        if (kind == 2) /* the header counts a checksum that is not there */
            store_u32le(whole + 9, (uint32_t)len + EVENT_CRC_LEN);
        for (unsigned count = 1; count <= len; count += 1 + count / 8) {
            begin_file(&w, kind < 2);
            put_begin(&w);
            size_t first = w.base + w.len;
            put_fragments(&w, whole, len, count, NULL);
            put_insert(&w, 90, 100, 1);
            put_xid(&w);
            setup_offline(&f, &w);
            expect_rows(&f, 5);
            assert_int_equal(f.change.event_offset, first);
            expect(&f, CHANGE_INSERT);
            assert_int_equal(id_of(&f.change.after), 100);
            assert_int_equal(f.change.ordinal, 5);
            expect(&f, CHANGE_COMMIT);
            assert_int_equal(next(&f), RC_EOF);
            teardown(&f);
        }
    }
}

static void expect_fault(const struct fault *fault, enum rc rc, const char *words)
{
    static struct writer w;
    static uint8_t whole[WHOLE_MAX];
    struct fixture f;
    size_t len = make_whole(whole, false, 3);
    begin_file(&w, true);
    put_begin(&w);
    put_fragments(&w, whole, len, 3, fault);
    put_xid(&w);
    setup_offline(&f, &w);
    assert_int_equal(next(&f), rc);
    if (strstr(f.err.text, words) == NULL)
        fail_msg("'%s' expected: %s", words, f.err.text);
    assert_int_equal(next(&f), rc);
    teardown(&f);
}

static void test_what_is_wrong_is_refused(void **state)
{
    (void)state;
    expect_fault(&(struct fault){.fragment = 2, .number = 3}, RC_CORRUPT, "2 of 3 is awaited");
    expect_fault(&(struct fault){.fragment = 2, .number = 4}, RC_CORRUPT, "number 4 of 3");
    expect_fault(&(struct fault){.fragment = 2, .total = 9}, RC_CORRUPT, "2 of 3 is awaited");
    expect_fault(&(struct fault){.fragment = 3, .total = 2, .number = 2}, RC_CORRUPT, "awaited");
    expect_fault(&(struct fault){.fragment = 1, .size = 9}, RC_CORRUPT, "the first one says 9");
    expect_fault(&(struct fault){.fragment = 1, .size = (uint64_t)1 << 40}, RC_LIMIT, "at most");
    expect_fault(&(struct fault){.fragment = 1, .flags = 2}, RC_UNSUPPORTED, "flags");
    expect_fault(&(struct fault){.fragment = 1, .flags = 0x100}, RC_CORRUPT, "size of the whole");
    expect_fault(&(struct fault){.fragment = 2, .flags = 1}, RC_CORRUPT, "number 2 of 3");
    expect_fault(&(struct fault){.fragment = 2, .number = 1, .flags = 1}, RC_CORRUPT,
                 "begins where fragment 2 of 3");
    expect_fault(&(struct fault){.fragment = 1, .total = 4}, RC_CORRUPT, "2 of 4 is awaited");
}

static void expect_whole_refused(const uint8_t *whole, size_t len, enum rc rc, const char *words)
{
    static struct writer w;
    struct fixture f;
    begin_file(&w, true);
    put_begin(&w);
    put_fragments(&w, whole, len, 2, NULL);
    setup_offline(&f, &w);
    assert_int_equal(next(&f), rc);
    if (strstr(f.err.text, words) == NULL)
        fail_msg("'%s' expected: %s", words, f.err.text);
    teardown(&f);
}

static void test_the_whole_is_looked_at(void **state)
{
    static struct writer w;
    static uint8_t whole[WHOLE_MAX];
    struct fixture f;
    (void)state;
    size_t len = make_whole(whole, false, 3);
    whole[4] = EVENT_QUERY;
    expect_whole_refused(whole, len, RC_UNSUPPORTED, "an event of type 2");
    len = make_whole(whole, false, 3);
    expect_whole_refused(whole, len - 1, RC_CORRUPT, "where its header says");
    expect_whole_refused(whole, 10, RC_CORRUPT, "cut off");
    /* Another event between two fragments, and a file that ends there. */
    begin_file(&w, true);
    put_begin(&w);
    put_fragments(&w, whole, len, 3, NULL);
    w.len -= (w.len - w.event_start); /* without the last one */
    size_t cut = w.len;
    put_xid(&w);
    setup_offline(&f, &w);
    assert_int_equal(next(&f), RC_CORRUPT);
    assert_non_null(strstr(f.err.text, "3 of 3"));
    teardown(&f);
    w.len = cut;
    setup_offline(&f, &w);
    assert_int_equal(next(&f), RC_EOF);
    teardown(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_put_together),
        cmocka_unit_test(test_what_is_wrong_is_refused),
        cmocka_unit_test(test_the_whole_is_looked_at),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
