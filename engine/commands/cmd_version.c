/* SPDX-License-Identifier: Apache-2.0 */
#include "commands_int.h"

static enum exit_code run(const struct command_parts *parts UNUSED,
                          const struct command_line *line UNUSED)
{
    printf("millrace %s\n", MILLRACE_VERSION);
    return EXIT_CODE_OK;
}

const struct command command_version = {
    .name = "version",
    .arguments = "",
    .summary = "Print the version.",
    .run = run,
};
