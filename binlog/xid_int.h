/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Names of XA transactions (facts/binlog.md 4.4): as XA_PREPARE events hold them and as statements
 * say them.
 *
 *   event      one phase 1 | format 4 | global length 4 | branch length 4 | global | branch
 *   statement  XA COMMIT X'global',X'branch',format
 */
#ifndef MILLRACE_BINLOG_XID_INT_H
#define MILLRACE_BINLOG_XID_INT_H

#include "cursor_int.h"

enum { XID_PART_MAX = 64, XID_TEXT_MAX = 4 * XID_PART_MAX + 32 };

struct xid {
    uint32_t format;
    uint8_t global_len;
    uint8_t branch_len;
    uint8_t data[2 * XID_PART_MAX]; /* global, then branch; zeros behind them */
};

/* From the format on. False: cut off, or a part is too long. */
bool xid_read(struct cursor *cursor, struct xid *xid);
/* False: the text names none in the form that servers write. */
bool xid_of_statement(struct slice text, struct xid *xid);
bool xid_equal(const struct xid *a, const struct xid *b);
uint64_t xid_hash(const struct xid *xid);
/* The whole text is such a name, as xid_text writes it. */
bool xid_of_text(struct slice text, struct xid *xid);
/* X'6162',X'',1 */
void xid_text(const struct xid *xid, struct buf *out);

#endif
