/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A scripted server for the tests of loads: it plays one line after the other, and whoever asks it
 * something else than the script says has failed. A play is a script and how it must end.
 */
#ifndef MILLRACE_TESTS_LOAD_SCRIPT_H
#define MILLRACE_TESTS_LOAD_SCRIPT_H

#include "load_fixture.h"
#include "sinks/stream_load/load_int.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#define STEPS_MAX 16

enum request_kind { NONE = 0, WAY, SEND, ASK, FETCH, BEGIN, COMMIT, ABORT, CANCEL };

/* One request that must come, and what comes back. */
struct step {
    enum request_kind kind;
    enum exchange_outcome outcome;
    int status;
    const char *body;
    const char *location;
    bool body_started;
    bool connect_failed;
};

#define BE_PATH "http://be1:8040/api/ods/orders/_stream_load"
/* The frontend shows the way, or does not. */
#define WAY_OK                                                                                     \
    {                                                                                              \
        .kind = WAY, .status = 307, .location = BE_PATH, .body = ""                                \
    }
#define WAY_SAYS(http, text)                                                                       \
    {                                                                                              \
        .kind = WAY, .status = http, .body = text                                                  \
    }
#define WAY_DEAD                                                                                   \
    {                                                                                              \
        .kind = WAY, .outcome = EXCHANGE_FAILED, .connect_failed = true                            \
    }
/* The backend answers after the body, before it, or not at all. */
#define SAYS(http, text)                                                                           \
    {                                                                                              \
        .kind = SEND, .status = http, .body = text, .body_started = true                           \
    }
#define SAYS_EARLY(text)                                                                           \
    {                                                                                              \
        .kind = SEND, .status = 200, .body = text                                                  \
    }
#define LOST                                                                                       \
    {                                                                                              \
        .kind = SEND, .outcome = EXCHANGE_FAILED, .body_started = true                             \
    }
#define DEAD                                                                                       \
    {                                                                                              \
        .kind = SEND, .outcome = EXCHANGE_FAILED, .connect_failed = true                           \
    }
#define SENT_ON                                                                                    \
    {                                                                                              \
        .kind = SEND, .status = 307, .location = BE_PATH, .body = ""                               \
    }
/* The label's state, or none. */
#define STATE(text)                                                                                \
    {                                                                                              \
        .kind = ASK, .status = 200, .body = text                                                   \
    }
#define STATE_HTTP(http, text)                                                                     \
    {                                                                                              \
        .kind = ASK, .status = http, .body = text                                                  \
    }
#define STATE_DEAD                                                                                 \
    {                                                                                              \
        .kind = ASK, .outcome = EXCHANGE_FAILED, .connect_failed = true                            \
    }

/* What comes back to a request without a body. */
#define TO(what, text)                                                                             \
    {                                                                                              \
        .kind = what, .status = 200, .body = text                                                  \
    }
#define TO_LOST(what)                                                                              \
    {                                                                                              \
        .kind = what, .outcome = EXCHANGE_FAILED                                                   \
    }
#define TO_DEAD(what)                                                                              \
    {                                                                                              \
        .kind = what, .outcome = EXCHANGE_FAILED, .connect_failed = true                           \
    }

struct scripted {
    struct exchange base;
    const struct step *steps;
    unsigned step_count;
    unsigned at;
    unsigned sends;
    const struct body *body;
    struct halt *halt;
    bool two_phase;
};

static struct scripted script;
static unsigned waits;
static unsigned stop_at_wait; /* 0: never */
static uint64_t waited_ms;

static enum request_kind kind_of(const struct exchange_request *request)
{
    const char *path = request->endpoint.path;
    if (strcmp(request->method, "POST") == 0)
        return strcmp(path, "/commit?7") == 0     ? COMMIT
               : strcmp(path, "/commit?L-1") == 0 ? COMMIT
               : strcmp(path, "/begin?L-1") == 0  ? BEGIN
               : strcmp(path, "/abort?L-1") == 0  ? ABORT
               : strcmp(path, "/cancel?L-1") == 0 ? CANCEL
                                                  : NONE;
    if (strcmp(request->method, "PUT") == 0)
        return request->body == NULL ? WAY : SEND;
    return strstr(request->endpoint.path, "/get_load_state?label=") != NULL ? ASK : FETCH;
}

