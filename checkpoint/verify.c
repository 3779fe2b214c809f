/* SPDX-License-Identifier: Apache-2.0 */
#include "verify_int.h"

#include "load_int.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static void tell_records(const char *name, const struct checkpoint_replay *replay,
                         struct report *report)
{
    report_add(report, REPORT_OK, NULL,
               "%s: %llu bytes are good: the header and %llu records (%llu bind, %llu intent, %llu "
               "prepared, %llu done, %llu advance, %llu move, %llu notes).",
               name, (unsigned long long)replay->good_len, (unsigned long long)replay->sequence,
               (unsigned long long)replay->counts[CHECKPOINT_RECORD_BIND],
               (unsigned long long)(replay->counts[CHECKPOINT_RECORD_INTENT] +
                                    replay->counts[CHECKPOINT_RECORD_INTENT_NOTES] +
                                    replay->counts[CHECKPOINT_RECORD_INTENT_BEHIND]),
               (unsigned long long)replay->counts[CHECKPOINT_RECORD_PREPARED],
               (unsigned long long)replay->counts[CHECKPOINT_RECORD_DONE],
               (unsigned long long)replay->counts[CHECKPOINT_RECORD_ADVANCE],
               (unsigned long long)(replay->counts[CHECKPOINT_RECORD_MOVE] +
                                    replay->counts[CHECKPOINT_RECORD_MOVE_NOTES]),
               (unsigned long long)replay->counts[CHECKPOINT_RECORD_NOTES]);
    if (replay->cut_len > 0)
        report_add(report, REPORT_WARN,
                   "Nothing has to be done: the next start cuts them off. An engine that is "
                   "writing at this moment looks the same.",
                   "%s: %llu bytes from byte %llu on are an unfinished write (%s).", name,
                   (unsigned long long)replay->cut_len, (unsigned long long)replay->good_len,
                   replay->cut_problem);
}

/* One generation for itself; whether the folder as a whole can be used is asked afterwards. */
static enum rc verify_file(int dir_fd, const char *dir, uint64_t generation, bool newest,
                           struct report *report, struct error *err)
{
    char name[CHECKPOINT_FILE_NAME_MAX];
    checkpoint_file_name(name, generation);
    struct buf file;
    struct checkpoint_model model;
    struct checkpoint_replay replay;
    buf_init(&file, CHECKPOINT_FILE_MAX);
    checkpoint_model_init(&model);
    enum rc rc = checkpoint_file_read(dir_fd, dir, generation, &file, err);
    if (rc == RC_OK) {
        rc = checkpoint_replay(buf_slice(&file), generation, &model, &replay, err);
        if (rc == RC_OK)
            tell_records(name, &replay, report);
        else if (!newest && rc == RC_CORRUPT)
            report_add(report, REPORT_WARN,
                       "Nothing has to be done as long as the newest journal is good.",
                       "%s (kept from before) is damaged: %s.", name, err->text);
    }
    checkpoint_model_deinit(&model);
    buf_deinit(&file);
    return rc;
}

static void tell_state(const struct checkpoint_loaded *loaded, const struct checkpoint_model *model,
                       struct report *report)
{
    const struct store_state *state = &model->state;
    struct buf where;
    buf_init(&where, 4096);
    position_describe(&state->position, &where);
    report_add(report, REPORT_OK, NULL,
               "The checkpoint of the pipeline \"%s\" (id %s, source server %s) stands after epoch "
               "%llu, %llu rows, at %s.",
               loaded->pipeline, state->pipeline_id,
               state->server[0] == '\0' ? "not known yet" : state->server,
               (unsigned long long)state->epoch, (unsigned long long)state->rows, buf_cstr(&where));
    buf_deinit(&where);
    if (model->notes.count > 0)
        report_add(report, REPORT_OK, NULL,
                   "With it %zu notes are kept (tables as they are defined there, snapshots), %llu "
                   "bytes.",
                   model->notes.count, (unsigned long long)model->notes.bytes);
    for (const struct store_intent *intent = state->intent; intent != NULL; intent = intent->next)
        report_add(report, REPORT_OK, NULL,
                   "Epoch %llu (attempt %u, %u loads) is unfinished; the next start finishes it "
                   "first.",
                   (unsigned long long)intent->epoch, (unsigned)intent->attempt,
                   (unsigned)intent->count);
}

static enum rc verify_folder(int dir_fd, const char *dir, struct report *report, struct error *err)
{
    struct checkpoint_generations found;
    enum rc rc = checkpoint_dir_list(dir_fd, dir, &found, err);
    if (rc != RC_OK)
        return rc;
    if (found.newest == 0)
        return error_set(err, RC_NOT_FOUND,
                         "There is no checkpoint in %s: the pipeline has not run yet.", dir);
    struct error ignored;
    error_clear(&ignored);
    if (found.previous != 0)
        (void)verify_file(dir_fd, dir, found.previous, false, report, &ignored);
    (void)verify_file(dir_fd, dir, found.newest, true, report, &ignored);

    struct checkpoint_model model;
    struct checkpoint_loaded loaded;
    checkpoint_model_init(&model);
    rc = checkpoint_load(dir_fd, dir, &model, &loaded, err);
    if (rc == RC_OK && loaded.generation != loaded.newest)
        report_add(report, REPORT_WARN,
                   "Nothing has to be done: the journal before it says the same and is used.",
                   "The newest journal was never finished.");
    if (rc == RC_OK)
        tell_state(&loaded, &model, report);
    else if (rc == RC_CORRUPT || rc == RC_UNSUPPORTED)
        report_add(report, REPORT_FAIL,
                   rc == RC_CORRUPT ? "Restore the folder from a backup, or move it away to begin "
                                      "anew."
                                    : "Use the newer version.",
                   "%s", err->text);
    checkpoint_model_deinit(&model);
    return rc;
}

enum rc checkpoint_verify(struct slice dir, struct report *report, struct error *err)
{
    struct error own;
    error_clear(&own);
    char *path = dir.len == 0 ? NULL : strndup((const char *)dir.ptr, dir.len);
    if (path == NULL)
        return error_set(err, dir.len == 0 ? RC_CONFIG : RC_MEMORY,
                         "The checkpoint folder's name cannot be used.");
    int dir_fd = -1;
    enum rc rc = checkpoint_dir_open(path, false, &dir_fd, &own);
    if (rc == RC_OK) {
        rc = verify_folder(dir_fd, path, report, &own);
        close(dir_fd);
    }
    free(path);
    if (rc != RC_OK && err != NULL)
        *err = own;
    return rc;
}
