/* SPDX-License-Identifier: Apache-2.0 */
#include "model_int.h"

enum { SLOT_BYTES_MAX = 256 << 20 };

static void slot_init(struct checkpoint_slot *slot)
{
    *slot = (struct checkpoint_slot){0};
    position_init(&slot->intent.from);
    position_init(&slot->intent.to);
    arena_init(&slot->arena, "an unfinished epoch", SLOT_BYTES_MAX);
}

static void slot_deinit(struct checkpoint_slot *slot)
{
    checkpoint_note_list_clear(&slot->notes);
    position_deinit(&slot->intent.from);
    position_deinit(&slot->intent.to);
    arena_deinit(&slot->arena);
}

void checkpoint_model_init(struct checkpoint_model *model)
{
    memset(model, 0, sizeof(*model));
    position_init(&model->state.position);
    position_init(&model->staged_position);
    for (unsigned i = 0; i < CHECKPOINT_SLOTS; i++) {
        slot_init(&model->slots[i]);
        model->order[i] = i;
    }
}

void checkpoint_model_deinit(struct checkpoint_model *model)
{
    position_deinit(&model->state.position);
    position_deinit(&model->staged_position);
    checkpoint_note_list_clear(&model->staged_notes);
    checkpoint_notes_deinit(&model->notes);
    for (unsigned i = 0; i < CHECKPOINT_SLOTS; i++)
        slot_deinit(&model->slots[i]);
}

void checkpoint_model_reset(struct checkpoint_model *model)
{
    checkpoint_model_deinit(model);
    checkpoint_model_init(model);
}

void checkpoint_model_identify(struct checkpoint_model *model,
                               const struct checkpoint_header *header)
{
    ASSERT(header->pipeline_id.len + 1 == sizeof(model->state.pipeline_id));
    memcpy(model->state.pipeline_id, header->pipeline_id.ptr, header->pipeline_id.len);
    model->state.created_wall_us = header->created_wall_us;
    model->state.updated_wall_us = header->created_wall_us;
}

/* The unfinished epoch that began as the `place`-th, or an unused slot behind them. */
static struct checkpoint_slot *slot_at(struct checkpoint_model *model, unsigned place)
{
    return &model->slots[model->order[place]];
}

/* The state shows the unfinished epochs in their order. */
static void show_unfinished(struct checkpoint_model *model)
{
    const struct store_intent *next = NULL;
    for (unsigned i = model->unfinished; i-- > 0;) {
        struct store_intent *intent = &slot_at(model, i)->intent;
        intent->next = next;
        next = intent;
    }
    model->state.intent = next;
}

static bool copy_entry(struct arena *arena, struct manifest_entry *entry)
{
    entry->db = arena_copy(arena, entry->db);
    entry->table = arena_copy(arena, entry->table);
    entry->token = arena_copy(arena, entry->token);
    return entry->db.ptr != NULL && entry->table.ptr != NULL && entry->token.ptr != NULL;
}

/* A load that was durable in an earlier attempt is durable in this one, when it has the same name.
 */
static bool was_done(const struct store_intent *before, const struct manifest_entry *entry)
{
    for (uint32_t i = 0; before != NULL && i < before->count; i++)
        if (before->done[i] && slice_equal(before->entries[i].token, entry->token) &&
            slice_equal(before->entries[i].db, entry->db) &&
            slice_equal(before->entries[i].table, entry->table))
            return true;
    return false;
}

/* Whether the intent may stand here, and its place among the unfinished. */
static enum rc place_intent(struct checkpoint_model *model, const struct checkpoint_record *record,
                            struct error *err)
{
    const struct store_intent *before = model->state.intent;
    model->staged_place = 0;
    if (record->type == CHECKPOINT_RECORD_INTENT_BEHIND) {
        model->staged_place = model->unfinished;
        if (before != NULL && model->unfinished < STORE_EPOCHS_MAX &&
            record->epoch > slot_at(model, model->unfinished - 1)->intent.epoch)
            return RC_OK;
        return error_set(err, RC_CORRUPT, "epoch %llu begins behind %u others and may not",
                         (unsigned long long)record->epoch, model->unfinished);
    }
    if (before == NULL && record->epoch <= model->state.epoch)
        return error_set(err, RC_CORRUPT, "epoch %llu begins though epoch %llu is finished",
                         (unsigned long long)record->epoch, (unsigned long long)model->state.epoch);
    if (before != NULL && (record->epoch != before->epoch || record->attempt <= before->attempt))
        return error_set(err, RC_CORRUPT,
                         "attempt %u of epoch %llu begins though attempt %u of epoch %llu is not "
                         "finished",
                         (unsigned)record->attempt, (unsigned long long)record->epoch,
                         (unsigned)before->attempt, (unsigned long long)before->epoch);
    return RC_OK;
}

