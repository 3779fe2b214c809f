/* SPDX-License-Identifier: Apache-2.0 */
/* Dead letters, loaded again; see reload_int.h. */
#include "reload_int.h"

#include "column_set_int.h"
#include "letter_row_int.h"

#define ARENA_MAX ((size_t)256 << 20)
#define LINES_MAX ((size_t)4 << 30)

/* What one target takes in this epoch. */
struct reload_way {
    struct reload_way *next;
    struct load_target *target;
    struct slice *names; /* of the columns that the target has now */
    uint32_t name_count; /* 0: there is no such table */
    bool full;
    struct load_schema *schema; /* NULL: it has no row yet */
    struct slice *columns;      /* of the schema, as the letters name them */
    bool partial;
};

/* The letters of one key, or one of a table without a key. */
struct letters_of_key {
    uint64_t *indexes; /* owned by the arena */
    uint32_t count;
};

struct round {
    struct stream_load *sink;
    struct dead_letters *letters;
    uint64_t epoch;
    bool again;
    struct reload_way *ways;
    uint64_t rows;
    struct arena arena; /* of one key */
    struct buf lines;   /* of one key */
};

void reload_init(struct reloading *reloading)
{
    arena_init(&reloading->arena, "dead letters that are loaded again", ARENA_MAX);
}

void reload_deinit(struct reloading *reloading)
{
    arena_deinit(&reloading->arena);
}

static enum rc no_memory(struct error *err)
{
    return error_set(err, RC_MEMORY, "There is no memory for dead letters that are loaded again.");
}

/* --- the target --- */

struct look_call {
    struct stream_load *sink;
    struct reload_way *way;
    bool keyless;
};

static enum rc run_look(void *ctx, struct myconn *conn, struct error *err)
{
    struct look_call *call = ctx;
    struct load_target *target = call->way->target;
    const struct sink_target names = {.db = target->db, .table = target->table};
    const struct load_schema schema = {
        .db = target->db, .table = target->table, .keyless = call->keyless};
    enum rc rc = call->sink->dialect->target_columns(
        conn, &names, &call->sink->reloading.arena, &call->way->names, &call->way->name_count, err);
    return rc == RC_OK ? sink_choose_phases(call->sink, conn, &schema, &target->two_phase, err)
                       : rc;
}

/* The way that is known already, or NULL. */
static struct reload_way *known_way(const struct round *round, const struct dead_letter_ref *ref)
{
    struct reload_way *way = round->ways;
    while (way != NULL &&
           !(slice_equal(way->target->db, ref->db) && slice_equal(way->target->table, ref->table)))
        way = way->next;
    return way;
}

static enum rc find_way(struct round *round, const struct dead_letter_ref *ref,
                        struct reload_way **way_out, struct error *err)
{
    struct stream_load *sink = round->sink;
    *way_out = known_way(round, ref);
    if (*way_out != NULL)
        return RC_OK;
    struct reload_way *way = arena_alloc(&sink->reloading.arena, sizeof(*way));
    struct load_target *target = sink_target_of(sink, ref->db, ref->table);
    if (way == NULL || target == NULL)
        return no_memory(err);
    way->target = target;
    way->next = round->ways;
    round->ways = way;
    *way_out = way;
    struct look_call call = {.sink = sink, .way = way, .keyless = ref->key.len == 0};
    return query_run(&sink->query, run_look, &call, err);
}

static bool has_name(const struct reload_way *way, struct slice name)
{
    for (uint32_t i = 0; i < way->name_count; i++)
        if (slice_equal_nocase(way->names[i], name))
            return true;
    return false;
}

/* RC_REJECTED: the target has no place for it. */
static enum rc check_columns(const struct reload_way *way, const struct letter_row *row,
                             struct error *err)
{
    const struct load_target *target = way->target;
    if (way->name_count == 0)
        return error_set(err, RC_REJECTED, "The target has no table %.*s.%.*s.",
                         SLICE_ARG(target->db), SLICE_ARG(target->table));
    for (uint32_t i = 0; i < row->column_count; i++)
        if (!has_name(way, row->columns[i]))
            return error_set(err, RC_REJECTED,
                             "The target %.*s.%.*s has no column %.*s any more. Give its new name "
                             "in `columns` and `row`, or take it out of both, while no engine "
                             "runs.",
                             SLICE_ARG(target->db), SLICE_ARG(target->table),
                             SLICE_ARG(row->columns[i]));
    return RC_OK;
}

/* --- the load --- */

