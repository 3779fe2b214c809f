/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What `millrace status` reads beside the checkpoint: a small file `status` in the checkpoint's folder,
 * lines of "name: value", written anew every second and at the end. It is not synced, for it says
 * nothing that a start needs; that it cannot be written stops nobody.
 */
#include "status_int.h"

#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "../base/clock.h"
#include "progress_int.h"

enum { STATUS_MAX = 256 << 10, PATH_MAX_HERE = 4096, STATUS_EVERY_US = 1000000 };

static void add_u64(struct buf *out, const char *name, uint64_t value)
{
    buf_addf(out, "%s: %llu\n", name, (unsigned long long)value);
}

static void add_time(struct buf *out, const char *name, uint64_t wall_us)
{
    buf_addf(out, "%s: ", name);
    if (wall_us == 0)
        buf_add_str(out, "never");
    else
        clock_add_rfc3339(out, wall_us);
    buf_add_byte(out, '\n');
}

static void add_snapshot(const struct pipeline *pipeline, struct buf *out)
{
    add_u64(out, "snapshot_tables_left", pipeline->members.queued);
    if (pipeline->taking.snapshot == NULL)
        return;
    struct snapshot_progress progress;
    pipeline->parts.snapshot_ops->progress(pipeline->taking.snapshot, &progress);
    add_u64(out, "snapshot_tables", progress.tables_total);
    add_u64(out, "snapshot_rows", progress.rows_read);
    add_u64(out, "snapshot_rows_left_about", progress.rows_estimated);
    add_u64(out, "snapshot_transaction_s", progress.transaction_us / 1000000);
}

static void describe(struct pipeline *pipeline, const struct error *failure, bool ended,
                     struct buf *out)
{
    struct source_stats source = {0};
    struct sink_stats sink = {0};
    pipeline->parts.source->ops->stats(pipeline->parts.source, &source);
    pipeline->parts.sink->ops->stats(pipeline->parts.sink, &sink);
    const struct store_state *state = pipeline->parts.store_ops->state(pipeline->parts.store);
    uint64_t now_us = clock_wall_us();
    add_time(out, "written", now_us);
    buf_addf(out, "state: %s\n", failure != NULL ? "failed" : ended ? "stopped" : "running");
    if (failure != NULL)
        buf_addf(out, "last_error: %s\n", failure->text);
    add_u64(out, "process", (uint64_t)getpid());
    buf_add_str(out, "position: ");
    position_describe(&state->position, out);
    buf_add_byte(out, '\n');
    add_u64(out, "epoch", state->epoch);
    add_u64(out, "rows_read", source.rows_read);
    add_u64(out, "rows_loaded", sink.rows_loaded);
    add_u64(out, "retries", sink.retries);
    add_u64(out, "reconnects", source.reconnects);
    add_u64(out, "buffered_bytes", sink.buffered_bytes);
    add_u64(out, "spooled_bytes", source.bytes_spooled);
    add_u64(out, "flush_interval_ms", pipeline->limits.flush_interval_ms);
    buf_addf(out, "loading_s: %.1f\n", progress_loading_s(pipeline));
    add_time(out, "newest_change", source.last_commit_us);
    if (source.last_commit_us > 0 && now_us > source.last_commit_us)
        buf_addf(out, "newest_change_age_s: %.1f\n",
                 (double)(now_us - source.last_commit_us) / 1e6);
    if (source.last_under_way_us > 0)
        buf_addf(out, "newest_change_to_source_s: %.1f\n", (double)source.last_under_way_us / 1e6);
    add_u64(out, "tables", pipeline->members.count);
    add_u64(out, "tables_with_unknown_rows", pipeline->members.unknown);
    add_u64(out, "dead_letters", dead_letters_count(pipeline->parts.dead_letters));
    add_snapshot(pipeline, out);
}

static void replace(const char *dir, struct slice text)
{
    char new_path[PATH_MAX_HERE];
    char path[PATH_MAX_HERE];
    int len = snprintf(path, sizeof(path), "%s/status", dir);
    int new_len = snprintf(new_path, sizeof(new_path), "%s/status.new", dir);
    if (len < 0 || new_len < 0 || (size_t)new_len >= sizeof(new_path))
        return;
    int fd = open(new_path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (fd < 0)
        return;
    ssize_t wrote = write(fd, text.ptr, text.len);
    close(fd);
    if (wrote == (ssize_t)text.len)
        (void)rename(new_path, path);
    else
        (void)unlink(new_path);
}

void status_write(struct pipeline *pipeline, uint64_t now_us, bool ended, const struct error *err)
{
    if (pipeline->parts.checkpoint_dir == NULL)
        return;
    pipeline->status_us = now_us;
    struct buf text;
    buf_init(&text, STATUS_MAX);
    describe(pipeline, err, ended, &text);
    if (text.rc == RC_OK)
        replace(pipeline->parts.checkpoint_dir, buf_slice(&text));
    buf_deinit(&text);
}

void status_tell(struct pipeline *pipeline, uint64_t now_us)
{
    if (now_us - pipeline->status_us > STATUS_EVERY_US)
        status_write(pipeline, now_us, false, NULL);
}
