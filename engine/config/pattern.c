/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Table patterns: see pattern.h and facts/flink-cdc.md 1.1.
 *
 * Flink CDC swaps the meaning of "." and "\.": the first one separates database and table, the
 * second is the dot of the regular expression. It matches without regard to case, and so do we: a
 * file that is moved here must not lose a table. Beyond Flink, a dot or comma inside [] or {} is
 * left to the regular expression, and a half that is only "*" means any name.
 *
 * @thread pattern_set_match and pattern_set_excludes_db: any; one lock guards the match data.
 */
#include "pattern.h"

#include <pthread.h>
#include <stdlib.h>

#include "pattern_int.h"

enum {
    EXPRESSIONS_MAX = 1000,
    EXPRESSION_BYTES = 4096,
    MATCH_LIMIT = 1000000,
    DEPTH_LIMIT = 1000,
    HEAP_LIMIT_KIB = 1024
};

/* Apart from the set, which is const to its users: matching writes to the match data. */
struct pattern_lock {
    pthread_mutex_t mutex;
};

struct pattern_set {
    struct pattern_lock *lock; /* owned */
    struct pattern *include;   /* owned */
    unsigned include_count;
    struct pattern *exclude; /* owned */
    unsigned exclude_count;
};

/* The length up to the first `separator` outside [] and {} and not behind a backslash, or s.len. */
static size_t find_separator(struct slice s, uint8_t separator)
{
    bool in_class = false;
    bool in_braces = false;
    for (size_t i = 0; i < s.len; i++) {
        uint8_t c = s.ptr[i];
        if (c == '\\')
            i++;
        else if (in_class)
            in_class = c != ']';
        else if (c == '[')
            in_class = true;
        else if (c == '{')
            in_braces = true;
        else if (c == '}')
            in_braces = false;
        else if (c == separator && !in_braces)
            return i;
    }
    return s.len;
}

bool pattern_next(struct slice *rest, struct slice *expression_out)
{
    while (rest->len > 0) {
        size_t len = find_separator(*rest, ',');
        *expression_out = slice_trim(slice_of(rest->ptr, len));
        size_t used = len < rest->len ? len + 1 : len;
        *rest = slice_of(rest->ptr + used, rest->len - used);
        if (expression_out->len > 0)
            return true;
    }
    return false;
}

/* From Flink's spelling to PCRE2's: "\." is ".", "\," is ",", a lone "*" is ".*". */
static void translate(struct slice half, struct buf *out)
{
    if (slice_equal(half, SLICE("*"))) {
        buf_add_str(out, ".*");
        return;
    }
    for (size_t i = 0; i < half.len; i++) {
        bool pair = half.ptr[i] == '\\' && i + 1 < half.len;
        if (pair && half.ptr[i + 1] != '.' && half.ptr[i + 1] != ',')
            buf_add_byte(out, '\\');
        if (pair)
            i++;
        buf_add_byte(out, half.ptr[i]);
    }
}

static void half_deinit(struct pattern_half *half)
{
    pcre2_code_free(half->code);
    pcre2_match_data_free(half->groups);
    pcre2_match_context_free(half->limits);
    *half = (struct pattern_half){0};
}

void pattern_deinit(struct pattern *pattern)
{
    half_deinit(&pattern->db);
    half_deinit(&pattern->table);
}

