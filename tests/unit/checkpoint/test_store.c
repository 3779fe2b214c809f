/* SPDX-License-Identifier: Apache-2.0 */
/* The store as the pipeline sees it: what it promises, and each of its clear ends. */
#include "support_int.h"

#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>

static int setup(void **state)
{
    *state = folder_new();
    return 0;
}

static int teardown(void **state)
{
    folder_free(*state);
    return 0;
}

static void test_fresh(void **state)
{
    const char *folder = *state;
    struct store *store = store_must(folder);
    const struct store_state *now = checkpoint_store.state(store);
    assert_int_equal(strlen(now->pipeline_id), 32);
    assert_string_equal(now->server, "");
    assert_int_equal(now->epoch, 0);
    assert_true(position_is_empty(&now->position));
    assert_null(now->intent);
    assert_true(now->created_wall_us > 0);
    char id[33];
    memcpy(id, now->pipeline_id, sizeof(id));
    checkpoint_store.close(store);
    store = store_must(folder);
    assert_string_equal(checkpoint_store.state(store)->pipeline_id, id);
    checkpoint_store.close(store);
    struct stat info;
    char path[512];
    path_of(path, folder, "journal.000001");
    assert_int_equal(stat(path, &info), 0);
    assert_int_equal(info.st_mode & 0777, 0600);
}

static void test_folder_is_made(void **state)
{
    char path[512];
    path_of(path, *state, "above");
    char deep[600];
    snprintf(deep, sizeof(deep), "%s/below/", path);
    struct store *store = store_must(deep);
    checkpoint_store.close(store);
    struct stat info;
    assert_int_equal(stat(deep, &info), 0);
    assert_int_equal(info.st_mode & 0777, 0700);
    char *owned = strdup(deep);
    folder_free(owned);
    assert_int_equal(rmdir(path), 0);
}

static enum rc add_note(void *ctx, struct slice key, struct slice value, struct error *err UNUSED)
{
    buf_addf(ctx, "%.*s=%.*s;", SLICE_ARG(key), SLICE_ARG(value));
    return RC_OK;
}

/* All notes that are true, as text. */
static const char *notes_of(const struct store *store)
{
    static char text[256];
    struct buf out;
    struct error err;
    buf_init(&out, sizeof(text));
    must(checkpoint_store.notes(store, SLICE_EMPTY, add_note, &out, &err), &err);
    snprintf(text, sizeof(text), "%s", buf_cstr(&out));
    buf_deinit(&out);
    return text;
}

static void test_life_of_an_epoch(void **state)
{
    const char *folder = *state;
    struct error err;
    struct store *store = store_must(folder);
    must(checkpoint_store.bind(store, "server_id:7", true, &err), &err);
    run_epoch(store, 1);
    struct sample sample;
    sample_init(&sample, 2, 1);
    must(checkpoint_store.intent(store, &sample.intent, &err), &err);
    must(checkpoint_store.done(store, 2, 1, false, &err), &err);
    must(checkpoint_store.done(store, 2, 1, false, &err), &err);
    checkpoint_store.close(store);

    store = store_must(folder);
    const struct store_state *now = checkpoint_store.state(store);
    assert_string_equal(now->server, "server_id:7");
    assert_int_equal(now->epoch, 1);
    assert_int_equal(now->rows, 10 + 11);
    assert_int_equal(now->bytes, 2001);
    position_assert_equal(&now->position, &sample.intent.from);
    assert_non_null(now->intent);
    assert_int_equal(now->intent->epoch, 2);
    assert_int_equal(now->intent->attempt, 1);
    assert_int_equal(now->intent->started_wall_us, sample.intent.started_wall_us);
    assert_int_equal(now->intent->count, 2);
    assert_false(now->intent->done[0]);
    assert_true(now->intent->done[1]);
    assert_true(now->intent->entries[1].keyless);
    assert_true(slice_equal(now->intent->entries[0].token, SLICE("label_2_0")));
    position_assert_equal(&now->intent->to, &sample.intent.to);
    must(checkpoint_store.advance(store, 2, &err), &err);
    assert_null(checkpoint_store.state(store)->intent);
    position_assert_equal(&checkpoint_store.state(store)->position, &sample.intent.to);
    struct position to;
    position_init(&to);
    position_fill(&to, 50);
    must(checkpoint_store.move(store, &to, NULL, 0, &err), &err);
    checkpoint_store.close(store);

    store = store_must(folder);
    position_assert_equal(&checkpoint_store.state(store)->position, &to);
    assert_int_equal(checkpoint_store.state(store)->epoch, 2);
    assert_int_equal(checkpoint_store.state(store)->rows, 10 + 11 + 20 + 21);
    checkpoint_store.close(store);
    position_deinit(&to);
    sample_deinit(&sample);
}

