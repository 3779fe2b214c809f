/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the two warehouse dialects share beside the Stream Load core: reading addresses, judging
 * `sink.properties.*`, reading an existing table and comparing it with what the source needs, and
 * taking a load's answer apart. Everything here is a pure function of its arguments, but for
 * what takes a connection, or opens one (dialect_choose_endpoint).
 *
 *   address.c    "fe1:8030;fe2:8030" and JDBC URLs
 *   property.c   sink.properties.* and table.create.properties.*
 *   settings.c   the keys that both sections have
 *   answer.c     JSON answers: one member of a name, one line of words, rules by text
 *   type.c       "decimalv3(10, 2)" -> family and figures; how an existing column takes a value
 *   plan.c       a source table's way into a table that we would create
 *   create.c     SHOW CREATE TABLE -> the table's model and key columns
 *   catalog.c    information_schema + SHOW CREATE TABLE -> an existing table
 *   compare.c    an existing table against a planned load
 *   clause.c     pieces of CREATE TABLE that both write alike
 *   version.c    which version a server is
 *   partial.c    is the server new enough to update parts of rows
 *   check.c      questions of `millrace check`
 */
#ifndef MILLRACE_SINKS_DIALECT_INT_H
#define MILLRACE_SINKS_DIALECT_INT_H

#include "engine/engine.h"
#include "../stream_load/stream_load_int.h"

struct cJSON;

/* ---- address.c ---- */

#define DIALECT_ADDRESSES_MAX 16

/* A list of "host:port" as C strings for libcurl. Lives inside a sink's config struct, because the
 * settings borrow it until close; `items` point into `text`, so the struct may not be moved. */
struct dialect_addresses {
    char text[2048];
    const char *items[DIALECT_ADDRESSES_MAX];
    unsigned count;
};

struct dialect_endpoint {
    char host[256];
    uint16_t port;
};

/* Where SQL goes: one MySQL-protocol endpoint a frontend. */
struct dialect_endpoints {
    struct dialect_endpoint items[DIALECT_ADDRESSES_MAX];
    unsigned count;
};

/* Splits at "," and ";". A missing port is `default_port`. `key` is named in errors (RC_CONFIG). */
enum rc dialect_addresses_parse(const char *key, const struct cfg_list *list, uint16_t default_port,
                                struct dialect_addresses *out, struct error *err) MUST_CHECK;
struct cfg_list dialect_addresses_list(const struct dialect_addresses *addresses);
/* "jdbc:mysql://host:port[,host:port][/db][?...]". */
enum rc dialect_jdbc_parse(const char *key, const char *url, uint16_t default_port,
                           struct dialect_endpoints *out, struct error *err) MUST_CHECK;
/* The same hosts as `addresses`, with the query port. */
enum rc dialect_endpoints_from(const char *key, const struct dialect_addresses *addresses,
                               uint16_t port, struct dialect_endpoints *out,
                               struct error *err) MUST_CHECK;
/* Points `options` at the first endpoint that takes a connection; at the first of all when none
 * does, so that the one who connects next tells the reason. */
void dialect_choose_endpoint(const struct dialect_endpoints *endpoints,
                             struct myconn_options *options);

/* ---- property.c ---- */

enum dialect_property_use {
    DIALECT_PROPERTY_PASS = 0, /* harmless: goes out as it is */
    DIALECT_PROPERTY_FIXED,    /* must be `fixed`, which is what we send anyway; not sent twice */
    DIALECT_PROPERTY_TIMEOUT,  /* seconds; becomes the load timeout */
    DIALECT_PROPERTY_IGNORED,  /* any value is fine: has no effect on our bodies */
    DIALECT_PROPERTY_REFUSED   /* breaks the body or the delivery promise; `reason` says how */
};

struct dialect_property_rule {
    const char *name;
    enum dialect_property_use use;
    const char *fixed;  /* DIALECT_PROPERTY_FIXED: the value, ASCII case ignored */
    const char *reason; /* a clause that ends the sentence "... is refused: " */
};

/* RC_CONFIG names the key. `timeout_s` is changed when the map sets it. Unknown names are refused:
 * a header that we do not know may change what a load means. */
enum rc dialect_properties_check(const struct dialect_property_rule *rules, unsigned rule_count,
                                 const struct cfg_map *map, uint64_t *timeout_s,
                                 struct error *err) MUST_CHECK;
