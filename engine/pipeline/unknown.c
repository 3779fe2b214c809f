/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tables of which the stream no longer tells what rows they have (CHANGE_UNKNOWN): a statement changed
 * them that is in the binlog as text, a transaction was rolled back behind its rows, an XA transaction's
 * rows could not be held until its XA COMMIT, or were written before the stream began, or the columns of a
 * table are not known where its rows stand. Such a table is
 * marked, which survives a crash, and by `unknown.rows.behavior` it is read again:
 *
 *   marked   the target may differ from the table, and nothing is being done about it yet
 *   reading  the table is read again, from behind what made it so; the target is still as it was
 *   left     it was read again without its target being made anew: what the table has is there, but rows
 *            that were deleted may still be
 *
 *   none --CHANGE_UNKNOWN--> marked --it is read again--> reading --complete--> none
 *     reading, left --CHANGE_UNKNOWN--> marked: what is being read may be from before
 *
 * A table is not begun again while it is being read, so that a source which writes such statements all
 * day has its table read over and over, and each reading ends.
 *
 * The note "pipeline/unknown/<db>.<table>" (table_note.h) says since where, when and by which statement. It
 * is given to the store with the position behind the statement, or earlier, and is forgotten behind the last
 * step of the reading. A start that finds a complete reading forgets it then.
 *
 * The marking happens inside a transaction; the reading (reread.c) begins at a border, when the statement
 * has been committed.
 */
#include "unknown_int.h"

#include "../base/clock.h"
#include "../base/log.h"
#include "members_int.h"
#include "notes_int.h"

enum { NOTE_MAX = 8192, STATEMENT_KEPT = 300 };

static const char UNKNOWN[] = TABLE_NOTE_UNKNOWN_KEY;

static enum unknown_behavior behavior_of(const struct pipeline *pipeline)
{
    return (enum unknown_behavior)pipeline->parts.config->unknown_rows_behavior;
}

static void set_state(struct pipeline *pipeline, struct member *member, enum unknown_state state)
{
    struct members *members = &pipeline->members;
    members->unknown -= member->unknown != UNKNOWN_NONE ? 1u : 0u;
    members->unknown += state != UNKNOWN_NONE ? 1u : 0u;
    members->marked_unknown -= member->unknown == UNKNOWN_MARKED ? 1u : 0u;
    members->marked_unknown += state == UNKNOWN_MARKED ? 1u : 0u;
    member->unknown = state;
}

static enum rc note(struct pipeline *pipeline, struct member *member, struct error *err)
{
    pipeline->moved_us = 0; /* it is stored soon, where no epoch brings it there */
    if (member->unknown == UNKNOWN_NONE)
        return notes_add_table(pipeline, UNKNOWN, member->db, member->name, SLICE_EMPTY, err);
    struct buf value;
    buf_init(&value, NOTE_MAX);
    table_note_add_names(&value, member->db);
    table_note_add_unknown(&value, member->unknown);
    buf_add_slice(&value, buf_slice(&member->unknown_since));
    enum rc rc = buf_check(&value, "what is unknown of a table", err);
    if (rc == RC_OK)
        rc = notes_add_table(pipeline, UNKNOWN, member->db, member->name, buf_slice(&value), err);
    buf_deinit(&value);
    return rc;
}

static void add_place(struct buf *out, const struct change *change)
{
    const struct txn *txn = change->txn;
    if (txn->gtid.len > 0)
        buf_addf(out, "%.*s at ", SLICE_ARG(txn->gtid));
    buf_addf(out, "%.*s:%llu", SLICE_ARG(txn->file), (unsigned long long)change->event_offset);
}

/* A statement's text is one line of the note, and no half of a character. */
static void add_statement(struct buf *out, struct slice statement)
{
    size_t len = statement.len < STATEMENT_KEPT ? statement.len : STATEMENT_KEPT;
    while (len > 0 && len < statement.len && (statement.ptr[len] & 0xc0) == 0x80)
        len--;
    for (size_t i = 0; i < len; i++)
        buf_add_byte(out, statement.ptr[i] < ' ' ? ' ' : statement.ptr[i]);
}

