/* SPDX-License-Identifier: Apache-2.0 */
#include "journal_int.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#define NAME_PREFIX "journal."

void checkpoint_file_name(char name[CHECKPOINT_FILE_NAME_MAX], uint64_t generation)
{
    snprintf(name, CHECKPOINT_FILE_NAME_MAX, NAME_PREFIX "%06llu", (unsigned long long)generation);
}

/* The generation that a file's name says, or 0: only the exact name that we would give it. */
static uint64_t generation_of(const char *file)
{
    struct slice name = slice_str(file);
    size_t prefix_len = sizeof(NAME_PREFIX) - 1;
    uint64_t generation = 0;
    if (name.len <= prefix_len || memcmp(name.ptr, NAME_PREFIX, prefix_len) != 0 ||
        !text_parse_u64(slice_of(name.ptr + prefix_len, name.len - prefix_len), &generation))
        return 0;
    char exact[CHECKPOINT_FILE_NAME_MAX];
    checkpoint_file_name(exact, generation);
    return slice_equal(name, slice_str(exact)) ? generation : 0;
}

static enum rc make_one(const char *path, struct error *err)
{
    if (mkdir(path, 0700) == 0 || errno == EEXIST)
        return RC_OK;
    return error_set_os(err, RC_IO, errno, "The checkpoint folder %s cannot be made", path);
}

static enum rc make_all(const char *dir, struct error *err)
{
    char path[PATH_MAX];
    int len = snprintf(path, sizeof(path), "%s", dir);
    if (len <= 0 || (size_t)len >= sizeof(path))
        return error_set(err, RC_CONFIG, "The path of the checkpoint folder is %s.",
                         len <= 0 ? "empty" : "too long");
    for (size_t end = (size_t)len; end > 1 && path[end - 1] == '/'; end--)
        path[end - 1] = '\0';
    for (char *p = path + 1; *p != '\0'; p++) {
        if (*p != '/')
            continue;
        *p = '\0';
        /* A folder above that is there may be one that we must not write to; only look. */
        struct stat info;
        enum rc rc = stat(path, &info) == 0 ? RC_OK : make_one(path, err);
        *p = '/';
        if (rc != RC_OK)
            return rc;
    }
    return make_one(path, err);
}

enum rc checkpoint_dir_open(const char *dir, bool create, int *dir_fd_out, struct error *err)
{
    int flags = O_RDONLY | O_DIRECTORY | O_CLOEXEC;
    int fd = open(dir, flags);
    if (fd < 0 && errno == ENOENT && create) {
        enum rc rc = make_all(dir, err);
        if (rc != RC_OK)
            return rc;
        fd = open(dir, flags);
    }
    if (fd < 0 && errno == ENOENT)
        return error_set(err, RC_NOT_FOUND, "There is no checkpoint folder %s.", dir);
    if (fd < 0)
        return error_set_os(err, RC_IO, errno, "The checkpoint folder %s cannot be opened", dir);
    *dir_fd_out = fd;
    return RC_OK;
}

