# SPDX-License-Identifier: Apache-2.0
"""Rows are told with the columns of their own time: from DDL in the files, from a file of definitions, from a server
whose tables have changed since, behind a stop or a kill; and the tables of gh-ost and pt-osc, whose swap is one change."""

from __future__ import annotations

import json
import random
import threading

import engine as engines
import pytest
import servers
from events import OK, USAGE, errors, millrace

EVERY_FAMILY = [*servers.FAMILIES, "mysql56"]
# Two columns of one type are renamed crosswise: only a history of names can tell them apart.
LIFE = """
CREATE TABLE t (id INT PRIMARY KEY, a VARCHAR(10), b VARCHAR(10), c INT UNSIGNED) CHARACTER SET latin1;
INSERT INTO t VALUES (1, 'a1', 'b1', 4000000000);
ALTER TABLE t CHANGE a b VARCHAR(10), CHANGE b a VARCHAR(10);
INSERT INTO t VALUES (2, 'b2', 'ä2', 4000000001);
ALTER TABLE t ADD d TINYINT UNSIGNED DEFAULT 7 AFTER id, DROP c;
INSERT INTO t VALUES (3, 200, 'b3', 'a3');
RENAME TABLE t TO u;
INSERT INTO u VALUES (4, 201, 'b4', 'a4');
CREATE TABLE copy LIKE u;
INSERT INTO copy SELECT * FROM u WHERE id = 3;
"""
ROWS = [
    ("t", {"id": 1, "a": "a1", "b": "b1", "c": 4000000000}),
    ("t", {"id": 2, "b": "b2", "a": "ä2", "c": 4000000001}),
    ("t", {"id": 3, "d": 200, "b": "b3", "a": "a3"}),
    ("u", {"id": 4, "d": 201, "b": "b4", "a": "a4"}),
    ("copy", {"id": 3, "d": 200, "b": "b3", "a": "a3"}),
]


@pytest.fixture(params=EVERY_FAMILY)
def bare(request, source_of):
    """A source whose binlog names no column."""
    made = source_of(request.param)
    if request.param == "mysql56":  # it never names any
        yield made
        return
    before = made.server.value("SELECT @@GLOBAL.binlog_row_metadata")
    made.server.query(f"SET GLOBAL binlog_row_metadata = {'NO_LOG' if made.server.product == 'MariaDB' else 'MINIMAL'}")
    yield made
    made.server.query(f"SET GLOBAL binlog_row_metadata = {before}")


def rows(events: list[dict]) -> list[tuple[str, dict]]:
    return [(event["cdctable"], event["data"]["after"]) for event in events if ".row." in event["type"]]


def events_in(text: bytes | str) -> list[dict]:
    return [json.loads(line) for line in text.splitlines()]


def schema_changes(events: list[dict]) -> list[tuple[str, str]]:
    return [(event["cdctable"], event["data"]["statement"].split()[0].upper()) for event in events
            if event["type"].endswith("schema.changed.v1") and "cdctable" in event]


def test_files_tell_their_own_names(bare):
    bare.query(LIFE)
    done = millrace("decode", "--tables", "shop.\\.*", *bare.binlogs())
    assert done.returncode == OK, errors(done)
    events = events_in(done.stdout)
    assert rows(events) == ROWS
    assert schema_changes(events) == [("t", "CREATE"), ("t", "ALTER"), ("t", "ALTER"), ("u", "RENAME"),
                                      ("copy", "CREATE")]
    assert "@1" not in errors(done)


def test_dropping_a_database_drops_each_table(bare):
    bare.query("CREATE TABLE b (id INT); CREATE TABLE a (id INT); DROP DATABASE shop; CREATE DATABASE shop")
    events = events_in(millrace("decode", "--tables", "shop.\\.*", *bare.binlogs()).stdout)
    dropped = [event for event in events if event["data"]["statement"].startswith("DROP DATABASE")
               and "cdctable" in event]
    assert [event["cdctable"] for event in dropped][-2:] == ["a", "b"]
    assert len({event["id"] for event in dropped[-2:]}) == 2


