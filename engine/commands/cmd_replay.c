/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `millrace replay`: asks a pipeline, running or stopped, to load its dead letters again (docs/delivery.md).
 * Looks at the file without its lock, so that it can say what it asks for.
 */
#include "commands_int.h"

#include "../model/json_read.h"

enum { TEXT_MAX = 60 << 10 };
#define LETTER_MAX ((size_t)4 << 30)

/* The letters that are meant. */
struct meant {
    const struct dead_letters *letters;
    const struct pattern_set *tables; /* NULL: all */
};

static bool is_meant(const struct meant *meant, const struct dead_letter_ref *ref)
{
    return meant->tables == NULL || pattern_set_match(meant->tables, ref->db, ref->table);
}

static bool same_target(const struct dead_letter_ref *a, const struct dead_letter_ref *b)
{
    return slice_equal(a->db, b->db) && slice_equal(a->table, b->table);
}

/* Letters of the target, from its first on, and the rows that they are of: without a key each is one. */
static uint64_t count_target(const struct meant *meant, uint64_t first, uint64_t *rows_out)
{
    const struct dead_letter_ref *target = dead_letters_at(meant->letters, first);
    uint64_t count = 0;
    *rows_out = 0;
    for (uint64_t i = first; i < dead_letters_count(meant->letters); i++) {
        const struct dead_letter_ref *ref = dead_letters_at(meant->letters, i);
        bool met = false;
        if (!same_target(ref, target))
            continue;
        for (uint64_t k = first; !met && ref->key.len > 0 && k < i; k++) {
            const struct dead_letter_ref *older = dead_letters_at(meant->letters, k);
            met = same_target(older, target) && slice_equal(older->key, ref->key);
        }
        *rows_out += !met;
        count++;
    }
    return count;
}

static bool is_first_of_target(const struct meant *meant, uint64_t index)
{
    const struct dead_letter_ref *ref = dead_letters_at(meant->letters, index);
    for (uint64_t i = 0; i < index; i++)
        if (same_target(dead_letters_at(meant->letters, i), ref))
            return false;
    return true;
}

static void add_text(struct slice line, const char *name, struct buf *out)
{
    struct slice written;
    if (!json_member(line, name, &written) || written.ptr == NULL ||
        !json_string_text(written, out))
        buf_add_str(out, "not said");
}

static enum rc tell_target(const struct meant *meant, uint64_t first, struct buf *out,
                           struct error *err)
{
    const struct dead_letter_ref *ref = dead_letters_at(meant->letters, first);
    struct buf line;
    uint64_t rows = 0;
    uint64_t count = count_target(meant, first, &rows);
    buf_init(&line, LETTER_MAX);
    enum rc rc = dead_letters_line(meant->letters, first, &line, err);
    if (rc == RC_OK) {
        buf_addf(out, "%.*s.%.*s: letters %llu, rows %llu, the oldest since ", SLICE_ARG(ref->db),
                 SLICE_ARG(ref->table), (unsigned long long)count, (unsigned long long)rows);
        add_text(buf_slice(&line), "time", out);
        buf_add_str(out, ": ");
        add_text(buf_slice(&line), "reason", out);
        buf_add_byte(out, '\n');
    }
    buf_deinit(&line);
    return rc;
}

/* What would go, a line a target. */
static enum rc tell(const struct meant *meant, struct buf *out, struct error *err)
{
    enum rc rc = RC_OK;
    for (uint64_t i = 0; rc == RC_OK && i < dead_letters_count(meant->letters); i++)
        if (is_meant(meant, dead_letters_at(meant->letters, i)) && is_first_of_target(meant, i))
            rc = tell_target(meant, i, out, err);
    return rc;
}

static enum rc ask(const struct pipeline_file *file, const char *tables, struct error *err)
{
    struct buf text;
    buf_init(&text, TEXT_MAX);
    buf_add_str(&text, "replay: yes\n");
    if (tables != NULL)
        buf_addf(&text, "tables: %s\n", tables);
    enum rc rc = buf_check(&text, "the pattern of tables", err);
    if (rc == RC_OK)
        rc = command_ask(file->checkpoint_dir, buf_slice(&text),
                         "A pipeline that has not run yet has no dead letters.", err);
    buf_deinit(&text);
    return rc;
}

static enum rc check_policy(const struct pipeline_file *file, struct error *err)
{
    if (file->pipeline.rejected_rows == PIPELINE_REJECTED_DEAD_LETTER)
        return RC_OK;
    return error_set(err, RC_CONFIG,
                     "Dead letters are loaded again by a pipeline that may have some: set "
                     "`rejected.rows: dead-letter`.");
}

/* Looks, and asks unless it shall only look; `out` says what came of it. */
static enum rc replay(const struct pipeline_file *file, const char *tables, bool dry,
                      struct buf *out, struct error *err)
{
    struct pattern_set *pattern = NULL;
    struct dead_letters *letters = NULL;
    enum rc rc = tables == NULL ? RC_OK : pattern_set_new(tables, NULL, &pattern, err);
    if (rc == RC_OK)
        rc = check_policy(file, err);
    if (rc == RC_OK)
        rc = dead_letters_peek(pipeline_file_letters_dir(file), &letters, err);
    const struct meant meant = {.letters = letters, .tables = pattern};
    if (rc == RC_OK)
        rc = tell(&meant, out, err);
    if (rc == RC_OK && out->len > 0 && !dry)
        rc = ask(file, tables, err);
    if (out->len == 0)
        buf_add_str(out, "No dead letters wait.\n");
    else if (!dry)
        buf_add_str(out, "Asked for. A running pipeline begins within seconds and says in its log "
                         "what came of it; a stopped one when it is started.\n");
    dead_letters_close(letters);
    pattern_set_free(pattern);
    return rc == RC_OK ? buf_check(out, "the list of dead letters", err) : rc;
}

static enum exit_code run_replay(const struct command_parts *parts, const struct command_line *line)
{
    struct error err;
    struct pipeline_file file;
    struct buf out;
    error_clear(&err);
    const char *tables = command_value(line, "tables");
    if (tables != NULL && strchr(tables, '\n') != NULL) {
        error_set(&err, RC_USAGE, "The pattern of --tables has a line break.");
        return command_fail(&err, EXIT_CODE_USAGE);
    }
    enum rc rc = pipeline_file_open(parts, line->args[0], &file, &err);
    if (rc != RC_OK)
        return command_fail(&err, command_exit_code(&err));
    buf_init(&out, LETTER_MAX);
    rc = replay(&file, tables, command_value(line, "dry-run") != NULL, &out, &err);
    pipeline_file_close(&file);
    bool folder = rc == RC_IO || rc == RC_NOT_FOUND || rc == RC_CORRUPT;
    enum exit_code code =
        rc == RC_OK ? command_finish(&out)
                    : command_fail(&err, folder ? EXIT_CODE_CHECKPOINT : command_exit_code(&err));
    buf_deinit(&out);
    return code;
}

const struct command command_replay = {
    .name = "replay",
    .arguments = "PIPELINE.yaml",
    .summary = "Ask a running or stopped pipeline to load its dead letters again.",
    .args_min = 1,
    .args_max = 1,
    .options =
        {{"tables", "PATTERN",
          "Of which targets, as the letters name them, in the syntax of `tables`. Without it: "
          "all."},
         {"dry-run", NULL, "Only say what would be loaded."}},
    .run = run_replay,
};
