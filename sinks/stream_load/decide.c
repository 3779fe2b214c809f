/* SPDX-License-Identifier: Apache-2.0 */
/* The table; see decide_int.h. docs/delivery.md has the same words. */
#include "decide_int.h"

#include "engine/engine.h"

static const struct load_decision labelled[] = {
    {LOAD_PHASE_LABELLED, LOAD_EVENT_DONE, LOAD_DO_FINISH,
     "`Success` or `Publish Timeout`, and the row counts are ours", "note it done",
     "a committed load becomes visible by itself"},
    {LOAD_PHASE_LABELLED, LOAD_EVENT_COUNTS, LOAD_DO_STOP,
     "the same, and the row counts are not ours", "stop", "a silent loss would be worse"},
    {LOAD_PHASE_LABELLED, LOAD_EVENT_EXISTS, LOAD_DO_ASK,
     "`Label Already Exists`, whatever job status comes with it", "ask for the label's state",
     "an earlier send is there, and may still be running"},
    {LOAD_PHASE_LABELLED, LOAD_EVENT_LOST, LOAD_DO_ASK,
     "no answer, a cut one, HTTP 5xx or unknown words after the first byte",
     "ask for the label's state until somebody answers", "the label is the load's identity"},
    {LOAD_PHASE_LABELLED, LOAD_EVENT_NOT_SENT, LOAD_DO_SEND,
     "no connection, no frontend, a redirect to a dead backend",
     "send again, by another frontend if there is one", "no byte of it went out"},
    {LOAD_PHASE_LABELLED, LOAD_EVENT_BUSY, LOAD_DO_SEND,
     "too many versions, running transactions, no memory, no backend",
     "send again later; epochs grow longer", "the target says that nothing of it is there"},
    {LOAD_PHASE_LABELLED, LOAD_EVENT_ROWS, LOAD_DO_STOP, "rows refused",
     "stop with the target's words, or put them aside and send the rest (`rejected.rows`)",
     "nothing of the load is there, and nothing is lost"},
    {LOAD_PHASE_LABELLED, LOAD_EVENT_REFUSED, LOAD_DO_STOP,
     "privileges, a missing table, a header that is not taken", "stop, with the target's words",
     "nothing of the load is there"},
    {LOAD_PHASE_LABELLED, LOAD_STATE_COMMITTED, LOAD_DO_FINISH, "state `COMMITTED` or `VISIBLE`",
     "note it done", "it is durable"},
    {LOAD_PHASE_LABELLED, LOAD_STATE_PREPARED, LOAD_DO_STOP, "state `PRECOMMITTED` or `PREPARED`",
     "stop", "it is not ours: ours would be known to the journal"},
    {LOAD_PHASE_LABELLED, LOAD_STATE_RUNNING, LOAD_DO_ASK_LATER, "state `PREPARE`",
     "ask again later", "it ends by commit or by its own timeout"},
    {LOAD_PHASE_LABELLED, LOAD_STATE_ABORTED, LOAD_DO_SEND, "state `ABORTED`", "send again",
     "an aborted label is free, and nothing of it is there"},
    {LOAD_PHASE_LABELLED, LOAD_STATE_UNKNOWN, LOAD_DO_SEND,
     "state `UNKNOWN`: a table with a key, or less than a minute after the load began",
     "send again", "rows with a key end in the same state; a label is not forgotten so soon"},
    {LOAD_PHASE_LABELLED, LOAD_STATE_FORGOTTEN, LOAD_DO_STOP,
     "state `UNKNOWN`: a table without a key, later than that",
     "stop; the next start decides by `label.trust`", "sending again might double its rows"},
    {LOAD_PHASE_LABELLED, LOAD_STATE_UNREADABLE, LOAD_DO_ASK_LATER, "no state that can be read",
     "ask again later, another frontend", "nothing is guessed"},
};

