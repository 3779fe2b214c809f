/* SPDX-License-Identifier: Apache-2.0 */
/*
 * CloudEvents, one a line, in rotated files: <path>/events-000001.ndjson, events-000002.ndjson, ...
 *
 * Exactly once: an epoch is one run of bytes in one file, and its token says which: file, offset,
 * length and the XXH3 of the bytes. After a crash those bytes are looked at: complete and unharmed,
 * they stay; else the file is cut where the epoch began, and the epoch is written again. So a
 * reader that follows the files may see the last lines of a file disappear and come back, byte for
 * byte the same, after a crash.
 *
 * Threads: the pipeline's only. The write and the fsync happen in submit.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../sinks.h"

enum { NAME_MAX_BYTES = 64, NUMBER_DIGITS = 6 };

struct file_config {
    struct sink_schema_config schema; /* first: the engine reads it (ports/sink.h) */
    const char *path;
    uint64_t rotate_bytes;
    uint64_t flush_bytes;
    uint64_t flush_interval_ms;
};

struct file_sink {
    struct sink base;
    const struct file_config *config;
    struct cloudevent_writer writer;
    int dir_fd;
    uint64_t number; /* of the file that is written now, from 1 */
    uint64_t size;   /* its bytes, all of them durable */

    struct buf open; /* events of the open batch */
    uint64_t open_rows;
    struct buf sealed;
    uint64_t sealed_rows;
    char token[SINK_TOKEN_MAX];
    struct manifest_entry entry;
    bool submitted;
    bool told;
    struct sink_stats stats;
};

static const struct cfg_row rows[] = {
    SINK_SCHEMA_ROWS,
    {.key = "path",
     .type = CFG_STRING,
     .offset = offsetof(struct file_config, path),
     .flags = CFG_OURS | CFG_REQUIRED,
     .help = "The directory for the event files. It is made when missing."},
    {.key = "rotate.size",
     .type = CFG_SIZE,
     .offset = offsetof(struct file_config, rotate_bytes),
     .fallback = "256mb",
     .min = 1,
     .max = INT64_MAX,
     .flags = CFG_OURS,
     .help = "A new file is begun when the current one has reached this size."},
    {.key = "sink.buffer-flush.max-bytes",
     .type = CFG_SIZE,
     .offset = offsetof(struct file_config, flush_bytes),
     .fallback = "16mb",
     .min = 4096,
     .max = 1 << 30,
     .flags = CFG_OURS,
     .help = "An epoch is closed when its events take this much memory."},
    {.key = "sink.buffer-flush.interval",
     .type = CFG_DURATION,
     .offset = offsetof(struct file_config, flush_interval_ms),
     .fallback = "1s",
     .min = 1,
     .max = 86400000,
     .flags = CFG_OURS,
     .help = "An epoch is closed, written and synced at least this often."},
};

static const struct cfg_section section = {.block = "sink",
                                           .type = "file",
                                           .size = sizeof(struct file_config),
                                           .rows = rows,
                                           .row_count = COUNT_OF(rows)};

static void file_name(uint64_t number, char name[NAME_MAX_BYTES])
{
    snprintf(name, NAME_MAX_BYTES, "events-%0*llu.ndjson", NUMBER_DIGITS,
             (unsigned long long)number);
}

/* The number in an event file's name, or 0 for any other name. */
static uint64_t file_number(const char *name)
{
    struct slice s = slice_str(name);
    struct slice head = SLICE("events-"), tail = SLICE(".ndjson");
    uint64_t number = 0;
    if (s.len <= head.len + tail.len || !slice_equal(slice_of(s.ptr, head.len), head) ||
        !slice_equal(slice_of(s.ptr + s.len - tail.len, tail.len), tail))
        return 0;
    struct slice digits = slice_of(s.ptr + head.len, s.len - head.len - tail.len);
    return digits.len >= NUMBER_DIGITS && text_parse_u64(digits, &number) ? number : 0;
}

