/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Every event that the decoder gets while the spool takes events lies in the spool's own memory: the
 * dump may be read on while it is decoded. What the spool did not take stays where the dump has it, and
 * then the dump is not read on before the decoder asks for the next.
 */
#include "spool_feed_int.h"

static struct spool_feed *feed_of(struct binlog_feed *base)
{
    return (struct spool_feed *)base;
}

static enum rc read_back(struct spool_feed *feed, struct binlog_raw_event *event, struct error *err)
{
    struct slice bytes;
    enum rc rc = spool_read(feed->spool, &bytes, err);
    if (rc == RC_OK)
        *event = (struct binlog_raw_event){.bytes = bytes, .offset = BINLOG_OFFSET_UNKNOWN};
    if (rc == RC_EOF)
        return error_set(err, RC_CONNECT, "The connection to the source was lost here.");
    if (rc == RC_OK || rc == RC_AGAIN)
        return rc;
    feed->damaged = true;
    /* The place is read again from the source: to the decoder this is a lost connection. */
    char text[ERROR_TEXT_MAX];
    memcpy(text, err->text, sizeof(text));
    return error_set(err, RC_CONNECT, "%.900s", text);
}

static void give(struct slice bytes, struct binlog_raw_event *event)
{
    *event = (struct binlog_raw_event){.bytes = bytes, .offset = BINLOG_OFFSET_UNKNOWN};
}

static enum rc next(struct binlog_feed *base, struct binlog_raw_event *event, unsigned wait_ms,
                    struct error *err)
{
    struct spool_feed *feed = feed_of(base);
    for (;;) {
        if (spool_has_backlog(feed->spool)) {
            enum rc rc = read_back(feed, event, err);
            if (rc != RC_AGAIN)
                return rc;
            continue;
        }
        if (feed->dump == NULL)
            return error_set(err, RC_CONNECT, "There is no connection to the server.");
        struct slice bytes = feed->held;
        feed->held = SLICE_EMPTY;
        if (bytes.ptr == NULL) {
            struct binlog_raw_event raw;
            enum rc rc = feed->dump->ops->next(feed->dump, &raw, wait_ms, err);
            if (rc == RC_AGAIN)
                spool_flush(feed->spool);
            if (rc != RC_OK)
                return rc;
            bytes = raw.bytes;
        }
        if (spool_append(feed->spool, bytes) == RC_OK)
            continue;
        spool_leave_gap(feed->spool);
        give(bytes, event);
        return RC_OK;
    }
}

static void stats(const struct binlog_feed *base, uint64_t *bytes_read, uint64_t *bytes_copied,
                  uint64_t *last_received_us)
{
    const struct spool_feed *feed = (const struct spool_feed *)base;
    *bytes_read = *bytes_copied = *last_received_us = 0;
    if (feed->dump != NULL)
        feed->dump->ops->stats(feed->dump, bytes_read, bytes_copied, last_received_us);
}

static const struct binlog_feed_ops spool_feed_ops = {.next = next, .stats = stats};

void spool_feed_init(struct spool_feed *feed, struct spool *spool)
{
    *feed = (struct spool_feed){.base.ops = &spool_feed_ops, .spool = spool};
}

void spool_feed_attach(struct spool_feed *feed, struct binlog_feed *dump)
{
    ASSERT(feed->dump == NULL && feed->held.ptr == NULL);
    feed->dump = dump;
}

void spool_feed_detach(struct spool_feed *feed)
{
    feed->dump = NULL;
    feed->held = SLICE_EMPTY;
}

enum rc spool_feed_ahead(struct spool_feed *feed, unsigned wait_ms, struct error *err)
{
    uint64_t until_us = clock_monotonic_us() + (uint64_t)wait_ms * 1000;
    if (feed->dump == NULL || feed->held.ptr != NULL || !spool_is_open(feed->spool))
        return RC_AGAIN;
    for (uint64_t now_us = 0; now_us < until_us && feed->held.ptr == NULL;) {
        struct binlog_raw_event raw;
        now_us = clock_monotonic_us();
        unsigned left_ms = now_us < until_us ? (unsigned)((until_us - now_us + 999) / 1000) : 0;
        enum rc rc = feed->dump->ops->next(feed->dump, &raw, left_ms, err);
        if (rc == RC_AGAIN)
            break;
        if (rc != RC_OK)
            return rc;
        if (spool_append(feed->spool, raw.bytes) != RC_OK)
            feed->held = raw.bytes;
    }
    spool_sync(feed->spool);
    return RC_OK;
}
