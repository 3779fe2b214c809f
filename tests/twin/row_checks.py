# SPDX-License-Identifier: Apache-2.0
"""From records to rows that may be stored: casts, NULL rules, delete marks, one row a key.

Works a column at a time. facts/doris.md 3.1, 3.4 and 4, facts/starrocks.md 3.5 and 4.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from typing import Optional

from column_fast import convert_column
from column_types import BadValue, ColumnType, Value, as_text, converter
from load_rows import Record, Rejected, WholeBodyBad
from mapping import MISSING, Mapping, Target
from tables import Column, Staged, Table


@dataclass
class Outcome:
    """What a body came to."""

    total: int = 0
    errors: list[tuple[str, str]] = field(default_factory=list)  # (reason, source line)
    staged: Optional[Staged] = None

    @property
    def filtered(self) -> int:
        return len(self.errors)


@dataclass
class RowRules:
    """What decides whether a row is taken."""

    product: str
    strict: bool
    from_csv: bool
    dice: random.Random  # which of a load's rows with one key stays
    refused: Optional[str] = None  # a fault: rows with this value are at fault


def check_rows(records: list[Record], mapping: Mapping, table: Table, rules: RowRules) -> Outcome:
    """Casts all records; rows that fail are in `errors`, the others are staged."""
    outcome = Outcome(total=len(records))
    rejected = {index: (record.reason, record.source)
                for index, record in enumerate(records) if type(record) is Rejected}
    rows = [record for record in records if type(record) is tuple] if rejected else records
    cells = list(zip(*rows)) if rows else [()] * len(mapping.sources)
    bad: dict[int, str] = {}
    columns = [_cast_column(target, cells, len(rows), rules, bad) for target in mapping.targets]
    marks = _marks(mapping, cells, len(rows), rules, bad)
    if rules.refused is not None:
        _refuse(rows, mapping, rules, bad)
    if rejected or bad:
        outcome.errors = _in_order(records, rejected, rows, bad)
    if bad:
        good = [index not in bad for index in range(len(rows))]
        columns = [[value for value, fine in zip(column, good) if fine] for column in columns]
        marks = [value for value, fine in zip(marks, good) if fine] if marks else marks
    ready = list(zip(*columns)) if len(rows) > len(bad) else []
    outcome.staged = _stage(ready, marks, mapping, table, rules)
    outcome.staged.partial = mapping.partial
    outcome.staged.key_places = [index for index, target in enumerate(mapping.targets)
                                 if target.column.key]
    return outcome


def _refuse(rows: list, mapping: Mapping, rules: RowRules, bad: dict[int, str]) -> None:
    """Rows that no partition takes, or whose value is out of the column's range."""
    for index, row in enumerate(rows):
        for target in mapping.targets:
            value = None if target.source is None else row[target.source]
            if value is MISSING or value is None or as_text(value) != rules.refused:
                continue
            bad.setdefault(index, f"no partition for this tuple. tuple={rules.refused}"
                           if rules.product == "doris" else
                           _cast_text(target.column, target.source, value, "", rules))


def _in_order(records: list[Record], rejected: dict[int, tuple[str, str]], rows: list,
              bad: dict[int, str]) -> list[tuple[str, str]]:
    """The errors of both kinds in the order of the body."""
    errors, row = [], 0
    for index, record in enumerate(records):
        if index in rejected:
            errors.append(rejected[index])
            continue
        if row in bad:
            errors.append((bad[row], " ".join("NULL" if one is None else as_text(one)
                                              for one in record if one is not MISSING)))
        row += 1
    return errors


def _cast_column(target: Target, cells: list[tuple], count: int, rules: RowRules,
                 bad: dict[int, str]) -> list[Value]:
    column = target.column
    if target.source is None:
        if target.constant is None and not column.nullable:
            for index in range(count):
                bad.setdefault(index, _null_text(column.name, rules))
        value = target.constant
        if isinstance(value, str):
            value = converter(column.type, rules.product, True)(value)
        return [value] * count
    values = list(cells[target.source])
    if not rules.from_csv and MISSING in values:
        # Doris takes the default, StarRocks NULL: facts/doris.md 3.2, facts/starrocks.md 3.3.
        fill = column.default if rules.product == "doris" else None
        values = [fill if value is MISSING else value for value in values]
    if target.function is not None:
        values = [None if value is None else target.function(as_text(value)) for value in values]
    fast = convert_column(column.type, rules.product, values)
    values = _cast_each(values, target, rules, bad) if fast is None else fast
    if not column.nullable and None in values:
        text = _null_text(column.name, rules)
        for index, value in enumerate(values):
            if value is None:
                bad.setdefault(index, text)
    return values


