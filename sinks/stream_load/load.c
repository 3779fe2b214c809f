/* SPDX-License-Identifier: Apache-2.0 */
/* The life of one load; the table of events and states is in load_int.h. */
#include "load_int.h"

#include <stdio.h>

#define BACKOFF_BASE_MS 200u
#define BACKOFF_CAP_MS 30000u
/* Between two questions for a label whose load is still running there. */
#define RUNNING_BASE_MS 200u
#define RUNNING_CAP_MS 5000u
#define WARN_EVERY_US 5000000u
/* So many plain refusals in a row of a question about a label are no passing trouble. */
#define REFUSALS_MAX 5u

/* What is known while a load is under way. */
struct run {
    struct load_env *env;
    const struct transfer_load *load;
    struct load_outcome *outcome;
    struct transfer_result result; /* of the last try */
    uint64_t warned_us;            /* when the last warning was logged; 0: never */
    uint64_t lost_us;              /* when the answer of the last try was lost */
    unsigned attempt;              /* sends so far, less one */
};

static const char *product(const struct load_env *env)
{
    return env->transfer->dialect->product;
}

static uint64_t rows(const struct run *run)
{
    return run->load->body->parts[run->load->set].rows;
}

static enum rc cancelled(struct error *err)
{
    return error_set(err, RC_CANCELLED, "The load was broken off because a stop was asked for.");
}

/* The first trouble of a load is told at once, then every few seconds. */
static bool may_warn(uint64_t *warned_us)
{
    uint64_t now_us = clock_monotonic_us();
    if (*warned_us != 0 && now_us - *warned_us < WARN_EVERY_US)
        return false;
    *warned_us = now_us;
    return true;
}

static void warn(struct run *run, const char *sentence, const char *reason, unsigned wait_ms)
{
    if (!may_warn(&run->warned_us))
        return;
    char table[256];
    snprintf(table, sizeof(table), "%.*s.%.*s", SLICE_ARG(run->load->schema->db),
             SLICE_ARG(run->load->schema->table));
    log_warn("sink.load", sentence, LOG_STR("table", table), LOG_SLICE("label", run->load->label),
             LOG_STR("reason", reason), LOG_U64("tries", run->attempt + 1),
             LOG_U64("again_in_ms", wait_ms));
}

/* Every error of a load begins with the same words: what, where to, under which label. */
static enum rc load_failed(const struct run *run, enum rc rc, enum error_outcome outcome,
                           const char *what, const char *detail, struct error *err)
{
    error_set(err, rc, "The load of %llu rows into %s table %.*s.%.*s (label %.*s) %s: %s",
              (unsigned long long)rows(run), product(run->env), SLICE_ARG(run->load->schema->db),
              SLICE_ARG(run->load->schema->table), SLICE_ARG(run->load->label), what, detail);
    if (err != NULL) {
        err->outcome = outcome;
        /* Retrying is over when this is said, so nobody above shall try again by the code. */
        if (err->class == ERROR_RETRY)
            err->class = ERROR_FATAL;
    }
    return rc;
}

/* Waits before the next send. RC_OK: send again. */
static enum rc send_again(struct run *run, const char *sentence, const char *reason,
                          struct error *err)
{
    int64_t max_retries = run->env->transfer->settings->max_retries;
    if (max_retries >= 0 && (int64_t)run->attempt >= max_retries)
        return load_failed(run, RC_BUSY, ERROR_NOT_APPLIED,
                           "is given up, because the configured number of retries is used up",
                           reason, err);
    unsigned wait_ms = clock_backoff_ms(run->attempt, BACKOFF_BASE_MS, BACKOFF_CAP_MS);
    warn(run, sentence, reason, wait_ms);
    run->attempt++;
    run->outcome->retries++;
    atomic_fetch_add_explicit(run->env->retries, 1, memory_order_relaxed);
    return run->env->wait(run->env->halt, wait_ms) ? RC_OK : cancelled(err);
}

