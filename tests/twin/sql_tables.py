# SPDX-License-Identifier: Apache-2.0
"""CREATE TABLE, as strict as the real planners (facts/doris.md 6.2, facts/starrocks.md 6.1)."""

from __future__ import annotations

import re
from typing import Optional

from column_types import BadType, BadValue, ColumnType, converter, parse_type
from sql_result import Cursor, Ok
from tables import Column, Table

TABLE_NAME = {"doris": re.compile(r"[a-zA-Z0-9\-_$]{1,64}\Z"),
              "starrocks": re.compile(r"[^\x00\s][^\x00]{0,1023}\Z")}
COLUMN_NAME = {"doris": re.compile(r"[.a-zA-Z0-9_+\-/?@#$%^&*\" ,:]{1,256}\Z"),
               "starrocks": re.compile(r"[^\x00=<>!*]{1,1024}\Z")}
KEY_WORDS = {"UNIQUE": "UNIQUE", "PRIMARY": "PRIMARY", "DUPLICATE": "DUPLICATE"}
FORBIDDEN_KEYS = {"doris": ("STRING", "JSON", "ARRAY", "FLOAT", "DOUBLE"),
                  # facts/starrocks.md 4: key columns
                  "starrocks": ("JSON", "ARRAY", "FLOAT", "DOUBLE", "DECIMAL", "VARBINARY")}
PROPERTIES = {
    "doris": {"replication_num", "replication_allocation", "enable_unique_key_merge_on_write",
              "light_schema_change", "storage_medium", "storage_format", "compression",
              "bloom_filter_columns", "in_memory", "disable_auto_compaction", "store_row_column",
              "estimate_partition_size", "group_commit_interval_ms", "group_commit_data_bytes",
              "enable_single_replica_compaction", "compaction_policy", "min_load_replica_num",
              "enable_mow_light_delete", "storage_policy", "is_being_synced"},
    "starrocks": {"replication_num", "fast_schema_evolution", "enable_persistent_index",
                  "compression", "storage_medium", "in_memory", "bloom_filter_columns",
                  "write_quorum", "replicated_storage", "colocate_with", "storage_format",
                  "persistent_index_type", "bucket_size", "storage_volume",
                  "primary_index_cache_expire_sec", "datacache.enable"},
}
ALIVE_BACKENDS = 1


def read_type(session, cursor: Cursor, text: str) -> ColumnType:
    """A type from its tokens; the text between them is what parse_type reads."""
    start = cursor.token.start if cursor.token else 0
    cursor.name()
    end = cursor.tokens[cursor.at - 1].end
    if cursor.token is not None and (cursor.token.is_mark("(") or cursor.token.is_mark("<")):
        depth = 0
        while cursor.token is not None:
            mark = cursor.token.text if cursor.token.kind == "mark" else ""
            depth += {"(": 1, "<": 1, ")": -1, ">": -1}.get(mark, 0)
            end = cursor.token.end
            cursor.at += 1
            if depth == 0:
                break
    try:
        return parse_type(text[start:end], session.product)
    except BadType as bad:
        raise session.error(str(bad)) from bad


def read_column(session, cursor: Cursor, text: str) -> tuple[Column, bool]:
    """A column definition, and whether it says KEY. NULL is the default (facts/doris.md 6.2)."""
    name = cursor.name()
    if not COLUMN_NAME[session.product].match(name):
        raise session.error(f"Incorrect column name '{name}'", 1166, "42000")
    if name.lower().startswith(("__doris_", "__doris_shadow_") if session.product == "doris"
                               else ("__op", "__row")):
        raise session.error(f"Incorrect column name '{name}', column name can't start with a "
                            "reserved prefix", 1166, "42000")
    column = Column(name, read_type(session, cursor, text))
    is_key = null_default = False
    while not cursor.at_end() and not (cursor.token.is_mark(",") or cursor.token.is_mark(")")
                                       or cursor.token.is_word("AFTER", "FIRST")):
        if cursor.word("NOT", "NULL"):
            column.nullable = False
        elif cursor.word("NULL"):
            column.nullable = True
        elif cursor.word("KEY"):
            is_key = True
        elif cursor.word("COMMENT"):
            column.comment = cursor.string()
        elif cursor.word("DEFAULT"):
            null_default = not _read_default(session, cursor, column)
        else:
            raise cursor.syntax()
    if null_default and not column.nullable:
        raise session.error(f"Can not set null default value to non nullable column: {name}")
    return column, is_key


