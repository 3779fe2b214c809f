/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A place between two rows of a table in key order: one SQL literal for each key column, exact for
 * the column's type. A chunk lies behind its low bound up to and with its high bound.
 *
 * Never changed once made, so that threads may read it without a lock.
 */
#ifndef MILLRACE_SNAPSHOT_BOUND_INT_H
#define MILLRACE_SNAPSHOT_BOUND_INT_H

#include "engine/engine.h"

#define BOUND_TEXT_MAX ((size_t)1 << 20) /* literals of one key: 3 KiB of key bytes, as hex */

/* Columns of a key: servers allow 16, or 32 (MariaDB). Each has its bit in sql_table.descending. */
#define BOUND_PARTS_MAX 63u

struct bound {
    uint32_t count;
    struct slice literals[]; /* owned, in the same block */
};

/* A copy of the literals; NULL: no memory. */
struct bound *bound_new(const struct slice *literals, uint32_t count);
struct bound *bound_copy(const struct bound *bound); /* of NULL: NULL */
void bound_free(struct bound *bound);                /* NULL is fine */
bool bound_equal(const struct bound *a, const struct bound *b);

#endif
