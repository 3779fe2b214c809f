/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `millrace compare`: is every row there, and is it right? Reads both sides and changes nothing. Beside
 * a running engine what is on its way is waited for (compare_int.h).
 */
#include "compare_int.h"

#include <stdlib.h>

#include "../base/text.h"
#include "../model/json.h"

enum { TEXT_MAX = 64 << 20, LIST_DEFAULT = 20, WAIT_DEFAULT_S = 60, PAIRS_MAX = 1 << 20 };

/* A source table and one of its targets. */
struct pair {
    struct table *table;
    struct sink_target target; /* the route set's */
};

struct compare {
    const struct command_parts *parts;
    const struct pipeline_file *file;
    struct pattern_set *tables; /* NULL: all */
    uint64_t list_max;
    struct source *source;
    struct compare_parts work;
    struct pair *pairs; /* owned */
    size_t pair_count;
    size_t pair_cap;
    unsigned compared;
    unsigned differing;
    bool is_behind;
    struct buf out;
};

static bool wants(void *ctx, struct slice db, struct slice table)
{
    return pattern_set_match(ctx, db, table);
}

/* ---- what is compared ---- */

static enum rc add_pair(struct compare *compare, struct table *table,
                        const struct route_target *target, struct error *err)
{
    if (compare->pair_count == compare->pair_cap) {
        size_t cap = compare->pair_cap == 0 ? 64 : compare->pair_cap * 2;
        struct pair *more =
            cap > PAIRS_MAX ? NULL : realloc(compare->pairs, cap * sizeof(struct pair));
        if (more == NULL)
            return error_set(err, RC_MEMORY, "There is no memory for the list of tables.");
        compare->pairs = more;
        compare->pair_cap = cap;
    }
    compare->pairs[compare->pair_count++] =
        (struct pair){.table = table, .target = {.db = target->db, .table = target->table}};
    return RC_OK;
}

static enum rc take_table(void *ctx, struct table *table, struct error *err)
{
    struct compare *compare = ctx;
    struct route_target targets[ROUTE_TARGETS_MAX];
    unsigned count = 0;
    enum rc rc = route_apply(compare->file->routes, table->db, table->name, targets, &count, err);
    for (unsigned i = 0; i < count && rc == RC_OK; i++)
        rc = add_pair(compare, table, &targets[i], err);
    return rc;
}

/* Whether rows of other tables lie in the same target. */
static bool has_others(const struct compare *compare, const struct pair *pair)
{
    for (size_t i = 0; i < compare->pair_count; i++) {
        const struct pair *other = &compare->pairs[i];
        if (other->table != pair->table && slice_equal(other->target.db, pair->target.db) &&
            slice_equal(other->target.table, pair->target.table))
            return true;
    }
    return false;
}

/* ---- what is told ---- */

static void add_name(struct buf *out, const struct pair *pair)
{
    buf_addf(out, "%.*s.%.*s", SLICE_ARG(pair->table->db), SLICE_ARG(pair->table->name));
    if (!slice_equal(pair->table->db, pair->target.db) ||
        !slice_equal(pair->table->name, pair->target.table))
        buf_addf(out, " -> %.*s.%.*s", SLICE_ARG(pair->target.db), SLICE_ARG(pair->target.table));
}

/* id=5, code="a b" */
static void add_key(struct buf *out, const struct table *table, struct slice key)
{
    for (uint32_t i = 0; i < table->key_count; i++) {
        const struct column *column = &table->columns[table->key[i]];
        uint32_t len = load_u32le(key.ptr);
        struct slice text = slice_of(key.ptr + 4, len);
        key = slice_of(key.ptr + 4 + len, key.len - 4 - len);
        buf_addf(out, "%s%.*s=", i == 0 ? "" : ", ", SLICE_ARG(column->name));
        if (column->kind == COLUMN_INT || column->kind == COLUMN_UINT) {
            buf_add_slice(out, text);
        } else if (column->kind == COLUMN_BYTES || !text_is_utf8(text)) {
            buf_add_str(out, "0x");
            buf_add_hex(out, text);
        } else {
            json_add_string(out, text);
        }
    }
}

