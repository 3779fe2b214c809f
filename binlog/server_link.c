/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The server source's connections.
 *
 * Two at a time: one for questions (kept, and made again when the server has dropped it), one whose
 * answer is the dump. A dump connection is used once.
 */
#include "server_source_int.h"

#include <stdio.h>

#include "dump_error_int.h"
#include "server_feed_int.h"

#define LINK_QUESTION_TIMEOUT_MS 300000u /* information_schema of a large server is slow */
#define LINK_SILENCE_MARGIN_MS 10000u
#define LINK_PACKET_MAX ((1u << 30) + (64u << 20)) /* the largest event, and its header */
#define LINK_SCAN_WAIT_MS 200u
#define LINK_RETRY_BASE_MS 200u
#define LINK_RETRY_CAP_MS 5000u /* a server that is back is read again soon */
#define BINLOG_EVENT_FORMAT_DESCRIPTION 15u

/* What the stream has while there is no dump. */
static enum rc no_feed_next(struct binlog_feed *feed, struct binlog_raw_event *event,
                            unsigned wait_ms, struct error *err)
{
    (void)feed;
    (void)event;
    (void)wait_ms;
    return error_set(err, RC_CONNECT, "There is no connection to the server.");
}

static void no_feed_stats(const struct binlog_feed *feed, uint64_t *bytes_read,
                          uint64_t *bytes_copied, uint64_t *last_received_us)
{
    (void)feed;
    *bytes_read = 0;
    *bytes_copied = 0;
    *last_received_us = 0;
}

static void no_feed_stop(struct binlog_feed *feed)
{
    (void)feed;
}

static const struct binlog_feed_ops no_feed_ops = {
    .next = no_feed_next, .stats = no_feed_stats, .stop = no_feed_stop, .close = no_feed_stop};
struct binlog_feed server_link_no_feed = {.ops = &no_feed_ops};

/* Lets the stream stand at source->resume, away from a feed that is about to be closed. With a spool
 * it stays where it is, for the spool's feed goes on. */
static void rest_stream(struct server_source *source)
{
    if (source->spool != NULL) {
        spool_feed_detach(&source->spool_feed);
        return;
    }
    struct error err = {0};
    if (binlog_stream_seek(source->stream, &server_link_no_feed, &source->resume, &err) != RC_OK)
        log_error("source.connect", "The place in the binlog cannot be kept.",
                  LOG_STR("reason", err.text));
}

static uint64_t silence_ms(const struct server_source *source)
{
    uint64_t heartbeat_ms = source->config->heartbeat_ms;
    return heartbeat_ms == 0 ? 0 : 2 * heartbeat_ms + LINK_SILENCE_MARGIN_MS;
}

static enum rc open_conn(struct server_source *source, const char *purpose, uint64_t timeout_ms,
                         struct myconn **conn_out, struct error *err)
{
    struct myconn_options options;
    server_config_connect(source->config, purpose, timeout_ms, &options);
    return myconn_open(&options, conn_out, err);
}

/* The connection that asks for the catalog. MySQL 8.0.30 and later can hide from information_schema the keys that it
 * makes itself, while their column is in every row event: this session sees them. Where a server does not let it, the
 * first row tells that the definition is short of a column. */
static enum rc open_control(struct server_source *source, struct myconn **conn_out,
                            struct error *err)
{
    enum rc rc = open_conn(source, "control", LINK_QUESTION_TIMEOUT_MS, conn_out, err);
    if (rc != RC_OK || myconn_is_mariadb(*conn_out) ||
        session_version(myconn_version(*conn_out)) < 80030)
        return rc;
    struct error refused;
    error_clear(&refused);
    if (myconn_exec(*conn_out,
                    SLICE("SET SESSION show_gipk_in_create_table_and_information_schema = ON"),
                    &refused) != RC_OK)
        log_warn("source.connect", "Keys that the server makes itself may be hidden from us.",
                 LOG_STR("reason", refused.text));
    return RC_OK;
}

