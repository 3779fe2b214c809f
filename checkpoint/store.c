/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The checkpoint store: the operations of engine/ports/store.h over a journal (journal_int.h) and
 * the model of what it says (model_int.h).
 *
 * Every change goes the same way: the record is encoded, decoded again from its own bytes (so what
 * the model takes is what a reader will find), staged, written, committed. A change that fails
 * anywhere leaves the state as it was.
 *
 * When the journal has grown past a bound and no epoch is unfinished, a new generation is made from
 * the state. The bound grows with the notes that a generation has to begin with, so that what is
 * written for them stays a share of what is written for changes. That this failed for want of space is no failure of the change before it: the old
 * journal goes on growing, and it is tried again later.
 *
 * Threads: one, as the interface says.
 */
#include "checkpoint.h"

#include "load_int.h"
#include "lock_int.h"
#include "verify_int.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>
#include <unistd.h>

enum {
    COMPACT_BYTES = 4 << 20, /* a journal of this size is replaced ... */
    COMPACT_FACTOR = 4,      /* ... if it is also this many times what it would be then */
    RECORD_BYTES_MAX = CHECKPOINT_PAYLOAD_MAX + (1 << 10)
};

struct store {
    char *dir; /* owned */
    int dir_fd;
    int lock_fd; /* -1: read only */
    bool read_only;
    struct checkpoint_model model;
    struct checkpoint_journal journal;
    struct buf record;     /* the one being written */
    uint64_t sequence;     /* of the last record */
    uint64_t compact_from; /* length from which a new generation is made */
    char pipeline[CHECKPOINT_NAME_MAX + 1];
};

static void store_close(struct store *store)
{
    if (store == NULL)
        return;
    checkpoint_journal_close(&store->journal);
    checkpoint_model_deinit(&store->model);
    buf_deinit(&store->record);
    if (store->dir_fd >= 0)
        close(store->dir_fd);
    /* Last: who gets the lock then finds everything closed. */
    if (store->lock_fd >= 0)
        close(store->lock_fd);
    free(store->dir);
    free(store);
}

static enum rc store_new(const struct store_options *options, struct store **store_out,
                         struct error *err)
{
    if (options->dir.len == 0 || memchr(options->dir.ptr, 0, options->dir.len) != NULL)
        return error_set(err, RC_CONFIG, "The checkpoint folder has no name that can be used.");
    if (options->pipeline.len > CHECKPOINT_NAME_MAX ||
        (options->pipeline.len > 0 &&
         memchr(options->pipeline.ptr, 0, options->pipeline.len) != NULL))
        return error_set(err, RC_CONFIG, "The pipeline's name must be at most %d bytes of text.",
                         CHECKPOINT_NAME_MAX);
    struct store *store = calloc(1, sizeof(*store));
    char *dir = strndup((const char *)options->dir.ptr, options->dir.len);
    if (store == NULL || dir == NULL) {
        free(store);
        free(dir);
        return error_set(err, RC_MEMORY, "There is no memory for the checkpoint.");
    }
    store->dir = dir;
    store->dir_fd = store->lock_fd = store->journal.fd = -1;
    store->read_only = options->read_only;
    store->compact_from = COMPACT_BYTES;
    checkpoint_model_init(&store->model);
    buf_init(&store->record, RECORD_BYTES_MAX);
    *store_out = store;
    return RC_OK;
}

static enum rc make_id(char id[CHECKPOINT_ID_LEN + 1], struct error *err)
{
    static const char digits[] = "0123456789abcdef";
    uint8_t bytes[CHECKPOINT_ID_LEN / 2];
    if (getrandom(bytes, sizeof(bytes), 0) != (ssize_t)sizeof(bytes))
        return error_set_os(err, RC_IO, errno, "The system gives no random bytes");
    for (size_t i = 0; i < sizeof(bytes); i++) {
        id[2 * i] = digits[bytes[i] >> 4];
        id[2 * i + 1] = digits[bytes[i] & 15];
    }
    id[CHECKPOINT_ID_LEN] = '\0';
    return RC_OK;
}