def test_a_file_of_definitions(bare, tmp_path):
    """A dump says what the tables were before the first file."""
    bare.query("CREATE TABLE t (id INT PRIMARY KEY, name VARCHAR(10) CHARACTER SET latin1, n INT UNSIGNED)")
    dump = bare.query("SHOW CREATE TABLE t").split("\t", 1)[1].replace("\\n", "\n").strip()
    bare.server.query(f"{bare.server.reset_sql};")
    bare.query("INSERT INTO t VALUES (1, 'ä', 4000000000)")
    bare.query("ALTER TABLE t ADD x INT FIRST; INSERT INTO t VALUES (5, 2, 'b', 1)")
    schema = tmp_path / "schema.sql"
    schema.write_text(f"-- a dump\nUSE `shop`;\n\n{dump};\n")
    done = millrace("decode", *bare.binlogs())
    assert done.returncode == OK and errors(done).count("called @1") == 1
    assert rows(events_in(done.stdout))[0][1].keys() == {"@1", "@2", "@3"}
    done = millrace("decode", "--schema", schema, *bare.binlogs())
    assert done.returncode == OK, errors(done)
    assert rows(events_in(done.stdout)) == [("t", {"id": 1, "name": "ä", "n": 4000000000}),
                                            ("t", {"x": 5, "id": 2, "name": "b", "n": 1})]
    schema.write_text("USE shop;\nCREATE TABLE t (id INT);\n")
    done = millrace("decode", "--schema", schema, *bare.binlogs())
    assert done.returncode != OK and f"3 columns in the binlog and 1 as it is defined in {schema}, line 2" in errors(done)
    schema.write_text("USE shop;\nCREATE TABLE t (id FROB);\n")
    done = millrace("decode", "--schema", schema, *bare.binlogs())
    assert done.returncode == USAGE and f"{schema}, line 2: " in errors(done)


def test_types_of_mariadb_that_the_binlog_does_not_tell(source_of):
    source = source_of("mariadb")
    source.query("CREATE TABLE t (id INT PRIMARY KEY, u UUID, i INET6, c VARCHAR(500) CHARACTER SET latin1 COMPRESSED, v INT) "
                 "WITH SYSTEM VERSIONING; INSERT INTO t VALUES (1, '00112233-4455-6677-8899-aabbccddeeff', '::1', "
                 "REPEAT('x', 300), 5)")
    events = events_in(millrace("decode", "--tables", "shop.\\.*", *source.binlogs()).stdout)
    after = rows(events)[0][1]
    assert (after["u"], after["i"], after["c"]) == ("00112233-4455-6677-8899-aabbccddeeff", "::1", "x" * 300)
    assert list(after) == ["id", "u", "i", "c", "v", "row_start", "row_end"]


def test_an_alter_in_two_phases_is_one(source_of):
    """MariaDB: the statement stands in the binlog when it begins, and again when it is done."""
    source = source_of("mariadb")
    source.query("CREATE TABLE t (id INT PRIMARY KEY, a INT); SET SESSION binlog_alter_two_phase = ON; "
                 "ALTER TABLE t ADD b INT; INSERT INTO t VALUES (1, 2, 3)")
    events = events_in(millrace("decode", "--tables", "shop.\\.*", *source.binlogs()).stdout)
    assert rows(events) == [("t", {"id": 1, "a": 2, "b": 3})]
    assert schema_changes(events) == [("t", "CREATE"), ("t", "ALTER")]


def written(folder) -> list[dict]:
    return [event for file in sorted(folder.glob("events-*.ndjson")) for event in events_in(file.read_text())]


@pytest.fixture
def pipeline(engine, tmp_path):
    """Writes the pipeline file: from a source to a file, which gives the events back."""
    folder = tmp_path / "events"

    def write(source, **more):
        engine.write(source.block() | more, {"type": "file", "path": folder, "sink.buffer-flush.interval": "20ms"})
        return engine
    write.events = lambda: written(folder)
    return write


