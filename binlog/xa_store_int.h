/* SPDX-License-Identifier: Apache-2.0 */
/*
 * XA transactions that were prepared and whose end has not come yet, with their rows (xa_rows_int.h). Of
 * those whose rows are in a file the names of their tables are kept as well, should the file be lost; of those
 * whose rows found no room, these alone. One thread.
 *
 * On the wire they are kept as notes beside the checkpoint too (xa_note.c), for their rows are in
 * the binlog before a position that a restart begins at.
 */
#ifndef MILLRACE_BINLOG_XA_STORE_INT_H
#define MILLRACE_BINLOG_XA_STORE_INT_H

#include "xa_names_int.h"
#include "xa_rows_int.h"
#include "xid_int.h"

struct xa_prepared {
    struct xid xid;
    bool noted;                 /* the caller was given a note of it */
    bool names_only;            /* its rows are not known, only the tables in `names` */
    bool has_statement;         /* some of the names are of statements that change rows */
    struct xa_rows rows;        /* finished; of one without rows of captured tables: none */
    struct buf names;           /* owned (xa_names_int.h); where rows are in memory: none */
    struct event_format format; /* by which those events are read */
    char file[POSITION_FILE_MAX];
    uint64_t offset; /* where the transaction began */
    struct xa_prepared *next;
};

enum { XA_STORE_CHAINS = 256 };

struct xa_store {
    struct xa_prepared *chains[XA_STORE_CHAINS]; /* owned; by hash of the XID */
    struct xa_prepared *ended; /* owned: noted, and over; their notes are to be forgotten */
    size_t count;
    size_t unnoted; /* of those */
    size_t bytes;   /* in memory */
    uint64_t filed; /* bytes of their files */
};

/* All zero is an empty store. */
void xa_store_clear(struct xa_store *store);
/* NULL: no such transaction is prepared. */
const struct xa_prepared *xa_store_find(const struct xa_store *store, const struct xid *xid);
/* The transaction must not be there; the store owns it from here on. */
void xa_store_add(struct xa_store *store, struct xa_prepared *prepared);
/* Takes it out; the caller gives it to xa_store_end. NULL: it is not there. */
struct xa_prepared *xa_store_take(struct xa_store *store, const struct xid *xid);
/* The rows of one of them are in this file. */
bool xa_store_has_file(const struct xa_store *store, uint64_t file);
/* It is over: freed, or remembered in `ended`, with its file's name, until its note is forgotten. NULL is fine. */
void xa_store_end(struct xa_store *store, struct xa_prepared *prepared);
/* The transaction in front of the list `ended` goes; NULL: there is none. The caller frees it. */
struct xa_prepared *xa_store_take_ended(struct xa_store *store);
/* NULL: no memory. */
struct xa_prepared *xa_prepared_new(void);
void xa_prepared_free(struct xa_prepared *prepared);
/* Its note was given. */
void xa_store_set_noted(struct xa_store *store, struct xa_prepared *prepared);
/* One whose note was not given yet; NULL: there is none. Not in any order. */
struct xa_prepared *xa_store_unnoted(const struct xa_store *store);
/* The XIDs with a space between, at most so many; then " and 7 more". */
void xa_store_text(const struct xa_store *store, size_t most, struct buf *out);

#endif
