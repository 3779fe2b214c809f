/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Drives the snapshot beside the stream against a real server, with a table in memory in the place
 * of a warehouse, and at the end writes what that table holds. For tests/integration.
 *
 *   snapshot_model FILE.yaml [name=value ...] > rows
 *
 *     snapshot=no       the stream alone
 *     parallelism=N  rows=N  bytes=N
 *     restart=N         after every Nth chunk everything is closed and opened again with the notes
 *                       and the position of the chunk before, as after a crash
 *     slow_ms=N         a pause before each chunk is taken
 *     reshape=1         after its third chunk each table is said to have another shape, the same
 *     count=1           rows are counted and not kept: for measuring
 *
 * Ends when a row is put into a table called z_stop. "snapshot done" goes to standard error when it
 * is. A line of the result: table, tab, key in hex, tab, row in hex; a row is for each column N (NULL),
 * A (not known) or V, its length and a colon, the canonical text.
 *
 * A partial update of a row that is not there is told on standard error and fails the run at its end:
 * a warehouse would refuse it.
 */
#include <stdio.h>
#include <stdlib.h>

#include "binlog/binlog.h"
#include "engine/engine.h"
#include "snapshot/snapshot.h"

enum { ROWS_MAX = 1 << 20, NOTES_MAX = 4096 };

struct entry {
    struct entry *next;
    uint64_t hash;
    char *table;
    struct slice key; /* owned */
    struct slice row; /* owned */
    int64_t count; /* without a key: how often; negative while a row is deleted that is to come */
};

struct note {
    struct slice key;
    struct slice value;
};

struct model {
    struct cfg_document *document;
    void *config;
    struct pattern_set *tables;
    struct source *source;
    struct snapshot *snapshot;
    struct snapshot_chunk *chunk; /* being taken; NULL: none */
    bool with_snapshot;
    struct snapshot_options options;
    uint64_t restart;
    uint64_t slow_ms;
    uint64_t count;
    uint64_t reshape;
    const struct table *reshaped[256];
    unsigned reshaped_count;
    uint64_t started_us;
    uint64_t chunks;
    uint64_t rows_read;
    uint64_t dropped;
    uint64_t failures;
    char last_file[POSITION_FILE_MAX]; /* of the last change without a key that was taken */
    uint64_t last_offset;
    uint64_t last_ordinal;
    struct entry *buckets[1 << 16];
    struct note notes[NOTES_MAX];
    unsigned note_count;
    struct note old_notes[NOTES_MAX];
    unsigned old_note_count;
    struct arena memory; /* of notes */
    struct position position;
    struct position old_position;
    struct buf scratch;
    struct buf key;
    struct buf row;
};

static struct model model;

static void die(const char *what, const struct error *err)
{
    fprintf(stderr, "snapshot_model: %s: %s\n", what, err->text);
    exit(1);
}

static struct slice copy(struct slice s)
{
    uint8_t *ptr = malloc(s.len + 1);
    if (ptr == NULL)
        exit(1);
    memcpy(ptr, s.ptr == NULL ? (const uint8_t *)"" : s.ptr, s.len);
    return slice_of(ptr, s.len);
}

static void discard(struct slice s)
{
    union {
        const uint8_t *in;
        void *out;
    } as = {.in = s.ptr};
    free(as.out);
}

/* --- rows as text --- */

static void add_cell(struct buf *out, const struct column *column, const struct cell *cell)
{
    struct error err = {0};
    struct slice text;
    if (cell->state != CELL_VALUE) {
        buf_add_byte(out, cell->state == CELL_NULL ? 'N' : 'A');
        return;
    }
    buf_reset(&model.scratch);
    if (cell_text(column, cell, &model.scratch, &text, &err) != RC_OK)
        die("a value", &err);
    buf_addf(out, "V%zu:", text.len);
    buf_add_slice(out, text);
}

static void make_row(const struct table *table, const struct row *row)
{
    buf_reset(&model.row);
    for (uint32_t i = 0; i < table->column_count; i++)
        add_cell(&model.row, &table->columns[i], &row->cells[i]);
}

/* Key cells that `row` lacks are those of `other`. */
static void make_key(const struct table *table, const struct row *row, const struct row *other)
{
    buf_reset(&model.key);
    for (uint32_t i = 0; i < table->key_count; i++) {
        uint32_t at = table->key[i];
        const struct cell *cell = &row->cells[at];
        if (cell->state == CELL_ABSENT && other != NULL)
            cell = &other->cells[at];
        add_cell(&model.key, &table->columns[at], cell);
    }
}

