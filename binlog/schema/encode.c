/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A definition as JSON text. What has its usual value is left out, so that a note of a plain column
 * is a name and a type; docs/formats.md has the fields.
 */
#include "schema_int.h"

static void add_name(struct buf *out, const char *name)
{
    buf_addf(out, ",\"%s\":", name);
}

static void add_text(struct buf *out, const char *name, struct slice text)
{
    if (text.len == 0)
        return;
    add_name(out, name);
    json_add_string(out, text);
}

static void add_number(struct buf *out, const char *name, uint64_t number)
{
    if (number == 0)
        return;
    add_name(out, name);
    buf_add_u64(out, number);
}

static void add_flag(struct buf *out, const char *name, bool flag)
{
    if (flag)
        buf_addf(out, ",\"%s\":true", name);
}

static void add_column(struct buf *out, const struct catalog_column *column)
{
    buf_add_str(out, "{\"name\":");
    json_add_string(out, column->name);
    add_text(out, "data_type", column->data_type);
    add_text(out, "type", column->column_type);
    add_text(out, "charset", column->charset);
    add_text(out, "collation", column->collation);
    add_text(out, "comment", column->comment);
    add_number(out, "chars", column->char_length);
    add_number(out, "bytes", column->byte_length);
    add_number(out, "precision", column->precision);
    add_number(out, "scale", column->scale);
    add_number(out, "fraction", column->fraction_digits);
    add_number(out, "key", column->key_ordinal);
    add_flag(out, "nullable", column->nullable);
    add_flag(out, "has_default", column->has_default);
    add_flag(out, "expression", column->default_is_expression);
    add_flag(out, "auto_increment", column->is_auto_increment);
    add_flag(out, "labels_unsure", column->labels_unsure);
    add_flag(out, "invisible", column->is_invisible);
    if (column->default_value.ptr != NULL && text_is_utf8(column->default_value)) {
        add_name(out, "default");
        json_add_string(out, column->default_value);
    } else if (column->default_value.ptr != NULL) { /* of a column of bytes */
        add_name(out, "default_hex");
        buf_add_byte(out, '"');
        buf_add_hex(out, column->default_value);
        buf_add_byte(out, '"');
    }
    add_number(out, "generated", column->generated);
    add_number(out, "versioning", column->versioning);
    buf_add_byte(out, '}');
}

static void add_key(struct buf *out, const struct catalog_key *key)
{
    buf_add_str(out, "{\"name\":");
    json_add_string(out, key->name);
    buf_add_str(out, ",\"parts\":[");
    for (uint32_t i = 0; i < key->part_count; i++)
        buf_addf(out, "%s[%u,%u]", i == 0 ? "" : ",", key->parts[i].column, key->parts[i].prefix);
    buf_add_str(out, "]}");
}

static void add_keys(struct buf *out, const struct catalog_key *keys, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        if (i > 0)
            buf_add_byte(out, ',');
        add_key(out, &keys[i]);
    }
}

enum rc schema_encode(const struct catalog_table *table, struct buf *out, struct error *err)
{
    buf_add_str(out, "{\"db\":");
    json_add_string(out, table->db);
    add_name(out, "name");
    json_add_string(out, table->name);
    add_text(out, "comment", table->comment);
    add_text(out, "charset", table->charset);
    add_text(out, "collation", table->collation);
    buf_add_str(out, ",\"columns\":[");
    for (uint32_t i = 0; i < table->column_count; i++) {
        if (i > 0)
            buf_add_byte(out, ',');
        add_column(out, &table->columns[i]);
    }
    buf_add_str(out, "],\"keys\":[");
    add_keys(out, table->keys, table->key_count);
    buf_add_str(out, "],\"indexes\":[");
    add_keys(out, table->indexes, table->index_count);
    buf_add_str(out, "]}");
    return buf_check(out, "the definition of a table", err);
}
