// SPDX-License-Identifier: Apache-2.0

import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.Map;
import java.util.Set;
import org.apache.kafka.connect.runtime.WorkerConfig;
import org.apache.kafka.connect.storage.MemoryOffsetBackingStore;

/** Where Debezium begins: a store of offsets that holds one from the start, the beginning of a binlog file. */
public final class Offset extends MemoryOffsetBackingStore {
    @Override
    public void configure(WorkerConfig config) {
        super.configure(config);
        String file = (String) config.originals().get("offset.storage.binlog.file");
        String gtids = (String) config.originals().get("offset.storage.binlog.gtids");
        data.put(bytes("[\"bench\",{\"server\":\"bench\"}]"),
                 bytes("{\"file\":\"" + file + "\",\"pos\":4,\"gtids\":\"" + gtids + "\"}"));
    }

    @Override
    public Set<Map<String, Object>> connectorPartitions(String connector) {
        return Set.of();
    }

    private static ByteBuffer bytes(String text) {
        return ByteBuffer.wrap(text.getBytes(StandardCharsets.UTF_8));
    }
}
