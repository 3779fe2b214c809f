/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `millrace status`: where a pipeline stands. What it wrote last (engine/pipeline/status.c), whether
 * an engine runs (docs/formats.md: it holds a lock on the file `lock`), and what the checkpoint knows
 * of its tables. Reads only, and works at any time.
 */
#include "commands_int.h"

#include <fcntl.h>
#include <unistd.h>

#include "../base/text.h"
#include "../model/json.h"

enum { TEXT_MAX = 64 << 20, STATUS_MAX = 256 << 10, PATH_MAX_HERE = 4096 };

static int open_in(const char *dir, const char *name)
{
    char path[PATH_MAX_HERE];
    int len = snprintf(path, sizeof(path), "%s/%s", dir, name);
    return len < 0 || (size_t)len >= sizeof(path) ? -1 : open(path, O_RDONLY | O_CLOEXEC);
}

bool command_engine_runs(const char *dir)
{
    struct flock lock = {.l_type = F_RDLCK, .l_whence = SEEK_SET};
    int fd = open_in(dir, "lock");
    if (fd < 0)
        return false;
    bool held = fcntl(fd, F_OFD_GETLK, &lock) == 0 && lock.l_type != F_UNLCK;
    close(fd);
    return held;
}

static void read_status(const char *dir, struct buf *out)
{
    int fd = open_in(dir, "status");
    uint8_t *room = buf_reserve(out, STATUS_MAX);
    ssize_t got = fd < 0 || room == NULL ? 0 : read(fd, room, STATUS_MAX);
    if (fd >= 0)
        close(fd);
    out->len += got > 0 ? (size_t)got : 0;
}

/* The next "name: value" of the status. */
static bool next_fact(struct slice *rest, struct slice *name, struct slice *value)
{
    while (rest->len > 0) {
        struct slice line = slice_next_line(rest);
        const uint8_t *colon = line.len == 0 ? NULL : memchr(line.ptr, ':', line.len);
        if (colon == NULL || (size_t)(colon - line.ptr) + 2 > line.len)
            continue;
        *name = slice_of(line.ptr, (size_t)(colon - line.ptr));
        *value = slice_of(colon + 2, line.len - name->len - 2);
        return true;
    }
    return false;
}

/* An engine that was killed left the status of a running one behind. */
static struct slice true_state(struct slice name, struct slice value, bool runs)
{
    bool stale = slice_equal(name, SLICE("state")) && slice_equal(value, SLICE("running")) && !runs;
    return stale ? SLICE("ended without a word") : value;
}

static void add_json(struct buf *out, struct slice status, bool runs)
{
    struct slice name;
    struct slice value;
    buf_addf(out, "{\"running\":%s", runs ? "true" : "false");
    while (next_fact(&status, &name, &value)) {
        uint64_t number;
        buf_addf(out, ",\"%.*s\":", SLICE_ARG(name));
        if (text_parse_u64(value, &number))
            buf_add_slice(out, value);
        else
            json_add_string(out, true_state(name, value, runs));
    }
}

static void add_text(struct buf *out, struct slice status, bool runs)
{
    struct slice name;
    struct slice value;
    buf_addf(out, "running     %s\n", runs ? "yes" : "no");
    while (next_fact(&status, &name, &value)) {
        struct slice shown = true_state(name, value, runs);
        buf_addf(out, "%-26.*s  %.*s\n", SLICE_ARG(name), SLICE_ARG(shown));
    }
}

static enum exit_code tell(const struct command_parts *parts, const struct pipeline_file *file,
                           bool json)
{
    struct store_options options = {.dir = slice_str(file->checkpoint_dir),
                                    .pipeline = slice_str(file->pipeline.name),
                                    .read_only = true};
    struct error err;
    struct store *store;
    error_clear(&err);
    if (parts->store->open(&options, &store, &err) != RC_OK)
        return command_fail(&err, EXIT_CODE_CHECKPOINT);
    struct buf out;
    struct buf status;
    buf_init(&out, TEXT_MAX);
    buf_init(&status, STATUS_MAX + 1);
    read_status(file->checkpoint_dir, &status);
    bool runs = command_engine_runs(file->checkpoint_dir);
    if (json)
        add_json(&out, buf_slice(&status), runs);
    else
        add_text(&out, buf_slice(&status), runs);
    enum rc rc = command_tables(parts, store, json, &out, &err);
    if (json)
        buf_add_str(&out, "}\n");
    if (rc == RC_OK)
        rc = buf_check(&out, "the status", &err);
    enum exit_code code =
        rc == RC_OK ? command_finish(&out) : command_fail(&err, EXIT_CODE_INTERNAL);
    buf_deinit(&status);
    buf_deinit(&out);
    parts->store->close(store);
    return code;
}

static enum exit_code run_status(const struct command_parts *parts, const struct command_line *line)
{
    struct error err;
    struct pipeline_file file;
    error_clear(&err);
    enum rc rc = pipeline_file_open(parts, line->args[0], &file, &err);
    if (rc != RC_OK)
        return command_fail(&err, command_exit_code(&err));
    enum exit_code code = tell(parts, &file, command_value(line, "json") != NULL);
    pipeline_file_close(&file);
    return code;
}

const struct command command_status = {
    .name = "status",
    .arguments = "PIPELINE.yaml",
    .summary = "Say where a running or stopped pipeline stands, and its tables.",
    .args_min = 1,
    .args_max = 1,
    .options = {{"json", NULL, "As one JSON object."}},
    .run = run_status,
};
