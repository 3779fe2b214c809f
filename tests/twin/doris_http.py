# SPDX-License-Identifier: Apache-2.0
"""Doris over HTTP: the frontend that redirects and the backend that loads.

Section numbers are those of facts/doris.md.
"""

from __future__ import annotations

import json
import re
import time
import urllib.parse
import uuid
from typing import Optional

from http_server import ClientGone, DropConnection, Request, Response, json_response
from load_rows import LoadFormat, Outcome, WholeBodyBad, decode_separator
from mapping import MappingError, plan_mapping
from transactions import (ABORTED, COMMITTED, PREPARE, PREPARED, UNKNOWN, VISIBLE, LabelFormat,
                          LabelUsed, TooManyRunning, Transaction)
from warehouse import CommitRefused, Warehouse

LOAD_PATH = re.compile(r"/api/([^/]*)/([^/]*)/_stream_load\Z")
TWO_PHASE_PATH = re.compile(r"/api/([^/]+)(?:/[^/]+)?/_stream_load_2pc\Z")
STATE_NAMES = {PREPARED: "PRECOMMITTED"}
JSON_LIMIT_MB = 100  # streaming_load_json_max_mb, 1.5
BODY_LIMIT_MB = 10240  # streaming_load_max_mb, 1.5
MAX_TIMEOUT = 259200
COMPRESSIONS = {"": "", "gz": "gz", "bz2": "bz2", "deflate": "deflate"}
CSV_FORMATS = {"csv": 0, "csv_with_names": 1, "csv_with_names_and_types": 2}
CANNOT = ("enclose", "escape", "where", "jsonpaths", "json_root", "partial_columns", "partitions",
          "function_column.sequence_col", "temporary_partitions")


class LoadFailed(Exception):
    """A load ends with Status Fail; `code` is the status name in front of the message."""

    def __init__(self, code: str, text: str, from_frontend: bool = False) -> None:
        super().__init__(text)
        self.code = code
        self.text = text
        self.from_frontend = from_frontend


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
        path, mark, query = request.target.partition("?")
        tail = f"?{query}" if query else "?" if self.house.version < (3, 0) else ""
        del mark
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
            return self._load(request, load[1], load[2])
        two_phase = TWO_PHASE_PATH.match(request.path)
        if two_phase and request.method == "PUT":
            self.house.counters.request("backend 2pc")
            return self._two_phase(request, two_phase[1])
        return Response(404)

    def _load(self, request: Request, database: str, table: str) -> Response:
        load = Load(self, request, database, table)
        try:
            load.run()
        except LoadFailed as failed:
            load.fail(failed)
        except (ClientGone, DropConnection):
            # "sender is gone": rolled back, 1.3. A loss after the commit finds nothing to abort.
            if load.txn is not None:
                self.house.abort(load.txn, "sender is gone")
            raise
        return load.answer()

    def message(self, failed: LoadFailed) -> str:
        """Text as the version writes it (1.7, message form)."""
        if failed.code.startswith("E-"):
            return f"[{failed.code}]{failed.text}"
        if not failed.from_frontend:
            return f"[{failed.code}]{failed.text}"
        status = "TStatus: " if self.house.version >= (2, 1) else ""
        return f"[{failed.code}]{status}errCode = 2, detailMessage = {failed.text}"

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
            if refusal is None:
                refusal = self._finish_two_phase(txn, operation)
        if refusal is not None:
            return refusal
        if self.house.fault("lose_answer", txn.table, database):
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


