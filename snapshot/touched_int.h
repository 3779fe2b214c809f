/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The keys of a table that the stream has changed while chunks of it were under way, each with when
 * it was last changed, counted in rounds: a chunk that was asked for in round r must leave out the
 * keys that were touched in round r or later.
 *
 * Keys are compared byte for byte, never by hash alone: a row left out by mistake would be lost. Of
 * one thread.
 */
#ifndef MILLRACE_SNAPSHOT_TOUCHED_INT_H
#define MILLRACE_SNAPSHOT_TOUCHED_INT_H

#include "engine/engine.h"

/* What the stream said of a key. */
enum touched_kind {
    TOUCHED_NOT = 0,
    TOUCHED_PARTLY, /* a change without all columns, which was dropped: the row is still owed */
    TOUCHED_WHOLE   /* the target has the whole row from the stream, or knows that it is gone */
};

struct touched_entry {
    uint64_t hash;
    uint64_t round; /* of the last change */
    size_t offset;  /* of the key's bytes */
    uint32_t len;
    enum touched_kind kind;
};

struct touched {
    struct touched_entry *entries; /* owned */
    uint32_t count;
    uint32_t entry_cap;
    uint32_t *slots; /* owned; index + 1 of an entry, 0: free; a power of two, at most half full */
    uint32_t slot_count;
    uint8_t *bytes; /* owned */
    size_t byte_count;
    size_t byte_cap;
};

void touched_init(struct touched *touched);
void touched_deinit(struct touched *touched);
/* Notes a change. WHOLE is never taken back by a later PARTLY. RC_MEMORY. */
enum rc touched_mark(struct touched *touched, struct slice key, uint64_t round,
                     enum touched_kind kind, struct error *err) MUST_CHECK;
/* How a key was touched in `round` or later; TOUCHED_NOT: it was not. */
enum touched_kind touched_find(const struct touched *touched, struct slice key, uint64_t round);
/* Forgets what was last touched before `round`. */
void touched_forget(struct touched *touched, uint64_t round);
/* The memory that it holds. */
size_t touched_bytes(const struct touched *touched);

#endif
