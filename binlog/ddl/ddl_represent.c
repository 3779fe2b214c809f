/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which characters a charset has: needed for the labels of ENUM and SET, which servers outside of
 * strict mode store with a question mark for each that it has not.
 */
#include <iconv.h>

#include "ddl_charset_int.h"

/* The code point of the well-formed character at the front. */
static uint32_t code_of(struct slice text, size_t len)
{
    static const uint8_t masks[] = {0, 0x7F, 0x1F, 0x0F, 0x07};
    uint32_t code = text.ptr[0] & masks[len];
    for (size_t i = 1; i < len; i++)
        code = code << 6 | (text.ptr[i] & 0x3FU);
    return code;
}

static bool is_in_table(const struct charset *charset, uint32_t code)
{
    const uint16_t *high = charset_high[charset->id];
    if (code < 0x80)
        return true;
    for (unsigned i = 0; high != NULL && i < 128; i++)
        if (high[i] == code)
            return true;
    return false;
}

static bool is_in_iconv(iconv_t descriptor, struct slice text, size_t len)
{
    char in[4];
    char out[8];
    char *from = in;
    char *to = out;
    size_t left = len;
    size_t room = sizeof(out);
    memcpy(in, text.ptr, len);
    size_t done = iconv(descriptor, &from, &left, &to, &room);
    (void)iconv(descriptor, NULL, NULL, NULL, NULL);
    return done == 0 && left == 0;
}

static bool has_character(const struct charset *charset, iconv_t descriptor, struct slice text,
                          size_t len)
{
    uint32_t code = code_of(text, len);
    switch (charset->id) {
    case CHARSET_ASCII:
        return code < 0x80;
    case CHARSET_UTF8MB3:
    case CHARSET_UCS2:
        return code <= 0xFFFF;
    case CHARSET_UTF8MB4:
    case CHARSET_UTF16:
    case CHARSET_UTF16LE:
    case CHARSET_UTF32:
    case CHARSET_BINARY:
        return true;
    default:
        break;
    }
    if (charset->way == CHARSET_WAY_SINGLE)
        return is_in_table(charset, code);
    return code < 0x80 || descriptor == (iconv_t)-1 || is_in_iconv(descriptor, text, len);
}

static bool is_ascii(struct slice text)
{
    for (size_t i = 0; i < text.len; i++)
        if (text.ptr[i] >= 0x80)
            return false;
    return true;
}

struct slice ddl_text_in_charset(struct ddl_parser *parser, const struct charset *charset,
                                 struct slice text)
{
    if (charset == NULL || is_ascii(text))
        return text;
    uint8_t *to = ddl_alloc(parser, text.len);
    if (to == NULL)
        return text;
    iconv_t descriptor = (iconv_t)-1;
    if (charset->iconv_name != NULL)
        descriptor = iconv_open(charset->iconv_name, "UTF-8");
    size_t used = 0;
    while (text.len > 0) {
        size_t len = text_utf8_len(text);
        size_t taken = len == 0 ? 1 : len;
        if (len != 0 && has_character(charset, descriptor, text, len)) {
            memcpy(to + used, text.ptr, len);
            used += len;
        } else {
            to[used++] = '?';
        }
        text = slice_of(text.ptr + taken, text.len - taken);
    }
    if (descriptor != (iconv_t)-1)
        (void)iconv_close(descriptor);
    return slice_of(to, used);
}
