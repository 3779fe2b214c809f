/* SPDX-License-Identifier: Apache-2.0 */
/*
 * StarRocks's side of DDL (facts/starrocks.md 6.1): tables that do not exist are created, tables
 * that do are compared. Key columns come first and in key order; value columns are nullable always,
 * because a zero date has no other equal. Without a key: DUPLICATE KEY on the first column that may
 * be one.
 */
#include "starrocks_int.h"

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

void starrocks_create_sql(const void *config, const struct load_schema *schema,
                          const uint32_t *first, uint32_t first_count, struct buf *out)
{
    const struct starrocks_config *starrocks = config;
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
    if (starrocks->common.buckets > 0)
        buf_addf(out, " BUCKETS %u", (unsigned)starrocks->common.buckets);
    dialect_add_properties(out, NULL, 0, &starrocks->common.create_properties);
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

static enum rc check_names(struct myconn *conn UNUSED, const struct load_schema *schema,
                           struct error *err)
{
    return starrocks_names_check(schema, err);
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
    .rename_word = "TO ", /* its grammar asks for it, its manual does not */
};

static const struct dialect_product product = {
    .changes = &starrocks_changes,
    .version_says = "StarRocks",
    .version_word = "StarRocks",
    .compression_since = {.major = 3, .minor = 2, .patch = 7}, /* facts/starrocks.md 3.4 */
    .names_check = check_names,
    .create_sql = starrocks_create_sql,
    .prepared = warn_of_long_key,
};

enum rc starrocks_target_prepare(const struct load_settings *settings UNUSED, const void *config,
                                 struct myconn *conn, const struct table *source,
                                 const struct sink_target *target, struct arena *arena,
                                 struct load_schema *schema_out, struct error *err)
{
    return dialect_target_prepare(&product, config, conn, source, target, arena, schema_out, err);
}

enum rc starrocks_check(const struct load_settings *settings, const void *config,
                        struct myconn *conn, struct report *report, struct error *err)
{
    const struct starrocks_config *starrocks = config;
    return dialect_check(&product, settings, &starrocks->common.create_properties, conn, report,
                         err);
}

enum rc starrocks_change_turn(const struct load_settings *settings, const void *config,
                              struct myconn *conn, const struct schema_step *step,
                              const struct sink_target *target, struct arena *arena,
                              struct change_progress *progress, enum change_state *state_out,
                              struct error *err)
{
    return dialect_change_turn(&product, settings, config, conn, step, target, arena, progress,
                               state_out, err);
}
