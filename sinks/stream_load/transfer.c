/* SPDX-License-Identifier: Apache-2.0 */
/* Sending, asking, fetching: one try each; see transfer_int.h. */
#include "transfer_int.h"

#include <stdio.h>
#include <stdlib.h>

#define HOPS_MAX 5
/* How long a frontend that could not be reached is passed over. */
#define ASIDE_US 10000000u
#define HEADERS_MAX (1u << 20)

enum rc frontends_init(struct frontends *frontends, unsigned count, struct error *err)
{
    ASSERT(count > 0);
    *frontends = (struct frontends){.count = count};
    frontends->aside_until_us = calloc(count, sizeof(uint64_t));
    if (frontends->aside_until_us == NULL)
        return error_set(err, RC_MEMORY, "There is no memory for the list of frontends.");
    int code = pthread_mutex_init(&frontends->lock, NULL);
    if (code == 0)
        return RC_OK;
    free(frontends->aside_until_us);
    return error_set_os(err, RC_MEMORY, code, "A lock cannot be made");
}

void frontends_deinit(struct frontends *frontends)
{
    pthread_mutex_destroy(&frontends->lock);
    free(frontends->aside_until_us);
}

unsigned frontends_next(struct frontends *frontends)
{
    pthread_mutex_lock(&frontends->lock);
    uint64_t now_us = clock_monotonic_us();
    unsigned index = frontends->turn % frontends->count;
    for (unsigned i = 0; i < frontends->count; i++) {
        unsigned candidate = (frontends->turn + i) % frontends->count;
        if (frontends->aside_until_us[candidate] <= now_us) {
            index = candidate;
            break;
        }
    }
    frontends->turn = (index + 1) % frontends->count;
    pthread_mutex_unlock(&frontends->lock);
    return index;
}

void frontends_set_aside(struct frontends *frontends, unsigned index)
{
    pthread_mutex_lock(&frontends->lock);
    frontends->aside_until_us[index] = clock_monotonic_us() + ASIDE_US;
    pthread_mutex_unlock(&frontends->lock);
}

enum rc transfer_init(struct transfer *transfer, const struct load_dialect *dialect,
                      const struct load_settings *settings, struct frontends *frontends,
                      const struct exchange_factory *factory, struct error *err)
{
    *transfer = (struct transfer){.dialect = dialect, .settings = settings, .frontends = frontends};
    exchange_response_init(&transfer->response);
    return factory->make(factory->ctx, &transfer->exchange, err);
}

void transfer_deinit(struct transfer *transfer)
{
    if (transfer->exchange != NULL)
        transfer->exchange->ops->close(transfer->exchange);
    transfer->exchange = NULL;
    exchange_response_deinit(&transfer->response);
}

/* A request on its way from hop to hop. */
struct journey {
    struct exchange_request request;
    int frontend; /* index of the frontend that was asked first; -1: none */
    /* How the answer at its end reads; NULL: as that to a load. */
    const enum load_step *step;
    /* What goes out behind the first redirect, and what stays out before it. */
    const struct transfer_load *load; /* NULL: no body */
    struct slice headers;
    enum load_compression compression; /* of the body */
    bool joint; /* a frontend itself begins such a transaction (facts/starrocks.md 2.6) */
};

static bool is_redirect(int status)
{
    return status == 301 || status == 302 || status == 307 || status == 308;
}

/* An address of the configuration: host:port. */
static enum rc start_at(struct transfer *transfer, const char *address, const char *path,
                        struct endpoint *endpoint, struct error *err)
{
    char url[ENDPOINT_URL_MAX];
    int len = snprintf(url, sizeof(url), "http%s://%s%s", transfer->settings->tls ? "s" : "",
                       address, path);
    if (len < 0 || (size_t)len >= sizeof(url))
        return error_set(err, RC_CONFIG, "The address %s with its path is too long.", address);
    enum rc rc = endpoint_parse(url, endpoint, err);
    if (rc != RC_OK)
        error_wrap(err, "Address %s", address);
    return rc;
}

/* Whether the answer in hand refuses user or password; then nothing was taken. */
static bool password_refused(const struct transfer *transfer)
{
    const struct exchange_response *response = &transfer->response;
    struct load_answer answer;
    if (is_redirect(response->http_status))
        return false;
    transfer->dialect->read_answer(response->http_status, buf_slice(&response->body), &answer);
    return answer.verdict == LOAD_VERDICT_FATAL &&
           (response->http_status == 401 || strcasestr(answer.message, "denied") != NULL ||
            strcasestr(answer.message, "auth") != NULL);
}

