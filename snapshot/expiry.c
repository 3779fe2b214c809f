/* SPDX-License-Identifier: Apache-2.0 */
/*
 * See expiry_int.h. A file's age counts from its last write, and commits in it are older than that:
 * what is told to be left is a lower bound.
 */
#include "expiry_int.h"

#define LOOK_EVERY_US (5ull * 1000000)
#define TELL_EVERY_US (600ull * 1000000)

enum { TELL_PARTS = 8 }; /* of a short life, each is told */

static uint64_t lag_of(uint64_t commit_us, uint64_t now_us)
{
    return now_us > commit_us ? (now_us - commit_us) / 1000000 : 0;
}

bool expiry_is_to_be_looked_at(struct expiry *expiry, uint64_t after_s, uint64_t commit_us,
                               uint64_t now_us)
{
    if (after_s == 0 || commit_us == 0 || lag_of(commit_us, now_us) < after_s / 2)
        return false;
    if (expiry->looked_us != 0 && now_us - expiry->looked_us < LOOK_EVERY_US)
        return false;
    expiry->looked_us = now_us;
    return true;
}

void expiry_tell(struct expiry *expiry, uint64_t after_s, const char *file, const char *newest_file,
                 uint64_t commit_us, uint64_t now_us)
{
    uint64_t part_us = after_s * 1000000 / TELL_PARTS;
    uint64_t every_us = part_us < TELL_EVERY_US ? part_us : TELL_EVERY_US;
    if (strcmp(file, newest_file) == 0 ||
        (expiry->told_us != 0 && now_us - expiry->told_us < every_us))
        return;
    expiry->told_us = now_us;
    uint64_t lag_s = lag_of(commit_us, now_us);
    log_warn("snapshot",
             "The stream is far behind while tables are read, and the server deletes binlog files "
             "by their age: if the pipeline stops, it may not find its place again. Raise "
             "binlog_expire_logs_seconds (expire_logs_days) for as long as the snapshot takes, or "
             "make the target take more rows.",
             LOG_STR("file", file), LOG_STR("newest_file", newest_file), LOG_U64("behind_s", lag_s),
             LOG_U64("deleted_after_s", after_s),
             LOG_U64("left_s", lag_s < after_s ? after_s - lag_s : 0));
}
