# SPDX-License-Identifier: Apache-2.0
"""One plain stream load on a StarRocks backend, and what it shares with the transaction interface.

Section numbers are those of facts/starrocks.md.
"""

from __future__ import annotations

import json
import time
import uuid
from typing import Optional

from http_server import DropConnection, Request, Response
from load_rows import LoadFormat, WholeBodyBad, decode_separator
from mapping import Mapping, MappingError, plan_mapping
import partial
from row_checks import Outcome
from tables import Table
from transactions import PREPARE, PREPARED, LabelFormat, LabelUsed, TooManyRunning, Transaction
from warehouse import CommitRefused, Warehouse

JSON_LIMIT = 104857600  # streaming_load_max_batch_size_mb, 1.7
BODY_LIMIT_MB = 102400
COMPRESSED_CSV = {"gzip": "gz", "bzip2": "bz2", "deflate": "deflate", "lz4": "lz4", "zstd": "zstd"}  # 3.4
COMPRESSED_JSON = {"": "", "gzip": "gz", "bzip2": "bz2", "lz4_frame": "lz4", "zstd": "zstd"}
CANNOT = ("enclose", "escape", "where", "jsonpaths", "json_root", "partitions", "merge_condition",
          "envelope", "enable_merge_commit", "temporary_partitions", "negative")


class LoadFailed(Exception):
    """The load fails; `code` is the thrift status name that the transaction interface shows."""

    def __init__(self, code: str, text: str) -> None:
        super().__init__(text)
        self.code = code
        self.text = text


