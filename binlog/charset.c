/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Character sets: the lookup tables and the conversion. Role, sources and threads are told in
 * charset_int.h.
 */
#include "charset_int.h"

#include "value_int.h"
#include "value_thread_int.h"

struct collation_run {
    uint16_t first;
    uint16_t last;
    enum charset_id charset;
};

/* Every collation id of 15 servers from MySQL 5.6 to 9.7 and MariaDB 10.0 to 11.8: an id never
 * means two sets (facts/binlog.md 6.15). MariaDB's 1025 to 1279 are not listed: they are the NOPAD
 * twins of the ids 1024 below them. */
static const struct collation_run runs[] = {
    {1, 1, CHARSET_BIG5},          {2, 2, CHARSET_LATIN2},        {3, 3, CHARSET_DEC8},
    {4, 4, CHARSET_CP850},         {5, 5, CHARSET_LATIN1},        {6, 6, CHARSET_HP8},
    {7, 7, CHARSET_KOI8R},         {8, 8, CHARSET_LATIN1},        {9, 9, CHARSET_LATIN2},
    {10, 10, CHARSET_SWE7},        {11, 11, CHARSET_ASCII},       {12, 12, CHARSET_UJIS},
    {13, 13, CHARSET_SJIS},        {14, 14, CHARSET_CP1251},      {15, 15, CHARSET_LATIN1},
    {16, 16, CHARSET_HEBREW},      {18, 18, CHARSET_TIS620},      {19, 19, CHARSET_EUCKR},
    {20, 20, CHARSET_LATIN7},      {21, 21, CHARSET_LATIN2},      {22, 22, CHARSET_KOI8U},
    {23, 23, CHARSET_CP1251},      {24, 24, CHARSET_GB2312},      {25, 25, CHARSET_GREEK},
    {26, 26, CHARSET_CP1250},      {27, 27, CHARSET_LATIN2},      {28, 28, CHARSET_GBK},
    {29, 29, CHARSET_CP1257},      {30, 30, CHARSET_LATIN5},      {31, 31, CHARSET_LATIN1},
    {32, 32, CHARSET_ARMSCII8},    {33, 33, CHARSET_UTF8MB3},     {34, 34, CHARSET_CP1250},
    {35, 35, CHARSET_UCS2},        {36, 36, CHARSET_CP866},       {37, 37, CHARSET_KEYBCS2},
    {38, 38, CHARSET_MACCE},       {39, 39, CHARSET_MACROMAN},    {40, 40, CHARSET_CP852},
    {41, 42, CHARSET_LATIN7},      {43, 43, CHARSET_MACCE},       {44, 44, CHARSET_CP1250},
    {45, 46, CHARSET_UTF8MB4},     {47, 49, CHARSET_LATIN1},      {50, 52, CHARSET_CP1251},
    {53, 53, CHARSET_MACROMAN},    {54, 55, CHARSET_UTF16},       {56, 56, CHARSET_UTF16LE},
    {57, 57, CHARSET_CP1256},      {58, 59, CHARSET_CP1257},      {60, 61, CHARSET_UTF32},
    {62, 62, CHARSET_UTF16LE},     {63, 63, CHARSET_BINARY},      {64, 64, CHARSET_ARMSCII8},
    {65, 65, CHARSET_ASCII},       {66, 66, CHARSET_CP1250},      {67, 67, CHARSET_CP1256},
    {68, 68, CHARSET_CP866},       {69, 69, CHARSET_DEC8},        {70, 70, CHARSET_GREEK},
    {71, 71, CHARSET_HEBREW},      {72, 72, CHARSET_HP8},         {73, 73, CHARSET_KEYBCS2},
    {74, 74, CHARSET_KOI8R},       {75, 75, CHARSET_KOI8U},       {76, 76, CHARSET_UTF8MB3},
    {77, 77, CHARSET_LATIN2},      {78, 78, CHARSET_LATIN5},      {79, 79, CHARSET_LATIN7},
    {80, 80, CHARSET_CP850},       {81, 81, CHARSET_CP852},       {82, 82, CHARSET_SWE7},
    {83, 83, CHARSET_UTF8MB3},     {84, 84, CHARSET_BIG5},        {85, 85, CHARSET_EUCKR},
    {86, 86, CHARSET_GB2312},      {87, 87, CHARSET_GBK},         {88, 88, CHARSET_SJIS},
    {89, 89, CHARSET_TIS620},      {90, 90, CHARSET_UCS2},        {91, 91, CHARSET_UJIS},
    {92, 93, CHARSET_GEOSTD8},     {94, 94, CHARSET_LATIN1},      {95, 96, CHARSET_CP932},
    {97, 98, CHARSET_EUCJPMS},     {99, 99, CHARSET_CP1250},      {101, 124, CHARSET_UTF16},
    {128, 151, CHARSET_UCS2},      {159, 159, CHARSET_UCS2},      {160, 183, CHARSET_UTF32},
    {192, 215, CHARSET_UTF8MB3},   {223, 223, CHARSET_UTF8MB3},   {224, 247, CHARSET_UTF8MB4},
    {248, 250, CHARSET_GB18030},   {255, 271, CHARSET_UTF8MB4},   {273, 275, CHARSET_UTF8MB4},
    {277, 294, CHARSET_UTF8MB4},   {296, 298, CHARSET_UTF8MB4},   {300, 300, CHARSET_UTF8MB4},
    {303, 323, CHARSET_UTF8MB4},   {576, 579, CHARSET_UTF8MB3},   {608, 611, CHARSET_UTF8MB4},
    {640, 642, CHARSET_UCS2},      {672, 674, CHARSET_UTF16},     {736, 738, CHARSET_UTF32},
    {2048, 2215, CHARSET_UTF8MB3}, {2232, 2247, CHARSET_UTF8MB3}, {2304, 2471, CHARSET_UTF8MB4},
    {2488, 2503, CHARSET_UTF8MB4}, {2560, 2727, CHARSET_UCS2},    {2744, 2759, CHARSET_UCS2},
    {2816, 2983, CHARSET_UTF16},   {3000, 3015, CHARSET_UTF16},   {3072, 3239, CHARSET_UTF32},
    {3256, 3271, CHARSET_UTF32},
};

