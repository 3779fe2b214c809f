/* SPDX-License-Identifier: Apache-2.0 */
#include "cloudevent.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "../base/clock.h"
#include "../base/text.h"
#include "json.h"

enum {
    SCRATCH_MAX = 1 << 30, /* a value is never larger than an event */
    KEY_MAX = 1 << 20,
    SOURCE_MAX = 4096
};

/* Part of the format: the same key gives the same partitionkey in every run and every place. */
#define PARTITION_SEED UINT64_C(0x6d696c6c72616365)

enum rc cloudevent_writer_init(struct cloudevent_writer *writer, struct slice source_name,
                               struct error *err)
{
    buf_init(&writer->source, SOURCE_MAX);
    buf_init(&writer->scratch, SCRATCH_MAX);
    buf_init(&writer->key, KEY_MAX);
    /* `source` is a URI-reference (CloudEvents 1.0.2): anything but unreserved characters is
     * escaped. */
    buf_add_str(&writer->source, "urn:millrace:mysql:");
    for (size_t i = 0; i < source_name.len; i++) {
        uint8_t c = source_name.ptr[i];
        bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                     c == '-' || c == '.' || c == '_' || c == '~';
        if (plain)
            buf_add_byte(&writer->source, c);
        else
            buf_addf(&writer->source, "%%%02X", c);
    }
    return buf_check(&writer->source, "the name of the source", err);
}

void cloudevent_writer_deinit(struct cloudevent_writer *writer)
{
    buf_deinit(&writer->source);
    buf_deinit(&writer->scratch);
    buf_deinit(&writer->key);
}

static const char *event_type(enum change_kind kind)
{
    switch (kind) {
    case CHANGE_READ:
        return "io.millrace.mysql.row.read.v1";
    case CHANGE_INSERT:
        return "io.millrace.mysql.row.inserted.v1";
    case CHANGE_UPDATE:
        return "io.millrace.mysql.row.updated.v1";
    case CHANGE_DELETE:
        return "io.millrace.mysql.row.deleted.v1";
    case CHANGE_TRUNCATE:
        return "io.millrace.mysql.table.truncated.v1";
    case CHANGE_SCHEMA:
        return "io.millrace.mysql.schema.changed.v1";
    case CHANGE_UNKNOWN:
        return "io.millrace.mysql.rows.unknown.v1";
    case CHANGE_NONE:
    case CHANGE_COMMIT:
    case CHANGE_IDLE:
        break;
    }
    return NULL;
}

static const char *event_op(enum change_kind kind)
{
    switch (kind) {
    case CHANGE_READ:
        return "r";
    case CHANGE_INSERT:
        return "c";
    case CHANGE_UPDATE:
        return "u";
    case CHANGE_DELETE:
        return "d";
    case CHANGE_TRUNCATE:
        return "t";
    case CHANGE_SCHEMA:
    case CHANGE_UNKNOWN:
    case CHANGE_NONE:
    case CHANGE_COMMIT:
    case CHANGE_IDLE:
        break;
    }
    return NULL;
}

/* "binlog.000007" -> 7; a name without a number sorts as 0. */
static uint64_t file_number(struct slice file)
{
    size_t start = file.len;
    while (start > 0 && file.ptr[start - 1] >= '0' && file.ptr[start - 1] <= '9')
        start--;
    uint64_t number = 0;
    return text_parse_u64(slice_of(file.ptr + start, file.len - start), &number) ? number : 0;
}

/* An attribute whose value needs escaping: ,"name":"value" */
static void add_text(struct buf *out, const char *name, struct slice value)
{
    buf_add_str(out, ",\"");
    buf_add_str(out, name);
    buf_add_str(out, "\":");
    json_add_string(out, value);
}

