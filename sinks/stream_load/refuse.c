/* SPDX-License-Identifier: Apache-2.0 */
/* Dead letters: which rows become some, and what is written of them; see refuse_int.h. */
#include "refuse_int.h"

#include "column_set_int.h"
#include "reload_int.h"

#define EVENT_MAX ((size_t)4 << 30)
#define COLUMNS_MAX ((size_t)1 << 20)
/* A load whose rows are all taken one by one is sent so often before that is an error. */
#define FRUITLESS_MAX 3u

enum rc refuse_init(struct refusing *refusing, const struct sink_options *options,
                    struct error *err)
{
    refusing->letters = options->dead_letters;
    refusing->recovering = options->recovering;
    buf_init(&refusing->event, EVENT_MAX);
    buf_init(&refusing->columns, COLUMNS_MAX);
    if (refusing->letters == NULL)
        return RC_OK;
    return cloudevent_writer_init(&refusing->writer, options->source_name, err);
}

void refuse_deinit(struct refusing *refusing)
{
    if (refusing->letters != NULL)
        cloudevent_writer_deinit(&refusing->writer);
    change_view_deinit(&refusing->view);
    buf_deinit(&refusing->event);
    buf_deinit(&refusing->columns);
}

/* --- what is written --- */

/* The event of a row, in refusing->event. */
static enum rc make_event(struct refusing *refusing, const struct body *body, uint32_t row,
                          struct error *err)
{
    const struct kept *kept = &body->kept;
    ASSERT(row < kept->row_count);
    enum rc rc = change_copy_get(&kept->changes, kept->rows[row].change_at, &refusing->view, err);
    buf_reset(&refusing->event);
    if (rc == RC_OK)
        rc = cloudevent_add(&refusing->writer, &refusing->event, &refusing->view.change, err);
    if (rc != RC_OK) {
        error_wrap(err, "A row that the target does not take cannot be put aside as an event");
        return rc;
    }
    ASSERT(refusing->event.len > 0);
    refusing->event.len--; /* the line's end */
    return RC_OK;
}

/* The columns of a line, in refusing->columns. */
static enum rc name_columns(struct refusing *refusing, const struct load_schema *schema,
                            const struct body *body, uint32_t set, struct error *err)
{
    struct buf *out = &refusing->columns;
    const uint8_t *bits = set == BODY_WHOLE ? NULL : body_set_bits(body, set);
    buf_reset(out);
    for (uint32_t i = 0; i < schema->source->column_count; i++) {
        if (bits != NULL && !column_set_has(schema, bits, i))
            continue;
        buf_add_byte(out, out->len == 0 ? '[' : ',');
        json_add_string(out, schema->columns[i].target_name);
    }
    buf_add_byte(out, ']');
    return buf_check(out, "The columns of a dead letter", err);
}

static struct slice key_of(const struct body *body, uint32_t row)
{
    return slice_of(body->keys.ptr + body->rows[row].key_offset, body->rows[row].key_len);
}

static enum rc add_letter(struct stream_load *sink, const struct sealed_load *sealed, uint32_t row,
                          struct slice reason, struct error *err)
{
    struct refusing *refusing = &sink->refusing;
    const struct transfer_load *load = &sealed->task.load;
    const struct body *body = load->body;
    const struct body_row *line = &body->rows[row];
    enum rc rc = make_event(refusing, body, row, err);
    if (rc == RC_OK)
        rc = name_columns(refusing, load->schema, body, load->set, err);
    if (rc != RC_OK)
        return rc;
    struct dead_letter letter = {.db = sealed->target->db,
                                 .table = sealed->target->table,
                                 .key = key_of(body, row),
                                 .event = buf_slice(&refusing->event),
                                 .label = load->label,
                                 .reason = reason,
                                 .columns = buf_slice(&refusing->columns),
                                 .partial = load->set != BODY_WHOLE,
                                 .row = slice_of(body->data.ptr + line->offset, line->len - 1),
                                 .epoch = sealed->epoch->number};
    return dead_letters_add(refusing->letters, &letter, err);
}

static void tell(const struct stream_load *sink, const struct sealed_load *sealed, uint32_t rows,
                 struct slice reason)
{
    log_warn("sink.load", "Rows that the target does not take were put aside as dead letters.",
             LOG_SLICE("db", sealed->target->db), LOG_SLICE("table", sealed->target->table),
             LOG_U64("rows", rows), LOG_SLICE("label", sealed->task.load.label),
             LOG_SLICE("reason", reason),
             LOG_STR("file", dead_letters_path(sink->refusing.letters)),
             LOG_U64("dead_letters", dead_letters_count(sink->refusing.letters)));
}