static const struct load_decision prepare[] = {
    {LOAD_PHASE_PREPARE, LOAD_EVENT_DONE, LOAD_DO_FINISH, "prepared, and the row counts are ours",
     "keep the transaction's number for the journal",
     "it is durable, and invisible until its commit"},
    {LOAD_PHASE_PREPARE, LOAD_EVENT_MISCOUNT, LOAD_DO_UNDO,
     "prepared, and the row counts are not ours", "undo it, then send again",
     "rows of an earlier send may have arrived late, in the middle of it"},
    {LOAD_PHASE_PREPARE, LOAD_EVENT_COUNTS, LOAD_DO_STOP, "the same for the fourth time", "stop",
     "the journal does not know it, so it is never committed"},
    {LOAD_PHASE_PREPARE, LOAD_EVENT_EXISTS, LOAD_DO_UNDO, "the label exists",
     "undo it, then send again",
     "only what the journal knows as prepared is ever committed, so this was not"},
    {LOAD_PHASE_PREPARE, LOAD_EVENT_LOST, LOAD_DO_UNDO,
     "no answer, a cut one, unknown words, in any of the requests", "undo it, then send again",
     "the same"},
    {LOAD_PHASE_PREPARE, LOAD_EVENT_NOT_SENT, LOAD_DO_SEND,
     "no connection, no frontend, a redirect to a dead backend", "send again", "nothing was begun"},
    {LOAD_PHASE_PREPARE, LOAD_EVENT_BUSY, LOAD_DO_SEND,
     "too many versions, running transactions, no memory", "send again later; epochs grow longer",
     "a failed transaction is aborted by the target; where not, the label exists, as above"},
    {LOAD_PHASE_PREPARE, LOAD_EVENT_ROWS, LOAD_DO_STOP, "rows refused",
     "stop with the target's words, or put them aside and send the rest (`rejected.rows`)",
     "nothing of the load is there, and nothing is lost"},
    {LOAD_PHASE_PREPARE, LOAD_EVENT_REFUSED, LOAD_DO_STOP,
     "privileges, a missing table, two-phase loading not possible", "stop, with the target's words",
     "nothing of the load is there"},
};

static const struct load_decision undo[] = {
    {LOAD_PHASE_UNDO, LOAD_EVENT_DONE, LOAD_DO_ASK, "the abort was sent, whatever it brought",
     "ask for the label's state", "only the state is believed"},
    {LOAD_PHASE_UNDO, LOAD_EVENT_REFUSED, LOAD_DO_STOP, "the abort is refused again and again",
     "stop", "what is left there is never committed, and ends by its own timeout"},
    {LOAD_PHASE_UNDO, LOAD_STATE_COMMITTED, LOAD_DO_FINISH, "state `COMMITTED` or `VISIBLE`",
     "note it done", "a labelled load of an earlier attempt: the same epoch, the same rows"},
    {LOAD_PHASE_UNDO, LOAD_STATE_PREPARED, LOAD_DO_UNDO, "state `PRECOMMITTED` or `PREPARED`",
     "abort it", "the journal does not know it as prepared"},
    {LOAD_PHASE_UNDO, LOAD_STATE_RUNNING, LOAD_DO_UNDO, "state `PREPARE`", "abort it, ask again",
     "what loses its transaction cannot be prepared any more"},
    {LOAD_PHASE_UNDO, LOAD_STATE_ABORTED, LOAD_DO_SEND, "state `ABORTED`", "it is undone",
     "nothing of it is there"},
    {LOAD_PHASE_UNDO, LOAD_STATE_UNKNOWN, LOAD_DO_SEND, "state `UNKNOWN`, however old",
     "it is undone", "it was never committed, so it makes no difference whether it was ever there"},
    {LOAD_PHASE_UNDO, LOAD_STATE_UNREADABLE, LOAD_DO_ASK_LATER, "no state that can be read",
     "ask again later, another frontend", "nothing is guessed"},
};

