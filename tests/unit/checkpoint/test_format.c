/* SPDX-License-Identifier: Apache-2.0 */
/* The bytes of a journal: what is written is read back, and no byte that is wrong goes unseen. */
#include "support_int.h"

#include <xxhash.h>

enum { GENERATION = 7 };

static bool is_intent(enum checkpoint_record_type type)
{
    return type == CHECKPOINT_RECORD_INTENT || type == CHECKPOINT_RECORD_INTENT_NOTES ||
           type == CHECKPOINT_RECORD_INTENT_BEHIND;
}

static void encode(struct buf *out, struct checkpoint_record *record, struct sample *sample)
{
    static const struct store_note notes[] = {{.key = SLICE("schema/a.b"), .value = SLICE("x\0y")},
                                              {.key = SLICE("gone")},
                                              {.key = SLICE("empty"), .value = SLICE("")}};
    static const struct store_prepared prepared[] = {{.entry = 0, .transaction = 1001},
                                                     {.entry = 4, .transaction = UINT64_MAX}};
    bool has_notes = (record->type >= CHECKPOINT_RECORD_INTENT_NOTES &&
                      record->type <= CHECKPOINT_RECORD_NOTES) ||
                     record->type == CHECKPOINT_RECORD_INTENT_BEHIND;
    record->note_count = has_notes ? COUNT_OF(notes) : 0;
    record->prepared_count = COUNT_OF(prepared);
    if (is_intent(record->type)) {
        record->from = checkpoint_place_of(&sample->intent.from);
        record->entry_count = sample->intent.count;
    }
    record->to = checkpoint_place_of(&sample->intent.to);
    const struct checkpoint_lists lists = {
        .entries = sample->entries, .prepared = prepared, .notes = notes};
    checkpoint_record_add(out, GENERATION, record, &lists);
    assert_int_equal(out->rc, RC_OK);
}

/* A record whose every field is told from the others. */
static struct checkpoint_record record_of(enum checkpoint_record_type type)
{
    return (struct checkpoint_record){
        .type = type,
        .sequence = 0x0102030405060708,
        .wall_us = 1700000000123456,
        .server = SLICE("3e11fa47-71ca-11e1-9e33-c80aa9429562"),
        .epoch = 12345678901,
        .attempt = 3,
        .entry = 9,
        .started_wall_us = 1700000000000001,
        .rows = 77,
        .bytes = 88,
    };
}

static void place_assert_equal(const struct checkpoint_place *a, const struct checkpoint_place *b)
{
    assert_true(slice_equal(a->file, b->file));
    assert_true(slice_equal(a->gtid_set, b->gtid_set));
    assert_true(slice_equal(a->server, b->server));
    assert_int_equal(a->offset, b->offset);
    assert_int_equal(a->rows_done, b->rows_done);
    assert_int_equal(a->targets_done, b->targets_done);
    assert_int_equal(a->commit_time_us, b->commit_time_us);
}

static void entries_assert_equal(struct slice entries, const struct sample *sample)
{
    for (uint32_t i = 0; i < sample->intent.count; i++) {
        struct manifest_entry entry = checkpoint_entry_next(&entries);
        assert_true(slice_equal(entry.db, sample->entries[i].db));
        assert_true(slice_equal(entry.table, sample->entries[i].table));
        assert_true(slice_equal(entry.token, sample->entries[i].token));
        assert_int_equal(entry.rows, sample->entries[i].rows);
        assert_int_equal(entry.bytes, sample->entries[i].bytes);
        assert_int_equal(entry.keyless, sample->entries[i].keyless);
        assert_int_equal(entry.two_phase, sample->entries[i].two_phase);
        assert_int_equal(entry.in_parts, sample->entries[i].in_parts);
        assert_int_equal(entry.transaction, 0);
    }
    assert_int_equal(entries.len, 0);
}

static void notes_assert_equal(const struct checkpoint_record *got, uint32_t count)
{
    assert_int_equal(got->note_count, count);
    struct slice rest = got->notes;
    if (count == 0)
        return;
    struct store_note note = checkpoint_note_next(&rest);
    assert_true(slice_equal(note.key, SLICE("schema/a.b")));
    assert_true(slice_equal(note.value, SLICE("x\0y")));
    note = checkpoint_note_next(&rest);
    assert_true(slice_equal(note.key, SLICE("gone")));
    assert_null(note.value.ptr);
    note = checkpoint_note_next(&rest);
    assert_non_null(note.value.ptr);
    assert_int_equal(note.value.len, 0);
    assert_int_equal(rest.len, 0);
}

