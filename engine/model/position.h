/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A place in a source's stream from which reading can go on: always the start of a transaction,
 * plus how many of that transaction's rows have been delivered before (not 0 only inside a
 * transaction that was larger than an epoch; on resume the transaction is read again and those rows
 * are passed over).
 */
#ifndef MILLRACE_MODEL_POSITION_H
#define MILLRACE_MODEL_POSITION_H

#include "../base/buf.h"

#define POSITION_FILE_MAX 512
#define POSITION_GTID_MAX (16u << 20) /* bytes of GTID set text */
#define POSITION_SERVER_MAX 64

struct position {
    char file[POSITION_FILE_MAX]; /* binlog file name, NUL-terminated; "" when not known */
    uint64_t offset;              /* bytes from the start of the file, past 4 GiB too */
    struct buf gtid_set; /* canonical text of what has been delivered; empty without GTIDs */
    char server[POSITION_SERVER_MAX]; /* server_uuid, or "server_id:<n>" on MariaDB: whose file it
                                         is */
    uint64_t rows_done;      /* of the next transaction: the ordinal of its first row that is
                                not done yet, counted before any filter */
    uint32_t targets_done;   /* of the row behind those: how many of its targets have it (a
                                route may send one row to several) */
    uint64_t commit_time_us; /* of the last transaction before this place; 0 when not known */
};

void position_init(struct position *position);
void position_deinit(struct position *position);
enum rc position_copy(struct position *to, const struct position *from,
                      struct error *err) MUST_CHECK;
/* True when neither a file nor a GTID set is there. */
bool position_is_empty(const struct position *position);
/* For people: "binlog.000007:4711, GTID 3e11fa47-...:1-5, 3 rows into the next transaction". */
void position_describe(const struct position *position, struct buf *out);

#endif
