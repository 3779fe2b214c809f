/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The server source with a spool. The stream's feed is then the spool's for good, and a dump is put
 * behind it and taken away.
 *
 *   next         decoder <- spool <- dump      every event passes through the spool
 *   read_ahead              spool <- dump      while the pipeline waits for the target
 *
 * Reading ahead has a life of its own: it makes a lost connection again from where the spool ends,
 * while the decoder stands somewhere before that, perhaps in the middle of a row, and must not be
 * touched. The border between the two runs is crossed when the decoder comes by.
 */
#include "server_spool_int.h"

#include <stdio.h>

#define SPOOL_DIR_MAX 4096

enum rc server_spool_open(struct server_source *source, const char *state_dir, struct error *err)
{
    char dir[SPOOL_DIR_MAX];
    if (state_dir == NULL)
        return RC_OK;
    int len = snprintf(dir, sizeof(dir), "%s/spool", state_dir);
    if (len < 0 || (size_t)len >= sizeof(dir))
        return error_set(err, RC_CONFIG, "The name of the checkpoint's folder is too long.");
    if (source->config->spool_bytes_max == 0) {
        spool_remove(dir);
        return RC_OK;
    }
    struct spool_options options = {.dir = dir,
                                    .bytes_max = source->config->spool_bytes_max,
                                    .server = source->identity.server};
    enum rc rc = spool_open(&options, &source->spool, err);
    if (rc == RC_OK)
        spool_feed_init(&source->spool_feed, source->spool);
    return rc;
}

void server_spool_close(struct server_source *source)
{
    spool_close(source->spool);
    source->spool = NULL;
}

enum rc server_spool_resume(struct server_source *source, const struct position *from,
                            bool *found_out, struct error *err)
{
    *found_out = false;
    if (source->spool == NULL)
        return RC_OK;
    static const struct position nowhere = {0};
    *found_out = spool_resume(source->spool, from == NULL ? &nowhere : from);
    if (!*found_out)
        return RC_OK;
    return binlog_stream_seek(source->stream, &source->spool_feed.base, from, err);
}

bool server_spool_has_backlog(const struct server_source *source)
{
    return source->spool != NULL && spool_has_backlog(source->spool);
}

void server_spool_look(struct server_source *source)
{
    if (source->spool == NULL || source->feed == NULL || !spool_is_out(source->spool) ||
        !binlog_stream_is_between(source->stream))
        return;
    struct position here;
    position_init(&here);
    if (binlog_stream_position(source->stream, &here, NULL) == RC_OK)
        spool_begin(source->spool, &here, false, false);
    position_deinit(&here);
}

/* The decoder goes on behind the border where it stands itself. Should the next run begin elsewhere,
 * it is of no use. */
static bool cross(struct server_source *source, const struct position *border)
{
    struct error err = {0};
    struct position *here = &source->resume;
    if (binlog_stream_resume_position(source->stream, here, &err) != RC_OK ||
        here->offset != border->offset || strcmp(here->file, border->file) != 0 ||
        binlog_stream_seek(source->stream, &source->spool_feed.base, here, &err) != RC_OK)
        return false;
    spool_cross(source->spool);
    return true;
}

bool server_spool_goes_on(struct server_source *source, const struct error *err)
{
    if (source->spool == NULL || err->class != ERROR_RETRY || atomic_load(&source->stopping))
        return false;
    const struct position *border = spool_border(source->spool);
    if (border != NULL && !source->spool_feed.damaged && cross(source, border))
        return true;
    bool of_no_use = border != NULL || source->spool_feed.damaged;
    if (!of_no_use)
        return source->feed == NULL; /* the spool is read to its end: now the source */
    log_warn("source.spool", "The spool cannot be read on; the source is asked again.",
             LOG_STR("reason", err->text));
    server_link_end_dump(source);
    spool_clear(source->spool);
    source->spool_feed.damaged = false;
    return true;
}

/* A connection whose events follow what is in the spool. */
static enum rc connect_ahead(struct server_source *source, struct error *err)
{
    const struct position *end = spool_end(source->spool);
    ASSERT(end != NULL);
    struct position at;
    position_init(&at);
    enum rc rc = position_copy(&at, end, err);
    if (rc == RC_OK)
        rc = server_link_reconnect(source, &at, true, err);
    position_deinit(&at);
    return rc;
}

/* The connection was lost, or could not be made, while reading ahead. What no time mends is told when
 * the decoder comes to it, which asks again. */
static void rest_ahead(struct server_source *source, const struct error *err)
{
    server_link_end_dump(source);
    source->ahead_is_over = err->class != ERROR_RETRY;
    unsigned pause_ms = server_link_retry_later(source);
    log_warn("source.spool",
             source->ahead_is_over
                 ? "The source gives no more to the spool."
                 : "The connection to the source was lost while reading into the spool; it is made "
                   "again.",
             LOG_STR("reason", err->text), LOG_U64("pause_ms", pause_ms));
}

bool server_spool_read_ahead(struct source *base, unsigned wait_ms)
{
    struct server_source *source = (struct server_source *)base;
    struct error err = {0};
    if (source->spool == NULL || !source->started || atomic_load(&source->stopping))
        return false;
    enum rc rc = RC_OK;
    if (source->feed == NULL) {
        if (source->ahead_is_over || !spool_goes_on(source->spool) ||
            clock_monotonic_us() < source->retry_at_us)
            return false;
        rc = connect_ahead(source, &err);
    }
    if (rc == RC_OK)
        rc = spool_feed_ahead(&source->spool_feed, wait_ms, &err);
    if (rc == RC_OK)
        source->failures = 0;
    if (rc == RC_OK || rc == RC_AGAIN || rc == RC_CANCELLED)
        return rc == RC_OK;
    rest_ahead(source, &err);
    return false;
}

void server_spool_settled(struct server_source *source, const struct position *durable)
{
    if (source->spool != NULL)
        spool_settle(source->spool, durable);
}
