/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The sink's operations for transactions over several tables, and the proof that they are exactly-once: a
 * server of the loosest kind that facts/starrocks.md 2.4 allows, an engine that dies at each of its requests,
 * and a request that arrives late.
 */
#include "sink_fixture.h"

#include "sinks/stream_load/joint_int.h"

enum { ATTEMPTS_MAX = 16, LATE_MAX = 4 };

/* One transaction at the server. */
struct attempt {
    char label[LABEL_BYTES];
    unsigned loads;
    uint64_t epoch; /* of its progress row */
    bool known;     /* to the frontend's own memory */
    bool cancelled;
    bool committed;
};

/* The server; @locks house.lock. */
static struct {
    struct attempt attempts[ATTEMPTS_MAX];
    unsigned count;
    unsigned applied[8]; /* transactions that became visible, by epoch */
    uint64_t row;        /* of the progress table; 0: none */
    bool no_table;
    bool forgetful; /* no label is ever known */
    unsigned requests;
    unsigned dies_at;        /* of them, from 1; 0: at none */
    bool takes_effect;       /* the one that it dies at */
    unsigned late;           /* ... or so many requests later; 0: not */
    char waiting[2048];      /* its path */
    unsigned wait;           /* requests until it arrives; 0: none is waiting */
    const char *commit_says; /* in the place of a commit, once */
} server;

static struct attempt *attempt_of(const char *label)
{
    for (unsigned i = 0; i < server.count; i++)
        if (strcmp(server.attempts[i].label, label) == 0)
            return &server.attempts[i];
    return NULL;
}

static const char *begin(const char *label)
{
    struct attempt *attempt = attempt_of(label);
    if (attempt != NULL && attempt->known)
        return "EXISTS";
    assert_true(server.count < ATTEMPTS_MAX);
    attempt = &server.attempts[server.count++];
    *attempt = (struct attempt){.known = true};
    snprintf(attempt->label, sizeof(attempt->label), "%s", label);
    return "DONE";
}

static const char *commit(struct attempt *attempt)
{
    if (attempt == NULL || !attempt->known)
        return "ABSENT";
    if (attempt->cancelled)
        return "GONE";
    if (!attempt->committed) {
        assert_int_equal(attempt->loads, 3); /* never a part of it */
        attempt->committed = true;
        server.row = attempt->epoch;
        server.applied[attempt->epoch]++;
    }
    return "DONE";
}

static const char *rollback(struct attempt *attempt)
{
    if (attempt == NULL || !attempt->known)
        return "ABSENT";
    attempt->cancelled |= !attempt->committed;
    return attempt->committed ? "EXISTS" : "DONE";
}

/* A load's rows, or those of the progress table. */
static const char *take(const struct exchange_request *request)
{
    char label[LABEL_BYTES];
    const char *at = memmem(request->headers.ptr, request->headers.len, "label: ", 7);
    assert_non_null(at);
    snprintf(label, sizeof(label), "%.*s", (int)strcspn(at + 7, "\n"), at + 7);
    struct attempt *attempt = attempt_of(label);
    if (attempt == NULL || !attempt->known || attempt->cancelled || attempt->committed)
        return "ABSENT";
    char rows[4096];
    struct body_cursor cursor;
    body_cursor_init(&cursor, request->body, request->set);
    size_t len = body_cursor_read(&cursor, (uint8_t *)rows, sizeof(rows) - 1);
    rows[len] = '\0';
    const char *epoch = strstr(rows, "\"epoch\":");
    if (epoch != NULL) {
        assert_true(
            text_parse_u64(slice_of(epoch + 8, strspn(epoch + 8, "0123456789")), &attempt->epoch));
        assert_non_null(strstr(rows, pipeline_id));
    }
    attempt->loads++;
    return "DONE";
}

