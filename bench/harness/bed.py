# SPDX-License-Identifier: Apache-2.0
"""A server with the datasets in its binlog, one file each, and processes that are timed."""

from __future__ import annotations

import dataclasses
import os
import pathlib
import resource
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable

from .datasets import Dataset

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "tests" / "integration"), str(ROOT / "tests" / "support")]

import servers  # noqa: E402

PROCESS_DEADLINE_S = 300
FILL_DEADLINE_S = 3600
OPTIONS = ["--max-binlog-size=1073741824", "--innodb-flush-log-at-trx-commit=0", "--sync-binlog=0",
           "--innodb-buffer-pool-size=512M", "--max-allowed-packet=64M"]


class Void(Exception):
    """A run whose rows were not what the dataset has, or that did not end well."""


@dataclasses.dataclass
class Sample:
    """One finished run."""
    wall_s: float
    cpu_s: float
    peak_mib: float  # 0: less than this program has itself, so not known
    more: dict = dataclasses.field(default_factory=dict)


def ended(child: subprocess.Popen, started: float, deadline_s: float) -> Sample:
    """Waits for a child; what it took by the kernel's account of this one process."""
    def end() -> None:
        os.kill(child.pid, signal.SIGKILL)
    watchdog = threading.Timer(deadline_s, end)
    watchdog.start()
    _, status, usage = os.wait4(child.pid, 0)
    watchdog.cancel()
    child.returncode = os.waitstatus_to_exitcode(status)
    # The kernel counts this process's own memory, from before the exec, into the child's peak.
    own = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    peak = usage.ru_maxrss if usage.ru_maxrss > own else 0
    return Sample(time.monotonic() - started, usage.ru_utime + usage.ru_stime, peak / 1024)


def timed(command: list[str], keep_output: bool = True, env: dict | None = None, deadline_s: float = PROCESS_DEADLINE_S) -> tuple[Sample, str]:
    """Runs a program to its end. A program's error makes the run void."""
    with tempfile.TemporaryFile() as output, tempfile.TemporaryFile() as errors:
        started = time.monotonic()
        child = subprocess.Popen(command, stdout=output if keep_output else subprocess.DEVNULL, stderr=errors,
                                 stdin=subprocess.DEVNULL, env=env)
        sample = ended(child, started, deadline_s)
        output.seek(0)
        errors.seek(0)
        if child.returncode != 0:
            said = " ".join(errors.read().decode(errors="replace").split())[:200]
            raise Void(f"{pathlib.Path(command[0]).name} ended with {child.returncode}: {said}")
        return sample, output.read().decode(errors="replace")


class Bed:
    """One server, and where in its binlog each dataset lies."""

    def __init__(self, family: str, folder: pathlib.Path, rows: int, numbers: int = 0) -> None:
        self.family = family
        self.rows = rows
        self.numbers = numbers or rows  # rows of bench.numbers
        self.folder = folder / family
        self.server = servers.FAMILIES[family](self.folder, options=OPTIONS)
        self.files: dict[str, str] = {}
        self.account: dict[str, str] = {}

    def rows_of(self, dataset: Dataset) -> int:
        return max(int(self.rows * dataset.share), 100)

    def changes_of(self, dataset: Dataset) -> int:
        return dataset.changes(self.rows_of(dataset))

    def path(self, dataset: Dataset) -> pathlib.Path:
        return self.server.binlog_path(self.files[dataset.name])

    def gtids_before(self, dataset: Dataset) -> str:
        """The transactions of the files before its own: what its second event lists."""
        listed = self.server.query(f"SHOW BINLOG EVENTS IN '{self.files[dataset.name]}' LIMIT 2;").splitlines()[-1].split("\t")
        if listed[2] not in ("Gtid_list", "Previous_gtids"):
            raise Void(f"its second event is no list of transactions, but {listed[2]}")
        return listed[5].strip("[]")

    def events_of(self, dataset: Dataset) -> int:
        """How many events its file has: each header says at byte 9 how long its event is."""
        data = self.path(dataset).read_bytes()
        at, count = 4, 0
        while at < len(data):
            length = int.from_bytes(data[at + 9:at + 13], "little")
            if length < 19:
                raise Void(f"the event at {at} has {length} bytes")
            at += length
            count += 1
        return count

    def start(self) -> None:
        self.server.start()
        self.account = self.server.add_account("bench", "bench")
        self.server.query("CREATE DATABASE bench; SET SESSION sql_log_bin=0;"
                          "CREATE TABLE bench.numbers (n INT NOT NULL PRIMARY KEY);"
                          "INSERT INTO bench.numbers VALUES (1);" + "".join(
                              f"INSERT INTO bench.numbers SELECT n + {2 ** i} FROM bench.numbers WHERE n + {2 ** i} <= {self.numbers};"
                              for i in range(self.numbers.bit_length())))

    def fill(self, dataset: Dataset, at_begin: Callable[[], None] = lambda: None) -> None:
        """Puts the dataset into a binlog file of its own; `at_begin` is called when that is still empty."""
        rows = self.rows_of(dataset)
        self.server.query(f"CREATE TABLE bench.{dataset.name} ({dataset.table}) ENGINE={dataset.engine} CHARACTER SET utf8mb4;")
        self._say(dataset.before(rows))
        self.server.query("FLUSH BINARY LOGS;")
        self.files[dataset.name] = self.server.value("SHOW BINARY LOGS").split("\n")[-1].split("\t")[0]
        at_begin()
        self._say(dataset.statements(rows), dataset.session.get(self.family, ""))
        self.server.query("FLUSH BINARY LOGS;" + dataset.after.get(self.family, ""))

    def drop(self, dataset: Dataset) -> None:
        """Gives the disk back: the dataset's first table and all binlog files but the newest."""
        newest = self.server.value("SHOW BINARY LOGS").split("\n")[-1].split("\t")[0]
        self.server.query(f"DROP TABLE bench.{dataset.name}; PURGE BINARY LOGS TO '{newest}';")

    def _say(self, statements: object, session: str = "") -> None:
        text = "".join(statements)
        if text:
            # One session: a transaction may be the whole dataset. The client's own deadline is for tests.
            done = subprocess.run(["mariadb", "--no-defaults", *self.server.client_arguments(), "bench"],
                                  input=(session + text).encode(), capture_output=True, check=False, timeout=FILL_DEADLINE_S)
            if done.returncode != 0:
                raise RuntimeError(done.stderr.decode(errors="replace")[-500:])
