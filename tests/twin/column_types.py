# SPDX-License-Identifier: Apache-2.0
"""Column types: how they are written in DDL, and which values each one takes.

A value comes in as JSON gave it (None, bool, int, RawNumber, str, list, dict) or as CSV text, and
leaves as what SQLite keeps: int for whole numbers up to 64 bits and BOOLEAN, bytes for VARBINARY,
else canonical text, which loses nothing. facts/doris.md 3.1-3.4, facts/starrocks.md 3.2-3.5, 6.
"""

from __future__ import annotations

import base64
import binascii
import datetime
import json
import math
import re
import struct
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Context, Decimal, InvalidOperation
from typing import Callable, Optional, Union

Value = Union[None, int, str, bytes]

INT_BITS = {"TINYINT": 8, "SMALLINT": 16, "INT": 32, "BIGINT": 64}
ALIASES = {"INTEGER": "INT", "BOOL": "BOOLEAN", "TEXT": "STRING", "JSONB": "JSON",
           "DATEV2": "DATE", "DATETIMEV2": "DATETIME", "DECIMALV3": "DECIMAL",
           "DECIMALV2": "DECIMAL", "NUMERIC": "DECIMAL", "DECIMAL32": "DECIMAL",
           "DECIMAL64": "DECIMAL", "DECIMAL128": "DECIMAL"}
KNOWN = {*INT_BITS, "BOOLEAN", "LARGEINT", "FLOAT", "DOUBLE", "DECIMAL", "DATE", "DATETIME",
         "CHAR", "VARCHAR", "STRING", "JSON", "ARRAY", "VARBINARY"}
DORIS_STRING_LIMIT = 1048576  # string_type_length_soft_limit_bytes, facts/doris.md 1.5
STARROCKS_STRING_LIMIT = 65533  # STRING is VARCHAR(65533), facts/starrocks.md 6.3
EXACT = Context(prec=120)


class RawNumber(str):
    """A JSON number with a fraction or an exponent, kept as its text so that nothing is rounded."""


class BadValue(ValueError):
    """A value that the column does not take."""


class BadType(ValueError):
    """A type that does not exist, or that the twin does not hold."""


@dataclass(frozen=True)
class ColumnType:
    """A column's type. `length` is bytes; `scale` is also the fraction digits of DATETIME."""

    name: str
    length: int = 0
    precision: int = 0
    scale: int = 0
    element: Optional["ColumnType"] = None

    @property
    def is_text(self) -> bool:
        return self.name in ("CHAR", "VARCHAR", "STRING")

    @property
    def sqlite(self) -> str:
        """The storage declaration: numbers kept as text compare as numbers by collation."""
        if self.name in INT_BITS or self.name == "BOOLEAN":
            return "INTEGER"
        if self.name == "VARBINARY":
            return "BLOB"
        if self.name in ("LARGEINT", "DECIMAL", "FLOAT", "DOUBLE"):
            return "TEXT COLLATE twin_number"
        return "TEXT"

    def text(self, kind: str) -> str:
        """The type as the product's DESC and information_schema write it."""
        if self.name == "BOOLEAN":
            return "boolean" if kind == "starrocks" else "tinyint(1)"
        if self.name in ("CHAR", "VARCHAR", "VARBINARY"):
            return f"{self.name.lower()}({self.length})" if self.length else self.name.lower()
        if self.name == "STRING":
            return "text" if kind == "doris" else "varchar(65533)"
        if self.name == "DECIMAL":
            return f"decimal({self.precision},{self.scale})" if kind == "doris" \
                else f"decimal({self.precision}, {self.scale})"
        if self.name == "DATETIME":
            return f"datetime({self.scale})" if self.scale and kind == "doris" else "datetime"
        if self.name == "ARRAY":
            return f"array<{self.element.text(kind)}>"
        return self.name.lower()