static bool is_told(const struct compare_key *key, bool runs)
{
    return !key->is_gone && (key->is_known || !runs);
}

static void add_keys(struct compare *compare, const struct table *read,
                     const struct compare_result *result)
{
    static const char *const words[] = {
        [LOOK_DIFFERENT] = "different", [LOOK_MISSING] = "missing", [LOOK_EXTRA] = "extra"};
    uint64_t left = result->untold;
    uint64_t listed = 0;
    for (uint32_t i = 0; i < result->key_count; i++) {
        const struct compare_key *key = &result->keys[i];
        if (!is_told(key, compare->work.runs))
            continue;
        if (listed == compare->list_max) {
            left++;
            continue;
        }
        listed++;
        buf_addf(&compare->out, "      %-9s  ", words[key->verdict]);
        add_key(&compare->out, read, slice_of(result->bytes.ptr + key->key, key->key_len));
        if (key->columns_len > 0)
            buf_addf(&compare->out, ": %.*s", (int)key->columns_len,
                     (const char *)result->bytes.ptr + key->columns);
        buf_add_byte(&compare->out, '\n');
    }
    if (left > 0)
        buf_addf(&compare->out, "      and %llu more%s\n", (unsigned long long)left,
                 result->untold > 0 && compare->work.runs
                     ? ", some of which may only have been on their way"
                     : "");
}

/* What is known at the end: rows that were on their way are counted off. */
struct tally {
    uint64_t counts[LOOK_NEITHER];
    uint64_t moving; /* changed all the while, or the engine did not come so far */
};

static struct tally tally_of(const struct compare *compare, const struct compare_result *result)
{
    struct tally tally = {{0}, 0};
    memcpy(tally.counts, result->counts, sizeof(tally.counts));
    if (!compare->work.runs)
        return tally;
    /* Of those that there was no room for the first look counts. */
    memset(tally.counts, 0, sizeof(tally.counts));
    for (uint32_t i = 0; i < result->key_count; i++) {
        const struct compare_key *key = &result->keys[i];
        if (key->is_known)
            tally.counts[key->verdict]++;
        else if (!key->is_gone)
            tally.moving++;
    }
    return tally;
}

static bool tell_rows(struct compare *compare, const struct pair *pair, const struct table *read,
                      const struct compare_result *result)
{
    struct tally tally = tally_of(compare, result);
    uint64_t differences = tally.counts[LOOK_MISSING] + tally.counts[LOOK_DIFFERENT] +
                           tally.counts[LOOK_EXTRA] + tally.moving +
                           (compare->work.runs ? result->untold : 0);
    struct buf *out = &compare->out;
    buf_add_str(out, differences == 0 ? "ok    " : "FAIL  ");
    add_name(out, pair);
    buf_addf(out, ": %llu rows", (unsigned long long)result->rows);
    if (differences > 0)
        buf_addf(out, ", %llu missing, %llu different, %llu extra",
                 (unsigned long long)tally.counts[LOOK_MISSING],
                 (unsigned long long)tally.counts[LOOK_DIFFERENT],
                 (unsigned long long)tally.counts[LOOK_EXTRA]);
    if (tally.moving > 0)
        buf_addf(out, ", %llu %s", (unsigned long long)tally.moving,
                 result->is_behind ? "not carried yet" : "changing all the while");
    if (result->has_others)
        buf_add_str(out, "; other tables have rows there too, so extra ones are not looked for");
    buf_add_byte(out, '\n');
    if (differences > 0)
        add_keys(compare, read, result);
    compare->is_behind |= result->is_behind;
    return differences > 0;
}

