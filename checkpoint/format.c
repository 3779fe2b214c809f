/* SPDX-License-Identifier: Apache-2.0 */
#include "format_int.h"

#include <xxhash.h>

static const char *const type_names[] = {
    [CHECKPOINT_RECORD_NONE] = "nothing",
    [CHECKPOINT_RECORD_BIND] = "bind",
    [CHECKPOINT_RECORD_INTENT] = "intent",
    [CHECKPOINT_RECORD_DONE] = "done",
    [CHECKPOINT_RECORD_ADVANCE] = "advance",
    [CHECKPOINT_RECORD_MOVE] = "move",
    [CHECKPOINT_RECORD_INTENT_NOTES] = "intent with notes",
    [CHECKPOINT_RECORD_MOVE_NOTES] = "move with notes",
    [CHECKPOINT_RECORD_NOTES] = "notes",
    [CHECKPOINT_RECORD_PREPARED] = "prepared",
    [CHECKPOINT_RECORD_INTENT_BEHIND] = "intent behind others",
};

const char *checkpoint_record_name(enum checkpoint_record_type type)
{
    return (unsigned)type < COUNT_OF(type_names) ? type_names[type] : "unknown";
}

/* Flags of a load in an intent. */
enum { ENTRY_KEYLESS = 1, ENTRY_TWO_PHASE = 2, ENTRY_IN_PARTS = 4, ENTRY_ALL = 7 };

/* Encoding. */

static void add_u16(struct buf *out, uint16_t value)
{
    uint8_t bytes[2];
    store_u16le(bytes, value);
    buf_add(out, bytes, sizeof(bytes));
}

static void add_u32(struct buf *out, uint32_t value)
{
    uint8_t bytes[4];
    store_u32le(bytes, value);
    buf_add(out, bytes, sizeof(bytes));
}

static void add_u64(struct buf *out, uint64_t value)
{
    uint8_t bytes[8];
    store_u64le(bytes, value);
    buf_add(out, bytes, sizeof(bytes));
}

static void add_short(struct buf *out, struct slice text)
{
    ASSERT(text.len <= UINT16_MAX);
    add_u16(out, (uint16_t)text.len);
    buf_add_slice(out, text);
}

static void add_place(struct buf *out, const struct checkpoint_place *place)
{
    ASSERT(place->gtid_set.len <= POSITION_GTID_MAX);
    add_short(out, place->file);
    add_u64(out, place->offset);
    add_u32(out, (uint32_t)place->gtid_set.len);
    buf_add_slice(out, place->gtid_set);
    add_short(out, place->server);
    add_u64(out, place->rows_done);
    add_u32(out, place->targets_done);
    add_u64(out, place->commit_time_us);
}

static void add_intent(struct buf *out, const struct checkpoint_record *record,
                       const struct manifest_entry *entries)
{
    add_u64(out, record->epoch);
    add_u32(out, record->attempt);
    add_u64(out, record->started_wall_us);
    add_place(out, &record->from);
    add_place(out, &record->to);
    add_u32(out, record->entry_count);
    for (uint32_t i = 0; i < record->entry_count; i++) {
        add_short(out, entries[i].db);
        add_short(out, entries[i].table);
        add_short(out, entries[i].token);
        add_u64(out, entries[i].rows);
        add_u64(out, entries[i].bytes);
        buf_add_byte(out, (uint8_t)((entries[i].keyless ? ENTRY_KEYLESS : 0) |
                                    (entries[i].two_phase ? ENTRY_TWO_PHASE : 0) |
                                    (entries[i].in_parts ? ENTRY_IN_PARTS : 0)));
    }
}

static void add_prepared(struct buf *out, const struct checkpoint_record *record,
                         const struct store_prepared *prepared)
{
    add_u64(out, record->epoch);
    add_u32(out, record->attempt);
    add_u32(out, record->prepared_count);
    for (uint32_t i = 0; i < record->prepared_count; i++) {
        add_u32(out, prepared[i].entry);
        add_u64(out, prepared[i].transaction);
    }
}

