/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The feed of a running dump.
 *
 *   plain   reader thread: recv of up to 1 MiB -> chunk -> ring; the decoder's thread frames packets
 *           where they lie
 *   TLS     reader thread: the library's packet call -> written with a frame header into a chunk (one
 *           copy, counted) -> ring; the decoder's side is the same
 *
 * Threads: `next`, `stats` and `close` on the decoder's thread; `stop` on any; the reader thread
 * owns the descriptor (or, under TLS, the connection) between open and close.
 *
 * Invariants: the ring has room for every chunk of the pool, so that a push never waits; the pool
 * is the bound on read-ahead. The reader leaves its last word in `ending` before it closes the
 * ring, and the decoder's side looks at it only after the ring is empty: all that came before an
 * error is delivered before the error is told.
 *
 * Silence is counted only while the reader waits for the server, not while it waits for a chunk.
 */
#include "server_feed_int.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "dump_error_int.h"
#include "frame_int.h"

#define FEED_CHUNK_BYTES (1u << 20)
#define FEED_CHUNKS_MIN 2u

struct server_feed {
    struct binlog_feed base; /* first */
    struct server_feed_options options;
    struct chunk_pool *pool; /* owned */
    struct ring ring;        /* chunks, from the reader to the decoder */
    struct frame_reader frames;
    int wake_fd; /* an eventfd: `stop` wakes a waiting poll */
    pthread_t reader;
    atomic_bool stopping;
    struct error ending; /* why the reader ended; RC_OK while it runs */
    atomic_uint_fast64_t bytes_read;
    atomic_uint_fast64_t bytes_copied_by_reader;
    atomic_uint_fast64_t last_received_us;
};

static void note_received(struct server_feed *feed, size_t len)
{
    atomic_fetch_add_explicit(&feed->bytes_read, len, memory_order_relaxed);
    atomic_store_explicit(&feed->last_received_us, clock_wall_us(), memory_order_relaxed);
}

/* Hands a chunk on; false when the feed is being stopped. */
static bool hand_on(struct server_feed *feed, struct chunk *chunk)
{
    if (chunk->len > 0 && ring_push(&feed->ring, chunk) == RC_OK)
        return true;
    chunk_release(chunk);
    return false;
}

/* Waits until the descriptor has bytes. RC_OK, RC_TIMEOUT, RC_CANCELLED, RC_IO. */
static enum rc wait_readable(struct server_feed *feed, struct error *err)
{
    struct pollfd fds[2] = {{.fd = feed->options.fd, .events = POLLIN},
                            {.fd = feed->wake_fd, .events = POLLIN}};
    uint64_t silence_ms = feed->options.silence_ms;
    uint64_t deadline_us = clock_monotonic_us() + silence_ms * 1000;
    for (;;) {
        int wait_ms = -1;
        if (silence_ms != 0) {
            uint64_t now_us = clock_monotonic_us();
            uint64_t left_ms = now_us >= deadline_us ? 0 : (deadline_us - now_us + 999) / 1000;
            wait_ms = left_ms > 3600000 ? 3600000 : (int)left_ms;
        }
        int ready = poll(fds, 2, wait_ms);
        if (atomic_load(&feed->stopping))
            return error_set(err, RC_CANCELLED, "Reading the binlog was stopped.");
        if (ready > 0)
            return RC_OK;
        if (ready < 0 && errno != EINTR)
            return error_set_os(err, RC_IO, errno, "Waiting for the server failed");
        if (silence_ms != 0 && clock_monotonic_us() >= deadline_us)
            return error_set(err, RC_TIMEOUT,
                             "The server has been silent for %llu ms, longer than two heartbeats.",
                             (unsigned long long)silence_ms);
    }
}

/* Fills a chunk with what is there: at least one byte, and as much as comes without waiting. */
static enum rc fill_chunk(struct server_feed *feed, struct chunk *chunk, struct error *err)
{
    while (chunk->len < chunk->cap) {
        ssize_t len =
            recv(feed->options.fd, chunk->ptr + chunk->len, chunk->cap - chunk->len, MSG_DONTWAIT);
        if (len > 0) {
            chunk->len += (size_t)len;
            note_received(feed, (size_t)len);
            continue;
        }
        if (len < 0 && errno == EINTR)
            continue;
        bool nothing_now = len < 0 && (errno == EAGAIN || errno == EWOULDBLOCK);
        if (nothing_now && chunk->len > 0)
            return RC_OK;
        if (nothing_now) {
            enum rc rc = wait_readable(feed, err);
            if (rc != RC_OK)
                return rc;
            continue;
        }
        if (len == 0)
            return error_set(err, RC_CONNECT, "The server closed the connection.");
        return error_set_os(err, RC_CONNECT, errno, "The connection to the server broke");
    }
    return RC_OK;
}

