/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One load from its first byte to a settled end. The rule behind it: an answer is success only when
 * it says so, failure only when it says so, and everything between is a question to be asked, for
 * the label's state (facts/doris.md 7.7, facts/starrocks.md 7.3). What is done about each event is
 * the table in decide.c.
 *
 * A two-phase load ends prepared: durable and invisible. Between load_run and load_commit the
 * journal learns the transaction's number, so that what it does not know is never committed, and
 * what it knows is committed by whoever comes.
 *
 * Threads: a load runs on one thread; progress counters may be read by others.
 */
#ifndef MILLRACE_SINKS_STREAM_LOAD_LOAD_INT_H
#define MILLRACE_SINKS_STREAM_LOAD_LOAD_INT_H

#include "ask_int.h"

enum load_end {
    LOAD_END_APPLIED = 0, /* durable and visible, now or soon */
    LOAD_END_PREPARED,    /* durable, waits for its commit */
    LOAD_END_NOTHING,     /* nothing of it is or will be visible */
    LOAD_END_REFUSED,     /* the same, and its refused rows are known (bisect.c) */
    LOAD_END_ASK_ROW      /* of a joint transaction: the row of the progress table decides */
};

/* What a load did, for the sink's figures. */
struct load_outcome {
    enum load_end end;
    uint64_t transaction; /* of a prepared load */
    uint64_t retries;
    uint64_t time_us;
    bool widen; /* the target was short of breath */
};

/* How long "that label is unknown" proves for a table without a key that nothing was loaded: labels
 * are forgotten within minutes on a busy database (facts/doris.md 1.8, facts/starrocks.md 1.7). */
#define LOAD_LABEL_TRUST_US 60000000u

/* RC_OK: durable at the target, with all rows; `outcome->end` says whether it is prepared only. Else
 * RC_CANCELLED, or an error of class FATAL or REJECT whose `outcome` says what is known. */
enum rc load_run(struct load_env *env, const struct transfer_load *load,
                 struct load_outcome *outcome, struct error *err) MUST_CHECK;

/* The second step of a load that the journal knows as prepared: APPLIED, or NOTHING when its
 * transaction was aborted meanwhile. RC_MISMATCH with outcome MAYBE_APPLIED: the target knows nothing
 * of it any more, and without a key nothing else tells. */
enum rc load_commit(struct load_env *env, const struct load_txn *txn, bool keyless,
                    struct load_outcome *outcome, struct error *err) MUST_CHECK;

/* Aborts what lies under the label of a two-phase load that the journal does not know as prepared:
 * NOTHING, or APPLIED when a labelled load of the same rows was committed under it. */
enum rc load_undo(struct load_env *env, const struct load_txn *txn, struct load_outcome *outcome,
                  struct error *err) MUST_CHECK;

/* One transaction over all tables of a database, under a label that was never begun. */
struct load_joint {
    struct slice db;
    struct slice label;
    const struct transfer_load
        *loads; /* one a table; the last one is the row of the progress table */
    uint32_t count;
    unsigned before; /* transactions that came to nothing before this one: it is paused for them */
};

/* All of it: APPLIED, NOTHING (anew under another label), or ASK_ROW. Row counts are not compared: the
 * target tells none here, and strict loads refuse a row in the place of leaving it out. */
enum rc load_joint(struct load_env *env, const struct load_joint *joint,
                   struct load_outcome *outcome, struct error *err) MUST_CHECK;

/* Takes back what lies under the label, until it is certain that no commit takes effect any more; the same
 * ends. */
enum rc load_take_back(struct load_env *env, const struct load_joint *joint,
                       struct load_outcome *outcome, struct error *err) MUST_CHECK;

/* Asks until the state is final: LABEL_UNKNOWN, LABEL_PREPARED, LABEL_COMMITTED or LABEL_ABORTED.
 * RC_CANCELLED after a stop. */
enum rc load_settle_label(struct load_env *env, struct slice db, struct slice label,
                          enum label_state *state_out, struct error *err) MUST_CHECK;

#endif
