# SPDX-License-Identifier: Apache-2.0
"""information_schema, made from the catalog.

Quirks kept: BOOLEAN is listed as tinyint and LARGEINT as bigint unsigned; COLUMN_KEY says PRI for
StarRocks primary keys only (facts/starrocks.md 6.3).
"""

from __future__ import annotations

from tables import Column, Table

VIEWS = {
    "schemata": ["CATALOG_NAME", "SCHEMA_NAME", "DEFAULT_CHARACTER_SET_NAME",
                 "DEFAULT_COLLATION_NAME", "SQL_PATH"],
    "tables": ["TABLE_CATALOG", "TABLE_SCHEMA", "TABLE_NAME", "TABLE_TYPE", "ENGINE", "VERSION",
               "ROW_FORMAT", "TABLE_ROWS", "AVG_ROW_LENGTH", "DATA_LENGTH", "CREATE_TIME",
               "UPDATE_TIME", "TABLE_COLLATION", "CREATE_OPTIONS", "TABLE_COMMENT"],
    "columns": ["TABLE_CATALOG", "TABLE_SCHEMA", "TABLE_NAME", "COLUMN_NAME", "ORDINAL_POSITION",
                "COLUMN_DEFAULT", "IS_NULLABLE", "DATA_TYPE", "CHARACTER_MAXIMUM_LENGTH",
                "CHARACTER_OCTET_LENGTH", "NUMERIC_PRECISION", "NUMERIC_SCALE",
                "DATETIME_PRECISION", "CHARACTER_SET_NAME", "COLLATION_NAME", "COLUMN_TYPE",
                "COLUMN_KEY", "EXTRA", "PRIVILEGES", "COLUMN_COMMENT", "COLUMN_SIZE",
                "DECIMAL_DIGITS", "GENERATION_EXPRESSION", "SRS_ID"],
    # Of StarRocks: the model and the keys of a table.
    "tables_config": ["TABLE_SCHEMA", "TABLE_NAME", "TABLE_ENGINE", "TABLE_MODEL", "PRIMARY_KEY",
                      "PARTITION_KEY", "DISTRIBUTE_KEY", "DISTRIBUTE_TYPE", "DISTRIBUTE_BUCKET",
                      "SORT_KEY", "PROPERTIES", "TABLE_ID"],
    # Read by clients to look for privileges; one user holds everything.
    "user_privileges": ["GRANTEE", "TABLE_CATALOG", "PRIVILEGE_TYPE", "IS_GRANTABLE"],
}
SIZES = {"TINYINT": 3, "SMALLINT": 5, "INT": 10, "BIGINT": 19, "LARGEINT": 39, "FLOAT": 7,
         "DOUBLE": 15}


def view_rows(session, view: str) -> list[tuple]:
    """The rows of one view."""
    catalog = session.catalog
    if view == "schemata":
        return [("def" if session.product == "starrocks" else "internal", name, "utf8",
                 "utf8_general_ci", None) for name in [*catalog.databases, "information_schema"]]
    if view == "user_privileges":
        return [("'root'@'%'", "def", "ADMIN", "YES")]
    tables = sorted(catalog.tables.values(), key=lambda one: (one.database, one.name))
    if view == "tables":
        return [_table_row(session, table) for table in tables]
    if view == "tables_config":
        return [_config_row(table) for table in tables]
    return [_column_row(session, table, index, column) for table in tables
            for index, column in enumerate(table.columns)]


def _table_row(session, table: Table) -> tuple:
    catalog = "def" if session.product == "starrocks" else "internal"
    engine = "StarRocks" if session.product == "starrocks" else "Doris"
    return (catalog, table.database, table.name, "BASE TABLE", engine, None, None,
            session.catalog.row_count(table), 0, 0, table.created, table.created, "utf8_general_ci",
            None, table.comment)


def _config_row(table: Table) -> tuple:
    keys = ", ".join(f"`{column.name}`" for column in table.keys)
    model = {"PRIMARY": "PRIMARY_KEYS", "DUPLICATE": "DUP_KEYS", "UNIQUE": "UNIQUE_KEYS"}
    return (table.database, table.name, "OLAP", model[table.model],
            keys if table.keyed else "", "", ", ".join(f"`{one}`" for one in table.distribution),
            "HASH" if table.distribution else "RANDOM", table.buckets or 0, keys, "",
            table.table_id)


def data_type(product: str, column: Column) -> str:
    name = column.type.name
    special = {"BOOLEAN": "tinyint", "LARGEINT": "bigint unsigned",
               "STRING": "text" if product == "doris" else "varchar"}
    return special.get(name, name.lower())


def _column_row(session, table: Table, index: int, column: Column) -> tuple:
    product, kind = session.product, column.type
    length = kind.length if kind.is_text or kind.name == "VARBINARY" else None
    precision = kind.precision if kind.name == "DECIMAL" else SIZES.get(kind.name)
    scale = kind.scale if kind.name == "DECIMAL" else 0 if kind.name in SIZES else None
    key = ""
    if column.key and table.keyed:
        key = "PRI" if product == "starrocks" else "UNI"
    elif column.key and product == "doris":
        key = "DUP"
    catalog = "def" if product == "starrocks" else "internal"
    written = kind.text(product)
    if product == "starrocks" and kind.name == "BOOLEAN":
        written = "tinyint(1)"
    elif product == "starrocks" and kind.name == "LARGEINT":
        written = "bigint(20) unsigned"
    return (catalog, table.database, table.name, column.name, index + 1, column.default,
            "YES" if column.nullable else "NO", data_type(product, column), length, length,
            precision, scale, kind.scale if kind.name == "DATETIME" else None,
            "utf8" if kind.is_text else None, "utf8_general_ci" if kind.is_text else None, written,
            key, "", "", column.comment, length or precision, scale, None, None)
