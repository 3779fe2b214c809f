/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The pipeline against models: a scripted source, a sink that keeps rows as a warehouse does, a
 * store in memory. Each life of the pipeline may be killed at any call of sink or store, before or
 * after the call took effect; the next life starts from what the models kept. At the end the target
 * must hold every row of the source once.
 *
 * Loads in two phases are transactions that live at the target between two lives, and that it may
 * abort or forget while the pipeline is down. One transaction of the source is far larger than a batch:
 * where it has to become visible together, no row of it may be seen before all are prepared.
 */
#include "model_source.h"
#include "model_store.h"

enum { LOADS_MAX = 512, ROWS_MAX = 4096, BATCH_ROWS = 7 };

/* ---- the world that survives a crash ---- */

struct model_load {
    char label[64];
    uint64_t rows[BATCH_ROWS + 1];
    unsigned count;
    bool visible;
};

enum model_txn_state { MODEL_PREPARED = 0, MODEL_VISIBLE, MODEL_ABORTED };

struct model_txn {
    struct model_load load;
    unsigned target;
    enum model_txn_state state;
    bool forgotten; /* final, and the target knows nothing of it any more */
};

struct world {
    struct model_load loads[LOADS_MAX];
    unsigned load_count;
    unsigned seen[2][ROWS_MAX]; /* how often each row is at each target */
    bool forgets_labels;
    struct model_txn txns[LOADS_MAX];
    unsigned txn_count;
    bool two_phase[2]; /* which targets are loaded so */
    bool together;
    enum pipeline_delivery delivery;
    uint64_t question_takes_us; /* the one about an attempt's last load */
    bool expires;               /* what is prepared when a life ends is aborted before the next */
    bool forgets_txns;          /* what is final when a life ends is forgotten */
    unsigned aborts_once;       /* the so many-th commit finds its transaction aborted */
    unsigned commits;
    const char *prefix; /* of labels */
    unsigned lives;     /* each closes its epochs at another size, as time would have it */
};

static struct world world;

/* ---- the sink: two targets; the first takes both tables (a merge), the second only one ---- */

struct model_sink {
    struct sink base;
    uint64_t rows[2][BATCH_ROWS + 1];
    unsigned count[2];
    struct model_load sealed[MODEL_ENTRIES]; /* of all parts of the epoch */
    unsigned target_of[MODEL_ENTRIES];
    bool held[MODEL_ENTRIES]; /* of a part: its rows are gone when it is prepared */
    unsigned sealed_count;
    unsigned first; /* of the part that was sealed last */
    unsigned parts;
    struct manifest_entry entries[MODEL_ENTRIES];
    unsigned told;
    bool submitted;
    bool committing;
    bool applied[MODEL_ENTRIES];
    uint64_t prepared[MODEL_ENTRIES]; /* transactions that wait for their commit */
    bool anew[MODEL_ENTRIES];         /* the pipeline does not know that number yet */
};

static struct sink_limits sink_limits(const struct sink *sink UNUSED)
{
    return (struct sink_limits){.flush_rows = 2 + world.lives * 3 % 5,
                                .flush_interval_ms = 3600000};
}

static enum rc sink_table(struct sink *sink UNUSED, const struct table *table,
                          const struct sink_target *target, struct sink_table **out,
                          struct error *err)
{
    if (table == &tables[2])
        return error_set(err, RC_CONNECT, "The way to three is not open.");
    *out = (struct sink_table *)(uintptr_t)(target->table.ptr[0] == 'a' ? 1 : 2);
    return RC_OK;
}

static enum rc sink_write(struct sink *base, struct sink_table *table, const struct change *change,
                          struct error *err UNUSED)
{
    struct model_sink *sink = (struct model_sink *)base;
    unsigned target = (unsigned)(uintptr_t)table - 1;
    if (sink->count[0] + sink->count[1] >= BATCH_ROWS)
        return RC_FULL;
    sink->rows[target][sink->count[target]++] = load_u64le(change->after.cells[0].ptr);
    return RC_OK;
}

static void sink_pending(const struct sink *base, struct sink_pending *out)
{
    const struct model_sink *sink = (const struct model_sink *)base;
    *out = (struct sink_pending){.rows = sink->count[0] + sink->count[1]};
}