def _read_default(session, cursor: Cursor, column: Column) -> bool:
    """The literal after DEFAULT; false when it is NULL. Only quoted text and CURRENT_TIMESTAMP."""
    token = cursor.token
    if cursor.word("NULL"):
        return False
    if cursor.word("CURRENT_TIMESTAMP"):
        digits = ""
        if cursor.mark("("):
            digits = "" if cursor.token.is_mark(")") else f"({cursor.number()})"
            cursor.need_mark(")")
        if column.type.name != "DATETIME":
            raise session.error("Types other than DATETIME and DATETIMEV2 cannot use "
                                "current_timestamp as the default value")
        column.default = "CURRENT_TIMESTAMP" + digits
        return True
    if token is not None and token.kind == "number" and session.product == "doris":
        cursor.at += 1  # Doris also takes bare numbers
        column.default = token.text
    else:
        column.default = cursor.string()  # "must be quoted", facts/starrocks.md 6.1
    if column.type.name in ("JSON", "ARRAY"):
        raise session.error(f"{column.type.name.capitalize()} type column default value just "
                            "support null")
    try:
        converter(column.type, session.product, True)(column.default)
    except BadValue as bad:
        raise session.error(f"Invalid default value for '{column.name}'", 1067, "42000") from bad
    return True


def read_names(cursor: Cursor) -> list[str]:
    """`(a, b)`."""
    cursor.need_mark("(")
    names = [cursor.name()]
    while cursor.mark(","):
        names.append(cursor.name())
    cursor.need_mark(")")
    return names


def read_properties(cursor: Cursor) -> dict[str, str]:
    """`("a" = "b", ...)`."""
    cursor.need_mark("(")
    found: dict[str, str] = {}
    while True:
        name = cursor.string()
        cursor.need_mark("=")
        found[name] = cursor.string()
        if not cursor.mark(","):
            break
    cursor.need_mark(")")
    return found


def need_column(session, table: Table, name: str) -> Column:
    column = table.column(name)
    if column is None:
        raise session.error(f"Column does not exists: {name}")
    return column


def create_table(session, cursor: Cursor, text: str) -> Ok:
    """CREATE TABLE after its first two words."""
    missing_only = cursor.word("IF", "NOT", "EXISTS")
    given, name = cursor.qualified()
    database = session.database_of(given)
    if not TABLE_NAME[session.product].match(name):
        raise session.error(f"Incorrect table name '{name}'", 1103, "42000")
    table = Table(0, database, name, "", [])
    marked = _read_body(session, cursor, text, table)
    key_names = _read_tail(session, cursor, table)
    cursor.need_end()
    _settle_keys(session, table, key_names, marked)
    _check_distribution(session, table)
    _check_properties(session, table)
    if session.catalog.get(database, name) is not None:
        if missing_only:
            return Ok()
        raise session.error(f"Table '{name}' already exists", 1050, "42S01")
    session.catalog.create_table(table)
    return Ok()


def _read_body(session, cursor: Cursor, text: str, table: Table) -> list[str]:
    cursor.need_mark("(")
    marked: list[str] = []
    while True:
        column, is_key = read_column(session, cursor, text)
        if table.column(column.name) is not None:
            raise session.error(f"Duplicate column name '{column.name}'", 1060, "42S21")
        table.add(column)
        if is_key:
            marked.append(column.name)
        if not cursor.mark(","):
            break
    cursor.need_mark(")")
    return marked


def _read_tail(session, cursor: Cursor, table: Table) -> Optional[list[str]]:
    """Everything after the column list; the clauses come in this order only."""
    key_names: Optional[list[str]] = None
    if cursor.word("ENGINE"):
        cursor.need_mark("=")
        if cursor.name().lower() != "olap":
            raise session.error("this stand-in holds tables of ENGINE=OLAP only")
    for word, model in KEY_WORDS.items():
        if cursor.word(word, "KEY"):
            if (model == "PRIMARY") != (session.product == "starrocks") and model != "DUPLICATE":
                raise session.error(f"this stand-in holds no {word} KEY tables of this product")
            table.model = model
            key_names = read_names(cursor)
            break
    if cursor.word("COMMENT"):
        table.comment = cursor.string()
    if cursor.token is not None and cursor.token.is_word("PARTITION", "AUTO", "AGGREGATE"):
        raise session.error(f"this stand-in holds no {cursor.token.text.upper()} clause")
    if cursor.word("DISTRIBUTED", "BY"):
        if cursor.word("RANDOM"):
            table.distribution = []
        else:
            cursor.need_word("HASH")
            table.distribution = read_names(cursor)
        if cursor.word("BUCKETS") and not cursor.word("AUTO"):
            table.buckets = cursor.number()
            if table.buckets <= 0:
                raise session.error("Buckets number of distribution should be greater than zero.")
    elif session.product == "doris":
        raise session.error("Create olap table should contain distribution desc")
    if session.product == "starrocks" and cursor.word("ORDER", "BY"):
        for name in read_names(cursor):
            if table.column(name) is None:
                raise session.error(f"Unknown column '{name}' does not exist")
    if cursor.word("PROPERTIES"):
        table.properties = read_properties(cursor)
    return key_names