static struct slice next_cell(struct slice *row)
{
    size_t len = 1;
    if (row->ptr[0] == 'V') {
        uint64_t size = 0;
        const uint8_t *colon = memchr(row->ptr, ':', row->len);
        size_t digits = (size_t)(colon - row->ptr) - 1;
        if (!text_parse_u64(slice_of(row->ptr + 1, digits), &size))
            exit(1);
        len = 2 + digits + (size_t)size;
    }
    struct slice cell = slice_of(row->ptr, len);
    *row = slice_of(row->ptr + len, row->len - len);
    return cell;
}

/* --- the table in memory --- */

static uint64_t hash_of(const struct table *table, struct slice key, const struct slice *row)
{
    char label[512];
    uint64_t hash = slice_hash(slice_str(table_label(table, label, sizeof(label))));
    return hash ^ slice_hash(key) ^ (row == NULL ? 0 : slice_hash(*row));
}

static struct entry **find(const struct table *table, struct slice key, const struct slice *row)
{
    char label[512];
    table_label(table, label, sizeof(label));
    uint64_t hash = hash_of(table, key, row);
    struct entry **link = &model.buckets[hash % COUNT_OF(model.buckets)];
    while (*link != NULL && !((*link)->hash == hash && slice_equal((*link)->key, key) &&
                              strcmp((*link)->table, label) == 0 &&
                              (row == NULL || slice_equal((*link)->row, *row))))
        link = &(*link)->next;
    return link;
}

static struct entry *add(struct entry **link, const struct table *table, struct slice key,
                         struct slice row, uint64_t hash)
{
    char label[512];
    struct entry *entry = calloc(1, sizeof(*entry));
    if (entry == NULL)
        exit(1);
    table_label(table, label, sizeof(label));
    entry->table = strdup(label);
    entry->hash = hash;
    entry->key = copy(key);
    entry->row = copy(row);
    entry->next = *link;
    *link = entry;
    return entry;
}

static void put(const struct table *table, struct slice key, struct slice row)
{
    struct entry **link = find(table, key, NULL);
    if (*link == NULL) {
        add(link, table, key, row, hash_of(table, key, NULL))->count = 1;
        return;
    }
    discard((*link)->row);
    (*link)->row = copy(row);
}

static void take(const struct table *table, struct slice key)
{
    struct entry **link = find(table, key, NULL);
    struct entry *entry = *link;
    if (entry == NULL)
        return;
    *link = entry->next;
    free(entry->table);
    discard(entry->key);
    discard(entry->row);
    free(entry);
}

/* Rows of a table without a key come in no order with the changes behind them: they are counted. */
static void count(const struct table *table, const struct row *image, int64_t by)
{
    make_row(table, image);
    struct slice row = buf_slice(&model.row);
    struct entry **link = find(table, SLICE_EMPTY, &row);
    struct entry *entry = *link;
    if (entry == NULL)
        entry = add(link, table, SLICE_EMPTY, row, hash_of(table, SLICE_EMPTY, &row));
    entry->count += by;
}

static void clear_table(const struct table *table)
{
    char label[512];
    table_label(table, label, sizeof(label));
    for (size_t i = 0; i < COUNT_OF(model.buckets); i++)
        for (struct entry **link = &model.buckets[i]; *link != NULL;) {
            struct entry *entry = *link;
            if (strcmp(entry->table, label) != 0) {
                link = &entry->next;
                continue;
            }
            *link = entry->next;
            free(entry->table);
            discard(entry->key);
            discard(entry->row);
            free(entry);
        }
}

static bool is_partial(const struct row *row)
{
    for (uint32_t i = 0; i < row->count; i++)
        if (row->cells[i].state == CELL_ABSENT)
            return true;
    return false;
}