enum { NOPAD_FIRST = 1025, NOPAD_LAST = 1279, NOPAD_DISTANCE = 1024 };

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

/* MySQL's sjis and ujis are older than the Windows sets that iconv's tables come from. */
static const struct charset_exception sjis_exceptions[] = {
    {0xff3c, 0x005c}, {0xff5e, 0x301c}, {0x2225, 0x2016}, {0xff0d, 0x2212},
    {0xffe0, 0x00a2}, {0xffe1, 0x00a3}, {0xffe2, 0x00ac}, {0, 0},
};
static const struct charset_exception ujis_exceptions[] = {
    {0xff3c, 0x005c}, {0xff5e, 0x301c}, {0x2225, 0x2016}, {0xff0d, 0x2212}, {0xffe0, 0x00a2},
    {0xffe1, 0x00a3}, {0xffe2, 0x00ac}, {0xffe4, 0x00a6}, {0, 0},
};

#define UTF8(charset, text, bytes)                                                                 \
    [charset] = {.id = (charset),                                                                  \
                 .way = CHARSET_WAY_UTF8,                                                          \
                 .name = {(const uint8_t *)(text), sizeof(text) - 1},                              \
                 .char_bytes_max = (bytes)}
#define SINGLE(charset, text)                                                                      \
    [charset] = {.id = (charset),                                                                  \
                 .way = CHARSET_WAY_SINGLE,                                                        \
                 .name = {(const uint8_t *)(text), sizeof(text) - 1},                              \
                 .char_bytes_max = 1}
#define ICONV(charset, text, bytes, iconv, list)                                                   \
    [charset] = {.id = (charset),                                                                  \
                 .way = CHARSET_WAY_ICONV,                                                         \
                 .name = {(const uint8_t *)(text), sizeof(text) - 1},                              \
                 .char_bytes_max = (bytes),                                                        \
                 .iconv_name = (iconv),                                                            \
                 .exceptions = (list)}