static enum rc stage_intent(struct checkpoint_model *model, const struct checkpoint_record *record,
                            struct error *err)
{
    enum rc rc = place_intent(model, record, err);
    if (rc != RC_OK)
        return rc;
    const struct store_intent *before =
        model->staged_place < model->unfinished ? model->state.intent : NULL;
    struct checkpoint_slot *slot = slot_at(model, STORE_EPOCHS_MAX);
    struct store_intent *intent = &slot->intent;
    arena_reset(&slot->arena);
    intent->epoch = record->epoch;
    intent->attempt = record->attempt;
    intent->started_wall_us = record->started_wall_us;
    intent->count = record->entry_count;
    intent->entries = arena_alloc(&slot->arena, record->entry_count * sizeof(*intent->entries));
    intent->done = arena_alloc(&slot->arena, record->entry_count * sizeof(*intent->done));
    if (intent->entries == NULL || intent->done == NULL)
        return error_set(err, RC_MEMORY, "There is no memory for the loads of an epoch.");
    struct slice rest = record->entries;
    for (uint32_t i = 0; i < record->entry_count; i++) {
        intent->entries[i] = checkpoint_entry_next(&rest);
        if (!copy_entry(&slot->arena, &intent->entries[i]))
            return error_set(err, RC_MEMORY, "There is no memory for the loads of an epoch.");
        intent->done[i] = was_done(before, &intent->entries[i]);
    }
    rc = checkpoint_note_list_take(&slot->notes, record->notes, record->note_count, err);
    if (rc == RC_OK)
        rc = checkpoint_place_get(&record->from, &intent->from, err);
    return rc != RC_OK ? rc : checkpoint_place_get(&record->to, &intent->to, err);
}

static const struct store_intent *find_unfinished(const struct checkpoint_model *model,
                                                  uint64_t epoch)
{
    const struct store_intent *intent = model->state.intent;
    while (intent != NULL && intent->epoch != epoch)
        intent = intent->next;
    return intent;
}

static enum rc stage_done(const struct checkpoint_model *model,
                          const struct checkpoint_record *record, struct error *err)
{
    const struct store_intent *intent = find_unfinished(model, record->epoch);
    if (intent == NULL || record->attempt != intent->attempt || record->entry >= intent->count)
        return error_set(err, RC_CORRUPT,
                         "load %u of epoch %llu is said to be done though no such load was begun",
                         (unsigned)record->entry, (unsigned long long)record->epoch);
    return RC_OK;
}

/* Only loads in two phases, of the attempt that is open, of the oldest epoch: the others are committed
 * when it is over. */
static enum rc stage_prepared(const struct checkpoint_model *model,
                              const struct checkpoint_record *record, struct error *err)
{
    const struct store_intent *intent = model->state.intent;
    bool fits =
        intent != NULL && record->epoch == intent->epoch && record->attempt == intent->attempt;
    struct slice rest = record->prepared;
    for (uint32_t i = 0; fits && i < record->prepared_count; i++) {
        uint32_t entry = checkpoint_prepared_next(&rest).entry;
        fits = entry < intent->count && intent->entries[entry].two_phase;
    }
    if (fits)
        return RC_OK;
    return error_set(err, RC_CORRUPT,
                     "loads of epoch %llu are said to be prepared though no such loads were begun",
                     (unsigned long long)record->epoch);
}

static void take_prepared(struct store_intent *intent, const struct checkpoint_record *record)
{
    struct slice rest = record->prepared;
    for (uint32_t i = 0; i < record->prepared_count; i++) {
        struct store_prepared prepared = checkpoint_prepared_next(&rest);
        intent->entries[prepared.entry].transaction = prepared.transaction;
    }
}