static void test_round_trip(void **state)
{
    (void)state;
    struct sample sample;
    sample_init(&sample, 5, 1);
    struct buf out;
    buf_init(&out, 1 << 20);
    for (unsigned type = CHECKPOINT_RECORD_BIND; type < CHECKPOINT_RECORD_TYPES; type++) {
        struct checkpoint_record in = record_of((enum checkpoint_record_type)type);
        buf_reset(&out);
        encode(&out, &in, &sample);
        struct checkpoint_record got;
        size_t len = 0;
        const char *problem;
        assert_int_equal(checkpoint_record_parse(buf_slice(&out), GENERATION, &got, &len, &problem),
                         CHECKPOINT_FOUND_RECORD);
        assert_int_equal(len, out.len);
        assert_int_equal(got.type, type);
        assert_int_equal(got.sequence, in.sequence);
        assert_int_equal(got.wall_us, in.wall_us);
        bool has_epoch = type >= CHECKPOINT_RECORD_INTENT && type <= CHECKPOINT_RECORD_ADVANCE;
        has_epoch = has_epoch || is_intent((enum checkpoint_record_type)type) ||
                    type == CHECKPOINT_RECORD_PREPARED;
        assert_int_equal(got.epoch, has_epoch ? in.epoch : 0);
        if (type == CHECKPOINT_RECORD_BIND)
            assert_true(slice_equal(got.server, in.server));
        if (type == CHECKPOINT_RECORD_DONE)
            assert_int_equal(got.entry, in.entry);
        if (type == CHECKPOINT_RECORD_PREPARED) {
            struct slice rest = got.prepared;
            struct store_prepared one = checkpoint_prepared_next(&rest);
            assert_int_equal(got.prepared_count, 2);
            assert_true(one.entry == 0 && one.transaction == 1001);
            one = checkpoint_prepared_next(&rest);
            assert_true(one.entry == 4 && one.transaction == UINT64_MAX);
            assert_int_equal(rest.len, 0);
        }
        if (type == CHECKPOINT_RECORD_DONE || type == CHECKPOINT_RECORD_PREPARED ||
            is_intent((enum checkpoint_record_type)type))
            assert_int_equal(got.attempt, in.attempt);
        if (type == CHECKPOINT_RECORD_ADVANCE) {
            assert_int_equal(got.rows, in.rows);
            assert_int_equal(got.bytes, in.bytes);
        }
        if (is_intent((enum checkpoint_record_type)type)) {
            assert_int_equal(got.started_wall_us, in.started_wall_us);
            place_assert_equal(&got.from, &in.from);
            entries_assert_equal(got.entries, &sample);
        }
        if (type != CHECKPOINT_RECORD_BIND && type != CHECKPOINT_RECORD_DONE &&
            type != CHECKPOINT_RECORD_NOTES && type != CHECKPOINT_RECORD_PREPARED)
            place_assert_equal(&got.to, &in.to);
        notes_assert_equal(&got, in.note_count);
    }
    buf_deinit(&out);
    sample_deinit(&sample);
}

/* The layout of docs/formats.md, byte by byte: other programs may rely on it. */
static void test_layout(void **state)
{
    (void)state;
    struct buf out;
    buf_init(&out, 1 << 20);
    struct checkpoint_record bind = {
        .type = CHECKPOINT_RECORD_BIND, .sequence = 2, .wall_us = 3, .server = SLICE("abc")};
    checkpoint_record_add(&out, 1, &bind, NULL);
    static const uint8_t expected[] = {13, 0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0,   0,   0,  0,
                                       0,  3, 0, 0, 0, 0, 0, 0, 0, 3, 0, 'a', 'b', 'c'};
    assert_int_equal(out.len, sizeof(expected) + 8);
    assert_memory_equal(out.ptr, expected, sizeof(expected));
    assert_int_equal(load_u64le(out.ptr + sizeof(expected)),
                     XXH3_64bits_withSeed(expected, sizeof(expected), 1));
    buf_deinit(&out);
}

static void header_make(struct buf *out)
{
    struct checkpoint_header header = {
        .generation = GENERATION,
        .created_wall_us = 1700000000000000,
        .pipeline_id = SLICE("0123456789abcdef0123456789abcdef"),
        .pipeline = SLICE("shop to doris"),
    };
    checkpoint_header_add(out, &header);
    assert_int_equal(out->rc, RC_OK);
}

static void test_header(void **state)
{
    (void)state;
    struct buf out;
    buf_init(&out, 1 << 20);
    header_make(&out);
    size_t header_len = out.len;
    buf_add_str(&out, "what follows");
    struct checkpoint_header got;
    size_t len = 0;
    struct error err;
    must(checkpoint_header_parse(buf_slice(&out), &got, &len, &err), &err);
    assert_int_equal(len, header_len);
    assert_int_equal(got.generation, GENERATION);
    assert_int_equal(got.created_wall_us, 1700000000000000);
    assert_true(slice_equal(got.pipeline, SLICE("shop to doris")));
    assert_true(slice_equal(got.pipeline_id, SLICE("0123456789abcdef0123456789abcdef")));
    buf_deinit(&out);
}

