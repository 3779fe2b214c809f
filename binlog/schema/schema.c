/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A hash table of definitions by database and name, chained, which doubles when it is full; and one
 * of databases. Each definition is one allocation (definition_int.h).
 */
#include "schema_int.h"

#include <stdlib.h>

#include "definition_int.h"

#define FIRST_BUCKETS 64u

struct entry {
    struct entry *next; /* in the bucket */
    uint64_t hash;
    struct slice from;           /* owned, behind the definition */
    struct catalog_table *table; /* owned, behind this struct */
};

struct database {
    struct database *next;
    struct slice name; /* both behind this struct */
    struct slice collation;
};

struct schema {
    struct entry **buckets; /* owned */
    size_t bucket_count;
    size_t count;
    struct database *databases; /* owned; few */
};

enum rc schema_new(struct schema **schema_out, struct error *err)
{
    struct schema *schema = calloc(1, sizeof(*schema));
    if (schema != NULL)
        schema->buckets = calloc(FIRST_BUCKETS, sizeof(struct entry *));
    *schema_out = schema;
    if (schema == NULL || schema->buckets == NULL) {
        free(schema);
        *schema_out = NULL;
        return error_set(err, RC_MEMORY, "There is no memory for the definitions of tables.");
    }
    schema->bucket_count = FIRST_BUCKETS;
    return RC_OK;
}

void schema_clear(struct schema *schema)
{
    for (size_t i = 0; i < schema->bucket_count; i++) {
        while (schema->buckets[i] != NULL) {
            struct entry *entry = schema->buckets[i];
            schema->buckets[i] = entry->next;
            free(entry);
        }
    }
    schema->count = 0;
    while (schema->databases != NULL) {
        struct database *database = schema->databases;
        schema->databases = database->next;
        free(database);
    }
}

void schema_free(struct schema *schema)
{
    if (schema == NULL)
        return;
    schema_clear(schema);
    free(schema->buckets);
    free(schema);
}

size_t schema_count(const struct schema *schema)
{
    return schema->count;
}

static uint64_t hash_of(struct slice db, struct slice name)
{
    return slice_hash(db) * 31 + slice_hash(name);
}

static struct entry **slot_of(const struct schema *schema, struct slice db, struct slice name)
{
    struct entry **slot = &schema->buckets[hash_of(db, name) % schema->bucket_count];
    while (*slot != NULL &&
           !(slice_equal((*slot)->table->db, db) && slice_equal((*slot)->table->name, name)))
        slot = &(*slot)->next;
    return slot;
}

const struct catalog_table *schema_find(const struct schema *schema, struct slice db,
                                        struct slice name)
{
    const struct entry *entry = *slot_of(schema, db, name);
    return entry == NULL ? NULL : entry->table;
}

struct slice schema_origin(const struct schema *schema, struct slice db, struct slice name)
{
    const struct entry *entry = *slot_of(schema, db, name);
    return entry == NULL ? SLICE_EMPTY : entry->from;
}

/* Twice the buckets; without memory for them chains grow longer, and all is as right as before. */
static void spread(struct schema *schema)
{
    if (schema->count < schema->bucket_count)
        return;
    size_t count = 2 * schema->bucket_count;
    struct entry **buckets = calloc(count, sizeof(struct entry *));
    if (buckets == NULL)
        return;
    for (size_t i = 0; i < schema->bucket_count; i++) {
        while (schema->buckets[i] != NULL) {
            struct entry *entry = schema->buckets[i];
            schema->buckets[i] = entry->next;
            entry->next = buckets[entry->hash % count];
            buckets[entry->hash % count] = entry;
        }
    }
    free(schema->buckets);
    schema->buckets = buckets;
    schema->bucket_count = count;
}

enum rc schema_put_from(struct schema *schema, const struct catalog_table *table, struct slice from,
                        struct error *err)
{
    size_t size = definition_size(table);
    struct entry *entry = malloc(sizeof(*entry) + size + from.len);
    if (entry == NULL)
        return error_set(err, RC_MEMORY,
                         "There is no memory for the definition of table %.*s.%.*s.",
                         SLICE_ARG(table->db), SLICE_ARG(table->name));
    uint8_t *origin = (uint8_t *)(entry + 1) + size;
    if (from.len > 0)
        memcpy(origin, from.ptr, from.len);
    *entry = (struct entry){.hash = hash_of(table->db, table->name),
                            .table = definition_copy(table, entry + 1),
                            .from = slice_of(origin, from.len)};
    /* What is put may lie in what it replaces, so that goes last. */
    schema_remove(schema, entry->table->db, entry->table->name);
    spread(schema);
    struct entry **bucket = &schema->buckets[entry->hash % schema->bucket_count];
    entry->next = *bucket;
    *bucket = entry;
    schema->count++;
    return RC_OK;
}

