# SPDX-License-Identifier: Apache-2.0
"""docs/delivery.md shows the table that the code decides by, row by row: sinks/stream_load/decide.c."""

from __future__ import annotations

import pathlib
import re

ROOT = pathlib.Path(__file__).resolve().parents[2]
TITLES = {
    "LOAD_PHASE_LABELLED": "### A labelled load",
    "LOAD_PHASE_PREPARE": "### The first phase: preparing",
    "LOAD_PHASE_UNDO": "### Undoing what the journal does not know as prepared",
    "LOAD_PHASE_COMMIT": "### The second phase: committing",
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
        assert len(code[phase]) >= 8
        assert rows_of_page(page, title) == code[phase], f"the table below {title!r} is another than that of {phase}"


def test_a_row_that_is_missing_is_seen():
    source = '{LOAD_PHASE_UNDO, LOAD_STATE_ABORTED, LOAD_DO_SEND,\n "a",\n "b", "c"},'
    assert rows_of_code(source) == {"LOAD_PHASE_UNDO": [("a", "b", "c")]}
    assert rows_of_page("### T\n\n| x | y | z |\n|---|---|---|\n| a | b | c |\n\n## N\n| d | e | f |\n", "### T") == \
        [("a", "b", "c")]
