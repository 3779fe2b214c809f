/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A snapshot beside the stream, against models: a server with a scripted history of one keyed and
 * one unkeyed table, a reader of chunks as engine/ports/snapshot.h promises it, a target that keeps
 * rows and columns, a store in memory. The keyed table gets a column, loses one and is truncated
 * while all that goes on. Each life may be killed before and after every call that has an effect; at
 * the end the target must be what the server holds, and the notes must be those of the position.
 *
 * In the worlds that are `untold` the stream does not say what some of the transactions did, but for the tables (CHANGE_UNKNOWN;
 * before the first statement because it does not know their columns):
 * these are read again, into targets beside their own that take their places.
 */
#include "model_store.h"

enum {
    BEGIN = 5, /* where the server stands at the first start */
    TXNS = 34,
    ADD_AT = 9, /* transactions that are statements */
    TRUNCATE_AT = 17,
    DROP_AT = 25,
    IDS = 64,
    CHUNK = 4,
    BATCH = 7,
    LOADS = 4096,
    TARGETS = 4
};

enum op_kind { OP_INSERT, OP_UPDATE, OP_DELETE };

struct op {
    enum op_kind kind;
    unsigned table; /* 0 keyed, 1 unkeyed */
    uint64_t id;
    uint64_t value;
};

struct rows {
    uint64_t keyed[IDS]; /* 0: no such row */
    unsigned unkeyed[IDS];
};

struct load {
    char label[64];
    bool visible;
};

/* A table's own target and the one beside it. */
enum { OWN, BESIDE, PLACES };

struct world {
    bool untold;
    struct rows target[PLACES];
    bool there[PLACES][2];    /* by table */
    unsigned columns[PLACES]; /* of the keyed target */
    unsigned swaps;
    struct load loads[LOADS];
    unsigned load_count;
    bool forgets;
    unsigned lives;
    unsigned truncates[2];
};

static struct world world;
static struct op history[TXNS][4];
static unsigned op_count[TXNS];
static struct rows at_begin;

static void apply(struct rows *rows, const struct op *op)
{
    if (op->table == 1)
        rows->unkeyed[op->id]++;
    else
        rows->keyed[op->id] = op->kind == OP_DELETE ? 0 : op->value;
}

/* Transactions of which the stream tells no rows: some right behind each other, some around a statement. */
static bool is_untold(unsigned txn)
{
    return world.untold && (txn == BEGIN + 1 || txn == ADD_AT - 1 || txn == ADD_AT + 1 ||
                            txn == ADD_AT + 2 || txn == TRUNCATE_AT + 1 || txn == TRUNCATE_AT + 3 ||
                            txn == DROP_AT - 1 || txn == DROP_AT + 2 || txn == TXNS - 1);
}

static struct rows server_at(unsigned txn)
{
    struct rows rows = at_begin;
    for (unsigned t = BEGIN; t < txn; t++) {
        if (t == TRUNCATE_AT)
            memset(rows.keyed, 0, sizeof(rows.keyed));
        for (unsigned i = 0; i < op_count[t]; i++)
            apply(&rows, &history[t][i]);
    }
    return rows;
}

static void write_history(void)
{
    uint32_t x = 12345;
    memset(&at_begin, 0, sizeof(at_begin));
    for (unsigned id = 0; id < 40; id += 2) {
        at_begin.keyed[id] = 1000 + id;
        at_begin.unkeyed[id] = 1 + id % 3;
    }
    struct rows now = at_begin;
    for (unsigned t = BEGIN; t < TXNS; t++) {
        op_count[t] = 0;
        if (t == TRUNCATE_AT)
            memset(now.keyed, 0, sizeof(now.keyed));
        if (t == ADD_AT || t == TRUNCATE_AT || t == DROP_AT)
            continue;
        for (unsigned i = 0; i < 1 + t % 4; i++) {
            x = x * 1664525u + 1013904223u;
            struct op op = {.table = (x >> 28) % 3 == 0, .id = (x >> 10) % IDS};
            op.value = 10000 + 10 * (uint64_t)t + i;
            bool there = now.keyed[op.id] != 0;
            op.kind = op.table == 1 || !there ? OP_INSERT
                      : (x >> 5) % 2 == 0     ? OP_DELETE
                                              : OP_UPDATE;
            apply(&now, &op);
            history[t][op_count[t]++] = op;
        }
    }
}

/* ---- the tables: the keyed one in three shapes ---- */