/* The new row's columns over those that the model has. */
static void merge(const struct table *table, const struct row *row)
{
    struct entry *entry = *find(table, buf_slice(&model.key), NULL);
    if (entry == NULL) {
        fprintf(stderr,
                "snapshot_model: a partial update of a row of %.*s that is not there: %.*s\n",
                SLICE_ARG(table->name), SLICE_ARG(buf_slice(&model.key)));
        model.failures++;
        return;
    }
    struct slice old = entry->row;
    buf_reset(&model.row);
    for (uint32_t i = 0; i < table->column_count; i++) {
        struct slice cell = next_cell(&old);
        if (row->cells[i].state == CELL_ABSENT)
            buf_add_slice(&model.row, cell);
        else
            add_cell(&model.row, &table->columns[i], &row->cells[i]);
    }
    put(table, buf_slice(&model.key), buf_slice(&model.row));
}

static void apply_keyless(const struct change *change)
{
    if (row_exists(&change->before))
        count(change->table, &change->before, -1);
    if (row_exists(&change->after))
        count(change->table, &change->after, 1);
}

static void apply(const struct change *change)
{
    const struct table *table = change->table;
    if (change->kind == CHANGE_TRUNCATE) {
        clear_table(table);
        return;
    }
    if (table->key_count == 0) {
        apply_keyless(change);
        return;
    }
    if (change->kind == CHANGE_UPDATE && is_partial(&change->after)) {
        make_key(table, &change->after, &change->before);
        merge(table, &change->after);
        return;
    }
    if (row_exists(&change->before)) {
        make_key(table, &change->before, NULL);
        take(table, buf_slice(&model.key));
    }
    if (row_exists(&change->after)) {
        make_key(table, &change->after, NULL);
        make_row(table, &change->after);
        put(table, buf_slice(&model.key), buf_slice(&model.row));
    }
}

/* --- source and snapshot --- */

static bool wants(void *ctx, struct slice db, struct slice table)
{
    (void)ctx;
    return pattern_set_match(model.tables, db, table);
}

static enum rc add_table(void *ctx, struct table *table, struct error *err)
{
    (void)ctx;
    char key[1024];
    char label[512];
    snprintf(key, sizeof(key), "snapshot/%s", table_label(table, label, sizeof(label)));
    struct slice state = SLICE_EMPTY;
    for (unsigned i = 0; i < model.note_count; i++)
        if (slice_equal(model.notes[i].key, slice_str(key)))
            state = model.notes[i].value;
    return model.snapshot->ops->add(model.snapshot, table, state, err);
}

static void open_all(const struct position *from)
{
    struct error err = {0};
    struct source_options options = {
        .config = model.config, .wants = wants, .name = SLICE("model")};
    if (binlog_server_source.open(&options, &model.source, &err) != RC_OK)
        die("the source", &err);
    if (model.source->ops->start(model.source, from, &err) != RC_OK)
        die("the stream", &err);
    if (!model.with_snapshot)
        return;
    model.options.source = model.source;
    if (snapshot_reader.open(&model.options, &model.snapshot, &err) != RC_OK)
        die("the snapshot", &err);
    if (model.source->ops->tables(model.source, add_table, NULL, &err) != RC_OK)
        die("the tables", &err);
}

static void close_all(void)
{
    if (model.snapshot != NULL)
        model.snapshot->ops->close(model.snapshot);
    model.snapshot = NULL;
    model.source->ops->close(model.source);
}

static void keep_note(struct slice key, struct slice value)
{
    for (unsigned i = 0; i < model.note_count; i++)
        if (slice_equal(model.notes[i].key, key)) {
            model.notes[i].value = arena_copy(&model.memory, value);
            return;
        }
    if (model.note_count == NOTES_MAX)
        exit(1);
    model.notes[model.note_count++] =
        (struct note){arena_copy(&model.memory, key), arena_copy(&model.memory, value)};
}

static void remember_chunk(void)
{
    struct error err = {0};
    memcpy(model.old_notes, model.notes, sizeof(model.notes));
    model.old_note_count = model.note_count;
    if (position_copy(&model.old_position, &model.position, &err) != RC_OK)
        die("a position", &err);
}

/* As after a crash: what the chunk before said is what is known. */
static void restart(void)
{
    struct error err = {0};
    close_all();
    memcpy(model.notes, model.old_notes, sizeof(model.notes));
    model.note_count = model.old_note_count;
    if (position_copy(&model.position, &model.old_position, &err) != RC_OK)
        die("a position", &err);
    open_all(&model.position);
}

