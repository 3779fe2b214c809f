/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Apache Doris behind the shared Stream Load core: the dialect's table of functions, and the sink
 * that the engine knows.
 */
#include "doris_int.h"

#define CSV_HEADERS "format: csv\ncolumn_separator: \\x01\nline_delimiter: \\x02\n"

const struct load_dialect doris_dialect = {
    .name = "doris",
    .product = "Apache Doris",
    .delete_column = DORIS_DELETE_COLUMN,
    .json_headers = "format: json\nread_json_by_line: true\n",
    .csv_headers = {[LOAD_COMPRESSION_NONE] = CSV_HEADERS,
                    [LOAD_COMPRESSION_GZIP] = CSV_HEADERS "compress_type: gz\n",
                    [LOAD_COMPRESSION_LZ4] = CSV_HEADERS "compress_type: lz4\n"},
    .compression_header = {[LOAD_COMPRESSION_GZIP] = "compress_type: gz\n",
                           [LOAD_COMPRESSION_LZ4] = "compress_type: lz4\n"},
    .label_max = 128,
    .default_query_port = 9030,
    .headers = doris_headers,
    .read_answer = doris_read_answer,
    .read_label_state = doris_read_label_state,
    .step_request = doris_step_request,
    .read_step = doris_read_step,
    .two_phase_check = doris_two_phase_check,
    .target_prepare = doris_target_prepare,
    .check = doris_check,
    .partial_check = doris_partial_check,
    .change_turn = doris_change_turn,
    .truncate_sql = dialect_truncate_sql,
    .target_columns = dialect_target_columns,
    .is_empty = dialect_is_empty,
};

static enum rc doris_open(const struct sink_options *options, struct sink **sink_out,
                          struct error *err)
{
    const struct doris_config *config = options->config;
    struct load_settings settings;
    struct myconn_options query;
    doris_settings(config, &settings, &query);
    dialect_choose_endpoint(&config->common.query, &query);
    return stream_load_open(&doris_dialect, &settings, &query, options, sink_out, err);
}

const struct sink_ops doris_sink = {
    .name = "doris",
    .summary = "Apache Doris: tables kept equal to the source by Stream Load.",
    .caps = SINK_PUTS_ASIDE,
    .section = &doris_section,
    .open = doris_open,
    STREAM_LOAD_OPERATIONS,
};
