# SPDX-License-Identifier: Apache-2.0
"""A seeded workload over everyday types, and the session that keeps a server busy with it.

Every statement is valid, so the session fails on the first error; what is random is which statement, which
rows and which values. `TABLES` has the tables by name; `EVENTS`, the one without a key, is only inserted into.
"""

from __future__ import annotations

import json
import random
import subprocess
import threading

TABLES = {
    "numbers": """
  id BIGINT UNSIGNED NOT NULL PRIMARY KEY,
  t TINYINT NULL, tu TINYINT UNSIGNED NULL, s SMALLINT NULL, su SMALLINT UNSIGNED NULL,
  m MEDIUMINT NULL, mu MEDIUMINT UNSIGNED NULL, i INT NOT NULL DEFAULT 0, iu INT UNSIGNED NULL,
  b BIGINT NULL, bu BIGINT UNSIGNED NULL,
  price DECIMAL(14,4) NULL, huge DECIMAL(38,10) NULL, f FLOAT NULL, d DOUBLE NULL""",
    "texts": """
  code VARCHAR(40) CHARACTER SET utf8mb4 NOT NULL PRIMARY KEY,
  c CHAR(12) CHARACTER SET utf8mb4 NULL, v VARCHAR(200) CHARACTER SET utf8mb4 NULL,
  l VARCHAR(80) CHARACTER SET latin1 NULL, t TEXT CHARACTER SET utf8mb4 NULL,
  lt TEXT CHARACTER SET latin1 NULL, big MEDIUMTEXT CHARACTER SET utf8mb4 NOT NULL""",
    "times": """
  day INT NOT NULL, name VARCHAR(16) CHARACTER SET utf8mb4 NOT NULL,
  d DATE NULL, dt DATETIME NULL, dt1 DATETIME(1) NULL, dt3 DATETIME(3) NULL, dt6 DATETIME(6) NULL,
  ts TIMESTAMP NULL, ts2 TIMESTAMP(2) NULL, ts6 TIMESTAMP(6) NULL,
  t TIME NULL, t4 TIME(4) NULL, t6 TIME(6) NULL, y YEAR NULL,
  PRIMARY KEY (day, name)""",
    "things": """
  id INT NOT NULL PRIMARY KEY,
  b1 BIT(1) NULL, b17 BIT(17) NULL, b64 BIT(64) NULL,
  e ENUM('plain','with ''quote''','größe') CHARACTER SET utf8mb4 NULL,
  s SET('a','b','c','long name') CHARACTER SET utf8mb4 NOT NULL,
  fixed BINARY(6) NULL, vb VARBINARY(80) NULL, bl BLOB NULL, j JSON NULL""",
    "counters": """
  a SMALLINT NOT NULL, b SMALLINT UNSIGNED NOT NULL, hits INT NOT NULL, note VARCHAR(30) NULL,
  PRIMARY KEY (a, b)""",
    "visits": """
  at DATETIME(6) NOT NULL, number INT NOT NULL, words VARCHAR(60) CHARACTER SET utf8mb4 NULL""",
}
KEYLESS = "visits"

UNICODE = ("", "plain", "it's", 'say "hi"', "back\\slash \\N \\", "tab\there", "two\nlines\r\n", "🦊🍋 emoji",
           "大輔", "Ångström", " blanks  ", "NULL", "\x01\x1f", "{\"a\": 1}", "a,b|c", "e\u0301", "\u2028\ufeff")
LATIN1 = ("", "plain", "Crème brûlée", "£5 \\ 'q'", "tab\tnl\n", "ÿþ×÷", "€ in cp1252", "naïve")
DOCUMENTS = (None, {}, [], 0, True, "text", {"a": 1, "b": [1, 2, None]}, {"ключ": "🦊", "q": "it's \"q\" \\"},
             {"deep": {"er": {"est": [[], {}, ""]}}}, [1.5, -2, 12345678901], {"n": None, "t": False})


