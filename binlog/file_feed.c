/* SPDX-License-Identifier: Apache-2.0 */
#include "file_feed_int.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "event_int.h"

enum { READ_BYTES = 1 << 20, MAGIC_LEN = 4, POLL_MS = 100 };

struct file_feed {
    struct binlog_feed base;
    const struct source_file_config *config;
    unsigned file_index; /* of the open file, or of the next one */
    int fd;              /* -1: none open */
    struct slice name;   /* of the open file, without folders; borrowed from config */
    bool is_regular;
    uint64_t size;   /* of a regular file */
    bool fresh;      /* no event of this file was given yet */
    bool must_jump;  /* to start_offset, behind the format description */
    bool at_end;     /* read gave 0 */
    uint8_t *buffer; /* owned */
    size_t cap;
    size_t start; /* buffer[start..end) was read and not yet given out */
    size_t end;
    uint64_t offset;      /* of buffer[start] in the file */
    struct error failure; /* sticky: what lies behind damage is not to be believed */
    uint64_t bytes_read;
    uint64_t bytes_copied;
    uint64_t last_received_us;
    atomic_bool stopped;
};

static const char *path_of(const struct file_feed *feed)
{
    const char *path = feed->config->files[feed->file_index];
    return strcmp(path, "-") == 0 ? "standard input" : path;
}

static struct slice name_of(const char *path)
{
    if (strcmp(path, "-") == 0)
        return SLICE("stdin");
    const char *slash = strrchr(path, '/');
    return slice_str(slash == NULL ? path : slash + 1);
}

static bool is_last(const struct file_feed *feed)
{
    return feed->file_index + 1 == feed->config->file_count;
}

static size_t have(const struct file_feed *feed)
{
    return feed->end - feed->start;
}

static enum rc open_file(struct file_feed *feed, struct error *err)
{
    const char *path = feed->config->files[feed->file_index];
    bool is_stdin = strcmp(path, "-") == 0;
    int fd = is_stdin ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC);
    struct stat info;
    if (fd < 0 || fstat(fd, &info) != 0) {
        enum rc rc = error_set_os(err, errno == ENOENT ? RC_NOT_FOUND : RC_IO, errno,
                                  "Binlog file '%s' cannot be opened", path_of(feed));
        if (fd >= 0 && !is_stdin)
            close(fd);
        return rc;
    }
    feed->fd = fd;
    feed->name = name_of(path);
    feed->is_regular = S_ISREG(info.st_mode) && !is_stdin;
    feed->size = feed->is_regular ? (uint64_t)info.st_size : 0;
    feed->fresh = true;
    feed->must_jump = feed->file_index == 0 && feed->config->start_offset > MAGIC_LEN;
    feed->at_end = false;
    feed->start = feed->end = 0;
    feed->offset = 0;
    if (feed->is_regular)
        (void)posix_fadvise(fd, 0, 0, POSIX_FADV_SEQUENTIAL);
    return RC_OK;
}

static void close_file(struct file_feed *feed)
{
    if (feed->fd > STDIN_FILENO)
        close(feed->fd);
    feed->fd = -1;
}

/* Room behind `end`. What is there moves to the front first; then the buffer doubles, so that its
 * size follows the bytes that came and not a length that damage may have written. */
static enum rc make_room(struct file_feed *feed, struct error *err)
{
    size_t kept = have(feed);
    if (feed->start > 0 && kept > 0) {
        memmove(feed->buffer, feed->buffer + feed->start, kept);
        feed->bytes_copied += kept;
    }
    feed->start = 0;
    feed->end = kept;
    size_t cap = feed->cap;
    if (kept == cap)
        cap = cap * 2;
    else if (kept <= READ_BYTES / 2 && cap > READ_BYTES)
        cap = READ_BYTES;
    if (cap == feed->cap)
        return RC_OK;
    uint8_t *buffer = realloc(feed->buffer, cap);
    if (buffer == NULL)
        return error_set(err, RC_MEMORY, "There is no memory for an event of more than %zu bytes.",
                         feed->cap);
    feed->buffer = buffer;
    feed->cap = cap;
    return RC_OK;
}

/* A pipe may have nothing for long; RC_AGAIN keeps the caller able to stop. */
static enum rc wait_readable(struct file_feed *feed, unsigned wait_ms)
{
    struct pollfd poller = {.fd = feed->fd, .events = POLLIN};
    for (unsigned waited = 0;; waited += POLL_MS) {
        if (atomic_load(&feed->stopped))
            return RC_CANCELLED;
        unsigned rest = waited < wait_ms ? wait_ms - waited : 0;
        int ready = poll(&poller, 1, (int)(rest < POLL_MS ? rest : POLL_MS));
        if (ready > 0)
            return RC_OK;
        if (rest <= POLL_MS)
            return RC_AGAIN;
    }
}