static const struct charset charsets[CHARSET_COUNT] = {
    SINGLE(CHARSET_ARMSCII8, "armscii8"),
    UTF8(CHARSET_ASCII, "ascii", 1),
    ICONV(CHARSET_BIG5, "big5", 2, "BIG5", NULL),
    [CHARSET_BINARY] = {.id = CHARSET_BINARY,
                        .way = CHARSET_WAY_BINARY,
                        .name = {(const uint8_t *)"binary", 6},
                        .char_bytes_max = 1},
    SINGLE(CHARSET_CP1250, "cp1250"),
    SINGLE(CHARSET_CP1251, "cp1251"),
    SINGLE(CHARSET_CP1256, "cp1256"),
    SINGLE(CHARSET_CP1257, "cp1257"),
    SINGLE(CHARSET_CP850, "cp850"),
    SINGLE(CHARSET_CP852, "cp852"),
    SINGLE(CHARSET_CP866, "cp866"),
    ICONV(CHARSET_CP932, "cp932", 2, "CP932", NULL),
    SINGLE(CHARSET_DEC8, "dec8"),
    ICONV(CHARSET_EUCJPMS, "eucjpms", 3, "EUC-JP-MS", NULL),
    ICONV(CHARSET_EUCKR, "euckr", 2, "UHC", NULL),
    ICONV(CHARSET_GB18030, "gb18030", 4, "GB18030", NULL),
    ICONV(CHARSET_GB2312, "gb2312", 2, "GB2312", NULL),
    ICONV(CHARSET_GBK, "gbk", 2, "GBK", NULL),
    SINGLE(CHARSET_GEOSTD8, "geostd8"),
    SINGLE(CHARSET_GREEK, "greek"),
    SINGLE(CHARSET_HEBREW, "hebrew"),
    SINGLE(CHARSET_HP8, "hp8"),
    SINGLE(CHARSET_KEYBCS2, "keybcs2"),
    SINGLE(CHARSET_KOI8R, "koi8r"),
    SINGLE(CHARSET_KOI8U, "koi8u"),
    SINGLE(CHARSET_LATIN1, "latin1"),
    SINGLE(CHARSET_LATIN2, "latin2"),
    SINGLE(CHARSET_LATIN5, "latin5"),
    SINGLE(CHARSET_LATIN7, "latin7"),
    SINGLE(CHARSET_MACCE, "macce"),
    SINGLE(CHARSET_MACROMAN, "macroman"),
    ICONV(CHARSET_SJIS, "sjis", 2, "CP932", sjis_exceptions),
    SINGLE(CHARSET_SWE7, "swe7"),
    SINGLE(CHARSET_TIS620, "tis620"),
    ICONV(CHARSET_UCS2, "ucs2", 2, "UCS-2BE", NULL),
    ICONV(CHARSET_UJIS, "ujis", 3, "EUC-JP-MS", ujis_exceptions),
    ICONV(CHARSET_UTF16, "utf16", 4, "UTF-16BE", NULL),
    ICONV(CHARSET_UTF16LE, "utf16le", 4, "UTF-16LE", NULL),
    ICONV(CHARSET_UTF32, "utf32", 4, "UTF-32BE", NULL),
    UTF8(CHARSET_UTF8MB3, "utf8mb3", 3),
    UTF8(CHARSET_UTF8MB4, "utf8mb4", 4),
};

const struct charset *charset_get(enum charset_id id)
{
    ASSERT(id > CHARSET_NONE && id < CHARSET_COUNT);
    return &charsets[id];
}

const struct charset *charset_of_collation(uint32_t collation)
{
    if (collation >= NOPAD_FIRST && collation <= NOPAD_LAST)
        collation -= NOPAD_DISTANCE;
    size_t low = 0;
    size_t high = COUNT_OF(runs);
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (runs[middle].last < collation)
            low = middle + 1;
        else
            high = middle;
    }
    if (low == COUNT_OF(runs) || collation < runs[low].first)
        return NULL;
    return &charsets[runs[low].charset];
}

const struct charset *charset_by_name(struct slice name)
{
    if (slice_equal_nocase(name, SLICE("utf8")))
        return &charsets[CHARSET_UTF8MB3];
    for (unsigned id = CHARSET_NONE + 1; id < CHARSET_COUNT; id++)
        if (slice_equal_nocase(name, charsets[id].name))
            return &charsets[id];
    return NULL;
}

/* Code points of the tables are below 0x10000, so three bytes are enough. */
static unsigned put_utf8(uint8_t *out, uint32_t code)
{
    if (code < 0x80) {
        out[0] = (uint8_t)code;
        return 1;
    }
    if (code < 0x800) {
        out[0] = (uint8_t)(0xc0 | code >> 6);
        out[1] = (uint8_t)(0x80 | (code & 0x3f));
        return 2;
    }
    out[0] = (uint8_t)(0xe0 | code >> 12);
    out[1] = (uint8_t)(0x80 | (code >> 6 & 0x3f));
    out[2] = (uint8_t)(0x80 | (code & 0x3f));
    return 3;
}

static bool is_ascii(struct slice s)
{
    uint8_t seen = 0;
    for (size_t i = 0; i < s.len; i++)
        seen |= s.ptr[i];
    return seen < 0x80;
}

