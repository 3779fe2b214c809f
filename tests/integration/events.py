# SPDX-License-Identifier: Apache-2.0
"""Events as these tests read them: what `decode` and the file sink print, judged by the CloudEvents specification,
and a pipeline whose sink is such files.
"""

from __future__ import annotations

import json
import os
import pathlib
import re
import subprocess

import golden
from engine import ENVIRONMENT, Engine, program
from servers import ROOT

# Binlogs of real servers: other projects' are read where they are kept beside the tree, ours are in it.
FIXTURES = ROOT.parent / "shared" / "fixtures"
GENERATED = golden.generated()

# Exit codes, as docs/cli.md tells them.
OK, INTERNAL, USAGE, SOURCE, SINK, CHECKPOINT, DATA, STOPPED = range(8)


def millrace(*arguments: object, stdin: bytes | None = None, environment: dict[str, str] | None = None,
             deadline_s: float = 60) -> subprocess.CompletedProcess:
    """Runs a command that ends by itself; output as bytes."""
    return subprocess.run([program(), *map(str, arguments)], input=stdin,
                          stdin=subprocess.DEVNULL if stdin is None else None, capture_output=True,
                          check=False, timeout=deadline_s, env=os.environ | ENVIRONMENT | (environment or {}))


def errors(done: subprocess.CompletedProcess) -> str:
    return done.stderr.decode(errors="replace")


def events_of(output: bytes) -> list[dict]:
    return [json.loads(line) for line in output.splitlines()]


def rows_of(events: list[dict]) -> list[dict]:
    """Events that carry rows, without schema changes, truncations and what is unknown."""
    return [event for event in events if "row" in event["type"].split(".")]


# -- a CloudEvent by its specification (1.0.2) and docs/events.md

NAME = re.compile(r"[a-z0-9]{1,20}\Z")
TIME = re.compile(r"\d{4}-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])T"
                  r"([01]\d|2[0-3]):[0-5]\d:([0-5]\d|60)(\.\d+)?(Z|[+-]\d\d:\d\d)\Z")
OPERATIONS = {"row.inserted": "c", "row.updated": "u", "row.deleted": "d", "row.read": "r", "table.truncated": "t",
              "schema.changed": None, "rows.unknown": None}


def cloudevent_faults(event: dict) -> list[str]:
    """What is wrong with one event; nothing when it is as it must be."""
    faults = []
    for name in ("specversion", "id", "source", "type", "subject", "time", "datacontenttype", "sequence", "data"):
        anything = name == "subject" and event.get("type", "").endswith(".rows.unknown.v1")  # of any captured table
        if name not in event and not anything:
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

class EventPipeline(Engine):
    """An engine whose sink is the file sink, in a folder of its own beside its pipeline file."""

    def __init__(self, folder: pathlib.Path, source: dict[str, object], pipeline: dict[str, object] | None = None,
                 sink: dict[str, object] | None = None) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        super().__init__(folder)
        self.events_folder = folder / "events"
        self.source = {"heartbeat.interval": "1s", **source}
        self.sink = sink or {"type": "file", "path": self.events_folder, "sink.buffer-flush.interval": "50ms"}
        self.settings = pipeline or {}
        self.save()

    def save(self, **source: object) -> None:
        """Writes the pipeline file; a value of None takes a key out."""
        self.source |= {key.replace("__", "."): value for key, value in source.items()}
        self.write({key: json.dumps(str(value)) for key, value in self.source.items() if value is not None},
                   self.sink, self.settings)

    def check(self) -> subprocess.CompletedProcess:
        return millrace("check", self.file)

    def refused(self, deadline_s: float = 60) -> tuple[int, str]:
        """Starts it, waits for its end; exit code and the last line that it said."""
        self.start()
        code = self.wait(deadline_s)
        return code, self.log().rstrip("\n").splitlines()[-1]

    def events(self) -> list[dict]:
        found = []
        for path in sorted(self.events_folder.glob("events-*.ndjson")):
            text = path.read_bytes()
            found += events_of(text[:text.rfind(b"\n") + 1])
        return found

    def lines(self) -> int:
        """How many events there are; to be asked again and again while they are many."""
        return sum(path.read_bytes().count(b"\n") for path in self.events_folder.glob("events-*.ndjson"))

    def rows(self) -> list[dict]:
        return rows_of(self.events())

    def ids(self, column: str = "id") -> list[int]:
        """A column of the rows that were inserted, in the order of the events."""
        return [event["data"]["after"][column] for event in self.rows()]

    def until_ids(self, wanted: list[int], deadline_s: float = 60) -> None:
        """Waits until as many rows are there, then they must be these: each once, in order."""
        self.until(lambda: len(self.rows()) >= len(wanted), deadline_s, f"{len(wanted)} rows")
        assert self.ids() == wanted
        assert stream_faults(self.events()) == []
