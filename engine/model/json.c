/* SPDX-License-Identifier: Apache-2.0 */
#include "json.h"

#include "../base/endian.h"
#include "../base/text.h"

/* Sixteen bytes at once, without naming a machine's instructions: gcc and clang make SSE2 or NEON of
 * it, and plain code elsewhere. */
typedef uint8_t block_of_bytes __attribute__((vector_size(16)));
typedef int8_t block_of_signs __attribute__((vector_size(16)));

enum { BLOCK = sizeof(block_of_bytes), WORD = sizeof(uint64_t) };

/* How a kind of column stands in JSON. The text of the first two is not looked at: it has no byte that
 * would need an escape, whatever the value. */
enum json_form { JSON_BARE = 0, JSON_QUOTED, JSON_TEXT, JSON_BASE64, JSON_GEOMETRY };

static const uint8_t forms[] = {
    [COLUMN_UNKNOWN] = JSON_TEXT,    [COLUMN_INT] = JSON_BARE,
    [COLUMN_UINT] = JSON_BARE,       [COLUMN_BIT] = JSON_BARE,
    [COLUMN_YEAR] = JSON_BARE,       [COLUMN_DECIMAL] = JSON_QUOTED,
    [COLUMN_FLOAT] = JSON_BARE,      [COLUMN_DOUBLE] = JSON_BARE,
    [COLUMN_DATE] = JSON_QUOTED,     [COLUMN_TIME] = JSON_QUOTED,
    [COLUMN_DATETIME] = JSON_QUOTED, [COLUMN_TIMESTAMP] = JSON_QUOTED,
    [COLUMN_STRING] = JSON_TEXT,     [COLUMN_BYTES] = JSON_BASE64,
    [COLUMN_ENUM] = JSON_TEXT,       [COLUMN_SET] = JSON_TEXT,
    [COLUMN_JSON] = JSON_BARE,       [COLUMN_GEOMETRY] = JSON_GEOMETRY,
    [COLUMN_VECTOR] = JSON_BARE,     [COLUMN_UUID] = JSON_QUOTED,
    [COLUMN_INET4] = JSON_QUOTED,    [COLUMN_INET6] = JSON_QUOTED,
};

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

static inline bool block_is_bare(const uint8_t *p)
{
    block_of_bytes block;
    uint64_t odd[2];
    memcpy(&block, p, sizeof(block));
    block = (block_of_bytes)((block == '"') | (block == '\\') | (block < 0x20));
    memcpy(odd, &block, sizeof(odd));
    return (odd[0] | odd[1]) == 0;
}

/* True when none of eight bytes needs an escape: zero-byte tests on the word. A borrow can only
 * start at a byte that is meant itself, so the answer "none" is never wrong; bytes of 0x80 and
 * above are never meant, and are masked out. */
static inline bool word_is_bare(uint64_t word)
{
    const uint64_t ones = UINT64_C(0x0101010101010101);
    uint64_t quote = word ^ (ones * '"');
    uint64_t slash = word ^ (ones * '\\');
    uint64_t control = (word - ones * 0x20) & ~word;
    quote = (quote - ones) & ~quote;
    slash = (slash - ones) & ~slash;
    return ((quote | slash | control) & TEXT_HIGH_BITS) == 0;
}

/* Whether no byte of the text needs an escape. The last block, or word, overlaps the one before it, so
 * that only texts of up to three bytes are looked at byte by byte. */
static inline bool is_bare_text(struct slice text)
{
    const uint8_t *p = text.ptr;
    size_t left = text.len;
    if (left >= BLOCK) {
        for (; left > BLOCK; left -= BLOCK, p += BLOCK)
            if (!block_is_bare(p))
                return false;
        return block_is_bare(p + left - BLOCK);
    }
    if (left >= WORD)
        return word_is_bare(load_u64le(p)) && word_is_bare(load_u64le(p + left - WORD));
    if (left >= WORD / 2)
        return word_is_bare(load_u32le(p) | (uint64_t)load_u32le(p + left - WORD / 2) << 32);
    for (size_t i = 0; i < left; i++)
        if (!is_bare(p[i]))
            return false;
    return true;
}

/* The first byte from `i` on that must be escaped, or the length. */
static size_t find_escape(struct slice text, size_t i)
{
    while (i + BLOCK <= text.len && block_is_bare(text.ptr + i))
        i += BLOCK;
    while (i < text.len && is_bare(text.ptr[i]))
        i++;
    return i;
}

/* Runs of bare bytes are copied whole: the rare byte is looked for, not each byte handled. */
static void add_with_escapes(struct buf *out, struct slice text)
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

void json_add_escaped(struct buf *out, struct slice text)
{
    if (is_bare_text(text))
        buf_add_slice(out, text);
    else
        add_with_escapes(out, text);
}

void json_add_string(struct buf *out, struct slice text)
{
    if (!is_bare_text(text)) {
        buf_add_byte(out, '"');
        add_with_escapes(out, text);
        buf_add_byte(out, '"');
        return;
    }
    uint8_t *to = buf_reserve(out, text.len + 2);
    if (to == NULL)
        return;
    to[0] = '"';
    if (text.len > 0)
        memcpy(to + 1, text.ptr, text.len);
    to[text.len + 1] = '"';
    out->len += text.len + 2;
}

/* Sixteen bytes to `to`; the mask has a bit where one is not ASCII or needs an escape. As a signed
 * number a byte of 0x80 and above is below 0x20, so that one comparison finds it and the controls. */