static bool tell_counts(struct compare *compare, const struct pair *pair,
                        const struct compare_result *result)
{
    bool differs = result->has_others ? result->target_rows < result->rows
                                      : result->target_rows != result->rows;
    struct buf *out = &compare->out;
    buf_add_str(out, differs ? "FAIL  " : "ok    ");
    add_name(out, pair);
    buf_addf(out, ": %llu rows, %llu at the target; without a key only the numbers are compared\n",
             (unsigned long long)result->rows, (unsigned long long)result->target_rows);
    compare->is_behind |= result->is_behind;
    return differs;
}

static void tell_unfit(struct compare *compare, const struct pair *pair, const struct error *err)
{
    buf_add_str(&compare->out, "FAIL  ");
    add_name(&compare->out, pair);
    buf_addf(&compare->out, ": %s\n", err->text);
}

static enum rc compare_pair(struct compare *compare, const struct pair *pair,
                            struct compare_result *result, struct error *err)
{
    struct table *read = NULL;
    compare_result_deinit(result);
    compare_result_init(result);
    result->has_others = has_others(compare, pair);
    enum rc rc = compare_table(&compare->work, pair->table, &pair->target, result, &read, err);
    bool differs = true;
    if (rc != RC_OK && compare->work.blame != EXIT_CODE_DATA)
        return rc;
    if (rc != RC_OK)
        tell_unfit(compare, pair, err);
    else if (result->is_keyless)
        differs = tell_counts(compare, pair, result);
    else
        differs = tell_rows(compare, pair, read, result);
    error_clear(err);
    compare->compared++;
    compare->differing += differs;
    compare->work.blame = EXIT_CODE_INTERNAL;
    return command_flush(&compare->out, err);
}

/* ---- the command ---- */

static enum rc compare_all(struct compare *compare, struct error *err)
{
    struct compare_result *result = malloc(sizeof(*result));
    if (result == NULL)
        return error_set(err, RC_MEMORY, "There is no memory for a comparison.");
    compare_result_init(result);
    enum rc rc = compare->source->ops->tables(compare->source, take_table, compare, err);
    compare->work.blame = EXIT_CODE_SOURCE;
    for (size_t i = 0; i < compare->pair_count && rc == RC_OK; i++) {
        const struct pair *pair = &compare->pairs[i];
        if (compare->tables == NULL ||
            pattern_set_match(compare->tables, pair->table->db, pair->table->name))
            rc = compare_pair(compare, pair, result, err);
    }
    compare_result_deinit(result);
    free(result);
    if (rc != RC_OK || compare->compared > 0)
        return rc;
    compare->work.blame = EXIT_CODE_USAGE;
    return error_set(err, RC_USAGE,
                     "Nothing was compared: the source has no table that the pipeline captures%s. "
                     "Views and SEQUENCEs are no tables.",
                     compare->tables == NULL ? "" : " and --tables names");
}

static enum rc open_parts(struct compare *compare, struct error *err)
{
    const struct pipeline_file *file = compare->file;
    struct source_options source = {.config = file->source_config,
                                    .wants = wants,
                                    .wants_ctx = file->tables,
                                    .name = slice_str(file->pipeline.name)};
    struct sink_options sink = {.config = file->sink_config,
                                .pipeline = slice_str(file->pipeline.name),
                                .pipeline_id = SLICE("00000000000000000000000000000000"),
                                .source_name = slice_str(file->pipeline.name)};
    compare->work.blame = EXIT_CODE_USAGE;
    if (file->sink->look == NULL)
        return error_set(err, RC_USAGE,
                         "The sink of this pipeline (%s) has no tables that rows could be compared "
                         "with.",
                         file->sink->name);
    compare->work.blame = EXIT_CODE_SOURCE;
    enum rc rc = file->source->open(&source, &compare->source, err);
    if (rc == RC_OK)
        rc = compare->parts->scan->open(compare->source, &compare->work.scan, err);
    if (rc != RC_OK)
        return rc;
    compare->work.blame = EXIT_CODE_SINK;
    return file->sink->open(&sink, &compare->work.sink, err);
}