static enum rc make_schema(struct round *round, struct reload_way *way,
                           const struct letter_row *row, bool keyless, struct error *err)
{
    struct arena *arena = &round->sink->reloading.arena;
    struct load_schema *schema = arena_alloc(arena, sizeof(*schema));
    struct table *source = arena_alloc(arena, sizeof(*source));
    struct column *columns = arena_alloc(arena, row->column_count * sizeof(*columns));
    struct load_column *targets = arena_alloc(arena, row->column_count * sizeof(*targets));
    struct slice *names = arena_alloc(arena, row->column_count * sizeof(*names));
    if (schema == NULL || source == NULL || columns == NULL || targets == NULL || names == NULL)
        return no_memory(err);
    for (uint32_t i = 0; i < row->column_count; i++) {
        names[i] = arena_copy(arena, row->columns[i]);
        if (names[i].ptr == NULL)
            return no_memory(err);
        columns[i].name = targets[i].target_name = names[i];
    }
    *source = (struct table){.db = way->target->db,
                             .name = way->target->table,
                             .columns = columns,
                             .column_count = row->column_count};
    *schema = (struct load_schema){.source = source,
                                   .db = way->target->db,
                                   .table = way->target->table,
                                   .columns = targets,
                                   .keyless = keyless};
    enum rc rc = column_set_rank(schema, arena, err);
    if (rc == RC_OK && row->partial)
        rc = sink_need_partial(round->sink, way->target, schema, err);
    if (rc != RC_OK)
        return rc;
    way->schema = schema;
    way->columns = names;
    way->partial = row->partial;
    return RC_OK;
}

/* All columns of the schema, as a set that leaves the table's others as they are. */
static enum rc number_set(const struct load_schema *schema, struct arena *arena, struct body *body,
                          uint32_t *set_out, struct error *err)
{
    size_t size = column_set_size(schema);
    uint8_t *bits = arena_alloc(arena, size);
    if (bits == NULL)
        return no_memory(err);
    for (uint32_t i = 0; i < schema->source->column_count; i++)
        column_set_add(schema, bits, i);
    return body_set_number(body, bits, size, set_out, err);
}

/* A row's name in the body: its key, or, of a table without one, its event. */
static struct slice name_of(const struct dead_letter_ref *ref)
{
    return ref->key.len > 0 ? ref->key : ref->id;
}

static enum rc draft_row(struct round *round, struct reload_way *way, const struct letter_row *row,
                         const struct dead_letter_ref *ref, struct body_draft *draft,
                         struct error *err)
{
    struct body *body = target_open_body(way->target);
    const char *mark =
        way->partial || ref->key.len == 0 ? NULL : round->sink->dialect->delete_column;
    uint32_t set = BODY_WHOLE;
    body_draft_begin(body, draft);
    enum rc rc = way->partial ? number_set(way->schema, &round->arena, body, &set, err) : RC_OK;
    if (rc != RC_OK)
        return rc;
    body_line_begin(body, draft);
    buf_add_slice(&body->keys, name_of(ref));
    body_line_key_end(body, draft);
    letter_row_add(row, mark, &body->data);
    rc = buf_check(&body->keys, "The key of a row", err);
    if (rc == RC_OK)
        rc = buf_check(&body->data, "The load body", err);
    if (rc == RC_OK)
        body_line_end(body, draft, set);
    return rc;
}

/* RC_FULL: it waits for the next epoch. */
static enum rc put_row(struct round *round, struct reload_way *way, const struct letter_row *row,
                       const struct dead_letter_ref *ref, struct error *err)
{
    struct stream_load *sink = round->sink;
    struct body *body = target_open_body(way->target);
    struct body_draft draft;
    uint64_t memory = body_memory(body);
    enum rc rc = draft_row(round, way, row, ref, &draft, err);
    if (rc == RC_OK && !round->again && !sink_has_room(sink, body, &draft, 0))
        rc = RC_FULL;
    if (rc != RC_OK) {
        body_draft_drop(body, &draft);
        return rc;
    }
    bool first = body->row_count == 0;
    rc = body_draft_keep(body, &draft, ref->key.len > 0, err);
    if (rc != RC_OK)
        return rc;
    if (first)
        sink_note_open(sink, way->target, way->schema);
    sink->open_rows++;
    sink->open_bytes += body_memory(body) - memory;
    way->full = !round->again && ref->key.len == 0 && !way->target->two_phase;
    round->rows++;
    return RC_OK;
}

/* --- the letters --- */

static bool is_meant(const struct round *round, uint64_t index)
{
    return round->again ? dead_letters_at(round->letters, index)->replay == round->epoch
                        : dead_letters_is_asked(round->letters, index);
}

static bool is_same_row(const struct dead_letter_ref *a, const struct dead_letter_ref *b)
{
    return a == b || (a->key.len > 0 && slice_equal(a->key, b->key) && slice_equal(a->db, b->db) &&
                      slice_equal(a->table, b->table));
}

