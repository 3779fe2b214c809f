# SPDX-License-Identifier: Apache-2.0
"""The `columns` header: which field of the file goes into which column of the table.

facts/doris.md 1.6, 4 (hidden columns, delete sign); facts/starrocks.md 1.6, 4 (`__op`).
"""

from __future__ import annotations

import base64
import binascii
import re
from dataclasses import dataclass, field
from typing import Callable, Optional

from tables import Column, Table

DELETE_SIGN = "__DORIS_DELETE_SIGN__"
OP = "__op"


class MappingError(Exception):
    """The header does not fit the table."""


class Missing:
    """Stands for a key that a JSON row does not have."""

    def __repr__(self) -> str:
        return "missing"


MISSING = Missing()


@dataclass
class Target:
    """One column of the table and where its values come from."""

    column: Column
    source: Optional[int] = None  # index into Mapping.sources
    function: Optional[Callable[[str], object]] = None
    constant: object = None  # used when there is no source: the default, or a literal


@dataclass
class Mapping:
    """How records become rows."""

    sources: list[str]
    targets: list[Target]
    mark: Optional[int] = None  # source index of the delete sign or __op
    all_deleted: bool = False
    partial: bool = False  # columns without a target stay as they are in the table (partial.py)
    missing: list[Missing] = field(default_factory=list)


def _unhex(text: str) -> object:
    try:
        return bytes.fromhex(text)
    except ValueError:
        return None


def _from_base64(text: str) -> object:
    try:
        return base64.b64decode(text, validate=True)
    except binascii.Error:
        return None


def split_columns(header: str) -> list[str]:
    """Splits at the commas that stand outside of quotes and brackets."""
    parts, depth, start, quoted = [], 0, 0, ""
    for at, char in enumerate(header):
        if quoted:
            quoted = "" if char == quoted else quoted
        elif char in "'\"`":
            quoted = char
        elif char in "()":
            depth += 1 if char == "(" else -1
        elif char == "," and depth == 0:
            parts.append(header[start:at].strip())
            start = at + 1
    parts.append(header[start:].strip())
    if quoted or depth:
        raise MappingError(f"Syntax error in columns: {header}")
    return parts


def unquote_name(text: str) -> str:
    text = text.strip()
    if len(text) > 1 and text[0] == text[-1] == "`":
        return text[1:-1].replace("``", "`")
    return text


def _assignment(item: str) -> Optional[tuple[str, str]]:
    match = re.fullmatch(r"(`[^`]+`|[^=`'\"()]+)=(.*)", item, re.DOTALL)
    return (unquote_name(match[1]), match[2].strip()) if match else None


def plan_mapping(table: Table, product: str, columns: Optional[str], hidden: str = "",
                 delete_all: bool = False, is_json: bool = False,
                 partial: bool = False) -> Mapping:
    """Reads the header against the table; raises MappingError as the planner would. In a `partial`
    one a column that the header does not name needs no default."""
    mark_name = DELETE_SIGN if product == "doris" else OP
    sources: list[str] = []
    assignments: list[tuple[str, str]] = []
    for item in split_columns(columns) if columns and columns.strip() else []:
        found = _assignment(item)
        if found:
            assignments.append(found)
        elif not item:
            raise MappingError(f"Syntax error in columns: {columns}")
        else:
            sources.append(unquote_name(item))
    implied = not sources
    if implied:
        sources = [column.name for column in table.columns]
        sources += [name.strip() for name in hidden.split(",") if name.strip()]
        if product == "starrocks" and is_json and table.keyed \
                and all(name != OP for name, _ in assignments):
            sources.append(OP)  # picked up by itself, facts/starrocks.md 4
    lowered = [name.lower() for name in sources]
    repeated = next((name for name in lowered if lowered.count(name) > 1), None)
    if repeated:
        raise MappingError(f"Duplicate column: {repeated}")

    mapping = Mapping(sources, [], missing=[MISSING] * len(sources), all_deleted=delete_all)
    _find_mark(mapping, mark_name, lowered, assignments, table)
    for column in table.columns:
        mapping.targets.append(_target(column, lowered, assignments, product, partial))
    for name, _ in assignments:
        if table.column(name) is None and name.lower() != mark_name.lower():
            raise MappingError(f"Unknown column '{name}' in '{table.name}'")
    return mapping


def _find_mark(mapping: Mapping, mark_name: str, lowered: list[str],
               assignments: list[tuple[str, str]], table: Table) -> None:
    if mark_name.lower() in lowered:
        if not table.keyed:
            raise MappingError(f"Unknown column '{mark_name}' in '{table.name}'")
        mapping.mark = lowered.index(mark_name.lower())
    for name, expression in assignments:
        if name.lower() != mark_name.lower():
            continue
        if not table.keyed:
            raise MappingError(f"Unknown column '{mark_name}' in '{table.name}'")
        if expression.lower() in lowered:
            mapping.mark = lowered.index(expression.lower())
        elif expression.strip("'\"").lower() in ("1", "true", "delete"):
            mapping.all_deleted = True
        elif expression.strip("'\"").lower() not in ("0", "false", "upsert"):
            raise MappingError(f"Invalid {mark_name}: {expression}")


def _target(column: Column, lowered: list[str], assignments: list[tuple[str, str]],
            product: str, partial: bool) -> Target:
    for name, expression in assignments:
        if name.lower() == column.name.lower():
            return _expression(column, expression, lowered)
    if column.name.lower() in lowered:
        return Target(column, lowered.index(column.name.lower()))
    if column.default is None and not column.nullable and not partial:
        raise MappingError(f"Column has no default value, column={column.name}"
                           if product == "doris"
                           else f"Column has no default value. column: {column.name}")
    return Target(column, constant=column.default_value(product))


def _expression(column: Column, text: str, lowered: list[str]) -> Target:
    """The few expressions that CDC clients send; any other is refused in plain words."""
    name = unquote_name(text).lower()
    if name in lowered:
        return Target(column, lowered.index(name))
    if match := re.fullmatch(r"'([^']*)'|\"([^\"]*)\"|(-?\d+(?:\.\d+)?)", text):
        return Target(column, constant=next(one for one in match.groups() if one is not None))
    if text.lower() == "null":
        return Target(column)
    call = re.fullmatch(r"(\w+)\s*\(\s*(`[^`]+`|\w+)\s*(?:,\s*['\"](\w+)['\"]\s*)?\)", text)
    if call:
        source = unquote_name(call[2]).lower()
        key = call[1].lower() + (f":{call[3].lower()}" if call[3] else "")
        functions = {"unhex": _unhex, "from_base64": _from_base64, "to_binary:hex": _unhex,
                     "to_binary": _unhex, "to_binary:encode64": _from_base64,
                     "to_binary:utf8": str.encode}
        if source in lowered and key in functions:
            return Target(column, lowered.index(source), functions[key])
    raise MappingError(f"this stand-in does not evaluate the expression '{text}'")
