/* SPDX-License-Identifier: Apache-2.0 */
/*
 * XA transactions in a binlog of a test's making: writing them, and what is expected of them.
 */
#ifndef MILLRACE_TESTS_XA_FIXTURE_H
#define MILLRACE_TESTS_XA_FIXTURE_H

#include "stream_fixture.h"

#include <stdio.h>

#define GTID(number) "11111111-1111-1111-1111-111111111111:" number

static struct writer w;

static inline void put_prepare(const char *global, bool one_phase)
{
    event_begin(&w, EVENT_XA_PREPARE);
    put(&w, one_phase ? 1 : 0, 1);
    put(&w, 1, 4);
    put(&w, strlen(global), 4);
    put(&w, 0, 4);
    put_text(&w, global);
    event_end(&w);
}

/* Rows first, first + 1, .. of a table under the XID of one letter. */
static inline void put_prepared(uint64_t gtid, char letter, const char *table, uint32_t first,
                                unsigned rows)
{
    const char global[] = {letter, '\0'};
    char sql[40];
    put_gtid(&w, gtid);
    snprintf(sql, sizeof(sql), "XA START X'%02x',X'',1", (unsigned)letter);
    put_query(&w, "shop", sql);
    put_table_map(&w, 90, table, true);
    put_insert(&w, 90, first, rows);
    snprintf(sql, sizeof(sql), "XA END X'%02x',X'',1", (unsigned)letter);
    put_query(&w, "shop", sql);
    put_prepare(global, false);
}

/* "COMMIT" or "ROLLBACK"; returns where its group begins. */
static inline size_t put_end(uint64_t gtid, const char *verb, char letter)
{
    char sql[40];
    size_t start = w.base + w.len;
    put_gtid(&w, gtid);
    snprintf(sql, sizeof(sql), "XA %s X'%02x',X'',1", verb, (unsigned)letter);
    put_query(&w, "", sql);
    return start;
}

static inline void expect_rows(struct fixture *f, uint32_t first, unsigned count, const char *gtid)
{
    for (unsigned i = 0; i < count; i++) {
        expect(f, CHANGE_INSERT);
        assert_int_equal(id_of(&f->change.after), first + i);
        assert_int_equal(f->change.ordinal, i);
        assert_true(slice_equal(f->change.txn->gtid, slice_str(gtid)));
    }
    expect(f, CHANGE_COMMIT);
    assert_true(slice_equal(f->change.txn->gtid, slice_str(gtid)));
}

static inline void expect_unknown(struct fixture *f, const char *table, uint64_t ordinal,
                                  const char *gtid)
{
    expect(f, CHANGE_UNKNOWN);
    struct slice name = f->change.table != NULL ? f->change.table->name : f->change.about_table;
    assert_true(slice_equal(name, slice_str(table)));
    assert_int_equal(f->change.ordinal, ordinal);
    assert_true(slice_starts_nocase(f->change.ddl, SLICE("XA COMMIT")));
    assert_true(slice_equal(f->change.txn->gtid, slice_str(gtid)));
}

#endif
