/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What becomes of a request on its way to the warehouse and back. It stands where libcurl does, behind
 * the engine's own exchange: a request takes time, other threads go on meanwhile, and at each of its
 * moments it may fail or its sender may die.
 */
#include "house_int.h"

#include "sinks/stream_load/exchange_int.h"

#include <stdio.h>
#include <stdlib.h>

/* One thread's HTTP. */
struct sim_exchange {
    struct exchange base;
    const struct load_settings *settings;
    struct halt *halt;
    char sent[HOUSE_LABEL_MAX]; /* the label that it sent last; for a known mistake */
};

/* A pause of the network; false when the sender was stopped or died in it. */
static bool pass(struct sim_exchange *exchange, uint64_t us)
{
    uint64_t until_us = sim_now_us() + us;
    while (!halt_stopped(exchange->halt) && sim_now_us() < until_us)
        fiber_sleep_on(&exchange->halt->changed, until_us - sim_now_us());
    return life_goes_on("in a request") && !halt_stopped(exchange->halt);
}

static enum exchange_outcome failed(struct exchange_response *response, const char *reason,
                                    bool body_started)
{
    response->body_started = body_started;
    snprintf(response->reason, sizeof(response->reason), "%s", reason);
    trace("http: %s", reason);
    if (bug_armed != BUG_LOST_IS_SUCCESS || !body_started)
        return EXCHANGE_FAILED;
    response->http_status = 200;
    buf_reset(&response->body);
    buf_add_str(&response->body, "{\"Status\": \"Success\", \"Message\": \"OK\"}");
    return EXCHANGE_ANSWERED;
}

static enum exchange_outcome not_reached(struct exchange_response *response)
{
    response->connect_failed = true;
    return failed(response, "the connection was refused", false);
}

static struct slice header_of(const struct exchange_request *request, struct slice name)
{
    struct slice rest = request->headers;
    while (rest.len > 0) {
        const uint8_t *end = memchr(rest.ptr, '\n', rest.len);
        size_t len = end == NULL ? rest.len : (size_t)(end - rest.ptr);
        struct slice line = slice_of(rest.ptr, len);
        if (slice_starts_nocase(line, name))
            return slice_of(line.ptr + name.len, line.len - name.len);
        size_t used = end == NULL ? len : len + 1;
        rest = slice_of(rest.ptr + used, rest.len - used);
    }
    return SLICE_EMPTY;
}

/* ---- the body ---- */

/* The whole number behind "name": in a line; false when there is none, or null. */
static bool number_in(struct slice line, const char *name, uint64_t *value)
{
    char key[64];
    int len = snprintf(key, sizeof(key), "\"%s\":", name);
    const uint8_t *at = memmem(line.ptr, line.len, key, (size_t)len);
    if (at == NULL)
        return false;
    const uint8_t *digits = at + len;
    const uint8_t *end = digits;
    for (*value = 0; end < line.ptr + line.len && *end >= '0' && *end <= '9'; end++)
        *value = *value * 10 + (uint64_t)(*end - '0');
    return end > digits;
}

/* How many of the added columns a row has a value in; they must be those that its value wants. */
static unsigned added_columns(const struct house_load *load, struct slice line, uint64_t value)
{
    unsigned count = 0;
    for (unsigned column = 1; column <= 2; column++) {
        char name[8];
        uint64_t number;
        snprintf(name, sizeof(name), "c%u", column);
        if (!number_in(line, name, &number))
            continue;
        count++;
        if (!warehouse_has_column(load->table, name))
            violation("a load of t%u has the column %s, which the target has not", load->table,
                      name);
        else if (number != source_added_value(value, column))
            violation("a row of t%u has another row's value in its column %s", load->table, name);
    }
    return count;
}

static void take_line(struct house_load *load, struct slice line)
{
    ASSERT(load->row_count < HOUSE_ROWS_MAX);
    unsigned i = load->row_count++;
    uint64_t value = 0;
    uint64_t mark = 0;
    bool whole = number_in(line, "id", &load->rows[i].id) && number_in(line, "v", &value);
    (void)number_in(line, world.starrocks ? "__op" : "__DORIS_DELETE_SIGN__", &mark);
    load->gone[i] = mark == 1;
    if (!whole)
        violation("a row of t%u lacks a column: %.*s", load->table, SLICE_ARG(line));
    else if (!load->gone[i])
        load->rows[i].value = source_row_value(value, added_columns(load, line, value));
}

