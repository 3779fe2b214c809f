/* SPDX-License-Identifier: Apache-2.0 */
#include "query_status_int.h"

enum status_variable {
    STATUS_FLAGS = 0,
    STATUS_SQL_MODE = 1,
    STATUS_CATALOG_OLD = 2,
    STATUS_AUTO_INCREMENT = 3,
    STATUS_CHARSET = 4, /* client 2, connection 2, server 2 */
    STATUS_TIME_ZONE = 5,
    STATUS_CATALOG = 6,
    STATUS_TIME_NAMES = 7,
    STATUS_CHARSET_DATABASE = 8,
    STATUS_TABLE_MAP = 9,
    STATUS_DATA_WRITTEN = 10,
    STATUS_INVOKER = 11,
    STATUS_UPDATED_DBS = 12,
    STATUS_MICROSECONDS = 13,
    STATUS_COMMIT_TIME = 14,
    STATUS_COMMIT_TIME_2 = 15,
    STATUS_EXPLICIT_DEFAULTS = 16,
    STATUS_DDL_XID = 17,
    STATUS_UTF8MB4_COLLATION = 18,
    STATUS_REQUIRE_PRIMARY_KEY = 19,
    STATUS_TABLE_ENCRYPTION = 20,
    STATUS_CASCADE_TRIGGERS = 21,
    STATUS_MARIADB_TIME = 128,
    STATUS_MARIADB_XID = 129,
    STATUS_MARIADB_GTID_FLAGS = 130,
    STATUS_MARIADB_COLLATIONS = 131
};

/* MariaDB keeps explicit_defaults_for_timestamp among the flags, MySQL in a variable of its own. */
#define MARIADB_EXPLICIT_DEFAULTS UINT32_C(0x01000000)

static void take_short_text(struct cursor *cursor)
{
    cursor_take(cursor, cursor_u8(cursor));
}

static void take_updated_dbs(struct cursor *cursor)
{
    enum { TOO_MANY = 254 };
    uint8_t count = cursor_u8(cursor);
    for (uint8_t i = 0; count != TOO_MANY && i < count && !cursor->failed; i++)
        while (cursor_u8(cursor) != 0 && !cursor->failed)
            continue;
}

static void read_flags(struct cursor *cursor, bool is_mariadb, struct query_status *out)
{
    uint32_t flags = cursor_u32(cursor);
    if (!is_mariadb)
        return;
    out->explicit_defaults_said = true;
    out->explicit_defaults_for_timestamp = (flags & MARIADB_EXPLICIT_DEFAULTS) != 0;
}

static void read_collation(struct cursor *cursor, struct query_status *out)
{
    uint16_t collation = cursor_u16(cursor);
    out->collations_said = true;
    if (!cursor->failed && out->collation_count < QUERY_COLLATIONS_MAX)
        out->collations[out->collation_count++] = collation;
}

/* Pairs: what the charset's default is, and what the session made it. */
static void read_collations(struct cursor *cursor, struct query_status *out)
{
    uint8_t count = cursor_u8(cursor);
    out->collations_said = true;
    for (uint8_t i = 0; i < count; i++) {
        cursor_u16(cursor);
        read_collation(cursor, out);
    }
}

/* Those that say how names and definitions are meant. False: it is none of them. */
static bool read_meaning(struct cursor *cursor, enum status_variable variable, bool is_mariadb,
                         struct query_status *out)
{
    switch (variable) {
    case STATUS_FLAGS:
        read_flags(cursor, is_mariadb, out);
        return true;
    case STATUS_SQL_MODE:
        out->sql_mode = cursor_u64(cursor);
        return true;
    case STATUS_CHARSET:
        out->client_collation = cursor_u16(cursor);
        cursor_take(cursor, 2);
        out->server_collation = cursor_u16(cursor);
        return true;
    case STATUS_CHARSET_DATABASE:
        out->database_collation = cursor_u16(cursor);
        return true;
    case STATUS_EXPLICIT_DEFAULTS:
        out->explicit_defaults_said = true;
        out->explicit_defaults_for_timestamp = cursor_u8(cursor) != 0;
        return true;
    case STATUS_UTF8MB4_COLLATION:
        read_collation(cursor, out);
        return true;
    case STATUS_MARIADB_COLLATIONS:
        read_collations(cursor, out);
        return true;
    default:
        return false;
    }
}

/* Passes over one of the others; false: it is not known. */
static bool take_other(struct cursor *cursor, enum status_variable variable)
{
    static const uint8_t sizes[] = {
        [STATUS_AUTO_INCREMENT] = 4,      [STATUS_TIME_NAMES] = 2,
        [STATUS_TABLE_MAP] = 8,           [STATUS_DATA_WRITTEN] = 4,
        [STATUS_MICROSECONDS] = 3,        [STATUS_COMMIT_TIME] = 8,
        [STATUS_COMMIT_TIME_2] = 8,       [STATUS_DDL_XID] = 8,
        [STATUS_REQUIRE_PRIMARY_KEY] = 1, [STATUS_TABLE_ENCRYPTION] = 1,
        [STATUS_CASCADE_TRIGGERS] = 1,    [STATUS_MARIADB_TIME] = 3,
        [STATUS_MARIADB_XID] = 8,
    };
    switch (variable) {
    case STATUS_CATALOG_OLD:
        take_short_text(cursor);
        cursor_take(cursor, 1);
        return true;
    case STATUS_TIME_ZONE:
    case STATUS_CATALOG:
        take_short_text(cursor);
        return true;
    case STATUS_INVOKER:
        take_short_text(cursor);
        take_short_text(cursor);
        return true;
    case STATUS_UPDATED_DBS:
        take_updated_dbs(cursor);
        return true;
    case STATUS_MARIADB_GTID_FLAGS: {
        enum { COMMIT_ALTER = 4, ROLLBACK_ALTER = 8 };
        if ((cursor_u8(cursor) & (COMMIT_ALTER | ROLLBACK_ALTER)) != 0)
            cursor_take(cursor, 8);
        return true;
    }
    default:
        if ((unsigned)variable >= COUNT_OF(sizes) || sizes[variable] == 0)
            return false;
        cursor_take(cursor, sizes[variable]);
        return true;
    }
}

void query_status_parse(struct slice status, bool is_mariadb, struct query_status *out)
{
    struct cursor cursor = cursor_of(status);
    *out = (struct query_status){0};
    while (cursor_left(&cursor) > 0 && !cursor.failed) {
        struct query_status before = *out;
        enum status_variable variable = (enum status_variable)cursor_u8(&cursor);
        if (!read_meaning(&cursor, variable, is_mariadb, out) && !take_other(&cursor, variable))
            return;
        if (cursor.failed)
            *out = before; /* half of a variable says nothing */
    }
}
