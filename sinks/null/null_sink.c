/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The sink that counts and throws away: for measuring a source, and for trying a pipeline file
 * without a target. It takes every row's bytes apart no further than the row view.
 */
#include <stdlib.h>

#include "../sinks.h"

struct null_config {
    struct sink_schema_config schema; /* first: the engine reads it (ports/sink.h) */
    uint64_t flush_interval_ms;
};

struct null_sink {
    struct sink base;
    const struct null_config *config;
    uint64_t open_rows;
    uint64_t sealed_rows;
    bool told; /* the sealed epoch's one load has been given to poll */
    bool submitted;
    struct manifest_entry entry;
    struct sink_stats stats;
};

static const struct cfg_row rows[] = {
    SINK_SCHEMA_ROWS,
    {.key = "sink.buffer-flush.interval",
     .type = CFG_DURATION,
     .offset = offsetof(struct null_config, flush_interval_ms),
     .fallback = "1s",
     .min = 1,
     .max = 86400000,
     .flags = CFG_OURS,
     .help = "How often an epoch is closed and the position stored."},
};

static const struct cfg_section section = {.block = "sink",
                                           .type = "null",
                                           .size = sizeof(struct null_config),
                                           .rows = rows,
                                           .row_count = COUNT_OF(rows)};

static enum rc null_open(const struct sink_options *options, struct sink **sink_out,
                         struct error *err)
{
    struct null_sink *sink = calloc(1, sizeof(*sink));
    if (sink == NULL)
        return error_set(err, RC_MEMORY, "There is no memory for the sink.");
    sink->base.ops = &null_sink;
    sink->config = options->config;
    sink->entry = (struct manifest_entry){
        .db = SLICE("null"), .table = SLICE("null"), .token = SLICE("null")};
    *sink_out = &sink->base;
    return RC_OK;
}

static enum rc null_check(struct sink *sink UNUSED, struct report *report, struct error *err UNUSED)
{
    report_add(report, REPORT_OK, NULL, "The null sink needs nothing.");
    return RC_OK;
}

static struct sink_limits null_limits(const struct sink *base)
{
    const struct null_sink *sink = (const struct null_sink *)base;
    return (struct sink_limits){.flush_interval_ms = sink->config->flush_interval_ms};
}

static enum rc null_table(struct sink *sink UNUSED, const struct table *table UNUSED,
                          const struct sink_target *target UNUSED, struct sink_table **table_out,
                          struct error *err UNUSED)
{
    *table_out = NULL;
    return RC_OK;
}

static enum rc null_write(struct sink *base, struct sink_table *table UNUSED,
                          const struct change *change UNUSED, struct error *err UNUSED)
{
    struct null_sink *sink = (struct null_sink *)base;
    sink->open_rows++;
    return RC_OK;
}

static void null_pending(const struct sink *base, struct sink_pending *pending_out)
{
    const struct null_sink *sink = (const struct null_sink *)base;
    *pending_out = (struct sink_pending){.rows = sink->open_rows};
}

static enum rc null_seal(struct sink *base, uint64_t epoch UNUSED, struct manifest *manifest_out,
                         struct error *err UNUSED)
{
    struct null_sink *sink = (struct null_sink *)base;
    sink->sealed_rows = sink->open_rows;
    sink->open_rows = 0;
    sink->entry.rows = sink->sealed_rows;
    *manifest_out =
        (struct manifest){.entries = &sink->entry, .count = sink->sealed_rows > 0 ? 1 : 0};
    return RC_OK;
}

static enum rc null_submit(struct sink *base, const bool *applied, struct error *err UNUSED)
{
    struct null_sink *sink = (struct null_sink *)base;
    sink->submitted = true;
    sink->told = applied != NULL && applied[0];
    return RC_OK;
}

static enum rc null_poll(struct sink *base, unsigned wait_ms UNUSED, struct sink_result *result,
                         struct error *err UNUSED)
{
    struct null_sink *sink = (struct null_sink *)base;
    if (!sink->submitted)
        return RC_AGAIN;
    if (sink->told) {
        sink->submitted = false;
        return RC_EOF;
    }
    sink->told = true;
    sink->stats.rows_loaded += sink->sealed_rows;
    sink->stats.loads++;
    *result = (struct sink_result){.entry = 0, .rows = sink->sealed_rows};
    return RC_OK;
}

/* What was counted is not kept, so there is nothing to count again. */
static enum rc null_resolve(struct sink *sink UNUSED, const struct manifest_entry *entry UNUSED,
                            enum load_state *state_out, struct error *err UNUSED)
{
    *state_out = LOAD_APPLIED;
    return RC_OK;
}

static void null_stats(const struct sink *base, struct sink_stats *stats_out)
{
    *stats_out = ((const struct null_sink *)base)->stats;
}

static void null_stop(struct sink *sink UNUSED)
{
}

static void null_close(struct sink *sink)
{
    free(sink);
}

const struct sink_ops null_sink = {
    .name = "null",
    .summary = "Counts changes and throws them away.",
    .caps = SINK_KEEPS_EVENTS,
    .section = &section,
    .open = null_open,
    .check = null_check,
    .limits = null_limits,
    .table = null_table,
    .write = null_write,
    .pending = null_pending,
    .seal = null_seal,
    .submit = null_submit,
    .poll = null_poll,
    .resolve = null_resolve,
    .stats = null_stats,
    .stop = null_stop,
    .close = null_close,
};
