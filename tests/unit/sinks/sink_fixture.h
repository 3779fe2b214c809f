/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A whole Stream Load sink for tests: the warehouse is two fakes, HTTP exchanges that take loads by rows,
 * and a query port that notes its statements. The sink's own code is part of the program that includes
 * this, so that its transport can be another.
 */
#ifndef MILLRACE_TESTS_SINK_FIXTURE_H
#define MILLRACE_TESTS_SINK_FIXTURE_H

#define exchange_curl_new fake_exchange_new
#include "sinks/stream_load/stream_load.c"
#undef exchange_curl_new

#include "load_fixture.h"

#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

/* The warehouse. @locks lock */
static struct {
    pthread_mutex_t lock;
    char bodies[16][4096]; /* in the order of their arrival */
    char labels[16][64];
    unsigned loads;
    unsigned busy;        /* so many loads are told to come again */
    bool publish_timeout; /* loads are committed, not visible */
    bool denied;          /* loads are refused for good */
    const char *state;    /* of every label */
    bool mute;            /* exchanges wait until they are stopped */
    char statements[8][256];
    unsigned statement_count;
    unsigned commits;        /* second steps that were asked for */
    const char *commit_says; /* to the next one; then "DONE" */
    unsigned aborts;
    unsigned broken_connections; /* so many statements fail with the connection */
    unsigned connections;
    /* Takes every request of a load in the place of all that; false: the engine dies there. */
    bool (*serve)(const struct exchange_request *request, struct exchange_response *response);
} house = {.lock = PTHREAD_MUTEX_INITIALIZER};

struct fake_exchange {
    struct exchange base;
    struct halt *halt;
};

static void take_load(const struct exchange_request *request, struct exchange_response *response)
{
    struct body_cursor cursor;
    response->body_started = true;
    if (house.denied) {
        buf_add_str(&response->body, "DENIED");
        return;
    }
    if (house.busy > 0) {
        house.busy--;
        buf_add_str(&response->body, "BUSY");
        return;
    }
    if (house.loads < COUNT_OF(house.bodies)) {
        char *to = house.bodies[house.loads];
        body_cursor_init(&cursor, request->body, request->set);
        size_t len = body_cursor_read(&cursor, (uint8_t *)to, sizeof(house.bodies[0]) - 1);
        to[len] = '\0';
        const char *label = memmem(request->headers.ptr, request->headers.len, "label: ", 7);
        assert_non_null(label);
        snprintf(house.labels[house.loads], sizeof(house.labels[0]), "%.*s",
                 (int)strcspn(label + 7, "\n"), label + 7);
    }
    house.loads++;
    if (house.publish_timeout)
        buf_add_str(&response->body, "PUBLISH TIMEOUT");
    else
        buf_addf(&response->body, "DONE %llu %llu 0",
                 (unsigned long long)request->body->parts[request->set].rows,
                 (unsigned long long)request->body->parts[request->set].rows);
}

static enum exchange_outcome fake_perform(struct exchange *base,
                                          const struct exchange_request *request,
                                          struct exchange_response *response)
{
    struct fake_exchange *exchange = (struct fake_exchange *)base;
    exchange_response_reset(response);
    pthread_mutex_lock(&house.lock);
    bool mute = house.mute;
    response->http_status = 200;
    if (house.serve != NULL) {
        if (!house.serve(request, response))
            halt_stop(exchange->halt);
    } else if (strcmp(request->method, "GET") == 0) {
        buf_add_str(&response->body, house.state);
    } else if (strcmp(request->method, "POST") == 0) {
        bool commits = strncmp(request->endpoint.path, "/commit?", 8) == 0;
        buf_add_str(&response->body, commits ? house.commit_says : "DONE");
        house.commits += commits ? 1 : 0;
        house.aborts += commits ? 0 : 1;
        if (commits)
            house.commit_says = "DONE";
    } else if (request->body == NULL) {
        response->http_status = 307;
        snprintf(response->location, sizeof(response->location), "http://be1:8040%s",
                 request->endpoint.path);
    } else if (!mute) {
        take_load(request, response);
    }
    pthread_mutex_unlock(&house.lock);
    if (mute)
        while (halt_wait(exchange->halt, 1000))
            continue;
    return halt_stopped(exchange->halt) ? EXCHANGE_STOPPED : EXCHANGE_ANSWERED;
}

static void fake_close(struct exchange *base)
{
    free(base);
}

static const struct exchange_ops fake_ops = {fake_perform, fake_close};

enum rc fake_exchange_new(const struct load_settings *settings, struct halt *halt,
                          struct exchange **exchange_out, struct error *err)
{
    (void)settings;
    (void)err;
    struct fake_exchange *exchange = calloc(1, sizeof(*exchange));
    exchange->base.ops = &fake_ops;
    exchange->halt = halt;
    *exchange_out = &exchange->base;
    return RC_OK;
}