/* Appends "name: value\n" for those that pass. */
void dialect_properties_add(const struct dialect_property_rule *rules, unsigned rule_count,
                            const struct cfg_map *map, struct buf *out);
/* RC_CONFIG when a label could not begin like this. NULL is fine. */
enum rc dialect_label_prefix_check(const char *prefix, struct error *err) MUST_CHECK;
/* The value of a key in a map (ASCII case ignored), or NULL. */
const char *dialect_map_find(const struct cfg_map *map, const char *key);

/* ---- settings.c ---- */

/* What the two sections have in common. */
struct dialect_config {
    const char *jdbc_url;
    const char *username;
    struct secret password;
    const char *label_prefix;
    int64_t max_retries;
    int64_t flush_rows;
    int64_t epochs;
    uint64_t flush_bytes;
    uint64_t flush_interval_ms;
    struct cfg_map properties;
    struct cfg_map create_properties;
    int64_t buckets; /* 0: the product chooses */
    uint64_t load_timeout_ms;
    int zero_dates;  /* enum load_zero_dates */
    int two_phase;   /* enum load_two_phase */
    int compression; /* an enum load_compression */
    int format;      /* index in dialect_format_choices */
    struct cfg_map rewrite;
    bool tls;
    const char *tls_ca;
    int query_tls; /* enum myconn_tls */

    /* Made by validate. */
    struct dialect_addresses frontends;
    struct dialect_addresses backends;
    struct dialect_endpoints query;
    uint64_t load_timeout_s;
};

extern const char *const dialect_zero_date_choices[];
extern const char *const dialect_tls_choices[];
extern const char *const dialect_two_phase_choices[];
extern const char *const dialect_compression_choices[]; /* in the order of enum load_compression */
extern const char *const dialect_compression_choices_without_zstd[];
extern const char *const dialect_format_choices[]; /* json, auto */

/* The last part of validate: the load timeout, and sink.properties.* by the product's rules. */
enum rc dialect_config_settle(const struct dialect_property_rule *rules, unsigned rule_count,
                              struct dialect_config *config, struct error *err) MUST_CHECK;
/* Fills what follows from the common part; both borrow from `config`. Timeouts of the network and
 * the number of loads at once are the product's own. */
void dialect_settings(const struct dialect_config *config, struct load_settings *settings_out,
                      struct myconn_options *query_out);

/* ---- answer.c ---- */

struct dialect_answer_rule {
    const char *text; /* anywhere in the message, ASCII case ignored */
    enum load_verdict verdict;
    bool widen;
};

/* The root when the whole body is one JSON object, else NULL. Free with cJSON_Delete. */
struct cJSON *dialect_json_parse(struct slice body);
/* The text of a string member; NULL when absent, not a string, or there twice with two values. */
const char *dialect_json_text(const struct cJSON *object, const char *name);
/* A whole number, `fallback` when absent or unfit. */
int64_t dialect_json_i64(const struct cJSON *object, const char *name, int64_t fallback);
/* First rule whose text occurs in the message; UNKNOWN when none does. */
enum load_verdict dialect_answer_classify(const struct dialect_answer_rule *rules,
                                          unsigned rule_count, const char *message,
                                          bool *widen_out);
bool dialect_text_contains(const char *text, const char *part); /* ASCII case ignored */
/* Copies as one line of printable UTF-8, cut at a character. NULL gives "". */
void dialect_line_copy(char *out, size_t cap, const char *text);
/* Fills the parts that both products name alike: TxnId, Number...Rows, ErrorURL, Message. */
void dialect_answer_fill(const struct cJSON *root, struct load_answer *answer_out);
/* Empties an answer: UNKNOWN, no figures. */
void dialect_answer_clear(struct load_answer *answer_out);

/* ---- type.c ---- */

enum dialect_family {
    DIALECT_OTHER = 0,
    DIALECT_BOOLEAN,
    DIALECT_INTEGER, /* size = bytes: 1, 2, 4, 8, 16 */
    DIALECT_FLOAT,
    DIALECT_DOUBLE,
    DIALECT_DECIMAL, /* size = precision, scale */
    DIALECT_DATE,
    DIALECT_DATETIME, /* scale = fraction digits */
    DIALECT_CHARS,    /* CHAR, VARCHAR, STRING: size = bytes, DIALECT_UNBOUNDED */
    DIALECT_JSON,     /* JSON, JSONB, VARIANT */
    DIALECT_ARRAY,
    DIALECT_IPV4,
    DIALECT_IPV6
};

#define DIALECT_UNBOUNDED UINT64_MAX

