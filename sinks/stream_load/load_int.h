/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One load from its first byte to a settled end. The rule behind it: an answer is success only when
 * it says so, failure only when it says so, and everything between is a question to be asked, for
 * the label's state (facts/doris.md 7.7, facts/starrocks.md 7.3).
 *
 *   what came back                  what is done
 *   done, counts equal ours         finished
 *   done, counts differ             stop
 *   label exists                    ask
 *   no whole answer, unknown words  ask when a byte of the body went out, else send again
 *   busy                            send again, later
 *   a row is refused                stop, with the log of refused rows
 *   configuration, privileges       stop
 *
 *   the label's state               what is done
 *   committed                       finished
 *   running                         ask again, later
 *   prepared                        stop: a two-phase load that is not ours
 *   aborted, unknown                send again, same label, same bytes
 *   no answer                       ask again, later, until told to stop
 *
 * Threads: a load runs on one thread; progress counters may be read by others.
 */
#ifndef MILLRACE_SINKS_STREAM_LOAD_LOAD_INT_H
#define MILLRACE_SINKS_STREAM_LOAD_LOAD_INT_H

#include "transfer_int.h"

/* What a load did, for the sink's figures. */
struct load_outcome {
    uint64_t retries;
    uint64_t time_us;
    bool widen; /* the target was short of breath */
};

/* How long "that label is unknown" proves for a table without a key that nothing was loaded: labels
 * are forgotten within minutes on a busy database (facts/doris.md 1.8, facts/starrocks.md 1.7). */
#define LOAD_LABEL_TRUST_US 60000000u

/* What a load needs around it. Waiting is a function so that tests need not wait. */
struct load_env {
    struct transfer *transfer;
    struct halt *halt;
    bool (*wait)(struct halt *halt, unsigned wait_ms); /* halt_wait; false: stopped */
    atomic_ullong *retries;                            /* counted as they happen */
    uint64_t label_trust_us;                           /* LOAD_LABEL_TRUST_US */
};

/* RC_OK: durable at the target, with all rows. Else RC_CANCELLED, or an error of class FATAL or
 * REJECT whose `outcome` says what is known. */
enum rc load_run(struct load_env *env, const struct transfer_load *load,
                 struct load_outcome *outcome, struct error *err) MUST_CHECK;

/* Asks until the state is final: LABEL_UNKNOWN, LABEL_PREPARED, LABEL_COMMITTED or LABEL_ABORTED.
 * RC_CANCELLED after a stop. */
enum rc load_settle_label(struct load_env *env, struct slice db, struct slice label,
                          enum label_state *state_out, struct error *err) MUST_CHECK;

#endif
