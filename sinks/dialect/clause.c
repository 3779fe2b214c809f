/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Pieces of DDL and of the `columns` header that both dialects write alike. Identifiers go out
 * back-quoted always: neither product's list of reserved words is fixed.
 */
#include "dialect_int.h"

#include <stdio.h>

void dialect_add_table_name(struct buf *out, struct slice db, struct slice table)
{
    myconn_add_identifier(out, db);
    buf_add_byte(out, '.');
    myconn_add_identifier(out, table);
}

void dialect_add_columns(struct buf *out, const struct load_schema *schema, const uint32_t *columns,
                         uint32_t count)
{
    buf_add_byte(out, '(');
    for (uint32_t i = 0; i < count; i++) {
        if (i > 0)
            buf_add_str(out, ", ");
        myconn_add_identifier(out, schema->columns[columns[i]].target_name);
    }
    buf_add_byte(out, ')');
}

static void add_definition(struct buf *out, const struct load_schema *schema, uint32_t index)
{
    const struct load_column *column = &schema->columns[index];
    struct slice comment = schema->source->columns[index].comment;
    buf_add_str(out, "  ");
    myconn_add_identifier(out, column->target_name);
    buf_add_byte(out, ' ');
    buf_add_slice(out, column->target_type);
    buf_add_str(out, column->target_nullable ? " NULL" : " NOT NULL");
    if (comment.len > 0) {
        buf_add_str(out, " COMMENT ");
        myconn_add_literal(out, comment);
    }
}

void dialect_add_definitions(struct buf *out, const struct load_schema *schema,
                             const uint32_t *first, uint32_t first_count)
{
    buf_add_str(out, " (\n");
    for (uint32_t i = 0; i < first_count; i++) {
        if (i > 0)
            buf_add_str(out, ",\n");
        add_definition(out, schema, first[i]);
    }
    for (uint32_t i = 0; i < schema->source->column_count; i++) {
        bool done = false;
        for (uint32_t k = 0; k < first_count; k++)
            done = done || first[k] == i;
        if (done)
            continue;
        buf_add_str(out, ",\n");
        add_definition(out, schema, i);
    }
    buf_add_str(out, "\n)\n");
}

static void add_property(struct buf *out, const char *key, const char *value, bool *any)
{
    buf_add_str(out, *any ? ", " : "\nPROPERTIES (");
    *any = true;
    myconn_add_literal(out, slice_str(key));
    buf_add_str(out, " = ");
    myconn_add_literal(out, slice_str(value));
}

void dialect_add_properties(struct buf *out, const struct cfg_pair *ours, unsigned our_count,
                            const struct cfg_map *users)
{
    bool any = false;
    for (unsigned i = 0; i < our_count; i++)
        if (dialect_map_find(users, ours[i].key) == NULL)
            add_property(out, ours[i].key, ours[i].value, &any);
    for (unsigned i = 0; i < users->count; i++)
        add_property(out, users->items[i].key, users->items[i].value, &any);
    if (any)
        buf_add_byte(out, ')');
}

void dialect_add_column_header(struct buf *out, const struct load_schema *schema,
                               const char *delete_column)
{
    buf_add_str(out, "columns: ");
    for (uint32_t i = 0; i < schema->source->column_count; i++) {
        if (i > 0)
            buf_add_byte(out, ',');
        myconn_add_identifier(out, schema->columns[i].target_name);
    }
    if (!schema->keyless) {
        buf_add_byte(out, ',');
        myconn_add_identifier(out, slice_str(delete_column));
    }
    buf_add_byte(out, '\n');
}

enum rc dialect_type_set(struct arena *arena, struct slice *type_out, struct error *err,
                         const char *format, ...)
{
    char text[64];
    va_list args;
    va_start(args, format);
    int len = vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    ASSERT(len > 0 && (size_t)len < sizeof(text));
    *type_out = arena_copy(arena, slice_of(text, (size_t)len));
    return type_out->ptr == NULL
               ? error_set(err, RC_MEMORY, "There is no memory for a column type.")
               : RC_OK;
}

enum rc dialect_create_run(struct myconn *conn, struct slice db, struct slice create,
                           struct error *err)
{
    struct buf sql;
    buf_init(&sql, 4096);
    buf_add_str(&sql, "CREATE DATABASE IF NOT EXISTS ");
    myconn_add_identifier(&sql, db);
    struct error database;
    error_clear(&database);
    enum rc made = buf_check(&sql, "CREATE DATABASE", &database);
    if (made == RC_OK)
        made = myconn_exec(conn, buf_slice(&sql), &database);
    buf_deinit(&sql);
    enum rc rc = myconn_exec(conn, create, err);
    if (rc == RC_OK || made == RC_OK || err == NULL)
        return rc;
    *err = database;
    error_wrap(err, "Database '%.*s' cannot be created", SLICE_ARG(db));
    return made;
}

enum rc dialect_create_table(struct myconn *conn, const char *product,
                             const struct load_schema *schema, const struct buf *sql,
                             struct error *err)
{
    enum rc rc = buf_check(sql, "CREATE TABLE", err);
    if (rc == RC_OK)
        rc = dialect_create_run(conn, schema->db, buf_slice(sql), err);
    if (rc != RC_OK) {
        error_wrap(err, "Table %.*s.%.*s cannot be created at %s", SLICE_ARG(schema->db),
                   SLICE_ARG(schema->table), product);
        return rc;
    }
    log_info("sink.ddl", "Created a table.", LOG_SLICE("db", schema->db),
             LOG_SLICE("table", schema->table));
    return RC_OK;
}

bool dialect_name_is_ascii(struct slice name)
{
    for (size_t i = 0; i < name.len; i++)
        if (name.ptr[i] >= 0x80)
            return false;
    return true;
}
