# SPDX-License-Identifier: Apache-2.0
"""What the HTTP side and the MySQL side share: one catalog, one transaction manager, one lock.

The lock is held for catalog and transaction steps and for applying rows, never while a body is
read or parsed, so that loads overlap up to their commit as they do in the real servers.
"""

from __future__ import annotations

import base64
import binascii
import itertools
import json
import random
import socket
import threading
import time
from dataclasses import dataclass, field, replace
from typing import Optional

from alters import Alters
from faults import FAULTS, IMMEDIATE, Armed, Counters, Faults
from http_server import ClientGone, DropConnection, HttpServer, Request, Response, json_response
from load_rows import LoadFormat, count_rows, read_body
from mapping import Mapping
from multi_tasks import Tasks
from row_checks import Outcome, RowRules, check_rows
from tables import Catalog, Table
from transactions import (DORIS_LABELS, PREPARE, PREPARED, STARROCKS_LABELS, Transaction,
                          Transactions)


@dataclass
class Options:
    """What the command line says."""

    kind: str = "doris"
    version: str = ""
    host: str = "127.0.0.1"
    http_port: int = 0
    backend_port: int = 0
    query_port: int = 0
    data: str = ":memory:"
    discard: bool = False
    user: str = "root"
    password: str = ""
    seed: int = 1
    label_keep_count: Optional[int] = None
    label_keep_seconds: Optional[float] = None
    max_running: Optional[int] = None
    prepared_timeout: Optional[float] = None
    alter_ms: int = 100  # how long a heavy schema change takes at least
    cloud: bool = False  # Doris with storage apart
    variable: dict[str, str] = field(default_factory=dict)  # what SHOW VARIABLES says


DEFAULT_VERSIONS = {"doris": "2.1.8", "starrocks": "3.3.5"}


class CommitRefused(Exception):
    """The transaction is no longer open: a restart or a timeout came first."""