/* Reads until `need` bytes are there or the file ends; the caller looks at have(). */
static enum rc fill(struct file_feed *feed, size_t need, unsigned wait_ms, struct error *err)
{
    while (have(feed) < need && !feed->at_end) {
        enum rc rc = make_room(feed, err);
        if (rc == RC_OK && !feed->is_regular)
            rc = wait_readable(feed, wait_ms);
        if (rc != RC_OK)
            return rc;
        ssize_t got = read(feed->fd, feed->buffer + feed->end, feed->cap - feed->end);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return error_set_os(err, RC_IO, errno, "Binlog file '%s' cannot be read at offset %llu",
                                path_of(feed), (unsigned long long)(feed->offset + have(feed)));
        feed->at_end = got == 0;
        feed->end += (size_t)got;
        feed->bytes_read += (uint64_t)got;
        feed->last_received_us = clock_wall_us();
    }
    return RC_OK;
}

static void consume(struct file_feed *feed, size_t len)
{
    feed->start += len;
    feed->offset += len;
}

static enum rc check_magic(struct file_feed *feed, unsigned wait_ms, struct error *err)
{
    enum rc rc = fill(feed, MAGIC_LEN, wait_ms, err);
    if (rc != RC_OK)
        return rc;
    const uint8_t *p = feed->buffer + feed->start;
    if (have(feed) >= MAGIC_LEN && memcmp(p,
                                          "\xfe"
                                          "bin",
                                          MAGIC_LEN) == 0) {
        consume(feed, MAGIC_LEN);
        return RC_OK;
    }
    if (have(feed) >= MAGIC_LEN && memcmp(p,
                                          "\xfd"
                                          "bin",
                                          MAGIC_LEN) == 0)
        return error_set(
            err, RC_UNSUPPORTED,
            "Binlog file '%s' is encrypted by its server (binlog_encryption). Read it "
            "through the server: mysqlbinlog --read-from-remote-server --raw writes it "
            "in clear.",
            path_of(feed));
    return error_set(err, RC_CORRUPT,
                     "'%s' is not a binlog file: it does not begin with the bytes fe 62 69 6e at "
                     "offset 0. A compressed file (.zst, .gz) must be unpacked first.",
                     path_of(feed));
}

/* To start_offset, once the format description was given. */
static enum rc jump(struct file_feed *feed, unsigned wait_ms, struct error *err)
{
    uint64_t to = feed->config->start_offset;
    if (to < feed->offset)
        return error_set(err, RC_USAGE,
                         "Offset %llu of '%s' lies inside its first event; begin at 4 or at the "
                         "start of a later event.",
                         (unsigned long long)to, path_of(feed));
    if (feed->is_regular && to > feed->size)
        return error_set(err, RC_USAGE, "Offset %llu lies behind the end of '%s' (%llu bytes).",
                         (unsigned long long)to, path_of(feed), (unsigned long long)feed->size);
    while (feed->offset < to) {
        size_t step = have(feed) < to - feed->offset ? have(feed) : (size_t)(to - feed->offset);
        consume(feed, step);
        if (feed->is_regular && feed->offset < to) {
            if (lseek(feed->fd, (off_t)to, SEEK_SET) < 0)
                return error_set_os(err, RC_IO, errno, "Binlog file '%s' cannot be read",
                                    path_of(feed));
            feed->offset = to;
        } else if (feed->offset < to) {
            enum rc rc = fill(feed, 1, wait_ms, err);
            if (rc != RC_OK)
                return rc;
            if (have(feed) == 0)
                return error_set(err, RC_USAGE, "Offset %llu lies behind the end of '%s'.",
                                 (unsigned long long)to, path_of(feed));
        }
    }
    feed->must_jump = false;
    return RC_OK;
}

static enum rc cut_off(const struct file_feed *feed, struct error *err)
{
    char scratch[16];
    const uint8_t *p = feed->buffer + feed->start;
    if (have(feed) < EVENT_HEADER_LEN)
        return error_set(err, RC_CORRUPT,
                         "Binlog file '%s' is cut off at offset %llu: %zu bytes%s%s where the next "
                         "event's header needs %u.",
                         path_of(feed), (unsigned long long)feed->offset, have(feed),
                         have(feed) > 4 ? " of type " : "",
                         have(feed) > 4 ? event_type_name(p[4], scratch) : "", EVENT_HEADER_LEN);
    uint64_t there =
        feed->is_regular && feed->size > feed->offset ? feed->size - feed->offset : have(feed);
    return error_set(err, RC_CORRUPT,
                     "Binlog file '%s' is cut off inside the %s event at offset %llu: its header "
                     "says a length of %u bytes, and the file has %llu.",
                     path_of(feed), event_type_name(p[4], scratch),
                     (unsigned long long)feed->offset, load_u32le(p + 9),
                     (unsigned long long)there);
}

