/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which schema changes are carried, by schema.change.behavior and the sink's include.schema.changes
 * and exclude.schema.changes (facts/flink-cdc.md 1.10, 1.11).
 */
#include "policy_int.h"

static const char *const words[] = {
    "add.column",    "alter.column.type", "create.table", "drop.column",    "drop.table",
    "rename.column", "truncate.table",    "rename.table", "comment.column", "comment.table"};

/* A word means a kind when it is the kind or some of its parts: "column", "drop", "alter.column". */
static bool means(const char *word, const char *kind)
{
    size_t len = strlen(word);
    for (const char *at = kind; len > 0 && (at = strstr(at, word)) != NULL; at++)
        if ((at == kind || at[-1] == '.') && (at[len] == '\0' || at[len] == '.'))
            return true;
    return false;
}

static bool listed(const struct cfg_list *list, const char *kind)
{
    for (unsigned i = 0; i < list->count; i++)
        if (means(list->items[i], kind))
            return true;
    return false;
}

static enum rc check_list(const char *key, const struct cfg_list *list, struct error *err)
{
    for (unsigned i = 0; i < list->count; i++) {
        bool known = false;
        for (unsigned k = 0; k < COUNT_OF(words); k++)
            known = known || means(list->items[i], words[k]);
        if (!known)
            return error_set(err, RC_CONFIG,
                             "key '%s' has \"%s\", which is no kind of schema change. There are "
                             "add.column, alter.column.type, create.table, drop.column, "
                             "drop.table, rename.column, rename.table and truncate.table.",
                             key, list->items[i]);
    }
    return RC_OK;
}

enum rc pipeline_schema_check(const struct sink_schema_config *schema, struct error *err)
{
    enum rc rc = check_list("include.schema.changes", &schema->include, err);
    if (rc == RC_OK)
        rc = check_list("exclude.schema.changes", &schema->exclude, err);
    if (rc == RC_OK && listed(&schema->exclude, "create.table"))
        rc = error_set(err, RC_CONFIG,
                       "key 'exclude.schema.changes' cannot take create.table away: the rows of a "
                       "captured table need a target. Leave the table out of `tables` instead.");
    return rc;
}

bool policy_carries(const struct pipeline *pipeline, const char *word)
{
    static const struct sink_schema_config all = {.include = {0}};
    const struct sink_schema_config *schema =
        pipeline->parts.schema == NULL ? &all : pipeline->parts.schema;
    if (strcmp(word, "create.table") == 0)
        return true;
    if (pipeline->parts.config->schema_change_behavior == BEHAVIOR_IGNORE)
        return false;
    if (schema->include.count > 0 && !listed(&schema->include, word))
        return false;
    if (schema->exclude.count > 0)
        return !listed(&schema->exclude, word);
    /* Flink's lenient keeps what these two would destroy, unless the user writes a list. */
    bool destroys = strcmp(word, "drop.table") == 0 || strcmp(word, "truncate.table") == 0;
    return !(destroys && schema->include.count == 0 &&
             pipeline->parts.config->schema_change_behavior == BEHAVIOR_LENIENT);
}