static void test_another_attempt(void **state)
{
    struct error err;
    struct store *store = store_must(*state);
    struct sample sample;
    sample_init(&sample, 1, 1);
    must(checkpoint_store.intent(store, &sample.intent, &err), &err);
    must(checkpoint_store.done(store, 1, 0, false, &err), &err);
    assert_int_equal(checkpoint_store.intent(store, &sample.intent, &err), RC_EXISTS);
    sample.intent.attempt = 2;
    sample.entries[1].token = SLICE("another");
    must(checkpoint_store.intent(store, &sample.intent, &err), &err);
    checkpoint_store.close(store);
    store = store_must(*state);
    const struct store_intent *intent = checkpoint_store.state(store)->intent;
    assert_int_equal(intent->attempt, 2);
    assert_true(intent->done[0]); /* the same load under the same name */
    assert_false(intent->done[1]);
    checkpoint_store.close(store);
    sample_deinit(&sample);
}

/* What is prepared is known again, until another attempt begins; only loads in two phases are. */
static void test_prepared(void **state)
{
    struct error err;
    struct store *store = store_must(*state);
    struct sample sample;
    struct store_prepared prepared = {.entry = 1, .transaction = 4711};
    sample_init(&sample, 1, 1);
    assert_int_equal(checkpoint_store.prepared(store, 1, &prepared, 1, &err), RC_NOT_FOUND);
    must(checkpoint_store.intent(store, &sample.intent, &err), &err);
    must(checkpoint_store.prepared(store, 1, &prepared, 1, &err), &err);
    prepared.transaction = UINT64_MAX; /* it had to be prepared once more */
    must(checkpoint_store.prepared(store, 1, &prepared, 1, &err), &err);
    prepared.entry = 0;
    assert_int_equal(checkpoint_store.prepared(store, 1, &prepared, 1, &err), RC_NOT_FOUND);
    prepared.entry = 2;
    assert_int_equal(checkpoint_store.prepared(store, 1, &prepared, 1, &err), RC_NOT_FOUND);
    checkpoint_store.close(store);
    store = store_must(*state);
    const struct store_intent *intent = checkpoint_store.state(store)->intent;
    assert_false(intent->entries[0].two_phase);
    assert_true(intent->entries[1].two_phase);
    assert_true(intent->entries[0].transaction == 0);
    assert_true(intent->entries[1].transaction == UINT64_MAX);
    assert_false(intent->done[1]);
    sample.intent.attempt = 2;
    must(checkpoint_store.intent(store, &sample.intent, &err), &err);
    assert_true(checkpoint_store.state(store)->intent->entries[1].transaction == 0);
    must(checkpoint_store.advance(store, 1, &err), &err);
    checkpoint_store.close(store);
    sample_deinit(&sample);
}

static void test_wrong_order(void **state)
{
    struct error err;
    struct store *store = store_must(*state);
    struct sample sample;
    struct position to;
    position_init(&to);
    position_fill(&to, 3);
    assert_int_equal(checkpoint_store.advance(store, 1, &err), RC_NOT_FOUND);
    assert_int_equal(checkpoint_store.done(store, 1, 0, false, &err), RC_NOT_FOUND);
    sample_init(&sample, 1, 1);
    must(checkpoint_store.intent(store, &sample.intent, &err), &err);
    assert_int_equal(checkpoint_store.move(store, &to, NULL, 0, &err), RC_EXISTS);
    assert_int_equal(checkpoint_store.done(store, 1, 2, false, &err), RC_NOT_FOUND);
    assert_int_equal(checkpoint_store.advance(store, 2, &err), RC_NOT_FOUND);
    must(checkpoint_store.advance(store, 1, &err), &err);
    assert_int_equal(checkpoint_store.intent(store, &sample.intent, &err), RC_EXISTS);
    checkpoint_store.close(store);
    store = store_must(*state); /* none of the refusals left a trace */
    assert_int_equal(checkpoint_store.state(store)->epoch, 1);
    checkpoint_store.close(store);
    position_deinit(&to);
    sample_deinit(&sample);
}