/* The query port, in place of libmariadb. */
struct myconn {
    int nothing;
};

enum rc myconn_open(const struct myconn_options *options, struct myconn **conn_out,
                    struct error *err)
{
    if (strcmp(options->host, "nowhere") == 0)
        return error_set(err, RC_CONNECT, "Connection refused.");
    house.connections++;
    *conn_out = calloc(1, sizeof(struct myconn));
    return RC_OK;
}

void myconn_close(struct myconn *conn)
{
    free(conn);
}

void myconn_interrupt(struct myconn *conn)
{
    (void)conn;
}

const char *myconn_label(const struct myconn *conn)
{
    (void)conn;
    return "loader@fe1:9030";
}

enum rc myconn_exec(struct myconn *conn, struct slice sql, struct error *err)
{
    (void)conn;
    if (house.broken_connections > 0) {
        house.broken_connections--;
        return error_set(err, RC_CONNECT, "The server has gone away.");
    }
    snprintf(house.statements[house.statement_count++], sizeof(house.statements[0]), "%.*s",
             SLICE_ARG(sql));
    return RC_OK;
}

/* Questions with rows, which nothing here asks. */
enum rc myconn_query_value(struct myconn *conn UNUSED, struct slice sql UNUSED,
                           struct buf *out UNUSED, struct error *err)
{
    return error_set(err, RC_UNSUPPORTED, "The fake answers no questions.");
}

enum rc myconn_stream_open(struct myconn *conn UNUSED, struct slice sql UNUSED,
                           unsigned *column_count_out UNUSED, struct error *err)
{
    return error_set(err, RC_UNSUPPORTED, "The fake answers no questions.");
}

enum rc myconn_stream_row(struct myconn *conn UNUSED, struct slice *packet_out UNUSED,
                          struct error *err)
{
    return error_set(err, RC_UNSUPPORTED, "The fake answers no questions.");
}

bool myconn_row_fields(struct slice packet UNUSED, struct slice *fields UNUSED,
                       unsigned count UNUSED)
{
    return false;
}

void myconn_add_literal(struct buf *out, struct slice text)
{
    buf_add_slice(out, text);
}

void myconn_add_identifier(struct buf *out, struct slice name)
{
    buf_add_slice(out, name);
}

/* Every source column goes to a column of its name, its type the source's type text. */
static enum rc fake_prepare(const struct load_settings *settings, const void *config,
                            struct myconn *conn, const struct table *source,
                            const struct sink_target *target, struct arena *arena,
                            struct load_schema *schema_out, struct error *err)
{
    (void)settings;
    (void)config;
    assert_non_null(conn);
    if (house.broken_connections > 0) {
        house.broken_connections--;
        return error_set(err, RC_CONNECT, "The server has gone away.");
    }
    *schema_out = (struct load_schema){
        .source = source,
        .db = arena_copy(arena, target->db),
        .table = arena_copy(arena, target->table),
        .columns = arena_alloc(arena, source->column_count * sizeof(struct load_column)),
        .keyless = source->key_count == 0,
        .key = source->key,
        .key_count = source->key_count};
    for (uint32_t i = 0; i < source->column_count; i++)
        schema_out->columns[i] = (struct load_column){.target_name = source->columns[i].name,
                                                      .target_type = source->columns[i].type,
                                                      .encoding = LOAD_STRING,
                                                      .target_nullable = true};
    return RC_OK;
}

static void fake_truncate(const struct load_schema *schema, struct buf *out)
{
    buf_addf(out, "TRUNCATE TABLE %.*s.%.*s", SLICE_ARG(schema->db), SLICE_ARG(schema->table));
}

static enum rc fake_check(const struct load_settings *settings, const void *config,
                          struct myconn *conn, struct report *report, struct error *err)
{
    (void)settings;
    (void)config;
    (void)conn;
    (void)err;
    report_add(report, REPORT_WARN, "Do this.", "The dialect looked, too.");
    return RC_OK;
}

/* A source table of two columns. */
struct source_table {
    struct column columns[2];
    uint32_t key[1];
    struct table table;
};

static void source_init(struct source_table *source, const char *name, const char *second,
                        const char *type)
{
    *source = (struct source_table){.columns = {
                                        {.name = SLICE("id"),
                                         .type = SLICE("INT"),
                                         .kind = COLUMN_STRING,
                                         .text = fixture_text},
                                        {.name = slice_str(second),
                                         .type = slice_str(type),
                                         .kind = COLUMN_STRING,
                                         .text = fixture_text},
                                    }};
    source->table = (struct table){.db = SLICE("shop"),
                                   .name = slice_str(name),
                                   .columns = source->columns,
                                   .column_count = 2,
                                   .key = source->key,
                                   .key_count = 1,
                                   .has_names = true};
}