static inline block_of_signs copy_block(uint8_t *to, const uint8_t *from)
{
    block_of_signs block;
    memcpy(&block, from, sizeof(block));
    memcpy(to, &block, sizeof(block));
    return (block == '"') | (block == '\\') | (block < 0x20);
}

/* The same for eight, or for what short texts leave of eight. */
static inline bool copy_word(uint8_t *to, const uint8_t *from)
{
    uint64_t word = load_u64le(from);
    store_u64le(to, word);
    return (word & TEXT_HIGH_BITS) == 0 && word_is_bare(word);
}

static inline bool copy_plain(uint8_t *to, struct slice text)
{
    const uint8_t *from = text.ptr;
    if (text.len >= BLOCK) {
        block_of_signs odd = copy_block(to + text.len - BLOCK, from + text.len - BLOCK);
        for (size_t i = 0; i + BLOCK < text.len; i += BLOCK)
            odd |= copy_block(to + i, from + i);
        uint64_t bits[2];
        memcpy(bits, &odd, sizeof(bits));
        return (bits[0] | bits[1]) == 0;
    }
    if (text.len >= WORD)
        return copy_word(to, from) && copy_word(to + text.len - WORD, from + text.len - WORD);
    bool plain = true;
    for (size_t i = 0; i < text.len; i++) {
        to[i] = from[i];
        plain = plain && from[i] < 0x80 && is_bare(from[i]);
    }
    return plain;
}

size_t json_put_text(struct slice text, uint8_t *to)
{
    if (!copy_plain(to + 1, text))
        return 0;
    to[0] = '"';
    to[text.len + 1] = '"';
    return text.len + 2;
}

bool json_add_plain(struct buf *out, struct slice text)
{
    uint8_t *to = buf_reserve(out, text.len + 2);
    if (to == NULL)
        return true; /* the buffer's failure is told at the end */
    size_t len = json_put_text(text, to);
    out->len += len;
    return len > 0;
}

static void add_base64_string(struct buf *out, struct slice bytes)
{
    buf_add_byte(out, '"');
    buf_add_base64(out, bytes);
    buf_add_byte(out, '"');
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

/* "2024-05-06 07:08:09.5", behind `start`, is an instant in UTC, so it becomes
 * "2024-05-06T07:08:09.5Z". */
static void mend_instant(struct buf *out, size_t start)
{
    enum { DATE_LEN = 10 };
    if (out->rc != RC_OK || out->len - start <= DATE_LEN)
        return;
    out->ptr[start + DATE_LEN] = 'T';
    buf_add_byte(out, 'Z');
}

/* Text that is put down where it will stay: the column's function appends to `out` itself, all of the
 * text and nothing else (column_text_fn). What it borrows instead is copied. */
static enum rc add_bare(struct buf *out, const struct column *column, const struct cell *cell,
                        struct error *err)
{
    size_t start = out->len;
    struct slice text;
    enum rc rc = cell_text(column, cell, out, &text, err);
    if (rc == RC_OK && out->len == start)
        buf_add_slice(out, text);
    return rc;
}

static enum rc add_quoted(struct buf *out, const struct column *column, const struct cell *cell,
                          struct error *err)
{
    buf_add_byte(out, '"');
    size_t start = out->len;
    struct slice text;
    enum rc rc = cell_text(column, cell, out, &text, err);
    if (rc != RC_OK)
        return rc;
    if (out->len == start)
        json_add_escaped(out, text);
    if (column->kind == COLUMN_TIMESTAMP)
        mend_instant(out, start);
    buf_add_byte(out, '"');
    return RC_OK;
}

/* The forms whose text may be longer in JSON than it is itself. */
static enum rc add_through_scratch(struct buf *out, const struct column *column,
                                   const struct cell *cell, struct buf *scratch, struct error *err)
{
    struct slice text;
    buf_reset(scratch);
    enum rc rc = cell_text(column, cell, scratch, &text, err);
    if (rc != RC_OK)
        return rc;
    if (forms[column->kind] == JSON_TEXT)
        json_add_string(out, text);
    else if (forms[column->kind] == JSON_BASE64)
        add_base64_string(out, text);
    else
        json_add_geometry(out, text);
    return RC_OK;
}

enum json_put_form json_put_form(const struct column *column)
{
    if (column->ascii_is_text && forms[column->kind] == JSON_TEXT)
        return JSON_PUT_TEXT;
    if (column->put == NULL)
        return JSON_PUT_NONE;
    if (column->kind == COLUMN_TIMESTAMP)
        return JSON_PUT_INSTANT;
    return forms[column->kind] == JSON_BARE ? JSON_PUT_BARE : JSON_PUT_QUOTED;
}

enum rc json_add_cell(struct buf *out, const struct column *column, const struct cell *cell,
                      struct buf *scratch, struct error *err)
{
    ASSERT(cell->state != CELL_ABSENT);
    if (cell->state == CELL_NULL) {
        buf_add_str(out, "null");
        return RC_OK;
    }
    if (column->ascii_is_text && json_add_plain(out, slice_of(cell->ptr, cell->len)))
        return RC_OK;
    switch (forms[column->kind]) {
    case JSON_BARE:
        return add_bare(out, column, cell, err);
    case JSON_QUOTED:
        return add_quoted(out, column, cell, err);
    default:
        return add_through_scratch(out, column, cell, scratch, err);
    }
}
