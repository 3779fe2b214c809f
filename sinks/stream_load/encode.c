/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Rows as JSON lines, written straight from the row view into the load body. Which encoding a
 * column has was decided by the dialect, once a table; here it is only carried out.
 */
#include "encode_int.h"
#include "json_check_int.h"

#include <stdio.h>

/* The longest text of one value: LONGTEXT and LONGBLOB end below this. */
#define SCRATCH_MAX ((size_t)4 << 30)

static struct slice build(struct arena *arena, struct buf *scratch)
{
    struct slice made = arena_copy(arena, buf_slice(scratch));
    buf_reset(scratch);
    return made;
}

static struct slice build_tail(struct arena *arena, struct buf *scratch, bool keyless,
                               const char *delete_column, char digit)
{
    if (!keyless) {
        buf_add_str(scratch, ",");
        json_add_string(scratch, slice_str(delete_column));
        buf_add_str(scratch, ":");
        buf_add_byte(scratch, (uint8_t)digit);
    }
    buf_add_str(scratch, "}\n");
    return build(arena, scratch);
}

enum rc encoder_init(struct encoder *encoder, const struct load_schema *schema,
                     const char *delete_column, enum load_zero_dates zero_dates,
                     struct arena *arena, struct error *err)
{
    const struct table *source = schema->source;
    ASSERT(source != NULL && source->column_count > 0);
    ASSERT(schema->keyless || schema->key_count > 0);
    *encoder = (struct encoder){.schema = schema, .zero_dates = zero_dates};
    buf_init(&encoder->scratch, SCRATCH_MAX);
    table_label(source, encoder->source, sizeof(encoder->source));
    encoder->prefixes = arena_alloc(arena, source->column_count * sizeof(struct slice));
    encoder->zero_date_told = arena_alloc(arena, source->column_count);
    bool complete = encoder->prefixes != NULL && encoder->zero_date_told != NULL;
    for (uint32_t i = 0; complete && i < source->column_count; i++) {
        buf_add_byte(&encoder->scratch, i == 0 ? '{' : ',');
        json_add_string(&encoder->scratch, schema->columns[i].target_name);
        buf_add_byte(&encoder->scratch, ':');
        encoder->prefixes[i] = build(arena, &encoder->scratch);
        complete = encoder->prefixes[i].ptr != NULL;
    }
    if (complete) {
        encoder->upsert_tail =
            build_tail(arena, &encoder->scratch, schema->keyless, delete_column, '0');
        encoder->delete_tail =
            build_tail(arena, &encoder->scratch, schema->keyless, delete_column, '1');
        complete = encoder->upsert_tail.ptr != NULL && encoder->delete_tail.ptr != NULL;
    }
    if (complete)
        return RC_OK;
    encoder_deinit(encoder);
    return error_set(err, RC_MEMORY, "There is no memory for the columns of table %s.",
                     encoder->source);
}

void encoder_deinit(struct encoder *encoder)
{
    buf_deinit(&encoder->scratch);
}

static unsigned two_digits(const uint8_t *p)
{
    return (unsigned)(p[0] - '0') * 10 + (unsigned)(p[1] - '0');
}

/* Whether a canonical date ("YYYY-MM-DD...") names a day of the calendar. MySQL also stores zero
 * dates, partial ones, and with ALLOW_INVALID_DATES the 31st of February. */
