/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The interface of the checkpoint store: what has been said before it happened.
 *
 * An epoch is a run of the source's stream. Its life in the store:
 *
 *      intent(epoch, from, to, entries)     before the first byte goes to the target
 *      prepared(epoch, transactions)        loads in two phases: before the first one is committed
 *      done(epoch, entry)                   a load is durable at the target (may be lost in a crash)
 *      advance(epoch)                       all loads are durable: the position moves to `to`
 *
 * Up to STORE_EPOCHS_MAX epochs may be unfinished at a time. Each begins where the one before it ends,
 * and they advance in the order in which they began; loads of the oldest alone can be prepared. A table
 * may have loads in several of them: the later one is sent when the earlier one is said to be done,
 * durably, so that no start ever sends the earlier one again behind the later.
 *
 * Threads: the pipeline's one thread. Each call that says "durable" returns after the bytes are on
 * disk (fsync of the file, and of the directory where a name changed).
 *
 * Errors: RC_IO (disk full, EIO: the state on disk is as before the call or as after it, never in
 * between, and the store refuses further writes), RC_LOCKED, RC_CORRUPT, RC_MISMATCH (another
 * source, another pipeline), RC_UNSUPPORTED (a newer format). No error makes the old state
 * unreadable.
 *
 * After a crash: `open` gives back the last durable state; a torn tail is cut off and told in the
 * log.
 */
#ifndef MILLRACE_PORTS_STORE_H
#define MILLRACE_PORTS_STORE_H

#include "../model/position.h"
#include "sink.h"

struct store;

enum { STORE_EPOCHS_MAX = 4 }; /* unfinished at a time */

/*
 * What must be known again together with a position: a key and a value that only its writer reads
 * ("schema/shop.orders", "snapshot/shop.orders", "xa/..."). A note becomes true at the very moment
 * when the position that it came with does: at the epoch's `advance`, or in `move`.
 */
struct store_note {
    struct slice key;   /* at most 1 KiB */
    struct slice value; /* at most 16 MiB; ptr NULL: the note is forgotten */
};

typedef enum rc (*store_note_fn)(void *ctx, struct slice key, struct slice value,
                                 struct error *err);

struct store_options {
    struct slice dir;      /* created (0700) when missing, unless read_only */
    struct slice pipeline; /* name, compared with the stored one; empty with read_only: any */
    bool read_only;        /* for `checkpoint show|verify`: no lock, no repair, nothing written */
};

struct store_prepared {
    uint32_t entry; /* index in the intent */
    uint64_t transaction;
};

struct store_intent {
    uint64_t epoch;
    uint32_t attempt; /* from 1; a replay that changed its set of loads writes a new attempt */
    uint64_t started_wall_us;
    struct position from;
    struct position to;
    struct manifest_entry *entries; /* owned by the store */
    bool *done;                     /* one a manifest entry */
    uint32_t count;
    /* In: notes that become true with this epoch. In the state: NULL; they are the store's secret
     * until `advance`. A new attempt of the same epoch replaces them. */
    const struct store_note *notes;
    uint32_t note_count;
    const struct store_intent *next; /* in the state: the epoch that began behind it, or NULL */
};

/* The state as the store holds it; borrowed until the next call that changes it. */
struct store_state {
    char pipeline_id[33];             /* 32 hex digits, random, made with the directory */
    char server[POSITION_SERVER_MAX]; /* of the source it belongs to; "" before the first bind */
    uint64_t created_wall_us;
    uint64_t updated_wall_us;
    uint64_t epoch;           /* the last finished one; 0: none */
    uint64_t rows;            /* delivered since the beginning */
    uint64_t bytes;           /* load body bytes since the beginning */
    struct position position; /* where the next epoch starts; empty before the first advance */
    const struct store_intent *intent; /* the oldest unfinished epoch, or NULL */
    bool
        crowded; /* what is kept on disk is made anew when no epoch is unfinished, and it is time for
                     that: none should begin beside another */
};

struct store_ops {
    const char *name;
    enum rc (*open)(const struct store_options *options, struct store **store_out,
                    struct error *err);
    const struct store_state *(*state)(const struct store *store);
    /* Ties the store to a source at the first start; RC_MISMATCH when it is tied to another. With
     * GTIDs (has_gtid) another server of the same history is accepted, for the source itself then
     * proves the GTID set; without, a file and offset mean nothing on another server. Durable. */
    enum rc (*bind)(struct store *store, const char *server, bool has_gtid, struct error *err);
    /* Durable. The intent is copied. A new epoch, a later one than all, or a later attempt of the
     * oldest unfinished one, which must end where it ended when others began behind it. RC_EXISTS when
     * it is neither; RC_LIMIT when STORE_EPOCHS_MAX are unfinished. */
    enum rc (*intent)(struct store *store, const struct store_intent *intent, struct error *err);
    /* Durable. Loads of the oldest unfinished epoch are prepared under these transactions: from here on they
     * may be committed. Again with another number, when one had to be prepared anew. */
    enum rc (*prepared)(struct store *store, uint64_t epoch, const struct store_prepared *loads,
                        uint32_t count, struct error *err);
    /* Written; where `durable` is not asked for, losing it costs a question to the target, not a row.
     */
    enum rc (*done)(struct store *store, uint64_t epoch, uint32_t entry, bool durable,
                    struct error *err);
    /* Durable. Ends the oldest unfinished epoch. */
    enum rc (*advance)(struct store *store, uint64_t epoch, struct error *err);
    /* Durable. Moves the position with no load at all (a quiet stream, a DDL), and makes notes true
     * with it, in one record; only without an intent. */
    enum rc (*move)(struct store *store, const struct position *to, const struct store_note *notes,
                    uint32_t note_count, struct error *err);
    /* Gives every note whose key begins with `prefix`, in the order of keys. Slices are borrowed
     * for the call of `visit`, which must not write to the store. */
    enum rc (*notes)(const struct store *store, struct slice prefix, store_note_fn visit, void *ctx,
                     struct error *err);
    void (*close)(struct store *store); /* releases the lock; NULL is fine */

    /* Reads every record and says what it finds, for `checkpoint verify`: RC_OK, or RC_CORRUPT
     * after the lines were given. */
    enum rc (*verify)(struct slice dir, struct report *report, struct error *err);
};

#endif