static void add_notes(struct buf *out, const struct checkpoint_record *record,
                      const struct store_note *notes)
{
    add_u32(out, record->note_count);
    for (uint32_t i = 0; i < record->note_count; i++) {
        bool forgotten = notes[i].value.ptr == NULL;
        add_short(out, notes[i].key);
        buf_add_byte(out, forgotten ? 1 : 0);
        add_u32(out, forgotten ? 0 : (uint32_t)notes[i].value.len);
        if (!forgotten)
            buf_add_slice(out, notes[i].value);
    }
}

static void add_payload(struct buf *out, const struct checkpoint_record *record,
                        const struct checkpoint_lists *lists)
{
    add_u64(out, record->wall_us);
    switch (record->type) {
    case CHECKPOINT_RECORD_BIND:
        add_short(out, record->server);
        break;
    case CHECKPOINT_RECORD_INTENT:
        add_intent(out, record, lists->entries);
        break;
    case CHECKPOINT_RECORD_INTENT_NOTES:
    case CHECKPOINT_RECORD_INTENT_BEHIND:
        add_intent(out, record, lists->entries);
        add_notes(out, record, lists->notes);
        break;
    case CHECKPOINT_RECORD_DONE:
        add_u64(out, record->epoch);
        add_u32(out, record->attempt);
        add_u32(out, record->entry);
        break;
    case CHECKPOINT_RECORD_ADVANCE:
        add_u64(out, record->epoch);
        add_u64(out, record->rows);
        add_u64(out, record->bytes);
        add_place(out, &record->to);
        break;
    case CHECKPOINT_RECORD_MOVE:
        add_place(out, &record->to);
        break;
    case CHECKPOINT_RECORD_MOVE_NOTES:
        add_place(out, &record->to);
        add_notes(out, record, lists->notes);
        break;
    case CHECKPOINT_RECORD_NOTES:
        add_notes(out, record, lists->notes);
        break;
    case CHECKPOINT_RECORD_PREPARED:
        add_prepared(out, record, lists->prepared);
        break;
    case CHECKPOINT_RECORD_NONE:
        ASSERT(record->type != CHECKPOINT_RECORD_NONE);
        break;
    }
}

void checkpoint_header_add(struct buf *out, const struct checkpoint_header *header)
{
    ASSERT(header->pipeline_id.len == CHECKPOINT_ID_LEN);
    ASSERT(header->pipeline.len <= CHECKPOINT_NAME_MAX);
    size_t begin = out->len;
    buf_add_str(out, CHECKPOINT_MAGIC);
    add_u32(out, CHECKPOINT_FORMAT_VERSION);
    add_u32(out,
            (uint32_t)(CHECKPOINT_HEADER_FIXED + header->pipeline.len + CHECKPOINT_CHECKSUM_LEN));
    add_u64(out, header->generation);
    add_u64(out, header->created_wall_us);
    buf_add_slice(out, header->pipeline_id);
    add_short(out, header->pipeline);
    if (out->rc == RC_OK)
        add_u64(out, XXH3_64bits(out->ptr + begin, out->len - begin));
}

void checkpoint_record_add(struct buf *out, uint64_t generation,
                           const struct checkpoint_record *record,
                           const struct checkpoint_lists *lists)
{
    size_t begin = out->len;
    add_u32(out, 0); /* the length is put in below */
    buf_add_byte(out, (uint8_t)record->type);
    buf_add(out, "\0\0\0", 3);
    add_u64(out, record->sequence);
    add_payload(out, record, lists);
    if (out->rc != RC_OK)
        return;
    size_t payload_len = out->len - begin - CHECKPOINT_RECORD_FIXED;
    if (payload_len > CHECKPOINT_PAYLOAD_MAX) {
        out->rc = RC_LIMIT;
        return;
    }
    store_u32le(out->ptr + begin, (uint32_t)payload_len);
    add_u64(out, XXH3_64bits_withSeed(out->ptr + begin, out->len - begin, generation));
}

/* Decoding: a cursor whose failure is sticky, asked once at the end. */

struct cursor {
    const uint8_t *ptr;
    size_t left;
    bool failed;
};

