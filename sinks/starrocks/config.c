/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The keys of `type: starrocks`: all of Flink CDC's (facts/flink-cdc.md 1.13), then our own.
 */
#include "starrocks_int.h"

#define AT(field) offsetof(struct starrocks_config, field)

/* Silence from a backend after the body went out, before the label is asked for. */
#define ANSWER_TIMEOUT_MS 120000

static const struct cfg_row rows[] = {
    {"jdbc-url", CFG_STRING, AT(common.jdbc_url), NULL, 0, 0, NULL, CFG_REQUIRED,
     "Where SQL goes, jdbc:mysql://host:port[,host:port]. Parameters behind \"?\" belong to the "
     "Java driver and are left aside."},
    {"load-url", CFG_LIST, AT(load_url), NULL, 0, 0, NULL, CFG_REQUIRED,
     "HTTP addresses of frontends, host:port, separated by \";\" or \",\". Each load asks one of "
     "them for a backend; when one fails the next is asked. The port is 8030 when left out."},
    {"username", CFG_STRING, AT(common.username), NULL, 0, 0, NULL, CFG_REQUIRED,
     "The user, for HTTP and for SQL."},
    {"password", CFG_SECRET, AT(common.password), NULL, 0, 0, NULL, CFG_REQUIRED,
     "The password; ${NAME}, file:/path and command:/path WORD... keep it out of the file, and "
     "the last two are read again when the target refuses it. It may be \"\"."},
    {"sink.label-prefix", CFG_STRING, AT(common.label_prefix), NULL, 0, 0, NULL, 0,
     "How load labels begin; \"millrace\" when not set. Letters, digits, \"_\" and \"-\"."},
    {"sink.connect.timeout-ms", CFG_INT, AT(connect_timeout_ms), "30000", 100, 600000, NULL, 0,
     "How long a connection to a frontend or backend may take, in milliseconds."},
    {"sink.socket.timeout-ms", CFG_INT, AT(socket_timeout_ms), "-1", -1, 259200000, NULL, 0,
     "How long to wait for the answer once the body is sent, in milliseconds; after that the label "
     "is asked for. -1 is for ever in Flink; here it is 2 minutes, which loses nothing."},
    {"sink.wait-for-continue.timeout-ms", CFG_INT, AT(continue_timeout_ms), "30000", 100, 600000,
     NULL, 0, "How long to wait for the go-ahead before the body is sent, in milliseconds."},
    {"sink.buffer-flush.max-bytes", CFG_SIZE, AT(common.flush_bytes), "32mb", 1 << 20, 4LL << 30,
     NULL, 0,
     "Memory for all load bodies together, open and on their way. Flink's default is 150 MB."},
    {"sink.buffer-flush.interval-ms", CFG_DURATION, AT(common.flush_interval_ms), "5 s", 10,
     86400000, NULL, 0,
     "An epoch ends at the latest after this time; a bare number is milliseconds. Flink's default "
     "is 300000, which keeps the target five minutes behind."},
    {"sink.scan-frequency.ms", CFG_INT, AT(unused_number), "50", 1, 86400000, NULL, CFG_ACCEPTED,
     "Without effect: nothing is polled here, an epoch ends by itself."},
    {"sink.io.thread-count", CFG_INT, AT(io_threads), "2", 1, 64, NULL, 0,
     "Loads at once, of different tables; a table has never more than one on its way."},
    {"sink.at-least-once.use-transaction-stream-load", CFG_BOOL, AT(unused_flag), "true", 0, 0,
     NULL, CFG_ACCEPTED,
     "Without effect: sink.enable-2pc says which tables are loaded by the transaction interface, "
     "and both ways are exactly-once."},
    {"sink.metric.histogram-window-size", CFG_INT, AT(unused_number), "100", 1, 1000000, NULL,
     CFG_ACCEPTED, "Without effect: it belongs to Flink's metrics."},
    {"sink.properties.", CFG_MAP, AT(common.properties), NULL, 0, 0, NULL, 0,
     "Headers for every load. Those that would change the body, take the label away or let rows "
     "disappear are refused by name; format json, strip_outer_array and ignore_json_size are "
     "accepted."},
    SINK_SCHEMA_ROWS,
    {"table.create.num-buckets", CFG_INT, AT(common.buckets), "0", 0, 10000, NULL, 0,
     "Buckets of tables that we create; 0 leaves it to StarRocks (2.5.7 and later)."},
    {"table.create.properties.", CFG_MAP, AT(common.create_properties), NULL, 0, 0, NULL, 0,
     "PROPERTIES of tables that we create, such as replication_num."},
    {"table.schema-change.timeout", CFG_DURATION, AT(unused_duration), "30 min", 0, 259200000, NULL,
     CFG_ACCEPTED,
     "Without effect: an ALTER is waited for until the table shows it, however long the target "
     "takes."},
    {"unicode-char.max-bytes", CFG_INT, AT(unused_number), "4", 1, 4, NULL, CFG_ACCEPTED,
     "Without effect: a character always gets 4 bytes, so that every one of them fits."},
    {"sink.buffer-flush.max-rows", CFG_INT, AT(common.flush_rows), "500000", 1, 1000000000, NULL,
     CFG_OURS, "An epoch ends after this many rows."},
    {"sink.max-retries", CFG_INT, AT(common.max_retries), "-1", -1, 1000000, NULL, CFG_OURS,
     "How often a load that may pass later is tried again; -1 is for ever. Flink gives up after 3 "
     "and its job restarts; there is no job around us to restart, so ours waits."},
    {"sink.load.threads", CFG_INT, AT(threads), "0", 0, 64, NULL, CFG_OURS,
     "Another name for sink.io.thread-count, the same as the Doris sink's; 0 leaves that one in "
     "charge."},
    {"sink.load.epochs", CFG_INT, AT(common.epochs), "2", 1, STORE_EPOCHS_MAX, NULL, CFG_OURS,
     "Epochs on their way at once: tables that are done with one begin with the next while loads "
     "of "
     "others still run. 1 with delivery.visibility: together and with rejected.rows: dead-letter."},
    {"sink.load.format", CFG_ENUM, AT(common.format), "json", 0, 0, dialect_format_choices,
     CFG_OURS,
     "Of load bodies: json, or auto, which sends a load as CSV where its rows allow it, at about "
     "half the bytes and less work for StarRocks, and as JSON where not. docs/delivery.md has the "
     "rule."},
    {"sink.load.compression", CFG_ENUM, AT(common.compression), "none", 0, 0,
     dialect_compression_choices, CFG_OURS,
     "Of load bodies, made by the threads that send them; for networks that are the bottleneck. "
     "zstd makes them smallest, lz4 with the least processor time, gzip is worse in both. A "
     "compressed body takes memory beside sink.buffer-flush.max-bytes. StarRocks 3.2.7 and later; "
     "older ones refuse such loads. Two-phase loads go as they are."},
    {"sink.load.timeout", CFG_DURATION, AT(common.load_timeout_ms), "10 min", 1000, 259200000, NULL,
     CFG_OURS,
     "The timeout header: how long StarRocks keeps a load that nobody finishes, and its label."},
    {"sink.enable-2pc", CFG_ENUM, AT(common.two_phase), "auto", 0, 0, dialect_two_phase_choices,
     CFG_OURS,
     "Which tables are loaded in two phases, by the transaction interface: auto (those without a "
     "key, which are exactly-once only so), true (all), false (none). A server that cannot (before "
     "3.2) gets plain loads, and check says so."},
    {"sink.multi-table-transactions", CFG_BOOL, AT(multi_table), "false", 0, 0, NULL, CFG_OURS,
     "With delivery.visibility: together, all tables of an epoch that are in one database are "
     "loaded "
     "in one transaction, and become visible in one step. StarRocks 4.0 and later, in a patch "
     "release "
     "of 2026; it writes a row into a table of its own in each database, millrace_progress."},
    {"sink.load.prepared-timeout", CFG_DURATION, AT(prepared_timeout_ms), "24 h", 60000, 604800000,
     NULL, CFG_OURS,
     "How long StarRocks (3.5.4 and later; older ones have a setting of their own) keeps a "
     "prepared "
     "load for its commit. Past it the load is made again from the source."},
    {"sink.load.backends", CFG_LIST, AT(backend_list), NULL, 0, 0, NULL, CFG_OURS,
     "HTTP addresses of backends, host:port. When set, loads go to them directly and no frontend "
     "is "
     "asked for a redirect; the frontends still answer for labels."},
    {"sink.zero-dates", CFG_ENUM, AT(common.zero_dates), "null", 0, 0, dialect_zero_date_choices,
     CFG_OURS,
     "What becomes of 0000-00-00 and of dates with zero parts, which StarRocks has no value for: "
     "null, as Flink does, or error, which stops at the row."},
    {"sink.backend-rewrite.", CFG_MAP, AT(common.rewrite), NULL, 0, 0, NULL, CFG_OURS,
     "Where a backend is really reached: sink.backend-rewrite.HOST:PORT: HOST:PORT. For networks "
     "in which frontends tell addresses that only they can reach."},
    {"sink.tls.enabled", CFG_BOOL, AT(common.tls), "false", 0, 0, NULL, CFG_OURS,
     "HTTPS to the frontends."},
    {"sink.tls.ca-file", CFG_STRING, AT(common.tls_ca), NULL, 0, 0, NULL, CFG_OURS,
     "PEM file of the authority that signed the servers' certificates; the system's own when not "
     "set."},
    {"sink.tls.query", CFG_ENUM, AT(common.query_tls), "preferred", 0, 0, dialect_tls_choices,
     CFG_OURS,
     "TLS of the SQL connection: disabled, preferred, required, verify-ca or verify-identity."},
};