/* One request; when its password is refused and there is another one now, the same once more. */
static enum exchange_outcome perform(struct transfer *transfer,
                                     const struct exchange_request *request)
{
    struct exchange *exchange = transfer->exchange;
    struct secret password = transfer->settings->password;
    unsigned version = secret_version(password);
    enum exchange_outcome outcome = exchange->ops->perform(exchange, request, &transfer->response);
    if (outcome != EXCHANGE_ANSWERED || !request->authorize || password.origin == NULL)
        return outcome;
    if (password_refused(transfer) && secret_renew(password, version)) {
        log_info("sink.load",
                 "The password was refused, and there is another one now; it is tried.",
                 LOG_STR("target", request->endpoint.authority));
        outcome = exchange->ops->perform(exchange, request, &transfer->response);
    }
    int status = transfer->response.http_status;
    if (outcome == EXCHANGE_ANSWERED && (status == 200 || is_redirect(status)) &&
        !password_refused(transfer))
        secret_accepted(password);
    return outcome;
}

/* Performs one hop and notes what a failure means. */
static enum transfer_outcome hop(struct transfer *transfer, const struct journey *journey,
                                 struct transfer_result *result, struct error *err)
{
    struct exchange_response *response = &transfer->response;
    enum exchange_outcome outcome = perform(transfer, &journey->request);
    snprintf(result->backend, sizeof(result->backend), "%s", journey->request.endpoint.authority);
    result->body_started = response->body_started;
    switch (outcome) {
    case EXCHANGE_ANSWERED:
        if (journey->request.body != NULL || !journey->request.authorize ||
            !secret_may_change(transfer->settings->password) || !password_refused(transfer))
            return TRANSFER_ANSWERED;
        snprintf(result->reason, sizeof(result->reason),
                 "%s refuses the password, which it took before; a new one may be on its way",
                 result->backend);
        return TRANSFER_NOT_SENT;
    case EXCHANGE_STOPPED:
        return TRANSFER_STOPPED;
    case EXCHANGE_REFUSED:
        error_set(err, RC_CONFIG, "The connection to %s is refused by our own rules for TLS.",
                  response->reason);
        return TRANSFER_REFUSED;
    case EXCHANGE_FAILED:
        break;
    }
    snprintf(result->reason, sizeof(result->reason), "%s", response->reason);
    if (response->connect_failed && journey->frontend >= 0)
        frontends_set_aside(transfer->frontends, (unsigned)journey->frontend);
    return response->body_started ? TRANSFER_LOST : TRANSFER_NOT_SENT;
}

/* Turns to where the answer in hand sends us. */
static enum rc turn_to(struct transfer *transfer, struct journey *journey, struct error *err)
{
    struct endpoint next;
    if (transfer->response.location[0] == '\0')
        return error_set(err, RC_PROTOCOL, "%s sent a redirect without an address.",
                         journey->request.endpoint.authority);
    enum rc rc = redirect_resolve(transfer->settings, &journey->request.endpoint,
                                  transfer->response.location, &next, err);
    if (rc != RC_OK)
        return rc;
    journey->request.endpoint = next;
    journey->frontend = -1;
    return RC_OK;
}

static enum transfer_outcome too_many_hops(struct transfer_result *result)
{
    snprintf(result->reason, sizeof(result->reason),
             "more than %d redirects in a row, the last one from %s", HOPS_MAX, result->backend);
    return TRANSFER_NOT_SENT;
}

/* The headers of the leg that asks for the way: all but what makes it a load of ours. */
static void drop_label(struct slice headers, struct buf *out)
{
    while (headers.len > 0) {
        const uint8_t *end = memchr(headers.ptr, '\n', headers.len);
        size_t len = end == NULL ? headers.len : (size_t)(end - headers.ptr) + 1;
        struct slice line = slice_of(headers.ptr, len);
        if (!slice_starts_nocase(line, SLICE("label:")) &&
            !slice_starts_nocase(line, SLICE("two_phase_commit:")))
            buf_add_slice(out, line);
        headers = slice_of(headers.ptr + len, headers.len - len);
    }
}

