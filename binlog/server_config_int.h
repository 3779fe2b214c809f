/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the `source:` block of `type: mysql` says, bound and checked.
 */
#ifndef MILLRACE_BINLOG_SERVER_CONFIG_INT_H
#define MILLRACE_BINLOG_SERVER_CONFIG_INT_H

#include "engine/engine.h"

/* In the order of the words in scan.startup.mode. */
enum server_startup {
    SERVER_STARTUP_INITIAL = 0,
    SERVER_STARTUP_EARLIEST,
    SERVER_STARTUP_LATEST,
    SERVER_STARTUP_SPECIFIC,
    SERVER_STARTUP_TIMESTAMP,
    SERVER_STARTUP_SNAPSHOT
};

/* Where no server-id is configured, one is drawn from this range, the same as Flink CDC's. */
#define SERVER_ID_RANDOM_FIRST 5400u
#define SERVER_ID_RANDOM_LAST 6400u

struct mysql_source_config {
    struct source_tables_config tables; /* first: the engine reads it (ports/source.h) */

    const char *hostname;
    int64_t port;
    const char *socket;
    const char *username;
    struct secret password;
    uint64_t connect_timeout_ms;
    int64_t connect_tries;

    int tls_word; /* index in the words of tls.mode */
    const char *tls_ca;
    const char *tls_cert;
    const char *tls_key;
    struct cfg_map jdbc;
    struct cfg_map debezium;
    enum myconn_tls tls; /* set by validate from tls.mode and jdbc.properties.* */

    const char *server_id;    /* "5401" or "5401-5404"; NULL: draw one */
    uint32_t server_id_first; /* set by validate; 0: draw one */
    uint64_t heartbeat_ms;
    uint64_t read_ahead_bytes;
    uint64_t spool_bytes_max; /* 0: no spool */
    uint64_t xa_bytes_max;    /* 0: in memory alone */

    int startup; /* enum server_startup */
    const char *offset_file;
    int64_t offset_pos;
    const char *offset_gtid_set;
    int64_t timestamp_ms; /* -1: not set */

    int invalid_text; /* enum invalid_text */

    bool schema_changes;
    bool online_schema_changes;
    bool include_comments;
    bool tinyint1_as_boolean;

    /* Keys that are read for their syntax and have no effect land here. */
    const char *unused_text;
    int64_t unused_number;
    bool unused_flag;
};

extern const struct cfg_section server_config_section;

/* How a connection to the source is made; `purpose` as in myconn_options. */
void server_config_connect(const struct mysql_source_config *config, const char *purpose,
                           uint64_t read_timeout_ms, struct myconn_options *out);

#endif
