/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One statement: its effects, one after the other, on the sets of the history; and what that means
 * for the tables that are captured.
 *
 * A helper table of gh-ost or pt-osc takes the place of its table in one RENAME or in two
 * statements, or after a DROP. The table waits in `gone` in between, and nothing is told; when the
 * new table comes, that was one ALTER; when the old one comes back, it was nothing; when neither can
 * come any more, the table was dropped.
 */
#include "history_state_int.h"

#include "definition_int.h"

enum { OTHERS_MAX = 1024, SHOWN = 120 };
/* Beside the count of a lost table, while a statement that touches it is in hand. */
#define LOST_TOUCHED (UINT32_C(1) << 31)

struct apply {
    struct history *history;
    const struct ddl_context *context;
    struct slice text;
    struct slice where;
    struct slice origin; /* "at " and that */
    struct history_change *changes;
    uint32_t change_count;
    uint32_t change_room;
    uint32_t step;
    struct slice reason; /* why the statement could not be read; empty: it was */
    struct error *err;
};

struct name {
    struct slice db;
    struct slice name;
};

static enum rc no_memory(const struct apply *apply)
{
    return error_set(apply->err, RC_LIMIT,
                     "The statement at %.*s changes more than fits in memory.",
                     SLICE_ARG(apply->where));
}

/* A name as the server keeps it. ptr NULL on want of memory. */
static struct slice server_name(const struct apply *apply, struct slice name)
{
    if (!apply->history->options.lower_case_names)
        return name;
    uint8_t *lower = arena_alloc(&apply->history->scratch, name.len);
    if (lower == NULL)
        return name;
    for (size_t i = 0; i < name.len; i++)
        lower[i] =
            (uint8_t)(name.ptr[i] >= 'A' && name.ptr[i] <= 'Z' ? name.ptr[i] + 32 : name.ptr[i]);
    return slice_of(lower, name.len);
}

static struct name old_name(const struct apply *apply, const struct ddl_effect *effect)
{
    return (struct name){server_name(apply, effect->db), server_name(apply, effect->name)};
}

static struct name new_name(const struct apply *apply, const struct ddl_effect *effect)
{
    if (effect->new_name.len == 0)
        return old_name(apply, effect);
    return (struct name){server_name(apply, effect->new_db), server_name(apply, effect->new_name)};
}

static bool same_name(struct name a, struct name b)
{
    return slice_equal(a.db, b.db) && slice_equal(a.name, b.name);
}

/* A copy that outlives what the sets do. NULL: there is none, or no memory. */
static const struct catalog_table *keep(const struct apply *apply,
                                        const struct catalog_table *table)
{
    void *memory =
        table == NULL ? NULL : arena_alloc(&apply->history->scratch, definition_size(table));
    return memory == NULL ? NULL : definition_copy(table, memory);
}

static struct history_change *add_change(struct apply *apply, enum table_change_kind kind,
                                         struct name name)
{
    if (apply->change_count == apply->change_room) {
        uint32_t room = apply->change_room == 0 ? 8 : 2 * apply->change_room;
        struct history_change *changes =
            arena_alloc(&apply->history->scratch, room * sizeof(*changes));
        if (changes == NULL)
            return NULL;
        if (apply->change_count > 0)
            memcpy(changes, apply->changes, apply->change_count * sizeof(*changes));
        apply->changes = changes;
        apply->change_room = room;
    }
    struct history_change *change = &apply->changes[apply->change_count++];
    *change = (struct history_change){
        .kind = kind, .db = name.db, .name = name.name, .step = apply->step};
    return change;
}

static enum rc tell_dropped(struct apply *apply, struct name name,
                            const struct catalog_table *before, bool lives_on)
{
    struct history_change *change = add_change(apply, TABLE_DROPPED, name);
    if (change == NULL)
        return no_memory(apply);
    change->before = before;
    change->lives_on = lives_on;
    return RC_OK;
}

/* That the table was dropped by this same statement is not the news when another comes in its
 * place. */
static void untell_dropped(struct apply *apply, struct name name)
{
    uint32_t kept = 0;
    for (uint32_t i = 0; i < apply->change_count; i++) {
        const struct history_change *change = &apply->changes[i];
        bool is_drop = change->kind == TABLE_DROPPED &&
                       same_name((struct name){change->db, change->name}, name);
        if (!is_drop)
            apply->changes[kept++] = *change;
    }
    apply->change_count = kept;
}

