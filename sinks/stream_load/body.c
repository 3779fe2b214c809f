/* SPDX-License-Identifier: Apache-2.0 */
/* One load's rows, one a key; see body_int.h for the layout and the rules. */
#include "body_int.h"

#include <stdlib.h>

/* An empty body keeps at most this much of each of its blocks. */
#define KEEP_BYTES (256u << 10)
#define ROWS_MIN 64u
#define SLOTS_MIN 128u
/* Keys are a part of their rows, but their lengths are added: never more than twice the lines. */
#define KEYS_FACTOR 2u

void body_init(struct body *body, uint64_t max_bytes)
{
    ASSERT(max_bytes > 0 && max_bytes < SIZE_MAX / KEYS_FACTOR);
    *body = (struct body){0};
    buf_init(&body->data, (size_t)max_bytes);
    buf_init(&body->keys, (size_t)max_bytes * KEYS_FACTOR);
}

static void free_index(struct body *body)
{
    free(body->rows);
    free(body->slots);
    body->rows = NULL;
    body->slots = NULL;
    body->row_cap = 0;
    body->slot_count = 0;
}

void body_deinit(struct body *body)
{
    buf_deinit(&body->data);
    buf_deinit(&body->keys);
    kept_deinit(&body->kept);
    free_index(body);
    free(body->bits);
    body->bits = NULL;
    body->bits_cap = 0;
}

static void reset_buf(struct buf *buf)
{
    size_t max = buf->max;
    if (buf->cap > KEEP_BYTES) {
        buf_deinit(buf);
        buf_init(buf, max);
    } else {
        buf_reset(buf);
    }
}

void body_reset(struct body *body)
{
    reset_buf(&body->data);
    reset_buf(&body->keys);
    kept_reset(&body->kept);
    if ((size_t)body->row_cap * sizeof(*body->rows) > KEEP_BYTES)
        free_index(body);
    else if (body->slots != NULL)
        memset(body->slots, 0, (size_t)body->slot_count * sizeof(*body->slots));
    memset(body->parts, 0, sizeof(body->parts));
    body->set_count = 0;
    body->row_count = 0;
    body->live_rows = 0;
    body->live_bytes = 0;
    body->collapsed = 0;
}

uint64_t body_memory(const struct body *body)
{
    if (body->row_count == 0)
        return 0;
    return body->data.len + body->keys.len + (uint64_t)body->row_count * sizeof(struct body_row) +
           (uint64_t)body->slot_count * sizeof(uint32_t) + body->set_count * body->bits_size +
           kept_memory(&body->kept);
}

uint64_t body_draft_memory(const struct body *body, const struct body_draft *draft)
{
    uint64_t bytes = body->data.len - draft->data_mark + body->keys.len - draft->keys_mark +
                     draft->count * sizeof(struct body_row) +
                     (body->set_count - draft->sets_mark) * body->bits_size;
    /* An empty body counts nothing, though it may have kept its slots: the first rows count them. Else
     * a batch would hold more in an engine that has run than in one that reads it again. */
    uint64_t counted = body->row_count == 0 ? 0 : body->slot_count;
    uint64_t needed = body->slot_count;
    if (needed == 0)
        needed = SLOTS_MIN;
    else if (((uint64_t)body->row_count + draft->count) * 2 > needed)
        needed *= 2;
    return bytes + (needed - counted) * sizeof(uint32_t);
}

void body_draft_begin(const struct body *body, struct body_draft *draft)
{
    ASSERT(body->data.rc == RC_OK && body->keys.rc == RC_OK);
    draft->data_mark = body->data.len;
    draft->keys_mark = body->keys.len;
    draft->sets_mark = body->set_count;
    draft->count = 0;
}

void body_line_begin(const struct body *body, struct body_draft *draft)
{
    ASSERT(draft->count < COUNT_OF(draft->lines));
    draft->lines[draft->count].key_offset = body->keys.len;
}

/* There are never more than 2^32 slots, so half of the hash is all of it that counts. */
static uint32_t hash_key(struct slice key)
{
    return (uint32_t)slice_hash(key);
}

void body_line_key_end(const struct body *body, struct body_draft *draft)
{
    size_t offset = draft->lines[draft->count].key_offset;
    size_t len = body->keys.len - offset;
    uint32_t hash = hash_key(len == 0 ? SLICE_EMPTY : slice_of(body->keys.ptr + offset, len));
    draft->lines[draft->count].key_len = len;
    draft->lines[draft->count].key_hash = hash;
    draft->lines[draft->count].offset = body->data.len;
    /* The slot is in no cache; it comes while the line is written. */
    if (body->slot_count > 0)
        __builtin_prefetch(&body->slots[hash & (body->slot_count - 1)], 1);
}