def carried(engine, source) -> None:
    source.query("INSERT INTO zz VALUES ()")
    engine.until_carried(source.place())


def begin_now(pipeline, source, **more):
    """An engine that reads from the end of the binlog, and has begun to."""
    source.query("CREATE TABLE zz (id INT PRIMARY KEY AUTO_INCREMENT)")
    engine = pipeline(source, **{"scan.startup.mode": "latest-offset"}, **more).start()

    def reads() -> bool:
        source.query("INSERT INTO zz VALUES ()")
        return any(row[0] == "zz" for row in rows(pipeline.events()))
    engine.until(reads, 60, "a first event")
    return engine


def test_a_pipeline_that_begins_now(bare, pipeline):
    bare.query("CREATE TABLE t (id INT PRIMARY KEY, a VARCHAR(10), b VARCHAR(10), c INT UNSIGNED) CHARSET=latin1")
    engine = begin_now(pipeline, bare)
    bare.query(LIFE.split(";", 1)[1])
    carried(engine, bare)
    assert [row for row in rows(pipeline.events()) if row[0] != "zz"] == ROWS


def test_a_pipeline_that_begins_in_the_past(bare, pipeline):
    """Tables that the stretch itself makes are known whole."""
    bare.query(LIFE + "DROP TABLE copy; ALTER TABLE u DROP a;")
    bare.query("CREATE TABLE zz (id INT PRIMARY KEY AUTO_INCREMENT)")
    engine = pipeline(bare).start()
    carried(engine, bare)
    assert [row for row in rows(pipeline.events()) if row[0] != "zz"] == ROWS


def test_what_an_old_row_meant_is_not_guessed(bare, pipeline):
    """The table is older than the binlog and was altered behind the start: rows before that cannot be told, rows
    behind it can."""
    bare.query("CREATE TABLE t (id INT PRIMARY KEY, a INT, b INT); CREATE TABLE u (id INT PRIMARY KEY, a INT)")
    bare.server.query(f"{bare.server.reset_sql};")
    bare.query("INSERT INTO u VALUES (1, 1); ALTER TABLE t CHANGE a b INT, CHANGE b a INT; "
               "INSERT INTO t VALUES (2, 22, 222)")
    bare.query("CREATE TABLE zz (id INT PRIMARY KEY AUTO_INCREMENT)")
    engine = pipeline(bare).start()
    carried(engine, bare)
    assert [row for row in rows(pipeline.events()) if row[0] != "zz"] == [
        ("u", {"id": 1, "a": 1}), ("t", {"id": 2, "b": 22, "a": 222})]
    engine.stop()


def test_an_old_row_that_cannot_be_told_stops_with_words(bare, pipeline):
    bare.query("CREATE TABLE t (id INT PRIMARY KEY, a INT, b INT)")
    bare.server.query(f"{bare.server.reset_sql};")
    bare.query("INSERT INTO t VALUES (1, 11, 111); ALTER TABLE t CHANGE a b INT, CHANGE b a INT")
    engine = pipeline(bare).start()
    engine.wait()
    log = engine.log()
    assert "The rows of table shop.t at" in log and "have no names of columns in the binlog" in log and "ALTER TABLE t CHANGE a b INT" in log
    assert "binlog_row_metadata=FULL" in log
    assert rows(pipeline.events()) == []


@pytest.mark.parametrize("end", [pytest.param("stopped", marks=pytest.mark.long), "killed"])
def test_a_resume_behind_crosswise_renames(bare, pipeline, end):
    """What happened while the engine was away: the rows before each ALTER have the names of before it."""
    bare.query("CREATE TABLE t (id INT PRIMARY KEY, a VARCHAR(10), b VARCHAR(10), c INT UNSIGNED) CHARSET=latin1")
    engine = begin_now(pipeline, bare)
    carried(engine, bare)
    _create, first, *rest = LIFE.split(";")
    if end == "killed":
        bare.query(first)  # carried or not: told once in the end
        engine.kill9()
    else:
        engine.stop()
        bare.query(first)
    bare.query(";".join(rest))
    engine.start()
    carried(engine, bare)
    told = {event["id"]: event for event in pipeline.events()}
    assert [row for row in rows(list(told.values())) if row[0] != "zz"] == ROWS