def json_answer(body: dict, truncate: bool = False) -> Response:
    """RapidJSON's pretty form, 4 blanks (1.5)."""
    text = json.dumps(body, indent=4, ensure_ascii=False).encode("utf-8", "replace")
    return Response(200, text, [("Content-Type", "application/json")],
                    truncate_to=len(text) // 2 if truncate else None)


def load_format(headers: dict[str, str], request: Request, version: tuple) -> LoadFormat:
    """Format, separators and compression; raises LoadFailed."""
    for name in CANNOT:
        if headers.get(name, "false").lower() not in ("false", ""):
            raise LoadFailed("INTERNAL_ERROR", f"this stand-in does not hold the header {name}")
    name = headers.get("format", "csv").lower()
    if name not in ("csv", "json") and name not in COMPRESSED_CSV:
        raise LoadFailed("INTERNAL_ERROR", f"unknown data format, format={name}")
    is_json = name == "json"
    compression = headers.get("compression", "").lower()
    encoding = headers.get("content-encoding", "").lower()
    if compression and encoding:
        raise LoadFailed("INVALID_ARGUMENT",
                         "Only one of http header content-encoding and compression can be set")
    how = COMPRESSED_CSV.get(name, "")
    if is_json and version >= (3, 2, 7):  # older ones pass over both headers, 3.4
        if (compression or encoding) not in COMPRESSED_JSON:
            raise LoadFailed("INVALID_ARGUMENT",
                             f"Unsupported compression type: {compression or encoding}")
        how = COMPRESSED_JSON[compression or encoding]
    length = request.content_length
    if length is not None and length > BODY_LIMIT_MB << 20:
        raise LoadFailed("INTERNAL_ERROR", f"body size {length} exceed limit: "
                         f"{BODY_LIMIT_MB << 20}, ... You can increase the limit by setting "
                         "streaming_load_max_mb in be.conf.")
    if is_json and length is not None and length > JSON_LIMIT \
            and headers.get("ignore_json_size", "").lower() != "true":
        raise LoadFailed("INTERNAL_ERROR", f"The size of this batch exceed the max size "
                         f"[{JSON_LIMIT}]  of json type data  data [ {length} ]. Set "
                         "ignore_json_size to skip the check, although it may lead huge memory "
                         "consuming.")
    if headers.get("strict_mode", "false").lower() not in ("true", "false"):
        raise LoadFailed("INVALID_ARGUMENT", "Invalid strict mode format. Must be bool type")
    skip = headers.get("skip_header", "0")
    if not skip.isdigit():
        raise LoadFailed("INTERNAL_ERROR", "Invalid csv load skip_header format")
    try:
        return LoadFormat(is_json, False, headers.get("strip_outer_array", "").lower() == "true",
                          decode_separator(headers.get("column_separator", "\t")),
                          decode_separator(headers.get("row_delimiter", "\n")), int(skip), how)
    except ValueError as bad:
        raise LoadFailed("INVALID_ARGUMENT", str(bad)) from bad


def load_plan(house: Warehouse, headers: dict[str, str], table: Table,
              form: LoadFormat) -> tuple[Mapping, bool, float]:
    """Column mapping, strictness, filter ratio (1.6)."""
    try:
        with house.lock:
            some = partial.wanted("starrocks", house.version, headers)
            mapping = plan_mapping(table, "starrocks", headers.get("columns"), is_json=form.json,
                                   partial=some)
            if some:
                mapping = _restrict(mapping, headers, table, house.version)
        ratio = float(headers.get("max_filter_ratio", 0))
    except (MappingError, ValueError) as bad:
        raise LoadFailed("ANALYSIS_ERROR", str(bad)) from bad
    return mapping, headers.get("strict_mode", "false").lower() == "true", ratio


def _restrict(mapping: Mapping, headers: dict[str, str], table: Table, version: tuple) -> Mapping:
    """Row mode only: the old row is read, a whole one is written. A key that the table does not
    have makes a new row of defaults; the server cannot be told to refuse it."""
    mode = headers.get("partial_update_mode", "row").lower()
    if mode != "row":
        raise LoadFailed("INVALID_ARGUMENT", f"this stand-in does not hold partial_update_mode "
                         f"{mode}")
    partial.check_table(table, "starrocks", version)
    return partial.restrict(mapping, table, "starrocks", headers.get("columns"))


def find_table(house: Warehouse, database: str, name: str) -> Table:
    """The table, or the text of a begin that fails. The lock is held."""
    if database not in house.catalog.databases:
        raise LoadFailed("ANALYSIS_ERROR", f"unknown database, database={database}")
    table = house.catalog.get(database, name)
    if table is None:
        raise LoadFailed("ANALYSIS_ERROR", f'unknown table "{database}.{name}"')
    return table


def read_timeout(headers: dict[str, str], name: str, default: float) -> float:
    text = headers.get(name, "")
    if not text:
        return default
    if not text.isdigit() or not 1 <= int(text) <= 259200:
        raise LoadFailed("INVALID_ARGUMENT", "Invalid timeout format" if name == "timeout"
                         else f"Invalid {name}: {text}")
    return float(text)


def begin(house: Warehouse, database: str, label: str, table: str, timeout: float) -> Transaction:
    """Begins a transaction; LabelUsed goes through, other refusals become LoadFailed."""
    limit = 0 if house.fault("running_txn_limit", table, database) else None
    try:
        return house.transactions.begin(database, label, table, timeout, "BE: "
                                        + house.options.host, limit)
    except LabelFormat as bad:
        raise LoadFailed("ANALYSIS_ERROR", "Label format error. regex: "
                         f"{house.transactions.rules.pattern_text}, label: {label}") from bad
    except TooManyRunning as many:
        raise LoadFailed("ANALYSIS_ERROR", f"current running txns on db 10000 is {many.count}, "
                         f"larger than limit {many.limit}") from many


def existing_status(txn: Transaction) -> str:
    return "RUNNING" if txn.state in (PREPARE, PREPARED) else "FINISHED"  # 1.5


def faults_of_writing(house: Warehouse, table: str, database: str, outcome: Outcome) -> None:
    """The faults that show while rows are written."""
    if slow := house.fault("slow", table, database):
        time.sleep(slow.ms / 1000)
    if house.fault("too_many_versions", table, database):  # section 5
        raise LoadFailed("INTERNAL_ERROR", "Too many versions. tablet_id: 10010, version_count: "
                         "1001, limit: 1000, replica_state: 0")
    if house.fault("mem_limit", table, database):
        raise LoadFailed("MEM_LIMIT_EXCEEDED", "Memory of process exceed limit. Start execute plan "
                         "fragment. Used: 7700000000, Limit: 7600000000.")
    if house.fault("data_error", table, database):
        outcome.total = max(outcome.total, 1)
        outcome.errors.append(("this row was refused because the fault data_error is set", ""))


class Load:
    """One plain load, from its head to its answer."""

    def __init__(self, house: Warehouse, request: Request, database: str, table: str) -> None:
        self.house = house
        self.request = request
        self.headers = request.headers
        self.database = database
        self.table_name = table
        self.label = self.headers.get("label") or str(uuid.uuid4())
        self.txn: Optional[Transaction] = None
        self.status, self.message, self.existing = "Success", "OK", ""
        self.outcome = Outcome()
        self.loaded = 0
        self.size = 0
        self.error_url = ""
        self.began = time.monotonic()
        self.spent = dict.fromkeys(("begin", "plan", "read", "write", "commit"), 0)

    def run(self) -> None:
        """Head, begin and plan come before any `100 Continue` (1.2)."""
        given = self.house.credentials(self.request)
        if given is None:
            raise LoadFailed("INTERNAL_ERROR", "no valid Basic authorization")
        form = load_format(self.headers, self.request, self.house.version)
        timeout = read_timeout(self.headers, "timeout", 600)
        if not self.house.password_right(given):
            raise LoadFailed("INTERNAL_ERROR",
                             f"Access denied for {given[0]}@{self.request.client_host}")
        start = time.monotonic()
        with self.house.lock:
            table = find_table(self.house, self.database, self.table_name)
            try:
                self.txn = begin(self.house, self.database, self.label, self.table_name, timeout)
            except LabelUsed as used:
                self.status, self.existing = "Label Already Exists", existing_status(used.txn)
                raise LoadFailed("LABEL_ALREADY_EXISTS",
                                 f"Label [{self.label}] has already been used.") from used
            self.txn.busy = True
        self.spent["begin"] = round((time.monotonic() - start) * 1000)
        mapping, strict, ratio = load_plan(self.house, self.headers, table, form)
        self._write(table, form, mapping, strict, ratio)
        start = time.monotonic()
        self._commit()
        self.spent["commit"] = round((time.monotonic() - start) * 1000)
        self.house.counters.load(self.size, self.loaded)
        if self.house.fault("lose_answer", self.table_name, self.database):
            raise DropConnection

    def _write(self, table: Table, form: LoadFormat, mapping: Mapping, strict: bool,
               ratio: float) -> None:
        start = time.monotonic()
        try:
            self.size, self.outcome = self.house.take_body(self.request, table, form, mapping,
                                                           strict)
        except WholeBodyBad as bad:
            raise LoadFailed("DATA_QUALITY_ERROR", str(bad)) from bad
        self.spent["read"] = self.spent["write"] = round((time.monotonic() - start) * 1000)
        faults_of_writing(self.house, self.table_name, self.database, self.outcome)
        bad_rows, total = self.outcome.filtered, self.outcome.total
        if bad_rows:
            self.error_url = self.house.keep_errors(self.outcome.errors)
        if bad_rows > total * ratio:
            raise LoadFailed("DATA_QUALITY_ERROR", "too many filtered rows")
        self.loaded = total - bad_rows
        if self.loaded == 0:  # empty_load_as_error, 1.7
            raise LoadFailed("INTERNAL_ERROR", "all partitions have no load data")

    def _commit(self) -> None:
        where = (self.table_name, self.database)
        if self.outcome.staged is not None:
            self.txn.staged.append(self.outcome.staged)
        unknown = self.house.fault("fail_commit_unknown", *where)
        publish = self.house.fault("publish_timeout", *where)
        if unknown is None or unknown.committed:
            try:
                self.house.commit(self.txn, (publish.ms or 1000) / 1000 if publish else 0.0)
            except CommitRefused as late:
                raise LoadFailed("INTERNAL_ERROR", f"transaction {self.txn.txn_id} not found, "
                                 f"reason: {self.txn.reason}") from late
        if unknown:
            raise LoadFailed("TIMEOUT", "Commit transaction fail cause rpc timeout, Transaction "
                             "status unknown, you can retry with same label.")
        if publish:
            self.status = "Publish Timeout"
            self.message = ("Publish timeout. The data will be visible after a while, transaction "
                            f"id: {self.txn.txn_id}")

    def fail(self, failed: LoadFailed) -> None:
        if self.status != "Label Already Exists":
            self.status = "Fail"
        self.message = failed.text
        if "status unknown" in failed.text:
            return
        self.loaded = 0
        if self.txn is not None:
            self.house.abort(self.txn, failed.text)

    def answer(self) -> Response:
        """Members in the order of 1.5."""
        if self.txn is not None:
            self.txn.busy = False
        body: dict[str, object] = {"TxnId": self.txn.txn_id if self.txn else -1,
                                   "Label": self.label, "Status": self.status}
        if self.existing:
            body["ExistingJobStatus"] = self.existing
        body |= {"Message": self.message, "NumberTotalRows": self.outcome.total,
                 "NumberLoadedRows": self.loaded, "NumberFilteredRows": self.outcome.filtered,
                 "NumberUnselectedRows": 0, "LoadBytes": self.size,
                 "LoadTimeMs": round((time.monotonic() - self.began) * 1000),
                 "BeginTxnTimeMs": self.spent["begin"]}
        body |= {"StreamLoadPlanTimeMs": self.spent["plan"], "ReadDataTimeMs": self.spent["read"],
                 "WriteDataTimeMs": self.spent["write"],
                 "CommitAndPublishTimeMs": self.spent["commit"]}
        if self.error_url:
            body["ErrorURL"] = self.error_url
        return json_answer(body, self.house.fault("truncated_answer", self.table_name,
                                                  self.database) is not None)
