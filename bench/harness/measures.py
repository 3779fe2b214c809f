# SPDX-License-Identifier: Apache-2.0
"""What is measured of Millrace, and of what bounds it. Each function gives one Sample, or raises Void."""

from __future__ import annotations

import contextlib
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable

from .bed import PROCESS_DEADLINE_S, ROOT, Bed, Sample, Void, ended, timed
from .datasets import Dataset
from .report import DRAIN_TITLE

POLL_S = 0.02
SLOW_LOAD_MS = 500
SLOW_BUFFER_MIB = 4
VERSIONS = {"doris": "3.1", "starrocks": "3.3"}  # the first ones that take compressed loads


class Millrace:
    """The measurements; `build` is the folder of a release build."""

    def __init__(self, build: pathlib.Path) -> None:
        self.build = build
        self.counted: set[tuple[str, str]] = set()
        self.tracer: list[str] = []  # stands before the program's own command
        self.begun: dict[tuple[str, str, str], pathlib.Path] = {}  # checkpoints, by server, dataset and kind of sink

    def begin(self, bed: Bed, dataset: Dataset) -> None:
        """Checkpoints at the start of the dataset, for each kind of sink, while there is nothing of it: what catches up then is
        a pipeline that was away. One that starts for the first time in the past reads the stretch up to now twice."""
        for kind in ("null", "doris", "starrocks"):
            with twin(kind, discard=True) if kind != "null" else contextlib.nullcontext((None, None)) as (ports, _), \
                    tempfile.TemporaryDirectory(dir=bed.folder.parent) as name:
                child, folder = self._start(bed, dataset, NULL_SINK if ports is None else sink_of(kind, ports), pathlib.Path(name))
                try:
                    deadline = time.monotonic() + PROCESS_DEADLINE_S
                    while "The pipeline runs." not in (folder / "log").read_text(errors="replace"):
                        if child.poll() is not None or time.monotonic() > deadline:
                            raise Void(said(folder))
                        time.sleep(POLL_S)
                    child.terminate()
                    ended(child, time.monotonic(), PROCESS_DEADLINE_S)
                finally:
                    if child.returncode is None:
                        child.kill()
                        child.wait()
                kept = bed.folder.parent / f"begun-{bed.family}-{dataset.name}-{kind}"
                self.begun[bed.family, dataset.name, kind] = shutil.copytree(folder / "bench.checkpoint", kept)

    # -- from the file

    def checksum(self, bed: Bed, dataset: Dataset) -> Sample:
        return timed([str(self.build / "bench" / "bench_checksum"), str(bed.path(dataset))])[0]

    def stage(self, name: str, bed: Bed, dataset: Dataset) -> Sample:
        sample, output = timed([str(self.build / "bench" / "bench_stages"), name, str(bed.path(dataset))])
        said = json.loads(output)
        if said["rows"] != bed.changes_of(dataset):
            raise Void(f"it saw {said['rows']} row changes of {bed.changes_of(dataset)}")
        changes = max(said["rows"] - said["warm_rows"], 1)
        sample.more = {"allocations_a_row": said["allocations"] / changes,
                       "copied_a_byte": said["bytes_copied"] / max(said["bytes_read"], 1),
                       "bytes_out": said["bytes"]}
        return sample

    def stage_decode(self, bed: Bed, dataset: Dataset) -> Sample:
        return self.stage("decode", bed, dataset)

    def stage_json(self, bed: Bed, dataset: Dataset) -> Sample:
        return self.stage("json", bed, dataset)

    def stage_doris(self, bed: Bed, dataset: Dataset) -> Sample:
        return self.stage("doris", bed, dataset)

    def stage_starrocks(self, bed: Bed, dataset: Dataset) -> Sample:
        return self.stage("starrocks", bed, dataset)

    def stage_csv(self, bed: Bed, dataset: Dataset) -> Sample:
        return self.stage("csv", bed, dataset)

    def decode_json(self, bed: Bed, dataset: Dataset, *options: str) -> Sample:
        command = [str(self.build / "millrace"), "decode", *options, str(bed.path(dataset))]
        if (bed.family, dataset.name) not in self.counted:
            rows = 0
            with subprocess.Popen(command, stdout=subprocess.PIPE, stdin=subprocess.DEVNULL) as child:
                for line in child.stdout:
                    rows += b'"type":"io.millrace.mysql.row.' in line
            if rows != bed.changes_of(dataset):
                raise Void(f"it printed {rows} row changes of {bed.changes_of(dataset)}")
            self.counted.add((bed.family, dataset.name))
        return timed([*self.tracer, *command], keep_output=False)[0]

    def decode_json_one(self, bed: Bed, dataset: Dataset) -> Sample:
        return self.decode_json(bed, dataset, "--threads", "1")

    # -- system calls: of a run that is not timed, its start and its end included

    def calls_decode(self, bed: Bed, dataset: Dataset) -> Sample:
        return self._traced(self.decode_json, bed, dataset)

    def calls_null(self, bed: Bed, dataset: Dataset) -> Sample:
        return self._traced(self.run_null, bed, dataset)

    def calls_doris(self, bed: Bed, dataset: Dataset) -> Sample:
        return self._traced(self.run_doris, bed, dataset)

    def _traced(self, run: Callable[[Bed, Dataset], Sample], bed: Bed, dataset: Dataset) -> Sample:
        if shutil.which("strace") is None:
            raise Void("strace is not installed")
        with tempfile.TemporaryDirectory(dir=bed.folder.parent) as name:
            summary = pathlib.Path(name) / "calls"
            # -D: the program stays this process's child, so it is stopped and waited for as always.
            self.tracer = ["strace", "-D", "-f", "-c", "-o", str(summary)]
            try:
                run(bed, dataset)
            finally:
                self.tracer = []
            deadline = time.monotonic() + PROCESS_DEADLINE_S
            while not (summary.exists() and " total" in summary.read_text()):
                if time.monotonic() > deadline:
                    raise Void("strace wrote no summary")
                time.sleep(POLL_S)
            calls = int(next(line for line in summary.read_text().splitlines() if line.endswith(" total")).split()[3])
        return Sample(0, 0, 0, {"calls": calls, "events": bed.events_of(dataset)})

    # -- from the server

    def drain(self, bed: Bed, dataset: Dataset) -> Sample:
        """To the end of the binlog: the dataset's file is the last one when it is measured."""
        sample, output = timed([str(self.build / "bench" / "bench_drain"), "127.0.0.1", bed.account["port"], "bench", "bench",
                                bed.files[dataset.name]])
        sample.more = {"bytes_out": json.loads(output)["bytes"]}
        return sample

    def run_null(self, bed: Bed, dataset: Dataset) -> Sample:
        return self._engine(bed, dataset, "null", NULL_SINK)

    def run_null_tls(self, bed: Bed, dataset: Dataset) -> Sample:
        if bed.family != "mysql97":
            raise Void("this server has no certificate")
        return self._engine(bed, dataset, "null", NULL_SINK, tls="required")

    def run_doris(self, bed: Bed, dataset: Dataset) -> Sample:
        return self._into_twin(bed, dataset, "doris")

    def run_doris_gzip(self, bed: Bed, dataset: Dataset) -> Sample:
        return self._into_twin(bed, dataset, "doris", more="\n  sink.load.compression: gzip")

    def run_doris_lz4(self, bed: Bed, dataset: Dataset) -> Sample:
        return self._into_twin(bed, dataset, "doris", more="\n  sink.load.compression: lz4")

    def run_starrocks(self, bed: Bed, dataset: Dataset) -> Sample:
        return self._into_twin(bed, dataset, "starrocks")

    def run_doris_csv(self, bed: Bed, dataset: Dataset) -> Sample:
        return self._into_twin(bed, dataset, "doris", more="\n  sink.load.format: auto")

    def run_doris_csv_lz4(self, bed: Bed, dataset: Dataset) -> Sample:
        return self._into_twin(bed, dataset, "doris", more="\n  sink.load.format: auto\n  sink.load.compression: lz4")

    def run_starrocks_csv(self, bed: Bed, dataset: Dataset) -> Sample:
        return self._into_twin(bed, dataset, "starrocks", more="\n  sink.load.format: auto")

    def run_starrocks_csv_zstd(self, bed: Bed, dataset: Dataset) -> Sample:
        return self._into_twin(bed, dataset, "starrocks", more="\n  sink.load.format: auto\n  sink.load.compression: zstd")

    def run_starrocks_zstd(self, bed: Bed, dataset: Dataset) -> Sample:
        return self._into_twin(bed, dataset, "starrocks", more="\n  sink.load.compression: zstd")

    def run_slow(self, bed: Bed, dataset: Dataset) -> Sample:
        """A sink that is slower than the source: what the engine does with memory then."""
        return self._into_twin(bed, dataset, "doris", SLOW_LOAD_MS, f"\n  sink.buffer-flush.max-bytes: {SLOW_BUFFER_MIB}mb")

    def _stored(self, checkpoint: pathlib.Path) -> dict | None:
        shown = subprocess.run([str(self.build / "millrace"), "checkpoint", "show", "--json", str(checkpoint)],
                               capture_output=True, check=False, stdin=subprocess.DEVNULL)
        return json.loads(shown.stdout) if shown.returncode == 0 else None

    def _start(self, bed: Bed, dataset: Dataset, sink: str, folder: pathlib.Path, tls: str = "disabled") -> tuple[subprocess.Popen, pathlib.Path]:
        account = "\n".join(f"  {key}: {value}" for key, value in bed.account.items())
        (folder / "bench.yaml").write_text(f"source:\n  type: mysql\n{account}\n  tls.mode: {tls}\n  tables: bench.{dataset.pattern or dataset.name}\n"
                                           f"  scan.startup.mode: specific-offset\n  scan.startup.specific-offset.file: {bed.files[dataset.name]}\n"
                                           "  scan.startup.specific-offset.pos: 4\n"
                                           f"sink:\n{sink}\npipeline:\n  name: bench\n  progress.interval: 1h\n")
        with open(folder / "log", "wb") as log:
            return subprocess.Popen([*self.tracer, str(self.build / "millrace"), "run", str(folder / "bench.yaml")], stdout=log, stderr=log,
                                    stdin=subprocess.DEVNULL), folder

    def _engine(self, bed: Bed, dataset: Dataset, kind: str, sink: str, least: int | None = None, tls: str = "disabled") -> Sample:
        """One life of the engine, until the checkpoint says that it is behind the dataset. `least`: how many rows are
        durable then; a load has one row a key, so it may have fewer than there were changes."""
        most = bed.changes_of(dataset)
        least = most if least is None else least
        with tempfile.TemporaryDirectory(dir=bed.folder.parent) as name:
            folder = pathlib.Path(name)
            if begun := self.begun.get((bed.family, dataset.name, kind)):
                shutil.copytree(begun, folder / "bench.checkpoint")
            started = time.monotonic()
            child, _ = self._start(bed, dataset, sink, folder, tls)
            try:
                state, seen = None, None
                while state is None or not self._behind(state, bed, dataset, most):
                    if child.poll() is not None or time.monotonic() - started > PROCESS_DEADLINE_S:
                        raise Void(said(folder))
                    time.sleep(POLL_S)
                    now = written(folder / "bench.checkpoint")
                    if now != seen:  # asking costs as much processor time as thousands of rows
                        seen, state = now, self._stored(folder / "bench.checkpoint")
                wall = time.monotonic() - started
                peak = pathlib.Path(f"/proc/{child.pid}/status").read_text().split("VmHWM:")[1].split()[0]
                child.terminate()
                sample = ended(child, started, PROCESS_DEADLINE_S)
            finally:
                if child.returncode is None:
                    child.kill()
                    child.wait()
            if not least <= state["rows"] <= most:
                raise Void(f"{state['rows']} rows are durable, of {least} to {most}")
            sample.wall_s, sample.peak_mib = wall, int(peak) / 1024
            return sample

    @staticmethod
    def _behind(state: dict, bed: Bed, dataset: Dataset, most: int) -> bool:
        position = state["position"]
        return state["rows"] >= most or (position is not None and position["file"] > bed.files[dataset.name] and state["unfinished"] is None)

    def _into_twin(self, bed: Bed, dataset: Dataset, kind: str, load_ms: int = 0, more: str = "") -> Sample:
        with twin(kind, discard=True) as (ports, state):
            before = processor_s(ports["pid"])
            if load_ms:
                fault = json.dumps({"fault": "slow", "count": -1, "ms": load_ms}).encode()
                with urllib.request.urlopen(f"http://127.0.0.1:{ports['http_port']}/twin/fault", data=fault, timeout=10):
                    pass
            sample = self._engine(bed, dataset, kind, sink_of(kind, ports) + "\n  " + INTERVALS[kind] + more, least=bed.rows_of(dataset))
            sample.more = {"bytes_out": state()["bytes"], "twin_cpu_s": processor_s(ports["pid"]) - before}
            return sample


