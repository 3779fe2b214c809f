# SPDX-License-Identifier: Apache-2.0
"""Other decoders that are run beside, each at a pinned version; one that cannot be had says why."""

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
CONNECTOR = "com.zendesk:mysql-binlog-connector-java:0.30.1"
FETCH_DEADLINE_S = 300


class Peer:
    """`prepare` gives None, or the reason why it is skipped."""

    name = ""
    title = ""

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
        done = subprocess.run([go, "build", "-o", self.program, "."], cwd=PEERS / "gomysql", capture_output=True, text=True,
                              check=False, timeout=FETCH_DEADLINE_S, env=os.environ | {"GOFLAGS": "-mod=readonly -buildvcs=false"})
        return None if done.returncode == 0 else f"it could not be built: {done.stderr.strip()[-200:]}"

    def run(self, bed: Bed, dataset: Dataset) -> Sample:
        return counted([self.program, "mariadb" if bed.family == "mariadb" else "mysql", str(bed.path(dataset))], bed, dataset)


class ConnectorJava(Peer):
    name = "connector_java"
    title = "mysql-binlog-connector-java 0.30.1, rows counted (its start included)"

    def __init__(self) -> None:
        self.classes = ""

    def prepare(self, work: pathlib.Path) -> str | None:
        for needed in ("java", "javac", "mvn"):
            if shutil.which(needed) is None:
                return f"{needed} is not installed"
        got = subprocess.run(["mvn", "-q", "-B", "dependency:get", f"-Dartifact={CONNECTOR}"], capture_output=True, text=True,
                             check=False, timeout=FETCH_DEADLINE_S)
        if got.returncode != 0:
            return f"it could not be fetched: {got.stdout.strip()[-200:]}"
        home = pathlib.Path.home() / ".m2" / "repository"
        # Beside itself it needs zstd-jni where payloads are compressed.
        jars = [*home.glob("com/zendesk/mysql-binlog-connector-java/0.30.1/*.jar"), *home.glob("com/github/luben/zstd-jni/*/*.jar")]
        self.classes = ":".join(map(str, [*jars, work]))
        made = subprocess.run(["javac", "-nowarn", "-cp", self.classes, "-d", str(work), str(PEERS / "connector" / "Count.java")],
                              capture_output=True, text=True, check=False, timeout=FETCH_DEADLINE_S)
        return None if made.returncode == 0 else f"it could not be compiled: {made.stderr.strip()[-200:]}"

    def run(self, bed: Bed, dataset: Dataset) -> Sample:
        return counted(["java", "-cp", self.classes, "Count", str(bed.path(dataset))], bed, dataset)


class Absent(Peer):
    """Named so that the report says that it was not run, and why."""

    def __init__(self, name: str, title: str, why: str) -> None:
        self.name, self.title, self.why = name, title, why

    def prepare(self, work: pathlib.Path) -> str | None:
        return self.why


def all_peers() -> list[Peer]:
    return [ServersOwn(), GoMysql(), ConnectorJava(),
            Absent("debezium", "Debezium", "it does not read files, and needs a Kafka Connect or a Debezium Server of hundreds of megabytes"),
            Absent("maxwell", "Maxwell", "it does not read files, and has no package in Debian or on Maven Central"),
            Absent("flink_cdc", "Flink CDC", "it needs a Flink cluster")]