void body_line_end(const struct body *body, struct body_draft *draft, uint32_t set)
{
    ASSERT(set <= body->set_count);
    draft->lines[draft->count].len = body->data.len - draft->lines[draft->count].offset;
    draft->lines[draft->count].set = set;
    draft->count++;
}

void body_draft_drop(struct body *body, const struct body_draft *draft)
{
    body->data.len = draft->data_mark;
    body->keys.len = draft->keys_mark;
    body->set_count = draft->sets_mark; /* a set that came with the draft has no row */
    /* What did not fit is gone, and with it the reason of the failure. */
    body->data.rc = RC_OK;
    body->keys.rc = RC_OK;
}

static bool reserve_rows(struct body *body, unsigned count)
{
    if (body->row_count + count <= body->row_cap)
        return true;
    if (body->row_cap > UINT32_MAX / 4)
        return false;
    uint32_t cap = body->row_cap == 0 ? ROWS_MIN : body->row_cap * 2;
    struct body_row *rows = realloc(body->rows, (size_t)cap * sizeof(*rows));
    if (rows == NULL)
        return false;
    body->rows = rows;
    body->row_cap = cap;
    return true;
}

/* The slot of the key, or the empty slot where it belongs. */
static uint32_t *find_slot(const struct body *body, uint32_t hash, struct slice key)
{
    uint32_t mask = body->slot_count - 1;
    for (uint32_t i = hash & mask;; i = (i + 1) & mask) {
        uint32_t *slot = &body->slots[i];
        if (*slot == 0)
            return slot;
        if (((*slot ^ hash) & ~mask) != 0)
            continue;
        const struct body_row *row = &body->rows[(*slot & mask) - 1];
        if (row->key_hash == hash &&
            slice_equal(slice_of(body->keys.ptr + row->key_offset, row->key_len), key))
            return slot;
    }
}

/* At most half of the slots are used, so that a search always meets an empty one soon. */
static bool reserve_slots(struct body *body, unsigned count)
{
    if (((uint64_t)body->row_count + count) * 2 <= body->slot_count)
        return true;
    if (body->slot_count > UINT32_MAX / 4)
        return false;
    uint32_t slot_count = body->slot_count == 0 ? SLOTS_MIN : body->slot_count * 2;
    uint32_t *slots = calloc(slot_count, sizeof(*slots));
    if (slots == NULL)
        return false;
    for (uint32_t r = 0; r < body->row_count; r++) {
        if (body->rows[r].len == 0)
            continue; /* dead: a later row holds the key */
        uint32_t mask = slot_count - 1;
        uint32_t hash = body->rows[r].key_hash;
        uint32_t i = hash & mask;
        while (slots[i] != 0)
            i = (i + 1) & mask;
        slots[i] = (hash & ~mask) | (r + 1);
    }
    free(body->slots);
    body->slots = slots;
    body->slot_count = slot_count;
    return true;
}

const struct body_row *body_find(const struct body *body, struct slice key)
{
    if (body->slot_count == 0)
        return NULL;
    uint32_t slot = *find_slot(body, hash_key(key), key);
    return slot == 0 ? NULL : &body->rows[(slot & (body->slot_count - 1)) - 1];
}

static void count_row(struct body *body, const struct body_row *row)
{
    body->live_rows++;
    body->live_bytes += row->len;
    body->parts[row->set].rows++;
    body->parts[row->set].bytes += row->len;
}

static void discount_row(struct body *body, const struct body_row *row)
{
    body->live_rows--;
    body->live_bytes -= row->len;
    body->parts[row->set].rows--;
    body->parts[row->set].bytes -= row->len;
}

void body_refuse_row(struct body *body, uint32_t row)
{
    ASSERT(row < body->row_count && body->rows[row].len > 0);
    discount_row(body, &body->rows[row]);
    body->rows[row].set = BODY_REFUSED;
    count_row(body, &body->rows[row]);
}

void body_drop_row(struct body *body, uint32_t row)
{
    ASSERT(row < body->row_count && body->rows[row].len > 0);
    discount_row(body, &body->rows[row]);
    body->rows[row].len = 0;
}

void body_shorten_row(struct body *body, uint32_t row, uint32_t len)
{
    ASSERT(row < body->row_count && len > 0 && len <= body->rows[row].len);
    discount_row(body, &body->rows[row]);
    body->rows[row].len = len;
    count_row(body, &body->rows[row]);
}

void body_view(const struct body *body, uint32_t set, uint32_t first, uint32_t count,
               struct body *view_out)
{
    ASSERT(count <= body->row_count && first <= body->row_count - count);
    *view_out = *body;
    view_out->rows = body->rows + first;
    view_out->row_count = count;
    memset(view_out->parts, 0, sizeof(view_out->parts));
    for (uint32_t i = 0; i < count; i++) {
        const struct body_row *row = &view_out->rows[i];
        if (row->set != set || row->len == 0)
            continue;
        view_out->parts[set].rows++;
        view_out->parts[set].bytes += row->len;
    }
}