/* An answer to the leg that had neither label nor body: an error of the frontend, or no frontend.
 */
static enum transfer_outcome judge_way(const struct transfer *transfer,
                                       struct transfer_result *result, struct error *err)
{
    if (result->answer.verdict != LOAD_VERDICT_DONE)
        return TRANSFER_ANSWERED;
    error_set(err, RC_CONFIG,
              "%s is configured as a frontend of %s but takes loads itself, so it is a backend. "
              "Give the frontends' HTTP addresses, and this one in the list of backends.",
              result->backend, transfer->dialect->product);
    return TRANSFER_REFUSED;
}

/* Reads the answer in hand, and gives it words when it has none. */
static void read_answer(const struct transfer *transfer, const struct journey *journey,
                        struct transfer_result *result)
{
    int status = transfer->response.http_status;
    struct slice body = buf_slice(&transfer->response.body);
    if (journey->step == NULL)
        transfer->dialect->read_answer(status, body, &result->answer);
    else
        transfer->dialect->read_step(*journey->step, status, body, &result->answer);
    if (result->answer.message[0] == '\0')
        snprintf(result->answer.message, sizeof(result->answer.message),
                 "HTTP %d of %s, with no words that can be read", status, result->backend);
}

/* From here on the request carries the rows, if it is one that has any. */
static void take_body(struct journey *journey)
{
    if (journey->load == NULL)
        return;
    journey->request.body = journey->load->body;
    journey->request.set = journey->load->set;
    journey->request.compression = journey->compression;
}

static enum transfer_outcome send_legs(struct transfer *transfer, struct journey *journey,
                                       struct transfer_result *result, struct error *err)
{
    for (unsigned hops = 0; hops <= HOPS_MAX; hops++) {
        enum transfer_outcome outcome = hop(transfer, journey, result, err);
        if (outcome != TRANSFER_ANSWERED)
            return outcome;
        if (!is_redirect(transfer->response.http_status)) {
            read_answer(transfer, journey, result);
            /* A begin of one table, or the way of a load, is never a frontend's own to grant. */
            bool begins =
                journey->step != NULL && *journey->step == LOAD_STEP_BEGIN && !journey->joint;
            bool at_the_door = journey->frontend >= 0 && (journey->load != NULL || begins);
            return at_the_door ? judge_way(transfer, result, err) : TRANSFER_ANSWERED;
        }
        if (turn_to(transfer, journey, err) != RC_OK)
            return TRANSFER_REFUSED;
        journey->request.headers = journey->headers;
        take_body(journey);
    }
    return too_many_hops(result);
}

/* Begins at a configured backend when there are such, else at a frontend, which is given `way`. */
static enum transfer_outcome travel(struct transfer *transfer, struct journey *journey,
                                    const char *path, struct slice way, bool to_backend,
                                    struct transfer_result *result, struct error *err)
{
    const struct load_settings *settings = transfer->settings;
    const char *address;
    journey->request.headers = journey->headers;
    journey->frontend = -1;
    if (to_backend) {
        address = settings->backends.items[transfer->backend_turn % settings->backends.count];
        take_body(journey);
    } else {
        journey->frontend = (int)frontends_next(transfer->frontends);
        address = settings->frontends.items[journey->frontend];
        journey->request.headers = way;
    }
    if (start_at(transfer, address, path, &journey->request.endpoint, err) != RC_OK)
        return TRANSFER_REFUSED;
    return send_legs(transfer, journey, result, err);
}

/* The three texts of a request. */
struct request_texts {
    struct buf path;
    struct buf headers;
    struct buf way;
};

static void texts_init(struct request_texts *texts)
{
    buf_init(&texts->path, ENDPOINT_PATH_MAX);
    buf_init(&texts->headers, HEADERS_MAX);
    buf_init(&texts->way, HEADERS_MAX);
}

static void texts_deinit(struct request_texts *texts)
{
    buf_deinit(&texts->path);
    buf_deinit(&texts->headers);
    buf_deinit(&texts->way);
}

static enum rc texts_check(const struct request_texts *texts, struct error *err)
{
    enum rc rc = buf_check(&texts->path, "The path of a load", err);
    if (rc == RC_OK)
        rc = buf_check(&texts->headers, "The headers of a load", err);
    return rc == RC_OK ? buf_check(&texts->way, "The headers of a load", err) : rc;
}

