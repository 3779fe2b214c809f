/* SPDX-License-Identifier: Apache-2.0 */
/* The changes behind a body's rows; see kept_int.h. */
#include "kept_int.h"

#include <stdlib.h>

#define ROWS_MIN 64u
/* Never reached: the batch is bounded by what kept_memory says. */
#define CHANGES_MAX ((size_t)8 << 30)
#define REASONS_MAX ((size_t)1 << 30)
/* An empty body keeps at most this much of each of its blocks. */
#define KEEP_BYTES (256u << 10)

void kept_want(struct kept *kept, bool counted)
{
    ASSERT(!kept->wanted);
    kept->wanted = true;
    kept->counted = counted;
    change_copies_init(&kept->changes, CHANGES_MAX);
    buf_init(&kept->reasons, REASONS_MAX);
}

void kept_deinit(struct kept *kept)
{
    if (!kept->wanted)
        return;
    change_copies_deinit(&kept->changes);
    buf_deinit(&kept->reasons);
    free(kept->rows);
    *kept = (struct kept){0};
}

void kept_reset(struct kept *kept)
{
    if (!kept->wanted)
        return;
    if (kept->changes.bytes.cap > KEEP_BYTES || kept->row_cap * sizeof(*kept->rows) > KEEP_BYTES) {
        kept_deinit(kept);
        kept_want(kept, true);
        return;
    }
    change_copies_reset(&kept->changes);
    buf_reset(&kept->reasons);
    kept->row_count = 0;
    kept->counted = true;
}

uint64_t kept_memory(const struct kept *kept)
{
    if (!kept->counted)
        return 0;
    return kept->changes.bytes.len + (uint64_t)kept->row_count * sizeof(*kept->rows);
}

uint64_t kept_change_memory(const struct kept *kept, const struct change *change, unsigned lines)
{
    if (!kept->counted)
        return 0;
    return lines * (change_copy_size(change) + sizeof(*kept->rows));
}

static bool reserve_row(struct kept *kept)
{
    if (kept->row_count < kept->row_cap)
        return true;
    uint32_t cap = kept->row_cap == 0 ? ROWS_MIN : kept->row_cap * 2;
    struct kept_row *rows = realloc(kept->rows, cap * sizeof(*rows));
    if (rows == NULL)
        return false;
    kept->rows = rows;
    kept->row_cap = cap;
    return true;
}

static enum rc add_reason(struct kept *kept, struct kept_row *row, struct slice reason,
                          struct error *err)
{
    row->reason_at = kept->reasons.len;
    row->reason_len = (uint32_t)reason.len;
    buf_add_slice(&kept->reasons, reason);
    return buf_check(&kept->reasons, "The reasons why rows are refused", err);
}

enum rc kept_add(struct kept *kept, const struct change *change, uint32_t set, struct slice reason,
                 struct error *err)
{
    ASSERT(kept->wanted);
    struct kept_row row = {.set = set};
    enum rc rc = change_copy_add(&kept->changes, change, &row.change_at, err);
    if (rc == RC_OK)
        rc = add_reason(kept, &row, reason, err);
    if (rc != RC_OK)
        return rc;
    if (!reserve_row(kept))
        return error_set(err, RC_MEMORY, "There is no memory for the changes of a batch.");
    kept->rows[kept->row_count++] = row;
    return RC_OK;
}

enum rc kept_refuse(struct kept *kept, uint32_t row, struct slice reason, struct error *err)
{
    ASSERT(row < kept->row_count && reason.len > 0);
    return add_reason(kept, &kept->rows[row], reason, err);
}

struct slice kept_reason(const struct kept *kept, uint32_t row)
{
    ASSERT(row < kept->row_count);
    return slice_of(kept->reasons.ptr + kept->rows[row].reason_at, kept->rows[row].reason_len);
}
