# SPDX-License-Identifier: Apache-2.0
"""Peers in Java: each folder of peers/ has a pom.xml that pins what Maven fetches, and a Main that counts rows.

mysql-binlog-connector-java reads the file. Debezium, Maxwell and Flink CDC read from the live server, as Millrace's `run`
does, and end when they have handed over as many events as there are changes (`peers/common/Tally.java`).
"""

from __future__ import annotations

import json
import pathlib
import shutil

from .bed import Bed, Sample, Void, timed
from .datasets import Dataset
from .peers import PEERS, Peer, counted, failed
from .report import START

CLASSPATH = "org.apache.maven.plugins:maven-dependency-plugin:3.8.1:build-classpath"
DEADLINE_S = 1800
CLOCK_STEP_S = 0.001  # of what Tally.java tells
HEAP = "-Xmx2g"  # without it, a quarter of the machine's memory
# Each run has the start of a virtual machine in it, and one with no events has to be waited for.
LIVE_DATASETS = frozenset({"narrow", "mixed", "wide", "blobs", "single"})
# What Flink and Kryo look into was closed with Java 16.
OPENED = [f"--add-opens=java.base/java.{package}=ALL-UNNAMED" for package in ("lang", "math", "net", "nio", "text", "time", "util")]


class JavaPeer(Peer):
    """A Main of ours around what Maven fetches, from the folder of its name."""

    options: list[str] = []

    def __init__(self) -> None:
        self.classes = ""

    def prepare(self, work: pathlib.Path) -> str | None:
        for needed in ("java", "javac", "mvn"):
            if shutil.which(needed) is None:
                return f"{needed} is not installed"
        folder, made, listed = PEERS / self.name, work / self.name, work / f"{self.name}.classpath"
        why = failed(["mvn", "-q", "-B", "-ntp", "-f", str(folder / "pom.xml"), CLASSPATH, f"-Dmdep.outputFile={listed}"])
        if why is not None:
            return f"it could not be fetched: {why}"
        self.classes = f"{made}:{listed.read_text().strip()}"
        sources = map(str, [PEERS / "common" / "Tally.java", *sorted(folder.glob("*.java"))])
        why = failed(["javac", "-nowarn", "-cp", self.classes, "-d", str(made), *sources])
        return None if why is None else f"it could not be compiled: {why}"

    def command(self, *arguments: str) -> list[str]:
        return ["java", HEAP, *self.options, "-cp", self.classes, "Main", *arguments]


class Connector(JavaPeer):
    name = "connector_java"
    title = f"mysql-binlog-connector-java 0.30.1, rows counted{START}"

    def run(self, bed: Bed, dataset: Dataset) -> Sample:
        return counted(self.command(str(bed.path(dataset))), bed, dataset)


class Live(JavaPeer):
    """Reads from the server, from where the dataset's file begins, and makes JSON of it as it would for Kafka."""

    datasets = LIVE_DATASETS

    def ready(self, bed: Bed) -> None:
        """What the server needs before each run."""

    def run(self, bed: Bed, dataset: Dataset) -> Sample:
        self.ready(bed)
        account, changes = bed.account, bed.changes_of(dataset)
        command = self.command("mariadb" if bed.family == "mariadb" else "mysql", account["port"], account["username"], account["password"],
                               bed.files[dataset.name], bed.gtids_before(dataset), f"bench.{dataset.name}", str(changes))
        sample, output = timed(command, deadline_s=DEADLINE_S)
        # Maxwell logs to the same place, and may have the last word.
        told = json.loads(next(line for line in reversed(output.splitlines()) if line.startswith("{")))
        if "error" in told:
            raise Void(f"it fails: {told['error']}")
        if told["rows"] != changes:
            raise Void(f"it handed over {told['rows']} row changes of {changes}")
        first, last = told["first"], told["last"]
        return Sample(last["wall_s"], last["cpu_s"], sample.peak_mib,
                      {"between": Sample(max(last["wall_s"] - first["wall_s"], CLOCK_STEP_S), last["cpu_s"] - first["cpu_s"], 0)})


class Debezium(Live):
    name = "debezium"
    title = f"Debezium 3.5.0, JSON counted{START}"


class FlinkCdc(Live):
    name = "flink_cdc"
    title = f"Flink CDC 3.2.0 (Flink 1.19.3), JSON counted{START}"
    options = OPENED


class Maxwell(Live):
    name = "maxwell"
    title = f"Maxwell 1.22.6, JSON counted{START}"

    def ready(self, bed: Bed) -> None:
        # Where it has been before, it goes on instead of beginning.
        bed.server.query("SET SESSION sql_log_bin=0; DROP DATABASE IF EXISTS maxwell;"
                         f"GRANT ALL ON maxwell.* TO '{bed.account['username']}'@'%';")
