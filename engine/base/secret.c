/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Secrets that are read from files and commands, once at the start and again when a server has
 * refused them; see secret.h.
 *
 * The text is handed out as a copy, because another thread may renew it at any time. No bound on
 * how often it is renewed is needed: it is read again only behind a refusal, and those are spaced
 * by the backoff of whoever connects.
 */
#include "secret.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "clock.h"
#include "log.h"
#include "secret_int.h"

#define PATIENCE_US (5ull * 60 * 1000000)

struct secret_origin {
    enum secret_kind kind;
    char *place; /* owned */

    pthread_mutex_t lock; /* guards the rest */
    char *text;           /* owned, wiped; never NULL */
    unsigned version;     /* counts the texts */
    bool accepted;        /* a server has taken some text of this origin */
    uint64_t refused_us;  /* when a server began to refuse; 0: it does not */
};

bool secret_is_set(struct secret secret)
{
    return secret.hidden != NULL || secret.origin != NULL;
}

char *secret_copy(struct secret secret)
{
    struct secret_origin *origin = secret.origin;
    if (origin == NULL)
        return strdup(secret.hidden == NULL ? "" : secret.hidden);
    pthread_mutex_lock(&origin->lock);
    char *copy = strdup(origin->text);
    pthread_mutex_unlock(&origin->lock);
    return copy;
}

void secret_wipe(char *text)
{
    if (text != NULL)
        explicit_bzero(text, strlen(text));
    free(text);
}

unsigned secret_version(struct secret secret)
{
    if (secret.origin == NULL)
        return 0;
    pthread_mutex_lock(&secret.origin->lock);
    unsigned version = secret.origin->version;
    pthread_mutex_unlock(&secret.origin->lock);
    return version;
}

void secret_accepted(struct secret secret)
{
    if (secret.origin == NULL)
        return;
    pthread_mutex_lock(&secret.origin->lock);
    secret.origin->accepted = true;
    secret.origin->refused_us = 0;
    pthread_mutex_unlock(&secret.origin->lock);
}

bool secret_may_change(struct secret secret)
{
    struct secret_origin *origin = secret.origin;
    if (origin == NULL)
        return false;
    pthread_mutex_lock(&origin->lock);
    bool may = origin->accepted && origin->refused_us != 0 &&
               clock_monotonic_us() - origin->refused_us < PATIENCE_US;
    pthread_mutex_unlock(&origin->lock);
    return may;
}

static enum rc read_file(const char *path, uint8_t *bytes, size_t *len_out, struct error *err)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return error_set_os(err, RC_CONFIG, errno,
                            "takes its value from %s, which cannot be opened", path);
    size_t len = 0;
    enum rc rc = RC_OK;
    while (len < SECRET_BYTES_MAX + 1) {
        ssize_t got = read(fd, bytes + len, SECRET_BYTES_MAX + 1 - len);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            rc = error_set_os(err, RC_CONFIG, errno,
                              "takes its value from %s, which cannot be read", path);
        if (got <= 0)
            break;
        len += (size_t)got;
    }
    close(fd);
    *len_out = len;
    return rc;
}

/* The bytes as a text; owned by the caller. */
static enum rc make_text(const char *from, const uint8_t *bytes, size_t len, char **text_out,
                         struct error *err)
{
    if (len > SECRET_BYTES_MAX)
        return error_set(err, RC_CONFIG, "takes its value from %s, which %s more than %d bytes.",
                         from, "gives", SECRET_BYTES_MAX);
    if (len > 0 && memchr(bytes, 0, len) != NULL)
        return error_set(err, RC_CONFIG, "takes its value from %s, which holds a zero byte.", from);
    if (len > 0 && bytes[len - 1] == '\n')
        len -= len > 1 && bytes[len - 2] == '\r' ? 2 : 1;
    *text_out = strndup((const char *)bytes, len);
    return *text_out == NULL ? error_set(err, RC_MEMORY, "needs more memory than there is.")
                             : RC_OK;
}

/* What the origin gives now. */
static enum rc read_origin(const struct secret_origin *origin, char **text_out, struct error *err)
{
    uint8_t *bytes = malloc(SECRET_BYTES_MAX + 1);
    if (bytes == NULL)
        return error_set(err, RC_MEMORY, "needs more memory than there is.");
    size_t len = 0;
    bool is_file = origin->kind == SECRET_FILE;
    enum rc rc = is_file ? read_file(origin->place, bytes, &len, err)
                         : secret_run(origin->place, bytes, &len, err);
    if (rc == RC_OK)
        rc = make_text(is_file ? origin->place : "its command", bytes, len, text_out, err);
    explicit_bzero(bytes, SECRET_BYTES_MAX + 1);
    free(bytes);
    return rc;
}

bool secret_renew(struct secret secret, unsigned version)
{
    struct secret_origin *origin = secret.origin;
    if (origin == NULL)
        return false;
    struct error err;
    error_clear(&err);
    char *text = NULL;
    pthread_mutex_lock(&origin->lock);
    if (origin->refused_us == 0)
        origin->refused_us = clock_monotonic_us();
    bool changed = origin->version != version; /* somebody else was quicker */
    enum rc rc = changed ? RC_OK : read_origin(origin, &text, &err);
    if (text != NULL && strcmp(text, origin->text) != 0) {
        char *before = origin->text;
        origin->text = text;
        origin->version++;
        changed = true;
        text = before;
    }
    pthread_mutex_unlock(&origin->lock);
    secret_wipe(text);
    if (rc != RC_OK)
        log_warn("secret", "A password was refused, and it could not be read again.",
                 LOG_STR("reason", err.text));
    return changed;
}

enum rc secret_origin_open(enum secret_kind kind, const char *place,
                           struct secret_origin **origin_out, struct error *err)
{
    *origin_out = NULL;
    if (place[0] != '/')
        return error_set(err, RC_CONFIG, "must name %s by its whole path, as in %s.",
                         kind == SECRET_FILE ? "a file" : "a program",
                         kind == SECRET_FILE ? "file:/etc/millrace/password"
                                             : "command:/usr/local/bin/password shop");
    struct secret_origin *origin = calloc(1, sizeof(*origin));
    if (origin == NULL || (origin->place = strdup(place)) == NULL) {
        free(origin);
        return error_set(err, RC_MEMORY, "needs more memory than there is.");
    }
    origin->kind = kind;
    enum rc rc = read_origin(origin, &origin->text, err);
    int code = rc == RC_OK ? pthread_mutex_init(&origin->lock, NULL) : 0;
    if (code != 0)
        rc = error_set_os(err, RC_MEMORY, code, "needs a lock, which cannot be made");
    if (rc != RC_OK) {
        secret_wipe(origin->text);
        free(origin->place);
        free(origin);
        return rc;
    }
    *origin_out = origin;
    return RC_OK;
}

void secret_origin_close(struct secret_origin *origin)
{
    if (origin == NULL)
        return;
    pthread_mutex_destroy(&origin->lock);
    secret_wipe(origin->text);
    secret_wipe(origin->place);
    free(origin);
}
