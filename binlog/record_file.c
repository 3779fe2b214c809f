/* SPDX-License-Identifier: Apache-2.0 */
#include "record_file_int.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/uio.h>
#include <unistd.h>

#include <xxhash.h>

/* So much is written, and read, at once. */
#define BLOCK_BYTES ((size_t)1 << 20)

static uint64_t checksum(uint64_t seed, uint8_t kind, struct slice body)
{
    return XXH3_64bits_withSeed(body.ptr, body.len, seed * 256 + kind);
}

/* Writing. */

void record_writer_init(struct record_writer *writer, const struct record_style *style)
{
    ASSERT(strlen(style->magic) == RECORD_MAGIC_LEN);
    *writer = (struct record_writer){.style = style, .fd = -1};
    buf_init(&writer->tail, BLOCK_BYTES);
}

void record_writer_deinit(struct record_writer *writer)
{
    record_writer_close(writer);
    buf_deinit(&writer->tail);
}

void record_writer_close(struct record_writer *writer)
{
    if (writer->fd >= 0)
        close(writer->fd);
    writer->fd = -1;
    buf_reset(&writer->tail);
}

/* Both parts behind what the file holds. What a failed write has left is cut off again; where that
 * fails too, the next record's checksum tells. */
static enum rc write_parts(struct record_writer *writer, struct slice first, struct slice second,
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
                log_debug("binlog.record_file", "A file that could not be written is not cut.");
            return error_set_os(err, RC_IO, code, "%s cannot be written", writer->style->what);
        }
        done += (size_t)len;
    }
    writer->written += total;
    return RC_OK;
}

enum rc record_writer_flush(struct record_writer *writer, struct error *err)
{
    if (writer->tail.len == 0)
        return RC_OK;
    if (writer->failed)
        return error_set(err, RC_IO, "%s could not be written before.", writer->style->what);
    enum rc rc = write_parts(writer, buf_slice(&writer->tail), SLICE(""), err);
    if (rc == RC_OK)
        buf_reset(&writer->tail);
    return rc;
}

