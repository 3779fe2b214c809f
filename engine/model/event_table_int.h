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
    enum json_put_form form;
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

/* Appends the column's key and its value; false: nothing was appended, for they are not short, or not
 * as the column would have them. */
static inline bool event_table_put(const struct event_table *entry, uint32_t index,
                                   const struct cell *cell, struct buf *out)
{
    const struct event_key *key = &entry->keys[index];
    if (cell->state != CELL_VALUE || key->form == JSON_PUT_NONE || key->len > BUF_STEP)
        return false;
    uint8_t *to = buf_reserve(out, BUF_STEP + JSON_PUT_MAX);
    if (to == NULL)
        return true; /* told at the end of the event */
    memcpy(to, entry->text.ptr + key->offset, BUF_STEP);
    size_t len = json_put(&entry->table->columns[index], slice_of(cell->ptr, cell->len), key->form,
                          to + key->len);
    if (len > 0)
        out->len += key->len + len;
    return len > 0;
}

/* Appends the column's key. */
static inline void event_table_add_key(const struct event_table *entry, uint32_t index,
                                       struct buf *out)
{
    struct event_key key = entry->keys[index];
    buf_add_padded(out, slice_of(entry->text.ptr + key.offset, key.len));
}

#endif