static enum rc from_single(const struct charset *charset, struct slice bytes, struct buf *scratch,
                           struct slice *text)
{
    const uint16_t *high = charset_high[charset->id];
    const uint16_t *low = charset->id == CHARSET_SWE7 ? swe7_low : NULL;
    if (low == NULL && is_ascii(bytes)) {
        *text = bytes;
        return RC_OK;
    }
    size_t start = scratch->len;
    uint8_t *out = buf_reserve(scratch, bytes.len * 3);
    if (out == NULL)
        return scratch->rc;
    size_t len = 0;
    for (size_t i = 0; i < bytes.len; i++) {
        uint8_t byte = bytes.ptr[i];
        uint16_t code = byte;
        if (byte >= 0x80)
            code = high == NULL ? 0 : high[byte - 0x80];
        else if (low != NULL)
            code = low[byte];
        if (code == 0 && byte != 0)
            return RC_REJECTED;
        len += put_utf8(out + len, code);
    }
    scratch->len = start + len;
    *text = slice_of(scratch->ptr + start, len);
    return RC_OK;
}

/* Replaces, in place, the code points that the server reads differently; a replacement is never
 * longer in UTF-8 than what iconv gave (all of iconv's are three bytes). */
static size_t apply_exceptions(const struct charset_exception *exceptions, uint8_t *text,
                               size_t len)
{
    size_t to = 0;
    for (size_t from = 0; from < len;) {
        uint8_t lead = text[from];
        size_t size = lead < 0x80 ? 1 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
        const struct charset_exception *found = NULL;
        if (size == 3) {
            uint32_t code = (uint32_t)(lead & 0x0f) << 12 | (uint32_t)(text[from + 1] & 0x3f) << 6 |
                            (text[from + 2] & 0x3f);
            for (const struct charset_exception *e = exceptions; e->iconv_says != 0; e++)
                if (e->iconv_says == code)
                    found = e;
        }
        if (found != NULL) {
            to += put_utf8(text + to, found->server_says);
        } else {
            memmove(text + to, text + from, size);
            to += size;
        }
        from += size;
    }
    return to;
}

static enum rc from_iconv(const struct charset *charset, struct slice bytes, struct buf *scratch,
                          struct slice *text)
{
    iconv_t descriptor;
    enum rc rc = value_thread_iconv(charset, &descriptor);
    if (rc != RC_OK)
        return rc;
    /* No set of the list makes more than 3 bytes of UTF-8 from one of its own, and the sets whose
     * characters take 2 or 4 bytes make at most 4 from a character. */
    size_t start = scratch->len;
    size_t room = bytes.len * 3 + 4;
    uint8_t *out = buf_reserve(scratch, room);
    if (out == NULL)
        return scratch->rc;
    /* iconv does not write through its input; its prototype is older than const. */
    union {
        const uint8_t *read;
        char *pass;
    } in = {.read = bytes.ptr};
    char *to = (char *)out;
    size_t in_left = bytes.len;
    size_t out_left = room;
    iconv(descriptor, NULL, NULL, NULL, NULL);
    if (iconv(descriptor, &in.pass, &in_left, &to, &out_left) == (size_t)-1 || in_left > 0)
        return RC_REJECTED;
    size_t len = room - out_left;
    if (charset->exceptions != NULL)
        len = apply_exceptions(charset->exceptions, out, len);
    scratch->len = start + len;
    *text = slice_of(scratch->ptr + start, len);
    return RC_OK;
}

enum rc charset_to_utf8(const struct charset *charset, struct slice bytes, struct buf *scratch,
                        struct slice *text)
{
    if (bytes.len == 0) {
        *text = bytes;
        return RC_OK;
    }
    switch (charset->way) {
    case CHARSET_WAY_UTF8:
    case CHARSET_WAY_BINARY:
        *text = bytes;
        return text_is_utf8(bytes) ? RC_OK : RC_REJECTED;
    case CHARSET_WAY_SINGLE:
        return from_single(charset, bytes, scratch, text);
    case CHARSET_WAY_ICONV:
        return from_iconv(charset, bytes, scratch, text);
    case CHARSET_WAY_NONE:
        break;
    }
    return RC_UNSUPPORTED;
}

struct slice value_charset_name(uint32_t collation)
{
    const struct charset *charset = charset_of_collation(collation);
    return charset == NULL ? SLICE_EMPTY : charset->name;
}