static void add_hex(struct buf *out, uint64_t value, unsigned digits)
{
    static const char alphabet[] = "0123456789abcdef";
    uint8_t *to = buf_reserve(out, digits);
    if (to == NULL)
        return;
    for (unsigned i = digits; i > 0; i--) {
        to[i - 1] = (uint8_t)alphabet[value & 15];
        value >>= 4;
    }
    out->len += digits;
}

static void add_id(struct buf *out, const struct change *change)
{
    const struct txn *txn = change->txn;
    buf_add_str(out, "\"id\":\"");
    if (txn->gtid.len > 0) {
        buf_add_slice(out, txn->gtid);
    } else {
        buf_add_u64(out, txn->server_id);
        buf_add_byte(out, '/');
        json_add_escaped(out, txn->file);
        buf_add_byte(out, ':');
        buf_add_u64(out, txn->offset);
    }
    buf_add_byte(out, ':');
    buf_add_u64(out, change->ordinal);
    buf_add_byte(out, '"');
}

/* Generation, file number, transaction offset, ordinal: fixed width, so text order is stream order.
 */
static void add_sequence(struct buf *out, const struct change *change)
{
    const struct txn *txn = change->txn;
    buf_add_str(out, ",\"sequence\":\"");
    add_hex(out, txn->generation, 8);
    add_hex(out, file_number(txn->file), 8);
    add_hex(out, txn->offset, 16);
    add_hex(out, change->ordinal, 16);
    buf_add_byte(out, '"');
}

static const struct row *key_image(const struct change *change)
{
    return change->kind == CHANGE_DELETE ? &change->before : &change->after;
}

/* A keyed hash instead of the key itself: keys may be personal data, and attributes get logged.
 * Each part is its canonical text behind its length, so that ("a","bc") and ("ab","c") differ. */
static enum rc add_partition_key(struct cloudevent_writer *writer, struct buf *out,
                                 const struct change *change, struct error *err)
{
    const struct table *table = change->table;
    const struct row *row = key_image(change);
    if (table == NULL || table->key_count == 0 || !row_exists(row))
        return RC_OK;
    buf_reset(&writer->key);
    for (uint32_t i = 0; i < table->key_count; i++) {
        uint32_t index = table->key[i];
        const struct cell *cell = &row->cells[index];
        /* A minimal image of an UPDATE carries the key before, not after. */
        if (cell->state == CELL_ABSENT && row_exists(&change->before))
            cell = &change->before.cells[index];
        if (cell->state == CELL_ABSENT)
            return RC_OK;
        struct slice text = SLICE_EMPTY;
        buf_reset(&writer->scratch);
        if (cell->state == CELL_VALUE) {
            enum rc rc = cell_text(&table->columns[index], cell, &writer->scratch, &text, err);
            if (rc != RC_OK)
                return rc;
        }
        buf_add_u64(&writer->key, text.len);
        buf_add_byte(&writer->key, cell->state == CELL_VALUE ? ':' : 'n');
        buf_add_slice(&writer->key, text);
    }
    buf_add_str(out, ",\"partitionkey\":\"");
    add_hex(out, XXH3_64bits_withSeed(writer->key.ptr, writer->key.len, PARTITION_SEED), 16);
    buf_add_byte(out, '"');
    return buf_check(&writer->key, "the key of a row", err);
}

static enum rc add_image(struct cloudevent_writer *writer, struct buf *out,
                         const struct table *table, const struct row *row, struct error *err)
{
    if (!row_exists(row)) {
        buf_add_str(out, "null");
        return RC_OK;
    }
    char separator = '{';
    for (uint32_t i = 0; i < table->column_count; i++) {
        if (row->cells[i].state == CELL_ABSENT)
            continue;
        buf_add_byte(out, (uint8_t)separator);
        separator = ',';
        json_add_string(out, table->columns[i].name);
        buf_add_byte(out, ':');
        enum rc rc = json_add_cell(out, &table->columns[i], &row->cells[i], &writer->scratch, err);
        if (rc != RC_OK)
            return rc;
    }
    buf_add_str(out, separator == '{' ? "{}" : "}");
    return RC_OK;
}

