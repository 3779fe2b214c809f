# SPDX-License-Identifier: Apache-2.0
"""INSERT INTO ... VALUES and DELETE FROM ... WHERE, for small tables such as a progress row."""

from __future__ import annotations

from column_types import BadValue, converter
from sql_result import Cursor
from sql_select import Rewriter, name_of, table_select, run_query
from sql_tables import need_column, read_names
from tables import Staged


def insert_rows(session, cursor: Cursor) -> int:
    """INSERT of literal rows; strict, as enable_insert_strict is by default."""
    cursor.need_word("INSERT", "INTO")
    table = session.table(cursor)
    names = [column.name for column in table.columns]
    if cursor.token is not None and cursor.token.is_mark("("):
        names = read_names(cursor)
    columns = [need_column(session, table, name) for name in names]
    cursor.need_word("VALUES")
    rows = []
    while True:
        cursor.need_mark("(")
        given = {}
        for index, column in enumerate(columns):
            if index:
                cursor.need_mark(",")
            given[column.uid] = _literal(cursor)
        cursor.need_mark(")")
        rows.append(_row(session, table, given))
        if not cursor.mark(","):
            break
    cursor.need_end()
    with session.catalog.atomically():
        uids = [column.uid for column in table.columns]
        session.catalog.apply([Staged(table.table_id, uids, rows, [])])
    return len(rows)


def _literal(cursor: Cursor):
    token = cursor.token
    if cursor.word("NULL"):
        return None
    for word in ("TRUE", "FALSE"):
        if cursor.word(word):
            return word.lower()
    if cursor.mark("-"):
        token = cursor.token
        cursor.at += 1
        return "-" + token.text
    if token is None or token.kind not in ("string", "number"):
        raise cursor.syntax()
    cursor.at += 1
    return token.text


def _row(session, table, given: dict) -> tuple:
    row = []
    for column in table.columns:
        if column.uid not in given:
            value = column.default_value(session.product)
        elif given[column.uid] is None:
            value = None
        else:
            try:
                value = converter(column.type, session.product, True)(given[column.uid])
            except BadValue as bad:
                raise session.error(f"Insert has filtered data in strict mode: column {column.name}"
                                    f", value {given[column.uid]}") from bad
        if value is None and not column.nullable:
            raise session.error(f"Insert has filtered data in strict mode: column {column.name} is "
                                "not nullable")
        row.append(value)
    return tuple(row)


def delete_rows(session, cursor: Cursor) -> int:
    """DELETE FROM t WHERE ...: the condition is SQLite's work, like that of a SELECT."""
    cursor.need_word("DELETE", "FROM")
    table = session.table(cursor)
    if cursor.token is None or not cursor.token.is_word("WHERE"):
        raise session.error("Where clause is not set")
    condition = Rewriter(session, cursor.tokens[cursor.at + 1:]).rewrite()
    catalog = session.catalog
    if not table.keyed:
        query = (f"SELECT row FROM (SELECT rowid AS row, {table_select(catalog, table)[7:]}) "
                 f"AS {name_of(table.name)} WHERE {condition}")
        found = run_query(session, query).rows
        catalog.db.executemany(f"DELETE FROM {catalog.storage(table)} WHERE rowid = ?", found)
        return len(found)
    keys = ", ".join(name_of(column.name) for column in table.keys)
    found = run_query(session, f"SELECT {keys} FROM ({table_select(catalog, table)}) AS "
                      f"{name_of(table.name)} WHERE {condition}").rows
    with catalog.atomically():
        catalog.apply([Staged(table.table_id, [], [], found)])
    return len(found)
