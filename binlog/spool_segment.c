/* SPDX-License-Identifier: Apache-2.0 */
#include "spool_segment_int.h"

#include <stdio.h>
#include <unistd.h>

#include "cursor_int.h"
#include "event_int.h"

#define FLAG_NEW_RUN 1u
#define NAME_PREFIX "segment."

const struct record_style spool_style = {.magic = "MRSPOOL1",
                                         .what = "The spool",
                                         .body_max = (size_t)EVENT_LEN_MAX + 1,
                                         .kind_max = SPOOL_EVENT};

void spool_segment_name(char name[SPOOL_NAME_MAX], uint64_t number)
{
    snprintf(name, SPOOL_NAME_MAX, NAME_PREFIX "%08llu", (unsigned long long)number);
}

uint64_t spool_segment_number(const char *name)
{
    uint64_t number = 0;
    size_t prefix = sizeof(NAME_PREFIX) - 1;
    if (strncmp(name, NAME_PREFIX, prefix) != 0 ||
        !text_parse_u64(slice_str(name + prefix), &number))
        return 0;
    return number;
}

static void add_sized(struct buf *out, struct slice bytes)
{
    uint8_t len[4];
    store_u32le(len, (uint32_t)bytes.len);
    buf_add(out, len, sizeof(len));
    buf_add_slice(out, bytes);
}

static void add_begin(struct buf *out, const struct spool_segment *segment)
{
    const struct position *begin = &segment->begin;
    uint8_t fixed[9] = {segment->new_run ? FLAG_NEW_RUN : 0};
    store_u64le(fixed + 1, begin->offset);
    buf_add(out, fixed, sizeof(fixed));
    add_sized(out, slice_str(begin->file));
    add_sized(out, slice_str(begin->server));
    add_sized(out, buf_slice(&begin->gtid_set));
}

static bool take_text(struct cursor *cursor, char *out, size_t cap)
{
    struct slice text = cursor_slice(cursor, cursor_u32(cursor));
    if (cursor->failed || text.len >= cap ||
        (text.len > 0 && memchr(text.ptr, 0, text.len) != NULL))
        return false;
    if (text.len > 0)
        memcpy(out, text.ptr, text.len);
    out[text.len] = '\0';
    return true;
}

enum rc spool_begin_parse(struct slice body, struct spool_segment *segment, struct error *err)
{
    struct position *begin = &segment->begin;
    struct cursor cursor = cursor_of(body);
    uint8_t flags = cursor_u8(&cursor);
    begin->offset = cursor_u64(&cursor);
    bool right = take_text(&cursor, begin->file, sizeof(begin->file)) &&
                 take_text(&cursor, begin->server, sizeof(begin->server));
    struct slice gtids = right ? cursor_slice(&cursor, cursor_u32(&cursor)) : SLICE_EMPTY;
    if (!right || cursor.failed || cursor_left(&cursor) > 0 || (flags & ~FLAG_NEW_RUN) != 0)
        return error_set(err, RC_CORRUPT, "A file of the spool does not say where it begins.");
    segment->new_run = (flags & FLAG_NEW_RUN) != 0;
    buf_reset(&begin->gtid_set);
    buf_add_slice(&begin->gtid_set, gtids);
    return buf_check(&begin->gtid_set, "The GTID set of the spool", err);
}

enum rc spool_segment_begin(struct record_writer *writer, int dir_fd, struct spool_segment *segment,
                            struct error *err)
{
    char name[SPOOL_NAME_MAX];
    struct buf body;
    spool_segment_name(name, segment->number);
    buf_init(&body, POSITION_GTID_MAX + 2 * POSITION_FILE_MAX);
    add_begin(&body, segment);
    enum rc rc = buf_check(&body, "The place in the spool", err);
    if (rc == RC_OK)
        rc = record_writer_begin(writer, dir_fd, name, segment->number, err);
    if (rc == RC_OK)
        rc = record_writer_append(writer, SPOOL_BEGIN, buf_slice(&body), err);
    segment->head_bytes = segment->bytes = record_writer_bytes(writer);
    if (rc == RC_OK)
        rc = record_writer_flush(writer, err);
    buf_deinit(&body);
    if (rc != RC_OK && writer->fd >= 0) {
        record_writer_close(writer);
        (void)unlinkat(dir_fd, name, 0);
    }
    return rc;
}

enum rc spool_segment_sync(int dir_fd, uint64_t number, struct error *err)
{
    char name[SPOOL_NAME_MAX];
    spool_segment_name(name, number);
    return record_file_sync(&spool_style, dir_fd, name, err);
}

enum rc spool_segment_open(struct record_reader *reader, int dir_fd, uint64_t number, uint64_t at,
                           struct error *err)
{
    char name[SPOOL_NAME_MAX];
    spool_segment_name(name, number);
    return record_reader_open(reader, dir_fd, name, number, at, err);
}