static enum rc half_compile(struct slice expression, struct slice text, bool ignore_case,
                            struct pattern_half *half, struct error *err)
{
    struct buf regex;
    buf_init(&regex, EXPRESSION_BYTES);
    translate(text, &regex);
    enum rc rc = buf_check(&regex, "a table pattern", err);
    if (rc != RC_OK) {
        buf_deinit(&regex);
        return rc;
    }
    half->any = slice_equal(buf_slice(&regex), SLICE(".*"));
    uint32_t options = PCRE2_UTF | PCRE2_ANCHORED | PCRE2_ENDANCHORED | PCRE2_DOTALL |
                       PCRE2_NEVER_BACKSLASH_C | (ignore_case ? PCRE2_CASELESS : 0);
    int code = 0;
    PCRE2_SIZE at = 0;
    half->code = pcre2_compile(regex.ptr, regex.len, options, &code, &at, NULL);
    buf_deinit(&regex);
    if (half->code == NULL) {
        char why[200] = "";
        pcre2_get_error_message(code, (PCRE2_UCHAR *)why, sizeof(why));
        return error_set(err, RC_CONFIG,
                         "The table pattern '%.*s' is not a regular expression: %s in '%.*s'.",
                         SLICE_ARG(expression), why, SLICE_ARG(text));
    }
    /* Where there is no JIT the interpreter matches, with the same answer. */
    (void)pcre2_jit_compile(half->code, PCRE2_JIT_COMPLETE);
    pcre2_pattern_info(half->code, PCRE2_INFO_CAPTURECOUNT, &half->group_count);
    half->groups = pcre2_match_data_create_from_pattern(half->code, NULL);
    half->limits = pcre2_match_context_create(NULL);
    if (half->groups == NULL || half->limits == NULL)
        return error_set(err, RC_MEMORY, "There is no memory for the table patterns.");
    pcre2_set_match_limit(half->limits, MATCH_LIMIT);
    pcre2_set_depth_limit(half->limits, DEPTH_LIMIT);
    pcre2_set_heap_limit(half->limits, HEAP_LIMIT_KIB);
    return RC_OK;
}

enum rc pattern_compile(struct slice expression, bool ignore_case, struct pattern *pattern_out,
                        struct error *err)
{
    *pattern_out = (struct pattern){0};
    if (expression.len > EXPRESSION_BYTES)
        return error_set(err, RC_CONFIG, "A table pattern is longer than %d bytes.",
                         EXPRESSION_BYTES);
    if (expression.ptr[expression.len - 1] == '\\' &&
        (expression.len == 1 || expression.ptr[expression.len - 2] != '\\'))
        return error_set(err, RC_CONFIG, "The table pattern '%.*s' ends inside an escape.",
                         SLICE_ARG(expression));
    size_t dot = find_separator(expression, '.');
    struct slice db = slice_trim(slice_of(expression.ptr, dot));
    struct slice table = SLICE_EMPTY;
    if (dot < expression.len)
        table = slice_trim(slice_of(expression.ptr + dot + 1, expression.len - dot - 1));
    if (db.len == 0 || table.len == 0)
        return error_set(err, RC_CONFIG,
                         "The table pattern '%.*s' needs a database and a table, as in app.orders "
                         "or app.\\.*",
                         SLICE_ARG(expression));
    if (find_separator(table, '.') < table.len)
        return error_set(err, RC_CONFIG,
                         "The table pattern '%.*s' has more than one dot. The first separates "
                         "database and table; write a dot of the regular expression as \"\\.\", as "
                         "in app.order_\\.*",
                         SLICE_ARG(expression));
    enum rc rc = half_compile(expression, db, ignore_case, &pattern_out->db, err);
    if (rc == RC_OK)
        rc = half_compile(expression, table, ignore_case, &pattern_out->table, err);
    if (rc != RC_OK)
        pattern_deinit(pattern_out);
    return rc;
}

/* A name that costs more than the limits, or is not UTF-8, does not match. */
bool pattern_half_match(const struct pattern_half *half, struct slice name)
{
    const uint8_t *subject = name.ptr == NULL ? (const uint8_t *)"" : name.ptr;
    return pcre2_match(half->code, subject, name.len, 0, 0, half->groups, half->limits) > 0;
}

struct slice pattern_group(const struct pattern *pattern, unsigned group, struct slice db,
                           struct slice table)
{
    const struct pattern_half *half = &pattern->db;
    struct slice subject = db;
    if (group > half->group_count) {
        group -= half->group_count;
        half = &pattern->table;
        subject = table;
    }
    ASSERT(group >= 1 && group <= half->group_count);
    const PCRE2_SIZE *ends = pcre2_get_ovector_pointer(half->groups);
    if (ends[2 * group] == PCRE2_UNSET || ends[2 * group + 1] < ends[2 * group])
        return SLICE_EMPTY;
    return slice_of(subject.ptr + ends[2 * group], ends[2 * group + 1] - ends[2 * group]);
}

