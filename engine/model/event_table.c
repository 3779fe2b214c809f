/* SPDX-License-Identifier: Apache-2.0 */
#include "event_table_int.h"

#include <stdlib.h>

enum { TEXT_MAX = 1 << 28 }; /* 65,535 names of 256 bytes, each byte escaped, and more */

void event_table_deinit(struct event_table *entry)
{
    buf_deinit(&entry->text);
    free(entry->keys);
    *entry = (struct event_table){0};
}

static bool reserve_keys(struct event_table *entry, uint32_t count)
{
    if (count <= entry->key_cap)
        return true;
    struct event_key *keys = realloc(entry->keys, count * sizeof(*keys));
    if (keys == NULL)
        return false;
    entry->keys = keys;
    entry->key_cap = count;
    return true;
}

static void add_head(struct event_table *entry, const struct table *table)
{
    struct buf *text = &entry->text;
    buf_add_str(text, ",\"subject\":\"");
    json_add_escaped(text, table->db);
    buf_add_byte(text, '/');
    json_add_escaped(text, table->name);
    buf_add_byte(text, '"');
    entry->names_offset = text->len;
    buf_add_str(text, ",\"cdcdb\":");
    json_add_string(text, table->db);
    buf_add_str(text, ",\"cdctable\":");
    json_add_string(text, table->name);
    entry->names_len = text->len - entry->names_offset;
}

enum rc event_table_fill(struct event_table *entry, const struct table *table, struct error *err)
{
    static const uint8_t padding[BUF_STEP];
    entry->table = NULL;
    if (entry->text.max == 0)
        buf_init(&entry->text, TEXT_MAX);
    buf_reset(&entry->text);
    if (!reserve_keys(entry, table->column_count))
        return error_set(err, RC_MEMORY, "There is no memory for the columns of a table.");
    add_head(entry, table);
    for (uint32_t i = 0; i < table->column_count; i++) {
        uint32_t offset = (uint32_t)entry->text.len;
        buf_add_byte(&entry->text, ',');
        json_add_string(&entry->text, table->columns[i].name);
        buf_add_byte(&entry->text, ':');
        uint32_t len = (uint32_t)entry->text.len - offset;
        enum json_put_form form =
            len <= BUF_STEP ? json_put_form(&table->columns[i]) : JSON_PUT_NONE;
        entry->keys[i] = (struct event_key){.offset = offset, .len = len, .form = form};
    }
    buf_add(&entry->text, padding, sizeof(padding));
    enum rc rc = buf_check(&entry->text, "the names of a table's columns", err);
    entry->table = rc == RC_OK ? table : NULL;
    return rc;
}
