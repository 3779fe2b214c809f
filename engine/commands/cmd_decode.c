/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `millrace decode`: binlog files to CloudEvents on standard output, no server needed.
 */
#include "commands_int.h"

#include "../base/log.h"
#include "../base/text.h"
#include "../config/pattern.h"
#include "decode_lanes_int.h"

#include <sched.h>

enum { WAIT_MS = 1000 };

static bool wants(void *ctx, struct slice db, struct slice table)
{
    return ctx == NULL || pattern_set_match(ctx, db, table);
}

static enum rc parse_offset(const char *name, const char *text, uint64_t *value_out,
                            struct error *err)
{
    *value_out = 0;
    if (text == NULL || text_parse_u64(slice_str(text), value_out))
        return RC_OK;
    return error_set(err, RC_USAGE, "--%s takes a byte offset, not \"%s\".", name, text);
}

static enum rc parse_invalid_text(const char *word, enum invalid_text *out, struct error *err)
{
    *out = INVALID_TEXT_STOP;
    for (unsigned i = 0; word != NULL; i++) {
        if (invalid_text_words[i] == NULL)
            return error_set(err, RC_USAGE,
                             "--invalid-text takes stop, replace or base64, not \"%s\".", word);
        if (strcmp(word, invalid_text_words[i]) != 0)
            continue;
        *out = (enum invalid_text)i;
        break;
    }
    return RC_OK;
}

/* What an error of the input is to the caller. */
static enum exit_code input_code(const struct error *err)
{
    switch (err->rc) {
    case RC_USAGE:
    case RC_CONFIG:
        return EXIT_CODE_USAGE;
    case RC_MEMORY:
        return EXIT_CODE_INTERNAL;
    case RC_IO: /* a file that is not there, or a disk that fails */
    case RC_NOT_FOUND:
        return EXIT_CODE_SOURCE;
    default:
        return EXIT_CODE_DATA;
    }
}

/* The event is printed as any other; that more is missing than it can say belongs where people look. */
static void alarm(const struct change *change)
{
    enum { SHOWN = 120 };
    size_t len = change->ddl.len < SHOWN ? change->ddl.len : SHOWN;
    log_error(
        "decode",
        "Rows of captured tables changed, and the binlog does not say which: a statement is in "
        "it as text, a transaction was rolled back behind its rows, or the rows of an XA "
        "transaction "
        "could not be held until its XA COMMIT. Its tables are told by events of type "
        "io.millrace.mysql.rows.unknown.v1.",
        LOG_SLICE("gtid", change->txn->gtid), LOG_SLICE("file", change->txn->file),
        LOG_U64("offset", change->event_offset), LOG_SLICE("db", change->ddl_db),
        LOG_SLICE("table", change->table != NULL ? change->table->name : change->about_table),
        LOG_SLICE("statement", slice_of(change->ddl.ptr, len)),
        LOG_STR("remedy",
                slice_starts_nocase(change->ddl, SLICE("xa commit"))
                    ? "Take these tables anew; more room in the folder that TMPDIR names, "
                      "where such rows wait, keeps it from happening again."
                    : "Take these tables anew; SET GLOBAL binlog_format=ROW keeps it "
                      "from happening again."));
}

/* Ends the command for what lanes_add and lanes_finish say. A reader that went away ends it quietly. */
static enum exit_code output_failed(const struct error *err, enum rc rc, enum exit_code end)
{
    if (rc == RC_EOF)
        return end;
    return command_fail(err, rc == RC_IO ? EXIT_CODE_INTERNAL : input_code(err));
}

/* Prints every event until the end or an error; what came before an error, or before a pipe rests,
 * has been printed. What the binlog does not tell is no reason to stop, and the exit code says it. */
static enum exit_code print_events(struct source *source, struct lanes *lanes)
{
    struct change change;
    struct error err;
    struct error lost;
    enum exit_code end = EXIT_CODE_OK;
    error_clear(&err);
    error_clear(&lost);
    for (;;) {
        enum rc rc = source->ops->next(source, &change, WAIT_MS, &err);
        enum rc written = RC_OK;
        if (rc != RC_OK || change.kind == CHANGE_UNKNOWN)
            written = lanes_finish(lanes, &lost);
        if (written == RC_OK && rc == RC_OK && change.kind == CHANGE_UNKNOWN) {
            alarm(&change);
            end = EXIT_CODE_DATA;
        }
        if (written == RC_OK && rc == RC_OK)
            written = lanes_add(lanes, &change, &lost);
        if (written != RC_OK)
            return output_failed(&lost, written, end);
        if (rc == RC_AGAIN)
            continue;
        if (rc == RC_EOF)
            return end;
        if (rc != RC_OK)
            return command_fail(&err, input_code(&err));
    }
}

