// SPDX-License-Identifier: Apache-2.0

import com.zendesk.maxwell.Maxwell;
import com.zendesk.maxwell.MaxwellConfig;
import com.zendesk.maxwell.MaxwellContext;
import com.zendesk.maxwell.producer.AbstractProducer;
import com.zendesk.maxwell.producer.ProducerFactory;
import com.zendesk.maxwell.row.RowMap;

/**
 * Runs Maxwell from the beginning of a binlog file with a producer that counts the JSON texts and drops them.
 *
 *     java Main mysql|mariadb PORT USER PASSWORD FILE GTIDS DATABASE.TABLE CHANGES
 *
 * The account may do everything with the database `maxwell`, where Maxwell keeps what it knows of the tables.
 */
public final class Main {
    private static Tally tally;

    /** What Maxwell makes its producer with. */
    public static final class Factory implements ProducerFactory {
        @Override
        public AbstractProducer createProducer(MaxwellContext context) {
            return new Counting(context);
        }
    }

    private static final class Counting extends AbstractProducer {
        Counting(MaxwellContext context) {
            super(context);
        }

        @Override
        public void push(RowMap row) throws Exception {
            if (row.shouldOutput(outputConfig) && row.toJSON(outputConfig) != null)
                tally.seen();
            context.setPosition(row);
        }
    }

    private static final class Engine extends Maxwell {
        Engine(MaxwellConfig config) throws Exception {
            super(config);
        }

        void follow() {
            try {
                run();
                if (context.getError() != null)
                    Tally.fail(context.getError());
                Tally.fail("it stopped");
            } catch (Throwable exception) {
                Tally.fail(exception);
            }
        }
    }

    public static void main(String[] given) throws Exception {
        tally = new Tally(Long.parseLong(given[7]));
        String[] table = given[6].split("\\.");
        MaxwellConfig config = new MaxwellConfig(new String[] {
            "--host=127.0.0.1", "--port=" + given[1], "--user=" + given[2], "--password=" + given[3],
            "--jdbc_options=useSSL=false&allowPublicKeyRetrieval=true", "--replica_server_id=5603",
            "--init_position=" + given[4] + ":4:0", "--filter=exclude: *.*, include: " + table[0] + "." + table[1],
            "--custom_producer.factory=Main$Factory",
        });
        new Thread(new Engine(config)::follow).start();
        tally.await();
    }
}
