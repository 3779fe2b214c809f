/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Partial updates need Doris 2.0 and a table of the unique model with merge-on-write (facts/doris.md
 * 4). A merge-on-read table is refused by Doris itself, but by then the rows are on their way.
 */
#include "doris_int.h"

/* Whether a property of a SHOW CREATE TABLE is "true": `"name" = "true"`. */
static bool property_is_true(struct slice create, struct slice name)
{
    static const char ends[] = " \t\n\"=";
    for (size_t at = 0; at + name.len < create.len; at++) {
        if (!slice_starts_nocase(slice_of(create.ptr + at, create.len - at), name))
            continue;
        at += name.len;
        while (at < create.len && memchr(ends, create.ptr[at], sizeof(ends) - 1) != NULL)
            at++;
        return slice_starts_nocase(slice_of(create.ptr + at, create.len - at), SLICE("true\""));
    }
    return false;
}

static enum rc check_table(struct slice create, const struct load_schema *schema, struct error *err)
{
    if (property_is_true(create, SLICE("\"enable_unique_key_merge_on_write\"")))
        return RC_OK;
    error_set(err, RC_UNSUPPORTED,
              "Rows for table %.*s.%.*s lack columns, and that table is not merge-on-write: Apache "
              "Doris cannot update a part of its rows.",
              SLICE_ARG(schema->db), SLICE_ARG(schema->table));
    error_hint(err,
               "Make it anew with PROPERTIES (\"enable_unique_key_merge_on_write\" = \"true\"), "
               "or set binlog_row_image=FULL at the source server.");
    return RC_UNSUPPORTED;
}

/* A table that is not there yet is made merge-on-write. */
static enum rc find_table(struct myconn *conn, const struct load_schema *schema, bool *found_out,
                          struct error *err)
{
    enum { ARENA_MAX = 64 << 20 };
    struct arena arena;
    struct dialect_catalog catalog;
    struct sink_target target = {.db = schema->db, .table = schema->table};
    arena_init(&arena, "a target's columns", ARENA_MAX);
    enum rc rc = dialect_catalog_read(conn, &target, &arena, &catalog, err);
    *found_out = rc == RC_OK && catalog.column_count > 0;
    arena_deinit(&arena);
    return rc;
}

enum rc doris_partial_check(struct myconn *conn, const struct load_schema *schema,
                            struct error *err)
{
    ASSERT(!schema->keyless);
    enum rc rc = dialect_partial_version(conn, doris_traits.product, "doris-", 2, 0, schema, err);
    bool found = false;
    if (rc == RC_OK)
        rc = find_table(conn, schema, &found, err);
    if (rc != RC_OK || !found)
        return rc;
    struct buf sql;
    buf_init(&sql, 64u << 10);
    buf_add_str(&sql, "SHOW CREATE TABLE ");
    dialect_add_table_name(&sql, schema->db, schema->table);
    struct myconn_result *result = NULL;
    const struct slice *fields = NULL;
    rc = buf_check(&sql, "the question for the target's definition", err);
    if (rc == RC_OK)
        rc = myconn_query(conn, buf_slice(&sql), &result, err);
    if (rc == RC_OK && (!myconn_row(result, &fields) || myconn_column_count(result) < 2))
        rc = error_set(err, RC_PROTOCOL, "SHOW CREATE TABLE has no answer.");
    if (rc == RC_OK)
        rc = check_table(fields[1], schema, err);
    myconn_result_free(result);
    buf_deinit(&sql);
    return rc;
}