static enum rc tell_created(struct apply *apply, struct name name,
                            const struct catalog_table *after, bool rows_unknown)
{
    untell_dropped(apply, name);
    struct history_change *change = add_change(apply, TABLE_CREATED, name);
    if (change == NULL)
        return no_memory(apply);
    change->after = after;
    change->rows_unknown = rows_unknown;
    return RC_OK;
}

static bool is_column(const struct catalog_table *table, struct slice name, uint32_t *index_out)
{
    for (uint32_t i = 0; i < table->column_count; i++) {
        if (slice_equal_nocase(table->columns[i].name, name)) {
            *index_out = i;
            return true;
        }
    }
    return false;
}

/* Which column continues which, where nobody tells: by name. Where columns both vanish and appear,
 * one may have been renamed, and its values are not what the target has. */
static enum rc tell_altered_by_name(struct apply *apply, struct name name,
                                    const struct catalog_table *before,
                                    const struct catalog_table *after)
{
    uint32_t *origin = arena_alloc(&apply->history->scratch, after->column_count * sizeof(*origin));
    struct history_change *change = origin == NULL ? NULL : add_change(apply, TABLE_ALTERED, name);
    if (change == NULL)
        return no_memory(apply);
    uint32_t continued = 0;
    for (uint32_t i = 0; i < after->column_count; i++) {
        bool found = is_column(before, after->columns[i].name, &origin[i]);
        if (!found)
            origin[i] = TABLE_CHANGE_NEW_COLUMN;
        continued += found;
    }
    change->before = before;
    change->after = after;
    change->origin = origin;
    change->rows_unknown = continued < before->column_count && continued < after->column_count;
    return RC_OK;
}

static enum rc tell_altered(struct apply *apply, struct name name,
                            const struct catalog_table *before, const struct catalog_table *after,
                            const struct ddl_effect *effect)
{
    bool renamed = !slice_equal(before->db, after->db) || !slice_equal(before->name, after->name);
    if (!renamed && !effect->drops_rows && schema_table_equal(before, after))
        return RC_OK;
    if (effect->origin == NULL && !renamed)
        return tell_altered_by_name(apply, name, before, after);
    uint32_t *origin = arena_alloc(&apply->history->scratch, after->column_count * sizeof(*origin));
    struct history_change *change = origin == NULL ? NULL : add_change(apply, TABLE_ALTERED, name);
    if (change == NULL)
        return no_memory(apply);
    for (uint32_t i = 0; i < after->column_count; i++) {
        uint32_t from = effect->origin == NULL ? i : effect->origin[i];
        origin[i] = from == DDL_NEW_COLUMN ? TABLE_CHANGE_NEW_COLUMN : from;
    }
    change->before = before;
    change->after = after;
    change->origin = origin;
    change->rows_unknown = effect->drops_rows;
    return RC_OK;
}

/* What a captured table is from here on. */
static enum rc set_known(struct apply *apply, struct name name, const struct catalog_table *table)
{
    struct history *history = apply->history;
    history_lost_remove(history, name.db, name.name);
    schema_remove(history->gone, name.db, name.name);
    schema_remove(history->ghosts, name.db, name.name);
    schema_remove(history->others, name.db, name.name);
    enum rc rc = history_mark(history, name.db, name.name, apply->err);
    return rc != RC_OK ? rc
                       : history_put(history, history->known, table, name.db, name.name,
                                     apply->origin, apply->err);
}

static enum rc set_unknown(struct apply *apply, struct name name)
{
    struct history *history = apply->history;
    history_lost_remove(history, name.db, name.name);
    enum rc rc = history_mark(history, name.db, name.name, apply->err);
    schema_remove(history->known, name.db, name.name);
    schema_remove(history->gone, name.db, name.name);
    return rc;
}

