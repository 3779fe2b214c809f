/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The 41 character sets of MySQL and MariaDB: which collation id belongs to which, and how their
 * bytes become UTF-8 (facts/binlog.md 6.15).
 *
 *   utf8mb3, utf8mb4, ascii   the bytes are the text already: checked, not copied
 *   the 8-bit sets            by the server's own tables (charset_table.c); MySQL's latin1 is
 *                             Windows-1252 with C1 controls in its five holes, which iconv does not
 *                             know, and some of the sets iconv does not have at all
 *   the others                by iconv, one descriptor per thread and set (value_thread.c)
 *
 * Compared with a MariaDB 10.11 server over every one- and two-byte sequence (and 8F xx xx of the
 * Japanese sets): gbk, gb2312, euckr, cp932, eucjpms agree in all, sjis with its list of
 * exceptions. Known differences: in ujis the tilde 8FA2B7 comes out as the wave dash of A1C1,
 * because iconv gives both one code point; in big5 267 of 13,717 characters (some symbols, and the
 * kana and Cyrillic letters from C6A1 on) come out as other code points than the server's.
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
    CHARSET_WAY_ICONV
};

/* One code point that the server reads differently from iconv's set of the nearest name. */
struct charset_exception {
    uint16_t iconv_says;
    uint16_t server_says;
};

struct charset {
    enum charset_id id;
    enum charset_way way;
    struct slice name; /* the server's: "utf8mb4" */
    uint8_t char_bytes_max;
    const char *iconv_name;
    const struct charset_exception *exceptions; /* ends with {0, 0}; NULL: none */
};

/* NULL for an id that no server knows. */
const struct charset *charset_of_collation(uint32_t collation);
/* By the server's name; "utf8" is utf8mb3. NULL when there is none of that name. */
const struct charset *charset_by_name(struct slice name);
const struct charset *charset_get(enum charset_id id);

/* The bytes as UTF-8: `text` is `bytes` itself or is appended to `scratch`. RC_REJECTED: not valid
 * in the charset; RC_UNSUPPORTED: the C library lacks the conversion; RC_LIMIT, RC_MEMORY of
 * `scratch`. The words are the caller's, who knows the column. */
enum rc charset_to_utf8(const struct charset *charset, struct slice bytes, struct buf *scratch,
                        struct slice *text) MUST_CHECK;

/* charset_table.c: the upper halves of the 8-bit sets, by charset id; NULL where there is none. */
extern const uint16_t *const charset_high[CHARSET_COUNT];

#endif
