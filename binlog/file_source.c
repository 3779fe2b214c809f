/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Binlog files as a source: the decoder over a feed of files, for `millrace decode`. What is known of
 * tables is what the files say: names in table maps, else statements that make and alter tables,
 * after those of a file with definitions where one is given. Where all are silent columns are called
 * @1, @2, ...
 *
 * One thread, except stop.
 */
#include "binlog.h"

#include <stdlib.h>
#include <unistd.h>

#include "file_feed_int.h"
#include "schema/schema_file_int.h"
#include "stream_int.h"

struct file_source {
    struct source base;
    const struct source_file_config *config; /* the caller's */
    struct binlog_feed *feed;                /* owned */
    struct binlog_stream *stream;            /* owned */
    struct history *history;                 /* owned: definitions out of the files' own DDL */
};

static struct file_source *file_source_of(struct source *source)
{
    return (struct file_source *)source;
}

static void file_source_close(struct source *source)
{
    struct file_source *files = file_source_of(source);
    if (files == NULL)
        return;
    binlog_stream_free(files->stream);
    history_free(files->history);
    if (files->feed != NULL)
        files->feed->ops->close(files->feed);
    free(files);
}

static const char *temporary_folder(void)
{
    const char *named = getenv("TMPDIR");
    return named != NULL && named[0] != '\0' ? named : "/tmp";
}

static enum rc file_source_open(const struct source_options *options, struct source **source_out,
                                struct error *err)
{
    *source_out = NULL;
    const struct source_file_config *config = options->config;
    if (config->file_count == 0)
        return error_set(err, RC_USAGE, "No binlog file was named.");
    struct file_source *files = calloc(1, sizeof(*files));
    if (files == NULL)
        return error_set(err, RC_MEMORY, "There is no memory for reading binlog files.");
    files->base.ops = &binlog_file_source;
    files->config = config;
    struct binlog_stream_options stream = {
        .wants = options->wants,
        .wants_ctx = options->wants_ctx,
        .verify_checksums = config->verify_checksums,
        .invalid_text = config->invalid_text,
        .offline = true,
        .start_gtids = config->start_gtid,
        .include_gtids = config->include_gtids,
        .server = "",
        .xa_dir = temporary_folder(),
        .xa_bytes_max = UINT64_MAX,
    };
    struct history_options history = {.wants = options->wants, .wants_ctx = options->wants_ctx};
    enum rc rc = history_new(&history, &files->history, err);
    stream.history = files->history;
    if (rc == RC_OK && config->schema_file != NULL)
        rc = schema_file_read(config->schema_file, files->history, err);
    if (rc == RC_OK)
        rc = file_feed_new(config, &files->feed, err);
    if (rc == RC_OK)
        rc = binlog_stream_new(&stream, files->feed, &files->stream, err);
    if (rc != RC_OK) {
        file_source_close(&files->base);
        return rc;
    }
    *source_out = &files->base;
    return RC_OK;
}

static enum rc file_source_check(struct source *source, struct report *report, struct error *err)
{
    const struct source_file_config *config = file_source_of(source)->config;
    (void)err;
    for (unsigned i = 0; i < config->file_count; i++) {
        bool readable = strcmp(config->files[i], "-") == 0 || access(config->files[i], R_OK) == 0;
        report_add(report, readable ? REPORT_OK : REPORT_FAIL,
                   readable ? NULL : "Name a file that exists and can be read.", "Binlog file '%s'",
                   config->files[i]);
    }
    return RC_OK;
}

static void file_source_identity(const struct source *source UNUSED,
                                 struct source_identity *identity_out)
{
    *identity_out = (struct source_identity){0};
}

static enum rc file_source_tables(struct source *source UNUSED, source_table_fn visit UNUSED,
                                  void *ctx UNUSED, struct error *err)
{
    return error_set(err, RC_UNSUPPORTED,
                     "Binlog files have no list of tables; only a server has one.");
}

static enum rc file_source_start(struct source *source UNUSED, const struct position *from,
                                 struct error *err)
{
    if (from == NULL || position_is_empty(from))
        return RC_OK; /* the place to begin at is in the configuration */
    return error_set(err, RC_UNSUPPORTED,
                     "Binlog files are read from the offset in the command, not from a stored "
                     "position.");
}

static enum rc file_source_next(struct source *source, struct change *change, unsigned wait_ms,
                                struct error *err)
{
    return binlog_stream_next(file_source_of(source)->stream, change, wait_ms, err);
}

static enum rc file_source_position(struct source *source, struct position *position_out,
                                    struct error *err)
{
    return binlog_stream_position(file_source_of(source)->stream, position_out, err);
}

static bool file_source_reached(struct source *source, const struct position *to)
{
    return binlog_stream_reached(file_source_of(source)->stream, to);
}

static void file_source_stats(const struct source *source, struct source_stats *stats_out)
{
    binlog_stream_stats(((const struct file_source *)source)->stream, stats_out);
}

static void file_source_stop(struct source *source)
{
    struct binlog_feed *feed = file_source_of(source)->feed;
    feed->ops->stop(feed);
}

const struct source_ops binlog_file_source = {
    .name = "binlog-files",
    .summary = "Binlog files of MySQL and MariaDB, read without a server.",
    .section = NULL,
    .open = file_source_open,
    .check = file_source_check,
    .identity = file_source_identity,
    .tables = file_source_tables,
    .start = file_source_start,
    .next = file_source_next,
    .position = file_source_position,
    .reached = file_source_reached,
    .stats = file_source_stats,
    .stop = file_source_stop,
    .close = file_source_close,
};
