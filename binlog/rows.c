/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The walk over rows. What runs per column knows a cell only by its layout: a fixed size, or a length prefix
 * and as many bytes. Two loops: one for row images that have every column, as nearly all do, and one for
 * those that lack some and for rows that are only passed over.
 */
#include "rows_int.h"

struct rows_type rows_type_of(uint8_t event_type)
{
    switch (event_type) {
    case EVENT_WRITE_ROWS_V1:
        return (struct rows_type){.kind = ROWS_INSERT};
    case EVENT_UPDATE_ROWS_V1:
        return (struct rows_type){.kind = ROWS_UPDATE};
    case EVENT_DELETE_ROWS_V1:
        return (struct rows_type){.kind = ROWS_DELETE};
    case EVENT_WRITE_ROWS:
        return (struct rows_type){.kind = ROWS_INSERT, .v2 = true};
    case EVENT_UPDATE_ROWS:
        return (struct rows_type){.kind = ROWS_UPDATE, .v2 = true};
    case EVENT_DELETE_ROWS:
        return (struct rows_type){.kind = ROWS_DELETE, .v2 = true};
    case EVENT_PARTIAL_UPDATE_ROWS:
        return (struct rows_type){.kind = ROWS_UPDATE, .v2 = true, .partial = true};
    case EVENT_MARIADB_WRITE_ROWS_COMPRESSED_V1:
        return (struct rows_type){.kind = ROWS_INSERT, .compressed = true};
    case EVENT_MARIADB_UPDATE_ROWS_COMPRESSED_V1:
        return (struct rows_type){.kind = ROWS_UPDATE, .compressed = true};
    case EVENT_MARIADB_DELETE_ROWS_COMPRESSED_V1:
        return (struct rows_type){.kind = ROWS_DELETE, .compressed = true};
    case EVENT_MARIADB_WRITE_ROWS_COMPRESSED:
        return (struct rows_type){.kind = ROWS_INSERT, .v2 = true, .compressed = true};
    case EVENT_MARIADB_UPDATE_ROWS_COMPRESSED:
        return (struct rows_type){.kind = ROWS_UPDATE, .v2 = true, .compressed = true};
    case EVENT_MARIADB_DELETE_ROWS_COMPRESSED:
        return (struct rows_type){.kind = ROWS_DELETE, .v2 = true, .compressed = true};
    default:
        return (struct rows_type){.kind = ROWS_NONE};
    }
}

/* What follows the table id and the flags. False: it is cut off, or cannot be. */
static bool read_head(struct cursor *cursor, struct rows_head *head)
{
    if (head->type.v2) {
        uint16_t extra = cursor_u16(cursor); /* its own two bytes are part of it */
        cursor_take(cursor, extra < 2 ? UINT64_MAX : extra - 2u);
    }
    uint64_t width = cursor_lenenc(cursor);
    if (cursor->failed || width > TABLE_MAP_COLUMNS_MAX)
        return false;
    head->width = (uint32_t)width;
    unsigned images = head->type.kind == ROWS_UPDATE ? 2 : 1;
    for (unsigned i = 0; i < images; i++)
        head->present[i] = cursor_take(cursor, (width + 7) / 8);
    head->rows = cursor_rest(cursor);
    return !cursor->failed;
}

enum rc rows_head_parse(struct slice body, uint8_t event_type, const struct event_format *format,
                        struct rows_head *head, struct error *err)
{
    struct cursor cursor = cursor_of(body);
    *head = (struct rows_head){.type = rows_type_of(event_type)};
    ASSERT(head->type.kind != ROWS_NONE);
    head->table_id = cursor_uint(&cursor, format->short_table_ids ? 4 : 6);
    cursor_take(&cursor, 2);
    bool has_id = !cursor.failed;
    if (has_id && read_head(&cursor, head))
        return RC_OK;
    if (!has_id || head->table_id != EVENT_DUMMY_TABLE_ID)
        return error_set(err, RC_CORRUPT, "The rows event's head cannot be read.");
    *head = (struct rows_head){.type = head->type, .table_id = head->table_id};
    return RC_OK;
}

