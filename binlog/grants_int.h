/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What SHOW GRANTS says, as far as the source needs it. Pure.
 */
#ifndef MILLRACE_BINLOG_GRANTS_INT_H
#define MILLRACE_BINLOG_GRANTS_INT_H

#include "engine/engine.h"

#define GRANTS_SCOPES_MAX 512u

/* SELECT on one database pattern or one table, or taken away from it (MySQL's partial revokes). */
struct grant_scope {
    struct slice db;    /* in the arena; '%' and '_' are patterns for whole databases */
    struct slice table; /* empty: the whole database */
    bool revoked;
};

struct grants {
    struct arena arena;
    bool replication_slave;
    bool replication_client; /* or BINLOG MONITOR, its name in MariaDB 10.5 and later */
    bool select_all;
    bool has_roles; /* privileges may come through a role, whose own grants are not shown */
    struct grant_scope scopes[GRANTS_SCOPES_MAX];
    unsigned scope_count;
    bool overflowed; /* more scopes than fit: a "no" is then not certain */
};

void grants_init(struct grants *grants);
void grants_deinit(struct grants *grants);
/* One line of SHOW GRANTS. Lines that say nothing of interest change nothing. */
void grants_add(struct grants *grants, struct slice line);
bool grants_may_select(const struct grants *grants, struct slice db, struct slice table);

#endif
