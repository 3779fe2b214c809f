# SPDX-License-Identifier: Apache-2.0
"""SHOW and DESC."""

from __future__ import annotations

import datetime
import re

from sql_result import Cursor, Result, result
from sql_select import VARIABLES, Rewriter, fill_temporary, literal, run_query
from tables import Table
from transactions import PREPARED, Transaction

SYSTEM = ["information_schema"]
ALTER_COLUMNS = ["JobId", "TableName", "CreateTime", "FinishTime", "IndexName", "IndexId",
                 "OriginIndexId", "SchemaVersion", "TransactionId", "State", "Msg", "Progress",
                 "Timeout"]
TRANSACTION_COLUMNS = ["TransactionId", "Label", "Coordinator", "TransactionStatus",
                       "LoadJobSourceType", "PrepareTime", "PreCommitTime", "CommitTime",
                       "PublishTime", "FinishTime", "Reason", "ErrorReplicasCount", "ListenerId",
                       "TimeoutMs", "ErrMsg"]


def show(session, cursor: Cursor, text: str) -> Result:
    """Runs SHOW ... or DESC ...; unknown forms are syntax errors."""
    if cursor.word("DESC") or cursor.word("DESCRIBE"):
        return _describe(session, cursor)
    if cursor.word("ADMIN", "SHOW", "FRONTEND", "CONFIG"):
        return _frontend_config(session, cursor)
    cursor.need_word("SHOW")
    cursor.word("FULL")
    for words, function in FORMS.items():
        if cursor.word(*words.split()):
            return function(session, cursor)
    for scope in ("SESSION", "GLOBAL"):
        cursor.word(scope)
    if cursor.word("VARIABLES"):
        return _variables(session, cursor)
    if cursor.word("STATUS"):
        return result(["Variable_name", "Value"], [])
    raise cursor.syntax()


def _filtered(session, cursor: Cursor, columns: list[str], rows: list[tuple],
              like_column: str = "") -> Result:
    """Applies LIKE, WHERE, ORDER BY and LIMIT by way of a temporary table."""
    if cursor.at_end():
        return result(columns, rows)
    fill_temporary(session.catalog.db, "shown", columns, rows)
    tail = ""
    if like_column and cursor.word("LIKE"):
        tail = f"WHERE `{like_column}` LIKE {literal(cursor.string())}"
    elif cursor.token.is_word("WHERE", "ORDER", "LIMIT"):
        tail = Rewriter(session, cursor.tokens[cursor.at:]).rewrite()
        cursor.at = len(cursor.tokens)
    cursor.need_end()
    return run_query(session, f"SELECT * FROM temp.shown {tail}")


def _database(session, cursor: Cursor) -> str:
    named = cursor.name() if cursor.word("FROM") or cursor.word("IN") else None
    return session.database_of(named)


def _databases(session, cursor: Cursor) -> Result:
    names = sorted(session.catalog.databases + SYSTEM)
    return _filtered(session, cursor, ["Database"], [(name,) for name in names], "Database")


def _tables(session, cursor: Cursor) -> Result:
    full = cursor.tokens[1].is_word("FULL")
    database = _database(session, cursor)
    names = sorted(table.name for table in session.catalog.tables.values()
                   if table.database == database)
    column = f"Tables_in_{database}"
    if full:
        return _filtered(session, cursor, [column, "Table_type"],
                         [(name, "BASE TABLE") for name in names], column)
    return _filtered(session, cursor, [column], [(name,) for name in names], column)


def _describe_rows(session, table: Table) -> list[tuple]:
    rows = []
    for column in table.columns:
        key = "true" if column.key else "false"
        if session.product == "doris":
            key = "Yes" if column.key and session.house.version < (2, 1) else key
        rows.append((column.name, column.type.text(session.product),
                     ("Yes" if column.nullable else "No") if session.product == "doris" else
                     ("YES" if column.nullable else "NO"), key, column.default,
                     "" if column.key or table.model != "UNIQUE" else "NONE"))
    return rows


def _describe(session, cursor: Cursor) -> Result:
    table = session.table(cursor)
    cursor.word("ALL")
    cursor.need_end()
    return result(["Field", "Type", "Null", "Key", "Default", "Extra"],
                  _describe_rows(session, table))


def _columns(session, cursor: Cursor) -> Result:
    if not cursor.word("FROM"):
        cursor.need_word("IN")
    table = session.table(cursor)
    return _filtered(session, cursor, ["Field", "Type", "Null", "Key", "Default", "Extra"],
                     _describe_rows(session, table), "Field")


def _quoted(name: str) -> str:
    return "`" + name.replace("`", "``") + "`"