bool rows_head_is_dummy(const struct rows_head *head, const struct table_shape *shape)
{
    return head->table_id == EVENT_DUMMY_TABLE_ID && head->rows.len == 0 &&
           (shape == NULL || head->width != shape->column_count);
}

/* Set bits among the first `width`: bits behind them may be anything. */
static uint32_t count_bits(const uint8_t *bits, uint32_t width)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < width; i++)
        count += rows_bit(bits, i);
    return count;
}

/* Changes to a value have a length of four bytes in front, and so has every JSON value that a server
 * writes: the walk takes both alike. */
static enum rc count_json(struct rows_walk *walk, struct error *err)
{
    enum { LENGTH_BYTES = 4 };
    for (uint32_t i = 0; i < walk->head.width; i++) {
        const struct value_layout *layout = &walk->shape->layouts[i];
        if (layout->is_json && layout->prefix != LENGTH_BYTES)
            return error_set(
                err, RC_CORRUPT,
                "The table map gives the lengths of JSON column %u %u bytes, and not 4.", i + 1,
                layout->prefix);
        walk->json_count += layout->is_json;
    }
    return RC_OK;
}

enum rc rows_walk_begin(struct rows_walk *walk, const struct rows_head *head, struct slice rows,
                        struct table_shape *shape, struct error *err)
{
    if (head->width != shape->column_count)
        return error_set(err, RC_CORRUPT, "The rows have %u columns where their table map has %u.",
                         head->width, shape->column_count);
    *walk = (struct rows_walk){.shape = shape, .head = *head, .cursor = cursor_of(rows)};
    bool is_update = head->type.kind == ROWS_UPDATE;
    walk->present_count[0] = count_bits(head->present[0], head->width);
    walk->present_count[1] = is_update ? count_bits(head->present[1], head->width) : 0;
    if (head->type.partial) {
        enum rc rc = count_json(walk, err);
        if (rc != RC_OK)
            return rc;
    }
    if (walk->present_count[0] + walk->present_count[1] > 0)
        return RC_OK;
    /* Such rows have no bytes, so their number cannot be told by the end of the event; a server
     * writes an event for each (facts/binlog.md 5.3). */
    if (rows.len > 0)
        return error_set(err, RC_CORRUPT, "The rows have %zu bytes but no column.", rows.len);
    walk->empty_row = true;
    return RC_OK;
}

/* The length of a cell, out of the bytes in front of it: 1 to 4 (value_bind). */
static inline uint32_t load_prefix(const uint8_t *at, unsigned prefix)
{
    switch (prefix) {
    case 1:
        return at[0];
    case 2:
        return load_u16le(at);
    case 3:
        return load_u24le(at);
    default:
        return load_u32le(at);
    }
}

/* One row image that has every column. Whether it goes over the end is asked where a length has to be read,
 * and once behind the last cell; nobody looks at the cells of a row that does. Places are numbers and locals:
 * a store into a cell could change the cursor, for all that the compiler knows. */
static bool image_whole(struct cursor *cursor, const struct table_shape *shape, struct cell *cell)
{
    enum { BITS = 8 };
    const struct value_layout *layout = shape->layouts;
    const uint8_t *image = cursor->ptr;
    const uint8_t *null_bits = image;
    uint32_t left = shape->column_count;
    uint64_t len = cursor_left(cursor);
    uint64_t at = (left + BITS - 1) / BITS;
    if (at > len)
        return false;
    while (left > 0) {
        unsigned nulls = *null_bits++;
        uint32_t count = left < BITS ? left : BITS;
        left -= count;
        for (const struct cell *end = cell + count; cell < end; cell++, layout++, nulls >>= 1) {
            if ((nulls & 1) != 0) {
                *cell = (struct cell){.state = CELL_NULL};
                continue;
            }
            uint32_t size = layout->size;
            unsigned prefix = layout->prefix;
            if (prefix != 0) {
                if (at + prefix > len)
                    return false;
                size = load_prefix(image + at, prefix);
                at += prefix;
            }
            cell->ptr = image + at;
            cell->len = size;
            cell->state = CELL_VALUE;
            at += size;
        }
    }
    if (at > len)
        return false;
    cursor->ptr = image + at;
    return true;
}

