/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Bounds are one block of memory each: the slices, and the bytes that they point to.
 */
#include "bound_int.h"

#include <stdlib.h>

struct bound *bound_new(const struct slice *literals, uint32_t count)
{
    ASSERT(count > 0);
    size_t bytes = 0;
    for (uint32_t i = 0; i < count; i++)
        bytes += literals[i].len;
    struct bound *bound = malloc(sizeof(*bound) + count * sizeof(struct slice) + bytes);
    if (bound == NULL)
        return NULL;
    bound->count = count;
    uint8_t *to = (uint8_t *)(bound->literals + count);
    for (uint32_t i = 0; i < count; i++) {
        if (literals[i].len > 0)
            memcpy(to, literals[i].ptr, literals[i].len);
        bound->literals[i] = slice_of(to, literals[i].len);
        to += literals[i].len;
    }
    return bound;
}

struct bound *bound_copy(const struct bound *bound)
{
    return bound == NULL ? NULL : bound_new(bound->literals, bound->count);
}

void bound_free(struct bound *bound)
{
    free(bound);
}

bool bound_equal(const struct bound *a, const struct bound *b)
{
    if (a == NULL || b == NULL)
        return a == b;
    if (a->count != b->count)
        return false;
    for (uint32_t i = 0; i < a->count; i++)
        if (!slice_equal(a->literals[i], b->literals[i]))
            return false;
    return true;
}
