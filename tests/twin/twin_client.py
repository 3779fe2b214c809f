# SPDX-License-Identifier: Apache-2.0
"""What the twin's own tests share: a raw HTTP client that sees every byte, and SQL in a line.

http.client swallows `100 Continue`, which is one of the things under test, so requests are written
and read on a socket here.
"""

from __future__ import annotations

import base64
import json
import socket
import urllib.parse
from dataclasses import dataclass
from typing import Optional

from sql import Session
from sql_result import Ok
from twin import Twin
from warehouse import Options

AUTH = {"Authorization": "Basic " + base64.b64encode(b"root:").decode()}
JSON_LINES = {"format": "json", "read_json_by_line": "true", "strict_mode": "true"}


@dataclass
class Answer:
    """A reply; `continued` tells whether `100 Continue` came first."""

    status: int
    headers: dict[str, str]
    body: bytes
    continued: bool = False

    @property
    def json(self) -> dict:
        return json.loads(self.body)


class Wire:
    """One connection to one of the twin's HTTP ports."""

    def __init__(self, port: int) -> None:
        self.sock = socket.create_connection(("127.0.0.1", port), timeout=20)
        self.file = self.sock.makefile("rb")

    def head(self, method: str, path: str, headers: dict[str, str]) -> None:
        lines = [f"{method} {path} HTTP/1.1", "Host: twin"]
        lines += [f"{name}: {value}" for name, value in headers.items()]
        self.sock.sendall(("\r\n".join(lines) + "\r\n\r\n").encode())

    def answer(self) -> Answer:
        """The next reply; raises ConnectionError when the connection ends before it is whole."""
        line = self.file.readline()
        if not line:
            raise ConnectionError("no answer")
        status = int(line.split()[1])
        headers = {}
        while (line := self.file.readline().strip()):
            name, _, value = line.decode().partition(":")
            headers[name.lower()] = value.strip()
        size = int(headers.get("content-length", 0))
        body = self.file.read(size)
        if len(body) < size:
            raise ConnectionError("truncated answer")
        return Answer(status, headers, body)

    def close(self) -> None:
        self.file.close()
        self.sock.close()


def call(port: int, method: str, path: str, headers: Optional[dict[str, str]] = None,
         body: Optional[bytes] = None, auth: bool = True, expect: bool = True) -> Answer:
    """One request. With `expect` the body goes out only after `100 Continue`."""
    wire = Wire(port)
    try:
        told = dict(AUTH if auth else {})
        told |= headers or {}
        if body is not None and "Transfer-Encoding" not in told:
            told.setdefault("Content-Length", str(len(body)))
        if expect and body is not None:
            told.setdefault("Expect", "100-continue")
        wire.head(method, path, told)
        if body is None:
            return wire.answer()
        if not expect:
            wire.sock.sendall(body)
            return wire.answer()
        first = wire.answer()
        if first.status != 100:
            return first
        wire.sock.sendall(body)
        final = wire.answer()
        final.continued = True
        return final
    finally:
        wire.close()


class Bench:
    """A twin under test."""

    def __init__(self, kind: str, **options) -> None:
        self.twin = Twin(Options(kind=kind, **options)).start()
        self.house = self.twin.house
        self.kind = kind
        self.session = Session(self.house, 1)
        self.sql("CREATE DATABASE shop")
        self.session.use("shop")

    @property
    def fe(self) -> int:
        return self.twin.frontend.port

    @property
    def be(self) -> int:
        return self.twin.backend.port

    def sql(self, text: str):
        """Rows of the last statement, or the count of affected rows."""
        result = None
        for statement in self.session.split(text):
            result = self.session.execute(statement)
        return result.affected if isinstance(result, Ok) else result.rows

    def table(self, name: str, columns: str, keys: str = "id", model: str = "") -> None:
        """A table with the product's own key model; `keys` empty makes it a duplicate table."""
        model = model or ("UNIQUE" if self.kind == "doris" else "PRIMARY")
        clause = f"{model} KEY({keys})" if keys else ""
        first = keys.split(",")[0] if keys else columns.split()[0]
        self.sql(f"CREATE TABLE {name} ({columns}) {clause} DISTRIBUTED BY HASH({first}) BUCKETS 1 "
                 'PROPERTIES ("replication_num" = "1")')

    def load(self, table: str, body: bytes, label: str = "", port: Optional[int] = None,
             **headers: str) -> Answer:
        """A load straight to the backend; header names with `_` as they are."""
        told = dict(JSON_LINES) | headers
        if label:
            told["label"] = label
        return call(port or self.be, "PUT", f"/api/shop/{table}/_stream_load",
                    {name: value for name, value in told.items() if value is not None}, body)

    def rows(self, table: str) -> list[tuple]:
        return self.sql(f"SELECT * FROM {table} ORDER BY 1")

    def fault(self, name: str, **more) -> None:
        answer = call(self.fe, "POST", "/twin/fault",
                      body=json.dumps({"fault": name, **more}).encode(), expect=False)
        assert answer.status == 200, answer.body

    def state(self) -> dict:
        return call(self.fe, "GET", "/twin/state").json

    def label_state(self, label: str) -> str:
        answer = call(self.fe, "GET", "/api/shop/get_load_state?label="
                      + urllib.parse.quote(label)).json
        return answer["data"] if self.kind == "doris" else answer["state"]

    def error_log(self, answer: Answer) -> str:
        url = urllib.parse.urlsplit(answer.json["ErrorURL"])
        return call(url.port, "GET", f"{url.path}?{url.query}").body.decode()

    def two_phase(self, operation: str, port: Optional[int] = None, **headers: str) -> dict:
        return call(port or self.be, "PUT", "/api/shop/_stream_load_2pc",
                    {"txn_operation": operation, "Content-Length": "0", **headers}).json

    def transaction(self, operation: str, label: str, body: Optional[bytes] = None,
                    table: str = "t", **headers: str) -> dict:
        """One step of StarRocks' transaction interface, redirects followed."""
        told = {"db": "shop", "table": table, "label": label, **headers}
        if body is not None:
            told |= {"format": "json", "strict_mode": "true", **headers}
        path = f"/api/transaction/{operation}"
        method = "PUT" if body is not None else "POST"
        answer = call(self.fe, method, path, told, body)
        if answer.status == 307:
            target = urllib.parse.urlsplit(answer.headers["location"])
            answer = call(target.port, method, target.path, told, body)
        return answer.json

    def stop(self) -> None:
        self.twin.stop()
