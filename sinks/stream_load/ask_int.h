/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The question about a label's state, and the pauses between questions. Who asks decides what a
 * state means (decide_int.h).
 *
 * Threads: as the transfer's.
 */
#ifndef MILLRACE_SINKS_STREAM_LOAD_ASK_INT_H
#define MILLRACE_SINKS_STREAM_LOAD_ASK_INT_H

#include "transfer_int.h"

/* What a load needs around it. Waiting is a function so that tests need not wait. */
struct load_env {
    struct transfer *transfer;
    struct halt *halt;
    bool (*wait)(struct halt *halt, unsigned wait_ms); /* halt_wait; false: stopped */
    atomic_ullong *retries;                            /* counted as they happen */
    uint64_t label_trust_us;                           /* LOAD_LABEL_TRUST_US */
};

/* A row of questions about one label; zeroed before the first. */
struct asking {
    unsigned running;    /* answers in a row that the load is still running */
    unsigned unanswered; /* questions in a row without a state */
    unsigned refusals;   /* of those, plain refusals */
    uint64_t warned_us;
    char reason[900]; /* why there was no state */
};

/* One question. LABEL_UNREADABLE: no answer, or none that can be read. RC_PROTOCOL when the target
 * refuses to tell, again and again; RC_CANCELLED after a stop. */
enum rc ask_once(struct load_env *env, struct asking *asking, struct slice db, struct slice label,
                 enum label_state *state_out, struct error *err) MUST_CHECK;
/* The pause before the next one, longer each time. RC_CANCELLED after a stop. */
enum rc ask_pause(struct load_env *env, struct asking *asking, enum label_state state,
                  struct slice label, struct error *err) MUST_CHECK;

/* True when it is time to warn, at most every few seconds; notes that it was done. */
bool ask_may_warn(uint64_t *warned_us);
/* RC_CANCELLED with its words. */
enum rc ask_cancelled(struct error *err);

#endif
