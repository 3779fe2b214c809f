/* SPDX-License-Identifier: Apache-2.0 */
/*
 * XA transactions that were prepared and whose end has not come yet, with their rows. Bounded by
 * the bytes that they take; one thread.
 */
#ifndef MILLRACE_BINLOG_XA_STORE_INT_H
#define MILLRACE_BINLOG_XA_STORE_INT_H

#include "event_int.h"
#include "xid_int.h"

struct xa_prepared {
    struct xid xid;
    struct buf rows;            /* owned: events, as the decoder holds them back */
    struct event_format format; /* by which those events are read */
    char file[POSITION_FILE_MAX];
    uint64_t offset; /* where the transaction began */
    struct xa_prepared *next;
};

enum { XA_STORE_CHAINS = 256 };

struct xa_store {
    struct xa_prepared *chains[XA_STORE_CHAINS]; /* owned; by hash of the XID */
    size_t count;
    size_t bytes;
};

/* All zero is an empty store. */
void xa_store_clear(struct xa_store *store);
/* NULL: no such transaction is prepared. */
const struct xa_prepared *xa_store_find(const struct xa_store *store, const struct xid *xid);
/* The transaction must not be there; the store owns it from here on. */
void xa_store_add(struct xa_store *store, struct xa_prepared *prepared);
/* Takes it out; the caller frees it. NULL: it is not there. */
struct xa_prepared *xa_store_take(struct xa_store *store, const struct xid *xid);
void xa_prepared_free(struct xa_prepared *prepared);
/* The XIDs with a space between, at most so many; then " and 7 more". */
void xa_store_text(const struct xa_store *store, size_t most, struct buf *out);

#endif
