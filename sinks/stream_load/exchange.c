/* SPDX-License-Identifier: Apache-2.0 */
/*
 * HTTP by libcurl, one request at a time. The body is read from the live rows where they lie, or goes
 * out compressed, made before the request begins.
 *
 * The wait for "100 Continue" is long on purpose: the backend checks label, privileges and columns
 * before it says 100, and a frontend never says it, so a refusal comes before the first byte of the
 * body (facts/doris.md 1.3, facts/starrocks.md 1.2).
 */
#include "exchange_int.h"
#include "compress_int.h"

#include <curl/curl.h>
#include <stdio.h>
#include <stdlib.h>

/* Of an answer, all together. Real ones have some hundred bytes. */
#define HEADERS_MAX (64u << 10)
/* Of a compressed body: what does not shrink grows by a few bytes. */
#define PACKED_MAX ((size_t)5 << 30)

struct curl_exchange {
    struct exchange base;
    const struct load_settings *settings; /* borrowed */
    struct halt *halt;                    /* borrowed */
    CURL *curl;                           /* owned */
    char curl_error[CURL_ERROR_SIZE];

    /* Of the request in hand. */
    struct body_cursor cursor;
    struct buf packed; /* the body, where it goes out compressed */
    size_t packed_at;  /* how much of it was read */
    bool is_packed;
    struct exchange_response *response;
    curl_off_t uploaded; /* at the last look */
    uint64_t moved_us;   /* when that figure last changed: bytes that come in buy no time */
    size_t header_bytes; /* of the answer so far, every status line's */
    bool silent;         /* broken off because the answer was not whole in time */
    bool wordy;          /* broken off because its headers were too long */
};

void exchange_response_init(struct exchange_response *response)
{
    *response = (struct exchange_response){0};
    buf_init(&response->body, EXCHANGE_ANSWER_MAX);
}

void exchange_response_deinit(struct exchange_response *response)
{
    buf_deinit(&response->body);
}

void exchange_response_reset(struct exchange_response *response)
{
    buf_reset(&response->body);
    response->http_status = 0;
    response->location[0] = '\0';
    response->body_started = false;
    response->connect_failed = false;
    response->cut = false;
    response->reason[0] = '\0';
}

static size_t read_packed(struct curl_exchange *exchange, char *out, size_t cap)
{
    size_t left = exchange->packed.len - exchange->packed_at;
    size_t len = left < cap ? left : cap;
    memcpy(out, exchange->packed.ptr + exchange->packed_at, len);
    exchange->packed_at += len;
    return len;
}

static bool seek_body(struct curl_exchange *exchange, uint64_t offset)
{
    if (!exchange->is_packed)
        return body_cursor_seek(&exchange->cursor, offset);
    if (offset > exchange->packed.len)
        return false;
    exchange->packed_at = (size_t)offset;
    return true;
}

static size_t read_body_cb(char *out, size_t size, size_t count, void *ctx)
{
    struct curl_exchange *exchange = ctx;
    size_t len = exchange->is_packed
                     ? read_packed(exchange, out, size * count)
                     : body_cursor_read(&exchange->cursor, (uint8_t *)out, size * count);
    if (len > 0)
        exchange->response->body_started = true;
    return len;
}

static int seek_body_cb(void *ctx, curl_off_t offset, int origin)
{
    struct curl_exchange *exchange = ctx;
    if (origin != SEEK_SET || offset < 0 || !seek_body(exchange, (uint64_t)offset))
        return CURL_SEEKFUNC_FAIL;
    return CURL_SEEKFUNC_OK;
}

static size_t write_answer_cb(char *bytes, size_t size, size_t count, void *ctx)
{
    struct curl_exchange *exchange = ctx;
    struct buf *body = &exchange->response->body;
    size_t len = size * count;
    size_t room = body->max - body->len;
    if (len > room) {
        buf_add(body, bytes, room);
        exchange->response->cut = true;
        return 0; /* breaks the transfer off */
    }
    buf_add(body, bytes, len);
    return body->rc == RC_OK ? len : 0;
}

