/* SPDX-License-Identifier: Apache-2.0 */
/*
 * HTTP as it really goes over a socket: a tiny server in a thread that takes one connection after
 * the other, follows a script for each, and keeps what it was sent.
 */
#include "load_fixture.h"
#include "sinks/stream_load/transfer_int.h"

#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <sys/socket.h>
#include <unistd.h>
#include <zlib.h>

#include <cmocka.h>

#define REQUESTS_MAX 8

/* What the server does with one connection. */
struct script {
    const char *reply;  /* sent at the end; "%BACKEND%" stands for the second server's address */
    bool says_continue; /* sends 100 Continue before it reads a body */
    size_t body_max;    /* reads at most so much of the body; then resets */
    bool reads_body;    /* else answers at once */
    bool silent;        /* never answers, until the peer goes away */
};

struct server {
    int fd;
    unsigned port;
    pthread_t thread;
    const struct script *scripts;
    unsigned script_count;
    const struct server *backend;
    unsigned served;
    char heads[REQUESTS_MAX][4096];
    char bodies[REQUESTS_MAX][4096];
    size_t body_lens[REQUESTS_MAX];
};

static size_t content_length(const char *head)
{
    const char *line = strcasestr(head, "\r\nContent-Length:");
    uint64_t len = 0;
    if (line != NULL) {
        line += strlen("\r\nContent-Length:");
        struct slice digits = slice_trim(slice_of(line, strcspn(line, "\r")));
        assert_true(text_parse_u64(digits, &len));
    }
    return (size_t)len;
}

static void send_text(int fd, const char *text)
{
    for (size_t len = strlen(text); len > 0;) {
        ssize_t sent = send(fd, text, len, MSG_NOSIGNAL);
        if (sent <= 0)
            return;
        text += sent;
        len -= (size_t)sent;
    }
}

static void send_reply(const struct server *server, int fd, const char *reply)
{
    char text[2048];
    const char *mark = strstr(reply, "%BACKEND%");
    if (mark == NULL) {
        send_text(fd, reply);
        return;
    }
    snprintf(text, sizeof(text), "%.*s127.0.0.1:%u%s", (int)(mark - reply), reply,
             server->backend->port, mark + strlen("%BACKEND%"));
    send_text(fd, text);
}

static void serve(struct server *server, int fd, const struct script *script, unsigned index)
{
    char *head = server->heads[index];
    size_t len = 0;
    while (strstr(head, "\r\n\r\n") == NULL) {
        ssize_t got = recv(fd, head + len, 1, 0);
        if (got <= 0 || len + 2 > sizeof(server->heads[0]))
            return;
        len += (size_t)got;
    }
    if (script->says_continue)
        send_text(fd, "HTTP/1.1 100 Continue\r\n\r\n");
    size_t wanted = script->reads_body ? content_length(head) : 0;
    bool cut = script->body_max > 0 && script->body_max < wanted;
    if (cut)
        wanted = script->body_max;
    char piece[4096];
    while (server->body_lens[index] < wanted) {
        size_t room = wanted - server->body_lens[index];
        ssize_t got = recv(fd, piece, room < sizeof(piece) ? room : sizeof(piece), 0);
        if (got <= 0)
            return;
        size_t at = server->body_lens[index];
        if (at < sizeof(server->bodies[0]) - 1) {
            size_t part = sizeof(server->bodies[0]) - 1 - at;
            memcpy(server->bodies[index] + at, piece, part < (size_t)got ? part : (size_t)got);
        }
        server->body_lens[index] += (size_t)got;
    }
    if (cut) {
        struct linger hard = {.l_onoff = 1, .l_linger = 0};
        setsockopt(fd, SOL_SOCKET, SO_LINGER, &hard, sizeof(hard));
        return;
    }
    if (script->silent)
        while (recv(fd, piece, sizeof(piece), 0) > 0)
            continue;
    else
        send_reply(server, fd, script->reply);
    shutdown(fd, SHUT_WR);
    while (!script->silent && recv(fd, piece, sizeof(piece), 0) > 0)
        continue;
}

