# SPDX-License-Identifier: Apache-2.0
"""The stand-in warehouse (tests/twin) as a child process that can be told faults, killed and started again."""

from __future__ import annotations

import functools
import json
import pathlib
import signal
import subprocess
import sys
import threading
import urllib.request

import compare
from servers import ROOT

SINKS = {
    "doris": ["type: doris", "fenodes: {host}:{http}", "jdbc-url: jdbc:mysql://{host}:{query}"],
    "starrocks": ["type: starrocks", "load-url: {host}:{http}", "jdbc-url: jdbc:mysql://{host}:{query}"],
}
INTERVAL_KEYS = {"doris": "sink.buffer-flush.interval", "starrocks": "sink.buffer-flush.interval-ms"}


class Nursery:
    """tests/twin/nursery.py: the process that the twins of a test run are forks of. It ends with its input."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._child = subprocess.Popen([sys.executable, str(ROOT / "tests" / "twin" / "nursery.py")], stdin=subprocess.PIPE,
                                       stdout=subprocess.PIPE, text=True, start_new_session=True)

    def ask(self, asked: dict[str, object]):
        with self._lock:
            self._child.stdin.write(json.dumps(asked) + "\n")
            self._child.stdin.flush()
            return json.loads(self._child.stdout.readline())


@functools.cache
def _nursery() -> Nursery:
    return Nursery()


class Twin:
    """One warehouse. `data` None: in memory, for tests that never end its process."""

    def __init__(self, kind: str, folder: pathlib.Path, data: pathlib.Path | None = None, password: str = "",
                 options: list[str] | None = None) -> None:
        self.kind = kind
        self.password = password
        self._folder = folder
        self._data = data
        self._options = list(options or [])
        self.ports: dict[str, int] = {}  # and its process number
        self.start()

    def start(self) -> None:
        """Starts it; a second start takes the ports of the first."""
        ports = _nursery().ask({"log": str(self._folder / "twin.log"), "start": [
            "--kind", self.kind, f"--password={self.password}", "--data", str(self._data or ":memory:"),
            *(f"--{name}-port={self.ports.get(name + '_port', 0)}" for name in ("http", "backend", "query")),
            *self._options]})
        if ports is None:
            raise RuntimeError("the twin did not start:\n" + (self._folder / "twin.log").read_text()[-2000:])
        self.ports = ports

    @property
    def http(self) -> int:
        return self.ports["http_port"]

    @property
    def query(self) -> int:
        return self.ports["query_port"]

    def sink(self, interval: str = "100ms") -> dict[str, str]:
        """The `sink:` block of a pipeline file for this warehouse."""
        block = dict(line.format(host="127.0.0.1", http=self.http, query=self.query).split(": ", 1)
                     for line in SINKS[self.kind])
        return block | {"username": "root", "password": json.dumps(self.password),
                        INTERVAL_KEYS[self.kind]: interval, "table.create.properties.replication_num": "1"}

    def state(self) -> dict:
        with urllib.request.urlopen(f"http://127.0.0.1:{self.http}/twin/state", timeout=30) as answer:
            return json.load(answer)

    def fault(self, name: str, count: int = 1, **more: object) -> None:
        body = json.dumps({"fault": name, "count": count, **more}).encode()
        request = urllib.request.Request(f"http://127.0.0.1:{self.http}/twin/fault", data=body, method="POST")
        with urllib.request.urlopen(request, timeout=30) as answer:
            answer.read()

    def shown(self, fault: str) -> int:
        """How often a fault has shown."""
        return self.state()["faults"].get(fault, 0)

    def twice(self) -> list[str]:
        """Labels that were committed more than once: each is a load that was doubled."""
        return [label for label, times in self.state()["labels"].items() if times != 1]

    def client(self) -> compare.Client:
        secret = [f"-p{self.password}"] if self.password else []
        return compare.Client(["-h127.0.0.1", f"-P{self.query}", "-uroot", *secret])

    def kill9(self) -> None:
        self._end(signal.SIGKILL)

    def stop(self) -> None:
        self._end(signal.SIGTERM)

    def _end(self, number: int) -> None:
        if not _nursery().ask({"kill": self.ports["pid"], "signal": int(number)}):
            raise RuntimeError(f"the twin does not end:\n{(self._folder / 'twin.log').read_text()[-2000:]}")
