/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The binlog as a stream of changes, from a running server or from files.
 */
#ifndef MILLRACE_BINLOG_BINLOG_H
#define MILLRACE_BINLOG_BINLOG_H

#include "engine/engine.h"

/* `type: mysql`: MySQL 5.6 to 9.7 and MariaDB 10.x, 11.x over the replication protocol. */
extern const struct source_ops binlog_server_source;
/* Binlog files, for `millrace decode`; config: struct source_file_config. */
extern const struct source_ops binlog_file_source;

#endif