static void seal_target(struct model_sink *sink, unsigned target, uint64_t epoch, unsigned part)
{
    assert_true(sink->sealed_count < MODEL_ENTRIES);
    unsigned n = sink->sealed_count++;
    struct model_load *load = &sink->sealed[n];
    memset(load, 0, sizeof(*load));
    snprintf(load->label, sizeof(load->label), part == 0 ? "%s_%u_%llu" : "%s_%u_%llu_%u",
             world.prefix, target, (unsigned long long)epoch, part);
    memcpy(load->rows, sink->rows[target], sizeof(load->rows));
    load->count = sink->count[target];
    sink->target_of[n] = target;
    sink->held[n] = false;
    sink->prepared[n] = 0;
    sink->entries[n] = (struct manifest_entry){.db = SLICE("db"),
                                               .table = target == 0 ? SLICE("a") : SLICE("b"),
                                               .token = slice_str(load->label),
                                               .rows = load->count,
                                               .keyless = true,
                                               .two_phase = world.two_phase[target],
                                               .in_parts = part > 0};
    sink->count[target] = 0;
}

static void seal_batch(struct model_sink *sink, uint64_t epoch, unsigned part, struct manifest *out)
{
    if (sink->parts == 0)
        sink->sealed_count = 0;
    sink->first = sink->sealed_count;
    for (unsigned t = 0; t < 2; t++)
        if (sink->count[t] > 0)
            seal_target(sink, t, epoch, part);
    *out = (struct manifest){.entries = sink->entries, .count = sink->sealed_count};
}

static enum rc sink_seal(struct sink *base, uint64_t epoch, struct manifest *out,
                         struct error *err UNUSED)
{
    struct model_sink *sink = (struct model_sink *)base;
    seal_batch(sink, epoch, sink->parts == 0 ? 0 : sink->parts + 1, out);
    sink->parts = 0;
    return RC_OK;
}

static enum rc sink_seal_part(struct sink *base, uint64_t epoch, struct manifest *out,
                              struct error *err)
{
    struct model_sink *sink = (struct model_sink *)base;
    for (unsigned t = 0; t < 2; t++)
        if (sink->count[t] > 0 && !world.two_phase[t])
            return error_set(err, RC_UNSUPPORTED, "not in two phases");
    seal_batch(sink, epoch, sink->parts + 1, out);
    sink->parts++;
    for (unsigned n = sink->first; n < sink->sealed_count; n++)
        sink->held[n] = true;
    return RC_OK;
}

static struct model_load *find_load(struct slice label)
{
    for (unsigned i = 0; i < world.load_count; i++)
        if (slice_equal(slice_str(world.loads[i].label), label))
            return &world.loads[i];
    return NULL;
}

static enum rc sink_submit(struct sink *base, const bool *applied, struct error *err UNUSED)
{
    struct model_sink *sink = (struct model_sink *)base;
    sink->told = sink->first;
    sink->submitted = true;
    sink->committing = false;
    for (unsigned i = sink->first; i < sink->sealed_count; i++)
        sink->applied[i] = applied != NULL && applied[i];
    return RC_OK;
}

static bool is_large_row(uint64_t id)
{
    return id >= first_id(LARGE_TXN) && id < first_id(LARGE_TXN + 1);
}

/* How many rows of the large transaction lie at the first target, visible or ready to be. */
static unsigned large_rows_there(void)
{
    unsigned count = 0;
    for (unsigned i = 0; i < world.txn_count; i++) {
        const struct model_txn *txn = &world.txns[i];
        for (unsigned r = 0; txn->state != MODEL_ABORTED && txn->target == 0 && r < txn->load.count;
             r++)
            count += is_large_row(txn->load.rows[r]);
    }
    return count;
}

static void make_visible(unsigned target, const struct model_load *load)
{
    bool promised = world.together && world.two_phase[0] && world.two_phase[1] &&
                    world.delivery == PIPELINE_EXACTLY_ONCE;
    unsigned at = 0;
    while (at < load->count && !is_large_row(load->rows[at]))
        at++;
    if (promised && at < load->count)
        assert_int_equal(large_rows_there(), rows_of(LARGE_TXN));
    for (unsigned i = 0; i < load->count; i++)
        world.seen[target][load->rows[i]]++;
}

