/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A checkpoint's journal, read from front to end. A journal that was read is written as a new
 * generation, and read again says the same.
 *
 *   byte 0   bit 0: checksums are put right first, for no mutation gets past them
 *   rest     the journal of generation 1
 */
#include <xxhash.h>

#include "checkpoint/recovery_int.h"
#include "fuzz_int.h"

enum { GENERATION = 1 };

static void put_checksums_right(uint8_t *bytes, size_t len)
{
    if (len < CHECKPOINT_HEADER_FIXED + CHECKPOINT_CHECKSUM_LEN)
        return;
    uint32_t header_len = load_u32le(bytes + 12);
    if (header_len < CHECKPOINT_HEADER_FIXED + CHECKPOINT_CHECKSUM_LEN || header_len > len)
        return;
    size_t body_len = header_len - CHECKPOINT_CHECKSUM_LEN;
    store_u64le(bytes + body_len, XXH3_64bits(bytes, body_len));
    for (size_t at = header_len; len - at >= CHECKPOINT_RECORD_FIXED + CHECKPOINT_CHECKSUM_LEN;) {
        uint64_t record_len = CHECKPOINT_RECORD_FIXED + (uint64_t)load_u32le(bytes + at);
        if (record_len > len - at - CHECKPOINT_CHECKSUM_LEN)
            return;
        store_u64le(bytes + at + record_len,
                    XXH3_64bits_withSeed(bytes + at, record_len, GENERATION));
        at += record_len + CHECKPOINT_CHECKSUM_LEN;
    }
}

static void same_when_written(const struct checkpoint_model *model)
{
    struct checkpoint_model again;
    struct checkpoint_replay replay;
    struct buf out;
    struct error err;
    uint64_t sequence = 0;
    error_clear(&err);
    checkpoint_model_init(&again);
    buf_init(&out, (size_t)64 << 20);
    checkpoint_model_write(model, SLICE("fuzz"), GENERATION + 1, &out, &sequence);
    ASSERT(out.rc == RC_OK);
    ASSERT(checkpoint_replay(buf_slice(&out), GENERATION + 1, &again, &replay, &err) == RC_OK);
    ASSERT(replay.cut_len == 0 && replay.sequence == sequence);
    ASSERT(again.state.epoch == model->state.epoch && again.state.rows == model->state.rows);
    ASSERT(strcmp(again.state.server, model->state.server) == 0);
    ASSERT(strcmp(again.state.position.file, model->state.position.file) == 0);
    ASSERT(again.state.position.offset == model->state.position.offset);
    ASSERT(slice_equal(buf_slice(&again.state.position.gtid_set),
                       buf_slice(&model->state.position.gtid_set)));
    ASSERT(again.notes.count == model->notes.count && again.notes.bytes == model->notes.bytes);
    for (size_t i = 0; i < model->notes.count; i++) {
        struct store_note old = checkpoint_notes_at(&model->notes, i);
        struct store_note new = checkpoint_notes_at(&again.notes, i);
        ASSERT(slice_equal(old.key, new.key) && slice_equal(old.value, new.value));
    }
    buf_deinit(&out);
    checkpoint_model_deinit(&again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct slice input = slice_of(data, size);
    bool repair = (fuzz_byte(&input) & 1) != 0;
    uint8_t *bytes = fuzz_exact(input);
    if (repair)
        put_checksums_right(bytes, input.len);
    struct checkpoint_model model;
    struct checkpoint_replay replay;
    struct error err;
    error_clear(&err);
    checkpoint_model_init(&model);
    enum rc rc = checkpoint_replay(slice_of(bytes, input.len), GENERATION, &model, &replay, &err);
    fuzz_told(rc, &err);
    if (rc == RC_OK) {
        ASSERT(replay.good_len + replay.cut_len == input.len);
        if (model.state.intent == NULL)
            same_when_written(&model);
    }
    checkpoint_model_deinit(&model);
    free(bytes);
    return 0;
}
