/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The server source's own state, for the files that make it up:
 *   server_source.c  the operations of struct source_ops, and the loop that mends what it can
 *   server_link.c    connections: the one for questions, the one that dumps
 *   server_spool.c   the spool between the connection and the decoder
 *   preflight.c      what must be true of the server
 */
#ifndef MILLRACE_BINLOG_SERVER_SOURCE_INT_H
#define MILLRACE_BINLOG_SERVER_SOURCE_INT_H

#include <stdatomic.h>

#include "binlog.h"
#include "catalog_server_int.h"
#include "server_config_int.h"
#include "session_int.h"
#include "spool_feed_int.h"
#include "startup_int.h"
#include "stream_int.h"

struct server_source {
    struct source base; /* first */
    const struct mysql_source_config *config;
    source_wants_fn wants;
    void *wants_ctx;
    struct source_identity identity;
    bool is_mariadb;
    uint32_t version;   /* 101119 */
    uint32_t server_id; /* ours */
    char uuid[SESSION_UUID_TEXT + 1];

    /* For questions: catalog, checks, startup. Made again when it was lost. */
    struct myconn *control;
    struct catalog *catalog;
    struct history *history;      /* owned: definitions of captured tables at the stream's place */
    struct buf remembered_tables; /* which tables the notes are about; empty: no notes */
    bool tables_are_noted;        /* they are those that are asked for; known once and for all */
    struct binlog_stream *stream;

    /* The dump. Both NULL while there is none; `lock` guards the pointers against `stop`. */
    pthread_mutex_t lock;
    pthread_cond_t woken; /* on CLOCK_MONOTONIC; `stop` signals it */
    struct myconn *dump;
    struct binlog_feed *feed;
    atomic_bool stopping;

    /* NULL: none. With one, the stream's feed is `spool_feed` for good. */
    struct spool *spool;
    struct spool_feed spool_feed;
    bool ahead_is_over; /* reading ahead met what no time mends */

    bool started;
    bool holds_change; /* `held` goes out with the next call of next */
    struct change held;

    /* For snapshots. */
    struct myconn_options snapshot_connection;
    struct arena read_tables;

    /* Mending. */
    struct position resume; /* where the next dump begins */
    unsigned failures;      /* in a row */
    unsigned duplicates;    /* kicked out by a reader with our id, in a row */
    uint64_t connected_us;  /* when the dump in hand began */
    uint64_t retry_at_us;   /* not before this */
    uint64_t reconnects;
    uint64_t bytes_read_before; /* by feeds that are closed */
    uint64_t bytes_copied_before;
    uint64_t last_received_us;
};

/* A connection with the identity of the server behind it; tries as often as configured. */
enum rc server_link_open(struct server_source *source, struct error *err) MUST_CHECK;
/* The connection for questions, alive. A catalog_conn_fn; ctx is the source. */
enum rc server_link_control(void *ctx, struct myconn **conn_out, struct error *err) MUST_CHECK;
/* Starts a dump at a position, through a new connection, and moves the stream there; `ahead`: for the
 * spool alone, and the stream stays where it is. Nothing is left behind on failure. */
enum rc server_link_dump(struct server_source *source, const struct position *at, bool ahead,
                         struct error *err) MUST_CHECK;
/* The same once the source has run: what a start checks is checked anew, for the server may have
 * purged, been reset or been replaced. */
enum rc server_link_reconnect(struct server_source *source, const struct position *at, bool ahead,
                              struct error *err) MUST_CHECK;
/* Reads a stretch of the binlog, from one place to another, for the statements that change tables,
 * through a connection of its own. `*stream_out` is the stream that reads it, while `watch` is
 * called. */
enum rc server_link_scan(struct server_source *source, const struct position *from,
                         const struct position *to, binlog_watch_fn watch, void *watch_ctx,
                         struct binlog_stream **stream_out, struct error *err) MUST_CHECK;
/* A feed that has nothing and says so: what the stream reads from while there is no dump. */
extern struct binlog_feed server_link_no_feed;
/* Ends the dump in hand, if there is one; the stream then stands at source->resume. */
void server_link_end_dump(struct server_source *source);
void server_link_close(struct server_source *source);
/* The time at which a binlog file begins. A binlog_file_time_fn; ctx is the source. */
enum rc server_link_file_time(void *ctx, const char *name, uint64_t *seconds_out,
                              struct error *err) MUST_CHECK;
/* Waits until then (of clock_monotonic_us); RC_CANCELLED: told to stop. */
enum rc server_link_pause(struct server_source *source, uint64_t until_us,
                          struct error *err) MUST_CHECK;
/* One more failure: sets source->retry_at_us, and returns how far that is, in ms. */
unsigned server_link_retry_later(struct server_source *source);
/* The server as startup.c wants it; conn is alive. */
enum rc server_link_startup(struct server_source *source, struct startup_server *out,
                            struct error *err) MUST_CHECK;

/* Looks at everything that must be true of the server and tells each in the report. */
enum rc preflight_run(struct server_source *source, struct report *report,
                      struct error *err) MUST_CHECK;

#endif
