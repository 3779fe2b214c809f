/* SPDX-License-Identifier: Apache-2.0 */
/*
 * StarRocks's side of DDL (facts/starrocks.md 6.1): tables that do not exist are created, tables
 * that do are compared. Key columns come first and in key order; value columns are nullable always,
 * because a zero date has no other equal. Without a key: DUPLICATE KEY on the first column that may
 * be one.
 */
#include "starrocks_int.h"

enum rc starrocks_plan(const struct table *source, const struct sink_target *target,
                       struct arena *arena, struct load_schema *schema_out, uint32_t *first_out,
                       struct error *err)
{
    return dialect_plan(&starrocks_traits, starrocks_type, source, target, arena, schema_out,
                        first_out, err);
}

/* A database or table name: letters, digits and "_" are promised, "-" and "$" and characters
 * beyond ASCII are taken by the server's own grammar inside back-quotes. */
static bool name_fits(struct slice name, size_t max)
{
    if (name.len == 0 || name.len > max)
        return false;
    for (size_t i = 0; i < name.len; i++) {
        uint8_t c = name.ptr[i];
        bool fits = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                    c == '_' || c == '-' || c == '$' || c >= 0x80;
        if (!fits)
            return false;
    }
    return true;
}

static enum rc name_error(const char *what, struct slice name, const struct table *source,
                          struct error *err)
{
    return error_set(
        err, RC_CONFIG,
        "StarRocks does not take '%.*s' as a %s name. Give the target another one with "
        "a route: - source-table: %.*s\\.%.*s  sink-table: DB.TABLE.",
        SLICE_ARG(name), what, SLICE_ARG(source->db), SLICE_ARG(source->name));
}

enum rc starrocks_names_check(const struct load_schema *schema, struct error *err)
{
    const struct table *source = schema->source;
    if (!name_fits(schema->db, 256))
        return name_error("database", schema->db, source, err);
    if (!name_fits(schema->table, 1024))
        return name_error("table", schema->table, source, err);
    for (uint32_t i = 0; i < source->column_count; i++) {
        struct slice name = schema->columns[i].target_name;
        bool refused = name.len > 1024 || slice_starts_nocase(name, SLICE("__op")) ||
                       slice_starts_nocase(name, SLICE("__row"));
        for (size_t k = 0; !refused && k < name.len; k++)
            refused = strchr("=<>!*`", name.ptr[k]) != NULL;
        if (refused)
            return error_set(
                err, RC_CONFIG,
                "StarRocks does not take '%.*s' as a column name. Rename the column at "
                "the source, or leave %.*s.%.*s out with tables.exclude.",
                SLICE_ARG(name), SLICE_ARG(source->db), SLICE_ARG(source->name));
    }
    return RC_OK;
}

void starrocks_create_sql(const struct starrocks_config *config, const struct load_schema *schema,
                          const uint32_t *first, uint32_t first_count, struct buf *out)
{
    buf_add_str(out, "CREATE TABLE IF NOT EXISTS ");
    dialect_add_table_name(out, schema->db, schema->table);
    dialect_add_definitions(out, schema, first, first_count);
    buf_add_str(out, schema->keyless ? "DUPLICATE KEY" : "PRIMARY KEY");
    dialect_add_columns(out, schema, first, first_count);
    if (schema->source->comment.len > 0) {
        buf_add_str(out, "\nCOMMENT ");
        myconn_add_literal(out, schema->source->comment);
    }
    buf_add_str(out, "\nDISTRIBUTED BY HASH");
    dialect_add_columns(out, schema, first, first_count);
    if (config->buckets > 0)
        buf_addf(out, " BUCKETS %u", (unsigned)config->buckets);
    dialect_add_properties(out, NULL, 0, &config->create_properties);
}

/* A longer key cancels a whole load (facts/starrocks.md part 4), so it is told beforehand. */
static void warn_of_long_key(const struct load_schema *schema)
{
    uint64_t bytes = starrocks_key_bytes(schema);
    if (bytes <= STARROCKS_KEY_BYTES)
        return;
    log_warn("sink.ddl",
             "A key of this table may take more bytes than StarRocks allows by default (128); rows "
             "with a longer key fail the load. Raise primary_key_limit_size in the backends' "
             "be.conf.",
             LOG_SLICE("db", schema->db), LOG_SLICE("table", schema->table),
             LOG_U64("key_bytes", bytes));
}

static enum rc create(const struct starrocks_config *config, struct myconn *conn,
                      const struct load_schema *schema, uint32_t first, struct error *err)
{
    enum rc rc = starrocks_names_check(schema, err);
    if (rc != RC_OK)
        return rc;
    struct buf sql;
    buf_init(&sql, 4 * 1024 * 1024);
    if (schema->keyless)
        starrocks_create_sql(config, schema, &first, 1, &sql);
    else
        starrocks_create_sql(config, schema, schema->key, schema->key_count, &sql);
    rc = dialect_create_table(conn, starrocks_traits.product, schema, &sql, err);
    buf_deinit(&sql);
    return rc;
}

enum rc starrocks_target_prepare(const struct load_settings *settings UNUSED, const void *config,
                                 struct myconn *conn, const struct table *source,
                                 const struct sink_target *target, struct arena *arena,
                                 struct load_schema *schema_out, struct error *err)
{
    uint32_t first = 0;
    struct dialect_catalog catalog;
    enum rc rc = starrocks_plan(source, target, arena, schema_out, &first, err);
    if (rc == RC_OK)
        rc = dialect_catalog_read(conn, target, arena, &catalog, err);
    if (rc != RC_OK)
        return rc;
    rc = catalog.column_count == 0 ? create(config, conn, schema_out, first, err)
                                   : dialect_compare(&starrocks_traits, &catalog, schema_out, err);
    if (rc == RC_OK)
        warn_of_long_key(schema_out);
    return rc;
}

enum rc starrocks_check(const struct load_settings *settings UNUSED, const void *config,
                        struct myconn *conn, struct report *report, struct error *err)
{
    const struct starrocks_config *starrocks = config;
    enum rc rc = dialect_check_version(conn, "StarRocks", "StarRocks", report, err);
    if (rc != RC_OK)
        return rc;
    dialect_check_replicas(conn, &starrocks->create_properties, report);
    return RC_OK;
}

const struct dialect_changes starrocks_changes = {
    .traits = &starrocks_traits,
    .type = starrocks_type,
    .swap = DIALECT_SWAP_EXCHANGE,
    .key_text_grows = true, /* in new versions; older ones refuse it by themselves */
    .table_comment = "COMMENT =",
    .version_word = "StarRocks",
    .rename_major = 3,
    .rename_minor = 3,
};

enum rc starrocks_change_turn(const struct load_settings *settings, const void *config,
                              struct myconn *conn, const struct schema_step *step,
                              const struct sink_target *target, struct arena *arena,
                              struct change_progress *progress, enum change_state *state_out,
                              struct error *err)
{
    const struct dialect_turn turn = {.changes = &starrocks_changes,
                                      .settings = settings,
                                      .config = config,
                                      .prepare = starrocks_target_prepare};
    return dialect_change_turn(&turn, conn, step, target, arena, progress, state_out, err);
}

void starrocks_truncate_sql(const struct load_schema *schema, struct buf *out)
{
    buf_add_str(out, "TRUNCATE TABLE ");
    dialect_add_table_name(out, schema->db, schema->table);
}
