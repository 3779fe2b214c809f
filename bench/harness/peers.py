# SPDX-License-Identifier: Apache-2.0
"""Other decoders that are run beside, each at a pinned version; one that cannot be had says why. Those in Java: java.py."""

from __future__ import annotations

import json
import os
import pathlib
import re
import shutil
import subprocess

from .bed import Bed, Sample, Void, timed
from .datasets import Dataset

PEERS = pathlib.Path(__file__).resolve().parents[1] / "peers"
FETCH_DEADLINE_S = 600


def failed(command: list[str], **options: object) -> str | None:
    """Runs a tool that fetches or compiles. None, or the first error that it names: Maven says much about itself after it."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL, timeout=FETCH_DEADLINE_S, **options)
    except subprocess.TimeoutExpired:
        return f"it was not done after {FETCH_DEADLINE_S} s"
    if done.returncode == 0:
        return None
    lines = re.sub(r"\x1b\[[0-9;]*m", "", done.stdout + done.stderr).splitlines()
    return next((line for line in lines if "error" in line.lower()), " ".join(lines))[:300] or f"it ended with {done.returncode}"


class Peer:
    """`prepare` gives None, or the reason why it is skipped."""

    name = ""
    title = ""
    datasets: frozenset[str] | None = None  # for which ones where it was not asked for by name; None: for all

    def prepare(self, work: pathlib.Path) -> str | None:
        raise NotImplementedError

    def run(self, bed: Bed, dataset: Dataset) -> Sample:
        raise NotImplementedError


class ServersOwn(Peer):
    """mariadb-binlog or mysqlbinlog, of the server that wrote the file: rows as text, to nowhere."""

    name = "binlog_tool"
    title = "the server's own binlog program, -v"

    def __init__(self) -> None:
        self.counted: set[tuple[str, str]] = set()

    def prepare(self, work: pathlib.Path) -> str | None:
        return None

    def run(self, bed: Bed, dataset: Dataset) -> Sample:
        tool = bed.server.binlog_tool()
        if tool is None:
            raise Void("the server has no such program")
        command = [*tool, "-v", "--base64-output=DECODE-ROWS", str(bed.path(dataset))]
        if (bed.family, dataset.name) not in self.counted:
            self._count(command, bed.changes_of(dataset))
            self.counted.add((bed.family, dataset.name))
        return timed(command, keep_output=False)[0]

    @staticmethod
    def _count(command: list[str], changes: int) -> None:
        """What it prints is looked at once, apart from the runs that are timed."""
        rows = 0
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, stdin=subprocess.DEVNULL) as child:
            for line in child.stdout:
                rows += re.match(rb"### (INSERT INTO|UPDATE|DELETE FROM) ", line) is not None
        if rows != changes:
            raise Void(f"it showed {rows} row changes of {changes}")


def counted(command: list[str], bed: Bed, dataset: Dataset, env: dict | None = None) -> Sample:
    """Of a program that prints how many rows it decoded."""
    sample, output = timed(command, env=env)
    rows = json.loads(output)["rows"]
    if rows != bed.changes_of(dataset):
        raise Void(f"it decoded {rows} row changes of {bed.changes_of(dataset)}")
    return sample


class GoMysql(Peer):
    name = "go_mysql"
    title = "go-mysql 1.12.0, rows counted"

    def __init__(self) -> None:
        self.program = ""

    def prepare(self, work: pathlib.Path) -> str | None:
        go = shutil.which("go") or shutil.which("/usr/local/go/bin/go")
        if go is None:
            return "Go is not installed"
        self.program = str(work / "gomysql")
        why = failed([go, "build", "-o", self.program, "."], cwd=PEERS / "gomysql", env=os.environ | {"GOFLAGS": "-mod=readonly -buildvcs=false"})
        return None if why is None else f"it could not be built: {why}"

    def run(self, bed: Bed, dataset: Dataset) -> Sample:
        return counted([self.program, "mariadb" if bed.family == "mariadb" else "mysql", str(bed.path(dataset))], bed, dataset)
