# SPDX-License-Identifier: Apache-2.0
"""The catalog (databases, tables, columns) and the rows behind it, both in one SQLite database.

Rows and the fate of the transaction that brought them are written in one SQLite transaction, so a
twin with `--data DIR` that is killed comes back with labels and rows that agree. Whole numbers are
kept as SQLite integers and every other value as canonical text (column_types.py), so nothing is
rounded; numbers kept as text compare as numbers through the collation `twin_number`.

One connection, used under the warehouse's lock.
"""

from __future__ import annotations

import datetime
import os
import pickle
import sqlite3
from dataclasses import dataclass, field
from typing import Iterable, Optional

from column_types import BadValue, ColumnType, Value, converter
from sql_functions import install_functions
from transactions import PREPARED, Transaction

NULL_KEY = "x'00'"  # stands for NULL inside a unique index: no text or number equals a blob


@dataclass
class Column:
    """One column. `uid` outlives a rename, so that staged rows find it again."""

    name: str
    type: ColumnType
    nullable: bool = True
    key: bool = False
    default: Optional[str] = None
    comment: str = ""
    uid: int = 0

    def default_value(self, product: str) -> Value:
        """The default as it is stored; None when there is none."""
        if self.default is None:
            return None
        if self.default.upper().startswith("CURRENT_TIMESTAMP"):
            text = datetime.datetime.now().isoformat(" ")
            return converter(self.type, product, True)(text)
        return converter(self.type, product, True)(self.default)


@dataclass
class Table:
    """One table. `model` is DUPLICATE, UNIQUE or PRIMARY."""

    table_id: int
    database: str
    name: str
    model: str
    columns: list[Column]
    distribution: list[str] = field(default_factory=list)
    buckets: Optional[int] = None
    properties: dict[str, str] = field(default_factory=dict)
    comment: str = ""
    next_uid: int = 1
    created: str = ""
    busy: bool = False  # a schema change job runs
    former_names: list[str] = field(default_factory=list)  # names that renamed columns gave up

    @property
    def keyed(self) -> bool:
        return self.model in ("UNIQUE", "PRIMARY")

    @property
    def keys(self) -> list[Column]:
        return [column for column in self.columns if column.key]

    def column(self, name: str) -> Optional[Column]:
        """Column names are case-insensitive (facts/doris.md 6.2, facts/starrocks.md 6.1)."""
        wanted = name.lower()
        return next((one for one in self.columns if one.name.lower() == wanted), None)

    def add(self, column: Column, after: Optional[str] = None, first: bool = False) -> None:
        column.uid = self.next_uid
        self.next_uid += 1
        if first:
            self.columns.insert(0, column)
        elif after is not None:
            self.columns.insert(self.columns.index(self.column(after)) + 1, column)
        else:
            self.columns.append(column)


@dataclass
class Staged:
    """Rows that wait for their commit: `uids` names the columns, `deletes` holds keys."""

    table_id: int
    uids: list[int]
    upserts: list[tuple]
    deletes: list[tuple]
    partial: bool = False  # a row that is there keeps the columns that are not in `uids`
    key_places: list[int] = field(default_factory=list)  # where the key stands in an upsert

    def key_of(self, row: tuple) -> tuple:
        return tuple(row[place] for place in self.key_places)

    def keys(self) -> list[tuple]:
        return [self.key_of(row) for row in self.upserts]


