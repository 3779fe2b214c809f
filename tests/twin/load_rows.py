# SPDX-License-Identifier: Apache-2.0
"""From the body of a load to records: a tuple of raw values each, or why the record is no row.

CSV and JSON in the shapes of facts/doris.md 3.2, 3.3 and facts/starrocks.md 3.2, 3.3.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Optional, Union

from compression import unpack
from column_types import JSON_DECODER, json_text
from mapping import MISSING, Mapping


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


def plain_body(body: bytes, form: LoadFormat) -> bytes:
    if not form.compression:
        return body
    try:
        return unpack(body, form.compression)
    except ValueError as bad:
        raise WholeBodyBad(f"Decompress failed: {bad}") from bad


def count_rows(body: bytes, form: LoadFormat) -> int:
    """By their delimiters; a last row may lack its own."""
    plain, delimiter = plain_body(body, form), form.delimiter.encode("utf-8", "surrogateescape")
    return plain.count(delimiter) + (1 if plain and not plain.endswith(delimiter) else 0)


def read_body(body: bytes, form: LoadFormat, mapping: Mapping, product: str) -> list[Record]:
    """All records of a body, in order."""
    body = plain_body(body, form)
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