static struct column columns[3];
static uint32_t key[1];
static struct table shapes[3];
static struct table unkeyed;
static const uint32_t origin_add[] = {0, 1, TABLE_CHANGE_NEW_COLUMN};
static const uint32_t origin_drop[] = {0, 1};

static void setup_tables(void)
{
    columns[0] = (struct column){.name = SLICE("id"), .kind = COLUMN_UINT, .key_ordinal = 1};
    columns[1] = (struct column){.name = SLICE("value"), .kind = COLUMN_UINT, .nullable = true};
    columns[2] = (struct column){.name = SLICE("extra"), .kind = COLUMN_UINT, .nullable = true};
    for (unsigned i = 0; i < 3; i++)
        shapes[i] = (struct table){.db = SLICE("db"),
                                   .name = SLICE("k"),
                                   .version = i + 1,
                                   .columns = columns,
                                   .column_count = i == 1 ? 3 : 2,
                                   .key = key,
                                   .key_count = 1};
    unkeyed = (struct table){
        .db = SLICE("db"), .name = SLICE("u"), .version = 1, .columns = columns, .column_count = 2};
}

static struct table *shape_at(unsigned txn)
{
    return &shapes[txn <= ADD_AT ? 0 : txn <= DROP_AT ? 1 : 2];
}

/* ---- the source ---- */

struct model_source {
    struct source base;
    unsigned txn;
    unsigned row;
    uint64_t skip;
    bool in_txn;
    bool begun;
    bool quiet;
    unsigned idle;
    unsigned rest;       /* asked so often at the end with nothing under way */
    unsigned remembered; /* transaction of the last statement that the notes know */
    bool noted;
    uint8_t bytes[3][8];
    struct cell cells[3];
    struct txn facts;
    char file[16];
    struct table_change table_change;
};

static struct model_source source;

static void fill_row(struct row *row, uint64_t id, uint64_t value, unsigned count)
{
    store_u64le(source.bytes[0], id);
    store_u64le(source.bytes[1], value);
    for (unsigned i = 0; i < 2; i++)
        source.cells[i] = (struct cell){.ptr = source.bytes[i], .len = 8, .state = CELL_VALUE};
    source.cells[2] = (struct cell){.state = CELL_NULL};
    *row = (struct row){.cells = source.cells, .count = count};
}

static void source_identity(const struct source *base UNUSED, struct source_identity *out)
{
    memset(out, 0, sizeof(*out));
    snprintf(out->server, sizeof(out->server), "model");
}

static enum rc source_remember(struct source *base UNUSED, struct slice note, struct slice value,
                               struct error *err UNUSED)
{
    uint64_t txn = 0;
    assert_true(slice_equal(note, SLICE("schema/db.k")));
    assert_true(text_parse_u64(value, &txn));
    source.remembered = (unsigned)txn;
    return RC_OK;
}

static enum rc source_notes(struct source *base UNUSED, source_note_fn visit, void *ctx,
                            struct error *err)
{
    assert_false(source.in_txn);
    unsigned last = source.txn > DROP_AT ? DROP_AT : source.txn > ADD_AT ? ADD_AT : 0;
    if (last == source.remembered)
        return RC_OK;
    char value[16];
    snprintf(value, sizeof(value), "%u", last);
    source.remembered = last;
    return visit(ctx, SLICE("schema/db.k"), slice_str(value), err);
}

static enum rc source_tables(struct source *base UNUSED, source_table_fn visit, void *ctx,
                             struct error *err)
{
    /* Before the stream begins they are of another place, and what changes them in between is missed. */
    assert_true(source.begun);
    enum rc rc = visit(ctx, shape_at(source.remembered == 0 ? BEGIN : source.remembered + 1), err);
    return rc != RC_OK ? rc : visit(ctx, &unkeyed, err);
}

static enum rc source_start(struct source *base UNUSED, const struct position *from,
                            struct error *err UNUSED)
{
    source.txn = from == NULL ? BEGIN : (unsigned)from->offset;
    source.skip = from == NULL ? 0 : from->rows_done;
    source.row = (unsigned)source.skip;
    source.in_txn = source.skip > 0;
    source.begun = true;
    /* The notes are exactly those of this place. */
    unsigned last = source.txn > DROP_AT ? DROP_AT : source.txn > ADD_AT ? ADD_AT : 0;
    assert_int_equal(source.remembered, last);
    return RC_OK;
}

