/* SPDX-License-Identifier: Apache-2.0 */
#include "spool_state_int.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "crc32_int.h"
#include "event_int.h"
#include "position_order_int.h"

/* A file goes when all of it is settled: so many files fill the spool. */
#define SEGMENTS_IN_FULL 8u
#define SEGMENT_BYTES_MAX (UINT64_C(64) << 20)
#define SYNC_EVERY_US UINT64_C(1000000)
#define TELL_EVERY_US UINT64_C(60000000)

static enum rc tap_next(struct binlog_feed *base, struct binlog_raw_event *event,
                        unsigned wait_ms UNUSED, struct error *err UNUSED)
{
    struct tap *tap = (struct tap *)base;
    if (tap->event.ptr == NULL)
        return RC_AGAIN;
    *event = (struct binlog_raw_event){.bytes = tap->event, .offset = BINLOG_OFFSET_UNKNOWN};
    tap->event = SLICE_EMPTY;
    return RC_OK;
}

static void tap_stats(const struct binlog_feed *base UNUSED, uint64_t *bytes_read,
                      uint64_t *bytes_copied, uint64_t *last_received_us)
{
    *bytes_read = *bytes_copied = *last_received_us = 0;
}

const struct binlog_feed_ops spool_tap_ops = {.next = tap_next, .stats = tap_stats};

/* Statements are of no interest here; that they are watched keeps rows from being looked at. */
enum rc spool_pass_statement(void *ctx UNUSED, const struct binlog_statement *statement UNUSED,
                             struct error *err UNUSED)
{
    return RC_OK;
}

enum rc spool_follow(struct spool *spool, struct slice event, struct error *err)
{
    struct change change;
    spool->tap.event = event;
    enum rc rc;
    do
        rc = binlog_stream_next(spool->place, &change, 0, err);
    while (rc == RC_OK);
    return rc == RC_AGAIN ? RC_OK : rc;
}

void spool_keep_format(struct spool *spool, struct slice event)
{
    if (event.len < EVENT_HEADER_LEN || event.ptr[4] != EVENT_FORMAT_DESCRIPTION)
        return;
    buf_reset(&spool->format);
    buf_add_slice(&spool->format, event);
}

struct slice spool_repeat_format(struct spool *spool)
{
    struct event_format format;
    struct buf *out = &spool->repeated;
    buf_reset(out);
    buf_add_slice(out, buf_slice(&spool->format));
    if (out->len == 0 || event_format_parse(buf_slice(out), &format, NULL) != RC_OK)
        return SLICE_EMPTY;
    store_u32le(out->ptr + 13, 0);
    out->ptr[17] &= (uint8_t)~EVENT_FLAG_IN_USE;
    size_t covered = out->len - EVENT_CRC_LEN;
    if (format.has_crc)
        store_u32le(out->ptr + covered, crc32_add(0, slice_of(out->ptr, covered)));
    return buf_slice(out);
}

/* Segments. */

struct spool_segment *spool_segment_new(uint64_t number)
{
    struct spool_segment *segment = calloc(1, sizeof(*segment));
    if (segment == NULL)
        return NULL;
    segment->number = number;
    position_init(&segment->begin);
    return segment;
}

void spool_segment_free(struct spool_segment *segment)
{
    if (segment != NULL)
        position_deinit(&segment->begin);
    free(segment);
}

void spool_link_segment(struct spool *spool, struct spool_segment *segment)
{
    if (spool->last == NULL)
        spool->first = segment;
    else
        spool->last->next = segment;
    spool->last = segment;
    spool->bytes += segment->bytes;
    spool->number = segment->number;
}

void spool_remove_file(int dir_fd, uint64_t number)
{
    char name[SPOOL_NAME_MAX];
    spool_segment_name(name, number);
    if (unlinkat(dir_fd, name, 0) != 0 && errno != ENOENT)
        log_warn("source.spool", "A file of the spool cannot be removed.", LOG_STR("file", name));
}

void spool_drop_first(struct spool *spool)
{
    struct spool_segment *segment = spool->first;
    spool->first = segment->next;
    if (spool->first == NULL)
        spool->last = NULL;
    spool->bytes -= segment->bytes;
    spool_remove_file(spool->dir_fd, segment->number);
    spool_segment_free(segment);
}

void spool_clear(struct spool *spool)
{
    record_writer_close(&spool->writer);
    record_reader_close(&spool->reader);
    while (spool->first != NULL)
        spool_drop_first(spool);
    spool->reading = NULL;
    spool->open = false;
    spool->gap = false;
    buf_reset(&spool->prelude);
}