/* The newest file and its size: where writing goes on. */
static enum rc find_end(struct file_sink *sink, struct error *err)
{
    int fd = dup(sink->dir_fd);
    DIR *dir = fd < 0 ? NULL : fdopendir(fd);
    if (dir == NULL) {
        int code = errno;
        if (fd >= 0)
            close(fd);
        return error_set_os(err, RC_IO, code, "The directory %s cannot be read",
                            sink->config->path);
    }
    rewinddir(dir); /* the copy shares its offset with earlier reads */
    sink->number = 0;
    for (struct dirent *entry = readdir(dir); entry != NULL; entry = readdir(dir)) {
        uint64_t number = file_number(entry->d_name);
        if (number > sink->number)
            sink->number = number;
    }
    closedir(dir);
    sink->size = 0;
    if (sink->number == 0) {
        sink->number = 1;
        return RC_OK;
    }
    char name[NAME_MAX_BYTES];
    file_name(sink->number, name);
    struct stat info;
    if (fstatat(sink->dir_fd, name, &info, 0) != 0)
        return error_set_os(err, RC_IO, errno, "The file %s/%s cannot be looked at",
                            sink->config->path, name);
    sink->size = (uint64_t)info.st_size;
    return RC_OK;
}

static enum rc open_dir(struct file_sink *sink, struct error *err)
{
    const char *path = sink->config->path;
    if (mkdir(path, 0700) != 0 && errno != EEXIST)
        return error_set_os(err, RC_IO, errno, "The directory %s cannot be made", path);
    sink->dir_fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (sink->dir_fd < 0)
        return error_set_os(err, RC_IO, errno, "The directory %s cannot be opened", path);
    return find_end(sink, err);
}

static void file_close(struct sink *base)
{
    if (base == NULL)
        return;
    struct file_sink *sink = (struct file_sink *)base;
    if (sink->dir_fd >= 0)
        close(sink->dir_fd);
    cloudevent_writer_deinit(&sink->writer);
    buf_deinit(&sink->open);
    buf_deinit(&sink->sealed);
    free(sink);
}

static enum rc file_open(const struct sink_options *options, struct sink **sink_out,
                         struct error *err)
{
    struct file_sink *sink = calloc(1, sizeof(*sink));
    if (sink == NULL)
        return error_set(err, RC_MEMORY, "There is no memory for the sink.");
    sink->base.ops = &file_sink;
    sink->config = options->config;
    sink->dir_fd = -1;
    /* One event may be larger than the bound on a batch; it then goes alone. */
    buf_init(&sink->open, (size_t)1 << 31);
    buf_init(&sink->sealed, (size_t)1 << 31);
    enum rc rc = cloudevent_writer_init(&sink->writer, options->source_name, err);
    if (rc == RC_OK)
        rc = open_dir(sink, err);
    if (rc != RC_OK) {
        file_close(&sink->base);
        return rc;
    }
    *sink_out = &sink->base;
    return RC_OK;
}

static enum rc file_check(struct sink *base, struct report *report, struct error *err UNUSED)
{
    struct file_sink *sink = (struct file_sink *)base;
    if (faccessat(sink->dir_fd, ".", W_OK, 0) == 0)
        report_add(report, REPORT_OK, NULL, "The directory %s can be written.", sink->config->path);
    else
        report_add(report, REPORT_FAIL, "Give the user that runs millrace write permission on it.",
                   "The directory %s cannot be written.", sink->config->path);
    return RC_OK;
}

static struct sink_limits file_limits(const struct sink *base)
{
    const struct file_config *config = ((const struct file_sink *)base)->config;
    return (struct sink_limits){.flush_bytes = config->flush_bytes,
                                .flush_interval_ms = config->flush_interval_ms};
}

static enum rc file_table(struct sink *sink UNUSED, const struct table *table UNUSED,
                          const struct sink_target *target UNUSED, struct sink_table **table_out,
                          struct error *err UNUSED)
{
    *table_out = NULL;
    return RC_OK;
}

static enum rc file_write(struct sink *base, struct sink_table *table UNUSED,
                          const struct change *change, struct error *err)
{
    struct file_sink *sink = (struct file_sink *)base;
    if (sink->open_rows > 0 && sink->open.len >= sink->config->flush_bytes)
        return RC_FULL;
    enum rc rc = cloudevent_add(&sink->writer, &sink->open, change, err);
    if (rc == RC_OK)
        sink->open_rows++;
    return rc;
}

static void file_pending(const struct sink *base, struct sink_pending *pending_out)
{
    const struct file_sink *sink = (const struct file_sink *)base;
    *pending_out = (struct sink_pending){.rows = sink->open_rows, .bytes = sink->open.len};
}

