# SPDX-License-Identifier: Apache-2.0
"""A real server against the model (ddl_model.c): the same statements, then the same definitions.

The model is told what the server wrote to its binlog, with the context of the events; what it then holds must be what
information_schema shows.
"""

from __future__ import annotations

import json
import os
import pathlib
import re
import subprocess

import binlog_queries
import ddl_random

MARK = "~the end of an answer~"


class Session:
    """One connection of the mariadb client, kept open; what the server refuses is told on stderr and not here."""

    def __init__(self, arguments: list[str]) -> None:
        self.child = subprocess.Popen(
            ["mariadb", "--no-defaults", *arguments, "--default-character-set=utf8mb4", "--batch", "--skip-column-names",
             "--raw", "--unbuffered", "--force", "--comments"], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL)
        # A separator that no generated statement holds.
        self.child.stdin.write(b"DELIMITER ~~\n")

    def rows(self, *statements: str | bytes) -> list[list[str]]:
        for statement in statements:
            raw = statement if isinstance(statement, bytes) else statement.encode()
            self.child.stdin.write(raw + b"\n~~\n")
        self.child.stdin.write(f"SELECT '{MARK}'\n~~\n".encode())
        self.child.stdin.flush()
        found = []
        while True:
            line = self.child.stdout.readline()
            if not line:
                raise RuntimeError("the client ended")
            text = line.decode(errors="replace").rstrip("\n")
            if text == MARK:
                return found
            found.append(text.split("\t"))

    def close(self) -> None:
        self.child.stdin.close()
        self.child.wait(timeout=30)