struct bench {
    struct load_dialect dialect;
    struct load_settings settings;
    struct sink *sink;
    struct source_table orders;
    struct source_table items;
    struct sink_table *to_orders;
    struct sink_table *to_items;
    struct error err;
};

static const char pipeline_id[] = "0123456789abcdef0123456789abcdef";
/* Of the sinks that are opened. */
static struct dead_letters *fixture_letters;
static bool fixture_recovering;
static bool fixture_csv;

static void bench_open_as(struct bench *bench, const char *query_host,
                          enum load_two_phase two_phase)
{
    static const char *const frontends[] = {"fe1:8030"};
    memset(bench, 0, sizeof(*bench));
    house.loads = house.busy = house.statement_count = house.connections = 0;
    house.publish_timeout = house.denied = house.mute = false;
    house.broken_connections = 0;
    house.serve = NULL;
    house.commits = house.aborts = 0;
    house.commit_says = "DONE";
    house.state = "UNKNOWN";
    bench->dialect = stub_dialect;
    bench->dialect.target_prepare = fake_prepare;
    bench->dialect.truncate_sql = fake_truncate;
    bench->dialect.check = fake_check;
    bench->settings = (struct load_settings){.frontends = {frontends, 1},
                                             .flush_rows = 1000,
                                             .flush_bytes = 64u << 10,
                                             .flush_interval_ms = 100,
                                             .max_retries = -1,
                                             .threads = 3,
                                             .two_phase = two_phase,
                                             .csv = fixture_csv,
                                             .epochs = 2};
    struct myconn_options query = {.host = query_host, .port = 9030, .user = "loader"};
    struct sink_options options = {.pipeline = SLICE("p"),
                                   .pipeline_id = slice_str(pipeline_id),
                                   .source_name = SLICE("p"),
                                   .dead_letters = fixture_letters,
                                   .recovering = fixture_recovering};
    assert_int_equal(stream_load_open(&bench->dialect, &bench->settings, &query, &options,
                                      &bench->sink, &bench->err),
                     RC_OK);
    source_init(&bench->orders, "orders", "name", "TEXT");
    source_init(&bench->items, "items", "name", "TEXT");
}

static UNUSED void bench_open(struct bench *bench, const char *query_host)
{
    bench_open_as(bench, query_host, LOAD_TWO_PHASE_AUTO);
}

static enum rc add_way(struct bench *bench, struct source_table *source, const char *target,
                       struct sink_table **table_out)
{
    struct sink_target names = {SLICE("ods"), slice_str(target)};
    error_clear(&bench->err);
    return bench->sink->ops->table(bench->sink, &source->table, &names, table_out, &bench->err);
}

static UNUSED void bench_open_two(struct bench *bench)
{
    bench_open(bench, "fe1");
    assert_int_equal(add_way(bench, &bench->orders, "orders", &bench->to_orders), RC_OK);
    assert_int_equal(add_way(bench, &bench->items, "items", &bench->to_items), RC_OK);
}

static UNUSED enum rc write_row(struct bench *bench, struct sink_table *table, const char *id,
                                const char *name)
{
    struct slice texts[] = {slice_str(id), slice_str(name)};
    struct cell cells[2];
    for (unsigned i = 0; i < 2; i++)
        cells[i] = (struct cell){texts[i].ptr, (uint32_t)texts[i].len, CELL_VALUE};
    static const struct txn txn = {.gtid = SLICE("0-1-42"), .file = SLICE("bin.000001")};
    struct change change = {.kind = CHANGE_INSERT,
                            .table = (struct table *)(uintptr_t)table->source,
                            .after = {cells, 2},
                            .txn = &txn};
    (void)text_parse_u64(texts[0], &change.ordinal);
    return bench->sink->ops->write(bench->sink, table, &change, &bench->err);
}

static enum rc poll_one(struct bench *bench, struct sink_result *result)
{
    enum rc rc;
    error_clear(&bench->err);
    do
        rc = bench->sink->ops->poll(bench->sink, 200, result, &bench->err);
    while (rc == RC_AGAIN);
    return rc;
}

static UNUSED struct manifest seal(struct bench *bench, uint64_t epoch)
{
    struct manifest manifest;
    assert_int_equal(bench->sink->ops->seal(bench->sink, epoch, &manifest, &bench->err), RC_OK);
    return manifest;
}

static UNUSED void drain(struct bench *bench, unsigned expected)
{
    struct sink_result result;
    unsigned told = 0;
    enum rc rc;
    while ((rc = poll_one(bench, &result)) == RC_OK)
        told++;
    if (rc != RC_EOF)
        fail_msg("%s: %s", rc_name(rc), bench->err.text);
    assert_int_equal(told, expected);
}

#endif
