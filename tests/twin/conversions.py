# SPDX-License-Identifier: Apache-2.0
"""Which MODIFY COLUMN a product takes: the type matrix (facts/doris.md 6.3, starrocks.md 6.2).

Doris: catalog/ColumnType.java. StarRocks: catalog/SchemaChangeTypeCompatibility.java, where a STRING
is a VARCHAR of 65533 bytes; DECIMAL keeps its digits on both sides of the point; a key column only
ever becomes a longer VARCHAR, and only in new versions (alter/SchemaChangeHandler.java).
"""

from __future__ import annotations

from typing import Optional

from tables import Column, Table

TEXTS = {"VARCHAR", "STRING"}
WIDER = ["TINYINT", "SMALLINT", "INT", "BIGINT", "LARGEINT"]
DORIS = {
    **{name: set(WIDER[index + 1:]) | {"FLOAT", "DOUBLE"} | TEXTS
       for index, name in enumerate(WIDER)},
    "FLOAT": {"DOUBLE"} | TEXTS,
    "DOUBLE": set(TEXTS),
    "VARCHAR": set(WIDER) | {"FLOAT", "DOUBLE", "DATE", "STRING", "JSON", "VARCHAR"},
    "CHAR": set(WIDER) | {"FLOAT", "DOUBLE", "DATE", "VARCHAR", "STRING", "CHAR"},
    "STRING": {"JSON"},
    "JSON": set(TEXTS),
    "DECIMAL": {"DECIMAL"} | TEXTS,
    "DATE": {"DATETIME"},
    "DATETIME": {"DATE", "DATETIME"},
}
DORIS["INT"].add("DATE")
STARROCKS = {
    **{name: set(WIDER[index + 1:]) | {"DOUBLE", "VARCHAR", "STRING"}
       for index, name in enumerate(WIDER)},
    "LARGEINT": set(TEXTS),
    "FLOAT": {"DOUBLE", "VARCHAR", "STRING"},
    "DOUBLE": {"VARCHAR", "STRING"},
    "VARCHAR": set(WIDER) | {"FLOAT", "DOUBLE", "DATE", "DECIMAL", "JSON"} | TEXTS,
    "CHAR": {"CHAR"} | TEXTS,
    "STRING": set(WIDER) | {"FLOAT", "DOUBLE", "DATE", "DECIMAL", "JSON"} | TEXTS,
    "JSON": set(TEXTS),
    "DECIMAL": {"DECIMAL", "VARCHAR", "STRING"},
    "DATE": {"DATETIME"},
    "DATETIME": {"DATE"},
}
TEXT_WIDTH = {"TINYINT": 4, "SMALLINT": 6, "INT": 11, "BIGINT": 20, "LARGEINT": 40}


def conversion_refusal(product: str, version: tuple, old: Column, new: Column, is_key: bool,
                       table: Table) -> Optional[str]:
    """Why this MODIFY is refused, in the product's words; None when it is taken."""
    if old.key and product == "starrocks" and table.model == "PRIMARY":
        grows = old.type.name == new.type.name == "VARCHAR" and new.type.length > old.type.length
        if version < (4, 1):
            return f"Can not modify key column: {old.name} for primary key table"
        if not grows:
            return (f"Can not modify key column: {old.name} for primary key table except for "
                    "increasing varchar length")
        return f"primary key column[{old.name}] cannot be nullable" if new.nullable else None
    if old.key != is_key and product == "doris":
        return f"Can not modify key column to value column or back: {old.name}" if is_key else \
            f"Can not change column {old.name} from key to value, restate KEY"
    if old.nullable and not new.nullable:
        return "Can not change from nullable to non-nullable"
    if old.default != new.default:
        return "Can not change default value"
    if old.type == new.type:
        return None
    if any(name.lower() == old.name.lower() for name in table.distribution):
        return f"Can not modify distribution column[{old.name}]"
    allowed = (DORIS if product == "doris" else STARROCKS).get(old.type.name, set())
    if new.type.name not in allowed:
        return (f"Can not change {old.type.name} to {new.type.name}")
    return _narrower(product, old, new)


def _narrower(product: str, old: Column, new: Column) -> Optional[str]:
    one, two = old.type, new.type
    if product == "starrocks" and one.is_text and two.is_text \
            and (two.length or 65533) < (one.length or 65533):
        return "Cannot shorten string length"
    if one.name in ("CHAR", "VARCHAR") and two.name in ("CHAR", "VARCHAR") \
            and two.length < one.length:
        return (f"Shorten type length is prohibited, srcType={one.text('doris')}, "
                f"dstType={two.text('doris')}")
    if two.name == "VARCHAR" and two.length < TEXT_WIDTH.get(one.name, 0):
        return f"Can not change from wider type {one.text('doris')} to narrower type " \
               f"{two.text('doris')}"
    if one.name == two.name == "DECIMAL" and (two.precision - two.scale < one.precision - one.scale
                                              or two.scale < one.scale):
        return f"Can not change from wider type {one.text('doris')} to narrower type " \
               f"{two.text('doris')}"
    return None