static bool snapshot_runs(void);

static void give_statement(struct change *change)
{
    change->ddl = SLICE("ALTER TABLE k ...");
    source.in_txn = true;
    source.row = 1;
    change->table = shape_at(source.txn);
    if (source.txn == TRUNCATE_AT) {
        change->kind = CHANGE_TRUNCATE;
        return;
    }
    change->kind = CHANGE_SCHEMA;
    source.table_change =
        (struct table_change){.kind = TABLE_ALTERED,
                              .before = shape_at(source.txn),
                              .after = shape_at(source.txn + 1),
                              .origin = source.txn == ADD_AT ? origin_add : origin_drop};
    change->table_change = &source.table_change;
}

/* Of one that is untold: both tables, or, in every second, any of the database. */
static unsigned changes_in(unsigned txn)
{
    return !is_untold(txn) ? op_count[txn] : txn % 2 == 0 ? 1 : 2;
}

static void give_unknown(struct change *change)
{
    change->kind = CHANGE_UNKNOWN;
    change->ddl = SLICE("UPDATE k ...");
    change->about_db = SLICE("db");
    if (source.txn % 2 != 0) {
        change->table = source.row == 0 ? shape_at(source.txn) : &unkeyed;
        change->about_table = change->table->name;
    }
    if (source.txn < ADD_AT) {
        change->columns_unknown = true;
        change->table = NULL;
    }
    source.in_txn = true;
    source.row++;
}

static enum rc source_next(struct source *base UNUSED, struct change *change,
                           unsigned wait_ms UNUSED, struct error *err UNUSED)
{
    if (source.quiet) {
        source.quiet = false;
        return RC_AGAIN;
    }
    if (source.txn == TXNS) {
        source.rest = snapshot_runs() ? 0 : source.rest + 1;
        return source.rest < 3 && source.idle++ < 10000 ? RC_AGAIN : RC_EOF;
    }
    snprintf(source.file, sizeof(source.file), "model.000001");
    source.facts = (struct txn){.file = slice_str(source.file), .offset = source.txn};
    *change = (struct change){.txn = &source.facts, .ordinal = source.row};
    bool statement = source.txn == ADD_AT || source.txn == TRUNCATE_AT || source.txn == DROP_AT;
    if (statement && source.row == 0) {
        give_statement(change);
        return RC_OK;
    }
    if (statement || source.row == changes_in(source.txn)) {
        change->kind = source.in_txn ? CHANGE_COMMIT : CHANGE_IDLE;
        source.txn++;
        source.row = 0;
        source.in_txn = false;
        source.quiet = true;
        return RC_OK;
    }
    if (is_untold(source.txn)) {
        give_unknown(change);
        return RC_OK;
    }
    const struct op *op = &history[source.txn][source.row++];
    source.in_txn = true;
    change->table = op->table == 1 ? &unkeyed : shape_at(source.txn);
    struct row row;
    fill_row(&row, op->id, op->value, change->table->column_count);
    change->kind = op->kind == OP_INSERT   ? CHANGE_INSERT
                   : op->kind == OP_UPDATE ? CHANGE_UPDATE
                                           : CHANGE_DELETE;
    if (op->kind != OP_INSERT)
        change->before = row;
    if (op->kind != OP_DELETE)
        change->after = row;
    return RC_OK;
}

static enum rc source_position(struct source *base UNUSED, struct position *out,
                               struct error *err UNUSED)
{
    snprintf(out->file, sizeof(out->file), "model.000001");
    out->offset = source.txn;
    out->rows_done = 0;
    out->targets_done = 0;
    return RC_OK;
}

static bool source_reached(struct source *base UNUSED, const struct position *to)
{
    return source.txn >= to->offset;
}

static void source_stats(const struct source *base UNUSED, struct source_stats *out)
{
    memset(out, 0, sizeof(*out));
}

static void source_stop(struct source *base UNUSED)
{
}

static const struct source_ops source_ops = {
    .name = "model",
    .identity = source_identity,
    .tables = source_tables,
    .start = source_start,
    .remember = source_remember,
    .notes = source_notes,
    .next = source_next,
    .position = source_position,
    .reached = source_reached,
    .stats = source_stats,
    .stop = source_stop,
};

/* ---- the snapshot ---- */