/* Nobody has committed what the journal does not know as prepared. */
static void take_back(struct slice label)
{
    for (unsigned i = 0; i < world.txn_count; i++) {
        struct model_txn *txn = &world.txns[i];
        if (!slice_equal(slice_str(txn->load.label), label) || txn->state == MODEL_ABORTED)
            continue;
        assert_int_equal(txn->state, MODEL_PREPARED);
        step_before();
        txn->state = MODEL_ABORTED;
        step_after();
    }
}

/* The first phase. The target takes no label that one of its transactions holds. */
static uint64_t prepare(unsigned target, const struct model_load *load)
{
    take_back(slice_str(load->label));
    assert_true(world.txn_count < LOADS_MAX);
    step_before();
    world.txns[world.txn_count++] = (struct model_txn){.load = *load, .target = target};
    step_after();
    return world.txn_count;
}

/* The second; false: the transaction is aborted. */
static bool commit(uint64_t id)
{
    struct model_txn *txn = &world.txns[id - 1];
    if (++world.commits == world.aborts_once && txn->state == MODEL_PREPARED)
        txn->state = MODEL_ABORTED;
    if (txn->state == MODEL_ABORTED)
        return false;
    step_before();
    if (txn->state == MODEL_PREPARED)
        make_visible(txn->target, &txn->load);
    txn->state = MODEL_VISIBLE;
    step_after();
    return true;
}

static enum rc poll_commits(struct model_sink *sink, struct sink_result *result, struct error *err)
{
    for (unsigned n = 0; n < sink->sealed_count; n++) {
        if (sink->prepared[n] == 0 || sink->anew[n])
            continue;
        struct model_load *load = &sink->sealed[n];
        *result = (struct sink_result){.entry = n, .rows = load->count};
        if (commit(sink->prepared[n])) {
            sink->prepared[n] = 0;
            return RC_OK;
        }
        if (sink->held[n])
            return error_set(err, RC_TIMEOUT, "A part is gone.");
        /* Aborted before its commit: it is prepared anew and waits for the next commit. */
        sink->anew[n] = true;
        sink->prepared[n] = result->transaction = prepare(sink->target_of[n], load);
        return RC_OK;
    }
    return RC_EOF;
}

static enum rc sink_commit(struct sink *base, struct error *err UNUSED)
{
    struct model_sink *sink = (struct model_sink *)base;
    for (unsigned n = 0; n < sink->sealed_count; n++)
        if (sink->prepared[n] != 0)
            assert_int_equal(stored.entries[n].transaction, sink->prepared[n]);
    sink->committing = true;
    memset(sink->anew, 0, sizeof(sink->anew));
    return RC_OK;
}

/* Each poll carries one load; a label that is there already is never loaded twice, as at a real
 * target. */
static enum rc sink_poll(struct sink *base, unsigned wait_ms UNUSED, struct sink_result *result,
                         struct error *err)
{
    struct model_sink *sink = (struct model_sink *)base;
    if (sink->committing)
        return poll_commits(sink, result, err);
    while (sink->told < sink->sealed_count && sink->applied[sink->told])
        sink->told++;
    if (sink->told == sink->sealed_count) {
        sink->submitted = false;
        return RC_EOF;
    }
    unsigned n = sink->told++;
    struct model_load *load = &sink->sealed[n];
    unsigned target = sink->target_of[n];
    *result = (struct sink_result){.entry = n, .rows = load->count};
    if (world.two_phase[target]) {
        sink->prepared[n] = result->transaction = prepare(target, load);
        return RC_OK;
    }
    step_before();
    if (find_load(slice_str(load->label)) == NULL) {
        assert_true(world.load_count < LOADS_MAX);
        world.loads[world.load_count++] = *load;
        make_visible(target, load);
    }
    step_after();
    return RC_OK;
}

