/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Routes: see route.h and facts/flink-cdc.md 1.8.
 *
 * As in Flink, a route is matched with regard to case (table patterns are not), and $1..$9 are read
 * only where there is no replace-symbol. The dot of a sink-table is found before anything is put
 * into it, so a source name with a dot in it does no harm. Two routes to the same target count as
 * one: a row must not arrive twice.
 *
 * Answers are remembered: a table is asked for again at every schema change.
 *
 * @thread one.
 */
#include "route.h"

#include <stdlib.h>

#include "../base/arena.h"
#include "pattern_int.h"

enum { BUCKETS = 256, ANSWERS_BYTES = 64 << 20, NAME_BYTES = 1024, SOURCES_MAX = 1000 };

struct route {
    struct pattern *patterns; /* owned; the comma list of source-table */
    unsigned pattern_count;
    struct slice sink_db; /* template; borrowed from the configuration */
    struct slice sink_table;
    struct slice symbol; /* empty: none */
    unsigned line;
};

/* What a source table was answered. */
struct answer {
    struct answer *next;
    struct slice db;
    struct slice table;
    unsigned count;
    struct route_target targets[ROUTE_TARGETS_MAX];
};

struct route_set {
    enum route_mode mode;
    unsigned count;
    struct route *routes; /* owned */
    struct arena arena;   /* answers and their names */
    struct answer *answers[BUCKETS];
};

static enum rc bad_sink(const struct route *route, struct slice text, const char *why,
                        struct error *err)
{
    return error_set(err, RC_CONFIG, "The sink-table '%.*s' of the route in line %u %s",
                     SLICE_ARG(text), route->line, why);
}

/* Every $ that a digit follows must name a group of every expression of the route. */
static enum rc check_groups(const struct route *route, struct slice text, struct error *err)
{
    for (size_t i = 0; i + 1 < text.len; i++) {
        if (text.ptr[i] != '$' || text.ptr[i + 1] < '0' || text.ptr[i + 1] > '9')
            continue;
        unsigned group = (unsigned)text.ptr[i + 1] - '0';
        if (group == 0)
            return bad_sink(route, text, "holds $0; the groups are $1 to $9.", err);
        for (unsigned p = 0; p < route->pattern_count; p++)
            if (group > route->patterns[p].db.group_count + route->patterns[p].table.group_count)
                return bad_sink(route, text,
                                "names a group that its source-table does not have; a group is "
                                "made with ( and ).",
                                err);
    }
    return RC_OK;
}

static enum rc compile_sources(struct route *route, const char *source, struct error *err)
{
    unsigned count = 0;
    struct slice expression;
    for (struct slice rest = slice_str(source); pattern_next(&rest, &expression);)
        count++;
    if (count == 0 || count > SOURCES_MAX)
        return error_set(err, RC_CONFIG, "The route in line %u needs 1 to %d source tables.",
                         route->line, SOURCES_MAX);
    route->patterns = calloc(count, sizeof(*route->patterns));
    if (route->patterns == NULL)
        return error_set(err, RC_MEMORY, "There is no memory for the routes.");
    for (struct slice rest = slice_str(source); pattern_next(&rest, &expression);) {
        enum rc rc =
            pattern_compile(expression, false, &route->patterns[route->pattern_count], err);
        if (rc != RC_OK) {
            error_wrap(err, "The route in line %u", route->line);
            return rc;
        }
        route->pattern_count++;
    }
    return RC_OK;
}

static enum rc route_init(struct route *route, const struct cfg_route *from, struct error *err)
{
    route->line = from->line;
    route->symbol = slice_str(from->replace_symbol);
    enum rc rc = compile_sources(route, from->source_table, err);
    if (rc != RC_OK)
        return rc;
    struct slice sink = slice_trim(slice_str(from->sink_table));
    const uint8_t *dot = sink.len == 0 ? NULL : memchr(sink.ptr, '.', sink.len);
    size_t db_len = dot == NULL ? 0 : (size_t)(dot - sink.ptr);
    size_t table_len = dot == NULL ? 0 : sink.len - db_len - 1;
    if (db_len == 0 || table_len == 0 || memchr(dot + 1, '.', table_len) != NULL)
        return bad_sink(route, sink, "must be a database, a dot and a table.", err);
    route->sink_db = slice_of(sink.ptr, db_len);
    route->sink_table = slice_of(dot + 1, table_len);
    return route->symbol.len > 0 ? RC_OK : check_groups(route, sink, err);
}

enum rc route_set_new(const struct cfg_route *routes, unsigned count, enum route_mode mode,
                      struct route_set **set_out, struct error *err)
{
    struct route_set *set = calloc(1, sizeof(*set));
    if (set == NULL)
        return error_set(err, RC_MEMORY, "There is no memory for the routes.");
    set->mode = mode;
    arena_init(&set->arena, "routes", ANSWERS_BYTES);
    set->routes = calloc(count == 0 ? 1 : count, sizeof(*set->routes));
    enum rc rc = RC_OK;
    if (set->routes == NULL)
        rc = error_set(err, RC_MEMORY, "There is no memory for the routes.");
    for (unsigned i = 0; i < count && rc == RC_OK; i++) {
        set->count = i + 1;
        rc = route_init(&set->routes[i], &routes[i], err);
    }
    if (rc != RC_OK) {
        route_set_free(set);
        return rc;
    }
    *set_out = set;
    return RC_OK;
}

