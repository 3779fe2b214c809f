# SPDX-License-Identifier: Apache-2.0
"""The program under test as these tests see it: commands that end, and a pipeline that runs into files.

The program is named by the environment variable MILLRACE; without it, the release build of this tree.
"""

from __future__ import annotations

import json
import os
import pathlib
import re
import signal
import subprocess

import servers

ROOT = pathlib.Path(__file__).resolve().parents[2]
FIXTURES = ROOT.parent / "shared" / "fixtures"
DEADLINE_S = 60

# Exit codes, as docs/cli.md tells them.
OK, INTERNAL, USAGE, SOURCE, SINK, CHECKPOINT, DATA, STOPPED = range(8)


def program() -> str:
    return os.environ.get("MILLRACE") or str(ROOT / "build" / "release" / "millrace")


def millrace(*arguments: str, stdin: bytes | None = None, environment: dict[str, str] | None = None,
             deadline_s: float = DEADLINE_S) -> subprocess.CompletedProcess:
    """Runs a command that ends by itself; output as bytes."""
    return subprocess.run([program(), *map(str, arguments)], input=stdin,
                          stdin=subprocess.DEVNULL if stdin is None else None, capture_output=True,
                          check=False, timeout=deadline_s, env={**os.environ, **(environment or {})})


def errors(done: subprocess.CompletedProcess) -> str:
    return done.stderr.decode(errors="replace")


def events_of(output: bytes) -> list[dict]:
    return [json.loads(line) for line in output.splitlines()]


def rows_of(events: list[dict]) -> list[dict]:
    """Events that carry rows, without schema changes and truncations."""
    return [event for event in events if "row" in event["type"].split(".")]


# -- a CloudEvent by its specification (1.0.2) and docs/events.md

NAME = re.compile(r"[a-z0-9]{1,20}\Z")
TIME = re.compile(r"\d{4}-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])T([01]\d|2[0-3]):[0-5]\d:([0-5]\d|60)(\.\d+)?(Z|[+-]\d\d:\d\d)\Z")
OPERATIONS = {"row.inserted": "c", "row.updated": "u", "row.deleted": "d", "row.read": "r", "table.truncated": "t",
              "schema.changed": None}


def cloudevent_faults(event: dict) -> list[str]:
    """What is wrong with one event; nothing when it is as it must be."""
    faults = []
    for name in ("specversion", "id", "source", "type", "subject", "time", "datacontenttype", "sequence", "data"):
        if name not in event:
            faults.append(f"{name} is missing")
    if faults:
        return faults
    faults += [f"the attribute name {name!r} is not allowed" for name in event if not NAME.match(name)]
    if event["specversion"] != "1.0":
        faults.append("specversion is not 1.0")
    for name, value in event.items():
        if name != "data" and not (isinstance(value, str) and value):
            faults.append(f"{name} is {value!r}, not a text")
    if faults:
        return faults
    if not TIME.match(event["time"]):
        faults.append(f"time is {event['time']}, not RFC 3339")
    if not re.match(r"urn:millrace:mysql:\S+\Z", event["source"]):
        faults.append(f"source is {event['source']}")
    if not re.match(r"[0-9a-f]{48}\Z", event["sequence"]):
        faults.append(f"sequence is {event['sequence']}")
    short = event["type"].removeprefix("io.millrace.mysql.").removesuffix(".v1")
    if short not in OPERATIONS or event["type"] != f"io.millrace.mysql.{short}.v1":
        return faults + [f"type is {event['type']}"]
    if event.get("cdcop") != OPERATIONS[short]:
        faults.append(f"cdcop is {event.get('cdcop')} in {event['type']}")
    if short.startswith("row."):
        data = event["data"]
        if set(data) != {"before", "after"}:
            faults.append(f"data has {sorted(data)}")
        elif (data["before"] is None) != (short in ("row.inserted", "row.read")) or \
                (data["after"] is None) != (short == "row.deleted"):
            faults.append(f"before and after do not fit {event['type']}")
        if event["subject"] != f"{event['cdcdb']}/{event['cdctable']}":
            faults.append(f"subject is {event['subject']}")
    return faults


