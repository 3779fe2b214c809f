/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whether a server is new enough to update parts of rows. An older one does not know the headers and
 * passes over them without a word: it would write NULL or defaults into the columns that a row
 * lacks. So it is asked before the first such row.
 */
#include "dialect_int.h"

enum rc dialect_partial_version(struct myconn *conn, const char *product, const char *word,
                                unsigned major, unsigned minor, const struct load_schema *schema,
                                struct error *err)
{
    struct dialect_version version;
    enum rc rc = dialect_version_read(conn, product, word, &version, err);
    if (rc != RC_OK || !dialect_version_before(&version, major, minor, 0))
        return rc;
    error_set(err, RC_UNSUPPORTED,
              "Rows for table %.*s.%.*s lack columns, and %s %u.%u cannot update a part of a row: "
              "that came with %u.%u.",
              SLICE_ARG(schema->db), SLICE_ARG(schema->table), product, version.major,
              version.minor, major, minor);
    error_hint(err, "Set binlog_row_image=FULL at the source server, or use a newer %s.", product);
    return RC_UNSUPPORTED;
}
