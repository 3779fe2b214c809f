# SPDX-License-Identifier: Apache-2.0
"""The transaction interface of StarRocks on the backend: begin, load, prepare, commit, rollback.

facts/starrocks.md 2.1-2.3; one table a label. The form of 4.0 for several is starrocks_multi.py's.
"""

from __future__ import annotations

import random
import time
from typing import Callable, Optional

from http_server import ClientGone, DropConnection, Request, Response
from load_rows import WholeBodyBad
from starrocks_load import (LoadFailed, begin, existing_status, faults_of_writing, find_table,
                            json_answer, load_format, load_plan, read_timeout)
from transactions import PREPARE, LabelUsed, Transaction
from warehouse import CommitRefused, Warehouse

SHAPE = ("format", "columns", "column_separator", "row_delimiter", "strip_outer_array",
         "strict_mode", "max_filter_ratio", "compression")
NOT_PARSED = ("skip_header", "enclose", "escape", "trim_space", "log_rejected_record_num")


class TransactionInterface:
    """The five operations on one backend."""

    def __init__(self, house: Warehouse) -> None:
        self.house = house

    def handle(self, request: Request, operation: str,
               load: Optional[Callable[[Request], dict]] = None) -> Response:
        """`load`: in the place of our own."""
        operations: dict[str, Callable[[Request], dict]] = {
            "begin": self._begin, "load": self._load, "prepare": self._prepare,
            "commit": self._commit, "rollback": self._rollback}
        if load is not None:
            operations["load"] = load
        label = request.headers.get("label", "")
        try:
            given = self.house.credentials(request)
            if given is None:
                raise LoadFailed("INTERNAL_ERROR", "no valid Basic authorization")
            if not self.house.password_right(given):
                raise LoadFailed("INTERNAL_ERROR",
                                 f"Access denied for {given[0]}@{request.client_host}")
            if operation not in operations:
                raise LoadFailed("INVALID_ARGUMENT", f"Unknown transaction operation: {operation}")
            if not label or not request.headers.get("db"):
                raise LoadFailed("INVALID_ARGUMENT", "Must specify both 'db' and 'label'")
            body = operations[operation](request)
        except LabelUsed as used:
            body = {"Status": "LABEL_ALREADY_EXISTS",
                    "ExistingJobStatus": existing_status(used.txn),
                    "Message": f"Label [{label}] has already been used.", "Label": label}
        except LoadFailed as failed:
            body = {"Status": failed.code, "Message": failed.text, "Label": label}
        cut = self.house.fault("truncated_answer", request.headers.get("table", ""),
                               request.headers.get("db", ""))
        return json_answer(body, cut is not None)

    def _open(self, request: Request) -> Transaction:
        """The open transaction of a request, marked busy; the caller ends that."""
        headers = request.headers
        with self.house.lock:
            txn = self.house.transactions.newest(headers["db"], headers["label"])
            if txn is None or txn.state != PREPARE:
                raise LoadFailed("TXN_NOT_EXISTS", f"transaction with label {headers['label']} not "
                                 "exists")
            if txn.busy:
                raise LoadFailed("TXN_IN_PROCESSING",
                                 "Transaction in processing, please retry later")
            if headers.get("table", txn.table) != txn.table:
                raise LoadFailed("INVALID_ARGUMENT", f"Request table {headers['table']} not equal "
                                 f"transaction table {txn.table}")
            txn.busy = True
            txn.last_active = self.house.transactions.now()
        return txn

    def _begin(self, request: Request) -> dict:
        headers = request.headers
        start = time.monotonic()
        timeout = read_timeout(headers, "timeout", 600)  # 2.2
        idle = read_timeout(headers, "idle_transaction_timeout", 0)
        with self.house.lock:
            find_table(self.house, headers["db"], headers.get("table", ""))
            txn = begin(self.house, headers["db"], headers["label"], headers["table"], timeout)
            txn.two_phase = True
            txn.idle_timeout = idle
            txn.prepared_timeout = self.house.options.prepared_timeout or 86400
        return {"Status": "OK", "Message": "", "Label": txn.label, "TxnId": txn.txn_id,
                "BeginTxnTimeMs": round((time.monotonic() - start) * 1000)}

    def _load(self, request: Request) -> dict:
        txn = self._open(request)
        start = time.monotonic()
        try:
            size = self.take(request, txn)
        except LoadFailed as failed:
            self.house.abort(txn, failed.text)  # a failed load rolls back at once
            raise
        except (ClientGone, DropConnection):
            self.house.abandon(txn)
            raise
        finally:
            txn.busy = False
        if self.house.fault("lose_answer", txn.table, txn.database):
            raise DropConnection
        return {"Status": "OK", "Message": "", "Label": txn.label, "TxnId": txn.txn_id,
                "LoadBytes": size, "StreamLoadPlanTimeMs": 0,
                "ReceivedDataTimeMs": round((time.monotonic() - start) * 1000)}

    def take(self, request: Request, txn: Transaction) -> int:
        headers = {name: value for name, value in request.headers.items() if name not in NOT_PARSED}
        shape = tuple(headers.get(name) for name in SHAPE)
        if txn.request_shape not in (None, shape):
            raise LoadFailed("INVALID_ARGUMENT", "load request not equal last.")
        txn.request_shape = shape
        form = load_format(headers, request, self.house.version)
        form.whole_rows = True
        with self.house.lock:
            table = find_table(self.house, txn.database, txn.table)
        mapping, strict, ratio = load_plan(self.house, headers, table, form)
        txn.ratio = ratio
        try:
            size, outcome = self.house.take_body(request, table, form, mapping, strict)
        except WholeBodyBad as bad:
            raise LoadFailed("DATA_QUALITY_ERROR", str(bad)) from bad
        faults_of_writing(self.house, txn.table, txn.database, outcome)
        if outcome.staged is not None:
            txn.staged.append(outcome.staged)
        txn.errors += outcome.errors
        txn.totals.update(rows=outcome.total, bytes=size, loads=1)
        return size

    def finish_data(self, txn: Transaction) -> str:
        """Closes the write channel: here rejected rows come to light. Gives the ErrorURL."""
        if not txn.totals["loads"]:
            raise LoadFailed("INTERNAL_ERROR",
                             f"transaction {txn.txn_id} hasn't send any data yet")
        url = self.house.keep_errors(txn.errors) if txn.errors else ""
        if len(txn.errors) > txn.totals["rows"] * txn.ratio:
            raise LoadFailed("DATA_QUALITY_ERROR", f"too many filtered rows. ErrorURL: {url}")
        if txn.totals["rows"] == len(txn.errors):
            raise LoadFailed("INTERNAL_ERROR", "all partitions have no load data")
        if len(txn.staged) > 1:
            # The loads of a transaction are one: a client must not rely on their order either.
            with self.house.lock:
                random.Random(next(self.house.seeds)).shuffle(txn.staged)
        return url

    def _settled(self, txn: Transaction, url: str) -> dict:
        total, bad = txn.totals["rows"], len(txn.errors)
        body = {"Status": "OK", "Message": "", "Label": txn.label, "TxnId": txn.txn_id,
                "NumberTotalRows": total, "NumberLoadedRows": total - bad,
                "NumberFilteredRows": bad, "NumberUnselectedRows": 0,
                "LoadBytes": txn.totals["bytes"], "LoadTimeMs": 0, "StreamLoadPlanTimeMs": 0,
                "ReceivedDataTimeMs": 0, "WriteDataTimeMs": 0, "CommitAndPublishTimeMs": 0}
        if url:
            body["ErrorURL"] = url
        return body

    def _prepare(self, request: Request) -> dict:
        wanted = read_timeout(request.headers, "prepared_timeout", 0)
        txn = self._open(request)
        try:
            url = self.finish_data(txn)
            with self.house.lock:
                if wanted and self.house.version >= (3, 5):  # 2.2: 3.5.4, older ones pass over it
                    txn.prepared_timeout = wanted
                if txn.state != PREPARE:
                    raise LoadFailed("TXN_NOT_EXISTS", f"transaction {txn.txn_id} not exists")
                self.house.transactions.prepared(txn)
        except LoadFailed as failed:
            self.house.abort(txn, failed.text)
            raise
        finally:
            txn.busy = False
        self.house.counters.load(txn.totals["bytes"], txn.totals["rows"] - len(txn.errors))
        if self.house.fault("lose_answer", txn.table, txn.database):
            raise DropConnection
        return self._settled(txn, url)

    def _commit(self, request: Request) -> dict:
        """Commit of a transaction that was not prepared."""
        txn = self._open(request)
        publish = self.house.fault("publish_timeout", txn.table, txn.database)
        try:
            url = self.finish_data(txn)
            self.house.commit(txn, (publish.ms or 1000) / 1000 if publish else 0.0)
        except CommitRefused as late:
            raise LoadFailed("TXN_NOT_EXISTS", f"transaction {txn.txn_id} not exists") from late
        except LoadFailed as failed:
            self.house.abort(txn, failed.text)
            raise
        finally:
            txn.busy = False
        self.house.counters.load(txn.totals["bytes"], txn.totals["rows"] - len(txn.errors))
        if self.house.fault("lose_answer", txn.table, txn.database):
            raise DropConnection
        body = self._settled(txn, url)
        if publish:
            body |= {"Status": "PUBLISH_TIMEOUT", "Message": "Publish timeout. The data will be "
                     "visible after a while"}
        return body

    def _rollback(self, request: Request) -> dict:
        txn: Optional[Transaction] = self._open(request)
        try:
            self.house.abort(txn, "User Abort")
        finally:
            txn.busy = False
        return {"Status": "OK", "Message": "", "Label": txn.label}