static const uint8_t *take(struct cursor *cursor, size_t len)
{
    if (cursor->failed || len > cursor->left) {
        cursor->failed = true;
        return NULL;
    }
    const uint8_t *ptr = cursor->ptr;
    cursor->ptr += len;
    cursor->left -= len;
    return ptr;
}

static uint8_t take_u8(struct cursor *cursor)
{
    const uint8_t *ptr = take(cursor, 1);
    return ptr == NULL ? 0 : *ptr;
}

static uint16_t take_u16(struct cursor *cursor)
{
    const uint8_t *ptr = take(cursor, 2);
    return ptr == NULL ? 0 : load_u16le(ptr);
}

static uint32_t take_u32(struct cursor *cursor)
{
    const uint8_t *ptr = take(cursor, 4);
    return ptr == NULL ? 0 : load_u32le(ptr);
}

static uint64_t take_u64(struct cursor *cursor)
{
    const uint8_t *ptr = take(cursor, 8);
    return ptr == NULL ? 0 : load_u64le(ptr);
}

/* Text of at most `max` bytes that holds no NUL, for it may become a C string. */
static struct slice take_text(struct cursor *cursor, size_t len, size_t max)
{
    if (len > max)
        cursor->failed = true;
    const uint8_t *ptr = take(cursor, len);
    if (ptr == NULL)
        return SLICE_EMPTY;
    if (len > 0 && memchr(ptr, 0, len) != NULL)
        cursor->failed = true;
    return slice_of(ptr, len);
}

static struct checkpoint_place take_place(struct cursor *cursor)
{
    struct checkpoint_place place = {0};
    place.file = take_text(cursor, take_u16(cursor), POSITION_FILE_MAX - 1);
    place.offset = take_u64(cursor);
    place.gtid_set = take_text(cursor, take_u32(cursor), POSITION_GTID_MAX);
    place.server = take_text(cursor, take_u16(cursor), POSITION_SERVER_MAX - 1);
    place.rows_done = take_u64(cursor);
    place.targets_done = take_u32(cursor);
    place.commit_time_us = take_u64(cursor);
    return place;
}

static struct manifest_entry take_entry(struct cursor *cursor)
{
    struct manifest_entry entry = {0};
    entry.db = take_text(cursor, take_u16(cursor), UINT16_MAX);
    entry.table = take_text(cursor, take_u16(cursor), UINT16_MAX);
    /* A token is the sink's own and may hold any byte. */
    size_t token_len = take_u16(cursor);
    if (token_len > SINK_TOKEN_MAX)
        cursor->failed = true;
    const uint8_t *token = take(cursor, token_len);
    entry.token = token == NULL ? SLICE_EMPTY : slice_of(token, token_len);
    entry.rows = take_u64(cursor);
    entry.bytes = take_u64(cursor);
    uint8_t flags = take_u8(cursor);
    if (flags > ENTRY_ALL)
        cursor->failed = true;
    entry.keyless = (flags & ENTRY_KEYLESS) != 0;
    entry.two_phase = (flags & ENTRY_TWO_PHASE) != 0;
    entry.in_parts = (flags & ENTRY_IN_PARTS) != 0;
    return entry;
}

static struct store_prepared take_one_prepared(struct cursor *cursor)
{
    struct store_prepared prepared = {0};
    prepared.entry = take_u32(cursor);
    prepared.transaction = take_u64(cursor);
    if (prepared.transaction == 0)
        cursor->failed = true;
    return prepared;
}

static void take_prepared(struct cursor *cursor, struct checkpoint_record *record)
{
    record->epoch = take_u64(cursor);
    record->attempt = take_u32(cursor);
    record->prepared_count = take_u32(cursor);
    if (record->prepared_count == 0 || record->prepared_count > CHECKPOINT_ENTRIES_MAX)
        cursor->failed = true;
    const uint8_t *begin = cursor->ptr;
    for (uint32_t i = 0; i < record->prepared_count && !cursor->failed; i++)
        (void)take_one_prepared(cursor);
    record->prepared = slice_of(begin, (size_t)(cursor->ptr - begin));
}

