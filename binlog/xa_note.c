/* SPDX-License-Identifier: Apache-2.0 */
#include "xa_note_int.h"

#include "cursor_int.h"

enum {
    NOTE_VERSION = 1,
    NOTE_MARIADB = 1,
    NOTE_SHORT_TABLE_IDS = 2,
    NOTE_NAMES_ONLY = 4,
    NOTE_STATEMENT = 8,
    NOTE_FILE = 16,
    NOTE_FLAGS = NOTE_MARIADB | NOTE_SHORT_TABLE_IDS | NOTE_NAMES_ONLY | NOTE_STATEMENT | NOTE_FILE,
    NOTE_MAX = 16 << 20,
    KEY_MAX = XID_TEXT_MAX + sizeof(XA_NOTE_PREFIX)
};

static enum rc damaged(struct slice key, struct error *err)
{
    return error_set(err, RC_CORRUPT,
                     "The checkpoint's note %.*s of a prepared XA transaction cannot be read.",
                     SLICE_ARG(key));
}

static bool parse_file(struct cursor *cursor, struct xa_rows *rows)
{
    rows->file = cursor_u64(cursor);
    rows->file_bytes = cursor_u64(cursor);
    rows->filed = cursor_u64(cursor);
    struct slice undone = cursor_slice(cursor, cursor_u32(cursor));
    buf_add_slice(&rows->undone, undone);
    return !cursor->failed && rows->file != 0 && rows->undone.rc == RC_OK &&
           xa_undone_is_whole(undone, rows->filed);
}

/* What is in the place of rows: themselves, or names, or both names and the file. */
static bool parse_rows(struct cursor *cursor, uint8_t flags, struct xa_prepared *prepared)
{
    if ((flags & NOTE_FILE) != 0 && !parse_file(cursor, &prepared->rows))
        return false;
    struct slice rest = cursor_rest(cursor);
    if (cursor->failed)
        return false;
    if ((flags & (NOTE_FILE | NOTE_NAMES_ONLY)) == 0) {
        buf_add_slice(&prepared->rows.bytes, rest);
        return !prepared->has_statement && xa_held_is_whole(rest);
    }
    buf_add_slice(&prepared->names, rest);
    return prepared->names.rc == RC_OK && xa_names_are_whole(rest);
}

static bool parse_value(struct slice value, struct xa_prepared *prepared)
{
    enum { BOTH = NOTE_FILE | NOTE_NAMES_ONLY };
    struct cursor cursor = cursor_of(value);
    uint8_t version = cursor_u8(&cursor);
    uint8_t flags = cursor_u8(&cursor);
    prepared->format.known = true;
    prepared->format.is_mariadb = (flags & NOTE_MARIADB) != 0;
    prepared->format.short_table_ids = (flags & NOTE_SHORT_TABLE_IDS) != 0;
    prepared->names_only = (flags & NOTE_NAMES_ONLY) != 0;
    prepared->has_statement = (flags & NOTE_STATEMENT) != 0;
    prepared->format.header_len = cursor_u8(&cursor);
    prepared->format.version = cursor_u32(&cursor);
    prepared->offset = cursor_u64(&cursor);
    struct slice file = cursor_slice(&cursor, cursor_u16(&cursor));
    if (cursor.failed || version != NOTE_VERSION || (flags & ~NOTE_FLAGS) != 0 ||
        (flags & BOTH) == BOTH || file.len >= sizeof(prepared->file) ||
        (file.len > 0 && memchr(file.ptr, '\0', file.len) != NULL) || !text_is_utf8(file) ||
        !parse_rows(&cursor, flags, prepared))
        return false;
    if (file.len > 0)
        memcpy(prepared->file, file.ptr, file.len);
    return true;
}