def parse_type(text: str, kind: str) -> ColumnType:
    """Reads a type such as `varchar(20)` or `ARRAY<FLOAT>`; raises BadType."""
    match = re.fullmatch(r"\s*([A-Za-z_0-9]+)\s*(?:\(\s*([\d\s,*]+)\s*\)|<(.*)>)?\s*", text)
    if not match:
        raise BadType(f"mismatched type '{text}'")
    name = ALIASES.get(match[1].upper(), match[1].upper())
    arguments = [int(one) for one in re.findall(r"\d+", match[2] or "")]
    if name not in KNOWN or (name == "VARBINARY" and kind == "doris"):
        raise BadType(f"the type '{text}' is unknown, or not held by this stand-in")
    if name == "ARRAY":
        if match[3] is None:
            raise BadType(f"ARRAY needs its element's type, found '{text}'")
        return ColumnType("ARRAY", element=parse_type(match[3], kind))
    if name == "DECIMAL":
        precision, scale = (arguments + [0, 0])[:2] if arguments else \
            ((38, 9) if kind == "doris" else (10, 0))
        if not 1 <= precision <= 38:
            raise BadType(f"Precision of decimal must between 1 and 38. Precision was set to: "
                          f"{precision}.")
        if scale > precision:
            raise BadType(f"Scale of decimal must be less than precision. Scale is {scale} and "
                          f"precision is {precision}")
        return ColumnType(name, precision=precision, scale=scale)
    if name == "DATETIME":
        scale = arguments[0] if arguments else (0 if kind == "doris" else 6)
        if scale > 6:
            raise BadType(f"Scale of Datetime/Time must between 0 and 6. Scale was set to: {scale}")
        return ColumnType(name, scale=scale)
    if name in ("CHAR", "VARCHAR"):
        most = 255 if name == "CHAR" else 65533 if kind == "doris" else 1048576
        length = arguments[0] if arguments else (1 if name == "CHAR" else
                                                 65533 if kind == "doris" else 1)
        if match[2] and match[2].strip() == "*":
            length = most
        if not 1 <= length <= most:
            raise BadType(f"{name.capitalize()} size must be <= {most}: {length}")
        return ColumnType(name, length=length)
    if name == "VARBINARY":
        return ColumnType(name, length=arguments[0] if arguments else 1048576)
    if name == "STRING":
        return ColumnType(name, length=DORIS_STRING_LIMIT if kind == "doris"
                          else STARROCKS_STRING_LIMIT)
    return ColumnType(name)


# --- one value -----------------------------------------------------------------------------------

INTEGER = re.compile(r"\s*([+-]?\d+)(?:\.\d*)?\s*\Z", re.ASCII)
DATE = re.compile(r"(\d{4})-(\d{2})-(\d{2})\Z", re.ASCII)
DATETIME = re.compile(r"(\d{4}-\d{2}-\d{2})(?:[ T](\d{2}):(\d{2}):(\d{2})(?:\.(\d+))?)?\Z",
                      re.ASCII)
BOOLEANS = {"true": 1, "false": 0, "1": 1, "0": 0}


def as_text(raw: object) -> str:
    """A raw value as the text that the loader casts from (facts/doris.md 3.1)."""
    if isinstance(raw, str):
        return raw
    if raw is True or raw is False:
        return "1" if raw else "0"  # facts/doris.md 3.2, facts/starrocks.md 3.3
    if isinstance(raw, (list, dict)):
        return json_text(raw)
    return str(raw)


def json_text(raw: object, spaced: bool = False) -> str:
    """JSON with every number as it was written. Recursion is bounded by the parser's own."""
    if isinstance(raw, RawNumber):
        return str(raw)
    if isinstance(raw, dict):
        colon, comma = (": ", ", ") if spaced else (":", ",")
        return "{" + comma.join(json.dumps(key, ensure_ascii=False) + colon
                                + json_text(one, spaced) for key, one in raw.items()) + "}"
    if isinstance(raw, list):
        return "[" + (", " if spaced else ",").join(json_text(one, spaced) for one in raw) + "]"
    return json.dumps(raw, ensure_ascii=False)


