/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The keys of `source: type: mysql`: all of Flink CDC's pipeline source (facts/flink-cdc.md 1.1),
 * and our own beside them.
 *
 * Three kinds of Flink's keys do nothing here, each told in its help: those that tune how Flink cuts and
 * buffers a snapshot, those that tune the JVM, and those whose one good value is what we always do.
 */
#include "server_config_int.h"

#include "server_compat_int.h"
#include "spool_int.h"

#define FIELD(name) offsetof(struct mysql_source_config, name)

static const char *const startup_words[] = {
    "initial", "earliest-offset", "latest-offset", "specific-offset", "timestamp", "snapshot",
    NULL};

static const char *const tls_words[] = {"preferred", "disabled",        "required",
                                        "verify-ca", "verify-identity", NULL};
/* tls_words[i] means tls_modes[i]. */
static const enum myconn_tls tls_modes[] = {MYCONN_TLS_PREFERRED, MYCONN_TLS_DISABLED,
                                            MYCONN_TLS_REQUIRED, MYCONN_TLS_VERIFY_CA,
                                            MYCONN_TLS_VERIFY_IDENTITY};

static const struct cfg_row rows[] = {
    {.key = "tables",
     .type = CFG_STRING,
     .offset = FIELD(tables.tables),
     .flags = CFG_REQUIRED,
     .help = "Which tables are captured: a comma list of regular expressions over db.table, in "
             "which a dot of the expression is written \"\\.\", as in app.\\.*"},
    {.key = "tables.exclude",
     .type = CFG_STRING,
     .offset = FIELD(tables.tables_exclude),
     .help = "Tables to leave out of those that `tables` names, in the same syntax."},
    {.key = "hostname",
     .type = CFG_STRING,
     .offset = FIELD(hostname),
     .help = "Name or address of the server. Required unless `socket` is set; \"localhost\" means "
             "TCP."},
    {.key = "port",
     .type = CFG_INT,
     .offset = FIELD(port),
     .fallback = "3306",
     .min = 1,
     .max = 65535,
     .help = "TCP port of the server."},
    {.key = "socket",
     .type = CFG_STRING,
     .offset = FIELD(socket),
     .flags = CFG_OURS,
     .help = "Path of the server's unix socket, for a server on this machine; it wins over "
             "hostname and port."},
    {.key = "username",
     .type = CFG_STRING,
     .offset = FIELD(username),
     .flags = CFG_REQUIRED,
     .help = "User of the server; `millrace check` says which privileges are missing."},
    {.key = "password",
     .type = CFG_SECRET,
     .offset = FIELD(password),
     .help = "Password of the user. ${NAME} takes it from the environment, file:/path from a "
             "file, command:/path WORD... from what a program prints; these two are read again "
             "when the server refuses it."},
    {.key = "connect.timeout",
     .type = CFG_DURATION,
     .offset = FIELD(connect_timeout_ms),
     .fallback = "30s",
     .min = 250,
     .max = 3600000,
     .help = "How long one try to connect may take; rounded up to whole seconds."},
    {.key = "connect.max-retries",
     .type = CFG_INT,
     .offset = FIELD(connect_tries),
     .fallback = "3",
     .min = 1,
     .max = 1000000,
     .help = "How many times connecting is tried at the start. Once the stream has run, a lost "
             "connection is made again for as long as it takes."},
    {.key = "tls.mode",
     .type = CFG_ENUM,
     .offset = FIELD(tls_word),
     .fallback = "preferred",
     .choices = tls_words,
     .flags = CFG_OURS,
     .help = "preferred: TLS when the server offers it, not verified, and never over a unix "
             "socket; required: always, not verified; verify-ca: the certificate must come from "
             "tls.ca; verify-identity: and it must name the host."},
    {.key = "tls.ca",
     .type = CFG_STRING,
     .offset = FIELD(tls_ca),
     .flags = CFG_OURS,
     .help = "PEM file with the certificates of the authorities that are trusted."},
    {.key = "tls.cert",
     .type = CFG_STRING,
     .offset = FIELD(tls_cert),
     .flags = CFG_OURS,
     .help = "PEM file with our own certificate, for servers that ask for one."},
    {.key = "tls.key",
     .type = CFG_STRING,
     .offset = FIELD(tls_key),
     .flags = CFG_OURS,
     .help = "PEM file with the private key of tls.cert."},
    {.key = "jdbc.properties.",
     .type = CFG_MAP,
     .offset = FIELD(jdbc),
     .help = "Properties of Connector/J that mean something without a JVM: useSSL, requireSSL, "
             "verifyServerCertificate and sslMode choose tls.mode; harmless ones are accepted; "
             "any other is refused by name."},
    {.key = "debezium.",
     .type = CFG_MAP,
     .offset = FIELD(debezium),
     .help = "There is no Debezium inside. Its queue sizes and the like are accepted without "
             "effect; a property that would change what is captured is refused by name."},
    {.key = "server-id",
     .type = CFG_STRING,
     .offset = FIELD(server_id),
     .help = "The id under which we read the binlog, a number or a range of which the first is "
             "used. It must differ from every server and replica of the topology. Without it, one "
             "from 5400 to 6400 is drawn at each start."},
    {.key = "heartbeat.interval",
     .type = CFG_DURATION,
     .offset = FIELD(heartbeat_ms),
     .fallback = "30s",
     .min = 0,
     .max = 86400000,
     .help = "How often an idle server shows that it is alive. Silence of twice this and ten "
             "seconds more counts as a lost connection; 0 turns both off."},
    {.key = "read-ahead.size",
     .type = CFG_SIZE,
     .offset = FIELD(read_ahead_bytes),
     .fallback = "16mb",
     .min = 2 << 20,
     .max = 1ll << 32,
     .flags = CFG_OURS,
     .help = "How many bytes of binlog may wait in memory before they are decoded."},
    {.key = "spool.max-size",
     .type = CFG_SIZE,
     .offset = FIELD(spool_bytes_max),
     .fallback = "0",
     .min = 0,
     .max = 1ll << 40,
     .flags = CFG_OURS,
     .help = "How many bytes of binlog may be kept on disk, in the checkpoint's folder, from the "
             "checkpoint's place on, for sources that purge early. While the target cannot take "
             "changes the binlog is read on into the spool, and a restart reads the spool first. "
             "At least 1mb; 0: no spool."},
    {.key = "xa.max-size",
     .type = CFG_SIZE,
     .offset = FIELD(xa_bytes_max),
     .fallback = "16gb",
     .min = 0,
     .max = 1ll << 40,
     .flags = CFG_OURS,
     .help = "How many bytes of rows of prepared XA transactions may wait on disk, in the "
             "checkpoint's folder, for their XA COMMIT. 16mb of small transactions wait in memory "
             "besides. Of one that finds no room the tables are read again when it commits. 0: "
             "memory alone."},
    {.key = "scan.startup.mode",
     .type = CFG_ENUM,
     .offset = FIELD(startup),
     .fallback = "initial",
     .choices = startup_words,
     .help = "Where a pipeline without a checkpoint begins: initial reads all rows that the tables "
             "hold, without a lock, beside the stream from now on; snapshot does the same and ends "
             "when they are all there; earliest-offset, latest-offset, specific-offset and "
             "timestamp begin in the stream and read no rows of before."},
    {.key = "scan.startup.specific-offset.file",
     .type = CFG_STRING,
     .offset = FIELD(offset_file),
     .help = "Binlog file to begin in, for mode specific-offset."},
    {.key = "scan.startup.specific-offset.pos",
     .type = CFG_INT,
     .offset = FIELD(offset_pos),
     .fallback = "4",
     .min = 4,
     .max = INT64_MAX,
     .help = "Byte in that file at which the first wanted transaction begins; transactions that "
             "begin before it are not delivered."},
    {.key = "scan.startup.specific-offset.gtid-set",
     .type = CFG_STRING,
     .offset = FIELD(offset_gtid_set),
     .help = "GTID set of what is not wanted any more, for mode specific-offset; it wins over "
             "file and pos. MariaDB: the last GTID of each domain."},
    {.key = "scan.startup.specific-offset.skip-events",
     .type = CFG_REFUSED,
     .help = "Counting events into a transaction would begin in its middle. Begin at a "
             "transaction with file and pos, or a GTID set."},
    {.key = "scan.startup.specific-offset.skip-rows",
     .type = CFG_REFUSED,
     .help = "Counting rows into a transaction would begin in its middle. Begin at a transaction "
             "with file and pos, or a GTID set."},
    {.key = "scan.startup.timestamp-millis",
     .type = CFG_INT,
     .offset = FIELD(timestamp_ms),
     .fallback = "-1",
     .min = -1,
     .max = INT64_MAX / 1000,
     .help = "For mode timestamp: the first transaction that committed at or after this many "
             "milliseconds since 1970-01-01 UTC is the first that is delivered."},
    {.key = "invalid-text",
     .type = CFG_ENUM,
     .offset = FIELD(invalid_text),
     .fallback = "stop",
     .choices = invalid_text_words,
     .flags = CFG_OURS,
     .help = "What becomes of a text whose bytes are not valid in its column's character set. "
             "stop: the pipeline stops and names the row; replace: U+FFFD in the place of what "
             "cannot be read; base64: the value is \"base64:\" and its bytes in base64."},
    {.key = "schema-change.enabled",
     .type = CFG_BOOL,
     .offset = FIELD(schema_changes),
     .fallback = "true",
     .help = "false keeps schema changes and truncations of the source to itself."},
    {.key = "include-comments.enabled",
     .type = CFG_BOOL,
     .offset = FIELD(include_comments),
     .fallback = "false",
     .help = "Carries table and column comments to the target."},
    {.key = "treat-tinyint1-as-boolean.enabled",
     .type = CFG_BOOL,
     .offset = FIELD(tinyint1_as_boolean),
     .fallback = "false",
     .help = "TINYINT(1) holds -128 to 127, so it stays a number here. Flink's default, true, "
             "would lose values: without the key nothing is lost, and an explicit true is "
             "refused."},
    {.key = "server-time-zone",
     .type = CFG_STRING,
     .offset = FIELD(unused_text),
     .flags = CFG_ACCEPTED,
     .help = "Has no effect, which is safe: a TIMESTAMP travels as an instant in UTC in the "
             "binlog, and our sessions ask for UTC."},
    {.key = "scan.newly-added-table.enabled",
     .type = CFG_BOOL,
     .offset = FIELD(tables.snapshot_new_tables),
     .fallback = "true",
     .help = "With the modes initial and snapshot: whether the rows of a table that `tables` "
             "matches only later (the pattern was widened, the table was renamed) are read too. "
             "Flink's default is false, which leaves them out without a word. A table that is "
             "seen being created needs no snapshot."},
    {.key = "scan.binlog.newly-added-table.enabled",
     .type = CFG_BOOL,
     .offset = FIELD(unused_flag),
     .fallback = "true",
     .flags = CFG_ACCEPTED,
     .help = "Always on: a new table that matches `tables` is captured from its first change."},
    {.key = "scan.parse.online.schema.changes.enabled",
     .type = CFG_BOOL,
     .offset = FIELD(online_schema_changes),
     .fallback = "true",
     .help = "What gh-ost and pt-online-schema-change do appears as one change of the real table, "
             "and their helper tables (_t_gho, _t_ghc, _t_del, _t_new, _t_old) are not captured "
             "although `tables` may match them. false: they are tables like others. Flink's "
             "default is false."},
    {.key = "use.legacy.json.format",
     .type = CFG_BOOL,
     .offset = FIELD(unused_flag),
     .fallback = "false",
     .flags = CFG_ACCEPTED,
     .help = "Has no effect, which is safe: a JSON document has one text here, the server's own."},
    {.key = "connection.pool.size",
     .type = CFG_INT,
     .offset = FIELD(unused_number),
     .fallback = "20",
     .min = 1,
     .max = INT32_MAX,
     .flags = CFG_ACCEPTED,
     .help = "Has no effect: two connections are used, one for the binlog and one for questions."},
    {.key = "metadata.list",
     .type = CFG_REFUSED,
     .help = "Metadata columns belong to transforms, which this version does not have."},
    {.key = "scan.incremental.close-idle-reader.enabled",
     .type = CFG_BOOL,
     .offset = FIELD(unused_flag),
     .fallback = "false",
     .flags = CFG_ACCEPTED,
     .help = "Has no effect: there are no idle readers."},
    {.key = "scan.incremental.snapshot.chunk.size",
     .type = CFG_INT,
     .offset = FIELD(tables.chunk_rows),
     .fallback = "32768",
     .min = 2,
     .max = INT32_MAX,
     .help = "How many rows of a table are read at a time, at most; fewer where "
             "scan.snapshot.chunk.bytes is met first. Flink's default is 8096, and it keeps a "
             "record of each chunk; ours costs nothing when it is over."},
    {.key = "scan.snapshot.chunk.bytes",
     .type = CFG_SIZE,
     .offset = FIELD(tables.chunk_bytes),
     .fallback = "4mb",
     .min = 64 << 10,
     .max = 1 << 30,
     .flags = CFG_OURS,
     .help = "How many bytes of a table are read at a time and held in memory by each connection."},
    {.key = "scan.snapshot.parallelism",
     .type = CFG_INT,
     .offset = FIELD(tables.snapshot_parallelism),
     .fallback = "0",
     .min = 0,
     .max = 64,
     .flags = CFG_OURS,
     .help = "How many connections read the rows of a snapshot at once; 0: by the number of "
             "cores. There is one connection for the binlog, however many these are."},
    {.key = "scan.snapshot.fetch.size",
     .type = CFG_INT,
     .offset = FIELD(unused_number),
     .fallback = "1024",
     .min = 2,
     .max = INT32_MAX,
     .flags = CFG_ACCEPTED,
     .help = "Has no effect: rows come as the server sends them and are not fetched in groups."},
    {.key = "scan.incremental.snapshot.unbounded-chunk-first.enabled",
     .type = CFG_BOOL,
     .offset = FIELD(unused_flag),
     .fallback = "false",
     .flags = CFG_ACCEPTED,
     .help = "Has no effect, which is safe: no chunk is open-ended, each is bounded by rows and by "
             "bytes."},
    {.key = "scan.incremental.snapshot.backfill.skip",
     .type = CFG_BOOL,
     .offset = FIELD(unused_flag),
     .fallback = "false",
     .flags = CFG_ACCEPTED,
     .help = "Has no effect: chunks are reconciled with the stream that runs anyway, so there is "
             "nothing to skip."},
    {.key = "scan.incremental.snapshot.chunk.key-column",
     .type = CFG_STRING,
     .offset = FIELD(unused_text),
     .flags = CFG_ACCEPTED,
     .help = "Has no effect: chunks are cut by all key columns, and tables without a key are read "
             "as a whole."},
    {.key = "chunk-meta.group.size",
     .type = CFG_INT,
     .offset = FIELD(unused_number),
     .fallback = "1000",
     .min = 1,
     .max = INT32_MAX,
     .flags = CFG_ACCEPTED,
     .help = "Has no effect: nothing is kept of a chunk that is over."},
    {.key = "chunk-key.even-distribution.factor.upper-bound",
     .type = CFG_STRING,
     .offset = FIELD(unused_text),
     .flags = CFG_ACCEPTED,
     .help = "Has no effect: chunks are cut by the rows that the server finds, whatever the keys "
             "look like."},
    {.key = "chunk-key.even-distribution.factor.lower-bound",
     .type = CFG_STRING,
     .offset = FIELD(unused_text),
     .flags = CFG_ACCEPTED,
     .help = "Has no effect: chunks are cut by the rows that the server finds, whatever the keys "
             "look like."},
};

