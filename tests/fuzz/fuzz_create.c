/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a warehouse says of an existing table.
 *
 *   line 1   a column's type, as information_schema says it
 *   line 2   a column's name
 *   rest     SHOW CREATE TABLE
 */
#include "fuzz_int.h"
#include "sinks/doris/doris_int.h"
#include "sinks/starrocks/starrocks_int.h"

static bool lies_in(struct slice part, struct slice whole)
{
    return part.len == 0 || (part.ptr >= whole.ptr && part.ptr + part.len <= whole.ptr + whole.len);
}

static void holds(const struct dialect_traits *traits, struct slice text)
{
    struct dialect_type have = dialect_type_parse(traits, text);
    for (unsigned kind = COLUMN_INT; kind <= COLUMN_INET6; kind++) {
        const struct column column = {.kind = (enum column_kind)kind, .int_bytes = 4, .length = 9};
        enum load_encoding encoding = {0};
        (void)dialect_type_holds(traits, &column, &have, &have, &encoding);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct slice input = slice_of(data, size);
    char *type = fuzz_line(&input);
    char *name = fuzz_line(&input);
    static struct dialect_create create;
    dialect_create_parse(input, &create);
    ASSERT(create.key_count <= DIALECT_KEY_MAX);
    for (unsigned i = 0; i < create.key_count; i++)
        ASSERT(lies_in(create.keys[i], input));
    struct slice found = dialect_create_type(input, slice_str(name));
    ASSERT(lies_in(found, input));
    holds(&doris_traits, slice_str(type));
    holds(&starrocks_traits, slice_str(type));
    holds(&doris_traits, found);
    free(type);
    free(name);
    return 0;
}