static enum rc sink_resolve(struct sink *sink UNUSED, const struct manifest_entry *entry,
                            enum load_state *out, struct error *err UNUSED)
{
    if (entry->two_phase && entry->transaction == 0) {
        take_back(entry->token);
        *out = LOAD_NOT_APPLIED;
    } else if (entry->two_phase) {
        assert_true(entry->transaction <= world.txn_count);
        *out = world.txns[entry->transaction - 1].forgotten ? LOAD_UNKNOWN
               : commit(entry->transaction)                 ? LOAD_APPLIED
                                                            : LOAD_NOT_APPLIED;
    } else {
        if (slice_equal(entry->token, slice_str(stored.tokens[stored.intent.count - 1])))
            stored.intent.started_wall_us -= world.question_takes_us;
        *out = find_load(entry->token) != NULL ? LOAD_APPLIED : LOAD_UNKNOWN;
        if (world.forgets_labels)
            *out = LOAD_UNKNOWN;
    }
    return RC_OK;
}

static void sink_stats(const struct sink *sink UNUSED, struct sink_stats *out)
{
    memset(out, 0, sizeof(*out));
}

static void sink_stop(struct sink *sink UNUSED)
{
}

static const struct sink_ops sink_ops = {
    .name = "model",
    .limits = sink_limits,
    .table = sink_table,
    .write = sink_write,
    .pending = sink_pending,
    .seal = sink_seal,
    .seal_part = sink_seal_part,
    .submit = sink_submit,
    .poll = sink_poll,
    .commit = sink_commit,
    .resolve = sink_resolve,
    .stats = sink_stats,
    .stop = sink_stop,
};

/* ---- lives ---- */

static void world_new(void)
{
    memset(&world, 0, sizeof(world));
    world.prefix = "label";
    memset(&model_settled, 0, sizeof(model_settled));
    memset(&orders, 0, sizeof(orders));
    store_clear();
}

/* What a target does to transactions while nobody comes. */
static void time_passes(void)
{
    for (unsigned i = 0; i < world.txn_count; i++) {
        struct model_txn *txn = &world.txns[i];
        if (world.expires && txn->state == MODEL_PREPARED)
            txn->state = MODEL_ABORTED;
        txn->forgotten |= world.forgets_txns && txn->state != MODEL_PREPARED;
    }
}

/* One life: until the end of the source (true), or the crash. */
static bool live(struct route_set *routes, struct error *err, enum rc *rc_out)
{
    static struct pipeline_config config = {.stop_timeout_ms = 1000, .label_trust_ms = 600000};
    static struct model_source source;
    static struct model_sink sink;
    memset(&source, 0, sizeof(source));
    memset(&sink, 0, sizeof(sink));
    source.base.ops = &source_ops;
    sink.base.ops = &sink_ops;
    tables[0].route = tables[1].route = tables[2].route = NULL;
    config.visibility = world.together ? PIPELINE_VISIBLE_TOGETHER : PIPELINE_VISIBLE_EACH;
    config.delivery = world.delivery;
    stored.step = 0;
    time_passes();
    world.lives++;
    struct pipeline_parts parts = {.source = &source.base,
                                   .sink = &sink.base,
                                   .store_ops = &store_ops,
                                   .routes = routes,
                                   .config = &config};
    struct pipeline *made;
    assert_int_equal(pipeline_new(&parts, &made, err), RC_OK);
    living = made;
    bool ended = false;
    if (setjmp(stored.crashed) == 0) {
        *rc_out = pipeline_run(living, err);
        ended = true;
    }
    pipeline_free(living);
    return ended;
}

static struct route_set *make_routes(void)
{
    /* one -> a and b; two -> a: a fan-out and a merge at once */
    static const struct cfg_route routes[] = {
        {.source_table = "db.one", .sink_table = "db.a"},
        {.source_table = "db.one", .sink_table = "db.b"},
        {.source_table = "db.two", .sink_table = "db.a"},
    };
    struct route_set *set;
    struct error err;
    assert_int_equal(route_set_new(routes, COUNT_OF(routes), ROUTE_ALL_MATCH, &set, &err), RC_OK);
    return set;
}

