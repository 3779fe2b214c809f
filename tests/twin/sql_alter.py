# SPDX-License-Identifier: Apache-2.0
"""ALTER TABLE: light changes in the statement, heavy ones as jobs.

facts/doris.md 6.3, facts/starrocks.md 6.2. Adding and dropping value columns is light where the table
has light_schema_change (Doris) or fast_schema_evolution (StarRocks), which are on by default; with
the property "false" everything but names and comments is a job. A longer VARCHAR is light at Doris
only.
"""

from __future__ import annotations

from copy import copy

from conversions import conversion_refusal
from sql_result import Cursor, Ok
from sql_tables import COLUMN_NAME, check_key_type, need_column, read_column, read_properties
from tables import Table


def alter_table(session, cursor: Cursor, text: str) -> Ok:
    """ALTER TABLE after its first two words; several clauses are one change."""
    table = session.table(cursor)
    if table.busy or session.house.fault("alter_busy", table.name, table.database):
        if session.product == "doris":
            raise session.error(f"Table[{table.name}]'s state(SCHEMA_CHANGE) is not NORMAL. Do not "
                                "allow doing ALTER ops")
        raise session.error(f'A schema change operation is in progress on the table "{table.name}".'
                            " Please wait until the current operation completes.\nTo check the "
                            "status of the operation, see the statement SHOW ALTER TABLE")
    if session.house.fault("alter_refused", table.name, table.database):
        raise session.error(f"Can not change table {table.name}: a fault of this stand-in")
    if cursor.word("RENAME"):
        return _rename(session, cursor, table)
    if session.product == "doris" and cursor.word("REPLACE", "WITH", "TABLE"):
        return _replace(session, cursor, table)
    if session.product == "starrocks" and cursor.word("SWAP", "WITH"):
        return _swap(session, cursor, table)
    words = ("MODIFY", "COMMENT") if session.product == "doris" else ("COMMENT",)
    if cursor.word(*words):
        if session.product == "starrocks":
            cursor.need_mark("=")  # ALTER TABLE t COMMENT = "words", since 3.1
        table.comment = cursor.string()
        cursor.need_end()
        session.catalog.alter_in_place(table)
        return Ok()
    change = Change(session, table)
    while True:
        change.clause(cursor, text)
        if not cursor.mark(","):
            break
    if cursor.word("PROPERTIES"):
        read_properties(cursor)
    cursor.need_end()
    change.carry_out()
    return Ok()


def is_light(session, table: Table) -> bool:
    """Whether value columns come and go in the statement itself."""
    if session.product == "doris":
        default = "true" if session.house.version >= (2, 0) else "false"
        return table.properties.get("light_schema_change", default) == "true"
    default = "true" if session.house.version >= (3, 2) else "false"
    return table.properties.get("fast_schema_evolution", default) == "true"


def _other_table(session, cursor: Cursor, table: Table) -> Table:
    """The second table of a swap: of the same database, by its bare name."""
    name = cursor.name()
    other = session.catalog.get(table.database, name)
    if other is None:
        raise session.unknown_table(table.database, name)
    return other


def _replace(session, cursor: Cursor, table: Table) -> Ok:
    """ALTER TABLE a REPLACE WITH TABLE b: b takes a's name; a takes b's, or is dropped."""
    other = _other_table(session, cursor, table)
    swap = True
    if cursor.word("PROPERTIES"):
        told = read_properties(cursor)
        swap = told.pop("swap", "true").lower() == "true"
        if told:
            raise session.error(f"Unknown properties: {told}")
    cursor.need_end()
    session.catalog.exchange(table, other)
    if not swap:
        session.catalog.drop_table(table)
    return Ok()


def _swap(session, cursor: Cursor, table: Table) -> Ok:
    """ALTER TABLE a SWAP WITH b: the two names are exchanged."""
    other = _other_table(session, cursor, table)
    cursor.need_end()
    if other is table:
        raise session.error("New name conflicts with rollup index name")
    session.catalog.exchange(table, other)
    return Ok()


def _rename(session, cursor: Cursor, table: Table) -> Ok:
    catalog = session.catalog
    if cursor.word("COLUMN"):
        column = need_column(session, table, cursor.name())
        if session.product == "starrocks":
            cursor.need_word("TO")  # the server's grammar; its manual calls it optional
        name = cursor.name()
        cursor.need_end()
        if session.product == "starrocks" and session.house.version < (3, 3):
            raise session.error("rename column is not supported")  # facts/starrocks.md 6.2
        if session.product == "doris" and not is_light(session, table):
            raise session.error("not implemented for table without column unique id, which are "
                                "created with property 'light_schema_change'.")
        if name == column.name:
            raise session.error("Same column name")
        other = table.column(name)
        if other is not None and other is not column:
            raise session.error(f"Column name[{name}] is already used")
        if not COLUMN_NAME[session.product].match(name):
            raise session.error(f"Incorrect column name '{name}'", 1166, "42000")
        table.distribution = [name if one.lower() == column.name.lower() else one
                              for one in table.distribution]
        if session.product == "starrocks":
            table.former_names = [*table.former_names, column.name.lower()]
        column.name = name
        catalog.alter_in_place(table)
        return Ok()
    name = cursor.name()
    cursor.need_end()
    if name == table.name:
        raise session.error("Same table name")
    if catalog.get(table.database, name) is not None:
        raise session.error(f"Table name[{name}] is already used")
    catalog.rename_table(table, name)
    return Ok()


