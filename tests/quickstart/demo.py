#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The quickstart: a shop in a private MariaDB, a warehouse (the twin), and Millrace between them.

Everything lives in one temporary folder and on loopback ports chosen free; nothing on the machine is
touched, and all of it ends with this program.
"""

from __future__ import annotations

import argparse
import os
import pathlib
import shutil
import signal
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "tests" / "support"), str(ROOT / "tests" / "integration")]

import compare  # noqa: E402
import servers  # noqa: E402
from engine import Ended, Engine  # noqa: E402
from shop import SCHEMA, TABLES, Shop  # noqa: E402
from twins import Twin  # noqa: E402
from workload import Session  # noqa: E402

SOURCE = {"type": "mysql", "hostname": "127.0.0.1", "username": "millrace", "password": "quickstart",
          "tables": "shop.\\.*", "scan.startup.mode": "initial"}


class Screen:
    """A live line on a terminal, plain lines elsewhere."""

    def __init__(self) -> None:
        self._live = sys.stdout.isatty()
        self._last = 0.0

    def say(self, text: str) -> None:
        print(("\r\x1b[K" if self._live else "") + text, flush=True)

    def progress(self, text: str) -> None:
        if self._live:
            print("\r\x1b[K" + text[:shutil.get_terminal_size().columns - 1], end="", flush=True)
        elif time.monotonic() - self._last > 2:
            self._last = time.monotonic()
            print(text, flush=True)


class Demo:
    """The play, act by act."""

    def __init__(self, options: argparse.Namespace, folder: pathlib.Path) -> None:
        self.options = options
        self.folder = folder
        self.screen = Screen()
        self.mariadb = servers.MariaDB(folder / "mariadb")
        self.twin: Twin | None = None
        self.engine = Engine(folder, options.millrace)
        self.workload: Session | None = None

    def source(self) -> compare.Client:
        return compare.Client(self.mariadb.client_arguments())

    def open_up(self) -> None:
        self.screen.say("Starting a private MariaDB and the warehouse's stand-in ...")
        self.mariadb.start()
        self.mariadb.query("CREATE USER millrace@'%' IDENTIFIED BY 'quickstart';"
                           "GRANT REPLICATION SLAVE, BINLOG MONITOR, SELECT ON *.* TO millrace@'%';")
        shop = Shop(self.options.seed)
        # The shop has been open for a while: these rows are there before the engine is.
        self.mariadb.query(SCHEMA + "USE shop;\n" + "\n".join(shop.opening()))
        self.twin = Twin(self.options.sink, self.folder, self.folder / "warehouse")
        self.engine.write(SOURCE | {"port": self.mariadb.port}, self.twin.sink("500ms"),
                          {"name": "shop", "progress.interval": "2s"})
        self.screen.say(f"Pipeline file   {self.engine.file}")
        self.screen.say(f"Engine's log    {self.engine.log_file}")
        self.screen.say(f"Source          mariadb {' '.join(self.mariadb.client_arguments())} shop")
        self.screen.say(f"Warehouse       mariadb -h127.0.0.1 -P{self.twin.query} -uroot shop")
        self.engine.start()
        self.workload = Session(self.mariadb.client_arguments(), "shop", shop.transaction,
                                self.options.rate)
        self.workload.start()

    def watch(self, seconds: float) -> None:
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            self.engine.must_run()
            self.show()
            time.sleep(0.25)

    def show(self) -> None:
        state = self.twin.state()
        self.screen.progress(f"{self.workload.transactions} transactions in the shop | "
                             f"{state['rows']} rows in {state['loads']} loads at the warehouse")

    def crash(self) -> None:
        self.screen.say("Killing the engine (kill -9) in the middle of its work; the shop stays open ...")
        self.engine.kill9()
        time.sleep(1.5)
        self.screen.say("Starting it again: it resumes from its checkpoint.")
        self.engine.start()

    def differences(self) -> list[compare.Difference]:
        found = []
        for table in TABLES:
            found += compare.compare_table(self.source(), self.twin.client(), "shop", table)
        return found

    def prove(self, deadline_s: float = 60) -> bool:
        """Compares until both sides are equal; the engine may still be carrying the last changes."""
        end = time.monotonic() + deadline_s
        while True:
            self.engine.must_run()
            try:
                found = self.differences()
            except RuntimeError as problem:  # a target table that is not there yet
                found = [compare.Difference("shop", str(problem))]
            if not found or time.monotonic() > end:
                break
            time.sleep(0.3)
        for difference in found:
            self.screen.say(f"DIFFERENT  {difference.table}: {difference.text}")
        if found:
            return False
        for table in TABLES:
            count = self.source().rows(f"SELECT COUNT(*) FROM shop.{table}")[0][0]
            self.screen.say(f"equal      shop.{table}: {count} rows, every value of every column")
        repeated = self.twin.twice()
        self.screen.say(f"equal      every load went in once ({len(repeated)} labels used twice)")
        return not repeated

    def close(self) -> None:
        self.engine.close()
        if self.twin is not None:
            self.twin.stop()
        self.mariadb.stop()


def play(demo: Demo, once: bool) -> int:
    demo.open_up()
    demo.watch(6)
    demo.crash()
    demo.watch(6)
    if not once:
        demo.screen.say("The shop stays open. Look into both sides; Ctrl-C closes it and compares them.")
        try:
            while True:
                demo.watch(3600)
        except KeyboardInterrupt:
            pass
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    demo.workload.close()
    demo.screen.say("The shop is closed. Comparing both sides, value by value ...")
    equal = demo.prove()
    code = demo.engine.stop()
    demo.screen.say(f"The engine was told to stop and ended with exit code {code}.")
    return 0 if equal and code == 0 else 1


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--once", action="store_true", help="end by itself, with exit code 0 when both sides are equal")
    parser.add_argument("--sink", choices=["doris", "starrocks"], default="doris")
    parser.add_argument("--rate", type=float, default=100, help="transactions a second")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--millrace", default=str(ROOT / "build" / "release" / "millrace"))
    parser.add_argument("--keep", action="store_true", help="keep the folder with logs, data and checkpoint")
    options = parser.parse_args()
    folder = pathlib.Path(tempfile.mkdtemp(prefix="millrace-quickstart-"))
    os.chmod(folder, 0o755)  # the server may run as another user
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    demo = Demo(options, folder)
    try:
        return play(demo, options.once)
    except Ended as problem:
        demo.screen.say(str(problem))
        return 1
    finally:
        demo.close()
        if not options.keep:
            shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main())
