/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The keys of `type: doris`: all of Flink CDC's (facts/flink-cdc.md 1.12), then our own.
 *
 * Where Flink's documented figure is not what runs there (50,000 rows and 10 MB are documented,
 * 500,000 rows and 100 MB run unless the key is set), a key that is set is honoured, and our
 * defaults are said here.
 */
#include "doris_int.h"

#define AT(field) offsetof(struct doris_config, field)

static const struct cfg_row rows[] = {
    {"fenodes", CFG_LIST, AT(fenodes), NULL, 0, 0, NULL, CFG_REQUIRED,
     "HTTP addresses of frontends, host:port, separated by \",\" or \";\". Each load asks one of "
     "them for a backend; when one fails the next is asked. The port is 8030 when left out."},
    {"benodes", CFG_LIST, AT(benodes), NULL, 0, 0, NULL, 0,
     "HTTP addresses of backends, host:port. When set, loads go to them directly and no frontend "
     "is "
     "asked for a redirect; the frontends still answer for labels."},
    {"jdbc-url", CFG_STRING, AT(common.jdbc_url), NULL, 0, 0, NULL, 0,
     "Where SQL goes, jdbc:mysql://host:port[,host:port]. Without it: the hosts of fenodes, port "
     "9030. Parameters behind \"?\" belong to the Java driver and are left aside."},
    {"username", CFG_STRING, AT(common.username), NULL, 0, 0, NULL, CFG_REQUIRED,
     "The user, for HTTP and for SQL."},
    {"password", CFG_SECRET, AT(common.password), NULL, 0, 0, NULL, 0,
     "The password; ${NAME}, file:/path and command:/path WORD... keep it out of the file, and "
     "the last two are read again when the target refuses it."},
    {"auto-redirect", CFG_BOOL, AT(unused_flag), "false", 0, 0, NULL, CFG_ACCEPTED,
     "Without effect: a frontend is always asked for a backend unless benodes is set, and its "
     "redirect is followed by us, so that the body never goes to the frontend."},
    {"charset-encoding", CFG_STRING, AT(charset), "UTF-8", 0, 0, NULL, 0,
     "Only UTF-8: Doris takes nothing else."},
    {"sink.enable.batch-mode", CFG_BOOL, AT(unused_flag), "true", 0, 0, NULL, CFG_ACCEPTED,
     "Without effect: it chooses between two writers of Flink. Ours journals every batch before it "
     "is sent, so both promises hold at once."},
    {"sink.enable-2pc", CFG_ENUM, AT(common.two_phase), "auto", 0, 0, dialect_two_phase_choices, 0,
     "Which tables are loaded in two phases, prepared and then committed: auto (those without a "
     "key, which are exactly-once only so), true (all), false (none). A server that cannot (before "
     "2.1; tables with a key in cloud mode) gets plain loads, and check says so. Flink's default "
     "is false."},
    {"sink.enable-delete", CFG_BOOL, AT(enable_delete), "true", 0, 0, NULL, 0,
     "Only true: without deletes the target would keep rows that the source no longer has."},
    {"sink.max-retries", CFG_INT, AT(common.max_retries), "-1", -1, 1000000, NULL, 0,
     "How often a load that may pass later is tried again; -1 is for ever. Flink's default is 3, "
     "after which the job restarts; there is no job around us to restart, so ours waits."},
    {"sink.flush.queue-size", CFG_INT, AT(unused_number), "2", 1, 1000000, NULL, CFG_ACCEPTED,
     "Without effect: memory is bounded by sink.buffer-flush.max-bytes, not by a count of "
     "batches."},
    {"sink.buffer-flush.max-rows", CFG_INT, AT(common.flush_rows), "500000", 1, 1000000000, NULL, 0,
     "An epoch ends after this many rows. Flink documents 50000 and runs 500000 when it is not "
     "set."},
    {"sink.buffer-flush.max-bytes", CFG_SIZE, AT(common.flush_bytes), "32mb", 1 << 20, 4LL << 30,
     NULL, 0,
     "Memory for all load bodies together, open and on their way. Flink documents 10 MB a table "
     "and "
     "runs 100 MB when it is not set."},
    {"sink.buffer-flush.interval", CFG_DURATION, AT(common.flush_interval_ms), "10 s", 10, 86400000,
     NULL, 0,
     "An epoch ends at the latest after this time. Each load is a new version of every touched "
     "tablet; below a few seconds compaction may fall behind."},
    {"sink.ignore.update-before", CFG_BOOL, AT(unused_flag), "true", 0, 0, NULL, CFG_ACCEPTED,
     "Without effect, as in Flink's pipeline: an old image is sent only where its key has gone."},
    {"sink.check-interval", CFG_DURATION, AT(unused_duration), "10 s", 0, 86400000, NULL,
     CFG_ACCEPTED, "Without effect: it belongs to Flink's streaming writer."},
    {"sink.buffer-size", CFG_SIZE, AT(unused_size), "1mb", 0, 1LL << 40, NULL, CFG_ACCEPTED,
     "Without effect: bodies are kept whole until they are durable, so that they can be sent "
     "again."},
    {"sink.buffer-count", CFG_INT, AT(unused_number), "3", 0, 1000000, NULL, CFG_ACCEPTED,
     "Without effect: it belongs to Flink's streaming writer."},
    {"sink.use-cache", CFG_BOOL, AT(unused_flag), "false", 0, 0, NULL, CFG_ACCEPTED,
     "Without effect: a batch is always kept until it is durable."},
    {"sink.label-prefix", CFG_STRING, AT(common.label_prefix), NULL, 0, 0, NULL, 0,
     "How load labels begin; \"millrace\" when not set. Letters, digits, \"_\" and \"-\"."},
    {"sink.properties.", CFG_MAP, AT(common.properties), NULL, 0, 0, NULL, 0,
     "Headers for every load. Those that would change the body, take the label away or let rows "
     "disappear are refused by name; format json and read_json_by_line are accepted."},
    {"table.create.properties.", CFG_MAP, AT(common.create_properties), NULL, 0, 0, NULL, 0,
     "PROPERTIES of tables that we create, such as replication_num."},
    {"table.create.auto-partition.properties.", CFG_MAP, AT(auto_partition), NULL, 0, 0, NULL, 0,
     "Refused: a partition column must be part of the target's key, so that a changed value would "
     "leave the old row behind. Create the table yourself if you need partitions."},
    SINK_SCHEMA_ROWS,
    {"table.create.num-buckets", CFG_INT, AT(common.buckets), "0", 0, 10000, NULL, CFG_OURS,
     "Buckets of tables that we create; 0 is BUCKETS AUTO."},
    {"sink.load.threads", CFG_INT, AT(threads), "4", 1, 64, NULL, CFG_OURS,
     "Loads at once, of different tables; a table has never more than one on its way."},
    {"sink.load.epochs", CFG_INT, AT(common.epochs), "2", 1, STORE_EPOCHS_MAX, NULL, CFG_OURS,
     "Epochs on their way at once: tables that are done with one begin with the next while loads "
     "of "
     "others still run. 1 with delivery.visibility: together and with rejected.rows: dead-letter."},
    {"sink.load.format", CFG_ENUM, AT(common.format), "json", 0, 0, dialect_format_choices,
     CFG_OURS,
     "Of load bodies: json, or auto, which sends a load as CSV where its rows allow it, at about "
     "half the bytes and less work for Doris, and as JSON where not. docs/delivery.md has the "
     "rule."},
    {"sink.load.compression", CFG_ENUM, AT(common.compression), "none", 0, 0,
     dialect_compression_choices_without_zstd, CFG_OURS,
     "Of load bodies, made by the threads that send them; for networks that are the bottleneck. "
     "gzip makes them smaller, lz4 takes less processor time; Doris knows no zstd. A compressed "
     "body takes memory beside sink.buffer-flush.max-bytes. Doris 3.1 and later; older ones refuse "
     "such loads."},
    {"sink.load.timeout", CFG_DURATION, AT(common.load_timeout_ms), "10 min", 1000, 259200000, NULL,
     CFG_OURS,
     "The timeout header: how long Doris keeps a load that nobody finishes, and its label."},
    {"sink.load.connect-timeout", CFG_DURATION, AT(connect_timeout_ms), "10 s", 100, 600000, NULL,
     CFG_OURS, "How long a connection to a frontend or backend may take."},
    {"sink.load.answer-timeout", CFG_DURATION, AT(answer_timeout_ms), "2 min", 1000, 259200000,
     NULL, CFG_OURS,
     "How long to wait for the answer once the body is sent; after that the label is asked for."},
    {"sink.load.continue-timeout", CFG_DURATION, AT(continue_timeout_ms), "30 s", 100, 600000, NULL,
     CFG_OURS, "How long to wait for the go-ahead before the body is sent."},
    {"sink.zero-dates", CFG_ENUM, AT(common.zero_dates), "null", 0, 0, dialect_zero_date_choices,
     CFG_OURS,
     "What becomes of 0000-00-00 and of dates with zero parts, which Doris has no value for: null, "
     "as Flink does, or error, which stops at the row."},
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

const struct dialect_property_rule doris_property_rules[] = {
    /* What we send ourselves. */
    {"format", DIALECT_PROPERTY_FIXED, "json", "sink.load.format says which loads may be CSV"},
    {"read_json_by_line", DIALECT_PROPERTY_FIXED, "true", "JSON bodies have one object a line"},
    {"strip_outer_array", DIALECT_PROPERTY_IGNORED, NULL, NULL},
    {"strict_mode", DIALECT_PROPERTY_FIXED, "true",
     "without it a value that does not fit becomes NULL and nobody is told"},
    {"max_filter_ratio", DIALECT_PROPERTY_FIXED, "0",
     "anything else lets rows disappear without a word"},
    {"timeout", DIALECT_PROPERTY_TIMEOUT, NULL, NULL},
    {"group_commit", DIALECT_PROPERTY_FIXED, "off_mode",
     "group commit takes the label away, and with it exactly-once"},
    {"two_phase_commit", DIALECT_PROPERTY_FIXED, "false",
     "sink.enable-2pc says which tables are loaded in two phases"},
    {"partial_columns", DIALECT_PROPERTY_FIXED, "false",
     "a row's own image says which columns it has"},
    {"unique_key_update_mode", DIALECT_PROPERTY_FIXED, "UPSERT",
     "a row's own image says which columns it has"},
    {"merge_type", DIALECT_PROPERTY_FIXED, "APPEND", "deletes travel in a column of their own"},
    {"negative", DIALECT_PROPERTY_FIXED, "false", "it inverts values"},
    /* What helps and harms nothing (facts/doris.md 1.6). */
    {"timezone", DIALECT_PROPERTY_PASS, NULL, NULL}, /* dates are sent without an offset */
    {"exec_mem_limit", DIALECT_PROPERTY_PASS, NULL, NULL},
    {"send_batch_parallelism", DIALECT_PROPERTY_PASS, NULL, NULL},
    {"enable_profile", DIALECT_PROPERTY_PASS, NULL, NULL},
    {"memtable_on_sink_node", DIALECT_PROPERTY_PASS, NULL, NULL},
    {"load_stream_per_node", DIALECT_PROPERTY_PASS, NULL, NULL},
    {"comment", DIALECT_PROPERTY_PASS, NULL, NULL},
    {"cloud_cluster", DIALECT_PROPERTY_PASS, NULL, NULL},
    {"compute_group", DIALECT_PROPERTY_PASS, NULL, NULL},
    {"redirect-policy", DIALECT_PROPERTY_PASS, NULL, NULL},
    {"skip_record_to_audit_log_table", DIALECT_PROPERTY_PASS, NULL, NULL},
    /* What would break the body or the promise. */
    {"label", DIALECT_PROPERTY_REFUSED, NULL,
     "each load has its own label; set sink.label-prefix for how labels begin"},
    {"columns", DIALECT_PROPERTY_REFUSED, NULL, "the column list follows the source table"},
    {"hidden_columns", DIALECT_PROPERTY_REFUSED, NULL, "the column list follows the source table"},
    {"where", DIALECT_PROPERTY_REFUSED, NULL, "it lets rows disappear"},
    {"delete", DIALECT_PROPERTY_REFUSED, NULL, "deletes travel in a column of their own"},
    {"function_column.sequence_col", DIALECT_PROPERTY_REFUSED, NULL,
     "order is kept by one load a table at a time"},
    {"partial_update_new_key_behavior", DIALECT_PROPERTY_REFUSED, NULL,
     "a row's own image says which columns it has"},
    {"partitions", DIALECT_PROPERTY_REFUSED, NULL, "rows of other partitions would be lost"},
    {"temporary_partitions", DIALECT_PROPERTY_REFUSED, NULL,
     "rows of other partitions would be lost"},
    {"load_to_single_tablet", DIALECT_PROPERTY_REFUSED, NULL,
     "it is for tables without hash distribution"},
    {"jsonpaths", DIALECT_PROPERTY_REFUSED, NULL, "keys of the body are the column names"},
    {"json_root", DIALECT_PROPERTY_REFUSED, NULL, "rows are the root of the body"},
    {"num_as_string", DIALECT_PROPERTY_REFUSED, NULL, "it changes how values are read"},
    {"fuzzy_parse", DIALECT_PROPERTY_REFUSED, NULL, "it changes how values are read"},
    {"compress_type", DIALECT_PROPERTY_REFUSED, NULL,
     "sink.load.compression says how bodies are sent"},
    {"column_separator", DIALECT_PROPERTY_REFUSED, NULL,
     "CSV loads are of one form (sink.load.format)"},
    {"line_delimiter", DIALECT_PROPERTY_REFUSED, NULL,
     "CSV loads are of one form (sink.load.format)"},
    {"enclose", DIALECT_PROPERTY_REFUSED, NULL, "CSV loads are of one form (sink.load.format)"},
    {"escape", DIALECT_PROPERTY_REFUSED, NULL, "CSV loads are of one form (sink.load.format)"},
    {"trim_double_quotes", DIALECT_PROPERTY_REFUSED, NULL,
     "CSV loads are of one form (sink.load.format)"},
    {"empty_field_as_null", DIALECT_PROPERTY_REFUSED, NULL,
     "CSV loads are of one form (sink.load.format)"},
    {"skip_lines", DIALECT_PROPERTY_REFUSED, NULL, "CSV loads are of one form (sink.load.format)"},
};
const unsigned doris_property_rule_count = COUNT_OF(doris_property_rules);

static enum rc check_fixed(const struct doris_config *config, struct error *err)
{
    if (!slice_equal_nocase(slice_str(config->charset), SLICE("UTF-8")) &&
        !slice_equal_nocase(slice_str(config->charset), SLICE("UTF8")))
        return error_set(err, RC_CONFIG,
                         "The key 'charset-encoding' may only be UTF-8: Doris takes nothing else.");
    if (!config->enable_delete)
        return error_set(
            err, RC_CONFIG,
            "The key 'sink.enable-delete' may not be false: rows deleted at the source "
            "would stay at the target.");
    if (config->auto_partition.count > 0)
        return error_set(
            err, RC_CONFIG,
            "The key 'table.create.auto-partition.properties.%s' is not taken, because "
            "a partition column must be part of the target's key: create the "
            "partitioned table yourself, or take the key out.",
            config->auto_partition.items[0].key);
    return dialect_label_prefix_check(config->common.label_prefix, err);
}

static enum rc validate(void *values, struct error *err)
{
    struct doris_config *config = values;
    enum rc rc = check_fixed(config, err);
    if (rc == RC_OK)
        rc = dialect_addresses_parse("fenodes", &config->fenodes, 8030, &config->common.frontends,
                                     err);
    if (rc == RC_OK)
        rc = dialect_addresses_parse("benodes", &config->benodes, 8040, &config->common.backends,
                                     err);
    if (rc == RC_OK && config->common.frontends.count == 0)
        rc = error_set(err, RC_CONFIG, "The key 'fenodes' holds no address.");
    if (rc == RC_OK)
        rc = config->common.jdbc_url != NULL
                 ? dialect_jdbc_parse("jdbc-url", config->common.jdbc_url, 9030,
                                      &config->common.query, err)
                 : dialect_endpoints_from("fenodes", &config->common.frontends, 9030,
                                          &config->common.query, err);
    return rc == RC_OK ? dialect_config_settle(doris_property_rules, doris_property_rule_count,
                                               &config->common, err)
                       : rc;
}

const struct cfg_section doris_section = {
    .block = "sink",
    .type = "doris",
    .size = sizeof(struct doris_config),
    .rows = rows,
    .row_count = COUNT_OF(rows),
    .validate = validate,
};

void doris_settings(const struct doris_config *config, struct load_settings *settings_out,
                    struct myconn_options *query_out)
{
    dialect_settings(&config->common, settings_out, query_out);
    settings_out->connect_timeout_ms = config->connect_timeout_ms;
    settings_out->read_timeout_ms = config->answer_timeout_ms;
    settings_out->continue_timeout_ms = config->continue_timeout_ms;
    settings_out->threads = (unsigned)config->threads;
    query_out->connect_timeout_ms = config->connect_timeout_ms;
}