class Change:
    """The clauses of one ALTER TABLE: light ones at once, a heavy one as a job."""

    def __init__(self, session, table: Table) -> None:
        self.session = session
        self.table = table
        self.draft = copy(table)
        self.draft.columns = [copy(column) for column in table.columns]
        self.heavy = False
        self.steps: list = []  # light changes, in order

    def clause(self, cursor: Cursor, text: str) -> None:
        if cursor.word("ADD", "COLUMN"):
            if cursor.mark("("):
                self._add(cursor, text)
                while cursor.mark(","):
                    self._add(cursor, text)
                cursor.need_mark(")")
            else:
                self._add(cursor, text)
        elif cursor.word("DROP", "COLUMN"):
            self._drop(cursor.name())
        elif cursor.word("MODIFY", "COLUMN"):
            self._modify(cursor, text)
        else:
            raise cursor.syntax()

    def _add(self, cursor: Cursor, text: str) -> None:
        session, draft = self.session, self.draft
        column, is_key = read_column(session, cursor, text)
        first = cursor.word("FIRST")
        after = cursor.name() if cursor.word("AFTER") else None
        if draft.column(column.name) is not None:
            raise session.error("Can not add column which already exists in base table: "
                                f"{column.name}")
        if column.name.lower() in draft.former_names:
            # ALTER_TABLE.md of StarRocks, "Rename a column": a name that was given up is not taken again.
            raise session.error(f"Column name [{column.name}] is used by a renamed column")
        if after is not None:
            anchor = need_column(session, draft, after)
            following = draft.columns[draft.columns.index(anchor) + 1:][:1]
            if not is_key and following and following[0].key:
                raise session.error(f"Can't add value column {column.name} before key column")
        if first and not is_key:
            raise session.error(f"Can't add value column {column.name} as First column")
        if not column.nullable and column.default is None:
            raise session.error(f"Field '{column.name}' doesn't have a default value", 1364)
        if is_key:
            if draft.model == "PRIMARY":
                raise session.error("Can not add key column for primary key table")
            column.key = True
            self.heavy = True
            check_key_type(session, column)
            if after is None and not first:
                after = draft.keys[-1].name if draft.keys else None
                first = after is None
        self.heavy |= not is_light(session, draft)
        draft.add(copy(column), after, first)
        self.steps.append(lambda: session.catalog.add_column(self.table, column, after, first))

    def _drop(self, name: str) -> None:
        session = self.session
        column = need_column(session, self.draft, name)
        if column.key and self.draft.keyed:
            raise session.error("Can not drop key column in Unique data model table"
                                if session.product == "doris" else
                                "Can not drop key column in primary data model table")
        if name.lower() in [one.lower() for one in self.draft.distribution]:
            raise session.error(f"Distribution column[{name}] cannot be dropped")
        if len(self.draft.columns) == 1:
            raise session.error("Can not drop the last column of the table")
        self.draft.columns.remove(column)
        if column.key or not is_light(session, self.draft):
            self.heavy = True
        self.steps.append(lambda: session.catalog.drop_column(self.table, self.table.column(name)))

    def _modify(self, cursor: Cursor, text: str) -> None:
        session = self.session
        if len(cursor.tokens) > cursor.at + 1 and cursor.tokens[cursor.at + 1].is_word("COMMENT"):
            if session.product == "starrocks" and session.house.version < (3, 3):
                raise session.error("Getting syntax error. Detail message: Unexpected input 'COMMENT'.")
            column = need_column(session, self.draft, cursor.name())
            cursor.need_word("COMMENT")
            comment = cursor.string()
            column.comment = comment
            self.steps.append(lambda: self._in_place(column.name, comment=comment))
            return
        wanted, is_key = read_column(session, cursor, text)
        first = cursor.word("FIRST")
        after = cursor.name() if cursor.word("AFTER") else None
        column = need_column(session, self.draft, wanted.name)
        refusal = conversion_refusal(session.product, session.house.version, column, wanted,
                                     is_key, self.draft)
        moved = first or after is not None
        if refusal:
            raise session.error(refusal)
        same = (column.type, column.nullable) == (wanted.type, wanted.nullable)
        if same and not moved and column.comment == wanted.comment:
            raise session.error("Nothing is changed. please check your alter stmt.")
        widen = column.type.name == wanted.type.name == "VARCHAR" and not column.key \
            and column.nullable == wanted.nullable and not moved \
            and session.product == "doris" and is_light(session, self.draft)
        if same and not moved or widen:
            changed = wanted.type
            column.type, column.comment = changed, wanted.comment
            self.steps.append(lambda: self._in_place(wanted.name, type=changed,
                                                     comment=wanted.comment))
            return
        column.type, column.nullable, column.comment = wanted.type, wanted.nullable, wanted.comment
        self.heavy = True
        if moved:
            self.draft.columns.remove(column)
            at = 0 if first else 1 + self.draft.columns.index(
                need_column(session, self.draft, after))
            self.draft.columns.insert(at, column)

    def _in_place(self, name: str, **changes) -> None:
        column = self.table.column(name)
        for field, value in changes.items():
            setattr(column, field, value)
        self.session.catalog.alter_in_place(self.table)

    def carry_out(self) -> None:
        """Light changes happen in the statement; one heavy clause makes all of them a job."""
        if self.heavy:
            self.session.house.alters.start(self.table, self.draft)
            return
        for step in self.steps:
            step()
        self.session.house.alters.note_finished(self.table)
