/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The front door: the one file that knows all the parts and hands them to the engine.
 */
#include "binlog/binlog.h"
#include "checkpoint/checkpoint.h"
#include "engine/engine.h"
#include "sinks/sinks.h"
#include "snapshot/snapshot.h"

int main(int argc, char **argv)
{
    static const struct source_ops *const sources[] = {&binlog_server_source, NULL};
    static const struct sink_ops *const sinks[] = {&doris_sink, &starrocks_sink, &file_sink,
                                                   &null_sink, NULL};
    const struct command_parts parts = {
        .sources = sources,
        .file_source = &binlog_file_source,
        .snapshot = &snapshot_reader,
        .scan = &snapshot_scan,
        .sinks = sinks,
        .store = &checkpoint_store,
    };
    return commands_main(&parts, argc, argv);
}
