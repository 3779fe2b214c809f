/* SPDX-License-Identifier: Apache-2.0 */
#include "change.h"

const char *change_kind_name(enum change_kind kind)
{
    static const char *const names[] = {
        [CHANGE_NONE] = "nothing",
        [CHANGE_READ] = "read",
        [CHANGE_INSERT] = "insert",
        [CHANGE_UPDATE] = "update",
        [CHANGE_DELETE] = "delete",
        [CHANGE_TRUNCATE] = "truncate",
        [CHANGE_SCHEMA] = "schema change",
        [CHANGE_COMMIT] = "commit",
        [CHANGE_IDLE] = "idle",
    };
    return (unsigned)kind < COUNT_OF(names) ? names[kind] : "unknown";
}