static void read_plain(struct server_feed *feed)
{
    enum rc rc = RC_OK;
    while (rc == RC_OK) {
        struct chunk *chunk = chunk_take(feed->pool);
        if (chunk == NULL) {
            rc = error_set(&feed->ending, RC_CANCELLED, "Reading the binlog was stopped.");
            break;
        }
        rc = fill_chunk(feed, chunk, &feed->ending);
        /* What came before an error is handed on first. */
        if (!hand_on(feed, chunk) && rc == RC_OK)
            rc = error_set(&feed->ending, RC_CANCELLED, "Reading the binlog was stopped.");
    }
}

/* Where the reader under TLS puts its packets. */
struct packing {
    struct chunk *chunk; /* NULL: none in hand */
    uint8_t sequence;
};

/* Copies bytes into chunks, handing on each that is full. False: the feed is being stopped. */
static bool pack_bytes(struct server_feed *feed, struct packing *packing, struct slice bytes)
{
    while (bytes.len > 0) {
        if (packing->chunk == NULL)
            packing->chunk = chunk_take(feed->pool);
        struct chunk *chunk = packing->chunk;
        if (chunk == NULL)
            return false;
        size_t room = chunk->cap - chunk->len;
        size_t len = bytes.len < room ? bytes.len : room;
        memcpy(chunk->ptr + chunk->len, bytes.ptr, len);
        chunk->len += len;
        bytes = slice_of(bytes.ptr + len, bytes.len - len);
        if (chunk->len == chunk->cap) {
            packing->chunk = NULL;
            if (!hand_on(feed, chunk))
                return false;
        }
    }
    return true;
}

static bool pack_packet(struct server_feed *feed, struct packing *packing, struct slice packet)
{
    for (;;) {
        uint32_t len =
            packet.len < FRAME_PAYLOAD_MAX ? (uint32_t)packet.len : (uint32_t)FRAME_PAYLOAD_MAX;
        uint8_t header[FRAME_HEADER_BYTES];
        store_u32le(header, len | (uint32_t)packing->sequence << 24);
        packing->sequence++;
        if (!pack_bytes(feed, packing, slice_of(header, sizeof(header))) ||
            !pack_bytes(feed, packing, slice_of(packet.ptr, len)))
            return false;
        packet = slice_of(packet.ptr + len, packet.len - len);
        if (len != FRAME_PAYLOAD_MAX)
            return true;
    }
}

/* Whether more bytes lie in the socket. The library may hold some more in its own buffer, which it
 * does not tell: then a chunk goes on a little early, and nothing is late. */
static bool more_is_coming(int fd)
{
    struct pollfd poll_fd = {.fd = fd, .events = POLLIN};
    return poll(&poll_fd, 1, 0) > 0;
}

static void read_encrypted(struct server_feed *feed)
{
    struct packing packing = {.sequence = 1};
    int fd = myconn_fd(feed->options.conn);
    enum rc rc = RC_OK;
    while (rc == RC_OK) {
        struct slice packet;
        rc = myconn_packet(feed->options.conn, &packet, &feed->ending);
        if (rc != RC_OK)
            break;
        note_received(feed, packet.len);
        atomic_fetch_add_explicit(&feed->bytes_copied_by_reader, packet.len, memory_order_relaxed);
        bool going_on = pack_packet(feed, &packing, packet);
        if (going_on && packing.chunk != NULL && !more_is_coming(fd)) {
            struct chunk *chunk = packing.chunk;
            packing.chunk = NULL;
            going_on = hand_on(feed, chunk);
        }
        if (!going_on)
            rc = error_set(&feed->ending, RC_CANCELLED, "Reading the binlog was stopped.");
    }
    if (packing.chunk != NULL)
        (void)hand_on(feed, packing.chunk);
}

static void *reader_main(void *arg)
{
    struct server_feed *feed = arg;
    if (feed->options.fd >= 0)
        read_plain(feed);
    else
        read_encrypted(feed);
    ring_close(&feed->ring);
    return NULL;
}

static struct server_feed *feed_of(struct binlog_feed *base)
{
    return (struct server_feed *)base;
}

/* What is left to say once all that came has been delivered. */
static enum rc tell_ending(struct server_feed *feed, struct error *err)
{
    if (atomic_load(&feed->stopping))
        return error_set(err, RC_CANCELLED, "Reading the binlog was stopped.");
    ASSERT(feed->ending.rc != RC_OK);
    enum rc rc = dump_error_refine(&feed->ending);
    if (err != NULL)
        *err = feed->ending;
    return rc;
}

/* The three sorts of packets of a dump (facts/binlog.md 8.1). */
static enum rc open_packet(struct slice packet, struct binlog_raw_event *event, struct error *err)
{
    if (packet.len == 0)
        return error_set(err, RC_PROTOCOL, "The server sent an empty packet in its binlog dump.");
    uint8_t kind = packet.ptr[0];
    if (kind == 0x00) {
        *event = (struct binlog_raw_event){.bytes = slice_of(packet.ptr + 1, packet.len - 1),
                                           .offset = BINLOG_OFFSET_UNKNOWN};
        return RC_OK;
    }
    if (kind == 0xff) {
        struct error answer = {0};
        enum rc rc = myconn_packet_error(slice_of(packet.ptr + 1, packet.len - 1), &answer);
        rc = dump_error_refine(&answer);
        if (err != NULL)
            *err = answer;
        return rc;
    }
    /* We ask for a dump without an end, so its end means that the server is going down. */
    if (kind == 0xfe && packet.len < 9)
        return error_set(err, RC_CONNECT, "The server ended its binlog dump.");
    return error_set(err, RC_PROTOCOL,
                     "The server sent a packet of unknown kind 0x%02x in its binlog dump.", kind);
}

