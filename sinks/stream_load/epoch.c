/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Epochs on their way: their loads, named and counted when the batch is closed, sent when the journal
 * knows them, and told one by one when they are durable. Those in two phases are told when they are
 * prepared, committed when the journal knows that, and told again; their bodies are kept until then,
 * because a target may abort what is prepared.
 *
 * A table has loads of one epoch on their way at a time. Those of the next wait until these are visible
 * and the journal knows it: a start that sent an earlier load of a table again behind a later one would
 * put older rows over newer ones.
 *
 * Of an epoch that comes in parts nothing is kept but names: the memory is needed for the next part.
 * What the target aborts of it can only be read again, so the oldest load is committed first and
 * alone: while its time is not over, neither is that of the others, and if it is, nothing is visible
 * yet. Such an epoch is alone on its way.
 *
 * Threads: the pipeline's thread.
 */
#include "column_set_int.h"
#include "csv_int.h"
#include "joint_int.h"
#include "label_int.h"
#include "refuse_int.h"
#include "reload_int.h"

#include <stdlib.h>

/* How far epochs are stretched for a target that is short of breath, and how soon it eases. */
#define WIDEN_MAX 8u
#define CALM_EPOCHS 4u

/* The rows of a part, and of those that are not sent the ones that would be in it: whether a row is sent
 * may not be the same when the epoch is read again, and its loads must be. */
static uint64_t rows_of(const struct body *body, uint32_t set)
{
    uint64_t rows = body->parts[set].rows;
    for (uint32_t i = 0; body->parts[BODY_REFUSED].rows > 0 && i < body->row_count; i++)
        rows += body->rows[i].len > 0 && body->rows[i].set == BODY_REFUSED &&
                body->kept.rows[i].set == set;
    return rows;
}

/* Loads of the open batch: the parts of its bodies that have rows. */
static uint32_t count_open_loads(const struct stream_load *sink)
{
    uint32_t count = 0;
    for (struct load_target *target = sink->open_first; target != NULL;
         target = target->next_open) {
        const struct body *body = target_open_body(target);
        for (uint32_t set = BODY_WHOLE; set <= body->set_count; set++)
            count += rows_of(body, set) > 0;
    }
    return count;
}

static struct sealed_epoch *epoch_at(struct stream_load *sink, unsigned index)
{
    return &sink->epochs[(sink->oldest + index) % sink->settings.epochs];
}

static struct sealed_epoch *newest_epoch(struct stream_load *sink)
{
    return sink->epoch_count == 0 ? NULL : epoch_at(sink, sink->epoch_count - 1);
}

void sealed_epoch_deinit(struct sealed_epoch *epoch)
{
    for (uint32_t i = 0; i < epoch->made; i++)
        refused_rows_deinit(&epoch->loads[i].refused);
    free(epoch->loads);
    free(epoch->entries);
}

/* Room for `count` loads, of which `kept` are there. */
static enum rc reserve_loads(struct sealed_epoch *epoch, uint32_t count, uint32_t kept,
                             struct error *err)
{
    if (count <= epoch->cap)
        return RC_OK;
    uint32_t cap = count * 2;
    struct sealed_load *loads = realloc(epoch->loads, cap * sizeof(*loads));
    if (loads != NULL) {
        epoch->loads = loads;
        for (; epoch->made < cap; epoch->made++)
            refused_rows_init(&loads[epoch->made].refused);
    }
    struct manifest_entry *entries = realloc(epoch->entries, cap * sizeof(*entries));
    if (entries != NULL)
        epoch->entries = entries;
    /* Labels lie in the loads, which may have moved. */
    for (uint32_t i = 0; loads != NULL && i < kept; i++) {
        loads[i].task.load.label.ptr = (const uint8_t *)loads[i].label;
        epoch->entries[i].token = loads[i].task.load.label;
    }
    if (loads == NULL || entries == NULL)
        return error_set(err, RC_MEMORY, "There is no memory for a list of %u loads.", cap);
    epoch->cap = cap;
    return RC_OK;
}

