/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the tests of the DDL parser share: a map of definitions that statements are run against, and
 * a definition in one line of text:
 *
 *   id int(11) pk1; name varchar(10) null =x utf8mb4_bin | PRIMARY(id) UNIQUE name(name:5)
 */
#ifndef MILLRACE_TESTS_DDL_FIXTURE_H
#define MILLRACE_TESTS_DDL_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

#include "binlog/ddl/ddl_int.h"

enum { FIXTURE_TABLES_MAX = 32, FIXTURE_ARENA_BYTES = 64 << 20, FIXTURE_TEXT_MAX = 1 << 20 };

struct ddl_fixture {
    struct arena arena; /* of everything; nothing is freed before the end */
    struct ddl_context context;
    const struct catalog_table *tables[FIXTURE_TABLES_MAX];
    unsigned table_count;
    struct slice database_collation; /* of every database */
    struct ddl_result result;
    struct buf text;
};

static enum rc fixture_find(void *ctx, struct slice db, struct slice name,
                            const struct catalog_table **table_out, struct error *err)
{
    struct ddl_fixture *fixture = ctx;
    (void)err;
    *table_out = NULL;
    for (unsigned i = 0; i < fixture->table_count; i++)
        if (slice_equal(fixture->tables[i]->db, db) && slice_equal(fixture->tables[i]->name, name))
            *table_out = fixture->tables[i];
    return RC_OK;
}

static inline struct slice fixture_database(void *ctx, struct slice db)
{
    (void)db;
    return ((struct ddl_fixture *)ctx)->database_collation;
}

/* MariaDB 10.11 with the database d in utf8mb4. */
static inline void fixture_init(struct ddl_fixture *fixture)
{
    *fixture = (struct ddl_fixture){.context = {.db = SLICE("d"),
                                                .version = 101119,
                                                .is_mariadb = true,
                                                .explicit_defaults_for_timestamp = true},
                                    .database_collation = SLICE("utf8mb4_general_ci")};
    arena_init(&fixture->arena, "fixture", FIXTURE_ARENA_BYTES);
    buf_init(&fixture->text, FIXTURE_TEXT_MAX);
}

static inline void fixture_deinit(struct ddl_fixture *fixture)
{
    arena_deinit(&fixture->arena);
    buf_deinit(&fixture->text);
}

static inline void fixture_mysql(struct ddl_fixture *fixture, uint32_t version)
{
    fixture->context.is_mariadb = false;
    fixture->context.version = version;
}

static inline void fixture_forget(struct ddl_fixture *fixture, struct slice db, struct slice name)
{
    unsigned kept = 0;
    for (unsigned i = 0; i < fixture->table_count; i++)
        if (!slice_equal(fixture->tables[i]->db, db) ||
            !slice_equal(fixture->tables[i]->name, name))
            fixture->tables[kept++] = fixture->tables[i];
    fixture->table_count = kept;
}

static inline enum ddl_verdict fixture_run_slice(struct ddl_fixture *fixture, struct slice sql)
{
    struct ddl_lookup lookup = {.find = fixture_find, .database = fixture_database, .ctx = fixture};
    struct error err;
    error_clear(&err);
    enum rc rc = ddl_read(&fixture->context, &lookup, sql, &fixture->arena, &fixture->result, &err);
    if (rc != RC_OK)
        fail_msg("%s", err.text);
    for (uint32_t i = 0; i < fixture->result.effect_count; i++) {
        const struct ddl_effect *effect = &fixture->result.effects[i];
        if (effect->kind != DDL_TABLE_TRUNCATED)
            fixture_forget(fixture, effect->db, effect->name);
        if (effect->after != NULL) {
            assert_true(fixture->table_count < FIXTURE_TABLES_MAX);
            fixture->tables[fixture->table_count++] = effect->after;
        }
    }
    return fixture->result.verdict;
}

static inline enum ddl_verdict fixture_run(struct ddl_fixture *fixture, const char *sql)
{
    return fixture_run_slice(fixture, slice_str(sql));
}

static inline void fixture_must(struct ddl_fixture *fixture, const char *sql)
{
    if (fixture_run(fixture, sql) != DDL_UNDERSTOOD)
        fail_msg("%s: %.*s", sql, SLICE_ARG(fixture->result.reason));
}

static inline void fixture_add_column(struct buf *text, const struct catalog_column *column)
{
    buf_add_slice(text, column->name);
    buf_add_byte(text, ' ');
    buf_add_slice(text, column->column_type);
    if (column->nullable)
        buf_add_str(text, " null");
    if (column->default_is_expression)
        buf_add_str(text, " =()");
    else if (column->default_value.ptr != NULL)
        buf_addf(text, " =%.*s", SLICE_ARG(column->default_value));
    if (column->collation.len > 0)
        buf_addf(text, " %.*s", SLICE_ARG(column->collation));
    if (column->key_ordinal > 0)
        buf_addf(text, " key%u", column->key_ordinal);
    if (column->comment.len > 0)
        buf_addf(text, " \"%.*s\"", SLICE_ARG(column->comment));
    if (column->generated != CATALOG_PLAIN)
        buf_add_str(text, column->generated == CATALOG_VIRTUAL ? " virtual" : " stored");
    if (column->is_invisible)
        buf_add_str(text, " invisible");
}

/* The definition in one line; "none" when there is no such table. Borrowed until the next. */
static inline const char *fixture_shape(struct ddl_fixture *fixture, const char *name)
{
    const struct catalog_table *table;
    assert_int_equal(fixture_find(fixture, SLICE("d"), slice_str(name), &table, NULL), RC_OK);
    struct buf *text = &fixture->text;
    buf_reset(text);
    if (table == NULL)
        return "none";
    for (uint32_t i = 0; i < table->column_count; i++) {
        buf_add_str(text, i == 0 ? "" : "; ");
        fixture_add_column(text, &table->columns[i]);
    }
    if (table->key_count > 0)
        buf_add_str(text, " |");
    for (uint32_t i = 0; i < table->key_count; i++) {
        buf_addf(text, " %.*s(", SLICE_ARG(table->keys[i].name));
        for (uint32_t j = 0; j < table->keys[i].part_count; j++) {
            const struct catalog_key_part *part = &table->keys[i].parts[j];
            buf_addf(text, "%s%.*s", j == 0 ? "" : ",",
                     SLICE_ARG(table->columns[part->column].name));
            if (part->prefix > 0)
                buf_addf(text, ":%u", part->prefix);
        }
        buf_add_byte(text, ')');
    }
    return buf_cstr(text);
}

#endif