enum rc record_file_sync(const struct record_style *style, int dir_fd, const char *name,
                         struct error *err)
{
    int fd = openat(dir_fd, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    int code = fd < 0 || fdatasync(fd) != 0 ? errno : 0;
    if (fd >= 0)
        close(fd);
    return code == 0 ? RC_OK : error_set_os(err, RC_IO, code, "%s cannot be synced", style->what);
}

enum rc record_writer_begin(struct record_writer *writer, int dir_fd, const char *name,
                            uint64_t seed, struct error *err)
{
    ASSERT(writer->fd < 0 && writer->tail.len == 0);
    writer->fd = openat(dir_fd, name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (writer->fd < 0)
        return error_set_os(err, RC_IO, errno, "%s: a file cannot be made", writer->style->what);
    writer->seed = seed;
    writer->written = 0;
    writer->failed = false;
    buf_add(&writer->tail, writer->style->magic, RECORD_MAGIC_LEN);
    return buf_check(&writer->tail, writer->style->what, err);
}

enum rc record_writer_append(struct record_writer *writer, uint8_t kind, struct slice body,
                             struct error *err)
{
    ASSERT(body.len < writer->style->body_max);
    uint8_t head[RECORD_HEAD];
    store_u32le(head, (uint32_t)body.len + 1);
    store_u64le(head + 4, checksum(writer->seed, kind, body));
    head[12] = kind;
    bool large = body.len > BLOCK_BYTES / 2; /* not copied, so that what waits goes before it */
    if (large || writer->tail.len + sizeof(head) + body.len > BLOCK_BYTES) {
        enum rc rc = record_writer_flush(writer, err);
        if (rc != RC_OK)
            return rc;
    }
    if (writer->failed)
        return error_set(err, RC_IO, "%s could not be written before.", writer->style->what);
    if (large)
        return write_parts(writer, slice_of(head, sizeof(head)), body, err);
    buf_add(&writer->tail, head, sizeof(head));
    buf_add_slice(&writer->tail, body);
    ASSERT(writer->tail.rc != RC_LIMIT);
    return buf_check(&writer->tail, writer->style->what, err);
}

/* Reading. */

void record_reader_init(struct record_reader *reader, const struct record_style *style)
{
    *reader = (struct record_reader){.style = style, .fd = -1};
    buf_init(&reader->bytes, style->body_max + BLOCK_BYTES);
}

void record_reader_deinit(struct record_reader *reader)
{
    record_reader_close(reader);
    buf_deinit(&reader->bytes);
}

void record_reader_close(struct record_reader *reader)
{
    if (reader->fd >= 0)
        close(reader->fd);
    reader->fd = -1;
}

enum rc record_reader_open(struct record_reader *reader, int dir_fd, const char *name,
                           uint64_t seed, uint64_t at, struct error *err)
{
    record_reader_close(reader);
    reader->fd = openat(dir_fd, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (reader->fd < 0)
        return error_set_os(err, RC_IO, errno, "%s: the file %s cannot be opened",
                            reader->style->what, name);
    reader->seed = seed;
    reader->at = at;
    buf_reset(&reader->bytes);
    reader->bytes_at = at;
    if (at > 0)
        return RC_OK;
    uint8_t magic[RECORD_MAGIC_LEN];
    if (pread(reader->fd, magic, sizeof(magic), 0) != (ssize_t)sizeof(magic) ||
        memcmp(magic, reader->style->magic, sizeof(magic)) != 0)
        return error_set(err, RC_CORRUPT, "%s: the file %s is none of it.", reader->style->what,
                         name);
    reader->at = reader->bytes_at = RECORD_MAGIC_LEN;
    return RC_OK;
}

static enum rc read_file(struct record_reader *reader, size_t len, struct error *err)
{
    while (len > 0) {
        ssize_t got = pread(reader->fd, reader->bytes.ptr + reader->bytes.len, len,
                            (off_t)(reader->bytes_at + reader->bytes.len));
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return error_set_os(err, RC_IO, errno, "%s cannot be read", reader->style->what);
        if (got == 0)
            return error_set(err, RC_CORRUPT, "%s: a file is shorter than it was.",
                             reader->style->what);
        reader->bytes.len += (size_t)got;
        len -= (size_t)got;
    }
    return RC_OK;
}

/* `len` bytes from `at` on are in `bytes`: from the file, and what it does not hold yet from the
 * writer. */
static enum rc have(struct record_reader *reader, size_t len, uint64_t end,
                    const struct record_writer *writer, struct error *err)
{
    uint64_t have_end = reader->bytes_at + reader->bytes.len;
    if (reader->at >= reader->bytes_at && reader->at + len <= have_end)
        return RC_OK;
    uint64_t left = end - reader->at;
    if (len > left)
        return error_set(err, RC_CORRUPT, "%s: a file ends in the middle.", reader->style->what);
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
        return buf_check(&reader->bytes, reader->style->what, err);
    enum rc rc = read_file(reader, in_file, err);
    if (rc == RC_OK && in_file < want) {
        size_t from = (size_t)(reader->at + in_file - written);
        ASSERT(writer != NULL && from + (want - in_file) <= writer->tail.len);
        buf_add(&reader->bytes, writer->tail.ptr + from, want - in_file);
    }
    return rc;
}

static enum rc damaged(const struct record_reader *reader, struct error *err)
{
    return error_set(err, RC_CORRUPT, "%s: a file is damaged at byte %llu.", reader->style->what,
                     (unsigned long long)reader->at);
}

enum rc record_reader_next(struct record_reader *reader, uint64_t end,
                           const struct record_writer *writer, struct record *record,
                           struct error *err)
{
    ASSERT(reader->fd >= 0 && reader->at <= end);
    if (reader->at == end)
        return RC_EOF;
    enum rc rc = have(reader, RECORD_HEAD, end, writer, err);
    if (rc != RC_OK)
        return rc;
    const uint8_t *head = reader->bytes.ptr + (reader->at - reader->bytes_at);
    size_t len = load_u32le(head);
    uint8_t kind = head[12];
    if (len == 0 || len > reader->style->body_max || kind == 0 || kind > reader->style->kind_max)
        return damaged(reader, err);
    rc = have(reader, RECORD_HEAD - 1 + len, end, writer, err);
    if (rc != RC_OK)
        return rc;
    head = reader->bytes.ptr + (reader->at - reader->bytes_at);
    struct slice body = slice_of(head + RECORD_HEAD, len - 1);
    if (checksum(reader->seed, kind, body) != load_u64le(head + 4))
        return damaged(reader, err);
    *record = (struct record){.kind = kind, .body = body};
    reader->at += RECORD_HEAD - 1 + len;
    return RC_OK;
}