/* Each target of the open batch has a body for the next one. */
static enum rc reserve_bodies(struct stream_load *sink, struct error *err)
{
    for (struct load_target *target = sink->open_first; target != NULL;
         target = target->next_open) {
        if (target->spare != NULL)
            continue;
        target->spare = target_body_new(&sink->arena, target_open_body(target)->data.max);
        if (target->spare == NULL)
            return error_set(err, RC_MEMORY, "There is no memory for rows of table %.*s.%.*s.",
                             SLICE_ARG(target->db), SLICE_ARG(target->table));
        sink_keep_changes(sink, &target->spare->body);
    }
    return RC_OK;
}

/* Which batch is sealed. */
struct seal {
    struct sealed_epoch *epoch;
    uint64_t number;
    uint32_t part;  /* from 1; 0: the epoch comes as a whole */
    uint32_t index; /* of the next load */
};

/* Letters are told as the lines of their loads. Of partial updates and of transactions over several tables
 * it is not known that CSV does the same on every server. */
static bool may_be_csv(const struct stream_load *sink, const struct load_target *target,
                       uint32_t set, bool joint)
{
    return sink->settings.csv && set == BODY_WHOLE && !joint && sink->refusing.letters == NULL &&
           sink->dialect->csv_headers[sink->settings.compression] != NULL && !target->mixed_order &&
           csv_takes_table(target->open_schema);
}

/* One column set of a target's open body becomes a load. */
static enum rc seal_set(struct stream_load *sink, struct load_target *target, uint32_t set,
                        const struct seal *seal, struct error *err)
{
    uint32_t index = seal->index;
    struct sealed_load *sealed = &seal->epoch->loads[index];
    const struct load_schema *schema = target->open_schema;
    const struct body *body = target_open_body(target);
    uint64_t set_hash = set == BODY_WHOLE ? 0 : column_set_hash(schema, body_set_bits(body, set));
    struct slice id = slice_str(sink->pipeline_id);
    bool joint = sink->settings.joint && target->two_phase && seal->part == 0;
    struct buf label;
    buf_init(&label, LABEL_BYTES - 1);
    if (joint)
        label_add_joint(&label, sink->settings.label_prefix, id, target->db, seal->number);
    else
        label_add(&label, sink->settings.label_prefix, id, target->db, target->table, set_hash,
                  seal->number, seal->part);
    enum rc rc = buf_check(&label, "A load's label", err);
    if (rc != RC_OK) {
        buf_deinit(&label);
        return rc;
    }
    struct refused_rows refused = sealed->refused;
    memset(sealed, 0, sizeof(*sealed));
    memcpy(sealed->label, label.ptr, label.len);
    sealed->epoch = seal->epoch;
    sealed->target = target;
    sealed->body = target->open;
    sealed->joint = joint ? joint_find_or_add(sink, target->db) : NULL;
    sealed->refused = refused;
    /* Letters that go row by row need no parts (reload.c). */
    bool in_parts = target->two_phase || !schema->keyless ||
                    (reload_is(sink, seal->number) && body->parts[set].rows == 1);
    if (sink->refusing.letters != NULL && in_parts)
        sealed->task.refused = &sealed->refused;
    if (may_be_csv(sink, target, set, joint))
        sealed->task.csv = &target->open->body;
    sealed->task.entry = index;
    sealed->task.load = (struct transfer_load){.schema = schema,
                                               .label = slice_of(sealed->label, label.len),
                                               .body = body,
                                               .set = set,
                                               .two_phase = target->two_phase};
    buf_deinit(&label);
    seal->epoch->entries[index] = (struct manifest_entry){.db = target->db,
                                                          .table = target->table,
                                                          .token = sealed->task.load.label,
                                                          .rows = rows_of(body, set),
                                                          .bytes = body->parts[set].bytes,
                                                          .keyless = schema->keyless,
                                                          .two_phase = target->two_phase,
                                                          .in_parts = seal->part > 0};
    return RC_OK;
}

/* All column sets that have rows, whole rows first, then the others in the order of their first
 * rows: the same rows give the same loads in the same order. */
static enum rc seal_target(struct stream_load *sink, struct load_target *target, struct seal *seal,
                           struct error *err)
{
    struct target_body *open = target->open;
    open->epoch = seal->epoch;
    open->first = seal->index;
    for (uint32_t set = BODY_WHOLE; set <= open->body.set_count; set++) {
        if (rows_of(&open->body, set) == 0)
            continue;
        enum rc rc = seal_set(sink, target, set, seal, err);
        if (rc != RC_OK)
            return rc;
        seal->index++;
    }
    open->left = open->count = seal->index - open->first;
    ASSERT(open->count > 0);
    return RC_OK;
}

