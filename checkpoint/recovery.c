/* SPDX-License-Identifier: Apache-2.0 */
#include "recovery_int.h"

/* One journal of a few MiB at most, so the search for records behind a bad one may look at every
 * byte: a candidate must have a fitting sequence before its checksum is computed. */
static bool find_whole(struct slice file, uint64_t *offset, uint64_t generation,
                       uint64_t sequence_min, uint64_t sequence_max)
{
    for (; *offset < file.len; (*offset)++)
        if (checkpoint_record_begins(slice_of(file.ptr + *offset, file.len - *offset), generation,
                                     sequence_min, sequence_max))
            return true;
    return false;
}

/* Whether this record, found behind a bad one, may have been written after the last fsync. */
static bool may_be_unsynced(const struct checkpoint_model *model,
                            const struct checkpoint_record *record, bool *is_done)
{
    const struct store_intent *oldest = model->state.intent;
    const struct store_intent *intent = oldest;
    while (intent != NULL && intent->epoch != record->epoch)
        intent = intent->next;
    *is_done = record->type == CHECKPOINT_RECORD_DONE;
    switch (record->type) {
    case CHECKPOINT_RECORD_DONE:
        return intent != NULL && record->attempt == intent->attempt;
    case CHECKPOINT_RECORD_PREPARED:
        return intent != NULL && intent == oldest && record->attempt == intent->attempt;
    case CHECKPOINT_RECORD_INTENT:
    case CHECKPOINT_RECORD_INTENT_NOTES:
        return intent != NULL && intent == oldest && record->attempt == intent->attempt + 1;
    case CHECKPOINT_RECORD_INTENT_BEHIND:
        return intent == NULL && oldest != NULL;
    case CHECKPOINT_RECORD_ADVANCE:
        return intent != NULL && intent == oldest;
    default:
        return false;
    }
}

/* True when the bytes from `bad_offset` on may be cut (rules 1 and 2); else `*found_out` is where a
 * record lies that forbids it. */
static bool may_cut(struct slice file, uint64_t generation, const struct checkpoint_model *model,
                    uint64_t bad_offset, uint64_t sequence, uint64_t *found_out)
{
    uint64_t offset = bad_offset + 1;
    uint64_t sequence_max = sequence + 1 + (file.len - bad_offset) / CHECKPOINT_RECORD_FIXED;
    uint64_t sequence_min = sequence + 1;
    bool ended = false;
    while (find_whole(file, &offset, generation, sequence_min, sequence_max)) {
        struct checkpoint_record record;
        size_t len = 0;
        const char *problem;
        bool is_done = false;
        *found_out = offset;
        enum checkpoint_found found = checkpoint_record_parse(
            slice_of(file.ptr + offset, file.len - offset), generation, &record, &len, &problem);
        if (found != CHECKPOINT_FOUND_RECORD || ended || !may_be_unsynced(model, &record, &is_done))
            return false;
        ended = !is_done;
        sequence_min = record.sequence + 1;
        offset += len;
    }
    return true;
}

static enum rc judge_broken(struct slice file, uint64_t generation,
                            const struct checkpoint_model *model, struct checkpoint_replay *replay,
                            const char *problem, struct error *err)
{
    uint64_t found = 0;
    uint64_t offset = replay->good_len;
    if (!may_cut(file, generation, model, offset, replay->sequence, &found)) {
        replay->bad_offset = offset;
        return error_set(err, RC_CORRUPT, "byte %llu: %s, and a good record follows at byte %llu",
                         (unsigned long long)offset, problem, (unsigned long long)found);
    }
    replay->cut_len = file.len - offset;
    replay->cut_problem = problem;
    return RC_OK;
}

/* A record that is whole, as its checksum says, and yet cannot be used: never a torn write. */
static enum rc refuse(struct checkpoint_replay *replay, enum checkpoint_found found,
                      const char *problem, struct error *err)
{
    replay->bad_offset = replay->good_len;
    return error_set(err, found == CHECKPOINT_FOUND_UNKNOWN ? RC_UNSUPPORTED : RC_CORRUPT,
                     "byte %llu: %s", (unsigned long long)replay->good_len, problem);
}

static enum rc take(struct checkpoint_model *model, const struct checkpoint_record *record,
                    struct checkpoint_replay *replay, struct error *err)
{
    replay->bad_offset = replay->good_len;
    if (record->sequence != replay->sequence + 1)
        return error_set(err, RC_CORRUPT, "byte %llu: record %llu stands where record %llu belongs",
                         (unsigned long long)replay->good_len, (unsigned long long)record->sequence,
                         (unsigned long long)replay->sequence + 1);
    enum rc rc = checkpoint_model_stage(model, record, err);
    if (rc == RC_CORRUPT)
        error_wrap(err, "byte %llu", (unsigned long long)replay->good_len);
    if (rc != RC_OK)
        return rc;
    checkpoint_model_commit(model);
    replay->sequence = record->sequence;
    replay->counts[record->type]++;
    return RC_OK;
}

enum rc checkpoint_replay(struct slice file, uint64_t generation, struct checkpoint_model *model,
                          struct checkpoint_replay *replay_out, struct error *err)
{
    *replay_out = (struct checkpoint_replay){0};
    size_t len = 0;
    enum rc rc = checkpoint_header_parse(file, &replay_out->header, &len, err);
    if (rc != RC_OK)
        return rc;
    if (replay_out->header.generation != generation)
        return error_set(err, RC_CORRUPT,
                         "the header says generation %llu, another than the file's name",
                         (unsigned long long)replay_out->header.generation);
    checkpoint_model_identify(model, &replay_out->header);
    replay_out->good_len = len;
    for (;;) {
        struct slice rest =
            slice_of(file.ptr + replay_out->good_len, file.len - replay_out->good_len);
        struct checkpoint_record record;
        const char *problem;
        enum checkpoint_found found =
            checkpoint_record_parse(rest, generation, &record, &len, &problem);
        if (found == CHECKPOINT_FOUND_END)
            return RC_OK;
        if (found == CHECKPOINT_FOUND_BROKEN)
            return judge_broken(file, generation, model, replay_out, problem, err);
        if (found != CHECKPOINT_FOUND_RECORD)
            return refuse(replay_out, found, problem, err);
        rc = take(model, &record, replay_out, err);
        if (rc != RC_OK)
            return rc;
        replay_out->good_len += len;
    }
}