/* False: rows of a table without a key are on their way. */
static bool take_rows(struct snapshot_chunk *chunk)
{
    struct error err = {0};
    struct change change;
    for (;;) {
        enum rc rc = model.snapshot->ops->row(model.snapshot, chunk, &change, &err);
        if (rc == RC_AGAIN || rc == RC_EOF)
            return rc == RC_EOF;
        if (rc != RC_OK)
            die("a row", &err);
        model.rows_read++;
        if (model.count == 0)
            apply(&change);
    }
}

/* Once a table: what was read of it and not given is void. */
static void reshape(struct table *table, uint64_t number)
{
    struct error err = {0};
    for (unsigned i = 0; i < model.reshaped_count; i++)
        if (model.reshaped[i] == table)
            return;
    if (model.reshape == 0 || number < 2 || model.reshaped_count == COUNT_OF(model.reshaped))
        return;
    model.reshaped[model.reshaped_count++] = table;
    if (model.snapshot->ops->change(model.snapshot, table, table, &err) != RC_OK)
        die("a changed table", &err);
}

/* At a border of transactions. True: everything was opened anew. */
static bool serve_snapshot(bool *done)
{
    struct error err = {0};
    struct snapshot_chunk *chunk = model.chunk;
    if (model.source->ops->position(model.source, &model.position, &err) != RC_OK)
        die("the position", &err);
    if (model.snapshot == NULL)
        return false;
    if (model.snapshot->ops->pump(model.snapshot, &model.position, &err) != RC_OK)
        die("asking for chunks", &err);
    enum rc rc = RC_OK;
    if (chunk == NULL)
        rc = model.snapshot->ops->ready(model.snapshot, &chunk, &err);
    if (rc == RC_EOF && !*done) {
        *done = true;
        fprintf(stderr, "snapshot done: %llu rows in %llu chunks in %.3f s\n",
                (unsigned long long)model.rows_read, (unsigned long long)model.chunks,
                (double)(clock_monotonic_us() - model.started_us) / 1e6);
    }
    if (rc == RC_AGAIN || rc == RC_EOF)
        return false;
    if (rc != RC_OK)
        die("a chunk", &err);
    if (model.slow_ms > 0)
        clock_sleep_ms((unsigned)model.slow_ms);
    if (chunk != model.chunk) {
        if (model.chunks == 0)
            fprintf(stderr, "first chunk\n");
        remember_chunk();
        if (chunk->table->key_count == 0 && chunk->first)
            clear_table(chunk->table);
    }
    model.chunk = chunk;
    if (!take_rows(chunk))
        return false;
    model.chunk = NULL;
    struct slice key;
    struct slice value;
    struct table *table = chunk->table;
    uint64_t number = chunk->number;
    if (model.snapshot->ops->done(model.snapshot, chunk, &key, &value, &err) != RC_OK)
        die("the end of a chunk", &err);
    keep_note(key, value);
    reshape(table, number);
    model.chunks++;
    if (model.restart > 0 && model.chunks % model.restart == 0) {
        restart();
        return true;
    }
    return false;
}

static bool is_end(const struct change *change)
{
    return change->kind == CHANGE_INSERT && slice_equal(change->table->name, SLICE("z_stop"));
}

/* After a restart from an older place changes come again, which makes no difference but to rows
 * without a key: an epoch that was loaded is not loaded again. */
static bool is_repeated(const struct change *change)
{
    char file[POSITION_FILE_MAX];
    if (change->table->key_count > 0)
        return false;
    snprintf(file, sizeof(file), "%.*s", SLICE_ARG(change->txn->file));
    int order = strcmp(file, model.last_file);
    if (order < 0 || (order == 0 && (change->txn->offset < model.last_offset ||
                                     (change->txn->offset == model.last_offset &&
                                      change->ordinal <= model.last_ordinal))))
        return true;
    memcpy(model.last_file, file, sizeof(file));
    model.last_offset = change->txn->offset;
    model.last_ordinal = change->ordinal;
    return false;
}

static void take_change(const struct change *change)
{
    struct error err = {0};
    enum snapshot_pass pass = SNAPSHOT_PASS;
    if (change->table == NULL)
        return;
    if (model.snapshot != NULL &&
        model.snapshot->ops->reconcile(model.snapshot, change, &pass, &err) != RC_OK)
        die("reconciling", &err);
    if (pass == SNAPSHOT_DROP)
        model.dropped++;
    else if (!is_repeated(change))
        apply(change);
}

