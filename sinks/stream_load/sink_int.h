/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The sink behind both warehouses: what its operations share. The files lie above one another, and
 * none calls one that comes later: room.c, ways.c; reload.c; refuse.c; tables.c, epoch.c, check.c;
 * write.c; stream_load.c.
 *
 * Threads: the pipeline's thread, but for the stop.
 */
#ifndef MILLRACE_SINKS_STREAM_LOAD_SINK_INT_H
#define MILLRACE_SINKS_STREAM_LOAD_SINK_INT_H

#include "label_int.h"
#include "loaders_int.h"
#include "query_int.h"
#include "target_int.h"

/* One load of an epoch on its way: a part of one of the target's sealed bodies. The parts of a body
 * follow one another, and its memory is free when the last one is done. */
struct sealed_load {
    struct load_task task; /* first: the loaders give it back, and sealed_of finds its load */
    struct sealed_epoch *epoch;
    struct load_target *target;
    struct target_body *body;
    struct sealed_load *behind; /* waits for this one, because it is of the same target */
    bool prepared;              /* waits for its commit */
    bool held;                  /* of a part: only its name is kept when it is prepared */
    char label[LABEL_BYTES];
    struct joint *joint; /* NULL: it goes by itself. Else of the transaction that it belongs to: */
    bool open;           /* it is not applied yet */
    bool tell;           /* poll has to tell how it is */
    struct refused_rows refused; /* by the target, when it was last sent */
    unsigned fruitless;          /* so often it was refused and none of its rows was */
    uint64_t put_aside;          /* rows of the entry that are dead letters */
};

/* An epoch on its way. */
struct sealed_epoch {
    uint64_t number;
    struct sealed_load *loads; /* owned; count of them */
    struct manifest_entry *entries;
    uint32_t cap;
    uint32_t made; /* so many elements of `loads` are initialized */
    uint32_t count;
    uint32_t first;       /* of the part that was sealed last */
    uint32_t parts;       /* so far, when it comes in parts and more will follow */
    bool submitted;       /* the part that was sealed last is */
    bool oldest_first;    /* the commit of its first load alone is on its way, the others follow */
    uint32_t running;     /* submitted and not told yet */
    uint32_t prepared;    /* told as prepared */
    bool short_of_breath; /* the target was, in one of its loads */
};

/* What is needed to put refused rows aside. */
struct refusing {
    struct dead_letters *letters; /* borrowed; NULL: refused rows end the pipeline */
    bool recovering;              /* the first batch is one of an earlier life */
    struct cloudevent_writer writer;
    struct change_view view;
    struct buf event;
    struct buf columns;
};

/* The dead letters that are being loaded again. */
struct reloading {
    uint64_t epoch; /* whose rows are all letters; 0: none */
    struct arena arena;
};

struct stream_load {
    struct sink base;
    const struct load_dialect *dialect;
    struct load_settings settings;
    const void *config; /* the dialect's own; borrowed */
    char pipeline_id[33];
    bool partial_rows; /* rows will lack columns */
    struct arena arena;
    struct halt halt;
    struct frontends frontends;
    struct query query;
    struct transfer transfer; /* of the pipeline's thread: questions and checks */
    struct loaders *loaders;
    struct refusing refusing;
    struct reloading reloading;

    struct load_target *targets;
    struct load_target *open_first; /* targets with rows in the open batch */
    struct load_target **open_end;
    uint64_t open_rows;
    uint64_t open_bytes;

    struct sealed_epoch epochs[STORE_EPOCHS_MAX]; /* a ring, of settings.epochs elements */
    unsigned oldest;                              /* index in it */
    unsigned epoch_count;                         /* on their way */
    struct load_target *awaiting; /* its next loads are sent when the journal knows that those of an
                                     earlier epoch are done: by the next poll */
    uint64_t sealed_bytes;        /* of all bodies on their way */
    enum rc failed;               /* a load ended badly; then poll says so from now on */
    struct error failure;

    struct joint *joints;  /* one a database that has such transactions (joint_int.h) */
    uint64_t joint_number; /* of the last transaction, of any database */

    bool told_plain; /* that a table is loaded in one phase though two were wanted */
    unsigned widen;  /* flush_interval is multiplied by this */
    unsigned calm_epochs;
    struct sink_stats stats;
    atomic_ullong retries; /* of questions on this thread: they send nothing, so it stays 0 */
};

/* ---- epoch.c ---- */

void sealed_epoch_deinit(struct sealed_epoch *epoch);

static inline struct sealed_epoch *sealed_oldest(struct stream_load *sink)
{
    return &sink->epochs[sink->oldest];
}

static inline struct sealed_load *sealed_of(struct load_task *task)
{
    return (struct sealed_load *)task;
}

static inline struct stream_load *stream_load_of(struct sink *base)
{
    return (struct stream_load *)base;
}

static inline const struct stream_load *stream_load_of_const(const struct sink *base)
{
    return (const struct stream_load *)base;
}

/* ---- room.c ---- */

uint64_t sink_open_bytes_max(const struct stream_load *sink);
/* Whether the draft may join the open batch. The first row of a batch always may when nothing is on
 * its way. `beside`: bytes that are kept beside its lines. */
bool sink_has_room(const struct stream_load *sink, const struct body *body,
                   const struct body_draft *draft, uint64_t beside);
/* The target's open body has its first row. */
void sink_note_open(struct stream_load *sink, struct load_target *target,
                    const struct load_schema *schema);

/* ---- ways.c ---- */

/* The target, with what letters need; NULL: no memory. */
struct load_target *sink_target_of(struct stream_load *sink, struct slice db, struct slice table);
/* A new body keeps the changes behind its rows where refused ones become dead letters. */
void sink_keep_changes(const struct stream_load *sink, struct body *body);
/* Whether tables of this kind are to be loaded in two phases, if the target can. */
bool sink_wants_two_phase(const struct stream_load *sink, bool keyless);
/* Two phases where they are wanted and the target can; else plain loads, told once. */
enum rc sink_choose_phases(struct stream_load *sink, struct myconn *conn,
                           const struct load_schema *schema, bool *two_phase_out,
                           struct error *err) MUST_CHECK;
/* Whether rows that lack columns can go to a target of this kind; RC_UNSUPPORTED: why not. */
enum rc sink_check_partial(struct stream_load *sink, const struct load_schema *schema,
                           struct error *err) MUST_CHECK;
/* The same of a target, asked until it is known that they can. `err` is not NULL. */
enum rc sink_need_partial(struct stream_load *sink, struct load_target *target,
                          const struct load_schema *schema, struct error *err) MUST_CHECK;

/* ---- tables.c ---- */

/* The target was changed since the way to it was made: makes it anew, in place, because it is known
 * by its address. No load can speak of the old one: when a target is changed, nothing is on its way,
 * and since then nothing was written by it. */
enum rc sink_renew_table(struct stream_load *sink, struct sink_table *table,
                         struct error *err) MUST_CHECK;
/* TRUNCATE is done twice when the connection breaks in between; it bears that. */
enum rc sink_truncate(struct stream_load *sink, struct sink_table *table,
                      struct error *err) MUST_CHECK;

#endif
