/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The parts of a table's events that are the same for every row, escaped once: subject, names, and the
 * key in front of each column's value.
 *
 * Kept in a cache of fixed size, by the address of the struct table: a table is never changed after it
 * was handed out, and its source outlives whoever writes its events. Two tables of one place in the
 * cache put each other out, which costs time and nothing else.
 *
 * Threads: as the writer's.
 */
#ifndef MILLRACE_MODEL_EVENT_TABLE_INT_H
#define MILLRACE_MODEL_EVENT_TABLE_INT_H

#include "json.h"

struct event_key {
    uint32_t offset; /* in text */
    uint32_t len;
    enum json_put_form
        form; /* of the values; JSON_PUT_NONE where the key is longer than BUF_STEP, too */
};

struct event_table {
    const struct table *table; /* NULL: nothing is here */
    struct buf text;           /* owned */
    struct event_key *keys;    /* owned; `,"name":`, one a column */
    uint32_t key_cap;
    size_t names_offset; /* in text; before it: ,"subject":"db/name" */
    size_t names_len;    /* ,"cdcdb":"db","cdctable":"name" */
};

/* Makes `entry` the parts of `table`. RC_MEMORY leaves it empty. */
enum rc event_table_fill(struct event_table *entry, const struct table *table,
                         struct error *err) MUST_CHECK;
void event_table_deinit(struct event_table *entry);

enum { EVENT_CELL_MAX = BUF_STEP + JSON_PUT_MAX };

/* The column's key and its value at `to`, where EVENT_CELL_MAX bytes are free. Returns how many they took;
 * 0: not this way. */
static inline size_t event_table_put(const struct event_key *key, const uint8_t *text,
                                     const struct column *column, const struct cell *cell,
                                     uint8_t *to)
{
    if (key->form == JSON_PUT_NONE)
        return 0;
    memcpy(to, text + key->offset, BUF_STEP);
    to += key->len;
    if (cell->state == CELL_NULL) {
        memcpy(to, "null", 4);
        return key->len + 4;
    }
    size_t len = json_put(column, slice_of(cell->ptr, cell->len), key->form, to);
    return len > 0 ? key->len + len : 0;
}

/* Appends the column's key. */
static inline void event_table_add_key(const struct event_table *entry, const struct event_key *key,
                                       struct buf *out)
{
    buf_add_padded(out, slice_of(entry->text.ptr + key->offset, key->len));
}

#endif
