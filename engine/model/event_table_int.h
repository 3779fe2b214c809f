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

#include "table.h"

struct event_key {
    uint32_t offset; /* in text */
    uint32_t len;
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

/* Appends the column's key. */
static inline void event_table_add_key(const struct event_table *entry, uint32_t index,
                                       struct buf *out)
{
    struct event_key key = entry->keys[index];
    buf_add_padded(out, slice_of(entry->text.ptr + key.offset, key.len));
}

#endif