class Model:
    """The process of ddl_model."""

    def __init__(self, program: str) -> None:
        self.child = subprocess.Popen([program], stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def tell(self, line: dict) -> dict:
        self.child.stdin.write(json.dumps(line).encode() + b"\n")
        self.child.stdin.flush()
        answer = self.child.stdout.readline()
        if not answer:
            raise RuntimeError(f"the model ended with {self.child.wait()} at {line}")
        return json.loads(answer)

    def close(self) -> None:
        self.child.stdin.close()
        self.child.wait(timeout=30)


def model_program() -> str | None:
    """Built with the tests, beside the program that is tested."""
    millrace = pathlib.Path(os.environ.get("MILLRACE", "build/millrace")).resolve()
    named = os.environ.get("MILLRACE_DDL_MODEL")
    path = pathlib.Path(named) if named else millrace.parent / "tests" / "ddl_model"
    return str(path) if os.access(path, os.X_OK) else None


def _text(field: str) -> str | None:
    return None if field == "NULL" else bytes.fromhex(field[1:]).decode(errors="replace")


def _hex(column: str) -> str:
    """Text that may hold anything, as one word; the x tells '' from NULL."""
    return f"CONCAT('x', HEX(CONVERT({column} USING utf8mb4)))"


class Server:
    """Reads definitions of a server and tells the model what it did."""

    def __init__(self, server, program: str) -> None:
        self.session = Session(server.client_arguments())
        self.model = Model(program)
        self.model.tell({"socket": str(server.socket), "user": "root"})
        text = self.session.rows("SELECT VERSION()")[0][0]
        self.mariadb = "MariaDB" in text
        major, minor, patch = (int(part) for part in re.match(r"(\d+)\.(\d+)\.(\d+)", text).groups())
        self.version = major * 10000 + minor * 100 + patch
        self.explicit = self.session.rows("SELECT @@global.explicit_defaults_for_timestamp")[0][0] == "1"
        self.collations = {int(row[0]): row[1] for row in self.session.rows(
            "SELECT id, collation_name FROM information_schema.collations WHERE id IS NOT NULL")}
        if self.mariadb and self.version >= 101001:
            self.collations |= {int(row[0]): row[1] for row in self.session.rows(
                "SELECT id, full_collation_name FROM information_schema.collation_character_set_applicability")}
        place = server.query(server.place_sql).split("\t")
        path = server.binlog_path(place[0])
        self.tail = binlog_queries.Tail(path)
        self.tail.queries()
        self.statements = 0
        self.read_ns = 0
        self.generated_column = bool(self.session.rows(
            "SELECT 1 FROM information_schema.columns WHERE table_schema='information_schema' AND "
            "table_name='COLUMNS' AND column_name='GENERATION_EXPRESSION'"))

    def close(self) -> None:
        self.session.close()
        self.model.close()

    # -- what the server did

    def line(self, query: binlog_queries.Query) -> dict:
        name = self.collations.get
        line = {"db": query.db, "error": query.error, "sql": query.text.decode("utf-8", errors="replace"), "sql_mode": query.sql_mode,
                "version": self.version, "mariadb": self.mariadb,
                "server_collation": name(query.server_collation, ""),
                "db_collation": name(query.database_collation, "")}
        if query.explicit_timestamp is not None:
            line["explicit_timestamp"] = query.explicit_timestamp
        elif self.mariadb and self.version >= 101000:
            line["explicit_timestamp"] = bool(query.flags2 & 1 << 24)
        else:
            line["explicit_timestamp"] = self.explicit
        if query.charset_collations is not None:
            line["collations"] = [name(one, "") for one in query.charset_collations]
        elif query.utf8mb4_collation:
            line["collations"] = [name(query.utf8mb4_collation, "")]
        return line

    def follow(self) -> list[tuple[dict, dict]]:
        """Tells the model the statements that are new in the binlog; gives them with its answers."""
        told = []
        for query in self.tail.queries():
            if query.text in (b"BEGIN", b"COMMIT", b"ROLLBACK"):
                continue
            line = self.line(query)
            answer = self.model.tell(line)
            self.statements += 1
            self.read_ns += answer.get("read_ns", 0)
            told.append((line, answer))
        return told

    # -- what the server shows

    def shown(self, databases: list[str]) -> dict[tuple[str, str], dict]:
        """Definitions by database and name, in the words of the model's answers."""
        listed = ", ".join(f"'{db}'" for db in databases)
        generation = _hex("COALESCE(generation_expression, '')") if self.generated_column else "'x'"
        rows = self.session.rows(
            f"SELECT {_hex('c.table_schema')}, {_hex('c.table_name')}, {_hex('column_name')}, data_type, "
            f"{_hex('column_type')}, COALESCE(character_set_name, ''), COALESCE(c.collation_name, ''), "
            f"{_hex('column_comment')}, COALESCE(character_maximum_length, 0), COALESCE(character_octet_length, 0), "
            "COALESCE(numeric_precision, 0), COALESCE(numeric_scale, 0), COALESCE(datetime_precision, 0), is_nullable, "
            f"{_hex('column_default')}, extra, {generation}, {_hex('t.table_comment')}, t.table_collation "
            "FROM information_schema.columns c JOIN information_schema.tables t ON t.table_schema = c.table_schema AND "
            f"t.table_name = c.table_name WHERE c.table_schema IN ({listed}) AND t.table_type IN ('BASE TABLE', "
            "'SYSTEM VERSIONED') ORDER BY c.table_schema, c.table_name, ordinal_position")
        tables: dict[tuple[str, str], dict] = {}
        for row in rows:
            table = tables.setdefault((_text(row[0]), _text(row[1])), {
                "columns": [], "comment": _text(row[17]), "collation": row[18], "keys": [], "names": []})
            table["columns"].append(self._column(row))
        for (db, name), table in tables.items():
            self._keys(db, name, table)
        return tables

    def _column(self, row: list[str]) -> dict:
        nullable = row[13] == "YES"
        column = {"name": _text(row[2]), "data_type": row[3], "column_type": _text(row[4]), "charset": row[5],
                  "collation": row[6], "comment": _text(row[7]), "char_length": int(row[8]), "byte_length": int(row[9]),
                  "precision": int(row[10]), "scale": int(row[11]), "fraction_digits": int(row[12]), "nullable": nullable,
                  "key_ordinal": 0, "extra": row[15]}
        default = _text(row[14])
        literal: str | None = default
        if self.mariadb and self.version >= 100207:
            default, literal = self._mariadb_default(default)
        elif "DEFAULT_GENERATED" in row[15]:
            literal = None
        elif default is not None and default.startswith("CURRENT_TIMESTAMP") and row[3] in ("timestamp", "datetime"):
            literal = None
        column["has_default"] = default is not None or nullable or "DEFAULT_GENERATED" in row[15]
        column["default"] = literal
        extra = row[15].upper()
        column["generated"] = 0
        if "VIRTUAL" in extra and (_text(row[16]) or not self.generated_column):
            column["generated"] = 1
        elif "STORED" in extra or "PERSISTENT" in extra:
            column["generated"] = 2
        column["invisible"] = "INVISIBLE" in extra
        return column

    @staticmethod
    def _mariadb_default(text: str | None) -> tuple[str | None, str | None]:
        """The default, and it again if it is a literal: MariaDB shows SQL."""
        if text is None or text == "NULL":
            return None, None
        if text.startswith("'"):
            inner = text[1:-1].replace("''", "'")
            escapes = {"n": "\n", "r": "\r", "0": "\0", "\\": "\\", "Z": "\x1a", "t": "\t"}
            return text, re.sub(r"\\(.)", lambda found: escapes.get(found.group(1), found.group(1)), inner, flags=re.S)
        if re.fullmatch(r"-?[0-9.]+(e[-+]?\d+)?|b'[01]+'", text):
            return text, text
        if re.fullmatch(r"(?i)x'([0-9a-f]{2})*'", text):
            return text, bytes.fromhex(text[2:-1]).decode("utf-8", "replace")
        return text, None

    def _keys(self, db: str, name: str, table: dict) -> None:
        where = f"`{db}`.`{name.replace('`', '``')}`"
        for row in self.session.rows(f"SHOW KEYS FROM {where}"):
            unique, key, column, prefix, null = row[1] == "0", row[2], row[4], row[7], row[9]
            if not any(key == known for known in table["names"]):
                table["names"].append(key)
            if not unique:
                continue
            if not table["keys"] or table["keys"][-1]["name"] != key:
                table["keys"].append({"name": key, "parts": [], "serves": True})
            entry = table["keys"][-1]
            index = [one["name"] for one in table["columns"]].index(column) if column != "NULL" else None
            entry["parts"].append((index, 0 if prefix == "NULL" else int(prefix)))
            entry["serves"] = entry["serves"] and column != "NULL" and null != "YES"
        table["keys"] = [key for key in table["keys"] if all(index is not None for index, _ in key["parts"])]
        serving = [key for key in table["keys"] if key["serves"]]
        # The primary key, whole columns, prefixes.
        serving.sort(key=lambda key: key["name"] != "PRIMARY" and any(prefix for _, prefix in key["parts"]))
        chosen = serving[0]["parts"] if serving else []
        for ordinal, (index, _prefix) in enumerate(chosen):
            table["columns"][index]["key_ordinal"] = ordinal + 1

    def tables(self, shown: dict) -> list[ddl_random.Table]:
        """The same for the generator."""
        return [ddl_random.Table(db, name, [
            ddl_random.Column(column["name"], column["data_type"], column["column_type"], column["nullable"],
                              column["char_length"], column["generated"] != 0) for column in table["columns"]],
            table["names"], "PRIMARY" in table["names"]) for (db, name), table in shown.items()]


# What the parser says it cannot tell: the definition has to be asked for again.
STATED = ("The server garbles", "What the key", "What size", "The statement gives the table the name")

COMPARED = ["name", "data_type", "column_type", "charset", "collation", "comment", "char_length", "byte_length",
            "precision", "scale", "fraction_digits", "nullable", "has_default", "invisible", "generated", "key_ordinal"]


def _seen(value):
    """information_schema shows a question mark for what lies beyond its own three bytes a character."""
    return "".join("?" if ord(one) > 0xFFFF else one for one in value) if isinstance(value, str) else value


def _default_differs(real: dict, ours: dict) -> bool:
    if ours["expression"]:  # MariaDB calculates constants and shows what comes out
        return False
    # Bytes are shown cut at a zero byte, and not as text where they are none.
    if real["data_type"] in ("binary", "varbinary", "blob", "tinyblob", "mediumblob", "longblob"):
        return (real["default"] or "") != "" and "\0" not in real["default"] and \
            not ours.get("default", "").startswith(real["default"])
    return (real["default"] or "") != ours.get("default", "")


def differences(real: dict[tuple[str, str], dict], answer: dict, databases: list[str]) -> list[str]:
    """What the model holds otherwise than the server, in words."""
    found = []
    ours = {(table["db"], table["name"]): table for table in answer["tables"] if table["db"] in databases}
    for where in sorted(set(real) ^ set(ours)):
        found.append(f"{where}: {'only on the server' if where in real else 'only in the model'}")
    for where in sorted(set(real) & set(ours)):
        table, model = real[where], ours[where]
        if "columns" not in model:
            found.append(f"{where}: the model cannot tell what it is")
            continue
        columns = [column for column in model["columns"] if not (column["versioning"] and column["invisible"])]
        if table["comment"] != model["comment"] or table["collation"] != model["collation"]:
            found.append(f"{where}: {table['comment']!r} {table['collation']} is {model['comment']!r} {model['collation']}")
        if len(columns) != len(table["columns"]):
            found.append(f"{where}: columns {[c['name'] for c in table['columns']]} are {[c['name'] for c in columns]}")
            continue
        for real_column, our_column in zip(table["columns"], columns):
            for key in COMPARED:
                if real_column[key] != _seen(our_column[key]):
                    found.append(f"{where}.{real_column['name']}: {key} {real_column[key]!r} is {our_column[key]!r}")
            if _default_differs(real_column, our_column):
                found.append(f"{where}.{real_column['name']}: default {real_column['default']!r} is "
                             f"{our_column.get('default')!r}")
        keys = [(key["name"], key["parts"]) for key in table["keys"]]
        # Of a hidden row_end the server does not show that it is in the keys either.
        hidden = {index for index, column in enumerate(model["columns"]) if column["versioning"] and column["invisible"]}
        ours_keys = [(key["name"], [(part["column"], part["prefix"]) for part in key["parts"] if part["column"] not in hidden])
                     for key in model["keys"]]
        if keys != ours_keys:
            found.append(f"{where}: keys {keys} are {ours_keys}")
    return found


def catalog_differences(server: Server, databases: list[str]) -> list[str]:
    """Where the engine's own reading of the catalog and its history of definitions, moved by the same statements, are not
    equal (schema_table_equal), in words."""
    found = []
    for one in server.model.tell({"compare": databases})["differences"]:
        # MariaDB calculates constants and shows what comes out.
        if server.mariadb and one["part"] == "column" and one["history"]["expression"] and not one["server"]["expression"]:
            continue
        found.append(f"({one['db']!r}, {one['table']!r}): in the engine, {one['part']}: the catalog has {one['server']}, the "
                     f"history {one['history']}")
    return found


def _shape(table: dict) -> str:
    columns = [f"{column['name']} {column['column_type']} {column['collation']}{'' if column['nullable'] else ' not null'}"
               for column in table["columns"]]
    return f"{columns} {table['collation']} {[(key['name'], key['parts']) for key in table['keys']]}"


def run(server: Server, generator: ddl_random.Generator, count: int, databases: list[str]) -> list[str]:
    """Runs `count` random statements; gives the first difference with all that led to it, or nothing."""
    server.model.tell({"reset": True})
    start = [f"DROP DATABASE IF EXISTS {db}" for db in databases] + \
        ["CREATE DATABASE dm_a CHARACTER SET utf8mb4", "CREATE DATABASE dm_b CHARACTER SET latin1"]
    server.session.rows("SET sql_mode = ''", *start)
    server.follow()
    before: dict = {}
    for number in range(count):
        if generator.chance(0.15):
            generator.sql_mode = generator.pick(ddl_random.SQL_MODES)
            server.session.rows(f"SET sql_mode = '{generator.sql_mode}'")
        if generator.chance(0.1):
            server.session.rows(f"USE {generator.pick(databases)}")
        statement = generator.statement()
        server.session.rows(statement)
        told = server.follow()
        shown = server.shown(databases)
        for line, answer in told:
            if answer["reason"].startswith(STATED):
                effect = answer["effects"][0]
                for parts in (("db", "name"), ("new_db", "new_name")):
                    server.session.rows("DROP TABLE IF EXISTS " + ".".join(
                        "`" + effect[part].replace("`", "``") + "`" for part in parts))
                answer["verdict"] = "understood"
                told += server.follow()
                shown = server.shown(databases)
        unread = [f"{answer['verdict']}: {answer['reason']}\n    in {line['sql']}" for line, answer in told
                  if answer["verdict"] in ("unreadable", "error")]
        found = unread + (differences(shown, told[-1][1], databases) + catalog_differences(server, databases)
                          if told else [])
        if found:
            lines = [line["sql"] + (f" (error {line['error']})" if line["error"] else "") for line, _answer in told]
            places = {where for where in before if any(str(where) in text for text in found)}
            found += [f"before: {where} {_shape(before[where])}" for where in places]
            return [f"after statement {number} (sql_mode '{generator.sql_mode}'):", statement, f"told as {lines}", *found]
        generator.tables = server.tables(shown)
        before = shown
    return []


def _drop(server: Server, where: tuple[str, str]) -> None:
    server.session.rows("DROP TABLE IF EXISTS " + ".".join("`" + part.replace("`", "``") + "`" for part in where))


def run_suite(server: Server, name: str, statements: list[str]) -> list[str]:
    """Runs the statements of one file; gives every difference. A table that differs is dropped on the server, so that
    one difference is told once."""
    found = []
    user_databases = "SELECT schema_name FROM information_schema.schemata WHERE schema_name NOT IN ('mysql', 'sys', " \
                     "'information_schema', 'performance_schema')"
    for row in server.session.rows(user_databases):
        server.session.rows(f"DROP DATABASE `{row[0].replace('`', '``')}`")
    server.follow()
    server.model.tell({"reset": True})
    server.session.rows("SET sql_mode = ''", "SET foreign_key_checks = 0", "CREATE DATABASE test CHARACTER SET latin1",
                        "USE test")
    server.follow()
    for statement in statements:
        server.session.rows(statement)
        told = server.follow()
        if not told:
            continue
        databases = [row[0] for row in server.session.rows(user_databases)]
        if not databases:
            break
        shown = server.shown(databases)
        for line, answer in told:
            if answer["verdict"] in ("unreadable", "error") and not answer["reason"].startswith(STATED):
                found.append(f"{name}: {answer['reason']} in {line['sql']}")
        different = differences(shown, told[-1][1], databases)
        if different:
            unread = any(answer["verdict"] == "unreadable" for _line, answer in told)
            if not unread:
                found += [f"{name}: {text} after {told[-1][0]['sql']}" for text in different]
            for where in shown:
                if any(str(where) in text for text in different):
                    _drop(server, where)
            server.follow()
    return found