static void add_load_headers(const struct transfer *transfer, const struct transfer_load *load,
                             enum load_compression compression, struct buf *out)
{
    transfer->dialect->headers(
        transfer->settings, load->schema,
        load->set == BODY_WHOLE ? NULL : body_set_bits(load->body, load->set), load->label, out);
    if (load->body->parts[load->set].csv) {
        buf_add_str(out, transfer->dialect->csv_headers[compression]);
        return;
    }
    buf_add_str(out, transfer->dialect->json_headers);
    if (compression != LOAD_COMPRESSION_NONE)
        buf_add_str(out, transfer->dialect->compression_header[compression]);
}

enum transfer_outcome transfer_send(struct transfer *transfer, const struct transfer_load *load,
                                    struct transfer_result *result, struct error *err)
{
    ASSERT(load->body->parts[load->set].rows >
           0); /* an empty load is an error there, or an empty commit */
    *result = (struct transfer_result){0};
    struct request_texts texts;
    texts_init(&texts);
    buf_add_str(&texts.path, "/api/");
    url_add_escaped(&texts.path, load->schema->db);
    buf_add_byte(&texts.path, '/');
    url_add_escaped(&texts.path, load->schema->table);
    buf_add_str(&texts.path, "/_stream_load");
    enum load_compression compression = transfer->settings->compression;
    add_load_headers(transfer, load, compression, &texts.headers);
    drop_label(buf_slice(&texts.headers), &texts.way);

    struct journey journey = {.request = {.method = "PUT", .expect = true, .authorize = true},
                              .load = load,
                              .headers = buf_slice(&texts.headers),
                              .compression = compression};
    enum transfer_outcome outcome = TRANSFER_REFUSED;
    if (texts_check(&texts, err) == RC_OK)
        outcome = travel(transfer, &journey, buf_cstr(&texts.path), buf_slice(&texts.way),
                         transfer->settings->backends.count > 0, result, err);
    transfer->backend_turn++;
    texts_deinit(&texts);
    return outcome;
}

/* One request of a two-phase load. False: the dialect has no such step. */
static bool run_step(struct transfer *transfer, enum load_step step, const struct load_txn *txn,
                     const struct transfer_load *load, struct transfer_result *result,
                     enum transfer_outcome *outcome_out, struct error *err)
{
    const struct load_dialect *dialect = transfer->dialect;
    *result = (struct transfer_result){0};
    struct request_texts texts;
    texts_init(&texts);
    /* An interface of its own (StarRocks) is not known to read the header of a compressed body. */
    enum load_compression compression =
        dialect->way_by_label ? LOAD_COMPRESSION_NONE : transfer->settings->compression;
    if (load != NULL)
        add_load_headers(transfer, load, compression, &texts.headers);
    const char *method =
        dialect->step_request(transfer->settings, step, txn, &texts.path, &texts.headers);
    if (load != NULL && !dialect->way_by_label)
        drop_label(buf_slice(&texts.headers), &texts.way);
    else
        buf_add_slice(&texts.way, buf_slice(&texts.headers));
    struct journey journey = {
        .request = {.method = method, .expect = load != NULL, .authorize = true},
        .step = &step,
        .load = load,
        .headers = buf_slice(&texts.headers),
        .compression = compression,
        .joint = txn->joint};
    bool at_frontend = txn->joint || (step >= LOAD_STEP_COMMIT && dialect->commit_at_frontend);
    bool to_backend = transfer->settings->backends.count > 0 && !at_frontend;
    *outcome_out = TRANSFER_REFUSED;
    if (method != NULL && texts_check(&texts, err) == RC_OK) {
        *outcome_out = travel(transfer, &journey, buf_cstr(&texts.path), buf_slice(&texts.way),
                              to_backend, result, err);
        /* Without a body nothing tells whether the request arrived. */
        if (*outcome_out == TRANSFER_NOT_SENT && load == NULL && !transfer->response.connect_failed)
            *outcome_out = TRANSFER_LOST;
    }
    texts_deinit(&texts);
    return method != NULL;
}

