/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Strings and bytes: CHAR, VARCHAR, TEXT to UTF-8; BINARY, VARBINARY, BLOB as they are, BINARY(n)
 * with its stripped zeros put back; MariaDB's UUID, INET4, INET6 and compressed columns
 * (facts/binlog.md 6.6, 6.7, 6.13, 6.15). State: only what value_thread.c keeps; any thread.
 */
#include <stdatomic.h>
#include <stdio.h>

#include "inflate_int.h"
#include "value_codec_int.h"
#include "value_thread_int.h"

enum { INET4_BYTES = 4, INET6_BYTES = 16, INET6_WORDS = 8, INET_TEXT_MAX = 45 };

enum rc value_charset_error(enum rc rc, const struct column *column, const struct charset *charset,
                            struct slice bytes, struct error *err)
{
    enum { SHOWN = 32 };
    if (rc == RC_UNSUPPORTED)
        return error_set(err, rc,
                         "Column %.*s: the C library cannot convert the character set %.*s to "
                         "UTF-8. Install its conversion modules (Debian: libc6; Fedora: "
                         "glibc-gconv-extra).",
                         SLICE_ARG(column->name), SLICE_ARG(charset->name));
    if (rc != RC_REJECTED)
        return error_set(err, rc, "Column %.*s: a text of %zu bytes does not fit in memory.",
                         SLICE_ARG(column->name), bytes.len);
    char hex[2 * SHOWN + 1] = "";
    size_t shown = bytes.len < SHOWN ? bytes.len : SHOWN;
    for (size_t i = 0; i < shown; i++)
        snprintf(hex + 2 * i, 3, "%02x", bytes.ptr[i]);
    return error_set(
        err, rc,
        "Column %.*s: its bytes are not valid in the character set %.*s: %s%s. Mend the value at "
        "the source, or choose with invalid-text (of decode: --invalid-text) that such a text is "
        "replaced or kept as base64.",
        SLICE_ARG(column->name), SLICE_ARG(charset->name), hex, shown < bytes.len ? "..." : "");
}

/* One stored blob of a compressed column: nothing; 0 and the bytes; or 0x80 with flags, the length
 * of the whole in 1 to 4 big-endian bytes, and a deflate stream. Appends the bytes to `out`. */
static enum rc decompress(const struct column *column, struct slice cell, struct buf *out,
                          struct slice *bytes, struct error *err)
{
    enum { ZLIB = 0x80, RAW = 0x08, LENGTH_MASK = 0x07, METHOD_MASK = 0xf0 };
    *bytes = SLICE_EMPTY;
    if (cell.len == 0)
        return RC_OK;
    uint8_t head = cell.ptr[0];
    if (head == 0) {
        *bytes = slice_of(cell.ptr + 1, cell.len - 1);
        return RC_OK;
    }
    unsigned size_bytes = head & LENGTH_MASK;
    if ((head & METHOD_MASK) != ZLIB || size_bytes == 0 || size_bytes > 4 ||
        cell.len < 1 + size_bytes)
        return value_bad_bytes(column, cell, "the header of the compressed value is unknown", err);
    size_t whole = (size_t)load_uint_be(cell.ptr + 1, size_bytes);
    if (!inflate_can_be(whole, cell.len))
        return value_bad_bytes(column, cell, "the compressed value claims too long a text", err);
    z_stream *stream = value_thread_inflate((head & RAW) != 0);
    if (stream == NULL)
        return error_set(err, RC_MEMORY, "Column %.*s: there is no memory for decompression.",
                         SLICE_ARG(column->name));
    size_t start = out->len;
    uint8_t *to = buf_reserve(out, whole);
    if (to == NULL)
        return value_scratch(column, out, err);
    /* inflate only reads its input; zlib's declaration is without const unless ZLIB_CONST is set.
     */
    union {
        const uint8_t *read;
        uint8_t *pass;
    } in = {.read = cell.ptr + 1 + size_bytes};
    stream->next_in = in.pass;
    stream->avail_in = (uInt)(cell.len - 1 - size_bytes);
    stream->next_out = to;
    stream->avail_out = (uInt)whole;
    if (inflate(stream, Z_FINISH) != Z_STREAM_END || stream->avail_out != 0)
        return value_bad_bytes(column, cell, "the compressed value is damaged", err);
    out->len = start + whole;
    *bytes = slice_of(out->ptr + start, whole);
    return RC_OK;
}

