/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Partial updates made whole (facts/binlog.md 5.4): where the second image of a row has changes to
 * a JSON document, the cell gets the new document, and whoever reads the row sees an ordinary one.
 */
#ifndef MILLRACE_BINLOG_ROWS_PARTIAL_INT_H
#define MILLRACE_BINLOG_ROWS_PARTIAL_INT_H

#include "json_patch_int.h"
#include "rows_int.h"

/* Owned by the caller; one thread. */
struct rows_partial {
    struct json_patch patch;
    struct buf documents; /* of the row in hand; its cells are views of them */
};

void rows_partial_init(struct rows_partial *partial);
void rows_partial_deinit(struct rows_partial *partial);

/* Behind rows_walk_next, for the row in hand of a captured table. The cells hold until the next
 * call. RC_UNSUPPORTED: the first image lacks the document. RC_CORRUPT: the changes cannot be made.
 */
enum rc rows_partial_complete(struct rows_partial *partial, const struct rows_walk *walk,
                              struct error *err) MUST_CHECK;

#endif
