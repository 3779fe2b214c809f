/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The ground floor of Millrace: the one header that every other folder includes.
 *
 *   base/      slices, buffers, errors, arenas, clocks, the log: no knowledge of databases
 *   model/     what a change is: columns, tables, rows, positions, changes, CloudEvents
 *   ports/     the three interfaces that the upper floors implement: source, sink, checkpoint store
 *   config/    the pipeline file: YAML, typed keys, table patterns, routes
 *   myconn/    a connection in the MySQL protocol, shared by the source and by warehouse sinks
 *   pipeline/  the loop that carries changes from a source to a sink, epoch by epoch
 *   commands/  what the user can type
 *
 * engine/ includes no other folder. binlog/, snapshot/, checkpoint/ and sinks/ include only this
 * header and their own; main.c is the one file that knows them all (tests/lint holds this).
 */
#ifndef MILLRACE_ENGINE_H
#define MILLRACE_ENGINE_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/chunk.h"
#include "base/clock.h"
#include "base/endian.h"
#include "base/error.h"
#include "base/log.h"
#include "base/rc.h"
#include "base/ring.h"
#include "base/secret.h"
#include "base/slice.h"
#include "base/text.h"

#include "model/change.h"
#include "model/change_copy.h"
#include "model/cloudevent.h"
#include "model/json.h"
#include "model/json_read.h"
#include "model/position.h"
#include "model/row.h"
#include "model/table.h"
#include "model/table_change.h"

#include "config/config.h"
#include "config/pattern.h"
#include "config/route.h"

#include "ports/invalid_text.h"
#include "ports/look.h"
#include "ports/report.h"
#include "ports/scan.h"
#include "ports/sink.h"
#include "ports/snapshot.h"
#include "ports/source.h"
#include "ports/store.h"

#include "myconn/myconn.h"

#include "pipeline/dead_letter.h"
#include "pipeline/pipeline.h"
#include "commands/commands.h"

#endif