static void check_world(void)
{
    uint64_t id = 0;
    for (unsigned t = 0; t < TXNS; t++)
        for (unsigned r = 0; r < rows_of(t); r++, id++) {
            assert_int_equal(world.seen[0][id], 1);
            assert_int_equal(world.seen[1][id], r % 2 == 0 ? 1 : 0);
        }
    assert_false(stored.has_intent);
    assert_int_equal(stored.state.position.offset, TXNS);
    assert_string_equal(model_note_get("pipeline/table/db.one"), "2\nstream\n");
}

static void setup_tables(void)
{
    columns[0] = (struct column){.name = SLICE("id"), .kind = COLUMN_UINT};
    tables[0] = (struct table){
        .db = SLICE("db"), .name = SLICE("one"), .columns = columns, .column_count = 1};
    tables[1] = (struct table){
        .db = SLICE("db"), .name = SLICE("two"), .columns = columns, .column_count = 1};
    tables[2] = (struct table){
        .db = SLICE("db"), .name = SLICE("three"), .columns = columns, .column_count = 1};
}

static void runs_to_the_end(void **state UNUSED)
{
    setup_tables();
    struct route_set *routes = make_routes();
    struct error err;
    enum rc rc;
    world_new();
    assert_true(live(routes, &err, &rc));
    assert_int_equal(rc, RC_OK);
    check_world();
    assert_true(stored.step > 100); /* the crashes below have something to hit */
    assert_true(model_settled.count > 10);
    assert_int_equal(model_settled.place, TXNS * MODEL_TXN_ROWS_MAX);
    route_set_free(routes);
}

/* Where the first start began is kept before anything else happens: "latest" would be another place after
 * a crash. */
static void the_first_place_is_kept(void **state UNUSED)
{
    setup_tables();
    struct route_set *routes = make_routes();
    struct error err;
    enum rc rc;
    world_new();
    stored.crash_at = 1;
    stored.crash_after = true;
    assert_false(live(routes, &err, &rc));
    assert_string_equal(stored.state.position.file, "model.000001");
    assert_int_equal(world.load_count, 0);
    route_set_free(routes);
}

/* How the targets are loaded, and what becomes of what is prepared while nobody comes. */
struct manner {
    bool two_phase[2];
    bool expires;
    unsigned aborts_once;
    bool together;
};

static const struct manner manners[] = {
    {.two_phase = {false, false}},
    {.two_phase = {true, true}},
    {.two_phase = {true, true}, .expires = true},
    {.two_phase = {true, false}},
    {.two_phase = {false, true}, .expires = true},
    {.two_phase = {true, true}, .aborts_once = 3},
    {.two_phase = {true, true}, .together = true},
    {.two_phase = {true, false}, .together = true}, /* not all tables can: as without it */
};

static void world_new_with(const struct manner *manner)
{
    world_new();
    memcpy(world.two_phase, manner->two_phase, sizeof(world.two_phase));
    world.expires = manner->expires;
    world.aborts_once = manner->aborts_once;
    world.together = manner->together;
}

/* Every single crash point, before and after its effect; then to the end. The address sanitizer, which takes six times as
 * long, sees every third, other ones in each manner: it looks for memory, the release build for what is delivered. */
#ifdef __SANITIZE_ADDRESS__
enum { CRASH_STRIDE = 3 };
#else
enum { CRASH_STRIDE = 1 };
#endif

static void survives_every_crash(void **state UNUSED)
{
    setup_tables();
    struct route_set *routes = make_routes();
    struct error err;
    enum rc rc;
    for (unsigned m = 0; m < COUNT_OF(manners); m++) {
        world_new_with(&manners[m]);
        assert_true(live(routes, &err, &rc));
        assert_int_equal(rc, RC_OK);
        check_world();
        unsigned steps = stored.step;
        for (unsigned at = 1 + m % CRASH_STRIDE; at <= steps; at += CRASH_STRIDE)
            for (unsigned after = 0; after < 2; after++) {
                world_new_with(&manners[m]);
                stored.crash_at = at;
                stored.crash_after = after == 1;
                assert_false(live(routes, &err, &rc));
                stored.crash_at = 0;
                assert_true(live(routes, &err, &rc));
                assert_int_equal(rc, RC_OK);
                check_world();
            }
    }
    route_set_free(routes);
}