struct model_queue {
    bool queued;
    struct table *table;
    uint64_t behind; /* ids below are given */
    uint64_t number;
    bool reading;
    unsigned high; /* transactions below are in the chunk */
    uint64_t end;  /* ids from here on are not in the chunk */
    struct rows rows;
    bool touched[IDS];
    uint64_t next;  /* id of the next row to give, */
    unsigned times; /* how often it was given already */
    unsigned given;
    struct snapshot_chunk chunk;
};

static struct {
    struct snapshot base;
    bool open;
    struct model_queue queues[2];
    char key[32];
    char value[32];
} reader;

static bool snapshot_runs(void)
{
    return reader.open && (reader.queues[0].queued || reader.queues[1].queued);
}

static unsigned index_of(const struct table *table)
{
    return slice_equal(table->name, SLICE("u")) ? 1 : 0;
}

static enum rc snapshot_open(const struct snapshot_options *options, struct snapshot **out,
                             struct error *err UNUSED)
{
    assert_ptr_equal(options->source, &source.base);
    const struct snapshot_ops *ops = reader.base.ops;
    memset(&reader, 0, sizeof(reader));
    reader.base.ops = ops;
    reader.open = true;
    *out = &reader.base;
    return RC_OK;
}

static enum rc snapshot_add(struct snapshot *snapshot UNUSED, struct table *table,
                            struct slice state, struct error *err UNUSED)
{
    struct model_queue *queue = &reader.queues[index_of(table)];
    assert_false(queue->queued);
    *queue = (struct model_queue){.queued = true, .table = table};
    if (state.len > 0)
        assert_true(text_parse_u64(state, &queue->behind));
    return RC_OK;
}

static enum rc snapshot_change(struct snapshot *snapshot UNUSED, struct table *before,
                               struct table *after, struct error *err UNUSED)
{
    struct model_queue *queue = &reader.queues[index_of(before)];
    queue->reading = false;
    queue->queued = queue->queued && after != NULL;
    queue->table = after;
    return RC_OK;
}

static void begin_chunk(struct model_queue *queue, unsigned here)
{
    queue->high = here + 2 < TXNS ? here + 2 : TXNS;
    queue->rows = server_at(queue->high);
    queue->reading = true;
    queue->next = queue->behind;
    queue->times = queue->given = 0;
    memset(queue->touched, 0, sizeof(queue->touched));
    unsigned count = 0;
    queue->end = queue->behind;
    while (queue->end < IDS && (queue->table->key_count == 0 || count < CHUNK))
        count += queue->rows.keyed[queue->end++] != 0;
    queue->chunk = (struct snapshot_chunk){.table = queue->table,
                                           .number = queue->number,
                                           .first = queue->number == 0,
                                           .last = queue->end == IDS};
}

static enum rc snapshot_pump(struct snapshot *snapshot UNUSED, const struct position *here,
                             struct error *err UNUSED)
{
    assert_false(source.in_txn);
    assert_int_equal(here->offset, source.txn);
    for (unsigned i = 0; i < 2; i++)
        if (reader.queues[i].queued && !reader.queues[i].reading)
            begin_chunk(&reader.queues[i], source.txn);
    return RC_OK;
}

static enum rc snapshot_reconcile(struct snapshot *snapshot UNUSED, const struct change *change,
                                  enum snapshot_pass *out, struct error *err UNUSED)
{
    unsigned index = index_of(change->table);
    struct model_queue *queue = &reader.queues[index];
    *out = SNAPSHOT_PASS;
    if (!queue->queued)
        return RC_OK;
    if (index == 1) {
        bool behind = queue->reading && source.txn >= queue->high;
        *out = behind ? SNAPSHOT_PASS : SNAPSHOT_DROP;
        return RC_OK;
    }
    const struct row *row = row_exists(&change->after) ? &change->after : &change->before;
    uint64_t id = load_u64le(row->cells[0].ptr);
    if (id < queue->behind)
        return RC_OK;
    if (queue->reading && id < queue->end)
        queue->touched[id] = true;
    else
        *out = SNAPSHOT_DROP;
    return RC_OK;
}

static enum rc snapshot_ready(struct snapshot *snapshot UNUSED, struct snapshot_chunk **out,
                              struct error *err UNUSED)
{
    assert_false(source.in_txn);
    if (!snapshot_runs())
        return RC_EOF;
    for (unsigned i = 0; i < 2; i++)
        if (reader.queues[i].queued && reader.queues[i].reading &&
            reader.queues[i].high <= source.txn) {
            *out = &reader.queues[i].chunk;
            return RC_OK;
        }
    return RC_AGAIN;
}