static enum rc begin_first(struct store *store, struct slice pipeline, struct error *err)
{
    char id[CHECKPOINT_ID_LEN + 1];
    enum rc rc = make_id(id, err);
    if (rc == RC_OK)
        rc = checkpoint_dir_settle(store->dir_fd, store->dir, err);
    if (rc != RC_OK)
        return rc;
    struct checkpoint_header header = {
        .generation = 1,
        .created_wall_us = clock_wall_us(),
        .pipeline_id = slice_of(id, CHECKPOINT_ID_LEN),
        .pipeline = pipeline,
    };
    buf_reset(&store->record);
    checkpoint_header_add(&store->record, &header);
    rc = buf_check(&store->record, "The header of a checkpoint", err);
    if (rc == RC_OK)
        rc = checkpoint_journal_create(&store->journal, 1, buf_slice(&store->record), err);
    if (rc == RC_OK)
        checkpoint_model_identify(&store->model, &header);
    return rc;
}

/* A journal of this length is replaced by a shorter one. */
static void set_compact_bound(struct store *store)
{
    store->compact_from = COMPACT_FACTOR * checkpoint_model_size(&store->model);
    if (store->compact_from < COMPACT_BYTES)
        store->compact_from = COMPACT_BYTES;
}

/* The state as a new generation. The caller knows whether a failure matters. */
static enum rc begin_next(struct store *store, uint64_t generation, struct error *err)
{
    struct buf content;
    buf_init(&content, CHECKPOINT_FILE_MAX);
    uint64_t sequence = 0;
    checkpoint_model_write(&store->model, slice_str(store->pipeline), generation, &content,
                           &sequence);
    enum rc rc = buf_check(&content, "A new checkpoint journal", err);
    if (rc == RC_OK)
        rc = checkpoint_journal_create(&store->journal, generation, buf_slice(&content), err);
    if (rc == RC_OK) {
        store->sequence = sequence;
        set_compact_bound(store);
    }
    buf_deinit(&content);
    return rc;
}

/* A shorter journal is to be made. The notes may have grown since the bound was set. */
static bool is_crowded(const struct store *store)
{
    return store->journal.len >= store->compact_from &&
           store->journal.len >= COMPACT_FACTOR * checkpoint_model_size(&store->model);
}

static enum rc compact(struct store *store, struct error *err)
{
    if (!is_crowded(store) || store->model.state.intent != NULL)
        return RC_OK;
    struct error own;
    error_clear(&own);
    uint64_t kept = store->journal.generation;
    if (begin_next(store, kept + 1, &own) == RC_OK) {
        checkpoint_dir_clean(store->dir_fd, kept);
        store->model.state.crowded = false;
        return RC_OK;
    }
    if (store->journal.failed) {
        if (err != NULL)
            *err = own;
        return own.rc;
    }
    store->compact_from = store->journal.len + COMPACT_BYTES;
    store->model.state.crowded = false;
    log_warn("checkpoint", "The journal could not be replaced by a shorter one and grows on.",
             LOG_STR("reason", own.text), LOG_U64("bytes", store->journal.len));
    return RC_OK;
}

static enum rc repair(struct store *store, const struct checkpoint_loaded *loaded,
                      struct error *err)
{
    char name[CHECKPOINT_FILE_NAME_MAX];
    checkpoint_file_name(name, loaded->generation);
    if (loaded->generation != loaded->newest) {
        log_warn("checkpoint",
                 "The newest journal was never finished; the one before it, which says the same, "
                 "is used.",
                 LOG_STR("dir", store->dir), LOG_STR("file", name));
        return begin_next(store, loaded->newest, err);
    }
    if (loaded->cut_len > 0)
        log_warn("checkpoint",
                 "The journal ends in bytes that a crash left unfinished; they are cut off.",
                 LOG_STR("dir", store->dir), LOG_STR("file", name),
                 LOG_U64("offset", loaded->good_len), LOG_U64("bytes", loaded->cut_len),
                 LOG_STR("reason", loaded->cut_problem));
    store->sequence = loaded->sequence;
    set_compact_bound(store);
    enum rc rc =
        checkpoint_journal_open(&store->journal, loaded->generation, loaded->good_len, err);
    if (rc == RC_OK)
        checkpoint_dir_clean(store->dir_fd, loaded->generation - 1);
    return rc;
}

