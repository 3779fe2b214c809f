# SPDX-License-Identifier: Apache-2.0
"""docs/delivery.md shows the table that the code decides by, row by row: sinks/stream_load/decide.c. What it says of
the warehouses' races names tests that are there."""

from __future__ import annotations

import pathlib
import re

from test_scenarios import TEST, defines

ROOT = pathlib.Path(__file__).resolve().parents[2]
TITLES = {
    "LOAD_PHASE_LABELLED": "### A labelled load",
    "LOAD_PHASE_PREPARE": "### The first phase: preparing",
    "LOAD_PHASE_UNDO": "### Undoing what the journal does not know as prepared",
    "LOAD_PHASE_COMMIT": "### The second phase: committing",
    "LOAD_PHASE_GATHER": "### One transaction for all tables: gathering it",
    "LOAD_PHASE_JOINT": "### One transaction for all tables: its commit",
    "LOAD_PHASE_TAKE_BACK": "### One transaction for all tables: taking it back",
}
ROW = re.compile(r'\{(LOAD_PHASE_\w+), (LOAD_\w+), LOAD_DO_\w+,\s*((?:"[^"]*",?\s*)+)\}')


def rows_of_code(source: str) -> dict[str, list[tuple[str, ...]]]:
    """Phase -> the three cells of each of its rows."""
    found: dict[str, list[tuple[str, ...]]] = {}
    for phase, _, cells in ROW.findall(source):
        found.setdefault(phase, []).append(tuple(re.findall(r'"([^"]*)"', cells)))
    return found


def rows_of_page(page: str, title: str) -> list[tuple[str, ...]]:
    """The rows of the table behind a title, without its head."""
    section = re.split(r"^#", page.split(title + "\n", 1)[1], maxsplit=1, flags=re.M)[0]
    lines = [line for line in section.splitlines() if line.startswith("|")]
    return [tuple(cell.strip() for cell in line.strip("|").split("|")) for line in lines[2:]]


def test_the_page_shows_what_the_code_does():
    code = rows_of_code((ROOT / "sinks/stream_load/decide.c").read_text())
    page = (ROOT / "docs/delivery.md").read_text()
    assert set(code) == set(TITLES)
    for phase, title in TITLES.items():
        assert len(code[phase]) >= 7
        assert rows_of_page(page, title) == code[phase], f"the table below {title!r} is another than that of {phase}"


def races_without_tests(page: str) -> list[str]:
    """What rows of the table of races lack: words, or a test that is there."""
    found = []
    for cells in rows_of_page(page, "### Repeats, expiries and races of the two warehouses"):
        tests = TEST.findall(cells[-1])
        if len(cells) != 3 or not all(cells) or not tests:
            found.append(cells[0])
        for file, name in tests:
            path = ROOT / "tests" / file
            if not path.is_file() or not defines(path.read_text(), path.suffix, name):
                found.append(f"{cells[0]}: there is no {file}::{name}")
    return found


def test_every_race_has_its_test():
    page = (ROOT / "docs/delivery.md").read_text()
    assert races_without_tests(page) == []
    assert races_without_tests(page.replace("::test_running_limit`", "::test_walking_limit`"))
    assert races_without_tests(page.replace("| followed, five times at most |", "| |"))


def test_a_row_that_is_missing_is_seen():
    source = '{LOAD_PHASE_UNDO, LOAD_STATE_ABORTED, LOAD_DO_SEND,\n "a",\n "b", "c"},'
    assert rows_of_code(source) == {"LOAD_PHASE_UNDO": [("a", "b", "c")]}
    assert rows_of_page("### T\n\n| x | y | z |\n|---|---|---|\n| a | b | c |\n\n## N\n| d | e | f |\n", "### T") == \
        [("a", "b", "c")]
