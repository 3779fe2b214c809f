/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What becomes of a text whose bytes are not valid in its column's character set. Servers hold such
 * values: characters that the set has no meaning for, rows that came in under the wrong set, files
 * that were damaged. Any of the choices is the user's; none is made in silence.
 */
#ifndef MILLRACE_PORTS_INVALID_TEXT_H
#define MILLRACE_PORTS_INVALID_TEXT_H

/* In the order of invalid_text_words. */
enum invalid_text {
    INVALID_TEXT_STOP = 0, /* an error that names the row */
    INVALID_TEXT_REPLACE,  /* U+FFFD in the place of what cannot be read */
    INVALID_TEXT_BASE64    /* "base64:" and the value's bytes in base64: nothing is lost */
};

/* "stop", "replace", "base64", NULL. */
extern const char *const invalid_text_words[];

#endif
