/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which characters a charset has: needed for the labels of ENUM and SET, which servers outside of
 * strict mode store with a question mark for each that it has not. It has those that some bytes of
 * it are, as the servers read them: what they write, they read (asked of both for all characters of
 * the BMP and all sets).
 */
#include <iconv.h>

#include "ddl_charset_int.h"

/* More than a character's UTF-8, for a conversion reserves three bytes a byte. */
enum { CHARACTER_BYTES_MAX = 64 };

/* The code point of the well-formed character at the front. */
static uint32_t code_of(struct slice text, size_t len)
{
    static const uint8_t masks[] = {0, 0x7F, 0x1F, 0x0F, 0x07};
    uint32_t code = text.ptr[0] & masks[len];
    for (size_t i = 1; i < len; i++)
        code = code << 6 | (text.ptr[i] & 0x3FU);
    return code;
}

static bool is_a_byte(const struct charset *charset, uint32_t code)
{
    for (unsigned i = 0; i < 256; i++)
        if (charset_byte_code(charset, (uint8_t)i) == code)
            return true;
    return false;
}

static bool is_patched(enum charset_id id, uint32_t code)
{
    struct charset_patches patches = charset_patches(id);
    for (size_t i = 0; i < patches.count; i++) {
        const struct charset_patch *patch = &patches.list[i];
        if (patch->code != 0 && code >= patch->code &&
            code - patch->code <= patch->last - patch->first)
            return true;
    }
    return false;
}

/* The charset that a text is to have, and what is needed to ask of a character. */
struct target {
    const struct charset *charset;
    iconv_t descriptor; /* (iconv_t)-1: none */
    struct buf scratch;
};

/* iconv's bytes for it may be another character to the servers, or none. Of all characters one has
 * others too: NUMERO SIGN, which ujis has outside of NEC's row. */
static bool is_in_iconv(struct target *target, struct slice character)
{
    char in[4];
    char out[8];
    char *from = in;
    char *to = out;
    size_t left = character.len;
    size_t room = sizeof(out);
    struct slice text;
    memcpy(in, character.ptr, character.len);
    size_t done = iconv(target->descriptor, &from, &left, &to, &room);
    (void)iconv(target->descriptor, NULL, NULL, NULL, NULL);
    if (done != 0 || left != 0)
        return false;
    if (target->charset->id == CHARSET_UJIS && slice_equal(character, SLICE("\u2116")))
        return true;
    buf_reset(&target->scratch);
    return charset_to_utf8(target->charset, slice_of(out, sizeof(out) - room), &target->scratch,
                           &text) == RC_OK &&
           slice_equal(text, character);
}

static bool has_character(struct target *target, struct slice character)
{
    const struct charset *charset = target->charset;
    uint32_t code = code_of(character, character.len);
    switch (charset->way) {
    case CHARSET_WAY_SINGLE:
        return is_a_byte(charset, code);
    case CHARSET_WAY_MULTI:
        return code < 0x80 || is_patched(charset->id, code) || target->descriptor == (iconv_t)-1 ||
               is_in_iconv(target, character);
    case CHARSET_WAY_NONE:
    case CHARSET_WAY_UTF8:
    case CHARSET_WAY_BINARY:
    case CHARSET_WAY_WIDE:
        break;
    }
    if (charset->id == CHARSET_ASCII)
        return code < 0x80;
    return code <= 0xFFFF || (charset->id != CHARSET_UTF8MB3 && charset->id != CHARSET_UCS2);
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
    if (charset == NULL || (is_ascii(text) && charset_has_ascii(charset)))
        return text;
    uint8_t *to = ddl_alloc(parser, text.len);
    if (to == NULL)
        return text;
    struct target target = {.charset = charset, .descriptor = (iconv_t)-1};
    if (charset->iconv_name != NULL)
        target.descriptor = iconv_open(charset->iconv_name, "UTF-8");
    buf_init(&target.scratch, CHARACTER_BYTES_MAX);
    size_t used = 0;
    while (text.len > 0) {
        size_t len = text_utf8_len(text);
        size_t taken = len == 0 ? 1 : len;
        if (len != 0 && has_character(&target, slice_of(text.ptr, len))) {
            memcpy(to + used, text.ptr, len);
            used += len;
        } else {
            to[used++] = '?';
        }
        text = slice_of(text.ptr + taken, text.len - taken);
    }
    buf_deinit(&target.scratch);
    if (target.descriptor != (iconv_t)-1)
        (void)iconv_close(target.descriptor);
    return slice_of(to, used);
}