/* The open batch is an epoch's from here on, and the next one is open. */
static void take_batch(struct stream_load *sink, const struct seal *seal, uint32_t kept)
{
    struct sealed_epoch *epoch = seal->epoch;
    for (struct load_target *target = sink->open_first; target != NULL; target = target->next_open)
        target_seal(target);
    if (epoch->parts == 0) {
        sink->epoch_count++;
        epoch->prepared = 0;
        epoch->oldest_first = epoch->short_of_breath = false;
    }
    epoch->number = seal->number;
    epoch->first = kept;
    epoch->count = seal->index;
    epoch->submitted = false;
    sink->sealed_bytes += sink->open_bytes;
    sink->open_first = NULL;
    sink->open_end = &sink->open_first;
    sink->open_rows = 0;
    sink->open_bytes = 0;
}

/* Closes the open batch; its loads come behind those of the parts that are prepared already. */
static enum rc seal_batch(struct stream_load *sink, uint64_t number, bool more,
                          struct manifest *manifest_out, struct error *err)
{
    struct sealed_epoch *epoch = newest_epoch(sink);
    ASSERT(epoch == NULL || epoch->submitted);
    if (epoch == NULL || epoch->parts == 0) {
        ASSERT(sink->epoch_count < sink->settings.epochs);
        epoch = epoch_at(sink, sink->epoch_count);
        epoch->parts = 0;
    }
    ASSERT(epoch->parts == 0 || epoch->running == 0);
    enum rc rc = reserve_bodies(sink, err);
    bool letters = reload_is(sink, number); /* whose keys wait for themselves */
    for (struct load_target *target = sink->open_first; rc == RC_OK && !letters && target != NULL;
         target = target->next_open)
        rc = refuse_known(sink, target, number, err);
    uint32_t kept = epoch->parts == 0 ? 0 : epoch->count;
    uint32_t count = kept + count_open_loads(sink);
    if (rc == RC_OK)
        rc = reserve_loads(epoch, count, kept, err);
    struct seal seal = {.epoch = epoch,
                        .number = number,
                        .part = more || epoch->parts > 0 ? epoch->parts + 1 : 0,
                        .index = kept};
    for (struct load_target *target = sink->open_first; rc == RC_OK && target != NULL;
         target = target->next_open)
        rc = seal_target(sink, target, &seal, err);
    if (rc != RC_OK)
        return rc;
    ASSERT(seal.index == count);
    if (count > 0)
        take_batch(sink, &seal, kept);
    epoch->parts = more ? seal.part : 0;
    *manifest_out = (struct manifest){.entries = epoch->entries, .count = count};
    return RC_OK;
}

enum rc stream_load_seal(struct sink *base, uint64_t epoch, struct manifest *manifest_out,
                         struct error *err)
{
    return seal_batch(stream_load_of(base), epoch, false, manifest_out, err);
}

enum rc stream_load_seal_part(struct sink *base, uint64_t epoch, struct manifest *manifest_out,
                              struct error *err)
{
    struct stream_load *sink = stream_load_of(base);
    ASSERT(sink->refusing.letters == NULL); /* refused with words: pipeline_rejected_check */
    for (struct load_target *target = sink->open_first; target != NULL; target = target->next_open)
        if (!target->two_phase)
            return error_set(err, RC_UNSUPPORTED, "table %.*s.%.*s is not loaded in two phases",
                             SLICE_ARG(target->db), SLICE_ARG(target->table));
    enum rc rc = seal_batch(sink, epoch, true, manifest_out, err);
    if (rc != RC_OK)
        return rc;
    struct sealed_epoch *newest = newest_epoch(sink);
    for (uint32_t i = newest->first; i < newest->count; i++)
        newest->loads[i].held = true;
    return RC_OK;
}

/* The load's rows are at the target. With the last load of a body its memory is free for another
 * epoch, and what a later one has of the table can be sent. */
