/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where the next chunk of a table ends, without asking the server: for keys of one whole number.
 *
 * The server walks over a chunk's rows to name its last key, which costs a good tenth of reading
 * them. Keys of whole numbers mostly lie as densely as those before them, and any number is a good
 * bound, there need be no such row. So the last range that the server did name says how far to step.
 *
 * A step may be wrong. Too dense: the SELECT of such a chunk has a LIMIT, and what is left becomes a
 * chunk of its own. Too sparse: the chunk is a small one. Either way the server is asked again, for
 * longer each time that this happens.
 *
 * No threads of its own; no connection.
 */
#ifndef MILLRACE_SNAPSHOT_STRIDE_INT_H
#define MILLRACE_SNAPSHOT_STRIDE_INT_H

#include "bound_int.h"

struct stride {
    uint64_t width; /* of the range that was named last; 0: none was */
    uint64_t rows;  /* in it */
    uint64_t end;   /* the largest key when the table was planned; steps stay below it */
    bool has_end;
    unsigned distrust;      /* bounds to be named by the server before the next step */
    unsigned distrust_next; /* as many as that after the next bad step */
};

bool stride_fits(const struct table *table);
/* The server's answer for the largest key. */
void stride_set_end(struct stride *stride, const struct table *table, const struct bound *end);
/* The server has named the range of `rows` rows behind `low` (NULL: from the first row). */
void stride_learn(struct stride *stride, const struct table *table, const struct bound *low,
                  const struct bound *high, uint64_t rows);
/* A bound about `rows` rows behind `low`; NULL: the server has to name it. Owned by the caller. */
struct bound *stride_step(const struct stride *stride, const struct table *table,
                          const struct bound *low, uint64_t rows);
/* A step that aimed at so many rows met so many; `is_cut`: and there were more. */
void stride_judge(struct stride *stride, uint64_t aimed, uint64_t met, bool is_cut);
/* How many rows a step that aims at so many may bring. */
uint64_t stride_limit(uint64_t aimed);

#endif
