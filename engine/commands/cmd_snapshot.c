/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `millrace snapshot`: asks a pipeline, running or stopped, to read tables again. The request is a file
 * in the checkpoint's folder (engine/pipeline/request.c says what is in it), durable when the command
 * ends.
 */
#include "commands_int.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../base/clock.h"

enum { TEXT_MAX = 60 << 10, NAME_MAX_HERE = 64 };

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

static enum rc ask(const char *dir, const char *tables, bool rebuild, struct error *err)
{
    struct buf text;
    buf_init(&text, TEXT_MAX);
    buf_addf(&text, "tables: %s\n%s", tables, rebuild ? "rebuild: yes\n" : "");
    enum rc rc = buf_check(&text, "the pattern of tables", err);
    int dir_fd = rc != RC_OK ? -1 : open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (rc == RC_OK && dir_fd < 0) {
        rc = error_set_os(err, RC_NOT_FOUND, errno, "The checkpoint folder %s cannot be opened",
                          dir);
        error_hint(err, "A pipeline that has not run yet reads all rows at its first start when "
                        "scan.startup.mode is initial.");
    }
    char name[NAME_MAX_HERE];
    snprintf(name, sizeof(name), "request-%llu-%ld", (unsigned long long)clock_wall_us(),
             (long)getpid());
    if (rc == RC_OK)
        rc = write_durably(dir_fd, name, buf_slice(&text), err);
    if (dir_fd >= 0)
        close(dir_fd);
    buf_deinit(&text);
    return rc;
}

static enum exit_code run_snapshot(const struct command_parts *parts,
                                   const struct command_line *line)
{
    struct error err;
    error_clear(&err);
    const char *tables = command_value(line, "tables");
    if (tables == NULL || strchr(tables, '\n') != NULL) {
        error_set(
            &err, RC_USAGE,
            "\"millrace snapshot\" needs --tables PATTERN, as `tables` in the pipeline file.");
        return command_fail(&err, EXIT_CODE_USAGE);
    }
    struct pattern_set *pattern = NULL;
    enum rc rc = pattern_set_new(tables, NULL, &pattern, &err);
    pattern_set_free(pattern);
    struct pipeline_file file;
    if (rc == RC_OK)
        rc = pipeline_file_open(parts, line->args[0], &file, &err);
    if (rc != RC_OK)
        return command_fail(&err, command_exit_code(&err));
    rc = ask(file.checkpoint_dir, tables, command_value(line, "rebuild") != NULL, &err);
    pipeline_file_close(&file);
    if (rc != RC_OK)
        return command_fail(&err, EXIT_CODE_CHECKPOINT);
    printf("Asked for. A running pipeline begins within seconds and says so in its log; a stopped "
           "one when it is started.\n");
    return EXIT_CODE_OK;
}

const struct command command_snapshot = {
    .name = "snapshot",
    .arguments = "PIPELINE.yaml",
    .summary = "Ask a running or stopped pipeline to read tables again.",
    .args_min = 1,
    .args_max = 1,
    .options = {{"tables", "PATTERN", "Which tables, in the syntax of `tables`. Required."},
                {"rebuild", NULL,
                 "Into a new target beside the old one, which it then replaces; without it rows "
                 "are written over those that are there."}},
    .run = run_snapshot,
};
