/* SPDX-License-Identifier: Apache-2.0 */
#include "history_state_int.h"

#include <stdlib.h>

#include "definition_int.h"

#define SCRATCH_BYTES_MAX ((size_t)256 << 20)

enum rc history_new(const struct history_options *options, struct history **history_out,
                    struct error *err)
{
    struct history *history = calloc(1, sizeof(*history));
    *history_out = NULL;
    if (history == NULL)
        return error_set(err, RC_MEMORY, "There is no memory for the history of tables.");
    history->options = *options;
    arena_init(&history->scratch, "a statement's effects", SCRATCH_BYTES_MAX);
    struct schema **const sets[] = {&history->known, &history->ghosts, &history->gone,
                                    &history->others, &history->changed};
    enum rc rc = RC_OK;
    for (unsigned i = 0; rc == RC_OK && i < COUNT_OF(sets); i++)
        rc = schema_new(sets[i], err);
    if (rc != RC_OK) {
        history_free(history);
        return rc;
    }
    *history_out = history;
    return RC_OK;
}

void history_free(struct history *history)
{
    if (history == NULL)
        return;
    schema_free(history->known);
    schema_free(history->ghosts);
    schema_free(history->gone);
    schema_free(history->others);
    schema_free(history->changed);
    while (history->lost != NULL) {
        struct history_lost *lost = history->lost;
        history->lost = lost->next;
        free(lost);
    }
    arena_deinit(&history->scratch);
    free(history);
}

bool history_lower_case_names(const struct history *history)
{
    return history->options.lower_case_names;
}

struct history_lost *history_lost_find(const struct history *history, struct slice db,
                                       struct slice name)
{
    struct history_lost *lost = history->lost;
    while (lost != NULL && !(slice_equal(lost->db, db) && slice_equal(lost->name, name)))
        lost = lost->next;
    return lost;
}

void history_lost_remove(struct history *history, struct slice db, struct slice name)
{
    for (struct history_lost **slot = &history->lost; *slot != NULL; slot = &(*slot)->next) {
        struct history_lost *lost = *slot;
        if (!slice_equal(lost->db, db) || !slice_equal(lost->name, name))
            continue;
        *slot = lost->next;
        free(lost);
        return;
    }
}

static size_t rounded(size_t size)
{
    return (size + 15) & ~(size_t)15;
}

static struct slice place_text(uint8_t **at, struct slice text)
{
    struct slice copy = slice_of(*at, text.len);
    if (text.len > 0)
        memcpy(*at, text.ptr, text.len);
    *at += text.len;
    return copy;
}

enum rc history_lost_add(struct history *history, const struct history_lost *lost,
                         struct error *err)
{
    size_t before_size = lost->before == NULL ? 0 : rounded(definition_size(lost->before));
    size_t then_size = lost->then == NULL ? 0 : rounded(definition_size(lost->then));
    size_t head = rounded(sizeof(*lost));
    uint8_t *memory =
        malloc(head + before_size + then_size + lost->db.len + lost->name.len + lost->reason.len);
    if (memory == NULL)
        return error_set(err, RC_MEMORY, "There is no memory for the history of tables.");
    struct history_lost *kept = (struct history_lost *)memory;
    uint8_t *text = memory + head + before_size + then_size;
    *kept = *lost;
    kept->db = place_text(&text, lost->db);
    kept->name = place_text(&text, lost->name);
    kept->reason = place_text(&text, lost->reason);
    if (lost->before != NULL)
        kept->before = definition_copy(lost->before, memory + head);
    if (lost->then != NULL)
        kept->then = definition_copy(lost->then, memory + head + before_size);
    history_lost_remove(history, kept->db, kept->name);
    kept->next = history->lost;
    history->lost = kept;
    return history_mark(history, kept->db, kept->name, err);
}

enum rc history_mark(struct history *history, struct slice db, struct slice name, struct error *err)
{
    struct catalog_table mark = {.db = db, .name = name};
    return schema_put(history->changed, &mark, err);
}

enum rc history_put(struct history *history, struct schema *set, const struct catalog_table *table,
                    struct slice db, struct slice name, struct slice from, struct error *err)
{
    struct catalog_table renamed = *table;
    renamed.db = db;
    renamed.name = name;
    const struct catalog_table *old = schema_find(set, db, name);
    bool is_news = old == NULL || !schema_table_equal(old, &renamed);
    enum rc rc = schema_put_from(set, &renamed, from, err);
    /* Nobody notes the tables that are not captured. */
    if (rc == RC_OK && is_news && set != history->others)
        rc = history_mark(history, db, name, err);
    return rc;
}

