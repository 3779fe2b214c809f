/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Character sets: which there are, and which collation belongs to which. Role, sources and threads
 * are told in charset_int.h.
 */
#include "charset_int.h"

#include "value_int.h"

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
#define MULTI(charset, text, bytes, iconv)                                                         \
    [charset] = {.id = (charset),                                                                  \
                 .way = CHARSET_WAY_MULTI,                                                         \
                 .name = {(const uint8_t *)(text), sizeof(text) - 1},                              \
                 .char_bytes_max = (bytes),                                                        \
                 .iconv_name = (iconv)}
#define WIDE(charset, text, bytes)                                                                 \
    [charset] = {.id = (charset),                                                                  \
                 .way = CHARSET_WAY_WIDE,                                                          \
                 .name = {(const uint8_t *)(text), sizeof(text) - 1},                              \
                 .char_bytes_max = (bytes)}

static const struct charset charsets[CHARSET_COUNT] = {
    SINGLE(CHARSET_ARMSCII8, "armscii8"),
    UTF8(CHARSET_ASCII, "ascii", 1),
    MULTI(CHARSET_BIG5, "big5", 2, "BIG5"),
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
    MULTI(CHARSET_CP932, "cp932", 2, "CP932"),
    SINGLE(CHARSET_DEC8, "dec8"),
    MULTI(CHARSET_EUCJPMS, "eucjpms", 3, "EUC-JP-MS"),
    MULTI(CHARSET_EUCKR, "euckr", 2, "UHC"),
    MULTI(CHARSET_GB18030, "gb18030", 4, "GB18030"),
    MULTI(CHARSET_GB2312, "gb2312", 2, "GB2312"),
    MULTI(CHARSET_GBK, "gbk", 2, "GBK"),
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
    MULTI(CHARSET_SJIS, "sjis", 2, "CP932"),
    SINGLE(CHARSET_SWE7, "swe7"),
    SINGLE(CHARSET_TIS620, "tis620"),
    WIDE(CHARSET_UCS2, "ucs2", 2),
    MULTI(CHARSET_UJIS, "ujis", 3, "EUC-JP-MS"),
    WIDE(CHARSET_UTF16, "utf16", 4),
    WIDE(CHARSET_UTF16LE, "utf16le", 4),
    WIDE(CHARSET_UTF32, "utf32", 4),
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

struct slice value_charset_name(uint32_t collation)
{
    const struct charset *charset = charset_of_collation(collation);
    return charset == NULL ? SLICE_EMPTY : charset->name;
}
