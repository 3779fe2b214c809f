/* SPDX-License-Identifier: Apache-2.0 */
#include "position.h"

void position_init(struct position *position)
{
    memset(position, 0, sizeof(*position));
    buf_init(&position->gtid_set, POSITION_GTID_MAX);
}

void position_deinit(struct position *position)
{
    buf_deinit(&position->gtid_set);
}

enum rc position_copy(struct position *to, const struct position *from, struct error *err)
{
    memcpy(to->file, from->file, sizeof(to->file));
    memcpy(to->server, from->server, sizeof(to->server));
    to->offset = from->offset;
    to->rows_done = from->rows_done;
    to->targets_done = from->targets_done;
    to->commit_time_us = from->commit_time_us;
    buf_reset(&to->gtid_set);
    buf_add_slice(&to->gtid_set, buf_slice(&from->gtid_set));
    return buf_check(&to->gtid_set, "a GTID set", err);
}

bool position_is_empty(const struct position *position)
{
    return position->file[0] == '\0' && position->gtid_set.len == 0;
}

void position_describe(const struct position *position, struct buf *out)
{
    enum { GTID_SHOWN = 400 };
    if (position_is_empty(position)) {
        buf_add_str(out, "the beginning");
        return;
    }
    if (position->file[0] != '\0')
        buf_addf(out, "%s:%llu", position->file, (unsigned long long)position->offset);
    if (position->gtid_set.len > 0) {
        struct slice set = buf_slice(&position->gtid_set);
        bool cut = set.len > GTID_SHOWN;
        buf_addf(out, "%sGTID %.*s%s", position->file[0] != '\0' ? ", " : "",
                 (int)(cut ? GTID_SHOWN : set.len), (const char *)set.ptr, cut ? "..." : "");
    }
    if (position->rows_done > 0)
        buf_addf(out, ", %llu rows into the next transaction",
                 (unsigned long long)position->rows_done);
}
