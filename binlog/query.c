/* SPDX-License-Identifier: Apache-2.0 */
#include "query_int.h"

#include "charset_int.h"
#include "inflate_int.h"
#include "value_thread_int.h"

/* Codes of status variables, in the order in which servers write them (facts/binlog.md 4.1). */
enum status_variable {
    STATUS_FLAGS = 0,          /* 4 bytes */
    STATUS_SQL_MODE = 1,       /* 8 */
    STATUS_AUTO_INCREMENT = 3, /* 4 */
    STATUS_CHARSET = 4,        /* client 2, connection 2, server 2 */
    STATUS_CATALOG = 6         /* length 1, name */
};

/* The collation of character_set_client, or 0. */
static uint32_t client_collation(struct slice status)
{
    struct cursor cursor = cursor_of(status);
    while (cursor_left(&cursor) > 0 && !cursor.failed) {
        switch ((enum status_variable)cursor_u8(&cursor)) {
        case STATUS_FLAGS:
        case STATUS_AUTO_INCREMENT:
            cursor_take(&cursor, 4);
            break;
        case STATUS_SQL_MODE:
            cursor_take(&cursor, 8);
            break;
        case STATUS_CATALOG:
            cursor_take(&cursor, cursor_u8(&cursor));
            break;
        case STATUS_CHARSET: {
            uint16_t collation = cursor_u16(&cursor);
            return cursor.failed ? 0 : collation;
        }
        default:
            return 0;
        }
    }
    return 0;
}

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
    uint32_t collation = client_collation(cursor_slice(&cursor, status_len));
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
    return rc == RC_OK ? to_utf8(collation, inflated, &query->text, err) : rc;
}
