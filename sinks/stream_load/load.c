/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The life of one load: something happens, the table in decide.c says what is done, and that makes
 * the next thing happen.
 */
#include "load_int.h"

#include "decide_int.h"

#include <stdio.h>

#define BACKOFF_BASE_MS 200u
#define BACKOFF_CAP_MS 30000u
/* So many refused aborts in a row are no passing trouble. */
#define REFUSALS_MAX 5u
/* A prepared load whose row counts are not ours is prepared anew so often before that is an error. */
#define MISCOUNTS_MAX 3u
/* After so many commits of a transaction that is not there, whoever has its label is another one. */
#define ABSENT_MAX 4u

/* What is known while a load is under way. */
struct run {
    struct load_env *env;
    enum load_phase phase;
    const struct transfer_load *load; /* NULL: only its transaction is dealt with */
    const struct load_joint *joint;   /* NULL: it is of one table */
    struct load_txn txn;
    bool keyless;
    struct load_outcome *outcome;
    struct transfer_result result; /* of the last try */
    struct asking asking;
    enum label_state state; /* the last one that was told */
    char reason[900];       /* why the last try did not end it */
    uint64_t warned_us;     /* when the last warning was logged; 0: never */
    uint64_t lost_us;       /* when the answer of the last try was lost; 0: it was not */
    unsigned attempt;       /* sends or commits so far, less one */
    unsigned undo_attempt;  /* aborts so far */
    unsigned undo_refusals; /* refused ones in a row */
    unsigned absent;        /* commits that found no such transaction */
    unsigned miscounts;     /* prepared with other row counts than ours, so far */
};

static const char *product(const struct load_env *env)
{
    return env->transfer->dialect->product;
}

static uint64_t rows(const struct run *run)
{
    return run->load == NULL ? 0 : run->load->body->parts[run->load->set].rows;
}

static void warn(struct run *run, const char *sentence, unsigned wait_ms)
{
    if (!ask_may_warn(&run->warned_us))
        return;
    char table[256];
    snprintf(table, sizeof(table), "%.*s.%.*s", SLICE_ARG(run->txn.db), SLICE_ARG(run->txn.table));
    log_warn("sink.load", sentence, LOG_STR("table", table), LOG_SLICE("label", run->txn.label),
             LOG_STR("reason", run->reason), LOG_U64("tries", run->attempt + 1),
             LOG_U64("again_in_ms", wait_ms));
}

static void keep_reason(struct run *run, const char *reason)
{
    snprintf(run->reason, sizeof(run->reason), "%s", reason);
}

/* Every error of a load begins with the same words: what, where to, under which label. */
static enum rc load_failed(const struct run *run, enum rc rc, enum error_outcome outcome,
                           const char *what, const char *detail, struct error *err)
{
    if (run->joint != NULL)
        error_set(
            err, rc,
            "The transaction of epoch and progress row in %s database %.*s (label %.*s%s%.*s) "
            "%s: %s",
            product(run->env), SLICE_ARG(run->txn.db), SLICE_ARG(run->txn.label),
            run->txn.table.len > 0 ? ", at table " : "", SLICE_ARG(run->txn.table), what, detail);
    else if (run->load != NULL)
        error_set(err, rc, "The load of %llu rows into %s table %.*s.%.*s (label %.*s) %s: %s",
                  (unsigned long long)rows(run), product(run->env), SLICE_ARG(run->txn.db),
                  SLICE_ARG(run->txn.table), SLICE_ARG(run->txn.label), what, detail);
    else
        error_set(err, rc, "The load into %s table %.*s.%.*s (label %.*s) %s: %s",
                  product(run->env), SLICE_ARG(run->txn.db), SLICE_ARG(run->txn.table),
                  SLICE_ARG(run->txn.label), what, detail);
    if (err != NULL) {
        err->outcome = outcome;
        /* Retrying is over when this is said, so nobody above shall try again by the code. */
        if (err->class == ERROR_RETRY)
            err->class = ERROR_FATAL;
    }
    return rc;
}