static void *server_main(void *ctx)
{
    struct server *server = ctx;
    for (unsigned i = 0; i < server->script_count; i++) {
        int fd = accept(server->fd, NULL, NULL);
        if (fd < 0)
            return NULL;
        serve(server, fd, &server->scripts[i], i);
        close(fd);
        server->served++;
    }
    return NULL;
}

static void server_start(struct server *server, const struct script *scripts, unsigned count,
                         const struct server *backend)
{
    *server = (struct server){.scripts = scripts, .script_count = count, .backend = backend};
    server->fd = socket(AF_INET, SOCK_STREAM, 0);
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof(address);
    assert_int_equal(bind(server->fd, (struct sockaddr *)&address, len), 0);
    assert_int_equal(listen(server->fd, 8), 0);
    assert_int_equal(getsockname(server->fd, (struct sockaddr *)&address, &len), 0);
    server->port = ntohs(address.sin_port);
    assert_int_equal(pthread_create(&server->thread, NULL, server_main, server), 0);
}

/* Ends the server, also one whose script was not played to the end. */
static void server_stop(struct server *server)
{
    shutdown(server->fd, SHUT_RDWR);
    pthread_join(server->thread, NULL);
    close(server->fd);
}

/* One client with one or two frontends. */
struct client {
    struct fixture fixture;
    struct load_settings settings;
    char addresses[2][64];
    const char *items[2];
    struct halt halt;
    struct frontends frontends;
    struct transfer transfer;
    struct transfer_load load;
    struct transfer_result result;
    struct error err;
};

static enum rc make_exchange(void *ctx, struct exchange **exchange_out, struct error *err)
{
    struct client *client = ctx;
    return exchange_curl_new(&client->settings, &client->halt, exchange_out, err);
}

static void client_init(struct client *client, const unsigned *ports, unsigned count)
{
    memset(client, 0, sizeof(*client));
    fixture_init(&client->fixture, LOAD_ZERO_DATES_NULL, false);
    for (unsigned i = 0; i < count; i++) {
        snprintf(client->addresses[i], sizeof(client->addresses[i]), "127.0.0.1:%u", ports[i]);
        client->items[i] = client->addresses[i];
    }
    client->settings = (struct load_settings){.frontends = {client->items, count},
                                              .user = "loader",
                                              .password = {"s3cret"},
                                              .connect_timeout_ms = 2000,
                                              .read_timeout_ms = 5000,
                                              .continue_timeout_ms = 3000,
                                              .threads = 1};
    assert_int_equal(halt_init(&client->halt, &client->err), RC_OK);
    assert_int_equal(frontends_init(&client->frontends, count, &client->err), RC_OK);
    struct exchange_factory factory = {make_exchange, client};
    assert_int_equal(transfer_init(&client->transfer, &stub_dialect, &client->settings,
                                   &client->frontends, &factory, &client->err),
                     RC_OK);
    assert_int_equal(fixture_put(&client->fixture, CHANGE_INSERT, NULL,
                                 ROW("1", "a", NULL, "first"), &client->err),
                     RC_OK);
    assert_int_equal(fixture_put(&client->fixture, CHANGE_INSERT, NULL,
                                 ROW("2", "b", NULL, "second"), &client->err),
                     RC_OK);
    /* A dead line in the middle must not be sent. */
    assert_int_equal(fixture_put(&client->fixture, CHANGE_UPDATE, ROW("1", "a", NULL, "first"),
                                 ROW("1", "c", NULL, "third"), &client->err),
                     RC_OK);
    client->load = (struct transfer_load){
        .schema = &client->fixture.schema, .label = SLICE("L-1"), .body = &client->fixture.body};
}

static const char two_lines[] =
    "{\"id\":2,\"name\":\"b\",\"day\":null,\"note\":\"second\",\"__op\":0}\n"
    "{\"id\":1,\"name\":\"c\",\"day\":null,\"note\":\"third\",\"__op\":0}\n";

static void client_deinit(struct client *client)
{
    transfer_deinit(&client->transfer);
    frontends_deinit(&client->frontends);
    halt_deinit(&client->halt);
    fixture_deinit(&client->fixture);
}

static enum transfer_outcome send_load(struct client *client)
{
    error_clear(&client->err);
    return transfer_send(&client->transfer, &client->load, &client->result, &client->err);
}