class Changer:
    """Alters a table again and again: columns of one type change names, move, come and go. Values say whose they are."""

    def __init__(self, source, rng: random.Random) -> None:
        self._source = source
        self._random = rng
        self._has_c = False
        self.last = 0
        source.query("CREATE TABLE t (id INT PRIMARY KEY, a VARCHAR(20), b VARCHAR(20)) CHARSET=utf8mb4")

    def step(self) -> None:
        clause = self._random.choice([
            "CHANGE a b VARCHAR(20), CHANGE b a VARCHAR(20)", "MODIFY a VARCHAR(20) FIRST", "MODIFY b VARCHAR(20) AFTER id",
            "DROP c" if self._has_c else "ADD c VARCHAR(20) AFTER id"])
        self._source.query(f"ALTER TABLE t {clause}")
        if clause in ("DROP c", "ADD c VARCHAR(20) AFTER id"):
            self._has_c = not self._has_c
        names = ["a", "b"] + ["c"] * self._has_c
        for _ in range(self._random.randint(1, 3)):
            self.last += 1
            values = ", ".join(f"'{name}{self.last}'" for name in names)
            self._source.query(f"INSERT INTO t (id, {', '.join(names)}) VALUES ({self.last}, {values})")


@pytest.mark.long
def test_kills_between_changes(bare, pipeline, request):
    rng = random.Random(request.config.option.seed)
    engine = begin_now(pipeline, bare)
    changer = Changer(bare, rng)
    killer = engines.Killer(engine, rng, 0.05, 0.4)
    killer.start()
    for _ in range(25):
        changer.step()
    killer.halt()
    carried(engine, bare)
    assert killer.kills > 0
    told = {event["id"]: event for event in pipeline.events() if event.get("cdctable") == "t" and ".row." in event["type"]}
    after = sorted((event["data"]["after"] for event in told.values()), key=lambda row: row["id"])
    assert [row["id"] for row in after] == list(range(1, changer.last + 1))
    for row in after:
        assert {name: value for name, value in row.items() if name != "id"} == {
            name: f"{name}{row['id']}" for name in row if name != "id"}


# Statements whose effect the parser leaves to the server: a model that is not captured, labels that the server garbles, a
# TEXT that is changed and converted at once (MySQL), columns out of a query.
LEFT_BEFORE = """
CREATE TABLE other.model (id INT PRIMARY KEY, n BIGINT UNSIGNED, s VARCHAR(9) CHARACTER SET latin1);
CREATE TABLE labels (id INT PRIMARY KEY, e ENUM('ü', 'x')) CHARACTER SET latin1;
CREATE TABLE texts (id INT PRIMARY KEY, a TEXT, b TEXT) CHARACTER SET latin1;
INSERT INTO labels VALUES (1, 'ü'), (2, 'x');
INSERT INTO texts VALUES (1, 'ä', 'b');
"""
LEFT = ["CREATE TABLE likes LIKE other.model", "INSERT INTO likes VALUES (1, 18446744073709551615, 'ü')",
        "ALTER TABLE labels CONVERT TO CHARACTER SET utf8mb4", "INSERT INTO labels VALUES (3, 2)",
        "ALTER TABLE texts CHANGE a b TEXT, CHANGE b a TEXT, CONVERT TO CHARACTER SET utf8mb4",
        "INSERT INTO texts VALUES (2, 'ü', 'c')",
        "CREATE TABLE made AS SELECT id, b AS x, CONCAT(a, '!') AS y FROM texts", "UPDATE made SET y = 'z' WHERE id = 2"]