/* Waits before the next send or commit. */
static enum rc pause_before(struct run *run, const char *sentence, struct error *err)
{
    int64_t max_retries = run->env->transfer->settings->max_retries;
    bool committing = run->phase == LOAD_PHASE_COMMIT || run->phase == LOAD_PHASE_JOINT;
    if (max_retries >= 0 && (int64_t)run->attempt >= max_retries)
        return load_failed(run, RC_BUSY, committing ? ERROR_MAYBE_APPLIED : ERROR_NOT_APPLIED,
                           "is given up, because the configured number of retries is used up",
                           run->reason, err);
    unsigned wait_ms = clock_backoff_ms(run->attempt, BACKOFF_BASE_MS, BACKOFF_CAP_MS);
    warn(run, sentence, wait_ms);
    run->attempt++;
    run->outcome->retries++;
    atomic_fetch_add_explicit(run->env->retries, 1, memory_order_relaxed);
    return run->env->wait(run->env->halt, wait_ms) ? RC_OK : ask_cancelled(err);
}

static bool counts_are_ours(const struct run *run)
{
    const struct load_answer *answer = &run->result.answer;
    int64_t sent = (int64_t)rows(run);
    return (answer->total_rows == -1 || answer->total_rows == sent) &&
           (answer->loaded_rows == -1 || answer->loaded_rows == sent) &&
           (answer->filtered_rows == -1 || answer->filtered_rows == 0);
}

/* What was prepared is not visible, so it can be done again. */
static enum load_event event_of_counts(struct run *run)
{
    if (run->phase != LOAD_PHASE_PREPARE || run->miscounts++ == MISCOUNTS_MAX)
        return LOAD_EVENT_COUNTS;
    keep_reason(run, "the target's row counts are not ours");
    return LOAD_EVENT_MISCOUNT;
}

/* What an answer is, to the phase that it came in. */
static enum load_event event_of_answer(struct run *run)
{
    const struct load_answer *answer = &run->result.answer;
    run->outcome->widen |= answer->widen;
    keep_reason(run, answer->message);
    switch (answer->verdict) {
    case LOAD_VERDICT_DONE:
        return run->load == NULL || counts_are_ours(run) ? LOAD_EVENT_DONE : event_of_counts(run);
    case LOAD_VERDICT_EXISTS:
        return LOAD_EVENT_EXISTS;
    case LOAD_VERDICT_RETRY:
        return LOAD_EVENT_BUSY;
    case LOAD_VERDICT_DATA:
        return LOAD_EVENT_ROWS;
    case LOAD_VERDICT_FATAL:
        return LOAD_EVENT_REFUSED;
    case LOAD_VERDICT_GONE:
        return LOAD_EVENT_GONE;
    case LOAD_VERDICT_BARRED:
        return LOAD_EVENT_BARRED;
    case LOAD_VERDICT_ABSENT:
        run->absent++;
        return LOAD_EVENT_NOT_FOUND;
    case LOAD_VERDICT_UNKNOWN:
        break;
    }
    /* Words that nobody knows, before a byte of a labelled load went out: it is not there. */
    return run->phase == LOAD_PHASE_LABELLED && !run->result.body_started ? LOAD_EVENT_NOT_SENT
                                                                          : LOAD_EVENT_LOST;
}

/* The events that have no place in a phase are those that a dialect's reading cannot give there;
 * what a wrong server makes of them is an answer that nobody knows. */
static enum load_event known_event(const struct run *run, enum load_event event)
{
    return load_decide(run->phase, event) != NULL ? event : LOAD_EVENT_LOST;
}

/* A result of the transfer as an event; RC_OK, or the end. */
static enum rc event_of(struct run *run, enum transfer_outcome outcome, enum load_event *event_out,
                        struct error *err)
{
    switch (outcome) {
    case TRANSFER_ANSWERED:
        *event_out = known_event(run, event_of_answer(run));
        break;
    case TRANSFER_NOT_SENT:
        keep_reason(run, run->result.reason);
        *event_out = LOAD_EVENT_NOT_SENT;
        return RC_OK;
    case TRANSFER_LOST:
        keep_reason(run, run->result.reason);
        *event_out = LOAD_EVENT_LOST;
        break;
    case TRANSFER_REFUSED:
        return err == NULL ? RC_PROTOCOL : err->rc;
    case TRANSFER_STOPPED:
        return ask_cancelled(err);
    }
    if (*event_out == LOAD_EVENT_LOST && run->lost_us == 0)
        run->lost_us = clock_monotonic_us();
    return RC_OK;
}

