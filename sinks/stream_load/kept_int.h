/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The changes behind the rows of a body, so that a row which the target refuses can be put aside whole,
 * as the event that it was. A row that a later state of its key replaces leaves its change behind until
 * the body is empty again.
 *
 * Threads: as the body.
 */
#ifndef MILLRACE_SINKS_STREAM_LOAD_KEPT_INT_H
#define MILLRACE_SINKS_STREAM_LOAD_KEPT_INT_H

#include "engine/engine.h"

struct kept_row {
    size_t change_at;
    size_t reason_at;    /* why it is not sent, in `reasons` */
    uint32_t reason_len; /* 0: it is sent */
    uint32_t set;        /* the columns that its line has */
};

struct kept {
    bool wanted;  /* else nothing is kept */
    bool counted; /* in the memory of the body */
    struct change_copies changes;
    struct buf reasons;
    struct kept_row *rows; /* owned; one a row of the body, dead ones too */
    uint32_t row_count;
    uint32_t row_cap;
};

/* From here on changes are kept. `counted`: at once, else from the next reset on: an epoch that is read
 * again was cut by an engine that may have kept none, and has to fit once more. */
void kept_want(struct kept *kept, bool counted);
void kept_deinit(struct kept *kept);
void kept_reset(struct kept *kept);
/* What it adds to the memory of the body, and what a change with this many lines would. The reasons are
 * not counted: there are never more of them than dead letters may be added. */
uint64_t kept_memory(const struct kept *kept);
uint64_t kept_change_memory(const struct kept *kept, const struct change *change, unsigned lines);

/* The change behind the next row of the body, whose line has the columns `set`; twice where a change
 * has two lines. `reason`: why the row is not sent; empty: it is. */
enum rc kept_add(struct kept *kept, const struct change *change, uint32_t set, struct slice reason,
                 struct error *err) MUST_CHECK;
/* Row `row` is not sent after all. */
enum rc kept_refuse(struct kept *kept, uint32_t row, struct slice reason,
                    struct error *err) MUST_CHECK;
struct slice kept_reason(const struct kept *kept, uint32_t row);

#endif
