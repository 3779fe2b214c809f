/* SPDX-License-Identifier: Apache-2.0 */
#include "spool_segment_int.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/uio.h>
#include <unistd.h>

#include <xxhash.h>

#include "cursor_int.h"
#include "event_int.h"

#define MAGIC "MRSPOOL1"
#define MAGIC_LEN (sizeof(MAGIC) - 1)
/* So much is written, and read, at once. */
#define BLOCK_BYTES ((size_t)1 << 20)
#define BODY_MAX ((size_t)EVENT_LEN_MAX + 1)
#define FLAG_NEW_RUN 1u
#define NAME_PREFIX "segment."

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

static void frame_head(uint8_t head[SPOOL_FRAME_HEAD], uint64_t number, enum spool_kind kind,
                       struct slice body)
{
    store_u32le(head, (uint32_t)body.len + 1);
    store_u64le(head + 4, XXH3_64bits_withSeed(body.ptr, body.len, number * 256 + kind));
    head[12] = (uint8_t)kind;
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

/* Writing. */

void spool_writer_init(struct spool_writer *writer)
{
    *writer = (struct spool_writer){.fd = -1};
    buf_init(&writer->tail, BLOCK_BYTES + POSITION_GTID_MAX + 2 * POSITION_FILE_MAX);
}

void spool_writer_deinit(struct spool_writer *writer)
{
    spool_writer_close(writer);
    buf_deinit(&writer->tail);
}

void spool_writer_close(struct spool_writer *writer)
{
    if (writer->fd >= 0)
        close(writer->fd);
    writer->fd = -1;
    buf_reset(&writer->tail);
}

/* Both parts behind what the file holds. What a failed write has left is cut off again; where that
 * fails too, the next frame's checksum tells. */
static enum rc write_parts(struct spool_writer *writer, struct slice first, struct slice second,
                           struct error *err)
{
    size_t total = first.len + second.len;
    for (size_t done = 0; done < total;) {
        struct slice a =
            done < first.len ? slice_of(first.ptr + done, first.len - done) : SLICE_EMPTY;
        size_t skip = done < first.len ? 0 : done - first.len;
        struct slice b = slice_of(second.ptr + skip, second.len - skip);
        struct iovec parts[2] = {{.iov_base = (void *)(uintptr_t)a.ptr, .iov_len = a.len},
                                 {.iov_base = (void *)(uintptr_t)b.ptr, .iov_len = b.len}};
        ssize_t len = pwritev(writer->fd, parts, 2, (off_t)(writer->written + done));
        if (len < 0 && errno == EINTR)
            continue;
        if (len <= 0) {
            int code = len < 0 ? errno : ENOSPC;
            writer->failed = true;
            if (ftruncate(writer->fd, (off_t)writer->written) != 0)
                log_debug("source.spool", "A file of the spool could not be cut.");
            return error_set_os(err, RC_IO, code, "The spool cannot be written");
        }
        done += (size_t)len;
    }
    writer->written += total;
    return RC_OK;
}

enum rc spool_writer_flush(struct spool_writer *writer, struct error *err)
{
    if (writer->tail.len == 0)
        return RC_OK;
    if (writer->failed)
        return error_set(err, RC_IO, "The spool could not be written before.");
    enum rc rc = write_parts(writer, buf_slice(&writer->tail), SLICE(""), err);
    if (rc == RC_OK)
        buf_reset(&writer->tail);
    return rc;
}

enum rc spool_segment_sync(int dir_fd, uint64_t number, struct error *err)
{
    char name[SPOOL_NAME_MAX];
    spool_segment_name(name, number);
    int fd = openat(dir_fd, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    int code = fd < 0 || fdatasync(fd) != 0 ? errno : 0;
    if (fd >= 0)
        close(fd);
    return code == 0 ? RC_OK : error_set_os(err, RC_IO, code, "The spool cannot be synced");
}

enum rc spool_writer_begin(struct spool_writer *writer, int dir_fd, struct spool_segment *segment,
                           struct error *err)
{
    char name[SPOOL_NAME_MAX];
    uint8_t head[SPOOL_FRAME_HEAD];
    struct buf body;
    ASSERT(writer->fd < 0);
    spool_segment_name(name, segment->number);
    writer->fd = openat(dir_fd, name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (writer->fd < 0)
        return error_set_os(err, RC_IO, errno, "A file of the spool cannot be made");
    writer->number = segment->number;
    writer->written = 0;
    writer->failed = false;
    buf_init(&body, POSITION_GTID_MAX + 2 * POSITION_FILE_MAX);
    add_begin(&body, segment);
    frame_head(head, segment->number, SPOOL_BEGIN, buf_slice(&body));
    buf_add(&writer->tail, MAGIC, MAGIC_LEN);
    buf_add(&writer->tail, head, sizeof(head));
    buf_add_slice(&writer->tail, buf_slice(&body));
    enum rc rc = buf_check(&body, "The place in the spool", err);
    if (rc == RC_OK)
        rc = buf_check(&writer->tail, "The place in the spool", err);
    buf_deinit(&body);
    segment->head_bytes = segment->bytes = writer->tail.len;
    if (rc == RC_OK)
        rc = spool_writer_flush(writer, err);
    if (rc != RC_OK) {
        spool_writer_close(writer);
        (void)unlinkat(dir_fd, name, 0);
    }
    return rc;
}

enum rc spool_writer_append(struct spool_writer *writer, struct slice event, struct error *err)
{
    uint8_t head[SPOOL_FRAME_HEAD];
    frame_head(head, writer->number, SPOOL_EVENT, event);
    if (writer->tail.len + sizeof(head) + event.len > BLOCK_BYTES) {
        enum rc rc = spool_writer_flush(writer, err);
        if (rc != RC_OK)
            return rc;
    }
    if (writer->failed)
        return error_set(err, RC_IO, "The spool could not be written before.");
    if (event.len > BLOCK_BYTES / 2)
        return write_parts(writer, slice_of(head, sizeof(head)), event, err);
    buf_add(&writer->tail, head, sizeof(head));
    buf_add_slice(&writer->tail, event);
    ASSERT(writer->tail.rc != RC_LIMIT);
    return buf_check(&writer->tail, "The spool", err);
}

/* Reading. */

void spool_reader_init(struct spool_reader *reader)
{
    *reader = (struct spool_reader){.fd = -1};
    buf_init(&reader->bytes, BODY_MAX + BLOCK_BYTES);
}

void spool_reader_deinit(struct spool_reader *reader)
{
    spool_reader_close(reader);
    buf_deinit(&reader->bytes);
}

void spool_reader_close(struct spool_reader *reader)
{
    if (reader->fd >= 0)
        close(reader->fd);
    reader->fd = -1;
}

enum rc spool_reader_open(struct spool_reader *reader, int dir_fd, uint64_t number, uint64_t at,
                          struct error *err)
{
    char name[SPOOL_NAME_MAX];
    spool_reader_close(reader);
    spool_segment_name(name, number);
    reader->fd = openat(dir_fd, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (reader->fd < 0)
        return error_set_os(err, RC_IO, errno, "The file %s of the spool cannot be opened", name);
    reader->number = number;
    reader->at = at;
    buf_reset(&reader->bytes);
    reader->bytes_at = at;
    if (at > 0)
        return RC_OK;
    uint8_t magic[MAGIC_LEN];
    if (pread(reader->fd, magic, sizeof(magic), 0) != (ssize_t)sizeof(magic) ||
        memcmp(magic, MAGIC, sizeof(magic)) != 0)
        return error_set(err, RC_CORRUPT, "The file %s is no file of a spool.", name);
    reader->at = reader->bytes_at = MAGIC_LEN;
    return RC_OK;
}

static enum rc read_file(struct spool_reader *reader, size_t len, struct error *err)
{
    while (len > 0) {
        ssize_t got = pread(reader->fd, reader->bytes.ptr + reader->bytes.len, len,
                            (off_t)(reader->bytes_at + reader->bytes.len));
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return error_set_os(err, RC_IO, errno, "The spool cannot be read");
        if (got == 0)
            return error_set(err, RC_CORRUPT, "A file of the spool is shorter than it was.");
        reader->bytes.len += (size_t)got;
        len -= (size_t)got;
    }
    return RC_OK;
}

/* `len` bytes from `at` on are in `bytes`: from the file, and what it does not hold yet from the
 * writer. */
static enum rc have(struct spool_reader *reader, size_t len, uint64_t end,
                    const struct spool_writer *writer, struct error *err)
{
    uint64_t have_end = reader->bytes_at + reader->bytes.len;
    if (reader->at >= reader->bytes_at && reader->at + len <= have_end)
        return RC_OK;
    uint64_t left = end - reader->at;
    if (len > left)
        return error_set(err, RC_CORRUPT, "A file of the spool ends in the middle.");
    size_t want = len > BLOCK_BYTES ? len : BLOCK_BYTES;
    if (want > left)
        want = (size_t)left;
    uint64_t written = writer == NULL ? end : writer->written;
    size_t in_file = written <= reader->at         ? 0
                     : written - reader->at < want ? (size_t)(written - reader->at)
                                                   : want;
    buf_reset(&reader->bytes);
    reader->bytes_at = reader->at;
    if (buf_reserve(&reader->bytes, want) == NULL)
        return buf_check(&reader->bytes, "An event of the spool", err);
    enum rc rc = read_file(reader, in_file, err);
    if (rc == RC_OK && in_file < want) {
        size_t from = (size_t)(reader->at + in_file - written);
        ASSERT(writer != NULL && from + (want - in_file) <= writer->tail.len);
        buf_add(&reader->bytes, writer->tail.ptr + from, want - in_file);
    }
    return rc;
}

enum rc spool_reader_next(struct spool_reader *reader, uint64_t end,
                          const struct spool_writer *writer, struct spool_frame *frame,
                          struct error *err)
{
    ASSERT(reader->fd >= 0 && reader->at <= end);
    if (reader->at == end)
        return RC_EOF;
    enum rc rc = have(reader, SPOOL_FRAME_HEAD, end, writer, err);
    if (rc != RC_OK)
        return rc;
    const uint8_t *head = reader->bytes.ptr + (reader->at - reader->bytes_at);
    size_t len = load_u32le(head);
    uint8_t kind = head[12];
    if (len == 0 || len > BODY_MAX || (kind != SPOOL_BEGIN && kind != SPOOL_EVENT))
        return error_set(err, RC_CORRUPT, "A file of the spool is damaged at byte %llu.",
                         (unsigned long long)reader->at);
    rc = have(reader, SPOOL_FRAME_HEAD - 1 + len, end, writer, err);
    if (rc != RC_OK)
        return rc;
    head = reader->bytes.ptr + (reader->at - reader->bytes_at);
    struct slice body = slice_of(head + SPOOL_FRAME_HEAD, len - 1);
    if (XXH3_64bits_withSeed(body.ptr, body.len, reader->number * 256 + kind) !=
        load_u64le(head + 4))
        return error_set(err, RC_CORRUPT, "A file of the spool is damaged at byte %llu.",
                         (unsigned long long)reader->at);
    *frame = (struct spool_frame){.kind = (enum spool_kind)kind, .body = body};
    reader->at += SPOOL_FRAME_HEAD - 1 + len;
    return RC_OK;
}