def _settle_keys(session, table: Table, key_names: Optional[list[str]], marked: list[str]) -> None:
    """Which columns are keys; they must be an ordered prefix of the columns."""
    if key_names is None:
        table.model = "DUPLICATE"
        key_names = marked or _default_keys(table)
    prefix = [column.name.lower() for column in table.columns[:len(key_names)]]
    for name in key_names:
        if table.column(name) is None:
            raise session.error(f"Key column[{name}] doesn't exist.")
    if [name.lower() for name in key_names] != prefix:
        raise session.error("Key columns should be a ordered prefix of the schema. KeyColumns["
                            f"{', '.join(key_names)}] (starts from zero) should be the first "
                            "columns of the schema" if session.product == "doris" else
                            "Key columns must be the first few columns of the schema and the order "
                            " of the key columns must be consistent with the order of the schema")
    for name in key_names:
        column = table.column(name)
        column.key = True
        check_key_type(session, column)
        if table.model == "PRIMARY":
            column.nullable = False  # facts/starrocks.md 4: NOT NULL


def _default_keys(table: Table) -> list[str]:
    """Without a key clause the first sortable columns become the keys, at most three."""
    names: list[str] = []
    for column in table.columns:
        if column.type.name in FORBIDDEN_KEYS["doris"] + ("VARBINARY",) or len(names) == 3:
            break
        names.append(column.name)
        if column.type.name == "VARCHAR":
            break
    return names


def check_key_type(session, column: Column) -> None:
    if column.type.name not in FORBIDDEN_KEYS[session.product]:
        return
    if column.type.name in ("FLOAT", "DOUBLE"):
        raise session.error("Float or double can not used as a key, use decimal instead.")
    if column.type.name == "STRING":
        raise session.error(f"String Type should not be used in key column[{column.name}]")
    raise session.error(f"{column.type.name.capitalize()} type should not be used in key column"
                        f"[{column.name}]" if session.product == "doris" else
                        f"Invalid data type of key column '{column.name}': '{column.type.name}'")


def _check_distribution(session, table: Table) -> None:
    for name in table.distribution:
        column = table.column(name)
        if column is None:
            raise session.error(f"Distribution column({name}) doesn't exist")
        if table.keyed and not column.key:
            raise session.error(f"Distribution column[{name}] is not key column"
                                if session.product == "doris" else
                                f"The distribution column[{name}] must be a key column")
        if column.type.name in ("FLOAT", "DOUBLE", "JSON", "ARRAY"):
            raise session.error(f"{column.type.name} type should not be used in distribution column"
                                f"[{name}]")
    if table.keyed and not table.distribution and session.product == "doris":
        raise session.error("Create unique keys table should not contain random distribution desc")


def _check_properties(session, table: Table) -> None:
    known = PROPERTIES[session.product]
    unknown = {name: value for name, value in table.properties.items() if name not in known
               and not name.startswith("dynamic_partition.")}
    if unknown:
        listed = ", ".join(f"{name}={value}" for name, value in unknown.items())
        raise session.error(f"Unknown properties: {{{listed}}}")
    allocation = table.properties.get("replication_allocation", "")
    text = allocation.rpartition(":")[2].strip() if allocation else \
        table.properties.get("replication_num", "3")
    if not text.isdigit() or int(text) < 1:
        raise session.error(f"Replication num should between 1 and 32767, but found {text}")
    if int(text) > ALIVE_BACKENDS:  # default 3: facts/doris.md 6.2, facts/starrocks.md 6.1
        if session.product == "doris":
            raise session.error("replication num should be less than the number of available "
                                f"backends. replication num is {text}, available backend num is "
                                f"{ALIVE_BACKENDS}")
        raise session.error("Table replication num should be less than of equal to the number of "
                            "available BE nodes. You can change this default by setting the "
                            "replication_num table properties. Current alive backend is [10001]. "
                            f", table={table.name}, properties.replication_num={text}")