def quote(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


class Catalog:
    """All tables and their rows."""

    def __init__(self, data: str, product: str) -> None:
        self.product = product
        if data != ":memory:":
            os.makedirs(data, exist_ok=True)
            data = os.path.join(data, f"{product}.sqlite")
        self.db = sqlite3.connect(data, check_same_thread=False, isolation_level=None)
        install_functions(self.db)
        self.db.execute("PRAGMA journal_mode = WAL")
        self.db.execute("PRAGMA synchronous = NORMAL")
        self.db.execute("PRAGMA cache_size = -65536")
        self.db.executescript(
            "CREATE TABLE IF NOT EXISTS twin_databases (name TEXT PRIMARY KEY);"
            "CREATE TABLE IF NOT EXISTS twin_tables (id INTEGER PRIMARY KEY, body BLOB);"
            "CREATE TABLE IF NOT EXISTS twin_transactions (id INTEGER PRIMARY KEY, body BLOB);")
        self.tables: dict[tuple[str, str], Table] = {}
        self.by_id: dict[int, Table] = {}
        for (body,) in self.db.execute("SELECT body FROM twin_tables"):
            table = pickle.loads(body)
            table.busy = False
            self.tables[table.database, table.name] = table
            self.by_id[table.table_id] = table
        self.databases = [name for (name,) in self.db.execute(
            "SELECT name FROM twin_databases ORDER BY name")]
        self.next_table_id = max(self.by_id, default=10000) + 1

        self.behind: Optional[sqlite3.Connection] = None  # what a frontend that lags shows

    # --- a frontend that follows ---

    def lag(self) -> None:
        """From here on SELECT shows the rows as they are now, until the frontend catches up."""
        self.behind = sqlite3.connect(":memory:", check_same_thread=False, isolation_level=None)
        install_functions(self.behind)
        self.db.backup(self.behind)

    def catch_up(self) -> None:
        self.behind = None

    # --- transactions ---

    def saved_transactions(self) -> list[Transaction]:
        return [pickle.loads(body) for (body,) in self.db.execute(
            "SELECT body FROM twin_transactions ORDER BY id")]

    def save_transaction(self, txn: Transaction) -> None:
        """Journals a transaction; its staged rows only while they are needed."""
        if txn.state != PREPARED:
            txn.staged = []
        self.db.execute("REPLACE INTO twin_transactions VALUES (?, ?)",
                        (txn.txn_id, pickle.dumps(txn, pickle.HIGHEST_PROTOCOL)))

    def forget_transaction(self, txn_id: int) -> None:
        self.db.execute("DELETE FROM twin_transactions WHERE id = ?", (txn_id,))

    def atomically(self) -> "Atomic":
        return Atomic(self.db)

    # --- databases and tables ---

    def get(self, database: str, name: str) -> Optional[Table]:
        return self.tables.get((database, name))

    def create_database(self, name: str) -> None:
        self.db.execute("INSERT INTO twin_databases VALUES (?)", (name,))
        self.databases.append(name)
        self.databases.sort()

    def drop_database(self, name: str) -> None:
        for table in [one for one in self.tables.values() if one.database == name]:
            self.drop_table(table)
        self.db.execute("DELETE FROM twin_databases WHERE name = ?", (name,))
        self.databases.remove(name)

    def create_table(self, table: Table) -> None:
        table.table_id = self.next_table_id
        self.next_table_id += 1
        table.created = datetime.datetime.now().isoformat(" ", "seconds")
        with self.atomically():
            self._create_storage(table, self.storage(table))
            self._register(table)

    def drop_table(self, table: Table) -> None:
        with self.atomically():
            self.db.execute(f"DROP TABLE {self.storage(table)}")
            self.db.execute("DELETE FROM twin_tables WHERE id = ?", (table.table_id,))
        del self.tables[table.database, table.name]
        del self.by_id[table.table_id]

    def truncate(self, table: Table) -> None:
        self.db.execute(f"DELETE FROM {self.storage(table)}")

    def rename_table(self, table: Table, name: str) -> None:
        del self.tables[table.database, table.name]
        table.name = name
        self._register(table)

    def exchange(self, table: Table, other: Table) -> None:
        """The two tables take each other's name, in one step."""
        with self.atomically():
            table.name, other.name = other.name, table.name
            self._register(table)
            self._register(other)

    def row_count(self, table: Table) -> int:
        return self.db.execute(f"SELECT count(*) FROM {self.storage(table)}").fetchone()[0]

    @staticmethod
    def storage(table: Table) -> str:
        return f'"t{table.table_id}"'

    @staticmethod
    def cell(column: Column) -> str:
        """The stored name of a column: by uid, so that a rename moves nothing."""
        return f'"c{column.uid}"'

    def add_column(self, table: Table, column: Column, after: Optional[str], first: bool) -> None:
        value = column.default_value(self.product)
        table.add(column, after, first)
        default = "" if value is None else f" DEFAULT {self._literal(value)}"
        with self.atomically():
            self.db.execute(f"ALTER TABLE {self.storage(table)} ADD COLUMN {self.cell(column)} "
                            f"{column.type.sqlite}{default}")
            self._register(table)

    def drop_column(self, table: Table, column: Column) -> None:
        with self.atomically():
            self.db.execute(f"ALTER TABLE {self.storage(table)} DROP COLUMN {self.cell(column)}")
            table.columns.remove(column)
            self._register(table)

    def alter_in_place(self, table: Table) -> None:
        """Writes down a change that moves no data (rename, wider VARCHAR, comment)."""
        self._register(table)

    def rebuild(self, table: Table, columns: list[Column]) -> None:
        """A heavy schema change: every row is cast into the new columns, or nothing happens.

        Raises BadValue when a value does not fit, which cancels the job."""
        old = {column.uid: column for column in table.columns}
        makers = []
        for column in columns:
            before = old.get(column.uid)
            if before is None:
                fill = column.default_value(self.product)
                makers.append(lambda row, fill=fill: fill)
                continue
            index = table.columns.index(before)
            same = before.type == column.type
            cast = None if same else converter(column.type, self.product, True)
            makers.append(self._maker(index, cast, column))
        before_list = ", ".join(self.cell(column) for column in table.columns)
        rows = self.db.execute(f"SELECT {before_list} FROM {self.storage(table)}").fetchall()
        changed = [tuple(make(row) for make in makers) for row in rows]
        kept = table.columns
        with self.atomically():
            self.db.execute(f"DROP TABLE {self.storage(table)}")
            table.columns = columns
            try:
                self._create_storage(table, self.storage(table))
                self._insert(table, [column.uid for column in columns], changed)
                self._register(table)
            except BaseException:
                table.columns = kept
                raise

    @staticmethod
    def _maker(index: int, cast, column: Column):
        def make(row: tuple) -> Value:
            value = row[index]
            if value is None and not column.nullable:
                raise BadValue(f"column {column.name} holds NULL")
            return value if cast is None or value is None else cast(value)
        return make

    def _register(self, table: Table) -> None:
        self.tables[table.database, table.name] = table
        self.by_id[table.table_id] = table
        self.db.execute("REPLACE INTO twin_tables VALUES (?, ?)",
                        (table.table_id, pickle.dumps(table, pickle.HIGHEST_PROTOCOL)))

    def _create_storage(self, table: Table, name: str) -> None:
        cells = [f"{self.cell(column)} {column.type.sqlite}" for column in table.columns]
        keys = table.keys
        loose = any(column.nullable for column in keys)
        if table.keyed and not loose:
            listed = ", ".join(f"{self.cell(column)} COLLATE BINARY" for column in keys)
            self.db.execute(f"CREATE TABLE {name} ({', '.join(cells)}, PRIMARY KEY ({listed})) "
                            "WITHOUT ROWID")
            return
        self.db.execute(f"CREATE TABLE {name} ({', '.join(cells)})")
        if table.keyed:
            listed = ", ".join(f"ifnull({self.cell(column)}, {NULL_KEY}) COLLATE BINARY"
                               for column in keys)
            self.db.execute(f'CREATE UNIQUE INDEX "k{table.table_id}" ON {name} ({listed})')

    @staticmethod
    def _literal(value: Value) -> str:
        if isinstance(value, int):
            return str(value)
        if isinstance(value, bytes):
            return f"x'{value.hex()}'"
        return "'" + value.replace("'", "''") + "'"

    # --- rows ---

    def apply(self, staged: Iterable[Staged]) -> None:
        """Applies staged rows; call inside `atomically`. A table that was dropped meanwhile is
        skipped: its data went with it."""
        for part in staged:
            table = self.by_id.get(part.table_id)
            if table is None:
                continue
            if part.deletes:
                self._delete(table, part.deletes)
            if part.upserts and part.partial:
                self._update(table, part)
            elif part.upserts:
                self._insert(table, part.uids, part.upserts)

    def _insert(self, table: Table, uids: list[int], rows: list[tuple]) -> None:
        present = {column.uid: column for column in table.columns}
        if any(uid not in present for uid in uids):  # dropped between prepare and commit
            kept = [index for index, uid in enumerate(uids) if uid in present]
            rows = [tuple(row[index] for index in kept) for row in rows]
            uids = [uids[index] for index in kept]
        names = ", ".join(self.cell(present[uid]) for uid in uids)
        marks = ", ".join("?" * len(uids))
        verb = "REPLACE" if table.keyed else "INSERT"
        self.db.executemany(f"{verb} INTO {self.storage(table)} ({names}) VALUES ({marks})", rows)

    def _key_test(self, table: Table) -> str:
        loose = any(column.nullable for column in table.keys)
        return " AND ".join(
            f"ifnull({self.cell(column)}, {NULL_KEY}) COLLATE BINARY = ifnull(?, {NULL_KEY})"
            if loose else f"{self.cell(column)} COLLATE BINARY = ?" for column in table.keys)

    def _delete(self, table: Table, keys: list[tuple]) -> None:
        self.db.executemany(f"DELETE FROM {self.storage(table)} WHERE {self._key_test(table)}", keys)

    def keys_there(self, table: Table, keys: Iterable[tuple]) -> set[tuple]:
        """Those of the keys that a row has."""
        question = f"SELECT 1 FROM {self.storage(table)} WHERE {self._key_test(table)}"
        return {key for key in keys if self.db.execute(question, key).fetchone()}

    def _update(self, table: Table, part: Staged) -> None:
        """A partial update: rows that are there keep their other columns, others get defaults."""
        there = self.keys_there(table, part.keys())
        fresh = [row for row in part.upserts if part.key_of(row) not in there]
        others = [column for column in table.columns if column.uid not in part.uids]
        fill = tuple(column.default_value(self.product) for column in others)
        self._insert(table, part.uids + [column.uid for column in others],
                     [row + fill for row in fresh])
        present = {column.uid: column for column in table.columns}
        places = [place for place, uid in enumerate(part.uids)
                  if uid in present and place not in part.key_places]
        if not places:
            return
        values = ", ".join(f"{self.cell(present[part.uids[place]])} = ?" for place in places)
        self.db.executemany(
            f"UPDATE {self.storage(table)} SET {values} WHERE {self._key_test(table)}",
            [tuple(row[place] for place in places) + part.key_of(row) for row in part.upserts
             if part.key_of(row) in there])



class Atomic:
    """One SQLite transaction, joined when one is open already."""

    def __init__(self, db: sqlite3.Connection) -> None:
        self.db = db
        self.outer = False

    def __enter__(self) -> None:
        self.outer = not self.db.in_transaction
        if self.outer:
            self.db.execute("BEGIN IMMEDIATE")

    def __exit__(self, kind, error, trace) -> None:
        if self.outer:
            self.db.execute("COMMIT" if kind is None else "ROLLBACK")
