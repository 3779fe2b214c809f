/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Partial updates need StarRocks 2.2 and a primary key table
 * (https://docs.starrocks.io/docs/2.5/loading/Load_to_Primary_Key_tables/). A table with a key that
 * is not one was refused when it was compared.
 */
#include "starrocks_int.h"

enum rc starrocks_partial_check(struct myconn *conn, const struct load_schema *schema,
                                struct error *err)
{
    ASSERT(!schema->keyless);
    return dialect_partial_version(conn, starrocks_traits.product, "StarRocks", 2, 2, schema, err);
}
