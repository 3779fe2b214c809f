/* SPDX-License-Identifier: Apache-2.0 */
/* Keys into a struct: types, defaults, limits, refusals, secrets, what is shown and described. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "engine/engine.h"

#include "config_file.h"

struct values {
    const char *hostname;
    const char *address;
    struct secret password;
    bool enabled;
    int64_t port;
    uint64_t size;
    uint64_t wait_ms;
    int mode;
    struct cfg_list nodes;
    struct cfg_map properties;
    struct cfg_map create;
    int64_t unused;
};

#define AT(field) offsetof(struct values, field)

static const char *const modes[] = {"first", "second", "third", NULL};

static const struct cfg_row rows[] = {
    {"hostname", CFG_STRING, AT(hostname), NULL, 0, 0, NULL, CFG_REQUIRED, "Where it is."},
    {"address", CFG_STRING, AT(address), NULL, 0, 0, NULL, 0, "One that may hold a password."},
    {"password", CFG_SECRET, AT(password), NULL, 0, 0, NULL, 0, "Kept secret."},
    {"enabled", CFG_BOOL, AT(enabled), "true", 0, 0, NULL, CFG_OURS, "On or off."},
    {"port", CFG_INT, AT(port), "3306", 1, 65535, NULL, 0, "The port."},
    {"size", CFG_SIZE, AT(size), "64mb", 1 << 20, 1LL << 30, NULL, 0, "How large."},
    {"wait", CFG_DURATION, AT(wait_ms), "10 s", 10, INT64_MAX, NULL, 0,
     "How long it may take until somebody looks after it, which is said in so many words that "
     "the line must be broken."},
    {"mode", CFG_ENUM, AT(mode), "second", 0, 0, modes, 0, "a|b."},
    {"nodes", CFG_LIST, AT(nodes), NULL, 0, 0, NULL, 0, "Addresses."},
    {"sink.properties.", CFG_MAP, AT(properties), NULL, 0, 0, NULL, 0, "Headers."},
    {"sink.properties.create.", CFG_MAP, AT(create), NULL, 0, 0, NULL, 0, "More of them."},
    {"threads", CFG_INT, AT(unused), "4", 0, 0, NULL, CFG_ACCEPTED, "Nothing to set."},
    {"model", CFG_REFUSED, 0, NULL, 0, 0, NULL, 0, "There are no models here."},
};

static void assert_secret(struct secret secret, const char *text)
{
    char *copy = secret_copy(secret);
    assert_string_equal(copy, text);
    secret_wipe(copy);
}

static enum rc validate(void *values, struct error *err)
{
    struct values *v = values;
    if (v->port == 13)
        return error_set(err, RC_CONFIG, "The key 'port' may not be 13 where 'mode' is set.");
    if (v->port == 14)
        return error_set(err, RC_UNSUPPORTED, "Nothing fits.");
    return RC_OK;
}

static const struct cfg_section section = {.block = "sink",
                                           .type = "test",
                                           .size = sizeof(struct values),
                                           .rows = rows,
                                           .row_count = COUNT_OF(rows),
                                           .validate = validate};

static struct cfg_document *bind(const char *yaml, struct values *values)
{
    struct cfg_document *document = load(yaml);
    struct error err;
    error_clear(&err);
    enum rc rc = cfg_bind(document, &section, values, &err);
    assert_string_equal(err.text, "");
    assert_int_equal(rc, RC_OK);
    return document;
}

static void bind_fails(const char *yaml, enum rc expected, const char *message)
{
    struct cfg_document *document = load(yaml);
    struct values values;
    struct error err;
    error_clear(&err);
    assert_int_equal(cfg_bind(document, &section, &values, &err), expected);
    assert_string_equal(err.text, message);
    assert_int_equal(cfg_bind(document, &section, &values, NULL), expected);
    cfg_free(document);
}

static void defaults(void **state)
{
    (void)state;
    struct values v;
    memset(&v, 0xaa, sizeof(v));
    struct cfg_document *document = bind("sink:\n  type: test\n  name: any\n  hostname: h\n", &v);
    assert_string_equal(v.hostname, "h");
    assert_null(v.address);
    assert_false(secret_is_set(v.password));
    assert_secret(v.password, "");
    assert_true(v.enabled);
    assert_int_equal(v.port, 3306);
    assert_int_equal(v.size, 64 << 20);
    assert_int_equal(v.wait_ms, 10000);
    assert_int_equal(v.mode, 1);
    assert_int_equal(v.nodes.count, 0);
    assert_int_equal(v.properties.count, 0);
    assert_int_equal(v.unused, 4);
    cfg_free(document);
}

static void every_type(void **state)
{
    (void)state;
    struct values v;
    struct cfg_document *document = bind("sink:\n"
                                         "  hostname: h\n"
                                         "  password: ''\n"
                                         "  enabled: FALSE\n"
                                         "  port: 65535\n"
                                         "  size: 1 MiB\n"
                                         "  wait: PT1M\n"
                                         "  mode: THIRD\n"
                                         "  nodes: a:1, b:2 ,,c\n"
                                         "  sink.properties.format: json\n"
                                         "  sink:\n"
                                         "    properties:\n"
                                         "      create: {x: 1}\n"
                                         "      timeout: 5\n"
                                         "  threads: 99\n",
                                         &v);
    assert_true(secret_is_set(v.password));
    assert_false(v.enabled);
    assert_int_equal(v.port, 65535);
    assert_int_equal(v.size, 1 << 20);
    assert_int_equal(v.wait_ms, 60000);
    assert_int_equal(v.mode, 2);
    assert_int_equal(v.nodes.count, 3);
    assert_string_equal(v.nodes.items[1], "b:2");
    assert_string_equal(v.nodes.items[2], "c");
    assert_int_equal(v.properties.count, 2);
    assert_string_equal(v.properties.items[0].key, "format");
    assert_string_equal(v.properties.items[0].value, "json");
    assert_string_equal(v.properties.items[1].key, "timeout");
    assert_int_equal(v.create.count, 1);
    assert_string_equal(v.create.items[0].key, "x");
    assert_int_equal(v.unused, 99);
    cfg_free(document);
    document = bind("sink: {hostname: h, nodes: ['a,1', b]}\n", &v);
    assert_int_equal(v.nodes.count, 2);
    assert_string_equal(v.nodes.items[0], "a,1");
    cfg_free(document);
}

static void wrong_values(void **state)
{
    (void)state;
    bind_fails("sink:\n  hostname: h\n  port: x\n", RC_CONFIG,
               "p.yaml:3:3: key 'port' must be a whole number, not 'x'.");
    bind_fails("sink:\n  hostname: h\n  port: 0\n", RC_CONFIG,
               "p.yaml:3:3: key 'port' must be between 1 and 65535, not '0'.");
    bind_fails("sink:\n  hostname: h\n  port: 65536\n", RC_CONFIG,
               "p.yaml:3:3: key 'port' must be between 1 and 65535, not '65536'.");
    bind_fails("sink:\n  hostname: h\n  size: 1.5mb\n", RC_CONFIG,
               "p.yaml:3:3: key 'size' must be a size, as in 64mb or 10 MiB, not '1.5mb'.");
    bind_fails("sink:\n  hostname: h\n  size: 2g\n", RC_CONFIG,
               "p.yaml:3:3: key 'size' must be between 1 MiB and 1 GiB, not '2g'.");
    bind_fails("sink:\n  hostname: h\n  wait: soon\n", RC_CONFIG,
               "p.yaml:3:3: key 'wait' must be a duration, as in 30s, 500 ms or 1 min, not "
               "'soon'.");
    bind_fails("sink:\n  hostname: h\n  wait: 9ms\n", RC_CONFIG,
               "p.yaml:3:3: key 'wait' must be at least 10 ms, not '9ms'.");
    bind_fails("sink:\n  hostname: h\n  mode: fourth\n", RC_CONFIG,
               "p.yaml:3:3: key 'mode' must be first, second or third, not 'fourth'.");
    bind_fails("sink:\n  hostname: h\n  enabled: yes\n", RC_CONFIG,
               "p.yaml:3:3: key 'enabled' must be true or false, not 'yes'.");
    bind_fails("sink:\n  hostname: h\n  threads: many\n", RC_CONFIG,
               "p.yaml:3:3: key 'threads' must be a whole number, not 'many'.");
    bind_fails("sink:\n  hostname: [h]\n", RC_CONFIG,
               "p.yaml:2:3: key 'hostname' must be one value, not a list.");
    bind_fails("sink:\n  hostname:\n", RC_CONFIG,
               "p.yaml:2:3: key 'hostname' has no value. Write \"\" for an empty text.");
    bind_fails("sink:\n  hostname: ''\n", RC_CONFIG,
               "p.yaml:2:3: key 'hostname' must not be empty.");
    bind_fails("sink:\n  hostname: h\n  nodes: [{a: b}]\n", RC_CONFIG,
               "p.yaml:3:3: key 'nodes' must hold texts, not maps or lists of lists.");
}

static void wrong_keys(void **state)
{
    (void)state;
    bind_fails("sink:\n  hostname: h\n  prot: 1\n", RC_CONFIG,
               "p.yaml:3:3: key 'prot' is not known in 'sink: type: test'. Did you mean 'port'?");
    bind_fails("sink:\n  hostname: h\n  something-else: 1\n", RC_CONFIG,
               "p.yaml:3:3: key 'something-else' is not known in 'sink: type: test'. \"millrace "
               "config\" lists all keys.");
    bind_fails("sink:\n  hostname: h\n  sink.properties: 1\n", RC_CONFIG,
               "p.yaml:3:3: key 'sink.properties' is not known in 'sink: type: test'. Did you mean "
               "'sink.properties.'?");
    bind_fails("sink:\n  type: test\n", RC_CONFIG,
               "p.yaml:1:1: the block 'sink' needs the key 'hostname'.");
    bind_fails("source: {}\n", RC_CONFIG, "p.yaml: the block 'sink' needs the key 'hostname'.");
    bind_fails("sink:\n  hostname: h\n  model: gpt\n", RC_CONFIG,
               "p.yaml:3:3: key 'model' is refused. There are no models here.");
    bind_fails("sink:\n  hostname: h\n  model:\n    - name: a\n      more: [b, {c: d}]\n",
               RC_CONFIG, "p.yaml:3:3: key 'model' is refused. There are no models here.");
    bind_fails("sink:\n  hostname: h\n  model: {name: a}\n", RC_CONFIG,
               "p.yaml:3:11: key 'model.name' is refused. There are no models here.");
}

static void rules_over_several_keys(void **state)
{
    (void)state;
    bind_fails("sink:\n  hostname: h\n  port: 13\n", RC_CONFIG,
               "p.yaml:3:3: The key 'port' may not be 13 where 'mode' is set.");
    bind_fails("sink:\n  hostname: h\n  port: 14\n", RC_UNSUPPORTED, "p.yaml:1:1: Nothing fits.");
}

static void secrets_from_files(void **state)
{
    (void)state;
    char folder[200];
    assert_non_null(getcwd(folder, sizeof(folder)));
    assert_int_equal(setenv("MILLRACE_TEST_DIR", folder, 1), 0);
    assert_int_equal(setenv("MILLRACE_TEST_PW", "file:/not/a/file", 1), 0);
    const char *from_file = "sink:\n  hostname: h\n  password: file:${MILLRACE_TEST_DIR}/secret\n";
    struct values v;
    static const struct {
        const char *content;
        const char *password;
    } cases[] = {{"pass word\n", "pass word"},
                 {"a\r\n", "a"},
                 {"a\n\n", "a\n"},
                 {"", ""},
                 {"\n", ""},
                 {"a", "a"},
                 {"\r\n", ""}};
    for (unsigned i = 0; i < COUNT_OF(cases); i++) {
        write_file("secret", cases[i].content, strlen(cases[i].content));
        struct cfg_document *document = bind(from_file, &v);
        assert_true(secret_is_set(v.password));
        assert_secret(v.password, cases[i].password);
        cfg_free(document);
    }
    struct cfg_document *document =
        bind("sink: {hostname: h, password: \"${MILLRACE_TEST_PW}\"}\n", &v);
    assert_secret(v.password, "file:/not/a/file");
    cfg_free(document);
    char message[500];
    snprintf(message, sizeof(message),
             "p.yaml:3:3: key 'password' takes its value from %s/secret, which holds a zero byte.",
             folder);
    write_file("secret", "a\0b", 3);
    bind_fails(from_file, RC_CONFIG, message);
    assert_int_equal(unlink("secret"), 0);
    snprintf(
        message, sizeof(message),
        "p.yaml:3:3: key 'password' takes its value from %s/secret, which cannot be opened: No "
        "such file or directory",
        folder);
    bind_fails(from_file, RC_CONFIG, message);
    bind_fails("sink:\n  hostname: h\n  password: file:secret\n", RC_CONFIG,
               "p.yaml:3:3: key 'password' must name a file by its whole path, as in "
               "file:/etc/millrace/password.");
}

static void secrets_from_commands(void **state)
{
    (void)state;
    struct values v;
    assert_int_equal(setenv("MILLRACE_TEST_PW", "command:/bin/false", 1), 0);
    struct cfg_document *document =
        bind("sink: {hostname: h, password: \"command:/bin/echo  a $HOME 'b\"}\n", &v);
    assert_secret(v.password, "a $HOME 'b"); /* no shell */
    cfg_free(document);
    /* What the environment says is a password and no instruction. */
    document = bind("sink: {hostname: h, password: \"${MILLRACE_TEST_PW}\"}\n", &v);
    assert_secret(v.password, "command:/bin/false");
    cfg_free(document);
    bind_fails(
        "sink:\n  hostname: h\n  password: command:/bin/false hush\n", RC_CONFIG,
        "p.yaml:3:3: key 'password' takes its value from the program /bin/false, which failed "
        "(exit code 1). Run the command by hand to see why.");
    bind_fails("sink:\n  hostname: h\n  password: command:/no/such/program hush\n", RC_CONFIG,
               "p.yaml:3:3: key 'password' takes its value from the program /no/such/program, "
               "which cannot be run: No such file or directory");
    bind_fails("sink:\n  hostname: h\n  password: command:echo hush\n", RC_CONFIG,
               "p.yaml:3:3: key 'password' must name a program by its whole path, as in "
               "command:/usr/local/bin/password shop.");
}

