/* SPDX-License-Identifier: Apache-2.0 */
#include "xa_rows_int.h"

#include "cursor_int.h"
#include "rows_int.h"

enum { STRETCH = 8 + 8 };

static bool is_rows_type(uint8_t type)
{
    return type == EVENT_TABLE_MAP || rows_type_of(type).kind != ROWS_NONE;
}

bool xa_held_is_whole(struct slice bytes)
{
    struct cursor cursor = cursor_of(bytes);
    while (!cursor.failed && cursor_left(&cursor) > 0) {
        cursor_take(&cursor, 8);
        uint32_t body_len = cursor_u32(&cursor);
        uint8_t type = cursor_u8(&cursor);
        cursor_take(&cursor, body_len);
        bool statement = type == EVENT_QUERY || type == EVENT_MARIADB_QUERY_COMPRESSED ||
                         type == EVENT_EXECUTE_LOAD_QUERY;
        if (!statement && !is_rows_type(type))
            return false;
    }
    return !cursor.failed;
}

bool xa_undone_is_whole(struct slice undone, uint64_t filed)
{
    struct cursor cursor = cursor_of(undone);
    uint64_t least = 0;
    while (!cursor.failed && cursor_left(&cursor) > 0) {
        uint64_t from = cursor_u64(&cursor);
        uint64_t to = cursor_u64(&cursor);
        if (from < least || to <= from || to > filed)
            return false;
        least = to + 1;
    }
    return !cursor.failed;
}

void xa_rows_init(struct xa_rows *rows)
{
    *rows = (struct xa_rows){.file = 0};
    buf_init(&rows->bytes, XA_ROWS_BLOCK_MAX);
    buf_init(&rows->undone, XA_ROWS_UNDONE_MAX);
}

void xa_rows_deinit(struct xa_rows *rows)
{
    buf_deinit(&rows->bytes);
    buf_deinit(&rows->undone);
}

void xa_rows_drop(struct xa_rows *rows, struct xa_folder *folder, struct record_writer *writer)
{
    if (writer != NULL)
        record_writer_close(writer);
    if (rows->file != 0)
        xa_folder_remove(folder, rows->file, rows->file_bytes);
    buf_reset(&rows->bytes);
    buf_reset(&rows->undone);
    rows->file = rows->file_bytes = rows->filed = 0;
}

enum rc xa_rows_add(struct xa_rows *rows, const struct event *event, struct error *err)
{
    uint8_t head[XA_HELD_HEAD];
    store_u64le(head, event->offset);
    store_u32le(head + 8, (uint32_t)event->body.len);
    head[12] = event->header.type;
    buf_add(&rows->bytes, head, sizeof(head));
    buf_add_slice(&rows->bytes, event->body);
    return buf_check(&rows->bytes, "The rows of an XA transaction", err);
}

enum rc xa_rows_file(struct xa_rows *rows, struct xa_folder *folder, struct record_writer *writer,
                     struct error *err)
{
    struct slice block = buf_slice(&rows->bytes);
    uint64_t bytes = record_bytes(block) + (rows->file == 0 ? RECORD_MAGIC_LEN : 0);
    if (block.len == 0)
        return RC_OK;
    if (!xa_folder_has_room(folder, bytes))
        return error_set(err, RC_FULL, "The files of XA transactions' rows are at xa.max-size.");
    enum rc rc = RC_OK;
    if (rows->file == 0) {
        rc = xa_folder_begin(folder, writer, &rows->file, err);
        rows->file_bytes = rc == RC_OK ? record_writer_bytes(writer) : 0;
    }
    if (rc == RC_OK)
        rc = record_writer_append(writer, XA_ROWS_RECORD, block, err);
    if (rc != RC_OK)
        return rc;
    xa_folder_grow(folder, record_bytes(block));
    rows->file_bytes += record_bytes(block);
    rows->filed += block.len;
    buf_reset(&rows->bytes);
    return RC_OK;
}

enum rc xa_rows_finish(struct xa_rows *rows, struct xa_folder *folder, struct record_writer *writer,
                       bool lasting, struct error *err)
{
    enum rc rc = xa_rows_file(rows, folder, writer, err);
    if (rc != RC_OK || rows->file == 0)
        return rc;
    rc = record_writer_flush(writer, err);
    if (rc != RC_OK)
        return rc;
    ASSERT(rows->file_bytes == record_writer_bytes(writer));
    record_writer_close(writer);
    return lasting ? xa_folder_sync(folder, rows->file, err) : RC_OK;
}

/* Rows in memory from a place on go, statements stay. */
static void cut(struct buf *held, size_t from)
{
    size_t to = from;
    size_t at = from;
    while (at < held->len) {
        const uint8_t *head = held->ptr + at;
        size_t size = XA_HELD_HEAD + load_u32le(head + 8);
        if (!is_rows_type(head[12])) {
            memmove(held->ptr + to, head, size);
            to += size;
        }
        at += size;
    }
    ASSERT(at == held->len);
    held->len = to;
}

bool xa_rows_undo(struct xa_rows *rows, uint64_t from)
{
    struct buf *undone = &rows->undone;
    ASSERT(from <= xa_rows_len(rows));
    cut(&rows->bytes, from <= rows->filed ? 0 : (size_t)(from - rows->filed));
    if (from >= rows->filed)
        return true;
    while (undone->len > 0 && load_u64le(undone->ptr + undone->len - STRETCH) >= from)
        undone->len -= STRETCH;
    if (undone->len > 0 && load_u64le(undone->ptr + undone->len - 8) >= from) {
        store_u64le(undone->ptr + undone->len - 8, rows->filed);
        return true;
    }
    uint8_t stretch[STRETCH];
    store_u64le(stretch, from);
    store_u64le(stretch + 8, rows->filed);
    buf_add(undone, stretch, sizeof(stretch));
    return undone->rc == RC_OK;
}

