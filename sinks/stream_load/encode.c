/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Values as JSON, written straight from the row view into the load body. Which encoding a column
 * has was decided by the dialect, once a table; here it is only carried out.
 */
#include "column_set_int.h"
#include "encode_int.h"
#include "json_check_int.h"

#include <stdio.h>

/* The longest text of one value: LONGTEXT and LONGBLOB end below this. */
#define SCRATCH_MAX ((size_t)4 << 30)

enum { GEOMETRY_SRID = 4 }; /* bytes before the shape itself */

static struct slice build(struct arena *arena, struct buf *scratch)
{
    struct slice made = arena_copy(arena, buf_slice(scratch));
    buf_reset(scratch);
    return made;
}

/* With bytes behind it for buf_add_padded. */
static struct slice build_padded(struct arena *arena, struct buf *scratch)
{
    static const uint8_t padding[BUF_STEP];
    size_t len = scratch->len;
    buf_add(scratch, padding, sizeof(padding));
    struct slice made = build(arena, scratch);
    return slice_of(made.ptr, made.ptr == NULL ? 0 : len);
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
    return build_padded(arena, scratch);
}

/* The bytes that a text may have in a target column: of VARCHAR(80) and CHAR(80), 80. STRING, and
 * what is no text, sets no bound that is known here. */
static uint64_t text_limit(struct slice type)
{
    bool bounded =
        slice_starts_nocase(type, SLICE("VARCHAR(")) || slice_starts_nocase(type, SLICE("CHAR("));
    const uint8_t *open = bounded ? memchr(type.ptr, '(', type.len) : NULL;
    const uint8_t *close = bounded ? memchr(type.ptr, ')', type.len) : NULL;
    uint64_t limit;
    if (open == NULL || close == NULL || close < open ||
        !text_parse_u64(slice_of(open + 1, (size_t)(close - open) - 1), &limit))
        return UINT64_MAX;
    return limit;
}

