/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The spool: the binlog from the checkpoint's place on, kept on disk in the bytes in which the server
 * sent it, so that a server that purges early takes nothing away that is not at the target yet.
 *
 *   dump --append--> newest segment ... oldest segment
 *                         |  read: what the decoder has not had yet, in order
 *                         +- settle: what the checkpoint has behind it goes, file by file
 *
 * It is a copy and never the truth. What is delivered is what the checkpoint says; from its place on
 * the spool gives the events that the server would give, or nothing: where the place is not found, or
 * bytes are not what was written, they are thrown away and the server is asked. So a crash may cut the
 * spool anywhere, and it is synced only now and then.
 *
 * A run is what came through one connection. After a lost connection the server begins again with the
 * transaction that was broken off, so between two runs a decoder has to seek to where it stands itself
 * (spool_border, spool_cross); then it passes over the rows that it has had.
 *
 * A gap is where events were not taken, because the spool was full or its disk was. What lies before
 * stays good for a restart; nothing is appended until the checkpoint is past it (spool_is_out).
 *
 * Threads: the caller's only.
 */
#ifndef MILLRACE_BINLOG_SPOOL_INT_H
#define MILLRACE_BINLOG_SPOOL_INT_H

#include "engine/engine.h"

#define SPOOL_BYTES_MIN (UINT64_C(1) << 20)

struct spool;

struct spool_options {
    const char *dir;    /* made (0700) when missing; its files are the spool's */
    uint64_t bytes_max; /* of all files */
    const char *server; /* identity for positions, as in struct binlog_stream_options */
};

enum rc spool_open(const struct spool_options *options, struct spool **spool_out,
                   struct error *err) MUST_CHECK;
/* What was appended is written, so that a later life finds it. NULL is fine. */
void spool_close(struct spool *spool);
/* Removes what an earlier life with a spool has left, where there is none any more. */
void spool_remove(const char *dir);

/* Looks for the place in what an earlier life left. True: reading begins there. False: it is not
 * there, or nothing lies behind it; the spool is empty then. */
bool spool_resume(struct spool *spool, const struct position *from);
/* Throws everything away. */
void spool_clear(struct spool *spool);

/* What is appended from here on begins at `at`: with a new connection, or going on with one behind a
 * gap. The decoder is past all that was read, unless `border`. Nothing happens while a gap keeps
 * older events. */
void spool_begin(struct spool *spool, const struct position *at, bool new_run, bool border);
/* RC_OK: taken. RC_FULL: not taken; offered again it may be, passed on to the decoder without it needs
 * spool_leave_gap. */
enum rc spool_append(struct spool *spool, struct slice event) MUST_CHECK;
void spool_leave_gap(struct spool *spool);
/* True: what the dump gives next may be appended. */
bool spool_is_open(const struct spool *spool);
/* True: nothing is kept, and nothing appended: spool_begin would be welcome. */
bool spool_is_out(const struct spool *spool);
/* To the file, and at most once a second to the disk. */
void spool_flush(struct spool *spool);
void spool_sync(struct spool *spool);

/* There are events, or a border, that the decoder has not had. */
bool spool_has_backlog(const struct spool *spool);
/* The next event, borrowed until the next call. RC_EOF: at a border. RC_CORRUPT, RC_IO: the spool is
 * good for nothing more. */
enum rc spool_read(struct spool *spool, struct slice *event, struct error *err) MUST_CHECK;
/* Where the run behind the border begins; NULL: reading is at no border. */
const struct position *spool_border(const struct spool *spool);
void spool_cross(struct spool *spool);

/* Where a dump begins whose events follow what is here. NULL: nothing is here. */
const struct position *spool_end(struct spool *spool);
/* A run may follow what is here: nothing was left out behind it. */
bool spool_goes_on(const struct spool *spool);
/* All before `durable` is at the target. */
void spool_settle(struct spool *spool, const struct position *durable);
uint64_t spool_bytes(const struct spool *spool);

#endif
