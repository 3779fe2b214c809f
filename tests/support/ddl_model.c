/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A model of a server that knows nothing but the DDL that it is told: the parser's results, kept in
 * the simplest map there is. tests/integration/test_ddl_differential.py compares it with
 * information_schema of the servers that ran the same statements.
 *
 * Reads one JSON object a line from stdin:
 *   sql, db, sql_mode, charset, db_collation, server_collation, version, mariadb,
 *   explicit_timestamp, collations (a list; absent: not said)        a statement with its context
 *   reset: true                                                     forgets everything
 * and answers each with one line: verdict, reason, effects, tables (all definitions), read_ns.
 */
#include <cjson/cJSON.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "binlog/ddl/ddl_int.h"

enum { STATEMENT_BYTES_MAX = 64 << 20, TABLE_BYTES_MAX = 16 << 20, COLLATIONS_MAX = 64 };

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
};

static void *must(void *memory)
{
    if (memory == NULL) {
        fputs("The model has no memory left.\n", stderr);
        abort();
    }
    return memory;
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

static void keep_keys(struct arena *arena, const struct catalog_table *from,
                      struct catalog_table *to)
{
    struct catalog_key *keys = keep_room(arena, from->key_count * sizeof(*keys));
    struct slice *names = keep_room(arena, from->index_name_count * sizeof(*names));
    for (uint32_t i = 0; i < from->key_count; i++) {
        size_t size = from->keys[i].part_count * sizeof(struct catalog_key_part);
        struct catalog_key_part *parts = keep_room(arena, size);
        memcpy(parts, from->keys[i].parts, size);
        keys[i] = (struct catalog_key){.name = keep(arena, from->keys[i].name),
                                       .parts = parts,
                                       .part_count = from->keys[i].part_count};
    }
    for (uint32_t i = 0; i < from->index_name_count; i++)
        names[i] = keep(arena, from->index_names[i]);
    to->keys = keys;
    to->index_names = names;
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

static void add_keys(cJSON *object, const struct catalog_table *table)
{
    cJSON *keys = cJSON_AddArrayToObject(object, "keys");
    for (uint32_t i = 0; i < table->key_count; i++) {
        cJSON *key = cJSON_CreateObject();
        add_text(key, "name", table->keys[i].name);
        cJSON *parts = cJSON_AddArrayToObject(key, "parts");
        for (uint32_t j = 0; j < table->keys[i].part_count; j++) {
            cJSON *part = cJSON_CreateObject();
            cJSON_AddNumberToObject(part, "column", table->keys[i].parts[j].column);
            cJSON_AddNumberToObject(part, "prefix", table->keys[i].parts[j].prefix);
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
            add_keys(object, at->table);
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
}

static void reset(struct model *model)
{
    while (model->tables != NULL)
        remove_table(model, model->tables->db, model->tables->name);
    while (model->databases != NULL)
        remove_database(model, slice_str(model->databases->name));
}

int main(void)
{
    struct model model = {0};
    char *line = NULL;
    size_t room = 0;
    while (getline(&line, &room, stdin) > 0) {
        cJSON *object = cJSON_Parse(line);
        if (object == NULL) {
            fputs("A line is not JSON.\n", stderr);
            return 1;
        }
        cJSON *answer = cJSON_CreateObject();
        if (cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(object, "reset")))
            reset(&model);
        else
            run(&model, object, answer);
        add_tables(answer, &model);
        char *text = must(cJSON_PrintUnformatted(answer));
        puts(text);
        fflush(stdout);
        free(text);
        cJSON_Delete(answer);
        cJSON_Delete(object);
    }
    reset(&model);
    free(line);
    return 0;
}