/* Lives that die again and again after a few steps. */
static void survives_many_crashes(void **state UNUSED)
{
    setup_tables();
    struct route_set *routes = make_routes();
    struct error err;
    enum rc rc;
    for (unsigned seed = 1; seed <= 300; seed++) {
        uint32_t x = seed * 2654435761u;
        world_new_with(&manners[seed % COUNT_OF(manners)]);
        unsigned lives = 0;
        bool ended = false;
        while (!ended) {
            x = x * 1664525u + 1013904223u;
            /* What has to become visible as a whole is begun again each time: it needs longer lives. */
            stored.crash_at = (2 + (x >> 24) % 9) * (world.together ? 12 : 1);
            stored.crash_after = (x >> 16 & 1) == 1;
            if (++lives > 400)
                stored.crash_at = 0;
            ended = live(routes, &err, &rc);
        }
        assert_int_equal(rc, RC_OK);
        check_world();
    }
    route_set_free(routes);
}

static bool nothing_is_doubled(void)
{
    for (unsigned id = 0; id < ROWS_MAX; id++)
        if (world.seen[0][id] > 1 || world.seen[1][id] > 1)
            return false;
    return true;
}

/* The target forgets whatever is final while nobody comes. What was not prepared is made good all the
 * same; only between a commit and the note of it nothing tells any more, and then nothing is doubled:
 * the pipeline stops with words. */
static void two_phases_need_no_memory(void **state UNUSED)
{
    setup_tables();
    struct route_set *routes = make_routes();
    struct error err;
    enum rc rc;
    const struct manner manner = {.two_phase = {true, true}};
    world_new_with(&manner);
    assert_true(live(routes, &err, &rc));
    unsigned steps = stored.step;
    unsigned stops = 0;
    for (unsigned at = 1; at <= steps; at++)
        for (unsigned after = 0; after < 2; after++) {
            world_new_with(&manner);
            world.forgets_labels = world.forgets_txns = true;
            stored.crash_at = at;
            stored.crash_after = after == 1;
            assert_false(live(routes, &err, &rc));
            stored.crash_at = 0;
            error_clear(&err);
            assert_true(live(routes, &err, &rc));
            assert_true(nothing_is_doubled());
            if (rc == RC_OK) {
                check_world();
                continue;
            }
            assert_int_equal(rc, RC_MISMATCH);
            assert_non_null(strstr(err.text, "forgotten"));
            stops++;
        }
    assert_true(stops > 0 && stops < steps / 2);
    route_set_free(routes);
}

/* Some of it is visible and some aborted: nobody but a human loads it again, and then all arrives. */
static void stops_and_goes_on(struct route_set *routes, const struct error *err)
{
    struct error again;
    enum rc rc;
    assert_non_null(strstr(err->text, "larger than the sink's buffer"));
    assert_true(nothing_is_doubled());
    assert_true(stored.has_intent);
    world.delivery = PIPELINE_AT_LEAST_ONCE;
    assert_true(live(routes, &again, &rc));
    assert_int_equal(rc, RC_OK);
    for (uint64_t id = 0; id < first_id(TXNS); id++)
        assert_true(world.seen[0][id] > 0);
}

/* A transaction in parts of which the target aborts one before its commit. When it is the oldest, nothing
 * is visible yet, and it is read again. */
static void a_part_is_aborted(void **state UNUSED)
{
    setup_tables();
    struct route_set *routes = make_routes();
    struct error err;
    enum rc rc;
    struct manner manner = {.two_phase = {true, true}, .together = true};
    world_new_with(&manner);
    assert_true(live(routes, &err, &rc));
    unsigned commits = world.commits;
    unsigned again = 0, stops = 0;
    for (manner.aborts_once = 1; manner.aborts_once <= commits; manner.aborts_once++) {
        world_new_with(&manner);
        assert_true(live(routes, &err, &rc));
        if (rc == RC_TIMEOUT) {
            again++;
            assert_true(live(routes, &err, &rc));
        }
        if (rc == RC_MISMATCH) {
            stops++;
            stops_and_goes_on(routes, &err);
        } else {
            assert_int_equal(rc, RC_OK);
            check_world();
        }
    }
    assert_true(again > stops && stops > 10);
    route_set_free(routes);
}

