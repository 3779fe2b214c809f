/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The conversations with a warehouse over HTTP, redirects and the choice of a frontend included:
 * sending a load, preparing, committing and aborting one, asking for a label's state, fetching the
 * log of refused rows. One try each; load.c decides what a result means.
 *
 * A load has two legs: a frontend is asked, without label and without body, where to go; then the
 * body goes there with everything. The label stays out of the first leg because a backend that was
 * configured as a frontend by mistake would commit an empty load under it (facts/doris.md 1.10).
 *
 * Threads: a transfer belongs to one thread; the frontends are shared.
 */
#ifndef MILLRACE_SINKS_STREAM_LOAD_TRANSFER_INT_H
#define MILLRACE_SINKS_STREAM_LOAD_TRANSFER_INT_H

#include "exchange_int.h"

/* Whose turn it is, and who is set aside for not being reached. @thread any. */
struct frontends {
    pthread_mutex_t lock;
    uint64_t *aside_until_us; /* owned; one a frontend */
    unsigned count;
    unsigned turn;
};

enum rc frontends_init(struct frontends *frontends, unsigned count, struct error *err) MUST_CHECK;
void frontends_deinit(struct frontends *frontends);
/* The next one in turn that is not set aside; when all are, the next one all the same. */
unsigned frontends_next(struct frontends *frontends);
void frontends_set_aside(struct frontends *frontends, unsigned index);

struct transfer {
    const struct load_dialect *dialect;
    const struct load_settings *settings;
    struct frontends *frontends; /* shared, borrowed */
    struct exchange *exchange;   /* owned */
    struct exchange_response response;
    unsigned backend_turn; /* for settings->backends: the next one */
};

enum rc transfer_init(struct transfer *transfer, const struct load_dialect *dialect,
                      const struct load_settings *settings, struct frontends *frontends,
                      const struct exchange_factory *factory, struct error *err) MUST_CHECK;
void transfer_deinit(struct transfer *transfer);

enum transfer_outcome {
    TRANSFER_ANSWERED = 0, /* `answer` holds what the server said */
    TRANSFER_NOT_SENT,     /* nothing was applied: no byte of the body went out */
    TRANSFER_LOST,         /* the body, or a part of it, went out, and no whole answer came */
    TRANSFER_REFUSED,      /* `err` says why it can never work */
    TRANSFER_STOPPED
};

struct transfer_result {
    struct load_answer answer;
    bool body_started;
    char backend[ENDPOINT_HOST_MAX]; /* who answered */
    char reason[900];                /* of NOT_SENT and LOST, a clause in words */
};

/* What is sent: borrowed for the call. */
struct transfer_load {
    const struct load_schema *schema;
    struct slice label;
    const struct body *body;
    uint32_t set; /* the part of the body: rows with these columns */
    bool two_phase;
};

enum transfer_outcome transfer_send(struct transfer *transfer, const struct transfer_load *load,
                                    struct transfer_result *result, struct error *err);

/* The first half of a two-phase load, all its requests; the answer is that of the last one that was
 * made, and names the transaction when it is DONE. */
enum transfer_outcome transfer_prepare(struct transfer *transfer, const struct transfer_load *load,
                                       struct transfer_result *result, struct error *err);
/* A transaction over several tables, up to its commit: it begins, then each load. The answer is that of the
 * last request that was made; `txn->table` names the table that it was about, empty for the beginning. */
enum transfer_outcome transfer_gather(struct transfer *transfer, const struct transfer_load *loads,
                                      uint32_t count, struct load_txn *txn,
                                      struct transfer_result *result, struct error *err);
/* LOAD_STEP_COMMIT, _ABORT or _CANCEL. */
enum transfer_outcome transfer_finish(struct transfer *transfer, enum load_step step,
                                      const struct load_txn *txn, struct transfer_result *result,
                                      struct error *err);

/* One question to one frontend. ANSWERED fills `state_out`, with LABEL_UNREADABLE (and the reason)
 * when the answer was no answer; then `result->answer` is how the dialect reads it as an error. */
enum transfer_outcome transfer_ask_label(struct transfer *transfer, struct slice db,
                                         struct slice label, enum label_state *state_out,
                                         struct transfer_result *result, struct error *err);

/* The first lines of an error log into `out`, one line, at most `cap` bytes with the NUL. Best
 * effort: "" when the host is not one of the warehouse's or does not answer. No credentials go. */
void transfer_fetch_errors(struct transfer *transfer, const struct transfer_result *result,
                           char *out, size_t cap);

/* GET /api/health of one frontend. */
enum transfer_outcome transfer_health(struct transfer *transfer, unsigned frontend,
                                      struct transfer_result *result, struct error *err);

#endif