struct dialect_type {
    enum dialect_family family;
    uint64_t size;
    unsigned scale;
};

/* What differs between the products when an existing table is judged. */
struct dialect_traits {
    const char *product;              /* "Apache Doris" */
    const char *keyed_model;          /* "UNIQUE KEY", "PRIMARY KEY" */
    uint64_t string_bytes;            /* what the type STRING holds */
    unsigned datetime_scale;          /* of a bare DATETIME */
    enum load_encoding json_encoding; /* of a document into a JSON column */
    const char *fold_variable;        /* says whether names of tables are folded (fold.c) */
    bool folds_databases;             /* and then those of databases, too */
};

struct dialect_type dialect_type_parse(const struct dialect_traits *traits, struct slice text);
/* The most bytes that the column's canonical text can have as a load sends it; DIALECT_UNBOUNDED
 * when the source sets no bound. */
uint64_t dialect_text_bytes(const struct column *column);
/* Whether a target column of type `have` takes every value of `column`, which would be created as
 * `want`; sets the encoding that fits `have`. */
bool dialect_type_holds(const struct dialect_traits *traits, const struct column *column,
                        const struct dialect_type *want, const struct dialect_type *have,
                        enum load_encoding *encoding);

/* The type of a COLUMN_INT or COLUMN_UINT, which both products name alike; NULL when its width is
 * none. */
const char *dialect_integer_type(const struct column *column);

/* ---- plan.c ---- */

#define DIALECT_SORT_BYTES 65533 /* a wider column is no good to sort by */

/* Key columns may not be of every type. */
enum dialect_place { DIALECT_PLACE_VALUE = 0, DIALECT_PLACE_KEY };

/* ---- number.c ---- */

/* A type that needs no parameters. */
enum rc dialect_type_fixed(const char *type, enum load_encoding encoding, struct load_column *out);
/* INT, UINT, BIT, YEAR, FLOAT and DOUBLE; DECIMAL is the dialects' own. */
enum rc dialect_number_type(const struct column *column, enum dialect_place place,
                            struct load_column *out, struct error *err) MUST_CHECK;

/* A dialect's mapping of one column; fills type and encoding. RC_UNSUPPORTED when no type takes the
 * column at that place. */
typedef enum rc (*dialect_type_fn)(const struct column *column, enum dialect_place place,
                                   struct arena *arena, struct load_column *out, struct error *err);

/* Plans a table that we would create ourselves. `first_out` is the column that a keyless table is
 * sorted and distributed by. RC_CONFIG for names that cannot be loaded, RC_UNSUPPORTED for types.
 */
enum rc dialect_plan(const struct dialect_traits *traits, dialect_type_fn type,
                     const struct table *source, const struct sink_target *target,
                     struct arena *arena, struct load_schema *schema_out, uint32_t *first_out,
                     struct error *err) MUST_CHECK;

/* ---- create.c ---- */

#define DIALECT_KEY_MAX 64

enum dialect_model {
    DIALECT_MODEL_UNKNOWN = 0,
    DIALECT_MODEL_DUPLICATE,
    DIALECT_MODEL_UNIQUE,
    DIALECT_MODEL_PRIMARY,
    DIALECT_MODEL_AGGREGATE
};

struct dialect_create {
    enum dialect_model model;
    struct slice keys[DIALECT_KEY_MAX]; /* borrowed from the statement; names without quotes */
    unsigned key_count;
};

/* Finds the key clause behind the column list. `sql` is SHOW CREATE TABLE's text. */
void dialect_create_parse(struct slice sql, struct dialect_create *create_out);
/* The type that the statement gives a column ("boolean" where information_schema says "tinyint");
 * empty when it cannot be found. */
struct slice dialect_create_type(struct slice sql, struct slice column);
const char *dialect_model_name(enum dialect_model model);

/* ---- catalog.c ---- */

struct dialect_catalog_column {
    struct slice name;
    struct slice type; /* as the target says it */
    bool nullable;
    struct slice default_value; /* as the target says it; ptr NULL: none */
    struct slice comment;
};

struct dialect_catalog {
    struct dialect_catalog_column *columns;
    uint32_t column_count; /* 0: there is no such table */
    struct dialect_create create;
};

/* Where a column of the answer is (ASCII case ignored); -1: not there. */
int dialect_field_find(const struct myconn_result *result, const char *name);
/* A column by its name (ASCII case ignored, as both products do), or NULL. */
const struct dialect_catalog_column *dialect_catalog_find(const struct dialect_catalog *catalog,
                                                          struct slice name);
