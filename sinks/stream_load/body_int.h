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
 *   data   {"id":1,...}\n{"id":2,...}\n...          lines, dead ones among them
 *   keys   key bytes of the rows; empty for a table without a key
 *   rows   where each line and its key lie
 *   slots  open-addressing hash table: index in rows + 1, or 0
 *
 * Threads: one writes; once sealed a body does not change and any thread may read it.
 */
#ifndef MILLRACE_SINKS_STREAM_LOAD_BODY_INT_H
#define MILLRACE_SINKS_STREAM_LOAD_BODY_INT_H

#include "engine/engine.h"

struct body_row {
    uint64_t offset;     /* in data */
    uint64_t key_offset; /* in keys */
    uint64_t key_hash;
    uint32_t len; /* 0: dead */
    uint32_t key_len;
};

struct body {
    struct buf data;
    struct buf keys;
    struct body_row *rows; /* owned */
    uint32_t row_count;    /* dead ones too */
    uint32_t row_cap;
    uint32_t *slots; /* owned; slot_count of them, a power of two or 0 */
    uint32_t slot_count;
    uint64_t live_rows;
    uint64_t live_bytes;
    uint64_t collapsed; /* rows that a later state of their key replaced */
};

/* Lines that were written at the end of a body and not yet taken. */
struct body_draft {
    size_t data_mark; /* lengths before the first line */
    size_t keys_mark;
    unsigned count;
    struct {
        size_t offset;
        size_t len;
        size_t key_offset;
        size_t key_len;
    } lines[2];
};

/* `max_bytes`: the most that the lines may take. Nothing is allocated yet. */
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
void body_line_end(const struct body *body, struct body_draft *draft);
void body_draft_drop(struct body *body, const struct body_draft *draft);
/* Takes the lines. `keyed`: one row a key. RC_MEMORY drops them. */
enum rc body_draft_keep(struct body *body, const struct body_draft *draft, bool keyed,
                        struct error *err) MUST_CHECK;

/* Reading what is to be sent: live lines in order, live_bytes in all. */
struct body_cursor {
    const struct body *body;
    uint32_t row;
    uint32_t row_offset; /* bytes of that row that were given */
};

void body_cursor_init(struct body_cursor *cursor, const struct body *body);
/* Fills up to `cap` bytes; 0 at the end. */
size_t body_cursor_read(struct body_cursor *cursor, uint8_t *out, size_t cap);
/* To `offset` of the live bytes; false when it lies behind the end. */
bool body_cursor_seek(struct body_cursor *cursor, uint64_t offset);

#endif
