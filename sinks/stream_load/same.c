/* SPDX-License-Identifier: Apache-2.0 */
/* See same_int.h. */
#include "same_int.h"

#include <cjson/cJSON.h>
#include <math.h>
#include <stdlib.h>

enum { NUMBER_TEXT_MAX = 400 };

/* ---- one text a value ---- */

static struct slice without_end(struct slice text, uint8_t byte)
{
    while (text.len > 0 && text.ptr[text.len - 1] == byte)
        text.len--;
    return text;
}

static bool has_point(struct slice text)
{
    return text.len > 0 && memchr(text.ptr, '.', text.len) != NULL;
}

/* "-007.50" -> "-7.5", "-0.0" -> "0". */
static void add_plain_number(struct buf *out, struct slice text)
{
    bool is_negative = text.len > 0 && text.ptr[0] == '-';
    if (text.len > 0 && (text.ptr[0] == '-' || text.ptr[0] == '+'))
        text = slice_of(text.ptr + 1, text.len - 1);
    while (text.len > 1 && text.ptr[0] == '0' && text.ptr[1] != '.')
        text = slice_of(text.ptr + 1, text.len - 1);
    if (has_point(text))
        text = without_end(without_end(text, '0'), '.');
    if (is_negative && !slice_equal(text, SLICE("0")))
        buf_add_byte(out, '-');
    buf_add_slice(out, text);
}

/* Without the zeros that end a fraction. */
static void add_moment(struct buf *out, struct slice text)
{
    buf_add_slice(out, has_point(text) ? without_end(without_end(text, '0'), '.') : text);
}

static bool parse_double(struct slice text, double *out)
{
    char copy[NUMBER_TEXT_MAX];
    char *end = NULL;
    if (text.len == 0 || text.len >= sizeof(copy))
        return false;
    memcpy(copy, text.ptr, text.len);
    copy[text.len] = '\0';
    *out = strtod(copy, &end);
    return *end == '\0';
}

static void add_real(struct buf *out, const struct column *column, struct slice text)
{
    double value;
    if (!parse_double(text, &value))
        buf_add_slice(out, text);
    else if (column->kind == COLUMN_FLOAT)
        buf_addf(out, "%.9g", (double)(float)value);
    else
        buf_addf(out, "%.17g", value);
}

void same_add_key_text(struct buf *out, const struct column *column, struct slice text)
{
    switch (column->kind) {
    case COLUMN_INT:
    case COLUMN_UINT:
    case COLUMN_BIT:
    case COLUMN_YEAR:
    case COLUMN_DECIMAL:
        add_plain_number(out, text);
        return;
    case COLUMN_FLOAT:
    case COLUMN_DOUBLE:
        add_real(out, column, text);
        return;
    case COLUMN_DATETIME:
    case COLUMN_TIMESTAMP:
        add_moment(out, text);
        return;
    default:
        buf_add_slice(out, text);
        return;
    }
}

static int base64_value(uint8_t c)
{
    if (c >= 'A' && c <= 'Z')
        return c - 'A';
    if (c >= 'a' && c <= 'z')
        return c - 'a' + 26;
    if (c >= '0' && c <= '9')
        return c - '0' + 52;
    return c == '+' ? 62 : c == '/' ? 63 : -1;
}

static bool add_base64_bytes(struct buf *out, struct slice text)
{
    if (text.len % 4 != 0)
        return false;
    text = without_end(text, '=');
    uint32_t bits = 0;
    unsigned count = 0;
    for (size_t i = 0; i < text.len; i++) {
        int value = base64_value(text.ptr[i]);
        if (value < 0)
            return false;
        bits = (bits << 6 | (uint32_t)value) & 0xFFFFFF;
        count += 6;
        if (count >= 8) {
            count -= 8;
            buf_add_byte(out, (uint8_t)(bits >> count));
        }
    }
    return true;
}

/* What targets show of a BOOLEAN, as the number that the source has. */
static struct slice boolean_digit(struct slice text)
{
    if (slice_equal_nocase(text, SLICE("true")))
        return SLICE("1");
    return slice_equal_nocase(text, SLICE("false")) ? SLICE("0") : text;
}

