/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The wordings are those of MySQL 5.6 to 9.7 and MariaDB 10.0 to 11.8 (facts/binlog.md 8.2, 8.4;
 * MariaDB's seen on 10.11). The first rule that fits wins: the order is part of the table.
 */
#include "dump_error_int.h"

#include <stdlib.h>

#define ERROR_ACCESS 1045
#define ERROR_PRIVILEGE 1227
#define ERROR_DUMP 1236    /* ER_MASTER_FATAL_ERROR_READING_BINLOG */
#define ERROR_SAME_ID 4052 /* MariaDB's own number for a second reader with one server-id */

struct rule {
    const char *words;
    enum rc rc;
    const char *remedy;
};

static const struct rule rules[] = {
    {"same server_uuid/server_id", RC_DUPLICATE_ID,
     "Another reader uses our server-id: give each reader of this server its own server-id."},
    {"same server_id", RC_DUPLICATE_ID,
     "Another reader uses our server-id: give each reader of this server its own server-id."},
    {"more GTIDs than", RC_MISMATCH,
     "The checkpoint holds transactions that this server does not have: it was restored from an "
     "older backup or reset, or it is another server. Start afresh with a new checkpoint "
     "directory and a new copy of the tables."},
    {"purged", RC_PURGED, "What is asked for is no longer on the server. " DUMP_PURGED_REMEDY},
    {"Could not find first log file", RC_PURGED,
     "The binlog file is no longer on the server. " DUMP_PURGED_REMEDY},
    {"is not in the master's binlog", RC_MISMATCH,
     "The checkpoint holds a transaction that this server's binlog does not have: it was restored "
     "from an older backup or reset, or it is another server. Start afresh with a new checkpoint "
     "directory and a new copy of the tables."},
    {"impossible position", RC_MISMATCH,
     "The position lies behind the end of the file: the server was reset, restored, or lost the "
     "end of its binlog in a crash."},
    {"bogus data", RC_MISMATCH,
     "The position is not the start of an event: it must be where a transaction begins."},
    {"in the middle of event", RC_MISMATCH,
     "The position is not the start of an event: it must be where a transaction begins."},
    {"max_allowed_packet", RC_LIMIT,
     "Raise max_allowed_packet at the server (SET GLOBAL max_allowed_packet = 1073741824), and "
     "check that the position is where a transaction begins."},
    {"binary log is not open", RC_CONFIG, "Start the server with log_bin."},
    {"server_id was not set", RC_CONFIG, "Set server_id at the server."},
    {"AUTO_POSITION", RC_CONFIG, "Set gtid_mode = ON at the server."},
    {"crc check", RC_CORRUPT, "The server's binlog file is damaged."},
    {"bad magic", RC_CORRUPT, "The server's binlog file is damaged."},
};

enum rc dump_error_refine(struct error *err)
{
    int mysql_code = err->mysql_code;
    if (mysql_code == ERROR_ACCESS || mysql_code == ERROR_PRIVILEGE) {
        /* We are let in already, so it is not the password, whatever the words are. */
        err->rc = RC_DENIED;
        error_hint(err, "The user may not read the binlog (any more): GRANT REPLICATION SLAVE ON "
                        "*.* TO it.");
        return RC_DENIED;
    }
    if (mysql_code != ERROR_DUMP && mysql_code != ERROR_SAME_ID)
        return err->rc;
    for (size_t i = 0; i < COUNT_OF(rules); i++) {
        if (strcasestr(err->text, rules[i].words) == NULL)
            continue;
        char words[ERROR_TEXT_MAX];
        memcpy(words, err->text, sizeof(words));
        error_set(err, rules[i].rc, "%s", words);
        err->mysql_code = mysql_code;
        error_hint(err, "%s", rules[i].remedy);
        return rules[i].rc;
    }
    return err->rc;
}
