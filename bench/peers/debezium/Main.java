// SPDX-License-Identifier: Apache-2.0

import io.debezium.engine.ChangeEvent;
import io.debezium.engine.DebeziumEngine;
import io.debezium.engine.format.Json;
import java.util.Properties;

/**
 * Runs Debezium's embedded engine from the beginning of a binlog file, and counts the JSON texts that it hands over: what
 * it would put into Kafka, without the copy of the schema that it puts beside each of them where it is not told otherwise.
 *
 *     java Main mysql|mariadb PORT USER PASSWORD FILE GTIDS DATABASE.TABLE CHANGES
 *
 * GTIDS are those before the file: it asks servers that have such for what comes after them.
 */
public final class Main {
    public static void main(String[] given) throws Exception {
        Tally tally = new Tally(Long.parseLong(given[7]));
        String topic = "bench." + given[6];
        DebeziumEngine<ChangeEvent<String, String>> engine = DebeziumEngine.create(Json.class)
            .using(properties(given))
            .using((success, message, error) -> {
                if (error != null)
                    Tally.fail(error);
                Tally.fail(String.valueOf(message));
            })
            .notifying(event -> {
                if (event.value() != null && event.destination().equals(topic))
                    tally.seen();
            })
            .build();
        new Thread(engine).start();
        tally.await();
    }

    private static Properties properties(String[] given) {
        Properties set = new Properties();
        boolean mariadb = given[0].equals("mariadb");
        set.setProperty("name", "bench");
        set.setProperty("topic.prefix", "bench");
        set.setProperty("connector.class", mariadb ? "io.debezium.connector.mariadb.MariaDbConnector" : "io.debezium.connector.mysql.MySqlConnector");
        set.setProperty("database.hostname", "127.0.0.1");
        set.setProperty("database.port", given[1]);
        set.setProperty("database.user", given[2]);
        set.setProperty("database.password", given[3]);
        set.setProperty("database.server.id", "5601");
        set.setProperty("database.ssl.mode", mariadb ? "disable" : "disabled");
        set.setProperty("driver.allowPublicKeyRetrieval", "true");
        set.setProperty("table.include.list", given[6]);
        // The tables' definitions are read as they are now, which is what they were: no dataset changes them.
        set.setProperty("snapshot.mode", "recovery");
        set.setProperty("offset.storage", "Offset");
        set.setProperty("offset.storage.binlog.file", given[4]);
        set.setProperty("offset.storage.binlog.gtids", given[5]);
        set.setProperty("schema.history.internal", "io.debezium.relational.history.MemorySchemaHistory");
        set.setProperty("include.schema.changes", "false");
        set.setProperty("tombstones.on.delete", "false");
        set.setProperty("converter.schemas.enable", "false");
        return set;
    }
}