/* The same when the engine dies anywhere and comes back after all that was prepared is aborted. */
static void parts_expire(void **state UNUSED)
{
    setup_tables();
    struct route_set *routes = make_routes();
    struct error err;
    enum rc rc;
    const struct manner manner = {.two_phase = {true, true}, .together = true, .expires = true};
    world_new_with(&manner);
    assert_true(live(routes, &err, &rc));
    unsigned steps = stored.step;
    unsigned stops = 0;
    for (unsigned at = 1; at <= steps; at++) {
        world_new_with(&manner);
        stored.crash_at = at;
        stored.crash_after = at % 2 == 0;
        assert_false(live(routes, &err, &rc));
        stored.crash_at = 0;
        error_clear(&err);
        assert_true(live(routes, &err, &rc));
        if (rc == RC_MISMATCH) {
            stops++;
            stops_and_goes_on(routes, &err);
        } else {
            assert_int_equal(rc, RC_OK);
            check_world();
        }
    }
    assert_true(stops > 0 && stops < steps / 2);
    route_set_free(routes);
}

/* A stop in the middle of a transaction that has to become visible as a whole shows nothing of it. */
static void a_stop_inside(void **state UNUSED)
{
    setup_tables();
    struct route_set *routes = make_routes();
    struct error err;
    enum rc rc;
    const struct manner manner = {.two_phase = {true, true}, .together = true};
    for (unsigned row = 1; row < rows_of(LARGE_TXN); row++) {
        world_new_with(&manner);
        orders.stop_at = first_id(LARGE_TXN) + row;
        error_clear(&err);
        assert_true(live(routes, &err, &rc));
        assert_true(rc == RC_OK || rc == RC_CANCELLED);
        assert_int_equal(rc == RC_CANCELLED, stored.has_intent);
        for (uint64_t id = first_id(LARGE_TXN); id < ROWS_MAX; id++)
            assert_int_equal(world.seen[0][id], 0);
        orders.stop_at = 0;
        assert_true(live(routes, &err, &rc));
        assert_int_equal(rc, RC_OK);
        check_world();
    }
    route_set_free(routes);
}

/* A life that ends right behind that step. In a new world 1 is the first place that is kept, 2 the first intent,
 * 3 its first load. */
static void die_behind(struct route_set *routes, unsigned step)
{
    struct error err;
    enum rc rc;
    stored.crash_at = step;
    stored.crash_after = true;
    assert_false(live(routes, &err, &rc));
    stored.crash_at = 0;
}

/* A keyless load that the target has forgotten: trusted while it is young, else a stop with words.
 */
static void stops_when_a_label_is_forgotten(void **state UNUSED)
{
    setup_tables();
    struct route_set *routes = make_routes();
    struct error err;
    enum rc rc;
    world_new();
    die_behind(routes, 2);
    assert_true(stored.has_intent);
    world.forgets_labels = true;
    stored.intent.started_wall_us = clock_wall_us() - UINT64_C(3600) * 1000000;
    assert_true(live(routes, &err, &rc));
    assert_int_equal(rc, RC_MISMATCH);
    assert_non_null(strstr(err.text, "label_0_1"));
    assert_non_null(strstr(err.text, "label.trust"));
    assert_true(stored.has_intent); /* nothing was given up */
    route_set_free(routes);
}

/* The attempt's age counts when the answer is here: a question may be waited for, and the label be
 * forgotten meanwhile. */
static void asks_how_old_it_is_last(void **state UNUSED)
{
    setup_tables();
    struct route_set *routes = make_routes();
    struct error err;
    enum rc rc;
    world_new();
    die_behind(routes, 2);
    world.forgets_labels = true;
    world.question_takes_us = UINT64_C(3600) * 1000000;
    assert_true(live(routes, &err, &rc));
    assert_int_equal(rc, RC_MISMATCH);
    route_set_free(routes);
}

/* An epoch may end behind the last row of a transaction, before its COMMIT: when its range is read again,
 * the notes of that COMMIT are the next epoch's (source_start looks). */
