# SPDX-License-Identifier: Apache-2.0
"""SELECT: rewritten token by token and handed to SQLite.

A table becomes `(SELECT "c1" AS name, ...) AS t`, so that users' names, column order and renames
are the catalog's and nothing of the storage shows. information_schema is made anew for each query
that mentions it.
"""

from __future__ import annotations

import datetime
import re
import sqlite3
from typing import Optional

from information_schema import VIEWS, view_rows
from sql_result import Result, SqlError, Token, result
from tables import Table

VARIABLES = {
    "autocommit": 1, "sql_mode": "STRICT_TRANS_TABLES", "max_allowed_packet": 16777216,
    "lower_case_table_names": 0, "character_set_client": "utf8mb4", "wait_timeout": 28800,
    "character_set_connection": "utf8mb4", "character_set_results": "utf8mb4",
    "character_set_server": "utf8mb4", "character_set_database": "utf8mb4",
    "collation_connection": "utf8mb4_general_ci",
    "collation_server": "utf8mb4_general_ci", "collation_database": "utf8mb4_general_ci",
    "time_zone": "Asia/Shanghai", "system_time_zone": "Asia/Shanghai", "tx_isolation":
    "REPEATABLE-READ", "transaction_isolation": "REPEATABLE-READ", "interactive_timeout": 3600,
    "net_write_timeout": 600, "net_read_timeout": 600, "init_connect": "", "license":
    "Apache License, Version 2.0", "query_timeout": 900, "insert_timeout": 14400,
    "auto_increment_increment": 1, "performance_schema": 0, "query_cache_size": 1048576,
    "query_cache_type": 0, "enable_unicode_name_support": "false", "batch_size": 4064,
    "parallel_fragment_exec_instance_num": 8, "group_commit": "off_mode",
}
CLAUSE_END = {"WHERE", "GROUP", "ORDER", "LIMIT", "HAVING", "UNION", "ON", "USING", "JOIN", "LEFT",
              "RIGHT", "INNER", "CROSS", "FULL", "NATURAL", "EXCEPT", "INTERSECT"}
FROM_END = {"WHERE", "GROUP", "ORDER", "LIMIT", "HAVING", "UNION", "EXCEPT", "INTERSECT"}
CAST_TYPES = {"CHAR": "TEXT", "VARCHAR": "TEXT", "STRING": "TEXT", "SIGNED": "INTEGER",
              "UNSIGNED": "INTEGER", "BIGINT": "INTEGER", "INT": "INTEGER", "DOUBLE": "REAL"}


def name_of(text: str) -> str:
    """A SQLite identifier that can never be taken for a string."""
    return "`" + text.replace("`", "``") + "`"


def literal(value: object) -> str:
    if isinstance(value, int):
        return str(value)
    return "'" + str(value).replace("'", "''") + "'"