/* Waits until then; false when told to stop in the meantime. */
static bool rest(struct server_source *source, uint64_t until_us)
{
    struct timespec until = {.tv_sec = (time_t)(until_us / 1000000),
                             .tv_nsec = (long)(until_us % 1000000) * 1000};
    pthread_mutex_lock(&source->lock);
    while (!atomic_load(&source->stopping) && clock_monotonic_us() < until_us)
        pthread_cond_timedwait(&source->woken, &source->lock, &until);
    pthread_mutex_unlock(&source->lock);
    return !atomic_load(&source->stopping);
}

static enum rc query_text(struct myconn *conn, struct slice sql, char *out, size_t cap,
                          struct error *err)
{
    struct buf value;
    buf_init(&value, 4096);
    enum rc rc = myconn_query_value(conn, sql, &value, err);
    if (rc == RC_OK)
        snprintf(out, cap, "%s", buf_cstr(&value));
    buf_deinit(&value);
    return rc;
}

/* Servers before 5.6.2 and 10.1.6 have no such variable: their images are full. Of FULL_NODUP the row
 * before has what the one after it lacks. */
static bool has_partial_rows(struct myconn *conn)
{
    char value[32];
    struct error unknown;
    error_clear(&unknown);
    return query_text(conn, SLICE("SELECT @@GLOBAL.binlog_row_image"), value, sizeof(value),
                      &unknown) == RC_OK &&
           (slice_equal_nocase(slice_str(value), SLICE("MINIMAL")) ||
            slice_equal_nocase(slice_str(value), SLICE("NOBLOB")));
}

static enum rc learn_identity(struct myconn *conn, bool is_mariadb,
                              struct source_identity *identity, struct error *err)
{
    char value[256];
    enum rc rc = query_text(conn, SLICE("SELECT @@version"), identity->version,
                            sizeof(identity->version), err);
    if (rc != RC_OK)
        return rc;
    if (is_mariadb) {
        rc = query_text(conn, SLICE("SELECT @@GLOBAL.server_id"), value, sizeof(value), err);
        if (rc == RC_OK)
            snprintf(identity->server, sizeof(identity->server), "server_id:%.40s", value);
        identity->has_gtid = true; /* MariaDB writes GTIDs always */
        return rc;
    }
    rc = query_text(conn, SLICE("SELECT @@GLOBAL.server_uuid"), identity->server,
                    sizeof(identity->server), err);
    if (rc == RC_OK)
        rc = query_text(conn, SLICE("SELECT @@GLOBAL.gtid_mode"), value, sizeof(value), err);
    /* In the permissive modes some transactions have no GTID: then the file position is what
     * counts (facts/peers.md 4b 6). */
    identity->has_gtid = rc == RC_OK && strcmp(value, "ON") == 0;
    return rc;
}

static unsigned pause_ms_after(unsigned failures)
{
    return clock_backoff_ms(failures, LINK_RETRY_BASE_MS, LINK_RETRY_CAP_MS);
}

enum rc server_link_open(struct server_source *source, struct error *err)
{
    enum rc rc = RC_OK;
    for (int64_t tries = 0; tries < source->config->connect_tries; tries++) {
        if (tries > 0) {
            log_warn("source.connect", "The source cannot be reached; trying again.",
                     LOG_STR("reason", err->text), LOG_I64("try", tries + 1),
                     LOG_I64("of", source->config->connect_tries));
            uint64_t wait_ms = pause_ms_after((unsigned)tries);
            if (!rest(source, clock_monotonic_us() + wait_ms * 1000))
                return error_set(err, RC_CANCELLED, "Connecting was stopped.");
        }
        rc = open_control(source, &source->control, err);
        if (rc == RC_OK || err->class != ERROR_RETRY)
            break;
    }
    if (rc != RC_OK)
        return rc;
    source->is_mariadb = myconn_is_mariadb(source->control);
    rc = learn_identity(source->control, source->is_mariadb, &source->identity, err);
    source->identity.partial_rows = rc == RC_OK && has_partial_rows(source->control);
    source->version = session_version(source->identity.version);
    return rc;
}

