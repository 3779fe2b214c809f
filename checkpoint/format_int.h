/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The bytes of a journal: pure encoding and decoding, no files. docs/formats.md has the offset
 * tables; this header has the types that they describe.
 *
 * A journal file is a header and then records. A record's checksum is seeded with the generation of
 * its file, so that bytes of an older file that a file system left behind are never taken for
 * records of this one.
 *
 * Threads: none of its own; everything works on the caller's memory.
 * Invariants: the parsers read only inside the slice that they are given, whatever is in it, and
 * what they hand out is borrowed from it.
 */
#ifndef MILLRACE_CHECKPOINT_FORMAT_INT_H
#define MILLRACE_CHECKPOINT_FORMAT_INT_H

#include "engine/engine.h"

#define CHECKPOINT_MAGIC "MILLRACE"

enum {
    CHECKPOINT_FORMAT_VERSION = 1,
    CHECKPOINT_ID_LEN = 32,       /* hex digits */
    CHECKPOINT_NAME_MAX = 1024,   /* bytes of the pipeline's name */
    CHECKPOINT_HEADER_FIXED = 66, /* before the name */
    CHECKPOINT_RECORD_FIXED = 16, /* before the payload */
    CHECKPOINT_CHECKSUM_LEN = 8,
    CHECKPOINT_ENTRIES_MAX = 1 << 20,
    CHECKPOINT_NOTES_MAX = 1 << 20, /* in one record */
    CHECKPOINT_NOTE_KEY_MAX = 1024, /* bytes */
    CHECKPOINT_NOTE_VALUE_MAX = 16 << 20,
    CHECKPOINT_PAYLOAD_MAX = 96 << 20
};

struct checkpoint_header {
    uint64_t generation;
    uint64_t created_wall_us;
    struct slice pipeline_id; /* CHECKPOINT_ID_LEN bytes */
    struct slice pipeline;    /* name */
};

enum checkpoint_record_type {
    CHECKPOINT_RECORD_NONE = 0,
    CHECKPOINT_RECORD_BIND,
    CHECKPOINT_RECORD_INTENT,
    CHECKPOINT_RECORD_DONE,
    CHECKPOINT_RECORD_ADVANCE,
    CHECKPOINT_RECORD_MOVE,
    /* The same two with notes behind them, and notes alone: the beginning of a generation. */
    CHECKPOINT_RECORD_INTENT_NOTES,
    CHECKPOINT_RECORD_MOVE_NOTES,
    CHECKPOINT_RECORD_NOTES,
    /* Loads in two phases that may be committed from here on. */
    CHECKPOINT_RECORD_PREPARED,
    /* An intent behind others that are unfinished; it has notes, perhaps none. */
    CHECKPOINT_RECORD_INTENT_BEHIND
};

enum { CHECKPOINT_RECORD_TYPES = CHECKPOINT_RECORD_INTENT_BEHIND + 1 };

/* A position as it lies in a record. */
struct checkpoint_place {
    struct slice file;
    struct slice gtid_set;
    struct slice server;
    uint64_t offset;
    uint64_t rows_done;
    uint64_t commit_time_us;
    uint32_t targets_done;
};

/* One record, decoded; which fields count depends on the type. */
struct checkpoint_record {
    enum checkpoint_record_type type;
    uint64_t sequence;            /* from 1 in each file */
    uint64_t wall_us;             /* when it was written */
    struct slice server;          /* bind */
    uint64_t epoch;               /* intent, done, advance */
    uint32_t attempt;             /* intent, done */
    uint32_t entry;               /* done */
    uint64_t started_wall_us;     /* intent */
    uint64_t rows;                /* advance: totals since the beginning */
    uint64_t bytes;               /* advance */
    struct checkpoint_place from; /* intent */
    struct checkpoint_place to;   /* intent, advance, move */
    uint32_t entry_count;         /* intent */
    struct slice entries;         /* intent, decoded: for checkpoint_entry_next */
    uint32_t prepared_count;      /* prepared */
    struct slice prepared;        /* prepared, decoded: for checkpoint_prepared_next */
    uint32_t note_count;          /* the types with notes */
    struct slice notes;           /* decoded: for checkpoint_note_next */
};

/* What stands at a place in a file. */
enum checkpoint_found {
    CHECKPOINT_FOUND_RECORD = 0,
    CHECKPOINT_FOUND_END,      /* the slice is empty */
    CHECKPOINT_FOUND_BROKEN,   /* cut short, or the checksum does not fit: the bytes mean nothing */
    CHECKPOINT_FOUND_UNKNOWN,  /* whole, of a type that this program does not know */
    CHECKPOINT_FOUND_MALFORMED /* whole, but its content does not follow the format */
};

const char *checkpoint_record_name(enum checkpoint_record_type type);

/* A position seen as a place: borrowed from `position` until it changes. */
struct checkpoint_place checkpoint_place_of(const struct position *position);
/* RC_CORRUPT when a name is longer than a position can hold. */
enum rc checkpoint_place_get(const struct checkpoint_place *place, struct position *position_out,
                             struct error *err) MUST_CHECK;

/* Appends; a failure is sticky in `out`. */
void checkpoint_header_add(struct buf *out, const struct checkpoint_header *header);
/* What a record has besides its own fields; NULL where its type has none of it. */
struct checkpoint_lists {
    const struct manifest_entry *entries;  /* of an intent */
    const struct store_prepared *prepared; /* of a prepared record */
    const struct store_note *notes;        /* of the types with notes */
};

/* `lists` may be NULL. The slices of the record are not looked at. */
void checkpoint_record_add(struct buf *out, uint64_t generation,
                           const struct checkpoint_record *record,
                           const struct checkpoint_lists *lists);

/* RC_CORRUPT, or RC_UNSUPPORTED for a newer format; the text says what is wrong, not in which file.
 */
enum rc checkpoint_header_parse(struct slice file, struct checkpoint_header *header_out,
                                size_t *len_out, struct error *err) MUST_CHECK;

/* Reads the record at the beginning of `rest`. `len_out` is its length for a record that is whole.
 * `problem_out` is a literal that says what is wrong. */
enum checkpoint_found checkpoint_record_parse(struct slice rest, uint64_t generation,
                                              struct checkpoint_record *record_out, size_t *len_out,
                                              const char **problem_out) MUST_CHECK;

/* True when a whole record with a right checksum and a sequence from `sequence_min` to
 * `sequence_max` begins at the beginning of `rest`: how records behind a damaged one are found. */
bool checkpoint_record_begins(struct slice rest, uint64_t generation, uint64_t sequence_min,
                              uint64_t sequence_max);

/* Takes the next load off the front of an intent's `entries`, which the parser has checked. */
struct manifest_entry checkpoint_entry_next(struct slice *entries);
/* The same for `prepared`. */
struct store_prepared checkpoint_prepared_next(struct slice *prepared);
/* The same for `notes`; an empty value that is there has a pointer. */
struct store_note checkpoint_note_next(struct slice *notes);

#endif