/* The next event of the open file; RC_EOF at its end. Mostly all of it was read already. */
static enum rc next_in_file(struct file_feed *feed, struct binlog_raw_event *event,
                            unsigned wait_ms, struct error *err)
{
    enum rc rc = have(feed) < EVENT_HEADER_LEN ? fill(feed, EVENT_HEADER_LEN, wait_ms, err) : RC_OK;
    if (rc != RC_OK)
        return rc;
    if (have(feed) == 0)
        return RC_EOF;
    if (have(feed) < EVENT_HEADER_LEN)
        return cut_off(feed, err);
    struct event_header header;
    rc = event_header_parse(slice_of(feed->buffer + feed->start, have(feed)), &header, err);
    if (rc != RC_OK) {
        char scratch[16];
        error_wrap(err, "%s event at %s:%llu", event_type_name(header.type, scratch), path_of(feed),
                   (unsigned long long)feed->offset);
        return rc;
    }
    if (feed->is_regular && feed->offset + header.length > feed->size) {
        /* The file may have grown since it was opened: a server writes it. */
        struct stat info;
        if (fstat(feed->fd, &info) == 0)
            feed->size = (uint64_t)info.st_size;
        if (feed->offset + header.length > feed->size)
            return cut_off(feed, err);
    }
    if (have(feed) < header.length) {
        rc = fill(feed, header.length, wait_ms, err);
        if (rc != RC_OK)
            return rc;
        if (have(feed) < header.length)
            return cut_off(feed, err);
    }
    *event = (struct binlog_raw_event){
        .bytes = slice_of(feed->buffer + feed->start, header.length),
        .file = feed->name,
        .offset = feed->offset,
        .first_in_file = feed->fresh,
    };
    feed->fresh = false;
    consume(feed, header.length);
    return RC_OK;
}

static enum rc next_event(struct file_feed *feed, struct binlog_raw_event *event, unsigned wait_ms,
                          struct error *err)
{
    for (;;) {
        if (atomic_load(&feed->stopped))
            return error_set(err, RC_CANCELLED, "Reading was stopped.");
        if (feed->file_index == feed->config->file_count)
            return RC_EOF;
        enum rc rc = feed->fd < 0 ? open_file(feed, err) : RC_OK;
        if (rc == RC_OK && feed->offset < MAGIC_LEN)
            rc = check_magic(feed, wait_ms, err);
        if (rc == RC_OK && feed->must_jump && !feed->fresh)
            rc = jump(feed, wait_ms, err);
        if (rc != RC_OK)
            return rc;
        bool stop_here = is_last(feed) && feed->config->stop_offset > 0 && !feed->fresh &&
                         feed->offset >= feed->config->stop_offset;
        rc = stop_here ? RC_EOF : next_in_file(feed, event, wait_ms, err);
        if (rc != RC_EOF)
            return rc;
        close_file(feed);
        feed->file_index++;
        feed->offset = 0;
    }
}

static enum rc file_next(struct binlog_feed *base, struct binlog_raw_event *event, unsigned wait_ms,
                         struct error *err)
{
    struct file_feed *feed = (struct file_feed *)base;
    if (feed->failure.rc != RC_OK) {
        if (err != NULL)
            *err = feed->failure;
        return feed->failure.rc;
    }
    struct error
        why; /* said by whatever fails: clearing it for each event would cost as much as the event */
    enum rc rc = next_event(feed, event, wait_ms, &why);
    if (rc == RC_OK || rc == RC_AGAIN || rc == RC_EOF)
        return rc;
    if (rc == RC_CANCELLED)
        error_set(&why, rc, "Reading was stopped.");
    else
        feed->failure = why;
    if (err != NULL)
        *err = why;
    return rc;
}

static void file_stats(const struct binlog_feed *base, uint64_t *bytes_read, uint64_t *bytes_copied,
                       uint64_t *last_received_us)
{
    const struct file_feed *feed = (const struct file_feed *)base;
    *bytes_read = feed->bytes_read;
    *bytes_copied = feed->bytes_copied;
    *last_received_us = feed->last_received_us;
}

static void file_stop(struct binlog_feed *base)
{
    atomic_store(&((struct file_feed *)base)->stopped, true);
}

static void file_close(struct binlog_feed *base)
{
    struct file_feed *feed = (struct file_feed *)base;
    if (feed == NULL)
        return;
    close_file(feed);
    free(feed->buffer);
    free(feed);
}

static const struct binlog_feed_ops file_feed_ops = {
    .next = file_next, .stats = file_stats, .stop = file_stop, .close = file_close};

enum rc file_feed_new(const struct source_file_config *config, struct binlog_feed **feed_out,
                      struct error *err)
{
    *feed_out = NULL;
    struct file_feed *feed = calloc(1, sizeof(*feed));
    uint8_t *buffer = malloc(READ_BYTES);
    if (feed == NULL || buffer == NULL) {
        free(feed);
        free(buffer);
        return error_set(err, RC_MEMORY, "There is no memory for reading binlog files.");
    }
    feed->base.ops = &file_feed_ops;
    feed->config = config;
    feed->buffer = buffer;
    feed->cap = READ_BYTES;
    feed->fd = -1;
    *feed_out = &feed->base;
    return RC_OK;
}
