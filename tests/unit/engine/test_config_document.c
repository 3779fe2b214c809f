/* SPDX-License-Identifier: Apache-2.0 */
/* The pipeline file as it is written: what is read, and what is refused and where. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "engine/config/config_int.h"
#include "engine/engine.h"

#include "config_file.h"

static const struct cfg_entry *entry_of(const struct cfg_document *document, const char *block,
                                        const char *key)
{
    const struct cfg_entry *entry = cfg_find_block(document, block)->first;
    while (entry != NULL && strcmp(entry->key, key) != 0)
        entry = entry->next;
    assert_non_null(entry);
    return entry;
}

static void is_text(const struct cfg_document *document, const char *key, const char *text)
{
    const struct cfg_entry *entry = entry_of(document, "sink", key);
    assert_int_equal(entry->kind, CFG_ENTRY_TEXT);
    assert_string_equal(entry->text, text);
}

static void a_whole_file(void **state)
{
    (void)state;
    struct cfg_document *document =
        load("# a comment\n"
             "source:\n"
             "  type: mysql\n"
             "  name: MySQL Source\n"
             "  tables: app.\\.*, web.\\.*\n"
             "\n"
             "sink:\n"
             "  type: doris\n"
             "  password: \"\"\n"
             "  table.create.properties.light_schema_change: true\n"
             "  table.create:\n"
             "    properties: {replication_num: 1}\n"
             "  single: 'it''s'\n"
             "  double: \"a\\tb\\u00e9\"\n"
             "  folded: >-\n"
             "    one\n"
             "    two\n"
             "  literal: |\n"
             "    one\n"
             "    two\n"
             "  list: [a, 'b,c', 3]\n"
             "  none:\n"
             "  null-word: null\n"
             "route:\n"
             "  - source-table: app.order_\\.*\n"
             "    sink-table: ods.orders\n"
             "    description: merge\n"
             "  - {source-table: web.\\.*, sink-table: ods.<>, replace-symbol: <>}\n"
             "transform: []\n"
             "pipeline:\n"
             "  name: Sync\n");
    assert_string_equal(cfg_path(document), "p.yaml");
    assert_string_equal(cfg_block_type(document, "source"), "mysql");
    assert_string_equal(cfg_block_type(document, "sink"), "doris");
    assert_null(cfg_block_type(document, "pipeline"));
    is_text(document, "password", "");
    is_text(document, "table.create.properties.light_schema_change", "true");
    is_text(document, "table.create.properties.replication_num", "1");
    is_text(document, "single", "it's");
    is_text(document, "double", "a\tb\xc3\xa9");
    is_text(document, "folded", "one two");
    is_text(document, "literal", "one\ntwo\n");
    is_text(document, "null-word", "null");
    assert_int_equal(entry_of(document, "sink", "none")->kind, CFG_ENTRY_NONE);
    const struct cfg_entry *list = entry_of(document, "sink", "list");
    assert_int_equal(list->kind, CFG_ENTRY_LIST);
    assert_int_equal(list->count, 3);
    assert_string_equal(list->items[1], "b,c");
    assert_string_equal(list->items[2], "3");
    assert_int_equal(list->place.line, 21);
    assert_int_equal(list->place.column, 3);
    unsigned count = 0;
    const struct cfg_route *routes = cfg_routes(document, &count);
    assert_int_equal(count, 2);
    assert_string_equal(routes[0].source_table, "app.order_\\.*");
    assert_string_equal(routes[0].sink_table, "ods.orders");
    assert_string_equal(routes[0].description, "merge");
    assert_null(routes[0].replace_symbol);
    assert_int_equal(routes[0].line, 25);
    assert_string_equal(routes[1].replace_symbol, "<>");
    assert_int_equal(routes[1].line, 28);
    cfg_free(document);
}

static void empty_blocks(void **state)
{
    (void)state;
    struct cfg_document *document = load("source:\nsink: {}\nroute:\ntransform:\npipeline:\n");
    assert_null(cfg_block_type(document, "source"));
    unsigned count = 9;
    (void)cfg_routes(document, &count);
    assert_int_equal(count, 0);
    cfg_free(document);
    document = load("route: []\ntransform: {}\n");
    cfg_free(document);
}

static void long_lists_keep_their_order(void **state)
{
    (void)state;
    struct buf yaml;
    buf_init(&yaml, 1 << 20);
    buf_add_str(&yaml, "sink:\n  list:\n");
    for (unsigned i = 0; i < 777; i++)
        buf_addf(&yaml, "    - item%u\n", i);
    buf_add_str(&yaml, "route:\n");
    for (unsigned i = 0; i < 333; i++)
        buf_addf(&yaml, "  - {source-table: a.t%u, sink-table: b.t%u}\n", i, i);
    struct cfg_document *document = load(buf_cstr(&yaml));
    const struct cfg_entry *list = entry_of(document, "sink", "list");
    assert_int_equal(list->count, 777);
    assert_string_equal(list->items[0], "item0");
    assert_string_equal(list->items[512], "item512");
    assert_string_equal(list->items[776], "item776");
    unsigned count = 0;
    const struct cfg_route *routes = cfg_routes(document, &count);
    assert_int_equal(count, 333);
    assert_string_equal(routes[332].sink_table, "b.t332");
    assert_string_equal(routes[0].sink_table, "b.t0");
    cfg_free(document);
    buf_deinit(&yaml);
}

static void the_environment_is_put_in(void **state)
{
    (void)state;
    assert_int_equal(setenv("MILLRACE_TEST_A", "se${cret", 1), 0);
    assert_int_equal(setenv("MILLRACE_TEST_EMPTY", "", 1), 0);
    assert_int_equal(unsetenv("MILLRACE_TEST_NONE"), 0);
    struct cfg_document *document = load("sink:\n"
                                         "  a: ${MILLRACE_TEST_A}\n"
                                         "  b: 'x${MILLRACE_TEST_A}y${MILLRACE_TEST_EMPTY}z'\n"
                                         "  c: $${MILLRACE_TEST_A} and $5 and {$}\n"
                                         "  d: [\"${MILLRACE_TEST_A}\"]\n"
                                         "  e: file:${MILLRACE_TEST_A}\n"
                                         "route:\n"
                                         "  - source-table: ${MILLRACE_TEST_A}\n"
                                         "    sink-table: b.$1\n");
    is_text(document, "a", "se${cret");
    is_text(document, "b", "xse${cretyz");
    is_text(document, "c", "${MILLRACE_TEST_A} and $5 and {$}");
    assert_string_equal(entry_of(document, "sink", "a")->env, "MILLRACE_TEST_A");
    assert_null(entry_of(document, "sink", "c")->env);
    assert_string_equal(entry_of(document, "sink", "d")->items[0], "se${cret");
    assert_true(entry_of(document, "sink", "e")->is_file);
    assert_false(entry_of(document, "sink", "a")->is_file);
    unsigned count = 0;
    assert_string_equal(cfg_routes(document, &count)[0].source_table, "se${cret");
    cfg_free(document);
    load_fails("sink:\n  password: ${MILLRACE_TEST_NONE}\n",
               "p.yaml:2:13: key 'password' needs the environment variable MILLRACE_TEST_NONE, "
               "which is not set.");
    load_fails("sink:\n  a: ${MILLRACE_TEST_A\n",
               "p.yaml:2:6: key 'a' holds ${ without a closing }. Write $${ for the text ${ "
               "itself.");
    load_fails("sink:\n  a: x${1A}\n",
               "p.yaml:2:6: key 'a' holds ${1A}, which is not the name of an environment variable. "
               "Write $${ for the text ${ itself.");
    load_fails("sink:\n  a: ${}\n",
               "p.yaml:2:6: key 'a' holds ${}, which is not the name of an environment variable. "
               "Write $${ for the text ${ itself.");
}

static void blocks_that_are_wrong(void **state)
{
    (void)state;
    load_fails("", "p.yaml: the file is empty. It needs the blocks 'source' and 'sink'.");
    load_fails("# nothing\n",
               "p.yaml: the file is empty. It needs the blocks 'source' and 'sink'.");
    load_fails("- a\n", "p.yaml:1:1: the file must hold the blocks 'source:' and 'sink:'.");
    load_fails("source: {}\nsoure: {}\n",
               "p.yaml:2:1: key 'soure' is not known at the top of the file. Did you mean "
               "'source'?");
    load_fails("checkpointing: {}\n",
               "p.yaml:1:1: key 'checkpointing' is not known at the top of the file. Known are "
               "source, sink, route, transform and pipeline.");
    load_fails("source: mysql\n", "p.yaml:1:1: the block 'source' must hold keys.");
    load_fails("sink: [a]\n", "p.yaml:1:1: the block 'sink' must hold keys.");
    load_fails("sink: {}\nsource: {}\nsink: {}\n",
               "p.yaml:3:1: the block 'sink' is there twice; the first is in line 1.");
    load_fails("transform:\n  - source-table: a.b\n",
               "p.yaml:1:1: transform is not available yet. Take the block out.");
    load_fails("transform: x\n", "p.yaml:1:1: transform is not available yet. Take the block out.");
    load_fails("sink: {}\n---\nsource: {}\n",
               "p.yaml:2:1: a second document (---) begins here; a pipeline file holds one.");
}

static void keys_that_are_wrong(void **state)
{
    (void)state;
    load_fails("sink:\n  a: 1\n  b: 2\n  a: 3\n",
               "p.yaml:4:3: key 'a' is there twice; the first is in line 2.");
    load_fails("sink:\n  a.b: 1\n  a:\n    b: 2\n",
               "p.yaml:4:5: key 'a.b' is there twice; the first is in line 2.");
    load_fails("sink:\n  ? [a]\n  : 1\n", "p.yaml:2:5: a key must be a text.");
    load_fails("sink:\n  '': 1\n", "p.yaml:2:3: a key must not be empty.");
    load_fails("sink:\n  a: \"x\\0y\"\n", "p.yaml:2:6: key 'a' holds a zero byte.");
    load_fails("sink:\n  a: &mark 1\n",
               "p.yaml:2:6: an anchor (&) is not supported here. Write the value out.");
    load_fails("sink: &all\n  a: 1\n",
               "p.yaml:1:7: an anchor (&) is not supported here. Write the value out.");
    load_fails("sink:\n  a: *mark\n",
               "p.yaml:2:6: an alias (*) is not supported here. Write the value out.");
    load_fails("sink:\n  a: !!int 1\n",
               "p.yaml:2:6: a tag (!) is not supported here. Write the value alone.");
    load_fails("sink:\n a: {b: {c: {d: {e: {f: {g: {h: {i: 1}}}}}}}}\n",
               "p.yaml:2:33: maps are nested too deeply here.");
}

static void routes_that_are_wrong(void **state)
{
    (void)state;
    load_fails("route: x\n", "p.yaml:1:8: the block 'route' must be a list of routes.");
    load_fails("route:\n  - x\n",
               "p.yaml:2:5: a route must hold keys, at least source-table and sink-table.");
    load_fails("route:\n  - source-table: a.b\n", "p.yaml:2:5: this route needs the key "
                                                  "'sink-table'.");
    load_fails("route:\n  - sink-table: a.b\n", "p.yaml:2:5: this route needs the key "
                                                "'source-table'.");
    load_fails("route:\n  - source-tabel: a.b\n",
               "p.yaml:2:5: key 'source-tabel' is not known in a route. Did you mean "
               "'source-table'?");
    load_fails("route:\n  - zzz: a.b\n",
               "p.yaml:2:5: key 'zzz' is not known in a route. Known are source-table, sink-table, "
               "replace-symbol and description.");
    load_fails("route:\n  - source-table: [a, b]\n",
               "p.yaml:2:5: key 'source-table' of a route must be a text.");
}

static void text_that_is_no_yaml(void **state)
{
    (void)state;
    load_fails("sink:\n  a: 'open\n",
               "p.yaml:3:1: this is not YAML: found unexpected end of stream while scanning a "
               "quoted scalar.");
    load_fails("sink:\n\ta: 1\n", "p.yaml:2:1: this is not YAML: found character that cannot start "
                                  "any token while scanning for the next token.");
    load_fails("sink:\n  a: \xff\n", "p.yaml:2:6: this is not YAML: invalid leading UTF-8 octet.");
    load_fails("sink:\n  a: \x01\n",
               "p.yaml:2:6: this is not YAML: control characters are not allowed.");
}

static void files_that_cannot_be_read(void **state)
{
    (void)state;
    struct cfg_document *document = NULL;
    struct error err;
    error_clear(&err);
    assert_int_equal(cfg_load("none.yaml", &document, &err), RC_CONFIG);
    assert_string_equal(err.text, "The pipeline file none.yaml cannot be opened: No such file or "
                                  "directory");
    assert_int_equal(cfg_load("/", &document, &err), RC_CONFIG);
    assert_string_equal(err.text, "The pipeline file / cannot be read: Is a directory");
    size_t len = (1 << 20) + 1;
    char *large = malloc(len);
    assert_non_null(large);
    memset(large, '#', len);
    write_file("p.yaml", large, len);
    free(large);
    assert_int_equal(cfg_load("p.yaml", &document, &err), RC_CONFIG);
    assert_string_equal(err.text, "The pipeline file p.yaml is larger than 1048576 bytes.");
    assert_null(document);
    assert_int_equal(cfg_load("none.yaml", &document, NULL), RC_CONFIG);
    cfg_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_whole_file),
        cmocka_unit_test(empty_blocks),
        cmocka_unit_test(long_lists_keep_their_order),
        cmocka_unit_test(the_environment_is_put_in),
        cmocka_unit_test(blocks_that_are_wrong),
        cmocka_unit_test(keys_that_are_wrong),
        cmocka_unit_test(routes_that_are_wrong),
        cmocka_unit_test(text_that_is_no_yaml),
        cmocka_unit_test(files_that_cannot_be_read),
    };
    return cmocka_run_group_tests(tests, enter_folder, leave_folder);
}
