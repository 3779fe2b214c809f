/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is known of each source table.
 */
#ifndef MILLRACE_PIPELINE_MEMBERS_INT_H
#define MILLRACE_PIPELINE_MEMBERS_INT_H

#include "world_int.h"

/* Reads the checkpoint's notes of tables. */
enum rc members_load(struct pipeline *pipeline, struct error *err) MUST_CHECK;
void members_deinit(struct members *members);
struct member *members_find(const struct pipeline *pipeline, struct slice db, struct slice name);
/* The member of a table, made when it is not there; it is then new, and queued for the snapshot where
 * the configuration says so. */
enum rc members_of(struct pipeline *pipeline, const struct table *table, struct member **member_out,
                   struct error *err) MUST_CHECK;
/* From here on a table that the checkpoint does not know is a new one. */
enum rc members_track(struct pipeline *pipeline, struct error *err) MUST_CHECK;
enum rc members_make(struct pipeline *pipeline, struct slice db, struct slice name,
                     struct member **member_out, struct error *err) MUST_CHECK;
void members_set_state(struct pipeline *pipeline, struct member *member, enum member_state state);
/* Its note, to be stored with the next position. */
enum rc members_note(struct pipeline *pipeline, struct member *member,
                     struct error *err) MUST_CHECK;
/* The member that a note "<prefix><db>.<table>" is of, whose value begins with a line that says how
 * long <db> is; `value` goes on behind it. NULL in `member_out`: the note is not to be understood. */
enum rc members_of_note(struct pipeline *pipeline, size_t prefix_len, struct slice key,
                        struct slice *value, struct member **member_out,
                        struct error *err) MUST_CHECK;
bool member_skips(const struct member *member, struct slice column);
void member_skip(struct member *member, struct slice column, bool skip);
bool member_keeps(const struct member *member, struct slice column);
void member_keep(struct member *member, struct slice column, bool keep);
/* Calls `visit` for each member that is not gone. */
typedef enum rc (*member_fn)(struct pipeline *pipeline, struct member *member, void *ctx,
                             struct error *err);
enum rc members_each(struct pipeline *pipeline, member_fn visit, void *ctx,
                     struct error *err) MUST_CHECK;

#endif