static void a_range_ends_before_a_commit(void **state UNUSED)
{
    setup_tables();
    struct route_set *routes = make_routes();
    struct error err;
    enum rc rc;
    unsigned steps = 1;
    for (unsigned at = 1; at <= steps; at++)
        for (unsigned again = 1; again <= 8; again++) {
            world_new();
            orders.stop_behind = 6;
            stored.crash_at = at;
            stored.crash_after = true;
            if (live(routes, &err, &rc)) {
                assert_int_equal(rc, RC_OK);
                assert_int_equal(stored.state.position.rows_done, rows_of(5));
            } else {
                steps = at + 1;
            }
            orders.stop_behind = 0;
            stored.crash_at = again;
            live(routes, &err, &rc);
            stored.crash_at = 0;
            assert_true(live(routes, &err, &rc));
            assert_int_equal(rc, RC_OK);
            check_world();
        }
    assert_true(steps > 10);
    route_set_free(routes);
}

/* A TRUNCATE of a table to which there is no way ends with the reason. */
static void a_truncate_without_a_way(void **state UNUSED)
{
    setup_tables();
    struct route_set *routes = make_routes();
    struct error err;
    enum rc rc;
    world_new();
    orders.truncates_first = true;
    assert_true(live(routes, &err, &rc));
    assert_int_equal(rc, RC_CONNECT);
    assert_non_null(strstr(err.text, "three"));
    route_set_free(routes);
}

/* Which of an epoch's loads were applied is noted as soon as it is known: a later life must not have to
 * ask again for a label that may be forgotten by then. */
static void notes_what_it_finds_applied(void **state UNUSED)
{
    setup_tables();
    struct route_set *routes = make_routes();
    struct error err;
    enum rc rc;
    world_new();
    die_behind(routes, 3);
    assert_true(stored.has_intent);
    assert_int_equal(world.load_count, 1);
    assert_false(stored.done[0]);
    stored.crash_at = 1;
    assert_false(live(routes, &err, &rc));
    assert_int_equal(world.load_count, 1);
    assert_true(stored.done[0]);
    stored.crash_at = 0;
    assert_true(live(routes, &err, &rc));
    assert_int_equal(rc, RC_OK);
    check_world();
    route_set_free(routes);
}

/* Loads that have arrived would come again under new names, and double the rows of a table without a key.
 */
static void loads_get_other_names(void **state UNUSED)
{
    setup_tables();
    struct route_set *routes = make_routes();
    struct error err;
    enum rc rc;
    world_new();
    die_behind(routes, 3);
    assert_int_equal(world.load_count, 1);
    world.prefix = "other";
    assert_true(live(routes, &err, &rc));
    assert_int_equal(rc, RC_MISMATCH);
    assert_non_null(strstr(err.text, "label_0_1"));
    assert_non_null(strstr(err.text, "other_0_1"));
    assert_int_equal(world.load_count, 1);
    world.delivery = PIPELINE_AT_LEAST_ONCE;
    assert_true(live(routes, &err, &rc));
    assert_int_equal(rc, RC_OK);
    assert_int_equal(world.seen[0][first_id(0)], 2);
    route_set_free(routes);

    routes = make_routes();
    world_new();
    die_behind(routes, 3);
    world.prefix = "other";
    assert_true(live(routes, &err, &rc));
    assert_int_equal(rc, RC_MISMATCH);
    world.prefix = "label";
    assert_true(live(routes, &err, &rc));
    assert_int_equal(rc, RC_OK);
    check_world();
    route_set_free(routes);
}

int main(void)
{
    log_setup(2, LOG_FORMAT_TEXT, LOG_OFF);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(loads_get_other_names),
        cmocka_unit_test(runs_to_the_end),
        cmocka_unit_test(the_first_place_is_kept),
        cmocka_unit_test(survives_every_crash),
        cmocka_unit_test(survives_many_crashes),
        cmocka_unit_test(two_phases_need_no_memory),
        cmocka_unit_test(a_part_is_aborted),
        cmocka_unit_test(parts_expire),
        cmocka_unit_test(a_stop_inside),
        cmocka_unit_test(stops_when_a_label_is_forgotten),
        cmocka_unit_test(asks_how_old_it_is_last),
        cmocka_unit_test(a_range_ends_before_a_commit),
        cmocka_unit_test(a_truncate_without_a_way),
        cmocka_unit_test(notes_what_it_finds_applied),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