enum rc server_link_control(void *ctx, struct myconn **conn_out, struct error *err)
{
    struct server_source *source = ctx;
    struct error lost = {0};
    if (source->control != NULL && myconn_exec(source->control, SLICE("DO 0"), &lost) != RC_OK) {
        pthread_mutex_lock(&source->lock);
        myconn_close(source->control);
        source->control = NULL;
        pthread_mutex_unlock(&source->lock);
    }
    if (source->control == NULL) {
        struct myconn *conn = NULL;
        enum rc rc = open_control(source, &conn, err);
        if (rc != RC_OK)
            return rc;
        pthread_mutex_lock(&source->lock);
        source->control = conn;
        pthread_mutex_unlock(&source->lock);
    }
    *conn_out = source->control;
    return RC_OK;
}

enum rc server_link_pause(struct server_source *source, uint64_t until_us, struct error *err)
{
    if (!rest(source, until_us))
        return error_set(err, RC_CANCELLED, "Reading the binlog was stopped.");
    return RC_OK;
}

unsigned server_link_retry_later(struct server_source *source)
{
    unsigned pause_ms = pause_ms_after(source->failures);
    if (source->failures < 16)
        source->failures++;
    source->retry_at_us = clock_monotonic_us() + (uint64_t)pause_ms * 1000;
    return pause_ms;
}

enum rc server_link_startup(struct server_source *source, struct startup_server *out,
                            struct error *err)
{
    *out = (struct startup_server){.is_mariadb = source->is_mariadb,
                                   .version = source->version,
                                   .has_gtid = source->identity.has_gtid,
                                   .identity = source->identity.server};
    return server_link_control(source, &out->conn, err);
}

/* The server behind a new connection must be the one we know, or share its GTIDs. */
static enum rc check_identity(struct server_source *source, struct myconn *conn, struct error *err)
{
    struct source_identity now = {0};
    if (myconn_is_mariadb(conn) != source->is_mariadb)
        return error_set(err, RC_MISMATCH,
                         "The server was %s and answers now as %s: it is another server.",
                         source->identity.version, myconn_version(conn));
    enum rc rc = learn_identity(conn, source->is_mariadb, &now, err);
    if (rc != RC_OK)
        return rc;
    if (strcmp(now.server, source->identity.server) != 0) {
        if (!now.has_gtid || !source->identity.has_gtid)
            return error_set(err, RC_MISMATCH,
                             "The server was %s and is %s now. Without GTIDs the place in its "
                             "binlog cannot be carried over.",
                             source->identity.server, now.server);
        log_warn("source.connect", "The source is another server now; going on by GTID.",
                 LOG_STR("before", source->identity.server), LOG_STR("now", now.server));
    }
    source->identity = now;
    source->version = session_version(now.version);
    return RC_OK;
}

/* Makes the set that a dump by GTID asks with; NULL for a dump by file. */
static enum rc place_of(const struct server_source *source, const struct position *at,
                        struct session_place *place, struct gtid_set **set_out, struct error *err)
{
    *set_out = NULL;
    *place = (struct session_place){.file = at->file, .offset = at->offset};
    bool by_file = at->gtid_set.len == 0 || !source->identity.has_gtid;
    if (by_file)
        return RC_OK;
    enum rc rc = gtid_set_new(set_out, err);
    if (rc == RC_OK)
        rc = gtid_set_parse(*set_out, buf_slice(&at->gtid_set), err);
    place->gtids = *set_out;
    return rc;
}

/* As whom a dump is asked for. A server ends a dump when another one comes with its identity. */
struct reader {
    uint32_t server_id;
    char uuid[SESSION_UUID_TEXT + 1];
};

static struct reader main_reader(const struct server_source *source)
{
    struct reader reader = {.server_id = source->server_id};
    memcpy(reader.uuid, source->uuid, sizeof(reader.uuid));
    return reader;
}

/* Reads beside the main one. */
static enum rc second_reader(const struct server_source *source, struct reader *reader,
                             struct error *err)
{
    enum { AWAY = 0x40000000 };
    reader->server_id = source->server_id ^ AWAY;
    if (reader->server_id == 0)
        reader->server_id = 1;
    return session_make_uuid(reader->uuid, err);
}

