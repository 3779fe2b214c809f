/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The file of dead letters: lines are added at its end, and where some shall go a new file takes its place
 * (written, synced, renamed, the folder synced), so that a crash leaves the one or the other.
 */
#include "letter_file_int.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../base/log.h"

enum { READ_STEP = 1 << 20 };
#define NEW_FILE LETTER_FILE_NAME ".new"
/* A row of the binlog ends at 1 GiB, and a letter has it three times. */
#define LINE_MAX_BYTES ((size_t)4 << 30)

static enum rc failed(const struct letter_file *file, const char *what, struct error *err)
{
    return error_set_os(err, RC_IO, errno, "The file of dead letters %s %s", file->path, what);
}

static bool lock_file(int fd)
{
    struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
    return fcntl(fd, F_OFD_SETLK, &lock) == 0;
}

static enum rc make_path(struct letter_file *file, const char *dir, struct error *err)
{
    size_t size = strlen(dir) + sizeof("/" LETTER_FILE_NAME);
    file->path = malloc(size);
    if (file->path == NULL)
        return error_set(err, RC_MEMORY, "There is no memory for the path of the dead letters.");
    snprintf(file->path, size, "%s/%s", dir, LETTER_FILE_NAME);
    return RC_OK;
}

bool letter_file_is_used(const char *dir)
{
    struct stat status;
    int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    bool used = fd >= 0 && fstatat(fd, LETTER_FILE_NAME, &status, 0) == 0 && status.st_size > 0;
    if (fd >= 0)
        close(fd);
    return used;
}

