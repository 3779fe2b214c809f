/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The 41 character sets of MySQL and MariaDB: which collation id belongs to which, and how their
 * bytes become UTF-8 (facts/binlog.md 6.15).
 *
 *   utf8mb3, utf8mb4, ascii   the bytes are the text already: checked, not copied
 *   the 8-bit sets            by the server's own tables (charset_table.c); MySQL's latin1 is
 *                             Windows-1252 with C1 controls in its five holes, which iconv does not
 *                             know, and some of the sets iconv does not have at all
 *   ucs2, utf16, utf32        code units, here
 *   the East Asian sets       by iconv, one descriptor per thread and set (value_thread.c), and by
 *                             a list where the servers differ from it (charset_patch.c)
 *
 * Every character of every set comes out as MariaDB 10.11 and MySQL 9.7 show it, which agree in all
 * of them; what they show as '?' or as U+FFFD for having no meaning is not valid here (thirteen
 * characters of big5 and tis620 are U+FFFD in their tables). tests/integration/test_charset_space.py
 * asks them. Only their guards differ: MariaDB lets bytes from 0x80 into ascii and surrogates into
 * utf8, both let surrogates into ucs2; none of these has a UTF-8 form.
 *
 * Everything here is constant, or per thread: any thread may call.
 */
#ifndef MILLRACE_BINLOG_CHARSET_INT_H
#define MILLRACE_BINLOG_CHARSET_INT_H

#include "engine/engine.h"

enum charset_id {
    CHARSET_NONE = 0,
    CHARSET_ARMSCII8,
    CHARSET_ASCII,
    CHARSET_BIG5,
    CHARSET_BINARY,
    CHARSET_CP1250,
    CHARSET_CP1251,
    CHARSET_CP1256,
    CHARSET_CP1257,
    CHARSET_CP850,
    CHARSET_CP852,
    CHARSET_CP866,
    CHARSET_CP932,
    CHARSET_DEC8,
    CHARSET_EUCJPMS,
    CHARSET_EUCKR,
    CHARSET_GB18030,
    CHARSET_GB2312,
    CHARSET_GBK,
    CHARSET_GEOSTD8,
    CHARSET_GREEK,
    CHARSET_HEBREW,
    CHARSET_HP8,
    CHARSET_KEYBCS2,
    CHARSET_KOI8R,
    CHARSET_KOI8U,
    CHARSET_LATIN1,
    CHARSET_LATIN2,
    CHARSET_LATIN5,
    CHARSET_LATIN7,
    CHARSET_MACCE,
    CHARSET_MACROMAN,
    CHARSET_SJIS,
    CHARSET_SWE7,
    CHARSET_TIS620,
    CHARSET_UCS2,
    CHARSET_UJIS,
    CHARSET_UTF16,
    CHARSET_UTF16LE,
    CHARSET_UTF32,
    CHARSET_UTF8MB3,
    CHARSET_UTF8MB4,
    CHARSET_COUNT
};

enum charset_way {
    CHARSET_WAY_NONE = 0,
    CHARSET_WAY_UTF8,   /* zero copy, checked */
    CHARSET_WAY_BINARY, /* bytes, not text */
    CHARSET_WAY_SINGLE, /* table of 128 code points for the upper half */
    CHARSET_WAY_WIDE,   /* code units of two or four bytes */
    CHARSET_WAY_MULTI   /* one to four bytes, by iconv */
};

struct charset {
    enum charset_id id;
    enum charset_way way;
    struct slice name; /* the server's: "utf8mb4" */
    uint8_t char_bytes_max;
    const char *iconv_name;
};

/* What stands for bytes that are no character. */
enum { CHARSET_REPLACEMENT = 0xfffd };

/* NULL for an id that no server knows. */
const struct charset *charset_of_collation(uint32_t collation);
/* By the server's name; "utf8" is utf8mb3. NULL when there is none of that name. */
const struct charset *charset_by_name(struct slice name);
const struct charset *charset_get(enum charset_id id);

/* Whether text of bytes below 0x80 alone is its own UTF-8. */
bool charset_has_ascii(const struct charset *charset);

/* The bytes as UTF-8: `text` is `bytes` itself or is appended to `scratch`. RC_REJECTED: not valid
 * in the charset; RC_UNSUPPORTED: the C library lacks the conversion; RC_LIMIT, RC_MEMORY of
 * `scratch`. The words are the caller's, who knows the column. */
enum rc charset_to_utf8(const struct charset *charset, struct slice bytes, struct buf *scratch,
                        struct slice *text) MUST_CHECK;

/* The same with the user's choice for bytes that are not valid: RC_REJECTED only with
 * INVALID_TEXT_STOP. */
enum rc charset_text(const struct charset *charset, enum invalid_text invalid_text,
                     struct slice bytes, struct buf *scratch, struct slice *text) MUST_CHECK;

/* --- between the charset files --- */

/* charset_table.c: the upper halves of the 8-bit sets, by charset id; NULL where there is none. */
extern const uint16_t *const charset_high[CHARSET_COUNT];

/* charset_text.c: the code point of a byte of an 8-bit set; 0: none, but for the byte 0. */
uint16_t charset_byte_code(const struct charset *charset, uint8_t byte);

/* Byte sequences, read as big-endian numbers, that the servers read otherwise than iconv: `first`
 * is `code`, the next one the next; code 0: all of them are no characters. In ascending order. */
struct charset_patch {
    uint32_t first;
    uint32_t last;
    uint32_t code;
};

struct charset_patches {
    const struct charset_patch *list;
    size_t count;
};

/* charset_patch.c */
struct charset_patches charset_patches(enum charset_id id);

/* charset_multi.c; `replace`: U+FFFD for what is no character, never RC_REJECTED. */
enum rc charset_from_multi(const struct charset *charset, struct slice bytes, bool replace,
                           struct buf *scratch, struct slice *text) MUST_CHECK;

#endif