static void release_load(struct stream_load *sink, struct sealed_load *sealed)
{
    struct load_target *target = sealed->target;
    struct target_body *body = sealed->body;
    ASSERT(target->sealed == body && body->left > 0);
    if (--body->left > 0)
        return;
    sink->sealed_bytes -= body_memory(&body->body);
    target_release(target);
    if (target->sealed == NULL || !target->sealed->epoch->submitted)
        return;
    ASSERT(sink->awaiting == NULL);
    sink->awaiting = target;
}

/* Whoever refuses rows from now on may refuse as many as there is room for letters; those that are letters
 * have their room. */
static void submit_task(struct stream_load *sink, struct load_task *task)
{
    if (task->refused != NULL)
        refused_rows_reset(task->refused, reload_is(sink, sealed_of(task)->epoch->number)
                                              ? UINT64_MAX
                                              : dead_letters_room(sink->refusing.letters));
    loaders_submit(sink->loaders, task);
}

/* To the loaders, or to wait behind the load of the same target. A table has one load on its way at a
 * time: partial updates that run side by side have to settle with each other at the target, at its
 * cost and risk, and parts of an epoch become visible in their order. */
static void send_task(struct stream_load *sink, struct sealed_load *sealed)
{
    struct load_target *target = sealed->target;
    sealed->behind = NULL;
    if (target->last == NULL)
        submit_task(sink, &sealed->task);
    else
        target->last->behind = sealed;
    target->last = sealed;
}

static void send_next(struct stream_load *sink, struct sealed_load *done)
{
    if (done->behind != NULL)
        submit_task(sink, &done->behind->task);
    done->behind = NULL;
}

/* The oldest body of a target, whose epoch is submitted. */
static void send_body(struct stream_load *sink, struct load_target *target)
{
    const struct target_body *body = target->sealed;
    target->last = NULL;
    for (uint32_t i = 0; i < body->count; i++)
        send_task(sink, &body->epoch->loads[body->first + i]);
}

/* Loads are left out only of an epoch that is read again, and that is alone on its way. */
enum rc stream_load_submit(struct sink *base, const bool *applied, struct error *err)
{
    struct stream_load *sink = stream_load_of(base);
    struct sealed_epoch *epoch = newest_epoch(sink);
    ASSERT(epoch != NULL && !epoch->submitted && (applied == NULL || sink->epoch_count == 1));
    enum rc rc = refuse_store(sink, epoch, err);
    if (rc != RC_OK)
        return rc;
    epoch->submitted = true;
    joint_begin_epoch(sink);
    for (uint32_t i = epoch->first; i < epoch->count; i++)
        if (epoch->loads[i].body == epoch->loads[i].target->sealed)
            epoch->loads[i].target->last = NULL;
    for (uint32_t i = epoch->first; i < epoch->count; i++) {
        struct sealed_load *sealed = &epoch->loads[i];
        if (applied != NULL && applied[i]) {
            release_load(sink, sealed);
            continue;
        }
        epoch->running++;
        if (sealed->joint != NULL)
            joint_take(sink, sealed);
        else if (sealed->body == sealed->target->sealed)
            send_task(sink, sealed);
    }
    return RC_OK;
}

/* The second step of what is prepared; of the oldest load alone: `one`. */
static enum rc send_commits(struct stream_load *sink, struct sealed_epoch *epoch, bool one,
                            struct error *err)
{
    enum rc rc = RC_OK;
    for (uint32_t i = 0; i < epoch->count; i++)
        if (epoch->loads[i].prepared)
            epoch->loads[i].target->last = NULL;
    for (uint32_t i = 0; rc == RC_OK && i < epoch->count; i++) {
        struct sealed_load *sealed = &epoch->loads[i];
        if (!sealed->prepared)
            continue;
        sealed->prepared = false;
        if (sealed->joint != NULL) {
            rc = joint_send(sink, sealed->joint, err);
            continue;
        }
        sealed->task.commit = true;
        send_task(sink, sealed);
        if (one)
            break;
    }
    return rc;
}

