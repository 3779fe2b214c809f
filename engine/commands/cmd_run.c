/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `millrace run`: carries changes until it is stopped.
 *
 * Signals are taken by a thread of their own. The first SIGTERM or SIGINT asks the pipeline to finish
 * the epoch in hand; a second one, or the deadline, ends waiting for the sink. Until the pipeline runs
 * nothing has been begun, and these signals end the process as usual.
 *
 * SIGHUP is a stop and a start in one process, so that every key of the pipeline file may be another
 * one. A file that is not understood changes nothing.
 */
#include "commands_int.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>

#include "../base/log.h"

enum { GRACE_MS = 2000 };

struct run {
    struct pipeline_file file;
    struct source *source;
    struct sink *sink;
    struct store *store;
    struct dead_letters *dead_letters; /* NULL: refused rows end the pipeline */
    const struct store_ops *store_ops;
    const struct snapshot_ops *snapshot_ops;
    struct pipeline *_Atomic pipeline; /* NULL until there is something to finish */
    const struct command_parts *parts;
    const char *path;
    atomic_bool again; /* a SIGHUP is to be followed */
    sigset_t signals;
    pthread_t watcher;
};

static bool wants(void *ctx, struct slice db, struct slice table)
{
    return pattern_set_match(ctx, db, table);
}

/* Nothing has been begun: the signal does what it does to any program. */
static void die_of(int number)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, number);
    signal(number, SIG_DFL);
    pthread_sigmask(SIG_UNBLOCK, &set, NULL);
    raise(number);
}

static bool file_is_understood(const struct run *run)
{
    struct error err;
    struct pipeline_file file;
    error_clear(&err);
    if (pipeline_file_open(run->parts, run->path, &file, &err) == RC_OK) {
        pipeline_file_close(&file);
        return true;
    }
    log_error("run", "The pipeline file was not read again; what it said before stays in force.",
              LOG_STR("reason", err.text));
    return false;
}

/* Waits for a signal that ends the run. */
static int end_signal(struct run *run)
{
    for (;;) {
        int number;
        if (sigwait(&run->signals, &number) != 0)
            continue;
        if (number != SIGHUP)
            return number;
        if (!file_is_understood(run))
            continue;
        atomic_store(&run->again, true);
        /* What is not running yet looks at `again` before it runs. */
        if (run->pipeline != NULL)
            return number;
    }
}

static void *watch_signals(void *ctx)
{
    struct run *run = ctx;
    int number = end_signal(run);
    if (number == SIGUSR1) /* the pipeline ended by itself */
        return NULL;
    if (run->pipeline == NULL)
        die_of(number);
    if (number == SIGHUP)
        log_info("run",
                 "Told to read the pipeline file again; the epoch in hand is finished first.",
                 LOG_STR("signal", "SIGHUP"));
    else
        log_info("run", "Told to stop; the epoch in hand is finished first.",
                 LOG_STR("signal", number == SIGINT ? "SIGINT" : "SIGTERM"));
    pipeline_stop(run->pipeline);
    uint64_t wait_ms = run->file.pipeline.stop_timeout_ms + GRACE_MS;
    struct timespec deadline = {.tv_sec = (time_t)(wait_ms / 1000),
                                .tv_nsec = (long)(wait_ms % 1000) * 1000000L};
    do
        number = sigtimedwait(&run->signals, NULL, &deadline);
    while (number == SIGHUP || (number < 0 && errno == EINTR));
    if (number == SIGTERM || number == SIGINT)
        atomic_store(&run->again, false);
    if (number != SIGUSR1)
        run->sink->ops->stop(run->sink);
    return NULL;
}