static const char *act(const char *path)
{
    const char *label = strchr(path, '?') + 1;
    if (strncmp(path, "/begin?", 7) == 0)
        return begin(label);
    if (strncmp(path, "/commit?", 8) == 0 && server.commit_says != NULL) {
        const char *says = server.commit_says;
        server.commit_says = NULL;
        if (server.late > 0) {
            snprintf(server.waiting, sizeof(server.waiting), "%s", path);
            server.wait = server.late;
        }
        return says;
    }
    return strncmp(path, "/commit?", 8) == 0 ? commit(attempt_of(label))
                                             : rollback(attempt_of(label));
}

static const char *state_of(const char *path)
{
    const struct attempt *attempt = attempt_of(strstr(path, "label=") + 6);
    return server.forgetful || attempt == NULL || !attempt->committed ? "UNKNOWN" : "COMMITTED";
}

/* What was sent by one who died arrives now. */
static void arrive(void)
{
    if (server.wait > 0 && --server.wait == 0)
        (void)act(server.waiting);
}

static bool serve(const struct exchange_request *request, struct exchange_response *response)
{
    const char *path = request->endpoint.path;
    bool is_load = strcmp(request->method, "PUT") == 0;
    arrive();
    if (strcmp(request->method, "GET") == 0) {
        response->http_status = 200;
        buf_add_str(&response->body, state_of(path));
        return true;
    }
    if (is_load && request->body == NULL) {
        response->http_status = 307;
        snprintf(response->location, sizeof(response->location), "http://be1:8040%s", path);
        return true;
    }
    if (++server.requests == server.dies_at) {
        if (server.takes_effect)
            (void)(is_load ? take(request) : act(path));
        else if (server.late > 0 && !is_load) {
            snprintf(server.waiting, sizeof(server.waiting), "%s", path);
            server.wait = server.late;
        }
        return false;
    }
    response->http_status = 200;
    response->body_started = is_load;
    buf_add_str(&response->body, is_load ? take(request) : act(path));
    return true;
}

static enum rc fake_joint_check(struct myconn *conn, struct error *err)
{
    (void)conn;
    (void)err;
    return RC_OK;
}

static enum rc fake_joint_row(const void *config, struct myconn *conn, const struct table *progress,
                              const struct sink_target *target, struct slice id,
                              struct arena *arena, enum joint_row *row_out, uint64_t *epoch_out,
                              struct error *err)
{
    (void)config;
    (void)conn;
    (void)arena;
    (void)err;
    assert_true(slice_equal(progress->name, SLICE("millrace_progress")));
    assert_true(slice_equal(target->db, SLICE("ods")));
    assert_true(slice_equal(id, slice_str(pipeline_id)));
    pthread_mutex_lock(&house.lock);
    *row_out = server.no_table  ? JOINT_ROW_NO_TABLE
               : server.row > 0 ? JOINT_ROW_THERE
                                : JOINT_ROW_ABSENT;
    *epoch_out = server.row;
    pthread_mutex_unlock(&house.lock);
    return RC_OK;
}

static enum rc fake_two_phase_check(struct myconn *conn, const struct load_schema *schema,
                                    struct error *err)
{
    (void)conn;
    (void)schema;
    (void)err;
    return RC_OK;
}

static void open_joint(struct bench *bench)
{
    bench_open(bench, "fe1");
    struct stream_load *sink = stream_load_of(bench->sink);
    bench->dialect.two_phase_check = fake_two_phase_check;
    bench->dialect.joint_check = fake_joint_check;
    bench->dialect.joint_row = fake_joint_row;
    sink->settings.two_phase = LOAD_TWO_PHASE_ALWAYS;
    sink->settings.joint = true;
    house.serve = serve;
    assert_int_equal(add_way(bench, &bench->orders, "orders", &bench->to_orders), RC_OK);
    assert_int_equal(add_way(bench, &bench->items, "items", &bench->to_items), RC_OK);
}

/* What the journal has of an epoch. */
struct journal {
    struct manifest_entry entries[2];
    char token[LABEL_BYTES];
    bool over;
};