static enum rc file_seal(struct sink *base, uint64_t epoch UNUSED, struct manifest *manifest_out,
                         struct error *err UNUSED)
{
    struct file_sink *sink = (struct file_sink *)base;
    struct buf swap = sink->sealed;
    sink->sealed = sink->open;
    sink->open = swap;
    buf_reset(&sink->open);
    sink->sealed_rows = sink->open_rows;
    sink->open_rows = 0;
    if (sink->size >= sink->config->rotate_bytes) {
        sink->number++;
        sink->size = 0;
    }
    snprintf(sink->token, sizeof(sink->token), "%llu:%llu:%zu:%016llx",
             (unsigned long long)sink->number, (unsigned long long)sink->size, sink->sealed.len,
             (unsigned long long)slice_hash(buf_slice(&sink->sealed)));
    sink->entry = (struct manifest_entry){.db = SLICE("file"),
                                          .table = SLICE("events"),
                                          .token = slice_str(sink->token),
                                          .rows = sink->sealed_rows,
                                          .bytes = sink->sealed.len,
                                          .keyless = true};
    *manifest_out =
        (struct manifest){.entries = &sink->entry, .count = sink->sealed_rows > 0 ? 1 : 0};
    return RC_OK;
}

static enum rc write_all(int fd, struct slice bytes, uint64_t offset)
{
    while (bytes.len > 0) {
        ssize_t wrote = pwrite(fd, bytes.ptr, bytes.len, (off_t)offset);
        if (wrote < 0 && errno == EINTR)
            continue;
        if (wrote <= 0)
            return RC_IO;
        bytes = slice_of(bytes.ptr + wrote, bytes.len - (size_t)wrote);
        offset += (uint64_t)wrote;
    }
    return RC_OK;
}

static enum rc append_sealed(struct file_sink *sink, struct error *err)
{
    char name[NAME_MAX_BYTES];
    file_name(sink->number, name);
    int fd = openat(sink->dir_fd, name, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0)
        return error_set_os(err, RC_IO, errno, "The file %s/%s cannot be opened",
                            sink->config->path, name);
    enum rc rc = write_all(fd, buf_slice(&sink->sealed), sink->size);
    if (rc == RC_OK && fsync(fd) != 0)
        rc = RC_IO;
    if (rc == RC_OK && sink->size == 0 && fsync(sink->dir_fd) != 0)
        rc = RC_IO;
    if (rc != RC_OK)
        error_set_os(err, rc, errno, "The file %s/%s cannot be written", sink->config->path, name);
    close(fd);
    return rc;
}

static enum rc file_submit(struct sink *base, const bool *applied, struct error *err)
{
    struct file_sink *sink = (struct file_sink *)base;
    sink->told = applied != NULL && applied[0];
    if (!sink->told) {
        enum rc rc = append_sealed(sink, err);
        if (rc != RC_OK)
            return rc;
        sink->size += sink->sealed.len;
    }
    sink->submitted = true;
    return RC_OK;
}

static enum rc file_poll(struct sink *base, unsigned wait_ms UNUSED, struct sink_result *result,
                         struct error *err UNUSED)
{
    struct file_sink *sink = (struct file_sink *)base;
    if (!sink->submitted)
        return RC_AGAIN;
    if (sink->told) {
        sink->submitted = false;
        return RC_EOF;
    }
    sink->told = true;
    sink->stats.rows_loaded += sink->sealed_rows;
    sink->stats.bytes_loaded += sink->sealed.len;
    sink->stats.loads++;
    *result =
        (struct sink_result){.entry = 0, .rows = sink->sealed_rows, .bytes = sink->sealed.len};
    return RC_OK;
}

struct place {
    uint64_t number;
    uint64_t offset;
    uint64_t len;
    uint64_t hash;
};

static bool parse_hex(struct slice text, uint64_t *value_out)
{
    uint64_t value = 0;
    for (size_t i = 0; i < text.len; i++) {
        uint8_t c = text.ptr[i];
        bool is_digit = c >= '0' && c <= '9';
        if (!is_digit && !(c >= 'a' && c <= 'f'))
            return false;
        value = value << 4 | (unsigned)(is_digit ? c - '0' : c - 'a' + 10);
    }
    *value_out = value;
    return text.len == 16;
}

static bool parse_token(struct slice token, struct place *place)
{
    uint64_t parts[3];
    for (unsigned i = 0; i < COUNT_OF(parts); i++) {
        const uint8_t *colon = token.len == 0 ? NULL : memchr(token.ptr, ':', token.len);
        if (colon == NULL)
            return false;
        size_t len = (size_t)(colon - token.ptr);
        if (!text_parse_u64(slice_of(token.ptr, len), &parts[i]))
            return false;
        token = slice_of(colon + 1, token.len - len - 1);
    }
    *place = (struct place){.number = parts[0], .offset = parts[1], .len = parts[2]};
    return parse_hex(token, &place->hash);
}

