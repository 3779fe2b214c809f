/* SPDX-License-Identifier: Apache-2.0 */
#include "schema_file_int.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#define FILE_BYTES_MAX ((size_t)1 << 30)
#define DEFINITION_BYTES_MAX ((size_t)64 << 20)
#define PATH_SHOWN 300

/* The text while it is read, statement by statement. */
struct script {
    const char *path;
    const uint8_t *ptr;
    const uint8_t *end;
    unsigned line; /* of `ptr` */
    struct history *history;
    struct buf db; /* of the last USE */
    bool is_mariadb;
    uint32_t version;
    unsigned tables;
};

static bool starts(const struct script *script, const uint8_t *at, const char *word)
{
    size_t len = strlen(word);
    return (size_t)(script->end - at) >= len && memcmp(at, word, len) == 0;
}

/* Behind the quoted text that begins at `at`. */
static const uint8_t *skip_quoted(const struct script *script, const uint8_t *at)
{
    uint8_t quote = *at++;
    while (at < script->end && *at != quote)
        at += *at == '\\' && quote != '`' && script->end - at > 1 ? 2 : 1;
    return at < script->end ? at + 1 : script->end;
}

static const uint8_t *skip_line(const struct script *script, const uint8_t *at)
{
    while (at < script->end && *at != '\n')
        at++;
    return at;
}

static const uint8_t *skip_comment(const struct script *script, const uint8_t *at)
{
    at += 2;
    while (at < script->end && !starts(script, at, "*/"))
        at++;
    return at < script->end ? at + 2 : script->end;
}

static bool is_line_comment(const struct script *script, const uint8_t *at)
{
    return *at == '#' || starts(script, at, "-- ") || starts(script, at, "--\n") ||
           starts(script, at, "--\t");
}

static void count_lines(struct script *script, const uint8_t *to)
{
    for (; script->ptr < to; script->ptr++)
        script->line += *script->ptr == '\n';
}

/* White space, comments and semicolons before a statement. A comment of the dump program names the
 * server, which decides what versioned comments mean. */
static void skip_blank(struct script *script)
{
    while (script->ptr < script->end) {
        const uint8_t *at = script->ptr;
        if (is_line_comment(script, at))
            count_lines(script, skip_line(script, at));
        else if (starts(script, at, "/*") && !starts(script, at, "/*!") &&
                 !starts(script, at, "/*M!"))
            count_lines(script, skip_comment(script, at));
        else if (*at <= ' ' || *at == ';')
            count_lines(script, at + 1);
        else
            return;
    }
}

/* The next statement without its semicolon. */
static struct slice next_statement(struct script *script, unsigned *line_out)
{
    skip_blank(script);
    const uint8_t *start = script->ptr;
    const uint8_t *at = start;
    *line_out = script->line;
    while (at < script->end && *at != ';') {
        if (*at == '\'' || *at == '"' || *at == '`')
            at = skip_quoted(script, at);
        else if (is_line_comment(script, at))
            at = skip_line(script, at);
        else if (starts(script, at, "/*") && !starts(script, at, "/*!") &&
                 !starts(script, at, "/*M!"))
            at = skip_comment(script, at);
        else
            at++;
    }
    count_lines(script, at);
    return slice_trim(slice_of(start, (size_t)(at - start)));
}

static enum rc at_line(const struct script *script, unsigned line, const char *what,
                       struct slice reason, struct error *err)
{
    return error_set(err, RC_CONFIG, "%.*s, line %u: %s %.*s", PATH_SHOWN, script->path, line, what,
                     SLICE_ARG(reason));
}

/* USE `name`: true when the statement is one. */
static bool take_use(struct script *script, struct slice text)
{
    if (!slice_starts_nocase(text, SLICE("USE")) || text.len < 5 || text.ptr[3] > ' ')
        return false;
    struct slice name = slice_trim(slice_of(text.ptr + 3, text.len - 3));
    buf_reset(&script->db);
    bool is_quoted = name.len >= 2 && (name.ptr[0] == '`' || name.ptr[0] == '"');
    for (size_t i = is_quoted; i < name.len - is_quoted; i++) {
        buf_add_byte(&script->db, name.ptr[i]);
        i += is_quoted && name.ptr[i] == name.ptr[0];
    }
    return true;
}

/* "-- Server version\t10.11.19-MariaDB-log", "-- MySQL dump ... Distrib 9.7.4": as dumps begin. */
static void learn_server(struct script *script)
{
    static const char mark[] = "-- Server version";
    struct slice text = slice_of(script->ptr, (size_t)(script->end - script->ptr));
    const uint8_t *found = memmem(text.ptr, text.len, mark, sizeof(mark) - 1);
    script->version = 90700;
    if (found == NULL)
        return;
    struct slice line = slice_of(found, (size_t)(skip_line(script, found) - found));
    script->is_mariadb = memmem(line.ptr, line.len, "MariaDB", 7) != NULL;
    uint32_t parts[3] = {0};
    unsigned part = 0;
    for (size_t i = sizeof(mark) - 1; i < line.len && part < COUNT_OF(parts); i++) {
        uint8_t c = line.ptr[i];
        if (c >= '0' && c <= '9' && parts[part] < 1000)
            parts[part] = parts[part] * 10 + (uint32_t)(c - '0');
        else if (c == '.')
            part++;
        else if (c != '\t' && c != ' ')
            break;
    }
    if (parts[0] > 0)
        script->version = parts[0] * 10000 + parts[1] * 100 + parts[2];
}

