/* SPDX-License-Identifier: Apache-2.0 */
/* Journals that are cut, bent and half replaced: each opens as a legal earlier state or is refused
 * in words, and what is refused is left as it is. */
#include "support_int.h"

#include <signal.h>
#include <sys/resource.h>

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

/* Three epochs, the last one unfinished with one load done. */
static void make_journal(const char *folder, struct buf *file)
{
    struct error err;
    struct store *store = store_must(folder);
    must(checkpoint_store.bind(store, "server_id:7", true, &err), &err);
    run_epoch(store, 1);
    run_epoch(store, 2);
    struct sample sample;
    sample_init(&sample, 3, 1);
    must(checkpoint_store.intent(store, &sample.intent, &err), &err);
    must(checkpoint_store.done(store, 3, 0, false, &err), &err);
    sample_deinit(&sample);
    checkpoint_store.close(store);
    file_get(folder, "journal.000001", file);
}

/* Where each record begins, and at last where the file ends. */
static unsigned borders_of(struct slice file, uint64_t generation, size_t *borders, unsigned max)
{
    struct checkpoint_header header;
    struct checkpoint_record record;
    struct error err;
    size_t len = 0;
    const char *problem;
    must(checkpoint_header_parse(file, &header, &len, &err), &err);
    unsigned count = 0;
    size_t offset = len;
    while (checkpoint_record_parse(slice_of(file.ptr + offset, file.len - offset), generation,
                                   &record, &len, &problem) == CHECKPOINT_FOUND_RECORD) {
        assert_true(count + 1 < max);
        borders[count++] = offset;
        offset += len;
    }
    borders[count] = offset;
    assert_int_equal(offset, file.len);
    return count;
}

static void test_cut_at_every_byte(void **state)
{
    const char *folder = *state;
    struct buf file;
    struct buf after;
    buf_init(&file, 1 << 20);
    buf_init(&after, 1 << 20);
    make_journal(folder, &file);
    size_t borders[32];
    unsigned count = borders_of(buf_slice(&file), 1, borders, 32);
    for (size_t len = 0; len <= file.len; len++) {
        file_put(folder, "journal.000001", slice_of(file.ptr, len));
        struct store *store = NULL;
        struct error err;
        enum rc rc = store_at(folder, "shop", false, &store, &err);
        if (len < borders[0]) {
            assert_int_equal(rc, RC_CORRUPT);
            assert_non_null(strstr(err.text, "journal.000001"));
            continue;
        }
        must(rc, &err);
        unsigned whole = 0;
        while (whole < count && borders[whole + 1] <= len)
            whole++;
        /* bind, then (intent, done, done, advance) twice, then intent, done */
        const struct store_state *now = checkpoint_store.state(store);
        assert_int_equal(now->epoch, whole >= 9 ? 2 : whole >= 5 ? 1 : 0);
        bool unfinished = whole >= 2 && (whole - 1) % 4 != 0;
        assert_int_equal(now->intent != NULL, unfinished);
        if (unfinished)
            assert_int_equal(now->intent->done[0], (whole - 1) % 4 >= 2);
        checkpoint_store.close(store);
        file_get(folder, "journal.000001", &after);
        assert_true(slice_equal(buf_slice(&after), slice_of(file.ptr, borders[whole])));
    }
    buf_deinit(&file);
    buf_deinit(&after);
}

/* A flipped bit is refused, unless nothing that was promised lies behind it: then the state is an
 * earlier one whose loads are asked for again. It never gives another state. */
static void test_every_bit(void **state)
{
    struct buf file;
    buf_init(&file, 1 << 20);
    make_journal(*state, &file);
    size_t borders[32];
    unsigned count = borders_of(buf_slice(&file), 1, borders, 32);
    unsigned refused = 0;
    unsigned cut = 0;
    for (size_t i = 0; i < 8 * file.len; i++) {
        file.ptr[i / 8] ^= (uint8_t)(1u << i % 8);
        struct checkpoint_model model;
        struct checkpoint_replay replay;
        struct error err;
        checkpoint_model_init(&model);
        enum rc rc = checkpoint_replay(buf_slice(&file), 1, &model, &replay, &err);
        /* The last record is a `done`: it may be cut. Every other one has a promise behind it. */
        bool last = i / 8 >= borders[count - 1];
        if (rc == RC_OK) {
            assert_true(last);
            assert_int_equal(replay.good_len, borders[count - 1]);
            assert_int_equal(model.state.epoch, 2);
            assert_non_null(model.state.intent);
            assert_false(model.state.intent->done[0]);
            cut++;
        } else {
            assert_false(last);
            assert_true(rc == RC_CORRUPT || (rc == RC_UNSUPPORTED && i / 8 >= 8 && i / 8 < 12));
            refused++;
        }
        checkpoint_model_deinit(&model);
        file.ptr[i / 8] ^= (uint8_t)(1u << i % 8);
    }
    assert_int_equal(cut, 8 * (borders[count] - borders[count - 1]));
    assert_int_equal(refused + cut, 8 * file.len);
    buf_deinit(&file);
}

