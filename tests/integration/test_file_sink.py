# SPDX-License-Identifier: Apache-2.0
"""The file sink: every event once and in order, whatever dies, and the same events as `decode` of the binlog."""

from __future__ import annotations

import json
import threading

import pytest

from engine import Killer
from events import OK, cloudevent_faults, millrace
from workload import TABLES, Workload, schema

ROTATE = 64 << 10


def file_sink(folder) -> dict[str, object]:
    return {"type": "file", "path": folder, "rotate.size": ROTATE, "sink.buffer-flush.interval": "20ms"}


def written(folder) -> list[dict]:
    files = sorted(folder.glob("events-*.ndjson"))
    assert [file.name for file in files] == [f"events-{n:06}.ndjson" for n in range(1, len(files) + 1)]
    for file in files[:-1]:
        assert file.stat().st_size >= ROTATE
    return [json.loads(line) for file in files for line in file.read_bytes().splitlines()]


def decoded(source, tables) -> list[dict]:
    done = millrace("decode", "--tables", ",".join(f"shop.{name}" for name in tables), *source.binlogs())
    assert done.returncode == OK, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def without_source(event: dict) -> dict:
    return {name: value for name, value in event.items() if name != "source"}


@pytest.mark.costly
@pytest.mark.parametrize("kills", [False, True], ids=["calm", "kills"])
def test_every_event_once(source, engine, rng, tmp_path, kills):
    folder = tmp_path / "events"
    work = Workload(rng.randrange(10 ** 9), truncate=False)
    # Whether a LONGTEXT is a JSON is in MariaDB's catalog only, and `decode` has none.
    tables = [name for name in TABLES if name != "things"] if source.server.product == "MariaDB" else list(TABLES)
    source.query(schema())
    engine.write(source.block() | {"tables": ",".join(f"shop.{name}" for name in tables)}, file_sink(folder))
    engine.start().until_log("The pipeline runs.")
    killer = Killer(engine, rng, 0.05, 0.4)
    if kills:
        killer.start()
    session = source.session(work.transaction, 120)
    session.start()
    threading.Event().wait(4 if kills else 1)
    session.close()
    if kills:
        killer.halt()
        assert killer.kills >= 1
    source.query("INSERT INTO numbers (id) VALUES (12345678)")
    engine.until_carried(source.place())
    assert engine.stop() == OK
    events = written(folder)
    assert [fault for event in events for fault in cloudevent_faults(event)] == []
    ids = [event["id"] for event in events]
    assert len(set(ids)) == len(ids) > 50
    # A statement about a table that no row was seen of yet is known to a server's catalog, not to `decode`.
    events = [event for event in events if not event["type"].endswith("schema.changed.v1")]
    rest = [event for event in decoded(source, tables) if not event["type"].endswith("schema.changed.v1")]
    assert len(events) == len(rest)
    for ours, theirs in zip(events, rest):
        assert without_source(ours) == without_source(theirs)
