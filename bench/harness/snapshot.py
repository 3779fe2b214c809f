# SPDX-License-Identifier: Apache-2.0
"""The snapshot's rate, beside that at which the same number of connections drain the table with SELECT *."""

from __future__ import annotations

import functools
import json
import pathlib
import subprocess
import tempfile
import time
from collections.abc import Callable

from .bed import PROCESS_DEADLINE_S, Bed, Sample, Void, ended, timed
from .datasets import NARROW, NARROW_VALUES, STEP
from .measures import processor_s, sink_of, twin

CONNECTIONS = 2  # that read tables at once
WATCH_S = 0.05


class Snapshot:
    """The measurements of one table, bench.held; `build` is the folder of a release build."""

    def __init__(self, bed: Bed, build: pathlib.Path, rows: int) -> None:
        self.bed, self.build, self.rows = bed, build, rows

    def fill(self) -> None:
        """Outside of the binlog: none of it comes by the stream."""
        self.bed.server.query(f"CREATE TABLE bench.held ({NARROW}) CHARACTER SET utf8mb4;")
        step = min(self.bed.rows, STEP)
        for base in range(0, self.rows, step):
            self.bed.server.query(f"SET SESSION sql_log_bin=0; INSERT INTO bench.held SELECT {NARROW_VALUES} FROM (SELECT n + {base} AS n "
                                  f"FROM bench.numbers WHERE n <= {min(step, self.rows - base)}) AS numbers;")
        self.bed.server.query("ANALYZE NO_WRITE_TO_BINLOG TABLE bench.held;")

    def actions(self) -> dict[str, Callable[..., Sample]]:
        """Each tells what the server took of the processors meanwhile, too."""
        ways = {"drain": self._drain, "null": lambda: self._run("  type: 'null'"),
                "doris": lambda: self._into_twin("doris"), "starrocks": lambda: self._into_twin("starrocks")}
        return {name: functools.partial(self._beside_server, way) for name, way in ways.items()}

    def _beside_server(self, way: Callable[[], Sample]) -> Sample:
        before = processor_s(self.bed.server.child.pid)
        sample = way()
        sample.more["server_cpu_s"] = processor_s(self.bed.server.child.pid) - before
        return sample

    def _drain(self) -> Sample:
        step = self.rows // CONNECTIONS + 1
        sample, output = timed([str(self.build / "bench" / "bench_select_drain"), "127.0.0.1", self.bed.account["port"], "bench", "bench",
                                str(CONNECTIONS), *(f"SELECT * FROM bench.held WHERE id > {low} AND id <= {low + step}"
                                                    for low in range(0, self.rows, step))])
        self._must_be_all(int(output.split()[0]))
        return sample

    def _into_twin(self, kind: str) -> Sample:
        with twin(kind, discard=True) as (ports, state):
            before = processor_s(ports["pid"])
            sample = self._run(sink_of(kind, ports))
            sample.more["twin_cpu_s"] = processor_s(ports["pid"]) - before
            self._must_be_all(state()["rows"])
            return sample

    def _run(self, sink: str) -> Sample:
        """One life of the engine, which ends by itself when every row is durable."""
        with tempfile.TemporaryDirectory(dir=self.bed.folder.parent) as name:
            folder = pathlib.Path(name)
            account = "\n".join(f"  {key}: {value}" for key, value in self.bed.account.items())
            (folder / "bench.yaml").write_text(f"source:\n  type: mysql\n{account}\n  tls.mode: disabled\n  tables: bench.held\n"
                                               f"  scan.startup.mode: snapshot\n  scan.snapshot.parallelism: {CONNECTIONS}\n"
                                               f"sink:\n{sink}\npipeline:\n  name: bench\n")
            started = time.monotonic()
            with open(folder / "log", "wb") as log:
                child = subprocess.Popen([str(self.build / "millrace"), "run", str(folder / "bench.yaml")], stdout=log, stderr=log,
                                         stdin=subprocess.DEVNULL)
            peak = self._watch(child.pid)
            sample = ended(child, started, PROCESS_DEADLINE_S)
            if child.returncode != 0:
                raise Void(" ".join((folder / "log").read_text(errors="replace").split())[-300:])
            shown = subprocess.run([str(self.build / "millrace"), "checkpoint", "show", "--json", str(folder / "bench.checkpoint")],
                                   capture_output=True, check=True, stdin=subprocess.DEVNULL)
            self._must_be_all(json.loads(shown.stdout)["rows"])
            sample.peak_mib = peak / 1024
            return sample

    @staticmethod
    def _watch(pid: int) -> int:
        """The process's peak in KiB, once it has ended; the kernel shows it as long as the process lives."""
        peak, deadline = 0, time.monotonic() + PROCESS_DEADLINE_S
        while time.monotonic() < deadline:
            status = pathlib.Path(f"/proc/{pid}/status").read_text()
            if "VmHWM:" not in status:  # it has ended and waits for its parent
                break
            peak = int(status.split("VmHWM:")[1].split()[0])
            time.sleep(WATCH_S)
        return peak

    def _must_be_all(self, rows: int) -> None:
        if rows != self.rows:
            raise Void(f"{rows} rows of {self.rows}")


TITLES = {"drain": f"SELECT * drained by {CONNECTIONS} connections", "null": f"millrace snapshot by {CONNECTIONS} connections, null sink",
          "doris": "the same, Doris twin that discards", "starrocks": "the same, StarRocks twin that discards"}