/* A body as the server reads it: one JSON object a line. */
static void take_body(struct house_load *load, const struct exchange_request *request)
{
    struct body_cursor cursor;
    body_cursor_init(&cursor, request->body, request->set);
    uint8_t text[4096];
    size_t have = 0;
    size_t got;
    while ((got = body_cursor_read(&cursor, text + have, sizeof(text) - have)) > 0) {
        have += got;
        const uint8_t *end;
        while ((end = memchr(text, '\n', have)) != NULL) {
            size_t len = (size_t)(end - text);
            take_line(load, slice_of(text, len));
            have -= len + 1;
            memmove(text, end + 1, have);
        }
    }
    if (have > 0)
        take_line(load, slice_of(text, have));
}

/* ---- answers ---- */

static void answer_load(struct exchange_response *response, const struct house_load *load,
                        const char *status, const char *message)
{
    bool counted = strcmp(status, "Success") == 0 || strcmp(status, "Publish Timeout") == 0;
    response->http_status = 200;
    buf_addf(&response->body,
             "{\"TxnId\": %u, \"Label\": \"%s\", \"Status\": \"%s\", \"Message\": \"%s\"", load->id,
             load->label, status, message);
    if (!world.starrocks)
        buf_addf(&response->body, ", \"TwoPhaseCommit\": \"%s\"",
                 load->two_phase ? "true" : "false");
    if (load->refusal == REFUSAL_LABEL)
        buf_addf(&response->body, ", \"ExistingJobStatus\": \"%s\"", load->existing);
    buf_addf(&response->body,
             ", \"NumberTotalRows\": %u, \"NumberLoadedRows\": %u, \"NumberFilteredRows\": 0}",
             counted ? load->row_count : 0, counted ? load->row_count : 0);
}

/* What the server says when it is done with a load. */
static void tell(struct exchange_response *response, const struct house_load *load)
{
    char message[300];
    switch (load->state) {
    case HOUSE_REFUSED:
        if (load->refusal == REFUSAL_BUSY) {
            answer_load(response, load, "Fail",
                        "tablet writer write failed, tablet_id=1, txn_id=1, err=-235: too many "
                        "versions");
            return;
        }
        snprintf(message, sizeof(message), "Label [%s] has already been used, relate to txn [%u]",
                 load->label, load->existing_id);
        answer_load(response, load, "Label Already Exists", message);
        return;
    case HOUSE_ABORTED:
        answer_load(response, load, "Fail", "close wait failed coz rpc error");
        return;
    case HOUSE_COMMITTED:
        answer_load(response, load, "Publish Timeout",
                    "transaction commit successfully, BUT data will be visible later");
        return;
    case HOUSE_PREPARED:
    case HOUSE_VISIBLE:
        answer_load(response, load, "Success", "OK");
        return;
    case HOUSE_COMING:
    case HOUSE_RUNNING:
        break;
    }
    ASSERT(false && "an answer before the end");
}

/* The way back: `response` holds the server's answer. */
static enum exchange_outcome bring_back(struct sim_exchange *exchange,
                                        struct exchange_response *response, bool body_started)
{
    if (!pass(exchange, random_delay(200 * MS)))
        return EXCHANGE_STOPPED;
    response->body_started = body_started;
    if (fault(FAULT_ANSWER_LOST))
        return failed(response, "the connection was lost before the answer", body_started);
    if (fault(FAULT_ANSWER_GARBLED)) {
        buf_reset(&response->body);
        buf_add_str(&response->body, "<html><body>Bad Gateway</body></html>");
        response->http_status = random_chance(500) ? 502 : 200;
    } else if (fault(FAULT_ANSWER_CUT)) {
        response->body.len = random_below(response->body.len + 1);
    }
    return EXCHANGE_ANSWERED;
}

