/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The keys of the `pipeline:` block: all of Flink CDC's (facts/flink-cdc.md 1.10), then our own.
 *
 * Flink's keys that say how its cluster runs have nothing to act on in one process: they are
 * accepted. A key whose values change what arrives in the target may have the one value that is
 * true here; any other is refused with words, for a file that asks for it would get something else.
 */
#include "pipeline.h"

#define AT(field) offsetof(struct pipeline_config, field)

static const char *const route_modes[] = {"ALL_MATCH", "FIRST_MATCH", NULL};
static const char *const deliveries[] = {"exactly-once", "at-least-once", NULL};
static const char *const visibilities[] = {"each", "together", NULL};
static const char *const strategies[] = {"SINK_DEFINED", "PRIMARY_KEY", "TABLE_ID", NULL};
static const char *const precisions[] = {"UP_TO_19", "UP_TO_38", NULL};

/* In the order of enum pipeline_rejected. */
static const char *const rejections[] = {"stop", "dead-letter", NULL};

/* In the order of enum unknown_behavior. */
static const char *const unknown_behaviors[] = {"reread", "mark", "stop", NULL};

enum { RUNTIME_STREAMING = 0 };
static const char *const runtime_modes[] = {"STREAMING", "BATCH", NULL};

/* In the order of enum behavior. */
static const char *const behaviors[] = {"evolve", "try_evolve", "lenient",
                                        "ignore", "exception",  NULL};

