/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A model of a server that knows nothing but the DDL that it is told: the parser's results, kept in
 * the simplest map there is. tests/integration/test_ddl_differential.py compares it with
 * information_schema of the servers that ran the same statements.
 *
 * Beside the map stands a history of definitions (schema/history_int.h) that takes the same
 * statements, to be compared with the server in C, byte for byte, as the engine itself would see
 * both (catalog_read.c).
 *
 * Reads one JSON object a line from stdin:
 *   sql, db, sql_mode, charset, db_collation, server_collation, version, mariadb,
 *   explicit_timestamp, collations (a list; absent: not said)        a statement with its context
 *   reset: true                                                     forgets everything
 *   socket, user                                                    connects to the server
 *   compare: [databases]                                            with the server's catalog
 *   classify, version, mariadb                                      a statement's kind alone
 * and answers each with one line: verdict, reason, effects, tables (all definitions), read_ns;
 * to compare with differences, each with table, part, server, history; to classify with kind.
 */
#include <cjson/cJSON.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "binlog/catalog_read_int.h"
#include "binlog/schema/history_int.h"

enum {
    STATEMENT_BYTES_MAX = 64 << 20,
    TABLE_BYTES_MAX = 16 << 20,
    COLLATIONS_MAX = 64,
    WAIT_MS = 60000
};

struct model_table {
    struct model_table *next;
    struct arena arena;
    struct slice db;
    struct slice name;
    struct catalog_table *table; /* NULL: there is one, but what it is cannot be told */
};

struct model_database {
    struct model_database *next;
    char *name;
    char *collation;
};

struct model {
    struct model_table *tables;
    struct model_database *databases;
    struct history *history;
    struct myconn *conn; /* NULL: not connected */
};

static void *must(void *memory)
{
    if (memory == NULL) {
        fputs("The model has no memory left.\n", stderr);
        abort();
    }
    return memory;
}

static void must_be_ok(enum rc rc, const struct error *err)
{
    if (rc == RC_OK)
        return;
    fprintf(stderr, "%.*s\n", (int)err->text_len, err->text);
    abort();
}

static struct slice text_of(const cJSON *object, const char *key)
{
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(object, key);
    return cJSON_IsString(item) ? slice_str(item->valuestring) : SLICE_EMPTY;
}

static double number_of(const cJSON *object, const char *key)
{
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(object, key);
    return cJSON_IsNumber(item) ? item->valuedouble : 0;
}

static struct model_table **find_slot(struct model *model, struct slice db, struct slice name)
{
    struct model_table **slot = &model->tables;
    while (*slot != NULL && !(slice_equal((*slot)->db, db) && slice_equal((*slot)->name, name)))
        slot = &(*slot)->next;
    return slot;
}

static enum rc find_cb(void *ctx, struct slice db, struct slice name,
                       const struct catalog_table **table_out, struct error *err)
{
    (void)err;
    struct model_table *found = *find_slot(ctx, db, name);
    *table_out = found == NULL ? NULL : found->table;
    return RC_OK;
}

static struct slice database_cb(void *ctx, struct slice db)
{
    const struct model *model = ctx;
    for (const struct model_database *at = model->databases; at != NULL; at = at->next)
        if (slice_equal(slice_str(at->name), db))
            return slice_str(at->collation);
    return SLICE_EMPTY;
}

/* --- keeping */

static struct slice keep(struct arena *arena, struct slice text)
{
    if (text.ptr == NULL)
        return text;
    struct slice copy = arena_copy(arena, text);
    must((void *)(uintptr_t)copy.ptr);
    return copy;
}

static void *keep_room(struct arena *arena, size_t size)
{
    return must(arena_alloc(arena, size));
}

static const struct catalog_key *keep_list(struct arena *arena, const struct catalog_key *from,
                                           uint32_t count)
{
    struct catalog_key *keys = keep_room(arena, count * sizeof(*keys));
    for (uint32_t i = 0; i < count; i++) {
        size_t size = from[i].part_count * sizeof(struct catalog_key_part);
        struct catalog_key_part *parts = keep_room(arena, size);
        if (size > 0)
            memcpy(parts, from[i].parts, size);
        keys[i] = (struct catalog_key){
            .name = keep(arena, from[i].name), .parts = parts, .part_count = from[i].part_count};
    }
    return keys;
}