enum rc history_take(struct history *history, struct schema *set, struct slice db,
                     struct slice name, struct error *err)
{
    if (schema_find(set, db, name) == NULL)
        return RC_OK;
    enum rc rc = set == history->others ? RC_OK : history_mark(history, db, name, err);
    schema_remove(set, db, name);
    return rc;
}

bool history_knows(const struct history *history, struct slice db, struct slice name)
{
    return schema_find(history->known, db, name) != NULL ||
           schema_find(history->gone, db, name) != NULL ||
           history_lost_find(history, db, name) != NULL;
}

bool history_is_ghost(const struct history *history, struct slice db, struct slice name)
{
    struct slice real;
    return history->options.follows_ghosts && schema_find(history->known, db, name) == NULL &&
           ghost_of(name, &real) != GHOST_NONE &&
           history->options.wants(history->options.wants_ctx, db, real) &&
           history_knows(history, db, real);
}

bool history_captures(struct history *history, struct slice db, struct slice name)
{
    if (history->options.wants != NULL &&
        !history->options.wants(history->options.wants_ctx, db, name))
        return false;
    return !history_is_ghost(history, db, name);
}

enum rc history_find(void *ctx, struct slice db, struct slice name, bool refresh UNUSED,
                     const struct catalog_table **table_out, struct error *err)
{
    const struct history *history = ctx;
    *table_out = schema_find(history->known, db, name);
    if (*table_out != NULL)
        return RC_OK;
    const struct history_lost *lost = history_lost_find(history, db, name);
    if (lost == NULL)
        return error_set(err, RC_NOT_FOUND, "Nothing is known of table %.*s.%.*s at this place.",
                         SLICE_ARG(db), SLICE_ARG(name));
    return error_set(err, RC_NOT_FOUND,
                     "What the columns of table %.*s.%.*s are at this place is not known, because "
                     "of %.*s.",
                     SLICE_ARG(db), SLICE_ARG(name), SLICE_ARG(lost->reason));
}

struct slice history_lost_to(const struct history *history, struct slice db, struct slice name)
{
    const struct history_lost *lost = history_lost_find(history, db, name);
    return lost == NULL ? SLICE_EMPTY : lost->reason;
}

struct slice history_origin(const struct history *history, struct slice db, struct slice name)
{
    return schema_origin(history->known, db, name);
}

enum rc history_each(const struct history *history, schema_visit_fn visit, void *ctx,
                     struct error *err)
{
    return schema_each(history->known, visit, ctx, err);
}

enum rc history_each_later(const struct history *history, schema_visit_fn visit, void *ctx,
                           struct error *err)
{
    enum rc rc = RC_OK;
    for (const struct history_lost *lost = history->lost; rc == RC_OK && lost != NULL;
         lost = lost->next)
        if (lost->then != NULL)
            rc = visit(ctx, lost->then, err);
    return rc;
}

enum rc history_define(struct history *history, const struct catalog_table *table,
                       struct slice from, struct error *err)
{
    if (history_is_ghost(history, table->db, table->name))
        return history_put(history, history->ghosts, table, table->db, table->name, from, err);
    if (!history_captures(history, table->db, table->name))
        return RC_OK;
    history_lost_remove(history, table->db, table->name);
    return history_put(history, history->known, table, table->db, table->name, from, err);
}

enum rc history_define_database(struct history *history, struct slice db, struct slice collation,
                                struct error *err)
{
    if (slice_equal(schema_database(history->known, db), collation))
        return RC_OK;
    enum rc rc = schema_set_database(history->known, db, collation, err);
    return rc == RC_OK ? history_mark(history, db, SLICE_EMPTY, err) : rc;
}

enum rc history_lose(struct history *history, struct slice db, struct slice name,
                     struct slice reason, uint32_t later, const struct catalog_table *then,
                     struct error *err)
{
    struct history_lost lost = {.db = db,
                                .name = name,
                                .reason = reason,
                                .later = later,
                                .before = schema_find(history->known, db, name),
                                .then = later == 0 ? NULL : then};
    enum rc rc = history_lost_add(history, &lost, err);
    schema_remove(history->known, db, name);
    return rc;
}