static void test_damaged_middle(void **state)
{
    struct buf file;
    struct buf after;
    buf_init(&file, 1 << 20);
    buf_init(&after, 1 << 20);
    make_journal(*state, &file);
    size_t borders[32];
    (void)borders_of(buf_slice(&file), 1, borders, 32);
    memset(file.ptr + borders[1], 0, borders[3] - borders[1]);
    file_put(*state, "journal.000001", buf_slice(&file));
    struct store *store = NULL;
    struct error err;
    assert_int_equal(store_at(*state, "shop", false, &store, &err), RC_CORRUPT);
    char place[64];
    snprintf(place, sizeof(place), "byte %zu:", borders[1]);
    assert_non_null(strstr(err.text, place));
    assert_non_null(strstr(err.text, "journal.000001"));
    assert_non_null(strstr(err.text, "backup"));
    file_get(*state, "journal.000001", &after);
    assert_true(slice_equal(buf_slice(&file), buf_slice(&after)));
    buf_deinit(&file);
    buf_deinit(&after);
}

/* A power cut may keep the pages written after the last sync in any order: `done` records that
 * never arrived, with the end of their epoch behind them. That is no damage. */
static void test_unsynced_out_of_order(void **state)
{
    struct error err;
    struct buf file;
    buf_init(&file, 1 << 20);
    struct store *store = store_must(*state);
    run_epoch(store, 1);
    run_epoch(store, 2);
    checkpoint_store.close(store);
    file_get(*state, "journal.000001", &file);
    size_t borders[32];
    unsigned count = borders_of(buf_slice(&file), 1, borders, 32);
    assert_int_equal(count, 8);
    memset(file.ptr + borders[5], 0, borders[6] - borders[5]); /* the first done of epoch 2 */
    file_put(*state, "journal.000001", buf_slice(&file));
    store = store_must(*state);
    assert_int_equal(checkpoint_store.state(store)->epoch, 1);
    assert_int_equal(checkpoint_store.state(store)->intent->epoch, 2);
    assert_false(checkpoint_store.state(store)->intent->done[0]);
    must(checkpoint_store.advance(store, 2, &err), &err);
    checkpoint_store.close(store);
    /* The same hole in epoch 1, behind which another epoch was promised, is damage. */
    file_get(*state, "journal.000001", &file);
    memset(file.ptr + borders[1], 0, borders[2] - borders[1]);
    file_put(*state, "journal.000001", buf_slice(&file));
    assert_int_equal(store_at(*state, "shop", false, &store, &err), RC_CORRUPT);
    buf_deinit(&file);
}

/* Runs epochs with a long GTID set until the journal has been replaced once. */
static uint64_t run_to_second_generation(const char *folder)
{
    struct error err;
    struct store *store = store_must(folder);
    must(checkpoint_store.bind(store, "server_id:7", true, &err), &err);
    uint64_t epoch = 0;
    while (!file_is_there(folder, "journal.000002")) {
        epoch++;
        assert_true(epoch < 1000);
        struct sample sample;
        sample_init(&sample, epoch, 1);
        for (unsigned i = 0; i < 20000; i++)
            buf_add_str(&sample.intent.to.gtid_set, ",0-7-1");
        must(checkpoint_store.intent(store, &sample.intent, &err), &err);
        must(checkpoint_store.advance(store, epoch, &err), &err);
        sample_deinit(&sample);
    }
    checkpoint_store.close(store);
    return epoch;
}

static void test_new_generation(void **state)
{
    uint64_t epoch = run_to_second_generation(*state);
    struct stat info;
    char path[512];
    path_of(path, *state, "journal.000002");
    assert_int_equal(stat(path, &info), 0);
    assert_true(info.st_size < 1 << 20);
    assert_true(file_is_there(*state, "journal.000001"));
    assert_false(file_is_there(*state, "journal.new"));
    struct store *store = store_must(*state);
    const struct store_state *now = checkpoint_store.state(store);
    assert_int_equal(now->epoch, epoch);
    assert_int_equal(now->rows, 10 * epoch * (epoch + 1) + epoch);
    assert_string_equal(now->server, "server_id:7");
    assert_true(now->position.gtid_set.len > 100000);
    run_epoch(store, epoch + 1);
    checkpoint_store.close(store);
    store = store_must(*state);
    assert_int_equal(checkpoint_store.state(store)->epoch, epoch + 1);
    checkpoint_store.close(store);
}

/* A new generation that never became whole, in each of its states on disk: the old one says the
 * same, so it stands in. */
