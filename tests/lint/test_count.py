# SPDX-License-Identifier: Apache-2.0
"""What ./check says at its end is true: nothing that failed, or that never ran, counts as passed."""

from __future__ import annotations

import pathlib
import subprocess
import sys

import pytest

COUNT = pathlib.Path(__file__).resolve().parents[1] / "support" / "count.py"

CTEST = """<testsuite name="Linux"><testcase name="a" classname="a" status="run"/>
<testcase name="b" classname="b" status="fail"><failure message=""/></testcase>
<testcase name="c" classname="c" status="notrun"><skipped message="SKIP_RETURN_CODE=77"/></testcase></testsuite>"""
PYTEST = """<testsuites><testsuite><testcase classname="m" name="x"/><testcase classname="m" name="y">
<skipped message="MySQL 9.7 could not be fetched"/></testcase>
<testcase classname="m" name="z"><error message="at setup"/></testcase></testsuite></testsuites>"""
GOOD = '<testsuite><testcase classname="m" name="x"/></testsuite>'


def count(folder: pathlib.Path, *lost: str, **files: str) -> tuple[int, list[str]]:
    for name, text in files.items():
        (folder / f"{name}.xml").write_text(text)
    done = subprocess.run([sys.executable, str(COUNT), str(folder), *lost], capture_output=True, text=True,
                          check=False)
    return done.returncode, done.stdout.splitlines()


def test_both_writers_are_added_up(tmp_path):
    code, lines = count(tmp_path, unit=CTEST, integration=PYTEST)
    assert code == 1
    assert lines[-1] == "2 passed, 2 failed, 2 skipped"
    assert "FAILED: unit: b.b" in lines
    assert "FAILED: integration: m.z" in lines
    assert "skipped: MySQL 9.7 could not be fetched" in lines


def test_all_good(tmp_path):
    assert count(tmp_path, unit=GOOD) == (0, ["1 passed, 0 failed, 0 skipped"])


@pytest.mark.parametrize("lost,files,last", [
    ([], {}, "0 passed, 0 failed, 0 skipped"),
    (["build asan"], {"unit": GOOD}, "1 passed, 1 failed, 0 skipped"),
    ([], {"unit": GOOD, "lint": "<testsuite><testca"}, "1 passed, 1 failed, 0 skipped"),
    ([], {"unit": "<testsuite/>"}, "0 passed, 0 failed, 0 skipped"),
])
def test_nothing_run_and_nothing_told_is_a_failure(tmp_path, lost, files, last):
    code, lines = count(tmp_path, *lost, **files)
    assert code == 1
    assert lines[-1] == last