def _integer(bits: int) -> Callable[[object], Value]:
    low, high = -(1 << (bits - 1)), (1 << (bits - 1)) - 1

    def convert(raw: object) -> Value:
        match = INTEGER.match(as_text(raw))
        if not match:
            raise BadValue
        number = int(match[1])
        if not low <= number <= high:
            raise BadValue
        return number if bits <= 64 else str(number)
    return convert


def _boolean(raw: object) -> Value:
    value = BOOLEANS.get(as_text(raw).strip().lower())
    if value is None:
        raise BadValue
    return value


def _decimal(kind: ColumnType) -> Callable[[object], Value]:
    step = Decimal(1).scaleb(-kind.scale)
    limit = Decimal(10) ** (kind.precision - kind.scale)

    def convert(raw: object) -> Value:
        try:
            number = Decimal(as_text(raw).strip())
        except InvalidOperation as bad:
            raise BadValue from bad
        if not number.is_finite() or abs(number.adjusted()) > 100:
            if not number.is_finite() or number:
                raise BadValue
        number = number.quantize(step, ROUND_HALF_UP, EXACT)
        if abs(number) >= limit:
            raise BadValue(f"decimal value is not valid for definition, value={as_text(raw)}, "
                           f"precision={kind.precision}, scale={kind.scale}")
        return f"{abs(number) if not number else number:f}"
    return convert


def _double(raw: object) -> Value:
    text = as_text(raw).strip()
    if "_" in text:
        raise BadValue
    try:
        number = float(text)
    except ValueError as bad:
        raise BadValue from bad
    if not math.isfinite(number):  # NaN and Inf: facts/starrocks.md 3.5
        raise BadValue
    shortest = repr(number)
    return shortest[:-2] if shortest.endswith(".0") else shortest


def _float(raw: object) -> Value:
    number = float(_double(raw))
    try:
        packed = struct.pack("<f", number)
    except OverflowError as bad:
        raise BadValue from bad
    for digits in range(6, 10):
        shortest = f"{number:.{digits}g}"
        if struct.pack("<f", float(shortest)) == packed:
            break
    return shortest


def _date(raw: object) -> Value:
    text = as_text(raw)
    match = DATE.match(text)
    if not match:
        raise BadValue
    # Year 0000 is in range (facts/doris.md 3.4), and Python's calendar begins at 1; 2000 has the
    # same leap rule.
    try:
        datetime.date(int(match[1]) or 2000, int(match[2]), int(match[3]))
    except ValueError as bad:
        raise BadValue from bad
    return text


def _datetime(scale: int, always: bool) -> Callable[[object], Value]:
    def convert(raw: object) -> Value:
        match = DATETIME.match(as_text(raw))
        if not match:
            raise BadValue
        date = _date(match[1])
        hour, minute, second = (int(match[part] or 0) for part in (2, 3, 4))
        if hour > 23 or minute > 59 or second > 59:
            raise BadValue
        fraction = match[5] or ""
        micros = int((fraction + "0" * 7)[:6])
        if scale < 6 or len(fraction) > 6:  # excess digits are rounded, facts/doris.md 3.4
            unit = 10 ** (6 - scale)
            exact = Decimal(f"{fraction[:6] or 0}.{fraction[6:] or 0}") if len(fraction) > 6 \
                else Decimal(micros)
            micros = int((exact / unit).quantize(Decimal(1), ROUND_HALF_UP)) * unit
        if micros >= 1000000:
            moment = datetime.datetime.fromisoformat(f"{date} {hour:02}:{minute:02}:{second:02}")
            moment += datetime.timedelta(seconds=1)
            date, hour, minute, second = str(moment.date()), moment.hour, moment.minute, \
                moment.second
            micros = 0
        text = f"{date} {hour:02}:{minute:02}:{second:02}"
        if scale and (always or micros):
            text += "." + f"{micros:06}"[:scale]
        return text
    return convert