def create_table_text(session, table: Table) -> str:
    """What SHOW CREATE TABLE gives; it can be run again."""
    lines = []
    for column in table.columns:
        parts = [f"  {_quoted(column.name)} {column.type.text(session.product)}",
                 "NULL" if column.nullable else "NOT NULL"]
        if column.default is not None:
            parts.append(f"DEFAULT {column.default}" if column.default.startswith("CURRENT_")
                         else f'DEFAULT "{column.default}"')
        if column.comment:
            parts.append(f"COMMENT {literal(column.comment)}")
        lines.append(" ".join(parts))
    text = f"CREATE TABLE {_quoted(table.name)} (\n" + ",\n".join(lines) + "\n) ENGINE=OLAP"
    if table.keys:
        text += f"\n{table.model} KEY({', '.join(_quoted(one.name) for one in table.keys)})"
    if table.comment:
        text += f"\nCOMMENT {literal(table.comment)}"
    if table.distribution:
        text += f"\nDISTRIBUTED BY HASH({', '.join(map(_quoted, table.distribution))})"
    else:
        text += "\nDISTRIBUTED BY RANDOM"
    if table.buckets or session.product == "doris":
        text += f" BUCKETS {table.buckets or 'AUTO'}"
    listed = ",\n".join(f'"{name}" = "{value}"' for name, value in table.properties.items())
    return text + (f"\nPROPERTIES (\n{listed}\n);" if listed else ";")


def _create_table(session, cursor: Cursor) -> Result:
    table = session.table(cursor)
    cursor.need_end()
    return result(["Table", "Create Table"], [(table.name, create_table_text(session, table))])


def _create_database(session, cursor: Cursor) -> Result:
    name = session.database_of(cursor.name())
    return result(["Database", "Create Database"], [(name, f"CREATE DATABASE `{name}`")])


def _backends(session, cursor: Cursor) -> Result:
    house = session.house
    started = datetime.datetime.fromtimestamp(house.started).isoformat(" ", "seconds")
    now = datetime.datetime.now().isoformat(" ", "seconds")
    host = house.options.host
    if session.product == "doris":
        names = ["BackendId", "Host", "HeartbeatPort", "BePort", "HttpPort", "BrpcPort",
                 "ArrowFlightSqlPort", "LastStartTime", "LastHeartbeat", "Alive",
                 "SystemDecommissioned", "TabletNum", "DataUsedCapacity", "TrashUsedCapacity",
                 "AvailCapacity", "TotalCapacity", "UsedPct", "MaxDiskUsedPct",
                 "RemoteUsedCapacity", "Tag", "ErrMsg", "Version", "Status",
                 "HeartbeatFailureCounter", "NodeRole"]
        row = (10001, host, 9050, 9060, house.backend.port, 8060, -1, started, now, "true", "false",
               len(house.catalog.tables), "0.000", "0.000", "100.000 GB", "200.000 GB", "50.00 %",
               "50.00 %", "0.000", '{"location" : "default"}', "",
               f"doris-{house.version_text}-rc01-twin", "{}", 0, "mix")
    else:
        names = ["BackendId", "IP", "HeartbeatPort", "BePort", "HttpPort", "BrpcPort",
                 "LastStartTime", "LastHeartbeat", "Alive", "SystemDecommissioned",
                 "ClusterDecommissioned", "TabletNum", "DataUsedCapacity", "AvailCapacity",
                 "TotalCapacity", "UsedPct", "MaxDiskUsedPct", "ErrMsg", "Version", "Status"]
        row = (10001, host, 9050, 9060, house.backend.port, 8060, started, now, "true", "false",
               "false", len(house.catalog.tables), "0.000", "100.000 GB", "200.000 GB", "50.00 %",
               "50.00 %", "", f"{house.version_text}-twin", "{}")
    cursor.need_end()
    return result(names, [row])


def _frontends(session, cursor: Cursor) -> Result:
    house = session.house
    names = ["Name", "Host" if session.product == "doris" else "IP", "EditLogPort", "HttpPort",
             "QueryPort", "RpcPort", "Role", "IsMaster" if session.product == "doris" else
             "IsLeader", "ClusterId", "Join", "Alive", "Version"]
    row = ("fe_twin", house.options.host, 9010, house.frontend.port, house.query_port, 9020,
           "FOLLOWER" if session.product == "doris" else "LEADER", "true", 1, "true", "true",
           house.version_text + "-twin")
    cursor.need_end()
    return result(names, [row])


def _frontend_config(session, cursor: Cursor) -> Result:
    """The settings that a loading client cares for (facts/doris.md 1.5, 1.8, starrocks.md 1.7)."""
    rules, options = session.house.transactions.rules, session.house.options
    if session.product == "doris":
        known = {"streaming_label_keep_max_second": int(rules.keep_seconds),
                 "label_num_threshold": rules.keep_count,
                 "stream_load_default_timeout_second": 259200,
                 "stream_load_default_precommit_timeout_second": int(options.prepared_timeout
                                                                     or 3600)}
    else:
        known = {"label_keep_max_second": int(rules.keep_seconds),
                 "label_keep_max_num": rules.keep_count, "stream_load_default_timeout_second": 600,
                 "prepared_transaction_default_timeout_second": int(options.prepared_timeout
                                                                    or 86400)}
    known["max_running_txn_num_per_db"] = rules.max_running
    return _filtered(session, cursor, ["Key", "Value"],
                     [(name, str(value)) for name, value in sorted(known.items())], "Key")


