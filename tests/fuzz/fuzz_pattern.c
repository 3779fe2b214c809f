/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Table patterns, and names given to them. A database of which no table can match has none that
 * does.
 *
 *   line 1   tables; line 2: tables.exclude
 *   line 3   a database; line 4: a table
 */
#include "fuzz_int.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct slice input = slice_of(data, size);
    char *lines[4];
    for (unsigned i = 0; i < COUNT_OF(lines); i++)
        lines[i] = fuzz_line(&input);
    struct pattern_set *set = NULL;
    struct error err;
    error_clear(&err);
    enum rc rc = pattern_set_new(lines[0], lines[1], &set, &err);
    fuzz_told(rc, &err);
    if (rc == RC_OK) {
        struct slice db = slice_str(lines[2]);
        bool matches = pattern_set_match(set, db, slice_str(lines[3]));
        if (pattern_set_excludes_db(set, db))
            ASSERT(!matches);
        pattern_set_free(set);
    }
    for (unsigned i = 0; i < COUNT_OF(lines); i++)
        free(lines[i]);
    return 0;
}
