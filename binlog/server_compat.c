/* SPDX-License-Identifier: Apache-2.0 */
/*
 * jdbc.properties.* and debezium.* of a Flink CDC file (facts/flink-cdc.md 1.1). Connector/J's TLS
 * words are mapped to ours as its manual describes them; what only tunes a JVM library is accepted;
 * whatever would change the data is refused by name, for ignoring it would be a silent change.
 */
#include "server_compat_int.h"

enum meaning {
    MEANING_NOTHING = 0, /* no effect here, and none is missed */
    MEANING_ONLY_FALSE,  /* true would change values or transport */
    MEANING_ONLY_TRUE,
    MEANING_SSL_MODE,
    MEANING_USE_SSL,
    MEANING_REQUIRE_SSL,
    MEANING_VERIFY
};

struct property {
    const char *name;
    enum meaning meaning;
};

static const struct property jdbc_properties[] = {
    {"useSSL", MEANING_USE_SSL},
    {"requireSSL", MEANING_REQUIRE_SSL},
    {"verifyServerCertificate", MEANING_VERIFY},
    {"sslMode", MEANING_SSL_MODE},
    {"serverTimezone", MEANING_NOTHING},     /* TIMESTAMP is UTC throughout */
    {"connectionTimeZone", MEANING_NOTHING}, /* the same under its newer name */
    {"forceConnectionTimeZoneToSession", MEANING_NOTHING},
    {"preserveInstants", MEANING_NOTHING},
    {"characterEncoding", MEANING_NOTHING}, /* the session is utf8mb4 */
    {"characterSetResults", MEANING_NOTHING},
    {"connectionCollation", MEANING_NOTHING},
    {"useUnicode", MEANING_NOTHING},
    {"allowPublicKeyRetrieval", MEANING_NOTHING}, /* the library fetches the key when needed */
    {"zeroDateTimeBehavior", MEANING_NOTHING},    /* zero dates come as the server shows them */
    {"tinyInt1isBit", MEANING_ONLY_FALSE},
    {"yearIsDateType", MEANING_NOTHING}, /* YEAR is a number */
    {"useCompression", MEANING_ONLY_FALSE},
    {"rewriteBatchedStatements", MEANING_NOTHING},
    {"useCursorFetch", MEANING_NOTHING},
    {"defaultFetchSize", MEANING_NOTHING},
    {"autoReconnect", MEANING_NOTHING}, /* reconnecting is always on */
    {"maxReconnects", MEANING_NOTHING},
    {"tcpKeepAlive", MEANING_ONLY_TRUE},
    {"connectTimeout", MEANING_NOTHING}, /* connect.timeout says it */
    {"socketTimeout", MEANING_NOTHING},  /* heartbeat.interval says it */
    {"useInformationSchema", MEANING_NOTHING},
    {"nullCatalogMeansCurrent", MEANING_NOTHING},
    {"useLocalSessionState", MEANING_NOTHING},
};

static const char *const debezium_harmless[] = {
    "connect.keep.alive",
    "connect.keep.alive.interval.ms",
    "connect.timeout.ms",
    "max.batch.size",
    "max.queue.size",
    "max.queue.size.in.bytes",
    "min.row.count.to.stream.results",
    "poll.interval.ms",
    "query.fetch.size",
    "retriable.restart.connector.wait.ms",
    "snapshot.fetch.size",
    "snapshot.lock.timeout.ms",
    "snapshot.locking.mode",
};

static const struct property *find_property(struct slice name)
{
    for (size_t i = 0; i < COUNT_OF(jdbc_properties); i++)
        if (slice_equal_nocase(slice_str(jdbc_properties[i].name), name))
            return &jdbc_properties[i];
    return NULL;
}

static bool ssl_mode(struct slice word, enum myconn_tls *tls_out)
{
    static const struct {
        const char *word;
        enum myconn_tls tls;
    } modes[] = {{"DISABLED", MYCONN_TLS_DISABLED},
                 {"PREFERRED", MYCONN_TLS_PREFERRED},
                 {"REQUIRED", MYCONN_TLS_REQUIRED},
                 {"VERIFY_CA", MYCONN_TLS_VERIFY_CA},
                 {"VERIFY_IDENTITY", MYCONN_TLS_VERIFY_IDENTITY}};
    for (size_t i = 0; i < COUNT_OF(modes); i++) {
        if (slice_equal_nocase(slice_str(modes[i].word), word)) {
            *tls_out = modes[i].tls;
            return true;
        }
    }
    return false;
}

/* What the properties say together. */
struct tls_wish {
    bool off;
    enum myconn_tls least; /* at least this; PREFERRED: nothing was said */
};

static void at_least(struct tls_wish *wish, enum myconn_tls tls)
{
    if (tls > wish->least)
        wish->least = tls;
}

