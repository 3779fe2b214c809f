/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A sink in a test's hands: steps of a schema change and rows, told line by line on the standard
 * input, through the real code to a warehouse (tests/integration/test_sink_steps.py).
 *
 *   sink_steps PIPELINE_FILE          only its `sink:` block is read
 *
 *   table LABEL DB.NAME COLUMN...     what a source table looks like; COLUMN is
 *                                     name:kind:length[.scale][:key][:notnull][:comment=TEXT]
 *   step KIND BEFORE AFTER OLD NEW TARGET [TO] [default=TEXT]
 *                                     "-" stands for none; TARGET and TO are DB.NAME
 *   way LABEL TARGET                  asks for a table's way to its target
 *   row LABEL VALUE...                inserts; "NULL" is NULL
 *   load                              seals, submits, and waits
 *
 * Each line is answered by one: "OK", or the result's name, a colon and the words. SIGTERM is a stop.
 */
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

#include "sinks/sinks.h"

#define WORDS_MAX 64
#define TABLES_MAX 32
#define COLUMNS_MAX 32

struct source_table {
    char label[32];
    struct table table;
    struct column columns[COLUMNS_MAX];
    uint32_t key[COLUMNS_MAX];
    struct sink_table *way;
};

static struct {
    struct sink *sink;
    struct arena arena;
    struct source_table tables[TABLES_MAX];
    unsigned table_count;
    uint64_t epoch;
} bench;

static enum rc same_text(const struct column *column UNUSED, struct slice cell,
                         struct buf *scratch UNUSED, struct slice *text, struct error *err UNUSED)
{
    *text = cell;
    return RC_OK;
}

static void fail(const char *what, const char *word)
{
    fprintf(stderr, "sink_steps: %s '%s'\n", what, word);
    exit(2);
}

static struct slice keep(const char *text)
{
    return arena_copy(&bench.arena, slice_str(text));
}

static struct source_table *find_table(const char *label)
{
    if (strcmp(label, "-") == 0)
        return NULL;
    for (unsigned i = bench.table_count; i > 0; i--)
        if (strcmp(bench.tables[i - 1].label, label) == 0)
            return &bench.tables[i - 1];
    fail("no table", label);
    return NULL;
}

static const struct column *find_column(const struct source_table *table, const char *name)
{
    if (strcmp(name, "-") == 0 || table == NULL)
        return NULL;
    int at = table_find_column(&table->table, slice_str(name));
    if (at < 0)
        fail("no column", name);
    return &table->columns[at];
}

static enum column_kind kind_of(const char *name)
{
    static const struct {
        const char *name;
        enum column_kind kind;
    } kinds[] = {
        {"int", COLUMN_INT},           {"uint", COLUMN_UINT},     {"decimal", COLUMN_DECIMAL},
        {"float", COLUMN_FLOAT},       {"double", COLUMN_DOUBLE}, {"date", COLUMN_DATE},
        {"datetime", COLUMN_DATETIME}, {"string", COLUMN_STRING}, {"bytes", COLUMN_BYTES},
        {"json", COLUMN_JSON},         {"time", COLUMN_TIME}};
    for (unsigned i = 0; i < COUNT_OF(kinds); i++)
        if (strcmp(kinds[i].name, name) == 0)
            return kinds[i].kind;
    fail("no kind", name);
    return COLUMN_UNKNOWN;
}

static void set_length(struct column *column, char *text)
{
    char *rest = NULL;
    const char *whole = strtok_r(text, ".", &rest);
    const char *part = strtok_r(NULL, ".", &rest);
    uint64_t length = 0;
    uint64_t scale = 0;
    if (!text_parse_u64(slice_str(whole), &length) ||
        (part != NULL && !text_parse_u64(slice_str(part), &scale)))
        fail("no length", text);
    column->scale = (uint8_t)scale;
    if (column->kind == COLUMN_INT || column->kind == COLUMN_UINT)
        column->int_bytes = (uint8_t)length;
    else if (column->kind == COLUMN_DECIMAL)
        column->precision = (uint8_t)length;
    else if (column->kind == COLUMN_DATETIME || column->kind == COLUMN_TIME)
        column->scale = (uint8_t)length;
    else
        column->length = length;
}