static enum exit_code side_code(const struct error *err, enum pipeline_side side)
{
    if (err->rc == RC_CANCELLED)
        return EXIT_CODE_STOPPED;
    if (err->rc == RC_MEMORY)
        return EXIT_CODE_INTERNAL;
    if (side == PIPELINE_SIDE_STORE)
        return EXIT_CODE_CHECKPOINT;
    if (err->rc == RC_CORRUPT || err->rc == RC_REJECTED)
        return EXIT_CODE_DATA;
    if (err->rc == RC_CONFIG)
        return EXIT_CODE_USAGE;
    switch (side) {
    case PIPELINE_SIDE_SOURCE:
        return EXIT_CODE_SOURCE;
    case PIPELINE_SIDE_SINK:
        return EXIT_CODE_SINK;
    case PIPELINE_SIDE_STORE:
    case PIPELINE_SIDE_NONE:
        break;
    }
    return EXIT_CODE_INTERNAL;
}

static enum rc open_store(struct run *run, struct error *err)
{
    struct store_options options = {.dir = slice_str(run->file.checkpoint_dir),
                                    .pipeline = slice_str(run->file.pipeline.name)};
    return run->store_ops->open(&options, &run->store, err);
}

/* Whoever carries on behind rows that were put aside has to know them: later changes of their keys wait
 * with them. */
static enum rc open_dead_letters(struct run *run, struct error *err)
{
    const struct pipeline_config *config = &run->file.pipeline;
    const char *dir = pipeline_file_letters_dir(&run->file);
    if (config->rejected_rows == PIPELINE_REJECTED_DEAD_LETTER)
        return dead_letters_open(dir, (uint64_t)config->dead_letter_max_rows, &run->dead_letters,
                                 err);
    if (!dead_letters_wait(dir))
        return RC_OK;
    return error_set(
        err, RC_CONFIG,
        "Rows wait as dead letters in %s, and later changes of theirs have to wait "
        "behind them. Set `rejected.rows: dead-letter` again, or move the file away to "
        "give them up.",
        dir);
}

static enum rc open_source(struct run *run, struct error *err)
{
    struct source_options options = {.config = run->file.source_config,
                                     .wants = wants,
                                     .wants_ctx = run->file.tables,
                                     .name = slice_str(run->file.pipeline.name),
                                     .state_dir = run->file.checkpoint_dir};
    return run->file.source->open(&options, &run->source, err);
}

static enum rc open_sink(struct run *run, struct error *err)
{
    const struct store_state *state = run->store_ops->state(run->store);
    struct source_identity identity;
    run->source->ops->identity(run->source, &identity);
    struct sink_options options = {.config = run->file.sink_config,
                                   .pipeline = slice_str(run->file.pipeline.name),
                                   .pipeline_id = slice_str(state->pipeline_id),
                                   .source_name = slice_str(run->file.pipeline.name),
                                   .recovering = state->intent != NULL,
                                   .partial_rows = identity.partial_rows,
                                   .dead_letters = run->dead_letters,
                                   .visible_together =
                                       run->file.pipeline.visibility == PIPELINE_VISIBLE_TOGETHER};
    return run->file.sink->open(&options, &run->sink, err);
}

/* The checkpoint comes first: a second engine must not touch source or sink. */
static enum rc open_parts(struct run *run, enum pipeline_side *side, struct error *err)
{
    *side = PIPELINE_SIDE_STORE;
    enum rc rc = open_store(run, err);
    if (rc != RC_OK)
        return rc;
    rc = open_dead_letters(run, err);
    if (rc == RC_CONFIG)
        *side = PIPELINE_SIDE_NONE;
    if (rc != RC_OK)
        return rc;
    *side = PIPELINE_SIDE_SOURCE;
    rc = open_source(run, err);
    if (rc != RC_OK)
        return rc;
    *side = PIPELINE_SIDE_SINK;
    rc = open_sink(run, err);
    if (rc != RC_OK)
        return rc;
    *side = PIPELINE_SIDE_NONE;
    struct pipeline_parts parts = {.source = run->source,
                                   .sink = run->sink,
                                   .store = run->store,
                                   .store_ops = run->store_ops,
                                   .routes = run->file.routes,
                                   .config = &run->file.pipeline,
                                   .tables = run->file.source_config,
                                   .snapshot_ops = run->snapshot_ops,
                                   .schema = run->file.sink_config,
                                   .checkpoint_dir = run->file.checkpoint_dir,
                                   .dead_letters = run->dead_letters};
    struct pipeline *pipeline;
    rc = pipeline_new(&parts, &pipeline, err);
    if (rc == RC_OK)
        run->pipeline = pipeline;
    return rc;
}

