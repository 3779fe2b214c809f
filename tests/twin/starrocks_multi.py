# SPDX-License-Identifier: Apache-2.0
"""Transactions over several tables of one StarRocks database: facts/starrocks.md 2.4 and 2.6.

The frontend begins, commits and rolls back by itself and sends loads on to a backend. Loads say only that bytes
came; rejected rows show at the commit. There is no prepare.
"""

from __future__ import annotations

from typing import Optional

from http_server import ClientGone, DropConnection, Request, Response, json_response
from multi_tasks import ABORTING, BEGIN, CANCELLED, COMMITED, COMMITING, Task
from starrocks_load import LoadFailed, read_timeout
from starrocks_transaction import TransactionInterface
from transactions import COMMITTED, Transaction
from warehouse import CommitRefused, Warehouse

ONLY_FRONTENDS = "Multi-statement transaction requests can only be sent to FE nodes, not BE nodes"


def is_multi(headers: dict[str, str]) -> bool:
    return headers.get("transaction_type", "").lower() == "multi" or headers.get("source_type") == "12"


class MultiTransactions:
    """The operations on both roles; an answer of None is a redirect to a backend."""

    def __init__(self, house: Warehouse, interface: TransactionInterface) -> None:
        self.house = house
        self.interface = interface

    # --- frontend ---

    def frontend(self, request: Request, operation: str) -> Optional[Response]:
        """Raises LoadFailed with the words of a refusal."""
        headers = request.headers
        if self.house.version < (4, 0) or operation == "prepare":
            raise LoadFailed("FAILED", f"Unsupported operation: {operation}")
        with self.house.lock:
            self._expire()
            task = self.house.tasks.get(headers["label"])
        if operation == "begin":
            return self._begin(headers, task)
        if task is None or task.txn.database != headers["db"]:
            raise LoadFailed("FAILED", f"stream load task {headers['label']} does not exist")
        if operation == "load":
            return self._load_way(headers, task)
        return self._commit(task) if operation == "commit" else self._rollback(task)

    def _expire(self) -> None:
        for task in self.house.tasks.expired(self.house.transactions.now()):
            self._cancel(task, "timeout by txn manager")

    def _cancel(self, task: Task, reason: str) -> None:
        self.house.tasks.cancel(task, reason)
        if task.admitted:
            self.house.abort(task.txn, reason)

    def _begin(self, headers: dict[str, str], task: Optional[Task]) -> Response:
        if task is not None:
            used = task.state == COMMITED
            text = f"Label [{task.label}] has already been used." if used else \
                f"Transaction already started with label [{task.label}], txnId: {task.txn.txn_id}"
            body = {"Status": "LABEL_ALREADY_EXISTS", "ExistingJobStatus": task.state, "Message": text}
            return json_response(body if used else body | {"TxnId": task.txn.txn_id}, indent=2)
        timeout = read_timeout(headers, "timeout", 20)
        with self.house.lock:
            txn = self.house.transactions.reserve(headers["db"], headers["label"], timeout, "frontend")
            self.house.tasks.add(Task(headers["label"], txn))
        self._lose_answer(headers["db"])
        return json_response({"Status": "OK", "Message": ""}, indent=2)

    def _lose_answer(self, database: str) -> None:
        if self.house.fault("lose_answer", "", database):
            raise DropConnection

    def _load_way(self, headers: dict[str, str], task: Task) -> None:
        table = headers.get("table", "")
        if not table:
            raise LoadFailed("FAILED", "No table selected.")
        if task.state in (COMMITING, COMMITED):
            raise LoadFailed("FAILED", f"stream load task {task.label} has already been commited")
        if task.state != BEGIN:
            raise LoadFailed("FAILED", f"stream load task {task.label} is {task.state}")
        with self.house.lock:
            if table not in task.parts:
                task.parts[table] = Transaction(task.txn.txn_id, task.txn.database, task.label, table,
                                                task.txn.timeout, task.txn.coordinator)

    def _commit(self, task: Task) -> Response:
        if task.state == COMMITED:
            return self._done(task, f"Transaction {task.txn.txn_id} has already committed, label is {task.label}")
        refusals = {CANCELLED: f"Can not commit CANCELLED {task.name}",
                    ABORTING: f"Transaction {task.txn.txn_id} is aborting (reason: {task.reason}), "
                              f"label is {task.label}",
                    COMMITING: f"Transaction {task.txn.txn_id} is already committing, label is {task.label}"}
        if task.state in refusals:
            raise LoadFailed("FAILED", refusals[task.state])
        if self.house.fault("lose_commit", "", task.txn.database):
            raise DropConnection
        task.state = COMMITING
        try:
            self._apply(task)
        except LoadFailed as failed:
            lies = self.house.fault("commit_lies", "", task.txn.database)
            self._cancel(task, failed.text)
            if not lies:
                raise
        if self.house.fault("lose_commit_answer", "", task.txn.database):
            raise DropConnection
        return self._done(task, "")

    def _apply(self, task: Task) -> None:
        """All tables or none, in one step."""
        refused = self.house.faults_before_finish(task.txn)
        if refused is not None:
            raise LoadFailed("FAILED", refused)
        for part in task.parts.values():
            if part.totals["loads"]:
                self.interface.finish_data(part)
        parts = [part for part in task.parts.values() if part.totals["loads"]]
        publish = self.house.fault("publish_timeout", "", task.txn.database)
        with self.house.lock:
            if task.state != COMMITING:
                raise LoadFailed("FAILED", f"Can not commit CANCELLED {task.name}")
            if parts:  # of one without data the transaction manager never hears
                self._admit(task)
                task.txn.staged = [staged for part in parts for staged in part.staged]
                try:
                    self.house.commit(task.txn, (publish.ms or 1000) / 1000 if publish else 0.0)
                except CommitRefused as late:
                    raise LoadFailed("FAILED", f"transaction {task.txn.txn_id} not found") from late
            task.state = COMMITED
        for part in parts:
            self.house.counters.load(part.totals["bytes"], part.totals["rows"] - len(part.errors))

    def _admit(self, task: Task) -> None:
        """The label becomes known to the transaction manager, whatever else has it."""
        if not task.admitted:
            self.house.transactions.admit(task.txn)
            task.admitted = True

    @staticmethod
    def _done(task: Task, text: str) -> Response:
        return json_response({"Label": task.label, "Status": "OK", "TxnId": task.txn.txn_id, "ChannelId": 0,
                              "Message": text, "Prepared Channel Num": 1}, indent=2)

    def _rollback(self, task: Task) -> Response:
        with self.house.lock:
            if task.state == COMMITING:
                raise LoadFailed("FAILED", f"Can not abort transaction {task.txn.txn_id} during committing, "
                                 f"label is {task.label}")
            if task.state == COMMITED:
                state = "COMMITTED" if task.txn.state == COMMITTED else "VISIBLE"
                raise LoadFailed("FAILED", f"Can not abort {state} {task.name}")
            self._cancel(task, "User Abort")
        self._lose_answer(task.txn.database)
        return json_response({"Label": task.label, "Status": "OK", "TxnId": task.txn.txn_id,
                              "Message": f"stream load {task.label} abort"}, indent=2)

    # --- backend ---

    def load(self, request: Request) -> dict:
        """A load that a frontend has sent here; any load that fails is the end of the whole."""
        label, table = request.headers.get("label", ""), request.headers.get("table", "")
        with self.house.lock:
            task = self.house.tasks.get(label)
            part = task.parts.get(table) if task is not None and task.state == BEGIN else None
            if part is None:
                raise LoadFailed("INVALID_ARGUMENT", ONLY_FRONTENDS)
            if part.busy:
                raise LoadFailed("TXN_IN_PROCESSING", "Transaction in processing, please retry later")
            part.busy = True
            if self.house.version >= (4, 1):  # 2.4: since the first load in newer ones
                self._admit(task)
        try:
            size = self.interface.take(request, part)
        except LoadFailed as failed:
            with self.house.lock:
                self._cancel(task, failed.text)
            raise
        except (ClientGone, DropConnection):
            with self.house.lock:
                self._cancel(task, "sender is gone")
            raise
        finally:
            part.busy = False
        if self.house.fault("lose_answer", table, task.txn.database):
            raise DropConnection
        return {"Status": "OK", "Message": "", "Label": label, "TxnId": task.txn.txn_id, "LoadBytes": size,
                "StreamLoadPlanTimeMs": 0, "ReceivedDataTimeMs": 0}