/* Nothing says this column's character set (an offline file without metadata), and the bytes are
 * not UTF-8: latin1 has a character for every byte, so nothing is lost, and it was MySQL's default
 * for as long as such files were written (facts/binlog.md 9.2). Said once. */
static enum rc read_as_latin1(const struct column *column, struct slice cell, struct buf *scratch,
                              struct slice *text)
{
    static atomic_bool told;
    if (!atomic_exchange(&told, true))
        log_warn(
            "binlog.value",
            "The binlog does not say the character set of some columns. Their values are read as "
            "UTF-8 where they are that, else as latin1. A source with binlog_row_metadata=FULL "
            "says it.",
            LOG_SLICE("first_column", column->name));
    return charset_to_utf8(charset_get(CHARSET_LATIN1), cell, scratch, text);
}

enum rc value_text_string(const struct column *column, struct slice cell, struct buf *scratch,
                          struct slice *text, struct error *err)
{
    const struct value_codec *codec = value_codec(column);
    if (codec->compressed) {
        /* Not into `scratch`: converting appends there, which may move what is being read. */
        struct buf *plain = value_thread_buf();
        if (plain == NULL)
            return error_set(err, RC_MEMORY, "Column %.*s: there is no memory for decompression.",
                             SLICE_ARG(column->name));
        enum rc rc = decompress(column, cell, plain, &cell, err);
        if (rc != RC_OK)
            return rc;
    }
    enum rc rc;
    if (!codec->charset_assumed) {
        rc = charset_text(codec->charset, codec->invalid_text, cell, scratch, text);
    } else {
        rc = charset_to_utf8(codec->charset, cell, scratch, text);
        if (rc == RC_REJECTED)
            rc = read_as_latin1(column, cell, scratch, text);
    }
    if (rc != RC_OK)
        return value_charset_error(rc, column, codec->charset, cell, err);
    if (codec->compressed && text->ptr == cell.ptr) {
        /* The thread's buffer is used again by the next column, so the text moves to scratch. */
        size_t start = scratch->len;
        buf_add_slice(scratch, cell);
        if (scratch->rc != RC_OK)
            return value_scratch(column, scratch, err);
        *text = slice_of(scratch->ptr + start, cell.len);
    }
    return RC_OK;
}

enum rc value_text_bytes(const struct column *column, struct slice cell, struct buf *scratch,
                         struct slice *text, struct error *err)
{
    const struct value_codec *codec = value_codec(column);
    if (codec->compressed)
        return decompress(column, cell, scratch, text, err);
    if (!column->is_fixed_bytes || cell.len == codec->size) {
        *text = cell;
        return RC_OK;
    }
    if (cell.len > codec->size)
        return value_bad_size(column, cell, codec->size, err);
    uint8_t *out = buf_reserve(scratch, codec->size);
    if (out == NULL)
        return value_scratch(column, scratch, err);
    if (cell.len > 0)
        memcpy(out, cell.ptr, cell.len);
    memset(out + cell.len, 0, codec->size - cell.len);
    scratch->len += codec->size;
    *text = slice_of(out, codec->size);
    return RC_OK;
}

/* The bytes at their full width: the server strips trailing zeros here too. */
static enum rc load_padded(const struct column *column, struct slice cell, uint8_t *out,
                           size_t size, struct error *err)
{
    if (cell.len > size)
        return value_bad_size(column, cell, size, err);
    memset(out, 0, size);
    if (cell.len > 0)
        memcpy(out, cell.ptr, cell.len);
    return RC_OK;
}

enum rc value_text_uuid(const struct column *column, struct slice cell, struct buf *scratch,
                        struct slice *text, struct error *err)
{
    enum { UUID_BYTES = 16, UUID_TEXT = 36 };
    static const char digits[] = "0123456789abcdef";
    uint8_t uuid[UUID_BYTES];
    enum rc rc = load_padded(column, cell, uuid, sizeof(uuid), err);
    if (rc != RC_OK)
        return rc;
    uint8_t *out = buf_reserve(scratch, UUID_TEXT);
    if (out == NULL)
        return value_scratch(column, scratch, err);
    uint8_t *to = out;
    for (unsigned i = 0; i < UUID_BYTES; i++) {
        if (i == 4 || i == 6 || i == 8 || i == 10)
            *to++ = '-';
        *to++ = (uint8_t)digits[uuid[i] >> 4];
        *to++ = (uint8_t)digits[uuid[i] & 15];
    }
    scratch->len += UUID_TEXT;
    *text = slice_of(out, UUID_TEXT);
    return RC_OK;
}