static void print_line(void *ctx, const char *block, const char *key, struct slice value,
                       struct slice origin)
{
    buf_addf(ctx, "%s.%s=%.*s (%.*s)\n", block, key, SLICE_ARG(value), SLICE_ARG(origin));
}

static void values_as_they_stand(void **state)
{
    (void)state;
    assert_int_equal(setenv("MILLRACE_TEST_PW", "very-secret", 1), 0);
    assert_int_equal(setenv("MILLRACE_TEST_HOST", "db.example", 1), 0);
    struct values v;
    struct cfg_document *document = bind("sink:\n"
                                         "  hostname: ${MILLRACE_TEST_HOST}\n"
                                         "  address: jdbc:mysql://me:very-secret@h:1\n"
                                         "  password: ${MILLRACE_TEST_PW}\n"
                                         "  nodes: [a, b]\n"
                                         "  sink.properties.x: y\n"
                                         "  sink.properties.authToken: very-secret\n",
                                         &v);
    /* Bound again, as a test or a check may do: shown once all the same. */
    assert_int_equal(cfg_bind(document, &section, &v, NULL), RC_OK);
    struct buf out;
    buf_init(&out, 10000);
    cfg_each_value(document, print_line, &out);
    assert_string_equal(buf_cstr(&out), "sink.hostname=db.example (env MILLRACE_TEST_HOST)\n"
                                        "sink.address=*** (p.yaml:3:3)\n"
                                        "sink.password=*** (env MILLRACE_TEST_PW)\n"
                                        "sink.enabled=true (default)\n"
                                        "sink.port=3306 (default)\n"
                                        "sink.size=64mb (default)\n"
                                        "sink.wait=10 s (default)\n"
                                        "sink.mode=second (default)\n"
                                        "sink.nodes=a, b (p.yaml:5:3)\n"
                                        "sink.sink.properties.x=y (p.yaml:6:3)\n"
                                        "sink.sink.properties.authToken=*** (p.yaml:7:3)\n"
                                        "sink.threads=4 (default)\n");
    buf_deinit(&out);
    cfg_free(document);
}

