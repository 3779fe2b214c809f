/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the checkpoint's tests share: a folder that goes away, positions and intents made from a
 * number, files read and written whole.
 */
#ifndef MILLRACE_TESTS_CHECKPOINT_SUPPORT_INT_H
#define MILLRACE_TESTS_CHECKPOINT_SUPPORT_INT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "checkpoint/checkpoint.h"
#include "checkpoint/load_int.h"

static inline char *folder_new(void)
{
    const char *base = getenv("TMPDIR");
    char path[256];
    snprintf(path, sizeof(path), "%s/millrace-checkpoint-XXXXXX", base == NULL ? "/tmp" : base);
    char *made = mkdtemp(path);
    assert_non_null(made);
    return strdup(made);
}

static inline void folder_free(char *folder)
{
    DIR *names = opendir(folder);
    const struct dirent *entry;
    while (names != NULL && (entry = readdir(names)) != NULL)
        if (entry->d_name[0] != '.')
            (void)unlinkat(dirfd(names), entry->d_name, 0);
    if (names != NULL)
        closedir(names);
    (void)rmdir(folder);
    free(folder);
}

static inline void path_of(char path[512], const char *folder, const char *name)
{
    snprintf(path, 512, "%s/%s", folder, name);
}

static inline void file_get(const char *folder, const char *name, struct buf *out)
{
    char path[512];
    path_of(path, folder, name);
    FILE *file = fopen(path, "rb");
    assert_non_null(file);
    buf_reset(out);
    for (;;) {
        uint8_t *room = buf_reserve(out, 65536);
        assert_non_null(room);
        size_t got = fread(room, 1, 65536, file);
        if (got == 0)
            break;
        out->len += got;
    }
    fclose(file);
}

static inline void file_put(const char *folder, const char *name, struct slice bytes)
{
    char path[512];
    path_of(path, folder, name);
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    if (bytes.len > 0)
        assert_int_equal(fwrite(bytes.ptr, 1, bytes.len, file), bytes.len);
    assert_int_equal(fclose(file), 0);
}

static inline bool file_is_there(const char *folder, const char *name)
{
    char path[512];
    path_of(path, folder, name);
    return access(path, F_OK) == 0;
}

static inline void position_fill(struct position *position, uint64_t number)
{
    snprintf(position->file, sizeof(position->file), "binlog.%06llu",
             (unsigned long long)(number / 100 + 1));
    position->offset = 4 + number * 1000;
    snprintf(position->server, sizeof(position->server), "server_id:7");
    position->rows_done = number % 3;
    position->targets_done = (uint32_t)(number % 2);
    position->commit_time_us = 1700000000000000 + number;
    buf_reset(&position->gtid_set);
    buf_addf(&position->gtid_set, "0-7-%llu", (unsigned long long)number);
}

/* The range from `number` to `number` + 1 with two loads. */
struct sample {
    struct store_intent intent;
    struct manifest_entry entries[2];
    char tokens[2][64];
};

static inline void sample_init(struct sample *sample, uint64_t epoch, uint32_t attempt)
{
    *sample = (struct sample){0};
    position_init(&sample->intent.from);
    position_init(&sample->intent.to);
    position_fill(&sample->intent.from, epoch - 1);
    position_fill(&sample->intent.to, epoch);
    for (unsigned i = 0; i < 2; i++) {
        snprintf(sample->tokens[i], sizeof(sample->tokens[i]), "label_%llu_%u",
                 (unsigned long long)epoch, i);
        sample->entries[i] = (struct manifest_entry){
            .db = SLICE("shop"),
            .table = i == 0 ? SLICE("orders") : SLICE("items"),
            .token = slice_str(sample->tokens[i]),
            .rows = 10 * epoch + i,
            .bytes = 1000 + i,
            .keyless = i == 1,
            .two_phase = i == 1,
            .in_parts = i == 1,
        };
    }
    sample->intent.epoch = epoch;
    sample->intent.attempt = attempt;
    sample->intent.started_wall_us = 1700000000000000 + epoch;
    sample->intent.entries = sample->entries;
    sample->intent.count = 2;
}

static inline void sample_deinit(struct sample *sample)
{
    position_deinit(&sample->intent.from);
    position_deinit(&sample->intent.to);
}

static inline void position_assert_equal(const struct position *a, const struct position *b)
{
    assert_string_equal(a->file, b->file);
    assert_string_equal(a->server, b->server);
    assert_int_equal(a->offset, b->offset);
    assert_int_equal(a->rows_done, b->rows_done);
    assert_int_equal(a->targets_done, b->targets_done);
    assert_int_equal(a->commit_time_us, b->commit_time_us);
    assert_true(slice_equal(buf_slice(&a->gtid_set), buf_slice(&b->gtid_set)));
}

static inline enum rc store_at(const char *folder, const char *pipeline, bool read_only,
                               struct store **store_out, struct error *err)
{
    struct store_options options = {
        .dir = slice_str(folder), .pipeline = slice_str(pipeline), .read_only = read_only};
    return checkpoint_store.open(&options, store_out, err);
}

static inline struct store *store_must(const char *folder)
{
    struct store *store = NULL;
    struct error err;
    error_clear(&err);
    enum rc rc = store_at(folder, "shop", false, &store, &err);
    if (rc != RC_OK)
        fail_msg("%s: %s", rc_name(rc), err.text);
    return store;
}

static inline void must(enum rc rc, const struct error *err)
{
    if (rc != RC_OK)
        fail_msg("%s: %s", rc_name(rc), err->text);
}

/* One whole epoch. */
static inline void run_epoch(struct store *store, uint64_t epoch)
{
    struct error err;
    struct sample sample;
    sample_init(&sample, epoch, 1);
    must(checkpoint_store.intent(store, &sample.intent, &err), &err);
    must(checkpoint_store.done(store, epoch, 0, false, &err), &err);
    must(checkpoint_store.done(store, epoch, 1, false, &err), &err);
    must(checkpoint_store.advance(store, epoch, &err), &err);
    sample_deinit(&sample);
}

#endif