static void say(struct journal *journal, const struct manifest *manifest)
{
    assert_int_equal(manifest->count, 2);
    struct slice token = manifest->entries[0].token;
    memcpy(journal->token, token.ptr, token.len);
    for (unsigned i = 0; i < 2; i++) {
        assert_true(manifest->entries[i].two_phase);
        assert_true(slice_equal(manifest->entries[i].token, token)); /* one name for all */
        journal->entries[i] = manifest->entries[i];
        journal->entries[i].db = SLICE("ods");
        journal->entries[i].table = i == 0 ? SLICE("orders") : SLICE("items");
        journal->entries[i].token = slice_of(journal->token, token.len);
    }
}

/* One epoch, sealed and brought to its end; false: the engine died on the way. */
static bool live(struct bench *bench, struct journal *journal, uint64_t epoch)
{
    const struct sink_ops *ops = bench->sink->ops;
    struct sink_result result;
    assert_int_equal(write_row(bench, bench->to_orders, "1", "a"), RC_OK);
    assert_int_equal(write_row(bench, bench->to_items, "2", "b"), RC_OK);
    struct manifest manifest = seal(bench, epoch);
    say(journal, &manifest);
    assert_int_equal(ops->submit(bench->sink, NULL, &bench->err), RC_OK);
    for (unsigned prepared = 0;;) {
        memset(&result, 0, sizeof(result));
        enum rc rc = poll_one(bench, &result);
        if (rc == RC_CANCELLED)
            return false;
        if (rc == RC_EOF && prepared == 0)
            break;
        if (rc == RC_EOF) {
            assert_int_equal(prepared, 2);
            prepared = 0;
            assert_int_equal(ops->commit(bench->sink, &bench->err), RC_OK);
            continue;
        }
        if (rc != RC_OK)
            fail_msg("%s: %s", rc_name(rc), bench->err.text);
        journal->entries[result.entry].transaction = result.transaction;
        prepared += result.transaction > 0;
        journal->over |= result.transaction == 0;
    }
    return true;
}

/* The next life: what became of the epoch, and what is missing of it. False: it died, too. */
static bool come_back(struct bench *bench, struct journal *journal, uint64_t epoch)
{
    unsigned applied = 0;
    for (unsigned i = 0; i < 2; i++) {
        enum load_state state = LOAD_UNKNOWN;
        enum rc rc =
            bench->sink->ops->resolve(bench->sink, &journal->entries[i], &state, &bench->err);
        if (rc == RC_CANCELLED)
            return false;
        if (rc != RC_OK || state == LOAD_UNKNOWN)
            fail_msg("%s: %s", rc_name(rc), bench->err.text);
        applied += state == LOAD_APPLIED;
    }
    assert_true(applied == 0 || applied == 2);
    return applied == 2 || live(bench, journal, epoch);
}

static void test_one_transaction(void **state UNUSED)
{
    struct bench bench;
    struct journal journal = {0};
    memset(&server, 0, sizeof(server));
    open_joint(&bench);
    for (uint64_t epoch = 1; epoch < 4; epoch++) {
        assert_true(live(&bench, &journal, epoch));
        assert_int_equal(server.applied[epoch], 1);
        assert_int_equal(server.row, epoch);
        assert_int_equal(server.count, epoch);
    }
    struct sink_stats stats;
    bench.sink->ops->stats(bench.sink, &stats);
    assert_int_equal(stats.rows_loaded, 6);
    assert_int_equal(stats.buffered_bytes, 0);
    bench.sink->ops->close(bench.sink);
}

/* It is told as prepared under its number before anything of it is at the server. */
static void test_told_before_it_begins(void **state UNUSED)
{
    struct bench bench;
    struct journal journal = {0};
    struct sink_result result;
    memset(&server, 0, sizeof(server));
    open_joint(&bench);
    assert_int_equal(write_row(&bench, bench.to_orders, "1", "a"), RC_OK);
    assert_int_equal(write_row(&bench, bench.to_items, "2", "b"), RC_OK);
    struct manifest manifest = seal(&bench, 1);
    say(&journal, &manifest);
    assert_int_equal(bench.sink->ops->submit(bench.sink, NULL, &bench.err), RC_OK);
    for (unsigned i = 0; i < 2; i++) {
        assert_int_equal(poll_one(&bench, &result), RC_OK);
        assert_int_equal(result.transaction, 1);
    }
    assert_int_equal(poll_one(&bench, &result), RC_EOF);
    assert_int_equal(server.requests, 0);
    /* One that the journal does not know asks nobody. */
    enum load_state known = LOAD_UNKNOWN;
    assert_int_equal(bench.sink->ops->resolve(bench.sink, &journal.entries[0], &known, &bench.err),
                     RC_OK);
    assert_int_equal(known, LOAD_NOT_APPLIED);
    assert_int_equal(server.requests, 0);
    bench.sink->ops->close(bench.sink);
}