/* What came of it, by its statement: the decoder gives an XA COMMIT and a ROLLBACK for these alone. */
static const char *told_of(const struct change *change)
{
    if (change->columns_unknown)
        return "Rows of a captured table are in the binlog without the names of their columns, and "
               "which columns the table had at that place is not known: which rows the table has "
               "is not known any more.";
    if (slice_starts_nocase(change->ddl, SLICE("rollback")))
        return "A transaction was rolled back behind its rows in the binlog, as happens when it "
               "mixes tables with and without transactions: which of its rows the table has is "
               "not known any more.";
    if (change->from_before)
        return "An XA transaction is committed that was prepared before reading began: its rows "
               "lie "
               "before that, and which rows the table has is not known any more.";
    if (slice_starts_nocase(change->ddl, SLICE("xa commit")))
        return "An XA transaction is committed that had more rows than are held between XA "
               "PREPARE and XA COMMIT (xa.max-size), or whose file is lost: which rows the table "
               "has is not known any more.";
    return "A statement changed rows of a captured table and is in the binlog as text "
           "(binlog_format is not ROW in its session): which rows the table has is not "
           "known any more.";
}

/* The same of the remedy. */
static const char *remedy_of(const struct pipeline *pipeline, const struct change *change)
{
    bool xa = slice_starts_nocase(change->ddl, SLICE("xa commit"));
    if (change->columns_unknown)
        return unknown_is_reread(pipeline)
                   ? "None is needed for this table: it is read again by itself. "
                     "SET GLOBAL binlog_row_metadata=FULL keeps it from happening again."
                   : "millrace snapshot PIPELINE --tables TABLE --rebuild makes the target equal; "
                     "SET GLOBAL binlog_row_metadata=FULL keeps it from happening again.";
    if (change->from_before)
        return unknown_is_reread(pipeline)
                   ? "None is needed for this table: it is read again by itself."
                   : "If it changed this table: millrace snapshot PIPELINE --tables TABLE "
                     "--rebuild "
                     "makes the target equal.";
    if (unknown_is_reread(pipeline))
        return xa ? "None is needed for this table: it is read again by itself. A larger "
                    "xa.max-size keeps it from happening again."
                  : "None is needed for this table: it is read again by itself. "
                    "SET GLOBAL binlog_format=ROW keeps it from happening again.";
    return xa ? "millrace snapshot PIPELINE --tables TABLE --rebuild makes the target equal; "
                "a larger xa.max-size keeps it from happening again."
              : "millrace snapshot PIPELINE --tables TABLE --rebuild makes the target equal; SET "
                "GLOBAL binlog_format=ROW keeps it from happening again.";
}

bool unknown_is_reread(const struct pipeline *pipeline)
{
    return behavior_of(pipeline) == UNKNOWN_ROWS_REREAD && pipeline->parts.tables != NULL &&
           pipeline->parts.snapshot_ops != NULL && pipeline->parts.tables->scan != SOURCE_SCAN_NONE;
}

static void alarm(const struct pipeline *pipeline, const struct member *member,
                  const struct change *change)
{
    log_error("pipeline.unknown", told_of(change), LOG_SLICE("db", member->db),
              LOG_SLICE("table", member->name), LOG_SLICE("gtid", change->txn->gtid),
              LOG_SLICE("file", change->txn->file), LOG_U64("offset", change->event_offset),
              LOG_SLICE("statement", statement_shown(change->ddl)),
              LOG_STR("remedy", remedy_of(pipeline, change)));
}

