/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Every number that a type of event can be (facts/binlog.md part 2), with and without the flag that it may be
 * ignored, between two transactions and inside one: it is passed over without a trace, or it ends the stream with
 * words. What carries rows, statements and borders has tests of its own; here it is only known that it does.
 */
#include "stream_fixture.h"

#include <stdio.h>

#define GTID(number) "11111111-1111-1111-1111-111111111111:" number

enum what {
    PASSED = 0, /* read over, wherever it comes */
    REFUSED,    /* may carry changes, and nobody can read it */
    ELSEWHERE   /* decoded: tested with what it carries */
};

static struct writer w;

/* What the sheet says of a type, told again here so that a change of the decoder has to be meant. */
static enum what what_of(unsigned type)
{
    static const struct {
        unsigned first;
        unsigned last;
        enum what what;
    } kinds[] = {
        {0, 1, REFUSED},      /* unknown, START_V3 */
        {2, 2, ELSEWHERE},    /* QUERY */
        {3, 3, PASSED},       /* STOP */
        {4, 4, ELSEWHERE},    /* ROTATE */
        {5, 5, PASSED},       /* INTVAR */
        {6, 6, REFUSED},      /* LOAD */
        {7, 7, PASSED},       /* SLAVE */
        {8, 8, REFUSED},      /* CREATE_FILE */
        {9, 9, PASSED},       /* APPEND_BLOCK: of LOAD DATA, told at its EXECUTE_LOAD_QUERY */
        {10, 10, REFUSED},    /* EXEC_LOAD */
        {11, 11, PASSED},     /* DELETE_FILE */
        {12, 12, REFUSED},    /* NEW_LOAD */
        {13, 14, PASSED},     /* RAND, USER_VAR */
        {15, 16, ELSEWHERE},  /* FORMAT_DESCRIPTION, XID */
        {17, 17, PASSED},     /* BEGIN_LOAD_QUERY */
        {18, 19, ELSEWHERE},  /* EXECUTE_LOAD_QUERY, TABLE_MAP */
        {20, 22, REFUSED},    /* rows of 5.1's betas */
        {23, 27, ELSEWHERE},  /* rows, INCIDENT, HEARTBEAT */
        {28, 29, PASSED},     /* IGNORABLE, ROWS_QUERY */
        {30, 35, ELSEWHERE},  /* rows, GTIDs */
        {36, 37, PASSED},     /* TRANSACTION_CONTEXT, VIEW_CHANGE */
        {38, 42, ELSEWHERE},  /* XA_PREPARE, rows, payload, HEARTBEAT_V2, tagged GTID */
        {43, 159, REFUSED},   /* MySQL's to come */
        {160, 161, PASSED},   /* ANNOTATE_ROWS, BINLOG_CHECKPOINT */
        {162, 172, ELSEWHERE} /* GTID, GTID_LIST, encryption, compressed ones, fragments */
    };
    for (size_t i = 0; i < COUNT_OF(kinds); i++)
        if (type >= kinds[i].first && type <= kinds[i].last)
            return kinds[i].what;
    return PASSED; /* private ranges: passed over, and said once */
}

static bool is_named(unsigned type)
{
    return (type > 0 && type <= 42 && (type < 20 || type > 22)) || (type >= 160 && type <= 172);
}

/* Bytes that would be anything if somebody looked at them. */
static void put_event(unsigned type, bool ignorable)
{
    event_begin(&w, (uint8_t)type);
    if (ignorable)
        store_u16le(w.bytes + w.event_start + 17, EVENT_FLAG_IGNORABLE);
    for (unsigned i = 0; i < 40; i++)
        put(&w, 0xff - i, 1);
    event_end(&w);
}

static void expect_txn(struct fixture *f, uint32_t first, unsigned rows, unsigned type)
{
    for (unsigned i = 0; i < rows; i++) {
        if (next(f) != RC_OK || f->change.kind != CHANGE_INSERT)
            fail_msg("type %u: no row: %s", type, f->err.text);
        assert_int_equal(id_of(&f->change.after), first + i);
        assert_int_equal(f->change.ordinal, i);
    }
    expect(f, CHANGE_COMMIT);
}

static void expect_refusal(struct fixture *f, unsigned type)
{
    char number[8];
    snprintf(number, sizeof(number), "(%u)", type);
    if (next(f) != RC_UNSUPPORTED || strstr(f->err.text, "may carry changes") == NULL ||
        strstr(f->err.text, number) == NULL || strstr(f->err.text, "binlog.000001:") == NULL)
        fail_msg("type %u: %s", type, f->err.text);
    assert_int_equal(next(f), RC_UNSUPPORTED); /* and it stays so */
}

static void between_transactions(void **state)
{
    (void)state;
    for (unsigned type = 0; type < 256; type++) {
        for (unsigned ignorable = 0; ignorable < 2; ignorable++) {
            struct fixture f;
            enum what what = what_of(type);
            if (what == ELSEWHERE)
                continue;
            begin_file(&w, true);
            put_transaction(&w, 1, 10, 2);
            put_event(type, ignorable);
            put_transaction(&w, 2, 20, 2);
            setup_offline(&f, &w);
            expect_txn(&f, 10, 2, type);
            if (what == REFUSED && !ignorable)
                expect_refusal(&f, type);
            else
                expect_txn(&f, 20, 2, type);
            teardown(&f);
        }
    }
}

static void inside_a_transaction(void **state)
{
    (void)state;
    for (unsigned type = 0; type < 256; type++) {
        struct fixture f;
        enum what what = what_of(type);
        if (what == ELSEWHERE)
            continue;
        begin_file(&w, true);
        put_gtid(&w, 1);
        put_query(&w, "shop", "BEGIN");
        put_event(type, false);
        put_table_map(&w, 90, "t", true);
        put_event(type, true);
        put_insert(&w, 90, 10, 3);
        put_xid(&w);
        setup_offline(&f, &w);
        if (what == REFUSED)
            expect_refusal(&f, type);
        else
            expect_txn(&f, 10, 3, type);
        teardown(&f);
    }
}

/* Group replication gives a change of members a GTID of its own, and no end: the GTID counts with the next. */
static void a_change_of_members_has_its_gtid(void **state)
{
    struct fixture f;
    struct position at;
    (void)state;
    position_init(&at);
    begin_file(&w, true);
    put_transaction(&w, 1, 10, 1);
    put_gtid(&w, 2);
    put_event(EVENT_VIEW_CHANGE, false);
    put_transaction(&w, 3, 30, 1);
    setup_offline(&f, &w);
    expect_txn(&f, 10, 1, EVENT_VIEW_CHANGE);
    expect_txn(&f, 30, 1, EVENT_VIEW_CHANGE);
    assert_int_equal(binlog_stream_position(f.stream, &at, &f.err), RC_OK);
    assert_true(slice_equal(buf_slice(&at.gtid_set), SLICE(GTID("1-3"))));
    teardown(&f);
    position_deinit(&at);
}

static void each_has_a_name(void **state)
{
    (void)state;
    for (unsigned type = 0; type < 256; type++) {
        char scratch[16];
        const char *name = event_type_name((uint8_t)type, scratch);
        bool numbered = strncmp(name, "type ", 5) == 0;
        if (numbered == is_named(type))
            fail_msg("type %u is called %s", type, name);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(between_transactions),
        cmocka_unit_test(inside_a_transaction),
        cmocka_unit_test(a_change_of_members_has_its_gtid),
        cmocka_unit_test(each_has_a_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