static const struct cfg_row rows[] = {
    {.key = "name",
     .type = CFG_STRING,
     .offset = AT(name),
     .help =
         "What the pipeline is called, in the log, in labels and in its checkpoint. Without it: "
         "the name of the pipeline file without its ending."},
    {.key = "parallelism",
     .type = CFG_INT,
     .offset = AT(unused_number),
     .fallback = "1",
     .min = 1,
     .max = 1000000,
     .flags = CFG_ACCEPTED,
     .help = "There are no workers to count: the number of loads at a time is a key of the sink."},
    {.key = "route-mode",
     .type = CFG_ENUM,
     .offset = AT(route_mode),
     .fallback = "ALL_MATCH",
     .choices = route_modes,
     .help = "Whether a table goes to the targets of all routes that match it, or of the first."},
    {.key = "schema.change.behavior",
     .type = CFG_ENUM,
     .offset = AT(schema_change_behavior),
     .fallback = "evolve",
     .choices = behaviors,
     .help =
         "What becomes of schema changes: evolve makes them at the target and stops at one that "
         "it refuses; try_evolve goes on without such a one; lenient loses nothing (a dropped "
         "column stays, a renamed one is added beside the old one, tables are neither dropped "
         "nor emptied); ignore leaves the target as it is; exception stops at the first. "
         "Flink's documentation says lenient, the file that it ships says evolve, and only "
         "evolve keeps the target equal."},
    {.key = "execution.runtime-mode",
     .type = CFG_ENUM,
     .offset = AT(runtime_mode),
     .fallback = "STREAMING",
     .choices = runtime_modes,
     .help = "STREAMING only: a pipeline runs until it is stopped."},
    {.key = "local-time-zone",
     .type = CFG_STRING,
     .offset = AT(local_time_zone),
     .fallback = "UTC",
     .help = "TIMESTAMP values arrive in the target in UTC, so only UTC may stand here. Flink's "
             "default is the zone of the machine, which makes the same row differ by machine."},
    {.key = "schema-operator.rpc-timeout",
     .type = CFG_DURATION,
     .offset = AT(unused_duration_ms),
     .fallback = "3 min",
     .flags = CFG_ACCEPTED,
     .help = "Without effect: schema changes are handled in the same process."},
    {.key = "schema.operator.uid",
     .type = CFG_STRING,
     .offset = AT(unused_text),
     .flags = CFG_ACCEPTED,
     .help = "Without effect: it names a part of a Flink job."},
    {.key = "operator.uid.prefix",
     .type = CFG_STRING,
     .offset = AT(unused_text),
     .flags = CFG_ACCEPTED,
     .help = "Without effect: it names parts of a Flink job."},
    {.key = "sink.partitioning.strategy",
     .type = CFG_ENUM,
     .offset = AT(unused_choice),
     .fallback = "SINK_DEFINED",
     .choices = strategies,
     .flags = CFG_ACCEPTED,
     .help = "Without effect: rows are not spread over workers, so every table keeps its order."},
    {.key = "transform.decimal.precision.mode",
     .type = CFG_ENUM,
     .offset = AT(unused_choice),
     .fallback = "UP_TO_38",
     .choices = precisions,
     .flags = CFG_ACCEPTED,
     .help = "Without effect: there are no transforms yet, and decimals keep all their digits."},
    {.key = "user-defined-function",
     .type = CFG_REFUSED,
     .help = "Functions in Java cannot run here, and transforms are not available yet."},
    {.key = "model",
     .type = CFG_REFUSED,
     .help = "Models belong to transforms, which are not available yet."},
    {.key = "checkpoint.dir",
     .type = CFG_STRING,
     .offset = AT(checkpoint_dir),
     .flags = CFG_OURS,
     .help = "The folder that holds where the pipeline stands. Without it: beside the pipeline "
             "file, named after the pipeline. Two pipelines never share one."},
    {.key = "delivery",
     .type = CFG_ENUM,
     .offset = AT(delivery),
     .fallback = "exactly-once",
     .choices = deliveries,
     .flags = CFG_OURS,
     .help = "exactly-once stops rather than load something twice; at-least-once goes on and may "
             "load the last rows of a table without a key again after a crash."},
    {.key = "delivery.visibility",
     .type = CFG_ENUM,
     .offset = AT(visibility),
     .fallback = "each",
     .choices = visibilities,
     .flags = CFG_OURS,
     .help = "each: a load is visible when it has arrived. together: all tables of an epoch are "
             "loaded in two phases and committed one right after the other, when all of them are "
             "prepared (Doris, StarRocks); a transaction is never shown in pieces, however large."},
    {.key = "stop.timeout",
     .type = CFG_DURATION,
     .offset = AT(stop_timeout_ms),
     .fallback = "30s",
     .min = 0,
     .max = 86400000,
     .flags = CFG_OURS,
     .help = "How long the loads in hand may take after SIGTERM or SIGINT. Past it the engine ends "
             "at once; nothing is lost, the next start finishes them."},
    {.key = "progress.interval",
     .type = CFG_DURATION,
     .offset = AT(progress_interval_ms),
     .fallback = "10s",
     .min = 100,
     .max = 86400000,
     .flags = CFG_OURS,
     .help = "How often a line with rates and the position goes to the log."},
    {.key = "unknown.rows.behavior",
     .type = CFG_ENUM,
     .offset = AT(unknown_rows_behavior),
     .fallback = "reread",
     .choices = unknown_behaviors,
     .flags = CFG_OURS,
     .help = "What becomes of a table whose rows changed in a way that the binlog does not tell (a "
             "statement in statement format, a rolled-back transaction over tables without "
             "transactions). Each is an alarm in the log and marks the table in the checkpoint; "
             "reread then reads the table again into a target made anew, where the pipeline began "
             "with a snapshot, and else leaves it marked; mark leaves it so; stop ends the "
             "pipeline."},
    {.key = "rejected.rows",
     .type = CFG_ENUM,
     .offset = AT(rejected_rows),
     .fallback = "stop",
     .choices = rejections,
     .flags = CFG_OURS,
     .help = "What becomes of a row that the target does not take (Doris, StarRocks). stop: the "
             "pipeline ends and says why. dead-letter: the row goes, whole and with the reason, to "
             "the file dead-letters.ndjson, and everything else goes on; later changes of its key "
             "go to the file too."},
    {.key = "dead-letter.dir",
     .type = CFG_STRING,
     .offset = AT(dead_letter_dir),
     .flags = CFG_OURS,
     .help = "The folder of dead-letters.ndjson. Without it: the checkpoint's. Two pipelines never "
             "share one."},
    {.key = "dead-letter.max-rows",
     .type = CFG_INT,
     .offset = AT(dead_letter_max_rows),
     .fallback = "1000",
     .min = 1,
     .max = 10000,
     .flags = CFG_OURS,
     .help = "How many rows may wait in dead-letters.ndjson. With one more the pipeline stops: so "
             "many refused rows are a mistake of the whole, not of a row."},
    {.key = "label.trust",
     .type = CFG_DURATION,
     .offset = AT(label_trust_ms),
     .fallback = "10min",
     .min = 0,
     .max = 259200000,
     .flags = CFG_OURS,
     .help = "How long after a crash an unknown label of a keyless table is believed to mean \"not "
             "loaded\". Warehouses forget labels; set it below the time that yours keeps them."},
};