static size_t header_cb(char *bytes, size_t size, size_t count, void *ctx)
{
    struct curl_exchange *exchange = ctx;
    struct slice line = slice_trim(slice_of(bytes, size * count));
    struct slice name = SLICE("location:");
    char *location = exchange->response->location;
    exchange->header_bytes += size * count;
    if (exchange->header_bytes > HEADERS_MAX) {
        exchange->wordy = true;
        return 0; /* breaks the transfer off */
    }
    if (slice_starts_nocase(line, SLICE("HTTP/")))
        location[0] = '\0'; /* the headers of another status line (100) are over */
    if (slice_starts_nocase(line, name)) {
        struct slice value = slice_trim(slice_of(line.ptr + name.len, line.len - name.len));
        if (value.len < ENDPOINT_URL_MAX && memchr(value.ptr, 0, value.len) == NULL)
            snprintf(location, ENDPOINT_URL_MAX, "%.*s", SLICE_ARG(value));
    }
    return size * count;
}

/* Called about once a second, and whenever something moves. The time for an answer runs from the
 * last byte that went out, so a peer that sends a byte now and then gains nothing by it. */
static int progress_cb(void *ctx, curl_off_t download_total, curl_off_t download_now,
                       curl_off_t upload_total, curl_off_t upload_now)
{
    (void)download_total;
    (void)download_now;
    (void)upload_total;
    struct curl_exchange *exchange = ctx;
    if (halt_stopped(exchange->halt))
        return 1;
    uint64_t now_us = clock_monotonic_us();
    if (upload_now != exchange->uploaded) {
        exchange->uploaded = upload_now;
        exchange->moved_us = now_us;
    }
    uint64_t patience_us = exchange->settings->read_timeout_ms * 1000u;
    if (patience_us > 0 && now_us - exchange->moved_us > patience_us) {
        exchange->silent = true;
        return 1;
    }
    return 0;
}

static struct curl_slist *add_header(struct curl_slist *list, const char *line, bool *ok)
{
    struct curl_slist *longer = *ok ? curl_slist_append(list, line) : NULL;
    if (longer == NULL)
        *ok = false;
    return longer == NULL ? list : longer;
}

/* The request's header lines as libcurl wants them; NULL when there is no memory. */
static struct curl_slist *build_headers(const struct exchange_request *request)
{
    bool ok = true;
    struct curl_slist *list = NULL;
    struct buf line;
    buf_init(&line, 1u << 20);
    for (struct slice rest = request->headers; ok && rest.len > 0;) {
        const uint8_t *end = memchr(rest.ptr, '\n', rest.len);
        size_t len = end == NULL ? rest.len : (size_t)(end - rest.ptr);
        buf_reset(&line);
        buf_add_slice(&line, slice_trim(slice_of(rest.ptr, len)));
        ok = line.rc == RC_OK;
        if (line.len > 0)
            list = add_header(list, buf_cstr(&line), &ok);
        len = end == NULL ? len : len + 1;
        rest = slice_of(rest.ptr + len, rest.len - len);
    }
    buf_deinit(&line);
    /* Without these two lines libcurl would decide by itself about 100-continue. */
    list = add_header(list, request->expect ? "Expect: 100-continue" : "Expect:", &ok);
    if (request->body == NULL && strcmp(request->method, "GET") != 0)
        list = add_header(list, "Content-Length: 0", &ok);
    if (ok)
        return list;
    curl_slist_free_all(list);
    return NULL;
}

