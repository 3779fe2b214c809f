/* SPDX-License-Identifier: Apache-2.0 */
/* Questions about labels; see ask_int.h. */
#include "ask_int.h"

#include <stdio.h>

#define UNANSWERED_BASE_MS 200u
#define UNANSWERED_CAP_MS 30000u
/* Between two questions for a label whose load is still running there. */
#define RUNNING_BASE_MS 200u
#define RUNNING_CAP_MS 5000u
#define WARN_EVERY_US 5000000u
/* So many plain refusals in a row are no passing trouble. */
#define REFUSALS_MAX 5u

enum rc ask_cancelled(struct error *err)
{
    return error_set(err, RC_CANCELLED, "The load was broken off because a stop was asked for.");
}

/* The first trouble of a load is told at once, then every few seconds. */
bool ask_may_warn(uint64_t *warned_us)
{
    uint64_t now_us = clock_monotonic_us();
    if (*warned_us != 0 && now_us - *warned_us < WARN_EVERY_US)
        return false;
    *warned_us = now_us;
    return true;
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

enum rc ask_once(struct load_env *env, struct asking *asking, struct slice db, struct slice label,
                 enum label_state *state_out, struct error *err)
{
    struct transfer_result result;
    switch (transfer_ask_label(env->transfer, db, label, state_out, &result, err)) {
    case TRANSFER_STOPPED:
        return ask_cancelled(err);
    case TRANSFER_REFUSED:
        if (err != NULL)
            err->outcome = ERROR_MAYBE_APPLIED;
        return err == NULL ? RC_PROTOCOL : err->rc;
    case TRANSFER_ANSWERED:
    case TRANSFER_NOT_SENT:
    case TRANSFER_LOST:
        break;
    }
    if (*state_out != LABEL_UNREADABLE) {
        asking->unanswered = asking->refusals = 0;
        asking->reason[0] = '\0';
        return RC_OK;
    }
    snprintf(asking->reason, sizeof(asking->reason), "%s", result.reason);
    asking->refusals = result.answer.verdict == LOAD_VERDICT_FATAL ? asking->refusals + 1 : 0;
    return asking->refusals >= REFUSALS_MAX ? question_refused(&result, label, err) : RC_OK;
}

enum rc ask_pause(struct load_env *env, struct asking *asking, enum label_state state,
                  struct slice label, struct error *err)
{
    bool running = state == LABEL_RUNNING;
    unsigned wait_ms =
        running ? clock_backoff_ms(asking->running++, RUNNING_BASE_MS, RUNNING_CAP_MS)
                : clock_backoff_ms(asking->unanswered++, UNANSWERED_BASE_MS, UNANSWERED_CAP_MS);
    if (ask_may_warn(&asking->warned_us))
        log_warn("sink.load",
                 running ? "A load is still running at the target; waiting for its end."
                         : "The state of a load cannot be learned now; asking again.",
                 LOG_SLICE("label", label), LOG_STR("reason", asking->reason),
                 LOG_U64("again_in_ms", wait_ms));
    return env->wait(env->halt, wait_ms) ? RC_OK : ask_cancelled(err);
}