def _compute_nodes(session, cursor: Cursor) -> Result:
    return result(["ComputeNodeId", "IP", "HttpPort", "Alive"], [])


def _variables(session, cursor: Cursor) -> Result:
    known = {**{name: str(value) for name, value in VARIABLES.items()},
             "version": session.server_version, "version_comment": session.version_comment,
             **session.house.options.variable, **session.variables}
    return _filtered(session, cursor, ["Variable_name", "Value"], sorted(known.items()),
                     "Variable_name")


def _time(seconds: float) -> str:
    if not seconds:
        return "\\N"
    return datetime.datetime.fromtimestamp(seconds).isoformat(" ", "milliseconds")


def _transaction_row(session, txn: Transaction) -> tuple:
    status = txn.state
    if status == PREPARED and session.product == "doris":
        status = "PRECOMMITTED"
    return (txn.txn_id, txn.label, txn.coordinator, status, "BACKEND_STREAMING",
            _time(txn.prepare_time), _time(txn.prepared_time), _time(txn.commit_time),
            _time(txn.commit_time), _time(txn.finish_time), txn.reason, 0, -1,
            int(txn.timeout * 1000), "")


def _transaction(session, cursor: Cursor) -> Result:
    """Needs WHERE label = / label LIKE / id = / status = (facts/doris.md 1.9)."""
    database = _database(session, cursor)
    if not cursor.word("WHERE"):
        raise session.error("should supply condition like: ID = $transaction_id, or LABEL = 'label'"
                            ", or status = 'prepare/precommitted/committed/visible/aborted'")
    column = cursor.name().upper()
    txns = session.house.transactions.listing(database)
    if column == "LABEL" and cursor.word("LIKE"):
        pattern = re.escape(cursor.string()).replace("%", ".*").replace("_", ".")
        found = [txn for txn in txns if re.fullmatch(pattern.replace("\\.", "."), txn.label)]
    else:
        cursor.need_mark("=")
        token = cursor.token
        if token is None:
            raise cursor.syntax()
        cursor.at += 1
        found = _match_transactions(session, column, token.text, txns)
    cursor.need_end()
    return result(TRANSACTION_COLUMNS, [_transaction_row(session, txn) for txn in found])


def _match_transactions(session, column: str, value: str,
                        txns: list[Transaction]) -> list[Transaction]:
    if column == "LABEL":
        found = [txn for txn in txns if txn.label == value]
        if not found:
            raise session.error(f"transaction with label {value} does not exist")
        return found
    if column in ("ID", "TRANSACTIONID"):
        found = [txn for txn in txns if str(txn.txn_id) == value]
        if not found:
            raise session.error(f"transaction with id {value} does not exist")
        return found
    if column == "STATUS":
        wanted = PREPARED if value.upper() == "PRECOMMITTED" else value.upper()
        return [txn for txn in txns if txn.state == wanted]
    raise session.error(f"Unknown column '{column}'", 1054)


def _alter_column(session, cursor: Cursor) -> Result:
    database = _database(session, cursor)
    rows = []
    for job in session.house.alters.jobs:
        if job.database == database:
            progress = "50%" if job.state == "RUNNING" else None
            rows.append((job.job_id, job.table, job.created, job.finished or None, job.table,
                         job.job_id + 1, job.table_id, "1:0", job.job_id + 2, job.state,
                         job.message, progress, 86400))
    return _filtered(session, cursor, ALTER_COLUMNS, rows)


def _alter_rollup(session, cursor: Cursor) -> Result:
    """There are no rollups here, and no jobs that build them."""
    _database(session, cursor)
    return _filtered(session, cursor, ["JobId", "TableName", "CreateTime", "FinishTime",
                                       "BaseIndexName", "RollupIndexName", "RollupId",
                                       "TransactionId", "State", "Msg", "Progress", "Timeout"], [])


def _processlist(session, cursor: Cursor) -> Result:
    return result(["Id", "User", "Host", "Db", "Command", "Time", "State", "Info"],
                  [(session.number, "root", "", session.database, "Query", 0, "OK", "")])


def _empty(*names: str):
    def shown(session, cursor: Cursor) -> Result:
        return result(list(names), [])
    return shown


def _grants(session, cursor: Cursor) -> Result:
    return result(["UserIdentity", "GlobalPrivs"], [("'root'@'%'", "Admin_priv")])


FORMS = {
    "DATABASES": _databases, "SCHEMAS": _databases, "TABLES": _tables, "COLUMNS": _columns,
    "FIELDS": _columns, "CREATE TABLE": _create_table, "CREATE DATABASE": _create_database,
    "BACKENDS": _backends, "FRONTENDS": _frontends, "COMPUTE NODES": _compute_nodes,
    "TRANSACTION": _transaction, "ALTER TABLE COLUMN": _alter_column,
    "ALTER TABLE ROLLUP": _alter_rollup,
    "PROCESSLIST": _processlist, "WARNINGS": _empty("Level", "Code", "Message"),
    "ERRORS": _empty("Level", "Code", "Message"), "GRANTS": _grants,
    "ENGINES": _empty("Engine", "Support", "Comment"),
}