/* All of it is copied into the arena. */
enum rc dialect_catalog_read(struct myconn *conn, const struct sink_target *target,
                             struct arena *arena, struct dialect_catalog *catalog_out,
                             struct error *err) MUST_CHECK;

/* ---- fold.c ---- */

/* Before a table is made, or gets a name. RC_UNSUPPORTED: it would have another name than this one. */
enum rc dialect_fold_check(const struct dialect_traits *traits, struct myconn *conn,
                           const struct sink_target *target, struct error *err) MUST_CHECK;

/* ---- compare.c ---- */

/* Compares, and takes over what the target says: names as spelled there, types, encodings,
 * nullability. RC_MISMATCH names the column, both types, and the statement that mends it. */
enum rc dialect_compare(const struct dialect_traits *traits, const struct dialect_catalog *catalog,
                        struct load_schema *schema, struct error *err) MUST_CHECK;

/* ---- clause.c ---- */

/* `db`.`table` */
void dialect_add_table_name(struct buf *out, struct slice db, struct slice table);
/* (`a`, `b`) */
void dialect_add_columns(struct buf *out, const struct load_schema *schema, const uint32_t *columns,
                         uint32_t count);
/* The column list of CREATE TABLE: `first` in their order, then the rest in source order. */
void dialect_add_definitions(struct buf *out, const struct load_schema *schema,
                             const uint32_t *first, uint32_t first_count);
/* PROPERTIES ("a" = "b", ...): our own defaults, then the user's, which win over ours. */
void dialect_add_properties(struct buf *out, const struct cfg_pair *ours, unsigned our_count,
                            const struct cfg_map *users);
/* The `columns` header's value: every target column back-quoted, then the delete column. */
void dialect_add_column_header(struct buf *out, const struct load_schema *schema,
                               const char *delete_column);
/* Text into a target type: "VARCHAR(80)", owned by the arena. */
enum rc dialect_type_set(struct arena *arena, struct slice *type_out, struct error *err,
                         const char *format, ...) PRINTF_LIKE(4, 5) MUST_CHECK;
/* CREATE DATABASE IF NOT EXISTS, then the statement. A refused database is told only when the
 * table fails too: many users may create tables and not databases. */
enum rc dialect_create_run(struct myconn *conn, struct slice db, struct slice create,
                           struct error *err) MUST_CHECK;
/* The same for a whole table: `sql` is its statement (checked here), and what came of it is told. */
enum rc dialect_create_table(struct myconn *conn, const char *product,
                             const struct load_schema *schema, const struct buf *sql,
                             struct error *err) MUST_CHECK;
/* Names beyond ASCII need enable_unicode_name_support at Doris. */
bool dialect_name_is_ascii(struct slice name);

/* ---- version.c ---- */

struct dialect_version {
    bool known; /* false: not to be read, or that of a build from the main branch ("0.0.0") */
    bool cloud; /* storage is apart from computing */
    unsigned major;
    unsigned minor;
    unsigned patch; /* 0 where the server names none */
};

/* The version behind `word` in a server's comment; not known when there is none. */
void dialect_version_parse(struct slice comment, const char *word,
                           struct dialect_version *version_out);
enum rc dialect_version_read(struct myconn *conn, const char *product, const char *word,
                             struct dialect_version *version_out, struct error *err) MUST_CHECK;
/* A version that is not known is taken for a new one. */
bool dialect_version_before(const struct dialect_version *version, unsigned major, unsigned minor,
                            unsigned patch);

/* ---- partial.c ---- */

/* Compares the server's version with the oldest that updates parts of rows; `word` stands in front
 * of the version in its comment. A version that cannot be read, or is that of a build from the main
 * branch ("0.0.0"), is taken for a new one. RC_UNSUPPORTED when it is older. */
enum rc dialect_partial_version(struct myconn *conn, const char *product, const char *word,
                                unsigned major, unsigned minor, const struct load_schema *schema,
                                struct error *err) MUST_CHECK;
/* ---- check.c ---- */

/* Says which server answers; `word` is what its version comment must hold. */
enum rc dialect_check_version(struct myconn *conn, const char *product, const char *word,
                              struct report *report, struct error *err) MUST_CHECK;
/* Whether there are as many backends as a new table's replicas. */
void dialect_check_replicas(struct myconn *conn, const struct cfg_map *create_properties,
                            struct report *report);

#endif
