/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Column names that the server takes for the same: it compares them in its system charset after
 * folding case, a character at a time (utf8mb3; a supplementary character equals only itself).
 * Accents count. The runs below are the letters of two cases that identifiers are written in:
 * Latin, Greek, Cyrillic, Armenian, Georgian, full-width; each from Unicode's simple case mapping.
 */
#include "ddl_parse_int.h"

struct fold_run {
    uint16_t first; /* of the capital letters */
    uint16_t last;
    uint16_t distance; /* to the small ones; 1: capitals and small letters alternate */
};

static const struct fold_run fold_runs[] = {
    {0x0041, 0x005A, 32}, {0x00C0, 0x00D6, 32}, {0x00D8, 0x00DE, 32},   {0x0100, 0x012E, 1},
    {0x0132, 0x0136, 1},  {0x0139, 0x0147, 1},  {0x014A, 0x0176, 1},    {0x0179, 0x017D, 1},
    {0x01CD, 0x01DB, 1},  {0x01DE, 0x01EE, 1},  {0x01F8, 0x021E, 1},    {0x0222, 0x0232, 1},
    {0x0386, 0x0386, 38}, {0x0388, 0x038A, 37}, {0x038C, 0x038C, 64},   {0x038E, 0x038F, 63},
    {0x0391, 0x03A1, 32}, {0x03A3, 0x03AB, 32}, {0x03D8, 0x03EE, 1},    {0x0400, 0x040F, 80},
    {0x0410, 0x042F, 32}, {0x0460, 0x0480, 1},  {0x048A, 0x04BE, 1},    {0x04C1, 0x04CD, 1},
    {0x04D0, 0x04FE, 1},  {0x0531, 0x0556, 48}, {0x10A0, 0x10C5, 7264}, {0x1E00, 0x1E94, 1},
    {0x1EA0, 0x1EFE, 1},  {0x2160, 0x216F, 16}, {0x24B6, 0x24CF, 26},   {0xFF21, 0xFF3A, 32},
};

static uint32_t fold(uint32_t code)
{
    if (code == 0x0178)
        return 0x00FF;
    for (unsigned i = 0; i < COUNT_OF(fold_runs) && code >= fold_runs[i].first; i++) {
        const struct fold_run *run = &fold_runs[i];
        if (code > run->last)
            continue;
        if (run->distance != 1)
            return code + run->distance;
        return (code - run->first) % 2 == 0 ? code + 1 : code;
    }
    return code;
}

/* The code point at the front, which is passed over; a broken byte stands for itself. */
static uint32_t next_code(struct slice *text)
{
    size_t len = text_utf8_len(*text);
    uint32_t code = text->ptr[0];
    if (len == 2)
        code = (code & 0x1F) << 6 | (text->ptr[1] & 0x3FU);
    else if (len == 3)
        code = (code & 0x0F) << 12 | (text->ptr[1] & 0x3FU) << 6 | (text->ptr[2] & 0x3FU);
    else if (len == 4)
        code = (code & 0x07) << 18 | (text->ptr[1] & 0x3FU) << 12 | (text->ptr[2] & 0x3FU) << 6 |
               (text->ptr[3] & 0x3FU);
    size_t taken = len == 0 ? 1 : len;
    *text = slice_of(text->ptr + taken, text->len - taken);
    return code;
}

bool ddl_name_equal(struct slice a, struct slice b)
{
    if (slice_equal(a, b))
        return true;
    while (a.len > 0 && b.len > 0) {
        if (fold(next_code(&a)) != fold(next_code(&b)))
            return false;
    }
    return a.len == 0 && b.len == 0;
}