/* The letters of the first one's row: they are meant as it is. */
static enum rc gather(struct round *round, uint64_t first, struct letters_of_key *found,
                      struct error *err)
{
    uint64_t count = dead_letters_count(round->letters);
    const struct dead_letter_ref *ref = dead_letters_at(round->letters, first);
    found->count = 0;
    found->indexes = arena_alloc(&round->arena, (count - first) * sizeof(*found->indexes));
    if (found->indexes == NULL)
        return no_memory(err);
    for (uint64_t i = first; i < count; i++)
        if (is_same_row(ref, dead_letters_at(round->letters, i)))
            found->indexes[found->count++] = i;
    return RC_OK;
}

static enum rc read_lines(struct round *round, const struct letters_of_key *found,
                          struct slice **lines_out, struct error *err)
{
    struct slice *lines = arena_alloc(&round->arena, found->count * sizeof(*lines));
    if (lines == NULL)
        return no_memory(err);
    buf_reset(&round->lines);
    for (uint32_t i = 0; i < found->count; i++) {
        size_t begin = round->lines.len;
        enum rc rc = dead_letters_line(round->letters, found->indexes[i], &round->lines, err);
        if (rc != RC_OK)
            return rc;
        lines[i].len = round->lines.len - begin;
    }
    const uint8_t *at = round->lines.ptr; /* which has moved while it grew */
    for (uint32_t i = 0; i < found->count; i++) {
        lines[i].ptr = at;
        at += lines[i].len;
    }
    *lines_out = lines;
    return RC_OK;
}

/* Whether the row can be in one load with those that are there. */
static bool goes_along(const struct reload_way *way, const struct letter_row *row, bool keyless)
{
    return way->partial == row->partial && way->schema->keyless == keyless &&
           letter_row_same_columns(row, way->columns, way->schema->source->column_count);
}

/* The row into its target's batch. RC_REJECTED: it has no place there. */
static enum rc place_row(struct round *round, const struct dead_letter_ref *ref,
                         const struct letter_row *row, struct error *err)
{
    struct reload_way *way;
    enum rc rc = find_way(round, ref, &way, err);
    if (rc == RC_OK)
        rc = check_columns(way, row, err);
    if (rc != RC_OK)
        return rc;
    bool keyless = ref->key.len == 0;
    if (way->schema != NULL && !goes_along(way, row, keyless))
        return RC_FULL;
    if (way->schema == NULL)
        rc = make_schema(round, way, row, keyless, err);
    if (rc == RC_UNSUPPORTED)
        return RC_REJECTED; /* a target that takes no rows without all columns; the text says it */
    return rc == RC_OK ? put_row(round, way, row, ref, err) : rc;
}

/* What cannot be loaded stays, and its first letter says why. */
static enum rc keep_letters(struct round *round, const struct letters_of_key *found,
                            const struct error *why, struct error *err)
{
    enum rc rc = RC_OK;
    if (round->again) {
        error_set(err, RC_MISMATCH, "Dead letters were being loaded when the engine ended: %s",
                  why->text);
        error_hint(err, "Make the target as it was, and start again.");
        return RC_MISMATCH;
    }
    for (uint32_t i = 0; rc == RC_OK && i < found->count; i++)
        rc = dead_letters_keep(round->letters, found->indexes[i],
                               i == 0 ? slice_of(why->text, why->text_len) : SLICE_EMPTY, err);
    return rc;
}

static enum rc take_key(struct round *round, uint64_t first, struct error *err)
{
    struct letters_of_key found;
    struct letter_row row;
    struct slice *lines = NULL;
    struct error why;
    arena_reset(&round->arena);
    error_clear(&why);
    const struct dead_letter_ref *ref = dead_letters_at(round->letters, first);
    enum rc rc = gather(round, first, &found, err);
    if (rc == RC_OK)
        rc = read_lines(round, &found, &lines, err);
    if (rc != RC_OK)
        return rc;
    rc = letter_row_merge(lines, found.count, round->sink->dialect->delete_column, &round->arena,
                          &row, &why);
    if (rc == RC_OK)
        rc = place_row(round, ref, &row, &why);
    if (rc == RC_FULL && !round->again)
        return RC_OK;
    if (rc == RC_FULL)
        rc = error_set(&why, RC_REJECTED, "Their columns are not those of one load any more.");
    if (rc == RC_REJECTED)
        return keep_letters(round, &found, &why, err);
    if (rc != RC_OK) {
        *err = why;
        return rc;
    }
    for (uint32_t i = 0; i < found.count; i++)
        dead_letters_mark(round->letters, found.indexes[i], round->epoch);
    return RC_OK;
}