static enum rc snapshot_row(struct snapshot *snapshot UNUSED, struct snapshot_chunk *chunk,
                            struct change *out, struct error *err UNUSED)
{
    struct model_queue *queue = &reader.queues[index_of(chunk->table)];
    assert_ptr_equal(chunk, &queue->chunk);
    assert_true(queue->reading);
    bool is_unkeyed = chunk->table->key_count == 0;
    source.facts = (struct txn){.file = slice_str(source.file), .offset = queue->high};
    *out = (struct change){.kind = CHANGE_READ, .table = queue->table, .txn = &source.facts};
    while (queue->next < queue->end) {
        uint64_t id = queue->next;
        unsigned want = is_unkeyed                                         ? queue->rows.unkeyed[id]
                        : queue->touched[id] || queue->rows.keyed[id] == 0 ? 0
                                                                           : 1;
        if (queue->times < want) {
            if (is_unkeyed && ++queue->given % 6 == 0)
                return RC_AGAIN;
            queue->times++;
            fill_row(&out->after, id, is_unkeyed ? 1 : queue->rows.keyed[id],
                     queue->table->column_count);
            return RC_OK;
        }
        queue->next++;
        queue->times = 0;
    }
    return RC_EOF;
}

static enum rc snapshot_done(struct snapshot *snapshot UNUSED, struct snapshot_chunk *chunk,
                             struct slice *key_out, struct slice *value_out,
                             struct error *err UNUSED)
{
    struct model_queue *queue = &reader.queues[index_of(chunk->table)];
    queue->reading = false;
    queue->behind = queue->end;
    queue->number++;
    queue->queued = !chunk->last;
    snprintf(reader.key, sizeof(reader.key), "snapshot/db.%.*s", SLICE_ARG(chunk->table->name));
    snprintf(reader.value, sizeof(reader.value), "%llu", (unsigned long long)queue->behind);
    if (chunk->last)
        snprintf(reader.value, sizeof(reader.value), "done");
    *key_out = slice_str(reader.key);
    *value_out = slice_str(reader.value);
    return RC_OK;
}

static bool snapshot_is_done(struct slice value)
{
    return slice_equal(value, SLICE("done"));
}

static void snapshot_progress(const struct snapshot *snapshot UNUSED, struct snapshot_progress *out)
{
    *out = (struct snapshot_progress){.tables_total = 2};
}

static void snapshot_stop(struct snapshot *snapshot UNUSED)
{
}

static void snapshot_close(struct snapshot *snapshot UNUSED)
{
    reader.open = false;
}

static const struct snapshot_ops snapshot_ops = {
    .open = snapshot_open,
    .add = snapshot_add,
    .change = snapshot_change,
    .pump = snapshot_pump,
    .reconcile = snapshot_reconcile,
    .ready = snapshot_ready,
    .row = snapshot_row,
    .done = snapshot_done,
    .is_done = snapshot_is_done,
    .progress = snapshot_progress,
    .stop = snapshot_stop,
    .close = snapshot_close,
};

/* ---- the sink ---- */

static const char *const target_names[TARGETS] = {"k", "u", "k__millrace_new", "u__millrace_new"};

/* A table of the target: 0 keyed, 1 unkeyed, and the same beside those. */
struct place {
    unsigned table;
    unsigned place;
};

static struct place place_of(unsigned index)
{
    return (struct place){.table = index % 2, .place = index / 2};
}

static unsigned index_of_target(const struct sink_target *target)
{
    for (unsigned i = 0; i < TARGETS; i++)
        if (slice_equal(target->table, slice_str(target_names[i])))
            return i;
    fail_msg("a target that nobody asked for: %.*s", SLICE_ARG(target->table));
    return 0;
}

static void empty(unsigned index)
{
    struct rows *rows = &world.target[place_of(index).place];
    if (place_of(index).table == 0)
        memset(rows->keyed, 0, sizeof(rows->keyed));
    else
        memset(rows->unkeyed, 0, sizeof(rows->unkeyed));
}

struct model_sink {
    struct sink base;
    struct op open[BATCH];
    unsigned open_count;
    struct op sealed[BATCH];
    unsigned sealed_count;
    struct manifest_entry entries[TARGETS];
    char labels[TARGETS][64];
    unsigned entry_table[TARGETS];
    unsigned entry_count;
    bool applied[TARGETS];
    unsigned told;
    bool submitted;
};