/* A table that is not captured: followed where that may be of use. */
static enum rc set_other(struct apply *apply, struct name name, const struct catalog_table *table)
{
    struct history *history = apply->history;
    bool is_ghost = history_is_ghost(history, name.db, name.name);
    enum rc rc = RC_OK;
    if (!is_ghost || table == NULL)
        rc = history_take(history, history->ghosts, name.db, name.name, apply->err);
    schema_remove(history->others, name.db, name.name);
    if (rc != RC_OK || table == NULL)
        return rc;
    if (is_ghost)
        return history_put(history, history->ghosts, table, name.db, name.name, apply->origin,
                           apply->err);
    if (schema_count(history->others) >= OTHERS_MAX)
        schema_clear(history->others);
    return history_put(history, history->others, table, name.db, name.name, SLICE_EMPTY,
                       apply->err);
}

static enum rc lose(struct apply *apply, struct name name, uint32_t later,
                    const struct catalog_table *then)
{
    struct buf reason;
    buf_init(&reason, 2048);
    size_t shown = apply->text.len < SHOWN ? apply->text.len : SHOWN;
    while (shown > 0 && shown < apply->text.len && (apply->text.ptr[shown] & 0xc0) == 0x80)
        shown--; /* a note is UTF-8 */
    buf_addf(&reason, "the statement at %.*s", SLICE_ARG(apply->where));
    if (apply->reason.len > 0)
        buf_addf(&reason, ", which cannot be read (%.*s)", SLICE_ARG(apply->reason));
    buf_addf(&reason, ": %.*s%s", (int)shown, (const char *)apply->text.ptr,
             shown < apply->text.len ? "..." : "");
    enum rc rc = buf_check(&reason, "a statement", apply->err);
    if (rc == RC_OK)
        rc = history_lose(apply->history, name.db, name.name, buf_slice(&reason), later, then,
                          apply->err);
    log_warn("binlog.schema", "The columns of a table cannot be told behind a statement.",
             LOG_SLICE("db", name.db), LOG_SLICE("table", name.name),
             LOG_SLICE("because_of", buf_slice(&reason)));
    buf_deinit(&reason);
    return rc;
}

/* Asks for a definition that the statement does not tell; `*after` stays NULL when nobody can say. */
static enum rc resolve(struct apply *apply, struct name name, const struct catalog_table **after)
{
    struct history *history = apply->history;
    *after = NULL;
    const struct history_lost *lost = history_lost_find(history, name.db, name.name);
    if (lost != NULL && lost->later > 0)
        return RC_OK; /* it comes back by itself */
    if (history->options.resolve == NULL)
        return set_unknown(apply, name);
    const struct catalog_table *found = NULL;
    uint32_t later = 0;
    enum rc rc = history->options.resolve(history->options.resolve_ctx, name.db, name.name, &found,
                                          &later, apply->err);
    if (rc != RC_OK)
        return rc;
    found = keep(apply, found);
    if (later > 0)
        return lose(apply, name, later, found);
    if (found == NULL)
        return set_unknown(apply, name);
    *after = found;
    return set_known(apply, name, found);
}

/* What the captured table is from here on: what the statement told, else what the server says. NULL
 * when nobody can say; else a copy. */
static enum rc settle(struct apply *apply, struct name name, const struct catalog_table **after)
{
    enum rc rc = *after != NULL ? set_known(apply, name, *after) : resolve(apply, name, after);
    if (rc != RC_OK || *after == NULL)
        return rc;
    *after = keep(apply, schema_find(apply->history->known, name.db, name.name));
    return *after == NULL ? no_memory(apply) : RC_OK;
}

static enum rc on_created(struct apply *apply, const struct ddl_effect *effect)
{
    struct history *history = apply->history;
    struct name name = old_name(apply, effect);
    if (!history_captures(history, name.db, name.name))
        return set_other(apply, name, effect->after);
    const struct catalog_table *gone = keep(apply, schema_find(history->gone, name.db, name.name));
    const struct catalog_table *after = effect->after;
    enum rc rc = gone != NULL ? set_unknown(apply, name) : RC_OK;
    if (rc == RC_OK)
        rc = settle(apply, name, &after);
    if (rc != RC_OK || after == NULL)
        return rc;
    return tell_created(apply, name, after, effect->has_select);
}

static enum rc on_changed(struct apply *apply, const struct ddl_effect *effect)
{
    struct history *history = apply->history;
    struct name name = old_name(apply, effect);
    if (!history_captures(history, name.db, name.name))
        return set_other(apply, name, effect->after);
    const struct catalog_table *before =
        keep(apply, schema_find(history->known, name.db, name.name));
    const struct catalog_table *after = effect->after;
    enum rc rc = settle(apply, name, &after);
    if (rc != RC_OK || before == NULL || after == NULL)
        return rc;
    return tell_altered(apply, name, before, after, effect);
}

