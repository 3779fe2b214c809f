/* SPDX-License-Identifier: Apache-2.0 */
/*
 * GTID sets of both families behind one interface.
 *   MySQL:   uuid[:tag] -> closed intervals; text "uuid:1-5:7,uuid:tag:1-3" (facts/binlog.md 8.3)
 *   MariaDB: domain -> last (server, sequence); text "0-1-42,1-2-7" (facts/binlog.md 4.6)
 * Holes are kept exactly: nothing is ever "repaired" (facts/binlog.md 12, #78).
 */
#ifndef MILLRACE_BINLOG_GTID_INT_H
#define MILLRACE_BINLOG_GTID_INT_H

#include "engine/engine.h"

enum gtid_family { GTID_NONE = 0, GTID_MYSQL, GTID_MARIADB };

#define GTID_TAG_MAX 32

struct gtid {
    enum gtid_family family;
    uint8_t uuid[16];           /* MySQL */
    char tag[GTID_TAG_MAX + 1]; /* MySQL 8.3+; "" without */
    uint64_t number;            /* gno, or sequence number */
    uint32_t domain;            /* MariaDB */
    uint32_t server;            /* MariaDB */
};

/* A letter or '_', then letters, digits and '_', lower case; a C string as in struct gtid. */
bool gtid_tag_is_valid(const char *tag);

struct gtid_set; /* owned by whoever made it */

enum rc gtid_set_new(struct gtid_set **set_out, struct error *err) MUST_CHECK;
void gtid_set_free(struct gtid_set *set);
void gtid_set_clear(struct gtid_set *set);
/* Parses either family, white space and newlines tolerated; RC_CONFIG names the place. The empty
 * text is the empty set. */
enum rc gtid_set_parse(struct gtid_set *set, struct slice text, struct error *err) MUST_CHECK;
enum rc gtid_set_copy(struct gtid_set *to, const struct gtid_set *from,
                      struct error *err) MUST_CHECK;
enum gtid_family gtid_set_family(const struct gtid_set *set);
bool gtid_set_is_empty(const struct gtid_set *set);
/* Adding to a MySQL set is amortised O(1) for the next number of a known uuid. For MariaDB it
 * replaces the domain's last one. */
enum rc gtid_set_add(struct gtid_set *set, const struct gtid *gtid, struct error *err) MUST_CHECK;
bool gtid_set_contains(const struct gtid_set *set, const struct gtid *gtid);
/* Every member of `inner` is in `outer`. */
bool gtid_set_contains_set(const struct gtid_set *outer, const struct gtid_set *inner);
bool gtid_set_equal(const struct gtid_set *a, const struct gtid_set *b);
/* from := from without `minus` (MySQL only; for telling a gap). */
enum rc gtid_set_subtract(struct gtid_set *from, const struct gtid_set *minus,
                          struct error *err) MUST_CHECK;
/* Canonical: uuids sorted, intervals sorted and joined; domains sorted. */
void gtid_set_text(const struct gtid_set *set, struct buf *out);
/* One GTID as text. */
void gtid_text(const struct gtid *gtid, struct buf *out);
/* MySQL's binary form for COM_BINLOG_DUMP_GTID, tagged form when a tag is in it; and of
 * PREVIOUS_GTIDS. */
void gtid_set_encode(const struct gtid_set *set, struct buf *out);
enum rc gtid_set_decode(struct gtid_set *set, struct slice bytes, struct error *err) MUST_CHECK;

#endif
