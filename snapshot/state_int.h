/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A table's note in the checkpoint: how far its snapshot is. One line of JSON, readable as it is:
 *
 *   {"version":1,"done":false,"keyed":true,"chunks":12,"rows":120000,"by":["a","b"],
 *    "behind":["42","_utf8mb4 0x6162"]}
 *
 * `by` are the names of the key's columns, `behind` the literals of the last key that was given:
 * reading goes on behind it. `behind` is absent before the first chunk and once `done` is true.
 * Before it may stand "descending":N: the columns in which behind means less, as sql_table has them.
 * They are kept because the index may be another one in the next life.
 */
#ifndef MILLRACE_SNAPSHOT_STATE_INT_H
#define MILLRACE_SNAPSHOT_STATE_INT_H

#include "bound_int.h"

#define STATE_TEXT_MAX (BOUND_TEXT_MAX + 65536)

struct table_state {
    bool done;
    uint64_t chunks;      /* given */
    uint64_t rows;        /* given */
    struct bound *behind; /* owned; NULL: from the first row */
    uint64_t descending;  /* of the key's columns; see struct sql_table */
};

void state_deinit(struct table_state *state);
void state_add(struct buf *out, const struct table_state *state, const struct table *table);
/* RC_CORRUPT: not such a text. RC_MISMATCH: of another key than the table has now. */
enum rc state_parse(struct slice text, const struct table *table, struct table_state *state,
                    struct error *err) MUST_CHECK;
bool state_is_done(struct slice text);

#endif