class Load:
    """One stream load on the backend, from its head to its answer."""

    def __init__(self, doris: DorisHttp, request: Request, database: str, table: str) -> None:
        self.doris = doris
        self.house = doris.house
        self.request = request
        self.database = database
        self.table_name = table
        self.headers = request.headers
        self.label = self.headers.get("label") or str(uuid.uuid4())
        self.two_phase = self.headers.get("two_phase_commit") == "true"
        self.txn: Optional[Transaction] = None
        self.status = "Success"
        self.message = "OK"
        self.existing = ""
        self.outcome = Outcome()
        self.loaded = 0
        self.size = 0
        self.error_url = ""
        self.began = time.monotonic()
        self.spent = dict.fromkeys(("begin", "put", "read", "write", "commit"), 0)

    def run(self) -> None:
        """Head checks, begin, plan; then the body; then the commit (1.3)."""
        self._check_head()
        self._begin()
        form, mapping, strict, ratio = self._plan()
        start = time.monotonic()
        try:
            self.size, self.outcome = self.house.take_body(self.request, self.table, form, mapping,
                                                           strict)
        except WholeBodyBad as bad:
            raise LoadFailed("DATA_QUALITY_ERROR", str(bad)) from bad
        except ValueError as bad:
            raise LoadFailed("INTERNAL_ERROR", str(bad)) from bad
        self.spent["read"] = self.spent["write"] = round((time.monotonic() - start) * 1000)
        self._faults_before_commit()
        self._filter(ratio)
        self.loaded = self.outcome.total - self.outcome.filtered
        start = time.monotonic()
        self._commit()
        self.spent["commit"] = round((time.monotonic() - start) * 1000)
        self.house.counters.load(self.size, self.loaded)
        if self.house.fault("lose_answer", self.table_name, self.database):
            raise DropConnection

    def _check_head(self) -> None:
        headers = self.headers
        if self.house.credentials(self.request) is None:
            code = "NOT_AUTHORIZED" if self.house.version >= (2, 1) else "INTERNAL_ERROR"
            raise LoadFailed(code, "no valid Basic authorization")
        form = headers.get("format", "csv").lower()
        if form not in CSV_FORMATS and form != "json":
            raise LoadFailed("DATA_FILE_TYPE_ERROR", f"unknown data format, format={form}")
        length = self.request.content_length
        by_line = headers.get("read_json_by_line") == "true"
        if length is not None and form == "json" and not by_line and length > JSON_LIMIT_MB << 20:
            raise LoadFailed("E-217", f"json body size {length} exceed BE's conf "
                             f"`streaming_load_json_max_mb` {JSON_LIMIT_MB}. increase it if you "
                             "are sure this load is reasonable")
        if length is not None and length > BODY_LIMIT_MB << 20:
            raise LoadFailed("E-217", f"body size {length} exceed BE's conf "
                             f"`streaming_load_max_mb` {BODY_LIMIT_MB}. increase it if you are "
                             "sure this load is reasonable")
        if length is None and not self.request.chunked:  # 1.4
            raise LoadFailed("INVALID_ARGUMENT", "content_length is empty and transfer-encoding!="
                             "chunked, please set content_length or transfer-encoding=chunked")
        if length is not None and self.request.chunked:
            raise LoadFailed("INVALID_ARGUMENT", "please do not set both content_length and "
                             "transfer-encoding")
        self.timeout = self._timeout()
        if (memory := headers.get("exec_mem_limit")) and not re.fullmatch(r"-?\d+", memory):
            raise LoadFailed("INVALID_ARGUMENT", "Invalid mem limit format, stoll")
        if headers.get("strict_mode", "false").lower() not in ("true", "false"):
            raise LoadFailed("INVALID_ARGUMENT", "Invalid strict mode format. Must be bool type")

    def _timeout(self) -> int:
        text = self.headers.get("timeout")
        if text is None:
            return MAX_TIMEOUT
        if not re.match(r"\s*[+-]?\d+", text):  # the text of RT test_stream_load_illegal_timeout
            raise LoadFailed("INVALID_ARGUMENT", f"Invalid format of 'timeout': '{text}', stoi")
        seconds = int(re.match(r"\s*[+-]?\d+", text)[0])
        if not 1 <= seconds <= MAX_TIMEOUT:
            raise LoadFailed("ANALYSIS_ERROR", f"Invalid timeout: {seconds}. Timeout should between"
                             f" 1 and {MAX_TIMEOUT} seconds", True)
        return seconds

    def _begin(self) -> None:
        """loadTxnBegin: the frontend checks password, database, table and label."""
        given = self.house.credentials(self.request)
        if not self.house.password_right(given):
            raise LoadFailed("ANALYSIS_ERROR", f"Access denied for {given[0]}@"
                             f"{self.request.client_host}", True)
        start = time.monotonic()
        catalog = self.house.catalog
        limit = 0 if self.house.fault("running_txn_limit", self.table_name, self.database) else None
        with self.house.lock:
            if self.database not in catalog.databases:
                raise LoadFailed("NOT_FOUND", f"unknown database, database={self.database}", True)
            table = catalog.get(self.database, self.table_name)
            if table is None:
                raise LoadFailed("NOT_FOUND", f"unknown table, table={self.table_name}", True)
            self.table = table
            rules = self.house.transactions.rules
            try:
                self.txn = self.house.transactions.begin(
                    self.database, self.label, self.table_name, self.timeout, "BE: "
                    + self.house.options.host, limit)
            except LabelFormat as bad:
                raise LoadFailed("ANALYSIS_ERROR", f"Label format error. regex: "
                                 f"{rules.pattern_text}, label: {self.label}", True) from bad
            except TooManyRunning as many:
                raise LoadFailed("ANALYSIS_ERROR", f"current running txns on db {self.database} is "
                                 f"{many.count}, larger than limit {many.limit}", True) from many
            except LabelUsed as used:
                self._label_used(used.txn)
            self.txn.two_phase = self.two_phase
            self.txn.busy = True
            self.txn.prepared_timeout = self.house.options.prepared_timeout or 3600  # 2.3
        self.spent["begin"] = round((time.monotonic() - start) * 1000)

    def _label_used(self, txn: Transaction) -> None:
        self.status = "Label Already Exists"
        self.existing = {PREPARE: "RUNNING", PREPARED: "PRECOMMITTED"}.get(txn.state, "FINISHED")
        state = STATE_NAMES.get(txn.state, txn.state)
        tail = f", status [{state}]" if self.house.version >= (3, 0) else ""  # 1.7
        raise LoadFailed("LABEL_ALREADY_EXISTS", f"Label [{self.label}] has already been used, "
                         f"relate to txn [{txn.txn_id}]{tail}.", True)

    def _plan(self):
        """streamLoadPut: what the header asks of the table."""
        headers = self.headers
        for name in CANNOT:
            if headers.get(name):
                raise LoadFailed("ANALYSIS_ERROR", f"this stand-in does not hold the header {name}",
                                 True)
        merge = headers.get("merge_type", "APPEND").upper()
        if merge not in ("APPEND", "DELETE", "MERGE"):
            raise LoadFailed("INVALID_ARGUMENT", f"Invalid merge type {merge}")
        if merge == "MERGE" and not headers.get("delete"):
            raise LoadFailed("INVALID_ARGUMENT",
                             "Excepted DELETE ON clause when merge type is MERGE.")
        if merge != "MERGE" and headers.get("delete"):
            raise LoadFailed("INVALID_ARGUMENT",
                             "Not support DELETE ON clause when merge type is not MERGE.")
        if merge == "MERGE":
            raise LoadFailed("ANALYSIS_ERROR", "this stand-in does not hold merge_type MERGE", True)
        if merge == "DELETE" and not self.table.keyed:
            raise LoadFailed("ANALYSIS_ERROR",
                             "load by MERGE or DELETE is only supported in unique tables.", True)
        if headers.get("group_commit", "off_mode").lower() != "off_mode" and not self.two_phase:
            text = "label and group_commit can't be set at the same time" \
                if headers.get("label") else "this stand-in does not hold group_commit"
            raise LoadFailed("INVALID_ARGUMENT", text)
        is_json = headers.get("format", "csv").lower() == "json"
        try:
            with self.house.lock:
                mapping = plan_mapping(self.table, "doris", headers.get("columns"),
                                       headers.get("hidden_columns", ""), merge == "DELETE", is_json)
            form = self._format(is_json)
            ratio = float(headers.get("max_filter_ratio", 0))
        except (MappingError, ValueError) as bad:
            raise LoadFailed("ANALYSIS_ERROR", str(bad), True) from bad
        return form, mapping, headers.get("strict_mode", "false").lower() == "true", ratio

    def _format(self, is_json: bool) -> LoadFormat:
        headers = self.headers
        outer = headers.get("strip_outer_array") == "true"
        by_line = headers.get("read_json_by_line") == "true"
        if self.house.version >= (4, 0) and "strip_outer_array" not in headers \
                and "read_json_by_line" not in headers:
            by_line = True  # 1.6
        compression = headers.get("compress_type", "").lower()
        if compression not in COMPRESSIONS:
            raise ValueError(f"this stand-in does not hold compress_type {compression}")
        if is_json and compression and self.house.version < (3, 0):
            raise ValueError("compress data of JSON format is not supported.")  # 3.2
        skip = headers.get("skip_lines", "0")
        if not skip.isdigit():
            raise ValueError("Invalid 'skip_lines': must be a whole number")
        names = CSV_FORMATS.get(headers.get("format", "csv").lower(), 0)
        return LoadFormat(is_json, by_line, outer,
                          decode_separator(headers.get("column_separator", "\t")),
                          decode_separator(headers.get("line_delimiter", "\n")), int(skip) + names,
                          compression, headers.get("trim_double_quotes") == "true",
                          headers.get("empty_field_as_null") == "true")

    def _faults_before_commit(self) -> None:
        where = (self.table_name, self.database)
        if slow := self.house.fault("slow", *where):
            time.sleep(slow.ms / 1000)
        if self.house.fault("too_many_versions", *where):  # section 5
            raise LoadFailed("INTERNAL_ERROR", f"tablet writer write failed, tablet_id=10010, txn_id="
                             f"{self.txn.txn_id}, err=[E-235]failed to init rowset builder. version "
                             "count: 2001, exceed limit: 2000, tablet: 10010. Please reduce the "
                             "frequency of loading data or adjust the max_tablet_version_num or "
                             "time_series_max_tablet_version_num in be.conf to a larger value.")
        if self.house.fault("mem_limit", *where):
            raise LoadFailed("MEM_LIMIT_EXCEEDED", "process memory used 7.2 GB exceed limit 7.0 GB")
        if self.house.fault("data_error", *where):
            self.outcome.total = max(self.outcome.total, 1)
            self.outcome.errors.append(("this row was refused because the fault data_error is set",
                                        ""))

    def _filter(self, ratio: float) -> None:
        bad, total = self.outcome.filtered, self.outcome.total
        if bad:
            self.error_url = self.house.keep_errors(self.outcome.errors)
        if bad > total * ratio:
            if ratio == 0 and bad > 50 and self.house.version >= (2, 1):  # 1.7
                raise LoadFailed("DATA_QUALITY_ERROR", "Encountered unqualified data, stop "
                                 "processing. Please check if the source data matches the schema, "
                                 "and consider disabling strict mode or increasing "
                                 "max_filter_ratio.")
            raise LoadFailed("DATA_QUALITY_ERROR", "too many filtered rows")

    def _commit(self) -> None:
        txn, where = self.txn, (self.table_name, self.database)
        if self.outcome.staged is not None:
            txn.staged.append(self.outcome.staged)
        unknown = self.house.fault("fail_commit_unknown", *where)
        if unknown and not unknown.committed:
            # The RPC never arrived: the transaction stays PREPARE and holds its label (1.7).
            raise LoadFailed("THRIFT_RPC_ERROR", "failed to call frontend service, commit txn "
                             "timeout")
        publish = None if self.two_phase else self.house.fault("publish_timeout", *where)
        try:
            with self.house.lock:
                if txn.state != PREPARE:
                    raise CommitRefused
                if self.two_phase:
                    self.house.transactions.prepared(txn)
                else:
                    self.house.commit(txn, (publish.ms or 1000) / 1000 if publish else 0.0)
        except CommitRefused as late:
            raise LoadFailed("ANALYSIS_ERROR", f"transaction [{txn.txn_id}] not found"
                             if txn.reason != "timeout by txn manager" else f"transaction "
                             f"[{txn.txn_id}] is already aborted. abort reason: {txn.reason}",
                             True) from late
        if unknown:
            raise LoadFailed("THRIFT_RPC_ERROR", "failed to call frontend service, commit txn "
                             "timeout")
        if publish:
            self.status = "Publish Timeout"
            self.message = ("[PUBLISH_TIMEOUT]TStatus: transaction commit successfully, BUT data "
                            "will be visible later")

    def fail(self, failed: LoadFailed) -> None:
        if self.status != "Label Already Exists":
            self.status = "Fail"
        self.message = self.doris.message(failed)
        if failed.code == "THRIFT_RPC_ERROR":
            return
        self.loaded = 0
        if self.txn is not None:
            self.house.abort(self.txn, self.message)

    def answer(self) -> Response:
        """Members in the order of 1.7."""
        if self.txn is not None:
            self.txn.busy = False
        body: dict[str, object] = {"TxnId": self.txn.txn_id if self.txn else -1,
                                   "Label": self.label, "Comment": self.headers.get("comment", ""),
                                   "TwoPhaseCommit": "true" if self.two_phase else "false",
                                   "Status": self.status}
        if self.existing:
            body["ExistingJobStatus"] = self.existing
        body |= {"Message": self.message, "NumberTotalRows": self.outcome.total,
                 "NumberLoadedRows": self.loaded, "NumberFilteredRows": self.outcome.filtered,
                 "NumberUnselectedRows": 0, "LoadBytes": self.size,
                 "LoadTimeMs": round((time.monotonic() - self.began) * 1000),
                 "BeginTxnTimeMs": self.spent["begin"], "StreamLoadPutTimeMs": self.spent["put"],
                 "ReadDataTimeMs": self.spent["read"], "WriteDataTimeMs": self.spent["write"]}
        if self.house.version >= (3, 0):
            body["ReceiveDataTimeMs"] = self.spent["read"]
        body["CommitAndPublishTimeMs"] = self.spent["commit"]
        if self.error_url:
            body["ErrorURL"] = self.error_url
        if self.outcome.errors and self.house.version >= (4, 0):
            body["FirstErrorMsg"] = self.outcome.errors[0][0]
        text = (json.dumps(body, indent=4, ensure_ascii=False) + "\n").encode("utf-8", "replace")
        cut = self.house.fault("truncated_answer", self.table_name, self.database)
        return Response(200, text, truncate_to=len(text) // 2 if cut else None)
