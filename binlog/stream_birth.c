/* SPDX-License-Identifier: Apache-2.0 */
/*
 * When the file in hand was begun, as its format description says in its header; servers repeat that for a dump from
 * inside the file. After a RESET MASTER a file of the same name has another history, and where the server writes no
 * GTIDs, file and offset are all that a position has: the file must be the one that they were taken from
 * (facts/binlog.md 12, #88).
 *
 * A note beside the position keeps it over restarts: key "binlog-file", value "1795233017 binlog.000003". With GTIDs
 * there is none: a server that was restored has other files, and may go on.
 */
#include "stream_state_int.h"

static bool is_needed(const struct binlog_stream *stream)
{
    return !stream->options.offline && gtid_set_is_empty(stream->executed);
}

static enum rc refuse(const struct binlog_stream *stream, uint32_t begun, struct error *err)
{
    struct buf then;
    struct buf now;
    buf_init(&then, 64);
    buf_init(&now, 64);
    clock_add_rfc3339(&then, (uint64_t)stream->birth.begun * 1000000);
    clock_add_rfc3339(&now, (uint64_t)begun * 1000000);
    enum rc rc = error_set(err, RC_MISMATCH,
                           "The file %.100s was begun at %s, and the file of that name that was "
                           "read before at %s: the server's binlog "
                           "was reset since, and its places mean something else now. Start afresh "
                           "with a new checkpoint "
                           "directory and a new copy of the tables.",
                           stream->file, buf_cstr(&now), buf_cstr(&then));
    buf_deinit(&then);
    buf_deinit(&now);
    return rc;
}

enum rc stream_birth_take(struct binlog_stream *stream, uint32_t begun, struct error *err)
{
    struct stream_birth *birth = &stream->birth;
    bool known = birth->begun != 0 && begun != 0 && strcmp(birth->file, stream->file) == 0;
    if (known && birth->begun != begun && is_needed(stream))
        return refuse(stream, begun, err);
    memcpy(birth->file, stream->file, sizeof(birth->file));
    birth->begun = begun;
    return RC_OK;
}

/* "seconds name"; false: it is not. */
static bool parse(struct slice value, struct stream_birth *birth)
{
    const uint8_t *space = value.len > 0 ? memchr(value.ptr, ' ', value.len) : NULL;
    if (space == NULL)
        return false;
    size_t digits = (size_t)(space - value.ptr);
    struct slice file = slice_of(space + 1, value.len - digits - 1);
    uint64_t begun = 0;
    if (!text_parse_u64(slice_of(value.ptr, digits), &begun) || begun > UINT32_MAX ||
        file.len == 0 || file.len >= sizeof(birth->file))
        return false;
    *birth = (struct stream_birth){.begun = (uint32_t)begun};
    memcpy(birth->file, file.ptr, file.len);
    return true;
}

enum rc binlog_stream_birth_remember(struct binlog_stream *stream, struct slice value,
                                     struct error *err)
{
    if (!parse(value, &stream->birth))
        return error_set(err, RC_CORRUPT,
                         "The checkpoint's note " BINLOG_BIRTH_NOTE " cannot be read.");
    stream->birth_noted = stream->birth;
    return RC_OK;
}

enum rc binlog_stream_birth_note(struct binlog_stream *stream, source_note_fn visit, void *ctx,
                                 struct error *err)
{
    const struct stream_birth *birth = &stream->birth;
    struct stream_birth *noted = &stream->birth_noted;
    bool same = birth->begun == noted->begun && strcmp(birth->file, noted->file) == 0;
    if (same || birth->begun == 0 || !is_needed(stream))
        return RC_OK;
    struct buf value;
    buf_init(&value, sizeof(birth->file) + 32);
    buf_addf(&value, "%u %s", birth->begun, birth->file);
    enum rc rc = buf_check(&value, "the note " BINLOG_BIRTH_NOTE, err);
    if (rc == RC_OK)
        rc = visit(ctx, SLICE(BINLOG_BIRTH_NOTE), buf_slice(&value), err);
    buf_deinit(&value);
    if (rc == RC_OK)
        *noted = *birth;
    return rc;
}
