/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The layout of a kept change, all of it this process's own and never on a disk:
 *
 *   struct kept_change, then `before` and `after`: for each cell the length of its value (4 bytes), and in
 *   one byte its state and how many bytes lie between the value before it and its own; then the values
 *
 * The values of a row that came from a binlog lie one behind the other but for the prefixes of their
 * lengths, so they are copied at once, prefixes and all.
 *
 * and of a transaction: struct kept_txn, GTID, file.
 */
#include "change_copy.h"

#include <stdlib.h>

enum { CELL_HEAD = 5, STATE_BITS = 2, GAP_MAX = 4 };
_Static_assert(CELL_VALUE < 1 << STATE_BITS, "a state and a gap fit into a byte");

struct kept_txn {
    struct txn txn; /* its slices say the lengths alone */
};

struct kept_change {
    enum change_kind kind;
    struct table *table;
    size_t txn_at;
    uint64_t ordinal;
    uint64_t event_offset;
    uint32_t before_count; /* of cells */
    uint32_t after_count;
};

void change_copies_init(struct change_copies *copies, size_t max)
{
    *copies = (struct change_copies){0};
    buf_init(&copies->bytes, max);
}

void change_copies_deinit(struct change_copies *copies)
{
    buf_deinit(&copies->bytes);
}

void change_copies_reset(struct change_copies *copies)
{
    buf_reset(&copies->bytes);
    copies->has_txn = false;
}

static uint32_t cell_count(const struct row *row)
{
    return row_exists(row) ? row->count : 0;
}

static size_t row_size(const struct row *row)
{
    size_t size = 0;
    for (uint32_t i = 0; i < cell_count(row); i++)
        size += CELL_HEAD + (row->cells[i].state == CELL_VALUE ? GAP_MAX + row->cells[i].len : 0);
    return size;
}

size_t change_copy_size(const struct change *change)
{
    return sizeof(struct kept_change) + sizeof(struct kept_txn) + change->txn->gtid.len +
           change->txn->file.len + row_size(&change->before) + row_size(&change->after);
}

static struct kept_txn txn_at(const struct change_copies *copies, size_t at)
{
    struct kept_txn kept;
    memcpy(&kept, copies->bytes.ptr + at, sizeof(kept));
    kept.txn.gtid.ptr = copies->bytes.ptr + at + sizeof(kept);
    kept.txn.file.ptr = kept.txn.gtid.ptr + kept.txn.gtid.len;
    return kept;
}

static bool is_last_txn(const struct change_copies *copies, const struct txn *txn)
{
    if (!copies->has_txn)
        return false;
    const struct kept_txn last = txn_at(copies, copies->txn_at);
    return last.txn.offset == txn->offset && last.txn.commit_time_us == txn->commit_time_us &&
           last.txn.server_id == txn->server_id && last.txn.generation == txn->generation &&
           slice_equal(last.txn.gtid, txn->gtid) && slice_equal(last.txn.file, txn->file);
}

static void add_txn(struct change_copies *copies, const struct txn *txn)
{
    const struct kept_txn kept = {.txn = *txn};
    copies->txn_at = copies->bytes.len;
    copies->has_txn = true;
    buf_add(&copies->bytes, &kept, sizeof(kept));
    buf_add_slice(&copies->bytes, txn->gtid);
    buf_add_slice(&copies->bytes, txn->file);
}

static inline void put_head(uint8_t *head, uint32_t len, enum cell_state state, size_t gap)
{
    memcpy(head, &len, sizeof(len));
    head[CELL_HEAD - 1] = (uint8_t)(state | gap << STATE_BITS);
}

/* Values that lie anywhere, one by one; their heads are at `heads`. */
static void add_scattered(struct buf *bytes, const struct row *row, size_t heads)
{
    for (uint32_t i = 0; i < row->count; i++) {
        const struct cell *cell = &row->cells[i];
        uint32_t len = cell->state == CELL_VALUE ? cell->len : 0;
        if (bytes->rc == RC_OK)
            put_head(bytes->ptr + heads + CELL_HEAD * (size_t)i, len, cell->state, 0);
        buf_add(bytes, cell->ptr, len);
    }
}