static enum rc load(struct store *store, const struct store_options *options, struct error *err)
{
    struct checkpoint_loaded loaded;
    enum rc rc = checkpoint_load(store->dir_fd, store->dir, &store->model, &loaded, err);
    if (rc != RC_OK)
        return rc;
    if (loaded.newest == 0 && options->read_only)
        return error_set(err, RC_NOT_FOUND,
                         "There is no checkpoint in %s: the pipeline has not run yet.", store->dir);
    if (loaded.newest == 0) {
        if (options->pipeline.len > 0)
            memcpy(store->pipeline, options->pipeline.ptr, options->pipeline.len);
        return begin_first(store, options->pipeline, err);
    }
    bool any = options->read_only && options->pipeline.len == 0;
    if (!any && !slice_equal(options->pipeline, slice_str(loaded.pipeline)))
        return error_set(err, RC_MISMATCH,
                         "The checkpoint %s belongs to the pipeline \"%s\", and this is the "
                         "pipeline \"%.*s\". Give this one a `checkpoint.dir` of its own, or its "
                         "old name back.",
                         store->dir, loaded.pipeline, SLICE_ARG(options->pipeline));
    memcpy(store->pipeline, loaded.pipeline, sizeof(store->pipeline));
    return options->read_only ? RC_OK : repair(store, &loaded, err);
}

static enum rc store_open(const struct store_options *options, struct store **store_out,
                          struct error *err)
{
    struct store *store = NULL;
    enum rc rc = store_new(options, &store, err);
    if (rc != RC_OK)
        return rc;
    rc = checkpoint_dir_open(store->dir, !options->read_only, &store->dir_fd, err);
    if (rc == RC_NOT_FOUND)
        error_hint(err, "The pipeline has not run yet, or it runs with another `checkpoint.dir`.");
    if (rc == RC_OK && !options->read_only)
        rc = checkpoint_lock(store->dir_fd, store->dir, &store->lock_fd, err);
    store->journal.dir_fd = store->dir_fd;
    store->journal.dir = store->dir;
    if (rc == RC_OK)
        rc = load(store, options, err);
    if (rc != RC_OK) {
        store_close(store);
        return rc;
    }
    *store_out = store;
    return RC_OK;
}

static const struct store_state *store_state_get(const struct store *store)
{
    return &store->model.state;
}

/* The one way of a change; see the head of this file. */
static enum rc change(struct store *store, struct checkpoint_record *record,
                      const struct checkpoint_lists *lists, bool durable, struct error *err)
{
    if (store->read_only)
        return error_set(err, RC_USAGE, "The checkpoint %s was opened for reading only.",
                         store->dir);
    record->sequence = store->sequence + 1;
    record->wall_us = clock_wall_us();
    buf_reset(&store->record);
    checkpoint_record_add(&store->record, store->journal.generation, record, lists);
    enum rc rc = buf_check(&store->record, "A record of the checkpoint", err);
    if (rc != RC_OK)
        return rc;
    struct checkpoint_record read_back;
    size_t len;
    const char *problem;
    enum checkpoint_found found = checkpoint_record_parse(
        buf_slice(&store->record), store->journal.generation, &read_back, &len, &problem);
    if (found != CHECKPOINT_FOUND_RECORD)
        return error_set(err, RC_LIMIT,
                         "The %s record cannot be kept in the checkpoint %s, because a name, a "
                         "position or a token in it breaks the bounds of the format.",
                         checkpoint_record_name(record->type), store->dir);
    rc = checkpoint_model_stage(&store->model, &read_back, err);
    if (rc == RC_OK)
        rc = checkpoint_journal_append(&store->journal, buf_slice(&store->record), durable, err);
    if (rc != RC_OK)
        return rc;
    checkpoint_model_commit(&store->model);
    store->sequence++;
    store->model.state.crowded = is_crowded(store);
    return RC_OK;
}

