/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where a request goes, and where it may be sent on to. Redirects are followed by hand, because a
 * frontend bakes user and password into its Location, the address may only be right inside the
 * cluster's own network, and credentials must never follow a Location to just any place
 * (facts/doris.md 1.2, facts/starrocks.md 1.3). Pure.
 */
#ifndef MILLRACE_SINKS_STREAM_LOAD_REDIRECT_INT_H
#define MILLRACE_SINKS_STREAM_LOAD_REDIRECT_INT_H

#include "stream_load_int.h"

#define ENDPOINT_HOST_MAX 320
#define ENDPOINT_PATH_MAX 2048
#define ENDPOINT_URL_MAX (ENDPOINT_HOST_MAX + ENDPOINT_PATH_MAX + 16)

struct endpoint {
    bool tls;
    char authority[ENDPOINT_HOST_MAX]; /* "host:port" */
    char path[ENDPOINT_PATH_MAX];      /* with its query */
};

/* "http://host:port/path?query". `url` has ENDPOINT_URL_MAX bytes. C strings because libcurl takes
 * and gives them. */
void endpoint_url(const struct endpoint *endpoint, char *url);

/* Appends text with everything but letters, digits and -._~ percent-encoded. */
void url_add_escaped(struct buf *out, struct slice text);

/* Reads an absolute URL into its parts: http or https, user-info cut away, the fragment too.
 * RC_PROTOCOL with words that never hold the user-info. */
enum rc endpoint_parse(const char *url, struct endpoint *endpoint_out,
                       struct error *err) MUST_CHECK;

/* Puts the address that the configured map has for this one, if any. A value may begin with
 * "http://" or "https://" to say how to speak to it; then true comes back in `scheme_said_out`. */
enum rc endpoint_rewrite(const struct cfg_map *rewrite, struct endpoint *endpoint,
                         bool *scheme_said_out, struct error *err) MUST_CHECK;

/* The next endpoint for a Location that `from` answered with. Refused (RC_PROTOCOL): another path
 * than the one that was asked for, and plain HTTP where the frontends are spoken to by TLS, unless
 * the map allows it by name. */
enum rc redirect_resolve(const struct load_settings *settings, const struct endpoint *from,
                         const char *location, struct endpoint *to, struct error *err) MUST_CHECK;

#endif
