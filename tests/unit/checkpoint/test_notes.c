/* SPDX-License-Identifier: Apache-2.0 */
/* Notes: true exactly when their position is, kept through every crash and every new generation. */
#include "support_int.h"

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

static enum rc add_note(void *ctx, struct slice key, struct slice value, struct error *err UNUSED)
{
    buf_addf(ctx, "%.*s=%.*s;", SLICE_ARG(key), SLICE_ARG(value));
    return RC_OK;
}

/* All notes under a prefix, as "key=value;". */
static const char *noted(const struct store *store, const char *prefix, struct buf *out)
{
    struct error err;
    buf_reset(out);
    must(checkpoint_store.notes(store, slice_str(prefix), add_note, out, &err), &err);
    return buf_cstr(out);
}

static struct store_note note(const char *key, const char *value)
{
    return (struct store_note){.key = slice_str(key), .value = slice_str(value)};
}

static void move_to(struct store *store, uint64_t place, const struct store_note *notes,
                    uint32_t count)
{
    struct error err;
    struct position to;
    position_init(&to);
    position_fill(&to, place);
    must(checkpoint_store.move(store, &to, notes, count, &err), &err);
    position_deinit(&to);
}

static void test_true_with_the_move(void **state)
{
    struct buf out;
    buf_init(&out, 4096);
    struct store *store = store_must(*state);
    struct store_note notes[] = {note("schema/shop.b", "2"), note("snapshot/shop.a", "x"),
                                 note("schema/shop.a", "1")};
    move_to(store, 1, notes, 3);
    assert_string_equal(noted(store, "", &out),
                        "schema/shop.a=1;schema/shop.b=2;snapshot/shop.a=x;");
    assert_string_equal(noted(store, "schema/", &out), "schema/shop.a=1;schema/shop.b=2;");
    assert_string_equal(noted(store, "schema/shop.c", &out), "");
    checkpoint_store.close(store);
    store = store_must(*state);
    assert_string_equal(noted(store, "sn", &out), "snapshot/shop.a=x;");
    struct store_note later[] = {note("schema/shop.a", "11"),
                                 {.key = SLICE("schema/shop.b")},
                                 {.key = SLICE("never/known")},
                                 {.key = SLICE("empty"), .value = SLICE("")}};
    move_to(store, 2, later, 4);
    assert_string_equal(noted(store, "", &out), "empty=;schema/shop.a=11;snapshot/shop.a=x;");
    checkpoint_store.close(store);
    struct store *reader = NULL;
    struct error err;
    must(store_at(*state, "", true, &reader, &err), &err);
    assert_string_equal(noted(reader, "", &out), "empty=;schema/shop.a=11;snapshot/shop.a=x;");
    checkpoint_store.close(reader);
    buf_deinit(&out);
}

static void test_true_with_the_epoch(void **state)
{
    struct buf out;
    struct error err;
    buf_init(&out, 4096);
    struct store *store = store_must(*state);
    struct store_note first = note("k", "1");
    struct store_note second = note("k", "2");
    struct store_note third = note("l", "3");
    struct sample sample;
    sample_init(&sample, 1, 1);
    sample.intent.notes = &first;
    sample.intent.note_count = 1;
    must(checkpoint_store.intent(store, &sample.intent, &err), &err);
    assert_string_equal(noted(store, "", &out), "");
    must(checkpoint_store.advance(store, 1, &err), &err);
    assert_string_equal(noted(store, "", &out), "k=1;");
    sample_deinit(&sample);

    /* A later attempt brings its own notes, and those of the one before it never come true. */
    sample_init(&sample, 2, 1);
    sample.intent.notes = &second;
    sample.intent.note_count = 1;
    must(checkpoint_store.intent(store, &sample.intent, &err), &err);
    checkpoint_store.close(store);
    store = store_must(*state);
    assert_string_equal(noted(store, "", &out), "k=1;");
    sample.intent.attempt = 2;
    sample.intent.notes = &third;
    must(checkpoint_store.intent(store, &sample.intent, &err), &err);
    checkpoint_store.close(store);
    store = store_must(*state);
    must(checkpoint_store.advance(store, 2, &err), &err);
    assert_string_equal(noted(store, "", &out), "k=1;l=3;");
    sample_deinit(&sample);
    checkpoint_store.close(store);
    buf_deinit(&out);
}

/* Cut at every byte: the notes are those of the position, whichever it is. */
static void test_cut_at_every_byte(void **state)
{
    struct buf whole;
    struct buf out;
    struct error err;
    buf_init(&whole, 1 << 20);
    buf_init(&out, 4096);
    struct store *store = store_must(*state);
    struct store_note one[] = {note("a", "1"), note("b", "1")};
    struct store_note two[] = {note("a", "2"), {.key = SLICE("b")}};
    struct sample sample;
    move_to(store, 0, one, 2);
    sample_init(&sample, 1, 1);
    sample.intent.notes = two;
    sample.intent.note_count = 2;
    must(checkpoint_store.intent(store, &sample.intent, &err), &err);
    must(checkpoint_store.advance(store, 1, &err), &err);
    checkpoint_store.close(store);
    file_get(*state, "journal.000001", &whole);
    unsigned seen[3] = {0};
    for (size_t len = CHECKPOINT_HEADER_FIXED + 4 + CHECKPOINT_CHECKSUM_LEN; len <= whole.len;
         len++) {
        file_put(*state, "journal.000001", slice_of(whole.ptr, len));
        store = store_must(*state);
        const struct store_state *now = checkpoint_store.state(store);
        const char *text = noted(store, "", &out);
        if (position_is_empty(&now->position)) {
            assert_string_equal(text, "");
            seen[0]++;
        } else if (now->epoch == 0) {
            assert_string_equal(text, "a=1;b=1;");
            seen[1]++;
        } else {
            assert_string_equal(text, "a=2;");
            seen[2]++;
        }
        checkpoint_store.close(store);
    }
    assert_true(seen[0] > 10 && seen[1] > 10 && seen[2] == 1);
    sample_deinit(&sample);
    buf_deinit(&whole);
    buf_deinit(&out);
}