enum rc letter_file_open(struct letter_file *file, const char *dir, struct error *err)
{
    enum rc rc = make_path(file, dir, err);
    if (rc != RC_OK)
        return rc;
    if (mkdir(dir, 0700) != 0 && errno != EEXIST)
        return error_set_os(err, RC_IO, errno, "The folder %s for dead letters cannot be made",
                            dir);
    file->dir_fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (file->dir_fd < 0)
        return error_set_os(err, RC_IO, errno, "The folder %s for dead letters cannot be opened",
                            dir);
    file->fd = openat(file->dir_fd, LETTER_FILE_NAME,
                      O_RDWR | O_CREAT | O_APPEND | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (file->fd < 0)
        return failed(file, "cannot be opened", err);
    if (!lock_file(file->fd)) {
        if (errno != EAGAIN && errno != EACCES)
            return failed(file, "cannot be locked", err);
        return error_set(err, RC_LOCKED,
                         "The file of dead letters %s is in use by another engine. Give each "
                         "pipeline a `dead-letter.dir` of its own.",
                         file->path);
    }
    return fsync(file->dir_fd) == 0 ? RC_OK : failed(file, "cannot be made durable", err);
}

enum rc letter_file_peek(struct letter_file *file, const char *dir, struct error *err)
{
    file->read_only = true;
    enum rc rc = make_path(file, dir, err);
    if (rc != RC_OK)
        return rc;
    file->fd = open(file->path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
    return file->fd >= 0 || errno == ENOENT ? RC_OK : failed(file, "cannot be opened", err);
}

void letter_file_close(struct letter_file *file)
{
    if (file->fd >= 0)
        close(file->fd);
    if (file->dir_fd >= 0)
        close(file->dir_fd);
    free(file->path);
}

/* All whole lines that are in `bytes`; says how long they are together. */
static enum rc take_lines(struct letter_file *file, const struct letter_reader *reader,
                          struct slice bytes, uint64_t *line_number, size_t *taken_out,
                          struct error *err)
{
    const uint8_t *end;
    *taken_out = 0;
    while ((end = memchr(bytes.ptr + *taken_out, '\n', bytes.len - *taken_out)) != NULL) {
        struct slice line =
            slice_of(bytes.ptr + *taken_out, (size_t)(end - (bytes.ptr + *taken_out)));
        enum rc rc = reader->line(reader->ctx, line, file->size, err);
        if (rc != RC_OK) {
            error_wrap(err, "Line %llu of the dead letters %s", (unsigned long long)*line_number,
                       file->path);
            return rc;
        }
        ++*line_number;
        *taken_out += line.len + 1;
        file->size += line.len + 1;
    }
    return RC_OK;
}

/* What was being written when the engine died: nobody has relied on it. */
static enum rc cut_tail(struct letter_file *file, size_t len, struct error *err)
{
    if (len == 0 || file->read_only)
        return RC_OK;
    log_warn("dead-letters", "The last line of the file was not written to its end; it is cut off.",
             LOG_STR("file", file->path), LOG_U64("bytes", len));
    if (ftruncate(file->fd, (off_t)file->size) != 0 || fsync(file->fd) != 0)
        return failed(file, "cannot be cut", err);
    return RC_OK;
}

enum rc letter_file_read(struct letter_file *file, const struct letter_reader *reader,
                         struct error *err)
{
    struct buf bytes;
    uint64_t line_number = 1;
    uint64_t at = 0;
    enum rc rc = RC_OK;
    buf_init(&bytes, LINE_MAX_BYTES);
    while (file->fd >= 0) {
        size_t taken;
        uint8_t *room = buf_reserve(&bytes, READ_STEP);
        if (room == NULL) {
            rc = buf_check(&bytes, "a line of the dead letters", err);
            break;
        }
        ssize_t got = pread(file->fd, room, READ_STEP, (off_t)at);
        if (got < 0)
            rc = failed(file, "cannot be read", err);
        if (got <= 0)
            break;
        at += (uint64_t)got;
        bytes.len += (size_t)got;
        rc = take_lines(file, reader, buf_slice(&bytes), &line_number, &taken, err);
        if (rc != RC_OK)
            break;
        bytes.len -= taken;
        memmove(bytes.ptr, bytes.ptr + taken, bytes.len);
    }
    if (rc == RC_OK)
        rc = cut_tail(file, bytes.len, err);
    buf_deinit(&bytes);
    return rc;
}

enum rc letter_file_line(const struct letter_file *file, uint64_t offset, uint64_t line_len,
                         struct buf *out, struct error *err)
{
    size_t len = (size_t)line_len;
    uint8_t *room = buf_reserve(out, len);
    if (room == NULL)
        return buf_check(out, "a line of the dead letters", err);
    ssize_t got = pread(file->fd, room, len, (off_t)offset);
    if (got < 0)
        return failed(file, "cannot be read", err);
    if ((size_t)got != len)
        return error_set(err, RC_IO,
                         "The file of dead letters %s was changed while the engine was running.",
                         file->path);
    out->len += len;
    return RC_OK;
}

static bool write_all(int fd, struct slice bytes)
{
    while (bytes.len > 0) {
        ssize_t wrote = write(fd, bytes.ptr, bytes.len);
        if (wrote < 0 && errno == EINTR)
            continue;
        if (wrote <= 0)
            return false;
        bytes = slice_of(bytes.ptr + wrote, bytes.len - (size_t)wrote);
    }
    return fsync(fd) == 0;
}

enum rc letter_file_append(struct letter_file *file, struct slice lines, struct error *err)
{
    if (!write_all(file->fd, lines))
        return failed(file, "cannot be written", err);
    file->size += lines.len;
    return RC_OK;
}

enum rc letter_file_replace(struct letter_file *file, struct slice lines, struct error *err)
{
    int fd = openat(file->dir_fd, NEW_FILE,
                    O_RDWR | O_CREAT | O_TRUNC | O_APPEND | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (fd < 0)
        return failed(file, "cannot be written anew", err);
    if (!lock_file(fd) || !write_all(fd, lines) ||
        renameat(file->dir_fd, NEW_FILE, file->dir_fd, LETTER_FILE_NAME) != 0 ||
        fsync(file->dir_fd) != 0) {
        enum rc rc = failed(file, "cannot be written anew", err);
        close(fd);
        return rc;
    }
    close(file->fd);
    file->fd = fd;
    file->size = lines.len;
    return RC_OK;
}
