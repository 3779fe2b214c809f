// SPDX-License-Identifier: Apache-2.0

import java.util.Properties;
import org.apache.flink.api.common.eventtime.WatermarkStrategy;
import org.apache.flink.api.common.restartstrategy.RestartStrategies;
import org.apache.flink.cdc.connectors.mysql.source.MySqlSource;
import org.apache.flink.cdc.connectors.mysql.table.StartupOptions;
import org.apache.flink.cdc.debezium.JsonDebeziumDeserializationSchema;
import org.apache.flink.streaming.api.environment.StreamExecutionEnvironment;
import org.apache.flink.streaming.api.functions.sink.SinkFunction;

/**
 * Runs Flink CDC's MySQL source in a Flink cluster within this process, from the beginning of a binlog file, into a sink
 * that counts the JSON texts and drops them.
 *
 *     java Main mysql|mariadb PORT USER PASSWORD FILE GTIDS DATABASE.TABLE CHANGES
 */
public final class Main {
    private static final long CHECKPOINT_INTERVAL_MS = 3_000;
    private static Tally tally;

    /** The sink. The cluster is this process, so it can count into it. */
    public static final class Counting implements SinkFunction<String> {
        private static final long serialVersionUID = 1;

        @Override
        public void invoke(String text, Context context) {
            tally.seen();
        }
    }

    public static void main(String[] given) throws Exception {
        tally = new Tally(Long.parseLong(given[7]));
        Properties driver = new Properties();
        driver.setProperty("useSSL", "false");
        driver.setProperty("allowPublicKeyRetrieval", "true");
        Properties reader = new Properties();
        reader.setProperty("database.ssl.mode", "disabled");
        MySqlSource<String> source = MySqlSource.<String>builder()
            .hostname("127.0.0.1")
            .port(Integer.parseInt(given[1]))
            .username(given[2])
            .password(given[3])
            .serverId("5602")
            .databaseList(given[6].split("\\.")[0])
            .tableList(given[6])
            .startupOptions(StartupOptions.specificOffset(given[4], 4))
            .jdbcProperties(driver)
            .debeziumProperties(reader)
            .deserializer(new JsonDebeziumDeserializationSchema())
            .build();
        StreamExecutionEnvironment environment = StreamExecutionEnvironment.createLocalEnvironment(1);
        environment.setRestartStrategy(RestartStrategies.noRestart());
        environment.enableCheckpointing(CHECKPOINT_INTERVAL_MS);
        environment.fromSource(source, WatermarkStrategy.noWatermarks(), "binlog").addSink(new Counting());
        new Thread(() -> {
            try {
                environment.execute();
                Tally.fail("the job ended");
            } catch (Throwable exception) {
                Tally.fail(exception);
            }
        }).start();
        tally.await();
    }
}