/* Several epochs are unfinished: they are known in their order, and only the oldest may end, be
 * prepared or have another attempt, which must end where the next one begins. */
static void test_unfinished_epochs(void **state)
{
    struct error err;
    struct store *store = store_must(*state);
    struct sample samples[STORE_EPOCHS_MAX + 1];
    for (unsigned i = 0; i <= STORE_EPOCHS_MAX; i++)
        sample_init(&samples[i], i + 1, 1);
    struct store_note note = {.key = SLICE("k"), .value = SLICE("of 2")};
    samples[1].intent.notes = &note;
    samples[1].intent.note_count = 1;
    for (unsigned i = 0; i < STORE_EPOCHS_MAX; i++)
        must(checkpoint_store.intent(store, &samples[i].intent, &err), &err);
    assert_int_equal(checkpoint_store.intent(store, &samples[STORE_EPOCHS_MAX].intent, &err),
                     RC_LIMIT);
    must(checkpoint_store.done(store, 2, 1, true, &err), &err);
    must(checkpoint_store.done(store, 1, 0, false, &err), &err);
    struct store_prepared prepared = {.entry = 1, .transaction = 4711};
    assert_int_equal(checkpoint_store.prepared(store, 2, &prepared, 1, &err), RC_NOT_FOUND);
    must(checkpoint_store.prepared(store, 1, &prepared, 1, &err), &err);
    assert_int_equal(checkpoint_store.advance(store, 2, &err), RC_NOT_FOUND);
    samples[1].intent.attempt = 2;
    assert_int_equal(checkpoint_store.intent(store, &samples[1].intent, &err), RC_EXISTS);
    samples[0].intent.attempt = 2;
    samples[0].intent.to.offset++;
    assert_int_equal(checkpoint_store.intent(store, &samples[0].intent, &err), RC_EXISTS);
    samples[0].intent.to.offset--;
    must(checkpoint_store.intent(store, &samples[0].intent, &err), &err);
    checkpoint_store.close(store);

    store = store_must(*state);
    const struct store_intent *intent = checkpoint_store.state(store)->intent;
    for (unsigned i = 0; i < STORE_EPOCHS_MAX; i++, intent = intent->next) {
        assert_non_null(intent);
        assert_int_equal(intent->epoch, i + 1);
        assert_int_equal(intent->attempt, i == 0 ? 2 : 1);
        assert_int_equal(intent->done[0], i == 0);
        assert_int_equal(intent->done[1], i == 1);
        assert_true(intent->entries[1].transaction == 0);
        position_assert_equal(&intent->to, &samples[i].intent.to);
    }
    assert_null(intent);
    must(checkpoint_store.advance(store, 1, &err), &err);
    assert_string_equal(notes_of(store), "");
    samples[1].intent.attempt = 2;
    must(checkpoint_store.intent(store, &samples[1].intent, &err), &err);
    must(checkpoint_store.intent(store, &samples[STORE_EPOCHS_MAX].intent, &err), &err);
    must(checkpoint_store.advance(store, 2, &err), &err);
    checkpoint_store.close(store);

    store = store_must(*state);
    assert_string_equal(notes_of(store), "k=of 2;");
    for (unsigned i = 2; i <= STORE_EPOCHS_MAX; i++)
        must(checkpoint_store.advance(store, i + 1, &err), &err);
    assert_null(checkpoint_store.state(store)->intent);
    position_assert_equal(&checkpoint_store.state(store)->position,
                          &samples[STORE_EPOCHS_MAX].intent.to);
    checkpoint_store.close(store);
    for (unsigned i = 0; i <= STORE_EPOCHS_MAX; i++)
        sample_deinit(&samples[i]);
}

