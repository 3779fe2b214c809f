/* SPDX-License-Identifier: Apache-2.0 */
#include "progress_int.h"

#include <math.h>
#include <stdio.h>

#include "../base/clock.h"
#include "../base/log.h"

enum { LINE_EVERY_US = 500000 };

void progress_init(struct progress *progress, uint64_t now_us)
{
    *progress = (struct progress){.last_log_us = now_us, .line_us = now_us};
}

/* Rates and ages are for people: one digit behind the point. */
static double rounded(double value)
{
    return round(value * 10) / 10;
}

static double per_second(uint64_t count, uint64_t us)
{
    return us == 0 ? 0 : rounded((double)count * 1e6 / (double)us);
}

/* How far the newest change that was read lies behind now; 0 when nothing was read. */
static double lag_seconds(const struct source_stats *stats)
{
    uint64_t now_us = clock_wall_us();
    if (stats->last_commit_us == 0 || stats->last_commit_us > now_us)
        return 0;
    return rounded((double)(now_us - stats->last_commit_us) / 1e6);
}

double progress_loading_s(const struct pipeline *pipeline)
{
    const struct flights *flights = &pipeline->flights;
    if (flights->count == 0)
        return 0;
    return rounded((double)(clock_monotonic_us() - flights->items[0].started_us) / 1e6);
}

static void tell_line(struct pipeline *pipeline, uint64_t now_us)
{
    struct progress *progress = &pipeline->progress;
    struct source_stats source;
    struct sink_stats sink;
    pipeline->parts.source->ops->stats(pipeline->parts.source, &source);
    pipeline->parts.sink->ops->stats(pipeline->parts.sink, &sink);
    progress->line_rate =
        per_second(source.rows_read - progress->line_rows, now_us - progress->line_us);
    progress->line_us = now_us;
    progress->line_rows = source.rows_read;
    const struct store_state *state = pipeline->parts.store_ops->state(pipeline->parts.store);
    char loading[64] = "";
    if (pipeline->flights.count > 0)
        snprintf(loading, sizeof(loading), ", loading for %.0f s", progress_loading_s(pipeline));
    uint64_t dead_letters = dead_letters_count(pipeline->parts.dead_letters);
    char waiting[48] = "";
    if (dead_letters > 0)
        snprintf(waiting, sizeof(waiting), ", %llu dead letters", (unsigned long long)dead_letters);
    char line[POSITION_FILE_MAX + 368];
    snprintf(line, sizeof(line),
             "%llu rows read (%.0f/s), %llu loaded in %llu loads, at %s:%llu, epoch %llu%s%s",
             (unsigned long long)source.rows_read, progress->line_rate,
             (unsigned long long)sink.rows_loaded, (unsigned long long)sink.loads,
             state->position.file, (unsigned long long)state->position.offset,
             (unsigned long long)state->epoch, waiting, loading);
    log_progress(line);
}

static void tell_log(struct pipeline *pipeline, uint64_t now_us)
{
    struct progress *progress = &pipeline->progress;
    struct source_stats source;
    struct sink_stats sink;
    pipeline->parts.source->ops->stats(pipeline->parts.source, &source);
    pipeline->parts.sink->ops->stats(pipeline->parts.sink, &sink);
    uint64_t us = now_us - progress->last_log_us;
    const struct store_state *state = pipeline->parts.store_ops->state(pipeline->parts.store);
    log_info("pipeline.progress", "Running.", LOG_U64("rows_read", source.rows_read),
             LOG_F64("rows_per_s", per_second(source.rows_read - progress->last_rows, us)),
             LOG_F64("kib_per_s", per_second((source.bytes_read - progress->last_bytes) >> 10, us)),
             LOG_U64("rows_loaded", sink.rows_loaded), LOG_U64("loads", sink.loads),
             LOG_U64("retries", sink.retries), LOG_U64("reconnects", source.reconnects),
             LOG_U64("buffered_bytes", sink.buffered_bytes),
             LOG_U64("spooled_bytes", source.bytes_spooled),
             LOG_U64("flush_interval_ms", pipeline->limits.flush_interval_ms),
             LOG_F64("loading_s", progress_loading_s(pipeline)),
             LOG_STR("file", state->position.file), LOG_U64("offset", state->position.offset),
             LOG_U64("epoch", state->epoch),
             LOG_U64("tables_with_unknown_rows", pipeline->members.unknown),
             LOG_U64("dead_letters", dead_letters_count(pipeline->parts.dead_letters)),
             LOG_F64("newest_change_age_s", lag_seconds(&source)));
    progress->last_log_us = now_us;
    progress->last_rows = source.rows_read;
    progress->last_bytes = source.bytes_read;
}

void progress_tell(struct pipeline *pipeline, uint64_t now_us)
{
    struct progress *progress = &pipeline->progress;
    if (now_us >= progress->next_line_us) {
        progress->next_line_us = now_us + LINE_EVERY_US;
        tell_line(pipeline, now_us);
    }
    uint64_t every_us = pipeline->parts.config->progress_interval_ms * 1000;
    if (every_us == 0 || now_us < progress->next_log_us)
        return;
    /* The first line comes after one interval: before that there is nothing to tell. */
    if (progress->next_log_us != 0)
        tell_log(pipeline, now_us);
    progress->next_log_us = now_us + every_us;
}