static enum rc mark(struct pipeline *pipeline, struct member *member, const struct change *change,
                    struct error *err)
{
    if (member->gone || member->unknown == UNKNOWN_MARKED)
        return RC_OK;
    set_state(pipeline, member, UNKNOWN_MARKED);
    buf_reset(&member->unknown_since);
    add_place(&member->unknown_since, change);
    buf_add_byte(&member->unknown_since, '\n');
    clock_add_rfc3339(&member->unknown_since, change->txn->commit_time_us);
    buf_add_byte(&member->unknown_since, '\n');
    add_statement(&member->unknown_since, change->ddl);
    alarm(pipeline, member, change);
    return note(pipeline, member, err);
}

static enum rc mark_if_in(struct pipeline *pipeline, struct member *member, void *ctx,
                          struct error *err)
{
    const struct change *change = ctx;
    bool in_db = change->about_db.len == 0 || slice_equal(change->about_db, member->db);
    return in_db ? mark(pipeline, member, change, err) : RC_OK;
}

static enum rc refuse(const struct change *change, struct error *err)
{
    struct slice statement = statement_shown(change->ddl);
    error_set(err, RC_REJECTED,
              "Rows of captured tables changed in a way that the binlog does not tell (\"%.*s\" at "
              "%.*s:%llu), and unknown.rows.behavior is stop.",
              SLICE_ARG(statement), SLICE_ARG(change->txn->file),
              (unsigned long long)change->event_offset);
    error_hint(err,
               "SET GLOBAL binlog_format=ROW, set unknown.rows.behavior to reread (such tables "
               "are read again) or mark (the pipeline goes on and says which tables they are), "
               "and start again.");
    return RC_REJECTED;
}

/* Rows without known columns are passed over where the user has said so, or where they are read again. */
static bool is_tolerated(const struct pipeline *pipeline, const struct change *change)
{
    return !change->columns_unknown || behavior_of(pipeline) == UNKNOWN_ROWS_MARK ||
           unknown_is_reread(pipeline);
}

static enum rc refuse_columns(const struct change *change, struct error *err)
{
    error_set(
        err, RC_MISMATCH,
        "The rows of table %.*s.%.*s at %.*s:%llu have no names of columns in the binlog, and "
        "which columns the table had there is not known because of %.*s.",
        SLICE_ARG(change->about_db), SLICE_ARG(change->about_table), SLICE_ARG(change->txn->file),
        (unsigned long long)change->event_offset, SLICE_ARG(change->ddl));
    error_hint(err,
               "SET GLOBAL binlog_row_metadata=FULL (MySQL 8.0, MariaDB 10.5) makes the binlog "
               "carry names from then on. With unknown.rows.behavior: mark the pipeline goes on "
               "without these rows, and millrace snapshot PIPELINE --tables TABLE --rebuild makes "
               "the target equal.");
    return RC_MISMATCH;
}

/* No such table is there now, or it would be known: what its rows did has come to nothing, or is in the table
 * that it was renamed to, which is read as it is. */
static void tell_gone(const struct change *change)
{
    log_warn("pipeline.unknown",
             "Rows of a table that is not there any more are in the binlog without the names of "
             "their columns, and are passed over.",
             LOG_SLICE("db", change->about_db), LOG_SLICE("table", change->about_table),
             LOG_SLICE("file", change->txn->file), LOG_U64("offset", change->event_offset),
             LOG_SLICE("because_of", change->ddl));
}

/* The source knows all of its tables, so this is a temporary table or a view. Told once: sessions in
 * statement format write to their temporary tables all day. */
static void tell_stranger(struct pipeline *pipeline, const struct change *change)
{
    if (pipeline->members.stranger_told)
        return;
    pipeline->members.stranger_told = true;
    log_warn("pipeline.unknown",
             "A statement in statement format changes rows of something that is no table of this "
             "pipeline. Of a temporary table that is nothing; if it is a view of captured tables, "
             "take those again with millrace snapshot PIPELINE --tables TABLE --rebuild.",
             LOG_SLICE("db", change->about_db), LOG_SLICE("name", change->about_table),
             LOG_SLICE("statement", statement_shown(change->ddl)));
}