enum rc schema_put(struct schema *schema, const struct catalog_table *table, struct error *err)
{
    return schema_put_from(schema, table, SLICE_EMPTY, err);
}

static void drop_slot(struct schema *schema, struct entry **slot)
{
    struct entry *entry = *slot;
    *slot = entry->next;
    free(entry);
    schema->count--;
}

void schema_remove(struct schema *schema, struct slice db, struct slice name)
{
    struct entry **slot = slot_of(schema, db, name);
    if (*slot != NULL)
        drop_slot(schema, slot);
}

void schema_remove_database(struct schema *schema, struct slice db)
{
    for (size_t i = 0; i < schema->bucket_count; i++) {
        struct entry **slot = &schema->buckets[i];
        while (*slot != NULL) {
            if (slice_equal((*slot)->table->db, db))
                drop_slot(schema, slot);
            else
                slot = &(*slot)->next;
        }
    }
    for (struct database **slot = &schema->databases; *slot != NULL; slot = &(*slot)->next) {
        if (!slice_equal((*slot)->name, db))
            continue;
        struct database *gone = *slot;
        *slot = gone->next;
        free(gone);
        return;
    }
}

enum rc schema_set_database(struct schema *schema, struct slice db, struct slice collation,
                            struct error *err)
{
    struct database *database = malloc(sizeof(*database) + db.len + collation.len);
    if (database == NULL)
        return error_set(err, RC_MEMORY, "There is no memory for the name of a database.");
    uint8_t *text = (uint8_t *)(database + 1);
    if (db.len > 0)
        memcpy(text, db.ptr, db.len);
    if (collation.len > 0)
        memcpy(text + db.len, collation.ptr, collation.len);
    *database = (struct database){.name = slice_of(text, db.len),
                                  .collation = slice_of(text + db.len, collation.len)};
    struct database **slot = &schema->databases;
    while (*slot != NULL && !slice_equal((*slot)->name, db))
        slot = &(*slot)->next;
    if (*slot != NULL)
        database->next = (*slot)->next;
    free(*slot);
    *slot = database;
    return RC_OK;
}

struct slice schema_database(const struct schema *schema, struct slice db)
{
    for (const struct database *at = schema->databases; at != NULL; at = at->next)
        if (slice_equal(at->name, db))
            return at->collation;
    return SLICE_EMPTY;
}

enum rc schema_each_database(const struct schema *schema, schema_visit_database_fn visit, void *ctx,
                             struct error *err)
{
    enum rc rc = RC_OK;
    for (const struct database *at = schema->databases; rc == RC_OK && at != NULL; at = at->next)
        rc = visit(ctx, at->name, at->collation, err);
    return rc;
}

static int compare(const void *a, const void *b)
{
    const struct catalog_table *const *left = a;
    const struct catalog_table *const *right = b;
    int order = slice_compare((*left)->db, (*right)->db);
    return order != 0 ? order : slice_compare((*left)->name, (*right)->name);
}

enum rc schema_each(const struct schema *schema, schema_visit_fn visit, void *ctx,
                    struct error *err)
{
    const struct catalog_table **list =
        calloc(schema->count + 1, sizeof(const struct catalog_table *));
    if (list == NULL)
        return error_set(err, RC_MEMORY, "There is no memory for a list of tables.");
    size_t count = 0;
    for (size_t i = 0; i < schema->bucket_count; i++)
        for (const struct entry *entry = schema->buckets[i]; entry != NULL; entry = entry->next)
            list[count++] = entry->table;
    ASSERT(count == schema->count);
    qsort(list, count, sizeof(list[0]), compare);
    enum rc rc = RC_OK;
    for (size_t i = 0; rc == RC_OK && i < count; i++)
        rc = visit(ctx, list[i], err);
    free(list);
    return rc;
}
