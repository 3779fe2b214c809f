/* SPDX-License-Identifier: Apache-2.0 */
#include "change.h"

#include "json.h"

const char *change_kind_name(enum change_kind kind)
{
    static const char *const names[] = {
        [CHANGE_NONE] = "nothing",         [CHANGE_READ] = "read",
        [CHANGE_INSERT] = "insert",        [CHANGE_UPDATE] = "update",
        [CHANGE_DELETE] = "delete",        [CHANGE_TRUNCATE] = "truncate",
        [CHANGE_SCHEMA] = "schema change", [CHANGE_UNKNOWN] = "unknown change",
        [CHANGE_COMMIT] = "commit",        [CHANGE_IDLE] = "idle",
    };
    return (unsigned)kind < COUNT_OF(names) ? names[kind] : "unknown";
}

static const struct row *key_image(const struct change *change)
{
    return row_exists(&change->after) && change->kind != CHANGE_UPDATE ? &change->after
                                                                       : &change->before;
}

/* " with id = 7, name = "a"" into `out`; nothing where the key cannot be shown, as when it is what
 * is wrong with the row. */
static void add_key(const struct change *change, struct buf *out)
{
    enum { SCRATCH_MAX = 1 << 16 };
    const struct table *table = change->table;
    const struct row *row = key_image(change);
    struct buf scratch;
    buf_init(&scratch, SCRATCH_MAX);
    for (uint32_t i = 0; row_exists(row) && i < table->key_count; i++) {
        const struct column *column = &table->columns[table->key[i]];
        const struct cell *cell = &row->cells[table->key[i]];
        buf_add_str(out, i == 0 ? " with " : ", ");
        buf_add_slice(out, column->name);
        buf_add_str(out, " = ");
        if (cell->state == CELL_ABSENT || json_add_cell(out, column, cell, &scratch, NULL) != RC_OK)
            buf_reset(out);
        if (out->len == 0)
            break;
    }
    if (out->rc != RC_OK)
        buf_reset(out);
    buf_deinit(&scratch);
}

void change_wrap_error(const struct change *change, struct error *err)
{
    enum { KEY_TEXT_MAX = 1 << 14, KEY_SHOWN = 200 };
    bool about_row = err != NULL && (err->rc == RC_REJECTED || err->rc == RC_CORRUPT);
    if (!about_row || change->table == NULL || change->txn == NULL)
        return;
    const struct txn *txn = change->txn;
    struct buf key;
    buf_init(&key, KEY_TEXT_MAX);
    add_key(change, &key);
    struct slice shown = buf_slice(&key);
    bool cut = shown.len > KEY_SHOWN;
    if (cut)
        shown.len = KEY_SHOWN;
    char label[256];
    error_wrap(err,
               "The %s of a row of table %s%.*s%s (at %.*s:%llu; row %llu of transaction %.*s)",
               change_kind_name(change->kind), table_label(change->table, label, sizeof(label)),
               SLICE_ARG(shown), cut ? "..." : "", SLICE_ARG(txn->file),
               (unsigned long long)change->event_offset, (unsigned long long)change->ordinal + 1,
               SLICE_ARG(txn->gtid.len > 0 ? txn->gtid : SLICE("without GTID")));
    buf_deinit(&key);
}
