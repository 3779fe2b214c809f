/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which rows of a refused load the target does not take. A refusal is of the whole load, and says how
 * many rows are at fault at best (facts/doris.md 1.7, facts/starrocks.md 1.5), so halves of it are
 * loaded, and halves of those that are refused, down to the single row, which is then refused for its own
 * reason.
 *
 *   a load in two phases   a half that is taken was prepared and is taken back: nobody ever sees it
 *   a labelled load        a half that is taken is visible; its rows come once more with the load itself,
 *                          which for a table with a key ends in the same state. Without a key it would
 *                          double them, so such a load is never bisected.
 *
 * The load itself is not sent here: the journal knows it by its label, and it goes out again under that
 * when the refused rows are put aside. A half has a label of its own, made from its rows, so that the same
 * half has the same label in the next life, and one with other rows another.
 *
 * Threads: the loader's that ran the load.
 */
#ifndef MILLRACE_SINKS_STREAM_LOAD_BISECT_INT_H
#define MILLRACE_SINKS_STREAM_LOAD_BISECT_INT_H

#include "load_int.h"

struct refused_row {
    uint32_t row;        /* index in the body */
    uint32_t reason_len; /* the target's words: in `reasons` */
    size_t reason_at;
};

struct refused_rows {
    uint64_t rows_max;        /* more of them end the bisection */
    struct refused_row *rows; /* owned */
    uint32_t count;
    uint32_t cap;
    struct buf reasons;
};

void refused_rows_init(struct refused_rows *refused);
void refused_rows_deinit(struct refused_rows *refused);
/* Empty again. */
void refused_rows_reset(struct refused_rows *refused, uint64_t rows_max);
struct slice refused_rows_reason(const struct refused_rows *refused, uint32_t index);

/* Finds the refused rows of a load that was refused for `refusal`, in the order of the body. RC_OK with
 * outcome->end LOAD_END_REFUSED; there may be none, when the target takes now what it did not before.
 * RC_LIMIT: more than rows_max. Else as load_run. */
enum rc bisect_run(struct load_env *env, const struct transfer_load *load,
                   const struct error *refusal, struct refused_rows *refused,
                   struct load_outcome *outcome, struct error *err) MUST_CHECK;

#endif