static void take_intent(struct cursor *cursor, struct checkpoint_record *record)
{
    record->epoch = take_u64(cursor);
    record->attempt = take_u32(cursor);
    record->started_wall_us = take_u64(cursor);
    record->from = take_place(cursor);
    record->to = take_place(cursor);
    record->entry_count = take_u32(cursor);
    if (record->entry_count > CHECKPOINT_ENTRIES_MAX)
        cursor->failed = true;
    const uint8_t *begin = cursor->ptr;
    for (uint32_t i = 0; i < record->entry_count && !cursor->failed; i++)
        (void)take_entry(cursor);
    record->entries = slice_of(begin, (size_t)(cursor->ptr - begin));
}

/* Keys and values are their writers' own and may hold any byte. */
static struct store_note take_note(struct cursor *cursor)
{
    struct store_note note = {0};
    size_t key_len = take_u16(cursor);
    const uint8_t *key = take(cursor, key_len);
    uint8_t flags = take_u8(cursor);
    size_t value_len = take_u32(cursor);
    const uint8_t *value = take(cursor, value_len);
    if (key_len == 0 || key_len > CHECKPOINT_NOTE_KEY_MAX || flags > 1 ||
        value_len > CHECKPOINT_NOTE_VALUE_MAX || (flags == 1 && value_len > 0))
        cursor->failed = true;
    if (cursor->failed)
        return note;
    note.key = slice_of(key, key_len);
    if (flags == 0)
        note.value = slice_of(value, value_len);
    return note;
}

static void take_notes(struct cursor *cursor, struct checkpoint_record *record)
{
    record->note_count = take_u32(cursor);
    bool needed = record->type != CHECKPOINT_RECORD_INTENT_BEHIND;
    if ((needed && record->note_count == 0) || record->note_count > CHECKPOINT_NOTES_MAX)
        cursor->failed = true;
    const uint8_t *begin = cursor->ptr;
    for (uint32_t i = 0; i < record->note_count && !cursor->failed; i++)
        (void)take_note(cursor);
    record->notes = slice_of(begin, (size_t)(cursor->ptr - begin));
}

static bool take_payload(struct cursor *cursor, struct checkpoint_record *record)
{
    record->wall_us = take_u64(cursor);
    switch (record->type) {
    case CHECKPOINT_RECORD_BIND:
        record->server = take_text(cursor, take_u16(cursor), POSITION_SERVER_MAX - 1);
        break;
    case CHECKPOINT_RECORD_INTENT:
        take_intent(cursor, record);
        break;
    case CHECKPOINT_RECORD_INTENT_NOTES:
    case CHECKPOINT_RECORD_INTENT_BEHIND:
        take_intent(cursor, record);
        take_notes(cursor, record);
        break;
    case CHECKPOINT_RECORD_DONE:
        record->epoch = take_u64(cursor);
        record->attempt = take_u32(cursor);
        record->entry = take_u32(cursor);
        break;
    case CHECKPOINT_RECORD_ADVANCE:
        record->epoch = take_u64(cursor);
        record->rows = take_u64(cursor);
        record->bytes = take_u64(cursor);
        record->to = take_place(cursor);
        break;
    case CHECKPOINT_RECORD_MOVE:
        record->to = take_place(cursor);
        break;
    case CHECKPOINT_RECORD_MOVE_NOTES:
        record->to = take_place(cursor);
        take_notes(cursor, record);
        break;
    case CHECKPOINT_RECORD_NOTES:
        take_notes(cursor, record);
        break;
    case CHECKPOINT_RECORD_PREPARED:
        take_prepared(cursor, record);
        break;
    case CHECKPOINT_RECORD_NONE:
        return false;
    }
    return !cursor->failed && cursor->left == 0;
}

static bool is_hex(struct slice text)
{
    for (size_t i = 0; i < text.len; i++) {
        uint8_t c = text.ptr[i];
        if (!((c >= '0' && c <= '9') || (c >= 'a' && c <= 'f')))
            return false;
    }
    return true;
}

