/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A source whose whole history is drawn when the world begins: some tables with a key, some without,
 * transactions of few rows and now and then of many, key changes, TRUNCATE, ADD COLUMN. A transaction can be read
 * from its commit time on. Now and then the source has a note (as the schema history has); what it
 * gets back at a start must be the note that was true at the place at which it is to start.
 */
#include "sim_int.h"

#include <stdio.h>
#include <stdlib.h>

enum { TXNS_MAX = 80, ROWS_MAX = 1400, ROWS_LARGE = 60, KEYS = 24, VALUE_BYTES = 24 };
/* A table begins with two columns and may get two more. */
enum { VERSIONS = 3, COLUMNS = 2 + VERSIONS - 1 };

struct row_event {
    enum change_kind kind;
    unsigned table;
    unsigned version; /* of the table then; of a change of its shape: afterwards */
    uint64_t id;
    uint64_t value;
    uint64_t old_id; /* of an update */
    uint64_t old_value;
};

struct txn_event {
    unsigned first; /* its rows: [first, first + count) */
    unsigned count;
    uint64_t commit_us;
    bool has_note;
};

static struct txn_event txns[TXNS_MAX];
static struct row_event rows[ROWS_MAX];
static unsigned txn_count;
static unsigned row_count;
static bool failed;
static uint64_t place;

uint64_t source_row_value(uint64_t value, unsigned version)
{
    return value + version * UINT64_C(1000000);
}

uint64_t source_added_value(uint64_t value, unsigned column)
{
    return value * 10 + column;
}

/* ---- the history ---- */

struct writer {
    uint64_t value[SOURCE_TABLES][KEYS]; /* 0: no such row */
    uint64_t next_id[SOURCE_TABLES];
    unsigned version[SOURCE_TABLES];
    uint64_t next_value;
};

static void add_row(struct row_event row)
{
    ASSERT(row_count < ROWS_MAX);
    rows[row_count++] = row;
}

static void write_keyless(struct writer *writer, unsigned table)
{
    struct row_event row = {.kind = CHANGE_INSERT,
                            .table = table,
                            .version = writer->version[table],
                            .id = writer->next_id[table]++,
                            .value = ++writer->next_value};
    oracle_change(table, row.id, source_row_value(row.value, row.version), true);
    add_row(row);
}

static void write_keyed(struct writer *writer, unsigned table)
{
    uint64_t id = random_below(KEYS);
    uint64_t *held = &writer->value[table][id];
    struct row_event row = {
        .table = table, .version = writer->version[table], .id = id, .value = ++writer->next_value};
    if (*held == 0) {
        row.kind = CHANGE_INSERT;
        oracle_change(table, id, source_row_value(row.value, row.version), true);
        *held = row.value;
    } else if (random_chance(300)) {
        row.kind = CHANGE_DELETE;
        row.value = *held;
        oracle_change(table, id, 0, false);
        *held = 0;
    } else {
        row.kind = CHANGE_UPDATE;
        row.old_id = id;
        row.old_value = *held;
        uint64_t other = random_below(KEYS);
        if (random_chance(200) && writer->value[table][other] == 0) {
            /* The key changes; between the two halves the table is no prefix, so it is one step. */
            row.id = other;
            *held = 0;
            held = &writer->value[table][other];
        }
        *held = row.value;
        oracle_update(table, row.old_id, row.id, source_row_value(row.value, row.version));
    }
    add_row(row);
}

static void write_truncate(struct writer *writer, unsigned table)
{
    memset(writer->value[table], 0, sizeof(writer->value[table]));
    oracle_truncate(table);
    add_row((struct row_event){
        .kind = CHANGE_TRUNCATE, .table = table, .version = writer->version[table]});
}

static void write_shape(struct writer *writer, unsigned table)
{
    if (writer->version[table] + 1 < VERSIONS)
        add_row((struct row_event){
            .kind = CHANGE_SCHEMA, .table = table, .version = ++writer->version[table]});
}