/* A stream of the folder's names; dir_fd itself stays open and where it was. */
static DIR *names_open(int dir_fd)
{
    int fd = openat(dir_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *names = fd < 0 ? NULL : fdopendir(fd);
    if (names == NULL && fd >= 0)
        close(fd);
    return names;
}

enum rc checkpoint_dir_settle(int dir_fd, const char *dir, struct error *err)
{
    int fd = openat(dir_fd, "..", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    enum rc rc = RC_OK;
    if (fd < 0 || fsync(fd) != 0)
        rc = error_set_os(err, RC_IO, errno, "The folder above %s cannot be synced", dir);
    if (fd >= 0)
        close(fd);
    return rc;
}

enum rc checkpoint_dir_list(int dir_fd, const char *dir, struct checkpoint_generations *out,
                            struct error *err)
{
    *out = (struct checkpoint_generations){0};
    DIR *names = names_open(dir_fd);
    if (names == NULL)
        return error_set_os(err, RC_IO, errno, "The checkpoint folder %s cannot be listed", dir);
    const struct dirent *entry;
    errno = 0;
    while ((entry = readdir(names)) != NULL) {
        uint64_t generation = generation_of(entry->d_name);
        if (generation > out->newest) {
            out->previous = out->newest;
            out->newest = generation;
        } else if (generation > out->previous) {
            out->previous = generation;
        }
    }
    int os_code = errno;
    closedir(names);
    if (os_code != 0)
        return error_set_os(err, RC_IO, os_code, "The checkpoint folder %s cannot be listed", dir);
    return RC_OK;
}

void checkpoint_dir_clean(int dir_fd, uint64_t keep_from)
{
    DIR *names = names_open(dir_fd);
    if (names == NULL)
        return;
    const struct dirent *entry;
    while ((entry = readdir(names)) != NULL) {
        uint64_t generation = generation_of(entry->d_name);
        bool unfinished = strcmp(entry->d_name, CHECKPOINT_NEW_FILE) == 0;
        if ((unfinished || (generation > 0 && generation < keep_from)) &&
            unlinkat(dir_fd, entry->d_name, 0) != 0)
            log_warn("checkpoint", "A journal file that is no longer needed cannot be removed.",
                     LOG_STR("file", entry->d_name));
    }
    closedir(names);
}

static enum rc read_all(int fd, const char *dir, const char *name, struct buf *out,
                        struct error *err)
{
    enum { STEP = 256 << 10 };
    for (;;) {
        uint8_t *room = buf_reserve(out, STEP);
        if (room == NULL)
            return buf_check(out, "A checkpoint journal", err);
        ssize_t got = read(fd, room, STEP);
        if (got == 0)
            return RC_OK;
        if (got > 0)
            out->len += (size_t)got;
        else if (errno != EINTR)
            return error_set_os(err, RC_IO, errno, "The checkpoint file %s/%s cannot be read", dir,
                                name);
    }
}

enum rc checkpoint_file_read(int dir_fd, const char *dir, uint64_t generation, struct buf *out,
                             struct error *err)
{
    char name[CHECKPOINT_FILE_NAME_MAX];
    checkpoint_file_name(name, generation);
    int fd = openat(dir_fd, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0)
        return error_set_os(err, errno == ENOENT ? RC_NOT_FOUND : RC_IO, errno,
                            "The checkpoint file %s/%s cannot be opened", dir, name);
    enum rc rc = read_all(fd, dir, name, out, err);
    close(fd);
    return rc;
}

/* 0, or the errno. */
static int write_all(int fd, struct slice bytes, uint64_t offset)
{
    while (bytes.len > 0) {
        ssize_t wrote = pwrite(fd, bytes.ptr, bytes.len, (off_t)offset);
        if (wrote < 0 && errno == EINTR)
            continue;
        if (wrote <= 0)
            return wrote < 0 ? errno : EIO;
        bytes = slice_of(bytes.ptr + wrote, bytes.len - (size_t)wrote);
        offset += (uint64_t)wrote;
    }
    return 0;
}

static enum rc tell(const struct checkpoint_journal *journal, uint64_t generation, int os_code,
                    const char *what, struct error *err)
{
    char name[CHECKPOINT_FILE_NAME_MAX];
    checkpoint_file_name(name, generation);
    error_set_os(err, RC_IO, os_code, "The checkpoint file %s/%s cannot be %s", journal->dir, name,
                 what);
    if (os_code == ENOSPC || os_code == EDQUOT || os_code == EFBIG)
        error_hint(err, "Make room there and start again; what the checkpoint held before is still "
                        "whole.");
    else
        error_hint(err, "What the checkpoint held before is still whole; look at the disk and "
                        "start again.");
    return RC_IO;
}

static int write_new(int dir_fd, struct slice content, int *fd_out)
{
    int fd = openat(dir_fd, CHECKPOINT_NEW_FILE,
                    O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0)
        return errno;
    int os_code = write_all(fd, content, 0);
    if (os_code == 0 && fsync(fd) != 0)
        os_code = errno;
    if (os_code != 0)
        close(fd);
    else
        *fd_out = fd;
    return os_code;
}

enum rc checkpoint_journal_create(struct checkpoint_journal *journal, uint64_t generation,
                                  struct slice content, struct error *err)
{
    char name[CHECKPOINT_FILE_NAME_MAX];
    checkpoint_file_name(name, generation);
    int fd = -1;
    int os_code = write_new(journal->dir_fd, content, &fd);
    if (os_code == 0 && renameat(journal->dir_fd, CHECKPOINT_NEW_FILE, journal->dir_fd, name) != 0)
        os_code = errno;
    if (os_code != 0) {
        if (fd >= 0)
            close(fd);
        (void)unlinkat(journal->dir_fd, CHECKPOINT_NEW_FILE, 0);
        return tell(journal, generation, os_code, "made", err);
    }
    if (journal->fd >= 0)
        close(journal->fd);
    journal->fd = fd;
    journal->generation = generation;
    journal->len = journal->synced_len = content.len;
    if (fsync(journal->dir_fd) != 0) {
        /* Which of the two files a crash would leave is not known: both say the same now, and no
         * record may make them differ. */
        journal->failed = true;
        return tell(journal, generation, errno, "made durable", err);
    }
    return RC_OK;
}

enum rc checkpoint_journal_open(struct checkpoint_journal *journal, uint64_t generation,
                                uint64_t len, struct error *err)
{
    char name[CHECKPOINT_FILE_NAME_MAX];
    checkpoint_file_name(name, generation);
    int fd = openat(journal->dir_fd, name, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0)
        return tell(journal, generation, errno, "opened for writing", err);
    struct stat info;
    bool cut = fstat(fd, &info) == 0 && (uint64_t)info.st_size != len;
    if ((cut && ftruncate(fd, (off_t)len) != 0) || fsync(fd) != 0 || fsync(journal->dir_fd) != 0) {
        int os_code = errno;
        close(fd);
        return tell(journal, generation, os_code, cut ? "cut to its good part" : "synced", err);
    }
    journal->fd = fd;
    journal->generation = generation;
    journal->len = journal->synced_len = len;
    return RC_OK;
}

enum rc checkpoint_journal_append(struct checkpoint_journal *journal, struct slice bytes,
                                  bool durable, struct error *err)
{
    ASSERT(journal->fd >= 0);
    if (journal->failed)
        return error_set(err, RC_IO,
                         "The checkpoint %s takes no more records, because an earlier write to it "
                         "failed. Start again after the disk is in order.",
                         journal->dir);
    int os_code = write_all(journal->fd, bytes, journal->len);
    if (os_code != 0) {
        journal->failed = true;
        /* When this fails too, the torn record is found and cut at the next start. */
        if (ftruncate(journal->fd, (off_t)journal->len) != 0)
            log_warn("checkpoint", "A record that was written in part could not be taken back.");
        return tell(journal, journal->generation, os_code, "written", err);
    }
    if (durable && fdatasync(journal->fd) != 0) {
        os_code = errno;
        journal->failed = true;
        if (ftruncate(journal->fd, (off_t)journal->synced_len) != 0)
            log_warn("checkpoint", "Records that are not on disk could not be taken back.");
        return tell(journal, journal->generation, os_code, "synced", err);
    }
    journal->len += bytes.len;
    if (durable)
        journal->synced_len = journal->len;
    return RC_OK;
}

void checkpoint_journal_close(struct checkpoint_journal *journal)
{
    if (journal->fd >= 0)
        close(journal->fd);
    journal->fd = -1;
}
