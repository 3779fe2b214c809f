/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the user asks of a running or stopped pipeline (`millrace snapshot`, `millrace replay`): a file request-<...> in
 * the checkpoint's folder, made durable by the command, found here within a second, or by the next
 * start. It is removed when what it asks for is in the journal, so a crash in between does it again,
 * which is harmless: a table that is to be read anew begins anew.
 *
 *      tables: <pattern>      as `tables` of the pipeline file
 *      rebuild: yes           into a new target beside the old one
 *      replay: yes            dead letters are loaded again; then `tables` names targets, and may be left out
 */
#include "request_int.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "../base/clock.h"
#include "../base/log.h"
#include "../config/pattern.h"
#include "epoch_int.h"
#include "members_int.h"
#include "rebuild_int.h"
#include "reload_int.h"
#include "taking_int.h"

enum { REQUEST_MAX = 64 << 10 };

struct request {
    struct pattern_set *tables;
    bool rebuild;
    bool replay;
    unsigned matched;
    unsigned refused;
};

static enum rc read_text(int dir_fd, const char *name, struct buf *text, struct error *err)
{
    int fd = openat(dir_fd, name, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return error_set_os(err, RC_IO, errno, "The request %s cannot be read", name);
    uint8_t *room = buf_reserve(text, REQUEST_MAX);
    ssize_t got = room == NULL ? -1 : read(fd, room, REQUEST_MAX);
    close(fd);
    if (got < 0)
        return error_set_os(err, RC_IO, errno, "The request %s cannot be read", name);
    text->len += (size_t)got;
    return RC_OK;
}

static enum rc parse(struct slice text, struct request *request, struct error *err)
{
    static const struct slice tables = {(const uint8_t *)"tables: ", 8};
    struct buf pattern;
    buf_init(&pattern, REQUEST_MAX);
    while (text.len > 0) {
        struct slice line = slice_next_line(&text);
        if (slice_starts_nocase(line, tables))
            buf_add(&pattern, line.ptr + tables.len, line.len - tables.len);
        else if (slice_equal(line, SLICE("rebuild: yes")))
            request->rebuild = true;
        else if (slice_equal(line, SLICE("replay: yes")))
            request->replay = true;
    }
    enum rc rc = request->replay && pattern.len == 0
                     ? RC_OK
                     : pattern_set_new(buf_cstr(&pattern), NULL, &request->tables, err);
    buf_deinit(&pattern);
    return rc;
}

/* A table that cannot be taken so is told and left as it is: the others go on. */
static enum rc take_again(struct pipeline *pipeline, struct member *member, void *ctx,
                          struct error *err)
{
    struct request *request = ctx;
    if (member->newest == NULL || !pattern_set_match(request->tables, member->db, member->name))
        return RC_OK;
    request->matched++;
    enum rc rc = epoch_barrier(pipeline, err);
    if (rc == RC_OK)
        rc = request->rebuild ? rebuild_begin(pipeline, member, member->newest, err)
                              : taking_again(pipeline, member, member->newest, err);
    if (rc == RC_UNSUPPORTED) {
        log_error("pipeline.request", "A table cannot be read again as it was asked for.",
                  LOG_SLICE("db", member->db), LOG_SLICE("table", member->name),
                  LOG_STR("reason", err->text));
        error_clear(err);
        request->refused++;
        return RC_OK;
    }
    if (rc == RC_OK)
        log_info("pipeline.request",
                 request->rebuild ? "A table is read again, into a new target beside its own."
                                  : "A table is read again.",
                 LOG_SLICE("db", member->db), LOG_SLICE("table", member->name));
    return rc;
}

static bool names_target(void *ctx, struct slice db, struct slice table)
{
    const struct request *request = ctx;
    return request->tables == NULL || pattern_set_match(request->tables, db, table);
}

/* `*done_out`: the request is answered, and can go. */
static enum rc carry_out(struct pipeline *pipeline, struct request *request, const char *name,
                         bool *done_out, struct error *err)
{
    if (request->replay)
        return reload_run(pipeline, names_target, request, done_out, err);
    enum rc rc = members_each(pipeline, take_again, request, err);
    if (rc == RC_OK && request->matched == 0)
        log_warn("pipeline.request",
                 "A request names no table of this pipeline. Views and SEQUENCEs are no tables.",
                 LOG_STR("file", name));
    return rc;
}

static enum rc answer(struct pipeline *pipeline, int dir_fd, const char *name, bool replays_alone,
                      struct error *err)
{
    bool done = true;
    struct request request = {0};
    struct buf text;
    struct error own;
    error_clear(&own);
    buf_init(&text, REQUEST_MAX + 1);
    enum rc rc = read_text(dir_fd, name, &text, &own);
    if (rc == RC_OK)
        rc = parse(buf_slice(&text), &request, &own);
    buf_deinit(&text);
    if (rc != RC_OK) {
        log_error("pipeline.request", "A request cannot be understood and is thrown away.",
                  LOG_STR("file", name), LOG_STR("reason", own.text));
        rc = RC_OK;
    } else if (replays_alone && !request.replay) {
        done = false;
    } else {
        rc = carry_out(pipeline, &request, name, &done, err);
    }
    pattern_set_free(request.tables);
    if (rc == RC_OK && done)
        (void)unlinkat(dir_fd, name, 0);
    return rc;
}

static enum rc look(struct pipeline *pipeline, bool replays_alone, struct error *err)
{
    if (pipeline->parts.checkpoint_dir == NULL || pipeline->in_txn || pipeline->inside ||
        pipeline->replay.active)
        return RC_OK;
    pipeline->request_us = clock_monotonic_us();
    DIR *names = opendir(pipeline->parts.checkpoint_dir);
    enum rc rc = RC_OK;
    const struct dirent *entry;
    while (names != NULL && rc == RC_OK && (entry = readdir(names)) != NULL)
        if (strncmp(entry->d_name, "request-", 8) == 0 && strstr(entry->d_name, ".new") == NULL)
            rc = answer(pipeline, dirfd(names), entry->d_name, replays_alone, err);
    if (names != NULL)
        closedir(names);
    return rc;
}

enum rc request_look(struct pipeline *pipeline, struct error *err)
{
    return look(pipeline, false, err);
}

enum rc request_look_replays(struct pipeline *pipeline, struct error *err)
{
    return look(pipeline, true, err);
}