static enum rc begin_dump(struct server_source *source, struct myconn *conn,
                          const struct reader *reader, const struct position *at,
                          uint64_t heartbeat_ms, struct error *err)
{
    struct session_options options = {.is_mariadb = source->is_mariadb,
                                      .version = source->version,
                                      .server_id = reader->server_id,
                                      .uuid = reader->uuid,
                                      .heartbeat_ms = heartbeat_ms};
    struct session_place place;
    struct gtid_set *set = NULL;
    enum rc rc = place_of(source, at, &place, &set, err);
    if (rc == RC_OK)
        rc = session_start(conn, &options, &place, err);
    if (rc != RC_OK)
        rc = dump_error_refine(err); /* the registration may be refused as the dump may be */
    gtid_set_free(set);
    return rc;
}

static enum rc open_feed(struct server_source *source, struct myconn *conn,
                         struct binlog_feed **feed_out, struct error *err)
{
    struct server_feed_options options = {.conn = conn,
                                          .fd = myconn_plain_fd(conn),
                                          .silence_ms = silence_ms(source),
                                          .read_ahead_bytes = source->config->read_ahead_bytes,
                                          .packet_max = LINK_PACKET_MAX};
    return server_feed_open(&options, feed_out, err);
}

/* What the dump gives goes to the stream, which moves to where it begins. */
static enum rc attach(struct server_source *source, struct binlog_feed *feed,
                      const struct position *at, bool ahead, struct error *err)
{
    ASSERT(!ahead || source->spool != NULL);
    if (source->spool == NULL)
        return binlog_stream_seek(source->stream, feed, at, err);
    spool_feed_attach(&source->spool_feed, feed);
    spool_begin(source->spool, at, true, ahead);
    if (ahead && !spool_is_open(source->spool))
        return error_set(err, RC_IO, "The spool takes no more.");
    source->ahead_is_over = false;
    return ahead ? RC_OK : binlog_stream_seek(source->stream, &source->spool_feed.base, at, err);
}

enum rc server_link_dump(struct server_source *source, const struct position *at, bool ahead,
                         struct error *err)
{
    ASSERT(source->dump == NULL && source->feed == NULL);
    struct reader reader = main_reader(source);
    struct myconn *conn = NULL;
    struct binlog_feed *feed = NULL;
    enum rc rc = open_conn(source, "binlog", silence_ms(source), &conn, err);
    if (rc == RC_OK)
        rc = check_identity(source, conn, err);
    if (rc == RC_OK)
        rc = begin_dump(source, conn, &reader, at, source->config->heartbeat_ms, err);
    if (rc == RC_OK)
        rc = open_feed(source, conn, &feed, err);
    if (rc == RC_OK)
        rc = attach(source, feed, at, ahead, err);
    if (rc != RC_OK) {
        rest_stream(source);
        if (feed != NULL)
            feed->ops->close(feed);
        myconn_close(conn);
        return rc;
    }
    pthread_mutex_lock(&source->lock);
    source->dump = conn;
    source->feed = feed;
    bool stopping = atomic_load(&source->stopping);
    pthread_mutex_unlock(&source->lock);
    if (stopping)
        feed->ops->stop(feed);
    source->connected_us = clock_monotonic_us();
    return RC_OK;
}

enum rc server_link_reconnect(struct server_source *source, const struct position *at, bool ahead,
                              struct error *err)
{
    struct startup_plan plan;
    startup_plan_init(&plan);
    struct startup_server server;
    enum rc rc = server_link_startup(source, &server, err);
    if (rc == RC_OK)
        rc = startup_plan_resume(&server, at, &plan, err);
    /* The stream knows its GTIDs since the first dump, so nothing has to be passed over again: the
     * plan is asked for its checks, and the dump begins at the very place. */
    if (rc == RC_OK)
        rc = server_link_dump(source, at, ahead, err);
    startup_plan_deinit(&plan);
    if (rc != RC_OK)
        return rc;
    source->reconnects++;
    log_info("source.connect", "The connection to the source is back.",
             LOG_STR("server", source->identity.server));
    return RC_OK;
}

static enum rc scan_on(struct server_source *source, struct binlog_stream *stream,
                       const struct position *to, struct error *err)
{
    while (!binlog_stream_reached(stream, to)) {
        struct change change;
        if (atomic_load(&source->stopping))
            return error_set(err, RC_CANCELLED, "Reading the binlog was stopped.");
        enum rc rc = binlog_stream_next(stream, &change, LINK_SCAN_WAIT_MS, err);
        if (rc != RC_OK && rc != RC_AGAIN)
            return rc;
    }
    return RC_OK;
}

