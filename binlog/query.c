/* SPDX-License-Identifier: Apache-2.0 */
#include "query_int.h"

#include "inflate_int.h"

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
    cursor_take(&cursor, status_len);
    query->db = cursor_slice(&cursor, db_len);
    cursor_take(&cursor, 1);
    query->text = cursor_rest(&cursor);
    if (cursor.failed)
        return error_set(err, RC_CORRUPT, "The statement's event is cut off.");
    if (event_type != EVENT_MARIADB_QUERY_COMPRESSED)
        return RC_OK;
    enum rc rc = inflate_record(query->text, inflated, err);
    query->text = buf_slice(inflated);
    return rc;
}