static void set_fixed_options(struct curl_exchange *exchange)
{
    CURL *curl = exchange->curl;
    const struct load_settings *settings = exchange->settings;
    curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(curl, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
    curl_easy_setopt(curl, CURLOPT_FOLLOWLOCATION, 0L);
    curl_easy_setopt(curl, CURLOPT_PROXY, "");
    curl_easy_setopt(curl, CURLOPT_NOPROXY, "*");
    curl_easy_setopt(curl, CURLOPT_NETRC, (long)CURL_NETRC_IGNORED);
    curl_easy_setopt(curl, CURLOPT_FRESH_CONNECT, 1L);
    curl_easy_setopt(curl, CURLOPT_FORBID_REUSE, 1L);
    curl_easy_setopt(curl, CURLOPT_TCP_NODELAY, 1L);
    curl_easy_setopt(curl, CURLOPT_UPLOAD_BUFFERSIZE, 512L << 10);
    curl_easy_setopt(curl, CURLOPT_USERAGENT, "millrace/" MILLRACE_VERSION);
    curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, exchange->curl_error);
    curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT_MS, (long)settings->connect_timeout_ms);
    curl_easy_setopt(curl, CURLOPT_EXPECT_100_TIMEOUT_MS, (long)settings->continue_timeout_ms);
    if (settings->tls_ca != NULL)
        curl_easy_setopt(curl, CURLOPT_CAINFO, settings->tls_ca);
    curl_easy_setopt(curl, CURLOPT_NOPROGRESS, 0L);
    curl_easy_setopt(curl, CURLOPT_XFERINFOFUNCTION, progress_cb);
    curl_easy_setopt(curl, CURLOPT_XFERINFODATA, exchange);
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, write_answer_cb);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, exchange);
    curl_easy_setopt(curl, CURLOPT_HEADERFUNCTION, header_cb);
    curl_easy_setopt(curl, CURLOPT_HEADERDATA, exchange);
}

static void set_request_options(struct curl_exchange *exchange,
                                const struct exchange_request *request, const char *url,
                                const char *password, struct curl_slist *headers)
{
    CURL *curl = exchange->curl;
    curl_easy_setopt(curl, CURLOPT_URL, url);
    curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
    if (request->authorize) {
        curl_easy_setopt(curl, CURLOPT_HTTPAUTH, (long)CURLAUTH_BASIC);
        curl_easy_setopt(curl, CURLOPT_USERNAME, exchange->settings->user);
        curl_easy_setopt(curl, CURLOPT_PASSWORD, password);
    }
    if (request->body != NULL) {
        uint64_t bytes =
            exchange->is_packed ? exchange->packed.len : request->body->parts[request->set].bytes;
        body_cursor_init(&exchange->cursor, request->body, request->set);
        curl_easy_setopt(curl, CURLOPT_UPLOAD, 1L);
        curl_easy_setopt(curl, CURLOPT_INFILESIZE_LARGE, (curl_off_t)bytes);
        curl_easy_setopt(curl, CURLOPT_READFUNCTION, read_body_cb);
        curl_easy_setopt(curl, CURLOPT_READDATA, exchange);
        curl_easy_setopt(curl, CURLOPT_SEEKFUNCTION, seek_body_cb);
        curl_easy_setopt(curl, CURLOPT_SEEKDATA, exchange);
    } else {
        curl_easy_setopt(curl, CURLOPT_HTTPGET, 1L);
        curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, request->method);
    }
}

/* The memory of compressed bodies is not kept: it is beside the bound of the bodies themselves. */
static bool begin_packed(struct curl_exchange *exchange, const struct exchange_request *request)
{
    exchange->is_packed = request->compression != LOAD_COMPRESSION_NONE && request->body != NULL;
    if (!exchange->is_packed)
        return true;
    exchange->packed_at = 0;
    buf_init(&exchange->packed, PACKED_MAX);
    return compress_part(request->compression, request->body, request->set, &exchange->packed);
}

static void end_packed(struct curl_exchange *exchange)
{
    if (exchange->is_packed)
        buf_deinit(&exchange->packed);
    exchange->is_packed = false;
}

/* Whether the peer was never spoken to: an address or a connection that failed. */
static bool never_connected(struct curl_exchange *exchange, CURLcode code)
{
    if (code == CURLE_COULDNT_RESOLVE_HOST || code == CURLE_COULDNT_CONNECT ||
        code == CURLE_SSL_CONNECT_ERROR)
        return true;
    curl_off_t request_ready_us = 0;
    curl_easy_getinfo(exchange->curl, CURLINFO_PRETRANSFER_TIME_T, &request_ready_us);
    return code == CURLE_OPERATION_TIMEDOUT && request_ready_us == 0;
}

