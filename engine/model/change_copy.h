/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Changes that are kept longer than the source lends them: rows as they came, in one buffer, so that
 * keeping one costs a copy of its bytes and no decoding.
 *
 * The transaction of neighbours is mostly the same and is kept once.
 *
 * Threads: whoever owns it, one at a time.
 */
#ifndef MILLRACE_MODEL_CHANGE_COPY_H
#define MILLRACE_MODEL_CHANGE_COPY_H

#include "change.h"

struct change_copies {
    struct buf bytes;
    size_t txn_at; /* of the transaction that was kept last */
    bool has_txn;
};

/* A change given back: borrowed from the copies, which must not grow meanwhile. */
struct change_view {
    struct change change;
    struct txn txn;
    struct cell *cells; /* owned */
    uint32_t cell_cap;
};

void change_copies_init(struct change_copies *copies, size_t max);
void change_copies_deinit(struct change_copies *copies);
/* Empty again; the memory is kept. */
void change_copies_reset(struct change_copies *copies);

/* The most bytes that keeping it takes. */
size_t change_copy_size(const struct change *change);
/* Keeps a change of a row (READ, INSERT, UPDATE, DELETE) and says where. Its table is borrowed as long
 * as the copies are used. RC_MEMORY, RC_LIMIT. */
enum rc change_copy_add(struct change_copies *copies, const struct change *change, size_t *at_out,
                        struct error *err) MUST_CHECK;
/* `view` begins zeroed and may be used again. RC_MEMORY. */
enum rc change_copy_get(const struct change_copies *copies, size_t at, struct change_view *view,
                        struct error *err) MUST_CHECK;
void change_view_deinit(struct change_view *view);

#endif