NULL_SINK = "  type: 'null'\n  sink.buffer-flush.interval: 100ms"
# Short, because what the last rows wait for at the end of the binlog is in the wall time.
INTERVALS = {"doris": "sink.buffer-flush.interval: 100ms", "starrocks": "sink.buffer-flush.interval-ms: 100"}


def said(folder: pathlib.Path) -> str:
    """The engine's last words."""
    return " ".join((folder / "log").read_text(errors="replace").split())[-300:]


def written(folder: pathlib.Path) -> list[tuple[str, int, int]] | None:
    """What can be seen of a checkpoint from outside; it changes with every epoch."""
    try:
        return sorted((one.name, one.stat().st_size, one.stat().st_mtime_ns) for one in os.scandir(folder))
    except FileNotFoundError:
        return None


def processor_s(pid: int) -> float:
    """What a process has taken so far, its own threads together."""
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def sink_of(kind: str, ports: dict) -> str:
    """The `sink:` block of a pipeline into a twin, with the engine's own defaults."""
    url = {"doris": "fenodes", "starrocks": "load-url"}[kind]
    return f"""  type: {kind}
  {url}: 127.0.0.1:{ports['http_port']}
  jdbc-url: jdbc:mysql://127.0.0.1:{ports['query_port']}
  username: root
  password: ""
  table.create.properties.replication_num: 1"""


