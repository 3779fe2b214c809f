/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A password or a token. It has its own type so that no log line, error or config print shows it by
 * accident: whoever wants the bytes must call secret_reveal, and reviewers look for that word.
 */
#ifndef MILLRACE_BASE_SECRET_H
#define MILLRACE_BASE_SECRET_H

struct secret {
    const char
        *hidden; /* a C string for C libraries; borrowed from the config document; NULL: not set */
};

/* Never NULL; "" when not set. The result must go straight into the library call that needs it. */
static inline const char *secret_reveal(struct secret secret)
{
    return secret.hidden == 0 ? "" : secret.hidden;
}

static inline int secret_is_set(struct secret secret)
{
    return secret.hidden != 0;
}

#endif
