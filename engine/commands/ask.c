/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a command asks of a pipeline: a file in the checkpoint's folder (engine/pipeline/request.c says what
 * is in it), there as a whole or not at all.
 */
#include "commands_int.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../base/clock.h"

enum { NAME_MAX_HERE = 64 };

static enum rc write_durably(int dir_fd, const char *name, struct slice text, struct error *err)
{
    char new_name[NAME_MAX_HERE + sizeof(".new")];
    snprintf(new_name, sizeof(new_name), "%s.new", name);
    int fd = openat(dir_fd, new_name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0)
        return error_set_os(err, RC_IO, errno, "The request cannot be written");
    bool good = write(fd, text.ptr, text.len) == (ssize_t)text.len && fsync(fd) == 0;
    int problem = errno;
    close(fd);
    if (good)
        good = renameat(dir_fd, new_name, dir_fd, name) == 0 && fsync(dir_fd) == 0;
    else
        errno = problem;
    if (good)
        return RC_OK;
    problem = errno;
    (void)unlinkat(dir_fd, new_name, 0);
    return error_set_os(err, RC_IO, problem, "The request cannot be written");
}

enum rc command_ask(const char *dir, struct slice text, const char *hint, struct error *err)
{
    int dir_fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (dir_fd < 0) {
        error_set_os(err, RC_NOT_FOUND, errno, "The checkpoint folder %s cannot be opened", dir);
        error_hint(err, "%s", hint);
        return RC_NOT_FOUND;
    }
    char name[NAME_MAX_HERE];
    snprintf(name, sizeof(name), "request-%llu-%ld", (unsigned long long)clock_wall_us(),
             (long)getpid());
    enum rc rc = write_durably(dir_fd, name, text, err);
    close(dir_fd);
    return rc;
}
