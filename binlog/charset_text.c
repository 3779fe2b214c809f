/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From the bytes of a character set to UTF-8, and what becomes of bytes that are no characters.
 * Role, sources and threads are told in charset_int.h. Nothing is appended to the scratch buffer by
 * a conversion that is refused.
 */
#include "charset_int.h"

/* Swedish 7-bit: national letters in the places of ASCII's brackets; 0x7f is no character. */
static const uint16_t swe7_low[128] = {
    0x00, 0x01, 0x02, 0x03, 0x04, 0x05, 0x06, 0x07, 0x08, 0x09, 0x0a, 0x0b, 0x0c, 0x0d, 0x0e, 0x0f,
    0x10, 0x11, 0x12, 0x13, 0x14, 0x15, 0x16, 0x17, 0x18, 0x19, 0x1a, 0x1b, 0x1c, 0x1d, 0x1e, 0x1f,
    0x20, 0x21, 0x22, 0x23, 0x24, 0x25, 0x26, 0x27, 0x28, 0x29, 0x2a, 0x2b, 0x2c, 0x2d, 0x2e, 0x2f,
    0x30, 0x31, 0x32, 0x33, 0x34, 0x35, 0x36, 0x37, 0x38, 0x39, 0x3a, 0x3b, 0x3c, 0x3d, 0x3e, 0x3f,
    0xc9, 0x41, 0x42, 0x43, 0x44, 0x45, 0x46, 0x47, 0x48, 0x49, 0x4a, 0x4b, 0x4c, 0x4d, 0x4e, 0x4f,
    0x50, 0x51, 0x52, 0x53, 0x54, 0x55, 0x56, 0x57, 0x58, 0x59, 0x5a, 0xc4, 0xd6, 0xc5, 0xdc, 0x5f,
    0xe9, 0x61, 0x62, 0x63, 0x64, 0x65, 0x66, 0x67, 0x68, 0x69, 0x6a, 0x6b, 0x6c, 0x6d, 0x6e, 0x6f,
    0x70, 0x71, 0x72, 0x73, 0x74, 0x75, 0x76, 0x77, 0x78, 0x79, 0x7a, 0xe4, 0xf6, 0xe5, 0xfc, 0x00,
};

/* --- the 8-bit sets --- */

uint16_t charset_byte_code(const struct charset *charset, uint8_t byte)
{
    const uint16_t *high = charset_high[charset->id];
    if (byte >= 0x80)
        return high == NULL ? 0 : high[byte - 0x80];
    return charset->id == CHARSET_SWE7 ? swe7_low[byte] : byte;
}

static enum rc from_single(const struct charset *charset, struct slice bytes, bool replace,
                           struct buf *scratch, struct slice *text)
{
    size_t start = scratch->len;
    uint8_t *out = buf_reserve(scratch, bytes.len * 3);
    if (out == NULL)
        return scratch->rc;
    size_t len = 0;
    for (size_t i = 0; i < bytes.len; i++) {
        uint8_t byte = bytes.ptr[i];
        uint16_t code = charset_byte_code(charset, byte);
        if (code == 0 && byte != 0) {
            if (!replace)
                return RC_REJECTED;
            code = CHARSET_REPLACEMENT;
        }
        len += text_put_utf8(out + len, code);
    }
    scratch->len = start + len;
    *text = slice_of(scratch->ptr + start, len);
    return RC_OK;
}

/* --- ascii, utf8mb3, utf8mb4: the text already, if it is valid --- */

/* Bytes of the character at the front of `s`; 0: none that the set has. */
static size_t utf8_char_len(const struct charset *charset, struct slice s)
{
    size_t len = text_utf8_len(s);
    return len <= charset->char_bytes_max ? len : 0;
}

static bool is_valid_utf8(const struct charset *charset, struct slice bytes)
{
    enum { LEAD_OF_FOUR = 0xf0 };
    if (charset->char_bytes_max == 1)
        return text_is_ascii(bytes);
    if (!text_is_utf8(bytes))
        return false;
    bool too_long = false;
    if (charset->char_bytes_max < 4)
        for (size_t i = 0; i < bytes.len; i++)
            too_long |= bytes.ptr[i] >= LEAD_OF_FOUR;
    return !too_long;
}

/* How many bytes one U+FFFD stands for: what could still have become a character, as Unicode
 * advises (chapter 3.9), and at least one. */
static size_t utf8_bad_len(const struct charset *charset, struct slice s)
{
    uint8_t lead = s.ptr[0];
    if (charset->char_bytes_max == 1 || lead < 0xc2 || lead > 0xf4)
        return 1;
    size_t whole = text_utf8_len(s);
    if (whole > 0)
        return whole; /* four bytes in utf8mb3 */
    size_t size = lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
    uint8_t low = lead == 0xe0 ? 0xa0 : lead == 0xf0 ? 0x90 : 0x80;
    uint8_t high = lead == 0xed ? 0x9f : lead == 0xf4 ? 0x8f : 0xbf;
    size_t len = 1;
    while (len < size && len < s.len && s.ptr[len] >= low && s.ptr[len] <= high) {
        low = 0x80;
        high = 0xbf;
        len++;
    }
    return len;
}

static enum rc mend_utf8(const struct charset *charset, struct slice bytes, struct buf *scratch,
                         struct slice *text)
{
    size_t start = scratch->len;
    uint8_t *out = buf_reserve(scratch, bytes.len * 3);
    if (out == NULL)
        return scratch->rc;
    size_t len = 0;
    for (size_t at = 0; at < bytes.len;) {
        struct slice rest = slice_of(bytes.ptr + at, bytes.len - at);
        size_t size = utf8_char_len(charset, rest);
        if (size > 0) {
            memcpy(out + len, rest.ptr, size);
            len += size;
            at += size;
        } else {
            len += text_put_utf8(out + len, CHARSET_REPLACEMENT);
            at += utf8_bad_len(charset, rest);
        }
    }
    scratch->len = start + len;
    *text = slice_of(scratch->ptr + start, len);
    return RC_OK;
}

