/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where transactions begin and end (facts/binlog.md part 4; the states are drawn in
 * stream_state_int.h).
 */
#include "stream_state_int.h"

static bool is_skipped(const struct binlog_stream *stream, const struct gtid *gtid)
{
    if (stream->start_gtids != NULL && gtid->family != GTID_NONE &&
        gtid_set_contains(stream->start_gtids, gtid))
        return true;
    return stream->include_gtids != NULL &&
           (gtid->family == GTID_NONE || !gtid_set_contains(stream->include_gtids, gtid));
}

/* Clocks of two servers: what came before it was made took no time. */
static uint64_t under_way_us(const struct event_gtid *gtid)
{
    bool known = gtid->origin_time_us != 0 && gtid->commit_time_us > gtid->origin_time_us;
    return known ? gtid->commit_time_us - gtid->origin_time_us : 0;
}

enum rc stream_group_open(struct binlog_stream *stream, const struct event_gtid *gtid,
                          struct error *err)
{
    if (stream->group.open)
        return RC_OK;
    static const struct event_gtid anonymous = {0};
    const struct event *event = &stream->event;
    const struct event_gtid *head = gtid == NULL ? &anonymous : gtid;
    stream->group = (struct stream_group){.open = true,
                                          .gtid = head->gtid,
                                          .begun = head->implicit_begin,
                                          .xa = head->xa_prepare,
                                          .is_void = head->alter_not_done,
                                          .skipped = is_skipped(stream, &head->gtid),
                                          .under_way_us = under_way_us(head),
                                          .pass = stream->pass_rows};
    stream->pass_rows = 0;
    stream_xa_drop_held(stream);
    buf_reset(&stream->held_names);
    buf_reset(&stream->savepoints);
    memcpy(stream->txn_file, stream->file, sizeof(stream->txn_file));
    buf_reset(&stream->txn_gtid);
    gtid_text(&head->gtid, &stream->txn_gtid);
    stream->txn = (struct txn){
        .gtid = buf_slice(&stream->txn_gtid),
        .file = slice_str(stream->txn_file),
        .offset = event->offset,
        .commit_time_us = head->commit_time_us != 0 ? head->commit_time_us
                                                    : (uint64_t)event->header.timestamp * 1000000,
        .server_id = event->header.server_id,
        .generation = stream->generation,
    };
    return buf_check(&stream->txn_gtid, "The text of a GTID", err);
}

enum rc stream_group_gtid(struct binlog_stream *stream, struct error *err)
{
    struct stream_group *group = &stream->group;
    if (group->open && (group->implicit || !group->begun)) {
        /* A group that has no commit of its own (facts/binlog.md 2.1, VIEW_CHANGE). */
        group->ended = true;
        stream->event_pending = true;
        return RC_OK;
    }
    if (group->open)
        return error_set(err, RC_CORRUPT,
                         "A transaction begins inside another one, which began at %s:%llu.",
                         stream->txn_file, (unsigned long long)stream->txn.offset);
    struct event_gtid gtid;
    enum rc rc = event_gtid_parse(&stream->event, &gtid, err);
    return rc != RC_OK ? rc : stream_group_open(stream, &gtid, err);
}

enum rc stream_group_close(struct binlog_stream *stream, struct change *change, struct error *err)
{
    struct stream_group *group = &stream->group;
    ASSERT(group->open && group->ended);
    if (group->gtid.family != GTID_NONE) {
        enum rc rc = gtid_set_add(stream->executed, &group->gtid, err);
        if (rc != RC_OK)
            return rc;
    }
    if (group->pass > group->ordinal && !group->skipped)
        return error_set(err, RC_MISMATCH,
                         "The transaction that began at %s:%llu has %llu rows, but the checkpoint "
                         "says that %llu of them are done: the stream is another than before.",
                         stream->txn_file, (unsigned long long)stream->txn.offset,
                         (unsigned long long)group->ordinal, (unsigned long long)group->pass);
    stream->schema.taken = 0;
    stream->schema.steps = 0;
    stream->last_commit_us = stream->txn.commit_time_us;
    stream->last_under_way_us = group->under_way_us;
    stream->txns_read++;
    if (group->told) {
        change->kind = CHANGE_COMMIT;
        change->txn = &stream->txn;
        stream->moved = false;
        stream->quiet_txns = 0;
    } else {
        stream->moved = true;
        stream->quiet_txns++;
    }
    group->open = false;
    group->ended = false;
    return RC_OK;
}

enum rc stream_group_drop(struct binlog_stream *stream, struct error *err)
{
    struct stream_group *group = &stream->group;
    fragments_drop(&stream->fragments);
    if (!group->open)
        return RC_OK;
    if (group->told)
        return error_set(err, RC_CORRUPT,
                         "The transaction that began at %s:%llu has no end: the server stopped "
                         "while it wrote it, and rows of it were given out already.",
                         stream->txn_file, (unsigned long long)stream->txn.offset);
    stream_xa_drop_held(stream);
    stream->pass_rows = group->pass;
    *group = (struct stream_group){0};
    return RC_OK;
}

/*
 * What was executed before this file begins. It seeds the set only where none was given: a set that
 * the checkpoint brought is exact already, and a set that began inside a file is exact only from
 * here on.
 */
enum rc stream_group_seed(struct binlog_stream *stream, struct error *err)
{
    if (stream->executed_known || event_is_fake(&stream->event.header))
        return RC_OK;
    enum rc rc = stream->event.header.type == EVENT_PREVIOUS_GTIDS
                     ? gtid_set_decode(stream->executed, stream->event.body, err)
                     : event_gtid_list_parse(stream->event.body, stream->executed, err);
    stream->executed_known = rc == RC_OK;
    return rc;
}
