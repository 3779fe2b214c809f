/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The sink behind both warehouses, its life: open batches per target table (write.c), sealed into an
 * epoch (epoch.c), carried by the loaders while the next batch fills. The contract is in
 * engine/ports/sink.h.
 *
 * Threads: the pipeline's thread, but for stream_load_stop.
 */
#include "joint_int.h"
#include "label_int.h"
#include "refuse_int.h"
#include "reload_int.h"

#include <stdlib.h>

#define SINK_ARENA_MAX ((size_t)128 << 20)

static enum rc make_exchange(void *ctx, struct exchange **exchange_out, struct error *err)
{
    struct stream_load *sink = ctx;
    return exchange_curl_new(&sink->settings, &sink->halt, exchange_out, err);
}

static enum rc check_settings(const struct load_dialect *dialect,
                              const struct load_settings *settings, bool together,
                              struct error *err)
{
    if (settings->frontends.count == 0)
        return error_set(err, RC_CONFIG, "No HTTP address of a frontend of %s is configured.",
                         dialect->product);
    if (together && settings->two_phase == LOAD_TWO_PHASE_NEVER)
        return error_set(err, RC_CONFIG,
                         "`delivery.visibility: together` needs loads in two phases, and "
                         "`sink.enable-2pc: false` forbids them. Take one of the two out.");
    if (settings->joint && !together)
        return error_set(err, RC_CONFIG,
                         "`sink.multi-table-transactions: true` is a way to do what "
                         "`delivery.visibility: together` asks for. Set that in the pipeline, too, "
                         "or take this out.");
    return label_check_prefix(settings->label_prefix, dialect->label_max, err);
}

/* The parts that have threads or locks, each undone by the caller's close when a later one fails.
 */
static enum rc open_parts(struct stream_load *sink, const struct myconn_options *query,
                          struct error *err)
{
    enum rc rc = frontends_init(&sink->frontends, sink->settings.frontends.count, err);
    if (rc != RC_OK)
        return rc;
    rc = query_init(&sink->query, query, &sink->halt, sink->dialect->product,
                    sink->settings.max_retries, &sink->arena, err);
    if (rc != RC_OK)
        goto undo_frontends;
    struct exchange_factory factory = {.make = make_exchange, .ctx = sink};
    rc = transfer_init(&sink->transfer, sink->dialect, &sink->settings, &sink->frontends, &factory,
                       err);
    if (rc == RC_OK)
        rc = loaders_new(sink->dialect, &sink->settings, &sink->frontends, &sink->halt, &factory,
                         &sink->loaders, err);
    if (rc == RC_OK)
        return RC_OK;
    transfer_deinit(&sink->transfer);
    query_deinit(&sink->query);
undo_frontends:
    frontends_deinit(&sink->frontends);
    return rc;
}

static const struct sink_ops operations = {STREAM_LOAD_OPERATIONS};

