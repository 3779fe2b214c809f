/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `millrace config`: every key of the pipeline file, from the same tables that parse it.
 */
#include "commands_int.h"

enum { TEXT_MAX = 4 << 20 };

static void describe(const struct cfg_section *section, const char *summary, bool markdown,
                     struct buf *out)
{
    if (section->type == NULL)
        buf_addf(out, markdown ? "## `%s:`\n\n" : "%s:\n", section->block);
    else
        buf_addf(out, markdown ? "## `%s:` of `type: %s`\n\n" : "%s: type: %s\n", section->block,
                 section->type);
    if (summary != NULL)
        buf_addf(out, markdown ? "%s\n\n" : "  %s\n", summary);
    cfg_describe(section, markdown, out);
    buf_add_byte(out, '\n');
}

static enum exit_code run(const struct command_parts *parts, const struct command_line *line)
{
    bool markdown = command_value(line, "markdown") != NULL;
    struct buf out;
    buf_init(&out, TEXT_MAX);
    for (unsigned i = 0; parts->sources[i] != NULL; i++)
        describe(parts->sources[i]->section, parts->sources[i]->summary, markdown, &out);
    for (unsigned i = 0; parts->sinks[i] != NULL; i++)
        describe(parts->sinks[i]->section, parts->sinks[i]->summary, markdown, &out);
    describe(&pipeline_section, "Settings of the pipeline itself.", markdown, &out);
    struct error err;
    error_clear(&err);
    enum exit_code code = buf_check(&out, "the description", &err) == RC_OK
                              ? command_finish(&out)
                              : command_fail(&err, EXIT_CODE_INTERNAL);
    buf_deinit(&out);
    return code;
}

const struct command command_config = {
    .name = "config",
    .arguments = "",
    .summary = "List every key of the pipeline file with type, default and meaning.",
    .options = {{"markdown", NULL, "As Markdown tables (docs/configuration.md is made with it)."}},
    .run = run,
};

static void print_value(void *ctx, const char *block, const char *key, struct slice value,
                        struct slice origin)
{
    buf_addf(ctx, "%s.%s = %.*s    (%.*s)\n", block, key, SLICE_ARG(value), SLICE_ARG(origin));
}

static enum exit_code run_print(const struct command_parts *parts, const struct command_line *line)
{
    struct error err;
    error_clear(&err);
    struct pipeline_file file;
    enum rc rc = pipeline_file_open(parts, line->args[0], &file, &err);
    if (rc != RC_OK)
        return command_fail(&err, command_exit_code(&err));
    struct buf out;
    buf_init(&out, TEXT_MAX);
    cfg_each_value(file.document, print_value, &out);
    enum exit_code code = buf_check(&out, "the list of values", &err) == RC_OK
                              ? command_finish(&out)
                              : command_fail(&err, EXIT_CODE_INTERNAL);
    buf_deinit(&out);
    pipeline_file_close(&file);
    return code;
}

const struct command command_config_print = {
    .name = "config print",
    .arguments = "PIPELINE.yaml",
    .summary = "Print every value as it stands, and where it came from; secrets as ***.",
    .args_min = 1,
    .args_max = 1,
    .run = run_print,
};
