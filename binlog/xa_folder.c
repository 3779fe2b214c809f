/* SPDX-License-Identifier: Apache-2.0 */
#include "xa_folder_int.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "event_int.h"
#include "position_order_int.h"
#include "xa_rows_int.h"

#define NAME_PREFIX "rows."
#define COMPONENT "binlog.xa"

enum { FOLDER_NAME_MAX = 4096, FILE_NAME_MAX = 32, NUMBER_DIGITS = 16 };

const struct record_style xa_folder_style = {.magic = "MRXAROW1",
                                             .what = "The file of an XA transaction's rows",
                                             .body_max = XA_ROWS_BLOCK_MAX + 1,
                                             .kind_max = XA_ROWS_RECORD};

/* A file whose transaction is over. */
struct leaving {
    struct leaving *next;
    uint64_t number;
    uint64_t bytes;
    struct position after;
};

struct xa_folder {
    char name[FOLDER_NAME_MAX]; /* of a temporary one: with X's, until it is made */
    bool temporary;
    uint64_t bytes_max;
    uint64_t bytes;          /* of all files that are needed */
    int dir_fd;              /* -1: not open */
    struct leaving *leaving; /* owned */
};

static void file_name(char name[FILE_NAME_MAX], uint64_t number)
{
    snprintf(name, FILE_NAME_MAX, NAME_PREFIX "%016" PRIx64, number);
}

/* 0: it is no file of ours. */
static uint64_t number_of(const char *name)
{
    size_t prefix = sizeof(NAME_PREFIX) - 1;
    char again[FILE_NAME_MAX];
    if (strncmp(name, NAME_PREFIX, prefix) != 0 || strlen(name) != prefix + NUMBER_DIGITS)
        return 0;
    uint64_t number = 0;
    for (const char *at = name + prefix; *at != '\0'; at++) {
        int digit = text_hex_value((uint8_t)*at);
        if (digit < 0)
            return 0;
        number = number << 4 | (uint64_t)digit;
    }
    file_name(again, number);
    return strcmp(again, name) == 0 ? number : 0;
}

enum rc xa_folder_new(const struct xa_folder_options *options, struct xa_folder **folder_out,
                      struct error *err)
{
    *folder_out = NULL;
    struct xa_folder *folder = calloc(1, sizeof(*folder));
    if (folder == NULL)
        return error_set(err, RC_MEMORY, "There is no memory for rows of XA transactions.");
    folder->dir_fd = -1;
    folder->temporary = options->temporary;
    folder->bytes_max = options->bytes_max;
    int len = snprintf(folder->name, sizeof(folder->name), "%s/%s", options->parent,
                       options->temporary ? "millrace-xa-XXXXXX" : "xa");
    if (len < 0 || (size_t)len >= sizeof(folder->name)) {
        free(folder);
        return error_set(err, RC_CONFIG, "The name of the folder %s is too long.", options->parent);
    }
    *folder_out = folder;
    return RC_OK;
}