static void add_column(struct source_table *table, char *text)
{
    char *rest = NULL;
    if (table->table.column_count == COLUMNS_MAX)
        fail("too many columns", text);
    uint32_t index = table->table.column_count++;
    struct column *column = &table->columns[index];
    *column = (struct column){.nullable = true, .text = same_text, .charset = SLICE("utf8mb4")};
    const char *name = strtok_r(text, ":", &rest);
    column->name = keep(name);
    const char *kind = strtok_r(NULL, ":", &rest);
    column->kind = kind_of(kind == NULL ? "" : kind);
    set_length(column, strtok_r(NULL, ":", &rest));
    for (const char *word; (word = strtok_r(NULL, ":", &rest)) != NULL;) {
        if (strcmp(word, "key") == 0) {
            table->key[table->table.key_count++] = index;
            column->key_ordinal = table->table.key_count;
            column->nullable = false;
        } else if (strcmp(word, "notnull") == 0) {
            column->nullable = false;
        } else if (strncmp(word, "comment=", 8) == 0) {
            column->comment = keep(word + 8);
        } else {
            fail("no property", word);
        }
    }
}

static void split_name(char *text, struct slice *db, struct slice *name)
{
    char *dot = strchr(text, '.');
    if (dot == NULL)
        fail("no DB.NAME", text);
    *dot = '\0';
    *db = keep(text);
    *name = keep(dot + 1);
}

static enum rc do_table(char **words, unsigned count, struct error *err UNUSED)
{
    if (bench.table_count == TABLES_MAX || count < 4)
        fail("no table", words[1]);
    struct source_table *table = &bench.tables[bench.table_count++];
    snprintf(table->label, sizeof(table->label), "%s", words[1]);
    table->table = (struct table){.columns = table->columns,
                                  .key = table->key,
                                  .has_names = true,
                                  .version = bench.table_count};
    split_name(words[2], &table->table.db, &table->table.name);
    for (unsigned i = 3; i < count; i++)
        add_column(table, words[i]);
    return RC_OK;
}

static enum schema_step_kind step_kind(const char *name)
{
    static const char *const names[] = {[SCHEMA_CREATE_TABLE] = "create",
                                        [SCHEMA_DROP_TABLE] = "drop-table",
                                        [SCHEMA_RENAME_TABLE] = "rename-table",
                                        [SCHEMA_SWAP_TABLE] = "swap",
                                        [SCHEMA_ADD_COLUMN] = "add",
                                        [SCHEMA_DROP_COLUMN] = "drop",
                                        [SCHEMA_RENAME_COLUMN] = "rename",
                                        [SCHEMA_ALTER_COLUMN] = "alter",
                                        [SCHEMA_COMMENT_COLUMN] = "comment",
                                        [SCHEMA_COMMENT_TABLE] = "comment-table"};
    for (unsigned i = 0; i < COUNT_OF(names); i++)
        if (strcmp(names[i], name) == 0)
            return (enum schema_step_kind)i;
    fail("no step", name);
    return SCHEMA_CREATE_TABLE;
}

static enum rc do_step(char **words, unsigned count, struct error *err)
{
    if (count < 7)
        fail("too few words for a step", words[1]);
    struct source_table *before = find_table(words[2]);
    struct source_table *after = find_table(words[3]);
    struct schema_step step = {.kind = step_kind(words[1]),
                               .before = before == NULL ? NULL : &before->table,
                               .after = after == NULL ? NULL : &after->table,
                               .old_column = find_column(before, words[4]),
                               .column = find_column(after, words[5])};
    if (step.column != NULL && step.column > after->columns)
        step.behind = step.column - 1;
    struct sink_target target;
    split_name(words[6], &target.db, &target.table);
    for (unsigned i = 7; i < count; i++) {
        if (strncmp(words[i], "default=", 8) == 0)
            step.default_value = keep(words[i] + 8);
        else
            split_name(words[i], &step.new_target.db, &step.new_target.table);
    }
    return bench.sink->ops->change_table(bench.sink, &step, &target, err);
}

static enum rc do_way(char **words, unsigned count, struct error *err)
{
    if (count != 3)
        fail("a way wants a table and a target", words[0]);
    struct source_table *table = find_table(words[1]);
    struct sink_target target;
    split_name(words[2], &target.db, &target.table);
    return bench.sink->ops->table(bench.sink, &table->table, &target, &table->way, err);
}