/* "Unknown" means "not loaded" only while the target cannot have forgotten the label. For a table
 * with a key the same rows again end in the same state; without one they would be doubled. A load
 * that was prepared was known for certain: if it is not any more, it is always forgotten. */
static enum load_event event_of_unknown(const struct run *run)
{
    if (run->phase == LOAD_PHASE_UNDO || !run->keyless)
        return LOAD_STATE_UNKNOWN;
    bool trusted =
        run->phase == LOAD_PHASE_LABELLED &&
        (run->lost_us == 0 || clock_monotonic_us() - run->lost_us < run->env->label_trust_us);
    return trusted ? LOAD_STATE_UNKNOWN : LOAD_STATE_FORGOTTEN;
}

static enum rc ask(struct run *run, enum load_event *event_out, struct error *err)
{
    enum rc rc = ask_once(run->env, &run->asking, run->txn.db, run->txn.label, &run->state, err);
    if (rc != RC_OK)
        return rc;
    static const enum load_event events[] = {
        [LABEL_UNKNOWN] = LOAD_STATE_UNKNOWN,   [LABEL_RUNNING] = LOAD_STATE_RUNNING,
        [LABEL_PREPARED] = LOAD_STATE_PREPARED, [LABEL_COMMITTED] = LOAD_STATE_COMMITTED,
        [LABEL_ABORTED] = LOAD_STATE_ABORTED,   [LABEL_UNREADABLE] = LOAD_STATE_UNREADABLE,
    };
    *event_out = run->state == LABEL_UNKNOWN ? event_of_unknown(run) : events[run->state];
    /* A frontend that lags behind may not know a transaction yet; but not for ever. */
    if (run->phase == LOAD_PHASE_COMMIT && *event_out == LOAD_STATE_PREPARED &&
        run->absent >= ABSENT_MAX)
        *event_out = LOAD_EVENT_STRANGER;
    return RC_OK;
}

static enum rc gather(struct run *run, enum load_event *event_out, struct error *err)
{
    const struct load_joint *joint = run->joint;
    run->phase = LOAD_PHASE_GATHER;
    return event_of(run,
                    transfer_gather(run->env->transfer, joint->loads, joint->count, &run->txn,
                                    &run->result, err),
                    event_out, err);
}

static enum rc send(struct run *run, enum load_event *event_out, struct error *err)
{
    if (run->joint != NULL)
        return gather(run, event_out, err);
    run->phase = run->load->two_phase ? LOAD_PHASE_PREPARE : LOAD_PHASE_LABELLED;
    run->undo_attempt = run->undo_refusals = 0;
    enum transfer_outcome outcome =
        run->load->two_phase ? transfer_prepare(run->env->transfer, run->load, &run->result, err)
                             : transfer_send(run->env->transfer, run->load, &run->result, err);
    return event_of(run, outcome, event_out, err);
}

static enum rc send_again(struct run *run, bool settled, enum load_event *event_out,
                          struct error *err)
{
    run->lost_us = 0; /* settled: nothing of it is there */
    enum rc rc = pause_before(run,
                              settled ? "A load did not take effect; it is sent again under the "
                                        "same label."
                                      : "A load was not taken now; it is sent again.",
                              err);
    return rc == RC_OK ? send(run, event_out, err) : rc;
}

static enum rc commit(struct run *run, enum load_event *event_out, struct error *err)
{
    run->phase = run->joint != NULL ? LOAD_PHASE_JOINT : LOAD_PHASE_COMMIT;
    enum transfer_outcome outcome =
        transfer_finish(run->env->transfer, LOAD_STEP_COMMIT, &run->txn, &run->result, err);
    return event_of(run, outcome, event_out, err);
}