static enum rc next(struct binlog_feed *base, struct binlog_raw_event *event, unsigned wait_ms,
                    struct error *err)
{
    struct server_feed *feed = feed_of(base);
    for (;;) {
        struct slice packet;
        enum rc rc = frame_next(&feed->frames, &packet, err);
        if (rc == RC_OK)
            return open_packet(packet, event, err);
        if (rc != RC_AGAIN)
            return rc;
        if (atomic_load(&feed->stopping))
            return error_set(err, RC_CANCELLED, "Reading the binlog was stopped.");
        void *chunk = NULL;
        rc = ring_pop(&feed->ring, &chunk, wait_ms);
        if (rc == RC_AGAIN)
            return RC_AGAIN;
        if (rc != RC_OK)
            return tell_ending(feed, err);
        frame_give(&feed->frames, chunk);
    }
}

static void stats(const struct binlog_feed *base, uint64_t *bytes_read, uint64_t *bytes_copied,
                  uint64_t *last_received_us)
{
    const struct server_feed *feed = (const struct server_feed *)base;
    *bytes_read = atomic_load_explicit(&feed->bytes_read, memory_order_relaxed);
    *bytes_copied = feed->frames.bytes_copied +
                    atomic_load_explicit(&feed->bytes_copied_by_reader, memory_order_relaxed);
    *last_received_us = atomic_load_explicit(&feed->last_received_us, memory_order_relaxed);
}

static void stop(struct binlog_feed *base)
{
    struct server_feed *feed = feed_of(base);
    atomic_store(&feed->stopping, true);
    uint64_t one = 1;
    /* The counter can only be full when it has woken the reader already. */
    if (write(feed->wake_fd, &one, sizeof(one)) < 0)
        ASSERT(errno == EAGAIN);
    chunk_pool_stop(feed->pool);
    if (feed->options.fd < 0)
        myconn_interrupt(feed->options.conn);
    ring_close(&feed->ring);
}

static void close_feed(struct binlog_feed *base)
{
    if (base == NULL)
        return;
    struct server_feed *feed = feed_of(base);
    stop(base);
    pthread_join(feed->reader, NULL);
    void *chunk = NULL;
    while (ring_pop(&feed->ring, &chunk, 0) == RC_OK)
        chunk_release(chunk);
    frame_reader_deinit(&feed->frames);
    ring_deinit(&feed->ring);
    chunk_pool_free(feed->pool);
    close(feed->wake_fd);
    free(feed);
}

static const struct binlog_feed_ops server_feed_ops = {
    .next = next, .stats = stats, .stop = stop, .close = close_feed};

/* A peer that vanished without a word is found by the system, too, where heartbeats are off. */
static void set_keepalive(int fd)
{
    int on = 1;
    (void)setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(on));
}

static enum rc start_reader(struct server_feed *feed, struct error *err)
{
    int code = pthread_create(&feed->reader, NULL, reader_main, feed);
    if (code != 0)
        return error_set_os(err, RC_MEMORY, code, "The reader thread cannot be started");
    return RC_OK;
}

enum rc server_feed_open(const struct server_feed_options *options, struct binlog_feed **feed_out,
                         struct error *err)
{
    ASSERT(options->fd >= 0 || options->conn != NULL);
    *feed_out = NULL;
    size_t count = options->read_ahead_bytes / FEED_CHUNK_BYTES;
    if (count < FEED_CHUNKS_MIN)
        count = FEED_CHUNKS_MIN;
    struct server_feed *feed = calloc(1, sizeof(*feed));
    if (feed == NULL)
        return error_set(err, RC_MEMORY, "No memory for reading the binlog.");
    feed->base.ops = &server_feed_ops;
    feed->options = *options;
    feed->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (feed->wake_fd < 0) {
        enum rc rc = error_set_os(err, RC_IO, errno, "No descriptor for waking the reader");
        free(feed);
        return rc;
    }
    enum rc rc = chunk_pool_new(FEED_CHUNK_BYTES, (unsigned)count, &feed->pool, err);
    if (rc == RC_OK) {
        rc = ring_init(&feed->ring, (unsigned)count, err);
        if (rc == RC_OK) {
            frame_reader_init(&feed->frames, 1, options->packet_max);
            if (options->fd >= 0)
                set_keepalive(options->fd);
            rc = start_reader(feed, err);
            if (rc == RC_OK) {
                *feed_out = &feed->base;
                return RC_OK;
            }
            ring_deinit(&feed->ring);
        }
        chunk_pool_free(feed->pool);
    }
    close(feed->wake_fd);
    free(feed);
    return rc;
}
