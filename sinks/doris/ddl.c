/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Doris's side of DDL (facts/doris.md 6.2): tables that do not exist are created, tables that do
 * are compared. Key columns come first and in key order; value columns are nullable always,
 * because a zero date has no other equal. Without a key: DUPLICATE KEY on the first column that
 * may be one.
 */
#include "doris_int.h"

/* Letters, digits and `others`; beyond ASCII only where the server was told to allow it. */
static bool name_fits(struct slice name, const char *others, size_t max, bool unicode_names)
{
    if (name.len == 0 || name.len > max)
        return false;
    for (size_t i = 0; i < name.len; i++) {
        uint8_t c = name.ptr[i];
        bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
        if (!plain && !(c >= 0x80 && unicode_names) && (c >= 0x80 || strchr(others, c) == NULL))
            return false;
    }
    return true;
}

static enum rc name_error(const char *what, struct slice name, struct slice db, struct slice table,
                          struct error *err)
{
    return error_set(err, RC_CONFIG,
                     "Apache Doris does not take '%.*s' as a %s name. Give the target another one "
                     "with a route: - source-table: %.*s\\.%.*s  sink-table: DB.TABLE.%s",
                     SLICE_ARG(name), what, SLICE_ARG(db), SLICE_ARG(table),
                     dialect_name_is_ascii(name)
                         ? ""
                         : " Or run on the target: SET GLOBAL enable_unicode_name_support = true;");
}

enum rc doris_names_check(const struct load_schema *schema, bool unicode_names, struct error *err)
{
    const struct table *source = schema->source;
    uint8_t first = schema->db.len > 0 ? schema->db.ptr[0] : 0;
    bool letter = (first >= 'a' && first <= 'z') || (first >= 'A' && first <= 'Z') ||
                  (first >= 0x80 && unicode_names);
    if (!letter || !name_fits(schema->db, "_-", 64, unicode_names))
        return name_error("database", schema->db, source->db, source->name, err);
    if (!name_fits(schema->table, "_-$", 64, unicode_names))
        return name_error("table", schema->table, source->db, source->name, err);
    for (uint32_t i = 0; i < source->column_count; i++) {
        struct slice name = schema->columns[i].target_name;
        bool reserved = slice_starts_nocase(name, SLICE("__DORIS_"));
        if (!reserved && name_fits(name, "._+-/?@#$%^&*\",: ", 256, unicode_names))
            continue;
        return error_set(err, RC_CONFIG,
                         "Apache Doris does not take '%.*s' as a column name. Rename the column at "
                         "the source, or leave %.*s.%.*s out with tables.exclude.",
                         SLICE_ARG(name), SLICE_ARG(source->db), SLICE_ARG(source->name));
    }
    return RC_OK;
}

void doris_create_sql(const void *config, const struct load_schema *schema, const uint32_t *first,
                      uint32_t first_count, struct buf *out)
{
    const struct doris_config *doris = config;
    static const struct cfg_pair keyed[] = {{"enable_unique_key_merge_on_write", "true"},
                                            {"light_schema_change", "true"}};
    buf_add_str(out, "CREATE TABLE IF NOT EXISTS ");
    dialect_add_table_name(out, schema->db, schema->table);
    dialect_add_definitions(out, schema, first, first_count);
    buf_add_str(out, schema->keyless ? "DUPLICATE KEY" : "UNIQUE KEY");
    dialect_add_columns(out, schema, first, first_count);
    if (schema->source->comment.len > 0) {
        buf_add_str(out, "\nCOMMENT ");
        myconn_add_literal(out, schema->source->comment);
    }
    buf_add_str(out, "\nDISTRIBUTED BY HASH");
    dialect_add_columns(out, schema, first, first_count);
    if (doris->common.buckets > 0)
        buf_addf(out, " BUCKETS %u", (unsigned)doris->common.buckets);
    else
        buf_add_str(out, " BUCKETS AUTO");
    /* Merge-on-write is for unique tables; Doris refuses it on others. */
    unsigned skip = schema->keyless ? 1 : 0;
    dialect_add_properties(out, keyed + skip, (unsigned)COUNT_OF(keyed) - skip,
                           &doris->common.create_properties);
}

/* Whether names beyond ASCII may be used; asked only where one is. */
static bool unicode_names(struct myconn *conn)
{
    struct buf value;
    struct error ignored;
    buf_init(&value, 64);
    error_clear(&ignored);
    enum rc rc =
        myconn_query_value(conn, SLICE("SELECT @@enable_unicode_name_support"), &value, &ignored);
    struct slice text = buf_slice(&value);
    bool on =
        rc == RC_OK && (slice_equal(text, SLICE("1")) || slice_equal_nocase(text, SLICE("true")));
    buf_deinit(&value);
    return on;
}

static enum rc check_names(struct myconn *conn, const struct load_schema *schema, struct error *err)
{
    bool ascii = dialect_name_is_ascii(schema->db) && dialect_name_is_ascii(schema->table);
    for (uint32_t i = 0; ascii && i < schema->source->column_count; i++)
        ascii = dialect_name_is_ascii(schema->columns[i].target_name);
    return doris_names_check(schema, !ascii && unicode_names(conn), err);
}

const struct dialect_changes doris_changes = {
    .traits = &doris_traits,
    .type = doris_type,
    .swap = DIALECT_SWAP_REPLACE,
    .float_from_integer = true,
    .double_from_largeint = true,
    .table_comment = "MODIFY COMMENT",
    .version_word = "doris-",
    .rename_major = 1, /* with light_schema_change, which our tables have */
    .rename_minor = 2,
    .rename_word = "", /* its grammar has none */
};

static const struct dialect_product product = {
    .changes = &doris_changes,
    .version_says = "Doris",
    .version_word = "doris-",
    .compression_since = {.major = 3, .minor = 1},
    .names_check = check_names,
    .create_sql = doris_create_sql,
};

enum rc doris_target_prepare(const struct load_settings *settings UNUSED, const void *config,
                             struct myconn *conn, const struct table *source,
                             const struct sink_target *target, struct arena *arena,
                             struct load_schema *schema_out, struct error *err)
{
    return dialect_target_prepare(&product, config, conn, source, target, arena, schema_out, err);
}

enum rc doris_check(const struct load_settings *settings, const void *config, struct myconn *conn,
                    struct report *report, struct error *err)
{
    const struct doris_config *doris = config;
    return dialect_check(&product, settings, &doris->common.create_properties, conn, report, err);
}

enum rc doris_change_turn(const struct load_settings *settings, const void *config,
                          struct myconn *conn, const struct schema_step *step,
                          const struct sink_target *target, struct arena *arena,
                          struct change_progress *progress, enum change_state *state_out,
                          struct error *err)
{
    return dialect_change_turn(&product, settings, config, conn, step, target, arena, progress,
                               state_out, err);
}