/* ---- loads ---- */

/* Draws what is to happen to it. */
static void plan(struct house_load *load)
{
    uint64_t slow_us = fault(FAULT_SLOW) ? random_between(1, 10 * MINUTE) : 0;
    load->begin_us = sim_now_us() + random_delay(200 * MS);
    load->arrive_us = load->begin_us + random_delay(300 * MS);
    load->end_us = load->arrive_us + random_delay(500 * MS) + slow_us;
    load->publish_us = random_delay(80 * MS);
    load->whole = true;
    load->busy = fault(FAULT_BUSY);
    load->fails = fault(FAULT_LOAD_ABORTED);
    load->timeout_us = load->end_us + 10 * MINUTE;
    if (fault(FAULT_PUBLISH_TIMEOUT))
        load->publish_us = house_publish_wait_us() + random_delay(5 * MINUTE);
    if (fault(FAULT_BODY_CUT)) {
        load->whole = false;
        load->timeout_us = load->begin_us + random_delay(MINUTE);
    }
}

/* Waits until the server has made up its mind about the load, or the answer's time is over. */
static enum exchange_outcome await(struct sim_exchange *exchange, struct house_load *load,
                                   uint64_t deadline_us, struct exchange_response *response)
{
    for (;;) {
        warehouse_advance();
        uint64_t now_us = sim_now_us();
        uint64_t until_us = deadline_us;
        if (load->state == HOUSE_REFUSED || load->state == HOUSE_ABORTED ||
            load->state == HOUSE_PREPARED || load->state == HOUSE_VISIBLE)
            return EXCHANGE_ANSWERED;
        if (load->state == HOUSE_COMMITTED) {
            uint64_t tells_us = load->finished_us + house_publish_wait_us();
            if (now_us >= tells_us)
                return EXCHANGE_ANSWERED;
            until_us = tells_us < load->visible_us ? tells_us : load->visible_us;
        } else if (load->state == HOUSE_COMING) {
            until_us = load->begin_us;
        } else if (load->whole) {
            until_us = load->end_us;
        }
        if (now_us >= deadline_us)
            return failed(response, "no answer came in time", now_us >= load->begin_us);
        if (until_us > deadline_us)
            until_us = deadline_us;
        if (!pass(exchange, until_us > now_us ? until_us - now_us : 1))
            return EXCHANGE_STOPPED;
    }
}

/* The server's last word about a load may be wrong: it fell between two of its own parts. */
static void say_unsure(struct exchange_response *response, struct house_load *load)
{
    if (load->state != HOUSE_VISIBLE && load->state != HOUSE_ABORTED)
        return;
    buf_reset(&response->body);
    answer_load(response, load, "Fail",
                world.starrocks ? "Failed to commit txn: rpc timeout" : "[THRIFT_RPC_ERROR]failed");
}

static enum exchange_outcome load_body(struct sim_exchange *exchange,
                                       const struct exchange_request *request, unsigned table,
                                       const char *label, struct exchange_response *response)
{
    if (fault(FAULT_CONNECT))
        return not_reached(response);
    struct house_load *load = house_load_new(label, table);
    plan(load);
    take_body(load, request);
    load->two_phase = header_of(request, SLICE("two_phase_commit:")).len > 0;
    load->client_waits = true;
    trace("http: load %u of t%u sets out, %u rows, %s", load->id, table, load->row_count, label);
    enum exchange_outcome outcome;
    if (fault(FAULT_NO_CONTINUE)) {
        /* The server has begun it, and nobody ever sends the body. */
        load->whole = false;
        load->timeout_us = load->begin_us + random_delay(MINUTE);
        outcome = pass(exchange, 30 * SECOND)
                      ? failed(response, "the server did not ask for the body", false)
                      : EXCHANGE_STOPPED;
    } else if (!load->whole && !load->busy) {
        uint64_t cut_us = load->begin_us + random_below(load->arrive_us - load->begin_us + 1);
        bool passed = pass(exchange, cut_us - sim_now_us());
        outcome =
            passed ? failed(response, "the connection broke in the body", true) : EXCHANGE_STOPPED;
    } else {
        uint64_t deadline_us = load->arrive_us + exchange->settings->read_timeout_ms * MS;
        if (fault(FAULT_ANSWER_LATE))
            deadline_us = load->arrive_us + random_delay(SECOND);
        outcome = await(exchange, load, deadline_us, response);
        if (outcome == EXCHANGE_ANSWERED && response->body.len == 0) {
            bool body_started = load->state != HOUSE_REFUSED;
            tell(response, load);
            if (body_started && fault(FAULT_COMMIT_UNSURE))
                say_unsure(response, load);
            outcome = bring_back(exchange, response, body_started);
        }
    }
    if (!life_is_dead())
        load->client_waits = false;
    return outcome;
}

