/* SPDX-License-Identifier: Apache-2.0 */
/*
 * See error.h. Texts are cut between UTF-8 characters and are one line, whatever a server wrote.
 */
#include "error.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "text.h"

static const enum error_class classes[] = {
#define RC_CLASS(name, text, class) [name] = class,
    RC_LIST(RC_CLASS)
#undef RC_CLASS
};

void error_clear(struct error *err)
{
    if (err == NULL)
        return;
    *err = (struct error){0};
}

/* One line of UTF-8: whatever a server or a damaged file wrote into a message, a log line stays a
 * line that can be read. */
static void flatten(struct error *err)
{
    size_t len = strlen(err->text);
    for (size_t i = 0; i < len;) {
        char *at = err->text + i;
        size_t step = text_utf8_len(slice_of(at, len - i));
        if (step == 0)
            *at = '?';
        else if ((unsigned char)*at < 0x20 || *at == 0x7f)
            *at = ' ';
        i += step == 0 ? 1 : step;
    }
    err->text_len = (uint16_t)len;
}

/* A text that was cut may end inside a UTF-8 sequence; take the torn one away. */
static void mend_tail(char *text)
{
    size_t len = strlen(text);
    size_t back = 0;
    while (back < 3 && back < len && ((unsigned char)text[len - 1 - back] & 0xc0) == 0x80)
        back++;
    if (back >= len)
        return;
    unsigned char lead = (unsigned char)text[len - 1 - back];
    size_t wants = lead >= 0xf0 ? 3 : lead >= 0xe0 ? 2 : lead >= 0xc0 ? 1 : 0;
    if (wants > back)
        text[len - 1 - back] = '\0';
}

static void set_text(struct error *err, const char *format, va_list args)
{
    int len = vsnprintf(err->text, sizeof(err->text), format, args);
    if (len < 0)
        snprintf(err->text, sizeof(err->text), "%s", rc_text(err->rc));
    mend_tail(err->text);
    flatten(err);
}

enum rc error_set(struct error *err, enum rc rc, const char *format, ...)
{
    if (err == NULL)
        return rc;
    *err = (struct error){.rc = rc, .class = classes[rc]};
    va_list args;
    va_start(args, format);
    set_text(err, format, args);
    va_end(args);
    return rc;
}

enum rc error_set_os(struct error *err, enum rc rc, int os_code, const char *format, ...)
{
    if (err == NULL)
        return rc;
    *err = (struct error){.rc = rc, .class = classes[rc], .os_code = os_code};
    va_list args;
    va_start(args, format);
    set_text(err, format, args);
    va_end(args);
    char reason[128] = "";
    const char *text = strerror_r(os_code, reason, sizeof(reason));
    size_t len = strlen(err->text);
    snprintf(err->text + len, sizeof(err->text) - len, ": %s", text);
    flatten(err);
    return rc;
}

void error_wrap(struct error *err, const char *format, ...)
{
    if (err == NULL)
        return;
    char context[ERROR_TEXT_MAX];
    va_list args;
    va_start(args, format);
    vsnprintf(context, sizeof(context), format, args);
    va_end(args);
    char whole[2 * ERROR_TEXT_MAX + 4];
    snprintf(whole, sizeof(whole), "%s: %s", context, err->text);
    snprintf(err->text, sizeof(err->text), "%.*s", (int)sizeof(err->text) - 1, whole);
    mend_tail(err->text);
    flatten(err);
}

void error_hint(struct error *err, const char *format, ...)
{
    if (err == NULL)
        return;
    size_t len = strlen(err->text);
    bool ends = len > 0 && (err->text[len - 1] == '.' || err->text[len - 1] == '?');
    int added = snprintf(err->text + len, sizeof(err->text) - len, ends ? " " : ". ");
    if (added > 0)
        len += (size_t)added;
    if (len < sizeof(err->text)) {
        va_list args;
        va_start(args, format);
        vsnprintf(err->text + len, sizeof(err->text) - len, format, args);
        va_end(args);
    }
    mend_tail(err->text);
    flatten(err);
}

const char *error_class_name(enum error_class class)
{
    switch (class) {
    case ERROR_NONE:
        return "none";
    case ERROR_RETRY:
        return "retry";
    case ERROR_REJECT:
        return "reject";
    case ERROR_FATAL:
        return "fatal";
    case ERROR_CANCELLED:
        return "cancelled";
    }
    return "unknown";
}

noreturn void assert_failed(const char *expression, const char *file, int line)
{
    fprintf(stderr, "millrace: internal error: %s does not hold at %s:%d. Please report this.\n",
            expression, file, line);
    abort();
}