static enum rc check_counts(const struct run *run, struct error *err)
{
    const struct load_answer *answer = &run->result.answer;
    int64_t sent = (int64_t)rows(run);
    bool equal = (answer->total_rows == -1 || answer->total_rows == sent) &&
                 (answer->loaded_rows == -1 || answer->loaded_rows == sent) &&
                 (answer->filtered_rows == -1 || answer->filtered_rows == 0);
    if (equal)
        return RC_OK;
    char detail[160];
    snprintf(detail, sizeof(detail),
             "it counted %lld rows, loaded %lld and filtered %lld. Compare the table with its "
             "source before going on.",
             (long long)answer->total_rows, (long long)answer->loaded_rows,
             (long long)answer->filtered_rows);
    return load_failed(run, RC_PROTOCOL, ERROR_APPLIED,
                       "was committed, but the target's row counts are not ours", detail, err);
}

static enum rc row_refused(struct run *run, struct error *err)
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

/* A question that gave nothing usable, again and again in the same plain words. */
static enum rc question_refused(const struct transfer_result *result, struct slice label,
                                struct error *err)
{
    error_set(err, RC_PROTOCOL,
              "The state of label %.*s cannot be learned: %s. Check user, password and privileges; "
              "nothing is lost, the load is settled at the next start.",
              SLICE_ARG(label), result->reason);
    if (err != NULL)
        err->outcome = ERROR_MAYBE_APPLIED;
    return RC_PROTOCOL;
}

enum rc load_settle_label(struct load_env *env, struct slice db, struct slice label,
                          enum label_state *state_out, struct error *err)
{
    uint64_t warned_us = 0;
    unsigned refusals = 0;
    unsigned unanswered = 0;
    for (unsigned running = 0;;) {
        struct transfer_result result;
        unsigned wait_ms;
        switch (transfer_ask_label(env->transfer, db, label, state_out, &result, err)) {
        case TRANSFER_STOPPED:
            return cancelled(err);
        case TRANSFER_REFUSED:
            if (err != NULL)
                err->outcome = ERROR_MAYBE_APPLIED;
            return err == NULL ? RC_PROTOCOL : err->rc;
        case TRANSFER_ANSWERED:
        case TRANSFER_NOT_SENT:
        case TRANSFER_LOST:
            break;
        }
        if (*state_out != LABEL_UNREADABLE && *state_out != LABEL_RUNNING)
            return RC_OK;
        if (*state_out == LABEL_RUNNING) {
            unanswered = refusals = 0;
            wait_ms = clock_backoff_ms(running++, RUNNING_BASE_MS, RUNNING_CAP_MS);
        } else {
            refusals = result.answer.verdict == LOAD_VERDICT_FATAL ? refusals + 1 : 0;
            if (refusals >= REFUSALS_MAX)
                return question_refused(&result, label, err);
            wait_ms = clock_backoff_ms(unanswered++, BACKOFF_BASE_MS, BACKOFF_CAP_MS);
        }
        if (may_warn(&warned_us))
            log_warn("sink.load",
                     *state_out == LABEL_RUNNING
                         ? "A load is still running at the target; waiting for its end."
                         : "The state of a load cannot be learned now; asking again.",
                     LOG_SLICE("label", label), LOG_STR("reason", result.reason),
                     LOG_U64("again_in_ms", wait_ms));
        if (!env->wait(env->halt, wait_ms))
            return cancelled(err);
    }
}

/* "Unknown" means "not loaded" only while the target cannot have forgotten the label. For a table
 * with a key the same rows again end in the same state; without one they would be doubled. */
static enum rc trust_unknown(const struct run *run, struct error *err)
{
    if (!run->load->schema->keyless || run->lost_us == 0 ||
        clock_monotonic_us() - run->lost_us < run->env->label_trust_us)
        return RC_OK;
    return load_failed(run, RC_PROTOCOL, ERROR_MAYBE_APPLIED, "has an unknown end",
                       "its answer was lost, and when the target could be asked again it no longer "
                       "knew the label. The table has no key, so sending again could double the "
                       "rows. Compare the table with its source.",
                       err);
}