static void write_txn(struct writer *writer, uint64_t commit_us)
{
    struct txn_event *txn = &txns[txn_count++];
    *txn = (struct txn_event){.first = row_count, .commit_us = commit_us};
    txn->has_note = random_chance(150);
    if (random_chance(30)) {
        write_truncate(writer, (unsigned)random_below(SOURCE_TABLES));
    } else if (random_chance(40)) {
        write_shape(writer, (unsigned)random_below(SOURCE_TABLES));
    } else {
        unsigned count = (unsigned)random_between(1, random_chance(60) ? ROWS_LARGE : 6);
        for (unsigned i = 0; i < count; i++) {
            unsigned table = (unsigned)random_below(SOURCE_TABLES);
            if (oracle_is_keyless(table))
                write_keyless(writer, table);
            else
                write_keyed(writer, table);
        }
    }
    txn->count = row_count - txn->first;
    oracle_txn_over();
}

void source_begin(void)
{
    struct writer writer;
    memset(&writer, 0, sizeof(writer));
    txn_count = row_count = 0;
    for (unsigned i = 0; i < SOURCE_TABLES; i++)
        oracle_table(i, i % 2 == 1);
    unsigned count = (unsigned)random_between(5, TXNS_MAX);
    uint64_t pause_us = random_chance(500) ? 100 * MS : 3 * SECOND;
    uint64_t commit_us = sim_now_us();
    while (txn_count < count && row_count + ROWS_LARGE < ROWS_MAX) {
        commit_us += random_delay(pause_us);
        write_txn(&writer, commit_us);
    }
    trace("the source has %u transactions with %u rows", txn_count, row_count);
}

uint64_t source_txn_count(void)
{
    return txn_count;
}

uint64_t source_place(void)
{
    return place;
}

bool source_has_failed(void)
{
    return failed;
}

/* ---- the source ---- */

struct sim_source {
    struct source base;
    struct table tables[SOURCE_TABLES][VERSIONS];
    char names[SOURCE_TABLES][8];
    struct column columns[COLUMNS];
    uint32_t origin[COLUMNS]; /* of a new column behind as many old ones as there are */
    struct table_change table_change;
    uint32_t key;
    uint64_t txn;  /* the next one, or the one that is open */
    unsigned row;  /* the next one of it */
    bool noted;    /* the note of the transaction before `txn` was given */
    uint64_t note; /* the newest that was remembered, as the transaction behind it; 0: none */
    struct cell cells[2][COLUMNS];
    char texts[2][COLUMNS][VALUE_BYTES];
    struct txn current;
    char file[24];
    atomic_bool stopped;
};

static struct sim_source *source_of(struct source *base)
{
    return (struct sim_source *)base;
}

static enum rc column_text(const struct column *column UNUSED, struct slice cell,
                           struct buf *scratch UNUSED, struct slice *text, struct error *err UNUSED)
{
    *text = cell;
    return RC_OK;
}

static void identity(const struct source *base UNUSED, struct source_identity *out)
{
    memset(out, 0, sizeof(*out));
    snprintf(out->server, sizeof(out->server), "the-simulated-server");
    snprintf(out->version, sizeof(out->version), "8.0.0");
}

/* How the table looks at the source by now, which may be ahead of the stream. */
static unsigned version_now(unsigned table)
{
    unsigned version = 0;
    for (unsigned t = 0; t < txn_count && txns[t].commit_us <= sim_now_us(); t++) {
        const struct row_event *row = &rows[txns[t].first];
        if (txns[t].count == 1 && row->kind == CHANGE_SCHEMA && row->table == table)
            version = row->version;
    }
    return version;
}

static enum rc give_tables(struct source *base, source_table_fn visit, void *ctx, struct error *err)
{
    struct sim_source *source = source_of(base);
    enum rc rc = RC_OK;
    for (unsigned i = 0; i < SOURCE_TABLES && rc == RC_OK; i++)
        rc = visit(ctx, &source->tables[i][version_now(i)], err);
    return rc;
}

/* The last transaction before `txn` that had a note, counted from 1; 0: none. */
static uint64_t note_before(uint64_t txn)
{
    while (txn > 0 && !txns[txn - 1].has_note)
        txn--;
    return txn;
}

