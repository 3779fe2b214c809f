/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A program that prints a secret. No shell stands between: the arguments are what blanks part, and
 * nothing in them is special. The program gets no descriptor of ours but the pipe, so that it can
 * hold no connection or lock open, and what it writes to standard error is dropped, because nobody
 * knows what is in it. Messages name the program and never its arguments.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "clock.h"
#include "secret_int.h"

#define TIME_LIMIT_US 20000000ull

enum { ARGUMENTS_MAX = 64 };

extern char **environ;

/* Cuts `line` in place; the number of words, or 0 when there are too many. */
static unsigned split(char *line, char **words)
{
    unsigned count = 0;
    for (char *rest = line + strspn(line, " \t"); *rest != '\0'; rest += strspn(rest, " \t")) {
        if (count == ARGUMENTS_MAX)
            return 0;
        words[count++] = rest;
        rest += strcspn(rest, " \t");
        if (*rest != '\0')
            *rest++ = '\0';
    }
    words[count] = NULL;
    return count;
}

static int prepare(posix_spawn_file_actions_t *actions, posix_spawnattr_t *attributes, int out_fd)
{
    sigset_t all;
    sigset_t none;
    sigfillset(&all);
    sigemptyset(&none);
    int code = posix_spawn_file_actions_addopen(actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    if (code == 0)
        code = posix_spawn_file_actions_adddup2(actions, out_fd, STDOUT_FILENO);
    if (code == 0)
        code = posix_spawn_file_actions_addopen(actions, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
    if (code == 0)
        code = posix_spawn_file_actions_addclosefrom_np(actions, STDERR_FILENO + 1);
    if (code == 0)
        code = posix_spawnattr_setsigdefault(attributes, &all);
    if (code == 0)
        code = posix_spawnattr_setsigmask(attributes, &none);
    if (code == 0)
        code = posix_spawnattr_setflags(attributes, POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK |
                                                        POSIX_SPAWN_SETPGROUP);
    return code;
}

/* 0, or an errno. */
static int start(char **words, int out_fd, pid_t *pid_out)
{
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    int code = posix_spawn_file_actions_init(&actions);
    if (code != 0)
        return code;
    code = posix_spawnattr_init(&attributes);
    if (code == 0) {
        code = prepare(&actions, &attributes, out_fd);
        if (code == 0)
            code = posix_spawn(pid_out, words[0], &actions, &attributes, words, environ);
        posix_spawnattr_destroy(&attributes);
    }
    posix_spawn_file_actions_destroy(&actions);
    return code;
}

/* Reads to the end, or one byte more than is allowed. RC_TIMEOUT, RC_IO. */
static enum rc collect(int fd, uint64_t until_us, uint8_t *bytes, size_t *len_out)
{
    size_t len = 0;
    enum rc rc = RC_OK;
    while (len < SECRET_BYTES_MAX + 1) {
        uint64_t now_us = clock_monotonic_us();
        struct pollfd ready = {.fd = fd, .events = POLLIN};
        if (now_us >= until_us) {
            rc = RC_TIMEOUT;
            break;
        }
        if (poll(&ready, 1, (int)((until_us - now_us + 999) / 1000)) <= 0)
            continue; /* the time is looked at above; a signal changes nothing */
        ssize_t got = read(fd, bytes + len, SECRET_BYTES_MAX + 1 - len);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            rc = RC_IO;
        if (got <= 0)
            break;
        len += (size_t)got;
    }
    *len_out = len;
    return rc;
}

/* Waits for the end of the program, which has closed its output; the rest of its time is its own. */
static enum rc reap(pid_t pid, uint64_t until_us, int *status_out)
{
    for (;;) {
        pid_t done = waitpid(pid, status_out, WNOHANG);
        if (done == pid)
            return RC_OK;
        if (done < 0 && errno != EINTR)
            return RC_IO;
        if (clock_monotonic_us() >= until_us)
            return RC_TIMEOUT;
        poll(NULL, 0, 5);
    }
}

static enum rc run_words(char **words, uint8_t *bytes, size_t *len_out, struct error *err)
{
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) != 0)
        return error_set_os(err, RC_CONFIG, errno,
                            "takes its value from a command, for which no pipe can be made");
    uint64_t until_us = clock_monotonic_us() + TIME_LIMIT_US;
    pid_t pid = -1;
    int code = start(words, ends[1], &pid);
    close(ends[1]);
    if (code != 0) {
        close(ends[0]);
        return error_set_os(err, RC_CONFIG, code,
                            "takes its value from the program %s, which cannot be run", words[0]);
    }
    int status = 0;
    enum rc rc = collect(ends[0], until_us, bytes, len_out);
    close(ends[0]);
    if (rc == RC_OK && *len_out <= SECRET_BYTES_MAX)
        rc = reap(pid, until_us, &status);
    if (rc != RC_OK || *len_out > SECRET_BYTES_MAX) {
        kill(-pid, SIGKILL); /* and what it has started */
        waitpid(pid, &status, 0);
    }
    if (rc == RC_TIMEOUT)
        return error_set(err, RC_CONFIG,
                         "takes its value from the program %s, which did not end within %llu s.",
                         words[0], TIME_LIMIT_US / 1000000);
    if (rc != RC_OK)
        return error_set(err, RC_CONFIG,
                         "takes its value from the program %s, whose output cannot be read.",
                         words[0]);
    if (*len_out <= SECRET_BYTES_MAX && (!WIFEXITED(status) || WEXITSTATUS(status) != 0))
        return error_set(err, RC_CONFIG,
                         "takes its value from the program %s, which failed (%s %d). Run the "
                         "command by hand to see why.",
                         words[0], WIFEXITED(status) ? "exit code" : "signal",
                         WIFEXITED(status) ? WEXITSTATUS(status) : WTERMSIG(status));
    return RC_OK;
}

enum rc secret_run(const char *command, uint8_t *bytes, size_t *len_out, struct error *err)
{
    char *words[ARGUMENTS_MAX + 1];
    char *line = strdup(command);
    if (line == NULL)
        return error_set(err, RC_MEMORY, "needs more memory than there is.");
    enum rc rc =
        split(line, words) == 0
            ? error_set(err, RC_CONFIG, "has a command of more than %d words.", ARGUMENTS_MAX)
            : run_words(words, bytes, len_out, err);
    secret_wipe(line);
    return rc;
}