static void close_parts(struct run *run)
{
    pipeline_free(run->pipeline);
    /* The sink before the source: its loads may be under way still, and read the source's tables. */
    if (run->sink != NULL)
        run->sink->ops->close(run->sink);
    if (run->source != NULL)
        run->source->ops->close(run->source);
    dead_letters_close(run->dead_letters);
    if (run->store != NULL)
        run->store_ops->close(run->store);
}

/* The signals are blocked before any part starts a thread, so that only the watcher takes them. */
static enum rc watch(struct run *run, struct error *err)
{
    sigemptyset(&run->signals);
    sigaddset(&run->signals, SIGTERM);
    sigaddset(&run->signals, SIGINT);
    sigaddset(&run->signals, SIGHUP);
    sigaddset(&run->signals, SIGUSR1);
    pthread_sigmask(SIG_BLOCK, &run->signals, NULL);
    if (pthread_create(&run->watcher, NULL, watch_signals, run) != 0)
        return error_set(err, RC_MEMORY, "The thread that waits for signals cannot be started.");
    return RC_OK;
}

static enum rc carry(struct run *run, enum pipeline_side *side, struct error *err)
{
    enum rc rc = open_parts(run, side, err);
    if (rc != RC_OK)
        return rc;
    log_info("run", "The pipeline starts.", LOG_STR("pipeline", run->file.pipeline.name),
             LOG_STR("checkpoint", run->file.checkpoint_dir));
    if (atomic_load(&run->again))
        return RC_OK;
    rc = pipeline_run(run->pipeline, err);
    *side = pipeline_failed_side(run->pipeline);
    return rc;
}

static enum exit_code end(enum rc rc, enum pipeline_side side, const struct error *err)
{
    if (rc == RC_OK) {
        log_info("run", "The pipeline ended; everything that was read is durable at the target.");
        return EXIT_CODE_OK;
    }
    enum exit_code code = side_code(err, side);
    if (!log_is_json())
        return command_fail(err, code);
    log_error("run", "The pipeline stopped.", LOG_STR("reason", err->text),
              LOG_I64("exit_code", code));
    return code;
}

/* From reading the pipeline file to the end of all parts. True: a SIGHUP asks for another life, and
 * what the one before could not finish is finished there. */
static bool live(const struct command_parts *parts, const char *path, enum exit_code *code_out)
{
    struct error err;
    error_clear(&err);
    struct run run = {
        .store_ops = parts->store, .snapshot_ops = parts->snapshot, .parts = parts, .path = path};
    enum rc rc = pipeline_file_open(parts, path, &run.file, &err);
    if (rc != RC_OK) {
        *code_out = command_fail(&err, command_exit_code(&err));
        return false;
    }
    enum pipeline_side side = PIPELINE_SIDE_NONE;
    rc = watch(&run, &err);
    if (rc == RC_OK) {
        rc = carry(&run, &side, &err);
        pthread_kill(run.watcher, SIGUSR1);
        pthread_join(run.watcher, NULL);
    }
    close_parts(&run);
    pipeline_file_close(&run.file);
    if (atomic_load(&run.again) && (rc == RC_OK || rc == RC_CANCELLED))
        return true;
    *code_out = end(rc, side, &err);
    return false;
}

static enum exit_code run_command(const struct command_parts *parts,
                                  const struct command_line *line)
{
    enum exit_code code = EXIT_CODE_OK;
    while (live(parts, line->args[0], &code))
        continue;
    return code;
}

const struct command command_run = {
    .name = "run",
    .arguments = "PIPELINE.yaml",
    .summary = "Carry changes until stopped; a restart resumes by itself.",
    .args_min = 1,
    .args_max = 1,
    .run = run_command,
};