enum transfer_outcome transfer_prepare(struct transfer *transfer, const struct transfer_load *load,
                                       struct transfer_result *result, struct error *err)
{
    static const enum load_step steps[] = {LOAD_STEP_BEGIN, LOAD_STEP_LOAD, LOAD_STEP_PREPARE};
    ASSERT(load->body->parts[load->set].rows > 0);
    const struct load_txn txn = {
        .db = load->schema->db, .table = load->schema->table, .label = load->label};
    enum transfer_outcome outcome = TRANSFER_REFUSED;
    bool begun = false;
    for (unsigned i = 0; i < COUNT_OF(steps); i++) {
        const struct transfer_load *with = steps[i] == LOAD_STEP_LOAD ? load : NULL;
        struct transfer_result step_result;
        enum transfer_outcome step_outcome;
        if (!run_step(transfer, steps[i], &txn, with, &step_result, &step_outcome, err))
            continue;
        *result = step_result;
        outcome = step_outcome;
        result->body_started |= begun;
        /* Behind the first request the label is there: nothing is "not sent" any more. */
        if (outcome == TRANSFER_NOT_SENT && begun)
            outcome = TRANSFER_LOST;
        if (outcome != TRANSFER_ANSWERED || result->answer.verdict != LOAD_VERDICT_DONE)
            break;
        begun = true;
    }
    /* All steps of one load went to one backend: it alone knows the transaction while it is open. */
    transfer->backend_turn++;
    return outcome;
}

enum transfer_outcome transfer_gather(struct transfer *transfer, const struct transfer_load *loads,
                                      uint32_t count, struct load_txn *txn,
                                      struct transfer_result *result, struct error *err)
{
    enum transfer_outcome outcome = TRANSFER_REFUSED;
    txn->table = SLICE_EMPTY;
    bool made = run_step(transfer, LOAD_STEP_BEGIN, txn, NULL, result, &outcome, err);
    ASSERT(made);
    for (uint32_t i = 0; i < count; i++) {
        if (outcome != TRANSFER_ANSWERED || result->answer.verdict != LOAD_VERDICT_DONE)
            return outcome;
        ASSERT(loads[i].body->parts[loads[i].set].rows > 0);
        txn->table = loads[i].schema->table;
        made = run_step(transfer, LOAD_STEP_LOAD, txn, &loads[i], result, &outcome, err);
        ASSERT(made);
        /* It has begun: nothing is "not sent" any more. */
        if (outcome == TRANSFER_NOT_SENT)
            outcome = TRANSFER_LOST;
    }
    return outcome;
}

enum transfer_outcome transfer_finish(struct transfer *transfer, enum load_step step,
                                      const struct load_txn *txn, struct transfer_result *result,
                                      struct error *err)
{
    enum transfer_outcome outcome = TRANSFER_REFUSED;
    if (!run_step(transfer, step, txn, NULL, result, &outcome, err)) {
        /* Where there is no such step, it brings nothing; the label's state tells how things are. */
        outcome = TRANSFER_ANSWERED;
        snprintf(result->answer.message, sizeof(result->answer.message),
                 "%s has no other way to abort", transfer->dialect->product);
    }
    transfer->backend_turn++;
    return outcome;
}

/* A GET to a frontend, sent on to another one if it says so (a StarRocks follower sends questions
 * about labels to the leader, facts/starrocks.md 1.3). */
static enum transfer_outcome get(struct transfer *transfer, unsigned frontend, const char *path,
                                 struct transfer_result *result, struct error *err)
{
    *result = (struct transfer_result){0};
    struct journey journey = {.request = {.method = "GET", .authorize = true},
                              .frontend = (int)frontend};
    if (start_at(transfer, transfer->settings->frontends.items[frontend], path,
                 &journey.request.endpoint, err) != RC_OK)
        return TRANSFER_REFUSED;
    for (unsigned hops = 0; hops <= HOPS_MAX; hops++) {
        enum transfer_outcome outcome = hop(transfer, &journey, result, err);
        if (outcome != TRANSFER_ANSWERED || !is_redirect(transfer->response.http_status))
            return outcome;
        if (turn_to(transfer, &journey, err) != RC_OK)
            return TRANSFER_REFUSED;
    }
    return too_many_hops(result);
}