static enum exchange_outcome judge(struct curl_exchange *exchange, CURLcode code,
                                   const char *authority)
{
    struct exchange_response *response = exchange->response;
    long status = 0;
    curl_easy_getinfo(exchange->curl, CURLINFO_RESPONSE_CODE, &status);
    response->http_status = (int)status;
    if (code == CURLE_OK && status >= 200)
        return EXCHANGE_ANSWERED;
    if (halt_stopped(exchange->halt))
        return EXCHANGE_STOPPED;
    if (code == CURLE_WRITE_ERROR && response->cut)
        return EXCHANGE_ANSWERED;
    response->connect_failed = never_connected(exchange, code);
    if (exchange->silent)
        snprintf(response->reason, sizeof(response->reason),
                 "%s: no whole answer came within %llu ms", authority,
                 (unsigned long long)exchange->settings->read_timeout_ms);
    else if (exchange->wordy)
        snprintf(response->reason, sizeof(response->reason),
                 "%s: the answer has more than %u KiB of headers", authority, HEADERS_MAX >> 10);
    else
        snprintf(response->reason, sizeof(response->reason), "%s: %s", authority,
                 exchange->curl_error[0] != '\0' ? exchange->curl_error : curl_easy_strerror(code));
    if (code == CURLE_PEER_FAILED_VERIFICATION || code == CURLE_SSL_CACERT_BADFILE)
        return EXCHANGE_REFUSED;
    return EXCHANGE_FAILED;
}

static enum exchange_outcome curl_perform(struct exchange *base,
                                          const struct exchange_request *request,
                                          struct exchange_response *response)
{
    struct curl_exchange *exchange = (struct curl_exchange *)base;
    exchange_response_reset(response);
    if (halt_stopped(exchange->halt))
        return EXCHANGE_STOPPED;
    struct curl_slist *headers = build_headers(request);
    char *password = secret_copy(exchange->settings->password);
    if (headers == NULL || password == NULL || !begin_packed(exchange, request)) {
        curl_slist_free_all(headers);
        secret_wipe(password);
        end_packed(exchange);
        snprintf(response->reason, sizeof(response->reason), "there is no memory for a request");
        return EXCHANGE_FAILED;
    }
    char url[ENDPOINT_URL_MAX];
    endpoint_url(&request->endpoint, url);
    curl_easy_reset(exchange->curl);
    exchange->response = response;
    exchange->curl_error[0] = '\0';
    exchange->uploaded = 0;
    exchange->moved_us = clock_monotonic_us();
    exchange->header_bytes = 0;
    exchange->silent = false;
    exchange->wordy = false;
    set_fixed_options(exchange);
    set_request_options(exchange, request, url, password, headers);
    secret_wipe(password); /* libcurl has a copy until the reset below */
    CURLcode code = curl_easy_perform(exchange->curl);
    enum exchange_outcome outcome = judge(exchange, code, request->endpoint.authority);
    curl_easy_reset(exchange->curl); /* no pointer to this call's memory stays behind */
    curl_slist_free_all(headers);
    end_packed(exchange);
    exchange->response = NULL;
    return outcome;
}

static void curl_close(struct exchange *base)
{
    struct curl_exchange *exchange = (struct curl_exchange *)base;
    if (exchange == NULL)
        return;
    curl_easy_cleanup(exchange->curl);
    free(exchange);
}

static const struct exchange_ops curl_ops = {.perform = curl_perform, .close = curl_close};

static CURLcode global_code;

static void init_library(void)
{
    global_code = curl_global_init(CURL_GLOBAL_DEFAULT);
}

enum rc exchange_curl_new(const struct load_settings *settings, struct halt *halt,
                          struct exchange **exchange_out, struct error *err)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, init_library);
    struct curl_exchange *exchange = calloc(1, sizeof(*exchange));
    CURL *curl = exchange == NULL || global_code != CURLE_OK ? NULL : curl_easy_init();
    if (curl == NULL) {
        free(exchange);
        return error_set(err, RC_MEMORY, "The HTTP library (libcurl) cannot be started.");
    }
    exchange->base.ops = &curl_ops;
    exchange->settings = settings;
    exchange->halt = halt;
    exchange->curl = curl;
    *exchange_out = &exchange->base;
    return RC_OK;
}
