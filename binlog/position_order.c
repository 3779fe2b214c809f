/* SPDX-License-Identifier: Apache-2.0 */
/* Which of two places comes first; see position_order_int.h. */
#include "position_order_int.h"

#include "gtid_set_int.h"

/* Parts a binlog's name into what is before the last dot and the number behind it. */
static bool file_number(const char *file, struct slice *base, uint64_t *number)
{
    const char *dot = strrchr(file, '.');
    if (dot == NULL)
        return false;
    *base = slice_of(file, (size_t)(dot - file));
    return text_parse_u64(slice_str(dot + 1), number);
}

bool position_file_order(const char *file, const char *to, int *order)
{
    struct slice base_a;
    struct slice base_b;
    uint64_t a = 0;
    uint64_t b = 0;
    if (strcmp(file, to) == 0) {
        *order = 0;
        return true;
    }
    if (!file_number(file, &base_a, &a) || !file_number(to, &base_b, &b) ||
        !slice_equal(base_a, base_b))
        return false;
    *order = a < b ? -1 : a > b;
    return true;
}

static bool contains_gtids(struct slice all, struct slice some)
{
    struct gtid_set *a = NULL;
    struct gtid_set *b = NULL;
    bool contains = gtid_set_new(&a, NULL) == RC_OK && gtid_set_new(&b, NULL) == RC_OK &&
                    gtid_set_parse(a, all, NULL) == RC_OK &&
                    gtid_set_parse(b, some, NULL) == RC_OK && gtid_set_contains_set(a, b);
    gtid_set_free(a);
    gtid_set_free(b);
    return contains;
}

bool position_reached(const struct position *at, const struct position *to)
{
    int order = 0;
    if (at->gtid_set.len > 0 && to->gtid_set.len > 0)
        return contains_gtids(buf_slice(&at->gtid_set), buf_slice(&to->gtid_set));
    return strcmp(at->server, to->server) == 0 && at->file[0] != '\0' &&
           position_file_order(at->file, to->file, &order) &&
           (order > 0 || (order == 0 && at->offset >= to->offset));
}
