/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the user can type. The parts that do the work are handed in by main.c, for engine/ knows
 * none.
 */
#ifndef MILLRACE_COMMANDS_COMMANDS_H
#define MILLRACE_COMMANDS_COMMANDS_H

#include "../ports/look.h"
#include "../ports/scan.h"
#include "../ports/sink.h"
#include "../ports/snapshot.h"
#include "../ports/source.h"
#include "../ports/store.h"

/* Few and documented (docs/cli.md); a script may rely on them. */
enum exit_code {
    EXIT_CODE_OK = 0,         /* done, or stopped by SIGTERM or SIGINT with the epoch finished */
    EXIT_CODE_INTERNAL = 1,   /* a defect of Millrace, or a resource of this machine ran out */
    EXIT_CODE_USAGE = 2,      /* wrong command line or pipeline file */
    EXIT_CODE_SOURCE = 3,     /* the source refuses or cannot give what is needed */
    EXIT_CODE_SINK = 4,       /* the sink refuses */
    EXIT_CODE_CHECKPOINT = 5, /* the checkpoint is locked, damaged, foreign or cannot be written */
    EXIT_CODE_DATA = 6,       /* input that is damaged, a row that cannot be carried, or source and
                                 target differ */
    EXIT_CODE_STOPPED =
        7 /* told to stop, and the epoch could not be finished in time; nothing is lost */
};

struct command_parts {
    const struct source_ops *const *sources; /* NULL-terminated */
    const struct source_ops *file_source;    /* config: struct source_file_config */
    const struct snapshot_ops *snapshot;     /* of online sources */
    const struct scan_ops *scan;             /* of the same */
    const struct sink_ops *const *sinks;     /* NULL-terminated */
    const struct store_ops *store;
};

/* The whole program behind main(): parses, runs, prints, returns an exit code. */
int commands_main(const struct command_parts *parts, int argc, char **argv);

#endif
