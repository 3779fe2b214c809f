/* SPDX-License-Identifier: Apache-2.0 */
#include "xa_names_int.h"

static void append(struct buf *names, const struct xa_name *name)
{
    uint8_t number[8];
    store_u64le(number, name->ordinal);
    buf_add(names, number, 8);
    store_u16le(number, (uint16_t)name->db.len);
    buf_add(names, number, 2);
    buf_add_slice(names, name->db);
    store_u16le(number, (uint16_t)name->table.len);
    buf_add(names, number, 2);
    buf_add_slice(names, name->table);
}

bool xa_names_next(struct cursor *cursor, struct xa_name *name_out)
{
    if (cursor->failed || cursor_left(cursor) == 0)
        return false;
    name_out->ordinal = cursor_u64(cursor);
    name_out->db = cursor_slice(cursor, cursor_u16(cursor));
    name_out->table = cursor_slice(cursor, cursor_u16(cursor));
    return !cursor->failed;
}

/* It says of the table that it is touched, alone or with others. */
static bool covers(const struct xa_name *name, struct slice db, struct slice table)
{
    return name->db.len == 0 ||
           (slice_equal(name->db, db) && (name->table.len == 0 || slice_equal(name->table, table)));
}

void xa_names_add(struct buf *names, uint64_t ordinal, struct slice db, struct slice table)
{
    struct cursor cursor = cursor_of(buf_slice(names));
    struct xa_name name = {0};
    struct xa_name first = {.ordinal = ordinal};
    uint32_t count = 0;
    while (xa_names_next(&cursor, &name)) {
        if (covers(&name, db, table))
            return;
        if (count++ == 0)
            first.ordinal = name.ordinal;
    }
    ASSERT(!cursor.failed);
    enum { ROOM = 8 + 2 + 2 + 1 };
    bool fits = count < XA_NAMES_MAX && db.len > 0 && db.len <= UINT16_MAX &&
                table.len <= UINT16_MAX && names->len + ROOM + db.len + table.len <= names->max;
    if (fits) {
        append(names, &(struct xa_name){.ordinal = ordinal, .db = db, .table = table});
        return;
    }
    buf_reset(names);
    append(names, &first);
}

bool xa_names_are_whole(struct slice names)
{
    struct cursor cursor = cursor_of(names);
    struct xa_name name = {0};
    uint64_t least = 0;
    uint32_t count = 0;
    while (xa_names_next(&cursor, &name)) {
        bool nameless = name.db.len == 0 && name.table.len > 0;
        if (nameless || name.ordinal < least || name.ordinal == UINT64_MAX ||
            ++count > XA_NAMES_MAX)
            return false;
        least = name.ordinal + 1;
    }
    return !cursor.failed && count > 0;
}