void route_set_free(struct route_set *set)
{
    if (set == NULL)
        return;
    for (unsigned i = 0; i < set->count; i++) {
        for (unsigned p = 0; p < set->routes[i].pattern_count; p++)
            pattern_deinit(&set->routes[i].patterns[p]);
        free(set->routes[i].patterns);
    }
    free(set->routes);
    arena_deinit(&set->arena);
    free(set);
}

/* One half of a sink-table with the source's names put in. */
static void expand(const struct route *route, const struct pattern *pattern, struct slice text,
                   struct slice db, struct slice table, struct buf *out)
{
    size_t i = 0;
    while (i < text.len) {
        struct slice rest = slice_of(text.ptr + i, text.len - i);
        struct slice symbol = route->symbol;
        if (symbol.len > 0 && rest.len >= symbol.len &&
            slice_equal(slice_of(rest.ptr, symbol.len), symbol)) {
            buf_add_slice(out, table);
            i += symbol.len;
        } else if (symbol.len == 0 && rest.len >= 2 && rest.ptr[0] == '$' && rest.ptr[1] >= '1' &&
                   rest.ptr[1] <= '9') {
            buf_add_slice(out, pattern_group(pattern, (unsigned)rest.ptr[1] - '0', db, table));
            i += 2;
        } else {
            buf_add_byte(out, rest.ptr[0]);
            i++;
        }
    }
}

static enum rc make_name(struct route_set *set, const struct route *route,
                         const struct pattern *pattern, struct slice text, struct slice db,
                         struct slice table, struct slice *name_out, struct error *err)
{
    struct buf name;
    buf_init(&name, NAME_BYTES);
    expand(route, pattern, text, db, table, &name);
    enum rc rc = buf_check(&name, "the name of a target table", err);
    if (rc == RC_OK && name.len == 0)
        rc = error_set(err, RC_CONFIG,
                       "The route in line %u gives the table %.*s.%.*s a target with an empty "
                       "name.",
                       route->line, SLICE_ARG(db), SLICE_ARG(table));
    if (rc == RC_OK) {
        *name_out = arena_copy(&set->arena, buf_slice(&name));
        if (name_out->ptr == NULL)
            rc = error_set(err, RC_LIMIT, "There are too many tables for the routes (%zu bytes).",
                           set->arena.used_bytes);
    }
    buf_deinit(&name);
    return rc;
}

static enum rc add_target(struct answer *answer, struct route_target target, struct error *err)
{
    for (unsigned i = 0; i < answer->count; i++)
        if (slice_equal(answer->targets[i].db, target.db) &&
            slice_equal(answer->targets[i].table, target.table))
            return RC_OK;
    if (answer->count == ROUTE_TARGETS_MAX)
        return error_set(err, RC_CONFIG,
                         "The table %.*s.%.*s has more than %d targets; take routes out, or set "
                         "route-mode to FIRST_MATCH.",
                         SLICE_ARG(answer->db), SLICE_ARG(answer->table), ROUTE_TARGETS_MAX);
    answer->targets[answer->count++] = target;
    return RC_OK;
}

/* The expression of the route that matches, or NULL. */
static const struct pattern *match_route(const struct route *route, struct slice db,
                                         struct slice table)
{
    for (unsigned i = 0; i < route->pattern_count; i++)
        if (pattern_half_match(&route->patterns[i].db, db) &&
            pattern_half_match(&route->patterns[i].table, table))
            return &route->patterns[i];
    return NULL;
}

static enum rc find_targets(struct route_set *set, struct answer *answer, struct error *err)
{
    struct slice db = answer->db;
    struct slice table = answer->table;
    for (unsigned i = 0; i < set->count; i++) {
        const struct route *route = &set->routes[i];
        const struct pattern *pattern = match_route(route, db, table);
        if (pattern == NULL)
            continue;
        struct route_target target;
        enum rc rc = make_name(set, route, pattern, route->sink_db, db, table, &target.db, err);
        if (rc == RC_OK)
            rc = make_name(set, route, pattern, route->sink_table, db, table, &target.table, err);
        if (rc == RC_OK)
            rc = add_target(answer, target, err);
        if (rc != RC_OK)
            return rc;
        if (set->mode == ROUTE_FIRST_MATCH)
            break;
    }
    if (answer->count == 0)
        answer->targets[answer->count++] = (struct route_target){.db = db, .table = table};
    return RC_OK;
}

static struct answer **bucket_of(struct route_set *set, struct slice db, struct slice table)
{
    return &set->answers[(slice_hash(db) * 31 + slice_hash(table)) % BUCKETS];
}

enum rc route_apply(struct route_set *set, struct slice db, struct slice table,
                    struct route_target targets[ROUTE_TARGETS_MAX], unsigned *count_out,
                    struct error *err)
{
    struct answer **bucket = bucket_of(set, db, table);
    struct answer *answer = *bucket;
    while (answer != NULL && !(slice_equal(answer->db, db) && slice_equal(answer->table, table)))
        answer = answer->next;
    if (answer == NULL) {
        answer = arena_alloc(&set->arena, sizeof(*answer));
        if (answer != NULL) {
            answer->db = arena_copy(&set->arena, db);
            answer->table = arena_copy(&set->arena, table);
        }
        if (answer == NULL || answer->db.ptr == NULL || answer->table.ptr == NULL)
            return error_set(err, RC_LIMIT, "There are too many tables for the routes (%zu bytes).",
                             set->arena.used_bytes);
        enum rc rc = find_targets(set, answer, err);
        if (rc != RC_OK)
            return rc;
        answer->next = *bucket;
        *bucket = answer;
    }
    memcpy(targets, answer->targets, answer->count * sizeof(targets[0]));
    *count_out = answer->count;
    return RC_OK;
}