static enum rc start(struct source *base, const struct position *from, struct error *err UNUSED)
{
    struct sim_source *source = source_of(base);
    source->txn = from == NULL || position_is_empty(from) ? 0 : from->offset - 4;
    source->row = from == NULL ? 0 : (unsigned)from->rows_done;
    place = source->txn;
    trace("source: starts at transaction %llu, row %u", (unsigned long long)source->txn,
          source->row);
    if (source->note != note_before(source->txn))
        violation("the source starts at transaction %llu with the note %llu; %llu was true there",
                  (unsigned long long)source->txn, (unsigned long long)source->note,
                  (unsigned long long)note_before(source->txn));
    source->noted = true;
    if (bug_armed == BUG_RESUME_LATE && source->txn > 0 && source->txn < txn_count) {
        source->txn++;
        source->row = 0;
    }
    return RC_OK;
}

static enum rc remember(struct source *base, struct slice key, struct slice value,
                        struct error *err UNUSED)
{
    uint64_t note = 0;
    if (slice_equal(key, SLICE("schema/sim")) && text_parse_u64(value, &note))
        source_of(base)->note = note;
    return RC_OK;
}

static enum rc give_notes(struct source *base, source_note_fn visit, void *ctx, struct error *err)
{
    struct sim_source *source = source_of(base);
    if (source->noted || source->txn == 0 || !txns[source->txn - 1].has_note)
        return RC_OK;
    source->noted = true;
    char value[24];
    snprintf(value, sizeof(value), "%llu", (unsigned long long)source->txn);
    return visit(ctx, SLICE("schema/sim"), slice_str(value), err);
}

/* What an old image has in the added columns does not matter to anybody, so it has nothing. */
static void fill_image(struct sim_source *source, unsigned image, uint64_t id, uint64_t value)
{
    const uint64_t numbers[COLUMNS] = {id, value, source_added_value(value, 1),
                                       source_added_value(value, 2)};
    for (unsigned i = 0; i < COLUMNS; i++) {
        char *text = source->texts[image][i];
        int len = snprintf(text, VALUE_BYTES, "%llu", (unsigned long long)numbers[i]);
        source->cells[image][i] =
            (struct cell){.ptr = (const uint8_t *)text,
                          .len = (uint32_t)len,
                          .state = image == 0 && i > 1 ? CELL_NULL : CELL_VALUE};
    }
}

static void give_statement(struct sim_source *source, const struct row_event *row,
                           struct change *change)
{
    change->ddl_db = SLICE("app");
    change->ddl = SLICE("TRUNCATE TABLE t");
    if (row->kind == CHANGE_TRUNCATE)
        return;
    change->ddl = SLICE("ALTER TABLE t ADD COLUMN c BIGINT");
    /* The last column is new; the array ends so that it stands where the table's ends. */
    unsigned count = 2 + row->version;
    for (unsigned i = 0; i < COLUMNS; i++)
        source->origin[i] = i + 1 < count ? i : TABLE_CHANGE_NEW_COLUMN;
    source->table_change = (struct table_change){.kind = TABLE_ALTERED,
                                                 .before = change->table - 1,
                                                 .after = change->table,
                                                 .origin = source->origin};
    change->table_change = &source->table_change;
}

static void give_row(struct sim_source *source, const struct row_event *row, struct change *change)
{
    change->kind = row->kind;
    change->table = &source->tables[row->table][row->version];
    change->ordinal = source->row - 1;
    if (row->kind == CHANGE_TRUNCATE || row->kind == CHANGE_SCHEMA) {
        give_statement(source, row, change);
        return;
    }
    struct row before = {.cells = source->cells[0], .count = change->table->column_count};
    struct row after = {.cells = source->cells[1], .count = change->table->column_count};
    if (row->kind == CHANGE_UPDATE)
        fill_image(source, 0, row->old_id, row->old_value);
    else if (row->kind == CHANGE_DELETE)
        fill_image(source, 0, row->id, row->value);
    if (row->kind != CHANGE_DELETE)
        fill_image(source, 1, row->id, row->value);
    if (row->kind != CHANGE_INSERT)
        change->before = before;
    if (row->kind != CHANGE_DELETE)
        change->after = after;
}

