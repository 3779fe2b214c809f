/* SPDX-License-Identifier: Apache-2.0 */
#include "table_note.h"

#include "../base/text.h"

static const char *const words[] = {
    [TABLE_NOTE_STREAM] = "stream",   [TABLE_NOTE_SNAPSHOT] = "snapshot",
    [TABLE_NOTE_REBUILD] = "rebuild", [TABLE_NOTE_AWAY] = "away",
    [TABLE_NOTE_SKIP] = "skip",       [TABLE_NOTE_KEPT] = "kept"};

static const char *const states[] = {[UNKNOWN_NONE] = "",
                                     [UNKNOWN_MARKED] = "marked",
                                     [UNKNOWN_READING] = "reading",
                                     [UNKNOWN_LEFT] = "left"};

void table_note_add_names(struct buf *out, struct slice db)
{
    buf_addf(out, "%zu\n", db.len);
}

bool table_note_next_names(struct slice *rest, struct slice key, struct slice *db,
                           struct slice *name)
{
    uint64_t len = 0;
    if (!text_parse_u64(slice_next_line(rest), &len) || len >= key.len)
        return false;
    *db = slice_of(key.ptr, (size_t)len);
    *name = slice_of(key.ptr + len + 1, key.len - len - 1);
    return true;
}

void table_note_add(struct buf *out, enum table_note_word word, struct slice column)
{
    ASSERT(word < COUNT_OF(words));
    buf_add_str(out, words[word]);
    if (column.len > 0)
        buf_addf(out, " %.*s", SLICE_ARG(column));
    buf_add_byte(out, '\n');
}

bool table_note_next(struct slice *rest, enum table_note_word *word_out, struct slice *column_out)
{
    if (rest->len == 0)
        return false;
    struct slice line = slice_next_line(rest);
    size_t len = 0;
    while (len < line.len && line.ptr[len] != ' ')
        len++;
    *word_out = TABLE_NOTE_OTHER;
    for (unsigned i = 0; i < COUNT_OF(words); i++)
        if (slice_equal(slice_of(line.ptr, len), slice_str(words[i])))
            *word_out = (enum table_note_word)i;
    *column_out = len < line.len ? slice_of(line.ptr + len + 1, line.len - len - 1) : SLICE_EMPTY;
    return true;
}

void table_note_add_unknown(struct buf *out, enum unknown_state state)
{
    buf_addf(out, "%s\n", table_note_unknown_word(state));
}

enum unknown_state table_note_next_unknown(struct slice *rest)
{
    struct slice line = slice_next_line(rest);
    for (unsigned i = UNKNOWN_MARKED; i < COUNT_OF(states); i++)
        if (slice_equal(line, slice_str(states[i])))
            return (enum unknown_state)i;
    return UNKNOWN_NONE;
}

const char *table_note_unknown_word(enum unknown_state state)
{
    ASSERT(state < COUNT_OF(states));
    return states[state];
}