/* The size of the cell at `*at`, which then is where its bytes begin; false: it goes over the end. */
static inline bool cell_size(const struct value_layout *layout, const uint8_t **at,
                             const uint8_t *end, uint32_t *size)
{
    *size = layout->size;
    unsigned prefix = layout->prefix;
    if (prefix != 0) {
        if ((size_t)(end - *at) < prefix)
            return false;
        *size = load_prefix(*at, prefix);
        *at += prefix;
    }
    return *size <= (size_t)(end - *at);
}

/* Any row image; `cells` NULL: only pass over it. */
static bool image_sparse(struct rows_walk *walk, unsigned image, struct cell *cells)
{
    const struct value_layout *layouts = walk->shape->layouts;
    const uint8_t *present = walk->head.present[image];
    uint32_t width = walk->head.width;
    const uint8_t *nulls = cursor_take(&walk->cursor, (walk->present_count[image] + 7) / 8);
    if (nulls == NULL)
        return false;
    const uint8_t *at = walk->cursor.ptr;
    const uint8_t *end = walk->cursor.end;
    uint32_t bit = 0;
    for (uint32_t i = 0; i < width; i++) {
        struct cell cell = {.state = CELL_ABSENT};
        if (rows_bit(present, i)) {
            cell.state = CELL_NULL;
            if (!rows_bit(nulls, bit++)) {
                if (!cell_size(&layouts[i], &at, end, &cell.len))
                    return false;
                cell.ptr = at;
                cell.state = CELL_VALUE;
                at += cell.len;
            }
        }
        if (cells != NULL)
            cells[i] = cell;
    }
    walk->cursor.ptr = at;
    return true;
}

static inline bool image_walk(struct rows_walk *walk, unsigned image, struct cell *cells)
{
    return walk->present_count[image] == walk->head.width
               ? image_whole(&walk->cursor, walk->shape, cells)
               : image_sparse(walk, image, cells);
}

static enum rc overshoot(const struct rows_walk *walk, struct error *err)
{
    return error_set(err, RC_CORRUPT,
                     "A row goes over the end of its event (%zu bytes of rows): the rows do not "
                     "fit their table map of %u columns.",
                     walk->head.rows.len, walk->head.width);
}

static bool at_end(struct rows_walk *walk)
{
    if (walk->empty_row) {
        walk->empty_row = false;
        return false;
    }
    return cursor_left(&walk->cursor) == 0;
}

/* What stands before the second image of a partial update. */
static bool take_options(struct rows_walk *walk)
{
    enum { PARTIAL_JSON = 1 };
    if (!walk->head.type.partial)
        return true;
    uint64_t options = cursor_lenenc(&walk->cursor);
    walk->diff_bits = NULL;
    if (!walk->cursor.failed && options == PARTIAL_JSON)
        walk->diff_bits = cursor_take(&walk->cursor, (walk->json_count + 7) / 8);
    /* An option that nobody knows may change what follows. */
    return !walk->cursor.failed && options <= PARTIAL_JSON;
}

enum rc rows_walk_next(struct rows_walk *walk, struct error *err)
{
    struct table_shape *shape = walk->shape;
    if (at_end(walk))
        return RC_EOF;
    struct cell *first = walk->head.type.kind == ROWS_INSERT ? shape->after : shape->before;
    bool whole = image_walk(walk, 0, first);
    if (whole && walk->head.type.kind == ROWS_UPDATE)
        whole = take_options(walk) && image_walk(walk, 1, shape->after);
    return whole ? RC_OK : overshoot(walk, err);
}

enum rc rows_walk_skip(struct rows_walk *walk, struct error *err)
{
    if (at_end(walk))
        return RC_EOF;
    bool whole = image_sparse(walk, 0, NULL);
    if (whole && walk->head.type.kind == ROWS_UPDATE)
        whole = take_options(walk) && image_sparse(walk, 1, NULL);
    return whole ? RC_OK : overshoot(walk, err);
}
