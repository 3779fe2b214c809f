# SPDX-License-Identifier: Apache-2.0
"""What a row costs in instructions and allocations, held to limits: wall time on a shared machine cannot be.

Each stage of the engine (bench/stages.c) runs over a small binlog, bench/cost.binlog, once with one copy of it and
once with three; the difference is the cost of its rows alone, without start-up. The count is cachegrind's, which is
the same in every run. cost.binlog: 400 inserts in one transaction, 100 updates, 50 deletes and 50 transactions of
one insert, of the 12 mixed columns of bench/run, on MariaDB 10.11 with binlog_row_metadata=FULL.

The limits are for gcc 12 on x86-64, release build, a few percent above what was measured. A change that makes a
stage cheaper lowers its limit; one that makes it dearer says why.
"""

from __future__ import annotations

import functools
import json
import os
import pathlib
import platform
import re
import subprocess

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[1]
STAGES = pathlib.Path(os.environ.get("MILLRACE", ROOT / "build" / "release" / "millrace")).parent / "bench" / "bench_stages"
BINLOG = ROOT / "bench" / "cost.binlog"
ROWS = 600
COPIES = 3
SECONDS = 60  # each run takes one

# Instructions a row.
LIMITS = {"decode": 1060, "json": 4850, "doris": 4820}  # the line of StarRocks is written by the same code
# And of each change, to rewrite the bodies that they made as CSV: measured over one copy, for rows of a body that come
# again are sent once.
CSV_LIMIT = 1020
# Buffers that grow take a few; one a transaction would be 0.08.
ALLOCATIONS_A_ROW = 0.02


@functools.cache
def measure(stage: str, copies: int) -> tuple[int, dict]:
    done = subprocess.run(["valgrind", "--tool=cachegrind", "--cache-sim=no", "--cachegrind-out-file=/dev/null",
                           str(STAGES), stage, *[str(BINLOG)] * copies],
                          capture_output=True, text=True, timeout=SECONDS, check=False, stdin=subprocess.DEVNULL)
    assert done.returncode == 0, done.stderr
    count = re.search(r"I\s+refs:\s+([\d,]+)", done.stderr)
    assert count, done.stderr
    said = json.loads(done.stdout)
    assert said["rows"] == ROWS * copies
    return int(count.group(1).replace(",", "")), said


@pytest.mark.skipif(platform.machine() != "x86_64", reason="the limits are for x86-64")
@pytest.mark.parametrize("stage", LIMITS)
def test_a_row_costs_no_more_than_before(stage: str) -> None:
    once, _ = measure(stage, 1)
    thrice, said = measure(stage, COPIES)
    instructions = (thrice - once) / (ROWS * (COPIES - 1))
    allocations = said["allocations"] / (said["rows"] - said["warm_rows"])
    print(f"{stage}: {instructions:.0f} instructions, {allocations:.4f} allocations a row")
    assert instructions <= LIMITS[stage], f"{instructions:.0f} instructions a row"
    assert instructions > LIMITS[stage] * 0.8, f"only {instructions:.0f} instructions a row: lower the limit"
    assert allocations <= ALLOCATIONS_A_ROW, f"{allocations:.4f} allocations a row"


@pytest.mark.skipif(platform.machine() != "x86_64", reason="the limits are for x86-64")
def test_csv_costs_no_more_than_before() -> None:
    json_cost, json_said = measure("doris", 1)
    csv_cost, csv_said = measure("csv", 1)
    instructions = (csv_cost - json_cost) / ROWS
    print(f"csv: {instructions:.0f} instructions a row more, {csv_said['bytes'] / json_said['bytes']:.2f} of the bytes")
    assert instructions <= CSV_LIMIT, f"{instructions:.0f} instructions a row more"
    assert instructions > CSV_LIMIT * 0.8, f"only {instructions:.0f} instructions a row more: lower the limit"
    assert csv_said["bytes"] < 0.6 * json_said["bytes"]