static enum rc stage_advance(struct checkpoint_model *model, const struct checkpoint_record *record,
                             struct error *err)
{
    const struct store_intent *intent = model->state.intent;
    /* A journal that was made from an older one begins with a bind and notes, when there were such,
     * and this: an advance that has no intent because it carries the old one's end. */
    bool carries = intent == NULL && !model->begun;
    if (!carries && (intent == NULL || intent->epoch != record->epoch))
        return error_set(err, RC_CORRUPT, "epoch %llu ends though it was not begun",
                         (unsigned long long)record->epoch);
    enum rc rc =
        carries ? RC_OK : checkpoint_notes_reserve(&model->notes, &slot_at(model, 0)->notes, err);
    return rc != RC_OK ? rc : checkpoint_place_get(&record->to, &model->staged_position, err);
}

/* Notes that come true at once: with a move, or at the beginning of a generation. */
static enum rc stage_notes(struct checkpoint_model *model, const struct checkpoint_record *record,
                           struct error *err)
{
    enum rc rc =
        checkpoint_note_list_take(&model->staged_notes, record->notes, record->note_count, err);
    return rc != RC_OK ? rc : checkpoint_notes_reserve(&model->notes, &model->staged_notes, err);
}

static enum rc stage_move(struct checkpoint_model *model, const struct checkpoint_record *record,
                          struct error *err)
{
    if (model->state.intent != NULL)
        return error_set(err, RC_CORRUPT, "the position moves though epoch %llu is unfinished",
                         (unsigned long long)model->state.intent->epoch);
    enum rc rc = stage_notes(model, record, err);
    return rc != RC_OK ? rc : checkpoint_place_get(&record->to, &model->staged_position, err);
}

enum rc checkpoint_model_stage(struct checkpoint_model *model,
                               const struct checkpoint_record *record, struct error *err)
{
    model->staged.type = CHECKPOINT_RECORD_NONE;
    enum rc rc = RC_OK;
    switch (record->type) {
    case CHECKPOINT_RECORD_BIND:
        break;
    case CHECKPOINT_RECORD_INTENT:
    case CHECKPOINT_RECORD_INTENT_NOTES:
    case CHECKPOINT_RECORD_INTENT_BEHIND:
        rc = stage_intent(model, record, err);
        break;
    case CHECKPOINT_RECORD_DONE:
        rc = stage_done(model, record, err);
        break;
    case CHECKPOINT_RECORD_PREPARED:
        rc = stage_prepared(model, record, err);
        break;
    case CHECKPOINT_RECORD_ADVANCE:
        rc = stage_advance(model, record, err);
        break;
    case CHECKPOINT_RECORD_MOVE:
    case CHECKPOINT_RECORD_MOVE_NOTES:
        rc = stage_move(model, record, err);
        break;
    case CHECKPOINT_RECORD_NOTES:
        if (model->begun)
            return error_set(err, RC_CORRUPT,
                             "notes stand alone behind the beginning of the journal");
        rc = stage_notes(model, record, err);
        break;
    case CHECKPOINT_RECORD_NONE:
        ASSERT(record->type != CHECKPOINT_RECORD_NONE);
        break;
    }
    if (rc == RC_OK)
        model->staged = *record;
    return rc;
}

static void take_position(struct checkpoint_model *model)
{
    struct position old = model->state.position;
    model->state.position = model->staged_position;
    model->staged_position = old;
}

/* The staged intent comes to its place; what was there is unused. */
static void take_intent(struct checkpoint_model *model)
{
    unsigned place = model->staged_place;
    unsigned unused = model->order[place];
    model->order[place] = model->order[STORE_EPOCHS_MAX];
    model->order[STORE_EPOCHS_MAX] = unused;
    if (place == model->unfinished)
        model->unfinished++;
    show_unfinished(model);
}

/* The oldest epoch is over, if one is unfinished. */
static void end_oldest(struct checkpoint_model *model)
{
    if (model->unfinished == 0)
        return;
    checkpoint_notes_apply(&model->notes, &slot_at(model, 0)->notes);
    unsigned unused = model->order[0];
    model->unfinished--;
    for (unsigned i = 0; i < model->unfinished; i++)
        model->order[i] = model->order[i + 1];
    model->order[model->unfinished] = unused;
    show_unfinished(model);
}

