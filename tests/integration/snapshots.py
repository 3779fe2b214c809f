# SPDX-License-Identifier: Apache-2.0
"""tests/support/snapshot_model.c as a child process: the snapshot beside the stream, into a table in memory."""

from __future__ import annotations

import os
import pathlib
import subprocess

import engine as engines
from servers import wait_until

END = "z_stop"


def program() -> pathlib.Path:
    """Beside the program under test, or $SNAPSHOT_MODEL."""
    return pathlib.Path(os.environ.get("SNAPSHOT_MODEL") or
                        pathlib.Path(engines.program()).parent / "tests" / "snapshot_model")


class Model:
    """One run; ends when end() puts a row into the table z_stop."""

    def __init__(self, source, folder: pathlib.Path, startup: str = "latest-offset", **options: int | str) -> None:
        assert program().exists(), f"There is no program {program()}; build the target snapshot_model."
        self.source = source
        self.number = len(list(folder.glob("model-*.yaml")))
        self.out = folder / f"model-{self.number}.rows"
        self.err = folder / f"model-{self.number}.log"
        file = folder / f"model-{self.number}.yaml"
        block = source.block() | {"scan.startup.mode": startup}
        file.write_text("source:\n" + "".join(f"  {key}: {value}\n" for key, value in block.items()))
        with open(self.out, "wb") as out, open(self.err, "wb") as err:
            self.child = subprocess.Popen([str(program()), str(file), *(f"{k}={v}" for k, v in options.items())],
                                          stdout=out, stderr=err, stdin=subprocess.DEVNULL, env=os.environ | engines.ENVIRONMENT)

    def log(self) -> str:
        return self.err.read_text(errors="replace")

    def until_log(self, text: str, deadline_s: float = 60) -> None:
        def told() -> bool:
            assert self.child.poll() is None or text in self.log(), self.log()
            return text in self.log()
        try:
            wait_until(told, deadline_s, repr(text))
        except TimeoutError as problem:
            raise AssertionError(f"{problem}\n{self.log()}") from None

    def until_done(self, deadline_s: float = 60) -> None:
        self.until_log("snapshot done", deadline_s)

    def end(self, deadline_s: float = 60) -> dict[str, list[tuple[str, str]]]:
        """The rows by table: key and row, in hex."""
        self.source.query(f"INSERT INTO {END} VALUES (NULL);")
        try:
            code = self.child.wait(timeout=deadline_s)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"the model did not end\n{self.log()}") from None
        assert code == 0, self.log()
        tables: dict[str, list[tuple[str, str]]] = {}
        for line in self.out.read_text().splitlines():
            table, key, row = line.split("\t")
            if not table.endswith("." + END):
                tables.setdefault(table, []).append((key, row))
        return {table: sorted(rows) for table, rows in tables.items()}

    def kill(self) -> None:
        if self.child.poll() is None:
            self.child.kill()
            self.child.wait()


def text(row: str) -> str:
    """A row of the model for people."""
    return bytes.fromhex(row).decode(errors="backslashreplace")


def first_differences(a: dict, b: dict) -> list[str]:
    """The rows that only one of two models has."""
    found = []
    for table in sorted(a.keys() | b.keys()):
        left, right = sorted(a.get(table, [])), sorted(b.get(table, []))
        if left == right:
            continue
        only_left, only_right = set(left) - set(right), set(right) - set(left)
        found.append(f"{table}: {len(left)} and {len(right)} rows")
        found += [f"  first:  {text(row)}" for _, row in sorted(only_left)[:4]]
        found += [f"  second: {text(row)}" for _, row in sorted(only_right)[:4]]
    return found
