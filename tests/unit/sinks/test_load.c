/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Every event of a load against every state of its label: a scripted server plays one line after
 * the other, and the load must ask, send again, end or stop as the table in load_int.h says.
 */
#include "load_fixture.h"
#include "sinks/stream_load/load_int.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#define STEPS_MAX 16

enum request_kind { NONE = 0, WAY, SEND, ASK, FETCH };

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

struct scripted {
    struct exchange base;
    const struct step *steps;
    unsigned step_count;
    unsigned at;
    unsigned sends;
    const struct body *body;
    struct halt *halt;
};

static struct scripted script;
static unsigned waits;
static unsigned stop_at_wait; /* 0: never */
static uint64_t waited_ms;

static enum request_kind kind_of(const struct exchange_request *request)
{
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

struct play {
    const char *name;
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
    script = (struct scripted){
        .base.ops = &scripted_ops, .steps = play->steps, .body = &f.body, .halt = &halt};
    while (script.step_count < STEPS_MAX && play->steps[script.step_count].kind != NONE)
        script.step_count++;
    waits = 0;
    stop_at_wait = play->stop_at_wait;
    struct load_env env = {.transfer = &transfer,
                           .halt = &halt,
                           .wait = scripted_wait,
                           .retries = &retries,
                           .label_trust_us = play->distrust ? 0 : LOAD_LABEL_TRUST_US};
    struct transfer_load load = {.schema = &f.schema, .label = SLICE("L-1"), .body = &f.body};