/* The table goes away under this name; what it was is kept where a helper may take its place. */
static enum rc put_aside(struct apply *apply, struct name name, const struct catalog_table *table)
{
    struct history *history = apply->history;
    enum rc rc =
        history_put(history, history->gone, table, name.db, name.name, apply->origin, apply->err);
    if (rc == RC_OK)
        rc = history_mark(history, name.db, name.name, apply->err);
    schema_remove(history->known, name.db, name.name);
    return rc;
}

static bool is_ghost_for(const struct history *history, struct name ghost, struct name table)
{
    struct slice real;
    return history->options.follows_ghosts && slice_equal(ghost.db, table.db) &&
           ghost_of(ghost.name, &real) != GHOST_NONE && slice_equal(real, table.name);
}

struct ghost_search {
    struct name table;
    bool found;
};

static enum rc look_for_ghost(void *ctx, const struct catalog_table *table,
                              struct error *err UNUSED)
{
    struct ghost_search *search = ctx;
    struct slice real;
    enum ghost_kind kind = ghost_of(table->name, &real);
    search->found |= (kind == GHOST_NEW || kind == GHOST_OLD) &&
                     slice_equal(table->db, search->table.db) &&
                     slice_equal(real, search->table.name);
    return RC_OK;
}

static enum rc has_ghost(const struct apply *apply, struct name name, bool *has_out)
{
    struct ghost_search search = {.table = name};
    enum rc rc = schema_each(apply->history->ghosts, look_for_ghost, &search, apply->err);
    *has_out = search.found;
    return rc;
}

static enum rc drop_captured(struct apply *apply, struct name name)
{
    struct history *history = apply->history;
    const struct catalog_table *before =
        keep(apply, schema_find(history->known, name.db, name.name));
    bool has = false;
    enum rc rc =
        history->options.follows_ghosts && before != NULL ? has_ghost(apply, name, &has) : RC_OK;
    if (rc == RC_OK && has)
        return put_aside(apply, name, before);
    const struct history_lost *lost = history_lost_find(history, name.db, name.name);
    if (rc != RC_OK || (before == NULL && lost == NULL))
        return rc; /* it waits in `gone`, or never was */
    if (before == NULL)
        before = keep(apply, lost->before);
    if (lost == NULL || lost->later == 0)
        rc = set_unknown(apply, name);
    return rc == RC_OK ? tell_dropped(apply, name, before, false) : rc;
}

static enum rc on_dropped(struct apply *apply, const struct ddl_effect *effect)
{
    struct name name = old_name(apply, effect);
    if (history_captures(apply->history, name.db, name.name))
        return drop_captured(apply, name);
    return set_other(apply, name, NULL);
}

/* A table that is not captured, or a helper, comes under a captured name. */
static enum rc move_in(struct apply *apply, struct name from, struct name to,
                       const struct catalog_table *after)
{
    struct history *history = apply->history;
    const struct catalog_table *gone = keep(apply, schema_find(history->gone, to.db, to.name));
    bool is_swap = gone != NULL && is_ghost_for(history, from, to);
    struct slice real;
    bool is_return = is_swap && ghost_of(from.name, &real) == GHOST_OLD;
    enum rc rc = set_other(apply, from, NULL);
    if (rc == RC_OK)
        rc = settle(apply, to, &after);
    if (rc != RC_OK || after == NULL)
        return rc;
    if (!is_swap)
        return tell_created(apply, to, after, true);
    if (is_return && schema_table_equal(gone, after))
        return RC_OK;
    return tell_altered_by_name(apply, to, gone, after);
}