/* Told at most once a minute: a spool that is too small for what is on its way comes here often. */
static void close_writing(struct spool *spool, const char *why)
{
    uint64_t now_us = clock_monotonic_us();
    spool->open = false;
    spool->gap = true;
    if (spool->told_us != 0 && now_us - spool->told_us < TELL_EVERY_US)
        return;
    spool->told_us = now_us;
    log_warn(
        "source.spool",
        "The spool takes no more; until the target has caught up, what is read is not kept, and "
        "the source must keep it. Raise spool.max-size, or give its disk more room.",
        LOG_STR("reason", why), LOG_U64("bytes", spool->bytes),
        LOG_U64("bytes_max", spool->options.bytes_max));
}

void spool_leave_gap(struct spool *spool)
{
    if (spool->open)
        close_writing(spool, "It is full.");
}

/* A new segment that begins at `at`, open for writing. What waits for the one before it has to stay
 * where a reader finds it, if it cannot be written. */
static enum rc begin_segment(struct spool *spool, const struct position *at, bool new_run,
                             struct error *err)
{
    enum rc rc = record_writer_flush(&spool->writer, err);
    if (rc != RC_OK)
        return rc;
    struct spool_segment *segment = spool_segment_new(spool->number + 1);
    if (segment == NULL)
        return error_set(err, RC_MEMORY, "There is no memory for the spool.");
    record_writer_close(&spool->writer);
    segment->new_run = new_run;
    rc = position_copy(&segment->begin, at, err);
    segment->begin.rows_done = 0; /* rows are not looked at, so none of them can be passed over */
    segment->begin.targets_done = 0;
    if (rc == RC_OK)
        rc = spool_segment_begin(&spool->writer, spool->dir_fd, segment, err);
    if (rc == RC_OK)
        spool_link_segment(spool, segment);
    else
        spool_segment_free(segment);
    return rc;
}

/* Puts the repeated format at the head of a segment that goes on with a connection: whoever begins to
 * read there needs it. */
static enum rc append_format(struct spool *spool, struct error *err)
{
    struct slice format = spool_repeat_format(spool);
    if (format.len == 0)
        return RC_OK;
    enum rc rc = record_writer_append(&spool->writer, SPOOL_EVENT, format, err);
    if (rc != RC_OK)
        return rc;
    spool->last->bytes += record_bytes(format);
    spool->bytes += record_bytes(format);
    return spool_follow(spool, format, err);
}

static enum rc read_from_last(struct spool *spool, struct error *err)
{
    spool->reading = spool->last;
    return spool_segment_open(&spool->reader, spool->dir_fd, spool->last->number,
                              spool->last->head_bytes, err);
}

void spool_begin(struct spool *spool, const struct position *at, bool new_run, bool border)
{
    struct error err = {0};
    if (spool->gap && spool->first != NULL)
        return;
    if (!border && spool->first != NULL && spool->reading == NULL)
        spool_clear(spool);
    spool->gap = false;
    enum rc rc = begin_segment(spool, at, new_run, &err);
    if (rc == RC_OK)
        rc = binlog_stream_seek(spool->place, &spool->tap.base, &spool->last->begin, &err);
    if (rc == RC_OK && !new_run)
        rc = append_format(spool, &err);
    if (rc == RC_OK && !border)
        rc = read_from_last(spool, &err);
    spool->open = rc == RC_OK;
    if (rc != RC_OK && !border)
        spool_clear(spool);
    if (rc != RC_OK)
        close_writing(spool, err.text);
}

/* Between two transactions a full segment is ended: what the place says is where the next begins. */
static enum rc roll(struct spool *spool, struct error *err)
{
    uint64_t segment_max = spool->options.bytes_max / SEGMENTS_IN_FULL;
    if (segment_max > SEGMENT_BYTES_MAX)
        segment_max = SEGMENT_BYTES_MAX;
    if (spool->last->bytes < segment_max || !binlog_stream_is_between(spool->place))
        return RC_OK;
    enum rc rc = binlog_stream_position(spool->place, &spool->end, err);
    if (rc == RC_OK)
        rc = begin_segment(spool, &spool->end, false, err);
    return rc == RC_OK ? append_format(spool, err) : rc;
}

