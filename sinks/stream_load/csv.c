/* SPDX-License-Identifier: Apache-2.0 */
/* JSON lines into CSV, in place; see csv_int.h. */
#include "csv_int.h"

#include <stdlib.h>

#define NAME_MAX_BYTES ((size_t)1 << 20)

/* What stands in front of each value of a line: `{"id":` is 6 bytes. */
struct prefixes {
    uint32_t *lens; /* owned */
    uint32_t count;
};

bool csv_takes_table(const struct load_schema *schema)
{
    uint32_t count = schema->source->column_count;
    for (uint32_t i = 0; i < count; i++)
        if (schema->columns[i].encoding == LOAD_JSON_VALUE)
            return false;
    return count > 1 || !schema->keyless;
}

/* --- may they? --- */

/* What stands behind a backslash decides. Quotes inside of a string are escaped, so a bare one begins or
 * ends it; that `"\\N"` may also be the end of a longer text makes no difference worth a closer look. */
static bool escape_fits(const uint8_t *at)
{
    switch (at[1]) {
    case 'u':
        return false;
    case '\\':
        return !(at[-1] == '"' && at[2] == 'N' && at[3] == '"');
    case 'r':
        return !(at[2] == '"' && at[3] == '}');
    default:
        return true;
    }
}

static bool line_fits(const uint8_t *line, uint32_t len)
{
    const uint8_t *end = line + len;
    if (len > CSV_ROW_MAX)
        return false;
    for (const uint8_t *at = line; (at = memchr(at, '\\', (size_t)(end - at))) != NULL; at += 2)
        if (!escape_fits(at))
            return false;
    return true;
}

static bool is_sent(const struct body_row *row)
{
    return row->len > 0 && row->set == BODY_WHOLE;
}

static bool begins_with_mark(const uint8_t *line, uint32_t prefix)
{
    static const uint8_t text[] = {'"', 0xef, 0xbb, 0xbf};
    return memcmp(line + prefix, text, sizeof(text)) == 0;
}

static bool rows_fit(const struct body *body, uint32_t first_prefix)
{
    bool first = true;
    for (uint32_t i = 0; i < body->row_count; i++) {
        const struct body_row *row = &body->rows[i];
        const uint8_t *line = body->data.ptr + row->offset;
        if (!is_sent(row))
            continue;
        if (!line_fits(line, row->len) || (first && begins_with_mark(line, first_prefix)))
            return false;
        first = false;
    }
    return true;
}

/* --- and how --- */

static uint8_t unescape(uint8_t letter)
{
    switch (letter) {
    case 'b':
        return '\b';
    case 'f':
        return '\f';
    case 'n':
        return '\n';
    case 'r':
        return '\r';
    case 't':
        return '\t';
    default: /* a quote or a backslash */
        return letter;
    }
}

/* A line on its way: what is written lies before what is still to be read. */
struct rewrite {
    const uint8_t *from;
    const uint8_t *end;
    uint8_t *to;
};

/* The highest bit of each byte that is `byte`; above the lowest of them there may be others. */
static uint64_t bytes_like(uint64_t word, uint8_t byte)
{
    const uint64_t ones = 0x0101010101010101u;
    word ^= ones * byte;
    return (word - ones) & ~word & ones << 7;
}

/* Copies what stands before the next of two bytes, one of which comes. Eight at a time where that is not
 * written over what is still to be read. */
static inline void copy_until(struct rewrite *line, uint8_t stop, uint8_t other)
{
    enum { WORD = sizeof(uint64_t) };
    const uint8_t *from = line->from;
    uint8_t *to = line->to;
    while (from - to >= WORD && line->end - from >= WORD) {
        uint64_t word = load_u64le(from);
        uint64_t found = bytes_like(word, stop) | bytes_like(word, other);
        unsigned len = found == 0 ? WORD : (unsigned)__builtin_ctzll(found) / 8;
        memcpy(to, from, WORD);
        from += len;
        to += len;
        if (len < WORD)
            break;
    }
    while (*from != stop && *from != other)
        *to++ = *from++;
    line->from = from;
    line->to = to;
}

static inline void take_string(struct rewrite *line)
{
    line->from++;
    for (copy_until(line, '"', '\\'); *line->from == '\\'; copy_until(line, '"', '\\')) {
        *line->to++ = unescape(line->from[1]);
        line->from += 2;
    }
    line->from++;
}

static inline void take_bare(struct rewrite *line)
{
    if (*line->from != 'n') {
        copy_until(line, ',', '}');
        return;
    }
    *line->to++ = '\\';
    *line->to++ = 'N';
    line->from += strlen("null");
}

/* The new length. */
static uint32_t rewrite_line(uint8_t *text, uint32_t len, const struct prefixes *prefixes)
{
    struct rewrite line = {.from = text, .end = text + len, .to = text};
    for (uint32_t i = 0; i < prefixes->count; i++) {
        ASSERT(*line.from == (i == 0 ? '{' : ','));
        line.from += prefixes->lens[i];
        ASSERT(line.from[-1] == ':');
        if (*line.from == '"')
            take_string(&line);
        else
            take_bare(&line);
        *line.to++ = CSV_COLUMN_END;
    }
    ASSERT(*line.from == '}');
    line.to[-1] = CSV_ROW_END;
    return (uint32_t)(line.to - text);
}

static bool measure(const struct load_schema *schema, const char *delete_column,
                    struct prefixes *prefixes)
{
    uint32_t count = schema->source->column_count;
    struct buf name;
    buf_init(&name, NAME_MAX_BYTES);
    prefixes->count = count + !schema->keyless;
    prefixes->lens = malloc(prefixes->count * sizeof(*prefixes->lens));
    for (uint32_t i = 0; prefixes->lens != NULL && i < prefixes->count; i++) {
        buf_reset(&name);
        json_add_string(&name,
                        i < count ? schema->columns[i].target_name : slice_str(delete_column));
        prefixes->lens[i] = (uint32_t)name.len + 2; /* a brace or comma, and the colon */
    }
    bool done = prefixes->lens != NULL && name.rc == RC_OK;
    buf_deinit(&name);
    return done;
}

void csv_rewrite(struct body *body, const struct load_schema *schema, const char *delete_column)
{
    struct prefixes prefixes;
    ASSERT(!body->parts[BODY_WHOLE].csv && csv_takes_table(schema));
    if (measure(schema, delete_column, &prefixes) && rows_fit(body, prefixes.lens[0])) {
        for (uint32_t i = 0; i < body->row_count; i++) {
            const struct body_row *row = &body->rows[i];
            if (is_sent(row))
                body_shorten_row(body, i,
                                 rewrite_line(body->data.ptr + row->offset, row->len, &prefixes));
        }
        body->parts[BODY_WHOLE].csv = true;
    }
    free(prefixes.lens);
}