/* One way alone, and its answer counts: it is what keeps a commit from taking effect afterwards. */
static enum rc take_back(struct run *run, enum load_event *event_out, struct error *err)
{
    run->phase = LOAD_PHASE_TAKE_BACK;
    run->txn.table = SLICE_EMPTY;
    enum rc rc = event_of(
        run, transfer_finish(run->env->transfer, LOAD_STEP_ABORT, &run->txn, &run->result, err),
        event_out, err);
    bool refused = rc == RC_OK && *event_out == LOAD_EVENT_REFUSED;
    run->undo_refusals = refused ? run->undo_refusals + 1 : 0;
    if (refused && run->undo_refusals < REFUSALS_MAX)
        *event_out = LOAD_EVENT_LOST;
    return rc;
}

/* Two ways to abort in turn, because each server knows one of them for some states only. */
static enum rc undo(struct run *run, enum load_event *event_out, struct error *err)
{
    if (run->undo_attempt > 0) {
        enum rc rc = ask_pause(run->env, &run->asking, LABEL_RUNNING, run->txn.label, err);
        if (rc != RC_OK)
            return rc;
    }
    if (run->joint != NULL) {
        run->undo_attempt++;
        return take_back(run, event_out, err);
    }
    run->phase = LOAD_PHASE_UNDO;
    enum load_step step = run->undo_attempt++ % 2 == 0 ? LOAD_STEP_ABORT : LOAD_STEP_CANCEL;
    struct transfer_result kept = run->result;
    enum rc rc =
        event_of(run, transfer_finish(run->env->transfer, step, &run->txn, &run->result, err),
                 event_out, err);
    run->undo_refusals =
        rc == RC_OK && *event_out == LOAD_EVENT_REFUSED ? run->undo_refusals + 1 : 0;
    if (run->undo_refusals < REFUSALS_MAX)
        *event_out = LOAD_EVENT_DONE;
    run->result = kept;
    return rc;
}

static enum rc stop_for_rows(struct run *run, struct error *err)
{
    char lines[400];
    struct transfer_result result = run->result;
    transfer_fetch_errors(run->env->transfer, &result, lines, sizeof(lines));
    char detail[ERROR_TEXT_MAX];
    snprintf(detail, sizeof(detail), "%s%s%s", result.answer.message,
             lines[0] != '\0' ? ". First refused rows: " : "", lines);
    return load_failed(run, RC_REJECTED, ERROR_NOT_APPLIED, "was refused because of its rows",
                       detail, err);
}

static enum rc stop_for_counts(const struct run *run, struct error *err)
{
    const struct load_answer *answer = &run->result.answer;
    bool prepared = run->phase == LOAD_PHASE_PREPARE;
    char detail[200];
    snprintf(detail, sizeof(detail),
             "it counted %lld rows, loaded %lld and filtered %lld. Compare the table with its "
             "source before going on.",
             (long long)answer->total_rows, (long long)answer->loaded_rows,
             (long long)answer->filtered_rows);
    return load_failed(run, RC_PROTOCOL, prepared ? ERROR_NOT_APPLIED : ERROR_APPLIED,
                       prepared
                           ? "was prepared and will not be committed, because the target's row "
                             "counts are not ours"
                           : "was committed, but the target's row counts are not ours",
                       detail, err);
}

static enum rc stop_for_forgotten(const struct run *run, struct error *err)
{
    if (run->phase != LOAD_PHASE_COMMIT)
        return load_failed(run, RC_PROTOCOL, ERROR_MAYBE_APPLIED, "has an unknown end",
                           "its answer was lost, and when the target could be asked again it no "
                           "longer knew the label. The table has no key, so sending again could "
                           "double the rows. Compare the table with its source.",
                           err);
    return load_failed(run, RC_MISMATCH, ERROR_MAYBE_APPLIED, "has an unknown end",
                       "it was prepared, and the target knows neither transaction nor label any "
                       "more. The table has no key, so loading it again could double the rows.",
                       err);
}