/* A file and an offset, or a GTID set: only the second means the same on another server. */
static bool is_portable(const struct position *position)
{
    return position_is_empty(position) || position->gtid_set.len > 0;
}

static enum rc store_bind(struct store *store, const char *server, bool has_gtid, struct error *err)
{
    const struct store_state *state = &store->model.state;
    if (strcmp(state->server, server) == 0)
        return RC_OK;
    bool portable = has_gtid && is_portable(&state->position);
    for (const struct store_intent *intent = state->intent; intent != NULL; intent = intent->next)
        portable = portable && is_portable(&intent->from) && is_portable(&intent->to);
    if (state->server[0] != '\0' && !portable)
        return error_set(err, RC_MISMATCH,
                         "The checkpoint %s belongs to the source server %s, and this is the "
                         "server %s. A binlog file and offset mean nothing on another server: "
                         "connect to the first one, or give this pipeline a `checkpoint.dir` of "
                         "its own.",
                         store->dir, state->server, server);
    if (state->server[0] != '\0')
        log_info("checkpoint",
                 "The source is another server than before; its GTID set says where to go on.",
                 LOG_STR("before", state->server), LOG_STR("now", server));
    struct checkpoint_record record = {
        .type = CHECKPOINT_RECORD_BIND,
        .server = slice_str(server),
    };
    return change(store, &record, NULL, true, err);
}

/* What the format holds in 16 bits, or promises to a reader, is asked for before it is written. */
static enum rc check_intent(const struct store *store, const struct store_intent *intent,
                            struct error *err)
{
    if (intent->count > CHECKPOINT_ENTRIES_MAX)
        return error_set(err, RC_LIMIT,
                         "An epoch has %u loads; the checkpoint %s holds at most %d.",
                         (unsigned)intent->count, store->dir, CHECKPOINT_ENTRIES_MAX);
    for (uint32_t i = 0; i < intent->count; i++) {
        const struct manifest_entry *entry = &intent->entries[i];
        if (entry->db.len > UINT16_MAX || entry->table.len > UINT16_MAX ||
            entry->token.len > SINK_TOKEN_MAX)
            return error_set(err, RC_LIMIT,
                             "A load has a name that is too long for the checkpoint %s.",
                             store->dir);
    }
    return RC_OK;
}

static enum rc check_notes(const struct store *store, const struct store_note *notes,
                           uint32_t count, struct error *err)
{
    for (uint32_t i = 0; i < count; i++)
        if (notes[i].key.len == 0 || notes[i].key.len > CHECKPOINT_NOTE_KEY_MAX ||
            notes[i].value.len > CHECKPOINT_NOTE_VALUE_MAX)
            return error_set(err, RC_LIMIT,
                             "The note \"%.*s\" with %zu bytes is too large for the checkpoint %s.",
                             (int)(notes[i].key.len < 100 ? notes[i].key.len : 100),
                             (const char *)notes[i].key.ptr, notes[i].value.len, store->dir);
    return RC_OK;
}

static bool ends_alike(const struct position *a, const struct position *b)
{
    return a->offset == b->offset && strcmp(a->file, b->file) == 0 &&
           a->rows_done == b->rows_done && a->targets_done == b->targets_done;
}

