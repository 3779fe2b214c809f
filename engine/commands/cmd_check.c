/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `millrace check`: every precondition of a pipeline, each with the statement that mends it. It
 * changes nothing anywhere.
 */
#include "commands_int.h"

static void print_line(void *ctx UNUSED, enum report_verdict verdict, struct slice what,
                       struct slice remedy)
{
    static const char *const marks[] = {
        [REPORT_OK] = "ok  ", [REPORT_WARN] = "warn", [REPORT_FAIL] = "FAIL"};
    printf("%s  %.*s\n", marks[verdict], SLICE_ARG(what));
    if (remedy.len > 0)
        printf("      %.*s\n", SLICE_ARG(remedy));
}

static bool wants(void *ctx, struct slice db, struct slice table)
{
    return pattern_set_match(ctx, db, table);
}

static enum rc check_source(const struct pipeline_file *file, struct report *report,
                            struct error *err)
{
    struct source_options options = {.config = file->source_config,
                                     .wants = wants,
                                     .wants_ctx = file->tables,
                                     .name = slice_str(file->pipeline.name)};
    struct source *source;
    enum rc rc = file->source->open(&options, &source, err);
    if (rc != RC_OK)
        return rc;
    rc = source->ops->check(source, report, err);
    source->ops->close(source);
    return rc;
}

static enum rc check_sink(const struct pipeline_file *file, struct report *report,
                          struct error *err)
{
    struct sink_options options = {.config = file->sink_config,
                                   .pipeline = slice_str(file->pipeline.name),
                                   .pipeline_id = SLICE("00000000000000000000000000000000"),
                                   .source_name = slice_str(file->pipeline.name)};
    struct sink *sink;
    enum rc rc = file->sink->open(&options, &sink, err);
    if (rc != RC_OK)
        return rc;
    rc = sink->ops->check(sink, report, err);
    sink->ops->close(sink);
    return rc;
}

static enum exit_code run(const struct command_parts *parts, const struct command_line *line)
{
    struct error err;
    error_clear(&err);
    struct pipeline_file file;
    enum rc rc = pipeline_file_open(parts, line->args[0], &file, &err);
    if (rc != RC_OK)
        return command_fail(&err, command_exit_code(&err));
    struct report report = {.line = print_line};
    report_add(&report, REPORT_OK, NULL, "The pipeline file %s is understood.", line->args[0]);
    enum exit_code code = EXIT_CODE_OK;
    rc = check_source(&file, &report, &err);
    if (rc != RC_OK)
        report_add(&report, REPORT_FAIL, NULL, "%s", err.text);
    if (report.failed > 0)
        code = EXIT_CODE_SOURCE;
    unsigned source_failed = report.failed;
    rc = check_sink(&file, &report, &err);
    if (rc != RC_OK)
        report_add(&report, REPORT_FAIL, NULL, "%s", err.text);
    if (report.failed > source_failed && code == EXIT_CODE_OK)
        code = EXIT_CODE_SINK;
    printf("%u failed, %u warned\n", report.failed, report.warned);
    pipeline_file_close(&file);
    return code;
}

const struct command command_check = {
    .name = "check",
    .arguments = "PIPELINE.yaml",
    .summary = "Check every precondition on source and sink, with the statement that mends it.",
    .args_min = 1,
    .args_max = 1,
    .run = run,
};
