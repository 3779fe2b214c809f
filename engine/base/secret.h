/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A password or a token. It has its own type so that no log line, error or config print shows it by
 * accident: whoever wants the bytes must call secret_copy, and reviewers look for that word.
 *
 * A secret that comes from a file or a command is read again when a server has refused it: that is
 * how a password changes while the program runs, and how tokens that live for minutes are used.
 *
 * Threads: secrets may be copied and renewed from any thread.
 */
#ifndef MILLRACE_BASE_SECRET_H
#define MILLRACE_BASE_SECRET_H

#include <stdbool.h>
#include <stdint.h>

#include "error.h"

/* Where a secret is read from, and what it gave last. */
struct secret_origin;

/* A value type; the text and the origin are borrowed from the config document. */
struct secret {
    const char *hidden;           /* a C string for C libraries; NULL: not set, or from `origin` */
    struct secret_origin *origin; /* NULL: `hidden` is all there is */
};

bool secret_is_set(struct secret secret);

/* The text for the library call that needs it, "" when not set; owned by the caller, who ends it
 * with secret_wipe. NULL: no memory. */
char *secret_copy(struct secret secret) MUST_CHECK;
/* Overwrites and frees; NULL is fine. */
void secret_wipe(char *text);

/* Which text a copy that is made now would have; for secret_renew. */
unsigned secret_version(struct secret secret);
/* After a server has refused the text of `version`: reads the file or runs the command again. True
 * when there is another text now, which is worth a try. */
bool secret_renew(struct secret secret, unsigned version);
/* A server has taken it. */
void secret_accepted(struct secret secret);
/* True when a server that took an earlier text refuses, since a few minutes at most: whoever
 * changes a password changes it in two places, one after the other, so asking again is worth it. */
bool secret_may_change(struct secret secret);

enum secret_kind { SECRET_FILE = 0, SECRET_COMMAND };

/* Reads a file, or what a command prints, without the last newline. `place` is the whole path, or
 * the program's whole path and its arguments with blanks between (no shell reads them). RC_CONFIG
 * ends a sentence that begins with the key's name. */
enum rc secret_origin_open(enum secret_kind kind, const char *place,
                           struct secret_origin **origin_out, struct error *err) MUST_CHECK;
/* Wipes the text; NULL is fine. */
void secret_origin_close(struct secret_origin *origin);

#endif