/* What came to nothing is made anew under the next number, and told so first. */
static void test_anew(void **state UNUSED)
{
    static const char *const says[] = {"GONE", "ABSENT", "hm", "DONE"};
    for (unsigned i = 0; i < COUNT_OF(says); i++) {
        struct bench bench;
        struct journal journal = {0};
        memset(&server, 0, sizeof(server));
        open_joint(&bench);
        server.commit_says = says[i]; /* and does nothing */
        assert_true(live(&bench, &journal, 1));
        assert_int_equal(server.applied[1], 1);
        assert_int_equal(server.count, 2);
        assert_non_null(strstr(server.attempts[1].label, "_1_t2"));
        bench.sink->ops->close(bench.sink);
    }
}

/* The answer to a commit is lost, and it takes effect while the end of it is asked for, or when that is known. */
static void test_a_late_commit(void **state UNUSED)
{
    for (unsigned late = 1; late <= LATE_MAX; late++)
        for (unsigned forgetful = 0; forgetful < 2; forgetful++) {
            struct bench bench;
            struct journal journal = {0};
            memset(&server, 0, sizeof(server));
            open_joint(&bench);
            server.late = late;
            server.forgetful = forgetful == 1;
            server.commit_says = "hm";
            assert_true(live(&bench, &journal, 1));
            assert_int_equal(server.applied[1], 1);
            bench.sink->ops->close(bench.sink);
        }
}

/* Every death: at each request of an epoch, with and without its effect, or with one that comes late; the
 * server keeps its labels or not, and its memory of transactions or not. */
static void test_every_death(void **state UNUSED)
{
    for (unsigned dies_at = 1; dies_at <= 8; dies_at++)
        for (unsigned fate = 0; fate < 2 + LATE_MAX; fate++)
            for (unsigned kind = 0; kind < 4; kind++) {
                struct bench bench;
                struct journal journal = {0};
                memset(&server, 0, sizeof(server));
                server.dies_at = dies_at;
                server.takes_effect = fate == 1;
                server.late = fate > 1 ? fate - 1 : 0;
                server.forgetful = (kind & 1) != 0;
                open_joint(&bench);
                bool alive = live(&bench, &journal, 1);
                bench.sink->ops->close(bench.sink);
                for (unsigned i = 0; (kind & 2) != 0 && i < server.count; i++)
                    server.attempts[i].known = server.attempts[i].committed;
                unsigned lives = 1;
                for (; !alive; lives++) {
                    assert_true(lives < 4);
                    open_joint(&bench);
                    alive = come_back(&bench, &journal, 1);
                    bench.sink->ops->close(bench.sink);
                }
                while (server.wait > 0)
                    arrive();
                if (server.applied[1] != 1)
                    fail_msg("death at %u, fate %u, server %u: applied %u times", dies_at, fate,
                             kind, server.applied[1]);
                if (dies_at <= 5)
                    assert_int_equal(lives, 2);
            }
}