LEFT_ROWS = [("likes", {"id": 1, "n": 18446744073709551615, "s": "ü"}), ("labels", {"id": 3, "e": "x"}),
             ("texts", {"id": 2, "b": "ü", "a": "c"}), ("made", {"id": 1, "x": "ä", "y": "b!"}),
             ("made", {"id": 2, "x": "ü", "y": "c!"}), ("made", {"id": 2, "x": "ü", "y": "z"})]


def left_to_the_server(source) -> None:
    source.server.query("DROP DATABASE IF EXISTS other; CREATE DATABASE other")
    source.query("SET sql_mode = ''; " + LEFT_BEFORE)


def test_what_the_parser_leaves_to_the_server(bare, pipeline):
    """Each is asked for when it is met, and its rows have their names without any in the binlog."""
    left_to_the_server(bare)
    engine = begin_now(pipeline, bare)
    for statement in LEFT:
        bare.query("SET sql_mode = ''; " + statement)
        carried(engine, bare)
    assert [row for row in rows(pipeline.events()) if row[0] != "zz"] == LEFT_ROWS
    bare.server.query("DROP DATABASE other")


@pytest.mark.parametrize("family", list(servers.FAMILIES))
def test_what_the_parser_cannot_tell_the_table_map_does(source_of, pipeline, family):
    """The server's answer comes too late, for the tables have changed again: names in the binlog still hold. (The label
    that the server has garbled is no text there any more.)"""
    source = source_of(family)
    left_to_the_server(source)
    engine = begin_now(pipeline, source, **{"invalid-text": "replace"})
    carried(engine, source)
    engine.stop()
    for statement in LEFT:
        source.query("SET sql_mode = ''; " + statement)
    for table in ("likes", "labels", "texts", "made"):
        source.query(f"ALTER TABLE {table} ADD later INT FIRST; INSERT INTO {table} (later, id) VALUES (7, 9)")
    engine.start()
    carried(engine, source)
    told = [row for row in rows(pipeline.events()) if row[0] != "zz"]
    assert told[:len(LEFT_ROWS)] == LEFT_ROWS
    assert [row["later"] for _table, row in told[len(LEFT_ROWS):]] == [7, 7, 7, 7]
    source.server.query("DROP DATABASE other")


GH_OST = ["create /* gh-ost */ table `shop`.`_t_ghc` (id bigint unsigned auto_increment, hint varchar(64) charset ascii "
          "not null, primary key(id))",
          "insert /* gh-ost */ into `shop`.`_t_ghc` (hint) values ('state')",
          "create /* gh-ost */ table `shop`.`_t_gho` like `shop`.`t`",
          "alter /* gh-ost */ table `shop`.`_t_gho` add c int default 9 after id",
          "insert /* gh-ost `shop`.`t` */ ignore into `shop`.`_t_gho` (`id`, `a`) (select `id`, `a` from `shop`.`t`)",
          "create /* gh-ost */ table `shop`.`_t_del` (id int auto_increment primary key) comment='ghost-cut-over-sentry'",
          "drop /* gh-ost */ table if exists `shop`.`_t_del`"]
GH_OST_SWAP = ["rename /* gh-ost */ table `shop`.`t` to `shop`.`_t_del`, `shop`.`_t_gho` to `shop`.`t`"]
GH_OST_TWO_STEPS = ["alter /* gh-ost */ table `shop`.`t` rename `_t_del`",
                    "alter /* gh-ost */ table `shop`.`_t_gho` rename `t`"]
PT_OSC = ["CREATE TABLE `shop`.`_t_new` (`id` int NOT NULL, `a` int DEFAULT NULL, PRIMARY KEY (`id`))",
          "ALTER TABLE `shop`.`_t_new` add c int default 9 after id",
          "CREATE TRIGGER `pt_osc_shop_t_ins` AFTER INSERT ON `shop`.`t` FOR EACH ROW REPLACE INTO `shop`.`_t_new` "
          "(`id`, `a`) VALUES (NEW.`id`, NEW.`a`)",
          "INSERT LOW_PRIORITY IGNORE INTO `shop`.`_t_new` (`id`, `a`) SELECT `id`, `a` FROM `shop`.`t`"]