static void add_row(struct buf *bytes, const struct row *row)
{
    uint32_t count = cell_count(row);
    size_t heads = bytes->len;
    uint8_t *head = buf_reserve(bytes, CELL_HEAD * (size_t)count);
    if (head == NULL)
        return;
    const uint8_t *start = NULL;
    const uint8_t *end = NULL;
    bool close = true;
    for (uint32_t i = 0; i < count; i++, head += CELL_HEAD) {
        const struct cell *cell = &row->cells[i];
        if (cell->state != CELL_VALUE) {
            put_head(head, 0, cell->state, 0);
            continue;
        }
        if (start == NULL)
            start = end = cell->ptr;
        size_t gap = (uintptr_t)cell->ptr - (uintptr_t)end;
        close = close && gap <= GAP_MAX;
        put_head(head, cell->len, CELL_VALUE, gap);
        end = cell->ptr + cell->len;
    }
    bytes->len += CELL_HEAD * (size_t)count;
    if (close)
        buf_add(bytes, start, (size_t)(end - start));
    else
        add_scattered(bytes, row, heads);
}

enum rc change_copy_add(struct change_copies *copies, const struct change *change, size_t *at_out,
                        struct error *err)
{
    ASSERT(change->txn != NULL && change->table != NULL);
    size_t len = copies->bytes.len;
    size_t last_txn_at = copies->txn_at;
    bool had_txn = copies->has_txn;
    if (!is_last_txn(copies, change->txn))
        add_txn(copies, change->txn);
    const struct kept_change kept = {.kind = change->kind,
                                     .table = change->table,
                                     .txn_at = copies->txn_at,
                                     .ordinal = change->ordinal,
                                     .event_offset = change->event_offset,
                                     .before_count = cell_count(&change->before),
                                     .after_count = cell_count(&change->after)};
    *at_out = copies->bytes.len;
    buf_add(&copies->bytes, &kept, sizeof(kept));
    add_row(&copies->bytes, &change->before);
    add_row(&copies->bytes, &change->after);
    enum rc rc = buf_check(&copies->bytes, "the changes that are kept", err);
    if (rc == RC_OK)
        return RC_OK;
    copies->bytes.len = len;
    copies->bytes.rc = RC_OK;
    copies->txn_at = last_txn_at;
    copies->has_txn = had_txn;
    return rc;
}

/* Fills `count` cells from what lies at `head`, and says where it ends. */
static const uint8_t *read_row(const uint8_t *head, struct cell *cells, uint32_t count)
{
    const uint8_t *value = head + CELL_HEAD * (size_t)count;
    for (uint32_t i = 0; i < count; i++, head += CELL_HEAD) {
        uint32_t len;
        memcpy(&len, head, sizeof(len));
        uint8_t rest = head[CELL_HEAD - 1];
        value += rest >> STATE_BITS;
        cells[i] = (struct cell){value, len, rest & ((1u << STATE_BITS) - 1)};
        value += len;
    }
    return value;
}

static bool reserve_cells(struct change_view *view, uint32_t count)
{
    if (count <= view->cell_cap)
        return true;
    struct cell *cells = realloc(view->cells, count * sizeof(*cells));
    if (cells == NULL)
        return false;
    view->cells = cells;
    view->cell_cap = count;
    return true;
}

enum rc change_copy_get(const struct change_copies *copies, size_t at, struct change_view *view,
                        struct error *err)
{
    struct kept_change kept;
    ASSERT(at + sizeof(kept) <= copies->bytes.len);
    memcpy(&kept, copies->bytes.ptr + at, sizeof(kept));
    if (!reserve_cells(view, kept.before_count + kept.after_count))
        return error_set(err, RC_MEMORY, "There is no memory for a row of %u columns.",
                         kept.before_count + kept.after_count);
    view->txn = txn_at(copies, kept.txn_at).txn;
    struct cell *after = view->cells + kept.before_count;
    const uint8_t *ptr = copies->bytes.ptr + at + sizeof(kept);
    ptr = read_row(ptr, view->cells, kept.before_count);
    (void)read_row(ptr, after, kept.after_count);
    view->change = (struct change){.kind = kept.kind,
                                   .table = kept.table,
                                   .txn = &view->txn,
                                   .ordinal = kept.ordinal,
                                   .event_offset = kept.event_offset};
    if (kept.before_count > 0)
        view->change.before = (struct row){view->cells, kept.before_count};
    if (kept.after_count > 0)
        view->change.after = (struct row){after, kept.after_count};
    return RC_OK;
}

void change_view_deinit(struct change_view *view)
{
    free(view->cells);
    view->cells = NULL;
    view->cell_cap = 0;
}
