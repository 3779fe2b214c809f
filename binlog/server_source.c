/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The source `type: mysql`: a running MySQL or MariaDB server.
 *
 *   next -> binlog_stream_next -> the feed -> the reader thread
 *     |
 *     +- class RETRY: remember where the stream stands, close, wait, connect, check who is there,
 *        dump from that place, move the stream; rows of the open transaction that were given out
 *        are passed over by the stream. So nothing is lost and nothing repeated.
 *
 * Threads: all operations on the pipeline's thread, `stop` on any.
 *
 * A start that the server cannot make by itself (by time; by file and offset where GTIDs are on)
 * reads from the beginning of a file and passes over what is too old, inside `start`: when it
 * returns, `position` is a real place, and no checkpoint can hold one from before it.
 */
#include "server_history_int.h"
#include "server_spool_int.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>

#include "value_select_int.h"

#define PASS_WAIT_MS 500u
#define READ_TABLES_BYTES_MAX ((size_t)1 << 30)
/* The server may sort before it sends the first row. */
#define SNAPSHOT_SILENCE_MS 600000u
/* A dump that lived this long was not kicked out by a twin that reconnects with backoff. */
#define DUPLICATE_FORGET_US (5ull * 60 * 1000000)
#define DUPLICATES_MAX 2u

static struct server_source *source_of(struct source *base)
{
    return (struct server_source *)base;
}

static bool wants_table(void *ctx, struct slice db, struct slice table)
{
    const struct server_source *source = ctx;
    return !catalog_is_system_db(db) && source->wants(source->wants_ctx, db, table);
}

static enum rc draw_server_id(struct server_source *source, struct error *err)
{
    source->server_id = source->config->server_id_first;
    if (source->server_id != 0)
        return RC_OK;
    uint32_t random = 0;
    if (getrandom(&random, sizeof(random), 0) != (ssize_t)sizeof(random))
        return error_set(err, RC_IO, "The system gives no random numbers.");
    source->server_id =
        SERVER_ID_RANDOM_FIRST + random % (SERVER_ID_RANDOM_LAST - SERVER_ID_RANDOM_FIRST + 1);
    return RC_OK;
}

/* A binlog_sequence_fn. What is no table any more was none: the history would know it. */
static enum rc is_sequence(void *ctx, struct slice db, struct slice name, bool *is_sequence_out,
                           struct error *err)
{
    struct server_source *source = ctx;
    const struct catalog_table *table = NULL;
    struct error local = {0};
    *is_sequence_out = false;
    if (!source->is_mariadb)
        return RC_OK;
    enum rc rc = catalog_find(source->catalog, db, name, true, &table, &local);
    if (rc == RC_NOT_FOUND) {
        log_debug("source.tables", "Rows of a SEQUENCE are passed over.", LOG_SLICE("db", db),
                  LOG_SLICE("table", name));
        *is_sequence_out = true;
        return RC_OK;
    }
    if (rc != RC_OK && err != NULL)
        *err = local;
    return rc;
}

static enum rc tell_sequence(void *ctx UNUSED, const struct catalog_table *sequence,
                             struct error *err UNUSED)
{
    log_info("source.tables", "What tables matches is a SEQUENCE and is not captured.",
             LOG_SLICE("db", sequence->db), LOG_SLICE("table", sequence->name));
    return RC_OK;
}

static enum rc make_stream(struct server_source *source, const char *state_dir, struct error *err)
{
    enum rc rc = server_history_open(source, err);
    if (rc != RC_OK)
        return rc;
    rc = catalog_new(server_link_control, source, source->config->include_comments,
                     &source->catalog, err);
    if (rc != RC_OK)
        return rc;
    struct binlog_stream_options options = {
        .wants = wants_table,
        .wants_ctx = source,
        .history = source->history,
        .is_sequence = is_sequence,
        .is_sequence_ctx = source,
        .lower_case_names = history_lower_case_names(source->history),
        .verify_checksums = true,
        .invalid_text = (enum invalid_text)source->config->invalid_text,
        .announced_crc32 = true,
        .server = source->identity.server,
        .xa_dir = state_dir,
        .xa_bytes_max = source->config->xa_bytes_max};
    return binlog_stream_new(&options, &server_link_no_feed, &source->stream, err);
}