class Warehouse:
    """One twin."""

    def __init__(self, options: Options) -> None:
        self.options = options
        self.kind = options.kind
        self.version_text = options.version or DEFAULT_VERSIONS[options.kind]
        self.version = tuple(int(part) for part in (self.version_text.split(".") + ["0", "0"])[:3])
        self.lock = threading.RLock()
        self.faults = Faults()
        self.counters = Counters()
        self.catalog = Catalog(options.data, options.kind)
        rules = replace(DORIS_LABELS if options.kind == "doris" else STARROCKS_LABELS)
        if options.kind == "doris" and self.version >= (3, 1):
            rules.max_running = 10000  # facts/doris.md 2.4
        if options.label_keep_count is not None:
            rules.keep_count = options.label_keep_count
        if options.label_keep_seconds is not None:
            rules.keep_seconds = options.label_keep_seconds
        if options.max_running is not None:
            rules.max_running = options.max_running
        self.transactions = Transactions(rules, self.catalog.save_transaction,
                                         self.catalog.forget_transaction)
        self.transactions.restore(self.catalog.saved_transactions())
        self.tasks = Tasks()
        self.seeds = itertools.count(options.seed)
        self.log_ids = itertools.count(1)
        self.error_logs: dict[str, str] = {}
        self.frontend: Optional[HttpServer] = None
        self.backend: Optional[HttpServer] = None
        self.alters = Alters(self)
        self.mysql = None  # set by the front door; has drop_all()
        self.query_port = 0
        self.started = time.time()
        # Bound and never listening: connecting to it is refused (fault redirect_dead).
        self.dead = socket.socket()
        self.dead.bind((options.host, 0))

    @property
    def backend_address(self) -> str:
        return f"{self.options.host}:{self.backend.port}"

    def credentials(self, request: Request) -> Optional[tuple[str, str]]:
        """User and password of Basic auth; None when there are none that can be read."""
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() != "basic":
            return None
        try:
            user, colon, password = base64.b64decode(token.strip(), validate=True).decode() \
                .partition(":")
        except (binascii.Error, UnicodeDecodeError):
            return None
        return (user, password) if colon else None

    def password_right(self, given: tuple[str, str]) -> bool:
        # `user@cluster` is the same user (facts/doris.md 1.3).
        return (given[0].partition("@")[0], given[1]) == (self.options.user, self.options.password)

    # --- loads ---

    def take_body(self, request: Request, table: Table, form: LoadFormat, mapping: Mapping,
                  strict: bool) -> tuple[int, Outcome]:
        """Reads the body and turns it into staged rows: (bytes, outcome).

        May raise ClientGone, DropConnection (a fault) or load_rows.WholeBodyBad."""
        if self.faults.take("lose_request", table.database, table.name):
            request.read_body((request.content_length or 0) // 2)
            raise DropConnection
        self.counters.request("json body" if form.json else "csv body")
        if self.options.discard and form.compression:
            body = request.read_body()
            return len(body), Outcome(total=count_rows(body, form))
        if self.options.discard:
            size, rows = request.count_body(form.delimiter.encode("utf-8", "surrogateescape"))
            return size, Outcome(total=rows)
        body = request.read_body()
        return len(body), self.check_body(body, table, form, mapping, strict)

    def check_body(self, body: bytes, table: Table, form: LoadFormat, mapping: Mapping,
                   strict: bool) -> Outcome:
        records = read_body(body, form, mapping, self.kind)
        with self.lock:
            dice = random.Random(next(self.seeds))
        fault = self.faults.take("row_error", table.database, table.name)
        return check_rows(records, mapping, table, RowRules(self.kind, strict, not form.json, dice,
                                                            fault.value if fault else None))

    def commit(self, txn: Transaction, publish_after: float = 0.0) -> None:
        """Applies what is staged and journals the outcome, in one step."""
        with self.lock:
            if txn.state not in (PREPARE, PREPARED):
                raise CommitRefused(txn.state)
            with self.catalog.atomically():
                self.catalog.apply(txn.staged)
                self.transactions.committed(txn, publish_after)
            self.counters.committed(txn.database, txn.label)

    def abort(self, txn: Transaction, reason: str) -> None:
        with self.lock:
            self.transactions.abort(txn, reason)

    def abandon(self, txn: Transaction) -> None:
        """The client left, or its connection was cut: what was not settled is rolled back
        (facts/doris.md 1.3); what was, stays."""
        with self.lock:
            txn.busy = False
            if txn.state == PREPARE:
                self.transactions.abort(txn, "sender is gone")

    def fault(self, name: str, table: str = "", database: str = "") -> Optional[Armed]:
        return self.faults.take(name, database, table)

    def faults_before_finish(self, txn: Transaction) -> Optional[str]:
        """What may come between a commit of a prepared transaction and its effect: the words of a
        refusal, or None. May raise DropConnection."""
        where = (txn.table, txn.database)
        if slow := self.fault("slow_commit", *where):
            time.sleep(slow.ms / 1000)
        if self.fault("lose_commit", *where):
            raise DropConnection
        if self.fault("commit_lock_timeout", *where):
            return ("get tableList write lock timeout, tableList=(" + txn.table + ")"
                    if self.kind == "doris" else "get database write lock timeout")
        return None

    def keep_errors(self, errors: list[tuple[str, str]]) -> str:
        """Stores the error log of a load and gives its URL (facts/doris.md 1.7, starrocks 1.10)."""
        number = next(self.log_ids)
        if self.kind == "doris":
            name = f"__shard_{number % 16}/error_log_insert_stmt_{number:016x}-{number:016x}"
            text = "".join(f"Reason: {why}. src line [{line}]; \n" for why, line in errors[:1000])
        else:  # at most 50 lines, facts/starrocks.md 1.10
            name = f"error_log_{number:016x}_{number:016x}"
            text = "".join(f"Error: {why}. Row: {line}\n" for why, line in errors[:50])
        self.error_logs[name] = text
        return f"http://{self.backend_address}/api/_load_error_log?file={name}"

    def error_log(self, request: Request) -> Response:
        text = self.error_logs.get(request.query.get("file", ""))
        if text is None:
            return Response(404, b"file not exist\n", [("Content-Type", "text/plain")])
        return Response(200, text.encode("utf-8", "replace"), [("Content-Type", "text/plain")])

    # --- the twin's own endpoints ---

    def control(self, request: Request) -> Optional[Response]:
        """`/twin/...` on the frontend port; None when the request is not for it."""
        if request.path == "/twin/state" and request.method == "GET":
            state = self.counters.describe()
            state["faults"] = dict(self.faults.hit)
            state["armed"] = self.faults.describe()
            return json_response(state)
        if request.path != "/twin/fault" or request.method != "POST":
            return None
        return self._set_fault(request)

    def _set_fault(self, request: Request) -> Response:
        try:
            told = json.loads(bytes(request.read_body()))
            name = told["fault"]
            count = int(told.get("count", 1))
            if name not in FAULTS:
                raise ValueError(f"no such fault; there are {', '.join(sorted(FAULTS))}")
            if name not in IMMEDIATE:
                self.faults.arm(name, count, told.get("table"), int(told.get("ms", 0)),
                                bool(told.get("committed", True)), str(told.get("value", "")))
        except ClientGone:
            raise
        except (ValueError, KeyError, TypeError) as bad:
            return json_response({"error": str(bad)}, status=400)
        if name == "label_forgotten":
            with self.lock:
                self.transactions.forget_finished()
                self.tasks.forget_finished()
            self.faults.note(name)
        elif name in ("prepared_expired", "schema_change_abort"):
            with self.lock:
                self.transactions.abort_prepared("timeout by txn manager"
                                                 if name == "prepared_expired"
                                                 else "Cancel by schema change")
            self.faults.note(name)
        elif name == "follower_lags":
            with self.lock:
                self.catalog.lag()
        elif name == "restart":
            self.restart(request)
        return json_response({"fault": name, "source": FAULTS[name]})

    def restart(self, request: Request) -> None:
        """Every connection but the teller's is cut, and PREPARE transactions are gone."""
        with self.lock:
            self.transactions.restart()
            self.tasks.restart()
        self.frontend.drop_all(but=request.connection)
        self.backend.drop_all()
        if self.mysql is not None:
            self.mysql.drop_all()
        self.faults.note("restart")
