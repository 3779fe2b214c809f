/* SPDX-License-Identifier: Apache-2.0 */
#include "query_int.h"

#include "charset_int.h"
#include "inflate_int.h"
#include "query_status_int.h"
#include "value_thread_int.h"

static bool is_ascii(struct slice text)
{
    for (size_t i = 0; i < text.len; i++)
        if (text.ptr[i] >= 0x80)
            return false;
    return true;
}

/* The converted text comes to lie in `inflated`, where the text itself may be. */
static enum rc to_utf8(uint32_t collation, struct buf *inflated, struct slice *text,
                       struct error *err)
{
    if (is_ascii(*text)) /* every charset that a client may have holds ASCII as it is */
        return RC_OK;
    const struct charset *charset = charset_of_collation(collation);
    struct buf *scratch = value_thread_buf();
    if (scratch == NULL)
        return error_set(err, RC_MEMORY, "There is no memory to convert a statement.");
    struct slice converted;
    if (charset == NULL || charset_to_utf8(charset, *text, scratch, &converted) != RC_OK) {
        if (text_is_utf8(*text))
            return RC_OK;
        buf_reset(scratch);
        enum rc rc = charset_to_utf8(charset_get(CHARSET_LATIN1), *text, scratch, &converted);
        if (rc != RC_OK)
            return error_set(err, rc, "A statement of %zu bytes cannot be converted.", text->len);
    }
    if (converted.ptr == text->ptr)
        return RC_OK;
    buf_reset(inflated);
    buf_add_slice(inflated, converted);
    *text = buf_slice(inflated);
    return buf_check(inflated, "a statement", err);
}

enum rc query_parse(struct slice body, uint8_t event_type, struct buf *inflated,
                    struct query *query, struct error *err)
{
    enum { LOAD_FIELDS = 4 + 4 + 4 + 1 };
    struct cursor cursor = cursor_of(body);
    *query = (struct query){0};
    cursor_take(&cursor, 4 + 4);
    uint8_t db_len = cursor_u8(&cursor);
    query->error_code = cursor_u16(&cursor);
    uint16_t status_len = cursor_u16(&cursor);
    if (event_type == EVENT_EXECUTE_LOAD_QUERY)
        cursor_take(&cursor, LOAD_FIELDS);
    query->status = cursor_slice(&cursor, status_len);
    struct query_status status;
    query_status_parse(query->status, event_type == EVENT_MARIADB_QUERY_COMPRESSED, &status);
    query->db = cursor_slice(&cursor, db_len);
    cursor_take(&cursor, 1);
    query->text = cursor_rest(&cursor);
    if (cursor.failed)
        return error_set(err, RC_CORRUPT, "The statement's event is cut off.");
    if (!text_is_utf8(query->db))
        return error_set(err, RC_CORRUPT, "The name of the statement's database is not UTF-8.");
    enum rc rc = RC_OK;
    if (event_type == EVENT_MARIADB_QUERY_COMPRESSED) {
        rc = inflate_record(query->text, inflated, err);
        query->text = buf_slice(inflated);
    }
    return rc == RC_OK ? to_utf8(status.client_collation, inflated, &query->text, err) : rc;
}