static void close_source(struct source *base)
{
    if (base == NULL)
        return;
    struct server_source *source = source_of(base);
    server_link_end_dump(source);
    server_spool_close(source);
    binlog_stream_free(source->stream);
    history_free(source->history);
    buf_deinit(&source->remembered_tables);
    catalog_free(source->catalog);
    server_link_close(source);
    position_deinit(&source->resume);
    arena_deinit(&source->read_tables);
    pthread_cond_destroy(&source->woken);
    pthread_mutex_destroy(&source->lock);
    free(source);
}

static void init_waiting(struct server_source *source)
{
    pthread_condattr_t attributes;
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&source->woken, &attributes);
    pthread_condattr_destroy(&attributes);
    pthread_mutex_init(&source->lock, NULL);
}

static enum rc open_source(const struct source_options *options, struct source **source_out,
                           struct error *err)
{
    *source_out = NULL;
    struct error local = {0}; /* mending looks at the class, so there is always one */
    struct server_source *source = calloc(1, sizeof(*source));
    if (source == NULL)
        return error_set(err, RC_MEMORY, "No memory for the source.");
    source->base.ops = &binlog_server_source;
    source->config = options->config;
    source->wants = options->wants;
    source->wants_ctx = options->wants_ctx;
    position_init(&source->resume);
    arena_init(&source->read_tables, "tables of the snapshot", READ_TABLES_BYTES_MAX);
    server_config_connect(source->config, "snapshot", SNAPSHOT_SILENCE_MS,
                          &source->snapshot_connection);
    init_waiting(source);
    enum rc rc = draw_server_id(source, &local);
    if (rc == RC_OK)
        rc = session_make_uuid(source->uuid, &local);
    if (rc == RC_OK)
        rc = server_link_open(source, &local);
    if (rc == RC_OK)
        rc = make_stream(source, options->state_dir, &local);
    if (rc == RC_OK)
        rc = server_spool_open(source, options->state_dir, &local);
    if (rc != RC_OK) {
        close_source(&source->base);
        if (err != NULL)
            *err = local;
        return rc;
    }
    *source_out = &source->base;
    return RC_OK;
}

static enum rc check(struct source *base, struct report *report, struct error *err)
{
    return preflight_run(source_of(base), report, err);
}

static void identity(const struct source *base, struct source_identity *identity_out)
{
    *identity_out = ((const struct server_source *)base)->identity;
}

struct table_visit {
    struct server_source *source;
    source_table_fn visit;
    void *ctx;
    unsigned count;
};

static enum rc visit_table(void *ctx, const struct catalog_table *catalog, struct error *err)
{
    struct table_visit *visit = ctx;
    struct table *table = NULL;
    enum rc rc = binlog_stream_catalog_table(visit->source->stream, catalog,
                                             visit->source->is_mariadb, &table, err);
    if (rc != RC_OK)
        return rc;
    visit->count++;
    return visit->visit(visit->ctx, table, err);
}

static enum rc tables(struct source *base, source_table_fn visit, void *ctx, struct error *err)
{
    struct server_source *source = source_of(base);
    struct table_visit state = {.source = source, .visit = visit, .ctx = ctx};
    enum rc rc = server_history_tables(source, visit_table, &state, err);
    /* The stream may bring the first one. */
    if (rc == RC_OK && state.count == 0 && !source->started)
        return error_set(err, RC_NOT_FOUND,
                         "No table on the server matches tables: %s. Check the pattern, and that "
                         "the user may see the tables (GRANT SELECT).",
                         source->config->tables.tables);
    return rc;
}

/* The first failing line of a check, as an error. */
struct first_failure {
    bool failed;
    char text[ERROR_TEXT_MAX];
};

static void keep_failure(void *ctx, enum report_verdict verdict, struct slice what,
                         struct slice remedy)
{
    struct first_failure *failure = ctx;
    if (verdict == REPORT_WARN)
        log_warn("source.check", "The source is not as it should be.", LOG_SLICE("what", what),
                 LOG_SLICE("remedy", remedy));
    if (verdict != REPORT_FAIL || failure->failed)
        return;
    failure->failed = true;
    snprintf(failure->text, sizeof(failure->text), "%.*s %.*s", SLICE_ARG(what), SLICE_ARG(remedy));
}