/* --- while a row is written --- */

enum rc refuse_draft(struct stream_load *sink, struct sink_table *table,
                     const struct change *change, struct body_draft *draft,
                     const struct error *rejection, struct error *err)
{
    enum rc rc = RC_REJECTED;
    if (sink->refusing.letters != NULL) {
        table->encoder.as_it_is = true;
        rc = encoder_draft(&table->encoder, target_open_body(table->target), draft, change, err);
        table->encoder.as_it_is = false;
    }
    if (rc == RC_REJECTED && err != NULL)
        *err = *rejection;
    return rc;
}

/* --- when the batch is sealed --- */

static enum rc refuse_row(struct body *body, uint32_t row, struct slice reason, struct error *err)
{
    enum rc rc = kept_refuse(&body->kept, row, reason, err);
    if (rc == RC_OK)
        body_refuse_row(body, row);
    return rc;
}

static enum rc refuse_held_keys(struct stream_load *sink, struct load_target *target,
                                struct error *err)
{
    struct body *body = target_open_body(target);
    const struct dead_letter_ref *ref;
    uint64_t from = 0;
    enum rc rc = RC_OK;
    while (rc == RC_OK && (ref = dead_letters_next(sink->refusing.letters, target->db,
                                                   target->table, &from)) != NULL) {
        const struct body_row *row = body_find(body, ref->key);
        if (row != NULL && row->set != BODY_REFUSED)
            rc = refuse_row(body, (uint32_t)(row - body->rows),
                            SLICE("An earlier change of this row waits here, and its changes are "
                                  "kept in order."),
                            err);
    }
    return rc;
}

/* Whether the event that was just made is one of this epoch's letters. */
static bool is_put_aside(const struct stream_load *sink, const struct load_target *target,
                         uint64_t epoch, struct slice id)
{
    const struct dead_letter_ref *ref;
    uint64_t from = 0;
    while ((ref = dead_letters_next(sink->refusing.letters, target->db, target->table, &from)) !=
           NULL)
        if (ref->epoch == epoch && slice_equal(ref->id, id))
            return true;
    return false;
}

static enum rc refuse_if_put_aside(struct stream_load *sink, struct load_target *target,
                                   uint64_t epoch, uint32_t row, struct error *err)
{
    struct refusing *refusing = &sink->refusing;
    struct body *body = target_open_body(target);
    struct slice written;
    enum rc rc = make_event(refusing, body, row, err);
    if (rc != RC_OK)
        return rc;
    bool has_id = json_member(buf_slice(&refusing->event), "id", &written);
    buf_reset(&refusing->columns);
    has_id = has_id && json_string_text(written, &refusing->columns);
    ASSERT(has_id);
    if (!is_put_aside(sink, target, epoch, buf_slice(&refusing->columns)))
        return RC_OK;
    return refuse_row(body, row, SLICE("It was put aside before."), err);
}

/* Without a key a row is known by its event alone. Only an epoch that is read again has letters yet. */
static enum rc refuse_put_aside(struct stream_load *sink, struct load_target *target,
                                uint64_t epoch, struct error *err)
{
    const struct dead_letter_ref *ref;
    struct body *body = target_open_body(target);
    uint64_t from = 0;
    do
        ref = dead_letters_next(sink->refusing.letters, target->db, target->table, &from);
    while (ref != NULL && ref->epoch != epoch);
    enum rc rc = RC_OK;
    for (uint32_t row = 0; ref != NULL && rc == RC_OK && row < body->row_count; row++)
        if (body->rows[row].set != BODY_REFUSED)
            rc = refuse_if_put_aside(sink, target, epoch, row, err);
    return rc;
}

enum rc refuse_known(struct stream_load *sink, struct load_target *target, uint64_t epoch,
                     struct error *err)
{
    if (sink->refusing.letters == NULL)
        return RC_OK;
    return target->open_schema->keyless ? refuse_put_aside(sink, target, epoch, err)
                                        : refuse_held_keys(sink, target, err);
}

/* --- when the journal knows the epoch --- */

/* The rows of one load that are not sent. */
static enum rc add_refused(struct stream_load *sink, struct sealed_load *sealed, struct error *err)
{
    const struct transfer_load *load = &sealed->task.load;
    const struct body *body = load->body;
    struct slice reason = SLICE_EMPTY;
    uint32_t rows = 0;
    for (uint32_t row = 0; row < body->row_count; row++) {
        if (body->rows[row].len == 0 || body->rows[row].set != BODY_REFUSED ||
            body->kept.rows[row].set != load->set)
            continue;
        reason = kept_reason(&body->kept, row);
        enum rc rc = add_letter(sink, sealed, row, reason, err);
        if (rc != RC_OK)
            return rc;
        rows++;
    }
    if (rows > 0)
        tell(sink, sealed, rows, reason);
    sealed->put_aside = rows;
    return RC_OK;
}