/* Reading. */

void xa_reading_init(struct xa_reading *reading)
{
    *reading = (struct xa_reading){.at = 0};
    xa_rows_init(&reading->rows);
    record_reader_init(&reading->reader, &xa_folder_style);
}

void xa_reading_deinit(struct xa_reading *reading)
{
    xa_rows_deinit(&reading->rows);
    record_reader_deinit(&reading->reader);
}

/* The next block of the file; RC_EOF behind the last. */
static enum rc next_block(struct record_reader *reader, uint64_t end, struct slice *block,
                          struct error *err)
{
    struct record record;
    enum rc rc = record_reader_next(reader, end, NULL, &record, err);
    if (rc == RC_OK && !xa_held_is_whole(record.body))
        rc = error_set(err, RC_CORRUPT, "%s does not hold rows.", reader->style->what);
    if (rc == RC_OK)
        *block = record.body;
    return rc;
}

/* All that was filed is there, as it was. */
static enum rc look_at_all(struct record_reader *reader, const struct xa_rows *rows,
                           struct error *err)
{
    uint64_t filed = 0;
    enum rc rc = RC_OK;
    if (rows->file_bytes < reader->at)
        return error_set(err, RC_CORRUPT, "%s is shorter than it can be.", reader->style->what);
    while (rc == RC_OK) {
        struct slice block = SLICE_EMPTY;
        rc = next_block(reader, rows->file_bytes, &block, err);
        filed += block.len;
    }
    if (rc == RC_EOF && filed != rows->filed)
        return error_set(err, RC_CORRUPT, "%s holds other rows.", reader->style->what);
    return rc == RC_EOF ? RC_OK : rc;
}

enum rc xa_reading_begin(struct xa_reading *reading, struct xa_folder *folder, struct xa_rows *rows,
                         struct error *err)
{
    ASSERT(rows->file == 0 || rows->bytes.len == 0); /* finished: all is in the one or the other */
    enum rc rc = RC_OK;
    if (rows->file != 0 && folder == NULL)
        rc = error_set(err, RC_IO, "There is no folder with the rows of XA transactions.");
    if (rc == RC_OK && rows->file != 0)
        rc = xa_folder_open(folder, &reading->reader, rows->file, err);
    if (rc == RC_OK && rows->file != 0)
        rc = look_at_all(&reading->reader, rows, err);
    if (rc == RC_OK && rows->file != 0)
        rc = xa_folder_open(folder, &reading->reader, rows->file, err);
    if (rc != RC_OK) {
        record_reader_close(&reading->reader);
        return rc;
    }
    struct xa_rows unused = reading->rows;
    reading->rows = *rows;
    *rows = unused;
    rows->file = rows->file_bytes = rows->filed = 0;
    buf_reset(&rows->bytes);
    buf_reset(&rows->undone);
    reading->block = buf_slice(&reading->rows.bytes);
    reading->at = reading->undone_at = 0;
    reading->before = 0;
    reading->only_statements = false;
    reading->place = 0;
    return RC_OK;
}

/* The event at a place is in a stretch that was undone. Places grow from call to call. */
static bool is_undone(struct xa_reading *reading, uint64_t place)
{
    const struct buf *undone = &reading->rows.undone;
    while (reading->undone_at < undone->len &&
           load_u64le(undone->ptr + reading->undone_at + 8) <= place)
        reading->undone_at += STRETCH;
    return reading->undone_at < undone->len &&
           load_u64le(undone->ptr + reading->undone_at) <= place;
}

enum rc xa_reading_next(struct xa_reading *reading, struct event *event, struct error *err)
{
    for (;;) {
        while (reading->at == reading->block.len) {
            reading->before += reading->block.len;
            reading->at = 0;
            reading->block = SLICE_EMPTY;
            enum rc rc =
                reading->rows.file == 0
                    ? RC_EOF
                    : next_block(&reading->reader, reading->rows.file_bytes, &reading->block, err);
            if (rc != RC_OK)
                return rc;
        }
        uint64_t place = reading->before + reading->at;
        const uint8_t *head = reading->block.ptr + reading->at;
        uint32_t body_len = load_u32le(head + 8);
        uint8_t type = head[12];
        reading->at += XA_HELD_HEAD + body_len;
        if (is_rows_type(type) && (reading->only_statements || is_undone(reading, place)))
            continue;
        *event = (struct event){.header = {.type = type, .length = body_len},
                                .body = slice_of(head + XA_HELD_HEAD, body_len),
                                .offset = reading->place != 0 ? reading->place : load_u64le(head),
                                .inner = true};
        return RC_OK;
    }
}

void xa_reading_end(struct xa_reading *reading, struct xa_folder *folder)
{
    struct xa_rows *rows = &reading->rows;
    record_reader_close(&reading->reader);
    if (rows->file != 0 && folder != NULL)
        xa_folder_remove(folder, rows->file, rows->file_bytes);
    rows->file = rows->file_bytes = rows->filed = 0;
    buf_reset(&rows->bytes);
    buf_reset(&rows->undone);
    reading->block = SLICE_EMPTY;
    reading->at = 0;
}