/* "192.0.2.1" at `out`, where there is room for 15 bytes and for text_u64; returns the length. */
static unsigned put_ipv4(uint8_t *out, const uint8_t *address)
{
    unsigned len = 0;
    for (unsigned i = 0; i < INET4_BYTES; i++) {
        if (i > 0)
            out[len++] = '.';
        len += text_u64(out + len, address[i]);
    }
    return len;
}

/* The first of the longest runs of zero words, one of a single word too: what "::" stands for.
 * Returns its length, 0 when no word is zero. */
static unsigned longest_gap(const uint16_t words[INET6_WORDS], unsigned *start)
{
    unsigned longest = 0;
    unsigned run = 0;
    for (unsigned i = 0; i < INET6_WORDS; i++) {
        run = words[i] == 0 ? run + 1 : 0;
        if (run <= longest)
            continue;
        longest = run;
        *start = i + 1 - run;
    }
    return longest;
}

static unsigned put_hex_word(uint8_t *out, uint16_t word)
{
    static const char digits[] = "0123456789abcdef";
    unsigned len = 0;
    for (int shift = 12; shift >= 0; shift -= 4)
        if (word >> shift != 0 || shift == 0)
            out[len++] = (uint8_t)digits[word >> shift & 15];
    return len;
}

/* As MariaDB writes it, which is not inet_ntop's way: a single zero word is shortened too. Room for
 * 45 bytes at `out`. */
static unsigned put_ipv6(uint8_t *out, const uint8_t *address)
{
    enum { IPV4_WORD = 6, MAPPED = 0xffff };
    uint16_t words[INET6_WORDS];
    for (unsigned i = 0; i < INET6_WORDS; i++)
        words[i] = (uint16_t)load_uint_be(address + 2 * (size_t)i, 2);
    unsigned gap_start = 0;
    unsigned gap = longest_gap(words, &gap_start);
    bool holds_ipv4 =
        gap_start == 0 && (gap == IPV4_WORD || (gap == IPV4_WORD - 1 && words[5] == MAPPED));
    unsigned len = 0;
    for (unsigned i = 0; i < INET6_WORDS; i++) {
        if (gap > 0 && i == gap_start) {
            if (i == 0)
                out[len++] = ':';
            out[len++] = ':';
            i += gap - 1;
        } else if (i == IPV4_WORD && holds_ipv4) {
            return len + put_ipv4(out + len, address + 2 * (size_t)IPV4_WORD);
        } else {
            len += put_hex_word(out + len, words[i]);
            if (i + 1 < INET6_WORDS)
                out[len++] = ':';
        }
    }
    return len;
}

enum rc value_text_inet4(const struct column *column, struct slice cell, struct buf *scratch,
                         struct slice *text, struct error *err)
{
    uint8_t address[INET4_BYTES];
    enum rc rc = load_padded(column, cell, address, sizeof(address), err);
    if (rc != RC_OK)
        return rc;
    uint8_t *out = buf_reserve(scratch, INET_TEXT_MAX);
    if (out == NULL)
        return value_scratch(column, scratch, err);
    unsigned len = put_ipv4(out, address);
    scratch->len += len;
    *text = slice_of(out, len);
    return RC_OK;
}

enum rc value_text_inet6(const struct column *column, struct slice cell, struct buf *scratch,
                         struct slice *text, struct error *err)
{
    uint8_t address[INET6_BYTES];
    enum rc rc = load_padded(column, cell, address, sizeof(address), err);
    if (rc != RC_OK)
        return rc;
    uint8_t *out = buf_reserve(scratch, INET_TEXT_MAX);
    if (out == NULL)
        return value_scratch(column, scratch, err);
    unsigned len = put_ipv6(out, address);
    scratch->len += len;
    *text = slice_of(out, len);
    return RC_OK;
}