enum rc refuse_store(struct stream_load *sink, struct sealed_epoch *epoch, struct error *err)
{
    if (sink->refusing.letters == NULL)
        return RC_OK;
    enum rc rc = RC_OK;
    for (uint32_t i = 0; rc == RC_OK && i < epoch->count; i++)
        if (epoch->loads[i].task.load.body->parts[BODY_REFUSED].rows > 0)
            rc = add_refused(sink, &epoch->loads[i], err);
    return rc == RC_OK ? dead_letters_store(sink->refusing.letters, err) : rc;
}

/* --- when the target has refused a load --- */

static enum rc no_fruit(const struct sealed_load *sealed, struct error *err)
{
    return error_set(err, RC_REJECTED,
                     "The load of %llu rows into table %.*s.%.*s (label %.*s) was refused because "
                     "of its rows, but none of them is refused alone. Look for the reason in the "
                     "target's log.",
                     (unsigned long long)sealed->task.load.body->parts[sealed->task.load.set].rows,
                     SLICE_ARG(sealed->target->db), SLICE_ARG(sealed->target->table),
                     SLICE_ARG(sealed->task.load.label));
}

enum rc refuse_rows(struct stream_load *sink, struct sealed_load *sealed, struct error *err)
{
    const struct refused_rows *refused = &sealed->refused;
    struct body *body = &sealed->body->body;
    if (refused->count == 0 && ++sealed->fruitless <= FRUITLESS_MAX)
        return RC_OK; /* as it is, once more */
    if (reload_is(sink, sealed->epoch->number))
        return reload_refuse(sink, sealed, err);
    enum rc rc = refused->count == 0 ? no_fruit(sealed, err) : RC_OK;
    for (uint32_t i = 0; rc == RC_OK && i < refused->count; i++)
        rc = add_letter(sink, sealed, refused->rows[i].row, refused_rows_reason(refused, i), err);
    if (rc == RC_OK)
        rc = dead_letters_store(sink->refusing.letters, err);
    if (rc != RC_OK)
        return rc;
    for (uint32_t i = 0; i < refused->count; i++)
        body_drop_row(body, refused->rows[i].row);
    sealed->put_aside += refused->count;
    tell(sink, sealed, refused->count, refused_rows_reason(refused, 0));
    return RC_OK;
}

void refuse_explain(const struct stream_load *sink, const struct load_task *task, struct error *err)
{
    if (sink->refusing.letters != NULL && task->rc == RC_REJECTED && task->refused == NULL)
        error_hint(err, "Rows of a table without a key can be put aside as dead letters only where "
                        "it is loaded in two phases, which is not so here.");
}

/* --- when the target itself is changed --- */

enum rc refuse_check_step(const struct stream_load *sink, const struct schema_step *step,
                          const struct sink_target *names, struct error *err)
{
    uint64_t from = 0;
    const struct dead_letters *letters = sink->refusing.letters;
    if (letters == NULL || step->kind != SCHEMA_SWAP_TABLE ||
        dead_letters_next(letters, step->new_target.db, step->new_target.table, &from) == NULL)
        return RC_OK;
    return error_set(err, RC_UNSUPPORTED,
                     "Table %.*s.%.*s was rebuilt as %.*s, and rows of it are dead letters in %s. "
                     "Mend the new table, ask for the letters with `millrace replay`, or take them "
                     "out of the file; then start again.",
                     SLICE_ARG(names->db), SLICE_ARG(names->table),
                     SLICE_ARG(step->new_target.table), dead_letters_path(letters));
}

enum rc refuse_follow_step(struct stream_load *sink, const struct schema_step *step,
                           const struct sink_target *names, struct error *err)
{
    struct dead_letters *letters = sink->refusing.letters;
    if (letters == NULL)
        return RC_OK;
    if (step->kind == SCHEMA_DROP_TABLE || step->kind == SCHEMA_SWAP_TABLE)
        return dead_letters_forget(letters, names->db, names->table, err);
    if (step->kind == SCHEMA_RENAME_TABLE)
        return dead_letters_rename(letters, names->db, names->table, step->new_target.db,
                                   step->new_target.table, err);
    return RC_OK;
}