/* A table that was given another shape, another name or no life at all. */
static void take_schema(const struct change *change)
{
    struct error err = {0};
    const struct table_change *what = change->table_change;
    if (model.snapshot == NULL || what == NULL || what->before == NULL)
        return;
    if (model.snapshot->ops->change(model.snapshot, what->before, what->after, &err) != RC_OK)
        die("a changed table", &err);
}

static void run(void)
{
    struct error err = {0};
    struct change change;
    bool in_txn = false;
    bool done = false;
    for (;;) {
        if (!in_txn && serve_snapshot(&done))
            continue;
        enum rc rc = model.source->ops->next(model.source, &change, 2, &err);
        if (rc == RC_AGAIN)
            continue;
        if (rc != RC_OK)
            die("the stream", &err);
        if (is_end(&change))
            return;
        in_txn = change.kind != CHANGE_COMMIT && change.kind != CHANGE_IDLE;
        if (change.kind >= CHANGE_READ && change.kind <= CHANGE_TRUNCATE)
            take_change(&change);
        else if (change.kind == CHANGE_SCHEMA)
            take_schema(&change);
    }
}

static void write_rows(void)
{
    struct buf line;
    buf_init(&line, (size_t)1 << 30);
    for (size_t i = 0; i < COUNT_OF(model.buckets); i++)
        for (const struct entry *entry = model.buckets[i]; entry != NULL; entry = entry->next) {
            buf_reset(&line);
            buf_add_str(&line, entry->table);
            buf_add_byte(&line, '\t');
            buf_add_hex(&line, entry->key);
            buf_add_byte(&line, '\t');
            buf_add_hex(&line, entry->row);
            buf_add_byte(&line, '\n');
            for (int64_t n = 0; n < entry->count; n++)
                fwrite(line.ptr, 1, line.len, stdout);
            if (entry->count < 0) {
                fprintf(stderr, "snapshot_model: a row was deleted that never came: %.*s\n",
                        SLICE_ARG(entry->row));
                model.failures++;
            }
        }
    buf_deinit(&line);
}

static void read_option(const char *text)
{
    static const char *const names[] = {"parallelism", "rows",  "bytes",  "restart",
                                        "slow_ms",     "count", "reshape"};
    uint64_t value = 0;
    const char *equal = strchr(text, '=');
    if (strcmp(text, "snapshot=no") == 0) {
        model.with_snapshot = false;
        return;
    }
    for (size_t i = 0; equal != NULL && i < COUNT_OF(names); i++) {
        size_t len = (size_t)(equal - text);
        if (len != strlen(names[i]) || strncmp(text, names[i], len) != 0 ||
            !text_parse_u64(slice_str(equal + 1), &value))
            continue;
        if (i == 0)
            model.options.parallelism = (unsigned)value;
        else
            *(uint64_t *[]){&model.options.chunk_rows,
                            &model.options.chunk_bytes,
                            &model.restart,
                            &model.slow_ms,
                            &model.count,
                            &model.reshape}[i - 1] = value;
        return;
    }
    fprintf(stderr, "snapshot_model: %s?\n", text);
    exit(2);
}

int main(int argc, char **argv)
{
    struct error err = {0};
    if (argc < 2)
        return 2;
    model.with_snapshot = true;
    model.options.name = SLICE("model");
    for (int i = 2; i < argc; i++)
        read_option(argv[i]);
    buf_init(&model.scratch, (size_t)1 << 30);
    buf_init(&model.key, ROWS_MAX);
    buf_init(&model.row, (size_t)1 << 30);
    arena_init(&model.memory, "notes", (size_t)1 << 30);
    position_init(&model.position);
    position_init(&model.old_position);
    model.config = calloc(1, binlog_server_source.section->size);
    if (cfg_load(argv[1], &model.document, &err) != RC_OK ||
        cfg_bind(model.document, binlog_server_source.section, model.config, &err) != RC_OK)
        die("the file", &err);
    const struct source_tables_config *tables = model.config;
    if (pattern_set_new(tables->tables, tables->tables_exclude, &model.tables, &err) != RC_OK)
        die("the tables", &err);
    open_all(NULL);
    model.started_us = clock_monotonic_us();
    run();
    write_rows();
    fprintf(stderr, "rows_read=%llu chunks=%llu dropped=%llu\n",
            (unsigned long long)model.rows_read, (unsigned long long)model.chunks,
            (unsigned long long)model.dropped);
    close_all();
    return model.failures > 0 ? 3 : 0;
}
