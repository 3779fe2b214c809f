/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What became of a load of an earlier life, as the journal knows it: under a label alone, in two phases and
 * not known to be prepared, or prepared under a transaction's number.
 *
 * Threads: the pipeline's thread.
 */
#include "joint_int.h"

/* A load in two phases of an earlier life: what the journal knows as prepared is committed, what it
 * does not is taken back. */
static enum rc resolve_two_phase(struct load_env *env, const struct manifest_entry *entry,
                                 enum load_state *state_out, struct error *err)
{
    const struct load_txn txn = {
        .db = entry->db, .table = entry->table, .label = entry->token, .id = entry->transaction};
    struct load_outcome outcome;
    struct error own;
    error_clear(&own);
    enum rc rc = entry->transaction != 0 ? load_commit(env, &txn, entry->keyless, &outcome, &own)
                                         : load_undo(env, &txn, &outcome, &own);
    if (rc == RC_MISMATCH && entry->transaction != 0) {
        *state_out = LOAD_UNKNOWN; /* the pipeline decides, and has the words */
        return RC_OK;
    }
    if (rc != RC_OK) {
        if (err != NULL)
            *err = own;
        return rc;
    }
    *state_out = outcome.end == LOAD_END_APPLIED ? LOAD_APPLIED : LOAD_NOT_APPLIED;
    return RC_OK;
}

static enum rc resolve_labelled(const struct stream_load *sink, struct load_env *env,
                                const struct manifest_entry *entry, enum load_state *state_out,
                                struct error *err)
{
    enum label_state state;
    enum rc rc = load_settle_label(env, entry->db, entry->token, &state, err);
    if (rc != RC_OK)
        return rc;
    switch (state) {
    case LABEL_COMMITTED:
        *state_out = LOAD_APPLIED;
        return RC_OK;
    case LABEL_ABORTED:
        *state_out = LOAD_NOT_APPLIED;
        return RC_OK;
    case LABEL_PREPARED:
        return error_set(err, RC_MISMATCH,
                         "%s holds a two-phase load under label %.*s in database %.*s that waits "
                         "for its commit, and it is not ours. Commit or abort it there, then start "
                         "again.",
                         sink->dialect->product, SLICE_ARG(entry->token), SLICE_ARG(entry->db));
    case LABEL_UNKNOWN:
    case LABEL_RUNNING:
    case LABEL_UNREADABLE:
        break;
    }
    ASSERT(state == LABEL_UNKNOWN);
    *state_out = LOAD_UNKNOWN;
    return RC_OK;
}

enum rc stream_load_resolve(struct sink *base, const struct manifest_entry *entry,
                            enum load_state *state_out, struct error *err)
{
    struct stream_load *sink = stream_load_of(base);
    struct load_env env = {.transfer = &sink->transfer,
                           .halt = &sink->halt,
                           .wait = halt_wait,
                           .retries = &sink->retries,
                           .label_trust_us = LOAD_LABEL_TRUST_US};
    if (label_joint_epoch(entry->token) != 0)
        return joint_resolve(sink, &env, entry, state_out, err);
    return entry->two_phase ? resolve_two_phase(&env, entry, state_out, err)
                            : resolve_labelled(sink, &env, entry, state_out, err);
}
