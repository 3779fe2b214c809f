/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A table with columns of the kinds that keys have, for the tests of this folder. The text of a cell
 * is the cell.
 */
#ifndef MILLRACE_TEST_TABLE_FIXTURE_H
#define MILLRACE_TEST_TABLE_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "engine/engine.h"

static enum rc cell_is_text(const struct column *column, struct slice cell, struct buf *scratch,
                            struct slice *text, struct error *err)
{
    (void)column;
    (void)scratch;
    (void)err;
    *text = cell;
    return RC_OK;
}

static const struct slice fixture_labels[] = {
    {(const uint8_t *)"c", 1}, {(const uint8_t *)"b", 1}, {(const uint8_t *)"a'", 2}};

static struct column fixture_columns[] = {
    {.name = {(const uint8_t *)"id", 2}, .kind = COLUMN_INT, .text = cell_is_text},
    {.name = {(const uint8_t *)"word", 4},
     .kind = COLUMN_STRING,
     .charset = {(const uint8_t *)"latin1", 6},
     .text = cell_is_text},
    {.name = {(const uint8_t *)"a`b", 3}, .kind = COLUMN_DATETIME, .text = cell_is_text},
    {.name = {(const uint8_t *)"e", 1},
     .kind = COLUMN_ENUM,
     .labels = fixture_labels,
     .label_count = 3,
     .text = cell_is_text},
    {.name = {(const uint8_t *)"f", 1}, .kind = COLUMN_FLOAT, .text = cell_is_text},
    {.name = {(const uint8_t *)"v", 1}, .kind = COLUMN_BYTES, .text = cell_is_text},
};

/* The table db.t with these columns as its key. */
static inline struct table fixture_table(const uint32_t *key, uint32_t key_count)
{
    return (struct table){.db = SLICE("db"),
                          .name = SLICE("t"),
                          .columns = fixture_columns,
                          .column_count = COUNT_OF(fixture_columns),
                          .key = key,
                          .key_count = key_count,
                          .has_names = true};
}

#endif