enum rc spool_append(struct spool *spool, struct slice event)
{
    struct error err = {0};
    spool_keep_format(spool, event);
    if (!spool->open || spool->bytes + record_bytes(event) > spool->options.bytes_max)
        return RC_FULL;
    enum rc rc = roll(spool, &err);
    if (rc == RC_OK)
        rc = record_writer_append(&spool->writer, SPOOL_EVENT, event, &err);
    if (rc != RC_OK) {
        close_writing(spool, err.text);
        return RC_FULL;
    }
    spool->last->bytes += record_bytes(event);
    spool->bytes += record_bytes(event);
    /* What cannot be followed cannot be decoded either: the decoder, which gets it, says so. */
    if (spool_follow(spool, event, &err) != RC_OK)
        close_writing(spool, err.text);
    return RC_OK;
}

bool spool_is_open(const struct spool *spool)
{
    return spool->open;
}

bool spool_is_out(const struct spool *spool)
{
    return !spool->open && spool->first == NULL;
}

void spool_flush(struct spool *spool)
{
    struct error err = {0};
    if (spool->open && record_writer_flush(&spool->writer, &err) != RC_OK)
        close_writing(spool, err.text);
}

/* Every segment that is not on the disk yet, and their names. */
static enum rc sync_all(struct spool *spool, struct error *err)
{
    for (struct spool_segment *segment = spool->first; segment != NULL; segment = segment->next) {
        enum rc rc =
            segment->synced ? RC_OK : spool_segment_sync(spool->dir_fd, segment->number, err);
        if (rc != RC_OK)
            return rc;
        segment->synced = segment != spool->last;
    }
    if (fsync(spool->dir_fd) != 0)
        return error_set_os(err, RC_IO, errno, "The folder of the spool cannot be synced");
    return RC_OK;
}

void spool_sync(struct spool *spool)
{
    struct error err = {0};
    uint64_t now_us = clock_monotonic_us();
    spool_flush(spool);
    if (!spool->open || now_us - spool->synced_us < SYNC_EVERY_US)
        return;
    if (sync_all(spool, &err) != RC_OK)
        close_writing(spool, err.text);
    spool->synced_us = clock_monotonic_us();
}

/* Reading. */

bool spool_has_backlog(const struct spool *spool)
{
    const struct spool_segment *reading = spool->reading;
    return reading != NULL && (spool->reader.at < reading->bytes || reading->next != NULL);
}

const struct position *spool_border(const struct spool *spool)
{
    const struct spool_segment *reading = spool->reading;
    bool border = reading != NULL && spool->reader.at == reading->bytes && reading->next != NULL &&
                  reading->next->new_run;
    return border ? &reading->next->begin : NULL;
}

static enum rc read_on_in_next(struct spool *spool, struct error *err)
{
    spool->reading = spool->reading->next;
    return spool_segment_open(&spool->reader, spool->dir_fd, spool->reading->number,
                              spool->reading->head_bytes, err);
}

void spool_cross(struct spool *spool)
{
    ASSERT(spool_border(spool) != NULL);
    spool->reading->next->new_run = false;
}

enum rc spool_read(struct spool *spool, struct slice *event, struct error *err)
{
    ASSERT(spool_has_backlog(spool));
    if (spool->prelude.len > 0) {
        *event = buf_slice(&spool->prelude);
        spool->prelude.len = 0; /* its bytes stay for the decoder */
        return RC_OK;
    }
    while (spool_has_backlog(spool)) {
        if (spool_border(spool) != NULL)
            return RC_EOF;
        enum rc rc = RC_OK;
        if (spool->reader.at == spool->reading->bytes)
            rc = read_on_in_next(spool, err);
        struct record record;
        bool newest = spool->reading == spool->last && spool->writer.fd >= 0;
        if (rc == RC_OK)
            rc = record_reader_next(&spool->reader, spool->reading->bytes,
                                    newest ? &spool->writer : NULL, &record, err);
        if (rc == RC_EOF)
            continue;
        if (rc == RC_OK)
            *event = record.body;
        return rc;
    }
    return RC_AGAIN;
}

const struct position *spool_end(struct spool *spool)
{
    if (spool->first == NULL || binlog_stream_position(spool->place, &spool->end, NULL) != RC_OK)
        return NULL;
    return &spool->end;
}

bool spool_goes_on(const struct spool *spool)
{
    return spool->first != NULL && !spool->gap;
}

void spool_settle(struct spool *spool, const struct position *durable)
{
    while (spool->first != NULL && spool->first != spool->reading && spool->first->next != NULL &&
           position_reached(durable, &spool->first->next->begin))
        spool_drop_first(spool);
    if (!spool->gap || spool->first == NULL || spool_has_backlog(spool))
        return;
    const struct position *end = spool_end(spool);
    if (end != NULL && position_reached(durable, end))
        spool_clear(spool);
}

uint64_t spool_bytes(const struct spool *spool)
{
    return spool->bytes;
}