    error_clear(&err);
    enum rc rc = load_run(&env, &load, &outcome, &err);
    if (rc != play->rc)
        fail_msg("%s: %s instead of %s: %s", play->name, rc_name(rc), rc_name(play->rc), err.text);
    if (script.at != script.step_count)
        fail_msg("%s: ended at step %u of %u", play->name, script.at, script.step_count);
    if (script.sends != play->sends || outcome.retries != play->retries)
        fail_msg("%s: %u sends, %llu retries", play->name, script.sends,
                 (unsigned long long)outcome.retries);
    assert_int_equal(atomic_load(&retries), play->retries);
    assert_int_equal(outcome.widen, play->widen);
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

#define DONE SAYS(200, "DONE 2 2 0")

static const struct play plays[] = {
    {.name = "the plain good way", .steps = {WAY_OK, DONE}, .rc = RC_OK, .sends = 1},
    {.name = "counts not said", .steps = {WAY_OK, SAYS(200, "DONE")}, .rc = RC_OK, .sends = 1},
    {.name = "publish timeout is committed",
     .steps = {WAY_OK, SAYS(200, "PUBLISH TIMEOUT")},
     .rc = RC_OK,
     .sends = 1,
     .widen = true},
    {.name = "sent on by a second frontend",
     .steps = {WAY_OK, SENT_ON, DONE},
     .rc = RC_OK,
     .sends = 2},
    {.name = "one row too few",
     .steps = {WAY_OK, SAYS(200, "DONE 2 1 0")},
     .rc = RC_PROTOCOL,
     .sends = 1,
     .text = "row counts are not ours",
     .outcome = ERROR_APPLIED},
    {.name = "one row filtered",
     .steps = {WAY_OK, SAYS(200, "DONE 2 2 1")},
     .rc = RC_PROTOCOL,
     .sends = 1,
     .text = "filtered 1",
     .outcome = ERROR_APPLIED},
    {.name = "an empty load",
     .steps = {WAY_OK, SAYS(200, "DONE 0 0 0")},
     .rc = RC_PROTOCOL,
     .sends = 1,
     .text = "counted 0 rows",
     .outcome = ERROR_APPLIED},
    {.name = "lost, and visible",
     .steps = {WAY_OK, LOST, STATE("COMMITTED")},
     .rc = RC_OK,
     .sends = 1},
    {.name = "lost, and unknown",
     .steps = {WAY_OK, LOST, STATE("UNKNOWN"), WAY_OK, DONE},
     .rc = RC_OK,
     .sends = 2,
     .retries = 1},
    {.name = "lost, and aborted",
     .steps = {WAY_OK, LOST, STATE("ABORTED"), WAY_OK, DONE},
     .rc = RC_OK,
     .sends = 2,
     .retries = 1},
    {.name = "lost, running, then visible",
     .steps = {WAY_OK, LOST, STATE("RUNNING"), STATE("RUNNING"), STATE("COMMITTED")},
     .rc = RC_OK,
     .sends = 1},
    {.name = "lost, running, then aborted",
     .steps = {WAY_OK, LOST, STATE("RUNNING"), STATE("ABORTED"), WAY_OK, DONE},
     .rc = RC_OK,
     .sends = 2,
     .retries = 1},
    {.name = "lost, and prepared by another",
     .steps = {WAY_OK, LOST, STATE("PREPARED")},
     .rc = RC_MISMATCH,
     .sends = 1,
     .text = "two-phase load"},
    {.name = "lost, and nobody answers for long",
     .steps = {WAY_OK, LOST, STATE_DEAD, STATE_DEAD, STATE_HTTP(502, "<html>"),
               STATE_HTTP(200, "{\"sta"), STATE_DEAD, STATE_DEAD, STATE_DEAD, STATE("COMMITTED")},
     .rc = RC_OK,
     .sends = 1},
    {.name = "lost twice",
     .steps = {WAY_OK, LOST, STATE("UNKNOWN"), WAY_OK, LOST, STATE("COMMITTED")},
     .rc = RC_OK,
     .sends = 2,
     .retries = 1},
    {.name = "lost, unknown, and then it exists after all",
     .steps = {WAY_OK, LOST, STATE("UNKNOWN"), WAY_OK, SAYS_EARLY("EXISTS"), STATE("RUNNING"),
               STATE("COMMITTED")},
     .rc = RC_OK,
     .sends = 2,
     .retries = 1},
    {.name = "a keyless load that was just lost is sent again",
     .steps = {WAY_OK, LOST, STATE("UNKNOWN"), WAY_OK, DONE},
     .rc = RC_OK,
     .sends = 2,
     .retries = 1,
     .keyless = true},
    {.name = "a keyless load whose label may be forgotten",
     .steps = {WAY_OK, LOST, STATE_DEAD, STATE("UNKNOWN")},
     .rc = RC_PROTOCOL,
     .sends = 1,
     .text = "no longer knew the label",
     .outcome = ERROR_MAYBE_APPLIED,
     .keyless = true,
     .distrust = true},
    {.name = "a keyless load whose label is known to be aborted",
     .steps = {WAY_OK, LOST, STATE("ABORTED"), WAY_OK, DONE},
     .rc = RC_OK,
     .sends = 2,
     .retries = 1,
     .keyless = true,
     .distrust = true},
    {.name = "a keyed load whose label may be forgotten",
     .steps = {WAY_OK, LOST, STATE("UNKNOWN"), WAY_OK, DONE},
     .rc = RC_OK,
     .sends = 2,
     .retries = 1,
     .distrust = true},
    {.name = "the question is refused again and again",
     .steps = {WAY_OK, LOST, STATE_HTTP(401, "who"), STATE_HTTP(401, "who"), STATE_HTTP(401, "who"),
               STATE_HTTP(401, "who"), STATE_HTTP(401, "who")},
     .rc = RC_PROTOCOL,
     .sends = 1,
     .text = "cannot be learned",
     .outcome = ERROR_MAYBE_APPLIED},
    {.name = "the question is refused once in a while",
     .steps = {WAY_OK, LOST, STATE_HTTP(401, "who"), STATE_DEAD, STATE_HTTP(401, "who"),
               STATE("COMMITTED")},
     .rc = RC_OK,
     .sends = 1},
    {.name = "exists, finished",
     .steps = {WAY_OK, SAYS_EARLY("EXISTS"), STATE("COMMITTED")},
     .rc = RC_OK,
     .sends = 1},
    {.name = "exists, running, then finished",
     .steps = {WAY_OK, SAYS_EARLY("EXISTS"), STATE("RUNNING"), STATE("COMMITTED")},
     .rc = RC_OK,
     .sends = 1},
    {.name = "exists, and forgotten a moment later",
     .steps = {WAY_OK, SAYS_EARLY("EXISTS"), STATE("UNKNOWN"), WAY_OK, DONE},
     .rc = RC_OK,
     .sends = 2,
     .retries = 1},
    {.name = "exists, prepared",
     .steps = {WAY_OK, SAYS_EARLY("EXISTS"), STATE("PREPARED")},
     .rc = RC_MISMATCH,
     .sends = 1,
     .text = "Commit or abort it there"},
    {.name = "HTTP 500 after the body",
     .steps = {WAY_OK, SAYS(500, "oops"), STATE("COMMITTED")},
     .rc = RC_OK,
     .sends = 1},
    {.name = "truncated JSON after the body",
     .steps = {WAY_OK, SAYS(200, "{\"Status\": \"Succ"), STATE("ABORTED"), WAY_OK, DONE},
     .rc = RC_OK,
     .sends = 2,
     .retries = 1},
    {.name = "HTTP 503 of a frontend: nothing was sent",
     .steps = {WAY_SAYS(503, "later"), WAY_OK, DONE},
     .rc = RC_OK,
     .sends = 1,
     .retries = 1},
    {.name = "strange words before the body: nothing was sent",
     .steps = {WAY_OK, SAYS_EARLY("hm"), WAY_OK, DONE},
     .rc = RC_OK,
     .sends = 2,
     .retries = 1},
    {.name = "busy, then taken",
     .steps = {WAY_OK, SAYS(200, "BUSY -235"), WAY_OK, SAYS(200, "BUSY -235"), WAY_OK, DONE},
     .rc = RC_OK,
     .sends = 3,
     .retries = 2,
     .widen = true},
    {.name = "busy for too long",
     .steps = {WAY_OK, SAYS(200, "BUSY -235"), WAY_OK, SAYS(200, "BUSY -235"), WAY_OK,
               SAYS(200, "BUSY -235")},
     .rc = RC_BUSY,
     .sends = 3,
     .retries = 2,
     .text = "BUSY -235",
     .max_retries = 2,
     .widen = true},
    {.name = "frontend and backend dead for a while",
     .steps = {WAY_DEAD, WAY_DEAD, WAY_OK, DEAD, WAY_OK, DONE},
     .rc = RC_OK,
     .sends = 2,
     .retries = 3},
    {.name = "dead for too long",
     .steps = {WAY_DEAD, WAY_DEAD},
     .rc = RC_BUSY,
     .retries = 1,
     .text = "the line is dead",
     .max_retries = 1},
    {.name = "a refused row",
     .steps = {WAY_OK,
               SAYS(200, "BAD ROW, see http://be1:8040/api/_load_error_log?file=e"),
               {.kind = FETCH, .status = 200, .body = "Reason: too long\nReason: null"}},
     .rc = RC_REJECTED,
     .sends = 1,
     .text = "First refused rows: Reason: too long Reason: null"},
    {.name = "a refused row whose log is out of reach",
     .steps = {WAY_OK,
               SAYS(200, "BAD ROW, see http://be1:8040/api/_load_error_log?file=e"),
               {.kind = FETCH, .outcome = EXCHANGE_FAILED}},
     .rc = RC_REJECTED,
     .sends = 1,
     .text = "2 rows into Stub Warehouse table ods.orders (label L-1)"},
    {.name = "a refused row whose log lies elsewhere",
     .steps = {WAY_OK, SAYS(200, "BAD ROW, see http://evil.example/x")},
     .rc = RC_REJECTED,
     .sends = 1,
     .text = "BAD ROW"},
    {.name = "wrong password",
     .steps = {WAY_SAYS(401, "who are you")},
     .rc = RC_PROTOCOL,
     .text = "who are you"},
    {.name = "no privilege",
     .steps = {WAY_OK, SAYS_EARLY("DENIED to loader")},
     .rc = RC_PROTOCOL,
     .sends = 1,
     .text = "DENIED"},
    {.name = "a backend as frontend",
     .steps = {WAY_SAYS(200, "DONE 0 0 0")},
     .rc = RC_CONFIG,
     .text = "is a backend"},
    {.name = "sent to a file",
     .steps = {{.kind = WAY, .status = 307, .location = "file:///etc/passwd"}},
     .rc = RC_PROTOCOL,
     .text = "neither http"},
    {.name = "sent in circles, then not",
     .steps = {WAY_OK, SENT_ON, SENT_ON, SENT_ON, SENT_ON, SENT_ON, WAY_OK, DONE},
     .rc = RC_OK,
     .sends = 6,
     .retries = 1},
    {.name = "certificate refused",
     .steps = {{.kind = WAY, .outcome = EXCHANGE_REFUSED}},
     .rc = RC_CONFIG,
     .text = "rules for TLS"},
    {.name = "stop while waiting to send again",
     .steps = {WAY_OK, SAYS(200, "BUSY")},
     .rc = RC_CANCELLED,
     .sends = 1,
     .retries = 1,
     .stop_at_wait = 1,
     .widen = true},
    {.name = "stop while asking",
     .steps = {WAY_OK, LOST, STATE_DEAD, STATE_DEAD},
     .rc = RC_CANCELLED,
     .sends = 1,
     .stop_at_wait = 2},
    {.name = "stop while it runs there",
     .steps = {WAY_OK, LOST, STATE("RUNNING")},
     .rc = RC_CANCELLED,
     .sends = 1,
     .stop_at_wait = 1},
    {.name = "stop in the transfer",
     .steps = {{.kind = WAY, .outcome = EXCHANGE_STOPPED}},
     .rc = RC_CANCELLED},
};

static void test_plays(void **state)
{
    (void)state;
    for (unsigned i = 0; i < COUNT_OF(plays); i++)
        run_play(&plays[i]);
}

int main(void)
{
    log_setup(2, LOG_FORMAT_TEXT, LOG_OFF);
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_plays)};
    return cmocka_run_group_tests_name("stream_load load", tests, NULL, NULL);
}