class Rewriter:
    """Turns one statement's tokens into SQLite's dialect."""

    def __init__(self, session, tokens: list[Token]) -> None:
        self.session = session
        self.tokens = tokens
        self.at = 0
        self.out: list[str] = []
        self.spaced: list[str] = []  # the same with the blanks of the source
        self.common = self._common_tables()

    def _common_tables(self) -> set[str]:
        """Names that WITH gives: `name AS (`."""
        if not self.tokens or not self.tokens[0].is_word("WITH"):
            return set()
        return {one.text for one, two, three in zip(self.tokens, self.tokens[1:], self.tokens[2:])
                if one.kind in ("word", "name") and two.is_word("AS") and three.is_mark("(")}

    def _put(self, text: str) -> None:
        """Adds one piece. Blanks stay as they were: SQLite names a column by its text."""
        apart = not self.at or self.at >= len(self.tokens) \
            or self.tokens[self.at].start > self.tokens[self.at - 1].end
        self.spaced.append(" " + text if apart else text)
        self.out.append(text)

    def rewrite(self) -> str:
        expects_table = False
        depth_from: list[bool] = [False]  # a bracket: are commas here between tables?
        while self.at < len(self.tokens):
            token = self.tokens[self.at]
            upper = token.text.upper() if token.kind == "word" else ""
            if expects_table and token.kind in ("word", "name"):
                self._table_reference()
                expects_table = False
                continue
            expects_table = False
            if upper in ("FROM", "JOIN"):
                expects_table = True
                depth_from[-1] = upper == "FROM" or depth_from[-1]
            elif token.is_mark(",") and depth_from[-1]:
                expects_table = True
            elif upper in FROM_END:
                depth_from[-1] = False
            elif token.is_mark("("):
                depth_from.append(False)
            elif token.is_mark(")") and len(depth_from) > 1:
                depth_from.pop()
            self._token(token, upper)
        return "".join(self.spaced)

    def _next(self, offset: int = 1) -> Optional[Token]:
        at = self.at + offset
        return self.tokens[at] if at < len(self.tokens) else None

    def _token(self, token: Token, upper: str) -> None:
        following = self._next()
        if token.kind == "string":
            self._put(literal(token.text))
        elif token.kind == "name":
            self._put(name_of(token.text))
        elif token.text.startswith("@"):
            self._variable(token)
        elif upper and following is not None and following.is_mark("(") \
                and self._session_function(upper):
            return
        elif upper == "AS" and following is not None and following.kind == "word" \
                and following.text.upper() in CAST_TYPES and self._closes_after(2):
            self._put("AS " + CAST_TYPES[following.text.upper()])
            self.at += 1
        elif upper in ("CURRENT_USER", "CURRENT_TIMESTAMP"):
            self._put(literal(self._now() if upper == "CURRENT_TIMESTAMP" else "root@%"))
        elif token.is_mark("<=>"):
            self._put("IS")
        elif token.is_mark("/"):
            self._put("* 1.0 /")  # SQLite would divide whole numbers without a fraction
        else:
            self._put(token.text)
        self.at += 1

    def _closes_after(self, offset: int) -> bool:
        token = self._next(offset)
        return token is not None and token.is_mark(")")

    @staticmethod
    def _now() -> str:
        return datetime.datetime.now().isoformat(" ", "seconds")

    def _session_function(self, name: str) -> bool:
        """Functions whose answer belongs to the session: replaced by their value."""
        session = self.session
        answers = {"DATABASE": session.database, "SCHEMA": session.database,
                   "VERSION": session.server_version, "CURRENT_VERSION": session.house.version_text,
                   "USER": "'root'@'%'", "CURRENT_USER": "'root'@'%'", "NOW": self._now(),
                   "CONNECTION_ID": session.number, "CURRENT_TIMESTAMP": self._now()}
        if name not in answers or not self._closes_after(2):
            return False
        alias = "" if self.out and self.out[-1].upper() == "AS" else \
            f" AS {name_of(name.lower() + '()')}" if self._ends_item(3) else ""
        self._put(literal(answers[name]) + alias)
        self.at += 3
        return True

    def _ends_item(self, offset: int) -> bool:
        """True in a select list where nothing follows but the next item or FROM."""
        before = self.out[-1].upper() if self.out else ""
        token = self._next(offset)
        return before in ("SELECT", ",") and (token is None or token.is_mark(",")
                                              or token.is_word("FROM", "LIMIT"))

    def _variable(self, token: Token) -> None:
        name, written = token.text.lstrip("@").lower(), token.text
        if name in ("session", "global") and self._next() is not None and self._next().is_mark("."):
            name = self._next(2).text.lower()
            written += "." + name
            self.at += 2
        value = self._variable_value(name)
        alias = f" AS {name_of(written)}" if self._ends_item(1) else ""
        self._put(literal(value) + alias)

    def _variable_value(self, name: str) -> object:
        session = self.session
        if name == "version_comment":
            return session.version_comment
        if name == "version":
            return session.server_version
        if name in session.variables:
            text = session.variables[name]
            return int(text) if text.isdigit() else text
        if name not in VARIABLES:
            raise session.error(f"Unknown system variable '{name}'", 1193)
        return VARIABLES[name]

    def _table_reference(self) -> None:
        """`db.t [AS] alias`, or a name that SQLite knows itself (a common table expression)."""
        first = self.tokens[self.at]
        database, name = None, first.text
        self.at += 1
        if self.at + 1 < len(self.tokens) and self.tokens[self.at].is_mark("."):
            database, name = first.text, self.tokens[self.at + 1].text
            self.at += 2
        if first.is_word("DUAL") and database is None:
            self._put("(SELECT 1)")
            return
        if database is None and name in self.common:
            self._put(" " + name_of(name))
        else:
            self._put(self._source(database, name))
        following = self.tokens[self.at] if self.at < len(self.tokens) else None
        aliased = following is not None and (
            following.kind == "name"
            or following.kind == "word" and following.text.upper() not in CLAUSE_END)
        if not aliased:
            self._put(f" AS {name_of(name)} ")

    def _source(self, database: Optional[str], name: str) -> str:
        session = self.session
        if (database or session.database).lower() == "information_schema":
            return self._schema_view(name)
        where = session.database_of(database)
        table = session.catalog.get(where, name)
        if table is None:
            raise session.unknown_table(where, name)
        return f" ({table_select(session.catalog, table)}) "

    def _schema_view(self, name: str) -> str:
        view = name.lower()
        if view not in VIEWS:
            raise self.session.unknown_table("information_schema", name)
        fill_temporary(self.session.catalog.db, f"schema_{view}", VIEWS[view],
                       view_rows(self.session, view))
        return f" temp.{name_of('schema_' + view)} "


