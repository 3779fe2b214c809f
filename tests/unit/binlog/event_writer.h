/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Binlog events made by hand, for tests of the decoder: a small writer of little-endian fields, and
 * the events that a MySQL 8.0 server would write for one table `shop`.`t` (id INT key, name
 * VARCHAR(20)).
 */
#ifndef MILLRACE_TESTS_EVENT_WRITER_H
#define MILLRACE_TESTS_EVENT_WRITER_H

#include <zlib.h>

#include "binlog/event_int.h"

struct writer {
    uint8_t bytes[1 << 18];
    size_t len;
    size_t event_start;
    bool crc32;
    uint32_t base; /* file offset of bytes[0]: 4 behind the magic */
};

static inline void put(struct writer *w, uint64_t value, unsigned size_bytes)
{
    for (unsigned i = 0; i < size_bytes; i++)
        w->bytes[w->len++] = (uint8_t)(i < 8 ? value >> (8 * i) : 0);
}

static inline void put_bytes(struct writer *w, const void *ptr, size_t len)
{
    if (len > 0)
        memcpy(w->bytes + w->len, ptr, len);
    w->len += len;
}

static inline void put_text(struct writer *w, const char *text)
{
    put_bytes(w, text, strlen(text));
}

/* One-byte length, text, NUL: as table maps have names. */
static inline void put_name(struct writer *w, const char *text)
{
    put(w, strlen(text), 1);
    put_bytes(w, text, strlen(text) + 1);
}

static inline void event_begin(struct writer *w, uint8_t type)
{
    w->event_start = w->len;
    put(w, 1700000000, 4);
    put(w, type, 1);
    put(w, 7, 4);
    put(w, 0, 4 + 4 + 2);
}

static inline void event_end(struct writer *w)
{
    uint8_t *head = w->bytes + w->event_start;
    bool with_crc = w->crc32 || head[4] == EVENT_FORMAT_DESCRIPTION;
    size_t len = w->len - w->event_start + (with_crc ? EVENT_CRC_LEN : 0);
    store_u32le(head + 9, (uint32_t)len);
    store_u32le(head + 13, (uint32_t)(w->base + w->event_start + len));
    if (with_crc)
        put(w, crc32(0, head, (uInt)(len - EVENT_CRC_LEN)), 4);
}

/* The last event's end, as its header says it, becomes another one: the checksum covers that. */
static inline void event_move(struct writer *w, uint32_t log_pos)
{
    uint8_t *head = w->bytes + w->event_start;
    bool with_crc = w->crc32 || head[4] == EVENT_FORMAT_DESCRIPTION;
    store_u32le(head + 13, log_pos);
    if (with_crc)
        store_u32le(w->bytes + w->len - EVENT_CRC_LEN,
                    (uint32_t)crc32(0, head, (uInt)(w->len - w->event_start - EVENT_CRC_LEN)));
}

/* What a server makes up for a dump: it has no time and no place. */
static inline void event_end_fake(struct writer *w)
{
    uint8_t *head = w->bytes + w->event_start;
    store_u32le(head, 0);
    store_u16le(head + 17, EVENT_FLAG_ARTIFICIAL);
    event_end(w);
    event_move(w, 0);
}

static inline void put_rotate(struct writer *w, const char *file, uint64_t offset, bool fake)
{
    event_begin(w, EVENT_ROTATE);
    put(w, offset, 8);
    put_text(w, file);
    if (fake)
        event_end_fake(w);
    else
        event_end(w);
}

static inline void put_format(struct writer *w, const char *version)
{
    char name[50] = "";
    memcpy(name, version, strlen(version));
    event_begin(w, EVENT_FORMAT_DESCRIPTION);
    put(w, 4, 2);
    put_bytes(w, name, sizeof(name));
    put(w, 0, 4);
    put(w, EVENT_HEADER_LEN, 1);
    for (unsigned i = 1; i <= 41; i++)
        put(w, i == EVENT_TABLE_MAP ? 8 : 10, 1);
    put(w, w->crc32 ? 1 : 0, 1);
    event_end(w);
}

