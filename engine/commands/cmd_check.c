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

static enum rc open_source(const struct pipeline_file *file, struct source **source_out,
                           struct error *err)
{
    struct source_options options = {.config = file->source_config,
                                     .wants = wants,
                                     .wants_ctx = file->tables,
                                     .name = slice_str(file->pipeline.name)};
    return file->source->open(&options, source_out, err);
}

/* One source table with the targets that its routes name. */
struct table_check {
    const struct pipeline_file *file;
    struct sink *sink;
    struct report *report;
};

static enum rc check_table(void *ctx, struct table *table, struct error *err)
{
    struct table_check *check = ctx;
    struct route_target targets[ROUTE_TARGETS_MAX];
    unsigned count = 0;
    enum rc rc = route_apply(check->file->routes, table->db, table->name, targets, &count, err);
    for (unsigned i = 0; rc == RC_OK && i < count; i++) {
        struct sink_target target = {.db = targets[i].db, .table = targets[i].table};
        rc = check->sink->ops->check_table(check->sink, table, &target, check->report, err);
    }
    return rc;
}

/* `source` NULL: it could not be opened, and that has been told. */
static enum rc check_sink(const struct pipeline_file *file, struct source *source,
                          struct report *report, struct error *err)
{
    struct source_identity identity = {.has_gtid = false};
    if (source != NULL)
        source->ops->identity(source, &identity);
    struct sink_options options = {.config = file->sink_config,
                                   .pipeline = slice_str(file->pipeline.name),
                                   .pipeline_id = SLICE("00000000000000000000000000000000"),
                                   .source_name = slice_str(file->pipeline.name),
                                   .partial_rows = identity.partial_rows,
                                   .visible_together =
                                       file->pipeline.visibility == PIPELINE_VISIBLE_TOGETHER};
    struct table_check check = {.file = file, .report = report};
    enum rc rc = file->sink->open(&options, &check.sink, err);
    if (rc != RC_OK)
        return rc;
    unsigned failed = report->failed;
    rc = check.sink->ops->check(check.sink, report, err);
    /* Tables are asked about where both sides are as they should be. */
    if (rc == RC_OK && report->failed == failed && source != NULL &&
        check.sink->ops->check_table != NULL)
        rc = source->ops->tables(source, check_table, &check, err);
    check.sink->ops->close(check.sink);
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
    struct source *source = NULL;
    rc = open_source(&file, &source, &err);
    if (rc == RC_OK)
        rc = source->ops->check(source, &report, &err);
    if (rc != RC_OK)
        report_add(&report, REPORT_FAIL, NULL, "%s", err.text);
    if (report.failed > 0)
        code = EXIT_CODE_SOURCE;
    unsigned source_failed = report.failed;
    rc = check_sink(&file, source_failed == 0 ? source : NULL, &report, &err);
    if (rc != RC_OK)
        report_add(&report, REPORT_FAIL, NULL, "%s", err.text);
    if (report.failed > source_failed && code == EXIT_CODE_OK)
        code = EXIT_CODE_SINK;
    if (source != NULL)
        source->ops->close(source);
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