/* Only the row tells, and it is not there, or not where it should be. */
static void test_the_row(void **state UNUSED)
{
    struct bench bench;
    enum load_state known;
    const struct manifest_entry entry = {.db = SLICE("ods"),
                                         .table = SLICE("orders"),
                                         .token = SLICE("m_0123456789ab_0011223344556677_5_t"),
                                         .keyless = true,
                                         .two_phase = true,
                                         .transaction = 3};
    static const struct {
        uint64_t row;
        bool no_table;
        enum rc rc;
        enum load_state want;
    } cases[] = {
        {0, false, RC_OK, LOAD_NOT_APPLIED}, {4, false, RC_OK, LOAD_NOT_APPLIED},
        {5, false, RC_OK, LOAD_APPLIED},     {6, false, RC_MISMATCH, LOAD_UNKNOWN},
        {5, true, RC_OK, LOAD_UNKNOWN},
    };
    for (unsigned i = 0; i < COUNT_OF(cases); i++) {
        memset(&server, 0, sizeof(server));
        server.row = cases[i].row;
        server.no_table = cases[i].no_table;
        open_joint(&bench);
        assert_int_equal(bench.sink->ops->resolve(bench.sink, &entry, &known, &bench.err),
                         cases[i].rc);
        if (cases[i].rc == RC_OK)
            assert_int_equal(known, cases[i].want);
        else
            assert_non_null(strstr(bench.err.text, "an old copy"));
        assert_int_equal(stream_load_of(bench.sink)->joint_number, 3); /* the next is 4 */
        bench.sink->ops->close(bench.sink);
    }
}

/* In one life: the label is forgotten, and somebody took the table away. */
static void test_no_table(void **state UNUSED)
{
    struct bench bench;
    struct sink_result result;
    memset(&server, 0, sizeof(server));
    server.forgetful = server.no_table = true;
    open_joint(&bench);
    assert_int_equal(write_row(&bench, bench.to_orders, "1", "a"), RC_OK);
    seal(&bench, 1);
    assert_int_equal(bench.sink->ops->submit(bench.sink, NULL, &bench.err), RC_OK);
    assert_int_equal(poll_one(&bench, &result), RC_OK);
    assert_int_equal(poll_one(&bench, &result), RC_EOF);
    server.commit_says = "hm";
    assert_int_equal(bench.sink->ops->commit(bench.sink, &bench.err), RC_OK);
    assert_int_equal(poll_one(&bench, &result), RC_MISMATCH);
    assert_non_null(strstr(bench.err.text, "millrace_progress"));
    bench.sink->ops->close(bench.sink);
}

static void test_refused(void **state UNUSED)
{
    struct bench bench;
    open_joint(&bench);
    bench.dialect.joint_check = NULL;
    bench.sink->ops->close(bench.sink);
    /* A server that has none is refused when the way to the first table is made. */
    bench_open(&bench, "fe1");
    stream_load_of(bench.sink)->settings.joint = true;
    stream_load_of(bench.sink)->settings.two_phase = LOAD_TWO_PHASE_ALWAYS;
    bench.dialect.two_phase_check = fake_two_phase_check;
    assert_int_equal(add_way(&bench, &bench.orders, "orders", &bench.to_orders), RC_UNSUPPORTED);
    assert_non_null(strstr(bench.err.text, "no transactions over several tables"));
    bench.sink->ops->close(bench.sink);
    /* And so is the setting alone. */
    struct myconn_options query = {.host = "fe1", .port = 9030, .user = "loader"};
    struct sink_options options = {.pipeline = SLICE("p"), .pipeline_id = slice_str(pipeline_id)};
    bench.settings.joint = true;
    assert_int_equal(stream_load_open(&bench.dialect, &bench.settings, &query, &options,
                                      &bench.sink, &bench.err),
                     RC_CONFIG);
    assert_non_null(strstr(bench.err.text, "delivery.visibility"));
}

int main(void)
{
    log_setup(2, LOG_FORMAT_TEXT, LOG_OFF);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_one_transaction),
        cmocka_unit_test(test_told_before_it_begins),
        cmocka_unit_test(test_anew),
        cmocka_unit_test(test_every_death),
        cmocka_unit_test(test_a_late_commit),
        cmocka_unit_test(test_the_row),
        cmocka_unit_test(test_no_table),
        cmocka_unit_test(test_refused),
    };
    return cmocka_run_group_tests_name("stream_load sink, joint", tests, NULL, NULL);
}