static enum rc from_utf8(const struct charset *charset, struct slice bytes, bool replace,
                         struct buf *scratch, struct slice *text)
{
    *text = bytes;
    if (is_valid_utf8(charset, bytes))
        return RC_OK;
    return replace ? mend_utf8(charset, bytes, scratch, text) : RC_REJECTED;
}

/* --- ucs2, utf16, utf16le, utf32 --- */

static bool is_surrogate(uint32_t code)
{
    return code >= 0xd800 && code <= 0xdfff;
}

/* The code point at the front of `s`, which is not empty, and its bytes; false: none, and `size`
 * is how many bytes are to be passed over. */
static bool wide_code(enum charset_id id, struct slice s, uint32_t *code, size_t *size)
{
    enum { CODE_MAX = 0x10ffff };
    *size = id == CHARSET_UTF32 ? 4 : 2;
    if (s.len < *size) {
        *size = s.len;
        return false;
    }
    if (id == CHARSET_UTF32) {
        *code = (uint32_t)load_uint_be(s.ptr, 4);
        return *code <= CODE_MAX && !is_surrogate(*code);
    }
    bool little = id == CHARSET_UTF16LE;
    uint32_t high = little ? load_u16le(s.ptr) : (uint32_t)load_uint_be(s.ptr, 2);
    *code = high;
    if (!is_surrogate(high))
        return true;
    if (id == CHARSET_UCS2 || high >= 0xdc00 || s.len < 4)
        return false;
    uint32_t low = little ? load_u16le(s.ptr + 2) : (uint32_t)load_uint_be(s.ptr + 2, 2);
    if (low < 0xdc00 || low > 0xdfff)
        return false;
    *size = 4;
    *code = 0x10000 + ((high - 0xd800) << 10 | (low - 0xdc00));
    return true;
}

static enum rc from_wide(const struct charset *charset, struct slice bytes, bool replace,
                         struct buf *scratch, struct slice *text)
{
    size_t start = scratch->len;
    /* Two bytes give at most three, four at most four, and a torn last byte three. */
    uint8_t *out = buf_reserve(scratch, bytes.len * 2 + 3);
    if (out == NULL)
        return scratch->rc;
    size_t len = 0;
    for (size_t at = 0; at < bytes.len;) {
        uint32_t code;
        size_t size;
        if (!wide_code(charset->id, slice_of(bytes.ptr + at, bytes.len - at), &code, &size)) {
            if (!replace)
                return RC_REJECTED;
            code = CHARSET_REPLACEMENT;
        }
        len += text_put_utf8(out + len, code);
        at += size;
    }
    scratch->len = start + len;
    *text = slice_of(scratch->ptr + start, len);
    return RC_OK;
}

/* --- all --- */

bool charset_has_ascii(const struct charset *charset)
{
    return charset->way != CHARSET_WAY_WIDE && charset->way != CHARSET_WAY_NONE &&
           charset->id != CHARSET_SWE7;
}

static enum rc convert(const struct charset *charset, struct slice bytes, bool replace,
                       struct buf *scratch, struct slice *text)
{
    /* Most text is ASCII, and most sets have that as it is. */
    if (bytes.len == 0 || (charset_has_ascii(charset) && text_is_ascii(bytes))) {
        *text = bytes;
        return RC_OK;
    }
    switch (charset->way) {
    case CHARSET_WAY_UTF8:
        return from_utf8(charset, bytes, replace, scratch, text);
    case CHARSET_WAY_BINARY:
        return from_utf8(charset_get(CHARSET_UTF8MB4), bytes, replace, scratch, text);
    case CHARSET_WAY_SINGLE:
        return from_single(charset, bytes, replace, scratch, text);
    case CHARSET_WAY_WIDE:
        return from_wide(charset, bytes, replace, scratch, text);
    case CHARSET_WAY_MULTI:
        return charset_from_multi(charset, bytes, replace, scratch, text);
    case CHARSET_WAY_NONE:
        break;
    }
    return RC_UNSUPPORTED;
}

enum rc charset_to_utf8(const struct charset *charset, struct slice bytes, struct buf *scratch,
                        struct slice *text)
{
    return convert(charset, bytes, false, scratch, text);
}

static enum rc put_base64(struct slice bytes, struct buf *scratch, struct slice *text)
{
    size_t start = scratch->len;
    buf_add_str(scratch, "base64:");
    buf_add_base64(scratch, bytes);
    if (scratch->rc == RC_OK)
        *text = slice_of(scratch->ptr + start, scratch->len - start);
    return scratch->rc;
}

enum rc charset_text(const struct charset *charset, enum invalid_text invalid_text,
                     struct slice bytes, struct buf *scratch, struct slice *text)
{
    enum rc rc = convert(charset, bytes, false, scratch, text);
    if (rc != RC_REJECTED)
        return rc;
    switch (invalid_text) {
    case INVALID_TEXT_STOP:
        return rc;
    case INVALID_TEXT_REPLACE:
        return convert(charset, bytes, true, scratch, text);
    case INVALID_TEXT_BASE64:
        return put_base64(bytes, scratch, text);
    }
    ASSERT(false && "a way with invalid text that is not in the list");
    return rc;
}