#define AUTHORIZATION "\r\nAuthorization: Basic bG9hZGVyOnMzY3JldA==\r\n"
#define TO_BACKEND                                                                                 \
    "HTTP/1.1 307 Temporary Redirect\r\nLocation: "                                                \
    "http://loader:s3cret@%BACKEND%/api/ods/orders/_stream_load?\r\nContent-Length: 0\r\n\r\n"
#define DONE_REPLY "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nDONE 2 2 0"

static void test_two_legs(void **state)
{
    (void)state;
    static const struct script at_frontend[] = {{.reply = TO_BACKEND}};
    static const struct script at_backend[] = {
        {.reply = DONE_REPLY, .says_continue = true, .reads_body = true}};
    struct server frontend, backend;
    struct client client;
    server_start(&backend, at_backend, 1, NULL);
    server_start(&frontend, at_frontend, 1, &backend);
    client_init(&client, &frontend.port, 1);

    assert_int_equal(send_load(&client), TRANSFER_ANSWERED);
    assert_int_equal(client.result.answer.verdict, LOAD_VERDICT_DONE);
    assert_int_equal(client.result.answer.loaded_rows, 2);
    assert_true(client.result.body_started);
    server_stop(&frontend);
    server_stop(&backend);

    const char *way = frontend.heads[0];
    assert_non_null(strstr(way, "PUT /api/ods/orders/_stream_load HTTP/1.1\r\n"));
    assert_non_null(strstr(way, "\r\nExpect: 100-continue\r\n"));
    assert_non_null(strstr(way, "\r\nContent-Length: 0\r\n"));
    assert_non_null(strstr(way, AUTHORIZATION));
    assert_non_null(strstr(way, "\r\nformat: json\r\n"));
    assert_null(strcasestr(way, "\r\nlabel:"));

    const char *head = backend.heads[0];
    char length[64];
    snprintf(length, sizeof(length), "\r\nContent-Length: %zu\r\n", strlen(two_lines));
    assert_non_null(strstr(head, "PUT /api/ods/orders/_stream_load HTTP/1.1\r\n"));
    assert_non_null(strstr(head, "\r\nlabel: L-1\r\n"));
    assert_non_null(strstr(head, "\r\nExpect: 100-continue\r\n"));
    assert_non_null(strstr(head, length));
    assert_non_null(strstr(head, AUTHORIZATION));
    assert_null(strcasestr(head, "\r\nTransfer-Encoding:"));
    assert_string_equal(backend.bodies[0], two_lines);
    client_deinit(&client);
}

/* The way is asked for with the same headers; the rows go out compressed, and their length is said before. */
static void test_compressed_body(void **state)
{
    (void)state;
    static const struct script at_frontend[] = {{.reply = TO_BACKEND}};
    static const struct script at_backend[] = {
        {.reply = DONE_REPLY, .says_continue = true, .reads_body = true}};
    struct server frontend, backend;
    struct client client;
    server_start(&backend, at_backend, 1, NULL);
    server_start(&frontend, at_frontend, 1, &backend);
    client_init(&client, &frontend.port, 1);
    client.settings.compression = LOAD_COMPRESSION_GZIP;

    assert_int_equal(send_load(&client), TRANSFER_ANSWERED);
    assert_int_equal(client.result.answer.verdict, LOAD_VERDICT_DONE);
    server_stop(&frontend);
    server_stop(&backend);

    char length[64];
    snprintf(length, sizeof(length), "\r\nContent-Length: %zu\r\n", backend.body_lens[0]);
    assert_non_null(strstr(backend.heads[0], "\r\npacked: gzip\r\n"));
    assert_non_null(strstr(backend.heads[0], length));
    char lines[4096] = "";
    z_stream stream = {.next_in = (uint8_t *)backend.bodies[0],
                       .avail_in = (uInt)backend.body_lens[0],
                       .next_out = (uint8_t *)lines,
                       .avail_out = sizeof(lines) - 1};
    assert_int_equal(inflateInit2(&stream, MAX_WBITS + 16), Z_OK);
    assert_int_equal(inflate(&stream, Z_FINISH), Z_STREAM_END);
    inflateEnd(&stream);
    assert_string_equal(lines, two_lines);
    client_deinit(&client);
}