enum transfer_outcome transfer_ask_label(struct transfer *transfer, struct slice db,
                                         struct slice label, enum label_state *state_out,
                                         struct transfer_result *result, struct error *err)
{
    struct buf path;
    buf_init(&path, ENDPOINT_PATH_MAX);
    buf_add_str(&path, "/api/");
    url_add_escaped(&path, db);
    buf_add_str(&path, "/get_load_state?label=");
    url_add_escaped(&path, label);
    enum transfer_outcome outcome = TRANSFER_REFUSED;
    *state_out = LABEL_UNREADABLE;
    if (buf_check(&path, "The path of a question about a label", err) == RC_OK)
        outcome = get(transfer, frontends_next(transfer->frontends), buf_cstr(&path), result, err);
    buf_deinit(&path);
    if (outcome != TRANSFER_ANSWERED)
        return outcome;
    struct slice body = buf_slice(&transfer->response.body);
    *state_out = transfer->dialect->read_label_state(transfer->response.http_status, body);
    if (*state_out != LABEL_UNREADABLE)
        return outcome;
    transfer->dialect->read_answer(transfer->response.http_status, body, &result->answer);
    snprintf(result->reason, sizeof(result->reason), "%s answered HTTP %d: %s", result->backend,
             transfer->response.http_status, result->answer.message);
    return outcome;
}

enum transfer_outcome transfer_health(struct transfer *transfer, unsigned frontend,
                                      struct transfer_result *result, struct error *err)
{
    enum transfer_outcome outcome = get(transfer, frontend, "/api/health", result, err);
    if (outcome == TRANSFER_ANSWERED && transfer->response.http_status != 200)
        snprintf(result->reason, sizeof(result->reason), "%s answered HTTP %d", result->backend,
                 transfer->response.http_status);
    return outcome;
}

static bool same_host(const char *a, const char *b)
{
    const char *colon_a = strrchr(a, ':');
    const char *colon_b = strrchr(b, ':');
    size_t len_a = colon_a == NULL ? strlen(a) : (size_t)(colon_a - a);
    size_t len_b = colon_b == NULL ? strlen(b) : (size_t)(colon_b - b);
    return slice_equal_nocase(slice_of(a, len_a), slice_of(b, len_b));
}

/* Only hosts of the warehouse are asked: an answer must not make us call just any address. */
static bool host_known(const struct transfer *transfer, const char *backend, const char *authority)
{
    if (same_host(backend, authority))
        return true;
    const struct cfg_list *lists[] = {&transfer->settings->frontends,
                                      &transfer->settings->backends};
    for (unsigned l = 0; l < COUNT_OF(lists); l++)
        for (unsigned i = 0; i < lists[l]->count; i++)
            if (same_host(lists[l]->items[i], authority))
                return true;
    return false;
}

/* One printable line of what may be many. */
static void copy_line(struct slice text, char *out, size_t cap)
{
    size_t len = 0;
    for (size_t i = 0; i < text.len && len + 1 < cap; i++) {
        uint8_t byte = text.ptr[i];
        if (byte < ' ') {
            if (len > 0 && out[len - 1] != ' ')
                out[len++] = ' ';
        } else {
            out[len++] = (char)byte;
        }
    }
    /* No half of a character at the cut. */
    while (len > 0 && !text_is_utf8(slice_of(out, len)))
        len--;
    out[len] = '\0';
}

void transfer_fetch_errors(struct transfer *transfer, const struct transfer_result *result,
                           char *out, size_t cap)
{
    out[0] = '\0';
    struct journey journey = {.request = {.method = "GET"}, .frontend = -1};
    struct endpoint *endpoint = &journey.request.endpoint;
    struct transfer_result ignored = {0};
    bool scheme_said;
    if (result->answer.error_url[0] == '\0' ||
        endpoint_parse(result->answer.error_url, endpoint, NULL) != RC_OK)
        return;
    char told[ENDPOINT_HOST_MAX];
    snprintf(told, sizeof(told), "%s", endpoint->authority);
    if (endpoint_rewrite(&transfer->settings->rewrite, endpoint, &scheme_said, NULL) != RC_OK)
        return;
    if (strcmp(told, endpoint->authority) == 0 &&
        !host_known(transfer, result->backend, endpoint->authority))
        return;
    if (hop(transfer, &journey, &ignored, NULL) == TRANSFER_ANSWERED &&
        transfer->response.http_status == 200)
        copy_line(buf_slice(&transfer->response.body), out, cap);
}