/* The leg that asks a frontend for the way. */
static enum exchange_outcome ask_way(struct sim_exchange *exchange,
                                     const struct exchange_request *request,
                                     struct exchange_response *response)
{
    if (fault(FAULT_CONNECT))
        return not_reached(response);
    if (!pass(exchange, random_delay(50 * MS)))
        return EXCHANGE_STOPPED;
    if (fault(FAULT_FRONTEND_ERROR)) {
        response->http_status = 200;
        buf_add_str(&response->body,
                    world.starrocks
                        ? "{\"Status\": \"FAILED\", \"Message\": \"No backend alive.\"}"
                        : "{\"status\": \"FAILED\", \"msg\": \"No backend load available\"}");
        return EXCHANGE_ANSWERED;
    }
    response->http_status = 307;
    snprintf(response->location, sizeof(response->location), "http://be%u:8040%s",
             (unsigned)random_between(1, 2), request->endpoint.path);
    return bring_back(exchange, response, false);
}

/* ---- labels ---- */

/* The label that a request carries, as known mistakes would have it. */
static void copy_label(struct sim_exchange *exchange, struct slice said, bool sends, char *label)
{
    snprintf(label, HOUSE_LABEL_MAX, "%.*s", SLICE_ARG(slice_trim(said)));
    char *epoch = strrchr(label, '_');
    if (bug_armed == BUG_LABEL_WITHOUT_EPOCH && epoch != NULL)
        *epoch = '\0';
    bool anew = bug_armed == BUG_NEW_LABEL || bug_armed == BUG_PUBLISH_TIMEOUT;
    if (!sends || !anew)
        return;
    size_t len = strlen(label);
    if (strcmp(exchange->sent, label) == 0)
        snprintf(label + len, HOUSE_LABEL_MAX - len, "_%u", (unsigned)random_below(1000));
    else
        snprintf(exchange->sent, sizeof(exchange->sent), "%s", label);
}

/* ---- the steps of two-phase loading ---- */

struct step_request {
    enum step_kind kind;
    unsigned table;
    unsigned id;
    const char *label;
};

/* Which requests the frontend passes on: all but those that end a transaction of which it knows more than
 * the backend (facts/starrocks.md 2.6), and at Doris any. */
static bool is_passed_on(const struct exchange_request *request, const struct step_request *wanted)
{
    if (strncmp(request->endpoint.authority, "fe", 2) != 0)
        return false;
    if (!world.starrocks)
        return random_chance(500);
    const struct house_load *load = house_label(wanted->label);
    return wanted->kind < STEP_COMMIT || (load != NULL && load->state == HOUSE_RUNNING);
}

/* A step on its way there; false: the sender was stopped or died. */
static bool carry_step(struct sim_exchange *exchange, struct step *step, bool *late)
{
    uint64_t patience_us = exchange->settings->read_timeout_ms * MS;
    uint64_t wait_us = step->arrives_us - sim_now_us();
    *late = wait_us > patience_us;
    if (*late) {
        fault_note(FAULT_LATE_STEP);
        step->arrives_us = sim_now_us() + patience_us + random_delay(5 * SECOND);
    }
    bool passed = pass(exchange, *late ? patience_us : wait_us);
    if (passed)
        warehouse_advance();
    else if (!life_is_dead())
        step_leave(step);
    return passed;
}

