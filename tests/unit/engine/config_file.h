/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A pipeline file for a test: written to a temporary folder that is also the working directory, so
 * that messages name it as "p.yaml".
 */
#ifndef MILLRACE_TEST_CONFIG_FILE_H
#define MILLRACE_TEST_CONFIG_FILE_H

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "engine/engine.h"

static inline void write_file(const char *path, const void *bytes, size_t len)
{
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, len, file), len);
    assert_int_equal(fclose(file), 0);
}

static inline int enter_folder(void **state)
{
    (void)state;
    static char folder[] = "/tmp/millrace-test-XXXXXX";
    return mkdtemp(folder) == NULL || chdir(folder) != 0;
}

static inline int leave_folder(void **state)
{
    (void)state;
    char folder[64];
    if (getcwd(folder, sizeof(folder)) == NULL)
        return 1;
    (void)unlink("p.yaml");
    (void)unlink("secret");
    return chdir("/") != 0 || rmdir(folder) != 0;
}

static inline struct cfg_document *load(const char *yaml)
{
    write_file("p.yaml", yaml, strlen(yaml));
    struct cfg_document *document = NULL;
    struct error err;
    error_clear(&err);
    enum rc rc = cfg_load("p.yaml", &document, &err);
    assert_string_equal(err.text, "");
    assert_int_equal(rc, RC_OK);
    return document;
}

static inline void load_fails(const char *yaml, const char *message)
{
    write_file("p.yaml", yaml, strlen(yaml));
    struct cfg_document *document = NULL;
    struct error err;
    error_clear(&err);
    assert_int_equal(cfg_load("p.yaml", &document, &err), RC_CONFIG);
    assert_string_equal(err.text, message);
    assert_null(document);
}

#endif
