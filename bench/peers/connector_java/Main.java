// SPDX-License-Identifier: Apache-2.0

import com.github.shyiko.mysql.binlog.BinaryLogFileReader;
import com.github.shyiko.mysql.binlog.event.DeleteRowsEventData;
import com.github.shyiko.mysql.binlog.event.Event;
import com.github.shyiko.mysql.binlog.event.EventData;
import com.github.shyiko.mysql.binlog.event.TransactionPayloadEventData;
import com.github.shyiko.mysql.binlog.event.UpdateRowsEventData;
import com.github.shyiko.mysql.binlog.event.WriteRowsEventData;
import com.github.shyiko.mysql.binlog.event.deserialization.ChecksumType;
import com.github.shyiko.mysql.binlog.event.deserialization.EventDeserializer;
import java.io.File;

/** Decodes binlog files with mysql-binlog-connector-java and counts their rows; nothing is printed. */
public class Main {
    public static void main(String[] files) throws Exception {
        long rows = 0;
        for (String file : files) {
            EventDeserializer deserializer = new EventDeserializer();
            deserializer.setChecksumType(ChecksumType.CRC32);
            try (BinaryLogFileReader reader = new BinaryLogFileReader(new File(file), deserializer)) {
                for (Event event; (event = reader.readEvent()) != null;)
                    rows += count(event.getData());
            }
        }
        System.out.println("{\"rows\":" + rows + "}");
    }

    private static long count(EventData data) {
        if (data instanceof WriteRowsEventData)
            return ((WriteRowsEventData) data).getRows().size();
        if (data instanceof UpdateRowsEventData)
            return ((UpdateRowsEventData) data).getRows().size();
        if (data instanceof DeleteRowsEventData)
            return ((DeleteRowsEventData) data).getRows().size();
        long rows = 0;
        if (data instanceof TransactionPayloadEventData)
            for (Event inner : ((TransactionPayloadEventData) data).getUncompressedEvents())
                rows += count(inner.getData());
        return rows;
    }
}
