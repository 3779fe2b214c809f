/* SPDX-License-Identifier: Apache-2.0 */
/* A connection for DDL that mends itself; see query_int.h. */
#include "query_int.h"

#define BACKOFF_BASE_MS 200u
#define BACKOFF_CAP_MS 30000u

/* Copies a string that may be NULL; the options' strings are only lent for one call. */
static const char *keep(struct arena *arena, const char *text, bool *ok)
{
    if (text == NULL)
        return NULL;
    const char *copy = arena_cstr(arena, slice_str(text));
    if (copy == NULL)
        *ok = false;
    return copy;
}

enum rc query_init(struct query *query, const struct myconn_options *options, struct halt *halt,
                   const char *product, int64_t max_retries, struct arena *arena, struct error *err)
{
    bool ok = true;
    *query = (struct query){
        .options = *options, .halt = halt, .product = product, .max_retries = max_retries};
    query->options.host = keep(arena, options->host, &ok);
    query->options.socket = keep(arena, options->socket, &ok);
    query->options.user = keep(arena, options->user, &ok);
    query->options.database = keep(arena, options->database, &ok);
    query->options.tls_ca = keep(arena, options->tls_ca, &ok);
    query->options.tls_cert = keep(arena, options->tls_cert, &ok);
    query->options.tls_key = keep(arena, options->tls_key, &ok);
    query->options.purpose = "ddl";
    if (!ok)
        return error_set(err, RC_MEMORY, "There is no memory for the query port's settings.");
    int code = pthread_mutex_init(&query->lock, NULL);
    return code == 0 ? RC_OK : error_set_os(err, RC_MEMORY, code, "A lock cannot be made");
}

static void set_conn(struct query *query, struct myconn *conn)
{
    pthread_mutex_lock(&query->lock);
    struct myconn *older = query->conn;
    query->conn = conn;
    pthread_mutex_unlock(&query->lock);
    myconn_close(older);
}

void query_deinit(struct query *query)
{
    set_conn(query, NULL);
    pthread_mutex_destroy(&query->lock);
}

void query_interrupt(struct query *query)
{
    pthread_mutex_lock(&query->lock);
    if (query->conn != NULL)
        myconn_interrupt(query->conn);
    pthread_mutex_unlock(&query->lock);
}

static enum rc open_if_needed(struct query *query, struct error *err)
{
    if (query->conn != NULL)
        return RC_OK;
    struct myconn *conn = NULL;
    enum rc rc = myconn_open(&query->options, &conn, err);
    if (rc != RC_OK) {
        error_wrap(err, "The query port of %s (%s:%u)", query->product,
                   query->options.host == NULL ? "" : query->options.host,
                   (unsigned)query->options.port);
        if (!query->proven)
            err->class = ERROR_FATAL;
        return rc;
    }
    query->proven = true;
    set_conn(query, conn);
    return RC_OK;
}

enum rc query_run(struct query *query, query_fn run, void *ctx, struct error *err)
{
    ASSERT(err != NULL);
    for (unsigned attempt = 0;; attempt++) {
        if (halt_stopped(query->halt))
            return error_set(err, RC_CANCELLED, "A stop was asked for.");
        error_clear(err);
        enum rc rc = open_if_needed(query, err);
        if (rc == RC_OK)
            rc = run(ctx, query->conn, err);
        if (rc == RC_OK || err->class != ERROR_RETRY)
            return rc;
        set_conn(query, NULL);
        if (halt_stopped(query->halt))
            continue;
        if (query->max_retries >= 0 && (int64_t)attempt >= query->max_retries) {
            err->class = ERROR_FATAL;
            return rc;
        }
        unsigned wait_ms = clock_backoff_ms(attempt, BACKOFF_BASE_MS, BACKOFF_CAP_MS);
        log_warn("sink.query", "A statement did not reach the target; it is tried again.",
                 LOG_STR("target", query->product), LOG_STR("reason", err->text),
                 LOG_U64("again_in_ms", wait_ms));
        halt_wait(query->halt, wait_ms);
    }
}