/* The kind of record that opens the epoch, or its next attempt, where it stands. */
static enum rc choose_record(const struct store *store, const struct store_intent *intent,
                             enum checkpoint_record_type *type_out, struct error *err)
{
    const struct store_intent *oldest = store->model.state.intent;
    const struct store_intent *newest = oldest;
    unsigned count = 0;
    for (const struct store_intent *at = oldest; at != NULL; at = at->next, count++)
        newest = at;
    if (oldest == NULL && intent->epoch <= store->model.state.epoch)
        return error_set(err, RC_EXISTS, "Epoch %llu is finished and cannot begin again.",
                         (unsigned long long)intent->epoch);
    bool again = oldest != NULL && intent->epoch == oldest->epoch &&
                 intent->attempt > oldest->attempt &&
                 (count == 1 || ends_alike(&intent->to, &oldest->to));
    *type_out = intent->note_count > 0 ? CHECKPOINT_RECORD_INTENT_NOTES : CHECKPOINT_RECORD_INTENT;
    if (oldest == NULL || again)
        return RC_OK;
    if (intent->epoch <= newest->epoch)
        return error_set(err, RC_EXISTS,
                         "Attempt %u of epoch %llu cannot begin while attempt %u of epoch %llu is "
                         "unfinished.",
                         (unsigned)intent->attempt, (unsigned long long)intent->epoch,
                         (unsigned)oldest->attempt, (unsigned long long)oldest->epoch);
    if (count == STORE_EPOCHS_MAX)
        return error_set(err, RC_LIMIT,
                         "Epoch %llu cannot begin while %u others are unfinished in the checkpoint "
                         "%s.",
                         (unsigned long long)intent->epoch, count, store->dir);
    *type_out = CHECKPOINT_RECORD_INTENT_BEHIND;
    return RC_OK;
}

static enum rc store_intent(struct store *store, const struct store_intent *intent,
                            struct error *err)
{
    enum checkpoint_record_type type = CHECKPOINT_RECORD_NONE;
    enum rc rc = choose_record(store, intent, &type, err);
    if (rc == RC_OK)
        rc = check_intent(store, intent, err);
    if (rc == RC_OK)
        rc = check_notes(store, intent->notes, intent->note_count, err);
    if (rc != RC_OK)
        return rc;
    struct checkpoint_record record = {
        .type = type,
        .epoch = intent->epoch,
        .attempt = intent->attempt,
        .started_wall_us = intent->started_wall_us,
        .from = checkpoint_place_of(&intent->from),
        .to = checkpoint_place_of(&intent->to),
        .entry_count = intent->count,
        .note_count = intent->note_count,
    };
    const struct checkpoint_lists lists = {.entries = intent->entries, .notes = intent->notes};
    return change(store, &record, &lists, true, err);
}

/* The unfinished epoch of this number; `oldest`: it has to be the oldest. */
static enum rc unfinished(const struct store *store, uint64_t epoch, bool oldest,
                          const struct store_intent **intent_out, struct error *err)
{
    const struct store_intent *intent = store->model.state.intent;
    while (intent != NULL && intent->epoch != epoch && !oldest)
        intent = intent->next;
    if (intent == NULL || intent->epoch != epoch)
        return error_set(err, RC_NOT_FOUND, "Epoch %llu is not unfinished in the checkpoint %s.",
                         (unsigned long long)epoch, store->dir);
    *intent_out = intent;
    return RC_OK;
}

static enum rc store_prepared(struct store *store, uint64_t epoch,
                              const struct store_prepared *loads, uint32_t count, struct error *err)
{
    const struct store_intent *intent = NULL;
    enum rc rc = unfinished(store, epoch, true, &intent, err);
    if (rc != RC_OK)
        return rc;
    for (uint32_t i = 0; i < count; i++)
        if (loads[i].entry >= intent->count || !intent->entries[loads[i].entry].two_phase)
            return error_set(err, RC_NOT_FOUND,
                             "Epoch %llu has no load %u in two phases that could be prepared.",
                             (unsigned long long)epoch, (unsigned)loads[i].entry);
    struct checkpoint_record record = {
        .type = CHECKPOINT_RECORD_PREPARED,
        .epoch = epoch,
        .attempt = intent->attempt,
        .prepared_count = count,
    };
    return change(store, &record, &(struct checkpoint_lists){.prepared = loads}, true, err);
}