static void keep_keys(struct arena *arena, const struct catalog_table *from,
                      struct catalog_table *to)
{
    to->keys = keep_list(arena, from->keys, from->key_count);
    to->indexes = keep_list(arena, from->indexes, from->index_count);
}

static struct catalog_table *keep_table(struct arena *arena, const struct catalog_table *from)
{
    struct catalog_table *to = keep_room(arena, sizeof(*to));
    struct catalog_column *columns = keep_room(arena, from->column_count * sizeof(*columns));
    *to = *from;
    to->db = keep(arena, from->db);
    to->name = keep(arena, from->name);
    to->comment = keep(arena, from->comment);
    to->charset = keep(arena, from->charset);
    to->collation = keep(arena, from->collation);
    for (uint32_t i = 0; i < from->column_count; i++) {
        columns[i] = from->columns[i];
        columns[i].name = keep(arena, columns[i].name);
        columns[i].data_type = keep(arena, columns[i].data_type);
        columns[i].column_type = keep(arena, columns[i].column_type);
        columns[i].charset = keep(arena, columns[i].charset);
        columns[i].collation = keep(arena, columns[i].collation);
        columns[i].comment = keep(arena, columns[i].comment);
        columns[i].default_value = keep(arena, columns[i].default_value);
    }
    to->columns = columns;
    keep_keys(arena, from, to);
    return to;
}

static void remove_table(struct model *model, struct slice db, struct slice name)
{
    struct model_table **slot = find_slot(model, db, name);
    struct model_table *gone = *slot;
    if (gone == NULL)
        return;
    *slot = gone->next;
    arena_deinit(&gone->arena);
    free(gone);
}

static void put_table(struct model *model, struct slice db, struct slice name,
                      const struct catalog_table *table)
{
    remove_table(model, db, name);
    struct model_table *entry = must(calloc(1, sizeof(*entry)));
    arena_init(&entry->arena, "model table", TABLE_BYTES_MAX);
    entry->db = keep(&entry->arena, db);
    entry->name = keep(&entry->arena, name);
    entry->table = table == NULL ? NULL : keep_table(&entry->arena, table);
    entry->next = model->tables;
    model->tables = entry;
}

static void remove_database(struct model *model, struct slice db)
{
    struct model_database **slot = &model->databases;
    while (*slot != NULL && !slice_equal(slice_str((*slot)->name), db))
        slot = &(*slot)->next;
    struct model_database *gone = *slot;
    if (gone == NULL)
        return;
    *slot = gone->next;
    free(gone->name);
    free(gone->collation);
    free(gone);
}

static void put_database(struct model *model, struct slice db, struct slice collation)
{
    remove_database(model, db);
    struct model_database *entry = must(calloc(1, sizeof(*entry)));
    entry->name = must(strndup((const char *)db.ptr, db.len));
    entry->collation =
        must(strndup(collation.len == 0 ? "" : (const char *)collation.ptr, collation.len));
    entry->next = model->databases;
    model->databases = entry;
}

static void remove_tables_of(struct model *model, struct slice db)
{
    struct model_table **slot = &model->tables;
    while (*slot != NULL) {
        struct model_table *at = *slot;
        if (!slice_equal(at->db, db)) {
            slot = &at->next;
            continue;
        }
        *slot = at->next;
        arena_deinit(&at->arena);
        free(at);
    }
}

static void apply(struct model *model, const struct ddl_effect *effect)
{
    switch (effect->kind) {
    case DDL_TABLE_CREATED:
        put_table(model, effect->db, effect->name, effect->after);
        break;
    case DDL_TABLE_ALTERED:
    case DDL_TABLE_RENAMED:
        remove_table(model, effect->db, effect->name);
        put_table(model, effect->new_db, effect->new_name, effect->after);
        break;
    case DDL_TABLE_DROPPED:
        remove_table(model, effect->db, effect->name);
        break;
    case DDL_TABLE_TRUNCATED:
        break;
    case DDL_DATABASE_SET:
        put_database(model, effect->db, effect->collation);
        break;
    case DDL_DATABASE_DROPPED:
        remove_database(model, effect->db);
        remove_tables_of(model, effect->db);
        break;
    }
}