static enum exchange_outcome run_step(struct sim_exchange *exchange,
                                      const struct exchange_request *request,
                                      const struct step_request *wanted,
                                      struct exchange_response *response)
{
    warehouse_advance();
    if (is_passed_on(request, wanted))
        return ask_way(exchange, request, response);
    if (fault(FAULT_CONNECT))
        return not_reached(response);
    if (bug_armed == BUG_NO_COMMIT && wanted->kind == STEP_COMMIT) {
        response->http_status = 200;
        buf_add_str(&response->body, world.starrocks ? "{\"Status\": \"OK\", \"TxnId\": 1}"
                                                     : "{\"status\": \"Success\", \"msg\": \"\"}");
        return EXCHANGE_ANSWERED;
    }
    bool has_body = wanted->kind == STEP_LOAD;
    if (has_body && fault(FAULT_NO_CONTINUE))
        return pass(exchange, 30 * SECOND)
                   ? failed(response, "the server did not ask for the body", false)
                   : EXCHANGE_STOPPED;
    uint64_t slow_us = fault(FAULT_SLOW) ? random_between(1, 5 * MINUTE) : 0;
    struct step *step = step_send(wanted->kind, wanted->table, wanted->label, wanted->id,
                                  sim_now_us() + random_delay(300 * MS) + slow_us);
    step->at_backend = strncmp(request->endpoint.authority, "be", 2) == 0;
    if (has_body) {
        step->cargo->table = wanted->table;
        take_body(step->cargo, request);
        step->cut = fault(FAULT_BODY_CUT);
    }
    bool late;
    if (!carry_step(exchange, step, &late))
        return EXCHANGE_STOPPED;
    bool cut = step->cut;
    response->http_status = 200;
    if (!late && !cut)
        buf_add_str(&response->body, step->answer);
    step_leave(step);
    if (late)
        return failed(response, "no answer came in time", has_body);
    if (cut)
        return failed(response, "the connection broke in the body", true);
    return bring_back(exchange, response, has_body);
}

/* Doris: commit by the number, abort by the label. */
static enum exchange_outcome finish_doris(struct sim_exchange *exchange,
                                          const struct exchange_request *request,
                                          struct exchange_response *response)
{
    char label[HOUSE_LABEL_MAX];
    uint64_t id = 0;
    copy_label(exchange, header_of(request, SLICE("label:")), false, label);
    (void)text_parse_u64(slice_trim(header_of(request, SLICE("txn_id:"))), &id);
    struct slice operation = slice_trim(header_of(request, SLICE("txn_operation:")));
    struct step_request wanted = {.kind = slice_equal(operation, SLICE("commit")) ? STEP_COMMIT
                                                                                  : STEP_ABORT,
                                  .id = (unsigned)id,
                                  .label = label};
    return run_step(exchange, request, &wanted, response);
}

/* StarRocks: everything by the label. */
static enum exchange_outcome step_starrocks(struct sim_exchange *exchange,
                                            const struct exchange_request *request,
                                            const char *operation,
                                            struct exchange_response *response)
{
    static const char *const words[] = {"begin", "load", "prepare", "commit", "rollback"};
    char label[HOUSE_LABEL_MAX];
    unsigned kind = 0;
    while (kind < COUNT_OF(words) && strcmp(words[kind], operation) != 0)
        kind++;
    struct step_request wanted = {
        .kind = (enum step_kind)kind,
        .table = warehouse_table(slice_trim(header_of(request, SLICE("table:")))),
        .label = label};
    copy_label(exchange, header_of(request, SLICE("label:")), false, label);
    if (kind == COUNT_OF(words) || wanted.table == SOURCE_TABLES) {
        violation("a step %s that no warehouse knows", operation);
        return EXCHANGE_STOPPED;
    }
    return run_step(exchange, request, &wanted, response);
}

/* ---- questions ---- */

