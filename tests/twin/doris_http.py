# SPDX-License-Identifier: Apache-2.0
"""Doris over HTTP: the frontend that redirects and the backend that loads.

Section numbers are those of facts/doris.md.
"""

from __future__ import annotations

import json
import re
import urllib.parse
from typing import Optional

from doris_load import STATE_NAMES, Load, LoadFailed
from http_server import ClientGone, DropConnection, Request, Response, json_response
from transactions import ABORTED, COMMITTED, PREPARE, PREPARED, UNKNOWN, VISIBLE, Transaction
from warehouse import Warehouse

LOAD_PATH = re.compile(r"/api/([^/]*)/([^/]*)/_stream_load\Z")
TWO_PHASE_PATH = re.compile(r"/api/([^/]+)(?:/[^/]+)?/_stream_load_2pc\Z")


class DorisHttp:
    """Both HTTP roles of one Doris."""

    def __init__(self, house: Warehouse) -> None:
        self.house = house

    # --- frontend ---

    def frontend(self, request: Request) -> Response:
        answer = self.house.control(request)
        if answer is not None:
            return answer
        load = LOAD_PATH.match(request.path)
        if load and request.method == "PUT":
            self.house.counters.request("frontend load")
            return self._frontend_load(request, load[1], load[2])
        two_phase = TWO_PHASE_PATH.match(request.path)
        if two_phase and request.method == "PUT":
            self.house.counters.request("frontend 2pc")
            return self._frontend_two_phase(request)
        if request.method == "GET":
            return self._frontend_get(request)
        return Response(404)

    def _denied(self, request: Request) -> Optional[Response]:
        """The generic auth failure of the frontend: HTTP 200 with code 401 (1.2)."""
        given = self.house.credentials(request)
        if given is not None and self.house.password_right(given) \
                and not self.house.fault("auth_down"):
            return None
        text = "Need auth information." if given is None else (
            f"Access denied for user '{given[0]}'@'{request.client_host}' (using password: "
            f"{'YES' if given[1] else 'NO'})")
        return json_response({"msg": "Unauthorized", "code": 401, "data": text, "count": 0})

    def _frontend_load(self, request: Request, database: str, table: str) -> Response:
        """The order of the checks is that of 1.2."""
        if self.house.fault("http_502", table, database):
            return Response(502, b"<html><body>502 Bad Gateway</body></html>")
        if denied := self._denied(request):
            return denied
        if not request.expects_continue:
            return json_response({"status": "FAILED", "msg": "There is no 100-continue header"})
        if not database:
            return json_response({"status": "FAILED", "msg": "No database selected."})
        if not table:
            return json_response({"status": "FAILED", "msg": "No table selected."})
        mode = request.headers.get("group_commit", "off_mode").lower()
        if mode not in ("off_mode", "sync_mode", "async_mode"):
            return json_response({"status": "FAILED", "msg": "Header `group_commit` can only be "
                                  "`sync_mode`, `async_mode` or `off_mode`."})
        dead = self.house.fault("redirect_dead", table, database)
        return self._redirect(request, dead is not None)

    def _frontend_two_phase(self, request: Request) -> Response:
        if denied := self._denied(request):
            return denied
        if not request.headers.get("txn_id") and not request.headers.get("label"):
            return json_response({"status": "FAILED",
                                  "msg": "No transaction id or label selected."})
        if not request.headers.get("txn_operation"):
            return json_response({"status": "FAILED", "msg": "No transaction operation('commit' or "
                                  "'abort') selected."})
        return self._redirect(request, False)

    def _redirect(self, request: Request, dead: bool) -> Response:
        """307 with the user's name and password in Location (1.2)."""
        user, password = self.house.credentials(request)
        address = self.house.backend_address
        if dead:
            address = f"{self.house.options.host}:{self.house.dead.getsockname()[1]}"
        path, _, query = request.target.partition("?")
        tail = f"?{query}" if query else "?" if self.house.version < (3, 0) else ""
        location = (f"http://{urllib.parse.quote(user, safe='')}:"
                    f"{urllib.parse.quote(password, safe='')}@{address}{path}{tail}")
        return Response(307, b"", [("Content-Type", "text/html;charset=utf-8"),
                                   ("Location", location)])

    def _frontend_get(self, request: Request) -> Response:
        if request.path == "/api/health":
            return self._generic({"online_backend_num": 1, "total_backend_num": 1})
        state = re.fullmatch(r"/api/([^/]+)/get_load_state", request.path)
        schema = re.fullmatch(r"/api/([^/]+)/([^/]+)/_schema", request.path)
        if not (state or schema or request.path == "/api/backends"):
            return Response(404)
        if denied := self._denied(request):
            return denied
        if state:
            self.house.counters.request("get_load_state")
            return self._load_state(state[1], request.query.get("label", ""))
        if schema:
            return self._schema(schema[1], schema[2])
        return self._generic({"backends": [{"ip": self.house.options.host,
                                            "http_port": self.house.backend.port,
                                            "is_alive": True}]})

    @staticmethod
    def _generic(data: object, code: int = 0, message: str = "success") -> Response:
        return json_response({"msg": message, "code": code, "data": data, "count": 0})

    def _load_state(self, database: str, label: str) -> Response:
        if not label:
            return self._generic("No label selected.", 403, "Bad Request")
        with self.house.lock:
            if database not in self.house.catalog.databases:
                return self._generic(f"errCode = 2, detailMessage = Unknown database '{database}'",
                                     1, "Error")
            txn = self.house.transactions.newest(database, label)
        state = txn.state if txn else UNKNOWN
        return self._generic(STATE_NAMES.get(state, state))  # 1.9

    def _schema(self, database: str, name: str) -> Response:
        table = self.house.catalog.get(database, name)
        if table is None:
            return self._generic(f"errCode = 2, detailMessage = Unknown table '{name}'", 1, "Error")
        properties = [{"name": one.name, "type": one.type.name, "comment": one.comment,
                       "is_nullable": "Yes" if one.nullable else "No",
                       "is_key": "true" if one.key else "false", "aggregation_type": "",
                       "column_uid": one.uid, "precision": str(one.type.precision),
                       "scale": str(one.type.scale)} for one in table.columns]
        return self._generic({"status": 200, "keysType": table.model + "_KEYS",
                              "schema_version": 0, "properties": properties})

    # --- backend ---

    def backend(self, request: Request) -> Response:
        if request.path == "/api/_load_error_log" and request.method == "GET":
            return self.house.error_log(request)
        if request.path == "/api/health":
            return Response(200, b'{"status": "OK","msg": "To Be Added"}')
        load = LOAD_PATH.match(request.path)
        if load and request.method == "PUT":
            self.house.counters.request("backend load")
            if self.house.fault("http_502", load[2], load[1]):
                return Response(502, b"<html><body>502 Bad Gateway</body></html>")
            return self._load(request, load[1], load[2])
        two_phase = TWO_PHASE_PATH.match(request.path)
        if two_phase and request.method == "PUT":
            self.house.counters.request("backend 2pc")
            return self._two_phase(request, two_phase[1])
        return Response(404)

    def _load(self, request: Request, database: str, table: str) -> Response:
        load = Load(self.house, request, database, table)
        try:
            load.run()
        except LoadFailed as failed:
            load.fail(failed)
        except (ClientGone, DropConnection):
            # "sender is gone": rolled back, 1.3. A loss after the commit finds nothing to abort.
            if load.txn is not None:
                self.house.abandon(load.txn)
            raise
        return load.answer()

    # --- two-phase commit, section 2 ---

    def _two_phase(self, request: Request, database: str) -> Response:
        given = self.house.credentials(request)
        if given is None:
            return self._refuse_two_phase("NOT_AUTHORIZED", "no valid Basic authorization", False)
        if not self.house.password_right(given):
            return self._refuse_two_phase("ANALYSIS_ERROR", f"Access denied for {given[0]}@"
                                          f"{request.client_host}")
        id_text = request.headers.get("txn_id", "")
        label = request.headers.get("label", "")
        operation = request.headers.get("txn_operation", "").lower()
        if not id_text and not label:
            return self._refuse_two_phase("INVALID_ARGUMENT", "transaction id and label are empty",
                                          False)
        if operation not in ("commit", "abort"):
            return self._refuse_two_phase(
                "INVALID_ARGUMENT", "transaction operation should be 'commit' or 'abort'", False)
        if id_text and not re.fullmatch(r"\d{1,18}", id_text):
            return self._refuse_two_phase(
                "INVALID_ARGUMENT", f"convert txn_id [{id_text}] failed, reason=stoll", False)
        with self.house.lock:
            txn, refusal = self._find(database, id_text, label, operation)
        if refusal is None and operation == "commit":
            late = self.house.faults_before_finish(txn)
            if late is not None:
                refusal = self._refuse_two_phase("INTERNAL_ERROR", late)
        if refusal is None:
            with self.house.lock:
                refusal = self._finish_two_phase(txn, operation)
        if refusal is not None:
            return refusal
        if self.house.fault("lose_answer", txn.table, database) or (
                operation == "commit"
                and self.house.fault("lose_commit_answer", txn.table, database)):
            raise DropConnection
        named = " ".join(([f"label [{label}]"] if label else [])
                         + ([f"transaction [{id_text}]"] if id_text else []))
        return self._pretty({"status": "Success", "msg": f"{named} {operation} successfully."})

    def _find(self, database: str, id_text: str, label: str,
              operation: str) -> tuple[Optional[Transaction], Optional[Response]]:
        """By id, else by label: commit looks for PRECOMMITTED, abort also for PREPARE (2.2)."""
        if id_text:
            txn = self.house.transactions.get(int(id_text))
            if txn is None or txn.database != database:
                return None, self._refuse_two_phase("NOT_FOUND",
                                                    f"transaction [{id_text}] not found")
            return txn, None
        txn = self.house.transactions.newest(database, label)
        wanted = (PREPARED,) if operation == "commit" else (PREPARED, PREPARE)
        if txn is None:
            return None, self._refuse_two_phase("NOT_FOUND",
                                                f"transaction not found, label={label}")
        if txn.state not in wanted and operation == "abort":
            return None, self._refuse_two_phase("NOT_FOUND",
                                                f"running transaction not found, label={label}")
        return txn, None

    def _finish_two_phase(self, txn: Transaction, operation: str) -> Optional[Response]:
        name = f"transaction [{txn.txn_id}]"
        if operation == "abort":
            if txn.state == ABORTED:
                return self._refuse_two_phase("ANALYSIS_ERROR", f"{name} is already aborted, abort "
                                              f"reason: {txn.reason}")
            if txn.state in (COMMITTED, VISIBLE):
                return self._refuse_two_phase("ANALYSIS_ERROR", f"{name} is already {txn.state}, "
                                              "could not abort.")
            self.house.abort(txn, "User Abort")
            return None
        if txn.state == PREPARED:
            self.house.commit(txn)
            return None
        if txn.state == ABORTED:
            text = f"{name} is already aborted. abort reason: {txn.reason}"
        elif txn.state == PREPARE:
            text = f"{name} is prepare, not pre-committed."
        else:
            text = f"{name} is already {txn.state.lower()}, not pre-committed."
        return self._refuse_two_phase("ANALYSIS_ERROR", text)

    def _refuse_two_phase(self, code: str, text: str, from_frontend: bool = True) -> Response:
        if from_frontend:
            text = f"TStatus: errCode = 2, detailMessage = {text}"
        if self.house.version >= (2, 1):
            text = f"[{code}]{text}"
        return self._pretty({"status": code, "msg": text})

    @staticmethod
    def _pretty(value: dict) -> Response:
        return Response(200, (json.dumps(value, indent=4, ensure_ascii=False) + "\n").encode())
