/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One HTTP request and its answer, behind a small vtable, so that tests script the server.
 *
 * An exchange follows no redirect, uses no proxy and no .netrc, and keeps no connection: a frontend
 * that answered early may have stray bytes left in it (facts/starrocks.md 1.2), and next to a load
 * a connection costs nothing.
 *
 * Threads: an exchange belongs to one thread. Halting comes from any.
 */
#ifndef MILLRACE_SINKS_STREAM_LOAD_EXCHANGE_INT_H
#define MILLRACE_SINKS_STREAM_LOAD_EXCHANGE_INT_H

#include "body_int.h"
#include "halt_int.h"
#include "redirect_int.h"

#define EXCHANGE_ANSWER_MAX (64u << 10)

enum exchange_outcome {
    EXCHANGE_ANSWERED = 0, /* a whole answer came */
    EXCHANGE_FAILED,       /* no answer, or not a whole one; body_started says what that means */
    EXCHANGE_REFUSED, /* by ourselves, and always will be: a certificate that does not verify */
    EXCHANGE_STOPPED
};

struct exchange_request {
    const char *method;                /* "PUT", "POST" or "GET"; a C string for libcurl */
    struct endpoint endpoint;          /* where to */
    struct slice headers;              /* "name: value" lines, each with its '\n' */
    const struct body *body;           /* NULL: none */
    uint32_t set;                      /* which part of the body goes out */
    enum load_compression compression; /* of the body; its header stands among `headers` */
    bool expect;    /* send Expect: 100-continue, and the body behind the 100 only */
    bool authorize; /* send user and password */
};

struct exchange_response {
    int http_status;
    struct buf body;                 /* at most EXCHANGE_ANSWER_MAX */
    char location[ENDPOINT_URL_MAX]; /* "" when none came, or too long a one; never logged */
    bool body_started;               /* at least one byte of the request's body was given away */
    bool connect_failed;             /* the peer was never reached */
    bool cut;                        /* the answer was longer than the bound */
    char reason[640];                /* of a failure, a clause in words */
};

void exchange_response_init(struct exchange_response *response);
void exchange_response_deinit(struct exchange_response *response);
void exchange_response_reset(struct exchange_response *response);

struct exchange;

struct exchange_ops {
    enum exchange_outcome (*perform)(struct exchange *exchange,
                                     const struct exchange_request *request,
                                     struct exchange_response *response);
    void (*close)(struct exchange *exchange); /* NULL is fine */
};

struct exchange {
    const struct exchange_ops *ops;
};

/* Makes exchanges: one a thread. */
struct exchange_factory {
    enum rc (*make)(void *ctx, struct exchange **exchange_out, struct error *err);
    void *ctx;
};

/* By libcurl. Settings and halt are borrowed for its life. */
enum rc exchange_curl_new(const struct load_settings *settings, struct halt *halt,
                          struct exchange **exchange_out, struct error *err) MUST_CHECK;

#endif