static void test_frontend_itself_answers(void **state)
{
    (void)state;
    static const struct script at_frontend[] = {
        {.reply = "HTTP/1.1 401 Unauthorized\r\nContent-Length: 6\r\n\r\nDENIED"},
        {.reply = "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nBUSY"},
        /* A backend in the place of a frontend: it committed an empty load of no label. */
        {.reply = DONE_REPLY}};
    struct server frontend;
    struct client client;
    server_start(&frontend, at_frontend, 3, NULL);
    client_init(&client, &frontend.port, 1);
    assert_int_equal(send_load(&client), TRANSFER_ANSWERED);
    assert_int_equal(client.result.answer.verdict, LOAD_VERDICT_FATAL);
    assert_int_equal(send_load(&client), TRANSFER_ANSWERED);
    assert_int_equal(client.result.answer.verdict, LOAD_VERDICT_RETRY);
    assert_false(client.result.body_started);
    assert_int_equal(send_load(&client), TRANSFER_REFUSED);
    assert_non_null(strstr(client.err.text, "it is a backend"));
    server_stop(&frontend);
    client_deinit(&client);
}

/* Sends through a frontend to a backend that plays `script`. */
static enum transfer_outcome send_to(struct client *client, struct server *frontend,
                                     struct server *backend, const struct script *script)
{
    static const struct script at_frontend[] = {{.reply = TO_BACKEND}};
    server_start(backend, script, 1, NULL);
    server_start(frontend, at_frontend, 1, backend);
    client_init(client, &frontend->port, 1);
    client->settings.continue_timeout_ms = 200;
    client->settings.read_timeout_ms = 1200;
    enum transfer_outcome outcome = send_load(client);
    server_stop(frontend);
    server_stop(backend);
    return outcome;
}

static void test_refusal_before_the_body(void **state)
{
    (void)state;
    static const struct script refuses = {.reply =
                                              "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nEXISTS"};
    struct server frontend, backend;
    struct client client;
    assert_int_equal(send_to(&client, &frontend, &backend, &refuses), TRANSFER_ANSWERED);
    assert_int_equal(client.result.answer.verdict, LOAD_VERDICT_EXISTS);
    assert_false(client.result.body_started);
    client_deinit(&client);
}

static void test_no_continue_is_waited_out(void **state)
{
    (void)state;
    static const struct script mute = {.reply = DONE_REPLY, .reads_body = true};
    struct server frontend, backend;
    struct client client;
    assert_int_equal(send_to(&client, &frontend, &backend, &mute), TRANSFER_ANSWERED);
    assert_true(client.result.body_started);
    assert_string_equal(backend.bodies[0], two_lines);
    client_deinit(&client);
}

static void test_reset_in_the_body(void **state)
{
    (void)state;
    static const struct script resets = {
        .reply = "", .says_continue = true, .reads_body = true, .body_max = 10};
    struct server frontend, backend;
    struct client client;
    assert_int_equal(send_to(&client, &frontend, &backend, &resets), TRANSFER_LOST);
    assert_true(client.result.body_started);
    assert_true(client.result.reason[0] != '\0');
    client_deinit(&client);
}

static void test_truncated_answer(void **state)
{
    (void)state;
    static const struct script cuts = {
        .reply = "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nDONE 2 2 0",
        .says_continue = true,
        .reads_body = true};
    struct server frontend, backend;
    struct client client;
    assert_int_equal(send_to(&client, &frontend, &backend, &cuts), TRANSFER_LOST);
    client_deinit(&client);
}

static void test_silence_ends(void **state)
{
    (void)state;
    static const struct script mute = {.says_continue = true, .reads_body = true, .silent = true};
    struct server frontend, backend;
    struct client client;
    assert_int_equal(send_to(&client, &frontend, &backend, &mute), TRANSFER_LOST);
    assert_non_null(strstr(client.result.reason, "no whole answer came"));
    client_deinit(&client);
}

static void *stop_soon(void *ctx)
{
    clock_sleep_ms(100);
    halt_stop(ctx);
    return NULL;
}

