/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is done about what happens to a load: one table, which docs/delivery.md shows row by row (a
 * test holds the two together). Each row says why it is safe. Pure.
 *
 *   labelled   one request; committed when it succeeds
 *   prepare    the first step of two: durable at the target, not visible
 *   undo       what lies under the label of a load that the journal does not know as prepared
 *   commit     the second step: the journal knows the transaction
 *
 * and of one transaction over all tables of a database, whose number the journal knows before it begins:
 *
 *   gather     its beginning, the loads of all tables, and the row that says it was applied
 *   joint      its commit
 *   take back  what lies under its label, until it is certain how it ended
 *
 * Sources: facts/doris.md 1.7 to 1.9, 2.1 to 2.4; facts/starrocks.md 1.5, 1.7, 1.8, 2.1 to 2.4.
 */
#ifndef MILLRACE_SINKS_STREAM_LOAD_DECIDE_INT_H
#define MILLRACE_SINKS_STREAM_LOAD_DECIDE_INT_H

enum load_phase {
    LOAD_PHASE_LABELLED = 0,
    LOAD_PHASE_PREPARE,
    LOAD_PHASE_UNDO,
    LOAD_PHASE_COMMIT,
    LOAD_PHASE_GATHER,
    LOAD_PHASE_JOINT,
    LOAD_PHASE_TAKE_BACK
};

/* What came back, or did not. */
enum load_event {
    LOAD_EVENT_DONE = 0,  /* success, and the row counts are ours; in undo: the abort was sent */
    LOAD_EVENT_COUNTS,    /* success, and the row counts are not ours */
    LOAD_EVENT_MISCOUNT,  /* the same, and nothing is visible yet: the first times */
    LOAD_EVENT_EXISTS,    /* the label is used */
    LOAD_EVENT_LOST,      /* no answer that can be read, and something may have arrived */
    LOAD_EVENT_NOT_SENT,  /* nothing arrived */
    LOAD_EVENT_BUSY,      /* not now */
    LOAD_EVENT_ROWS,      /* a row is at fault */
    LOAD_EVENT_REFUSED,   /* configuration, privileges, schema */
    LOAD_EVENT_GONE,      /* the transaction is aborted */
    LOAD_EVENT_BARRED,    /* it is prepared, and never can be committed */
    LOAD_EVENT_NOT_FOUND, /* there is no such transaction */
    LOAD_EVENT_STRANGER,  /* the label is prepared, and not by the transaction of our number */
    LOAD_EVENT_ROW_THERE, /* the progress table has the epoch's row */
    LOAD_EVENT_ROW_ABSENT,
    LOAD_EVENT_ROW_LOST, /* there is no progress table any more */
    LOAD_STATE_COMMITTED,
    LOAD_STATE_PREPARED,
    LOAD_STATE_RUNNING,
    LOAD_STATE_ABORTED,
    LOAD_STATE_UNKNOWN,   /* not known, and that proves something: see the phases */
    LOAD_STATE_FORGOTTEN, /* not known, of a table without a key, and that proves nothing */
    LOAD_STATE_UNREADABLE
};

enum load_action {
    LOAD_DO_FINISH = 0, /* the phase has reached its end */
    LOAD_DO_ASK,        /* for the label's state */
    LOAD_DO_ASK_LATER,  /* the same after a pause */
    LOAD_DO_SEND,       /* the same rows under the same label, after a pause */
    LOAD_DO_UNDO,       /* abort what lies under the label */
    LOAD_DO_COMMIT,     /* again, after a pause */
    LOAD_DO_RELOAD,     /* nothing of it is there: it is prepared anew */
    LOAD_DO_ASK_ROW,    /* for the epoch's row in the progress table */
    LOAD_DO_STOP
};

struct load_decision {
    enum load_phase phase;
    enum load_event event;
    enum load_action action;
    const char *happened; /* the three cells of the row in docs/delivery.md */
    const char *done;
    const char *safe;
};

/* The row; NULL where the event cannot come in the phase. */
const struct load_decision *load_decide(enum load_phase phase, enum load_event event);

#endif