static enum rc find_defined(void *ctx, struct slice db, struct slice name,
                            const struct catalog_table **table_out, struct error *err UNUSED)
{
    struct script *script = ctx;
    struct error ignored;
    error_clear(&ignored);
    *table_out = NULL;
    enum rc rc = history_find(script->history, db, name, false, table_out, &ignored);
    return rc == RC_NOT_FOUND ? RC_OK : rc;
}

static enum rc take_effect(struct script *script, const struct ddl_effect *effect, unsigned line,
                           struct error *err)
{
    char from[PATH_SHOWN + 64];
    switch (effect->kind) {
    case DDL_TABLE_CREATED:
        if (effect->after == NULL)
            return at_line(script, line, "The columns of this table cannot be told:", effect->name,
                           err);
        script->tables++;
        snprintf(from, sizeof(from), "in %.*s, line %u", PATH_SHOWN, script->path, line);
        return history_define(script->history, effect->after, slice_str(from), err);
    case DDL_DATABASE_SET:
        return history_define_database(script->history, effect->db, effect->collation, err);
    default:
        return RC_OK;
    }
}

/* What every column means without a word about its charset: what today's dumps say of every table. */
static enum rc take_statement(struct script *script, struct slice text, unsigned line,
                              struct error *err)
{
    struct sql_statement words;
    struct sql_dialect dialect = {.version = script->version, .is_mariadb = script->is_mariadb};
    sql_classify(&dialect, text, &words);
    if (words.kind != SQL_TABLE_DDL && words.kind != SQL_DATABASE_DDL)
        return RC_OK;
    struct arena arena;
    struct ddl_result result;
    struct ddl_context context = {.db = buf_slice(&script->db),
                                  .version = script->version,
                                  .is_mariadb = script->is_mariadb,
                                  .unknown_charsets = true,
                                  .explicit_defaults_for_timestamp = true};
    struct ddl_lookup lookup = {.find = find_defined, .ctx = script};
    arena_init(&arena, "the definition of a table", DEFINITION_BYTES_MAX);
    enum rc rc = ddl_read(&context, &lookup, text, &arena, &result, err);
    if (rc != RC_OK)
        error_wrap(err, "%.*s, line %u", PATH_SHOWN, script->path, line);
    else if (result.verdict == DDL_UNREADABLE)
        rc = at_line(script, line, "This statement cannot be read:", result.reason, err);
    for (uint32_t i = 0; rc == RC_OK && i < result.effect_count; i++) {
        const struct ddl_effect *effect = &result.effects[i];
        if (effect->kind == DDL_TABLE_CREATED && effect->db.len == 0)
            rc = at_line(script, line, "No USE says in which database this table is:", effect->name,
                         err);
        else
            rc = take_effect(script, effect, line, err);
    }
    arena_deinit(&arena);
    return rc;
}

enum rc schema_text_read(const char *path, struct slice text, struct history *history,
                         struct error *err)
{
    struct script script = {
        .path = path, .ptr = text.ptr, .end = text.ptr + text.len, .line = 1, .history = history};
    buf_init(&script.db, 1024);
    learn_server(&script);
    enum rc rc = RC_OK;
    while (rc == RC_OK) {
        unsigned line = 0;
        struct slice statement = next_statement(&script, &line);
        if (statement.len == 0)
            break;
        if (!take_use(&script, statement))
            rc = take_statement(&script, statement, line, err);
    }
    if (rc == RC_OK)
        rc = buf_check(&script.db, "the name of a database", err);
    if (rc == RC_OK && script.tables == 0)
        rc = error_set(err, RC_CONFIG, "%.*s holds no CREATE TABLE statement.", PATH_SHOWN, path);
    buf_deinit(&script.db);
    return rc;
}

static enum rc read_all(int fd, const char *path, struct buf *out, struct error *err)
{
    enum { PIECE = 256 << 10 };
    for (;;) {
        uint8_t *to = buf_reserve(out, PIECE);
        if (to == NULL)
            return buf_check(out, "the file with the definitions of tables", err);
        ssize_t count = read(fd, to, PIECE);
        if (count < 0 && errno == EINTR)
            continue;
        if (count < 0)
            return error_set_os(err, RC_IO, errno, "%.*s cannot be read", PATH_SHOWN, path);
        if (count == 0)
            return RC_OK;
        out->len += (size_t)count;
    }
}

enum rc schema_file_read(const char *path, struct history *history, struct error *err)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return error_set_os(err, RC_IO, errno, "%.*s cannot be opened", PATH_SHOWN, path);
    struct buf text;
    buf_init(&text, FILE_BYTES_MAX);
    enum rc rc = read_all(fd, path, &text, err);
    close(fd);
    if (rc == RC_OK)
        rc = schema_text_read(path, buf_slice(&text), history, err);
    buf_deinit(&text);
    return rc;
}
