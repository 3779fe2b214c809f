# SPDX-License-Identifier: Apache-2.0
"""SQL functions of the products that SQLite lacks, and exact sums."""

from __future__ import annotations

import hashlib
import re
import sqlite3
from decimal import Decimal, InvalidOperation
from typing import Optional, Union


def compare_numbers(left: str, right: str) -> int:
    """Collation of numbers that are kept as text."""
    try:
        one, two = Decimal(left), Decimal(right)
    except InvalidOperation:
        one, two = left, right
    return (one > two) - (one < two)


class Total:
    """SUM that is exact for whole numbers and decimals of any size."""

    def __init__(self) -> None:
        self.total: Optional[Decimal] = None

    def step(self, value: Union[int, str, None]) -> None:
        if value is not None:
            number = Decimal(value)
            self.total = number if self.total is None else self.total + number

    def finalize(self) -> Union[int, str, None]:
        if self.total is None:
            return None
        whole = self.total == self.total.to_integral_value() and self.total.as_tuple().exponent >= 0
        if whole and abs(self.total) < 1 << 63:
            return int(self.total)
        return f"{self.total:f}"


def install_functions(db: sqlite3.Connection) -> None:
    """MySQL's functions that SQLite lacks; LENGTH counts bytes."""
    def text(value: object) -> str:
        return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)

    def of_text(function):
        return lambda value: None if value is None else function(text(value))

    one_argument = {
        "length": of_text(lambda value: len(value.encode())),
        "char_length": of_text(len), "ucase": of_text(str.upper), "lcase": of_text(str.lower),
        "md5": of_text(lambda value: hashlib.md5(value.encode()).hexdigest()),
    }
    for name, function in one_argument.items():
        db.create_function(name, 1, function, deterministic=True)
    db.create_function("concat", -1, lambda *parts: None if None in parts
                       else "".join(map(text, parts)), deterministic=True)
    db.create_function("concat_ws", -1, lambda mark, *parts: mark.join(
        text(part) for part in parts if part is not None), deterministic=True)
    db.create_function("if", 3, lambda test, yes, no: yes if test else no, deterministic=True)
    db.create_function("left", 2, lambda value, count: text(value)[:count], deterministic=True)
    db.create_function("regexp", 2, lambda pattern, value: value is not None
                       and re.search(pattern, text(value)) is not None, deterministic=True)
    db.create_collation("twin_number", compare_numbers)
    db.create_aggregate("sum", 1, Total)
    db.execute("PRAGMA case_sensitive_like = ON")
