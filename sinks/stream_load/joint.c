/* SPDX-License-Identifier: Apache-2.0 */
/* Transactions over several tables; see joint_int.h, and docs/delivery.md for why they are safe. */
#include "joint_int.h"

#include "decide_int.h"

#include <stdlib.h>

#define PROGRESS_TABLE "millrace_progress"
#define PROGRESS_ARENA_MAX ((size_t)1 << 20)
#define PROGRESS_ROW_MAX 1024u

static enum rc no_text(const struct column *column, struct slice cell UNUSED,
                       struct buf *scratch UNUSED, struct slice *text UNUSED, struct error *err)
{
    return error_set(err, RC_UNSUPPORTED, "Column %.*s has no source.", SLICE_ARG(column->name));
}

/* As if it were a source's table, so that it is planned, made and compared like any other. */
static struct column progress_columns[] = {
    {.name = {(const uint8_t *)"pipeline", 8},
     .kind = COLUMN_STRING,
     .length = 32,
     .key_ordinal = 1,
     .text = no_text},
    {.name = {(const uint8_t *)"epoch", 5}, .kind = COLUMN_INT, .int_bytes = 8, .text = no_text},
    {.name = {(const uint8_t *)"attempt", 7}, .kind = COLUMN_INT, .int_bytes = 8, .text = no_text},
};
static const uint32_t progress_key[] = {0};
static const struct table progress_table = {
    .db = {(const uint8_t *)"millrace", 8},
    .name = {(const uint8_t *)PROGRESS_TABLE, sizeof(PROGRESS_TABLE) - 1},
    .columns = progress_columns,
    .column_count = COUNT_OF(progress_columns),
    .key = progress_key,
    .key_count = 1,
    .has_names = true,
};

static struct sink_target progress_target(struct slice db)
{
    return (struct sink_target){.db = db, .table = progress_table.name};
}

struct joint *joint_find_or_add(struct stream_load *sink, struct slice db)
{
    struct joint **end = &sink->joints;
    for (; *end != NULL; end = &(*end)->next)
        if (slice_equal((*end)->db, db))
            return *end;
    struct joint *joint = calloc(1, sizeof(*joint));
    struct slice copy = arena_copy(&sink->arena, db);
    if (joint == NULL || copy.ptr == NULL) {
        free(joint);
        return NULL;
    }
    joint->db = copy;
    arena_init(&joint->arena, "progress table", PROGRESS_ARENA_MAX);
    body_init(&joint->row, PROGRESS_ROW_MAX);
    *end = joint;
    return joint;
}

void joint_free(struct joint *joint)
{
    body_deinit(&joint->row);
    arena_deinit(&joint->arena);
    free(joint->loads);
    free(joint);
}

enum rc joint_prepare(struct stream_load *sink, struct joint *joint, struct myconn *conn,
                      struct error *err)
{
    const struct load_dialect *dialect = sink->dialect;
    if (joint->prepared)
        return RC_OK;
    if (dialect->joint_check == NULL)
        return error_set(err, RC_UNSUPPORTED, "%s has no transactions over several tables.",
                         dialect->product);
    enum rc rc = dialect->joint_check(conn, err);
    if (rc != RC_OK)
        return rc;
    arena_reset(&joint->arena);
    const struct sink_target target = progress_target(joint->db);
    rc = dialect->target_prepare(&sink->settings, sink->config, conn, &progress_table, &target,
                                 &joint->arena, &joint->schema, err);
    joint->prepared = rc == RC_OK;
    return rc;
}

void joint_begin_epoch(struct stream_load *sink)
{
    for (struct joint *joint = sink->joints; joint != NULL; joint = joint->next) {
        joint->number = 0;
        joint->load.before = 0;
    }
}

void joint_take(struct stream_load *sink, struct sealed_load *sealed)
{
    struct joint *joint = sealed->joint;
    if (joint->number == 0)
        joint->number = ++sink->joint_number;
    sealed->open = true;
    sealed->tell = true;
}