enum { TABLES = 4000, VALUE_BYTES = 1024 };

static void put_tables(struct store *store, uint64_t place)
{
    static struct store_note notes[TABLES];
    static char keys[TABLES][32];
    static char value[VALUE_BYTES];
    memset(value, 'v', sizeof(value));
    for (unsigned i = 0; i < TABLES; i++) {
        snprintf(keys[i], sizeof(keys[i]), "schema/shop.t%05u", i);
        notes[i] =
            (struct store_note){.key = slice_str(keys[i]), .value = slice_of(value, sizeof(value))};
    }
    move_to(store, place, notes, TABLES);
}

static enum rc count_note(void *ctx, struct slice key UNUSED, struct slice value,
                          struct error *err UNUSED)
{
    assert_int_equal(value.len, VALUE_BYTES);
    ++*(unsigned *)ctx;
    return RC_OK;
}

static unsigned newest_generation(const char *folder)
{
    char name[CHECKPOINT_FILE_NAME_MAX];
    unsigned newest = 0;
    for (unsigned i = 1; i < 100; i++) {
        checkpoint_file_name(name, i);
        newest = file_is_there(folder, name) ? i : newest;
    }
    return newest;
}

/* Four megabytes of notes are not written again until the journal has grown to four times that, and
 * then all of them are there. */
static void test_new_generation_in_proportion(void **state)
{
    struct error err;
    struct store *store = store_must(*state);
    put_tables(store, 1);
    for (uint64_t i = 2; i < 300; i++) {
        struct store_note one = note("snapshot/shop.a", "somewhere");
        move_to(store, i, &one, 1);
    }
    assert_int_equal(newest_generation(*state), 1);
    for (uint64_t i = 300; i < 304; i++)
        put_tables(store, i);
    assert_int_equal(newest_generation(*state), 2);
    checkpoint_store.close(store);
    store = store_must(*state);
    unsigned count = 0;
    must(checkpoint_store.notes(store, SLICE("schema/"), count_note, &count, &err), &err);
    assert_int_equal(count, TABLES);
    checkpoint_store.close(store);
}

/* A generation whose notes are not whole has no state: the one before it stands in. */
static void test_generation_without_its_notes(void **state)
{
    struct buf made;
    struct error err;
    buf_init(&made, 64 << 20);
    struct store *store = store_must(*state);
    for (uint64_t i = 1; i < 6; i++)
        put_tables(store, i);
    assert_int_equal(newest_generation(*state), 2);
    checkpoint_store.close(store);
    file_get(*state, "journal.000002", &made);
    for (size_t len = made.len - 100; len > 1000; len = len * 2 / 3) {
        file_put(*state, "journal.000002", slice_of(made.ptr, len));
        store = store_must(*state);
        unsigned count = 0;
        must(checkpoint_store.notes(store, SLICE("schema/"), count_note, &count, &err), &err);
        assert_int_equal(count, TABLES);
        checkpoint_store.close(store);
    }
    buf_deinit(&made);
}

static void test_bounds(void **state)
{
    struct error err;
    struct store *store = store_must(*state);
    struct position to;
    position_init(&to);
    position_fill(&to, 1);
    static char text[CHECKPOINT_NOTE_KEY_MAX + 2];
    memset(text, 'k', sizeof(text) - 1);
    struct store_note long_key = note(text, "1");
    assert_int_equal(checkpoint_store.move(store, &to, &long_key, 1, &err), RC_LIMIT);
    uint8_t *large = calloc(1, CHECKPOINT_NOTE_VALUE_MAX + 1);
    struct store_note large_value = {.key = SLICE("k"),
                                     .value = slice_of(large, CHECKPOINT_NOTE_VALUE_MAX + 1)};
    assert_int_equal(checkpoint_store.move(store, &to, &large_value, 1, &err), RC_LIMIT);
    large_value.value.len--;
    must(checkpoint_store.move(store, &to, &large_value, 1, &err), &err);
    checkpoint_store.close(store);
    free(large);
    position_deinit(&to);
}

int main(void)
{
    log_setup(2, LOG_FORMAT_TEXT, LOG_OFF);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_true_with_the_move, setup, teardown),
        cmocka_unit_test_setup_teardown(test_true_with_the_epoch, setup, teardown),
        cmocka_unit_test_setup_teardown(test_cut_at_every_byte, setup, teardown),
        cmocka_unit_test_setup_teardown(test_new_generation_in_proportion, setup, teardown),
        cmocka_unit_test_setup_teardown(test_generation_without_its_notes, setup, teardown),
        cmocka_unit_test_setup_teardown(test_bounds, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
