/* SPDX-License-Identifier: Apache-2.0 */
#include "lock_int.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#define LOCK_FILE "lock"

static enum rc refuse(int fd, const char *dir, struct error *err)
{
    char text[32] = "";
    ssize_t got = pread(fd, text, sizeof(text) - 1, 0);
    uint64_t pid = 0;
    if (got > 0 && text_parse_u64(slice_trim(slice_of(text, (size_t)got)), &pid))
        return error_set(err, RC_LOCKED,
                         "The checkpoint %s is in use by process %llu. Two engines cannot share "
                         "one checkpoint: stop that one, or give this pipeline another "
                         "`checkpoint.dir`.",
                         dir, (unsigned long long)pid);
    return error_set(err, RC_LOCKED,
                     "The checkpoint %s is in use by another process. Two engines cannot share one "
                     "checkpoint: stop that one, or give this pipeline another `checkpoint.dir`.",
                     dir);
}

/* The id is only for a message: what fails here does not weaken the lock. */
static void write_pid(int fd)
{
    char text[32];
    int len = snprintf(text, sizeof(text), "%lld\n", (long long)getpid());
    if (ftruncate(fd, 0) != 0 || pwrite(fd, text, (size_t)len, 0) != len)
        log_debug("checkpoint", "The process id could not be written into the lock file.");
}

enum rc checkpoint_lock(int dir_fd, const char *dir, int *fd_out, struct error *err)
{
    int fd = openat(dir_fd, LOCK_FILE, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0)
        return error_set_os(err, RC_IO, errno, "The lock file %s/" LOCK_FILE " cannot be opened",
                            dir);
    struct flock whole = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
    if (fcntl(fd, F_OFD_SETLK, &whole) != 0) {
        int os_code = errno;
        enum rc rc = os_code == EAGAIN || os_code == EACCES
                         ? refuse(fd, dir, err)
                         : error_set_os(err, RC_IO, os_code,
                                        "The lock file %s/" LOCK_FILE " cannot be locked", dir);
        close(fd);
        return rc;
    }
    write_pid(fd);
    *fd_out = fd;
    return RC_OK;
}