PT_OSC_SWAP = ["RENAME TABLE `shop`.`t` TO `shop`.`_t_old`, `shop`.`_t_new` TO `shop`.`t`"]
TOOLS = {"gh-ost": (GH_OST, GH_OST_SWAP, ["drop /* gh-ost */ table `shop`.`_t_ghc`", "drop table `shop`.`_t_del`"]),
         "gh-ost in two steps": (GH_OST, GH_OST_TWO_STEPS, ["drop /* gh-ost */ table `shop`.`_t_ghc`"]),
         "pt-osc": (PT_OSC, PT_OSC_SWAP, ["DROP TABLE IF EXISTS `shop`.`_t_old`",
                                          "DROP TRIGGER IF EXISTS `shop`.`pt_osc_shop_t_ins`"])}


class Writer(threading.Thread):
    """Inserts rows into `t` all the time; waits where there is none for a moment."""

    def __init__(self, source) -> None:
        super().__init__(daemon=True)
        self._source = source
        self._halt = threading.Event()
        self.last = 100

    def run(self) -> None:
        while not self._halt.is_set():
            try:
                self._source.query(f"INSERT INTO t (id, a) VALUES ({self.last + 1}, 1)")
                self.last += 1
            except RuntimeError as problem:
                assert "doesn't exist" in str(problem), problem

    def halt(self) -> None:
        self._halt.set()
        self.join()


@pytest.mark.parametrize("tool", TOOLS)
def test_an_online_schema_change_is_one_change(bare, pipeline, tool):
    before, swap, after = TOOLS[tool]
    bare.query("CREATE TABLE t (id INT PRIMARY KEY, a INT); INSERT INTO t VALUES (1, 1), (2, 2)")
    engine = begin_now(pipeline, bare)
    writer = Writer(bare)
    writer.start()
    for statement in before + swap + after:
        bare.query(statement)
    bare.query("INSERT INTO t VALUES (50, 51, 52)")
    writer.halt()
    carried(engine, bare)
    events = [event for event in pipeline.events() if event.get("cdctable") != "zz"]
    assert {event["cdctable"] for event in events if ".row." in event["type"]} == {"t"}
    told = rows(events)
    assert ("t", {"id": 50, "c": 51, "a": 52}) in told
    ids = [row["id"] for _, row in told if row["id"] > 100]
    assert ids == list(range(101, writer.last + 1))
    shapes = [list(row) for _, row in told]
    assert shapes == sorted(shapes, key=len) and shapes[-1] == ["id", "c", "a"]


def test_an_aborted_online_schema_change_leaves_nothing(bare, pipeline):
    bare.query("CREATE TABLE t (id INT PRIMARY KEY, a INT)")
    engine = begin_now(pipeline, bare)
    for statement in GH_OST + ["drop table `shop`.`_t_gho`", "drop table `shop`.`_t_ghc`"]:
        bare.query(statement)
    bare.query("INSERT INTO t VALUES (1, 1)")
    carried(engine, bare)
    events = [event for event in pipeline.events() if event.get("cdctable") not in ("zz", None)]
    assert [event["type"].split(".")[-2] for event in events] == ["inserted"]


def test_helper_tables_are_captured_when_that_is_asked_for(source_of, pipeline):
    source = source_of("mariadb")
    source.query("CREATE TABLE t (id INT PRIMARY KEY)")
    engine = begin_now(pipeline, source, **{"scan.parse.online.schema.changes.enabled": "false"})
    source.query("CREATE TABLE _t_gho LIKE t; INSERT INTO _t_gho VALUES (1)")
    carried(engine, source)
    assert ("_t_gho", {"id": 1}) in rows(pipeline.events())