static enum rc validate_server_id(struct mysql_source_config *config, struct error *err)
{
    config->server_id_first = 0;
    if (config->server_id == NULL)
        return RC_OK;
    struct slice text = slice_trim(slice_str(config->server_id));
    const uint8_t *dash = text.len == 0 ? NULL : memchr(text.ptr, '-', text.len);
    struct slice first_text = dash == NULL ? text : slice_of(text.ptr, (size_t)(dash - text.ptr));
    struct slice last_text =
        dash == NULL ? text : slice_of(dash + 1, text.len - first_text.len - 1);
    uint64_t first = 0;
    uint64_t last = 0;
    if (!text_parse_u64(slice_trim(first_text), &first) ||
        !text_parse_u64(slice_trim(last_text), &last) || first == 0 || last > UINT32_MAX ||
        first > last)
        return error_set(err, RC_CONFIG,
                         "server-id is \"%s\", but must be a number from 1 to 4294967295 or a "
                         "range such as 5400-5408.",
                         config->server_id);
    config->server_id_first = (uint32_t)first;
    return RC_OK;
}

static enum rc validate_startup(struct mysql_source_config *config, struct error *err)
{
    config->tables.scan = SOURCE_SCAN_NONE;
    config->tables.from_before = config->startup == SERVER_STARTUP_EARLIEST ||
                                 config->startup == SERVER_STARTUP_SPECIFIC ||
                                 config->startup == SERVER_STARTUP_TIMESTAMP;
    switch ((enum server_startup)config->startup) {
    case SERVER_STARTUP_INITIAL:
        config->tables.scan = SOURCE_SCAN_FIRST;
        return RC_OK;
    case SERVER_STARTUP_SNAPSHOT:
        config->tables.scan = SOURCE_SCAN_ONLY;
        return RC_OK;
    case SERVER_STARTUP_SPECIFIC:
        if (config->offset_file == NULL && config->offset_gtid_set == NULL)
            return error_set(err, RC_CONFIG,
                             "scan.startup.mode is specific-offset, which needs "
                             "scan.startup.specific-offset.gtid-set, or "
                             "scan.startup.specific-offset.file and .pos.");
        if (config->offset_file != NULL && strlen(config->offset_file) >= POSITION_FILE_MAX)
            return error_set(err, RC_CONFIG,
                             "scan.startup.specific-offset.file is longer than %d bytes.",
                             POSITION_FILE_MAX - 1);
        return RC_OK;
    case SERVER_STARTUP_TIMESTAMP:
        if (config->timestamp_ms >= 0)
            return RC_OK;
        return error_set(err, RC_CONFIG,
                         "scan.startup.mode is timestamp, which needs "
                         "scan.startup.timestamp-millis.");
    case SERVER_STARTUP_EARLIEST:
    case SERVER_STARTUP_LATEST:
        break;
    }
    return RC_OK;
}

