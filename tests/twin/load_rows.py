# SPDX-License-Identifier: Apache-2.0
"""From the body of a load to rows: format, column mapping, casts, rejected rows.

`read_body` gives records (a tuple of raw values each, or the reason why the record is no row),
`check_rows` casts them a column at a time. facts/doris.md 3, facts/starrocks.md 3.
"""

from __future__ import annotations

import bz2
import gzip
import random
import re
import zlib
from dataclasses import dataclass, field
from typing import Optional, Union

from column_fast import convert_column
from column_types import (JSON_DECODER, BadValue, ColumnType, Value, as_text, converter,
                          json_text)
from mapping import MISSING, Mapping, Target
from tables import Staged, Table


class WholeBodyBad(Exception):
    """The body cannot be read at all (StarRocks: malformed JSON, facts/starrocks.md 3.3)."""


@dataclass
class LoadFormat:
    """How a body is to be read."""

    json: bool = False
    by_line: bool = False
    outer_array: bool = False
    separator: str = "\t"
    delimiter: str = "\n"
    skip_lines: int = 0
    compression: str = ""
    trim_quotes: bool = False
    empty_as_null: bool = False
    whole_rows: bool = False  # every row must end in its delimiter (facts/starrocks.md 2.1)


@dataclass
class Outcome:
    """What a body came to."""

    total: int = 0
    errors: list[tuple[str, str]] = field(default_factory=list)  # (reason, source line)
    staged: Optional[Staged] = None

    @property
    def filtered(self) -> int:
        return len(self.errors)


class Rejected:
    """A record that is no row."""

    __slots__ = ("reason", "source")

    def __init__(self, reason: str, source: str) -> None:
        self.reason = reason
        self.source = source


Record = Union[tuple, Rejected]


def decode_separator(text: str) -> str:
    """`\\x01\\x02` is hex, otherwise the usual escapes (facts/doris.md 3.3, starrocks.md 1.6)."""
    if text.lower().startswith("\\x"):
        digits = re.sub(r"\\x", "", text, flags=re.IGNORECASE)
        if not re.fullmatch(r"(?:[0-9a-fA-F]{2})+", digits):
            raise ValueError(f"Invalid delimiter '{text}': hex digits expected")
        return bytes.fromhex(digits).decode("utf-8", "surrogateescape")
    for escape, plain in (("\\t", "\t"), ("\\n", "\n"), ("\\r", "\r")):
        text = text.replace(escape, plain)
    return text


def decompress(body: bytes, how: str) -> bytes:
    """gz, bz2 and deflate; the codecs that Python lacks are refused by the plan."""
    if how == "gz":
        return gzip.decompress(body)
    if how == "bz2":
        return bz2.decompress(body)
    return zlib.decompress(body)


def read_body(body: bytes, form: LoadFormat, mapping: Mapping, product: str) -> list[Record]:
    """All records of a body, in order."""
    if form.compression:
        try:
            body = decompress(body, form.compression)
        except (OSError, EOFError, ValueError, zlib.error) as bad:
            raise WholeBodyBad(f"Decompress failed: {bad}") from bad
    if form.json:
        return _read_json(body, form, mapping, product)
    return _read_csv(body, form, mapping, product)


# --- CSV -----------------------------------------------------------------------------------------

def _read_csv(body: bytes, form: LoadFormat, mapping: Mapping, product: str) -> list[Record]:
    delimiter = form.delimiter.encode("utf-8", "surrogateescape")
    lines = bytes(body).split(delimiter)
    torn = None
    if lines and not lines[-1]:
        lines.pop()
    elif lines and form.whole_rows:
        torn = lines.pop()
    if lines and lines[0].startswith(b"\xef\xbb\xbf"):
        lines[0] = lines[0][3:]
    width = len(mapping.sources)
    records: list[Record] = []
    for line in lines[form.skip_lines:]:
        if delimiter == b"\n" and line.endswith(b"\r"):
            line = line[:-1]
        if not line:
            continue  # empty lines are skipped by both
        try:
            text = line.decode()
        except UnicodeDecodeError:
            records.append(Rejected(
                "Invalid file encoding: all CSV files must be UTF-8 encoded" if product == "doris"
                else "Invalid UTF-8 row", line.decode("utf-8", "replace")))
            continue
        cells: list[Optional[str]] = text.split(form.separator)
        if len(cells) != width:
            records.append(Rejected(_width_text(product, width, len(cells), form), text))
            continue
        if "\\N" in cells:
            cells = [None if cell == "\\N" else cell for cell in cells]
        if form.trim_quotes:
            cells = [cell[1:-1] if cell and len(cell) > 1 and cell[0] == cell[-1] == '"' else cell
                     for cell in cells]
        if form.empty_as_null:
            cells = [None if cell == "" else cell for cell in cells]
        records.append(tuple(cells))
    if torn is not None:
        # The next load's first bytes would be glued to it: it is no row.
        records.append(Rejected("The last row has no row delimiter",
                                torn.decode("utf-8", "replace")))
    return records