static enum exchange_outcome answer_question(struct sim_exchange *exchange, const char *label,
                                             struct exchange_response *response)
{
    if (fault(FAULT_CONNECT))
        return not_reached(response);
    if (!pass(exchange, random_delay(100 * MS)))
        return EXCHANGE_STOPPED;
    warehouse_advance();
    const struct house_load *load = house_label(label);
    const char *state = load == NULL ? "UNKNOWN" : house_state_word(load);
    trace("http: the label %s is %s", label, state);
    response->http_status = 200;
    if (fault(FAULT_LABEL_QUESTION))
        buf_add_str(&response->body,
                    "{\"msg\": \"NOT_MASTER\", \"code\": 1, \"status\": \"FAILED\"}");
    else if (world.starrocks)
        buf_addf(&response->body, "{\"status\": \"OK\", \"state\": \"%s\", \"msg\": \"\"}", state);
    else
        buf_addf(&response->body, "{\"msg\": \"success\", \"code\": 0, \"data\": \"%s\"}", state);
    return bring_back(exchange, response, false);
}

/* ---- the exchange ---- */

/* Cuts "/api/db/rest". */
static bool cut_path(const char *path, struct slice *db, const char **rest)
{
    if (strncmp(path, "/api/", 5) != 0)
        return false;
    const char *slash = strchr(path + 5, '/');
    if (slash == NULL)
        return false;
    *db = slice_of((const uint8_t *)path + 5, (size_t)(slash - path) - 5);
    *rest = slash + 1;
    return true;
}

static enum exchange_outcome perform(struct exchange *base, const struct exchange_request *request,
                                     struct exchange_response *response)
{
    struct sim_exchange *exchange = (struct sim_exchange *)base;
    exchange_response_reset(response);
    struct slice db;
    const char *rest;
    char label[HOUSE_LABEL_MAX];
    if (!life_goes_on("before a request") || halt_stopped(exchange->halt))
        return EXCHANGE_STOPPED;
    if (!cut_path(request->endpoint.path, &db, &rest)) {
        violation("a request for %s, which no warehouse knows", request->endpoint.path);
        return EXCHANGE_STOPPED;
    }
    static const char question[] = "get_load_state?label=";
    if (strncmp(rest, question, sizeof(question) - 1) == 0) {
        copy_label(exchange, slice_str(rest + sizeof(question) - 1), false, label);
        return answer_question(exchange, label, response);
    }
    if (!world.starrocks && strcmp(rest, "_stream_load_2pc") == 0)
        return finish_doris(exchange, request, response);
    if (world.starrocks && slice_equal(db, SLICE("transaction")))
        return step_starrocks(exchange, request, rest, response);
    const char *slash = strchr(rest, '/');
    size_t len = slash == NULL ? strlen(rest) : (size_t)(slash - rest);
    unsigned table = warehouse_table(slice_of((const uint8_t *)rest, len));
    static const char cancel[] = "/_cancel?label=";
    if (slash != NULL && strncmp(slash, cancel, sizeof(cancel) - 1) == 0) {
        copy_label(exchange, slice_str(slash + sizeof(cancel) - 1), false, label);
        const struct step_request wanted = {.kind = STEP_ABORT, .table = table, .label = label};
        return run_step(exchange, request, &wanted, response);
    }
    if (table == SOURCE_TABLES || slash == NULL || strcmp(slash, "/_stream_load") != 0) {
        violation("a request for %s, which this warehouse does not know", request->endpoint.path);
        return EXCHANGE_STOPPED;
    }
    if (request->body == NULL)
        return ask_way(exchange, request, response);
    copy_label(exchange, header_of(request, SLICE("label:")), true, label);
    return load_body(exchange, request, table, label, response);
}

static void close_exchange(struct exchange *base)
{
    free(base);
}

static const struct exchange_ops ops = {.perform = perform, .close = close_exchange};

enum rc __wrap_exchange_curl_new(const struct load_settings *settings, struct halt *halt,
                                 struct exchange **exchange_out, struct error *err);
enum rc __wrap_exchange_curl_new(const struct load_settings *settings, struct halt *halt,
                                 struct exchange **exchange_out, struct error *err UNUSED)
{
    struct sim_exchange *exchange = calloc(1, sizeof(*exchange));
    ASSERT(exchange != NULL);
    exchange->base.ops = &ops;
    exchange->settings = settings;
    exchange->halt = halt;
    *exchange_out = &exchange->base;
    return RC_OK;
}