static enum rc do_row(char **words, unsigned count, struct error *err)
{
    struct source_table *table = find_table(words[1]);
    struct cell cells[COLUMNS_MAX];
    if (count != 2 + table->table.column_count || table->way == NULL)
        fail("no such row of", words[1]);
    for (uint32_t i = 0; i < table->table.column_count; i++) {
        struct slice text = keep(words[2 + i]);
        bool null = slice_equal(text, SLICE("NULL"));
        cells[i] = (struct cell){text.ptr, (uint32_t)text.len, null ? CELL_NULL : CELL_VALUE};
    }
    struct change change = {
        .kind = CHANGE_INSERT, .table = &table->table, .after = {cells, table->table.column_count}};
    return bench.sink->ops->write(bench.sink, table->way, &change, err);
}

static enum rc do_load(char **words UNUSED, unsigned count UNUSED, struct error *err)
{
    struct manifest manifest;
    struct sink_result result;
    enum rc rc = bench.sink->ops->seal(bench.sink, ++bench.epoch, &manifest, err);
    if (rc == RC_OK)
        rc = bench.sink->ops->submit(bench.sink, NULL, err);
    while (rc == RC_OK || rc == RC_AGAIN)
        rc = bench.sink->ops->poll(bench.sink, 100, &result, err);
    return rc == RC_EOF ? RC_OK : rc;
}

static void answer(char *line)
{
    static const struct {
        const char *word;
        enum rc (*run)(char **words, unsigned count, struct error *err);
    } commands[] = {{"table", do_table},
                    {"step", do_step},
                    {"way", do_way},
                    {"row", do_row},
                    {"load", do_load}};
    char *words[WORDS_MAX];
    unsigned count = 0;
    char *rest = NULL;
    for (char *word = strtok_r(line, " \n", &rest); word != NULL && count < WORDS_MAX;
         word = strtok_r(NULL, " \n", &rest))
        words[count++] = word;
    if (count == 0)
        return;
    for (unsigned i = 0; i < COUNT_OF(commands); i++) {
        if (strcmp(commands[i].word, words[0]) != 0)
            continue;
        struct error err;
        error_clear(&err);
        enum rc rc = commands[i].run(words, count, &err);
        printf(rc == RC_OK ? "OK\n" : "%s: %s\n", rc_name(rc), err.text);
        fflush(stdout);
        return;
    }
    fail("no command", words[0]);
}

static void *await_stop(void *set)
{
    int number = 0;
    sigwait(set, &number);
    bench.sink->ops->stop(bench.sink);
    return NULL;
}

int main(int argc, char **argv)
{
    static _Alignas(max_align_t) char values[16384];
    struct cfg_document *document = NULL;
    struct error err;
    error_clear(&err);
    if (argc != 2)
        fail("usage: sink_steps", "PIPELINE_FILE");
    sigset_t stops;
    sigemptyset(&stops);
    sigaddset(&stops, SIGTERM);
    pthread_sigmask(SIG_BLOCK, &stops, NULL);
    arena_init(&bench.arena, "sink_steps", 16u << 20);
    enum rc rc = cfg_load(argv[1], &document, &err);
    const char *type = rc == RC_OK ? cfg_block_type(document, "sink") : "";
    const struct sink_ops *ops = strcmp(type, "doris") == 0 ? &doris_sink : &starrocks_sink;
    ASSERT(ops->section->size <= sizeof(values));
    if (rc == RC_OK)
        rc = cfg_bind(document, ops->section, values, &err);
    struct sink_options options = {.config = values,
                                   .pipeline = SLICE("steps"),
                                   .pipeline_id = SLICE("0123456789abcdef0123456789abcdef")};
    if (rc == RC_OK)
        rc = ops->open(&options, &bench.sink, &err);
    if (rc != RC_OK)
        fail("cannot open the sink:", err.text);
    pthread_t waiter;
    pthread_create(&waiter, NULL, await_stop, &stops);
    char *line = NULL;
    size_t cap = 0;
    while (getline(&line, &cap, stdin) > 0)
        answer(line);
    free(line);
    pthread_kill(waiter, SIGTERM);
    pthread_join(waiter, NULL);
    bench.sink->ops->close(bench.sink);
    cfg_free(document);
    arena_deinit(&bench.arena);
    return 0;
}
