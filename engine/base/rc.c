/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The names and texts of rc.h.
 */
#include "rc.h"

static const char *const texts[] = {
#define RC_TEXT(name, text, class) [name] = text,
    RC_LIST(RC_TEXT)
#undef RC_TEXT
};

static const char *const names[] = {
#define RC_NAME(name, text, class) [name] = #name,
    RC_LIST(RC_NAME)
#undef RC_NAME
};

const char *rc_text(enum rc rc)
{
    return (unsigned)rc < RC_COUNT ? texts[rc] : "unknown result";
}

const char *rc_name(enum rc rc)
{
    return (unsigned)rc < RC_COUNT ? names[rc] : "RC_?";
}
