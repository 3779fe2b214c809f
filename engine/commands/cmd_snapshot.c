/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `millrace snapshot`: asks a pipeline, running or stopped, to read tables again. The request is a file
 * in the checkpoint's folder (engine/pipeline/request.c says what is in it), durable when the command
 * ends.
 */
#include "commands_int.h"

enum { TEXT_MAX = 60 << 10 };

static enum rc ask(const char *dir, const char *tables, bool rebuild, struct error *err)
{
    struct buf text;
    buf_init(&text, TEXT_MAX);
    buf_addf(&text, "tables: %s\n%s", tables, rebuild ? "rebuild: yes\n" : "");
    enum rc rc = buf_check(&text, "the pattern of tables", err);
    if (rc == RC_OK)
        rc = command_ask(dir, buf_slice(&text),
                         "A pipeline that has not run yet reads all rows at its first start when "
                         "scan.startup.mode is initial.",
                         err);
    buf_deinit(&text);
    return rc;
}

static enum exit_code run_snapshot(const struct command_parts *parts,
                                   const struct command_line *line)
{
    struct error err;
    error_clear(&err);
    const char *tables = command_value(line, "tables");
    if (tables == NULL || strchr(tables, '\n') != NULL) {
        error_set(
            &err, RC_USAGE,
            "\"millrace snapshot\" needs --tables PATTERN, as `tables` in the pipeline file.");
        return command_fail(&err, EXIT_CODE_USAGE);
    }
    struct pattern_set *pattern = NULL;
    enum rc rc = pattern_set_new(tables, NULL, &pattern, &err);
    pattern_set_free(pattern);
    struct pipeline_file file;
    if (rc == RC_OK)
        rc = pipeline_file_open(parts, line->args[0], &file, &err);
    if (rc != RC_OK)
        return command_fail(&err, command_exit_code(&err));
    rc = ask(file.checkpoint_dir, tables, command_value(line, "rebuild") != NULL, &err);
    pipeline_file_close(&file);
    if (rc != RC_OK)
        return command_fail(&err, EXIT_CODE_CHECKPOINT);
    printf("Asked for. A running pipeline begins within seconds and says so in its log; a stopped "
           "one when it is started.\n");
    return EXIT_CODE_OK;
}

const struct command command_snapshot = {
    .name = "snapshot",
    .arguments = "PIPELINE.yaml",
    .summary = "Ask a running or stopped pipeline to read tables again.",
    .args_min = 1,
    .args_max = 1,
    .options = {{"tables", "PATTERN", "Which tables, in the syntax of `tables`. Required."},
                {"rebuild", NULL,
                 "Into a new target beside the old one, which it then replaces; without it rows "
                 "are written over those that are there."}},
    .run = run_snapshot,
};