/* The encodings that are not here look at the text. */
static struct short_way short_way(const struct column *column, const struct load_column *target,
                                  size_t prefix_len)
{
    enum load_encoding encoding = target->encoding;
    struct short_way way = {
        .column = column, .is_date = encoding == LOAD_DATE, .takes_null = target->target_nullable};
    if (prefix_len > BUF_STEP)
        return way;
    if (encoding == LOAD_STRING && column->ascii_is_text)
        way.form = JSON_PUT_TEXT;
    else if (encoding == LOAD_NUMBER && column->put != NULL)
        way.form = JSON_PUT_BARE;
    else if ((encoding == LOAD_STRING || encoding == LOAD_DATE) && column->put != NULL)
        way.form = JSON_PUT_QUOTED;
    return way;
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
    encoder->text_max = arena_alloc(arena, source->column_count * sizeof(uint64_t));
    encoder->ways = arena_alloc(arena, source->column_count * sizeof(*encoder->ways));
    encoder->pieces = arena_alloc(arena, source->column_count * sizeof(struct line_piece));
    encoder->set = arena_alloc(arena, column_set_size(schema));
    bool complete = encoder->prefixes != NULL && encoder->zero_date_told != NULL &&
                    encoder->text_max != NULL && encoder->ways != NULL && encoder->pieces != NULL &&
                    encoder->set != NULL;
    for (uint32_t i = 0; complete && i < source->column_count; i++) {
        buf_add_byte(&encoder->scratch, i == 0 ? '{' : ',');
        json_add_string(&encoder->scratch, schema->columns[i].target_name);
        buf_add_byte(&encoder->scratch, ':');
        encoder->prefixes[i] = build_padded(arena, &encoder->scratch);
        encoder->text_max[i] = text_limit(schema->columns[i].target_type);
        encoder->ways[i] =
            short_way(&source->columns[i], &schema->columns[i], encoder->prefixes[i].len);
        encoder->has_unseen = encoder->has_unseen || source->columns[i].changes_unseen;
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

/* MySQL also stores zero dates, partial ones, and with ALLOW_INVALID_DATES the 31st of February. */
bool encoder_date_is_real(struct slice text)
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
    if (!column->target_nullable && !encoder->as_it_is)
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
    if (encoder_date_is_real(text) || encoder->as_it_is) {
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
    bool is_json = json_check_value(text);
    if (!is_json && encoder->as_it_is) {
        json_add_string(out, text);
        return RC_OK;
    }
    if (!is_json)
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
    if (bytes.len < GEOMETRY_SRID)
        return error_set(err, RC_CORRUPT,
                         "A geometry value has %zu bytes, too few for its reference system.",
                         bytes.len);
    buf_add_str(out, "\"{\\\"srid\\\":");
    buf_add_u64(out, load_u32le(bytes.ptr));
    buf_add_str(out, ",\\\"wkb\\\":\\\"");
    buf_add_base64(out, slice_of(bytes.ptr + GEOMETRY_SRID, bytes.len - GEOMETRY_SRID));
    buf_add_str(out, "\\\"}\"");
    return RC_OK;
}

static enum rc add_boolean(const struct encoder *encoder, struct slice text, struct buf *out,
                           struct error *err)
{
    if (encoder->as_it_is) {
        buf_add_slice(out, text);
        return RC_OK;
    }
    if (text.len != 1 || (text.ptr[0] != '0' && text.ptr[0] != '1'))
        return error_set(err, RC_REJECTED, "The value %.*s does not fit a BOOLEAN.",
                         SLICE_ARG(text));
    if (text.ptr[0] == '1')
        buf_add_str(out, "true");
    else
        buf_add_str(out, "false");
    return RC_OK;
}

static uint64_t base64_bytes(uint64_t bytes)
{
    return (bytes + 2) / 3 * 4;
}

/* How many bytes the target will count; JSON's escapes are not among them. */
static uint64_t text_bytes(enum load_encoding encoding, struct slice text)
{
    switch (encoding) {
    case LOAD_STRING:
    case LOAD_JSON_STRING:
        return text.len;
    case LOAD_BASE64:
        return base64_bytes(text.len);
    case LOAD_GEOMETRY: {
        uint8_t digits[20];
        if (text.len < GEOMETRY_SRID)
            return 0; /* refused where it is written */
        return sizeof("{\"srid\":,\"wkb\":\"\"}") - 1 + text_u64(digits, load_u32le(text.ptr)) +
               base64_bytes(text.len - GEOMETRY_SRID);
    }
    default:
        return 0;
    }
}

/* The server would refuse the load and say how many rows it filtered; here the row can be told. */
static enum rc check_text_fits(const struct encoder *encoder, uint32_t index, struct slice text,
                               struct error *err)
{
    const struct load_column *column = &encoder->schema->columns[index];
    uint64_t bytes = text_bytes(column->encoding, text);
    if (bytes <= encoder->text_max[index] || encoder->as_it_is)
        return RC_OK;
    return error_set(err, RC_REJECTED,
                     "Table %s holds a value of %llu bytes in column %.*s, but column %.*s of "
                     "%.*s.%.*s is %.*s and takes %llu bytes. Widen the target column, or shorten "
                     "the value at the source.",
                     encoder->source, (unsigned long long)bytes,
                     SLICE_ARG(encoder->schema->source->columns[index].name),
                     SLICE_ARG(column->target_name), SLICE_ARG(encoder->schema->db),
                     SLICE_ARG(encoder->schema->table), SLICE_ARG(column->target_type),
                     (unsigned long long)encoder->text_max[index]);
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
        return add_boolean(encoder, text, out, err);
    case LOAD_GEOMETRY:
        return add_geometry(text, out, err);
    }
    ASSERT(false && "a load encoding that is not in the list");
    return RC_UNSUPPORTED;
}

static enum rc cell_failed(const struct encoder *encoder, uint32_t index, enum rc rc,
                           struct error *err)
{
    error_wrap(err, "Column %.*s of table %s",
               SLICE_ARG(encoder->schema->source->columns[index].name), encoder->source);
    return rc;
}

static inline enum rc read_text(struct encoder *encoder, uint32_t index, const struct cell *cell,
                                struct slice *text, struct error *err)
{
    buf_reset(&encoder->scratch);
    enum rc rc =
        cell_text(&encoder->schema->source->columns[index], cell, &encoder->scratch, text, err);
    return rc == RC_OK ? rc : cell_failed(encoder, index, rc, err);
}

enum rc encoder_cell_text(struct encoder *encoder, uint32_t index, const struct cell *cell,
                          struct slice *text, struct error *err)
{
    return read_text(encoder, index, cell, text, err);
}

static inline enum rc add_text(struct encoder *encoder, uint32_t index, struct slice text,
                               struct buf *out, struct error *err)
{
    enum rc rc = check_text_fits(encoder, index, text, err);
    if (rc == RC_OK)
        rc = add_value(encoder, index, text, out, err);
    return rc == RC_CORRUPT ? cell_failed(encoder, index, rc, err) : rc;
}

/* A short text behind its name, written where it will stay; false: nothing was written, for it is not
 * one, or not one that the target takes as it is. */
static inline bool put_short(const struct encoder *encoder, uint32_t index, const struct cell *cell,
                             struct buf *out)
{
    enum { QUOTES = 2 };
    const struct short_way *way = &encoder->ways[index];
    if (way->form == JSON_PUT_NONE || cell->state == CELL_ABSENT)
        return false;
    uint8_t *to = buf_reserve(out, BUF_STEP + JSON_PUT_MAX);
    if (to == NULL)
        return true; /* told at the end of the line */
    struct slice prefix = encoder->prefixes[index];
    memcpy(to, prefix.ptr, BUF_STEP);
    to += prefix.len;
    if (cell->state == CELL_NULL) {
        memcpy(to, "null", 4);
        out->len += way->takes_null ? prefix.len + 4 : 0;
        return way->takes_null;
    }
    size_t len = json_put(way->column, slice_of(cell->ptr, cell->len), way->form, to);
    if (len == 0)
        return false;
    if (way->form != JSON_PUT_BARE && len - QUOTES > encoder->text_max[index])
        return false;
    if (way->is_date && !encoder_date_is_real(slice_of(to + 1, len - QUOTES)))
        return false;
    out->len += prefix.len + len;
    return true;
}

static inline enum rc add_cell(struct encoder *encoder, uint32_t index, const struct cell *cell,
                               struct buf *out, struct error *err)
{
    if (cell->state == CELL_NULL)
        return add_null(encoder, index, out, err);
    if (encoder->schema->columns[index].encoding == LOAD_STRING &&
        encoder->schema->source->columns[index].ascii_is_text &&
        cell->len <= encoder->text_max[index] &&
        json_add_plain(out, slice_of(cell->ptr, cell->len)))
        return RC_OK;
    struct slice text;
    enum rc rc = read_text(encoder, index, cell, &text, err);
    return rc == RC_OK ? add_text(encoder, index, text, out, err) : rc;
}

static enum rc add_default(struct encoder *encoder, uint32_t index, struct buf *out,
                           struct error *err)
{
    struct slice text = encoder->schema->source->columns[index].default_value;
    return text.ptr == NULL ? add_null(encoder, index, out, err)
                            : add_text(encoder, index, text, out, err);
}

enum rc encoder_add_cell(struct encoder *encoder, uint32_t index, const struct cell *cell,
                         struct buf *out, struct error *err)
{
    ASSERT(cell->state != CELL_ABSENT);
    return add_cell(encoder, index, cell, out, err);
}

/* A value of a deleted row that the image does not carry. Nobody will see it, but the target checks
 * it all the same: NULL, or what its column takes (facts/doris.md 4, facts/starrocks.md 4). */
static void add_filler(const struct load_column *column, struct buf *out)
{
    static const char *const fillers[] = {
        [LOAD_NUMBER] = "0",          [LOAD_STRING] = "\"\"",        [LOAD_BASE64] = "\"\"",
        [LOAD_JSON_VALUE] = "[]",     [LOAD_JSON_STRING] = "\"[]\"", [LOAD_DATE] = "\"2000-01-01\"",
        [LOAD_BIT_BOOLEAN] = "false", [LOAD_GEOMETRY] = "\"\""};
    const char *filler = fillers[column->encoding];
    if (column->target_nullable)
        filler = "null";
    else if (slice_starts_nocase(column->target_type, SLICE("IPV4")))
        filler = "\"0.0.0.0\"";
    else if (slice_starts_nocase(column->target_type, SLICE("IPV6")))
        filler = "\"::\"";
    buf_add_str(out, filler);
}

static bool is_key(const struct load_schema *schema, uint32_t index)
{
    for (uint32_t k = 0; k < schema->key_count; k++)
        if (schema->key[k] == index)
            return true;
    return false;
}

enum rc encoder_add_line(struct encoder *encoder, const struct row_image *image, bool deleted,
                         struct buf *out, struct error *err)
{
    uint32_t count = encoder->schema->source->column_count;
    ASSERT(row_exists(image->row) && image->row->count == count);
    for (uint32_t i = 0; i < count; i++) {
        const struct cell *cell = row_image_cell(image, i);
        if (put_short(encoder, i, cell, out))
            continue;
        buf_add_padded(out, encoder->prefixes[i]);
        bool absent = cell->state == CELL_ABSENT;
        if (absent && deleted) {
            add_filler(&encoder->schema->columns[i], out);
            continue;
        }
        if (absent && !row_image_has_default(image, &encoder->schema->source->columns[i]))
            return RC_AGAIN;
        size_t start = out->len;
        enum rc rc =
            absent ? add_default(encoder, i, out, err) : add_cell(encoder, i, cell, out, err);
        if (rc == RC_REJECTED && deleted && !is_key(encoder->schema, i)) {
            /* What the target could not hold goes; that it could not must not keep the row. */
            out->len = start;
            error_clear(err);
            add_filler(&encoder->schema->columns[i], out);
            rc = RC_OK;
        }
        if (rc != RC_OK)
            return rc;
    }
    buf_add_padded(out, deleted ? encoder->delete_tail : encoder->upsert_tail);
    return RC_OK;
}