static enum rc add_data(struct cloudevent_writer *writer, struct buf *out,
                        const struct change *change, struct error *err)
{
    if (change->kind == CHANGE_SCHEMA || change->kind == CHANGE_TRUNCATE ||
        change->kind == CHANGE_UNKNOWN) {
        buf_add_str(out, ",\"data\":{\"db\":");
        json_add_string(out, change->ddl_db);
        buf_add_str(out, ",\"statement\":");
        json_add_string(out, change->ddl);
        buf_add_byte(out, '}');
        return RC_OK;
    }
    buf_add_str(out, ",\"data\":{\"before\":");
    enum rc rc = add_image(writer, out, change->table, &change->before, err);
    if (rc != RC_OK)
        return rc;
    buf_add_str(out, ",\"after\":");
    rc = add_image(writer, out, change->table, &change->after, err);
    buf_add_byte(out, '}');
    return rc;
}

/* What the change is about: a table, or a database alone, or nothing that has a name. */
struct about {
    struct slice db;
    struct slice table;
};

static struct about about_of(const struct change *change)
{
    if (change->table != NULL)
        return (struct about){change->table->db, change->table->name};
    if (change->about_db.len > 0)
        return (struct about){change->about_db, change->about_table};
    return (struct about){change->ddl_db, SLICE_EMPTY};
}

static void add_subject(struct buf *out, const struct change *change)
{
    struct about about = about_of(change);
    if (about.table.len == 0) {
        if (about.db.len > 0)
            add_text(out, "subject", about.db);
        return;
    }
    buf_add_str(out, ",\"subject\":\"");
    json_add_escaped(out, about.db);
    buf_add_byte(out, '/');
    json_add_escaped(out, about.table);
    buf_add_byte(out, '"');
}

static void add_extensions(struct buf *out, const struct change *change)
{
    const struct txn *txn = change->txn;
    const char *op = event_op(change->kind);
    if (op != NULL)
        add_text(out, "cdcop", slice_str(op));
    struct about about = about_of(change);
    if (about.db.len > 0)
        add_text(out, "cdcdb", about.db);
    if (about.table.len > 0)
        add_text(out, "cdctable", about.table);
    if (txn->gtid.len > 0)
        add_text(out, "cdcgtid", txn->gtid);
    add_text(out, "cdcfile", txn->file);
    buf_add_str(out, ",\"cdcpos\":\"");
    buf_add_u64(out, change->event_offset);
    buf_add_str(out, "\",\"cdctxid\":\"");
    if (txn->gtid.len > 0) {
        buf_add_slice(out, txn->gtid);
    } else {
        json_add_escaped(out, txn->file);
        buf_add_byte(out, ':');
        buf_add_u64(out, txn->offset);
    }
    buf_add_byte(out, '"');
}

enum rc cloudevent_add(struct cloudevent_writer *writer, struct buf *out,
                       const struct change *change, struct error *err)
{
    const char *type = event_type(change->kind);
    if (type == NULL)
        return RC_OK;
    size_t start = out->len;
    buf_add_str(out, "{\"specversion\":\"1.0\",");
    add_id(out, change);
    add_text(out, "source", buf_slice(&writer->source));
    add_text(out, "type", slice_str(type));
    add_subject(out, change);
    buf_add_str(out, ",\"time\":\"");
    clock_add_rfc3339(out, change->txn->commit_time_us);
    buf_add_str(out, "\",\"datacontenttype\":\"application/json\"");
    add_sequence(out, change);
    enum rc rc = add_partition_key(writer, out, change, err);
    add_extensions(out, change);
    if (rc == RC_OK)
        rc = add_data(writer, out, change, err);
    buf_add_str(out, "}\n");
    if (rc == RC_OK)
        rc = buf_check(out, "an event", err);
    if (rc != RC_OK) {
        out->len = start;
        out->rc = RC_OK;
    }
    return rc;
}