static void test_stop_breaks_a_transfer_off(void **state)
{
    (void)state;
    static const struct script mute = {.silent = true};
    struct server frontend;
    struct client client;
    pthread_t thread;
    server_start(&frontend, &mute, 1, NULL);
    client_init(&client, &frontend.port, 1);
    client.settings.read_timeout_ms = 600000;
    uint64_t started_us = clock_monotonic_us();
    assert_int_equal(pthread_create(&thread, NULL, stop_soon, &client.halt), 0);
    assert_int_equal(send_load(&client), TRANSFER_STOPPED);
    assert_true(clock_monotonic_us() - started_us < 60000000u);
    pthread_join(thread, NULL);
    server_stop(&frontend);
    client_deinit(&client);
}

static void test_dead_frontend_is_set_aside(void **state)
{
    (void)state;
    static const struct script at_frontend[] = {{.reply = TO_BACKEND}, {.reply = TO_BACKEND}};
    static const struct script at_backend[] = {
        {.reply = DONE_REPLY, .says_continue = true, .reads_body = true},
        {.reply = DONE_REPLY, .says_continue = true, .reads_body = true}};
    struct server dead, frontend, backend;
    struct client client;
    server_start(&dead, NULL, 0, NULL);
    server_stop(&dead); /* its port answers no more */
    server_start(&backend, at_backend, 2, NULL);
    server_start(&frontend, at_frontend, 2, &backend);
    unsigned ports[] = {dead.port, frontend.port};
    client_init(&client, ports, 2);
    assert_int_equal(send_load(&client), TRANSFER_NOT_SENT);
    assert_int_equal(send_load(&client), TRANSFER_ANSWERED);
    assert_int_equal(send_load(&client), TRANSFER_ANSWERED); /* not the dead one's turn */
    server_stop(&frontend);
    server_stop(&backend);
    client_deinit(&client);
}

static void test_bad_redirects(void **state)
{
    (void)state;
#define TO(where)                                                                                  \
    "HTTP/1.1 307 Temporary Redirect\r\nLocation: " where "\r\nContent-Length: 0\r\n\r\n"
    static const struct script bad[] = {
        {.reply = TO("file:///etc/passwd")},
        {.reply = TO("ftp://127.0.0.1/api/ods/orders/_stream_load")},
        {.reply = TO("http://u:topsecret@127.0.0.1:1/other")},
        {.reply = TO("http://u:p@/api/ods/orders/_stream_load")},
        {.reply = "HTTP/1.1 307 Go\r\nContent-Length: 0\r\n\r\n"}};
    struct server frontend;
    struct client client;
    server_start(&frontend, bad, COUNT_OF(bad), NULL);
    client_init(&client, &frontend.port, 1);
    for (unsigned i = 0; i < COUNT_OF(bad); i++) {
        assert_int_equal(send_load(&client), TRANSFER_REFUSED);
        assert_int_equal(client.err.rc, RC_PROTOCOL);
        assert_null(strstr(client.err.text, "topsecret"));
    }
    server_stop(&frontend);
    client_deinit(&client);
}

static void test_redirect_loop_ends(void **state)
{
    (void)state;
    static const struct script back[] = {{.reply = TO_BACKEND}, {.reply = TO_BACKEND},
                                         {.reply = TO_BACKEND}, {.reply = TO_BACKEND},
                                         {.reply = TO_BACKEND}, {.reply = TO_BACKEND}};
    static struct server frontend;
    struct client client;
    server_start(&frontend, back, COUNT_OF(back), &frontend);
    client_init(&client, &frontend.port, 1);
    assert_int_equal(send_load(&client), TRANSFER_NOT_SENT);
    assert_non_null(strstr(client.result.reason, "redirects"));
    assert_false(client.result.body_started);
    server_stop(&frontend);
    client_deinit(&client);
}