/* The row of the progress table, as a load's body. */
static enum rc make_row(struct stream_load *sink, struct joint *joint, struct error *err)
{
    struct body *body = &joint->row;
    struct body_draft draft;
    body_reset(body);
    body_draft_begin(body, &draft);
    body_line_begin(body, &draft);
    body_line_key_end(body, &draft);
    buf_addf(&body->data, "{\"pipeline\":\"%s\",\"epoch\":%llu,\"attempt\":%llu,\"%s\":0}\n",
             sink->pipeline_id, (unsigned long long)sealed_oldest(sink)->number,
             (unsigned long long)joint->number, sink->dialect->delete_column);
    body_line_end(body, &draft, BODY_WHOLE);
    enum rc rc = buf_check(&body->data, "The row of the progress table", err);
    return rc == RC_OK ? body_draft_keep(body, &draft, false, err) : rc;
}

static enum rc add_load(struct joint *joint, const struct transfer_load *load, struct error *err)
{
    if (joint->load.count == joint->load_cap) {
        uint32_t cap = joint->load_cap == 0 ? 16 : 2 * joint->load_cap;
        struct transfer_load *loads = realloc(joint->loads, cap * sizeof(*loads));
        if (loads == NULL)
            return error_set(err, RC_MEMORY, "There is no memory for a list of %u loads.", cap);
        joint->loads = loads;
        joint->load_cap = cap;
    }
    struct transfer_load *added = &joint->loads[joint->load.count++];
    *added = *load;
    added->label = joint->load.label;
    return RC_OK;
}

enum rc joint_send(struct stream_load *sink, struct joint *joint, struct error *err)
{
    if (joint->on_its_way)
        return RC_OK;
    struct slice label = SLICE_EMPTY;
    joint->load.count = 0;
    struct sealed_epoch *epoch = sealed_oldest(sink);
    for (uint32_t i = 0; i < epoch->count; i++) {
        struct sealed_load *sealed = &epoch->loads[i];
        if (sealed->joint != joint || !sealed->open)
            continue;
        if (label.len == 0) {
            joint->task.entry = i;
            label = joint->load.label =
                label_of_attempt(epoch->entries[i].token, joint->number, joint->label);
        }
        enum rc rc = add_load(joint, &sealed->task.load, err);
        if (rc != RC_OK)
            return rc;
    }
    ASSERT(label.len > 0);
    enum rc rc = make_row(sink, joint, err);
    const struct transfer_load row = {.schema = &joint->schema, .body = &joint->row};
    if (rc == RC_OK)
        rc = add_load(joint, &row, err);
    if (rc != RC_OK)
        return rc;
    joint->load.db = joint->db;
    joint->load.loads = joint->loads;
    joint->task.joint = &joint->load;
    joint->on_its_way = true;
    loaders_submit(sink->loaders, &joint->task);
    return RC_OK;
}

struct row_call {
    struct stream_load *sink;
    struct slice db;
    struct arena arena;
    enum joint_row row;
    uint64_t epoch;
};

static enum rc run_row(void *ctx, struct myconn *conn, struct error *err)
{
    struct row_call *call = ctx;
    const struct stream_load *sink = call->sink;
    const struct sink_target target = progress_target(call->db);
    arena_reset(&call->arena);
    return sink->dialect->joint_row(sink->config, conn, &progress_table, &target,
                                    slice_str(sink->pipeline_id), &call->arena, &call->row,
                                    &call->epoch, err);
}

/* The event that the row is. An epoch begins when the one before it is settled, so a row of a later one
 * was written by a life that this checkpoint does not know. */
static enum rc ask_row(struct stream_load *sink, struct slice db, uint64_t epoch,
                       enum load_event *event_out, struct error *err)
{
    struct row_call call = {.sink = sink, .db = db};
    struct error own;
    arena_init(&call.arena, "progress row", PROGRESS_ARENA_MAX);
    enum rc rc = query_run(&sink->query, run_row, &call, err == NULL ? &own : err);
    arena_deinit(&call.arena);
    if (rc != RC_OK)
        return rc;
    if (call.row == JOINT_ROW_THERE && call.epoch > epoch)
        return error_set(err, RC_MISMATCH,
                         "Table " PROGRESS_TABLE " in database %.*s says that epoch %llu was "
                         "applied, and the checkpoint knows epoch %llu as its last one. The "
                         "checkpoint is an old copy; begin with a new one and a new snapshot.",
                         SLICE_ARG(db), (unsigned long long)call.epoch, (unsigned long long)epoch);
    bool applied = call.row == JOINT_ROW_THERE && call.epoch == epoch;
    *event_out = call.row == JOINT_ROW_NO_TABLE ? LOAD_EVENT_ROW_LOST
                 : applied                      ? LOAD_EVENT_ROW_THERE
                                                : LOAD_EVENT_ROW_ABSENT;
    return RC_OK;
}

