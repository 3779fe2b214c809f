# SPDX-License-Identifier: Apache-2.0
"""docs/scenarios.md: a hundred scenarios, none without words, and every test that it names is there."""

from __future__ import annotations

import pathlib
import re

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
PAGE = ROOT / "docs" / "scenarios.md"
ROW = re.compile(r"^\| (\d+) \|(.*)\|$", re.M)
TEST = re.compile(r"`([a-z_/0-9]+\.(?:py|[ch]))::([\w-]+)`")


def defines(text: str, suffix: str, name: str) -> bool:
    """Whether a file's text has the test: a function of Python; in C a function, or a name in quotes."""
    if suffix == ".py":
        return re.search(rf"^def {name}\(", text, re.M) is not None
    return re.search(rf"\b{name}\(|\"{name}\"", text) is not None


def faults(page: str, folder: pathlib.Path, last: int = 100) -> list[str]:
    found = []
    rows = [(int(number), [cell.strip() for cell in rest.split("|")]) for number, rest in ROW.findall(page)]
    if [number for number, _ in rows] != list(range(1, last + 1)):
        found.append(f"the rows are not 1 to {last}")
    for number, cells in rows:
        if len(cells) != 3 or not all(cells):
            found.append(f"{number}: a cell is empty")
            continue
        tests = TEST.findall(cells[2])
        if not tests and not (cells[2] == "not here" and "Not here: " in cells[1]):
            found.append(f"{number}: neither a test nor a reason")
        for file, name in tests:
            path = folder / file
            if not path.is_file() or not defines(path.read_text(), path.suffix, name):
                found.append(f"{number}: there is no {file}::{name}")
    return found


def test_every_scenario_is_answered():
    assert faults(PAGE.read_text(), ROOT / "tests") == []


def test_the_judge_can_tell():
    page = PAGE.read_text()
    folder = ROOT / "tests"
    assert faults(page.replace("| 7 |", "| 8 |", 1), folder)
    assert faults(page.replace("::test_full_disk`", "::test_fuller_disk`"), folder) == \
        ["86: there is no integration/test_checkpoint.py::test_fuller_disk"]
    assert faults(page.replace("unit/sinks/test_load.c::", "unit/sinks/test_lord.c::"), folder)
    row = next(line for line in page.splitlines() if line.startswith("| 12 |"))
    assert faults(page.replace(row, "| 12 | a | b | |"), folder) == ["12: a cell is empty"]
    assert faults(page.replace(row, "| 12 | a | b | soon |"), folder) == ["12: neither a test nor a reason"]
