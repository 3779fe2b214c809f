/* SPDX-License-Identifier: Apache-2.0 */
/*
 * StarRocks behind the shared Stream Load core: the dialect's table of functions, and the sink
 * that the engine knows.
 */
#include "starrocks_int.h"

#define CSV_HEADERS "column_separator: \\x01\nrow_delimiter: \\x02\n"

const struct load_dialect starrocks_dialect = {
    .name = "starrocks",
    .product = "StarRocks",
    .delete_column = STARROCKS_DELETE_COLUMN,
    /* The body is a stream of JSON objects, so there is no outer array to strip; the size check for JSON
     * bodies (100 MB) is lifted because a batch has a bound of its own. */
    .json_headers = "format: json\nignore_json_size: true\n",
    /* Of CSV the codec takes the format's place (facts/starrocks.md 3.4). */
    .csv_headers = {[LOAD_COMPRESSION_NONE] = "format: csv\n" CSV_HEADERS,
                    [LOAD_COMPRESSION_GZIP] = "format: gzip\n" CSV_HEADERS,
                    [LOAD_COMPRESSION_LZ4] = "format: lz4\n" CSV_HEADERS,
                    [LOAD_COMPRESSION_ZSTD] = "format: zstd\n" CSV_HEADERS},
    .compression_header = {[LOAD_COMPRESSION_GZIP] = "compression: gzip\n",
                           [LOAD_COMPRESSION_LZ4] = "compression: lz4_frame\n",
                           [LOAD_COMPRESSION_ZSTD] = "compression: zstd\n"},
    .label_max = 128,
    .default_query_port = 9030,
    /* A JSON body is held in the backend's memory; it refuses 100 MB unless told to ignore the size
     * (facts/starrocks.md 1.7). */
    .body_bytes_max = 90u << 20,
    .headers = starrocks_headers,
    .read_answer = starrocks_read_answer,
    .read_label_state = starrocks_read_label_state,
    .step_request = starrocks_step_request,
    .read_step = starrocks_read_step,
    .two_phase_check = starrocks_two_phase_check,
    .way_by_label = true,
    .commit_at_frontend = true,
    .joint_check = starrocks_joint_check,
    .joint_row = starrocks_joint_row,
    .target_prepare = starrocks_target_prepare,
    .check = starrocks_check,
    .partial_check = starrocks_partial_check,
    .change_turn = starrocks_change_turn,
    .truncate_sql = dialect_truncate_sql,
    .target_columns = dialect_target_columns,
    .is_empty = dialect_is_empty,
};

static enum rc starrocks_open(const struct sink_options *options, struct sink **sink_out,
                              struct error *err)
{
    const struct starrocks_config *config = options->config;
    struct load_settings settings;
    struct myconn_options query;
    starrocks_settings(config, &settings, &query);
    dialect_choose_endpoint(&config->common.query, &query);
    return stream_load_open(&starrocks_dialect, &settings, &query, options, sink_out, err);
}

const struct sink_ops starrocks_sink = {
    .name = "starrocks",
    .summary = "StarRocks: tables kept equal to the source by Stream Load.",
    .caps = SINK_PUTS_ASIDE,
    .section = &starrocks_section,
    .open = starrocks_open,
    STREAM_LOAD_OPERATIONS,
};
