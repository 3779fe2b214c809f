/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What an earlier life left in the spool's folder. All of it is read once: the files have to follow one
 * another, each record has to be whole, and the stream that reads along has to come by the place that is
 * looked for. A tail that is not whole is cut, as a crash leaves it; what lies behind it goes too, for
 * the server gives it again.
 */
#include "spool_state_int.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define FORMAT_BYTES_MAX ((size_t)64 << 10)

/* Calls for each segment that the folder names, in no order. */
static enum rc each_file(int dir_fd, void (*visit)(void *ctx, uint64_t number), void *ctx,
                         struct error *err)
{
    int copy = openat(dir_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *names = copy < 0 ? NULL : fdopendir(copy);
    if (names == NULL) {
        int code = errno;
        if (copy >= 0)
            close(copy);
        return error_set_os(err, RC_IO, code, "The folder of the spool cannot be read");
    }
    const struct dirent *entry;
    while ((entry = readdir(names)) != NULL) {
        uint64_t number = spool_segment_number(entry->d_name);
        if (number != 0)
            visit(ctx, number);
    }
    closedir(names);
    return RC_OK;
}

struct bounds {
    uint64_t lowest;
    uint64_t highest;
};

static void note_bounds(void *ctx, uint64_t number)
{
    struct bounds *bounds = ctx;
    if (bounds->lowest == 0 || number < bounds->lowest)
        bounds->lowest = number;
    if (number > bounds->highest)
        bounds->highest = number;
}

/* Files that are no part of the spool as it was read. */
struct sweep {
    int dir_fd;
    uint64_t keep_first; /* 0: none is kept */
    uint64_t keep_last;
};

static void sweep_file(void *ctx, uint64_t number)
{
    const struct sweep *sweep = ctx;
    if (number < sweep->keep_first || number > sweep->keep_last)
        spool_remove_file(sweep->dir_fd, number);
}

static enum rc open_folder(const char *dir, int *dir_fd_out, struct error *err)
{
    if (mkdir(dir, 0700) != 0 && errno != EEXIST)
        return error_set_os(err, RC_IO, errno, "The folder %s of the spool cannot be made", dir);
    *dir_fd_out = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
    if (*dir_fd_out < 0)
        return error_set_os(err, RC_IO, errno, "The folder %s of the spool cannot be opened", dir);
    return RC_OK;
}

void spool_remove(const char *dir)
{
    int dir_fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
    if (dir_fd < 0)
        return;
    struct sweep sweep = {.dir_fd = dir_fd};
    if (each_file(dir_fd, sweep_file, &sweep, NULL) == RC_OK)
        (void)rmdir(dir);
    close(dir_fd);
}

enum rc spool_open(const struct spool_options *options, struct spool **spool_out, struct error *err)
{
    *spool_out = NULL;
    struct spool *spool = calloc(1, sizeof(*spool));
    if (spool == NULL)
        return error_set(err, RC_MEMORY, "There is no memory for the spool.");
    spool->options = *options;
    spool->dir_fd = -1;
    spool->tap.base.ops = &spool_tap_ops;
    buf_init(&spool->format, FORMAT_BYTES_MAX);
    buf_init(&spool->repeated, FORMAT_BYTES_MAX);
    buf_init(&spool->prelude, FORMAT_BYTES_MAX);
    position_init(&spool->end);
    record_writer_init(&spool->writer, &spool_style);
    record_reader_init(&spool->reader, &spool_style);
    struct binlog_stream_options follow = {.watch = spool_pass_statement,
                                           .watch_ctx = spool,
                                           .announced_crc32 = true,
                                           .server = options->server};
    enum rc rc = open_folder(options->dir, &spool->dir_fd, err);
    if (rc == RC_OK)
        rc = binlog_stream_new(&follow, &spool->tap.base, &spool->place, err);
    struct bounds bounds = {0};
    if (rc == RC_OK)
        rc = each_file(spool->dir_fd, note_bounds, &bounds, err);
    spool->number = bounds.highest;
    spool->options.dir = NULL; /* the caller's, and not needed any more */
    if (rc != RC_OK) {
        spool_close(spool);
        return rc;
    }
    *spool_out = spool;
    return RC_OK;
}

void spool_close(struct spool *spool)
{
    if (spool == NULL)
        return;
    spool_flush(spool);
    record_writer_deinit(&spool->writer);
    record_reader_deinit(&spool->reader);
    while (spool->first != NULL) {
        struct spool_segment *segment = spool->first;
        spool->first = segment->next;
        spool_segment_free(segment);
    }
    binlog_stream_free(spool->place);
    position_deinit(&spool->end);
    buf_deinit(&spool->format);
    buf_deinit(&spool->repeated);
    buf_deinit(&spool->prelude);
    if (spool->dir_fd >= 0)
        close(spool->dir_fd);
    free(spool);
}

struct search {
    const struct position *from;
    struct spool_segment *found;
    uint64_t found_at; /* of the record with which the place begins */
};

/* One event of a segment. The place begins with it when the stream stands there before it, or when it
 * opens a transaction there: the server may have left out events in between. */
static enum rc scan_event(struct spool *spool, struct search *search, struct spool_segment *segment,
                          uint64_t at, struct slice event, struct error *err)
{
    struct binlog_stream *place = spool->place;
    bool searching = search->found == NULL;
    bool begins =
        searching && binlog_stream_is_between(place) && binlog_stream_is_at(place, search->from);
    if (searching && !begins)
        spool_keep_format(spool, event);
    enum rc rc = spool_follow(spool, event, err);
    if (rc != RC_OK)
        return rc;
    if (searching && !begins)
        begins = !binlog_stream_is_between(place) && binlog_stream_is_at(place, search->from);
    if (begins) {
        search->found = segment;
        search->found_at = at;
    }
    return RC_OK;
}

static enum rc scan_head(struct spool *spool, struct spool_segment *segment, uint64_t file_bytes,
                         struct error *err)
{
    struct record record;
    enum rc rc = spool_segment_open(&spool->reader, spool->dir_fd, segment->number, 0, err);
    if (rc == RC_OK)
        rc = record_reader_next(&spool->reader, file_bytes, NULL, &record, err);
    if (rc == RC_OK && record.kind != SPOOL_BEGIN)
        rc = RC_CORRUPT;
    if (rc == RC_OK)
        rc = spool_begin_parse(record.body, segment, err);
    if (rc != RC_OK)
        return rc;
    segment->head_bytes = spool->reader.at;
    if (spool->first == NULL || segment->new_run)
        rc = binlog_stream_seek(spool->place, &spool->tap.base, &segment->begin, err);
    return rc;
}

static uint64_t file_bytes_of(int dir_fd, uint64_t number)
{
    char name[SPOOL_NAME_MAX];
    struct stat status;
    spool_segment_name(name, number);
    return fstatat(dir_fd, name, &status, AT_SYMLINK_NOFOLLOW) == 0 ? (uint64_t)status.st_size : 0;
}

/* The file holds exactly what was read of it. */
static bool cut_file(int dir_fd, uint64_t number, uint64_t bytes)
{
    char name[SPOOL_NAME_MAX];
    spool_segment_name(name, number);
    int fd = openat(dir_fd, name, O_WRONLY | O_CLOEXEC | O_NOFOLLOW);
    bool done = fd >= 0 && ftruncate(fd, (off_t)bytes) == 0;
    if (fd >= 0)
        close(fd);
    return done;
}

/* Reads one segment. False: it is the last that counts, because it is cut or not there. */
static bool scan_segment(struct spool *spool, struct search *search, uint64_t number)
{
    struct error err = {0};
    uint64_t file_bytes = file_bytes_of(spool->dir_fd, number);
    struct spool_segment *segment = file_bytes == 0 ? NULL : spool_segment_new(number);
    if (segment == NULL)
        return false;
    enum rc rc = scan_head(spool, segment, file_bytes, &err);
    if (rc != RC_OK) {
        spool_segment_free(segment);
        return false;
    }
    segment->bytes = segment->head_bytes;
    while (rc == RC_OK) {
        struct record record;
        rc = record_reader_next(&spool->reader, file_bytes, NULL, &record, &err);
        if (rc == RC_OK && record.kind != SPOOL_EVENT)
            rc = RC_CORRUPT;
        if (rc == RC_OK)
            rc = scan_event(spool, search, segment, segment->bytes, record.body, &err);
        if (rc == RC_OK)
            segment->bytes = spool->reader.at;
    }
    spool_link_segment(spool, segment);
    if (rc == RC_EOF)
        return true;
    log_info("source.spool",
             "The spool ends in the middle; what is missing is read from the source.",
             LOG_U64("segment", number), LOG_U64("bytes", segment->bytes));
    if (!cut_file(spool->dir_fd, number, segment->bytes))
        log_debug("source.spool", "A file of the spool could not be cut.");
    return false;
}

/* Reads everything that is there. */
static void scan(struct spool *spool, struct search *search)
{
    struct bounds bounds = {0};
    uint64_t highest = spool->number;
    if (each_file(spool->dir_fd, note_bounds, &bounds, NULL) != RC_OK)
        return;
    for (uint64_t number = bounds.lowest; number != 0 && number <= bounds.highest; number++)
        if (!scan_segment(spool, search, number))
            break;
    struct sweep sweep = {.dir_fd = spool->dir_fd};
    if (spool->first != NULL) {
        sweep.keep_first = spool->first->number;
        sweep.keep_last = spool->last->number;
    }
    (void)each_file(spool->dir_fd, sweep_file, &sweep, NULL);
    spool->number = highest; /* a number is never used again for other bytes */
}

/* A file and an offset mean something on their own server alone. */
static bool is_of(const struct spool *spool, const struct position *from)
{
    return spool->first != NULL &&
           (from->gtid_set.len > 0 || strcmp(from->server, spool->first->begin.server) == 0);
}

static bool begin_reading(struct spool *spool, const struct search *search)
{
    struct error err = {0};
    while (spool->first != search->found)
        spool_drop_first(spool);
    spool->reading = search->found;
    if (spool_segment_open(&spool->reader, spool->dir_fd, search->found->number, search->found_at,
                           &err) != RC_OK)
        return false;
    buf_reset(&spool->prelude);
    buf_add_slice(&spool->prelude, spool_repeat_format(spool));
    return spool->prelude.rc == RC_OK;
}

bool spool_resume(struct spool *spool, const struct position *from)
{
    ASSERT(spool->first == NULL && !spool->open);
    struct search search = {.from = from};
    buf_reset(&spool->format);
    scan(spool, &search);
    uint64_t bytes = spool->bytes;
    if (search.found != NULL && is_of(spool, from) && begin_reading(spool, &search)) {
        log_info("source.spool", "The changes since the checkpoint are read from the spool first.",
                 LOG_U64("bytes", spool->bytes));
        return true;
    }
    spool_clear(spool);
    if (bytes > 0)
        log_info("source.spool",
                 "The spool does not hold what lies behind the checkpoint; it is thrown away, and "
                 "the source is asked.",
                 LOG_U64("bytes", bytes));
    return false;
}