/* The label's own word decides. RC_OK: finished. RC_AGAIN: send again. */
static enum rc settle(struct run *run, const char *reason, struct error *err)
{
    char kept[512];
    snprintf(kept, sizeof(kept), "%s", reason);
    enum label_state state;
    enum rc rc = load_settle_label(run->env, run->load->schema->db, run->load->label, &state, err);
    if (rc != RC_OK)
        return rc;
    switch (state) {
    case LABEL_COMMITTED:
        return RC_OK;
    case LABEL_PREPARED:
        return load_failed(run, RC_MISMATCH, ERROR_NOT_APPLIED, "cannot be sent",
                           "the target holds a two-phase load under this label that waits for its "
                           "commit, and it is not ours. Commit or abort it there.",
                           err);
    case LABEL_UNKNOWN:
        rc = trust_unknown(run, err);
        break;
    case LABEL_ABORTED:
        break;
    case LABEL_RUNNING:
    case LABEL_UNREADABLE:
        ASSERT(false && "a label's state that is not final");
        break;
    }
    if (rc != RC_OK)
        return rc;
    run->lost_us = 0; /* settled: nothing of it is there */
    rc = send_again(run, "A load did not take effect; it is sent again under the same label.", kept,
                    err);
    return rc == RC_OK ? RC_AGAIN : rc;
}

/* RC_OK: finished. RC_AGAIN: send again. */
static enum rc judge_answer(struct run *run, struct error *err)
{
    const struct load_answer *answer = &run->result.answer;
    enum rc rc;
    if (answer->widen)
        run->outcome->widen = true;
    switch (answer->verdict) {
    case LOAD_VERDICT_DONE:
        return check_counts(run, err);
    case LOAD_VERDICT_EXISTS:
        return settle(run, answer->message, err);
    case LOAD_VERDICT_UNKNOWN:
        if (run->result.body_started) {
            run->lost_us = clock_monotonic_us();
            return settle(run, answer->message, err);
        }
        break;
    case LOAD_VERDICT_RETRY:
        break;
    case LOAD_VERDICT_DATA:
        return row_refused(run, err);
    case LOAD_VERDICT_FATAL:
        return load_failed(run, RC_PROTOCOL, ERROR_NOT_APPLIED, "was refused", answer->message,
                           err);
    }
    rc = send_again(run, "The target did not take a load now; it is sent again.", answer->message,
                    err);
    return rc == RC_OK ? RC_AGAIN : rc;
}

static enum rc one_try(struct run *run, struct error *err)
{
    enum rc rc;
    switch (transfer_send(run->env->transfer, run->load, &run->result, err)) {
    case TRANSFER_ANSWERED:
        return judge_answer(run, err);
    case TRANSFER_NOT_SENT:
        rc = send_again(run, "A load could not be sent; it is tried again.", run->result.reason,
                        err);
        return rc == RC_OK ? RC_AGAIN : rc;
    case TRANSFER_LOST:
        run->lost_us = clock_monotonic_us();
        return settle(run, run->result.reason, err);
    case TRANSFER_REFUSED:
        return err == NULL ? RC_PROTOCOL : err->rc;
    case TRANSFER_STOPPED:
        break;
    }
    return cancelled(err);
}

enum rc load_run(struct load_env *env, const struct transfer_load *load,
                 struct load_outcome *outcome, struct error *err)
{
    uint64_t started_us = clock_monotonic_us();
    *outcome = (struct load_outcome){0};
    struct run run = {.env = env, .load = load, .outcome = outcome};
    enum rc rc;
    do {
        rc = halt_stopped(env->halt) ? cancelled(err) : one_try(&run, err);
    } while (rc == RC_AGAIN);
    outcome->time_us = clock_monotonic_us() - started_us;
    if (rc == RC_OK && run.result.answer.committed_not_visible)
        log_debug("sink.load", "A load is committed and will be visible a little later.",
                  LOG_SLICE("label", load->label));
    return rc;
}
