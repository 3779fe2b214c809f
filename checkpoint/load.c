/* SPDX-License-Identifier: Apache-2.0 */
#include "load_int.h"

static void keep(struct checkpoint_loaded *loaded, uint64_t generation,
                 const struct checkpoint_replay *replay)
{
    loaded->generation = generation;
    loaded->sequence = replay->sequence;
    loaded->good_len = replay->good_len;
    loaded->cut_len = replay->cut_len;
    loaded->cut_problem = replay->cut_problem;
    memcpy(loaded->counts, replay->counts, sizeof(loaded->counts));
    struct slice name = replay->header.pipeline;
    ASSERT(name.len < sizeof(loaded->pipeline));
    memset(loaded->pipeline, 0, sizeof(loaded->pipeline));
    if (name.len > 0)
        memcpy(loaded->pipeline, name.ptr, name.len);
}

static enum rc tell(const char *dir, uint64_t generation, struct error *err)
{
    char name[CHECKPOINT_FILE_NAME_MAX];
    checkpoint_file_name(name, generation);
    if (err == NULL || (err->rc != RC_CORRUPT && err->rc != RC_UNSUPPORTED))
        return err == NULL ? RC_CORRUPT : err->rc;
    if (err->rc == RC_UNSUPPORTED) {
        error_wrap(err, "The checkpoint file %s/%s was written by a newer Millrace", dir, name);
        error_hint(err, "Use that version; nothing was changed.");
        return RC_UNSUPPORTED;
    }
    error_wrap(err, "The checkpoint file %s/%s is damaged", dir, name);
    error_hint(err, "Nothing was changed. Restore the folder from a backup; or move it away "
                    "to begin anew where the pipeline file's startup mode says.");
    return RC_CORRUPT;
}

/* A generation after the first begins with the state of the one before it; without that it says
 * nothing, for a cut tail must never look like a new checkpoint. */
static enum rc replay_whole(struct slice file, uint64_t generation, struct checkpoint_model *model,
                            struct checkpoint_replay *replay, struct error *err)
{
    enum rc rc = checkpoint_replay(file, generation, model, replay, err);
    if (rc == RC_OK && generation > 1 && !model->carried)
        return error_set(err, RC_CORRUPT, "byte %llu: the state that the journal begins with: %s",
                         (unsigned long long)replay->good_len,
                         replay->cut_problem == NULL ? "it is not there" : replay->cut_problem);
    return rc;
}

/* The newest generation of `newest_len` bytes is not whole. RC_OK when the one before it may stand
 * in; RC_CORRUPT (without a text) when not. */
static enum rc stand_in(int dir_fd, const char *dir, const struct checkpoint_generations *found,
                        size_t newest_len, struct checkpoint_model *model,
                        struct checkpoint_loaded *loaded)
{
    if (found->previous == 0 || found->previous + 1 != found->newest)
        return RC_CORRUPT;
    struct buf file;
    struct buf made;
    buf_init(&file, CHECKPOINT_FILE_MAX);
    buf_init(&made, CHECKPOINT_FILE_MAX);
    struct checkpoint_replay replay;
    uint64_t sequence;
    checkpoint_model_reset(model);
    enum rc rc = checkpoint_file_read(dir_fd, dir, found->previous, &file, NULL);
    if (rc == RC_OK)
        rc = replay_whole(buf_slice(&file), found->previous, model, &replay, NULL);
    /* A new generation is only begun when no epoch is unfinished and nothing is torn. */
    if (rc == RC_OK && (model->state.intent != NULL || replay.cut_len > 0))
        rc = RC_CORRUPT;
    if (rc == RC_OK) {
        checkpoint_model_write(model, replay.header.pipeline, found->newest, &made, &sequence);
        rc = made.rc != RC_OK ? made.rc : newest_len <= made.len ? RC_OK : RC_CORRUPT;
    }
    if (rc == RC_OK)
        keep(loaded, found->previous, &replay);
    buf_deinit(&file);
    buf_deinit(&made);
    return rc;
}

static enum rc load_newest(int dir_fd, const char *dir, const struct checkpoint_generations *found,
                           struct checkpoint_model *model, struct checkpoint_loaded *loaded,
                           struct error *err)
{
    struct buf file;
    buf_init(&file, CHECKPOINT_FILE_MAX);
    struct checkpoint_replay replay;
    struct error own;
    error_clear(&own);
    enum rc rc = checkpoint_file_read(dir_fd, dir, found->newest, &file, &own);
    if (rc == RC_OK)
        rc = replay_whole(buf_slice(&file), found->newest, model, &replay, &own);
    if (rc == RC_OK)
        keep(loaded, found->newest, &replay);
    else if (rc == RC_CORRUPT)
        rc = stand_in(dir_fd, dir, found, file.len, model, loaded) == RC_OK ? RC_OK : RC_CORRUPT;
    buf_deinit(&file);
    if (rc == RC_OK)
        return RC_OK;
    (void)tell(dir, found->newest, &own);
    if (err != NULL)
        *err = own;
    return rc;
}

enum rc checkpoint_load(int dir_fd, const char *dir, struct checkpoint_model *model,
                        struct checkpoint_loaded *loaded_out, struct error *err)
{
    /* A reader without the lock may see a file go while a new generation is made; then it looks
     * again. Two generations are kept, so this ends soon. */
    enum { TRIES = 10 };
    enum rc rc = RC_NOT_FOUND;
    for (int i = 0; i < TRIES && rc == RC_NOT_FOUND; i++) {
        *loaded_out = (struct checkpoint_loaded){0};
        checkpoint_model_reset(model);
        struct checkpoint_generations found;
        rc = checkpoint_dir_list(dir_fd, dir, &found, err);
        loaded_out->newest = found.newest;
        if (rc != RC_OK || found.newest == 0)
            return rc;
        rc = load_newest(dir_fd, dir, &found, model, loaded_out, err);
    }
    return rc;
}
