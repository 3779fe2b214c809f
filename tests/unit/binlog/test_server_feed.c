/* SPDX-License-Identifier: Apache-2.0 */
/* The feed of a dump, with a socket pair in the place of the server. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <pthread.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "binlog/frame_int.h"
#include "binlog/server_feed_int.h"

struct link {
    int server; /* what the test writes to */
    int client;
    struct binlog_feed *feed;
};

static void link_open(struct link *link, uint64_t silence_ms)
{
    int pair[2];
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
    link->server = pair[0];
    link->client = pair[1];
    struct server_feed_options options = {.fd = link->client,
                                          .silence_ms = silence_ms,
                                          .read_ahead_bytes = 2 << 20,
                                          .packet_max = 64u << 20};
    struct error err;
    assert_int_equal(server_feed_open(&options, &link->feed, &err), RC_OK);
}

static void link_close(struct link *link)
{
    link->feed->ops->close(link->feed);
    close(link->server);
    close(link->client);
}

static void send_all(int fd, const void *ptr, size_t len)
{
    const uint8_t *at = ptr;
    while (len > 0) {
        ssize_t sent = send(fd, at, len, MSG_NOSIGNAL);
        if (sent <= 0)
            return; /* the other side went away: the test sees that by itself */
        at += sent;
        len -= (size_t)sent;
    }
}

/* One event packet as the server frames it: 0x00 in front, cut into frames. */
static void add_event(struct buf *out, uint8_t *sequence, const uint8_t *event, size_t len)
{
    size_t left = len + 1;
    bool first = true;
    for (;;) {
        uint32_t part = left < FRAME_PAYLOAD_MAX ? (uint32_t)left : FRAME_PAYLOAD_MAX;
        uint8_t header[4];
        store_u32le(header, part | (uint32_t)*sequence << 24);
        (*sequence)++;
        buf_add(out, header, 4);
        size_t body = part;
        if (first) {
            buf_add_byte(out, 0);
            body--;
            first = false;
        }
        buf_add(out, event, body);
        event += body;
        left -= part;
        if (part != FRAME_PAYLOAD_MAX)
            return;
    }
}

static void add_packet(struct buf *out, uint8_t *sequence, struct slice payload)
{
    uint8_t header[4];
    store_u32le(header, (uint32_t)payload.len | (uint32_t)*sequence << 24);
    (*sequence)++;
    buf_add(out, header, 4);
    buf_add_slice(out, payload);
}

static enum rc feed_next(struct link *link, struct binlog_raw_event *event, struct error *err)
{
    return link->feed->ops->next(link->feed, event, 10000, err);
}

static void test_split_at_every_byte(void **state)
{
    (void)state;
    struct buf bytes;
    buf_init(&bytes, 4096);
    uint8_t sequence = 1;
    add_event(&bytes, &sequence, (const uint8_t *)"first event", 11);
    add_event(&bytes, &sequence, (const uint8_t *)"", 0);
    add_event(&bytes, &sequence, (const uint8_t *)"third", 5);
    /* The framer itself, with the bytes cut in two chunks at each place. */
    for (size_t cut = 0; cut <= bytes.len; cut++) {
        struct chunk_pool *pool = NULL;
        struct error err;
        assert_int_equal(chunk_pool_new(4096, 2, &pool, &err), RC_OK);
        struct frame_reader reader;
        frame_reader_init(&reader, 1, 4096);
        size_t from = 0;
        const char *expected[] = {"first event", "", "third"};
        unsigned count = 0;
        while (count < 3) {
            struct slice packet;
            enum rc rc = frame_next(&reader, &packet, &err);
            if (rc == RC_AGAIN) {
                size_t to = from < cut ? cut : bytes.len;
                assert_true(from < bytes.len);
                struct chunk *chunk = chunk_take(pool);
                memcpy(chunk->ptr, bytes.ptr + from, to - from);
                chunk->len = to - from;
                from = to;
                frame_give(&reader, chunk);
                continue;
            }
            assert_int_equal(rc, RC_OK);
            assert_int_equal(packet.ptr[0], 0);
            assert_int_equal(packet.len - 1, strlen(expected[count]));
            assert_memory_equal(packet.ptr + 1, expected[count], packet.len - 1);
            count++;
        }
        /* At most the packet that straddles the cut was moved. */
        assert_true(reader.bytes_copied <= 12);
        frame_reader_deinit(&reader);
        chunk_pool_free(pool);
    }
    /* And through a socket, a byte at a time. */
    struct link link;
    link_open(&link, 0);
    struct binlog_raw_event event;
    struct error err;
    for (size_t i = 0; i < bytes.len; i++) {
        send_all(link.server, bytes.ptr + i, 1);
        if (i % 3 == 0)
            assert_true(link.feed->ops->next(link.feed, &event, 0, &err) != RC_CONNECT);
    }
    link_close(&link);
    buf_deinit(&bytes);
}

