/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One transaction over all tables of a database: begun, loaded and committed in one go, so that all of
 * an epoch becomes visible in one step (facts/starrocks.md 2.4). It cannot be prepared, and neither its
 * answers nor the state of its label always prove how it ended. Two things make it exactly-once:
 *
 *   number   each transaction of an epoch has one, from 1; the journal knows it before the transaction
 *            begins, and its label is made of it. So no label is begun twice, and after a crash the one
 *            label is known that may still be at work.
 *   row      the last load of each transaction is a row of a table of ours in the same database,
 *            millrace_progress: (pipeline, epoch, attempt). It is visible if and only if the epoch is.
 *
 * To the pipeline this looks like loads in two phases: "prepared" under the number as soon as they are
 * submitted, and everything at the target happens in the commit.
 *
 * An epoch of such transactions is alone on its way (stream_load_open).
 *
 * Threads: the pipeline's thread; a transaction runs on one of the loaders'.
 */
#ifndef MILLRACE_SINKS_STREAM_LOAD_JOINT_INT_H
#define MILLRACE_SINKS_STREAM_LOAD_JOINT_INT_H

#include "sink_int.h"

/* The transactions of one database, one after the other. */
struct joint {
    struct slice db; /* owned by the sink's arena */
    struct arena arena;
    struct load_schema schema; /* of the progress table, once there is one */
    bool prepared;             /* it was made, or found as it should be */
    struct body row;
    /* The transaction in hand. */
    uint64_t number; /* 0: none yet in this epoch */
    bool on_its_way;
    char label[LABEL_BYTES];
    struct transfer_load *loads; /* owned; load_cap of them */
    uint32_t load_cap;
    struct load_joint load;
    struct load_task task;
    struct joint *next;
};

/* The database's; NULL: no memory. */
struct joint *joint_find_or_add(struct stream_load *sink, struct slice db);
void joint_free(struct joint *joint);
/* Makes or compares the progress table; RC_UNSUPPORTED where the target has no such transactions. */
enum rc joint_prepare(struct stream_load *sink, struct joint *joint, struct myconn *conn,
                      struct error *err) MUST_CHECK;

/* The loads of the epoch are about to be submitted: no database has a number yet. */
void joint_begin_epoch(struct stream_load *sink);
/* A load of the epoch's: it will be told as prepared under its transaction's number. */
void joint_take(struct stream_load *sink, struct sealed_load *sealed);
/* All its loads were told, and the journal knows the number: it goes out, once for all of them. */
enum rc joint_send(struct stream_load *sink, struct joint *joint, struct error *err) MUST_CHECK;
/* It has come to an end: its loads will be told as applied, or as prepared under the next number. */
enum rc joint_ended(struct stream_load *sink, struct load_task *task, struct error *err) MUST_CHECK;
/* The next load that is to be told, or NULL. */
struct sealed_load *joint_told(struct stream_load *sink);

/* What became of a load of an earlier life. */
enum rc joint_resolve(struct stream_load *sink, struct load_env *env,
                      const struct manifest_entry *entry, enum load_state *state_out,
                      struct error *err) MUST_CHECK;

#endif
