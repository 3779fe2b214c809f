/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Dead letters, loaded again. One epoch after the other takes what goes into a batch:
 *
 *   mark     the file says which letters are epoch N's
 *   intent   the journal says epoch N, from here to here, and as a note that comes true with its end: the
 *            letters of N are loaded
 *   submit, prepared, commit, done    as ever; what the target refuses again loses its mark first
 *   advance  the note is true
 *   settle   the letters of N go out of the file
 *
 * Whoever starts after a crash reads the marks: with an intent N they are its rows; with the note N they
 * are loaded; without either nothing was begun. Numbers of epochs are used once, so no mark is ever taken
 * for another's.
 */
#include "reload_int.h"

#include <stdio.h>

#include "../base/log.h"
#include "../base/text.h"
#include "epoch_int.h"
#include "notes_int.h"

static const char RELOADED[] = "pipeline/replayed";

static enum rc note(struct pipeline *pipeline, uint64_t epoch, struct error *err)
{
    char value[24];
    snprintf(value, sizeof(value), "%llu", (unsigned long long)epoch);
    return notes_add(pipeline, slice_str(RELOADED), slice_str(value), err);
}

static enum rc take_note(void *ctx, struct slice key UNUSED, struct slice value,
                         struct error *err UNUSED)
{
    uint64_t *epoch = ctx;
    if (!text_parse_u64(value, epoch))
        *epoch = 0;
    return RC_OK;
}

enum rc reload_load(struct pipeline *pipeline, struct error *err)
{
    struct dead_letters *letters = pipeline->parts.dead_letters;
    uint64_t loaded = 0;
    if (letters == NULL)
        return RC_OK;
    struct replay *replay = &pipeline->replay;
    for (unsigned i = replay->at; replay->active && i < replay->count; i++)
        replay->items[i].letters = dead_letters_has_marked(letters, replay->items[i].epoch);
    if (replay->active)
        return RC_OK;
    enum rc rc = at(pipeline, PIPELINE_SIDE_STORE,
                    pipeline->parts.store_ops->notes(pipeline->parts.store, slice_str(RELOADED),
                                                     take_note, &loaded, err));
    return rc != RC_OK
               ? rc
               : at(pipeline, PIPELINE_SIDE_STORE, dead_letters_settle(letters, loaded, err));
}

enum rc reload_again(struct pipeline *pipeline, uint64_t epoch, struct error *err)
{
    struct sink *sink = pipeline->parts.sink;
    uint64_t rows = 0;
    enum rc rc = note(pipeline, epoch, err);
    if (rc == RC_OK)
        rc = at(pipeline, PIPELINE_SIDE_SINK, sink->ops->reload(sink, epoch, true, &rows, err));
    if (rc == RC_OK)
        log_info("pipeline.replay", "Dead letters that were being loaded again are finished.",
                 LOG_U64("epoch", epoch), LOG_U64("rows", rows));
    return rc;
}

enum rc reload_over(struct pipeline *pipeline, uint64_t epoch, struct error *err)
{
    return at(pipeline, PIPELINE_SIDE_STORE,
              dead_letters_settle(pipeline->parts.dead_letters, epoch, err));
}

/* One epoch of letters. `*rows_out` 0: there were none left. */
static enum rc load_some(struct pipeline *pipeline, uint64_t *rows_out, struct error *err)
{
    struct sink *sink = pipeline->parts.sink;
    uint64_t epoch = pipeline->next_epoch;
    enum rc rc =
        at(pipeline, PIPELINE_SIDE_SINK, sink->ops->reload(sink, epoch, false, rows_out, err));
    if (rc != RC_OK || *rows_out == 0)
        return rc;
    rc = note(pipeline, epoch, err);
    if (rc == RC_OK)
        rc = epoch_close(pipeline, err);
    if (rc == RC_OK)
        rc = epoch_drain(pipeline, 0, err);
    return rc == RC_OK ? reload_over(pipeline, epoch, err) : rc;
}

enum rc reload_run(struct pipeline *pipeline, dead_letter_wanted_fn wanted, void *ctx,
                   bool *whole_out, struct error *err)
{
    struct dead_letters *letters = pipeline->parts.dead_letters;
    uint64_t before = dead_letters_count(letters);
    uint64_t asked = letters == NULL ? 0 : dead_letters_ask(letters, wanted, ctx);
    uint64_t rows = 1;
    *whole_out = true;
    if (asked == 0) {
        log_warn("pipeline.replay", "There are no dead letters of the tables that were named.");
        return RC_OK;
    }
    log_info("pipeline.replay", "Dead letters are loaded again.", LOG_U64("dead_letters", asked));
    enum rc rc = epoch_barrier(pipeline, err);
    if (rc == RC_OK)
        rc = epoch_note(pipeline, err);
    while (rc == RC_OK && rows > 0 && !atomic_load(&pipeline->stopping))
        rc = load_some(pipeline, &rows, err);
    *whole_out = rows == 0;
    if (rc == RC_OK)
        log_info("pipeline.replay",
                 *whole_out ? "Dead letters were loaded again."
                            : "Loading dead letters is broken off; the next start goes on.",
                 LOG_U64("loaded", before - dead_letters_count(letters)),
                 LOG_U64("dead_letters", dead_letters_count(letters)));
    return rc;
}