struct sender {
    int fd;
    struct buf *bytes;
};

static void *sender_main(void *arg)
{
    struct sender *sender = arg;
    send_all(sender->fd, sender->bytes->ptr, sender->bytes->len);
    return NULL;
}

/* Events around the frame limit: one that fills a frame exactly is followed by an empty one. */
static void test_large_packets(void **state)
{
    (void)state;
    const size_t sizes[] = {FRAME_PAYLOAD_MAX - 2, FRAME_PAYLOAD_MAX - 1, FRAME_PAYLOAD_MAX,
                            2u * FRAME_PAYLOAD_MAX - 1, 3};
    for (size_t i = 0; i < COUNT_OF(sizes); i++) {
        size_t size = sizes[i];
        uint8_t *event = malloc(size);
        assert_non_null(event);
        for (size_t k = 0; k < size; k++)
            event[k] = (uint8_t)(k * 7 + k / 251);
        struct buf bytes;
        buf_init(&bytes, 128u << 20);
        uint8_t sequence = 1;
        add_event(&bytes, &sequence, event, size);
        add_event(&bytes, &sequence, (const uint8_t *)"behind", 6);
        struct link link;
        link_open(&link, 0);
        struct sender sender = {.fd = link.server, .bytes = &bytes};
        pthread_t thread;
        assert_int_equal(pthread_create(&thread, NULL, sender_main, &sender), 0);
        struct binlog_raw_event got;
        struct error err;
        assert_int_equal(feed_next(&link, &got, &err), RC_OK);
        assert_int_equal(got.bytes.len, size);
        assert_memory_equal(got.bytes.ptr, event, size);
        assert_true(got.offset == BINLOG_OFFSET_UNKNOWN);
        assert_int_equal(feed_next(&link, &got, &err), RC_OK);
        assert_memory_equal(got.bytes.ptr, "behind", 6);
        pthread_join(thread, NULL);
        uint64_t read = 0;
        uint64_t copied = 0;
        uint64_t received = 0;
        link.feed->ops->stats(link.feed, &read, &copied, &received);
        assert_int_equal(read, bytes.len);
        assert_true(received > 0);
        if (size > FRAME_PAYLOAD_MAX / 2)
            assert_true(copied >= size);
        link_close(&link);
        buf_deinit(&bytes);
        free(event);
    }
}

/* Far more than the read-ahead goes through, and sequence numbers wrap. */
static void test_many_packets(void **state)
{
    (void)state;
    enum { COUNT = 20000, LEN = 997 };
    struct buf bytes;
    buf_init(&bytes, 64u << 20);
    uint8_t sequence = 1;
    uint8_t event[LEN];
    for (uint32_t i = 0; i < COUNT; i++) {
        memset(event, (int)(i & 0xff), LEN);
        store_u32le(event, i);
        add_event(&bytes, &sequence, event, LEN);
    }
    struct link link;
    link_open(&link, 0);
    struct sender sender = {.fd = link.server, .bytes = &bytes};
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, sender_main, &sender), 0);
    for (uint32_t i = 0; i < COUNT; i++) {
        struct binlog_raw_event got;
        struct error err;
        assert_int_equal(feed_next(&link, &got, &err), RC_OK);
        assert_int_equal(got.bytes.len, LEN);
        assert_int_equal(load_u32le(got.bytes.ptr), i);
        assert_int_equal(got.bytes.ptr[LEN - 1], i & 0xff);
    }
    pthread_join(thread, NULL);
    link_close(&link);
    buf_deinit(&bytes);
}

