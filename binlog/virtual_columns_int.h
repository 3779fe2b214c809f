/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a server writes of VIRTUAL generated columns into row images (facts/binlog.md 6.9). Pure.
 */
#ifndef MILLRACE_BINLOG_VIRTUAL_COLUMNS_INT_H
#define MILLRACE_BINLOG_VIRTUAL_COLUMNS_INT_H

#include "engine/engine.h"

enum virtual_images {
    VIRTUAL_IMAGES_TRUE = 0, /* their values */
    VIRTUAL_IMAGES_UNSEEN,   /* the values that they had before, when an update changes them */
    VIRTUAL_IMAGES_NULL      /* NULL, whatever their values are */
};

/* `version` as in struct event_format; `row_image`: binlog_row_image, "" where there is none. */
enum virtual_images virtual_images_of(bool is_mariadb, uint32_t version, struct slice row_image);

/* Tells of `count` columns, at least one, of which `first` is one ("c of db.t"). */
void virtual_columns_report(enum virtual_images images, unsigned count, const char *first,
                            const char *row_image, struct report *report);

#endif
