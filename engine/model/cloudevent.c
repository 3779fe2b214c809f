/* SPDX-License-Identifier: Apache-2.0 */
#include "cloudevent.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

#include <stdlib.h>

#include "../base/clock.h"
#include "../base/text.h"
#include "event_table_int.h"
#include "json.h"

enum {
    SCRATCH_MAX = 1 << 30, /* a value is never larger than an event */
    KEY_MAX = 1 << 20,
    SOURCE_MAX = 4096,
    ENVELOPE_MAX = 1 << 20,
    TABLES = 64 /* whose names are kept escaped; a power of two */
};

/* Part of the format: the same key gives the same partitionkey in every run and every place. */
#define PARTITION_SEED UINT64_C(0x6d696c6c72616365)
#define PARTITION_KEY ",\"partitionkey\":\""
enum { PARTITION_KEY_LEN = sizeof(PARTITION_KEY) + 16 };

enum rc cloudevent_writer_init(struct cloudevent_writer *writer, struct slice source_name,
                               struct error *err)
{
    *writer = (struct cloudevent_writer){0};
    buf_init(&writer->source, SOURCE_MAX);
    buf_init(&writer->scratch, SCRATCH_MAX);
    buf_init(&writer->key, KEY_MAX);
    buf_init(&writer->envelope.txn_text, ENVELOPE_MAX);
    buf_init(&writer->envelope.text, ENVELOPE_MAX);
    writer->tables = calloc(TABLES, sizeof(*writer->tables));
    if (writer->tables == NULL)
        return error_set(err, RC_MEMORY, "There is no memory for the names of tables.");
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
    buf_deinit(&writer->envelope.txn_text);
    buf_deinit(&writer->envelope.text);
    for (unsigned i = 0; writer->tables != NULL && i < TABLES; i++)
        event_table_deinit(&writer->tables[i]);
    free(writer->tables);
    writer->tables = NULL;
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

/* Sixteen digits at once, without naming a machine's instructions: gcc and clang make SSE2 or NEON of it. */
typedef uint8_t block_of_digits __attribute__((vector_size(16)));

static void put_hex16(uint8_t *to, uint64_t value)
{
    enum { TEN = 10, TO_LETTERS = 'a' - '0' - TEN };
    const uint64_t low_halves = UINT64_C(0x0f0f0f0f0f0f0f0f);
    uint64_t bytes = __builtin_bswap64(value);
    block_of_digits upper = {0};
    block_of_digits lower = {0};
    uint64_t halves[2] = {bytes >> 4 & low_halves, bytes & low_halves};
    memcpy(&upper, &halves[0], sizeof(halves[0]));
    memcpy(&lower, &halves[1], sizeof(halves[1]));
    block_of_digits digits = __builtin_shufflevector(upper, lower, 0, 16, 1, 17, 2, 18, 3, 19, 4,
                                                     20, 5, 21, 6, 22, 7, 23);
    digits += '0' + ((block_of_digits)(digits >= TEN) & TO_LETTERS);
    memcpy(to, &digits, sizeof(digits));
}

/* --- the envelope: what rows of one event share --- */

/* An id up to the ordinal. */
static void add_id(struct buf *out, const struct txn *txn)
{
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
}

/* Generation, file number, transaction offset; the ordinal follows. All of fixed width, so text order is
 * stream order. */
static void add_sequence(struct buf *out, const struct txn *txn)
{
    enum { DIGITS = 32 };
    buf_add_str(out, ",\"sequence\":\"");
    uint8_t *to = buf_reserve(out, DIGITS);
    if (to == NULL)
        return;
    put_hex16(to, (uint64_t)txn->generation << 32 | (uint32_t)file_number(txn->file));
    put_hex16(to + 16, txn->offset);
    out->len += DIGITS;
}

/* What a change without a known table is about: a table by name, or a database alone, or nothing that
 * has a name. */
struct about {
    struct slice db;
    struct slice table;
};

static struct about about_of(const struct change *change)
{
    if (change->about_db.len > 0)
        return (struct about){change->about_db, change->about_table};
    return (struct about){change->ddl_db, SLICE_EMPTY};
}

static void add_subject_of(struct buf *out, struct about about)
{
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

static void add_names_of(struct buf *out, struct about about)
{
    if (about.db.len > 0)
        add_text(out, "cdcdb", about.db);
    if (about.table.len > 0)
        add_text(out, "cdctable", about.table);
}

static void add_extensions(struct buf *out, const struct change *change,
                           const struct event_table *names)
{
    const struct txn *txn = change->txn;
    const char *op = event_op(change->kind);
    if (op != NULL)
        add_text(out, "cdcop", slice_str(op));
    if (names != NULL)
        buf_add(out, names->text.ptr + names->names_offset, names->names_len);
    else
        add_names_of(out, about_of(change));
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

static bool envelope_fits(const struct cloudevent_envelope *envelope, const struct change *change)
{
    const struct txn *txn = change->txn;
    const struct buf *text = &envelope->txn_text;
    return envelope->kind == change->kind && envelope->table == change->table &&
           envelope->event_offset == change->event_offset && envelope->txn_offset == txn->offset &&
           envelope->commit_time_us == txn->commit_time_us &&
           envelope->server_id == txn->server_id && envelope->generation == txn->generation &&
           text->len == txn->gtid.len + txn->file.len &&
           slice_equal(slice_of(text->ptr, txn->gtid.len), txn->gtid) &&
           slice_equal(slice_of(text->ptr + txn->gtid.len, txn->file.len), txn->file);
}

/* Statements have an envelope of their own each: their subject is not a table's alone. */
static enum rc envelope_make(struct cloudevent_writer *writer, const struct change *change,
                             const struct event_table *names, struct error *err)
{
    struct cloudevent_envelope *envelope = &writer->envelope;
    const struct txn *txn = change->txn;
    struct buf *out = &envelope->text;
    buf_reset(out);
    buf_add_str(out, "{\"specversion\":\"1.0\",");
    add_id(out, txn);
    envelope->sequence_part = out->len;
    buf_add_byte(out, '"');
    add_text(out, "source", buf_slice(&writer->source));
    add_text(out, "type", slice_str(event_type(change->kind)));
    if (names != NULL)
        buf_add(out, names->text.ptr, names->names_offset);
    else
        add_subject_of(out, about_of(change));
    buf_add_str(out, ",\"time\":\"");
    clock_add_rfc3339(out, txn->commit_time_us);
    buf_add_str(out, "\",\"datacontenttype\":\"application/json\"");
    add_sequence(out, txn);
    envelope->data_part = out->len;
    add_extensions(out, change, names);
    buf_add_str(out, change_is_row(change) ? ",\"data\":{\"before\":" : ",\"data\":{\"db\":");
    buf_reset(&envelope->txn_text);
    buf_add_slice(&envelope->txn_text, txn->gtid);
    buf_add_slice(&envelope->txn_text, txn->file);
    envelope->kind = CHANGE_NONE;
    enum rc rc = buf_check(out, "the envelope of an event", err);
    if (rc == RC_OK)
        rc = buf_check(&envelope->txn_text, "the names of a transaction", err);
    if (rc != RC_OK || !change_is_row(change))
        return rc;
    envelope->kind = change->kind;
    envelope->table = change->table;
    envelope->event_offset = change->event_offset;
    envelope->txn_offset = txn->offset;
    envelope->commit_time_us = txn->commit_time_us;
    envelope->server_id = txn->server_id;
    envelope->generation = txn->generation;
    return RC_OK;
}

/* The escaped names of the change's table; NULL where it has none. */
static enum rc find_names(struct cloudevent_writer *writer, const struct table *table,
                          const struct event_table **names, struct error *err)
{
    *names = NULL;
    if (table == NULL)
        return RC_OK;
    uint64_t spread = (uint64_t)(uintptr_t)table * UINT64_C(0x9e3779b97f4a7c15);
    struct event_table *entry = &writer->tables[spread >> 32 & (TABLES - 1)];
    *names = entry;
    return entry->table == table ? RC_OK : event_table_fill(entry, table, err);
}

/* --- the row --- */

static const struct row *key_image(const struct change *change)
{
    return change->kind == CHANGE_DELETE ? &change->before : &change->after;
}

/* A part of the key that the column can put down at once; false: it is not such a one. */
static inline bool put_key_part(struct buf *key, const struct column *column,
                                const struct cell *cell)
{
    enum { LENGTH = 2 }; /* a digit and ':'; a second digit moves the text */
    uint8_t *to = column->put != NULL ? buf_reserve(key, LENGTH + 1 + COLUMN_PUT_MAX) : NULL;
    if (to == NULL || cell->state != CELL_VALUE)
        return false;
    unsigned len = column->put(column, slice_of(cell->ptr, cell->len), to + LENGTH);
    if (len == 0)
        return false;
    if (len < 10) {
        to[0] = (uint8_t)('0' + len);
    } else {
        memmove(to + LENGTH + 1, to + LENGTH, len);
        text_two_digits(to, len);
        to++;
        key->len++;
    }
    to[1] = ':';
    key->len += LENGTH + len;
    return true;
}

/* A part of the key is its canonical text behind its length, so that ("a","bc") and ("ab","c") differ. */
static enum rc add_key_part(struct cloudevent_writer *writer, const struct column *column,
                            const struct cell *cell, struct error *err)
{
    struct slice text = SLICE_EMPTY;
    if (put_key_part(&writer->key, column, cell))
        return RC_OK;
    buf_reset(&writer->scratch);
    if (cell->state == CELL_VALUE) {
        enum rc rc = cell_text(column, cell, &writer->scratch, &text, err);
        if (rc != RC_OK)
            return rc;
    }
    buf_add_u64(&writer->key, text.len);
    buf_add_byte(&writer->key, cell->state == CELL_VALUE ? ':' : 'n');
    buf_add_slice(&writer->key, text);
    return RC_OK;
}

/* The attribute at `to`, where PARTITION_KEY_LEN bytes are free; `*len` is 0 where there is no key. A
 * keyed hash instead of the key itself: keys may be personal data, and attributes get logged. */
static enum rc put_partition_key(struct cloudevent_writer *writer, const struct change *change,
                                 uint8_t *to, size_t *len, struct error *err)
{
    const struct table *table = change->table;
    const struct row *row = key_image(change);
    *len = 0;
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
        enum rc rc = add_key_part(writer, &table->columns[index], cell, err);
        if (rc != RC_OK)
            return rc;
    }
    enum { DIGITS_AT = sizeof(PARTITION_KEY) - 1, DIGITS = 16 };
    memcpy(to, PARTITION_KEY, DIGITS_AT);
    put_hex16(to + DIGITS_AT,
              XXH3_64bits_withSeed(writer->key.ptr, writer->key.len, PARTITION_SEED));
    to[DIGITS_AT + DIGITS] = '"';
    *len = PARTITION_KEY_LEN;
    return buf_check(&writer->key, "the key of a row", err);
}

/* What was written up to `to` is the buffer's; NULL: nothing was. */
static inline void leave_at(struct buf *out, const uint8_t *to)
{
    if (to != NULL)
        out->len = (size_t)(to - out->ptr);
}

static enum rc add_image(struct cloudevent_writer *writer, const struct event_table *names,
                         const struct row *row, struct buf *out, struct error *err)
{
    if (!row_exists(row)) {
        buf_add_str(out, "null");
        return RC_OK;
    }
    size_t start = out->len;
    const struct column *column = names->table->columns;
    const struct event_key *key = names->keys;
    const struct cell *end = row->cells + names->table->column_count;
    /* The place is a local, brought back to the buffer where another function needs it there: the bytes
     * that are written could be the buffer's own length, for all that the compiler knows. */
    uint8_t *to = NULL;
    const uint8_t *room_end = NULL;
    for (const struct cell *cell = row->cells; cell < end; cell++, column++, key++) {
        if (cell->state == CELL_ABSENT)
            continue;
        if ((size_t)(room_end - to) < EVENT_CELL_MAX) {
            leave_at(out, to);
            to = buf_reserve(out, EVENT_CELL_MAX);
            if (to == NULL)
                return RC_OK; /* told at the end */
            room_end = out->ptr + out->cap;
        }
        size_t len = event_table_put(key, names->text.ptr, column, cell, to);
        to += len;
        if (len > 0)
            continue;
        leave_at(out, to);
        to = NULL;
        room_end = NULL;
        event_table_add_key(names, key, out);
        enum rc rc = json_add_cell(out, column, cell, &writer->scratch, err);
        if (rc != RC_OK)
            return rc;
    }
    leave_at(out, to);
    if (out->rc != RC_OK)
        return RC_OK; /* told at the end */
    if (out->len == start)
        buf_add_byte(out, '{');
    else
        out->ptr[start] = '{'; /* where the first key has its comma */
    buf_add_byte(out, '}');
    return RC_OK;
}

static enum rc add_data(struct cloudevent_writer *writer, const struct event_table *names,
                        const struct change *change, struct buf *out, struct error *err)
{
    if (!change_is_row(change)) {
        json_add_string(out, change->ddl_db);
        buf_add_str(out, ",\"statement\":");
        json_add_string(out, change->ddl);
        buf_add_byte(out, '}');
        return RC_OK;
    }
    enum rc rc = add_image(writer, names, &change->before, out, err);
    if (rc != RC_OK)
        return rc;
    buf_add_str(out, ",\"after\":");
    rc = add_image(writer, names, &change->after, out, err);
    buf_add_byte(out, '}');
    return rc;
}

static inline uint8_t *put(uint8_t *to, const uint8_t *from, size_t len)
{
    memcpy(to, from, len);
    return to + len;
}

/* Everything up to the data: the envelope's three parts, and between them what is the row's own. */
static enum rc add_envelope(struct cloudevent_writer *writer, struct buf *out,
                            const struct change *change, struct error *err)
{
    enum { OWN_MAX = 20 + 16 + 1 + PARTITION_KEY_LEN }; /* two ordinals, a quote, the key */
    const struct cloudevent_envelope *envelope = &writer->envelope;
    const uint8_t *text = envelope->text.ptr;
    uint8_t *start = buf_reserve(out, envelope->text.len + OWN_MAX);
    if (start == NULL)
        return RC_OK; /* told at the end */
    uint8_t *to = put(start, text, envelope->sequence_part);
    to += text_u64(to, change->ordinal);
    to = put(to, text + envelope->sequence_part, envelope->data_part - envelope->sequence_part);
    put_hex16(to, change->ordinal);
    to[16] = '"';
    to += 17;
    size_t key_len;
    enum rc rc = put_partition_key(writer, change, to, &key_len, err);
    to = put(to + key_len, text + envelope->data_part, envelope->text.len - envelope->data_part);
    out->len += (size_t)(to - start);
    return rc;
}

static enum rc add_event(struct cloudevent_writer *writer, struct buf *out,
                         const struct change *change, struct error *err)
{
    const struct event_table *names;
    enum rc rc = find_names(writer, change->table, &names, err);
    if (rc == RC_OK && !envelope_fits(&writer->envelope, change))
        rc = envelope_make(writer, change, names, err);
    if (rc == RC_OK)
        rc = add_envelope(writer, out, change, err);
    if (rc == RC_OK)
        rc = add_data(writer, names, change, out, err);
    buf_add_str(out, "}\n");
    return rc == RC_OK ? buf_check(out, "an event", err) : rc;
}

enum rc cloudevent_add(struct cloudevent_writer *writer, struct buf *out,
                       const struct change *change, struct error *err)
{
    if (event_type(change->kind) == NULL)
        return RC_OK;
    size_t start = out->len;
    enum rc rc = add_event(writer, out, change, err);
    if (rc != RC_OK) {
        out->len = start;
        out->rc = RC_OK;
    }
    return rc;
}
