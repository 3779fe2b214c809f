/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Statements, one after the other, each read against the tables that those before it made.
 *
 *   byte 0   bit 0: MariaDB; bit 1: explicit_defaults_for_timestamp; bit 2: an error code;
 *            bits 3 to 5: which version
 *   byte 1   SQL modes: REAL_AS_FLOAT, ANSI_QUOTES, ORACLE, MAXDB, NO_BACKSLASH_ESCAPES, strict
 *   byte 2   charset of the text
 *   rest     statements, a NUL between them
 */
#include "binlog/ddl/ddl_int.h"
#include "fuzz_int.h"

enum { TABLES_MAX = 16, STATEMENTS_MAX = 64, ARENA_BYTES = 64 << 20 };

struct map {
    const struct catalog_table *tables[TABLES_MAX];
    unsigned count;
};

static enum rc find_cb(void *ctx, struct slice db, struct slice name,
                       const struct catalog_table **table_out, struct error *err)
{
    const struct map *map = ctx;
    (void)err;
    *table_out = NULL;
    for (unsigned i = 0; i < map->count; i++)
        if (slice_equal(map->tables[i]->db, db) && slice_equal(map->tables[i]->name, name))
            *table_out = map->tables[i];
    return RC_OK;
}

static struct slice database_cb(void *ctx, struct slice db)
{
    (void)ctx;
    return db.len % 2 == 0 ? SLICE("utf8mb4_general_ci") : SLICE_EMPTY;
}

static void check_column(const struct catalog_column *column)
{
    ASSERT(text_is_utf8(column->name));
    ASSERT(column->data_type.len > 0 && text_is_utf8(column->data_type));
    ASSERT(column->column_type.len >= column->data_type.len && text_is_utf8(column->column_type));
    ASSERT((column->charset.len == 0) == (column->collation.len == 0));
    ASSERT(text_is_utf8(column->comment));
    ASSERT(column->nullable == false || column->has_default);
}

static void check_table(const struct catalog_table *table)
{
    uint32_t in_key = 0;
    uint32_t highest = 0;
    for (uint32_t i = 0; i < table->column_count; i++) {
        check_column(&table->columns[i]);
        in_key += table->columns[i].key_ordinal > 0;
        if (table->columns[i].key_ordinal > highest)
            highest = table->columns[i].key_ordinal;
    }
    ASSERT(in_key <= highest);
    for (uint32_t i = 0; i < table->key_count; i++) {
        ASSERT(table->keys[i].part_count > 0);
        for (uint32_t j = 0; j < table->keys[i].part_count; j++)
            ASSERT(table->keys[i].parts[j].column < table->column_count);
    }
    for (uint32_t i = 0; i < table->index_count; i++)
        for (uint32_t j = 0; j < table->indexes[i].part_count; j++)
            ASSERT(table->indexes[i].parts[j].column < table->column_count ||
                   table->indexes[i].parts[j].column == CATALOG_EXPRESSION);
}

static void check_effect(enum ddl_verdict verdict, const struct ddl_effect *effect)
{
    ASSERT(text_is_utf8(effect->db) && text_is_utf8(effect->name));
    ASSERT(text_is_utf8(effect->new_db) && text_is_utf8(effect->new_name));
    ASSERT(verdict != DDL_UNREADABLE || effect->after == NULL);
    if (effect->after == NULL)
        return;
    check_table(effect->after);
    if (effect->kind != DDL_TABLE_ALTERED || effect->before == NULL)
        return;
    for (uint32_t i = 0; i < effect->after->column_count; i++)
        ASSERT(effect->origin[i] == DDL_NEW_COLUMN ||
               effect->origin[i] < effect->before->column_count);
}

static void forget(struct map *map, struct slice db, struct slice name)
{
    unsigned kept = 0;
    for (unsigned i = 0; i < map->count; i++)
        if (!slice_equal(map->tables[i]->db, db) || !slice_equal(map->tables[i]->name, name))
            map->tables[kept++] = map->tables[i];
    map->count = kept;
}

static void apply(struct map *map, const struct ddl_effect *effect)
{
    if (effect->kind != DDL_TABLE_TRUNCATED)
        forget(map, effect->db, effect->name);
    if (effect->after == NULL)
        return;
    forget(map, effect->after->db, effect->after->name);
    if (map->count < TABLES_MAX)
        map->tables[map->count++] = effect->after;
}

static struct ddl_context context_of(struct slice *input)
{
    static const uint32_t mariadb[] = {50568,  100038, 100339, 100523,
                                       100623, 101119, 110407, 110806};
    static const uint32_t mysql[] = {50562, 50624, 50744, 80019, 80028, 80046, 80400, 90704};
    static const uint64_t modes[] = {0x1, 0x4, 0x200, 0x1000, 0x100000, 0x600000};
    static const char *const charsets[] = {"", "latin1", "sjis", "utf8mb4", "binary", "gbk"};
    uint8_t flags = fuzz_byte(input);
    uint8_t chosen = fuzz_byte(input);
    struct ddl_context context = {
        .db = SLICE("d"),
        .charset = slice_str(charsets[fuzz_byte(input) % COUNT_OF(charsets)]),
        .default_collation = SLICE("latin1_swedish_ci"),
        .is_mariadb = (flags & 1) != 0,
        .explicit_defaults_for_timestamp = (flags & 2) != 0,
        .error_code = (flags & 4) != 0 ? 1051 : 0,
        .version = (flags & 1) != 0 ? mariadb[flags >> 3 & 7] : mysql[flags >> 3 & 7],
    };
    for (unsigned i = 0; i < COUNT_OF(modes); i++)
        context.sql_mode |= (chosen >> i & 1) != 0 ? modes[i] : 0;
    return context;
}

static struct slice next_statement(struct slice *input)
{
    const uint8_t *end = input->len == 0 ? NULL : memchr(input->ptr, 0, input->len);
    struct slice statement =
        fuzz_part(input, end == NULL ? input->len : (size_t)(end - input->ptr));
    (void)fuzz_byte(input);
    return statement;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct slice input = slice_of(data, size);
    struct ddl_context context = context_of(&input);
    struct map map = {0};
    struct ddl_lookup lookup = {.find = find_cb, .database = database_cb, .ctx = &map};
    struct arena arena;
    arena_init(&arena, "statements", ARENA_BYTES);
    for (unsigned i = 0; i < STATEMENTS_MAX && input.len > 0; i++) {
        struct slice statement = next_statement(&input);
        uint8_t *exact = fuzz_exact(statement);
        struct ddl_result result;
        struct error err;
        error_clear(&err);
        enum rc rc =
            ddl_read(&context, &lookup, slice_of(exact, statement.len), &arena, &result, &err);
        free(exact); /* nothing in the result may lie in the statement */
        fuzz_told(rc, &err);
        if (rc != RC_OK)
            break;
        ASSERT(result.verdict != DDL_UNREADABLE ||
               (result.reason.len > 0 && text_is_utf8(result.reason)));
        for (uint32_t j = 0; j < result.effect_count; j++) {
            check_effect(result.verdict, &result.effects[j]);
            apply(&map, &result.effects[j]);
        }
    }
    arena_deinit(&arena);
    return 0;
}