enum rc stream_load_commit(struct sink *base, struct error *err)
{
    struct stream_load *sink = stream_load_of(base);
    ASSERT(sink->epoch_count > 0);
    struct sealed_epoch *epoch = sealed_oldest(sink);
    ASSERT(epoch->running == 0 && epoch->prepared > 0);
    epoch->running = epoch->prepared;
    epoch->prepared = 0;
    epoch->oldest_first = epoch->loads[0].held && epoch->loads[0].prepared;
    return send_commits(sink, epoch, epoch->oldest_first, err);
}

/* A target that was short of breath gets fewer, larger epochs; some calm ones undo it step by step.
 */
static void adapt_interval(struct stream_load *sink, const struct sealed_epoch *epoch)
{
    unsigned before = sink->widen;
    if (epoch->short_of_breath) {
        sink->calm_epochs = 0;
        if (sink->widen < WIDEN_MAX)
            sink->widen *= 2;
    } else if (sink->widen > 1 && ++sink->calm_epochs >= CALM_EPOCHS) {
        sink->calm_epochs = 0;
        sink->widen /= 2;
    }
    if (sink->widen != before)
        log_info("sink.load",
                 sink->widen > before
                     ? "The target is short of breath; it gets fewer and larger loads."
                     : "The target keeps up; it gets loads more often again.",
                 LOG_U64("flush_interval_ms", sink->settings.flush_interval_ms * sink->widen));
}

static const struct manifest_entry *entry_of(struct load_task *task)
{
    return &sealed_of(task)->epoch->entries[task->entry];
}

/* A task has failed: the pipeline ends, and says why whenever it is asked. */
static enum rc keep_failure(struct stream_load *sink, const struct load_task *task,
                            struct error *err)
{
    sink->failed = task->rc;
    sink->failure = task->err;
    refuse_explain(sink, task, &sink->failure);
    if (err != NULL)
        *err = sink->failure;
    return task->rc;
}

/* The refused rows of a load are known: it goes on without them. */
static enum rc send_without_refused(struct stream_load *sink, struct load_task *task,
                                    struct error *err)
{
    task->rc = refuse_rows(sink, sealed_of(task), &task->err);
    if (task->rc != RC_OK)
        return keep_failure(sink, task, err);
    submit_task(sink, task);
    return RC_AGAIN;
}

/* What was prepared was aborted by the target: nothing of it was visible, and its rows are still
 * here. */
static void prepare_anew(struct stream_load *sink, struct load_task *task)
{
    const struct manifest_entry *entry = entry_of(task);
    log_warn("sink.load",
             "The target aborted a prepared load before its commit; it is loaded again.",
             LOG_SLICE("db", entry->db), LOG_SLICE("table", entry->table),
             LOG_SLICE("label", entry->token), LOG_U64("transaction", task->transaction));
    task->commit = false;
    submit_task(sink, task);
}

/* The same of a part whose rows are not here any more. */
static enum rc part_is_gone(struct stream_load *sink, struct load_task *task, struct error *err)
{
    const struct manifest_entry *entry = entry_of(task);
    task->rc =
        error_set(&task->err, RC_TIMEOUT,
                  "The target aborted the prepared load %.*s of table %.*s.%.*s, a part of a "
                  "transaction that was larger than the sink's buffer.",
                  SLICE_ARG(entry->token), SLICE_ARG(entry->db), SLICE_ARG(entry->table));
    error_hint(&task->err,
               "Start again: the transaction is read again from its beginning. If its loads take "
               "longer than the target keeps what is prepared, raise that time there, or "
               "sink.buffer-flush.max-bytes here.");
    return keep_failure(sink, task, err);
}

static void tell_prepared(struct stream_load *sink, struct sealed_load *sealed,
                          uint64_t transaction, struct sink_result *result)
{
    sealed->task.transaction = transaction;
    sealed->prepared = true;
    sealed->epoch->prepared++;
    result->transaction = transaction;
    send_next(sink, sealed);
    if (sealed->held)
        release_load(sink, sealed);
}

static enum rc tell_applied(struct stream_load *sink, struct sealed_load *sealed,
                            struct sink_result *result, struct error *err)
{
    struct sealed_epoch *epoch = sealed->epoch;
    enum rc rc = RC_OK;
    sink->stats.rows_loaded += result->rows;
    sink->stats.bytes_loaded += result->bytes;
    sink->stats.loads++;
    send_next(sink, sealed);
    if (!sealed->held)
        release_load(sink, sealed);
    result->awaited = sink->awaiting != NULL;
    if (epoch->oldest_first)
        rc = send_commits(sink, epoch, false, err);
    epoch->oldest_first = false;
    return rc;
}