void checkpoint_model_commit(struct checkpoint_model *model)
{
    const struct checkpoint_record *record = &model->staged;
    struct store_state *state = &model->state;
    switch (record->type) {
    case CHECKPOINT_RECORD_BIND:
        memset(state->server, 0, sizeof(state->server));
        if (record->server.len > 0)
            memcpy(state->server, record->server.ptr, record->server.len);
        break;
    case CHECKPOINT_RECORD_INTENT:
    case CHECKPOINT_RECORD_INTENT_NOTES:
    case CHECKPOINT_RECORD_INTENT_BEHIND:
        take_intent(model);
        break;
    case CHECKPOINT_RECORD_DONE:
        find_unfinished(model, record->epoch)->done[record->entry] = true;
        break;
    case CHECKPOINT_RECORD_PREPARED:
        take_prepared(&slot_at(model, 0)->intent, record);
        break;
    case CHECKPOINT_RECORD_ADVANCE:
        model->carried = model->carried || state->intent == NULL;
        end_oldest(model);
        state->epoch = record->epoch;
        state->rows = record->rows;
        state->bytes = record->bytes;
        take_position(model);
        break;
    case CHECKPOINT_RECORD_MOVE:
    case CHECKPOINT_RECORD_MOVE_NOTES:
        take_position(model);
        checkpoint_notes_apply(&model->notes, &model->staged_notes);
        break;
    case CHECKPOINT_RECORD_NOTES:
        checkpoint_notes_apply(&model->notes, &model->staged_notes);
        break;
    case CHECKPOINT_RECORD_NONE:
        ASSERT(record->type != CHECKPOINT_RECORD_NONE);
        break;
    }
    model->begun = model->begun || (record->type != CHECKPOINT_RECORD_BIND &&
                                    record->type != CHECKPOINT_RECORD_NOTES);
    state->updated_wall_us = record->wall_us;
    model->staged.type = CHECKPOINT_RECORD_NONE;
}

/* All notes, in records of a bounded size. */
static void write_notes(const struct checkpoint_model *model, uint64_t generation, struct buf *out,
                        uint64_t *sequence)
{
    enum { NOTES_EACH = 256, BYTES_EACH = 1 << 20 };
    struct store_note notes[NOTES_EACH];
    for (size_t at = 0; at < model->notes.count;) {
        uint64_t bytes = 0;
        struct checkpoint_record record = {.type = CHECKPOINT_RECORD_NOTES,
                                           .sequence = ++*sequence,
                                           .wall_us = model->state.updated_wall_us};
        while (at < model->notes.count && record.note_count < NOTES_EACH && bytes < BYTES_EACH) {
            notes[record.note_count] = checkpoint_notes_at(&model->notes, at++);
            bytes += notes[record.note_count++].value.len;
        }
        checkpoint_record_add(out, generation, &record, &(struct checkpoint_lists){.notes = notes});
    }
}

uint64_t checkpoint_model_size(const struct checkpoint_model *model)
{
    enum { NOTE_FRAME = 7, REST = 4096 };
    return REST + model->notes.bytes + NOTE_FRAME * (uint64_t)model->notes.count +
           model->state.position.gtid_set.len;
}

void checkpoint_model_write(const struct checkpoint_model *model, struct slice pipeline,
                            uint64_t generation, struct buf *out, uint64_t *sequence_out)
{
    const struct store_state *state = &model->state;
    ASSERT(state->intent == NULL);
    struct checkpoint_header header = {
        .generation = generation,
        .created_wall_us = state->created_wall_us,
        .pipeline_id = slice_of(state->pipeline_id, CHECKPOINT_ID_LEN),
        .pipeline = pipeline,
    };
    checkpoint_header_add(out, &header);
    uint64_t sequence = 0;
    if (state->server[0] != '\0') {
        struct checkpoint_record bind = {
            .type = CHECKPOINT_RECORD_BIND,
            .sequence = ++sequence,
            .wall_us = state->updated_wall_us,
            .server = slice_str(state->server),
        };
        checkpoint_record_add(out, generation, &bind, NULL);
    }
    write_notes(model, generation, out, &sequence);
    struct checkpoint_record advance = {
        .type = CHECKPOINT_RECORD_ADVANCE,
        .sequence = ++sequence,
        .wall_us = state->updated_wall_us,
        .epoch = state->epoch,
        .rows = state->rows,
        .bytes = state->bytes,
        .to = checkpoint_place_of(&state->position),
    };
    checkpoint_record_add(out, generation, &advance, NULL);
    *sequence_out = sequence;
}