def _cast_each(values: list, target: Target, rules: RowRules, bad: dict[int, str]) -> list[Value]:
    column = target.column
    convert = converter(column.type, rules.product, rules.from_csv)
    cast: list[Value] = []
    for index, raw in enumerate(values):
        if raw is None or isinstance(raw, bytes):
            cast.append(raw)  # bytes come from a function in `columns`
            continue
        try:
            value = convert(raw)
            if isinstance(value, str):
                value.encode()
            cast.append(value)
        except UnicodeEncodeError:
            bad.setdefault(index, "Parse json data failed. code: 10, error info: UTF8_ERROR: The "
                                  "input is not valid UTF-8")
            cast.append("")
        except BadValue as why:
            if rules.strict:
                bad.setdefault(index, _cast_text(column, target.source, raw, str(why), rules))
                cast.append("")  # not NULL, so that the row gets one reason
            else:
                cast.append(_lenient(column.type, raw, rules))
    return cast


def _lenient(kind: ColumnType, raw: object, rules: RowRules) -> Value:
    """Without strict mode a bad value is NULL; Doris cuts a long string (facts/doris.md 3.1)."""
    if kind.is_text and rules.product == "doris":
        return as_text(raw).encode()[:kind.length].decode("utf-8", "ignore")
    return None


def _null_text(name: str, rules: RowRules) -> str:
    if rules.product == "starrocks":
        return f"NULL value in non-nullable column '{name}'"
    if rules.from_csv:
        return f"column({name}) values is null while columns is not nullable"
    return f"Json value is null, but the column `{name}` is not nullable."


def _cast_text(column: Column, position: Optional[int], raw: object, why: str,
               rules: RowRules) -> str:
    text = as_text(raw)
    if rules.product == "starrocks":  # facts/starrocks.md 3.2
        return (f"The field (name = {column.name}, pos = {position}) is out of range. "
                f"Type: {column.type.text('starrocks').upper()}, Value length: "
                f"{len(text.encode('utf-8', 'replace'))}, Value: {text}")
    if why:
        return why
    return (f"column({column.name}) value is incorrect while strict mode is true, src value is "
            f"{text}")


def _marks(mapping: Mapping, cells: list[tuple], count: int, rules: RowRules,
           bad: dict[int, str]) -> list[bool]:
    """Which rows delete. Empty when none can."""
    if mapping.all_deleted:
        return [True] * count
    if mapping.mark is None:
        return []
    known = {0: False, 1: True, "0": False, "1": True, True: True, False: False, None: False,
             MISSING: False, "true": True, "false": False}
    marks = []
    for index, raw in enumerate(cells[mapping.mark]):
        sign = known.get(raw) if raw.__hash__ else None
        if sign is None or (raw is None and rules.product == "starrocks"):
            bad.setdefault(index, f"Value '{as_text(raw)}' of the delete mark is neither 0 nor 1")
            sign = False
        marks.append(sign)
    return marks


PRIMARY_KEY_LIMIT = 128  # primary_key_limit_size, facts/starrocks.md 4
KEY_SIZES = {"BOOLEAN": 1, "TINYINT": 1, "SMALLINT": 2, "INT": 4, "BIGINT": 8, "LARGEINT": 16,
             "DATE": 4, "DATETIME": 8}


def _check_key_size(keys: list[tuple], kinds: list[ColumnType]) -> None:
    """A key that is too long when encoded cancels the whole load (facts/starrocks.md 4).

    A text that is not the last column is encoded with two bytes at its end."""
    fixed = sum(KEY_SIZES.get(kind.name, 2) for kind in kinds)
    texts = [index for index, kind in enumerate(kinds) if kind.is_text]
    if texts and texts[-1] == len(kinds) - 1:
        fixed -= 2
    if not texts:
        return
    for key in keys:
        if fixed + sum(len(key[index].encode()) for index in texts) > PRIMARY_KEY_LIMIT:
            raise WholeBodyBad("primary key size exceed the limit")


def _stage(rows: list[tuple], marks: list[bool], mapping: Mapping, table: Table,
           rules: RowRules) -> Staged:
    uids = [target.column.uid for target in mapping.targets]
    if not table.keyed:
        return Staged(table.table_id, uids, rows, [])
    at = [index for index, target in enumerate(mapping.targets) if target.column.key]
    keys = list(zip(*(tuple(row[index] for row in rows) for index in at)))
    if rules.product == "starrocks":
        _check_key_size(keys, [mapping.targets[index].column.type for index in at])
    if len(set(keys)) != len(keys):
        # The order inside one load is not promised (facts/doris.md 4, facts/starrocks.md 4), so a
        # client that sends a key twice must not get away with it: any one of its rows may stay.
        seats: dict[tuple, list[int]] = {}
        for index, key in enumerate(keys):
            seats.setdefault(key, []).append(index)
        kept = sorted(rules.dice.choice(seat) for seat in seats.values())
        rows = [rows[index] for index in kept]
        keys = [keys[index] for index in kept]
        marks = [marks[index] for index in kept] if marks else marks
    if not marks or True not in marks:
        return Staged(table.table_id, uids, rows, [])
    return Staged(table.table_id, uids, [row for row, gone in zip(rows, marks) if not gone],
                  [key for key, gone in zip(keys, marks) if gone])
