/* SPDX-License-Identifier: Apache-2.0 */
/*
 * See stride_int.h. Keys are taken as unsigned numbers of 64 bits in the order of the keys: signed
 * ones are moved up by 2^63.
 */
#include "stride_int.h"

#define SIGNED_SHIFT (UINT64_C(1) << 63)

enum { DISTRUST_MAX = 64, SPARSE_PART = 4 };

bool stride_fits(const struct table *table)
{
    if (table->key_count != 1)
        return false;
    enum column_kind kind = table->columns[table->key[0]].kind;
    return kind == COLUMN_INT || kind == COLUMN_UINT;
}

static bool place_of(const struct table *table, const struct bound *bound, uint64_t *place)
{
    int64_t number = 0;
    struct slice digits = bound->literals[0];
    while (digits.len > 1 && digits.ptr[0] == '0') /* ZEROFILL, of any width */
        digits = slice_of(digits.ptr + 1, digits.len - 1);
    if (table->columns[table->key[0]].kind == COLUMN_UINT)
        return text_parse_u64(digits, place);
    bool is_number = text_parse_i64(digits, &number);
    *place = (uint64_t)number + SIGNED_SHIFT;
    return is_number;
}

static struct bound *bound_at(const struct table *table, uint64_t place)
{
    enum { TEXT_MAX = 24 };
    uint8_t text[TEXT_MAX];
    unsigned len = table->columns[table->key[0]].kind == COLUMN_UINT
                       ? text_u64(text, place)
                       : text_i64(text, (int64_t)(place - SIGNED_SHIFT));
    struct slice literal = slice_of(text, len);
    return bound_new(&literal, 1);
}

void stride_set_end(struct stride *stride, const struct table *table, const struct bound *end)
{
    stride->has_end = end != NULL && stride_fits(table) && place_of(table, end, &stride->end);
}

void stride_learn(struct stride *stride, const struct table *table, const struct bound *low,
                  const struct bound *high, uint64_t rows)
{
    uint64_t from;
    uint64_t to;
    if (stride->distrust > 0)
        stride->distrust--;
    stride->width = 0;
    if (low == NULL || high == NULL || rows == 0 || !stride_fits(table) ||
        !place_of(table, low, &from) || !place_of(table, high, &to) || to <= from)
        return;
    stride->width = to - from;
    stride->rows = rows;
}

struct bound *stride_step(const struct stride *stride, const struct table *table,
                          const struct bound *low, uint64_t rows)
{
    uint64_t from;
    if (!stride->has_end || stride->width == 0 || stride->distrust > 0 || low == NULL ||
        !stride_fits(table) || !place_of(table, low, &from) || from >= stride->end)
        return NULL;
    double step = (double)stride->width / (double)stride->rows * (double)rows;
    /* Behind the end the server says that the table is over. */
    if (step >= (double)(stride->end - from))
        return NULL;
    uint64_t to = from + (step < 1 ? 1 : (uint64_t)step);
    return to < stride->end ? bound_at(table, to) : NULL;
}

void stride_judge(struct stride *stride, uint64_t aimed, uint64_t met, bool is_cut)
{
    if (!is_cut && met >= aimed / SPARSE_PART) {
        stride->distrust_next /= 2;
        return;
    }
    stride->width = 0;
    if (stride->distrust_next == 0)
        stride->distrust_next = 1;
    stride->distrust = stride->distrust_next;
    if (stride->distrust_next < DISTRUST_MAX)
        stride->distrust_next *= 2;
}

uint64_t stride_limit(uint64_t aimed)
{
    return aimed > UINT64_MAX / 2 ? UINT64_MAX : 2 * aimed;
}