static void index_row(struct body *body, struct body_row *row, bool is_last)
{
    struct slice key = slice_of(body->keys.ptr + row->key_offset, row->key_len);
    uint32_t mask = body->slot_count - 1;
    uint32_t *slot = find_slot(body, row->key_hash, key);
    if (*slot != 0) {
        struct body_row *older = &body->rows[(*slot & mask) - 1];
        ASSERT(older->len > 0);
        discount_row(body, older);
        body->collapsed++;
        older->len = 0;
        /* The same bytes are there already: the new copy is not needed. */
        if (is_last)
            body->keys.len = row->key_offset;
        row->key_offset = older->key_offset;
    }
    *slot = (row->key_hash & ~mask) | (body->row_count + 1);
}

enum rc body_draft_keep(struct body *body, const struct body_draft *draft, bool keyed,
                        struct error *err)
{
    ASSERT(body->data.rc == RC_OK && body->keys.rc == RC_OK);
    if (!reserve_rows(body, draft->count) || (keyed && !reserve_slots(body, draft->count))) {
        body_draft_drop(body, draft);
        return error_set(err, RC_MEMORY, "There is no memory for the index of a load's rows.");
    }
    for (unsigned i = 0; i < draft->count; i++) {
        ASSERT(draft->lines[i].len > 0 && draft->lines[i].len <= UINT32_MAX);
        ASSERT(draft->lines[i].key_len <= UINT32_MAX);
        struct body_row row = {.offset = draft->lines[i].offset,
                               .len = (uint32_t)draft->lines[i].len,
                               .key_offset = draft->lines[i].key_offset,
                               .key_len = (uint32_t)draft->lines[i].key_len,
                               .key_hash = draft->lines[i].key_hash,
                               .set = draft->lines[i].set};
        if (keyed)
            index_row(body, &row, i + 1 == draft->count);
        body->rows[body->row_count++] = row;
        count_row(body, &row);
    }
    return RC_OK;
}

const uint8_t *body_set_bits(const struct body *body, uint32_t set)
{
    ASSERT(set != BODY_WHOLE && set <= body->set_count);
    return body->bits + (set - 1) * body->bits_size;
}

enum rc body_set_number(struct body *body, const uint8_t *bits, size_t size, uint32_t *set_out,
                        struct error *err)
{
    ASSERT(size > 0 && (body->set_count == 0 || size == body->bits_size));
    for (uint32_t set = 1; set <= body->set_count; set++)
        if (memcmp(body_set_bits(body, set), bits, size) == 0) {
            *set_out = set;
            return RC_OK;
        }
    if (body->set_count == BODY_SETS_MAX)
        return error_set(err, RC_LIMIT, "A batch holds rows of more than %u different column sets.",
                         BODY_SETS_MAX);
    size_t needed = (body->set_count + 1) * size;
    if (needed > body->bits_cap) {
        uint8_t *block = realloc(body->bits, needed);
        if (block == NULL)
            return error_set(err, RC_MEMORY, "There is no memory for the column sets of a load.");
        body->bits = block;
        body->bits_cap = needed;
    }
    /* Another size comes with another version of the table, in an empty body: no set to move. */
    body->bits_size = size;
    memcpy(body->bits + body->set_count * size, bits, size);
    *set_out = ++body->set_count;
    return RC_OK;
}

void body_cursor_init(struct body_cursor *cursor, const struct body *body, uint32_t set)
{
    ASSERT(set <= body->set_count);
    *cursor = (struct body_cursor){.body = body, .set = set};
}

size_t body_cursor_read(struct body_cursor *cursor, uint8_t *out, size_t cap)
{
    const struct body *body = cursor->body;
    size_t done = 0;
    while (done < cap && cursor->row < body->row_count) {
        const struct body_row *row = &body->rows[cursor->row];
        if (row->set != cursor->set) {
            cursor->row++;
            continue;
        }
        size_t part = row->len - cursor->row_offset;
        if (part > cap - done)
            part = cap - done;
        if (part > 0)
            memcpy(out + done, body->data.ptr + row->offset + cursor->row_offset, part);
        done += part;
        cursor->row_offset += (uint32_t)part;
        if (cursor->row_offset == row->len) {
            cursor->row++;
            cursor->row_offset = 0;
        }
    }
    return done;
}

bool body_cursor_seek(struct body_cursor *cursor, uint64_t offset)
{
    const struct body *body = cursor->body;
    if (offset > body->parts[cursor->set].bytes)
        return false;
    body_cursor_init(cursor, body, cursor->set);
    for (; offset > 0; cursor->row++) {
        const struct body_row *row = &body->rows[cursor->row];
        if (row->set != cursor->set)
            continue;
        if (offset < row->len) {
            cursor->row_offset = (uint32_t)offset;
            return true;
        }
        offset -= row->len;
    }
    return true;
}