static enum rc check_at_start(struct server_source *source, struct error *err)
{
    struct first_failure failure = {0};
    struct report report = {.line = keep_failure, .ctx = &failure};
    enum rc rc = preflight_run(source, &report, err);
    if (rc == RC_OK && failure.failed)
        return error_set(err, RC_MISMATCH, "%s", failure.text);
    return rc;
}

static enum rc make_plan(struct server_source *source, const struct position *from,
                         struct startup_plan *plan, struct error *err)
{
    struct startup_server server;
    enum rc rc = server_link_startup(source, &server, err);
    if (rc != RC_OK)
        return rc;
    if (from != NULL && !position_is_empty(from))
        return startup_plan_resume(&server, from, plan, err);
    struct startup_probe probe = {.file_time = server_link_file_time, .ctx = source};
    return startup_plan_mode(&server, source->config, &probe, plan, err);
}

static void log_pause(struct server_source *source, bool was_connected, const struct error *err,
                      unsigned pause_ms)
{
    struct buf where;
    buf_init(&where, 2048 + POSITION_GTID_MAX);
    position_describe(&source->resume, &where);
    struct slice place = buf_slice(&where);
    if (place.len > 300)
        place.len = 300;
    log_warn("source.connect",
             was_connected ? "The connection to the source was lost; it is made again."
                           : "The source cannot be reached yet; trying again.",
             LOG_STR("reason", err->text), LOG_SLICE("from", place), LOG_U64("pause_ms", pause_ms));
    buf_deinit(&where);
}

static void tell_what_is_gone(struct server_source *source, struct error *err)
{
    struct startup_server server;
    struct error ignored = {0};
    if (server_link_startup(source, &server, &ignored) == RC_OK)
        startup_describe_gap(&server, &source->resume, err);
}

/* A failed dump is over. RC_OK when it may be made again after a pause; else the error stands. */
static enum rc give_up_or_pause(struct server_source *source, struct error *err)
{
    if (atomic_load(&source->stopping))
        return error_set(err, RC_CANCELLED, "Reading the binlog was stopped.");
    uint64_t now_us = clock_monotonic_us();
    bool was_connected = source->feed != NULL;
    if (was_connected) {
        struct error place = {0};
        if (binlog_stream_resume_position(source->stream, &source->resume, &place) != RC_OK) {
            *err = place;
            return place.rc;
        }
        if (now_us - source->connected_us > DUPLICATE_FORGET_US)
            source->duplicates = 0;
        server_link_end_dump(source);
    }
    if (err->rc == RC_DUPLICATE_ID && ++source->duplicates >= DUPLICATES_MAX)
        return err->rc;
    if (was_connected && err->rc == RC_PURGED)
        tell_what_is_gone(source, err);
    if (err->class != ERROR_RETRY && err->rc != RC_DUPLICATE_ID)
        return err->rc;
    log_pause(source, was_connected, err, server_link_retry_later(source));
    return RC_OK;
}

/* Waits for the time of the next try, at most wait_ms. RC_OK: it has come. */
static enum rc await_retry(struct server_source *source, unsigned wait_ms, struct error *err)
{
    uint64_t until_us = clock_monotonic_us() + (uint64_t)wait_ms * 1000;
    if (until_us > source->retry_at_us)
        until_us = source->retry_at_us;
    enum rc rc = server_link_pause(source, until_us, err);
    if (rc != RC_OK)
        return rc;
    return clock_monotonic_us() >= source->retry_at_us ? RC_OK : RC_AGAIN;
}

/* Connects again where the stream stood. */
static enum rc reconnect(struct server_source *source, struct error *err)
{
    /* With a spool the stream may have gone on since the connection was lost. */
    if (source->spool != NULL) {
        enum rc rc = binlog_stream_resume_position(source->stream, &source->resume, err);
        if (rc != RC_OK)
            return rc;
    }
    return server_link_reconnect(source, &source->resume, false, err);
}