/* A journal that has grown long says so until no epoch is unfinished. */
static void test_crowded(void **state)
{
    struct error err;
    struct store *store = store_must(*state);
    struct sample sample;
    uint64_t epoch = 0;
    static const uint8_t large[1 << 20];
    struct store_note note = {.key = SLICE("k"), .value = slice_of(large, sizeof(large))};
    while (!checkpoint_store.state(store)->crowded && epoch < 64) {
        sample_init(&sample, ++epoch, 1);
        sample.intent.notes = &note;
        sample.intent.note_count = 1;
        must(checkpoint_store.intent(store, &sample.intent, &err), &err);
        if (epoch > 1)
            must(checkpoint_store.advance(store, epoch - 1, &err), &err);
        sample_deinit(&sample);
    }
    assert_true(epoch > 4 && epoch < 64);
    must(checkpoint_store.advance(store, epoch, &err), &err);
    assert_false(checkpoint_store.state(store)->crowded);
    checkpoint_store.close(store);
    store = store_must(*state);
    assert_int_equal(checkpoint_store.state(store)->epoch, epoch);
    checkpoint_store.close(store);
}

static void test_bind(void **state)
{
    struct error err;
    struct store *store = store_must(*state);
    must(checkpoint_store.bind(store, "aaaa", true, &err), &err);
    run_epoch(store, 1);
    must(checkpoint_store.bind(store, "aaaa", false, &err), &err);
    assert_int_equal(checkpoint_store.bind(store, "bbbb", false, &err), RC_MISMATCH);
    assert_non_null(strstr(err.text, "aaaa"));
    assert_non_null(strstr(err.text, "bbbb"));
    must(checkpoint_store.bind(store, "bbbb", true, &err), &err);
    struct position to;
    position_init(&to);
    position_fill(&to, 9);
    buf_reset(&to.gtid_set); /* a file and offset alone */
    must(checkpoint_store.move(store, &to, NULL, 0, &err), &err);
    assert_int_equal(checkpoint_store.bind(store, "cccc", true, &err), RC_MISMATCH);
    checkpoint_store.close(store);
    store = store_must(*state);
    assert_string_equal(checkpoint_store.state(store)->server, "bbbb");
    checkpoint_store.close(store);
    position_deinit(&to);
}

static void test_locked(void **state)
{
    struct error err;
    struct store *store = store_must(*state);
    run_epoch(store, 1);
    struct store *second = NULL;
    assert_int_equal(store_at(*state, "shop", false, &second, &err), RC_LOCKED);
    char pid[32];
    snprintf(pid, sizeof(pid), "process %d.", (int)getpid());
    assert_non_null(strstr(err.text, pid));
    /* A reader needs no lock and sees the same. */
    must(store_at(*state, "", true, &second, &err), &err);
    assert_int_equal(checkpoint_store.state(second)->epoch, 1);
    assert_int_equal(checkpoint_store.bind(second, "x", false, &err), RC_USAGE);
    checkpoint_store.close(second);
    checkpoint_store.close(store);
    store = store_must(*state);
    checkpoint_store.close(store);
}

static void test_foreign(void **state)
{
    struct error err;
    checkpoint_store.close(store_must(*state));
    struct store *store = NULL;
    assert_int_equal(store_at(*state, "depot", false, &store, &err), RC_MISMATCH);
    assert_non_null(strstr(err.text, "\"shop\""));
    assert_non_null(strstr(err.text, "\"depot\""));
    assert_int_equal(store_at(*state, "depot", true, &store, &err), RC_MISMATCH);
}

static void test_newer_format(void **state)
{
    struct error err;
    checkpoint_store.close(store_must(*state));
    struct buf file;
    buf_init(&file, 1 << 20);
    file_get(*state, "journal.000001", &file);
    file.ptr[8] = 2;
    file_put(*state, "journal.000001", buf_slice(&file));
    struct store *store = NULL;
    assert_int_equal(store_at(*state, "shop", false, &store, &err), RC_UNSUPPORTED);
    assert_non_null(strstr(err.text, "version 2"));
    struct buf after;
    buf_init(&after, 1 << 20);
    file_get(*state, "journal.000001", &after);
    assert_true(slice_equal(buf_slice(&file), buf_slice(&after)));
    buf_deinit(&file);
    buf_deinit(&after);
}