static void test_crash_inside_replacement(void **state)
{
    const char *folder = *state;
    struct error err;
    uint64_t epoch = run_to_second_generation(folder);
    struct buf whole;
    buf_init(&whole, 1 << 20);
    file_get(folder, "journal.000002", &whole);
    const size_t lens[] = {0, 1, 8, 65, 66, 90, 150, whole.len / 2, whole.len - 1};
    for (unsigned i = 0; i < COUNT_OF(lens) + 1; i++) {
        struct buf broken;
        buf_init(&broken, 1 << 20);
        buf_add(&broken, whole.ptr, i < COUNT_OF(lens) ? lens[i] : whole.len);
        if (i == COUNT_OF(lens))
            broken.ptr[20] ^= 1; /* its length is right, its header is not */
        file_put(folder, "journal.000002", buf_slice(&broken));
        file_put(folder, "journal.new", SLICE("left behind"));
        struct store *store = NULL;
        must(store_at(folder, "shop", true, &store, &err), &err);
        assert_int_equal(checkpoint_store.state(store)->epoch, epoch);
        checkpoint_store.close(store);
        store = store_must(folder);
        assert_int_equal(checkpoint_store.state(store)->epoch, epoch);
        checkpoint_store.close(store);
        assert_false(file_is_there(folder, "journal.new"));
        buf_reset(&broken);
        file_get(folder, "journal.000002", &broken);
        assert_true(slice_equal(buf_slice(&broken), buf_slice(&whole)));
        buf_deinit(&broken);
    }
    buf_deinit(&whole);
}

/* When anything was appended to the newest generation, the one before it is an older state: it must
 * not stand in, for its epochs were delivered. */
static void test_no_way_back(void **state)
{
    const char *folder = *state;
    struct error err;
    uint64_t epoch = run_to_second_generation(folder);
    struct store *store = store_must(folder);
    run_epoch(store, epoch + 1);
    checkpoint_store.close(store);
    struct buf file;
    buf_init(&file, 1 << 20);
    file_get(folder, "journal.000002", &file);
    file.ptr[20] ^= 1;
    file_put(folder, "journal.000002", buf_slice(&file));
    assert_int_equal(store_at(folder, "shop", false, &store, &err), RC_CORRUPT);
    assert_non_null(strstr(err.text, "journal.000002"));
    file.ptr[20] ^= 1;
    file.ptr[200] ^= 1; /* inside the state that it begins with */
    file_put(folder, "journal.000002", buf_slice(&file));
    assert_int_equal(store_at(folder, "shop", false, &store, &err), RC_CORRUPT);
    /* Nor is a journal without the one before it. */
    char path[512];
    path_of(path, folder, "journal.000001");
    assert_int_equal(unlink(path), 0);
    file_put(folder, "journal.000002", slice_of(file.ptr, 10));
    assert_int_equal(store_at(folder, "shop", false, &store, &err), RC_CORRUPT);
    buf_deinit(&file);
}

/* A disk too full for a second journal is no failure of the epoch that was just written. */
static void test_replacement_without_space(void **state)
{
    struct error err;
    struct store *store = store_must(*state);
    char path[512];
    path_of(path, *state, "journal.new");
    assert_int_equal(mkdir(path, 0700), 0); /* the new file cannot be made */
    uint64_t epoch = 0;
    struct stat info = {0};
    char journal[512];
    path_of(journal, *state, "journal.000001");
    while (info.st_size < 5 << 20) {
        epoch++;
        struct sample sample;
        sample_init(&sample, epoch, 1);
        for (unsigned i = 0; i < 20000; i++)
            buf_add_str(&sample.intent.to.gtid_set, ",0-7-1");
        must(checkpoint_store.intent(store, &sample.intent, &err), &err);
        must(checkpoint_store.advance(store, epoch, &err), &err);
        sample_deinit(&sample);
        assert_int_equal(stat(journal, &info), 0);
    }
    checkpoint_store.close(store);
    assert_int_equal(rmdir(path), 0);
    store = store_must(*state);
    assert_int_equal(checkpoint_store.state(store)->epoch, epoch);
    run_epoch(store, epoch + 1);
    assert_true(file_is_there(*state, "journal.000002"));
    checkpoint_store.close(store);
}

static void test_names(void **state)
{
    const char *folder = *state;
    checkpoint_store.close(store_must(folder));
    file_put(folder, "journal.2", SLICE("not ours"));
    file_put(folder, "journal.000003.bak", SLICE("not ours"));
    file_put(folder, "journal.", SLICE("not ours"));
    checkpoint_store.close(store_must(folder));
    assert_true(file_is_there(folder, "journal.000003.bak"));
}

int main(void)
{
    log_setup(2, LOG_FORMAT_TEXT, LOG_OFF);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_cut_at_every_byte, setup, teardown),
        cmocka_unit_test_setup_teardown(test_every_bit, setup, teardown),
        cmocka_unit_test_setup_teardown(test_damaged_middle, setup, teardown),
        cmocka_unit_test_setup_teardown(test_unsynced_out_of_order, setup, teardown),
        cmocka_unit_test_setup_teardown(test_new_generation, setup, teardown),
        cmocka_unit_test_setup_teardown(test_crash_inside_replacement, setup, teardown),
        cmocka_unit_test_setup_teardown(test_no_way_back, setup, teardown),
        cmocka_unit_test_setup_teardown(test_replacement_without_space, setup, teardown),
        cmocka_unit_test_setup_teardown(test_names, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
