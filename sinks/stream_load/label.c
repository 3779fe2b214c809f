/* SPDX-License-Identifier: Apache-2.0 */
/* Label text; the form and its reasons are in label_int.h. Pure, any thread. */
#include "label_int.h"

#include <stdio.h>

#define ID_DIGITS 12
#define HASH_DIGITS 16
#define EPOCH_DIGITS_MAX 20
#define PART_DIGITS_MAX 10
/* Everything behind the prefix at its longest, with the four underscores and, in the place of a part's
 * number, that of a joint transaction behind its letter. */
#define TAIL_MAX (4 + ID_DIGITS + HASH_DIGITS + EPOCH_DIGITS_MAX + 1 + PART_DIGITS_MAX)
#define JOINT_END "_t"

static bool is_label_byte(uint8_t byte)
{
    return (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z') ||
           (byte >= '0' && byte <= '9') || byte == '_' || byte == '-';
}

enum rc label_check_prefix(const char *prefix, unsigned label_max, struct error *err)
{
    ASSERT(label_max > TAIL_MAX);
    struct slice text = slice_str(prefix == NULL ? LABEL_PREFIX_DEFAULT : prefix);
    if (text.len == 0)
        return error_set(err, RC_CONFIG,
                         "The label prefix is empty; leave the key out to get \"%s\".",
                         LABEL_PREFIX_DEFAULT);
    for (size_t i = 0; i < text.len; i++) {
        if (!is_label_byte(text.ptr[i]))
            return error_set(err, RC_CONFIG,
                             "The label prefix \"%.*s\" has a character at place %zu that a load "
                             "label may not have; use letters, digits, '_' and '-' only.",
                             SLICE_ARG(text), i + 1);
    }
    if (text.len > label_max - TAIL_MAX)
        return error_set(err, RC_CONFIG,
                         "The label prefix \"%.*s\" has %zu bytes; at most %u leave room for the "
                         "rest of a label.",
                         SLICE_ARG(text), text.len, label_max - TAIL_MAX);
    return RC_OK;
}

/* Hash of "db.table", fixed for ever: a label in a journal must be found again by later versions.
 * The length of the database name goes in too, because a database may be called "a.b". */
static uint64_t table_hash(struct slice db, struct slice table, uint64_t set_hash)
{
    uint8_t head[8];
    store_u32le(head, (uint32_t)db.len);
    store_u32le(head + 4, (uint32_t)table.len);
    uint64_t hash = slice_hash(slice_of(head, sizeof(head)));
    hash = hash * 0x9e3779b97f4a7c15u + slice_hash(db);
    hash = hash * 0x9e3779b97f4a7c15u + slice_hash(table);
    return set_hash == 0 ? hash : hash * 0x9e3779b97f4a7c15u + set_hash;
}

void label_add(struct buf *out, const char *prefix, struct slice pipeline_id, struct slice db,
               struct slice table, uint64_t set_hash, uint64_t epoch, uint32_t part)
{
    ASSERT(pipeline_id.len >= ID_DIGITS);
    ASSERT(epoch > 0);
    buf_add_slice(out, slice_str(prefix == NULL ? LABEL_PREFIX_DEFAULT : prefix));
    buf_add_byte(out, '_');
    buf_add_slice(out, slice_of(pipeline_id.ptr, ID_DIGITS));
    buf_addf(out, "_%016llx_", (unsigned long long)table_hash(db, table, set_hash));
    buf_add_u64(out, epoch);
    if (part > 0)
        buf_addf(out, "_%u", (unsigned)part);
}

/* No table has an empty name, so the hash is no table's. */
void label_add_joint(struct buf *out, const char *prefix, struct slice pipeline_id, struct slice db,
                     uint64_t epoch)
{
    label_add(out, prefix, pipeline_id, db, SLICE_EMPTY, 0, epoch, 0);
    buf_add_str(out, JOINT_END);
}

uint64_t label_joint_epoch(struct slice token)
{
    struct slice end = SLICE(JOINT_END);
    uint64_t epoch = 0;
    if (token.len <= end.len || memcmp(token.ptr + token.len - end.len, end.ptr, end.len) != 0)
        return 0;
    size_t len = token.len - end.len;
    size_t at = len;
    while (at > 0 && token.ptr[at - 1] != '_')
        at--;
    return text_parse_u64(slice_of(token.ptr + at, len - at), &epoch) ? epoch : 0;
}

struct slice label_of_attempt(struct slice token, uint64_t number, char out[LABEL_BYTES])
{
    int len = snprintf(out, LABEL_BYTES, "%.*s%llu", SLICE_ARG(token), (unsigned long long)number);
    ASSERT(len > 0 && len < LABEL_BYTES);
    return slice_of(out, (size_t)len);
}

struct slice label_of_piece(struct slice label, uint64_t hash, char out[LABEL_BYTES])
{
    size_t epoch_at = label.len;
    ASSERT(label.len < LABEL_BYTES);
    while (epoch_at > 0 && label.ptr[epoch_at - 1] != '_')
        epoch_at--;
    ASSERT(epoch_at > HASH_DIGITS + 1);
    size_t hash_at = epoch_at - 1 - HASH_DIGITS;
    uint64_t mixed = slice_hash(label) * 0x9e3779b97f4a7c15u + hash;
    memcpy(out, label.ptr, label.len);
    snprintf(out + hash_at, HASH_DIGITS + 1, "%016llx", (unsigned long long)mixed);
    out[epoch_at - 1] = '_';
    out[label.len] = '\0';
    return slice_of(out, label.len);
}
