/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What an XA transaction undid of itself, while its rows are held: back to a savepoint, or all of it. Servers cut
 * such rows out of a transaction before they write it; where a table without transactions was changed
 * meanwhile, MariaDB writes them, and `ROLLBACK TO` behind them (facts/binlog.md 4.1).
 *
 * Rows go: in row format those of tables without transactions are a group of their own, in front of this one,
 * so that all rows in hand are of tables that undid them. A statement that is in the binlog as text stays
 * with what is held, for its table may be of the other kind.
 *
 * Savepoints, in the order in which they were set, each as
 *
 *   bytes held before it 8 | length 1 | name
 *
 * The last one of a name counts. Servers compare names by a collation, we do it in ASCII alone: where there is a
 * name that cannot be compared, or no savepoint of it, nobody knows which rows stay, and none is held.
 */
#include "stream_state_int.h"

enum { SAVEPOINT_HEAD = 8 + 1, SAVEPOINT_NAME_MAX = 255 };

static bool is_comparable(struct slice name)
{
    if (name.len == 0 || name.len > SAVEPOINT_NAME_MAX || name.ptr[name.len - 1] == ' ')
        return false;
    for (size_t i = 0; i < name.len; i++)
        if (name.ptr[i] >= 0x80)
            return false;
    return true;
}

static struct slice name_of(const struct sql_statement *statement)
{
    return statement->name_count == 1 ? statement->names[0].name : SLICE_EMPTY;
}

void stream_savepoint_set(struct binlog_stream *stream)
{
    struct slice name = name_of(&stream->statement);
    if (!is_comparable(name)) {
        stream->group.savepoints_lost = true;
        return;
    }
    uint8_t head[SAVEPOINT_HEAD];
    store_u64le(head, xa_rows_len(&stream->held));
    head[8] = (uint8_t)name.len;
    buf_add(&stream->savepoints, head, sizeof(head));
    buf_add_slice(&stream->savepoints, name);
}

/* The last savepoint of the name: what was held before it, and those behind it are gone. */
static bool go_back(struct binlog_stream *stream, struct slice name, uint64_t *held_out)
{
    struct buf *savepoints = &stream->savepoints;
    struct cursor cursor = cursor_of(buf_slice(savepoints));
    size_t kept = 0;
    while (cursor_left(&cursor) > 0) {
        uint64_t held = cursor_u64(&cursor);
        struct slice one = cursor_slice(&cursor, cursor_u8(&cursor));
        ASSERT(!cursor.failed);
        if (!slice_equal_nocase(one, name))
            continue;
        *held_out = held;
        kept = savepoints->len - cursor_left(&cursor);
    }
    savepoints->len = kept;
    return kept > 0;
}

void stream_savepoint_undo(struct binlog_stream *stream)
{
    struct stream_group *group = &stream->group;
    struct slice name = name_of(&stream->statement);
    uint64_t from = 0;
    if (group->held_overflow)
        return; /* of its tables the names are kept, whether they are undone or not */
    bool has_all = !group->savepoints_lost && stream->savepoints.rc == RC_OK;
    if (has_all && is_comparable(name) && go_back(stream, name, &from) &&
        xa_rows_undo(&stream->held, from))
        return;
    group->held_overflow = true;
    group->undone_unknown = true;
    stream_xa_drop_held(stream);
}