/* What the caller of poll is told of a load; `transaction` 0: it is applied. */
static enum rc tell(struct stream_load *sink, struct sealed_load *sealed, uint64_t transaction,
                    struct sink_result *result, struct error *err)
{
    const struct manifest_entry *entry = &sealed->epoch->entries[sealed->task.entry];
    sealed->epoch->running--;
    *result = (struct sink_result){.epoch = sealed->epoch->number,
                                   .entry = sealed->task.entry,
                                   .rows = entry->rows - sealed->put_aside,
                                   .bytes = entry->bytes};
    if (transaction == 0)
        return tell_applied(sink, sealed, result, err);
    tell_prepared(sink, sealed, transaction, result);
    return RC_OK;
}

/* A load's own task has ended. */
static enum rc load_ended(struct stream_load *sink, struct load_task *task,
                          struct sink_result *result, struct error *err)
{
    struct sealed_load *sealed = sealed_of(task);
    switch (task->outcome.end) {
    case LOAD_END_REFUSED:
        return send_without_refused(sink, task, err);
    case LOAD_END_NOTHING:
        ASSERT(task->commit);
        if (sealed->held)
            return part_is_gone(sink, task, err);
        prepare_anew(sink, task);
        return RC_AGAIN;
    case LOAD_END_PREPARED:
        return tell(sink, sealed, task->outcome.transaction, result, err);
    case LOAD_END_APPLIED:
    case LOAD_END_ASK_ROW:
        break;
    }
    ASSERT(task->outcome.end == LOAD_END_APPLIED);
    return tell(sink, sealed, 0, result, err);
}

/* Loads of a transaction over several tables have no tasks of their own. */
static enum rc tell_joint(struct stream_load *sink, struct sealed_load *sealed,
                          struct sink_result *result, struct error *err)
{
    return tell(sink, sealed, sealed->open ? sealed->joint->number : 0, result, err);
}

/* All loads of the oldest epoch were told. When none of them waits for its commit and no part follows,
 * its place is free. */
static enum rc tell_end(struct stream_load *sink, struct sink_result *result)
{
    struct sealed_epoch *oldest = sealed_oldest(sink);
    result->epoch = oldest->number;
    if (oldest->prepared > 0 || oldest->parts > 0)
        return RC_EOF;
    adapt_interval(sink, oldest);
    sink->oldest = (sink->oldest + 1) % sink->settings.epochs;
    sink->epoch_count--;
    return RC_EOF;
}

enum rc stream_load_poll(struct sink *base, unsigned wait_ms, struct sink_result *result,
                         struct error *err)
{
    struct stream_load *sink = stream_load_of(base);
    if (sink->failed != RC_OK) {
        if (err != NULL)
            *err = sink->failure;
        return sink->failed;
    }
    struct sealed_load *told = joint_told(sink);
    if (told != NULL)
        return tell_joint(sink, told, result, err);
    if (sink->awaiting != NULL)
        send_body(sink, sink->awaiting);
    sink->awaiting = NULL;
    if (sink->epoch_count == 0)
        return RC_EOF;
    if (sealed_oldest(sink)->running == 0)
        return tell_end(sink, result);
    struct load_task *task = loaders_next(sink->loaders, wait_ms);
    if (task == NULL)
        return halt_stopped(&sink->halt) ? error_set(err, RC_CANCELLED, "A stop was asked for.")
                                         : RC_AGAIN;
    sink->stats.load_time_us += task->outcome.time_us;
    /* One of a joint transaction is of no load alone, and its epoch is the only one. */
    struct sealed_epoch *epoch = task->joint != NULL ? sealed_oldest(sink) : sealed_of(task)->epoch;
    epoch->short_of_breath |= task->outcome.widen;
    if (task->rc == RC_OK && task->joint != NULL)
        task->rc = joint_ended(sink, task, &task->err);
    if (task->rc != RC_OK)
        return keep_failure(sink, task, err);
    return task->joint != NULL ? tell_joint(sink, joint_told(sink), result, err)
                               : load_ended(sink, task, result, err);
}