/* A change of the stream, over as many connections as it takes. */
static enum rc next_change(struct server_source *source, struct change *change, unsigned wait_ms,
                           struct error *err)
{
    for (;;) {
        enum rc rc = RC_OK;
        if (source->feed == NULL && !server_spool_has_backlog(source)) {
            rc = await_retry(source, wait_ms, err);
            if (rc != RC_OK)
                return rc;
            rc = reconnect(source, err);
        }
        bool asked = rc == RC_OK;
        if (asked)
            rc = binlog_stream_next(source->stream, change, wait_ms, err);
        if (rc == RC_OK)
            source->failures = 0;
        if (rc == RC_OK || rc == RC_AGAIN)
            server_spool_look(source);
        if (rc == RC_OK || rc == RC_AGAIN || rc == RC_CANCELLED)
            return rc;
        if (rc == RC_EOF)
            error_set(err, RC_CONNECT, "The server ended its binlog dump.");
        if (asked && server_spool_goes_on(source, err))
            continue;
        rc = give_up_or_pause(source, err);
        if (rc != RC_OK)
            return rc;
    }
}

/* Reads on until the first change that the plan wants, and holds it; or until the end of what was
 * there when the plan was made. */
static enum rc pass_over(struct server_source *source, const struct startup_plan *plan,
                         struct error *err)
{
    if (plan->pass == STARTUP_PASS_NOTHING)
        return RC_OK;
    log_info("source.start", "Looking for the place to begin.", LOG_STR("file", plan->at.file));
    for (;;) {
        enum rc rc = next_change(source, &source->held, PASS_WAIT_MS, err);
        if (rc != RC_OK && rc != RC_AGAIN)
            return rc;
        if (rc == RC_OK && source->held.txn != NULL && source->held.kind != CHANGE_IDLE &&
            startup_is_wanted(plan, &source->held)) {
            source->holds_change = true;
            return RC_OK;
        }
        bool between = rc == RC_AGAIN || source->held.kind == CHANGE_COMMIT ||
                       source->held.kind == CHANGE_IDLE;
        if (between && binlog_stream_reached(source->stream, &plan->end))
            return RC_OK;
    }
}

/* The plan's place is the end of the binlog as it was when the plan was made. */
static bool begins_now(const struct server_source *source, const struct position *from)
{
    enum server_startup mode = (enum server_startup)source->config->startup;
    return (from == NULL || position_is_empty(from)) &&
           (mode == SERVER_STARTUP_LATEST || mode == SERVER_STARTUP_INITIAL ||
            mode == SERVER_STARTUP_SNAPSHOT);
}

static enum rc start(struct source *base, const struct position *from, struct error *err)
{
    struct server_source *source = source_of(base);
    ASSERT(!source->started);
    binlog_stream_xa_begin(source->stream);
    struct error local = {0};
    struct startup_plan plan;
    struct position before;
    bool spooled = false;
    startup_plan_init(&plan);
    position_init(&before);
    enum rc rc = server_history_prepare(source, &before, &local);
    struct error words = {0};
    if (rc == RC_DENIED && check_at_start(source, &words) != RC_OK) {
        local = words; /* they name the GRANT */
        rc = words.rc;
    }
    if (rc == RC_OK)
        rc = check_at_start(source, &local); /* reads the catalog */
    if (rc == RC_OK)
        rc = catalog_each_sequence(source->catalog, tell_sequence, NULL, &local);
    if (rc == RC_OK)
        rc = server_spool_resume(source, from, &spooled, &local);
    if (rc == RC_OK)
        rc = spooled ? position_copy(&plan.at, from, &local)
                     : make_plan(source, from, &plan, &local);
    if (rc == RC_OK)
        rc = server_history_begin(source, &before, &plan.at, begins_now(source, from), &local);
    position_deinit(&before);
    if (rc == RC_OK && !spooled)
        rc = server_link_dump(source, &plan.at, false, &local);
    if (rc == RC_OK) {
        source->started = true;
        rc = pass_over(source, &plan, &local);
    }
    startup_plan_deinit(&plan);
    if (rc != RC_OK && err != NULL)
        *err = local;
    return rc;
}

/* schema-change.enabled: false keeps these to the source. */
static bool is_kept_back(const struct server_source *source, const struct change *change)
{
    return !source->config->schema_changes &&
           (change->kind == CHANGE_SCHEMA || change->kind == CHANGE_TRUNCATE);
}