static void test_read_only_writes_nothing(void **state)
{
    struct error err;
    struct store *store = NULL;
    assert_int_equal(store_at(*state, "shop", true, &store, &err), RC_NOT_FOUND);
    assert_false(file_is_there(*state, "lock"));
    store = store_must(*state);
    run_epoch(store, 1);
    checkpoint_store.close(store);
    struct buf file;
    buf_init(&file, 1 << 20);
    file_get(*state, "journal.000001", &file);
    buf_add_str(&file, "torn");
    file_put(*state, "journal.000001", buf_slice(&file));
    must(store_at(*state, "shop", true, &store, &err), &err);
    assert_int_equal(checkpoint_store.state(store)->epoch, 1);
    checkpoint_store.close(store);
    struct buf after;
    buf_init(&after, 1 << 20);
    file_get(*state, "journal.000001", &after);
    assert_true(slice_equal(buf_slice(&file), buf_slice(&after)));
    buf_deinit(&file);
    buf_deinit(&after);
    char missing[512];
    path_of(missing, *state, "not-there");
    assert_int_equal(store_at(missing, "shop", true, &store, &err), RC_NOT_FOUND);
    assert_int_not_equal(access(missing, F_OK), 0);
}

/* A file that may grow no further stands for a full disk. */
static void test_full_disk(void **state)
{
    struct error err;
    struct store *store = store_must(*state);
    run_epoch(store, 1);
    struct buf before;
    struct buf after;
    buf_init(&before, 1 << 20);
    buf_init(&after, 1 << 20);
    file_get(*state, "journal.000001", &before);
    struct rlimit old;
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &old), 0);
    struct rlimit small = {.rlim_cur = before.len + 20, .rlim_max = old.rlim_max};
    void (*old_handler)(int) = signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
    struct sample sample;
    sample_init(&sample, 2, 1);
    enum rc rc = checkpoint_store.intent(store, &sample.intent, &err);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &old), 0);
    signal(SIGXFSZ, old_handler);
    assert_int_equal(rc, RC_IO);
    assert_int_equal(err.os_code, EFBIG);
    assert_non_null(strstr(err.text, "journal.000001"));
    assert_null(checkpoint_store.state(store)->intent);
    /* The part that was written is taken back, and nothing more is accepted. */
    file_get(*state, "journal.000001", &after);
    assert_true(slice_equal(buf_slice(&before), buf_slice(&after)));
    assert_int_equal(checkpoint_store.intent(store, &sample.intent, &err), RC_IO);
    checkpoint_store.close(store);
    store = store_must(*state);
    assert_int_equal(checkpoint_store.state(store)->epoch, 1);
    must(checkpoint_store.intent(store, &sample.intent, &err), &err);
    checkpoint_store.close(store);
    sample_deinit(&sample);
    buf_deinit(&before);
    buf_deinit(&after);
}

static void count_line(void *ctx, enum report_verdict verdict, struct slice what,
                       struct slice remedy)
{
    unsigned *counts = ctx;
    assert_true(what.len > 0);
    assert_true(verdict == REPORT_OK || remedy.len > 0);
    counts[verdict]++;
}

static enum rc verify(const char *folder, unsigned counts[3], struct error *err)
{
    counts[0] = counts[1] = counts[2] = 0;
    struct report report = {.line = count_line, .ctx = counts};
    return checkpoint_store.verify(slice_str(folder), &report, err);
}

static void test_verify(void **state)
{
    struct error err;
    unsigned counts[3];
    assert_int_equal(verify(*state, counts, &err), RC_NOT_FOUND);
    struct store *store = store_must(*state);
    for (uint64_t epoch = 1; epoch <= 3; epoch++)
        run_epoch(store, epoch);
    must(verify(*state, counts, &err), &err); /* beside the engine */
    assert_int_equal(counts[REPORT_WARN] + counts[REPORT_FAIL], 0);
    checkpoint_store.close(store);
    struct buf file;
    buf_init(&file, 1 << 20);
    file_get(*state, "journal.000001", &file);
    size_t len = file.len;
    file_put(*state, "journal.000001", slice_of(file.ptr, len - 3));
    must(verify(*state, counts, &err), &err);
    assert_int_equal(counts[REPORT_WARN], 1);
    file.ptr[len / 2] ^= 1;
    file_put(*state, "journal.000001", slice_of(file.ptr, len));
    assert_int_equal(verify(*state, counts, &err), RC_CORRUPT);
    assert_int_equal(counts[REPORT_FAIL], 1);
    buf_deinit(&file);
}