static bool is_real_date(struct slice text)
{
    static const uint8_t days[] = {31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    if (text.len < 10)
        return false;
    unsigned month = two_digits(text.ptr + 5);
    unsigned day = two_digits(text.ptr + 8);
    if (month < 1 || month > 12 || day < 1 || day > days[month - 1])
        return false;
    if (month != 2 || day < 29)
        return true;
    unsigned century = two_digits(text.ptr);
    unsigned year = two_digits(text.ptr + 2);
    return year % 4 == 0 && (year != 0 || century % 4 == 0);
}

static enum rc add_null(const struct encoder *encoder, uint32_t index, struct buf *out,
                        struct error *err)
{
    const struct load_column *column = &encoder->schema->columns[index];
    if (!column->target_nullable)
        return error_set(err, RC_REJECTED,
                         "Table %s holds NULL in column %.*s, but column %.*s of %.*s.%.*s may not "
                         "be NULL. Make the target column nullable.",
                         encoder->source, SLICE_ARG(encoder->schema->source->columns[index].name),
                         SLICE_ARG(column->target_name), SLICE_ARG(encoder->schema->db),
                         SLICE_ARG(encoder->schema->table));
    buf_add_str(out, "null");
    return RC_OK;
}

static enum rc add_date(struct encoder *encoder, uint32_t index, struct slice text, struct buf *out,
                        struct error *err)
{
    if (is_real_date(text)) {
        json_add_string(out, text);
        return RC_OK;
    }
    const struct slice name = encoder->schema->source->columns[index].name;
    bool nullable = encoder->schema->columns[index].target_nullable;
    if (encoder->zero_dates == LOAD_ZERO_DATES_ERROR || !nullable)
        return error_set(err, RC_REJECTED,
                         "Table %s holds the date %.*s in column %.*s; the target has no such "
                         "date%s. Mend the value at the source%s.",
                         encoder->source, SLICE_ARG(text), SLICE_ARG(name),
                         nullable ? "" : ", and its column may not be NULL",
                         nullable ? ", or let zero dates be loaded as NULL"
                                  : ", or make the target column nullable");
    if (!encoder->zero_date_told[index]) {
        encoder->zero_date_told[index] = true;
        log_warn("sink.load",
                 "A zero, partial or impossible date is loaded as NULL, because the target has no "
                 "such date. This is told once a column.",
                 LOG_STR("table", encoder->source), LOG_SLICE("column", name));
    }
    buf_add_str(out, "null");
    return RC_OK;
}

/* JSON text put in as it is. MariaDB keeps the user's own line breaks between its tokens, and a
 * line break would end the row; inside a JSON string there is none. */
static enum rc add_json_value(const struct encoder *encoder, uint32_t index, struct slice text,
                              struct buf *out, struct error *err)
{
    if (!json_check_value(text))
        return error_set(err, RC_REJECTED,
                         "Table %s holds a text in JSON column %.*s that is not JSON. Mend the "
                         "value at the source.",
                         encoder->source, SLICE_ARG(encoder->schema->source->columns[index].name));
    uint8_t *to = buf_reserve(out, text.len);
    if (to == NULL)
        return RC_OK; /* told at the end of the line */
    for (size_t i = 0; i < text.len; i++)
        to[i] = text.ptr[i] == '\n' || text.ptr[i] == '\r' ? ' ' : text.ptr[i];
    out->len += text.len;
    return RC_OK;
}

static enum rc add_geometry(struct slice bytes, struct buf *out, struct error *err)
{
    if (bytes.len < 4)
        return error_set(err, RC_CORRUPT,
                         "A geometry value has %zu bytes, too few for its reference system.",
                         bytes.len);
    buf_add_str(out, "\"{\\\"srid\\\":");
    buf_add_u64(out, load_u32le(bytes.ptr));
    buf_add_str(out, ",\\\"wkb\\\":\\\"");
    buf_add_base64(out, slice_of(bytes.ptr + 4, bytes.len - 4));
    buf_add_str(out, "\\\"}\"");
    return RC_OK;
}

static enum rc add_boolean(struct slice text, struct buf *out, struct error *err)
{
    if (text.len != 1 || (text.ptr[0] != '0' && text.ptr[0] != '1'))
        return error_set(err, RC_REJECTED, "The value %.*s does not fit a BOOLEAN.",
                         SLICE_ARG(text));
    if (text.ptr[0] == '1')
        buf_add_str(out, "true");
    else
        buf_add_str(out, "false");
    return RC_OK;
}

static enum rc add_value(struct encoder *encoder, uint32_t index, struct slice text,
                         struct buf *out, struct error *err)
{
    switch (encoder->schema->columns[index].encoding) {
    case LOAD_NUMBER:
        buf_add_slice(out, text);
        return RC_OK;
    case LOAD_STRING:
    case LOAD_JSON_STRING:
        json_add_string(out, text);
        return RC_OK;
    case LOAD_BASE64:
        buf_add_byte(out, '"');
        buf_add_base64(out, text);
        buf_add_byte(out, '"');
        return RC_OK;
    case LOAD_JSON_VALUE:
        return add_json_value(encoder, index, text, out, err);
    case LOAD_DATE:
        return add_date(encoder, index, text, out, err);
    case LOAD_BIT_BOOLEAN:
        return add_boolean(text, out, err);
    case LOAD_GEOMETRY:
        return add_geometry(text, out, err);
    }
    ASSERT(false && "a load encoding that is not in the list");
    return RC_UNSUPPORTED;
}

static enum rc absent_column(const struct encoder *encoder, uint32_t index, struct error *err)
{
    return error_set(err, RC_UNSUPPORTED,
                     "A row image of table %s does not carry column %.*s, so the whole row is not "
                     "known. Set binlog_row_image=FULL at the source server.",
                     encoder->source, SLICE_ARG(encoder->schema->source->columns[index].name));
}

static enum rc cell_failed(const struct encoder *encoder, uint32_t index, enum rc rc,
                           struct error *err)
{
    error_wrap(err, "Column %.*s of table %s",
               SLICE_ARG(encoder->schema->source->columns[index].name), encoder->source);
    return rc;
}

static enum rc add_line(struct encoder *encoder, const struct row *row, bool deleted,
                        struct buf *out, struct error *err)
{
    const struct table *source = encoder->schema->source;
    ASSERT(row_exists(row) && row->count == source->column_count);
    for (uint32_t i = 0; i < row->count; i++) {
        const struct cell *cell = &row->cells[i];
        buf_add_slice(out, encoder->prefixes[i]);
        if (cell->state == CELL_ABSENT)
            return absent_column(encoder, i, err);
        if (cell->state == CELL_NULL) {
            enum rc rc = add_null(encoder, i, out, err);
            if (rc != RC_OK)
                return rc;
            continue;
        }
        struct slice text;
        buf_reset(&encoder->scratch);
        enum rc rc = cell_text(&source->columns[i], cell, &encoder->scratch, &text, err);
        if (rc != RC_OK)
            return cell_failed(encoder, i, rc, err);
        rc = add_value(encoder, i, text, out, err);
        if (rc != RC_OK)
            return rc == RC_CORRUPT ? cell_failed(encoder, i, rc, err) : rc;
    }
    buf_add_slice(out, deleted ? encoder->delete_tail : encoder->upsert_tail);
    return RC_OK;
}

/* The key as bytes that are equal exactly when the key is: each column's canonical text behind its
 * length. */
static enum rc add_key(struct encoder *encoder, const struct row *row, struct buf *out,
                       struct error *err)
{
    const struct load_schema *schema = encoder->schema;
    for (uint32_t i = 0; i < schema->key_count; i++) {
        uint32_t index = schema->key[i];
        const struct cell *cell = &row->cells[index];
        uint8_t head[4];
        if (cell->state == CELL_ABSENT)
            return absent_column(encoder, index, err);
        if (cell->state == CELL_NULL) {
            /* No text is that long, so NULL is like no value. */
            store_u32le(head, UINT32_MAX);
            buf_add(out, head, sizeof(head));
            continue;
        }
        struct slice text;
        buf_reset(&encoder->scratch);
        enum rc rc =
            cell_text(&schema->source->columns[index], cell, &encoder->scratch, &text, err);
        if (rc != RC_OK)
            return cell_failed(encoder, index, rc, err);
        store_u32le(head, (uint32_t)text.len);
        buf_add(out, head, sizeof(head));
        buf_add_slice(out, text);
    }
    return RC_OK;
}

static enum rc draft_line(struct encoder *encoder, struct body *body, struct body_draft *draft,
                          const struct row *row, bool deleted, struct error *err)
{
    body_line_begin(body, draft);
    if (!encoder->schema->keyless) {
        enum rc rc = add_key(encoder, row, &body->keys, err);
        if (rc != RC_OK)
            return rc;
    }
    body_line_key_end(body, draft);
    enum rc rc = add_line(encoder, row, deleted, &body->data, err);
    if (rc != RC_OK)
        return rc;
    body_line_end(body, draft);
    rc = buf_check(&body->keys, "The key of a row", err);
    if (rc == RC_OK)
        rc = buf_check(&body->data, "The load body", err);
    return rc;
}

/* Compares the bytes as they came: where they are the same the keys are, and where they differ two
 * lines are always right, for lines of one key collapse. */
static bool key_moved(const struct load_schema *schema, const struct row *before,
                      const struct row *after)
{
    for (uint32_t i = 0; i < schema->key_count; i++) {
        const struct cell *a = &before->cells[schema->key[i]];
        const struct cell *b = &after->cells[schema->key[i]];
        if (a->state != b->state || a->len != b->len ||
            (a->state == CELL_VALUE && a->len > 0 && memcmp(a->ptr, b->ptr, a->len) != 0))
            return true;
    }
    return false;
}

static enum rc keyless_change(const struct encoder *encoder, enum change_kind kind,
                              struct error *err)
{
    return error_set(err, RC_UNSUPPORTED,
                     "Table %s has no key, so the %s of one of its rows cannot be carried to "
                     "%.*s.%.*s: which row it was cannot be told there. Give the table a primary "
                     "key, or leave it out of the pipeline.",
                     encoder->source, kind == CHANGE_UPDATE ? "update" : "deletion",
                     SLICE_ARG(encoder->schema->db), SLICE_ARG(encoder->schema->table));
}

static enum rc draft_change(struct encoder *encoder, struct body *body, struct body_draft *draft,
                            const struct change *change, struct error *err)
{
    const struct load_schema *schema = encoder->schema;
    switch (change->kind) {
    case CHANGE_READ:
    case CHANGE_INSERT:
        return draft_line(encoder, body, draft, &change->after, false, err);
    case CHANGE_UPDATE:
        if (schema->keyless)
            return keyless_change(encoder, change->kind, err);
        if (key_moved(schema, &change->before, &change->after)) {
            enum rc rc = draft_line(encoder, body, draft, &change->before, true, err);
            if (rc != RC_OK)
                return rc;
        }
        return draft_line(encoder, body, draft, &change->after, false, err);
    case CHANGE_DELETE:
        if (schema->keyless)
            return keyless_change(encoder, change->kind, err);
        return draft_line(encoder, body, draft, &change->before, true, err);
    case CHANGE_NONE:
    case CHANGE_TRUNCATE:
    case CHANGE_SCHEMA:
    case CHANGE_COMMIT:
    case CHANGE_IDLE:
        break;
    }
    ASSERT(false && "a change that has no rows");
    return RC_UNSUPPORTED;
}

enum rc encoder_draft(struct encoder *encoder, struct body *body, struct body_draft *draft,
                      const struct change *change, struct error *err)
{
    body_draft_begin(body, draft);
    enum rc rc = draft_change(encoder, body, draft, change, err);
    /* A value that is larger than the scratch or the buffer may show first as a failed line. */
    if (rc != RC_OK)
        body_draft_drop(body, draft);
    return rc;
}