static void test_label_question(void **state)
{
    (void)state;
    static char too_long[EXCHANGE_ANSWER_MAX + 200];
    int len = snprintf(too_long, sizeof(too_long), "HTTP/1.1 200 OK\r\nContent-Length: %u\r\n\r\n",
                       EXCHANGE_ANSWER_MAX + 50);
    memset(too_long + len, 'x', EXCHANGE_ANSWER_MAX + 50);
    const struct script at_frontend[] = {
        {.reply = "HTTP/1.1 307 To Leader\r\nLocation: "
                  "http://%BACKEND%/api/ods/get_load_state\r\nContent-Length: 0\r\n\r\n"},
        {.reply = "HTTP/1.1 502 Bad\r\nContent-Length: 4\r\n\r\nhelp"},
        {.reply = too_long}};
    static const struct script at_leader[] = {
        {.reply = "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nCOMMITTED"}};
    struct server follower, leader;
    struct client client;
    enum label_state label;
    server_start(&leader, at_leader, 1, NULL);
    server_start(&follower, at_frontend, COUNT_OF(at_frontend), &leader);
    client_init(&client, &follower.port, 1);
    struct slice db = SLICE("ods"), name = SLICE("L-1");
    assert_int_equal(
        transfer_ask_label(&client.transfer, db, name, &label, &client.result, &client.err),
        TRANSFER_ANSWERED);
    assert_int_equal(label, LABEL_COMMITTED);
    for (unsigned i = 0; i < 2; i++) {
        assert_int_equal(
            transfer_ask_label(&client.transfer, db, name, &label, &client.result, &client.err),
            TRANSFER_ANSWERED);
        assert_int_equal(label, LABEL_UNREADABLE);
    }
    server_stop(&follower);
    server_stop(&leader);
    assert_non_null(
        strstr(follower.heads[0], "GET /api/ods/get_load_state?label=L-1 HTTP/1.1\r\n"));
    assert_non_null(strstr(leader.heads[0], "GET /api/ods/get_load_state?label=L-1 HTTP/1.1\r\n"));
    assert_null(strcasestr(follower.heads[0], "\r\nExpect:"));
    client_deinit(&client);
}

static void test_error_log_without_credentials(void **state)
{
    (void)state;
    static const struct script log = {
        .reply = "HTTP/1.1 200 OK\r\nContent-Length: 20\r\n\r\nReason: a.\nReason: b"};
    struct server backend;
    struct client client;
    char lines[100];
    server_start(&backend, &log, 1, NULL);
    unsigned elsewhere = 1;
    client_init(&client, &elsewhere, 1);
    client.result = (struct transfer_result){0};
    snprintf(client.result.backend, sizeof(client.result.backend), "127.0.0.1:%u", backend.port);
    snprintf(client.result.answer.error_url, sizeof(client.result.answer.error_url),
             "http://127.0.0.1:%u/api/_load_error_log?file=e_1", backend.port);
    transfer_fetch_errors(&client.transfer, &client.result, lines, sizeof(lines));
    assert_string_equal(lines, "Reason: a. Reason: b");
    assert_null(strcasestr(backend.heads[0], "\r\nAuthorization:"));
    server_stop(&backend);

    /* A host that is none of the warehouse's is not called at all. */
    server_start(&backend, &log, 1, NULL);
    snprintf(client.result.backend, sizeof(client.result.backend), "be1:8040");
    client.items[0] = "fe1:8030";
    transfer_fetch_errors(&client.transfer, &client.result, lines, sizeof(lines));
    assert_string_equal(lines, "");
    server_stop(&backend);
    assert_int_equal(backend.served, 0);
    client_deinit(&client);
}

int main(void)
{
    log_setup(2, LOG_FORMAT_TEXT, LOG_OFF);
    /* A proxy in the environment must have no effect. */
    setenv("http_proxy", "http://127.0.0.1:9", 1);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_two_legs),
        cmocka_unit_test(test_compressed_body),
        cmocka_unit_test(test_frontend_itself_answers),
        cmocka_unit_test(test_refusal_before_the_body),
        cmocka_unit_test(test_no_continue_is_waited_out),
        cmocka_unit_test(test_reset_in_the_body),
        cmocka_unit_test(test_truncated_answer),
        cmocka_unit_test(test_silence_ends),
        cmocka_unit_test(test_stop_breaks_a_transfer_off),
        cmocka_unit_test(test_dead_frontend_is_set_aside),
        cmocka_unit_test(test_bad_redirects),
        cmocka_unit_test(test_redirect_loop_ends),
        cmocka_unit_test(test_label_question),
        cmocka_unit_test(test_error_log_without_credentials),
    };
    return cmocka_run_group_tests_name("stream_load exchange", tests, NULL, NULL);
}
