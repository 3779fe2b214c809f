/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Result codes: every function that can fail returns one, and the compiler insists that it is read.
 * A code says what happened; its class says what the caller may do about it (base/error.h).
 * RC_AGAIN and RC_EOF are ordinary results, not failures.
 */
#ifndef MILLRACE_BASE_RC_H
#define MILLRACE_BASE_RC_H

/* X(name, text, default class) */
#define RC_LIST(X)                                                                                 \
    X(RC_OK, "ok", ERROR_NONE)                                                                     \
    X(RC_AGAIN, "nothing yet", ERROR_NONE)                                                         \
    X(RC_EOF, "end of input", ERROR_NONE)                                                          \
    X(RC_FULL, "the batch is full", ERROR_NONE)                                                    \
    X(RC_USAGE, "wrong usage", ERROR_FATAL)                                                        \
    X(RC_CONFIG, "wrong configuration", ERROR_FATAL)                                               \
    X(RC_CORRUPT, "damaged data", ERROR_FATAL)                                                     \
    X(RC_UNSUPPORTED, "not supported", ERROR_FATAL)                                                \
    X(RC_MISMATCH, "does not match", ERROR_FATAL)                                                  \
    X(RC_LIMIT, "over a configured limit", ERROR_FATAL)                                            \
    X(RC_MEMORY, "out of memory", ERROR_FATAL)                                                     \
    X(RC_IO, "input or output failed", ERROR_FATAL)                                                \
    X(RC_NOT_FOUND, "not found", ERROR_FATAL)                                                      \
    X(RC_EXISTS, "exists already", ERROR_FATAL)                                                    \
    X(RC_LOCKED, "in use by another process", ERROR_FATAL)                                         \
    X(RC_AUTH, "not authenticated", ERROR_FATAL)                                                   \
    X(RC_DENIED, "not permitted", ERROR_FATAL)                                                     \
    X(RC_PURGED, "no longer on the server", ERROR_FATAL)                                           \
    X(RC_DUPLICATE_ID, "server id in use", ERROR_FATAL)                                            \
    X(RC_PROTOCOL, "unexpected answer", ERROR_FATAL)                                               \
    X(RC_REJECTED, "row rejected", ERROR_REJECT)                                                   \
    X(RC_CONNECT, "connection failed", ERROR_RETRY)                                                \
    X(RC_TIMEOUT, "timed out", ERROR_RETRY)                                                        \
    X(RC_BUSY, "the other side is busy", ERROR_RETRY)                                              \
    X(RC_CANCELLED, "cancelled", ERROR_CANCELLED)

enum rc {
#define RC_ENUM(name, text, class) name,
    RC_LIST(RC_ENUM)
#undef RC_ENUM
        RC_COUNT
};

#define MUST_CHECK __attribute__((warn_unused_result))
#define PRINTF_LIKE(format_index, first_arg)                                                       \
    __attribute__((format(printf, format_index, first_arg)))
#define UNUSED __attribute__((unused))
#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

/* The short text of a code, for logs; never NULL. */
const char *rc_text(enum rc rc);
/* The code's own name ("RC_TIMEOUT"); never NULL. */
const char *rc_name(enum rc rc);

#endif