/* Reads the bytes of a place into `sealed`; shorter than asked for at the end of the file. */
static enum rc read_place(struct file_sink *sink, int fd, const struct place *place,
                          struct error *err)
{
    buf_reset(&sink->sealed);
    uint8_t *to = buf_reserve(&sink->sealed, place->len);
    if (to == NULL)
        return buf_check(&sink->sealed, "an epoch's events", err);
    while (sink->sealed.len < place->len) {
        ssize_t got = pread(fd, to + sink->sealed.len, place->len - sink->sealed.len,
                            (off_t)(place->offset + sink->sealed.len));
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return error_set_os(err, RC_IO, errno, "An event file in %s cannot be read",
                                sink->config->path);
        if (got == 0)
            break;
        sink->sealed.len += (size_t)got;
    }
    return RC_OK;
}

/* Cuts the file where the epoch began. A file that is shorter than that has lost events. */
static enum rc cut_file(struct file_sink *sink, int fd, const char *name, const struct place *place,
                        struct error *err)
{
    struct stat info;
    if (fstat(fd, &info) != 0)
        return error_set_os(err, RC_IO, errno, "The file %s/%s cannot be looked at",
                            sink->config->path, name);
    if ((uint64_t)info.st_size < place->offset)
        return error_set(err, RC_CORRUPT,
                         "The file %s/%s has %lld bytes, but %llu were written and synced. Put the "
                         "file back, or begin anew with another directory and checkpoint.",
                         sink->config->path, name, (long long)info.st_size,
                         (unsigned long long)place->offset);
    if (ftruncate(fd, (off_t)place->offset) != 0 || fsync(fd) != 0)
        return error_set_os(err, RC_IO, errno, "The file %s/%s cannot be cut to %llu bytes",
                            sink->config->path, name, (unsigned long long)place->offset);
    return RC_OK;
}

static enum rc resolve_place(struct file_sink *sink, const struct place *place,
                             enum load_state *state_out, struct error *err)
{
    char name[NAME_MAX_BYTES];
    file_name(place->number, name);
    /* At offset 0 the file may not be there yet: making it is the beginning of the epoch. */
    int fd =
        openat(sink->dir_fd, name, O_RDWR | O_CLOEXEC | (place->offset == 0 ? O_CREAT : 0), 0600);
    if (fd < 0)
        return error_set_os(err, RC_IO, errno, "The file %s/%s cannot be opened",
                            sink->config->path, name);
    enum rc rc = read_place(sink, fd, place, err);
    bool whole = rc == RC_OK && sink->sealed.len == place->len &&
                 slice_hash(buf_slice(&sink->sealed)) == place->hash;
    if (whole && fsync(fd) != 0)
        rc = error_set_os(err, RC_IO, errno, "The file %s/%s cannot be synced", sink->config->path,
                          name);
    else if (rc == RC_OK && !whole)
        rc = cut_file(sink, fd, name, place, err);
    close(fd);
    buf_reset(&sink->sealed);
    if (rc != RC_OK)
        return rc;
    sink->number = place->number;
    sink->size = place->offset + (whole ? place->len : 0);
    *state_out = whole ? LOAD_APPLIED : LOAD_NOT_APPLIED;
    return RC_OK;
}

static enum rc file_resolve(struct sink *base, const struct manifest_entry *entry,
                            enum load_state *state_out, struct error *err)
{
    struct place place;
    if (!parse_token(entry->token, &place))
        return error_set(
            err, RC_MISMATCH,
            "The checkpoint's unfinished epoch was not written by a file sink "
            "(its load is called \"%.*s\"). Use another checkpoint.dir for this pipeline.",
            SLICE_ARG(entry->token));
    return resolve_place((struct file_sink *)base, &place, state_out, err);
}

static void file_stats(const struct sink *base, struct sink_stats *stats_out)
{
    const struct file_sink *sink = (const struct file_sink *)base;
    *stats_out = sink->stats;
    stats_out->buffered_bytes = sink->open.len + sink->sealed.len;
}

static void file_stop(struct sink *sink UNUSED)
{
}

const struct sink_ops file_sink = {
    .name = "file",
    .summary = "Appends every change as a CloudEvent to rotated files, one a line.",
    .caps = SINK_KEEPS_EVENTS,
    .section = &section,
    .open = file_open,
    .check = file_check,
    .limits = file_limits,
    .table = file_table,
    .write = file_write,
    .pending = file_pending,
    .seal = file_seal,
    .submit = file_submit,
    .poll = file_poll,
    .resolve = file_resolve,
    .stats = file_stats,
    .stop = file_stop,
    .close = file_close,
};
