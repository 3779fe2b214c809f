# SPDX-License-Identifier: Apache-2.0
"""The long run: a mixed load, faults and lost connections at random, and a kill every few seconds; then, without kills, what
the engine holds must not grow. MILLRACE_LONG_RUN_S seconds for all of it together (an hour)."""

from __future__ import annotations

import os
import pathlib
import time

import pytest

from engine import Killer
from events import OK, SINK
from test_faults import PASSING
from workload import Workload, schema

RUN_S = float(os.environ.get("MILLRACE_LONG_RUN_S", "3600")) / 2  # of each of the two
CALM = 0.3  # of it, without kills
PEAK_MAX = 160 << 20
GROWTH_MAX = 12 << 20
DESCRIPTORS_MAX = 6
SPOOL = 8 << 20
SETTINGS = {"sink.load.timeout": "5s", "sink.buffer-flush.max-bytes": "4mb"}


class Sampler:
    """What the running engine holds; a process that has just died tells nothing."""

    def __init__(self, engine) -> None:
        self.engine = engine
        self.samples: list[tuple[int, int]] = []
        self.peak = 0

    def look(self) -> None:
        folder = pathlib.Path(f"/proc/{self.engine.pid}")
        try:
            lines = dict(line.split(":", 1) for line in (folder / "status").read_text().splitlines())
            self.samples.append((int(lines["VmRSS"].split()[0]) * 1024, len(list((folder / "fd").iterdir()))))
            self.peak = max(self.peak, int(lines["VmHWM"].split()[0]) * 1024)
        except (OSError, KeyError):
            return

    def highest(self, begin: float, end: float) -> tuple[int, int]:
        """Memory and descriptors, in a part of the samples."""
        part = self.samples[int(begin * len(self.samples)):int(end * len(self.samples))]
        return max(memory for memory, _ in part), max(count for _, count in part)


class Trouble:
    """One thing after the other that goes wrong; a fault that has not shown by then is taken back, or they would pile up
    behind a load that waits longer after each."""

    def __init__(self, source, twin, rng) -> None:
        self.source, self.twin, self.rng = source, twin, rng
        self.armed: str | None = None
        self.count = 0

    def make(self) -> None:
        self.count += 1
        self.end()
        kind = self.rng.randrange(8)
        if kind == 0:
            self.source.server.kill_dumps()
        elif kind == 1:
            self.source.server.query("FLUSH BINARY LOGS")
        else:
            fault, more = self.rng.choice(PASSING)
            self.twin.fault(fault, self.rng.randint(1, 3), **more)
            self.armed = None if fault == "restart" else fault  # that one acts at once

    def end(self) -> None:
        if self.armed is not None:
            self.twin.fault(self.armed, 0)
        self.armed = None

    def for_seconds(self, seconds: float, sampler: Sampler) -> None:
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            self.make()
            sampler.look()
            time.sleep(self.rng.uniform(0.2, 2))
        self.end()


def folder_bytes(folder: pathlib.Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


@pytest.mark.long
@pytest.mark.timeout(int(RUN_S) + 1800)
@pytest.mark.parametrize("family,kind", [("mariadb", "doris"), ("mysql97", "starrocks")])
def test_everything_goes_wrong_for_long(source_of, twin_of, engine, rng, must_be_equal, family, kind):
    source, twin = source_of(family), twin_of(kind)
    work = Workload(rng.randrange(10 ** 9))
    engine.write(source.block() | {"spool.max-size": SPOOL}, twin.sink("100ms") | SETTINGS, {"stop.timeout": "30s"})
    source.query(schema())
    engine.start().until_epoch(0, 60)
    session = source.session(work.transaction, 40)
    session.start()
    sampler = Sampler(engine)
    # An engine that starts while the warehouse does not take connections ends; a supervisor starts it again.
    killer = Killer(engine, rng, shortest_s=1, longest_s=8, also_after=(SINK,))
    killer.start()
    trouble = Trouble(source, twin, rng)
    trouble.for_seconds(RUN_S * (1 - CALM), sampler)
    killer.halt()
    calm = Sampler(engine)
    engine.until(lambda: "spooled_bytes" in (engine.checkpoint / "status").read_text(), 60, "a status")
    trouble.for_seconds(RUN_S * CALM, calm)
    session.close()
    must_be_equal(source, twin, engine, deadline_s=600)
    (early, descriptors), (late, descriptors_late) = calm.highest(0.2, 0.5), calm.highest(0.5, 1)
    kept = folder_bytes(engine.checkpoint)
    print(f"figures: {family} to {kind}, {RUN_S:.0f} s, {session.transactions} transactions, {killer.kills} kills, {trouble.count} troubles, "
          f"peak {max(sampler.peak, calm.peak) >> 20} MiB, resident {early >> 20} MiB and later {late >> 20} MiB, "
          f"descriptors {descriptors} and later {descriptors_late}, checkpoint's folder {kept >> 10} KiB")
    assert max(sampler.peak, calm.peak) < PEAK_MAX
    assert late < early + GROWTH_MAX
    assert descriptors_late <= descriptors + DESCRIPTORS_MAX
    assert kept < SPOOL + (64 << 20)
    assert engine.stop() == OK