enum rc unknown_mark(struct pipeline *pipeline, const struct change *change, struct error *err)
{
    if (behavior_of(pipeline) == UNKNOWN_ROWS_STOP && !change->columns_unknown)
        return refuse(change, err);
    if (!is_tolerated(pipeline, change))
        return refuse_columns(change, err);
    const struct table *table = change->table;
    struct member *member = table != NULL ? members_find(pipeline, table->db, table->name)
                            : change->about_table.len > 0
                                ? members_find(pipeline, change->about_db, change->about_table)
                                : NULL;
    if (member != NULL)
        return mark(pipeline, member, change, err);
    if (change->about_table.len > 0) {
        if (change->columns_unknown)
            tell_gone(change);
        else
            tell_stranger(pipeline, change);
        return RC_OK;
    }
    return members_each(pipeline, mark_if_in, (void *)(uintptr_t)change, err);
}

enum rc unknown_reading(struct pipeline *pipeline, struct member *member, const struct table *table,
                        struct error *err)
{
    if (member->unknown == UNKNOWN_NONE)
        return RC_OK;
    /* Into an empty target, or as events that replace nothing; else deleted rows stay. */
    bool exact = member->rebuild || table->key_count == 0 || keeps_events(pipeline);
    set_state(pipeline, member, exact ? UNKNOWN_READING : UNKNOWN_LEFT);
    return note(pipeline, member, err);
}

enum rc unknown_leave(struct pipeline *pipeline, struct member *member, struct error *err)
{
    set_state(pipeline, member, UNKNOWN_LEFT);
    return note(pipeline, member, err);
}

enum rc unknown_over(struct pipeline *pipeline, struct member *member, struct error *err)
{
    if (member->unknown != UNKNOWN_READING)
        return RC_OK;
    set_state(pipeline, member, UNKNOWN_NONE);
    return note(pipeline, member, err);
}

enum rc unknown_forget(struct pipeline *pipeline, struct member *member, struct error *err)
{
    if (member->unknown == UNKNOWN_NONE)
        return RC_OK;
    set_state(pipeline, member, UNKNOWN_NONE);
    return note(pipeline, member, err);
}

enum rc unknown_move(struct pipeline *pipeline, struct member *from, struct member *to,
                     struct error *err)
{
    if (from->unknown == UNKNOWN_NONE)
        return unknown_forget(pipeline, to, err);
    set_state(pipeline, to, from->unknown);
    buf_reset(&to->unknown_since);
    buf_add_slice(&to->unknown_since, buf_slice(&from->unknown_since));
    enum rc rc = note(pipeline, to, err);
    return rc != RC_OK ? rc : unknown_forget(pipeline, from, err);
}

static enum rc load(void *ctx, struct slice key, struct slice value, struct error *err)
{
    struct pipeline *pipeline = ctx;
    struct member *member = NULL;
    enum rc rc = members_of_note(pipeline, sizeof(UNKNOWN) - 1, key, &value, &member, err);
    if (rc != RC_OK || member == NULL)
        return rc;
    set_state(pipeline, member, table_note_next_unknown(&value));
    buf_reset(&member->unknown_since);
    buf_add_slice(&member->unknown_since, value);
    return buf_check(&member->unknown_since, "what is unknown of a table", err);
}

enum rc unknown_load(struct pipeline *pipeline, struct error *err)
{
    return at(pipeline, PIPELINE_SIDE_STORE,
              pipeline->parts.store_ops->notes(pipeline->parts.store, slice_str(UNKNOWN), load,
                                               pipeline, err));
}

static enum rc settle(struct pipeline *pipeline, struct member *member, void *ctx UNUSED,
                      struct error *err)
{
    bool complete = member->state == MEMBER_DONE && !member->rebuild;
    return complete ? unknown_over(pipeline, member, err) : RC_OK;
}

enum rc unknown_begin(struct pipeline *pipeline, struct error *err)
{
    return members_each(pipeline, settle, NULL, err);
}
