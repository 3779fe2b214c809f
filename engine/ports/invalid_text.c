/* SPDX-License-Identifier: Apache-2.0 */
#include "invalid_text.h"

#include <stddef.h>

const char *const invalid_text_words[] = {"stop", "replace", "base64", NULL};