static enum rc compile_list(const char *text, struct pattern **list_out, unsigned *count_out,
                            struct error *err)
{
    unsigned count = 0;
    struct slice expression;
    for (struct slice rest = slice_str(text); pattern_next(&rest, &expression);)
        count++;
    if (count == 0)
        return RC_OK;
    if (count > EXPRESSIONS_MAX)
        return error_set(err, RC_CONFIG, "There are %u table patterns; at most %d are possible.",
                         count, EXPRESSIONS_MAX);
    struct pattern *list = calloc(count, sizeof(*list));
    if (list == NULL)
        return error_set(err, RC_MEMORY, "There is no memory for the table patterns.");
    *list_out = list;
    for (struct slice rest = slice_str(text); pattern_next(&rest, &expression);) {
        enum rc rc = pattern_compile(expression, true, &list[*count_out], err);
        if (rc != RC_OK)
            return rc;
        (*count_out)++;
    }
    return RC_OK;
}

enum rc pattern_set_new(const char *include, const char *exclude, struct pattern_set **set_out,
                        struct error *err)
{
    struct pattern_set *set = calloc(1, sizeof(*set));
    struct pattern_lock *lock = malloc(sizeof(*lock));
    if (set == NULL || lock == NULL) {
        free(set);
        free(lock);
        return error_set(err, RC_MEMORY, "There is no memory for the table patterns.");
    }
    pthread_mutex_init(&lock->mutex, NULL);
    set->lock = lock;
    enum rc rc = compile_list(include, &set->include, &set->include_count, err);
    if (rc == RC_OK && set->include_count == 0)
        rc = error_set(err, RC_CONFIG,
                       "The table patterns name no table. Write them as in app.orders or app.\\.*");
    if (rc == RC_OK)
        rc = compile_list(exclude, &set->exclude, &set->exclude_count, err);
    if (rc != RC_OK) {
        pattern_set_free(set);
        return rc;
    }
    *set_out = set;
    return RC_OK;
}

void pattern_set_free(struct pattern_set *set)
{
    if (set == NULL)
        return;
    for (unsigned i = 0; i < set->include_count; i++)
        pattern_deinit(&set->include[i]);
    for (unsigned i = 0; i < set->exclude_count; i++)
        pattern_deinit(&set->exclude[i]);
    free(set->include);
    free(set->exclude);
    pthread_mutex_destroy(&set->lock->mutex);
    free(set->lock);
    free(set);
}

static bool any_matches(const struct pattern *list, unsigned count, struct slice db,
                        struct slice table)
{
    for (unsigned i = 0; i < count; i++)
        if (pattern_half_match(&list[i].db, db) && pattern_half_match(&list[i].table, table))
            return true;
    return false;
}

bool pattern_set_match(const struct pattern_set *set, struct slice db, struct slice table)
{
    pthread_mutex_lock(&set->lock->mutex);
    bool match = any_matches(set->include, set->include_count, db, table) &&
                 !any_matches(set->exclude, set->exclude_count, db, table);
    pthread_mutex_unlock(&set->lock->mutex);
    return match;
}

bool pattern_set_excludes_db(const struct pattern_set *set, struct slice db)
{
    bool included = false;
    pthread_mutex_lock(&set->lock->mutex);
    for (unsigned i = 0; i < set->include_count && !included; i++)
        included = pattern_half_match(&set->include[i].db, db);
    for (unsigned i = 0; i < set->exclude_count && included; i++)
        included = !(set->exclude[i].table.any && pattern_half_match(&set->exclude[i].db, db));
    pthread_mutex_unlock(&set->lock->mutex);
    return !included;
}