/* --- telling */

static void add_text(cJSON *object, const char *key, struct slice text)
{
    char *copy = must(strndup(text.len == 0 ? "" : (const char *)text.ptr, text.len));
    cJSON_AddStringToObject(object, key, copy);
    free(copy);
}

static void add_column(cJSON *list, const struct catalog_column *column)
{
    cJSON *object = cJSON_CreateObject();
    add_text(object, "name", column->name);
    add_text(object, "data_type", column->data_type);
    add_text(object, "column_type", column->column_type);
    add_text(object, "charset", column->charset);
    add_text(object, "collation", column->collation);
    add_text(object, "comment", column->comment);
    cJSON_AddNumberToObject(object, "char_length", (double)column->char_length);
    cJSON_AddNumberToObject(object, "byte_length", (double)column->byte_length);
    cJSON_AddNumberToObject(object, "precision", column->precision);
    cJSON_AddNumberToObject(object, "scale", column->scale);
    cJSON_AddNumberToObject(object, "fraction_digits", column->fraction_digits);
    cJSON_AddNumberToObject(object, "key_ordinal", column->key_ordinal);
    cJSON_AddBoolToObject(object, "nullable", column->nullable);
    cJSON_AddBoolToObject(object, "has_default", column->has_default);
    cJSON_AddBoolToObject(object, "invisible", column->is_invisible);
    cJSON_AddNumberToObject(object, "generated", column->generated);
    cJSON_AddNumberToObject(object, "versioning", column->versioning);
    cJSON_AddBoolToObject(object, "expression", column->default_is_expression);
    if (column->default_value.ptr != NULL)
        add_text(object, "default", column->default_value);
    cJSON_AddItemToArray(list, object);
}

static void add_keys(cJSON *object, const char *member, const struct catalog_key *list,
                     uint32_t count)
{
    cJSON *keys = cJSON_AddArrayToObject(object, member);
    for (uint32_t i = 0; i < count; i++) {
        cJSON *key = cJSON_CreateObject();
        add_text(key, "name", list[i].name);
        cJSON *parts = cJSON_AddArrayToObject(key, "parts");
        for (uint32_t j = 0; j < list[i].part_count; j++) {
            cJSON *part = cJSON_CreateObject();
            cJSON_AddNumberToObject(part, "column", list[i].parts[j].column);
            cJSON_AddNumberToObject(part, "prefix", list[i].parts[j].prefix);
            cJSON_AddItemToArray(parts, part);
        }
        cJSON_AddItemToArray(keys, key);
    }
}

static void add_tables(cJSON *answer, const struct model *model)
{
    cJSON *list = cJSON_AddArrayToObject(answer, "tables");
    for (const struct model_table *at = model->tables; at != NULL; at = at->next) {
        cJSON *object = cJSON_CreateObject();
        add_text(object, "db", at->db);
        add_text(object, "name", at->name);
        if (at->table != NULL) {
            add_text(object, "comment", at->table->comment);
            add_text(object, "charset", at->table->charset);
            add_text(object, "collation", at->table->collation);
            cJSON *columns = cJSON_AddArrayToObject(object, "columns");
            for (uint32_t i = 0; i < at->table->column_count; i++)
                add_column(columns, &at->table->columns[i]);
            add_keys(object, "keys", at->table->keys, at->table->key_count);
        }
        cJSON_AddItemToArray(list, object);
    }
}