/* Whether it may go now: its target takes more rows, and no earlier letter of the same row was met. */
static bool is_next(const struct round *round, uint64_t index)
{
    const struct dead_letter_ref *ref = dead_letters_at(round->letters, index);
    const struct reload_way *way = known_way(round, ref);
    if (!is_meant(round, index) || (way != NULL && way->full))
        return false;
    for (uint64_t i = 0; ref->key.len > 0 && i < index; i++)
        if (is_same_row(ref, dead_letters_at(round->letters, i)))
            return false;
    return true;
}

enum rc reload_take(struct stream_load *sink, uint64_t epoch, bool again, uint64_t *rows_out,
                    struct error *err)
{
    struct error own;
    struct round round = {
        .sink = sink, .letters = sink->refusing.letters, .epoch = epoch, .again = again};
    ASSERT(sink->open_rows == 0 && sink->epoch_count == 0 && round.letters != NULL);
    err = err == NULL ? &own : err;
    arena_reset(&sink->reloading.arena);
    arena_init(&round.arena, "the letters of a row", ARENA_MAX);
    buf_init(&round.lines, LINES_MAX);
    enum rc rc = RC_OK;
    for (uint64_t i = 0; rc == RC_OK && i < dead_letters_count(round.letters); i++)
        if (is_next(&round, i))
            rc = take_key(&round, i, err);
    buf_deinit(&round.lines);
    arena_deinit(&round.arena);
    if (rc == RC_OK)
        rc = dead_letters_apply(round.letters, err);
    sink->reloading.epoch = round.rows > 0 ? epoch : 0;
    *rows_out = round.rows;
    return rc;
}

/* --- when the target has refused a load --- */

static enum rc keep_row(struct stream_load *sink, const struct sealed_load *sealed, uint32_t row,
                        struct slice reason, struct error *err)
{
    struct dead_letters *letters = sink->refusing.letters;
    const struct body *body = sealed->task.load.body;
    const struct body_row *found = &body->rows[row];
    struct slice name = slice_of(body->keys.ptr + found->key_offset, found->key_len);
    enum rc rc = RC_OK;
    for (uint64_t i = 0; rc == RC_OK && i < dead_letters_count(letters); i++) {
        const struct dead_letter_ref *ref = dead_letters_at(letters, i);
        if (ref->replay != sealed->epoch->number || !slice_equal(ref->db, sealed->target->db) ||
            !slice_equal(ref->table, sealed->target->table) || !slice_equal(name_of(ref), name))
            continue;
        rc = dead_letters_keep(letters, i, reason, err);
        reason = SLICE_EMPTY; /* the first letter says it */
    }
    return rc;
}

/* A load that is refused as a whole, though none of its rows is, is not worth a stop: the rows were not at
 * the target before. */
static enum rc keep_all(struct stream_load *sink, struct sealed_load *sealed, struct error *err)
{
    struct body *body = &sealed->body->body;
    enum rc rc = RC_OK;
    for (uint32_t row = 0; rc == RC_OK && row < body->row_count; row++) {
        if (body->rows[row].len == 0)
            continue;
        rc =
            keep_row(sink, sealed, row,
                     SLICE("Its load was refused because of its rows, but none of them was refused "
                           "alone. Look for the reason in the target's log."),
                     err);
    }
    return rc;
}

static void drop_rows(struct sealed_load *sealed, bool all)
{
    struct body *body = &sealed->body->body;
    for (uint32_t row = 0; all && row < body->row_count; row++)
        if (body->rows[row].len > 0)
            body_drop_row(body, row);
    for (uint32_t i = 0; !all && i < sealed->refused.count; i++)
        body_drop_row(body, sealed->refused.rows[i].row);
}

enum rc reload_refuse(struct stream_load *sink, struct sealed_load *sealed, struct error *err)
{
    const struct refused_rows *refused = &sealed->refused;
    const struct body *body = sealed->task.load.body;
    bool all = refused->count == 0; /* of the load, and none alone */
    uint64_t rows = all ? body->live_rows : refused->count;
    enum rc rc = all ? keep_all(sink, sealed, err) : RC_OK;
    for (uint32_t i = 0; rc == RC_OK && i < refused->count; i++)
        rc = keep_row(sink, sealed, refused->rows[i].row, refused_rows_reason(refused, i), err);
    if (rc == RC_OK)
        rc = dead_letters_apply(sink->refusing.letters, err);
    if (rc != RC_OK)
        return rc;
    drop_rows(sealed, all);
    sealed->put_aside += rows;
    log_warn("sink.load", "The target refuses rows again; they stay dead letters.",
             LOG_SLICE("db", sealed->target->db), LOG_SLICE("table", sealed->target->table),
             LOG_U64("rows", rows), LOG_SLICE("label", sealed->task.load.label),
             LOG_STR("file", dead_letters_path(sink->refusing.letters)));
    return RC_OK;
}