static enum rc store_done(struct store *store, uint64_t epoch, uint32_t entry, bool durable,
                          struct error *err)
{
    const struct store_intent *intent = NULL;
    enum rc rc = unfinished(store, epoch, false, &intent, err);
    if (rc != RC_OK)
        return rc;
    if (entry >= intent->count)
        return error_set(err, RC_NOT_FOUND, "Epoch %llu has %u loads and no load %u.",
                         (unsigned long long)epoch, (unsigned)intent->count, (unsigned)entry);
    if (intent->done[entry] && !durable)
        return RC_OK;
    struct checkpoint_record record = {
        .type = CHECKPOINT_RECORD_DONE,
        .epoch = epoch,
        .attempt = intent->attempt,
        .entry = entry,
    };
    return change(store, &record, NULL, durable, err);
}

static enum rc store_advance(struct store *store, uint64_t epoch, struct error *err)
{
    const struct store_intent *intent = NULL;
    enum rc rc = unfinished(store, epoch, true, &intent, err);
    if (rc != RC_OK)
        return rc;
    struct checkpoint_record record = {
        .type = CHECKPOINT_RECORD_ADVANCE,
        .epoch = epoch,
        .rows = store->model.state.rows,
        .bytes = store->model.state.bytes,
        .to = checkpoint_place_of(&intent->to),
    };
    for (uint32_t i = 0; i < intent->count; i++) {
        record.rows += intent->entries[i].rows;
        record.bytes += intent->entries[i].bytes;
    }
    rc = change(store, &record, NULL, true, err);
    return rc != RC_OK ? rc : compact(store, err);
}

static enum rc store_move(struct store *store, const struct position *to,
                          const struct store_note *notes, uint32_t note_count, struct error *err)
{
    if (store->model.state.intent != NULL)
        return error_set(err, RC_EXISTS, "The position cannot move while epoch %llu is unfinished.",
                         (unsigned long long)store->model.state.intent->epoch);
    struct checkpoint_record record = {
        .type = note_count > 0 ? CHECKPOINT_RECORD_MOVE_NOTES : CHECKPOINT_RECORD_MOVE,
        .to = checkpoint_place_of(to),
        .note_count = note_count,
    };
    enum rc rc = check_notes(store, notes, note_count, err);
    if (rc == RC_OK)
        rc = change(store, &record, &(struct checkpoint_lists){.notes = notes}, true, err);
    return rc != RC_OK ? rc : compact(store, err);
}

static bool begins_with(struct slice text, struct slice prefix)
{
    return text.len >= prefix.len && slice_equal(slice_of(text.ptr, prefix.len), prefix);
}

static enum rc store_notes(const struct store *store, struct slice prefix, store_note_fn visit,
                           void *ctx, struct error *err)
{
    const struct checkpoint_notes *notes = &store->model.notes;
    for (size_t i = checkpoint_notes_behind(notes, prefix); i < notes->count; i++) {
        struct store_note note = checkpoint_notes_at(notes, i);
        if (!begins_with(note.key, prefix))
            break;
        enum rc rc = visit(ctx, note.key, note.value, err);
        if (rc != RC_OK)
            return rc;
    }
    return RC_OK;
}

const struct store_ops checkpoint_store = {
    .name = "journal",
    .open = store_open,
    .state = store_state_get,
    .bind = store_bind,
    .intent = store_intent,
    .prepared = store_prepared,
    .done = store_done,
    .advance = store_advance,
    .move = store_move,
    .notes = store_notes,
    .close = store_close,
    .verify = checkpoint_verify,
};
