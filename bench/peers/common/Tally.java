// SPDX-License-Identifier: Apache-2.0

import java.lang.management.ManagementFactory;
import java.util.Locale;

/**
 * Counts what a live reader hands over, up to the number that is known, and tells as one line of JSON how much time
 * the whole process had taken at the first and at the last of them: since its start, and of the processor.
 *
 * It ends the process itself, as none of the engines beside ends by itself. After the last one it listens a little
 * longer, so that one too many is seen; where none comes for long, it says how many there were.
 */
public final class Tally {
    private static final long FIRST_PATIENCE_NS = 300_000_000_000L; // for the first one: a loaded machine starts slowly
    private static final long PATIENCE_NS = 60_000_000_000L; // for the next one
    private static final long LISTENING_NS = 1_000_000_000L; // after the last one
    private static final long PAUSE_MS = 20;

    private final long wanted;
    private long rows = 0;
    private long latest = System.nanoTime();
    private String first = "";
    private String last = "";

    public Tally(long wanted) {
        this.wanted = wanted;
    }

    /** Called for every row change, by any thread. */
    public synchronized void seen() {
        rows++;
        latest = System.nanoTime();
        if (rows == 1)
            first = taken();
        if (rows == wanted)
            last = taken();
    }

    /** Waits for the end and ends the process. */
    public void await() throws InterruptedException {
        while (true) {
            Thread.sleep(PAUSE_MS);
            synchronized (this) {
                long silence = System.nanoTime() - latest;
                if (silence > (rows == 0 ? FIRST_PATIENCE_NS : rows < wanted ? PATIENCE_NS : LISTENING_NS))
                    end("\"rows\":" + rows + ",\"first\":{" + first + "},\"last\":{" + last + "}");
            }
        }
    }

    /** Ends the process with the reason why the engine gave up. */
    public static void fail(Throwable why) {
        Throwable root = why;
        while (root.getCause() != null && root.getCause() != root)
            root = root.getCause();
        fail(String.valueOf(root.getMessage()));
    }

    /** The same, in words. */
    public static void fail(String why) {
        end("\"error\":\"" + why.replaceAll("[^ -!#-\\[\\]-~]+", " ") + "\"");
    }

    private static String taken() {
        long wall_ms = ManagementFactory.getRuntimeMXBean().getUptime();
        long cpu_ns = ((com.sun.management.OperatingSystemMXBean) ManagementFactory.getOperatingSystemMXBean()).getProcessCpuTime();
        return String.format(Locale.ROOT, "\"wall_s\":%.3f,\"cpu_s\":%.3f", wall_ms / 1e3, cpu_ns / 1e9);
    }

    private static synchronized void end(String members) {
        System.out.println("{" + members + "}");
        System.out.flush();
        Runtime.getRuntime().halt(0);
    }
}