def literal(value: object) -> str:
    """A value as SQL text."""
    if value is None:
        return "NULL"
    if isinstance(value, bytes):
        return f"x'{value.hex()}'"
    if isinstance(value, (int, float)):
        return repr(value)
    return "'" + str(value).replace("\\", "\\\\").replace("'", "''") + "'"


def schema(tables=tuple(TABLES)) -> str:
    return "\n".join(f"CREATE TABLE {name} ({TABLES[name]}\n);" for name in tables)


class Workload:
    """Makes transactions; remembers the keys, so that each statement meets rows."""

    def __init__(self, seed: int, truncate: bool = True, moves: bool = True) -> None:
        """`moves`: with updates that change a key."""
        self._random = random.Random(seed)
        self._truncate = truncate
        self._moves = moves
        self._next = 0
        self._keys: dict[str, list] = {name: [] for name in TABLES if name != KEYLESS}
        self._makers = {"numbers": self._number, "texts": self._text, "times": self._time, "things": self._thing,
                        "counters": self._counter}

    # -- values

    def _maybe(self, value: object) -> str:
        return "NULL" if self._random.random() < 0.15 else literal(value)

    def _whole(self, bits: int, unsigned: bool) -> int:
        low, high = (0, 2 ** bits - 1) if unsigned else (-2 ** (bits - 1), 2 ** (bits - 1) - 1)
        rnd = self._random
        return rnd.choice([low, high, 0, rnd.randint(low, high), rnd.randint(low, high)])

    def _words(self, longest: int, choices: tuple[str, ...]) -> str:
        return "".join(self._random.choice(choices) for _ in range(self._random.randrange(4)))[:longest]

    def _bytes(self, longest: int) -> bytes:
        return self._random.randbytes(self._random.randrange(longest + 1))

    def _date(self) -> str:
        rnd = self._random
        return rnd.choice(["1000-01-01", "9999-12-31", "2024-02-29",
                           f"{rnd.randint(1900, 2100)}-{rnd.randint(1, 12):02}-{rnd.randint(1, 28):02}"])

    def _clock(self, digits: int) -> str:
        rnd = self._random
        text = f"{rnd.randint(0, 23):02}:{rnd.randint(0, 59):02}:{rnd.randint(0, 59):02}"
        return text + (f".{rnd.randrange(10 ** digits):0{digits}}" if digits else "")

    def _moment(self, digits: int) -> str:
        rnd = self._random
        return f"{rnd.randint(1971, 2037)}-{rnd.randint(1, 12):02}-{rnd.randint(1, 28):02} {self._clock(digits)}"

    def _span(self, digits: int) -> str:
        rnd = self._random
        hours = rnd.choice([0, 1, 23, 100, rnd.randint(0, 837)])
        return rnd.choice(["", "-"]) + f"{hours:02}" + self._clock(digits)[2:]

    # -- rows: (key, the other columns and their values)

    def _number(self) -> dict[str, str]:
        rnd = self._random
        row = {}
        for name, bits in (("t", 8), ("s", 16), ("m", 24), ("i", 32), ("b", 64)):
            row[name] = self._maybe(self._whole(bits, False)) if name != "i" else str(self._whole(32, False))
            row[name + "u"] = self._maybe(self._whole(bits, True))
        row["price"] = self._maybe(f"{rnd.choice(['', '-'])}{rnd.randrange(10 ** 10)}.{rnd.randrange(10 ** 4):04}")
        row["huge"] = self._maybe(f"{rnd.choice(['', '-'])}{rnd.randrange(10 ** 28)}.{rnd.randrange(10 ** 10):010}")
        row["f"] = self._maybe(rnd.choice([0.0, 1.5, -0.1, 3.4e38, 1e-30, round(rnd.uniform(-1e6, 1e6), 3)]))
        row["d"] = self._maybe(rnd.choice([0.0, -2.5, 1e300, 5e-300, 0.1 + 0.2, rnd.uniform(-1e12, 1e12)]))
        return row

    def _text(self) -> dict[str, str]:
        return {"c": self._maybe(self._words(12, UNICODE).rstrip(" ")), "v": self._maybe(self._words(200, UNICODE)),
                "l": self._maybe(self._words(80, LATIN1)), "t": self._maybe(self._words(300, UNICODE)),
                "lt": self._maybe(self._words(300, LATIN1)),
                "big": literal(self._words(60, UNICODE) * self._random.choice([0, 1, 1, 200]))}

    def _time(self) -> dict[str, str]:
        row = {"d": self._maybe(self._date()), "y": self._maybe(self._random.choice([1901, 1999, 2024, 2155]))}
        row |= {name: self._maybe(self._moment(digits)) for name, digits in
                (("dt", 0), ("dt1", 1), ("dt3", 3), ("dt6", 6), ("ts", 0), ("ts2", 2), ("ts6", 6))}
        return row | {name: self._maybe(self._span(digits)) for name, digits in (("t", 0), ("t4", 4), ("t6", 6))}

    def _thing(self) -> dict[str, str]:
        rnd = self._random
        marks = ",".join(mark for mark in ("a", "b", "c", "long name") if rnd.random() < 0.4)
        document = rnd.choice(DOCUMENTS)
        return {"b1": self._maybe(rnd.randrange(2)), "b17": self._maybe(rnd.randrange(2 ** 17)),
                "b64": self._maybe(self._whole(64, True)),
                "e": self._maybe(rnd.choice(["plain", "with 'quote'", "größe"])), "s": literal(marks),
                "fixed": self._maybe(self._random.randbytes(6)), "vb": self._maybe(self._bytes(80)),
                "bl": self._maybe(self._bytes(300)),
                "j": "NULL" if document is None else literal(json.dumps(document, ensure_ascii=False))}

    def _counter(self) -> dict[str, str]:
        return {"hits": str(self._random.randrange(1000)), "note": self._maybe(self._words(30, UNICODE[:4]))}

    # -- keys

    def _new_key(self, table: str) -> dict[str, str]:
        self._next += 1
        n = self._next
        return {"numbers": {"id": str(n if n % 7 else 2 ** 64 - n)},
                "texts": {"code": literal(f"{self._random.choice(['k', 'ключ', 'a b', 'q_'])}-{n}")},
                "times": {"day": str(n // 3 - 50), "name": literal(f"n{n % 3}'é")},
                "things": {"id": str(n - 500)},
                "counters": {"a": str(n % 64 - 32), "b": str(n // 64)}}[table]

    def _some_key(self, table: str) -> dict[str, str] | None:
        return self._random.choice(self._keys[table]) if self._keys[table] else None

    @staticmethod
    def _where(key: dict[str, str]) -> str:
        return " AND ".join(f"{name} = {value}" for name, value in key.items())

    # -- statements

    def _row(self, table: str, key: dict[str, str], verb: str = "INSERT") -> str:
        row = key | self._makers[table]()
        return f"{verb} INTO {table} ({', '.join(row)}) VALUES ({', '.join(row.values())})"

    def _insert(self, table: str) -> str:
        key = self._new_key(table)
        self._keys[table].append(key)
        return self._row(table, key) + ";"

    def _update(self, table: str, key: dict[str, str]) -> str:
        row = self._makers[table]()
        chosen = self._random.sample(sorted(row), self._random.randint(1, len(row)))
        return f"UPDATE {table} SET {', '.join(f'{name} = {row[name]}' for name in chosen)} WHERE {self._where(key)};"

    def _move(self, table: str, key: dict[str, str]) -> str:
        new = self._new_key(table)
        self._keys[table][self._keys[table].index(key)] = new
        return (f"UPDATE {table} SET {', '.join(f'{name} = {value}' for name, value in new.items())} "
                f"WHERE {self._where(key)};")

    def _delete(self, table: str, key: dict[str, str]) -> str:
        self._keys[table].remove(key)
        return f"DELETE FROM {table} WHERE {self._where(key)};"

    def _again(self, table: str, key: dict[str, str]) -> str:
        return f"DELETE FROM {table} WHERE {self._where(key)}; {self._row(table, key)};"

    def _upsert(self, key: dict[str, str]) -> str:
        return self._row("counters", key) + " ON DUPLICATE KEY UPDATE hits = hits + 1;"

    def _visit(self) -> str:
        rows = ", ".join(f"(NOW(6), {self._random.randrange(10)}, {self._maybe(self._words(60, UNICODE))})"
                         for _ in range(self._random.randint(1, 4)))
        return f"INSERT INTO {KEYLESS} VALUES {rows};"

    def _many(self) -> str:
        return self._random.choice([
            "UPDATE numbers SET i = i DIV 2, d = d / 3, price = price - 0.0001 WHERE id < 100000 LIMIT 30;",
            "UPDATE counters SET hits = hits + 1 WHERE a < 0;",
            "UPDATE times SET t6 = NULL, dt6 = dt6 + INTERVAL 1 MICROSECOND WHERE day % 5 = 0;"])

    def _statement(self) -> str:
        rnd = self._random
        pick = rnd.random()
        if pick < 0.12:
            return self._visit()
        if pick < 0.18:
            return self._many()
        table = rnd.choice(sorted(self._keys))
        key = self._some_key(table)
        if key is None or pick < 0.48:
            return self._insert(table)
        if pick < 0.68 or (pick < 0.76 and not self._moves):
            return self._update(table, key)
        if pick < 0.76:
            return self._move(table, key)
        if pick < 0.84:
            return self._delete(table, key)
        if pick < 0.90:
            return self._again(table, key)
        if pick < 0.95:
            return self._upsert(self._some_key("counters") or {"a": "1000", "b": "1"})
        return self._row(table, key, "REPLACE") + ";"

    def _undone(self, count: int) -> str:
        """Statements that are taken back; what they did to the remembered keys is taken back, too."""
        before = {table: list(keys) for table, keys in self._keys.items()}
        text = " ".join(self._statement() for _ in range(count))
        self._keys = before
        return text

    def transaction(self) -> str:
        """One transaction as SQL text."""
        rnd = self._random
        pick = rnd.random()
        if pick < 0.06:
            return f"BEGIN; {self._undone(3)} ROLLBACK;"
        if pick < 0.12:
            return (f"BEGIN; {self._statement()} SAVEPOINT half; {self._undone(3)} ROLLBACK TO half; "
                    f"{self._statement()} COMMIT;")
        if pick < 0.14 and self._truncate:
            self._keys["counters"].clear()
            return "TRUNCATE TABLE counters;"
        count = 60 if pick > 0.97 else rnd.randint(1, 5)
        return f"BEGIN; {' '.join(self._statement() for _ in range(count))} COMMIT;"


class Session(threading.Thread):
    """Keeps a server busy: one client session that gets one transaction after the other until it is closed."""

    def __init__(self, client: list[str], database: str, next_transaction, per_second: float) -> None:
        super().__init__(daemon=True)
        self._client = subprocess.Popen(
            ["mariadb", "--no-defaults", *client, "--default-character-set=utf8mb4", database],
            stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, start_new_session=True)
        self._next_transaction = next_transaction
        self._pause_s = 1 / per_second
        self._halt = threading.Event()
        self.transactions = 0

    def run(self) -> None:
        try:
            # Not UTC, so that a TIMESTAMP that is carried without its zone is found out.
            self._client.stdin.write(b"SET time_zone = '+05:30';\n")
            while not self._halt.wait(self._pause_s):
                self._client.stdin.write(self._next_transaction().encode() + b"\n")
                self._client.stdin.flush()
                self.transactions += 1
        except BrokenPipeError:
            pass  # close() says why

    def close(self) -> None:
        """Ends it; everything that was said is committed then."""
        self._halt.set()
        self.join()
        _, problem = self._client.communicate()
        if self._client.returncode != 0:
            raise RuntimeError(f"the workload's session failed: {problem.decode(errors='replace').strip()}")