static void close_parts(struct compare *compare)
{
    if (compare->work.scan != NULL)
        compare->work.scan->ops->close(compare->work.scan);
    if (compare->work.sink != NULL)
        compare->work.sink->ops->close(compare->work.sink);
    if (compare->source != NULL)
        compare->source->ops->close(compare->source);
    free(compare->pairs);
    buf_deinit(&compare->out);
}

static enum exit_code tell_end(struct compare *compare)
{
    buf_addf(&compare->out, "%u %s compared, %u %s\n", compare->compared,
             compare->compared == 1 ? "table" : "tables", compare->differing,
             compare->differing == 1 ? "differs" : "differ");
    if (!compare->work.runs)
        buf_add_str(&compare->out,
                    "No engine runs: what it would still carry is a difference here.\n");
    if (compare->is_behind)
        buf_add_str(
            &compare->out,
            "The engine did not come as far as the source in time: some of this may be on its "
            "way. --wait gives it longer.\n");
    enum exit_code code = command_finish(&compare->out);
    return code == EXIT_CODE_OK && compare->differing > 0 ? EXIT_CODE_DATA : code;
}

static enum rc read_options(struct compare *compare, const struct command_line *line,
                            struct error *err)
{
    const char *tables = command_value(line, "tables");
    const char *list = command_value(line, "list");
    const char *wait = command_value(line, "wait");
    uint64_t wait_s = WAIT_DEFAULT_S;
    compare->list_max = LIST_DEFAULT;
    if ((list != NULL && !text_parse_u64(slice_str(list), &compare->list_max)) ||
        (wait != NULL && (!text_parse_u64(slice_str(wait), &wait_s) || wait_s > 86400)))
        return error_set(err, RC_USAGE, "--list and --wait take a whole number.");
    compare->work.wait_ms = wait_s * 1000;
    return tables == NULL ? RC_OK : pattern_set_new(tables, NULL, &compare->tables, err);
}

static enum exit_code run_compare(const struct command_parts *parts,
                                  const struct command_line *line)
{
    struct error err;
    error_clear(&err);
    struct pipeline_file file;
    struct compare compare = {.parts = parts, .file = &file};
    buf_init(&compare.out, TEXT_MAX);
    enum rc rc = read_options(&compare, line, &err);
    if (rc == RC_OK)
        rc = pipeline_file_open(parts, line->args[0], &file, &err);
    if (rc != RC_OK) {
        pattern_set_free(compare.tables);
        return command_fail(&err, command_exit_code(&err));
    }
    compare.work.store = parts->store;
    compare.work.file = &file;
    compare.work.runs = command_engine_runs(file.checkpoint_dir);
    rc = open_parts(&compare, &err);
    if (rc == RC_OK)
        rc = compare_all(&compare, &err);
    enum exit_code code = EXIT_CODE_OK;
    if (rc == RC_OK)
        code = tell_end(&compare);
    else if (rc != RC_EOF) /* nobody reads on */
        code = command_fail(&err, err.rc == RC_MEMORY ? EXIT_CODE_INTERNAL : compare.work.blame);
    close_parts(&compare);
    pattern_set_free(compare.tables);
    pipeline_file_close(&file);
    return code;
}

const struct command command_compare = {
    .name = "compare",
    .arguments = "PIPELINE.yaml",
    .summary = "Compare the rows of source and target, value by value; name those that differ.",
    .args_min = 1,
    .args_max = 1,
    .options = {{"tables", "PATTERN",
                 "Only these of the pipeline's tables, in the syntax of "
                 "`tables`."},
                {"list", "N", "Name at most N rows of a table (20)."},
                {"wait", "SECONDS",
                 "How long a running engine may take to come as far as the source "
                 "(60)."}},
    .run = run_compare,
};
