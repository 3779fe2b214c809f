/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whether two definitions of a column, or of a key, say the same. A text that is absent and one that
 * is empty are the same. No state; any thread.
 */
#include "catalog_int.h"

bool catalog_column_equal(const struct catalog_column *a, const struct catalog_column *b)
{
    return slice_equal(a->name, b->name) && slice_equal(a->data_type, b->data_type) &&
           slice_equal(a->column_type, b->column_type) && slice_equal(a->charset, b->charset) &&
           slice_equal(a->collation, b->collation) && slice_equal(a->comment, b->comment) &&
           slice_equal(a->default_value, b->default_value) && a->char_length == b->char_length &&
           a->byte_length == b->byte_length && a->precision == b->precision &&
           a->scale == b->scale && a->fraction_digits == b->fraction_digits &&
           a->key_ordinal == b->key_ordinal && a->nullable == b->nullable &&
           a->has_default == b->has_default &&
           a->default_is_expression == b->default_is_expression &&
           a->is_auto_increment == b->is_auto_increment && a->is_invisible == b->is_invisible &&
           a->generated == b->generated && a->versioning == b->versioning;
}

bool catalog_key_equal(const struct catalog_key *a, const struct catalog_key *b)
{
    if (!slice_equal(a->name, b->name) || a->part_count != b->part_count)
        return false;
    for (uint32_t i = 0; i < a->part_count; i++)
        if (a->parts[i].column != b->parts[i].column || a->parts[i].prefix != b->parts[i].prefix)
            return false;
    return true;
}