static void add_effect(cJSON *list, const struct ddl_effect *effect)
{
    static const char *const kinds[] = {"created",   "altered",      "renamed",         "dropped",
                                        "truncated", "database_set", "database_dropped"};
    cJSON *object = cJSON_CreateObject();
    cJSON_AddStringToObject(object, "kind", kinds[effect->kind]);
    add_text(object, "db", effect->db);
    add_text(object, "name", effect->name);
    add_text(object, "new_db", effect->new_db);
    add_text(object, "new_name", effect->new_name);
    add_text(object, "collation", effect->collation);
    cJSON_AddBoolToObject(object, "known", effect->after != NULL);
    cJSON_AddBoolToObject(object, "has_select", effect->has_select);
    cJSON_AddBoolToObject(object, "drops_rows", effect->drops_rows);
    if (effect->origin != NULL && effect->after != NULL) {
        cJSON *origin = cJSON_AddArrayToObject(object, "origin");
        for (uint32_t i = 0; i < effect->after->column_count; i++) {
            double index = effect->origin[i] == DDL_NEW_COLUMN ? -1 : (double)effect->origin[i];
            cJSON_AddItemToArray(origin, cJSON_CreateNumber(index));
        }
    }
    cJSON_AddItemToArray(list, object);
}

static uint64_t now_ns(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

/* The same statement into the history. */
static void move_history(struct model *model, const struct ddl_context *context, struct slice text)
{
    static struct sql_statement words;
    struct sql_dialect dialect = {.sql_mode = context->sql_mode,
                                  .version = context->version,
                                  .is_mariadb = context->is_mariadb};
    struct history_result result;
    struct error err;
    error_clear(&err);
    sql_classify(&dialect, text, &words);
    if (sql_changes_tables(words.kind) && words.kind != SQL_TRUNCATE)
        must_be_ok(history_statement(model->history, context, text, &words, SLICE("the test"),
                                     &result, &err),
                   &err);
}

static void run(struct model *model, const cJSON *line, cJSON *answer)
{
    static const char *const verdicts[] = {"irrelevant", "understood", "unreadable"};
    struct slice collations[COLLATIONS_MAX];
    uint32_t count = 0;
    const cJSON *list = cJSON_GetObjectItemCaseSensitive(line, "collations");
    for (const cJSON *item = list == NULL ? NULL : list->child;
         item != NULL && count < COLLATIONS_MAX; item = item->next)
        collations[count++] = slice_str(item->valuestring);
    struct ddl_context context = {
        .db = text_of(line, "db"),
        .sql_mode = (uint64_t)number_of(line, "sql_mode"),
        .charset = text_of(line, "charset"),
        .db_collation = text_of(line, "db_collation"),
        .default_collation = text_of(line, "server_collation"),
        .error_code = (uint16_t)number_of(line, "error"),
        .version = (uint32_t)number_of(line, "version"),
        .is_mariadb = cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(line, "mariadb")),
        .explicit_defaults_for_timestamp =
            cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(line, "explicit_timestamp")),
        .default_collations = collations,
        .default_collation_count = count,
        .default_collations_said = list != NULL,
    };
    struct ddl_lookup lookup = {.find = find_cb, .database = database_cb, .ctx = model};
    struct arena arena;
    struct error err;
    struct ddl_result result;
    error_clear(&err);
    arena_init(&arena, "statement", STATEMENT_BYTES_MAX);
    uint64_t start = now_ns();
    enum rc rc = ddl_read(&context, &lookup, text_of(line, "sql"), &arena, &result, &err);
    cJSON_AddNumberToObject(answer, "read_ns", (double)(now_ns() - start));
    cJSON_AddStringToObject(answer, "verdict", rc == RC_OK ? verdicts[result.verdict] : "error");
    add_text(answer, "reason", rc == RC_OK ? result.reason : slice_of(err.text, err.text_len));
    cJSON *effects = cJSON_AddArrayToObject(answer, "effects");
    for (uint32_t i = 0; rc == RC_OK && i < result.effect_count; i++) {
        add_effect(effects, &result.effects[i]);
        apply(model, &result.effects[i]);
    }
    arena_deinit(&arena);
    if (rc == RC_OK)
        move_history(model, &context, text_of(line, "sql"));
}

/* --- comparing */

static void add_difference(cJSON *list, const struct catalog_table *table, const char *part,
                           cJSON *server, cJSON *history)
{
    cJSON *object = cJSON_CreateObject();
    add_text(object, "db", table->db);
    add_text(object, "table", table->name);
    cJSON_AddStringToObject(object, "part", part);
    cJSON_AddItemToObject(object, "server", server);
    cJSON_AddItemToObject(object, "history", history);
    cJSON_AddItemToArray(list, object);
}