/* A captured table goes under another name. */
static enum rc move_out(struct apply *apply, struct name from, struct name to,
                        const struct catalog_table *before, const struct catalog_table *after,
                        const struct ddl_effect *effect)
{
    struct history *history = apply->history;
    enum rc rc = RC_OK;
    if (before != NULL && is_ghost_for(history, to, from)) {
        rc = put_aside(apply, from, before);
        return rc == RC_OK ? set_other(apply, to, after != NULL ? after : before) : rc;
    }
    if (!history_captures(history, to.db, to.name)) {
        rc = set_unknown(apply, from);
        if (rc == RC_OK)
            rc = set_other(apply, to, after);
        return rc == RC_OK && before != NULL ? tell_dropped(apply, from, before, true) : rc;
    }
    rc = set_unknown(apply, from);
    if (rc == RC_OK)
        rc = settle(apply, to, &after);
    if (rc != RC_OK || after == NULL)
        return rc;
    return before != NULL ? tell_altered(apply, from, before, after, effect)
                          : tell_created(apply, to, after, true);
}

static enum rc on_moved(struct apply *apply, const struct ddl_effect *effect)
{
    struct history *history = apply->history;
    struct name from = old_name(apply, effect);
    struct name to = new_name(apply, effect);
    if (same_name(from, to))
        return on_changed(apply, effect);
    const struct catalog_table *before =
        keep(apply, schema_find(history->known, from.db, from.name));
    const struct catalog_table *after = effect->after;
    /* A rename alone keeps what is known of the table. */
    if (after == NULL && effect->kind == DDL_TABLE_RENAMED) {
        after = before;
        if (after == NULL)
            after = keep(apply, schema_find(history->ghosts, from.db, from.name));
        if (after == NULL)
            after = keep(apply, schema_find(history->others, from.db, from.name));
    }
    bool is_captured = before != NULL || history_lost_find(history, from.db, from.name) != NULL;
    if (is_captured)
        return move_out(apply, from, to, before, after, effect);
    if (history_captures(history, to.db, to.name))
        return move_in(apply, from, to, after);
    enum rc rc = set_other(apply, from, NULL);
    return rc == RC_OK ? set_other(apply, to, after) : rc;
}

struct database_drop {
    struct apply *apply;
    struct slice db;
    struct name *names;
    uint32_t count;
};

static enum rc note_table(void *ctx, const struct catalog_table *table, struct error *err UNUSED)
{
    struct database_drop *drop = ctx;
    if (slice_equal(table->db, drop->db)) {
        const struct catalog_table *kept = keep(drop->apply, table);
        if (kept == NULL)
            return no_memory(drop->apply);
        drop->names[drop->count++] = (struct name){kept->db, kept->name};
    }
    return RC_OK;
}

/* All that is of the database in one set goes; of captured tables it is told. */
static enum rc drop_tables(struct apply *apply, struct schema *set, struct slice db, bool tells)
{
    struct database_drop drop = {.apply = apply, .db = db};
    drop.names =
        arena_alloc(&apply->history->scratch, (schema_count(set) + 1) * sizeof(*drop.names));
    if (drop.names == NULL)
        return no_memory(apply);
    enum rc rc = schema_each(set, note_table, &drop, apply->err);
    for (uint32_t i = 0; rc == RC_OK && i < drop.count; i++) {
        struct name name = drop.names[i];
        if (tells) {
            rc =
                tell_dropped(apply, name, keep(apply, schema_find(set, name.db, name.name)), false);
            apply->step += i + 1 < drop.count;
        }
        if (rc == RC_OK)
            rc = history_take(apply->history, set, name.db, name.name, apply->err);
    }
    return rc;
}

static enum rc on_database_dropped(struct apply *apply, const struct ddl_effect *effect)
{
    struct history *history = apply->history;
    struct slice db = server_name(apply, effect->db);
    enum rc rc = drop_tables(apply, history->known, db, true);
    if (rc == RC_OK)
        rc = drop_tables(apply, history->gone, db, true);
    if (rc == RC_OK)
        rc = drop_tables(apply, history->ghosts, db, false);
    struct history_lost *next = NULL;
    for (struct history_lost *lost = history->lost; rc == RC_OK && lost != NULL; lost = next) {
        next = lost->next;
        if (slice_equal(lost->db, db) && lost->later == 0)
            rc = set_unknown(apply, (struct name){server_name(apply, lost->db),
                                                  arena_copy(&history->scratch, lost->name)});
    }
    schema_remove_database(history->others, db);
    schema_remove_database(history->known, db);
    return rc == RC_OK ? history_mark(history, db, SLICE_EMPTY, apply->err) : rc;
}

