/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The way to a target table, the same at both products: plan it from the source's, read what is
 * there, and create it or compare.
 */
#include "change_int.h"

#define CREATE_MAX ((size_t)4 << 20)

static enum rc create(const struct dialect_product *product, const void *config,
                      struct myconn *conn, const struct load_schema *schema, uint32_t first,
                      struct error *err)
{
    const struct sink_target target = {.db = schema->db, .table = schema->table};
    enum rc rc = dialect_fold_check(product->changes->traits, conn, &target, err);
    if (rc == RC_OK)
        rc = product->names_check(conn, schema, err);
    if (rc != RC_OK)
        return rc;
    struct buf sql;
    buf_init(&sql, CREATE_MAX);
    if (schema->keyless)
        product->create_sql(config, schema, &first, 1, &sql);
    else
        product->create_sql(config, schema, schema->key, schema->key_count, &sql);
    rc = dialect_create_table(conn, product->changes->traits->product, schema, &sql, err);
    buf_deinit(&sql);
    return rc;
}

enum rc dialect_target_prepare(const struct dialect_product *product, const void *config,
                               struct myconn *conn, const struct table *source,
                               const struct sink_target *target, struct arena *arena,
                               struct load_schema *schema_out, struct error *err)
{
    const struct dialect_changes *changes = product->changes;
    uint32_t first = 0;
    struct dialect_catalog catalog;
    enum rc rc = dialect_plan(changes->traits, changes->type, source, target, arena, schema_out,
                              &first, err);
    if (rc == RC_OK)
        rc = dialect_catalog_read(conn, target, arena, &catalog, err);
    if (rc != RC_OK)
        return rc;
    rc = catalog.column_count == 0 ? create(product, config, conn, schema_out, first, err)
                                   : dialect_compare(changes->traits, &catalog, schema_out, err);
    if (rc == RC_OK && product->prepared != NULL)
        product->prepared(schema_out);
    return rc;
}

static enum rc check_compression(const struct dialect_product *product, struct myconn *conn,
                                 struct report *report, struct error *err)
{
    const char *name = product->changes->traits->product;
    const struct dialect_version *since = &product->compression_since;
    struct dialect_version version;
    enum rc rc = dialect_version_read(conn, name, product->version_word, &version, err);
    if (rc == RC_OK && dialect_version_before(&version, since->major, since->minor, since->patch))
        report_add(report, REPORT_FAIL, "Take sink.load.compression out of the pipeline's file.",
                   "%s %u.%u.%u does not take compressed loads in JSON; that came with %u.%u.%u.",
                   name, version.major, version.minor, version.patch, since->major, since->minor,
                   since->patch);
    return rc;
}

enum rc dialect_check(const struct dialect_product *product, const struct load_settings *settings,
                      const struct cfg_map *create_properties, struct myconn *conn,
                      struct report *report, struct error *err)
{
    enum rc rc = dialect_check_version(conn, product->changes->traits->product,
                                       product->version_says, report, err);
    if (rc == RC_OK)
        dialect_check_replicas(conn, create_properties, report);
    if (rc == RC_OK && settings->compression != LOAD_COMPRESSION_NONE)
        rc = check_compression(product, conn, report, err);
    return rc;
}

void dialect_truncate_sql(const struct load_schema *schema, struct buf *out)
{
    buf_add_str(out, "TRUNCATE TABLE ");
    dialect_add_table_name(out, schema->db, schema->table);
}

enum rc dialect_is_empty(struct myconn *conn, const struct load_schema *schema, bool *empty_out,
                         struct error *err)
{
    struct buf sql;
    struct myconn_result *result = NULL;
    const struct slice *fields = NULL;
    buf_init(&sql, 64 * 1024);
    buf_add_str(&sql, "SELECT 1 FROM ");
    dialect_add_table_name(&sql, schema->db, schema->table);
    buf_add_str(&sql, " LIMIT 1");
    enum rc rc = buf_check(&sql, "the question whether a target is empty", err);
    if (rc == RC_OK)
        rc = myconn_query(conn, buf_slice(&sql), &result, err);
    if (rc == RC_OK)
        *empty_out = !myconn_row(result, &fields);
    myconn_result_free(result);
    buf_deinit(&sql);
    return rc;
}

enum rc dialect_target_columns(struct myconn *conn, const struct sink_target *target,
                               struct arena *arena, struct slice **names_out, uint32_t *count_out,
                               struct error *err)
{
    struct dialect_catalog catalog;
    enum rc rc = dialect_catalog_read(conn, target, arena, &catalog, err);
    if (rc != RC_OK)
        return rc;
    *count_out = catalog.column_count;
    *names_out = arena_alloc(arena, catalog.column_count * sizeof(**names_out));
    if (*names_out == NULL)
        return error_set(err, RC_MEMORY, "There is no memory for the target's columns.");
    for (uint32_t i = 0; i < catalog.column_count; i++)
        (*names_out)[i] = catalog.columns[i].name;
    return RC_OK;
}
