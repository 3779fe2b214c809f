/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A table without a key is read in one transaction, and for as long as that is open the source keeps
 * every row version that others replace: its undo log grows, and everybody's reads get slower. Nothing
 * can be done about it here but to say so: at the beginning, after a minute, and after twice the time
 * each time, with how long the source's history is, where it tells (MariaDB everybody, MySQL whoever has
 * PROCESS).
 *
 * The pipeline's thread alone.
 */
#ifndef MILLRACE_SNAPSHOT_UNDO_INT_H
#define MILLRACE_SNAPSHOT_UNDO_INT_H

#include "session_int.h"

struct undo_watch {
    uint64_t since_us; /* the transaction is open since then, monotonic; 0: none is */
    uint64_t next_us;  /* to be told again */
    bool has_first;
    uint64_t first; /* the length of the history at the beginning */
};

/* The transaction has begun. `session`: one that can be asked, or NULL. */
void undo_begin(struct undo_watch *watch, struct session *session, const struct table *table,
                uint64_t now_us);
void undo_end(struct undo_watch *watch);
bool undo_is_due(const struct undo_watch *watch, uint64_t now_us);
void undo_tell(struct undo_watch *watch, struct session *session, const struct table *table,
               uint64_t now_us);

#endif