static void test_header_damage(void **state)
{
    (void)state;
    struct buf out;
    buf_init(&out, 1 << 20);
    header_make(&out);
    struct checkpoint_header got;
    size_t len;
    struct error err;
    for (size_t i = 0; i < out.len; i++) {
        enum rc rc = checkpoint_header_parse(slice_of(out.ptr, i), &got, &len, &err);
        assert_int_equal(rc, RC_CORRUPT);
    }
    for (size_t i = 0; i < 8 * out.len; i++) {
        out.ptr[i / 8] ^= (uint8_t)(1u << i % 8);
        enum rc rc = checkpoint_header_parse(buf_slice(&out), &got, &len, &err);
        assert_int_equal(rc, i / 8 >= 8 && i / 8 < 12 && load_u32le(out.ptr + 8) > 1
                                 ? RC_UNSUPPORTED
                                 : RC_CORRUPT);
        out.ptr[i / 8] ^= (uint8_t)(1u << i % 8);
    }
    buf_deinit(&out);
}

static void test_record_damage(void **state)
{
    (void)state;
    struct sample sample;
    sample_init(&sample, 5, 1);
    struct buf out;
    buf_init(&out, 1 << 20);
    struct checkpoint_record in = record_of(CHECKPOINT_RECORD_INTENT);
    encode(&out, &in, &sample);
    struct checkpoint_record got;
    size_t len;
    const char *problem;
    assert_int_equal(checkpoint_record_parse(SLICE_EMPTY, GENERATION, &got, &len, &problem),
                     CHECKPOINT_FOUND_END);
    for (size_t i = 1; i < out.len; i++)
        assert_int_equal(
            checkpoint_record_parse(slice_of(out.ptr, i), GENERATION, &got, &len, &problem),
            CHECKPOINT_FOUND_BROKEN);
    for (size_t i = 0; i < 8 * out.len; i++) {
        out.ptr[i / 8] ^= (uint8_t)(1u << i % 8);
        assert_int_equal(checkpoint_record_parse(buf_slice(&out), GENERATION, &got, &len, &problem),
                         CHECKPOINT_FOUND_BROKEN);
        out.ptr[i / 8] ^= (uint8_t)(1u << i % 8);
    }
    /* Of another generation: bytes that a file system left behind. */
    assert_int_equal(checkpoint_record_parse(buf_slice(&out), GENERATION + 1, &got, &len, &problem),
                     CHECKPOINT_FOUND_BROKEN);
    buf_deinit(&out);
    sample_deinit(&sample);
}

/* The checksum made right again after a change: the content itself must then be refused, or be a
 * legal record, and nothing outside the slice may be read (the sanitizer sees that). */
static void test_content_damage(void **state)
{
    (void)state;
    struct sample sample;
    sample_init(&sample, 5, 1);
    struct buf out;
    buf_init(&out, 1 << 20);
    unsigned refused = 0;
    for (unsigned type = CHECKPOINT_RECORD_BIND; type < CHECKPOINT_RECORD_TYPES; type++) {
        struct checkpoint_record in = record_of((enum checkpoint_record_type)type);
        buf_reset(&out);
        encode(&out, &in, &sample);
        size_t body_len = out.len - 8;
        for (size_t i = 4; i < body_len; i++)
            for (unsigned value = 0; value < 256; value += 15) {
                uint8_t *copy = malloc(out.len);
                assert_non_null(copy);
                memcpy(copy, out.ptr, out.len);
                copy[i] = (uint8_t)value;
                store_u64le(copy + body_len, XXH3_64bits_withSeed(copy, body_len, GENERATION));
                struct checkpoint_record got;
                size_t len;
                const char *problem;
                enum checkpoint_found found = checkpoint_record_parse(
                    slice_of(copy, out.len), GENERATION, &got, &len, &problem);
                assert_true(found != CHECKPOINT_FOUND_BROKEN && found != CHECKPOINT_FOUND_END);
                refused += found != CHECKPOINT_FOUND_RECORD;
                free(copy);
            }
    }
    assert_true(refused > 100);
    buf_deinit(&out);
    sample_deinit(&sample);
}

static void test_newer_type(void **state)
{
    (void)state;
    struct sample sample;
    sample_init(&sample, 5, 1);
    struct buf out;
    buf_init(&out, 1 << 20);
    struct checkpoint_record in = record_of(CHECKPOINT_RECORD_MOVE);
    encode(&out, &in, &sample);
    out.ptr[4] = 200;
    store_u64le(out.ptr + out.len - 8, XXH3_64bits_withSeed(out.ptr, out.len - 8, GENERATION));
    struct checkpoint_record got;
    size_t len;
    const char *problem;
    assert_int_equal(checkpoint_record_parse(buf_slice(&out), GENERATION, &got, &len, &problem),
                     CHECKPOINT_FOUND_UNKNOWN);
    buf_deinit(&out);
    sample_deinit(&sample);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_round_trip),    cmocka_unit_test(test_layout),
        cmocka_unit_test(test_header),        cmocka_unit_test(test_header_damage),
        cmocka_unit_test(test_record_damage), cmocka_unit_test(test_content_damage),
        cmocka_unit_test(test_newer_type),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