def table_select(catalog, table: Table) -> str:
    """The table under its users' names."""
    columns = ", ".join(f"{catalog.cell(column)} AS {name_of(column.name)}"
                        for column in table.columns)
    return f"SELECT {columns} FROM {catalog.storage(table)}"


def fill_temporary(db: sqlite3.Connection, name: str, columns: list[str],
                   rows: list[tuple]) -> None:
    """A temporary table with these rows; used where clauses are to be SQLite's work."""
    db.execute(f"DROP TABLE IF EXISTS temp.{name_of(name)}")
    listed = ", ".join(f"{name_of(column)} COLLATE NOCASE" for column in columns)
    db.execute(f"CREATE TEMP TABLE {name_of(name)} ({listed})")
    db.executemany(f"INSERT INTO temp.{name_of(name)} VALUES ({', '.join('?' * len(columns))})",
                   rows)


def run_query(session, query: str) -> Result:
    """Runs SQLite's form of a query; its complaints become the product's."""
    db = session.catalog.db
    if session.catalog.behind is not None and " temp." not in query:
        session.house.faults.note("follower_lags")
        db = session.catalog.behind
    try:
        cursor = db.execute(query)
        rows = cursor.fetchall()
    except sqlite3.Error as bad:
        raise translate(session, str(bad)) from bad
    names = [column[0] for column in cursor.description or ()]
    cells = [tuple(render(value) for value in row) for row in rows]
    return result(names, cells)


def render(value: object) -> object:
    """A floating result (AVG and arithmetic) without a needless fraction."""
    if isinstance(value, float):
        text = repr(value)
        return text[:-2] if text.endswith(".0") else text
    return value


def translate(session, text: str) -> SqlError:
    match = re.match(r"no such column: (.*)", text)
    if match:
        name = match[1].strip("`\"").rpartition(".")[2]
        return session.error(f"Unknown column '{name}' in 'table list'", 1054, "42S22")
    return session.error(text)


def select(session, tokens: list[Token]) -> Result:
    """Runs a SELECT."""
    return run_query(session, Rewriter(session, tokens).rewrite())