/* What came before the end is delivered before the end is told. */
static void test_endings(void **state)
{
    (void)state;
    static const struct {
        struct slice packet;
        enum rc rc;
        const char *words;
    } cases[] = {
        {SLICE("\xff\xd4\x04#HY000Could not find first log file name in binary log index file"),
         RC_PURGED, "reads the tables anew"},
        {SLICE("\xff\xd4\x04#HY000"
               "A replica with the same server_uuid/server_id as this replica has connected"),
         RC_DUPLICATE_ID, "server-id"},
        {SLICE("\xff\x1d\x04#08S01Server shutdown in progress"), RC_CONNECT, "shutdown"},
        {SLICE("\xfe\x00\x00\x02\x00"), RC_CONNECT, "ended"},
        {SLICE("\x07strange"), RC_PROTOCOL, "0x07"},
        {SLICE(""), RC_PROTOCOL, "empty packet"},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct buf bytes;
        buf_init(&bytes, 4096);
        uint8_t sequence = 1;
        add_event(&bytes, &sequence, (const uint8_t *)"good", 4);
        add_packet(&bytes, &sequence, cases[i].packet);
        struct link link;
        link_open(&link, 0);
        send_all(link.server, bytes.ptr, bytes.len);
        struct binlog_raw_event got;
        struct error err;
        assert_int_equal(feed_next(&link, &got, &err), RC_OK);
        assert_memory_equal(got.bytes.ptr, "good", 4);
        assert_int_equal(feed_next(&link, &got, &err), cases[i].rc);
        assert_non_null(strstr(err.text, cases[i].words));
        link_close(&link);
        buf_deinit(&bytes);
    }
}

static void test_closed_and_torn(void **state)
{
    (void)state;
    struct link link;
    link_open(&link, 0);
    send_all(link.server, "\x05\x00\x00\x01\x00half", 7);
    shutdown(link.server, SHUT_WR);
    struct binlog_raw_event got;
    struct error err;
    assert_int_equal(feed_next(&link, &got, &err), RC_CONNECT);
    assert_int_equal(err.class, ERROR_RETRY);
    link_close(&link);

    /* Number 3 where 1 is due. */
    link_open(&link, 0);
    send_all(link.server, "\x02\x00\x00\x03\x00x", 6);
    assert_int_equal(feed_next(&link, &got, &err), RC_CONNECT);
    assert_non_null(strstr(err.text, "number 3"));
    link_close(&link);
}

static void test_silence(void **state)
{
    (void)state;
    struct link link;
    link_open(&link, 1000);
    send_all(link.server, "\x02\x00\x00\x01\x00x", 6);
    struct binlog_raw_event got;
    struct error err;
    assert_int_equal(feed_next(&link, &got, &err), RC_OK);
    assert_int_equal(link.feed->ops->next(link.feed, &got, 0, &err), RC_AGAIN);
    uint64_t before_us = clock_monotonic_us();
    assert_int_equal(feed_next(&link, &got, &err), RC_TIMEOUT);
    assert_int_equal(err.class, ERROR_RETRY);
    assert_true(clock_monotonic_us() - before_us < 60000000);
    link_close(&link);
}

static void *stopper_main(void *arg)
{
    struct link *link = arg;
    clock_sleep_ms(50);
    link->feed->ops->stop(link->feed);
    return NULL;
}

static void test_stop(void **state)
{
    (void)state;
    struct link link;
    link_open(&link, 0);
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, stopper_main, &link), 0);
    struct binlog_raw_event got;
    struct error err;
    uint64_t before_us = clock_monotonic_us();
    assert_int_equal(feed_next(&link, &got, &err), RC_CANCELLED);
    assert_true(clock_monotonic_us() - before_us < 60000000);
    pthread_join(thread, NULL);
    link_close(&link);
}

/* The reader waits for a chunk that the decoder holds: closing must end it. */
static void test_close_while_full(void **state)
{
    (void)state;
    struct buf bytes;
    buf_init(&bytes, 16u << 20);
    uint8_t sequence = 1;
    uint8_t event[1000] = {0};
    for (unsigned i = 0; i < 8000; i++)
        add_event(&bytes, &sequence, event, sizeof(event));
    struct link link;
    link_open(&link, 0);
    struct sender sender = {.fd = link.server, .bytes = &bytes};
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, sender_main, &sender), 0);
    struct binlog_raw_event got;
    struct error err;
    assert_int_equal(feed_next(&link, &got, &err), RC_OK);
    clock_sleep_ms(50);
    link.feed->ops->close(link.feed);
    close(link.client);
    pthread_join(thread, NULL);
    close(link.server);
    buf_deinit(&bytes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_split_at_every_byte),
        cmocka_unit_test(test_large_packets),
        cmocka_unit_test(test_many_packets),
        cmocka_unit_test(test_endings),
        cmocka_unit_test(test_closed_and_torn),
        cmocka_unit_test(test_silence),
        cmocka_unit_test(test_stop),
        cmocka_unit_test(test_close_while_full),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