static enum rc row_lost(struct slice db, struct error *err)
{
    error_set(err, RC_MISMATCH,
              "It is not known whether a transaction over the tables of database %.*s was applied: "
              "the target has forgotten its label, and table " PROGRESS_TABLE ", which would say "
              "so, is not there any more.",
              SLICE_ARG(db));
    if (err != NULL)
        err->outcome = ERROR_MAYBE_APPLIED;
    return RC_MISMATCH;
}

/* APPLIED or NOTHING, where it is not known yet. RC_MISMATCH with outcome MAYBE_APPLIED: there is no
 * progress table. */
static enum rc settle_end(struct stream_load *sink, struct slice db, uint64_t epoch,
                          enum load_end *end, struct error *err)
{
    if (*end != LOAD_END_ASK_ROW)
        return RC_OK;
    enum load_event event;
    enum rc rc = ask_row(sink, db, epoch, &event, err);
    if (rc != RC_OK)
        return rc;
    switch (load_decide(LOAD_PHASE_TAKE_BACK, event)->action) {
    case LOAD_DO_FINISH:
        *end = LOAD_END_APPLIED;
        return RC_OK;
    case LOAD_DO_RELOAD:
        *end = LOAD_END_NOTHING;
        return RC_OK;
    default:
        return row_lost(db, err);
    }
}

enum rc joint_ended(struct stream_load *sink, struct load_task *task, struct error *err)
{
    struct joint *joint = sealed_oldest(sink)->loads[task->entry].joint;
    enum load_end *end = &task->outcome.end;
    joint->on_its_way = false;
    enum rc rc = settle_end(sink, joint->db, sealed_oldest(sink)->number, end, err);
    if (rc != RC_OK)
        return rc;
    ASSERT(*end == LOAD_END_APPLIED || *end == LOAD_END_NOTHING);
    if (*end == LOAD_END_NOTHING) {
        log_warn("sink.load", "A transaction came to nothing; all of it is made anew.",
                 LOG_SLICE("db", joint->db), LOG_SLICE("label", joint->load.label),
                 LOG_U64("loads", joint->load.count));
        joint->number = ++sink->joint_number;
        joint->load.before++;
    }
    struct sealed_epoch *epoch = sealed_oldest(sink);
    for (uint32_t i = 0; i < epoch->count; i++) {
        struct sealed_load *sealed = &epoch->loads[i];
        if (sealed->joint != joint || !sealed->open)
            continue;
        sealed->tell = true;
        sealed->open = *end == LOAD_END_NOTHING;
    }
    return RC_OK;
}

struct sealed_load *joint_told(struct stream_load *sink)
{
    struct sealed_epoch *epoch = sealed_oldest(sink);
    bool any = sink->joints != NULL && sink->epoch_count > 0;
    for (uint32_t i = epoch->first; any && i < epoch->count; i++)
        if (epoch->loads[i].tell) {
            epoch->loads[i].tell = false;
            return &epoch->loads[i];
        }
    return NULL;
}

enum rc joint_resolve(struct stream_load *sink, struct load_env *env,
                      const struct manifest_entry *entry, enum load_state *state_out,
                      struct error *err)
{
    *state_out = LOAD_NOT_APPLIED;
    if (entry->transaction == 0)
        return RC_OK; /* the journal does not know it, so it was never begun */
    char text[LABEL_BYTES];
    const struct load_joint load = {
        .db = entry->db, .label = label_of_attempt(entry->token, entry->transaction, text)};
    if (entry->transaction > sink->joint_number)
        sink->joint_number = entry->transaction;
    struct load_outcome outcome;
    struct error own;
    error_clear(&own);
    enum rc rc = load_take_back(env, &load, &outcome, &own);
    if (rc == RC_OK)
        rc = settle_end(sink, entry->db, label_joint_epoch(entry->token), &outcome.end, &own);
    if (rc == RC_MISMATCH && own.outcome == ERROR_MAYBE_APPLIED) {
        *state_out = LOAD_UNKNOWN; /* the pipeline decides, and has the words */
        return RC_OK;
    }
    if (rc == RC_OK)
        *state_out = outcome.end == LOAD_END_APPLIED ? LOAD_APPLIED : LOAD_NOT_APPLIED;
    else if (err != NULL)
        *err = own;
    return rc;
}
