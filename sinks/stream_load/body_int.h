/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The rows of one load: JSON lines in one buffer, one row a key.
 *
 * A row is first a draft at the end of the buffer (one line, or two for an UPDATE that changes the
 * key); the caller looks at its size and then keeps or drops it whole. Keeping a row whose key is
 * there already marks the older line dead: it stays in the buffer and is stepped over when the body
 * is sent. One row a key is what makes a load independent of the order in which a server applies
 * its lines (facts/doris.md 4, facts/starrocks.md 4).
 *
 * Rows that lack columns lie among the whole ones. Each row has a column set: BODY_WHOLE, or one of
 * those that rows of this body came with. A load has one list of columns, so each set that has live
 * rows is a load of its own (a part of the body); as a key has one row, the parts may be applied in
 * any order.
 *
 *   data   {"id":1,...}\n{"id":2,...}\n...          lines, dead ones among them
 *   keys   key bytes of the rows; empty for a table without a key
 *   rows   where each line and its key lie
 *   slots  open-addressing hash table: index in rows + 1, or 0; the bits above, which no index needs, are
 *          those of the hash that have no part in the slot's own number, so that other keys that
 *          are met on the way are passed without a look at their rows
 *   parts  rows and bytes a column set; bits: the sets, one bit a column (column_set_int.h)
 *   kept   where refused rows become dead letters: the change behind each row
 *
 * A row of which it is known that the target does not take it is a part of its own (BODY_REFUSED),
 * which is not sent. It still is its key's one row, so a later state of the key replaces it.
 *
 * Threads: one writes; once sealed a body does not change and any thread may read it, but for the loader that
 * rewrites a part as CSV before it sends it (csv_int.h).
 */
#ifndef MILLRACE_SINKS_STREAM_LOAD_BODY_INT_H
#define MILLRACE_SINKS_STREAM_LOAD_BODY_INT_H

#include "kept_int.h"

/* The column set of rows that have all columns. */
#define BODY_WHOLE 0u
/* More different sets than this end the batch: each is a load, and every load is a version that the
 * target has to compact (facts/doris.md 5). */
#define BODY_SETS_MAX 64u
/* Rows that are not sent. */
#define BODY_REFUSED (BODY_SETS_MAX + 1u)

struct body_row {
    uint64_t offset;     /* in data */
    uint64_t key_offset; /* in keys */
    uint32_t key_hash;
    uint32_t set; /* index in parts */
    uint32_t len; /* 0: dead */
    uint32_t key_len;
};

/* The live rows of one column set. */
struct body_part {
    uint64_t rows;
    uint64_t bytes;
    bool csv; /* rewritten, csv_int.h */
};

struct body {
    struct buf data;
    struct buf keys;
    struct body_row *rows; /* owned */
    uint32_t row_count;    /* dead ones too */
    uint32_t row_cap;
    uint32_t *slots; /* owned; slot_count of them, a power of two or 0 */
    uint32_t slot_count;
    struct body_part parts[BODY_REFUSED + 1]; /* [0]: whole rows */
    uint32_t set_count;                       /* incomplete sets: parts[1] to parts[set_count] */
    uint8_t *bits; /* owned; bits_size for each incomplete set; NULL while there was none */
    size_t bits_size;
    size_t bits_cap;    /* bytes that `bits` has room for */
    uint64_t live_rows; /* of all parts */
    uint64_t live_bytes;
    uint64_t collapsed; /* rows that a later state of their key replaced */
    struct kept kept;
};

/* Lines that were written at the end of a body and not yet taken. */
struct body_draft {
    size_t data_mark; /* lengths before the first line */
    size_t keys_mark;
    uint32_t sets_mark; /* column sets before the first line */
    unsigned count;
    struct {
        size_t offset;
        size_t len;
        size_t key_offset;
        size_t key_len;
        uint32_t key_hash;
        uint32_t set;
    } lines[2];
};

/* `max_bytes`: the most that the lines may take. Nothing is allocated yet, and no change is kept. */
void body_init(struct body *body, uint64_t max_bytes);
void body_deinit(struct body *body);
/* Empty again. Large memory is given back, so that a table that was busy once does not hold it. */
void body_reset(struct body *body);

/* Memory that the rows take; what the flush bounds count. */
uint64_t body_memory(const struct body *body);
/* The same for the lines of a draft, in the worst case. */
uint64_t body_draft_memory(const struct body *body, const struct body_draft *draft);

void body_draft_begin(const struct body *body, struct body_draft *draft);
/* A line begins: append its key to body->keys, then the line to body->data, then end it. */
void body_line_begin(const struct body *body, struct body_draft *draft);
void body_line_key_end(const struct body *body, struct body_draft *draft);
/* `set`: which columns the line has. */
void body_line_end(const struct body *body, struct body_draft *draft, uint32_t set);
void body_draft_drop(struct body *body, const struct body_draft *draft);
/* Takes the lines. `keyed`: one row a key. RC_MEMORY drops them. */
enum rc body_draft_keep(struct body *body, const struct body_draft *draft, bool keyed,
                        struct error *err) MUST_CHECK;

/* The live row that has this key, or NULL. Borrowed until the body changes. */
const struct body_row *body_find(const struct body *body, struct slice key);

/* Takes a live row out of its part, to BODY_REFUSED. */
void body_refuse_row(struct body *body, uint32_t row);
/* Takes a live row out for good. Only of a sealed body: its key is found still, by a row that is dead. */
void body_drop_row(struct body *body, uint32_t row);
/* The line of a live row was made shorter, where it lies. Only of a sealed body. */
void body_shorten_row(struct body *body, uint32_t row, uint32_t len);
/* A body of which only `count` rows from `first` on are seen, and of those the part `set` alone. It
 * borrows all from `body` and is never changed or freed. */
void body_view(const struct body *body, uint32_t set, uint32_t first, uint32_t count,
               struct body *view_out);

/* The number of an incomplete column set, given its bits; the same `size` for all sets of a body.
 * RC_LIMIT: there are BODY_SETS_MAX others already. */
enum rc body_set_number(struct body *body, const uint8_t *bits, size_t size, uint32_t *set_out,
                        struct error *err) MUST_CHECK;
/* The bits of an incomplete set. */
const uint8_t *body_set_bits(const struct body *body, uint32_t set);

/* Reading what is to be sent: the live lines of one part in order, parts[set].bytes in all. */
struct body_cursor {
    const struct body *body;
    uint32_t set;
    uint32_t row;
    uint32_t row_offset; /* bytes of that row that were given */
};

void body_cursor_init(struct body_cursor *cursor, const struct body *body, uint32_t set);
/* Fills up to `cap` bytes; 0 at the end. */
size_t body_cursor_read(struct body_cursor *cursor, uint8_t *out, size_t cap);
/* To `offset` of the part's bytes; false when it lies behind the end. */
bool body_cursor_seek(struct body_cursor *cursor, uint64_t offset);

#endif