static struct model_sink sink;

static struct sink_limits sink_limits(const struct sink *base UNUSED)
{
    return (struct sink_limits){.flush_rows = 2 + world.lives * 3 % 5,
                                .flush_interval_ms = 3600000};
}

/* One that is not there is made. Every column must be there; one more may be, for it takes NULL. */
static enum rc sink_table(struct sink *base UNUSED, const struct table *table,
                          const struct sink_target *target, struct sink_table **out,
                          struct error *err)
{
    unsigned index = index_of_target(target);
    struct place at = place_of(index);
    if (!world.there[at.place][at.table]) {
        step_before();
        empty(index);
        world.there[at.place][at.table] = true;
        if (at.table == 0)
            world.columns[at.place] = table->column_count;
        step_after();
    }
    if (at.table == 0 && table->column_count > world.columns[at.place])
        return error_set(err, RC_MISMATCH, "The target has no such column.");
    *out = (struct sink_table *)(uintptr_t)(index + 1);
    return RC_OK;
}

/* What is beside takes the place; where nothing is beside, it has taken it already. */
static void swap(unsigned table)
{
    if (!world.there[BESIDE][table])
        return;
    if (table == 0) {
        memcpy(world.target[OWN].keyed, world.target[BESIDE].keyed, sizeof(at_begin.keyed));
        world.columns[OWN] = world.columns[BESIDE];
    } else {
        memcpy(world.target[OWN].unkeyed, world.target[BESIDE].unkeyed, sizeof(at_begin.unkeyed));
    }
    world.there[BESIDE][table] = false;
    world.swaps++;
}

static enum rc sink_change_table(struct sink *base UNUSED, const struct schema_step *step,
                                 const struct sink_target *target, struct error *err UNUSED)
{
    struct place at = place_of(index_of_target(target));
    assert_int_equal(sink.open_count, 0);
    assert_false(sink.submitted);
    assert_false(stored.has_intent);
    step_before();
    if (step->kind == SCHEMA_ADD_COLUMN)
        world.columns[at.place] = 3;
    else if (step->kind == SCHEMA_DROP_COLUMN)
        world.columns[at.place] = 2;
    else if (step->kind == SCHEMA_DROP_TABLE && at.place == BESIDE)
        world.there[BESIDE][at.table] = false;
    else if (step->kind == SCHEMA_SWAP_TABLE && at.place == OWN)
        swap(at.table);
    else
        fail_msg("a step that nobody asked for");
    step_after();
    return RC_OK;
}

static enum rc sink_write(struct sink *base UNUSED, struct sink_table *table,
                          const struct change *change, struct error *err UNUSED)
{
    unsigned index = (unsigned)(uintptr_t)table - 1;
    if (change->kind == CHANGE_TRUNCATE) {
        assert_int_equal(sink.open_count, 0);
        assert_false(sink.submitted);
        step_before();
        world.truncates[place_of(index).table]++;
        empty(index);
        step_after();
        return RC_OK;
    }
    if (sink.open_count == BATCH)
        return RC_FULL;
    const struct row *row = row_exists(&change->after) ? &change->after : &change->before;
    sink.open[sink.open_count++] =
        (struct op){.kind = change->kind == CHANGE_DELETE ? OP_DELETE : OP_INSERT,
                    .table = index,
                    .id = load_u64le(row->cells[0].ptr),
                    .value = load_u64le(row->cells[1].ptr)};
    return RC_OK;
}

static void sink_pending(const struct sink *base UNUSED, struct sink_pending *out)
{
    *out = (struct sink_pending){.rows = sink.open_count};
}

static enum rc sink_seal(struct sink *base UNUSED, uint64_t epoch, struct manifest *out,
                         struct error *err UNUSED)
{
    assert_false(sink.submitted);
    memcpy(sink.sealed, sink.open, sizeof(sink.sealed));
    sink.sealed_count = sink.open_count;
    sink.open_count = 0;
    sink.entry_count = 0;
    for (unsigned t = 0; t < TARGETS; t++) {
        uint64_t rows = 0;
        for (unsigned i = 0; i < sink.sealed_count; i++)
            rows += sink.sealed[i].table == t;
        if (rows == 0)
            continue;
        unsigned n = sink.entry_count++;
        snprintf(sink.labels[n], sizeof(sink.labels[n]), "label_%u_%llu", t,
                 (unsigned long long)epoch);
        sink.entry_table[n] = t;
        sink.entries[n] = (struct manifest_entry){.db = SLICE("db"),
                                                  .table = slice_str(target_names[t]),
                                                  .token = slice_str(sink.labels[n]),
                                                  .rows = rows,
                                                  .keyless = place_of(t).table == 1};
    }
    *out = (struct manifest){.entries = sink.entries, .count = sink.entry_count};
    return RC_OK;
}

