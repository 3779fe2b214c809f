/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Drains a server's binlog as fast as the socket gives it, and looks at nothing but packet lengths:
 * the bound that catching up is measured against.
 *
 *   bench_drain HOST PORT USER PASSWORD FILE       from FILE's beginning to the newest event
 *
 * Prints one JSON object: bytes, packets, seconds.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "engine/engine.h"

enum {
    READ_BYTES = 1 << 20,
    HEADER_LEN = 4,
    DUMP_COMMAND = 0x12,
    NON_BLOCKING = 1, /* the server ends the dump at its newest event (facts/binlog.md 8.2) */
    SERVER_ID = 5999
};

struct walk {
    uint64_t bytes;
    uint64_t packets;
    uint64_t left; /* of the packet in hand */
    unsigned have; /* of its header and first byte */
    uint8_t head[HEADER_LEN + 1];
    bool ended;
};

/* Moves over the bytes of one read; a packet may begin in one and end in another. */
static void walk_over(struct walk *walk, const uint8_t *ptr, size_t len)
{
    walk->bytes += len;
    while (len > 0 && !walk->ended) {
        if (walk->left > 0) {
            size_t step = len < walk->left ? len : (size_t)walk->left;
            walk->left -= step;
            ptr += step;
            len -= step;
            continue;
        }
        walk->head[walk->have++] = *ptr++;
        len--;
        if (walk->have < sizeof(walk->head))
            continue;
        uint32_t size = load_u24le(walk->head);
        walk->have = 0;
        walk->packets++;
        walk->left = size - 1;
        bool is_end = walk->head[HEADER_LEN] == 0xfe && size < 9;
        walk->ended = is_end || walk->head[HEADER_LEN] == 0xff;
    }
}

static enum rc drain(struct myconn *conn, const char *file, struct walk *walk, struct error *err)
{
    enum rc rc =
        myconn_exec(conn, SLICE("SET @master_binlog_checksum = @@global.binlog_checksum"), err);
    if (rc == RC_OK && myconn_is_mariadb(conn))
        rc = myconn_exec(conn, SLICE("SET @mariadb_slave_capability = 4"), err);
    if (rc != RC_OK)
        return rc;
    uint8_t command[10 + 256];
    size_t name_len = strlen(file) < 256 ? strlen(file) : 256;
    store_u32le(command, 4);
    store_u16le(command + 4, NON_BLOCKING);
    store_u32le(command + 6, SERVER_ID);
    memcpy(command + 10, file, name_len);
    rc = myconn_command(conn, DUMP_COMMAND, slice_of(command, 10 + name_len), err);
    if (rc != RC_OK)
        return rc;
    uint8_t *buffer = malloc(READ_BYTES);
    if (buffer == NULL)
        return error_set(err, RC_MEMORY, "There is no memory for a buffer.");
    int fd = myconn_plain_fd(conn);
    while (!walk->ended) {
        ssize_t got = read(fd, buffer, READ_BYTES);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            break;
        walk_over(walk, buffer, (size_t)got);
    }
    free(buffer);
    return RC_OK;
}

int main(int argc, char **argv)
{
    uint64_t port;
    if (argc != 6 || !text_parse_u64(slice_str(argv[2]), &port)) {
        fprintf(stderr, "Usage: bench_drain HOST PORT USER PASSWORD FILE\n");
        return 2;
    }
    struct myconn_options options = {.host = argv[1],
                                     .port = (uint16_t)port,
                                     .user = argv[3],
                                     .password = {argv[4]},
                                     .connect_timeout_ms = 10000,
                                     .purpose = "binlog"};
    struct myconn *conn;
    struct error err;
    struct walk walk = {0};
    enum rc rc = myconn_open(&options, &conn, &err);
    uint64_t started_us = clock_monotonic_us();
    if (rc == RC_OK) {
        rc = drain(conn, argv[5], &walk, &err);
        myconn_close(conn);
    }
    if (rc != RC_OK) {
        fprintf(stderr, "bench_drain: %s\n", err.text);
        return 1;
    }
    double seconds = (double)(clock_monotonic_us() - started_us) / 1e6;
    printf("{\"bytes\":%llu,\"packets\":%llu,\"seconds\":%.3f}\n", (unsigned long long)walk.bytes,
           (unsigned long long)walk.packets, seconds);
    return 0;
}