/* The words for a row of the table that says stop. */
static enum rc stop(struct run *run, enum load_event event, struct error *err)
{
    switch (event) {
    case LOAD_EVENT_ROWS:
        return stop_for_rows(run, err);
    case LOAD_EVENT_COUNTS:
        return stop_for_counts(run, err);
    case LOAD_STATE_FORGOTTEN:
        return stop_for_forgotten(run, err);
    case LOAD_STATE_PREPARED:
        return load_failed(run, RC_MISMATCH, ERROR_NOT_APPLIED, "cannot be sent",
                           "the target holds a two-phase load under this label that waits for its "
                           "commit, and it is not ours. Commit or abort it there.",
                           err);
    default:
        break;
    }
    if (run->phase == LOAD_PHASE_JOINT || run->phase == LOAD_PHASE_TAKE_BACK)
        return load_failed(run, RC_PROTOCOL, ERROR_MAYBE_APPLIED,
                           run->phase == LOAD_PHASE_JOINT
                               ? "was refused at its commit; the next start finds out how it ended"
                               : "cannot be rolled back, so it is not known how it ended; the next "
                                 "start asks again",
                           run->reason, err);
    if (run->phase == LOAD_PHASE_UNDO)
        return load_failed(run, RC_PROTOCOL, ERROR_NOT_APPLIED,
                           "lies prepared at the target and cannot be aborted there", run->reason,
                           err);
    if (run->phase == LOAD_PHASE_COMMIT)
        return load_failed(run, RC_PROTOCOL, ERROR_MAYBE_APPLIED,
                           "is prepared, but its commit was refused; the next start commits it",
                           run->reason, err);
    return load_failed(run, RC_PROTOCOL, ERROR_NOT_APPLIED, "was refused", run->reason, err);
}

/* Whether the end of this phase is not yet that of the load. */
static bool ends_prepared(enum load_phase phase)
{
    return phase == LOAD_PHASE_PREPARE || phase == LOAD_PHASE_GATHER;
}

static bool is_state(enum load_event event)
{
    return event >= LOAD_STATE_COMMITTED;
}

/* From the first event to the end, by the table. */
static enum rc settle(struct run *run, enum load_event event, struct error *err)
{
    for (;;) {
        const struct load_decision *decision = load_decide(run->phase, event);
        ASSERT(decision != NULL);
        enum rc rc = RC_OK;
        switch (decision->action) {
        case LOAD_DO_FINISH:
            run->outcome->end = ends_prepared(run->phase) ? LOAD_END_PREPARED : LOAD_END_APPLIED;
            return RC_OK;
        case LOAD_DO_ASK_ROW:
            run->outcome->end = LOAD_END_ASK_ROW;
            return RC_OK;
        case LOAD_DO_RELOAD:
            run->outcome->end = LOAD_END_NOTHING;
            return RC_OK;
        case LOAD_DO_SEND:
            run->outcome->end = LOAD_END_NOTHING;
            if (run->load == NULL && run->joint == NULL)
                return RC_OK;
            rc = send_again(run, is_state(event), &event, err);
            break;
        case LOAD_DO_ASK_LATER:
            rc = ask_pause(run->env, &run->asking, run->state, run->txn.label, err);
            if (rc == RC_OK)
                rc = ask(run, &event, err);
            break;
        case LOAD_DO_ASK:
            rc = ask(run, &event, err);
            break;
        case LOAD_DO_UNDO:
            rc = undo(run, &event, err);
            break;
        case LOAD_DO_COMMIT:
            rc =
                pause_before(run, "A prepared load was not committed now; it is tried again.", err);
            if (rc == RC_OK)
                rc = commit(run, &event, err);
            break;
        case LOAD_DO_STOP:
            return stop(run, event, err);
        }
        if (rc != RC_OK)
            return rc;
    }
}

enum rc load_run(struct load_env *env, const struct transfer_load *load,
                 struct load_outcome *outcome, struct error *err)
{
    uint64_t started_us = clock_monotonic_us();
    *outcome = (struct load_outcome){0};
    struct run run = {
        .env = env,
        .load = load,
        .txn = {.db = load->schema->db, .table = load->schema->table, .label = load->label},
        .keyless = load->schema->keyless,
        .outcome = outcome};
    enum load_event event;
    enum rc rc = halt_stopped(env->halt) ? ask_cancelled(err) : send(&run, &event, err);
    if (rc == RC_OK)
        rc = settle(&run, event, err);
    outcome->time_us = clock_monotonic_us() - started_us;
    if (rc == RC_OK && outcome->end == LOAD_END_PREPARED)
        outcome->transaction = (uint64_t)run.result.answer.txn_id;
    if (rc == RC_OK && run.result.answer.committed_not_visible)
        log_debug("sink.load", "A load is committed and will be visible a little later.",
                  LOG_SLICE("label", load->label));
    return rc;
}