static void reference_for_people(void **state)
{
    (void)state;
    struct buf out;
    buf_init(&out, 10000);
    cfg_describe(&section, true, &out);
    assert_non_null(strstr(buf_cstr(&out), "| Key | Type | Default | Meaning |\n"
                                           "|---|---|---|---|\n"
                                           "| `hostname` | text; required |  | Where it is. |\n"));
    assert_non_null(strstr(buf_cstr(&out), "| `enabled` | true or false; not in Flink CDC | `true` "
                                           "| On or off. |\n"));
    assert_non_null(
        strstr(buf_cstr(&out), "| `port` | number, 1 to 65535 | `3306` | The port. |\n"));
    assert_non_null(
        strstr(buf_cstr(&out), "| `size` | size, 1 MiB to 1 GiB | `64mb` | How large. |\n"));
    assert_non_null(strstr(buf_cstr(&out), "| `wait` | duration, at least 10 ms | `10 s` |"));
    assert_non_null(
        strstr(buf_cstr(&out), "| `mode` | one of first, second, third | `second` | a\\|b. |\n"));
    assert_non_null(
        strstr(buf_cstr(&out), "| `sink.properties.*` | texts by name |  | Headers. |"));
    assert_non_null(strstr(buf_cstr(&out), "| `threads` | number; without effect | `4` |"));
    assert_non_null(strstr(buf_cstr(&out), "| `model` | not available |  | There are no models"));
    buf_reset(&out);
    cfg_describe(&section, false, &out);
    assert_non_null(strstr(buf_cstr(&out), "  hostname  (text; required)\n      Where it is.\n"));
    assert_non_null(strstr(
        buf_cstr(&out), "  wait  (duration, at least 10 ms; default 10 s)\n"
                        "      How long it may take until somebody looks after it, which is said "
                        "in so\n"
                        "      many words that the line must be broken.\n"));
    buf_deinit(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(defaults),
        cmocka_unit_test(every_type),
        cmocka_unit_test(wrong_values),
        cmocka_unit_test(wrong_keys),
        cmocka_unit_test(rules_over_several_keys),
        cmocka_unit_test(secrets_from_files),
        cmocka_unit_test(secrets_from_commands),
        cmocka_unit_test(values_as_they_stand),
        cmocka_unit_test(reference_for_people),
    };
    return cmocka_run_group_tests(tests, enter_folder, leave_folder);
}
