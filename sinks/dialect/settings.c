/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The keys that the sections of both products have, and what the shared core is told of them. Each
 * section names and explains its keys by itself, because Flink CDC names them differently.
 */
#include "dialect_int.h"

/* A statement that the server answers after this time has its connection broken, and is asked about
 * again on a new one. */
#define STATEMENT_TIMEOUT_MS 60000u

const char *const dialect_zero_date_choices[] = {"null", "error", NULL};
const char *const dialect_two_phase_choices[] = {"auto", "true", "false", NULL};
const char *const dialect_compression_choices[] = {"none", "gzip", "lz4", "zstd", NULL};
const char *const dialect_compression_choices_without_zstd[] = {"none", "gzip", "lz4", NULL};
const char *const dialect_format_choices[] = {"json", "auto", NULL};
const char *const dialect_tls_choices[] = {"disabled",  "preferred",       "required",
                                           "verify-ca", "verify-identity", NULL};

enum rc dialect_config_settle(const struct dialect_property_rule *rules, unsigned rule_count,
                              struct dialect_config *config, struct error *err)
{
    config->load_timeout_s = (config->load_timeout_ms + 999) / 1000;
    return dialect_properties_check(rules, rule_count, &config->properties, &config->load_timeout_s,
                                    err);
}

void dialect_settings(const struct dialect_config *config, struct load_settings *settings_out,
                      struct myconn_options *query_out)
{
    *settings_out = (struct load_settings){
        .frontends = dialect_addresses_list(&config->frontends),
        .backends = dialect_addresses_list(&config->backends),
        .rewrite = config->rewrite,
        .user = config->username,
        .password = config->password,
        .label_prefix = config->label_prefix == NULL || config->label_prefix[0] == '\0'
                            ? NULL
                            : config->label_prefix,
        .flush_rows = (uint64_t)config->flush_rows,
        .epochs = (unsigned)config->epochs,
        .flush_bytes = config->flush_bytes,
        .flush_interval_ms = config->flush_interval_ms,
        .load_timeout_s = config->load_timeout_s,
        .max_retries = config->max_retries,
        .zero_dates = (enum load_zero_dates)config->zero_dates,
        .two_phase = (enum load_two_phase)config->two_phase,
        .compression = (enum load_compression)config->compression,
        .csv = strcmp(dialect_format_choices[config->format], "auto") == 0,
        .headers = config->properties,
        .tls = config->tls,
        .tls_ca = config->tls_ca,
    };
    *query_out = (struct myconn_options){
        .user = config->username,
        .password = config->password,
        .tls = (enum myconn_tls)config->query_tls,
        .tls_ca = config->tls_ca,
        .read_timeout_ms = STATEMENT_TIMEOUT_MS,
        .purpose = "ddl",
    };
}
