/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The inside of the command line: one file a command, one table that drives parsing and help.
 */
#ifndef MILLRACE_COMMANDS_COMMANDS_INT_H
#define MILLRACE_COMMANDS_COMMANDS_INT_H

#include <stdio.h>

#include "../config/pattern.h"
#include "../pipeline/pipeline.h"
#include "commands.h"

/* An option of a command. Every option that takes a value says what it is called. */
struct command_option {
    const char *name;  /* without the dashes */
    const char *value; /* NULL: a switch */
    const char *help;
};

enum { COMMAND_OPTIONS_MAX = 16 };

/* What was typed behind a command's name. C strings, because they are argv's. */
struct command_line {
    const struct command *command;
    const char
        *values[COMMAND_OPTIONS_MAX]; /* by index in command->options; a given switch is "" */
    const char *const *args;
    unsigned arg_count;
};

struct command {
    const char *name;      /* "run", "checkpoint show" */
    const char *arguments; /* for help: "PIPELINE.yaml" */
    const char *summary;   /* one sentence */
    unsigned args_min;
    unsigned args_max;
    struct command_option options[COMMAND_OPTIONS_MAX];
    enum exit_code (*run)(const struct command_parts *parts, const struct command_line *line);
};

extern const struct command command_run;
extern const struct command command_check;
extern const struct command command_decode;
extern const struct command command_checkpoint_show;
extern const struct command command_checkpoint_verify;
extern const struct command command_compare;
extern const struct command command_config;
extern const struct command command_config_print;
extern const struct command command_snapshot;
extern const struct command command_replay;
extern const struct command command_status;
extern const struct command command_version;

/* The value of the option called `name`, or NULL when it was not given. */
const char *command_value(const struct command_line *line, const char *name);

/* "millrace: <text>" on standard error, and the exit code that belongs to it. */
enum exit_code command_fail(const struct error *err, enum exit_code code);
/* The exit code of an error that no side can be blamed for. */
enum exit_code command_exit_code(const struct error *err);

/* A pipeline file with all its blocks bound. Owned by the caller. */
struct pipeline_file {
    struct cfg_document *document;
    struct arena arena;
    const struct source_ops *source;
    const struct sink_ops *sink;
    void *source_config;
    void *sink_config;
    struct pipeline_config pipeline;
    struct pattern_set *tables;
    struct route_set *routes;
    const char *checkpoint_dir;
};

/* On failure nothing is left behind. */
enum rc pipeline_file_open(const struct command_parts *parts, const char *path,
                           struct pipeline_file *file, struct error *err) MUST_CHECK;
void pipeline_file_close(struct pipeline_file *file);
/* The folder of its dead letters. */
const char *pipeline_file_letters_dir(const struct pipeline_file *file);

/* Leaves a request in the checkpoint's folder, durably. `hint`: what to do where there is no folder. */
enum rc command_ask(const char *dir, struct slice text, const char *hint,
                    struct error *err) MUST_CHECK;

/* What the checkpoint knows of each table: lines, or the member "tables" of a JSON object. */
enum rc command_tables(const struct command_parts *parts, const struct store *store, bool json,
                       struct buf *out, struct error *err) MUST_CHECK;

/* Whether an engine has this checkpoint's folder in its hands now. */
bool command_engine_runs(const char *checkpoint_dir);

/* Writes all of `out` to standard output and empties it. RC_EOF: the reader is gone, which is a
 * quiet end and no error; RC_IO: it cannot be written, as on a full disk. */
enum rc command_flush(struct buf *out, struct error *err) MUST_CHECK;
/* The same as the last thing that a command does; gives its exit code. */
enum exit_code command_finish(struct buf *out);

#endif
