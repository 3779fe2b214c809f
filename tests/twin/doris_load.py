# SPDX-License-Identifier: Apache-2.0
"""One stream load on a Doris backend. Section numbers are those of facts/doris.md."""

from __future__ import annotations

import json
import re
import time
import uuid
from typing import Optional

from http_server import DropConnection, Request, Response
from load_rows import LoadFormat, WholeBodyBad, decode_separator
from mapping import Mapping, MappingError, plan_mapping
import partial
from row_checks import Outcome
from transactions import (PREPARE, PREPARED, LabelFormat, LabelUsed, TooManyRunning, Transaction)
from warehouse import CommitRefused, Warehouse

STATE_NAMES = {PREPARED: "PRECOMMITTED"}
JSON_LIMIT_MB = 100  # streaming_load_json_max_mb, 1.5
BODY_LIMIT_MB = 10240  # streaming_load_max_mb, 1.5
MAX_TIMEOUT = 259200
COMPRESSIONS = {"": "", "gz": "gz", "bz2": "bz2", "deflate": "deflate", "lz4": "lz4", "lz4frame": "lz4"}  # 1.6
CSV_FORMATS = {"csv": 0, "csv_with_names": 1, "csv_with_names_and_types": 2}
CANNOT = ("enclose", "escape", "where", "jsonpaths", "json_root", "partitions",
          "function_column.sequence_col", "temporary_partitions")


class LoadFailed(Exception):
    """A load ends with Status Fail; `code` is the status name in front of the message."""

    def __init__(self, code: str, text: str, from_frontend: bool = False) -> None:
        super().__init__(text)
        self.code = code
        self.text = text
        self.from_frontend = from_frontend


class Load:
    """One stream load on the backend, from its head to its answer."""

    def __init__(self, house: Warehouse, request: Request, database: str, table: str) -> None:
        self.house = house
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
        self._new_keys()
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

    def _plan(self) -> tuple[LoadFormat, Mapping, bool, float]:
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
        if self.two_phase and self.house.options.cloud and self.table.keyed:  # 2.3
            raise LoadFailed("NOT_IMPLEMENTED_ERROR",
                             "stream load 2pc is unsupported for mow table", True)
        if headers.get("group_commit", "off_mode").lower() != "off_mode" and not self.two_phase:
            text = "label and group_commit can't be set at the same time" \
                if headers.get("label") else "this stand-in does not hold group_commit"
            raise LoadFailed("INVALID_ARGUMENT", text)
        is_json = headers.get("format", "csv").lower() == "json"
        try:
            with self.house.lock:
                some = partial.wanted("doris", self.house.version, headers)
                mapping = plan_mapping(self.table, "doris", headers.get("columns"),
                                       headers.get("hidden_columns", ""), merge == "DELETE",
                                       is_json, some)
                if some:
                    mapping = self._restrict(mapping)
            form = self._format(is_json)
            ratio = float(headers.get("max_filter_ratio", 0))
        except (MappingError, ValueError) as bad:
            raise LoadFailed("ANALYSIS_ERROR", str(bad), True) from bad
        return form, mapping, headers.get("strict_mode", "false").lower() == "true", ratio

    def _restrict(self, mapping: Mapping) -> Mapping:
        partial.check_table(self.table, "doris", self.house.version)
        if self.table.busy:
            raise LoadFailed("INTERNAL_ERROR", "Unable to do 'partial_update' when the tablet is "
                             "undergoing a 'schema changing process'")
        return partial.restrict(mapping, self.table, "doris", self.headers.get("columns"))

    def _new_keys(self) -> None:
        try:
            with self.house.lock:
                partial.check_new_keys(self.house.catalog, self.table, self.outcome, self.headers,
                                       self.house.version)
        except partial.PartialError as bad:
            raise LoadFailed(bad.code, bad.text) from bad

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
                          COMPRESSIONS[compression], headers.get("trim_double_quotes") == "true",
                          headers.get("empty_field_as_null") == "true")

    def _faults_before_commit(self) -> None:
        where = (self.table_name, self.database)
        if slow := self.house.fault("slow", *where):
            time.sleep(slow.ms / 1000)
        if self.house.fault("too_many_versions", *where):  # section 5
            raise LoadFailed("INTERNAL_ERROR", "tablet writer write failed, tablet_id=10010, "
                             f"txn_id={self.txn.txn_id}, err=[E-235]failed to init rowset builder. "
                             "version count: 2001, exceed limit: 2000, tablet: 10010. Please reduce "
                             "the frequency of loading data or adjust the max_tablet_version_num or "
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

    def _words(self, failed: LoadFailed) -> str:
        """Text as the version writes it (1.7, message form)."""
        if failed.code.startswith("E-"):
            return f"[{failed.code}]{failed.text}"
        if not failed.from_frontend:
            return f"[{failed.code}]{failed.text}"
        status = "TStatus: " if self.house.version >= (2, 1) else ""
        return f"[{failed.code}]{status}errCode = 2, detailMessage = {failed.text}"

    def fail(self, failed: LoadFailed) -> None:
        if self.status != "Label Already Exists":
            self.status = "Fail"
        self.message = self._words(failed)
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