enum rc checkpoint_header_parse(struct slice file, struct checkpoint_header *header_out,
                                size_t *len_out, struct error *err)
{
    struct cursor cursor = {.ptr = file.ptr, .left = file.len};
    const uint8_t *magic = take(&cursor, sizeof(CHECKPOINT_MAGIC) - 1);
    uint32_t version = take_u32(&cursor);
    uint32_t len = take_u32(&cursor);
    if (cursor.failed)
        return error_set(err, RC_CORRUPT, "the file ends inside its header, at byte %zu", file.len);
    if (memcmp(magic, CHECKPOINT_MAGIC, sizeof(CHECKPOINT_MAGIC) - 1) != 0)
        return error_set(err, RC_CORRUPT, "the file does not begin with \"" CHECKPOINT_MAGIC "\"");
    if (version != CHECKPOINT_FORMAT_VERSION)
        return error_set(err, version > CHECKPOINT_FORMAT_VERSION ? RC_UNSUPPORTED : RC_CORRUPT,
                         "the file says format version %u, and this program reads version %d",
                         (unsigned)version, CHECKPOINT_FORMAT_VERSION);
    if (len < CHECKPOINT_HEADER_FIXED + CHECKPOINT_CHECKSUM_LEN ||
        len > CHECKPOINT_HEADER_FIXED + CHECKPOINT_NAME_MAX + CHECKPOINT_CHECKSUM_LEN)
        return error_set(err, RC_CORRUPT, "the header says a length of %u bytes", (unsigned)len);
    if (len > file.len)
        return error_set(err, RC_CORRUPT, "the file ends inside its header, at byte %zu", file.len);
    size_t body_len = len - CHECKPOINT_CHECKSUM_LEN;
    if (load_u64le(file.ptr + body_len) != XXH3_64bits(file.ptr, body_len))
        return error_set(err, RC_CORRUPT, "the checksum of the header does not fit");
    cursor.left = body_len - (file.len - cursor.left);
    header_out->generation = take_u64(&cursor);
    header_out->created_wall_us = take_u64(&cursor);
    header_out->pipeline_id = slice_of(take(&cursor, CHECKPOINT_ID_LEN), CHECKPOINT_ID_LEN);
    header_out->pipeline = take_text(&cursor, take_u16(&cursor), CHECKPOINT_NAME_MAX);
    if (cursor.failed || cursor.left != 0 || !is_hex(header_out->pipeline_id))
        return error_set(err, RC_CORRUPT, "the header does not follow the format");
    *len_out = len;
    return RC_OK;
}

enum checkpoint_found checkpoint_record_parse(struct slice rest, uint64_t generation,
                                              struct checkpoint_record *record_out, size_t *len_out,
                                              const char **problem_out)
{
    *record_out = (struct checkpoint_record){0};
    *problem_out = "nothing is wrong";
    if (rest.len == 0)
        return CHECKPOINT_FOUND_END;
    *problem_out = "the record is cut short";
    if (rest.len < CHECKPOINT_RECORD_FIXED + CHECKPOINT_CHECKSUM_LEN)
        return CHECKPOINT_FOUND_BROKEN;
    size_t payload_len = load_u32le(rest.ptr);
    if (payload_len > CHECKPOINT_PAYLOAD_MAX) {
        *problem_out = "the record's length is impossible";
        return CHECKPOINT_FOUND_BROKEN;
    }
    size_t body_len = CHECKPOINT_RECORD_FIXED + payload_len;
    if (rest.len - CHECKPOINT_CHECKSUM_LEN < body_len)
        return CHECKPOINT_FOUND_BROKEN;
    *problem_out = "the record's checksum does not fit";
    if (load_u64le(rest.ptr + body_len) != XXH3_64bits_withSeed(rest.ptr, body_len, generation))
        return CHECKPOINT_FOUND_BROKEN;
    *len_out = body_len + CHECKPOINT_CHECKSUM_LEN;
    *problem_out = "the record is of a type that this program does not know";
    uint8_t type = rest.ptr[4];
    if (type == CHECKPOINT_RECORD_NONE || type >= COUNT_OF(type_names))
        return CHECKPOINT_FOUND_UNKNOWN;
    *problem_out = "the record's content does not follow the format";
    if ((rest.ptr[5] | rest.ptr[6] | rest.ptr[7]) != 0)
        return CHECKPOINT_FOUND_MALFORMED;
    record_out->type = (enum checkpoint_record_type)type;
    record_out->sequence = load_u64le(rest.ptr + 8);
    struct cursor cursor = {.ptr = rest.ptr + CHECKPOINT_RECORD_FIXED, .left = payload_len};
    if (!take_payload(&cursor, record_out))
        return CHECKPOINT_FOUND_MALFORMED;
    *problem_out = "nothing is wrong";
    return CHECKPOINT_FOUND_RECORD;
}