def _text(limit: int) -> Callable[[object], Value]:
    def convert(raw: object) -> Value:
        text = as_text(raw)
        size = len(text.encode("utf-8", "surrogatepass"))
        if size > limit:
            head = text.encode("utf-8", "surrogatepass")[:32].decode("utf-8", "ignore")
            raise BadValue(f"the length of input is too long than schema. first 32 bytes of input "
                           f"str: [{head}] schema length: {limit}; actual length: {size}; ")
        return text
    return convert


def unique_keys(pairs: list[tuple[str, object]]) -> dict[str, object]:
    """Of a key that repeats in a JSON object the first is taken (facts/doris.md 3.2)."""
    found = dict(pairs)
    if len(found) != len(pairs):
        found = {}
        for key, value in pairs:
            found.setdefault(key, value)
    return found


def _refuse_constant(text: str) -> None:
    raise ValueError(f"{text} is no JSON")


JSON_DECODER = json.JSONDecoder(object_pairs_hook=unique_keys, parse_float=RawNumber,
                                parse_constant=_refuse_constant)


def _json(kind: str, from_csv: bool) -> Callable[[object], Value]:
    def convert(raw: object) -> Value:
        spaced = kind == "starrocks"
        if isinstance(raw, str) and not isinstance(raw, RawNumber):
            if raw == "" and kind == "doris":
                raise BadValue("jsonb with size 0 is invalid")
            if kind == "starrocks" and not from_csv and raw.lstrip()[:1] not in ("{", "["):
                return json_text(raw)  # a JSON string stays one, facts/starrocks.md 3.5
            try:
                raw = JSON_DECODER.decode(raw)
            except (ValueError, RecursionError) as bad:
                raise BadValue("invalid json text") from bad
        return json_text(raw, spaced)
    return convert


def _array(kind: ColumnType, product: str, from_csv: bool) -> Callable[[object], Value]:
    element = converter(kind.element, product, from_csv)
    quoted = kind.element.is_text or kind.element.name in ("DATE", "DATETIME")

    def convert(raw: object) -> Value:
        if isinstance(raw, str):
            try:
                raw = JSON_DECODER.decode(raw)
            except (ValueError, RecursionError) as bad:
                raise BadValue from bad
        if not isinstance(raw, list):
            raise BadValue
        cells = [None if one is None else element(one) for one in raw]
        texts = ["null" if one is None else json.dumps(one, ensure_ascii=False) if quoted
                 else str(one) for one in cells]
        return "[" + (", " if product == "doris" else ",").join(texts) + "]"
    return convert


def _binary(limit: int, from_csv: bool) -> Callable[[object], Value]:
    def convert(raw: object) -> Value:
        data = as_text(raw).encode()
        if from_csv:  # base64, else the bytes as they are: facts/starrocks.md 3.5
            try:
                data = base64.b64decode(data, validate=True)
            except binascii.Error:
                pass
        if len(data) > limit:
            raise BadValue
        return data
    return convert


def converter(kind: ColumnType, product: str, from_csv: bool = False) -> Callable[[object], Value]:
    """The function that takes one non-null raw value into storage, or raises BadValue."""
    if kind.name in INT_BITS:
        return _integer(INT_BITS[kind.name])
    if kind.is_text:
        return _text(kind.length)
    makers = {
        "LARGEINT": lambda: _integer(128), "BOOLEAN": lambda: _boolean,
        "DECIMAL": lambda: _decimal(kind), "DOUBLE": lambda: _double, "FLOAT": lambda: _float,
        "DATE": lambda: _date, "DATETIME": lambda: _datetime(kind.scale, product == "doris"),
        "JSON": lambda: _json(product, from_csv),
        "VARBINARY": lambda: _binary(kind.length, from_csv),
        "ARRAY": lambda: _array(kind, product, from_csv),
    }
    return makers[kind.name]()