static bool is_utc(const char *zone)
{
    static const char *const names[] = {"UTC", "Etc/UTC", "GMT", "Z", "+00:00", "UTC+0"};
    for (unsigned i = 0; i < COUNT_OF(names); i++)
        if (slice_equal_nocase(slice_str(zone), slice_str(names[i])))
            return true;
    return false;
}

static enum rc validate(void *values, struct error *err)
{
    const struct pipeline_config *config = values;
    if (config->name != NULL && config->name[0] == '\0')
        return error_set(err, RC_CONFIG, "key 'name' must not be empty.");
    if (config->checkpoint_dir != NULL && config->checkpoint_dir[0] == '\0')
        return error_set(err, RC_CONFIG, "key 'checkpoint.dir' must not be empty.");
    if (config->dead_letter_dir != NULL && config->dead_letter_dir[0] == '\0')
        return error_set(err, RC_CONFIG, "key 'dead-letter.dir' must not be empty.");
    if (config->runtime_mode != RUNTIME_STREAMING)
        return error_set(err, RC_CONFIG,
                         "key 'execution.runtime-mode' must be STREAMING: a pipeline runs until it "
                         "is stopped.");
    if (!is_utc(config->local_time_zone))
        return error_set(err, RC_CONFIG,
                         "key 'local-time-zone' must be UTC: TIMESTAMP values arrive in the target "
                         "in UTC.");
    return RC_OK;
}

enum rc pipeline_visibility_check(const struct pipeline_config *config, const struct sink_ops *sink,
                                  struct error *err)
{
    if (config->visibility != PIPELINE_VISIBLE_TOGETHER || sink->commit != NULL)
        return RC_OK;
    return error_set(err, RC_CONFIG,
                     "key 'delivery.visibility' may not be together with a sink of type %s, which "
                     "does not load in two phases.",
                     sink->name);
}

enum rc pipeline_rejected_check(const struct pipeline_config *config, const struct sink_ops *sink,
                                struct error *err)
{
    if (config->rejected_rows == PIPELINE_REJECTED_STOP)
        return RC_OK;
    if (config->visibility == PIPELINE_VISIBLE_TOGETHER)
        return error_set(err, RC_CONFIG,
                         "key 'rejected.rows' may not be dead-letter with 'delivery.visibility' "
                         "together: a transaction would become visible without some of its rows.");
    if ((sink->caps & SINK_PUTS_ASIDE) != 0)
        return RC_OK;
    return error_set(err, RC_CONFIG,
                     "key 'rejected.rows' may not be dead-letter with a sink of type %s, which "
                     "takes every row.",
                     sink->name);
}

const struct cfg_section pipeline_section = {
    .block = "pipeline",
    .type = NULL,
    .size = sizeof(struct pipeline_config),
    .rows = rows,
    .row_count = COUNT_OF(rows),
    .validate = validate,
};
