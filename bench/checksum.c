/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reads a file and computes its CRC32: the bound that decoding a binlog file is measured against.
 *
 *   bench_checksum FILE
 *
 * Prints one JSON object: bytes, crc32, seconds.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include <zlib.h>

#include "engine/engine.h"

enum { READ_BYTES = 1 << 20 };

int main(int argc, char **argv)
{
    int fd = argc == 2 ? open(argv[1], O_RDONLY | O_CLOEXEC) : -1;
    uint8_t *buffer = malloc(READ_BYTES);
    if (fd < 0 || buffer == NULL) {
        fprintf(stderr, "Usage: bench_checksum FILE\n");
        return 2;
    }
    uint64_t bytes = 0;
    uLong crc = crc32(0, NULL, 0);
    uint64_t started_us = clock_monotonic_us();
    for (;;) {
        ssize_t got = read(fd, buffer, READ_BYTES);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            break;
        crc = crc32(crc, buffer, (uInt)got);
        bytes += (uint64_t)got;
    }
    double seconds = (double)(clock_monotonic_us() - started_us) / 1e6;
    printf("{\"bytes\":%llu,\"crc32\":%lu,\"seconds\":%.3f}\n", (unsigned long long)bytes, crc,
           seconds);
    free(buffer);
    close(fd);
    return 0;
}