static enum rc next(struct source *base, struct change *change, unsigned wait_ms, struct error *err)
{
    struct sim_source *source = source_of(base);
    memset(change, 0, sizeof(*change));
    if (!life_goes_on("reading") || atomic_load(&source->stopped))
        return error_set(err, RC_CANCELLED, "A stop was asked for.");
    if (fault(FAULT_SOURCE)) {
        failed = true;
        return error_set(err, RC_CONNECT, "The source is gone.");
    }
    life_look();
    const struct txn_event *txn = &txns[source->txn];
    if (source->txn == txn_count || txn->commit_us > sim_now_us()) {
        uint64_t left_us = source->txn == txn_count ? UINT64_MAX : txn->commit_us - sim_now_us();
        fiber_sleep(left_us < wait_ms * MS ? left_us : wait_ms * MS + 1);
        return RC_AGAIN;
    }
    snprintf(source->file, sizeof(source->file), "sim.000001");
    source->current = (struct txn){.file = slice_str(source->file),
                                   .offset = source->txn + 4,
                                   .commit_time_us = txn->commit_us,
                                   .server_id = 1};
    change->txn = &source->current;
    change->event_offset = source->txn + 4;
    if (source->row < txn->count) {
        give_row(source, &rows[txn->first + source->row++], change);
        change->ordinal = source->row - 1;
        return RC_OK;
    }
    change->kind = CHANGE_COMMIT;
    source->txn++;
    source->row = 0;
    source->noted = false;
    place = source->txn;
    return RC_OK;
}

static enum rc position(struct source *base, struct position *out, struct error *err UNUSED)
{
    snprintf(out->file, sizeof(out->file), "sim.000001");
    snprintf(out->server, sizeof(out->server), "the-simulated-server");
    out->offset = source_of(base)->txn + 4;
    out->rows_done = 0;
    out->targets_done = 0;
    return RC_OK;
}

static bool reached(struct source *base, const struct position *to)
{
    return source_of(base)->txn + 4 >= to->offset;
}

static void give_stats(const struct source *base UNUSED, struct source_stats *out)
{
    memset(out, 0, sizeof(*out));
}

static void stop(struct source *base)
{
    atomic_store(&source_of(base)->stopped, true);
}

static const struct cfg_section no_section = {.block = "source"};

static const struct source_ops ops = {
    .name = "sim",
    .section = &no_section,
    .identity = identity,
    .tables = give_tables,
    .start = start,
    .remember = remember,
    .notes = give_notes,
    .next = next,
    .position = position,
    .reached = reached,
    .stats = give_stats,
    .stop = stop,
};

struct source *source_make(void)
{
    struct sim_source *source = calloc(1, sizeof(*source));
    ASSERT(source != NULL);
    failed = false;
    source->base.ops = &ops;
    atomic_init(&source->stopped, false);
    static const char *const column_names[COLUMNS] = {"id", "v", "c1", "c2"};
    for (unsigned i = 0; i < COLUMNS; i++)
        source->columns[i] = (struct column){.name = slice_str(column_names[i]),
                                             .kind = COLUMN_INT,
                                             .int_bytes = 8,
                                             .type = SLICE("bigint"),
                                             .nullable = i > 1,
                                             .default_known = i > 1,
                                             .key_ordinal = i == 0 ? 1 : 0,
                                             .text = column_text};
    for (unsigned i = 0; i < SOURCE_TABLES * VERSIONS; i++) {
        unsigned number = i / VERSIONS;
        snprintf(source->names[number], sizeof(source->names[number]), "t%u", number);
        source->tables[number][i % VERSIONS] =
            (struct table){.db = SLICE("app"),
                           .name = slice_str(source->names[number]),
                           .version = i % VERSIONS + 1,
                           .columns = source->columns,
                           .column_count = 2 + i % VERSIONS,
                           .key = &source->key,
                           .key_count = oracle_is_keyless(number) ? 0 : 1,
                           .has_names = true};
    }
    return &source->base;
}

void source_unmake(struct source *source)
{
    free(source);
}
