/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The values of a line that the batch holds, so that a row which lacks columns can be put onto it.
 * The line was written by us: one JSON object of one level, names as the encoder writes them, then
 * the delete mark. It may come from another source table of the same target, whose columns stand
 * in another order, so columns are found by their names.
 */
#include "encode_int.h"

/* From a quote to behind the quote that ends the string. */
static size_t string_end(const uint8_t *line, size_t at)
{
    for (at++; line[at] != '"'; at++)
        if (line[at] == '\\')
            at++;
    return at + 1;
}

/* From the first byte of a value to the comma or brace behind it. */
static size_t value_end(const uint8_t *line, size_t at, size_t len)
{
    unsigned depth = 0;
    while (at < len) {
        uint8_t byte = line[at];
        if (byte == '"') {
            at = string_end(line, at);
            continue;
        }
        if (depth == 0 && (byte == ',' || byte == '}'))
            return at;
        if (byte == '{' || byte == '[')
            depth++;
        else if (byte == '}' || byte == ']')
            depth--;
        at++;
    }
    ASSERT(false && "a line that ends inside of a value");
    return len;
}

/* The column whose name stands at `name` (its quotes and the colon included), or the column count.
 * `guess` is looked at first: mostly the columns stand in our own order. */
static uint32_t column_at(const struct encoder *encoder, struct slice name, uint32_t guess)
{
    uint32_t count = encoder->schema->source->column_count;
    for (uint32_t i = 0; i < count; i++) {
        uint32_t column = (guess + i) % count;
        struct slice prefix = encoder->prefixes[column];
        /* The first byte is the brace or comma in front. */
        if (slice_equal(slice_of(prefix.ptr + 1, prefix.len - 1), name))
            return column;
    }
    return count;
}

void line_take_apart(struct encoder *encoder, const struct body *body, const struct body_row *row)
{
    uint32_t count = encoder->schema->source->column_count;
    const uint8_t *line = body->data.ptr + row->offset;
    ASSERT(row->len > 2 && line[0] == '{');
    memset(encoder->pieces, 0, count * sizeof(*encoder->pieces));
    uint32_t guess = 0;
    for (size_t at = 0; line[at] != '}';) {
        size_t name_end = string_end(line, at + 1);
        ASSERT(name_end < row->len && line[name_end] == ':');
        struct slice name = slice_of(line + at + 1, name_end - at);
        size_t begin = name_end + 1;
        at = value_end(line, begin, row->len);
        uint32_t column = column_at(encoder, name, guess);
        if (column == count)
            continue; /* the delete mark */
        encoder->pieces[column] =
            (struct line_piece){.offset = row->offset + begin, .len = at - begin};
        guess = column + 1;
    }
}
