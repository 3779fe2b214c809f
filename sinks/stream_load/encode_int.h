/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From a change to the lines of a load: which lines a change means (draft.c), and how each value is
 * written (encode.c).
 *
 *   READ, INSERT   the row as it is now
 *   UPDATE         the row as it is now; when the key's bytes differ, before it the old row as
 *                  deleted (targets compare keys byte by byte, facts/starrocks.md 4)
 *   DELETE         the row as it was, marked deleted
 *
 * A row image need not carry every column (binlog_row_image MINIMAL, NOBLOB, MariaDB's FULL_NODUP;
 * facts/binlog.md 5.3). What an image does not carry is never guessed:
 *
 *   UPDATE         what `after` lacks and `before` has did not change. What both lack is left out of
 *                  the line: the target keeps it (a partial update), and a line that the batch
 *                  holds for the key keeps it too (merge.c). With another key there is no old row
 *                  at the target to keep it from: refused.
 *                  A column that MariaDB leaves out though it changed (changes_unseen): refused.
 *   READ, INSERT   a column that is not there has its default at the source. It is filled in where
 *                  the table's definition proves it (default_known); else refused, because a row
 *                  that the target may still hold under this key must not shine through.
 *   DELETE         only the key counts. Columns that are not there are NULL, or where they may not
 *                  be NULL a value that nobody will see.
 *
 * Threads: the pipeline's one thread.
 */
#ifndef MILLRACE_SINKS_STREAM_LOAD_ENCODE_INT_H
#define MILLRACE_SINKS_STREAM_LOAD_ENCODE_INT_H

#include "body_int.h"
#include "stream_load_int.h"

/* Where a column's value lies in the data of a body; len 0: the line does not have it. */
struct line_piece {
    size_t offset;
    size_t len;
};

/* A row as its image says it. What `row` lacks and `older` has did not change. */
struct row_image {
    const struct row *row;
    const struct row *older; /* NULL: none */
    bool is_new;             /* of an INSERT: what the image lacks holds its default */
};

static inline const struct cell *row_image_cell(const struct row_image *image, uint32_t index)
{
    const struct cell *cell = &image->row->cells[index];
    if (cell->state == CELL_ABSENT && image->older != NULL)
        return &image->older->cells[index];
    return cell;
}

/* Whether the row is known to hold the column's default_value, although the image lacks it. */
static inline bool row_image_has_default(const struct row_image *image, const struct column *column)
{
    return image->is_new && column->default_known;
}

/* All that can be said about a table's lines before the first row. */
/* How short values of a column are written at once, name and all. */
struct short_way {
    enum json_put_form form; /* JSON_PUT_NONE: they never are, for their text has to be looked at */
    bool is_date;            /* the target takes no other than real ones */
    bool takes_null;
    const struct column *column;
};

struct encoder {
    const struct load_schema *schema; /* borrowed */
    struct slice *prefixes;           /* `{"id":`, `,"name":`: one a column, in the arena */
    struct slice upsert_tail;         /* `,"__op":0}\n` */
    struct slice delete_tail;
    bool *zero_date_told;      /* one a column: its warning was logged */
    uint64_t *text_max;        /* one a column: bytes of a text that its target takes */
    struct short_way *ways;    /* one a column: how its values go where they are short */
    struct line_piece *pieces; /* one a column: of the line that is merged with */
    uint8_t *set;              /* the columns of the line that is written */
    enum load_zero_dates zero_dates;
    bool
        as_it_is; /* values are written whether the target has a place for them or not: for a row that
                      is put aside */
    bool has_unseen;  /* there is a column with changes_unseen */
    char source[256]; /* "db.table", for messages */
    struct buf scratch;
};

/* Takes memory from `arena`, which must live as long as the encoder. */
enum rc encoder_init(struct encoder *encoder, const struct load_schema *schema,
                     const char *delete_column, enum load_zero_dates zero_dates,
                     struct arena *arena, struct error *err) MUST_CHECK;
void encoder_deinit(struct encoder *encoder);

/* The canonical text of a cell that holds a value, borrowed until the next one. Errors name the
 * column. */
enum rc encoder_cell_text(struct encoder *encoder, uint32_t index, const struct cell *cell,
                          struct slice *text, struct error *err) MUST_CHECK;
/* The whole line with all columns; `deleted`: of a deletion, where only the key matters.
 * RC_AGAIN: otherwise, and there is one whose value is not known; what was written so far is the
 * caller's to cut off. */
enum rc encoder_add_line(struct encoder *encoder, const struct row_image *image, bool deleted,
                         struct buf *out, struct error *err) MUST_CHECK;
/* Writes a cell that is not absent as the JSON value of its column. */
enum rc encoder_add_cell(struct encoder *encoder, uint32_t index, const struct cell *cell,
                         struct buf *out, struct error *err) MUST_CHECK;

/* Whether a canonical date ("YYYY-MM-DD...") names a day of the calendar. Pure. */
bool encoder_date_is_real(struct slice text);

/* merge.c: finds the values in a line that an encoder of the same target wrote into this body. Fills
 * encoder->pieces. */
void line_take_apart(struct encoder *encoder, const struct body *body, const struct body_row *row);

/* Writes the change's lines as a draft at the end of the body; a draft without lines changes
 * nothing. On failure the draft is dropped: RC_LIMIT (a line does not fit the buffer, or its column
 * set is one too many), RC_MEMORY, RC_UNSUPPORTED (an UPDATE of a table without a key), RC_REJECTED
 * (a row image that does not say enough, a value that cannot go) and RC_CORRUPT. */
enum rc encoder_draft(struct encoder *encoder, struct body *body, struct body_draft *draft,
                      const struct change *change, struct error *err) MUST_CHECK;

#endif