static enum rc next(struct source *base, struct change *change, unsigned wait_ms, struct error *err)
{
    struct server_source *source = source_of(base);
    ASSERT(source->started);
    struct error local = {0};
    enum rc rc;
    do {
        if (source->holds_change) {
            source->holds_change = false;
            *change = source->held;
            rc = RC_OK;
        } else {
            rc = next_change(source, change, wait_ms, &local);
        }
    } while (rc == RC_OK && is_kept_back(source, change));
    if (rc != RC_OK && err != NULL)
        *err = local;
    return rc;
}

static enum rc position(struct source *base, struct position *position_out, struct error *err)
{
    struct server_source *source = source_of(base);
    enum rc rc = binlog_stream_position(source->stream, position_out, err);
    if (rc == RC_OK)
        snprintf(position_out->server, sizeof(position_out->server), "%s", source->identity.server);
    return rc;
}

static enum rc remember(struct source *base, struct slice key, struct slice value,
                        struct error *err)
{
    struct server_source *source = source_of(base);
    bool taken = false;
    if (slice_equal(key, SLICE(BINLOG_BIRTH_NOTE)))
        return binlog_stream_birth_remember(source->stream, value, err);
    enum rc rc = server_history_remember(source, key, value, &taken, err);
    return rc != RC_OK || taken ? rc : binlog_stream_xa_remember(source->stream, key, value, err);
}

static enum rc notes(struct source *base, source_note_fn visit, void *ctx, struct error *err)
{
    struct server_source *source = source_of(base);
    enum rc rc = server_history_notes(source, visit, ctx, err);
    if (rc == RC_OK)
        rc = binlog_stream_birth_note(source->stream, visit, ctx, err);
    return rc == RC_OK ? binlog_stream_xa_notes(source->stream, visit, ctx, err) : rc;
}

static bool reached(struct source *base, const struct position *to)
{
    return binlog_stream_reached(source_of(base)->stream, to);
}

static void settled(struct source *base, const struct position *durable)
{
    struct server_source *source = source_of(base);
    server_spool_settled(source, durable);
    binlog_stream_xa_settled(source->stream, durable);
}

static const struct myconn_options *connection(const struct source *base)
{
    return &((const struct server_source *)base)->snapshot_connection;
}

static enum rc read_table(struct source *base, struct table *table, struct table **read_out,
                          struct error *err)
{
    struct server_source *source = source_of(base);
    return value_select_table(table, (enum invalid_text)source->config->invalid_text,
                              &source->read_tables, read_out, err);
}

static void stats(const struct source *base, struct source_stats *stats_out)
{
    const struct server_source *source = (const struct server_source *)base;
    binlog_stream_stats(source->stream, stats_out);
    stats_out->reconnects = source->reconnects;
    stats_out->bytes_spooled = source->spool == NULL ? 0 : spool_bytes(source->spool);
    stats_out->bytes_read += source->bytes_read_before;
    stats_out->bytes_copied += source->bytes_copied_before;
    if (stats_out->last_received_us == 0)
        stats_out->last_received_us = source->last_received_us;
}

static void stop(struct source *base)
{
    struct server_source *source = source_of(base);
    pthread_mutex_lock(&source->lock);
    atomic_store(&source->stopping, true);
    if (source->feed != NULL)
        source->feed->ops->stop(source->feed);
    if (source->control != NULL)
        myconn_interrupt(source->control);
    pthread_cond_broadcast(&source->woken);
    pthread_mutex_unlock(&source->lock);
}

const struct source_ops binlog_server_source = {
    .name = "mysql",
    .summary = "A running MySQL (5.6 to 9.7) or MariaDB (10.x, 11.x) server, read through its "
               "replication protocol.",
    .section = &server_config_section,
    .open = open_source,
    .check = check,
    .identity = identity,
    .tables = tables,
    .start = start,
    .remember = remember,
    .notes = notes,
    .connection = connection,
    .read_table = read_table,
    .next = next,
    .position = position,
    .reached = reached,
    .read_ahead = server_spool_read_ahead,
    .settled = settled,
    .stats = stats,
    .stop = stop,
    .close = close_source,
};
