#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Adds up test results: count.py FOLDER [LOST...]

FOLDER holds JUnit files, as ctest and pytest write them. Each LOST is the name of a stage that did not end (it
did not build, or was ended by its time limit), and counts as one failed test. Names what failed and what was
skipped and why; the last line is "N passed, N failed, N skipped". Exit code 0 when something passed and nothing
failed.
"""

from __future__ import annotations

import pathlib
import sys
import xml.etree.ElementTree as ElementTree


class Tally:
    def __init__(self) -> None:
        self.passed = 0
        self.failed: list[str] = []
        self.skipped: dict[str, list[str]] = {}

    def add_case(self, stage: str, case: ElementTree.Element) -> None:
        name = f"{stage}: {case.get('classname', '')}.{case.get('name', '?')}".replace(": .", ": ")
        skipped = case.find("skipped")
        if case.find("failure") is not None or case.find("error") is not None or case.get("status") == "fail":
            self.failed.append(name)
        elif skipped is not None or case.get("status") in ("notrun", "disabled"):
            reason = skipped.get("message", "") if skipped is not None else ""
            self.skipped.setdefault(reason or "no reason given", []).append(name)
        else:
            self.passed += 1

    def add_file(self, path: pathlib.Path) -> None:
        try:
            root = ElementTree.parse(path).getroot()
        except (ElementTree.ParseError, OSError) as problem:
            self.failed.append(f"{path.stem}: its result cannot be read ({problem})")
            return
        for case in root.iter("testcase"):
            self.add_case(path.stem, case)


def main(arguments: list[str]) -> int:
    tally = Tally()
    for path in sorted(pathlib.Path(arguments[0]).glob("*.xml")):
        tally.add_file(path)
    tally.failed += [f"{stage}: did not run to its end" for stage in arguments[1:]]
    for reason, names in tally.skipped.items():
        print(f"skipped: {reason}")
        for name in names:
            print(f"    {name}")
    for name in tally.failed:
        print(f"FAILED: {name}")
    skipped = sum(len(names) for names in tally.skipped.values())
    if tally.passed == 0 and not tally.failed:
        print("No test ran.")
    print(f"{tally.passed} passed, {len(tally.failed)} failed, {skipped} skipped")
    return 0 if tally.passed > 0 and not tally.failed else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