enum rc load_commit(struct load_env *env, const struct load_txn *txn, bool keyless,
                    struct load_outcome *outcome, struct error *err)
{
    uint64_t started_us = clock_monotonic_us();
    *outcome = (struct load_outcome){0};
    struct run run = {.env = env,
                      .phase = LOAD_PHASE_COMMIT,
                      .txn = *txn,
                      .keyless = keyless,
                      .outcome = outcome};
    enum load_event event;
    enum rc rc = halt_stopped(env->halt) ? ask_cancelled(err) : commit(&run, &event, err);
    if (rc == RC_OK)
        rc = settle(&run, event, err);
    outcome->time_us = clock_monotonic_us() - started_us;
    return rc;
}

enum rc load_undo(struct load_env *env, const struct load_txn *txn, struct load_outcome *outcome,
                  struct error *err)
{
    *outcome = (struct load_outcome){0};
    struct run run = {.env = env, .phase = LOAD_PHASE_UNDO, .txn = *txn, .outcome = outcome};
    enum load_event event;
    enum rc rc = halt_stopped(env->halt) ? ask_cancelled(err) : ask(&run, &event, err);
    return rc == RC_OK ? settle(&run, event, err) : rc;
}

/* `joint`: its label alone matters to one that is taken back. */
static struct run run_of_joint(struct load_env *env, const struct load_joint *joint,
                               struct load_outcome *outcome)
{
    *outcome = (struct load_outcome){0};
    return (struct run){.env = env,
                        .joint = joint,
                        .txn = {.db = joint->db, .label = joint->label, .joint = true},
                        .attempt = joint->before,
                        .outcome = outcome};
}

enum rc load_joint(struct load_env *env, const struct load_joint *joint,
                   struct load_outcome *outcome, struct error *err)
{
    uint64_t started_us = clock_monotonic_us();
    struct run run = run_of_joint(env, joint, outcome);
    enum load_event event = LOAD_EVENT_LOST;
    enum rc rc = RC_OK;
    if (joint->before > 0) {
        keep_reason(&run, "the transaction before it came to nothing");
        rc = pause_before(&run, "A transaction is made anew.", err);
    }
    if (rc == RC_OK)
        rc = halt_stopped(env->halt) ? ask_cancelled(err) : gather(&run, &event, err);
    if (rc == RC_OK)
        rc = settle(&run, event, err);
    if (rc == RC_OK && outcome->end == LOAD_END_PREPARED) {
        run.txn.table = SLICE_EMPTY;
        rc = commit(&run, &event, err);
        if (rc == RC_OK)
            rc = settle(&run, event, err);
    }
    outcome->time_us = clock_monotonic_us() - started_us;
    return rc;
}

enum rc load_take_back(struct load_env *env, const struct load_joint *joint,
                       struct load_outcome *outcome, struct error *err)
{
    struct run run = run_of_joint(env, joint, outcome);
    enum load_event event;
    enum rc rc = halt_stopped(env->halt) ? ask_cancelled(err) : undo(&run, &event, err);
    return rc == RC_OK ? settle(&run, event, err) : rc;
}

enum rc load_settle_label(struct load_env *env, struct slice db, struct slice label,
                          enum label_state *state_out, struct error *err)
{
    struct asking asking = {0};
    for (;;) {
        enum rc rc = ask_once(env, &asking, db, label, state_out, err);
        if (rc != RC_OK || (*state_out != LABEL_UNREADABLE && *state_out != LABEL_RUNNING))
            return rc;
        rc = ask_pause(env, &asking, *state_out, label, err);
        if (rc != RC_OK)
            return rc;
    }
}
