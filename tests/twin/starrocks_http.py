# SPDX-License-Identifier: Apache-2.0
"""StarRocks over HTTP: the frontend that redirects and answers for labels, and the backend.

Section numbers are those of facts/starrocks.md.
"""

from __future__ import annotations

import re
from typing import Optional

from http_server import ClientGone, DropConnection, Request, Response, json_response
from starrocks_load import Load, LoadFailed, json_answer
from starrocks_multi import ONLY_FRONTENDS, MultiTransactions, is_multi
from starrocks_transaction import TransactionInterface
from transactions import ABORTED, COMMITTED, PREPARE, PREPARED, UNKNOWN, VISIBLE, Transaction
from warehouse import Warehouse

LOAD_PATH = re.compile(r"/api/([^/]*)/([^/]*)/_stream_load\Z")
TRANSACTION_PATH = re.compile(r"/api/transaction/([a-z_]+)\Z")
CANCEL_PATH = re.compile(r"/api/([^/]+)/([^/]+)/_cancel\Z")
STATE_PATH = re.compile(r"/api/([^/]+)/get_load_state\Z")
OPERATIONS = ("begin", "load", "prepare", "commit", "rollback")


class StarRocksHttp:
    """Both HTTP roles of one StarRocks."""

    def __init__(self, house: Warehouse) -> None:
        self.house = house
        self.interface = TransactionInterface(house)
        self.multi = MultiTransactions(house, self.interface)

    # --- frontend ---

    def frontend(self, request: Request) -> Response:
        answer = self.house.control(request)
        if answer is not None:
            return answer
        if request.path == "/api/health":
            return json_response({"online_backend_num": 1, "total_backend_num": 1, "status": "OK",
                                  "code": "0", "msg": "Success", "message": "OK"})
        load = LOAD_PATH.match(request.path)
        operation = TRANSACTION_PATH.match(request.path)
        state = STATE_PATH.match(request.path)
        cancel = CANCEL_PATH.match(request.path)
        if load and request.method == "PUT":
            response = self._frontend_load(request, load[1], load[2])
        elif operation and request.method in ("POST", "PUT"):
            response = self._frontend_transaction(request, operation[1])
        elif state and request.method == "GET":
            return self._denied(request) or self._load_state(request, state[1])
        elif cancel and request.method == "POST":
            return self._denied(request) or self._cancel(request, cancel[1])
        else:
            return Response(404)
        response.close = True  # 1.2: force-closed after every stream load reply
        return response

    def _denied(self, request: Request) -> Optional[Response]:
        """HTTP 401 in the lower-case family (1.4)."""
        given = self.house.credentials(request)
        if given is not None and self.house.password_right(given) \
                and not self.house.fault("auth_down"):
            return None
        text = "Need auth information." if given is None else \
            f"Access denied for {given[0]}@{request.client_host}"
        response = json_response({"status": "FAILED", "code": "1", "msg": text, "message": text},
                                 status=401)
        response.headers.append(("WWW-Authenticate", 'Basic realm=""'))
        return response

    @staticmethod
    def _failed(text: str, kind: str = "DdlException") -> Response:
        """The capitalised family, pretty printed with 2 blanks (1.2)."""
        return json_response({"Status": "FAILED",
                              "Message": f"class com.starrocks.common.{kind}: {text}"}, indent=2)

    def _refused(self, text: str) -> Response:
        """Transaction errors; the class was renamed in 3.4 (1.4)."""
        return self._failed(text, "StarRocksException" if self.house.version >= (3, 4)
                            else "UserException")

    def _frontend_load(self, request: Request, database: str, table: str) -> Response:
        self.house.counters.request("frontend load")
        if self.house.fault("http_502", table, database):
            return Response(502, b"<html><body>502 Bad Gateway</body></html>")
        if denied := self._denied(request):
            return denied
        if not request.expects_continue and request.version == "HTTP/1.1":
            return self._failed("There is no 100-continue header")
        if not database:
            return self._failed("No database selected.")
        if not table:
            return self._failed("No table selected.")
        return self._redirect(request, self.house.fault("redirect_dead", table, database))

    def _redirect(self, request: Request, dead: object = None) -> Response:
        """307 without user-info, path and query kept (1.3)."""
        address = self.house.backend_address
        if dead:
            address = f"{self.house.options.host}:{self.house.dead.getsockname()[1]}"
        return Response(307, b"", [("Location", f"http://{address}{request.target}")])

    def _load_state(self, request: Request, database: str) -> Response:
        self.house.counters.request("get_load_state")
        label = request.query.get("label", "")
        text = ""
        if not label:
            text = "No label selected."
        with self.house.lock:
            if not text and database not in self.house.catalog.databases:
                text = f"unknown database, database={database}"
            txn = self.house.transactions.newest(database, label)
        if text:
            return json_response({"status": "FAILED", "code": "1", "msg": text, "message": text})
        return json_response({"state": txn.state if txn else UNKNOWN,
                              "reason": txn.reason if txn else "", "status": "OK", "code": "0",
                              "msg": "Success", "message": "OK"})

    def _cancel(self, request: Request, database: str) -> Response:
        """Aborts a PREPARE transaction (1.9)."""
        label = request.query.get("label", "")
        with self.house.lock:
            txn = self.house.transactions.newest(database, label)
            if txn is None or txn.state != PREPARE:
                text = f"running transaction not found, label={label}"
                return json_response({"status": "FAILED", "code": "1", "msg": text,
                                      "message": text})
            self.house.abort(txn, "user cancel")
        return json_response({"status": "OK", "code": "0", "msg": "Success", "message": "OK"})

    def _frontend_transaction(self, request: Request, operation: str) -> Response:
        """Who answers what is the table of 2.6, for a leader."""
        self.house.counters.request(f"frontend {operation}")
        headers = request.headers
        database, label = headers.get("db", ""), headers.get("label", "")
        if denied := self._denied(request):
            return denied
        if operation == "load" and not request.expects_continue:
            return self._failed("There is no 100-continue header")
        if operation not in OPERATIONS:
            return self._refused(f"Unknown transaction operation: {operation}")
        if not database:
            return self._refused("No database selected.")
        if not label:
            return self._refused("Empty label.")
        if database not in self.house.catalog.databases:
            return self._refused(f"Database[{database}] does not exist.")
        if is_multi(headers):
            return self._frontend_multi(request, operation)
        dead = self.house.fault("redirect_dead", headers.get("table", ""), database)
        if operation == "begin":
            return self._redirect(request, dead)
        with self.house.lock:
            txn = self.house.transactions.newest(database, label)
            if txn is None:
                return self._refused(f"No transaction found with db[{database}] and label[{label}]")
            if operation in ("load", "prepare") or txn.state == PREPARE:
                return self._redirect(request, dead)
        late = self.house.faults_before_finish(txn) if operation == "commit" else None
        if late is not None:
            return self._refused(late)
        with self.house.lock:
            return self._frontend_finish(txn, operation)

    def _frontend_multi(self, request: Request, operation: str) -> Response:
        """2.6: answered here, loads sent on."""
        try:
            answer = self.multi.frontend(request, operation)
        except LoadFailed as failed:
            return self._refused(failed.text)
        if answer is not None:
            return answer
        table, database = request.headers.get("table", ""), request.headers["db"]
        return self._redirect(request, self.house.fault("redirect_dead", table, database))

    def _frontend_finish(self, txn: Transaction, operation: str) -> Response:
        """commit and rollback of what is PREPARED or final (2.1)."""
        name = f"transaction {txn.txn_id}, label is {txn.label}"
        if operation == "commit":
            if txn.state == ABORTED:
                return self._refused(f"Can not commit ABORTED {name}")
            if txn.state in (COMMITTED, VISIBLE):
                return self._done(txn, f"Transaction {txn.txn_id} has already committed, label is "
                                  f"{txn.label}")
            publish = self.house.fault("publish_timeout", txn.table, txn.database)
            self.house.commit(txn, (publish.ms or 1000) / 1000 if publish else 0.0)
            if self.house.fault("lose_answer", txn.table, txn.database) \
                    or self.house.fault("lose_commit_answer", txn.table, txn.database):
                raise DropConnection
            if publish:  # COMMITTED all the same, 2.2
                return self._refused("publish timeout: 20000")
            return self._done(txn, "")
        if txn.state == ABORTED:
            return self._done(txn, f"Transaction {txn.txn_id} has already aborted, label is "
                              f"{txn.label}")
        if txn.state != PREPARED:
            return self._refused(f"Can not abort {txn.state} {name}")
        self.house.abort(txn, "User Abort")
        return self._done(txn, "")

    @staticmethod
    def _done(txn: Transaction, text: str) -> Response:
        return json_response({"Label": txn.label, "Status": "OK", "TxnId": txn.txn_id,
                              "Message": text}, indent=2)

    # --- backend ---

    def backend(self, request: Request) -> Response:
        if request.path == "/api/_load_error_log" and request.method == "GET":
            return self.house.error_log(request)
        if request.path == "/api/health":
            return json_response({"status": "OK", "msg": "To Be Added"})
        load = LOAD_PATH.match(request.path)
        if load and request.method == "PUT":
            self.house.counters.request("backend load")
            if self.house.fault("http_502", load[2], load[1]):
                return Response(502, b"<html><body>502 Bad Gateway</body></html>")
            return self._backend_load(request, load[1], load[2])
        operation = TRANSACTION_PATH.match(request.path)
        if operation and request.method in ("POST", "PUT"):
            self.house.counters.request(f"backend {operation[1]}")
            return self._backend_transaction(request, operation[1])
        return Response(404)  # get_load_state included, 1.1

    def _backend_transaction(self, request: Request, operation: str) -> Response:
        if not is_multi(request.headers):
            return self.interface.handle(request, operation)
        if operation != "load":
            return json_answer({"Status": "INVALID_ARGUMENT", "Message": ONLY_FRONTENDS})
        return self.interface.handle(request, operation, self.multi.load)

    def _backend_load(self, request: Request, database: str, table: str) -> Response:
        load = Load(self.house, request, database, table)
        try:
            load.run()
        except LoadFailed as failed:
            load.fail(failed)
        except (ClientGone, DropConnection):
            if load.txn is not None:
                self.house.abandon(load.txn)
            raise
        return load.answer()