static enum exchange_outcome scripted_perform(struct exchange *exchange,
                                              const struct exchange_request *request,
                                              struct exchange_response *response)
{
    (void)exchange;
    exchange_response_reset(response);
    if (halt_stopped(script.halt))
        return EXCHANGE_STOPPED;
    if (script.at == script.step_count)
        fail_msg("a request more than the script has: %s %s", request->method,
                 request->endpoint.path);
    const struct step *step = &script.steps[script.at++];
    if (kind_of(request) != step->kind)
        fail_msg("step %u: %s %s is not what must come", script.at, request->method,
                 request->endpoint.path);
    assert_int_equal(request->authorize, step->kind != FETCH);
    if (step->kind == SEND) {
        /* Every send is of the same bytes, under the same label. */
        assert_ptr_equal(request->body, script.body);
        assert_non_null(memmem(request->headers.ptr, request->headers.len, "label: L-1\n", 11));
        assert_int_equal(script.two_phase, memmem(request->headers.ptr, request->headers.len,
                                                  "two_phase: true\n", 16) != NULL);
        script.sends++;
    }
    response->http_status = step->status;
    response->body_started = step->body_started;
    response->connect_failed = step->connect_failed;
    if (step->body != NULL)
        buf_add_str(&response->body, step->body);
    if (step->location != NULL)
        snprintf(response->location, sizeof(response->location), "%s", step->location);
    if (step->outcome != EXCHANGE_ANSWERED)
        snprintf(response->reason, sizeof(response->reason), "the line is dead");
    return step->outcome;
}

static void scripted_close(struct exchange *exchange)
{
    (void)exchange;
}

static const struct exchange_ops scripted_ops = {scripted_perform, scripted_close};

static enum rc make_scripted(void *ctx, struct exchange **exchange_out, struct error *err)
{
    (void)ctx;
    (void)err;
    script.base.ops = &scripted_ops;
    *exchange_out = &script.base;
    return RC_OK;
}

/* Time passes without being spent. */
static bool scripted_wait(struct halt *halt, unsigned wait_ms)
{
    waits++;
    waited_ms += wait_ms;
    assert_true(wait_ms >= 100 && wait_ms <= 30000);
    if (waits == stop_at_wait)
        halt_stop(halt);
    return !halt_stopped(halt);
}

/* What is played. */
enum play_way {
    PLAY_LABELLED = 0,
    PLAY_PREPARE,
    PLAY_COMMIT,
    PLAY_UNDO,
    PLAY_JOINT, /* of two loads, the same rows twice */
    PLAY_TAKE_BACK
};

struct play {
    const char *name;
    enum play_way way;
    enum load_end end;
    struct step steps[STEPS_MAX];
    enum rc rc;
    unsigned sends;
    unsigned retries;
    const char *text; /* in the error's text; NULL: none */
    enum error_outcome outcome;
    int64_t max_retries; /* 0: for ever */
    bool keyless;
    bool distrust; /* labels are forgotten at once */
    bool widen;
    unsigned stop_at_wait;
    unsigned before; /* transactions that came to nothing before this one */
};