/* A child writes epochs and tells each that was acknowledged through a pipe; it is killed at any
 * moment. What it told must be there. */
static void write_until_killed(const char *folder, int pipe_fd)
{
    struct store *store = NULL;
    struct error err;
    if (store_at(folder, "shop", false, &store, &err) != RC_OK)
        _exit(1);
    const struct store_state *now = checkpoint_store.state(store);
    for (uint64_t epoch = now->epoch + 1;; epoch++) {
        struct sample sample;
        sample_init(&sample, epoch, now->intent == NULL ? 1 : now->intent->attempt + 1);
        if (checkpoint_store.intent(store, &sample.intent, &err) != RC_OK ||
            checkpoint_store.done(store, epoch, 0, false, &err) != RC_OK ||
            checkpoint_store.advance(store, epoch, &err) != RC_OK ||
            write(pipe_fd, &epoch, sizeof(epoch)) != (ssize_t)sizeof(epoch))
            _exit(2);
        sample_deinit(&sample);
    }
}

static void test_killed_again_and_again(void **state)
{
    enum { ROUNDS = 25 };
    uint64_t told = 0;
    unsigned seed = 12345;
    for (int round = 0; round < ROUNDS; round++) {
        int ends[2];
        assert_int_equal(pipe(ends), 0);
        pid_t child = fork();
        assert_true(child >= 0);
        if (child == 0) {
            close(ends[0]);
            write_until_killed(*state, ends[1]);
        }
        close(ends[1]);
        /* After so many acknowledged epochs; the kill falls somewhere into the next ones. */
        seed = seed * 1103515245 + 12345;
        uint64_t wanted = told + 1 + (seed >> 16) % 20;
        uint64_t epoch = 0;
        while (epoch < wanted && read(ends[0], &epoch, sizeof(epoch)) == (ssize_t)sizeof(epoch))
            told = epoch;
        kill(child, SIGKILL);
        while (read(ends[0], &epoch, sizeof(epoch)) == (ssize_t)sizeof(epoch))
            told = epoch;
        int status;
        assert_int_equal(waitpid(child, &status, 0), child);
        assert_true(WIFSIGNALED(status));
        close(ends[0]);
        struct store *store = store_must(*state);
        const struct store_state *now = checkpoint_store.state(store);
        assert_true(now->epoch == told || now->epoch == told + 1);
        told = now->epoch;
        struct sample sample;
        sample_init(&sample, now->epoch, 1);
        position_assert_equal(&now->position, &sample.intent.to);
        sample_deinit(&sample);
        checkpoint_store.close(store);
    }
    assert_true(told >= ROUNDS);
}

int main(void)
{
    log_setup(2, LOG_FORMAT_TEXT, LOG_OFF);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_fresh, setup, teardown),
        cmocka_unit_test_setup_teardown(test_folder_is_made, setup, teardown),
        cmocka_unit_test_setup_teardown(test_life_of_an_epoch, setup, teardown),
        cmocka_unit_test_setup_teardown(test_another_attempt, setup, teardown),
        cmocka_unit_test_setup_teardown(test_prepared, setup, teardown),
        cmocka_unit_test_setup_teardown(test_wrong_order, setup, teardown),
        cmocka_unit_test_setup_teardown(test_unfinished_epochs, setup, teardown),
        cmocka_unit_test_setup_teardown(test_crowded, setup, teardown),
        cmocka_unit_test_setup_teardown(test_bind, setup, teardown),
        cmocka_unit_test_setup_teardown(test_locked, setup, teardown),
        cmocka_unit_test_setup_teardown(test_foreign, setup, teardown),
        cmocka_unit_test_setup_teardown(test_newer_format, setup, teardown),
        cmocka_unit_test_setup_teardown(test_read_only_writes_nothing, setup, teardown),
        cmocka_unit_test_setup_teardown(test_full_disk, setup, teardown),
        cmocka_unit_test_setup_teardown(test_verify, setup, teardown),
        cmocka_unit_test_setup_teardown(test_killed_again_and_again, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