@contextlib.contextmanager
def twin(kind: str, discard: bool):
    """The stand-in for a warehouse; gives its ports, and a function that asks for its state."""
    command = [sys.executable, "-B", str(ROOT / "tests" / "twin" / "twin.py"), "--kind", kind, "--version", VERSIONS[kind], "--http-port", "0", "--backend-port", "0",
               "--query-port", "0", "--data", ":memory:", *(["--discard"] if discard else [])]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stdin=subprocess.DEVNULL)
    try:
        ports = json.loads(process.stdout.readline())

        def state() -> dict:
            with urllib.request.urlopen(f"http://127.0.0.1:{ports['http_port']}/twin/state", timeout=10) as answer:
                return json.load(answer)
        yield ports, state
    finally:
        process.terminate()
        process.wait()


# Title, function, and for which datasets; None: for all.
MEASURES = (
    ("checksum", "read and checksum the file (zlib)", None),
    ("stage_decode", "decode, rows walked over", None),
    ("decode_json", "millrace decode, to CloudEvents", None),
    ("decode_json_one", "millrace decode, the same with one thread", None),
    ("stage_json", "encode CloudEvents", None),
    ("stage_doris", "encode load bodies for Doris", None),
    ("stage_starrocks", "encode load bodies for StarRocks", None),
    ("stage_csv", "the bodies for Doris, and rewrite them as CSV", None),
    ("drain", DRAIN_TITLE, None),
    ("run_null", "millrace run, null sink", None),
    ("run_null_tls", "millrace run, null sink, TLS", {"mixed"}),
    ("run_doris", "millrace run, Doris twin that discards", None),
    ("run_doris_gzip", "millrace run, Doris twin, bodies as gzip", {"mixed", "wide", "blobs"}),
    ("run_doris_lz4", "millrace run, Doris twin, bodies as lz4", {"mixed", "wide", "blobs"}),
    ("run_doris_csv", "millrace run, Doris twin, bodies as CSV", {"mixed", "wide"}),
    ("run_doris_csv_lz4", "millrace run, Doris twin, bodies as CSV in lz4", {"mixed", "wide"}),
    ("run_starrocks", "millrace run, StarRocks twin that discards", {"mixed", "wide", "blobs"}),
    ("run_starrocks_zstd", "millrace run, StarRocks twin, bodies as zstd", {"mixed", "wide", "blobs"}),
    ("run_starrocks_csv", "millrace run, StarRocks twin, bodies as CSV", {"mixed"}),
    ("run_starrocks_csv_zstd", "millrace run, StarRocks twin, bodies as CSV in zstd", {"mixed"}),
    ("run_slow", f"millrace run, Doris twin that needs {SLOW_LOAD_MS} ms a load, buffer of {SLOW_BUFFER_MIB} MiB", {"huge"}),
    ("calls_decode", "system calls of millrace decode", {"mixed", "single"}),
    ("calls_null", "system calls of millrace run, null sink", {"mixed", "single"}),
    ("calls_doris", "system calls of millrace run, Doris twin that discards", {"mixed", "single"}),
)