enum rc stream_load_open(const struct load_dialect *dialect, const struct load_settings *settings,
                         const struct myconn_options *query, const struct sink_options *options,
                         struct sink **sink_out, struct error *err)
{
    ASSERT(options->pipeline_id.len == 32);
    ASSERT(dialect->label_max < LABEL_BYTES);
    enum rc rc = check_settings(dialect, settings, options->visible_together, err);
    if (rc != RC_OK)
        return rc;
    struct stream_load *sink = calloc(1, sizeof(*sink));
    if (sink == NULL)
        return error_set(err, RC_MEMORY, "There is no memory for the sink.");
    sink->dialect = dialect;
    sink->settings = *settings;
    if (sink->settings.threads == 0)
        sink->settings.threads = 1;
    if (options->visible_together)
        sink->settings.two_phase = LOAD_TWO_PHASE_ALWAYS;
    /* Loads that become visible together are those of one epoch; and whether a change of a key has to
     * wait behind a dead letter is known when the epoch before it is over. */
    if (options->visible_together || options->dead_letters != NULL)
        sink->settings.epochs = 1;
    ASSERT(sink->settings.epochs <= STORE_EPOCHS_MAX);
    if (sink->settings.epochs == 0)
        sink->settings.epochs = 1;
    sink->config = options->config;
    memcpy(sink->pipeline_id, options->pipeline_id.ptr, options->pipeline_id.len);
    sink->partial_rows = options->partial_rows;
    sink->open_end = &sink->open_first;
    sink->widen = 1;
    sink->base.ops = &operations;
    rc = halt_init(&sink->halt, err);
    if (rc != RC_OK) {
        free(sink);
        return rc;
    }
    arena_init(&sink->arena, "stream load sink", SINK_ARENA_MAX);
    reload_init(&sink->reloading);
    rc = refuse_init(&sink->refusing, options, err);
    if (rc == RC_OK)
        rc = open_parts(sink, query, err);
    if (rc != RC_OK) {
        refuse_deinit(&sink->refusing);
        reload_deinit(&sink->reloading);
        arena_deinit(&sink->arena);
        halt_deinit(&sink->halt);
        free(sink);
        return rc;
    }
    *sink_out = &sink->base;
    return RC_OK;
}

void stream_load_stop(struct sink *base)
{
    struct stream_load *sink = stream_load_of(base);
    halt_stop(&sink->halt);
    query_interrupt(&sink->query);
}

void stream_load_close(struct sink *base)
{
    if (base == NULL)
        return;
    struct stream_load *sink = stream_load_of(base);
    halt_stop(&sink->halt);
    loaders_free(sink->loaders);
    transfer_deinit(&sink->transfer);
    query_deinit(&sink->query);
    frontends_deinit(&sink->frontends);
    for (struct load_target *target = sink->targets; target != NULL; target = target->next)
        target_deinit(target);
    while (sink->joints != NULL) {
        struct joint *joint = sink->joints;
        sink->joints = joint->next;
        joint_free(joint);
    }
    for (unsigned i = 0; i < COUNT_OF(sink->epochs); i++)
        sealed_epoch_deinit(&sink->epochs[i]);
    refuse_deinit(&sink->refusing);
    reload_deinit(&sink->reloading);
    arena_deinit(&sink->arena);
    halt_deinit(&sink->halt);
    free(sink);
}

struct sink_limits stream_load_limits(const struct sink *base)
{
    const struct stream_load *sink = stream_load_of_const(base);
    return (struct sink_limits){.flush_rows = sink->settings.flush_rows,
                                .flush_bytes = sink_open_bytes_max(sink),
                                .flush_interval_ms = sink->settings.flush_interval_ms * sink->widen,
                                .epochs = sink->settings.epochs};
}

enum rc stream_load_reload(struct sink *base, uint64_t epoch, bool again, uint64_t *rows_out,
                           struct error *err)
{
    return reload_take(stream_load_of(base), epoch, again, rows_out, err);
}

void stream_load_pending(const struct sink *base, struct sink_pending *pending_out)
{
    const struct stream_load *sink = stream_load_of_const(base);
    *pending_out = (struct sink_pending){.rows = sink->open_rows, .bytes = sink->open_bytes};
}

bool stream_load_would_begin(const struct sink *base)
{
    const struct stream_load *sink = stream_load_of_const(base);
    uint64_t ready = 0;
    for (struct load_target *target = sink->open_first; target != NULL; target = target->next_open)
        if (target->sealed == NULL)
            ready += body_memory(target_open_body(target));
    return ready >= sink->open_bytes - ready;
}

void stream_load_stats(const struct sink *base, struct sink_stats *stats_out)
{
    const struct stream_load *sink = stream_load_of_const(base);
    *stats_out = sink->stats;
    stats_out->retries = loaders_retries(sink->loaders);
    stats_out->buffered_bytes = sink->open_bytes + sink->sealed_bytes;
}
