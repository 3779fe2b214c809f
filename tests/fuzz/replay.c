/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The corpus as an ordinary test: gives every file of the folders and files that are named on the
 * command line to the target that this is linked with. Nothing found is a failure: a test that ran
 * over nothing would prove nothing.
 */
#include <dirent.h>
#include <stdio.h>
#include <sys/stat.h>

#include "fuzz_int.h"

enum { INPUT_BYTES_MAX = 1 << 20 };

/* False when the file cannot be read or is larger than any input may be. */
static bool replay_file(const char *path)
{
    static uint8_t bytes[INPUT_BYTES_MAX];
    FILE *file = fopen(path, "rb");
    if (file == NULL)
        return false;
    size_t len = fread(bytes, 1, sizeof(bytes), file);
    bool whole = feof(file) != 0 && ferror(file) == 0;
    (void)fclose(file);
    if (!whole)
        return false;
    uint8_t *input = fuzz_exact(slice_of(bytes, len));
    (void)LLVMFuzzerTestOneInput(input, len);
    free(input);
    return true;
}

/* The number of files that were run, or -1. */
static int replay(const char *path)
{
    struct stat info;
    if (stat(path, &info) != 0)
        return -1;
    if (!S_ISDIR(info.st_mode))
        return replay_file(path) ? 1 : -1;
    DIR *folder = opendir(path);
    if (folder == NULL)
        return -1;
    int count = 0;
    for (struct dirent *entry = readdir(folder); entry != NULL; entry = readdir(folder)) {
        char name[4096];
        if (entry->d_name[0] == '.')
            continue;
        int len = snprintf(name, sizeof(name), "%s/%s", path, entry->d_name);
        if (len < 0 || (size_t)len >= sizeof(name) || !replay_file(name)) {
            fprintf(stderr, "%s/%s cannot be read.\n", path, entry->d_name);
            count = -1;
            break;
        }
        count++;
    }
    (void)closedir(folder);
    return count;
}

int main(int argc, char **argv)
{
    int total = 0;
    for (int i = 1; i < argc; i++) {
        int count = replay(argv[i]);
        if (count < 0) {
            fprintf(stderr, "%s cannot be replayed.\n", argv[i]);
            return 1;
        }
        total += count;
    }
    printf("%d inputs\n", total);
    return total > 0 ? 0 : 1;
}