static void load_row(const struct op *row)
{
    struct place at = place_of(row->table);
    struct op op = *row;
    op.table = at.table;
    assert_true(world.there[at.place][at.table]);
    apply(&world.target[at.place], &op);
}

static bool is_loaded(struct slice label)
{
    for (unsigned i = world.load_count; i-- > 0;) /* it is one of the last */
        if (strncmp(world.loads[i].label, (const char *)label.ptr, label.len) == 0 &&
            world.loads[i].label[label.len] == '\0')
            return true;
    return false;
}

static enum rc sink_submit(struct sink *base UNUSED, const bool *applied, struct error *err UNUSED)
{
    sink.told = 0;
    sink.submitted = true;
    for (unsigned i = 0; i < sink.entry_count; i++)
        sink.applied[i] = applied != NULL && applied[i];
    return RC_OK;
}

static enum rc sink_poll(struct sink *base UNUSED, unsigned wait_ms UNUSED,
                         struct sink_result *result, struct error *err UNUSED)
{
    while (sink.told < sink.entry_count && sink.applied[sink.told])
        sink.told++;
    if (sink.told == sink.entry_count) {
        sink.submitted = false;
        return RC_EOF;
    }
    unsigned n = sink.told++;
    step_before();
    if (!is_loaded(slice_str(sink.labels[n]))) {
        assert_true(world.load_count < LOADS);
        struct load *load = &world.loads[world.load_count++];
        snprintf(load->label, sizeof(load->label), "%s", sink.labels[n]);
        for (unsigned i = 0; i < sink.sealed_count; i++)
            if (sink.sealed[i].table == sink.entry_table[n])
                load_row(&sink.sealed[i]);
    }
    step_after();
    *result = (struct sink_result){.entry = n, .rows = sink.entries[n].rows};
    return RC_OK;
}

static enum rc sink_resolve(struct sink *base UNUSED, const struct manifest_entry *entry,
                            enum load_state *out, struct error *err UNUSED)
{
    *out = is_loaded(entry->token) ? LOAD_APPLIED : LOAD_UNKNOWN;
    return RC_OK;
}

static void sink_stats(const struct sink *base UNUSED, struct sink_stats *out)
{
    memset(out, 0, sizeof(*out));
}

static void sink_stop(struct sink *base UNUSED)
{
}

static const struct sink_ops sink_ops = {
    .name = "model",
    .limits = sink_limits,
    .table = sink_table,
    .change_table = sink_change_table,
    .write = sink_write,
    .pending = sink_pending,
    .seal = sink_seal,
    .submit = sink_submit,
    .poll = sink_poll,
    .resolve = sink_resolve,
    .stats = sink_stats,
    .stop = sink_stop,
};

/* ---- lives ---- */

static struct pipeline *volatile living;

static bool live(struct error *err, enum rc *rc_out)
{
    static struct pipeline_config config = {
        .name = "model", .stop_timeout_ms = 1000, .label_trust_ms = 600000};
    static const struct source_tables_config tables = {
        .scan = SOURCE_SCAN_FIRST, .snapshot_new_tables = true, .chunk_rows = CHUNK};
    struct route_set *routes;
    assert_int_equal(route_set_new(NULL, 0, ROUTE_ALL_MATCH, &routes, err), RC_OK);
    setup_tables();
    memset(&source, 0, sizeof(source));
    memset(&sink, 0, sizeof(sink));
    memset(&reader, 0, sizeof(reader));
    source.base.ops = &source_ops;
    sink.base.ops = &sink_ops;
    reader.base.ops = &snapshot_ops;
    stored.step = 0;
    world.lives++;
    struct pipeline_parts parts = {.source = &source.base,
                                   .sink = &sink.base,
                                   .store_ops = &store_ops,
                                   .routes = routes,
                                   .config = &config,
                                   .tables = &tables,
                                   .snapshot_ops = &snapshot_ops};
    struct pipeline *made;
    assert_int_equal(pipeline_new(&parts, &made, err), RC_OK);
    living = made;
    bool ended = false;
    if (setjmp(stored.crashed) == 0) {
        *rc_out = pipeline_run(living, err);
        ended = true;
    }
    pipeline_free(living);
    route_set_free(routes);
    return ended;
}