const struct dialect_property_rule starrocks_property_rules[] = {
    /* What we send ourselves. */
    {"format", DIALECT_PROPERTY_FIXED, "json", "sink.load.format says which loads may be CSV"},
    {"strip_outer_array", DIALECT_PROPERTY_IGNORED, NULL, NULL},
    {"ignore_json_size", DIALECT_PROPERTY_FIXED, "true", "a batch has a bound of its own"},
    {"strict_mode", DIALECT_PROPERTY_FIXED, "true",
     "without it a value that does not fit becomes NULL and nobody is told"},
    {"max_filter_ratio", DIALECT_PROPERTY_FIXED, "0",
     "anything else lets rows disappear without a word"},
    {"timeout", DIALECT_PROPERTY_TIMEOUT, NULL, NULL},
    {"partial_update", DIALECT_PROPERTY_FIXED, "false",
     "a row's own image says which columns it has"},
    {"negative", DIALECT_PROPERTY_FIXED, "false", "it inverts values"},
    {"enable_merge_commit", DIALECT_PROPERTY_FIXED, "false",
     "merge commit takes the label away, and with it exactly-once"},
    /* What helps and harms nothing (facts/starrocks.md 1.6). */
    {"timezone", DIALECT_PROPERTY_PASS, NULL, NULL}, /* dates are sent without an offset */
    {"load_mem_limit", DIALECT_PROPERTY_PASS, NULL, NULL},
    {"exec_mem_limit", DIALECT_PROPERTY_PASS, NULL, NULL},
    {"transmission_compression_type", DIALECT_PROPERTY_PASS, NULL, NULL},
    {"load_dop", DIALECT_PROPERTY_PASS, NULL, NULL},
    {"enable_replicated_storage", DIALECT_PROPERTY_PASS, NULL, NULL},
    {"log_rejected_record_num", DIALECT_PROPERTY_PASS, NULL, NULL},
    {"warehouse", DIALECT_PROPERTY_PASS, NULL, NULL},
    /* What would break the body or the promise. */
    {"label", DIALECT_PROPERTY_REFUSED, NULL,
     "each load has its own label; set sink.label-prefix for how labels begin"},
    {"columns", DIALECT_PROPERTY_REFUSED, NULL, "the column list follows the source table"},
    {"where", DIALECT_PROPERTY_REFUSED, NULL, "it lets rows disappear"},
    {"partial_update_mode", DIALECT_PROPERTY_REFUSED, NULL,
     "a row's own image says which columns it has"},
    {"merge_condition", DIALECT_PROPERTY_REFUSED, NULL, "it lets rows disappear"},
    {"merge_commit_async", DIALECT_PROPERTY_REFUSED, NULL, "merge commit takes the label away"},
    {"merge_commit_interval_ms", DIALECT_PROPERTY_REFUSED, NULL,
     "merge commit takes the label away"},
    {"merge_commit_parallel", DIALECT_PROPERTY_REFUSED, NULL, "merge commit takes the label away"},
    {"transaction_type", DIALECT_PROPERTY_REFUSED, NULL,
     "sink.multi-table-transactions says how tables are loaded"},
    {"partitions", DIALECT_PROPERTY_REFUSED, NULL, "rows of other partitions would be lost"},
    {"temporary_partitions", DIALECT_PROPERTY_REFUSED, NULL,
     "rows of other partitions would be lost"},
    {"jsonpaths", DIALECT_PROPERTY_REFUSED, NULL, "keys of the body are the column names"},
    {"json_root", DIALECT_PROPERTY_REFUSED, NULL, "rows are the root of the body"},
    {"envelope", DIALECT_PROPERTY_REFUSED, NULL, "rows are the root of the body"},
    {"compression", DIALECT_PROPERTY_REFUSED, NULL,
     "sink.load.compression says how bodies are sent"},
    {"content-encoding", DIALECT_PROPERTY_REFUSED, NULL,
     "sink.load.compression says how bodies are sent"},
    {"column_separator", DIALECT_PROPERTY_REFUSED, NULL,
     "CSV loads are of one form (sink.load.format)"},
    {"row_delimiter", DIALECT_PROPERTY_REFUSED, NULL,
     "CSV loads are of one form (sink.load.format)"},
    {"skip_header", DIALECT_PROPERTY_REFUSED, NULL, "CSV loads are of one form (sink.load.format)"},
    {"trim_space", DIALECT_PROPERTY_REFUSED, NULL, "CSV loads are of one form (sink.load.format)"},
    {"enclose", DIALECT_PROPERTY_REFUSED, NULL, "CSV loads are of one form (sink.load.format)"},
    {"escape", DIALECT_PROPERTY_REFUSED, NULL, "CSV loads are of one form (sink.load.format)"},
};
const unsigned starrocks_property_rule_count = COUNT_OF(starrocks_property_rules);