def _width_text(product: str, wanted: int, found: int, form: LoadFormat) -> str:
    if product == "doris":  # facts/doris.md 1.7
        return (f"Column count mismatch: expected {wanted}, but found {found} "
                f"(sep:{form.separator} delim:{form.delimiter!r})")
    return (f"Target column count: {wanted} doesn't match source value column count: {found}. "
            f"Column separator: {form.separator!r}, Row delimiter: {form.delimiter!r}")


# --- JSON ----------------------------------------------------------------------------------------

def _read_json(body: bytes, form: LoadFormat, mapping: Mapping, product: str) -> list[Record]:
    body = bytes(body)
    if body.startswith(b"\xef\xbb\xbf"):
        body = body[3:]
    if form.by_line and product == "doris":
        return _json_lines(body, form, mapping)
    try:
        text = body.decode()
    except UnicodeDecodeError as bad:
        return _json_broken(f"{bad}", "", product)
    values: list[object] = []
    at, size = _skip_space(text, 0), len(text)
    while at < size:
        try:
            value, at = JSON_DECODER.scan_once(text, at)
        except (StopIteration, ValueError, RecursionError) as bad:
            return _json_broken(str(bad), text[at:at + 200], product)
        at = _skip_space(text, at)
        if isinstance(value, list) and form.outer_array:
            values.extend(value)
        elif isinstance(value, list) and product == "starrocks":
            raise WholeBodyBad("The value is array type in json document stream, you can set "
                               "strip_outer_array=true to parse each element of the array as "
                               "individual rows.")
        elif form.outer_array and product == "starrocks":
            raise WholeBodyBad("The value should be array type in json document stream when "
                               "strip_outer_array=true")
        else:
            values.append(value)
        if product == "doris" and at < size:
            # Neither by line nor an array means one object; what follows it is an error.
            return _json_broken("extra content after the document", text[at:at + 200], product)
    return [_json_row(value, mapping, product) for value in values]


def _json_broken(why: str, source: str, product: str) -> list[Record]:
    if product == "starrocks":  # the whole request fails, facts/starrocks.md 3.3
        raise WholeBodyBad(f"Failed to parse json as document stream. error: {why}")
    return [Rejected(f"Parse json data failed. code: 28, error info: {why}", source)]


def _json_lines(body: bytes, form: LoadFormat, mapping: Mapping) -> list[Record]:
    records: list[Record] = []
    delimiter = form.delimiter.encode("utf-8", "surrogateescape")
    scan = JSON_DECODER.scan_once
    names = mapping.sources
    plain = not form.outer_array
    for raw in body.split(delimiter):
        if not raw or raw == b"\r":
            continue
        try:
            line = raw.decode()
            value, end = scan(line, 0 if line[0] == "{" else _skip_space(line, 0))
            if end != len(line) and _skip_space(line, end) != len(line):
                raise ValueError("extra content after the document")
        except (StopIteration, ValueError, RecursionError, IndexError) as bad:
            records.append(Rejected(f"Parse json data failed. code: 28, error info: {bad}",
                                    raw.decode("utf-8", "replace")))
            continue
        if plain and type(value) is dict:
            row = tuple(map(value.get, names, mapping.missing))
            records.append(_no_known_key(value, mapping) if row[0] is MISSING
                           and row.count(MISSING) == len(row) else row)
            continue
        if form.outer_array and isinstance(value, list):
            records.extend(_json_row(one, mapping, "doris") for one in value)
        else:
            records.append(_json_row(value, mapping, "doris"))
    return records


def _json_row(value: object, mapping: Mapping, product: str) -> Record:
    if not isinstance(value, dict):
        return Rejected("Parse json data failed. code: 28, error info: The value is not an object",
                        json_text(value))
    if not any(name in value for name in mapping.sources):
        if product == "doris":
            return _no_known_key(value, mapping)
    return tuple(map(value.get, mapping.sources, mapping.missing))


def _no_known_key(value: dict, mapping: Mapping) -> Rejected:
    return Rejected("There is no column matching jsonpaths in the json file, columns:["
                    + ", ".join(mapping.sources) + "], please check columns and jsonpaths:",
                    json_text(value))


def _skip_space(text: str, at: int) -> int:
    size = len(text)
    while at < size and text[at] in " \t\r\n":
        at += 1
    return at


# --- casts ---------------------------------------------------------------------------------------

@dataclass
class RowRules:
    """What decides whether a row is taken."""

    product: str
    strict: bool
    from_csv: bool
    dice: random.Random  # which of a load's rows with one key stays


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
    if rejected or bad:
        outcome.errors = _in_order(records, rejected, rows, bad)
    if bad:
        good = [index not in bad for index in range(len(rows))]
        columns = [[value for value, fine in zip(column, good) if fine] for column in columns]
        marks = [value for value, fine in zip(marks, good) if fine] if marks else marks
    ready = list(zip(*columns)) if len(rows) > len(bad) else []
    outcome.staged = _stage(ready, marks, mapping, table, rules)
    return outcome


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


def _cast_text(column, position: Optional[int], raw: object, why: str, rules: RowRules) -> str:
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
