# SPDX-License-Identifier: Apache-2.0
"""From the commit at the source to the row being durable in the twin, at a steady rate of rows."""

from __future__ import annotations

import pathlib
import subprocess
import tempfile
import threading
import time

from .bed import Bed, Void
from .measures import twin

COMMITS_A_SECOND = 50
SECONDS = 6
SETTLE_S = 30
INTERVAL_MS = 100


def measure(bed: Bed, build: pathlib.Path, rate: int) -> list[float]:
    """The latency of each commit, in seconds. Rows are committed by one session, rate / 50 at once; a row counts as
    durable when the twin has committed the load that holds it, which is asked for every two milliseconds."""
    batch = max(rate // COMMITS_A_SECOND, 1)
    table = f"latency_{rate}"
    bed.server.query(f"CREATE TABLE bench.{table} (id BIGINT NOT NULL PRIMARY KEY, a INT NOT NULL, note VARCHAR(40) NOT NULL)")
    with twin("doris", discard=True) as (ports, state), tempfile.TemporaryDirectory(dir=bed.folder.parent) as name:
        folder = pathlib.Path(name)
        account = "\n".join(f"  {key}: {value}" for key, value in bed.account.items())
        file, offset = bed.server.value(bed.server.place_sql).split("\t")[:2]
        (folder / "bench.yaml").write_text(f"""source:
  type: mysql
{account}
  tables: bench.{table}
  scan.startup.mode: specific-offset
  scan.startup.specific-offset.file: {file}
  scan.startup.specific-offset.pos: {offset}
sink:
  type: doris
  fenodes: 127.0.0.1:{ports['http_port']}
  jdbc-url: jdbc:mysql://127.0.0.1:{ports['query_port']}
  username: root
  password: ""
  sink.buffer-flush.interval: {INTERVAL_MS}ms
  table.create.properties.replication_num: 1
pipeline:
  name: bench
""")
        with open(folder / "log", "wb") as log:
            child = subprocess.Popen([str(build / "millrace"), "run", str(folder / "bench.yaml")], stdout=log, stderr=log,
                                     stdin=subprocess.DEVNULL)
        try:
            _until(lambda: "The pipeline runs." in (folder / "log").read_text(errors="replace"), "the pipeline's start")
            seen: list[tuple[float, int]] = []
            over = threading.Event()
            watcher = threading.Thread(target=_watch, args=(state, seen, over))
            watcher.start()
            try:
                committed = _commit(bed, table, batch)
                _until(lambda: seen and seen[-1][1] >= batch * len(committed), "the last row")
            finally:
                over.set()
                watcher.join()
        finally:
            child.kill()
            child.wait()
    latencies = []
    for index, at in enumerate(committed):
        rows = batch * (index + 1)
        latencies.append(next(when for when, durable in seen if durable >= rows) - at)
    return latencies


def _until(fact, what: str) -> None:
    end = time.monotonic() + SETTLE_S
    while not fact():
        if time.monotonic() > end:
            raise Void(f"{what} did not come within {SETTLE_S} s")
        time.sleep(0.01)


def _watch(state, seen: list[tuple[float, int]], over: threading.Event) -> None:
    while not over.wait(0.002):
        rows = state()["rows"]
        if not seen or rows != seen[-1][1]:
            seen.append((time.monotonic(), rows))


def _commit(bed: Bed, table: str, batch: int) -> list[float]:
    """When each commit was acknowledged."""
    client = subprocess.Popen(["mariadb", "--no-defaults", *bed.server.client_arguments(), "--batch", "--skip-column-names",
                               "--unbuffered"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    committed = []
    started = time.monotonic()
    for index in range(COMMITS_A_SECOND * SECONDS):
        time.sleep(max(started + index / COMMITS_A_SECOND - time.monotonic(), 0))
        first = index * batch
        rows = ",".join(f"({first + i},{i},'row {first + i}')" for i in range(batch))
        client.stdin.write(f"INSERT INTO bench.{table} VALUES {rows}; SELECT 1;\n")
        client.stdin.flush()
        if client.stdout.readline().strip() != "1":
            raise Void("the source refused a row")
        committed.append(time.monotonic())
    client.stdin.close()
    client.wait()
    return committed
