/* SPDX-License-Identifier: Apache-2.0 */
/* Dead letters, put together to rows; see letter_row_int.h. */
#include "letter_row_int.h"

#define NAME_MAX_BYTES ((size_t)1 << 20)

static enum rc no_memory(struct error *err)
{
    return error_set(err, RC_MEMORY, "There is no memory for the row of a dead letter.");
}

/* The file may have been edited. */
static enum rc no_row(const char *what, struct error *err)
{
    return error_set(err, RC_REJECTED, "The member \"%s\" of the letter cannot be read.", what);
}

static uint32_t count_elements(struct slice list)
{
    struct slice element;
    uint32_t count = 0;
    while (json_next_element(&list, &element))
        count++;
    return count;
}

static enum rc read_columns(struct slice list, struct arena *arena, struct letter_row *row,
                            struct error *err)
{
    struct slice written;
    struct buf name;
    enum rc rc = RC_OK;
    row->columns = arena_alloc(arena, count_elements(list) * sizeof(*row->columns));
    if (row->columns == NULL)
        return no_memory(err);
    buf_init(&name, NAME_MAX_BYTES);
    while (rc == RC_OK && json_next_element(&list, &written)) {
        buf_reset(&name);
        if (!json_string_text(written, &name) || name.len == 0) {
            rc = no_row("columns", err);
            continue;
        }
        struct slice *column = &row->columns[row->column_count++];
        *column = arena_copy(arena, buf_slice(&name));
        if (column->ptr == NULL)
            rc = no_memory(err);
    }
    buf_deinit(&name);
    return rc == RC_OK && row->column_count == 0 ? no_row("columns", err) : rc;
}

static bool is_mark(struct slice name, const char *delete_mark)
{
    return slice_equal(slice_of(name.ptr + 1, name.len - 2), slice_str(delete_mark));
}

static uint32_t count_members(struct slice object)
{
    struct letter_member member;
    uint32_t count = 0;
    while (json_next_member(&object, &member.name, &member.value))
        count++;
    return count;
}

static enum rc read_row(struct slice object, const char *delete_mark, struct arena *arena,
                        struct letter_row *row, struct error *err)
{
    struct letter_member member;
    row->members = arena_alloc(arena, count_members(object) * sizeof(*row->members));
    if (row->members == NULL)
        return no_memory(err);
    while (json_next_member(&object, &member.name, &member.value)) {
        if (is_mark(member.name, delete_mark))
            row->deleted = !slice_equal(member.value, SLICE("0"));
        else
            row->members[row->member_count++] = member;
    }
    return row->member_count == 0 ? no_row("row", err) : RC_OK;
}

static enum rc read_letter(struct slice line, const char *delete_mark, struct arena *arena,
                           struct letter_row *row, struct error *err)
{
    struct slice columns;
    struct slice partial;
    struct slice object;
    struct slice none;
    *row = (struct letter_row){0};
    if (!json_member(line, "columns", &columns) || columns.ptr == NULL)
        return no_row("columns", err);
    if (!json_member(line, "partial", &partial) || !json_member(line, "row", &object) ||
        object.ptr == NULL || !json_member(object, "", &none))
        return no_row("row", err);
    row->partial = slice_equal(partial, SLICE("true"));
    enum rc rc = read_columns(columns, arena, row, err);
    return rc == RC_OK ? read_row(object, delete_mark, arena, row, err) : rc;
}

static bool has_column(const struct letter_row *row, struct slice name)
{
    for (uint32_t i = 0; i < row->column_count; i++)
        if (slice_equal_nocase(row->columns[i], name))
            return true;
    return false;
}

static struct letter_member *find_member(struct letter_row *row, struct slice name)
{
    for (uint32_t i = 0; i < row->member_count; i++)
        if (slice_equal(row->members[i].name, name))
            return &row->members[i];
    return NULL;
}

/* Puts a row without all columns onto what the letters before it made. */
static enum rc put_onto(struct letter_row *row, const struct letter_row *part, struct arena *arena,
                        struct error *err)
{
    struct slice *columns =
        arena_alloc(arena, (row->column_count + part->column_count) * sizeof(*columns));
    struct letter_member *members =
        arena_alloc(arena, (row->member_count + part->member_count) * sizeof(*members));
    if (columns == NULL || members == NULL)
        return no_memory(err);
    memcpy(columns, row->columns, row->column_count * sizeof(*columns));
    memcpy(members, row->members, row->member_count * sizeof(*members));
    row->columns = columns;
    row->members = members;
    for (uint32_t i = 0; i < part->column_count; i++)
        if (!has_column(row, part->columns[i]))
            row->columns[row->column_count++] = part->columns[i];
    for (uint32_t i = 0; i < part->member_count; i++) {
        struct letter_member *older = find_member(row, part->members[i].name);
        if (older == NULL)
            older = &row->members[row->member_count++];
        *older = part->members[i];
    }
    return RC_OK;
}

enum rc letter_row_merge(const struct slice *lines, uint32_t line_count, const char *delete_mark,
                         struct arena *arena, struct letter_row *row_out, struct error *err)
{
    ASSERT(line_count > 0);
    enum rc rc = read_letter(lines[0], delete_mark, arena, row_out, err);
    for (uint32_t i = 1; rc == RC_OK && i < line_count; i++) {
        struct letter_row next;
        rc = read_letter(lines[i], delete_mark, arena, &next, err);
        if (rc != RC_OK)
            break;
        if (!next.partial)
            *row_out = next;
        else if (row_out->deleted)
            rc = error_set(err, RC_REJECTED,
                           "A letter of this row has a part of it, and the one before it deletes "
                           "it.");
        else
            rc = put_onto(row_out, &next, arena, err);
    }
    return rc;
}

bool letter_row_same_columns(const struct letter_row *row, const struct slice *columns,
                             uint32_t column_count)
{
    if (row->column_count != column_count)
        return false;
    for (uint32_t i = 0; i < column_count; i++)
        if (!slice_equal(row->columns[i], columns[i]))
            return false;
    return true;
}

void letter_row_add(const struct letter_row *row, const char *delete_mark, struct buf *out)
{
    for (uint32_t i = 0; i < row->member_count; i++) {
        buf_add_byte(out, i == 0 ? '{' : ',');
        buf_add_slice(out, row->members[i].name);
        buf_add_byte(out, ':');
        buf_add_slice(out, row->members[i].value);
    }
    if (delete_mark != NULL)
        buf_addf(out, ",\"%s\":%c", delete_mark, row->deleted ? '1' : '0');
    buf_add_str(out, "}\n");
}
