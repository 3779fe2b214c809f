/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which tables a statement may be about, without a history: by its words alone, or by reading it
 * where nothing is known. Told in history_int.h. No state; any thread.
 */
#include "history_int.h"

bool history_touches(const struct sql_statement *statement, struct slice default_db,
                     struct slice db, struct slice name)
{
    if (statement->kind == SQL_DATABASE_DDL)
        return statement->drops && statement->name_count == 1 &&
               slice_equal_nocase(statement->names[0].db, db);
    if (statement->kind != SQL_TABLE_DDL && statement->kind != SQL_UNKNOWN)
        return false;
    for (uint32_t i = 0; i < statement->name_count; i++) {
        struct sql_name named = statement->names[i];
        if (slice_equal_nocase(named.name, name) &&
            slice_equal_nocase(named.db.len > 0 ? named.db : default_db, db))
            return true;
    }
    return !statement->names_complete;
}

static enum rc find_nothing(void *ctx UNUSED, struct slice db UNUSED, struct slice name UNUSED,
                            const struct catalog_table **table_out, struct error *err UNUSED)
{
    *table_out = NULL;
    return RC_OK;
}

enum rc history_creates(const struct ddl_context *context, struct slice text, struct slice db,
                        struct slice name, bool *creates_out, struct error *err)
{
    struct arena arena;
    struct ddl_lookup lookup = {.find = find_nothing};
    struct ddl_result result;
    *creates_out = false;
    arena_init(&arena, "a statement's effects", (size_t)64 << 20);
    enum rc rc = ddl_read(context, &lookup, text, &arena, &result, err);
    bool settled = false;
    for (uint32_t i = 0; rc == RC_OK && i < result.effect_count && !settled; i++) {
        const struct ddl_effect *effect = &result.effects[i];
        bool from = slice_equal_nocase(effect->db, db) && slice_equal_nocase(effect->name, name);
        bool to = effect->new_name.len > 0 && slice_equal_nocase(effect->new_db, db) &&
                  slice_equal_nocase(effect->new_name, name);
        settled = from || to;
        *creates_out = from ? effect->kind == DDL_TABLE_CREATED : to;
    }
    arena_deinit(&arena);
    return rc;
}