bool same_add_key_field(struct buf *out, const struct column *column, enum load_encoding encoding,
                        struct slice field)
{
    if (encoding == LOAD_BASE64)
        return add_base64_bytes(out, field);
    if (encoding == LOAD_BIT_BOOLEAN)
        field = boolean_digit(field);
    same_add_key_text(out, column, field);
    return true;
}

/* ---- values ---- */

static bool is_close(struct slice a, struct slice b, double share)
{
    double x;
    double y;
    if (!parse_double(a, &x) || !parse_double(b, &y))
        return false;
    return fabs(x - y) <= share * fmax(fabs(x), fabs(y));
}

static bool same_by(void (*add)(struct buf *, struct slice), struct slice a, struct slice b)
{
    struct buf texts[2];
    for (unsigned i = 0; i < 2; i++)
        buf_init(&texts[i], NUMBER_TEXT_MAX);
    add(&texts[0], a);
    add(&texts[1], b);
    bool same = texts[0].rc == RC_OK && texts[1].rc == RC_OK &&
                slice_equal(buf_slice(&texts[0]), buf_slice(&texts[1]));
    for (unsigned i = 0; i < 2; i++)
        buf_deinit(&texts[i]);
    return same;
}

/* A number may have become a DOUBLE, which targets show with an exponent when it is large or small. */
static bool same_number(struct slice wanted, struct slice found)
{
    enum { DIGITS_OF_A_DOUBLE = 15 };
    if (same_by(add_plain_number, wanted, found))
        return true;
    bool has_exponent = found.len > 0 && (memchr(found.ptr, 'e', found.len) != NULL ||
                                          memchr(found.ptr, 'E', found.len) != NULL);
    return has_exponent && wanted.len <= DIGITS_OF_A_DOUBLE && is_close(wanted, found, 0);
}

static bool same_document(struct slice a, struct slice b)
{
    cJSON *left = cJSON_ParseWithLength((const char *)a.ptr, a.len);
    cJSON *right = cJSON_ParseWithLength((const char *)b.ptr, b.len);
    bool same = left != NULL && right != NULL && cJSON_Compare(left, right, true);
    cJSON_Delete(left);
    cJSON_Delete(right);
    return same;
}

/* Two lists of numbers, each as a FLOAT. */
static bool same_vector(struct slice a, struct slice b)
{
    cJSON *left = cJSON_ParseWithLength((const char *)a.ptr, a.len);
    cJSON *right = cJSON_ParseWithLength((const char *)b.ptr, b.len);
    bool same = cJSON_IsArray(left) && cJSON_IsArray(right) &&
                cJSON_GetArraySize(left) == cJSON_GetArraySize(right);
    const cJSON *x = same ? left->child : NULL;
    const cJSON *y = same ? right->child : NULL;
    for (; same && x != NULL && y != NULL; x = x->next, y = y->next)
        same = cJSON_IsNumber(x) && cJSON_IsNumber(y) &&
               fabs(x->valuedouble - y->valuedouble) <=
                   1e-6 * fmax(fabs(x->valuedouble), fabs(y->valuedouble));
    cJSON_Delete(left);
    cJSON_Delete(right);
    return same;
}

bool same_value(const struct column *column, struct slice wanted, struct slice found)
{
    if (slice_equal(wanted, found))
        return true;
    switch (column->kind) {
    case COLUMN_BIT:
    case COLUMN_INT:
    case COLUMN_UINT:
        return same_number(boolean_digit(wanted), boolean_digit(found));
    case COLUMN_YEAR:
    case COLUMN_DECIMAL:
        return same_number(wanted, found);
    case COLUMN_FLOAT:
        return is_close(wanted, found, 1e-6);
    case COLUMN_DOUBLE:
        return is_close(wanted, found, 1e-14);
    case COLUMN_DATE:
    case COLUMN_DATETIME:
    case COLUMN_TIMESTAMP:
        return same_by(add_moment, wanted, found);
    case COLUMN_VECTOR:
        return same_vector(wanted, found);
    case COLUMN_JSON:
    case COLUMN_GEOMETRY:
        return same_document(wanted, found);
    default:
        return false;
    }
}