static enum rc on_effect(struct apply *apply, const struct ddl_effect *effect)
{
    switch (effect->kind) {
    case DDL_TABLE_CREATED:
        return on_created(apply, effect);
    case DDL_TABLE_ALTERED:
    case DDL_TABLE_RENAMED:
        return on_moved(apply, effect);
    case DDL_TABLE_DROPPED:
        return on_dropped(apply, effect);
    case DDL_DATABASE_SET:
        return history_define_database(apply->history, server_name(apply, effect->db),
                                       effect->collation, apply->err);
    case DDL_DATABASE_DROPPED:
        return on_database_dropped(apply, effect);
    case DDL_TABLE_TRUNCATED:
        break;
    }
    return RC_OK;
}

/* A statement that was not read: whatever it did, it did it to the tables that it names. */
static enum rc on_unread(struct apply *apply, struct name name)
{
    struct ddl_effect unknown = {.kind = DDL_TABLE_ALTERED, .db = name.db, .name = name.name};
    return name.name.len == 0 ? RC_OK : on_changed(apply, &unknown);
}

struct name_search {
    struct apply *apply;
    enum rc rc;
};

static bool on_name(void *ctx, struct sql_name found)
{
    struct name_search *search = ctx;
    struct apply *apply = search->apply;
    struct slice db = found.db.len > 0 ? found.db : apply->context->db;
    struct slice in_storage = arena_copy(&apply->history->scratch, found.name);
    struct name name = {server_name(apply, arena_copy(&apply->history->scratch, db)),
                        server_name(apply, in_storage)};
    if (history_knows(apply->history, name.db, name.name))
        search->rc = on_unread(apply, name);
    return search->rc != RC_OK;
}

/* Of a statement of a kind that nobody knows every word may be the name of a table. */
static enum rc on_unknown(struct apply *apply)
{
    struct name_search search = {.apply = apply};
    struct sql_dialect dialect = {.sql_mode = apply->context->sql_mode,
                                  .version = apply->context->version,
                                  .is_mariadb = apply->context->is_mariadb};
    (void)sql_scan_names(&dialect, apply->text, on_name, &search);
    return search.rc;
}

static enum rc on_unreadable(struct apply *apply, const struct ddl_result *result,
                             const struct sql_statement *statement)
{
    if (statement->kind == SQL_UNKNOWN)
        return on_unknown(apply);
    enum rc rc = RC_OK;
    for (uint32_t i = 0; rc == RC_OK && i < result->effect_count; i++) {
        const struct ddl_effect *effect = &result->effects[i];
        struct name from = old_name(apply, effect);
        struct name to = new_name(apply, effect);
        rc = on_unread(apply, from);
        if (rc == RC_OK && !same_name(from, to))
            rc = on_unread(apply, to);
        apply->step++;
    }
    for (uint32_t i = 0; rc == RC_OK && result->effect_count == 0 && i < statement->name_count;
         i++) {
        struct sql_name name = statement->names[i];
        struct slice db = name.db.len > 0 ? name.db : apply->context->db;
        rc = on_unread(apply, (struct name){server_name(apply, db), server_name(apply, name.name)});
    }
    return rc;
}

static enum rc note_gone(void *ctx, const struct catalog_table *table, struct error *err UNUSED)
{
    struct database_drop *list = ctx;
    const struct catalog_table *kept = keep(list->apply, table);
    if (kept == NULL)
        return no_memory(list->apply);
    list->names[list->count++] = (struct name){kept->db, kept->name};
    return RC_OK;
}

/* Tables that were put aside and whom neither helper nor original can follow any more. */
static enum rc finish_gone(struct apply *apply)
{
    struct history *history = apply->history;
    struct database_drop list = {.apply = apply};
    size_t count = schema_count(history->gone);
    if (count == 0)
        return RC_OK;
    list.names = arena_alloc(&history->scratch, count * sizeof(*list.names));
    if (list.names == NULL)
        return no_memory(apply);
    enum rc rc = schema_each(history->gone, note_gone, &list, apply->err);
    for (uint32_t i = 0; rc == RC_OK && i < list.count; i++) {
        struct name name = list.names[i];
        bool has = false;
        rc = has_ghost(apply, name, &has);
        if (rc != RC_OK || has)
            continue;
        /* Else the helper's name is one that is not captured. */
        bool is_drop = slice_starts_nocase(slice_trim(apply->text), SLICE("drop"));
        rc = tell_dropped(apply, name, keep(apply, schema_find(history->gone, name.db, name.name)),
                          !is_drop);
        if (rc == RC_OK)
            rc = set_unknown(apply, name);
        apply->step++;
    }
    return rc;
}