static void world_new(bool untold)
{
    memset(&world, 0, sizeof(world));
    world.untold = untold;
    store_clear();
}

static void check_world(enum rc rc, const struct error *err)
{
    if (rc != RC_OK)
        fail_msg("%s: %s", rc_name(rc), err->text);
    struct rows now = server_at(TXNS);
    for (unsigned id = 0; id < IDS; id++) {
        assert_int_equal(world.target[OWN].keyed[id], now.keyed[id]);
        assert_int_equal(world.target[OWN].unkeyed[id], now.unkeyed[id]);
    }
    assert_int_equal(world.columns[OWN], 2);
    for (unsigned table = 0; table < 2; table++)
        assert_false(world.there[BESIDE][table]);
    assert_false(stored.has_intent);
    assert_int_equal(stored.state.position.offset, TXNS);
    assert_string_equal(model_note_get("snapshot/db.k"), "done");
    assert_string_equal(model_note_get("snapshot/db.u"), "done");
    assert_string_equal(model_note_get("schema/db.k"), "25");
    assert_null(model_note_get("pipeline/filling/db.u"));
    assert_null(model_note_get("pipeline/steps"));
    assert_null(model_note_get("pipeline/unknown/db.k"));
    assert_null(model_note_get("pipeline/unknown/db.u"));
}

static void brings_all_rows(void **state)
{
    bool untold = *state != NULL;
    struct error err;
    enum rc rc;
    error_clear(&err);
    world_new(untold);
    assert_true(live(&err, &rc));
    check_world(rc, &err);
    assert_int_equal(world.truncates[1], 0); /* it was begun once */
    assert_true(stored.step > 60);
    assert_true(untold ? world.swaps > 3 : world.swaps == 0);
}

static void survives_every_crash(void **state)
{
    bool untold = *state != NULL;
    struct error err;
    enum rc rc;
    error_clear(&err);
    world_new(untold);
    assert_true(live(&err, &rc));
    unsigned steps = stored.step;
    for (unsigned at = 1; at <= steps; at++)
        for (unsigned after = 0; after < 2; after++) {
            world_new(untold);
            stored.crash_at = at;
            stored.crash_after = after == 1;
            assert_false(live(&err, &rc));
            stored.crash_at = 0;
            assert_true(live(&err, &rc));
            check_world(rc, &err);
        }
}

/* The address sanitizer, which takes six times as long, sees a part of them: it looks for memory. */
#ifdef __SANITIZE_ADDRESS__
enum { CRASH_SEEDS = 60 };
#else
enum { CRASH_SEEDS = 200 };
#endif

static void survives_many_crashes(void **state)
{
    bool untold = *state != NULL;
    struct error err;
    enum rc rc = RC_OK;
    unsigned begun_again = 0;
    unsigned seeds = untold ? CRASH_SEEDS / 5 : CRASH_SEEDS;
    for (unsigned seed = 1; seed <= seeds; seed++) {
        uint32_t x = seed * 2654435761u;
        world_new(untold);
        error_clear(&err);
        unsigned lives = 0;
        bool ended = false;
        while (!ended) {
            x = x * 1664525u + 1013904223u;
            stored.crash_at = 2 + (x >> 20) % (5 + seed % 40);
            stored.crash_after = (x >> 16 & 1) == 1;
            if (++lives > 300)
                stored.crash_at = 0;
            ended = live(&err, &rc);
        }
        check_world(rc, &err);
        begun_again += world.truncates[1] > 0;
    }
    assert_true(begun_again > seeds / 20); /* the unkeyed table was emptied and begun again */
}

int main(void)
{
    log_setup(2, LOG_FORMAT_TEXT, getenv("SHOW_LOG") != NULL ? LOG_DEBUG : LOG_OFF);
    write_history();
    static bool untold = true;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(brings_all_rows),
        cmocka_unit_test(survives_every_crash),
        cmocka_unit_test(survives_many_crashes),
        {"brings_all_rows, untold", brings_all_rows, NULL, NULL, &untold},
        {"survives_every_crash, untold", survives_every_crash, NULL, NULL, &untold},
        {"survives_many_crashes, untold", survives_many_crashes, NULL, NULL, &untold},
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
