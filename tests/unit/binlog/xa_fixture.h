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

/* --- notes, as the checkpoint keeps them --- */

enum { NOTES_MAX = 8 };

struct notes {
    struct buf keys[NOTES_MAX];
    struct buf values[NOTES_MAX];
    unsigned count;
    unsigned forgotten;
};

static inline enum rc keep_note(void *ctx, struct slice key, struct slice value, struct error *err)
{
    struct notes *notes = ctx;
    (void)err;
    if (value.ptr == NULL) {
        notes->forgotten++;
        for (unsigned i = 0; i < notes->count; i++) {
            if (!slice_equal(buf_slice(&notes->keys[i]), key))
                continue;
            buf_deinit(&notes->keys[i]);
            buf_deinit(&notes->values[i]);
            notes->count--;
            notes->keys[i] = notes->keys[notes->count];
            notes->values[i] = notes->values[notes->count];
            return RC_OK;
        }
        fail_msg("a note is to be forgotten that was never given: %.*s", SLICE_ARG(key));
    }
    assert_true(notes->count < NOTES_MAX);
    buf_init(&notes->keys[notes->count], 4096);
    buf_init(&notes->values[notes->count], 1 << 20);
    buf_add_slice(&notes->keys[notes->count], key);
    buf_add_slice(&notes->values[notes->count++], value);
    return RC_OK;
}

static inline void notes_deinit(struct notes *notes)
{
    for (unsigned i = 0; i < notes->count; i++) {
        buf_deinit(&notes->keys[i]);
        buf_deinit(&notes->values[i]);
    }
    *notes = (struct notes){0};
}

static inline void take_notes(struct fixture *f, struct notes *notes)
{
    assert_int_equal(binlog_stream_xa_notes(f->stream, keep_note, notes, &f->err), RC_OK);
}

/* What a server sends first to a dump from the middle of a file. */
static inline void put_dump_start(void)
{
    w = (struct writer){.crc32 = true, .base = 4};
    put_format(&w, "8.0.36");
}

#endif