static enum rc validate_tls(struct mysql_source_config *config, struct error *err)
{
    ASSERT(config->tls_word >= 0 && (size_t)config->tls_word < COUNT_OF(tls_modes));
    config->tls = tls_modes[config->tls_word];
    enum rc rc = server_compat_jdbc(&config->jdbc, &config->tls, err);
    if (rc != RC_OK)
        return rc;
    if (config->tls == MYCONN_TLS_VERIFY_CA && config->tls_ca == NULL)
        return error_set(err, RC_CONFIG,
                         "Verifying the server's certificate needs tls.ca, a PEM file with the "
                         "certificate of its authority.");
    if ((config->tls_cert == NULL) != (config->tls_key == NULL))
        return error_set(err, RC_CONFIG, "tls.cert and tls.key belong together: set both or none.");
    return RC_OK;
}

static enum rc validate(void *values, struct error *err)
{
    struct mysql_source_config *config = values;
    if (config->hostname == NULL && config->socket == NULL)
        return error_set(err, RC_CONFIG,
                         "hostname is missing: set it, or socket for a server on this machine.");
    if (config->tinyint1_as_boolean)
        return error_set(err, RC_CONFIG,
                         "treat-tinyint1-as-boolean.enabled is true, but TINYINT(1) holds -128 to "
                         "127 and a boolean would lose values. Set it to false or leave it out: "
                         "the column stays a number.");
    enum rc rc = validate_server_id(config, err);
    if (rc == RC_OK)
        rc = validate_startup(config, err);
    if (rc == RC_OK)
        rc = validate_tls(config, err);
    if (rc == RC_OK && config->spool_bytes_max > 0 && config->spool_bytes_max < SPOOL_BYTES_MIN)
        rc = error_set(
            err, RC_CONFIG,
            "spool.max-size is %llu bytes, too few for a spool. Set it to 1mb or more, or "
            "to 0 for none.",
            (unsigned long long)config->spool_bytes_max);
    if (rc == RC_OK)
        rc = server_compat_debezium(&config->debezium, err);
    return rc;
}

const struct cfg_section server_config_section = {
    .block = "source",
    .type = "mysql",
    .size = sizeof(struct mysql_source_config),
    .rows = rows,
    .row_count = COUNT_OF(rows),
    .validate = validate,
};

void server_config_connect(const struct mysql_source_config *config, const char *purpose,
                           uint64_t read_timeout_ms, struct myconn_options *out)
{
    *out = (struct myconn_options){.host = config->hostname,
                                   .port = (uint16_t)config->port,
                                   .socket = config->socket,
                                   .user = config->username,
                                   .password = config->password,
                                   .tls = config->tls,
                                   .tls_ca = config->tls_ca,
                                   .tls_cert = config->tls_cert,
                                   .tls_key = config->tls_key,
                                   .connect_timeout_ms = config->connect_timeout_ms,
                                   .read_timeout_ms = read_timeout_ms,
                                   .purpose = purpose};
}
