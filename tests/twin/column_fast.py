# SPDX-License-Identifier: Apache-2.0
"""A whole column cast by a few passes at C speed, when all its values are plain ones.

This is what makes a load fast. A column that is not vouched for here goes cell by cell through
column_types.py, which alone decides what is right: whatever this module lets pass must be what the
cell-wise casts would give (a test compares the two).
"""

from __future__ import annotations

import math
import re
from functools import lru_cache
from typing import Optional

from column_types import INT_BITS, ColumnType, RawNumber

DAY = (r"\d{4}-(?:(?:0[1-9]|1[0-2])-(?:0[1-9]|1\d|2[0-8])|(?:0[13-9]|1[0-2])-(?:29|30)"
       r"|(?:0[13578]|1[02])-31)")  # 29 February is left to the calendar
CLOCK = r" (?:[01]\d|2[0-3]):[0-5]\d:[0-5]\d"


@lru_cache(maxsize=None)
def canonical(kind: ColumnType, product: str) -> Optional[re.Pattern[str]]:
    """Matches one value and its line end, when the value is stored just as it is written."""
    if kind.name == "DATE":
        one = DAY
    elif kind.name == "DATETIME":
        fraction = ""
        if kind.scale:
            fraction = rf"\.\d{{{kind.scale}}}" if product == "doris" else \
                rf"(?:\.(?!0{{{kind.scale}}})\d{{{kind.scale}}})?"
        one = DAY + CLOCK + fraction
    elif kind.name == "DECIMAL":
        whole = kind.precision - kind.scale
        digits = rf"(?:0|[1-9]\d{{0,{whole - 1}}})" if whole else "0"
        one = (rf"(?!-0\.?0*\n)-?{digits}" + (rf"\.\d{{{kind.scale}}}" if kind.scale else ""))
    elif kind.name == "LARGEINT":
        one = r"(?:0|-?[1-9]\d{0,37})"
    else:
        return None
    return re.compile(rf"(?:{one}\n)*", re.ASCII)


def convert_column(kind: ColumnType, product: str, values: list) -> Optional[list]:
    """The stored values, or None when the column must go cell by cell."""
    some = [one for one in values if one is not None] if None in values else values
    if not some:
        return values
    seen = set(map(type, some))
    if kind.name in INT_BITS:
        half = 1 << (INT_BITS[kind.name] - 1)
        return values if seen == {int} and min(some) >= -half and max(some) < half else None
    if kind.is_text:
        return values if seen == {str} and _short_text(kind, some) else None
    if kind.name == "BOOLEAN":
        return [one if one is None else int(one) for one in values] if seen == {bool} else None
    if kind.name == "DOUBLE":
        return _doubles(values, seen, some)
    pattern = canonical(kind, product)
    if pattern is None or not seen <= {str, RawNumber, int}:
        return None
    if seen != {str}:
        if not (kind.name in ("DECIMAL", "LARGEINT") and (int not in seen or not kind.scale)):
            return None
        values = [one if one is None else str(one) for one in values]
        some = [one for one in values if one is not None] if None in values else values
    joined = "\n".join(some) + "\n"
    # The count shows a value that has a line end inside.
    return values if joined.count("\n") == len(some) and pattern.fullmatch(joined) else None


def _short_text(kind: ColumnType, texts: list[str]) -> bool:
    """Short enough in bytes, and free of half surrogate pairs, which are no UTF-8."""
    longest = max(map(len, texts))
    if longest > kind.length:
        return False
    if all(map(str.isascii, texts)):
        return True
    try:
        sizes = map(len, map(str.encode, texts))
        return max(sizes) <= kind.length
    except UnicodeEncodeError:
        return False


def _doubles(values: list, seen: set, some: list) -> Optional[list]:
    if not seen <= {RawNumber, int}:
        return None
    try:
        numbers = list(map(float, some))
    except (ValueError, OverflowError):
        return None
    if not all(map(math.isfinite, numbers)):
        return None
    texts = iter([text[:-2] if text.endswith(".0") else text for text in map(repr, numbers)])
    if some is values:
        return list(texts)
    return [None if one is None else next(texts) for one in values]
