/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The status variables of a QUERY event: the session that its statement ran in (facts/binlog.md
 * 4.1). A variable that nobody knows ends the reading, because its length is not known either; what
 * came before it holds.
 */
#ifndef MILLRACE_BINLOG_QUERY_STATUS_INT_H
#define MILLRACE_BINLOG_QUERY_STATUS_INT_H

#include "cursor_int.h"

enum { QUERY_COLLATIONS_MAX = 64 };

struct query_status {
    uint64_t sql_mode;
    uint32_t client_collation; /* of character_set_client; 0: not said */
    uint32_t server_collation;
    uint32_t database_collation;
    bool explicit_defaults_said;
    bool explicit_defaults_for_timestamp;
    /* Default collations of charsets that are not what the version has. */
    bool collations_said;
    uint16_t collations[QUERY_COLLATIONS_MAX];
    uint32_t collation_count;
};

void query_status_parse(struct slice status, bool is_mariadb, struct query_status *out);

/* The name of a collation ("utf8mb4_bin"), its charset called by its own name (utf8mb3); empty for
 * an id that no server has. */
struct slice collation_name(uint32_t id, bool is_mariadb);

#endif