static enum rc lookup_find(void *ctx, struct slice db, struct slice name,
                           const struct catalog_table **table_out, struct error *err UNUSED)
{
    const struct apply *apply = ctx;
    const struct history *history = apply->history;
    struct schema *const sets[] = {history->known, history->ghosts, history->others};
    struct name key = {server_name(apply, db), server_name(apply, name)};
    *table_out = NULL;
    for (unsigned i = 0; *table_out == NULL && i < COUNT_OF(sets); i++)
        *table_out = schema_find(sets[i], key.db, key.name);
    return RC_OK;
}

static struct slice lookup_database(void *ctx, struct slice db)
{
    const struct apply *apply = ctx;
    return schema_database(apply->history->known, server_name(apply, db));
}

/* Lost tables that this statement touches come one closer to the definition that is known of later.
 */
static void count_down(const struct apply *apply, const struct sql_statement *statement)
{
    for (struct history_lost *lost = apply->history->lost; lost != NULL; lost = lost->next)
        if (lost->later > 0 && history_touches(statement, apply->context->db, lost->db, lost->name))
            lost->later |= LOST_TOUCHED;
}

/* One table that was touched by the last of the statements that had to pass. */
static enum rc regain_one(struct apply *apply, const struct history_lost *lost)
{
    struct history *history = apply->history;
    struct name name = {arena_copy(&history->scratch, lost->db),
                        arena_copy(&history->scratch, lost->name)};
    const struct catalog_table *before = keep(apply, lost->before);
    const struct catalog_table *then = keep(apply, lost->then);
    enum rc rc = set_unknown(apply, name);
    if (rc != RC_OK || then == NULL)
        return rc;
    rc = set_known(apply, name, then);
    return rc == RC_OK && before != NULL ? tell_altered_by_name(apply, name, before, then) : rc;
}

static enum rc regain(struct apply *apply)
{
    struct history *history = apply->history;
    enum rc rc = RC_OK;
    struct history_lost *next = NULL;
    for (struct history_lost *lost = history->lost; rc == RC_OK && lost != NULL; lost = next) {
        next = lost->next;
        if ((lost->later & LOST_TOUCHED) == 0)
            continue;
        lost->later = (lost->later & ~LOST_TOUCHED) - 1;
        rc = lost->later == 0 ? regain_one(apply, lost)
                              : history_mark(history, lost->db, lost->name, apply->err);
    }
    return rc;
}

enum rc history_statement(struct history *history, const struct ddl_context *context,
                          struct slice text, const struct sql_statement *statement,
                          struct slice where, struct history_result *result_out, struct error *err)
{
    struct apply apply = {
        .history = history, .context = context, .text = text, .where = where, .err = err};
    struct ddl_lookup lookup = {.find = lookup_find, .database = lookup_database, .ctx = &apply};
    struct ddl_result result;
    arena_reset(&history->scratch);
    *result_out = (struct history_result){.step_count = 1};
    uint8_t *origin = arena_alloc(&history->scratch, where.len + 3);
    if (origin == NULL)
        return no_memory(&apply);
    memcpy(origin, "at ", 3);
    memcpy(origin + 3, where.ptr, where.len);
    apply.origin = slice_of(origin, where.len + 3);
    count_down(&apply, statement);
    enum rc rc = ddl_read(context, &lookup, text, &history->scratch, &result, err);
    if (rc == RC_OK && result.verdict == DDL_UNREADABLE) {
        apply.reason = result.reason;
        rc = on_unreadable(&apply, &result, statement);
    }
    for (uint32_t i = 0; rc == RC_OK && result.verdict == DDL_UNDERSTOOD && i < result.effect_count;
         i++) {
        rc = on_effect(&apply, &result.effects[i]);
        apply.step++;
    }
    if (rc == RC_OK)
        rc = finish_gone(&apply);
    if (rc == RC_OK)
        rc = regain(&apply);
    result_out->changes = apply.changes;
    result_out->change_count = apply.change_count;
    if (apply.step > 1)
        result_out->step_count = apply.step;
    return rc;
}