static enum rc read_flag(const struct cfg_pair *pair, bool *flag_out, struct error *err)
{
    struct slice value = slice_trim(slice_str(pair->value));
    *flag_out = slice_equal_nocase(value, SLICE("true"));
    if (*flag_out || slice_equal_nocase(value, SLICE("false")))
        return RC_OK;
    return error_set(err, RC_CONFIG, "jdbc.properties.%s is \"%s\", but must be true or false.",
                     pair->key, pair->value);
}

static enum rc read_ssl_mode(const struct cfg_pair *pair, struct tls_wish *wish, struct error *err)
{
    enum myconn_tls tls;
    if (!ssl_mode(slice_trim(slice_str(pair->value)), &tls))
        return error_set(err, RC_CONFIG,
                         "jdbc.properties.sslMode is \"%s\", but must be DISABLED, PREFERRED, "
                         "REQUIRED, VERIFY_CA or VERIFY_IDENTITY.",
                         pair->value);
    if (tls == MYCONN_TLS_DISABLED)
        wish->off = true;
    at_least(wish, tls);
    return RC_OK;
}

static enum rc read_property(const struct cfg_pair *pair, struct tls_wish *wish, struct error *err)
{
    const struct property *property = find_property(slice_str(pair->key));
    if (property == NULL)
        return error_set(err, RC_CONFIG,
                         "jdbc.properties.%s has no meaning here, for there is no JDBC driver "
                         "inside. Take it out; TLS is set with tls.mode, tls.ca, tls.cert and "
                         "tls.key.",
                         pair->key);
    if (property->meaning == MEANING_NOTHING)
        return RC_OK;
    if (property->meaning == MEANING_SSL_MODE)
        return read_ssl_mode(pair, wish, err);
    bool flag = false;
    enum rc rc = read_flag(pair, &flag, err);
    if (rc != RC_OK)
        return rc;
    if ((property->meaning == MEANING_ONLY_FALSE && flag) ||
        (property->meaning == MEANING_ONLY_TRUE && !flag))
        return error_set(err, RC_CONFIG, "jdbc.properties.%s is %s, which is not supported here.",
                         pair->key, flag ? "true" : "false");
    if (property->meaning == MEANING_USE_SSL && !flag)
        wish->off = true;
    if (property->meaning == MEANING_REQUIRE_SSL && flag)
        at_least(wish, MYCONN_TLS_REQUIRED);
    if (property->meaning == MEANING_VERIFY && flag)
        at_least(wish, MYCONN_TLS_VERIFY_CA);
    return RC_OK;
}

enum rc server_compat_jdbc(const struct cfg_map *properties, enum myconn_tls *tls,
                           struct error *err)
{
    struct tls_wish wish = {.off = false, .least = MYCONN_TLS_PREFERRED};
    for (unsigned i = 0; i < properties->count; i++) {
        enum rc rc = read_property(&properties->items[i], &wish, err);
        if (rc != RC_OK)
            return rc;
    }
    /* Connector/J ignores its other TLS words when useSSL is false; here that is a contradiction
     * that the user should see. */
    if (wish.off && (wish.least > MYCONN_TLS_PREFERRED || *tls > MYCONN_TLS_PREFERRED))
        return error_set(err, RC_CONFIG,
                         "jdbc.properties.* turn TLS off, while another key asks for it. Keep one "
                         "of them; tls.mode alone is enough.");
    if (*tls == MYCONN_TLS_DISABLED && wish.least > MYCONN_TLS_PREFERRED)
        return error_set(err, RC_CONFIG,
                         "tls.mode is disabled, while jdbc.properties.* ask for TLS. Keep one of "
                         "them; tls.mode alone is enough.");
    if (wish.off)
        *tls = MYCONN_TLS_DISABLED;
    else if (*tls != MYCONN_TLS_DISABLED && wish.least > *tls)
        *tls = wish.least;
    return RC_OK;
}

static bool is_harmless(struct slice name)
{
    for (size_t i = 0; i < COUNT_OF(debezium_harmless); i++)
        if (slice_equal(slice_str(debezium_harmless[i]), name))
            return true;
    return false;
}

enum rc server_compat_debezium(const struct cfg_map *properties, struct error *err)
{
    for (unsigned i = 0; i < properties->count; i++) {
        const struct cfg_pair *pair = &properties->items[i];
        struct slice name = slice_str(pair->key);
        if (is_harmless(name))
            continue;
        if (slice_equal(name, SLICE("event.processing.failure.handling.mode")) &&
            slice_equal_nocase(slice_str(pair->value), SLICE("fail")))
            continue;
        const char *instead = slice_starts_nocase(name, SLICE("database.ssl"))
                                  ? "TLS is set with tls.mode, tls.ca, tls.cert and tls.key."
                                  : "`millrace config` lists the keys that there are.";
        return error_set(err, RC_CONFIG,
                         "debezium.%s cannot be honoured, for there is no Debezium inside. Take "
                         "it out. %s",
                         pair->key, instead);
    }
    return RC_OK;
}
