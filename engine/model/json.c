/* SPDX-License-Identifier: Apache-2.0 */
#include "json.h"

#include "../base/endian.h"

/* Bytes that must not stand bare inside a JSON string (RFC 8259 section 7): quote, backslash,
 * controls. */
static bool is_bare(uint8_t c)
{
    return c >= 0x20 && c != '"' && c != '\\';
}

static void add_escape(struct buf *out, uint8_t c)
{
    static const char digits[] = "0123456789abcdef";
    static const char short_form[0x20] = {
        ['\b'] = 'b', ['\f'] = 'f', ['\n'] = 'n', ['\r'] = 'r', ['\t'] = 't',
    };
    if (c == '"' || c == '\\') {
        const uint8_t pair[2] = {'\\', c};
        buf_add(out, pair, sizeof(pair));
    } else if (short_form[c] != '\0') {
        const uint8_t pair[2] = {'\\', (uint8_t)short_form[c]};
        buf_add(out, pair, sizeof(pair));
    } else {
        const uint8_t six[6] = {
            '\\', 'u', '0', '0', (uint8_t)digits[c >> 4], (uint8_t)digits[c & 15],
        };
        buf_add(out, six, sizeof(six));
    }
}

/* True when none of eight bytes needs an escape: zero-byte tests on the word. A borrow can only
 * start at a byte that is meant itself, so the answer "none" is never wrong; bytes of 0x80 and
 * above are never meant, and are masked out. */
static bool eight_are_bare(uint64_t word)
{
    const uint64_t ones = UINT64_C(0x0101010101010101), high = UINT64_C(0x8080808080808080);
    uint64_t quote = word ^ (ones * '"');
    uint64_t slash = word ^ (ones * '\\');
    uint64_t control = (word - ones * 0x20) & ~word;
    quote = (quote - ones) & ~quote;
    slash = (slash - ones) & ~slash;
    return ((quote | slash | control) & high) == 0;
}

/* The first byte from `i` on that must be escaped, or the length. */
static size_t find_escape(struct slice text, size_t i)
{
    for (; i + 8 <= text.len; i += 8) {
        uint64_t word;
        memcpy(&word, text.ptr + i, 8);
        if (!eight_are_bare(word))
            break;
    }
    while (i < text.len && is_bare(text.ptr[i]))
        i++;
    return i;
}

/* Runs of bare bytes are copied whole: the rare byte is looked for, not each byte handled. */
void json_add_escaped(struct buf *out, struct slice text)
{
    size_t start = 0;
    while (start < text.len) {
        size_t end = find_escape(text, start);
        buf_add(out, text.ptr + start, end - start);
        if (end < text.len)
            add_escape(out, text.ptr[end]);
        start = end + 1;
    }
}

void json_add_string(struct buf *out, struct slice text)
{
    buf_add_byte(out, '"');
    json_add_escaped(out, text);
    buf_add_byte(out, '"');
}

static void add_base64_string(struct buf *out, struct slice bytes)
{
    buf_add_byte(out, '"');
    buf_add_base64(out, bytes);
    buf_add_byte(out, '"');
}

/* "2024-05-06 07:08:09.5" is an instant in UTC, so it becomes "2024-05-06T07:08:09.5Z". */
static void add_instant(struct buf *out, struct slice text)
{
    enum { DATE_LEN = 10 };
    if (text.len <= DATE_LEN) {
        json_add_string(out, text);
        return;
    }
    buf_add_byte(out, '"');
    buf_add(out, text.ptr, DATE_LEN);
    buf_add_byte(out, 'T');
    buf_add(out, text.ptr + DATE_LEN + 1, text.len - DATE_LEN - 1);
    buf_add_str(out, "Z\"");
}

void json_add_geometry(struct buf *out, struct slice value)
{
    enum { SRID_LEN = 4 };
    uint32_t srid = value.len >= SRID_LEN ? load_u32le(value.ptr) : 0;
    struct slice wkb =
        value.len >= SRID_LEN ? slice_of(value.ptr + SRID_LEN, value.len - SRID_LEN) : SLICE_EMPTY;
    buf_add_str(out, "{\"srid\":");
    buf_add_u64(out, srid);
    buf_add_str(out, ",\"wkb\":");
    add_base64_string(out, wkb);
    buf_add_byte(out, '}');
}

enum rc json_add_cell(struct buf *out, const struct column *column, const struct cell *cell,
                      struct buf *scratch, struct error *err)
{
    ASSERT(cell->state != CELL_ABSENT);
    if (cell->state == CELL_NULL) {
        buf_add_str(out, "null");
        return RC_OK;
    }
    struct slice text;
    buf_reset(scratch);
    enum rc rc = cell_text(column, cell, scratch, &text, err);
    if (rc != RC_OK)
        return rc;
    switch (column->kind) {
    case COLUMN_INT:
    case COLUMN_UINT:
    case COLUMN_BIT:
    case COLUMN_YEAR:
    case COLUMN_FLOAT:
    case COLUMN_DOUBLE:
    case COLUMN_JSON:
    case COLUMN_VECTOR:
        buf_add_slice(out, text);
        break;
    case COLUMN_TIMESTAMP:
        add_instant(out, text);
        break;
    case COLUMN_BYTES:
        add_base64_string(out, text);
        break;
    case COLUMN_GEOMETRY:
        json_add_geometry(out, text);
        break;
    case COLUMN_UNKNOWN:
    case COLUMN_DECIMAL:
    case COLUMN_DATE:
    case COLUMN_TIME:
    case COLUMN_DATETIME:
    case COLUMN_STRING:
    case COLUMN_ENUM:
    case COLUMN_SET:
    case COLUMN_UUID:
    case COLUMN_INET4:
    case COLUMN_INET6:
        json_add_string(out, text);
        break;
    }
    return RC_OK;
}