static cJSON *one_column(const struct catalog_column *column)
{
    cJSON *list = cJSON_CreateArray();
    add_column(list, column);
    cJSON *object = cJSON_DetachItemFromArray(list, 0);
    cJSON_AddBoolToObject(object, "auto_increment", column->is_auto_increment);
    cJSON_Delete(list);
    return object;
}

static cJSON *all_keys(const struct catalog_table *table)
{
    cJSON *object = cJSON_CreateObject();
    add_keys(object, "keys", table->keys, table->key_count);
    add_keys(object, "indexes", table->indexes, table->index_count);
    return object;
}

static cJSON *whole_table(const struct catalog_table *table)
{
    cJSON *object = cJSON_CreateObject();
    add_text(object, "comment", table->comment);
    add_text(object, "charset", table->charset);
    add_text(object, "collation", table->collation);
    cJSON_AddNumberToObject(object, "columns", table->column_count);
    return object;
}

static bool keys_equal(const struct catalog_table *a, const struct catalog_table *b)
{
    struct catalog_table keys_of_a = {.keys = a->keys,
                                      .key_count = a->key_count,
                                      .indexes = a->indexes,
                                      .index_count = a->index_count};
    struct catalog_table keys_of_b = {.keys = b->keys,
                                      .key_count = b->key_count,
                                      .indexes = b->indexes,
                                      .index_count = b->index_count};
    return schema_table_equal(&keys_of_a, &keys_of_b);
}

/* Says where they differ; schema_table_equal has the last word on whether they do. */
static void tell_differences(cJSON *list, const struct catalog_table *server,
                             const struct catalog_table *history)
{
    if (schema_table_equal(server, history))
        return;
    uint32_t told = 0;
    for (uint32_t i = 0; i < server->column_count && i < history->column_count; i++) {
        const struct catalog_column *a = &server->columns[i];
        const struct catalog_column *b = &history->columns[i];
        if (catalog_column_equal(a, b))
            continue;
        add_difference(list, server, "column", one_column(a), one_column(b));
        told++;
    }
    if (!keys_equal(server, history)) {
        add_difference(list, server, "keys", all_keys(server), all_keys(history));
        told++;
    }
    cJSON *a = whole_table(server);
    cJSON *b = whole_table(history);
    if (told > 0 && cJSON_Compare(a, b, true)) {
        cJSON_Delete(a);
        cJSON_Delete(b);
    } else {
        add_difference(list, server, "table", a, b);
    }
}

struct comparison {
    struct model *model;
    const cJSON *databases;
    cJSON *differences;
    const struct schema *found;
};

static bool is_compared(void *ctx, struct slice db, struct slice table UNUSED)
{
    const struct comparison *comparison = ctx;
    const cJSON *item = NULL;
    cJSON_ArrayForEach(item, comparison->databases)
    {
        if (slice_equal(slice_str(item->valuestring), db))
            return true;
    }
    return false;
}

/* A definition of the server's. */
static enum rc compare_found(void *ctx, const struct catalog_table *table, struct error *err UNUSED)
{
    struct comparison *comparison = ctx;
    const struct catalog_table *known = NULL;
    struct error unwanted;
    error_clear(&unwanted);
    if (history_find(comparison->model->history, table->db, table->name, false, &known,
                     &unwanted) == RC_OK)
        tell_differences(comparison->differences, table, known);
    else
        add_difference(comparison->differences, table, "missing", whole_table(table),
                       cJSON_CreateNull());
    return RC_OK;
}

/* A definition of the history's: on the server too, and the same when it comes back from a note. */
static enum rc compare_known(void *ctx, const struct catalog_table *table, struct error *err)
{
    struct comparison *comparison = ctx;
    if (!is_compared(ctx, table->db, table->name))
        return RC_OK;
    if (schema_find(comparison->found, table->db, table->name) == NULL)
        add_difference(comparison->differences, table, "gone", cJSON_CreateNull(),
                       whole_table(table));
    struct buf note;
    struct arena arena;
    struct catalog_table *back = NULL;
    buf_init(&note, TABLE_BYTES_MAX);
    arena_init(&arena, "a note", TABLE_BYTES_MAX);
    enum rc rc = schema_encode(table, &note, err);
    if (rc == RC_OK)
        rc = schema_decode(buf_slice(&note), &arena, &back, err);
    if (rc == RC_OK)
        tell_differences(comparison->differences, back, table);
    buf_deinit(&note);
    arena_deinit(&arena);
    return rc;
}