static inline void put_query(struct writer *w, const char *db, const char *text)
{
    event_begin(w, EVENT_QUERY);
    put(w, 1, 4);
    put(w, 0, 4);
    put(w, strlen(db), 1);
    put(w, 0, 2);
    put(w, 5, 2); /* status: FLAGS2 */
    put(w, 0, 5);
    put_bytes(w, db, strlen(db) + 1);
    put_text(w, text);
    event_end(w);
}

static inline void put_xid(struct writer *w)
{
    event_begin(w, EVENT_XID);
    put(w, 9, 8);
    event_end(w);
}

/* GTID of the uuid 11..11. */
static inline void put_gtid(struct writer *w, uint64_t number)
{
    uint8_t uuid[16];
    memset(uuid, 0x11, sizeof(uuid));
    event_begin(w, EVENT_GTID);
    put(w, 0, 1);
    put_bytes(w, uuid, sizeof(uuid));
    put(w, number, 8);
    put(w, 2, 1);
    put(w, 0, 16);
    put(w, 1700000000123456, 7);
    put(w, 0xfc, 1);
    put(w, 300, 2);
    put(w, 80036, 4);
    event_end(w);
}

/* What `flags` announce is not put behind them. */
static inline void put_mariadb_gtid(struct writer *w, uint32_t domain, uint64_t number,
                                    uint8_t flags)
{
    event_begin(w, EVENT_MARIADB_GTID);
    put(w, number, 8);
    put(w, domain, 4);
    put(w, flags, 1);
    put(w, 0, 6);
    event_end(w);
}

/* INT NOT NULL, VARCHAR(20) utf8mb4, with names and key when `full`. */
static inline void put_table_map(struct writer *w, uint64_t id, const char *table, bool full)
{
    event_begin(w, EVENT_TABLE_MAP);
    put(w, id, 6);
    put(w, 1, 2);
    put_name(w, "shop");
    put_name(w, table);
    put(w, 2, 1);
    put(w, 3, 1);
    put(w, 15, 1);
    put(w, 2, 1);
    put(w, 80, 2);
    put(w, 2, 1);
    put(w, 1, 1); /* SIGNEDNESS */
    put(w, 1, 1);
    put(w, 0, 1);
    put(w, 77, 1); /* unknown, must be passed over */
    put(w, 2, 1);
    put(w, 0xffff, 2);
    put(w, 2, 1); /* DEFAULT_CHARSET: 255 as a length-encoded integer */
    put(w, 3, 1);
    put(w, 0x00fffc, 3);
    if (full) {
        put(w, 4, 1);
        put(w, 8, 1);
        put(w, 2, 1);
        put_text(w, "id");
        put(w, 4, 1);
        put_text(w, "name");
        put(w, 8, 1);
        put(w, 1, 1);
        put(w, 0, 1);
    }
    event_end(w);
}

static inline void put_rows_head(struct writer *w, uint8_t type, uint64_t id)
{
    event_begin(w, type);
    put(w, id, 6);
    put(w, 1, 2);
    put(w, 2, 2);
    put(w, 2, 1);
    put(w, 0xff, 1); /* padding bits set: they must be masked */
    if (type == EVENT_UPDATE_ROWS)
        put(w, 0xff, 1);
}

/* `name` NULL: SQL NULL */
static inline void put_row(struct writer *w, uint32_t id, const char *name)
{
    put(w, name == NULL ? 2 : 0, 1);
    put(w, id, 4);
    if (name == NULL)
        return;
    put(w, strlen(name), 1);
    put_text(w, name);
}

static inline void put_insert(struct writer *w, uint64_t table, uint32_t first, unsigned count)
{
    put_rows_head(w, EVENT_WRITE_ROWS, table);
    for (unsigned i = 0; i < count; i++)
        put_row(w, first + i, i % 2 == 0 ? "anvil" : NULL);
    event_end(w);
}

/* A whole transaction: BEGIN, map, insert of `count` rows, commit. */
static inline void put_transaction(struct writer *w, uint64_t gtid, uint32_t first, unsigned count)
{
    put_gtid(w, gtid);
    put_query(w, "shop", "BEGIN");
    put_table_map(w, 90, "t", true);
    put_insert(w, 90, first, count);
    put_xid(w);
}

#endif
