# SPDX-License-Identifier: Apache-2.0
"""A client's session: one statement in, one result out.

The subset is what CDC clients, the `mariadb` client and a curious person send. A statement outside
of it is an error that says so, never a silent OK.
"""

from __future__ import annotations

import re
from typing import Optional, Union

from sql_alter import alter_table
from sql_result import Cursor, Ok, Result, SqlError, Token, tokenize
from sql_rows import delete_rows, insert_rows
from sql_select import select
from sql_show import show
from sql_tables import create_table
from tables import Table
from transactions import COMMITTED

DATABASE_NAME = re.compile(r"[a-zA-Z][a-zA-Z0-9\-_]{0,63}\Z")  # facts/doris.md 6.2
SYSTEM_DATABASES = ("information_schema", "mysql", "__internal_schema", "sys", "_statistics_")
# A frontend that follows sends these to its leader, and has caught up when they are over.
SENT_ON = ("CREATE", "DROP", "ALTER", "TRUNCATE", "INSERT", "DELETE", "SYNC", "CANCEL")


class Session:
    """State of one connection, and the dispatcher."""

    def __init__(self, house, number: int) -> None:
        self.house = house
        self.catalog = house.catalog
        self.product = house.kind
        self.number = number
        self.database = ""
        self.variables: dict[str, str] = {}

    @property
    def server_version(self) -> str:
        """facts/doris.md 1.1; StarRocks says 5.1.0 in older, 8.0.33 in newer versions."""
        if self.product == "doris":
            return "5.7.99"
        return "8.0.33" if self.house.version >= (3, 3) else "5.1.0"

    @property
    def version_comment(self) -> str:
        version = self.house.version_text
        if self.product == "doris":
            mode = " (Cloud Mode)" if self.house.options.cloud else ""  # facts/doris.md 1.1
            return f"Doris version doris-{version}-rc01-twin{mode}"
        return f"StarRocks version {version}-twin"

    def error(self, text: str, code: Optional[int] = None, state: Optional[str] = None) -> SqlError:
        """An error in the product's clothes (facts/doris.md 6.1)."""
        if self.product == "doris":
            return SqlError(f"errCode = 2, detailMessage = {text}", code or 1105, state or "HY000")
        if code is None:
            text = f"Getting analyzing error. Detail message: {text}"
        return SqlError(text, code or 1064, state or "HY000")

    def split(self, text: str) -> list[tuple[str, list[Token]]]:
        """The statements of a query text, each with its tokens."""
        text = re.sub(r"/\*!\d*(.*?)\*/", r" \1 ", text, flags=re.DOTALL)
        statements: list[tuple[str, list[Token]]] = []
        held: list[Token] = []
        for token in tokenize(text):
            if token.is_mark(";"):
                if held:
                    statements.append((text, held))
                held = []
            else:
                held.append(token)
        if held:
            statements.append((text, held))
        return statements

    def execute(self, statement: tuple[str, list[Token]]) -> Union[Result, Ok]:
        """Runs one statement under the warehouse's lock."""
        text, tokens = statement
        cursor = Cursor(tokens, self.product)
        first = tokens[0].text.upper() if tokens[0].kind == "word" else tokens[0].text
        handlers = {"SELECT": self._select, "(": self._select, "WITH": self._select,
                    "SHOW": self._show, "DESC": self._show, "DESCRIBE": self._show,
                    "CREATE": self._create, "DROP": self._drop, "ALTER": self._alter,
                    "TRUNCATE": self._truncate, "USE": self._use, "SET": self._set,
                    "INSERT": self._insert, "DELETE": self._delete, "SYNC": self._nothing,
                    "BEGIN": self._no_transaction, "START": self._no_transaction,
                    "COMMIT": self._nothing, "ROLLBACK": self._nothing, "CANCEL": self._cancel,
                    "ADMIN": self._show}
        handler = handlers.get(first)
        if handler is None or (first == "SYNC" and self.house.faults.take("sync_unknown")):
            raise cursor.syntax()
        with self.house.lock:
            if first in SENT_ON:
                self.catalog.catch_up()
            return handler(cursor, text)

    # --- names ---

    def use(self, database: str) -> None:
        if database.lower() == "information_schema":
            database = "information_schema"
        elif database not in self.catalog.databases and database not in SYSTEM_DATABASES:
            raise self.error(f"Unknown database '{database}'", 1049, "42000")
        self.database = database

    def database_of(self, given: Optional[str]) -> str:
        """The database that a name belongs to."""
        database = given or self.database
        if not database:
            raise self.error("No database selected", 1046, "3D000")
        if database not in self.catalog.databases and database not in SYSTEM_DATABASES:
            raise self.error(f"Unknown database '{database}'", 1049, "42000")
        return database

    def table(self, cursor: Cursor) -> Table:
        given, name = cursor.qualified()
        database = self.database_of(given)
        table = self.catalog.get(database, name)
        if table is None:
            raise self.unknown_table(database, name)
        return table

    def unknown_table(self, database: str, name: str) -> SqlError:
        if self.product == "doris":
            return self.error(f"Table [{name}] does not exist in database [{database}].", 1105)
        return SqlError(f"Unknown table '{database}.{name}'", 5502, "42S02")

    # --- statements ---

    def _select(self, cursor: Cursor, text: str) -> Result:
        return select(self, cursor.tokens)

    def _show(self, cursor: Cursor, text: str) -> Result:
        return show(self, cursor, text)

    def _use(self, cursor: Cursor, text: str) -> Ok:
        cursor.need_word("USE")
        self.use(cursor.name())
        cursor.need_end()
        return Ok()

    def _create(self, cursor: Cursor, text: str) -> Ok:
        cursor.need_word("CREATE")
        if cursor.word("DATABASE") or cursor.word("SCHEMA"):
            return self._create_database(cursor)
        if cursor.word("TABLE") or cursor.word("EXTERNAL", "TABLE"):
            return create_table(self, cursor, text)
        raise cursor.syntax()

    def _create_database(self, cursor: Cursor) -> Ok:
        missing_only = cursor.word("IF", "NOT", "EXISTS")
        name = cursor.name()
        if cursor.word("PROPERTIES"):
            raise self.error("this stand-in holds no database properties")
        cursor.need_end()
        if not DATABASE_NAME.match(name):
            raise self.error(f"Incorrect database name '{name}'", 1102, "42000")
        if name in self.catalog.databases or name in SYSTEM_DATABASES:
            if missing_only:
                return Ok()
            raise self.error(f"Can't create database '{name}'; database exists", 1007, "HY000")
        self.catalog.create_database(name)
        return Ok()

    def _drop(self, cursor: Cursor, text: str) -> Ok:
        cursor.need_word("DROP")
        is_database = cursor.word("DATABASE") or cursor.word("SCHEMA")
        if not is_database:
            cursor.need_word("TABLE")
        present_only = cursor.word("IF", "EXISTS")
        if is_database:
            name = cursor.name()
            cursor.word("FORCE")
            cursor.need_end()
            if name not in self.catalog.databases:
                if present_only:
                    return Ok()
                raise self.error(f"Can't drop database '{name}'; database doesn't exist", 1008)
            self.catalog.drop_database(name)
            return Ok()
        given, name = cursor.qualified()
        forced = cursor.word("FORCE")
        cursor.need_end()
        database = self.database_of(given)
        table = self.catalog.get(database, name)
        if table is None:
            if present_only:
                return Ok()
            raise self.error(f"Unknown table '{name}'", 1051, "42S02")
        self._check_drop(table, forced)
        self.catalog.drop_table(table)
        return Ok()

    def _check_drop(self, table: Table, forced: bool) -> None:
        """A load that is not visible yet holds its table (FE's dropTable, of both products)."""
        transactions = self.house.transactions
        transactions.tick()
        if not forced and any(txn.table == table.name and txn.state == COMMITTED
                              for txn in transactions.listing(table.database)):
            raise self.error("There are still some transactions in the COMMITTED state waiting to be "
                             f"completed. The table [{table.name}] cannot be dropped. If you want to "
                             "forcibly drop(cannot be recovered), please use \"DROP table FORCE\".")

    def _truncate(self, cursor: Cursor, text: str) -> Ok:
        cursor.need_word("TRUNCATE", "TABLE")
        table = self.table(cursor)
        cursor.word("FORCE")
        cursor.need_end()
        self.catalog.truncate(table)
        return Ok()

    def _alter(self, cursor: Cursor, text: str) -> Ok:
        cursor.need_word("ALTER", "TABLE")
        return alter_table(self, cursor, text)

    def _insert(self, cursor: Cursor, text: str) -> Ok:
        return Ok(insert_rows(self, cursor))

    def _delete(self, cursor: Cursor, text: str) -> Ok:
        return Ok(delete_rows(self, cursor))

    def _set(self, cursor: Cursor, text: str) -> Ok:
        """Session variables are kept as they are given; SET NAMES and friends are taken."""
        cursor.need_word("SET")
        start = cursor.at
        for scope in ("SESSION", "GLOBAL", "LOCAL"):
            cursor.word(scope)
        if cursor.at_end():
            raise cursor.syntax()
        name = cursor.name().lstrip("@").lower()
        if cursor.mark("."):
            name = cursor.name().lower()
        if name in ("names", "character", "transaction", "password"):
            if name == "password":
                raise self.error("this stand-in has one user, given at its start")
            return Ok()
        if not (cursor.mark("=") or cursor.mark(":=")):
            cursor.at = start
            raise cursor.syntax()
        values = [token.text for token in cursor.tokens[cursor.at:]]
        self.variables[name] = " ".join(values)
        return Ok()

    def _nothing(self, cursor: Cursor, text: str) -> Ok:
        """SYNC, COMMIT and their like have nothing to do here."""
        return Ok()

    def _no_transaction(self, cursor: Cursor, text: str) -> Ok:
        raise self.error("this stand-in holds no SQL transactions")

    def _cancel(self, cursor: Cursor, text: str) -> Ok:
        cursor.need_word("CANCEL", "ALTER", "TABLE", "COLUMN", "FROM")
        table = self.table(cursor)
        if not self.house.alters.cancel(table):
            raise self.error(f"Table[{table.name}] is not under SCHEMA_CHANGE.")
        return Ok()