bool checkpoint_record_begins(struct slice rest, uint64_t generation, uint64_t sequence_min,
                              uint64_t sequence_max)
{
    if (rest.len < CHECKPOINT_RECORD_FIXED + CHECKPOINT_CHECKSUM_LEN)
        return false;
    size_t body_len = CHECKPOINT_RECORD_FIXED + (size_t)load_u32le(rest.ptr);
    uint64_t sequence = load_u64le(rest.ptr + 8);
    if (body_len > rest.len - CHECKPOINT_CHECKSUM_LEN || sequence < sequence_min ||
        sequence > sequence_max)
        return false;
    return load_u64le(rest.ptr + body_len) == XXH3_64bits_withSeed(rest.ptr, body_len, generation);
}

struct manifest_entry checkpoint_entry_next(struct slice *entries)
{
    struct cursor cursor = {.ptr = entries->ptr, .left = entries->len};
    struct manifest_entry entry = take_entry(&cursor);
    ASSERT(!cursor.failed);
    *entries = slice_of(cursor.ptr, cursor.left);
    return entry;
}

struct store_prepared checkpoint_prepared_next(struct slice *prepared)
{
    struct cursor cursor = {.ptr = prepared->ptr, .left = prepared->len};
    struct store_prepared one = take_one_prepared(&cursor);
    ASSERT(!cursor.failed);
    *prepared = slice_of(cursor.ptr, cursor.left);
    return one;
}

struct store_note checkpoint_note_next(struct slice *notes)
{
    struct cursor cursor = {.ptr = notes->ptr, .left = notes->len};
    struct store_note note = take_note(&cursor);
    ASSERT(!cursor.failed);
    *notes = slice_of(cursor.ptr, cursor.left);
    return note;
}

/* Between a position and its place in a record. */

struct checkpoint_place checkpoint_place_of(const struct position *position)
{
    return (struct checkpoint_place){
        .file = slice_of(position->file, strnlen(position->file, sizeof(position->file) - 1)),
        .gtid_set = buf_slice(&position->gtid_set),
        .server =
            slice_of(position->server, strnlen(position->server, sizeof(position->server) - 1)),
        .offset = position->offset,
        .rows_done = position->rows_done,
        .commit_time_us = position->commit_time_us,
        .targets_done = position->targets_done,
    };
}

enum rc checkpoint_place_get(const struct checkpoint_place *place, struct position *position_out,
                             struct error *err)
{
    if (place->file.len >= sizeof(position_out->file) ||
        place->server.len >= sizeof(position_out->server))
        return error_set(err, RC_CORRUPT,
                         "a position names a file or a server with a name that is too long");
    memset(position_out->file, 0, sizeof(position_out->file));
    memset(position_out->server, 0, sizeof(position_out->server));
    if (place->file.len > 0)
        memcpy(position_out->file, place->file.ptr, place->file.len);
    if (place->server.len > 0)
        memcpy(position_out->server, place->server.ptr, place->server.len);
    position_out->offset = place->offset;
    position_out->rows_done = place->rows_done;
    position_out->targets_done = place->targets_done;
    position_out->commit_time_us = place->commit_time_us;
    buf_reset(&position_out->gtid_set);
    buf_add_slice(&position_out->gtid_set, place->gtid_set);
    return buf_check(&position_out->gtid_set, "a GTID set", err);
}