enum rc xa_note_read(struct xa_store *store, struct slice key, struct slice value,
                     struct error *err)
{
    struct xa_prepared *prepared = xa_prepared_new();
    if (prepared == NULL)
        return error_set(err, RC_MEMORY, "There is no memory for an XA transaction.");
    struct slice name = key;
    struct slice prefix = SLICE(XA_NOTE_PREFIX);
    bool whole = key.len > prefix.len && memcmp(key.ptr, prefix.ptr, prefix.len) == 0;
    if (whole)
        name = slice_of(key.ptr + prefix.len, key.len - prefix.len);
    whole = whole && xid_of_text(name, &prepared->xid) &&
            xa_store_find(store, &prepared->xid) == NULL && parse_value(value, prepared);
    prepared->noted = true;
    enum rc rc = whole ? buf_check(&prepared->rows.bytes, "The rows of an XA transaction", err)
                       : damaged(key, err);
    if (rc == RC_OK)
        xa_store_add(store, prepared);
    else
        xa_prepared_free(prepared);
    return rc;
}

static uint8_t flags_of(const struct xa_prepared *prepared)
{
    return (uint8_t)((prepared->format.is_mariadb ? NOTE_MARIADB : 0) |
                     (prepared->format.short_table_ids ? NOTE_SHORT_TABLE_IDS : 0) |
                     (prepared->names_only ? NOTE_NAMES_ONLY : 0) |
                     (prepared->has_statement ? NOTE_STATEMENT : 0) |
                     (prepared->rows.file != 0 ? NOTE_FILE : 0));
}

static void add_file(const struct xa_rows *rows, struct buf *out)
{
    uint8_t head[8 + 8 + 8 + 4];
    store_u64le(head, rows->file);
    store_u64le(head + 8, rows->file_bytes);
    store_u64le(head + 16, rows->filed);
    store_u32le(head + 24, (uint32_t)rows->undone.len);
    buf_add(out, head, sizeof(head));
    buf_add_slice(out, buf_slice(&rows->undone));
}

static void add_value(const struct xa_prepared *prepared, struct buf *out)
{
    uint8_t head[3 + 4 + 8 + 2];
    size_t file_len = strlen(prepared->file);
    head[0] = NOTE_VERSION;
    head[1] = flags_of(prepared);
    head[2] = prepared->format.header_len;
    store_u32le(head + 3, prepared->format.version);
    store_u64le(head + 7, prepared->offset);
    store_u16le(head + 15, (uint16_t)file_len);
    buf_add(out, head, sizeof(head));
    buf_add(out, prepared->file, file_len);
    if (prepared->rows.file != 0)
        add_file(&prepared->rows, out);
    buf_add_slice(out, buf_slice(&prepared->rows.bytes));
    buf_add_slice(out, buf_slice(&prepared->names));
}

static enum rc give(const struct xa_prepared *prepared, bool forget, struct buf *scratch,
                    source_note_fn visit, void *ctx, struct error *err)
{
    struct buf key;
    buf_init(&key, KEY_MAX);
    buf_add_str(&key, XA_NOTE_PREFIX);
    xid_text(&prepared->xid, &key);
    buf_reset(scratch);
    if (!forget)
        add_value(prepared, scratch);
    enum rc rc = buf_check(&key, "The name of an XA transaction", err);
    if (rc == RC_OK)
        rc = buf_check(scratch, "The note of an XA transaction", err);
    if (rc == RC_OK)
        rc = visit(ctx, buf_slice(&key), forget ? SLICE_EMPTY : buf_slice(scratch), err);
    buf_deinit(&key);
    return rc;
}

enum rc xa_note_each(struct xa_store *store, struct xa_folder *folder, const struct position *here,
                     source_note_fn visit, void *ctx, struct error *err)
{
    struct buf value;
    buf_init(&value, NOTE_MAX);
    enum rc rc = RC_OK;
    while (rc == RC_OK && store->ended != NULL) {
        struct xa_prepared *prepared = xa_store_take_ended(store);
        rc = give(prepared, true, &value, visit, ctx, err);
        if (rc == RC_OK && prepared->rows.file != 0 && folder != NULL)
            rc = xa_folder_remove_after(folder, prepared->rows.file, prepared->rows.file_bytes,
                                        here, err);
        xa_prepared_free(prepared);
    }
    struct xa_prepared *unnoted = NULL;
    while (rc == RC_OK && (unnoted = xa_store_unnoted(store)) != NULL) {
        rc = give(unnoted, false, &value, visit, ctx, err);
        if (rc == RC_OK)
            xa_store_set_noted(store, unnoted);
    }
    buf_deinit(&value);
    return rc;
}