static enum exit_code decode(const struct command_parts *parts, const struct command_line *line,
                             const struct source_file_config *config, struct pattern_set *tables,
                             unsigned threads)
{
    struct source_options options = {
        .config = config, .wants = wants, .wants_ctx = tables, .name = SLICE("decode")};
    struct error err;
    error_clear(&err);
    struct source *source;
    enum rc rc = parts->file_source->open(&options, &source, &err);
    if (rc != RC_OK)
        return command_fail(&err, input_code(&err));
    struct lanes *lanes;
    const char *name = command_value(line, "source-name");
    rc = lanes_new(slice_str(name != NULL ? name : "offline"), threads, &lanes, &err);
    if (rc == RC_OK)
        rc = source->ops->start(source, NULL, &err);
    enum exit_code code =
        rc == RC_OK ? print_events(source, lanes) : command_fail(&err, input_code(&err));
    lanes_free(lanes);
    source->ops->close(source);
    return code;
}

/* The cores that this process may use, up to the few that one reader can keep busy. */
static unsigned default_threads(void)
{
    enum { ENOUGH = 4 };
    cpu_set_t set;
    if (sched_getaffinity(0, sizeof(set), &set) != 0)
        return 1;
    int count = CPU_COUNT(&set);
    return count > ENOUGH ? ENOUGH : (unsigned)count;
}

static enum rc parse_threads(const char *text, unsigned *threads_out, struct error *err)
{
    uint64_t count;
    if (text == NULL) {
        *threads_out = default_threads();
        return RC_OK;
    }
    if (!text_parse_u64(slice_str(text), &count) || count == 0 || count > LANES_MAX)
        return error_set(err, RC_USAGE, "--threads takes a number from 1 to %d, not \"%s\".",
                         LANES_MAX, text);
    *threads_out = (unsigned)count;
    return RC_OK;
}

static enum exit_code run(const struct command_parts *parts, const struct command_line *line)
{
    struct error err;
    error_clear(&err);
    struct source_file_config config = {
        .files = line->args,
        .file_count = line->arg_count,
        .start_gtid = command_value(line, "start-gtid"),
        .include_gtids = command_value(line, "include-gtids"),
        .schema_file = command_value(line, "schema"),
        .verify_checksums = command_value(line, "no-checksums") == NULL,
    };
    struct pattern_set *tables = NULL;
    enum rc rc = parse_offset("start-position", command_value(line, "start-position"),
                              &config.start_offset, &err);
    if (rc == RC_OK)
        rc = parse_offset("stop-position", command_value(line, "stop-position"),
                          &config.stop_offset, &err);
    if (rc == RC_OK)
        rc = parse_invalid_text(command_value(line, "invalid-text"), &config.invalid_text, &err);
    unsigned threads = 1;
    if (rc == RC_OK)
        rc = parse_threads(command_value(line, "threads"), &threads, &err);
    if (rc == RC_OK && command_value(line, "tables") != NULL)
        rc = pattern_set_new(command_value(line, "tables"), command_value(line, "exclude"), &tables,
                             &err);
    enum exit_code code = rc == RC_OK ? decode(parts, line, &config, tables, threads)
                                      : command_fail(&err, command_exit_code(&err));
    pattern_set_free(tables);
    return code;
}

const struct command command_decode = {
    .name = "decode",
    .arguments = "FILE...",
    .summary = "Turn binlog files into CloudEvents, one a line; - is standard input.",
    .args_min = 1,
    .args_max = 1 << 20,
    .options =
        {
            {"tables", "PATTERNS", "Only tables that match, as in a pipeline file: app.\\.*"},
            {"exclude", "PATTERNS", "Not these, of the tables that --tables names."},
            {"start-position", "OFFSET", "Begin at this byte offset of the first file."},
            {"stop-position", "OFFSET", "End before the event at this offset of the last file."},
            {"start-gtid", "SET", "Leave out the transactions of this GTID set."},
            {"include-gtids", "SET", "Only the transactions of this GTID set."},
            {"schema", "FILE",
             "CREATE TABLE statements of before the first file, as mysqldump --no-data writes."},
            {"source-name", "NAME", "The name in the events' source attribute (default: offline)."},
            {"invalid-text", "WHAT",
             "Text that is not valid in its character set: stop (default), replace, base64."},
            {"threads", "COUNT",
             "How many threads turn rows into events (default: the cores, 4 at most)."},
            {"no-checksums", NULL, "Do not verify the events' CRC32."},
        },
    .run = run,
};
