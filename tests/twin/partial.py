# SPDX-License-Identifier: Apache-2.0
"""Loads that give some columns of a row and keep the others (facts/doris.md 4, facts/starrocks.md 4).

What the sheets do not say is from the servers' own public tests and sources: RT
test_partial_update_strict_mode and test_partial_update_new_key_policy of apache/doris for keys that
the table does not have; OlapTableSink's and Load's refusals, whose words are below.
"""

from __future__ import annotations

from typing import Optional

from column_types import as_text
from mapping import DELETE_SIGN, Mapping, MappingError, split_columns, unquote_name
from row_checks import Outcome
from tables import Catalog, Table

SINCE = {"doris": (2, 0), "starrocks": (2, 2)}
NEW_KEY_HEADER_SINCE = (3, 1)  # partial_update_new_key_behavior; before it strict mode decides
BEHAVIOURS = ("APPEND", "ERROR")


class PartialError(Exception):
    """The load is refused as a whole; `code` is Doris's name for the error."""

    def __init__(self, code: str, text: str) -> None:
        super().__init__(text)
        self.code = code
        self.text = text


def wanted(product: str, version: tuple, headers: dict[str, str]) -> bool:
    """Whether a load is a partial update. A server that is too old does not know the header."""
    name = "partial_columns" if product == "doris" else "partial_update"
    mode = headers.get("unique_key_update_mode", "UPSERT").upper() if product == "doris" else "UPSERT"
    if mode == "UPDATE_FLEXIBLE_COLUMNS":
        raise MappingError("this stand-in does not hold unique_key_update_mode "
                           "UPDATE_FLEXIBLE_COLUMNS")
    asked = headers.get(name, "").lower() == "true" or mode == "UPDATE_FIXED_COLUMNS"
    return asked and version >= SINCE[product]


def is_merge_on_write(table: Table, version: tuple) -> bool:
    default = "true" if version >= (2, 1) else "false"
    return table.model == "UNIQUE" and table.properties.get(
        "enable_unique_key_merge_on_write", default).lower() == "true"


def check_table(table: Table, product: str, version: tuple) -> None:
    """Raises MappingError where the table's rows cannot be updated in parts."""
    if product == "starrocks":
        if table.model != "PRIMARY":
            raise MappingError("Only primary key table support partial update")
    elif not is_merge_on_write(table, version):
        raise MappingError("Only unique key merge on write support partial update")


def restrict(mapping: Mapping, table: Table, product: str, columns: Optional[str]) -> Mapping:
    """Leaves only the columns that the header names, in the table's own spelling: both products
    compare the names byte by byte here, and pass over one that does not match."""
    named = {unquote_name(item.partition("=")[0]) for item in split_columns(columns or "")}
    if product == "doris" and not (columns or "").strip():
        return mapping  # no column is missing: a plain load
    hidden = [name for name in named if name.startswith("__DORIS_") and name != DELETE_SIGN]
    if product == "doris" and hidden:
        raise MappingError("Partial update should not include invisible column except delete sign "
                           f"column: {hidden[0]}")
    for column in table.keys:
        if column.name not in named:
            raise MappingError(f"Partial update should include all key columns, missing: "
                               f"{column.name}" if product == "doris" else
                               f"key column {column.name} not in partial update columns")
    mapping.targets = [target for target in mapping.targets if target.column.name in named]
    mapping.partial = True
    return mapping


def check_new_keys(catalog: Catalog, table: Table, outcome: Outcome, headers: dict[str, str],
                   version: tuple) -> None:
    """Doris: what becomes of rows whose key the table does not have. The catalog's lock is held.

    With ERROR the load fails; in strict mode before that header came, the rows are filtered,
    deletions among them; else they are new rows, if the columns that are not named can be filled."""
    staged = outcome.staged
    if staged is None or not staged.partial:
        return
    behaviour = headers.get("partial_update_new_key_behavior", "APPEND").upper() \
        if version >= NEW_KEY_HEADER_SINCE else "APPEND"
    if behaviour not in BEHAVIOURS:
        raise PartialError("INVALID_ARGUMENT", "Invalid partial_update_new_key_behavior "
                           f"{behaviour}, must be one of {{'APPEND', 'ERROR'}}")
    filters = version < NEW_KEY_HEADER_SINCE and headers.get("strict_mode", "").lower() == "true"
    there = catalog.keys_there(table, staged.keys())
    fresh = [row for row, key in zip(staged.upserts, staged.keys()) if key not in there]
    if filters:
        gone = catalog.keys_there(table, staged.deletes)
        outcome.errors += [("the row to be updated is not in the table", " ".join(
            map(as_text, (value for value in row if value is not None))))
            for row in fresh + [key for key in staged.deletes if key not in gone]]
        staged.upserts = [row for row, key in zip(staged.upserts, staged.keys()) if key in there]
        staged.deletes = [key for key in staged.deletes if key in gone]
        return
    if not fresh:
        return
    if behaviour == "ERROR":
        raise PartialError("E-7003", "Can't append new rows in partial update when "
                           "partial_update_new_key_behavior is ERROR. Row with key=["
                           f"{', '.join(map(str, staged.key_of(fresh[0])))}] is not in table.")
    check_fillable(table, staged.uids)


def check_fillable(table: Table, uids: list[int]) -> None:
    """A new row needs a value for every column."""
    for column in table.columns:
        if column.uid not in uids and column.default is None and not column.nullable:
            raise PartialError("INVALID_SCHEMA", f"the unmentioned column `{column.name}` should "
                               "have default value or be nullable for newly inserted rows in "
                               "non-strict mode partial update")
