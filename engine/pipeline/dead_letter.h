/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Dead letters: rows that the target does not take, put aside in a file beside the checkpoint, whole and
 * with the reason, so that the rest of their batch goes on and nothing of them is lost.
 *
 * The file is `dead-letters.ndjson`, one JSON object a line (docs/formats.md). What is stored is durable
 * when the call returns. It is the truth about which rows were put aside: a row of an epoch that is read
 * again after a crash is left out of its load when the file has it, and is not written twice.
 *
 * A key with a letter waits: every later change of it goes to the file too, so that the letters of a key,
 * loaded in the order of the file, end in its newest state. `millrace replay` has them loaded: an epoch of
 * its own takes letters, which the file says before the journal does; docs/delivery.md has its life.
 *
 * Threads: one at a time. Between processes a lock on the file: RC_LOCKED.
 */
#ifndef MILLRACE_PIPELINE_DEAD_LETTER_H
#define MILLRACE_PIPELINE_DEAD_LETTER_H

#include "../base/buf.h"

struct dead_letters;

/* What is put aside. All slices are borrowed for the call. */
struct dead_letter {
    struct slice db; /* of the target */
    struct slice table;
    struct slice key;     /* the row's key, equal bytes for equal keys; empty: the table has none */
    struct slice event;   /* the CloudEvent, without a line's end */
    struct slice label;   /* of the load that it was left out of */
    struct slice reason;  /* why */
    struct slice columns; /* a JSON array: the target's columns that `row` has */
    bool partial;         /* the other columns keep what the target has in them */
    struct slice row;     /* the row as it would be loaded, a JSON object */
    uint64_t epoch;
};

/* One that is in the file, or will be with the next store. Borrowed until the letters change. */
struct dead_letter_ref {
    struct slice db;
    struct slice table;
    struct slice key;
    struct slice id; /* of the event */
    uint64_t epoch;
    uint64_t replay; /* the epoch that loads it again; 0: none */
};

/* Whether the folder's file has a letter, or what might be one. */
bool dead_letters_wait(const char *dir);
/* `dir` is created (0700) when missing. `rows_max`: more letters are an error. A torn last line is cut
 * off; a damaged one elsewhere is RC_CORRUPT with its number. */
enum rc dead_letters_open(const char *dir, uint64_t rows_max, struct dead_letters **letters_out,
                          struct error *err) MUST_CHECK;
/* To look at alone: also while an engine has them, and where there is no file. Only count, at and line are
 * for such letters. */
enum rc dead_letters_peek(const char *dir, struct dead_letters **letters_out,
                          struct error *err) MUST_CHECK;
void dead_letters_close(struct dead_letters *letters); /* NULL is fine */

const char *dead_letters_path(const struct dead_letters *letters);
uint64_t dead_letters_count(const struct dead_letters *letters); /* 0 for NULL */
/* How many more there may be. */
uint64_t dead_letters_room(const struct dead_letters *letters);
/* The letters of a target, oldest first: from `*from` on, which then lies behind it. NULL: no more. */
const struct dead_letter_ref *dead_letters_next(const struct dead_letters *letters, struct slice db,
                                                struct slice table, uint64_t *from);

/* Takes a letter for the next store; one whose target, key and event are known is left out. RC_LIMIT:
 * there would be too many, and the text says what to do. */
enum rc dead_letters_add(struct dead_letters *letters, const struct dead_letter *letter,
                         struct error *err) MUST_CHECK;
/* Writes what was taken, durably. After a failure nothing more is taken or written. RC_IO. */
enum rc dead_letters_store(struct dead_letters *letters, struct error *err) MUST_CHECK;

/* The target is empty or gone: what waited for it has no meaning any more. Durable. */
enum rc dead_letters_forget(struct dead_letters *letters, struct slice db, struct slice table,
                            struct error *err) MUST_CHECK;
/* The target has another name. Durable. */
enum rc dead_letters_rename(struct dead_letters *letters, struct slice db, struct slice table,
                            struct slice new_db, struct slice new_table,
                            struct error *err) MUST_CHECK;

/* Loading again. An index counts in the order of the file, and holds until letters go; nothing may wait for
 * a store. */
typedef bool (*dead_letter_wanted_fn)(void *ctx, struct slice db, struct slice table);
/* The letters of these targets are to be loaded again, and no others; says how many. Until the end of this
 * life. */
uint64_t dead_letters_ask(struct dead_letters *letters, dead_letter_wanted_fn wanted, void *ctx);
bool dead_letters_is_asked(const struct dead_letters *letters, uint64_t index);
/* Borrowed until the letters change. */
const struct dead_letter_ref *dead_letters_at(const struct dead_letters *letters, uint64_t index);
/* Its line, without the end, behind what `out` has. */
enum rc dead_letters_line(const struct dead_letters *letters, uint64_t index, struct buf *out,
                          struct error *err) MUST_CHECK;
/* It is the epoch's, with the next dead_letters_apply; it was tried. */
void dead_letters_mark(struct dead_letters *letters, uint64_t index, uint64_t epoch);
/* It stays, and is no epoch's, with the next dead_letters_apply; it was tried. `reason`: why; empty: as
 * before. */
enum rc dead_letters_keep(struct dead_letters *letters, uint64_t index, struct slice reason,
                          struct error *err) MUST_CHECK;
/* Makes marks and reasons durable. */
enum rc dead_letters_apply(struct dead_letters *letters, struct error *err) MUST_CHECK;
/* Whether the file says of a letter that it is the epoch's. False for NULL. */
bool dead_letters_has_marked(const struct dead_letters *letters, uint64_t epoch);
/* What is marked as this epoch's was loaded, and goes; no other mark means anything. 0: none does.
 * Durable. */
enum rc dead_letters_settle(struct dead_letters *letters, uint64_t epoch,
                            struct error *err) MUST_CHECK;

#endif