enum rc server_link_scan(struct server_source *source, const struct position *from,
                         const struct position *to, binlog_watch_fn watch, void *watch_ctx,
                         struct binlog_stream **stream_out, struct error *err)
{
    struct binlog_stream_options options = {.watch = watch,
                                            .watch_ctx = watch_ctx,
                                            .lower_case_names =
                                                history_lower_case_names(source->history),
                                            .announced_crc32 = true,
                                            .server = source->identity.server};
    struct myconn *conn = NULL;
    struct binlog_feed *feed = NULL;
    struct reader reader;
    struct position begin;
    *stream_out = NULL;
    position_init(&begin);
    enum rc rc = position_copy(&begin, from, err);
    begin.rows_done = 0; /* rows are not looked at, so none of them can be passed over */
    begin.targets_done = 0;
    if (rc == RC_OK)
        rc = binlog_stream_new(&options, &server_link_no_feed, stream_out, err);
    if (rc == RC_OK)
        rc = second_reader(source, &reader, err);
    if (rc == RC_OK)
        rc = open_conn(source, "schema", silence_ms(source), &conn, err);
    if (rc == RC_OK)
        rc = begin_dump(source, conn, &reader, from, source->config->heartbeat_ms, err);
    if (rc == RC_OK)
        rc = open_feed(source, conn, &feed, err);
    if (rc == RC_OK)
        rc = binlog_stream_seek(*stream_out, feed, &begin, err);
    if (rc == RC_OK)
        rc = scan_on(source, *stream_out, to, err);
    binlog_stream_free(*stream_out);
    *stream_out = NULL;
    if (feed != NULL)
        feed->ops->close(feed);
    myconn_close(conn);
    position_deinit(&begin);
    return rc;
}

void server_link_end_dump(struct server_source *source)
{
    pthread_mutex_lock(&source->lock);
    struct binlog_feed *feed = source->feed;
    struct myconn *conn = source->dump;
    source->feed = NULL;
    source->dump = NULL;
    pthread_mutex_unlock(&source->lock);
    if (feed != NULL) {
        uint64_t bytes_read = 0;
        uint64_t bytes_copied = 0;
        uint64_t last_received_us = 0;
        feed->ops->stats(feed, &bytes_read, &bytes_copied, &last_received_us);
        source->bytes_read_before += bytes_read;
        source->bytes_copied_before += bytes_copied;
        if (last_received_us != 0)
            source->last_received_us = last_received_us;
        rest_stream(source);
        feed->ops->close(feed);
    }
    myconn_close(conn);
}

void server_link_close(struct server_source *source)
{
    server_link_end_dump(source);
    myconn_close(source->control);
    source->control = NULL;
}

/* The first event that a file itself holds is its format description; its time is when the server
 * began the file. */
enum rc server_link_file_time(void *ctx, const char *name, uint64_t *seconds_out, struct error *err)
{
    struct server_source *source = ctx;
    struct reader reader = main_reader(source);
    struct myconn *conn = NULL;
    struct position at;
    position_init(&at);
    snprintf(at.file, sizeof(at.file), "%s", name);
    at.offset = 4;
    enum rc rc = open_conn(source, "binlog", LINK_QUESTION_TIMEOUT_MS, &conn, err);
    if (rc == RC_OK)
        rc = begin_dump(source, conn, &reader, &at, 0, err);
    bool found = false;
    while (rc == RC_OK && !found) {
        struct slice packet;
        rc = myconn_packet(conn, &packet, err);
        if (rc != RC_OK)
            break;
        /* 0x00, then the common header: time 4, type 1 (facts/binlog.md 1.2). */
        if (packet.len < 20 || packet.ptr[0] != 0x00)
            rc = error_set(err, RC_PROTOCOL, "The server sent no event from the binlog file %s.",
                           name);
        else if (packet.ptr[5] == BINLOG_EVENT_FORMAT_DESCRIPTION) {
            *seconds_out = load_u32le(packet.ptr + 1);
            found = true;
        }
    }
    position_deinit(&at);
    myconn_close(conn);
    return rc;
}
