/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One connection of the snapshot: made so that the server converts and cuts nothing, and knowing
 * what sort of server it talks to, because what a SELECT can be promised to see differs.
 */
#ifndef MILLRACE_SNAPSHOT_SESSION_INT_H
#define MILLRACE_SNAPSHOT_SESSION_INT_H

#include "engine/engine.h"

/* How it is made sure that a SELECT sees all that the stream has given (watermark.c). */
enum session_sight {
    SESSION_SIGHT_COMMITTED = 0, /* MariaDB: it says up to where the engines have committed */
    SESSION_SIGHT_GTID,          /* MySQL from 5.7.5 with GTIDs: what is executed is visible */
    SESSION_SIGHT_GRACE          /* other MySQL: nothing says it; a time is waited */
};

struct session {
    struct myconn *conn; /* owned; NULL: not connected */
    enum session_sight sight;
    bool is_mariadb;
    uint32_t version;                 /* 101119 */
    char server[POSITION_SERVER_MAX]; /* as position.server */
    uint64_t grace_ms;                /* what is in the binlog is committed after that time */
    uint64_t expiry_s;                /* the server deletes binlog files of this age; 0: never */
};

/* RC_CONNECT and the like are class RETRY. Nothing is left behind on failure. */
enum rc session_open(struct session *session, const struct myconn_options *options,
                     struct error *err) MUST_CHECK;
void session_close(struct session *session); /* an open one or not */
/* "10.11.19-MariaDB" to 101119; 0 where there is no such number. Exposed for its test. */
uint32_t session_version_number(const char *version);

#endif
