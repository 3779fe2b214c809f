/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The helper tables of gh-ost and pt-online-schema-change, known by their names:
 *
 *   gh-ost    _t_gho (the new table), _t_ghc (its log), _t_del (the old table afterwards, and a
 *             sentry before); the last two with a time, when asked: _t_20240131120000_del
 *   pt-osc    _t_new (the new table), _t_old (the old one afterwards), each with more underscores
 *             in front when the name is taken
 *
 * No state; any thread.
 */
#ifndef MILLRACE_BINLOG_SCHEMA_GHOST_INT_H
#define MILLRACE_BINLOG_SCHEMA_GHOST_INT_H

#include "engine/engine.h"

enum ghost_kind {
    GHOST_NONE = 0,
    GHOST_NEW, /* becomes the table */
    GHOST_OLD, /* the table that was */
    GHOST_LOG  /* neither */
};

/* What the name is, and of which table; GHOST_NONE leaves `real_out` alone. */
enum ghost_kind ghost_of(struct slice name, struct slice *real_out);

#endif
