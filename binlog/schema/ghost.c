/* SPDX-License-Identifier: Apache-2.0 */
#include "ghost_int.h"

static const struct {
    struct slice ending;
    enum ghost_kind kind;
    bool more_underscores; /* pt-osc */
    bool may_have_time;    /* gh-ost */
} endings[] = {
    {SLICE("_gho"), GHOST_NEW, false, false}, {SLICE("_ghc"), GHOST_LOG, false, true},
    {SLICE("_del"), GHOST_OLD, false, true},  {SLICE("_new"), GHOST_NEW, true, false},
    {SLICE("_old"), GHOST_OLD, true, false},
};

enum { TIME_DIGITS = 14, PT_UNDERSCORES_MAX = 10 };

static struct slice without_time(struct slice name)
{
    if (name.len <= TIME_DIGITS + 1 || name.ptr[name.len - TIME_DIGITS - 1] != '_')
        return name;
    for (size_t i = name.len - TIME_DIGITS; i < name.len; i++)
        if (name.ptr[i] < '0' || name.ptr[i] > '9')
            return name;
    return slice_of(name.ptr, name.len - TIME_DIGITS - 1);
}

enum ghost_kind ghost_of(struct slice name, struct slice *real_out)
{
    for (unsigned i = 0; i < COUNT_OF(endings); i++) {
        struct slice ending = endings[i].ending;
        if (name.len < ending.len + 2 || name.ptr[0] != '_' ||
            !slice_equal_nocase(slice_of(name.ptr + name.len - ending.len, ending.len), ending))
            continue;
        struct slice real = slice_of(name.ptr + 1, name.len - ending.len - 1);
        for (unsigned more = 1; endings[i].more_underscores && more < PT_UNDERSCORES_MAX &&
                                real.len > 1 && real.ptr[0] == '_';
             more++)
            real = slice_of(real.ptr + 1, real.len - 1);
        if (endings[i].may_have_time)
            real = without_time(real);
        *real_out = real;
        return endings[i].kind;
    }
    return GHOST_NONE;
}
