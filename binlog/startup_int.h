/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where a stream begins: from a startup mode or a stored position to a place that the server has.
 */
#ifndef MILLRACE_BINLOG_STARTUP_INT_H
#define MILLRACE_BINLOG_STARTUP_INT_H

#include "binlog_files_int.h"
#include "gtid_int.h"
#include "server_config_int.h"
#include "session_int.h"

/* What is known of the server. */
struct startup_server {
    struct myconn *conn; /* for questions */
    bool is_mariadb;
    uint32_t version;
    bool has_gtid;
    const char *identity; /* as source_identity.server */
};

/* What to pass over at the beginning, because the server cannot begin there by itself. */
enum startup_pass { STARTUP_PASS_NOTHING = 0, STARTUP_PASS_BY_TIME, STARTUP_PASS_BY_OFFSET };

struct startup_plan {
    struct position at; /* owned: where the dump begins */
    enum startup_pass pass;
    uint64_t from_time_us; /* BY_TIME: transactions that committed before are passed over */
    uint64_t from_offset; /* BY_OFFSET: transactions of at.file that start before are passed over */
    uint64_t from_row;    /* BY_OFFSET: and so many rows of the one that starts there */
    struct position end;  /* owned; with a pass: the end of the binlog when the plan was made */
};

void startup_plan_init(struct startup_plan *plan);
void startup_plan_deinit(struct startup_plan *plan);

/* The first event's time of a binlog file needs a dump of its own. */
struct startup_probe {
    binlog_file_time_fn file_time;
    void *ctx;
};

/* A plan from the configured startup mode. RC_CONFIG, RC_PURGED, RC_MISMATCH with words. */
enum rc startup_plan_mode(const struct startup_server *server,
                          const struct mysql_source_config *config,
                          const struct startup_probe *probe, struct startup_plan *plan,
                          struct error *err) MUST_CHECK;
/* A plan that goes on at a stored position; checks that the server still has what is needed, and
 * that it is the server that the position speaks of. */
enum rc startup_plan_resume(const struct startup_server *server, const struct position *from,
                            struct startup_plan *plan, struct error *err) MUST_CHECK;

/* Where the server's binlog ends now, with the GTID set up to there. */
enum rc startup_end(const struct startup_server *server, struct position *out,
                    struct error *err) MUST_CHECK;

/* Adds to a RC_PURGED of the server, which names nothing, what is missing: where the pipeline stands
 * and where the oldest file begins. */
void startup_describe_gap(const struct startup_server *server, const struct position *at,
                          struct error *err);

/* True when the change, which has a transaction, is the first that a pass does not pass over. Pure.
 */
bool startup_is_wanted(const struct startup_plan *plan, const struct change *change);

/* What a GTID resume on MySQL asks, as a pure rule: `from` against what the server has executed and
 * purged. RC_PURGED and RC_MISMATCH name the exact sets. */
enum rc startup_check_gtids(const struct gtid_set *from, const struct gtid_set *executed,
                            const struct gtid_set *purged, const char *first_file,
                            struct error *err) MUST_CHECK;

#endif
