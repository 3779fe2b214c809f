/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Properties that a Flink CDC file passes on to its Java libraries: what each means here.
 */
#ifndef MILLRACE_BINLOG_SERVER_COMPAT_INT_H
#define MILLRACE_BINLOG_SERVER_COMPAT_INT_H

#include "engine/engine.h"

/* jdbc.properties.*: moves *tls (in: what tls.mode says) to what the properties ask for; the
 * stricter of the two stands. RC_CONFIG names a property that has no meaning here, or contradicts.
 */
enum rc server_compat_jdbc(const struct cfg_map *properties, enum myconn_tls *tls,
                           struct error *err) MUST_CHECK;
/* debezium.*: RC_CONFIG names the first property that would change what is captured. */
enum rc server_compat_debezium(const struct cfg_map *properties, struct error *err) MUST_CHECK;

#endif