/* The folder's own name is on the disk before a file in it is believed to be. */
static enum rc sync_parent(const struct xa_folder *folder, struct error *err)
{
    int fd = openat(folder->dir_fd, "..", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int code = fd < 0 || fsync(fd) != 0 ? errno : 0;
    if (fd >= 0)
        close(fd);
    return code == 0
               ? RC_OK
               : error_set_os(err, RC_IO, code, "The folder %s cannot be synced", folder->name);
}

static enum rc open_folder(struct xa_folder *folder, bool make, struct error *err)
{
    if (folder->dir_fd >= 0)
        return RC_OK;
    bool made = !make;
    if (make)
        made = folder->temporary ? mkdtemp(folder->name) != NULL
                                 : mkdir(folder->name, 0700) == 0 || errno == EEXIST;
    if (made)
        folder->dir_fd = open(folder->name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
    if (folder->dir_fd < 0)
        return error_set_os(err, RC_IO, errno, "The folder %s cannot be made or opened",
                            folder->name);
    return make && !folder->temporary ? sync_parent(folder, err) : RC_OK;
}

bool xa_folder_has_room(const struct xa_folder *folder, uint64_t bytes)
{
    return folder->bytes <= folder->bytes_max && bytes <= folder->bytes_max - folder->bytes;
}

void xa_folder_grow(struct xa_folder *folder, uint64_t bytes)
{
    folder->bytes = bytes <= UINT64_MAX - folder->bytes ? folder->bytes + bytes : UINT64_MAX;
}

enum rc xa_folder_begin(struct xa_folder *folder, struct record_writer *writer,
                        uint64_t *number_out, struct error *err)
{
    char name[FILE_NAME_MAX];
    enum rc rc = open_folder(folder, true, err);
    uint64_t number = 0;
    while (rc == RC_OK && number == 0)
        if (getrandom(&number, sizeof(number), 0) != (ssize_t)sizeof(number))
            rc = error_set(err, RC_IO, "The system gives no random numbers.");
    if (rc != RC_OK)
        return rc;
    file_name(name, number);
    rc = record_writer_begin(writer, folder->dir_fd, name, number, err);
    if (rc == RC_OK) {
        *number_out = number;
        xa_folder_grow(folder, record_writer_bytes(writer));
    }
    return rc;
}

enum rc xa_folder_sync(struct xa_folder *folder, uint64_t number, struct error *err)
{
    char name[FILE_NAME_MAX];
    if (folder->temporary)
        return RC_OK;
    file_name(name, number);
    enum rc rc = record_file_sync(&xa_folder_style, folder->dir_fd, name, err);
    if (rc == RC_OK && fsync(folder->dir_fd) != 0)
        rc = error_set_os(err, RC_IO, errno, "The folder %s cannot be synced", folder->name);
    return rc;
}

enum rc xa_folder_open(struct xa_folder *folder, struct record_reader *reader, uint64_t number,
                       struct error *err)
{
    char name[FILE_NAME_MAX];
    file_name(name, number);
    enum rc rc = open_folder(folder, false, err);
    return rc == RC_OK ? record_reader_open(reader, folder->dir_fd, name, number, 0, err) : rc;
}

void xa_folder_remove(struct xa_folder *folder, uint64_t number, uint64_t bytes)
{
    char name[FILE_NAME_MAX];
    file_name(name, number);
    folder->bytes -= bytes < folder->bytes ? bytes : folder->bytes; /* a note may say any number */
    if (open_folder(folder, false, NULL) != RC_OK ||
        (unlinkat(folder->dir_fd, name, 0) != 0 && errno != ENOENT))
        log_warn(COMPONENT, "A file of an XA transaction's rows cannot be removed.",
                 LOG_STR("folder", folder->name), LOG_STR("file", name));
}

enum rc xa_folder_remove_after(struct xa_folder *folder, uint64_t number, uint64_t bytes,
                               const struct position *after, struct error *err)
{
    struct leaving *leaving = calloc(1, sizeof(*leaving));
    if (leaving == NULL)
        return error_set(err, RC_MEMORY, "There is no memory for a file's name.");
    leaving->number = number;
    leaving->bytes = bytes;
    position_init(&leaving->after);
    enum rc rc = position_copy(&leaving->after, after, err);
    leaving->next = folder->leaving;
    folder->leaving = leaving;
    return rc;
}

static void free_leaving(struct leaving *leaving)
{
    position_deinit(&leaving->after);
    free(leaving);
}

void xa_folder_settle(struct xa_folder *folder, const struct position *durable)
{
    for (struct leaving **link = &folder->leaving; *link != NULL;) {
        struct leaving *leaving = *link;
        if (!position_reached(durable, &leaving->after)) {
            link = &leaving->next;
            continue;
        }
        *link = leaving->next;
        xa_folder_remove(folder, leaving->number, leaving->bytes);
        free_leaving(leaving);
    }
}

/* Calls for each of our files. */
static void each_file(struct xa_folder *folder, void (*visit)(void *ctx, uint64_t number),
                      void *ctx)
{
    int copy = openat(folder->dir_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *names = copy < 0 ? NULL : fdopendir(copy);
    if (names == NULL) {
        if (copy >= 0)
            close(copy);
        log_warn(COMPONENT, "The folder of XA transactions' rows cannot be read.",
                 LOG_STR("folder", folder->name));
        return;
    }
    const struct dirent *entry;
    while ((entry = readdir(names)) != NULL) {
        uint64_t number = number_of(entry->d_name);
        if (number != 0)
            visit(ctx, number);
    }
    closedir(names);
}

struct sweep {
    struct xa_folder *folder;
    xa_folder_needs_fn needs;
    void *ctx;
};

static void sweep_file(void *ctx, uint64_t number)
{
    struct sweep *sweep = ctx;
    if (sweep->needs == NULL || !sweep->needs(sweep->ctx, number))
        xa_folder_remove(sweep->folder, number, 0);
}

void xa_folder_sweep(struct xa_folder *folder, xa_folder_needs_fn needs, void *ctx)
{
    struct sweep sweep = {.folder = folder, .needs = needs, .ctx = ctx};
    ASSERT(!folder->temporary);
    if (open_folder(folder, false, NULL) == RC_OK)
        each_file(folder, sweep_file, &sweep);
}

void xa_folder_free(struct xa_folder *folder)
{
    if (folder == NULL)
        return;
    while (folder->leaving != NULL) {
        struct leaving *leaving = folder->leaving;
        folder->leaving = leaving->next;
        free_leaving(leaving);
    }
    if (folder->temporary && folder->dir_fd >= 0) {
        struct sweep sweep = {.folder = folder};
        each_file(folder, sweep_file, &sweep);
        (void)rmdir(folder->name);
    }
    if (folder->dir_fd >= 0)
        close(folder->dir_fd);
    free(folder);
}
