/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The threads that run the loads of the submitted epoch, a few at a time. Each thread has its own
 * HTTP exchange; they share the list of frontends and the flag that says stop.
 *
 * Threads: start, submit, next and free from one thread; halting from any. A load's body and schema
 * must not change between submit and the load's end, but for the rewriting as CSV, which is its thread's.
 */
#ifndef MILLRACE_SINKS_STREAM_LOAD_LOADERS_INT_H
#define MILLRACE_SINKS_STREAM_LOAD_LOADERS_INT_H

#include "bisect_int.h"

/* One load of an epoch. The caller fills `load`, `csv`, `entry`, `refused` and, for the second step of a
 * two-phase load, `commit` and `transaction`; the rest comes back. A load without rows is done at once:
 * all it had were put aside. */
struct load_task {
    struct transfer_load load;
    struct body *csv; /* the load's own body, if it may go as CSV; or NULL */
    uint32_t entry;   /* index in the manifest */
    bool commit;
    const struct load_joint
        *joint; /* a transaction over several tables, and nothing else; or NULL */
    uint64_t transaction;
    struct refused_rows
        *refused; /* where the rows go that the target does not take; NULL: they end the
                                     load with an error */
    struct load_outcome outcome;
    struct error err;
    enum rc rc;
    struct load_task *next; /* private to the loaders */
};

struct loaders;

enum rc loaders_new(const struct load_dialect *dialect, const struct load_settings *settings,
                    struct frontends *frontends, struct halt *halt,
                    const struct exchange_factory *factory, struct loaders **loaders_out,
                    struct error *err) MUST_CHECK;
/* Ends the threads; the halt flag must be set, or no load be under way. NULL is fine. */
void loaders_free(struct loaders *loaders);

/* The task is borrowed until loaders_next gives it back. */
void loaders_submit(struct loaders *loaders, struct load_task *task);
/* A load that ended, in the order in which they end; NULL when none did within wait_ms. */
struct load_task *loaders_next(struct loaders *loaders, unsigned wait_ms);
/* Retries of all loads since the start, the ones under way included. */
uint64_t loaders_retries(struct loaders *loaders);

#endif