static enum rc validate(void *values, struct error *err)
{
    struct starrocks_config *config = values;
    enum rc rc = dialect_label_prefix_check(config->common.label_prefix, err);
    if (rc == RC_OK)
        rc = dialect_addresses_parse("load-url", &config->load_url, 8030, &config->common.frontends,
                                     err);
    if (rc == RC_OK && config->common.frontends.count == 0)
        rc = error_set(err, RC_CONFIG, "The key 'load-url' holds no address.");
    if (rc == RC_OK)
        rc = dialect_addresses_parse("sink.load.backends", &config->backend_list, 8040,
                                     &config->common.backends, err);
    if (rc == RC_OK)
        rc = dialect_jdbc_parse("jdbc-url", config->common.jdbc_url, 9030, &config->common.query,
                                err);
    return rc == RC_OK ? dialect_config_settle(starrocks_property_rules,
                                               starrocks_property_rule_count, &config->common, err)
                       : rc;
}

const struct cfg_section starrocks_section = {
    .block = "sink",
    .type = "starrocks",
    .size = sizeof(struct starrocks_config),
    .rows = rows,
    .row_count = COUNT_OF(rows),
    .validate = validate,
};

void starrocks_settings(const struct starrocks_config *config, struct load_settings *settings_out,
                        struct myconn_options *query_out)
{
    dialect_settings(&config->common, settings_out, query_out);
    settings_out->connect_timeout_ms = (uint64_t)config->connect_timeout_ms;
    settings_out->read_timeout_ms =
        config->socket_timeout_ms <= 0 ? ANSWER_TIMEOUT_MS : (uint64_t)config->socket_timeout_ms;
    settings_out->continue_timeout_ms = (uint64_t)config->continue_timeout_ms;
    settings_out->prepared_timeout_s = config->prepared_timeout_ms / 1000;
    settings_out->joint = config->multi_table;
    settings_out->threads = (unsigned)(config->threads > 0 ? config->threads : config->io_threads);
    query_out->connect_timeout_ms = (uint64_t)config->connect_timeout_ms;
}