static const struct load_decision commit[] = {
    {LOAD_PHASE_COMMIT, LOAD_EVENT_DONE, LOAD_DO_FINISH,
     "committed, or `already visible`, or `already committed`", "note it done",
     "a repeated commit changes nothing"},
    {LOAD_PHASE_COMMIT, LOAD_EVENT_LOST, LOAD_DO_ASK,
     "no answer, a cut one, `publish timeout`, lock timeouts, unknown words",
     "ask for the label's state", "the label is the load's identity"},
    {LOAD_PHASE_COMMIT, LOAD_EVENT_NOT_SENT, LOAD_DO_COMMIT,
     "no connection, no frontend, a redirect to a dead backend",
     "commit again, by any other frontend", "a commit belongs to no backend"},
    {LOAD_PHASE_COMMIT, LOAD_EVENT_BUSY, LOAD_DO_COMMIT, "not now", "commit again later",
     "a repeated commit changes nothing"},
    {LOAD_PHASE_COMMIT, LOAD_EVENT_REFUSED, LOAD_DO_STOP, "privileges", "stop",
     "it is prepared still; the next start commits it"},
    {LOAD_PHASE_COMMIT, LOAD_EVENT_GONE, LOAD_DO_RELOAD,
     "`already aborted`: its time is over, or a schema change took it", "load it again, alone",
     "an aborted transaction was never visible"},
    {LOAD_PHASE_COMMIT, LOAD_EVENT_BARRED, LOAD_DO_UNDO,
     "rows without all columns, and their table was altered since",
     "abort it, ask again, load it again", "what cannot be committed was never visible"},
    {LOAD_PHASE_COMMIT, LOAD_EVENT_NOT_FOUND, LOAD_DO_ASK, "no such transaction",
     "ask for the label's state", "it is final and forgotten, or another frontend knows it"},
    {LOAD_PHASE_COMMIT, LOAD_STATE_COMMITTED, LOAD_DO_FINISH, "state `COMMITTED` or `VISIBLE`",
     "note it done", "it is durable"},
    {LOAD_PHASE_COMMIT, LOAD_STATE_PREPARED, LOAD_DO_COMMIT, "state `PRECOMMITTED` or `PREPARED`",
     "commit again", "it waits for nothing else"},
    {LOAD_PHASE_COMMIT, LOAD_EVENT_STRANGER, LOAD_DO_UNDO,
     "the same, and there is no such transaction, four times in a row",
     "abort it, ask again, load it again",
     "another one has the label, and the journal does not know it as prepared"},
    {LOAD_PHASE_COMMIT, LOAD_STATE_RUNNING, LOAD_DO_ASK_LATER, "state `PREPARE`", "ask again later",
     "a prepared load is shown so only by a frontend that lags behind"},
    {LOAD_PHASE_COMMIT, LOAD_STATE_ABORTED, LOAD_DO_RELOAD, "state `ABORTED`",
     "load it again, alone", "an aborted transaction was never visible"},
    {LOAD_PHASE_COMMIT, LOAD_STATE_UNKNOWN, LOAD_DO_RELOAD, "state `UNKNOWN`: a table with a key",
     "load it again, alone", "committed or not, rows with a key end in the same state"},
    {LOAD_PHASE_COMMIT, LOAD_STATE_FORGOTTEN, LOAD_DO_STOP,
     "state `UNKNOWN`: a table without a key", "stop, with words",
     "committed and forgotten looks like aborted and forgotten"},
    {LOAD_PHASE_COMMIT, LOAD_STATE_UNREADABLE, LOAD_DO_ASK_LATER, "no state that can be read",
     "ask again later, another frontend", "nothing is guessed"},
};

static const struct {
    const struct load_decision *rows;
    unsigned count;
} phases[] = {
    [LOAD_PHASE_LABELLED] = {labelled, COUNT_OF(labelled)},
    [LOAD_PHASE_PREPARE] = {prepare, COUNT_OF(prepare)},
    [LOAD_PHASE_UNDO] = {undo, COUNT_OF(undo)},
    [LOAD_PHASE_COMMIT] = {commit, COUNT_OF(commit)},
};

const struct load_decision *load_decide(enum load_phase phase, enum load_event event)
{
    ASSERT((unsigned)phase < COUNT_OF(phases));
    for (unsigned i = 0; i < phases[phase].count; i++)
        if (phases[phase].rows[i].event == event)
            return &phases[phase].rows[i];
    return NULL;
}