static void run_play(const struct play *play)
{
    static const char *const frontends[] = {"fe1:8030", "fe2:8030"};
    struct fixture f;
    struct error err;
    struct halt halt;
    struct frontends turns;
    struct transfer transfer;
    struct load_outcome outcome;
    atomic_ullong retries = 0;
    fixture_init(&f, LOAD_ZERO_DATES_NULL, play->keyless);
    assert_int_equal(fixture_put(&f, CHANGE_INSERT, NULL, ROW("1", "a", NULL, NULL), &err), RC_OK);
    assert_int_equal(fixture_put(&f, CHANGE_INSERT, NULL, ROW("2", "b", NULL, NULL), &err), RC_OK);
    struct load_settings settings = {.frontends = {frontends, 2},
                                     .max_retries = play->max_retries == 0 ? -1 : play->max_retries,
                                     .threads = 1};
    assert_int_equal(halt_init(&halt, &err), RC_OK);
    assert_int_equal(frontends_init(&turns, 2, &err), RC_OK);
    struct exchange_factory factory = {make_scripted, NULL};
    assert_int_equal(transfer_init(&transfer, &stub_dialect, &settings, &turns, &factory, &err),
                     RC_OK);
    script = (struct scripted){.base.ops = &scripted_ops,
                               .steps = play->steps,
                               .body = &f.body,
                               .halt = &halt,
                               .two_phase = play->way == PLAY_PREPARE};
    while (script.step_count < STEPS_MAX && play->steps[script.step_count].kind != NONE)
        script.step_count++;
    waits = 0;
    stop_at_wait = play->stop_at_wait;
    struct load_env env = {.transfer = &transfer,
                           .halt = &halt,
                           .wait = scripted_wait,
                           .retries = &retries,
                           .label_trust_us = play->distrust ? 0 : LOAD_LABEL_TRUST_US};
    struct transfer_load load = {.schema = &f.schema,
                                 .label = SLICE("L-1"),
                                 .body = &f.body,
                                 .two_phase = play->way == PLAY_PREPARE};
    const struct load_txn txn = {.db = f.schema.db,
                                 .table = f.schema.table,
                                 .label = load.label,
                                 .id = play->way == PLAY_COMMIT ? 7 : 0};

    const struct transfer_load loads[] = {load, load};
    const struct load_joint joint = {
        .db = f.schema.db, .label = load.label, .loads = loads, .count = 2, .before = play->before};

    error_clear(&err);
    enum rc rc = play->way == PLAY_COMMIT  ? load_commit(&env, &txn, play->keyless, &outcome, &err)
                 : play->way == PLAY_UNDO  ? load_undo(&env, &txn, &outcome, &err)
                 : play->way == PLAY_JOINT ? load_joint(&env, &joint, &outcome, &err)
                 : play->way == PLAY_TAKE_BACK ? load_take_back(&env, &joint, &outcome, &err)
                                               : load_run(&env, &load, &outcome, &err);
    if (rc != play->rc)
        fail_msg("%s: %s instead of %s: %s", play->name, rc_name(rc), rc_name(play->rc), err.text);
    if (script.at != script.step_count)
        fail_msg("%s: ended at step %u of %u", play->name, script.at, script.step_count);
    if (script.sends != play->sends || outcome.retries != play->retries)
        fail_msg("%s: %u sends, %llu retries", play->name, script.sends,
                 (unsigned long long)outcome.retries);
    assert_int_equal(atomic_load(&retries), play->retries);
    assert_int_equal(outcome.widen, play->widen);
    if (rc == RC_OK && outcome.end != play->end)
        fail_msg("%s: ended as %u", play->name, (unsigned)outcome.end);
    if (rc == RC_OK && outcome.end == LOAD_END_PREPARED)
        assert_int_equal(outcome.transaction, 7);
    if (play->text != NULL && strstr(err.text, play->text) == NULL)
        fail_msg("%s: the text is \"%s\"", play->name, err.text);
    if (rc != RC_OK && rc != RC_CANCELLED) {
        assert_int_equal(err.outcome, play->outcome);
        assert_int_not_equal(err.class, ERROR_RETRY);
        assert_int_not_equal(err.class, ERROR_NONE);
    }
    transfer_deinit(&transfer);
    frontends_deinit(&turns);
    halt_deinit(&halt);
    fixture_deinit(&f);
}

#endif
