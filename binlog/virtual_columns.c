/* SPDX-License-Identifier: Apache-2.0 */
#include "virtual_columns_int.h"

/* MariaDB 10.2: the first that writes the values. */
#define WRITES_VALUES_SINCE 100200u

/* MariaDB leaves a VIRTUAL column out of the new row of MINIMAL and FULL_NODUP images even when its
 * value has changed (seen on 10.5, 10.11 and 11.8); MySQL does not, and STORED columns are there
 * always. What is left out would be taken for unchanged. */
enum virtual_images virtual_images_of(bool is_mariadb, uint32_t version, struct slice row_image)
{
    if (!is_mariadb)
        return VIRTUAL_IMAGES_TRUE;
    if (version < WRITES_VALUES_SINCE)
        return VIRTUAL_IMAGES_NULL;
    bool partial = slice_equal_nocase(row_image, SLICE("MINIMAL")) ||
                   slice_equal_nocase(row_image, SLICE("FULL_NODUP"));
    return partial ? VIRTUAL_IMAGES_UNSEEN : VIRTUAL_IMAGES_TRUE;
}

void virtual_columns_report(enum virtual_images images, unsigned count, const char *first,
                            const char *row_image, struct report *report)
{
    ASSERT(count > 0);
    if (images == VIRTUAL_IMAGES_UNSEEN)
        report_add(report, REPORT_FAIL,
                   "SET GLOBAL binlog_row_image = 'FULL'; and the same in the server's "
                   "configuration; or make the columns STORED.",
                   "%u columns are VIRTUAL, the first is %s, and binlog_row_image is %s: MariaDB "
                   "does not write their new values into the binlog then.",
                   count, first, row_image);
    if (images == VIRTUAL_IMAGES_NULL)
        report_add(
            report, REPORT_WARN,
            "Make the columns PERSISTENT (ALTER TABLE ... MODIFY ... PERSISTENT), or let the "
            "target compute them; MariaDB 10.2 and later write them.",
            "%u columns are VIRTUAL, the first is %s: MariaDB before 10.2 writes NULL for "
            "them into the binlog, whatever their values are, and NULL is what changed rows "
            "get at the target.",
            count, first);
}