def stream_faults(events: list[dict]) -> list[str]:
    """What is wrong with a stream: each event, ids that repeat, a sequence that does not ascend."""
    faults = [f"{event.get('id')}: {fault}" for event in events for fault in cloudevent_faults(event)]
    if faults:
        return faults
    ids = [event["id"] for event in events]
    if len(set(ids)) != len(ids):
        faults.append(f"{len(ids) - len(set(ids))} ids repeat")
    for before, after in zip(events, events[1:]):
        if before["sequence"] >= after["sequence"]:
            faults.append(f"the sequence does not ascend from {before['id']} to {after['id']}")
    return faults


# -- a pipeline into files

class Pipeline:
    """A pipeline file with the file sink, in a folder of its own, and the engine that runs it."""

    def __init__(self, folder: pathlib.Path, source: dict[str, object], pipeline: dict[str, object] | None = None,
                 sink: dict[str, object] | None = None) -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        self.path = folder / "pipeline.yaml"
        self.log = folder / "millrace.log"
        self.events_dir = folder / "events"
        self.source = {"type": "mysql", "username": "millrace", "password": "secret-5f1c", "tables": r"shop.\.*",
                       "scan.startup.mode": "earliest-offset", "heartbeat.interval": "1s", **source}
        self.sink = sink or {"type": "file", "path": self.events_dir, "sink.buffer-flush.interval": "50ms"}
        self.pipeline = {"name": "shop", **(pipeline or {})}
        self.child: subprocess.Popen | None = None
        self.write()

    def write(self) -> None:
        lines = []
        for block, values in (("source", self.source), ("sink", self.sink), ("pipeline", self.pipeline)):
            lines.append(f"{block}:")
            lines += [f"  {key}: {json.dumps(str(value))}" for key, value in values.items() if value is not None]
        self.path.write_text("\n".join(lines) + "\n")

    def check(self) -> subprocess.CompletedProcess:
        return millrace("check", str(self.path))

    def start(self) -> None:
        with open(self.log, "ab") as log:
            self.child = subprocess.Popen([program(), "run", str(self.path)], stdout=log, stderr=log,
                                          stdin=subprocess.DEVNULL)

    def text(self) -> str:
        return self.log.read_text(errors="replace") if self.log.exists() else ""

    def running(self) -> bool:
        return self.child is not None and self.child.poll() is None

    def events(self) -> list[dict]:
        found = []
        for path in sorted(self.events_dir.glob("events-*.ndjson")):
            text = path.read_bytes()
            found += events_of(text[:text.rfind(b"\n") + 1])
        return found

    def rows(self) -> list[dict]:
        return rows_of(self.events())

    def wait_rows(self, count: int, deadline_s: float = DEADLINE_S) -> list[dict]:
        """Waits for so many row events; says what the engine said when it ended instead."""
        def there() -> bool:
            if not self.running():
                raise AssertionError(f"millrace ended with {self.child.returncode}:\n{self.text()[-3000:]}")
            return len(self.rows()) >= count
        try:
            servers.wait_until(there, deadline_s, f"event {count}")
        except TimeoutError as problem:
            raise AssertionError(f"{problem}; {len(self.rows())} are there\n{self.text()[-3000:]}") from problem
        return self.rows()

    def wait_words(self, words: str, deadline_s: float = DEADLINE_S, times: int = 1) -> None:
        servers.wait_until(lambda: self.text().count(words) >= times, deadline_s, f"{words!r} in the log")

    def wait_end(self, deadline_s: float = DEADLINE_S) -> int:
        return self.child.wait(timeout=deadline_s)

    def stop(self) -> int:
        """SIGTERM, and the exit code."""
        self.child.send_signal(signal.SIGTERM)
        return self.child.wait(timeout=DEADLINE_S)

    def kill(self) -> None:
        if self.running():
            self.child.kill()
            self.child.wait()
