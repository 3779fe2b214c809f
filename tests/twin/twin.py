#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The front door of the stand-in warehouse.

    /usr/bin/python3 tests/twin/twin.py --kind doris --data :memory:

prints one line of JSON with its three ports once it is ready, and serves until it is told to end
(SIGTERM, SIGINT). What it claims is cited from facts/ in the modules beside this one.
"""

from __future__ import annotations

import argparse
import gc
import json
import os
import signal
import threading

from doris_http import DorisHttp
from http_server import HttpServer
from mysql_server import MysqlServer
from starrocks_http import StarRocksHttp
from warehouse import Options, Warehouse


class Twin:
    """A running stand-in; tests use it in their own process as well."""

    def __init__(self, options: Options) -> None:
        self.house = Warehouse(options)
        speaker = (DorisHttp if options.kind == "doris" else StarRocksHttp)(self.house)
        # Jetty 12 resets when a body comes before its 307 was read, facts/doris.md 1.2.
        drain = options.kind != "doris" or self.house.version < (3, 1)
        self.frontend = HttpServer(options.host, options.http_port, speaker.frontend, drain)
        self.backend = HttpServer(options.host, options.backend_port, speaker.backend)
        self.mysql = MysqlServer(self.house, options.host, options.query_port)
        self.house.frontend = self.frontend
        self.house.backend = self.backend
        self.house.mysql = self.mysql
        self.house.query_port = self.mysql.port

    def start(self) -> "Twin":
        for server in (self.frontend, self.backend, self.mysql):
            server.start()
        return self

    def stop(self) -> None:
        for server in (self.frontend, self.backend, self.mysql):
            server.stop()

    def ports(self) -> dict[str, object]:
        return {"kind": self.house.kind, "version": self.house.version_text,
                "http_port": self.frontend.port, "backend_port": self.backend.port,
                "query_port": self.mysql.port, "pid": os.getpid()}


def parse_options(arguments: list[str] | None) -> tuple[Options, str]:
    parser = argparse.ArgumentParser(description="A stand-in for Apache Doris or StarRocks.")
    parser.add_argument("--kind", choices=("doris", "starrocks"), required=True)
    parser.add_argument("--version", default="", help="which version's texts, such as 2.1 or 3.3")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--http-port", type=int, default=0)
    parser.add_argument("--backend-port", type=int, default=0)
    parser.add_argument("--query-port", type=int, default=0)
    parser.add_argument("--data", default=":memory:", help="a directory, or :memory:")
    parser.add_argument("--discard", action="store_true", help="count the bodies, store nothing")
    parser.add_argument("--user", default="root")
    parser.add_argument("--password", default="")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--label-keep-count", type=int)
    parser.add_argument("--label-keep-seconds", type=float)
    parser.add_argument("--max-running", type=int, help="running transactions a database")
    parser.add_argument("--prepared-timeout", type=float, help="seconds from prepare to commit")
    parser.add_argument("--variable", action="append", default=[], metavar="NAME=VALUE",
                        help="what SHOW VARIABLES says; names that are folded are not played")
    parser.add_argument("--cloud", action="store_true", help="Doris with storage apart")
    parser.add_argument("--alter-ms", type=int, default=100, help="how long a heavy ALTER takes")
    parser.add_argument("--ready-file", default="", help="also write the ports to this file")
    given = vars(parser.parse_args(arguments))
    ready = given.pop("ready_file")
    given["variable"] = dict(pair.split("=", 1) for pair in given["variable"])
    return Options(**given), ready


def main(arguments: list[str] | None = None) -> int:
    # A load makes millions of small objects that hold no cycles: let the collector look rarely.
    gc.set_threshold(1000000, 20, 20)
    options, ready = parse_options(arguments)
    ended = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: ended.set())
    twin = Twin(options).start()
    line = json.dumps(twin.ports())
    if ready:
        with open(ready + ".part", "w", encoding="utf-8") as file:
            file.write(line + "\n")
        os.replace(ready + ".part", ready)
    print(line, flush=True)
    ended.wait()
    twin.stop()
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