static void compare(struct model *model, const cJSON *databases, cJSON *answer)
{
    struct error err;
    struct schema *found = NULL;
    struct comparison comparison = {.model = model,
                                    .databases = databases,
                                    .differences = cJSON_AddArrayToObject(answer, "differences")};
    struct catalog_scope scope = {
        .wants = is_compared, .wants_ctx = &comparison, .with_comments = true};
    error_clear(&err);
    must_be_ok(schema_new(&found, &err), &err);
    must_be_ok(catalog_read(model->conn, &scope, found, &err), &err);
    comparison.found = found;
    must_be_ok(schema_each(found, compare_found, &comparison, &err), &err);
    must_be_ok(history_each(model->history, compare_known, &comparison, &err), &err);
    schema_free(found);
}

static void open_connection(struct model *model, const cJSON *line)
{
    struct error err;
    struct myconn_options options = {.host = "localhost",
                                     .connect_timeout_ms = WAIT_MS,
                                     .read_timeout_ms = WAIT_MS,
                                     .purpose = "test"};
    options.socket = cJSON_GetObjectItemCaseSensitive(line, "socket")->valuestring;
    options.user = cJSON_GetObjectItemCaseSensitive(line, "user")->valuestring;
    error_clear(&err);
    must_be_ok(myconn_open(&options, &model->conn, &err), &err);
}

static void new_history(struct model *model)
{
    struct error err;
    struct history_options options = {0};
    error_clear(&err);
    history_free(model->history);
    must_be_ok(history_new(&options, &model->history, &err), &err);
}

static void reset(struct model *model)
{
    while (model->tables != NULL)
        remove_table(model, model->tables->db, model->tables->name);
    while (model->databases != NULL)
        remove_database(model, slice_str(model->databases->name));
    new_history(model);
}

static void classify(const cJSON *line, cJSON *answer)
{
    static struct sql_statement words;
    struct sql_dialect dialect = {
        .version = (uint32_t)number_of(line, "version"),
        .is_mariadb = cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(line, "mariadb"))};
    sql_classify(&dialect, text_of(line, "classify"), &words);
    const char *kind = sql_changes_tables(words.kind) ? "changes tables" : "irrelevant";
    cJSON_AddStringToObject(answer, "kind", words.kind == SQL_UNKNOWN ? "unknown" : kind);
}

static void answer_line(struct model *model, const cJSON *line, cJSON *answer)
{
    const cJSON *databases = cJSON_GetObjectItemCaseSensitive(line, "compare");
    if (databases != NULL) {
        compare(model, databases, answer);
        return;
    }
    if (cJSON_GetObjectItemCaseSensitive(line, "classify") != NULL) {
        classify(line, answer);
        return;
    }
    if (cJSON_GetObjectItemCaseSensitive(line, "socket") != NULL)
        open_connection(model, line);
    else if (cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(line, "reset")))
        reset(model);
    else
        run(model, line, answer);
    add_tables(answer, model);
}

int main(void)
{
    struct model model = {0};
    new_history(&model);
    char *line = NULL;
    size_t room = 0;
    while (getline(&line, &room, stdin) > 0) {
        cJSON *object = cJSON_Parse(line);
        if (object == NULL) {
            fputs("A line is not JSON.\n", stderr);
            return 1;
        }
        cJSON *answer = cJSON_CreateObject();
        answer_line(&model, object, answer);
        char *text = must(cJSON_PrintUnformatted(answer));
        puts(text);
        fflush(stdout);
        free(text);
        cJSON_Delete(answer);
        cJSON_Delete(object);
    }
    reset(&model);
    history_free(model.history);
    myconn_close(model.conn);
    free(line);
    return 0;
}
